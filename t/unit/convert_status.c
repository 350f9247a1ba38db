/*
 * Pods as the kubelet, the scheduler and the controllers leave them, and
 * what is made of them.
 */

#include "../../src/convert/pod_status.h"
#include "tap.h"


#define NAME   "\"name\":\"ecs-4f2a000102030405060708090a0b0c0d\""
#define META   "\"metadata\":{" NAME ",\"uid\":\"u-1\"}"
#define GOING  "\"metadata\":{" NAME ",\"uid\":\"u-1\"," \
               "\"deletionTimestamp\":\"2026-11-21T10:00:00Z\"}"

static kecs_arena_t        *arena;
static kecs_observation_t   o;


static kecs_rc_t
observe(const char *text)
{
    kecs_rc_t     rc;
    kecs_json_t  *pod;

    memset(&o, 0x55, sizeof(o));
    rc = kecs_json_parse(arena, kecs_str_of(text), &pod);

    return rc == KECS_OK ? kecs_pod_observe(arena, pod, &o) : rc;
}


static void
test_names(void)
{
    static const uint8_t  id[KECS_ID_LEN] = {
        0x4f, 0x2a, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
    };

    tap_is_int(observe("{\"metadata\":{" NAME ",\"uid\":\"u-1\","
                       "\"annotations\":{"
                       "\"ecs/containers\":\"[{\\\"name\\\":\\\"Main_1\\\","
                       "\\\"pod\\\":\\\"main-1-abcdef\\\"}]\","
                       "\"ecs/task-arn\":\"arn:t\","
                       "\"ecs/task-definition-arn\":\"arn:d\","
                       "\"ecs/group\":\"g\",\"ecs/started-by\":\"s\","
                       "\"ecs/launch-type\":\"EC2\"}},"
                       "\"status\":{\"podIP\":\"10.0.0.9\","
                       "\"containerStatuses\":["
                       "{\"name\":\"main-1-abcdef\"},{\"name\":\"x\"}]}}"),
               KECS_OK, "a pod");
    tap_ok(memcmp(o.task, id, KECS_ID_LEN) == 0, "its task");
    tap_is_str(o.handle, "u-1", "its uid");
    tap_is_str(o.address, "10.0.0.9", "its address");
    tap_is_str(o.task_arn, "arn:t", "its task's ARN");
    tap_is_str(o.definition_arn, "arn:d", "its definition's");
    tap_is_str(o.group, "g", "its group");
    tap_is_str(o.started_by, "s", "who started it");
    tap_is_str(o.launch, "EC2", "its launch type");
    tap_is_int((int64_t) o.n, 2, "two containers");
    tap_is_str(o.containers[0].name, "Main_1", "one by its ECS name");
    tap_is_str(o.containers[1].name, "x", "one that is not in the table");
    tap_ok(!o.gone && !o.placed && !o.deleting && !o.failed,
           "nothing more is known");

    tap_is_int(observe("{\"metadata\":{\"name\":\"web-0\"}}"), KECS_INVALID,
               "another pod");
    tap_is_int(observe("[]"), KECS_INVALID, "no pod");
    tap_is_int(observe("{}"), KECS_INVALID, "nothing");
    tap_is_int(observe("{" META "}"), KECS_OK, "a pod without a status");
    tap_is_int(observe("{" META ",\"spec\":[],\"status\":{\"podIP\":5,"
                       "\"conditions\":{},\"containerStatuses\":[[],null,"
                       "{\"state\":\"x\",\"ready\":1}]}}"), KECS_OK,
               "one of nonsense");
    tap_is_int(observe("{\"metadata\":{" NAME ",\"annotations\":{"
                       "\"ecs/containers\":\"[{\"}}}"), KECS_OK,
               "a table that is broken");
}


static void
test_pending(void)
{
    tap_is_int(observe("{" META ",\"status\":{\"phase\":\"Pending\","
                       "\"conditions\":[{\"type\":\"PodScheduled\","
                       "\"status\":\"False\",\"reason\":\"Unschedulable\","
                       "\"message\":\"0/2 nodes are available\"}]}}"),
               KECS_OK, "a pod without a place");
    tap_ok(!o.placed, "is not placed");
    tap_is_str(o.pending, "0/2 nodes are available", "and why");

    (void) observe("{" META ",\"status\":{\"conditions\":[{\"type\":"
                   "\"PodScheduled\",\"status\":\"False\","
                   "\"reason\":\"SchedulingGated\"}]}}");
    tap_is_str(o.pending, "SchedulingGated", "a reason without a message");

    (void) observe("{" META ",\"spec\":{\"nodeName\":\"n1\"},\"status\":{"
                   "\"phase\":\"Pending\",\"conditions\":["
                   "{\"type\":\"PodReadyToStartContainers\","
                   "\"status\":\"True\","
                   "\"lastTransitionTime\":\"2026-11-21T10:00:00Z\"},"
                   "{\"type\":\"PodScheduled\",\"status\":\"True\"}],"
                   "\"containerStatuses\":[{\"name\":\"a\",\"ready\":false,"
                   "\"image\":\"i\",\"imageID\":\"\","
                   "\"state\":{\"waiting\":{\"reason\":\"ErrImagePull\","
                   "\"message\":\"not found\"}}}]}}");
    tap_ok(o.placed && o.pending.data == NULL, "a place");
    tap_is_str(o.node, "n1", "its node");
    tap_is_int(o.containers[0].phase, KECS_C_WAITING, "it waits");
    tap_is_str(o.containers[0].reason, "ErrImagePull", "for");
    tap_is_str(o.containers[0].message, "not found", "because");
    tap_ok(o.containers[0].image_digest.data == NULL
           && !o.containers[0].has_exit, "nothing else is known");
    tap_is_int(o.pull_started_at, 1795255200000, "since when it pulls");
    tap_is_int(o.pull_stopped_at, 0, "and it still does");
}


static void
test_running(void)
{
    (void) observe("{" META ",\"spec\":{\"nodeName\":\"n1\"},\"status\":{"
                   "\"phase\":\"Running\",\"conditions\":["
                   "{\"type\":\"PodReadyToStartContainers\","
                   "\"status\":\"True\","
                   "\"lastTransitionTime\":\"2026-11-21T10:00:09Z\"}],"
                   "\"containerStatuses\":["
                   "{\"name\":\"a\",\"ready\":true,"
                   "\"imageID\":\"docker.io/library/i@sha256:ab12\","
                   "\"containerID\":\"containerd://c0ffee\","
                   "\"state\":{\"running\":{"
                   "\"startedAt\":\"2026-11-21T10:00:05Z\"}}},"
                   "{\"name\":\"b\",\"ready\":false,"
                   "\"imageID\":\"sha256:ab12\","
                   "\"state\":{\"terminated\":{\"exitCode\":137,"
                   "\"reason\":\"OOMKilled\",\"message\":\"m\","
                   "\"startedAt\":\"2026-11-21T10:00:06Z\","
                   "\"finishedAt\":\"2026-11-21T10:01:06Z\"}}}]}}");
    tap_is_int(o.containers[0].phase, KECS_C_RUNNING, "one runs");
    tap_ok(o.containers[0].ready, "and is ready");
    tap_is_str(o.containers[0].image_digest, "sha256:ab12", "its image");
    tap_is_str(o.containers[0].runtime_id, "c0ffee", "its id");
    tap_is_int(o.containers[0].started_at, 1795255205000, "since when");
    tap_is_int(o.containers[1].phase, KECS_C_TERMINATED, "one has ended");
    tap_ok(o.containers[1].has_exit, "with a code");
    tap_is_int(o.containers[1].exit_code, 137, "which");
    tap_is_str(o.containers[1].reason, "OOMKilled", "for a reason");
    tap_is_str(o.containers[1].message, "m", "with a message");
    tap_is_int(o.containers[1].finished_at, 1795255266000, "when");
    tap_ok(o.containers[1].image_digest.data == NULL,
           "an image's id alone is no digest");
    tap_is_int(o.pull_stopped_at, 1795255205000, "the pull was over");
    tap_is_int(o.pull_started_at, 1795255205000, "and began before that");
    tap_ok(!o.failed, "the task as a whole has not failed");
}


static void
test_ends(void)
{
    (void) observe("{" META ",\"spec\":{\"nodeName\":\"n1\"},\"status\":{"
                   "\"phase\":\"Failed\",\"containerStatuses\":[{\"name\":"
                   "\"a\",\"state\":{\"terminated\":{\"exitCode\":1}}}]}}");
    tap_ok(!o.failed && o.reason.data == NULL,
           "containers that ended explain a pod that has failed");

    (void) observe("{" META ",\"status\":{\"phase\":\"Failed\","
                   "\"reason\":\"Evicted\",\"message\":\"low on memory\"}}");
    tap_ok(o.failed, "evicted before it ran");
    tap_is_str(o.reason, "Evicted", "why");
    tap_is_str(o.message, "low on memory", "in words");

    (void) observe("{" META ",\"status\":{\"phase\":\"Failed\","
                   "\"containerStatuses\":[{\"name\":\"a\",\"state\":{"
                   "\"running\":{}}}]}}");
    tap_ok(o.failed, "failed although a container runs: its node is lost");

    (void) observe("{" GOING ",\"spec\":{\"nodeName\":\"n1\"},\"status\":{"
                   "\"phase\":\"Running\",\"conditions\":["
                   "{\"type\":\"DisruptionTarget\",\"status\":\"True\","
                   "\"reason\":\"DeletionByTaintManager\","
                   "\"message\":\"Taint manager: deleting\"}],"
                   "\"containerStatuses\":[{\"name\":\"a\",\"state\":{"
                   "\"running\":{}}}]}}");
    tap_ok(o.deleting && !o.failed, "taken from a node that is lost");
    tap_is_str(o.reason, "DeletionByTaintManager", "why");
    tap_is_str(o.message, "Taint manager: deleting", "in words");

    (void) observe("{" META ",\"status\":{\"phase\":\"Failed\","
                   "\"reason\":\"Evicted\",\"message\":\"disk\","
                   "\"conditions\":[{\"type\":\"DisruptionTarget\","
                   "\"status\":\"True\",\"reason\":\"TerminationByKubelet\","
                   "\"message\":\"x\"}]}}");
    tap_is_str(o.reason, "TerminationByKubelet", "the condition tells more");
    tap_is_str(o.message, "disk", "than the reason, not than the message");

    (void) observe("{" META ",\"status\":{\"conditions\":[{\"type\":"
                   "\"DisruptionTarget\",\"status\":\"False\","
                   "\"reason\":\"X\"}]}}");
    tap_ok(o.reason.data == NULL, "a condition that does not hold");

    (void) observe("{" GOING ",\"status\":{\"phase\":\"Pending\"}}");
    tap_ok(o.deleting && !o.placed, "deleted before it had a place");
}


/* Any text in place of any other, and no memory: never anything worse. */

static void
test_robust(void)
{
    size_t         i;
    unsigned       n;
    kecs_rc_t      rc;
    kecs_json_t   *pod;
    kecs_arena_t  *a;
    char           text[700];

    static const char  whole[] =
        "{" GOING ",\"spec\":{\"nodeName\":\"n\"},\"status\":{"
        "\"phase\":\"Failed\",\"reason\":\"r\",\"podIP\":\"1\","
        "\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"True\"},"
        "{\"type\":\"DisruptionTarget\",\"status\":\"True\"}],"
        "\"containerStatuses\":[{\"name\":\"a\",\"imageID\":\"x@y:z\","
        "\"containerID\":\"c://d\",\"ready\":true,\"state\":{"
        "\"terminated\":{\"exitCode\":1,\"finishedAt\":"
        "\"2026-11-21T10:00:00Z\"}}}]}}";

    a = kecs_arena_create(0);

    for (i = 0, n = 0; i < sizeof(whole) - 1; i++) {
        kecs_arena_reset(a);
        memcpy(text, whole, sizeof(whole));
        text[i] = text[i] == '"' ? 'x' : text[i] == '{' ? '[' : '0';

        if (kecs_json_parse(a, kecs_str_of(text), &pod) == KECS_OK) {
            n++;
            (void) kecs_pod_observe(a, pod, &o);
        }
    }

    tap_ok(n > 100, "%u pods with one wrong character", n);
    kecs_arena_destroy(a);

    for (n = 1, rc = KECS_NOMEM; rc == KECS_NOMEM && n < 100; n++) {
        a = kecs_arena_create(0);
        (void) kecs_json_parse(arena, kecs_str_of(whole), &pod);
        kecs_arena_fail_after(a, n);
        rc = kecs_pod_observe(a, pod, &o);
        kecs_arena_destroy(a);
    }

    tap_ok(rc == KECS_OK && n > 1, "without memory");
}


/* Init containers come first; who has ended once has ended. */

static void
test_init(void)
{
    tap_is_int(observe("{" META ",\"status\":{\"phase\":\"Running\","
                       "\"containerStatuses\":[{\"name\":\"app\",\"state\":{"
                       "\"waiting\":{\"reason\":\"PodInitializing\"}}}],"
                       "\"initContainerStatuses\":["
                       "{\"name\":\"step\",\"state\":{"
                       "\"terminated\":{\"exitCode\":0}}},{\"name\":\"side\","
                       "\"restartCount\":1,\"state\":{\"running\":{"
                       "\"startedAt\":\"2026-11-21T10:00:09Z\"}},"
                       "\"lastState\":{\"terminated\":{\"exitCode\":4,"
                       "\"finishedAt\":\"2026-11-21T10:00:00Z\"}}}]}}"),
               KECS_OK, "a pod with init containers");
    tap_is_int((int64_t) o.n, 3, "init containers are containers");
    tap_is_str(o.containers[0].name, "step", "they come first");
    tap_is_int(o.containers[0].phase, KECS_C_TERMINATED, "one has ended");
    tap_is_int(o.containers[1].phase, KECS_C_RUNNING,
               "a sidecar that runs again");
    tap_ok(o.containers[1].before != NULL
           && o.containers[1].before->phase == KECS_C_TERMINATED
           && o.containers[1].before->exit_code == 4, "and how it ended");
    tap_is_int(o.containers[2].phase, KECS_C_WAITING, "the others wait");
}


/* Whether a container that has ended is started anew. */

#define RULE(op, codes)                                                      \
    "\"restartPolicy\":\"Never\",\"restartPolicyRules\":[{\"action\":"       \
    "\"Restart\",\"exitCodes\":{\"operator\":\"" op "\",\"values\":["         \
    codes "]}}]"

static void
again(const char *meta, const char *policy, const char *phase, bool want,
    const char *what)
{
    char  text[2048];

    (void) snprintf(text, sizeof(text),
                    "{%s,\"spec\":{\"restartPolicy\":\"Never\","
                    "\"containers\":[{\"name\":\"x\",\"restartPolicy\":"
                    "\"Always\"},{\"name\":\"a\"%s%s}]},\"status\":{"
                    "\"phase\":\"%s\",\"containerStatuses\":[{\"name\":"
                    "\"a\",\"state\":{\"terminated\":{\"exitCode\":3}}}]}}",
                    meta, policy[0] ? "," : "", policy, phase);

    tap_ok(observe(text) == KECS_OK
           && o.containers[0].phase == KECS_C_TERMINATED
           && o.containers[0].again == want, "%s", what);
}


static void
test_again(void)
{
    again(META, "", "Running", false, "without a policy");
    again(META, "\"restartPolicy\":\"Always\"", "Running", true, "always");
    again(META, "\"restartPolicy\":\"Never\"", "Running", false, "never");
    again(META, RULE("NotIn", ""), "Running", true, "but for none");
    again(META, RULE("NotIn", "1,2"), "Running", true, "but for others");
    again(META, RULE("NotIn", "1,3"), "Running", false, "but for this");
    again(META, RULE("In", "3"), "Running", true, "for this");
    again(META, RULE("In", "4"), "Running", false, "for another");
    again(META, RULE("NotIn", ""), "Failed", false, "the pod has failed");
    again(META, RULE("NotIn", ""), "Succeeded", false, "it has ended");
    again(GOING, RULE("NotIn", ""), "Running", false, "it is taken away");
}


/* Whether the image's own repository has it by the digest that is shown. */

static void
pinned(const char *image, const char *id, bool want)
{
    char  text[512];

    (void) snprintf(text, sizeof(text),
                    "{" META ",\"spec\":{\"containers\":[{\"name\":\"a\","
                    "\"image\":\"%s\"}]},\"status\":{"
                    "\"containerStatuses\":[{\"name\":\"a\","
                    "\"imageID\":\"%s\"}]}}", image, id);

    tap_ok(observe(text) == KECS_OK && o.containers[0].by_digest == want,
           "%s: %s", image, id);
}


static void
test_pinned(void)
{
    pinned("nginx:1", "docker.io/library/nginx@sha256:ab", true);
    pinned("team/app", "docker.io/team/app@sha256:ab", true);
    pinned("localhost:5000/app:1", "localhost:5000/app@sha256:ab", true);
    pinned("localhost:5000/app", "localhost:5000/app@sha256:ab", true);
    pinned("app@sha256:ab", "docker.io/library/app@sha256:ab", true);
    pinned("nginx:1", "docker.io/library/import-2026@sha256:ab", false);
    pinned("nginx:1", "mirror/library/nginx@sha256:ab", false);
    pinned("nginx:1", "sha256:ab", false);
    pinned("nginx:1", "", false);
}


int
main(void)
{
    arena = kecs_arena_create(0);

    test_names();
    test_pending();
    test_running();
    test_ends();
    test_robust();
    test_init();
    test_again();
    test_pinned();

    kecs_arena_destroy(arena);

    return tap_done();
}
