/*
 * The configuration of an Express service: what a request may say, what ECS
 * fills in, and the task definition that comes of it.  A client's own
 * definition is shown as if its container Main had been given.
 */

#include "express.h"


#define CPU             "256"
#define MEMORY          "512"
#define HEALTH_CHECK    "/ping"
#define CONTAINER       "Main"
#define PORT              80
#define PORT_MAX       65535
#define PORT_NAME       "main"
#define TASKS_MAX         20
#define TARGET_VALUE      60
#define NAME_MAX_LEN     255
#define SUFFIX             4    /* bytes behind the name of an image */

typedef kecs_ecs_express_gateway_container_t  container_t;


/* Checks. */

static bool
gives_parts(const kecs_express_conf_t *g)
{
    return g->primary_container != NULL || g->execution_role_arn.len != 0
           || g->task_role_arn.len != 0 || g->cpu.len != 0
           || g->memory.len != 0 || g->cpu_architecture.len != 0;
}


static kecs_rc_t
check_names(kecs_call_t *c, const kecs_express_conf_t *g)
{
    kecs_rc_t  rc;

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "cpuArchitecture",
                         &kecs_ecs_express_cpu_architecture_shape,
                         g->cpu_architecture);

    if (rc == KECS_OK && g->scaling_target != NULL) {
        rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER,
                             "autoScalingMetric",
                        &kecs_ecs_express_gateway_service_scaling_metric_shape,
                             g->scaling_target->auto_scaling_metric);
    }

    return rc;
}


static kecs_rc_t
check_given(kecs_call_t *c, const kecs_express_conf_t *g)
{
    const container_t  *k;

    if (g->task_definition_arn.len != 0 && gives_parts(g)) {
        return kecs_bad(c, "taskDefinitionArn cannot be specified together"
                        " with primaryContainer, executionRoleArn,"
                        " taskRoleArn, cpu, memory, or cpuArchitecture.");
    }

    if (g->health_check_path.data != NULL
        && !kecs_str_starts(g->health_check_path, kecs_str("/")))
    {
        return kecs_bad(c, "healthCheckPath must start with a forward"
                        " slash.");
    }

    k = g->primary_container;

    if (k != NULL && k->container_port.set
        && (k->container_port.value < 1
            || k->container_port.value > PORT_MAX))
    {
        return kecs_bad(c, "containerPort must be between 1 and %d",
                        PORT_MAX);
    }

    return check_names(c, g);
}


static kecs_rc_t
check_scaling(kecs_call_t *c,
    const kecs_ecs_express_gateway_scaling_target_t *t)
{
    if (t->min_task_count.value < 0) {
        return kecs_bad(c, "minTaskCount can not be lesser than 0");
    }

    if (t->max_task_count.value < t->min_task_count.value
        || t->max_task_count.value < 1)
    {
        return kecs_bad(c, "maxTaskCount must be at least 1 and not be"
                        " lesser than minTaskCount");
    }

    if (t->auto_scaling_target_value.value < 1) {
        return kecs_bad(c, "autoScalingTargetValue must be at least 1");
    }

    return KECS_OK;
}


/* Defaults. */

static void
default_str(kecs_str_t *s, kecs_str_t given, kecs_str_t otherwise)
{
    if (given.len != 0) {
        *s = given;

    } else if (s->len == 0) {
        *s = otherwise;
    }
}


static void
default_int(kecs_opt_int_t *n, kecs_opt_int_t given, int64_t otherwise)
{
    if (given.set) {
        *n = given;

    } else if (!n->set) {
        *n = (kecs_opt_int_t) { otherwise, true };
    }
}


static kecs_rc_t
settle_scaling(kecs_call_t *c, const kecs_express_conf_t *g,
    kecs_express_conf_t *conf)
{
    kecs_ecs_express_gateway_scaling_target_t  *t, none;

    t = kecs_zalloc(c->arena, sizeof(*t));

    if (t == NULL) {
        return KECS_NOMEM;
    }

    if (conf->scaling_target != NULL) {
        *t = *conf->scaling_target;
    }

    memset(&none, 0, sizeof(none));

    if (g->scaling_target != NULL) {
        none = *g->scaling_target;
    }

    default_str(&t->auto_scaling_metric, none.auto_scaling_metric,
                kecs_str("AVERAGE_CPU"));
    default_int(&t->auto_scaling_target_value,
                none.auto_scaling_target_value, TARGET_VALUE);
    default_int(&t->min_task_count, none.min_task_count, 1);
    default_int(&t->max_task_count, none.max_task_count, TASKS_MAX);
    conf->scaling_target = t;

    return check_scaling(c, t);
}


static kecs_rc_t
settle_network(kecs_call_t *c, const kecs_express_conf_t *g,
    kecs_express_conf_t *conf)
{
    kecs_ecs_express_gateway_service_network_configuration_t  *net;
    const kecs_ecs_express_gateway_service_network_configuration_t  *given;

    given = g->network_configuration;
    net = kecs_zalloc(c->arena, sizeof(*net));

    if (net == NULL) {
        return KECS_NOMEM;
    }

    if (conf->network_configuration != NULL) {
        *net = *conf->network_configuration;
    }

    if (given != NULL && given->subnets.n != 0) {
        net->subnets = given->subnets;
    }

    if (given != NULL && given->security_groups.set) {
        net->security_groups = given->security_groups;
    }

    net->security_groups.set = true;
    conf->network_configuration = net;

    return net->subnets.n != 0 ? KECS_OK
                               : kecs_default_subnets(c, &net->subnets);
}


/* The group of an earlier configuration stays; a new one has a number. */

static kecs_rc_t
settle_logs(kecs_call_t *c, const kecs_express_spec_t *spec,
    const container_t *before, container_t *k)
{
    kecs_ecs_express_gateway_service_aws_logs_configuration_t  *logs;

    if (k->aws_logs_configuration != NULL) {
        return KECS_OK;
    }

    if (before != NULL && before->aws_logs_configuration != NULL) {
        k->aws_logs_configuration = before->aws_logs_configuration;
        return KECS_OK;
    }

    logs = kecs_zalloc(c->arena, sizeof(*logs));

    if (logs == NULL) {
        return KECS_NOMEM;
    }

    logs->log_stream_prefix = kecs_str("ecs");
    logs->log_group = kecs_sprintf(c->arena, "/aws/ecs/%.*s/%.*s-%04x",
                                   kecs_fmt(spec->cluster),
                                   kecs_fmt(spec->service),
                                   (unsigned) kecs_rand_below(c->rand,
                                                              0x10000));
    k->aws_logs_configuration = logs;

    return logs->log_group.data != NULL ? KECS_OK : KECS_NOMEM;
}


static kecs_rc_t
settle_container(kecs_call_t *c, const kecs_express_conf_t *g,
    kecs_express_spec_t *spec)
{
    container_t  *k, *before;

    before = spec->conf.primary_container;

    if (g->primary_container == NULL) {
        return KECS_OK;
    }

    k = kecs_zalloc(c->arena, sizeof(container_t));

    if (k == NULL) {
        return KECS_NOMEM;
    }

    *k = *g->primary_container;

    if (!k->container_port.set) {
        k->container_port = (kecs_opt_int_t) { PORT, true };
    }

    spec->conf.primary_container = k;

    return settle_logs(c, spec, before, k);
}


/* A task definition of ours. */

static void
write_logs(kecs_writer_t *w, kecs_call_t *c, const container_t *k)
{
    if (k->aws_logs_configuration == NULL) {
        return;
    }

    kecs_w_object(w, "logConfiguration");
    kecs_w_cstr(w, "logDriver", "awslogs");
    kecs_w_object(w, "options");
    kecs_w_str(w, "awslogs-group", k->aws_logs_configuration->log_group);
    kecs_w_str(w, "awslogs-region", c->region);
    kecs_w_str(w, "awslogs-stream-prefix",
               k->aws_logs_configuration->log_stream_prefix);
    kecs_w_cstr(w, "max-buffer-size", "25m");
    kecs_w_cstr(w, "mode", "non-blocking");
    kecs_w_object_end(w);
    kecs_w_object_end(w);
}


/* Members that both kinds of containers have are taken as they are. */

static kecs_rc_t
write_container(kecs_writer_t *w, kecs_call_t *c, const container_t *k)
{
    kecs_str_t  json;

    json = kecs_shape_json(c->arena, &kecs_ecs_express_gateway_container_shape,
                           k);

    if (json.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_w_object(w, NULL);
    kecs_w_splice(w, json);
    kecs_w_bool(w, "essential", true);
    kecs_w_raw(w, "linuxParameters",
               kecs_str("{\"initProcessEnabled\":true}"));
    write_logs(w, c, k);
    kecs_w_cstr(w, "name", CONTAINER);
    kecs_w_array(w, "portMappings");
    kecs_w_object(w, NULL);
    kecs_w_i64(w, "containerPort", k->container_port.value);
    kecs_w_cstr(w, "name", PORT_NAME);
    kecs_w_cstr(w, "protocol", "tcp");
    kecs_w_object_end(w);
    kecs_w_array_end(w);
    kecs_w_i64(w, "stopTimeout", 30);
    kecs_w_cstr(w, "versionConsistency", "enabled");
    kecs_w_object_end(w);

    return KECS_OK;
}


/* "CLUSTER-SERVICE", unless that is too long for a family. */

static kecs_str_t
family_of(kecs_call_t *c, const kecs_express_spec_t *spec)
{
    if (spec->cluster.len + spec->service.len + 1 > NAME_MAX_LEN) {
        return spec->service;
    }

    return kecs_sprintf(c->arena, "%.*s-%.*s", kecs_fmt(spec->cluster),
                        kecs_fmt(spec->service));
}


static kecs_rc_t
taskdef_json(kecs_call_t *c, const kecs_express_spec_t *spec,
    kecs_str_t family, kecs_str_t *json)
{
    kecs_rc_t                   rc;
    kecs_buf_t                  b;
    kecs_writer_t               w;
    const kecs_express_conf_t  *conf;

    conf = &spec->conf;
    kecs_buf_init(&b, c->arena, 0);
    w = kecs_writer(&b);

    kecs_w_object(&w, NULL);
    kecs_w_array(&w, "containerDefinitions");
    rc = write_container(&w, c, conf->primary_container);
    kecs_w_array_end(&w);
    kecs_w_str(&w, "cpu", conf->cpu);
    kecs_w_str(&w, "executionRoleArn", conf->execution_role_arn);
    kecs_w_str(&w, "family", family);
    kecs_w_str(&w, "memory", conf->memory);
    kecs_w_cstr(&w, "networkMode", "awsvpc");
    kecs_w_raw(&w, "requiresCompatibilities", kecs_str("[\"FARGATE\"]"));
    kecs_w_object(&w, "runtimePlatform");
    kecs_w_str(&w, "cpuArchitecture", conf->cpu_architecture);
    kecs_w_cstr(&w, "operatingSystemFamily", "LINUX");
    kecs_w_object_end(&w);
    kecs_w_opt_str(&w, "taskRoleArn", conf->task_role_arn);
    kecs_w_object_end(&w);

    *json = kecs_buf_view(&b);

    return rc == KECS_OK && b.failed ? KECS_NOMEM : rc;
}


static kecs_rc_t
register_ours(kecs_call_t *c, kecs_express_spec_t *spec, kecs_str_t family,
    kecs_str_t json)
{
    kecs_rc_t       rc;
    kecs_taskdef_t  t;

    rc = kecs_call_within(c, "RegisterTaskDefinition", json);

    if (rc == KECS_OK) {
        rc = kecs_find_taskdef(c, family, 0, &t);
    }

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_CORRUPT : rc;
    }

    spec->conf.task_definition_arn = kecs_taskdef_arn(c, t.family,
                                                      t.revision);

    return spec->conf.task_definition_arn.data != NULL ? KECS_OK
                                                       : KECS_NOMEM;
}


static kecs_rc_t
check_ours(kecs_call_t *c, const kecs_express_conf_t *g,
    const kecs_express_spec_t *spec)
{
    if (g->primary_container == NULL && !spec->managed) {
        return kecs_bad(c, "primaryContainer is required when"
                        " taskDefinitionArn is not specified.");
    }

    if (g->execution_role_arn.len == 0 && !spec->managed) {
        return kecs_bad(c, "executionRoleArn is required when"
                        " taskDefinitionArn is not specified.");
    }

    return KECS_OK;
}


static kecs_rc_t
lay_ours(kecs_call_t *c, const kecs_express_conf_t *g,
    kecs_express_spec_t *spec)
{
    kecs_express_conf_t  *conf, kept;

    conf = &spec->conf;

    if (!spec->managed) {
        kept = *conf;
        memset(conf, 0, sizeof(kecs_express_conf_t));
        conf->health_check_path = kept.health_check_path;
        conf->network_configuration = kept.network_configuration;
        conf->scaling_target = kept.scaling_target;
    }

    default_str(&conf->cpu, g->cpu, kecs_str(CPU));
    default_str(&conf->memory, g->memory, kecs_str(MEMORY));
    default_str(&conf->cpu_architecture, g->cpu_architecture,
                kecs_str("X86_64"));
    default_str(&conf->execution_role_arn, g->execution_role_arn,
                kecs_null_str);
    default_str(&conf->task_role_arn, g->task_role_arn, kecs_null_str);

    return settle_container(c, g, spec);
}


/* It is registered unless it is the one that there is. */

static kecs_rc_t
settle_ours(kecs_call_t *c, const kecs_express_conf_t *g,
    kecs_express_spec_t *spec)
{
    kecs_rc_t   rc;
    kecs_str_t  family, before, after;

    before = kecs_null_str;
    family = family_of(c, spec);

    if (family.data == NULL) {
        return KECS_NOMEM;
    }

    rc = check_ours(c, g, spec);

    if (rc == KECS_OK && spec->managed) {
        rc = taskdef_json(c, spec, family, &before);
    }

    if (rc == KECS_OK) {
        rc = lay_ours(c, g, spec);
    }

    if (rc == KECS_OK) {
        rc = taskdef_json(c, spec, family, &after);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    spec->managed = true;

    return kecs_str_eq(before, after)
           ? KECS_OK : register_ours(c, spec, family, after);
}


/* A task definition of the client's. */

static const kecs_ecs_container_definition_t *
find_main(const kecs_ecs_task_definition_t *def)
{
    size_t  i;

    for (i = 0; i < def->container_definitions.n; i++) {
        if (kecs_str_is(def->container_definitions.items[i].name, CONTAINER))
        {
            return &def->container_definitions.items[i];
        }
    }

    return NULL;
}


static bool
has_fargate(const kecs_ecs_task_definition_t *def)
{
    return kecs_names_has(def->compatibilities.n, def->compatibilities.items,
                          "FARGATE");
}


static kecs_rc_t
check_theirs(kecs_call_t *c, const kecs_ecs_task_definition_t *def,
    const kecs_ecs_container_definition_t *k)
{
    const kecs_ecs_port_mapping_t  *p;

    p = k != NULL && k->port_mappings.n == 1 ? k->port_mappings.items : NULL;

    if (p == NULL || !kecs_str_is(p->protocol, "tcp")
        || !p->container_port.set || p->name.len == 0)
    {
        return kecs_bad(c, "The task definition must have a container named"
                        " " CONTAINER " with a single TCP port mapping that"
                        " includes a container port and port name.");
    }

    if (!has_fargate(def)) {
        return kecs_fail(c, KECS_E_PLATFORM_TASKDEF_INCOMPATIBILITY,
                         "The task definition must have FARGATE"
                         " compatibility.");
    }

    return KECS_OK;
}


static kecs_rc_t
show_theirs(kecs_call_t *c, const kecs_ecs_task_definition_t *def,
    const kecs_ecs_container_definition_t *main, kecs_express_conf_t *conf)
{
    container_t  *k;

    k = kecs_zalloc(c->arena, sizeof(container_t));

    if (k == NULL) {
        return KECS_NOMEM;
    }

    k->command = main->command;
    k->container_port = main->port_mappings.items[0].container_port;
    k->environment = main->environment;
    k->image = main->image;
    k->secrets = main->secrets;

    conf->primary_container = k;
    conf->cpu = def->cpu;
    conf->memory = def->memory;
    conf->execution_role_arn = def->execution_role_arn;
    conf->task_role_arn = def->task_role_arn;
    conf->cpu_architecture = def->runtime_platform != NULL
                             ? def->runtime_platform->cpu_architecture
                             : kecs_null_str;

    return KECS_OK;
}


static kecs_rc_t
settle_theirs(kecs_call_t *c, kecs_str_t arn, kecs_express_spec_t *spec)
{
    kecs_rc_t                               rc;
    kecs_taskdef_t                          t;
    kecs_ecs_task_definition_t             *def;
    const kecs_ecs_container_definition_t  *main;

    rc = kecs_taskdef_to_run(c, arn, &t, &def);

    if (rc != KECS_OK) {
        return rc;
    }

    main = find_main(def);
    rc = check_theirs(c, def, main);

    if (rc == KECS_OK) {
        rc = show_theirs(c, def, main, &spec->conf);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    spec->managed = false;
    spec->conf.task_definition_arn = kecs_taskdef_arn(c, t.family,
                                                      t.revision);

    return spec->conf.task_definition_arn.data != NULL ? KECS_OK
                                                       : KECS_NOMEM;
}


kecs_rc_t
kecs_express_settle(kecs_call_t *c, const kecs_express_conf_t *given,
    kecs_express_spec_t *spec)
{
    kecs_rc_t             rc;
    kecs_express_conf_t  *conf;

    conf = &spec->conf;
    rc = check_given(c, given);

    if (rc == KECS_OK) {
        rc = settle_scaling(c, given, conf);
    }

    if (rc == KECS_OK) {
        rc = settle_network(c, given, conf);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    default_str(&conf->health_check_path, given->health_check_path,
                kecs_str(HEALTH_CHECK));

    if (given->task_definition_arn.len != 0) {
        return settle_theirs(c, given->task_definition_arn, spec);
    }

    if (conf->task_definition_arn.len != 0 && !gives_parts(given)) {
        return KECS_OK;
    }

    return settle_ours(c, given, spec);
}


/* Names. */

kecs_rc_t
kecs_express_name(kecs_call_t *c, kecs_str_t image, kecs_str_t *name)
{
    char        hex[2 * SUFFIX];
    size_t      i;
    uint8_t     bytes[SUFFIX];
    kecs_str_t  last;

    last = kecs_str_from(image, (size_t) (kecs_str_rchr(image, '/') + 1));

    for (i = 0; i < last.len && i < NAME_MAX_LEN - sizeof(hex) - 1; i++) {
        if (!kecs_name_ok(kecs_str_n(last.data + i, 1))) {
            break;
        }
    }

    last = i != 0 ? kecs_str_n(last.data, i) : kecs_str("service");
    kecs_rand_bytes(c->rand, bytes, sizeof(bytes));
    kecs_hex(bytes, sizeof(bytes), hex);
    *name = kecs_sprintf(c->arena, "%.*s-%.*s", kecs_fmt(last),
                         (int) sizeof(hex), hex);

    return name->data != NULL ? KECS_OK : KECS_NOMEM;
}
