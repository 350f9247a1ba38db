/*
 * What the reconciler answers over HTTP: a socket in the folder of the store
 * (DATA/runtime.sock), behind an nginx that passes requests on and has looked
 * at who asks.  Part of the loop: nothing of it blocks, and its descriptor
 * tells when there is something to do.
 *
 * It reads the head of a request and no body, answers it once, and closes.
 * A library for HTTP would bring nothing that nginx has not done already.
 * At most KECS_ENDPOINT_MAX requests are open, the next ones wait; one that
 * is not asked, answered or taken in time is ended.
 */

#ifndef KECS_ENDPOINT_H
#define KECS_ENDPOINT_H


#include "../base/buf.h"
#include "../base/clock.h"


#define KECS_ENDPOINT_SOCKET  "runtime.sock"
#define KECS_ENDPOINT_MAX     64

typedef struct kecs_endpoint_s  kecs_endpoint_t;
typedef struct kecs_asked_s     kecs_asked_t;

/* A request has come, from within kecs_endpoint_run(). */
typedef void (*kecs_asked_pt)(void *ctx, kecs_asked_t *asked);


/* KECS_IO, KECS_NOMEM. */
kecs_rc_t kecs_endpoint_open(const char *folder, kecs_asked_pt handler,
    void *ctx, kecs_endpoint_t **out);
void kecs_endpoint_close(kecs_endpoint_t *e);

/* Readable when there is something to do; -1 for NULL. */
int kecs_endpoint_fd(const kecs_endpoint_t *e);
void kecs_endpoint_run(kecs_endpoint_t *e);

/* When a time ends (monotonic), 0: none does. */
kecs_msec_t kecs_endpoint_due(const kecs_endpoint_t *e);


/*
 * A request, within the handler.  Texts are as they came, and absent when
 * there are none of them; the name of a header is given in lower case.
 */
kecs_str_t kecs_asked_method(const kecs_asked_t *q);
kecs_str_t kecs_asked_path(const kecs_asked_t *q);
kecs_str_t kecs_asked_param(const kecs_asked_t *q, const char *name);
kecs_str_t kecs_asked_header(const kecs_asked_t *q, const char *name);

/* Within the handler: answers at once; `json` is copied. */
void kecs_asked_answer(kecs_asked_t *q, unsigned status, kecs_str_t json);

/* With an error as the API has them. */
void kecs_asked_refuse(kecs_asked_t *q, unsigned status, const char *type,
    const char *message);

/* Or it awaits something, and all that do are answered together. */
void kecs_asked_await(kecs_asked_t *q, const void *what);
void kecs_endpoint_answer(kecs_endpoint_t *e, const void *what,
    unsigned status, kecs_str_t json);


#endif
