/*
 * The checks of one container definition, and of its place in the task:
 * memory, ports, mounts, links, logs, health check, limits.
 */

#include "taskdef.h"


#define ENV_FILES_MAX  10
#define MEMORY_MIN   4
#define TIMEOUT_MIN  2
#define PORT_MAX     65535

typedef kecs_rc_t (*check_pt)(kecs_call_t *c, const kecs_register_t *in,
    const kecs_condef_t *k);


static kecs_rc_t
refuse(kecs_call_t *c, const kecs_condef_t *k, const char *setting)
{
    return kecs_fail(c, KECS_E_CLIENT, "Invalid '%s' setting for container"
                     " '%.*s'", setting, kecs_fmt(k->name));
}


static bool
outside(kecs_opt_int_t n, int64_t min, int64_t max)
{
    return n.set && (n.value < min || n.value > max);
}


static kecs_rc_t
check_name(kecs_call_t *c, const kecs_register_t *in, const kecs_condef_t *k)
{
    size_t  i;

    (void) in;

    if (k->name.len == 0) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Container.name should not be null or empty.");
    }

    if (!kecs_name_ok(k->name)) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Container.name contains invalid characters.");
    }

    if (k->image.len == 0) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Container.image should not be null or empty.");
    }

    for (i = 0; i < k->image.len; i++) {
        if ((unsigned char) k->image.data[i] <= ' ') {
            return kecs_fail(c, KECS_E_CLIENT,
                             "Container.image contains invalid characters.");
        }
    }

    return KECS_OK;
}


/* cpu and memory. */

static kecs_rc_t
check_memory(kecs_call_t *c, const kecs_register_t *in,
    const kecs_condef_t *k)
{
    int64_t  task;

    if (outside(k->memory, MEMORY_MIN, INT32_MAX)) {
        return refuse(c, k, "memory");
    }

    if (outside(k->memory_reservation, MEMORY_MIN, INT32_MAX)) {
        return refuse(c, k, "memoryReservation");
    }

    if (k->memory.set && k->memory_reservation.set
        && k->memory_reservation.value > k->memory.value)
    {
        return kecs_fail(c, KECS_E_CLIENT, "Invalid setting for container"
                         " '%.*s'. The 'memoryReservation' setting must not"
                         " be greater than the 'memory' setting.",
                         kecs_fmt(k->name));
    }

    if (in->memory.data == NULL) {
        if (k->memory.set || k->memory_reservation.set) {
            return KECS_OK;
        }

        return kecs_fail(c, KECS_E_CLIENT, "Invalid setting for container"
                         " '%.*s'. At least one of 'memory' or"
                         " 'memoryReservation' must be specified.",
                         kecs_fmt(k->name));
    }

    if (kecs_taskdef_size(in->memory, "gb", &task)
        && (outside(k->memory, 0, task)
            || outside(k->memory_reservation, 0, task)))
    {
        return kecs_fail(c, KECS_E_CLIENT, "The 'memory' setting for"
                         " container '%.*s' is greater than for the task.",
                         kecs_fmt(k->name));
    }

    return KECS_OK;
}


static kecs_rc_t
check_cpu(kecs_call_t *c, const kecs_register_t *in, const kecs_condef_t *k)
{
    int64_t  task;

    if (outside(k->cpu, 0, INT32_MAX)) {
        return refuse(c, k, "cpu");
    }

    if (in->cpu.data != NULL && kecs_taskdef_size(in->cpu, "vcpu", &task)
        && outside(k->cpu, 0, task))
    {
        return kecs_fail(c, KECS_E_CLIENT, "The 'cpu' setting for container"
                         " '%.*s' is greater than for the task.",
                         kecs_fmt(k->name));
    }

    return KECS_OK;
}


/* Ports. */

static bool
is_range(kecs_str_t s)
{
    uint64_t    from, to;
    kecs_str_t  head;

    (void) kecs_str_split(&s, '-', &head);

    return kecs_str_u64(head, &from) && kecs_str_u64(s, &to) && from > 0
           && from <= to && to <= PORT_MAX;
}


static kecs_rc_t
check_port(kecs_call_t *c, const kecs_register_t *in, const kecs_condef_t *k,
    const kecs_ecs_port_mapping_t *p)
{
    if (p->container_port_range.data != NULL) {
        if (!is_range(p->container_port_range) || p->container_port.set
            || p->host_port.set)
        {
            return refuse(c, k, "containerPortRange");
        }

        return KECS_OK;
    }

    if (!p->container_port.set || outside(p->container_port, 1, PORT_MAX)) {
        return refuse(c, k, "containerPort");
    }

    if (outside(p->host_port, 0, PORT_MAX)) {
        return refuse(c, k, "hostPort");
    }

    /* as terraform sends it, 0 is not a port */

    if ((kecs_taskdef_mode(in, "awsvpc") || kecs_taskdef_mode(in, "host"))
        && p->host_port.value != 0
        && p->host_port.value != p->container_port.value)
    {
        return kecs_fail(c, KECS_E_CLIENT, "When networkMode=%.*s, the host"
                         " ports and container ports in port mappings must"
                         " match.", kecs_fmt(in->network_mode));
    }

    return kecs_check_enum(c, KECS_E_CLIENT, "Application protocol",
                           &kecs_ecs_application_protocol_shape,
                           p->app_protocol);
}


static kecs_rc_t
check_ports(kecs_call_t *c, const kecs_register_t *in,
    const kecs_condef_t *k)
{
    size_t     i;
    kecs_rc_t  rc;

    if (k->port_mappings.n != 0 && kecs_taskdef_mode(in, "none")) {
        return kecs_fail(c, KECS_E_CLIENT, "Port mappings are not supported"
                         " when networkMode=none.");
    }

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < k->port_mappings.n; i++) {
        rc = check_port(c, in, k, &k->port_mappings.items[i]);
    }

    return rc;
}


/* What only some network modes have. */

static kecs_rc_t
check_network(kecs_call_t *c, const kecs_register_t *in,
    const kecs_condef_t *k)
{
    size_t  i;

    if (kecs_taskdef_mode(in, "awsvpc") || kecs_taskdef_mode(in, "host")) {
        if (k->links.n != 0) {
            return kecs_fail(c, KECS_E_CLIENT, "Links are not supported when"
                             " networkMode=%.*s.",
                             kecs_fmt(in->network_mode));
        }

        if (k->hostname.len != 0) {
            return kecs_fail(c, KECS_E_CLIENT, "hostname is not supported on"
                             " container when networkMode=%.*s.",
                             kecs_fmt(in->network_mode));
        }
    }

    if (kecs_taskdef_mode(in, "awsvpc") && k->extra_hosts.n != 0) {
        return kecs_fail(c, KECS_E_CLIENT, "Extra hosts are not supported"
                         " when networkMode=awsvpc.");
    }

    for (i = 0; i < k->links.n; i++) {
        kecs_str_t  link, name;

        link = k->links.items[i];
        (void) kecs_str_split(&link, ':', &name);

        if (kecs_condef_find(in, name) == NULL) {
            return kecs_fail(c, KECS_E_CLIENT, "Cannot link to container"
                             " '%.*s' because it does not exist",
                             kecs_fmt(name));
        }
    }

    return KECS_OK;
}


/* Mounts. */

static bool
has_volume(const kecs_register_t *in, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < in->volumes.n; i++) {
        if (kecs_str_eq(in->volumes.items[i].name, name)) {
            return true;
        }
    }

    return false;
}


static kecs_rc_t
check_mounts(kecs_call_t *c, const kecs_register_t *in,
    const kecs_condef_t *k)
{
    size_t      i;
    kecs_str_t  name;

    for (i = 0; i < k->mount_points.n; i++) {
        name = k->mount_points.items[i].source_volume;

        if (!has_volume(in, name)) {
            return kecs_fail(c, KECS_E_CLIENT, "Unknown volume '%.*s'.",
                             kecs_fmt(name));
        }

        if (k->mount_points.items[i].container_path.len == 0) {
            return refuse(c, k, "containerPath");
        }
    }

    for (i = 0; i < k->volumes_from.n; i++) {
        name = k->volumes_from.items[i].source_container;

        if (kecs_condef_find(in, name) == NULL) {
            return kecs_fail(c, KECS_E_CLIENT, "Unknown source container"
                             " '%.*s'.", kecs_fmt(name));
        }
    }

    return KECS_OK;
}


/* Logs. */

static bool
has_option(const kecs_map_t *options, const char *name)
{
    size_t  i;

    for (i = 0; i < options->n; i++) {
        if (kecs_str_is(options->items[i].key, name)) {
            return true;
        }
    }

    return false;
}


static kecs_rc_t
missing_options(kecs_call_t *c, const kecs_map_t *options)
{
    bool  region, group;

    region = has_option(options, "awslogs-region");
    group = has_option(options, "awslogs-group");

    if (region && group) {
        return KECS_OK;
    }

    return kecs_fail(c, KECS_E_CLIENT, "Log driver awslogs requires options:"
                     " %s%s%s", region ? "" : "awslogs-region",
                     region || group ? "" : ", ",
                     group ? "" : "awslogs-group");
}


static kecs_rc_t
check_log(kecs_call_t *c, const kecs_register_t *in, const kecs_condef_t *k)
{
    kecs_rc_t                            rc;
    const kecs_ecs_log_configuration_t  *log;

    (void) in;

    log = k->log_configuration;

    if (log != NULL && log->log_driver.data != NULL) {
        if (!kecs_shape_has_value(&kecs_ecs_log_driver_shape,
                                  log->log_driver))
        {
            return kecs_fail(c, KECS_E_CLIENT, "%.*s is not a valid log"
                             " driver. Must be one of [json-file,syslog,"
                             "journald,gelf,fluentd,awslogs,splunk,"
                             "awsfirelens]", kecs_fmt(log->log_driver));
        }

        if (kecs_str_is(log->log_driver, "awslogs")) {
            rc = missing_options(c, &log->options);
            if (rc != KECS_OK) {
                return rc;
            }
        }
    }

    if (k->firelens_configuration == NULL) {
        return KECS_OK;
    }

    return kecs_check_enum(c, KECS_E_CLIENT, "FireLens type",
                           &kecs_ecs_firelens_configuration_type_shape,
                           k->firelens_configuration->type);
}


/* Secrets and environment. */

static bool
has_variable(const kecs_condef_t *k, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < k->environment.n; i++) {
        if (kecs_str_eq(k->environment.items[i].name, name)) {
            return true;
        }
    }

    return false;
}


static bool
has_secret(const kecs_condef_t *k, size_t before, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < before; i++) {
        if (kecs_str_eq(k->secrets.items[i].name, name)) {
            return true;
        }
    }

    return false;
}


static kecs_rc_t
check_secrets(kecs_call_t *c, const kecs_register_t *in,
    const kecs_condef_t *k)
{
    size_t      i;
    kecs_str_t  name;

    if (k->secrets.n != 0 && in->execution_role_arn.len == 0) {
        return kecs_fail(c, KECS_E_CLIENT, "When you are specifying container"
                         " secrets, you must also specify a value for"
                         " 'executionRoleArn'.");
    }

    for (i = 0; i < k->secrets.n; i++) {
        name = k->secrets.items[i].name;

        if (name.data != NULL
            && (has_variable(k, name) || has_secret(k, i, name)))
        {
            return kecs_fail(c, KECS_E_CLIENT, "The secret name must be"
                             " unique and not shared with any new or"
                             " existing environment variables set on the"
                             " container, such as '%.*s'.", kecs_fmt(name));
        }
    }

    if (k->environment_files.n > ENV_FILES_MAX) {
        return kecs_fail(c, KECS_E_CLIENT, "environmentFiles can have at most"
                         " %d items.", ENV_FILES_MAX);
    }

    for (i = 0; i < k->environment_files.n; i++) {
        kecs_rc_t  rc;

        rc = kecs_check_enum(c, KECS_E_CLIENT, "Environment file type",
                             &kecs_ecs_environment_file_type_shape,
                             k->environment_files.items[i].type);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}


/* Health check, timeouts, limits. */

static kecs_rc_t
check_health(kecs_call_t *c, const kecs_register_t *in,
    const kecs_condef_t *k)
{
    const kecs_ecs_health_check_t  *h;

    (void) in;

    h = k->health_check;

    if (h == NULL) {
        return KECS_OK;
    }

    if (h->command.set && h->command.n == 0) {
        return refuse(c, k, "healthCheck.command");
    }

    if (outside(h->interval, 5, 300)) {
        return refuse(c, k, "healthCheck.interval");
    }

    if (outside(h->timeout, 2, 60)) {
        return refuse(c, k, "healthCheck.timeout");
    }

    if (outside(h->retries, 1, 10)) {
        return refuse(c, k, "healthCheck.retries");
    }

    if (outside(h->start_period, 0, 300)) {
        return refuse(c, k, "healthCheck.startPeriod");
    }

    return KECS_OK;
}


static kecs_rc_t
check_timeouts(kecs_call_t *c, const kecs_register_t *in,
    const kecs_condef_t *k)
{
    const char  *which;

    (void) in;

    which = outside(k->start_timeout, TIMEOUT_MIN, INT32_MAX) ? "start"
            : outside(k->stop_timeout, TIMEOUT_MIN, INT32_MAX) ? "stop"
            : NULL;

    if (which == NULL) {
        return KECS_OK;
    }

    return kecs_fail(c, KECS_E_CLIENT, "Granular %s timeout on container"
                     " '%.*s' must be at least %u seconds.", which,
                     kecs_fmt(k->name), TIMEOUT_MIN);
}


static kecs_rc_t
check_ulimits(kecs_call_t *c, const kecs_register_t *in,
    const kecs_condef_t *k)
{
    size_t                    i;
    kecs_rc_t                 rc;
    const kecs_ecs_ulimit_t  *u;

    (void) in;

    for (i = 0; i < k->ulimits.n; i++) {
        u = &k->ulimits.items[i];

        rc = kecs_check_enum(c, KECS_E_CLIENT, "Ulimit name",
                             &kecs_ecs_ulimit_name_shape, u->name);
        if (rc != KECS_OK) {
            return rc;
        }

        /* -1: no limit */

        if (u->hard_limit.value != -1
            && (u->soft_limit.value == -1
                || u->soft_limit.value > u->hard_limit.value))
        {
            return kecs_fail(c, KECS_E_CLIENT, "Soft limit exceeds hard"
                             " limit for ulimit %.*s", kecs_fmt(u->name));
        }
    }

    return KECS_OK;
}


static kecs_rc_t
check_rest(kecs_call_t *c, const kecs_register_t *in, const kecs_condef_t *k)
{
    size_t     i;
    kecs_rc_t  rc;

    (void) in;

    for (i = 0, rc = KECS_OK;
         rc == KECS_OK && i < k->resource_requirements.n;
         i++)
    {
        rc = kecs_check_enum(c, KECS_E_CLIENT, "Resource type",
                             &kecs_ecs_resource_type_shape,
                             k->resource_requirements.items[i].type);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (k->restart_policy != NULL
        && outside(k->restart_policy->restart_attempt_period, 60, 1800))
    {
        return refuse(c, k, "restartAttemptPeriod");
    }

    return kecs_check_enum(c, KECS_E_CLIENT, "Version consistency",
                           &kecs_ecs_version_consistency_shape,
                           k->version_consistency);
}


kecs_rc_t
kecs_condef_check(kecs_call_t *c, const kecs_register_t *in,
    const kecs_condef_t *k)
{
    size_t     i;
    kecs_rc_t  rc;

    static const check_pt  checks[] = {
        check_name, check_memory, check_cpu, check_ports, check_network,
        check_mounts, check_log, check_secrets, check_health, check_timeouts,
        check_ulimits, check_rest
    };

    for (i = 0, rc = KECS_OK;
         rc == KECS_OK && i < sizeof(checks) / sizeof(checks[0]);
         i++)
    {
        rc = checks[i](c, in, k);
    }

    return rc;
}
