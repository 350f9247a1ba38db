/*
 * Container instances and their attributes: registering and coming back,
 * describing, listing with filters and pages, draining, deregistering, and
 * what a cluster counts of them.
 */

#include "callkit.h"


#define keep  callkit_keep
#define listed(k, in, n)                                                     \
    callkit_list(k, "ListContainerInstances", in, "containerInstanceArns", n)

#define INVALID  "InvalidParameterException"
#define NONE     "0123456789abcdef0123456789abcdef"
#define ARN      CALLKIT_ARN "container-instance/default/"

#define RESOURCES                                                            \
    "\"totalResources\":["                                                   \
    "{\"name\":\"CPU\",\"type\":\"INTEGER\",\"integerValue\":2048},"         \
    "{\"name\":\"MEMORY\",\"type\":\"INTEGER\",\"integerValue\":3768},"      \
    "{\"name\":\"PORTS\",\"type\":\"STRINGSET\","                            \
    "\"stringSetValue\":[\"22\",\"2375\"]},"                                 \
    "{\"name\":\"PORTS_UDP\",\"type\":\"STRINGSET\","                        \
    "\"stringSetValue\":[]}]"

#define DOCUMENT                                                             \
    "\"instanceIdentityDocument\":\"{\\\"instanceId\\\":\\\"i-0abc\\\","     \
    "\\\"availabilityZone\\\":\\\"us-east-1b\\\","                           \
    "\\\"instanceType\\\":\\\"t3.medium\\\",\\\"imageId\\\":\\\"ami-1\\\","  \
    "\\\"architecture\\\":\\\"x86_64\\\"}\""

#define VERSION                                                              \
    "\"versionInfo\":{\"agentVersion\":\"1.80.0\",\"agentHash\":\"abc\","    \
    "\"dockerVersion\":\"DockerVersion: 20.10\"}"

#define REGISTER                                                             \
    "{" DOCUMENT "," RESOURCES "," VERSION ",\"attributes\":["               \
    "{\"name\":\"ecs.capability.task-eni\"},"                                \
    "{\"name\":\"ecs.os-type\",\"value\":\"linux\"},"                        \
    "{\"name\":\"ecs.availability-zone\",\"value\":\"us-east-1a\"}],"        \
    "\"tags\":[{\"key\":\"team\",\"value\":\"mine\"}]}"


static void
open_with(callkit_t *k)
{
    callkit_open(k);
    (void) callkit(k, "CreateCluster", "{}");
}


static const char *
fill(char *to, size_t size, const char *fmt, const char *value)
{
    (void) snprintf(to, size, fmt, value, value);

    return to;
}


static void
register_one(callkit_t *k, const char *in, char *arn, size_t size)
{
    (void) callkit(k, "RegisterContainerInstance", in);
    callkit_ok(k, "containerInstance.status", "ACTIVE", "registered");
    (void) keep(k, "containerInstance.containerInstanceArn", arn, size);
}


/* RegisterContainerInstance. */

static void
test_register(void)
{
    char        arn[256];
    callkit_t   k;

    open_with(&k);
    register_one(&k, REGISTER, arn, sizeof(arn));

    tap_ok(strstr(arn, ARN) == arn && strlen(arn) == strlen(ARN) + 32,
           "container instance ARN %s", arn);
    callkit_ok(&k, "containerInstance.ec2InstanceId", "i-0abc", "new");
    callkit_ok(&k, "containerInstance.agentConnected", "true", "new");
    callkit_ok(&k, "containerInstance.agentUpdateStatus", NULL, "new");
    callkit_ok(&k, "containerInstance.registeredAt", "1789551556.693",
               "new");
    callkit_ok(&k, "containerInstance.version", "1", "new");
    callkit_ok(&k, "containerInstance.runningTasksCount", "0", "new");
    callkit_ok(&k, "containerInstance.pendingTasksCount", "0", "new");
    callkit_ok(&k, "containerInstance.attachments", "[0]", "new");
    callkit_ok(&k, "containerInstance.versionInfo.agentVersion", "1.80.0",
               "new");
    callkit_ok(&k, "containerInstance.capacityProviderName", NULL, "new");
    callkit_ok(&k, "containerInstance.healthStatus", NULL, "new");
    callkit_ok(&k, "containerInstance.tags.0.key", "team", "new");
    callkit_ok(&k, "containerInstance.registeredResources", "[4]", "new");
    callkit_ok(&k, "containerInstance.registeredResources.0.name", "CPU",
               "new");
    callkit_ok(&k, "containerInstance.registeredResources.0.integerValue",
               "2048", "new");
    callkit_ok(&k, "containerInstance.registeredResources.0.longValue", "0",
               "new");
    callkit_ok(&k, "containerInstance.remainingResources.1.integerValue",
               "3768", "new");
    callkit_ok(&k, "containerInstance.remainingResources.2.stringSetValue",
               "[2]", "new");
    callkit_ok(&k, "containerInstance.attributes", "[6]",
               "what was sent and what the document says");
    callkit_ok(&k, "containerInstance.attributes.0.name", "ecs.ami-id",
               "by name");
    callkit_ok(&k, "containerInstance.attributes.1.value", "us-east-1a",
               "the agent's own counts");
    callkit_ok(&k, "containerInstance.attributes.2.name",
               "ecs.capability.task-eni", "new");
    callkit_ok(&k, "containerInstance.attributes.2.value", NULL,
               "without a value");

    (void) callkit(&k, "DescribeClusters", "{}");
    callkit_ok(&k, "clusters.0.registeredContainerInstancesCount", "1",
               "counted");

    callkit_close(&k);
}


static void
test_devices(void)
{
    callkit_t  k;

    open_with(&k);
    (void) callkit(&k, "RegisterContainerInstance", "{\"platformDevices\":["
                   "{\"id\":\"gpu-1\",\"type\":\"GPU\"},"
                   "{\"id\":\"gpu-2\",\"type\":\"GPU\"}]}");
    callkit_ok(&k, "containerInstance.registeredResources", "[1]", "GPU");
    callkit_ok(&k, "containerInstance.registeredResources.0.name", "GPU",
               "GPU");
    callkit_ok(&k, "containerInstance.registeredResources.0.type",
               "STRINGSET", "GPU");
    callkit_ok(&k,
               "containerInstance.remainingResources.0.stringSetValue.1",
               "gpu-2", "GPU");
    callkit_ok(&k, "containerInstance.ec2InstanceId", NULL, "no document");
    callkit_ok(&k, "containerInstance.attributes", "[0]", "none");
    callkit_ok(&k, "containerInstance.versionInfo", "{0}", "none");
    callkit_close(&k);
}


static void
test_again(void)
{
    char        arn[256], in[1024];
    callkit_t   k;

    open_with(&k);
    register_one(&k, REGISTER, arn, sizeof(arn));
    (void) callkit(&k, "PutAttributes",
                   fill(in, sizeof(in), "{\"attributes\":[{\"name\":"
                        "\"stack\",\"value\":\"blue\",\"targetId\":"
                        "\"%s\"}]}", arn));

    k.now += 1000;
    (void) callkit(&k, "RegisterContainerInstance",
                   fill(in, sizeof(in), "{" DOCUMENT ","
                        "\"containerInstanceArn\":\"%s\",\"attributes\":["
                        "{\"name\":\"ecs.os-type\",\"value\":\"windows\"}],"
                        "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}", arn));
    callkit_ok(&k, "containerInstance.containerInstanceArn", arn, "again");
    callkit_ok(&k, "containerInstance.registeredAt", "1789551556.693",
               "again");
    callkit_ok(&k, "containerInstance.version", "3", "again");
    callkit_ok(&k, "containerInstance.attributes", "[6]",
               "the client's stay, the agent's are new");
    callkit_ok(&k, "containerInstance.attributes.4.value", "windows",
               "again");
    callkit_ok(&k, "containerInstance.attributes.5.name", "stack", "again");
    callkit_ok(&k, "containerInstance.registeredResources", "[0]", "again");
    callkit_ok(&k, "containerInstance.versionInfo.agentVersion", "1.80.0",
               "again");
    callkit_ok(&k, "containerInstance.tags", "[2]", "again");

    fill(in, sizeof(in), "{\"containerInstanceArn\":\"%s\","
         "\"instanceIdentityDocument\":"
         "\"{\\\"instanceType\\\":\\\"t3.large\\\"}\"}", arn);
    (void) callkit(&k, "RegisterContainerInstance", in);
    tap_is_int(k.status, 400, "another type");
    tap_ok(strstr(k.body, "Container instance type changes are not"
                  " supported. Container instance ") != NULL
           && strstr(k.body, "was previously registered as t3.medium.")
              != NULL, "%s", k.body);

    (void) callkit(&k, "DescribeClusters", "{}");
    callkit_ok(&k, "clusters.0.registeredContainerInstancesCount", "1",
               "still one");
    callkit_close(&k);
}


static void
test_register_errors(void)
{
    char        in[1024], name[200];
    callkit_t   k;

    open_with(&k);

    callkit_error(&k, "RegisterContainerInstance", "{\"cluster\":\"none\"}",
                  400, "ClusterNotFoundException", "Cluster not found.");
    callkit_error(&k, "RegisterContainerInstance",
                  "{\"instanceIdentityDocument\":\"what\"}", 400,
                  "ClientException", "Invalid instance identity document.");
    callkit_error(&k, "RegisterContainerInstance",
                  "{\"containerInstanceArn\":\"abc\"}", 400, INVALID,
                  "instanceId length should be one of [32,36]");
    callkit_error(&k, "RegisterContainerInstance",
                  "{\"containerInstanceArn\":\"" NONE "\"}", 400, INVALID,
                  "The referenced container instance was not found.");
    callkit_error(&k, "RegisterContainerInstance",
                  "{\"containerInstanceArn\":\"" CALLKIT_ARN
                  "container-instance/other/" NONE "\"}", 400, INVALID,
                  "Invalid identifier: Identifier is for cluster other."
                  " Your cluster is default");
    callkit_error(&k, "RegisterContainerInstance",
                  "{\"attributes\":[{\"name\":\"a b\"}]}", 400, INVALID,
                  "Attribute name contains invalid characters.");
    callkit_error(&k, "RegisterContainerInstance",
                  "{\"attributes\":[{\"name\":\"a\",\"value\":\" b\"}]}",
                  400, INVALID,
                  "Attribute value contains invalid characters.");
    callkit_error(&k, "RegisterContainerInstance",
                  "{\"tags\":[{\"key\":\"aws:a\",\"value\":\"\"}]}", 400,
                  INVALID, "aws: prefixed tag key names are not allowed for"
                  " external use.");

    memset(name, 'n', sizeof(name));
    name[129] = '\0';
    callkit_error(&k, "RegisterContainerInstance",
                  fill(in, sizeof(in), "{\"attributes\":[{\"name\":\"%s\"}]}",
                       name), 400, INVALID,
                  "Attribute name must be between 1 and 128 characters.");

    callkit_close(&k);
}


/* DescribeContainerInstances. */

static void
test_describe(void)
{
    char        arn[256], in[1024];
    callkit_t   k;

    open_with(&k);
    register_one(&k, REGISTER, arn, sizeof(arn));

    (void) snprintf(in, sizeof(in), "{\"containerInstances\":[\"%s\","
                    "\"%s\",\"" NONE "\"]}", arn, arn + strlen(ARN));
    (void) callkit(&k, "DescribeContainerInstances", in);
    callkit_ok(&k, "containerInstances", "[1]", "each once");
    callkit_ok(&k, "containerInstances.0.containerInstanceArn", arn,
               "describe");
    callkit_ok(&k, "containerInstances.0.tags", "[0]", "not included");
    callkit_ok(&k, "containerInstances.0.healthStatus", NULL,
               "not included");
    callkit_ok(&k, "failures", "[1]", "describe");
    callkit_ok(&k, "failures.0.arn", ARN NONE, "describe");
    callkit_ok(&k, "failures.0.reason", "MISSING", "describe");

    (void) callkit(&k, "DescribeContainerInstances",
                   fill(in, sizeof(in), "{\"containerInstances\":[\"%s\"],"
                        "\"include\":[\"TAGS\","
                        "\"CONTAINER_INSTANCE_HEALTH\"]}", arn));
    callkit_ok(&k, "containerInstances.0.tags.0.value", "mine", "included");
    callkit_ok(&k, "containerInstances.0.healthStatus.overallStatus",
               "INSUFFICIENT_DATA", "included");

    callkit_error(&k, "DescribeContainerInstances", "{}", 400,
                  "ClientException", "Container Instances cannot be empty.");
    callkit_error(&k, "DescribeContainerInstances",
                  "{\"containerInstances\":[\"abc\"]}", 400, INVALID,
                  "instanceId length should be one of [32,36]");
    callkit_error(&k, "DescribeContainerInstances",
                  "{\"cluster\":\"none\",\"containerInstances\":[\"a\"]}",
                  400, "ClusterNotFoundException", "Cluster not found.");

    callkit_close(&k);
}


/* ListContainerInstances. */

static void
test_list(void)
{
    char        arn[256], in[1024];
    callkit_t   k;

    open_with(&k);
    listed(&k, "{}", "[0]");
    register_one(&k, "{\"attributes\":[{\"name\":\"stack\",\"value\":"
                 "\"blue\"}]}", arn, sizeof(arn));
    register_one(&k, REGISTER, arn, sizeof(arn));

    listed(&k, "{}", "[2]");
    listed(&k, "{\"status\":\"ACTIVE\"}", "[2]");
    listed(&k, "{\"status\":\"DRAINING\"}", "[0]");
    listed(&k, "{\"filter\":\"attribute:stack == blue\"}", "[1]");
    listed(&k, "{\"filter\":\"attribute:stack == green\"}", "[0]");
    listed(&k, "{\"filter\":\"attribute:ecs.instance-type =~ t3.*\"}",
           "[1]");
    callkit_ok(&k, "containerInstanceArns.0", arn, "by its type");
    listed(&k, "{\"filter\":\"ec2InstanceId in ['i-0abc']\"}", "[1]");
    listed(&k, "{\"filter\":\"agentConnected == true\"}", "[2]");
    listed(&k, "{\"filter\":\"agentVersion > 1.9.0\"}", "[1]");
    listed(&k, "{\"filter\":\"registeredAt > 2026-01-01\"}", "[2]");
    listed(&k, "{\"filter\":\"runningTasksCount == 0 and"
           " task:group != family:web\"}", "[2]");

    (void) callkit(&k, "UpdateContainerInstancesState",
                   fill(in, sizeof(in), "{\"status\":\"DRAINING\","
                        "\"containerInstances\":[\"%s\"]}", arn));
    listed(&k, "{}", "[2]");
    listed(&k, "{\"status\":\"DRAINING\"}", "[1]");
    callkit_ok(&k, "containerInstanceArns.0", arn, "the draining one");
    listed(&k, "{\"status\":\"ACTIVE\",\"filter\":"
           "\"agentVersion exists\"}", "[0]");

    listed(&k, "{\"maxResults\":1}", "[1]");
    (void) keep(&k, "nextToken", arn, sizeof(arn));
    listed(&k, fill(in, sizeof(in), "{\"maxResults\":1,"
                    "\"nextToken\":\"%s\"}", arn), "[1]");
    callkit_ok(&k, "nextToken", NULL, "the last page");

    callkit_error(&k, "ListContainerInstances", "{\"cluster\":\"none\"}",
                  400, "ClusterNotFoundException", "Cluster not found.");
    callkit_error(&k, "ListContainerInstances", "{\"status\":\"GONE\"}",
                  400, INVALID, "container instance status should be one of"
                  " [ACTIVE,DRAINING,REGISTERING,DEREGISTERING,"
                  "REGISTRATION_FAILED]");
    callkit_error(&k, "ListContainerInstances", "{\"filter\":\"colour\"}",
                  400, INVALID, "Invalid filter: 'colour' is no subject.");
    callkit_error(&k, "ListContainerInstances", "{\"maxResults\":101}",
                  400, INVALID, "Max results can not be greater than 100");

    callkit_close(&k);
}


/* States. */

static void
test_state(void)
{
    char        arn[256], in[1024];
    callkit_t   k;

    open_with(&k);
    register_one(&k, REGISTER, arn, sizeof(arn));

    (void) callkit(&k, "UpdateContainerInstancesState",
                   fill(in, sizeof(in), "{\"status\":\"DRAINING\","
                        "\"containerInstances\":[\"%s\",\"" NONE "\"]}",
                        arn));
    callkit_ok(&k, "containerInstances", "[1]", "drain");
    callkit_ok(&k, "containerInstances.0.status", "DRAINING", "drain");
    callkit_ok(&k, "containerInstances.0.version", "2", "drain");
    callkit_ok(&k, "failures.0.reason", "MISSING", "drain");

    (void) callkit(&k, "UpdateContainerInstancesState",
                   fill(in, sizeof(in), "{\"status\":\"DRAINING\","
                        "\"containerInstances\":[\"%s\"]}", arn));
    callkit_ok(&k, "containerInstances.0.version", "2", "drained already");

    (void) callkit(&k, "UpdateContainerInstancesState",
                   fill(in, sizeof(in), "{\"status\":\"ACTIVE\","
                        "\"containerInstances\":[\"%s\"]}", arn));
    callkit_ok(&k, "containerInstances.0.status", "ACTIVE", "back");

    callkit_error(&k, "UpdateContainerInstancesState",
                  fill(in, sizeof(in), "{\"status\":\"INACTIVE\","
                       "\"containerInstances\":[\"%s\"]}", arn), 400,
                  INVALID, "Container instance status should be one of"
                  " [ACTIVE, DRAINING]");
    callkit_error(&k, "UpdateContainerInstancesState",
                  "{\"status\":\"ACTIVE\"}", 400, "ClientException",
                  "Container Instances cannot be empty.");
    callkit_error(&k, "UpdateContainerInstancesState",
                  "{\"status\":\"ACTIVE\",\"containerInstances\":[\"1\","
                  "\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\","
                  "\"11\"]}", 400, INVALID,
                  "Container Instances cannot have more than 10 elements.");

    callkit_close(&k);
}


static void
test_deregister(void)
{
    char        arn[256], in[1024], why[256];
    callkit_t   k;

    open_with(&k);
    register_one(&k, REGISTER, arn, sizeof(arn));

    callkit_error(&k, "DeleteCluster", "{\"cluster\":\"default\"}", 400,
                  "ClusterContainsContainerInstancesException",
                  "The Cluster cannot be deleted while Container Instances"
                  " are active or draining.");

    (void) callkit(&k, "DeregisterContainerInstance",
                   fill(in, sizeof(in), "{\"containerInstance\":\"%s\"}",
                        arn));
    callkit_ok(&k, "containerInstance.status", "INACTIVE", "deregister");
    callkit_ok(&k, "containerInstance.agentConnected", "false",
               "deregister");

    (void) callkit(&k, "DescribeContainerInstances",
                   fill(in, sizeof(in), "{\"containerInstances\":[\"%s\"]}",
                        arn));
    callkit_ok(&k, "containerInstances.0.status", "INACTIVE", "still there");
    listed(&k, "{}", "[0]");

    (void) callkit(&k, "UpdateContainerInstancesState",
                   fill(in, sizeof(in), "{\"status\":\"ACTIVE\","
                        "\"containerInstances\":[\"%s\"]}", arn));
    callkit_ok(&k, "failures.0.reason", "INACTIVE", "too late");

    (void) snprintf(why, sizeof(why), "Container instance %s is inactive.",
                    arn + strlen(ARN));
    callkit_error(&k, "DeregisterContainerInstance",
                  fill(in, sizeof(in), "{\"containerInstance\":\"%s\"}",
                       arn), 400, "ClientException", why);
    callkit_error(&k, "RegisterContainerInstance",
                  fill(in, sizeof(in), "{\"containerInstanceArn\":\"%s\"}",
                       arn), 400, "ClientException", why);
    callkit_error(&k, "DeregisterContainerInstance",
                  "{\"containerInstance\":\"" NONE "\"}", 400, INVALID,
                  "The referenced container instance was not found.");

    (void) callkit(&k, "DeleteCluster", "{\"cluster\":\"default\"}");
    callkit_ok(&k, "cluster.status", "INACTIVE", "nothing is left");

    callkit_close(&k);
}


static void
test_agent_update(void)
{
    char        arn[256], in[400];
    callkit_t   k;

    open_with(&k);
    register_one(&k, REGISTER, arn, sizeof(arn));
    callkit_error(&k, "UpdateContainerAgent",
                  fill(in, sizeof(in), "{\"containerInstance\":\"%s\"}",
                       arn), 400, "NoUpdateAvailableException",
                  "There's no update available for this Amazon ECS container"
                  " agent.");

    register_one(&k, "{}", arn, sizeof(arn));
    callkit_error(&k, "UpdateContainerAgent",
                  fill(in, sizeof(in), "{\"containerInstance\":\"%s\"}",
                       arn), 400, "MissingVersionException",
                  "Amazon ECS can't determine the current version of the"
                  " Amazon ECS container agent on the container instance.");
    callkit_error(&k, "UpdateContainerAgent",
                  "{\"containerInstance\":\"" NONE "\"}", 400, INVALID,
                  "The referenced container instance was not found.");
    callkit_close(&k);
}


/* Tags. */

static void
test_tags(void)
{
    char        arn[256], in[600];
    callkit_t   k;

    open_with(&k);
    register_one(&k, REGISTER, arn, sizeof(arn));

    (void) callkit(&k, "TagResource",
                   fill(in, sizeof(in), "{\"resourceArn\":\"%s\",\"tags\":["
                        "{\"key\":\"a\",\"value\":\"b\"}]}", arn));
    tap_is_int(k.status, 200, "tagged");
    (void) callkit(&k, "UntagResource",
                   fill(in, sizeof(in), "{\"resourceArn\":\"%s\","
                        "\"tagKeys\":[\"team\"]}", arn));
    (void) callkit(&k, "ListTagsForResource",
                   fill(in, sizeof(in), "{\"resourceArn\":\"%s\"}", arn));
    callkit_ok(&k, "tags", "[1]", "tags");
    callkit_ok(&k, "tags.0.key", "a", "tags");

    callkit_error(&k, "ListTagsForResource",
                  "{\"resourceArn\":\"" ARN NONE "\"}", 400, INVALID,
                  "The specified container instance does not exist. Specify"
                  " a valid container instance and try again.");
    callkit_close(&k);
}


/* Attributes. */

static void
attributes(callkit_t *k, const char *in, const char *n)
{
    (void) callkit(k, "ListAttributes", in);
    callkit_ok(k, "attributes", n, in);
}


static void
test_attributes(void)
{
    char        arn[256], in[1200];
    callkit_t   k;

    open_with(&k);
    register_one(&k, REGISTER, arn, sizeof(arn));

    (void) callkit(&k, "PutAttributes",
                   fill(in, sizeof(in), "{\"attributes\":["
                        "{\"name\":\"stack\",\"value\":\"blue green\","
                        "\"targetId\":\"%s\"},"
                        "{\"name\":\"bare\",\"targetType\":"
                        "\"container-instance\",\"targetId\":\"%s\"}]}",
                        arn));
    callkit_ok(&k, "attributes", "[2]", "put");
    callkit_ok(&k, "attributes.0.name", "stack", "put");
    callkit_ok(&k, "attributes.0.value", "blue green", "put");
    callkit_ok(&k, "attributes.0.targetId", arn, "put");
    callkit_ok(&k, "attributes.0.targetType", NULL, "put");
    callkit_ok(&k, "attributes.1.value", NULL, "put");

    attributes(&k, "{\"targetType\":\"container-instance\"}", "[8]");
    callkit_ok(&k, "attributes.0.name", "bare", "by name");
    attributes(&k, "{\"targetType\":\"container-instance\","
               "\"attributeName\":\"stack\"}", "[1]");
    callkit_ok(&k, "attributes.0.targetId", arn, "by name");
    attributes(&k, "{\"targetType\":\"container-instance\","
               "\"attributeName\":\"stack\",\"attributeValue\":\"blue\"}",
               "[0]");
    attributes(&k, "{\"targetType\":\"container-instance\","
               "\"attributeName\":\"ecs.os-type\","
               "\"attributeValue\":\"linux\"}", "[1]");

    (void) callkit(&k, "PutAttributes",
                   fill(in, sizeof(in), "{\"attributes\":[{\"name\":"
                        "\"stack\",\"value\":\"red\",\"targetId\":"
                        "\"%s\"}]}", arn + strlen(ARN)));
    callkit_ok(&k, "attributes.0.targetId", arn, "the short id");
    attributes(&k, "{\"targetType\":\"container-instance\","
               "\"attributeName\":\"stack\",\"attributeValue\":\"red\"}",
               "[1]");

    (void) callkit(&k, "DeleteAttributes",
                   fill(in, sizeof(in), "{\"attributes\":["
                        "{\"name\":\"stack\",\"targetId\":\"%s\"},"
                        "{\"name\":\"none\",\"targetId\":\"%s\"}]}", arn));
    callkit_ok(&k, "attributes", "[1]", "deleted");
    callkit_ok(&k, "attributes.0.value", "red", "deleted");
    attributes(&k, "{\"targetType\":\"container-instance\"}", "[7]");

    callkit_close(&k);
}


static const char *const  bad_puts[][3] = {
    { "{\"attributes\":[]}", INVALID, "Attributes cannot be empty." },
    { "{\"attributes\":[{\"name\":\"a\"}]}", INVALID,
      "targetId can not be blank." },
    { "{\"attributes\":[{\"name\":\"a\",\"targetId\":\"" NONE "\"}]}",
      "TargetNotFoundException", "The specified target wasn't found." },
    { "{\"attributes\":[{\"name\":\"a\",\"targetId\":\"x\"}]}", INVALID,
      "instanceId length should be one of [32,36]" },
    { "{\"attributes\":[{\"name\":\"a\",\"targetType\":\"task\","
      "\"targetId\":\"" NONE "\"}]}", INVALID,
      "targetType must be container-instance" },
    { "{\"attributes\":[{\"name\":\"ecs.os-type\",\"value\":\"x\","
      "\"targetId\":\"" NONE "\"}]}", INVALID,
      "The attribute ecs.os-type is reserved and cannot be changed." },
    { "{\"cluster\":\"none\",\"attributes\":[{\"name\":\"a\"}]}",
      "ClusterNotFoundException", "Cluster not found." }
};


static void
test_attribute_errors(void)
{
    char        arn[256], in[3000];
    size_t      i, n;
    callkit_t   k;

    open_with(&k);
    register_one(&k, REGISTER, arn, sizeof(arn));

    for (i = 0; i < sizeof(bad_puts) / sizeof(bad_puts[0]); i++) {
        callkit_error(&k, "PutAttributes", bad_puts[i][0], 400,
                      bad_puts[i][1], bad_puts[i][2]);
        callkit_error(&k, "DeleteAttributes", bad_puts[i][0], 400,
                      bad_puts[i][1], bad_puts[i][2]);
    }

    callkit_error(&k, "PutAttributes",
                  fill(in, sizeof(in), "{\"attributes\":[{\"name\":\"\","
                       "\"targetId\":\"%s\"}]}", arn), 400, INVALID,
                  "Attribute name must be between 1 and 128 characters.");

    n = (size_t) snprintf(in, sizeof(in), "{\"attributes\":[");

    for (i = 0; i < 10; i++) {
        n += (size_t) snprintf(in + n, sizeof(in) - n, "%s{\"name\":"
                               "\"a%zu\",\"targetId\":\"%s\"}",
                               i ? "," : "", i, arn);
    }

    (void) snprintf(in + n, sizeof(in) - n, "]}");
    (void) callkit(&k, "PutAttributes", in);
    callkit_ok(&k, "attributes", "[10]", "ten of one's own");
    (void) callkit(&k, "PutAttributes", in);
    callkit_ok(&k, "attributes", "[10]", "the same ten");
    callkit_error(&k, "PutAttributes",
                  fill(in, sizeof(in), "{\"attributes\":[{\"name\":\"more\","
                       "\"targetId\":\"%s\"}]}", arn), 400,
                  "AttributeLimitExceededException",
                  "You can apply up to 10 custom attributes for each"
                  " resource.");

    callkit_error(&k, "ListAttributes", "{\"targetType\":\"task\"}", 400,
                  INVALID, "targetType must be container-instance");
    callkit_error(&k, "ListAttributes", "{\"targetType\":"
                  "\"container-instance\",\"attributeValue\":\"a\"}", 400,
                  INVALID, "attributeName must be specified with"
                  " attributeValue.");
    (void) callkit(&k, "ListAttributes", "{}");
    tap_is_int(k.status, 400, "targetType is required");

    callkit_close(&k);
}


/* Every attribute once, in pages that end within instances. */

static void
test_attribute_pages(void)
{
    char        arn[256], token[600], in[900];
    size_t      i, n, pages;
    callkit_t   k;

    open_with(&k);

    for (i = 0; i < 4; i++) {
        register_one(&k, REGISTER, arn, sizeof(arn));
    }

    token[0] = '\0';

    for (n = 0, pages = 0; pages < 20; pages++) {
        (void) snprintf(in, sizeof(in), "{\"targetType\":"
                        "\"container-instance\",\"maxResults\":5%s%s%s}",
                        token[0] ? ",\"nextToken\":\"" : "", token,
                        token[0] ? "\"" : "");
        (void) callkit(&k, "ListAttributes", in);
        n += callkit_at(&k, "attributes")->n;

        if (keep(&k, "nextToken", token, sizeof(token))[0] == '\0') {
            break;
        }
    }

    tap_is_int((int64_t) n, 24, "all attributes");
    tap_is_int((int64_t) pages, 4, "in five pages");

    k.conf.scan_limit = 1;
    (void) callkit(&k, "ListAttributes", "{\"targetType\":"
                   "\"container-instance\",\"attributeName\":\"none\"}");
    callkit_ok(&k, "attributes", "[0]", "a page may be empty");
    tap_ok(keep(&k, "nextToken", token, sizeof(token))[0] != '\0',
           "and there may be more");

    callkit_close(&k);
}


static void
test_memory(void)
{
    char        arn[256], in[1200];
    callkit_t   k;

    open_with(&k);
    callkit_sweep(&k, "RegisterContainerInstance", REGISTER);
    register_one(&k, REGISTER, arn, sizeof(arn));
    callkit_sweep(&k, "RegisterContainerInstance",
                  fill(in, sizeof(in), "{" DOCUMENT "," VERSION ","
                       "\"containerInstanceArn\":\"%s\","
                       "\"platformDevices\":[{\"id\":\"g\",\"type\":"
                       "\"GPU\"}]}", arn));
    callkit_sweep(&k, "DescribeContainerInstances",
                  fill(in, sizeof(in), "{\"containerInstances\":[\"%s\",\""
                       NONE "\"]}", arn));
    callkit_sweep(&k, "ListContainerInstances",
                  "{\"filter\":\"attribute:ecs.os-type =~ l.*\","
                  "\"maxResults\":1}");
    callkit_sweep(&k, "UpdateContainerInstancesState",
                  fill(in, sizeof(in), "{\"status\":\"DRAINING\","
                       "\"containerInstances\":[\"%s\"]}", arn));
    callkit_sweep(&k, "PutAttributes",
                  fill(in, sizeof(in), "{\"attributes\":[{\"name\":\"a\","
                       "\"value\":\"b\",\"targetId\":\"%s\"}]}", arn));
    callkit_sweep(&k, "ListAttributes",
                  "{\"targetType\":\"container-instance\","
                  "\"maxResults\":2}");
    callkit_sweep(&k, "DeregisterContainerInstance",
                  fill(in, sizeof(in), "{\"containerInstance\":\"%s\"}",
                       arn));
    callkit_close(&k);
}


int
main(void)
{
    test_register();
    test_devices();
    test_again();
    test_register_errors();
    test_describe();
    test_list();
    test_state();
    test_deregister();
    test_agent_update();
    test_tags();
    test_attributes();
    test_attribute_errors();
    test_attribute_pages();
    test_memory();

    return tap_done();
}
