/*
 * What the files of the cluster operations share.  Parts of a cluster are
 * stored as they are printed, so that the same arguments give the same
 * bytes.
 */

#ifndef KECS_CLUSTER_INTERN_H
#define KECS_CLUSTER_INTERN_H


#include "ecs.h"


/* What answers other than DescribeClusters show. */
#define KECS_CLUSTER_SHOWN                                                   \
    (kecs_part_bit(KECS_CLUSTER_SETTINGS)                                    \
     | kecs_part_bit(KECS_CLUSTER_CONFIGURATION))


/*
 * cluster_check.c: what a request says, checked and put into the cluster's
 * parts.  `in` is the whole input, whose members have the same names in
 * all operations.
 */

/* n == 0: what the account has set. */
kecs_rc_t kecs_cluster_settings(kecs_call_t *c, const void *in,
    const kecs_ecs_cluster_settings_t *settings, kecs_cluster_t *cluster);

kecs_rc_t kecs_cluster_configuration(kecs_call_t *c, const void *in,
    const kecs_ecs_cluster_configuration_t *conf, kecs_cluster_t *cluster);

/* An empty namespace is none. */
kecs_rc_t kecs_cluster_connect(kecs_call_t *c, const void *in,
    const kecs_ecs_cluster_service_connect_defaults_request_t *defaults,
    kecs_cluster_t *cluster);

/*
 * Capacity providers and the default strategy.  Names replace ARNs in both
 * lists; base and weight, which answers always show, are filled.
 */
kecs_rc_t kecs_cluster_capacity(kecs_call_t *c,
    kecs_ecs_string_list_t *providers,
    kecs_ecs_capacity_provider_strategy_t *strategy,
    kecs_cluster_t *cluster);


/*
 * cluster_capacity.c: a cluster's capacity providers.
 */

/* The part CAPACITY as a structure. */
kecs_rc_t kecs_capacity_load(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_ecs_cluster_t **out);

/* And back. */
kecs_rc_t kecs_capacity_store(kecs_call_t *c,
    const kecs_ecs_string_list_t *providers,
    const kecs_ecs_capacity_provider_strategy_t *strategy,
    kecs_cluster_t *cluster);

/* Adds one to the list or takes it out (of the strategy too); puts. */
kecs_rc_t kecs_capacity_add(kecs_call_t *c, kecs_cluster_t *cluster,
    kecs_str_t name);
kecs_rc_t kecs_capacity_remove(kecs_call_t *c, kecs_cluster_t *cluster,
    kecs_str_t name);

/* Whether the list has it. */
bool kecs_capacity_has(const kecs_cluster_t *cluster, kecs_str_t name);

/* The members "attachments" and "attachmentsStatus". */
kecs_rc_t kecs_cluster_attachments(kecs_call_t *c,
    const kecs_cluster_t *cluster);

/* A capacity provider of its own (managed instances) is left. */
kecs_rc_t kecs_cluster_has_providers(kecs_call_t *c,
    const kecs_cluster_t *cluster, bool *has);


/* cluster_update.c */
kecs_rc_t kecs_update_cluster(kecs_call_t *c, void *in);
kecs_rc_t kecs_update_cluster_settings(kecs_call_t *c, void *in);
kecs_rc_t kecs_put_cluster_capacity_providers(kecs_call_t *c, void *in);


#endif
