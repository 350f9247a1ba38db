/*
 * What the files of the capacity provider operations share.
 */

#ifndef KECS_CAPACITY_INTERN_H
#define KECS_CAPACITY_INTERN_H


#include "cluster_intern.h"


/*
 * capacity_config.c: the part CONFIGURATION of a provider, and what its
 * head says of it, from a request; checked and with ECS's defaults.
 */
kecs_rc_t kecs_capacity_configure(kecs_call_t *c,
    const kecs_ecs_create_capacity_provider_request_t *in,
    kecs_provider_t *p);

/* Lays what is given over what the provider has (CONFIGURATION loaded). */
kecs_rc_t kecs_capacity_reconfigure(kecs_call_t *c,
    const kecs_ecs_update_capacity_provider_request_t *in,
    kecs_provider_t *p);


/* capacity_describe.c */

/*
 * One provider; `status` and `update` NULL: as they are.  CONFIGURATION
 * and REASON are loaded, TAGS when they are to be shown.
 */
kecs_rc_t kecs_capacity_write(kecs_call_t *c, const char *name,
    const kecs_provider_t *p, const char *status, const char *update);

kecs_rc_t kecs_describe_capacity_providers(kecs_call_t *c, void *in);


#endif
