/*
 * Namespaces of ECS clusters, where each is to have its own: one that bears
 * the label KECS_SPACE_CLUSTER with the cluster's name (and, if it has the
 * annotation KECS_SPACE_ARN, its ARN), otherwise one that is made, of the
 * name kecs_pod_space().  Namespaces are never deleted or changed.
 *
 * One thread.
 */

#ifndef KECS_KUBE_SPACES_H
#define KECS_KUBE_SPACES_H


#include "../kube/watch.h"
#include "runtime.h"


typedef struct kecs_kube_spaces_s  kecs_kube_spaces_t;


/*
 * `home` (escaped for a path) is the namespace of all clusters unless each
 * is to have its own (`many`); it and `uuid` stay.  `watching` tells how
 * the watch is to be tuned.  KECS_NOMEM.
 */
kecs_rc_t kecs_kube_spaces_open(kecs_kube_t *k, kecs_str_t home,
    kecs_str_t uuid, bool many, const kecs_watch_conf_t *watching,
    kecs_kube_spaces_t **out);

/* Before the client is closed; NULL is fine. */
void kecs_kube_spaces_close(kecs_kube_spaces_t *s);

/* The watch begins and ends; both may be repeated.  KECS_NOMEM. */
kecs_rc_t kecs_kube_spaces_engage(kecs_kube_spaces_t *s);
void kecs_kube_spaces_disengage(kecs_kube_spaces_t *s);

/* To be called now and then. */
void kecs_kube_spaces_run(kecs_kube_spaces_t *s);

/* All namespaces of clusters have been told since it was engaged. */
bool kecs_kube_spaces_known(const kecs_kube_spaces_t *s);

/* Why not, for a person; "" when nothing has gone wrong. */
const char *kecs_kube_spaces_why(const kecs_kube_spaces_t *s);

/*
 * That of a cluster ("ACCOUNT/REGION/CLUSTER"), which is made if there is
 * none.  The name is valid until the next call or event.  KECS_OK: it is
 * there; KECS_AGAIN: not yet; KECS_INVALID: it cannot be had, *why tells a
 * person.  KECS_NOMEM.
 */
kecs_rc_t kecs_kube_spaces_of(kecs_kube_spaces_t *s, kecs_str_t cluster,
    kecs_str_t *name, const char **why);

/* The same, but none is made: KECS_NOT_FOUND. */
kecs_rc_t kecs_kube_spaces_find(kecs_kube_spaces_t *s, kecs_str_t cluster,
    kecs_str_t *name);


#endif
