/*
 * Entries of the change log as events: every kind, created, changed and
 * deleted; ids; filters; memory that runs out.
 */

#include "../../src/json/json.h"
#include "../../src/stream/stream_event.h"
#include "callkit.h"


#define UUID  "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

static const kecs_stream_store_t  store = { UUID, 1 };


/* The event behind `seq`; false when there is none to tell. */

static bool
event(callkit_t *k, kecs_arena_t *a, uint64_t seq, unsigned fail,
    kecs_rc_t *rc, kecs_stream_event_t *ev)
{
    bool                 told;
    unsigned             kind;
    kecs_buf_t           buf;
    kecs_txn_t          *txn;
    kecs_call_t          c;
    kecs_change_entry_t  e;

    if (kecs_read_begin(k->store, &txn) != KECS_OK) {
        *rc = KECS_ERROR;
        return false;
    }

    *rc = kecs_log_next(txn, a, seq, &e);
    told = *rc == KECS_OK && kecs_stream_told(&e, &kind);

    if (told) {
        callkit_fill(k, &c, &buf, NULL);
        c.arena = a;
        c.txn = txn;
        kecs_arena_fail_after(a, fail);
        *rc = kecs_stream_render(&c, &store, &e, ev);
        kecs_arena_fail_after(a, 0);
    }

    kecs_read_end(txn);

    return told;
}


static kecs_str_t
member(kecs_arena_t *a, const kecs_stream_event_t *ev, const char *one,
    const char *two)
{
    kecs_json_t        *tree;
    const kecs_json_t  *v;

    if (kecs_json_parse(a, ev->json, &tree) != KECS_OK) {
        return kecs_null_str;
    }

    v = kecs_json_get(tree, one);

    if (v != NULL && two != NULL) {
        v = kecs_json_get(v, two);
    }

    return v != NULL ? kecs_json_str(v) : kecs_null_str;
}


/* All of the log, counted by kind and change. */

static void
count(callkit_t *k, unsigned n[KECS_STREAM_KINDS][KECS_DELETED + 1])
{
    uint64_t              seq;
    kecs_rc_t             rc;
    kecs_str_t            change;
    kecs_json_t          *tree;
    kecs_arena_t         *a;
    kecs_stream_event_t   ev;

    memset(n, 0, sizeof(unsigned) * KECS_STREAM_KINDS * (KECS_DELETED + 1));

    for (seq = 0; seq < callkit_seq(k); seq++) {
        a = kecs_arena_create(0);

        if (event(k, a, seq, 0, &rc, &ev)) {
            change = member(a, &ev, "kecs", "change");
            n[ev.kind][kecs_str_is(change, "created") ? KECS_CREATED
                       : kecs_str_is(change, "changed") ? KECS_CHANGED
                       : KECS_DELETED]++;

            if (rc != KECS_OK || ev.seq != seq + 1 || ev.arn.len == 0
                || kecs_json_parse(a, ev.json, &tree) != KECS_OK
                || kecs_json_get(tree, "detail") == NULL)
            {
                tap_ok(false, "the entry %" PRIu64 " as an event: %s",
                       seq + 1, kecs_rc_name(rc));
            }
        }

        kecs_arena_destroy(a);
    }
}


static void
fill(callkit_t *k)
{
    (void) callkit(k, "CreateCluster", "{\"clusterName\":\"c\","
                   "\"tags\":[{\"key\":\"k\",\"value\":\"v\"}]}");
    (void) callkit(k, "RegisterTaskDefinition", "{\"family\":\"f\","
                   "\"containerDefinitions\":[{\"name\":\"a\","
                   "\"image\":\"i\",\"memory\":8}]}");
    (void) callkit(k, "RunTask",
                   "{\"cluster\":\"c\",\"taskDefinition\":\"f\"}");
    (void) callkit(k, "CreateService", "{\"cluster\":\"c\","
                   "\"serviceName\":\"s\",\"taskDefinition\":\"f\","
                   "\"desiredCount\":1}");
    (void) callkit(k, "UpdateService", "{\"cluster\":\"c\","
                   "\"service\":\"s\",\"desiredCount\":2}");
    (void) callkit(k, "RegisterContainerInstance", "{\"cluster\":\"c\","
                   "\"instanceIdentityDocument\":"
                   "\"{\\\"instanceId\\\":\\\"i-1\\\"}\","
                   "\"totalResources\":[{\"name\":\"CPU\","
                   "\"type\":\"INTEGER\",\"integerValue\":1024},"
                   "{\"name\":\"MEMORY\",\"type\":\"INTEGER\","
                   "\"integerValue\":1024}]}");
    tap_is_int(k->status, 200, "a container instance");
}


/* The kinds that few have. */

static void
fill_more(callkit_t *k)
{
    size_t  i;

    static const struct {
        const char  *op;
        const char  *body;
    } calls[] = {
        { "CreateService", "{\"cluster\":\"c\",\"serviceName\":\"e\","
          "\"deploymentController\":{\"type\":\"EXTERNAL\"}}" },
        { "CreateTaskSet", "{\"cluster\":\"c\",\"service\":\"e\","
          "\"taskDefinition\":\"f\"}" },
        { "CreateCapacityProvider", "{\"name\":\"m\",\"cluster\":\"c\","
          "\"managedInstancesProvider\":{\"infrastructureRoleArn\":"
          "\"arn:r\",\"instanceLaunchTemplate\":{\"ec2InstanceProfileArn\":"
          "\"arn:p\",\"networkConfiguration\":{\"subnets\":"
          "[\"subnet-1\"]}}}}" },
        { "RegisterDaemonTaskDefinition", "{\"family\":\"agent\","
          "\"containerDefinitions\":[{\"name\":\"agent\","
          "\"image\":\"agent:1\",\"memory\":128}]}" },
        { "CreateDaemon", "{\"daemonName\":\"d\",\"clusterArn\":\""
          CALLKIT_ARN "cluster/c\",\"daemonTaskDefinitionArn\":\""
          CALLKIT_ARN "daemon-task-definition/agent:1\","
          "\"capacityProviderArns\":[\"" CALLKIT_ARN
          "capacity-provider/m\"]}" },
        { "CreateGateway", "{\"name\":\"g\",\"infrastructureRoleArn\":"
          "\"arn:aws:iam::000000000000:role/r\",\"configuration\":"
          "{\"hostSharedAlb\":{}}}" }
    };

    for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        (void) callkit(k, calls[i].op, calls[i].body);
        tap_is_int(k->status, 200, "%s", calls[i].op);
    }
}


static void
put_route(callkit_t *k)
{
    kecs_rc_t              rc;
    kecs_txn_t            *txn;
    kecs_gateway_route_t   r;

    memset(&r, 0, sizeof(r));
    r.rec.kind = KECS_GATEWAY_ROUTE;
    r.rec.scope = 1;
    r.gateway = kecs_str("g");
    r.id[0] = 1;
    r.cluster = 1;
    r.service = 1;
    r.status = KECS_ROUTE_ACTIVE;
    r.cluster_name = kecs_str("c");
    r.service_name = kecs_str("s");
    r.port = kecs_str("http");
    r.host = kecs_str("s.example");
    rc = kecs_write_begin(k->store, k->now, &txn);

    if (rc == KECS_OK) {
        rc = kecs_put(txn, &r);
    }

    if (rc == KECS_OK) {
        rc = kecs_write_commit(txn);
    }

    tap_is_int(rc, KECS_OK, "a route of a gateway");
}


/* A message of the service; the position before it. */

static uint64_t
say(callkit_t *k, const char *message)
{
    uint64_t         seq;
    kecs_rc_t        rc;
    kecs_txn_t      *txn;
    kecs_arena_t    *a;
    kecs_service_t   s;
    static const uint8_t  id[KECS_ID_LEN];

    a = kecs_arena_create(0);
    seq = callkit_seq(k);
    memset(&s, 0, sizeof(s));
    s.rec.kind = KECS_SERVICE;
    s.rec.scope = 1;
    s.cluster = 1;
    s.no = 1;
    rc = kecs_write_begin(k->store, k->now, &txn);

    if (rc == KECS_OK) {
        rc = kecs_get(txn, a, &s, 0);
    }

    if (rc == KECS_OK) {
        rc = kecs_event_add(txn, a, &s, k->now, id,
                            kecs_str_of(message));
    }

    if (rc == KECS_OK) {
        rc = kecs_write_commit(txn);
    }

    tap_is_int(rc, KECS_OK, "a message");
    kecs_arena_destroy(a);

    return seq;
}


/* Deletes the record that the entry behind `seq` is of. */

static void
delete(callkit_t *k, uint64_t seq)
{
    kecs_rc_t             rc;
    kecs_txn_t           *txn;
    kecs_arena_t         *a;
    kecs_change_entry_t   e;

    a = kecs_arena_create(0);
    rc = kecs_write_begin(k->store, k->now, &txn);

    if (rc == KECS_OK) {
        rc = kecs_log_next(txn, a, seq, &e);

        if (rc == KECS_OK) {
            (void) kecs_del(txn, e.rec);
        }

        rc = kecs_write_commit(txn);
    }

    tap_ok(rc == KECS_OK, "deleted");
    kecs_arena_destroy(a);
}


static void
test_kinds(callkit_t *k)
{
    unsigned  i, n[KECS_STREAM_KINDS][KECS_DELETED + 1];

    count(k, n);

    for (i = 0; i < KECS_STREAM_KINDS; i++) {
        tap_ok(n[i][KECS_CREATED] > 0, "%s: created",
               kecs_stream_kind_name(i));
    }

    tap_ok(n[KECS_STREAM_SERVICE][KECS_CHANGED] > 0, "a service: changed");
}


/* What the entry says, and that it says it again. */

static void
test_event(callkit_t *k)
{
    kecs_rc_t            rc;
    kecs_arena_t        *a;
    kecs_stream_event_t  ev, again;

    a = kecs_arena_create(0);

    tap_ok(event(k, a, 0, 0, &rc, &ev) && rc == KECS_OK, "an event");
    tap_ok(event(k, a, 0, 0, &rc, &again)
           && kecs_str_eq(ev.json, again.json), "the same again");
    tap_is_str(member(a, &ev, "detail-type", NULL), "KECS Cluster Change",
               "detail-type");
    tap_is_str(member(a, &ev, "time", NULL), "2026-09-16T09:39:16Z", "time");
    tap_is_str(member(a, &ev, "kecs", "requestId"),
               "00000000-0000-4000-8000-000000000001", "request id");
    tap_is_str(ev.arn, CALLKIT_ARN "cluster/c", "ARN");
    tap_is_str(ev.cluster, "c", "cluster");

    kecs_arena_destroy(a);
}


/* What Amazon's documentation shows in `detail`, and of what type. */

typedef struct {
    const char        *name;
    kecs_json_type_t   type;
    bool               time;        /* text as "2026-09-16T09:39:16.693Z" */
} documented_t;

static const documented_t  of_task[] = {
    { "attachments", KECS_JSON_ARRAY, false },
    { "availabilityZone", KECS_JSON_STRING, false },
    { "clusterArn", KECS_JSON_STRING, false },
    { "connectivity", KECS_JSON_STRING, false },
    { "connectivityAt", KECS_JSON_STRING, true },
    { "containerInstanceArn", KECS_JSON_STRING, false },
    { "containers", KECS_JSON_ARRAY, false },
    { "cpu", KECS_JSON_STRING, false },
    { "createdAt", KECS_JSON_STRING, true },
    { "desiredStatus", KECS_JSON_STRING, false },
    { "executionStoppedAt", KECS_JSON_STRING, true },
    { "group", KECS_JSON_STRING, false },
    { "lastStatus", KECS_JSON_STRING, false },
    { "launchType", KECS_JSON_STRING, false },
    { "memory", KECS_JSON_STRING, false },
    { "overrides", KECS_JSON_OBJECT, false },
    { "pullStartedAt", KECS_JSON_STRING, true },
    { "pullStoppedAt", KECS_JSON_STRING, true },
    { "startedAt", KECS_JSON_STRING, true },
    { "startedBy", KECS_JSON_STRING, false },
    { "stopCode", KECS_JSON_STRING, false },
    { "stoppedAt", KECS_JSON_STRING, true },
    { "stoppedReason", KECS_JSON_STRING, false },
    { "stoppingAt", KECS_JSON_STRING, true },
    { "taskArn", KECS_JSON_STRING, false },
    { "taskDefinitionArn", KECS_JSON_STRING, false },
    { "updatedAt", KECS_JSON_STRING, true },
    { "version", KECS_JSON_NUMBER, false },
    { NULL, KECS_JSON_NULL, false }
};

static const documented_t  of_instance[] = {
    { "agentConnected", KECS_JSON_BOOL, false },
    { "attributes", KECS_JSON_ARRAY, false },
    { "clusterArn", KECS_JSON_STRING, false },
    { "containerInstanceArn", KECS_JSON_STRING, false },
    { "ec2InstanceId", KECS_JSON_STRING, false },
    { "pendingTasksCount", KECS_JSON_NUMBER, false },
    { "registeredAt", KECS_JSON_STRING, true },
    { "registeredResources", KECS_JSON_ARRAY, false },
    { "remainingResources", KECS_JSON_ARRAY, false },
    { "runningTasksCount", KECS_JSON_NUMBER, false },
    { "status", KECS_JSON_STRING, false },
    { "updatedAt", KECS_JSON_STRING, true },
    { "version", KECS_JSON_NUMBER, false },
    { "versionInfo", KECS_JSON_OBJECT, false },
    { NULL, KECS_JSON_NULL, false }
};

static const documented_t  of_deployment[] = {
    { "deploymentId", KECS_JSON_STRING, false },
    { "eventName", KECS_JSON_STRING, false },
    { "eventType", KECS_JSON_STRING, false },
    { "reason", KECS_JSON_STRING, false },
    { "updatedAt", KECS_JSON_STRING, true },
    { NULL, KECS_JSON_NULL, false }
};

static const documented_t  of_action[] = {
    { "clusterArn", KECS_JSON_STRING, false },
    { "createdAt", KECS_JSON_STRING, true },
    { "eventName", KECS_JSON_STRING, false },
    { "eventType", KECS_JSON_STRING, false },
    { NULL, KECS_JSON_NULL, false }
};

static const documented_t  of_refusal[] = {
    { "clusterArn", KECS_JSON_STRING, false },
    { "containerInstanceArns", KECS_JSON_ARRAY, false },
    { "createdAt", KECS_JSON_STRING, true },
    { "eventName", KECS_JSON_STRING, false },
    { "eventType", KECS_JSON_STRING, false },
    { "reason", KECS_JSON_STRING, false },
    { NULL, KECS_JSON_NULL, false }
};


static const documented_t  of_daemon_deployment[] = {
    { "clusterArn", KECS_JSON_STRING, false },
    { "daemonArn", KECS_JSON_STRING, false },
    { "daemonDeploymentArn", KECS_JSON_STRING, false },
    { "eventName", KECS_JSON_STRING, false },
    { "eventType", KECS_JSON_STRING, false },
    { "targetDaemonRevisionArn", KECS_JSON_STRING, false },
    { "updatedAt", KECS_JSON_STRING, true },
    { NULL, KECS_JSON_NULL, false }
};


static void
has_documented(callkit_t *k, uint64_t seq, const documented_t *members,
    const char *type)
{
    kecs_rc_t             rc;
    kecs_json_t          *tree;
    kecs_msec_t           t;
    kecs_arena_t         *a;
    const kecs_json_t    *detail, *v;
    kecs_stream_event_t   ev;

    a = kecs_arena_create(0);

    if (!event(k, a, seq, 0, &rc, &ev)
        || kecs_json_parse(a, ev.json, &tree) != KECS_OK)
    {
        tap_ok(false, "%s: an event", type);
        kecs_arena_destroy(a);
        return;
    }

    tap_is_str(kecs_json_str(kecs_json_get(tree, "detail-type")), type,
               "%s: detail-type", type);
    detail = kecs_json_get(tree, "detail");

    for ( ; members->name != NULL; members++) {
        v = kecs_json_get(detail, members->name);
        tap_ok(v != NULL && v->type == members->type
               && (!members->time
                   || (v->str.len == KECS_TIME_LEN
                       && kecs_time_parse(v->str, &t))),
               "%s: %s", type, members->name);
    }

    kecs_arena_destroy(a);
}


/* The first entry of a kind; the position before it. */

static uint64_t
first(callkit_t *k, kecs_kind_t kind, kecs_any_t *rec)
{
    uint64_t              seq, found;
    kecs_txn_t           *txn;
    kecs_change_entry_t   e;

    found = 0;

    if (kecs_read_begin(k->store, &txn) != KECS_OK) {
        return 0;
    }

    for (seq = 0; kecs_log_next(txn, k->arena, seq, &e) == KECS_OK; seq++) {
        if (e.kind == kind) {
            found = seq;
            memcpy(rec, e.rec, kecs_schema(kind)->size);
            break;
        }
    }

    kecs_read_end(txn);

    return found;
}


/* A task that has all that one can have. */

static uint64_t
full_task(callkit_t *k)
{
    uint64_t        seq;
    kecs_rc_t       rc;
    kecs_any_t      any;
    kecs_txn_t     *txn;
    kecs_task_t    *t;

    (void) first(k, KECS_TASK, &any);
    t = &any.task;
    seq = callkit_seq(k);
    rc = kecs_write_begin(k->store, k->now, &txn);

    if (rc == KECS_OK) {
        rc = kecs_get(txn, k->arena, t, 0);
    }

    t->status = KECS_TASK_STOPPED;
    t->desired = KECS_DESIRED_STOPPED;
    t->stop_code = KECS_STOP_USER;
    t->connectivity = KECS_CONNECTED;
    t->connectivity_at = t->pull_started_at = t->pull_stopped_at = k->now;
    t->started_at = t->stopping_at = t->execution_stopped_at = k->now;
    t->stopped_at = k->now;
    t->started_by = kecs_str("me");
    t->stopped_reason = kecs_str("Task stopped by user");
    t->zone = kecs_str("us-east-1a");
    memset(t->instance, 1, sizeof(t->instance));

    if (rc == KECS_OK) {
        rc = kecs_put(txn, t);
    }

    if (rc == KECS_OK) {
        rc = kecs_write_commit(txn);
    }

    tap_is_int(rc, KECS_OK, "a task with all that it can have");

    return seq;
}


static void
test_documented(callkit_t *k)
{
    uint64_t    seq;
    kecs_any_t  rec;

    has_documented(k, full_task(k), of_task, "ECS Task State Change");
    has_documented(k, first(k, KECS_INSTANCE, &rec), of_instance,
                   "ECS Container Instance State Change");
    has_documented(k, first(k, KECS_DEPLOYMENT, &rec), of_deployment,
                   "ECS Deployment State Change");
    has_documented(k, first(k, KECS_EVENT, &rec), of_action,
                   "ECS Service Action");
    has_documented(k, first(k, KECS_DAEMON_DEPLOYMENT, &rec),
                   of_daemon_deployment,
                   "ECS Daemon Deployment State Change");
    seq = say(k, "(service s) " KECS_NOT_PLACED " The closest matching"
              " (container-instance 0123456789abcdef0123456789abcdef) has"
              " insufficient CPU units available. For more information, see"
              " the Troubleshooting section of the Amazon ECS Developer"
              " Guide.");
    has_documented(k, seq, of_refusal, "ECS Service Action");
}


/* What an event of each of the other kinds is of. */

static void
test_arns(callkit_t *k)
{
    size_t                i;
    kecs_rc_t             rc;
    kecs_any_t            rec;
    kecs_arena_t         *a;
    kecs_stream_event_t   ev;

    static const struct {
        kecs_kind_t  kind;
        const char  *type;
        const char  *arn;           /* begins so, */
        const char  *cluster;
        const char  *member;        /* ... and so does this of `detail` */
    } told[] = {
        { KECS_SERVICE_DEPLOYMENT, "KECS Service Deployment Change",
          CALLKIT_ARN "service-deployment/c/s/", "c",
          "serviceDeploymentArn" },
        { KECS_REVISION, "KECS Service Revision Change",
          CALLKIT_ARN "service-revision/c/s/", "c", "serviceRevisionArn" },
        { KECS_TASK_SET, "KECS Task Set Change",
          CALLKIT_ARN "task-set/c/e/ecs-svc/", "c", "taskSetArn" },
        { KECS_CAPACITY_PROVIDER, "KECS Capacity Provider Change",
          CALLKIT_ARN "capacity-provider/m", "c", "capacityProviderArn" },
        { KECS_DAEMON, "KECS Daemon Change", CALLKIT_ARN "daemon/c/d", "c",
          "daemonArn" },
        { KECS_DAEMON_DEPLOYMENT, "ECS Daemon Deployment State Change",
          CALLKIT_ARN "daemon/c/d", "c", "daemonArn" },
        { KECS_DAEMON_REVISION, "KECS Daemon Revision Change",
          CALLKIT_ARN "daemon-revision/c/d/", "c", "daemonRevisionArn" },
        { KECS_GATEWAY, "KECS Gateway Change", CALLKIT_ARN "gateway/g", "",
          "gatewayArn" },
        { KECS_GATEWAY_ROUTE, "KECS Gateway Route Change",
          CALLKIT_ARN "gateway-route/g/", "c", "gatewayRouteArn" }
    };

    a = kecs_arena_create(0);

    for (i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        tap_ok(event(k, a, first(k, told[i].kind, &rec), 0, &rc, &ev)
               && rc == KECS_OK, "%s", told[i].type);
        tap_is_str(member(a, &ev, "detail-type", NULL), told[i].type,
                   "its type");
        tap_ok(kecs_str_starts(ev.arn, kecs_str_of(told[i].arn)),
               "its ARN: %.*s", kecs_fmt(ev.arn));
        tap_ok(kecs_str_eq(member(a, &ev, "detail", told[i].member),
                           ev.arn), "in detail: %s", told[i].member);
        tap_is_str(ev.cluster.data != NULL ? ev.cluster : kecs_str(""),
                   told[i].cluster, "its cluster");
    }

    kecs_arena_destroy(a);
}


/* Messages of services, and what EventBridge calls them. */

static void
test_actions(callkit_t *k)
{
    size_t                i;
    uint64_t              seq;
    kecs_rc_t             rc;
    kecs_arena_t         *a;
    kecs_stream_event_t   ev;

    static const struct {
        const char  *message;
        const char  *name;
        const char  *type;
        const char  *reason;
    } told[] = {
        { "(service s) has reached a steady state.", "SERVICE_STEADY_STATE",
          "INFO", NULL },
        { "(service s, taskSet ecs-svc/1) has reached a steady state.",
          "TASKSET_STEADY_STATE", "INFO", NULL },
        { "(service s) has stopped 1 running tasks: (task 1).",
          "TASKS_STOPPED", "INFO", NULL },
        { "(service s) (deployment ecs-svc/1) deployment completed.",
          "SERVICE_DEPLOYMENT_COMPLETED", "INFO", NULL },
        { "(service s) (deployment ecs-svc/1) deployment failed: tasks"
          " failed to start.", "SERVICE_DEPLOYMENT_FAILED", "ERROR",
          "tasks failed to start." },
        { "(service s) is unable to consistently start tasks successfully.",
          "SERVICE_TASK_START_IMPAIRED", "WARN", NULL },
        { "(service s) was unable to place a task because (container-instance"
          " 0) encountered error \"AGENT\".",
          "SERVICE_TASK_PLACEMENT_FAILURE", "ERROR", "AGENT" },
        { "(service s) is unable to place a task in us-east-1a.",
          "SERVICE_TASK_PLACEMENT_FAILURE", "ERROR",
          "is unable to place a task in us-east-1a." },
        { "(service s) has started 1 tasks: (task 1).", NULL, NULL, NULL },
        { "nobody knows", NULL, NULL, NULL }
    };

    a = kecs_arena_create(0);

    for (i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        seq = say(k, told[i].message);
        tap_ok(event(k, a, seq, 0, &rc, &ev) && rc == KECS_OK, "%s",
               told[i].message);
        tap_is_str(member(a, &ev, "detail-type", NULL), told[i].name != NULL
                   ? "ECS Service Action" : "KECS Service Message", "type");

        if (told[i].name != NULL) {
            tap_is_str(member(a, &ev, "detail", "eventName"), told[i].name,
                       "its name");
            tap_is_str(member(a, &ev, "detail", "eventType"), told[i].type,
                       "its type");
        }

        if (told[i].reason != NULL) {
            tap_is_str(member(a, &ev, "detail", "reason"), told[i].reason,
                       "its reason");
        }
    }

    kecs_arena_destroy(a);
}


static void
test_id(void)
{
    char                 id[KECS_UUID_LEN + 1];
    kecs_stream_store_t  bad;

    /* Python: uuid.uuid5(uuid.NAMESPACE_DNS, '1/42') */

    tap_ok(kecs_stream_id(&store, 42, id), "an id");
    tap_is_str(kecs_str_of(id), "120683a6-249e-5804-b31c-9b1c2296537b",
               "UUID of version 5");

    bad.uuid = "6ba7b810";
    bad.incarnation = 1;
    tap_ok(!kecs_stream_id(&bad, 42, id), "no id of no store");
}


static void
test_filter(callkit_t *k)
{
    kecs_rc_t             rc;
    kecs_arena_t         *a;
    kecs_stream_event_t   ev;
    kecs_stream_filter_t  f;

    a = kecs_arena_create(0);
    (void) event(k, a, 0, 0, &rc, &ev);
    memset(&f, 0, sizeof(f));

    tap_ok(kecs_stream_wants(&f, &ev), "all");
    f.kinds = 1u << KECS_STREAM_TASK;
    tap_ok(!kecs_stream_wants(&f, &ev), "another kind");
    f.kinds |= 1u << KECS_STREAM_CLUSTER;
    f.account = kecs_str("000000000000");
    f.region = kecs_str("us-east-1");
    f.cluster = kecs_str("c");
    f.arn = kecs_str(CALLKIT_ARN "cluster/c");
    tap_ok(kecs_stream_wants(&f, &ev), "everything named");
    f.arn = kecs_str(CALLKIT_ARN "cluster/d");
    tap_ok(!kecs_stream_wants(&f, &ev), "another ARN");
    f.arn = kecs_null_str;
    f.cluster = kecs_str("");
    tap_ok(!kecs_stream_wants(&f, &ev), "a cluster without a name");
    f.cluster = kecs_null_str;
    f.region = kecs_str("us-east-2");
    tap_ok(!kecs_stream_wants(&f, &ev), "another region");
    f.region = kecs_null_str;
    f.account = kecs_str("000000000001");
    tap_ok(!kecs_stream_wants(&f, &ev), "another account");

    tap_ok(kecs_stream_kinds_parse(kecs_str("task,cluster"), &f.kinds)
           && f.kinds == (1u << KECS_STREAM_TASK
                          | 1u << KECS_STREAM_CLUSTER), "kinds");
    tap_ok(!kecs_stream_kinds_parse(kecs_str(""), &f.kinds), "no kind");
    tap_ok(!kecs_stream_kinds_parse(kecs_str("task,,"), &f.kinds),
           "an empty kind");
    tap_ok(!kecs_stream_kinds_parse(kecs_null_str, &f.kinds), "no list");

    kecs_arena_destroy(a);
}


/* Each allocation fails in turn: an error, never half an event. */

static void
test_memory(callkit_t *k)
{
    bool                 whole;
    uint64_t             seq;
    unsigned             fail, wrong;
    kecs_rc_t            rc;
    kecs_arena_t        *a;
    kecs_json_t         *tree;
    kecs_stream_event_t  ev;

    for (seq = 0, wrong = 0; seq < callkit_seq(k); seq++) {
        for (fail = 1, whole = false; !whole && fail < 500; fail++) {
            a = kecs_arena_create(256);
            rc = KECS_OK;

            if (!event(k, a, seq, fail, &rc, &ev)) {
                whole = true;

            } else if (rc == KECS_OK) {
                whole = kecs_json_parse(a, ev.json, &tree) == KECS_OK;
                wrong += !whole;

            } else {
                wrong += rc != KECS_NOMEM;
            }

            kecs_arena_destroy(a);
        }

        wrong += !whole;
    }

    tap_is_int(wrong, 0, "memory that runs out is an error like others");
}


/* Deleted records: the head is what is left, and the names. */

static void
test_gone(callkit_t *k)
{
    uint64_t   seq, end;
    unsigned   i, n[KECS_STREAM_KINDS][KECS_DELETED + 1];
    kecs_rc_t  rc;

    unsigned              kind;
    kecs_txn_t           *txn;
    kecs_arena_t         *a;
    kecs_change_entry_t   e;

    end = callkit_seq(k);
    a = kecs_arena_create(0);

    for (seq = 0; seq < end; seq++) {
        rc = kecs_read_begin(k->store, &txn);

        if (rc == KECS_OK) {
            rc = kecs_log_next(txn, a, seq, &e);
            kecs_read_end(txn);
        }

        if (rc == KECS_OK && kecs_stream_told(&e, &kind)
            && e.change == KECS_CREATED)
        {
            delete(k, seq);
        }
    }

    kecs_arena_destroy(a);
    count(k, n);

    for (i = 0; i < KECS_STREAM_KINDS; i++) {
        if (i != KECS_STREAM_ACTION) {
            tap_ok(n[i][KECS_DELETED] > 0, "%s: deleted",
                   kecs_stream_kind_name(i));
        }
    }

    tap_ok(n[KECS_STREAM_ACTION][KECS_CREATED] > 0, "a message of a service"
           " that is gone");
}


int
main(void)
{
    callkit_t  k;

    callkit_open(&k);
    fill(&k);
    fill_more(&k);
    put_route(&k);
    (void) say(&k, "(service s) has reached a steady state.");
    test_kinds(&k);
    test_event(&k);
    test_documented(&k);
    test_arns(&k);
    test_actions(&k);
    test_id();
    test_filter(&k);
    test_memory(&k);
    test_gone(&k);

    kecs_arena_destroy(k.arena);
    kecs_store_close(k.store);
    callkit_remove(k.dir);

    return tap_done();
}
