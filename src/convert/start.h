/*
 * A task that is to be run, with all that a runtime needs to know of it.
 * Everything is borrowed from who asks.
 */

#ifndef KECS_START_H
#define KECS_START_H


#include "../ecs/shapes.gen.h"
#include "../store/record.h"


typedef struct {
    const kecs_task_t                 *task;
    kecs_str_t                         account;
    kecs_str_t                         region;
    kecs_str_t                         cluster;     /* names */
    kecs_str_t                         service;     /* or absent */
    const kecs_ecs_task_definition_t  *definition;
    const kecs_ecs_task_override_t    *overrides;   /* or NULL */
} kecs_start_t;


#endif
