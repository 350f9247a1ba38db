/*
 * Availability Zone rebalancing: which moves there are, and one service on
 * its way from one zone to three, step by step.  And what a deployment says
 * that its own percentages hold up.
 */

#include "../../src/scheduler/rebalance.h"
#include "tap.h"


#define NOW        1700000000000
#define TASKS_MAX  16

#define SVC  "(taskSet ecs-svc/0000000000000000007)"

typedef struct {
    kecs_arena_t       *arena;
    kecs_sched_conf_t   conf;
    kecs_service_t      service;
    kecs_deployment_t   d[2];
    size_t              n_deployments;
    kecs_sched_task_t   tasks[TASKS_MAX];
    size_t              n;
    kecs_str_t          zones[3];
    size_t              n_zones;
    kecs_msec_t         now;
    kecs_actions_t      out;
} kit_t;


/* Which move. */

typedef struct {
    const char   *what;
    kecs_zone_t   zones[3];
    unsigned      evenness;
    size_t        from;
    size_t        to;
} case_t;

#define A(n, loose, open)  { kecs_string("a"), n, loose, open }
#define B(n, loose, open)  { kecs_string("b"), n, loose, open }
#define C(n, loose, open)  { kecs_string("c"), n, loose, open }

static const case_t  cases[] = {
    { "one each", { A(1, 1, true), B(1, 1, true), C(1, 1, true) },
      KECS_ZONES_EVEN, 0, 0 },
    { "one more is even", { A(2, 2, true), B(1, 1, true), C(2, 2, true) },
      KECS_ZONES_EVEN, 0, 0 },
    { "two tasks in three zones", { A(1, 1, true), B(1, 1, true),
      C(0, 0, true) }, KECS_ZONES_EVEN, 0, 0 },
    { "two in one zone", { A(2, 2, true), B(0, 0, true), C(0, 0, true) },
      KECS_ZONES_UNEVEN, 0, 1 },
    { "from the fullest to the emptiest", { A(2, 2, true), B(1, 1, true),
      C(4, 4, true) }, KECS_ZONES_UNEVEN, 2, 1 },
    { "not to a zone that is closed", { A(3, 3, true), B(1, 1, true),
      C(0, 0, false) }, KECS_ZONES_UNEVEN, 0, 1 },
    { "out of a zone that is closed", { A(1, 1, true), B(1, 1, true),
      C(3, 3, false) }, KECS_ZONES_UNEVEN, 2, 0 },
    { "no zone is open", { A(3, 3, false), B(0, 0, false),
      C(0, 0, false) }, KECS_ZONES_EVEN, 0, 0 },
    { "only protected ones", { A(3, 0, true), B(1, 1, true),
      C(1, 1, true) }, KECS_ZONES_HELD, 0, 0 },
    { "from the second, as the first is protected", { A(4, 0, true),
      B(3, 1, true), C(1, 1, true) }, KECS_ZONES_UNEVEN, 1, 2 }
};


static void
test_compare(void)
{
    size_t  i, from, to;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tap_is_int(kecs_zones_compare(cases[i].zones, 3, &from, &to),
                   cases[i].evenness, "%s", cases[i].what);

        if (cases[i].evenness == KECS_ZONES_UNEVEN) {
            tap_ok(from == cases[i].from && to == cases[i].to,
                   "%s: from and to", cases[i].what);
        }
    }
}


/* A service. */

static kecs_sched_task_t *
add(kit_t *k, const char *zone)
{
    kecs_sched_task_t  *t;

    t = &k->tasks[k->n++];
    memset(t, 0, sizeof(*t));
    t->id[0] = (uint8_t) k->n;
    t->deployment = 7;
    t->version = 1;
    t->status = KECS_TASK_RUNNING;
    t->desired = KECS_DESIRED_RUNNING;
    t->created_at = NOW - 100000 + (kecs_msec_t) k->n;
    t->started_at = NOW - 90000;
    t->zone = kecs_str_of(zone);

    return t;
}


static void
make(kit_t *k, unsigned a, unsigned b)
{
    unsigned  i;

    memset(k, 0, sizeof(*k));
    k->arena = kecs_arena_create(0);
    kecs_sched_conf_default(&k->conf);
    k->now = NOW;
    k->service.status = KECS_SERVICE_ACTIVE;
    k->service.strategy = KECS_STRATEGY_REPLICA;
    k->service.version = 3;
    k->service.primary = 7;
    k->service.desired = a + b;
    k->service.min_percent = 100;
    k->service.max_percent = 200;
    k->service.steady = KECS_TOLD_STEADY;
    k->service.steady_at = NOW;
    k->service.rebalance = KECS_REBALANCE_ON;
    k->d[0].id = 7;
    k->d[0].status = KECS_DEPLOYMENT_PRIMARY;
    k->d[0].rollout = KECS_ROLLOUT_COMPLETED;
    k->d[0].desired = a + b;
    k->n_deployments = 1;
    k->zones[0] = kecs_str("a");
    k->zones[1] = kecs_str("b");
    k->n_zones = 2;

    for (i = 0; i < a + b; i++) {
        (void) add(k, i < a ? "a" : "b");
    }
}


static void
done(kit_t *k)
{
    kecs_arena_destroy(k->arena);
}


/* Takes the action on the service, if there is one, as the records do. */

static size_t
step(kit_t *k)
{
    size_t                i;
    const kecs_action_t  *a;
    kecs_sched_view_t     view;

    memset(&view, 0, sizeof(view));
    view.service = &k->service;
    view.deployments = k->d;
    view.n_deployments = k->n_deployments;
    view.tasks = k->tasks;
    view.n_tasks = k->n;
    view.zones = k->zones;
    view.n_zones = k->n_zones;

    if (kecs_schedule(k->arena, &view, &k->conf, k->now, &k->out) != KECS_OK)
    {
        return SIZE_MAX;
    }

    for (i = 0; i < k->out.n; i++) {
        a = &k->out.items[i];

        if (a->type == KECS_ACT_SERVICE) {
            k->service.version++;
            k->service.steady = a->steady;
            k->service.balancing = a->balancing;
            k->service.balance_at = a->balance_at;
        }
    }

    return k->out.n;
}


static const kecs_action_t *
found(const kit_t *k, kecs_action_type_t type)
{
    size_t  i;

    for (i = 0; i < k->out.n; i++) {
        if (k->out.items[i].type == type) {
            return &k->out.items[i];
        }
    }

    return NULL;
}


static bool
says(const kit_t *k, const char *text)
{
    size_t  i;

    for (i = 0; i < k->out.n; i++) {
        if (k->out.items[i].type == KECS_ACT_EVENT
            && kecs_str_is(k->out.items[i].text, text))
        {
            return true;
        }
    }

    for (i = 0; i < k->out.n; i++) {
        printf("# %d %.*s\n", (int) k->out.items[i].type,
               kecs_fmt(k->out.items[i].text));
    }

    return false;
}


static bool
starts_in(const kit_t *k, const char *zone)
{
    const kecs_action_t  *a;

    a = found(k, KECS_ACT_START);

    return a != NULL && a->n == 1 && kecs_str_is(a->zone, zone);
}


/* The start that was asked for: the task runs at once. */

static void
started(kit_t *k, const char *zone)
{
    kecs_sched_task_t  *t;

    t = add(k, zone);
    t->created_at = k->now;
    t->started_at = k->now;
}


static void
stopped(kit_t *k)
{
    size_t                i;
    const kecs_action_t  *a;

    a = found(k, KECS_ACT_STOP);

    for (i = 0; a != NULL && i < k->n; i++) {
        if (memcmp(k->tasks[i].id, a->task, KECS_ID_LEN) == 0) {
            k->tasks[i] = k->tasks[--k->n];
        }
    }
}


static void
test_moves(void)
{
    kit_t                 k;
    const kecs_action_t  *a;

    make(&k, 4, 0);
    (void) step(&k);
    tap_ok(says(&k, "is not AZ balanced with 4 tasks in a, 0 tasks in b."
                    " AZ Rebalancing in progress."), "it begins");
    tap_ok(starts_in(&k, "b"), "with a start in the other zone");
    tap_ok(found(&k, KECS_ACT_STOP) == NULL, "and no stop");

    started(&k, "b");
    (void) step(&k);
    tap_ok(found(&k, KECS_ACT_STOP) == NULL
           && found(&k, KECS_ACT_START) == NULL, "a new task is awaited");
    k.tasks[4].status = KECS_TASK_PENDING;
    (void) step(&k);
    tap_ok(found(&k, KECS_ACT_STOP) == NULL, "while it is PENDING too");
    k.tasks[4].status = KECS_TASK_RUNNING;

    k.now += k.conf.healthy_after;
    (void) step(&k);
    a = found(&k, KECS_ACT_STOP);
    tap_ok(a != NULL && kecs_str_is(a->zone, "a"), "then one goes");
    stopped(&k);

    (void) step(&k);
    tap_ok(starts_in(&k, "b"), "the next");
    tap_ok(found(&k, KECS_ACT_EVENT) == NULL, "of which nothing is told");
    started(&k, "b");
    k.now += k.conf.healthy_after;
    (void) step(&k);
    stopped(&k);
    (void) step(&k);
    tap_ok(says(&k, "is AZ balanced with 2 tasks in a, 2 tasks in b."),
           "until it is even");
    tap_ok(says(&k, "has reached a steady state."), "and at rest");
    tap_is_int((int) step(&k), 0, "where it stays");
    done(&k);
}


/* What it does not do. */

typedef struct {
    const char  *what;
    void       (*change)(kit_t *k);
} reason_t;

static void is_off(kit_t *k) { k->service.rebalance = KECS_REBALANCE_OFF; }
static void is_old(kit_t *k) { k->service.rebalance = 0; }
static void no_room(kit_t *k) { k->service.max_percent = 124; }
static void no_zones(kit_t *k) { k->n_zones = 0; }
static void one_zone(kit_t *k) { k->n_zones = 1; }
static void rolls(kit_t *k) { k->d[0].rollout = KECS_ROLLOUT_IN_PROGRESS; }
static void fresh(kit_t *k) { k->tasks[0].started_at = NOW; }
static void nowhere(kit_t *k) { k->tasks[0].zone = kecs_null_str; }
static void drains(kit_t *k) { k->tasks[0].draining = true; }
static void later(kit_t *k) { k->service.balance_at = NOW + 1000; }
static void pauses(kit_t *k) { k->service.throttled_until = NOW + 1000; }

static void
is_daemon(kit_t *k)
{
    k->service.strategy = KECS_STRATEGY_DAEMON;
    k->service.max_percent = 100;
}

static void
is_held(kit_t *k)
{
    size_t  i;

    for (i = 0; i < k->n; i++) {
        k->tasks[i].protected = true;
    }
}

static const reason_t  reasons[] = {
    { "it is off", is_off }, { "it is not known to be on", is_old },
    { "maximumPercent has no room", no_room },
    { "no zone is known", no_zones }, { "there is one zone", one_zone },
    { "a deployment goes on", rolls }, { "a task is not healthy", fresh },
    { "a task is nobody knows where", nowhere },
    { "an instance drains", drains }, { "a zone took no task", later },
    { "starts pause", pauses }, { "it is a DAEMON", is_daemon },
    { "its tasks are protected", is_held }
};


static void
test_reasons(void)
{
    kit_t   k;
    size_t  i;
    bool    in_zone;

    for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        make(&k, 4, 0);
        reasons[i].change(&k);
        (void) step(&k);
        in_zone = found(&k, KECS_ACT_START) != NULL
                  && found(&k, KECS_ACT_START)->zone.len != 0;
        tap_ok(!in_zone, "not while %s", reasons[i].what);
        done(&k);
    }
}


static void
test_held(void)
{
    kit_t  k;

    make(&k, 3, 0);
    is_held(&k);
    (void) step(&k);
    tap_ok(says(&k, "was unable to AZ Rebalance because " SVC " was unable"
                    " to scale in due to (reason 3 tasks under"
                    " protection)."), "protection is told");
    (void) step(&k);
    tap_ok(found(&k, KECS_ACT_EVENT) == NULL, "once");
    k.tasks[1].protected = false;
    (void) step(&k);
    tap_ok(starts_in(&k, "b"), "until there is one without");
    done(&k);
}


/* A replacement that never comes to run. */

static void
test_fails(void)
{
    kit_t  k;

    make(&k, 2, 0);
    (void) step(&k);
    tap_ok(starts_in(&k, "b"), "a start");
    (void) step(&k);
    tap_ok(says(&k, "stopped AZ Rebalancing."), "of which nothing comes");
    tap_is_int((int) k.out.again_at, (int) (NOW + k.conf.balance_again),
               "it is tried again later");
    (void) step(&k);
    tap_ok(found(&k, KECS_ACT_START) == NULL, "not sooner");
    k.now += k.conf.balance_again;
    (void) step(&k);
    tap_ok(starts_in(&k, "b"), "but then");
    k.service.balancing = KECS_BALANCING_NOT;
    k.service.balance_at = k.now + k.conf.balance_again + 1;
    (void) step(&k);
    tap_ok(starts_in(&k, "b"), "also when the clock has been put back");

    started(&k, "b");
    k.tasks[2].status = KECS_TASK_PROVISIONING;
    k.tasks[2].started_at = 0;
    k.now += k.conf.balance_patience - 1;
    (void) step(&k);
    tap_ok(found(&k, KECS_ACT_STOP) == NULL, "one that starts is awaited");
    k.now++;
    (void) step(&k);
    tap_ok(found(&k, KECS_ACT_STOP) != NULL
           && found(&k, KECS_ACT_STOP)->task[0] == 3, "but not for ever");
    stopped(&k);
    (void) step(&k);
    tap_ok(says(&k, "stopped AZ Rebalancing."), "that is the end of it");
    done(&k);
}


/* A client interferes. */

static void
test_interrupted(void)
{
    kit_t  k;

    make(&k, 3, 0);
    (void) step(&k);
    started(&k, "b");
    k.d[1] = k.d[0];
    k.d[1].id = 8;
    k.d[1].rollout = KECS_ROLLOUT_IN_PROGRESS;
    k.d[0].status = KECS_DEPLOYMENT_ACTIVE;
    k.n_deployments = 2;
    k.service.primary = 8;
    (void) step(&k);
    tap_ok(says(&k, "stopped AZ Rebalancing."), "a deployment ends it");
    tap_is_int(k.service.balancing, KECS_BALANCING_NOT, "for good");
    done(&k);

    make(&k, 3, 0);
    (void) step(&k);
    started(&k, "b");
    k.service.status = KECS_SERVICE_DRAINING;
    k.service.desired = 0;
    (void) step(&k);
    (void) step(&k);
    tap_ok(found(&k, KECS_ACT_EVENT) == NULL, "a deleted one says nothing");
    done(&k);

    make(&k, 3, 0);
    (void) step(&k);
    started(&k, "b");
    k.service.desired = 6;
    (void) step(&k);
    tap_ok(found(&k, KECS_ACT_START) != NULL
           && found(&k, KECS_ACT_START)->n == 2
           && found(&k, KECS_ACT_START)->zone.len == 0,
           "scaling out starts what is missing");
    tap_is_int(k.service.balancing, KECS_BALANCING_ON, "and then it goes on");
    done(&k);
}


/* desired 1 of 50 to 150 percent: neither a stop nor a start is allowed. */

static void
test_blocked(void)
{
    kit_t  k;

    make(&k, 1, 0);
    k.service.min_percent = 50;
    k.service.max_percent = 150;
    k.d[1] = k.d[0];
    k.d[1].id = 8;
    k.d[1].rollout = KECS_ROLLOUT_IN_PROGRESS;
    k.d[0].status = KECS_DEPLOYMENT_ACTIVE;
    k.n_deployments = 2;
    k.service.primary = 8;
    k.service.steady = KECS_TOLD_NOTHING;
    (void) step(&k);
    tap_ok(says(&k, "was unable to stop or start tasks during a deployment"
                    " because of the service deployment configuration."
                    " Update the minimumHealthyPercent or maximumPercent"
                    " value and try again."), "a deployment is blocked");
    tap_ok(found(&k, KECS_ACT_START) == NULL
           && found(&k, KECS_ACT_STOP) == NULL, "nothing moves");
    (void) step(&k);
    tap_ok(found(&k, KECS_ACT_EVENT) == NULL, "which is told once");
    k.service.max_percent = 200;
    k.service.steady = KECS_TOLD_NOTHING;
    (void) step(&k);
    tap_ok(found(&k, KECS_ACT_START) != NULL, "and ends with its reason");
    done(&k);
}


int
main(void)
{
    test_compare();
    test_moves();
    test_reasons();
    test_held();
    test_fails();
    test_interrupted();
    test_blocked();

    return tap_done();
}
