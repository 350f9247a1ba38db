/*
 * A task that is to be run, with all that a runtime needs to know of it.
 * Everything is borrowed from who asks.
 */

#ifndef KECS_START_H
#define KECS_START_H


#include "../base/trace.h"
#include "../ecs/shapes.gen.h"
#include "../store/record.h"


/*
 * What was fetched for the start from other AWS services.  It is secret:
 * nothing but a Secret of Kubernetes may hold it.
 */
typedef struct {
    kecs_str_t  username;           /* absent: no login */
    kecs_str_t  password;
} kecs_login_t;

typedef struct {
    kecs_str_t  name;
    kecs_str_t  value;
} kecs_variable_t;

typedef struct {
    kecs_variable_t  *items;
    size_t            n;
} kecs_variables_t;

typedef struct {
    const kecs_str_t    *secrets;   /* of all containers, in their order;
                                       absent ones were not fetched */
    const kecs_login_t  *logins;    /* one for each container */
    const kecs_variables_t
                        *variables; /* of environment files, for each
                                       container; NULL: not fetched */
} kecs_fetched_t;

typedef struct {
    const kecs_task_t                 *task;
    kecs_str_t                         account;
    kecs_str_t                         region;
    kecs_str_t                         cluster;     /* names */
    kecs_str_t                         service;     /* or absent */
    const kecs_ecs_task_definition_t  *definition;
    const kecs_ecs_task_override_t    *overrides;   /* or NULL */
    const kecs_fetched_t              *fetched;     /* or NULL */

    /* Configured at launch, or NULL. */
    const kecs_ecs_task_volume_configurations_t  *volumes;

    /* Digests that its deployment keeps to, or NULL. */
    const kecs_ecs_container_images_t  *images;

    /* The call that asked for it, or NULL. */
    const kecs_cause_t  *cause;
} kecs_start_t;


#endif
