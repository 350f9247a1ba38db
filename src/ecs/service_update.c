/*
 * UpdateService and DeleteService.  What is stored is loaded into a spec,
 * what was given is laid over it, and the outcome is compared with what
 * was: only a difference in what tasks are made of starts a deployment.
 * An omitted member keeps its value, an empty list clears it.
 */

#include "service_intern.h"


typedef struct {
    kecs_ecs_update_service_request_t  *in;
    kecs_service_t                      service;
    kecs_deployment_t                   primary;
    kecs_service_spec_t                 spec;
    unsigned                            from;     /* the controller before */
    kecs_str_t                          before;   /* revision, as text */
    bool                                anew;     /* a new deployment */
    bool                                changed;
} update_t;


kecs_rc_t
kecs_service_active(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_str_t id, kecs_service_t *s)
{
    kecs_rc_t  rc;

    rc = kecs_find_service(c, cluster, id, KECS_ALL_PARTS, s);

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_SERVICE_NOT_FOUND, "Service not found.");
    }

    if (rc == KECS_OK && s->status != KECS_SERVICE_ACTIVE) {
        return kecs_fail(c, KECS_E_SERVICE_NOT_ACTIVE,
                         "Service was not ACTIVE.");
    }

    return rc;
}


/* Checks. */

static kecs_rc_t
not_ours(kecs_call_t *c, unsigned controller, const char *member,
    const char *name)
{
    if (controller == KECS_CONTROLLER_EXTERNAL) {
        return kecs_bad(c, "%s must be blank", member);
    }

    return kecs_bad(c, "Unable to update %s on services with a CODE_DEPLOY"
                    " deployment controller. Use AWS CodeDeploy to trigger a"
                    " new deployment.", name);
}


/* What only who deploys the service may change. */

static kecs_rc_t
check_foreign(kecs_call_t *c, const kecs_ecs_update_service_request_t *in,
    unsigned controller)
{
    size_t  i;

    const struct {
        bool         given;
        const char  *member;
        const char  *name;
    } members[] = {
        { in->task_definition.len != 0, "TaskDefinition",
          "task definition" },
        { in->network_configuration != NULL
          && in->network_configuration->awsvpc_configuration != NULL,
          "NetworkConfiguration", "network parameters" },
        { in->capacity_provider_strategy.n != 0, "CapacityProviderStrategy",
          "capacity provider strategy" },
        { in->platform_version.len != 0, "PlatformVersion",
          "platform version" },
        { in->load_balancers.n != 0, "LoadBalancers", "load balancers" },
        { in->service_registries.n != 0, "ServiceRegistries",
          "service registries" },
        { in->volume_configurations.n != 0, "VolumeConfigurations",
          "volume configurations" },
        { in->service_connect_configuration != NULL
          && in->service_connect_configuration->enabled.value,
          "ServiceConnectConfiguration", "service connect configuration" },
        { in->vpc_lattice_configurations.n != 0, "VpcLatticeConfigurations",
          "VPC Lattice configurations" },
        { in->gateway_connectors.n != 0, "GatewayConnectors",
          "gateway connectors" },
        { in->monitoring != NULL, "Monitoring", "monitoring" }
    };

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (members[i].given) {
            return not_ours(c, controller, members[i].member,
                            members[i].name);
        }
    }

    if (in->force_new_deployment.value) {
        return kecs_bad(c, "Cannot force a new deployment on services with a"
                        " %s deployment controller.%s",
                        kecs_controller_name(controller),
                        controller == KECS_CONTROLLER_CODE_DEPLOY
                        ? " Use AWS CodeDeploy to trigger a new deployment."
                        : " Use CreateTaskSet to deploy.");
    }

    return KECS_OK;
}


static kecs_rc_t
check(kecs_call_t *c, update_t *u)
{
    kecs_rc_t                                 rc;
    kecs_service_spec_t                      *spec;
    const kecs_ecs_update_service_request_t  *in;

    in = u->in;
    spec = &u->spec;
    u->from = kecs_controller_of_service(&u->service);
    spec->strategy = u->service.strategy;
    spec->controller = u->from;

    rc = kecs_service_check(c, in->deployment_controller, in->propagate_tags,
                            spec);

    if (rc == KECS_OK && spec->controller != KECS_CONTROLLER_ECS) {
        rc = check_foreign(c, in, spec->controller);
    }

    return rc == KECS_OK
           ? kecs_counts_check(c, spec->strategy, in->desired_count,
                               in->health_check_grace_period_seconds,
                               "Task count")
           : rc;
}


/* What is stored, as a spec. */

/* Services of an earlier release have no revisions. */

static kecs_rc_t
load_revision(kecs_call_t *c, update_t *u)
{
    kecs_rc_t                    rc;
    kecs_revision_t              rev;
    kecs_ecs_service_revision_t  r;

    rc = kecs_revision_get(c, &u->service, u->primary.id, &rev);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    rc = kecs_fragment_load(c, &kecs_ecs_service_revision_shape,
                            rev.rec.part[KECS_REVISION_STATIC], &r);

    u->spec.r.monitoring = r.monitoring;
    u->spec.r.gateway_connectors = r.gateway_connectors;

    return rc;
}


static kecs_rc_t
load_deployment(kecs_call_t *c, update_t *u)
{
    kecs_rc_t  rc;

    rc = kecs_deployment_primary(c, &u->service, &u->primary);

    if (rc == KECS_NOT_FOUND) {
        return KECS_CORRUPT;
    }

    return rc == KECS_OK ? load_revision(c, u) : rc;
}


/* The PRIMARY task set, if there is one, as a deployment. */

static kecs_rc_t
load_set(kecs_call_t *c, update_t *u)
{
    kecs_rc_t        rc;
    kecs_task_set_t  t;

    if (u->service.primary == 0) {
        return KECS_OK;
    }

    rc = kecs_task_set_get(c, &u->service, u->service.primary, &t);

    if (rc == KECS_OK) {
        kecs_task_set_deployment(&t, &u->primary);
        u->spec.s.platform_version = t.platform;
    }

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


static kecs_rc_t
load_stored(kecs_call_t *c, update_t *u)
{
    unsigned              to;
    kecs_rc_t             rc;
    kecs_str_t            json;
    kecs_service_spec_t  *spec;

    spec = &u->spec;
    rc = kecs_fragment_load(c, &kecs_ecs_service_shape,
                            u->service.rec.part[KECS_SERVICE_STATIC],
                            &spec->s);

    if (rc == KECS_OK) {
        rc = u->from == KECS_CONTROLLER_ECS ? load_deployment(c, u)
                                            : load_set(c, u);
    }

    json = u->primary.rec.part[KECS_DEPLOYMENT_STATIC];

    if (rc == KECS_OK && json.data != NULL) {
        rc = kecs_fragment_load(c, &kecs_ecs_deployment_shape, json,
                                &spec->d);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    spec->s.launch_type = spec->d.launch_type;
    spec->taskdef.family = u->service.family;
    spec->taskdef.revision = u->service.revision;

    to = spec->controller;
    spec->controller = u->from;
    rc = kecs_spec_revision(c, spec, &u->before);
    spec->controller = to;

    return rc;
}


/* A service lives on with a definition that has become INACTIVE. */

static kecs_rc_t
load_taskdef(kecs_call_t *c, update_t *u)
{
    kecs_rc_t        rc;
    kecs_taskdef_t  *t;

    t = &u->spec.taskdef;

    if (u->in->task_definition.len != 0) {
        return kecs_taskdef_to_run(c, u->in->task_definition, t,
                                   &u->spec.def);
    }

    if (t->family.len == 0) {
        return u->spec.controller == KECS_CONTROLLER_ECS
               ? kecs_bad(c, "TaskDefinition can not be blank.") : KECS_OK;
    }

    t->rec.kind = KECS_TASKDEF;
    t->rec.scope = c->scope;
    rc = kecs_get(c->txn, c->arena, t, KECS_ALL_PARTS);

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_CLIENT, "TaskDefinition not found.");
    }

    return rc == KECS_OK ? kecs_taskdef_load(c, t, &u->spec.def) : rc;
}


/* What is given, over it. */

/* [] goes back to the launch type that stands behind the providers. */

static kecs_rc_t
lay_strategy(kecs_call_t *c, const kecs_ecs_update_service_request_t *in,
    kecs_ecs_service_t *s)
{
    unsigned   launch;
    kecs_rc_t  rc;

    if (!in->capacity_provider_strategy.set) {
        return KECS_OK;
    }

    if (in->capacity_provider_strategy.n != 0) {
        s->launch_type = kecs_null_str;

    } else if (s->capacity_provider_strategy.n != 0) {
        rc = kecs_provider_launch(c, s->capacity_provider_strategy.items[0]
                                     .capacity_provider, &launch);

        if (rc != KECS_OK) {
            return rc;
        }

        s->launch_type = kecs_str_of(kecs_launch_name(launch));
    }

    s->capacity_provider_strategy = in->capacity_provider_strategy;

    return KECS_OK;
}


static void
lay_platform(const kecs_ecs_update_service_request_t *in,
    kecs_ecs_service_t *s)
{
    const kecs_ecs_capacity_provider_strategy_t  *strategy;

    strategy = &s->capacity_provider_strategy;

    if (in->platform_version.len != 0) {
        s->platform_version = in->platform_version;

    } else if (strategy->n != 0
               && !kecs_provider_built_in(
                      strategy->items[0].capacity_provider))
    {
        s->platform_version = kecs_null_str;
    }
}


static void
lay_network(const kecs_ecs_update_service_request_t *in,
    const kecs_ecs_task_definition_t *def, kecs_ecs_service_t *s)
{
    if (in->network_configuration != NULL
        && in->network_configuration->awsvpc_configuration != NULL)
    {
        s->network_configuration = in->network_configuration;

    } else if (!kecs_is_awsvpc(def)) {
        s->network_configuration = NULL;
    }
}


static void
lay_lists(const kecs_ecs_update_service_request_t *in,
    kecs_service_spec_t *spec)
{
    if (in->load_balancers.set) {
        spec->s.load_balancers = in->load_balancers;
    }

    if (in->service_registries.set) {
        spec->s.service_registries = in->service_registries;
    }

    if (in->placement_constraints.set) {
        spec->s.placement_constraints = in->placement_constraints;
    }

    if (in->placement_strategy.set) {
        spec->s.placement_strategy = in->placement_strategy;
    }

    if (in->vpc_lattice_configurations.set) {
        spec->d.vpc_lattice_configurations = in->vpc_lattice_configurations;
    }

    if (in->volume_configurations.set) {
        spec->d.volume_configurations = in->volume_configurations;
    }

    if (in->gateway_connectors.set) {
        spec->r.gateway_connectors = in->gateway_connectors;
    }

    if (in->monitoring != NULL) {
        spec->r.monitoring = in->monitoring;
    }
}


static void
lay_flags(const kecs_ecs_update_service_request_t *in,
    kecs_service_spec_t *spec)
{
    if (in->enable_ecs_managed_tags.set) {
        spec->s.enable_ecs_managed_tags = in->enable_ecs_managed_tags;
    }

    if (in->enable_execute_command.set) {
        spec->s.enable_execute_command = in->enable_execute_command;
    }

    if (in->propagate_tags.len != 0) {
        spec->s.propagate_tags = in->propagate_tags;
    }

    if (in->availability_zone_rebalancing.len != 0) {
        spec->s.availability_zone_rebalancing
            = in->availability_zone_rebalancing;
        spec->rebalancing_asked = true;
    }

    if (in->service_connect_configuration != NULL) {
        spec->d.service_connect_configuration
            = in->service_connect_configuration;
    }
}


static kecs_rc_t
lay(kecs_call_t *c, update_t *u)
{
    kecs_rc_t                                 rc;
    kecs_service_spec_t                      *spec;
    const kecs_ecs_update_service_request_t  *in;

    in = u->in;
    spec = &u->spec;
    rc = lay_strategy(c, in, &spec->s);

    if (rc != KECS_OK) {
        return rc;
    }

    lay_platform(in, &spec->s);

    if (spec->def != NULL) {
        lay_network(in, spec->def, &spec->s);
    }

    lay_lists(in, spec);
    lay_flags(in, spec);

    return kecs_deployment_config(c, spec->strategy,
                                  spec->s.deployment_configuration,
                                  in->deployment_configuration,
                                  &spec->s.deployment_configuration);
}


/* What another deploys stays as its PRIMARY task set has it. */

static kecs_rc_t
settle_foreign(kecs_call_t *c, kecs_service_spec_t *spec)
{
    spec->launch.launch = kecs_launch_of(spec->d.launch_type);
    spec->launch.strategy = spec->d.capacity_provider_strategy;
    spec->launch.platform_version = spec->d.platform_version;
    spec->launch.platform_family = spec->d.platform_family;
    spec->def = NULL;

    return kecs_spec_settle(c, spec);
}


static kecs_rc_t
settle(kecs_call_t *c, update_t *u)
{
    kecs_rc_t             rc;
    kecs_service_spec_t  *spec;

    spec = &u->spec;
    rc = lay(c, u);

    if (rc != KECS_OK) {
        return rc;
    }

    if (u->from != KECS_CONTROLLER_ECS
        && spec->controller != KECS_CONTROLLER_ECS)
    {
        return settle_foreign(c, spec);
    }

    rc = kecs_spec_launch(c, spec);

    return rc == KECS_OK ? kecs_spec_settle(c, spec) : rc;
}


/* What follows from it. */

static void
change_head(update_t *u)
{
    uint32_t                                  desired, grace;
    kecs_service_t                           *s;
    const kecs_ecs_update_service_request_t  *in;

    s = &u->service;
    in = u->in;

    desired = in->desired_count.set ? (uint32_t) in->desired_count.value
                                    : s->desired;
    grace = in->health_check_grace_period_seconds.set
            ? (uint32_t) in->health_check_grace_period_seconds.value
            : s->grace;

    u->changed = u->anew || desired != s->desired || grace != s->grace
                 || !kecs_str_eq(u->spec.service,
                                 s->rec.part[KECS_SERVICE_STATIC]);

    /* the task that is beyond the count of before is not the one meant */

    if (desired != s->desired && s->balancing == KECS_BALANCING_MOVES) {
        s->balancing = KECS_BALANCING_ON;
    }

    s->desired = desired;
    s->grace = grace;
}


/* The running deployment goes on, with the service's new numbers. */

static kecs_rc_t
go_on(kecs_call_t *c, update_t *u)
{
    if (u->spec.controller != KECS_CONTROLLER_ECS) {
        return KECS_OK;
    }

    u->primary.desired = u->service.desired;
    u->primary.updated_at = c->now;
    u->primary.version++;

    return kecs_put(c->txn, &u->primary);
}


/* Another deploys from now on: the deployment becomes a task set. */

static kecs_rc_t
hand_over(kecs_call_t *c, update_t *u)
{
    kecs_rc_t           rc;
    kecs_deployment_t  *d;

    d = &u->primary;
    d->status = KECS_DEPLOYMENT_INACTIVE;
    d->updated_at = c->now;
    d->version++;
    rc = kecs_put(c->txn, d);

    if (rc == KECS_OK) {
        rc = kecs_revision_ended(c, d);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_task_set_first(c, &u->spec, &u->service, d->id,
                               u->spec.controller
                               == KECS_CONTROLLER_CODE_DEPLOY
                               ? kecs_str("CODE_DEPLOY") : kecs_null_str);
}


/* We deploy from now on: the task sets give way to a deployment. */

static kecs_rc_t
take_over(kecs_call_t *c, update_t *u)
{
    kecs_rc_t  rc;

    rc = kecs_task_sets_drain(c, &u->service);
    u->service.primary = 0;

    return rc == KECS_OK ? kecs_deployment_start(c, &u->spec, &u->service)
                         : rc;
}


static kecs_rc_t
check_hand_over(kecs_call_t *c, const update_t *u)
{
    kecs_rc_t                rc;
    kecs_live_deployment_t  *list;

    rc = kecs_deployments_live(c, &u->service, &list);

    if (rc == KECS_OK && (list == NULL || list->next != NULL
                          || list->d.rollout == KECS_ROLLOUT_IN_PROGRESS))
    {
        return kecs_bad(c, "The deployment controller cannot be changed"
                        " while a deployment is in progress.");
    }

    return rc;
}


static kecs_rc_t
deploy(kecs_call_t *c, update_t *u)
{
    bool       ours;
    kecs_rc_t  rc;

    ours = u->spec.controller == KECS_CONTROLLER_ECS;

    if ((u->from == KECS_CONTROLLER_ECS) == ours) {
        return u->anew ? kecs_deployment_start(c, &u->spec, &u->service)
                       : go_on(c, u);
    }

    if (ours) {
        return take_over(c, u);
    }

    rc = check_hand_over(c, u);

    return rc == KECS_OK ? hand_over(c, u) : rc;
}


static kecs_rc_t
fill_controller(kecs_call_t *c, kecs_service_spec_t *spec)
{
    kecs_str_t                         after;
    kecs_ecs_deployment_controller_t  *controller;

    after = kecs_str_of(kecs_controller_name(spec->controller));

    if (spec->s.deployment_controller != NULL
        && kecs_str_eq(spec->s.deployment_controller->type, after))
    {
        return KECS_OK;
    }

    controller = kecs_zalloc(c->arena, sizeof(*controller));

    if (controller == NULL) {
        return KECS_NOMEM;
    }

    controller->type = after;
    spec->s.deployment_controller = controller;

    return KECS_OK;
}


static kecs_rc_t
apply(kecs_call_t *c, update_t *u)
{
    kecs_rc_t    rc;
    kecs_str_t   after;

    rc = kecs_spec_revision(c, &u->spec, &after);

    if (rc == KECS_OK) {
        rc = kecs_spec_connect(c, &u->spec, &u->service);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    u->anew = u->spec.controller == KECS_CONTROLLER_ECS
              && (u->in->force_new_deployment.value
                  || !kecs_str_eq(u->before, after));
    change_head(u);

    if (!u->changed) {
        return KECS_OK;
    }

    kecs_spec_head(&u->spec, &u->service);
    u->service.version++;
    u->service.steady = 0;

    rc = deploy(c, u);

    return rc == KECS_OK ? kecs_put(c->txn, &u->service) : rc;
}


kecs_rc_t
kecs_update_service(kecs_call_t *c, void *input)
{
    update_t   *u;
    kecs_rc_t   rc;

    u = kecs_zalloc(c->arena, sizeof(update_t));

    if (u == NULL) {
        return KECS_NOMEM;
    }

    u->in = input;
    u->spec.update = true;
    rc = kecs_check_input(c, input);

    if (rc == KECS_OK) {
        rc = kecs_find_cluster(c, u->in->cluster,
                               kecs_part_bit(KECS_CLUSTER_CAPACITY),
                               &u->spec.cluster);
    }

    if (rc == KECS_OK) {
        rc = kecs_service_active(c, &u->spec.cluster, u->in->service,
                                 &u->service);
    }

    if (rc == KECS_OK) {
        rc = check(c, u);
    }

    if (rc == KECS_OK) {
        rc = load_stored(c, u);
    }

    if (rc == KECS_OK) {
        rc = load_taskdef(c, u);
    }

    if (rc == KECS_OK) {
        rc = fill_controller(c, &u->spec);
    }

    if (rc == KECS_OK) {
        rc = settle(c, u);
    }

    if (rc == KECS_OK) {
        rc = apply(c, u);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_service_write(c, "service", u->spec.cluster.name,
                              &u->service, KECS_SHOW_REVISIONS);
}


/* DeleteService. */

/* The scheduler stops the tasks, and makes it INACTIVE when they are gone. */

static kecs_rc_t
drain(kecs_call_t *c, kecs_service_t *s)
{
    kecs_rc_t          rc;
    kecs_deployment_t  primary;

    rc = kecs_deployment_primary(c, s, &primary);

    if (rc == KECS_OK) {
        primary.desired = 0;
        primary.updated_at = c->now;
        primary.version++;
        rc = kecs_put(c->txn, &primary);
    }

    if (rc == KECS_OK || rc == KECS_NOT_FOUND) {
        rc = kecs_task_sets_drain(c, s);
    }

    if (rc == KECS_OK) {
        rc = kecs_service_deployments_end(c, s, kecs_str("The service was"
                                          " deleted."));
    }

    if (rc != KECS_OK) {
        return rc;
    }

    s->status = KECS_SERVICE_DRAINING;
    s->desired = 0;
    s->steady = 0;
    s->throttled_until = 0;
    s->version++;

    return kecs_put(c->txn, s);
}


static kecs_rc_t
check_idle(kecs_call_t *c, const kecs_service_t *s)
{
    bool       any;
    kecs_rc_t  rc;

    if (s->desired > 0 && s->strategy != KECS_STRATEGY_DAEMON) {
        return kecs_bad(c, "The service cannot be stopped while it is scaled"
                        " above 0.");
    }

    rc = kecs_task_sets_any(c, s, &any);

    if (rc == KECS_OK && any) {
        return kecs_bad(c, "The service cannot be stopped while deployments"
                        " are active.");
    }

    return rc;
}


/*
 * As ECS was seen to do, this answer alone leaves out of
 * deploymentConfiguration what later releases added, while it has the value
 * that it has by default.
 */

static kecs_rc_t
show_no_defaults(kecs_call_t *c, kecs_service_t *s)
{
    kecs_rc_t                                rc;
    kecs_ecs_service_t                       fixed;
    kecs_ecs_threshold_configuration_t      *t;
    kecs_ecs_deployment_circuit_breaker_t   *b;

    rc = kecs_fragment_load(c, &kecs_ecs_service_shape,
                            s->rec.part[KECS_SERVICE_STATIC], &fixed);

    if (rc != KECS_OK || fixed.deployment_configuration == NULL) {
        return rc;
    }

    if (fixed.deployment_configuration->bake_time_in_minutes.value == 0) {
        fixed.deployment_configuration->bake_time_in_minutes.set = false;
    }

    b = fixed.deployment_configuration->deployment_circuit_breaker;

    if (b != NULL) {
        t = b->threshold_configuration;
        b->reset_on_healthy_task.set = b->reset_on_healthy_task.set
                                       && !b->reset_on_healthy_task.value;

        if (t != NULL && kecs_str_is(t->type, "BOUNDED_PERCENT")
            && t->value.value == KECS_THRESHOLD_PERCENT)
        {
            b->threshold_configuration = NULL;
        }
    }

    s->rec.part[KECS_SERVICE_STATIC]
        = kecs_shape_json(c->arena, &kecs_ecs_service_shape, &fixed);

    return s->rec.part[KECS_SERVICE_STATIC].data != NULL ? KECS_OK
                                                         : KECS_NOMEM;
}


kecs_rc_t
kecs_delete_service(kecs_call_t *c, void *input)
{
    kecs_rc_t                                 rc;
    kecs_cluster_t                            cluster;
    kecs_service_t                            s;
    const kecs_ecs_delete_service_request_t  *in = input;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_cluster(c, in->cluster, 0, &cluster);
    }

    if (rc == KECS_OK) {
        rc = kecs_find_service(c, &cluster, in->service, KECS_ALL_PARTS,
                               &s);
    }

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_SERVICE_NOT_FOUND, NULL);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (s.status == KECS_SERVICE_ACTIVE) {
        rc = in->force.value ? KECS_OK : check_idle(c, &s);

        if (rc == KECS_OK) {
            rc = drain(c, &s);
        }
    }

    if (rc == KECS_OK) {
        rc = show_no_defaults(c, &s);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_service_write(c, "service", cluster.name, &s, 0);
}
