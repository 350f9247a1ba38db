/*
 * What CreateService and UpdateService accept, and ECS's defaults.  A spec
 * is settled in the order of ECS's own checks; what this release does not
 * act on, but which would change how a deployment runs, is refused by name.
 */

#include "service_intern.h"


#define REGISTRIES  1


static kecs_rc_t
check_controller(kecs_call_t *c,
    const kecs_ecs_deployment_controller_t *controller)
{
    kecs_rc_t  rc;

    if (controller == NULL || kecs_str_is(controller->type, "ECS")) {
        return KECS_OK;
    }

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER,
                         "deployment controller",
                         &kecs_ecs_deployment_controller_type_shape,
                         controller->type);

    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_fail(c, KECS_E_UNSUPPORTED_FEATURE,
                     "The deployment controller %.*s is not supported.",
                     kecs_fmt(controller->type));
}


kecs_rc_t
kecs_grace_check(kecs_call_t *c, kecs_opt_int_t seconds)
{
    if (!seconds.set || (seconds.value >= 0 && seconds.value <= INT32_MAX)) {
        return KECS_OK;
    }

    return kecs_bad(c, "healthCheckGracePeriodSeconds must be between 0 and"
                    " %d", INT32_MAX);
}


kecs_rc_t
kecs_service_check(kecs_call_t *c,
    const kecs_ecs_deployment_controller_t *controller, kecs_str_t propagate,
    bool volumes, bool connectors)
{
    kecs_rc_t  rc;

    rc = check_controller(c, controller);

    if (rc != KECS_OK) {
        return rc;
    }

    if (propagate.len != 0
        && !kecs_shape_has_value(&kecs_ecs_propagate_tags_shape, propagate))
    {
        return kecs_bad(c, "Invalid value for propagateTags");
    }

    if (volumes) {
        return kecs_fail(c, KECS_E_UNSUPPORTED_FEATURE,
                         "volumeConfigurations: volumes that are configured"
                         " at launch are not supported.");
    }

    if (connectors) {
        return kecs_bad(c, "gatewayConnectors were specified but no gateways"
                        " are associated with cluster");
    }

    return KECS_OK;
}


/* Deployment configuration. */

static kecs_rc_t
rolling_only(kecs_call_t *c, const kecs_ecs_deployment_configuration_t *g)
{
    kecs_rc_t  rc;

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "deployment strategy",
                         &kecs_ecs_deployment_strategy_shape, g->strategy);

    if (rc != KECS_OK) {
        return rc;
    }

    if (g->strategy.data != NULL && !kecs_str_is(g->strategy, "ROLLING")) {
        return kecs_fail(c, KECS_E_UNSUPPORTED_FEATURE,
                         "The deployment strategy %.*s is not supported.",
                         kecs_fmt(g->strategy));
    }

    if (g->lifecycle_hooks.n != 0) {
        return kecs_fail(c, KECS_E_UNSUPPORTED_FEATURE,
                         "lifecycleHooks are not supported.");
    }

    return KECS_OK;
}


static kecs_opt_bool_t
bool_or(kecs_opt_bool_t given, bool otherwise)
{
    return (kecs_opt_bool_t) { given.set ? given.value : otherwise, true };
}


/* The breaker with all its members; NULL: the one of a new service. */

static kecs_rc_t
breaker(kecs_call_t *c, const kecs_ecs_deployment_circuit_breaker_t *given,
    kecs_ecs_deployment_circuit_breaker_t **out)
{
    kecs_ecs_threshold_configuration_t     *threshold;
    kecs_ecs_deployment_circuit_breaker_t  *b;

    b = kecs_zalloc(c->arena, sizeof(*b));
    threshold = kecs_zalloc(c->arena, sizeof(*threshold));

    if (b == NULL || threshold == NULL) {
        return KECS_NOMEM;
    }

    if (given != NULL) {
        *b = *given;
    }

    if (b->threshold_configuration != NULL) {
        *threshold = *b->threshold_configuration;

    } else {
        threshold->type = kecs_str("BOUNDED_PERCENT");
        threshold->value = (kecs_opt_int_t) { 50, true };
    }

    b->enable = bool_or(b->enable, false);
    b->rollback = bool_or(b->rollback, false);
    b->reset_on_healthy_task = bool_or(b->reset_on_healthy_task, true);
    b->threshold_configuration = threshold;
    *out = b;

    return kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "threshold type",
                           &kecs_ecs_threshold_type_shape,
                           threshold->type);
}


static kecs_rc_t
config_default(kecs_call_t *c, kecs_ecs_deployment_configuration_t *out)
{
    out->maximum_percent = (kecs_opt_int_t) { 200, true };
    out->minimum_healthy_percent = (kecs_opt_int_t) { 100, true };
    out->bake_time_in_minutes = (kecs_opt_int_t) { 0, true };
    out->strategy = kecs_str("ROLLING");

    return breaker(c, NULL, &out->deployment_circuit_breaker);
}


static kecs_rc_t
config_overlay(kecs_call_t *c, const kecs_ecs_deployment_configuration_t *g,
    kecs_ecs_deployment_configuration_t *out)
{
    if (g->maximum_percent.set) {
        out->maximum_percent = g->maximum_percent;
    }

    if (g->minimum_healthy_percent.set) {
        out->minimum_healthy_percent = g->minimum_healthy_percent;
    }

    if (g->bake_time_in_minutes.set) {
        out->bake_time_in_minutes = g->bake_time_in_minutes;
    }

    if (g->alarms != NULL) {
        out->alarms = g->alarms;
    }

    if (g->early_success_criteria != NULL) {
        out->early_success_criteria = g->early_success_criteria;
    }

    if (g->deployment_circuit_breaker == NULL) {
        return KECS_OK;
    }

    return breaker(c, g->deployment_circuit_breaker,
                   &out->deployment_circuit_breaker);
}


static kecs_rc_t
config_check(kecs_call_t *c, const kecs_ecs_deployment_configuration_t *d)
{
    if (d->maximum_percent.value < 100) {
        return kecs_bad(c, "maximumPercent must be at least 100");
    }

    if (d->minimum_healthy_percent.value > 100) {
        return kecs_bad(c, "minimumHealthyPercent must be at most 100");
    }

    if (d->minimum_healthy_percent.value < 0) {
        return kecs_bad(c, "minimumHealthyPercent must be at least 0");
    }

    if (d->minimum_healthy_percent.value >= d->maximum_percent.value) {
        return kecs_bad(c, "Both maximumPercent and minimumHealthyPercent"
                        " cannot be 100 as this will block deployments.");
    }

    return KECS_OK;
}


kecs_rc_t
kecs_deployment_config(kecs_call_t *c,
    const kecs_ecs_deployment_configuration_t *base,
    const kecs_ecs_deployment_configuration_t *given,
    kecs_ecs_deployment_configuration_t **out)
{
    kecs_rc_t                             rc;
    kecs_ecs_deployment_configuration_t  *d;

    d = kecs_zalloc(c->arena, sizeof(*d));

    if (d == NULL) {
        return KECS_NOMEM;
    }

    rc = KECS_OK;

    if (base != NULL) {
        *d = *base;

    } else {
        rc = config_default(c, d);
    }

    if (rc == KECS_OK && given != NULL) {
        rc = rolling_only(c, given);

        if (rc == KECS_OK) {
            rc = config_overlay(c, given, d);
        }
    }

    *out = d;

    return rc == KECS_OK ? config_check(c, d) : rc;
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
balancers_check(kecs_call_t *c, const kecs_service_spec_t *spec)
{
    size_t                           i;
    kecs_rc_t                        rc;
    const kecs_ecs_load_balancer_t  *lb;

    for (i = 0; i < spec->s.load_balancers.n; i++) {
        lb = &spec->s.load_balancers.items[i];

        if (lb->load_balancer_name.len != 0
            && spec->launch.launch == KECS_LAUNCH_FARGATE)
        {
            return kecs_bad(c, "Classic Load Balancers are not supported"
                            " with Fargate.");
        }

        rc = target_check(c, spec->def, lb->container_name,
                          lb->container_port);

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}


static kecs_rc_t
registries_check(kecs_call_t *c, const kecs_service_spec_t *spec)
{
    const kecs_ecs_service_registry_t  *r;

    if (spec->s.service_registries.n > REGISTRIES) {
        return kecs_bad(c, "serviceRegistries can have at most %d item.",
                        REGISTRIES);
    }

    if (spec->s.service_registries.n == 0) {
        return KECS_OK;
    }

    r = &spec->s.service_registries.items[0];

    if (r->container_name.len != 0
        && container_of(spec->def, r->container_name) == NULL)
    {
        return kecs_bad(c, "The container %.*s does not exist in the task"
                        " definition.", kecs_fmt(r->container_name));
    }

    return KECS_OK;
}


/* ENABLED unless the bounds forbid it. */

static kecs_rc_t
rebalancing(kecs_call_t *c, kecs_service_spec_t *spec)
{
    bool                 tight;
    kecs_rc_t            rc;
    kecs_ecs_service_t  *s;

    s = &spec->s;
    tight = s->deployment_configuration->maximum_percent.value <= 100;

    if (s->availability_zone_rebalancing.len == 0) {
        s->availability_zone_rebalancing = tight ? kecs_str("DISABLED")
                                                 : kecs_str("ENABLED");
        return KECS_OK;
    }

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER,
                         "availability zone rebalancing",
                         &kecs_ecs_availability_zone_rebalancing_shape,
                         s->availability_zone_rebalancing);

    if (rc != KECS_OK) {
        return rc;
    }

    if (tight && kecs_str_is(s->availability_zone_rebalancing, "ENABLED")) {
        return kecs_bad(c, "%sAvailability Zone Rebalancing does not support"
                        " maximumPercent <= 100 %% as deployment"
                        " configuration.%s",
                        spec->update ? "The service couldn't be updated"
                                       " because " : "",
                        spec->update ? " Update deployment configuration and"
                                       " try again." : "");
    }

    return KECS_OK;
}


/* Fragments. */

static void
fill_deployment(kecs_service_spec_t *spec)
{
    kecs_ecs_deployment_t  *d;

    d = &spec->d;

    d->launch_type = spec->launch.strategy.n == 0
                     ? kecs_str_of(kecs_launch_name(spec->launch.launch))
                     : kecs_null_str;
    d->capacity_provider_strategy = spec->launch.strategy;
    d->platform_version = spec->launch.platform_version;
    d->platform_family = spec->launch.platform_family;
    d->network_configuration = spec->s.network_configuration;

    /* given empty is the same as not given: no reason to deploy anew */

    if (d->vpc_lattice_configurations.n == 0) {
        d->vpc_lattice_configurations.set = false;
    }
}


static kecs_rc_t
render(kecs_call_t *c, kecs_service_spec_t *spec)
{
    kecs_ecs_service_t  *s;

    s = &spec->s;
    s->launch_type = kecs_null_str;
    s->load_balancers.set = true;
    s->service_registries.set = true;
    s->placement_constraints.set = true;
    s->placement_strategy.set = true;

    spec->service = kecs_shape_json(c->arena, &kecs_ecs_service_shape, s);
    spec->deployment = kecs_shape_json(c->arena,
                                       &kecs_ecs_deployment_shape, &spec->d);

    return spec->service.data != NULL && spec->deployment.data != NULL
           ? KECS_OK : KECS_NOMEM;
}


kecs_rc_t
kecs_spec_settle(kecs_call_t *c, kecs_service_spec_t *spec)
{
    kecs_rc_t  rc;

    rc = rebalancing(c, spec);

    if (rc == KECS_OK) {
        rc = kecs_placement_check(c, spec->launch.launch,
                                  &spec->s.placement_constraints,
                                  &spec->s.placement_strategy);
    }

    if (rc == KECS_OK) {
        rc = balancers_check(c, spec);
    }

    if (rc == KECS_OK) {
        rc = registries_check(c, spec);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    fill_deployment(spec);

    return render(c, spec);
}


kecs_rc_t
kecs_spec_revision(kecs_call_t *c, const kecs_service_spec_t *spec,
    kecs_str_t *text)
{
    kecs_str_t          deployment, service;
    kecs_ecs_service_t  s;

    memset(&s, 0, sizeof(s));
    s.load_balancers = spec->s.load_balancers;
    s.service_registries = spec->s.service_registries;
    s.platform_version = spec->s.platform_version;

    service = kecs_shape_json(c->arena, &kecs_ecs_service_shape, &s);
    deployment = kecs_shape_json(c->arena, &kecs_ecs_deployment_shape,
                                 &spec->d);

    if (service.data == NULL || deployment.data == NULL) {
        return KECS_NOMEM;
    }

    *text = kecs_sprintf(c->arena, "%.*s:%u %.*s %.*s",
                         kecs_fmt(spec->taskdef.family),
                         spec->taskdef.revision, kecs_fmt(service),
                         kecs_fmt(deployment));

    return text->data != NULL ? KECS_OK : KECS_NOMEM;
}


void
kecs_spec_head(const kecs_service_spec_t *spec, kecs_service_t *s)
{
    const kecs_ecs_deployment_configuration_t  *d;

    d = spec->s.deployment_configuration;

    s->family = spec->taskdef.family;
    s->revision = spec->taskdef.revision;
    s->launch = spec->launch.strategy.n != 0
                ? 0 : (uint8_t) spec->launch.launch;
    s->min_percent = (uint32_t) d->minimum_healthy_percent.value;
    s->max_percent = (uint32_t) d->maximum_percent.value;
    s->rec.gen = KECS_ECS_GEN;
    kecs_rec_part(&s->rec, KECS_SERVICE_STATIC, spec->service);
}
