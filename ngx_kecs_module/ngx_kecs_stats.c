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

static const struct {
    uint64_t     usec;
    const char  *le;
} ngx_kecs_buckets[NGX_KECS_BUCKETS] = {
    { 250, "0.00025" }, { 500, "0.0005" }, { 1000, "0.001" },
    { 2500, "0.0025" }, { 5000, "0.005" }, { 10000, "0.01" },
    { 25000, "0.025" }, { 50000, "0.05" }, { 100000, "0.1" },
    { 250000, "0.25" }, { 500000, "0.5" }, { 1000000, "1" },
    { 2500000, "2.5" }, { 10000000, "10" }
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


static void
ngx_kecs_stats_observe(ngx_kecs_histogram_t *h, uint64_t usec)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_KECS_BUCKETS; i++) {
        if (usec <= ngx_kecs_buckets[i].usec) {
            break;
        }
    }

    ngx_atomic_fetch_add(&h->count[i], 1);
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


static void
ngx_kecs_render_histogram(kecs_buf_t *b, const char *kind,
    ngx_kecs_histogram_t *h)
{
    uint64_t     n;
    ngx_uint_t   i;
    const char  *le;

    n = 0;

    for (i = 0; i <= NGX_KECS_BUCKETS; i++) {
        n += h->count[i];
        le = i < NGX_KECS_BUCKETS ? ngx_kecs_buckets[i].le : "+Inf";
        kecs_buf_printf(b, "kecs_request_duration_seconds_bucket{"
                        "kind=\"%s\",le=\"%s\"} %llu\n", kind, le,
                        (unsigned long long) n);
    }

    kecs_buf_printf(b, "kecs_request_duration_seconds_sum{kind=\"%s\"} %.6f\n"
                    "kecs_request_duration_seconds_count{kind=\"%s\"} %llu\n",
                    kind, (double) h->usec / 1e6, kind,
                    (unsigned long long) n);
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
    ngx_kecs_render_histogram(b, "read", &stats->reads);
    ngx_kecs_render_histogram(b, "write", &stats->writes);

    ngx_kecs_metric_value(b, "kecs_commits_total", "counter",
                          "Batches committed by the writer.",
                          stats->batches);
    ngx_kecs_metric_value(b, "kecs_batch_calls_total", "counter",
                          "Calls run in those batches.", stats->calls);
    ngx_kecs_metric_value(b, "kecs_failed_commits_total", "counter",
                          "Batches that could not be committed.",
                          stats->failed_commits);
    ngx_kecs_metric(b, "kecs_commit_seconds_total", "counter",
                    "Time spent in commits.");
    kecs_buf_printf(b, "kecs_commit_seconds_total %.6f\n",
                    (double) stats->commit_usec / 1e6);
    ngx_kecs_metric_value(b, "kecs_writer_roles_total", "counter",
                          "Times that a worker took the writer role.",
                          stats->roles);
}
