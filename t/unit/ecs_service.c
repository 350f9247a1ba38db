/*
 * Services: CreateService, UpdateService, DeleteService, DescribeServices,
 * ListServices, what they leave in the store, and the tasks that are made
 * of a deployment.
 */

#include "callkit.h"


#define keep  callkit_keep
#define listed(k, in, n)  callkit_list(k, "ListServices", in, "serviceArns", n)

#define BRIDGE                                                               \
    "{\"family\":\"web\",\"tags\":[{\"key\":\"team\",\"value\":\"def\"}],"   \
    "\"containerDefinitions\":[{\"name\":\"app\",\"image\":\"nginx:1\","     \
    "\"memory\":256,\"portMappings\":[{\"containerPort\":80}]}]}"

#define FARGATE                                                              \
    "{\"family\":\"api\",\"networkMode\":\"awsvpc\",\"cpu\":\"256\","        \
    "\"memory\":\"512\",\"requiresCompatibilities\":[\"FARGATE\"],"          \
    "\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"api:3\","      \
    "\"portMappings\":[{\"containerPort\":8080,\"name\":\"p\"}]}]}"

#define VOLUME                                                               \
    "{\"family\":\"vol\",\"volumes\":[{\"name\":\"data\","                   \
    "\"configuredAtLaunch\":true}],\"containerDefinitions\":["               \
    "{\"name\":\"app\",\"image\":\"nginx:1\",\"memory\":256}]}"

#define VPC                                                                  \
    "\"networkConfiguration\":{\"awsvpcConfiguration\":{"                    \
    "\"subnets\":[\"subnet-1\"]}}"

#define WEB      "\"taskDefinition\":\"web\",\"desiredCount\":2"
#define API      "\"taskDefinition\":\"api\",\"desiredCount\":2,"            \
                 "\"launchType\":\"FARGATE\"," VPC
#define INVALID  "InvalidParameterException"


static void
open_with(callkit_t *k)
{
    callkit_open(k);
    (void) callkit(k, "CreateCluster", "{}");
    (void) callkit(k, "RegisterTaskDefinition", BRIDGE);
    (void) callkit(k, "RegisterTaskDefinition", BRIDGE);
    (void) callkit(k, "RegisterTaskDefinition", VOLUME);
    (void) callkit(k, "RegisterTaskDefinition", FARGATE);
    callkit_ok(k, "taskDefinition.revision", "1", "definitions are there");
}


/*
 * What the scheduler does, by hand: `act` runs in a write transaction on
 * the newest service of this name.
 */
typedef kecs_rc_t (*act_pt)(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_service_t *s, const void *arg);

static kecs_rc_t
act_on(kecs_call_t *c, const char *name, act_pt act, const void *arg)
{
    kecs_rc_t       rc;
    kecs_cluster_t  cluster;
    kecs_service_t  s;

    rc = kecs_find_cluster(c, kecs_null_str, 0, &cluster);

    if (rc == KECS_OK) {
        rc = kecs_find_service(c, &cluster, kecs_str_of(name),
                               KECS_ALL_PARTS, &s);
    }

    return rc == KECS_OK ? act(c, &cluster, &s, arg) : rc;
}


static kecs_rc_t
scheduler(callkit_t *k, const char *name, act_pt act, const void *arg)
{
    kecs_rc_t     rc;
    kecs_call_t   c;

    memset(&c, 0, sizeof(c));
    c.arena = kecs_arena_create(0);
    c.now = k->now;
    c.rand = &k->rand;
    c.account = k->account;
    c.region = k->region;

    rc = kecs_write_begin(k->store, k->now, &c.txn);

    if (rc != KECS_OK) {
        return rc;
    }

    rc = kecs_scope_get(c.txn, c.account, c.region, false, &c.scope);

    if (rc == KECS_OK) {
        rc = act_on(&c, name, act, arg);
    }

    if (rc == KECS_OK) {
        rc = kecs_write_commit(c.txn);

    } else {
        kecs_write_abort(c.txn);
    }

    kecs_arena_destroy(c.arena);

    return rc;
}


static kecs_rc_t
to_inactive(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_service_t *s, const void *arg)
{
    kecs_rc_t          rc;
    kecs_deployment_t  d;

    (void) cluster;
    (void) arg;

    memset(&d, 0, sizeof(d));
    d.rec.kind = KECS_DEPLOYMENT;
    d.rec.scope = c->scope;
    d.cluster = s->cluster;
    d.service = s->no;
    d.id = s->primary;
    rc = kecs_get(c->txn, c->arena, &d, 0);

    if (rc == KECS_OK) {
        d.status = KECS_DEPLOYMENT_INACTIVE;
        rc = kecs_put(c->txn, &d);
    }

    s->status = KECS_SERVICE_INACTIVE;
    s->deleted_at = c->now;

    return rc == KECS_OK ? kecs_put(c->txn, s) : rc;
}


static kecs_rc_t
tell(kecs_call_t *c, const kecs_cluster_t *cluster, kecs_service_t *s,
    const void *arg)
{
    uint8_t  id[KECS_ID_LEN];

    (void) cluster;
    kecs_rand_bytes(c->rand, id, sizeof(id));

    return kecs_event_add(c->txn, c->arena, s, c->now, id,
                          kecs_str_of(arg));
}


/* Starts `arg` tasks of the PRIMARY deployment, as the scheduler does. */

static kecs_rc_t
start_tasks(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_service_t *s, const void *arg)
{
    kecs_rc_t          rc;
    kecs_task_t        tasks[10];
    kecs_taskdef_t     t;
    kecs_new_task_t    n;
    kecs_deployment_t  d;

    memset(&d, 0, sizeof(d));
    d.rec.kind = KECS_DEPLOYMENT;
    d.rec.scope = c->scope;
    d.cluster = s->cluster;
    d.service = s->no;
    d.id = s->primary;
    rc = kecs_get(c->txn, c->arena, &d, KECS_ALL_PARTS);

    memset(&t, 0, sizeof(t));
    t.rec.kind = KECS_TASKDEF;
    t.rec.scope = c->scope;
    t.family = d.family;
    t.revision = d.revision;

    if (rc == KECS_OK) {
        rc = kecs_get(c->txn, c->arena, &t, KECS_ALL_PARTS);
    }

    if (rc == KECS_OK) {
        rc = kecs_service_task(c, cluster, s, &d, &t, 0, &n);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_tasks_create(c, &n, *(const size_t *) arg, tasks);
}


static kecs_rc_t
stop_all(kecs_call_t *c, const kecs_cluster_t *cluster, kecs_service_t *s,
    const void *arg)
{
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_str_t    key;
    kecs_task_t   t;
    kecs_scan_t  *scan;

    (void) arg;
    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, cluster->no);
    kecs_key_u32(&prefix, s->no);
    kecs_key_u8(&prefix, KECS_DESIRED_RUNNING);

    for ( ;; ) {
        rc = kecs_scan(c->txn, c->arena, KECS_IX_TASK_SERVICE, c->scope,
                       &prefix, kecs_null_str, false, &scan);
        memset(&t, 0, sizeof(t));

        if (rc == KECS_OK) {
            rc = kecs_scan_next(scan, &key, &t);
            kecs_scan_end(scan);
        }

        if (rc == KECS_OK) {
            rc = kecs_get(c->txn, c->arena, &t, 0);
        }

        if (rc == KECS_OK) {
            t.status = KECS_TASK_RUNNING;
            rc = kecs_task_stop(c, &t, KECS_STOP_SCHEDULER,
                                kecs_str("Scaling activity"));
        }

        if (rc != KECS_OK) {
            return rc == KECS_DONE ? KECS_OK : rc;
        }
    }
}


/* CreateService. */

static void
test_create_ec2(void)
{
    char        id[64], want[256];
    callkit_t   k;

    open_with(&k);
    (void) callkit(&k, "CreateService", "{\"serviceName\":\"s\"," WEB ","
                   "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}");

    callkit_ok(&k, "service.serviceArn", CALLKIT_ARN "service/default/s",
               "create");
    callkit_ok(&k, "service.clusterArn", CALLKIT_ARN "cluster/default",
               "create");
    callkit_ok(&k, "service.status", "ACTIVE", "create");
    callkit_ok(&k, "service.desiredCount", "2", "create");
    callkit_ok(&k, "service.runningCount", "0", "create");
    callkit_ok(&k, "service.pendingCount", "0", "create");
    callkit_ok(&k, "service.launchType", "EC2", "create");
    callkit_ok(&k, "service.taskDefinition",
               CALLKIT_ARN "task-definition/web:2", "the full ARN");
    callkit_ok(&k, "service.loadBalancers", "[0]", "create");
    callkit_ok(&k, "service.serviceRegistries", "[0]", "create");
    callkit_ok(&k, "service.events", "[0]", "create");
    callkit_ok(&k, "service.placementConstraints", "[0]", "create");
    callkit_ok(&k, "service.placementStrategy", "[0]", "create");
    callkit_ok(&k, "service.taskSets", NULL, "no task sets");
    callkit_ok(&k, "service.schedulingStrategy", "REPLICA", "create");
    callkit_ok(&k, "service.deploymentController.type", "ECS", "create");
    callkit_ok(&k, "service.createdBy", CALLKIT_CALLER, "create");
    callkit_ok(&k, "service.enableECSManagedTags", "false", "create");
    callkit_ok(&k, "service.enableExecuteCommand", "false", "create");
    callkit_ok(&k, "service.propagateTags", "NONE", "create");
    callkit_ok(&k, "service.availabilityZoneRebalancing", "ENABLED",
               "create");
    callkit_ok(&k, "service.resourceManagementType", "CUSTOMER", "create");
    callkit_ok(&k, "service.healthCheckGracePeriodSeconds", "0", "create");
    callkit_ok(&k, "service.createdAt", "1789551556.693", "create");
    callkit_ok(&k, "service.tags.0.value", "b", "create");
    callkit_ok(&k, "service.networkConfiguration", NULL, "not {}");
    callkit_ok(&k, "service.capacityProviderStrategy", NULL, "create");
    callkit_ok(&k, "service.roleArn", NULL, "create");
    callkit_ok(&k, "service.platformVersion", NULL, "not FARGATE");

    callkit_ok(&k, "service.deploymentConfiguration.maximumPercent", "200",
               "default");
    callkit_ok(&k, "service.deploymentConfiguration.minimumHealthyPercent",
               "100", "default");
    callkit_ok(&k, "service.deploymentConfiguration.strategy", "ROLLING",
               "default");
    callkit_ok(&k, "service.deploymentConfiguration.bakeTimeInMinutes", "0",
               "default");
#define BREAKER  "service.deploymentConfiguration.deploymentCircuitBreaker."
    callkit_ok(&k, BREAKER "enable", "false", "default");
    callkit_ok(&k, BREAKER "rollback", "false", "default");
    callkit_ok(&k, BREAKER "resetOnHealthyTask", "true", "default");
    callkit_ok(&k, BREAKER "thresholdConfiguration.type", "BOUNDED_PERCENT",
               "default");
    callkit_ok(&k, BREAKER "thresholdConfiguration.value", "50", "default");

    callkit_ok(&k, "service.deployments", "[1]", "deployment");
    callkit_ok(&k, "service.deployments.0.status", "PRIMARY", "deployment");
    callkit_ok(&k, "service.deployments.0.rolloutState", "IN_PROGRESS",
               "deployment");
    callkit_ok(&k, "service.deployments.0.desiredCount", "2", "deployment");
    callkit_ok(&k, "service.deployments.0.failedTasks", "0", "deployment");
    callkit_ok(&k, "service.deployments.0.launchType", "EC2", "deployment");
    callkit_ok(&k, "service.deployments.0.createdAt", "1789551556.693",
               "deployment");
    callkit_ok(&k, "service.deployments.0.updatedAt", "1789551556.693",
               "deployment");
    callkit_ok(&k, "service.deployments.0.taskDefinition",
               CALLKIT_ARN "task-definition/web:2", "deployment");

    (void) keep(&k, "service.deployments.0.id", id, sizeof(id));
    tap_ok(strncmp(id, "ecs-svc/", 8) == 0 && strlen(id) == 27
           && strspn(id + 8, "0123456789") == 19, "deployment id %s", id);
    (void) snprintf(want, sizeof(want), "ECS deployment %s in progress.",
                    id);
    callkit_ok(&k, "service.deployments.0.rolloutStateReason", want,
               "deployment");
    (void) snprintf(want, sizeof(want), CALLKIT_ARN
                    "service-revision/default/s/%s", id + 8);
    callkit_ok(&k, "service.currentServiceRevisions.0.arn", want,
               "revision");

    (void) callkit(&k, "DescribeClusters", "{}");
    callkit_ok(&k, "clusters.0.activeServicesCount", "1", "counter");

    callkit_close(&k);
}


static void
test_create_fargate(void)
{
    callkit_t  k;

    open_with(&k);
    (void) callkit(&k, "CreateService", "{\"serviceName\":\"f\"," API ","
                   "\"deploymentConfiguration\":{\"maximumPercent\":100,"
                   "\"minimumHealthyPercent\":0,"
                   "\"deploymentCircuitBreaker\":{\"enable\":true,"
                   "\"rollback\":true}},"
                   "\"loadBalancers\":[{\"targetGroupArn\":\"arn:x\","
                   "\"containerName\":\"main\",\"containerPort\":8080}],"
                   "\"serviceRegistries\":[{\"registryArn\":\"arn:y\"}],"
                   "\"serviceConnectConfiguration\":{\"enabled\":false},"
                   "\"vpcLatticeConfigurations\":[],"
                   "\"capacityProviderStrategy\":[],"
                   "\"volumeConfigurations\":[],"
                   "\"healthCheckGracePeriodSeconds\":30,"
                   "\"enableExecuteCommand\":true,"
                   "\"propagateTags\":\"SERVICE\"}");
    callkit_ok(&k, "service.launchType", "FARGATE", "fargate");
    callkit_ok(&k, "service.platformVersion", "LATEST", "fargate");
    callkit_ok(&k, "service.platformFamily", "Linux", "fargate");
    callkit_ok(&k, "service.deployments.0.platformVersion", "1.4.0",
               "fargate");
    callkit_ok(&k, "service.deployments.0.platformFamily", "Linux",
               "fargate");
    callkit_ok(&k, "service.roleArn", "arn:aws:iam::000000000000:role/"
               "aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
               "fargate");
#define NET  "networkConfiguration.awsvpcConfiguration."
    callkit_ok(&k, "service." NET "assignPublicIp", "DISABLED", "default");
    callkit_ok(&k, "service." NET "subnets.0", "subnet-1", "network");
    callkit_ok(&k, "service." NET "securityGroups", "[0]", "network");
    callkit_ok(&k, "service.deployments.0." NET "subnets.0", "subnet-1",
               "deployment");
    callkit_ok(&k, "service.availabilityZoneRebalancing", "DISABLED",
               "not with maximumPercent 100");
    callkit_ok(&k, BREAKER "enable", "true", "given");
    callkit_ok(&k, BREAKER "resetOnHealthyTask", "true", "filled in");
    callkit_ok(&k, "service.loadBalancers.0.containerPort", "8080", "given");
    callkit_ok(&k, "service.serviceRegistries.0.registryArn", "arn:y",
               "given");
    callkit_ok(&k, "service.healthCheckGracePeriodSeconds", "30", "given");
    callkit_ok(&k, "service.enableExecuteCommand", "true", "given");
    callkit_ok(&k, "service.propagateTags", "SERVICE", "given");
    callkit_ok(&k, "service.deployments.0.serviceConnectConfiguration"
               ".enabled", "false", "given");
    callkit_ok(&k, "service.deployments.0.vpcLatticeConfigurations", NULL,
               "empty");

    callkit_close(&k);
}


static void
test_providers(void)
{
    callkit_t  k;

    open_with(&k);
    (void) callkit(&k, "CreateCluster",
                   "{\"clusterName\":\"c\",\"capacityProviders\":"
                   "[\"FARGATE\",\"FARGATE_SPOT\"],"
                   "\"defaultCapacityProviderStrategy\":["
                   "{\"capacityProvider\":\"FARGATE_SPOT\"}]}");
    (void) callkit(&k, "CreateService", "{\"cluster\":\"c\","
                   "\"serviceName\":\"p\","
                   "\"taskDefinition\":\"api\",\"desiredCount\":0," VPC "}");
    callkit_ok(&k, "service.launchType", NULL, "by providers");
    callkit_ok(&k, "service.capacityProviderStrategy.0.capacityProvider",
               "FARGATE_SPOT", "the cluster's default");
    callkit_ok(&k, "service.capacityProviderStrategy.0.base", "0",
               "filled in");
    callkit_ok(&k, "service.deployments.0.launchType", NULL, "providers");
    callkit_ok(&k, "service.deployments.0.capacityProviderStrategy.0.weight",
               "0", "filled in");
    callkit_ok(&k, "service.platformVersion", "LATEST", "providers");

    (void) callkit(&k, "UpdateService", "{\"cluster\":\"c\",\"service\":\"p\","
                   "\"capacityProviderStrategy\":[]}");
    callkit_ok(&k, "service.launchType", "FARGATE", "cleared");
    callkit_ok(&k, "service.capacityProviderStrategy", NULL, "cleared");
    callkit_ok(&k, "service.deployments", "[2]", "a new deployment");

    (void) callkit(&k, "UpdateService", "{\"cluster\":\"c\",\"service\":\"p\","
                   "\"capacityProviderStrategy\":["
                   "{\"capacityProvider\":\"FARGATE\",\"weight\":1}]}");
    callkit_ok(&k, "service.launchType", NULL, "back to providers");
    callkit_ok(&k, "service.deployments", "[3]", "a new deployment");

    (void) callkit(&k, "UpdateService", "{\"cluster\":\"c\",\"service\":\"p\","
                   "\"capacityProviderStrategy\":["
                   "{\"capacityProvider\":\"FARGATE\",\"weight\":1,"
                   "\"base\":0}]}");
    callkit_ok(&k, "service.deployments", "[3]", "nothing has changed");

    callkit_close(&k);
}


/* Errors. */

typedef struct {
    const char  *in;
    const char  *type;
    const char  *message;
} bad_t;

static const bad_t  bad_creates[] = {
    { "{\"serviceName\":\"a b\"," WEB "}", INVALID,
      "Invalid service name: up to 255 letters (uppercase and lowercase),"
      " numbers, underscores, and hyphens are allowed." },
    { "{\"serviceName\":\"a\",\"cluster\":\"none\"," WEB "}",
      "ClusterNotFoundException", "Cluster not found." },
    { "{\"serviceName\":\"a\"," WEB ",\"clientToken\":"
      "\"1234567890123456789012345678901234567\"}", INVALID,
      "idempotency token longer than 36." },
    { "{\"serviceName\":\"a\"," WEB ",\"schedulingStrategy\":\"X\"}",
      INVALID, "Scheduling strategy should be one of [REPLICA,DAEMON]" },
    { "{\"serviceName\":\"a\"," WEB ",\"schedulingStrategy\":\"DAEMON\"}",
      INVALID, "The daemon scheduling strategy does not support a desired"
      " count for services. Remove the desired count value and try again" },
    { "{\"serviceName\":\"a\",\"taskDefinition\":\"api\"," VPC ","
      "\"launchType\":\"FARGATE\",\"schedulingStrategy\":\"DAEMON\"}",
      INVALID, "The daemon scheduling strategy does not support the FARGATE"
      " launch type. Change the launch type and try again" },
    { "{\"serviceName\":\"a\",\"taskDefinition\":\"web\","
      "\"schedulingStrategy\":\"DAEMON\",\"deploymentController\":"
      "{\"type\":\"EXTERNAL\"}}", INVALID,
      "The daemon scheduling strategy does not support the EXTERNAL"
      " deployment controller. Change the deployment controller and try"
      " again" },
    { "{\"serviceName\":\"a\",\"taskDefinition\":\"web\","
      "\"schedulingStrategy\":\"DAEMON\",\"deploymentConfiguration\":"
      "{\"maximumPercent\":200}}", INVALID,
      "The daemon scheduling strategy does not support a maximumPercent"
      " other than 100. Change the maximumPercent value and try again" },
    { "{\"serviceName\":\"a\"," WEB ",\"deploymentController\":"
      "{\"type\":\"CODE_DEPLOY\"}}", INVALID,
      "A load balancer is required for services that use the CODE_DEPLOY"
      " deployment controller." },
    { "{\"serviceName\":\"a\"," WEB ",\"deploymentController\":"
      "{\"type\":\"EXTERNAL\"}}", INVALID,
      "TaskDefinition must be blank" },
    { "{\"serviceName\":\"a\"," WEB ",\"deploymentController\":"
      "{\"type\":\"X\"}}", INVALID,
      "deployment controller should be one of [ECS,CODE_DEPLOY,EXTERNAL]" },
    { "{\"serviceName\":\"a\"," WEB ",\"deploymentConfiguration\":"
      "{\"strategy\":\"X\"}}", INVALID,
      "deployment strategy should be one of"
      " [ROLLING,BLUE_GREEN,LINEAR,CANARY]" },
    { "{\"serviceName\":\"a\"," WEB ",\"deploymentConfiguration\":"
      "{\"linearConfiguration\":{\"stepPercent\":5}}}", INVALID,
      "linearConfiguration is only valid when the deployment strategy is"
      " LINEAR." },
    { "{\"serviceName\":\"a\"," WEB ",\"deploymentConfiguration\":"
      "{\"strategy\":\"LINEAR\",\"linearConfiguration\":"
      "{\"stepPercent\":2.9}}}", INVALID,
      "stepPercent must be a multiple of 0.1 between 3.0 and 100.0" },
    { "{\"serviceName\":\"a\"," WEB ",\"deploymentConfiguration\":"
      "{\"strategy\":\"CANARY\",\"canaryConfiguration\":"
      "{\"canaryPercent\":0.25}}}", INVALID,
      "canaryPercent must be a multiple of 0.1 between 0.1 and 100.0" },
    { "{\"serviceName\":\"a\"," WEB ",\"deploymentConfiguration\":"
      "{\"strategy\":\"CANARY\",\"canaryConfiguration\":"
      "{\"canaryBakeTimeInMinutes\":1441}}}", INVALID,
      "canaryBakeTimeInMinutes must be between 0 and 1440" },
    { "{\"serviceName\":\"a\"," WEB ",\"deploymentConfiguration\":"
      "{\"lifecycleHooks\":[{\"roleArn\":\"r\"}]}}", INVALID,
      "hookTargetArn is required for AWS_LAMBDA lifecycle hooks." },
    { "{\"serviceName\":\"a\"," WEB ",\"deploymentConfiguration\":"
      "{\"lifecycleHooks\":[{\"targetType\":\"PAUSE\"}]}}", INVALID,
      "lifecycleStages can not be empty." },
    { "{\"serviceName\":\"a\"," WEB ",\"deploymentConfiguration\":"
      "{\"lifecycleHooks\":[{\"targetType\":\"PAUSE\","
      "\"lifecycleStages\":[\"TEST_TRAFFIC_SHIFT\"]}]}}", INVALID,
      "PAUSE lifecycle hooks are not supported at the lifecycle stage"
      " TEST_TRAFFIC_SHIFT." },
    { "{\"serviceName\":\"a\"," WEB ",\"deploymentConfiguration\":"
      "{\"earlySuccessCriteria\":{\"enable\":true}}}", INVALID,
      "healthyPercent and sourceServiceRevisionCleanup are required when"
      " earlySuccessCriteria is enabled." },
    { "{\"serviceName\":\"a\"," WEB ",\"deploymentConfiguration\":"
      "{\"minimumHealthyPercent\":60,\"earlySuccessCriteria\":"
      "{\"enable\":true,\"healthyPercent\":50,"
      "\"sourceServiceRevisionCleanup\":\"DEFERRED\"}}}", INVALID,
      "healthyPercent must be at least minimumHealthyPercent" },
    { "{\"serviceName\":\"a\"," WEB ",\"volumeConfigurations\":"
      "[{\"name\":\"v\"}]}", INVALID,
      "The volume name 'v' in your request does not have a matching volume"
      " in your Task Definition" },
    { "{\"serviceName\":\"a\",\"taskDefinition\":\"vol\","
      "\"desiredCount\":1,\"volumeConfigurations\":[{\"name\":\"data\","
      "\"managedEBSVolume\":{\"roleArn\":\"r\"}}]}", INVALID,
      "ECS managed EBS volume configuration was invalid. Specify either"
      " sizeInGiB or snapshotId." },
    { "{\"serviceName\":\"a\",\"taskDefinition\":\"vol\","
      "\"desiredCount\":1,\"volumeConfigurations\":[{\"name\":\"data\","
      "\"managedEBSVolume\":{\"roleArn\":\"r\",\"sizeInGiB\":8,"
      "\"volumeType\":\"io1\"}}]}", INVALID,
      "ECS managed EBS volume configuration was invalid. iops is required"
      " for the volume type io1." },
    { "{\"serviceName\":\"a\"," WEB ",\"monitoring\":"
      "{\"metricConfigurations\":[{\"metricNames\":[\"CPUUtilization\"],"
      "\"resolutionSeconds\":30}]}}", INVALID,
      "resolutionSeconds should be one of [20,60]" },
    { "{\"serviceName\":\"a\"," WEB ",\"serviceConnectConfiguration\":"
      "{\"enabled\":true,\"services\":[{\"portName\":\"p\"}]}}", INVALID,
      "serviceConnectConfiguration requires a namespace. Specify a"
      " namespace, or set a default one for the cluster, and try again." },
    { "{\"serviceName\":\"a\"," WEB ",\"serviceConnectConfiguration\":"
      "{\"enabled\":true,\"namespace\":\"n\","
      "\"services\":[{\"portName\":\"p\"}]}}", INVALID,
      "The portName p in serviceConnectConfiguration does not match any"
      " port mapping name in the task definition." },
    { "{\"serviceName\":\"a\"," API ",\"gatewayConnectors\":"
      "[{\"portName\":\"v\"}]}", INVALID,
      "The portName v in gatewayConnectors does not match any port mapping"
      " name in the task definition." },
    { "{\"serviceName\":\"a\"," API ",\"gatewayConnectors\":"
      "[{\"portName\":\"p\"}]}", INVALID,
      "gatewayConnectors were specified but no gateways are associated with"
      " cluster" },
    { "{\"serviceName\":\"a\"," WEB ",\"propagateTags\":\"ALL\"}", INVALID,
      "Invalid value for propagateTags" },
    { "{\"serviceName\":\"a\",\"desiredCount\":1}", INVALID,
      "TaskDefinition can not be blank." },
    { "{\"serviceName\":\"a\",\"taskDefinition\":\"none\","
      "\"desiredCount\":1}", "ClientException", "TaskDefinition not found." },
    { "{\"serviceName\":\"a\",\"taskDefinition\":\"web\"}", INVALID,
      "DesiredCount is missing" },
    { "{\"serviceName\":\"a\",\"taskDefinition\":\"web\","
      "\"desiredCount\":-1}", INVALID,
      "DesiredCount can not be lesser than 0" },
    { "{\"serviceName\":\"a\"," WEB ",\"healthCheckGracePeriodSeconds\":-1}",
      INVALID,
      "healthCheckGracePeriodSeconds must be between 0 and 2147483647" },
    { "{\"serviceName\":\"a\"," WEB ",\"launchType\":\"FARGATE\"}", INVALID,
      "Task definition does not support launch_type FARGATE." },
    { "{\"serviceName\":\"a\",\"taskDefinition\":\"api\","
      "\"desiredCount\":1}", INVALID,
      "Network Configuration must be provided when networkMode 'awsvpc' is"
      " specified." },
    { "{\"serviceName\":\"a\",\"taskDefinition\":\"api\","
      "\"schedulingStrategy\":\"DAEMON\"}", INVALID,
      "Network Configuration must be provided when networkMode 'awsvpc' is"
      " specified." },
    { "{\"serviceName\":\"a\"," WEB ",\"deploymentConfiguration\":"
      "{\"maximumPercent\":99}}", INVALID,
      "maximumPercent must be at least 100" },
    { "{\"serviceName\":\"a\"," WEB ",\"deploymentConfiguration\":"
      "{\"minimumHealthyPercent\":101}}", INVALID,
      "minimumHealthyPercent must be at most 100" },
    { "{\"serviceName\":\"a\"," WEB ",\"deploymentConfiguration\":"
      "{\"minimumHealthyPercent\":-1}}", INVALID,
      "minimumHealthyPercent must be at least 0" },
    { "{\"serviceName\":\"a\"," WEB ",\"deploymentConfiguration\":"
      "{\"maximumPercent\":100}}", INVALID,
      "Both maximumPercent and minimumHealthyPercent cannot be 100 as this"
      " will block deployments." },
    { "{\"serviceName\":\"a\"," WEB ",\"availabilityZoneRebalancing\":"
      "\"ENABLED\",\"deploymentConfiguration\":{\"maximumPercent\":100,"
      "\"minimumHealthyPercent\":50}}", INVALID,
      "Availability Zone Rebalancing does not support maximumPercent <= 100"
      " % as deployment configuration." },
    { "{\"serviceName\":\"a\"," WEB ",\"loadBalancers\":"
      "[{\"targetGroupArn\":\"x\",\"containerName\":\"no\","
      "\"containerPort\":80}]}", INVALID,
      "The container no does not exist in the task definition." },
    { "{\"serviceName\":\"a\"," WEB ",\"loadBalancers\":"
      "[{\"targetGroupArn\":\"x\",\"containerName\":\"app\","
      "\"containerPort\":81}]}", INVALID,
      "The container app did not have a container port 81 defined." },
    { "{\"serviceName\":\"a\"," API ",\"loadBalancers\":"
      "[{\"loadBalancerName\":\"x\",\"containerName\":\"main\","
      "\"containerPort\":8080}]}", INVALID,
      "Classic Load Balancers are not supported with Fargate." },
    { "{\"serviceName\":\"a\"," WEB ",\"serviceRegistries\":"
      "[{\"containerName\":\"no\"}]}", INVALID,
      "The container no does not exist in the task definition." },
    { "{\"serviceName\":\"a\"," WEB ",\"serviceRegistries\":[{},{}]}",
      INVALID, "serviceRegistries can have at most 1 item." },
    { "{\"serviceName\":\"a\"," API ",\"placementStrategy\":"
      "[{\"type\":\"random\"}]}", INVALID,
      "Placement strategies are not supported with FARGATE launch type." }
};


static void
test_create_errors(void)
{
    size_t     i;
    callkit_t  k;

    open_with(&k);

    for (i = 0; i < sizeof(bad_creates) / sizeof(bad_creates[0]); i++) {
        callkit_error(&k, "CreateService", bad_creates[i].in, 400,
                      bad_creates[i].type, bad_creates[i].message);
    }

    (void) callkit(&k, "CreateService", "{" WEB "}");
    tap_is_int(k.status, 400, "serviceName is required");

    callkit_close(&k);
}


/* Names and tokens. */

static void
test_names(void)
{
    char        id[64];
    uint64_t    seq;
    callkit_t   k;

    open_with(&k);
    (void) callkit(&k, "CreateService", "{\"serviceName\":\"s\"," WEB ","
                   "\"clientToken\":\"t\"}");
    (void) keep(&k, "service.deployments.0.id", id, sizeof(id));

    seq = callkit_seq(&k);
    (void) callkit(&k, "CreateService", "{\"serviceName\":\"s\"," WEB ","
                   "\"clientToken\":\"t\",\"tags\":[{\"key\":\"n\","
                   "\"value\":\"\"}]}");
    callkit_ok(&k, "service.deployments.0.id", id, "the same service");
    callkit_ok(&k, "service.tags", "[0]", "its own tags");
    tap_ok(callkit_seq(&k) == seq, "nothing was made");

    callkit_error(&k, "CreateService", "{\"serviceName\":\"s\"," WEB "}",
                  400, INVALID, "Creation of service was not idempotent.");
    callkit_error(&k, "CreateService", "{\"serviceName\":\"s\"," WEB ","
                  "\"clientToken\":\"u\"}", 400, INVALID,
                  "Creation of service was not idempotent.");
    callkit_error(&k, "CreateService", "{\"serviceName\":\"s\"," WEB ","
                  "\"clientToken\":\"t\",\"launchType\":\"EC2\"}", 400,
                  INVALID, "Creation of service was not idempotent.");

    (void) callkit(&k, "CreateService", "{\"serviceName\":\"s2\"," WEB ","
                   "\"clientToken\":\"t\"}");
    callkit_ok(&k, "service.serviceName", "s2", "another name");

    (void) callkit(&k, "DeleteService", "{\"service\":\"s\","
                   "\"force\":true}");
    callkit_error(&k, "CreateService", "{\"serviceName\":\"s\"," WEB "}",
                  400, INVALID,
                  "Unable to Start a service that is still Draining.");

    tap_is_int(scheduler(&k, "s", tell, "an event"), KECS_OK, "event");
    tap_is_int(scheduler(&k, "s", to_inactive, NULL), KECS_OK, "inactive");

    k.now += 1000;
    (void) callkit(&k, "CreateService", "{\"serviceName\":\"s\"," WEB ","
                   "\"clientToken\":\"t\"}");
    callkit_ok(&k, "service.status", "ACTIVE", "the name is free");
    callkit_ok(&k, "service.createdAt", "1789551557.693", "a new one");
    callkit_ok(&k, "service.deployments", "[1]", "starts clean");
    callkit_ok(&k, "service.events", "[0]", "starts clean");

    (void) callkit(&k, "DescribeServices", "{\"services\":[\"s\"]}");
    callkit_ok(&k, "services", "[1]", "one of the name");
    callkit_ok(&k, "services.0.createdAt", "1789551557.693", "the new one");

    callkit_close(&k);
}


/* DescribeServices and ListServices. */

static void
test_describe(void)
{
    char        text[64];
    size_t      i;
    callkit_t   k;

    open_with(&k);
    (void) callkit(&k, "CreateService", "{\"serviceName\":\"s\"," WEB ","
                   "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}");

    for (i = 0; i < 103; i++) {
        (void) snprintf(text, sizeof(text), "(service s) number %zu.", i);
        k.now += 1000;
        (void) scheduler(&k, "s", tell, text);
    }

    (void) callkit(&k, "DescribeServices", "{\"services\":[\"s\",\"gone\","
                   "\"" CALLKIT_ARN "service/default/s\","
                   "\"" CALLKIT_ARN "service/default/arn\"]}");
    callkit_ok(&k, "services", "[1]", "named twice");
    callkit_ok(&k, "services.0.tags", NULL, "no tags without include");
    callkit_ok(&k, "services.0.events", "[100]", "events");
    callkit_ok(&k, "services.0.events.0.message", "(service s) number 102.",
               "the newest first");
    callkit_ok(&k, "services.0.events.0.createdAt", "1789551659.693",
               "events");
    callkit_ok(&k, "services.0.events.99.message", "(service s) number 3.",
               "the oldest last");
    (void) keep(&k, "services.0.events.0.id", text, sizeof(text));
    tap_ok(strlen(text) == 36 && text[8] == '-' && text[23] == '-',
           "event id %s", text);
    callkit_ok(&k, "failures", "[2]", "missing");
    callkit_ok(&k, "failures.0.reason", "MISSING", "missing");
    callkit_ok(&k, "failures.0.arn", CALLKIT_ARN "service/default/gone",
               "a full ARN");
    callkit_ok(&k, "failures.1.arn", CALLKIT_ARN "service/default/arn",
               "a full ARN");

    (void) callkit(&k, "DescribeServices", "{\"services\":[\"s\"],"
                   "\"include\":[\"TAGS\"]}");
    callkit_ok(&k, "services.0.tags.0.key", "a", "include");

    callkit_error(&k, "DescribeServices", "{}", 400, INVALID,
                  "Services cannot be empty.");
    callkit_error(&k, "DescribeServices", "{\"services\":[\"1\",\"2\","
                  "\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\","
                  "\"11\"]}", 400, INVALID,
                  "Services cannot have more than 10 elements.");
    callkit_error(&k, "DescribeServices", "{\"cluster\":\"none\","
                  "\"services\":[\"s\"]}", 400, "ClusterNotFoundException",
                  "Cluster not found.");
    callkit_error(&k, "DescribeServices", "{\"services\":[\""
                  CALLKIT_ARN "service/else/s\"]}", 400, INVALID,
                  "Invalid identifier: Identifier is for cluster else. Your"
                  " cluster is default");

    callkit_close(&k);
}


static void
test_list(void)
{
    char        in[1200], token[600];
    size_t      i;
    callkit_t   k;

    open_with(&k);

    for (i = 0; i < 12; i++) {
        (void) snprintf(in, sizeof(in), "{\"serviceName\":\"w%02zu\"," WEB
                        "}", i);
        (void) callkit(&k, "CreateService", in);
    }

    (void) callkit(&k, "CreateService", "{\"serviceName\":\"api\"," API "}");

    (void) callkit(&k, "ListServices", "{}");
    callkit_ok(&k, "serviceArns", "[10]", "a page of 10");
    callkit_ok(&k, "serviceArns.0", CALLKIT_ARN "service/default/api",
               "by name");
    (void) keep(&k, "nextToken", token, sizeof(token));

    (void) callkit(&k, "DeleteService",
                   "{\"service\":\"w08\",\"force\":true}");
    (void) callkit(&k, "DeleteService",
                   "{\"service\":\"w10\",\"force\":true}");
    (void) snprintf(in, sizeof(in), "{\"nextToken\":\"%s\"}", token);
    (void) callkit(&k, "ListServices", in);
    callkit_ok(&k, "serviceArns", "[2]", "the rest, ACTIVE ones only");
    callkit_ok(&k, "serviceArns.0", CALLKIT_ARN "service/default/w09",
               "goes on behind a name that is gone");
    callkit_ok(&k, "nextToken", NULL, "the end");

    listed(&k, "{\"maxResults\":100}", "[11]");
    listed(&k, "{\"launchType\":\"FARGATE\"}", "[1]");
    listed(&k, "{\"launchType\":\"EC2\",\"maxResults\":100}", "[10]");
    listed(&k, "{\"schedulingStrategy\":\"DAEMON\"}", "[0]");
    listed(&k, "{\"schedulingStrategy\":\"REPLICA\",\"maxResults\":3}",
           "[3]");
    listed(&k, "{\"resourceManagementType\":\"ECS\"}", "[0]");
    listed(&k, "{\"resourceManagementType\":\"CUSTOMER\"}", "[10]");

    callkit_error(&k, "ListServices", "{\"launchType\":\"X\"}", 400, INVALID,
                  "launch type should be one of"
                  " [EC2,FARGATE,EXTERNAL,FMI,MANAGED_INSTANCES]");
    callkit_error(&k, "ListServices", "{\"schedulingStrategy\":\"X\"}", 400,
                  INVALID,
                  "Scheduling strategy should be one of [REPLICA,DAEMON]");
    callkit_error(&k, "ListServices", "{\"resourceManagementType\":\"X\"}",
                  400, INVALID,
                  "resource management type should be one of"
                  " [CUSTOMER,ECS]");

    callkit_close(&k);
}


/* UpdateService. */

/* An update, and whether it starts a deployment. */
typedef struct {
    const char  *in;
    bool         anew;
} update_t;

static const update_t  updates[] = {
    { "{\"service\":\"s\"}", false },
    { "{\"service\":\"s\",\"desiredCount\":4}", false },
    { "{\"service\":\"s\",\"deploymentConfiguration\":"
      "{\"maximumPercent\":150}}", false },
    { "{\"service\":\"s\",\"healthCheckGracePeriodSeconds\":5}", false },
    { "{\"service\":\"s\",\"availabilityZoneRebalancing\":\"DISABLED\"}",
      false },
    { "{\"service\":\"s\",\"enableExecuteCommand\":true,"
      "\"propagateTags\":\"SERVICE\",\"enableECSManagedTags\":true}",
      false },
    { "{\"service\":\"s\",\"taskDefinition\":\"api\"}", false },
    { "{\"service\":\"s\",\"platformVersion\":\"LATEST\"}", false },
    { "{\"service\":\"s\"," VPC "}", false },
    { "{\"service\":\"s\",\"loadBalancers\":[],\"serviceRegistries\":[],"
      "\"volumeConfigurations\":[],\"vpcLatticeConfigurations\":[],"
      "\"placementStrategy\":[],\"placementConstraints\":[]}", false },
    { "{\"service\":\"s\",\"forceNewDeployment\":false}", false },
    { "{\"service\":\"s\",\"forceNewDeployment\":true}", true },
    { "{\"service\":\"s\",\"platformVersion\":\"1.4.0\"}", true },
    { "{\"service\":\"s\",\"networkConfiguration\":{"
      "\"awsvpcConfiguration\":{\"subnets\":[\"subnet-2\"]}}}", true },
    { "{\"service\":\"s\",\"loadBalancers\":[{\"targetGroupArn\":\"x\","
      "\"containerName\":\"main\",\"containerPort\":8080}]}", true },
    { "{\"service\":\"s\",\"loadBalancers\":[]}", true },
    { "{\"service\":\"s\",\"serviceRegistries\":[{\"registryArn\":\"y\"}]}",
      true },
    { "{\"service\":\"s\",\"serviceConnectConfiguration\":"
      "{\"enabled\":false}}", true },
    { "{\"service\":\"s\",\"vpcLatticeConfigurations\":[{\"roleArn\":\"r\","
      "\"targetGroupArn\":\"t\",\"portName\":\"p\"}]}", true },
    { "{\"service\":\"s\",\"taskDefinition\":\"api:2\"}", true },
    { "{\"service\":\"s\",\"desiredCount\":0}", false }
};


static void
test_update_kinds(void)
{
    char        before[64], after[64];
    size_t      i;
    callkit_t   k;

    open_with(&k);
    (void) callkit(&k, "CreateService", "{\"serviceName\":\"s\"," API "}");
    (void) keep(&k, "service.deployments.0.id", before, sizeof(before));

    for (i = 0; i < sizeof(updates) / sizeof(updates[0]); i++) {
        if (strstr(updates[i].in, "api:2") != NULL) {
            (void) callkit(&k, "RegisterTaskDefinition", FARGATE);
        }

        k.now += 1000;
        (void) callkit(&k, "UpdateService", updates[i].in);
        (void) keep(&k, "service.deployments.0.id", after, sizeof(after));
        tap_ok(k.status == 200
               && (strcmp(before, after) != 0) == updates[i].anew,
               "%s: %s", updates[i].anew ? "new deployment" : "goes on",
               updates[i].in);

        if (k.status != 200) {
            printf("# %s\n", k.body);
        }

        (void) snprintf(before, sizeof(before), "%s", after);
    }

    callkit_ok(&k, "service.desiredCount", "0", "in the end");
    callkit_ok(&k, "service.loadBalancers", "[0]", "cleared");
    callkit_ok(&k, "service.serviceRegistries", "[1]", "kept");
    callkit_ok(&k, "service.platformVersion", "1.4.0", "kept");
    callkit_ok(&k, "service." NET "subnets.0", "subnet-2", "kept");
    callkit_ok(&k, "service.enableExecuteCommand", "true", "kept");
    callkit_ok(&k, "service.propagateTags", "SERVICE", "kept");
    callkit_ok(&k, "service.healthCheckGracePeriodSeconds", "5", "kept");
    callkit_ok(&k, "service.deploymentConfiguration.maximumPercent", "150",
               "kept");
    callkit_ok(&k, "service.deploymentConfiguration.minimumHealthyPercent",
               "100", "kept");
    callkit_ok(&k, "service.taskDefinition",
               CALLKIT_ARN "task-definition/api:2", "updated");
    callkit_ok(&k, "service.deployments.0.serviceConnectConfiguration"
               ".enabled", "false", "kept");

    callkit_close(&k);
}


static void
test_update_deployments(void)
{
    char        first[64];
    uint64_t    seq;
    callkit_t   k;

    open_with(&k);
    (void) callkit(&k, "CreateService", "{\"serviceName\":\"s\","
                   "\"taskDefinition\":\"web:1\",\"desiredCount\":1}");
    (void) keep(&k, "service.deployments.0.id", first, sizeof(first));

    k.now += 1000;
    (void) callkit(&k, "UpdateService", "{\"service\":\"s\","
                   "\"desiredCount\":3}");
    callkit_ok(&k, "service.deployments", "[1]", "the same deployment");
    callkit_ok(&k, "service.deployments.0.id", first, "the same id");
    callkit_ok(&k, "service.deployments.0.desiredCount", "3", "follows");
    callkit_ok(&k, "service.deployments.0.createdAt", "1789551556.693",
               "the same");
    callkit_ok(&k, "service.deployments.0.updatedAt", "1789551557.693",
               "newer");

    seq = callkit_seq(&k);
    (void) callkit(&k, "UpdateService", "{\"service\":\"s\","
                   "\"desiredCount\":3}");
    tap_ok(k.status == 200 && callkit_seq(&k) == seq,
           "no change, nothing is written");

    k.now += 1000;
    (void) callkit(&k, "UpdateService", "{\"service\":\"s\","
                   "\"taskDefinition\":\"web\"}");
    callkit_ok(&k, "service.deployments", "[2]", "a new deployment");
    callkit_ok(&k, "service.deployments.0.status", "PRIMARY", "the new one");
    callkit_ok(&k, "service.deployments.0.rolloutState", "IN_PROGRESS",
               "the new one");
    callkit_ok(&k, "service.deployments.0.taskDefinition",
               CALLKIT_ARN "task-definition/web:2", "the new one");
    callkit_ok(&k, "service.deployments.1.status", "ACTIVE", "the old one");
    callkit_ok(&k, "service.deployments.1.id", first, "the old one");
    callkit_ok(&k, "service.deployments.1.taskDefinition",
               CALLKIT_ARN "task-definition/web:1", "the old one");
    callkit_ok(&k, "service.currentServiceRevisions", "[2]", "both");

    (void) callkit(&k, "DeregisterTaskDefinition",
                   "{\"taskDefinition\":\"web:2\"}");
    (void) callkit(&k, "UpdateService", "{\"service\":\"s\","
                   "\"forceNewDeployment\":true}");
    callkit_ok(&k, "service.deployments", "[3]",
               "a service lives on with an INACTIVE definition");
    callkit_error(&k, "UpdateService", "{\"service\":\"s\","
                  "\"taskDefinition\":\"web:2\"}", 400, "ClientException",
                  "TaskDefinition is inactive");

    (void) callkit(&k, "DeleteService", "{\"service\":\"s\","
                   "\"force\":true}");
    callkit_ok(&k, "service.deployments.0.status", "PRIMARY", "draining");
    callkit_ok(&k, "service.deployments.0.desiredCount", "0", "draining");
    callkit_ok(&k, "service.deployments.1.status", "DRAINING", "draining");

    callkit_close(&k);
}


/* A service changes its network mode with its definition. */

static void
test_update_network(void)
{
    callkit_t  k;

    open_with(&k);
    (void) callkit(&k, "CreateService", "{\"serviceName\":\"s\"," WEB "}");
    callkit_error(&k, "UpdateService", "{\"service\":\"s\","
                  "\"taskDefinition\":\"api\"}", 400, INVALID,
                  "Network Configuration must be provided when networkMode"
                  " 'awsvpc' is specified.");
    (void) callkit(&k, "UpdateService", "{\"service\":\"s\","
                   "\"taskDefinition\":\"api\"," VPC "}");
    callkit_ok(&k, "service." NET "subnets.0", "subnet-1", "to awsvpc");
    (void) callkit(&k, "UpdateService", "{\"service\":\"s\","
                   "\"taskDefinition\":\"web\"}");
    callkit_ok(&k, "service.networkConfiguration", NULL, "and back");
    callkit_ok(&k, "service.deployments.0.networkConfiguration", NULL,
               "and back");

    callkit_close(&k);
}


static void
test_update_errors(void)
{
    callkit_t  k;

    open_with(&k);
    (void) callkit(&k, "CreateService", "{\"serviceName\":\"s\"," WEB "}");

    callkit_error(&k, "UpdateService", "{\"service\":\"none\"}", 400,
                  "ServiceNotFoundException", "Service not found.");
    callkit_error(&k, "UpdateService", "{\"cluster\":\"none\","
                  "\"service\":\"s\"}", 400, "ClusterNotFoundException",
                  "Cluster not found.");
    callkit_error(&k, "UpdateService", "{\"service\":\"s\","
                  "\"desiredCount\":-1}", 400, INVALID,
                  "Task count can not be lesser than 0");
    callkit_error(&k, "UpdateService", "{\"service\":\"s\","
                  "\"taskDefinition\":\"none\"}", 400, "ClientException",
                  "TaskDefinition not found.");
    callkit_error(&k, "UpdateService", "{\"service\":\"s\","
                  "\"deploymentConfiguration\":{\"maximumPercent\":1}}",
                  400, INVALID, "maximumPercent must be at least 100");
    callkit_error(&k, "UpdateService", "{\"service\":\"s\","
                  "\"deploymentConfiguration\":{\"maximumPercent\":100,"
                  "\"minimumHealthyPercent\":0}}", 400, INVALID,
                  "The service couldn't be updated because Availability Zone"
                  " Rebalancing does not support maximumPercent <= 100 % as"
                  " deployment configuration. Update deployment"
                  " configuration and try again.");
    callkit_error(&k, "UpdateService", "{\"service\":\"s\","
                  "\"deploymentController\":{\"type\":\"EXTERNAL\"}}", 400,
                  INVALID, "The deployment controller cannot be changed"
                  " while a deployment is in progress.");
    callkit_error(&k, "UpdateService", "{\"service\":\"s\","
                  "\"deploymentConfiguration\":{\"strategy\":\"LINEAR\","
                  "\"canaryConfiguration\":{\"canaryPercent\":1}}}",
                  400, INVALID, "canaryConfiguration is only valid when the"
                  " deployment strategy is CANARY.");
    callkit_error(&k, "UpdateService", "{\"service\":\"s\","
                  "\"volumeConfigurations\":[{\"name\":\"v\"}]}", 400,
                  INVALID, "The volume name 'v' in your request does not"
                  " have a matching volume in your Task Definition");
    callkit_error(&k, "UpdateService", "{\"service\":\"s\","
                  "\"healthCheckGracePeriodSeconds\":-1}", 400, INVALID,
                  "healthCheckGracePeriodSeconds must be between 0 and"
                  " 2147483647");

    (void) callkit(&k, "DeleteService", "{\"service\":\"s\","
                   "\"force\":true}");
    callkit_error(&k, "UpdateService", "{\"service\":\"s\","
                  "\"desiredCount\":1}", 400, "ServiceNotActiveException",
                  "Service was not ACTIVE.");

    callkit_close(&k);
}


static void
test_breaker(void)
{
    callkit_t  k;

    open_with(&k);
    (void) callkit(&k, "CreateService", "{\"serviceName\":\"s\"," WEB ","
                   "\"deploymentConfiguration\":{"
                   "\"deploymentCircuitBreaker\":{\"enable\":true,"
                   "\"rollback\":true,\"thresholdConfiguration\":"
                   "{\"type\":\"COUNT\",\"value\":7}},"
                   "\"alarms\":{\"alarmNames\":[\"x\"],\"enable\":true,"
                   "\"rollback\":false}}}");
    callkit_ok(&k, BREAKER "thresholdConfiguration.value", "7", "given");

    (void) callkit(&k, "UpdateService", "{\"service\":\"s\","
                   "\"deploymentConfiguration\":{\"maximumPercent\":150}}");
    callkit_ok(&k, BREAKER "enable", "true", "kept");
    callkit_ok(&k, "service.deploymentConfiguration.alarms.alarmNames.0",
               "x", "kept");

    (void) callkit(&k, "UpdateService", "{\"service\":\"s\","
                   "\"deploymentConfiguration\":{"
                   "\"deploymentCircuitBreaker\":{\"enable\":false,"
                   "\"rollback\":false}}}");
    callkit_ok(&k, BREAKER "enable", "false", "off");
    callkit_ok(&k, BREAKER "thresholdConfiguration.value", "50",
               "back to the default");
    callkit_ok(&k, "service.deploymentConfiguration.maximumPercent", "150",
               "kept");

    callkit_error(&k, "UpdateService", "{\"service\":\"s\","
                  "\"deploymentConfiguration\":{"
                  "\"deploymentCircuitBreaker\":{\"enable\":true,"
                  "\"rollback\":true,\"thresholdConfiguration\":"
                  "{\"type\":\"X\",\"value\":7}}}}", 400, INVALID,
                  "threshold type should be one of"
                  " [COUNT,BOUNDED_PERCENT,UNBOUNDED_PERCENT]");

    callkit_close(&k);
}


/* DeleteService. */

static void
test_delete(void)
{
    callkit_t  k;

    open_with(&k);
    (void) callkit(&k, "CreateService", "{\"serviceName\":\"s\"," WEB "}");

    callkit_error(&k, "DeleteService", "{\"service\":\"none\"}", 400,
                  "ServiceNotFoundException", NULL);
    callkit_error(&k, "DeleteService", "{\"service\":\"s\"}", 400, INVALID,
                  "The service cannot be stopped while it is scaled above"
                  " 0.");
    callkit_error(&k, "DeleteService", "{\"service\":\"s\","
                  "\"cluster\":\"none\"}", 400, "ClusterNotFoundException",
                  "Cluster not found.");

    (void) callkit(&k, "DeleteService", "{\"service\":\"s\","
                   "\"force\":true}");
    callkit_ok(&k, "service.status", "DRAINING", "delete");
    callkit_ok(&k, "service.desiredCount", "0", "delete");
    callkit_ok(&k, "service.deployments", "[1]", "delete");

    (void) callkit(&k, "DeleteService", "{\"service\":\"s\"}");
    callkit_ok(&k, "service.status", "DRAINING", "again");

    (void) callkit(&k, "DescribeClusters", "{}");
    callkit_ok(&k, "clusters.0.activeServicesCount", "0", "counter");

    tap_is_int(scheduler(&k, "s", tell, "an event"), KECS_OK, "event");
    tap_is_int(scheduler(&k, "s", to_inactive, NULL), KECS_OK, "inactive");
    (void) callkit(&k, "DescribeServices", "{\"services\":[\"s\"]}");
    callkit_ok(&k, "services.0.status", "INACTIVE", "still described");
    callkit_ok(&k, "services.0.events", "[0]", "without events");
    callkit_ok(&k, "services.0.deployments", "[1]", "with its last one");
    callkit_ok(&k, "services.0.deployments.0.status", "PRIMARY", "as it was");

    (void) callkit(&k, "CreateService", "{\"serviceName\":\"z\","
                   "\"taskDefinition\":\"web\",\"desiredCount\":0}");
    (void) callkit(&k, "DeleteService", "{\"service\":\"z\","
                   "\"force\":false}");
    callkit_ok(&k, "service.status", "DRAINING", "desiredCount is 0");

    callkit_close(&k);
}


/* Tasks of a service. */

static void
test_tasks(void)
{
    char        id[64];
    size_t      n;
    callkit_t   k;

    open_with(&k);
    (void) callkit(&k, "CreateService", "{\"serviceName\":\"s\"," API ","
                   "\"enableECSManagedTags\":true,"
                   "\"enableExecuteCommand\":true,"
                   "\"propagateTags\":\"SERVICE\","
                   "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}");
    (void) keep(&k, "service.deployments.0.id", id, sizeof(id));

    n = 2;
    tap_is_int(scheduler(&k, "s", start_tasks, &n), KECS_OK, "two start");

    (void) callkit(&k, "DescribeServices", "{\"services\":[\"s\"]}");
    callkit_ok(&k, "services.0.pendingCount", "2", "counters");
    callkit_ok(&k, "services.0.deployments.0.pendingCount", "2",
               "counters");

    (void) callkit(&k, "ListTasks", "{\"serviceName\":\"s\"}");
    callkit_ok(&k, "taskArns", "[2]", "by service");
    (void) callkit(&k, "ListTasks", "{\"serviceName\":\"s\","
                   "\"family\":\"web\"}");
    callkit_ok(&k, "taskArns", "[0]", "by service and family");
    (void) callkit(&k, "ListTasks", "{\"serviceName\":\"s\","
                   "\"family\":\"api\",\"launchType\":\"FARGATE\"}");
    callkit_ok(&k, "taskArns", "[2]", "by service, family, launch type");
    callkit_error(&k, "ListTasks", "{\"serviceName\":\"gone\"}", 400,
                  "ServiceNotFoundException", "Service not found.");

    callkit_close(&k);
}


static void
test_task_shape(void)
{
    char        id[64], arn[256], in[300];
    size_t      n;
    callkit_t   k;

    open_with(&k);
    (void) callkit(&k, "CreateService", "{\"serviceName\":\"s\"," API ","
                   "\"enableECSManagedTags\":true,"
                   "\"enableExecuteCommand\":true,"
                   "\"propagateTags\":\"SERVICE\","
                   "\"tags\":[{\"key\":\"a\",\"value\":\"b\"}]}");
    (void) keep(&k, "service.deployments.0.id", id, sizeof(id));
    n = 1;
    (void) scheduler(&k, "s", start_tasks, &n);

    (void) callkit(&k, "ListTasks", "{}");
    (void) keep(&k, "taskArns.0", arn, sizeof(arn));
    (void) snprintf(in, sizeof(in), "{\"tasks\":[\"%s\"],"
                    "\"include\":[\"TAGS\"]}", arn);
    (void) callkit(&k, "DescribeTasks", in);
    callkit_ok(&k, "tasks.0.group", "service:s", "of a service");
    callkit_ok(&k, "tasks.0.startedBy", id, "of a service");
    callkit_ok(&k, "tasks.0.lastStatus", "PROVISIONING", "of a service");
    callkit_ok(&k, "tasks.0.launchType", "FARGATE", "of a service");
    callkit_ok(&k, "tasks.0.platformVersion", "1.4.0", "of a service");
    callkit_ok(&k, "tasks.0.enableExecuteCommand", "true", "of a service");
    callkit_ok(&k, "tasks.0.attachments.0.details.0.value", "subnet-1",
               "of a service");
    callkit_ok(&k, "tasks.0.tags", "[3]", "of a service");
    callkit_ok(&k, "tasks.0.tags.0.key", "a", "propagated");
    callkit_ok(&k, "tasks.0.tags.1.key", "aws:ecs:clusterName", "managed");
    callkit_ok(&k, "tasks.0.tags.2.key", "aws:ecs:serviceName", "managed");
    callkit_ok(&k, "tasks.0.tags.2.value", "s", "managed");

    k.now += 1000;
    tap_is_int(scheduler(&k, "s", stop_all, NULL), KECS_OK, "stopped");
    (void) callkit(&k, "DescribeTasks", in);
    callkit_ok(&k, "tasks.0.stopCode", "ServiceSchedulerInitiated", "stop");
    callkit_ok(&k, "tasks.0.stoppedReason", "Scaling activity", "stop");
    callkit_ok(&k, "tasks.0.desiredStatus", "STOPPED", "stop");
    (void) callkit(&k, "DescribeServices", "{\"services\":[\"s\"]}");
    callkit_ok(&k, "services.0.pendingCount", "0", "counters");
    callkit_ok(&k, "services.0.runningCount", "1", "counters");

    callkit_close(&k);
}


/* Allocation failures change nothing. */

static void
test_memory(void)
{
    callkit_t  k;

    open_with(&k);
    callkit_sweep(&k, "CreateService", "{\"serviceName\":\"m\"," API ","
                  "\"clientToken\":\"t\",\"tags\":[{\"key\":\"a\","
                  "\"value\":\"b\"}],\"loadBalancers\":["
                  "{\"targetGroupArn\":\"x\",\"containerName\":\"main\","
                  "\"containerPort\":8080}]}");

    (void) callkit(&k, "CreateService", "{\"serviceName\":\"s\"," API "}");
    tap_is_int(scheduler(&k, "s", tell, "an event"), KECS_OK, "event");
    callkit_sweep(&k, "UpdateService", "{\"service\":\"s\","
                  "\"forceNewDeployment\":true,\"desiredCount\":5,"
                  "\"deploymentConfiguration\":{\"maximumPercent\":150}}");
    callkit_sweep(&k, "UpdateService", "{\"service\":\"s\","
                  "\"desiredCount\":5}");
    callkit_sweep(&k, "DescribeServices", "{\"services\":[\"s\",\"gone\"],"
                  "\"include\":[\"TAGS\"]}");
    callkit_sweep(&k, "ListServices", "{\"maxResults\":1}");
    callkit_sweep(&k, "DeleteService", "{\"service\":\"s\","
                  "\"force\":true}");

    (void) callkit(&k, "DeleteService", "{\"service\":\"s\","
                   "\"force\":true}");
    (void) scheduler(&k, "s", to_inactive, NULL);
    callkit_sweep(&k, "CreateService", "{\"serviceName\":\"s\"," API "}");

    callkit_close(&k);
}


int
main(void)
{
    test_create_ec2();
    test_create_fargate();
    test_providers();
    test_create_errors();
    test_names();
    test_describe();
    test_list();
    test_update_kinds();
    test_update_deployments();
    test_update_network();
    test_update_errors();
    test_breaker();
    test_delete();
    test_tasks();
    test_task_shape();
    test_memory();

    return tap_done();
}
