/*
 * What RunTask and the service operations share: which definition may be
 * run, how (launch type or capacity providers, platform, network), and the
 * client tokens that make both idempotent.  Everything here works inside
 * the call's transaction and takes memory from the call's arena.
 */

#ifndef KECS_LAUNCH_H
#define KECS_LAUNCH_H


#include "ecs.h"


#define kecs_bad(c, ...)  kecs_fail(c, KECS_E_INVALID_PARAMETER, __VA_ARGS__)

/* The health of a new task's containers, as it is stored. */
#define KECS_CONTAINER_HEALTH  "\"healthStatus\":\"UNKNOWN\""

#define KECS_TOKEN_LIFE  (24 * 3600 * (kecs_msec_t) 1000)


/* The body of a definition (BODY loaded) as a structure. */
kecs_rc_t kecs_taskdef_load(kecs_call_t *c, const kecs_taskdef_t *t,
    kecs_ecs_task_definition_t **def);

/*
 * The definition that a request names to be run: BODY and TAGS loaded.
 * Fails with ECS's own errors when there is none or it is not ACTIVE.
 */
kecs_rc_t kecs_taskdef_to_run(kecs_call_t *c, kecs_str_t id,
    kecs_taskdef_t *t, kecs_ecs_task_definition_t **def);

bool kecs_is_awsvpc(const kecs_ecs_task_definition_t *def);


/* How tasks are launched. */
typedef struct {
    unsigned     launch;            /* KECS_LAUNCH_* of the tasks */
    kecs_ecs_capacity_provider_strategy_t
                 strategy;          /* n == 0: by launch type */
    kecs_str_t   version_asked;     /* LATEST as well; FARGATE only */
    kecs_str_t   platform_version;  /* what it means; FARGATE only */
    kecs_str_t   platform_family;   /* FARGATE only */
} kecs_launch_t;

/*
 * From what a request says (each may be absent) to how tasks of `def` are
 * launched; the cluster's default strategy counts when there is neither a
 * type nor a strategy.  The cluster has its CAPACITY part loaded.
 */
kecs_rc_t kecs_launch_resolve(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_ecs_task_definition_t *def, kecs_str_t type,
    const kecs_ecs_capacity_provider_strategy_t *strategy,
    kecs_str_t version, kecs_launch_t *out);

/*
 * The provider of the i-th task (from 0): the base first, then by weight
 * in turn.  Absent when there is no strategy.
 */
kecs_str_t kecs_strategy_pick(
    const kecs_ecs_capacity_provider_strategy_t *strategy, uint64_t i);

/*
 * Checks the network configuration against the definition and fills in
 * its defaults; *out is NULL when there is none.
 */
kecs_rc_t kecs_network_settle(kecs_call_t *c,
    const kecs_ecs_task_definition_t *def, unsigned launch,
    const kecs_ecs_network_configuration_t *in,
    kecs_ecs_network_configuration_t **out);

/* Placement rules: numbers, and that FARGATE takes none. */
kecs_rc_t kecs_placement_check(kecs_call_t *c, unsigned launch,
    const kecs_ecs_placement_constraints_t *constraints,
    const kecs_ecs_placement_strategies_t *strategies);


/*
 * Tags of a new task: `own`, then those of `from` (a stored fragment or
 * absent) whose keys are not in it, then ECS's own when `managed`
 * (`service` may be absent).  *json is absent when there are none.
 */
kecs_rc_t kecs_task_tags(kecs_call_t *c, const kecs_ecs_tags_t *own,
    kecs_str_t from, bool managed, kecs_str_t cluster, kecs_str_t service,
    kecs_str_t *json);


/*
 * volume.c: volumes configured at launch.  Their configurations against the
 * definition; those of a service in the form of a standalone task.
 */
kecs_rc_t kecs_volumes_check(kecs_call_t *c,
    const kecs_ecs_task_definition_t *def,
    const kecs_ecs_task_volume_configurations_t *list);
kecs_rc_t kecs_volumes_of_service(kecs_call_t *c,
    const kecs_ecs_service_volume_configurations_t *in,
    kecs_ecs_task_volume_configurations_t *out);

/*
 * Of new tasks: their part VOLUMES (absent when there are none), and the
 * attachments of one, into an open array.
 */
kecs_rc_t kecs_volumes_part(kecs_call_t *c, const kecs_new_task_t *n,
    kecs_str_t *json);
void kecs_volumes_attach(kecs_call_t *c, kecs_writer_t *w,
    const kecs_ecs_task_volume_configurations_t *list);


/*
 * What RunTask and StartTask ask for alike; each request is put into this
 * form.
 */
typedef struct {
    kecs_str_t                         group;
    kecs_str_t                         started_by;
    kecs_str_t                         reference_id;
    kecs_str_t                         propagate_tags;
    const kecs_ecs_tags_t             *tags;
    bool                               managed_tags;
    bool                               execute_command;
    kecs_ecs_task_volume_configurations_t
                                       volumes;     /* configured at launch */
    kecs_ecs_network_configuration_t  *network;
    kecs_ecs_task_override_t          *overrides;
} kecs_task_request_t;

/* What can be said before anything is looked up. */
kecs_rc_t kecs_task_request_check(kecs_call_t *c,
    const kecs_task_request_t *q);

/* Checks the overrides; sizes in words become numbers. */
kecs_rc_t kecs_task_request_overrides(kecs_call_t *c,
    const kecs_task_request_t *q, const kecs_ecs_task_definition_t *def);

/*
 * The new tasks that the request asks for, all but how they are launched
 * and where.  BODY and TAGS of the definition are loaded.
 */
kecs_rc_t kecs_task_request_settle(kecs_call_t *c,
    const kecs_task_request_t *q, const kecs_cluster_t *cluster,
    const kecs_taskdef_t *taskdef, const kecs_ecs_task_definition_t *def,
    unsigned launch, kecs_new_task_t *n);


/* Operations that have a file of their own. */
kecs_rc_t kecs_run_task(kecs_call_t *c, void *in);
kecs_rc_t kecs_start_task(kecs_call_t *c, void *in);
kecs_rc_t kecs_execute_command(kecs_call_t *c, void *in);
kecs_rc_t kecs_get_task_protection(kecs_call_t *c, void *in);
kecs_rc_t kecs_update_task_protection(kecs_call_t *c, void *in);
kecs_rc_t kecs_create_service(kecs_call_t *c, void *in);
kecs_rc_t kecs_update_service(kecs_call_t *c, void *in);
kecs_rc_t kecs_delete_service(kecs_call_t *c, void *in);
kecs_rc_t kecs_describe_service_revisions(kecs_call_t *c, void *in);


/* SHA-256 of a decoded input in its canonical form; hash takes 32 bytes. */
kecs_rc_t kecs_request_hash(kecs_call_t *c, const void *in, uint8_t *hash);

/* KECS_NOT_FOUND when the token is not known or older than its life. */
kecs_rc_t kecs_token_find(kecs_call_t *c, const char *op, kecs_str_t token,
    kecs_token_t *out);

/* Remembers what came of the request; hash NULL: of no interest. */
kecs_rc_t kecs_token_keep(kecs_call_t *c, const char *op, kecs_str_t token,
    const uint8_t *hash, kecs_str_t result);


#endif
