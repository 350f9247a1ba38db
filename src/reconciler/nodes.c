/*
 * Nodes: what the runtime tells of them becomes records, and these make
 * container instances of them (ecs/node.c): a node that names clusters is
 * an instance of each of these as long as it does, any other one of those
 * whose tasks were put on it, until it has been idle there for a while.
 *
 * A copy of each node lives here, in an arena of its own.  A node that has
 * changed is dirty until its record, its instances and its memberships
 * follow; each step may be repeated, so that the work is cut into batches
 * and a failure of the store just leaves the node dirty.  Clusters that
 * were made meanwhile wait in a list.
 */

#include <stdlib.h>

#include "../base/log.h"
#include "../convert/node_status.h"
#include "reconciler.h"


#define SWEEP_MIN     50            /* ms */
#define SWEEP_MAX  60000
#define SWEEP_PART    10            /* so many times within the patience */

typedef struct live_node_s  live_node_t;

struct live_node_s {
    live_node_t       *next;
    kecs_arena_t      *arena;
    kecs_node_seen_t   seen;
    kecs_node_use_t    use;
    bool               use_known;   /* told in this run */
    bool               use_dirty;
    bool               use_put;     /* in the batch that is open */
    uint64_t           round;       /* of the list it was seen in */
    bool               dirty;
    bool               gone;
};

typedef struct new_cluster_s  new_cluster_t;

struct new_cluster_s {
    new_cluster_t  *next;
    uint32_t        scope;
    uint32_t        no;
};

struct kecs_nodes_s {
    live_node_t    *all;
    new_cluster_t  *clusters;
    uint64_t        round;
    bool            synced;
    bool            compare;        /* the records are to be compared */
    bool            dirty;          /* one of the nodes is */
    bool            use_dirty;      /* likewise */
    kecs_msec_t     sweep_at;       /* monotonic */
};


/* The copies. */


static live_node_t *
node_named(kecs_nodes_t *n, kecs_str_t name)
{
    live_node_t  *v;

    for (v = n->all; v != NULL; v = v->next) {
        if (kecs_str_eq(v->seen.name, name)) {
            return v;
        }
    }

    return NULL;
}


static void
dirty_node(kecs_nodes_t *n, live_node_t *v)
{
    v->dirty = true;
    n->dirty = true;
}


/* NULL: out of memory. */

static live_node_t *
add_node(kecs_nodes_t *n)
{
    live_node_t  *v;

    v = calloc(1, sizeof(*v));

    if (v != NULL) {
        v->next = n->all;
        n->all = v;
    }

    return v;
}


static bool
copy_node(live_node_t *v, const kecs_node_seen_t *seen)
{
    kecs_arena_t  *a;

    a = kecs_arena_create(1024);

    if (a == NULL || !kecs_node_copy(a, seen, &v->seen)) {
        kecs_arena_destroy(a);
        memset(&v->seen, 0, sizeof(v->seen));
        a = NULL;
    }

    kecs_arena_destroy(v->arena);
    v->arena = a;

    return a != NULL;
}


static void
drop_gone(kecs_nodes_t *n)
{
    live_node_t  *v, **at;

    for (at = &n->all; *at != NULL; /* void */) {
        v = *at;

        if (v->gone && !v->dirty) {
            *at = v->next;
            kecs_arena_destroy(v->arena);
            free(v);
            continue;
        }

        at = &v->next;
    }
}


/* The sink. */


static void
no_memory(kecs_reconciler_t *r)
{
    kecs_log(KECS_LOG_ERROR, "out of memory for the nodes of the runtime");
    r->failed = true;
}


static void
on_begin(void *ctx)
{
    kecs_reconciler_t  *r = ctx;

    r->nodes->round++;
}


static void
on_seen(void *ctx, const kecs_node_seen_t *seen)
{
    live_node_t        *v;
    kecs_nodes_t       *n;
    kecs_reconciler_t  *r = ctx;

    n = r->nodes;
    v = node_named(n, seen->name);

    if (v != NULL && !v->gone && kecs_node_same(&v->seen, seen)) {
        v->round = n->round;
        return;
    }

    v = v != NULL ? v : add_node(n);

    if (v == NULL || !copy_node(v, seen)) {
        no_memory(r);
        return;
    }

    v->round = n->round;
    v->gone = false;
    dirty_node(n, v);
}


static void
on_used(void *ctx, kecs_str_t name, const kecs_node_use_t *use)
{
    live_node_t        *v;
    kecs_reconciler_t  *r = ctx;

    v = node_named(r->nodes, name);

    if (v == NULL || (v->use_known && v->use.cpu == use->cpu
                      && v->use.memory == use->memory
                      && v->use.gpus == use->gpus))
    {
        return;
    }

    v->use = *use;
    v->use_known = true;
    v->use_dirty = true;
    r->nodes->use_dirty = true;
}


static void
on_gone(void *ctx, kecs_str_t name)
{
    live_node_t        *v;
    kecs_reconciler_t  *r = ctx;

    v = node_named(r->nodes, name);

    if (v != NULL && !v->gone) {
        v->gone = true;
        dirty_node(r->nodes, v);
    }
}


static void
on_synced(void *ctx)
{
    live_node_t        *v;
    kecs_nodes_t       *n;
    kecs_reconciler_t  *r = ctx;

    n = r->nodes;
    n->compare = !n->synced;
    n->synced = true;

    for (v = n->all; v != NULL; v = v->next) {
        if (v->round != n->round && !v->gone) {
            v->gone = true;
            dirty_node(n, v);
        }
    }
}


void
kecs_nodes_sink(kecs_runtime_sink_t *sink)
{
    sink->nodes_begin = on_begin;
    sink->node_seen = on_seen;
    sink->node_used = on_used;
    sink->node_gone = on_gone;
    sink->nodes_synced = on_synced;
}


/* Clusters that were made. */


static bool
any_names(const kecs_nodes_t *n)
{
    const live_node_t  *v;

    for (v = n->all; v != NULL; v = v->next) {
        if (v->seen.clusters.len != 0) {
            return true;
        }
    }

    return false;
}


kecs_rc_t
kecs_nodes_cluster(kecs_reconciler_t *r, const kecs_cluster_t *cluster)
{
    new_cluster_t  *k;

    if (cluster->status != KECS_CLUSTER_ACTIVE || !any_names(r->nodes)) {
        return KECS_OK;
    }

    k = calloc(1, sizeof(*k));
    if (k == NULL) {
        return KECS_NOMEM;
    }

    k->scope = cluster->rec.scope;
    k->no = cluster->no;
    k->next = r->nodes->clusters;
    r->nodes->clusters = k;

    return KECS_OK;
}


/* Writing. */


static kecs_rc_t
keep_node(kecs_batch_t *b, const live_node_t *v)
{
    uint32_t     own;
    kecs_rc_t    rc;
    kecs_call_t  c;

    rc = kecs_scope_own(b->txn, true, &own);

    if (rc == KECS_OK) {
        rc = kecs_batch_call(b, own, &c);
    }

    b->records++;

    return rc != KECS_OK ? rc : v->gone ? kecs_node_drop(&c, v->seen.name)
           : kecs_node_keep(&c, &v->seen, v->use_known ? &v->use : NULL);
}


/* The instance, its cluster, and a call in their scope. */

static kecs_rc_t
open_instance(kecs_reconciler_t *r, kecs_txn_t *txn, kecs_batch_t *b,
    kecs_instance_t *p, kecs_call_t *c, kecs_cluster_t *cluster)
{
    kecs_rc_t     rc;
    kecs_batch_t  look;

    look = (kecs_batch_t) { .r = r, .txn = txn, .now = kecs_wall_clock() };
    kecs_arena_reset(r->arena);
    rc = kecs_get(txn, r->arena, p, KECS_ALL_PARTS);

    if (rc == KECS_OK) {
        rc = kecs_batch_call(b != NULL ? b : &look, p->rec.scope, c);
    }

    return rc == KECS_OK ? kecs_cluster_by_no(c, p->cluster, cluster) : rc;
}


/*
 * Walks the instances of a node (of all when the name is absent), until
 * `each` says KECS_DONE or worse.
 */

typedef kecs_rc_t (*visit_pt)(kecs_call_t *c, kecs_str_t cluster,
    kecs_instance_t *p, void *ctx);

typedef struct {
    kecs_batch_t  *b;               /* NULL: only looked at */
    kecs_msec_t    patience;
    bool           due;
} visit_t;

static kecs_rc_t
each_instance(kecs_reconciler_t *r, kecs_txn_t *txn, kecs_str_t node,
    visit_pt each, visit_t *x)
{
    kecs_rc_t         rc;
    kecs_key_t        prefix;
    kecs_str_t        key;
    kecs_call_t       c;
    kecs_scan_t      *scan;
    kecs_arena_t     *a;
    kecs_cluster_t    cluster;
    kecs_instance_t   p;

    a = kecs_arena_create(0);
    if (a == NULL) {
        return KECS_NOMEM;
    }

    kecs_key_init(&prefix);

    if (node.len != 0) {
        kecs_key_str(&prefix, node);
    }

    rc = kecs_scan(txn, a, KECS_IX_INSTANCE_NODE, 0, &prefix, kecs_null_str,
                   false, &scan);

    while (rc == KECS_OK) {
        memset(&p, 0, sizeof(p));
        rc = kecs_scan_next(scan, &key, &p);

        if (rc == KECS_OK) {
            rc = open_instance(r, txn, x->b, &p, &c, &cluster);
        }

        if (rc == KECS_OK) {
            rc = each(&c, cluster.name, &p, x);
        }
    }

    kecs_arena_destroy(a);

    return rc == KECS_DONE ? KECS_OK : rc;
}


/* KECS_AGAIN: the batch is full; there is more. */

static kecs_rc_t
written(kecs_batch_t *b, uint64_t before, const kecs_instance_t *p)
{
    if (p->rec.rev == before) {
        return KECS_OK;
    }

    b->records++;

    return kecs_batch_full(b) ? KECS_AGAIN : KECS_OK;
}


static kecs_rc_t
refresh(kecs_call_t *c, kecs_str_t cluster, kecs_instance_t *p, void *ctx)
{
    visit_t     *x = ctx;
    uint64_t    rev;
    kecs_rc_t   rc;

    rev = p->rec.rev;
    rc = kecs_node_refresh(c, cluster, p);

    return rc == KECS_OK ? written(x->b, rev, p) : rc;
}


/* A node that names the cluster joins it, unless it is there. */

static kecs_rc_t
join_cluster(kecs_batch_t *b, kecs_call_t *c, const live_node_t *v,
    const kecs_cluster_t *cluster)
{
    kecs_rc_t        rc;
    kecs_host_t      node;
    kecs_instance_t  p;

    if (v->gone || !kecs_node_names(c, v->seen.clusters, cluster->name)) {
        return KECS_OK;
    }

    rc = kecs_node_get(c, v->seen.name, KECS_ALL_PARTS, &node);

    if (rc == KECS_OK) {
        rc = kecs_node_instance(c, &node, cluster->no, &p);
    }

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND || rc == KECS_EXISTS ? KECS_OK : rc;
    }

    p.version = 1;
    rc = kecs_put(b->txn, &p);
    b->records++;

    return rc == KECS_OK && kecs_batch_full(b) ? KECS_AGAIN : rc;
}


static kecs_rc_t
join_all(kecs_batch_t *b, const live_node_t *v)
{
    kecs_rc_t        rc;
    kecs_key_t       prefix;
    kecs_str_t       key;
    kecs_call_t      c;
    kecs_scan_t     *scan;
    kecs_arena_t    *a;
    kecs_cluster_t   cluster;

    a = kecs_arena_create(0);
    if (a == NULL) {
        return KECS_NOMEM;
    }

    kecs_key_init(&prefix);
    rc = kecs_scan(b->txn, a, KECS_IX_CLUSTER_ACTIVE, 0, &prefix,
                   kecs_null_str, false, &scan);

    while (rc == KECS_OK) {
        memset(&cluster, 0, sizeof(cluster));
        rc = kecs_scan_next(scan, &key, &cluster);

        if (rc != KECS_OK) {
            break;
        }

        kecs_arena_reset(b->r->arena);
        rc = kecs_get(b->txn, b->r->arena, &cluster, 0);

        if (rc == KECS_OK) {
            rc = kecs_batch_call(b, cluster.rec.scope, &c);
        }

        if (rc == KECS_OK) {
            rc = join_cluster(b, &c, v, &cluster);
        }
    }

    kecs_arena_destroy(a);

    return rc == KECS_DONE ? KECS_OK : rc;
}


static kecs_rc_t
follow_node(kecs_batch_t *b, live_node_t *v)
{
    visit_t     x;
    kecs_rc_t  rc;

    x = (visit_t) { .b = b };
    kecs_arena_reset(b->r->arena);
    rc = keep_node(b, v);

    if (rc == KECS_OK) {
        rc = each_instance(b->r, b->txn, v->seen.name, refresh, &x);
    }

    return rc == KECS_OK && !v->gone && v->seen.clusters.len != 0
           ? join_all(b, v) : rc;
}


static kecs_rc_t
follow_cluster(kecs_batch_t *b, const new_cluster_t *k)
{
    kecs_rc_t           rc;
    kecs_call_t         c;
    kecs_cluster_t      cluster;
    const live_node_t  *v;

    kecs_arena_reset(b->r->arena);
    rc = kecs_batch_call(b, k->scope, &c);

    if (rc == KECS_OK) {
        rc = kecs_cluster_by_no(&c, k->no, &cluster);
    }

    if (rc != KECS_OK || cluster.status != KECS_CLUSTER_ACTIVE) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    for (v = b->r->nodes->all; rc == KECS_OK && v != NULL; v = v->next) {
        rc = join_cluster(b, &c, v, &cluster);
    }

    return rc;
}


/* One batch for one piece of work; KECS_AGAIN: it is to be repeated. */

static kecs_rc_t
write_piece(kecs_reconciler_t *r, live_node_t *v, const new_cluster_t *k)
{
    kecs_rc_t     rc, done;
    kecs_batch_t  b;

    rc = kecs_batch_begin(r, &b);
    if (rc != KECS_OK) {
        return rc;
    }

    done = v != NULL ? follow_node(&b, v) : follow_cluster(&b, k);

    if (done != KECS_OK && done != KECS_AGAIN) {
        kecs_batch_abort(&b);
        kecs_store_failed(r, "written", done);
        return done;
    }

    rc = kecs_batch_commit(&b);

    return rc == KECS_OK ? done : rc;
}


static kecs_rc_t
write_nodes(kecs_reconciler_t *r)
{
    kecs_rc_t     rc;
    live_node_t  *v;

    rc = KECS_OK;

    for (v = r->nodes->all; v != NULL; v = v->next) {
        while (v->dirty) {
            rc = write_piece(r, v, NULL);

            if (rc != KECS_OK && rc != KECS_AGAIN) {
                return rc;
            }

            v->dirty = rc == KECS_AGAIN;
        }
    }

    r->nodes->dirty = false;
    drop_gone(r->nodes);

    return KECS_OK;
}


/* As many as go into a batch; KECS_AGAIN: there are more. */

static kecs_rc_t
put_uses(kecs_batch_t *b)
{
    uint32_t      own;
    kecs_rc_t     rc;
    kecs_call_t   c;
    live_node_t  *v;

    rc = kecs_scope_own(b->txn, true, &own);

    if (rc == KECS_OK) {
        rc = kecs_batch_call(b, own, &c);
    }

    for (v = b->r->nodes->all; rc == KECS_OK && v != NULL; v = v->next) {
        if (!v->use_dirty) {
            continue;
        }

        if (kecs_batch_full(b)) {
            return KECS_AGAIN;
        }

        rc = kecs_node_keep_use(&c, v->seen.name, &v->use);
        v->use_put = rc == KECS_OK;
        b->records++;
    }

    return rc;
}


static void
uses_put(kecs_nodes_t *n, bool committed)
{
    live_node_t  *v;

    for (v = n->all; v != NULL; v = v->next) {
        if (v->use_put) {
            v->use_put = false;
            v->use_dirty = !committed;
        }
    }
}


static kecs_rc_t
write_uses(kecs_reconciler_t *r)
{
    kecs_rc_t     rc, done;
    kecs_batch_t  b;

    do {
        rc = kecs_batch_begin(r, &b);
        if (rc != KECS_OK) {
            return rc;
        }

        kecs_arena_reset(r->arena);
        done = put_uses(&b);

        if (done != KECS_OK && done != KECS_AGAIN) {
            kecs_batch_abort(&b);
            uses_put(r->nodes, false);
            kecs_store_failed(r, "written", done);
            return done;
        }

        rc = kecs_batch_commit(&b);
        uses_put(r->nodes, rc == KECS_OK);

    } while (rc == KECS_OK && done == KECS_AGAIN);

    r->nodes->use_dirty = rc != KECS_OK;

    return rc;
}


static kecs_rc_t
write_clusters(kecs_reconciler_t *r)
{
    kecs_rc_t       rc;
    new_cluster_t  *k;

    while ((k = r->nodes->clusters) != NULL) {
        rc = write_piece(r, NULL, k);

        if (rc != KECS_OK && rc != KECS_AGAIN) {
            return rc;
        }

        if (rc == KECS_OK) {
            r->nodes->clusters = k->next;
            free(k);
        }
    }

    return KECS_OK;
}


/* Records of nodes that there are no more, from an earlier run. */

static kecs_rc_t
compare_with(kecs_reconciler_t *r, kecs_call_t *c)
{
    kecs_rc_t          rc;
    kecs_str_t         key;
    kecs_host_t        h;
    kecs_scan_t       *scan;
    live_node_t       *v;
    kecs_node_seen_t   seen;

    rc = kecs_node_scan(c, &scan);

    while (rc == KECS_OK && scan != NULL) {
        memset(&h, 0, sizeof(h));
        rc = kecs_scan_next(scan, &key, &h);

        if (rc != KECS_OK || node_named(r->nodes, h.name) != NULL) {
            continue;
        }

        memset(&seen, 0, sizeof(seen));
        seen.name = h.name;
        v = add_node(r->nodes);

        if (v == NULL || !copy_node(v, &seen)) {
            return KECS_NOMEM;
        }

        v->gone = true;
        dirty_node(r->nodes, v);
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


static kecs_rc_t
compare(kecs_reconciler_t *r)
{
    kecs_rc_t    rc;
    kecs_txn_t  *txn;
    kecs_call_t  c;

    rc = kecs_read_begin(r->store, &txn);
    if (rc != KECS_OK) {
        return rc;
    }

    kecs_arena_reset(r->arena);
    memset(&c, 0, sizeof(c));
    c.arena = r->arena;
    c.txn = txn;
    rc = compare_with(r, &c);
    kecs_read_end(txn);

    r->nodes->compare = rc != KECS_OK;

    return rc;
}


/* The idle ones. */


static kecs_rc_t
look_idle(kecs_call_t *c, kecs_str_t cluster, kecs_instance_t *p, void *ctx)
{
    bool        due;
    visit_t     *x = ctx;
    kecs_rc_t   rc;

    rc = kecs_node_idle(c, cluster, x->patience, p, &due);
    x->due |= due;

    return rc == KECS_OK && due ? KECS_DONE : rc;
}


static kecs_rc_t
write_idle(kecs_call_t *c, kecs_str_t cluster, kecs_instance_t *p, void *ctx)
{
    bool        due;
    visit_t     *x = ctx;
    uint64_t    rev;
    kecs_rc_t   rc;

    rev = p->rec.rev;
    rc = kecs_node_idle(c, cluster, x->patience, p, &due);

    if (rc == KECS_OK && due) {
        rc = kecs_put(c->txn, p);
    }

    return rc == KECS_OK ? written(x->b, rev, p) : rc;
}


static kecs_rc_t
any_idle(kecs_reconciler_t *r, visit_t *x)
{
    kecs_rc_t    rc;
    kecs_txn_t  *txn;

    rc = kecs_read_begin(r->store, &txn);

    if (rc == KECS_OK) {
        rc = each_instance(r, txn, kecs_null_str, look_idle, x);
        kecs_read_end(txn);
    }

    return rc;
}


static kecs_rc_t
sweep_idle(kecs_reconciler_t *r)
{
    visit_t        x;
    kecs_rc_t     rc;
    kecs_batch_t  b;

    for ( ;; ) {
        x = (visit_t) { .patience = r->set.instance_idle };
        rc = any_idle(r, &x);

        if (rc != KECS_OK || !x.due) {
            return rc;
        }

        rc = kecs_batch_begin(r, &b);
        if (rc != KECS_OK) {
            return rc;
        }

        x.b = &b;
        rc = each_instance(r, b.txn, kecs_null_str, write_idle, &x);

        if (rc != KECS_OK && rc != KECS_AGAIN) {
            kecs_batch_abort(&b);
            return rc;
        }

        rc = kecs_batch_commit(&b);

        if (rc != KECS_OK) {
            return rc;
        }
    }
}


static kecs_msec_t
sweep_every(const kecs_reconciler_t *r)
{
    kecs_msec_t  every;

    every = r->set.instance_idle / SWEEP_PART;

    return every < SWEEP_MIN ? SWEEP_MIN : every > SWEEP_MAX ? SWEEP_MAX
                                                             : every;
}


/* All of it. */


static kecs_rc_t
all_work(kecs_reconciler_t *r, bool due)
{
    kecs_rc_t      rc;
    kecs_nodes_t  *n;

    n = r->nodes;
    rc = n->compare ? compare(r) : KECS_OK;

    if (rc == KECS_OK && n->dirty) {
        rc = write_nodes(r);
    }

    if (rc == KECS_OK && n->use_dirty) {
        rc = write_uses(r);
    }

    if (rc == KECS_OK && n->clusters != NULL) {
        rc = write_clusters(r);
    }

    if (rc == KECS_OK && due) {
        rc = sweep_idle(r);
        n->sweep_at = kecs_monotonic() + sweep_every(r);
    }

    return rc;
}


void
kecs_nodes_follow(kecs_reconciler_t *r)
{
    bool           due;
    kecs_rc_t      rc;
    kecs_nodes_t  *n;

    n = r->nodes;
    due = kecs_monotonic() >= n->sweep_at;

    if ((!n->compare && !n->dirty && !n->use_dirty && n->clusters == NULL
         && !due)
        || !kecs_store_usable(r))
    {
        return;
    }

    rc = all_work(r, due);

    if (rc != KECS_OK && kecs_store_usable(r)) {
        kecs_store_failed(r, "read", rc);
    }
}


kecs_msec_t
kecs_nodes_due(const kecs_reconciler_t *r)
{
    const kecs_nodes_t  *n;

    n = r->nodes;

    return n->compare || n->dirty || n->use_dirty || n->clusters != NULL
           ? 1 : n->sweep_at;
}


kecs_nodes_t *
kecs_nodes_create(void)
{
    return calloc(1, sizeof(kecs_nodes_t));
}


void
kecs_nodes_destroy(kecs_nodes_t *n)
{
    live_node_t    *v;
    new_cluster_t  *k;

    while (n != NULL && (v = n->all) != NULL) {
        n->all = v->next;
        kecs_arena_destroy(v->arena);
        free(v);
    }

    while (n != NULL && (k = n->clusters) != NULL) {
        n->clusters = k->next;
        free(k);
    }

    free(n);
}
