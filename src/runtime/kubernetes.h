/*
 * The Kubernetes runtime with all that may be set, for tests and for the
 * programs that need more than kecs_kubernetes_open() of runtime.h.
 */

#ifndef KECS_KUBERNETES_H
#define KECS_KUBERNETES_H


#include "../kube/client.h"
#include "runtime.h"


typedef struct {
    kecs_kube_conf_t   client;
    unsigned           page;        /* pods of a list's page; 0: 500 */
    unsigned           timeout;     /* s of a watch; 0: 300 */
    kecs_restart_rules_t  restarts;
    kecs_lease_conf_t  lease;
    bool               fetching;    /* tasks are given what was fetched */
    const char        *classes;     /* of volumes, or NULL */
    const char        *logs;        /* of pods, for log routers, or NULL */
    bool               spaces;      /* a namespace for each ECS cluster */
} kecs_kubernetes_tuning_t;

/*
 * `config` says where the cluster is; `namespace` and `uuid` are those of
 * the store.  All is copied.  *why is valid until the next call in this
 * thread.
 */
kecs_rc_t kecs_kubernetes_connect(const kecs_kubeconfig_t *config,
    const char *namespace, const char *uuid,
    const kecs_kubernetes_tuning_t *tuning, const kecs_runtime_sink_t *sink,
    kecs_runtime_t **out, const char **why);


#endif
