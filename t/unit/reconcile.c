/*
 * The reconciler against a runtime that does what each test says: contact
 * that is lost and comes back, tasks that are missing, unknown or left
 * over, requests that are put off; and what becomes of old records.
 */

#include "callkit.h"

#include "../../src/reconciler/adopt.c"
#include "../../src/reconciler/batch.c"
#include "../../src/reconciler/definitions.c"
#include "../../src/reconciler/drive.c"
#include "../../src/reconciler/expiry.c"
#include "../../src/reconciler/loop.c"
#include "../../src/reconciler/news.c"
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
    kecs_rc_t           answer;
    uint8_t             last[KECS_ID_LEN];
} fake_t;

typedef struct {
    kecs_reconciler_t   r;
    fake_t              rt;
    callkit_t           api;
    uint8_t             id[KECS_ID_LEN];    /* of the task made last */
    char                hex[2 * KECS_ID_LEN + 1];
} kit_t;


static kecs_rc_t
fake_start(kecs_runtime_t *rt, const kecs_start_t *s)
{
    fake_t  *f;

    f = (fake_t *) rt;
    f->starts++;
    memcpy(f->last, s->task->id, KECS_ID_LEN);

    return f->answer;
}


static kecs_rc_t
fake_stop(kecs_runtime_t *rt, const uint8_t *task, kecs_str_t handle,
    unsigned grace)
{
    fake_t  *f;

    (void) handle;
    (void) grace;

    f = (fake_t *) rt;
    f->stops++;
    memcpy(f->last, task, KECS_ID_LEN);

    return f->answer;
}


static kecs_rc_t
fake_forget(kecs_runtime_t *rt, const uint8_t *task, kecs_str_t handle)
{
    (void) task;
    (void) handle;

    ((fake_t *) rt)->forgets++;

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


static const kecs_runtime_ops_t  fake_ops = {
    "fake", 0, NULL, NULL, fake_run, fake_start, fake_stop, fake_forget,
    fake_ready
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
    tap_is_int((int64_t) k.r.tasks.n, 0, "and so do we");
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
               "(service s) stopped 20 pending tasks.", "that is told");
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
}


int
main(void)
{
    kecs_log_to(NULL, NULL, KECS_LOG_ERROR);

    test_contact();
    test_missing();
    test_not_now();
    test_adoption();
    test_leftover();
    test_service();
    test_store_refuses();
    test_reload();
    test_expiry_tasks();
    test_expiry_others();
    test_settings();

    return tap_done();
}
