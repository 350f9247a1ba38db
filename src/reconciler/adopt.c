/*
 * Adoption: a task that runs for this store, as its label says, but has no
 * record (the store was restored from an older backup).  What its object
 * says of itself is enough to make the record again when its cluster and
 * its definition still exist; it keeps its id, and belongs to its service
 * again when that has the deployment still.  Anything else is left alone.
 */

#include "../base/log.h"
#include "reconciler.h"


#define SERVICE_GROUP  "service:"
#define DEPLOYMENT     "ecs-svc/"


/* Cluster name and scope, from "task/CLUSTER/ID". */

static kecs_rc_t
place(kecs_batch_t *b, const kecs_observation_t *o, kecs_call_t *c,
    kecs_cluster_t *cluster)
{
    uint32_t     scope;
    kecs_arn_t   arn;
    kecs_rc_t    rc;
    kecs_str_t   kind, name, rest;

    if (!kecs_arn_parse(o->task_arn, &arn)) {
        return KECS_INVALID;
    }

    rest = arn.resource;

    if (!kecs_str_split(&rest, '/', &kind) || !kecs_str_is(kind, "task")
        || !kecs_str_split(&rest, '/', &name))
    {
        return KECS_INVALID;
    }

    rc = kecs_scope_get(b->txn, arn.account, arn.region, false, &scope);

    if (rc == KECS_OK) {
        rc = kecs_batch_call(b, scope, c);
    }

    if (rc == KECS_OK) {
        rc = kecs_cluster_named(c, name, 0, cluster);
    }

    return rc;
}


/* Whether a service has this deployment or task set, and it lives. */

static kecs_rc_t
lives(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_service_t *s, kecs_str_t name, uint64_t id, bool *live)
{
    kecs_rc_t          rc;
    kecs_task_set_t    set;
    kecs_deployment_t  d;

    if (s->controller > KECS_CONTROLLER_ECS) {
        rc = kecs_find_task_set(c, cluster, s, name, &set);
        *live = rc == KECS_OK;
        return rc;
    }

    memset(&d, 0, sizeof(d));
    d.rec.kind = KECS_DEPLOYMENT;
    d.rec.scope = c->scope;
    d.cluster = cluster->no;
    d.service = s->no;
    d.id = id;
    rc = kecs_get(c->txn, c->arena, &d, 0);
    *live = rc == KECS_OK && d.status != KECS_DEPLOYMENT_INACTIVE;

    return rc;
}


/* The service and deployment it says it is of, when they still exist. */

static kecs_rc_t
belongs(kecs_call_t *c, const kecs_observation_t *o,
    const kecs_cluster_t *cluster, kecs_service_t *s, kecs_new_task_t *n)
{
    bool        live;
    uint64_t    id;
    kecs_rc_t   rc;
    kecs_str_t  group, deployment;

    group = kecs_str(SERVICE_GROUP);
    deployment = kecs_str(DEPLOYMENT);

    if (!kecs_str_starts(o->group, group)
        || !kecs_str_starts(o->started_by, deployment)
        || !kecs_str_u64(kecs_str_from(o->started_by, deployment.len), &id))
    {
        return KECS_OK;
    }

    rc = kecs_find_service(c, cluster, kecs_str_from(o->group, group.len), 0,
                           s);

    if (rc == KECS_OK) {
        rc = lives(c, cluster, s, o->started_by, id, &live);
    }

    if (rc == KECS_OK && live && s->status != KECS_SERVICE_INACTIVE) {
        n->service = s;
        n->deployment = id;
    }

    return rc == KECS_NOT_FOUND || rc == KECS_FAILED ? KECS_OK : rc;
}


kecs_rc_t
kecs_adopt(kecs_batch_t *b, const kecs_observation_t *o)
{
    kecs_rc_t        rc;
    kecs_call_t      c;
    kecs_task_t      task;
    kecs_cluster_t   cluster;
    kecs_service_t   service;
    kecs_taskdef_t   taskdef;
    kecs_new_task_t  n;

    memset(&n, 0, sizeof(n));

    rc = place(b, o, &c, &cluster);

    if (rc == KECS_OK) {
        rc = kecs_find_taskdef(&c, o->definition_arn, KECS_ALL_PARTS,
                               &taskdef);
    }

    if (rc == KECS_OK) {
        rc = belongs(&c, o, &cluster, &service, &n);
    }

    if (rc != KECS_OK) {
        return rc == KECS_FAILED ? KECS_INVALID : rc;
    }

    n.id = o->task;
    n.cluster = &cluster;
    n.taskdef = &taskdef;
    n.launch = kecs_launch_of(o->launch);
    n.started_by = o->started_by;
    n.group = o->group;

    if (n.launch == 0) {
        n.launch = KECS_LAUNCH_EC2;
    }

    rc = kecs_task_create(&c, &n, &task);
    b->records++;

    if (rc == KECS_OK) {
        kecs_log(KECS_LOG_NOTICE, "adopted the task %.*s of %.*s",
                 kecs_fmt(o->task_arn), kecs_fmt(o->handle));
    }

    return rc;
}
