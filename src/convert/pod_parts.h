/*
 * The parts that a pod is built from, see pod.h.  Each writes into the
 * writer of its context; memory is of the context's arena.
 */

#ifndef KECS_POD_PARTS_H
#define KECS_POD_PARTS_H


#include "../json/json_writer.h"
#include "pod.h"


/* One container while it is built. */
typedef struct {
    const kecs_ecs_container_definition_t  *d;
    const kecs_ecs_container_override_t    *over;   /* or NULL */
    kecs_str_t                              name;   /* in the pod */

    /* Resources; 0: none. */
    int64_t                                 cpu;            /* units */
    int64_t                                 memory;         /* MiB */
    int64_t                                 reservation;    /* MiB */
    int64_t                                 cpu_request;    /* milli */
    int64_t                                 cpu_limit;
    int64_t                                 memory_request; /* MiB */
    int64_t                                 memory_limit;
    int64_t                                 gpus;
    int64_t                                 storage;        /* GiB */
} kecs_pod_container_t;

typedef struct {
    kecs_arena_t                      *a;
    const kecs_pod_task_t             *p;
    const kecs_ecs_task_definition_t  *d;
    kecs_writer_t                      w;
    kecs_pod_container_t              *containers;
    size_t                             n;
    int64_t                            cpu;         /* of the task, units */
    int64_t                            memory;      /* MiB */
    kecs_str_t                        *reason;
} kecs_pod_build_t;


/* Sets the reason from a sentence; KECS_INVALID or KECS_NOMEM. */
kecs_rc_t kecs_pod_no(kecs_pod_build_t *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

bool kecs_pod_in_host_network(const kecs_pod_build_t *b);
bool kecs_pod_in_bridge(const kecs_pod_build_t *b);
bool kecs_pod_on_windows(const kecs_pod_build_t *b);

/* A DNS label as it is; a value of a label from any name. */
bool kecs_pod_is_label(kecs_str_t s);
kecs_str_t kecs_pod_value(kecs_arena_t *a, kecs_str_t s);

/* Sizes of the task and its containers, then "resources" of either. */
kecs_rc_t kecs_pod_sizes(kecs_pod_build_t *b);
void kecs_pod_write_resources(kecs_pod_build_t *b);
void kecs_pod_write_container_resources(kecs_pod_build_t *b,
    const kecs_pod_container_t *c);

/* "volumes" of the pod and "volumeMounts" of a container. */
kecs_rc_t kecs_pod_write_volumes(kecs_pod_build_t *b);
kecs_rc_t kecs_pod_write_mounts(kecs_pod_build_t *b, size_t container);

/* One element of "containers". */
kecs_rc_t kecs_pod_write_container(kecs_pod_build_t *b, size_t container);

/* "dnsConfig", "hostAliases", "hostname", sysctls: of all containers. */
kecs_rc_t kecs_pod_write_network(kecs_pod_build_t *b);


#endif
