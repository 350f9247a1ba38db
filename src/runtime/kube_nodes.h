/*
 * Nodes of a Kubernetes cluster, as far as we may look at them: all are
 * listed and watched and told to the runtime's sink; who may not do so may
 * still get single ones, for the zones of tasks.
 */

#ifndef KECS_KUBE_NODES_H
#define KECS_KUBE_NODES_H


#include "../kube/watch.h"
#include "runtime.h"


typedef struct kecs_kube_nodes_s  kecs_kube_nodes_t;

/*
 * Lies in the arena, which has to outlive the client, as the sink does;
 * `scratch` may be reset by any news.  `watching` tells how the watch is
 * to be tuned.  NULL: out of memory.
 */
kecs_kube_nodes_t *kecs_kube_nodes_create(kecs_arena_t *a,
    kecs_arena_t *scratch, kecs_kube_t *k, const kecs_runtime_sink_t *sink,
    const kecs_watch_conf_t *watching);

/* The watch begins and ends; both may be repeated. */
kecs_rc_t kecs_kube_nodes_engage(kecs_kube_nodes_t *n);
void kecs_kube_nodes_disengage(kecs_kube_nodes_t *n);

/* To be called now and then. */
void kecs_kube_nodes_run(kecs_kube_nodes_t *n);

/* The zone of a node; absent: it has none, or it is not known yet. */
kecs_str_t kecs_kube_nodes_zone(kecs_kube_nodes_t *n, kecs_str_t node);


#endif
