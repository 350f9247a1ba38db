/*
 * What the runtime sees, put into the parts of a task record, and what its
 * definition says of it.  Pure.
 */

#ifndef KECS_TASK_PARTS_H
#define KECS_TASK_PARTS_H


#include "../ecs/task_view.h"
#include "observation.h"


/* A container of the definition by name, or NULL. */
const kecs_ecs_container_definition_t *kecs_definition_container(
    const kecs_ecs_task_definition_t *definition, kecs_str_t name);

/* Unknown containers count as essential, as the default is. */
bool kecs_container_essential(const kecs_ecs_container_definition_t *d);

/* It has a health check that is not switched off with NONE. */
bool kecs_container_checked(const kecs_ecs_container_definition_t *d);

/*
 * Its restart policy starts it anew when it ends with this exit code after
 * it ran so long.
 */
bool kecs_container_restarts(const kecs_ecs_container_definition_t *d,
    int code, kecs_msec_t ran);

/* Exit codes that its restart policy, if it has one, leaves alone. */
bool kecs_container_ignores(const kecs_ecs_container_definition_t *d,
    int code);

/* It has a restart policy that is not switched off. */
bool kecs_container_persists(const kecs_ecs_container_definition_t *d);

/* What is depended on must have ended: COMPLETE, SUCCESS. */
bool kecs_dependency_ends(const kecs_ecs_container_dependency_t *d);

/*
 * The task's address is known: the elastic network interface becomes
 * ATTACHED, and the containers show it.
 */
kecs_rc_t kecs_task_attach(kecs_arena_t *a, const kecs_task_t *task,
    kecs_task_parts_t *p, kecs_str_t address);

/*
 * Its volumes are mounted: those that were configured at launch become
 * ATTACHED.
 */
kecs_rc_t kecs_task_attach_volumes(kecs_arena_t *a, const kecs_task_t *task,
    kecs_task_parts_t *p);

/* The id of the volume that was configured at its launch. */
kecs_str_t kecs_task_volume_id(kecs_arena_t *a, const kecs_task_t *task);

/* Ports of the host that lead to a container, as its definition asks. */
kecs_rc_t kecs_container_bind(kecs_arena_t *a, kecs_ecs_container_t *c,
    const kecs_ecs_container_definition_t *d, kecs_str_t network_mode);


#endif
