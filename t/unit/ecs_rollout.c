/*
 * Service deployments and service revisions: what CreateService and
 * UpdateService leave behind, and the operations that show and stop it.
 */

#include "callkit.h"


#define keep  callkit_keep
#define listed(k, in, n)                                                     \
    callkit_list(k, "ListServiceDeployments", in, "serviceDeployments", n)

#define WEB                                                                  \
    "{\"family\":\"web\",\"containerDefinitions\":[{\"name\":\"app\","       \
    "\"image\":\"nginx:1\",\"memory\":256,\"portMappings\":["                \
    "{\"containerPort\":80,\"name\":\"http\"}]}],"                           \
    "\"volumes\":[{\"name\":\"data\",\"configuredAtLaunch\":true}]}"

#define INVALID  "InvalidParameterException"
#define ARNS     CALLKIT_ARN "service-deployment/default/"
#define REVS     CALLKIT_ARN "service-revision/default/"


static void
open_with(callkit_t *k)
{
    callkit_open(k);
    (void) callkit(k, "CreateCluster", "{}");
    (void) callkit(k, "RegisterTaskDefinition", WEB);
    (void) callkit(k, "RegisterTaskDefinition", WEB);
    (void) callkit(k, "CreateService", "{\"serviceName\":\"s\","
                   "\"taskDefinition\":\"web:1\",\"desiredCount\":2}");
    callkit_ok(k, "service.status", "ACTIVE", "a service is there");
}


static void
newest(callkit_t *k, char *arn, size_t size)
{
    (void) callkit(k, "ListServiceDeployments", "{\"service\":\"s\"}");
    (void) keep(k, "serviceDeployments.0.serviceDeploymentArn", arn, size);
}


static void
describe(callkit_t *k, const char *arn)
{
    char  in[256];

    (void) snprintf(in, sizeof(in), "{\"serviceDeploymentArns\":[\"%s\"]}",
                    arn);
    (void) callkit(k, "DescribeServiceDeployments", in);
}


static void
update(callkit_t *k, const char *in)
{
    k->now += 1000;
    (void) callkit(k, "UpdateService", in);
    tap_is_int(k->status, 200, "UpdateService %s", in);

    if (k->status != 200) {
        printf("# %s\n", k->body);
    }
}


/* What the reconciler does, by hand, in a transaction of its own. */

typedef struct {
    kecs_call_t                c;
    kecs_rand_t                rand;
    kecs_service_t             s;
    kecs_deployment_t          d;
    kecs_service_deployment_t  sd;
} hand_t;


static void
begin(callkit_t *k, hand_t *h)
{
    kecs_cluster_t   cluster;
    kecs_call_t     *c;

    memset(h, 0, sizeof(*h));
    c = &h->c;
    kecs_rand_seed(&h->rand, 7);
    c->arena = kecs_arena_create(0);
    c->now = k->now;
    c->account = k->account;
    c->region = k->region;
    c->rand = &h->rand;
    (void) kecs_write_begin(k->store, k->now, &c->txn);
    (void) kecs_scope_get(c->txn, c->account, c->region, false, &c->scope);
    (void) kecs_find_cluster(c, kecs_null_str, 0, &cluster);
    (void) kecs_find_service(c, &cluster, kecs_str("s"), 0, &h->s);

    h->d.rec.kind = KECS_DEPLOYMENT;
    h->d.rec.scope = c->scope;
    h->d.cluster = h->s.cluster;
    h->d.service = h->s.no;
    h->d.id = h->s.primary;
    (void) kecs_get(c->txn, c->arena, &h->d, 0);
    (void) kecs_service_deployment_get(c, &h->s, h->d.rollout_of, &h->sd);
}


static void
end(hand_t *h)
{
    tap_is_int(kecs_write_commit(h->c.txn), KECS_OK, "done by hand");
    kecs_arena_destroy(h->c.arena);
}


static void
complete(callkit_t *k)
{
    hand_t  h;

    begin(k, &h);
    h.d.rollout = KECS_ROLLOUT_COMPLETED;
    (void) kecs_put(h.c.txn, &h.d);

    h.sd.status = KECS_SERVICE_DEPLOYMENT_SUCCESSFUL;
    h.sd.started_at = k->now;
    h.sd.finished_at = k->now;
    h.sd.updated_at = k->now;
    (void) kecs_put(h.c.txn, &h.sd);
    end(&h);
}


/* A stage is entered; a minute of its hooks lasts a second. */

static const kecs_hook_conf_t  nobody = { 1000, false };
static const kecs_hook_conf_t  somebody = { 1000, true };

static void
enter_with(callkit_t *k, unsigned stage, const kecs_hook_conf_t *conf)
{
    hand_t  h;

    begin(k, &h);
    h.sd.status = KECS_SERVICE_DEPLOYMENT_IN_PROGRESS;
    h.sd.stage = (uint8_t) stage;
    tap_is_int(kecs_stage_enter(&h.c, &h.s, &h.sd, conf), KECS_OK,
               "%s is entered", kecs_stage_name(stage));
    end(&h);
}


static void
enter(callkit_t *k, unsigned stage)
{
    enter_with(k, stage, &nobody);
}


static void
expire(callkit_t *k)
{
    hand_t  h;

    begin(k, &h);
    tap_is_int(kecs_hooks_expire(&h.c, &h.s, &h.sd), KECS_OK, "time passes");
    end(&h);
}


static void
test_created(void)
{
    char       arn[256], id[64], want[256];
    callkit_t  k;

    open_with(&k);
    (void) keep(&k, "service.deployments.0.id", id, sizeof(id));
    callkit_ok(&k, "service.currentServiceDeployment", NULL, "not begun");
    newest(&k, arn, sizeof(arn));
    callkit_ok(&k, "serviceDeployments", "[1]", "one is made");
    tap_ok(strncmp(arn, ARNS "s/", strlen(ARNS "s/")) == 0
           && strlen(arn) == strlen(ARNS "s/") + 21, "%s", arn);
    (void) snprintf(want, sizeof(want), REVS "s/%s", id + 8);
    callkit_ok(&k, "serviceDeployments.0.targetServiceRevisionArn", want,
               "its number is the deployment's");
    callkit_ok(&k, "serviceDeployments.0.status", "PENDING", "brief");
    callkit_ok(&k, "serviceDeployments.0.clusterArn",
               CALLKIT_ARN "cluster/default", "brief");
    callkit_ok(&k, "serviceDeployments.0.serviceArn",
               CALLKIT_ARN "service/default/s", "brief");
    callkit_ok(&k, "serviceDeployments.0.createdAt", "1789551556.693",
               "brief");
    callkit_ok(&k, "serviceDeployments.0.startedAt", NULL, "brief");

    describe(&k, arn);
    callkit_ok(&k, "serviceDeployments", "[1]", "described");
    callkit_ok(&k, "failures", "[0]", "described");
#define SD  "serviceDeployments.0."
    callkit_ok(&k, SD "targetServiceRevision.arn", want, "described");
    callkit_ok(&k, SD "targetServiceRevision.requestedTaskCount", "2",
               "described");
    callkit_ok(&k, SD "targetServiceRevision.runningTaskCount", "0",
               "described");
    callkit_ok(&k, SD "sourceServiceRevisions", "[0]", "the first one");
    callkit_ok(&k, SD "updatedAt", "1789551556.693", "described");
    callkit_ok(&k, SD "deploymentConfiguration.maximumPercent", "200",
               "described");
    callkit_ok(&k, SD "deploymentConfiguration.strategy", "ROLLING",
               "described");
    callkit_ok(&k, SD "deploymentCircuitBreaker.status", "DISABLED",
               "described");
    callkit_ok(&k, SD "deploymentCircuitBreaker.threshold", "3",
               "described");
    callkit_ok(&k, SD "deploymentCircuitBreaker.failureCount", "0",
               "described");
    callkit_ok(&k, SD "alarms.status", "DISABLED", "described");
    callkit_ok(&k, SD "rollback", NULL, "described");

    callkit_close(&k);
}


static void
test_updated(void)
{
    char       first[256], second[256], rev[256];
    callkit_t  k;

    open_with(&k);
    newest(&k, first, sizeof(first));
    (void) keep(&k, "serviceDeployments.0.targetServiceRevisionArn", rev,
                sizeof(rev));

    update(&k, "{\"service\":\"s\",\"desiredCount\":3}");
    newest(&k, second, sizeof(second));
    tap_ok(strcmp(first, second) == 0, "a new count makes none");

    update(&k, "{\"service\":\"s\",\"taskDefinition\":\"web:2\"}");
    newest(&k, second, sizeof(second));
    callkit_ok(&k, "serviceDeployments", "[2]", "a definition makes one");
    tap_ok(strcmp(first, second) != 0, "the newest is first");
    describe(&k, second);
    callkit_ok(&k, SD "sourceServiceRevisions", "[1]", "from the first");
    callkit_ok(&k, SD "sourceServiceRevisions.0.arn", rev, "from the first");
    callkit_ok(&k, SD "sourceServiceRevisions.0.requestedTaskCount", "3",
               "still wanted");

    describe(&k, first);
    callkit_ok(&k, SD "status", "STOPPED", "which has ended");
    callkit_ok(&k, SD "stoppedAt", "1789551558.693", "at that time");
    callkit_ok(&k, SD "statusReason",
               "A newer service deployment has replaced it.", "for that");

    (void) callkit(&k, "DeleteService", "{\"service\":\"s\","
                   "\"force\":true}");
    describe(&k, second);
    callkit_ok(&k, SD "status", "STOPPED", "deletion ends it");
    callkit_ok(&k, SD "statusReason", "The service was deleted.",
               "for that");

    callkit_close(&k);
}


static void
test_list(void)
{
    char       token[600], in[800], first[256], after[256];
    size_t     i;
    callkit_t  k;

    open_with(&k);

    for (i = 0; i < 24; i++) {
        k.now += 1000;
        (void) callkit(&k, "UpdateService", "{\"service\":\"s\","
                       "\"forceNewDeployment\":true}");
    }

    listed(&k, "{\"service\":\"s\"}", "[20]");
    (void) keep(&k, "nextToken", token, sizeof(token));
    (void) keep(&k, "serviceDeployments.0.serviceDeploymentArn", first,
                sizeof(first));
    (void) snprintf(in, sizeof(in), "{\"service\":\"s\",\"nextToken\":"
                    "\"%s\"}", token);
    listed(&k, in, "[5]");
    callkit_ok(&k, "nextToken", NULL, "the end");
    callkit_ok(&k, "serviceDeployments.4.createdAt", "1789551556.693",
               "the oldest");
    (void) keep(&k, "serviceDeployments.0.serviceDeploymentArn", after,
                sizeof(after));
    tap_ok(strcmp(first, after) != 0, "another page");

    listed(&k, "{\"service\":\"" CALLKIT_ARN "service/default/s\","
           "\"maxResults\":100}", "[25]");
    listed(&k, "{\"service\":\"s\",\"status\":[\"PENDING\"]}", "[1]");
    listed(&k, "{\"service\":\"s\",\"status\":[\"SUCCESSFUL\"]}", "[0]");
    listed(&k, "{\"service\":\"s\",\"status\":[\"PENDING\",\"STOPPED\"],"
           "\"maxResults\":100}", "[25]");
    listed(&k, "{\"service\":\"s\",\"createdAt\":{\"after\":1789551578}}",
           "[3]");
    listed(&k, "{\"service\":\"s\",\"createdAt\":{\"before\":1789551558}}",
           "[2]");

    callkit_error(&k, "ListServiceDeployments", "{\"service\":\"none\"}",
                  400, "ServiceNotFoundException", "Service not found.");
    callkit_error(&k, "ListServiceDeployments", "{\"service\":\"s\","
                  "\"cluster\":\"none\"}", 400, "ClusterNotFoundException",
                  "Cluster not found.");
    callkit_error(&k, "ListServiceDeployments", "{\"service\":\"s\","
                  "\"status\":[\"X\"]}", 400, INVALID,
                  "service deployment status should be one of [PENDING,"
                  "SUCCESSFUL,STOPPED,STOP_REQUESTED,IN_PROGRESS,"
                  "ROLLBACK_REQUESTED,ROLLBACK_IN_PROGRESS,"
                  "ROLLBACK_SUCCESSFUL,ROLLBACK_FAILED]");
    callkit_error(&k, "ListServiceDeployments", "{\"service\":\"s\","
                  "\"nextToken\":\"x\"}", 400, INVALID,
                  "Invalid token: the nextToken is not valid for this"
                  " request.");

    callkit_close(&k);
}


/* Within one millisecond the order is still that of the calls. */

static void
test_order(void)
{
    char       arn[256], before[256];
    unsigned   i;
    callkit_t  k;

    open_with(&k);
    newest(&k, before, sizeof(before));

    for (i = 0; i < 8; i++) {
        (void) callkit(&k, "UpdateService", "{\"service\":\"s\","
                       "\"forceNewDeployment\":true}");
        newest(&k, arn, sizeof(arn));
        tap_ok(strcmp(arn, before) != 0, "the newest one is the first");
        (void) callkit(&k, "ListServiceDeployments", "{\"service\":\"s\"}");
        callkit_ok(&k, "serviceDeployments.1.serviceDeploymentArn", before,
                   "the one before it comes next");
        (void) snprintf(before, sizeof(before), "%s", arn);
    }

    callkit_close(&k);
}


static void
test_describe(void)
{
    char        arn[256], in[1200];
    callkit_t   k;

    open_with(&k);
    newest(&k, arn, sizeof(arn));
    (void) snprintf(in, sizeof(in), "{\"serviceDeploymentArns\":[\"%s\","
                    "\"%s\",\"" ARNS "s/ABCDEFGHIJKLMNOPQRSTU\",\""
                    ARNS "none/ABCDEFGHIJKLMNOPQRSTU\"]}", arn, arn);
    (void) callkit(&k, "DescribeServiceDeployments", in);
    callkit_ok(&k, "serviceDeployments", "[1]", "named twice");
    callkit_ok(&k, "failures", "[2]", "missing");
    callkit_ok(&k, "failures.0.reason", "MISSING", "missing");
    callkit_ok(&k, "failures.0.arn", ARNS "s/ABCDEFGHIJKLMNOPQRSTU",
               "missing");

    callkit_error(&k, "DescribeServiceDeployments",
                  "{\"serviceDeploymentArns\":[]}", 400, INVALID,
                  "Service Deployment ARNs cannot be empty.");
    callkit_error(&k, "DescribeServiceDeployments",
                  "{\"serviceDeploymentArns\":[\"x\"]}", 400, INVALID,
                  "The ServiceDeployment ARN is invalid.");
    callkit_error(&k, "DescribeServiceDeployments",
                  "{\"serviceDeploymentArns\":[\"" REVS "s/1\"]}", 400,
                  INVALID, "The ServiceDeployment ARN is invalid.");
    callkit_error(&k, "DescribeServiceDeployments",
                  "{\"serviceDeploymentArns\":[\"1\",\"2\",\"3\",\"4\","
                  "\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\","
                  "\"13\",\"14\",\"15\",\"16\",\"17\",\"18\",\"19\",\"20\","
                  "\"21\"]}", 400, INVALID,
                  "Service Deployment ARN count cannot exceed 20");

    callkit_close(&k);
}


/* Revisions. */

static void
test_revision(void)
{
    char       rev[256], in[1200];
    callkit_t  k;

    open_with(&k);
    update(&k, "{\"service\":\"s\",\"taskDefinition\":\"web:2\","
           "\"loadBalancers\":[{\"targetGroupArn\":\"tg\","
           "\"containerName\":\"app\",\"containerPort\":80,"
           "\"advancedConfiguration\":{\"alternateTargetGroupArn\":\"alt\","
           "\"productionListenerRule\":\"rule\",\"roleArn\":\"r\"}}],"
           "\"volumeConfigurations\":[{\"name\":\"data\","
           "\"managedEBSVolume\":{\"roleArn\":\"r\",\"sizeInGiB\":8}}],"
           "\"monitoring\":{\"metricConfigurations\":[{\"metricNames\":["
           "\"CPUUtilization\"],\"resolutionSeconds\":20}]},"
           "\"serviceConnectConfiguration\":{\"enabled\":true,"
           "\"namespace\":\"ns\",\"services\":[{\"portName\":\"http\"}]}}");
    callkit_ok(&k, "service.currentServiceRevisions", "[2]", "both");
    callkit_ok(&k, "service.deployments.0.volumeConfigurations.0.name",
               "data", "in the deployment");
    callkit_ok(&k, "service.monitoring", NULL, "not in the service");
    (void) keep(&k, "service.currentServiceRevisions.0.arn", rev,
                sizeof(rev));

    (void) snprintf(in, sizeof(in), "{\"serviceRevisionArns\":[\"%s\",\""
                    REVS "s/1\",\"" REVS "s/1\",\"%s\"]}", rev, rev);
    (void) callkit(&k, "DescribeServiceRevisions", in);
    callkit_ok(&k, "serviceRevisions", "[1]", "revision");
    callkit_ok(&k, "failures", "[2]", "once per item");
    callkit_ok(&k, "failures.0.arn", REVS "s/1", "missing");
    callkit_ok(&k, "failures.0.reason", "MISSING", "missing");
#define REV  "serviceRevisions.0."
    callkit_ok(&k, REV "serviceRevisionArn", rev, "revision");
    callkit_ok(&k, REV "serviceArn", CALLKIT_ARN "service/default/s",
               "revision");
    callkit_ok(&k, REV "clusterArn", CALLKIT_ARN "cluster/default",
               "revision");
    callkit_ok(&k, REV "taskDefinition", CALLKIT_ARN
               "task-definition/web:2", "revision");
    callkit_ok(&k, REV "launchType", "EC2", "revision");
    callkit_ok(&k, REV "createdAt", "1789551557.693", "revision");
    callkit_ok(&k, REV "guardDutyEnabled", "false", "revision");
    callkit_ok(&k, REV "containerImages.0.containerName", "app",
               "revision");
    callkit_ok(&k, REV "containerImages.0.image", "nginx:1", "revision");
    callkit_ok(&k, REV "loadBalancers.0.targetGroupArn", "tg", "revision");
    callkit_ok(&k, REV "serviceRegistries", "[0]", "revision");
    callkit_ok(&k, REV "resolvedConfiguration.loadBalancers.0"
               ".productionListenerRule", "rule", "revision");
    callkit_ok(&k, REV "volumeConfigurations.0.managedEBSVolume.sizeInGiB",
               "8", "revision");
    callkit_ok(&k, REV "monitoring.metricConfigurations.0"
               ".resolutionSeconds", "20", "revision");
    callkit_ok(&k, REV "serviceConnectConfiguration.namespace", "ns",
               "revision");

    update(&k, "{\"service\":\"s\",\"volumeConfigurations\":[],"
           "\"loadBalancers\":[]}");
    callkit_ok(&k, "service.deployments.0.volumeConfigurations", NULL,
               "cleared");
    (void) keep(&k, "service.currentServiceRevisions.0.arn", rev,
                sizeof(rev));
    (void) snprintf(in, sizeof(in), "{\"serviceRevisionArns\":[\"%s\"]}",
                    rev);
    (void) callkit(&k, "DescribeServiceRevisions", in);
    callkit_ok(&k, REV "monitoring.metricConfigurations.0"
               ".resolutionSeconds", "20", "kept");
    callkit_ok(&k, REV "loadBalancers", "[0]", "cleared");
    callkit_ok(&k, REV "resolvedConfiguration", NULL, "cleared");

    callkit_close(&k);
}


static void
test_revision_errors(void)
{
    char       rev[256], in[1200];
    callkit_t  k;

    open_with(&k);
    callkit_error(&k, "DescribeServiceRevisions",
                  "{\"serviceRevisionArns\":[\"x\"]}", 400, INVALID,
                  "The Service ARN provided is invalid.");
    callkit_error(&k, "DescribeServiceRevisions",
                  "{\"serviceRevisionArns\":[\"" REVS "s/x\"]}", 400,
                  INVALID, "The ServiceRevision ARN is invalid.");
    callkit_error(&k, "DescribeServiceRevisions",
                  "{\"serviceRevisionArns\":[\"" REVS "s/1\",\"" REVS
                  "t/1\"]}", 400, INVALID,
                  "Cross service requests are not allowed. All requested"
                  " service revisions must be for a single service");
    callkit_error(&k, "DescribeServiceRevisions",
                  "{\"serviceRevisionArns\":[\"" REVS "t/1\"]}", 400,
                  "ServiceNotFoundException", "Service not found.");
    callkit_error(&k, "DescribeServiceRevisions",
                  "{\"serviceRevisionArns\":[\"1\",\"2\",\"3\",\"4\","
                  "\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\","
                  "\"13\",\"14\",\"15\",\"16\",\"17\",\"18\",\"19\",\"20\","
                  "\"21\"]}", 400, INVALID,
                  "Service Revision ARN count cannot exceed 20");

    (void) callkit(&k, "DescribeServices", "{\"services\":[\"s\"]}");
    (void) keep(&k, "services.0.currentServiceRevisions.0.arn", rev,
                sizeof(rev));
    (void) callkit(&k, "DeleteService", "{\"service\":\"s\","
                   "\"force\":true}");
    (void) snprintf(in, sizeof(in), "{\"serviceRevisionArns\":[\"%s\"]}",
                    rev);
    (void) callkit(&k, "DescribeServiceRevisions", in);
    callkit_ok(&k, "serviceRevisions", "[1]", "works while DRAINING");

    callkit_close(&k);
}


/* Stopping, continuing. */

static void
test_stop(void)
{
    char       arn[256], in[400];
    callkit_t  k;

    open_with(&k);
    newest(&k, arn, sizeof(arn));
    (void) snprintf(in, sizeof(in), "{\"serviceDeploymentArn\":\"%s\"}",
                    arn);
    callkit_error(&k, "StopServiceDeployment", in, 400, "ConflictException",
                  "The service deployment cannot be rolled back because"
                  " there is no source service revision.");
    complete(&k);
    callkit_error(&k, "StopServiceDeployment", in, 400, "ConflictException",
                  "The service deployment cannot be stopped because its"
                  " status is SUCCESSFUL.");

    update(&k, "{\"service\":\"s\",\"taskDefinition\":\"web:2\"}");
    newest(&k, arn, sizeof(arn));
    (void) snprintf(in, sizeof(in), "{\"serviceDeploymentArn\":\"%s\","
                    "\"stopType\":\"ABORT\"}", arn);
    callkit_error(&k, "StopServiceDeployment", in, 400, INVALID,
                  "stop type should be one of [ROLLBACK]");
    callkit_error(&k, "StopServiceDeployment",
                  "{\"serviceDeploymentArn\":\"" ARNS "s/none\"}", 400,
                  "ServiceDeploymentNotFoundException",
                  "Service deployment not found.");

    (void) snprintf(in, sizeof(in), "{\"serviceDeploymentArn\":\"%s\","
                    "\"stopType\":\"ROLLBACK\"}", arn);
    callkit_sweep(&k, "StopServiceDeployment", in);
    (void) callkit(&k, "StopServiceDeployment", in);
    callkit_ok(&k, "serviceDeploymentArn", arn, "asked for");
    describe(&k, arn);
    callkit_ok(&k, SD "status", "ROLLBACK_REQUESTED", "asked for");
    callkit_error(&k, "StopServiceDeployment", in, 400, "ConflictException",
                  "The service deployment cannot be stopped because its"
                  " status is ROLLBACK_REQUESTED.");

    (void) snprintf(in, sizeof(in), "{\"serviceDeploymentArn\":\"%s\","
                    "\"hookId\":\"h\"}", arn);
    callkit_error(&k, "ContinueServiceDeployment", in, 400, INVALID,
                  "The lifecycle hook h is not awaiting action.");
    callkit_error(&k, "ContinueServiceDeployment",
                  "{\"serviceDeploymentArn\":\"" ARNS "s/none\","
                  "\"hookId\":\"h\"}", 400,
                  "ServiceDeploymentNotFoundException",
                  "Service deployment not found.");
    callkit_error(&k, "ContinueServiceDeployment",
                  "{\"serviceDeploymentArn\":\"" ARNS "s/none\","
                  "\"hookId\":\"h\",\"action\":\"X\"}", 400, INVALID,
                  "action should be one of [ROLLBACK,CONTINUE]");

    callkit_close(&k);
}


/* Lifecycle hooks. */

#define PAUSE(stage, action)                                                 \
    "{\"targetType\":\"PAUSE\",\"lifecycleStages\":[\"" stage "\"],"         \
    "\"timeoutConfiguration\":{\"timeoutInMinutes\":5,\"action\":\""        \
    action "\"}}"

static void
hooked(callkit_t *k, char *arn, size_t size)
{
    open_with(k);
    complete(k);
    update(k, "{\"service\":\"s\",\"taskDefinition\":\"web:1\","
           "\"forceNewDeployment\":true,\"deploymentConfiguration\":{"
           "\"strategy\":\"BLUE_GREEN\",\"lifecycleHooks\":["
           PAUSE("PRE_SCALE_UP", "CONTINUE") ","
           PAUSE("PRE_SCALE_UP", "ROLLBACK") ","
           "{\"hookTargetArn\":\"arn:l\",\"roleArn\":\"r\","
           "\"lifecycleStages\":[\"POST_SCALE_UP\"]}]}}");
    newest(k, arn, size);
}


static void
answer(callkit_t *k, const char *arn, const char *id, const char *action)
{
    char  in[512];

    (void) snprintf(in, sizeof(in), "{\"serviceDeploymentArn\":\"%s\","
                    "\"hookId\":\"%s\",\"action\":\"%s\"}", arn, id,
                    action);
    callkit_sweep(k, "ContinueServiceDeployment", in);
    (void) callkit(k, "ContinueServiceDeployment", in);
    callkit_ok(k, "serviceDeploymentArn", arn, "answered");
}


static void
refuse(callkit_t *k, const char *arn, const char *id)
{
    char  in[512], why[128];

    (void) snprintf(in, sizeof(in), "{\"serviceDeploymentArn\":\"%s\","
                    "\"hookId\":\"%s\"}", arn, id);
    (void) snprintf(why, sizeof(why), "The lifecycle hook %s is not awaiting"
                    " action.", id);
    callkit_error(k, "ContinueServiceDeployment", in, 400, INVALID, why);
}


static void
test_hooks(void)
{
    char       arn[256], one[64], two[64];
    callkit_t  k;

    hooked(&k, arn, sizeof(arn));
    describe(&k, arn);
    callkit_ok(&k, SD "lifecycleStage", NULL, "no stage yet");
    callkit_ok(&k, SD "targetServiceRevision"
               ".requestedProductionTrafficWeight", "0", "no traffic");
    callkit_ok(&k, SD "sourceServiceRevisions.0"
               ".requestedProductionTrafficWeight", "100", "all traffic");

    enter(&k, KECS_STAGE_PRE_SCALE_UP);
    describe(&k, arn);
    callkit_ok(&k, SD "lifecycleStage", "PRE_SCALE_UP", "a stage");
    callkit_ok(&k, SD "lifecycleHookDetails", "[2]", "its hooks");
#define HOOK(n)  SD "lifecycleHookDetails." n "."
    callkit_ok(&k, HOOK("0") "status", "AWAITING_ACTION", "waits");
    callkit_ok(&k, HOOK("0") "targetType", "PAUSE", "a pause");
    callkit_ok(&k, HOOK("0") "timeoutAction", "CONTINUE", "goes on");
    callkit_ok(&k, HOOK("1") "timeoutAction", "ROLLBACK", "goes back");
    (void) keep(&k, HOOK("0") "hookId", one, sizeof(one));
    (void) keep(&k, HOOK("1") "hookId", two, sizeof(two));

    answer(&k, arn, two, "CONTINUE");
    refuse(&k, arn, two);
    describe(&k, arn);
    callkit_ok(&k, HOOK("1") "status", "SUCCEEDED", "answered");
    callkit_ok(&k, SD "status", "IN_PROGRESS", "goes on");

    expire(&k);
    describe(&k, arn);
    callkit_ok(&k, HOOK("0") "status", "AWAITING_ACTION", "too soon");
    k.now += 5000;
    expire(&k);
    describe(&k, arn);
    callkit_ok(&k, HOOK("0") "status", "TIMED_OUT", "its time is up");
    callkit_ok(&k, SD "status", "IN_PROGRESS", "goes on all the same");

    enter(&k, KECS_STAGE_PRE_SCALE_UP);
    describe(&k, arn);
    (void) keep(&k, HOOK("1") "hookId", two, sizeof(two));
    answer(&k, arn, two, "ROLLBACK");
    describe(&k, arn);
    callkit_ok(&k, HOOK("1") "status", "FAILED", "answered");
    callkit_ok(&k, SD "status", "ROLLBACK_REQUESTED", "goes back");
    (void) keep(&k, HOOK("0") "hookId", one, sizeof(one));
    refuse(&k, arn, one);
    callkit_close(&k);
}


/* Functions of hooks. */

static size_t
due(hand_t *h, kecs_function_t **list)
{
    size_t  n;

    tap_is_int(kecs_functions_due(&h->c, &h->s, &h->sd, list, &n), KECS_OK,
               "which are to be invoked");

    return n;
}


/* What comes of the one that there is. */

static kecs_rc_t
tell(callkit_t *k, kecs_function_outcome_t outcome, const char *text)
{
    hand_t                   h;
    kecs_rc_t                rc;
    kecs_function_t         *list;
    kecs_function_answer_t   a;

    begin(k, &h);
    memset(&a, 0, sizeof(a));
    a.outcome = outcome;
    a.text = kecs_str_of(text);
    a.minute = 1000;
    a.hook = due(&h, &list) != 0 ? list[0].hook : kecs_str("none");
    rc = kecs_function_answered(&h.c, &h.s, &h.sd, &a);
    end(&h);

    return rc;
}


static void
functioned(callkit_t *k, char *arn, size_t size)
{
    open_with(k);
    complete(k);
    update(k, "{\"service\":\"s\",\"taskDefinition\":\"web:1\","
           "\"forceNewDeployment\":true,\"deploymentConfiguration\":{"
           "\"strategy\":\"BLUE_GREEN\",\"lifecycleHooks\":["
           "{\"hookTargetArn\":\"arn:l\",\"roleArn\":\"r\","
           "\"hookDetails\":{\"a\":1,\"b\":[true,null]},"
           "\"lifecycleStages\":[\"PRODUCTION_TRAFFIC_SHIFT\"]}]}}");
    newest(k, arn, size);
    enter_with(k, KECS_STAGE_PRODUCTION_TRAFFIC_SHIFT, &somebody);
}


static void
test_function_asked(void)
{
    char             arn[256];
    hand_t           h;
    callkit_t        k;
    kecs_function_t  *list;

    functioned(&k, arn, sizeof(arn));
    describe(&k, arn);
    callkit_ok(&k, HOOK("0") "status", "IN_PROGRESS", "a function");

    begin(&k, &h);
    tap_is_int(h.sd.call_at, k.now, "is due at once");
    tap_is_int(h.sd.awaiting, 1, "and waited for");
    tap_is_int((int64_t) due(&h, &list), 1, "it is the only one");
    tap_ok(kecs_str_is(list[0].target, "arn:l"), "its target");
    tap_ok(strstr(list[0].payload.data, "\"lifecycleStage\":"
                  "\"PRODUCTION_TRAFFIC_SHIFT\"") != NULL
           && strstr(list[0].payload.data, "\"hookDetails\":{\"a\":1,"
                     "\"b\":[true,null]}") != NULL, "its payload");
    h.c.now--;
    tap_is_int((int64_t) due(&h, &list), 0, "none before its time");
    end(&h);
    callkit_close(&k);
}


static void
test_function_answers(void)
{
    size_t     i;
    char       arn[256];
    callkit_t  k;

    static const struct {
        kecs_function_outcome_t  outcome;
        const char              *text, *status, *hook;
    } cases[] = {
        { KECS_FUNCTION_ANSWERED, "{\"hookStatus\":\"SUCCEEDED\"}",
          "IN_PROGRESS", "SUCCEEDED" },
        { KECS_FUNCTION_ANSWERED, "{\"hookStatus\":\"IN_PROGRESS\"}",
          "IN_PROGRESS", "IN_PROGRESS" },
        { KECS_FUNCTION_ANSWERED, "{\"hookStatus\":\"FAILED\"}",
          "ROLLBACK_REQUESTED", "FAILED" },
        { KECS_FUNCTION_ANSWERED, "{\"hookStatus\":\"DONE\"}",
          "ROLLBACK_REQUESTED", "FAILED" },
        { KECS_FUNCTION_ANSWERED, "[]", "ROLLBACK_REQUESTED", "FAILED" },
        { KECS_FUNCTION_ANSWERED, "", "ROLLBACK_REQUESTED", "FAILED" },
        { KECS_FUNCTION_REFUSED, "no", "ROLLBACK_REQUESTED", "FAILED" },
        { KECS_FUNCTION_SILENT, "no", "IN_PROGRESS", "IN_PROGRESS" },
        { KECS_FUNCTION_NOBODY, "", "ROLLBACK_REQUESTED", "FAILED" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        functioned(&k, arn, sizeof(arn));
        tap_is_int(tell(&k, cases[i].outcome, cases[i].text), KECS_OK,
                   "an answer: %s", cases[i].text);
        describe(&k, arn);
        callkit_ok(&k, SD "status", cases[i].status, cases[i].text);
        callkit_ok(&k, HOOK("0") "status", cases[i].hook, cases[i].text);

        tap_is_int(tell(&k, cases[i].outcome, cases[i].text),
                   KECS_NOT_FOUND, "none is taken twice");
        callkit_close(&k);
    }
}


/* The details it keeps, and when it is invoked again. */

static void
test_function_again(void)
{
    char              arn[256];
    hand_t            h;
    callkit_t         k;
    kecs_msec_t       first;
    kecs_function_t  *list;

    functioned(&k, arn, sizeof(arn));
    first = k.now;
    (void) tell(&k, KECS_FUNCTION_ANSWERED, "{\"hookStatus\":"
                "\"IN_PROGRESS\",\"callBackDelay\":120,\"hookDetails\":"
                "{\"b\":\"\\u00e9\",\"c\":{}}}");
    begin(&k, &h);
    tap_is_int(h.sd.call_at, first + 2000, "after its delay");
    end(&h);

    k.now = first + 2000;
    begin(&k, &h);
    tap_is_int((int64_t) due(&h, &list), 1, "it is due again");
    tap_ok(strstr(list[0].payload.data, "\"hookDetails\":{\"a\":1,"
                  "\"b\":\"\xc3\xa9\",\"c\":{}}") != NULL,
           "with what it has kept");
    end(&h);

    (void) tell(&k, KECS_FUNCTION_SILENT, "no");
    begin(&k, &h);
    tap_is_int(h.sd.call_at, first + 2500, "after half a minute, untold");
    end(&h);

    k.now = first + 1440 * 1000;
    expire(&k);
    describe(&k, arn);
    callkit_ok(&k, HOOK("0") "status", "TIMED_OUT", "not for ever");
    callkit_close(&k);
}


static void
test_function_memory(void)
{
    char                      arn[256];
    size_t                    count;
    unsigned                  n;
    hand_t                    h;
    kecs_rc_t                 rc;
    callkit_t                 k;
    kecs_function_t          *list;
    kecs_function_answer_t    a;

    functioned(&k, arn, sizeof(arn));
    memset(&a, 0, sizeof(a));
    a.outcome = KECS_FUNCTION_ANSWERED;
    a.text = kecs_str("{\"hookStatus\":\"IN_PROGRESS\",\"hookDetails\":"
                      "{\"b\":2}}");

    for (n = 1, rc = KECS_NOMEM; n < 1000 && rc == KECS_NOMEM; n++) {
        begin(&k, &h);
        kecs_arena_fail_after(h.c.arena, n);
        rc = kecs_functions_due(&h.c, &h.s, &h.sd, &list, &count);

        if (rc == KECS_OK) {
            a.hook = list[0].hook;
            rc = kecs_function_answered(&h.c, &h.s, &h.sd, &a);
        }

        kecs_write_abort(h.c.txn);
        kecs_arena_destroy(h.c.arena);
    }

    tap_ok(rc == KECS_OK && n > 20, "memory that runs out is told");
    callkit_close(&k);
}


static void
test_hook_failures(void)
{
    char       arn[256];
    unsigned   n;
    hand_t     h;
    kecs_rc_t  rc;
    callkit_t  k;

    hooked(&k, arn, sizeof(arn));
    enter(&k, KECS_STAGE_POST_SCALE_UP);
    describe(&k, arn);
    callkit_ok(&k, SD "status", "ROLLBACK_REQUESTED", "no function");
    callkit_ok(&k, HOOK("0") "targetType", "AWS_LAMBDA", "the default");
    callkit_ok(&k, HOOK("0") "targetArn", "arn:l", "its target");
    callkit_ok(&k, HOOK("0") "status", "FAILED", "cannot be called");
    callkit_ok(&k, SD "statusReason", "Service deployment rolled back"
               " because POST_SCALE_UP lifecycle hook(s) failed. Lifecycle"
               " hook target arn:l cannot be invoked: no AWS Lambda is"
               " configured.", "why");
    callkit_close(&k);

    hooked(&k, arn, sizeof(arn));
    enter(&k, KECS_STAGE_PRE_SCALE_UP);
    k.now += 5000;
    expire(&k);
    describe(&k, arn);
    callkit_ok(&k, HOOK("1") "status", "TIMED_OUT", "its time is up");
    callkit_ok(&k, SD "status", "ROLLBACK_REQUESTED", "it goes back");

    for (n = 1, rc = KECS_NOMEM; n < 1000 && rc == KECS_NOMEM; n++) {
        begin(&k, &h);
        h.sd.status = KECS_SERVICE_DEPLOYMENT_IN_PROGRESS;
        h.sd.stage = KECS_STAGE_POST_SCALE_UP;
        kecs_arena_fail_after(h.c.arena, n);
        rc = kecs_stage_enter(&h.c, &h.s, &h.sd, &nobody);
        kecs_arena_fail_after(h.c.arena, 0);
        kecs_write_abort(h.c.txn);
        kecs_arena_destroy(h.c.arena);
    }

    tap_ok(rc == KECS_OK && n > 3, "out of memory %u times", n);
    callkit_close(&k);
}


/* Strategies and all that goes with them. */

static void
test_strategies(void)
{
    callkit_t  k;

    open_with(&k);
#define CONF  "service.deploymentConfiguration."
    update(&k, "{\"service\":\"s\",\"deploymentConfiguration\":{"
           "\"strategy\":\"LINEAR\",\"bakeTimeInMinutes\":5,"
           "\"lifecycleHooks\":[{\"hookTargetArn\":\"arn:l\","
           "\"roleArn\":\"r\",\"lifecycleStages\":[\"PRE_SCALE_UP\"]},"
           "{\"targetType\":\"PAUSE\",\"lifecycleStages\":["
           "\"POST_SCALE_UP\"],\"timeoutConfiguration\":{"
           "\"timeoutInMinutes\":10,\"action\":\"CONTINUE\"}}]}}");
    callkit_ok(&k, CONF "strategy", "LINEAR", "linear");
    callkit_ok(&k, CONF "bakeTimeInMinutes", "5", "linear");
    callkit_ok(&k, CONF "linearConfiguration.stepPercent", "10",
               "a default");
    callkit_ok(&k, CONF "linearConfiguration.stepBakeTimeInMinutes", "6",
               "a default");
    callkit_ok(&k, CONF "lifecycleHooks", "[2]", "hooks");
    callkit_ok(&k, CONF "lifecycleHooks.1.timeoutConfiguration"
               ".timeoutInMinutes", "10", "hooks");
    callkit_ok(&k, "service.deployments", "[1]", "no new deployment");

    update(&k, "{\"service\":\"s\",\"deploymentConfiguration\":{"
           "\"strategy\":\"CANARY\",\"canaryConfiguration\":{"
           "\"canaryPercent\":12.5}}}");
    callkit_ok(&k, CONF "linearConfiguration", NULL, "canary");
    callkit_ok(&k, CONF "canaryConfiguration.canaryPercent", "12.5",
               "canary");
    callkit_ok(&k, CONF "canaryConfiguration.canaryBakeTimeInMinutes", "10",
               "a default");
    callkit_ok(&k, CONF "lifecycleHooks", "[2]", "kept");

    update(&k, "{\"service\":\"s\",\"deploymentConfiguration\":{"
           "\"strategy\":\"BLUE_GREEN\",\"lifecycleHooks\":[]}}");
    callkit_ok(&k, CONF "canaryConfiguration", NULL, "blue/green");
    callkit_ok(&k, CONF "lifecycleHooks", NULL, "cleared");

    update(&k, "{\"service\":\"s\",\"deploymentConfiguration\":{"
           "\"strategy\":\"ROLLING\",\"earlySuccessCriteria\":{"
           "\"enable\":true,\"healthyPercent\":100,"
           "\"sourceServiceRevisionCleanup\":\"BLOCKING\"}}}");
    callkit_ok(&k, CONF "earlySuccessCriteria.healthyPercent", "100",
               "rolling");

    (void) callkit(&k, "CreateService", "{\"serviceName\":\"d\","
                   "\"taskDefinition\":\"web\",\"schedulingStrategy\":"
                   "\"DAEMON\",\"deploymentConfiguration\":{"
                   "\"minimumHealthyPercent\":50}}");
    callkit_ok(&k, "service.schedulingStrategy", "DAEMON", "daemon");
    callkit_ok(&k, "service.desiredCount", "0", "daemon");
    callkit_ok(&k, CONF "maximumPercent", "100", "daemon");
    callkit_ok(&k, CONF "minimumHealthyPercent", "50", "daemon");
    callkit_ok(&k, "service.availabilityZoneRebalancing", "DISABLED",
               "daemon");
    callkit_error(&k, "UpdateService", "{\"service\":\"d\","
                  "\"desiredCount\":1}", 400, INVALID,
                  "The daemon scheduling strategy does not support a desired"
                  " count for services. Remove the desired count value and"
                  " try again");
    (void) callkit(&k, "ListServices",
                   "{\"schedulingStrategy\":\"DAEMON\"}");
    callkit_ok(&k, "serviceArns", "[1]", "by strategy");
    (void) callkit(&k, "DeleteService", "{\"service\":\"d\","
                   "\"force\":false}");
    callkit_ok(&k, "service.status", "DRAINING", "needs no force");

    callkit_close(&k);
}


static void
test_memory(void)
{
    char       arn[256], rev[256], in[600];
    callkit_t  k;

    open_with(&k);
    newest(&k, arn, sizeof(arn));
    (void) keep(&k, "serviceDeployments.0.targetServiceRevisionArn", rev,
                sizeof(rev));
    callkit_sweep(&k, "UpdateService", "{\"service\":\"s\","
                  "\"taskDefinition\":\"web:2\",\"loadBalancers\":["
                  "{\"targetGroupArn\":\"tg\",\"containerName\":\"app\","
                  "\"containerPort\":80}],\"deploymentConfiguration\":{"
                  "\"strategy\":\"LINEAR\"}}");
    update(&k, "{\"service\":\"s\",\"taskDefinition\":\"web:2\"}");
    callkit_sweep(&k, "ListServiceDeployments", "{\"service\":\"s\","
                  "\"maxResults\":1}");
    (void) snprintf(in, sizeof(in), "{\"serviceDeploymentArns\":[\"%s\"]}",
                    arn);
    callkit_sweep(&k, "DescribeServiceDeployments", in);
    (void) snprintf(in, sizeof(in), "{\"serviceRevisionArns\":[\"%s\",\""
                    REVS "s/1\"]}", rev);
    callkit_sweep(&k, "DescribeServiceRevisions", in);
    callkit_sweep(&k, "DeleteService", "{\"service\":\"s\","
                  "\"force\":true}");

    callkit_close(&k);
}


int
main(void)
{
    test_created();
    test_updated();
    test_list();
    test_order();
    test_describe();
    test_revision();
    test_revision_errors();
    test_stop();
    test_hooks();
    test_function_asked();
    test_function_answers();
    test_function_again();
    test_function_memory();
    test_hook_failures();
    test_strategies();
    test_memory();

    return tap_done();
}
