/*
 * The scheduling strategy DAEMON: one task on each ACTIVE container
 * instance.  Pure, like the service scheduler, which does the accounts:
 * what has been rolled out, failed, and what is told of it.  Where tasks
 * start and stop is decided here, instance by instance.  An old task stops
 * before the new one starts (maximumPercent is 100), and healthy ones go
 * only down to minimumHealthyPercent.
 */

#include <stdlib.h>

#include "scheduler.h"


typedef struct {
    kecs_arena_t              *arena;
    const kecs_sched_view_t   *view;
    const kecs_sched_conf_t   *conf;
    kecs_msec_t                now;
    kecs_actions_t            *out;
    const kecs_deployment_t   *primary;
    const kecs_sched_task_t  **tasks;       /* that are to run, by instance */
    size_t                     n;
    int64_t                    healthy;     /* instances with one that is */
    int64_t                    minimum;
    uint8_t                  (*starts)[KECS_ID_LEN];
    unsigned                   n_starts;
    unsigned                   n_stops;
    bool                       failed;      /* starts nothing */
} daemon_t;


static int
by_instance(const void *x, const void *y)
{
    int                       order;
    const kecs_sched_task_t  *a, *b;

    a = *(const kecs_sched_task_t *const *) x;
    b = *(const kecs_sched_task_t *const *) y;
    order = memcmp(a->instance, b->instance, KECS_ID_LEN);

    return order != 0 ? order : memcmp(a->id, b->id, KECS_ID_LEN);
}


static bool
is_healthy(const daemon_t *x, const kecs_sched_task_t *t)
{
    return kecs_sched_healthy(x->conf, t, x->now);
}


static bool
is_new(const daemon_t *x, const kecs_sched_task_t *t)
{
    return x->primary != NULL && t->deployment == x->primary->id;
}


static int
ids(const void *a, const void *b)
{
    return memcmp(a, b, KECS_ID_LEN);
}


static void
count_healthy(daemon_t *x)
{
    size_t          i;
    const uint8_t  *at, *last;

    for (i = 0, last = NULL; i < x->n; i++) {
        at = x->tasks[i]->instance;

        if (is_healthy(x, x->tasks[i])
            && (last == NULL || ids(at, last) != 0)
            && x->view->n_instances != 0
            && bsearch(at, x->view->instances, x->view->n_instances,
                       KECS_ID_LEN, ids) != NULL)
        {
            x->healthy++;
            last = at;
        }
    }
}


static kecs_rc_t
prepare(daemon_t *x)
{
    size_t                    i;
    const kecs_sched_task_t  *t;

    x->tasks = kecs_calloc(x->arena, x->view->n_tasks, sizeof(*x->tasks));
    x->starts = kecs_calloc(x->arena, x->view->n_instances, KECS_ID_LEN);

    if (x->tasks == NULL || x->starts == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < x->view->n_tasks; i++) {
        t = &x->view->tasks[i];

        if (t->desired == KECS_DESIRED_RUNNING
            && t->status <= KECS_TASK_RUNNING)
        {
            x->tasks[x->n++] = t;
        }
    }

    if (x->n != 0) {
        qsort(x->tasks, x->n, sizeof(*x->tasks), by_instance);
        count_healthy(x);
    }

    return KECS_OK;
}


static kecs_rc_t
stop(daemon_t *x, const kecs_sched_task_t *t)
{
    if (t->protected) {
        return KECS_OK;
    }

    x->n_stops++;

    return kecs_action_stop(x->arena, x->out, x->view->service, t,
                            kecs_sched_unhealthy(x->view->service, t,
                                                 x->now));
}


/* The new task that stays on its instance: a healthy one, if there is. */

static const kecs_sched_task_t *
keeper(const daemon_t *x, size_t from, size_t to)
{
    size_t                    i;
    const kecs_sched_task_t  *t, *best;

    for (i = from, best = NULL; i < to; i++) {
        t = x->tasks[i];

        if (is_new(x, t)
            && !kecs_sched_unhealthy(x->view->service, t, x->now)
            && (best == NULL || (!is_healthy(x, best) && is_healthy(x, t))))
        {
            best = t;
        }
    }

    return best;
}


/* A task makes room for the one that stays, or that will be started. */

static bool
may_go(daemon_t *x, const kecs_sched_task_t *t,
    const kecs_sched_task_t *stays)
{
    if (!is_healthy(x, t) || (stays != NULL && is_healthy(x, stays))) {
        return true;
    }

    if (x->failed || t->protected || x->healthy <= x->minimum) {
        return false;
    }

    x->healthy--;

    return true;
}


/* The tasks of one instance that is to have one. */

static kecs_rc_t
settle_instance(daemon_t *x, const uint8_t *id, size_t from, size_t to)
{
    size_t                    i;
    kecs_rc_t                 rc;
    const kecs_sched_task_t  *stays;

    stays = keeper(x, from, to);

    if (from == to && !x->failed) {
        memcpy(x->starts[x->n_starts++], id, KECS_ID_LEN);
    }

    for (i = from, rc = KECS_OK; rc == KECS_OK && i < to; i++) {
        if (x->tasks[i] != stays && may_go(x, x->tasks[i], stays)) {
            rc = stop(x, x->tasks[i]);
        }
    }

    return rc;
}


static kecs_rc_t
settle_instances(daemon_t *x)
{
    int             order;
    size_t          i, k, from;
    kecs_rc_t       rc;
    const uint8_t  *id;

    rc = KECS_OK;

    for (i = 0, k = 0; rc == KECS_OK && i < x->view->n_instances; i++) {
        id = x->view->instances[i];

        for (order = -1; rc == KECS_OK && k < x->n; k++) {
            order = memcmp(x->tasks[k]->instance, id, KECS_ID_LEN);

            if (order >= 0) {
                break;
            }

            rc = stop(x, x->tasks[k]);
        }

        for (from = k; k < x->n; k++) {
            if (memcmp(x->tasks[k]->instance, id, KECS_ID_LEN) != 0) {
                break;
            }
        }

        if (rc == KECS_OK) {
            rc = settle_instance(x, id, from, k);
        }
    }

    for ( /* void */ ; rc == KECS_OK && k < x->n; k++) {
        rc = stop(x, x->tasks[k]);
    }

    return rc;
}


static kecs_rc_t
start(daemon_t *x)
{
    kecs_action_t         *a;
    const kecs_service_t  *s;

    s = x->view->service;

    if (x->n_starts == 0 || x->primary == NULL) {
        x->n_starts = 0;
        return KECS_OK;
    }

    if (x->primary->failed >= x->conf->throttle_from
        && s->throttled_until > x->now)
    {
        kecs_actions_again(x->out, x->now, s->throttled_until);
        x->n_starts = 0;
        return KECS_OK;
    }

    a = kecs_action_add(x->arena, x->out, KECS_ACT_START);

    if (a == NULL) {
        return KECS_NOMEM;
    }

    a->deployment = x->primary->id;
    a->version = s->version;
    a->n = x->n_starts < x->conf->burst ? x->n_starts : x->conf->burst;
    a->instances = (const uint8_t (*)[KECS_ID_LEN]) x->starts;

    return KECS_OK;
}


/* A deployment's counts; its rollout is where it was. */

static bool
is_count(const daemon_t *x, const kecs_action_t *a)
{
    size_t                    i;
    const kecs_deployment_t  *d;

    for (i = 0; i < x->view->n_deployments; i++) {
        d = &x->view->deployments[i];

        if (a->type == KECS_ACT_DEPLOYMENT && d->id == a->deployment) {
            return d->rollout == a->rollout;
        }
    }

    return false;
}


/* The accounts: those of a step that moves tasks tell of no end. */

static kecs_rc_t
take(daemon_t *x, const kecs_actions_t *accounts)
{
    size_t                i;
    bool                  moves, told;
    kecs_action_t        *a;
    const kecs_action_t  *from;

    moves = x->n_starts != 0 || x->n_stops != 0;
    told = false;

    for (i = 0; i < accounts->n; i++) {
        from = &accounts->items[i];

        if (from->type == KECS_ACT_START || from->type == KECS_ACT_STOP
            || (moves && from->type != KECS_ACT_DEPLOYMENT_END
                && !is_count(x, from) && !x->failed))
        {
            continue;
        }

        a = kecs_action_add(x->arena, x->out, from->type);

        if (a == NULL) {
            return KECS_NOMEM;
        }

        *a = *from;
        told = told || a->type == KECS_ACT_SERVICE;
    }

    if (told || x->view->service->desired == x->view->n_instances) {
        return KECS_OK;
    }

    a = kecs_action_service(x->arena, x->out, x->view->service);

    if (a == NULL) {
        return KECS_NOMEM;
    }

    a->steady = KECS_TOLD_NOTHING;
    a->desired = (uint32_t) x->view->n_instances;

    return KECS_OK;
}


static bool
has_failed(const daemon_t *x, const kecs_actions_t *accounts)
{
    size_t  i;

    for (i = 0; i < accounts->n; i++) {
        if (accounts->items[i].type == KECS_ACT_DEPLOYMENT
            && accounts->items[i].deployment == x->primary->id
            && accounts->items[i].rollout == KECS_ROLLOUT_FAILED)
        {
            return true;
        }
    }

    return x->primary->rollout == KECS_ROLLOUT_FAILED;
}


kecs_rc_t
kecs_schedule_daemon(kecs_arena_t *arena, const kecs_sched_view_t *view,
    const kecs_sched_conf_t *conf, kecs_msec_t now, kecs_actions_t *out)
{
    daemon_t           x;
    kecs_rc_t          rc;
    kecs_service_t     s;
    kecs_actions_t     accounts;
    kecs_sched_view_t  whole;

    s = *view->service;
    s.desired = (uint32_t) view->n_instances;
    whole = *view;
    whole.service = &s;
    rc = kecs_schedule_rolling(arena, &whole, conf, now, &accounts);

    memset(out, 0, sizeof(*out));
    memset(&x, 0, sizeof(x));
    x.arena = arena;
    x.view = view;
    x.conf = conf;
    x.now = now;
    x.out = out;
    x.primary = kecs_sched_primary(view);
    x.minimum = ((int64_t) view->n_instances * s.min_percent + 99) / 100;
    x.failed = x.primary == NULL || has_failed(&x, &accounts);
    kecs_actions_again(out, now, accounts.again_at);

    if (rc == KECS_OK) {
        rc = prepare(&x);
    }

    if (rc == KECS_OK) {
        rc = settle_instances(&x);
    }

    if (rc == KECS_OK) {
        rc = start(&x);
    }

    return rc == KECS_OK ? take(&x, &accounts) : rc;
}
