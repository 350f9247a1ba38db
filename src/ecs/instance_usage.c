/*
 * Container instances as structures: what is stored of one, what its tasks
 * take of it, and whether one more fits.  Ports are the other way round
 * than amounts: the set of those that are taken grows.
 */

#include "instance.h"
#include "node.h"


kecs_rc_t
kecs_instance_view(kecs_call_t *c, const kecs_instance_t *p,
    kecs_ecs_container_instance_t **out)
{
    void              *view;
    kecs_rc_t          rc;
    kecs_buf_t         b;
    kecs_writer_t      w;
    const kecs_str_t  *part;

    part = p->rec.part;
    kecs_buf_init(&b, c->arena, 0);
    w = kecs_writer(&b);

    kecs_w_object(&w, NULL);
    kecs_w_raw(&w, "attributes", part[KECS_INSTANCE_ATTRIBUTES]);
    kecs_w_raw(&w, "registeredResources", part[KECS_INSTANCE_RESOURCES]);
    kecs_w_raw(&w, "tags", part[KECS_INSTANCE_TAGS]);
    kecs_w_raw(&w, "versionInfo", part[KECS_INSTANCE_VERSION]);
    kecs_w_object_end(&w);

    if (b.failed) {
        return KECS_NOMEM;
    }

    rc = kecs_shape_load(c->arena, &kecs_ecs_container_instance_shape,
                         kecs_buf_view(&b), &view);
    *out = rc == KECS_OK ? view : NULL;

    return rc;
}


static kecs_rc_t
add_usage(kecs_call_t *c, const kecs_task_t *t, kecs_usage_t *u, bool own)
{
    kecs_placed_t  *placed, **list;

    placed = kecs_zalloc(c->arena, sizeof(kecs_placed_t));
    if (placed == NULL) {
        return KECS_NOMEM;
    }

    list = own ? &u->tasks : &u->others;
    placed->group = t->group;
    placed->ports = t->ports;
    placed->gpus = t->gpus;
    placed->next = *list;
    *list = placed;

    u->cpu += t->cpu;
    u->memory += t->memory;

    if (own) {
        u->n++;
        u->running += t->status == KECS_TASK_RUNNING;
        u->pending += t->status < KECS_TASK_RUNNING
                      && t->desired == KECS_DESIRED_RUNNING;
    }

    return KECS_OK;
}


static kecs_rc_t
add_tasks(kecs_call_t *c, const kecs_instance_t *p, kecs_usage_t *out,
    bool own)
{
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_str_t    key;
    kecs_scan_t  *scan;
    kecs_task_t   t;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, p->cluster);
    kecs_key_bytes(&prefix, p->id, KECS_ID_LEN);

    rc = kecs_scan(c->txn, c->arena, KECS_IX_TASK_INSTANCE_LIVE,
                   p->rec.scope, &prefix, kecs_null_str, false, &scan);

    while (rc == KECS_OK) {
        memset(&t, 0, sizeof(kecs_task_t));
        rc = kecs_scan_next(scan, &key, &t);

        if (rc == KECS_OK) {
            rc = kecs_get(c->txn, c->arena, &t, 0);
        }

        if (rc == KECS_OK) {
            rc = add_usage(c, &t, out, own);
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


/* What is on the node's instances in other clusters, of any account. */

typedef kecs_rc_t (*add_pt)(kecs_call_t *c, const kecs_instance_t *p,
    kecs_usage_t *out, bool own);

static kecs_rc_t
add_others(kecs_call_t *c, const kecs_instance_t *p, kecs_usage_t *out,
    add_pt add)
{
    kecs_rc_t         rc;
    kecs_key_t        prefix;
    kecs_str_t        key;
    kecs_scan_t      *scan;
    kecs_instance_t   other;

    kecs_key_init(&prefix);
    kecs_key_str(&prefix, p->node);
    rc = kecs_scan(c->txn, c->arena, KECS_IX_INSTANCE_NODE, 0, &prefix,
                   kecs_null_str, false, &scan);

    while (rc == KECS_OK) {
        memset(&other, 0, sizeof(other));
        rc = kecs_scan_next(scan, &key, &other);

        if (rc == KECS_OK && memcmp(other.id, p->id, KECS_ID_LEN) != 0) {
            rc = add(c, &other, out, false);
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


/* Pods that the store has no tasks of. */

static kecs_rc_t
add_node(kecs_call_t *c, const kecs_instance_t *p, kecs_usage_t *out)
{
    kecs_rc_t    rc;
    kecs_host_t  node;

    rc = kecs_node_get(c, p->node, 0, &node);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    out->cpu += node.used_cpu;
    out->memory += node.used_memory;
    out->gpus += node.used_gpus;

    return KECS_OK;
}


static kecs_rc_t
usage_by(kecs_call_t *c, const kecs_instance_t *p, kecs_usage_t *out,
    add_pt add)
{
    kecs_rc_t  rc;

    memset(out, 0, sizeof(kecs_usage_t));
    rc = add(c, p, out, true);

    if (rc != KECS_OK || p->node.len == 0) {
        return rc;
    }

    rc = add_others(c, p, out, add);

    return rc == KECS_OK ? add_node(c, p, out) : rc;
}


kecs_rc_t
kecs_instance_usage(kecs_call_t *c, const kecs_instance_t *p,
    kecs_usage_t *out)
{
    return usage_by(c, p, out, add_tasks);
}


static kecs_rc_t
add_counts(kecs_call_t *c, const kecs_instance_t *p, kecs_usage_t *out,
    bool own)
{
    kecs_rc_t      rc;
    kecs_counts_t  counts;

    rc = kecs_instance_counts(c->txn, p, &counts);
    out->cpu += counts.cpu;
    out->memory += counts.memory;

    if (own) {
        out->n = counts.live;
        out->running = counts.running;
        out->pending = counts.pending;
    }

    return rc;
}


kecs_rc_t
kecs_instance_load(kecs_call_t *c, const kecs_instance_t *p,
    kecs_usage_t *out)
{
    return usage_by(c, p, out, add_counts);
}


/* Amounts: in the member that the type names. */

static bool
is_amount(const kecs_ecs_resource_t *r)
{
    return r->string_set_value.n == 0 && !kecs_str_is(r->type, "STRINGSET");
}


static int64_t
amount_of(const kecs_ecs_resource_t *r)
{
    return kecs_str_is(r->type, "LONG") ? r->long_value.value
           : kecs_str_is(r->type, "DOUBLE")
           ? (int64_t) r->double_value.value : r->integer_value.value;
}


static void
take_amount(kecs_ecs_resource_t *r, uint64_t taken)
{
    int64_t  left;

    left = amount_of(r);
    left = (uint64_t) (left > 0 ? left : 0) > taken
           ? left - (int64_t) taken : 0;

    if (kecs_str_is(r->type, "LONG")) {
        r->long_value.value = left;

    } else if (kecs_str_is(r->type, "DOUBLE")) {
        r->double_value.value = (double) left;

    } else {
        r->integer_value.value = left;
    }
}


/* The next port of "80,53/udp" that is of the protocol. */

static bool
next_port(kecs_str_t *ports, bool udp, kecs_str_t *port)
{
    kecs_str_t  item;

    while (kecs_str_split(ports, ',', &item)) {
        (void) kecs_str_split(&item, '/', port);

        if (port->len != 0 && (item.data != NULL) == udp) {
            return true;
        }
    }

    return false;
}


static void
list_ports(const kecs_placed_t *t, bool udp, kecs_buf_t *b)
{
    kecs_str_t  ports, port;

    for ( /* void */ ; t != NULL; t = t->next) {
        for (ports = t->ports; next_port(&ports, udp, &port); /* void */) {
            kecs_buf_add(b, &port, sizeof(port));
        }
    }
}


static kecs_rc_t
take_ports(kecs_call_t *c, kecs_ecs_resource_t *r, bool udp,
    const kecs_usage_t *u)
{
    kecs_buf_t  b;

    kecs_buf_init(&b, c->arena, 0);
    kecs_buf_add(&b, r->string_set_value.items,
                 r->string_set_value.n * sizeof(kecs_str_t));
    list_ports(u->tasks, udp, &b);
    list_ports(u->others, udp, &b);

    r->string_set_value.items = (kecs_str_t *) (void *) b.data;
    r->string_set_value.n = b.len / sizeof(kecs_str_t);
    r->string_set_value.set = true;

    return b.failed ? KECS_NOMEM : KECS_OK;
}


static bool
has_gpu(kecs_str_t gpus, kecs_str_t id)
{
    kecs_str_t  one;

    while (kecs_str_split(&gpus, ',', &one)) {
        if (kecs_str_eq(one, id)) {
            return true;
        }
    }

    return false;
}


static bool
is_taken(const kecs_placed_t *t, kecs_str_t id)
{
    while (t != NULL && !has_gpu(t->gpus, id)) {
        t = t->next;
    }

    return t != NULL;
}


/* Those that no task has; of others the last ones are taken to be used. */

static kecs_rc_t
take_gpus(kecs_call_t *c, kecs_ecs_resource_t *r, const kecs_usage_t *u)
{
    size_t                  i, n;
    kecs_str_t             *left;
    kecs_ecs_string_list_t *list;

    list = &r->string_set_value;
    left = kecs_calloc(c->arena, list->n, sizeof(kecs_str_t));

    if (left == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0, n = 0; i < list->n; i++) {
        if (!is_taken(u->tasks, list->items[i])
            && !is_taken(u->others, list->items[i]))
        {
            left[n++] = list->items[i];
        }
    }

    list->items = left;
    list->n = n > u->gpus ? n - u->gpus : 0;

    return KECS_OK;
}


static kecs_rc_t
take(kecs_call_t *c, kecs_ecs_resource_t *r, const kecs_usage_t *u)
{
    if (kecs_str_is(r->name, "CPU") && is_amount(r)) {
        take_amount(r, u->cpu);

    } else if (kecs_str_is(r->name, "MEMORY") && is_amount(r)) {
        take_amount(r, u->memory);

    } else if (kecs_str_is(r->name, "PORTS")) {
        return take_ports(c, r, false, u);

    } else if (kecs_str_is(r->name, "PORTS_UDP")) {
        return take_ports(c, r, true, u);

    } else if (kecs_str_is(r->name, "GPU")) {
        return take_gpus(c, r, u);
    }

    return KECS_OK;
}


kecs_rc_t
kecs_instance_remaining(kecs_call_t *c, const kecs_usage_t *usage,
    kecs_ecs_container_instance_t *view)
{
    size_t                i;
    kecs_rc_t             rc;
    kecs_ecs_resources_t  *left;

    left = &view->remaining_resources;
    *left = view->registered_resources;
    left->set = true;
    left->items = kecs_calloc(c->arena, left->n,
                              sizeof(kecs_ecs_resource_t));

    if (left->items == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < left->n; i++) {
        left->items[i] = view->registered_resources.items[i];
        rc = take(c, &left->items[i], usage);

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}


kecs_rc_t
kecs_instance_now(kecs_call_t *c, const kecs_instance_t *p,
    kecs_usage_t *usage, kecs_ecs_container_instance_t **view)
{
    kecs_rc_t  rc;

    rc = kecs_instance_view(c, p, view);

    if (rc == KECS_OK) {
        rc = kecs_instance_usage(c, p, usage);
    }

    return rc == KECS_OK ? kecs_instance_remaining(c, usage, *view) : rc;
}


/* Whether a task fits. */

static const kecs_ecs_resource_t *
resource(const kecs_ecs_resources_t *list, const char *name)
{
    size_t  i;

    for (i = 0; i < list->n; i++) {
        if (kecs_str_is(list->items[i].name, name)) {
            return &list->items[i];
        }
    }

    return NULL;
}


static bool
has_amount(const kecs_ecs_resources_t *left, const char *name, uint32_t need)
{
    int64_t                     n;
    const kecs_ecs_resource_t  *r;

    r = resource(left, name);
    n = r != NULL ? amount_of(r) : 0;

    return n >= (int64_t) need;
}


static bool
has_ports(const kecs_ecs_resources_t *left, const char *name, bool udp,
    kecs_str_t ports)
{
    size_t                      i;
    kecs_str_t                  port;
    const kecs_ecs_resource_t  *taken;

    taken = resource(left, name);

    while (next_port(&ports, udp, &port)) {
        for (i = 0; taken != NULL && i < taken->string_set_value.n; i++) {
            if (kecs_str_eq(taken->string_set_value.items[i], port)) {
                return false;
            }
        }
    }

    return true;
}


static bool
has_gpus(const kecs_ecs_resources_t *left, uint32_t need)
{
    const kecs_ecs_resource_t  *r;

    r = resource(left, "GPU");

    return need == 0 || (r != NULL && r->string_set_value.n >= need);
}


static bool
has_attributes(const kecs_ecs_attributes_t *have,
    const kecs_ecs_requires_attributes_t *need)
{
    size_t      i;
    kecs_str_t  value;

    for (i = 0; i < need->n; i++) {
        value = kecs_attribute_value(have, need->items[i].name);

        if (value.data == NULL
            || (need->items[i].value.len != 0
                && !kecs_str_eq(need->items[i].value, value)))
        {
            return false;
        }
    }

    return true;
}


bool
kecs_instance_platform(const kecs_ecs_attributes_t *have,
    const kecs_ecs_task_definition_t *def)
{
    bool                                windows;
    kecs_str_t                          os, arch;
    const kecs_ecs_runtime_platform_t  *need;

    need = def->runtime_platform;
    os = kecs_attribute_value(have, kecs_str(KECS_OS_ATTRIBUTE));
    arch = kecs_attribute_value(have, kecs_str(KECS_ARCH_ATTRIBUTE));
    windows = need != NULL && kecs_str_starts(need->operating_system_family,
                                              kecs_str("WINDOWS"));

    if (os.len != 0 && kecs_str_is(os, "windows") != windows) {
        return false;
    }

    if (arch.len == 0 || need == NULL || need->cpu_architecture.len == 0) {
        return true;
    }

    return kecs_str_is(need->cpu_architecture, "ARM64")
           == kecs_str_is(arch, "arm64");
}


static const char *
refusal(const kecs_ecs_container_instance_t *view,
    const kecs_ecs_task_definition_t *def, const kecs_needs_t *needs)
{
    const kecs_ecs_resources_t  *left;

    left = &view->remaining_resources;

    if (!has_attributes(&view->attributes, &def->requires_attributes)
        || !kecs_instance_platform(&view->attributes, def))
    {
        return "ATTRIBUTE";
    }

    if (!has_amount(left, "CPU", needs->cpu)) {
        return "RESOURCE:CPU";
    }

    if (!has_amount(left, "MEMORY", needs->memory)) {
        return "RESOURCE:MEMORY";
    }

    if (!has_ports(left, "PORTS", false, needs->ports)
        || !has_ports(left, "PORTS_UDP", true, needs->ports))
    {
        return "RESOURCE:PORTS";
    }

    if (!has_gpus(left, needs->gpus)) {
        return "RESOURCE:GPU";
    }

    return NULL;
}


/* Why it takes no tasks at all; NULL: it does. */

static const char *
closed(const kecs_instance_t *p)
{
    return p->status != KECS_INSTANCE_ACTIVE ? "INACTIVE"
           : !p->connected ? "AGENT" : NULL;
}


const char *
kecs_instance_fits(const kecs_instance_t *p,
    const kecs_ecs_container_instance_t *view,
    const kecs_ecs_task_definition_t *def, const kecs_needs_t *needs)
{
    const char  *reason;

    reason = closed(p);

    return reason != NULL ? reason : refusal(view, def, needs);
}


bool
kecs_instance_suits(const kecs_instance_t *p,
    const kecs_ecs_container_instance_t *view,
    const kecs_ecs_task_definition_t *def)
{
    return closed(p) == NULL
           && has_attributes(&view->attributes, &def->requires_attributes)
           && kecs_instance_platform(&view->attributes, def);
}


kecs_rc_t
kecs_instance_gpus(kecs_call_t *c, const kecs_ecs_container_instance_t *view,
    const kecs_needs_t *needs, kecs_str_t *out)
{
    size_t                      i;
    kecs_buf_t                  b;
    const kecs_ecs_resource_t  *r;

    kecs_buf_init(&b, c->arena, 0);
    r = resource(&view->remaining_resources, "GPU");

    for (i = 0; r != NULL && i < needs->gpus && i < r->string_set_value.n;
         i++)
    {
        kecs_buf_printf(&b, "%s%.*s", i > 0 ? "," : "",
                        kecs_fmt(r->string_set_value.items[i]));
    }

    *out = kecs_buf_view(&b);

    return b.failed ? KECS_NOMEM : KECS_OK;
}


void
kecs_instance_left(const kecs_ecs_container_instance_t *view, uint64_t *cpu,
    uint64_t *memory)
{
    const kecs_ecs_resource_t  *r;

    r = resource(&view->remaining_resources, "CPU");
    *cpu = r != NULL && amount_of(r) > 0 ? (uint64_t) amount_of(r) : 0;

    r = resource(&view->remaining_resources, "MEMORY");
    *memory = r != NULL && amount_of(r) > 0 ? (uint64_t) amount_of(r) : 0;
}


kecs_rc_t
kecs_instance_refusal(kecs_call_t *c, const kecs_instance_t *p,
    const kecs_ecs_task_definition_t *def, const kecs_needs_t *needs,
    const char **reason, kecs_str_t *gpus)
{
    kecs_rc_t                       rc;
    kecs_usage_t                    usage;
    kecs_ecs_container_instance_t  *view;

    *gpus = kecs_null_str;
    *reason = closed(p);

    if (*reason != NULL) {
        return KECS_OK;
    }

    rc = kecs_instance_now(c, p, &usage, &view);

    if (rc == KECS_OK) {
        *reason = kecs_instance_fits(p, view, def, needs);
    }

    return rc == KECS_OK && *reason == NULL
           ? kecs_instance_gpus(c, view, needs, gpus) : rc;
}


/* For the query language. */


static kecs_rc_t
fill_attributes(kecs_call_t *c, const kecs_ecs_attributes_t *list,
    kecs_query_instance_t *x)
{
    size_t                   i;
    kecs_query_attribute_t  *to;

    to = kecs_calloc(c->arena, list->n, sizeof(kecs_query_attribute_t));
    if (to == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < list->n; i++) {
        to[i].name = list->items[i].name;
        to[i].value = list->items[i].value;
    }

    x->attributes = to;
    x->n_attributes = list->n;

    return KECS_OK;
}


static kecs_rc_t
fill_usage(kecs_call_t *c, const kecs_usage_t *usage, kecs_query_instance_t *x)
{
    size_t                i;
    kecs_str_t           *groups;
    const kecs_placed_t  *t;

    groups = kecs_calloc(c->arena, usage->n, sizeof(kecs_str_t));
    if (groups == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0, t = usage->tasks; t != NULL; t = t->next, i++) {
        groups[i] = t->group;
    }

    x->running = usage->running;
    x->groups = groups;
    x->n_groups = i;

    return KECS_OK;
}


kecs_rc_t
kecs_instance_query(kecs_call_t *c, const kecs_instance_t *p,
    const kecs_ecs_container_instance_t *view, const kecs_usage_t *usage,
    kecs_query_instance_t *out)
{
    kecs_rc_t  rc;

    memset(out, 0, sizeof(*out));
    out->connected = p->connected != 0;
    out->ec2_id = p->ec2_id;
    out->registered_at = p->registered_at;

    if (view->version_info != NULL) {
        out->agent_version = view->version_info->agent_version;
    }

    rc = fill_attributes(c, &view->attributes, out);

    return rc == KECS_OK && usage != NULL ? fill_usage(c, usage, out) : rc;
}


/* Instances outside AWS are told by their id or their agent. */

unsigned
kecs_instance_launch(const kecs_instance_t *p,
    const kecs_ecs_container_instance_t *view)
{
    return kecs_str_starts(p->ec2_id, kecs_str("mi-"))
           || kecs_attribute_value(&view->attributes,
                                   kecs_str(KECS_EXTERNAL_ATTRIBUTE)).data
              != NULL
           ? KECS_LAUNCH_EXTERNAL : KECS_LAUNCH_EC2;
}
