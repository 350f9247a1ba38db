/*
 * The Service and the PodDisruptionBudget of each ECS service: what is
 * wanted is held against what the watches show, and made so.  Nothing here
 * is in the way of pods: few requests at a time, and what is refused is
 * told once and tried again much later.
 *
 * One thread; what is wanted outlives losses of the Lease, what was seen
 * does not.
 */

#ifndef KECS_KUBE_SERVICES_H
#define KECS_KUBE_SERVICES_H


#include "kube_spaces.h"


typedef struct kecs_kube_services_s  kecs_kube_services_t;


/*
 * `namespace`, that of objects whose own is not told, is escaped for a
 * path; it, `uuid` and `selector` (of labels) stay.  `spaces` tells where
 * the objects of a cluster are to be.  Of `tuning` limit and timeout are
 * used.
 */
kecs_rc_t kecs_kube_services_open(kecs_kube_t *k, kecs_str_t namespace,
    kecs_str_t uuid, kecs_kube_spaces_t *spaces,
    const kecs_watch_conf_t *tuning, kecs_kube_services_t **out);

/*
 * Whether a pod that a Service selects by that label KECS_POD_OBJECT is in
 * the namespace, or may be.  To be told once; otherwise each may be.
 */
typedef bool (*kecs_serves_pt)(void *ctx, kecs_str_t space,
    kecs_str_t object);
void kecs_kube_services_ask(kecs_kube_services_t *t, kecs_serves_pt serves,
    void *ctx);

/* Before the client is closed. */
void kecs_kube_services_close(kecs_kube_services_t *t);

/*
 * The Lease is ours, and namespaces of clusters are known: watches begin,
 * of all namespaces when objects may be spread over them.  KECS_NOMEM: then
 * disengage.
 */
kecs_rc_t kecs_kube_services_engage(kecs_kube_services_t *t, bool spread);
void kecs_kube_services_disengage(kecs_kube_services_t *t);

/* Asks what is to be asked; to be called often, while the Lease is held. */
void kecs_kube_services_run(kecs_kube_services_t *t);

/*
 * Nothing of ours runs outside `namespace` any more: what is left in others
 * goes.  true: there is nothing (any more).
 */
bool kecs_kube_services_gather(kecs_kube_services_t *t);

/* See runtime.h. */
kecs_rc_t kecs_kube_services_expose(kecs_kube_services_t *t,
    const kecs_service_key_t *key, const kecs_service_facts_t *f);
void kecs_kube_services_unexpose(kecs_kube_services_t *t,
    const kecs_service_key_t *key);
void kecs_kube_services_exposed(kecs_kube_services_t *t);


#endif
