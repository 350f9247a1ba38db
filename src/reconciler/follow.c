/*
 * Service deployments follow the deployments that they run: begun, done,
 * failed, rolled back.  What they become is decided by the pure scheduler;
 * here the records are read and put, in the transaction of what they
 * follow.
 */

#include "reconciler.h"


typedef kecs_rc_t (*rollout_pt)(kecs_service_deployment_t *sd, void *arg);


/* Those of a service that are under way. */

static kecs_rc_t
each_rollout(kecs_txn_t *txn, kecs_arena_t *a, const kecs_service_t *s,
    unsigned parts, rollout_pt each, void *arg)
{
    kecs_rc_t                  rc;
    kecs_key_t                 prefix;
    kecs_str_t                 key;
    kecs_scan_t               *scan;
    kecs_service_deployment_t  sd;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, s->cluster);
    kecs_key_u32(&prefix, s->no);

    rc = kecs_scan(txn, a, KECS_IX_SERVICE_DEPLOYMENT_LIVE, s->rec.scope,
                   &prefix, kecs_null_str, false, &scan);

    while (rc == KECS_OK) {
        memset(&sd, 0, sizeof(sd));
        rc = kecs_scan_next(scan, &key, &sd);

        if (rc == KECS_OK) {
            rc = kecs_get(txn, a, &sd, parts);
        }

        if (rc == KECS_OK) {
            rc = each(&sd, arg);
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


typedef struct {
    kecs_arena_t       *arena;
    kecs_sched_view_t  *view;
    kecs_msec_t         now;
    bool                due;
} looking_t;


static kecs_rc_t
keep(looking_t *l, const kecs_service_deployment_t *sd)
{
    kecs_service_deployment_t  *kept;

    kept = kecs_zalloc(l->arena, sizeof(*kept));

    if (kept == NULL) {
        return KECS_NOMEM;
    }

    *kept = *sd;
    l->view->rollout = kept;

    return KECS_OK;
}


static kecs_rc_t
look_at_rollout(kecs_service_deployment_t *sd, void *arg)
{
    size_t                    i;
    kecs_rc_t                 rc;
    looking_t                *l = arg;
    const kecs_deployment_t  *run;

    for (i = 0, run = NULL; i < l->view->n_deployments; i++) {
        if (l->view->deployments[i].id == sd->run) {
            run = &l->view->deployments[i];
        }
    }

    rc = sd->run == l->view->service->primary ? keep(l, sd) : KECS_OK;

    if (rc == KECS_OK
        && kecs_sched_follow(sd, l->view->service, run, l->now)
           != KECS_FOLLOW_NOTHING)
    {
        l->due = true;
    }

    return rc;
}


kecs_rc_t
kecs_follow_look(kecs_reconciler_t *r, kecs_txn_t *txn,
    kecs_sched_view_t *view, kecs_msec_t now, bool *due)
{
    looking_t  l = { r->arena, view, now, false };
    kecs_rc_t  rc;

    rc = each_rollout(txn, r->arena, view->service, 0, look_at_rollout, &l);
    *due = l.due;

    return rc;
}


typedef struct {
    kecs_batch_t    *b;
    kecs_call_t     *c;
    kecs_service_t  *s;
} following_t;


/* KECS_NOT_FOUND: it is gone, or lives no more. */

static kecs_rc_t
run_of(const following_t *f, uint64_t id, kecs_deployment_t *d)
{
    kecs_rc_t  rc;

    memset(d, 0, sizeof(*d));
    d->rec.kind = KECS_DEPLOYMENT;
    d->rec.scope = f->s->rec.scope;
    d->cluster = f->s->cluster;
    d->service = f->s->no;
    d->id = id;

    rc = kecs_get(f->b->txn, f->b->r->arena, d, 0);

    return rc == KECS_OK && d->status == KECS_DEPLOYMENT_INACTIVE
           ? KECS_NOT_FOUND : rc;
}


static kecs_rc_t
follow_one(kecs_service_deployment_t *sd, void *arg)
{
    kecs_rc_t            rc;
    const following_t   *f = arg;
    kecs_deployment_t    d;

    rc = run_of(f, sd->run, &d);

    if (rc != KECS_OK && rc != KECS_NOT_FOUND) {
        return rc;
    }

    switch (kecs_sched_follow(sd, f->s, rc == KECS_OK ? &d : NULL,
                              f->b->now))
    {
    case KECS_FOLLOW_PUT:
        f->b->records++;
        return kecs_put(f->b->txn, sd);

    case KECS_FOLLOW_BACK:
        f->b->records += 4;
        return kecs_service_roll_back(f->c, f->s, sd);

    default:
        return KECS_OK;
    }
}


kecs_rc_t
kecs_follow(kecs_batch_t *b, kecs_call_t *c, kecs_service_t *s)
{
    following_t  f = { b, c, s };

    return each_rollout(b->txn, b->r->arena, s, KECS_ALL_PARTS, follow_one,
                        &f);
}
