/*
 * Runtimes: what runs the containers of a task, behind a narrow interface.
 * A runtime starts and stops tasks and reports what it sees; it decides
 * nothing and keeps no truth: the store does.  Everything is asynchronous
 * and on one thread: requests return at once, news come through the sink
 * from within `run`.  All requests are idempotent and may be repeated
 * after a restart.  ECS states are derived above (convert/task_state.h).
 */

#ifndef KECS_RUNTIME_H
#define KECS_RUNTIME_H


#include <poll.h>

#include "../convert/observation.h"
#include "../convert/service_objects.h"
#include "../convert/start.h"
#include "../ecs/node.h"


typedef struct kecs_runtime_s  kecs_runtime_t;

/* A service by its record. */
typedef struct {
    uint32_t  scope;
    uint32_t  cluster;
    uint32_t  no;
} kecs_service_key_t;

/*
 * News.  `seen`: the state of one task (also of tasks that the store does
 * not know).  `refused`: it cannot be started, for the reason given; the
 * task ends as TaskFailedToStart.  `synced`: all that exists has been
 * reported since `unsynced` (or the start); a task that was not is gone.
 * `unsynced`: contact was lost; nothing may be concluded from silence.
 */
typedef struct {
    void  (*seen)(void *ctx, const kecs_observation_t *o);
    void  (*refused)(void *ctx, const uint8_t *task, kecs_str_t reason);
    void  (*synced)(void *ctx);
    void  (*unsynced)(void *ctx, kecs_str_t why);
    void   *ctx;

    /*
     * Nodes that tasks may be put on; all NULL: of no interest.  Between
     * `nodes_begin` (which may come again) and `nodes_synced` all that
     * exist are told; what was not is gone.  A runtime that knows no nodes
     * says so by telling none.  `node_used`: what takes room there besides
     * tasks that were put on the node; told after a node was seen, and
     * whenever it has changed.
     */
    void  (*nodes_begin)(void *ctx);
    void  (*node_seen)(void *ctx, const kecs_node_seen_t *n);
    void  (*node_used)(void *ctx, kecs_str_t name,
                       const kecs_node_use_t *use);
    void  (*node_gone)(void *ctx, kecs_str_t name);
    void  (*nodes_synced)(void *ctx);
} kecs_runtime_sink_t;

/*
 * What a runtime has to show of a task for people: an object as JSON, valid
 * during the call.  Any other rc: there is none.
 */
typedef void (*kecs_inspected_pt)(void *ctx, kecs_rc_t rc, kecs_str_t json);

#define KECS_SIM_HANDLE  "simulated-"       /* so handles of it begin */

#define KECS_RT_SIMULATED  0x01    /* no real containers */
#define KECS_RT_STOP_ONE   0x02    /* can stop a single container */

typedef struct {
    const char  *name;
    unsigned     caps;

    void  (*close)(kecs_runtime_t *rt);

    /*
     * Waits for `fds`, its own input or `msec`, whichever comes first;
     * then `run` handles what came and calls the sink.
     */
    void  (*wait)(kecs_runtime_t *rt, struct pollfd *fds, unsigned n,
                  int msec);
    void  (*run)(kecs_runtime_t *rt);

    /* KECS_AGAIN: not now (throttled, no contact); asked again later. */
    kecs_rc_t  (*start)(kecs_runtime_t *rt, const kecs_start_t *s);

    /*
     * SIGTERM, `grace` seconds, SIGKILL.  Unknown tasks are fine.  Cause:
     * the call that asked for it, or NULL.
     */
    kecs_rc_t  (*stop)(kecs_runtime_t *rt, const uint8_t *task,
                       kecs_str_t handle, unsigned grace,
                       const kecs_cause_t *cause);

    /*
     * The end is stored: let go of what is left of the task.  `of`: account,
     * region and cluster of one that the runtime has never shown, or NULL.
     */
    kecs_rc_t  (*forget)(kecs_runtime_t *rt, const uint8_t *task,
                         kecs_str_t handle, const kecs_start_t *of);

    /*
     * What others see of services: from now on the service is to be
     * reachable and guarded as told (facts without uuid, valid during the
     * call); it is no more; all there are have been told, what else shows
     * one is left over.  May be told again at any time.  KECS_NOMEM.  All
     * are NULL in a runtime that has nothing of the kind.
     */
    kecs_rc_t  (*expose)(kecs_runtime_t *rt, const kecs_service_key_t *key,
                         const kecs_service_facts_t *f);
    void       (*unexpose)(kecs_runtime_t *rt,
                           const kecs_service_key_t *key);
    void       (*exposed)(kecs_runtime_t *rt);

    /*
     * What it knows of the task itself (convert/pod_view.h), also after its
     * end; `done` is called once, from within `run`, unless the runtime is
     * closed before.  KECS_AGAIN: too many are being looked at.  NULL: there
     * is nothing behind the task.
     */
    kecs_rc_t  (*inspect)(kecs_runtime_t *rt, const uint8_t *task,
                          kecs_inspected_pt done, void *ctx);

    /* For readiness: true when in contact; `why` tells a person. */
    bool  (*ready)(kecs_runtime_t *rt, char *why, size_t size);

    /*
     * For how many ms nothing has come of what tells of tasks, -1: it is
     * not listened to.  NULL in a runtime that listens to nobody.
     */
    kecs_msec_t  (*silent)(kecs_runtime_t *rt);
} kecs_runtime_ops_t;

struct kecs_runtime_s {
    const kecs_runtime_ops_t  *ops;
    kecs_runtime_sink_t        sink;
};


/* Simulated containers; see docs/runtimes.md for how to script them. */
typedef struct {
    uint64_t     seed;
    kecs_msec_t  start_delay;       /* PROVISIONING to RUNNING */
    kecs_msec_t  stop_delay;
    kecs_msec_t  nodes;             /* how many it tells of */
} kecs_simulated_conf_t;

kecs_rc_t kecs_simulated_open(const kecs_simulated_conf_t *conf,
    const kecs_runtime_sink_t *sink, kecs_runtime_t **out);


/* The Lease that guards the cluster side; 0: as told. */
typedef struct {
    kecs_msec_t  duration;          /* so long it is respected: 15000 */
    kecs_msec_t  renew;             /* from one renewal to the next: 2000 */
    kecs_msec_t  deadline;          /* without any we stop acting: 10000 */
} kecs_lease_conf_t;

/* Whether the cluster takes restart rules of containers. */
typedef enum {
    KECS_RESTARTS_BY_VERSION = 0,   /* of the server: from 1.35 */
    KECS_RESTARTS_ALWAYS,           /* its feature gate is on */
    KECS_RESTARTS_NEVER
} kecs_restart_rules_t;

/* Pods of a Kubernetes cluster. */
typedef struct {
    const char  *kubeconfig;        /* path; NULL: see kubeconfig_find */
    const char  *context;           /* NULL: the current one */
    const char  *namespace;         /* NULL: the context's own */
    const char  *uuid;              /* of the store: our label */
    unsigned     burst;             /* requests in flight: 64 */
    bool         fetching;          /* starts may have `fetched` values */
    const char  *classes;           /* storage classes by volume type */
    const char  *logs;              /* of pods, a folder of the nodes that
                                       log routers read, or "" */
    bool         spaces;            /* a namespace for each ECS cluster */

    kecs_restart_rules_t  restarts;
    kecs_lease_conf_t     lease;
} kecs_kubernetes_conf_t;

/* *why tells a person what is wrong with the configuration. */
kecs_rc_t kecs_kubernetes_open(const kecs_kubernetes_conf_t *conf,
    const kecs_runtime_sink_t *sink, kecs_runtime_t **out,
    const char **why);


#endif
