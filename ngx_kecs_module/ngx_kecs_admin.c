/*
 * The admin handler: livez, readyz, health and metrics below the location
 * that has "kecs_admin on"; the last part of the path decides.
 *
 * All checks are cheap: flags of this worker, one read of the store's
 * sizes, and one small read of the file in which the reconciler says how
 * it does (see store/status_file.h), every second.
 */

#include "ngx_kecs.h"
#include "../src/store/status_file.h"


#define NGX_KECS_STATUS_STALE  10000


typedef struct {
    const char  *name;
    ngx_uint_t   ok;
    kecs_str_t   detail;
} ngx_kecs_check_t;

#define NGX_KECS_CHECKS  4

typedef struct {
    ngx_uint_t     there;           /* the file could be read */
    kecs_msec_t    time;
    uint64_t       pid;
    uint64_t       ready;
    uint64_t       lag;
    uint64_t       lag_ms;
    uint64_t       silent_ms;
    uint64_t       tasks;
    uint64_t       services;
    uint64_t       actions;
    uint64_t       losses;
    kecs_str_t     runtime;
    kecs_str_t     why;
    kecs_str_t     text;            /* all of it */
} ngx_kecs_reconciler_t;

typedef struct {
    ngx_http_request_t     *r;
    kecs_arena_t           *arena;
    kecs_buf_t              buf;
    kecs_msec_t             now;
    ngx_kecs_reconciler_t   reconciler;
    kecs_store_info_t       info;           /* zeros without a store */
    ngx_kecs_check_t        checks[NGX_KECS_CHECKS];
    ngx_uint_t              ready;
} ngx_kecs_admin_t;


/* The reconciler's status file. */

static void
ngx_kecs_status_line(ngx_kecs_reconciler_t *rec, kecs_str_t line)
{
    uint64_t    n;
    ngx_uint_t  i;
    kecs_str_t  key;
    const struct {
        const char  *key;
        uint64_t    *value;
    } numbers[] = {
        { "pid", &rec->pid }, { "ready", &rec->ready }, { "lag", &rec->lag },
        { "lag_ms", &rec->lag_ms }, { "silent_ms", &rec->silent_ms },
        { "tasks", &rec->tasks }, { "services", &rec->services },
        { "actions", &rec->actions }, { "losses", &rec->losses },
        { NULL, NULL }
    };

    (void) kecs_str_split(&line, ' ', &key);

    if (line.data == NULL) {
        line = kecs_str("");
    }

    n = 0;
    (void) kecs_str_u64(line, &n);

    if (kecs_str_is(key, "time")) {
        rec->time = (kecs_msec_t) n;

    } else if (kecs_str_is(key, "runtime")) {
        rec->runtime = line;

    } else if (kecs_str_is(key, "why")) {
        rec->why = line;
    }

    for (i = 0; numbers[i].key != NULL; i++) {
        if (kecs_str_is(key, numbers[i].key)) {
            *numbers[i].value = n;
        }
    }
}


static void
ngx_kecs_status_read(ngx_kecs_admin_t *a)
{
    char        *data;
    kecs_str_t   rest, line;

    data = kecs_alloc(a->arena, KECS_STATUS_SIZE);

    if (data == NULL
        || kecs_status_get(ngx_kecs_worker.folder, data, &rest) != KECS_OK)
    {
        return;
    }

    a->reconciler.there = 1;
    a->reconciler.silent_ms = UINT64_MAX;
    a->reconciler.text = rest;

    while (kecs_str_split(&rest, '\n', &line)) {
        if (kecs_str_utf8(line)) {
            ngx_kecs_status_line(&a->reconciler, line);
        }
    }
}


static ngx_uint_t
ngx_kecs_reconciler_fresh(ngx_kecs_admin_t *a)
{
    return a->reconciler.there
           && a->now - a->reconciler.time <= NGX_KECS_STATUS_STALE;
}


/* The checks. */

static void
ngx_kecs_check(ngx_kecs_admin_t *a, ngx_uint_t i, const char *name,
    ngx_uint_t ok, kecs_str_t detail)
{
    a->checks[i].name = name;
    a->checks[i].ok = ok;
    a->checks[i].detail = detail.data == NULL ? kecs_str("") : detail;
    a->ready = a->ready && ok;
}


static void
ngx_kecs_check_store(ngx_kecs_admin_t *a)
{
    ngx_uint_t        open;
    kecs_str_t        used;
    const char       *why;
    kecs_pressure_t   pressure;

    open = ngx_kecs_worker.store != NULL && a->info.open;
    why = ngx_kecs_worker.store != NULL
          ? "a write failed, and it cannot be opened again"
          : ngx_kecs_worker.why == NULL ? "not open yet"
          : ngx_kecs_worker.why;

    ngx_kecs_check(a, 0, "store", open,
                   open ? kecs_str("open") : kecs_str_of(why));

    if (!open) {
        ngx_kecs_check(a, 1, "space", 0, kecs_str("the store is not open"));
        return;
    }

    pressure = kecs_store_pressed(ngx_kecs_worker.store);

    used = pressure == KECS_DISK_SHORT
           ? kecs_str("the disk of the store is full")
           : kecs_sprintf(a->arena, "%llu of %llu bytes in use",
                          (unsigned long long) a->info.map_used,
                          (unsigned long long) a->info.map_size);

    ngx_kecs_check(a, 1, "space", pressure == KECS_ROOM, used);
}


static void
ngx_kecs_check_reconciler(ngx_kecs_admin_t *a)
{
    ngx_kecs_reconciler_t  *rec;

    rec = &a->reconciler;

    if (!rec->there) {
        ngx_kecs_check(a, 3, "reconciler", 0, kecs_str("is not running"));
        return;
    }

    if (!ngx_kecs_reconciler_fresh(a)) {
        ngx_kecs_check(a, 3, "reconciler", 0,
                       kecs_sprintf(a->arena, "gave no sign for %lld s",
                                    (long long) (a->now - rec->time)
                                    / 1000));
        return;
    }

    ngx_kecs_check(a, 3, "reconciler", rec->ready == 1,
                   rec->ready == 1
                   ? kecs_sprintf(a->arena, "runs on %.*s",
                                  kecs_fmt(rec->runtime))
                   : rec->why);
}


static void
ngx_kecs_admin_look(ngx_kecs_admin_t *a)
{
    a->ready = 1;
    a->now = kecs_wall_clock();
    ngx_kecs_status_read(a);

    if (ngx_kecs_worker.store != NULL) {
        kecs_store_info(ngx_kecs_worker.store, &a->info);
    }

    ngx_kecs_check_store(a);
    ngx_kecs_check(a, 2, "writer", ngx_kecs_client_connected(),
                   ngx_kecs_client_connected()
                   ? kecs_str("reachable")
                   : kecs_str("no process holds the writer role"));
    ngx_kecs_check_reconciler(a);
}


/* The answers. */

static ngx_int_t
ngx_kecs_admin_send(ngx_kecs_admin_t *a, ngx_uint_t status, const char *type)
{
    ngx_http_request_t  *r;
    static u_char        no_store[] = "no-store";

    r = a->r;

    if (a->buf.failed
        || ngx_kecs_header_out(r, "Cache-Control", no_store,
                               sizeof(no_store) - 1) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = status;
    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type.len = ngx_strlen(type);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    return ngx_kecs_send(r, kecs_buf_view(&a->buf));
}


static ngx_int_t
ngx_kecs_livez(ngx_kecs_admin_t *a)
{
    kecs_buf_str(&a->buf, kecs_str("ok\n"));

    return ngx_kecs_admin_send(a, NGX_HTTP_OK, "text/plain");
}


static ngx_uint_t
ngx_kecs_verbose(ngx_http_request_t *r)
{
    ngx_str_t  value;

    return (r->args.len == 7 && ngx_strncmp(r->args.data, "verbose", 7) == 0)
           || ngx_http_arg(r, (u_char *) "verbose", 7, &value) == NGX_OK;
}


static ngx_int_t
ngx_kecs_readyz(ngx_kecs_admin_t *a)
{
    ngx_uint_t         i;
    ngx_kecs_check_t  *check;

    ngx_kecs_admin_look(a);

    if (!a->ready || ngx_kecs_verbose(a->r)) {
        for (i = 0; i < NGX_KECS_CHECKS; i++) {
            check = &a->checks[i];
            kecs_buf_printf(&a->buf, "[%s]%s %s: %.*s\n",
                            check->ok ? "+" : "-", check->name,
                            check->ok ? "ok" : "failed",
                            kecs_fmt(check->detail));
        }
    }

    kecs_buf_printf(&a->buf, "%s\n", a->ready ? "ok" : "not ready");

    return ngx_kecs_admin_send(a, a->ready ? NGX_HTTP_OK
                                           : NGX_HTTP_SERVICE_UNAVAILABLE,
                               "text/plain");
}


static void
ngx_kecs_health_store(ngx_kecs_admin_t *a, kecs_writer_t *w)
{
    kecs_w_object(w, "store");

    if (ngx_kecs_worker.store != NULL) {
        kecs_w_cstr(w, "uuid", a->info.uuid);
        kecs_w_i64(w, "format", a->info.format);
        kecs_w_i64(w, "incarnation", (int64_t) a->info.incarnation);
        kecs_w_i64(w, "sequence", (int64_t) a->info.seq);
        kecs_w_i64(w, "mapUsedBytes", (int64_t) a->info.map_used);
        kecs_w_i64(w, "mapBytes", (int64_t) a->info.map_size);
    }

    kecs_w_object_end(w);
}


static void
ngx_kecs_health_reconciler(ngx_kecs_admin_t *a, kecs_writer_t *w)
{
    kecs_w_object(w, "reconciler");
    kecs_w_bool(w, "alive", ngx_kecs_reconciler_fresh(a) != 0);

    if (a->reconciler.there) {
        kecs_w_i64(w, "pid", (int64_t) a->reconciler.pid);
        kecs_w_opt_str(w, "runtime", a->reconciler.runtime);
        kecs_w_bool(w, "ready", a->reconciler.ready == 1);
        kecs_w_opt_str(w, "why", a->reconciler.why);
        kecs_w_i64(w, "lag", (int64_t) a->reconciler.lag);
        kecs_w_i64(w, "tasks", (int64_t) a->reconciler.tasks);
    }

    kecs_w_object_end(w);
}


static ngx_int_t
ngx_kecs_health(ngx_kecs_admin_t *a)
{
    ngx_uint_t     i;
    kecs_writer_t  w;

    ngx_kecs_admin_look(a);

    w = kecs_writer(&a->buf);
    kecs_w_object(&w, NULL);
    kecs_w_cstr(&w, "status", a->ready ? "ok" : "degraded");
    kecs_w_cstr(&w, "version", KECS_VERSION);

    kecs_w_object(&w, "checks");

    for (i = 0; i < NGX_KECS_CHECKS; i++) {
        kecs_w_object(&w, a->checks[i].name);
        kecs_w_bool(&w, "ok", a->checks[i].ok != 0);
        kecs_w_str(&w, "detail", a->checks[i].detail);
        kecs_w_object_end(&w);
    }

    kecs_w_object_end(&w);
    ngx_kecs_health_store(a, &w);
    ngx_kecs_health_reconciler(a, &w);
    kecs_w_object_end(&w);
    kecs_buf_chr(&a->buf, '\n');

    return ngx_kecs_admin_send(a, NGX_HTTP_OK, "application/json");
}


static void
ngx_kecs_gauge(kecs_buf_t *b, const char *name, const char *help,
    uint64_t value)
{
    kecs_buf_printf(b, "# HELP %s %s\n# TYPE %s gauge\n%s %llu\n", name,
                    help, name, name, (unsigned long long) value);
}


static void
ngx_kecs_gauge_seconds(kecs_buf_t *b, const char *name, const char *help,
    uint64_t msec)
{
    kecs_buf_printf(b, "# HELP %s %s\n# TYPE %s gauge\n%s %.3f\n", name,
                    help, name, name, (double) msec / 1e3);
}


static void
ngx_kecs_counter(kecs_buf_t *b, const char *name, const char *help,
    uint64_t value)
{
    kecs_buf_printf(b, "# HELP %s %s\n# TYPE %s counter\n%s %llu\n", name,
                    help, name, name, (unsigned long long) value);
}


/* A label's value comes from a file: letters and "_" only. */

static ngx_uint_t
ngx_kecs_is_label(kecs_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (!((s.data[i] >= 'A' && s.data[i] <= 'Z')
              || (s.data[i] >= 'a' && s.data[i] <= 'z') || s.data[i] == '_'))
        {
            return 0;
        }
    }

    return s.len != 0;
}


/* "PREFIXvalue n" of the reconciler's status, as one gauge with a label. */

static void
ngx_kecs_labelled(ngx_kecs_admin_t *a, const char *prefix, const char *name,
    const char *label, const char *help)
{
    uint64_t    n;
    kecs_str_t  rest, line, key, start;

    kecs_buf_printf(&a->buf, "# HELP %s %s\n# TYPE %s gauge\n", name, help,
                    name);
    rest = a->reconciler.text;
    start = kecs_str_of(prefix);

    while (kecs_str_split(&rest, '\n', &line)) {
        (void) kecs_str_split(&line, ' ', &key);

        if (!kecs_str_starts(key, start) || !kecs_str_u64(line, &n)) {
            continue;
        }

        key = kecs_str_from(key, start.len);

        if (ngx_kecs_is_label(key)) {
            kecs_buf_printf(&a->buf, "%s{%s=\"%.*s\"} %llu\n", name, label,
                            kecs_fmt(key), (unsigned long long) n);
        }
    }
}


static void
ngx_kecs_store_metrics(ngx_kecs_admin_t *a)
{
    kecs_buf_t         *b = &a->buf;
    kecs_store_info_t  *i = &a->info;

    ngx_kecs_gauge(b, "kecs_store_map_used_bytes",
                   "Bytes in use in the store's map.", i->map_used);
    ngx_kecs_gauge(b, "kecs_store_map_bytes",
                   "Size of the store's map.", i->map_size);
    ngx_kecs_gauge(b, "kecs_store_readers",
                   "Reader slots in use.", i->readers);
    ngx_kecs_gauge(b, "kecs_store_readers_max",
                   "Reader slots that there are.", i->readers_max);
    ngx_kecs_gauge(b, "kecs_log_sequence",
                   "Last position of the change log.", i->seq);
    ngx_kecs_gauge(b, "kecs_log_first_sequence",
                   "Oldest position that the change log still has.",
                   i->first_seq);
}


static void
ngx_kecs_reconciler_metrics(ngx_kecs_admin_t *a)
{
    kecs_buf_t             *b = &a->buf;
    ngx_kecs_reconciler_t  *rec = &a->reconciler;

    ngx_kecs_gauge(b, "kecs_reconciler_ready",
                   "The reconciler reaches its runtime.", rec->ready);
    ngx_kecs_gauge(b, "kecs_reconciler_status_time_seconds",
                   "When it gave its last sign, in seconds of the epoch.",
                   (uint64_t) (rec->time / 1000));
    ngx_kecs_gauge(b, "kecs_reconciler_lag",
                   "Log entries that the reconciler has not seen.",
                   rec->lag);
    ngx_kecs_gauge_seconds(b, "kecs_reconciler_lag_seconds",
                           "Age of the oldest of them.", rec->lag_ms);

    if (rec->silent_ms != UINT64_MAX) {
        ngx_kecs_gauge_seconds(b, "kecs_reconciler_watch_lag_seconds",
                               "Time since the watch of the runtime's tasks"
                               " brought anything.", rec->silent_ms);
    }

    ngx_kecs_gauge(b, "kecs_reconciler_tasks",
                   "Tasks that the reconciler looks after.", rec->tasks);
    ngx_kecs_gauge(b, "kecs_reconciler_services",
                   "Services that the reconciler looks after.",
                   rec->services);
    ngx_kecs_counter(b, "kecs_reconciler_actions_total",
                     "Starts and stops asked of the runtime.", rec->actions);
    ngx_kecs_counter(b, "kecs_reconciler_contact_losses_total",
                     "Times that contact to the runtime was lost.",
                     rec->losses);
    ngx_kecs_labelled(a, "tasks.", "kecs_tasks", "status",
                      "Tasks that are not STOPPED, by last status.");
    ngx_kecs_labelled(a, "queue.", "kecs_reconciler_queue", "queue",
                      "What waits to be done by the reconciler.");

    if (ngx_kecs_is_label(rec->runtime)) {
        kecs_buf_printf(b, "# HELP kecs_reconciler_info Its runtime.\n"
                        "# TYPE kecs_reconciler_info gauge\n"
                        "kecs_reconciler_info{runtime=\"%.*s\"} 1\n",
                        kecs_fmt(rec->runtime));
    }
}


static ngx_int_t
ngx_kecs_metrics(ngx_kecs_admin_t *a)
{
    kecs_buf_t  *b;

    ngx_kecs_admin_look(a);
    b = &a->buf;

    kecs_buf_printf(b, "# HELP kecs_build_info What is running.\n"
                    "# TYPE kecs_build_info gauge\n"
                    "kecs_build_info{version=\"%s\",nginx=\"%s\"} 1\n",
                    KECS_VERSION, NGINX_VERSION);
    ngx_kecs_stats_render(b);
    ngx_kecs_streams_render(b);

    ngx_kecs_gauge(b, "kecs_ready", "All checks of readyz pass.", a->ready);

    if (ngx_kecs_worker.store != NULL) {
        ngx_kecs_store_metrics(a);
    }

    ngx_kecs_gauge(b, "kecs_reconciler_up",
                   "The reconciler gave a sign within 10 seconds.",
                   ngx_kecs_reconciler_fresh(a));

    if (a->reconciler.there) {
        ngx_kecs_reconciler_metrics(a);
    }

    return ngx_kecs_admin_send(a, NGX_HTTP_OK,
                               "text/plain; version=0.0.4; charset=utf-8");
}


static ngx_int_t
ngx_kecs_admin_unknown(ngx_kecs_admin_t *a)
{
    kecs_buf_str(&a->buf, kecs_str("Not here: the paths are livez, readyz,"
                                   " health, metrics.\n"));

    return ngx_kecs_admin_send(a, NGX_HTTP_NOT_FOUND, "text/plain");
}


static const struct {
    const char   *name;
    ngx_int_t   (*handler)(ngx_kecs_admin_t *a);
} ngx_kecs_admin_paths[] = {
    { "livez", ngx_kecs_livez },
    { "readyz", ngx_kecs_readyz },
    { "health", ngx_kecs_health },
    { "metrics", ngx_kecs_metrics },
    { NULL, ngx_kecs_admin_unknown }
};


static ngx_int_t
ngx_kecs_admin_route(ngx_kecs_admin_t *a)
{
    ptrdiff_t   slash;
    kecs_str_t  path;
    ngx_uint_t  i;

    path = ngx_kecs_str(&a->r->uri);
    slash = kecs_str_rchr(path, '/');
    path = kecs_str_from(path, (size_t) (slash + 1));

    for (i = 0; ngx_kecs_admin_paths[i].name != NULL; i++) {
        if (kecs_str_is(path, ngx_kecs_admin_paths[i].name)) {
            break;
        }
    }

    return ngx_kecs_admin_paths[i].handler(a);
}


static void
ngx_kecs_admin_cleanup(void *data)
{
    kecs_arena_destroy(data);
}


ngx_int_t
ngx_kecs_admin_handler(ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_kecs_admin_t     a;
    ngx_pool_cleanup_t  *cln;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(&a, sizeof(a));
    a.r = r;
    a.arena = kecs_arena_create(0);
    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (a.arena == NULL || cln == NULL) {
        kecs_arena_destroy(a.arena);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_kecs_admin_cleanup;
    cln->data = a.arena;
    kecs_buf_init(&a.buf, a.arena, 0);

    return ngx_kecs_admin_route(&a);
}
