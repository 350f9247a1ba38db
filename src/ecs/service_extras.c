/*
 * What a service may have beside its tasks: volumes configured at launch,
 * monitoring, gateway connectors, Service Connect, VPC Lattice.  Here they
 * are checked against the definition; they are part of the revision.
 */

#include "service_intern.h"


#define CONNECTORS  1


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

static kecs_rc_t
volumes_check(kecs_call_t *c, kecs_service_spec_t *spec)
{
    kecs_rc_t                                  rc;
    kecs_ecs_task_volume_configurations_t      volumes;
    kecs_ecs_service_volume_configurations_t  *list;

    list = &spec->d.volume_configurations;

    if (list->n == 0) {
        list->set = false;
        return KECS_OK;
    }

    rc = kecs_volumes_of_service(c, list, &volumes);

    return rc == KECS_OK ? kecs_volumes_check(c, spec->def, &volumes) : rc;
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
