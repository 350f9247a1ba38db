/*
 * A simulated task: a pure timeline.  What is to be seen of it is a
 * function of its script (labels `kecs.simulated.*` of its containers, see
 * docs/runtimes.md), the seed, its id, when it was started and when it was
 * told to stop.  So a simulation that is told the same again after a
 * restart goes on where it was; nothing has to be stored.
 */

#ifndef KECS_SIM_TASK_H
#define KECS_SIM_TASK_H


#include "runtime.h"


/* Of the nodes that are told of. */
#define KECS_SIM_REGION  "us-east-1"

typedef struct {
    kecs_str_t   name;
    kecs_str_t   digest;
    kecs_str_t   runtime_id;
    kecs_msec_t  start_delay;
    kecs_msec_t  stop_delay;
    kecs_msec_t  exit_after;        /* of its start; -1: runs on */
    kecs_msec_t  oom_after;         /* -1: never */
    kecs_msec_t  health_after;      /* of its start; -1: never healthy */
    kecs_msec_t  unhealthy_after;   /* of its start; -1: never */
    int          exit_code;         /* -1: none given */
    kecs_msec_t  starts_anew;       /* after so long, each time; 0: never */
    bool         never_start;
    bool         ignore_term;
    kecs_str_t   pull_error;        /* or absent */
    kecs_str_t   start_error;       /* or absent */

    /* Set by the layout: relative to the task's start, -1: never. */
    kecs_msec_t  starts;
} kecs_sim_container_t;

typedef struct {
    uint8_t                id[KECS_ID_LEN];
    kecs_str_t             handle;
    kecs_str_t             node;
    kecs_str_t             zone;        /* absent: the record has one */
    kecs_str_t             address;     /* absent: not awsvpc */
    kecs_str_t             refuse;      /* or absent */
    kecs_msec_t            placed;      /* relative to the start */
    kecs_msec_t            pulled;
    kecs_msec_t            lost_after;  /* of its start; -1: never */
    kecs_msec_t            began;       /* wall clock */
    kecs_msec_t            stop_at;     /* wall clock, 0: not stopped */
    kecs_msec_t            grace;
    kecs_sim_container_t  *containers;
    size_t                 n;
} kecs_sim_task_t;

/*
 * Lays the task out.  A task that the record says has started goes on from
 * there; any other begins `now`.  Everything is copied into `a`.
 */
kecs_rc_t kecs_sim_task_make(kecs_arena_t *a, const kecs_start_t *s,
    const kecs_simulated_conf_t *conf, kecs_msec_t now,
    kecs_sim_task_t *out);

/*
 * What is to be seen at `now`, and when that changes next (0: never).  The
 * observation's containers are from `a`, its strings are the task's.
 */
kecs_rc_t kecs_sim_task_see(kecs_arena_t *a, const kecs_sim_task_t *t,
    kecs_msec_t now, kecs_observation_t *o, kecs_msec_t *next);


#endif
