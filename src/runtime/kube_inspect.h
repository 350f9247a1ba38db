/*
 * What the cluster knows of a task, for people: its pod, the pod's node and
 * its events, asked for when somebody wants to see them and never kept.  At
 * most KECS_INSPECT_MAX tasks at a time, each within a few seconds; needs
 * no Lease, as nothing is changed.
 */

#ifndef KECS_KUBE_INSPECT_H
#define KECS_KUBE_INSPECT_H


#include "../kube/client.h"
#include "runtime.h"


#define KECS_INSPECT_MAX  16

typedef struct kecs_kube_inspect_s  kecs_kube_inspect_t;


/* `namespace` is escaped as a part of a path; it is copied. */
kecs_rc_t kecs_kube_inspect_open(kecs_kube_t *k, kecs_str_t namespace,
    kecs_kube_inspect_t **out);

/* Before the client is closed; nobody is called back. */
void kecs_kube_inspect_close(kecs_kube_inspect_t *i);

/* As `inspect` of runtime.h; `space` is the pod's namespace, or absent. */
kecs_rc_t kecs_kube_inspect(kecs_kube_inspect_t *i, const uint8_t *task,
    kecs_str_t space, kecs_inspected_pt done, void *ctx);


#endif
