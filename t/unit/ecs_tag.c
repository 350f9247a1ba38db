/*
 * TagResource, UntagResource, ListTagsForResource on every kind that has
 * tags, and how identifiers are told apart.
 */

#include "callkit.h"


#define put(rec)  callkit_put(&k, rec)

#define TASK     "0123456789abcdef0123456789abcdef"
#define RESERVED "aws: prefixed tag key names are not allowed for external"   \
                 " use."

static callkit_t       k;
static kecs_service_t  service;
static kecs_task_t     task;


/* A cluster, a task definition, and records of a service and a task. */

static void
prepare(void)
{
    kecs_key_t      key;
    kecs_txn_t     *txn;
    kecs_cluster_t  c;

    (void) callkit(&k, "CreateCluster", "{\"clusterName\":\"c\"}");
    (void) callkit(&k, "CreateCluster", "{\"clusterName\":\"gone\"}");
    (void) callkit(&k, "DeleteCluster", "{\"cluster\":\"gone\"}");
    (void) callkit(&k, "RegisterTaskDefinition",
                   "{\"family\":\"f\",\"containerDefinitions\":[{\"name\":"
                   "\"a\",\"image\":\"i\",\"memory\":64}]}");

    memset(&c, 0, sizeof(c));
    kecs_key_init(&key);
    kecs_key_str(&key, kecs_str("c"));
    (void) kecs_read_begin(k.store, &txn);
    (void) kecs_scope_get(txn, k.account, k.region, false,
                          &service.rec.scope);
    (void) kecs_find(txn, KECS_IX_CLUSTER_NAME, service.rec.scope, &key, &c);
    kecs_read_end(txn);

    service.rec.kind = KECS_SERVICE;
    service.cluster = c.no;
    service.no = 1;
    service.status = KECS_SERVICE_ACTIVE;
    service.launch = KECS_LAUNCH_EC2;
    service.name = kecs_str("web");
    put(&service);

    task.rec.kind = KECS_TASK;
    task.rec.scope = service.rec.scope;
    task.cluster = c.no;
    (void) kecs_unhex(kecs_str(TASK), task.id, KECS_ID_LEN);
    task.status = KECS_TASK_RUNNING;
    task.desired = KECS_DESIRED_RUNNING;
    put(&task);
}


static void
list(const char *arn)
{
    char  body[256];

    (void) snprintf(body, sizeof(body), "{\"resourceArn\":\"" CALLKIT_ARN
                    "%s\"}", arn);
    (void) callkit(&k, "ListTagsForResource", body);
}


static void
tag(const char *op, const char *arn, const char *more)
{
    static char  body[8192];

    (void) snprintf(body, sizeof(body), "{\"resourceArn\":\"" CALLKIT_ARN
                    "%s\",%s}", arn, more);
    (void) callkit(&k, op, body);
}


static void
refused(const char *op, const char *arn, const char *more, const char *type,
    const char *message)
{
    static char  body[8192];

    (void) snprintf(body, sizeof(body), "{\"resourceArn\":\"%s\"%s}", arn,
                    more);
    callkit_error(&k, op, body, 400, type, message);
}


static void
test_kind(const char *arn)
{
    list(arn);
    tap_ok(k.status == 200 && strcmp(k.body, "{\"tags\":[]}") == 0,
           "%s: none", arn);

    tag("TagResource", arn, "\"tags\":[{\"key\":\"b\",\"value\":\"1\"},"
        "{\"key\":\"a\",\"value\":\"2\"}]");
    tap_ok(k.status == 200 && strcmp(k.body, "{}") == 0, "%s: tagged", arn);

    tag("TagResource", arn, "\"tags\":[{\"key\":\"A\",\"value\":\"\"},"
        "{\"key\":\"b\",\"value\":\"3\"}]");
    list(arn);
    tap_ok(k.status == 200
           && strcmp(k.body, "{\"tags\":[{\"key\":\"b\",\"value\":\"3\"},"
                     "{\"key\":\"a\",\"value\":\"2\"},"
                     "{\"key\":\"A\",\"value\":\"\"}]}") == 0,
           "%s: old ones keep their place, new ones come last", arn);

    tag("UntagResource", arn, "\"tagKeys\":[\"a\",\"missing\"]");
    tap_ok(k.status == 200 && strcmp(k.body, "{}") == 0, "%s: untagged", arn);
    list(arn);
    callkit_ok(&k, "tags", "[2]", arn);

    tag("UntagResource", arn, "\"tagKeys\":[\"A\",\"b\"]");
    list(arn);
    callkit_ok(&k, "tags", "[0]", arn);
}


static void
test_kinds(void)
{
    test_kind("cluster/c");
    test_kind("service/c/web");
    test_kind("task/c/" TASK);
    test_kind("task-definition/f:1");

    (void) callkit(&k, "DeregisterTaskDefinition",
                   "{\"taskDefinition\":\"f:1\"}");
    test_kind("task-definition/f:1");
}


static void
test_limits(void)
{
    char      more[4096];
    size_t    n;
    unsigned  i;

    n = (size_t) snprintf(more, sizeof(more), "\"tags\":[");

    for (i = 0; i < 50; i++) {
        n += (size_t) snprintf(more + n, sizeof(more) - n,
                               "%s{\"key\":\"k%u\",\"value\":\"v\"}",
                               i != 0 ? "," : "", i);
    }

    (void) snprintf(more + n, sizeof(more) - n, "]");
    tag("TagResource", "cluster/c", more);
    tap_is_int(k.status, 200, "50 tags");

    refused("TagResource", CALLKIT_ARN "cluster/c",
            ",\"tags\":[{\"key\":\"one\",\"value\":\"more\"}]",
            "LimitExceededException",
            "The maximum number of tags for a resource is 50.");
    tag("TagResource", "cluster/c",
        "\"tags\":[{\"key\":\"k49\",\"value\":\"new\"}]");
    tap_is_int(k.status, 200, "a new value for one of the 50");
}


static void
test_refusals(void)
{
    const char  *cluster = CALLKIT_ARN "cluster/c";
    const char  *taskdef = CALLKIT_ARN "task-definition/f:1";

    refused("TagResource", cluster, ",\"tags\":[{\"key\":\"a\"}]",
            "InvalidParameterException", "Tag value can not be null.");
    refused("TagResource", taskdef, ",\"tags\":[{\"key\":\"a\"}]",
            "ClientException", "Tag value can not be null.");
    refused("TagResource", cluster,
            ",\"tags\":[{\"key\":\"aws:a\",\"value\":\"\"}]",
            "InvalidParameterException", RESERVED);
    refused("UntagResource", cluster, ",\"tagKeys\":[\"aws:a\"]",
            "InvalidParameterException", RESERVED);
    refused("TagResource", cluster, ",\"tags\":[]",
            "InvalidParameterException", "Tags can not be empty.");
    refused("TagResource", cluster,
            ",\"tags\":[{\"key\":\"a\",\"value\":\"1\"},"
            "{\"key\":\"a\",\"value\":\"1\"}]",
            "InvalidParameterException",
            "Duplicate tag keys are not allowed.");
    refused("TagResource", cluster,
            ",\"tags\":[{\"key\":\"\",\"value\":\"1\"}]",
            "InvalidParameterException",
            "1 validation error detected: Value '' at 'tags.1.member.key'"
            " failed to satisfy constraint: Member must have length greater"
            " than or equal to 1");
    refused("TagResource", cluster, "", "InvalidParameterException",
            "1 validation error detected: Value null at 'tags' failed to"
            " satisfy constraint: Member must not be null");
}


static void
test_not_found(void)
{
    const char  *op = "ListTagsForResource";

    refused(op, "x", "", "InvalidParameterException",
            "The ARN provided is invalid.");
    refused(op, "arn:aws:ecr:us-east-1:000000000000:repository/x", "",
            "InvalidParameterException", "The ARN provided is invalid.");
    refused(op, CALLKIT_ARN "service-revision/c/web/1", "",
            "InvalidParameterException", "The ARN provided is invalid.");
    refused(op, CALLKIT_ARN "cluster/missing", "",
            "ClusterNotFoundException", "Cluster not found.");
    refused(op, CALLKIT_ARN "cluster/gone", "", "InvalidParameterException",
            "The specified cluster is inactive. Specify an active cluster"
            " and try again.");
    refused(op, CALLKIT_ARN "service/web", "", "InvalidParameterException",
            "Long arn format must be used for tagging operations");
    refused(op, CALLKIT_ARN "task/" TASK, "", "InvalidParameterException",
            "Long arn format must be used for tagging operations");
    refused("TagResource", CALLKIT_ARN "service/c/missing",
            ",\"tags\":[{\"key\":\"a\",\"value\":\"\"}]",
            "ResourceNotFoundException",
            "The specified service does not exist. Specify a valid service"
            " and try again.");
    refused(op, CALLKIT_ARN "task/c/x", "", "InvalidParameterException",
            "taskId length should be one of [32,36]");
    refused(op, CALLKIT_ARN "task/c/ffffffffffffffffffffffffffffffff", "",
            "InvalidParameterException",
            "The specified task does not exist. Specify a valid task and try"
            " again.");
    refused(op, CALLKIT_ARN "task-definition/f", "",
            "InvalidParameterException", "Revision is missing");
    refused(op, CALLKIT_ARN "task-definition/f:9", "", "ClientException",
            "The specified task definition does not exist. Specify a valid"
            " account, family, revision and try again.");
    refused(op, "arn:aws:ecs:us-east-1:111111111111:cluster/c", "",
            "InvalidParameterException", "AccountIDs mismatch");
    refused(op, "arn:aws:ecs:eu-west-1:000000000000:cluster/c", "",
            "InvalidParameterException", "Regions mismatch");
}


static void
test_ended(void)
{
    service.status = KECS_SERVICE_INACTIVE;
    put(&service);
    task.status = KECS_TASK_STOPPED;
    task.desired = KECS_DESIRED_STOPPED;
    put(&task);

    refused("ListTagsForResource", CALLKIT_ARN "service/c/web", "",
            "InvalidParameterException",
            "The specified service is inactive. Specify an active service"
            " and try again.");
    refused("ListTagsForResource", CALLKIT_ARN "task/c/" TASK, "",
            "InvalidParameterException",
            "The specified task is stopped. Specify a running task and try"
            " again.");
}


static void
test_memory(void)
{
    callkit_sweep(&k, "TagResource", "{\"resourceArn\":\"" CALLKIT_ARN
                  "service/c/web\",\"tags\":[{\"key\":\"a\","
                  "\"value\":\"b\"}]}");
    callkit_sweep(&k, "UntagResource", "{\"resourceArn\":\"" CALLKIT_ARN
                  "cluster/c\",\"tagKeys\":[\"k1\"]}");
    callkit_sweep(&k, "ListTagsForResource", "{\"resourceArn\":\""
                  CALLKIT_ARN "task/c/" TASK "\"}");
    callkit_sweep(&k, "ListTagsForResource", "{\"resourceArn\":\""
                  CALLKIT_ARN "task-definition/f:1\"}");
}


int
main(void)
{
    callkit_open(&k);

    prepare();
    test_kinds();
    test_limits();
    test_refusals();
    test_not_found();
    test_memory();
    test_ended();

    callkit_close(&k);

    return tap_done();
}
