/*
 * Task sets: pure, like the service scheduler, which it uses.  For each set
 * it looks at the set's tasks alone, as if the set were the one deployment
 * of a service that wants the set's share, and turns what comes of it into
 * actions on the set.  Nothing is kept between calls.
 */

#include "scheduler.h"


typedef struct {
    kecs_arena_t             *arena;
    const kecs_sched_sets_t  *view;
    const kecs_sched_conf_t  *conf;
    kecs_msec_t               now;
    kecs_actions_t           *out;
} sets_t;


/* A set as a service with one deployment. */

static void
as_service(const kecs_service_t *service, const kecs_task_set_t *set,
    kecs_service_t *s, kecs_deployment_t *d)
{
    bool  wanted;

    wanted = service->status == KECS_SERVICE_ACTIVE
             && set->status != KECS_TASK_SET_DRAINING;

    *s = *service;
    s->status = KECS_SERVICE_ACTIVE;
    s->desired = wanted ? kecs_scale_count(service->desired, set->scale) : 0;
    s->min_percent = 100;
    s->max_percent = 200;
    s->primary = set->id;
    s->steady = set->steady;
    s->steady_at = set->steady_at;
    s->throttled_until = set->throttled_until;

    memset(d, 0, sizeof(kecs_deployment_t));
    d->cluster = set->cluster;
    d->service = set->service;
    d->id = set->id;
    d->status = KECS_DEPLOYMENT_PRIMARY;
    d->rollout = KECS_ROLLOUT_COMPLETED;
    d->desired = s->desired;
    d->failed = set->failed;
    d->version = set->version;
}


static kecs_rc_t
tasks_of(const sets_t *x, const kecs_task_set_t *set,
    kecs_sched_view_t *view)
{
    size_t              i, n;
    kecs_sched_task_t  *tasks;

    tasks = kecs_calloc(x->arena, x->view->n_tasks, sizeof(*tasks));

    if (tasks == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0, n = 0; i < x->view->n_tasks; i++) {
        if (x->view->tasks[i].deployment == set->id) {
            tasks[n++] = x->view->tasks[i];
        }
    }

    view->tasks = tasks;
    view->n_tasks = n;

    return KECS_OK;
}


static kecs_rc_t
copy(const sets_t *x, const kecs_action_t *from, uint64_t set)
{
    kecs_action_t  *a;

    a = kecs_action_add(x->arena, x->out, from->type);

    if (a == NULL) {
        return KECS_NOMEM;
    }

    *a = *from;
    a->deployment = set;

    return KECS_OK;
}


/* Starts, stops and events as they are; what is left is the set's own. */

static kecs_rc_t
take(const sets_t *x, const kecs_task_set_t *set,
    const kecs_actions_t *actions)
{
    size_t          i;
    uint8_t         steady;
    uint32_t        failed;
    kecs_rc_t       rc;
    kecs_action_t  *a;

    steady = set->steady;
    failed = set->failed;

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < actions->n; i++) {
        switch (actions->items[i].type) {

        case KECS_ACT_SERVICE:
            steady = actions->items[i].steady;
            break;

        case KECS_ACT_DEPLOYMENT:
            failed = actions->items[i].failed;
            break;

        default:
            rc = copy(x, &actions->items[i], set->id);
        }
    }

    if (rc != KECS_OK || (steady == set->steady && failed == set->failed)) {
        return rc;
    }

    a = kecs_action_add(x->arena, x->out, KECS_ACT_TASK_SET);

    if (a == NULL) {
        return KECS_NOMEM;
    }

    a->deployment = set->id;
    a->version = set->version;
    a->steady = steady;
    a->failed = failed;

    return KECS_OK;
}


static kecs_rc_t
end(kecs_arena_t *arena, const kecs_task_set_t *set, kecs_actions_t *out)
{
    kecs_action_t  *a;

    a = kecs_action_add(arena, out, KECS_ACT_TASK_SET_END);

    if (a == NULL) {
        return KECS_NOMEM;
    }

    a->deployment = set->id;
    a->version = set->version;

    return KECS_OK;
}


static void
sooner(kecs_actions_t *out, kecs_msec_t at)
{
    if (at != 0 && (out->again_at == 0 || at < out->again_at)) {
        out->again_at = at;
    }
}


static kecs_rc_t
one_set(const sets_t *x, const kecs_task_set_t *set)
{
    kecs_rc_t          rc;
    kecs_actions_t     actions;
    kecs_service_t     service;
    kecs_sched_view_t  view;
    kecs_deployment_t  deployment;

    as_service(x->view->service, set, &service, &deployment);

    memset(&view, 0, sizeof(view));
    view.service = &service;
    view.deployments = &deployment;
    view.n_deployments = 1;
    rc = tasks_of(x, set, &view);

    if (rc != KECS_OK) {
        return rc;
    }

    if (view.n_tasks == 0 && (set->status == KECS_TASK_SET_DRAINING
                              || x->view->service->status
                                 != KECS_SERVICE_ACTIVE))
    {
        return end(x->arena, set, x->out);
    }

    rc = kecs_schedule_rolling(x->arena, &view, x->conf, x->now, &actions);

    if (rc == KECS_OK) {
        sooner(x->out, actions.again_at);
        rc = take(x, set, &actions);
    }

    return rc;
}


static kecs_rc_t
drained(const sets_t *x)
{
    kecs_action_t  *a;

    a = kecs_action_service(x->arena, x->out, x->view->service);

    if (a == NULL) {
        return KECS_NOMEM;
    }

    a->status = KECS_SERVICE_INACTIVE;

    return KECS_OK;
}


kecs_rc_t
kecs_schedule_sets(kecs_arena_t *a, const kecs_sched_sets_t *view,
    const kecs_sched_conf_t *conf, kecs_msec_t now, kecs_actions_t *out)
{
    size_t     i;
    sets_t     x;
    kecs_rc_t  rc;

    memset(out, 0, sizeof(kecs_actions_t));

    x.arena = a;
    x.view = view;
    x.conf = conf;
    x.now = now;
    x.out = out;

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < view->n_sets; i++) {
        rc = one_set(&x, &view->sets[i]);
    }

    if (rc == KECS_OK && view->service->status == KECS_SERVICE_DRAINING
        && view->n_tasks == 0)
    {
        rc = drained(&x);
    }

    return rc;
}


kecs_rc_t
kecs_schedule_left_sets(kecs_arena_t *a, const kecs_sched_sets_t *view,
    kecs_actions_t *out)
{
    size_t     i, k;
    kecs_rc_t  rc;

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < view->n_sets; i++) {
        for (k = 0; k < view->n_tasks; k++) {
            if (view->tasks[k].deployment == view->sets[i].id) {
                break;
            }
        }

        if (k == view->n_tasks) {
            rc = end(a, &view->sets[i], out);
        }
    }

    return rc;
}


bool
kecs_sched_set_stopped(const kecs_sched_conf_t *conf,
    const kecs_service_t *service, kecs_task_set_t *set,
    const kecs_task_t *task, kecs_msec_t now)
{
    kecs_service_t     s;
    kecs_deployment_t  d;

    as_service(service, set, &s, &d);

    if (!kecs_sched_stopped(conf, &s, &d, task, now)) {
        return false;
    }

    set->failed = d.failed;
    set->throttled_until = s.throttled_until;

    return true;
}
