/*
 * What requests say about a cluster: settings, configuration, defaults of
 * Service Connect, capacity.  Each function checks and sets one part;
 * memory is the call's.
 */

#include "cluster_intern.h"


#define STRATEGY_MAX    20
#define PROVIDERS_MAX   20


/* Settings. */

static kecs_rc_t
check_setting(kecs_call_t *c, const kecs_ecs_cluster_setting_t *s)
{
    if (!kecs_shape_has_value(&kecs_ecs_cluster_setting_name_shape, s->name))
    {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "Invalid setting 'name'");
    }

    if (!kecs_str_is(s->value, "enabled") && !kecs_str_is(s->value, "disabled")
        && !kecs_str_is(s->value, "enhanced"))
    {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "Invalid setting 'value'");
    }

    return KECS_OK;
}


static kecs_rc_t
default_settings(kecs_call_t *c, kecs_str_t *json)
{
    kecs_rc_t   rc;
    kecs_str_t  value;

    rc = kecs_setting_effective(c, "containerInsights", &value);

    if (rc == KECS_OK) {
        *json = kecs_sprintf(c->arena, "[{\"name\":\"containerInsights\","
                             "\"value\":\"%.*s\"}]", kecs_fmt(value));
        rc = json->data != NULL ? KECS_OK : KECS_NOMEM;
    }

    return rc;
}


kecs_rc_t
kecs_cluster_settings(kecs_call_t *c, const void *in,
    const kecs_ecs_cluster_settings_t *settings, kecs_cluster_t *cluster)
{
    size_t      i;
    kecs_rc_t   rc;
    kecs_str_t  json;

    for (i = 0; i < settings->n; i++) {
        rc = check_setting(c, &settings->items[i]);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    rc = settings->n != 0
         ? kecs_member_json(c->arena, c->op->input, in, "settings", &json)
         : default_settings(c, &json);

    if (rc == KECS_OK) {
        kecs_rec_part(&cluster->rec, KECS_CLUSTER_SETTINGS, json);
    }

    return rc;
}


/* Configuration and Service Connect. */

static kecs_rc_t
check_exec(kecs_call_t *c, const kecs_ecs_cluster_configuration_t *conf)
{
    kecs_rc_t                                        rc;
    const kecs_ecs_execute_command_configuration_t  *exec;

    exec = conf != NULL ? conf->execute_command_configuration : NULL;

    if (exec == NULL) {
        return KECS_OK;
    }

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "logging",
                         &kecs_ecs_execute_command_logging_shape,
                         exec->logging);

    if (rc == KECS_OK && kecs_str_is(exec->logging, "OVERRIDE")
        && exec->log_configuration == NULL)
    {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "logConfiguration is required when logging is"
                         " OVERRIDE.");
    }

    return rc;
}


/* An object that says nothing is not there. */

static kecs_rc_t
set_object(kecs_call_t *c, const void *in, const char *name, unsigned part,
    kecs_cluster_t *cluster)
{
    kecs_rc_t   rc;
    kecs_str_t  json;

    rc = kecs_member_json(c->arena, c->op->input, in, name, &json);

    if (rc == KECS_OK) {
        kecs_rec_part(&cluster->rec, part, json.len > 2 ? json
                                                        : kecs_null_str);
    }

    return rc;
}


kecs_rc_t
kecs_cluster_configuration(kecs_call_t *c, const void *in,
    const kecs_ecs_cluster_configuration_t *conf, kecs_cluster_t *cluster)
{
    kecs_rc_t  rc;

    rc = check_exec(c, conf);

    return rc == KECS_OK ? set_object(c, in, "configuration",
                                      KECS_CLUSTER_CONFIGURATION, cluster)
                         : rc;
}


kecs_rc_t
kecs_cluster_connect(kecs_call_t *c, const void *in,
    const kecs_ecs_cluster_service_connect_defaults_request_t *defaults,
    kecs_cluster_t *cluster)
{
    kecs_rc_t  rc;

    cluster->namespace = kecs_null_str;

    if (defaults == NULL || defaults->namespace.len == 0) {
        kecs_rec_part(&cluster->rec, KECS_CLUSTER_CONNECT, kecs_null_str);
        return KECS_OK;
    }

    rc = kecs_namespace_key(c, defaults->namespace, &cluster->namespace);

    return rc == KECS_OK ? set_object(c, in, "serviceConnectDefaults",
                                      KECS_CLUSTER_CONNECT, cluster)
                         : rc;
}


/* Capacity. */

static kecs_rc_t
not_found(kecs_call_t *c, kecs_str_t id)
{
    return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                     "The specified capacity provider %.*s was not found."
                     " Specify a valid name or ARN and try again.",
                     kecs_fmt(id));
}


/* One of managed instances is of its own cluster only. */

static kecs_rc_t
check_provider(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_str_t id, kecs_str_t *name)
{
    kecs_rc_t        rc;
    kecs_provider_t  p;

    rc = kecs_provider_name_of(c, id, name);

    if (rc != KECS_OK || kecs_provider_built_in(*name)) {
        return rc;
    }

    rc = kecs_provider_get(c, *name, 0, &p);

    if (rc == KECS_NOT_FOUND
        || (rc == KECS_OK && (p.status != KECS_PROVIDER_ACTIVE
                              || (p.cluster != 0
                                  && p.cluster != cluster->no))))
    {
        return not_found(c, id);
    }

    return rc;
}


static bool
is_listed(const kecs_ecs_string_list_t *list, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < list->n; i++) {
        if (kecs_str_eq(list->items[i], name)) {
            return true;
        }
    }

    return false;
}


/* Each once, by its name. */

static kecs_rc_t
settle_providers(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_ecs_string_list_t *list)
{
    size_t                  i;
    kecs_rc_t               rc;
    kecs_str_t              name;
    kecs_ecs_string_list_t  kept;

    if (list->n > PROVIDERS_MAX) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "A cluster can have a maximum of %u capacity"
                         " providers.", PROVIDERS_MAX);
    }

    kept = *list;
    kept.n = 0;

    for (i = 0; i < list->n; i++) {
        rc = check_provider(c, cluster, list->items[i], &name);

        if (rc != KECS_OK) {
            return rc;
        }

        if (!is_listed(&kept, name)) {
            kept.items[kept.n++] = name;
        }
    }

    *list = kept;

    return KECS_OK;
}


static kecs_rc_t
settle_item(kecs_call_t *c, const kecs_ecs_string_list_t *providers,
    kecs_ecs_capacity_provider_strategy_item_t *item)
{
    kecs_rc_t  rc;

    rc = kecs_provider_name_of(c, item->capacity_provider,
                               &item->capacity_provider);
    if (rc != KECS_OK) {
        return rc;
    }

    if (!is_listed(providers, item->capacity_provider)) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "The specified capacity provider strategy cannot"
                         " contain a capacity provider that is not"
                         " associated with the cluster. Associate the"
                         " capacity provider with the cluster and try"
                         " again.");
    }

    item->base.set = true;
    item->weight.set = true;

    return KECS_OK;
}


static kecs_rc_t
settle_strategy(kecs_call_t *c, const kecs_ecs_string_list_t *providers,
    kecs_ecs_capacity_provider_strategy_t *strategy)
{
    size_t     i, based;
    unsigned   launch;
    kecs_rc_t  rc;

    if (strategy->n > STRATEGY_MAX) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "A capacity provider strategy can contain a maximum"
                         " of %u capacity providers.", STRATEGY_MAX);
    }

    for (i = 0, based = 0; i < strategy->n; i++) {
        rc = settle_item(c, providers, &strategy->items[i]);

        if (rc != KECS_OK) {
            return rc;
        }

        based += strategy->items[i].base.value != 0;
    }

    if (based > 1) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "Only one capacity provider in a capacity provider"
                         " strategy can have a base defined.");
    }

    return strategy->n != 0 ? kecs_strategy_launch(c, strategy, &launch)
                            : KECS_OK;
}


kecs_rc_t
kecs_cluster_capacity(kecs_call_t *c, kecs_ecs_string_list_t *providers,
    kecs_ecs_capacity_provider_strategy_t *strategy,
    kecs_cluster_t *cluster)
{
    kecs_rc_t  rc;

    rc = settle_providers(c, cluster, providers);

    if (rc == KECS_OK) {
        rc = settle_strategy(c, providers, strategy);
    }

    return rc == KECS_OK
           ? kecs_capacity_store(c, providers, strategy, cluster) : rc;
}
