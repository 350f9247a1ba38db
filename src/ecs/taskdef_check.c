/*
 * The checks of a whole task definition.  Texts are ECS's where it is known
 * what it says; the order is: what must be there, sizes, enumerations,
 * each container, what holds between containers, the network mode, Fargate,
 * the model.
 */

#include "taskdef.h"


#define CONTAINERS_MAX   10
#define CONSTRAINTS_MAX  10
#define SIZE_LEN         32
#define CPU_MIN          128
#define CPU_MAX          196608

typedef kecs_rc_t (*check_pt)(kecs_call_t *c, kecs_register_t *in);


/* Small questions. */

const kecs_condef_t *
kecs_condef_find(const kecs_register_t *in, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < in->container_definitions.n; i++) {
        if (kecs_str_eq(in->container_definitions.items[i].name, name)) {
            return &in->container_definitions.items[i];
        }
    }

    return NULL;
}


static bool
is_required(const kecs_register_t *in, const char *name)
{
    return kecs_names_has(in->requires_compatibilities.n,
                          in->requires_compatibilities.items, name);
}


bool
kecs_taskdef_windows(const kecs_register_t *in)
{
    return in->runtime_platform != NULL
           && kecs_str_starts(in->runtime_platform->operating_system_family,
                              kecs_str("WINDOWS"));
}


/* "123456789012.dkr.ecr.REGION.amazonaws.com..." */

bool
kecs_image_ecr(kecs_str_t image)
{
    uint64_t    account;
    kecs_str_t  rest;

    if (image.len < 12 || !kecs_str_u64(kecs_str_n(image.data, 12), &account))
    {
        return false;
    }

    rest = kecs_str_from(image, 12);

    return kecs_str_starts(rest, kecs_str(".dkr.ecr."))
           || kecs_str_starts(rest, kecs_str(".dkr.ecr-fips."));
}


/* Sizes. */

static kecs_str_t
trim(kecs_str_t s)
{
    while (s.len != 0 && s.data[0] == ' ') {
        s = kecs_str_from(s, 1);
    }

    while (s.len != 0 && s.data[s.len - 1] == ' ') {
        s.len--;
    }

    return s;
}


static bool
has_unit(kecs_str_t *s, const char *unit)
{
    size_t  i, n;

    n = strlen(unit);

    if (s->len <= n) {
        return false;
    }

    for (i = 0; i < n; i++) {
        if ((s->data[s->len - n + i] | 0x20) != unit[i]) {
            return false;
        }
    }

    *s = trim(kecs_str_n(s->data, s->len - n));

    return true;
}


/* 1024 times a decimal number; what is left of it must be whole. */

static bool
times_1024(kecs_str_t s, int64_t *n)
{
    size_t      i;
    int64_t     scale;
    uint64_t    whole, part;
    kecs_str_t  head;

    (void) kecs_str_split(&s, '.', &head);

    if (head.len > 6 || s.len > 6 || (head.len == 0 && s.len == 0)) {
        return false;
    }

    whole = 0;
    part = 0;

    if ((head.len != 0 && !kecs_str_u64(head, &whole))
        || (s.len != 0 && !kecs_str_u64(s, &part)))
    {
        return false;
    }

    for (i = 0, scale = 1; i < s.len; i++) {
        scale *= 10;
    }

    *n = (int64_t) whole * 1024 + (int64_t) part * 1024 / scale;

    return true;
}


bool
kecs_taskdef_size(kecs_str_t s, const char *unit, int64_t *n)
{
    uint64_t  plain;

    s = trim(s);

    if (s.len == 0 || s.len > SIZE_LEN) {
        return false;
    }

    if (has_unit(&s, unit)) {
        return times_1024(s, n) && *n > 0;
    }

    if (!kecs_str_u64(s, &plain) || plain == 0 || plain > INT32_MAX) {
        return false;
    }

    *n = (int64_t) plain;

    return true;
}


static kecs_rc_t
normalise_size(kecs_call_t *c, kecs_str_t *size, const char *name,
    const char *unit)
{
    int64_t  n;

    if (size->data == NULL) {
        return KECS_OK;
    }

    if (!kecs_taskdef_size(*size, unit, &n)) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "Invalid '%s' setting for task.", name);
    }

    *size = kecs_sprintf(c->arena, "%lld", (long long) n);

    return size->data != NULL ? KECS_OK : KECS_NOMEM;
}


/* Each may be absent; plain numbers from here on. */

static kecs_rc_t
check_sizes(kecs_call_t *c, kecs_register_t *in)
{
    kecs_rc_t  rc;

    rc = normalise_size(c, &in->cpu, "cpu", "vcpu");

    return rc == KECS_OK ? normalise_size(c, &in->memory, "memory", "gb")
                         : rc;
}


/* EC2 takes 0.125 to 192 vCPU; Fargate has sizes of its own. */

static kecs_rc_t
check_cpu(kecs_call_t *c, kecs_register_t *in)
{
    int64_t  cpu;

    if (in->cpu.data == NULL || !kecs_taskdef_size(in->cpu, "vcpu", &cpu)
        || (cpu >= CPU_MIN && cpu <= CPU_MAX))
    {
        return KECS_OK;
    }

    return kecs_fail(c, KECS_E_CLIENT,
                     "Invalid 'cpu' setting for task. For more information,"
                     " see the Troubleshooting section of the Amazon ECS"
                     " Developer Guide.");
}


/* What must be there. */

static kecs_rc_t
check_family(kecs_call_t *c, kecs_register_t *in)
{
    if (in->family.len == 0) {
        return kecs_fail(c, KECS_E_CLIENT, "Family can not be blank.");
    }

    if (!kecs_name_ok(in->family)) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Family contains invalid characters.");
    }

    if (in->container_definitions.n == 0) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Container list cannot be empty.");
    }

    if (in->container_definitions.n > CONTAINERS_MAX) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Container list can have at most %u items.",
                         CONTAINERS_MAX);
    }

    return KECS_OK;
}


static kecs_rc_t
check_tags(kecs_call_t *c, kecs_register_t *in)
{
    if (in->tags.set && in->tags.n == 0) {
        return kecs_fail(c, KECS_E_CLIENT, "Tags can not be empty.");
    }

    return kecs_tags_check(c, KECS_E_CLIENT, in->tags.items, in->tags.n);
}


/* Enumerations. */

static kecs_rc_t
check_compatibilities(kecs_call_t *c, kecs_register_t *in)
{
    size_t     i;
    kecs_rc_t  rc;

    for (i = 0, rc = KECS_OK;
         rc == KECS_OK && i < in->requires_compatibilities.n;
         i++)
    {
        rc = kecs_check_enum(c, KECS_E_CLIENT, "Compatibilities",
                             &kecs_ecs_compatibility_shape,
                             in->requires_compatibilities.items[i]);
    }

    return rc;
}


static kecs_rc_t
check_platform(kecs_call_t *c, kecs_register_t *in)
{
    kecs_rc_t                           rc;
    const kecs_ecs_runtime_platform_t  *p;

    p = in->runtime_platform;

    if (p == NULL) {
        return KECS_OK;
    }

    rc = kecs_check_enum(c, KECS_E_CLIENT, "CPU architecture",
                         &kecs_ecs_cpu_architecture_shape,
                         p->cpu_architecture);

    return rc == KECS_OK
           ? kecs_check_enum(c, KECS_E_CLIENT, "Operating system family",
                             &kecs_ecs_os_family_shape,
                             p->operating_system_family)
           : rc;
}


static kecs_rc_t
check_modes(kecs_call_t *c, kecs_register_t *in)
{
    size_t     i;
    kecs_rc_t  rc;

    const struct {
        const char          *what;
        const kecs_shape_t  *shape;
        kecs_str_t           value;
    } modes[] = {
        { "Network mode", &kecs_ecs_network_mode_shape, in->network_mode },
        { "PID mode", &kecs_ecs_pid_mode_shape, in->pid_mode },
        { "IPC mode", &kecs_ecs_ipc_mode_shape, in->ipc_mode }
    };

    for (i = 0, rc = KECS_OK;
         rc == KECS_OK && i < sizeof(modes) / sizeof(modes[0]);
         i++)
    {
        rc = kecs_check_enum(c, KECS_E_CLIENT, modes[i].what, modes[i].shape,
                             modes[i].value);
    }

    return rc;
}


/* Roles: a name or an ARN of a role. */

static bool
is_role(kecs_str_t role)
{
    char        ch;
    size_t      i;
    kecs_arn_t  arn;

    if (kecs_str_starts(role, kecs_str("arn:"))) {
        return kecs_arn_parse(role, &arn) && kecs_str_is(arn.service, "iam")
               && kecs_str_starts(arn.resource, kecs_str("role/"))
               && arn.resource.len > sizeof("role/") - 1;
    }

    for (i = 0; i < role.len; i++) {
        ch = role.data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || strchr("+=,.@_/-", ch) != NULL))
        {
            return false;
        }
    }

    return true;
}


static kecs_rc_t
check_roles(kecs_call_t *c, kecs_register_t *in)
{
    if (!is_role(in->task_role_arn) || !is_role(in->execution_role_arn)) {
        return kecs_fail(c, KECS_E_CLIENT, "Role is not valid");
    }

    return KECS_OK;
}


/* Volumes. */

static kecs_rc_t
check_efs(kecs_call_t *c, const kecs_ecs_efs_volume_configuration_t *efs)
{
    bool        encrypted;
    kecs_rc_t   rc;
    kecs_str_t  point, iam;

    if (efs == NULL || efs->authorization_config == NULL) {
        return KECS_OK;
    }

    iam = efs->authorization_config->iam;
    point = efs->authorization_config->access_point_id;
    encrypted = kecs_str_is(efs->transit_encryption, "ENABLED");

    rc = kecs_check_enum(c, KECS_E_CLIENT, "EFS IAM authorization",
                         &kecs_ecs_efs_authorization_config_iam_shape, iam);
    if (rc != KECS_OK) {
        return rc;
    }

    if (kecs_str_is(iam, "ENABLED") && !encrypted) {
        return kecs_fail(c, KECS_E_CLIENT, "EFS IAM authorization requires"
                         " TransitEncryption to be enabled");
    }

    if (point.len != 0 && !encrypted) {
        return kecs_fail(c, KECS_E_CLIENT, "EFS access point requires"
                         " TransitEncryption to be enabled");
    }

    if (point.len != 0 && efs->root_directory.len != 0
        && !kecs_str_is(efs->root_directory, "/"))
    {
        return kecs_fail(c, KECS_E_CLIENT,
                         "When using an EFS access point, the root directory"
                         " must either be set to \"/\" or be omitted");
    }

    return KECS_OK;
}


static kecs_rc_t
check_volume(kecs_call_t *c, const kecs_ecs_volume_t *v)
{
    unsigned   n;
    kecs_rc_t  rc;

    if (v->name.len == 0) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Volume.name should not be null or empty.");
    }

    if (!kecs_name_ok(v->name)) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Volume.name contains invalid characters.");
    }

    n = (v->host != NULL && v->host->source_path.len != 0)
        + (v->docker_volume_configuration != NULL)
        + (v->efs_volume_configuration != NULL)
        + (v->fsx_windows_file_server_volume_configuration != NULL)
        + (v->s3files_volume_configuration != NULL)
        + (v->configured_at_launch.value ? 1u : 0u);

    if (n > 1) {
        return kecs_fail(c, KECS_E_CLIENT, "Volume '%.*s' can only have one"
                         " configuration.", kecs_fmt(v->name));
    }

    if (v->docker_volume_configuration != NULL) {
        rc = kecs_check_enum(c, KECS_E_CLIENT, "Volume scope",
                             &kecs_ecs_scope_shape,
                             v->docker_volume_configuration->scope);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    return check_efs(c, v->efs_volume_configuration);
}


static kecs_rc_t
check_volumes(kecs_call_t *c, kecs_register_t *in)
{
    size_t     i, j, launched;
    kecs_rc_t  rc;

    for (i = 0, launched = 0; i < in->volumes.n; i++) {
        rc = check_volume(c, &in->volumes.items[i]);
        if (rc != KECS_OK) {
            return rc;
        }

        launched += in->volumes.items[i].configured_at_launch.value;

        if (launched > 1) {
            return kecs_fail(c, KECS_E_CLIENT, "Only one volume can be"
                             " configured at launch.");
        }

        for (j = 0; j < i; j++) {
            if (kecs_str_eq(in->volumes.items[j].name,
                            in->volumes.items[i].name))
            {
                return kecs_fail(c, KECS_E_CLIENT, "Volume names must be"
                                 " unique within a Task Definition.");
            }
        }
    }

    return KECS_OK;
}


static kecs_rc_t
check_constraints(kecs_call_t *c, kecs_register_t *in)
{
    size_t                                                  i;
    kecs_rc_t                                               rc;
    const kecs_ecs_task_definition_placement_constraint_t  *p;

    if (in->placement_constraints.n > CONSTRAINTS_MAX) {
        return kecs_fail(c, KECS_E_CLIENT, "Placement constraints can have"
                         " at most %u items.", CONSTRAINTS_MAX);
    }

    for (i = 0; i < in->placement_constraints.n; i++) {
        p = &in->placement_constraints.items[i];

        rc = kecs_check_enum(c, KECS_E_CLIENT, "Placement constraint type",
                 &kecs_ecs_task_definition_placement_constraint_type_shape,
                 p->type);
        if (rc != KECS_OK) {
            return rc;
        }

        if (p->expression.len == 0) {
            return kecs_fail(c, KECS_E_CLIENT, "The expression of a memberOf"
                             " constraint cannot be empty.");
        }
    }

    return KECS_OK;
}


static kecs_rc_t
check_proxy(kecs_call_t *c, kecs_register_t *in)
{
    const kecs_ecs_proxy_configuration_t  *p;

    p = in->proxy_configuration;

    if (p == NULL || p->container_name.data == NULL
        || kecs_condef_find(in, p->container_name) != NULL)
    {
        return KECS_OK;
    }

    return kecs_fail(c, KECS_E_CLIENT, "The proxyConfiguration names the"
                     " container '%.*s', which does not exist.",
                     kecs_fmt(p->container_name));
}


/* Containers, and between them. */

static kecs_rc_t
check_containers(kecs_call_t *c, kecs_register_t *in)
{
    size_t                i;
    kecs_rc_t             rc;
    const kecs_condef_t  *k;

    for (i = 0; i < in->container_definitions.n; i++) {
        k = &in->container_definitions.items[i];

        rc = kecs_condef_check(c, in, k);
        if (rc != KECS_OK) {
            return rc;
        }

        if (kecs_condef_find(in, k->name) != k) {
            return kecs_fail(c, KECS_E_CLIENT, "Container names must be"
                             " unique within a Task Definition.");
        }
    }

    return KECS_OK;
}


static kecs_rc_t
check_essential(kecs_call_t *c, kecs_register_t *in)
{
    size_t                i;
    const kecs_condef_t  *k;

    for (i = 0; i < in->container_definitions.n; i++) {
        k = &in->container_definitions.items[i];

        if (!k->essential.set || k->essential.value) {
            return KECS_OK;
        }
    }

    return kecs_fail(c, KECS_E_CLIENT, "Task definition doesn't have any"
                     " essential container.");
}


static kecs_rc_t
check_dependency(kecs_call_t *c, const kecs_register_t *in,
    const kecs_ecs_container_dependency_t *d)
{
    kecs_rc_t             rc;
    const kecs_condef_t  *on;

    on = kecs_condef_find(in, d->container_name);

    if (on == NULL) {
        return kecs_fail(c, KECS_E_CLIENT, "Cannot depend on container +"
                         " '%.*s' because it does not exist",
                         kecs_fmt(d->container_name));
    }

    rc = kecs_check_enum(c, KECS_E_CLIENT, "Dependency condition",
                         &kecs_ecs_container_condition_shape, d->condition);
    if (rc != KECS_OK) {
        return rc;
    }

    if (kecs_str_is(d->condition, "HEALTHY") && on->health_check == NULL) {
        return kecs_fail(c, KECS_E_CLIENT, "A dependency container with"
                         " HEALTHY condition must have health check"
                         " configured");
    }

    if ((kecs_str_is(d->condition, "SUCCESS")
         || kecs_str_is(d->condition, "COMPLETE"))
        && (!on->essential.set || on->essential.value))
    {
        return kecs_fail(c, KECS_E_CLIENT, "A dependency container with"
                         " SUCCESS or COMPLETE condition cannot be an"
                         " essential container");
    }

    return KECS_OK;
}


/* Takes away, round by round, the containers that wait for none left. */

static bool
has_cycle(const kecs_register_t *in)
{
    bool                  done[CONTAINERS_MAX] = { false }, moved, waits;
    size_t                i, j, left;
    const kecs_condef_t  *k, *on;

    left = in->container_definitions.n;

    do {
        moved = false;

        for (i = 0; i < in->container_definitions.n; i++) {
            k = &in->container_definitions.items[i];
            waits = done[i];

            for (j = 0; j < k->depends_on.n && !waits; j++) {
                on = kecs_condef_find(in,
                                      k->depends_on.items[j].container_name);
                waits = !done[on - in->container_definitions.items];
            }

            if (!waits) {
                done[i] = true;
                moved = true;
                left--;
            }
        }
    } while (moved);

    return left != 0;
}


static kecs_rc_t
check_dependencies(kecs_call_t *c, kecs_register_t *in)
{
    size_t                i, j;
    kecs_rc_t             rc;
    const kecs_condef_t  *k;

    for (i = 0; i < in->container_definitions.n; i++) {
        k = &in->container_definitions.items[i];

        for (j = 0; j < k->depends_on.n; j++) {
            rc = check_dependency(c, in, &k->depends_on.items[j]);
            if (rc != KECS_OK) {
                return rc;
            }
        }
    }

    if (has_cycle(in)) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Container dependsOn contains a cycle");
    }

    return KECS_OK;
}


/* Whoever routes logs must have logs to route, and the other way round. */

static kecs_rc_t
check_firelens(kecs_call_t *c, kecs_register_t *in)
{
    bool                  router, user;
    size_t                i;
    const kecs_condef_t  *k;

    for (i = 0, router = false, user = false;
         i < in->container_definitions.n;
         i++)
    {
        k = &in->container_definitions.items[i];
        router = router || k->firelens_configuration != NULL;
        user = user || (k->log_configuration != NULL
                        && kecs_str_is(k->log_configuration->log_driver,
                                       "awsfirelens"));
    }

    if (router && !user) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "When a firelensConfiguration object is specified,"
                         " at least 1 container has to be configured with"
                         " the awsfirelens log driver.");
    }

    if (user && !router) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "When a container is configured with the"
                         " awsfirelens log driver, a container with a"
                         " firelensConfiguration object has to be"
                         " specified.");
    }

    return KECS_OK;
}


/* What the definition says that it must run on. */

static kecs_rc_t
check_required(kecs_call_t *c, kecs_register_t *in)
{
    if (is_required(in, "FARGATE")) {
        return kecs_taskdef_fargate(c, in);
    }

    if (is_required(in, "EXTERNAL")
        && kecs_taskdef_mode(in, "awsvpc"))
    {
        return kecs_fail(c, KECS_E_CLIENT, "External compatible task"
                         " definitions do not support network mode"
                         " 'awsvpc'.");
    }

    return KECS_OK;
}


/* What Fargate misses first of all comes before the containers. */

static kecs_rc_t
check_fargate_needs(kecs_call_t *c, kecs_register_t *in)
{
    if (is_required(in, "FARGATE")
        && (!kecs_taskdef_mode(in, "awsvpc") || in->cpu.data == NULL
            || in->memory.data == NULL))
    {
        return kecs_taskdef_fargate(c, in);
    }

    return KECS_OK;
}


static kecs_rc_t
check_model(kecs_call_t *c, kecs_register_t *in)
{
    return kecs_check_input(c, in);
}


kecs_rc_t
kecs_taskdef_check(kecs_call_t *c, kecs_register_t *in)
{
    size_t     i;
    kecs_rc_t  rc;

    static const check_pt  checks[] = {
        check_family, check_sizes, check_tags, check_compatibilities,
        check_modes, check_platform, check_fargate_needs, check_roles,
        check_volumes, check_constraints, check_containers, check_essential,
        check_dependencies, check_firelens, check_proxy, check_required,
        check_cpu, check_model
    };

    for (i = 0, rc = KECS_OK;
         rc == KECS_OK && i < sizeof(checks) / sizeof(checks[0]);
         i++)
    {
        rc = checks[i](c, in);
    }

    return rc;
}
