/*
 * The reconciler against a runtime that does what each test says: contact
 * that is lost and comes back, tasks that are missing, unknown or left
 * over, requests that are put off; and what becomes of old records.
 */

#define _GNU_SOURCE

#include "callkit.h"


/* The clock of the reconciler; `slow`: what one look at it takes, in ms. */

static kecs_msec_t  slow;
static kecs_msec_t  skipped;

static kecs_msec_t
slow_clock(void)
{
    skipped += slow;

    return kecs_monotonic() + skipped;
}


#define kecs_monotonic  slow_clock

#include "../../src/reconciler/adopt.c"
#include "../../src/reconciler/alarms.c"
#include "../../src/reconciler/batch.c"
#include "../../src/reconciler/choose.c"
#include "../../src/reconciler/places.c"
#include "../../src/reconciler/definitions.c"
#include "../../src/reconciler/drive.c"
#include "../../src/reconciler/endpoint.c"
#include "../../src/reconciler/evacuate.c"
#include "../../src/reconciler/expiry.c"
#include "../../src/reconciler/expose.c"
#include "../../src/reconciler/fetch.c"
#include "../../src/reconciler/fetch_files.c"
#include "../../src/reconciler/functions.c"
#include "../../src/reconciler/follow.c"
#include "../../src/reconciler/images.c"
#include "../../src/reconciler/inspect.c"
#include "../../src/reconciler/loop.c"
#include "../../src/reconciler/nodes.c"
#include "../../src/reconciler/news.c"
#include "../../src/reconciler/purge.c"
#include "../../src/reconciler/reload.c"
#include "../../src/reconciler/rollout.c"
#include "../../src/reconciler/state.c"
#include "../../src/reconciler/status.c"
#include "../../src/reconciler/settings.c"


/* The runtime of the tests: it counts, and answers as told. */

typedef struct {
    kecs_runtime_t      rt;             /* first */
    unsigned            starts;
    unsigned            stops;
    unsigned            forgets;
    char                forgotten[128];     /* of which cluster */
    unsigned            exposes;
    kecs_traffic_t      traffic;        /* last told */
    unsigned            exposed;
    char                shown[256];     /* what was told last of a service */
    kecs_rc_t           answer;
    uint8_t             last[KECS_ID_LEN];
    kecs_cause_t        cause;          /* of what was asked last, or none */
} fake_t;

typedef struct {
    kecs_reconciler_t   r;
    fake_t              rt;
    callkit_t           api;
    uint8_t             id[KECS_ID_LEN];    /* of the task made last */
    char                hex[2 * KECS_ID_LEN + 1];
} kit_t;


static void
note_cause(fake_t *f, const kecs_cause_t *cause)
{
    memset(&f->cause, 0, sizeof(f->cause));

    if (cause != NULL) {
        f->cause = *cause;
    }
}


static kecs_rc_t
fake_start(kecs_runtime_t *rt, const kecs_start_t *s)
{
    fake_t  *f;

    f = (fake_t *) rt;
    f->starts++;
    memcpy(f->last, s->task->id, KECS_ID_LEN);
    note_cause(f, s->cause);

    return f->answer;
}


static kecs_rc_t
fake_stop(kecs_runtime_t *rt, const uint8_t *task, kecs_str_t handle,
    unsigned grace, const kecs_cause_t *cause)
{
    fake_t  *f;

    (void) handle;
    (void) grace;

    f = (fake_t *) rt;
    f->stops++;
    memcpy(f->last, task, KECS_ID_LEN);
    note_cause(f, cause);

    return f->answer;
}


static kecs_rc_t
fake_forget(kecs_runtime_t *rt, const uint8_t *task, kecs_str_t handle,
    const kecs_start_t *of)
{
    fake_t  *f;

    (void) task;
    (void) handle;

    f = (fake_t *) rt;
    f->forgets++;
    (void) snprintf(f->forgotten, sizeof(f->forgotten), "%.*s %.*s %.*s",
                    kecs_fmt(of != NULL ? of->account : kecs_str("-")),
                    kecs_fmt(of != NULL ? of->region : kecs_str("-")),
                    kecs_fmt(of != NULL ? of->cluster : kecs_str("-")));

    return KECS_OK;
}


static void
fake_run(kecs_runtime_t *rt)
{
    (void) rt;
}


static bool
fake_ready(kecs_runtime_t *rt, char *why, size_t size)
{
    (void) rt;
    (void) snprintf(why, size, "fine");

    return true;
}


static kecs_rc_t
fake_expose(kecs_runtime_t *rt, const kecs_service_key_t *key,
    const kecs_service_facts_t *s)
{
    size_t   i, k;
    fake_t  *f;

    f = (fake_t *) rt;
    f->exposes++;
    (void) key;
    (void) snprintf(f->shown, sizeof(f->shown), "%.*s/%.*s/%.*s/%.*s %u*%u%%",
                    kecs_fmt(s->place.account), kecs_fmt(s->place.region),
                    kecs_fmt(s->place.cluster), kecs_fmt(s->place.service),
                    (unsigned) s->desired, (unsigned) s->min_percent);

    for (i = 0; i < s->n; i++) {
        k = strlen(f->shown);
        (void) snprintf(f->shown + k, sizeof(f->shown) - k, " %.*s",
                        kecs_fmt(s->definitions[i]->family));
    }

    f->traffic = s->traffic;

    return f->answer;
}


static void
fake_unexpose(kecs_runtime_t *rt, const kecs_service_key_t *key)
{
    fake_t  *f;

    f = (fake_t *) rt;
    (void) snprintf(f->shown, sizeof(f->shown), "over %u", (unsigned) key->no);
}


static void
fake_exposed(kecs_runtime_t *rt)
{
    ((fake_t *) rt)->exposed++;
}


static const kecs_runtime_ops_t  fake_ops = {
    "fake", 0, NULL, NULL, fake_run, fake_start, fake_stop, fake_forget,
    fake_expose, fake_unexpose, fake_exposed, NULL, fake_ready, NULL
};


static void
setup(kit_t *k)
{
    memset(k, 0, sizeof(*k));
    callkit_open(&k->api);
    k->api.now = kecs_wall_clock();

    kecs_settings_default(&k->r.set);
    k->r.set.sched.healthy_after = 0;
    k->r.store = k->api.store;
    k->r.data = k->api.dir;
    k->r.choice = "test";
    k->r.api = k->api.conf;
    k->r.arena = kecs_arena_create(0);
    k->r.definitions = kecs_definitions_create();
    k->r.nodes = kecs_nodes_create();
    kecs_rand_seed(&k->r.rand, 2);
    (void) kecs_news_init(&k->r);

    k->rt.rt.ops = &fake_ops;
    k->rt.rt.sink = kecs_news_sink(&k->r);
    k->r.rt = &k->rt.rt;

    (void) callkit(&k->api, "CreateCluster", "{}");
    (void) callkit(&k->api, "RegisterTaskDefinition",
                   "{\"family\":\"f\",\"containerDefinitions\":["
                   "{\"name\":\"a\",\"image\":\"i\",\"memory\":8}]}");
}


static void
finish(kit_t *k)
{
    kecs_view_free(&k->r);
    kecs_definitions_destroy(k->r.definitions);
    kecs_nodes_destroy(k->r.nodes);
    kecs_arena_destroy(k->r.news_arena);
    kecs_arena_destroy(k->r.arena);
    callkit_close(&k->api);
}


/* As many rounds as there is something to do, and some more. */

static void
go(kit_t *k)
{
    unsigned  i;

    for (i = 0; i < 10; i++) {
        go_round(&k->r);
    }
}


static void
sync_now(kit_t *k)
{
    k->rt.rt.sink.synced(k->rt.rt.sink.ctx);
}


static void
run_task(kit_t *k)
{
    const char  *arn;

    (void) callkit(&k->api, "RunTask", "{\"taskDefinition\":\"f\"}");
    arn = callkit_text(&k->api, "tasks.0.taskArn");

    if (arn == NULL) {
        printf("Bail out! %s\n", k->api.body);
        exit(1);
    }

    (void) snprintf(k->hex, sizeof(k->hex), "%s", strrchr(arn, '/') + 1);
    (void) kecs_unhex(kecs_str_of(k->hex), k->id, KECS_ID_LEN);
}


static const char *
told(kit_t *k, const char *member)
{
    char  in[128], path[64];

    (void) snprintf(in, sizeof(in), "{\"tasks\":[\"%s\"]}", k->hex);
    (void) callkit(&k->api, "DescribeTasks", in);
    (void) snprintf(path, sizeof(path), "tasks.0.%s", member);

    return callkit_text(&k->api, path);
}


static void
is(kit_t *k, const char *member, const char *value, const char *what)
{
    const char  *got;

    got = told(k, member);
    tap_is_str(kecs_str_of(got != NULL ? got : ""), value, "%s", what);
}


static void
stop_task(kit_t *k)
{
    char  in[128];

    (void) snprintf(in, sizeof(in), "{\"task\":\"%s\"}", k->hex);
    (void) callkit(&k->api, "StopTask", in);
}


/* The runtime shows the task in this phase. */

static void
show(kit_t *k, kecs_container_phase_t phase, bool deleting)
{
    kecs_observation_t     o;
    kecs_container_seen_t  c;

    memset(&o, 0, sizeof(o));
    memset(&c, 0, sizeof(c));
    memcpy(o.task, k->id, KECS_ID_LEN);

    c.name = kecs_str("a");
    c.phase = phase;
    c.started_at = kecs_wall_clock();
    o.handle = kecs_str("pod-1");
    o.node = kecs_str("n");
    o.placed = true;
    o.deleting = deleting;
    o.containers = &c;
    o.n = 1;

    k->rt.rt.sink.seen(k->rt.rt.sink.ctx, &o);
}


static void
lose(kit_t *k)
{
    k->rt.rt.sink.unsynced(k->rt.rt.sink.ctx, kecs_str("gone away"));
}


static void
test_contact(void)
{
    kit_t  k;

    setup(&k);
    run_task(&k);
    go(&k);
    tap_is_int(k.rt.starts, 0, "nothing is started before all is known");

    sync_now(&k);
    go(&k);
    tap_is_int(k.rt.starts, 1, "then it is, once");
    tap_ok(memcmp(k.rt.last, k.id, KECS_ID_LEN) == 0, "that task");

    show(&k, KECS_C_RUNNING, false);
    go(&k);
    is(&k, "lastStatus", "RUNNING", "what is seen is stored");

    lose(&k);
    stop_task(&k);
    go(&k);
    tap_is_int(k.rt.stops, 0, "without contact nothing is asked");

    show(&k, KECS_C_RUNNING, false);
    sync_now(&k);
    go(&k);
    tap_is_int(k.rt.stops, 1, "with it again, it is stopped");
    tap_is_int(k.rt.starts, 1, "and not started a second time");

    show(&k, KECS_C_TERMINATED, true);
    go(&k);
    is(&k, "lastStatus", "STOPPED", "its end is stored");
    tap_is_int(k.rt.forgets, 1, "then the runtime may let go");
    tap_is_str(kecs_str_of(k.rt.forgotten), "- - -", "of what it has shown");
    tap_is_int((int64_t) k.r.tasks.n, 0, "and so do we");
    finish(&k);
}


/* What a runtime tells is its own again once it has told it. */

static void
test_borrowed(void)
{
    kit_t                  k;
    kecs_observation_t     o;
    kecs_container_seen_t  c, before;

    setup(&k);
    sync_now(&k);
    run_task(&k);
    go(&k);

    memset(&o, 0, sizeof(o));
    memset(&c, 0, sizeof(c));
    memset(&before, 0, sizeof(before));
    memcpy(o.task, k.id, KECS_ID_LEN);
    o.handle = kecs_str("pod-1");
    o.placed = true;
    o.containers = &c;
    o.n = 1;
    c.name = kecs_str("a");
    c.phase = KECS_C_RUNNING;
    c.before = &before;
    before.name = c.name;
    before.phase = KECS_C_TERMINATED;
    before.has_exit = true;
    before.exit_code = 4;

    k.rt.rt.sink.seen(k.rt.rt.sink.ctx, &o);
    memset(&c, 0, sizeof(c));
    memset(&before, 0, sizeof(before));
    go(&k);
    is(&k, "stopCode", "EssentialContainerExited",
       "a container that had ended before");
    finish(&k);
}


static void
test_missing(void)
{
    kit_t  k;

    setup(&k);
    sync_now(&k);
    run_task(&k);
    go(&k);
    show(&k, KECS_C_RUNNING, false);
    go(&k);

    lose(&k);
    sync_now(&k);
    go(&k);
    is(&k, "lastStatus", "STOPPED", "a task that is gone is lost");
    is(&k, "stopCode", "TerminationNotice", "with its host");
    tap_is_int(k.rt.starts, 1, "and not started again");

    run_task(&k);
    go(&k);
    tap_is_int(k.rt.starts, 2, "a start that was taken");
    lose(&k);
    sync_now(&k);
    go(&k);
    tap_is_int(k.rt.starts, 3, "and had no effect is repeated");
    is(&k, "lastStatus", "PENDING", "the task is still wanted");

    stop_task(&k);
    lose(&k);
    sync_now(&k);
    go(&k);
    is(&k, "lastStatus", "STOPPED", "it is nowhere and not wanted: over");
    is(&k, "stopCode", "UserInitiated", "as the user asked");
    tap_is_str(kecs_str_of(k.rt.forgotten), "000000000000 us-east-1 default",
               "the runtime is told where it would have been");
    finish(&k);
}


/* Tasks that end while they wait to be started. */

static void
test_waiting(void)
{
    kit_t     k;
    uint8_t   ids[4][KECS_ID_LEN];
    unsigned  i;

    setup(&k);

    for (i = 0; i < 4; i++) {
        run_task(&k);
        memcpy(ids[i], k.id, KECS_ID_LEN);
    }

    go(&k);

    for (i = 1; i < 4; i += 2) {
        k.rt.rt.sink.refused(k.rt.rt.sink.ctx, ids[i], kecs_str("no"));
    }

    go(&k);
    tap_is_int((int64_t) k.r.tasks.n, 2, "tasks that end before they start");
    run_task(&k);
    sync_now(&k);
    go(&k);
    tap_is_int(k.rt.starts, 3, "are not started; those beside them are");
    tap_ok(memcmp(k.rt.last, k.id, KECS_ID_LEN) == 0, "in their order");
    finish(&k);
}


static void
test_not_now(void)
{
    kit_t  k;

    setup(&k);
    sync_now(&k);
    k.rt.answer = KECS_AGAIN;
    run_task(&k);
    go(&k);
    tap_is_int(k.rt.starts, 1, "a runtime that says not now");
    tap_ok(idle(&k.r) > 0, "is left alone for a moment");

    k.rt.answer = KECS_OK;
    k.r.starts_at = 0;
    go(&k);
    tap_is_int(k.rt.starts, 2, "and asked again");

    k.rt.rt.sink.refused(k.rt.rt.sink.ctx, k.id, kecs_str("no volumes"));
    go(&k);
    is(&k, "stopCode", "TaskFailedToStart", "a refusal ends the task");
    is(&k, "stoppedReason", "no volumes", "for that reason");
    finish(&k);
}


/* An object of the store that no record explains. */

static void
show_unknown(kit_t *k, const char *arn, const char *group,
    const char *started_by)
{
    kecs_observation_t     o;
    kecs_container_seen_t  c;

    memset(&o, 0, sizeof(o));
    memset(&c, 0, sizeof(c));
    memset(o.task, 0xab, KECS_ID_LEN);
    memcpy(k->id, o.task, KECS_ID_LEN);
    kecs_hex(o.task, KECS_ID_LEN, k->hex);

    c.name = kecs_str("a");
    c.phase = KECS_C_RUNNING;
    c.started_at = kecs_wall_clock();
    o.handle = kecs_str("pod-9");
    o.placed = true;
    o.containers = &c;
    o.n = 1;
    o.task_arn = kecs_str_of(arn);
    o.definition_arn = kecs_str(CALLKIT_ARN "task-definition/f:1");
    o.group = kecs_str_of(group);
    o.started_by = kecs_str_of(started_by);
    o.launch = kecs_str("EC2");

    k->rt.rt.sink.seen(k->rt.rt.sink.ctx, &o);
}


#define TRACE(n)  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333" #n \
                  "-01"


/* The call behind a task goes with what is asked of the runtime. */

static void
test_causes(void)
{
    kit_t  k;

    setup(&k);
    k.api.trace = kecs_str(TRACE(1));
    run_task(&k);
    k.api.trace = kecs_str(TRACE(2));
    (void) callkit(&k.api, "RunTask", "{\"taskDefinition\":\"f\","
                   "\"count\":0}");
    go(&k);
    kecs_view_free(&k.r);
    k.r.loaded = false;
    sync_now(&k);
    go(&k);
    tap_is_int(k.rt.starts, 1, "a task is started after a restart");
    tap_is_str(kecs_str_of(k.rt.cause.trace), TRACE(1),
               "in the trace of its RunTask");
    tap_is_str(kecs_str_of(k.rt.cause.request_id),
               "00000000-0000-4000-8000-000000000001", "by its request id");

    show(&k, KECS_C_RUNNING, false);
    go(&k);
    k.api.trace = kecs_str(TRACE(3));
    stop_task(&k);
    go(&k);
    tap_is_int(k.rt.stops, 1, "and stopped");
    tap_is_str(kecs_str_of(k.rt.cause.trace), TRACE(3),
               "in the trace of its StopTask");

    (void) callkit(&k.api, "CreateService", "{\"serviceName\":\"s\","
                   "\"taskDefinition\":\"f\",\"desiredCount\":1}");
    go(&k);
    tap_is_int(k.rt.starts, 2, "a task that the scheduler made");
    tap_is_str(kecs_str_of(k.rt.cause.request_id), "", "has no call");
    finish(&k);
}


static void
test_adoption(void)
{
    kit_t  k;

    setup(&k);
    sync_now(&k);
    go(&k);

    show_unknown(&k, NULL, NULL, NULL);
    go(&k);
    tap_is_int((int64_t) k.r.tasks.n, 0, "an object that says nothing");
    tap_ok(k.rt.stops == 0 && k.rt.forgets == 0, "is left alone");

    show_unknown(&k, CALLKIT_ARN "task/nowhere/x", NULL, NULL);
    go(&k);
    tap_ok(k.r.tasks.n == 0 && k.rt.stops == 0 && k.rt.forgets == 0,
           "so is one of a cluster that is gone");

    show_unknown(&k, CALLKIT_ARN "task/default/abab", "family:f", NULL);
    go(&k);
    is(&k, "lastStatus", "RUNNING", "one that says enough is adopted");
    is(&k, "group", "family:f", "with its group");
    is(&k, "taskDefinitionArn", CALLKIT_ARN "task-definition/f:1",
       "and its definition");
    tap_is_int(k.rt.starts, 0, "it is not started again");

    stop_task(&k);
    go(&k);
    tap_is_int(k.rt.stops, 1, "it can be stopped like any other");
    finish(&k);
}


static void
test_leftover(void)
{
    kit_t  k;

    setup(&k);
    sync_now(&k);
    run_task(&k);
    go(&k);
    show(&k, KECS_C_RUNNING, false);
    k.rt.rt.sink.refused(k.rt.rt.sink.ctx, k.id, kecs_str("no"));
    go(&k);
    is(&k, "lastStatus", "STOPPED", "its end is stored");

    k.rt.stops = k.rt.forgets = 0;
    show(&k, KECS_C_RUNNING, false);
    go(&k);
    tap_ok(k.rt.stops == 1 && k.rt.forgets == 1,
           "what still runs of it is stopped and let go");
    finish(&k);
}


static void
test_service(void)
{
    kit_t  k;

    setup(&k);
    sync_now(&k);
    (void) callkit(&k.api, "CreateService", "{\"serviceName\":\"s\","
                   "\"taskDefinition\":\"f\",\"desiredCount\":25}");
    go(&k);
    tap_is_int(k.rt.starts, 25, "a service starts its tasks");

    (void) callkit(&k.api, "DescribeServices", "{\"services\":[\"s\"]}");
    callkit_ok(&k.api, "services.0.pendingCount", "25", "all are there");
    callkit_ok(&k.api, "services.0.events", "[3]", "told in groups of ten");

    (void) callkit(&k.api, "UpdateService",
                   "{\"service\":\"s\",\"desiredCount\":5}");
    go(&k);
    (void) callkit(&k.api, "DescribeServices", "{\"services\":[\"s\"]}");
    callkit_ok(&k.api, "services.0.pendingCount", "5", "fewer are wanted");
    callkit_ok(&k.api, "services.0.events.0.message",
               "(service s) stopped 10 pending tasks.", "that is told");
    callkit_ok(&k.api, "services.0.events", "[5]", "in groups of ten, too");
    finish(&k);
}


/* Shows all live tasks as running. */

static void
run_all(kit_t *k)
{
    const kecs_live_task_t  *t;

    for (t = k->r.all_tasks; t != NULL; t = t->next) {
        if (t->sched.desired == KECS_DESIRED_RUNNING) {
            memcpy(k->id, t->sched.id, KECS_ID_LEN);
            show(k, KECS_C_RUNNING, false);
        }
    }

    go(k);
}


/* Protects all live tasks, or takes it back. */

static void
protect_all(kit_t *k, bool on)
{
    char                     in[256], hex[2 * KECS_ID_LEN];
    const kecs_live_task_t  *t;

    for (t = k->r.all_tasks; t != NULL; t = t->next) {
        kecs_hex(t->sched.id, KECS_ID_LEN, hex);
        (void) snprintf(in, sizeof(in), "{\"cluster\":\"default\","
                        "\"protectionEnabled\":%s,\"tasks\":[\"%.*s\"]}",
                        on ? "true" : "false", (int) sizeof(hex), hex);
        (void) callkit(&k->api, "UpdateTaskProtection", in);
        callkit_ok(&k->api, "protectedTasks", "[1]", "protection");
    }

    go(k);
}


/* Tasks that an event of the service tells to have been stopped. */

static unsigned
told_stopped(kit_t *k, unsigned event)
{
    char         path[64];
    unsigned     n, told;
    const char  *text;

    (void) snprintf(path, sizeof(path), "services.0.events.%u.message",
                    event);
    text = callkit_text(&k->api, path);

    if (text == NULL
        || sscanf(text, "(service s) has stopped %u running tasks:", &told)
           != 1)
    {
        return 0;
    }

    for (n = 0; (text = strstr(text, "(task ")) != NULL; text++) {
        n++;
    }

    return n == told ? n : 0;
}


/* What is told of stops does not depend on how fast it goes. */

static void
test_slow_stops(void)
{
    kit_t  k;

    setup(&k);
    sync_now(&k);
    (void) callkit(&k.api, "CreateService", "{\"serviceName\":\"s\","
                   "\"taskDefinition\":\"f\",\"desiredCount\":25}");
    go(&k);
    run_all(&k);

    slow = 2 * KECS_BATCH_MSEC;
    (void) callkit(&k.api, "UpdateService",
                   "{\"service\":\"s\",\"desiredCount\":2}");
    go(&k);
    slow = 0;

    (void) callkit(&k.api, "DescribeServices", "{\"services\":[\"s\"]}");
    tap_is_int(k.rt.stops, 23, "tasks are stopped, slowly");
    tap_is_int(told_stopped(&k, 0), 3, "the last ones are told of together");
    tap_is_int(told_stopped(&k, 1), 10, "after others");
    tap_is_int(told_stopped(&k, 2), 10, "in groups of ten");
    finish(&k);
}


static void
test_protection(void)
{
    kit_t  k;

    setup(&k);
    sync_now(&k);
    (void) callkit(&k.api, "CreateService", "{\"serviceName\":\"s\","
                   "\"taskDefinition\":\"f\",\"desiredCount\":2}");
    go(&k);
    run_all(&k);
    protect_all(&k, true);

    (void) callkit(&k.api, "UpdateService",
                   "{\"service\":\"s\",\"desiredCount\":0}");
    go(&k);
    tap_is_int(k.rt.stops, 0, "protected tasks are not scaled in");
    tap_ok(k.r.all_services->again_at > k.api.now
           && k.r.all_services->again_at <= k.api.now + 7200 * 1000,
           "until the protection ends");

    protect_all(&k, false);
    tap_is_int(k.rt.stops, 2, "then they are");
    finish(&k);
}


/* Shows the ends of those that are to stop. */

static void
end_stopping(kit_t *k)
{
    const kecs_live_task_t  *t;

    for (t = k->r.all_tasks; t != NULL; t = t->next) {
        if (t->sched.desired == KECS_DESIRED_STOPPED) {
            memcpy(k->id, t->sched.id, KECS_ID_LEN);
            show(k, KECS_C_TERMINATED, true);
        }
    }

    go(k);
}


static void
settle_down(kit_t *k)
{
    unsigned  i;

    for (i = 0; i < 6; i++) {
        run_all(k);
        end_stopping(k);
    }
}


static const char *
newest_rollout(kit_t *k, const char *member)
{
    char         in[256];
    const char  *arn;

    (void) callkit(&k->api, "ListServiceDeployments",
                   "{\"service\":\"s\"}");
    arn = callkit_text(&k->api,
                       "serviceDeployments.0.serviceDeploymentArn");
    (void) snprintf(in, sizeof(in), "{\"serviceDeploymentArns\":[\"%s\"]}",
                    arn != NULL ? arn : "");
    (void) callkit(&k->api, "DescribeServiceDeployments", in);
    (void) snprintf(in, sizeof(in), "serviceDeployments.0.%s", member);

    return callkit_text(&k->api, in);
}


static void
rollout_is(kit_t *k, const char *member, const char *value,
    const char *what)
{
    const char  *got;

    got = newest_rollout(k, member);
    tap_is_str(kecs_str_of(got != NULL ? got : ""), value, "%s", what);
}


static void
stop_rollout(kit_t *k)
{
    char         in[300], arn[256];
    const char  *text;

    text = newest_rollout(k, "serviceDeploymentArn");
    (void) snprintf(arn, sizeof(arn), "%s", text != NULL ? text : "");
    (void) snprintf(in, sizeof(in), "{\"serviceDeploymentArn\":\"%s\"}",
                    arn);
    (void) callkit(&k->api, "StopServiceDeployment", in);
    callkit_ok(&k->api, "serviceDeploymentArn", arn, "it is to be stopped");
}


static void
with_service(kit_t *k)
{
    setup(k);
    sync_now(k);
    (void) callkit(&k->api, "RegisterTaskDefinition",
                   "{\"family\":\"f\",\"containerDefinitions\":["
                   "{\"name\":\"a\",\"image\":\"j\",\"memory\":8}]}");
    (void) callkit(&k->api, "CreateService", "{\"serviceName\":\"s\","
                   "\"taskDefinition\":\"f:1\",\"desiredCount\":2}");
    k->api.now++;
}


static void
test_rollout(void)
{
    kit_t  k;

    with_service(&k);
    rollout_is(&k, "status", "PENDING", "a service deployment is made");
    go(&k);
    rollout_is(&k, "status", "IN_PROGRESS", "begins with the first tasks");
    tap_ok(newest_rollout(&k, "startedAt") != NULL, "at some time");
    rollout_is(&k, "targetServiceRevision.pendingTaskCount", "2",
               "its target's tasks are counted");
    (void) callkit(&k.api, "DescribeServices", "{\"services\":[\"s\"]}");
    tap_ok(callkit_text(&k.api, "services.0.currentServiceDeployment")
           != NULL, "the service shows it");

    settle_down(&k);
    rollout_is(&k, "status", "SUCCESSFUL", "and ends with the rollout");
    tap_ok(newest_rollout(&k, "finishedAt") != NULL, "at some time");
    rollout_is(&k, "targetServiceRevision.runningTaskCount", "2",
               "with all tasks");
    (void) callkit(&k.api, "DescribeServices", "{\"services\":[\"s\"]}");
    tap_ok(callkit_text(&k.api, "services.0.currentServiceDeployment")
           == NULL, "the service shows it no longer");

    (void) callkit(&k.api, "UpdateService",
                   "{\"service\":\"s\",\"taskDefinition\":\"f:2\"}");
    settle_down(&k);
    rollout_is(&k, "status", "SUCCESSFUL", "so does the next");
    rollout_is(&k, "sourceServiceRevisions.0.runningTaskCount", "0",
               "the source is empty then");
    rollout_is(&k, "sourceServiceRevisions.0.requestedTaskCount", "0",
               "and nothing is asked of it");
    finish(&k);
}


static void
test_rollback(void)
{
    kit_t  k;

    with_service(&k);
    settle_down(&k);
    (void) callkit(&k.api, "UpdateService",
                   "{\"service\":\"s\",\"taskDefinition\":\"f:2\"}");
    go(&k);
    rollout_is(&k, "status", "IN_PROGRESS", "under way");
    stop_rollout(&k);
    rollout_is(&k, "status", "ROLLBACK_REQUESTED", "asked for");
    go(&k);
    rollout_is(&k, "status", "ROLLBACK_IN_PROGRESS", "begun");
    tap_ok(newest_rollout(&k, "rollback.serviceRevisionArn") != NULL,
           "to a revision");
    (void) callkit(&k.api, "DescribeServices", "{\"services\":[\"s\"]}");
    callkit_ok(&k.api, "services.0.taskDefinition",
               CALLKIT_ARN "task-definition/f:1", "the definition is back");
    callkit_ok(&k.api, "services.0.deployments.0.taskDefinition",
               CALLKIT_ARN "task-definition/f:1", "a new PRIMARY has it");
    callkit_ok(&k.api, "services.0.deployments.1.rolloutState", "FAILED",
               "the other has failed");

    settle_down(&k);
    rollout_is(&k, "status", "ROLLBACK_SUCCESSFUL", "done");
    (void) callkit(&k.api, "DescribeServices", "{\"services\":[\"s\"]}");
    callkit_ok(&k.api, "services.0.deployments", "[1]", "alone again");
    callkit_ok(&k.api, "services.0.runningCount", "2", "with its tasks");
    finish(&k);
}


/* Task sets of a service that another deploys. */

static void
make_set(kit_t *k, const char *taskdef, unsigned percent, char *id,
    size_t size)
{
    char         in[256];
    const char  *text;

    (void) snprintf(in, sizeof(in), "{\"cluster\":\"default\","
                    "\"service\":\"e\",\"taskDefinition\":\"%s\","
                    "\"scale\":{\"unit\":\"PERCENT\",\"value\":%u}}",
                    taskdef, percent);
    (void) callkit(&k->api, "CreateTaskSet", in);
    text = callkit_text(&k->api, "taskSet.id");
    (void) snprintf(id, size, "%s", text != NULL ? text : "");
}


static void
on_set(kit_t *k, const char *op, const char *id, const char *more)
{
    char  in[256];

    (void) snprintf(in, sizeof(in), "{\"cluster\":\"default\","
                    "\"service\":\"e\",\"taskSet\":\"%s\"%s}", id, more);
    (void) callkit(&k->api, op, in);
    tap_is_int(k->api.status, 200, "%s", op);
}


static void
sets_now(kit_t *k)
{
    (void) callkit(&k->api, "DescribeTaskSets",
                   "{\"cluster\":\"default\",\"service\":\"e\"}");
}


static void
test_task_sets(void)
{
    char   one[64], two[64];
    kit_t  k;

    setup(&k);
    sync_now(&k);
    (void) callkit(&k.api, "CreateService", "{\"serviceName\":\"e\","
                   "\"desiredCount\":4,\"deploymentController\":"
                   "{\"type\":\"EXTERNAL\"}}");
    make_set(&k, "f", 50, one, sizeof(one));
    go(&k);
    tap_is_int(k.rt.starts, 2, "a task set starts its share");
    sets_now(&k);
    callkit_ok(&k.api, "taskSets.0.pendingCount", "2", "it has them");
    callkit_ok(&k.api, "taskSets.0.stabilityStatus", "STABILIZING",
               "but not yet");
    settle_down(&k);
    sets_now(&k);
    callkit_ok(&k.api, "taskSets.0.runningCount", "2", "they run");
    callkit_ok(&k.api, "taskSets.0.stabilityStatus", "STEADY_STATE",
               "that is steady");

    (void) callkit(&k.api, "DescribeServices", "{\"services\":[\"e\"]}");
    callkit_ok(&k.api, "services.0.runningCount", "2", "of the service");
    callkit_ok(&k.api, "services.0.deployments", "[0]", "without any");
    tap_ok(strstr(callkit_text(&k.api, "services.0.events.0.message"),
                  one) != NULL, "events tell of the task set");
    (void) callkit(&k.api, "ListTasks", "{\"serviceName\":\"e\"}");
    callkit_ok(&k.api, "taskArns", "[2]", "tasks of the service");

    make_set(&k, "f", 100, two, sizeof(two));
    settle_down(&k);
    tap_is_int((int64_t) k.r.tasks.n, 6, "another one beside it");

    on_set(&k, "UpdateTaskSet", one, ",\"scale\":{\"value\":25}");
    settle_down(&k);
    tap_is_int((int64_t) k.r.tasks.n, 5, "a smaller share");

    on_set(&k, "DeleteTaskSet", one, ",\"force\":true");
    callkit_ok(&k.api, "taskSet.status", "DRAINING", "on its way out");
    settle_down(&k);
    sets_now(&k);
    callkit_ok(&k.api, "taskSets", "[1]", "gone with its last task");
    callkit_ok(&k.api, "taskSets.0.id", two, "the other stays");

    (void) callkit(&k.api, "UpdateService",
                   "{\"service\":\"e\",\"desiredCount\":1}");
    settle_down(&k);
    tap_is_int((int64_t) k.r.tasks.n, 1, "the service's count is theirs");

    (void) callkit(&k.api, "DeleteService",
                   "{\"service\":\"e\",\"force\":true}");
    settle_down(&k);
    (void) callkit(&k.api, "DescribeServices", "{\"services\":[\"e\"]}");
    callkit_ok(&k.api, "services.0.status", "INACTIVE", "all is drained");
    callkit_ok(&k.api, "services.0.taskSets", "[0]", "without task sets");
    finish(&k);
}


/* ECS takes over from task sets, and hands over to them. */

static void
test_controllers(void)
{
    char   id[64];
    kit_t  k;

    setup(&k);
    sync_now(&k);
    (void) callkit(&k.api, "CreateService", "{\"serviceName\":\"e\","
                   "\"desiredCount\":2,\"deploymentController\":"
                   "{\"type\":\"EXTERNAL\"}}");
    make_set(&k, "f", 100, id, sizeof(id));
    settle_down(&k);
    (void) callkit(&k.api, "UpdateService", "{\"service\":\"e\","
                   "\"taskDefinition\":\"f\",\"deploymentController\":"
                   "{\"type\":\"ECS\"}}");
    callkit_ok(&k.api, "service.deployments", "[1]", "a deployment");
    settle_down(&k);
    (void) callkit(&k.api, "DescribeServices", "{\"services\":[\"e\"]}");
    callkit_ok(&k.api, "services.0.runningCount", "2", "as many as before");
    callkit_ok(&k.api, "services.0.taskSets", NULL, "the set is gone");
    callkit_ok(&k.api, "services.0.deployments.0.runningCount", "2",
               "all of the deployment");

    k.rt.starts = 0;
    (void) callkit(&k.api, "UpdateService", "{\"service\":\"e\","
                   "\"deploymentController\":{\"type\":\"EXTERNAL\"}}");
    callkit_ok(&k.api, "service.deployments", "[0]", "and back");
    callkit_ok(&k.api, "service.taskSets.0.status", "PRIMARY", "a set");
    callkit_ok(&k.api, "service.taskSets.0.runningCount", "2",
               "with the tasks of the deployment");
    settle_down(&k);
    tap_is_int(k.rt.starts, 0, "none of which was replaced");
    tap_is_int((int64_t) k.r.tasks.n, 2, "they go on");
    finish(&k);
}


/* Tasks of a set that never start are not started without a pause. */

static void
test_set_throttled(void)
{
    char      id[64];
    kit_t     k;
    unsigned  i;

    setup(&k);
    sync_now(&k);
    (void) callkit(&k.api, "CreateService", "{\"serviceName\":\"e\","
                   "\"desiredCount\":1,\"deploymentController\":"
                   "{\"type\":\"EXTERNAL\"}}");
    make_set(&k, "f", 100, id, sizeof(id));

    for (i = 0; i < 20; i++) {
        go(&k);

        if (k.r.all_tasks != NULL) {
            k.rt.rt.sink.refused(k.rt.rt.sink.ctx, k.r.all_tasks->sched.id,
                                 kecs_str("no"));
        }
    }

    go(&k);
    tap_is_int(k.rt.starts, 3, "after some failures it waits");
    finish(&k);
}


static void
say_nothing(void *ctx, kecs_level_t level, const char *line)
{
    (void) ctx;
    (void) level;
    (void) line;
}


/* The store refuses for a while: nothing is lost. */

static void
test_store_refuses(void)
{
    kit_t  k;

    setup(&k);
    sync_now(&k);
    run_task(&k);
    go(&k);

    kecs_log_to(say_nothing, NULL, KECS_LOG_ERROR);
    kecs_store_failed(&k.r, "written", KECS_FULL);
    kecs_log_to(NULL, NULL, KECS_LOG_ERROR);
    k.r.store_at = kecs_monotonic() + 60000;
    show(&k, KECS_C_RUNNING, false);
    go(&k);
    is(&k, "lastStatus", "PENDING", "nothing can be written");
    tap_ok(k.r.news != NULL, "what was told is kept");
    tap_ok(idle(&k.r) > 0, "without turning in circles");

    k.r.store_at = 0;
    go(&k);
    is(&k, "lastStatus", "RUNNING", "and written when that works again");
    tap_is_int(k.r.store_rc, KECS_OK, "all is well");
    finish(&k);
}


/* The log is cut off behind what has been read: a new snapshot. */

static void
test_reload(void)
{
    kit_t        k;
    unsigned     dropped;
    kecs_txn_t  *txn;

    setup(&k);
    sync_now(&k);
    run_task(&k);
    go(&k);
    show(&k, KECS_C_RUNNING, false);
    go(&k);

    stop_task(&k);
    run_task(&k);

    if (kecs_write_begin(k.r.store, k.api.now, &txn) == KECS_OK) {
        (void) kecs_log_trim(txn, 0, 1, 1000, &dropped);
        (void) kecs_write_commit(txn);
    }

    k.rt.starts = 0;
    go(&k);
    tap_is_int((int64_t) k.r.tasks.n, 2, "the view is loaded again");
    tap_ok(k.rt.starts == 1 && k.rt.stops == 1,
           "what was missed is done, what was known is kept");
    finish(&k);
}


/* The runtime that is taken without a cluster being named: the answer. */

static kecs_rc_t
choose_as(kit_t *k, const char *name, const char **why)
{
    kecs_rc_t                rc;
    kecs_kubernetes_conf_t   kube;

    memset(&kube, 0, sizeof(kube));
    kecs_arena_reset(k->r.arena);
    rc = kecs_choose_runtime(&k->r, name, &kube, k->r.arena, why);

    if (rc == KECS_OK) {
        tap_is_str(kecs_str_of(k->r.rt->ops->name), "simulated",
                   "it is simulated");
        k->r.rt->ops->close(k->r.rt);
    }

    k->r.rt = &k->rt.rt;

    return rc;
}


static void
test_pods_elsewhere(void)
{
    kit_t                    k;
    unsigned                 n;
    const char              *why;
    kecs_kubernetes_conf_t   kube;

    setup(&k);
    memset(&kube, 0, sizeof(kube));
    (void) setenv("KUBECONFIG", "/nonexistent/kubeconfig", 1);
    (void) unsetenv("KUBERNETES_SERVICE_HOST");
    sync_now(&k);
    run_task(&k);
    go(&k);
    tap_is_int(choose_as(&k, "auto", &why), KECS_OK, "no cluster, no pods");

    (void) kecs_status_put(k.api.dir, kecs_str("runtime kubernetes\n"));
    tap_is_int(choose_as(&k, "auto", &why), KECS_INVALID,
               "a task that may have become a pod: refused");
    (void) kecs_status_remove(k.api.dir);

    show(&k, KECS_C_RUNNING, false);
    go(&k);
    tap_is_int(choose_as(&k, "auto", &why), KECS_INVALID,
               "a task that is a pod: refused");
    tap_ok(strstr(why, "(1 are not STOPPED), and no Kubernetes cluster is"
                  " configured here.") != NULL
           && strstr(why, "--kubeconfig FILE") != NULL
           && strstr(why, "--runtime simulated") != NULL,
           "with the ways out: %s", why);
    tap_is_int(kecs_release_runtime(&k.r, "auto", &kube, true, k.r.arena, &n,
                                    &why),
               KECS_INVALID, "nor is it released so");
    tap_is_int(choose_as(&k, "simulated", &why), KECS_OK, "unless it is said");

    stop_task(&k);
    go(&k);
    show(&k, KECS_C_TERMINATED, true);
    go(&k);
    k.r.draining = true;
    tap_is_int(choose_as(&k, "auto", &why), KECS_OK, "all is over");
    (void) kecs_status_put(k.api.dir, kecs_str("runtime kubernetes\n"));
    tap_is_int(choose_as(&k, "auto", &why), KECS_INVALID,
               "down: there may be objects without tasks");
    k.r.draining = false;
    tap_is_int(choose_as(&k, "auto", &why), KECS_OK, "up has nothing to lose");
    finish(&k);
}


/* Old records. */

static kecs_rc_t
put_old(kit_t *k, void *rec)
{
    kecs_rc_t    rc;
    kecs_txn_t  *txn;

    rc = kecs_write_begin(k->r.store, k->api.now, &txn);

    if (rc == KECS_OK) {
        ((kecs_rec_t *) rec)->scope = 1;
        rc = kecs_put(txn, rec);
    }

    return rc == KECS_OK ? kecs_write_commit(txn) : rc;
}


static void
put_stopped(kit_t *k, unsigned n, kecs_msec_t stopped)
{
    kecs_task_t  t;

    memset(&t, 0, sizeof(t));
    t.rec.kind = KECS_TASK;
    t.cluster = 1;
    t.id[0] = 1;
    t.id[1] = (uint8_t) n;
    t.status = KECS_TASK_STOPPED;
    t.desired = KECS_DESIRED_STOPPED;
    t.stopped_at = stopped;
    t.family = kecs_str("f");
    (void) put_old(k, &t);
}


static unsigned
count(kit_t *k, kecs_kind_t kind)
{
    unsigned      n;
    kecs_key_t    prefix;
    kecs_str_t    key;
    kecs_txn_t   *txn;
    kecs_scan_t  *scan;

    n = 0;
    kecs_key_init(&prefix);

    if (kecs_read_begin(k->r.store, &txn) != KECS_OK) {
        return 0;
    }

    if (kecs_scan_records(txn, k->r.arena, kind, 0, &prefix, kecs_null_str,
                          false, &scan) == KECS_OK)
    {
        while (kecs_scan_next(scan, &key, NULL) == KECS_OK) {
            n++;
        }
    }

    kecs_read_end(txn);

    return n;
}


static void
expire(kit_t *k)
{
    unsigned  i;

    for (i = 0; i < 20; i++) {
        k->r.expiry_at = 0;
        kecs_expiry(&k->r);
    }
}


static void
test_expiry_tasks(void)
{
    kit_t        k;
    unsigned     i;
    kecs_msec_t  now;

    setup(&k);
    sync_now(&k);
    go(&k);
    now = kecs_wall_clock();

    for (i = 0; i < 40; i++) {
        put_stopped(&k, i, now - 8 * DAY);
    }

    for ( /* void */ ; i < 50; i++) {
        put_stopped(&k, i, now - 6 * DAY);
    }

    run_task(&k);
    tap_is_int(count(&k, KECS_TASK), 51, "tasks, some of them old");

    k.r.expiry_at = 0;
    kecs_expiry(&k.r);
    tap_is_int(count(&k, KECS_TASK), 51 - PER_TXN, "a few at a time");

    expire(&k);
    tap_is_int(count(&k, KECS_TASK), 11, "those older than a week are gone");
    is(&k, "lastStatus", "PENDING", "live ones stay");
    finish(&k);
}


static void
put_service(kit_t *k, uint32_t no, kecs_msec_t deleted)
{
    unsigned           i;
    kecs_service_t     s;
    kecs_event_t       e;
    kecs_deployment_t  d;

    memset(&s, 0, sizeof(s));
    s.rec.kind = KECS_SERVICE;
    s.cluster = 1;
    s.no = no;
    s.status = KECS_SERVICE_INACTIVE;
    s.deleted_at = deleted;
    s.name = kecs_str("old");
    (void) put_old(k, &s);

    memset(&d, 0, sizeof(d));
    d.rec.kind = KECS_DEPLOYMENT;
    d.cluster = 1;
    d.service = no;
    d.id = 7;
    d.status = KECS_DEPLOYMENT_INACTIVE;
    d.updated_at = deleted;
    (void) put_old(k, &d);

    for (i = 1; i <= 30; i++) {
        memset(&e, 0, sizeof(e));
        e.rec.kind = KECS_EVENT;
        e.cluster = 1;
        e.service = no;
        e.seq = i;
        e.message = kecs_str("m");
        (void) put_old(k, &e);
    }
}


static void
put_rollout(kit_t *k, uint64_t id, uint8_t status, kecs_msec_t when)
{
    kecs_revision_t            r;
    kecs_service_deployment_t  sd;

    memset(&sd, 0, sizeof(sd));
    sd.rec.kind = KECS_SERVICE_DEPLOYMENT;
    sd.cluster = 1;
    sd.service = 1;
    sd.id = id;
    sd.status = status;
    sd.name = id == 1 ? kecs_str("one") : kecs_str("two");
    sd.created_at = when;
    sd.updated_at = when;
    (void) put_old(k, &sd);

    memset(&r, 0, sizeof(r));
    r.rec.kind = KECS_REVISION;
    r.cluster = 1;
    r.service = 1;
    r.id = id;
    r.ended_at = kecs_service_deployment_live(status) ? 0 : when;
    (void) put_old(k, &r);
}


static void
test_expiry_rollouts(void)
{
    kit_t        k;
    kecs_msec_t  old;

    setup(&k);
    sync_now(&k);
    go(&k);
    old = kecs_wall_clock() - 91 * DAY;

    put_rollout(&k, 1, KECS_SERVICE_DEPLOYMENT_SUCCESSFUL, old);
    put_rollout(&k, 2, KECS_SERVICE_DEPLOYMENT_IN_PROGRESS, old);
    expire(&k);
    tap_is_int(count(&k, KECS_SERVICE_DEPLOYMENT), 1,
               "service deployments go when they have ended");
    tap_is_int(count(&k, KECS_REVISION), 1, "so do revisions");
    finish(&k);
}


static void
test_expiry_instances(void)
{
    kit_t             k;
    kecs_msec_t       now;
    kecs_instance_t   p;

    setup(&k);
    now = kecs_wall_clock();

    memset(&p, 0, sizeof(p));
    p.rec.kind = KECS_INSTANCE;
    p.rec.scope = 1;
    p.cluster = 1;
    p.status = KECS_INSTANCE_INACTIVE;
    p.deregistered_at = now - k.r.set.inactive_retention - 1;
    put_old(&k, &p);
    p.id[0] = 1;
    p.deregistered_at = now;
    put_old(&k, &p);
    p.id[0] = 2;
    p.status = KECS_INSTANCE_ACTIVE;
    p.deregistered_at = 0;
    put_old(&k, &p);

    expire(&k);
    tap_is_int(count(&k, KECS_INSTANCE), 2, "old instances expire");
    finish(&k);
}


static void
test_expiry_others(void)
{
    kit_t           k;
    kecs_token_t    t;
    kecs_msec_t     now;
    kecs_cluster_t  c;

    setup(&k);
    sync_now(&k);
    now = kecs_wall_clock();

    put_service(&k, 900, now - 2 * HOUR);
    put_service(&k, 901, now - HOUR / 2);
    expire(&k);
    tap_is_int(count(&k, KECS_SERVICE), 1, "an INACTIVE service goes");
    tap_is_int(count(&k, KECS_EVENT), 30, "with its events");
    tap_is_int(count(&k, KECS_DEPLOYMENT), 1, "and its deployments");

    memset(&t, 0, sizeof(t));
    t.rec.kind = KECS_TOKEN;
    t.op = kecs_str("RunTask");
    t.token = kecs_str("a");
    t.created_at = now - DAY - HOUR;
    (void) put_old(&k, &t);
    t.token = kecs_str("b");
    t.created_at = now - HOUR;
    (void) put_old(&k, &t);
    expire(&k);
    tap_is_int(count(&k, KECS_TOKEN), 1, "a client token goes after a day");

    memset(&c, 0, sizeof(c));
    c.rec.kind = KECS_CLUSTER;
    c.no = 50;
    c.status = KECS_CLUSTER_INACTIVE;
    c.deleted_at = now - 2 * HOUR;
    c.name = kecs_str("old");
    (void) put_old(&k, &c);
    expire(&k);
    tap_is_int(count(&k, KECS_CLUSTER), 1, "an INACTIVE cluster goes");

    finish(&k);
}


static const char *
definition_status(kit_t *k, const char *id)
{
    char         body[128];
    const char  *status;

    (void) snprintf(body, sizeof(body), "{\"taskDefinition\":\"%s\"}", id);
    (void) callkit(&k->api, "DescribeTaskDefinition", body);
    status = callkit_text(&k->api, "taskDefinition.status");

    return status != NULL ? status : "gone";
}


/* A deleted definition goes when nothing uses it; its number stays. */

static void
test_expiry_definitions(void)
{
    kit_t        k;
    kecs_msec_t  now;

    setup(&k);
    sync_now(&k);
    run_task(&k);
    now = kecs_wall_clock();
    k.api.now = now - 2 * HOUR;

    (void) callkit(&k.api, "RegisterTaskDefinition",
                   "{\"family\":\"once\",\"containerDefinitions\":[{"
                   "\"name\":\"c\",\"image\":\"i\",\"memory\":64}]}");
    (void) callkit(&k.api, "DeregisterTaskDefinition",
                   "{\"taskDefinition\":\"once:1\"}");
    (void) callkit(&k.api, "DeregisterTaskDefinition",
                   "{\"taskDefinition\":\"f:1\"}");
    (void) callkit(&k.api, "DeleteTaskDefinitions",
                   "{\"taskDefinitions\":[\"once:1\",\"f:1\"]}");
    k.api.now = now;

    expire(&k);
    tap_is_str(kecs_str_of(definition_status(&k, "once:1")), "gone",
               "nothing uses it: removed");
    tap_is_str(kecs_str_of(definition_status(&k, "f:1")), "DELETE_IN_PROGRESS",
               "a task uses it: kept");

    (void) callkit(&k.api, "ListTaskDefinitionFamilies", "{}");
    callkit_ok(&k.api, "families", "[1]", "a family without revisions is not"
               " listed");
    (void) callkit(&k.api, "ListTaskDefinitionFamilies",
                   "{\"status\":\"INACTIVE\"}");
    callkit_ok(&k.api, "families", "[1]", "nor as INACTIVE");
    (void) callkit(&k.api, "RegisterTaskDefinition",
                   "{\"family\":\"once\",\"containerDefinitions\":[{"
                   "\"name\":\"c\",\"image\":\"i\",\"memory\":64}]}");
    callkit_ok(&k.api, "taskDefinition.revision", "2",
               "the number is not used again");

    finish(&k);
}


static void
test_settings(void)
{
    char             why[256];
    kecs_settings_t  s;

    kecs_settings_default(&s);
    tap_is_int(s.sched.healthy_after, 40000, "defaults");
    tap_is_int(s.sched.throttle_from, 3, "of narrower types too");

    tap_is_int(kecs_settings_set(&s, kecs_str("throttle-max"),
                                 kecs_str("3m"), why, sizeof(why)),
               KECS_OK, "a duration with a unit");
    tap_is_int(s.sched.throttle_max, 180000, "is in milliseconds");
    (void) kecs_settings_set(&s, kecs_str("burst"), kecs_str("7"), why,
                             sizeof(why));
    tap_is_int(s.sched.burst, 7, "a number");

    tap_is_int(kecs_settings_set(&s, kecs_str("burst"), kecs_str("7s"), why,
                                 sizeof(why)),
               KECS_INVALID, "has no unit");
    tap_is_int(kecs_settings_set(&s, kecs_str("task-retention"),
                                 kecs_str("10m"), why, sizeof(why)),
               KECS_INVALID, "tasks are kept for an hour at least");
    tap_is_int(kecs_settings_set(&s, kecs_str("healthy-after"),
                                 kecs_str("99999999999999d"), why,
                                 sizeof(why)),
               KECS_INVALID, "no overflow");
    tap_is_int(kecs_settings_set(&s, kecs_str("x"), kecs_str("1"), why,
                                 sizeof(why)),
               KECS_NOT_FOUND, "unknown names are told");

    tap_is_int(kecs_settings_set(&s, kecs_str("volume-classes"),
                                 kecs_str("gp3:ssd,gp3/xfs:ssd.xfs-1"), why,
                                 sizeof(why)), KECS_OK, "a text");
    tap_is_str(kecs_str_of(s.volume_classes), "gp3:ssd,gp3/xfs:ssd.xfs-1",
               "is kept");
    tap_is_int(kecs_settings_set(&s, kecs_str("volume-classes"),
                                 kecs_str("gp3=ssd"), why, sizeof(why)),
               KECS_INVALID, "a text of another form");
    tap_is_int(kecs_settings_set(&s, kecs_str("volume-classes"),
                                 kecs_str("gp3:Ssd"), why, sizeof(why)),
               KECS_INVALID, "a class that cannot be one");
    tap_is_int(kecs_settings_set(&s, kecs_str("firelens-logs"),
                                 kecs_str("pods"), why, sizeof(why)),
               KECS_INVALID, "a path that is none");
}


/* Whose traffic it is: the deployments that DescribeServices shows. */

static bool
is_shown(kit_t *k, unsigned i, uint64_t deployment)
{
    char         path[64], id[64];
    const char  *got;

    (void) callkit(&k->api, "DescribeServices", "{\"services\":[\"web\"]}");
    (void) snprintf(path, sizeof(path), "services.0.deployments.%u.id", i);
    (void) snprintf(id, sizeof(id), KECS_DEPLOYMENT_FMT, deployment);
    got = callkit_text(&k->api, path);

    return got != NULL && strcmp(got, id) == 0;
}


static void
test_traffic(void)
{
    kit_t                  k;
    const kecs_traffic_t  *t = &k.rt.traffic;

    setup(&k);
    go(&k);
    sync_now(&k);
    (void) callkit(&k.api, "CreateService", "{\"serviceName\":\"web\","
                   "\"taskDefinition\":\"f\",\"desiredCount\":0}");
    go(&k);
    tap_ok(t->green == 0, "no rollout shifts its traffic");
    (void) callkit(&k.api, "UpdateService", "{\"service\":\"web\","
                   "\"forceNewDeployment\":true,"
                   "\"deploymentConfiguration\":{\"strategy\":"
                   "\"BLUE_GREEN\",\"lifecycleHooks\":[{\"targetType\":"
                   "\"PAUSE\",\"lifecycleStages\":["
                   "\"POST_TEST_TRAFFIC_SHIFT\"]}]}}");
    go(&k);
    tap_ok(is_shown(&k, 0, t->green) && is_shown(&k, 1, t->blue),
           "one does: between the two");
    tap_ok(t->weight == 0 && t->test_weight == KECS_TRAFFIC_FULL,
           "test traffic goes to green");
    (void) callkit(&k.api, "UpdateService", "{\"service\":\"web\","
                   "\"forceNewDeployment\":true,"
                   "\"deploymentConfiguration\":{\"strategy\":"
                   "\"ROLLING\"}}");
    go(&k);
    tap_ok(t->green == 0, "a rolling update after it: none");
    finish(&k);
}


/* What others see of a service follows its records. */

static void
test_exposing(void)
{
    kit_t  k;

    setup(&k);
    go(&k);
    tap_is_int(k.rt.exposed, 1, "no service: that is all of them");

    (void) callkit(&k.api, "CreateService", "{\"serviceName\":\"web\","
                   "\"taskDefinition\":\"f\",\"desiredCount\":2}");
    go(&k);
    tap_is_str(kecs_str_of(k.rt.shown),
               "000000000000/us-east-1/default/web 2*100% f",
               "a service is told of, without contact too");

    sync_now(&k);
    go(&k);
    k.rt.exposes = 0;
    run_task(&k);
    show(&k, KECS_C_RUNNING, false);
    go(&k);
    tap_is_int(k.rt.exposes, 0, "what tasks do is not told");

    (void) callkit(&k.api, "RegisterTaskDefinition",
                   "{\"family\":\"g\",\"containerDefinitions\":["
                   "{\"name\":\"a\",\"image\":\"i\",\"memory\":8}]}");
    (void) callkit(&k.api, "UpdateService", "{\"service\":\"web\","
                   "\"taskDefinition\":\"g\",\"desiredCount\":3,"
                   "\"deploymentConfiguration\":{"
                   "\"minimumHealthyPercent\":50}}");
    go(&k);
    tap_is_str(kecs_str_of(k.rt.shown),
               "000000000000/us-east-1/default/web 3*50% g f",
               "changed: with what it ran before");

    k.r.seq = 0;
    k.r.loaded = false;
    k.rt.exposes = 0;
    go(&k);
    tap_is_int(k.rt.exposes, 1, "loaded again: told again");
    tap_is_int(k.rt.exposed, 1, "and nothing is left over");

    k.rt.answer = KECS_INVALID;
    (void) callkit(&k.api, "UpdateService", "{\"service\":\"web\","
                   "\"desiredCount\":4}");
    go(&k);
    tap_ok(k.r.expose == NULL, "one that cannot be told is left out");
    k.rt.answer = KECS_OK;

    (void) callkit(&k.api, "CreateService", "{\"serviceName\":\"idle\","
                   "\"taskDefinition\":\"f\",\"desiredCount\":0}");
    go(&k);
    (void) callkit(&k.api, "DeleteService", "{\"service\":\"idle\"}");
    go(&k);
    tap_is_str(kecs_str_of(k.rt.shown), "over 2", "deleted: over");

    k.rt.shown[0] = '\0';
    finish(&k);
    tap_ok(strstr(k.rt.shown, "over") == NULL,
           "when we end nothing is over");
}


/* Nodes that name clusters. */

static void
tell_node(kit_t *k, const char *name, const char *uid, const char *clusters)
{
    kecs_node_seen_t  n;

    memset(&n, 0, sizeof(n));
    n.name = kecs_str_of(name);
    n.uid = kecs_str_of(uid);
    n.clusters = kecs_str_of(clusters);
    n.ready = true;
    n.open = true;
    n.cpu = 1024;
    n.memory = 1024;
    k->rt.rt.sink.node_seen(k->rt.rt.sink.ctx, &n);
}


static void
list_nodes(kit_t *k, const char *first, const char *second)
{
    k->rt.rt.sink.nodes_begin(k->rt.rt.sink.ctx);

    if (first != NULL) {
        tell_node(k, "n1", "uid-1", first);
    }

    if (second != NULL) {
        tell_node(k, "n2", "uid-2", second);
    }

    k->rt.rt.sink.nodes_synced(k->rt.rt.sink.ctx);
    go(k);
}


static void
members(kit_t *k, const char *cluster, const char *n, const char *what)
{
    char  in[128];

    (void) snprintf(in, sizeof(in), "{\"cluster\":\"%s\"}", cluster);
    (void) callkit(&k->api, "ListContainerInstances", in);
    callkit_ok(&k->api, "containerInstanceArns", n, what);
}


static void
test_members(void)
{
    kit_t     k;
    uint64_t  seq;

    setup(&k);
    k.r.set.instance_idle = 3600 * 1000;
    (void) callkit(&k.api, "CreateCluster", "{\"clusterName\":\"web\"}");
    list_nodes(&k, "web", "*");
    members(&k, "web", "[2]", "both name it");
    members(&k, "default", "[1]", "one names all");

    (void) callkit(&k.api, "CreateCluster", "{\"clusterName\":\"api\"}");
    go(&k);
    members(&k, "api", "[1]", "it names one made later too");

    seq = callkit_seq(&k.api);
    list_nodes(&k, "web", "*");
    tap_ok(callkit_seq(&k.api) == seq, "told again, nothing is written");

    tell_node(&k, "n1", "uid-1", "api,web");
    go(&k);
    members(&k, "api", "[2]", "a label more");
    tell_node(&k, "n1", "uid-1", "api");
    k.r.nodes->sweep_at = 0;
    go(&k);
    members(&k, "api", "[2]", "a label less");
    members(&k, "web", "[1]", "and a cluster less");

    k.rt.rt.sink.node_gone(k.rt.rt.sink.ctx, kecs_str("n1"));
    go(&k);
    members(&k, "api", "[1]", "a node less");
    list_nodes(&k, "web", NULL);
    members(&k, "web", "[1]", "one is back, the other has gone");
    members(&k, "api", "[0]", "which named this one");
    finish(&k);
}


/* The nodes of an earlier run. */

static void
test_nodes_again(void)
{
    kit_t  k;

    setup(&k);
    list_nodes(&k, "default", "default");
    members(&k, "default", "[2]", "two members");
    kecs_nodes_destroy(k.r.nodes);
    k.r.nodes = kecs_nodes_create();
    go(&k);
    members(&k, "default", "[2]", "nothing follows from silence");
    list_nodes(&k, NULL, "default");
    members(&k, "default", "[1]", "one has gone meanwhile");
    (void) callkit(&k.api, "DeleteCluster", "{\"cluster\":\"default\"}");
    callkit_ok(&k.api, "cluster.status", "INACTIVE", "members do not hold it");
    go(&k);
    (void) callkit(&k.api, "CreateCluster", "{}");
    go(&k);
    members(&k, "default", "[1]", "a cluster of the same name");
    finish(&k);
}


int
main(void)
{
    kecs_log_to(NULL, NULL, KECS_LOG_ERROR);

    test_contact();
    test_borrowed();
    test_missing();
    test_waiting();
    test_not_now();
    test_causes();
    test_adoption();
    test_leftover();
    test_service();
    test_slow_stops();
    test_protection();
    test_rollout();
    test_rollback();
    test_task_sets();
    test_controllers();
    test_set_throttled();
    test_store_refuses();
    test_reload();
    test_pods_elsewhere();
    test_expiry_tasks();
    test_expiry_rollouts();
    test_expiry_instances();
    test_expiry_others();
    test_expiry_definitions();
    test_settings();
    test_exposing();
    test_traffic();
    test_members();
    test_nodes_again();

    return tap_done();
}
