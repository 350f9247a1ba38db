/*
 * Simulated containers: the timeline as a pure function, and the runtime
 * that plays it.
 */

#include "../../src/runtime/sim_task.h"
#include "tap.h"


#define T0  1789551556000

#define BODY(labels)                                                         \
    "{\"networkMode\":\"awsvpc\",\"containerDefinitions\":["                 \
    "{\"name\":\"app\",\"image\":\"i\",\"dockerLabels\":{" labels "}}]}"

#define L(name, value)  "\"kecs.simulated." name "\":\"" value "\""


typedef struct {
    kecs_arena_t                *a;
    kecs_task_t                  record;
    kecs_start_t                 start;
    kecs_simulated_conf_t        conf;
    kecs_sim_task_t              t;
    kecs_observation_t           o;
    kecs_msec_t                  next;
} kit_t;


static void
load(kit_t *k, const char *body)
{
    void  *definition;

    memset(k, 0, sizeof(*k));
    k->a = kecs_arena_create(0);
    k->conf = (kecs_simulated_conf_t) { 1, 3000, 500, 0 };

    if (kecs_shape_load(k->a, &kecs_ecs_task_definition_shape,
                        kecs_str_of(body), &definition) != KECS_OK)
    {
        tap_ok(false, "the definition can be read: %s", body);
        definition = kecs_zalloc(k->a, sizeof(kecs_ecs_task_definition_t));
    }

    k->record.id[0] = 7;
    k->start.task = &k->record;
    k->start.region = kecs_str("eu-west-1");
    k->start.definition = definition;
}


static void
make(kit_t *k, const char *body)
{
    load(k, body);
    (void) kecs_sim_task_make(k->a, &k->start, &k->conf, T0, &k->t);
}


static const kecs_container_seen_t *
at(kit_t *k, kecs_msec_t since)
{
    static const kecs_container_seen_t  none;

    if (kecs_sim_task_see(k->a, &k->t, T0 + since, &k->o, &k->next)
        != KECS_OK)
    {
        return &none;
    }

    return k->o.n != 0 ? k->o.containers : &none;
}


static void
done(kit_t *k)
{
    kecs_arena_destroy(k->a);
}


static void
test_life(void)
{
    kit_t                         k;
    const kecs_container_seen_t  *c;

    make(&k, BODY(""));

    (void) at(&k, 0);
    tap_ok(!k.o.placed && k.o.n == 0, "not placed at first");
    tap_is_int(k.next, T0 + 1000, "then it is placed");

    (void) at(&k, 1000);
    tap_ok(k.o.placed && k.o.node.len != 0, "placed on a node");
    tap_ok(k.o.address.data == NULL, "without an address");
    tap_ok(kecs_str_starts(k.o.zone, kecs_str("eu-west-1")), "in a zone");

    (void) at(&k, 2000);
    tap_ok(k.o.address.len != 0 && k.o.pull_stopped_at == T0 + 2000,
           "pulled, and with an address");

    c = at(&k, 3000);
    tap_is_int(c->phase, KECS_C_RUNNING, "running");
    tap_is_int(k.next, 0, "until it is stopped");
    tap_ok(c->ready && c->image_digest.len == 71 && c->runtime_id.len != 0,
           "healthy, with a digest and a runtime id");

    k.t.stop_at = T0 + 5000;
    k.t.grace = 30000;
    c = at(&k, 5000);
    tap_ok(k.o.deleting && c->phase == KECS_C_RUNNING, "being stopped");
    tap_is_int(k.next, T0 + 5500, "after the stop delay");
    c = at(&k, 5500);
    tap_ok(c->phase == KECS_C_TERMINATED && c->exit_code == 143,
           "ended by SIGTERM");
    done(&k);
}


static void
test_scripts(void)
{
    kit_t                         k;
    const kecs_container_seen_t  *c;

    make(&k, BODY(L("start-delay", "90") "," L("exit-after", "40") ","
                  L("exit-code", "3")));
    tap_is_int(at(&k, 90)->phase, KECS_C_RUNNING, "start-delay");
    tap_is_int(k.next, T0 + 130, "exit-after");
    c = at(&k, 130);
    tap_ok(c->phase == KECS_C_TERMINATED && c->exit_code == 3
           && c->finished_at == T0 + 130, "exit-code");
    done(&k);

    make(&k, BODY(L("pull-error", "no such image")));
    c = at(&k, 2000);
    tap_is_str(c->reason, "ErrImagePull", "pull-error");
    tap_is_str(c->message, "no such image", "its text");
    (void) at(&k, k.next - T0);
    c = at(&k, 4000);
    tap_is_str(c->reason, "ImagePullBackOff", "then it backs off");
    done(&k);

    make(&k, BODY(L("start-error", "no such file")));
    c = at(&k, 3000);
    tap_ok(c->phase == KECS_C_TERMINATED && c->exit_code == 128,
           "start-error");
    done(&k);

    make(&k, BODY(L("never-start", "true")));
    tap_is_int(at(&k, 1000000)->phase, KECS_C_WAITING, "never-start");
    k.t.stop_at = T0 + 2000000;
    c = at(&k, 2000000);
    tap_ok(c->phase == KECS_C_TERMINATED && !c->has_exit,
           "stopped without ever having run");
    done(&k);

    make(&k, BODY(L("oom-after", "10")));
    c = at(&k, 3010);
    tap_is_str(c->reason, "OOMKilled", "oom-after");
    done(&k);

    make(&k, BODY(L("ignore-term", "true")));
    (void) at(&k, 3000);
    k.t.stop_at = T0 + 5000;
    k.t.grace = 7000;
    tap_is_int(at(&k, 11999)->phase, KECS_C_RUNNING, "ignore-term");
    tap_is_int(at(&k, 12000)->exit_code, 137, "killed after the grace");
    done(&k);

    make(&k, BODY(L("lost-after", "100")));
    (void) at(&k, 3099);
    tap_ok(!k.o.gone, "not lost yet");
    (void) at(&k, 3100);
    tap_ok(k.o.gone, "lost-after");
    tap_is_str(k.o.reason, "NodeLost", "with its node");
    done(&k);

    make(&k, BODY(L("start-delay", "soon")));
    tap_is_int(at(&k, 3000)->phase, KECS_C_RUNNING,
               "a malformed value counts as none");
    done(&k);
}


static void
test_health(void)
{
    kit_t  k;

    make(&k, BODY(L("health-after", "50") "," L("unhealthy-after", "200")));
    tap_ok(!at(&k, 3000)->ready, "not yet healthy");
    tap_is_int(k.next, T0 + 3050, "health-after");
    tap_ok(at(&k, 3050)->ready, "healthy");
    tap_ok(!at(&k, 3200)->ready, "unhealthy-after");
    done(&k);

    make(&k, BODY(L("health", "unhealthy")));
    tap_ok(!at(&k, 100000)->ready, "health=unhealthy");
    done(&k);
}


static void
test_depends(void)
{
    kit_t                         k;
    const kecs_container_seen_t  *c;

    make(&k, "{\"containerDefinitions\":["
             "{\"name\":\"app\",\"dependsOn\":[{\"containerName\":\"init\","
             "\"condition\":\"SUCCESS\"}]},"
             "{\"name\":\"init\",\"dockerLabels\":{"
             L("exit-after", "1000") "}}]}");
    c = at(&k, 3500);
    tap_ok(c[0].phase == KECS_C_WAITING && c[1].phase == KECS_C_RUNNING,
           "it waits for what it depends on");
    c = at(&k, 4000);
    tap_ok(c[0].phase == KECS_C_RUNNING && c[1].phase == KECS_C_TERMINATED,
           "until that has succeeded");
    done(&k);

    make(&k, "{\"containerDefinitions\":["
             "{\"name\":\"a\",\"dependsOn\":[{\"containerName\":\"b\","
             "\"condition\":\"SUCCESS\"}]},"
             "{\"name\":\"b\",\"dockerLabels\":{" L("exit-after", "10") ","
             L("exit-code", "1") "}}]}");
    tap_is_int(at(&k, 100000)->phase, KECS_C_WAITING,
               "for ever when it fails");
    done(&k);
}


/* The same task told again goes on where it was. */

static void
test_restart(void)
{
    kit_t                         k;
    kecs_sim_task_t               again;
    const kecs_container_seen_t  *c;

    make(&k, BODY(L("exit-after", "10000")));
    again = k.t;
    k.record.started_at = T0 + 3000;
    (void) kecs_sim_task_make(k.a, &k.start, &k.conf, T0 + 9000, &k.t);

    tap_is_int(k.t.began, again.began, "it began when it began");
    tap_ok(kecs_str_eq(k.t.node, again.node)
           && kecs_str_eq(k.t.address, again.address)
           && kecs_str_eq(k.t.containers[0].runtime_id,
                          again.containers[0].runtime_id),
           "everything about it is the same");
    tap_is_int(at(&k, 12999)->phase, KECS_C_RUNNING, "it runs on");
    c = at(&k, 13000);
    tap_is_int(c->phase, KECS_C_TERMINATED, "and ends in time");

    k.record.id[0] = 8;
    (void) kecs_sim_task_make(k.a, &k.start, &k.conf, T0, &k.t);
    tap_ok(!kecs_str_eq(k.t.address, again.address),
           "another task is somewhere else");
    done(&k);
}


/* A restart policy: what ends late enough is started anew, each time. */

static void
test_policy(void)
{
    kit_t                         k;
    const kecs_container_seen_t  *c;

    make(&k, "{\"containerDefinitions\":[{\"name\":\"a\",\"restartPolicy\":"
             "{\"enabled\":true,\"restartAttemptPeriod\":60},"
             "\"dockerLabels\":{" L("exit-after", "60000") ","
             L("exit-code", "3") "}}]}");

    c = at(&k, 62999);
    tap_ok(c->phase == KECS_C_RUNNING && c->before == NULL, "the first run");
    tap_is_int(k.next, T0 + 63000, "ends in time");
    c = at(&k, 63000);
    tap_ok(c->phase == KECS_C_RUNNING && c->started_at == T0 + 63000,
           "and another begins");
    tap_ok(c->before != NULL && c->before->exit_code == 3
           && c->before->finished_at == T0 + 63000, "after its end");
    c = at(&k, 3000 + 5 * 60000);
    tap_is_int(c->started_at, T0 + 3000 + 5 * 60000, "the sixth");

    k.t.stop_at = T0 + 3000 + 5 * 60000 + 1000;
    k.t.grace = 30000;
    c = at(&k, 3000 + 7 * 60000);
    tap_ok(c->phase == KECS_C_TERMINATED
           && c->started_at == T0 + 3000 + 5 * 60000
           && c->finished_at == k.t.stop_at + 500, "the last is stopped");
    done(&k);

    make(&k, "{\"containerDefinitions\":[{\"name\":\"a\",\"restartPolicy\":"
             "{\"enabled\":true,\"restartAttemptPeriod\":60},"
             "\"dockerLabels\":{" L("exit-after", "59999") "}}]}");
    tap_is_int(at(&k, 63000)->phase, KECS_C_TERMINATED, "too early an end");
    done(&k);
}


/* `next` never passes over a change. */

static void
test_next(void)
{
    bool         fine;
    kit_t        k;
    unsigned     phase, was;
    kecs_msec_t  t, due;

    make(&k, BODY(L("exit-after", "40") "," L("start-delay", "90")));
    fine = true;
    was = at(&k, 0)->phase;
    due = k.next;

    for (t = 1; t < 400; t++) {
        phase = at(&k, t)->phase;
        fine &= phase == was || due == T0 + t;
        was = phase;
        due = k.next;
    }

    tap_ok(fine, "next is when something changes");
    tap_is_int(due, 0, "in the end nothing does");
    done(&k);
}


/* The runtime. */

typedef struct {
    unsigned            seen;
    unsigned            synced;
    unsigned            refused;
    kecs_observation_t  last;
    unsigned            phase;
} told_t;


static void
on_seen(void *ctx, const kecs_observation_t *o)
{
    told_t  *told;

    told = ctx;
    told->seen++;
    told->last = *o;
    told->phase = o->n != 0 ? o->containers[0].phase : 0;
}


static void
on_refused(void *ctx, const uint8_t *task, kecs_str_t reason)
{
    (void) task;
    (void) reason;
    ((told_t *) ctx)->refused++;
}


static void
on_synced(void *ctx)
{
    ((told_t *) ctx)->synced++;
}


static void
on_unsynced(void *ctx, kecs_str_t why)
{
    (void) ctx;
    (void) why;
}


/* Plays until the container is in this phase, 5 s at most. */

static bool
play(kecs_runtime_t *rt, const told_t *told, unsigned phase)
{
    kecs_msec_t  end;

    end = kecs_monotonic() + 5000;

    while (kecs_monotonic() < end) {
        rt->ops->run(rt);

        if (told->phase == phase) {
            return true;
        }

        rt->ops->wait(rt, NULL, 0, 100);
    }

    return false;
}


static void
test_runtime(void)
{
    kit_t                k;
    told_t               told;
    kecs_runtime_t      *rt;
    kecs_runtime_sink_t  sink;

    load(&k, BODY(""));
    memset(&told, 0, sizeof(told));
    sink = (kecs_runtime_sink_t) {
        .seen = on_seen, .refused = on_refused, .synced = on_synced,
        .unsynced = on_unsynced, .ctx = &told
    };
    k.conf.start_delay = 30;
    k.conf.stop_delay = 20;

    if (kecs_simulated_open(&k.conf, &sink, &rt) != KECS_OK) {
        tap_ok(false, "it opens");
        return;
    }

    tap_ok(rt->ops->caps & KECS_RT_SIMULATED, "it says what it is");
    tap_is_int(rt->ops->start(rt, &k.start), KECS_OK, "a start is taken");
    tap_is_int(rt->ops->start(rt, &k.start), KECS_OK, "twice");
    tap_ok(play(rt, &told, KECS_C_RUNNING), "the task runs");
    tap_is_int(told.synced, 1, "all was reported, once");
    tap_ok(told.seen >= 3 && told.seen <= 5,
           "each change is told once (%u)", told.seen);

    (void) rt->ops->stop(rt, k.record.id, kecs_null_str, 5, NULL);
    tap_ok(play(rt, &told, KECS_C_TERMINATED), "it stops");
    tap_ok(told.last.deleting, "because it was told to");

    (void) rt->ops->forget(rt, k.record.id, kecs_null_str, NULL);
    (void) rt->ops->stop(rt, k.record.id, kecs_null_str, 5, NULL);
    told.seen = 0;
    rt->ops->run(rt);
    tap_is_int(told.seen, 0, "a forgotten task is no longer told of");

    rt->ops->close(rt);
    done(&k);

    load(&k, BODY(L("refuse", "no")));
    k.conf.start_delay = 0;
    (void) kecs_simulated_open(&k.conf, &sink, &rt);
    (void) rt->ops->start(rt, &k.start);
    rt->ops->run(rt);
    tap_is_int(told.refused, 1, "refuse");
    rt->ops->close(rt);
    done(&k);
}


int
main(void)
{
    test_life();
    test_scripts();
    test_health();
    test_depends();
    test_restart();
    test_policy();
    test_next();
    test_runtime();

    return tap_done();
}
