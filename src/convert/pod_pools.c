/*
 * Where a pod may and would rather go.  A task that was put on a node goes
 * there and nowhere else.  Any other one is the scheduler's to place: it
 * prefers the nodes that are labelled with its capacity provider or its
 * launch type, and nodes that may be taken away at any time are for
 * FARGATE_SPOT.  These are preferences only, so that a cluster without any
 * such label runs everything.
 */

#include "node_status.h"
#include "pod_parts.h"


#define SPOT  "FARGATE_SPOT"

/* By which label those who run clusters tell such nodes. */
static const struct {
    const char  *key;
    const char  *value;
} spots[] = {
    { "cloud.google.com/gke-spot", "true" },
    { "eks.amazonaws.com/capacityType", "SPOT" },
    { "karpenter.sh/capacity-type", "spot" },
    { KECS_NODE_AZURE_SPOT, "spot" }
};

#define SPOTS  (sizeof(spots) / sizeof(spots[0]))


/* The provider that a node may name for this task; empty: none. */

static kecs_str_t
pool_of(const kecs_task_t *t)
{
    return t->provider.len == 0 && t->launch == KECS_LAUNCH_FARGATE
           ? kecs_str("FARGATE") : t->provider;
}


static bool
has_place(const kecs_task_t *t)
{
    return kecs_task_on_instance(t) && t->node.len != 0;
}


static void
expression(kecs_writer_t *w, const char *key, const char *operator,
    kecs_str_t one, const char *two)
{
    kecs_w_object(w, NULL);
    kecs_w_cstr(w, "key", key);
    kecs_w_cstr(w, "operator", operator);
    kecs_w_array(w, "values");
    kecs_w_str(w, NULL, one);

    if (two != NULL) {
        kecs_w_cstr(w, NULL, two);
    }

    kecs_w_array_end(w);
    kecs_w_object_end(w);
}


/* A scheduler still says whether there is room beside other pods. */

static void
require(kecs_pod_build_t *b)
{
    kecs_writer_t  *w = &b->w;

    kecs_w_object(w, "requiredDuringSchedulingIgnoredDuringExecution");
    kecs_w_array(w, "nodeSelectorTerms");
    kecs_w_object(w, NULL);
    kecs_w_array(w, "matchFields");
    expression(w, "metadata.name", "In", b->p->s.task->node, NULL);
    kecs_w_array_end(w);
    kecs_w_object_end(w);
    kecs_w_array_end(w);
    kecs_w_object_end(w);
}


static void
open_term(kecs_writer_t *w)
{
    kecs_w_object(w, NULL);
    kecs_w_object(w, "preference");
    kecs_w_array(w, "matchExpressions");
}


static void
close_term(kecs_writer_t *w, int64_t weight)
{
    kecs_w_array_end(w);
    kecs_w_object_end(w);
    kecs_w_i64(w, "weight", weight);
    kecs_w_object_end(w);
}


/* One label is enough to be such a node, and all have to be away not to. */

static void
prefer_spots(kecs_writer_t *w)
{
    size_t  i;

    for (i = 0; i < SPOTS; i++) {
        open_term(w);
        expression(w, spots[i].key, "In", kecs_str_of(spots[i].value), NULL);
        close_term(w, 10);
    }
}


static void
avoid_spots(kecs_writer_t *w)
{
    size_t  i;

    open_term(w);

    for (i = 0; i < SPOTS; i++) {
        expression(w, spots[i].key, "NotIn", kecs_str_of(spots[i].value),
                   NULL);
    }

    close_term(w, 10);
}


static void
prefer_launch(kecs_writer_t *w)
{
    open_term(w);
    expression(w, KECS_NODE_LAUNCH, "In", kecs_str("FARGATE"), NULL);
    close_term(w, 50);

    open_term(w);
    expression(w, KECS_NODE_LAUNCH, "NotIn", kecs_str("EC2"), "EXTERNAL");
    close_term(w, 50);
}


static void
prefer(kecs_pod_build_t *b, kecs_str_t pool)
{
    kecs_writer_t  *w = &b->w;

    kecs_w_array(w, "preferredDuringSchedulingIgnoredDuringExecution");

    open_term(w);
    expression(w, KECS_NODE_PROVIDER, "In", pool, NULL);
    close_term(w, 100);

    if (b->p->s.task->launch == KECS_LAUNCH_FARGATE) {
        prefer_launch(w);

        if (kecs_str_is(pool, SPOT)) {
            prefer_spots(w);

        } else {
            avoid_spots(w);
        }
    }

    kecs_w_array_end(w);
}


void
kecs_pod_write_affinity(kecs_pod_build_t *b)
{
    bool            placed;
    kecs_str_t      pool;
    kecs_writer_t  *w = &b->w;

    pool = pool_of(b->p->s.task);
    placed = has_place(b->p->s.task);

    if (!placed && pool.len == 0) {
        return;
    }

    kecs_w_object(w, "affinity");
    kecs_w_object(w, "nodeAffinity");

    if (placed) {
        require(b);

    } else {
        prefer(b, pool);
    }

    kecs_w_object_end(w);
    kecs_w_object_end(w);
}


/* Whom a node is reserved for was looked at when a task was put on it. */

void
kecs_pod_write_tolerations(kecs_pod_build_t *b)
{
    bool            placed;
    kecs_str_t      pool;
    kecs_writer_t  *w = &b->w;

    pool = pool_of(b->p->s.task);
    placed = has_place(b->p->s.task);

    if (!placed && pool.len == 0) {
        return;
    }

    kecs_w_array(w, "tolerations");
    kecs_w_object(w, NULL);
    kecs_w_cstr(w, "key", KECS_NODE_PROVIDER);
    kecs_w_cstr(w, "operator", placed ? "Exists" : "Equal");

    if (!placed) {
        kecs_w_str(w, "value", pool);
    }

    kecs_w_object_end(w);

    if (kecs_str_is(pool, SPOT)) {
        kecs_w_object(w, NULL);
        kecs_w_cstr(w, "effect", "NoSchedule");
        kecs_w_cstr(w, "key", KECS_NODE_AZURE_SPOT);
        kecs_w_cstr(w, "operator", "Equal");
        kecs_w_cstr(w, "value", "spot");
        kecs_w_object_end(w);
    }

    kecs_w_array_end(w);
}
