/*
 * What the files of the Express operations share.  An Express service is an
 * ECS service made from one call: its task definition (a container named
 * Main), its network and its scale follow from a configuration, which is
 * kept for each deployment that an Express call starts.
 */

#ifndef KECS_EXPRESS_H
#define KECS_EXPRESS_H


#include "service_intern.h"


typedef kecs_ecs_express_gateway_service_configuration_t  kecs_express_conf_t;

/*
 * A configuration as a request gives it; members may be absent.  Before it
 * is settled, `conf` is what was stored, or nothing.
 */
typedef struct {
    kecs_str_t             cluster;
    kecs_str_t             service;
    bool                   managed;     /* the task definition is ours */
    kecs_express_conf_t    conf;
} kecs_express_spec_t;

/*
 * Lays a request over the configuration: checks, ECS's defaults, and the
 * task definition, which is registered when it is ours and differs.
 */
kecs_rc_t kecs_express_settle(kecs_call_t *c,
    const kecs_express_conf_t *given, kecs_express_spec_t *spec);

/* A name for a service that was given none, made of its image's. */
kecs_rc_t kecs_express_name(kecs_call_t *c, kecs_str_t image,
    kecs_str_t *name);


#endif
