/*
 * What CreateService and UpdateService accept, and ECS's defaults.  A spec
 * is settled in the order of ECS's own checks, and rendered into the
 * fragments that its records keep.
 */

#include "service_intern.h"


#define REGISTRIES  1


static kecs_rc_t
check_controller(kecs_call_t *c,
    const kecs_ecs_deployment_controller_t *controller, unsigned *out)
{
    if (controller == NULL || controller->type.data == NULL) {
        return KECS_OK;
    }

    *out = kecs_controller_of(controller->type);

    return kecs_check_enum(c, KECS_E_INVALID_PARAMETER,
                           "deployment controller",
                           &kecs_ecs_deployment_controller_type_shape,
                           controller->type);
}


kecs_rc_t
kecs_counts_check(kecs_call_t *c, unsigned strategy, kecs_opt_int_t desired,
    kecs_opt_int_t grace, const char *what)
{
    if (desired.set && strategy == KECS_STRATEGY_DAEMON) {
        return kecs_bad(c, "The daemon scheduling strategy does not support"
                        " a desired count for services. Remove the desired"
                        " count value and try again");
    }

    if (desired.set && desired.value < 0) {
        return kecs_bad(c, "%s can not be lesser than 0", what);
    }

    if (grace.set && (grace.value < 0 || grace.value > INT32_MAX)) {
        return kecs_bad(c, "healthCheckGracePeriodSeconds must be between 0"
                        " and %d", INT32_MAX);
    }

    return KECS_OK;
}


kecs_rc_t
kecs_service_check(kecs_call_t *c,
    const kecs_ecs_deployment_controller_t *controller, kecs_str_t propagate,
    kecs_service_spec_t *spec)
{
    kecs_rc_t  rc;

    rc = check_controller(c, controller, &spec->controller);

    if (rc != KECS_OK) {
        return rc;
    }

    if (propagate.len != 0
        && !kecs_shape_has_value(&kecs_ecs_propagate_tags_shape, propagate))
    {
        return kecs_bad(c, "Invalid value for propagateTags");
    }

    if (spec->strategy == KECS_STRATEGY_DAEMON
        && spec->controller != KECS_CONTROLLER_ECS)
    {
        return kecs_bad(c, "The daemon scheduling strategy does not support"
                        " the %s deployment controller. Change the"
                        " deployment controller and try again",
                        kecs_controller_name(spec->controller));
    }

    return KECS_OK;
}


/* Launching. */

kecs_rc_t
kecs_spec_launch(kecs_call_t *c, kecs_service_spec_t *spec)
{
    kecs_rc_t            rc;
    kecs_ecs_service_t  *s;

    s = &spec->s;

    rc = kecs_launch_resolve(c, &spec->cluster, spec->def, s->launch_type,
                             &s->capacity_provider_strategy,
                             s->platform_version, &spec->launch);

    if (rc == KECS_OK) {
        rc = kecs_network_settle(c, spec->def, spec->launch.launch,
                                 s->network_configuration,
                                 &s->network_configuration);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    s->capacity_provider_strategy = spec->launch.strategy;
    s->platform_version = spec->launch.version_asked;
    s->platform_family = spec->launch.platform_family;

    return KECS_OK;
}


/* Load balancers and registries. */

static const kecs_ecs_container_definition_t *
container_of(const kecs_ecs_task_definition_t *def, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < def->container_definitions.n; i++) {
        if (kecs_str_eq(def->container_definitions.items[i].name, name)) {
            return &def->container_definitions.items[i];
        }
    }

    return NULL;
}


static bool
has_port(const kecs_ecs_container_definition_t *def, int64_t port)
{
    size_t  i;

    for (i = 0; i < def->port_mappings.n; i++) {
        if (def->port_mappings.items[i].container_port.set
            && def->port_mappings.items[i].container_port.value == port)
        {
            return true;
        }
    }

    return false;
}


static kecs_rc_t
target_check(kecs_call_t *c, const kecs_ecs_task_definition_t *def,
    kecs_str_t name, kecs_opt_int_t port)
{
    const kecs_ecs_container_definition_t  *container;

    container = container_of(def, name);

    if (container == NULL) {
        return kecs_bad(c, "The container %.*s does not exist in the task"
                        " definition.", kecs_fmt(name));
    }

    if (!has_port(container, port.value)) {
        return kecs_bad(c, "The container %.*s did not have a container port"
                        " %" PRId64 " defined.", kecs_fmt(name),
                        port.value);
    }

    return KECS_OK;
}


static kecs_rc_t
balancers_check(kecs_call_t *c, const kecs_ecs_task_definition_t *def,
    unsigned launch, const kecs_ecs_load_balancers_t *balancers)
{
    size_t                           i;
    kecs_rc_t                        rc;
    const kecs_ecs_load_balancer_t  *lb;

    for (i = 0; i < balancers->n; i++) {
        lb = &balancers->items[i];

        if (lb->load_balancer_name.len != 0
            && launch == KECS_LAUNCH_FARGATE)
        {
            return kecs_bad(c, "Classic Load Balancers are not supported"
                            " with Fargate.");
        }

        rc = target_check(c, def, lb->container_name, lb->container_port);

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}


static kecs_rc_t
registries_check(kecs_call_t *c, const kecs_ecs_task_definition_t *def,
    const kecs_ecs_service_registries_t *registries)
{
    const kecs_ecs_service_registry_t  *r;

    if (registries->n > REGISTRIES) {
        return kecs_bad(c, "serviceRegistries can have at most %d item.",
                        REGISTRIES);
    }

    if (registries->n == 0) {
        return KECS_OK;
    }

    r = &registries->items[0];

    if (r->container_name.len != 0
        && container_of(def, r->container_name) == NULL)
    {
        return kecs_bad(c, "The container %.*s does not exist in the task"
                        " definition.", kecs_fmt(r->container_name));
    }

    return KECS_OK;
}


kecs_rc_t
kecs_targets_check(kecs_call_t *c, const kecs_ecs_task_definition_t *def,
    unsigned launch, const kecs_ecs_load_balancers_t *balancers,
    const kecs_ecs_service_registries_t *registries)
{
    kecs_rc_t  rc;

    rc = balancers_check(c, def, launch, balancers);

    return rc == KECS_OK ? registries_check(c, def, registries) : rc;
}


/* Fragments. */

static void
fill_deployment(kecs_service_spec_t *spec)
{
    kecs_ecs_deployment_t  *d;

    d = &spec->d;

    d->launch_type = spec->launch.strategy.n == 0 && spec->launch.launch != 0
                     ? kecs_str_of(kecs_launch_name(spec->launch.launch))
                     : kecs_null_str;
    d->capacity_provider_strategy = spec->launch.strategy;
    d->platform_version = spec->launch.platform_version;
    d->platform_family = spec->launch.platform_family;
    d->network_configuration = spec->s.network_configuration;
}


/* The images as the definition names them; digests are not known here. */

static kecs_rc_t
fill_images(kecs_call_t *c, kecs_service_spec_t *spec)
{
    size_t                                  i, n;
    kecs_ecs_container_image_t             *image;
    const kecs_ecs_container_definition_t  *container;

    if (spec->def == NULL) {
        return KECS_OK;
    }

    n = spec->def->container_definitions.n;
    image = kecs_calloc(c->arena, n, sizeof(*image));

    if (image == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < n; i++) {
        container = &spec->def->container_definitions.items[i];
        image[i].container_name = container->name;
        image[i].image = container->image;
    }

    spec->r.container_images.n = n;
    spec->r.container_images.items = image;
    spec->r.container_images.set = true;

    return KECS_OK;
}


/* The target groups and listener rules that are in use. */

static kecs_rc_t
fill_resolved(kecs_call_t *c, kecs_service_spec_t *spec)
{
    size_t                                      i, n;
    const kecs_ecs_load_balancer_t             *lb;
    kecs_ecs_resolved_configuration_t          *resolved;
    kecs_ecs_service_revision_load_balancer_t  *item;

    n = spec->s.load_balancers.n;
    spec->r.resolved_configuration = NULL;

    if (n == 0) {
        return KECS_OK;
    }

    resolved = kecs_zalloc(c->arena, sizeof(*resolved));
    item = kecs_calloc(c->arena, n, sizeof(*item));

    if (resolved == NULL || item == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < n; i++) {
        lb = &spec->s.load_balancers.items[i];
        item[i].target_group_arn = lb->target_group_arn;
        item[i].production_listener_rule = lb->advanced_configuration != NULL
            ? lb->advanced_configuration->production_listener_rule
            : kecs_null_str;
    }

    resolved->load_balancers.n = n;
    resolved->load_balancers.items = item;
    resolved->load_balancers.set = true;
    spec->r.resolved_configuration = resolved;

    return KECS_OK;
}


/* gatewayConnectors and monitoring are there already. */

static kecs_rc_t
fill_revision(kecs_call_t *c, kecs_service_spec_t *spec)
{
    kecs_rc_t                     rc;
    kecs_ecs_service_revision_t  *r;

    r = &spec->r;
    r->capacity_provider_strategy = spec->d.capacity_provider_strategy;
    r->guard_duty_enabled = (kecs_opt_bool_t) { false, true };
    r->launch_type = spec->d.launch_type;
    r->load_balancers = spec->s.load_balancers;
    r->network_configuration = spec->d.network_configuration;
    r->platform_family = spec->d.platform_family;
    r->platform_version = spec->d.platform_version;
    r->service_connect_configuration = spec->d.service_connect_configuration;
    r->service_registries = spec->s.service_registries;
    r->volume_configurations = spec->d.volume_configurations;
    r->vpc_lattice_configurations = spec->d.vpc_lattice_configurations;

    rc = fill_images(c, spec);

    return rc == KECS_OK ? fill_resolved(c, spec) : rc;
}


kecs_rc_t
kecs_spec_render(kecs_call_t *c, kecs_service_spec_t *spec)
{
    kecs_rc_t            rc;
    kecs_ecs_service_t  *s;

    s = &spec->s;
    s->launch_type = kecs_null_str;

    fill_deployment(spec);

    /* the revision has the lists as given, the service all of them */

    rc = fill_revision(c, spec);
    s->load_balancers.set = true;
    s->service_registries.set = true;
    s->placement_constraints.set = true;
    s->placement_strategy.set = true;

    if (rc != KECS_OK) {
        return rc;
    }

    spec->service = kecs_shape_json(c->arena, &kecs_ecs_service_shape, s);
    spec->deployment = kecs_shape_json(c->arena,
                                       &kecs_ecs_deployment_shape, &spec->d);
    spec->revision = kecs_shape_json(c->arena,
                                     &kecs_ecs_service_revision_shape,
                                     &spec->r);

    return spec->service.data != NULL && spec->deployment.data != NULL
           && spec->revision.data != NULL ? KECS_OK : KECS_NOMEM;
}


/* What the index of namespaces needs to know. */

kecs_rc_t
kecs_spec_namespace(kecs_call_t *c, kecs_service_spec_t *spec)
{
    const kecs_ecs_service_connect_configuration_t  *s;

    s = spec->d.service_connect_configuration;
    spec->namespace = kecs_null_str;

    if (s == NULL || !s->enabled.value) {
        return KECS_OK;
    }

    if (s->namespace.len == 0) {
        spec->namespace = spec->cluster.namespace;
        return KECS_OK;
    }

    return kecs_namespace_key(c, s->namespace, &spec->namespace);
}


static kecs_rc_t
daemon_check(kecs_call_t *c, const kecs_service_spec_t *spec)
{
    if (spec->strategy != KECS_STRATEGY_DAEMON) {
        return KECS_OK;
    }

    if (spec->launch.launch == KECS_LAUNCH_FARGATE) {
        return kecs_bad(c, "The daemon scheduling strategy does not support"
                        " the FARGATE launch type. Change the launch type"
                        " and try again");
    }

    if (spec->s.placement_strategy.n != 0) {
        return kecs_bad(c, "The daemon scheduling strategy does not support"
                        " placement strategies. Remove the placement"
                        " strategy and try again");
    }

    return KECS_OK;
}


kecs_rc_t
kecs_spec_settle(kecs_call_t *c, kecs_service_spec_t *spec)
{
    kecs_rc_t  rc;

    rc = daemon_check(c, spec);

    if (rc == KECS_OK) {
        rc = kecs_spec_rebalancing(c, spec);
    }

    if (rc == KECS_OK) {
        rc = kecs_placement_check(c, spec->launch.launch,
                                  &spec->s.placement_constraints,
                                  &spec->s.placement_strategy);
    }

    if (rc == KECS_OK && spec->def != NULL) {
        rc = kecs_targets_check(c, spec->def, spec->launch.launch,
                                &spec->s.load_balancers,
                                &spec->s.service_registries);
    }

    if (rc == KECS_OK && spec->def != NULL) {
        rc = kecs_extras_settle(c, spec);
    }

    if (rc == KECS_OK) {
        rc = kecs_spec_namespace(c, spec);
    }

    return rc == KECS_OK ? kecs_spec_render(c, spec) : rc;
}


kecs_rc_t
kecs_spec_revision(kecs_call_t *c, const kecs_service_spec_t *spec,
    kecs_str_t *text)
{
    kecs_str_t                   deployment, service, revision;
    kecs_ecs_service_t           s;
    kecs_ecs_service_revision_t  r;

    memset(&s, 0, sizeof(s));
    s.load_balancers = spec->s.load_balancers;
    s.service_registries = spec->s.service_registries;
    s.platform_version = spec->s.platform_version;

    memset(&r, 0, sizeof(r));
    r.monitoring = spec->r.monitoring;
    r.gateway_connectors = spec->r.gateway_connectors;

    service = kecs_shape_json(c->arena, &kecs_ecs_service_shape, &s);
    deployment = kecs_shape_json(c->arena, &kecs_ecs_deployment_shape,
                                 &spec->d);
    revision = kecs_shape_json(c->arena, &kecs_ecs_service_revision_shape,
                               &r);

    if (service.data == NULL || deployment.data == NULL
        || revision.data == NULL)
    {
        return KECS_NOMEM;
    }

    *text = kecs_sprintf(c->arena, "%u %.*s:%u %.*s %.*s %.*s",
                         spec->controller, kecs_fmt(spec->taskdef.family),
                         spec->taskdef.revision, kecs_fmt(service),
                         kecs_fmt(deployment), kecs_fmt(revision));

    return text->data != NULL ? KECS_OK : KECS_NOMEM;
}


/* What STATISTICS count it as; the first capacity provider tells. */

static uint8_t
counts_as(const kecs_service_spec_t *spec, const kecs_service_t *s)
{
    kecs_str_t                                    first;
    const kecs_ecs_capacity_provider_strategy_t  *strategy;

    strategy = &spec->launch.strategy;

    if (spec->launch.launch != 0) {
        return (uint8_t) spec->launch.launch;
    }

    first = strategy->n != 0 ? strategy->items[0].capacity_provider
                             : kecs_null_str;

    if (kecs_str_starts(first, kecs_str("FARGATE"))) {
        return KECS_LAUNCH_FARGATE;
    }

    return strategy->n != 0 && s->counted == KECS_LAUNCH_MANAGED_INSTANCES
           ? KECS_LAUNCH_MANAGED_INSTANCES : KECS_LAUNCH_EC2;
}


void
kecs_spec_head(const kecs_service_spec_t *spec, kecs_service_t *s)
{
    const kecs_ecs_deployment_configuration_t  *d;

    d = spec->s.deployment_configuration;

    s->controller = (uint8_t) spec->controller;
    s->strategy = (uint8_t) spec->strategy;
    s->family = spec->taskdef.family;
    s->revision = spec->taskdef.revision;
    s->namespace = spec->namespace;
    s->launch = spec->launch.strategy.n != 0
                ? 0 : (uint8_t) spec->launch.launch;
    s->counted = counts_as(spec, s);
    s->rebalance = (uint8_t) kecs_spec_rebalances(spec);
    s->min_percent = (uint32_t) d->minimum_healthy_percent.value;
    s->max_percent = (uint32_t) d->maximum_percent.value;
    s->rec.gen = KECS_ECS_GEN;
    kecs_rec_part(&s->rec, KECS_SERVICE_STATIC, spec->service);
}
