/*
 * Where the tasks of a service of the strategy DAEMON are to run: on each
 * ACTIVE container instance of its cluster that satisfies the constraints
 * of what the PRIMARY deployment runs.  Whether there is room is seen when
 * a task is to start.  In the read transaction of a decision.
 */

#include "reconciler.h"


typedef struct {
    kecs_reconciler_t    *r;
    kecs_batch_t          b;
    kecs_call_t           c;
    kecs_cluster_t        cluster;
    kecs_service_t        service;
    kecs_deployment_t     deployment;
    kecs_taskdef_t        taskdef;
    kecs_new_task_t       task;
    kecs_placing_t       *constraints;
} finding_t;


/* A task as it would be started; KECS_NOT_FOUND: it cannot be. */

static kecs_rc_t
load_task(finding_t *f, const kecs_sched_view_t *view)
{
    kecs_rc_t                 rc;
    const kecs_deployment_t  *primary;

    primary = kecs_sched_primary(view);

    if (primary == NULL) {
        return KECS_NOT_FOUND;
    }

    f->service = *view->service;
    f->deployment = *primary;
    f->taskdef.rec.kind = KECS_TASKDEF;
    f->taskdef.rec.scope = primary->rec.scope;
    f->taskdef.family = primary->family;
    f->taskdef.revision = primary->revision;

    rc = kecs_cluster_by_no(&f->c, view->service->cluster, &f->cluster);

    if (rc == KECS_OK) {
        rc = kecs_get(f->c.txn, f->c.arena, &f->service, KECS_ALL_PARTS);
    }

    if (rc == KECS_OK) {
        rc = kecs_get(f->c.txn, f->c.arena, &f->deployment, KECS_ALL_PARTS);
    }

    if (rc == KECS_OK) {
        rc = kecs_get(f->c.txn, f->c.arena, &f->taskdef, KECS_ALL_PARTS);
    }

    return rc == KECS_OK
           ? kecs_service_task(&f->c, &f->cluster, &f->service,
                               &f->deployment, &f->taskdef, 0, &f->task)
           : rc;
}


/* What cannot be started has no constraints; why is told at its start. */

static kecs_rc_t
load_constraints(finding_t *f, const kecs_sched_view_t *view)
{
    kecs_rc_t  rc;

    rc = load_task(f, view);

    if (rc == KECS_OK) {
        rc = kecs_constraints_open(&f->c, &f->task, &f->constraints);
    }

    return rc == KECS_NOT_FOUND || rc == KECS_FAILED ? KECS_OK : rc;
}


static kecs_rc_t
is_for(const finding_t *f, const kecs_instance_t *p, bool *is)
{
    *is = p->status == KECS_INSTANCE_ACTIVE;

    return *is && f->constraints != NULL
           ? kecs_constraints_met(f->constraints, p->id, is) : KECS_OK;
}


/* As the index has them, which is by id. */

static kecs_rc_t
choose(const finding_t *f, const kecs_instance_t *list, size_t n,
    kecs_sched_view_t *view)
{
    bool        is;
    size_t      i;
    uint8_t   (*ids)[KECS_ID_LEN];
    kecs_rc_t   rc;

    ids = kecs_calloc(f->r->arena, n, KECS_ID_LEN);

    if (ids == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < n; i++) {
        rc = is_for(f, &list[i], &is);

        if (rc == KECS_OK && is) {
            memcpy(ids[view->n_instances++], list[i].id, KECS_ID_LEN);
        }
    }

    view->instances = (const uint8_t (*)[KECS_ID_LEN]) ids;

    return rc;
}


kecs_rc_t
kecs_daemon_instances(kecs_reconciler_t *r, kecs_txn_t *txn,
    const kecs_live_service_t *live, kecs_msec_t now,
    kecs_sched_view_t *view)
{
    void         *list;
    size_t        n;
    finding_t     f;
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_scan_t  *scan;

    memset(&f, 0, sizeof(f));
    f.r = r;
    f.b.r = r;
    f.b.txn = txn;
    f.b.now = now;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, live->cluster);
    rc = kecs_scan(txn, r->arena, KECS_IX_INSTANCE, live->scope, &prefix,
                   kecs_null_str, false, &scan);

    if (rc == KECS_OK) {
        rc = kecs_scan_all(txn, r->arena, scan, sizeof(kecs_instance_t),
                          &list, &n);
    }

    if (rc == KECS_OK) {
        rc = kecs_batch_call(&f.b, live->scope, &f.c);
    }

    if (rc == KECS_OK && n != 0) {
        rc = load_constraints(&f, view);
    }

    return rc == KECS_OK ? choose(&f, list, n, view) : rc;
}
