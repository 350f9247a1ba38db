/*
 * The parts that a pod is built from, see pod.h.  Each writes into the
 * writer of its context; memory is of the context's arena.
 */

#ifndef KECS_POD_PARTS_H
#define KECS_POD_PARTS_H


#include "../json/json_writer.h"
#include "pod.h"


/* Where a container stands in the pod, see pod_order.c. */
typedef enum {
    KECS_POD_MAIN = 0,
    KECS_POD_SIDECAR,               /* init container that goes on */
    KECS_POD_INIT                   /* one that must end */
} kecs_pod_role_t;

/* One container while it is built. */
typedef struct {
    const kecs_ecs_container_definition_t  *d;
    const kecs_ecs_container_override_t    *over;   /* or NULL */
    kecs_str_t                              name;   /* in the pod */
    kecs_pod_role_t                         role;
    bool                                    awaited;    /* to be healthy */
    bool                                    placed;     /* in the order */

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
    kecs_pod_container_t             **order;       /* of their start */
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

/* It is a DNS label. */
bool kecs_pod_is_label(kecs_str_t s);

/* A container by its ECS name, or NULL. */
kecs_pod_container_t *kecs_pod_container_of(const kecs_pod_build_t *b,
    kecs_str_t name);

/* Roles, and the order of the start. */
kecs_rc_t kecs_pod_order(kecs_pod_build_t *b);

/* What holds back those that wait for the container to be healthy. */
void kecs_pod_write_gate(kecs_pod_build_t *b, const kecs_pod_container_t *c);

/* The words of a check that is not switched off, into an open array. */
void kecs_pod_write_check(kecs_writer_t *w, const kecs_ecs_health_check_t *h);

/*
 * Further elements of "env": those with their values in Secrets; of a
 * container's secrets (kecs_secret_of) the i-th, as `variable`.
 */
kecs_rc_t kecs_pod_write_secrets(kecs_pod_build_t *b,
    const kecs_ecs_container_definition_t *d);
kecs_rc_t kecs_pod_write_secret(kecs_pod_build_t *b,
    const kecs_ecs_container_definition_t *d, size_t i, kecs_str_t variable);

/*
 * pod_env.c: further elements of "env", of environment files that were
 * fetched and but for those that are `set`, with their values in the Secret
 * of the pod; then "envFrom" for those that were not.
 */
void kecs_pod_write_variables(kecs_pod_build_t *b,
    const kecs_pod_container_t *c, const kecs_variables_t *set);
kecs_rc_t kecs_pod_write_files(kecs_pod_build_t *b,
    const kecs_pod_container_t *c);

/* One of "env" whose value is in a Secret. */
void kecs_pod_write_reference(kecs_writer_t *w, kecs_str_t variable,
    kecs_str_t secret, kecs_str_t key);

/*
 * The Secret of the pod: whether it has one, whether that one logs in to
 * registries, a value for a secret of a container (NULL: not fetched) and
 * its key there.
 */
#define KECS_POD_KEY_LEN  48

bool kecs_pod_has_secret(const kecs_pod_task_t *p);
bool kecs_pod_has_login(const kecs_pod_task_t *p);
const kecs_str_t *kecs_pod_fetched(const kecs_pod_task_t *p,
    size_t container, size_t secret);
void kecs_pod_fetched_key(size_t container, size_t secret, char *key);

/* What the files of a container say, NULL: they were not fetched. */
const kecs_variables_t *kecs_pod_variables(const kecs_pod_task_t *p,
    size_t container);
void kecs_pod_variable_key(size_t container, size_t variable, char *key);

/*
 * The name of an object of Kubernetes that stands for something of AWS:
 * lower case, "-" for what is no letter or digit, none of them at its ends.
 * data NULL: out of memory; empty: nothing is left of it.
 */
#define KECS_POD_OBJECT_NAME  253       /* longest */
kecs_str_t kecs_pod_object_name(kecs_arena_t *a, kecs_str_t s);

/* Sizes of the task and its containers, then "resources" of either. */
kecs_rc_t kecs_pod_sizes(kecs_pod_build_t *b);
void kecs_pod_write_resources(kecs_pod_build_t *b);
void kecs_pod_write_container_resources(kecs_pod_build_t *b,
    const kecs_pod_container_t *c);

/* What a volume configured at launch is, into its element of "volumes". */
kecs_rc_t kecs_pod_write_launched(kecs_pod_build_t *b,
    const kecs_ecs_volume_t *v);

/* A mount of a container. */
typedef struct {
    kecs_str_t  path;
    kecs_str_t  volume;             /* its name in the pod */
    kecs_str_t  folder;             /* of the volume, or empty: all of it */
    bool        expanded;           /* with variables in the folder */
    bool        read_only;
} kecs_pod_mount_t;

/*
 * pod_firelens.c: whether the task has a log router; what it adds to the
 * annotations, volumes, mounts (by number, false: no more) and variables;
 * whether a container is to start behind it, which is not placed yet.
 */
bool kecs_pod_routes(const kecs_pod_build_t *b);
kecs_rc_t kecs_pod_write_firelens(kecs_pod_build_t *b);
void kecs_pod_write_router_volumes(kecs_pod_build_t *b);
bool kecs_pod_router_mount(const kecs_pod_build_t *b,
    const kecs_pod_container_t *c, size_t i, kecs_pod_mount_t *m);
kecs_rc_t kecs_pod_write_router_env(kecs_pod_build_t *b,
    const kecs_pod_container_t *c);
bool kecs_pod_after_router(const kecs_pod_build_t *b,
    const kecs_pod_container_t *c);

/* "volumes" of the pod and "volumeMounts" of a container. */
kecs_rc_t kecs_pod_write_volumes(kecs_pod_build_t *b);
kecs_rc_t kecs_pod_write_mounts(kecs_pod_build_t *b,
    const kecs_pod_container_t *c);

/* "affinity" and "tolerations": the nodes that it is for. */
void kecs_pod_write_affinity(kecs_pod_build_t *b);
void kecs_pod_write_tolerations(kecs_pod_build_t *b);

/* One element of "containers" or "initContainers". */
kecs_rc_t kecs_pod_write_container(kecs_pod_build_t *b,
    const kecs_pod_container_t *c);

/* "dnsConfig", "hostAliases", "hostname", sysctls: of all containers. */
kecs_rc_t kecs_pod_write_network(kecs_pod_build_t *b);


#endif
