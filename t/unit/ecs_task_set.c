/*
 * Task sets: the operations on them, their place in the service, tags, and
 * services that CodeDeploy deploys.
 */

#include "callkit.h"


#define keep  callkit_keep

#define WEB                                                                  \
    "{\"family\":\"web\",\"containerDefinitions\":[{\"name\":\"app\","       \
    "\"image\":\"nginx:1\",\"memory\":256,\"portMappings\":["                \
    "{\"containerPort\":80}]}]}"

#define API                                                                  \
    "{\"family\":\"api\",\"networkMode\":\"awsvpc\",\"cpu\":\"256\","        \
    "\"memory\":\"512\",\"requiresCompatibilities\":[\"FARGATE\"],"          \
    "\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"api:3\","      \
    "\"portMappings\":[{\"containerPort\":8080}]}]}"

#define VPC                                                                  \
    "\"networkConfiguration\":{\"awsvpcConfiguration\":{"                    \
    "\"subnets\":[\"subnet-1\"]}}"

#define INVALID  "InvalidParameterException"
#define IN       "{\"cluster\":\"default\",\"service\":\"e\""
#define SET      CALLKIT_ARN "task-set/default/e/"


static void
open_with(callkit_t *k)
{
    callkit_open(k);
    (void) callkit(k, "CreateCluster", "{}");
    (void) callkit(k, "RegisterTaskDefinition", WEB);
    (void) callkit(k, "RegisterTaskDefinition", API);
    (void) callkit(k, "CreateService", "{\"serviceName\":\"e\","
                   "\"desiredCount\":5,\"deploymentController\":"
                   "{\"type\":\"EXTERNAL\"}}");
    callkit_ok(k, "service.deploymentController.type", "EXTERNAL",
               "a service is there");
}


static void
make(callkit_t *k, const char *more, char *id, size_t size)
{
    char  in[512];

    (void) snprintf(in, sizeof(in), IN ",\"taskDefinition\":\"web\"%s}",
                    more);
    (void) callkit(k, "CreateTaskSet", in);
    (void) keep(k, "taskSet.id", id, size);

    if (k->status != 200) {
        printf("# %s\n", k->body);
    }
}


static void
on(callkit_t *k, const char *op, const char *id, const char *more)
{
    char  in[512];

    (void) snprintf(in, sizeof(in), IN ",\"%s\":\"%s\"%s}",
                    strcmp(op, "UpdateServicePrimaryTaskSet") == 0
                    ? "primaryTaskSet" : "taskSet", id, more);
    (void) callkit(k, op, in);
}


static void
test_service(void)
{
    callkit_t  k;

    open_with(&k);
    callkit_ok(&k, "service.deployments", "[0]", "external");
    callkit_ok(&k, "service.taskSets", "[0]", "external");
    callkit_ok(&k, "service.taskDefinition", NULL, "external");
    callkit_ok(&k, "service.launchType", NULL, "external");
    callkit_ok(&k, "service.desiredCount", "5", "external");
    callkit_ok(&k, "service.currentServiceDeployment", NULL, "external");
    callkit_ok(&k, "service.loadBalancers", "[0]", "external");

    callkit_error(&k, "CreateService", "{\"serviceName\":\"x\","
                  "\"launchType\":\"EC2\",\"deploymentController\":"
                  "{\"type\":\"EXTERNAL\"}}", 400, INVALID,
                  "LaunchType must be blank");
    callkit_error(&k, "UpdateService", "{\"service\":\"e\","
                  "\"taskDefinition\":\"web\"}", 400, INVALID,
                  "TaskDefinition must be blank");
    callkit_error(&k, "UpdateService", "{\"service\":\"e\","
                  "\"deploymentController\":{\"type\":\"ECS\"}}", 400,
                  INVALID, "TaskDefinition can not be blank.");
    (void) callkit(&k, "UpdateService", "{\"service\":\"e\","
                   "\"desiredCount\":3,\"enableExecuteCommand\":true}");
    callkit_ok(&k, "service.desiredCount", "3", "updated");
    callkit_ok(&k, "service.enableExecuteCommand", "true", "updated");
    callkit_ok(&k, "service.deployments", "[0]", "updated");

    (void) callkit(&k, "CreateService", "{\"serviceName\":\"n\","
                   "\"deploymentController\":{\"type\":\"EXTERNAL\"}}");
    callkit_ok(&k, "service.desiredCount", "0", "no count is needed");

    callkit_close(&k);
}


static void
test_create(void)
{
    char        id[64], want[256];
    callkit_t   k;

    open_with(&k);
    (void) callkit(&k, "CreateTaskSet", IN ",\"taskDefinition\":\"api\","
                   "\"launchType\":\"FARGATE\"," VPC ","
                   "\"externalId\":\"green\",\"scale\":{\"unit\":"
                   "\"PERCENT\",\"value\":33.5},\"loadBalancers\":[{"
                   "\"targetGroupArn\":\"tg\",\"containerName\":\"main\","
                   "\"containerPort\":8080}],"
                   "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}");
    (void) keep(&k, "taskSet.id", id, sizeof(id));
    tap_ok(strncmp(id, "ecs-svc/", 8) == 0 && strlen(id) == 27, "%s", id);
    (void) snprintf(want, sizeof(want), SET "%s", id);
    callkit_ok(&k, "taskSet.taskSetArn", want, "create");
    callkit_ok(&k, "taskSet.serviceArn", CALLKIT_ARN "service/default/e",
               "create");
    callkit_ok(&k, "taskSet.clusterArn", CALLKIT_ARN "cluster/default",
               "create");
    callkit_ok(&k, "taskSet.status", "ACTIVE", "create");
    callkit_ok(&k, "taskSet.taskDefinition",
               CALLKIT_ARN "task-definition/api:1", "create");
    callkit_ok(&k, "taskSet.computedDesiredCount", "2", "rounded up");
    callkit_ok(&k, "taskSet.runningCount", "0", "create");
    callkit_ok(&k, "taskSet.pendingCount", "0", "create");
    callkit_ok(&k, "taskSet.scale.value", "33.5", "create");
    callkit_ok(&k, "taskSet.scale.unit", "PERCENT", "create");
    callkit_ok(&k, "taskSet.stabilityStatus", "STABILIZING", "create");
    callkit_ok(&k, "taskSet.stabilityStatusAt", "1789551556.693", "create");
    callkit_ok(&k, "taskSet.createdAt", "1789551556.693", "create");
    callkit_ok(&k, "taskSet.externalId", "green", "create");
    callkit_ok(&k, "taskSet.startedBy", NULL, "create");
    callkit_ok(&k, "taskSet.launchType", "FARGATE", "create");
    callkit_ok(&k, "taskSet.platformVersion", "1.4.0", "create");
    callkit_ok(&k, "taskSet.platformFamily", "Linux", "create");
    callkit_ok(&k, "taskSet.networkConfiguration.awsvpcConfiguration"
               ".assignPublicIp", "DISABLED", "create");
    callkit_ok(&k, "taskSet.loadBalancers.0.targetGroupArn", "tg",
               "create");
    callkit_ok(&k, "taskSet.serviceRegistries", "[0]", "create");
    callkit_ok(&k, "taskSet.tags.0.key", "a", "create");

    (void) callkit(&k, "DescribeServices", "{\"services\":[\"e\"]}");
    callkit_ok(&k, "services.0.taskSets", "[1]", "in the service");
    callkit_ok(&k, "services.0.taskSets.0.id", id, "in the service");
    callkit_ok(&k, "services.0.taskSets.0.tags", NULL, "without tags");
    callkit_ok(&k, "services.0.taskDefinition", NULL, "not PRIMARY");

    callkit_close(&k);
}


static void
test_create_errors(void)
{
    char       one[64], two[64];
    callkit_t  k;

    open_with(&k);
    (void) callkit(&k, "CreateService", "{\"serviceName\":\"s\","
                   "\"taskDefinition\":\"web\",\"desiredCount\":0}");
    callkit_error(&k, "CreateTaskSet", "{\"cluster\":\"default\","
                  "\"service\":\"s\",\"taskDefinition\":\"web\"}", 400,
                  INVALID, "Task sets are only supported for services with"
                  " the EXTERNAL deployment controller.");
    callkit_error(&k, "CreateTaskSet", "{\"cluster\":\"default\","
                  "\"service\":\"none\",\"taskDefinition\":\"web\"}", 400,
                  "ServiceNotFoundException", "Service not found.");
    callkit_error(&k, "CreateTaskSet", "{\"cluster\":\"none\","
                  "\"service\":\"e\",\"taskDefinition\":\"web\"}", 400,
                  "ClusterNotFoundException", "Cluster not found.");
    callkit_error(&k, "CreateTaskSet", IN ",\"taskDefinition\":\"none\"}",
                  400, "ClientException", "TaskDefinition not found.");
    callkit_error(&k, "CreateTaskSet", IN ",\"taskDefinition\":\"web\","
                  "\"scale\":{\"value\":101}}", 400, INVALID,
                  "The scale value must be between 0 and 100.");
    callkit_error(&k, "CreateTaskSet", IN ",\"taskDefinition\":\"web\","
                  "\"scale\":{\"unit\":\"X\",\"value\":1}}", 400, INVALID,
                  "scale unit should be one of [PERCENT]");
    callkit_error(&k, "CreateTaskSet", IN ",\"taskDefinition\":\"api\"}",
                  400, INVALID, "Network Configuration must be provided when"
                  " networkMode 'awsvpc' is specified.");

    make(&k, ",\"clientToken\":\"t\"", one, sizeof(one));
    make(&k, ",\"clientToken\":\"t\"", two, sizeof(two));
    tap_ok(strcmp(one, two) == 0, "the same token, the same task set");
    make(&k, ",\"clientToken\":\"u\"", two, sizeof(two));
    tap_ok(strcmp(one, two) != 0, "another token, another one");
    make(&k, "", two, sizeof(two));
    make(&k, "", two, sizeof(two));
    make(&k, "", two, sizeof(two));
    callkit_error(&k, "CreateTaskSet", IN ",\"taskDefinition\":\"web\"}",
                  400, "LimitExceededException",
                  "The maximum number of task sets for a service is 5.");

    callkit_close(&k);
}


static void
test_describe(void)
{
    char       one[64], two[64], in[512];
    callkit_t  k;

    open_with(&k);
    make(&k, ",\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]", one,
         sizeof(one));
    make(&k, "", two, sizeof(two));

    (void) callkit(&k, "DescribeTaskSets", IN "}");
    callkit_ok(&k, "taskSets", "[2]", "all");
    callkit_ok(&k, "failures", "[0]", "all");
    callkit_ok(&k, "taskSets.0.tags", NULL, "not asked for");

    (void) snprintf(in, sizeof(in), IN ",\"include\":[\"TAGS\"],"
                    "\"taskSets\":[\"%s\",\"" SET "%s\","
                    "\"ecs-svc/1\",\"x\"]}", one, one);
    (void) callkit(&k, "DescribeTaskSets", in);
    callkit_ok(&k, "taskSets", "[1]", "named twice");
    callkit_ok(&k, "taskSets.0.id", one, "named");
    callkit_ok(&k, "taskSets.0.tags.0.value", "b", "asked for");
    callkit_ok(&k, "failures", "[2]", "missing");
    callkit_ok(&k, "failures.0.arn", SET "ecs-svc/1", "missing");
    callkit_ok(&k, "failures.0.reason", "MISSING", "missing");

    callkit_error(&k, "DescribeTaskSets", IN ",\"include\":[\"X\"]}", 400,
                  INVALID, "include should be one of [TAGS]");
    callkit_error(&k, "DescribeTaskSets", "{\"cluster\":\"default\","
                  "\"service\":\"none\"}", 400, "ServiceNotFoundException",
                  "Service not found.");

    (void) snprintf(in, sizeof(in), "{\"resourceArn\":\"" SET "%s\"}", one);
    (void) callkit(&k, "ListTagsForResource", in);
    callkit_ok(&k, "tags", "[1]", "tags of a task set");
    (void) snprintf(in, sizeof(in), "{\"resourceArn\":\"" SET "%s\","
                    "\"tags\":[{\"key\":\"c\",\"value\":\"d\"}]}", two);
    (void) callkit(&k, "TagResource", in);
    tap_is_int(k.status, 200, "tags can be added");
    callkit_error(&k, "ListTagsForResource", "{\"resourceArn\":\"" SET
                  "ecs-svc/1\"}", 400, INVALID,
                  "The specified task set does not exist. Specify a valid"
                  " task set and try again.");

    callkit_close(&k);
}


static void
test_update(void)
{
    char       id[64];
    callkit_t  k;

    open_with(&k);
    make(&k, ",\"scale\":{\"value\":0}", id, sizeof(id));
    callkit_ok(&k, "taskSet.computedDesiredCount", "0", "nothing yet");

    k.now += 1000;
    on(&k, "UpdateTaskSet", id, ",\"scale\":{\"unit\":\"PERCENT\","
       "\"value\":100}");
    callkit_ok(&k, "taskSet.computedDesiredCount", "5", "all");
    callkit_ok(&k, "taskSet.scale.value", "100", "all");
    callkit_ok(&k, "taskSet.updatedAt", "1789551557.693", "now");
    callkit_ok(&k, "taskSet.createdAt", "1789551556.693", "as before");
    on(&k, "UpdateTaskSet", id, ",\"scale\":{\"unit\":\"PERCENT\"}");
    callkit_ok(&k, "taskSet.scale.value", "0", "no value is zero");
    on(&k, "UpdateTaskSet", id, ",\"scale\":{\"value\":100}");
    callkit_ok(&k, "taskSet.scale.value", "100", "no unit is percent");

    callkit_error(&k, "UpdateTaskSet", IN ",\"taskSet\":\"ecs-svc/1\","
                  "\"scale\":{\"value\":1}}", 400,
                  "TaskSetNotFoundException",
                  "The specified task set does not exist.");

    callkit_sweep(&k, "DescribeTaskSets", IN ",\"taskSets\":[\"x\"]}");
    on(&k, "DeleteTaskSet", id, "");
    tap_ok(k.status == 400 && strstr(k.body, "scaled above 0") != NULL,
           "not without force");
    on(&k, "DeleteTaskSet", id, ",\"force\":true");
    callkit_ok(&k, "taskSet.status", "DRAINING", "with force");
    callkit_ok(&k, "taskSet.computedDesiredCount", "0", "with force");
    on(&k, "DeleteTaskSet", id, "");
    callkit_ok(&k, "taskSet.status", "DRAINING", "again");
    on(&k, "UpdateTaskSet", id, ",\"scale\":{\"value\":1}");
    tap_ok(k.status == 400, "it is not scaled any more");

    callkit_close(&k);
}


static void
test_primary(void)
{
    char       one[64], two[64];
    callkit_t  k;

    open_with(&k);
    make(&k, "", one, sizeof(one));
    (void) callkit(&k, "CreateTaskSet", IN ",\"taskDefinition\":\"api\","
                   "\"launchType\":\"FARGATE\"," VPC "}");
    (void) keep(&k, "taskSet.id", two, sizeof(two));

    on(&k, "UpdateServicePrimaryTaskSet", one, "");
    callkit_ok(&k, "taskSet.status", "PRIMARY", "the first");
    (void) callkit(&k, "DescribeServices", "{\"services\":[\"e\"]}");
    callkit_ok(&k, "services.0.taskDefinition",
               CALLKIT_ARN "task-definition/web:1", "is the service's");
    callkit_ok(&k, "services.0.launchType", "EC2", "is the service's");

    on(&k, "UpdateServicePrimaryTaskSet", two, "");
    callkit_ok(&k, "taskSet.status", "PRIMARY", "the second");
    (void) callkit(&k, "DescribeServices", "{\"services\":[\"e\"]}");
    callkit_ok(&k, "services.0.taskDefinition",
               CALLKIT_ARN "task-definition/api:1", "is the service's");
    callkit_ok(&k, "services.0.platformVersion", "LATEST", "now");
    callkit_ok(&k, "services.0.networkConfiguration.awsvpcConfiguration"
               ".subnets.0", "subnet-1", "now");
    (void) callkit(&k, "DescribeTaskSets", IN "}");
    tap_ok(strstr(k.body, "\"status\":\"ACTIVE\"") != NULL
           && strstr(k.body, "\"status\":\"PRIMARY\"") != NULL,
           "one of each");

    (void) callkit(&k, "UpdateService", "{\"service\":\"e\","
                   "\"desiredCount\":0}");
    callkit_ok(&k, "service.platformVersion", "LATEST", "kept");
    callkit_error(&k, "DeleteService", "{\"service\":\"e\"}", 400, INVALID,
                  "The service cannot be stopped while deployments are"
                  " active.");
    (void) callkit(&k, "DeleteService", "{\"service\":\"e\","
                   "\"force\":true}");
    callkit_ok(&k, "service.status", "DRAINING", "with force");
    callkit_ok(&k, "service.taskSets.0.status", "DRAINING", "with force");
    callkit_error(&k, "DescribeTaskSets", IN "}", 400,
                  "ServiceNotActiveException", "Service was not ACTIVE.");

    callkit_close(&k);
}


/* CodeDeploy's services. */

static void
test_code_deploy(void)
{
    callkit_t  k;

    open_with(&k);
    (void) callkit(&k, "CreateService", "{\"serviceName\":\"c\","
                   "\"taskDefinition\":\"web\",\"desiredCount\":2,"
                   "\"deploymentController\":{\"type\":\"CODE_DEPLOY\"},"
                   "\"loadBalancers\":[{\"targetGroupArn\":\"tg\","
                   "\"containerName\":\"app\",\"containerPort\":80}]}");
    callkit_ok(&k, "service.deployments", "[0]", "created");
    callkit_ok(&k, "service.taskSets", "[1]", "created");
    callkit_ok(&k, "service.taskSets.0.status", "PRIMARY", "created");
    callkit_ok(&k, "service.taskSets.0.startedBy", "CODE_DEPLOY",
               "created");
    callkit_ok(&k, "service.taskSets.0.scale.value", "100", "created");
    callkit_ok(&k, "service.taskSets.0.computedDesiredCount", "2",
               "created");
    callkit_ok(&k, "service.taskDefinition",
               CALLKIT_ARN "task-definition/web:1", "created");
    callkit_ok(&k, "service.launchType", "EC2", "created");

    callkit_error(&k, "UpdateService", "{\"service\":\"c\","
                  "\"taskDefinition\":\"web\"}", 400, INVALID,
                  "Unable to update task definition on services with a"
                  " CODE_DEPLOY deployment controller. Use AWS CodeDeploy to"
                  " trigger a new deployment.");
    callkit_error(&k, "UpdateService", "{\"service\":\"c\","
                  "\"forceNewDeployment\":true}", 400, INVALID,
                  "Cannot force a new deployment on services with a"
                  " CODE_DEPLOY deployment controller. Use AWS CodeDeploy to"
                  " trigger a new deployment.");
    (void) callkit(&k, "UpdateService", "{\"service\":\"c\","
                   "\"desiredCount\":7}");
    callkit_ok(&k, "service.taskSets.0.computedDesiredCount", "7",
               "updated");
    callkit_ok(&k, "service.launchType", "EC2", "kept");
    callkit_ok(&k, "service.loadBalancers", "[1]", "kept");

    (void) callkit(&k, "UpdateService", "{\"service\":\"c\","
                   "\"deploymentController\":{\"type\":\"ECS\"}}");
    callkit_ok(&k, "service.deploymentController.type", "ECS", "ours");
    callkit_ok(&k, "service.deployments", "[1]", "ours");
    callkit_ok(&k, "service.taskSets.0.status", "DRAINING", "ours");

    callkit_close(&k);
}


static void
test_memory(void)
{
    char       id[64], in[512];
    callkit_t  k;

    open_with(&k);
    callkit_sweep(&k, "CreateTaskSet", IN ",\"taskDefinition\":\"api\","
                  "\"launchType\":\"FARGATE\"," VPC ","
                  "\"clientToken\":\"t\",\"tags\":[{\"key\":\"a\","
                  "\"value\":\"b\"}]}");
    make(&k, "", id, sizeof(id));
    (void) snprintf(in, sizeof(in), IN ",\"taskSet\":\"%s\","
                    "\"scale\":{\"value\":7}}", id);
    callkit_sweep(&k, "UpdateTaskSet", in);
    (void) snprintf(in, sizeof(in), IN ",\"primaryTaskSet\":\"%s\"}", id);
    callkit_sweep(&k, "UpdateServicePrimaryTaskSet", in);
    (void) callkit(&k, "UpdateServicePrimaryTaskSet", in);
    (void) snprintf(in, sizeof(in), IN ",\"taskSet\":\"%s\","
                    "\"force\":true}", id);
    callkit_sweep(&k, "DeleteTaskSet", in);
    callkit_sweep(&k, "DescribeServices", "{\"services\":[\"e\"]}");
    callkit_sweep(&k, "UpdateService", "{\"service\":\"e\","
                  "\"deploymentController\":{\"type\":\"ECS\"},"
                  "\"taskDefinition\":\"web\"}");
    callkit_sweep(&k, "CreateService", "{\"serviceName\":\"c\","
                  "\"taskDefinition\":\"web\",\"desiredCount\":2,"
                  "\"deploymentController\":{\"type\":\"CODE_DEPLOY\"},"
                  "\"loadBalancers\":[{\"targetGroupArn\":\"tg\","
                  "\"containerName\":\"app\",\"containerPort\":80}]}");

    callkit_close(&k);
}


int
main(void)
{
    test_service();
    test_create();
    test_create_errors();
    test_describe();
    test_update();
    test_primary();
    test_code_deploy();
    test_memory();

    return tap_done();
}
