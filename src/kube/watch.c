/*
 * List and watch.
 *
 * A list is asked for page by page without a resource version, so that it
 * is consistent and new.  A watch begins at the list's version and takes
 * the version of every event and bookmark along; versions are opaque.
 *
 *     watch ended            watch again from the last version
 *     watch broke            the same after a pause
 *     watch does not begin   the second time: lost; list
 *     410, ERROR, nonsense   lost; list
 *     list failed            lost; list after growing pauses
 *
 * The server ends a watch after `timeout` (random, so that not all come
 * back at once); that nothing comes any more from a peer that is dead is
 * noticed by TCP, and by the time limit at the latest.
 */

#include <stdio.h>
#include <stdlib.h>

#include "../base/log.h"
#include "object.h"
#include "watch.h"


#define LIMIT     500
#define SECONDS   300
#define GRACE     15            /* s, over the server's own end */
#define LIST_TIME 120           /* s, for one page */
#define BRIEF     1000          /* ms; a watch that brought nothing by then */

struct kecs_watch_s {
    kecs_kube_t         *k;
    kecs_watch_sink_t    sink;
    kecs_watch_conf_t    conf;
    kecs_str_t           query;     /* "&labelSelector=..." */
    kecs_arena_t        *arena;     /* of the configuration */
    kecs_arena_t        *scratch;   /* of one page or event */
    kecs_kube_call_t    *call;
    char                *version;
    char                *next;      /* continue token; NULL: first page */
    unsigned             list_failures;     /* in a row */
    unsigned             watch_failures;
    kecs_msec_t          since;     /* begin of this watch */
    kecs_msec_t          heard;     /* something came of the server */
    kecs_msec_t          pause;     /* what the server asks for */
    bool                 listing;   /* `begin` was called */
    bool                 told;      /* `lost` was called */
    bool                 synced;
    bool                 gone;      /* the version is too old */
    bool                 moved;     /* the watch brought something */
    char                 why[256];
};


static kecs_rc_t list(kecs_watch_t *w, bool restart);
static kecs_rc_t watch(kecs_watch_t *w);


static bool
keep(char **to, kecs_str_t s)
{
    char  *p;

    p = NULL;

    if (s.len > 0) {
        p = malloc(s.len + 1);

        if (p == NULL) {
            return false;
        }

        memcpy(p, s.data, s.len);
        p[s.len] = '\0';
    }

    free(*to);
    *to = p;

    return true;
}


static void
lose(kecs_watch_t *w, const char *why)
{
    w->listing = false;
    w->synced = false;

    if (!w->told) {
        w->told = true;
        w->sink.lost(w->sink.ctx, why);
    }
}


/* What follows a call can only fail for want of memory. */

static void
proceed(kecs_watch_t *w, kecs_rc_t rc)
{
    if (rc != KECS_OK) {
        (void) snprintf(w->why, sizeof(w->why), "%s", kecs_rc_name(rc));
        lose(w, w->why);
    }
}


static void
explain(kecs_watch_t *w, const kecs_kube_reply_t *reply)
{
    kecs_kube_status_t  status;

    if (reply->status == 0) {
        (void) snprintf(w->why, sizeof(w->why), "%s", reply->error);
        return;
    }

    kecs_arena_reset(w->scratch);
    kecs_kube_status(w->scratch, reply->body, &status);

    (void) snprintf(w->why, sizeof(w->why), "HTTP %ld%s%.*s", reply->status,
                    status.message.len > 0 ? ": " : "",
                    (int) (status.message.len > 200 ? 200
                           : status.message.len), status.message.data);
}


/* Listing. */


static bool
page_metadata(kecs_watch_t *w, const kecs_kube_list_t *l)
{
    kecs_str_t          version;
    const kecs_json_t  *meta;

    if (kecs_kube_parse(w->scratch, l->metadata, &meta) != KECS_OK) {
        return false;
    }

    version = kecs_json_str(kecs_json_get(meta, "resourceVersion"));

    return version.len > 0
           && keep(&w->version, version)
           && keep(&w->next, kecs_json_str(kecs_json_get(meta, "continue")));
}


static bool
page_items(kecs_watch_t *w, const kecs_kube_list_t *l)
{
    kecs_rc_t           rc;
    kecs_str_t          items, item;
    const kecs_json_t  *object;

    for (items = l->items;
         (rc = kecs_kube_item(&items, &item)) == KECS_OK; /* void */)
    {
        kecs_arena_reset(w->scratch);

        if (kecs_kube_parse(w->scratch, item, &object) != KECS_OK) {
            return false;
        }

        w->sink.object(w->sink.ctx, KECS_WATCH_LISTED, object);
    }

    return rc == KECS_DONE;
}


static bool
page(kecs_watch_t *w, kecs_str_t body)
{
    kecs_kube_list_t  l;

    kecs_arena_reset(w->scratch);

    if (kecs_kube_list(body, &l) != KECS_OK || !page_metadata(w, &l)) {
        return false;
    }

    if (!w->listing) {
        w->listing = true;
        w->sink.begin(w->sink.ctx);
    }

    return page_items(w, &l);
}


static void
list_failed(kecs_watch_t *w, const kecs_kube_reply_t *reply)
{
    if (reply->status != 200) {
        explain(w, reply);

    } else {
        (void) snprintf(w->why, sizeof(w->why), "the list of %.*s is "
                        "malformed", kecs_fmt(w->conf.path));
    }

    w->list_failures++;

    lose(w, w->why);
    proceed(w, list(w, true));
}


/* A continue token that is too old only means to begin anew. */

static void
listed(void *ctx, const kecs_kube_reply_t *reply)
{
    kecs_watch_t  *w = ctx;

    w->call = NULL;
    w->pause = reply->pause;

    if (reply->status == 410 && w->next != NULL) {
        w->list_failures++;
        proceed(w, list(w, true));
        return;
    }

    if (reply->status != 200 || !page(w, reply->body)) {
        list_failed(w, reply);
        return;
    }

    if (w->next != NULL) {
        proceed(w, list(w, false));
        return;
    }

    w->heard = kecs_monotonic();
    w->list_failures = 0;
    w->listing = false;
    w->told = false;
    w->synced = true;

    w->sink.synced(w->sink.ctx);
    proceed(w, watch(w));
}


static kecs_str_t
list_path(kecs_watch_t *w)
{
    kecs_str_t  next;

    next = w->next ? kecs_kube_escape(w->scratch, kecs_str_of(w->next))
                   : kecs_str("");

    if (next.data == NULL) {
        return kecs_null_str;
    }

    return kecs_sprintf(w->scratch, "%.*s?limit=%u%.*s%s%.*s",
                        kecs_fmt(w->conf.path), w->conf.limit,
                        kecs_fmt(w->query),
                        next.len > 0 ? "&continue=" : "", kecs_fmt(next));
}


/* Before what comes after n failures in a row. */

static kecs_msec_t
delay(kecs_watch_t *w, unsigned n)
{
    kecs_msec_t  pause;

    pause = n > 0 ? kecs_kube_backoff(w->k, n - 1) : 0;

    return pause > w->pause ? pause : w->pause;
}


/* A first failure of a watch costs no time, others of either kind do. */

static kecs_msec_t
list_delay(kecs_watch_t *w)
{
    unsigned  n;

    n = w->watch_failures > 1 ? w->watch_failures - 1 : 0;

    return delay(w, n > w->list_failures ? n : w->list_failures);
}


/* The next page, or the first one. */

static kecs_rc_t
list(kecs_watch_t *w, bool restart)
{
    kecs_kube_request_t  r;

    if (restart) {
        w->listing = false;
        (void) keep(&w->next, kecs_null_str);
    }

    kecs_arena_reset(w->scratch);
    memset(&r, 0, sizeof(kecs_kube_request_t));

    r.method = "GET";
    r.path = list_path(w);
    r.timeout = LIST_TIME;
    r.urgent = true;
    r.delay = list_delay(w);
    r.done = listed;
    r.ctx = w;

    return r.path.data ? kecs_kube_send(w->k, &r, &w->call) : KECS_NOMEM;
}


/* Watching. */


static kecs_watch_event_t
event_of(kecs_str_t type)
{
    return kecs_str_is(type, "ADDED") ? KECS_WATCH_ADDED
           : kecs_str_is(type, "DELETED") ? KECS_WATCH_DELETED
           : KECS_WATCH_MODIFIED;
}


/* An ERROR event carries a Status. */

static bool
error_event(kecs_watch_t *w, const kecs_json_t *status)
{
    kecs_str_t  message;

    message = kecs_json_str(kecs_json_get(status, "message"));
    (void) snprintf(w->why, sizeof(w->why), "%.*s",
                    (int) (message.len > 200 ? 200 : message.len),
                    message.data ? message.data : "");
    w->gone = true;

    return false;
}


static bool
changed(void *ctx, kecs_str_t line)
{
    kecs_str_t           type, version;
    kecs_watch_t        *w = ctx;
    const kecs_json_t   *event, *object;

    kecs_arena_reset(w->scratch);

    if (kecs_kube_parse(w->scratch, line, &event) != KECS_OK) {
        (void) snprintf(w->why, sizeof(w->why), "a watch event is malformed");
        w->gone = true;
        return false;
    }

    type = kecs_json_str(kecs_json_get(event, "type"));
    object = kecs_json_get(event, "object");

    if (kecs_str_is(type, "ERROR")) {
        return error_event(w, object);
    }

    version = kecs_json_str(kecs_json_at(object, "metadata",
                                         "resourceVersion", NULL));
    if (version.len > 0 && !keep(&w->version, version)) {
        return false;
    }

    w->moved = true;
    w->heard = kecs_monotonic();

    if (!kecs_str_is(type, "BOOKMARK")) {
        w->sink.object(w->sink.ctx, event_of(type), object);
    }

    return true;
}


/* Whether the watch was in contact, so that a failure is the first one. */

static bool
progress(const kecs_watch_t *w, const kecs_kube_reply_t *reply)
{
    return w->moved
           || (reply->begun && kecs_monotonic() - w->since >= BRIEF);
}


static void
ended(void *ctx, const kecs_kube_reply_t *reply)
{
    bool           clean;
    kecs_watch_t  *w = ctx;

    w->call = NULL;
    w->pause = reply->pause;

    clean = reply->status == 200 && !w->gone;

    if (progress(w, reply)) {
        w->watch_failures = 0;
    }

    if (!clean || !progress(w, reply)) {
        w->watch_failures++;
    }

    if (!clean && !w->gone) {
        explain(w, reply);
    }

    if (w->gone || reply->status == 410 || (!clean && w->watch_failures > 1)) {
        lose(w, w->why);
        proceed(w, list(w, true));
        return;
    }

    proceed(w, watch(w));
}


static kecs_rc_t
watch(kecs_watch_t *w)
{
    kecs_str_t           version;
    unsigned             seconds;
    kecs_kube_request_t  r;

    kecs_arena_reset(w->scratch);
    memset(&r, 0, sizeof(kecs_kube_request_t));

    w->gone = false;
    w->moved = false;

    seconds = w->conf.timeout + kecs_kube_random(w->k, w->conf.timeout + 1);
    version = kecs_kube_escape(w->scratch, kecs_str_of(w->version));

    if (version.data == NULL) {
        return KECS_NOMEM;
    }

    r.path = kecs_sprintf(w->scratch, "%.*s?watch=1&resourceVersion=%.*s"
                          "&allowWatchBookmarks=true&timeoutSeconds=%u%.*s",
                          kecs_fmt(w->conf.path), kecs_fmt(version), seconds,
                          kecs_fmt(w->query));
    r.method = "GET";
    r.timeout = seconds + GRACE;
    r.delay = delay(w, w->watch_failures);
    w->since = kecs_monotonic() + r.delay;
    r.line = changed;
    r.done = ended;
    r.ctx = w;

    return r.path.data ? kecs_kube_send(w->k, &r, &w->call) : KECS_NOMEM;
}


static kecs_str_t
query_of(kecs_arena_t *a, const kecs_watch_conf_t *conf)
{
    kecs_str_t  labels, fields;

    labels = kecs_kube_escape(a, conf->selector);
    fields = kecs_kube_escape(a, conf->fields);

    if (labels.data == NULL || fields.data == NULL) {
        return kecs_null_str;
    }

    return kecs_sprintf(a, "%s%.*s%s%.*s",
                        labels.len > 0 ? "&labelSelector=" : "",
                        kecs_fmt(labels),
                        fields.len > 0 ? "&fieldSelector=" : "",
                        kecs_fmt(fields));
}


static kecs_rc_t
setup(kecs_watch_t *w, const kecs_watch_conf_t *conf)
{
    w->arena = kecs_arena_create(0);
    w->scratch = kecs_arena_create(64 * 1024);

    if (w->arena == NULL || w->scratch == NULL) {
        return KECS_NOMEM;
    }

    w->conf.limit = conf->limit ? conf->limit : LIMIT;
    w->conf.timeout = conf->timeout ? conf->timeout : SECONDS;
    w->conf.path = kecs_strdup(w->arena, conf->path);
    w->query = query_of(w->arena, conf);

    if (w->conf.path.data == NULL || w->query.data == NULL) {
        return KECS_NOMEM;
    }

    return list(w, true);
}


kecs_rc_t
kecs_watch_open(kecs_kube_t *k, const kecs_watch_conf_t *conf,
    const kecs_watch_sink_t *sink, kecs_watch_t **out)
{
    kecs_rc_t      rc;
    kecs_watch_t  *w;

    w = calloc(1, sizeof(kecs_watch_t));

    if (w == NULL) {
        return KECS_NOMEM;
    }

    w->k = k;
    w->sink = *sink;

    rc = setup(w, conf);

    if (rc != KECS_OK) {
        kecs_watch_close(w);
        return rc;
    }

    *out = w;

    return KECS_OK;
}


void
kecs_watch_close(kecs_watch_t *w)
{
    if (w == NULL) {
        return;
    }

    if (w->call != NULL) {
        kecs_kube_cancel(w->k, w->call);
    }

    kecs_arena_destroy(w->arena);
    kecs_arena_destroy(w->scratch);
    free(w->version);
    free(w->next);
    free(w);
}


bool
kecs_watch_synced(const kecs_watch_t *w)
{
    return w->synced;
}


kecs_msec_t
kecs_watch_heard(const kecs_watch_t *w)
{
    return w->heard;
}


const char *
kecs_watch_why(const kecs_watch_t *w)
{
    return w->why;
}


void
kecs_watch_run(kecs_watch_t *w)
{
    if (w->call == NULL) {
        proceed(w, list(w, true));
    }
}
