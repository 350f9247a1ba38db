/*
 * Deterministic simulation of the service scheduler: seeded scenarios of
 * one service each, in a small world of tasks that start late, fail to
 * start, crash, turn unhealthy and stop slowly, while a client scales,
 * rolls out, changes percentages, asks for rollbacks and deletes.  The
 * process that applies the decisions is late (what it decided on has moved
 * on), dies between two actions, or finds the clock set.  After each step
 * the invariants are checked; when the faults end, the service must
 * converge within a bound.  A failing seed is printed and can be replayed:
 *
 *     sim_scheduler --seed N --scenarios 1 --verbose
 */

#include <stdlib.h>

#include "../../src/base/rand.h"
#include "../../src/scheduler/scheduler.h"
#include "tap.h"


#define TASKS_MAX        4000
#define DEPLOYMENTS_MAX  64
#define INSTANCES_MAX    8
#define STEPS            120
#define SETTLE_STEPS     4000
#define ROUNDS           60


typedef struct {
    kecs_sched_task_t  t;
    kecs_msec_t        due;         /* next change of its own */
    bool               dead;        /* STOPPED */
    bool               bad;         /* will fail to start */
} sim_task_t;

typedef struct {
    uint64_t            seed;
    kecs_rand_t         rand;
    kecs_msec_t         now;
    kecs_sched_conf_t   conf;
    kecs_service_t      service;
    kecs_deployment_t   deployments[DEPLOYMENTS_MAX];
    size_t              n_deployments;
    kecs_service_deployment_t  sd;     /* the latest */
    sim_task_t          tasks[TASKS_MAX];
    size_t              n_tasks;
    bool                faults;
    bool                checked;    /* tasks have health checks */
    bool                late;       /* decided on what was before */
    uint64_t            blue;       /* what had the traffic before */
    bool                daemon;
    uint8_t             instances[INSTANCES_MAX][KECS_ID_LEN];
    size_t              n_instances;
    uint8_t             next_instance;
    unsigned            rotten;     /* percent of tasks that do not start */
    uint64_t            next_id;
    unsigned            steady_events;
    char                failure[256];
} world_t;

static bool      verbose;
static uint64_t  steps_run;

/* What was reached, over all scenarios. */
static uint64_t  statuses[KECS_SERVICE_DEPLOYMENT_ROLLBACK_FAILED + 1];
static uint64_t  stages[KECS_STAGE_CLEAN_UP + 1];
static uint64_t  triggered, expired, late_drops, early;


static void
broken(world_t *w, const char *what)
{
    if (w->failure[0] == '\0') {
        (void) snprintf(w->failure, sizeof(w->failure), "%s", what);
    }
}


static bool
chance(world_t *w, unsigned percent)
{
    return kecs_rand_below(&w->rand, 100) < percent;
}


static kecs_msec_t
between(world_t *w, kecs_msec_t lo, kecs_msec_t hi)
{
    return lo + (kecs_msec_t) kecs_rand_below(&w->rand,
                                              (uint64_t) (hi - lo + 1));
}


static kecs_deployment_t *
deployment(world_t *w, uint64_t id)
{
    size_t  i;

    for (i = 0; i < w->n_deployments; i++) {
        if (w->deployments[i].id == id) {
            return &w->deployments[i];
        }
    }

    return NULL;
}


/* Service deployments: all that may become of one (ecs-api.md 3.8). */

#define SD(name)   KECS_SERVICE_DEPLOYMENT_ ## name
#define TO(name)   (1u << KECS_SERVICE_DEPLOYMENT_ ## name)

static const unsigned  may_become[] = {
    [SD(PENDING)] = TO(IN_PROGRESS) | TO(SUCCESSFUL) | TO(STOPPED)
                    | TO(ROLLBACK_REQUESTED) | TO(ROLLBACK_IN_PROGRESS)
                    | TO(ROLLBACK_FAILED),
    [SD(IN_PROGRESS)] = TO(SUCCESSFUL) | TO(STOPPED) | TO(ROLLBACK_REQUESTED)
                        | TO(ROLLBACK_IN_PROGRESS) | TO(ROLLBACK_FAILED),
    [SD(ROLLBACK_REQUESTED)] = TO(ROLLBACK_IN_PROGRESS) | TO(ROLLBACK_FAILED)
                               | TO(STOPPED),
    [SD(ROLLBACK_IN_PROGRESS)] = TO(ROLLBACK_SUCCESSFUL)
                                 | TO(ROLLBACK_FAILED),
    [SD(ROLLBACK_FAILED)] = 0
};


static void
become(world_t *w, unsigned status)
{
    if (w->sd.status != 0 && !(may_become[w->sd.status] & (1u << status))) {
        broken(w, "a service deployment becomes what it may not");
    }

    if (verbose) {
        printf("# t=%lld service deployment %s -> %s\n",
               (long long) w->now,
               kecs_service_deployment_status_name(w->sd.status),
               kecs_service_deployment_status_name(status));
    }

    w->sd.status = (uint8_t) status;
    statuses[status]++;
}


static kecs_deployment_t *
add_deployment(world_t *w, uint64_t id)
{
    kecs_deployment_t  *d;

    d = &w->deployments[w->n_deployments++];
    memset(d, 0, sizeof(kecs_deployment_t));
    d->id = id;
    d->created_at = w->now;

    return d;
}


/* The PRIMARY of before gives way to this one. */

static void
make_primary(world_t *w, kecs_deployment_t *d, bool back)
{
    kecs_deployment_t  *old;

    old = deployment(w, w->service.primary);

    if (old != NULL) {
        old->status = KECS_DEPLOYMENT_ACTIVE;
        old->rollout = back ? KECS_ROLLOUT_FAILED : old->rollout;
        old->version++;
    }

    d->status = KECS_DEPLOYMENT_PRIMARY;
    d->rollout = KECS_ROLLOUT_IN_PROGRESS;
    d->failed = 0;
    d->healthy = 0;
    d->version++;

    w->service.primary = d->id;
    w->service.throttled_until = 0;
    w->service.version++;
    w->service.steady = 0;
}


static bool
is_live(const world_t *w)
{
    return w->sd.status != 0 && kecs_service_deployment_live(w->sd.status);
}


/* Green and blue stand beside each other. */

static bool
shifts(const world_t *w)
{
    return is_live(w) && w->sd.strategy > KECS_DEPLOY_ROLLING
           && w->sd.stage < KECS_STAGE_CLEAN_UP
           && w->sd.status != SD(ROLLBACK_IN_PROGRESS);
}


static void
configure(world_t *w)
{
    kecs_service_deployment_t  *sd;

    sd = &w->sd;
    sd->breaker = chance(w, 60) ? KECS_BREAKER_ON : 0;
    sd->breaker |= chance(w, 70) ? KECS_BREAKER_ROLLBACK : 0;
    sd->breaker |= chance(w, 30) ? KECS_BREAKER_CUMULATIVE : 0;
    sd->threshold_type = (uint8_t) kecs_rand_below(&w->rand, 3);
    sd->threshold_value = (uint32_t) kecs_rand_below(&w->rand, 8)
                          * (sd->threshold_type == KECS_THRESHOLD_COUNT
                             ? 1 : 20);

    sd->strategy = (uint8_t) kecs_rand_below(&w->rand, 6);
    sd->strategy = w->daemon || sd->strategy > KECS_DEPLOY_CANARY
                   ? KECS_DEPLOY_ROLLING : sd->strategy;
    sd->step = sd->strategy == KECS_DEPLOY_BLUE_GREEN
               ? KECS_TRAFFIC_FULL
               : 100 + (uint32_t) kecs_rand_below(&w->rand, 901);
    sd->early = sd->strategy == KECS_DEPLOY_ROLLING && chance(w, 30)
                ? (uint8_t) (1 + kecs_rand_below(&w->rand, 2)) : 0;
    sd->early_percent = (uint32_t) kecs_rand_below(&w->rand, 101);
    sd->bake = (uint32_t) kecs_rand_below(&w->rand, 3);
    sd->step_bake = (uint32_t) kecs_rand_below(&w->rand, 3);
    sd->hooks = chance(w, 40) ? (uint32_t) kecs_rand_below(&w->rand, 4096)
                              : 0;
}


static void
new_deployment(world_t *w)
{
    uint64_t  id;

    if (w->n_deployments == DEPLOYMENTS_MAX) {
        return;
    }

    if (is_live(w)) {
        become(w, w->sd.status == SD(ROLLBACK_IN_PROGRESS)
                  ? SD(ROLLBACK_FAILED) : SD(STOPPED));
    }

    id = ++w->next_id;
    make_primary(w, add_deployment(w, id), false);
    memset(&w->sd, 0, sizeof(w->sd));
    w->sd.id = id;
    w->sd.run = id;
    w->sd.status = SD(PENDING);
    configure(w);
    w->blue = w->service.completed;
    w->rotten = !w->faults ? 0 : chance(w, 25) ? 100 : 20;
}


/* Back to what was last rolled out, as kecs_service_roll_back does it. */

static void
roll_back(world_t *w)
{
    uint64_t            id;
    kecs_deployment_t  *d;

    w->sd.stage = w->sd.stage != 0 ? KECS_STAGE_CLEAN_UP : 0;
    w->sd.weight = 0;
    w->sd.test_weight = 0;
    w->sd.awaiting = 0;
    w->sd.version++;
    id = w->service.completed;

    if (id == 0 || id == w->sd.id) {
        become(w, SD(ROLLBACK_FAILED));
        d = deployment(w, w->service.primary);
        d->rollout = d->rollout == KECS_ROLLOUT_COMPLETED
                     ? d->rollout : KECS_ROLLOUT_FAILED;
        d->version++;
        return;
    }

    d = deployment(w, id);
    make_primary(w, d != NULL ? d : add_deployment(w, id), true);
    w->sd.run = id;
    become(w, SD(ROLLBACK_IN_PROGRESS));
}


static void
follow(world_t *w)
{
    kecs_service_deployment_t  sd;

    sd = w->sd;

    if (sd.status == 0) {
        return;
    }

    switch (kecs_sched_follow(&sd, &w->service, deployment(w, sd.run),
                              w->now))
    {
    case KECS_FOLLOW_PUT:
        become(w, sd.status);
        w->sd = sd;
        break;

    case KECS_FOLLOW_BACK:
        w->sd.breaker = sd.breaker;
        roll_back(w);
        break;

    default:
        break;
    }
}


/* Hooks: a client lets one go on or back, or its time is up. */

static void
end_hook(world_t *w, bool back)
{
    w->sd.awaiting--;
    w->sd.version++;

    if (back && w->sd.status == SD(IN_PROGRESS)) {
        become(w, SD(ROLLBACK_REQUESTED));
    }
}


static void
answer_hook(world_t *w)
{
    if (w->sd.status == SD(IN_PROGRESS) && w->sd.awaiting != 0) {
        end_hook(w, chance(w, 10));
    }
}


/* Container instances come and go; those there are stay sorted. */

static void
change_instances(world_t *w)
{
    size_t  i, n;

    n = w->n_instances;

    if (n != 0 && (n == INSTANCES_MAX || chance(w, 50))) {
        i = kecs_rand_below(&w->rand, n);
        memmove(w->instances[i], w->instances[i + 1],
                (n - i - 1) * KECS_ID_LEN);
        w->n_instances--;
        return;
    }

    for (i = n; i > 0; i--) {
        if (w->instances[i - 1][0] < (uint8_t) (w->next_instance + 1)) {
            break;
        }

        memcpy(w->instances[i], w->instances[i - 1], KECS_ID_LEN);
    }

    memset(w->instances[i], 0, KECS_ID_LEN);
    w->instances[i][0] = ++w->next_instance;
    w->n_instances++;
}


/* The client. */


static void
client(world_t *w)
{
    kecs_service_t  *s;

    s = &w->service;

    switch (kecs_rand_below(&w->rand, 12)) {

    case 0:
    case 1:
        if (w->daemon) {
            change_instances(w);
            return;
        }

        s->desired = (uint32_t) kecs_rand_below(&w->rand, 12);
        break;

    case 2:
    case 3:
        new_deployment(w);
        return;

    case 4:
        s->min_percent = (uint32_t) kecs_rand_below(&w->rand, 101);
        s->max_percent = w->daemon ? 100 : 100
                         + (uint32_t) kecs_rand_below(&w->rand, 151);
        s->min_percent -= w->daemon && s->min_percent != 0;
        break;

    case 6:
        if ((w->sd.status == SD(PENDING) || w->sd.status == SD(IN_PROGRESS))
            && w->sd.stage != KECS_STAGE_CLEAN_UP && chance(w, 30))
        {
            become(w, SD(ROLLBACK_REQUESTED));
            w->sd.version++;
        }
        return;

    case 7:
    case 8:
        answer_hook(w);
        return;

    case 5:
        if (chance(w, 10)) {
            s->status = KECS_SERVICE_DRAINING;
            s->desired = 0;
        }
        break;

    default:
        return;
    }

    s->version++;
    s->steady = 0;
}


/* The runtime. */

static void
task_ends(world_t *w, sim_task_t *t, uint8_t code)
{
    kecs_task_t         record;
    kecs_deployment_t  *d;

    memset(&record, 0, sizeof(record));
    record.stop_code = code;
    record.started_at = t->t.started_at;
    record.health = t->t.health;

    d = deployment(w, t->t.deployment);

    if (d != NULL
        && kecs_sched_stopped(&w->conf, &w->service, d, &record, w->now))
    {
        d->version++;
    }

    t->dead = true;
}


static void
task_step(world_t *w, sim_task_t *t)
{
    if (t->dead || t->due > w->now) {
        return;
    }

    if (t->t.desired == KECS_DESIRED_STOPPED) {
        task_ends(w, t, KECS_STOP_SCHEDULER);
        return;
    }

    if (t->t.status < KECS_TASK_RUNNING) {

        if (t->bad) {
            task_ends(w, t, KECS_STOP_FAILED_TO_START);
            return;
        }

        t->t.status = KECS_TASK_RUNNING;
        t->t.started_at = w->now;
        t->t.version++;
        t->due = w->now + between(w, 1000, 20000);
        return;
    }

    t->due = w->now + between(w, 1000, 60000);
    t->t.version++;

    if (w->faults && chance(w, 10)) {
        task_ends(w, t, KECS_STOP_ESSENTIAL_EXITED);
        return;
    }

    if (w->checked) {
        t->t.health = w->faults && chance(w, 15) ? KECS_HEALTH_UNHEALTHY
                                                 : KECS_HEALTH_HEALTHY;
    }
}


/* On an instance without another task that is to run. */

static void
place(world_t *w, sim_task_t *t, const uint8_t *instance)
{
    size_t  i;

    for (i = 0; i < w->n_tasks; i++) {
        if (!w->tasks[i].dead && !w->late
            && w->tasks[i].t.desired == KECS_DESIRED_RUNNING
            && memcmp(w->tasks[i].t.instance, instance, KECS_ID_LEN) == 0)
        {
            broken(w, "a second task on an instance");
        }
    }

    memcpy(t->t.instance, instance, KECS_ID_LEN);
}


static void
start_tasks(world_t *w, const kecs_action_t *a)
{
    unsigned     i;
    sim_task_t  *t;

    for (i = 0; i < a->n; i++) {
        if (w->n_tasks == TASKS_MAX) {
            broken(w, "more tasks than any scenario needs");
            return;
        }

        t = &w->tasks[w->n_tasks++];
        memset(t, 0, sizeof(sim_task_t));
        w->next_id++;
        memcpy(t->t.id, &w->next_id, sizeof(w->next_id));
        t->t.deployment = a->deployment;
        t->t.version = 1;
        t->t.status = KECS_TASK_PROVISIONING;
        t->t.desired = KECS_DESIRED_RUNNING;
        t->t.checked = w->checked;
        t->t.health = w->checked ? KECS_HEALTH_UNKNOWN : KECS_HEALTH_NONE;
        t->t.created_at = w->now;
        t->t.zone = chance(w, 50) ? kecs_str("a") : kecs_str("b");
        t->t.protected = w->faults && chance(w, 3);
        t->due = w->now + between(w, 100, 8000);
        t->bad = chance(w, w->rotten);

        if (a->instances != NULL) {
            place(w, t, a->instances[i]);
        }
    }
}


static void
stop_task(world_t *w, const kecs_action_t *a)
{
    size_t       i;
    sim_task_t  *t;

    for (i = 0; i < w->n_tasks; i++) {
        t = &w->tasks[i];

        if (t->dead || memcmp(t->t.id, a->task, KECS_ID_LEN) != 0) {
            continue;
        }

        if (t->t.version != a->version) {
            break;
        }

        if (t->t.desired == KECS_DESIRED_STOPPED) {
            broken(w, "a task is stopped twice");
        }

        if (t->t.protected) {
            broken(w, "a protected task is stopped");
        }

        t->t.desired = KECS_DESIRED_STOPPED;
        t->t.version++;
        t->due = w->now + between(w, 10, 5000);
        return;
    }

    if (!w->late) {
        broken(w, "a stop of no task, or of another version");
    }
}


/* Counting, for the invariants. */

typedef struct {
    int64_t  live;
    int64_t  healthy;
    int64_t  all;
    int64_t  primary;
    int64_t  healthy_primary;
    int64_t  old;               /* not of the PRIMARY, stopping ones too */
    int64_t  blue;
} tally_t;


/* Tasks of a DAEMON count on instances that are there. */

static bool
is_placed(const world_t *w, const kecs_sched_task_t *t)
{
    size_t  i;

    for (i = 0; i < w->n_instances; i++) {
        if (memcmp(w->instances[i], t->instance, KECS_ID_LEN) == 0) {
            return true;
        }
    }

    return !w->daemon;
}


static tally_t
tally(world_t *w)
{
    size_t                    i;
    tally_t                   n;
    const kecs_sched_task_t  *t;

    memset(&n, 0, sizeof(n));

    for (i = 0; i < w->n_tasks; i++) {
        t = &w->tasks[i].t;

        if (w->tasks[i].dead) {
            continue;
        }

        n.all++;
        n.old += t->deployment != w->service.primary;

        if (t->desired != KECS_DESIRED_RUNNING) {
            continue;
        }

        n.live++;
        n.healthy += kecs_sched_healthy(&w->conf, t, w->now)
                     && is_placed(w, t);
        n.primary += t->deployment == w->service.primary;
        n.healthy_primary += t->deployment == w->service.primary
                             && kecs_sched_healthy(&w->conf, t, w->now);
        n.blue += t->deployment == w->blue;
    }

    return n;
}


/* Applying. */

/* All of it is healthy, or as much as early success asks for. */

static void
check_completed(world_t *w)
{
    tally_t   n;
    uint32_t  percent;

    n = tally(w);
    percent = w->sd.early != KECS_EARLY_NONE
              && w->sd.status == SD(IN_PROGRESS) ? w->sd.early_percent : 100;

    if (!w->late
        && n.healthy_primary * 100
           < (int64_t) percent * (w->daemon ? (int64_t) w->n_instances
                                            : w->service.desired))
    {
        broken(w, "a rollout succeeds too soon");
    }

    if (n.old != 0 && w->sd.early != KECS_EARLY_DEFERRED && !w->late) {
        broken(w, "a rollout succeeds before its old tasks are gone");
    }

    early += percent < 100;
}


static void
apply_deployment(world_t *w, const kecs_action_t *a, kecs_deployment_t *d)
{
    if (d->rollout != a->rollout && d->rollout != KECS_ROLLOUT_IN_PROGRESS) {
        broken(w, "a rollout that has ended goes on");
    }

    if (a->rollout == KECS_ROLLOUT_FAILED && d->rollout != a->rollout
        && !w->late
        && (!(w->sd.breaker & KECS_BREAKER_ON)
            || d->failed < kecs_breaker_threshold(&w->sd, w->daemon
                                    ? (uint32_t) w->n_instances
                                    : w->service.desired)))
    {
        broken(w, "a rollout fails that should not");
    }

    if (a->rollout == KECS_ROLLOUT_COMPLETED
        && d->rollout != KECS_ROLLOUT_COMPLETED)
    {
        check_completed(w);
        w->service.completed = d->id;
    }

    triggered += a->rollout == KECS_ROLLOUT_FAILED;

    d->rollout = a->rollout;
    d->desired = a->desired;
    d->failed = a->failed;
    d->healthy = a->healthy;
    d->version++;
}


static void
end_deployment(world_t *w, const kecs_action_t *a, kecs_deployment_t *d)
{
    size_t  i;

    for (i = 0; i < w->n_tasks; i++) {
        if (!w->tasks[i].dead && w->tasks[i].t.deployment == a->deployment) {
            broken(w, "a deployment ends that has tasks");
        }
    }

    *d = w->deployments[--w->n_deployments];
}


/* The tests of who applies: false when the rest is to be dropped. */

static bool
is_current(world_t *w, const kecs_action_t *a, const kecs_deployment_t *d)
{
    switch (a->type) {

    case KECS_ACT_START:
        return a->version == w->service.version
               && w->service.status == KECS_SERVICE_ACTIVE;

    case KECS_ACT_DEPLOYMENT:
    case KECS_ACT_DEPLOYMENT_END:
        return d != NULL && d->version == a->version;

    case KECS_ACT_SERVICE:
        return a->version == w->service.version;

    case KECS_ACT_STAGE:
    case KECS_ACT_HOOKS_EXPIRE:
        return a->deployment == w->sd.id && a->version == w->sd.version;

    default:
        return true;
    }
}


static void
start(world_t *w, const kecs_action_t *a, const kecs_deployment_t *d)
{
    if (a->deployment != w->service.primary
        && !(shifts(w) && d != NULL
             && (a->deployment == w->blue
                 || d->rollout == KECS_ROLLOUT_COMPLETED)))
    {
        broken(w, "a start for another deployment than PRIMARY");
    }

    if (a->deployment == w->service.primary && shifts(w)
        && w->sd.stage < KECS_STAGE_SCALE_UP)
    {
        broken(w, "green is started too soon");
    }

    if (d == NULL || d->rollout == KECS_ROLLOUT_FAILED) {
        broken(w, "a start for a deployment that has failed");
    }

    if ((a->instances != NULL) != w->daemon) {
        broken(w, "a start on an instance");
    }

    start_tasks(w, a);
}


/* Stages follow one another; weights of green only grow, when it is up. */

static void
check_stage(world_t *w, const kecs_action_t *a)
{
    bool                              again;
    tally_t                           n;
    const kecs_service_deployment_t  *sd;

    sd = &w->sd;
    again = sd->stage == KECS_STAGE_PRODUCTION_TRAFFIC_SHIFT
            && a->stage == KECS_STAGE_PRE_PRODUCTION_TRAFFIC_SHIFT;

    if (sd->status != SD(IN_PROGRESS) || sd->strategy <= KECS_DEPLOY_ROLLING
        || sd->awaiting != 0)
    {
        broken(w, "a stage is left that may not be");
    }

    if (!again && a->stage != sd->stage + 1
        && !(sd->stage == KECS_STAGE_NONE
             && a->stage == KECS_STAGE_PRE_SCALE_UP)
        && !(sd->stage == KECS_STAGE_PRODUCTION_TRAFFIC_SHIFT
             && a->stage == KECS_STAGE_POST_PRODUCTION_TRAFFIC_SHIFT))
    {
        broken(w, "a stage is passed over");
    }

    n = tally(w);

    if (a->stage == KECS_STAGE_POST_SCALE_UP && !w->late
        && n.healthy_primary != w->service.desired)
    {
        broken(w, "green is not up");
    }

    if (a->weight < sd->weight || a->weight > KECS_TRAFFIC_FULL
        || (a->weight != sd->weight
            && a->stage != KECS_STAGE_PRODUCTION_TRAFFIC_SHIFT)
        || (a->stage > KECS_STAGE_PRODUCTION_TRAFFIC_SHIFT
            && a->weight != KECS_TRAFFIC_FULL))
    {
        broken(w, "a weight that may not be");
    }

    if (a->stage == KECS_STAGE_CLEAN_UP && !w->late && w->blue != 0
        && deployment(w, w->blue) != NULL
        && w->now < sd->stage_at + sd->bake * w->conf.minute)
    {
        broken(w, "the bake time is cut short");
    }
}


static void
apply_stage(world_t *w, const kecs_action_t *a)
{
    check_stage(w, a);
    stages[a->stage]++;
    w->sd.stage = a->stage;
    w->sd.stage_at = w->now;
    w->sd.weight = a->weight;
    w->sd.test_weight = a->test_weight;
    w->sd.version++;

    if (w->sd.hooks & (1u << a->stage)) {
        w->sd.awaiting = 1 + (uint32_t) kecs_rand_below(&w->rand, 2);
        w->sd.hook_at = w->now + between(w, 1000, 100000);
    }
}


static void
apply_service(world_t *w, const kecs_action_t *a)
{
    if (a->steady == KECS_TOLD_STEADY) {
        w->service.steady_at = w->now;
    }

    w->service.status = a->status;
    w->service.steady = a->steady;
    w->service.version++;

    if (w->daemon) {
        w->service.desired = a->desired;
    }
}


static bool
apply(world_t *w, const kecs_action_t *a)
{
    kecs_deployment_t  *d;

    d = deployment(w, a->deployment);

    if (!is_current(w, a, d)) {
        if (!w->late) {
            broken(w, "an action names another version");
        }

        late_drops++;

        return false;
    }

    switch (a->type) {

    case KECS_ACT_START:
        start(w, a, d);
        break;

    case KECS_ACT_STOP:
        stop_task(w, a);
        break;

    case KECS_ACT_DEPLOYMENT:
        apply_deployment(w, a, d);
        break;

    case KECS_ACT_DEPLOYMENT_END:
        end_deployment(w, a, d);
        break;

    case KECS_ACT_SERVICE:
        apply_service(w, a);
        break;

    case KECS_ACT_STAGE:
        apply_stage(w, a);
        break;

    case KECS_ACT_HOOKS_EXPIRE:
        expired++;

        if (w->now < w->sd.hook_at && !w->late) {
            broken(w, "a hook expires too soon");
        }

        while (w->sd.awaiting != 0) {
            end_hook(w, w->faults && chance(w, 30));
        }
        break;

    case KECS_ACT_TASK_SET:
    case KECS_ACT_TASK_SET_END:
        broken(w, "an action on a task set");
        break;

    case KECS_ACT_EVENT:
        w->steady_events += kecs_str_is(a->text,
                                        "has reached a steady state.");
        break;
    }

    return true;
}


static void
check(world_t *w, bool shifting, tally_t before, tally_t after)
{
    int64_t                desired, minimum, maximum;
    const kecs_service_t  *s;

    s = &w->service;
    desired = s->status == KECS_SERVICE_ACTIVE ? s->desired : 0;
    desired = w->daemon && desired != 0 ? (int64_t) w->n_instances : desired;
    minimum = (desired * s->min_percent + 99) / 100;
    maximum = desired * s->max_percent / 100;

    if (shifting) {
        if (after.blue < before.blue && after.blue < desired) {
            broken(w, "blue is taken tasks while it has traffic");
        }

        if ((after.blue > before.blue && after.blue > 2 * desired)
            || (w->sd.status != SD(ROLLBACK_IN_PROGRESS)
                && after.primary > before.primary
                && after.primary > 2 * desired))
        {
            broken(w, "more than twice of green and of blue");
        }

        return;
    }

    if (!w->daemon && after.live > before.live && after.live > maximum) {
        broken(w, "started over maximumPercent");
    }

    if (after.healthy < before.healthy && after.healthy < minimum) {
        broken(w, "stopped below minimumHealthyPercent");
    }
}


static size_t
live_tasks(world_t *w, kecs_sched_task_t *out)
{
    size_t  i, n;

    for (i = 0, n = 0; i < w->n_tasks; i++) {
        if (!w->tasks[i].dead) {
            out[n++] = w->tasks[i].t;
        }
    }

    return n;
}


/* One decision. */

static bool
decide(world_t *w, kecs_arena_t *arena, kecs_actions_t *actions)
{
    kecs_sched_view_t         view;
    static kecs_sched_task_t  tasks[TASKS_MAX];

    steps_run++;
    memset(&view, 0, sizeof(view));
    view.service = &w->service;
    view.deployments = w->deployments;
    view.n_deployments = w->n_deployments;
    view.tasks = tasks;
    view.n_tasks = live_tasks(w, tasks);
    view.instances = (const uint8_t (*)[KECS_ID_LEN]) w->instances;
    view.n_instances = w->n_instances;
    view.rollout = is_live(w) && w->sd.run == w->service.primary ? &w->sd
                                                                 : NULL;
    kecs_arena_reset(arena);

    if (kecs_schedule(arena, &view, &w->conf, w->now, actions) != KECS_OK) {
        broken(w, "the scheduler fails");
        return false;
    }

    return true;
}


/* The first `n` actions; service deployments follow in the end. */

static void
apply_some(world_t *w, const kecs_actions_t *actions, size_t n)
{
    size_t                i;
    const kecs_action_t  *a;

    for (i = 0; i < n; i++) {
        a = &actions->items[i];

        if (verbose) {
            printf("# t=%lld action %d n=%u d=%llu %.*s\n",
                   (long long) w->now, (int) a->type, a->n,
                   (unsigned long long) a->deployment, kecs_fmt(a->text));
        }

        if (!apply(w, a)) {
            return;
        }
    }

    if (n == actions->n) {
        follow(w);
    }
}


static void  client(world_t *w);
static void  task_step(world_t *w, sim_task_t *t);


/* It decides, and before it acts the world moves on, or it dies. */

static void
schedule_late(world_t *w, kecs_arena_t *arena)
{
    size_t          i;
    kecs_actions_t  actions;

    if (!decide(w, arena, &actions)) {
        return;
    }

    w->late = true;

    if (chance(w, 50)) {
        client(w);
    }

    w->now += between(w, 0, 3000);

    for (i = 0; i < w->n_tasks; i++) {
        task_step(w, &w->tasks[i]);
    }

    apply_some(w, &actions, actions.n == 0 || chance(w, 50)
               ? actions.n : kecs_rand_below(&w->rand, actions.n));
    w->late = false;
}


/* Scheduler steps until it has nothing more to do right now. */

static void
schedule(world_t *w)
{
    bool                   shifting;
    tally_t                before;
    unsigned               rounds;
    kecs_actions_t         actions;
    static kecs_arena_t   *arena;

    if (arena == NULL) {
        arena = kecs_arena_create(0);
    }

    if (w->faults && w->service.status != KECS_SERVICE_INACTIVE
        && chance(w, 15))
    {
        schedule_late(w, arena);
    }

    for (rounds = 0; rounds < ROUNDS; rounds++) {
        follow(w);

        if (w->service.status == KECS_SERVICE_INACTIVE
            || !decide(w, arena, &actions) || actions.n == 0)
        {
            break;
        }

        before = tally(w);
        shifting = shifts(w);
        apply_some(w, &actions, actions.n);
        check(w, shifting, before, tally(w));
    }

    if (rounds == ROUNDS) {
        broken(w, "the scheduler never comes to rest");
    }
}


static void
forget_dead(world_t *w)
{
    size_t  i;

    for (i = 0; i < w->n_tasks; /* void */) {
        if (w->tasks[i].dead) {
            w->tasks[i] = w->tasks[--w->n_tasks];

        } else {
            i++;
        }
    }
}


static void
world_step(world_t *w, kecs_msec_t by)
{
    size_t  i;

    w->now += by;

    if (w->faults && chance(w, 2)) {
        w->now += chance(w, 50) ? -between(w, 0, 60000)
                                : between(w, 0, 3600000);
    }

    for (i = 0; i < w->n_tasks; i++) {
        task_step(w, &w->tasks[i]);
    }

    schedule(w);
    forget_dead(w);
}


static void
begin(world_t *w, uint64_t seed)
{
    memset(w, 0, offsetof(world_t, tasks));
    w->n_tasks = 0;
    w->failure[0] = '\0';
    w->next_id = 0;
    w->steady_events = 0;
    w->late = false;

    w->seed = seed;
    kecs_rand_seed(&w->rand, seed);
    kecs_sched_conf_default(&w->conf);
    w->conf.healthy_after = between(w, 0, 5000);
    w->now = 1700000000000;
    w->faults = true;
    w->checked = chance(w, 40);

    w->service.status = KECS_SERVICE_ACTIVE;
    w->service.version = 1;
    w->service.desired = (uint32_t) kecs_rand_below(&w->rand, 8);
    w->service.min_percent = chance(w, 50) ? 100 : 50;
    w->service.max_percent = chance(w, 70) ? 200 : 150;
    w->n_instances = 0;
    w->next_instance = 0;
    w->daemon = chance(w, 20);
    w->service.strategy = w->daemon ? KECS_STRATEGY_DAEMON
                                    : KECS_STRATEGY_REPLICA;

    if (w->daemon) {
        w->service.desired = 0;
        w->service.min_percent = chance(w, 50) ? 0 : 50;
        w->service.max_percent = 100;
    }
    new_deployment(w);
}


/* The deployment configuration admits that every task is replaced. */

static void
end_faults(world_t *w)
{
    size_t  i;

    w->faults = false;

    for (i = 0; i < w->n_tasks; i++) {
        w->tasks[i].t.protected = false;
        w->tasks[i].bad = false;
    }

    w->service.min_percent = w->daemon ? 0 : 50;
    w->service.max_percent = w->daemon ? 100 : 200;
    w->service.version++;
    w->service.steady = 0;
    w->rotten = 0;
    w->sd.breaker &= (uint8_t) ~KECS_BREAKER_CUMULATIVE;
    w->sd.hooks = 0;
}


/* What has failed for good waits for a client to deploy something else. */

static void
mend(world_t *w)
{
    const kecs_deployment_t  *d;

    d = deployment(w, w->service.primary);

    if (w->service.status == KECS_SERVICE_ACTIVE && d != NULL
        && d->rollout == KECS_ROLLOUT_FAILED)
    {
        new_deployment(w);
    }
}


static bool
settled(world_t *w)
{
    tally_t  n;

    n = tally(w);

    if (w->service.status == KECS_SERVICE_INACTIVE) {
        return n.all == 0;
    }

    return w->service.status == KECS_SERVICE_ACTIVE && !is_live(w)
           && n.all == w->service.desired && n.primary == n.all
           && (!w->daemon || w->service.desired == w->n_instances)
           && n.healthy == n.all && w->n_deployments == 1
           && w->deployments[0].rollout == KECS_ROLLOUT_COMPLETED
           && w->service.steady == KECS_TOLD_STEADY;
}


static bool
scenario(world_t *w, uint64_t seed)
{
    unsigned  i, told;

    begin(w, seed);

    for (i = 0; i < STEPS && w->failure[0] == '\0'; i++) {
        client(w);
        world_step(w, between(w, 10, 6000));
    }

    end_faults(w);

    for (i = 0; i < SETTLE_STEPS && !settled(w)
                && w->failure[0] == '\0'; i++)
    {
        mend(w);
        world_step(w, 5000);
    }

    if (!settled(w)) {
        broken(w, "the service does not converge");
    }

    told = w->steady_events;

    for (i = 0; i < 20; i++) {
        world_step(w, 5000);
    }

    if (w->steady_events != told) {
        broken(w, "steady state is told again and again");
    }

    return w->failure[0] == '\0';
}


/* Scenarios that never get anywhere prove nothing. */

static void
check_reached(void)
{
    unsigned  i;

    for (i = KECS_SERVICE_DEPLOYMENT_IN_PROGRESS;
         i <= KECS_SERVICE_DEPLOYMENT_ROLLBACK_FAILED; i++)
    {
        tap_ok((statuses[i] != 0) == (i != SD(STOP_REQUESTED)),
               "service deployments became %s: %llu",
               kecs_service_deployment_status_name(i),
               (unsigned long long) statuses[i]);
    }

    for (i = KECS_STAGE_RECONCILE_SERVICE; i <= KECS_STAGE_CLEAN_UP; i++) {
        tap_ok(stages[i] != 0, "stage %s: %llu", kecs_stage_name(i),
               (unsigned long long) stages[i]);
    }

    tap_ok(triggered != 0, "circuit breakers triggered: %llu",
           (unsigned long long) triggered);
    tap_ok(early != 0, "rollouts that may succeed early: %llu",
           (unsigned long long) early);
    tap_ok(expired != 0, "hooks timed out: %llu",
           (unsigned long long) expired);
    tap_ok(late_drops != 0, "decisions that came too late: %llu",
           (unsigned long long) late_drops);
}


int
main(int argc, char **argv)
{
    int              i;
    uint64_t         seed, first, n;
    static world_t   w;

    first = 1;
    n = 20000;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            first = strtoull(argv[++i], NULL, 10);

        } else if (strcmp(argv[i], "--scenarios") == 0 && i + 1 < argc) {
            n = strtoull(argv[++i], NULL, 10);

        } else if (strcmp(argv[i], "--verbose") == 0) {
            verbose = true;
        }
    }

    for (seed = first; seed < first + n; seed++) {
        if (!scenario(&w, seed)) {
            tap_ok(false, "seed %llu: %s", (unsigned long long) seed,
                   w.failure);
            printf("# replay: sim_scheduler --seed %llu --scenarios 1"
                   " --verbose\n", (unsigned long long) seed);
            break;
        }
    }

    tap_ok(seed == first + n, "%llu scenarios from seed %llu, %llu steps",
           (unsigned long long) (seed - first), (unsigned long long) first,
           (unsigned long long) steps_run);

    if (n >= 1000) {
        check_reached();
    }

    return tap_done();
}
