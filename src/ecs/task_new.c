/*
 * Making and stopping tasks: what RunTask and the service scheduler share.
 * It uses of the call only arena, transaction, clock, ids, account, region
 * and scope, so it runs in a handler and in the reconciler alike.
 *
 * A new task is awaiting the runtime: PROVISIONING when it gets a network
 * interface of its own (awsvpc), PENDING otherwise, as on ECS.  What never
 * changes is rendered once, into STATIC; its form is that of the shape
 * Task, so that kecs_shape_load gives the overrides back.
 */

#include "launch.h"
#include "task_view.h"


#define FARGATE_STORAGE  20     /* GiB, when nothing else is said */

typedef struct {
    kecs_call_t                       *c;
    const kecs_new_task_t             *n;
    const kecs_ecs_task_definition_t  *def;
    kecs_ecs_task_override_t           overrides;   /* of all containers */
    kecs_str_t                         cpu;         /* sizes of the task */
    kecs_str_t                         memory;
    kecs_needs_t                       needs;
    kecs_str_t                         groups;      /* security groups */
    kecs_str_t                         fixed;       /* STATIC */
    kecs_str_t                         volumes;     /* VOLUMES, or absent */
} plan_t;


/* Overrides. */

static const kecs_ecs_container_override_t *
override_of(const kecs_ecs_task_override_t *o, kecs_str_t name)
{
    size_t  i;

    for (i = 0; o != NULL && i < o->container_overrides.n; i++) {
        if (kecs_str_eq(o->container_overrides.items[i].name, name)) {
            return &o->container_overrides.items[i];
        }
    }

    return NULL;
}


/* One entry for each container of the definition, in its order. */

static kecs_rc_t
plan_overrides(plan_t *p)
{
    size_t                                i;
    kecs_ecs_task_override_t             *o;
    kecs_ecs_container_override_t        *item;
    const kecs_ecs_container_override_t  *given;
    const kecs_ecs_container_definition_t  *def;

    o = &p->overrides;

    if (p->n->overrides != NULL) {
        *o = *p->n->overrides;
    }

    o->cpu = kecs_given(o->cpu);
    o->memory = kecs_given(o->memory);
    o->task_role_arn = kecs_given(o->task_role_arn);
    o->execution_role_arn = kecs_given(o->execution_role_arn);
    o->inference_accelerator_overrides.set = true;

    o->container_overrides.n = p->def->container_definitions.n;
    o->container_overrides.set = true;
    o->container_overrides.items = kecs_calloc(p->c->arena,
                                               o->container_overrides.n,
                                               sizeof(*item));

    if (o->container_overrides.items == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < o->container_overrides.n; i++) {
        def = &p->def->container_definitions.items[i];
        given = override_of(p->n->overrides, def->name);
        item = &o->container_overrides.items[i];

        if (given != NULL) {
            *item = *given;
        }

        item->name = def->name;
    }

    return KECS_OK;
}


/* What a container gets: its override (0 is none), else its definition. */

static int64_t
effective(kecs_opt_int_t override, kecs_opt_int_t defined)
{
    return override.set && override.value > 0 ? override.value
           : defined.set ? defined.value : 0;
}


static int64_t
container_memory(const kecs_ecs_container_override_t *o,
    const kecs_ecs_container_definition_t *def)
{
    int64_t  n;

    n = effective(o->memory, def->memory);

    return n != 0 ? n : effective(o->memory_reservation,
                                  def->memory_reservation);
}


/*
 * A size of the task: from the overrides, the definition, or the sum of
 * its containers.
 */

static kecs_str_t
task_size(const plan_t *p, bool memory)
{
    size_t      i;
    int64_t     sum;
    kecs_str_t  given, defined;

    given = memory ? p->overrides.memory : p->overrides.cpu;
    defined = memory ? p->def->memory : p->def->cpu;

    if (given.data != NULL) {
        return given;
    }

    if (defined.len != 0) {
        return defined;
    }

    for (i = 0, sum = 0; i < p->def->container_definitions.n; i++) {
        sum += memory
               ? container_memory(&p->overrides.container_overrides.items[i],
                                  &p->def->container_definitions.items[i])
               : effective(p->overrides.container_overrides.items[i].cpu,
                           p->def->container_definitions.items[i].cpu);
    }

    return kecs_sprintf(p->c->arena, "%" PRId64, sum);
}


/* What it takes of an instance. */

static uint32_t
amount(kecs_str_t size)
{
    uint64_t  n;

    return !kecs_str_u64(size, &n) ? 0
           : n < UINT32_MAX ? (uint32_t) n : UINT32_MAX;
}


/* Ports of the host; those chosen at the start are not known yet. */

static void
container_ports(const plan_t *p, const kecs_ecs_container_definition_t *def,
    kecs_buf_t *b)
{
    bool                            host;
    size_t                          i;
    int64_t                         port;
    const kecs_ecs_port_mapping_t  *m;

    host = kecs_str_is(p->def->network_mode, "host");

    for (i = 0; i < def->port_mappings.n; i++) {
        m = &def->port_mappings.items[i];
        port = m->host_port.value != 0 || !host ? m->host_port.value
                                                : m->container_port.value;

        if (port > 0) {
            kecs_buf_printf(b, "%s%" PRId64 "%s", b->len != 0 ? "," : "",
                            port, kecs_str_is(m->protocol, "udp") ? "/udp"
                                                                  : "");
        }
    }
}


static uint32_t
container_gpus(const plan_t *p, size_t i)
{
    size_t                                   j;
    uint64_t                                 n, sum;
    const kecs_ecs_resource_requirements_t  *list;

    list = &p->overrides.container_overrides.items[i].resource_requirements;

    if (list->n == 0) {
        list = &p->def->container_definitions.items[i].resource_requirements;
    }

    for (j = 0, sum = 0; j < list->n; j++) {
        if (kecs_str_is(list->items[j].type, "GPU")
            && kecs_str_u64(list->items[j].value, &n) && n < INT32_MAX)
        {
            sum += n;
        }
    }

    return sum < INT32_MAX ? (uint32_t) sum : INT32_MAX;
}


static kecs_rc_t
plan_needs(plan_t *p)
{
    size_t      i;
    kecs_buf_t  b;

    p->cpu = task_size(p, false);
    p->memory = task_size(p, true);

    if (p->cpu.data == NULL || p->memory.data == NULL) {
        return KECS_NOMEM;
    }

    p->needs.cpu = amount(p->cpu);
    p->needs.memory = amount(p->memory);

    for (i = 0; i < p->def->container_definitions.n; i++) {
        p->needs.gpus += container_gpus(p, i);
    }

    if (kecs_is_awsvpc(p->def)) {
        return KECS_OK;
    }

    kecs_buf_init(&b, p->c->arena, 0);

    for (i = 0; i < p->def->container_definitions.n; i++) {
        container_ports(p, &p->def->container_definitions.items[i], &b);
    }

    if (b.len != 0) {
        p->needs.ports = kecs_buf_view(&b);
    }

    return b.failed ? KECS_NOMEM : KECS_OK;
}


/* The static part. */

static kecs_str_t
architecture(const kecs_ecs_task_definition_t *def)
{
    if (def->runtime_platform != NULL
        && kecs_str_is(def->runtime_platform->cpu_architecture, "ARM64"))
    {
        return kecs_str("arm64");
    }

    return kecs_str("x86_64");
}


static void
fargate_members(const plan_t *p, kecs_ecs_task_t *t,
    kecs_ecs_ephemeral_storage_t *storage,
    kecs_ecs_task_ephemeral_storage_t *shown)
{
    const kecs_ecs_ephemeral_storage_t  *given;

    given = p->overrides.ephemeral_storage != NULL
            ? p->overrides.ephemeral_storage : p->def->ephemeral_storage;

    storage->size_in_gib.value = given != NULL && given->size_in_gib.set
                                 ? given->size_in_gib.value
                                 : FARGATE_STORAGE;
    storage->size_in_gib.set = true;
    shown->size_in_gib = storage->size_in_gib;

    t->ephemeral_storage = storage;
    t->fargate_ephemeral_storage = shown;
    t->platform_version = p->n->platform_version;
    t->platform_family = p->def->runtime_platform != NULL
                         ? p->def->runtime_platform->operating_system_family
                         : kecs_null_str;

    if (!kecs_str_starts(t->platform_family, kecs_str("WINDOWS"))) {
        t->platform_family = kecs_str("Linux");
    }
}


static kecs_rc_t
plan_static(plan_t *p)
{
    kecs_ecs_task_t                    t;
    kecs_ecs_attribute_t               attribute;
    kecs_ecs_ephemeral_storage_t       storage;
    kecs_ecs_task_ephemeral_storage_t  shown;

    memset(&t, 0, sizeof(t));
    memset(&attribute, 0, sizeof(attribute));
    memset(&storage, 0, sizeof(storage));
    memset(&shown, 0, sizeof(shown));

    attribute.name = kecs_str("ecs.cpu-architecture");
    attribute.value = architecture(p->def);
    t.attributes.items = &attribute;
    t.attributes.n = 1;
    t.attributes.set = true;

    t.cpu = p->cpu;
    t.memory = p->memory;
    t.capacity_provider_name = p->n->capacity_provider;
    t.enable_execute_command.value = p->n->execute_command;
    t.enable_execute_command.set = true;
    t.overrides = &p->overrides;

    if (p->n->launch == KECS_LAUNCH_FARGATE) {
        fargate_members(p, &t, &storage, &shown);
    }

    p->fixed = kecs_shape_json(p->c->arena, &kecs_ecs_task_shape, &t);

    return p->fixed.data ? KECS_OK : KECS_NOMEM;
}


/* Containers and attachments of one task. */

static void
container_size(kecs_writer_t *w, const char *name, int64_t n)
{
    if (n > 0) {
        kecs_w_printf(w, name, "%" PRId64, n);
    }
}


/* Those of the task are dealt out in the order of the containers. */

static void
write_gpus(const plan_t *p, kecs_writer_t *w, size_t i)
{
    size_t      j;
    uint32_t    before, n;
    kecs_str_t  rest, id;

    n = container_gpus(p, i);

    if (n == 0 || p->n->gpus.len == 0) {
        return;
    }

    for (j = 0, before = 0; j < i; j++) {
        before += container_gpus(p, j);
    }

    rest = p->n->gpus;
    kecs_w_array(w, "gpuIds");

    while (n > 0 && kecs_str_split(&rest, ',', &id)) {
        if (before > 0) {
            before--;
            continue;
        }

        kecs_w_str(w, NULL, id);
        n--;
    }

    kecs_w_array_end(w);
}


static void
write_container(const plan_t *p, kecs_writer_t *w, size_t i,
    const kecs_task_t *t, kecs_str_t task_arn)
{
    char                                    hex[2 * KECS_ID_LEN];
    char                                    uuid[KECS_UUID_LEN + 1];
    kecs_str_t                              arn;
    const kecs_ecs_container_override_t    *o;
    const kecs_ecs_container_definition_t  *def;

    o = &p->overrides.container_overrides.items[i];
    def = &p->def->container_definitions.items[i];

    kecs_hex(t->id, KECS_ID_LEN, hex);
    kecs_rand_uuid(p->c->rand, uuid);

    arn = kecs_arn_ecs(p->c->arena, p->c->region, p->c->account,
                       kecs_str("container"), p->n->cluster->name,
                       kecs_str_n(hex, sizeof(hex)), kecs_str_of(uuid));

    if (arn.data == NULL) {
        w->buf->failed = true;
    }

    kecs_w_object(w, NULL);
    kecs_w_str(w, "containerArn", arn);
    kecs_w_printf(w, "cpu", "%" PRId64, effective(o->cpu, def->cpu));
    write_gpus(p, w, i);
    kecs_w_splice(w, kecs_str("{" KECS_CONTAINER_HEALTH "}"));
    kecs_w_str(w, "image", def->image);
    kecs_w_cstr(w, "lastStatus", "PENDING");

    if (p->n->execute_command) {
        kecs_w_raw(w, "managedAgents",
                   kecs_str("[{\"lastStatus\":\"PENDING\","
                            "\"name\":\"ExecuteCommandAgent\"}]"));
    }

    container_size(w, "memory", effective(o->memory, def->memory));
    container_size(w, "memoryReservation",
                   effective(o->memory_reservation,
                             def->memory_reservation));
    kecs_w_str(w, "name", def->name);

    if (!kecs_is_awsvpc(p->def)) {
        kecs_w_raw(w, "networkBindings", kecs_str("[]"));
    }

    kecs_w_raw(w, "networkInterfaces", kecs_str("[]"));
    kecs_w_str(w, "taskArn", task_arn);
    kecs_w_object_end(w);
}


static kecs_rc_t
add_containers(const plan_t *p, kecs_task_t *t)
{
    size_t         i;
    kecs_buf_t     buf;
    kecs_str_t     arn;
    kecs_writer_t  w;

    arn = kecs_task_arn(p->c, p->n->cluster->name, t->id);

    if (arn.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_buf_init(&buf, p->c->arena, 0);
    w = kecs_writer(&buf);
    kecs_w_array(&w, NULL);

    for (i = 0; i < p->def->container_definitions.n; i++) {
        write_container(p, &w, i, t, arn);
    }

    kecs_w_array_end(&w);

    if (buf.failed) {
        return KECS_NOMEM;
    }

    kecs_rec_part(&t->rec, KECS_TASK_CONTAINERS, kecs_buf_view(&buf));

    return KECS_OK;
}


/* Of an awsvpc task, otherwise NULL. */

static const kecs_ecs_aws_vpc_configuration_t *
vpc_of(const plan_t *p)
{
    return kecs_is_awsvpc(p->def) && p->n->network != NULL
           ? p->n->network->awsvpc_configuration : NULL;
}


/* What the runtime may select it by, see docs/runtimes.md. */

static kecs_rc_t
plan_groups(plan_t *p)
{
    size_t                                   i;
    kecs_buf_t                               b;
    const kecs_ecs_aws_vpc_configuration_t  *vpc;

    vpc = vpc_of(p);
    kecs_buf_init(&b, p->c->arena, 0);

    for (i = 0; vpc != NULL && i < vpc->security_groups.n; i++) {
        if (i > 0) {
            kecs_buf_chr(&b, ',');
        }

        kecs_buf_str(&b, vpc->security_groups.items[i]);
    }

    p->groups = kecs_buf_view(&b);

    return b.failed ? KECS_NOMEM : KECS_OK;
}


/* The network interface of an awsvpc task, in one of its subnets. */

static void
write_interface(const plan_t *p, kecs_writer_t *w)
{
    char                                    uuid[KECS_UUID_LEN + 1];
    kecs_str_t                              subnet;
    const kecs_ecs_aws_vpc_configuration_t  *vpc;

    vpc = vpc_of(p);

    if (vpc == NULL || vpc->subnets.n == 0) {
        return;
    }

    subnet = vpc->subnets.items[kecs_rand_below(p->c->rand,
                                                vpc->subnets.n)];
    kecs_rand_uuid(p->c->rand, uuid);

    kecs_w_object(w, NULL);
    kecs_w_array(w, "details");
    kecs_w_object(w, NULL);
    kecs_w_cstr(w, "name", "subnetId");
    kecs_w_str(w, "value", subnet);
    kecs_w_object_end(w);
    kecs_w_array_end(w);
    kecs_w_cstr(w, "id", uuid);
    kecs_w_cstr(w, "status", "PRECREATED");
    kecs_w_cstr(w, "type", "ElasticNetworkInterface");
    kecs_w_object_end(w);
}


static kecs_rc_t
add_attachments(const plan_t *p, kecs_task_t *t)
{
    size_t         empty;
    kecs_buf_t     buf;
    kecs_writer_t  w;

    kecs_buf_init(&buf, p->c->arena, 0);
    w = kecs_writer(&buf);

    kecs_w_array(&w, NULL);
    empty = buf.len;
    write_interface(p, &w);
    kecs_volumes_attach(p->c, &w, &p->n->volumes);

    if (!buf.failed && buf.len == empty) {
        return KECS_OK;
    }

    kecs_w_array_end(&w);

    if (buf.failed) {
        return KECS_NOMEM;
    }

    kecs_rec_part(&t->rec, KECS_TASK_ATTACHMENTS, kecs_buf_view(&buf));

    return KECS_OK;
}


/*
 * Ids begin with the time, so that the records of new tasks lie side by
 * side and a batch of them touches few pages; the rest is random.
 */

static void
new_id(kecs_call_t *c, uint8_t *id)
{
    int  i;

    for (i = 0; i < 6; i++) {
        id[i] = (uint8_t) (c->now >> (40 - 8 * i));
    }

    kecs_rand_bytes(c->rand, id + 6, KECS_ID_LEN - 6);
}


static void
fill_head(const plan_t *p, kecs_task_t *t)
{
    const kecs_new_task_t  *n;

    n = p->n;
    memset(t, 0, sizeof(kecs_task_t));
    t->rec.kind = KECS_TASK;
    t->rec.scope = p->c->scope;
    t->rec.gen = KECS_ECS_GEN;

    if (n->id != NULL) {
        memcpy(t->id, n->id, KECS_ID_LEN);

    } else {
        new_id(p->c, t->id);
    }

    t->cluster = n->cluster->no;
    t->service = n->service ? n->service->no : 0;
    t->deployment = n->deployment;
    t->family = n->taskdef->family;
    t->revision = n->taskdef->revision;
    t->version = 1;
    t->status = kecs_is_awsvpc(p->def) ? KECS_TASK_PROVISIONING
                                       : KECS_TASK_PENDING;
    t->desired = KECS_DESIRED_RUNNING;
    t->launch = (uint8_t) n->launch;
    t->created_at = p->c->now;
    t->group = n->group;
    t->started_by = n->started_by;
    t->provider = n->capacity_provider;
    t->cpu = p->needs.cpu;
    t->memory = p->needs.memory;
    t->ports = p->needs.ports;
    t->groups = p->groups;
    t->gpus = n->gpus;
    t->zone = n->zone;
    t->node = n->node;

    if (n->instance != NULL) {
        memcpy(t->instance, n->instance, KECS_ID_LEN);
    }
}


static kecs_rc_t
create_one(const plan_t *p, kecs_task_t *t)
{
    kecs_rc_t  rc;

    fill_head(p, t);
    kecs_rec_part(&t->rec, KECS_TASK_STATIC, p->fixed);

    rc = add_containers(p, t);

    if (rc == KECS_OK) {
        rc = add_attachments(p, t);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (p->volumes.data != NULL) {
        kecs_rec_part(&t->rec, KECS_TASK_VOLUMES, p->volumes);
    }

    if (p->n->tags.data != NULL) {
        kecs_rec_part(&t->rec, KECS_TASK_TAGS, p->n->tags);
    }

    return kecs_put(p->c->txn, t);
}


static kecs_rc_t
plan(kecs_call_t *c, const kecs_new_task_t *n, plan_t *p)
{
    kecs_rc_t                    rc;
    kecs_ecs_task_definition_t  *def;

    memset(p, 0, sizeof(plan_t));
    p->c = c;
    p->n = n;
    p->def = n->def;

    if (p->def == NULL) {
        rc = kecs_taskdef_load(c, n->taskdef, &def);

        if (rc != KECS_OK) {
            return rc;
        }

        p->def = def;
    }

    rc = plan_overrides(p);

    return rc == KECS_OK ? plan_needs(p) : rc;
}


kecs_rc_t
kecs_task_needs(kecs_call_t *c, const kecs_new_task_t *n, kecs_needs_t *out)
{
    plan_t     p;
    kecs_rc_t  rc;

    rc = plan(c, n, &p);
    *out = p.needs;

    return rc;
}


kecs_rc_t
kecs_tasks_create(kecs_call_t *c, const kecs_new_task_t *n, size_t count,
    kecs_task_t *out)
{
    size_t     i;
    plan_t     p;
    kecs_rc_t  rc;

    rc = plan(c, n, &p);

    if (rc == KECS_OK) {
        rc = plan_static(&p);
    }

    if (rc == KECS_OK) {
        rc = plan_groups(&p);
    }

    if (rc == KECS_OK) {
        rc = kecs_volumes_part(c, n, &p.volumes);
    }

    for (i = 0; rc == KECS_OK && i < count; i++) {
        rc = create_one(&p, &out[i]);
    }

    return rc;
}


kecs_rc_t
kecs_task_create(kecs_call_t *c, const kecs_new_task_t *n, kecs_task_t *out)
{
    return kecs_tasks_create(c, n, 1, out);
}


kecs_rc_t
kecs_task_stop(kecs_call_t *c, kecs_task_t *t, unsigned code,
    kecs_str_t reason)
{
    if (t->desired == KECS_DESIRED_STOPPED
        || t->status == KECS_TASK_STOPPED)
    {
        return KECS_OK;
    }

    t->desired = KECS_DESIRED_STOPPED;
    t->stop_code = (uint8_t) code;
    t->stopped_reason = reason;
    t->stopping_at = kecs_task_clock(t, c->now);
    t->version++;

    return kecs_put(c->txn, t);
}


/* Tasks of a service. */

static kecs_rc_t
service_tags(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_service_t *service, const kecs_taskdef_t *taskdef,
    const kecs_ecs_service_t *s, kecs_str_t *tags)
{
    kecs_str_t  from;

    from = kecs_null_str;

    if (kecs_str_is(s->propagate_tags, "SERVICE")) {
        from = service->rec.part[KECS_SERVICE_TAGS];

    } else if (kecs_str_is(s->propagate_tags, "TASK_DEFINITION")) {
        from = taskdef->rec.part[KECS_TASKDEF_TAGS];
    }

    return kecs_task_tags(c, NULL, from, s->enable_ecs_managed_tags.value,
                          cluster->name, service->name, tags);
}


kecs_rc_t
kecs_service_task(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_service_t *service, const kecs_deployment_t *deployment,
    const kecs_taskdef_t *taskdef, uint64_t ordinal, kecs_new_task_t *n)
{
    kecs_rc_t              rc;
    kecs_ecs_service_t    *s;
    kecs_ecs_deployment_t  d;

    s = kecs_alloc(c->arena, sizeof(kecs_ecs_service_t));

    if (s == NULL) {
        return KECS_NOMEM;
    }

    rc = kecs_fragment_load(c, &kecs_ecs_service_shape,
                            service->rec.part[KECS_SERVICE_STATIC], s);

    if (rc == KECS_OK) {
        rc = kecs_fragment_load(c, &kecs_ecs_deployment_shape,
                                deployment->rec.part[KECS_DEPLOYMENT_STATIC],
                                &d);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    memset(n, 0, sizeof(kecs_new_task_t));
    n->cluster = cluster;
    n->taskdef = taskdef;
    n->service = service;
    n->deployment = deployment->id;
    n->network = d.network_configuration;
    n->platform_version = d.platform_version;
    n->execute_command = s->enable_execute_command.value;
    n->capacity_provider = kecs_strategy_pick(&d.capacity_provider_strategy,
                                              ordinal);
    n->launch = kecs_launch_of(d.launch_type);
    n->constraints = &s->placement_constraints;
    n->strategies = &s->placement_strategy;
    n->managed_tags = s->enable_ecs_managed_tags.value;

    rc = kecs_volumes_of_service(c, &d.volume_configurations, &n->volumes);
    if (rc != KECS_OK) {
        return rc;
    }

    if (n->capacity_provider.data != NULL) {
        rc = kecs_provider_launch(c, n->capacity_provider, &n->launch);

        if (rc != KECS_OK) {
            return rc;
        }
    }

    n->group = kecs_sprintf(c->arena, "service:%.*s",
                            kecs_fmt(service->name));
    n->started_by = kecs_sprintf(c->arena, KECS_DEPLOYMENT_FMT,
                                 deployment->id);

    if (n->group.data == NULL || n->started_by.data == NULL) {
        return KECS_NOMEM;
    }

    return service_tags(c, cluster, service, taskdef, s, &n->tags);
}
