/*
 * Deterministic simulation of the service scheduler: seeded scenarios of
 * one service each, in a small world of tasks that start late, fail to
 * start, crash, turn unhealthy and stop slowly, in zones that open and
 * close, while a client scales, rolls out, changes percentages, asks for
 * rollbacks, stops tasks and deletes.
 *
 * What runs (pods) and what is known of it (records) are two things.
 * Records change by what is told of pods, through kecs_task_observe and its
 * kin as in the daemon; what is told is lost, comes twice, late, or in
 * another order, until all of it is told again.  Requests to start and to
 * stop are lost and repeated.  The process that decides and applies is
 * late (what it decided on has moved on), dies between two actions, starts
 * again at any step, in some scenarios at every one, and finds its clock
 * set forward and back.  It looks at the service when a record has changed
 * or when it has asked to be woken, and at no other time.
 *
 * After each step the invariants are checked; when the faults end, the
 * service must converge within a bound, its zones too, and then rest.  A
 * failing seed is printed and can be replayed:
 *
 *     sim_scheduler --seed N --scenarios 1 --verbose
 *
 * --steps N runs scenarios until there have been as many decisions, by
 * default a million.
 */

#include <stdlib.h>
#include <time.h>

#include "../../src/base/rand.h"
#include "../../src/convert/task_state.h"
#include "../../src/ecs/task_view.h"
#include "../../src/scheduler/scheduler.h"
#include "tap.h"


#define TASKS_MAX        4000
#define DEPLOYMENTS_MAX  64
#define INSTANCES_MAX    8
#define STEPS            120
#define SETTLE_STEPS     4000
#define ROUNDS           200    /* 34 shifts, 10 stages, and as many deaths */
#define STEPS_LEAST      1000000
#define NEWS_MAX         512
#define PARTS_MAX        768
#define ZONES            3

#define CONTAINERS                                                           \
    "[{\"containerArn\":\"arn:x\",\"lastStatus\":\"PENDING\","               \
    "\"name\":\"app\",\"networkInterfaces\":[],\"taskArn\":\"arn:t\"}]"

#define PLAIN                                                                \
    "{\"networkMode\":\"bridge\",\"containerDefinitions\":["                 \
    "{\"name\":\"app\"}]}"

#define CHECKED                                                              \
    "{\"networkMode\":\"bridge\",\"containerDefinitions\":["                 \
    "{\"name\":\"app\",\"healthCheck\":{\"command\":[\"CMD\"],"              \
    "\"interval\":5,\"retries\":2,\"startPeriod\":10}}]}"

static const char *const  zone_names[ZONES] = { "a", "b", "c" };


/* What runs, in the time of its own host. */
typedef struct {
    bool                    there;
    bool                    stopping;
    bool                    gone;
    bool                    ready;      /* its health check passes */
    kecs_container_phase_t  phase;
    kecs_msec_t             started_at;
    kecs_msec_t             finished_at;
    int                     exit_code;
} pod_t;

typedef struct {
    kecs_sched_task_t  t;           /* the record, as the scheduler has it */
    kecs_task_t        rec;
    char               parts[PARTS_MAX];
    size_t             parts_len;
    pod_t              pod;
    kecs_msec_t        due;         /* next change of the pod */
    kecs_msec_t        check_at;    /* kecs_task_overdue */
    bool               dead;        /* STOPPED */
    bool               bad;         /* will fail to start */
} sim_task_t;

/* Something is told of a pod, as it was then. */
typedef struct {
    uint8_t            task[KECS_ID_LEN];
    kecs_msec_t        due;
    pod_t              pod;
} news_t;

typedef struct {
    uint64_t            seed;
    kecs_rand_t         rand;
    kecs_msec_t         now;        /* of the process, */
    kecs_msec_t         real;       /* of the pods; only grows */
    bool                dirty;      /* a record has changed */
    kecs_msec_t         again_at;   /* the service is looked at then */
    bool                restless;   /* starts again at every step */
    bool                open[ZONES];
    news_t              news[NEWS_MAX];
    size_t              n_news;
    unsigned            moves;      /* to rebalance */
    kecs_sched_conf_t   conf;
    kecs_service_t      service;
    kecs_deployment_t   deployments[DEPLOYMENTS_MAX];
    size_t              n_deployments;
    kecs_service_deployment_t  sd;
    kecs_sched_alarms_t        alarms;     /* the latest */
    sim_task_t          tasks[TASKS_MAX];
    size_t              n_tasks;
    bool                faults;
    bool                checked;    /* tasks have health checks */
    bool                late;       /* decided on what was before */
    bool                counted;    /* a stop has changed a count */
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
static uint64_t  triggered, expired, invoked, late_drops, early;
static uint64_t  alarmed, ignored, baked;
static uint64_t  lost, doubled, delayed, restarts, jumps, told, moved;

static kecs_arena_t                *look_arena;
static kecs_ecs_task_definition_t  *plain, *checked;


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
    sd->created_at = w->now;
    sd->alarms = chance(w, 30) ? KECS_ALARMS_ON : 0;
    sd->alarms |= chance(w, 70) ? KECS_ALARMS_ROLLBACK : 0;
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
    w->dirty = true;
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


/* Records and pods. */


static sim_task_t *
find_task(world_t *w, const uint8_t *id)
{
    size_t  i;

    for (i = 0; i < w->n_tasks; i++) {
        if (memcmp(w->tasks[i].t.id, id, KECS_ID_LEN) == 0) {
            return &w->tasks[i];
        }
    }

    return NULL;
}


/* It is wanted no more: what that does to the counts of failures. */

static void
task_ended(world_t *w, const sim_task_t *t)
{
    kecs_deployment_t  *d;

    d = deployment(w, t->t.deployment);

    if (d != NULL
        && kecs_sched_stopped(&w->conf, &w->service, d, &t->rec, w->now))
    {
        d->version++;
        w->service.version++;
        w->counted = true;
    }
}


/* Times once set stay; none lies before what it follows. */

static void
check_record(world_t *w, const kecs_task_t *was, const kecs_task_t *is)
{
    if (is->status < was->status) {
        broken(w, "the status of a task goes backwards");
    }

    if (is->desired < was->desired) {
        broken(w, "a stop is undone");
    }

    if (is->version < was->version) {
        broken(w, "the version of a task goes backwards");
    }

    if ((was->started_at != 0 && is->started_at != was->started_at)
        || (was->stopping_at != 0 && is->stopping_at != was->stopping_at)
        || (was->stopped_at != 0 && is->stopped_at != was->stopped_at))
    {
        broken(w, "a time that was set has changed");
    }

    if ((is->started_at != 0 && is->started_at < is->created_at)
        || (is->stopping_at != 0 && is->stopping_at < is->created_at)
        || (is->execution_stopped_at != 0
            && is->execution_stopped_at < is->started_at)
        || (is->stopped_at != 0 && is->stopped_at < is->created_at)
        || (is->stopped_at != 0 && is->stopped_at < is->stopping_at)
        || (is->stopped_at != 0
            && is->stopped_at < is->execution_stopped_at))
    {
        broken(w, "a time lies before what it follows");
    }
}


/* The record is as it has become; strings of the arena are not kept. */

static void
keep_record(world_t *w, sim_task_t *t, const kecs_task_t *rec)
{
    kecs_str_t  json;

    json = rec->rec.part[KECS_TASK_CONTAINERS];
    check_record(w, &t->rec, rec);

    if (json.len > PARTS_MAX) {
        broken(w, "a record larger than any scenario needs");
        return;
    }

    memmove(t->parts, json.data, json.len);
    t->parts_len = json.len;
    t->rec = *rec;
    t->rec.handle = rec->handle.len != 0 ? kecs_str("h") : kecs_null_str;
    t->rec.node = kecs_null_str;
    t->rec.zone = t->t.zone;
    t->rec.stopped_reason = rec->stopped_reason.len != 0
                            ? kecs_str("r") : kecs_null_str;

    t->t.version = rec->version;
    t->t.status = rec->status;
    t->t.desired = rec->desired;
    t->t.health = rec->health;
    t->t.started_at = rec->started_at;
}


/* What is seen of a pod. */

static kecs_rc_t
see(world_t *w, sim_task_t *t, const pod_t *pod, kecs_task_t *rec,
    kecs_task_step_t *step)
{
    kecs_observation_t     o;
    kecs_container_seen_t  c;

    memset(&o, 0, sizeof(o));
    memset(&c, 0, sizeof(c));
    o.handle = kecs_str("h");
    o.placed = true;
    o.node = kecs_str("n");
    o.zone = t->t.zone;
    o.deleting = pod->stopping;
    o.gone = pod->gone;
    o.containers = &c;
    o.n = 1;
    c.name = kecs_str("app");
    c.phase = pod->phase;
    c.ready = pod->ready;
    c.started_at = pod->started_at;
    c.finished_at = pod->finished_at;
    c.has_exit = pod->phase == KECS_C_TERMINATED;
    c.exit_code = pod->exit_code;

    return kecs_task_observe(look_arena, rec, w->checked ? checked : plain,
                             &o, w->now, step);
}


/* The record becomes what news, or the time alone, make of it. */

typedef enum { SEEN, MISSING, OVERDUE } what_t;

static void
learn(world_t *w, sim_task_t *t, what_t what, const pod_t *pod)
{
    kecs_rc_t         rc;
    kecs_task_t       rec;
    kecs_task_step_t  step;

    if (t->dead) {
        return;
    }

    told++;
    kecs_arena_reset(look_arena);
    rec = t->rec;
    rec.rec.part[KECS_TASK_CONTAINERS] = kecs_str_n(t->parts, t->parts_len);

    rc = what == SEEN ? see(w, t, pod, &rec, &step)
         : what == MISSING
           ? kecs_task_missing(look_arena, &rec, w->now, &step)
           : kecs_task_overdue(look_arena, &rec,
                               w->checked ? checked : plain, w->now, &step);

    if (rc != KECS_OK) {
        broken(w, "an observation fails");
        return;
    }

    t->check_at = what != MISSING ? step.again_at : 0;

    if (!step.changed) {
        return;
    }

    keep_record(w, t, &rec);
    w->dirty = true;

    if (step.ended) {
        task_ended(w, t);
    }

    if (t->rec.status == KECS_TASK_STOPPED) {
        t->dead = true;
        t->pod.there = false;
    }
}


/* The news reach the process in a while, if at all, perhaps twice. */

static void
send(world_t *w, const sim_task_t *t, kecs_msec_t delay)
{
    news_t  *n;

    if (w->n_news == NEWS_MAX) {
        lost++;
        return;
    }

    n = &w->news[w->n_news++];
    memcpy(n->task, t->t.id, KECS_ID_LEN);
    n->pod = t->pod;
    n->due = w->real + delay;
    delayed += delay != 0;
}


static void
emit(world_t *w, sim_task_t *t)
{
    if (!w->faults) {
        send(w, t, 0);
        return;
    }

    if (chance(w, 15)) {
        lost++;
        return;
    }

    send(w, t, chance(w, 40) ? between(w, 0, 15000) : 0);

    if (chance(w, 15)) {
        doubled++;
        send(w, t, between(w, 0, 30000));
    }
}


static void
deliver(world_t *w)
{
    size_t       i;
    news_t       n;
    sim_task_t  *t;

    for (i = 0; i < w->n_news; /* void */) {
        if (w->news[i].due > w->real) {
            i++;
            continue;
        }

        n = w->news[i];
        w->news[i] = w->news[--w->n_news];
        t = find_task(w, n.task);

        if (t != NULL) {
            learn(w, t, SEEN, &n.pod);
        }
    }
}


/* All that there is, is told; what is not told is gone. */

static void
relist(world_t *w)
{
    size_t       i;
    sim_task_t  *t;

    w->n_news = 0;

    for (i = 0; i < w->n_tasks; i++) {
        t = &w->tasks[i];

        if (t->dead) {
            continue;
        }

        if (t->pod.there) {
            learn(w, t, SEEN, &t->pod);

        } else if (t->rec.handle.len != 0) {
            learn(w, t, MISSING, NULL);
        }
    }
}


static void
restart(world_t *w)
{
    restarts++;
    w->dirty = true;
    w->again_at = 0;
    relist(w);
}


static void
pod_ends(world_t *w, sim_task_t *t, int code)
{
    t->pod.phase = KECS_C_TERMINATED;
    t->pod.ready = false;
    t->pod.exit_code = code;
    t->pod.finished_at = w->real;
    emit(w, t);
}


static void
pod_step(world_t *w, sim_task_t *t)
{
    pod_t  *pod;

    pod = &t->pod;

    if (!pod->there || t->due > w->real
        || (pod->phase == KECS_C_TERMINATED && !pod->stopping))
    {
        return;
    }

    if (pod->phase == KECS_C_TERMINATED) {
        pod->gone = true;
        emit(w, t);
        pod->there = false;
        return;
    }

    if (pod->stopping) {
        pod_ends(w, t, 143);
        t->due = w->real + between(w, 0, 1000);
        return;
    }

    if (w->faults && chance(w, 1)) {
        pod->there = false;
        return;
    }

    if (pod->phase == KECS_C_WAITING) {
        if (t->bad) {
            pod_ends(w, t, 1);
            return;
        }

        pod->phase = KECS_C_RUNNING;
        pod->started_at = w->real;
        t->due = w->real + between(w, 1000, w->faults ? 20000 : 8000);
        emit(w, t);
        return;
    }

    t->due = w->real + between(w, 1000, 60000);

    if (w->faults && chance(w, 10)) {
        pod_ends(w, t, 1);
        return;
    }

    pod->ready = w->checked && !(w->faults && chance(w, 15));
    emit(w, t);
}


/* Requests to the runtime, repeated until they have an effect. */

static void
drive(world_t *w, sim_task_t *t)
{
    if (t->dead || (w->faults && chance(w, 10))) {
        return;
    }

    if (t->t.desired == KECS_DESIRED_RUNNING) {
        if (!t->pod.there && t->rec.handle.len == 0) {
            memset(&t->pod, 0, sizeof(t->pod));
            t->pod.there = true;
            t->due = w->real + between(w, 100, 8000);
            emit(w, t);
        }

        return;
    }

    if (!t->pod.there) {
        learn(w, t, MISSING, NULL);

    } else if (!t->pod.stopping) {
        t->pod.stopping = true;
        t->due = w->real + between(w, 10, 5000);
    }
}


static void
want_stopped(world_t *w, sim_task_t *t, uint8_t code)
{
    kecs_task_t  rec;

    rec = t->rec;
    rec.rec.part[KECS_TASK_CONTAINERS] = kecs_str_n(t->parts, t->parts_len);
    rec.desired = KECS_DESIRED_STOPPED;
    rec.stop_code = code;
    rec.stopping_at = kecs_task_clock(&rec, w->now);
    rec.version++;
    keep_record(w, t, &rec);
    task_ended(w, t);
}


static void
stop_some_task(world_t *w)
{
    sim_task_t  *t;

    t = w->n_tasks != 0 ? &w->tasks[kecs_rand_below(&w->rand, w->n_tasks)]
                        : NULL;

    if (t != NULL && !t->dead && t->t.desired == KECS_DESIRED_RUNNING) {
        want_stopped(w, t, KECS_STOP_USER);
    }
}


/* The client. */


static void
client(world_t *w)
{
    uint32_t         n;
    kecs_service_t  *s;

    s = &w->service;

    w->dirty = true;

    switch (kecs_rand_below(&w->rand, 15)) {

    case 12:
        w->open[kecs_rand_below(&w->rand, ZONES)] ^= true;
        return;

    case 13:
        s->rebalance = chance(w, 60) ? KECS_REBALANCE_ON
                                     : KECS_REBALANCE_OFF;
        break;

    case 14:
        stop_some_task(w);
        return;

    case 0:
    case 1:
        if (w->daemon) {
            change_instances(w);
            return;
        }

        n = (uint32_t) kecs_rand_below(&w->rand, 12);

        if (n != s->desired && s->balancing == KECS_BALANCING_MOVES) {
            s->balancing = KECS_BALANCING_ON;
        }

        s->desired = n;
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


static kecs_str_t
zone_named(kecs_str_t name)
{
    size_t  i;

    for (i = 0; i + 1 < ZONES && !kecs_str_is(name, zone_names[i]); i++) {
        /* void */
    }

    return kecs_str_of(zone_names[i]);
}


/* Wherever the runtime likes: at times where nothing is open. */

static kecs_str_t
some_zone(world_t *w)
{
    size_t  i, k;

    i = kecs_rand_below(&w->rand, ZONES);

    for (k = 0; k < ZONES && !w->open[i]; k++) {
        i = (i + 1) % ZONES;
    }

    return kecs_str_of(zone_names[i]);
}


static void
new_record(world_t *w, sim_task_t *t)
{
    t->rec.rec.kind = KECS_TASK;
    memcpy(t->rec.id, t->t.id, KECS_ID_LEN);
    t->rec.version = 1;
    t->rec.status = KECS_TASK_PROVISIONING;
    t->rec.desired = KECS_DESIRED_RUNNING;
    t->rec.created_at = w->now;
    t->rec.health = t->t.health;
    t->rec.zone = t->t.zone;
    t->parts_len = sizeof(CONTAINERS) - 1;
    memcpy(t->parts, CONTAINERS, t->parts_len);
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
        t->t.health = KECS_HEALTH_NONE;
        t->t.created_at = w->now;
        t->t.zone = a->zone.len != 0 ? zone_named(a->zone) : some_zone(w);
        t->t.protected = w->faults && chance(w, 3);
        t->bad = chance(w, w->rotten);
        new_record(w, t);

        if (a->instances != NULL) {
            place(w, t, a->instances[i]);
        }
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

static void
check_move(world_t *w)
{
    tally_t  n;

    n = tally(w);
    moved++;

    if (n.healthy_primary <= w->service.desired && !w->late) {
        broken(w, "rebalancing goes below the desired count");
    }

    if (w->service.rebalance != KECS_REBALANCE_ON && !w->late) {
        broken(w, "a service is rebalanced that is not to be");
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

        if (a->zone.len != 0) {
            check_move(w);
        }

        want_stopped(w, t, KECS_STOP_SCHEDULER);
        return;
    }

    if (!w->late) {
        broken(w, "a stop of no task, or of another version");
    }
}


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


/* With alarms a rolling update takes its time, and none is in ALARM. */

static void
check_alarms(world_t *w)
{
    if (w->sd.status == SD(ROLLBACK_IN_PROGRESS) || w->late) {
        return;
    }

    if (w->sd.alarms & KECS_ALARMS_TRIGGERED) {
        broken(w, "a rollout succeeds that an alarm has ended");
    }

    if (w->sd.strategy <= KECS_DEPLOY_ROLLING
        && kecs_sched_monitors(&w->sd)
        && (w->sd.alarms & KECS_ALARMS_SEEN)
        && !(w->sd.alarms & KECS_ALARMS_UNASKED)
        && (w->sd.stage_at == 0 || w->now < w->sd.stage_at
                                 + (w->sd.bake != 0 ? w->sd.bake : 1)
                                   * w->conf.minute))
    {
        broken(w, "the bake time with alarms is cut short");
    }

    baked += kecs_sched_monitors(&w->sd);
}


static void
apply_deployment(world_t *w, const kecs_action_t *a, kecs_deployment_t *d)
{
    if (d->rollout != a->rollout && d->rollout != KECS_ROLLOUT_IN_PROGRESS) {
        broken(w, "a rollout that has ended goes on");
    }

    if (a->rollout == KECS_ROLLOUT_FAILED && d->rollout != a->rollout
        && !w->late && !(w->sd.alarms & KECS_ALARMS_TRIGGERED)
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
        check_alarms(w);
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
    case KECS_ACT_HOOKS_CALL:
    case KECS_ACT_ALARMS:
    case KECS_ACT_BAKE:
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

    if (a->zone.len != 0) {
        if (!w->late && (a->n != 1 || w->sd.stage == KECS_STAGE_SCALE_UP
                         || tally(w).live != w->service.desired))
        {
            broken(w, "a move that may not be");
        }

        if (w->faults && chance(w, 20)) {
            return;                             /* it has no place there */
        }
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
        w->sd.call_at = chance(w, 50) ? w->now + between(w, 0, 5000) : 0;
    }
}


/* What is known of alarms only grows; one may only end what it looks at. */

static void
apply_alarms(world_t *w, const kecs_action_t *a)
{
    uint8_t  new;

    new = a->alarms & (uint8_t) ~w->sd.alarms;

    if (!kecs_sched_monitors(&w->sd)) {
        broken(w, "alarms are looked at that may not be");
    }

    if ((new & KECS_ALARMS_TRIGGERED) && !w->late
        && (!w->alarms.raised || w->alarms.status != KECS_ALARMS_KNOWN))
    {
        broken(w, "an alarm is seen that is not raised");
    }

    alarmed += (new & KECS_ALARMS_TRIGGERED) != 0;
    ignored += (new & KECS_ALARMS_IGNORED) != 0;
    w->sd.alarms = a->alarms;
    w->sd.version++;
}


/* A function is invoked: it is done, or wants to be invoked again. */

static void
apply_call(world_t *w)
{
    if (w->sd.awaiting == 0 || w->sd.call_at == 0
        || (w->now < w->sd.call_at && !w->late))
    {
        broken(w, "a function is invoked that may not be");
        return;
    }

    invoked++;

    if (w->faults && chance(w, 50)) {
        w->sd.call_at = w->now + between(w, 1, 30000);
        w->sd.version++;

    } else {
        end_hook(w, w->faults && chance(w, 20));
        w->sd.call_at = w->sd.awaiting != 0 && chance(w, 50) ? w->now : 0;
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
    w->service.balancing = a->balancing;
    w->service.balance_at = a->balance_at;
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
        if (!w->late && !w->counted) {
            broken(w, "an action names another version");
        }

        late_drops++;

        return false;
    }

    w->dirty = true;

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

    case KECS_ACT_HOOKS_CALL:
        apply_call(w);
        break;

    case KECS_ACT_ALARMS:
        apply_alarms(w, a);
        break;

    case KECS_ACT_BAKE:
        if (w->sd.stage_at != 0 || w->sd.strategy > KECS_DEPLOY_ROLLING) {
            broken(w, "a bake time begins that may not");
        }

        w->sd.stage_at = w->now;
        w->sd.version++;
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


static size_t
open_zones(const world_t *w, kecs_str_t *out)
{
    size_t  i, n;

    for (i = 0, n = 0; i < ZONES; i++) {
        if (w->open[i]) {
            out[n++] = kecs_str_of(zone_names[i]);
        }
    }

    return n;
}


/* One decision. */

static bool
decide(world_t *w, kecs_arena_t *arena, kecs_actions_t *actions)
{
    kecs_sched_view_t         view;
    kecs_str_t                zones[ZONES];
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
    view.zones = zones;
    view.n_zones = open_zones(w, zones);
    view.rollout = is_live(w) && w->sd.run == w->service.primary ? &w->sd
                                                                 : NULL;
    view.alarms = view.rollout != NULL && kecs_sched_monitors(&w->sd)
                  ? &w->alarms : NULL;
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

    w->counted = false;

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


/* Time passes: pods, what is told of them, what is asked of them. */

static void
runtime_step(world_t *w, kecs_msec_t by)
{
    size_t       i;
    sim_task_t  *t;

    w->now += by;
    w->real += by;

    for (i = 0; i < w->n_tasks; i++) {
        t = &w->tasks[i];
        drive(w, t);
        pod_step(w, t);

        if (!t->dead && t->check_at != 0 && t->check_at <= w->now) {
            learn(w, t, OVERDUE, NULL);
        }
    }

    deliver(w);
}


/* It decides, and before it acts the world moves on, or it dies. */

static void
schedule_late(world_t *w, kecs_arena_t *arena)
{
    kecs_actions_t  actions;

    if (!decide(w, arena, &actions)) {
        return;
    }

    w->late = true;

    if (chance(w, 50)) {
        client(w);
    }

    runtime_step(w, between(w, 0, 3000));
    apply_some(w, &actions, actions.n == 0 || chance(w, 50)
               ? actions.n : kecs_rand_below(&w->rand, actions.n));
    w->late = false;
    w->dirty = true;
}


/* In the middle of what was decided: it is gone, and comes back. */

static void
die(world_t *w, const kecs_actions_t *actions)
{
    apply_some(w, actions, kecs_rand_below(&w->rand, actions->n));
    restart(w);
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

    if (!w->dirty && (w->again_at == 0 || w->again_at > w->now)) {
        return;
    }

    if (w->faults && w->service.status != KECS_SERVICE_INACTIVE
        && chance(w, 15))
    {
        schedule_late(w, arena);
    }

    for (rounds = 0; rounds < ROUNDS; rounds++) {
        w->dirty = false;
        follow(w);

        if (w->service.status == KECS_SERVICE_INACTIVE
            || !decide(w, arena, &actions))
        {
            break;
        }

        w->again_at = actions.again_at;

        if (actions.n == 0) {
            break;
        }

        if (w->faults && chance(w, w->restless ? 50 : 3)) {
            die(w, &actions);
            continue;
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


/* Alarms are raised and cease, and who tells of them comes and goes. */

static void
move_alarms(world_t *w)
{
    kecs_sched_alarms_t  *s;

    s = &w->alarms;

    if (!w->faults || !chance(w, 20)) {
        return;
    }

    s->status = chance(w, 60) ? KECS_ALARMS_KNOWN
                : (kecs_alarms_status_t) (1 + kecs_rand_below(&w->rand, 4));
    s->raised = s->status == KECS_ALARMS_KNOWN && chance(w, 25);
    s->raised_at = w->now - (chance(w, 50) ? 0 : 600000);
    s->period = between(w, 0, 400000);
    s->names = kecs_str("[\"a\"]");
    s->why = kecs_str("nobody");
    w->dirty = true;
}


static void
world_step(world_t *w, kecs_msec_t by)
{
    runtime_step(w, by);
    move_alarms(w);

    if (w->faults && chance(w, 2)) {
        jumps++;
        w->now += chance(w, 50) ? -between(w, 0, 60000)
                                : between(w, 0, 3600000);
    }

    if (w->faults && (w->restless || chance(w, 3))) {
        restart(w);

    } else if (chance(w, 5)) {
        relist(w);
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
    w->conf.balance_again = between(w, 10000, 300000);
    w->conf.balance_patience = between(w, 20000, 120000);
    w->now = 1700000000000;
    w->alarms.status = KECS_ALARMS_UNKNOWN;
    w->real = w->now + between(w, -5000, 5000);
    w->dirty = true;
    w->faults = true;
    w->checked = chance(w, 40);
    w->restless = chance(w, 5);
    w->open[0] = true;
    w->open[1] = chance(w, 80);
    w->open[2] = chance(w, 50);
    w->service.rebalance = chance(w, 60) ? KECS_REBALANCE_ON
                                         : KECS_REBALANCE_OFF;

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
    w->dirty = true;
    w->open[0] = true;
    relist(w);

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
    w->alarms.status = KECS_ALARMS_KNOWN;
    w->alarms.raised = false;
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


/* No zone that is open lacks what another has to give. */

static bool
is_even(const world_t *w)
{
    size_t   i, k;
    int64_t  n[ZONES], least, most;

    if (w->service.rebalance != KECS_REBALANCE_ON || w->daemon) {
        return true;
    }

    memset(n, 0, sizeof(n));

    for (i = 0; i < w->n_tasks; i++) {
        for (k = 0; k < ZONES; k++) {
            n[k] += !w->tasks[i].dead
                    && kecs_str_is(w->tasks[i].t.zone, zone_names[k]);
        }
    }

    for (k = 0, least = INT64_MAX, most = 0; k < ZONES; k++) {
        least = w->open[k] && n[k] < least ? n[k] : least;
        most = n[k] > most ? n[k] : most;
    }

    return most - least < 2 && w->service.balancing == KECS_BALANCING_NOT;
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
           && n.healthy == n.all && w->n_deployments == 1 && is_even(w)
           && w->deployments[0].rollout == KECS_ROLLOUT_COMPLETED
           && w->service.steady == KECS_TOLD_STEADY;
}


/* How things stand, for who replays a seed. */

static void
show(const world_t *w)
{
    size_t             i;
    const sim_task_t  *t;

    if (!verbose) {
        return;
    }

    printf("# t=%lld service: status %u, desired %u, steady %u, balancing %u,"
           " deployments %zu, service deployment %u, dirty %d, again %lld\n",
           (long long) w->now, w->service.status, w->service.desired,
           w->service.steady, w->service.balancing, w->n_deployments,
           w->sd.status, w->dirty, (long long) w->again_at);

    for (i = 0; i < w->n_tasks; i++) {
        t = &w->tasks[i];
        printf("# task of %llu: %u -> %u, health %u, started %lld, zone"
               " %.*s, pod %d %d %d, due %lld\n",
               (unsigned long long) t->t.deployment, t->t.status,
               t->t.desired, t->t.health, (long long) t->t.started_at,
               kecs_fmt(t->t.zone), t->pod.there, (int) t->pod.phase,
               t->pod.stopping, (long long) (t->due - w->real));
    }
}


static bool
scenario(world_t *w, uint64_t seed)
{
    uint64_t  moves;
    unsigned  i, steady;

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
        show(w);
    }

    steady = w->steady_events;
    moves = moved;

    for (i = 0; i < 20; i++) {
        world_step(w, 5000);
    }

    if (w->steady_events != steady) {
        broken(w, "steady state is told again and again");
    }

    if (moved != moves || !settled(w)) {
        broken(w, "a service at rest does not rest");
    }

    return w->failure[0] == '\0';
}


/* Scenarios that never get anywhere prove nothing. */

static void
check_reached(void)
{
    unsigned  i;

    const struct {
        const char      *what;
        const uint64_t  *n;
    } faults[] = {
        { "observations", &told }, { "lost", &lost },
        { "told twice", &doubled }, { "told late", &delayed },
        { "starts of the process", &restarts },
        { "clocks set", &jumps }, { "moves to another zone", &moved }
    };

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
    tap_ok(alarmed != 0 && ignored != 0 && baked != 0, "alarms that end a"
           " rollout: %llu, raised before it: %llu; rollouts that end well:"
           " %llu", (unsigned long long) alarmed,
           (unsigned long long) ignored, (unsigned long long) baked);
    tap_ok(invoked != 0, "functions of hooks invoked: %llu",
           (unsigned long long) invoked);
    tap_ok(expired != 0, "hooks timed out: %llu",
           (unsigned long long) expired);
    tap_ok(late_drops != 0, "decisions that came too late: %llu",
           (unsigned long long) late_drops);

    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        tap_ok(*faults[i].n != 0, "%s: %llu", faults[i].what,
               (unsigned long long) *faults[i].n);
    }
}


static kecs_ecs_task_definition_t *
definition(kecs_arena_t *a, const char *body)
{
    void  *d;

    return kecs_shape_load(a, &kecs_ecs_task_definition_shape,
                           kecs_str_of(body), &d) == KECS_OK ? d : NULL;
}


typedef struct {
    uint64_t  first;
    uint64_t  n;
    uint64_t  steps;            /* ends with the scenario that reaches it */
} range_t;


static void
read_args(int argc, char **argv, range_t *r)
{
    int  i;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            r->first = strtoull(argv[++i], NULL, 10);

        } else if (strcmp(argv[i], "--scenarios") == 0 && i + 1 < argc) {
            r->n = strtoull(argv[++i], NULL, 10);
            r->steps = UINT64_MAX;

        } else if (strcmp(argv[i], "--steps") == 0 && i + 1 < argc) {
            r->steps = strtoull(argv[++i], NULL, 10);

        } else if (strcmp(argv[i], "--verbose") == 0) {
            verbose = true;
        }
    }
}


int
main(int argc, char **argv)
{
    range_t          r;
    uint64_t         seed;
    clock_t          began;
    double           took;
    kecs_arena_t    *definitions;
    static world_t   w;

    r = (range_t) { .first = 1, .n = UINT64_MAX, .steps = STEPS_LEAST };
    read_args(argc, argv, &r);
    began = clock();
    look_arena = kecs_arena_create(0);
    definitions = kecs_arena_create(0);
    plain = definition(definitions, PLAIN);
    checked = definition(definitions, CHECKED);

    for (seed = r.first; seed - r.first < r.n && steps_run < r.steps; seed++)
    {
        if (!scenario(&w, seed)) {
            tap_ok(false, "seed %llu: %s", (unsigned long long) seed,
                   w.failure);
            printf("# replay: sim_scheduler --seed %llu --scenarios 1"
                   " --verbose\n", (unsigned long long) seed);
            break;
        }
    }

    took = (double) (clock() - began) / CLOCKS_PER_SEC;
    tap_ok(w.failure[0] == '\0', "%llu scenarios from seed %llu, %llu steps",
           (unsigned long long) (seed - r.first),
           (unsigned long long) r.first, (unsigned long long) steps_run);
    printf("# %.0f seeds/s, %.0f steps/s\n", (double) (seed - r.first) / took,
           (double) steps_run / took);

    if (seed - r.first >= 1000) {
        check_reached();
    }

    kecs_arena_destroy(look_arena);
    kecs_arena_destroy(definitions);

    return tap_done();
}
