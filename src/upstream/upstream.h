/*
 * Calls to other AWS services (kecs_upstream_*): signed with Signature
 * Version 4, many at a time on one thread, none of which blocks.  One
 * descriptor tells when there is something to do; kecs_upstream_run() does
 * it and calls back.  Callbacks come from within kecs_upstream_run() only,
 * and may send and cancel.
 *
 * What is sent and what is answered may be secret: nothing of it is
 * logged, and it is overwritten when a call is over.
 */

#ifndef KECS_UPSTREAM_H
#define KECS_UPSTREAM_H


#include "../base/arena.h"
#include "../base/clock.h"
#include "aws_signature.h"


typedef struct kecs_upstream_s       kecs_upstream_t;
typedef struct kecs_upstream_call_s  kecs_upstream_call_t;

/*
 * `endpoints`: for all services a URL, or "aws" for those of AWS in the
 * region of the call; with commas between them exceptions for single
 * services: "http://127.0.0.1:4566,lambda=http://127.0.0.1:9001,ssm=aws".
 * Without one for all, services that are not named have none.
 *
 * Strings are not copied and stay.  Times of 0: as told.
 */
typedef struct {
    const char   *endpoints;
    const char   *credentials;      /* a file; NULL: the environment */
    const char   *profile;          /* in it; NULL: "default" */
    kecs_msec_t   timeout;          /* of one attempt: 5000 */
    kecs_msec_t   patience;         /* no attempt begins later: 20000 */
    kecs_msec_t   backoff;          /* before the second attempt: 200 */
} kecs_upstream_conf_t;

typedef struct {
    long          status;           /* of HTTP; 0: there was no answer */
    kecs_str_t    body;
    const char   *error;            /* when status is 0, else NULL */
    unsigned      attempts;
} kecs_upstream_reply_t;

/* The call is over; `reply` is valid during the callback. */
typedef void (*kecs_upstream_done_pt)(void *ctx,
    const kecs_upstream_reply_t *reply);

#define KECS_UPSTREAM_HEADERS  4

/*
 * `path` and `query` are sent as they are: encoded; the names of the query
 * in order, each with "=".  All strings are copied but `method`.
 */
typedef struct {
    kecs_str_t             service; /* by its signing name: "ssm" */
    kecs_str_t             region;
    const char            *method;  /* NULL: "POST" */
    kecs_str_t             path;    /* absent: "/" */
    kecs_str_t             query;   /* absent: none */
    kecs_aws_header_t      headers[KECS_UPSTREAM_HEADERS];
    size_t                 n_headers;
    kecs_str_t             body;    /* of all but a GET */
    kecs_msec_t            timeout; /* of an attempt; 0: as configured */
    kecs_upstream_done_pt  done;
    void                  *ctx;
} kecs_upstream_request_t;


/* KECS_NOMEM, KECS_IO, KECS_INVALID; *why tells a person. */
kecs_rc_t kecs_upstream_open(const kecs_upstream_conf_t *conf,
    kecs_upstream_t **out, const char **why);

/* Drops all calls without calling back.  Not from within a callback. */
void kecs_upstream_close(kecs_upstream_t *u);

/* There is an endpoint for the service; false when u is NULL. */
bool kecs_upstream_has(const kecs_upstream_t *u, const char *service);

/* Readable when kecs_upstream_run() has something to do; -1 for NULL. */
int kecs_upstream_fd(const kecs_upstream_t *u);
void kecs_upstream_run(kecs_upstream_t *u);

/*
 * A path with `name` encoded as a segment of it; data NULL: out of memory.
 */
kecs_str_t kecs_upstream_path(kecs_arena_t *a, const char *before,
    kecs_str_t name, const char *behind);

/* Adds a header, its name in lower case. */
void kecs_upstream_header(kecs_upstream_request_t *r, kecs_str_t name,
    kecs_str_t value);

/*
 * No answer, 429, 5xx and throttling are met with further attempts after
 * growing pauses, within the patience.  `done` is called exactly once
 * unless it is cancelled; *call is valid until then.
 */
kecs_rc_t kecs_upstream_send(kecs_upstream_t *u,
    const kecs_upstream_request_t *r, kecs_upstream_call_t **call);

/* Why a call failed, for a person; data NULL: out of memory. */
kecs_str_t kecs_upstream_error(kecs_arena_t *a,
    const kecs_upstream_reply_t *reply);

/* The same without the name of the error where there is a message. */
kecs_str_t kecs_upstream_message(kecs_arena_t *a,
    const kecs_upstream_reply_t *reply);

/* No callback of this call comes any more. */
void kecs_upstream_cancel(kecs_upstream_call_t *call);


#endif
