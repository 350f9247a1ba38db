/*
 * Where the tasks of a service may run, whatever the room there: those of
 * the strategy DAEMON on each ACTIVE container instance of its cluster that
 * is for the launch type, the capacity provider and the constraints of what
 * the PRIMARY deployment runs; others in certain zones, between which they
 * are rebalanced.  Whether there is room is seen when a task is to start.
 * In the read transaction of a decision.
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
load_task(finding_t *f, const kecs_sched_view_t *view, uint64_t ordinal)
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
                               &f->deployment, &f->taskdef, ordinal,
                               &f->task)
           : rc;
}


/* What cannot be started has no constraints; why is told at its start. */

static kecs_rc_t
load_constraints(finding_t *f, const kecs_sched_view_t *view)
{
    kecs_rc_t  rc;

    rc = load_task(f, view, 0);

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


static kecs_rc_t
open_finding(finding_t *f, kecs_reconciler_t *r, kecs_txn_t *txn,
    const kecs_live_service_t *live, kecs_msec_t now)
{
    memset(f, 0, sizeof(*f));
    f->r = r;
    f->b.r = r;
    f->b.txn = txn;
    f->b.now = now;

    return kecs_batch_call(&f->b, live->scope, &f->c);
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

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, live->cluster);
    rc = kecs_scan(txn, r->arena, KECS_IX_INSTANCE, live->scope, &prefix,
                   kecs_null_str, false, &scan);

    if (rc == KECS_OK) {
        rc = kecs_scan_all(txn, r->arena, scan, sizeof(kecs_instance_t),
                          &list, &n);
    }

    if (rc == KECS_OK) {
        rc = open_finding(&f, r, txn, live, now);
    }

    if (rc == KECS_OK && n != 0) {
        rc = load_constraints(&f, view);
    }

    return rc == KECS_OK ? choose(&f, list, n, view) : rc;
}


/* Services of an earlier release: their STATIC part tells. */

static kecs_rc_t
learn_rebalance(finding_t *f, kecs_service_t *s)
{
    unsigned        on;
    kecs_rc_t       rc;
    kecs_service_t  whole;

    whole = *s;
    rc = kecs_get(f->c.txn, f->c.arena, &whole, KECS_ALL_PARTS);

    if (rc == KECS_OK) {
        rc = kecs_service_rebalances(&f->c, &whole, &on);
    }

    if (rc == KECS_OK) {
        s->rebalance = (uint8_t) on;
    }

    return rc;
}


/* At rest, or in the middle of it: otherwise zones are of no account. */

static bool
counts_zones(const kecs_sched_view_t *view)
{
    size_t                 i;
    const kecs_service_t  *s;

    s = view->service;

    if (s->rebalance == KECS_REBALANCE_OFF || s->status != KECS_SERVICE_ACTIVE
        || s->strategy == KECS_STRATEGY_DAEMON || view->rollout != NULL)
    {
        return false;
    }

    if (s->balancing >= KECS_BALANCING_ON) {
        return true;
    }

    for (i = 0; i < view->n_tasks; i++) {
        if (view->tasks[i].status != KECS_TASK_RUNNING) {
            return false;
        }
    }

    return view->n_tasks > 1 && view->n_tasks == s->desired;
}


kecs_rc_t
kecs_service_zones(kecs_reconciler_t *r, kecs_txn_t *txn,
    const kecs_live_service_t *live, kecs_msec_t now, kecs_service_t *s,
    kecs_sched_view_t *view)
{
    finding_t    f;
    kecs_rc_t    rc;
    kecs_str_t  *zones;

    if (!counts_zones(view)) {
        return KECS_OK;
    }

    rc = open_finding(&f, r, txn, live, now);

    if (rc == KECS_OK && s->rebalance == KECS_REBALANCE_UNKNOWN) {
        rc = learn_rebalance(&f, s);
    }

    if (rc != KECS_OK || s->rebalance != KECS_REBALANCE_ON) {
        return rc;
    }

    rc = load_task(&f, view, view->n_tasks);

    if (rc == KECS_OK) {
        rc = kecs_task_zones(&f.c, &f.task, &zones, &view->n_zones);
    }

    if (rc == KECS_OK) {
        view->zones = zones;
    }

    return rc == KECS_NOT_FOUND || rc == KECS_FAILED ? KECS_OK : rc;
}
