/*
 * What the files of the gateway operations share.  A gateway is ingress
 * that services hang on; its load balancers are built when traffic is, so
 * that in this release a route stays CREATE_IN_PROGRESS and a gateway has
 * no resources.
 */

#ifndef KECS_GATEWAY_H
#define KECS_GATEWAY_H


#include "launch.h"


#define KECS_GATEWAY_PAGE  100


/* The name within `id` (short or ARN), checked; KECS_FAILED otherwise. */
kecs_rc_t kecs_gateway_name_of(kecs_call_t *c, kecs_str_t id,
    kecs_str_t *name);

/* KECS_NOT_FOUND when there is none of the name. */
kecs_rc_t kecs_gateway_named(kecs_call_t *c, kecs_str_t name,
    unsigned parts, kecs_gateway_t *out);

/* Whether any cluster is associated with the gateway. */
kecs_rc_t kecs_gateway_associated(kecs_call_t *c, kecs_str_t gateway,
    bool *any);

/* Statuses given to a list are all of the shape's. */
kecs_rc_t kecs_gateway_statuses(kecs_call_t *c, const kecs_shape_t *shape,
    size_t n, const kecs_str_t *statuses);


#endif
