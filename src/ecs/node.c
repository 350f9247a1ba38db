/*
 * Nodes of the runtime: their records, and how they become container
 * instances, change, and leave.  The id of such an instance follows from
 * the node and the cluster, so that doing it twice does no harm.
 */

#include <openssl/sha.h>

#include "instance.h"
#include "node.h"


#define EC2_DIGITS  17


/* What is told of a node, as parts of an instance. */


static void
set_amount(kecs_ecs_resource_t *r, const char *name, uint32_t n)
{
    r->name = kecs_str_of(name);
    r->type = kecs_str("INTEGER");
    kecs_resource_fill(r);
    r->integer_value.value = n;
}


static void
set_items(kecs_ecs_resource_t *r, const char *name, kecs_str_t *items,
    size_t n)
{
    r->name = kecs_str_of(name);
    r->type = kecs_str("STRINGSET");
    kecs_resource_fill(r);
    r->string_set_value.items = items;
    r->string_set_value.n = n;
    r->string_set_value.set = true;
}


/* "0", "1", ... */

static kecs_str_t *
numbers(kecs_arena_t *a, uint32_t first, uint32_t n)
{
    uint32_t     i;
    kecs_str_t  *all;

    all = kecs_calloc(a, n, sizeof(kecs_str_t));

    for (i = 0; all != NULL && i < n; i++) {
        all[i] = kecs_sprintf(a, "%u", first + i);

        if (all[i].data == NULL) {
            return NULL;
        }
    }

    return all;
}


#define RESOURCES  5

static kecs_rc_t
resources_of(kecs_call_t *c, const kecs_node_seen_t *seen, kecs_host_t *h)
{
    kecs_rc_t                      rc;
    kecs_str_t                    *gpus, *port, json;
    kecs_ecs_resource_t           *r;
    kecs_ecs_container_instance_t  view;

    memset(&view, 0, sizeof(view));
    r = kecs_calloc(c->arena, RESOURCES, sizeof(kecs_ecs_resource_t));
    gpus = numbers(c->arena, 0, seen->gpus);
    port = numbers(c->arena, seen->port, 1);

    if (r == NULL || gpus == NULL || port == NULL) {
        return KECS_NOMEM;
    }

    view.registered_resources.items = r;
    view.registered_resources.set = true;
    set_amount(r++, "CPU", seen->cpu);
    set_amount(r++, "MEMORY", seen->memory);
    set_items(r++, "PORTS", port, seen->port != 0);
    set_items(r++, "PORTS_UDP", NULL, 0);

    if (seen->gpus != 0) {
        set_items(r++, "GPU", gpus, seen->gpus);
    }

    view.registered_resources.n = (size_t) (r - view.registered_resources
                                                    .items);

    rc = kecs_member_json(c->arena, &kecs_ecs_container_instance_shape,
                          &view, "registeredResources", &json);
    kecs_rec_part(&h->rec, KECS_NODE_RESOURCES, json);

    return rc;
}


/*
 * What definitions require of instances (taskdef_fill.c): any node gives
 * it, as what it stands for is the runtime's affair.
 */

#define API  "com.amazonaws.ecs.capability.docker-remote-api."
#define LOG  "com.amazonaws.ecs.capability.logging-driver."

static const char *const  capabilities[] = {
    API "1.17", API "1.18", API "1.19", API "1.20", API "1.21",
    LOG "awsfirelens", LOG "awslogs", LOG "fluentd", LOG "gelf",
    LOG "journald", LOG "json-file", LOG "logentries", LOG "none",
    LOG "splunk", LOG "syslog",
    "com.amazonaws.ecs.capability.task-iam-role",
    "ecs.capability.container-ordering",
    "ecs.capability.efs",
    "ecs.capability.execution-role-awslogs",
    "ecs.capability.execution-role-ecr-pull",
    "ecs.capability.secrets.asm.environment-variables",
    "ecs.capability.secrets.ssm.environment-variables",
    "ecs.capability.task-eni"
};

#define CAPABILITIES  (sizeof(capabilities) / sizeof(capabilities[0]))
#define TOLD          5


static void
add_told(kecs_ecs_attributes_t *list, const char *name, kecs_str_t value)
{
    if (value.len != 0) {
        list->items[list->n].name = kecs_str_of(name);
        list->items[list->n].value = value;
        list->n++;
    }
}


static kecs_rc_t
attributes_of(kecs_call_t *c, const kecs_node_seen_t *seen, kecs_host_t *h)
{
    size_t                 i;
    kecs_rc_t              rc;
    kecs_str_t             arch;
    kecs_instance_t        p;
    kecs_ecs_attributes_t  list;

    memset(&list, 0, sizeof(list));
    memset(&p, 0, sizeof(p));
    list.items = kecs_calloc(c->arena, CAPABILITIES + TOLD,
                             sizeof(kecs_ecs_attribute_t));
    if (list.items == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < CAPABILITIES; i++) {
        list.items[list.n++].name = kecs_str_of(capabilities[i]);
    }

    if (seen->launch == KECS_LAUNCH_EXTERNAL) {
        list.items[list.n++].name = kecs_str(KECS_EXTERNAL_ATTRIBUTE);
    }

    arch = kecs_str_is(seen->arch, "amd64") ? kecs_str("x86_64")
                                            : seen->arch;
    add_told(&list, KECS_ZONE_ATTRIBUTE, seen->zone);
    add_told(&list, "ecs.instance-type", seen->type);
    add_told(&list, KECS_OS_ATTRIBUTE, seen->os);
    add_told(&list, KECS_ARCH_ATTRIBUTE, arch);

    rc = kecs_attributes_store(c, &list, &p);
    kecs_rec_part(&h->rec, KECS_NODE_ATTRIBUTES,
                  p.rec.part[KECS_INSTANCE_ATTRIBUTES]);

    return rc;
}


static kecs_rc_t
version_of(kecs_call_t *c, const kecs_node_seen_t *seen, kecs_host_t *h)
{
    kecs_rc_t                      rc;
    kecs_str_t                     json, agent;
    kecs_ecs_version_info_t        version;
    kecs_ecs_container_instance_t  view;

    agent = seen->agent;

    if (agent.len != 0 && agent.data[0] == 'v') {
        agent = kecs_str_from(agent, 1);
    }

    memset(&view, 0, sizeof(view));
    memset(&version, 0, sizeof(version));
    version.agent_version = agent;
    version.docker_version = seen->engine;
    view.version_info = &version;

    rc = kecs_member_json(c->arena, &kecs_ecs_container_instance_shape,
                          &view, "versionInfo", &json);
    kecs_rec_part(&h->rec, KECS_NODE_VERSION, json);

    return rc;
}


/* "aws:///us-east-1a/i-0123"; made up of the uid where there is none. */

static kecs_str_t
ec2_id_of(kecs_arena_t *a, const kecs_node_seen_t *seen)
{
    size_t      i;
    kecs_str_t  id, prefix;
    kecs_buf_t  b;

    id = kecs_str_from(seen->provider,
                       (size_t) (kecs_str_rchr(seen->provider, '/') + 1));

    prefix = seen->launch == KECS_LAUNCH_EXTERNAL ? kecs_str("mi-")
                                                  : kecs_str("i-");

    if (kecs_str_starts(id, prefix)) {
        return id;
    }

    kecs_buf_init(&b, a, 0);
    kecs_buf_str(&b, prefix);

    for (i = 0; i < seen->uid.len && b.len < prefix.len + EC2_DIGITS; i++) {
        if (seen->uid.data[i] != '-') {
            kecs_buf_chr(&b, seen->uid.data[i]);
        }
    }

    return b.failed ? kecs_null_str : kecs_buf_view(&b);
}


/* The records. */


static kecs_rc_t
open_node(kecs_call_t *c, kecs_str_t name, bool create, unsigned parts,
    kecs_host_t *h)
{
    kecs_rc_t  rc;

    memset(h, 0, sizeof(*h));
    h->rec.kind = KECS_NODE;
    h->name = name;
    rc = kecs_scope_own(c->txn, create, &h->rec.scope);

    return rc == KECS_OK ? kecs_get(c->txn, c->arena, h, parts) : rc;
}


kecs_rc_t
kecs_node_get(kecs_call_t *c, kecs_str_t name, unsigned parts,
    kecs_host_t *out)
{
    return open_node(c, name, false, parts, out);
}


static void
set_use(kecs_host_t *h, const kecs_node_use_t *use)
{
    h->used_cpu = use->cpu;
    h->used_memory = use->memory;
    h->used_gpus = use->gpus;
}


kecs_rc_t
kecs_node_keep_use(kecs_call_t *c, kecs_str_t name,
    const kecs_node_use_t *use)
{
    kecs_rc_t    rc;
    kecs_host_t  h;

    rc = open_node(c, name, false, 0, &h);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    set_use(&h, use);

    return kecs_put(c->txn, &h);
}


kecs_rc_t
kecs_node_keep(kecs_call_t *c, const kecs_node_seen_t *seen,
    const kecs_node_use_t *use)
{
    kecs_rc_t    rc;
    kecs_host_t  h;

    rc = open_node(c, seen->name, true, KECS_ALL_PARTS, &h);

    if (rc != KECS_OK && rc != KECS_NOT_FOUND) {
        return rc;
    }

    h.rec.gen = KECS_ECS_GEN;
    h.name = seen->name;
    h.uid = seen->uid;
    h.connected = seen->ready && seen->open;
    h.cordoned = seen->cordoned;
    h.type = seen->type;
    h.clusters = seen->clusters;
    h.pool = seen->pool.len != 0 ? seen->pool : kecs_null_str;
    h.launch = (uint8_t) seen->launch;
    h.reserved = seen->reserved;
    h.ec2_id = ec2_id_of(c->arena, seen);

    if (use != NULL) {
        set_use(&h, use);
    }

    rc = h.ec2_id.data != NULL ? resources_of(c, seen, &h) : KECS_NOMEM;

    if (rc == KECS_OK) {
        rc = attributes_of(c, seen, &h);
    }

    if (rc == KECS_OK) {
        rc = version_of(c, seen, &h);
    }

    return rc == KECS_OK ? kecs_put(c->txn, &h) : rc;
}


kecs_rc_t
kecs_node_drop(kecs_call_t *c, kecs_str_t name)
{
    kecs_rc_t    rc;
    kecs_host_t  h;

    rc = open_node(c, name, false, 0, &h);

    if (rc == KECS_OK) {
        rc = kecs_del(c->txn, &h);
    }

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


kecs_rc_t
kecs_node_scan(kecs_call_t *c, kecs_scan_t **scan)
{
    uint32_t    own;
    kecs_rc_t   rc;
    kecs_key_t  prefix;

    *scan = NULL;
    rc = kecs_scope_own(c->txn, false, &own);

    if (rc == KECS_NOT_FOUND) {
        return KECS_OK;
    }

    kecs_key_init(&prefix);

    return rc == KECS_OK
           ? kecs_scan_records(c->txn, c->arena, KECS_NODE, own, &prefix,
                               kecs_null_str, false, scan)
           : rc;
}


/* One that `is` says; all parts are absent. */

typedef bool (*node_is_pt)(kecs_call_t *c, const kecs_host_t *h,
    const void *ctx);

static kecs_rc_t
any_node(kecs_call_t *c, node_is_pt is, const void *ctx, bool *any)
{
    kecs_rc_t     rc;
    kecs_str_t    key;
    kecs_host_t   h;
    kecs_scan_t  *scan;

    *any = false;
    rc = kecs_node_scan(c, &scan);

    if (rc != KECS_OK || scan == NULL) {
        return rc;
    }

    while (rc == KECS_OK && !*any) {
        memset(&h, 0, sizeof(h));
        rc = kecs_scan_next(scan, &key, &h);

        if (rc == KECS_OK) {
            rc = kecs_get(c->txn, c->arena, &h, 0);
        }

        *any = rc == KECS_OK && is(c, &h, ctx);
    }

    kecs_scan_end(scan);

    return rc == KECS_DONE ? KECS_OK : rc;
}


static bool
takes_launch(kecs_call_t *c, const kecs_host_t *h, const void *launch)
{
    (void) c;

    return *(const unsigned *) launch == KECS_LAUNCH_EC2
           || *(const unsigned *) launch == h->launch;
}


kecs_rc_t
kecs_nodes_known(kecs_call_t *c, unsigned launch, bool *known)
{
    return any_node(c, takes_launch, &launch, known);
}


typedef struct {
    kecs_str_t  provider;
    kecs_str_t  cluster;
} pool_t;

static bool
is_of_pool(kecs_call_t *c, const kecs_host_t *h, const void *ctx)
{
    const pool_t  *pool = ctx;

    return kecs_str_eq(h->pool, pool->provider)
           && !kecs_node_for_others(c, h, pool->cluster);
}


kecs_rc_t
kecs_node_pool(kecs_call_t *c, kecs_str_t provider, kecs_str_t cluster,
    bool *known)
{
    pool_t  pool;

    pool = (pool_t) { .provider = provider, .cluster = cluster };

    return any_node(c, is_of_pool, &pool, known);
}


/* Joining. */


bool
kecs_node_names(kecs_call_t *c, kecs_str_t clusters, kecs_str_t cluster)
{
    kecs_str_t  one;

    while (kecs_str_split(&clusters, ',', &one)) {
        if (kecs_str_is(one, "*") || kecs_str_eq(one, cluster)
            || (kecs_str_starts(one, kecs_str("arn:"))
                && kecs_str_eq(one, kecs_cluster_arn(c, cluster))))
        {
            return true;
        }
    }

    return false;
}


bool
kecs_node_for_others(kecs_call_t *c, const kecs_host_t *node,
    kecs_str_t cluster)
{
    return node->clusters.len != 0
           && !kecs_node_names(c, node->clusters, cluster);
}


static kecs_rc_t
instance_id(kecs_call_t *c, kecs_str_t uid, uint32_t cluster, uint8_t *id)
{
    kecs_str_t  text;
    uint8_t     hash[SHA256_DIGEST_LENGTH];

    text = kecs_sprintf(c->arena, "%u/%u/%.*s", c->scope, cluster,
                        kecs_fmt(uid));

    if (text.data == NULL) {
        return KECS_NOMEM;
    }

    (void) SHA256((const unsigned char *) text.data, text.len, hash);
    memcpy(id, hash, KECS_ID_LEN);

    return KECS_OK;
}


static void
become(kecs_call_t *c, const kecs_host_t *node, kecs_instance_t *p)
{
    p->rec.gen = KECS_ECS_GEN;
    p->status = KECS_INSTANCE_ACTIVE;
    p->connected = node->connected;
    p->version = 0;
    p->registered_at = c->now;
    p->deregistered_at = 0;
    p->ec2_id = node->ec2_id;
    p->type = node->type;
    p->node = node->name;
    p->provider = node->pool;
    p->reserved = node->reserved;
    p->reason = kecs_null_str;
    p->held = KECS_HELD_NOT;
    p->left = 0;
    p->idle_at = 0;

    kecs_rec_part(&p->rec, KECS_INSTANCE_RESOURCES,
                  node->rec.part[KECS_NODE_RESOURCES]);
    kecs_rec_part(&p->rec, KECS_INSTANCE_ATTRIBUTES,
                  node->rec.part[KECS_NODE_ATTRIBUTES]);
    kecs_rec_part(&p->rec, KECS_INSTANCE_VERSION,
                  node->rec.part[KECS_NODE_VERSION]);
    kecs_rec_part(&p->rec, KECS_INSTANCE_TAGS, kecs_null_str);
}


kecs_rc_t
kecs_node_instance(kecs_call_t *c, const kecs_host_t *node,
    uint32_t cluster, kecs_instance_t *out)
{
    kecs_rc_t  rc;

    memset(out, 0, sizeof(*out));
    out->rec.kind = KECS_INSTANCE;
    out->rec.scope = c->scope;
    out->cluster = cluster;
    rc = instance_id(c, node->uid, cluster, out->id);

    if (rc == KECS_OK) {
        rc = kecs_get(c->txn, c->arena, out, 0);
    }

    if (rc == KECS_OK
        && (out->status != KECS_INSTANCE_INACTIVE || !out->left))
    {
        return KECS_EXISTS;
    }

    if (rc != KECS_OK && rc != KECS_NOT_FOUND) {
        return rc;
    }

    become(c, node, out);

    return KECS_OK;
}


/* Changing. */


static void
end(kecs_call_t *c, kecs_instance_t *p)
{
    p->status = KECS_INSTANCE_INACTIVE;
    p->connected = 0;
    p->deregistered_at = c->now;
    p->left = 1;
    p->version++;
}


static kecs_rc_t
leave(kecs_call_t *c, kecs_instance_t *p)
{
    end(c, p);

    return kecs_put(c->txn, p);
}


/* What clients have put stays beside what the node has. */

static kecs_rc_t
merge_attributes(kecs_call_t *c, const kecs_host_t *node, kecs_instance_t *p)
{
    size_t                          i;
    kecs_rc_t                       rc;
    kecs_instance_t                 as_node;
    kecs_ecs_attributes_t           list;
    kecs_ecs_container_instance_t  *have, *told;

    memset(&as_node, 0, sizeof(as_node));
    memset(&list, 0, sizeof(list));
    as_node.rec.part[KECS_INSTANCE_ATTRIBUTES] =
                                       node->rec.part[KECS_NODE_ATTRIBUTES];

    rc = kecs_instance_view(c, p, &have);

    if (rc == KECS_OK) {
        rc = kecs_instance_view(c, &as_node, &told);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    list.items = kecs_calloc(c->arena,
                             have->attributes.n + told->attributes.n,
                             sizeof(kecs_ecs_attribute_t));
    if (list.items == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < have->attributes.n; i++) {
        if (!kecs_attribute_reserved(have->attributes.items[i].name)) {
            list.items[list.n++] = have->attributes.items[i];
        }
    }

    for (i = 0; i < told->attributes.n; i++) {
        list.items[list.n++] = told->attributes.items[i];
    }

    return kecs_attributes_store(c, &list, p);
}


static void
take_part(kecs_instance_t *p, unsigned i, kecs_str_t json)
{
    if (!kecs_str_eq(p->rec.part[i], json)) {
        kecs_rec_part(&p->rec, i, json);
    }
}


/* The node keeps new tasks away, or does no more. */

static void
hold(kecs_instance_t *p, bool held)
{
    if (held && p->held == KECS_HELD_NOT) {
        p->held = p->status == KECS_INSTANCE_ACTIVE ? KECS_HELD_DRAINING
                                                    : KECS_HELD_SAME;
        p->status = KECS_INSTANCE_DRAINING;

    } else if (!held && p->held != KECS_HELD_NOT) {
        if (p->held == KECS_HELD_DRAINING) {
            p->status = KECS_INSTANCE_ACTIVE;
        }

        p->held = KECS_HELD_NOT;
    }
}


/* KECS_NOT_FOUND: it is gone, also when another one has its name. */

static kecs_rc_t
node_of(kecs_call_t *c, const kecs_instance_t *p, kecs_host_t *node)
{
    uint8_t    id[KECS_ID_LEN];
    kecs_rc_t  rc;

    rc = kecs_node_get(c, p->node, KECS_ALL_PARTS, node);

    if (rc == KECS_OK) {
        rc = instance_id(c, node->uid, p->cluster, id);
    }

    return rc == KECS_OK && memcmp(id, p->id, KECS_ID_LEN) != 0
           ? KECS_NOT_FOUND : rc;
}


kecs_rc_t
kecs_node_refresh(kecs_call_t *c, kecs_str_t cluster, kecs_instance_t *p)
{
    kecs_rc_t        rc;
    kecs_host_t      node;
    kecs_instance_t  was;

    rc = node_of(c, p, &node);

    if (rc == KECS_NOT_FOUND) {
        return leave(c, p);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    was = *p;
    p->connected = node.connected;
    p->provider = node.pool;
    p->reserved = node.reserved;
    hold(p, node.cordoned || node.launch == KECS_LAUNCH_FARGATE
            || kecs_node_for_others(c, &node, cluster));
    take_part(p, KECS_INSTANCE_RESOURCES, node.rec.part[KECS_NODE_RESOURCES]);
    take_part(p, KECS_INSTANCE_VERSION, node.rec.part[KECS_NODE_VERSION]);
    rc = merge_attributes(c, &node, p);

    return rc == KECS_OK
           && (p->rec.dirty != was.rec.dirty || p->status != was.status
               || p->connected != was.connected || p->held != was.held
               || p->reserved != was.reserved
               || !kecs_str_eq(p->provider, was.provider))
           ? kecs_instance_put(c, p) : rc;
}


/* Leaving. */


/* Tasks of a DAEMON service are there because the instance is. */

static kecs_rc_t
holds(kecs_call_t *c, const kecs_task_t *t, bool *any)
{
    kecs_rc_t       rc;
    kecs_service_t  s;

    *any = true;

    if (t->service == 0) {
        return KECS_OK;
    }

    memset(&s, 0, sizeof(s));
    s.rec.kind = KECS_SERVICE;
    s.rec.scope = c->scope;
    s.cluster = t->cluster;
    s.no = t->service;
    rc = kecs_get(c->txn, c->arena, &s, 0);
    *any = rc == KECS_OK && s.strategy != KECS_STRATEGY_DAEMON;

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


static kecs_rc_t
has_tasks(kecs_call_t *c, const kecs_instance_t *p, bool *any)
{
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_str_t    key;
    kecs_task_t   t;
    kecs_scan_t  *scan;

    *any = false;
    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, p->cluster);
    kecs_key_bytes(&prefix, p->id, KECS_ID_LEN);
    rc = kecs_scan(c->txn, c->arena, KECS_IX_TASK_INSTANCE_LIVE, c->scope,
                   &prefix, kecs_null_str, false, &scan);

    while (rc == KECS_OK && !*any) {
        memset(&t, 0, sizeof(t));
        rc = kecs_scan_next(scan, &key, &t);

        if (rc == KECS_OK) {
            rc = kecs_get(c->txn, c->arena, &t, 0);
        }

        if (rc == KECS_OK) {
            rc = holds(c, &t, any);
        }
    }

    if (rc == KECS_OK) {
        kecs_scan_end(scan);
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


/* Tags, attributes of one's own, DRAINING: it would be lost. */

static kecs_rc_t
is_kept(kecs_call_t *c, const kecs_instance_t *p, bool *kept)
{
    size_t                          i;
    kecs_rc_t                       rc;
    kecs_ecs_container_instance_t  *view;

    rc = kecs_instance_view(c, p, &view);
    if (rc != KECS_OK) {
        return rc;
    }

    *kept = view->tags.n != 0 || (p->status == KECS_INSTANCE_DRAINING
                                  && p->held != KECS_HELD_DRAINING);

    for (i = 0; i < view->attributes.n; i++) {
        *kept |= !kecs_attribute_reserved(view->attributes.items[i].name);
    }

    return KECS_OK;
}


kecs_rc_t
kecs_node_idle(kecs_call_t *c, kecs_str_t cluster, kecs_msec_t patience,
    kecs_instance_t *p, bool *due)
{
    bool         busy, kept;
    kecs_rc_t    rc;
    kecs_host_t  node;

    *due = false;
    rc = node_of(c, p, &node);

    if (rc == KECS_NOT_FOUND) {
        *due = true;
        end(c, p);
        return KECS_OK;
    }

    if (rc != KECS_OK || kecs_node_names(c, node.clusters, cluster)) {
        return rc;
    }

    rc = has_tasks(c, p, &busy);

    if (rc == KECS_OK) {
        rc = is_kept(c, p, &kept);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (!busy && (node.clusters.len != 0
                  || (!kept && p->idle_at != 0
                      && c->now - p->idle_at >= patience)))
    {
        *due = true;
        end(c, p);

    } else if (busy != (p->idle_at == 0)) {
        *due = true;
        p->idle_at = busy ? 0 : c->now;
    }

    return KECS_OK;
}


kecs_rc_t
kecs_nodes_leave(kecs_call_t *c, const kecs_cluster_t *cluster, bool *others)
{
    kecs_rc_t         rc;
    kecs_key_t        prefix;
    kecs_str_t        key;
    kecs_scan_t      *scan;
    kecs_instance_t   p;

    *others = false;
    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, cluster->no);
    rc = kecs_scan(c->txn, c->arena, KECS_IX_INSTANCE, c->scope, &prefix,
                   kecs_null_str, false, &scan);

    while (rc == KECS_OK) {
        memset(&p, 0, sizeof(p));
        rc = kecs_scan_next(scan, &key, &p);

        if (rc == KECS_OK) {
            rc = kecs_get(c->txn, c->arena, &p, 0);
        }

        if (rc == KECS_OK && p.node.len == 0) {
            *others = true;

        } else if (rc == KECS_OK) {
            rc = leave(c, &p);
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}
