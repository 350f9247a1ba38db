/*
 * Requests to a Kubernetes API server, many at a time on one thread, none
 * of which blocks: kecs_kube_send() queues, kecs_kube_wait() sleeps until
 * something comes, kecs_kube_run() does the work and calls back.  All
 * callbacks come from within kecs_kube_run() and may send and cancel.
 *
 * Every request is HTTP/1.1 on a connection that is kept for the next one:
 * one that is stuck never takes another along.  At most `burst` requests
 * are under way; more wait in a queue.  Watches do not count.
 */

#ifndef KECS_KUBE_CLIENT_H
#define KECS_KUBE_CLIENT_H


#include <poll.h>

#include "../base/clock.h"
#include "../base/trace.h"
#include "kubeconfig.h"


typedef struct kecs_kube_s       kecs_kube_t;
typedef struct kecs_kube_call_s  kecs_kube_call_t;

typedef struct {
    long         status;            /* of HTTP; 0: there was no answer */
    kecs_str_t   body;              /* of the answer; empty for a stream */
    const char  *error;             /* when status is 0, else NULL */
    bool         begun;             /* 200 had come, whatever followed */
    kecs_msec_t  pause;             /* that Retry-After asks for, or 0 */
    kecs_msec_t  date;              /* the server's clock; 0: unknown */
} kecs_kube_reply_t;

/* The call is over; `reply` is valid during the callback. */
typedef void (*kecs_kube_done_pt)(void *ctx, const kecs_kube_reply_t *reply);

/* One line of a stream, without its newline; false ends the stream. */
typedef bool (*kecs_kube_line_pt)(void *ctx, kecs_str_t line);

typedef struct {
    const char         *method;
    kecs_str_t          path;       /* with query; copied */
    const char         *type;       /* Content-Type, when there is a body */
    kecs_str_t          body;       /* copied */
    unsigned            timeout;    /* seconds; 0: 30 */
    kecs_msec_t         delay;      /* before it is queued at all */
    bool                retry;      /* see kecs_kube_send() */
    bool                urgent;     /* before all others in the queue */
    const kecs_cause_t *cause;      /* the call behind it, or NULL; copied */
    kecs_kube_line_pt   line;       /* not NULL: a stream */
    kecs_kube_done_pt   done;
    void               *ctx;
} kecs_kube_request_t;

/* All times are settings so that tests can be short; 0: as told. */
typedef struct {
    unsigned     burst;             /* requests under way: 64 */
    kecs_msec_t  backoff;           /* before the first repetition: 800 */
    kecs_msec_t  backoff_max;       /* 30000 */
    kecs_msec_t  token_age;         /* read tokens, keys again: 60000 */
    kecs_msec_t  login;             /* a program that logs in: 60000 */
} kecs_kube_conf_t;


/*
 * `config` is copied.  Nothing is sent yet.  KECS_NOMEM, KECS_ERROR (curl
 * cannot start).
 */
kecs_rc_t kecs_kube_open(const kecs_kubeconfig_t *config,
    const kecs_kube_conf_t *conf, kecs_kube_t **out);

/* Drops all calls without calling back.  Not from within a callback. */
void kecs_kube_close(kecs_kube_t *k);

/*
 * Queues a request; `done` is called exactly once unless it is cancelled.
 * *call (may be NULL) is valid until then.
 *
 * With `retry` a request that got no answer, or 401, 429 or 5xx, is
 * repeated with growing pauses (Retry-After is honoured) for as long as it
 * takes; so it must be one that may be repeated.  A 401 is repeated once
 * at once when a token file has a new token by then, with `retry` or not;
 * and once when a program logs in, as soon as it has told another one.
 *
 * While that program has told nothing that the server accepts, requests
 * wait in the queue.  When it fails, those without `retry` are over: status
 * 0, and the error is why it failed.
 *
 * With a cause it bears Audit-ID, which the server's audit log shows: the
 * request id, a dot and an id that is new each time it is sent.  That id is
 * the parent in traceparent, when the cause has a trace.
 */
kecs_rc_t kecs_kube_send(kecs_kube_t *k, const kecs_kube_request_t *r,
    kecs_kube_call_t **call);

/* No callback of this call comes any more. */
void kecs_kube_cancel(kecs_kube_t *k, kecs_kube_call_t *call);

/*
 * Nothing of this call is on its way just now (it waits in the queue or
 * for its repetition).
 */
bool kecs_kube_idle(const kecs_kube_call_t *call);

/*
 * Sleeps for at most msec, until one of up to 16 `fds` or the client has
 * something.
 */
void kecs_kube_wait(kecs_kube_t *k, struct pollfd *fds, unsigned n,
    int msec);

void kecs_kube_run(kecs_kube_t *k);

/* Calls that are not done, streams left out. */
unsigned kecs_kube_pending(const kecs_kube_t *k);

/* A pause before repetition `n` (from 0): doubling, half of it random. */
kecs_msec_t kecs_kube_backoff(kecs_kube_t *k, unsigned n);

/* 0 .. n - 1, for spreading things in time. */
unsigned kecs_kube_random(kecs_kube_t *k, unsigned n);


#endif
