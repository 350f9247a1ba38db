/*
 * What the files of the service operations share.  A spec is a service as
 * a request wants it: made from the input (CreateService), or from what is
 * stored and the input laid over it (UpdateService), then settled.
 */

#ifndef KECS_SERVICE_INTERN_H
#define KECS_SERVICE_INTERN_H


#include "launch.h"


typedef struct {
    kecs_cluster_t               cluster;      /* CAPACITY loaded */
    kecs_taskdef_t               taskdef;
    kecs_ecs_task_definition_t  *def;
    kecs_launch_t                launch;
    bool                         update;       /* of a service there is */

    /*
     * Before it is settled, s has what was asked for, launchType and
     * networkConfiguration too; then s and d are what STATIC of the
     * service and of its deployment hold.
     */
    kecs_ecs_service_t           s;
    kecs_ecs_deployment_t        d;
    kecs_str_t                   service;      /* STATIC */
    kecs_str_t                   deployment;   /* STATIC */
} kecs_service_spec_t;


/*
 * ECS's rules for what either operation takes by name; volumes and
 * connectors: whether any was given.
 */
kecs_rc_t kecs_service_check(kecs_call_t *c,
    const kecs_ecs_deployment_controller_t *controller, kecs_str_t propagate,
    bool volumes, bool connectors);
kecs_rc_t kecs_grace_check(kecs_call_t *c, kecs_opt_int_t seconds);

/* Lays what is given over `base` (NULL: ECS's defaults), with checks. */
kecs_rc_t kecs_deployment_config(kecs_call_t *c,
    const kecs_ecs_deployment_configuration_t *base,
    const kecs_ecs_deployment_configuration_t *given,
    kecs_ecs_deployment_configuration_t **out);

/* Launch type, platform and network; needs cluster, def and s. */
kecs_rc_t kecs_spec_launch(kecs_call_t *c, kecs_service_spec_t *spec);

/*
 * The rest: balancing, placement, load balancers; then renders both
 * fragments.  s.deploymentConfiguration is settled already.
 */
kecs_rc_t kecs_spec_settle(kecs_call_t *c, kecs_service_spec_t *spec);

/* All that makes a new deployment necessary when it differs. */
kecs_rc_t kecs_spec_revision(kecs_call_t *c,
    const kecs_service_spec_t *spec, kecs_str_t *text);

/* Puts the spec into the head and the STATIC part of the record. */
void kecs_spec_head(const kecs_service_spec_t *spec, kecs_service_t *s);

/*
 * Makes the new PRIMARY deployment and puts it; the service's `primary`
 * follows, the service itself is the caller's to put.
 */
kecs_rc_t kecs_deployment_start(kecs_call_t *c,
    const kecs_service_spec_t *spec, kecs_service_t *s);

/* The PRIMARY deployment, with its parts. */
kecs_rc_t kecs_deployment_primary(kecs_call_t *c, const kecs_service_t *s,
    kecs_deployment_t *d);

/*
 * One service as its operations answer it (STATIC loaded, TAGS when they
 * are shown): UpdateService shows no tags, DeleteService no revisions
 * either.
 */
#define KECS_SHOW_REVISIONS  0x02
kecs_rc_t kecs_service_write(kecs_call_t *c, const char *name,
    kecs_str_t cluster, const kecs_service_t *s, unsigned shown);


#endif
