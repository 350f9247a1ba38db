/*
 * Rollouts that shift traffic (BLUE_GREEN, LINEAR, CANARY): pure, like the
 * service scheduler, which it uses.  Green, the new deployment, stands
 * beside blue, the one that was rolled out last; each is kept running as if
 * it were alone.  The service deployment goes through its lifecycle stages,
 * one per step: the weights of green, in tenths of a percent, change with
 * them, and hooks and bake times hold them up.  Blue loses its tasks in the
 * last stage, CLEAN_UP, by the rolling rules; going back is done by them
 * too, because blue only has to become the PRIMARY again.
 */

#include "scheduler.h"


typedef kecs_service_deployment_t  rollout_t;

typedef struct {
    kecs_arena_t             *arena;
    const kecs_sched_view_t  *view;
    const kecs_sched_conf_t  *conf;
    kecs_msec_t               now;
    kecs_actions_t           *out;
    const rollout_t          *sd;
    const kecs_deployment_t  *green;
    const kecs_deployment_t  *blue;     /* or NULL */
    bool                      failed;   /* the breaker was triggered */
} shift_t;

/* Whose tasks: of one deployment, or (NULL) of neither green nor blue. */

static bool
is_of(const shift_t *x, const kecs_sched_task_t *t,
    const kecs_deployment_t *d)
{
    if (d != NULL) {
        return t->deployment == d->id;
    }

    return t->deployment != x->green->id
           && (x->blue == NULL || t->deployment != x->blue->id);
}


static size_t
tasks_of(const shift_t *x, const kecs_deployment_t *d,
    kecs_sched_task_t *out)
{
    size_t  i, n;

    for (i = 0, n = 0; i < x->view->n_tasks; i++) {
        if (!is_of(x, &x->view->tasks[i], d)) {
            continue;
        }

        if (out != NULL) {
            out[n] = x->view->tasks[i];
        }

        n++;
    }

    return n;
}


/* Green and blue. */

static const kecs_deployment_t *
find_blue(const kecs_sched_view_t *view, const kecs_deployment_t *green)
{
    size_t                    i;
    const kecs_deployment_t  *d, *best;

    for (i = 0, best = NULL; i < view->n_deployments; i++) {
        d = &view->deployments[i];

        if (d == green) {
            continue;
        }

        if (d->id == view->service->completed) {
            return d;
        }

        if (d->rollout == KECS_ROLLOUT_COMPLETED
            && (best == NULL || d->created_at > best->created_at))
        {
            best = d;
        }
    }

    return best;
}


static bool
shifts(const kecs_sched_view_t *view)
{
    const rollout_t          *sd;
    const kecs_deployment_t  *green;

    sd = view->rollout;
    green = kecs_sched_primary(view);

    return sd != NULL && green != NULL && sd->run == green->id
           && sd->strategy > KECS_DEPLOY_ROLLING
           && sd->stage < KECS_STAGE_CLEAN_UP
           && sd->status != KECS_SERVICE_DEPLOYMENT_ROLLBACK_IN_PROGRESS
           && view->service->status == KECS_SERVICE_ACTIVE
           && green->rollout == KECS_ROLLOUT_IN_PROGRESS;
}


/* Groups of tasks, each as a service of its own. */

static kecs_action_t *
copy(shift_t *x, const kecs_action_t *from)
{
    kecs_action_t  *a;

    a = kecs_action_add(x->arena, x->out, from->type);

    if (a != NULL) {
        *a = *from;
    }

    return a;
}


/* The rollout goes on when all of green runs; only its failure counts. */

static kecs_rc_t
take_deployment(shift_t *x, const kecs_deployment_t *d,
    const kecs_action_t *from)
{
    kecs_action_t  *a;

    if (d == x->green && from->rollout == KECS_ROLLOUT_FAILED) {
        x->failed = true;

    } else if (from->desired == d->desired && from->failed == d->failed
               && from->healthy == d->healthy)
    {
        return KECS_OK;
    }

    a = copy(x, from);

    if (a == NULL) {
        return KECS_NOMEM;
    }

    if (d != x->green || !x->failed) {
        a->rollout = d->rollout;
        a->text = d->reason;
    }

    return KECS_OK;
}


/* Of events only the one behind the failure: that it has failed. */

static kecs_rc_t
take(shift_t *x, const kecs_deployment_t *d, const kecs_actions_t *actions)
{
    size_t                i;
    kecs_rc_t             rc;
    const kecs_action_t  *a;

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < actions->n; i++) {
        a = &actions->items[i];

        if (a->type == KECS_ACT_DEPLOYMENT) {
            rc = take_deployment(x, d, a);

        } else if (a->type == KECS_ACT_START || a->type == KECS_ACT_STOP
                   || (a->type == KECS_ACT_EVENT && x->failed && i != 0
                       && a[-1].type == KECS_ACT_DEPLOYMENT))
        {
            rc = copy(x, a) != NULL ? KECS_OK : KECS_NOMEM;
        }
    }

    if (actions->again_at != 0) {
        kecs_actions_again(x->out, x->now, actions->again_at);
    }

    return rc;
}


static kecs_rc_t
schedule_group(shift_t *x, const kecs_deployment_t *d, bool wanted)
{
    kecs_rc_t           rc;
    kecs_actions_t      actions;
    kecs_service_t      s;
    kecs_deployment_t   alone;
    kecs_sched_view_t   view;
    kecs_sched_task_t  *tasks;

    tasks = kecs_calloc(x->arena, x->view->n_tasks, sizeof(*tasks));

    if (tasks == NULL) {
        return KECS_NOMEM;
    }

    s = *x->view->service;
    s.desired = wanted ? s.desired : 0;
    s.min_percent = 100;
    s.max_percent = 200;

    memset(&view, 0, sizeof(view));
    view.service = &s;
    view.tasks = tasks;
    view.n_tasks = tasks_of(x, d, tasks);

    if (d != NULL) {
        alone = *d;
        alone.status = KECS_DEPLOYMENT_PRIMARY;
        view.deployments = &alone;
        view.n_deployments = 1;
        view.rollout = d == x->green ? x->sd : NULL;
        alone.rollout = d == x->green ? d->rollout : KECS_ROLLOUT_COMPLETED;
    }

    rc = kecs_schedule_rolling(x->arena, &view, x->conf, x->now, &actions);

    return rc == KECS_OK ? take(x, d, &actions) : rc;
}


/* Deployments that are neither: they end with their last task. */

static kecs_rc_t
settle_others(shift_t *x)
{
    size_t                    i;
    bool                      empty;
    kecs_action_t            *a;
    const kecs_deployment_t  *d;

    for (i = 0; i < x->view->n_deployments; i++) {
        d = &x->view->deployments[i];
        empty = tasks_of(x, d, NULL) == 0;

        if (d == x->green || d == x->blue || (!empty && d->desired == 0)) {
            continue;
        }

        a = kecs_action_add(x->arena, x->out,
                            empty ? KECS_ACT_DEPLOYMENT_END
                                  : KECS_ACT_DEPLOYMENT);

        if (a == NULL) {
            return KECS_NOMEM;
        }

        a->deployment = d->id;
        a->version = d->version;
        a->rollout = d->rollout;
        a->text = d->reason;
        a->failed = d->failed;
        a->healthy = d->healthy;
    }

    return KECS_OK;
}


/* Stages. */

static bool
is_ready(const shift_t *x)
{
    size_t                    i;
    uint32_t                  live, healthy;
    const kecs_sched_task_t  *t;

    for (i = 0, live = 0, healthy = 0; i < x->view->n_tasks; i++) {
        t = &x->view->tasks[i];

        if (is_of(x, t, x->green) && t->desired == KECS_DESIRED_RUNNING) {
            live++;
            healthy += kecs_sched_healthy(x->conf, t, x->now);
        }
    }

    return live == x->view->service->desired && healthy == live;
}


/* Whether the stage has lasted so many minutes; there is blue to wait for. */

static bool
is_baked(const shift_t *x, uint32_t minutes)
{
    kecs_msec_t  end;

    end = x->sd->stage_at + (kecs_msec_t) minutes * x->conf->minute;

    if (x->blue == NULL || x->now >= end) {
        return true;
    }

    kecs_actions_again(x->out, x->now, end);

    return false;
}


static unsigned
next_stage(const shift_t *x)
{
    bool      full, others;
    unsigned  stage;

    stage = x->sd->stage;
    others = tasks_of(x, NULL, NULL) != 0;
    full = x->sd->weight >= KECS_TRAFFIC_FULL;

    switch (stage) {

    case KECS_STAGE_NONE:
        return others ? KECS_STAGE_RECONCILE_SERVICE
                      : KECS_STAGE_PRE_SCALE_UP;

    case KECS_STAGE_RECONCILE_SERVICE:
        return others ? stage : stage + 1;

    case KECS_STAGE_SCALE_UP:
        return is_ready(x) ? stage + 1 : stage;

    case KECS_STAGE_PRODUCTION_TRAFFIC_SHIFT:
        if (!full && !is_baked(x, x->sd->step_bake)) {
            return stage;
        }

        return full ? KECS_STAGE_POST_PRODUCTION_TRAFFIC_SHIFT
                    : KECS_STAGE_PRE_PRODUCTION_TRAFFIC_SHIFT;

    case KECS_STAGE_BAKE_TIME:
        return is_baked(x, x->sd->bake) ? stage + 1 : stage;

    default:
        return stage + 1;
    }
}


/* Green's share of production traffic after one more shift. */

static uint32_t
next_weight(const shift_t *x)
{
    uint32_t          weight;
    const rollout_t  *sd;

    sd = x->sd;

    if (x->blue == NULL || (sd->strategy == KECS_DEPLOY_CANARY
                            && sd->weight != 0))
    {
        return KECS_TRAFFIC_FULL;
    }

    weight = sd->weight + sd->step;

    return sd->step != 0 && weight < KECS_TRAFFIC_FULL ? weight
                                                       : KECS_TRAFFIC_FULL;
}


static kecs_action_t *
rollout_action(shift_t *x, kecs_action_type_t type)
{
    kecs_action_t  *a;

    a = kecs_action_add(x->arena, x->out, type);

    if (a != NULL) {
        a->deployment = x->sd->id;
        a->version = x->sd->version;
    }

    return a;
}


/* Hooks of the stage hold it up: for their functions, for their time. */

static kecs_rc_t
wait_for_hooks(shift_t *x)
{
    bool              due;
    const rollout_t  *sd;

    sd = x->sd;

    if (x->now >= sd->hook_at) {
        return rollout_action(x, KECS_ACT_HOOKS_EXPIRE) != NULL
               ? KECS_OK : KECS_NOMEM;
    }

    due = sd->call_at != 0 && sd->call_at <= x->now;
    kecs_actions_again(x->out, x->now, sd->hook_at);
    kecs_actions_again(x->out, x->now, sd->call_at);

    return !due || rollout_action(x, KECS_ACT_HOOKS_CALL) != NULL
           ? KECS_OK : KECS_NOMEM;
}


static kecs_rc_t
advance(shift_t *x)
{
    unsigned          stage;
    kecs_action_t    *a;
    const rollout_t  *sd;

    sd = x->sd;

    if (sd->awaiting != 0) {
        return wait_for_hooks(x);
    }

    stage = next_stage(x);

    if (stage == sd->stage) {
        return KECS_OK;
    }

    a = rollout_action(x, KECS_ACT_STAGE);

    if (a == NULL) {
        return KECS_NOMEM;
    }

    a->stage = (uint8_t) stage;
    a->weight = stage == KECS_STAGE_PRODUCTION_TRAFFIC_SHIFT ? next_weight(x)
                                                             : sd->weight;
    a->test_weight = stage >= KECS_STAGE_TEST_TRAFFIC_SHIFT
                     ? KECS_TRAFFIC_FULL : 0;

    return KECS_OK;
}


static kecs_rc_t
schedule_shift(shift_t *x)
{
    kecs_rc_t  rc;

    rc = schedule_group(x, NULL, false);

    if (rc == KECS_OK && x->blue != NULL) {
        rc = schedule_group(x, x->blue, true);
    }

    if (rc == KECS_OK) {
        rc = schedule_group(x, x->green,
                            x->sd->stage >= KECS_STAGE_SCALE_UP);
    }

    if (rc == KECS_OK) {
        rc = settle_others(x);
    }

    return rc == KECS_OK && !x->failed
           && x->sd->status == KECS_SERVICE_DEPLOYMENT_IN_PROGRESS
           ? advance(x) : rc;
}


kecs_rc_t
kecs_schedule(kecs_arena_t *a, const kecs_sched_view_t *view,
    const kecs_sched_conf_t *conf, kecs_msec_t now, kecs_actions_t *out)
{
    shift_t    x;
    kecs_rc_t  rc;

    memset(out, 0, sizeof(*out));
    rc = kecs_sched_alarms(a, view, out);

    if (rc != KECS_OK || out->n != 0) {
        return rc;
    }

    if (view->service->strategy == KECS_STRATEGY_DAEMON
        && view->service->status == KECS_SERVICE_ACTIVE)
    {
        return kecs_schedule_daemon(a, view, conf, now, out);
    }

    if (!shifts(view)) {
        return kecs_schedule_rolling(a, view, conf, now, out);
    }

    memset(&x, 0, sizeof(x));
    x.arena = a;
    x.view = view;
    x.conf = conf;
    x.now = now;
    x.out = out;
    x.sd = view->rollout;
    x.green = kecs_sched_primary(view);
    x.blue = find_blue(view, x.green);

    return schedule_shift(&x);
}


/* Traffic. */

static bool
has_least(const kecs_sched_view_t *view, uint64_t deployment)
{
    size_t                    i;
    uint64_t                  n;
    const kecs_sched_task_t  *t;

    for (i = 0, n = 0; i < view->n_tasks; i++) {
        t = &view->tasks[i];
        n += t->deployment == deployment && t->status == KECS_TASK_RUNNING
             && t->desired == KECS_DESIRED_RUNNING;
    }

    return n * 100 >= (uint64_t) view->service->desired
                      * view->service->min_percent;
}


void
kecs_sched_traffic(const kecs_sched_view_t *view, kecs_traffic_t *out)
{
    bool                      back;
    const rollout_t          *sd;
    const kecs_deployment_t  *blue, *primary;

    memset(out, 0, sizeof(*out));
    sd = view->rollout;
    primary = kecs_sched_primary(view);

    if (sd == NULL || primary == NULL || sd->run != primary->id
        || sd->strategy <= KECS_DEPLOY_ROLLING
        || view->service->status != KECS_SERVICE_ACTIVE)
    {
        return;
    }

    back = sd->run != sd->id;
    blue = back ? primary : find_blue(view, primary);

    if (blue == NULL || (back && !has_least(view, blue->id))) {
        return;
    }

    *out = (kecs_traffic_t) {
        blue->id, sd->id, sd->weight, sd->test_weight
    };
}
