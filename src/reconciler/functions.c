/*
 * AWS_LAMBDA hooks of service deployments: their functions are invoked
 * through the upstream.  That one is to be invoked is in the record; here
 * are only those invocations that are under way, or have ended and wait for
 * the next step of their service, which writes what came of them.  What is
 * lost with this process is invoked again.
 *
 * An invocation belongs to its live service and owns an arena.
 */

#include <stdlib.h>

#include "../upstream/upstream.h"
#include "reconciler.h"


#define INVOCATIONS_MAX  16         /* at a time: others need calls as well */
#define ACCOUNT_PARTS     4         /* arn:aws:lambda:REGION */

struct kecs_invocation_s {
    kecs_invocation_t       *next;
    kecs_reconciler_t       *r;
    kecs_live_service_t     *of;
    kecs_arena_t            *a;
    uint64_t                 rollout;   /* service deployment */
    kecs_upstream_call_t    *call;      /* NULL: it has ended */
    kecs_function_answer_t   answer;
};


/* The end of one. */

static void
discard(kecs_invocation_t *i)
{
    i->r->invocations--;
    kecs_upstream_cancel(i->call);

    if (i->a != NULL) {
        kecs_arena_destroy(i->a);
    }

    free(i);
}


void
kecs_functions_drop(kecs_live_service_t *s)
{
    kecs_invocation_t  *i;

    while (s->invocations != NULL) {
        i = s->invocations;
        s->invocations = i->next;
        discard(i);
    }
}


/* What came of it. */

static bool
may_pass(long status)
{
    return status == 0 || status == 429 || status >= 500;
}


static void
invocation_ended(void *ctx, const kecs_upstream_reply_t *reply)
{
    kecs_invocation_t  *i = ctx;

    i->call = NULL;

    if (reply->status >= 200 && reply->status < 300) {
        i->answer.outcome = KECS_FUNCTION_ANSWERED;
        i->answer.text = kecs_strdup(i->a, reply->body);

    } else {
        i->answer.outcome = may_pass(reply->status) ? KECS_FUNCTION_SILENT
                                                    : KECS_FUNCTION_REFUSED;
        i->answer.text = kecs_upstream_message(i->a, reply);
    }

    if (i->answer.text.data == NULL) {
        i->answer.outcome = KECS_FUNCTION_SILENT;
        i->answer.text = kecs_str("out of memory");
    }

    kecs_service_dirty(i->r, i->of);
}


bool
kecs_functions_ended(const kecs_live_service_t *s)
{
    const kecs_invocation_t  *i;

    for (i = s->invocations; i != NULL; i = i->next) {
        if (i->call == NULL) {
            return true;
        }
    }

    return false;
}


static kecs_rc_t
write_answer(kecs_batch_t *b, kecs_call_t *c, const kecs_service_t *s,
    uint64_t rollout, const kecs_function_answer_t *answer)
{
    kecs_rc_t                  rc;
    kecs_service_deployment_t  sd;

    rc = kecs_service_deployment_get(c, s, rollout, &sd);

    if (rc == KECS_OK) {
        b->records += 2;
        rc = kecs_function_answered(c, s, &sd, answer);
    }

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


kecs_rc_t
kecs_functions_write(kecs_batch_t *b, kecs_call_t *c,
    const kecs_service_t *s, kecs_live_service_t *live)
{
    kecs_rc_t            rc;
    kecs_invocation_t   *i, **p;

    rc = KECS_OK;
    p = &live->invocations;

    while (rc == KECS_OK && *p != NULL) {
        i = *p;

        if (i->call != NULL) {
            p = &i->next;
            continue;
        }

        rc = write_answer(b, c, s, i->rollout, &i->answer);
        *p = i->next;
        discard(i);
    }

    return rc;
}


/* The calls. */

static bool
is_invoked(const kecs_live_service_t *s, kecs_str_t hook)
{
    const kecs_invocation_t  *i;

    for (i = s->invocations; i != NULL; i = i->next) {
        if (kecs_str_eq(i->answer.hook, hook)) {
            return true;
        }
    }

    return false;
}


/* A name without ARN is one of the service's region. */

static kecs_str_t
region_of(const kecs_call_t *c, kecs_str_t target)
{
    unsigned    n;
    kecs_str_t  part;

    part = kecs_null_str;

    for (n = 0; n < ACCOUNT_PARTS; n++) {
        if (!kecs_str_split(&target, ':', &part)) {
            return c->region;
        }
    }

    return target.data != NULL && part.len != 0 ? part : c->region;
}


static kecs_rc_t
send_invocation(kecs_invocation_t *i, const kecs_call_t *c,
    const kecs_function_t *f)
{
    kecs_upstream_request_t  r;

    memset(&r, 0, sizeof(r));
    r.service = kecs_str("lambda");
    r.region = region_of(c, f->target);
    r.path = kecs_upstream_path(i->a, "/2015-03-31/functions/", f->target,
                                "/invocations");
    r.body = f->payload;
    r.timeout = i->r->set.hook_timeout;
    r.done = invocation_ended;
    r.ctx = i;
    kecs_upstream_header(&r, kecs_str("content-type"),
                         kecs_str("application/json"));

    return r.path.data != NULL
           ? kecs_upstream_send(i->r->upstream, &r, &i->call) : KECS_NOMEM;
}


static kecs_rc_t
invoke(kecs_batch_t *b, const kecs_call_t *c, kecs_live_service_t *live,
    uint64_t rollout, const kecs_function_t *f)
{
    kecs_rc_t           rc;
    kecs_invocation_t  *i;

    i = calloc(1, sizeof(kecs_invocation_t));
    if (i == NULL) {
        return KECS_NOMEM;
    }

    b->r->invocations++;
    i->r = b->r;
    i->of = live;
    i->rollout = rollout;
    i->answer.minute = b->r->set.sched.minute;
    i->a = kecs_arena_create(0);
    i->answer.hook = i->a != NULL ? kecs_strdup(i->a, f->hook)
                                  : kecs_null_str;
    rc = i->answer.hook.data != NULL ? send_invocation(i, c, f)
                                     : KECS_NOMEM;

    if (rc != KECS_OK) {
        discard(i);
        return rc;
    }

    i->next = live->invocations;
    live->invocations = i;

    return KECS_OK;
}


kecs_rc_t
kecs_functions_call(kecs_batch_t *b, kecs_call_t *c,
    const kecs_service_t *s, kecs_live_service_t *live, uint64_t rollout)
{
    size_t                      i, n;
    kecs_rc_t                   rc;
    kecs_function_t            *list;
    kecs_service_deployment_t   sd;

    rc = kecs_service_deployment_get(c, s, rollout, &sd);

    if (rc == KECS_OK) {
        rc = kecs_functions_due(c, s, &sd, &list, &n);
    }

    for (i = 0; rc == KECS_OK && i < n; i++) {
        if (is_invoked(live, list[i].hook)) {
            continue;
        }

        if (!kecs_upstream_has(b->r->upstream, "lambda")) {
            return write_answer(b, c, s, rollout, &(kecs_function_answer_t) {
                .hook = list[i].hook, .outcome = KECS_FUNCTION_NOBODY
            });
        }

        if (b->r->invocations >= INVOCATIONS_MAX) {
            return KECS_BUSY;
        }

        rc = invoke(b, c, live, rollout, &list[i]);
    }

    return rc;
}
