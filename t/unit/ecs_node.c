/*
 * Nodes as container instances: what is kept of them, which clusters they
 * name, joining by tasks, changes, cordons, idleness, and what several
 * clusters take of one node.
 */

#include "../../src/ecs/node.h"
#include "callkit.h"


#define VPC                                                                  \
    "\"networkConfiguration\":{\"awsvpcConfiguration\":{"                    \
    "\"subnets\":[\"subnet-1\"]}}"

#define keep    callkit_keep
#define ARN     CALLKIT_ARN "container-instance/default/"
#define listed(k, n)                                                         \
    callkit_list(k, "ListContainerInstances", "{}",                          \
                 "containerInstanceArns", n)

static kecs_node_seen_t  seen = {
    .name = kecs_string("n1"),
    .uid = kecs_string("01234567-89ab-4cde-8f01-234567890123"),
    .zone = kecs_string("us-east-1a"),
    .type = kecs_string("m5.large"),
    .arch = kecs_string("arm64"),
    .os = kecs_string("linux"),
    .agent = kecs_string("v1.34.1"),
    .engine = kecs_string("containerd://1.7"),
    .ready = true, .open = true,
    .cpu = 2048, .memory = 4096, .gpus = 2, .port = 10250
};


/* A call in a transaction of its own, committed. */

typedef kecs_rc_t (*step_pt)(kecs_call_t *c, void *ctx);

static kecs_rc_t
with_call(callkit_t *k, step_pt step, void *ctx)
{
    kecs_rc_t      rc;
    kecs_buf_t     buf;
    kecs_call_t    c;
    kecs_arena_t  *old;

    old = k->arena;
    k->arena = kecs_arena_create(0);
    callkit_fill(k, &c, &buf, NULL);
    rc = kecs_write_begin(k->store, k->now, &c.txn);

    if (rc == KECS_OK) {
        rc = kecs_scope_get(c.txn, c.account, c.region, true, &c.scope);
    }

    rc = rc == KECS_OK ? step(&c, ctx) : rc;

    if (rc == KECS_OK) {
        rc = kecs_write_commit(c.txn);

    } else {
        kecs_write_abort(c.txn);
    }

    kecs_arena_destroy(k->arena);
    k->arena = old;

    return rc;
}


static kecs_rc_t
keep_step(kecs_call_t *c, void *ctx)
{
    return kecs_node_keep(c, ctx, NULL);
}


static kecs_rc_t
drop_step(kecs_call_t *c, void *ctx)
{
    const kecs_node_seen_t  *n = ctx;

    return kecs_node_drop(c, n->name);
}


/* What the reconciler does with each instance of a node. */

typedef struct {
    bool         idle;
    kecs_msec_t  patience;
    bool         due;
} look_t;

static kecs_rc_t
look_at(kecs_call_t *c, look_t *x, kecs_instance_t *p)
{
    kecs_rc_t       rc;
    kecs_cluster_t  cluster;

    rc = kecs_get(c->txn, c->arena, p, KECS_ALL_PARTS);

    if (rc == KECS_OK) {
        rc = kecs_cluster_by_no(c, p->cluster, &cluster);
    }

    if (rc == KECS_OK && !x->idle) {
        return kecs_node_refresh(c, cluster.name, p);
    }

    if (rc == KECS_OK) {
        rc = kecs_node_idle(c, cluster.name, x->patience, p, &x->due);
    }

    return rc == KECS_OK && x->due ? kecs_put(c->txn, p) : rc;
}


static kecs_rc_t
look_step(kecs_call_t *c, void *ctx)
{
    kecs_rc_t         rc;
    kecs_key_t        prefix;
    kecs_str_t        key;
    kecs_scan_t      *scan;
    kecs_instance_t   p;

    kecs_key_init(&prefix);
    rc = kecs_scan(c->txn, c->arena, KECS_IX_INSTANCE_NODE, 0, &prefix,
                   kecs_null_str, false, &scan);

    while (rc == KECS_OK) {
        memset(&p, 0, sizeof(p));
        rc = kecs_scan_next(scan, &key, &p);
        rc = rc == KECS_OK ? look_at(c, ctx, &p) : rc;
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


static bool
idle(callkit_t *k, kecs_msec_t patience)
{
    look_t  x = { true, patience, false };

    return with_call(k, look_step, &x) == KECS_OK && x.due;
}


/* The node changes, and its instances follow. */

static void
change(callkit_t *k, const kecs_node_seen_t *n)
{
    look_t            x = { false, 0, false };
    kecs_node_seen_t  copy = *n;

    (void) with_call(k, keep_step, &copy);
    (void) with_call(k, look_step, &x);
}


static kecs_rc_t
names_step(kecs_call_t *c, void *ctx)
{
    size_t  i;

    static const struct {
        const char  *clusters;
        bool         web;
    } rows[] = {
        { "", false }, { "web", true }, { "we", false }, { "webs", false },
        { "api,web", true }, { "*", true }, { "api,*", true },
        { CALLKIT_ARN "cluster/web", true },
        { "arn:aws:ecs:us-east-1:111111111111:cluster/web", false },
        { "arn:aws:ecs:eu-west-1:000000000000:cluster/web", false }
    };

    (void) ctx;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tap_ok(kecs_node_names(c, kecs_str_of(rows[i].clusters),
                               kecs_str("web")) == rows[i].web,
               "%s", rows[i].clusters);
    }

    return KECS_OK;
}


static void
open_with(callkit_t *k)
{
    callkit_open(k);
    (void) callkit(k, "CreateCluster", "{}");
    (void) callkit(k, "CreateCluster", "{\"clusterName\":\"web\"}");
    (void) callkit(k, "RegisterTaskDefinition",
                   "{\"family\":\"t\",\"containerDefinitions\":[{\"name\":"
                   "\"a\",\"image\":\"i\",\"cpu\":512,\"memory\":64}]}");
}


/* The ARN of the instance that the node becomes by a task. */

static void
join(callkit_t *k, char *arn, char *task, size_t size)
{
    (void) callkit(k, "RunTask", "{\"taskDefinition\":\"t\"}");
    callkit_ok(k, "failures", "[0]", "it runs");
    (void) keep(k, "tasks.0.containerInstanceArn", arn, size);
    (void) keep(k, "tasks.0.taskArn", task, size);
}


static char  text[1024];

static const char *
with(const char *fmt, const char *a)
{
    (void) snprintf(text, sizeof(text), fmt, a, a);

    return text;
}

#define describe(k, arn)                                                     \
    (void) callkit(k, "DescribeContainerInstances",                          \
                   with("{\"containerInstances\":[\"%s\"]}", arn))


static void
test_names(void)
{
    callkit_t  k;

    open_with(&k);
    (void) with_call(&k, names_step, NULL);
    callkit_close(&k);
}


static void
test_join(void)
{
    char        arn[256], task[256];
    callkit_t   k;
    uint64_t    seq;

    open_with(&k);
    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"t\"}");
    callkit_ok(&k, "tasks.0.containerInstanceArn", NULL, "no node is known");

    tap_is_int(with_call(&k, keep_step, &seen), KECS_OK, "a node is kept");
    seq = callkit_seq(&k);
    (void) with_call(&k, keep_step, &seen);
    tap_ok(callkit_seq(&k) == seq, "kept again, nothing is written");
    listed(&k, "[0]");

    join(&k, arn, task, sizeof(arn));
    listed(&k, "[1]");
    describe(&k, arn);
    callkit_ok(&k, "containerInstances.0.ec2InstanceId",
               "i-0123456789ab4cde8", "an id of its uid");
    callkit_ok(&k, "containerInstances.0.status", "ACTIVE", "joined");
    callkit_ok(&k, "containerInstances.0.version", "1", "joined");
    callkit_ok(&k, "containerInstances.0.versionInfo.agentVersion",
               "1.34.1", "the kubelet");
    callkit_ok(&k, "containerInstances.0.registeredResources.0.integerValue",
               "2048", "CPU");
    callkit_ok(&k, "containerInstances.0.remainingResources.0.integerValue",
               "1536", "CPU that remains");
    callkit_ok(&k, "containerInstances.0.registeredResources.2."
               "stringSetValue.0", "10250", "a port of its own");
    callkit_ok(&k, "containerInstances.0.registeredResources.4."
               "stringSetValue", "[2]", "GPUs");

    (void) callkit(&k, "RunTask",
                   "{\"taskDefinition\":\"t\",\"cluster\":\"web\","
                   "\"count\":4}");
    callkit_ok(&k, "tasks", "[3]", "the other cluster has what is left");
    callkit_ok(&k, "failures.0.reason", "RESOURCE:CPU", "and no more");

    (void) with_call(&k, drop_step, &seen);
    tap_ok(idle(&k, 1000), "without their node they leave");
    listed(&k, "[0]");
    callkit_close(&k);
}


static void
test_platform(void)
{
    callkit_t  k;

    open_with(&k);
    (void) with_call(&k, keep_step, &seen);
    (void) callkit(&k, "RegisterTaskDefinition",
                   "{\"family\":\"x\",\"runtimePlatform\":{"
                   "\"cpuArchitecture\":\"X86_64\"},"
                   "\"containerDefinitions\":[{\"name\":\"a\","
                   "\"image\":\"i\",\"memory\":64}]}");
    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"x\"}");
    callkit_ok(&k, "failures.0.reason", "ATTRIBUTE", "another architecture");
    (void) callkit(&k, "RegisterTaskDefinition",
                   "{\"family\":\"y\",\"runtimePlatform\":{"
                   "\"cpuArchitecture\":\"ARM64\","
                   "\"operatingSystemFamily\":\"LINUX\"},"
                   "\"containerDefinitions\":[{\"name\":\"a\","
                   "\"image\":\"i\",\"memory\":64}]}");
    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"y\"}");
    callkit_ok(&k, "failures", "[0]", "its own");
    callkit_close(&k);
}


static void
test_closed(void)
{
    size_t            i;
    callkit_t         k;
    kecs_node_seen_t  n;

    for (i = 0; i < 4; i++) {
        open_with(&k);
        n = seen;
        n.ready = i != 0;
        n.open = i != 1;
        n.cordoned = i == 2;
        n.clusters = i == 3 ? kecs_str("web") : kecs_null_str;
        (void) with_call(&k, keep_step, &n);
        callkit_error(&k, "RunTask", "{\"taskDefinition\":\"t\"}", 400,
                      "InvalidParameterException", "No Container Instances"
                      " were found in your cluster.");
        callkit_close(&k);
    }
}


/* Pools: nodes that name a capacity provider, or a launch type. */

static void
keep_pool(callkit_t *k, unsigned i, const char *pool, unsigned launch,
    bool reserved)
{
    char              name[32], uid[64];
    kecs_node_seen_t  n;

    n = seen;
    (void) snprintf(name, sizeof(name), "n%u", i);
    (void) snprintf(uid, sizeof(uid), "%08x-89ab-4cde-8f01-234567890123", i);
    n.name = kecs_str_of(name);
    n.uid = kecs_str_of(uid);
    n.pool = kecs_str_of(pool);
    n.launch = launch;
    n.reserved = reserved;
    (void) with_call(k, keep_step, &n);
}


static void
open_pools(callkit_t *k)
{
    open_with(k);
    (void) callkit(k, "CreateCapacityProvider",
                   "{\"name\":\"gpu\",\"autoScalingGroupProvider\":{"
                   "\"autoScalingGroupArn\":\"arn:aws:autoscaling:"
                   "us-east-1:000000000000:autoScalingGroup:1:"
                   "autoScalingGroupName/gpu\"}}");
    (void) callkit(k, "PutClusterCapacityProviders",
                   "{\"cluster\":\"default\",\"capacityProviders\":"
                   "[\"gpu\"],\"defaultCapacityProviderStrategy\":[]}");
    callkit_ok(k, "cluster.capacityProviders", "[1]", "a provider");
}


/* Runs a task of the provider on an instance that shows `pool`. */

static void
pooled(callkit_t *k, const char *provider, const char *pool,
    const char *what)
{
    char  arn[256];

    (void) callkit(k, "RunTask", with(provider == NULL
                   ? "{\"taskDefinition\":\"t\"}"
                   : "{\"taskDefinition\":\"t\","
                     "\"capacityProviderStrategy\":["
                     "{\"capacityProvider\":\"%s\"}]}", provider));
    callkit_ok(k, "failures", "[0]", what);
    (void) keep(k, "tasks.0.containerInstanceArn", arn, sizeof(arn));
    describe(k, arn);
    callkit_ok(k, "containerInstances.0.capacityProviderName", pool,
               what);
}


static void
test_pools(void)
{
    size_t     i;
    callkit_t  k;

    open_pools(&k);
    keep_pool(&k, 1, "", 0, false);
    pooled(&k, "gpu", NULL, "no node names the provider: any will do");
    keep_pool(&k, 2, "gpu", 0, true);

    for (i = 0; i < 4; i++) {
        pooled(&k, "gpu", "gpu", "one does: it is that one");
    }

    (void) callkit(&k, "RunTask",
                   "{\"taskDefinition\":\"t\",\"capacityProviderStrategy\""
                   ":[{\"capacityProvider\":\"gpu\"}]}");
    callkit_ok(&k, "failures.0.reason", "RESOURCE:CPU", "full is full");

    for (i = 0; i < 3; i++) {
        pooled(&k, NULL, NULL, "others are kept off what is reserved");
    }

    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"t\"}");
    callkit_ok(&k, "failures.0.reason", "RESOURCE:CPU", "full is full");
    keep_pool(&k, 3, "gpu", 0, false);
    pooled(&k, NULL, "gpu", "a pool that is not reserved takes them");
    callkit_close(&k);
}


/* Managed instances are nodes that name their provider. */

static void
test_managed(void)
{
    char       arn[256];
    callkit_t  k;

    open_with(&k);
    (void) callkit(&k, "CreateCapacityProvider",
                   "{\"name\":\"mi\",\"cluster\":\"default\","
                   "\"managedInstancesProvider\":{"
                   "\"infrastructureRoleArn\":"
                   "\"arn:aws:iam::000000000000:role/r\","
                   "\"instanceLaunchTemplate\":{\"ec2InstanceProfileArn\":"
                   "\"arn:aws:iam::000000000000:instance-profile/p\","
                   "\"networkConfiguration\":{\"subnets\":"
                   "[\"subnet-1\"]}}}}");
    callkit_ok(&k, "capacityProvider.name", "mi", "a provider");
    keep_pool(&k, 1, "", 0, false);
    (void) callkit(&k, "RegisterTaskDefinition",
                   "{\"family\":\"t\",\"requiresCompatibilities\":"
                   "[\"MANAGED_INSTANCES\"],\"cpu\":\"512\","
                   "\"memory\":\"1024\",\"networkMode\":\"awsvpc\","
                   "\"containerDefinitions\":[{\"name\":"
                   "\"a\",\"image\":\"i\",\"cpu\":512,\"memory\":64}]}");
    (void) callkit(&k, "RunTask",
                   "{\"taskDefinition\":\"t\",\"capacityProviderStrategy\""
                   ":[{\"capacityProvider\":\"mi\"}]," VPC "}");
    callkit_ok(&k, "tasks", "[1]", "no node names the provider");
    callkit_ok(&k, "tasks.0.containerInstanceArn", NULL,
               "the task is the runtime's to place");
    keep_pool(&k, 2, "mi", 0, false);
    (void) callkit(&k, "RunTask",
                   "{\"taskDefinition\":\"t\",\"capacityProviderStrategy\""
                   ":[{\"capacityProvider\":\"mi\"}]," VPC "}");
    (void) keep(&k, "tasks.0.containerInstanceArn", arn, sizeof(arn));
    callkit_ok(&k, "tasks.0.launchType", "MANAGED_INSTANCES", "one does");
    describe(&k, arn);
    callkit_ok(&k, "containerInstances.0.capacityProviderName", "mi",
               "one does");
    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"t:1\","
                   "\"count\":5}");
    callkit_ok(&k, "failures", "[1]", "tasks of EC2 keep off it");
    callkit_close(&k);
}


static void
test_launches(void)
{
    char              arn[256], task[256];
    callkit_t         k;
    kecs_node_seen_t  n;

    open_with(&k);
    (void) callkit(&k, "RunTask",
                   "{\"taskDefinition\":\"t\",\"launchType\":\"EXTERNAL\"}");
    callkit_ok(&k, "tasks.0.containerInstanceArn", NULL,
               "EXTERNAL without a node for it is the runtime's to place");
    keep_pool(&k, 1, "", KECS_LAUNCH_FARGATE, false);
    keep_pool(&k, 2, "", KECS_LAUNCH_EXTERNAL, false);
    callkit_error(&k, "RunTask", "{\"taskDefinition\":\"t\"}", 400,
                  "InvalidParameterException", "No Container Instances"
                  " were found in your cluster.");
    (void) callkit(&k, "RunTask",
                   "{\"taskDefinition\":\"t\",\"launchType\":\"EXTERNAL\"}");
    (void) keep(&k, "tasks.0.containerInstanceArn", arn, sizeof(arn));
    describe(&k, arn);
    callkit_ok(&k, "containerInstances.0.ec2InstanceId",
               "mi-0000000289ab4cde8", "a managed instance");

    n = seen;
    (void) with_call(&k, keep_step, &n);
    join(&k, arn, task, sizeof(arn));
    n.launch = KECS_LAUNCH_FARGATE;
    n.pool = kecs_str("FARGATE");
    change(&k, &n);
    describe(&k, arn);
    callkit_ok(&k, "containerInstances.0.status", "DRAINING",
               "it is for FARGATE now");
    callkit_ok(&k, "containerInstances.0.capacityProviderName", "FARGATE",
               "and says so");
    callkit_close(&k);
}


static void
test_change(void)
{
    char              arn[256], task[256];
    callkit_t         k;
    kecs_node_seen_t  n;

    open_with(&k);
    (void) with_call(&k, keep_step, &seen);
    join(&k, arn, task, sizeof(arn));
    (void) callkit(&k, "PutAttributes",
                   with("{\"attributes\":[{\"name\":\"rack\","
                        "\"value\":\"r1\",\"targetId\":\"%s\"}]}", arn));
    callkit_ok(&k, "attributes", "[1]", "an attribute of one's own");

    n = seen;
    n.type = kecs_str("m5.xlarge");
    n.cpu = 4096;
    n.ready = false;
    change(&k, &n);
    describe(&k, arn);
    callkit_ok(&k, "containerInstances.0.agentConnected", "false", "away");
    callkit_ok(&k, "containerInstances.0.registeredResources.0.integerValue",
               "4096", "it has grown");
    callkit_list(&k, "ListAttributes",
                 "{\"targetType\":\"container-instance\","
                 "\"attributeName\":\"ecs.instance-type\","
                 "\"attributeValue\":\"m5.xlarge\"}", "attributes", "[1]");
    callkit_list(&k, "ListAttributes",
                 "{\"targetType\":\"container-instance\","
                 "\"attributeName\":\"rack\"}", "attributes", "[1]");

    (void) callkit(&k, "StartTask",
                   with("{\"taskDefinition\":\"t\","
                        "\"containerInstances\":[\"%s\"]}", arn));
    callkit_ok(&k, "failures.0.reason", "AGENT", "no tasks while it is away");

    n = seen;
    n.uid = kecs_str("11111111-1111-4111-8111-111111111111");
    change(&k, &n);
    describe(&k, arn);
    callkit_ok(&k, "containerInstances.0.status", "INACTIVE",
               "another node of the name is another instance");
    callkit_close(&k);
}


static void
is_status(callkit_t *k, const char *arn, const char *status,
    const char *what)
{
    describe(k, arn);
    callkit_ok(k, "containerInstances.0.status", status, what);
}


static void
set_status(callkit_t *k, const char *arn, const char *status)
{
    char  in[512];

    (void) snprintf(in, sizeof(in), "{\"containerInstances\":[\"%s\"],"
                    "\"status\":\"%s\"}", arn, status);
    (void) callkit(k, "UpdateContainerInstancesState", in);
    callkit_ok(k, "failures", "[0]", "set");
}


static void
test_cordon(void)
{
    char              arn[256], task[256];
    callkit_t         k;
    kecs_node_seen_t  held;

    open_with(&k);
    (void) with_call(&k, keep_step, &seen);
    join(&k, arn, task, sizeof(arn));
    held = seen;
    held.cordoned = true;

    change(&k, &held);
    is_status(&k, arn, "DRAINING", "cordoned");
    change(&k, &seen);
    is_status(&k, arn, "ACTIVE", "and no more");

    set_status(&k, arn, "DRAINING");
    change(&k, &held);
    change(&k, &seen);
    is_status(&k, arn, "DRAINING", "what a client has set stays");

    set_status(&k, arn, "ACTIVE");
    change(&k, &held);
    set_status(&k, arn, "ACTIVE");
    change(&k, &held);
    is_status(&k, arn, "ACTIVE", "also against a cordon");
    change(&k, &seen);
    is_status(&k, arn, "ACTIVE", "and after it");

    held = seen;
    held.clusters = kecs_str("web");
    change(&k, &held);
    is_status(&k, arn, "DRAINING", "it names another cluster");
    tap_ok(!idle(&k, 0), "a task is on it");
    (void) callkit(&k, "StopTask", with("{\"task\":\"%s\"}", task));
    (void) callkit(&k, "SubmitTaskStateChange",
                   with("{\"task\":\"%s\",\"status\":\"STOPPED\"}", task));
    tap_ok(idle(&k, 1000000), "without any it leaves at once");
    is_status(&k, arn, "INACTIVE", "it has left");
    callkit_close(&k);
}


static void
test_idle(void)
{
    char              arn[256], task[256];
    callkit_t         k;
    kecs_node_seen_t  named;

    open_with(&k);
    (void) with_call(&k, keep_step, &seen);
    join(&k, arn, task, sizeof(arn));
    tap_ok(!idle(&k, 1000), "a task is on it");
    (void) callkit(&k, "StopTask", with("{\"task\":\"%s\"}", task));
    (void) callkit(&k, "SubmitTaskStateChange",
                   with("{\"task\":\"%s\",\"status\":\"STOPPED\"}", task));
    tap_ok(idle(&k, 1000), "that is noted");
    k.now += 999;
    tap_ok(!idle(&k, 1000), "not yet");

    named = seen;
    named.clusters = kecs_str("default");
    change(&k, &named);
    k.now += 1000;
    tap_ok(!idle(&k, 1000), "it names the cluster");
    change(&k, &seen);

    set_status(&k, arn, "DRAINING");
    tap_ok(!idle(&k, 1000), "it was drained");
    set_status(&k, arn, "ACTIVE");
    tap_ok(idle(&k, 1000), "now it leaves");
    is_status(&k, arn, "INACTIVE", "it has left");

    join(&k, arn, task, sizeof(arn));
    is_status(&k, arn, "ACTIVE", "it comes again");
    (void) callkit(&k, "DeregisterContainerInstance",
                   with("{\"containerInstance\":\"%s\",\"force\":true}",
                        arn));
    callkit_error(&k, "RunTask", "{\"taskDefinition\":\"t\"}", 400,
                  "InvalidParameterException", "No Container Instances"
                  " were found in your cluster.");
    callkit_close(&k);
}


static void
test_delete(void)
{
    char       arn[256], task[256];
    callkit_t  k;

    open_with(&k);
    (void) with_call(&k, keep_step, &seen);
    join(&k, arn, task, sizeof(arn));
    callkit_error(&k, "DeleteCluster", "{\"cluster\":\"default\"}", 400,
                  "ClusterContainsTasksException", "The Cluster cannot be"
                  " deleted while Tasks are active.");
    (void) callkit(&k, "StopTask", with("{\"task\":\"%s\"}", task));
    (void) callkit(&k, "SubmitTaskStateChange",
                   with("{\"task\":\"%s\",\"status\":\"STOPPED\"}", task));
    (void) callkit(&k, "RegisterContainerInstance", "{}");
    callkit_error(&k, "DeleteCluster", "{\"cluster\":\"default\"}", 400,
                  "ClusterContainsContainerInstancesException", "The Cluster"
                  " cannot be deleted while Container Instances are active or"
                  " draining.");
    listed(&k, "[2]");
    (void) callkit(&k, "RegisterContainerInstance",
                   "{\"cluster\":\"web\"}");
    callkit_close(&k);
}


static kecs_rc_t
use_step(kecs_call_t *c, void *ctx)
{
    return kecs_node_keep_use(c, kecs_str("n1"), ctx);
}


#define remains(k, i, member, want, what)                                    \
    callkit_ok(k, "containerInstances.0.remainingResources." i "." member,   \
               want, what)

/* What else is on the node is taken of its instances. */

static void
test_use(void)
{
    char             arn[256], task[256];
    callkit_t        k;
    kecs_node_use_t  use = { 1024, 100, 0 };

    open_with(&k);
    tap_is_int(with_call(&k, use_step, &use), KECS_OK, "an unknown node");
    (void) with_call(&k, keep_step, &seen);
    join(&k, arn, task, sizeof(arn));
    tap_is_int(with_call(&k, use_step, &use), KECS_OK, "others take of it");
    describe(&k, arn);
    remains(&k, "0", "integerValue", "512", "CPU: less a task and others");
    remains(&k, "1", "integerValue", "3932", "memory, too");
    callkit_ok(&k, "containerInstances.0.registeredResources.0.integerValue",
               "2048", "what is registered is all of it");
    (void) callkit(&k, "RunTask",
                   "{\"taskDefinition\":\"t\",\"count\":2}");
    callkit_ok(&k, "tasks", "[1]", "one more has room beside them");
    callkit_ok(&k, "failures.0.reason", "RESOURCE:CPU", "and no other one");
    (void) with_call(&k, keep_step, &seen);
    describe(&k, arn);
    remains(&k, "0", "integerValue", "0", "it is kept when the node changes");
    callkit_close(&k);
}


static void
test_gpus(void)
{
    char             arn[256];
    callkit_t        k;
    kecs_node_use_t  use = { 0, 0, 1 };

    open_with(&k);
    (void) with_call(&k, keep_step, &seen);
    (void) callkit(&k, "RegisterTaskDefinition",
                   "{\"family\":\"g\",\"containerDefinitions\":[{\"name\":"
                   "\"a\",\"image\":\"i\",\"memory\":64},{\"name\":\"b\","
                   "\"image\":\"i\",\"memory\":64,\"resourceRequirements\":["
                   "{\"type\":\"GPU\",\"value\":\"1\"}]}]}");
    (void) callkit(&k, "RunTask",
                   "{\"taskDefinition\":\"g\",\"count\":3}");
    callkit_ok(&k, "tasks", "[2]", "two GPUs, two tasks");
    callkit_ok(&k, "failures.0.reason", "RESOURCE:GPU", "no third one");
    callkit_ok(&k, "tasks.0.containers.0.gpuIds", NULL, "a container without");
    callkit_ok(&k, "tasks.0.containers.1.gpuIds.0", "0", "the first has one");
    callkit_ok(&k, "tasks.1.containers.1.gpuIds.0", "1", "the other has one");
    (void) keep(&k, "tasks.0.containerInstanceArn", arn, sizeof(arn));
    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"t\"}");
    callkit_ok(&k, "tasks", "[1]", "a task that needs none");
    describe(&k, arn);
    remains(&k, "4", "name", "GPU", "resources");
    remains(&k, "4", "stringSetValue", "[0]", "no GPU remains");
    (void) callkit(&k, "StartTask",
                   with("{\"taskDefinition\":\"g\",\"containerInstances\":["
                        "\"%s\"]}", arn));
    callkit_ok(&k, "failures.0.reason", "RESOURCE:GPU", "StartTask");
    callkit_close(&k);

    open_with(&k);
    (void) with_call(&k, keep_step, &seen);
    (void) with_call(&k, use_step, &use);
    (void) callkit(&k, "RegisterTaskDefinition",
                   "{\"family\":\"g\",\"containerDefinitions\":[{\"name\":"
                   "\"a\",\"image\":\"i\",\"memory\":64,"
                   "\"resourceRequirements\":[{\"type\":\"GPU\","
                   "\"value\":\"1\"}]}]}");
    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"g\",\"overrides\":{"
                   "\"containerOverrides\":[{\"name\":\"a\","
                   "\"resourceRequirements\":[{\"type\":\"GPU\","
                   "\"value\":\"2\"}]}]}}");
    callkit_ok(&k, "failures.0.reason", "RESOURCE:GPU",
               "others have one: two are too many");
    (void) callkit(&k, "RunTask", "{\"taskDefinition\":\"g\"}");
    callkit_ok(&k, "tasks.0.containers.0.gpuIds.0", "0", "one is left");
    callkit_close(&k);
}


int
main(void)
{
    test_names();
    test_join();
    test_platform();
    test_closed();
    test_pools();
    test_managed();
    test_launches();
    test_change();
    test_cordon();
    test_idle();
    test_delete();
    test_use();
    test_gpus();

    return tap_done();
}
