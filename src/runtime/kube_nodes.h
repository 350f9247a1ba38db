/*
 * Nodes of a Kubernetes cluster, as far as we may look at them: all are
 * listed and watched and told to the runtime's sink, with what pods take of
 * them; who may not do so may still get single ones, for the zones of
 * tasks.
 */

#ifndef KECS_KUBE_NODES_H
#define KECS_KUBE_NODES_H


#include "kube_load.h"


typedef struct kecs_kube_nodes_s  kecs_kube_nodes_t;

/*
 * Lies in the arena, which has to outlive the client, as the sink does;
 * `scratch` may be reset by any news.  `uuid` is that of the store,
 * `watching` tells how the watches are to be tuned.  NULL: out of memory.
 */
kecs_kube_nodes_t *kecs_kube_nodes_create(kecs_arena_t *a,
    kecs_arena_t *scratch, kecs_kube_t *k, kecs_str_t uuid,
    const kecs_runtime_sink_t *sink, const kecs_watch_conf_t *watching);

/* Frees what does not lie in the arena; before the client is closed. */
void kecs_kube_nodes_close(kecs_kube_nodes_t *n);

/* What our own pods are to be told to. */
kecs_kube_load_t *kecs_kube_nodes_load(kecs_kube_nodes_t *n);

/* The watches begin and end; both may be repeated. */
kecs_rc_t kecs_kube_nodes_engage(kecs_kube_nodes_t *n);
void kecs_kube_nodes_disengage(kecs_kube_nodes_t *n);

/* To be called now and then. */
void kecs_kube_nodes_run(kecs_kube_nodes_t *n);

/* The zone of a node; absent: it has none, or it is not known yet. */
kecs_str_t kecs_kube_nodes_zone(kecs_kube_nodes_t *n, kecs_str_t node);


#endif
