/*
 * Daemons: their task definitions, their life, deployments and revisions,
 * lists, tags, what goes with a cluster, and every allocation failing.
 */

#include "callkit.h"


#define is_body(body, what)  callkit_body(&k, body, what)
#define save(to, size, path)  callkit_save(&k, path, to, size)

#define DAEMON   CALLKIT_ARN "daemon/one/agent"
#define TASKDEF  CALLKIT_ARN "daemon-task-definition/"
#define CP       CALLKIT_ARN "capacity-provider/"
#define CLUSTER  CALLKIT_ARN "cluster/one"

#define AGENT                                                                \
    "\"containerDefinitions\":[{\"name\":\"agent\",\"image\":\"agent:1\","   \
    "\"memory\":128}]"

#define CREATE                                                               \
    "{\"daemonName\":\"agent\",\"clusterArn\":\"" CLUSTER "\","              \
    "\"daemonTaskDefinitionArn\":\"" TASKDEF "agent:2\","                    \
    "\"capacityProviderArns\":[\"" CP "managed\"],"                          \
    "\"clientToken\":\"t1\",\"tags\":[{\"key\":\"a\",\"value\":\"1\"}]}"

static callkit_t  k;
static char       deployment[256], revision[256], first[256];


static unsigned
call(const char *op, const char *fmt, const char *arg)
{
    char  body[1024];

    (void) snprintf(body, sizeof(body), fmt, arg);

    return callkit(&k, op, body);
}


static void
provider(const char *name, const char *cluster)
{
    char  body[1024];

    (void) snprintf(body, sizeof(body), "{\"name\":\"%s\",\"cluster\":\"%s\""
                    ",\"managedInstancesProvider\":{"
                    "\"infrastructureRoleArn\":\"arn:r\","
                    "\"instanceLaunchTemplate\":{"
                    "\"ec2InstanceProfileArn\":\"arn:p\","
                    "\"networkConfiguration\":{\"subnets\":[\"subnet-1\"]}}}"
                    "}", name, cluster);
    (void) callkit(&k, "CreateCapacityProvider", body);
    callkit_ok(&k, "capacityProvider.type", "MANAGED_INSTANCES", name);
}


/* Task definitions. */

static void
test_taskdef(void)
{
    (void) callkit(&k, "ListDaemonTaskDefinitions", "{}");
    is_body("{\"daemonTaskDefinitions\":[]}", "nothing was ever written");

    callkit_error(&k, "DescribeDaemonTaskDefinition",
                  "{\"daemonTaskDefinition\":\"agent\"}", 400,
                  "ClientException",
                  "Unable to describe daemon task definition.");

    (void) callkit(&k, "RegisterDaemonTaskDefinition",
                   "{\"family\":\"agent\"," AGENT "}");
    is_body("{\"daemonTaskDefinitionArn\":\"" TASKDEF "agent:1\"}",
            "the first revision");

    (void) callkit(&k, "RegisterDaemonTaskDefinition",
                   "{\"family\":\"agent\",\"cpu\":\"256\",\"memory\":\"512\","
                   "\"pidMode\":\"shared\","
                   "\"containerDefinitions\":[{\"name\":\"agent\","
                   "\"image\":\"agent:2\",\"mountPoints\":[{"
                   "\"sourceVolume\":\"logs\",\"containerPath\":\"/logs\"}]}]"
                   ",\"volumes\":[{\"name\":\"logs\","
                   "\"logDriverVolumeConfiguration\":{\"driver\":"
                   "\"json-file\"}}],"
                   "\"tags\":[{\"key\":\"a\",\"value\":\"1\"}]}");
    callkit_ok(&k, "daemonTaskDefinitionArn", TASKDEF "agent:2",
               "the second");

    (void) callkit(&k, "DescribeDaemonTaskDefinition",
                   "{\"daemonTaskDefinition\":\"agent\"}");
    is_body("{\"daemonTaskDefinition\":{\"containerDefinitions\":["
            "{\"cpu\":0,\"environment\":[],\"essential\":true,"
            "\"image\":\"agent:2\",\"mountPoints\":["
            "{\"containerPath\":\"/logs\",\"sourceVolume\":\"logs\"}],"
            "\"name\":\"agent\",\"systemControls\":[]}],\"cpu\":\"256\","
            "\"family\":\"agent\",\"ipcMode\":\"none\",\"memory\":\"512\","
            "\"pidMode\":\"shared\",\"registeredBy\":\"" CALLKIT_CALLER "\","
            "\"volumes\":[{\"logDriverVolumeConfiguration\":{\"driver\":"
            "\"json-file\"},\"name\":\"logs\"}],"
            "\"daemonTaskDefinitionArn\":\"" TASKDEF "agent:2\","
            "\"registeredAt\":1789551556.693,\"revision\":2,"
            "\"status\":\"ACTIVE\"}}", "the whole of the latest revision");

    (void) callkit(&k, "DescribeDaemonTaskDefinition",
                   "{\"daemonTaskDefinition\":\"" TASKDEF "agent:1\"}");
    callkit_ok(&k, "daemonTaskDefinition.revision", "1", "by ARN");

    callkit_error(&k, "DescribeDaemonTaskDefinition",
                  "{\"daemonTaskDefinition\":\"agent:9\"}", 400,
                  "ClientException",
                  "Unable to describe daemon task definition.");
    callkit_error(&k, "DescribeDaemonTaskDefinition",
                  "{\"daemonTaskDefinition\":\"agent:x\"}", 400,
                  "InvalidParameterException",
                  "Invalid task definition: Invalid revision number.");
    callkit_error(&k, "DescribeDaemonTaskDefinition",
                  "{\"daemonTaskDefinition\":\"" CALLKIT_ARN
                  "task-definition/agent:1\"}", 400, "ClientException",
                  "Invalid arn syntax.");
    callkit_error(&k, "DescribeDaemonTaskDefinition", "{}", 400,
                  "ClientException",
                  "DaemonTaskDefinition cannot be empty.");

    (void) callkit(&k, "ListTagsForResource",
                   "{\"resourceArn\":\"" TASKDEF "agent:2\"}");
    callkit_ok(&k, "tags.0.value", "1", "its tags");
}


static void
test_taskdef_errors(void)
{
    size_t  i;

    static const struct {
        const char  *body;
        const char  *message;
    } cases[] = {
        { "{\"family\":\"a b\"," AGENT "}",
          "Family contains invalid characters." },
        { "{\"family\":\"x\",\"containerDefinitions\":[]}",
          "Container list cannot be empty." },
        { "{\"family\":\"x\",\"containerDefinitions\":[{\"name\":\"a\","
          "\"image\":\"i\"}]}",
          "Invalid setting for container 'a'. At least one of 'memory' or"
          " 'memoryReservation' must be specified." },
        { "{\"family\":\"x\",\"pidMode\":\"host\"," AGENT "}",
          "pidMode should be one of [none,shared]" },
        { "{\"family\":\"x\",\"ipcMode\":\"task\"," AGENT "}",
          "ipcMode should be one of [none,shared]" },
        { "{\"family\":\"x\",\"volumes\":[{\"name\":\"v\",\"host\":{},"
          "\"logDriverVolumeConfiguration\":{\"driver\":\"json-file\"}}],"
          AGENT "}", "Volume 'v' cannot have both host and"
          " logDriverVolumeConfiguration." },
        { "{\"family\":\"x\",\"volumes\":[{\"name\":\"v\","
          "\"logDriverVolumeConfiguration\":{\"driver\":\"awslogs\"}}],"
          AGENT "}", "awslogs is not a valid log driver. Must be one of"
          " [json-file]" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        callkit_error(&k, "RegisterDaemonTaskDefinition", cases[i].body, 400,
                      "ClientException", cases[i].message);
    }
}


/* Create and describe. */

static void
test_create(void)
{
    (void) callkit(&k, "CreateCluster", "{\"clusterName\":\"one\"}");
    (void) callkit(&k, "CreateCluster", "{\"clusterName\":\"two\"}");
    provider("managed", "one");
    provider("other", "two");

    (void) callkit(&k, "CreateDaemon", CREATE);
    callkit_ok(&k, "daemonArn", DAEMON, "made");
    callkit_ok(&k, "status", "ACTIVE", "made");
    callkit_ok(&k, "createdAt", "1789551556.693", "made");
    callkit_ok(&k, "updatedAt", NULL, "made");
    save(deployment, sizeof(deployment), "deploymentArn");
    save(first, sizeof(first), "deploymentArn");
    tap_ok(strncmp(deployment, CALLKIT_ARN "daemon-deployment/one/agent/",
                   strlen(CALLKIT_ARN "daemon-deployment/one/agent/")) == 0,
           "the form of a deployment's ARN");

    (void) callkit(&k, "CreateDaemon", CREATE);
    callkit_ok(&k, "deploymentArn", deployment, "the same token again");
    callkit_error(&k, "CreateDaemon",
                  "{\"daemonName\":\"agent\",\"clusterArn\":\"one\","
                  "\"daemonTaskDefinitionArn\":\"agent:2\","
                  "\"capacityProviderArns\":[\"managed\"]}", 400,
                  "InvalidParameterException",
                  "Creation of daemon was not idempotent.");

    (void) callkit(&k, "DescribeDaemon", "{\"daemonArn\":\"" DAEMON "\"}");
    callkit_ok(&k, "daemon.clusterArn", CLUSTER, "described");
    callkit_ok(&k, "daemon.status", "ACTIVE", "described");
    callkit_ok(&k, "daemon.deploymentArn", deployment, "described");
    callkit_ok(&k, "daemon.currentRevisions", "[1]", "described");
    callkit_ok(&k, "daemon.currentRevisions.0.capacityProviders.0.arn",
               CP "managed", "described");
    callkit_ok(&k, "daemon.currentRevisions.0.totalRunningCount", "0",
               "nothing runs");
    save(revision, sizeof(revision), "daemon.currentRevisions.0.arn");

    (void) callkit(&k, "ListTagsForResource",
                   "{\"resourceArn\":\"" DAEMON "\"}");
    is_body("{\"tags\":[{\"key\":\"a\",\"value\":\"1\"}]}", "its tags");
    (void) callkit(&k, "TagResource", "{\"resourceArn\":\"" DAEMON "\","
                   "\"tags\":[{\"key\":\"b\",\"value\":\"2\"}]}");
    (void) callkit(&k, "ListTagsForResource",
                   "{\"resourceArn\":\"" DAEMON "\"}");
    callkit_ok(&k, "tags", "[2]", "one more");
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
        { "{\"daemonName\":\"a b\",\"clusterArn\":\"one\","
          "\"daemonTaskDefinitionArn\":\"agent\","
          "\"capacityProviderArns\":[\"managed\"]}",
          "InvalidParameterException",
          "Invalid daemon name: up to 255 letters (uppercase and lowercase),"
          " numbers, underscores, and hyphens are allowed." },
        { "{\"daemonName\":\"x\",\"clusterArn\":\"none\","
          "\"daemonTaskDefinitionArn\":\"agent\","
          "\"capacityProviderArns\":[\"managed\"]}",
          "ClusterNotFoundException", "Cluster not found." },
        { "{\"daemonName\":\"x\",\"clusterArn\":\"one\","
          "\"daemonTaskDefinitionArn\":\"none\","
          "\"capacityProviderArns\":[\"managed\"]}",
          "ClientException", "DaemonTaskDefinition not found." },
        { "{\"daemonName\":\"x\",\"clusterArn\":\"one\","
          "\"daemonTaskDefinitionArn\":\"agent\","
          "\"capacityProviderArns\":[]}", "InvalidParameterException",
          "capacityProviderArns can not be empty." },
        { "{\"daemonName\":\"x\",\"clusterArn\":\"one\","
          "\"daemonTaskDefinitionArn\":\"agent\","
          "\"capacityProviderArns\":[\"none\"]}",
          "InvalidParameterException", "The specified capacity provider none"
          " was not found. Specify a valid name or ARN and try again." },
        { "{\"daemonName\":\"x\",\"clusterArn\":\"one\","
          "\"daemonTaskDefinitionArn\":\"agent\","
          "\"capacityProviderArns\":[\"FARGATE\"]}",
          "InvalidParameterException", "ECS Managed Daemons is only supported"
          " for Amazon ECS Managed Instances Capacity Providers." },
        { "{\"daemonName\":\"x\",\"clusterArn\":\"one\","
          "\"daemonTaskDefinitionArn\":\"agent\","
          "\"capacityProviderArns\":[\"other\"]}",
          "InvalidParameterException", "The specified capacity provider other"
          " is not associated with the cluster. Associate the capacity"
          " provider with the cluster and try again." },
        { "{\"daemonName\":\"x\",\"clusterArn\":\"one\","
          "\"daemonTaskDefinitionArn\":\"agent\",\"propagateTags\":\"ALL\","
          "\"capacityProviderArns\":[\"managed\"]}",
          "InvalidParameterException", "Invalid value for propagateTags" },
        { "{\"daemonName\":\"x\",\"clusterArn\":\"one\","
          "\"daemonTaskDefinitionArn\":\"agent\",\"clientToken\":"
          "\"0123456789012345678901234567890123456\","
          "\"capacityProviderArns\":[\"managed\"]}",
          "InvalidParameterException", "idempotency token longer than 36." },
        { "{\"daemonName\":\"x\",\"clusterArn\":\"one\","
          "\"daemonTaskDefinitionArn\":\"agent\","
          "\"deploymentConfiguration\":{\"alarms\":{\"enable\":true}},"
          "\"capacityProviderArns\":[\"managed\"]}",
          "InvalidParameterException",
          "alarmNames can not be empty when alarms are enabled." }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        callkit_error(&k, "CreateDaemon", cases[i].body, 400, cases[i].type,
                      cases[i].message);
    }

    (void) callkit(&k, "CreateDaemon", "{}");
    tap_is_str(kecs_str_of(callkit_text(&k, "__type")),
               "InvalidParameterException",
               "what is required");
    (void) callkit(&k, "CreateDaemon",
                   "{\"daemonName\":\"x\",\"clusterArn\":\"one\","
                   "\"daemonTaskDefinitionArn\":\"agent\","
                   "\"deploymentConfiguration\":{\"drainPercent\":101},"
                   "\"capacityProviderArns\":[\"managed\"]}");
    tap_is_str(kecs_str_of(callkit_text(&k, "__type")),
               "InvalidParameterException",
               "a range of the model");

    callkit_error(&k, "DescribeDaemon", "{\"daemonArn\":\"" CALLKIT_ARN
                  "daemon/one/none\"}", 400, "DaemonNotFoundException",
                  "Daemon not found.");
    callkit_error(&k, "DescribeDaemon", "{\"daemonArn\":\"" CALLKIT_ARN
                  "daemon/none/agent\"}", 400, "ClusterNotFoundException",
                  "Cluster not found.");
    callkit_error(&k, "DescribeDaemon", "{\"daemonArn\":\"agent\"}", 400,
                  "InvalidParameterException",
                  "Invalid identifier: The ARN is malformed");
}


/* Deployments and revisions: what botocore's waiters wait for. */

static void
test_deployment(void)
{
    (void) call("DescribeDaemonDeployments",
                "{\"daemonDeploymentArns\":[\"%s\",\"" CALLKIT_ARN
                "daemon-deployment/one/agent/none\"]}", deployment);
    callkit_ok(&k, "daemonDeployments", "[1]", "one is there");
    callkit_ok(&k, "daemonDeployments.0.status", "SUCCESSFUL",
               "nothing had to be started");
    callkit_ok(&k, "daemonDeployments.0.targetDaemonRevision.arn", revision,
               "its target");
    callkit_ok(&k, "daemonDeployments.0.sourceDaemonRevisions", "[0]",
               "nothing came before it");
    callkit_ok(&k, "daemonDeployments.0.deploymentConfiguration"
               ".drainPercent", "25", "the default");
    callkit_ok(&k, "daemonDeployments.0.alarms.status", "DISABLED",
               "no alarms");
    callkit_ok(&k, "daemonDeployments.0.finishedAt", "1789551556.693",
               "it ended");
    callkit_ok(&k, "failures.0.reason", "MISSING", "one is missing");

    (void) call("DescribeDaemonRevisions",
                "{\"daemonRevisionArns\":[\"%s\"]}", revision);
    callkit_ok(&k, "daemonRevisions.0.daemonRevisionArn", revision, "it");
    callkit_ok(&k, "daemonRevisions.0.daemonArn", DAEMON, "its daemon");
    callkit_ok(&k, "daemonRevisions.0.critical", "true", "the default");
    callkit_ok(&k, "daemonRevisions.0.propagateTags", "NONE", "the default");
    callkit_ok(&k, "daemonRevisions.0.containerImages.0.image", "agent:2",
               "its images");
    callkit_ok(&k, "daemonRevisions.0.daemonTaskDefinitionArn",
               TASKDEF "agent:2", "its definition");

    callkit_error(&k, "DescribeDaemonRevisions", "{}", 400,
                  "InvalidParameterException",
                  "Daemon Revision ARNs cannot be empty.");
    callkit_error(&k, "DescribeDaemonDeployments",
                  "{\"daemonDeploymentArns\":[\"x\"]}", 400,
                  "InvalidParameterException",
                  "Invalid identifier: The ARN is malformed");
}


static void
test_update(void)
{
    k.now += 60000;
    (void) callkit(&k, "UpdateDaemon", "{\"daemonArn\":\"" DAEMON "\","
                   "\"daemonTaskDefinitionArn\":\"agent:1\","
                   "\"capacityProviderArns\":[\"managed\"],"
                   "\"critical\":false,\"propagateTags\":\"DAEMON\"}");
    callkit_ok(&k, "status", "ACTIVE", "updated");
    callkit_ok(&k, "createdAt", "1789551556.693", "updated");
    callkit_ok(&k, "updatedAt", "1789551616.693", "updated");
    save(deployment, sizeof(deployment), "deploymentArn");
    tap_ok(strcmp(deployment, first) != 0, "another deployment");

    (void) call("DescribeDaemonDeployments",
                "{\"daemonDeploymentArns\":[\"%s\"]}", deployment);
    callkit_ok(&k, "daemonDeployments.0.sourceDaemonRevisions.0.arn",
               revision, "the revision before");

    (void) callkit(&k, "ListDaemonDeployments",
                   "{\"daemonArn\":\"" DAEMON "\",\"maxResults\":1}");
    callkit_ok(&k, "daemonDeployments", "[1]", "a page");
    callkit_ok(&k, "daemonDeployments.0.daemonDeploymentArn", deployment,
               "the newest first");
    tap_ok(callkit_text(&k, "nextToken") != NULL, "there is more");

    (void) callkit(&k, "ListDaemonDeployments",
                   "{\"daemonArn\":\"" DAEMON "\",\"status\":[\"STOPPED\"]}");
    callkit_ok(&k, "daemonDeployments", "[0]", "none of the status");
    (void) callkit(&k, "ListDaemonDeployments",
                   "{\"daemonArn\":\"" DAEMON "\",\"createdAt\":"
                   "{\"before\":1789551600}}");
    callkit_ok(&k, "daemonDeployments", "[1]", "by time");
    callkit_ok(&k, "daemonDeployments.0.daemonDeploymentArn", first,
               "by time");
    callkit_error(&k, "ListDaemonDeployments",
                  "{\"daemonArn\":\"" DAEMON "\",\"status\":[\"x\"]}", 400,
                  "InvalidParameterException",
                  "status should be one of [PENDING,SUCCESSFUL,STOPPED,"
                  "STOP_REQUESTED,IN_PROGRESS,ROLLBACK_IN_PROGRESS,"
                  "ROLLBACK_SUCCESSFUL,ROLLBACK_FAILED]");
}


static void
test_list(void)
{
    (void) callkit(&k, "ListDaemons", "{\"clusterArn\":\"one\"}");
    is_body("{\"daemonSummariesList\":[{\"createdAt\":1789551556.693,"
            "\"daemonArn\":\"" DAEMON "\",\"status\":\"ACTIVE\","
            "\"updatedAt\":1789551616.693}]}", "the whole list");
    (void) callkit(&k, "ListDaemons", "{\"clusterArn\":\"one\","
                   "\"capacityProviderArns\":[\"other\"]}");
    callkit_ok(&k, "daemonSummariesList", "[0]", "of another provider");
    (void) callkit(&k, "ListDaemons", "{\"clusterArn\":\"one\","
                   "\"capacityProviderArns\":[\"managed\"]}");
    callkit_ok(&k, "daemonSummariesList", "[1]", "of the provider");
    callkit_error(&k, "ListDaemons", "{}", 400, "ClusterNotFoundException",
                  "Cluster not found.");

    (void) callkit(&k, "ListDaemonTaskDefinitions", "{}");
    callkit_ok(&k, "daemonTaskDefinitions", "[2]", "both");
    callkit_ok(&k, "daemonTaskDefinitions.0.arn", TASKDEF "agent:1",
               "in order");
    callkit_ok(&k, "daemonTaskDefinitions.0.registeredBy", CALLKIT_CALLER,
               "by whom");
    (void) callkit(&k, "ListDaemonTaskDefinitions", "{\"sort\":\"DESC\"}");
    callkit_ok(&k, "daemonTaskDefinitions.0.arn", TASKDEF "agent:2",
               "the other way round");
    (void) callkit(&k, "ListDaemonTaskDefinitions",
                   "{\"revision\":\"LAST_REGISTERED\"}");
    callkit_ok(&k, "daemonTaskDefinitions", "[1]", "the last");
    (void) callkit(&k, "ListDaemonTaskDefinitions",
                   "{\"familyPrefix\":\"ag\"}");
    callkit_ok(&k, "daemonTaskDefinitions", "[2]", "by prefix");
    (void) callkit(&k, "ListDaemonTaskDefinitions", "{\"family\":\"ag\"}");
    callkit_ok(&k, "daemonTaskDefinitions", "[0]", "by the whole name");
    callkit_error(&k, "ListDaemonTaskDefinitions", "{\"status\":\"x\"}", 400,
                  "InvalidParameterException",
                  "status should be one of [ACTIVE,DELETE_IN_PROGRESS,ALL]");
}


static void
is_status(const char *id, const char *status)
{
    (void) call("DescribeDaemonTaskDefinition",
                "{\"daemonTaskDefinition\":\"%s\"}", id);
    callkit_ok(&k, "daemonTaskDefinition.status", status, id);
}


/* One that is used waits for its daemons. */

static void
test_delete_taskdef(void)
{
    (void) callkit(&k, "DeleteDaemonTaskDefinition",
                   "{\"daemonTaskDefinition\":\"agent:2\"}");
    is_body("{\"daemonTaskDefinitionArn\":\"" TASKDEF "agent:2\"}",
            "the whole answer");
    is_status("agent:2", "DELETED");
    is_status("agent", "ACTIVE");

    (void) callkit(&k, "DeleteDaemonTaskDefinition",
                   "{\"daemonTaskDefinition\":\"agent:1\"}");
    is_status("agent:1", "DELETE_IN_PROGRESS");

    callkit_error(&k, "DeleteDaemonTaskDefinition",
                  "{\"daemonTaskDefinition\":\"agent:1\"}", 400,
                  "ClientException", "The specified daemon task definition"
                  " is not ACTIVE.");
    callkit_error(&k, "DeleteDaemonTaskDefinition",
                  "{\"daemonTaskDefinition\":\"agent\"}", 400,
                  "InvalidParameterException", "Revision is missing");
    callkit_error(&k, "UpdateDaemon", "{\"daemonArn\":\"" DAEMON "\","
                  "\"daemonTaskDefinitionArn\":\"agent:1\","
                  "\"capacityProviderArns\":[\"managed\"]}", 400,
                  "ClientException", "DaemonTaskDefinition is inactive");

    (void) callkit(&k, "ListDaemonTaskDefinitions",
                   "{\"status\":\"DELETE_IN_PROGRESS\"}");
    callkit_ok(&k, "daemonTaskDefinitions", "[1]", "being deleted");
    (void) callkit(&k, "ListDaemonTaskDefinitions", "{\"status\":\"ALL\"}");
    callkit_ok(&k, "daemonTaskDefinitions", "[2]", "all");
}


static void
test_delete(void)
{
    callkit_sweep(&k, "DeleteDaemon", "{\"daemonArn\":\"" DAEMON "\"}");

    (void) callkit(&k, "DeleteDaemon", "{\"daemonArn\":\"" DAEMON "\"}");
    callkit_ok(&k, "status", "DELETE_IN_PROGRESS", "deleted");
    save(deployment, sizeof(deployment), "deploymentArn");
    is_status("agent:1", "DELETED");

    callkit_error(&k, "DescribeDaemon", "{\"daemonArn\":\"" DAEMON "\"}",
                  400, "DaemonNotFoundException", "Daemon not found.");
    callkit_error(&k, "DeleteDaemon", "{\"daemonArn\":\"" DAEMON "\"}",
                  400, "DaemonNotFoundException", "Daemon not found.");

    (void) call("DescribeDaemonDeployments",
                "{\"daemonDeploymentArns\":[\"%s\"]}", deployment);
    callkit_ok(&k, "daemonDeployments.0.status", "SUCCESSFUL",
               "its last deployment is there");
    callkit_ok(&k, "daemonDeployments.0.targetDaemonRevision", NULL,
               "without a target");
    callkit_ok(&k, "daemonDeployments.0.sourceDaemonRevisions", "[1]",
               "with what was drained");
}


static void
test_memory(void)
{
    (void) callkit(&k, "RegisterDaemonTaskDefinition",
                   "{\"family\":\"agent\"," AGENT "}");
    callkit_ok(&k, "daemonTaskDefinitionArn", TASKDEF "agent:3",
               "numbers do not repeat");

    callkit_sweep(&k, "RegisterDaemonTaskDefinition",
                  "{\"family\":\"agent\",\"tags\":[{\"key\":\"a\","
                  "\"value\":\"1\"}]," AGENT "}");
    callkit_sweep(&k, "CreateDaemon", "{\"daemonName\":\"agent\","
                  "\"clusterArn\":\"one\",\"clientToken\":\"t2\","
                  "\"daemonTaskDefinitionArn\":\"agent\","
                  "\"capacityProviderArns\":[\"managed\"]}");
    (void) callkit(&k, "CreateDaemon", "{\"daemonName\":\"agent\","
                   "\"clusterArn\":\"one\","
                   "\"daemonTaskDefinitionArn\":\"agent\","
                   "\"capacityProviderArns\":[\"managed\"]}");
    callkit_ok(&k, "status", "ACTIVE", "the name is free again");
    callkit_sweep(&k, "UpdateDaemon", "{\"daemonArn\":\"" DAEMON "\","
                  "\"daemonTaskDefinitionArn\":\"agent\","
                  "\"capacityProviderArns\":[\"managed\"]}");
    callkit_sweep(&k, "DescribeDaemon", "{\"daemonArn\":\"" DAEMON "\"}");
    callkit_sweep(&k, "ListDaemons", "{\"clusterArn\":\"one\"}");
    callkit_sweep(&k, "ListDaemonDeployments",
                  "{\"daemonArn\":\"" DAEMON "\"}");
    callkit_sweep(&k, "ListDaemonTaskDefinitions", "{\"status\":\"ALL\"}");
    callkit_sweep(&k, "DescribeDaemonTaskDefinition",
                  "{\"daemonTaskDefinition\":\"agent\"}");
    callkit_sweep(&k, "DeleteDaemonTaskDefinition",
                  "{\"daemonTaskDefinition\":\"agent:3\"}");
}


int
main(void)
{
    callkit_open(&k);

    test_taskdef();
    test_taskdef_errors();
    test_create();
    test_create_errors();
    test_deployment();
    test_update();
    test_list();
    test_delete_taskdef();
    test_delete();
    test_memory();

    callkit_close(&k);

    return tap_done();
}
