/*
 * One batch of the writer: begin the write transaction (which waits for the
 * reconciler), read all sockets, take calls in turn from each connection,
 * run each under a savepoint, take those too that come meanwhile, until
 * there are none or a bound is reached, commit, and only then queue the
 * replies.  When a write itself fails, which spoils the transaction, the
 * calls run again in another, each in a nested transaction, so that only
 * those fail that have to.
 *
 * All on the writer's thread.  Payloads point into the connections' input,
 * which does not move before the next read, and that is after the batch.
 */

#include <time.h>

#include "../base/log.h"
#include "writer_impl.h"


#define BATCH_BYTES  (8u << 20)         /* of calls and replies */
#define BATCH_USEC   20000              /* of running */
#define READ_USEC    5000               /* of taking in what comes meanwhile */


static uint64_t
usec_now(void)
{
    struct timespec  t;

    clock_gettime(CLOCK_MONOTONIC, &t);

    return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}


static void
item_reply(kecs_writer_role_t *w, kecs_writer_item_t *it, uint8_t flags,
    kecs_str_t payload)
{
    it->flags = flags;
    it->at = w->replies.len;
    kecs_buf_str(&w->replies, payload);
    it->len = w->replies.len - it->at;
    w->bytes += it->len;

    if (w->replies.failed) {
        it->peer->gone = true;
        it->len = 0;
    }
}


/* The reply of a call that was not done. */

static void
item_failed(kecs_writer_role_t *w, kecs_writer_item_t *it, kecs_rc_t rc)
{
    kecs_buf_t  reply;

    kecs_arena_reset(w->arena);
    kecs_buf_init(&reply, w->arena, KECS_FRAME_MAX - KECS_FRAME_HEAD);

    w->ops.failed(w->ops.ctx, it->call.payload, rc, &reply);

    item_reply(w, it, KECS_FRAME_UNDONE,
               reply.failed ? kecs_null_str : kecs_buf_view(&reply));
}


/* KECS_DONE: the call of a dead holder had been committed. */

static kecs_rc_t
item_seen(kecs_txn_t *txn, const kecs_frame_t *call, kecs_str_t id)
{
    bool       found;
    kecs_rc_t  rc;

    if (!(call->flags & KECS_FRAME_REPLAY)) {
        return KECS_OK;
    }

    rc = kecs_log_find(txn, call->seq, id, &found);
    kecs_db_rest(txn, KECS_DB_LOG);

    return rc == KECS_OK && found ? KECS_DONE : rc;
}


/* Runs one call; fails when its reply cannot be made or kept. */

static kecs_rc_t
item_nested(kecs_writer_role_t *w, kecs_txn_t *txn, kecs_writer_item_t *it,
    kecs_str_t id)
{
    kecs_rc_t      rc;
    kecs_buf_t     reply;
    kecs_txn_t    *nested;
    kecs_actor_t   actor;

    actor.principal = kecs_null_str;
    actor.request_id = id;
    actor.trace = kecs_null_str;

    rc = w->careful ? kecs_nested_begin(txn, &actor, &nested)
                    : kecs_savepoint_begin(txn, &actor, &nested);

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_buf_init(&reply, w->arena, KECS_FRAME_MAX - KECS_FRAME_HEAD);
    rc = w->ops.run(w->ops.ctx, nested, w->arena, it->call.payload, &reply);

    if (reply.failed) {
        kecs_nested_abort(nested);
        return KECS_TOO_LARGE;
    }

    if (rc != KECS_OK) {
        kecs_nested_abort(nested);

    } else {
        rc = kecs_nested_commit(nested);

        if (rc != KECS_OK) {
            return rc;
        }
    }

    item_reply(w, it, 0, kecs_buf_view(&reply));

    return KECS_OK;
}


static void
item_run(kecs_writer_role_t *w, kecs_txn_t *txn, kecs_writer_item_t *it)
{
    kecs_rc_t   rc;
    kecs_str_t  id;

    kecs_arena_reset(w->arena);
    id = w->ops.request_id(w->ops.ctx, it->call.payload);

    rc = item_seen(txn, &it->call, id);

    if (rc == KECS_DONE) {
        item_reply(w, it, KECS_FRAME_LOST, kecs_null_str);
        return;
    }

    if (rc == KECS_OK) {
        rc = item_nested(w, txn, it, id);
    }

    if (rc != KECS_OK) {
        item_failed(w, it, rc);
    }
}


/* Takes one call of one connection; txn NULL: only takes it. */

static bool
batch_take(kecs_writer_role_t *w, kecs_txn_t *txn, kecs_peer_t *p)
{
    kecs_writer_item_t  *it;

    if (!kecs_peer_ready(p)) {
        return false;
    }

    it = &w->items[w->n_items++];
    memset(it, 0, sizeof(*it));
    it->peer = p;
    kecs_peer_take(p, &it->call);
    w->bytes += KECS_FRAME_HEAD + it->call.payload.len;

    if (txn != NULL) {
        item_run(w, txn, it);
    }

    return true;
}


static bool
batch_read_more(kecs_writer_role_t *w)
{
    bool      any;
    unsigned  i;

    for (any = false, i = 0; i < w->n; i++) {
        any |= kecs_peer_read_more(w->peers[i]);
    }

    return any;
}


static void
batch_take_all(kecs_writer_role_t *w, kecs_txn_t *txn)
{
    bool       any;
    unsigned   i;
    uint64_t   start;

    start = usec_now();
    w->turn++;

    do {
        any = false;

        for (i = 0; i < w->n; i++) {
            any |= batch_take(w, txn, w->peers[(w->turn + i) % w->n]);

            if (w->n_items == KECS_BATCH_CALLS || w->bytes >= BATCH_BYTES
                || (txn != NULL && kecs_txn_spoiled(txn) != KECS_OK)
                || usec_now() - start >= BATCH_USEC)
            {
                return;
            }
        }

        if (!any && txn != NULL && usec_now() - start < READ_USEC) {
            any = batch_read_more(w);
        }

    } while (any);
}


static void
batch_reply(kecs_writer_role_t *w, uint64_t seq)
{
    kecs_writer_item_t        *it;
    unsigned       i;
    kecs_frame_t   f;

    for (i = 0; i < w->n_items; i++) {
        it = &w->items[i];

        f.type = KECS_FRAME_REPLY;
        f.flags = it->flags;
        f.id = it->call.id;
        f.seq = seq;
        f.payload = it->len ? kecs_str_n(w->replies.data + it->at, it->len)
                            : kecs_str_n("", 0);

        kecs_peer_put(it->peer, &f);
    }
}


static void
batch_failed(kecs_writer_role_t *w, kecs_rc_t rc)
{
    unsigned  i;

    atomic_fetch_add(&w->failed_commits, 1);
    kecs_log(KECS_LOG_ERROR, "writer: a batch of %u calls failed: %s",
             w->n_items, kecs_rc_name(rc));

    w->replies.len = 0;
    w->replies.failed = false;

    for (i = 0; i < w->n_items; i++) {
        item_failed(w, &w->items[i], rc);
    }
}


/* Runs what was taken once more, in another transaction. */

static kecs_rc_t
batch_again(kecs_writer_role_t *w, kecs_txn_t **txn)
{
    unsigned   i;
    kecs_rc_t  rc;

    kecs_write_abort(*txn);
    w->replies.len = 0;
    w->replies.failed = false;
    rc = kecs_write_begin(w->store, kecs_wall_clock(), txn);

    if (rc != KECS_OK) {
        return rc;
    }

    w->careful = true;

    for (i = 0; i < w->n_items; i++) {
        item_run(w, *txn, &w->items[i]);
    }

    w->careful = false;

    return KECS_OK;
}


void
kecs_writer_batch(kecs_writer_role_t *w)
{
    uint64_t     seq, start, took;
    kecs_rc_t    rc;
    kecs_txn_t  *txn;

    w->n_items = 0;
    w->bytes = 0;
    w->replies.len = 0;
    w->replies.failed = false;
    seq = 0;

    rc = kecs_write_begin(w->store, kecs_wall_clock(), &txn);

    kecs_writer_accept(w);
    kecs_writer_read(w);
    batch_take_all(w, rc == KECS_OK ? txn : NULL);

    if (rc == KECS_OK && kecs_txn_spoiled(txn) != KECS_OK) {
        rc = batch_again(w, &txn);
    }

    if (rc == KECS_OK) {
        seq = kecs_txn_seq(txn);
        start = usec_now();
        rc = kecs_write_commit(txn);
        took = usec_now() - start;
        atomic_fetch_add(&w->commit_usec, took);
        atomic_fetch_add(&w->commits[kecs_duration_bucket(took)], 1);
    }

    if (rc != KECS_OK) {
        batch_failed(w, rc);
    }

    batch_reply(w, seq);

    atomic_fetch_add(&w->batches, 1);
    atomic_fetch_add(&w->calls, w->n_items);
}
