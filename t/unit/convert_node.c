/*
 * Nodes as the API server shows them, what is made of them, and what pods
 * take of them.
 */

#include "../../src/convert/node_status.h"
#include "../../src/convert/pod_request.h"
#include "tap.h"


#define NAME  "\"name\":\"n1\",\"uid\":\"0123-45\""

static kecs_arena_t      *arena;
static kecs_node_seen_t   n;


static kecs_rc_t
observe(const char *text)
{
    kecs_rc_t     rc;
    kecs_json_t  *node;

    memset(&n, 0x55, sizeof(n));
    rc = kecs_json_parse(arena, kecs_str_of(text), &node);

    return rc == KECS_OK ? kecs_node_observe(arena, node, &n) : rc;
}


static void
test_all(void)
{
    tap_is_int(observe(
        "{\"metadata\":{" NAME ",\"labels\":{"
        "\"topology.kubernetes.io/zone\":\"us-east-1b\","
        "\"node.kubernetes.io/instance-type\":\"m5.large\","
        "\"kecs/cluster\":\"web\"},\"annotations\":{"
        "\"kecs/clusters\":\" api,,arn:aws:ecs:r:a:cluster/b , *\"}},"
        "\"spec\":{\"providerID\":\"aws:///us-east-1b/i-0abc\"},"
        "\"status\":{\"allocatable\":{\"cpu\":\"1930m\","
        "\"memory\":\"7291756Ki\",\"nvidia.com/gpu\":\"2\"},"
        "\"conditions\":[{\"type\":\"DiskPressure\",\"status\":\"False\"},"
        "{\"type\":\"Ready\",\"status\":\"True\"}],"
        "\"daemonEndpoints\":{\"kubeletEndpoint\":{\"Port\":10250}},"
        "\"nodeInfo\":{\"architecture\":\"amd64\","
        "\"operatingSystem\":\"linux\",\"kubeletVersion\":\"v1.34.1\","
        "\"containerRuntimeVersion\":\"containerd://1.7\"}}}"),
        KECS_OK, "a node");
    tap_is_str(n.name, "n1", "its name");
    tap_is_str(n.uid, "0123-45", "its uid");
    tap_is_str(n.zone, "us-east-1b", "its zone");
    tap_is_str(n.type, "m5.large", "its type");
    tap_is_str(n.arch, "amd64", "its architecture");
    tap_is_str(n.os, "linux", "its system");
    tap_is_str(n.agent, "v1.34.1", "its kubelet");
    tap_is_str(n.engine, "containerd://1.7", "its container runtime");
    tap_is_str(n.provider, "aws:///us-east-1b/i-0abc", "its provider's id");
    tap_is_str(n.clusters, "web,api,arn:aws:ecs:r:a:cluster/b,*",
               "the clusters that it names");
    tap_ok(n.ready && n.open && !n.cordoned, "it takes tasks");
    tap_is_int(n.cpu, 1976, "CPU units");
    tap_is_int(n.memory, 7120, "MiB");
    tap_is_int(n.gpus, 2, "GPUs");
    tap_is_int(n.port, 10250, "the kubelet's port");
}


static void
test_little(void)
{
    tap_is_int(observe("{\"metadata\":{" NAME "}}"), KECS_OK, "a bare node");
    tap_ok(!n.ready && n.open && !n.cordoned, "it is not ready");
    tap_is_int(n.cpu + n.memory + n.gpus + n.port, 0, "it has nothing");
    tap_is_int((int64_t) n.clusters.len, 0, "it names no cluster");
    tap_is_int(observe("{\"metadata\":{\"name\":\"n1\"}}"), KECS_INVALID,
               "one without a uid");
    tap_is_int(observe("{\"metadata\":{\"uid\":\"u\"}}"), KECS_INVALID,
               "one without a name");
    tap_is_int(observe("[]"), KECS_INVALID, "something else");
}


static void
test_conditions(void)
{
    size_t  i;

    static const struct {
        const char  *json;
        bool         ready, open, cordoned;
        const char  *what;
    } rows[] = {
        { "\"status\":{\"conditions\":[{\"type\":\"Ready\","
          "\"status\":\"Unknown\"}]}", false, true, false, "away" },
        { "\"spec\":{\"unschedulable\":true,\"taints\":[{\"key\":"
          "\"node.kubernetes.io/unschedulable\",\"effect\":"
          "\"NoSchedule\"}]}", false, true, true, "cordoned" },
        { "\"spec\":{\"taints\":[{\"key\":\"a\",\"effect\":"
          "\"PreferNoSchedule\"}]}", false, true, false, "a preference" },
        { "\"spec\":{\"taints\":[{\"key\":\"a\",\"effect\":"
          "\"NoSchedule\"}]}", false, false, false, "NoSchedule" },
        { "\"spec\":{\"taints\":[{\"key\":\"a\",\"effect\":"
          "\"NoExecute\"}]}", false, false, false, "NoExecute" },
        { "\"status\":{\"conditions\":7},\"spec\":{\"taints\":\"x\"}",
          false, true, false, "nonsense" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        kecs_str_t  text;

        text = kecs_sprintf(arena, "{\"metadata\":{" NAME "},%s}",
                            rows[i].json);
        tap_ok(observe(text.data) == KECS_OK && n.ready == rows[i].ready
               && n.open == rows[i].open && n.cordoned == rows[i].cordoned,
               "%s", rows[i].what);
    }
}


/* Which tasks a node is for. */

#define NODE(labels, taints)                                                 \
    "{\"metadata\":{" NAME ",\"labels\":{" labels "}},"                       \
    "\"spec\":{\"taints\":[" taints "]}}"

#define LABEL  "\"kecs/capacity-provider\":\"gpu\""
#define TAINT(key, value)                                                    \
    "{\"key\":\"" key "\",\"value\":\"" value "\","                           \
    "\"effect\":\"NoSchedule\"}"

static void
test_pools(void)
{
    size_t  i;

    static const struct {
        const char  *json;
        const char  *pool;
        unsigned     launch;
        bool         open, reserved;
        const char  *what;
    } rows[] = {
        { NODE("", ""), "", 0, true, false, "for all" },
        { NODE(LABEL, ""), "gpu", 0, true, false, "of a provider" },
        { NODE(LABEL, TAINT("kecs/capacity-provider", "gpu")), "gpu", 0,
          true, true, "for a provider only" },
        { NODE(LABEL, TAINT("kecs/capacity-provider", "other")), "gpu", 0,
          false, false, "for another one only" },
        { NODE("", TAINT("kecs/capacity-provider", "")), "", 0, false, false,
          "for none" },
        { NODE(LABEL, TAINT("kecs/capacity-provider", "gpu") ","
               TAINT("a", "b")), "gpu", 0, false, true, "another taint" },
        { NODE("\"kecs/launch-type\":\"EXTERNAL\"", ""), "",
          KECS_LAUNCH_EXTERNAL, true, false, "for EXTERNAL" },
        { NODE("\"kecs/launch-type\":\"FARGATE\"", ""), "",
          KECS_LAUNCH_FARGATE, true, false, "for FARGATE" },
        { NODE("\"kecs/launch-type\":\"lambda\"", ""), "", 0, true, false,
          "for what is no launch type" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tap_is_int(observe(rows[i].json), KECS_OK, "%s", rows[i].what);
        tap_is_str(n.pool, rows[i].pool, "%s: the provider", rows[i].what);
        tap_is_int(n.launch, rows[i].launch, "%s: the type", rows[i].what);
        tap_ok(n.open == rows[i].open && n.reserved == rows[i].reserved,
               "%s: who is kept away", rows[i].what);
    }
}


static void
test_quantities(void)
{
    size_t      i;
    kecs_str_t  text;

    static const struct {
        const char  *quantity;
        uint32_t     memory;
    } rows[] = {
        { "\"1048576\"", 1 }, { "2097152", 2 }, { "\"1Gi\"", 1024 },
        { "\"2048Ki\"", 2 }, { "\"3Mi\"", 3 }, { "\"1G\"", 953 },
        { "\"1e9\"", 953 }, { "\"1.5Gi\"", 1536 }, { "\"1Ti\"", 1048576 },
        { "\"1073741824000m\"", 1024 }, { "\"1Ei\"", INT32_MAX },
        { "\"-1Gi\"", 0 }, { "\"1X\"", 0 }, { "\"\"", 0 }, { "null", 0 },
        { "-5", 0 }, { "\"nan\"", 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        text = kecs_sprintf(arena, "{\"metadata\":{" NAME "},\"status\":{"
                            "\"allocatable\":{\"memory\":%s}}}",
                            rows[i].quantity);
        (void) observe(text.data);
        tap_is_int(n.memory, rows[i].memory, "%s", rows[i].quantity);
    }
}


static void
test_handling(void)
{
    kecs_node_seen_t  copy;

    (void) observe("{\"metadata\":{" NAME ",\"labels\":{"
                   "\"kecs/cluster\":\"a\"}}}");
    tap_ok(kecs_node_copy(arena, &n, &copy), "a copy");
    tap_ok(kecs_node_same(&n, &copy), "is the same");
    tap_ok(copy.name.data != n.name.data, "but lies elsewhere");
    copy.cordoned = true;
    tap_ok(!kecs_node_same(&n, &copy), "a difference");
    copy = n;
    copy.clusters = kecs_str("b");
    tap_ok(!kecs_node_same(&n, &copy), "another text");
    kecs_arena_fail_after(arena, 1);
    tap_ok(!kecs_node_copy(arena, &n, &copy), "out of memory");
    kecs_arena_fail_after(arena, 0);
}


#define TAKES(cpu, memory)                                                   \
    "{\"resources\":{\"requests\":{\"cpu\":" cpu ",\"memory\":" memory "}}"

static void
pod(const char *text, double cpu, double mib, double gpus, const char *what)
{
    kecs_json_t         *json;
    kecs_pod_request_t   r;

    tap_is_int(kecs_json_parse(arena, kecs_str_of(text), &json), KECS_OK,
               "a pod");
    kecs_pod_request(json, &r);
    tap_ok(r.cpu > cpu - 1e-6 && r.cpu < cpu + 1e-6
           && r.memory > mib * 1048576 - 1 && r.memory < mib * 1048576 + 1
           && r.gpus > gpus - 1e-6 && r.gpus < gpus + 1e-6,
           "%s: %g, %g, %g", what, r.cpu, r.memory, r.gpus);
}


static void
test_requests(void)
{
    pod("{}", 0, 0, 0, "nothing");
    pod("{\"spec\":{\"containers\":[7,{\"resources\":null},{\"resources\":"
        "{\"requests\":[]}}],\"initContainers\":{}}}", 0, 0, 0, "nonsense");
    pod("{\"spec\":{\"containers\":[" TAKES("\"250m\"", "\"64Mi\"") "},"
        TAKES("1", "\"1Gi\"") "},{\"resources\":{\"requests\":{"
        "\"nvidia.com/gpu\":\"2\"}}}]}}", 1.25, 1088, 2, "containers");
    pod("{\"spec\":{\"containers\":[" TAKES("1", "\"64Mi\"") "}],"
        "\"initContainers\":[" TAKES("\"500m\"", "\"512Mi\"") "},"
        TAKES("2", "\"1Mi\"") "}]}}", 2, 512, 0,
        "init containers come before them");
    pod("{\"spec\":{\"containers\":[" TAKES("1", "\"64Mi\"") "}],"
        "\"initContainers\":[" TAKES("\"500m\"", "\"100Mi\"")
        ",\"restartPolicy\":\"Always\"}," TAKES("2", "\"1Mi\"") "}]}}",
        2.5, 164, 0, "sidecars run beside all after them");
    pod("{\"spec\":{\"resources\":{\"requests\":{\"cpu\":\"3\"}},"
        "\"overhead\":{\"cpu\":\"100m\",\"memory\":\"10Mi\"},"
        "\"containers\":[" TAKES("1", "\"64Mi\"") "}]}}", 3.1, 74, 0,
        "what the pod itself asks for, and the overhead");
}


int
main(void)
{
    arena = kecs_arena_create(0);

    test_all();
    test_little();
    test_conditions();
    test_pools();
    test_quantities();
    test_handling();
    test_requests();
    kecs_arena_destroy(arena);

    return tap_done();
}
