/*
 * The nodes: a watch of all of them, where we may list them, and a table
 * of their zones.  Nodes of a lost contact stay as they were, also when it
 * is the right to list them that was lost.  Where the watch has not told of
 * a node, it is asked for by name, once.
 */

#include <sys/queue.h>

#include "../base/log.h"
#include "../convert/node_status.h"
#include "../kube/object.h"
#include "kube_nodes.h"


#define BUCKETS     256

typedef struct known_s {
    SLIST_ENTRY(known_s)  link;
    kecs_kube_nodes_t    *of;
    kecs_str_t            name;
    kecs_str_t            zone;     /* absent: none, or not known yet */
    bool                  listed;   /* it was told of */
} known_t;

SLIST_HEAD(bucket_s, known_s);

struct kecs_kube_nodes_s {
    kecs_arena_t               *arena;
    kecs_arena_t               *scratch;
    kecs_kube_t                *k;
    kecs_watch_t               *watch;
    kecs_kube_load_t           *load;
    kecs_watch_conf_t           watching;
    const kecs_runtime_sink_t  *sink;
    bool                        get;        /* single ones may be got */
    bool                        denied;
    struct bucket_s             buckets[BUCKETS];
};


/* Zones. */


static struct bucket_s *
bucket_of(kecs_kube_nodes_t *n, kecs_str_t name)
{
    size_t    i;
    uint32_t  h;

    for (i = 0, h = 5381; i < name.len; i++) {
        h = h * 33 + (unsigned char) name.data[i];
    }

    return &n->buckets[h % BUCKETS];
}


static known_t *
find(kecs_kube_nodes_t *n, kecs_str_t name)
{
    known_t  *k;

    SLIST_FOREACH(k, bucket_of(n, name), link) {
        if (kecs_str_eq(k->name, name)) {
            return k;
        }
    }

    return NULL;
}


static known_t *
add(kecs_kube_nodes_t *n, kecs_str_t name)
{
    known_t  *k;

    k = kecs_zalloc(n->arena, sizeof(known_t));

    if (k == NULL) {
        return NULL;
    }

    k->of = n;
    k->name = kecs_strdup(n->arena, name);

    if (k->name.data == NULL) {
        return NULL;
    }

    SLIST_INSERT_HEAD(bucket_of(n, name), k, link);

    return k;
}


static void
set_zone(known_t *k, kecs_str_t zone)
{
    if (!kecs_str_eq(k->zone, zone)) {
        k->zone = zone.len != 0 ? kecs_strdup(k->of->arena, zone)
                                : kecs_null_str;
    }
}


static void
got(void *ctx, const kecs_kube_reply_t *reply)
{
    known_t            *k = ctx;
    const kecs_json_t  *node;
    kecs_kube_nodes_t  *n = k->of;

    if (reply->status == 403 && n->get) {
        n->get = false;
        kecs_log(KECS_LOG_NOTICE, "kubernetes: no right to look at nodes, so "
                 "tasks show no availability zone");
    }

    kecs_arena_reset(n->scratch);

    if (reply->status == 200
        && kecs_kube_parse(n->scratch, reply->body, &node) == KECS_OK)
    {
        set_zone(k, kecs_json_str(kecs_json_at(node, "metadata", "labels",
                                               KECS_ZONE_LABEL, NULL)));
    }
}


static void
ask(kecs_kube_nodes_t *n, known_t *k)
{
    kecs_str_t           name;
    kecs_kube_request_t  r;

    memset(&r, 0, sizeof(kecs_kube_request_t));

    name = kecs_kube_escape(n->arena, k->name);
    r.method = "GET";
    r.path = kecs_sprintf(n->arena, "/api/v1/nodes/%.*s", kecs_fmt(name));
    r.done = got;
    r.ctx = k;

    if (name.data != NULL && r.path.data != NULL) {
        (void) kecs_kube_send(n->k, &r, NULL);
    }
}


kecs_str_t
kecs_kube_nodes_zone(kecs_kube_nodes_t *n, kecs_str_t node)
{
    known_t  *k;

    k = find(n, node);

    if (k == NULL && n->get) {
        k = add(n, node);

        if (k != NULL) {
            ask(n, k);
        }
    }

    return k != NULL ? k->zone : kecs_null_str;
}


/* What pods take of them. */


static void
tell_use(void *ctx, kecs_str_t name)
{
    kecs_node_use_t     use;
    kecs_kube_nodes_t  *n = ctx;

    if (kecs_kube_load_of(n->load, name, &use) && n->sink->node_used != NULL)
    {
        n->sink->node_used(n->sink->ctx, name, &use);
    }
}


static void
tell_uses(void *ctx)
{
    size_t              i;
    known_t            *k;
    kecs_kube_nodes_t  *n = ctx;

    for (i = 0; i < BUCKETS; i++) {
        SLIST_FOREACH(k, &n->buckets[i], link) {
            if (k->listed) {
                tell_use(n, k->name);
            }
        }
    }
}


/* What the watch brings. */


static void
on_begin(void *ctx)
{
    kecs_kube_nodes_t  *n = ctx;

    n->denied = false;
    n->sink->nodes_begin(n->sink->ctx);
}


static void
on_object(void *ctx, kecs_watch_event_t event, const kecs_json_t *node)
{
    known_t            *k;
    kecs_node_seen_t    seen;
    kecs_kube_nodes_t  *n = ctx;

    kecs_arena_reset(n->scratch);

    if (kecs_node_observe(n->scratch, node, &seen) != KECS_OK) {
        kecs_log(KECS_LOG_WARN, "kubernetes: a node cannot be understood");
        return;
    }

    if (event == KECS_WATCH_DELETED) {
        n->sink->node_gone(n->sink->ctx, seen.name);
        return;
    }

    k = find(n, seen.name);
    k = k != NULL ? k : add(n, seen.name);

    if (k != NULL) {
        set_zone(k, seen.zone);
        k->listed = true;
    }

    n->sink->node_seen(n->sink->ctx, &seen);
    tell_use(n, seen.name);
}


static void
on_synced(void *ctx)
{
    kecs_kube_nodes_t  *n = ctx;

    n->sink->nodes_synced(n->sink->ctx);
}


static void
on_lost(void *ctx, const char *why)
{
    kecs_kube_nodes_t  *n = ctx;

    if (!kecs_str_starts(kecs_str_of(why), kecs_str("HTTP 403"))
        || n->denied)
    {
        return;
    }

    n->denied = true;
    kecs_log(KECS_LOG_NOTICE, "kubernetes: no right to list nodes: those that"
             " are known stay as they are, and no others become container"
             " instances");
}


/* Opening. */


kecs_kube_nodes_t *
kecs_kube_nodes_create(kecs_arena_t *a, kecs_arena_t *scratch,
    kecs_kube_t *k, kecs_str_t uuid, const kecs_runtime_sink_t *sink,
    const kecs_watch_conf_t *watching)
{
    kecs_kube_nodes_t      *n;
    kecs_kube_load_sink_t   told = { tell_uses, tell_use, NULL };

    n = kecs_zalloc(a, sizeof(kecs_kube_nodes_t));
    told.ctx = n;

    if (n == NULL
        || kecs_kube_load_open(k, uuid, watching, &told, &n->load) != KECS_OK)
    {
        return NULL;
    }

    n->arena = a;
    n->scratch = scratch;
    n->k = k;
    n->sink = sink;
    n->get = true;
    n->watching = *watching;
    n->watching.path = kecs_str("/api/v1/nodes");
    n->watching.selector = kecs_null_str;

    return n;
}


void
kecs_kube_nodes_close(kecs_kube_nodes_t *n)
{
    kecs_kube_nodes_disengage(n);
    kecs_kube_load_close(n->load);
    n->load = NULL;
}


kecs_kube_load_t *
kecs_kube_nodes_load(kecs_kube_nodes_t *n)
{
    return n->load;
}


kecs_rc_t
kecs_kube_nodes_engage(kecs_kube_nodes_t *n)
{
    kecs_rc_t          rc;
    kecs_watch_sink_t  sink = { on_begin, on_object, on_synced, on_lost, n };

    if (n->watch != NULL || n->sink->node_seen == NULL) {
        return KECS_OK;
    }

    rc = kecs_watch_open(n->k, &n->watching, &sink, &n->watch);

    return rc == KECS_OK ? kecs_kube_load_engage(n->load) : rc;
}


void
kecs_kube_nodes_disengage(kecs_kube_nodes_t *n)
{
    kecs_watch_close(n->watch);
    n->watch = NULL;
    kecs_kube_load_disengage(n->load);
}


void
kecs_kube_nodes_run(kecs_kube_nodes_t *n)
{
    if (n->watch != NULL) {
        kecs_watch_run(n->watch);
        kecs_kube_load_run(n->load);
    }
}
