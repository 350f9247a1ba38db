/*
 * The parts of a task record that change while it runs: `containers` and
 * `attachments`, as C structures.  Loaded, edited in place, stored again
 * when they differ.  Pure.
 */

#ifndef KECS_TASK_VIEW_H
#define KECS_TASK_VIEW_H


#include "../store/record.h"
#include "shapes.gen.h"


/* The type of the attachment that a volume configured at launch is. */
#define KECS_EBS_ATTACHMENT  "AmazonElasticBlockStorage"

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

/*
 * `now` as a task shows it: times of a task only grow, also when a clock is
 * put back.
 */
kecs_msec_t kecs_task_clock(const kecs_task_t *task, kecs_msec_t now);

/* The task has ended: its attachments are DELETED. */
void kecs_task_detach(kecs_task_parts_t *p);


#endif
