/*
 * What service deployments become, and the next step of task sets: the pure
 * parts of the scheduler beside the one for deployments.
 */

#include "../../src/scheduler/scheduler.h"
#include "tap.h"


#define NOW  1000000


/* Service deployments. */

typedef struct {
    const char     *what;
    uint8_t         service;
    uint8_t         rollout;        /* 0: no deployment */
    uint8_t         before;
    kecs_follow_t   follow;
    uint8_t         after;
} follow_t;

#define SD(name)  KECS_SERVICE_DEPLOYMENT_ ## name

static const follow_t  follows[] = {
    { "it begins", KECS_SERVICE_ACTIVE, KECS_ROLLOUT_IN_PROGRESS,
      SD(PENDING), KECS_FOLLOW_PUT, SD(IN_PROGRESS) },
    { "it goes on", KECS_SERVICE_ACTIVE, KECS_ROLLOUT_IN_PROGRESS,
      SD(IN_PROGRESS), KECS_FOLLOW_NOTHING, SD(IN_PROGRESS) },
    { "it is done", KECS_SERVICE_ACTIVE, KECS_ROLLOUT_COMPLETED,
      SD(IN_PROGRESS), KECS_FOLLOW_PUT, SD(SUCCESSFUL) },
    { "it is done at once", KECS_SERVICE_ACTIVE, KECS_ROLLOUT_COMPLETED,
      SD(PENDING), KECS_FOLLOW_PUT, SD(SUCCESSFUL) },
    { "it fails", KECS_SERVICE_ACTIVE, KECS_ROLLOUT_FAILED,
      SD(IN_PROGRESS), KECS_FOLLOW_PUT, SD(STOPPED) },
    { "it is to go back", KECS_SERVICE_ACTIVE, KECS_ROLLOUT_IN_PROGRESS,
      SD(ROLLBACK_REQUESTED), KECS_FOLLOW_BACK, SD(ROLLBACK_REQUESTED) },
    { "though it is done", KECS_SERVICE_ACTIVE, KECS_ROLLOUT_COMPLETED,
      SD(ROLLBACK_REQUESTED), KECS_FOLLOW_BACK, SD(ROLLBACK_REQUESTED) },
    { "it goes back", KECS_SERVICE_ACTIVE, KECS_ROLLOUT_IN_PROGRESS,
      SD(ROLLBACK_IN_PROGRESS), KECS_FOLLOW_NOTHING,
      SD(ROLLBACK_IN_PROGRESS) },
    { "it is back", KECS_SERVICE_ACTIVE, KECS_ROLLOUT_COMPLETED,
      SD(ROLLBACK_IN_PROGRESS), KECS_FOLLOW_PUT, SD(ROLLBACK_SUCCESSFUL) },
    { "going back fails", KECS_SERVICE_ACTIVE, KECS_ROLLOUT_FAILED,
      SD(ROLLBACK_IN_PROGRESS), KECS_FOLLOW_PUT, SD(ROLLBACK_FAILED) },
    { "its deployment is gone", KECS_SERVICE_ACTIVE, 0, SD(IN_PROGRESS),
      KECS_FOLLOW_PUT, SD(STOPPED) },
    { "its service is deleted", KECS_SERVICE_DRAINING,
      KECS_ROLLOUT_IN_PROGRESS, SD(IN_PROGRESS), KECS_FOLLOW_PUT,
      SD(STOPPED) },
    { "nothing follows the end", KECS_SERVICE_ACTIVE, 0, SD(SUCCESSFUL),
      KECS_FOLLOW_NOTHING, SD(SUCCESSFUL) }
};


static void
test_follow(void)
{
    size_t                     i;
    kecs_follow_t              got;
    kecs_service_t             s;
    kecs_deployment_t          d;
    kecs_service_deployment_t  sd;

    for (i = 0; i < sizeof(follows) / sizeof(follows[0]); i++) {
        memset(&s, 0, sizeof(s));
        memset(&d, 0, sizeof(d));
        memset(&sd, 0, sizeof(sd));
        s.status = follows[i].service;
        s.primary = 7;
        d.id = 7;
        d.rollout = follows[i].rollout;
        sd.status = follows[i].before;

        got = kecs_sched_follow(&sd, &s, d.rollout != 0 ? &d : NULL, NOW);
        tap_ok(got == follows[i].follow && sd.status == follows[i].after,
               "%s", follows[i].what);
        tap_is_int(sd.finished_at, got == KECS_FOLLOW_PUT
                   && !kecs_service_deployment_live(sd.status) ? NOW : 0,
                   "and when it ended");
    }
}


/* The circuit breaker: its threshold, and what follows when it is reached. */

static const struct {
    uint8_t   type;
    uint32_t  value;
    uint32_t  desired;
    uint32_t  threshold;
} thresholds[] = {
    { KECS_THRESHOLD_BOUNDED_PERCENT, 0, 0, 3 },
    { KECS_THRESHOLD_BOUNDED_PERCENT, 50, 7, 4 },
    { KECS_THRESHOLD_BOUNDED_PERCENT, 50, 6, 3 },
    { KECS_THRESHOLD_BOUNDED_PERCENT, 50, 1000, 200 },
    { KECS_THRESHOLD_BOUNDED_PERCENT, 25, 20, 5 },
    { KECS_THRESHOLD_UNBOUNDED_PERCENT, 50, 1000, 500 },
    { KECS_THRESHOLD_UNBOUNDED_PERCENT, 10, 1, 1 },
    { KECS_THRESHOLD_UNBOUNDED_PERCENT, 10, 0, 1 },
    { KECS_THRESHOLD_COUNT, 7, 100, 7 },
    { KECS_THRESHOLD_COUNT, UINT32_MAX, 100, UINT32_MAX },
    { KECS_THRESHOLD_UNBOUNDED_PERCENT, UINT32_MAX, UINT32_MAX, UINT32_MAX }
};


static void
test_breaker(void)
{
    size_t                     i;
    kecs_service_t             s;
    kecs_deployment_t          d;
    kecs_service_deployment_t  sd;

    memset(&sd, 0, sizeof(sd));

    for (i = 0; i < sizeof(thresholds) / sizeof(thresholds[0]); i++) {
        sd.threshold_type = thresholds[i].type;
        sd.threshold_value = thresholds[i].value;
        tap_is_int(kecs_breaker_threshold(&sd, thresholds[i].desired),
                   thresholds[i].threshold, "threshold %d", (int) i);
    }

    memset(&s, 0, sizeof(s));
    memset(&d, 0, sizeof(d));
    s.status = KECS_SERVICE_ACTIVE;
    s.primary = d.id = 7;
    d.rollout = KECS_ROLLOUT_FAILED;
    d.reason = kecs_str("why");
    sd.status = SD(PENDING);
    sd.breaker = KECS_BREAKER_ON;
    tap_is_int(kecs_sched_follow(&sd, &s, &d, NOW), KECS_FOLLOW_PUT,
               "it is triggered, without rollback");
    tap_ok(sd.status == SD(STOPPED) && kecs_str_is(sd.reason, "why")
           && sd.started_at == NOW && sd.stopped_at == NOW
           && (sd.breaker & KECS_BREAKER_TRIGGERED), "which is the end");

    memset(&sd, 0, sizeof(sd));
    sd.status = SD(IN_PROGRESS);
    sd.breaker = KECS_BREAKER_ON | KECS_BREAKER_ROLLBACK;
    tap_is_int(kecs_sched_follow(&sd, &s, &d, NOW), KECS_FOLLOW_BACK,
               "and with rollback");
    tap_ok(sd.rollback_reason.len != 0
           && (sd.breaker & KECS_BREAKER_TRIGGERED), "for a reason");
}


/* What counts as a failed task, and when starts pause. */

static const struct {
    const char  *what;
    uint8_t      code;
    uint8_t      health;
    bool         started;
    kecs_msec_t  lived;
    uint8_t      rollout;
    bool         failed;
} ends[] = {
    { "a task that could not start", KECS_STOP_FAILED_TO_START, 0, false, 0,
      KECS_ROLLOUT_COMPLETED, true },
    { "one stopped by a person", KECS_STOP_USER, 0, false, 0,
      KECS_ROLLOUT_IN_PROGRESS, false },
    { "one of too many", KECS_STOP_SCHEDULER, KECS_HEALTH_HEALTHY, true, 5,
      KECS_ROLLOUT_IN_PROGRESS, false },
    { "one that is unhealthy", KECS_STOP_SCHEDULER, KECS_HEALTH_UNHEALTHY,
      true, 90000, KECS_ROLLOUT_IN_PROGRESS, true },
    { "one that ends at once", KECS_STOP_ESSENTIAL_EXITED, 0, true, 100,
      KECS_ROLLOUT_IN_PROGRESS, true },
    { "one that ends later", KECS_STOP_ESSENTIAL_EXITED, 0, true, 40000,
      KECS_ROLLOUT_IN_PROGRESS, false },
    { "one that ends after the rollout", KECS_STOP_ESSENTIAL_EXITED, 0,
      true, 100, KECS_ROLLOUT_COMPLETED, false },
    { "one of a rollout that has failed", KECS_STOP_FAILED_TO_START, 0,
      false, 0, KECS_ROLLOUT_FAILED, false }
};


static void
test_failures(void)
{
    size_t             i;
    kecs_task_t        t;
    kecs_service_t     s;
    kecs_deployment_t  d;
    kecs_sched_conf_t  conf;

    kecs_sched_conf_default(&conf);

    for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        memset(&t, 0, sizeof(t));
        memset(&s, 0, sizeof(s));
        memset(&d, 0, sizeof(d));
        s.primary = d.id = 7;
        d.rollout = ends[i].rollout;
        d.failed = conf.throttle_from;
        t.stop_code = ends[i].code;
        t.health = ends[i].health;
        t.started_at = ends[i].started ? NOW - ends[i].lived : 0;
        tap_ok(kecs_sched_stopped(&conf, &s, &d, &t, NOW) == ends[i].failed
               && (d.failed > conf.throttle_from) == ends[i].failed,
               "%s", ends[i].what);
        tap_ok((s.throttled_until > NOW)
               == (ends[i].failed
                   && ends[i].code != KECS_STOP_ESSENTIAL_EXITED),
               "and whether starts pause");
    }
}


/* Task sets. */

typedef struct {
    kecs_arena_t       *arena;
    kecs_service_t      service;
    kecs_task_set_t     sets[2];
    kecs_sched_task_t   tasks[16];
    kecs_sched_sets_t   view;
    kecs_sched_conf_t   conf;
    kecs_actions_t      out;
} kit_t;


static void
setup(kit_t *k, uint32_t desired)
{
    memset(k, 0, sizeof(*k));
    k->arena = kecs_arena_create(0);
    kecs_sched_conf_default(&k->conf);
    k->service.status = KECS_SERVICE_ACTIVE;
    k->service.controller = KECS_CONTROLLER_EXTERNAL;
    k->service.desired = desired;
    k->service.version = 3;
    k->sets[0].id = 1;
    k->sets[0].status = KECS_TASK_SET_PRIMARY;
    k->sets[0].scale = KECS_SCALE_FULL;
    k->sets[1].id = 2;
    k->sets[1].status = KECS_TASK_SET_ACTIVE;
    k->view.service = &k->service;
    k->view.sets = k->sets;
    k->view.n_sets = 2;
    k->view.tasks = k->tasks;
}


static void
add_tasks(kit_t *k, uint64_t set, unsigned n)
{
    kecs_sched_task_t  *t;

    while (n-- > 0) {
        t = &k->tasks[k->view.n_tasks++];
        t->id[0] = (uint8_t) k->view.n_tasks;
        t->deployment = set;
        t->status = KECS_TASK_RUNNING;
        t->desired = KECS_DESIRED_RUNNING;
        t->started_at = 1;
    }
}


static int64_t
count(kit_t *k, kecs_action_type_t type, uint64_t set)
{
    size_t    i;
    int64_t   n;

    for (i = 0, n = 0; i < k->out.n; i++) {
        if (k->out.items[i].type == type
            && k->out.items[i].deployment == set)
        {
            n += type == KECS_ACT_START ? k->out.items[i].n : 1;
        }
    }

    return n;
}


static void
step(kit_t *k)
{
    tap_is_int(kecs_schedule_sets(k->arena, &k->view, &k->conf, NOW,
                                  &k->out), KECS_OK, "a step");
}


static void
test_sets(void)
{
    kit_t  k;

    setup(&k, 3);
    k.sets[1].scale = KECS_SCALE_FULL / 2;
    step(&k);
    tap_is_int(count(&k, KECS_ACT_START, 1), 3, "all of the desired count");
    tap_is_int(count(&k, KECS_ACT_START, 2), 2, "half of it, rounded up");
    tap_is_int(k.out.items[0].version, 3, "decided on the service");

    add_tasks(&k, 1, 3);
    add_tasks(&k, 2, 4);
    step(&k);
    tap_is_int(count(&k, KECS_ACT_START, 1), 0, "the first has its tasks");
    tap_is_int(count(&k, KECS_ACT_TASK_SET, 1), 1, "and is steady");
    tap_is_int(count(&k, KECS_ACT_STOP, 2), 2, "the second has too many");
    tap_is_int(count(&k, KECS_ACT_SERVICE, 0), 0, "the service stays");

    k.sets[0].steady = KECS_TOLD_STEADY;
    k.sets[0].steady_at = NOW;
    step(&k);
    tap_is_int(count(&k, KECS_ACT_TASK_SET, 1), 0, "that is told once");
    kecs_arena_destroy(k.arena);
}


static void
test_sets_end(void)
{
    kit_t  k;

    setup(&k, 2);
    k.sets[1].status = KECS_TASK_SET_DRAINING;
    k.sets[1].scale = KECS_SCALE_FULL;
    add_tasks(&k, 2, 2);
    step(&k);
    tap_is_int(count(&k, KECS_ACT_STOP, 2), 2, "a draining set is emptied");
    tap_is_int(count(&k, KECS_ACT_TASK_SET_END, 2), 0, "and stays");

    k.view.n_tasks = 0;
    step(&k);
    tap_is_int(count(&k, KECS_ACT_TASK_SET_END, 2), 1, "until it is empty");

    k.service.status = KECS_SERVICE_DRAINING;
    step(&k);
    tap_is_int(count(&k, KECS_ACT_TASK_SET_END, 1), 1, "all end");
    tap_is_int(count(&k, KECS_ACT_SERVICE, 0), 1, "with their service");
    tap_is_int(k.out.items[k.out.n - 1].status, KECS_SERVICE_INACTIVE,
               "which is then INACTIVE");
    kecs_arena_destroy(k.arena);
}


static void
test_sets_fail(void)
{
    unsigned     i;
    kit_t        k;
    kecs_task_t  t;

    setup(&k, 2);
    memset(&t, 0, sizeof(t));
    t.stop_code = KECS_STOP_FAILED_TO_START;

    for (i = 0; i < 3; i++) {
        tap_ok(kecs_sched_set_stopped(&k.conf, &k.service, &k.sets[0], &t,
                                      NOW), "a task does not start");
    }

    tap_ok(k.sets[0].failed == 3 && k.sets[0].throttled_until > NOW,
           "then there is a pause");
    step(&k);
    tap_is_int(count(&k, KECS_ACT_START, 1), 0, "nothing is started");
    tap_is_int(k.out.again_at, k.sets[0].throttled_until, "until then");
    kecs_arena_destroy(k.arena);
}


/* Sets left over in a service that ECS deploys. */

static void
test_left_sets(void)
{
    kit_t  k;

    setup(&k, 2);
    add_tasks(&k, 1, 1);
    tap_is_int(kecs_schedule_left_sets(k.arena, &k.view, &k.out), KECS_OK,
               "sets that are left over");
    tap_ok(k.out.n == 1 && count(&k, KECS_ACT_TASK_SET_END, 2) == 1,
           "end when they are empty");
    kecs_arena_destroy(k.arena);
}


/* Instances that are DRAINING. */

typedef struct {
    const char  *what;
    unsigned     desired;
    unsigned     min_percent;
    unsigned     max_percent;
    unsigned     stay;              /* RUNNING elsewhere */
    unsigned     leave;             /* RUNNING there */
    unsigned     pending;           /* there */
    unsigned     starts;
    unsigned     stops;
} drain_t;

static const drain_t  drains[] = {
    { "replaced before they stop", 4, 100, 200, 2, 2, 0, 2, 0 },
    { "stopped once they are replaced", 4, 100, 200, 4, 2, 0, 0, 2 },
    { "no more than the maximum", 4, 100, 125, 2, 2, 0, 1, 0 },
    { "stopped for want of room", 4, 50, 100, 2, 2, 0, 2, 2 },
    { "down to the minimum", 4, 75, 100, 2, 2, 0, 1, 1 },
    { "at once what does not run yet", 4, 100, 200, 2, 0, 2, 2, 2 },
    { "all of them", 3, 100, 200, 0, 2, 1, 3, 1 },
    { "none is left", 2, 100, 200, 2, 0, 0, 0, 0 }
};


static void
test_drain(void)
{
    kit_t               k;
    size_t              i;
    unsigned            n;
    kecs_deployment_t   d;
    kecs_sched_view_t   view;

    for (i = 0; i < sizeof(drains) / sizeof(drains[0]); i++) {
        setup(&k, drains[i].desired);
        memset(&view, 0, sizeof(view));
        memset(&d, 0, sizeof(d));
        d.id = k.service.primary = 1;
        d.status = KECS_DEPLOYMENT_PRIMARY;
        d.rollout = KECS_ROLLOUT_COMPLETED;
        d.desired = drains[i].desired;
        k.service.min_percent = drains[i].min_percent;
        k.service.max_percent = drains[i].max_percent;
        add_tasks(&k, 1, drains[i].stay + drains[i].leave
                         + drains[i].pending);

        for (n = drains[i].stay; n < k.view.n_tasks; n++) {
            k.tasks[n].draining = true;

            if (n >= drains[i].stay + drains[i].leave) {
                k.tasks[n].status = KECS_TASK_PENDING;
                k.tasks[n].started_at = 0;
            }
        }

        view.service = &k.service;
        view.deployments = &d;
        view.n_deployments = 1;
        view.tasks = k.tasks;
        view.n_tasks = k.view.n_tasks;

        (void) kecs_schedule_rolling(k.arena, &view, &k.conf, NOW, &k.out);
        tap_is_int(count(&k, KECS_ACT_START, 1), drains[i].starts,
                   "%s: starts", drains[i].what);
        tap_is_int(count(&k, KECS_ACT_STOP, 1), drains[i].stops,
                   "%s: stops", drains[i].what);
        kecs_arena_destroy(k.arena);
    }
}


/* Who has the traffic: 7 is green, 5 was rolled out last. */

static const struct {
    const char  *what;
    uint8_t      strategy;
    uint8_t      service;
    uint64_t     primary;
    uint64_t     run;
    uint64_t     completed;
    unsigned     running;           /* tasks of 5 */
    uint64_t     blue;
    uint64_t     green;
} traffics[] = {
    { "a shift", KECS_DEPLOY_BLUE_GREEN, KECS_SERVICE_ACTIVE, 7, 7, 5, 2, 5,
      7 },
    { "a shift whose blue lacks tasks", KECS_DEPLOY_LINEAR,
      KECS_SERVICE_ACTIVE, 7, 7, 5, 0, 5, 7 },
    { "a rolling update", KECS_DEPLOY_ROLLING, KECS_SERVICE_ACTIVE, 7, 7, 5,
      2, 0, 0 },
    { "nothing before it", KECS_DEPLOY_CANARY, KECS_SERVICE_ACTIVE, 7, 7, 0,
      2, 0, 0 },
    { "a service that is deleted", KECS_DEPLOY_CANARY, KECS_SERVICE_DRAINING,
      7, 7, 5, 2, 0, 0 },
    { "going back", KECS_DEPLOY_CANARY, KECS_SERVICE_ACTIVE, 5, 5, 5, 2, 5,
      7 },
    { "going back to fewer than the minimum", KECS_DEPLOY_CANARY,
      KECS_SERVICE_ACTIVE, 5, 5, 5, 1, 0, 0 },
    { "one that runs no more", KECS_DEPLOY_CANARY, KECS_SERVICE_ACTIVE, 5, 7,
      5, 2, 0, 0 }
};


static void
test_traffic(void)
{
    size_t                     i, k;
    kecs_traffic_t             got;
    kecs_service_t             s;
    kecs_deployment_t          d[2];
    kecs_sched_task_t          t[2];
    kecs_sched_view_t          v;
    kecs_service_deployment_t  sd;

    for (i = 0; i < sizeof(traffics) / sizeof(traffics[0]); i++) {
        memset(&s, 0, sizeof(s));
        memset(d, 0, sizeof(d));
        memset(t, 0, sizeof(t));
        memset(&v, 0, sizeof(v));
        memset(&sd, 0, sizeof(sd));

        s.status = traffics[i].service;
        s.desired = 4;
        s.min_percent = 50;
        s.completed = traffics[i].completed;

        for (k = 0; k < 2; k++) {
            d[k].id = 5 + 2 * k;
            d[k].status = d[k].id == traffics[i].primary
                          ? KECS_DEPLOYMENT_PRIMARY : KECS_DEPLOYMENT_ACTIVE;
            t[k].deployment = 5;
            t[k].desired = KECS_DESIRED_RUNNING;
            t[k].status = k < traffics[i].running ? KECS_TASK_RUNNING
                                                  : KECS_TASK_PENDING;
        }

        sd.id = 7;
        sd.run = traffics[i].run;
        sd.strategy = traffics[i].strategy;
        sd.weight = 250;
        sd.test_weight = 1000;
        v = (kecs_sched_view_t) {
            .service = &s, .deployments = d, .n_deployments = 2,
            .tasks = t, .n_tasks = 2, .rollout = &sd
        };
        kecs_sched_traffic(&v, &got);
        tap_ok(got.blue == traffics[i].blue && got.green == traffics[i].green
               && got.weight == (got.green ? 250 : 0)
               && got.test_weight == (got.green ? 1000 : 0),
               "traffic: %s", traffics[i].what);
    }
}


int
main(void)
{
    test_follow();
    test_traffic();
    test_breaker();
    test_failures();
    test_sets();
    test_sets_end();
    test_sets_fail();
    test_left_sets();
    test_drain();

    return tap_done();
}
