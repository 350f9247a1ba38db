/*
 * The parts of a task record that change with what the runtime sees:
 * `containers` and `attachments`, as C structures.  Loaded, edited in
 * place, stored again when they differ.  Pure.
 */

#ifndef KECS_TASK_PARTS_H
#define KECS_TASK_PARTS_H


#include "observation.h"


typedef struct {
    kecs_ecs_task_t  *view;         /* only containers and attachments */
    kecs_str_t        containers;   /* as they were when loaded */
    kecs_str_t        attachments;
} kecs_task_parts_t;

/* Decodes both parts, which have to be loaded.  KECS_NOMEM, KECS_INVALID. */
kecs_rc_t kecs_task_parts_load(kecs_arena_t *a, const kecs_task_t *task,
    kecs_task_parts_t *p);

/* Puts the parts that differ into the record, marked dirty. */
kecs_rc_t kecs_task_parts_store(kecs_arena_t *a, kecs_task_t *task,
    const kecs_task_parts_t *p, bool *changed);

/* A container of the task by name, or NULL. */
kecs_ecs_container_t *kecs_task_container(const kecs_task_parts_t *p,
    kecs_str_t name);

/* A container of the definition by name, or NULL. */
const kecs_ecs_container_definition_t *kecs_definition_container(
    const kecs_ecs_task_definition_t *definition, kecs_str_t name);

/* Unknown containers count as essential, as the default is. */
bool kecs_container_essential(const kecs_ecs_container_definition_t *d);

/* It has a health check that is not switched off with NONE. */
bool kecs_container_checked(const kecs_ecs_container_definition_t *d);

/*
 * The task's address is known: the elastic network interface becomes
 * ATTACHED, and the containers show it.
 */
kecs_rc_t kecs_task_attach(kecs_arena_t *a, const kecs_task_t *task,
    kecs_task_parts_t *p, kecs_str_t address);

/* The task has ended: its attachments are DELETED. */
void kecs_task_detach(kecs_task_parts_t *p);

/* Ports of the host that lead to a container, as its definition asks. */
kecs_rc_t kecs_container_bind(kecs_arena_t *a, kecs_ecs_container_t *c,
    const kecs_ecs_container_definition_t *d, kecs_str_t network_mode);


#endif
