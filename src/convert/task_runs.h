/*
 * Which ends of a container count (restartPolicy, kubernetes.md 1.6).
 */

#ifndef KECS_TASK_RUNS_H
#define KECS_TASK_RUNS_H


#include "observation.h"


/*
 * What was seen, with each container that was or will be started anew shown
 * either as ended, or as going on: what ECS's agent makes of its restart
 * policy.  *out is `o` itself where nothing changes.  Pure; KECS_NOMEM.
 */
kecs_rc_t kecs_runs_settle(kecs_arena_t *a,
    const kecs_ecs_task_definition_t *definition,
    const kecs_observation_t *o, const kecs_observation_t **out);


#endif
