/*
 * What a service may have beside its tasks: volumes configured at launch,
 * monitoring, gateway connectors, Service Connect, VPC Lattice.  Here they
 * are checked against the definition; they are part of the revision.
 */

#include "service_intern.h"


#define CONNECTORS  1
#define EBS         "ECS managed EBS volume configuration was invalid. "

typedef kecs_ecs_service_managed_ebs_volume_configuration_t  ebs_t;


static bool
has_port_name(const kecs_ecs_task_definition_t *def, kecs_str_t name)
{
    size_t                                  i, k;
    const kecs_ecs_container_definition_t  *container;

    for (i = 0; i < def->container_definitions.n; i++) {
        container = &def->container_definitions.items[i];

        for (k = 0; k < container->port_mappings.n; k++) {
            if (name.len != 0
                && kecs_str_eq(container->port_mappings.items[k].name, name))
            {
                return true;
            }
        }
    }

    return false;
}


static kecs_rc_t
port_check(kecs_call_t *c, const kecs_ecs_task_definition_t *def,
    const char *what, kecs_str_t name)
{
    if (has_port_name(def, name)) {
        return KECS_OK;
    }

    return kecs_bad(c, "The portName %.*s in %s does not match any port"
                    " mapping name in the task definition.", kecs_fmt(name),
                    what);
}


/* Volumes. */

typedef struct {
    const char  *type;
    int64_t      least;             /* GiB */
    int64_t      most;
    bool         iops;
    bool         iops_needed;
    bool         throughput;
} ebs_type_t;

static const ebs_type_t  ebs_types[] = {
    { "gp2", 1, 16384, false, false, false },
    { "gp3", 1, 16384, true, false, true },
    { "io1", 4, 16384, true, true, false },
    { "io2", 4, 16384, true, true, false },
    { "st1", 125, 16384, false, false, false },
    { "sc1", 125, 16384, false, false, false },
    { "standard", 1, 1024, false, false, false }
};


static const ebs_type_t *
ebs_type(kecs_str_t type)
{
    size_t  i;

    for (i = 0; i < sizeof(ebs_types) / sizeof(ebs_types[0]); i++) {
        if (kecs_str_is(type, ebs_types[i].type)) {
            return &ebs_types[i];
        }
    }

    return NULL;
}


static kecs_rc_t
ebs_size_check(kecs_call_t *c, const ebs_type_t *t, const ebs_t *v)
{
    if (!v->size_in_gib.set) {
        return v->snapshot_id.len != 0
               ? KECS_OK : kecs_bad(c, EBS "Specify either sizeInGiB or"
                                    " snapshotId.");
    }

    if (v->size_in_gib.value < t->least || v->size_in_gib.value > t->most) {
        return kecs_bad(c, EBS "sizeInGiB must be between %d and %d for the"
                        " volume type %s.", (int) t->least, (int) t->most,
                        t->type);
    }

    return KECS_OK;
}


static kecs_rc_t
ebs_check(kecs_call_t *c, const ebs_t *v)
{
    kecs_rc_t          rc;
    const ebs_type_t  *t;

    t = ebs_type(v->volume_type.len != 0 ? v->volume_type
                                         : kecs_str("gp3"));

    if (t == NULL) {
        return kecs_bad(c, EBS "The volume type %.*s is not supported.",
                        kecs_fmt(v->volume_type));
    }

    rc = ebs_size_check(c, t, v);

    if (rc != KECS_OK) {
        return rc;
    }

    if (v->iops.set && !t->iops) {
        return kecs_bad(c, EBS "iops is not supported for the volume type"
                        " %s.", t->type);
    }

    if (!v->iops.set && t->iops_needed) {
        return kecs_bad(c, EBS "iops is required for the volume type %s.",
                        t->type);
    }

    if (v->throughput.set && !t->throughput) {
        return kecs_bad(c, EBS "throughput is only supported for the volume"
                        " type gp3.");
    }

    if (v->volume_initialization_rate.set && v->snapshot_id.len == 0) {
        return kecs_bad(c, EBS "volumeInitializationRate requires a"
                        " snapshotId.");
    }

    return KECS_OK;
}


static bool
is_launch_volume(const kecs_ecs_task_definition_t *def, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < def->volumes.n; i++) {
        if (kecs_str_eq(def->volumes.items[i].name, name)) {
            return def->volumes.items[i].configured_at_launch.value;
        }
    }

    return false;
}


static kecs_rc_t
volumes_check(kecs_call_t *c, kecs_service_spec_t *spec)
{
    size_t                                     i;
    kecs_rc_t                                  rc;
    kecs_ecs_service_volume_configurations_t  *list;

    list = &spec->d.volume_configurations;
    rc = KECS_OK;

    for (i = 0; rc == KECS_OK && i < list->n; i++) {
        if (!is_launch_volume(spec->def, list->items[i].name)) {
            return kecs_bad(c, "The volume name '%.*s' in your request does"
                            " not have a matching volume in your Task"
                            " Definition", kecs_fmt(list->items[i].name));
        }

        if (list->items[i].managed_ebs_volume != NULL) {
            rc = ebs_check(c, list->items[i].managed_ebs_volume);
        }
    }

    if (list->n == 0) {
        list->set = false;
    }

    return rc;
}


/* Monitoring. */

static kecs_rc_t
metric_check(kecs_call_t *c, const kecs_ecs_metric_configuration_t *m)
{
    size_t      i;
    kecs_str_t  name;

    for (i = 0; i < m->metric_names.n; i++) {
        name = m->metric_names.items[i];

        if (!kecs_str_is(name, "CPUUtilization")
            && !kecs_str_is(name, "MemoryUtilization"))
        {
            return kecs_bad(c, "metric name should be one of"
                            " [CPUUtilization,MemoryUtilization]");
        }
    }

    if (m->resolution_seconds.value != 20
        && m->resolution_seconds.value != 60)
    {
        return kecs_bad(c, "resolutionSeconds should be one of [20,60]");
    }

    return KECS_OK;
}


static kecs_rc_t
monitoring_check(kecs_call_t *c, kecs_service_spec_t *spec)
{
    size_t                                i;
    kecs_rc_t                             rc;
    kecs_ecs_metric_configuration_list_t  *list;

    if (spec->r.monitoring == NULL) {
        return KECS_OK;
    }

    list = &spec->r.monitoring->metric_configurations;

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < list->n; i++) {
        rc = metric_check(c, &list->items[i]);
    }

    if (list->n == 0) {
        spec->r.monitoring = NULL;
    }

    return rc;
}


/* Gateways. */

static kecs_rc_t
connectors_check(kecs_call_t *c, kecs_service_spec_t *spec)
{
    kecs_ecs_gateway_connector_list_t  *list;

    list = &spec->r.gateway_connectors;

    if (list->n == 0) {
        list->set = false;
        return KECS_OK;
    }

    if (list->n > CONNECTORS) {
        return kecs_bad(c, "gatewayConnectors can have at most %d item.",
                        CONNECTORS);
    }

    if (!kecs_is_awsvpc(spec->def)) {
        return kecs_bad(c, "gatewayConnectors require a task definition with"
                        " networkMode 'awsvpc'.");
    }

    return port_check(c, spec->def, "gatewayConnectors",
                      list->items[0].port_name);
}


kecs_rc_t
kecs_spec_connect(kecs_call_t *c, const kecs_service_spec_t *spec,
    const kecs_service_t *s)
{
    if (spec->r.gateway_connectors.n == 0) {
        return kecs_gateways_disconnect(c, s);
    }

    return kecs_gateways_connect(c, &spec->cluster, s,
                                 &spec->r.gateway_connectors.items[0]);
}


/* Service Connect. */

static bool
has_default_namespace(const kecs_cluster_t *cluster)
{
    return cluster->namespace.len != 0;
}


static kecs_rc_t
connect_service_check(kecs_call_t *c, const kecs_service_spec_t *spec,
    const kecs_ecs_service_connect_service_t *s)
{
    if (s->client_aliases.n > 1) {
        return kecs_bad(c, "clientAliases can have at most 1 item.");
    }

    return port_check(c, spec->def, "serviceConnectConfiguration",
                      s->port_name);
}


static kecs_rc_t
connect_check(kecs_call_t *c, const kecs_service_spec_t *spec)
{
    size_t                                           i;
    kecs_rc_t                                        rc;
    const kecs_ecs_service_connect_configuration_t  *s;

    s = spec->d.service_connect_configuration;

    if (s == NULL || !s->enabled.value) {
        return KECS_OK;
    }

    if (s->namespace.len == 0 && !has_default_namespace(&spec->cluster)) {
        return kecs_bad(c, "serviceConnectConfiguration requires a"
                        " namespace. Specify a namespace, or set a default"
                        " one for the cluster, and try again.");
    }

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < s->services.n; i++) {
        rc = connect_service_check(c, spec, &s->services.items[i]);
    }

    return rc;
}


/* VPC Lattice. */

static kecs_rc_t
lattice_check(kecs_call_t *c, kecs_service_spec_t *spec)
{
    size_t                                  i;
    kecs_rc_t                               rc;
    kecs_ecs_vpc_lattice_configurations_t  *list;

    list = &spec->d.vpc_lattice_configurations;

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < list->n; i++) {
        rc = port_check(c, spec->def, "vpcLatticeConfigurations",
                        list->items[i].port_name);
    }

    if (list->n == 0) {
        list->set = false;
    }

    return rc;
}


kecs_rc_t
kecs_extras_settle(kecs_call_t *c, kecs_service_spec_t *spec)
{
    kecs_rc_t  rc;

    rc = volumes_check(c, spec);

    if (rc == KECS_OK) {
        rc = monitoring_check(c, spec);
    }

    if (rc == KECS_OK) {
        rc = connectors_check(c, spec);
    }

    if (rc == KECS_OK) {
        rc = connect_check(c, spec);
    }

    return rc == KECS_OK ? lattice_check(c, spec) : rc;
}
