/*
 * What people and machines may ask the reconciler about, over its endpoint:
 *
 *     GET /v1/tasks/ID?account=A&region=R
 *
 * is what the runtime has to show of a task.  Account and region may also be
 * told by the headers Kecs-Account and Kecs-Region, which nginx sets from the
 * credential scope or its configuration; a task of others is not there.  One
 * answer serves all who ask within FRESH ms.
 */

#include <stdlib.h>
#include <sys/queue.h>

#include "../json/json_writer.h"
#include "endpoint.h"
#include "reconciler.h"


#define FRESH      1000
#define SHOWN_MAX  64

#define INVALID_PARAMETER  "InvalidParameterException"
#define NOT_THERE          "ResourceNotFoundException"
#define UNAVAILABLE        "ServerException"

/* What was shown of a task, or is being asked for. */
typedef struct shown_s {
    LIST_ENTRY(shown_s)   link;
    kecs_reconciler_t    *r;
    uint8_t               task[KECS_ID_LEN];
    bool                  ready;
    kecs_msec_t           at;           /* monotonic: since when it is */
    kecs_buf_t            body;
} shown_t;

struct kecs_inspect_s {
    LIST_HEAD(, shown_s)  shown;
    unsigned              n;
};


static void
shown_drop(shown_t *s)
{
    LIST_REMOVE(s, link);
    s->r->inspect->n--;
    kecs_buf_free(&s->body);
    free(s);
}


static void
shown_trim(kecs_inspect_t *i, kecs_msec_t now)
{
    shown_t  *s, *next;

    for (s = LIST_FIRST(&i->shown); s != NULL; s = next) {
        next = LIST_NEXT(s, link);

        if (s->ready && now - s->at >= FRESH) {
            shown_drop(s);
        }
    }
}


static shown_t *
shown_find(kecs_inspect_t *i, const uint8_t *task)
{
    shown_t  *s;

    LIST_FOREACH(s, &i->shown, link) {
        if (memcmp(s->task, task, KECS_ID_LEN) == 0) {
            return s;
        }
    }

    return NULL;
}


static shown_t *
shown_add(kecs_reconciler_t *r, const uint8_t *task)
{
    shown_t  *s;

    s = r->inspect->n < SHOWN_MAX ? calloc(1, sizeof(shown_t)) : NULL;

    if (s != NULL) {
        s->r = r;
        memcpy(s->task, task, KECS_ID_LEN);
        kecs_buf_init(&s->body, NULL, 0);
        LIST_INSERT_HEAD(&r->inspect->shown, s, link);
        r->inspect->n++;
    }

    return s;
}


/* The answer: the task, the runtime, and what that has to show. */

static void
shown_write(shown_t *s, kecs_str_t view)
{
    bool            ready;
    char            id[2 * KECS_ID_LEN], why[512];
    kecs_writer_t   w;

    kecs_hex(s->task, KECS_ID_LEN, id);
    why[0] = '\0';
    ready = s->r->rt->ops->ready(s->r->rt, why, sizeof(why));

    w = kecs_writer(&s->body);
    kecs_w_object(&w, NULL);
    kecs_w_str(&w, "taskId", kecs_str_n(id, sizeof(id)));
    kecs_w_cstr(&w, "runtime", s->r->rt->ops->name);
    kecs_w_bool(&w, "ready", ready);
    kecs_w_cstr(&w, "why", why);
    kecs_w_time(&w, "readAt", kecs_wall_clock());
    kecs_w_splice(&w, view);
    kecs_w_object_end(&w);
}


/* It is there; false: it cannot be made. */

static bool
shown_ready(shown_t *s, kecs_rc_t rc, kecs_str_t view)
{
    s->at = kecs_monotonic();
    s->ready = true;
    shown_write(s, view);

    return rc == KECS_OK && !s->body.failed;
}


static void
inspected(void *ctx, kecs_rc_t rc, kecs_str_t json)
{
    shown_t          *s = ctx;
    kecs_endpoint_t  *e = s->r->endpoint;

    if (shown_ready(s, rc, json)) {
        kecs_endpoint_answer(e, s, 200, kecs_buf_view(&s->body));
        return;
    }

    kecs_endpoint_answer(e, s, 503, kecs_str("{\"__type\":\"" UNAVAILABLE
                         "\",\"message\":\"The answer of the runtime cannot"
                         " be shown.\"}"));
    shown_drop(s);
}


/* NULL: it cannot be looked at just now. */

static shown_t *
shown_begin(kecs_reconciler_t *r, const uint8_t *task)
{
    bool      good;
    shown_t  *s;

    s = shown_add(r, task);

    if (s == NULL) {
        return NULL;
    }

    good = r->rt->ops->inspect == NULL
           ? shown_ready(s, KECS_OK, kecs_null_str)
           : r->rt->ops->inspect(r->rt, task, inspected, s) == KECS_OK;

    if (!good) {
        shown_drop(s);
        return NULL;
    }

    return s;
}


static void
show_task(kecs_reconciler_t *r, kecs_asked_t *q, const uint8_t *task)
{
    shown_t  *s;

    shown_trim(r->inspect, kecs_monotonic());
    s = shown_find(r->inspect, task);
    s = s != NULL ? s : shown_begin(r, task);

    if (s == NULL) {
        kecs_asked_refuse(q, 503, UNAVAILABLE, "Too many tasks are being"
                          " looked at. Try again.");

    } else if (s->ready) {
        kecs_asked_answer(q, 200, kecs_buf_view(&s->body));

    } else {
        kecs_asked_await(q, s);
    }
}


/* The task's own account and region are those asked for. */

static kecs_rc_t
is_theirs(kecs_txn_t *txn, kecs_arena_t *a, const uint8_t *id,
    kecs_str_t account, kecs_str_t region)
{
    kecs_rc_t    rc;
    kecs_key_t   key;
    kecs_str_t   its_account, its_region;
    kecs_task_t  task;

    memset(&task, 0, sizeof(task));
    kecs_key_init(&key);
    kecs_key_bytes(&key, id, KECS_ID_LEN);
    rc = kecs_find(txn, KECS_IX_TASK_HANDLE, 0, &key, &task);

    if (rc == KECS_OK) {
        rc = kecs_scope_name(txn, a, task.rec.scope, &its_account,
                             &its_region);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_str_eq(account, its_account)
           && kecs_str_eq(region, its_region) ? KECS_OK : KECS_NOT_FOUND;
}


static kecs_str_t
scope_part(const kecs_asked_t *q, const char *param, const char *header)
{
    kecs_str_t  s;

    s = kecs_asked_param(q, param);

    return s.len != 0 ? s : kecs_asked_header(q, header);
}


static void
ask_task(kecs_reconciler_t *r, kecs_asked_t *q, const uint8_t *task)
{
    kecs_rc_t    rc;
    kecs_str_t   account, region;
    kecs_txn_t  *txn;

    account = scope_part(q, "account", "kecs-account");
    region = scope_part(q, "region", "kecs-region");

    if (account.len == 0 || region.len == 0) {
        kecs_asked_refuse(q, 400, INVALID_PARAMETER, "Name account and"
                          " region: ?account=ACCOUNT&region=REGION");
        return;
    }

    rc = kecs_read_begin(r->store, &txn);

    if (rc == KECS_OK) {
        kecs_arena_reset(r->arena);
        rc = is_theirs(txn, r->arena, task, account, region);
        kecs_read_end(txn);
    }

    if (rc == KECS_OK) {
        show_task(r, q, task);

    } else if (rc == KECS_NOT_FOUND) {
        kecs_asked_refuse(q, 404, NOT_THERE, "There is no such task in this"
                          " account and region.");

    } else {
        kecs_asked_refuse(q, 503, UNAVAILABLE, "The store cannot be read.");
    }
}


void
kecs_inspect_asked(void *ctx, kecs_asked_t *q)
{
    uint8_t             task[KECS_ID_LEN];
    kecs_str_t          path;
    kecs_reconciler_t  *r = ctx;
    const kecs_str_t    tasks = kecs_string("/v1/tasks/");

    path = kecs_asked_path(q);

    if (!kecs_str_starts(path, tasks)
        || path.len != tasks.len + 2 * KECS_ID_LEN
        || !kecs_unhex(kecs_str_from(path, tasks.len), task, KECS_ID_LEN))
    {
        kecs_asked_refuse(q, 404, NOT_THERE, "There is nothing at this path;"
                          " a task is at /v1/tasks/ and its id.");

    } else if (!kecs_str_is(kecs_asked_method(q), "GET")) {
        kecs_asked_refuse(q, 405, INVALID_PARAMETER, "Only GET is possible"
                          " here.");

    } else {
        ask_task(r, q, task);
    }
}


kecs_inspect_t *
kecs_inspect_create(void)
{
    return calloc(1, sizeof(kecs_inspect_t));
}


void
kecs_inspect_destroy(kecs_inspect_t *i)
{
    if (i == NULL) {
        return;
    }

    while (!LIST_EMPTY(&i->shown)) {
        shown_drop(LIST_FIRST(&i->shown));
    }

    free(i);
}
