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
    kecs_str_t                          before;   /* revision, as text */
    bool                                anew;     /* a new deployment */
    bool                                changed;
} update_t;


static kecs_rc_t
find_active(kecs_call_t *c, const kecs_cluster_t *cluster, kecs_str_t id,
    kecs_service_t *s)
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


static kecs_rc_t
check(kecs_call_t *c, const kecs_ecs_update_service_request_t *in)
{
    kecs_rc_t  rc;

    rc = kecs_service_check(c, in->deployment_controller, in->propagate_tags,
                            in->volume_configurations.n != 0,
                            in->gateway_connectors.n != 0);

    if (rc != KECS_OK) {
        return rc;
    }

    if (in->desired_count.set && in->desired_count.value < 0) {
        return kecs_bad(c, "Task count can not be lesser than 0");
    }

    return kecs_grace_check(c, in->health_check_grace_period_seconds);
}


/* What is stored, as a spec. */

static kecs_rc_t
load_stored(kecs_call_t *c, update_t *u)
{
    kecs_rc_t             rc;
    kecs_service_spec_t  *spec;

    spec = &u->spec;
    rc = kecs_deployment_primary(c, &u->service, &u->primary);

    if (rc == KECS_NOT_FOUND) {
        return KECS_CORRUPT;
    }

    if (rc == KECS_OK) {
        rc = kecs_fragment_load(c, &kecs_ecs_service_shape,
                                u->service.rec.part[KECS_SERVICE_STATIC],
                                &spec->s);
    }

    if (rc == KECS_OK) {
        rc = kecs_fragment_load(c, &kecs_ecs_deployment_shape,
                                u->primary.rec.part[KECS_DEPLOYMENT_STATIC],
                                &spec->d);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    spec->s.launch_type = spec->d.launch_type;
    spec->taskdef.family = u->service.family;
    spec->taskdef.revision = u->service.revision;

    return kecs_spec_revision(c, spec, &u->before);
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

static void
lay_strategy(const kecs_ecs_update_service_request_t *in,
    kecs_ecs_service_t *s)
{
    if (!in->capacity_provider_strategy.set) {
        return;
    }

    if (in->capacity_provider_strategy.n != 0) {
        s->launch_type = kecs_null_str;

    } else if (s->capacity_provider_strategy.n != 0) {
        s->launch_type = kecs_str_of(kecs_launch_name(kecs_provider_launch(
            s->capacity_provider_strategy.items[0].capacity_provider)));
    }

    s->capacity_provider_strategy = in->capacity_provider_strategy;
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
               && kecs_provider_launch(strategy->items[0].capacity_provider)
                  != KECS_LAUNCH_FARGATE)
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
    }

    if (in->service_connect_configuration != NULL) {
        spec->d.service_connect_configuration
            = in->service_connect_configuration;
    }
}


static kecs_rc_t
settle(kecs_call_t *c, update_t *u)
{
    kecs_rc_t                                 rc;
    kecs_service_spec_t                      *spec;
    const kecs_ecs_update_service_request_t  *in;

    in = u->in;
    spec = &u->spec;

    lay_strategy(in, &spec->s);
    lay_platform(in, &spec->s);
    lay_network(in, spec->def, &spec->s);
    lay_lists(in, spec);
    lay_flags(in, spec);

    rc = kecs_deployment_config(c, spec->s.deployment_configuration,
                                in->deployment_configuration,
                                &spec->s.deployment_configuration);

    if (rc == KECS_OK) {
        rc = kecs_spec_launch(c, spec);
    }

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

    s->desired = desired;
    s->grace = grace;
}


/* The running deployment goes on, with the service's new numbers. */

static kecs_rc_t
go_on(kecs_call_t *c, update_t *u)
{
    u->primary.desired = u->service.desired;
    u->primary.updated_at = c->now;
    u->primary.version++;

    return kecs_put(c->txn, &u->primary);
}


static kecs_rc_t
apply(kecs_call_t *c, update_t *u)
{
    kecs_rc_t    rc;
    kecs_str_t   after;

    rc = kecs_spec_revision(c, &u->spec, &after);

    if (rc != KECS_OK) {
        return rc;
    }

    u->anew = u->in->force_new_deployment.value
              || !kecs_str_eq(u->before, after);
    change_head(u);

    if (!u->changed) {
        return KECS_OK;
    }

    kecs_spec_head(&u->spec, &u->service);
    u->service.version++;
    u->service.steady = 0;

    rc = u->anew ? kecs_deployment_start(c, &u->spec, &u->service)
                 : go_on(c, u);

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
        rc = find_active(c, &u->spec.cluster, u->in->service, &u->service);
    }

    if (rc == KECS_OK) {
        rc = check(c, u->in);
    }

    if (rc == KECS_OK) {
        rc = load_stored(c, u);
    }

    if (rc == KECS_OK) {
        rc = load_taskdef(c, u);
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

    if (rc != KECS_OK && rc != KECS_NOT_FOUND) {
        return rc;
    }

    s->status = KECS_SERVICE_DRAINING;
    s->desired = 0;
    s->steady = 0;
    s->throttled_until = 0;
    s->version++;

    return kecs_put(c->txn, s);
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
        if (s.desired > 0 && !in->force.value) {
            return kecs_bad(c, "The service cannot be stopped while it is"
                            " scaled above 0.");
        }

        rc = drain(c, &s);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_service_write(c, "service", cluster.name, &s, 0);
}
