/*
 * RegisterTaskDefinition in parts: the checks of what a client sent, in
 * ECS's order, and what ECS fills in.  All memory is the call's; the
 * functions change the decoded input in place.
 */

#ifndef KECS_TASKDEF_H
#define KECS_TASKDEF_H


#include "ecs.h"


typedef kecs_ecs_register_task_definition_request_t  kecs_register_t;
typedef kecs_ecs_container_definition_t              kecs_condef_t;


/*
 * Everything that makes ECS refuse a definition.  Sizes ("1 vCPU", "1 GB")
 * become plain numbers on the way.
 */
kecs_rc_t kecs_taskdef_check(kecs_call_t *c, kecs_register_t *in);

/* One container, by itself and as part of the task. */
kecs_rc_t kecs_condef_check(kecs_call_t *c, const kecs_register_t *in,
    const kecs_condef_t *k);

/* Why Fargate could not run it: KECS_FAILED with ECS's text. */
kecs_rc_t kecs_taskdef_fargate(kecs_call_t *c, const kecs_register_t *in);

/*
 * The definition as answers show it, without what the record's head says
 * (ARN, revision, status, times).  `out` shares memory with the input.
 */
kecs_rc_t kecs_taskdef_fill(kecs_call_t *c, kecs_register_t *in,
    kecs_ecs_task_definition_t *out);


/* "256", ".25 vCPU", "1 GB": 1024 times the number before the unit. */
bool kecs_taskdef_size(kecs_str_t s, const char *unit, int64_t *n);

/* The container of this name, or NULL. */
const kecs_condef_t *kecs_condef_find(const kecs_register_t *in,
    kecs_str_t name);

bool kecs_taskdef_windows(const kecs_register_t *in);

/* An image in a private registry of Amazon ECR. */
bool kecs_image_ecr(kecs_str_t image);

static inline bool
kecs_taskdef_mode(const kecs_register_t *in, const char *mode)
{
    return kecs_str_is(in->network_mode, mode);
}


/* Of a file of its own. */
kecs_rc_t kecs_delete_task_definitions(kecs_call_t *c, void *in);


#endif
