/*
 * What pods take of nodes besides tasks that were put there: those of
 * others, and tasks of ours that the scheduler of Kubernetes has placed.
 * All pods of the cluster are listed and watched where we may; otherwise
 * only our own are known.  Of a pod nothing is kept but its numbers.
 */

#ifndef KECS_KUBE_LOAD_H
#define KECS_KUBE_LOAD_H


#include "../kube/watch.h"
#include "runtime.h"


typedef struct kecs_kube_load_s  kecs_kube_load_t;

/* `ready`: from now on all can be asked for; `changed`: of one node. */
typedef struct {
    void  (*ready)(void *ctx);
    void  (*changed)(void *ctx, kecs_str_t node);
    void   *ctx;
} kecs_kube_load_sink_t;

/*
 * `uuid` is that of the store and stays; `watching` tells how the watch is
 * to be tuned.  KECS_NOMEM.
 */
kecs_rc_t kecs_kube_load_open(kecs_kube_t *k, kecs_str_t uuid,
    const kecs_watch_conf_t *watching, const kecs_kube_load_sink_t *sink,
    kecs_kube_load_t **out);

/* Before the client is closed; NULL is fine. */
void kecs_kube_load_close(kecs_kube_load_t *l);

/* The watch begins and ends; both may be repeated. */
kecs_rc_t kecs_kube_load_engage(kecs_kube_load_t *l);
void kecs_kube_load_disengage(kecs_kube_load_t *l);

/* To be called now and then: it tells what has changed. */
void kecs_kube_load_run(kecs_kube_load_t *l);

/* What the watch of our own pods shows. */
void kecs_kube_load_begin(kecs_kube_load_t *l);
void kecs_kube_load_pod(kecs_kube_load_t *l, const kecs_json_t *pod,
    bool gone);
void kecs_kube_load_synced(kecs_kube_load_t *l);

/* false: it is not known yet. */
bool kecs_kube_load_of(const kecs_kube_load_t *l, kecs_str_t node,
    kecs_node_use_t *use);


#endif
