/*
 * CreateService.  It only puts records: the service, its PRIMARY deployment
 * (or task set, where another deploys), and what the client token stands
 * for; the scheduler starts the tasks.  A name is free again once its
 * service is INACTIVE.
 */

#include "service_intern.h"


#define TOKEN_MAX   36
#define SHA256_LEN  32


/* Checks. */

static kecs_rc_t
check_name(kecs_call_t *c, const kecs_ecs_create_service_request_t *in)
{
    if (!kecs_name_ok(in->service_name)) {
        return kecs_bad(c, "Invalid service name: up to 255 letters"
                        " (uppercase and lowercase), numbers, underscores,"
                        " and hyphens are allowed.");
    }

    if (kecs_str_utf8_len(in->client_token) > TOKEN_MAX) {
        return kecs_bad(c, "idempotency token longer than %d.", TOKEN_MAX);
    }

    return KECS_OK;
}


static kecs_rc_t
check_kinds(kecs_call_t *c, const kecs_ecs_create_service_request_t *in,
    kecs_service_spec_t *spec)
{
    kecs_rc_t  rc;

    spec->strategy = KECS_STRATEGY_REPLICA;

    if (in->scheduling_strategy.data != NULL) {
        spec->strategy = kecs_strategy_of(in->scheduling_strategy);
    }

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "Scheduling strategy",
                         &kecs_ecs_scheduling_strategy_shape,
                         in->scheduling_strategy);

    spec->controller = KECS_CONTROLLER_ECS;

    return rc == KECS_OK
           ? kecs_service_check(c, in->deployment_controller,
                                in->propagate_tags, spec)
           : rc;
}


static kecs_rc_t
check_counts(kecs_call_t *c, const kecs_ecs_create_service_request_t *in,
    const kecs_service_spec_t *spec)
{
    if (!in->desired_count.set && spec->strategy != KECS_STRATEGY_DAEMON
        && spec->controller != KECS_CONTROLLER_EXTERNAL)
    {
        return kecs_bad(c, "DesiredCount is missing");
    }

    return kecs_counts_check(c, spec->strategy, in->desired_count,
                             in->health_check_grace_period_seconds,
                             "DesiredCount");
}


/* The spec. */

static kecs_opt_bool_t
given_or_false(kecs_opt_bool_t b)
{
    b.set = true;

    return b;
}


static void
spec_of_input(kecs_call_t *c, kecs_ecs_create_service_request_t *in,
    kecs_service_spec_t *spec)
{
    kecs_ecs_service_t  *s;

    s = &spec->s;
    s->launch_type = in->launch_type;
    s->capacity_provider_strategy = in->capacity_provider_strategy;
    s->platform_version = in->platform_version;
    s->network_configuration = in->network_configuration;
    s->load_balancers = in->load_balancers;
    s->service_registries = in->service_registries;
    s->placement_constraints = in->placement_constraints;
    s->placement_strategy = in->placement_strategy;
    s->availability_zone_rebalancing = in->availability_zone_rebalancing;
    spec->rebalancing_asked = true;
    s->enable_ecs_managed_tags = given_or_false(in->enable_ecs_managed_tags);
    s->enable_execute_command = given_or_false(in->enable_execute_command);
    s->propagate_tags = in->propagate_tags.len ? in->propagate_tags
                                               : kecs_str("NONE");
    s->resource_management_type = kecs_str("CUSTOMER");
    s->created_by = c->principal;

    spec->d.service_connect_configuration
        = in->service_connect_configuration;
    spec->d.vpc_lattice_configurations = in->vpc_lattice_configurations;
    spec->d.volume_configurations = in->volume_configurations;
    spec->r.monitoring = in->monitoring;
    spec->r.gateway_connectors = in->gateway_connectors;
}


/* The role that ECS uses for network interfaces and load balancers. */

static kecs_rc_t
fill_role(kecs_call_t *c, kecs_str_t role, kecs_ecs_service_t *s)
{
    if (kecs_str_starts(role, kecs_str("arn:"))) {
        s->role_arn = role;
        return KECS_OK;
    }

    if (role.len != 0) {
        s->role_arn = kecs_arn_iam(c->arena, c->region, c->account,
                                   kecs_str("role"), role);

    } else if (s->network_configuration != NULL
               || s->load_balancers.n != 0)
    {
        s->role_arn = kecs_arn_iam(c->arena, c->region, c->account,
                                   kecs_str("role"),
                                   kecs_str("aws-service-role"),
                                   kecs_str("ecs.amazonaws.com"),
                                   kecs_str("AWSServiceRoleForECS"));

    } else {
        return KECS_OK;
    }

    return s->role_arn.data != NULL ? KECS_OK : KECS_NOMEM;
}


/* What the task sets of an EXTERNAL service say, the service does not. */

static kecs_rc_t
check_external(kecs_call_t *c, const kecs_ecs_create_service_request_t *in)
{
    size_t  i;

    const struct {
        bool         given;
        const char  *name;
    } members[] = {
        { in->task_definition.len != 0, "TaskDefinition" },
        { in->launch_type.len != 0, "LaunchType" },
        { in->capacity_provider_strategy.n != 0,
          "CapacityProviderStrategy" },
        { in->platform_version.len != 0, "PlatformVersion" },
        { in->network_configuration != NULL
          && in->network_configuration->awsvpc_configuration != NULL,
          "NetworkConfiguration" },
        { in->load_balancers.n != 0, "LoadBalancers" },
        { in->service_registries.n != 0, "ServiceRegistries" },
        { in->volume_configurations.n != 0, "VolumeConfigurations" },
        { in->service_connect_configuration != NULL
          && in->service_connect_configuration->enabled.value,
          "ServiceConnectConfiguration" },
        { in->vpc_lattice_configurations.n != 0,
          "VpcLatticeConfigurations" },
        { in->gateway_connectors.n != 0, "GatewayConnectors" },
        { in->monitoring != NULL, "Monitoring" }
    };

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (members[i].given) {
            return kecs_bad(c, "%s must be blank", members[i].name);
        }
    }

    return KECS_OK;
}


static kecs_rc_t
make_controller(kecs_call_t *c, kecs_service_spec_t *spec)
{
    kecs_ecs_deployment_controller_t  *controller;

    controller = kecs_zalloc(c->arena, sizeof(*controller));

    if (controller == NULL) {
        return KECS_NOMEM;
    }

    controller->type = kecs_str_of(kecs_controller_name(spec->controller));
    spec->s.deployment_controller = controller;

    return KECS_OK;
}


/* The definition and how its tasks are launched. */

static kecs_rc_t
make_tasks(kecs_call_t *c, const kecs_ecs_create_service_request_t *in,
    kecs_service_spec_t *spec)
{
    kecs_rc_t  rc;

    if (spec->controller == KECS_CONTROLLER_EXTERNAL) {
        return check_external(c, in);
    }

    rc = kecs_taskdef_to_run(c, in->task_definition, &spec->taskdef,
                             &spec->def);

    if (rc == KECS_OK) {
        rc = kecs_spec_launch(c, spec);
    }

    if (rc == KECS_OK && spec->controller == KECS_CONTROLLER_CODE_DEPLOY
        && in->load_balancers.n == 0)
    {
        rc = kecs_bad(c, "A load balancer is required for services that use"
                      " the CODE_DEPLOY deployment controller.");
    }

    return rc;
}


static kecs_rc_t
make_spec(kecs_call_t *c, kecs_ecs_create_service_request_t *in,
    kecs_service_spec_t *spec)
{
    kecs_rc_t  rc;

    spec_of_input(c, in, spec);
    rc = make_tasks(c, in, spec);

    if (rc == KECS_OK) {
        rc = check_counts(c, in, spec);
    }

    if (rc == KECS_OK) {
        rc = kecs_deployment_config(c, spec->strategy, NULL,
                                    in->deployment_configuration,
                                    &spec->s.deployment_configuration);
    }

    if (rc == KECS_OK) {
        rc = make_controller(c, spec);
    }

    if (rc == KECS_OK) {
        rc = fill_role(c, in->role, &spec->s);
    }

    return rc == KECS_OK ? kecs_spec_settle(c, spec) : rc;
}


/* Names and tokens. */

/*
 * A token counts for one name in one cluster, and for one request: what
 * differs is not idempotent, save the tags.
 */

static kecs_rc_t
request_hash(kecs_call_t *c, const kecs_ecs_create_service_request_t *in,
    uint8_t *hash)
{
    kecs_ecs_create_service_request_t  same;

    memset(hash, 0, SHA256_LEN);

    if (in->client_token.len == 0) {
        return KECS_OK;
    }

    same = *in;
    same.client_token = kecs_null_str;
    same.cluster = kecs_null_str;
    memset(&same.tags, 0, sizeof(same.tags));

    return kecs_request_hash(c, &same, hash);
}


static kecs_str_t
token_key(kecs_call_t *c, const kecs_ecs_create_service_request_t *in,
    const kecs_cluster_t *cluster)
{
    return kecs_sprintf(c->arena, "%u/%.*s/%.*s", cluster->no,
                        kecs_fmt(in->service_name),
                        kecs_fmt(in->client_token));
}


static kecs_rc_t
keep_token(kecs_call_t *c, const kecs_ecs_create_service_request_t *in,
    const kecs_cluster_t *cluster, const uint8_t *hash, uint32_t no)
{
    kecs_str_t  key, result;

    if (in->client_token.len == 0) {
        return KECS_OK;
    }

    key = token_key(c, in, cluster);
    result = kecs_sprintf(c->arena, "%u", no);

    if (key.data == NULL || result.data == NULL) {
        return KECS_NOMEM;
    }

    return kecs_token_keep(c, "CreateService", key, hash, result);
}


/* KECS_DONE: it is what an earlier request with this token made. */

static kecs_rc_t
same_request(kecs_call_t *c, const kecs_ecs_create_service_request_t *in,
    const kecs_cluster_t *cluster, const uint8_t *hash,
    const kecs_service_t *s)
{
    uint64_t      no;
    kecs_rc_t     rc;
    kecs_str_t    key;
    kecs_token_t  token;

    rc = KECS_NOT_FOUND;

    if (in->client_token.len != 0) {
        key = token_key(c, in, cluster);

        if (key.data == NULL) {
            return KECS_NOMEM;
        }

        rc = kecs_token_find(c, "CreateService", key, &token);
    }

    if (rc == KECS_OK && kecs_str_u64(token.result, &no) && no == s->no
        && memcmp(token.hash, hash, sizeof(token.hash)) == 0)
    {
        return KECS_DONE;
    }

    if (rc != KECS_OK && rc != KECS_NOT_FOUND) {
        return rc;
    }

    return kecs_bad(c, "Creation of service was not idempotent.");
}


/*
 * Removes an INACTIVE service whose name is used again, with its events and
 * what has not ended; the rest is history that expires in its own time.
 */

static kecs_rc_t
first_left(kecs_call_t *c, const kecs_service_t *s, kecs_kind_t kind,
    kecs_any_t *rec)
{
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_scan_t  *scan;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, s->cluster);
    kecs_key_u32(&prefix, s->no);
    memset(rec, 0, sizeof(kecs_any_t));

    rc = kind == KECS_DEPLOYMENT
         ? kecs_scan(c->txn, c->arena, KECS_IX_DEPLOYMENT_LIVE, s->rec.scope,
                     &prefix, kecs_null_str, false, &scan)
         : kecs_scan_records(c->txn, c->arena, kind, s->rec.scope, &prefix,
                             kecs_null_str, false, &scan);

    return rc == KECS_OK ? kecs_scan_first(scan, rec) : rc;
}


static kecs_rc_t
forget(kecs_call_t *c, kecs_service_t *s)
{
    size_t       i;
    kecs_rc_t    rc;
    kecs_any_t   rec;
    static const kecs_kind_t  kinds[] = {
        KECS_EVENT, KECS_DEPLOYMENT, KECS_TASK_SET, KECS_EXPRESS
    };

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        do {
            rc = first_left(c, s, kinds[i], &rec);

            if (rc == KECS_OK && kinds[i] == KECS_DEPLOYMENT) {
                rc = kecs_revision_ended(c, &rec.deployment);
            }

            if (rc == KECS_OK) {
                rc = kecs_del(c->txn, &rec);
            }
        } while (rc == KECS_OK);

        if (rc != KECS_DONE) {
            return rc;
        }
    }

    rc = kecs_service_deployments_end(c, s, kecs_str("The service was"
                                      " deleted."));

    return rc == KECS_OK ? kecs_del(c->txn, s) : rc;
}


/* KECS_OK: the name is free; KECS_DONE: *s is what the token stands for. */

static kecs_rc_t
claim_name(kecs_call_t *c, const kecs_ecs_create_service_request_t *in,
    const kecs_cluster_t *cluster, const uint8_t *hash, kecs_service_t *s)
{
    kecs_rc_t  rc;

    rc = kecs_find_service(c, cluster, in->service_name, KECS_ALL_PARTS, s);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    switch (s->status) {

    case KECS_SERVICE_ACTIVE:
        return same_request(c, in, cluster, hash, s);

    case KECS_SERVICE_DRAINING:
        return kecs_bad(c, "Unable to Start a service that is still"
                        " Draining.");

    default:
        return forget(c, s);
    }
}


/* Making. */

/* CodeDeploy's first task set is made with the service. */

static kecs_rc_t
start(kecs_call_t *c, const kecs_service_spec_t *spec, kecs_service_t *s)
{
    switch (spec->controller) {

    case KECS_CONTROLLER_ECS:
        return kecs_deployment_start(c, spec, s);

    case KECS_CONTROLLER_CODE_DEPLOY:
        return kecs_task_set_first(c, spec, s, 0,
                                   kecs_str("CODE_DEPLOY"));

    default:
        return KECS_OK;
    }
}


static kecs_rc_t
create(kecs_call_t *c, const kecs_ecs_create_service_request_t *in,
    const kecs_service_spec_t *spec, const uint8_t *hash, kecs_service_t *s)
{
    kecs_rc_t   rc;
    kecs_str_t  tags;

    memset(s, 0, sizeof(kecs_service_t));
    s->rec.kind = KECS_SERVICE;
    s->rec.scope = c->scope;
    s->cluster = spec->cluster.no;
    s->status = KECS_SERVICE_ACTIVE;
    s->desired = (uint32_t) in->desired_count.value;
    s->grace = (uint32_t) in->health_check_grace_period_seconds.value;
    s->version = 1;
    s->created_at = c->now;
    s->name = in->service_name;
    kecs_spec_head(spec, s);

    rc = kecs_tags_json(c, in->tags.items, in->tags.n, &tags);

    if (rc != KECS_OK) {
        return rc;
    }

    if (in->tags.n != 0) {
        kecs_rec_part(&s->rec, KECS_SERVICE_TAGS, tags);
    }

    rc = kecs_number_next(c->txn, "service", &s->no);

    if (rc == KECS_OK) {
        rc = kecs_spec_connect(c, spec, s);
    }

    if (rc == KECS_OK) {
        rc = start(c, spec, s);
    }

    if (rc == KECS_OK) {
        rc = kecs_put(c->txn, s);
    }

    return rc == KECS_OK ? keep_token(c, in, &spec->cluster, hash, s->no)
                         : rc;
}


kecs_rc_t
kecs_create_service(kecs_call_t *c, void *input)
{
    uint8_t                             hash[SHA256_LEN];
    kecs_rc_t                           rc;
    kecs_service_t                      s;
    kecs_service_spec_t                *spec;
    kecs_ecs_create_service_request_t  *in = input;

    spec = kecs_zalloc(c->arena, sizeof(kecs_service_spec_t));

    if (spec == NULL) {
        return KECS_NOMEM;
    }

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = request_hash(c, in, hash);
    }

    if (rc == KECS_OK) {
        rc = kecs_find_cluster(c, in->cluster,
                               kecs_part_bit(KECS_CLUSTER_CAPACITY),
                               &spec->cluster);
    }

    if (rc == KECS_OK) {
        rc = check_name(c, in);
    }

    if (rc == KECS_OK) {
        rc = claim_name(c, in, &spec->cluster, hash, &s);
    }

    if (rc == KECS_OK) {
        rc = check_kinds(c, in, spec);
    }

    if (rc == KECS_OK) {
        rc = make_spec(c, in, spec);
    }

    if (rc == KECS_OK) {
        rc = create(c, in, spec, hash, &s);
    }

    if (rc != KECS_OK && rc != KECS_DONE) {
        return rc;
    }

    return kecs_service_write(c, "service", spec->cluster.name, &s,
                              KECS_SHOW_REVISIONS
                              |(in->tags.n != 0 ? KECS_SHOW_TAGS : 0));
}
