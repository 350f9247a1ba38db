/*
 * The model of rollouts as tables: what a service deployment, a deployment
 * and a lifecycle stage may become (ecs-api.md 3.7, 3.8).  All states and
 * all that may happen to them are enumerated; what the code makes of each
 * has to be in the tables, and all that is in the tables has to happen.
 */

#include "callkit.h"
#include "../../src/scheduler/scheduler.h"


#define NOW  1700000000000

#define WEB                                                                  \
    "{\"family\":\"web\",\"containerDefinitions\":[{\"name\":\"app\","       \
    "\"image\":\"nginx:1\",\"memory\":256}]}"

#define UPDATE  "{\"service\":\"s\",\"taskDefinition\":\"web:1\","           \
                "\"forceNewDeployment\":true}"

/* From (row) to (bits): seen, and what the model has. */

#define STATES  16

typedef struct {
    const char     *what;
    const char     *(*name)(unsigned state);
    uint32_t        seen[STATES];
    uint32_t        model[STATES];
} machine_t;


static void
saw(machine_t *m, unsigned from, unsigned to)
{
    if (from != to) {
        m->seen[from] |= 1u << to;
    }
}


static void
compare(const machine_t *m)
{
    unsigned  from, to;

    for (from = 0; from < STATES; from++) {
        for (to = 0; to < STATES; to++) {
            if (((m->seen[from] | m->model[from]) & (1u << to)) != 0) {
                tap_ok((m->model[from] & (1u << to)) != 0
                       && (m->seen[from] & (1u << to)) != 0,
                       "%s: %s -> %s is in the model, and happens", m->what,
                       m->name(from), m->name(to));
            }
        }
    }
}


/* Service deployments. */

#define SD(name)  KECS_SERVICE_DEPLOYMENT_ ## name
#define TO(name)  (1u << KECS_SERVICE_DEPLOYMENT_ ## name)
#define LAST      KECS_SERVICE_DEPLOYMENT_ROLLBACK_FAILED

static machine_t  rollouts = {
    .what = "service deployment",
    .name = kecs_service_deployment_status_name,
    .model = {
        [SD(PENDING)] = TO(IN_PROGRESS) | TO(SUCCESSFUL) | TO(STOPPED)
                        | TO(ROLLBACK_REQUESTED) | TO(ROLLBACK_IN_PROGRESS)
                        | TO(ROLLBACK_FAILED),
        [SD(IN_PROGRESS)] = TO(SUCCESSFUL) | TO(STOPPED)
                            | TO(ROLLBACK_REQUESTED)
                            | TO(ROLLBACK_IN_PROGRESS) | TO(ROLLBACK_FAILED),
        [SD(ROLLBACK_REQUESTED)] = TO(ROLLBACK_IN_PROGRESS) | TO(STOPPED)
                                   | TO(ROLLBACK_FAILED),
        [SD(ROLLBACK_IN_PROGRESS)] = TO(ROLLBACK_SUCCESSFUL)
                                     | TO(ROLLBACK_FAILED)
    }
};


/* States that are never reached need not be left. */

static bool
is_reached(unsigned status)
{
    return status != SD(STOP_REQUESTED);
}


/* What the scheduler makes of one; `back` has what rolling back gives. */

static void
follow_all(const uint32_t *back)
{
    kecs_follow_t              got;
    unsigned                   from, rollout, breaker, to, status;
    kecs_service_t             s;
    kecs_deployment_t          d;
    kecs_service_deployment_t  sd;

    memset(&s, 0, sizeof(s));
    memset(&d, 0, sizeof(d));
    s.primary = d.id = 7;

    for (from = 1; from <= LAST; from++) {
        for (rollout = 0; rollout <= KECS_ROLLOUT_FAILED; rollout++) {
            for (breaker = 0; breaker < 16; breaker++) {
                for (status = KECS_SERVICE_ACTIVE;
                     is_reached(from) && status <= KECS_SERVICE_INACTIVE;
                     status++)
                {
                    memset(&sd, 0, sizeof(sd));
                    s.status = (uint8_t) status;
                    sd.status = (uint8_t) from;
                    sd.breaker = (uint8_t) (breaker & 3);
                    sd.alarms = (uint8_t) ((breaker & 4 ? KECS_ALARMS_ROLLBACK
                                                        : 0)
                                           | (breaker & 8
                                              ? KECS_ALARMS_TRIGGERED : 0));
                    d.rollout = (uint8_t) rollout;
                    got = kecs_sched_follow(&sd, &s,
                                            rollout != 0 ? &d : NULL, NOW);

                    for (to = 1; got == KECS_FOLLOW_BACK && to <= LAST;
                         to++)
                    {
                        if (*back & (1u << to)) {
                            saw(&rollouts, from, to);
                        }
                    }

                    if (got != KECS_FOLLOW_BACK) {
                        saw(&rollouts, from, sd.status);
                    }
                }
            }
        }
    }
}


/* What the operations make of one, each with a store of its own. */

typedef struct {
    kecs_call_t                c;
    kecs_rand_t                rand;
    kecs_service_t             s;
    kecs_service_deployment_t  sd;
} hand_t;


static void
begin(callkit_t *k, hand_t *h, uint64_t id)
{
    kecs_cluster_t  cluster;

    memset(h, 0, sizeof(*h));
    kecs_rand_seed(&h->rand, 7);
    h->c.arena = kecs_arena_create(0);
    h->c.now = k->now;
    h->c.account = k->account;
    h->c.region = k->region;
    h->c.rand = &h->rand;
    h->c.conf = &k->conf;
    (void) kecs_write_begin(k->store, k->now, &h->c.txn);
    (void) kecs_scope_get(h->c.txn, h->c.account, h->c.region, false,
                          &h->c.scope);
    (void) kecs_find_cluster(&h->c, kecs_null_str, 0, &cluster);
    (void) kecs_find_service(&h->c, &cluster, kecs_str("s"), KECS_ALL_PARTS,
                             &h->s);
    (void) kecs_service_deployment_get(&h->c, &h->s,
                                       id != 0 ? id : h->s.primary, &h->sd);
}


static void
end(hand_t *h)
{
    (void) kecs_write_commit(h->c.txn);
    kecs_arena_destroy(h->c.arena);
}


static unsigned
status_of(callkit_t *k, uint64_t id)
{
    hand_t    h;
    unsigned  status;

    begin(k, &h, id);
    status = h.sd.status;
    end(&h);

    return status;
}


typedef enum { STOP, REPLACE, DELETE, BACK, BACK_NOWHERE, ANSWER, ACTS } act_t;


static void
act(callkit_t *k, act_t what, uint64_t id)
{
    char    in[512];
    hand_t  h;

    if (what == REPLACE) {
        (void) callkit(k, "UpdateService", UPDATE);
        return;
    }

    if (what == DELETE) {
        (void) callkit(k, "DeleteService", "{\"service\":\"s\","
                       "\"force\":true}");
        return;
    }

    begin(k, &h, id);
    (void) snprintf(in, sizeof(in), "{\"serviceDeploymentArn\":\"" CALLKIT_ARN
                    "service-deployment/default/s/%.*s\",\"hookId\":\"h\","
                    "\"action\":\"ROLLBACK\"}", kecs_fmt(h.sd.name));

    if (what == BACK || what == BACK_NOWHERE) {
        (void) kecs_service_roll_back(&h.c, &h.s, &h.sd);
    }

    end(&h);

    if (what == STOP || what == ANSWER) {
        (void) callkit(k, what == STOP ? "StopServiceDeployment"
                                       : "ContinueServiceDeployment", in);
    }
}


/* A rollout in this state, after one that was completed, or the first. */

static uint64_t
make(callkit_t *k, unsigned status, bool first)
{
    hand_t    h;
    uint64_t  id;

    callkit_open(k);
    (void) callkit(k, "CreateCluster", "{}");
    (void) callkit(k, "RegisterTaskDefinition", WEB);
    (void) callkit(k, "CreateService", "{\"serviceName\":\"s\","
                   "\"taskDefinition\":\"web:1\",\"desiredCount\":1}");

    if (!first) {
        begin(k, &h, 0);
        h.s.completed = h.s.primary;
        h.sd.status = SD(SUCCESSFUL);
        (void) kecs_put(h.c.txn, &h.s);
        (void) kecs_put(h.c.txn, &h.sd);
        end(&h);
        (void) callkit(k, "UpdateService", UPDATE);
    }

    begin(k, &h, 0);
    id = h.sd.id;
    h.sd.status = (uint8_t) status;
    h.sd.stage = KECS_STAGE_PRE_SCALE_UP;
    kecs_rec_part(&h.sd.rec, KECS_SERVICE_DEPLOYMENT_HOOKS,
                  kecs_str("{\"lifecycleHookDetails\":[{\"hookId\":\"h\","
                           "\"status\":\"AWAITING_ACTION\"}]}"));
    (void) kecs_put(h.c.txn, &h.sd);
    end(&h);

    return id;
}


static void
test_operations(uint32_t *back)
{
    unsigned   from, what, to;
    uint64_t   id;
    callkit_t  k;

    for (from = 1; from <= LAST; from++) {
        for (what = 0; is_reached(from) && what < ACTS; what++) {

            if ((what == BACK || what == BACK_NOWHERE)
                && from != SD(ROLLBACK_REQUESTED))
            {
                continue;
            }

            id = make(&k, from, what == BACK_NOWHERE);
            act(&k, (act_t) what, id);
            to = status_of(&k, id);
            saw(&rollouts, from, to);
            *back |= what == BACK || what == BACK_NOWHERE ? 1u << to : 0;
            callkit_close(&k);
        }
    }
}


/* Deployments and stages: what the scheduler makes of every small view. */

static machine_t  deployments = {
    .what = "deployment",
    .name = kecs_rollout_name,
    .model = {
        [KECS_ROLLOUT_IN_PROGRESS] = 1u << KECS_ROLLOUT_COMPLETED
                                     | 1u << KECS_ROLLOUT_FAILED
    }
};

#define STAGE(name)  KECS_STAGE_ ## name
#define NEXT(name)   (1u << KECS_STAGE_ ## name)

static machine_t  stages = {
    .what = "stage",
    .name = kecs_stage_name,
    .model = {
        [STAGE(NONE)] = NEXT(RECONCILE_SERVICE) | NEXT(PRE_SCALE_UP),
        [STAGE(RECONCILE_SERVICE)] = NEXT(PRE_SCALE_UP),
        [STAGE(PRE_SCALE_UP)] = NEXT(SCALE_UP),
        [STAGE(SCALE_UP)] = NEXT(POST_SCALE_UP),
        [STAGE(POST_SCALE_UP)] = NEXT(TEST_TRAFFIC_SHIFT),
        [STAGE(TEST_TRAFFIC_SHIFT)] = NEXT(POST_TEST_TRAFFIC_SHIFT),
        [STAGE(POST_TEST_TRAFFIC_SHIFT)] = NEXT(PRE_PRODUCTION_TRAFFIC_SHIFT),
        [STAGE(PRE_PRODUCTION_TRAFFIC_SHIFT)]
            = NEXT(PRODUCTION_TRAFFIC_SHIFT),
        [STAGE(PRODUCTION_TRAFFIC_SHIFT)]
            = NEXT(PRE_PRODUCTION_TRAFFIC_SHIFT)
              | NEXT(POST_PRODUCTION_TRAFFIC_SHIFT),
        [STAGE(POST_PRODUCTION_TRAFFIC_SHIFT)] = NEXT(BAKE_TIME),
        [STAGE(BAKE_TIME)] = NEXT(CLEAN_UP)
    }
};

typedef struct {
    kecs_service_t             s;
    kecs_deployment_t          d[3];        /* green, blue, another */
    kecs_sched_task_t          t[3];        /* one of each */
    kecs_service_deployment_t  sd;
    kecs_sched_alarms_t        alarms;
    kecs_sched_view_t          view;
} world_t;

static uint32_t  hooks_seen;        /* actions */
static uint8_t   alarms_seen;       /* what became of them */
static bool      baked;

/*
 * What a view is made of, and the values of each that are multiplied.  All
 * but what is asked of others meets in the first product.  Alarms end a
 * step or one of its deployments whatever the weights and failed tasks;
 * how long hooks wait counts where a stage goes on, after them.
 */

enum {
    SERVICE, DESIRED, TASKS, OLD, ROLLOUT, FAILED, STATUS, BREAKER, ALARMS,
    STRATEGY, STAGE, WEIGHT, HOLD, INPUTS
};

#define UP_TO(n)  ((uint16_t) ((1u << (n)) - 1))

#define EVERYTHING                                                           \
    [SERVICE] = UP_TO(2), [DESIRED] = UP_TO(2), [TASKS] = UP_TO(8),          \
    [OLD] = UP_TO(3), [ROLLOUT] = UP_TO(3), [STATUS] = UP_TO(4),             \
    [STRATEGY] = UP_TO(KECS_DEPLOY_CANARY + 1),                              \
    [STAGE] = UP_TO(KECS_STAGE_CLEAN_UP + 1)

static const uint16_t  products[][INPUTS] = {
    { EVERYTHING, [FAILED] = UP_TO(2), [BREAKER] = UP_TO(2), [ALARMS] = 1,
      [WEIGHT] = UP_TO(3), [HOLD] = UP_TO(2) },
    { EVERYTHING, [FAILED] = 1, [BREAKER] = 1, [ALARMS] = UP_TO(10) & ~1,
      [WEIGHT] = 2, [HOLD] = UP_TO(2) },
    { EVERYTHING, [FAILED] = 1, [BREAKER] = 1, [ALARMS] = 1 | 1 << 8,
      [WEIGHT] = 2, [HOLD] = UP_TO(5) }
};


/* The first value of an input from here on, or past all of them. */

static uint8_t
value_from(unsigned values, unsigned at)
{
    while (values >> at != 0 && !(values >> at & 1)) {
        at++;
    }

    return (uint8_t) at;
}


/* The next choice; false after the last, which is the first again. */

static bool
next(const uint16_t *product, uint8_t *in)
{
    unsigned  i;

    for (i = 0; i < INPUTS; i++) {
        in[i] = value_from(product[i], in[i] + 1u);

        if (product[i] >> in[i] != 0) {
            return true;
        }

        in[i] = value_from(product[i], 0);
    }

    return false;
}


/* By nothing, by a hook with or without a function, until its time is up. */

static void
hold_up(world_t *w, unsigned how)
{
    w->sd.awaiting = how != 0;
    w->sd.hook_at = how == 4 ? NOW : NOW + 1;
    w->sd.call_at = how == 2 ? NOW : how == 3 ? NOW + 1 : 0;
}


/* Nobody, unknown, failed, quiet, raised before it and since. */

static void
hear_of_alarms(world_t *w, unsigned how)
{
    w->alarms.status = (kecs_alarms_status_t) (how < 4 ? 1 + how
                                               : KECS_ALARMS_KNOWN);
    w->alarms.raised = how >= 4;
    w->alarms.raised_at = NOW + (how == 5);
    w->alarms.names = kecs_str("[]");
    w->alarms.why = kecs_str("nobody");
    w->view.alarms = w->sd.alarms != 0 ? &w->alarms : NULL;
}


static void
build(world_t *w, const uint8_t *in)
{
    unsigned  i;

    static const uint8_t  live[] = {
        SD(PENDING), SD(IN_PROGRESS), SD(ROLLBACK_REQUESTED),
        SD(ROLLBACK_IN_PROGRESS)
    };

    static const struct {
        uint8_t   flags;
        unsigned  how;
    } alarms[] = {
        { 0, 0 }, { KECS_ALARMS_ON, 0 }, { KECS_ALARMS_ON, 1 },
        { KECS_ALARMS_ON, 2 }, { KECS_ALARMS_ON, 3 }, { KECS_ALARMS_ON, 4 },
        { KECS_ALARMS_ON, 5 }, { KECS_ALARMS_ON | KECS_ALARMS_SEEN, 3 },
        { KECS_ALARMS_ON | KECS_ALARMS_SEEN, 4 },
        { KECS_ALARMS_ON | KECS_ALARMS_TRIGGERED, 3 }
    };

    memset(w, 0, sizeof(*w));
    w->s.status = 1 + in[SERVICE];
    w->s.strategy = KECS_STRATEGY_REPLICA;
    w->s.desired = in[DESIRED];
    w->s.min_percent = 100;
    w->s.max_percent = 200;
    w->s.primary = 1;
    w->s.completed = 2;

    for (i = 0; i < 3; i++) {
        w->d[i].id = i + 1;
        w->d[i].status = KECS_DEPLOYMENT_ACTIVE;
        w->d[i].rollout = i == 1 ? KECS_ROLLOUT_COMPLETED
                                 : KECS_ROLLOUT_FAILED;

        if (in[TASKS] & (1u << i)) {
            w->t[w->view.n_tasks].id[0] = (uint8_t) (i + 1);
            w->t[w->view.n_tasks].deployment = i + 1;
            w->t[w->view.n_tasks].status = KECS_TASK_RUNNING;
            w->t[w->view.n_tasks].desired = KECS_DESIRED_RUNNING;
            w->t[w->view.n_tasks].started_at = NOW - 1000000;
            w->view.n_tasks++;
        }
    }

    w->d[0].status = KECS_DEPLOYMENT_PRIMARY;
    w->d[0].rollout = 1 + in[ROLLOUT];
    w->d[0].failed = 3 * in[FAILED];

    w->sd.id = w->sd.run = 1;
    w->sd.status = live[in[STATUS]];
    w->sd.breaker = in[BREAKER] * KECS_BREAKER_ON;
    w->sd.alarms = alarms[in[ALARMS]].flags;
    w->sd.strategy = in[STRATEGY];
    w->sd.stage = in[STAGE];
    w->sd.step = 400;
    w->sd.weight = 400 * in[WEIGHT];
    w->sd.weight = w->sd.weight > 400 ? KECS_TRAFFIC_FULL : w->sd.weight;
    hold_up(w, in[HOLD]);

    w->view.service = &w->s;
    w->view.deployments = w->d;
    w->view.n_deployments = 1 + in[OLD];
    w->view.tasks = w->t;
    w->view.rollout = &w->sd;
    w->sd.created_at = NOW;
    hear_of_alarms(w, alarms[in[ALARMS]].how);
}


/* While hooks are waited for nothing else becomes of the stage. */

static void
look_at_hooks(const world_t *w, const kecs_action_t *a)
{
    bool  fine;

    switch (a->type) {

    case KECS_ACT_STAGE:
        fine = w->sd.awaiting == 0;
        break;

    case KECS_ACT_HOOKS_EXPIRE:
        fine = w->sd.awaiting != 0 && w->sd.hook_at <= NOW;
        break;

    case KECS_ACT_HOOKS_CALL:
        fine = w->sd.awaiting != 0 && w->sd.hook_at > NOW
               && w->sd.call_at != 0 && w->sd.call_at <= NOW;
        break;

    default:
        return;
    }

    if (!fine || w->sd.status != SD(IN_PROGRESS)) {
        tap_ok(false, "hooks: an action that may not be");
    }

    hooks_seen |= 1u << a->type;
}


/* A rollout that is neither done nor going back. */

static bool
goes_on(const world_t *w)
{
    return w->d[0].rollout == KECS_ROLLOUT_IN_PROGRESS
           && (w->sd.status == SD(PENDING) || w->sd.status == SD(IN_PROGRESS));
}


/* What is seen of alarms comes alone; what they have ended never succeeds. */

static void
look_at_alarms(const world_t *w, const kecs_action_t *a, size_t n)
{
    if (a->type == KECS_ACT_ALARMS
        && (n != 1 || !kecs_sched_monitors(&w->sd)
            || w->sd.stage == KECS_STAGE_CLEAN_UP
            || (a->alarms & KECS_ALARMS_TRIGGERED && !w->alarms.raised)))
    {
        tap_ok(false, "alarms: an action that may not be");
    }

    if (a->type == KECS_ACT_DEPLOYMENT && a->deployment == 1
        && a->rollout == KECS_ROLLOUT_COMPLETED && goes_on(w)
        && ((w->sd.alarms & KECS_ALARMS_TRIGGERED)
            || (w->view.alarms != NULL && w->alarms.raised
                && kecs_sched_monitors(&w->sd))))
    {
        tap_ok(false, "alarms: a rollout succeeds that may not");
    }

    alarms_seen |= a->type == KECS_ACT_ALARMS ? a->alarms : 0;
    baked |= a->type == KECS_ACT_BAKE;
}


/* What they have ended fails in the next step, whatever else there is. */

static void
look_at_failure(const world_t *w, bool failed)
{
    if ((w->sd.alarms & KECS_ALARMS_TRIGGERED) && goes_on(w)
        && w->s.status == KECS_SERVICE_ACTIVE && !failed)
    {
        tap_ok(false, "alarms: a rollout goes on that may not");
    }
}


static void
look(const world_t *w, const kecs_actions_t *out)
{
    bool                  failed;
    size_t                i;
    const kecs_action_t  *a;

    for (i = 0, failed = false; i < out->n; i++) {
        a = &out->items[i];

        if (a->type == KECS_ACT_DEPLOYMENT && a->deployment == 1) {
            saw(&deployments, w->d[0].rollout, a->rollout);
            failed |= a->rollout == KECS_ROLLOUT_FAILED;

        } else if (a->type == KECS_ACT_DEPLOYMENT
                   && a->rollout != w->d[a->deployment - 1].rollout)
        {
            tap_ok(false, "the rollout of an old deployment changes");

        } else if (a->type == KECS_ACT_STAGE) {
            saw(&stages, w->sd.stage, a->stage);
        }

        look_at_hooks(w, a);
        look_at_alarms(w, a, out->n);
    }

    look_at_failure(w, failed);
}


/* All views of a product; how many these are. */

static unsigned
test_product(const uint16_t *product, kecs_arena_t *a)
{
    uint8_t            in[INPUTS];
    unsigned           i, n;
    world_t            w;
    kecs_actions_t     out;
    kecs_sched_conf_t  conf;

    kecs_sched_conf_default(&conf);

    for (i = 0, n = 0; i < INPUTS; i++) {
        in[i] = value_from(product[i], 0);
    }

    do {
        build(&w, in);
        kecs_arena_reset(a);
        n++;

        if (kecs_schedule(a, &w.view, &conf, NOW, &out) != KECS_OK) {
            tap_ok(false, "a step fails");
            break;
        }

        look(&w, &out);
    } while (next(product, in));

    return n;
}


static void
test_steps(void)
{
    size_t         i;
    unsigned       n;
    kecs_arena_t  *a;

    a = kecs_arena_create(0);

    for (i = 0, n = 0; i < sizeof(products) / sizeof(products[0]); i++) {
        n += test_product(products[i], a);
    }

    tap_ok(n > 1000000, "%u states were looked at", n);
    tap_ok(hooks_seen == (1u << KECS_ACT_STAGE | 1u << KECS_ACT_HOOKS_EXPIRE
                          | 1u << KECS_ACT_HOOKS_CALL),
           "hooks are called, expire and are gone on from");
    tap_ok(baked && alarms_seen == (KECS_ALARMS_ON | KECS_ALARMS_SEEN
                                    | KECS_ALARMS_IGNORED
                                    | KECS_ALARMS_TRIGGERED
                                    | KECS_ALARMS_UNASKED | KECS_ALARMS_TOLD),
           "alarms are seen, ignored, triggered, and cannot be asked");
    kecs_arena_destroy(a);
}


int
main(void)
{
    uint32_t  back;

    back = 0;
    test_operations(&back);
    follow_all(&back);
    test_steps();
    compare(&rollouts);
    compare(&deployments);
    compare(&stages);

    return tap_done();
}
