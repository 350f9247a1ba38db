/*
 * Counters of all workers in one shared zone, and their Prometheus form.
 *
 * The zone survives a reload: nginx keeps the memory of a zone with the
 * same name, size and owner.  There is no lock: every counter is one atomic
 * word, so a worker that is killed leaves no half-done change.
 */

#include "ngx_kecs.h"


#define NGX_KECS_ZONE_SIZE  (128 * 1024)


static ngx_kecs_stats_t  *ngx_kecs_shared;

static const ngx_uint_t  ngx_kecs_codes[NGX_KECS_CODES] = {
    200, 400, 401, 403, 404, 405, 413, 429, 499, 500, 503, 0 /* others */
};


static ngx_int_t
ngx_kecs_stats_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t  *pool;

    if (data != NULL) {
        zone->data = data;

    } else {
        pool = (ngx_slab_pool_t *) zone->shm.addr;

        if (zone->shm.exists) {
            zone->data = pool->data;

        } else {
            zone->data = ngx_slab_calloc(pool, sizeof(ngx_kecs_stats_t));
            pool->data = zone->data;
        }
    }

    ngx_kecs_shared = zone->data;

    return zone->data == NULL ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_kecs_stats_add_zone(ngx_conf_t *cf, ngx_kecs_main_conf_t *mcf)
{
    static ngx_str_t  name = ngx_string("kecs");

    mcf->zone = ngx_shared_memory_add(cf, &name, NGX_KECS_ZONE_SIZE,
                                      &ngx_http_kecs_module);
    if (mcf->zone == NULL) {
        return NGX_ERROR;
    }

    mcf->zone->init = ngx_kecs_stats_init_zone;

    return NGX_OK;
}


ngx_kecs_stats_t *
ngx_kecs_stats(void)
{
    return ngx_kecs_shared;
}


/* The row of an operation in requests[]. */

static ngx_uint_t
ngx_kecs_stats_action(kecs_str_t op)
{
    ngx_uint_t  i;

    for (i = 0; i < KECS_ECS_MODEL_OPS; i++) {
        if (kecs_str_is(op, kecs_ecs_model_ops[i].name)) {
            return i;
        }
    }

    return KECS_ECS_MODEL_OPS;
}


static ngx_uint_t
ngx_kecs_stats_code(ngx_uint_t status)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_KECS_CODES - 1; i++) {
        if (ngx_kecs_codes[i] == status) {
            break;
        }
    }

    return i;
}


void
ngx_kecs_stats_observe(ngx_kecs_histogram_t *h, uint64_t usec)
{
    ngx_atomic_fetch_add(&h->count[kecs_duration_bucket(usec)], 1);
    ngx_atomic_fetch_add(&h->usec, usec);
}


ngx_int_t
ngx_kecs_stats_log(ngx_http_request_t *r)
{
    kecs_str_t            action;
    ngx_uint_t            ours, status;
    ngx_kecs_ctx_t       *ctx;
    ngx_kecs_stats_t     *stats;
    ngx_kecs_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_kecs_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_kecs_module);
    stats = ngx_kecs_shared;

    if (stats == NULL || (!lcf->enable && ctx == NULL)) {
        return NGX_OK;
    }

    status = r->err_status ? r->err_status : r->headers_out.status;
    action = ngx_kecs_action(r, &ours);

    ngx_atomic_fetch_add(&stats->requests[ngx_kecs_stats_action(action)]
                                         [ngx_kecs_stats_code(status)], 1);

    if (ctx != NULL && ctx->call.op != NULL && ctx->answered) {
        ngx_kecs_stats_observe(ctx->call.op->flags & KECS_OP_WRITE
                               ? &stats->writes : &stats->reads,
                               ctx->finished - ctx->started);
    }

    return NGX_OK;
}


/* Rendering. */

static void
ngx_kecs_metric(kecs_buf_t *b, const char *name, const char *type,
    const char *help)
{
    kecs_buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
                    type);
}


void
ngx_kecs_metric_value(kecs_buf_t *b, const char *name, const char *type,
    const char *help, uint64_t value)
{
    ngx_kecs_metric(b, name, type, help);
    kecs_buf_printf(b, "%s %llu\n", name, (unsigned long long) value);
}


static void
ngx_kecs_render_requests(kecs_buf_t *b, ngx_kecs_stats_t *stats)
{
    uint64_t     n;
    ngx_uint_t   i, j;
    const char  *action;
    char         code[16];

    ngx_kecs_metric(b, "kecs_requests_total", "counter",
                    "Requests answered, by operation and HTTP status.");

    for (i = 0; i < NGX_KECS_ACTIONS; i++) {
        action = i < KECS_ECS_MODEL_OPS ? kecs_ecs_model_ops[i].name
                                        : "other";

        for (j = 0; j < NGX_KECS_CODES; j++) {
            n = stats->requests[i][j];

            if (n == 0) {
                continue;
            }

            (void) snprintf(code, sizeof(code), "%u",
                            (unsigned) ngx_kecs_codes[j]);
            kecs_buf_printf(b, "kecs_requests_total{action=\"%s\","
                            "code=\"%s\"} %llu\n", action,
                            ngx_kecs_codes[j] ? code : "other",
                            (unsigned long long) n);
        }
    }
}


/* `label` is "" or 'kind="read"'. */

static void
ngx_kecs_render_histogram(kecs_buf_t *b, const char *name, const char *label,
    ngx_kecs_histogram_t *h)
{
    uint64_t     n;
    ngx_uint_t   i;
    const char  *comma, *open, *close;

    n = 0;
    comma = label[0] != '\0' ? "," : "";
    open = label[0] != '\0' ? "{" : "";
    close = label[0] != '\0' ? "}" : "";

    for (i = 0; i <= KECS_DURATIONS; i++) {
        n += h->count[i];
        kecs_buf_printf(b, "%s_bucket{%s%sle=\"", name, label, comma);

        if (i < KECS_DURATIONS) {
            kecs_buf_printf(b, "%g", kecs_durations[i] / 1e6);

        } else {
            kecs_buf_str(b, kecs_str("+Inf"));
        }

        kecs_buf_printf(b, "\"} %llu\n", (unsigned long long) n);
    }

    kecs_buf_printf(b, "%s_sum%s%s%s %.6f\n%s_count%s%s%s %llu\n", name, open,
                    label, close, (double) h->usec / 1e6, name, open, label,
                    close, (unsigned long long) n);
}


void
ngx_kecs_stats_render(kecs_buf_t *b)
{
    ngx_kecs_stats_t  *stats;

    stats = ngx_kecs_shared;

    if (stats == NULL) {
        return;
    }

    ngx_kecs_render_requests(b, stats);

    ngx_kecs_metric(b, "kecs_request_duration_seconds", "histogram",
                    "Time from the request's head to its answer.");
    ngx_kecs_render_histogram(b, "kecs_request_duration_seconds",
                              "kind=\"read\"", &stats->reads);
    ngx_kecs_render_histogram(b, "kecs_request_duration_seconds",
                              "kind=\"write\"", &stats->writes);

    ngx_kecs_metric_value(b, "kecs_commits_total", "counter",
                          "Batches committed by the writer.",
                          stats->batches);
    ngx_kecs_metric_value(b, "kecs_batch_calls_total", "counter",
                          "Calls run in those batches.", stats->calls);
    ngx_kecs_metric_value(b, "kecs_failed_commits_total", "counter",
                          "Batches that could not be committed.",
                          stats->failed_commits);
    ngx_kecs_metric(b, "kecs_commit_duration_seconds", "histogram",
                    "Time that a commit took.");
    ngx_kecs_render_histogram(b, "kecs_commit_duration_seconds", "",
                              &stats->commits);
    ngx_kecs_metric(b, "kecs_stream_lag_seconds", "histogram",
                    "Time from a change to when a worker has its event for"
                    " its clients.");
    ngx_kecs_render_histogram(b, "kecs_stream_lag_seconds", "",
                              &stats->follows);
    ngx_kecs_metric_value(b, "kecs_writer_roles_total", "counter",
                          "Times that a worker took the writer role.",
                          stats->roles);
}
