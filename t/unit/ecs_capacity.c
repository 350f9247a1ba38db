/*
 * Capacity providers: their four operations, clusters that list them,
 * services and tasks that use them, attachments, and every allocation
 * failing.
 */

#include "callkit.h"


#define is_body(body, what)  callkit_body(&k, body, what)

#define GROUP  "arn:aws:autoscaling:us-east-1:000000000000:"                 \
               "autoScalingGroup:1:autoScalingGroupName/"
#define CP     CALLKIT_ARN "capacity-provider/"

#define MANAGED                                                              \
    "\"managedInstancesProvider\":{\"infrastructureRoleArn\":\"arn:r\","     \
    "\"instanceLaunchTemplate\":{\"ec2InstanceProfileArn\":\"arn:p\","       \
    "\"networkConfiguration\":{\"subnets\":[\"subnet-1\"]}}}"

static callkit_t  k;


static void
test_create(void)
{
    (void) callkit(&k, "CreateCapacityProvider",
                   "{\"name\":\"mine\",\"autoScalingGroupProvider\":"
                   "{\"autoScalingGroupArn\":\"" GROUP "a\"},"
                   "\"tags\":[{\"key\":\"a\",\"value\":\"1\"}]}");
    is_body("{\"capacityProvider\":{\"autoScalingGroupProvider\":{"
            "\"autoScalingGroupArn\":\"" GROUP "a\","
            "\"managedDraining\":\"ENABLED\",\"managedScaling\":{"
            "\"instanceWarmupPeriod\":300,\"maximumScalingStepSize\":10000,"
            "\"minimumScalingStepSize\":1,\"status\":\"DISABLED\","
            "\"targetCapacity\":100},"
            "\"managedTerminationProtection\":\"DISABLED\"},"
            "\"capacityProviderArn\":\"" CP "mine\",\"name\":\"mine\","
            "\"status\":\"ACTIVE\",\"tags\":[{\"key\":\"a\",\"value\":\"1\"}]"
            ",\"type\":\"EC2_AUTOSCALING\","
            "\"updateStatus\":\"CREATE_COMPLETE\"}}",
            "the whole answer of CreateCapacityProvider");

    (void) callkit(&k, "CreateCluster", "{\"clusterName\":\"one\"}");
    (void) callkit(&k, "CreateCapacityProvider",
                   "{\"name\":\"managed\",\"cluster\":\"one\"," MANAGED "}");
    callkit_ok(&k, "capacityProvider.cluster", "one", "its cluster");
    callkit_ok(&k, "capacityProvider.type", "MANAGED_INSTANCES", "its type");
    callkit_ok(&k, "capacityProvider.managedInstancesProvider"
               ".instanceLaunchTemplate.capacityOptionType", "ON_DEMAND",
               "a default");
    callkit_ok(&k, "capacityProvider.managedInstancesProvider"
               ".instanceLaunchTemplate.storageConfiguration.storageSizeGiB",
               "80", "a default");
    (void) callkit(&k, "DescribeClusters", "{\"clusters\":[\"one\"]}");
    callkit_ok(&k, "clusters.0.capacityProviders.0", "managed",
               "the cluster has it");
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
        { "{\"name\":\"mine\",\"autoScalingGroupProvider\":"
          "{\"autoScalingGroupArn\":\"b\"}}", "ClientException",
          "The specified capacity provider already exists. To change the"
          " configuration of an existing capacity provider, update the"
          " capacity provider." },
        { "{\"name\":\"other\",\"autoScalingGroupProvider\":"
          "{\"autoScalingGroupArn\":\"" GROUP "a\"}}", "ClientException",
          "The specified Auto Scaling group ARN is already being used by"
          " another capacity provider. Specify a unique Auto Scaling group"
          " ARN and try again." },
        { "{\"name\":\"Fargate2\",\"autoScalingGroupProvider\":"
          "{\"autoScalingGroupArn\":\"b\"}}", "InvalidParameterException",
          "The capacity provider name is invalid. Up to 255 letters"
          " (uppercase and lowercase), numbers, underscores, and hyphens are"
          " allowed. The name can't be prefixed with \"aws\", \"ecs\", or"
          " \"fargate\"." },
        { "{\"name\":\"x\"}", "InvalidParameterException",
          "Specify exactly one of autoScalingGroupProvider and"
          " managedInstancesProvider." },
        { "{\"name\":\"x\"," MANAGED "}", "InvalidParameterException",
          "A cluster is required for a capacity provider of managed"
          " instances." },
        { "{\"name\":\"x\",\"cluster\":\"none\"," MANAGED "}",
          "ClusterNotFoundException", "Cluster not found." },
        { "{\"name\":\"x\",\"cluster\":\"one\",\"autoScalingGroupProvider\":"
          "{\"autoScalingGroupArn\":\"b\"}}", "InvalidParameterException",
          "A cluster can only be specified for a capacity provider of managed"
          " instances." },
        { "{\"name\":\"x\",\"autoScalingGroupProvider\":"
          "{\"autoScalingGroupArn\":\"b\",\"managedDraining\":\"MAYBE\"}}",
          "InvalidParameterException",
          "managedDraining should be one of [ENABLED,DISABLED]" },
        { "{\"name\":\"x\",\"autoScalingGroupProvider\":"
          "{\"autoScalingGroupArn\":\"b\","
          "\"managedTerminationProtection\":\"ENABLED\"}}",
          "ClientException",
          "The managed termination protection setting for the capacity"
          " provider is invalid. To enable managed termination protection for"
          " a capacity provider, managed scaling must be enabled." },
        { "{\"name\":\"x\",\"autoScalingGroupProvider\":"
          "{\"autoScalingGroupArn\":\"b\",\"managedScaling\":"
          "{\"minimumScalingStepSize\":5,\"maximumScalingStepSize\":4}}}",
          "InvalidParameterException",
          "The minimumScalingStepSize can't be greater than the"
          " maximumScalingStepSize." }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        callkit_error(&k, "CreateCapacityProvider", cases[i].body, 400,
                      cases[i].type, cases[i].message);
    }

    (void) callkit(&k, "CreateCapacityProvider",
                   "{\"name\":\"x\",\"autoScalingGroupProvider\":"
                   "{\"autoScalingGroupArn\":\"b\",\"managedScaling\":"
                   "{\"targetCapacity\":101}}}");
    tap_is_int(k.status, 400, "the model's ranges count");
}


static void
test_describe(void)
{
    unsigned  i;
    char      body[512], token[256];

    (void) callkit(&k, "DescribeCapacityProviders",
                   "{\"capacityProviders\":[\"" CP "mine\",\"FARGATE\","
                   "\"nothing\",\"mine\"],\"include\":[\"TAGS\"]}");
    callkit_ok(&k, "capacityProviders", "[2]", "each once");
    callkit_ok(&k, "capacityProviders.0.tags.0.value", "1", "TAGS");
    callkit_ok(&k, "capacityProviders.1.type", "FARGATE", "built in");
    callkit_ok(&k, "capacityProviders.1.status", "ACTIVE", "built in");
    callkit_ok(&k, "failures.0.arn", CP "nothing", "a full ARN");
    callkit_ok(&k, "failures.0.reason", "MISSING", "the reason");
    callkit_sweep(&k, "DescribeCapacityProviders",
                  "{\"capacityProviders\":[\"mine\",\"nothing\"]}");

    (void) callkit(&k, "DescribeCapacityProviders", "{\"cluster\":\"one\"}");
    callkit_ok(&k, "capacityProviders", "[1]", "of a cluster");
    callkit_ok(&k, "capacityProviders.0.name", "managed", "of a cluster");
    callkit_ok(&k, "capacityProviders.0.tags", "[0]", "no TAGS");

    (void) callkit(&k, "DescribeCapacityProviders",
                   "{\"cluster\":\"one\",\"capacityProviders\":[\"mine\"]}");
    callkit_ok(&k, "failures.0.reason", "MISSING", "not of that cluster");
    callkit_error(&k, "DescribeCapacityProviders", "{\"cluster\":\"none\"}",
                  400, "ClusterNotFoundException", "Cluster not found.");

    for (i = 0; i < 12; i++) {
        (void) snprintf(body, sizeof(body), "{\"name\":\"p%02u\","
                        "\"autoScalingGroupProvider\":"
                        "{\"autoScalingGroupArn\":\"g%u\"}}", i, i);
        (void) callkit(&k, "CreateCapacityProvider", body);
    }

    (void) callkit(&k, "DescribeCapacityProviders", "{}");
    callkit_ok(&k, "capacityProviders", "[10]", "a page");
    callkit_ok(&k, "capacityProviders.0.name", "FARGATE", "a page");
    callkit_ok(&k, "capacityProviders.1.name", "FARGATE_SPOT", "a page");
    callkit_ok(&k, "capacityProviders.2.name", "managed", "a page");
    callkit_sweep(&k, "DescribeCapacityProviders", "{}");
    (void) callkit(&k, "DescribeCapacityProviders", "{}");
    (void) snprintf(token, sizeof(token), "%s",
                    callkit_text(&k, "nextToken"));
    (void) snprintf(body, sizeof(body), "{\"nextToken\":\"%s\"}", token);
    (void) callkit(&k, "DescribeCapacityProviders", body);
    callkit_ok(&k, "capacityProviders", "[6]", "the rest");
    callkit_ok(&k, "capacityProviders.0.name", "p06", "the rest");
    callkit_ok(&k, "nextToken", NULL, "the last page");

    (void) callkit(&k, "DescribeCapacityProviders", "{\"maxResults\":1}");
    (void) snprintf(body, sizeof(body), "{\"maxResults\":1,"
                    "\"nextToken\":\"%s\"}", callkit_text(&k, "nextToken"));
    (void) callkit(&k, "DescribeCapacityProviders", body);
    callkit_ok(&k, "capacityProviders.0.name", "FARGATE_SPOT",
               "a page that ends among the built-in ones");

    (void) callkit(&k, "DescribeCapacityProviders",
                   "{\"maxResults\":1,\"capacityProviders\":"
                   "[\"nothing\",\"p00\"]}");
    callkit_ok(&k, "failures", "[1]", "a page of names");
    (void) snprintf(body, sizeof(body), "{\"maxResults\":1,"
                    "\"capacityProviders\":[\"nothing\",\"p00\"],"
                    "\"nextToken\":\"%s\"}", callkit_text(&k, "nextToken"));
    (void) callkit(&k, "DescribeCapacityProviders", body);
    callkit_ok(&k, "capacityProviders.0.name", "p00", "and the next");
    callkit_ok(&k, "failures", "[0]", "and the next");

    callkit_error(&k, "DescribeCapacityProviders", "{\"maxResults\":11}",
                  400, "InvalidParameterException",
                  "Max results can not be greater than 10");
}


static void
test_update(void)
{
    (void) callkit(&k, "UpdateCapacityProvider",
                   "{\"name\":\"mine\",\"autoScalingGroupProvider\":"
                   "{\"managedScaling\":{\"status\":\"ENABLED\","
                   "\"targetCapacity\":50},"
                   "\"managedTerminationProtection\":\"ENABLED\"}}");
    callkit_ok(&k, "capacityProvider.updateStatus", "UPDATE_IN_PROGRESS",
               "an update answers");
    callkit_ok(&k, "capacityProvider.autoScalingGroupProvider"
               ".managedScaling.targetCapacity", "50", "what is given");
    callkit_ok(&k, "capacityProvider.autoScalingGroupProvider"
               ".managedScaling.maximumScalingStepSize", "10000",
               "what is not stays");
    callkit_ok(&k, "capacityProvider.autoScalingGroupProvider"
               ".autoScalingGroupArn", GROUP "a", "so does the group");

    (void) callkit(&k, "DescribeCapacityProviders",
                   "{\"capacityProviders\":[\"mine\"]}");
    callkit_ok(&k, "capacityProviders.0.updateStatus", "UPDATE_COMPLETE",
               "and is complete");

    (void) callkit(&k, "UpdateCapacityProvider",
                   "{\"name\":\"managed\",\"cluster\":\"one\","
                   "\"managedInstancesProvider\":{"
                   "\"infrastructureRoleArn\":\"arn:r2\","
                   "\"instanceLaunchTemplate\":{"
                   "\"monitoring\":\"DETAILED\"}}}");
    callkit_ok(&k, "capacityProvider.managedInstancesProvider"
               ".infrastructureRoleArn", "arn:r2", "the role");
    callkit_ok(&k, "capacityProvider.managedInstancesProvider"
               ".instanceLaunchTemplate.monitoring", "DETAILED", "given");
    callkit_ok(&k, "capacityProvider.managedInstancesProvider"
               ".instanceLaunchTemplate.ec2InstanceProfileArn", "arn:p",
               "not given");
    callkit_sweep(&k, "UpdateCapacityProvider",
                  "{\"name\":\"mine\",\"autoScalingGroupProvider\":"
                  "{\"managedScaling\":{\"targetCapacity\":60}}}");

    callkit_error(&k, "UpdateCapacityProvider", "{\"name\":\"nothing\"}",
                  400, "ClientException", "The specified capacity provider"
                  " does not exist. Specify a valid name or ARN and try"
                  " again.");
    callkit_error(&k, "UpdateCapacityProvider", "{\"name\":\"FARGATE\"}",
                  400, "ClientException", "The specified capacity provider"
                  " is reserved and can't be changed or deleted.");
    callkit_error(&k, "UpdateCapacityProvider", "{\"name\":\"managed\","
                  "\"autoScalingGroupProvider\":{}}", 400,
                  "InvalidParameterException",
                  "The type of a capacity provider can't be changed.");
}


static void
test_clusters(void)
{
    char  id[64];

    (void) callkit(&k, "CreateCluster",
                   "{\"clusterName\":\"two\",\"capacityProviders\":"
                   "[\"" CP "mine\",\"FARGATE\"],"
                   "\"defaultCapacityProviderStrategy\":"
                   "[{\"capacityProvider\":\"mine\",\"weight\":1}]}");
    callkit_ok(&k, "cluster.capacityProviders.0", "mine", "a name");
    (void) callkit(&k, "DescribeClusters",
                   "{\"clusters\":[\"two\"],\"include\":[\"ATTACHMENTS\"]}");
    callkit_ok(&k, "clusters.0.attachments", "[2]", "attachments");
    callkit_ok(&k, "clusters.0.attachmentsStatus", "UPDATE_COMPLETE",
               "attachments");
    callkit_ok(&k, "clusters.0.attachments.0.type", "as_policy",
               "managed scaling");
    callkit_ok(&k, "clusters.0.attachments.0.details.0.value", "mine",
               "managed scaling");
    callkit_ok(&k, "clusters.0.attachments.1.type", "managed_draining",
               "managed draining");
    (void) snprintf(id, sizeof(id), "%s",
                    callkit_text(&k, "clusters.0.attachments.0.id"));
    callkit_sweep(&k, "DescribeClusters",
                  "{\"clusters\":[\"two\"],\"include\":[\"ATTACHMENTS\"]}");

    (void) callkit(&k, "PutClusterCapacityProviders",
                   "{\"cluster\":\"two\",\"capacityProviders\":[\"mine\","
                   "\"p00\",\"mine\"],\"defaultCapacityProviderStrategy\":"
                   "[{\"capacityProvider\":\"" CP "p00\"}]}");
    callkit_ok(&k, "cluster.capacityProviders", "[2]", "each once");
    callkit_ok(&k, "cluster.attachments.0.id", id, "the ids are the same");
    callkit_ok(&k, "cluster.defaultCapacityProviderStrategy.0"
               ".capacityProvider", "p00", "a name");
    callkit_ok(&k, "cluster.defaultCapacityProviderStrategy.0.base", "0",
               "base is filled");

    callkit_error(&k, "PutClusterCapacityProviders",
                  "{\"cluster\":\"two\",\"capacityProviders\":[\"managed\"],"
                  "\"defaultCapacityProviderStrategy\":[]}", 400,
                  "InvalidParameterException", "The specified capacity"
                  " provider managed was not found. Specify a valid name or"
                  " ARN and try again.");
    callkit_error(&k, "PutClusterCapacityProviders",
                  "{\"cluster\":\"two\",\"capacityProviders\":[\"mine\","
                  "\"FARGATE\"],\"defaultCapacityProviderStrategy\":["
                  "{\"capacityProvider\":\"mine\"},"
                  "{\"capacityProvider\":\"FARGATE\"}]}", 400,
                  "InvalidParameterException", "A capacity provider strategy"
                  " cannot contain a mix of capacity providers using Auto"
                  " Scaling groups and Fargate providers. Specify one or the"
                  " other and try again.");
    callkit_error(&k, "PutClusterCapacityProviders",
                  "{\"cluster\":\"none\",\"capacityProviders\":[],"
                  "\"defaultCapacityProviderStrategy\":[]}", 400,
                  "ClusterNotFoundException", "Cluster not found.");
    (void) callkit(&k, "PutClusterCapacityProviders",
                   "{\"cluster\":\"two\"}");
    tap_is_int(k.status, 400, "both lists are required");
    callkit_sweep(&k, "PutClusterCapacityProviders",
                  "{\"cluster\":\"two\",\"capacityProviders\":[\"mine\"],"
                  "\"defaultCapacityProviderStrategy\":[]}");
}


static void
test_use(void)
{
    (void) callkit(&k, "RegisterTaskDefinition",
                   "{\"family\":\"web\",\"requiresCompatibilities\":[\"EC2\"]"
                   ",\"containerDefinitions\":[{\"name\":\"c\","
                   "\"image\":\"i\",\"memory\":64}]}");
    (void) callkit(&k, "CreateService",
                   "{\"cluster\":\"two\",\"serviceName\":\"s\","
                   "\"taskDefinition\":\"web\",\"desiredCount\":0,"
                   "\"capacityProviderStrategy\":"
                   "[{\"capacityProvider\":\"p00\",\"weight\":1}]}");
    callkit_ok(&k, "service.capacityProviderStrategy.0.capacityProvider",
               "p00", "a service uses one");
    callkit_error(&k, "PutClusterCapacityProviders",
                  "{\"cluster\":\"two\",\"capacityProviders\":[\"mine\"],"
                  "\"defaultCapacityProviderStrategy\":[]}", 400,
                  "ResourceInUseException", "The specified capacity provider"
                  " is in use and cannot be removed.");

    (void) callkit(&k, "DeleteService",
                   "{\"cluster\":\"two\",\"service\":\"s\","
                   "\"force\":true}");
    callkit_error(&k, "CreateService",
                  "{\"cluster\":\"two\",\"serviceName\":\"t\","
                  "\"taskDefinition\":\"web\",\"desiredCount\":0,"
                  "\"capacityProviderStrategy\":"
                  "[{\"capacityProvider\":\"p01\"}]}", 400,
                  "InvalidParameterException", "The specified capacity"
                  " provider strategy cannot contain a capacity provider that"
                  " is not associated with the cluster. Associate the"
                  " capacity provider with the cluster and try again.");
    callkit_error(&k, "RunTask",
                  "{\"cluster\":\"one\",\"taskDefinition\":\"web\","
                  "\"capacityProviderStrategy\":"
                  "[{\"capacityProvider\":\"managed\"}]}", 400,
                  "InvalidParameterException", "Task definition does not"
                  " support launch_type MANAGED_INSTANCES.");
}


/* A task keeps its provider until it is STOPPED. */

static void
test_use_by_task(void)
{
    (void) callkit(&k, "CreateCluster",
                   "{\"clusterName\":\"three\",\"capacityProviders\":"
                   "[\"FARGATE\",\"FARGATE_SPOT\"]}");
    (void) callkit(&k, "RegisterTaskDefinition",
                   "{\"family\":\"far\",\"networkMode\":\"awsvpc\","
                   "\"requiresCompatibilities\":[\"FARGATE\"],"
                   "\"cpu\":\"256\",\"memory\":\"512\","
                   "\"containerDefinitions\":[{\"name\":\"c\","
                   "\"image\":\"i\"}]}");
    (void) callkit(&k, "RunTask",
                   "{\"cluster\":\"three\",\"taskDefinition\":\"far\","
                   "\"clientToken\":\"t\",\"networkConfiguration\":"
                   "{\"awsvpcConfiguration\":{\"subnets\":[\"subnet-1\"]}},"
                   "\"capacityProviderStrategy\":"
                   "[{\"capacityProvider\":\"FARGATE_SPOT\"}]}");
    callkit_ok(&k, "tasks.0.capacityProviderName", "FARGATE_SPOT",
               "a task uses one");
    callkit_error(&k, "PutClusterCapacityProviders",
                  "{\"cluster\":\"three\",\"capacityProviders\":[],"
                  "\"defaultCapacityProviderStrategy\":[]}", 400,
                  "ResourceInUseException", "The specified capacity provider"
                  " is in use and cannot be removed.");
    (void) callkit(&k, "PutClusterCapacityProviders",
                   "{\"cluster\":\"three\",\"capacityProviders\":"
                   "[\"FARGATE_SPOT\"],"
                   "\"defaultCapacityProviderStrategy\":[]}");
    callkit_ok(&k, "cluster.capacityProviders", "[1]",
               "one that nothing uses can be removed");
    (void) callkit(&k, "CreateCluster",
                   "{\"clusterName\":\"four\",\"capacityProviders\":"
                   "[\"FARGATE\"]}");
    (void) callkit(&k, "PutClusterCapacityProviders",
                   "{\"cluster\":\"four\",\"capacityProviders\":[],"
                   "\"defaultCapacityProviderStrategy\":[]}");
    callkit_ok(&k, "cluster.capacityProviders", "[0]", "or all of them");
}


static void
test_delete(void)
{
    (void) callkit(&k, "DeleteCapacityProvider",
                   "{\"capacityProvider\":\"mine\"}");
    callkit_ok(&k, "capacityProvider.status", "ACTIVE", "still listed");
    callkit_ok(&k, "capacityProvider.updateStatus", "DELETE_FAILED",
               "still listed");
    callkit_ok(&k, "capacityProvider.updateStatusReason",
               "The capacity provider cannot be deleted because it is"
               " associated with cluster: two. Remove the capacity provider"
               " from the cluster and try again.", "still listed");

    callkit_error(&k, "DeleteCluster", "{\"cluster\":\"one\"}", 400,
                  "ClusterContainsCapacityProviderException",
                  "The Cluster cannot be deleted while Cluster Scoped"
                  " Capacity Providers are attached to the cluster.");

    callkit_sweep(&k, "DeleteCapacityProvider",
                  "{\"capacityProvider\":\"managed\"}");
    (void) callkit(&k, "DeleteCapacityProvider",
                   "{\"capacityProvider\":\"managed\","
                   "\"cluster\":\"one\"}");
    callkit_ok(&k, "capacityProvider.status", "DEPROVISIONING", "deleted");
    callkit_ok(&k, "capacityProvider.updateStatus", "DELETE_IN_PROGRESS",
               "deleted");
    (void) callkit(&k, "DescribeClusters", "{\"clusters\":[\"one\"]}");
    callkit_ok(&k, "clusters.0.capacityProviders", "[0]",
               "gone from its cluster");
    (void) callkit(&k, "DescribeCapacityProviders",
                   "{\"capacityProviders\":[\"managed\"]}");
    callkit_ok(&k, "capacityProviders.0.status", "INACTIVE", "and then");
    callkit_ok(&k, "capacityProviders.0.updateStatus", "DELETE_COMPLETE",
               "and then");

    (void) callkit(&k, "DeleteCapacityProvider",
                   "{\"capacityProvider\":\"" CP "p05\"}");
    callkit_ok(&k, "capacityProvider.name", "p05", "by ARN");
    callkit_error(&k, "DeleteCapacityProvider",
                  "{\"capacityProvider\":\"p05\"}", 400, "ClientException",
                  "The specified capacity provider does not exist. Specify a"
                  " valid name or ARN and try again.");
    (void) callkit(&k, "CreateCapacityProvider",
                   "{\"name\":\"p05\",\"autoScalingGroupProvider\":"
                   "{\"autoScalingGroupArn\":\"g5\"}}");
    callkit_ok(&k, "capacityProvider.status", "ACTIVE",
               "name and group are free again");

    (void) callkit(&k, "DeleteCluster", "{\"cluster\":\"one\"}");
    callkit_ok(&k, "cluster.status", "INACTIVE", "the cluster can go");
    (void) callkit(&k, "DeleteCluster", "{\"cluster\":\"two\"}");
    callkit_ok(&k, "cluster.status", "INACTIVE",
               "listed ones do not hold a cluster");
    (void) callkit(&k, "DeleteCapacityProvider",
                   "{\"capacityProvider\":\"mine\"}");
    callkit_ok(&k, "capacityProvider.updateStatus", "DELETE_IN_PROGRESS",
               "and a deleted cluster does not hold them");
}


static void
test_tags(void)
{
    (void) callkit(&k, "TagResource", "{\"resourceArn\":\"" CP "p01\","
                   "\"tags\":[{\"key\":\"b\",\"value\":\"2\"}]}");
    (void) callkit(&k, "ListTagsForResource",
                   "{\"resourceArn\":\"" CP "p01\"}");
    callkit_ok(&k, "tags.0.value", "2", "tagged");
    (void) callkit(&k, "UntagResource", "{\"resourceArn\":\"" CP "p01\","
                   "\"tagKeys\":[\"b\"]}");
    (void) callkit(&k, "ListTagsForResource",
                   "{\"resourceArn\":\"" CP "p01\"}");
    callkit_ok(&k, "tags", "[0]", "untagged");
    callkit_error(&k, "TagResource", "{\"resourceArn\":\"" CP "nothing\","
                  "\"tags\":[{\"key\":\"b\",\"value\":\"2\"}]}", 400,
                  "ResourceNotFoundException",
                  "The specified capacity provider does not exist. Specify a"
                  " valid capacity provider and try again.");
}


int
main(void)
{
    callkit_open(&k);

    callkit_sweep(&k, "CreateCapacityProvider",
                  "{\"name\":\"mine\",\"autoScalingGroupProvider\":"
                  "{\"autoScalingGroupArn\":\"" GROUP "a\"},"
                  "\"tags\":[{\"key\":\"a\",\"value\":\"1\"}]}");
    test_create();
    test_create_errors();
    test_describe();
    test_update();
    test_clusters();
    test_use();
    test_use_by_task();
    test_delete();
    test_tags();

    callkit_close(&k);

    return tap_done();
}
