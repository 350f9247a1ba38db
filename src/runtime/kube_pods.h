/*
 * What is being asked of the Kubernetes API about our pods, one request at
 * a time for each: a task that is to stop while its creation is under way
 * stops right after, and never the other way round.  All requests are
 * repeated until there is an answer, and may be made again after a
 * restart.
 */

#ifndef KECS_KUBE_PODS_H
#define KECS_KUBE_PODS_H


#include "../kube/client.h"
#include "runtime.h"


typedef struct kecs_kube_pods_s  kecs_kube_pods_t;


/* Strings are not copied and stay. */
typedef struct {
    kecs_str_t  home;               /* namespace, escaped for a path */
    bool        spread;             /* pods may be in others, too */
    kecs_str_t  uuid;               /* of the store */
    bool        fetching;           /* tasks may have left a Secret */
} kecs_kube_pods_conf_t;

/*
 * Of the sink `refused` is used, and `seen` for a task that was to stop
 * and does not exist.
 */
kecs_rc_t kecs_kube_pods_open(kecs_kube_t *k,
    const kecs_kube_pods_conf_t *conf, const kecs_runtime_sink_t *sink,
    kecs_kube_pods_t **out);

/* Before the client is closed. */
void kecs_kube_pods_close(kecs_kube_pods_t *t);

/*
 * What a task is started with: the pod and its namespace; what an existing
 * pod of that name has to show to be taken for this one; the Secret of the
 * pod, which is made first and goes with it; the claim of a volume that
 * stays.  The last two are empty when there is none.
 */
typedef struct {
    kecs_str_t  space;
    kecs_str_t  body;
    kecs_str_t  arn;
    kecs_str_t  secret;
    kecs_str_t  claim;
    const kecs_cause_t  *cause;     /* the call behind it, or NULL */
} kecs_kube_pod_start_t;

/*
 * POST.  All is copied.  KECS_OK also when it is there already, or is to
 * stop.  KECS_AGAIN, KECS_NOMEM.
 */
kecs_rc_t kecs_kube_pods_start(kecs_kube_pods_t *t, const uint8_t *task,
    const kecs_kube_pod_start_t *s);

/*
 * DELETE; `uid` may be absent, `cause` NULL.  KECS_AGAIN: it may be in any
 * namespace, and they have not been looked through yet.
 */
kecs_rc_t kecs_kube_pods_stop(kecs_kube_pods_t *t, const uint8_t *task,
    kecs_str_t uid, unsigned grace, const kecs_cause_t *cause);

/*
 * DELETE unless that has been done, and our finalizer goes.  `space`, or
 * absent: where its pod would have been, for a Secret that may be there.
 */
kecs_rc_t kecs_kube_pods_forget(kecs_kube_pods_t *t, const uint8_t *task,
    kecs_str_t uid, kecs_str_t space);

/*
 * What the watch shows: a list begins, a pod, no pod, the list is whole.
 * `object`: the value of its label KECS_POD_OBJECT, or absent.
 */
void kecs_kube_pods_begin(kecs_kube_pods_t *t);
void kecs_kube_pods_seen(kecs_kube_pods_t *t, const uint8_t *task,
    kecs_str_t namespace, kecs_str_t object, kecs_str_t uid, bool deleting,
    bool secret);
void kecs_kube_pods_gone(kecs_kube_pods_t *t, const uint8_t *task);
void kecs_kube_pods_synced(kecs_kube_pods_t *t);

/* The namespace of its pod; absent: not known. */
kecs_str_t kecs_kube_pods_space(kecs_kube_pods_t *t, const uint8_t *task);

/* Its pod is known to be in another namespace: this one is a copy. */
bool kecs_kube_pods_elsewhere(kecs_kube_pods_t *t, const uint8_t *task,
    kecs_str_t namespace);

/* A pod with that label KECS_POD_OBJECT is there, or may be. */
bool kecs_kube_pods_serve(kecs_kube_pods_t *t, kecs_str_t namespace,
    kecs_str_t object);

/* There is a pod in another namespace than home. */
bool kecs_kube_pods_away(const kecs_kube_pods_t *t);


#endif
