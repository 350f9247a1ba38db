/*
 * What a runtime saw of one task, in neutral terms: no ECS states, no pod
 * fields.  Made by a runtime (for Kubernetes from the pod by
 * pod_status.c), turned into the task record's next state by task_state.c.
 * Strings are valid while the sink's callback runs.
 */

#ifndef KECS_OBSERVATION_H
#define KECS_OBSERVATION_H


#include "../ecs/shapes.gen.h"
#include "../store/record.h"


typedef enum {
    KECS_C_WAITING = 0,
    KECS_C_RUNNING,
    KECS_C_TERMINATED
} kecs_container_phase_t;

typedef struct kecs_container_seen_s  kecs_container_seen_t;

struct kecs_container_seen_s {
    kecs_str_t              name;        /* the ECS name */
    kecs_container_phase_t  phase;
    bool                    has_exit;
    int                     exit_code;
    bool                    ready;       /* its health check passes */
    kecs_str_t              reason;      /* the runtime's: "OOMKilled" */
    kecs_str_t              message;
    kecs_str_t              image_digest;    /* "sha256:..." or absent */
    bool                    by_digest;   /* its repository has it by that */
    kecs_str_t              runtime_id;
    kecs_msec_t             started_at;
    kecs_msec_t             finished_at;
    bool                    again;       /* TERMINATED, but is started anew */

    /* How it ended before it was started anew the last time, or NULL. */
    const kecs_container_seen_t  *before;
};

typedef struct {
    uint8_t                       task[KECS_ID_LEN];
    kecs_str_t                    handle;      /* the runtime's own id */
    bool                          gone;        /* it exists no more */
    bool                          placed;      /* on a node */
    bool                          deleting;    /* being taken away */
    bool                          failed;      /* as a whole; see reason */
    kecs_str_t                    reason;      /* "Evicted", ... */
    kecs_str_t                    message;
    kecs_str_t                    pending;     /* why it is not placed */
    kecs_str_t                    node;
    kecs_str_t                    zone;
    kecs_str_t                    address;     /* IP, absent: none yet */
    kecs_msec_t                   pull_started_at;
    kecs_msec_t                   pull_stopped_at;
    const kecs_container_seen_t  *containers;
    size_t                        n;

    /* For adoption: what the object says of itself; absent otherwise. */
    kecs_str_t                    task_arn;
    kecs_str_t                    definition_arn;
    kecs_str_t                    group;
    kecs_str_t                    started_by;
    kecs_str_t                    launch;
} kecs_observation_t;


#endif
