/*
 * FireLens: the configuration of a log router, as the agent of ECS makes
 * it.  Memory is of the arena given.
 */

#ifndef KECS_FIRELENS_H
#define KECS_FIRELENS_H


#include "../base/buf.h"
#include "../ecs/shapes.gen.h"


/* Where the router reads the logs of its task, a folder by container. */
#define KECS_FIRELENS_LOGS  "/var/log/firelens"

typedef struct {
    kecs_str_t  name;               /* in the task */
    kecs_str_t  folder;             /* of its logs, or absent: not read */
    size_t      index;              /* among the containers */

    const kecs_ecs_log_configuration_t  *log;
} kecs_firelens_source_t;

typedef struct {
    const kecs_ecs_firelens_configuration_t  *router;
    const kecs_firelens_source_t             *sources;
    size_t                                    n;
    kecs_str_t                                cluster;
    kecs_str_t                                task_arn;
    kecs_str_t                                task_id;
    kecs_str_t                                task_definition;
    const char                               *listen;   /* NULL: on none */
} kecs_firelens_t;


/* The container routes logs; it sends its own to a router. */
bool kecs_firelens_routes(const kecs_ecs_container_definition_t *d);
bool kecs_firelens_sends(const kecs_ecs_container_definition_t *d);

bool kecs_firelens_is_fluentd(const kecs_ecs_firelens_configuration_t *r);

/* The variable of the router that a secret option is in. */
kecs_str_t kecs_firelens_variable(kecs_arena_t *a, kecs_str_t option,
    size_t container);

/* The text; data NULL: out of memory. */
kecs_str_t kecs_firelens_config(kecs_arena_t *a, const kecs_firelens_t *f);


#endif
