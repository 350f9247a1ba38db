/*
 * How tasks are launched: launch type or capacity providers, platform,
 * network.  In this release the runtime finds a place for every task, so
 * EC2 is accepted without container instances.
 */

#include "launch.h"


#define SUBNETS          16
#define SECURITY_GROUPS   5
#define CONSTRAINTS      10
#define STRATEGIES        5
#define PROVIDERS        20


kecs_rc_t
kecs_taskdef_load(kecs_call_t *c, const kecs_taskdef_t *t,
    kecs_ecs_task_definition_t **def)
{
    void       *out;
    kecs_rc_t   rc;

    out = NULL;
    rc = kecs_shape_load(c->arena, &kecs_ecs_task_definition_shape,
                         t->rec.part[KECS_TASKDEF_BODY], &out);
    *def = out;

    return rc;
}


kecs_rc_t
kecs_taskdef_to_run(kecs_call_t *c, kecs_str_t id, kecs_taskdef_t *t,
    kecs_ecs_task_definition_t **def)
{
    kecs_rc_t  rc;

    if (id.len == 0) {
        return kecs_bad(c, "TaskDefinition can not be blank.");
    }

    rc = kecs_find_taskdef(c, id, kecs_part_bit(KECS_TASKDEF_BODY)
                                  |kecs_part_bit(KECS_TASKDEF_TAGS), t);

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_CLIENT, "TaskDefinition not found.");
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (t->status != KECS_TASKDEF_ACTIVE) {
        return kecs_fail(c, KECS_E_CLIENT, "TaskDefinition is inactive");
    }

    return kecs_taskdef_load(c, t, def);
}


bool
kecs_is_awsvpc(const kecs_ecs_task_definition_t *def)
{
    return kecs_str_is(def->network_mode, "awsvpc");
}


/* Capacity providers. */

/* Name within a short name or an ARN. */

static kecs_str_t
provider_name(kecs_str_t id)
{
    return kecs_str_from(id, (size_t) (kecs_str_rchr(id, '/') + 1));
}


/* A copy with base and weight filled in, as ECS shows it. */

static kecs_rc_t
strategy_settle(kecs_call_t *c, const kecs_ecs_cluster_t *capacity,
    const kecs_ecs_capacity_provider_strategy_t *in,
    kecs_ecs_capacity_provider_strategy_t *out)
{
    bool                                     weighty;
    size_t                                   i;
    kecs_ecs_capacity_provider_strategy_item_t  *item;

    if (in->n > PROVIDERS) {
        return kecs_bad(c, "The capacity provider strategy cannot contain"
                        " more than 20 capacity providers.");
    }

    out->n = in->n;
    out->set = true;
    out->items = kecs_calloc(c->arena, in->n, sizeof(*out->items));

    if (out->items == NULL) {
        return KECS_NOMEM;
    }

    weighty = in->n == 1;

    for (i = 0; i < in->n; i++) {
        item = &out->items[i];
        *item = in->items[i];
        item->capacity_provider = provider_name(item->capacity_provider);
        item->base.set = true;
        item->weight.set = true;
        weighty = weighty || item->weight.value > 0;

        if (!kecs_strs_has(capacity->capacity_providers.n,
                           capacity->capacity_providers.items,
                           item->capacity_provider))
        {
            return kecs_bad(c, "The specified capacity provider strategy"
                            " cannot contain a capacity provider that is"
                            " not associated with the cluster. Associate"
                            " the capacity provider with the cluster and"
                            " try again.");
        }
    }

    if (!weighty) {
        return kecs_bad(c, "There are no capacity providers in the capacity"
                        " provider strategy with a weight value greater"
                        " than zero. Specify a weight value greater than"
                        " zero and try again.");
    }

    return KECS_OK;
}


static kecs_rc_t
by_strategy(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_ecs_capacity_provider_strategy_t *strategy,
    kecs_launch_t *out)
{
    void                *p;
    kecs_rc_t            rc;
    kecs_str_t           json;
    kecs_ecs_cluster_t  *capacity;

    json = cluster->rec.part[KECS_CLUSTER_CAPACITY];

    if (json.data == NULL) {
        json = kecs_str("{}");
    }

    rc = kecs_shape_load(c->arena, &kecs_ecs_cluster_shape, json, &p);

    if (rc != KECS_OK) {
        return rc;
    }

    capacity = p;

    if (strategy == NULL || strategy->n == 0) {
        strategy = &capacity->default_capacity_provider_strategy;
    }

    if (strategy->n == 0) {
        out->launch = KECS_LAUNCH_EC2;
        return KECS_OK;
    }

    rc = strategy_settle(c, capacity, strategy, &out->strategy);

    return rc == KECS_OK
           ? kecs_strategy_launch(c, &out->strategy, &out->launch) : rc;
}


static uint64_t
divisor(uint64_t a, uint64_t b)
{
    uint64_t  t;

    while (b != 0) {
        t = a % b;
        a = b;
        b = t;
    }

    return a;
}


kecs_str_t
kecs_strategy_pick(const kecs_ecs_capacity_provider_strategy_t *strategy,
    uint64_t i)
{
    size_t                                            k;
    uint64_t                                          share, sum, weight;
    const kecs_ecs_capacity_provider_strategy_item_t  *item;

    for (k = 0, share = 0, sum = 0; k < strategy->n; k++) {
        item = &strategy->items[k];

        if (i < (uint64_t) item->base.value) {
            return item->capacity_provider;
        }

        i -= (uint64_t) item->base.value;
        share = divisor(share, (uint64_t) item->weight.value);
        sum += (uint64_t) item->weight.value;
    }

    if (sum == 0) {
        return strategy->n ? strategy->items[0].capacity_provider
                           : kecs_null_str;
    }

    i %= sum / share;

    for (k = 0; k < strategy->n; k++) {
        weight = (uint64_t) strategy->items[k].weight.value / share;

        if (i < weight) {
            break;
        }

        i -= weight;
    }

    return strategy->items[k].capacity_provider;
}


/* Launch types and platforms. */

static kecs_rc_t
compatible(kecs_call_t *c, const kecs_ecs_task_definition_t *def,
    unsigned launch)
{
    size_t  i;

    for (i = 0; i < def->compatibilities.n; i++) {
        if (kecs_str_is(def->compatibilities.items[i],
                        kecs_launch_name(launch)))
        {
            return KECS_OK;
        }
    }

    return kecs_bad(c, "Task definition does not support launch_type %s.",
                    kecs_launch_name(launch));
}


static kecs_rc_t
platform(kecs_call_t *c, const kecs_ecs_task_definition_t *def,
    kecs_str_t version, kecs_launch_t *out)
{
    kecs_str_t  family;

    if (out->launch != KECS_LAUNCH_FARGATE) {
        if (version.len != 0) {
            return kecs_bad(c, "The platform version must be null when"
                            " specifying an EC2 launch type.");
        }

        return KECS_OK;
    }

    family = def->runtime_platform
             ? def->runtime_platform->operating_system_family
             : kecs_null_str;

    if (kecs_str_starts(family, kecs_str("WINDOWS"))) {
        out->platform_family = family;
        out->platform_version = kecs_str("1.0.0");

    } else {
        out->platform_family = kecs_str("Linux");
        out->platform_version = kecs_str("1.4.0");
    }

    out->version_asked = version.len ? version : kecs_str("LATEST");

    if (!kecs_str_is(out->version_asked, "LATEST")
        && !kecs_str_eq(out->version_asked, out->platform_version))
    {
        return kecs_fail(c, KECS_E_PLATFORM_UNKNOWN,
                         "The specified platform version does not exist.");
    }

    return KECS_OK;
}


kecs_rc_t
kecs_launch_resolve(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_ecs_task_definition_t *def, kecs_str_t type,
    const kecs_ecs_capacity_provider_strategy_t *strategy,
    kecs_str_t version, kecs_launch_t *out)
{
    kecs_rc_t  rc;

    memset(out, 0, sizeof(kecs_launch_t));

    if (type.len != 0) {
        if (strategy != NULL && strategy->n != 0) {
            return kecs_bad(c, "Specifying both a launch type and capacity"
                            " provider strategy is not supported. Remove"
                            " one and try again.");
        }

        out->launch = kecs_launch_of(type);

        if (out->launch == 0) {
            return kecs_bad(c, "launch type should be one of"
                            " [EC2,FARGATE,EXTERNAL,FMI,"
                            "MANAGED_INSTANCES]");
        }

    } else {
        rc = by_strategy(c, cluster, strategy, out);

        if (rc != KECS_OK) {
            return rc;
        }
    }

    rc = compatible(c, def, out->launch);

    return rc == KECS_OK ? platform(c, def, version, out) : rc;
}


/* Network and placement. */

static kecs_rc_t
vpc_check(kecs_call_t *c, unsigned launch,
    const kecs_ecs_aws_vpc_configuration_t *vpc)
{
    if (vpc->subnets.n == 0) {
        return kecs_bad(c, "subnets can not be empty.");
    }

    if (vpc->subnets.n > SUBNETS) {
        return kecs_bad(c, "subnets can have at most %d items.", SUBNETS);
    }

    if (vpc->security_groups.n > SECURITY_GROUPS) {
        return kecs_bad(c, "securityGroups can have at most %d items.",
                        SECURITY_GROUPS);
    }

    if (vpc->assign_public_ip.len != 0
        && !kecs_str_is(vpc->assign_public_ip, "ENABLED")
        && !kecs_str_is(vpc->assign_public_ip, "DISABLED"))
    {
        return kecs_bad(c, "assignPublicIp should be one of"
                        " [ENABLED,DISABLED]");
    }

    if (launch != KECS_LAUNCH_FARGATE
        && kecs_str_is(vpc->assign_public_ip, "ENABLED"))
    {
        return kecs_bad(c, "Assign public IP is not supported for this"
                        " launch type.");
    }

    return KECS_OK;
}


kecs_rc_t
kecs_network_settle(kecs_call_t *c, const kecs_ecs_task_definition_t *def,
    unsigned launch, const kecs_ecs_network_configuration_t *in,
    kecs_ecs_network_configuration_t **out)
{
    kecs_rc_t                          rc;
    kecs_ecs_aws_vpc_configuration_t  *vpc;

    *out = NULL;

    if (in == NULL || in->awsvpc_configuration == NULL) {
        return kecs_is_awsvpc(def)
               ? kecs_bad(c, "Network Configuration must be provided when"
                          " networkMode 'awsvpc' is specified.")
               : KECS_OK;
    }

    if (!kecs_is_awsvpc(def)) {
        return kecs_bad(c, "Network Configuration is not valid for the"
                        " given networkMode of this task definition.");
    }

    rc = vpc_check(c, launch, in->awsvpc_configuration);

    if (rc != KECS_OK) {
        return rc;
    }

    *out = kecs_zalloc(c->arena, sizeof(**out));
    vpc = kecs_zalloc(c->arena, sizeof(*vpc));

    if (*out == NULL || vpc == NULL) {
        return KECS_NOMEM;
    }

    *vpc = *in->awsvpc_configuration;
    vpc->security_groups.set = true;

    if (vpc->assign_public_ip.len == 0) {
        vpc->assign_public_ip = kecs_str("DISABLED");
    }

    (*out)->awsvpc_configuration = vpc;

    return KECS_OK;
}


static kecs_rc_t
strategies_check(kecs_call_t *c,
    const kecs_ecs_placement_strategies_t *strategies)
{
    size_t      i;
    kecs_str_t  type, field;

    for (i = 0; i < strategies->n; i++) {
        type = strategies->items[i].type;
        field = strategies->items[i].field;

        if (kecs_str_is(type, "binpack") && !kecs_str_is(field, "cpu")
            && !kecs_str_is(field, "memory")
            && !kecs_str_is(field, "CPU") && !kecs_str_is(field, "MEMORY"))
        {
            return kecs_bad(c, "binpack field '%.*s' is invalid",
                            kecs_fmt(field));
        }

        if (!kecs_str_is(type, "binpack") && !kecs_str_is(type, "spread")
            && !kecs_str_is(type, "random"))
        {
            return kecs_bad(c, "placement strategy type should be one of"
                            " [random,spread,binpack]");
        }
    }

    return KECS_OK;
}


kecs_rc_t
kecs_placement_check(kecs_call_t *c, unsigned launch,
    const kecs_ecs_placement_constraints_t *constraints,
    const kecs_ecs_placement_strategies_t *strategies)
{
    size_t      i;
    kecs_str_t  type;

    if (launch == KECS_LAUNCH_FARGATE) {
        if (constraints->n != 0) {
            return kecs_bad(c, "Placement constraints are not supported"
                            " with FARGATE launch type.");
        }

        if (strategies->n != 0) {
            return kecs_bad(c, "Placement strategies are not supported"
                            " with FARGATE launch type.");
        }
    }

    if (constraints->n > CONSTRAINTS || strategies->n > STRATEGIES) {
        return kecs_bad(c, "There can be at most %d placement constraints"
                        " and %d placement strategies.", CONSTRAINTS,
                        STRATEGIES);
    }

    for (i = 0; i < constraints->n; i++) {
        type = constraints->items[i].type;

        if (!kecs_str_is(type, "memberOf")
            && !kecs_str_is(type, "distinctInstance"))
        {
            return kecs_bad(c, "placement constraint type should be one of"
                            " [distinctInstance,memberOf]");
        }
    }

    return strategies_check(c, strategies);
}
