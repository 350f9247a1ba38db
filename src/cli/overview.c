/*
 * status: what runs on a data folder and how it does.  Three sources are
 * put together, and each of them may be missing: the locks and files of the
 * folder, the store (read beside everything else), and the admin port.  Ready
 * is what the admin port says; without one that is known (an nginx of the
 * user's own), what the locks and the reconciler say.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../json/json.h"
#include "../json/json_writer.h"
#include "../store/status_file.h"
#include "../store/store.h"
#include "cli.h"


#define STALE  10000                /* ms, of the reconciler's signs */

typedef struct {
    uint64_t  clusters;
    uint64_t  services;
    uint64_t  draining;
    uint64_t  running;
    uint64_t  pending;
    uint64_t  live;
    uint64_t  instances;
} totals_t;

typedef struct {
    kecs_arena_t        *arena;
    const char          *data;
    kecs_endpoint_t      at;
    pid_t                up;
    pid_t                writer;
    pid_t                reconciler;

    char                 said[KECS_STATUS_SIZE];
    kecs_str_t           words;         /* of the reconciler; may be absent */
    bool                 fresh;
    char                 runtime[32];
    char                 choice[1024];
    char                 why[256];
    uint64_t             lag;

    bool                 opened;        /* the store */
    const char          *trouble;
    kecs_store_info_t    info;
    totals_t             totals;

    bool                 answered;      /* the admin port */
    kecs_json_t         *health;

    bool                 ready;
    char                 because[512];  /* why it is not */
} status_t;


/* The reconciler's own words. */

static uint64_t
said_number(const status_t *s, const char *key)
{
    char      text[32];
    uint64_t  n;

    n = 0;
    kecs_said(s->words, key, text, sizeof(text));
    (void) kecs_str_u64(kecs_str_of(text), &n);

    return n;
}


static void
look_at_reconciler(status_t *s)
{
    kecs_msec_t  time;

    if (kecs_status_get(s->data, s->said, &s->words) != KECS_OK) {
        s->words = kecs_null_str;
        return;
    }

    time = (kecs_msec_t) said_number(s, "time");
    s->fresh = s->reconciler != 0 && kecs_wall_clock() - time <= STALE;
    s->lag = said_number(s, "lag");
    kecs_said(s->words, "runtime", s->runtime, sizeof(s->runtime));
    kecs_said(s->words, "choice", s->choice, sizeof(s->choice));
    kecs_said(s->words, "why", s->why, sizeof(s->why));
}


/* The store. */

static kecs_rc_t
count(status_t *s, kecs_txn_t *txn)
{
    kecs_rc_t       rc;
    kecs_key_t      all;
    kecs_str_t      key;
    kecs_scan_t    *scan;
    kecs_counts_t   n;
    kecs_cluster_t  cluster;

    kecs_key_init(&all);
    rc = kecs_scan(txn, s->arena, KECS_IX_CLUSTER_ACTIVE, 0, &all,
                   kecs_null_str, false, &scan);

    while (rc == KECS_OK) {
        rc = kecs_scan_next(scan, &key, &cluster);

        if (rc == KECS_OK) {
            rc = kecs_counts(txn, cluster.rec.scope, cluster.no, 0, 0, &n);
        }

        if (rc == KECS_OK) {
            s->totals.clusters++;
            s->totals.services += n.services;
            s->totals.draining += n.draining;
            s->totals.running += n.running;
            s->totals.pending += n.pending;
            s->totals.live += n.live;
            s->totals.instances += n.instances;
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


static void
look_at_store(status_t *s)
{
    kecs_rc_t           rc;
    kecs_txn_t         *txn;
    kecs_store_t       *store;
    kecs_store_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.path = s->data;
    conf.readonly = true;

    if (kecs_store_open(&conf, &store, &s->trouble) != KECS_OK) {
        return;
    }

    s->opened = true;
    kecs_store_info(store, &s->info);
    rc = kecs_read_begin(store, &txn);

    if (rc == KECS_OK) {
        rc = count(s, txn);
        kecs_read_end(txn);
    }

    if (rc != KECS_OK) {
        s->trouble = kecs_rc_name(rc);
    }

    kecs_store_close(store);
}


/* The admin port. */

static unsigned
admin_port(const status_t *s, const kecs_options_t *o)
{
    uint64_t    port;
    ptrdiff_t   colon;
    kecs_str_t  url;

    if (o->admin_port_given) {
        return o->admin_port;
    }

    url = kecs_str_of(s->at.admin);
    colon = kecs_str_rchr(url, ':');

    return colon >= 0
           && kecs_str_u64(kecs_str_from(url, (size_t) colon + 1), &port)
           ? (unsigned) port : 0;
}


/* Another system may have the port by now: the store's name tells. */

static void
ask(status_t *s, unsigned port)
{
    char           body[8192];
    kecs_str_t     uuid;
    kecs_json_t   *health;

    if (kecs_ask(port, "/health", body, sizeof(body)) != 200
        || kecs_json_parse(s->arena, kecs_strdup(s->arena,
                                                 kecs_str_of(body)),
                           &health) != KECS_OK)
    {
        return;
    }

    uuid = kecs_json_str(kecs_json_at(health, "store", "uuid", NULL));

    if (s->opened && uuid.data != NULL && !kecs_str_is(uuid, s->info.uuid)) {
        return;
    }

    s->answered = true;
    s->health = health;
}


static void
say_failed_checks(status_t *s)
{
    size_t              len;
    const kecs_json_t  *check;

    len = 0;
    check = kecs_json_get(s->health, "checks");

    for (check = check != NULL ? check->first : NULL; check != NULL;
         check = check->next)
    {
        if (!kecs_json_true(kecs_json_get(check, "ok"))
            && len < sizeof(s->because))
        {
            len += (size_t) snprintf(s->because + len,
                                     sizeof(s->because) - len,
                                     "%s%.*s: %.*s", len > 0 ? "; " : "",
                                     kecs_fmt(check->name),
                                     kecs_fmt(kecs_json_str(
                                         kecs_json_get(check, "detail"))));
        }
    }
}


/* Nobody could be asked: what the folder tells. */

static void
judge_by_files(status_t *s, unsigned port)
{
    const char  *why;

    if (!s->opened) {
        why = s->trouble != NULL ? s->trouble : "the store cannot be opened";

    } else if (s->up == 0 && s->writer == 0 && s->reconciler == 0) {
        why = "nothing runs on this folder";

    } else if (port != 0) {
        (void) snprintf(s->because, sizeof(s->because),
                        "port %u does not answer for this store", port);
        return;

    } else if (s->writer == 0) {
        why = "no process holds the writer role";

    } else if (!s->fresh) {
        why = "the reconciler is not running";

    } else {
        s->ready = said_number(s, "ready") == 1;
        why = s->ready ? "" : s->why;
    }

    (void) snprintf(s->because, sizeof(s->because), "%s", why);
}


static void
look(status_t *s, const kecs_options_t *o)
{
    unsigned  port;

    s->data = o->data;
    s->up = kecs_lock_owner(o->data, "up.lock");
    s->writer = kecs_lock_owner(o->data, "writer.lock");
    s->reconciler = kecs_lock_owner(o->data, "reconciler.lock");
    kecs_endpoint_read(o->data, &s->at);

    look_at_reconciler(s);
    look_at_store(s);
    port = admin_port(s, o);

    if (port != 0) {
        ask(s, port);
    }

    if (!s->answered) {
        /* the file is of an "up" that has ended, or was */
        judge_by_files(s, o->admin_port_given || s->up != 0 ? port : 0);
        return;
    }

    s->ready = kecs_json_str(kecs_json_get(s->health, "status")).data != NULL
               && kecs_str_is(kecs_json_str(kecs_json_get(s->health,
                                                          "status")), "ok");
    say_failed_checks(s);
}


/* For a terminal. */

static void
row(const char *name, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


static void
row(const char *name, const char *fmt, ...)
{
    va_list  args;

    printf("  %-11s ", name);
    va_start(args, fmt);
    (void) vprintf(fmt, args);
    va_end(args);
    printf("\n");
}


static void
process_row(const char *name, pid_t pid, const char *more)
{
    if (pid != 0) {
        row(name, "process %ld%s", (long) pid, more);

    } else {
        row(name, "not running");
    }
}


static void
store_rows(const status_t *s)
{
    const totals_t           *t = &s->totals;
    const kecs_store_info_t  *i = &s->info;

    if (!s->opened) {
        row("store", "%s", s->trouble);
        return;
    }

    row("clusters", "%" PRIu64, t->clusters);
    row("services", "%" PRIu64 " active, %" PRIu64 " draining", t->services,
        t->draining);
    row("tasks", "%" PRIu64 " running, %" PRIu64 " pending, %" PRIu64
        " not stopped", t->running, t->pending, t->live);
    row("instances", "%" PRIu64, t->instances);
    row("store", "%.1f of %.0f MiB (%.1f %%), format %u",
        (double) i->map_used / (1 << 20), (double) i->map_size / (1 << 20),
        i->map_size > 0 ? 100.0 * (double) i->map_used
                          / (double) i->map_size : 0.0, i->format);
    row("log", "position %" PRIu64 ", from %" PRIu64 " on", i->seq,
        i->first_seq);
}


static void
print_table(const status_t *s)
{
    char  text[64];

    printf("kecs %s: %s%s%s\n", KECS_VERSION,
           s->ready ? "ready" : "not ready",
           s->because[0] != '\0' ? ": " : "", s->because);

    row("data", "%s", s->data);

    if (s->answered || s->up != 0) {
        row("API", "%s", s->at.api[0] != '\0' ? s->at.api : "unknown");
        row("admin", "%s", s->at.admin[0] != '\0' ? s->at.admin : "unknown");
    }

    process_row("kecs up", s->up, "");
    process_row("writer", s->writer, " (an nginx worker)");
    (void) snprintf(text, sizeof(text), ", %" PRIu64 " changes behind",
                    s->lag);
    process_row("reconciler", s->reconciler, text);

    if (s->fresh) {
        row("runtime", "%s: %s", s->runtime, s->choice);
    }

    store_rows(s);
}


/* For machines. */

static void
write_process(kecs_writer_t *w, const char *name, pid_t pid)
{
    if (pid != 0) {
        kecs_w_i64(w, name, pid);

    } else {
        kecs_w_null(w, name);
    }
}


static void
write_store(const status_t *s, kecs_writer_t *w)
{
    kecs_w_object(w, "store");
    kecs_w_bool(w, "open", s->opened);

    if (!s->opened) {
        kecs_w_cstr(w, "why", s->trouble);
        kecs_w_object_end(w);
        return;
    }

    kecs_w_cstr(w, "uuid", s->info.uuid);
    kecs_w_i64(w, "format", s->info.format);
    kecs_w_i64(w, "incarnation", (int64_t) s->info.incarnation);
    kecs_w_i64(w, "mapUsedBytes", (int64_t) s->info.map_used);
    kecs_w_i64(w, "mapBytes", (int64_t) s->info.map_size);
    kecs_w_i64(w, "sequence", (int64_t) s->info.seq);
    kecs_w_i64(w, "firstSequence", (int64_t) s->info.first_seq);
    kecs_w_object_end(w);

    kecs_w_i64(w, "clusters", (int64_t) s->totals.clusters);
    kecs_w_object(w, "services");
    kecs_w_i64(w, "active", (int64_t) s->totals.services);
    kecs_w_i64(w, "draining", (int64_t) s->totals.draining);
    kecs_w_object_end(w);
    kecs_w_object(w, "tasks");
    kecs_w_i64(w, "running", (int64_t) s->totals.running);
    kecs_w_i64(w, "pending", (int64_t) s->totals.pending);
    kecs_w_i64(w, "notStopped", (int64_t) s->totals.live);
    kecs_w_object_end(w);
    kecs_w_i64(w, "instances", (int64_t) s->totals.instances);
}


static void
write_checks(const status_t *s, kecs_writer_t *w)
{
    const kecs_json_t  *check;

    check = kecs_json_get(s->health, "checks");
    kecs_w_object(w, "checks");

    for (check = check != NULL ? check->first : NULL; check != NULL;
         check = check->next)
    {
        kecs_w_key(w, check->name);
        kecs_w_object(w, NULL);
        kecs_w_bool(w, "ok", kecs_json_true(kecs_json_get(check, "ok")));
        kecs_w_opt_str(w, "detail",
                       kecs_json_str(kecs_json_get(check, "detail")));
        kecs_w_object_end(w);
    }

    kecs_w_object_end(w);
}


static void
write_json(const status_t *s, kecs_writer_t *w)
{
    kecs_w_object(w, NULL);
    kecs_w_cstr(w, "version", KECS_VERSION);
    kecs_w_bool(w, "ready", s->ready);
    kecs_w_cstr(w, "why", s->because);
    kecs_w_cstr(w, "data", s->data);
    kecs_w_cstr(w, "api", s->at.api);
    kecs_w_cstr(w, "admin", s->at.admin);
    kecs_w_object(w, "processes");
    write_process(w, "up", s->up);
    write_process(w, "writer", s->writer);
    write_process(w, "reconciler", s->reconciler);
    kecs_w_object_end(w);

    kecs_w_object(w, "reconciler");
    kecs_w_bool(w, "alive", s->fresh);

    if (s->words.data != NULL) {
        kecs_w_cstr(w, "runtime", s->runtime);
        kecs_w_cstr(w, "choice", s->choice);
        kecs_w_bool(w, "ready", said_number(s, "ready") == 1);
        kecs_w_cstr(w, "why", s->why);
        kecs_w_i64(w, "lag", (int64_t) s->lag);
    }

    kecs_w_object_end(w);

    if (s->answered) {
        write_checks(s, w);
    }

    write_store(s, w);
    kecs_w_object_end(w);
}


int
kecs_status(kecs_options_t *o)
{
    bool           ready;
    status_t      *s;
    kecs_buf_t     b;
    kecs_writer_t  w;

    s = calloc(1, sizeof(status_t));

    if (s == NULL || (s->arena = kecs_arena_create(0)) == NULL) {
        free(s);
        return kecs_die("out of memory");
    }

    look(s, o);
    ready = s->ready;

    if (o->json) {
        kecs_buf_init(&b, NULL, 0);
        w = kecs_writer(&b);
        write_json(s, &w);
        ready = kecs_print_json(&b) == 0 && ready;

    } else {
        print_table(s);
    }

    kecs_arena_destroy(s->arena);
    free(s);

    return ready ? 0 : 1;
}
