/*
 * The field tables of all record kinds and the names of their states.
 * The key fields come first, in key order; every other field is packed into
 * the head in the order given here.  Fields are only ever appended: an older
 * head then unpacks with zeros in the fields it did not have.
 *
 * Everything here is constant; any thread may use it.
 */

#include "record.h"


#define field(s, type, member)                                               \
    { #member, KECS_F_ ## type, offsetof(s, member) }

#define countof(a)  (sizeof(a) / sizeof((a)[0]))


static const kecs_field_t  cluster_fields[] = {
    field(kecs_cluster_t, U32, no),
    field(kecs_cluster_t, U8, status),
    field(kecs_cluster_t, TIME, created_at),
    field(kecs_cluster_t, TIME, deleted_at),
    field(kecs_cluster_t, STR, name),
    field(kecs_cluster_t, STR, namespace)
};


static const kecs_field_t  family_fields[] = {
    field(kecs_family_t, STR, name),
    field(kecs_family_t, U32, last),
    field(kecs_family_t, U32, active),
    field(kecs_family_t, U32, latest),
    field(kecs_family_t, U32, purged)
};


static const kecs_field_t  taskdef_fields[] = {
    field(kecs_taskdef_t, STR, family),
    field(kecs_taskdef_t, U32, revision),
    field(kecs_taskdef_t, U8, status),
    field(kecs_taskdef_t, TIME, registered_at),
    field(kecs_taskdef_t, TIME, deregistered_at),
    field(kecs_taskdef_t, TIME, delete_requested_at)
};


static const kecs_field_t  task_fields[] = {
    field(kecs_task_t, U32, cluster),
    field(kecs_task_t, ID, id),
    field(kecs_task_t, U32, service),
    field(kecs_task_t, U64, deployment),
    field(kecs_task_t, U32, revision),
    field(kecs_task_t, U32, version),
    field(kecs_task_t, U8, status),
    field(kecs_task_t, U8, desired),
    field(kecs_task_t, U8, launch),
    field(kecs_task_t, U8, stop_code),
    field(kecs_task_t, U8, health),
    field(kecs_task_t, U8, connectivity),
    field(kecs_task_t, U8, posted),
    field(kecs_task_t, TIME, created_at),
    field(kecs_task_t, TIME, connectivity_at),
    field(kecs_task_t, TIME, pull_started_at),
    field(kecs_task_t, TIME, pull_stopped_at),
    field(kecs_task_t, TIME, started_at),
    field(kecs_task_t, TIME, stopping_at),
    field(kecs_task_t, TIME, execution_stopped_at),
    field(kecs_task_t, TIME, stopped_at),
    field(kecs_task_t, STR, family),
    field(kecs_task_t, STR, group),
    field(kecs_task_t, STR, started_by),
    field(kecs_task_t, STR, stopped_reason),
    field(kecs_task_t, STR, zone),
    field(kecs_task_t, STR, node),
    field(kecs_task_t, STR, handle),
    field(kecs_task_t, STR, provider),
    field(kecs_task_t, ID, instance),
    field(kecs_task_t, TIME, protected_until),
    field(kecs_task_t, U32, cpu),
    field(kecs_task_t, U32, memory),
    field(kecs_task_t, STR, ports),
    field(kecs_task_t, STR, groups),
    field(kecs_task_t, STR, gpus)
};


static const kecs_field_t  service_fields[] = {
    field(kecs_service_t, U32, cluster),
    field(kecs_service_t, U32, no),
    field(kecs_service_t, U8, status),
    field(kecs_service_t, U8, strategy),
    field(kecs_service_t, U8, launch),
    field(kecs_service_t, U8, steady),
    field(kecs_service_t, U32, desired),
    field(kecs_service_t, U32, min_percent),
    field(kecs_service_t, U32, max_percent),
    field(kecs_service_t, U32, grace),
    field(kecs_service_t, U32, version),
    field(kecs_service_t, U64, primary),
    field(kecs_service_t, TIME, created_at),
    field(kecs_service_t, TIME, deleted_at),
    field(kecs_service_t, TIME, throttled_until),
    field(kecs_service_t, TIME, steady_at),
    field(kecs_service_t, STR, name),
    field(kecs_service_t, STR, family),
    field(kecs_service_t, U32, revision),
    field(kecs_service_t, STR, namespace),
    field(kecs_service_t, U8, controller),
    field(kecs_service_t, U64, completed),
    field(kecs_service_t, U8, counted),
    field(kecs_service_t, U8, rebalance),
    field(kecs_service_t, U8, balancing),
    field(kecs_service_t, TIME, balance_at)
};


static const kecs_field_t  deployment_fields[] = {
    field(kecs_deployment_t, U32, cluster),
    field(kecs_deployment_t, U32, service),
    field(kecs_deployment_t, U64, id),
    field(kecs_deployment_t, U8, status),
    field(kecs_deployment_t, U8, rollout),
    field(kecs_deployment_t, U32, desired),
    field(kecs_deployment_t, U32, failed),
    field(kecs_deployment_t, U32, revision),
    field(kecs_deployment_t, U32, version),
    field(kecs_deployment_t, TIME, created_at),
    field(kecs_deployment_t, TIME, updated_at),
    field(kecs_deployment_t, STR, family),
    field(kecs_deployment_t, STR, reason),
    field(kecs_deployment_t, U64, rollout_of),
    field(kecs_deployment_t, U32, healthy)
};


/* Service deployments, service revisions, task sets. */

static const kecs_field_t  service_deployment_fields[] = {
    field(kecs_service_deployment_t, U32, cluster),
    field(kecs_service_deployment_t, U32, service),
    field(kecs_service_deployment_t, U64, id),
    field(kecs_service_deployment_t, U8, status),
    field(kecs_service_deployment_t, U64, run),
    field(kecs_service_deployment_t, TIME, created_at),
    field(kecs_service_deployment_t, TIME, started_at),
    field(kecs_service_deployment_t, TIME, finished_at),
    field(kecs_service_deployment_t, TIME, stopped_at),
    field(kecs_service_deployment_t, TIME, updated_at),
    field(kecs_service_deployment_t, TIME, rollback_at),
    field(kecs_service_deployment_t, STR, name),
    field(kecs_service_deployment_t, STR, reason),
    field(kecs_service_deployment_t, STR, rollback_reason),
    field(kecs_service_deployment_t, U8, breaker),
    field(kecs_service_deployment_t, U8, threshold_type),
    field(kecs_service_deployment_t, U32, threshold_value),
    field(kecs_service_deployment_t, U32, version),
    field(kecs_service_deployment_t, U8, strategy),
    field(kecs_service_deployment_t, U8, stage),
    field(kecs_service_deployment_t, TIME, stage_at),
    field(kecs_service_deployment_t, U32, hooks),
    field(kecs_service_deployment_t, U32, awaiting),
    field(kecs_service_deployment_t, TIME, hook_at),
    field(kecs_service_deployment_t, U32, weight),
    field(kecs_service_deployment_t, U32, test_weight),
    field(kecs_service_deployment_t, U32, step),
    field(kecs_service_deployment_t, U32, step_bake),
    field(kecs_service_deployment_t, U32, bake),
    field(kecs_service_deployment_t, U8, early),
    field(kecs_service_deployment_t, U32, early_percent),
    field(kecs_service_deployment_t, TIME, call_at),
    field(kecs_service_deployment_t, U8, alarms)
};


static const kecs_field_t  revision_fields[] = {
    field(kecs_revision_t, U32, cluster),
    field(kecs_revision_t, U32, service),
    field(kecs_revision_t, U64, id),
    field(kecs_revision_t, U32, revision),
    field(kecs_revision_t, TIME, created_at),
    field(kecs_revision_t, TIME, ended_at),
    field(kecs_revision_t, STR, family),
    field(kecs_revision_t, STR, platform)
};


static const kecs_field_t  task_set_fields[] = {
    field(kecs_task_set_t, U32, cluster),
    field(kecs_task_set_t, U32, service),
    field(kecs_task_set_t, U64, id),
    field(kecs_task_set_t, U8, status),
    field(kecs_task_set_t, U8, steady),
    field(kecs_task_set_t, U8, launch),
    field(kecs_task_set_t, U32, revision),
    field(kecs_task_set_t, U32, version),
    field(kecs_task_set_t, U32, failed),
    field(kecs_task_set_t, U64, scale),
    field(kecs_task_set_t, TIME, created_at),
    field(kecs_task_set_t, TIME, updated_at),
    field(kecs_task_set_t, TIME, steady_at),
    field(kecs_task_set_t, TIME, throttled_until),
    field(kecs_task_set_t, STR, family),
    field(kecs_task_set_t, STR, external_id),
    field(kecs_task_set_t, STR, started_by),
    field(kecs_task_set_t, STR, platform)
};


static const kecs_field_t  event_fields[] = {
    field(kecs_event_t, U32, cluster),
    field(kecs_event_t, U32, service),
    field(kecs_event_t, U64, seq),
    field(kecs_event_t, ID, id),
    field(kecs_event_t, TIME, created_at),
    field(kecs_event_t, STR, message)
};


static const kecs_field_t  token_fields[] = {
    field(kecs_token_t, STR, op),
    field(kecs_token_t, STR, token),
    field(kecs_token_t, TIME, created_at),
    field(kecs_token_t, HASH, hash),
    field(kecs_token_t, STR, result)
};


static const kecs_field_t  provider_fields[] = {
    field(kecs_provider_t, STR, name),
    field(kecs_provider_t, U32, cluster),
    field(kecs_provider_t, U8, type),
    field(kecs_provider_t, U8, status),
    field(kecs_provider_t, U8, update),
    field(kecs_provider_t, U8, scaling),
    field(kecs_provider_t, U8, draining),
    field(kecs_provider_t, ID, id),
    field(kecs_provider_t, TIME, created_at),
    field(kecs_provider_t, TIME, deleted_at),
    field(kecs_provider_t, STR, group)
};


static const kecs_field_t  setting_fields[] = {
    field(kecs_setting_t, STR, name),
    field(kecs_setting_t, STR, principal),
    field(kecs_setting_t, STR, value)
};


/* Daemons, gateways, Express services. */

static const kecs_field_t  daemon_fields[] = {
    field(kecs_daemon_t, U32, cluster),
    field(kecs_daemon_t, U32, no),
    field(kecs_daemon_t, U8, status),
    field(kecs_daemon_t, U64, current),
    field(kecs_daemon_t, TIME, created_at),
    field(kecs_daemon_t, TIME, updated_at),
    field(kecs_daemon_t, STR, name),
    field(kecs_daemon_t, STR, deployment),
    field(kecs_daemon_t, STR, family),
    field(kecs_daemon_t, U32, revision)
};


static const kecs_field_t  daemon_deployment_fields[] = {
    field(kecs_daemon_deployment_t, U32, cluster),
    field(kecs_daemon_deployment_t, STR, name),
    field(kecs_daemon_deployment_t, U32, daemon),
    field(kecs_daemon_deployment_t, U8, status),
    field(kecs_daemon_deployment_t, U64, target),
    field(kecs_daemon_deployment_t, U64, source),
    field(kecs_daemon_deployment_t, TIME, created_at),
    field(kecs_daemon_deployment_t, TIME, started_at),
    field(kecs_daemon_deployment_t, TIME, stopped_at),
    field(kecs_daemon_deployment_t, TIME, finished_at),
    field(kecs_daemon_deployment_t, TIME, replaced_at),
    field(kecs_daemon_deployment_t, STR, daemon_name),
    field(kecs_daemon_deployment_t, STR, reason)
};


static const kecs_field_t  daemon_revision_fields[] = {
    field(kecs_daemon_revision_t, U32, cluster),
    field(kecs_daemon_revision_t, U64, id),
    field(kecs_daemon_revision_t, U32, daemon),
    field(kecs_daemon_revision_t, U32, revision),
    field(kecs_daemon_revision_t, TIME, created_at),
    field(kecs_daemon_revision_t, TIME, replaced_at),
    field(kecs_daemon_revision_t, STR, daemon_name),
    field(kecs_daemon_revision_t, STR, family)
};


static const kecs_field_t  gateway_fields[] = {
    field(kecs_gateway_t, STR, name),
    field(kecs_gateway_t, U8, status),
    field(kecs_gateway_t, U8, access),
    field(kecs_gateway_t, U8, is_protected),
    field(kecs_gateway_t, U8, propagate),
    field(kecs_gateway_t, TIME, created_at),
    field(kecs_gateway_t, TIME, updated_at),
    field(kecs_gateway_t, STR, role)
};


static const kecs_field_t  gateway_route_fields[] = {
    field(kecs_gateway_route_t, STR, gateway),
    field(kecs_gateway_route_t, ID, id),
    field(kecs_gateway_route_t, U32, cluster),
    field(kecs_gateway_route_t, U32, service),
    field(kecs_gateway_route_t, U8, status),
    field(kecs_gateway_route_t, TIME, created_at),
    field(kecs_gateway_route_t, TIME, updated_at),
    field(kecs_gateway_route_t, STR, cluster_name),
    field(kecs_gateway_route_t, STR, service_name),
    field(kecs_gateway_route_t, STR, port),
    field(kecs_gateway_route_t, STR, host)
};


static const kecs_field_t  gateway_association_fields[] = {
    field(kecs_gateway_association_t, STR, gateway),
    field(kecs_gateway_association_t, U32, cluster),
    field(kecs_gateway_association_t, U8, status),
    field(kecs_gateway_association_t, TIME, created_at),
    field(kecs_gateway_association_t, STR, cluster_name)
};


static const kecs_field_t  express_fields[] = {
    field(kecs_express_t, U32, cluster),
    field(kecs_express_t, U32, service),
    field(kecs_express_t, U64, deployment),
    field(kecs_express_t, U8, access),
    field(kecs_express_t, U8, managed),
    field(kecs_express_t, TIME, created_at),
    field(kecs_express_t, TIME, updated_at),
    field(kecs_express_t, STR, endpoint),
    field(kecs_express_t, STR, role)
};


/* Container instances. */

static const kecs_field_t  instance_fields[] = {
    field(kecs_instance_t, U32, cluster),
    field(kecs_instance_t, ID, id),
    field(kecs_instance_t, U8, status),
    field(kecs_instance_t, U8, connected),
    field(kecs_instance_t, U32, version),
    field(kecs_instance_t, TIME, registered_at),
    field(kecs_instance_t, TIME, deregistered_at),
    field(kecs_instance_t, STR, ec2_id),
    field(kecs_instance_t, STR, type),
    field(kecs_instance_t, STR, node),
    field(kecs_instance_t, STR, provider),
    field(kecs_instance_t, STR, reason),
    field(kecs_instance_t, U8, held),
    field(kecs_instance_t, U8, left),
    field(kecs_instance_t, TIME, idle_at),
    field(kecs_instance_t, U8, reserved)
};

static const kecs_field_t  host_fields[] = {
    field(kecs_host_t, STR, name),
    field(kecs_host_t, STR, uid),
    field(kecs_host_t, U8, connected),
    field(kecs_host_t, U8, cordoned),
    field(kecs_host_t, STR, ec2_id),
    field(kecs_host_t, STR, type),
    field(kecs_host_t, STR, clusters),
    field(kecs_host_t, STR, pool),
    field(kecs_host_t, U8, launch),
    field(kecs_host_t, U8, reserved),
    field(kecs_host_t, U32, used_cpu),
    field(kecs_host_t, U32, used_memory),
    field(kecs_host_t, U32, used_gpus)
};


#define schema(name, s, keys, fields)                                        \
    { name, sizeof(s), keys, fields, countof(fields) }

static const kecs_schema_t  schemas[KECS_KINDS] = {
    [KECS_CLUSTER] = schema("cluster", kecs_cluster_t, 1, cluster_fields),
    [KECS_FAMILY] = schema("family", kecs_family_t, 1, family_fields),
    [KECS_TASKDEF] = schema("taskdef", kecs_taskdef_t, 2, taskdef_fields),
    [KECS_INSTANCE] = schema("container instance", kecs_instance_t, 2,
                             instance_fields),
    [KECS_NODE] = schema("node", kecs_host_t, 1, host_fields),
    [KECS_TASK] = schema("task", kecs_task_t, 2, task_fields),
    [KECS_SERVICE] = schema("service", kecs_service_t, 2, service_fields),
    [KECS_DEPLOYMENT] = schema("deployment", kecs_deployment_t, 3,
                               deployment_fields),
    [KECS_SERVICE_DEPLOYMENT] = schema("service deployment",
                                       kecs_service_deployment_t, 3,
                                       service_deployment_fields),
    [KECS_REVISION] = schema("service revision", kecs_revision_t, 3,
                             revision_fields),
    [KECS_TASK_SET] = schema("task set", kecs_task_set_t, 3,
                             task_set_fields),
    [KECS_DAEMON_FAMILY] = schema("daemon family", kecs_family_t, 1,
                                  family_fields),
    [KECS_DAEMON_TASKDEF] = schema("daemon taskdef", kecs_taskdef_t, 2,
                                   taskdef_fields),
    [KECS_DAEMON] = schema("daemon", kecs_daemon_t, 2, daemon_fields),
    [KECS_DAEMON_DEPLOYMENT] = schema("daemon deployment",
                                      kecs_daemon_deployment_t, 2,
                                      daemon_deployment_fields),
    [KECS_DAEMON_REVISION] = schema("daemon revision",
                                    kecs_daemon_revision_t, 2,
                                    daemon_revision_fields),
    [KECS_GATEWAY] = schema("gateway", kecs_gateway_t, 1, gateway_fields),
    [KECS_GATEWAY_ROUTE] = schema("gateway route", kecs_gateway_route_t, 2,
                                  gateway_route_fields),
    [KECS_GATEWAY_ASSOCIATION] = schema("gateway association",
                                        kecs_gateway_association_t, 2,
                                        gateway_association_fields),
    [KECS_EXPRESS] = schema("express", kecs_express_t, 3, express_fields),
    [KECS_EVENT] = schema("event", kecs_event_t, 3, event_fields),
    [KECS_TOKEN] = schema("token", kecs_token_t, 2, token_fields),
    [KECS_CAPACITY_PROVIDER] = schema("capacity-provider", kecs_provider_t,
                                      1, provider_fields),
    [KECS_SETTING] = schema("setting", kecs_setting_t, 2, setting_fields)
};


const kecs_schema_t *
kecs_schema(kecs_kind_t kind)
{
    if ((unsigned) kind >= KECS_KINDS || schemas[kind].name == NULL) {
        return NULL;
    }

    return &schemas[kind];
}


/* Names by number; index 0 is "none". */

static const char *const  task_statuses[] = {
    "", "PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING",
    "STOPPING", "DEPROVISIONING", "STOPPED"
};

static const char *const  desireds[] = { "", "RUNNING", "STOPPED" };

static const char *const  launches[] = {
    "", "EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"
};

static const char *const  stop_codes[] = {
    "", "TaskFailedToStart", "EssentialContainerExited", "UserInitiated",
    "ServiceSchedulerInitiated", "SpotInterruption", "TerminationNotice",
    "InfrastructureHealth"
};

static const char *const  healths[] = {
    "", "UNKNOWN", "HEALTHY", "UNHEALTHY"
};

static const char *const  connectivities[] = {
    "", "CONNECTED", "DISCONNECTED"
};

static const char *const  cluster_statuses[] = {
    "", "ACTIVE", "INACTIVE", "PROVISIONING", "DEPROVISIONING", "FAILED"
};

static const char *const  service_statuses[] = {
    "", "ACTIVE", "DRAINING", "INACTIVE"
};

static const char *const  strategies[] = { "", "REPLICA", "DAEMON" };

static const char *const  deployment_statuses[] = {
    "", "PRIMARY", "ACTIVE", "INACTIVE"
};

static const char *const  rollouts[] = {
    "", "IN_PROGRESS", "COMPLETED", "FAILED"
};

static const char *const  service_deployment_statuses[] = {
    "", "PENDING", "IN_PROGRESS", "SUCCESSFUL", "STOP_REQUESTED", "STOPPED",
    "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL",
    "ROLLBACK_FAILED"
};

static const char *const  stages[] = {
    "", "RECONCILE_SERVICE", "PRE_SCALE_UP", "SCALE_UP", "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME", "CLEAN_UP"
};

static const char *const  deploys[] = {
    "", "ROLLING", "BLUE_GREEN", "LINEAR", "CANARY"
};

static const char *const  task_set_statuses[] = {
    "", "PRIMARY", "ACTIVE", "DRAINING"
};

static const char *const  controllers[] = {
    "", "ECS", "CODE_DEPLOY", "EXTERNAL"
};

static const char *const  taskdef_statuses[] = {
    "", "ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"
};


static const char *const  provider_statuses[] = {
    "", "ACTIVE", "INACTIVE"
};

static const char *const  provider_types[] = {
    "", "EC2_AUTOSCALING", "MANAGED_INSTANCES"
};

static const char *const  provider_updates[] = {
    "", "CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE",
    "DELETE_FAILED"
};


static const char *const  daemon_statuses[] = {
    "", "ACTIVE", "DELETE_IN_PROGRESS"
};

static const char *const  daemon_taskdef_statuses[] = {
    "", "ACTIVE", "DELETE_IN_PROGRESS", "DELETED"
};

static const char *const  daemon_deployment_statuses[] = {
    "", "PENDING", "IN_PROGRESS", "SUCCESSFUL", "STOP_REQUESTED", "STOPPED",
    "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"
};

static const char *const  gateway_statuses[] = {
    "", "ACTIVE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_FAILED",
    "DELETED"
};

static const char *const  accesses[] = { "", "PUBLIC", "PRIVATE" };

static const char *const  route_statuses[] = {
    "", "ACTIVE", "CREATE_IN_PROGRESS", "CREATE_FAILED",
    "UPDATE_IN_PROGRESS", "UPDATE_FAILED", "DELETE_IN_PROGRESS",
    "DELETE_FAILED"
};

static const char *const  association_statuses[] = {
    "", "ACTIVE", "DISASSOCIATING", "INACTIVE"
};


static const char *const  instance_statuses[] = {
    "", "ACTIVE", "DRAINING", "REGISTERING", "DEREGISTERING",
    "REGISTRATION_FAILED", "INACTIVE"
};


static const char *
name_of(const char *const *names, size_t n, unsigned i)
{
    return i < n ? names[i] : "";
}


static unsigned
number_of(const char *const *names, size_t n, kecs_str_t name)
{
    unsigned  i;

    for (i = 1; i < n; i++) {
        if (kecs_str_is(name, names[i])) {
            return i;
        }
    }

    return 0;
}


const char *
kecs_task_status_name(unsigned status)
{
    return name_of(task_statuses, countof(task_statuses), status);
}


const char *
kecs_desired_name(unsigned desired)
{
    return name_of(desireds, countof(desireds), desired);
}


const char *
kecs_launch_name(unsigned launch)
{
    return name_of(launches, countof(launches), launch);
}


const char *
kecs_stop_code_name(unsigned code)
{
    return name_of(stop_codes, countof(stop_codes), code);
}


const char *
kecs_health_name(unsigned health)
{
    return name_of(healths, countof(healths), health);
}


const char *
kecs_connectivity_name(unsigned connectivity)
{
    return name_of(connectivities, countof(connectivities), connectivity);
}


const char *
kecs_cluster_status_name(unsigned status)
{
    return name_of(cluster_statuses, countof(cluster_statuses), status);
}


const char *
kecs_service_status_name(unsigned status)
{
    return name_of(service_statuses, countof(service_statuses), status);
}


const char *
kecs_strategy_name(unsigned strategy)
{
    return name_of(strategies, countof(strategies), strategy);
}


const char *
kecs_deployment_status_name(unsigned status)
{
    return name_of(deployment_statuses, countof(deployment_statuses), status);
}


const char *
kecs_rollout_name(unsigned rollout)
{
    return name_of(rollouts, countof(rollouts), rollout);
}


const char *
kecs_stage_name(unsigned stage)
{
    return name_of(stages, countof(stages), stage);
}


unsigned
kecs_stage_of(kecs_str_t name)
{
    return number_of(stages, countof(stages), name);
}


unsigned
kecs_deploy_of(kecs_str_t name)
{
    return number_of(deploys, countof(deploys), name);
}


uint32_t
kecs_breaker_threshold(const kecs_service_deployment_t *sd, uint32_t desired)
{
    uint64_t  n;

    n = sd->threshold_value != 0 ? sd->threshold_value
                                 : KECS_THRESHOLD_PERCENT;

    if (sd->threshold_type != KECS_THRESHOLD_COUNT) {
        n = (n * desired + 99) / 100;
    }

    if (sd->threshold_type == KECS_THRESHOLD_BOUNDED_PERCENT) {
        n = n < KECS_THRESHOLD_LEAST ? KECS_THRESHOLD_LEAST
            : n > KECS_THRESHOLD_MOST ? KECS_THRESHOLD_MOST : n;
    }

    n = n != 0 ? n : 1;

    return n < UINT32_MAX ? (uint32_t) n : UINT32_MAX;
}


const char *
kecs_service_deployment_status_name(unsigned status)
{
    return name_of(service_deployment_statuses,
                   countof(service_deployment_statuses), status);
}


const char *
kecs_task_set_status_name(unsigned status)
{
    return name_of(task_set_statuses, countof(task_set_statuses), status);
}


const char *
kecs_controller_name(unsigned controller)
{
    return name_of(controllers, countof(controllers), controller);
}


unsigned
kecs_controller_of(kecs_str_t name)
{
    return number_of(controllers, countof(controllers), name);
}


const char *
kecs_taskdef_status_name(unsigned status)
{
    return name_of(taskdef_statuses, countof(taskdef_statuses), status);
}


const char *
kecs_provider_status_name(unsigned status)
{
    return name_of(provider_statuses, countof(provider_statuses), status);
}


const char *
kecs_provider_type_name(unsigned type)
{
    return name_of(provider_types, countof(provider_types), type);
}


const char *
kecs_provider_update_name(unsigned update)
{
    return name_of(provider_updates, countof(provider_updates), update);
}


const char *
kecs_daemon_status_name(unsigned status)
{
    return name_of(daemon_statuses, countof(daemon_statuses), status);
}


const char *
kecs_daemon_taskdef_status_name(unsigned status)
{
    return name_of(daemon_taskdef_statuses, countof(daemon_taskdef_statuses),
                   status);
}


const char *
kecs_daemon_deployment_status_name(unsigned status)
{
    return name_of(daemon_deployment_statuses,
                   countof(daemon_deployment_statuses), status);
}


const char *
kecs_gateway_status_name(unsigned status)
{
    return name_of(gateway_statuses, countof(gateway_statuses), status);
}


const char *
kecs_access_name(unsigned access)
{
    return name_of(accesses, countof(accesses), access);
}


const char *
kecs_route_status_name(unsigned status)
{
    return name_of(route_statuses, countof(route_statuses), status);
}


const char *
kecs_association_status_name(unsigned status)
{
    return name_of(association_statuses, countof(association_statuses),
                   status);
}


const char *
kecs_instance_status_name(unsigned status)
{
    return name_of(instance_statuses, countof(instance_statuses), status);
}


unsigned
kecs_task_status_of(kecs_str_t name)
{
    return number_of(task_statuses, countof(task_statuses), name);
}


unsigned
kecs_launch_of(kecs_str_t name)
{
    return number_of(launches, countof(launches), name);
}


unsigned
kecs_desired_of(kecs_str_t name)
{
    return number_of(desireds, countof(desireds), name);
}


unsigned
kecs_strategy_of(kecs_str_t name)
{
    return number_of(strategies, countof(strategies), name);
}


unsigned
kecs_taskdef_status_of(kecs_str_t name)
{
    return number_of(taskdef_statuses, countof(taskdef_statuses), name);
}


unsigned
kecs_instance_status_of(kecs_str_t name)
{
    return number_of(instance_statuses, countof(instance_statuses), name);
}
