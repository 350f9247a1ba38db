/*
 * What a node is to ECS: its allocatable resources, whether a pod without
 * tolerations may be put on it, and the ECS clusters that it names.
 */

#include "node_status.h"
#include "quantity.h"


#define MIB  (1024.0 * 1024)

#define TYPE_LABEL  "node.kubernetes.io/instance-type"
#define CORDONED    "node.kubernetes.io/unschedulable"


/* An allocatable amount, which may be given as a number too. */

static uint32_t
amount(const kecs_json_t *status, const char *name, double unit)
{
    double  n;

    n = kecs_quantity(kecs_json_at(status, "allocatable", name, NULL));
    n = n * unit + 1e-6;

    return n < 0 ? 0 : n >= INT32_MAX ? INT32_MAX : (uint32_t) n;
}


static bool
is_ready(const kecs_json_t *status)
{
    const kecs_json_t  *v;

    v = kecs_json_get(status, "conditions");

    for (v = v != NULL ? v->first : NULL; v != NULL; v = v->next) {
        if (kecs_str_is(kecs_json_str(kecs_json_get(v, "type")), "Ready")) {
            return kecs_str_is(kecs_json_str(kecs_json_get(v, "status")),
                               "True");
        }
    }

    return false;
}


/* What of a taint keeps pods away. */

static bool
keeps_away(const kecs_json_t *taint)
{
    kecs_str_t  effect;

    effect = kecs_json_str(kecs_json_get(taint, "effect"));

    return kecs_str_is(effect, "NoSchedule")
           || kecs_str_is(effect, "NoExecute");
}


/*
 * Our pods tolerate nothing but, for a while, that their node is away,
 * which readiness tells as well, and that it is kept for their provider.
 */

static void
read_taints(const kecs_json_t *spec, kecs_node_seen_t *out)
{
    kecs_str_t          key;
    const kecs_json_t  *v;

    out->open = true;
    v = kecs_json_get(spec, "taints");

    for (v = v != NULL ? v->first : NULL; v != NULL; v = v->next) {
        key = kecs_json_str(kecs_json_get(v, "key"));

        if (!keeps_away(v) || kecs_str_is(key, CORDONED)) {
            continue;
        }

        if (out->pool.len != 0 && kecs_str_is(key, KECS_NODE_PROVIDER)
            && kecs_str_eq(kecs_json_str(kecs_json_get(v, "value")),
                           out->pool))
        {
            out->reserved = true;
            continue;
        }

        out->open = false;
    }
}


/* Names are kept as they come, but for spaces around them. */

static void
add_clusters(kecs_buf_t *b, kecs_str_t list)
{
    kecs_str_t  name;

    while (kecs_str_split(&list, ',', &name)) {
        while (name.len != 0 && name.data[0] == ' ') {
            name = kecs_str_from(name, 1);
        }

        while (name.len != 0 && name.data[name.len - 1] == ' ') {
            name.len--;
        }

        if (name.len == 0) {
            continue;
        }

        if (b->len != 0) {
            kecs_buf_chr(b, ',');
        }

        kecs_buf_str(b, name);
    }
}


static kecs_rc_t
clusters_of(kecs_arena_t *a, const kecs_json_t *meta, kecs_str_t *out)
{
    kecs_buf_t          b;
    const kecs_json_t  *labels, *annotations;

    labels = kecs_json_get(meta, "labels");
    annotations = kecs_json_get(meta, "annotations");
    kecs_buf_init(&b, a, 0);
    add_clusters(&b, kecs_json_str(kecs_json_get(labels,
                                                 KECS_NODE_CLUSTER)));
    add_clusters(&b, kecs_json_str(kecs_json_get(annotations,
                                                 KECS_NODE_CLUSTER)));
    add_clusters(&b, kecs_json_str(kecs_json_get(annotations,
                                                 KECS_NODE_CLUSTERS)));
    *out = kecs_buf_view(&b);

    return b.failed ? KECS_NOMEM : KECS_OK;
}


static kecs_str_t
label(const kecs_json_t *meta, const char *name)
{
    return kecs_json_str(kecs_json_at(meta, "labels", name, NULL));
}


static kecs_str_t
info(const kecs_json_t *status, const char *name)
{
    return kecs_json_str(kecs_json_at(status, "nodeInfo", name, NULL));
}


kecs_rc_t
kecs_node_observe(kecs_arena_t *a, const kecs_json_t *node,
    kecs_node_seen_t *out)
{
    int64_t             port;
    const kecs_json_t  *meta, *spec, *status;

    memset(out, 0, sizeof(*out));
    meta = kecs_json_get(node, "metadata");
    spec = kecs_json_get(node, "spec");
    status = kecs_json_get(node, "status");

    out->name = kecs_json_str(kecs_json_get(meta, "name"));
    out->uid = kecs_json_str(kecs_json_get(meta, "uid"));

    if (out->name.len == 0 || out->uid.len == 0) {
        return KECS_INVALID;
    }

    out->zone = label(meta, KECS_ZONE_LABEL);
    out->type = label(meta, TYPE_LABEL);
    out->arch = info(status, "architecture");
    out->os = info(status, "operatingSystem");
    out->agent = info(status, "kubeletVersion");
    out->engine = info(status, "containerRuntimeVersion");
    out->provider = kecs_json_str(kecs_json_get(spec, "providerID"));
    out->pool = label(meta, KECS_NODE_PROVIDER);
    out->launch = kecs_launch_of(label(meta, KECS_NODE_LAUNCH));
    out->ready = is_ready(status);
    read_taints(spec, out);
    out->cordoned = kecs_json_true(kecs_json_get(spec, "unschedulable"));
    out->cpu = amount(status, "cpu", 1024);
    out->memory = amount(status, "memory", 1 / MIB);
    out->gpus = amount(status, "nvidia.com/gpu", 1);

    if (kecs_json_i64(kecs_json_at(status, "daemonEndpoints",
                                   "kubeletEndpoint", "Port", NULL), &port)
        && port > 0 && port <= UINT16_MAX)
    {
        out->port = (uint32_t) port;
    }

    return clusters_of(a, meta, &out->clusters);
}


/* Handling them. */


static const size_t  strings[] = {
    offsetof(kecs_node_seen_t, name), offsetof(kecs_node_seen_t, uid),
    offsetof(kecs_node_seen_t, zone), offsetof(kecs_node_seen_t, type),
    offsetof(kecs_node_seen_t, arch), offsetof(kecs_node_seen_t, os),
    offsetof(kecs_node_seen_t, provider), offsetof(kecs_node_seen_t, agent),
    offsetof(kecs_node_seen_t, engine), offsetof(kecs_node_seen_t, clusters),
    offsetof(kecs_node_seen_t, pool)
};

#define STRINGS  (sizeof(strings) / sizeof(strings[0]))


bool
kecs_node_same(const kecs_node_seen_t *a, const kecs_node_seen_t *b)
{
    size_t             i;
    const kecs_str_t  *x, *y;

    for (i = 0; i < STRINGS; i++) {
        x = (const kecs_str_t *) (const void *)
            ((const char *) a + strings[i]);
        y = (const kecs_str_t *) (const void *)
            ((const char *) b + strings[i]);

        if (!kecs_str_eq(*x, *y)) {
            return false;
        }
    }

    return a->ready == b->ready && a->open == b->open
           && a->cordoned == b->cordoned && a->cpu == b->cpu
           && a->memory == b->memory && a->gpus == b->gpus
           && a->port == b->port && a->launch == b->launch
           && a->reserved == b->reserved;
}


bool
kecs_node_copy(kecs_arena_t *a, const kecs_node_seen_t *from,
    kecs_node_seen_t *to)
{
    size_t       i;
    kecs_str_t  *s;

    *to = *from;

    for (i = 0; i < STRINGS; i++) {
        s = (kecs_str_t *) (void *) ((char *) to + strings[i]);

        if (s->data != NULL) {
            *s = kecs_strdup(a, *s);

            if (s->data == NULL) {
                return false;
            }
        }
    }

    return true;
}
