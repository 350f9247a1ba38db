/*
 * What ECS fills into a task definition: defaults of containers and ports,
 * what it can run on (compatibilities) and what that takes (attributes).
 */

#include "taskdef.h"


#define COMPATIBILITIES_MAX  3
#define ATTRIBUTES_MAX       24

#define API  "com.amazonaws.ecs.capability.docker-remote-api."

/* Documented defaults of a health check. */
#define HEALTH_INTERVAL  30
#define HEALTH_TIMEOUT   5
#define HEALTH_RETRIES   3


/* Defaults. */

static void
fill_int(kecs_opt_int_t *n, int64_t value)
{
    if (!n->set) {
        n->value = value;
        n->set = true;
    }
}


static void
fill_port(const kecs_register_t *in, kecs_ecs_port_mapping_t *p)
{
    bool  same;

    if (!kecs_str_is(p->protocol, "udp")) {
        p->protocol = kecs_str("tcp");
    }

    if (p->container_port_range.data != NULL) {
        return;
    }

    same = kecs_taskdef_mode(in, "awsvpc") || kecs_taskdef_mode(in, "host");

    if (same) {
        p->host_port = p->container_port;
    }

    fill_int(&p->host_port, 0);
}


static void
fill_container(const kecs_register_t *in, kecs_condef_t *k)
{
    size_t  i;

    fill_int(&k->cpu, 0);

    if (!k->essential.set) {
        k->essential.set = true;
        k->essential.value = true;
    }

    k->environment.set = true;
    k->mount_points.set = true;
    k->port_mappings.set = true;
    k->system_controls.set = true;
    k->volumes_from.set = true;

    for (i = 0; i < k->port_mappings.n; i++) {
        fill_port(in, &k->port_mappings.items[i]);
    }

    if (k->health_check != NULL) {
        fill_int(&k->health_check->interval, HEALTH_INTERVAL);
        fill_int(&k->health_check->timeout, HEALTH_TIMEOUT);
        fill_int(&k->health_check->retries, HEALTH_RETRIES);
    }
}


/* Compatibilities. */

static bool
has_efs(const kecs_register_t *in)
{
    size_t  i;

    for (i = 0; i < in->volumes.n; i++) {
        if (in->volumes.items[i].efs_volume_configuration != NULL) {
            return true;
        }
    }

    return false;
}


/* The refusal, if any, is not the client's concern here. */

static kecs_rc_t
fits_fargate(kecs_call_t *c, const kecs_register_t *in, bool *fits)
{
    kecs_rc_t  rc;

    rc = kecs_taskdef_fargate(c, in);
    *fits = rc == KECS_OK;

    if (rc == KECS_FAILED) {
        c->error = KECS_E_NONE;
        c->message = kecs_null_str;
        rc = KECS_OK;
    }

    return rc;
}


static kecs_rc_t
fill_compatibilities(kecs_call_t *c, const kecs_register_t *in,
    kecs_ecs_task_definition_t *out)
{
    bool         fits;
    size_t       n;
    kecs_rc_t    rc;
    kecs_str_t  *name;

    name = kecs_calloc(c->arena, COMPATIBILITIES_MAX, sizeof(kecs_str_t));
    if (name == NULL) {
        return KECS_NOMEM;
    }

    n = 0;

    if (!kecs_taskdef_mode(in, "awsvpc")) {
        if (!has_efs(in)) {
            name[n++] = kecs_str("EXTERNAL");
        }

        name[n++] = kecs_str("EC2");

    } else {
        rc = fits_fargate(c, in, &fits);
        if (rc != KECS_OK) {
            return rc;
        }

        name[n++] = kecs_str("EC2");

        if (!kecs_taskdef_windows(in) && in->cpu.data != NULL
            && in->memory.data != NULL)
        {
            name[n++] = kecs_str("MANAGED_INSTANCES");
        }

        if (fits) {
            name[n++] = kecs_str("FARGATE");
        }
    }

    out->compatibilities.n = n;
    out->compatibilities.items = name;
    out->compatibilities.set = true;

    return KECS_OK;
}


/* Attributes. */

static void
add_attribute(kecs_ecs_requires_attributes_t *list, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < list->n; i++) {
        if (kecs_str_eq(list->items[i].name, name)) {
            return;
        }
    }

    if (list->n < ATTRIBUTES_MAX) {
        list->items[list->n++].name = name;
    }
}


/* An SSM parameter may be named without its ARN. */

static void
add_secrets(kecs_ecs_requires_attributes_t *list, const kecs_condef_t *k)
{
    size_t      i;
    kecs_arn_t  arn;

    for (i = 0; i < k->secrets.n; i++) {
        if (kecs_arn_parse(k->secrets.items[i].value_from, &arn)
            && kecs_str_is(arn.service, "secretsmanager"))
        {
            add_attribute(list, kecs_str("ecs.capability.secrets.asm"
                                         ".environment-variables"));

        } else {
            add_attribute(list, kecs_str("ecs.capability.secrets.ssm"
                                         ".environment-variables"));
        }
    }
}


static kecs_rc_t
add_log(kecs_call_t *c, const kecs_register_t *in, const kecs_condef_t *k,
    kecs_ecs_requires_attributes_t *list)
{
    kecs_str_t                           name;
    const kecs_ecs_log_configuration_t  *log;

    log = k->log_configuration;

    if (log == NULL || kecs_str_is(log->log_driver, "awsfirelens")) {
        return KECS_OK;
    }

    name = kecs_sprintf(c->arena,
                        "com.amazonaws.ecs.capability.logging-driver.%.*s",
                        kecs_fmt(log->log_driver));
    if (name.data == NULL) {
        return KECS_NOMEM;
    }

    add_attribute(list, name);

    if (kecs_str_is(log->log_driver, "awslogs")) {
        add_attribute(list, kecs_str(API "1.19"));

        if (in->execution_role_arn.len != 0) {
            add_attribute(list,
                          kecs_str("ecs.capability.execution-role-awslogs"));
        }
    }

    return KECS_OK;
}


static kecs_rc_t
add_container(kecs_call_t *c, const kecs_register_t *in,
    const kecs_condef_t *k, kecs_ecs_requires_attributes_t *list)
{
    kecs_rc_t  rc;

    rc = add_log(c, in, k, list);
    if (rc != KECS_OK) {
        return rc;
    }

    add_secrets(list, k);

    if (kecs_str_chr(k->image, '@') >= 0) {
        add_attribute(list, kecs_str(API "1.21"));
    }

    if (in->execution_role_arn.len != 0 && kecs_image_ecr(k->image)) {
        add_attribute(list,
                      kecs_str("ecs.capability.execution-role-ecr-pull"));
    }

    if (k->depends_on.n != 0 || k->start_timeout.set || k->stop_timeout.set)
    {
        add_attribute(list, kecs_str("ecs.capability.container-ordering"));
    }

    return KECS_OK;
}


static kecs_rc_t
fill_attributes(kecs_call_t *c, const kecs_register_t *in,
    kecs_ecs_task_definition_t *out)
{
    size_t                           i;
    kecs_rc_t                        rc;
    kecs_ecs_requires_attributes_t  *list;

    list = &out->requires_attributes;

    list->items = kecs_calloc(c->arena, ATTRIBUTES_MAX,
                              sizeof(kecs_ecs_attribute_t));
    if (list->items == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < in->container_definitions.n; i++) {
        rc = add_container(c, in, &in->container_definitions.items[i], list);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    if (in->task_role_arn.len != 0) {
        add_attribute(list,
                      kecs_str("com.amazonaws.ecs.capability.task-iam-role"));
    }

    if (has_efs(in)) {
        add_attribute(list, kecs_str("ecs.capability.efs"));
    }

    if (kecs_taskdef_mode(in, "awsvpc")) {
        add_attribute(list, kecs_str(API "1.18"));
        add_attribute(list, kecs_str("ecs.capability.task-eni"));
    }

    list->set = list->n != 0;

    return KECS_OK;
}


/* What is taken as it came. */

static void
copy_given(const kecs_register_t *in, kecs_ecs_task_definition_t *out)
{
    out->container_definitions = in->container_definitions;
    out->cpu = in->cpu;
    out->enable_fault_injection = in->enable_fault_injection;
    out->ephemeral_storage = in->ephemeral_storage;
    out->execution_role_arn = in->execution_role_arn;
    out->family = in->family;
    out->inference_accelerators = in->inference_accelerators;
    out->ipc_mode = in->ipc_mode;
    out->memory = in->memory;
    out->network_mode = in->network_mode;
    out->pid_mode = in->pid_mode;
    out->placement_constraints = in->placement_constraints;
    out->placement_constraints.set = true;
    out->proxy_configuration = in->proxy_configuration;
    out->requires_compatibilities = in->requires_compatibilities;
    out->requires_compatibilities.set = in->requires_compatibilities.n != 0;
    out->runtime_platform = in->runtime_platform;
    out->task_role_arn = in->task_role_arn;
    out->trusted_execution_configuration =
                                         in->trusted_execution_configuration;
    out->volumes = in->volumes;
    out->volumes.set = true;
}


kecs_rc_t
kecs_taskdef_fill(kecs_call_t *c, kecs_register_t *in,
    kecs_ecs_task_definition_t *out)
{
    size_t     i;
    kecs_rc_t  rc;

    for (i = 0; i < in->container_definitions.n; i++) {
        fill_container(in, &in->container_definitions.items[i]);
    }

    in->execution_role_arn = kecs_given(in->execution_role_arn);
    in->task_role_arn = kecs_given(in->task_role_arn);

    memset(out, 0, sizeof(kecs_ecs_task_definition_t));
    copy_given(in, out);
    out->registered_by = c->principal;

    rc = fill_compatibilities(c, in, out);

    return rc == KECS_OK ? fill_attributes(c, in, out) : rc;
}
