/*
 * Tasks: RunTask with its rules and tokens, StopTask, DescribeTasks,
 * ListTasks, the counters, and what the service scheduler is given.
 */

#include "callkit.h"


#define keep    callkit_keep
#define change  callkit_change
#define listed(k, in, n)  callkit_list(k, "ListTasks", in, "taskArns", n)

#define BRIDGE                                                               \
    "{\"family\":\"web\",\"tags\":[{\"key\":\"team\",\"value\":\"def\"},"    \
    "{\"key\":\"tier\",\"value\":\"front\"}],\"containerDefinitions\":["     \
    "{\"name\":\"app\",\"image\":\"nginx:1\",\"cpu\":128,\"memory\":256,"    \
    "\"portMappings\":[{\"containerPort\":80}]},"                            \
    "{\"name\":\"log\",\"image\":\"fluent:2\",\"essential\":false,"          \
    "\"memoryReservation\":64}]}"

#define FARGATE                                                              \
    "{\"family\":\"api\",\"networkMode\":\"awsvpc\",\"cpu\":\"256\","        \
    "\"memory\":\"512\",\"requiresCompatibilities\":[\"FARGATE\"],"          \
    "\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"api:3\"}]}"

#define VPC                                                                  \
    "\"networkConfiguration\":{\"awsvpcConfiguration\":{"                    \
    "\"subnets\":[\"subnet-1\"]}}"

#define ON_FARGATE  "\"taskDefinition\":\"api\",\"launchType\":\"FARGATE\","

#define INVALID  "InvalidParameterException"


static void
open_with(callkit_t *k)
{
    callkit_open(k);
    (void) callkit(k, "CreateCluster", "{}");
    (void) callkit(k, "RegisterTaskDefinition", BRIDGE);
    callkit_ok(k, "taskDefinition.revision", "1", "web is registered");
    (void) callkit(k, "RegisterTaskDefinition", FARGATE);
    callkit_ok(k, "taskDefinition.revision", "1", "api is registered");
}


/* A copy of a text of the last answer that outlives the next call. */

static const char *
fill(char *to, size_t size, const char *fmt, const char *value)
{
    (void) snprintf(to, size, fmt, value);

    return to;
}


/* What the reconciler does with a task. */

static void
to_running(kecs_task_t *t, kecs_msec_t now)
{
    t->status = KECS_TASK_RUNNING;
    t->started_at = now;
    t->version++;
}


static void
to_stopped(kecs_task_t *t, kecs_msec_t now)
{
    t->status = KECS_TASK_STOPPED;
    t->desired = KECS_DESIRED_STOPPED;
    t->stopped_at = now;
    t->version++;
}


static void
counts(callkit_t *k, uint32_t running, uint32_t pending, uint32_t live)
{
    uint32_t       scope;
    kecs_txn_t    *txn;
    kecs_counts_t  n;

    memset(&n, 0, sizeof(n));

    if (kecs_read_begin(k->store, &txn) == KECS_OK) {
        (void) kecs_scope_get(txn, k->account, k->region, false, &scope);
        (void) kecs_counts(txn, scope, 1, 0, 0, &n);
        kecs_read_end(txn);
    }

    tap_ok(n.running == running && n.pending == pending && n.live == live,
           "counters: %u running, %u pending, %u live", running, pending,
           live);
}


/* What RunTask answers. */

static void
test_bridge(void)
{
    callkit_t  k;

    open_with(&k);
    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"web\"}");

    callkit_ok(&k, "tasks", "[1]", "RunTask");
    callkit_ok(&k, "failures", "[0]", "RunTask");
    callkit_ok(&k, "tasks.0.lastStatus", "PENDING", "bridge");
    callkit_ok(&k, "tasks.0.desiredStatus", "RUNNING", "bridge");
    callkit_ok(&k, "tasks.0.launchType", "EC2", "default launch type");
    callkit_ok(&k, "tasks.0.group", "family:web", "default group");
    callkit_ok(&k, "tasks.0.version", "1", "bridge");
    callkit_ok(&k, "tasks.0.createdAt", "1789551556.693", "bridge");
    callkit_ok(&k, "tasks.0.cpu", "128", "sum of containers");
    callkit_ok(&k, "tasks.0.memory", "320", "sum of containers");
    callkit_ok(&k, "tasks.0.attachments", "[0]", "bridge");
    callkit_ok(&k, "tasks.0.tags", "[0]", "bridge");
    callkit_ok(&k, "tasks.0.enableExecuteCommand", "false", "bridge");
    callkit_ok(&k, "tasks.0.attributes.0.name", "ecs.cpu-architecture",
               "bridge");
    callkit_ok(&k, "tasks.0.attributes.0.value", "x86_64", "bridge");
    callkit_ok(&k, "tasks.0.overrides.containerOverrides", "[2]", "bridge");
    callkit_ok(&k, "tasks.0.overrides.containerOverrides.1.name", "log",
               "bridge");
    callkit_ok(&k, "tasks.0.overrides.containerOverrides.1", "{1}",
               "nothing is overridden");
    callkit_ok(&k, "tasks.0.overrides.inferenceAcceleratorOverrides", "[0]",
               "bridge");
    callkit_ok(&k, "tasks.0.clusterArn", CALLKIT_ARN "cluster/default",
               "bridge");
    callkit_ok(&k, "tasks.0.taskDefinitionArn",
               CALLKIT_ARN "task-definition/web:1", "bridge");
    callkit_ok(&k, "tasks.0.containers", "[2]", "bridge");
    callkit_ok(&k, "tasks.0.containers.0.name", "app", "container");
    callkit_ok(&k, "tasks.0.containers.0.image", "nginx:1", "container");
    callkit_ok(&k, "tasks.0.containers.0.cpu", "128", "container");
    callkit_ok(&k, "tasks.0.containers.0.memory", "256", "container");
    callkit_ok(&k, "tasks.0.containers.0.lastStatus", "PENDING",
               "container");
    callkit_ok(&k, "tasks.0.containers.0.networkBindings", "[0]",
               "container");
    callkit_ok(&k, "tasks.0.containers.0.networkInterfaces", "[0]",
               "container");
    callkit_ok(&k, "tasks.0.containers.0.exitCode", NULL, "container");
    callkit_ok(&k, "tasks.0.containers.0.managedAgents", NULL, "container");
    callkit_ok(&k, "tasks.0.containers.1.cpu", "0", "container");
    callkit_ok(&k, "tasks.0.containers.1.memory", NULL, "container");
    callkit_ok(&k, "tasks.0.containers.1.memoryReservation", "64",
               "container");
    callkit_ok(&k, "tasks.0.platformVersion", NULL, "not FARGATE");
    callkit_ok(&k, "tasks.0.platformFamily", NULL, "not FARGATE");
    callkit_ok(&k, "tasks.0.ephemeralStorage", NULL, "not FARGATE");
    callkit_ok(&k, "tasks.0.containerInstanceArn", NULL, "no instance");
    callkit_ok(&k, "tasks.0.capacityProviderName", NULL, "no provider");
    callkit_ok(&k, "tasks.0.startedAt", NULL, "not known");
    callkit_ok(&k, "tasks.0.stopCode", NULL, "not known");
    callkit_ok(&k, "tasks.0.startedBy", NULL, "not given");

    counts(&k, 0, 1, 1);
    callkit_close(&k);
}


static void
test_fargate(void)
{
    char        arn[256], id[256];
    callkit_t   k;

    open_with(&k);
    (void) callkit(&k, "RunTask", "{" ON_FARGATE VPC ",\"count\":2,"
                   "\"startedBy\":\"me\",\"group\":\"mine\","
                   "\"enableExecuteCommand\":true}");

    callkit_ok(&k, "tasks", "[2]", "count");
    callkit_ok(&k, "tasks.0.lastStatus", "PROVISIONING", "awsvpc");
    callkit_ok(&k, "tasks.0.launchType", "FARGATE", "awsvpc");
    callkit_ok(&k, "tasks.0.platformVersion", "1.4.0", "awsvpc");
    callkit_ok(&k, "tasks.0.platformFamily", "Linux", "awsvpc");
    callkit_ok(&k, "tasks.0.cpu", "256", "awsvpc");
    callkit_ok(&k, "tasks.0.memory", "512", "awsvpc");
    callkit_ok(&k, "tasks.0.ephemeralStorage.sizeInGiB", "20", "awsvpc");
    callkit_ok(&k, "tasks.0.fargateEphemeralStorage.sizeInGiB", "20",
               "awsvpc");
    callkit_ok(&k, "tasks.0.group", "mine", "awsvpc");
    callkit_ok(&k, "tasks.0.startedBy", "me", "awsvpc");
    callkit_ok(&k, "tasks.0.enableExecuteCommand", "true", "awsvpc");
    callkit_ok(&k, "tasks.0.containers.0.managedAgents.0.name",
               "ExecuteCommandAgent", "execute command");
    callkit_ok(&k, "tasks.0.containers.0.networkBindings", NULL, "awsvpc");
    callkit_ok(&k, "tasks.0.attachments.0.type", "ElasticNetworkInterface",
               "attachment");
    callkit_ok(&k, "tasks.0.attachments.0.status", "PRECREATED",
               "attachment");
    callkit_ok(&k, "tasks.0.attachments.0.details.0.name", "subnetId",
               "attachment");
    callkit_ok(&k, "tasks.0.attachments.0.details.0.value", "subnet-1",
               "attachment");

    (void) keep(&k, "tasks.0.taskArn", arn, sizeof(arn));
    (void) keep(&k, "tasks.0.containers.0.containerArn", id, sizeof(id));
    callkit_ok(&k, "tasks.0.containers.0.taskArn", arn, "container");
    tap_ok(strstr(arn, CALLKIT_ARN "task/default/") == arn
           && strlen(arn) == strlen(CALLKIT_ARN "task/default/") + 32,
           "task ARN %s", arn);
    tap_ok(strstr(id, CALLKIT_ARN "container/default/") == id
           && strlen(id) == strlen(CALLKIT_ARN "container/default/") + 69
           && strstr(id, arn + strlen(arn) - 32) != NULL,
           "container ARN %s", id);

    callkit_close(&k);
}


static void
test_overrides(void)
{
    callkit_t  k;

    open_with(&k);
    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"web\","
                   "\"overrides\":{\"taskRoleArn\":\"\","
                   "\"executionRoleArn\":\"arn:aws:iam::1:role/x\","
                   "\"containerOverrides\":[{\"name\":\"log\",\"cpu\":64,"
                   "\"command\":[\"a\",\"b\"],\"environment\":"
                   "[{\"name\":\"A\",\"value\":\"1\"}]},"
                   "{\"cpu\":0,\"memory\":0}]}}");
    callkit_ok(&k, "tasks.0.overrides.containerOverrides", "[2]",
               "one for each container");
    callkit_ok(&k, "tasks.0.overrides.containerOverrides.0.name", "app",
               "order of the definition");
    callkit_ok(&k, "tasks.0.overrides.containerOverrides.1.command.1", "b",
               "overrides");
    callkit_ok(&k, "tasks.0.overrides.taskRoleArn", NULL, "empty role");
    callkit_ok(&k, "tasks.0.overrides.executionRoleArn",
               "arn:aws:iam::1:role/x", "role");
    callkit_ok(&k, "tasks.0.containers.1.cpu", "64", "container");
    callkit_ok(&k, "tasks.0.cpu", "192", "sum");

    (void) callkit(&k, "RunTask", "{" ON_FARGATE VPC ",\"overrides\":"
                   "{\"cpu\":\"1 vCPU\",\"memory\":\"2 GB\","
                   "\"ephemeralStorage\":{\"sizeInGiB\":30}}}");
    callkit_ok(&k, "tasks.0.cpu", "1024", "task override");
    callkit_ok(&k, "tasks.0.memory", "2048", "task override");
    callkit_ok(&k, "tasks.0.overrides.cpu", "1024", "task override");
    callkit_ok(&k, "tasks.0.ephemeralStorage.sizeInGiB", "30", "override");

    callkit_close(&k);
}


/* What the definition's runtime platform makes of a task. */

static void
test_platform(void)
{
    callkit_t  k;

    open_with(&k);
    (void) callkit(&k, "RegisterTaskDefinition", "{\"family\":\"arm\","
                   "\"runtimePlatform\":{\"cpuArchitecture\":\"ARM64\"},"
                   "\"containerDefinitions\":[{\"name\":\"a\","
                   "\"image\":\"b\",\"memory\":64}]}");
    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"arm\"}");
    callkit_ok(&k, "tasks.0.attributes.0.value", "arm64", "architecture");

    (void) callkit(&k, "RegisterTaskDefinition", "{\"family\":\"win\","
                   "\"networkMode\":\"awsvpc\",\"cpu\":\"1024\","
                   "\"memory\":\"2048\",\"requiresCompatibilities\":"
                   "[\"FARGATE\"],\"runtimePlatform\":"
                   "{\"operatingSystemFamily\":"
                   "\"WINDOWS_SERVER_2022_CORE\"},"
                   "\"containerDefinitions\":[{\"name\":\"a\","
                   "\"image\":\"b\"}]}");
    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"win\","
                   "\"launchType\":\"FARGATE\"," VPC ","
                   "\"platformVersion\":\"LATEST\"}");
    callkit_ok(&k, "tasks.0.platformVersion", "1.0.0", "Windows");
    callkit_ok(&k, "tasks.0.platformFamily", "WINDOWS_SERVER_2022_CORE",
               "Windows");

    callkit_close(&k);
}


/* Errors. */

typedef struct {
    const char  *in;
    const char  *type;
    const char  *message;
} bad_t;

static const bad_t  bad_runs[] = {
    { "{\"taskDefinition\":\"web\",\"cluster\":\"none\"}",
      "ClusterNotFoundException", "Cluster not found." },
    { "{\"taskDefinition\":\"\"}", INVALID,
      "TaskDefinition can not be blank." },
    { "{\"taskDefinition\":\"none\"}", "ClientException",
      "TaskDefinition not found." },
    { "{\"taskDefinition\":\"web:9\"}", "ClientException",
      "TaskDefinition not found." },
    { "{\"taskDefinition\":\"web:x\"}", INVALID,
      "Invalid task definition: Invalid revision number." },
    { "{\"taskDefinition\":\"old:1\"}", "ClientException",
      "TaskDefinition is inactive" },
    { "{\"taskDefinition\":\"web\",\"count\":0}", INVALID,
      "count must be between 1 and 10." },
    { "{\"taskDefinition\":\"web\",\"count\":11}", INVALID,
      "count must be between 1 and 10." },
    { "{\"taskDefinition\":\"web\",\"launchType\":\"FARGATE\"}", INVALID,
      "Task definition does not support launch_type FARGATE." },
    { "{\"taskDefinition\":\"web\",\"launchType\":\"MOON\"}", INVALID,
      "launch type should be one of"
      " [EC2,FARGATE,EXTERNAL,FMI,MANAGED_INSTANCES]" },
    { "{\"taskDefinition\":\"web\",\"launchType\":\"EC2\","
      "\"capacityProviderStrategy\":[{\"capacityProvider\":\"FARGATE\"}]}",
      INVALID, "Specifying both a launch type and capacity provider strategy"
      " is not supported. Remove one and try again." },
    { "{\"taskDefinition\":\"api\","
      "\"capacityProviderStrategy\":[{\"capacityProvider\":\"FARGATE\"}]}",
      INVALID, "The specified capacity provider strategy cannot contain a"
      " capacity provider that is not associated with the cluster."
      " Associate the capacity provider with the cluster and try again." },
    { "{\"taskDefinition\":\"web\",\"platformVersion\":\"LATEST\"}", INVALID,
      "The platform version must be null when specifying an EC2 launch"
      " type." },
    { "{" ON_FARGATE VPC ",\"platformVersion\":\"9.9.9\"}",
      "PlatformUnknownException",
      "The specified platform version does not exist." },
    { "{\"taskDefinition\":\"api\",\"launchType\":\"FARGATE\"}", INVALID,
      "Network Configuration must be provided when networkMode 'awsvpc' is"
      " specified." },
    { "{" ON_FARGATE "\"networkConfiguration\":{}}", INVALID,
      "Network Configuration must be provided when networkMode 'awsvpc' is"
      " specified." },
    { "{\"taskDefinition\":\"web\"," VPC "}", INVALID,
      "Network Configuration is not valid for the given networkMode of this"
      " task definition." },
    { "{" ON_FARGATE "\"networkConfiguration\":{\"awsvpcConfiguration\":"
      "{\"subnets\":[]}}}", INVALID, "subnets can not be empty." },
    { "{" ON_FARGATE "\"networkConfiguration\":{\"awsvpcConfiguration\":"
      "{\"subnets\":[\"s\"],\"securityGroups\":[\"1\",\"2\",\"3\",\"4\","
      "\"5\",\"6\"]}}}", INVALID,
      "securityGroups can have at most 5 items." },
    { "{" ON_FARGATE "\"networkConfiguration\":{\"awsvpcConfiguration\":"
      "{\"subnets\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\","
      "\"10\",\"11\",\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]}}}", INVALID,
      "subnets can have at most 16 items." },
    { "{" ON_FARGATE "\"networkConfiguration\":{\"awsvpcConfiguration\":"
      "{\"subnets\":[\"s\"],\"assignPublicIp\":\"MAYBE\"}}}", INVALID,
      "assignPublicIp should be one of [ENABLED,DISABLED]" },
    { "{\"taskDefinition\":\"api\",\"networkConfiguration\":"
      "{\"awsvpcConfiguration\":{\"subnets\":[\"s\"],"
      "\"assignPublicIp\":\"ENABLED\"}}}", INVALID,
      "Assign public IP is not supported for this launch type." },
    { "{\"taskDefinition\":\"web\",\"propagateTags\":\"NONE\"}", INVALID,
      "Invalid value for propagateTags" },
    { "{\"taskDefinition\":\"web\",\"propagateTags\":\"SERVICE\"}", INVALID,
      "Invalid value for propagateTags" },
    { "{\"taskDefinition\":\"web\",\"overrides\":{\"containerOverrides\":"
      "[{\"name\":\"nobody\"}]}}", INVALID,
      "Override for container named nobody is not a container in the"
      " TaskDefinition." },
    { "{" ON_FARGATE VPC ",\"overrides\":{\"cpu\":\"much\"}}", INVALID,
      "Invalid 'cpu' setting for task." },
    { "{" ON_FARGATE VPC ",\"overrides\":{\"memory\":\"much\"}}", INVALID,
      "Invalid 'memory' setting for task." },
    { "{" ON_FARGATE VPC ",\"placementConstraints\":"
      "[{\"type\":\"distinctInstance\"}]}", INVALID,
      "Placement constraints are not supported with FARGATE launch type." },
    { "{" ON_FARGATE VPC ",\"placementStrategy\":[{\"type\":\"random\"}]}",
      INVALID,
      "Placement strategies are not supported with FARGATE launch type." },
    { "{\"taskDefinition\":\"web\",\"placementStrategy\":"
      "[{\"type\":\"binpack\",\"field\":\"hope\"}]}", INVALID,
      "binpack field 'hope' is invalid" },
    { "{\"taskDefinition\":\"web\",\"placementStrategy\":"
      "[{\"type\":\"luck\"}]}", INVALID,
      "placement strategy type should be one of [random,spread,binpack]" },
    { "{\"taskDefinition\":\"web\",\"placementConstraints\":"
      "[{\"type\":\"luck\"}]}", INVALID,
      "placement constraint type should be one of"
      " [distinctInstance,memberOf]" },
    { "{\"taskDefinition\":\"web\",\"placementStrategy\":"
      "[{\"type\":\"random\"},{\"type\":\"random\"},{\"type\":\"random\"},"
      "{\"type\":\"random\"},{\"type\":\"random\"},{\"type\":\"random\"}]}",
      INVALID, "There can be at most 10 placement constraints and 5"
      " placement strategies." },
    { "{\"taskDefinition\":\"web\",\"volumeConfigurations\":"
      "[{\"name\":\"v\"}]}", INVALID,
      "The volume name 'v' in your request does not have a matching volume"
      " in your Task Definition" },
    { "{\"taskDefinition\":\"web\",\"volumeConfigurations\":"
      "[{\"name\":\"v\"},{\"name\":\"w\"}]}", INVALID,
      "volumeConfigurations can have at most 1 item." }
};


static void
make_old(callkit_t *k)
{
    (void) callkit(k, "RegisterTaskDefinition", "{\"family\":\"old\","
                   "\"containerDefinitions\":[{\"name\":\"a\","
                   "\"image\":\"b\",\"memory\":64}]}");
    (void) callkit(k, "DeregisterTaskDefinition",
                   "{\"taskDefinition\":\"old:1\"}");
    callkit_ok(k, "taskDefinition.status", "INACTIVE", "old");
}


static void
test_errors(void)
{
    char        long_text[9000], in[10000];
    size_t      i;
    callkit_t   k;

    open_with(&k);
    make_old(&k);

    for (i = 0; i < sizeof(bad_runs) / sizeof(bad_runs[0]); i++) {
        callkit_error(&k, "RunTask", bad_runs[i].in, 400, bad_runs[i].type,
                      bad_runs[i].message);
    }

    (void) callkit(&k, "RunTask", "{}");
    tap_is_int(k.status, 400, "taskDefinition is required");

    memset(long_text, 'x', sizeof(long_text));

    long_text[129] = '\0';
    fill(in, sizeof(in), "{\"taskDefinition\":\"web\",\"startedBy\":\"%s\"}",
         long_text);
    callkit_error(&k, "RunTask", in, 400, INVALID,
                  "startedBy cannot be longer than 128 characters.");
    fill(in, sizeof(in), "{\"taskDefinition\":\"web\","
         "\"clientToken\":\"%s\"}", long_text);
    callkit_error(&k, "RunTask", in, 400, INVALID,
                  "idempotency token longer than 64.");

    long_text[129] = 'x';
    long_text[256] = '\0';
    fill(in, sizeof(in), "{\"taskDefinition\":\"web\",\"group\":\"%s\"}",
         long_text);
    callkit_error(&k, "RunTask", in, 400, INVALID,
                  "group cannot be longer than 255 characters.");

    long_text[256] = 'x';
    long_text[1025] = '\0';
    fill(in, sizeof(in), "{\"taskDefinition\":\"web\","
         "\"referenceId\":\"%s\"}", long_text);
    callkit_error(&k, "RunTask", in, 400, INVALID,
                  "referenceId cannot be longer than 1024 characters.");

    long_text[1025] = 'x';
    long_text[8192] = '\0';
    fill(in, sizeof(in), "{\"taskDefinition\":\"web\",\"overrides\":"
         "{\"containerOverrides\":[{\"name\":\"app\",\"command\":"
         "[\"%s\"]}]}}", long_text);
    callkit_error(&k, "RunTask", in, 400, INVALID,
                  "Container Overrides length must be at most 8192");

    counts(&k, 0, 0, 0);
    callkit_close(&k);
}


/* Client tokens. */

static void
test_token(void)
{
    char        first[256], second[256], want[600];
    uint64_t    seq;
    callkit_t   k;

    static const char  in[] = "{\"taskDefinition\":\"web\",\"count\":2,"
                              "\"clientToken\":\"t-1\"}";
    static const char  other[] = "{\"taskDefinition\":\"web\","
                                 "\"clientToken\":\"t-1\"}";

    open_with(&k);
    (void) callkit(&k, "RunTask", in);
    (void) keep(&k, "tasks.0.taskArn", first, sizeof(first));
    (void) keep(&k, "tasks.1.taskArn", second, sizeof(second));

    tap_is_int(change(&k, first, to_running), KECS_OK, "one runs");

    seq = callkit_seq(&k);
    (void) callkit(&k, "RunTask", in);
    callkit_ok(&k, "tasks", "[2]", "same request");
    callkit_ok(&k, "tasks.0.taskArn", first, "same task");
    callkit_ok(&k, "tasks.1.taskArn", second, "same task");
    callkit_ok(&k, "tasks.0.lastStatus", "RUNNING", "as it is now");
    tap_ok(callkit_seq(&k) == seq, "nothing was made");

    callkit_error(&k, "RunTask", other, 400, "ConflictException",
                  "The RunTask request could not be processed due to"
                  " conflicts. The provided clientToken is already in use"
                  " with a different request.");
    (void) snprintf(want, sizeof(want), "%s", first);
    tap_is_str(kecs_str_of(callkit_text(&k, "resourceIds.0")), want,
               "resourceIds");

    tap_is_int(change(&k, first, to_stopped), KECS_OK, "one has stopped");
    tap_is_int(change(&k, second, to_stopped), KECS_OK, "both have");

    k.now += 3599 * 1000;
    (void) callkit(&k, "RunTask", in);
    callkit_ok(&k, "tasks.0.taskArn", first, "within an hour");

    k.now += 1000;
    (void) callkit(&k, "RunTask", other);
    callkit_ok(&k, "tasks", "[1]", "the token is free after an hour");
    callkit_ok(&k, "tasks.0.lastStatus", "PENDING", "a new task");
    (void) keep(&k, "tasks.0.taskArn", first, sizeof(first));

    k.now += 24 * 3600 * 1000 - 1;
    (void) callkit(&k, "RunTask", other);
    callkit_ok(&k, "tasks.0.taskArn", first, "for 24 hours");

    k.now += 1;
    (void) callkit(&k, "RunTask", other);
    (void) keep(&k, "tasks.0.taskArn", second, sizeof(second));
    tap_ok(k.status == 200 && strcmp(first, second) != 0,
           "a new task after 24 hours");

    callkit_close(&k);
}


/* Tags. */

static void
test_tags(void)
{
    callkit_t  k;

    open_with(&k);
    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"web\","
                   "\"tags\":[{\"key\":\"team\",\"value\":\"mine\"}],"
                   "\"propagateTags\":\"TASK_DEFINITION\","
                   "\"enableECSManagedTags\":true}");
    callkit_ok(&k, "tasks.0.tags", "[3]", "own, propagated, managed");
    callkit_ok(&k, "tasks.0.tags.0.value", "mine", "own ones win");
    callkit_ok(&k, "tasks.0.tags.1.key", "tier", "propagated");
    callkit_ok(&k, "tasks.0.tags.1.value", "front", "propagated");
    callkit_ok(&k, "tasks.0.tags.2.key", "aws:ecs:clusterName", "managed");
    callkit_ok(&k, "tasks.0.tags.2.value", "default", "managed");

    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"web\","
                   "\"tags\":[{\"key\":\"aws:x\",\"value\":\"1\"}]}");
    tap_is_int(k.status, 400, "aws: is not for callers");

    callkit_close(&k);
}


/* Capacity providers. */

static void
test_providers(void)
{
    callkit_t  k;

    open_with(&k);
    (void) callkit(&k, "CreateCluster", "{\"clusterName\":\"cap\","
                   "\"capacityProviders\":[\"FARGATE\",\"FARGATE_SPOT\"],"
                   "\"defaultCapacityProviderStrategy\":["
                   "{\"capacityProvider\":\"FARGATE\",\"base\":1,"
                   "\"weight\":1},"
                   "{\"capacityProvider\":\"FARGATE_SPOT\",\"weight\":2}]}");
    (void) callkit(&k, "RunTask", "{\"cluster\":\"cap\",\"count\":5,"
                   "\"taskDefinition\":\"api\"," VPC "}");
    callkit_ok(&k, "tasks", "[5]", "default strategy");
    callkit_ok(&k, "tasks.0.launchType", "FARGATE", "by provider");
    callkit_ok(&k, "tasks.0.capacityProviderName", "FARGATE", "base");
    callkit_ok(&k, "tasks.1.capacityProviderName", "FARGATE", "weight");
    callkit_ok(&k, "tasks.2.capacityProviderName", "FARGATE_SPOT",
               "weight");
    callkit_ok(&k, "tasks.3.capacityProviderName", "FARGATE_SPOT",
               "weight");
    callkit_ok(&k, "tasks.4.capacityProviderName", "FARGATE", "in turn");

    (void) callkit(&k, "RunTask", "{\"cluster\":\"cap\","
                   "\"taskDefinition\":\"api\"," VPC ","
                   "\"capacityProviderStrategy\":["
                   "{\"capacityProvider\":\"FARGATE_SPOT\"}]}");
    callkit_ok(&k, "tasks.0.capacityProviderName", "FARGATE_SPOT",
               "own strategy");

    (void) callkit(&k, "RunTask", "{\"cluster\":\"cap\","
                   ON_FARGATE VPC ",\"capacityProviderStrategy\":[]}");
    callkit_ok(&k, "tasks.0.capacityProviderName", NULL,
               "empty beside a launch type");

    callkit_error(&k, "RunTask", "{\"cluster\":\"cap\","
                  "\"taskDefinition\":\"api\"," VPC ","
                  "\"capacityProviderStrategy\":["
                  "{\"capacityProvider\":\"FARGATE\"},"
                  "{\"capacityProvider\":\"FARGATE_SPOT\"}]}", 400, INVALID,
                  "There are no capacity providers in the capacity provider"
                  " strategy with a weight value greater than zero. Specify"
                  " a weight value greater than zero and try again.");

    callkit_close(&k);
}


/* StopTask. */

static void
test_stop(void)
{
    char        arn[256], in[400];
    callkit_t   k;

    open_with(&k);
    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"web\"}");
    (void) keep(&k, "tasks.0.taskArn", arn, sizeof(arn));
    tap_is_int(change(&k, arn, to_running), KECS_OK, "it runs");
    counts(&k, 1, 0, 1);

    k.now += 1000;
    (void) callkit(&k, "StopTask",
                   fill(in, sizeof(in), "{\"task\":\"%s\","
                        "\"reason\":\"enough\"}", arn));
    callkit_ok(&k, "task.desiredStatus", "STOPPED", "stop");
    callkit_ok(&k, "task.lastStatus", "RUNNING", "stop");
    callkit_ok(&k, "task.stopCode", "UserInitiated", "stop");
    callkit_ok(&k, "task.stoppedReason", "enough", "stop");
    callkit_ok(&k, "task.stoppingAt", "1789551557.693", "stop");
    callkit_ok(&k, "task.version", "3", "stop");
    callkit_ok(&k, "task.containers", "[2]", "stop");
    callkit_ok(&k, "task.tags", "[0]", "no tags");
    callkit_ok(&k, "task.containers.0.healthStatus", NULL, "no health");
    counts(&k, 1, 0, 1);

    k.now += 1000;
    (void) callkit(&k, "StopTask",
                   fill(in, sizeof(in), "{\"task\":\"%s\"}",
                        arn + strlen(arn) - 32));
    callkit_ok(&k, "task.stoppedReason", "enough", "again");
    callkit_ok(&k, "task.version", "3", "again");

    tap_is_int(change(&k, arn, to_stopped), KECS_OK, "it has stopped");
    (void) callkit(&k, "StopTask",
                   fill(in, sizeof(in), "{\"task\":\"%s\"}", arn));
    callkit_ok(&k, "task.lastStatus", "STOPPED", "after the end");
    counts(&k, 0, 0, 0);

    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"web\"}");
    (void) keep(&k, "tasks.0.taskArn", arn, sizeof(arn));
    (void) callkit(&k, "StopTask",
                   fill(in, sizeof(in), "{\"task\":\"%s\"}", arn));
    callkit_ok(&k, "task.stoppedReason", "Task stopped by user", "default");
    counts(&k, 0, 0, 1);

    callkit_error(&k, "StopTask", "{\"task\":\"abc\"}", 400, INVALID,
                  "taskId length should be one of [32,36]");
    callkit_error(&k, "StopTask",
                  "{\"task\":\"0123456789abcdef0123456789abcdef\"}", 400,
                  INVALID, "The referenced task was not found.");
    callkit_error(&k, "StopTask", "{\"task\":\"x\",\"cluster\":\"none\"}",
                  400, "ClusterNotFoundException", "Cluster not found.");
    (void) callkit(&k, "StopTask", "{}");
    tap_is_int(k.status, 400, "task is required");

    callkit_close(&k);
}


static void
test_stop_reason(void)
{
    char        reason[1026], arn[256], in[1600];
    callkit_t   k;

    open_with(&k);
    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"web\"}");
    (void) keep(&k, "tasks.0.taskArn", arn, sizeof(arn));

    memset(reason, 'r', sizeof(reason));
    reason[1025] = '\0';
    (void) snprintf(in, sizeof(in), "{\"task\":\"%s\",\"reason\":\"%s\"}",
                    arn, reason);
    callkit_error(&k, "StopTask", in, 400, INVALID,
                  "reason cannot be longer than 1024 characters.");

    reason[1024] = '\0';
    (void) snprintf(in, sizeof(in), "{\"task\":\"%s\",\"reason\":\"%s\"}",
                    arn, reason);
    (void) callkit(&k, "StopTask", in);
    callkit_ok(&k, "task.stoppedReason", reason, "1024 characters");

    callkit_close(&k);
}


/* DescribeTasks. */

static void
test_describe(void)
{
    char        arn[256], in[1000];
    callkit_t   k;

    open_with(&k);
    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"web\","
                   "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}");
    (void) keep(&k, "tasks.0.taskArn", arn, sizeof(arn));

    (void) snprintf(in, sizeof(in), "{\"tasks\":[\"%s\",\"%s\",\"%s\","
                    "\"0123456789abcdef0123456789abcdef\"]}", arn,
                    arn + strlen(arn) - 32, arn);
    (void) callkit(&k, "DescribeTasks", in);
    callkit_ok(&k, "tasks", "[1]", "named three times");
    callkit_ok(&k, "tasks.0.taskArn", arn, "describe");
    callkit_ok(&k, "tasks.0.tags", "[0]", "no tags without include");
    callkit_ok(&k, "failures", "[1]", "describe");
    callkit_ok(&k, "failures.0.reason", "MISSING", "describe");
    callkit_ok(&k, "failures.0.arn", CALLKIT_ARN
               "task/default/0123456789abcdef0123456789abcdef",
               "a full ARN");

    (void) callkit(&k, "DescribeTasks",
                   fill(in, sizeof(in), "{\"tasks\":[\"%s\"],"
                        "\"include\":[\"TAGS\"]}", arn));
    callkit_ok(&k, "tasks.0.tags.0.key", "a", "tags");
    callkit_ok(&k, "tasks.0.containers", "[2]", "tags");
    callkit_ok(&k, "tasks.0.overrides", "{2}", "tags");

    callkit_error(&k, "DescribeTasks", "{\"tasks\":[]}", 400, INVALID,
                  "Tasks cannot be empty.");
    callkit_error(&k, "DescribeTasks", "{\"tasks\":[\"ab\"]}", 400, INVALID,
                  "taskId length should be one of [32,36]");
    callkit_error(&k, "DescribeTasks", "{\"cluster\":\"none\","
                  "\"tasks\":[\"x\"]}", 400, "ClusterNotFoundException",
                  "Cluster not found.");

    callkit_close(&k);
}


static void
test_describe_many(void)
{
    char        in[6000];
    size_t      i, n;
    callkit_t   k;

    open_with(&k);
    n = (size_t) snprintf(in, sizeof(in), "{\"tasks\":[");

    for (i = 0; i < 101; i++) {
        n += (size_t) snprintf(in + n, sizeof(in) - n, "%s\"%032zu\"",
                               i ? "," : "", i);
    }

    (void) snprintf(in + n, sizeof(in) - n, "]}");
    callkit_error(&k, "DescribeTasks", in, 400, INVALID,
                  "Tasks cannot have more than 100 elements.");
    callkit_close(&k);
}


/* ListTasks. */

static void
test_list(void)
{
    char        arn[256], in[400];
    callkit_t   k;

    open_with(&k);
    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"web\",\"count\":3,"
                   "\"startedBy\":\"ci\"}");
    (void) keep(&k, "tasks.0.taskArn", arn, sizeof(arn));
    (void) callkit(&k, "RunTask", "{" ON_FARGATE VPC ",\"count\":2}");

    listed(&k, "{}", "[5]");
    listed(&k, "{\"desiredStatus\":\"RUNNING\"}", "[5]");
    listed(&k, "{\"desiredStatus\":\"STOPPED\"}", "[0]");
    listed(&k, "{\"desiredStatus\":\"PENDING\"}", "[0]");
    listed(&k, "{\"family\":\"web\"}", "[3]");
    listed(&k, "{\"family\":\"we\"}", "[0]");
    listed(&k, "{\"startedBy\":\"ci\"}", "[3]");
    listed(&k, "{\"startedBy\":\"c\"}", "[0]");
    listed(&k, "{\"launchType\":\"FARGATE\"}", "[2]");
    listed(&k, "{\"launchType\":\"EXTERNAL\"}", "[0]");
    listed(&k, "{\"launchType\":\"FARGATE\",\"family\":\"web\"}", "[0]");
    listed(&k, "{\"containerInstance\":"
           "\"0123456789abcdef0123456789abcdef\"}", "[0]");
    listed(&k, "{\"daemonName\":\"abc\"}", "[0]");

    (void) callkit(&k, "StopTask",
                   fill(in, sizeof(in), "{\"task\":\"%s\"}", arn));
    listed(&k, "{\"family\":\"web\"}", "[2]");
    listed(&k, "{\"family\":\"web\",\"desiredStatus\":\"STOPPED\"}", "[1]");
    listed(&k, "{\"startedBy\":\"ci\",\"desiredStatus\":\"STOPPED\"}",
           "[1]");
    callkit_ok(&k, "taskArns.0", arn, "the stopped one");

    callkit_error(&k, "ListTasks", "{\"startedBy\":\"a\",\"family\":\"b\"}",
                  400, INVALID, "When startedBy is specified as the filter,"
                  " it must be the only filter that is used.");
    callkit_error(&k, "ListTasks", "{\"containerInstance\":\"abc\"}", 400,
                  INVALID, "instanceId length should be one of [32,36]");
    callkit_error(&k, "ListTasks", "{\"serviceName\":\"none\"}", 400,
                  "ServiceNotFoundException", "Service not found.");
    callkit_error(&k, "ListTasks", "{\"desiredStatus\":\"GONE\"}", 400,
                  INVALID, "desired status should be one of"
                  " [RUNNING,PENDING,STOPPED]");
    callkit_error(&k, "ListTasks", "{\"launchType\":\"GONE\"}", 400,
                  INVALID, "launch type should be one of"
                  " [EC2,FARGATE,EXTERNAL,FMI,MANAGED_INSTANCES]");
    callkit_error(&k, "ListTasks", "{\"cluster\":\"none\"}", 400,
                  "ClusterNotFoundException", "Cluster not found.");

    callkit_close(&k);
}


/* Every task is seen exactly once although tasks come and go meanwhile. */

static void
test_pages(void)
{
    char        token[600], in[900], seen[64][256];
    size_t      i, n, pages;
    callkit_t   k;

    open_with(&k);

    for (i = 0; i < 3; i++) {
        (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"web\","
                       "\"count\":10,\"startedBy\":\"first\"}");
    }

    token[0] = '\0';

    for (n = 0, pages = 0; pages < 20; pages++) {
        (void) snprintf(in, sizeof(in), "{\"startedBy\":\"first\","
                        "\"maxResults\":7%s%s%s}",
                        token[0] ? ",\"nextToken\":\"" : "", token,
                        token[0] ? "\"" : "");
        (void) callkit(&k, "ListTasks", in);

        for (i = 0; n < 64; i++) {
            char         path[32];
            const char  *text;

            (void) snprintf(path, sizeof(path), "taskArns.%zu", i);
            text = callkit_text(&k, path);

            if (text == NULL) {
                break;
            }

            (void) snprintf(seen[n++], sizeof(seen[0]), "%s", text);
        }

        (void) keep(&k, "nextToken", token, sizeof(token));

        if (token[0] == '\0') {
            break;
        }

        (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"web\","
                       "\"startedBy\":\"other\"}");
        (void) callkit(&k, "StopTask",
                       fill(in, sizeof(in), "{\"task\":\"%s\"}",
                            seen[n - 1]));
    }

    tap_is_int((int64_t) n, 30, "all tasks over %zu pages", pages + 1);

    for (i = 1; i < n && strcmp(seen[i - 1], seen[i]) < 0; i++) {
        /* void */
    }

    tap_is_int((int64_t) i, 30, "each once");

    (void) callkit(&k, "ListTasks", "{\"maxResults\":1}");
    (void) keep(&k, "nextToken", token, sizeof(token));
    (void) callkit(&k, "ListTasks",
                   fill(in, sizeof(in), "{\"family\":\"web\","
                        "\"nextToken\":\"%s\"}", token));
    tap_is_int(k.status, 400, "a token is bound to its filters");

    callkit_close(&k);
}


/* With few matches among many entries a page ends early. */

static void
test_scan_limit(void)
{
    size_t      i;
    callkit_t   k;

    open_with(&k);
    k.conf.scan_limit = 20;

    for (i = 0; i < 5; i++) {
        (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"web\","
                       "\"count\":10}");
    }

    (void) callkit(&k, "ListTasks", "{\"launchType\":\"FARGATE\"}");
    callkit_ok(&k, "taskArns", "[0]", "no match on the page");
    tap_ok(callkit_text(&k, "nextToken") != NULL, "but there is more");

    callkit_close(&k);
}


/* Allocation failures change nothing. */

static void
test_memory(void)
{
    char        arn[256], in[400];
    callkit_t   k;

    open_with(&k);
    callkit_sweep(&k, "RunTask", "{" ON_FARGATE VPC ",\"count\":2,"
                  "\"clientToken\":\"t\",\"propagateTags\":"
                  "\"TASK_DEFINITION\",\"tags\":[{\"key\":\"a\","
                  "\"value\":\"b\"}],\"enableECSManagedTags\":true,"
                  "\"overrides\":{\"containerOverrides\":"
                  "[{\"name\":\"main\",\"command\":[\"x\"]}]}}");

    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"web\","
                   "\"clientToken\":\"u\"}");
    (void) keep(&k, "tasks.0.taskArn", arn, sizeof(arn));
    callkit_sweep(&k, "RunTask", "{\"taskDefinition\":\"web\","
                  "\"clientToken\":\"u\"}");
    callkit_sweep(&k, "StopTask",
                  fill(in, sizeof(in), "{\"task\":\"%s\"}", arn));
    callkit_sweep(&k, "DescribeTasks",
                  fill(in, sizeof(in), "{\"tasks\":[\"%s\","
                       "\"0123456789abcdef0123456789abcdef\"],"
                       "\"include\":[\"TAGS\"]}", arn));
    callkit_sweep(&k, "ListTasks", "{\"launchType\":\"EC2\","
                  "\"maxResults\":1}");
    counts(&k, 0, 1, 1);
    callkit_close(&k);
}


int
main(void)
{
    test_bridge();
    test_fargate();
    test_overrides();
    test_platform();
    test_errors();
    test_token();
    test_tags();
    test_providers();
    test_stop();
    test_stop_reason();
    test_describe();
    test_describe_many();
    test_list();
    test_pages();
    test_scan_limit();
    test_memory();

    return tap_done();
}
