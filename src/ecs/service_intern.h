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
    unsigned                     controller;   /* KECS_CONTROLLER_* */
    unsigned                     strategy;     /* KECS_STRATEGY_* */
    kecs_taskdef_t               taskdef;
    kecs_ecs_task_definition_t  *def;          /* NULL: of task sets */
    kecs_launch_t                launch;
    bool                         update;       /* of a service there is */
    bool                         rebalancing_asked;    /* by the request */

    /*
     * Before it is settled, s has what was asked for, launchType and
     * networkConfiguration too; then s, d and r are what STATIC of the
     * service, of its deployment and of its revision hold.
     */
    kecs_ecs_service_t           s;
    kecs_ecs_deployment_t        d;
    kecs_ecs_service_revision_t  r;
    kecs_str_t                   service;      /* STATIC */
    kecs_str_t                   deployment;   /* STATIC */
    kecs_str_t                   revision;     /* STATIC */
    kecs_str_t                   namespace;    /* kecs_namespace_key */
} kecs_service_spec_t;


/*
 * ECS's rules for what either operation takes by name.  The spec has the
 * strategy, and the controller that it is when none is given.
 */
kecs_rc_t kecs_service_check(kecs_call_t *c,
    const kecs_ecs_deployment_controller_t *controller, kecs_str_t propagate,
    kecs_service_spec_t *spec);

/* Of what either operation counts; without a number for a DAEMON. */
kecs_rc_t kecs_counts_check(kecs_call_t *c, unsigned strategy,
    kecs_opt_int_t desired, kecs_opt_int_t grace, const char *what);

/*
 * service_config.c: lays what is given over `base` (NULL: ECS's defaults
 * for the scheduling strategy), with checks.
 */
kecs_rc_t kecs_deployment_config(kecs_call_t *c, unsigned strategy,
    const kecs_ecs_deployment_configuration_t *base,
    const kecs_ecs_deployment_configuration_t *given,
    kecs_ecs_deployment_configuration_t **out);

/*
 * service_extras.c: what a service may have beside its tasks (volumes,
 * monitoring, gateways, Service Connect, VPC Lattice), checked against the
 * definition.  A list that is empty becomes one that is not there.
 */
kecs_rc_t kecs_extras_settle(kecs_call_t *c, kecs_service_spec_t *spec);

/* The routes to gateways as the spec's connector wants them. */
kecs_rc_t kecs_spec_connect(kecs_call_t *c, const kecs_service_spec_t *spec,
    const kecs_service_t *s);

/* Launch type, platform and network; needs cluster, def and s. */
kecs_rc_t kecs_spec_launch(kecs_call_t *c, kecs_service_spec_t *spec);

/* Load balancers and registries against the definition. */
kecs_rc_t kecs_targets_check(kecs_call_t *c,
    const kecs_ecs_task_definition_t *def, unsigned launch,
    const kecs_ecs_load_balancers_t *balancers,
    const kecs_ecs_service_registries_t *registries);

/*
 * The rest: balancing, placement, load balancers, extras; then renders the
 * fragments.  s.deploymentConfiguration is settled already.
 */
kecs_rc_t kecs_spec_settle(kecs_call_t *c, kecs_service_spec_t *spec);

/*
 * service_balance.c: availabilityZoneRebalancing gets its default, or is
 * checked against the rest; and KECS_REBALANCE_* of the head.
 */
kecs_rc_t kecs_spec_rebalancing(kecs_call_t *c, kecs_service_spec_t *spec);
unsigned kecs_spec_rebalances(const kecs_service_spec_t *spec);

/* The namespace that its Service Connect is in, for the index of them. */
kecs_rc_t kecs_spec_namespace(kecs_call_t *c, kecs_service_spec_t *spec);

/* Only the fragments, of a spec that is settled but for them. */
kecs_rc_t kecs_spec_render(kecs_call_t *c, kecs_service_spec_t *spec);

/* All that makes a new deployment necessary when it differs. */
kecs_rc_t kecs_spec_revision(kecs_call_t *c,
    const kecs_service_spec_t *spec, kecs_str_t *text);

/* Puts the spec into the head and the STATIC part of the record. */
void kecs_spec_head(const kecs_service_spec_t *spec, kecs_service_t *s);

/*
 * Makes the new PRIMARY deployment, its revision and its service
 * deployment, which takes the place of the one under way; the service's
 * `primary` follows, the service itself is the caller's to put.
 */
kecs_rc_t kecs_deployment_start(kecs_call_t *c,
    const kecs_service_spec_t *spec, kecs_service_t *s);

/*
 * Goes back to deployment `id`, whose revision the spec is of: it becomes
 * the PRIMARY again, with the tasks that it has left, and the service
 * deployment `sd` runs it.
 */
kecs_rc_t kecs_deployment_back(kecs_call_t *c,
    const kecs_service_spec_t *spec, kecs_service_t *s,
    kecs_service_deployment_t *sd, uint64_t id);

/* The PRIMARY deployment, if under way, has failed; it stays. */
kecs_rc_t kecs_deployment_fail(kecs_call_t *c, const kecs_service_t *s);

/* A deployment by number. */
kecs_rc_t kecs_deployment_get(kecs_call_t *c, const kecs_service_t *s,
    uint64_t id, unsigned parts, kecs_deployment_t *d);

/* The PRIMARY deployment, with its parts. */
kecs_rc_t kecs_deployment_primary(kecs_call_t *c, const kecs_service_t *s,
    kecs_deployment_t *d);

/* The live deployments in the order they are shown, the PRIMARY first. */
typedef struct kecs_live_deployment_s  kecs_live_deployment_t;

struct kecs_live_deployment_s {
    kecs_deployment_t        d;
    kecs_counts_t            counts;
    kecs_live_deployment_t  *next;
};

kecs_rc_t kecs_deployments_live(kecs_call_t *c, const kecs_service_t *s,
    kecs_live_deployment_t **list);

/* One of them as it is shown; STATIC loaded. */
kecs_rc_t kecs_deployment_write(kecs_call_t *c, const char *name,
    const kecs_service_t *s, const kecs_live_deployment_t *l);

/* A fresh number for ecs-svc/N. */
uint64_t kecs_deployment_number(kecs_call_t *c);

/*
 * One service as its operations answer it (STATIC loaded, TAGS when they
 * are shown): UpdateService shows no tags, DeleteService no revisions
 * either, and DescribeServices alone the deployment that is going on.
 * Streams tell the events one by one.
 */
#define KECS_SHOW_REVISIONS  0x02
#define KECS_SHOW_CURRENT    0x04
#define KECS_HIDE_EVENTS     0x08
kecs_rc_t kecs_service_write(kecs_call_t *c, const char *name,
    kecs_str_t cluster, const kecs_service_t *s, unsigned shown);

/*
 * An ACTIVE service with its parts, or ECS's errors: not found, not
 * ACTIVE.
 */
kecs_rc_t kecs_service_active(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_str_t id, kecs_service_t *s);

/* KECS_CONTROLLER_*; services of an earlier release have none. */
static inline unsigned
kecs_controller_of_service(const kecs_service_t *s)
{
    return s->controller != 0 ? s->controller : KECS_CONTROLLER_ECS;
}


/*
 * service_revision.c: service revisions.
 */

/* Puts the revision of deployment `id` as the spec has it. */
kecs_rc_t kecs_revision_put(kecs_call_t *c, const kecs_service_spec_t *spec,
    const kecs_service_t *s, uint64_t id);

/* It is run again. */
kecs_rc_t kecs_revision_runs(kecs_call_t *c, const kecs_service_t *s,
    uint64_t id);

/* With its STATIC; KECS_NOT_FOUND when there is none. */
kecs_rc_t kecs_revision_get(kecs_call_t *c, const kecs_service_t *s,
    uint64_t id, kecs_revision_t *r);

/* One as DescribeServiceRevisions shows it; STATIC loaded, if it is there. */
kecs_rc_t kecs_revision_write(kecs_call_t *c, const char *name,
    kecs_str_t cluster, const kecs_service_t *s, const kecs_revision_t *r);


/*
 * service_history.c: one as DescribeServiceDeployments shows it, parts
 * loaded; without them, what its head says.
 */
kecs_rc_t kecs_service_deployment_write(kecs_call_t *c, const char *name,
    kecs_str_t cluster, const kecs_service_t *s,
    const kecs_service_deployment_t *sd);


/*
 * service_rollout.c: service deployments as deployments start and end.
 */

/* Puts the one whose target is deployment `id`; PENDING. */
kecs_rc_t kecs_service_deployment_start(kecs_call_t *c,
    const kecs_service_spec_t *spec, const kecs_service_t *s, uint64_t id);

/* Ends those of a service that are under way. */
kecs_rc_t kecs_service_deployments_end(kecs_call_t *c,
    const kecs_service_t *s, kecs_str_t reason);

/*
 * service_hook.c: its hook `id` goes on, or makes it go back; put.
 * KECS_NOT_FOUND when that one does not wait.
 */
kecs_rc_t kecs_hook_answer(kecs_call_t *c, const kecs_service_t *s,
    kecs_service_deployment_t *sd, kecs_str_t id, bool back);

/* The hooks of a stage, and what is known of the function of each. */
typedef struct {
    kecs_msec_t  at;                /* it is to be invoked; 0: no function */
    kecs_str_t   details;           /* hookDetails, or absent */
    bool         told;              /* that it could not be invoked */
} kecs_hook_call_t;

typedef struct {
    kecs_ecs_deployment_lifecycle_hook_detail_t  *details;
    kecs_hook_call_t                             *calls;
    size_t                                        n;
} kecs_hooks_t;

/* Those of a record with its parts; the record with these, put. */
kecs_rc_t kecs_hooks_load(kecs_call_t *c,
    const kecs_service_deployment_t *sd, kecs_hooks_t *h);
kecs_rc_t kecs_hooks_put(kecs_call_t *c, kecs_service_deployment_t *sd,
    const kecs_hooks_t *h);

/* Its function has not come to an end. */
bool kecs_hook_runs(const kecs_ecs_deployment_lifecycle_hook_detail_t *d);

/* It goes back because of a hook, unless it does so already. */
kecs_rc_t kecs_hook_back(kecs_call_t *c, const kecs_service_t *s,
    kecs_service_deployment_t *sd, kecs_str_t why);

/* service_function.c: why nobody can invoke it; absent: KECS_NOMEM. */
kecs_str_t kecs_function_nobody(kecs_call_t *c, kecs_str_t target);

/* Takes "arn:...:KIND/CLUSTER/SERVICE/ID" apart; false when it is none. */
typedef struct {
    kecs_str_t  cluster;
    kecs_str_t  service;
    kecs_str_t  id;
} kecs_service_part_arn_t;

bool kecs_service_part_parse(kecs_call_t *c, kecs_str_t arn,
    const char *kind, kecs_service_part_arn_t *out);


/*
 * task_set.c: task sets.
 */

/* The list `name` of a service's task sets; nothing of those it has not. */
kecs_rc_t kecs_task_sets_write(kecs_call_t *c, const char *name,
    kecs_str_t cluster, const kecs_service_t *s);

/* One of them, all parts loaded. */
kecs_rc_t kecs_task_set_write(kecs_call_t *c, const char *name,
    kecs_str_t cluster, const kecs_service_t *s, const kecs_task_set_t *t,
    bool tags);

/* Whether a service has any. */
kecs_rc_t kecs_task_sets_any(kecs_call_t *c, const kecs_service_t *s,
    bool *any);

/* All become DRAINING. */
kecs_rc_t kecs_task_sets_drain(kecs_call_t *c, const kecs_service_t *s);

/* By number, with its parts. */
kecs_rc_t kecs_task_set_get(kecs_call_t *c, const kecs_service_t *s,
    uint64_t id, kecs_task_set_t *t);

/*
 * The PRIMARY task set of a service, made of its spec: all that the
 * service wants, for who deploys it (startedBy).  `id` 0: a new number.
 */
kecs_rc_t kecs_task_set_first(kecs_call_t *c,
    const kecs_service_spec_t *spec, kecs_service_t *s, uint64_t id,
    kecs_str_t started_by);


#endif
