/*
 * The Lease "kecs-UUID" of a store: who holds it may act on the store's
 * pods, wherever copies of the store are.  The algorithm is that of
 * client-go: a record counts from when it was last seen to change by our
 * own monotonic clock; clocks of others are never looked at.
 *
 * What a holder does late cannot be refused by the API server, so it stops
 * acting some time before others may take over (deadline < duration).
 *
 * One thread; answers come from within kecs_kube_run().
 */

#ifndef KECS_KUBE_LEASE_H
#define KECS_KUBE_LEASE_H


#include <sys/types.h>

#include "../kube/client.h"
#include "runtime.h"


typedef struct kecs_lease_s  kecs_lease_t;


/* Annotation: the store's objects may be in other namespaces as well. */
#define KECS_LEASE_SPREAD  "kecs/spread"

/*
 * `namespace` is escaped for a path; it and `uuid` are copied.  Asks for
 * the lease at once and keeps trying.  The caller holds the lock of the
 * store: a holder on this host that is no more is its predecessor.
 * `spread`: the lease is to say that objects are elsewhere, too.
 */
kecs_rc_t kecs_lease_open(kecs_kube_t *k, kecs_str_t namespace,
    kecs_str_t uuid, bool spread, const kecs_lease_conf_t *conf,
    kecs_lease_t **out);

/*
 * What the lease says of that while it is held: it was told so at some
 * time.  They no longer are: it says so no more.
 */
bool kecs_lease_spread(const kecs_lease_t *l);
void kecs_lease_gathered(kecs_lease_t *l);

/* Before the client is closed; the lease is left as it is. */
void kecs_lease_close(kecs_lease_t *l);

/* To be called before and after kecs_kube_run(). */
void kecs_lease_run(kecs_lease_t *l);

/* We may act now; also without a right to Leases at all. */
bool kecs_lease_held(const kecs_lease_t *l);

/* Why it is not held, for a person; "" when nothing is known yet. */
const char *kecs_lease_why(const kecs_lease_t *l);

/*
 * Gives it back, so that the next one need not wait; true when that is
 * over, or when there is nothing to give back.  To be called until it is;
 * the lease is not held any more from the first call on.
 */
bool kecs_lease_release(kecs_lease_t *l);

/* How long kecs_lease_release() is worth waiting for. */
kecs_msec_t kecs_lease_patience(const kecs_lease_t *l);

/* "/apis/.../leases/kecs-UUID"; data NULL: no memory. */
kecs_str_t kecs_lease_path(kecs_arena_t *a, kecs_str_t namespace,
    kecs_str_t uuid);

/*
 * Nobody, this process, or a process of this host that is no more: what
 * holds a lease of a store whose lock is ours.
 */
bool kecs_lease_is_free(kecs_str_t holder);

/* It is that process of this host. */
bool kecs_lease_is_of(kecs_str_t holder, pid_t pid);


#endif
