/*
 * Tasks on container instances: StartTask and what it takes of them, what
 * their agents tell, protection against scale-in, ExecuteCommand.
 */

#include "callkit.h"


#define keep  callkit_keep

#define INVALID  "InvalidParameterException"
#define NONE     "0123456789abcdef0123456789abcdef"
#define ARN      CALLKIT_ARN "container-instance/default/"

#define WEB                                                                  \
    "{\"family\":\"web\",\"containerDefinitions\":["                         \
    "{\"name\":\"app\",\"image\":\"nginx:1\",\"cpu\":512,\"memory\":1024,"   \
    "\"portMappings\":[{\"containerPort\":80,\"hostPort\":8080},"            \
    "{\"containerPort\":53,\"hostPort\":53,\"protocol\":\"udp\"},"           \
    "{\"containerPort\":90}]},"                                              \
    "{\"name\":\"log\",\"image\":\"fluent:2\",\"essential\":false,"          \
    "\"memoryReservation\":64}]}"

#define PLAIN                                                                \
    "{\"family\":\"plain\",\"containerDefinitions\":["                       \
    "{\"name\":\"app\",\"image\":\"nginx:1\",\"cpu\":1024,"                  \
    "\"memory\":64}]}"

#define ENI                                                                  \
    "{\"family\":\"eni\",\"networkMode\":\"awsvpc\","                        \
    "\"containerDefinitions\":[{\"name\":\"app\",\"image\":\"nginx:1\","     \
    "\"memory\":64}]}"

#define FARGATE                                                              \
    "{\"family\":\"far\",\"networkMode\":\"awsvpc\",\"cpu\":\"256\","         \
    "\"memory\":\"512\",\"requiresCompatibilities\":[\"FARGATE\"],"           \
    "\"containerDefinitions\":[{\"name\":\"app\",\"image\":\"nginx:1\"}]}"

#define VPC                                                                  \
    "\"networkConfiguration\":{\"awsvpcConfiguration\":{"                    \
    "\"subnets\":[\"subnet-1\"]}}"

#define REGISTER(more)                                                       \
    "{\"totalResources\":["                                                  \
    "{\"name\":\"CPU\",\"type\":\"INTEGER\",\"integerValue\":2048},"         \
    "{\"name\":\"MEMORY\",\"type\":\"INTEGER\",\"integerValue\":3768},"      \
    "{\"name\":\"PORTS\",\"type\":\"STRINGSET\","                            \
    "\"stringSetValue\":[\"22\"]},"                                          \
    "{\"name\":\"PORTS_UDP\",\"type\":\"STRINGSET\","                        \
    "\"stringSetValue\":[]}],\"attributes\":["                               \
    "{\"name\":\"ecs.availability-zone\",\"value\":\"us-east-1a\"}" more "]}"

#define ENI_ATTRIBUTES                                                       \
    ",{\"name\":\"ecs.capability.task-eni\"},"                               \
    "{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.18\"}"

typedef struct {
    callkit_t  k;
    char       one[256];            /* an instance that takes awsvpc */
    char       two[256];            /* one that does not */
} setup_t;


/* A text with %s for up to three values. */

static char  text[4096];

static const char *
with(const char *fmt, const char *a, const char *b, const char *c)
{
    (void) snprintf(text, sizeof(text), fmt, a, b, c);

    return text;
}


static void
open_with(setup_t *s)
{
    callkit_t  *k;

    k = &s->k;
    callkit_open(k);
    (void) callkit(k, "CreateCluster", "{}");
    (void) callkit(k, "RegisterTaskDefinition", WEB);
    (void) callkit(k, "RegisterTaskDefinition", PLAIN);
    (void) callkit(k, "RegisterTaskDefinition", ENI);
    callkit_ok(k, "taskDefinition.revision", "1", "definitions");

    (void) callkit(k, "RegisterContainerInstance", REGISTER(ENI_ATTRIBUTES));
    (void) keep(k, "containerInstance.containerInstanceArn", s->one,
                sizeof(s->one));
    (void) callkit(k, "RegisterContainerInstance", REGISTER(""));
    (void) keep(k, "containerInstance.containerInstanceArn", s->two,
                sizeof(s->two));
}


/* StartTask. */

static void
test_start(void)
{
    setup_t  s;

    open_with(&s);
    (void) callkit(&s.k, "StartTask",
                   with("{\"taskDefinition\":\"web\",\"startedBy\":\"me\","
                        "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}],"
                        "\"containerInstances\":[\"%s\",\"%s\",\"" NONE
                        "\"]}", s.one, s.two + strlen(ARN), NULL));
    callkit_ok(&s.k, "tasks", "[2]", "start");
    callkit_ok(&s.k, "tasks.0.containerInstanceArn", s.one, "start");
    callkit_ok(&s.k, "tasks.1.containerInstanceArn", s.two, "start");
    callkit_ok(&s.k, "tasks.0.launchType", "EC2", "start");
    callkit_ok(&s.k, "tasks.0.lastStatus", "PENDING", "start");
    callkit_ok(&s.k, "tasks.0.availabilityZone", "us-east-1a", "start");
    callkit_ok(&s.k, "tasks.0.group", "family:web", "start");
    callkit_ok(&s.k, "tasks.0.startedBy", "me", "start");
    callkit_ok(&s.k, "tasks.0.tags.0.key", "a", "start");
    callkit_ok(&s.k, "failures", "[1]", "start");
    callkit_ok(&s.k, "failures.0.arn", ARN NONE, "start");
    callkit_ok(&s.k, "failures.0.reason", "MISSING", "start");

    (void) callkit(&s.k, "DescribeContainerInstances",
                   with("{\"containerInstances\":[\"%s\"]}", s.one, NULL,
                        NULL));
    callkit_ok(&s.k, "containerInstances.0.pendingTasksCount", "1", "taken");
    callkit_ok(&s.k, "containerInstances.0.runningTasksCount", "0", "taken");
    callkit_ok(&s.k, "containerInstances.0.registeredResources.0"
               ".integerValue", "2048", "taken");
    callkit_ok(&s.k, "containerInstances.0.remainingResources.0"
               ".integerValue", "1536", "taken");
    callkit_ok(&s.k, "containerInstances.0.remainingResources.1"
               ".integerValue", "2680", "taken");
    callkit_ok(&s.k, "containerInstances.0.remainingResources.2"
               ".stringSetValue.1", "8080", "taken");
    callkit_ok(&s.k, "containerInstances.0.remainingResources.2"
               ".stringSetValue", "[2]", "taken");
    callkit_ok(&s.k, "containerInstances.0.remainingResources.3"
               ".stringSetValue.0", "53", "taken");

    (void) callkit(&s.k, "ListContainerInstances",
                   "{\"filter\":\"task:group == family:web\"}");
    callkit_ok(&s.k, "containerInstanceArns", "[2]", "by their tasks");

    callkit_close(&s.k);
}


/* RunTask: the instance is chosen. */

static void
run(setup_t *s, const char *count, const char *more)
{
    (void) callkit(&s->k, "RunTask",
                   with("{\"taskDefinition\":\"plain\",\"count\":%s%s}",
                        count, more, NULL));
}


static void
on_each(setup_t *s, const char *one, const char *two, const char *what)
{
    (void) callkit(&s->k, "ListTasks",
                   with("{\"containerInstance\":\"%s\"}", s->one, NULL,
                        NULL));
    callkit_ok(&s->k, "taskArns", one, what);
    (void) callkit(&s->k, "ListTasks",
                   with("{\"containerInstance\":\"%s\"}", s->two, NULL,
                        NULL));
    callkit_ok(&s->k, "taskArns", two, what);
}


static void
test_run(void)
{
    setup_t  s;

    open_with(&s);
    run(&s, "2", "");
    callkit_ok(&s.k, "tasks", "[2]", "run");
    callkit_ok(&s.k, "tasks.0.availabilityZone", "us-east-1a", "the zone");
    on_each(&s, "[1]", "[1]", "one on each");

    run(&s, "4", "");
    callkit_ok(&s.k, "tasks", "[2]", "as many as fit");
    callkit_ok(&s.k, "failures", "[2]", "and why not more");
    callkit_ok(&s.k, "failures.0.reason", "RESOURCE:CPU", "the reason");
    on_each(&s, "[2]", "[2]", "both are full");
    callkit_close(&s.k);

    open_with(&s);
    run(&s, "2", ",\"placementStrategy\":[{\"type\":\"binpack\","
        "\"field\":\"memory\"}]");
    (void) callkit(&s.k, "ListContainerInstances",
                   "{\"filter\":\"task:group == family:plain\"}");
    callkit_ok(&s.k, "containerInstanceArns", "[1]", "packed on one");
    callkit_close(&s.k);
}


static void
test_constraints(void)
{
    setup_t  s;

    open_with(&s);
    run(&s, "3", ",\"placementConstraints\":[{\"type\":"
        "\"distinctInstance\"}]");
    callkit_ok(&s.k, "tasks", "[2]", "distinct instances");
    callkit_ok(&s.k, "failures.1.reason",
               "DistinctInstance placement constraint unsatisfied.",
               "and no more");
    on_each(&s, "[1]", "[1]", "one on each");

    run(&s, "1", ",\"placementConstraints\":[{\"type\":\"memberOf\","
        "\"expression\":\"attribute:ecs.capability.task-eni exists\"}]");
    callkit_ok(&s.k, "tasks.0.containerInstanceArn", s.one, "memberOf");
    callkit_ok(&s.k, "failures", "[0]", "nothing failed");

    run(&s, "1", ",\"placementConstraints\":[{\"type\":\"memberOf\","
        "\"expression\":\"attribute:ecs.availability-zone == x\"}]");
    callkit_ok(&s.k, "tasks", "[0]", "memberOf nothing");
    callkit_ok(&s.k, "failures", "[2]", "each says why");

    (void) callkit(&s.k, "UpdateContainerInstancesState",
                   with("{\"containerInstances\":[\"%s\",\"%s\"],"
                        "\"status\":\"DRAINING\"}", s.one, s.two, NULL));
    callkit_error(&s.k, "RunTask", "{\"taskDefinition\":\"plain\"}", 400,
                  INVALID,
                  "No Container Instances were found in your cluster.");
    callkit_close(&s.k);
}


static void
expect_failure(setup_t *s, const char *in, const char *reason)
{
    (void) callkit(&s->k, "StartTask", in);
    callkit_ok(&s->k, "tasks", "[0]", reason);
    callkit_ok(&s->k, "failures.0.reason", reason, reason);
}


static void
test_refusals(void)
{
    char     task[256];
    setup_t  s;

    open_with(&s);
    (void) callkit(&s.k, "StartTask",
                   with("{\"taskDefinition\":\"web\","
                        "\"containerInstances\":[\"%s\"]}", s.one, NULL,
                        NULL));
    (void) keep(&s.k, "tasks.0.taskArn", task, sizeof(task));

    expect_failure(&s, with("{\"taskDefinition\":\"web\","
                            "\"containerInstances\":[\"%s\"]}", s.one, NULL,
                            NULL), "RESOURCE:PORTS");
    expect_failure(&s, with("{\"taskDefinition\":\"web\",\"overrides\":{"
                            "\"containerOverrides\":[{\"name\":\"app\","
                            "\"cpu\":4096}]},"
                            "\"containerInstances\":[\"%s\"]}", s.one, NULL,
                            NULL), "RESOURCE:CPU");
    expect_failure(&s, with("{\"taskDefinition\":\"web\",\"overrides\":{"
                            "\"memory\":\"8192\"},"
                            "\"containerInstances\":[\"%s\"]}", s.one, NULL,
                            NULL), "RESOURCE:MEMORY");
    expect_failure(&s, with("{\"taskDefinition\":\"eni\"," VPC ","
                            "\"containerInstances\":[\"%s\"]}", s.two, NULL,
                            NULL), "ATTRIBUTE");

    (void) callkit(&s.k, "StartTask",
                   with("{\"taskDefinition\":\"plain\","
                        "\"containerInstances\":[\"%s\",\"%s\"]}", s.two,
                        s.two, NULL));
    callkit_ok(&s.k, "tasks", "[2]", "two fit");
    expect_failure(&s, with("{\"taskDefinition\":\"plain\","
                            "\"containerInstances\":[\"%s\"]}", s.two, NULL,
                            NULL), "RESOURCE:CPU");

    (void) callkit(&s.k, "UpdateContainerInstancesState",
                   with("{\"status\":\"DRAINING\","
                        "\"containerInstances\":[\"%s\"]}", s.one, NULL,
                        NULL));
    expect_failure(&s, with("{\"taskDefinition\":\"eni\"," VPC ","
                            "\"containerInstances\":[\"%s\"]}", s.one, NULL,
                            NULL), "INACTIVE");

    callkit_error(&s.k, "DeregisterContainerInstance",
                  with("{\"containerInstance\":\"%s\"}", s.one, NULL, NULL),
                  400, INVALID, "Found running tasks on the instance.");
    (void) callkit(&s.k, "DeregisterContainerInstance",
                   with("{\"containerInstance\":\"%s\",\"force\":true}",
                        s.one, NULL, NULL));
    callkit_ok(&s.k, "containerInstance.status", "INACTIVE", "forced");
    (void) callkit(&s.k, "DescribeTasks",
                   with("{\"tasks\":[\"%s\"]}", task, NULL, NULL));
    callkit_ok(&s.k, "tasks.0.desiredStatus", "STOPPED", "forced");
    callkit_ok(&s.k, "tasks.0.stoppedReason",
               "Container instance deregistration forced by user",
               "forced");
    expect_failure(&s, with("{\"taskDefinition\":\"plain\","
                            "\"containerInstances\":[\"%s\"]}", s.one, NULL,
                            NULL), "INACTIVE");

    callkit_close(&s.k);
}


static const char *const  bad_starts[][3] = {
    { "{\"taskDefinition\":\"web\",\"containerInstances\":[]}",
      "ClientException", "Container Instances cannot be empty." },
    { "{\"taskDefinition\":\"web\",\"containerInstances\":[\"1\",\"2\","
      "\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\"]}", INVALID,
      "Container Instances cannot have more than 10 elements." },
    { "{\"taskDefinition\":\"web\",\"containerInstances\":[\"1\"]}", INVALID,
      "instanceId length should be one of [32,36]" },
    { "{\"taskDefinition\":\"none\",\"containerInstances\":[\"1\"]}",
      "ClientException", "TaskDefinition not found." },
    { "{\"taskDefinition\":\"eni\",\"containerInstances\":[\"1\"]}", INVALID,
      "Network Configuration must be provided when networkMode 'awsvpc' is"
      " specified." },
    { "{\"taskDefinition\":\"web\",\"containerInstances\":[\"1\"],"
      "\"propagateTags\":\"SERVICE\"}", INVALID,
      "Invalid value for propagateTags" },
    { "{\"taskDefinition\":\"web\",\"containerInstances\":[\"1\"],"
      "\"overrides\":{\"containerOverrides\":[{\"name\":\"x\"}]}}", INVALID,
      "Override for container named x is not a container in the"
      " TaskDefinition." },
    { "{\"taskDefinition\":\"web\",\"containerInstances\":[\"1\"],"
      "\"volumeConfigurations\":[{\"name\":\"v\"}]}",
      INVALID, "The volume name 'v' in your request does not have a matching"
      " volume in your Task Definition" },
    { "{\"taskDefinition\":\"web\",\"containerInstances\":[\"1\"],"
      "\"cluster\":\"none\"}", "ClusterNotFoundException",
      "Cluster not found." }
};


static void
test_start_errors(void)
{
    size_t   i;
    setup_t  s;

    open_with(&s);

    for (i = 0; i < sizeof(bad_starts) / sizeof(bad_starts[0]); i++) {
        callkit_error(&s.k, "StartTask", bad_starts[i][0], 400,
                      bad_starts[i][1], bad_starts[i][2]);
    }

    (void) callkit(&s.k, "StartTask", "{}");
    tap_is_int(s.k.status, 400, "members are required");
    callkit_close(&s.k);
}


static void
test_external(void)
{
    char     arn[256];
    setup_t  s;

    open_with(&s);
    (void) callkit(&s.k, "RegisterContainerInstance",
                   REGISTER(",{\"name\":\"ecs.capability.external\"}"));
    (void) keep(&s.k, "containerInstance.containerInstanceArn", arn,
                sizeof(arn));
    (void) callkit(&s.k, "StartTask",
                   with("{\"taskDefinition\":\"plain\","
                        "\"containerInstances\":[\"%s\"]}", arn, NULL,
                        NULL));
    callkit_ok(&s.k, "tasks.0.launchType", "EXTERNAL", "outside AWS");
    callkit_close(&s.k);
}


/* ListTasks by instance. */

static void
listed(setup_t *s, const char *in, const char *n)
{
    (void) callkit(&s->k, "ListTasks", in);
    callkit_ok(&s->k, "taskArns", n, in);
}


static void
test_list(void)
{
    char     task[256];
    setup_t  s;

    open_with(&s);
    (void) callkit(&s.k, "StartTask",
                   with("{\"taskDefinition\":\"plain\","
                        "\"containerInstances\":[\"%s\",\"%s\"]}", s.one,
                        s.two, NULL));
    (void) keep(&s.k, "tasks.0.taskArn", task, sizeof(task));
    (void) callkit(&s.k, "StartTask",
                   with("{\"taskDefinition\":\"web\",\"group\":"
                        "\"daemon:logs\",\"containerInstances\":[\"%s\"]}",
                        s.one, NULL, NULL));
    (void) callkit(&s.k, "RunTask", "{\"taskDefinition\":\"plain\"}");

    listed(&s, "{}", "[4]");
    listed(&s, with("{\"containerInstance\":\"%s\"}", s.one, NULL, NULL),
           "[2]");
    listed(&s, with("{\"containerInstance\":\"%s\"}", s.two + strlen(ARN),
                    NULL, NULL), "[2]");
    listed(&s, with("{\"containerInstance\":\"%s\",\"family\":\"web\"}",
                    s.one, NULL, NULL), "[1]");
    listed(&s, with("{\"containerInstance\":\"%s\",\"launchType\":"
                    "\"FARGATE\"}", s.one, NULL, NULL), "[0]");
    listed(&s, "{\"daemonName\":\"logs\"}", "[1]");
    listed(&s, "{\"daemonName\":\"none\"}", "[0]");

    (void) callkit(&s.k, "StopTask",
                   with("{\"task\":\"%s\"}", task, NULL, NULL));
    listed(&s, with("{\"containerInstance\":\"%s\"}", s.one, NULL, NULL),
           "[1]");
    listed(&s, with("{\"containerInstance\":\"%s\",\"desiredStatus\":"
                    "\"STOPPED\"}", s.one, NULL, NULL), "[1]");
    callkit_ok(&s.k, "taskArns.0", task, "the stopped one");

    callkit_close(&s.k);
}


/* The agent's calls. */

static void
test_poll_endpoint(void)
{
    setup_t  s;

    open_with(&s);
    callkit_error(&s.k, "DiscoverPollEndpoint", "{}", 400, INVALID,
                  "The request names no host at which an endpoint could"
                  " be.");

    s.k.host = kecs_str("ecs.test:8080");
    (void) callkit(&s.k, "DiscoverPollEndpoint",
                   with("{\"containerInstance\":\"%s\"}", s.one, NULL,
                        NULL));
    callkit_ok(&s.k, "endpoint", "http://ecs.test:8080/", "poll");
    callkit_ok(&s.k, "telemetryEndpoint", "http://ecs.test:8080/", "poll");
    callkit_ok(&s.k, "serviceConnectEndpoint", "http://ecs.test:8080/",
               "poll");
    callkit_error(&s.k, "DiscoverPollEndpoint",
                  "{\"containerInstance\":\"" NONE "\"}", 400, INVALID,
                  "The referenced container instance was not found.");
    callkit_error(&s.k, "DiscoverPollEndpoint", "{\"cluster\":\"none\"}",
                  400, "ClusterNotFoundException", "Cluster not found.");
    callkit_close(&s.k);
}


/* A running task of two containers; text[] is used. */

static void
start_one(setup_t *s, const char *definition, const char *more, char *task,
    size_t size)
{
    (void) callkit(&s->k, "StartTask",
                   with("{\"taskDefinition\":\"%s\"%s,"
                        "\"containerInstances\":[\"%s\"]}", definition, more,
                        s->one));
    callkit_ok(&s->k, "tasks", "[1]", definition);
    (void) keep(&s->k, "tasks.0.taskArn", task, size);
}


static void
shown(setup_t *s, const char *task)
{
    (void) callkit(&s->k, "DescribeTasks",
                   with("{\"tasks\":[\"%s\"]}", task, NULL, NULL));
}


static void
test_task_state(void)
{
    char     task[256];
    setup_t  s;

    open_with(&s);
    start_one(&s, "web", ",\"enableExecuteCommand\":true", task,
              sizeof(task));

    s.k.now += 1000;
    (void) callkit(&s.k, "SubmitTaskStateChange",
                   with("{\"task\":\"%s\",\"status\":\"RUNNING\","
                        "\"pullStartedAt\":1789551556.7,"
                        "\"pullStoppedAt\":1789551557,\"containers\":["
                        "{\"containerName\":\"app\",\"status\":\"RUNNING\","
                        "\"runtimeId\":\"r1\",\"imageDigest\":\"sha256:1\","
                        "\"networkBindings\":[{\"containerPort\":90,"
                        "\"hostPort\":32768,\"protocol\":\"tcp\","
                        "\"bindIP\":\"0.0.0.0\"}]}],\"managedAgents\":["
                        "{\"containerName\":\"app\",\"managedAgentName\":"
                        "\"ExecuteCommandAgent\",\"status\":\"RUNNING\"}]}",
                        task, NULL, NULL));
    callkit_ok(&s.k, "acknowledgment", "ACK", "running");
    shown(&s, task);
    callkit_ok(&s.k, "tasks.0.lastStatus", "RUNNING", "running");
    callkit_ok(&s.k, "tasks.0.startedAt", "1789551557.693", "running");
    callkit_ok(&s.k, "tasks.0.pullStartedAt", "1789551556.700", "running");
    callkit_ok(&s.k, "tasks.0.connectivity", "CONNECTED", "running");
    callkit_ok(&s.k, "tasks.0.version", "2", "running");
    callkit_ok(&s.k, "tasks.0.containers.0.lastStatus", "RUNNING",
               "running");
    callkit_ok(&s.k, "tasks.0.containers.0.runtimeId", "r1", "running");
    callkit_ok(&s.k, "tasks.0.containers.0.networkBindings.0.hostPort",
               "32768", "running");
    callkit_ok(&s.k, "tasks.0.containers.0.managedAgents.0.lastStatus",
               "RUNNING", "running");
    callkit_ok(&s.k, "tasks.0.containers.1.lastStatus", "PENDING",
               "running");

    (void) callkit(&s.k, "SubmitTaskStateChange",
                   with("{\"task\":\"%s\",\"status\":\"PENDING\"}", task,
                        NULL, NULL));
    shown(&s, task);
    callkit_ok(&s.k, "tasks.0.lastStatus", "RUNNING", "never backwards");
    callkit_ok(&s.k, "tasks.0.version", "2", "never backwards");

    (void) callkit(&s.k, "SubmitContainerStateChange",
                   with("{\"task\":\"%s\",\"containerName\":\"app\","
                        "\"status\":\"STOPPED\",\"exitCode\":3,"
                        "\"reason\":\"oops\"}", task, NULL, NULL));
    callkit_ok(&s.k, "acknowledgment", "ACK", "container");
    shown(&s, task);
    callkit_ok(&s.k, "tasks.0.containers.0.exitCode", "3", "container");
    callkit_ok(&s.k, "tasks.0.containers.0.reason", "oops", "container");

    (void) callkit(&s.k, "SubmitTaskStateChange",
                   with("{\"task\":\"%s\",\"status\":\"STOPPED\"}", task,
                        NULL, NULL));
    shown(&s, task);
    callkit_ok(&s.k, "tasks.0.lastStatus", "STOPPED", "stopped");
    callkit_ok(&s.k, "tasks.0.desiredStatus", "STOPPED", "stopped");
    callkit_ok(&s.k, "tasks.0.stopCode", "EssentialContainerExited",
               "stopped");
    callkit_ok(&s.k, "tasks.0.stoppedReason",
               "Essential container in task exited", "stopped");
    callkit_ok(&s.k, "tasks.0.containers.1.lastStatus", "STOPPED",
               "stopped");

    (void) callkit(&s.k, "DescribeContainerInstances",
                   with("{\"containerInstances\":[\"%s\"]}", s.one, NULL,
                        NULL));
    callkit_ok(&s.k, "containerInstances.0.remainingResources.0"
               ".integerValue", "2048", "given back");

    callkit_close(&s.k);
}


static void
test_task_fails(void)
{
    char     task[256];
    setup_t  s;

    open_with(&s);
    start_one(&s, "web", "", task, sizeof(task));
    (void) callkit(&s.k, "SubmitTaskStateChange",
                   with("{\"task\":\"%s\",\"status\":\"STOPPED\","
                        "\"reason\":\"CannotPullContainerError: no\"}",
                        task, NULL, NULL));
    shown(&s, task);
    callkit_ok(&s.k, "tasks.0.stopCode", "TaskFailedToStart", "failed");
    callkit_ok(&s.k, "tasks.0.stoppedReason", "CannotPullContainerError: no",
               "failed");
    callkit_close(&s.k);
}


static void
test_attachments(void)
{
    char     task[256], id[100];
    setup_t  s;

    open_with(&s);
    start_one(&s, "eni", "," VPC, task, sizeof(task));
    callkit_ok(&s.k, "tasks.0.attachments.0.status", "PRECREATED", "awsvpc");
    (void) keep(&s.k, "tasks.0.attachments.0.id", id, sizeof(id));

    (void) callkit(&s.k, "SubmitAttachmentStateChanges",
                   with("{\"attachments\":[{\"attachmentArn\":\""
                        CALLKIT_ARN "attachment/%s\",\"status\":"
                        "\"ATTACHED\"}]}", id, NULL, NULL));
    callkit_ok(&s.k, "acknowledgment", "ACK", "attachment");
    shown(&s, task);
    callkit_ok(&s.k, "tasks.0.attachments.0.status", "ATTACHED",
               "attachment");

    (void) callkit(&s.k, "SubmitTaskStateChange",
                   with("{\"task\":\"%s\",\"attachments\":["
                        "{\"attachmentArn\":\"" CALLKIT_ARN "attachment/%s\","
                        "\"status\":\"DETACHED\"}]}", task, id, NULL));
    shown(&s, task);
    callkit_ok(&s.k, "tasks.0.attachments.0.status", "DETACHED",
               "with its task");
    callkit_error(&s.k, "SubmitAttachmentStateChanges",
                  "{\"attachments\":[{\"attachmentArn\":\"x\",\"status\":"
                  "\"ATTACHED\"}]}", 400, INVALID,
                  "The referenced attachment was not found.");
    callkit_close(&s.k);
}


static void
test_agent_errors(void)
{
    char     task[256];
    setup_t  s;

    open_with(&s);
    (void) callkit(&s.k, "RegisterTaskDefinition", FARGATE);
    (void) callkit(&s.k, "RunTask", "{\"taskDefinition\":\"far\","
                   "\"launchType\":\"FARGATE\"," VPC "}");
    (void) keep(&s.k, "tasks.0.taskArn", task, sizeof(task));
    callkit_error(&s.k, "SubmitTaskStateChange",
                  with("{\"task\":\"%s\",\"status\":\"STOPPED\"}", task,
                       NULL, NULL), 400, INVALID,
                  "The referenced task was not found.");
    callkit_error(&s.k, "SubmitContainerStateChange",
                  "{\"task\":\"" NONE "\",\"containerName\":\"app\"}", 400,
                  INVALID, "The referenced task was not found.");
    callkit_error(&s.k, "SubmitTaskStateChange", "{\"cluster\":\"none\"}",
                  400, "ClusterNotFoundException", "Cluster not found.");

    start_one(&s, "web", "", task, sizeof(task));
    callkit_error(&s.k, "SubmitTaskStateChange",
                  with("{\"task\":\"%s\",\"status\":\"ODD\"}", task, NULL,
                       NULL), 400, INVALID, "ODD is no status of a task.");
    callkit_error(&s.k, "SubmitContainerStateChange",
                  with("{\"task\":\"%s\",\"containerName\":\"x\"}", task,
                       NULL, NULL), 400, INVALID,
                  "The container x does not exist in the task.");
    callkit_error(&s.k, "SubmitContainerStateChange",
                  with("{\"task\":\"%s\",\"containerName\":\"app\","
                       "\"status\":\"ODD\"}", task, NULL, NULL), 400,
                  INVALID, "ODD is no status of a container.");
    callkit_close(&s.k);
}


/* ExecuteCommand. */

#define NOT_ENABLED                                                          \
    "The execute command failed because execute command was not enabled"     \
    " when the task was run or the execute command agent isn\xe2\x80\x99t"   \
    " running. Wait and try again or run a new task with execute command"    \
    " enabled and try again."

#define EXEC  "{\"task\":\"%s\",\"command\":\"ls\",\"interactive\":true"

static void
test_execute(void)
{
    char     task[256];
    setup_t  s;

    open_with(&s);
    start_one(&s, "web", ",\"enableExecuteCommand\":true", task,
              sizeof(task));
    callkit_error(&s.k, "ExecuteCommand",
                  with(EXEC ",\"container\":\"app\"}", task, NULL, NULL),
                  400, INVALID, NOT_ENABLED);

    (void) callkit(&s.k, "SubmitTaskStateChange",
                   with("{\"task\":\"%s\",\"status\":\"RUNNING\","
                        "\"managedAgents\":[{\"containerName\":\"app\","
                        "\"managedAgentName\":\"ExecuteCommandAgent\","
                        "\"status\":\"RUNNING\"}]}", task, NULL, NULL));
    callkit_error(&s.k, "ExecuteCommand",
                  with(EXEC ",\"container\":\"app\"}", task, NULL, NULL),
                  400, "TargetNotConnectedException",
                  "The execute command failed due to an internal error. Try"
                  " again later.");
    callkit_error(&s.k, "ExecuteCommand",
                  with(EXEC ",\"container\":\"log\"}", task, NULL, NULL),
                  400, INVALID, NOT_ENABLED);
    callkit_error(&s.k, "ExecuteCommand", with(EXEC "}", task, NULL, NULL),
                  400, INVALID, "A container name must be specified for"
                  " tasks that have multiple containers.");
    callkit_error(&s.k, "ExecuteCommand",
                  with(EXEC ",\"container\":\"x\"}", task, NULL, NULL), 400,
                  INVALID, "The container x does not exist in the task.");
    callkit_error(&s.k, "ExecuteCommand", with(EXEC "}", NONE, NULL, NULL),
                  400, INVALID, "The referenced task was not found.");
    callkit_error(&s.k, "ExecuteCommand",
                  "{\"task\":\"x\",\"command\":\"\",\"interactive\":true}",
                  400, INVALID, "Command can not be blank.");
    callkit_error(&s.k, "ExecuteCommand",
                  "{\"task\":\"x\",\"command\":\"ls\",\"interactive\":false}",
                  400, INVALID, "Interactive is the only mode that is"
                  " supported currently.");
    (void) callkit(&s.k, "ExecuteCommand", "{}");
    tap_is_int(s.k.status, 400, "members are required");
    callkit_close(&s.k);
}


/* Protection. */

static void
to_service(kecs_task_t *t, kecs_msec_t now)
{
    (void) now;
    t->service = 1;
}


static void
open_service(setup_t *s, char (*task)[256], size_t n)
{
    char    path[40];
    size_t  i;

    open_with(s);
    (void) callkit(&s->k, "CreateService", "{\"serviceName\":\"web\","
                   "\"taskDefinition\":\"plain\",\"desiredCount\":2}");
    callkit_ok(&s->k, "service.status", "ACTIVE", "a service of two");
    (void) callkit(&s->k, "RunTask", "{\"taskDefinition\":\"plain\","
                   "\"count\":4}");

    for (i = 0; i < n; i++) {
        (void) snprintf(path, sizeof(path), "tasks.%zu.taskArn", i);
        (void) keep(&s->k, path, task[i], 256);
    }

    for (i = 0; i + 1 < n; i++) {
        tap_is_int(callkit_change(&s->k, task[i], to_service), KECS_OK,
                   "of the service");
    }
}


#define PROTECT  "{\"cluster\":\"default\",\"protectionEnabled\":true,"      \
                 "\"tasks\":[\"%s\"]}"

static void
test_protection(void)
{
    char     task[4][256];
    setup_t  s;

    open_service(&s, task, 4);

    (void) callkit(&s.k, "UpdateTaskProtection",
                   with("{\"cluster\":\"default\",\"protectionEnabled\":true,"
                        "\"expiresInMinutes\":10,\"tasks\":[\"%s\",\"%s\",\""
                        NONE "\"]}", task[0], task[3], NULL));
    callkit_ok(&s.k, "protectedTasks", "[1]", "protect");
    callkit_ok(&s.k, "protectedTasks.0.taskArn", task[0], "protect");
    callkit_ok(&s.k, "protectedTasks.0.protectionEnabled", "true",
               "protect");
    callkit_ok(&s.k, "protectedTasks.0.expirationDate", "1789552156.693",
               "ten minutes");
    callkit_ok(&s.k, "failures", "[2]", "protect");
    callkit_ok(&s.k, "failures.0.reason", "TASK_NOT_VALID",
               "not of a service");
    callkit_ok(&s.k, "failures.0.arn", task[3], "not of a service");
    callkit_ok(&s.k, "failures.1.reason", "MISSING", "not there");

    (void) callkit(&s.k, "UpdateTaskProtection",
                   with(PROTECT, task[1], NULL, NULL));
    callkit_ok(&s.k, "protectedTasks.0.expirationDate", "1789558756.693",
               "two hours");

    (void) callkit(&s.k, "UpdateTaskProtection",
                   with(PROTECT, task[2], NULL, NULL));
    callkit_ok(&s.k, "failures.0.reason", "DEPLOYMENT_BLOCKED",
               "more than the service is to have");
    (void) callkit(&s.k, "UpdateTaskProtection",
                   with(PROTECT, task[1], NULL, NULL));
    callkit_ok(&s.k, "protectedTasks", "[1]", "once more");

    s.k.now += 601 * 1000;
    (void) callkit(&s.k, "GetTaskProtection",
                   with("{\"cluster\":\"default\",\"tasks\":[\"%s\",\"%s\","
                        "\"%s\"]}", task[0], task[1], task[3]));
    callkit_ok(&s.k, "protectedTasks", "[2]", "get");
    callkit_ok(&s.k, "protectedTasks.0.protectionEnabled", "false",
               "it has ended");
    callkit_ok(&s.k, "protectedTasks.0.expirationDate", NULL,
               "it has ended");
    callkit_ok(&s.k, "protectedTasks.1.protectionEnabled", "true", "get");
    callkit_ok(&s.k, "failures.0.reason", "TASK_NOT_VALID", "get");

    (void) callkit(&s.k, "UpdateTaskProtection",
                   with("{\"cluster\":\"default\",\"protectionEnabled\":false"
                        ",\"tasks\":[\"%s\"]}", task[1], NULL, NULL));
    callkit_ok(&s.k, "protectedTasks.0.protectionEnabled", "false", "off");

    callkit_close(&s.k);
}


static void
test_protection_errors(void)
{
    setup_t  s;

    open_with(&s);
    callkit_error(&s.k, "UpdateTaskProtection", "{\"cluster\":\"default\","
                  "\"protectionEnabled\":true,\"tasks\":[]}", 400, INVALID,
                  "Tasks cannot be empty.");
    callkit_error(&s.k, "UpdateTaskProtection", "{\"cluster\":\"default\","
                  "\"protectionEnabled\":true,\"tasks\":[\"1\",\"2\",\"3\","
                  "\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\"]}", 400,
                  INVALID, "Tasks cannot have more than 10 elements.");
    callkit_error(&s.k, "UpdateTaskProtection", "{\"cluster\":\"default\","
                  "\"protectionEnabled\":true,\"tasks\":[\"1\"],"
                  "\"expiresInMinutes\":2881}", 400, INVALID,
                  "expiresInMinutes must be between 1 and 2880.");
    callkit_error(&s.k, "GetTaskProtection", "{\"cluster\":\"default\"}",
                  400, INVALID, "Tasks cannot be empty.");
    callkit_error(&s.k, "GetTaskProtection", "{\"cluster\":\"none\","
                  "\"tasks\":[\"1\"]}", 400, "ClusterNotFoundException",
                  "Cluster not found.");
    (void) callkit(&s.k, "UpdateTaskProtection", "{}");
    tap_is_int(s.k.status, 400, "members are required");
    callkit_close(&s.k);
}


static void
test_memory(void)
{
    char     task[4][256], id[100];
    setup_t  s;

    open_service(&s, task, 4);
    callkit_sweep(&s.k, "UpdateTaskProtection",
                  with("{\"cluster\":\"default\",\"protectionEnabled\":true,"
                       "\"tasks\":[\"%s\",\"%s\"]}", task[0], task[3],
                       NULL));
    callkit_sweep(&s.k, "GetTaskProtection",
                  with("{\"cluster\":\"default\",\"tasks\":[\"%s\",\"%s\"]}",
                       task[0], task[3], NULL));
    callkit_sweep(&s.k, "StartTask",
                  with("{\"taskDefinition\":\"web\","
                       "\"containerInstances\":[\"%s\",\"" NONE "\"]}",
                       s.one, NULL, NULL));
    start_one(&s, "eni", "," VPC, task[0], sizeof(task[0]));
    (void) keep(&s.k, "tasks.0.attachments.0.id", id, sizeof(id));
    callkit_sweep(&s.k, "SubmitAttachmentStateChanges",
                  with("{\"attachments\":[{\"attachmentArn\":\"%s\","
                       "\"status\":\"ATTACHED\"}]}", id, NULL, NULL));
    callkit_sweep(&s.k, "SubmitTaskStateChange",
                  with("{\"task\":\"%s\",\"status\":\"RUNNING\","
                       "\"containers\":[{\"containerName\":\"app\","
                       "\"status\":\"RUNNING\"}]}", task[0], NULL, NULL));
    callkit_sweep(&s.k, "ListTasks",
                  with("{\"containerInstance\":\"%s\",\"daemonName\":\"a\"}",
                       s.one, NULL, NULL));
    callkit_sweep(&s.k, "DeregisterContainerInstance",
                  with("{\"containerInstance\":\"%s\",\"force\":true}",
                       s.one, NULL, NULL));
    callkit_close(&s.k);
}


int
main(void)
{
    test_start();
    test_run();
    test_constraints();
    test_refusals();
    test_start_errors();
    test_external();
    test_list();
    test_poll_endpoint();
    test_task_state();
    test_task_fails();
    test_attachments();
    test_agent_errors();
    test_execute();
    test_protection();
    test_protection_errors();
    test_memory();

    return tap_done();
}
