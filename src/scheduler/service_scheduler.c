/*
 * Rolling updates: one step of one service.  It sorts the tasks into
 * classes, counts, and derives starts and stops from desired count and
 * minimumHealthyPercent / maximumPercent (ecs-api.md 3.6, 3.7):
 *
 *     minimum = ceil(desired * min / 100)   healthy tasks never fall below
 *     maximum = floor(desired * max / 100)  tasks to run never exceed it
 *
 * New tasks belong to the PRIMARY deployment, old ones to all others; a
 * task on an instance that is DRAINING counts as an old one, and stops at
 * once when it does not run yet.  A healthy old task goes when new healthy
 * ones do its work, or when a new one needs its room, and always only down
 * to the minimum.  Tasks that are not healthy serve nobody, so they may go
 * at any time.
 *
 * At rest, and if the service wants that, one task at a time moves to
 * another zone (rebalance.h): its replacement is one task beyond the
 * desired count, which stays until it is healthy; what is beyond then goes
 * from the fullest zone, as always.
 *
 * A step leaves the rest to later steps: whoever applies the actions calls
 * again after each change and at `again_at`.
 */

#include <stdio.h>
#include <stdlib.h>

#include "rebalance.h"


typedef struct {
    const kecs_sched_task_t  *task;
    bool                      new;          /* of the PRIMARY deployment */
    bool                      live;         /* wanted to run */
    bool                      healthy;
    bool                      unhealthy;    /* its health check failed */
    bool                      victim;
    size_t                    zone;         /* index, when live */
} item_t;

typedef struct {
    kecs_arena_t             *arena;
    const kecs_sched_view_t  *view;
    const kecs_sched_conf_t  *conf;
    kecs_msec_t               now;
    kecs_actions_t           *out;
    const kecs_deployment_t  *primary;
    bool                      monitored;    /* by the circuit breaker */
    bool                      heals;        /* a failure count ends */
    bool                      fails;        /* the breaker is triggered, */
    bool                      alarmed;      /* or an alarm is */
    bool                      baking;       /* its bake time is not over */
    bool                      early;        /* enough of it is healthy */

    bool                      draining;     /* a task is to move away */

    item_t                   *items;
    kecs_zone_t              *zones;        /* live tasks, no victims */
    size_t                    n_zones;

    bool                      balances;     /* it may be rebalanced */
    bool                      moved;        /* a replacement gets its room */
    uint8_t                   balancing;    /* of the service from now on */
    kecs_msec_t               balance_at;

    int64_t                   desired;
    int64_t                   minimum;
    int64_t                   maximum;
    int64_t                   live;         /* all that are wanted to run */
    int64_t                   live_new;
    int64_t                   live_old;
    int64_t                   healthy;
    int64_t                   healthy_new;
    int64_t                   healthy_old;
    int64_t                   unhealthy_new;
    int64_t                   running_new;
    int64_t                   starts;
    int64_t                   stops;
    kecs_rc_t                 rc;
} step_t;


void
kecs_sched_conf_default(kecs_sched_conf_t *conf)
{
    conf->healthy_after = 40 * 1000;
    conf->throttle_first = 10 * 1000;
    conf->throttle_max = 27 * 60 * 1000;
    conf->throttle_from = 3;
    conf->burst = 500;
    conf->steady_every = 6 * 3600 * 1000;
    conf->minute = 60 * 1000;
    conf->balance_again = 30 * 60 * 1000;
    conf->balance_patience = 10 * 60 * 1000;
}


bool
kecs_sched_healthy(const kecs_sched_conf_t *conf,
    const kecs_sched_task_t *task, kecs_msec_t now)
{
    if (task->status != KECS_TASK_RUNNING || task->started_at == 0) {
        return false;
    }

    if (task->checked) {
        return task->health == KECS_HEALTH_HEALTHY;
    }

    return now - task->started_at >= conf->healthy_after;
}


void
kecs_actions_again(kecs_actions_t *out, kecs_msec_t now, kecs_msec_t t)
{
    if (t > now && (out->again_at == 0 || t < out->again_at)) {
        out->again_at = t;
    }
}


static void
again_at(step_t *s, kecs_msec_t t)
{
    kecs_actions_again(s->out, s->now, t);
}


kecs_action_t *
kecs_action_add(kecs_arena_t *arena, kecs_actions_t *out,
    kecs_action_type_t type)
{
    size_t          size;
    kecs_action_t  *a;

    if (out->n == out->size) {
        size = out->size ? out->size * 2 : 16;
        a = kecs_calloc(arena, size, sizeof(kecs_action_t));

        if (a == NULL) {
            return NULL;
        }

        if (out->n != 0) {
            memcpy(a, out->items, out->n * sizeof(kecs_action_t));
        }

        out->items = a;
        out->size = size;
    }

    a = &out->items[out->n++];
    a->type = type;

    return a;
}


kecs_action_t *
kecs_action_service(kecs_arena_t *arena, kecs_actions_t *out,
    const kecs_service_t *service)
{
    kecs_action_t  *a;

    a = kecs_action_add(arena, out, KECS_ACT_SERVICE);

    if (a != NULL) {
        a->version = service->version;
        a->status = service->status;
        a->steady = service->steady;
        a->desired = service->desired;
        a->throttled_until = service->throttled_until;
        a->balancing = service->balancing;
        a->balance_at = service->balance_at;
    }

    return a;
}


kecs_rc_t
kecs_action_event(kecs_arena_t *arena, kecs_actions_t *out, kecs_str_t text)
{
    kecs_action_t  *a;

    a = text.data != NULL ? kecs_action_add(arena, out, KECS_ACT_EVENT)
                          : NULL;

    if (a == NULL) {
        return KECS_NOMEM;
    }

    a->text = text;

    return KECS_OK;
}


kecs_rc_t
kecs_action_stop(kecs_arena_t *arena, kecs_actions_t *out,
    const kecs_service_t *service, const kecs_sched_task_t *task,
    bool unhealthy)
{
    kecs_action_t  *a;

    a = kecs_action_add(arena, out, KECS_ACT_STOP);

    if (a == NULL) {
        return KECS_NOMEM;
    }

    memcpy(a->task, task->id, KECS_ID_LEN);
    a->version = task->version;
    a->deployment = task->deployment;
    a->stop_code = KECS_STOP_SCHEDULER;
    a->text = unhealthy
              ? kecs_str("Task failed container health checks")
              : kecs_sprintf(arena, "Scaling activity initiated by"
                             " (deployment " KECS_DEPLOYMENT_FMT ")",
                             service->primary);

    return a->text.data != NULL ? KECS_OK : KECS_NOMEM;
}


static kecs_action_t *
action(step_t *s, kecs_action_type_t type)
{
    kecs_action_t  *a;

    a = kecs_action_add(s->arena, s->out, type);

    if (a == NULL) {
        s->rc = KECS_NOMEM;
    }

    return a;
}


static void
event(step_t *s, const char *fmt, uint64_t deployment)
{
    if (kecs_action_event(s->arena, s->out,
                          kecs_sprintf(s->arena, fmt, deployment))
        != KECS_OK)
    {
        s->rc = KECS_NOMEM;
    }
}


/* Within the grace period a failed health check is not held against it. */

bool
kecs_sched_unhealthy(const kecs_service_t *service,
    const kecs_sched_task_t *task, kecs_msec_t now)
{
    if (!task->checked || task->status != KECS_TASK_RUNNING
        || task->health != KECS_HEALTH_UNHEALTHY)
    {
        return false;
    }

    return now - task->started_at >= (kecs_msec_t) service->grace * 1000;
}


/* When this task's health may change by the passing of time alone. */

static void
look_again(step_t *s, const kecs_sched_task_t *t)
{
    if (t->status != KECS_TASK_RUNNING || t->started_at == 0) {
        return;
    }

    if (!t->checked) {
        again_at(s, t->started_at + s->conf->healthy_after);

    } else if (t->health == KECS_HEALTH_UNHEALTHY) {
        again_at(s, t->started_at
                    + (kecs_msec_t) s->view->service->grace * 1000);
    }
}


/* The index of a zone; a new one is added. */

static size_t
zone_of(step_t *s, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < s->n_zones; i++) {
        if (kecs_str_eq(s->zones[i].name, name)) {
            return i;
        }
    }

    s->zones[i].name = name;
    s->n_zones++;

    return i;
}


/* Adds a live task to the counts, or takes it out again (n = -1). */

static void
count(step_t *s, const item_t *i, int n)
{
    s->live += n;
    s->zones[i->zone].n += n;
    s->zones[i->zone].loose += i->task->protected ? 0 : n;
    s->healthy += i->healthy ? n : 0;

    if (i->new) {
        s->live_new += n;
        s->healthy_new += i->healthy ? n : 0;
        s->unhealthy_new += i->unhealthy ? n : 0;
        s->running_new += i->task->status == KECS_TASK_RUNNING ? n : 0;

    } else {
        s->live_old += n;
        s->healthy_old += i->healthy ? n : 0;
    }
}


static kecs_rc_t
classify(step_t *s)
{
    size_t                    i;
    item_t                   *it;
    const kecs_sched_task_t  *t;

    s->items = kecs_calloc(s->arena, s->view->n_tasks, sizeof(item_t));
    s->zones = kecs_calloc(s->arena, s->view->n_tasks + s->view->n_zones,
                           sizeof(kecs_zone_t));

    if (s->items == NULL || s->zones == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < s->view->n_zones; i++) {
        s->zones[zone_of(s, s->view->zones[i])].open = true;
    }

    for (i = 0; i < s->view->n_tasks; i++) {
        t = &s->view->tasks[i];
        it = &s->items[i];

        it->task = t;
        it->new = s->primary != NULL && t->deployment == s->primary->id
                  && !t->draining;
        it->live = t->desired == KECS_DESIRED_RUNNING
                   && t->status <= KECS_TASK_RUNNING;
        it->healthy = it->live && kecs_sched_healthy(s->conf, t, s->now);
        it->unhealthy = it->live
                        && kecs_sched_unhealthy(s->view->service, t, s->now);

        s->draining |= t->draining;

        if (it->live) {
            look_again(s, t);
            it->zone = zone_of(s, t->zone);
            count(s, it, 1);
        }
    }

    return KECS_OK;
}


static void
bounds(step_t *s)
{
    const kecs_service_t  *service;

    service = s->view->service;

    s->desired = service->status == KECS_SERVICE_ACTIVE ? service->desired
                                                        : 0;
    s->minimum = (s->desired * service->min_percent + 99) / 100;
    s->maximum = s->desired * service->max_percent / 100;
}


/* Rebalancing is for services at rest, with room for one task more. */

static bool
may_balance(const step_t *s)
{
    const kecs_service_t  *service;

    service = s->view->service;

    return service->rebalance == KECS_REBALANCE_ON
           && service->status == KECS_SERVICE_ACTIVE
           && service->strategy != KECS_STRATEGY_DAEMON
           && s->primary != NULL && s->view->rollout == NULL
           && s->primary->rollout == KECS_ROLLOUT_COMPLETED
           && s->view->n_deployments == 1 && s->view->n_zones != 0
           && !s->draining && s->maximum > s->desired;
}


/*
 * The circuit breaker looks at a rollout until it has ended.  Going back is
 * not looked at: it is tried until it succeeds.
 */

static bool
is_monitored(const step_t *s)
{
    const kecs_service_deployment_t  *sd;

    sd = s->view->rollout;

    return s->primary != NULL && sd != NULL
           && s->primary->rollout == KECS_ROLLOUT_IN_PROGRESS
           && (sd->breaker & KECS_BREAKER_ON)
           && sd->stage != KECS_STAGE_CLEAN_UP
           && (sd->status == KECS_SERVICE_DEPLOYMENT_PENDING
               || sd->status == KECS_SERVICE_DEPLOYMENT_IN_PROGRESS);
}


/*
 * Failures are forgotten when all tasks run; under a circuit breaker when
 * one more has become healthy, unless it counts all of them.
 */

static bool
has_healed(const step_t *s)
{
    const kecs_deployment_t  *d;

    d = s->primary;

    if (d == NULL || d->failed == 0) {
        return false;
    }

    if (s->monitored) {
        return s->healthy_new > d->healthy
               && !(s->view->rollout->breaker & KECS_BREAKER_CUMULATIVE);
    }

    return s->live_new == s->desired && s->running_new == s->live_new
           && s->desired != 0;
}


/* Early success: that share of the desired count is healthy. */

static bool
is_early(const step_t *s)
{
    const kecs_service_deployment_t  *sd;

    sd = s->view->rollout;

    return s->primary != NULL && sd != NULL && sd->early != KECS_EARLY_NONE
           && s->primary->rollout == KECS_ROLLOUT_IN_PROGRESS
           && sd->status == KECS_SERVICE_DEPLOYMENT_IN_PROGRESS && !s->fails
           && s->healthy_new * 100 >= s->desired * sd->early_percent;
}


/* An alarm ends a rollout that goes on. */

static bool
is_alarmed(const step_t *s)
{
    const kecs_service_deployment_t  *sd;

    sd = s->view->rollout;

    return s->primary != NULL && sd != NULL
           && s->primary->rollout == KECS_ROLLOUT_IN_PROGRESS
           && (sd->alarms & KECS_ALARMS_TRIGGERED)
           && (sd->status == KECS_SERVICE_DEPLOYMENT_PENDING
               || sd->status == KECS_SERVICE_DEPLOYMENT_IN_PROGRESS);
}


static void
look_at_failures(step_t *s)
{
    s->monitored = is_monitored(s);
    s->heals = has_healed(s);
    s->fails = s->monitored && !s->heals
               && s->primary->failed
                  >= kecs_breaker_threshold(s->view->rollout,
                                            (uint32_t) s->desired);
    s->alarmed = is_alarmed(s);
    s->fails = s->fails || s->alarmed;
    s->early = is_early(s);
}


/* Nothing more is started for a deployment that has failed. */

static bool
is_stalled(const step_t *s)
{
    return s->fails || (s->primary != NULL
                        && s->primary->rollout == KECS_ROLLOUT_FAILED);
}


/* Starts. */

static bool
throttled(step_t *s)
{
    const kecs_service_t  *service;

    service = s->view->service;

    return s->primary->failed >= s->conf->throttle_from
           && service->throttled_until > s->now;
}


/* How many new tasks are missing; failed ones do not count as there. */

static int64_t
wanted(const step_t *s)
{
    int64_t  n;

    n = s->desired - (s->live_new - s->unhealthy_new);

    return n > 0 && !is_stalled(s) ? n : 0;
}


static int64_t
room(const step_t *s)
{
    int64_t  n;

    n = s->maximum - s->live - s->starts;

    return n > 0 ? n : 0;
}


static void
start(step_t *s)
{
    int64_t         n;
    kecs_action_t  *a;

    n = wanted(s);
    n = n < room(s) ? n : room(s);

    if (n == 0 || s->primary == NULL) {
        return;
    }

    if (throttled(s)) {
        again_at(s, s->view->service->throttled_until);
        return;
    }

    if (n > (int64_t) s->conf->burst) {
        n = s->conf->burst;
    }

    a = action(s, KECS_ACT_START);

    if (a != NULL) {
        a->deployment = s->primary->id;
        a->version = s->view->service->version;
        a->n = (unsigned) n;
        s->starts = n;
    }
}


/* Stops. */

/* Who goes first: not running, then not healthy, then healthy. */

static int
rank(const item_t *i)
{
    if (i->task->status != KECS_TASK_RUNNING) {
        return 0;
    }

    return i->unhealthy ? 1 : i->healthy ? 3 : 2;
}


/* a goes before b: by rank, from the fuller zone, the younger one. */

static bool
before(const step_t *s, const item_t *a, const item_t *b)
{
    int64_t  in_a, in_b;

    if (rank(a) != rank(b)) {
        return rank(a) < rank(b);
    }

    if (a->zone != b->zone) {
        in_a = s->zones[a->zone].n;
        in_b = s->zones[b->zone].n;

        if (in_a != in_b) {
            return in_a > in_b;
        }
    }

    if (a->task->created_at != b->task->created_at) {
        return a->task->created_at > b->task->created_at;
    }

    return memcmp(a->task->id, b->task->id, KECS_ID_LEN) > 0;
}


typedef bool (*filter_pt)(const item_t *i);


/* Who may be stopped, in lanes of one rank and zone, the youngest first. */
typedef struct {
    item_t  **at;
    item_t  **end;
    int       rank;
} lane_t;

typedef struct {
    item_t  **items;
    size_t    n;
    lane_t   *lanes;
    size_t    n_lanes;
    size_t    first;            /* lanes before it are empty */
} victims_t;


static int
in_lanes(const void *x, const void *y)
{
    const item_t  *a, *b;

    a = *(item_t *const *) x;
    b = *(item_t *const *) y;

    if (rank(a) != rank(b)) {
        return rank(a) - rank(b);
    }

    if (a->zone != b->zone) {
        return a->zone < b->zone ? -1 : 1;
    }

    if (a->task->created_at != b->task->created_at) {
        return a->task->created_at > b->task->created_at ? -1 : 1;
    }

    return memcmp(b->task->id, a->task->id, KECS_ID_LEN);
}


static void
victims_split(victims_t *v)
{
    size_t   i;
    item_t  *it;
    lane_t  *lane;

    for (i = 0, lane = NULL; i < v->n; i++) {
        it = v->items[i];

        if (lane == NULL || it->zone != (*lane->at)->zone
            || rank(it) != lane->rank)
        {
            lane = &v->lanes[v->n_lanes++];
            lane->at = &v->items[i];
            lane->rank = rank(it);
        }

        lane->end = &v->items[i + 1];
    }
}


static bool
victims_find(step_t *s, filter_pt filter, victims_t *v)
{
    size_t   i;
    item_t  *it;

    memset(v, 0, sizeof(*v));
    v->items = kecs_calloc(s->arena, s->view->n_tasks, sizeof(item_t *));
    v->lanes = kecs_calloc(s->arena, s->view->n_tasks, sizeof(lane_t));

    if (v->items == NULL || v->lanes == NULL) {
        s->rc = KECS_NOMEM;
        return false;
    }

    for (i = 0; i < s->view->n_tasks; i++) {
        it = &s->items[i];

        if (it->live && !it->victim && !it->task->protected && filter(it)) {
            v->items[v->n++] = it;
        }
    }

    if (v->n != 0) {
        qsort(v->items, v->n, sizeof(item_t *), in_lanes);
    }

    victims_split(v);

    return true;
}


/* Zones empty as victims go, so the lanes' heads are compared each time. */

static item_t *
next_victim(const step_t *s, victims_t *v)
{
    size_t   i;
    lane_t  *lane, *best;

    while (v->first < v->n_lanes
           && v->lanes[v->first].at == v->lanes[v->first].end)
    {
        v->first++;
    }

    for (i = v->first, best = NULL; i < v->n_lanes; i++) {
        lane = &v->lanes[i];

        if (lane->rank != v->lanes[v->first].rank) {
            break;
        }

        if (lane->at != lane->end
            && (best == NULL || before(s, *lane->at, *best->at)))
        {
            best = lane;
        }
    }

    return best != NULL ? *best->at++ : NULL;
}


static void
stop(step_t *s, int64_t n, filter_pt filter)
{
    item_t     *it;
    victims_t   v;

    if (n <= 0 || !victims_find(s, filter, &v)) {
        return;
    }

    for ( /* void */ ; n > 0; n--) {
        it = next_victim(s, &v);

        if (it == NULL) {
            return;
        }

        it->victim = true;
        s->stops++;
        count(s, it, -1);

        if (kecs_action_stop(s->arena, s->out, s->view->service, it->task,
                             it->unhealthy) != KECS_OK)
        {
            s->rc = KECS_NOMEM;
            return;
        }
    }
}


static bool
is_new_idle(const item_t *i)
{
    return i->new && !i->healthy;
}


static bool
is_new_healthy(const item_t *i)
{
    return i->new && i->healthy;
}


static bool
is_new_unhealthy(const item_t *i)
{
    return i->new && i->unhealthy;
}


static bool
is_old_idle(const item_t *i)
{
    return !i->new && !i->healthy;
}


static bool
is_old_healthy(const item_t *i)
{
    return !i->new && i->healthy;
}


static bool
is_drained_idle(const item_t *i)
{
    return i->task->draining && i->task->status < KECS_TASK_RUNNING;
}


static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}


static int64_t
most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}


/* On a DRAINING instance nothing is to start any more. */

static void
stop_drained(step_t *s)
{
    if (s->draining) {
        stop(s, s->live, is_drained_idle);
    }
}


/*
 * Old tasks that serve nobody go when their room is needed or their work
 * is done; old healthy ones as in the comment on top.
 */

static void
stop_old(step_t *s)
{
    int64_t  idle, n, spare, surplus, short_of;

    idle = s->live_old - s->healthy_old;
    short_of = most(wanted(s) - room(s), 0);

    n = s->early || s->healthy_new >= s->desired ? idle
                                                 : least(idle, short_of);
    stop(s, n, is_old_idle);

    spare = most(s->healthy - s->minimum, 0);
    surplus = s->early ? s->healthy_old
                       : s->healthy_old - most(s->desired - s->healthy_new, 0);
    short_of = most(wanted(s) - room(s), 0);

    n = least(spare, most(surplus, short_of));
    stop(s, least(n, s->healthy_old), is_old_healthy);
}


/*
 * New tasks whose health check failed: replaced before they are stopped
 * where the maximum has room, otherwise stopped first.
 */

static void
stop_unhealthy(step_t *s)
{
    int64_t  n;

    if (s->unhealthy_new == 0) {
        return;
    }

    n = s->healthy_new >= s->desired ? s->unhealthy_new
                                     : most(wanted(s) - room(s), 0);

    stop(s, least(n, s->unhealthy_new), is_new_unhealthy);
}


/*
 * The task beyond the desired count that is to run in another zone: until
 * it is healthy it stays, unless it takes too long to start.
 */

static bool
is_awaited(step_t *s)
{
    size_t                    i;
    kecs_msec_t               until;
    const kecs_sched_task_t  *t;

    if (!s->balances || s->live_old != 0 || s->unhealthy_new != 0
        || s->view->service->balancing != KECS_BALANCING_MOVES
        || s->live_new != s->desired + 1 || s->healthy_new == s->live_new)
    {
        return false;
    }

    for (i = 0; i < s->view->n_tasks; i++) {
        t = s->items[i].task;
        until = t->created_at + s->conf->balance_patience;

        if (!s->items[i].live || t->status >= KECS_TASK_RUNNING) {
            continue;
        }

        if (until <= s->now) {
            return false;
        }

        again_at(s, until);
    }

    return true;
}


/* The stop that ends a move is told of as such. */

static void
name_zone(step_t *s, size_t from)
{
    size_t          i, k;
    kecs_action_t  *a;

    for (i = from; i < s->out->n; i++) {
        a = &s->out->items[i];

        for (k = 0; k < s->view->n_tasks; k++) {
            if (memcmp(s->items[k].task->id, a->task, KECS_ID_LEN) == 0) {
                a->zone = s->items[k].task->zone;
            }
        }
    }
}


/* New tasks beyond the desired count; the healthy ones go last. */

static void
stop_surplus(step_t *s)
{
    size_t   n;
    bool     moves;
    int64_t  surplus;

    if (is_awaited(s)) {
        return;
    }

    surplus = s->live_new - s->unhealthy_new - s->desired;
    moves = s->balances && surplus == 1 && s->healthy_new == s->live_new
            && s->view->service->balancing == KECS_BALANCING_MOVES;
    stop(s, surplus, is_new_idle);

    n = s->out->n;
    surplus = s->live_new - s->unhealthy_new - s->desired;
    stop(s, least(surplus, s->healthy - s->minimum), is_new_healthy);

    if (moves && s->out->n != n) {
        s->moved = true;
        name_zone(s, n);
    }
}


/* Rebalancing. */

static bool
zones_known(const step_t *s)
{
    size_t  i;

    for (i = 0; i < s->n_zones; i++) {
        if (s->zones[i].name.len == 0) {
            return false;
        }
    }

    return true;
}


static void
rebalance(step_t *s, int64_t live)
{
    kecs_rebalance_t  x;

    s->balancing = KECS_BALANCING_NOT;
    s->balance_at = 0;

    if (s->view->service->status != KECS_SERVICE_ACTIVE) {
        return;
    }

    memset(&x, 0, sizeof(x));
    x.arena = s->arena;
    x.service = s->view->service;
    x.conf = s->conf;
    x.now = s->now;
    x.out = s->out;
    x.zones = s->zones;
    x.n = s->n_zones;
    x.apt = s->balances;
    x.calm = s->live_new == s->desired && s->healthy_new == s->desired
             && s->starts == 0 && s->stops == 0
             && s->view->n_tasks == (size_t) s->live_new && zones_known(s);
    x.astray = live != s->desired && live != s->desired + 1;
    x.moved = s->moved;

    if (kecs_rebalance(&x) != KECS_OK) {
        s->rc = KECS_NOMEM;
    }

    s->balancing = x.balancing;
    s->balance_at = x.balance_at;
    s->starts += x.starts;
}


/* Records. */

static bool
has_tasks(const step_t *s, uint64_t deployment)
{
    size_t  i;

    for (i = 0; i < s->view->n_tasks; i++) {
        if (s->view->tasks[i].deployment == deployment) {
            return true;
        }
    }

    return false;
}


static uint32_t
live_of(const step_t *s, uint64_t deployment)
{
    size_t    i;
    uint32_t  n;

    for (i = 0, n = 0; i < s->view->n_tasks; i++) {
        n += s->items[i].live && !s->items[i].victim
             && s->view->tasks[i].deployment == deployment;
    }

    return n;
}


static kecs_action_t *
deployment_action(step_t *s, kecs_action_type_t type,
    const kecs_deployment_t *d)
{
    kecs_action_t  *a;

    a = action(s, type);

    if (a != NULL) {
        a->deployment = d->id;
        a->version = d->version;
        a->status = d->status;
        a->rollout = d->rollout;
        a->text = d->reason;
        a->desired = d->desired;
        a->failed = d->failed;
        a->healthy = d->healthy;
    }

    return a;
}


/* Old deployments: without tasks they end, with some they count down. */

static bool
settle_old(step_t *s)
{
    bool                      gone;
    size_t                    i;
    uint32_t                  live;
    kecs_action_t            *a;
    const kecs_deployment_t  *d;

    for (i = 0, gone = true; i < s->view->n_deployments; i++) {
        d = &s->view->deployments[i];

        if (d == s->primary) {
            continue;
        }

        if (!has_tasks(s, d->id)) {
            (void) deployment_action(s, KECS_ACT_DEPLOYMENT_END, d);
            continue;
        }

        gone = false;
        live = live_of(s, d->id);
        a = live != d->desired
            ? deployment_action(s, KECS_ACT_DEPLOYMENT, d) : NULL;

        if (a != NULL) {
            a->desired = live;
        }
    }

    return gone;
}


/* Its rollout ends: it has failed, or all of it runs. */

static void
end_rollout(step_t *s, kecs_action_t *a)
{
    if (s->alarmed) {
        a->rollout = KECS_ROLLOUT_FAILED;
        a->text = kecs_str("ECS deployment failed: alarm detected.");
        event(s, "(deployment " KECS_DEPLOYMENT_FMT ") deployment failed:"
              " alarm detected.", a->deployment);
        return;
    }

    if (s->fails) {
        a->rollout = KECS_ROLLOUT_FAILED;
        a->text = kecs_str("ECS deployment circuit breaker: tasks failed to"
                           " start.");
        event(s, "(deployment " KECS_DEPLOYMENT_FMT ") deployment failed:"
              " tasks failed to start.", a->deployment);
        return;
    }

    a->rollout = KECS_ROLLOUT_COMPLETED;
    a->text = kecs_sprintf(s->arena, "ECS deployment " KECS_DEPLOYMENT_FMT
                           " completed.", a->deployment);
    event(s, "(deployment " KECS_DEPLOYMENT_FMT ") deployment completed.",
          a->deployment);

    if (a->text.data == NULL) {
        s->rc = KECS_NOMEM;
    }
}


/* With alarms it is done when they have been looked at for some time. */

static bool
is_baked(step_t *s)
{
    kecs_msec_t     end;
    kecs_action_t  *a;

    end = kecs_sched_baked_at(s->view, s->conf);

    if (end == 0) {
        return true;
    }

    if (end != INT64_MAX && s->view->rollout->stage_at == 0) {
        a = action(s, KECS_ACT_BAKE);

        if (a != NULL) {
            a->deployment = s->view->rollout->id;
            a->version = s->view->rollout->version;
        }

        s->baking = true;
        return false;
    }

    s->baking = end > s->now;

    if (end != INT64_MAX) {
        again_at(s, end);
    }

    return !s->baking;
}


/* The PRIMARY deployment; true when this step completes it. */

static bool
settle_primary(step_t *s, bool settled, bool gone)
{
    bool                      completes, moved;
    size_t                    i;
    kecs_action_t             change, *a;
    const kecs_deployment_t  *d;

    d = s->primary;
    completes = (settled
                 || (is_early(s) && (gone || s->view->rollout->early
                                          == KECS_EARLY_DEFERRED)))
                && d->rollout == KECS_ROLLOUT_IN_PROGRESS && !s->fails
                && is_baked(s);
    moved = s->monitored && d->healthy != (uint32_t) s->healthy_new;

    if (!completes && !s->fails && !s->heals && !moved
        && d->desired == (uint32_t) s->desired)
    {
        return false;
    }

    i = s->out->n;
    a = deployment_action(s, KECS_ACT_DEPLOYMENT, d);

    if (a == NULL) {
        return false;
    }

    a->desired = (uint32_t) s->desired;
    a->failed = s->heals ? 0 : d->failed;
    a->healthy = s->monitored ? (uint32_t) s->healthy_new : d->healthy;
    change = *a;

    if (completes || s->fails) {
        end_rollout(s, &change);
        s->out->items[i] = change;
    }

    return completes;
}


static void
service_action(step_t *s, uint8_t status, uint8_t told)
{
    kecs_action_t  *a;

    a = kecs_action_service(s->arena, s->out, s->view->service);

    if (a == NULL) {
        s->rc = KECS_NOMEM;
        return;
    }

    a->status = status;
    a->steady = told;
    a->balancing = s->balancing;
    a->balance_at = s->balance_at;
}


/* What there is to tell of the service as it stands now. */

static uint8_t
worth_telling(step_t *s, bool settled)
{
    if (settled) {
        return KECS_TOLD_STEADY;
    }

    if (s->starts != 0 || s->stops != 0 || wanted(s) == 0) {
        return KECS_TOLD_NOTHING;
    }

    if (throttled(s)) {
        return KECS_TOLD_THROTTLED;
    }

    if (room(s) == 0 && s->live_old > 0 && s->healthy == s->live
        && s->view->n_tasks == (size_t) s->live)
    {
        return KECS_TOLD_BLOCKED;
    }

    return KECS_TOLD_NOTHING;
}


/* A steady state is told again from time to time. */

static bool
told_already(step_t *s, uint8_t what)
{
    kecs_msec_t  due;

    if (what != s->view->service->steady) {
        return false;
    }

    if (what != KECS_TOLD_STEADY) {
        return true;
    }

    due = s->view->service->steady_at + s->conf->steady_every;
    again_at(s, due);

    return s->now < due;
}


/* Nothing is to be told, but how far its rebalancing is has changed. */

static void
keep_balance(step_t *s)
{
    const kecs_service_t  *service;

    service = s->view->service;

    if (s->balancing != service->balancing
        || s->balance_at != service->balance_at)
    {
        service_action(s, service->status, service->steady);
    }
}


/* Steady, blocked, throttled: each is told once until things move. */

static void
tell(step_t *s, bool settled, bool completed)
{
    uint8_t                   what;
    static const char *const  texts[] = {
        [KECS_TOLD_STEADY] = "has reached a steady state.",
        [KECS_TOLD_BLOCKED] =
            "was unable to stop or start tasks during a deployment because"
            " of the service deployment configuration. Update the"
            " minimumHealthyPercent or maximumPercent value and try again.",
        [KECS_TOLD_THROTTLED] =
            "is unable to consistently start tasks successfully. For more"
            " information, see the Troubleshooting section of the Amazon ECS"
            " Developer Guide."
    };

    what = worth_telling(s, settled);

    if (!completed && told_already(s, what)) {
        keep_balance(s);
        return;
    }

    if (what == KECS_TOLD_NOTHING && s->starts == 0 && s->stops == 0
        && s->view->service->steady != KECS_TOLD_STEADY)
    {
        keep_balance(s);
        return;
    }

    if (what != KECS_TOLD_NOTHING) {
        event(s, texts[what], 0);
    }

    service_action(s, s->view->service->status, what);
}


/* A deleted service is done when its last task is STOPPED. */

static void
drain(step_t *s)
{
    size_t  i;

    if (s->view->n_tasks != 0) {
        (void) settle_old(s);
        return;
    }

    for (i = 0; i < s->view->n_deployments; i++) {
        (void) deployment_action(s, KECS_ACT_DEPLOYMENT_END,
                                 &s->view->deployments[i]);
    }

    service_action(s, KECS_SERVICE_INACTIVE, KECS_TOLD_NOTHING);
}


static void
settle(step_t *s)
{
    bool  gone, settled, completed;

    if (s->view->service->status == KECS_SERVICE_DRAINING) {
        drain(s);
        return;
    }

    gone = settle_old(s);
    settled = gone && s->live_new == s->desired
              && s->healthy_new == s->desired && s->starts == 0
              && s->stops == 0
              && s->view->n_tasks == (size_t) s->live_new;

    completed = s->primary != NULL && settle_primary(s, settled, gone);

    tell(s, settled && !s->baking, completed);
}


const kecs_deployment_t *
kecs_sched_primary(const kecs_sched_view_t *view)
{
    size_t  i;

    for (i = 0; i < view->n_deployments; i++) {
        if (view->deployments[i].status == KECS_DEPLOYMENT_PRIMARY) {
            return &view->deployments[i];
        }
    }

    return NULL;
}


kecs_rc_t
kecs_schedule_rolling(kecs_arena_t *a, const kecs_sched_view_t *view,
    const kecs_sched_conf_t *conf, kecs_msec_t now, kecs_actions_t *out)
{
    step_t     s;
    int64_t    live;
    kecs_rc_t  rc;

    memset(&s, 0, sizeof(step_t));
    memset(out, 0, sizeof(kecs_actions_t));

    s.arena = a;
    s.view = view;
    s.conf = conf;
    s.now = now;
    s.out = out;

    s.primary = kecs_sched_primary(view);
    bounds(&s);
    rc = classify(&s);

    if (rc != KECS_OK) {
        return rc;
    }

    look_at_failures(&s);
    s.balances = may_balance(&s);
    live = s.live_new;
    stop_unhealthy(&s);
    stop_drained(&s);
    stop_surplus(&s);
    stop_old(&s);
    start(&s);
    rebalance(&s, live);
    settle(&s);

    return s.rc;
}


/*
 * A task has failed: it could not start, its health check failed, or in a
 * rollout it ended on its own before it counted as healthy.
 */

static bool
has_failed(const kecs_sched_conf_t *conf, const kecs_deployment_t *d,
    const kecs_task_t *task, kecs_msec_t now)
{
    if (task->stop_code == KECS_STOP_USER) {
        return false;
    }

    if (task->stop_code == KECS_STOP_SCHEDULER) {
        return task->health == KECS_HEALTH_UNHEALTHY;
    }

    return task->started_at == 0
           || (task->stop_code == KECS_STOP_ESSENTIAL_EXITED
               && d->rollout == KECS_ROLLOUT_IN_PROGRESS
               && now - task->started_at < conf->healthy_after);
}


bool
kecs_sched_stopped(const kecs_sched_conf_t *conf, kecs_service_t *service,
    kecs_deployment_t *deployment, const kecs_task_t *task, kecs_msec_t now)
{
    unsigned     doubled;
    kecs_msec_t  delay;

    if (deployment->rollout == KECS_ROLLOUT_FAILED
        || !has_failed(conf, deployment, task, now))
    {
        return false;
    }

    deployment->failed++;

    if ((deployment->id != service->primary
         && deployment->id != service->completed)
        || deployment->failed < conf->throttle_from
        || (task->started_at != 0
            && task->stop_code == KECS_STOP_ESSENTIAL_EXITED))
    {
        return true;
    }

    doubled = deployment->failed - conf->throttle_from;
    delay = conf->throttle_first;

    while (doubled-- > 0 && delay < conf->throttle_max) {
        delay *= 2;
    }

    service->throttled_until = now + least(delay, conf->throttle_max);

    return true;
}
