/*
 * From what a runtime saw to what ECS says: the one place where task
 * states are derived (kubernetes.md 1.7, ecs-api.md 3.5).  Pure.  A task's
 * status never goes backwards; times once set stay.
 */

#ifndef KECS_TASK_STATE_H
#define KECS_TASK_STATE_H


#include "observation.h"


typedef struct {
    bool  changed;      /* the record is to be put */
    bool  stop;         /* the runtime is to stop what still runs */
    bool  forget;       /* STOPPED: once stored the runtime may let go */
    bool  ended;        /* it was wanted to run and now is not */
    kecs_msec_t  again_at;      /* kecs_task_overdue then; 0: never */
} kecs_task_step_t;

/*
 * Moves the task record (CONTAINERS and ATTACHMENTS loaded) to the state
 * that the observation shows, in place; `definition` tells essential
 * containers and health checks.  New parts are allocated from `a` and
 * marked dirty; version grows by one when something that ECS shows has
 * changed.
 */
kecs_rc_t kecs_task_observe(kecs_arena_t *a, kecs_task_t *task,
    const kecs_ecs_task_definition_t *definition,
    const kecs_observation_t *o, kecs_msec_t now, kecs_task_step_t *step);

/*
 * The runtime has nothing of this task although it should: never started
 * and wanted -> step is empty (start it); wanted to stop -> STOPPED; seen
 * before -> STOPPED, its host lost.
 */
kecs_rc_t kecs_task_missing(kecs_arena_t *a, kecs_task_t *task,
    kecs_msec_t now, kecs_task_step_t *step);

/* It could not be started: STOPPED, TaskFailedToStart with this reason. */
kecs_rc_t kecs_task_refused(kecs_arena_t *a, kecs_task_t *task,
    kecs_str_t reason, kecs_msec_t now, kecs_task_step_t *step);

/*
 * Time alone has passed: health checks that have not succeeded within
 * their start period and retries make their containers UNHEALTHY.
 */
kecs_rc_t kecs_task_overdue(kecs_arena_t *a, kecs_task_t *task,
    const kecs_ecs_task_definition_t *definition, kecs_msec_t now,
    kecs_task_step_t *step);

/*
 * What ECS calls it that a container does not come up for a reason of the
 * runtime's: "CannotPullContainerError", or NULL: it is no error.
 */
const char *kecs_start_error(kecs_str_t reason, kecs_str_t message);

/* An essential container has a health check. */
bool kecs_task_checked(const kecs_ecs_task_definition_t *definition);

/* Seconds between SIGTERM and SIGKILL for the task as a whole. */
unsigned kecs_task_grace(const kecs_ecs_task_definition_t *definition);


#endif
