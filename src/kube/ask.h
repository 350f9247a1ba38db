/*
 * One request at a time to a Kubernetes API server: asked, waited for,
 * answered.  For the command line and other callers with nothing else to do.
 */

#ifndef KECS_KUBE_ASK_H
#define KECS_KUBE_ASK_H


#include "client.h"


typedef struct {
    long         status;            /* of HTTP; 0: there was no answer */
    kecs_str_t   body;              /* or, with status 0, what is wrong */
    kecs_msec_t  date;              /* the server's clock; 0: unknown */
} kecs_kube_answer_t;


/*
 * The answer is in `a`.  `q` without done and ctx.  KECS_OK (whatever the
 * status is), KECS_NOMEM (also when path or body of `q` could not be made).
 */
kecs_rc_t kecs_kube_ask(kecs_kube_t *k, kecs_arena_t *a,
    const kecs_kube_request_t *q, kecs_kube_answer_t *out);


#endif
