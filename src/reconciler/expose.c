/*
 * What others see of services: names, counts, task definitions and who has
 * the traffic, gathered from the records in a read transaction and told to
 * the runtime, which holds it against what there is.  A service is looked at
 * only after a change of its own records; changes of its tasks cost nothing.
 */

#include "../base/log.h"
#include "reconciler.h"


#define EXPOSE_MSEC  20             /* of each round of the loop */
#define DEFINITIONS  16             /* different ones that count */

typedef struct {
    kecs_reconciler_t                 *r;
    kecs_txn_t                        *txn;
    const kecs_live_service_t         *live;
    kecs_service_facts_t               facts;
    const kecs_ecs_task_definition_t  *definitions[DEFINITIONS];
} exposing_t;


void
kecs_expose_later(kecs_reconciler_t *r, kecs_live_service_t *s)
{
    if (s->expose || r->rt->ops->expose == NULL) {
        return;
    }

    s->expose = true;
    s->expose_next = r->expose;
    r->expose = s;
}


static kecs_service_key_t
key_of(const kecs_live_service_t *s)
{
    return (kecs_service_key_t) { s->scope, s->cluster, s->no };
}


void
kecs_expose_drop(kecs_reconciler_t *r, kecs_live_service_t *s, bool over)
{
    kecs_service_key_t     key;
    kecs_live_service_t  **p;

    for (p = &r->expose; s->expose && *p != NULL; p = &(*p)->expose_next) {
        if (*p == s) {
            *p = s->expose_next;
            s->expose = false;
            break;
        }
    }

    if (over && r->rt->ops->unexpose != NULL) {
        key = key_of(s);
        r->rt->ops->unexpose(r->rt, &key);
    }
}


/* One that is gone, or one more than there is room for, is left out. */

static kecs_rc_t
add_definition(exposing_t *x, kecs_str_t family, uint32_t revision)
{
    size_t                              i;
    kecs_rc_t                           rc;
    const kecs_ecs_task_definition_t   *d;

    if (family.len == 0 || x->facts.n == DEFINITIONS) {
        return KECS_OK;
    }

    rc = kecs_definition_get(x->r, x->txn, x->live->scope, family, revision,
                             &d);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    for (i = 0; i < x->facts.n; i++) {
        if (x->definitions[i] == d) {
            return KECS_OK;
        }
    }

    x->definitions[x->facts.n++] = d;

    return KECS_OK;
}


static kecs_rc_t
add_deployments(exposing_t *x, const kecs_sched_view_t *view)
{
    size_t     i;
    kecs_rc_t  rc;

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < view->n_deployments; i++) {
        rc = add_definition(x, view->deployments[i].family,
                            view->deployments[i].revision);
    }

    return rc;
}


static kecs_rc_t
add_sets(exposing_t *x)
{
    kecs_rc_t        rc;
    kecs_key_t       prefix;
    kecs_str_t       key;
    kecs_scan_t     *scan;
    kecs_task_set_t  set;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, x->live->cluster);
    kecs_key_u32(&prefix, x->live->no);

    rc = kecs_scan_records(x->txn, x->r->arena, KECS_TASK_SET,
                           x->live->scope, &prefix, kecs_null_str, false,
                           &scan);

    while (rc == KECS_OK) {
        memset(&set, 0, sizeof(set));
        rc = kecs_scan_next(scan, &key, &set);

        if (rc == KECS_OK) {
            rc = kecs_get(x->txn, x->r->arena, &set, 0);
        }

        if (rc == KECS_OK) {
            rc = add_definition(x, set.family, set.revision);
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


/* Tasks are looked at only while a rollout shifts traffic. */

static kecs_rc_t
find_traffic(exposing_t *x, kecs_sched_view_t *view)
{
    bool         due;
    kecs_rc_t    rc;
    kecs_msec_t  now, end;

    now = kecs_wall_clock();
    rc = kecs_follow_look(x->r, x->txn, view, now, &due);

    if (rc != KECS_OK || view->rollout == NULL
        || view->rollout->strategy <= KECS_DEPLOY_ROLLING)
    {
        return rc;
    }

    rc = kecs_view_tasks(x->r, x->live, now, view, &end);

    if (rc == KECS_OK) {
        kecs_sched_traffic(view, &x->facts.traffic);
    }

    return rc;
}


/* What runs it, and who of that has its traffic. */

static kecs_rc_t
add_targets(exposing_t *x, const kecs_service_t *service)
{
    kecs_rc_t          rc;
    kecs_sched_view_t  view;

    memset(&view, 0, sizeof(view));
    view.service = service;

    rc = kecs_view_deployments(x->r, x->txn, x->live, &view);

    if (rc == KECS_OK) {
        rc = add_deployments(x, &view);
    }

    if (rc == KECS_OK) {
        rc = find_traffic(x, &view);
    }

    return rc == KECS_OK ? add_sets(x) : rc;
}


static kecs_rc_t
gather_facts(exposing_t *x)
{
    kecs_rc_t       rc;
    kecs_cluster_t  cluster;
    kecs_service_t  service;

    memset(&cluster, 0, sizeof(cluster));
    cluster.rec.kind = KECS_CLUSTER;
    cluster.rec.scope = x->live->scope;
    cluster.no = x->live->cluster;

    memset(&service, 0, sizeof(service));
    service.rec.kind = KECS_SERVICE;
    service.rec.scope = x->live->scope;
    service.cluster = x->live->cluster;
    service.no = x->live->no;

    rc = kecs_scope_name(x->txn, x->r->arena, x->live->scope,
                         &x->facts.place.account, &x->facts.place.region);

    if (rc == KECS_OK) {
        rc = kecs_get(x->txn, x->r->arena, &cluster, 0);
    }

    if (rc == KECS_OK) {
        rc = kecs_get(x->txn, x->r->arena, &service, 0);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    x->facts.place.cluster = cluster.name;
    x->facts.place.service = service.name;
    x->facts.desired = service.desired;
    x->facts.min_percent = service.min_percent;
    x->facts.definitions = x->definitions;

    rc = add_definition(x, service.family, service.revision);

    return rc == KECS_OK ? add_targets(x, &service) : rc;
}


/* KECS_NOT_FOUND: the log will tell that it is no more. */

static kecs_rc_t
expose_one(kecs_reconciler_t *r, const kecs_live_service_t *live)
{
    kecs_rc_t           rc;
    exposing_t          x;
    kecs_service_key_t  key;

    memset(&x, 0, sizeof(x));
    x.r = r;
    x.live = live;

    kecs_arena_reset(r->arena);
    rc = kecs_read_begin(r->store, &x.txn);

    if (rc != KECS_OK) {
        return rc;
    }

    rc = gather_facts(&x);
    key = key_of(live);

    if (rc == KECS_OK) {
        rc = r->rt->ops->expose(r->rt, &key, &x.facts);
    }

    kecs_read_end(x.txn);

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


/* Who does not know of all services must take nothing for left over. */

static void
cannot_expose(kecs_reconciler_t *r, const kecs_live_service_t *s,
    kecs_rc_t rc)
{
    r->exposed = true;
    kecs_log(KECS_LOG_WARN, "service %u of cluster %u cannot be exposed: %s",
             (unsigned) s->no, (unsigned) s->cluster, kecs_rc_name(rc));
}


void
kecs_expose(kecs_reconciler_t *r)
{
    kecs_rc_t             rc;
    kecs_msec_t           until;
    kecs_live_service_t  *s;

    if (r->rt->ops->expose == NULL) {
        return;
    }

    until = kecs_monotonic() + EXPOSE_MSEC;

    while (r->expose != NULL && kecs_monotonic() < until) {
        s = r->expose;
        rc = expose_one(r, s);

        if (rc == KECS_NOMEM) {
            kecs_store_failed(r, "read", rc);
            return;
        }

        if (rc != KECS_OK) {
            cannot_expose(r, s, rc);
        }

        r->expose = s->expose_next;
        s->expose = false;
    }

    if (r->expose == NULL && !r->exposed) {
        r->exposed = true;
        r->rt->ops->exposed(r->rt);
    }
}
