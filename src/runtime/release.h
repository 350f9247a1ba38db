/*
 * Letting go of everything at once, for `kecs release` and `kecs down`: a
 * program without a runtime does it, and waits for it.
 */

#ifndef KECS_RELEASE_H
#define KECS_RELEASE_H


#include "../kube/kubeconfig.h"


/*
 * Takes our finalizer from all pods of the store `uuid` in the namespace
 * (NULL: the configuration's own) and deletes the PodDisruptionBudgets, so
 * that nothing of ours holds them; with `remove` they are deleted first,
 * the Services too, and the store's Lease when there are no pods (any
 * more); not while another host holds it.  *n: how many pods there were.
 * KECS_OK, KECS_NOMEM, KECS_ERROR; *why tells a person and is valid until
 * the next call in this thread.
 */
kecs_rc_t kecs_kube_release(const kecs_kubeconfig_t *config,
    const char *namespace, const char *uuid, bool remove, unsigned *n,
    const char **why);


#endif
