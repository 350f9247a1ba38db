/*
 * Express services: made of one call, updated, deleted; a client's own task
 * definition; changes that others make; and every allocation failing.
 */

#include "callkit.h"


#define save(to, size, path)  callkit_save(&k, path, to, size)

#define WEB     CALLKIT_ARN "service/default/web"
#define ROLES   "\"infrastructureRoleArn\":\"arn:aws:iam::000000000000:"     \
                "role/infra\",\"executionRoleArn\":"                         \
                "\"arn:aws:iam::000000000000:role/exec\""

#define CREATE(name, more)                                                   \
    "{\"serviceName\":\"" name "\"," ROLES ",\"primaryContainer\":{"         \
    "\"image\":\"nginx:1\"}" more "}"

static callkit_t  k;
static char       revision[256];


static void
test_create(void)
{
    (void) callkit(&k, "CreateExpressGatewayService",
                   CREATE("web", ",\"tags\":[{\"key\":\"a\",\"value\":"
                          "\"1\"}]"));
    callkit_ok(&k, "service.serviceArn", WEB, "made");
    callkit_ok(&k, "service.serviceName", "web", "made");
    callkit_ok(&k, "service.cluster", CALLKIT_ARN "cluster/default",
               "the cluster as well");
    callkit_ok(&k, "service.status.statusCode", "ACTIVE", "made");
    callkit_ok(&k, "service.infrastructureRoleArn",
               "arn:aws:iam::000000000000:role/infra", "made");
    callkit_ok(&k, "service.currentDeployment", NULL, "not yet");
    callkit_ok(&k, "service.tags.0.value", "1", "its tags");
    callkit_ok(&k, "service.createdAt", "1789551556.693", "its time");
    callkit_ok(&k, "service.activeConfigurations", "[1]", "its only one");
    callkit_ok(&k, "service.activeConfigurations.0.cpu", "256", "defaults");
    callkit_ok(&k, "service.activeConfigurations.0.memory", "512",
               "defaults");
    callkit_ok(&k, "service.activeConfigurations.0.cpuArchitecture",
               "X86_64", "defaults");
    callkit_ok(&k, "service.activeConfigurations.0.healthCheckPath",
               "/ping", "defaults");
    callkit_ok(&k, "service.activeConfigurations.0.taskDefinitionArn",
               CALLKIT_ARN "task-definition/default-web:1", "defaults");
    callkit_ok(&k, "service.activeConfigurations.0.primaryContainer"
               ".containerPort", "80", "defaults");
    callkit_ok(&k, "service.activeConfigurations.0.networkConfiguration"
               ".subnets", "[3]", "defaults");
    callkit_ok(&k, "service.activeConfigurations.0.scalingTarget"
               ".maxTaskCount", "20", "defaults");
    callkit_ok(&k, "service.activeConfigurations.0.scalingTarget"
               ".autoScalingMetric", "AVERAGE_CPU", "defaults");
    callkit_ok(&k, "service.activeConfigurations.0.ingressPaths.0"
               ".accessType", "PUBLIC", "its entry");
    tap_ok(strncmp(callkit_text(&k, "service.activeConfigurations.0"
                                ".ingressPaths.0.endpoint"), "we-", 3) == 0,
           "its name begins as the service's");
    save(revision, sizeof(revision),
         "service.activeConfigurations.0.serviceRevisionArn");

    (void) callkit(&k, "DescribeServices", "{\"services\":[\"web\"],"
                   "\"include\":[\"TAGS\"]}");
    callkit_ok(&k, "services.0.desiredCount", "1", "the service behind it");
    callkit_ok(&k, "services.0.resourceManagementType", "ECS", "of ECS");
    callkit_ok(&k, "services.0.propagateTags", "SERVICE", "its tags");
    callkit_ok(&k, "services.0.enableECSManagedTags", "true", "its tags");
    callkit_ok(&k, "services.0.healthCheckGracePeriodSeconds", "300",
               "patience");
    callkit_ok(&k, "services.0.capacityProviderStrategy.0.capacityProvider",
               "FARGATE", "by the cluster's provider");
    callkit_ok(&k, "services.0.networkConfiguration.awsvpcConfiguration"
               ".assignPublicIp", "ENABLED", "reachable");
    callkit_ok(&k, "services.0.tags", "[1]", "its tags");

    (void) callkit(&k, "DescribeTaskDefinition",
                   "{\"taskDefinition\":\"default-web\"}");
    callkit_ok(&k, "taskDefinition.containerDefinitions.0.name", "Main",
               "the definition behind it");
    callkit_ok(&k, "taskDefinition.containerDefinitions.0.portMappings.0"
               ".containerPort", "80", "its port");
    callkit_ok(&k, "taskDefinition.containerDefinitions.0.logConfiguration"
               ".options.mode", "non-blocking", "its logs");
    callkit_ok(&k, "taskDefinition.runtimePlatform.operatingSystemFamily",
               "LINUX", "its platform");
    callkit_ok(&k, "taskDefinition.executionRoleArn",
               "arn:aws:iam::000000000000:role/exec", "its role");
}


static void
test_describe(void)
{
    (void) callkit(&k, "DescribeExpressGatewayService",
                   "{\"serviceArn\":\"" WEB "\",\"include\":[\"TAGS\"]}");
    callkit_ok(&k, "service.activeConfigurations.0.serviceRevisionArn",
               revision, "described");
    callkit_ok(&k, "service.tags", "[1]", "with tags");
    tap_ok(callkit_text(&k, "service.currentDeployment") != NULL,
           "its deployment");
    (void) callkit(&k, "DescribeExpressGatewayService",
                   "{\"serviceArn\":\"" WEB "\"}");
    callkit_ok(&k, "service.tags", NULL, "without tags");
    callkit_error(&k, "DescribeExpressGatewayService", "{\"serviceArn\":\""
                  CALLKIT_ARN "service/default/none\"}", 400,
                  "ResourceNotFoundException", "Resource not found");
    callkit_error(&k, "DescribeExpressGatewayService",
                  "{\"serviceArn\":\"web\"}", 400,
                  "InvalidParameterException",
                  "Invalid identifier: The ARN is malformed");

    (void) callkit(&k, "ListTagsForResource",
                   "{\"resourceArn\":\"" WEB "\"}");
    callkit_ok(&k, "tags", "[1]", "tags of a service");
}


static void
test_create_errors(void)
{
    size_t  i;

    static const struct {
        const char  *body;
        const char  *type;
        const char  *message;
    } cases[] = {
        { CREATE("web", ""), "InvalidParameterException",
          "Creation of service was not idempotent." },
        { CREATE("a b", ""), "InvalidParameterException",
          "Invalid service name: up to 255 letters (uppercase and"
          " lowercase), numbers, underscores, and hyphens are allowed." },
        { CREATE("x", ",\"cluster\":\"none\""), "ClusterNotFoundException",
          "Cluster not found." },
        { CREATE("x", ",\"healthCheckPath\":\"ping\""),
          "InvalidParameterException",
          "healthCheckPath must start with a forward slash." },
        { CREATE("x", ",\"cpuArchitecture\":\"RISC\""),
          "InvalidParameterException",
          "cpuArchitecture should be one of [X86_64,ARM64]" },
        { CREATE("x", ",\"scalingTarget\":{\"autoScalingMetric\":\"x\"}"),
          "InvalidParameterException",
          "autoScalingMetric should be one of [AVERAGE_CPU,AVERAGE_MEMORY,"
          "REQUEST_COUNT_PER_TARGET]" },
        { CREATE("x", ",\"scalingTarget\":{\"minTaskCount\":3,"
                 "\"maxTaskCount\":2}"), "InvalidParameterException",
          "maxTaskCount must be at least 1 and not be lesser than"
          " minTaskCount" },
        { CREATE("x", ",\"taskDefinitionArn\":\"a:1\""),
          "InvalidParameterException",
          "taskDefinitionArn cannot be specified together with"
          " primaryContainer, executionRoleArn, taskRoleArn, cpu, memory, or"
          " cpuArchitecture." },
        { CREATE("x", ",\"cpu\":\"256\",\"memory\":\"4096\""),
          "ClientException", "No Fargate configuration exists for given"
          " values: 256 CPU, 4096 memory. See the Amazon ECS documentation"
          " for the valid values." },
        { "{\"infrastructureRoleArn\":\"r\",\"executionRoleArn\":\"r\"}",
          "InvalidParameterException", "primaryContainer is required when"
          " taskDefinitionArn is not specified." },
        { "{\"infrastructureRoleArn\":\"r\",\"primaryContainer\":{"
          "\"image\":\"x\"}}", "InvalidParameterException",
          "executionRoleArn is required when taskDefinitionArn is not"
          " specified." }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        callkit_error(&k, "CreateExpressGatewayService", cases[i].body, 400,
                      cases[i].type, cases[i].message);
    }

    (void) callkit(&k, "CreateExpressGatewayService",
                   "{" ROLES ",\"primaryContainer\":{\"image\":"
                   "\"public.ecr.aws/x/shop:2\"}}");
    tap_ok(callkit_text(&k, "service.serviceName") != NULL
           && strncmp(callkit_text(&k, "service.serviceName"), "shop-", 5)
              == 0, "a name made of the image's");
}


static void
test_update(void)
{
    char  before[256];

    k.now += 1000;
    (void) callkit(&k, "UpdateExpressGatewayService",
                   "{\"serviceArn\":\"" WEB "\",\"primaryContainer\":{"
                   "\"image\":\"nginx:2\",\"containerPort\":8080},"
                   "\"cpu\":\"512\",\"memory\":\"1024\"}");
    callkit_ok(&k, "service.targetConfiguration.cpu", "512", "changed");
    callkit_ok(&k, "service.targetConfiguration.taskDefinitionArn",
               CALLKIT_ARN "task-definition/default-web:2", "changed");
    callkit_ok(&k, "service.targetConfiguration.healthCheckPath", "/ping",
               "kept");
    callkit_ok(&k, "service.updatedAt", "1789551557.693", "its time");
    save(before, sizeof(before),
         "service.targetConfiguration.serviceRevisionArn");
    tap_ok(strcmp(before, revision) != 0, "another revision");

    (void) callkit(&k, "DescribeExpressGatewayService",
                   "{\"serviceArn\":\"" WEB "\"}");
    callkit_ok(&k, "service.activeConfigurations", "[2]", "both are live");
    callkit_ok(&k, "service.activeConfigurations.0.primaryContainer.image",
               "nginx:2", "the new one first");
    callkit_ok(&k, "service.activeConfigurations.1.serviceRevisionArn",
               revision, "then the old one");

    /* what tasks are not made of starts no deployment */

    (void) callkit(&k, "UpdateExpressGatewayService",
                   "{\"serviceArn\":\"" WEB "\",\"scalingTarget\":{"
                   "\"minTaskCount\":3},\"healthCheckPath\":\"/up\"}");
    callkit_ok(&k, "service.targetConfiguration.serviceRevisionArn", before,
               "the same revision");
    callkit_ok(&k, "service.targetConfiguration.scalingTarget"
               ".maxTaskCount", "20", "kept");
    callkit_ok(&k, "service.targetConfiguration.healthCheckPath", "/up",
               "changed");
    (void) callkit(&k, "DescribeServices", "{\"services\":[\"web\"]}");
    callkit_ok(&k, "services.0.desiredCount", "3", "within the bounds");

    (void) callkit(&k, "UpdateExpressGatewayService",
                   "{\"serviceArn\":\"" WEB "\",\"cpu\":\"512\"}");
    callkit_ok(&k, "service.targetConfiguration.serviceRevisionArn", before,
               "nothing has changed");
    callkit_ok(&k, "service.targetConfiguration.taskDefinitionArn",
               CALLKIT_ARN "task-definition/default-web:2", "nor this");

    callkit_error(&k, "UpdateExpressGatewayService", "{\"serviceArn\":\""
                  CALLKIT_ARN "service/default/none\"}", 400,
                  "InvalidParameterException", "Resource not found");
}


/* UpdateService works on an Express service as well. */

static void
test_others(void)
{
    (void) callkit(&k, "UpdateService", "{\"service\":\"web\","
                   "\"taskDefinition\":\"default-web:1\"}");
    callkit_ok(&k, "service.status", "ACTIVE", "updated by another");
    callkit_ok(&k, "service.resourceManagementType", "ECS", "still of ECS");
    (void) callkit(&k, "DescribeExpressGatewayService",
                   "{\"serviceArn\":\"" WEB "\"}");
    callkit_ok(&k, "service.activeConfigurations.0.taskDefinitionArn",
               CALLKIT_ARN "task-definition/default-web:1",
               "what really runs");
    (void) callkit(&k, "UpdateExpressGatewayService",
                   "{\"serviceArn\":\"" WEB "\",\"healthCheckPath\":\"/\"}");
    callkit_ok(&k, "service.targetConfiguration.taskDefinitionArn",
               CALLKIT_ARN "task-definition/default-web:1",
               "it is not taken back");

    (void) callkit(&k, "RegisterTaskDefinition",
                   "{\"family\":\"plain\",\"containerDefinitions\":["
                   "{\"name\":\"a\",\"image\":\"i\",\"memory\":64}]}");
    (void) callkit(&k, "CreateService", "{\"serviceName\":\"plain\","
                   "\"taskDefinition\":\"plain\",\"launchType\":\"EC2\","
                   "\"desiredCount\":0}");
    callkit_ok(&k, "service.serviceName", "plain", "a plain service");
    callkit_error(&k, "DescribeExpressGatewayService", "{\"serviceArn\":\""
                  CALLKIT_ARN "service/default/plain\"}", 400,
                  "ResourceNotFoundException", "Resource not found");

    (void) callkit(&k, "ListServices",
                   "{\"resourceManagementType\":\"CUSTOMER\"}");
    callkit_ok(&k, "serviceArns", "[1]", "the customer's");
    callkit_ok(&k, "serviceArns.0", CALLKIT_ARN "service/default/plain",
               "the customer's");
    (void) callkit(&k, "ListServices",
                   "{\"resourceManagementType\":\"ECS\"}");
    callkit_ok(&k, "serviceArns", "[2]", "those of ECS");
}


static void
test_own_definition(void)
{
    (void) callkit(&k, "RegisterTaskDefinition",
                   "{\"family\":\"own\",\"networkMode\":\"awsvpc\","
                   "\"cpu\":\"1024\",\"memory\":\"2048\","
                   "\"requiresCompatibilities\":[\"FARGATE\"],"
                   "\"containerDefinitions\":[{\"name\":\"Main\","
                   "\"image\":\"own:1\",\"portMappings\":[{\"name\":\"p\","
                   "\"containerPort\":81}]},{\"name\":\"side\","
                   "\"image\":\"side\"}]}");
    (void) callkit(&k, "CreateExpressGatewayService",
                   "{\"serviceName\":\"own\",\"infrastructureRoleArn\":\"r\""
                   ",\"taskDefinitionArn\":\"own\",\"networkConfiguration\":"
                   "{\"subnets\":[\"subnet-1\"],\"securityGroups\":"
                   "[\"sg-1\"]}}");
    callkit_ok(&k, "service.activeConfigurations.0.taskDefinitionArn",
               CALLKIT_ARN "task-definition/own:1", "as given");
    callkit_ok(&k, "service.activeConfigurations.0.cpu", "1024",
               "of the definition");
    callkit_ok(&k, "service.activeConfigurations.0.cpuArchitecture", NULL,
               "it names none");
    callkit_ok(&k, "service.activeConfigurations.0.primaryContainer.image",
               "own:1", "of the definition");
    callkit_ok(&k, "service.activeConfigurations.0.networkConfiguration"
               ".securityGroups.0", "sg-1", "as given");

    callkit_error(&k, "CreateExpressGatewayService",
                  "{\"serviceName\":\"x\",\"infrastructureRoleArn\":\"r\","
                  "\"taskDefinitionArn\":\"plain\"}", 400,
                  "InvalidParameterException",
                  "The task definition must have a container named Main with"
                  " a single TCP port mapping that includes a container port"
                  " and port name.");
    callkit_error(&k, "CreateExpressGatewayService",
                  "{\"serviceName\":\"x\",\"infrastructureRoleArn\":\"r\","
                  "\"taskDefinitionArn\":\"none\"}", 400,
                  "ClientException", "TaskDefinition not found.");

    (void) callkit(&k, "UpdateExpressGatewayService",
                   "{\"serviceArn\":\"" CALLKIT_ARN "service/default/own\","
                   "\"primaryContainer\":{\"image\":\"nginx\"},"
                   "\"executionRoleArn\":\"arn:aws:iam::000000000000:role/e\""
                   "}");
    callkit_ok(&k, "service.targetConfiguration.taskDefinitionArn",
               CALLKIT_ARN "task-definition/default-own:1", "now ours");
    callkit_ok(&k, "service.targetConfiguration.cpu", "256", "our defaults");
}


static void
test_delete(void)
{
    (void) callkit(&k, "DeleteExpressGatewayService",
                   "{\"serviceArn\":\"" WEB "\"}");
    callkit_ok(&k, "service.status.statusCode", "DRAINING", "deleted");
    callkit_error(&k, "DeleteExpressGatewayService",
                  "{\"serviceArn\":\"" WEB "\"}", 400,
                  "ServiceNotActiveException", "Cannot perform this operation"
                  " on a service in DRAINING status");
    callkit_error(&k, "UpdateExpressGatewayService",
                  "{\"serviceArn\":\"" WEB "\"}", 400,
                  "ServiceNotActiveException", "Cannot perform this operation"
                  " on a service in DRAINING status");
    (void) callkit(&k, "DescribeExpressGatewayService",
                   "{\"serviceArn\":\"" WEB "\"}");
    callkit_ok(&k, "service.status.statusCode", "DRAINING", "still there");
}


static void
test_memory(void)
{
    callkit_sweep(&k, "CreateExpressGatewayService", CREATE("new", ""));
    callkit_sweep(&k, "DescribeExpressGatewayService", "{\"serviceArn\":\""
                  CALLKIT_ARN "service/default/own\"}");
    callkit_sweep(&k, "UpdateExpressGatewayService", "{\"serviceArn\":\""
                  CALLKIT_ARN "service/default/own\",\"cpu\":\"512\","
                  "\"memory\":\"1024\"}");
    callkit_sweep(&k, "DeleteExpressGatewayService", "{\"serviceArn\":\""
                  CALLKIT_ARN "service/default/own\"}");

    k.region = kecs_str("eu-west-1");
    callkit_sweep(&k, "CreateExpressGatewayService", CREATE("new", ""));
    k.region = kecs_str("us-east-1");
}


int
main(void)
{
    callkit_open(&k);

    test_create();
    test_describe();
    test_create_errors();
    test_update();
    test_others();
    test_own_definition();
    test_delete();
    test_memory();

    callkit_close(&k);

    return tap_done();
}
