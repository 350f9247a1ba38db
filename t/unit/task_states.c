/*
 * Task states: every way a task can take, and that none leads backwards.
 */

#define _GNU_SOURCE

#include "../../src/base/rand.h"
#include "../../src/convert/task_parts.h"
#include "../../src/convert/task_state.h"
#include "tap.h"


#define NOW   1789551556000
#define ARN   "arn:aws:ecs:eu-west-1:000000000000:"
#define TASK  ARN "task/c/000102030405060708090a0b0c0d0e0f"

#define CONTAINER(name)                                                      \
    "{\"containerArn\":\"" ARN "container/x\",\"lastStatus\":\"PENDING\","   \
    "\"name\":\"" name "\",\"networkInterfaces\":[],\"taskArn\":\"" TASK "\"}"

#define TWO   "[" CONTAINER("app") "," CONTAINER("side") "]"

#define ENI   "[{\"details\":[{\"name\":\"subnetId\",\"value\":\"s-1\"}],"   \
              "\"id\":\"a-1\",\"status\":\"PRECREATED\","                    \
              "\"type\":\"ElasticNetworkInterface\"}]"

#define BODY                                                                 \
    "{\"networkMode\":\"awsvpc\",\"containerDefinitions\":["                 \
    "{\"name\":\"app\",\"stopTimeout\":7},"                                  \
    "{\"name\":\"side\",\"essential\":false}]}"

#define CHECKED                                                              \
    "{\"networkMode\":\"bridge\",\"containerDefinitions\":["                 \
    "{\"name\":\"app\",\"portMappings\":["                                   \
    "{\"containerPort\":80,\"hostPort\":8080},{\"containerPort\":81}],"      \
    "\"healthCheck\":{\"command\":[\"CMD\",\"x\"],\"interval\":5,"           \
    "\"retries\":2,\"startPeriod\":10}},"                                    \
    "{\"name\":\"side\",\"essential\":false}]}"


#define PERSISTENT                                                           \
    "{\"networkMode\":\"bridge\",\"containerDefinitions\":["                 \
    "{\"name\":\"app\",\"healthCheck\":{\"command\":[\"CMD\",\"x\"],"        \
    "\"interval\":5,\"retries\":2},\"restartPolicy\":{\"enabled\":true,"     \
    "\"ignoredExitCodes\":[0,9],\"restartAttemptPeriod\":60}},"              \
    "{\"name\":\"side\",\"essential\":false,\"restartPolicy\":{"             \
    "\"enabled\":true}}]}"


typedef struct {
    kecs_arena_t                *a;
    kecs_task_t                  t;
    kecs_ecs_task_definition_t  *definition;
    kecs_container_seen_t        c[2];
    kecs_observation_t           o;
    kecs_task_step_t             step;
    kecs_msec_t                  now;
    kecs_rc_t                    rc;
} kit_t;


static void
make(kit_t *k, const char *body)
{
    unsigned  i;
    void     *definition;

    memset(k, 0, sizeof(*k));
    k->a = kecs_arena_create(0);
    k->now = NOW;

    k->t.rec.kind = KECS_TASK;
    k->t.status = KECS_TASK_PROVISIONING;
    k->t.desired = KECS_DESIRED_RUNNING;
    k->t.version = 1;
    k->t.created_at = NOW - 1000;

    for (i = 0; i < KECS_ID_LEN; i++) {
        k->t.id[i] = (uint8_t) i;
    }

    k->t.rec.part[KECS_TASK_CONTAINERS] = kecs_str(TWO);
    k->t.rec.part[KECS_TASK_ATTACHMENTS] = kecs_str(ENI);

    k->rc = kecs_shape_load(k->a, &kecs_ecs_task_definition_shape,
                            kecs_str_of(body), &definition);
    k->definition = definition;

    k->c[0].name = kecs_str("app");
    k->c[1].name = kecs_str("side");
    k->o.handle = kecs_str("h-1");
    k->o.containers = k->c;
    k->o.n = 2;
}


static void
done(kit_t *k)
{
    kecs_arena_destroy(k->a);
}


/* One second later the runtime shows k->o. */

static unsigned
see(kit_t *k)
{
    k->now += 1000;
    k->rc = kecs_task_observe(k->a, &k->t, k->definition, &k->o, k->now,
                              &k->step);

    return k->rc == KECS_OK ? k->t.status : 0;
}


static void
phase(kit_t *k, unsigned i, kecs_container_phase_t p)
{
    k->c[i].phase = p;

    if (p != KECS_C_WAITING && k->c[i].started_at == 0) {
        k->c[i].started_at = k->now;
    }

    if (p == KECS_C_TERMINATED) {
        k->c[i].finished_at = k->now;
        k->c[i].has_exit = true;
    }
}


static void
run(kit_t *k)
{
    k->o.placed = true;
    phase(k, 0, KECS_C_RUNNING);
    phase(k, 1, KECS_C_RUNNING);
    (void) see(k);
}


static kecs_ecs_container_t *
container(kit_t *k, const char *name)
{
    kecs_task_parts_t  p;

    if (kecs_task_parts_load(k->a, &k->t, &p) != KECS_OK) {
        return NULL;
    }

    return kecs_task_container(&p, kecs_str_of(name));
}


static kecs_str_t
attachments(kit_t *k)
{
    return k->t.rec.part[KECS_TASK_ATTACHMENTS];
}


static bool
has(kecs_str_t s, const char *what)
{
    return s.data != NULL && memmem(s.data, s.len, what, strlen(what));
}


static void
test_life(void)
{
    kit_t  k;

    make(&k, BODY);

    tap_is_int(see(&k), KECS_TASK_PENDING, "known to the runtime: PENDING");
    tap_is_int(k.t.version, 2, "that is a new version");

    k.t.status = KECS_TASK_PROVISIONING;
    k.o.n = 0;
    tap_is_int(see(&k), KECS_TASK_PROVISIONING, "not placed, no containers");

    k.o.n = 2;
    k.o.placed = true;
    k.o.node = kecs_str("n-1");
    k.o.zone = kecs_str("eu-west-1b");
    tap_is_int(see(&k), KECS_TASK_PENDING, "placed: PENDING");
    tap_is_int(k.t.connectivity, KECS_CONNECTED, "it is connected");
    tap_is_str(k.t.zone, "eu-west-1b", "the zone is known");
    tap_is_str(k.t.handle, "h-1", "the handle is kept");

    (void) see(&k);
    tap_ok(!k.step.changed, "the same again changes nothing");

    phase(&k, 0, KECS_C_RUNNING);
    k.o.address = kecs_str("10.1.2.3");
    tap_is_int(see(&k), KECS_TASK_PENDING, "one container of two runs");
    tap_ok(k.t.started_at == 0, "it has not started");
    tap_ok(has(attachments(&k), "\"ATTACHED\"")
           && has(attachments(&k), "eni-00001020304050607")
           && has(attachments(&k), "ip-10-1-2-3.eu-west-1.compute.internal")
           && has(attachments(&k), "0a:08:09:0a:0b:0c"),
           "its network interface is attached");
    tap_is_int((int64_t) container(&k, "app")->network_interfaces.n, 1,
               "containers show it");

    phase(&k, 1, KECS_C_RUNNING);
    k.c[0].image_digest = kecs_str("sha256:1");
    tap_is_int(see(&k), KECS_TASK_RUNNING, "both run: RUNNING");
    tap_ok(k.t.started_at >= k.t.pull_stopped_at
           && k.t.pull_stopped_at >= k.t.pull_started_at
           && k.t.pull_started_at > k.t.created_at, "times in order");
    tap_is_str(container(&k, "app")->image_digest, "sha256:1", "digest");
    tap_is_int(k.t.health, KECS_HEALTH_UNKNOWN, "health is UNKNOWN");

    phase(&k, 1, KECS_C_TERMINATED);
    tap_is_int(see(&k), KECS_TASK_RUNNING, "a non-essential end is fine");
    tap_is_int(k.t.desired, KECS_DESIRED_RUNNING, "and wants nothing");
    tap_is_str(container(&k, "side")->last_status, "STOPPED", "it shows");

    done(&k);
}


static void
test_essential(void)
{
    kit_t  k;

    make(&k, BODY);
    run(&k);

    phase(&k, 0, KECS_C_TERMINATED);
    k.c[0].exit_code = 3;
    tap_is_int(see(&k), KECS_TASK_STOPPING, "essential ended: STOPPING");
    tap_ok(k.step.stop, "the others are to be stopped");
    tap_is_int(k.t.stop_code, KECS_STOP_ESSENTIAL_EXITED, "stop code");
    tap_is_str(k.t.stopped_reason, "Essential container in task exited",
               "stopped reason");
    tap_is_int(container(&k, "app")->exit_code.value, 3, "exit code");
    tap_ok(k.t.execution_stopped_at != 0, "execution stopped");

    k.o.deleting = true;
    (void) see(&k);
    tap_ok(!k.step.stop, "it is being stopped already");

    k.o.deleting = false;
    phase(&k, 1, KECS_C_TERMINATED);
    k.c[1].exit_code = 137;
    tap_is_int(see(&k), KECS_TASK_DEPROVISIONING, "all ended");
    tap_ok(k.step.stop && !k.step.forget, "to be taken away");

    k.o.deleting = true;
    tap_is_int(see(&k), KECS_TASK_STOPPED, "gone: STOPPED");
    tap_ok(k.step.forget && k.step.changed, "the runtime may let go");
    tap_ok(has(attachments(&k), "\"DELETED\""), "interface deleted");
    tap_ok(k.t.stopping_at <= k.t.stopped_at
           && k.t.execution_stopped_at <= k.t.stopped_at, "times in order");

    k.o.deleting = false;
    tap_is_int(see(&k), KECS_TASK_STOPPED, "STOPPED is the end");
    tap_ok(k.step.stop && k.step.forget && !k.step.changed,
           "what is left of a stopped task is to be removed");

    done(&k);
}


static void
test_quick_exit(void)
{
    kit_t  k;

    make(&k, BODY);
    k.o.placed = true;
    phase(&k, 0, KECS_C_TERMINATED);
    phase(&k, 1, KECS_C_TERMINATED);
    k.c[0].reason = kecs_str("OOMKilled");
    k.c[0].exit_code = 137;

    tap_is_int(see(&k), KECS_TASK_DEPROVISIONING, "seen only when over");
    tap_ok(k.t.started_at != 0, "it had started");
    tap_is_int(k.t.stop_code, KECS_STOP_ESSENTIAL_EXITED, "stop code");
    tap_is_str(container(&k, "app")->reason,
               "OutOfMemoryError: Container killed due to memory usage",
               "out of memory");
    done(&k);
}


/* The container has run so long, and ended; the runtime starts it anew. */

static void
ends_after(kit_t *k, unsigned i, kecs_msec_t ran, int code)
{
    k->c[i].phase = KECS_C_TERMINATED;
    k->c[i].finished_at = k->c[i].started_at + ran;
    k->c[i].has_exit = true;
    k->c[i].exit_code = code;
    k->c[i].again = true;
    k->now = k->c[i].finished_at;
}


static void
runs_again(kit_t *k, unsigned i, kecs_container_seen_t *before)
{
    *before = k->c[i];
    memset(&k->c[i], 0, sizeof(k->c[i]));
    k->c[i].name = before->name;
    k->c[i].phase = KECS_C_RUNNING;
    k->c[i].started_at = before->finished_at;
    k->c[i].runtime_id = kecs_str("r-2");
    k->c[i].before = before;
}


static void
start_persistent(kit_t *k)
{
    make(k, PERSISTENT);
    k->o.placed = true;
    k->c[0].runtime_id = kecs_str("r-1");
    k->c[0].ready = true;
    phase(k, 0, KECS_C_RUNNING);
    phase(k, 1, KECS_C_RUNNING);
    (void) see(k);
}


static void
test_restarts(void)
{
    kit_t                  k;
    kecs_container_seen_t  before;

    start_persistent(&k);
    tap_is_str(container(&k, "app")->health_status, "HEALTHY", "healthy");

    ends_after(&k, 0, 60000, 3);
    tap_is_int(see(&k), KECS_TASK_RUNNING, "an end that is followed by a"
               " start is none");
    tap_is_str(container(&k, "app")->last_status, "RUNNING", "as it shows");
    tap_ok(!k.step.stop && k.t.desired == KECS_DESIRED_RUNNING,
           "nothing is to be done");

    runs_again(&k, 0, &before);
    tap_is_int(see(&k), KECS_TASK_RUNNING, "it has been started");
    tap_is_str(container(&k, "app")->runtime_id, "r-2", "anew");
    tap_is_str(container(&k, "app")->health_status, "UNKNOWN",
               "its health check begins afresh");
    tap_ok(!container(&k, "app")->exit_code.set, "it has no exit code");
    tap_is_int(k.t.health, KECS_HEALTH_UNKNOWN, "nor has the task a health");

    k.c[0].phase = KECS_C_WAITING;
    k.c[0].reason = kecs_str("CrashLoopBackOff");
    tap_is_int(see(&k), KECS_TASK_RUNNING, "the runtime waits a while");
    done(&k);
}


/* Ends that no start follows: {code, ran, of the container, status}. */

static void
last_end(unsigned i, int code, kecs_msec_t ran, bool started_anew,
    unsigned status, const char *what)
{
    kit_t                  k;
    kecs_container_seen_t  before;

    start_persistent(&k);
    ends_after(&k, i, ran, code);

    if (started_anew) {
        runs_again(&k, i, &before);
    }

    tap_is_int(see(&k), status, "%s", what);
    tap_is_str(container(&k, i == 0 ? "app" : "side")->last_status,
               "STOPPED", "it has ended");
    tap_is_int(container(&k, i == 0 ? "app" : "side")->exit_code.value,
               code, "with its exit code");
    done(&k);
}


static void
test_last_ends(void)
{
    last_end(0, 3, 59999, false, KECS_TASK_STOPPING, "too early an end");
    last_end(0, 3, 59999, true, KECS_TASK_STOPPING,
             "that the runtime did not mind");
    last_end(0, 9, 90000, false, KECS_TASK_STOPPING, "an ignored exit code");
    last_end(0, 0, 90000, true, KECS_TASK_STOPPING,
             "that the runtime did not mind");
    last_end(1, 0, 299999, true, KECS_TASK_RUNNING,
             "of another container, before the default period");
}


/* It would be started anew, had it not been stopped. */

static void
test_restart_stopped(void)
{
    kit_t  k;

    start_persistent(&k);
    ends_after(&k, 0, 90000, 143);
    k.c[0].again = false;
    k.t.desired = KECS_DESIRED_STOPPED;
    (void) see(&k);
    tap_is_str(container(&k, "app")->last_status, "STOPPED",
               "what is not started anew has ended");
    tap_is_int(container(&k, "app")->exit_code.value, 143, "its exit code");
    done(&k);
}


static void
test_pull(void)
{
    kit_t  k;

    make(&k, BODY);
    k.o.placed = true;
    k.c[0].reason = kecs_str("ErrImagePull");
    k.c[0].message = kecs_str("no such image");
    tap_is_int(see(&k), KECS_TASK_PENDING, "the first failure is retried");
    tap_is_int(k.t.desired, KECS_DESIRED_RUNNING, "still wanted");

    k.c[0].reason = kecs_str("ImagePullBackOff");
    k.c[0].message = kecs_str("Back-off");
    (void) see(&k);
    tap_is_int(k.t.stop_code, KECS_STOP_FAILED_TO_START, "backing off ends");
    tap_is_str(k.t.stopped_reason, "CannotPullContainerError: no such image",
               "reason of the first failure");
    tap_is_str(container(&k, "app")->reason,
               "CannotPullContainerError: no such image", "container too");
    tap_ok(k.step.stop, "to be stopped");

    k.o.deleting = true;
    k.o.failed = true;
    tap_is_int(see(&k), KECS_TASK_STOPPED, "STOPPED");
    tap_ok(k.t.started_at == 0, "never started");
    tap_ok(!container(&k, "app")->exit_code.set, "no exit code");
    done(&k);
}


static void
test_pull_recovers(void)
{
    kit_t  k;

    make(&k, BODY);
    k.o.placed = true;
    k.c[0].reason = kecs_str("ErrImagePull");
    (void) see(&k);
    tap_is_str(container(&k, "app")->reason,
               "CannotPullContainerError: ErrImagePull", "reason is shown");

    k.c[0].reason = kecs_null_str;
    run(&k);
    tap_is_int(k.t.status, KECS_TASK_RUNNING, "the second attempt works");
    tap_ok(container(&k, "app")->reason.data == NULL, "reason is gone");
    done(&k);
}


static void
test_start_failures(void)
{
    kit_t        k;
    unsigned     i;
    const char  *cases[][3] = {
        { "InvalidImageName", "CannotPullContainerError: why" },
        { "CreateContainerConfigError", "CannotCreateContainerError: why" },
        { "CreateContainerError", "CannotCreateContainerError: why" },
        { "CreateContainerConfigError", "ResourceInitializationError: unable"
          " to pull secrets or registry auth: secret \"x\" not found",
          "secret \"x\" not found" },
        { "RunContainerError", "CannotStartContainerError: why" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        make(&k, BODY);
        k.o.placed = true;
        k.c[0].reason = kecs_str_of(cases[i][0]);
        k.c[0].message = kecs_str_of(cases[i][2] ? cases[i][2] : "why");
        (void) see(&k);
        tap_is_str(k.t.stopped_reason, cases[i][1], "%s", cases[i][0]);
        tap_is_int(k.t.stop_code, KECS_STOP_FAILED_TO_START, "stop code");
        done(&k);
    }

    make(&k, BODY);
    k.o.placed = true;
    k.c[0].reason = kecs_str("StartError");
    k.c[0].message = kecs_str("no such file");
    k.c[0].phase = KECS_C_TERMINATED;
    k.c[0].has_exit = true;
    k.c[0].exit_code = 128;
    (void) see(&k);
    tap_is_str(k.t.stopped_reason, "CannotStartContainerError: no such file",
               "StartError");
    tap_ok(!container(&k, "app")->exit_code.set, "no exit code");
    done(&k);

    make(&k, BODY);
    k.o.placed = true;
    phase(&k, 0, KECS_C_RUNNING);
    k.c[1].reason = kecs_str("InvalidImageName");
    tap_is_int(see(&k), KECS_TASK_RUNNING,
               "a non-essential one that cannot start ends nothing");
    tap_is_str(container(&k, "side")->last_status, "STOPPED", "it is over");
    done(&k);
}


/* SUCCESS: the other ended otherwise; COMPLETE: only with the whole pod. */

static void
test_dependencies(void)
{
    kit_t        k;
    unsigned     i;

    static const char  *bodies[] = {
        "{\"containerDefinitions\":[{\"name\":\"app\",\"dependsOn\":[{"
        "\"containerName\":\"side\",\"condition\":\"SUCCESS\"}]},"
        "{\"name\":\"side\",\"essential\":false}]}",
        "{\"containerDefinitions\":[{\"name\":\"app\",\"dependsOn\":[{"
        "\"containerName\":\"side\",\"condition\":\"COMPLETE\"}]},"
        "{\"name\":\"side\",\"essential\":false}]}"
    };

    for (i = 0; i < 2; i++) {
        make(&k, bodies[i]);
        k.o.placed = true;
        phase(&k, 1, KECS_C_RUNNING);
        tap_is_int(see(&k), KECS_TASK_PENDING, "one waits for the other");

        phase(&k, 1, KECS_C_TERMINATED);
        tap_is_int(see(&k), KECS_TASK_PENDING, "which ends well");
        tap_is_int(k.t.desired, KECS_DESIRED_RUNNING, "that is fine");
        done(&k);

        make(&k, bodies[i]);
        k.o.placed = true;
        phase(&k, 1, KECS_C_TERMINATED);
        k.c[1].exit_code = 3;
        k.o.failed = true;
        (void) see(&k);
        tap_is_int(k.t.stop_code, KECS_STOP_FAILED_TO_START, "or does not");
        tap_is_str(k.t.stopped_reason, "CannotStartContainerError: dependency"
                   " graph: failed to resolve container ordering dependency"
                   " [side] for target [app] as dependency did not exit"
                   " successfully.", "the reason");
        tap_is_int(container(&k, "app")->exit_code.value, 143,
                   "the code of what never ran");
        tap_is_int(container(&k, "side")->exit_code.value, 3, "its own code");
        done(&k);
    }

    make(&k, bodies[1]);
    k.o.placed = true;
    phase(&k, 1, KECS_C_TERMINATED);
    k.c[1].exit_code = 3;
    (void) see(&k);
    tap_is_int(k.t.desired, KECS_DESIRED_RUNNING,
               "COMPLETE: where the pod goes on so does the task");
    done(&k);
}


/* A claim that is not there; other reasons to wait are no end. */

static void
test_volumes(void)
{
    kit_t  k;

    make(&k, BODY);
    k.o.n = 0;
    k.o.pending = kecs_str("0/2 nodes are available: 2 Insufficient cpu.");
    tap_is_int(see(&k), KECS_TASK_PROVISIONING, "no room: it waits");
    tap_is_int(k.t.desired, KECS_DESIRED_RUNNING, "and is wanted");

    k.o.pending = kecs_str("0/2 nodes are available: persistentvolumeclaim"
                           " \"fs-1\" not found.");
    (void) see(&k);
    tap_is_int(k.t.stop_code, KECS_STOP_FAILED_TO_START, "no such volume");
    tap_is_str(k.t.stopped_reason, "ResourceInitializationError: failed to"
               " mount volumes: 0/2 nodes are available:"
               " persistentvolumeclaim \"fs-1\" not found.", "its reason");
    done(&k);

    make(&k, BODY);
    k.o.n = 0;
    memcpy(k.o.task, k.t.id, KECS_ID_LEN);
    k.o.pending = kecs_str("persistentvolumeclaim \"ecs-"
                           "000102030405060708090a0b0c0d0e0f-data\" not"
                           " found.");
    (void) see(&k);
    tap_is_int(k.t.desired, KECS_DESIRED_RUNNING,
               "a claim of its own is waited for");
    done(&k);
}


/* Volumes configured at launch are attached before containers run. */

static void
test_launched(void)
{
    kit_t  k;

    make(&k, BODY);
    k.t.rec.part[KECS_TASK_ATTACHMENTS] =
        kecs_str("[{\"details\":[{\"name\":\"volumeName\",\"value\":"
                 "\"data\"}],\"id\":\"a-1\",\"status\":\"CREATED\","
                 "\"type\":\"AmazonElasticBlockStorage\"}]");
    k.o.placed = true;
    (void) see(&k);
    tap_ok(has(attachments(&k), "\"CREATED\""), "placed: not attached yet");
    phase(&k, 0, KECS_C_RUNNING);
    (void) see(&k);
    tap_ok(has(attachments(&k), "\"ATTACHED\"")
           && has(attachments(&k), "{\"name\":\"volumeId\",\"value\":"
                  "\"vol-008090a0b0c0d0e0f\"}"),
           "a container runs: it is, with an id");
    phase(&k, 1, KECS_C_RUNNING);
    (void) see(&k);
    (void) see(&k);
    tap_ok(!k.step.changed, "once");
    done(&k);
}


/* A container that somebody else put into the pod is none of ours. */

static void
test_injected(void)
{
    kit_t  k;

    make(&k, "{\"containerDefinitions\":[{\"name\":\"app\"},"
             "{\"name\":\"side\",\"essential\":false}]}");
    k.t.rec.part[KECS_TASK_CONTAINERS] = kecs_str("[" CONTAINER("app") "]");
    k.o.placed = true;
    k.c[1].name = kecs_str("istio-init");
    phase(&k, 0, KECS_C_RUNNING);
    phase(&k, 1, KECS_C_TERMINATED);
    tap_is_int(see(&k), KECS_TASK_RUNNING, "its end ends no task");
    done(&k);
}


static void
test_user_stop(void)
{
    kit_t  k;

    make(&k, BODY);
    run(&k);

    k.t.desired = KECS_DESIRED_STOPPED;
    k.t.stop_code = KECS_STOP_USER;
    k.t.stopped_reason = kecs_str("because");
    tap_is_int(see(&k), KECS_TASK_RUNNING, "RUNNING until it is under way");
    tap_ok(k.step.stop, "to be stopped");

    k.o.deleting = true;
    tap_is_int(see(&k), KECS_TASK_STOPPING, "STOPPING");

    phase(&k, 0, KECS_C_TERMINATED);
    phase(&k, 1, KECS_C_TERMINATED);
    tap_is_int(see(&k), KECS_TASK_STOPPED, "STOPPED");
    tap_is_int(k.t.stop_code, KECS_STOP_USER, "the code is kept");
    tap_is_str(k.t.stopped_reason, "because", "the reason is kept");
    done(&k);

    make(&k, BODY);
    k.t.desired = KECS_DESIRED_STOPPED;
    k.o.n = 0;
    k.o.deleting = true;
    tap_is_int(see(&k), KECS_TASK_STOPPED, "stopped before it was placed");
    done(&k);
}


static void
ends_so(kit_t *k, unsigned code, const char *reason, const char *name)
{
    (void) see(k);
    tap_is_int(k->t.stop_code, (int64_t) code, "%s: code", name);
    tap_is_str(k->t.stopped_reason, reason, "%s: reason", name);
}


static void
test_disruptions(void)
{
    kit_t  k;

    make(&k, BODY);
    run(&k);
    k.o.deleting = true;
    ends_so(&k, KECS_STOP_SCHEDULER, "Task stopped externally", "deleted");
    done(&k);

    make(&k, BODY);
    run(&k);
    k.o.gone = true;
    ends_so(&k, KECS_STOP_SCHEDULER, "Task stopped externally", "gone");
    tap_is_int(k.t.status, KECS_TASK_STOPPED, "at once");
    done(&k);

    make(&k, BODY);
    run(&k);
    k.o.node = kecs_str("n-1");
    k.o.deleting = true;
    k.o.reason = kecs_str("DeletionByTaintManager");
    ends_so(&k, KECS_STOP_TERMINATION_NOTICE,
            "Host EC2 (instance n-1) terminated.", "node lost");
    done(&k);

    make(&k, BODY);
    run(&k);
    k.o.failed = true;
    k.o.n = 0;
    k.o.reason = kecs_str("Evicted");
    k.o.message = kecs_str("disk pressure");
    ends_so(&k, KECS_STOP_TERMINATION_NOTICE,
            "Task was evicted from its host (Evicted): disk pressure",
            "evicted");
    tap_is_int(k.t.status, KECS_TASK_DEPROVISIONING, "all ended");
    done(&k);

    make(&k, BODY);
    k.o.failed = true;
    k.o.n = 0;
    k.o.reason = kecs_str("UnexpectedAdmissionError");
    k.o.message = kecs_str("no room");
    ends_so(&k, KECS_STOP_FAILED_TO_START, "UnexpectedAdmissionError: no room",
            "rejected");
    tap_ok(k.t.started_at == 0, "never started");
    done(&k);

    make(&k, BODY);
    run(&k);
    k.o.failed = true;
    k.o.reason = kecs_str("Meddled");
    k.o.message = kecs_str("by hand");
    ends_so(&k, KECS_STOP_TERMINATION_NOTICE, "Meddled: by hand",
            "given up after it ran");
    done(&k);
}


static void
test_health(void)
{
    kit_t  k;

    make(&k, CHECKED);
    tap_ok(kecs_task_checked(k.definition), "the definition has a check");
    run(&k);
    tap_is_int(k.t.health, KECS_HEALTH_UNKNOWN, "not yet checked");
    tap_is_int(k.step.again_at, k.c[0].started_at + 20000,
               "start period and retries bound it");

    k.now = k.step.again_at - 1;
    (void) kecs_task_overdue(k.a, &k.t, k.definition, k.now, &k.step);
    tap_ok(!k.step.changed, "not overdue yet");

    k.now++;
    (void) kecs_task_overdue(k.a, &k.t, k.definition, k.now, &k.step);
    tap_is_int(k.t.health, KECS_HEALTH_UNHEALTHY, "overdue: UNHEALTHY");
    tap_ok(k.step.changed, "that is a change");

    k.c[0].ready = true;
    (void) see(&k);
    tap_is_int(k.t.health, KECS_HEALTH_HEALTHY, "ready: HEALTHY");
    tap_is_str(container(&k, "app")->health_status, "HEALTHY", "container");
    tap_is_str(container(&k, "side")->health_status, "UNKNOWN", "no check");

    k.c[0].ready = false;
    (void) see(&k);
    tap_is_int(k.t.health, KECS_HEALTH_UNHEALTHY, "no longer: UNHEALTHY");

    tap_is_int((int64_t) container(&k, "app")->network_bindings.n, 1,
               "one mapping has a port of the host");
    tap_is_int(container(&k, "app")->network_bindings.items[0]
                   .host_port.value, 8080, "that port");
    done(&k);
}


/* The clock of the node is another one: what it says is put in order. */

static void
clocks(kecs_msec_t skew, const char *what)
{
    kit_t        k;
    kecs_msec_t  created;

    make(&k, BODY);
    created = k.t.created_at;
    k.o.placed = true;
    phase(&k, 0, KECS_C_RUNNING);
    phase(&k, 1, KECS_C_RUNNING);
    k.c[0].started_at += skew;
    k.c[1].started_at += skew;
    k.o.pull_started_at = k.c[0].started_at - 100;
    k.o.pull_stopped_at = k.c[0].started_at;
    tap_is_int(see(&k), KECS_TASK_RUNNING, "%s: RUNNING", what);
    tap_ok(created <= k.t.pull_started_at
           && k.t.pull_started_at <= k.t.pull_stopped_at
           && k.t.pull_stopped_at <= k.t.started_at
           && k.t.started_at <= k.now, "its start is in order");

    phase(&k, 0, KECS_C_TERMINATED);
    k.c[0].finished_at += skew;
    phase(&k, 1, KECS_C_TERMINATED);
    k.c[1].finished_at += skew;
    k.o.deleting = true;
    tap_is_int(see(&k), KECS_TASK_STOPPED, "%s: STOPPED", what);
    tap_ok(k.t.started_at <= k.t.execution_stopped_at
           && k.t.execution_stopped_at <= k.t.stopped_at
           && k.t.stopped_at <= k.now, "its end is");
    done(&k);
}


/* Our own clock is put back, at the end or when the task is lost. */

static void
put_back(bool lost)
{
    kit_t  k;

    make(&k, BODY);
    run(&k);
    k.now -= 3600 * 1000;

    if (lost) {
        k.rc = kecs_task_missing(k.a, &k.t, k.now, &k.step);

    } else {
        phase(&k, 0, KECS_C_TERMINATED);
        phase(&k, 1, KECS_C_TERMINATED);
        k.o.deleting = true;
        (void) see(&k);
    }

    tap_is_int(k.t.status, KECS_TASK_STOPPED, "our clock put back: STOPPED");
    tap_ok(k.t.started_at <= k.t.stopping_at
           && k.t.started_at <= k.t.execution_stopped_at
           && k.t.execution_stopped_at <= k.t.stopped_at
           && k.t.stopping_at <= k.t.stopped_at, "its end is after its "
           "start");
    done(&k);
}


static void
test_clocks(void)
{
    put_back(false);
    put_back(true);
    clocks(-3600 * 1000, "an hour behind");
    clocks(3600 * 1000, "an hour ahead");
}


/* The clock is put back: no time lies before the one it follows. */

static void
test_put_back(void)
{
    kit_t  k;

    make(&k, BODY);
    run(&k);
    k.now -= 3600 * 1000;
    phase(&k, 0, KECS_C_TERMINATED);
    phase(&k, 1, KECS_C_TERMINATED);
    k.o.gone = true;
    tap_is_int(see(&k), KECS_TASK_STOPPED, "it ends when it was put back");
    tap_ok(k.t.started_at >= k.t.created_at
           && k.t.stopping_at >= k.t.started_at
           && k.t.execution_stopped_at >= k.t.started_at
           && k.t.stopped_at >= k.t.execution_stopped_at,
           "its times are in order");
    done(&k);
}


static void
test_missing(void)
{
    kit_t  k;

    make(&k, BODY);
    k.rc = kecs_task_missing(k.a, &k.t, NOW, &k.step);
    tap_ok(k.rc == KECS_OK && !k.step.changed && !k.step.forget,
           "never started and wanted: to be started");

    k.t.desired = KECS_DESIRED_STOPPED;
    k.t.stop_code = KECS_STOP_USER;
    (void) kecs_task_missing(k.a, &k.t, NOW, &k.step);
    tap_is_int(k.t.status, KECS_TASK_STOPPED, "not wanted: STOPPED");
    tap_is_int(k.t.stop_code, KECS_STOP_USER, "code kept");
    tap_ok(k.t.stopped_at == NOW, "stopped now");
    done(&k);

    make(&k, BODY);
    run(&k);
    (void) kecs_task_missing(k.a, &k.t, k.now, &k.step);
    tap_is_int(k.t.status, KECS_TASK_STOPPED, "seen before: lost");
    tap_is_int(k.t.stop_code, KECS_STOP_TERMINATION_NOTICE, "its host is");
    tap_is_str(container(&k, "app")->last_status, "STOPPED", "containers");
    done(&k);

    make(&k, BODY);
    (void) kecs_task_refused(k.a, &k.t, kecs_str("no"), NOW, &k.step);
    tap_is_int(k.t.status, KECS_TASK_STOPPED, "refused: STOPPED");
    tap_is_int(k.t.stop_code, KECS_STOP_FAILED_TO_START, "stop code");
    tap_is_str(k.t.stopped_reason, "no", "reason");
    done(&k);
}


static void
test_grace(void)
{
    kit_t  k;

    make(&k, BODY);
    tap_is_int(kecs_task_grace(k.definition), 30, "the longest stop timeout");
    k.definition->container_definitions.n = 1;
    tap_is_int(kecs_task_grace(k.definition), 7, "as defined");
    done(&k);
}


/* Anything may be seen in any order. */

static void
randomize(kit_t *k, kecs_rand_t *r)
{
    unsigned     i;
    const char  *reasons[] = { "", "ErrImagePull", "ImagePullBackOff",
                               "OOMKilled", "StartError", "Evicted",
                               "NodeLost", "Whatever" };

    k->o.placed = kecs_rand_below(r, 2);
    k->o.deleting = kecs_rand_below(r, 8) == 0;
    k->o.failed = kecs_rand_below(r, 12) == 0;
    k->o.gone = kecs_rand_below(r, 20) == 0;
    k->o.reason = kecs_str_of(reasons[kecs_rand_below(r, 8)]);
    k->o.n = kecs_rand_below(r, 3);
    k->o.address = kecs_rand_below(r, 2) ? kecs_str("10.0.0.1")
                                         : kecs_null_str;

    for (i = 0; i < 2; i++) {
        k->c[i].phase = (kecs_container_phase_t) kecs_rand_below(r, 3);
        k->c[i].has_exit = kecs_rand_below(r, 2);
        k->c[i].ready = kecs_rand_below(r, 2);
        k->c[i].reason = kecs_str_of(reasons[kecs_rand_below(r, 8)]);
        k->c[i].started_at = kecs_rand_below(r, 2)
                             ? NOW + (kecs_msec_t) kecs_rand_below(r, 100000)
                               - 50000 : 0;
        k->c[i].finished_at = k->c[i].started_at;
    }

    if (kecs_rand_below(r, 15) == 0) {
        k->t.desired = KECS_DESIRED_STOPPED;
    }
}


static bool
kept(kecs_msec_t now, kecs_msec_t was)
{
    return was == 0 || now == was;
}


static bool
forwards(const kecs_task_t *t, const kecs_task_t *was)
{
    return t->status >= was->status
           && t->desired >= was->desired
           && t->version >= was->version
           && t->version <= was->version + 1
           && (was->stop_code == KECS_STOP_NONE
               || t->stop_code == was->stop_code)
           && kept(t->pull_started_at, was->pull_started_at)
           && kept(t->pull_stopped_at, was->pull_stopped_at)
           && kept(t->started_at, was->started_at)
           && kept(t->stopping_at, was->stopping_at)
           && kept(t->execution_stopped_at, was->execution_stopped_at)
           && kept(t->stopped_at, was->stopped_at)
           && (t->status != KECS_TASK_STOPPED
               || (t->stopped_at != 0 && t->stopping_at != 0
                   && t->execution_stopped_at != 0
                   && t->desired == KECS_DESIRED_STOPPED))
           && (t->status < KECS_TASK_STOPPING
               || t->desired == KECS_DESIRED_STOPPED);
}


static bool
ordered(const kecs_task_t *t)
{
    kecs_msec_t  last;

    last = t->created_at;

    if (t->pull_started_at != 0 && t->pull_started_at < last) {
        return false;
    }

    if (t->started_at != 0 && t->started_at < t->pull_stopped_at) {
        return false;
    }

    return t->stopped_at == 0
           || (t->stopped_at >= t->execution_stopped_at
               && t->stopped_at >= t->started_at);
}


static void
test_never_backwards(void)
{
    bool         fine;
    kit_t        k;
    unsigned     i, round, ended;
    kecs_rand_t  r;
    kecs_task_t  was;

    kecs_rand_seed(&r, 7);
    fine = true;
    ended = 0;

    for (round = 0; fine && round < 2000; round++) {
        make(&k, round % 2 ? BODY : CHECKED);

        for (i = 0; fine && i < 30; i++) {
            randomize(&k, &r);
            was = k.t;
            (void) see(&k);
            fine = k.rc == KECS_OK && forwards(&k.t, &was) && ordered(&k.t)
                   && (k.step.changed || k.t.version == was.version);
        }

        ended += k.t.status == KECS_TASK_STOPPED;
        done(&k);
    }

    tap_ok(fine, "no sequence of observations leads backwards (%u)", round);
    tap_ok(ended > 500 && ended < 2000, "some of them end (%u)", ended);
}


/*
 * Events of a runtime that get lost, come twice or in another order: a task
 * lives its life, of which each event shows a moment.  What is told last is
 * how it ended, as after a loss of contact.
 */

#define MOMENTS  7

typedef struct {
    kecs_observation_t     o;
    kecs_container_seen_t  c[2];
} moment_t;


static void
live(kit_t *k, int code, moment_t *life)
{
    unsigned  i;

    for (i = 0; i < MOMENTS; i++) {
        k->now += 1000;
        k->o.placed = i > 0;

        if (i == 2 || i == 3) {
            phase(k, i - 2, KECS_C_RUNNING);
        }

        if (i == 4 || i == 5) {
            phase(k, i - 4, KECS_C_TERMINATED);
            k->c[i - 4].exit_code = code;
        }

        life[i].o = k->o;
        memcpy(life[i].c, k->c, sizeof(k->c));
    }

    life[MOMENTS] = life[MOMENTS - 1];
    life[MOMENTS].o.gone = true;
}


/* False: it led backwards, or a second time to something else. */

static bool
tell(kit_t *k, const moment_t *m, unsigned times)
{
    bool         fine;
    unsigned     i;
    kecs_task_t  was;

    for (i = 0, fine = true; fine && i < times; i++) {
        was = k->t;
        k->o = m->o;
        memcpy(k->c, m->c, sizeof(k->c));
        k->o.containers = k->c;
        (void) see(k);
        fine = k->rc == KECS_OK && forwards(&k->t, &was) && ordered(&k->t)
               && (i == 0 || !k->step.changed);
    }

    return fine;
}


/* Each moment is told late, not at all, once or twice. */

static bool
tell_badly(kit_t *k, const moment_t *life, kecs_rand_t *r)
{
    bool      fine;
    unsigned  i, n, late;

    late = MOMENTS;

    for (i = 0, fine = true; fine && i < MOMENTS; i++) {
        n = (unsigned) kecs_rand_below(r, 4);

        if (n == 3 && late == MOMENTS) {
            late = i;
            continue;
        }

        fine = tell(k, &life[i], n < 3 ? n : 1);

        if (fine && late < MOMENTS && kecs_rand_below(r, 2)) {
            fine = tell(k, &life[late], 1);
            late = MOMENTS;
        }
    }

    return fine && tell(k, &life[MOMENTS - 1], 2)
           && tell(k, &life[MOMENTS], 2);
}


static bool
exited(kit_t *k, const char *name, int code)
{
    const kecs_ecs_container_t  *c;

    c = container(k, name);

    return c != NULL && c->exit_code.set && c->exit_code.value == code
           && kecs_str_is(c->last_status, "STOPPED");
}


static bool
ended_alike(kit_t *k, int code)
{
    return k->t.status == KECS_TASK_STOPPED
           && k->t.stop_code == KECS_STOP_ESSENTIAL_EXITED
           && k->t.started_at != 0 && exited(k, "app", code)
           && exited(k, "side", code);
}


static void
test_bad_events(void)
{
    int          code;
    bool         told, alike;
    kit_t        k;
    unsigned     round;
    moment_t     life[MOMENTS + 1];
    kecs_rand_t  r;

    kecs_rand_seed(&r, 11);
    told = alike = true;

    for (round = 0; told && alike && round < 3000; round++) {
        make(&k, BODY);
        code = (int) kecs_rand_below(&r, 3);
        live(&k, code, life);
        told = tell_badly(&k, life, &r);
        alike = ended_alike(&k, code);
        done(&k);
    }

    tap_ok(told, "lost, doubled and late events lead nowhere else (%u)",
           round);
    tap_ok(alike, "a task ends alike, whatever was told of it (%u)", round);
}


/* Each allocation may fail. */

static void
test_memory(void)
{
    kit_t     k;
    unsigned  i;
    bool      fine;

    fine = true;

    for (i = 1; i < 1000; i++) {
        make(&k, BODY);
        k.o.placed = true;
        k.o.address = kecs_str("10.0.0.1");
        k.o.node = kecs_str("n");
        phase(&k, 0, KECS_C_RUNNING);
        k.c[1].reason = kecs_str("ErrImagePull");

        kecs_arena_fail_after(k.a, i);
        (void) see(&k);
        fine &= k.rc == KECS_OK || k.rc == KECS_NOMEM;

        if (k.rc == KECS_OK) {
            done(&k);
            break;
        }

        done(&k);
    }

    tap_ok(fine && i > 10 && i < 1000, "out of memory is an error (%u)", i);
}


int
main(void)
{
    test_life();
    test_essential();
    test_quick_exit();
    test_restarts();
    test_last_ends();
    test_restart_stopped();
    test_pull();
    test_pull_recovers();
    test_start_failures();
    test_dependencies();
    test_injected();
    test_volumes();
    test_launched();
    test_user_stop();
    test_disruptions();
    test_health();
    test_clocks();
    test_put_back();
    test_missing();
    test_grace();
    test_never_backwards();
    test_bad_events();
    test_memory();

    return tap_done();
}
