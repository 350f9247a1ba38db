/*
 * Changes to a cluster: UpdateCluster, UpdateClusterSettings and
 * PutClusterCapacityProviders.  What a request does not name stays.
 */

#include "cluster_intern.h"


static kecs_rc_t
put_and_answer(kecs_call_t *c, kecs_cluster_t *cluster, unsigned shown)
{
    kecs_rc_t  rc;

    rc = kecs_put(c->txn, cluster);

    if (rc == KECS_OK) {
        kecs_cluster_write(c, "cluster", cluster,
                           KECS_CLUSTER_SHOWN | shown);
    }

    return rc;
}


/* What both operations begin with. */

static kecs_rc_t
set_settings(kecs_call_t *c, const void *in, kecs_str_t id,
    const kecs_ecs_cluster_settings_t *settings, kecs_cluster_t *cluster)
{
    kecs_rc_t  rc;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_cluster(c, id, KECS_ALL_PARTS, cluster);
    }

    return rc == KECS_OK && settings->n != 0
           ? kecs_cluster_settings(c, in, settings, cluster) : rc;
}


kecs_rc_t
kecs_update_cluster(kecs_call_t *c, void *v)
{
    kecs_rc_t                           rc;
    kecs_cluster_t                      cluster;
    kecs_ecs_update_cluster_request_t  *in;

    in = v;

    rc = set_settings(c, in, in->cluster, &in->settings, &cluster);

    if (rc == KECS_OK && in->configuration != NULL) {
        rc = kecs_cluster_configuration(c, in, in->configuration, &cluster);
    }

    if (rc == KECS_OK && in->service_connect_defaults != NULL) {
        rc = kecs_cluster_connect(c, in, in->service_connect_defaults,
                                  &cluster);
    }

    return rc == KECS_OK ? put_and_answer(c, &cluster, 0) : rc;
}


kecs_rc_t
kecs_update_cluster_settings(kecs_call_t *c, void *v)
{
    kecs_rc_t                                    rc;
    kecs_cluster_t                               cluster;
    kecs_ecs_update_cluster_settings_request_t  *in;

    in = v;

    rc = set_settings(c, in, in->cluster, &in->settings, &cluster);

    return rc == KECS_OK ? put_and_answer(c, &cluster, 0) : rc;
}


/* None of those that the new list lacks may be in use. */

static kecs_rc_t
check_removed(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_ecs_cluster_t *before)
{
    size_t      i;
    bool        used;
    kecs_rc_t   rc;
    kecs_str_t  name;

    for (i = 0; i < before->capacity_providers.n; i++) {
        name = before->capacity_providers.items[i];

        if (kecs_capacity_has(cluster, name)) {
            continue;
        }

        rc = kecs_provider_used(c, cluster, name, &used);

        if (rc != KECS_OK) {
            return rc;
        }

        if (used) {
            return kecs_fail(c, KECS_E_RESOURCE_IN_USE,
                             "The specified capacity provider is in use and"
                             " cannot be removed.");
        }
    }

    return KECS_OK;
}


kecs_rc_t
kecs_put_cluster_capacity_providers(kecs_call_t *c, void *v)
{
    kecs_rc_t                                         rc;
    kecs_cluster_t                                    cluster;
    kecs_ecs_cluster_t                               *before;
    kecs_ecs_put_cluster_capacity_providers_request_t  *in;

    in = v;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_cluster(c, in->cluster, KECS_ALL_PARTS, &cluster);
    }

    if (rc == KECS_OK) {
        rc = kecs_capacity_load(c, &cluster, &before);
    }

    if (rc == KECS_OK) {
        rc = kecs_cluster_capacity(c, &in->capacity_providers,
                                   &in->default_capacity_provider_strategy,
                                   &cluster);
    }

    if (rc == KECS_OK) {
        rc = check_removed(c, &cluster, before);
    }

    return rc == KECS_OK ? put_and_answer(c, &cluster, KECS_SHOW_ATTACHMENTS)
                         : rc;
}
