/*
 * Write transactions of the reconciler.  They are short, so that the API's
 * writes never wait long: at most KECS_BATCH_RECORDS records or
 * KECS_BATCH_MSEC milliseconds, and a breath between two of them, in which
 * whoever waits for the lock gets it.
 *
 * When the store refuses (disk or map full), nothing is lost: whatever was
 * to be written is still known, writing pauses for a growing while, and the
 * log says so once a minute.
 */

#include <time.h>

#include "../base/log.h"
#include "reconciler.h"


#define BREATH_NSEC    200000
#define PAUSE_FIRST    500
#define PAUSE_MAX      30000
#define SAY_EVERY      60000


static const kecs_actor_t  actor = {
    kecs_string("reconciler"), { 0, NULL }, { 0, NULL }
};


bool
kecs_store_usable(kecs_reconciler_t *r)
{
    return kecs_monotonic() >= r->store_at;
}


void
kecs_store_failed(kecs_reconciler_t *r, const char *what, kecs_rc_t rc)
{
    kecs_msec_t  now;

    now = kecs_monotonic();

    r->store_backoff = r->store_backoff ? 2 * r->store_backoff : PAUSE_FIRST;

    if (r->store_backoff > PAUSE_MAX) {
        r->store_backoff = PAUSE_MAX;
    }

    if (r->store_rc != rc || now - r->store_logged >= SAY_EVERY) {
        kecs_log(KECS_LOG_ERROR, "the store cannot be %s: %s; trying again",
                 what, kecs_rc_name(rc));
        r->store_logged = now;
    }

    r->store_at = now + r->store_backoff;
    r->store_rc = rc;
}


static void
store_works(kecs_reconciler_t *r)
{
    if (r->store_rc != KECS_OK) {
        kecs_log(KECS_LOG_NOTICE, "the store can be written again");
    }

    r->store_rc = KECS_OK;
    r->store_backoff = 0;
    r->store_at = 0;
}


kecs_rc_t
kecs_batch_begin(kecs_reconciler_t *r, kecs_batch_t *b)
{
    kecs_rc_t  rc;

    b->r = r;
    b->records = 0;
    b->txn = NULL;
    b->now = kecs_wall_clock();

    rc = kecs_write_begin(r->store, b->now, &b->txn);

    if (rc != KECS_OK) {
        b->txn = NULL;
        kecs_store_failed(r, "written", rc);
        return rc;
    }

    b->began = kecs_monotonic();
    kecs_txn_actor(b->txn, &actor);

    return KECS_OK;
}


bool
kecs_batch_full(const kecs_batch_t *b)
{
    return b->records >= KECS_BATCH_RECORDS
           || kecs_monotonic() - b->began >= KECS_BATCH_MSEC;
}


kecs_rc_t
kecs_batch_commit(kecs_batch_t *b)
{
    kecs_rc_t        rc;
    struct timespec  breath;

    if (b->txn == NULL) {
        return KECS_OK;
    }

    if (b->records == 0) {
        kecs_batch_abort(b);
        return KECS_OK;
    }

    rc = kecs_write_commit(b->txn);
    b->txn = NULL;

    if (rc != KECS_OK) {
        kecs_store_failed(b->r, "written", rc);
        return rc;
    }

    store_works(b->r);

    breath = (struct timespec) { 0, BREATH_NSEC };
    (void) nanosleep(&breath, NULL);

    return KECS_OK;
}


void
kecs_batch_abort(kecs_batch_t *b)
{
    if (b->txn != NULL) {
        kecs_write_abort(b->txn);
        b->txn = NULL;
    }
}


kecs_rc_t
kecs_batch_call(kecs_batch_t *b, uint32_t scope, kecs_call_t *c)
{
    memset(c, 0, sizeof(*c));
    c->arena = b->r->arena;
    c->store = b->r->store;
    c->txn = b->txn;
    c->now = b->now;
    c->rand = &b->r->rand;
    c->conf = &b->r->api;
    c->principal = actor.principal;
    c->scope = scope;

    return kecs_scope_name(b->txn, c->arena, scope, &c->account, &c->region);
}
