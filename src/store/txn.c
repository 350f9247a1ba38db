/*
 * Transactions.  The structures of the cached reader and of the writing
 * side's nesting lie in the store: beginning one allocates nothing here.
 *
 * A write that failed marks the transaction broken; committing it then
 * aborts and returns the cause.  The log position is the transaction's own:
 * an abort forgets it, a nested commit hands it to the parent.
 */

#include <errno.h>
#include <unistd.h>

#include "../base/log.h"
#include "store_impl.h"


kecs_rc_t
kecs_txn_fail(kecs_txn_t *txn, kecs_rc_t rc)
{
    if (rc != KECS_OK && txn->broken == KECS_OK) {
        txn->broken = rc;
    }

    return rc;
}


void
kecs_txn_init(kecs_txn_t *txn, kecs_store_t *s, MDB_txn *mdb, bool write)
{
    txn->store = s;
    txn->mdb = mdb;
    txn->parent = NULL;
    txn->depth = 0;
    txn->write = write;
    txn->noted = false;
    txn->undo_from = 0;
    txn->seq_known = false;
    txn->broken = KECS_OK;
    txn->seq = 0;
    txn->changes = 0;
    txn->scans = 0;
    txn->now = 0;
    txn->principal = kecs_null_str;
    txn->request_id = kecs_null_str;
    memset(txn->cursor, 0, sizeof(txn->cursor));
    memset(txn->owner, 0, sizeof(txn->owner));
    memset(txn->stale, 0, sizeof(txn->stale));
}


/*
 * The file has outgrown our map, or LMDB has given the environment up: lets
 * go of the map, does what helps, holds it again.
 */

static bool
helped(kecs_store_t *s, int err)
{
    bool  done;

    if (err != MDB_MAP_RESIZED && err != MDB_PANIC) {
        return false;
    }

    kecs_map_release(s);
    done = err == MDB_PANIC ? kecs_store_reopen(s) : kecs_map_adopt(s);
    kecs_map_hold(s);

    return done;
}


static int
begin(kecs_store_t *s, unsigned flags, MDB_txn **mdb)
{
    return s->env != NULL ? mdb_txn_begin(s->env, NULL, flags, mdb)
                          : MDB_PANIC;
}


static int
renew(kecs_store_t *s)
{
    return s->env != NULL ? mdb_txn_renew(s->reader.mdb) : MDB_PANIC;
}


/* An outermost transaction, which holds the map until it ends. */

static int
txn_begin(kecs_store_t *s, unsigned flags, MDB_txn **mdb)
{
    int  err;

    kecs_map_look(s);
    kecs_map_hold(s);
    err = begin(s, flags, mdb);

    if (helped(s, err)) {
        err = begin(s, flags, mdb);
    }

    if (err != 0) {
        kecs_map_release(s);
    }

    return err;
}


kecs_rc_t
kecs_read_begin(kecs_store_t *s, kecs_txn_t **out)
{
    int          err;
    kecs_txn_t  *txn;

    *out = NULL;
    txn = &s->reader;

    kecs_map_look(s);
    kecs_map_hold(s);
    err = renew(s);

    if (helped(s, err)) {
        err = renew(s);
    }

    if (err != 0) {
        kecs_map_release(s);
        return kecs_mdb_rc(err);
    }

    txn->seq_known = false;
    memset(txn->owner, 0, sizeof(txn->owner));
    memset(txn->stale, 1, sizeof(txn->stale));
    *out = txn;

    return KECS_OK;
}


void
kecs_read_end(kecs_txn_t *txn)
{
    if (txn != NULL) {
        mdb_txn_reset(txn->mdb);
        kecs_map_release(txn->store);
    }
}


kecs_rc_t
kecs_own_read_begin(kecs_store_t *s, kecs_txn_t *txn)
{
    int       err;
    MDB_txn  *mdb;

    err = txn_begin(s, MDB_RDONLY, &mdb);

    if (err != 0) {
        return kecs_mdb_rc(err);
    }

    kecs_txn_init(txn, s, mdb, false);

    return KECS_OK;
}


void
kecs_own_read_end(kecs_txn_t *txn)
{
    unsigned  i;

    for (i = 0; i < KECS_DBS; i++) {
        if (txn->cursor[i] != NULL) {
            mdb_cursor_close(txn->cursor[i]);
        }
    }

    mdb_txn_abort(txn->mdb);
    kecs_map_release(txn->store);
}


kecs_rc_t
kecs_write_begin(kecs_store_t *s, kecs_msec_t now, kecs_txn_t **out)
{
    int          err;
    MDB_txn     *mdb;
    kecs_rc_t    rc;
    uint64_t     first;
    kecs_txn_t  *txn;

    *out = NULL;

    if (s->readonly) {
        return KECS_DENIED;
    }

    err = txn_begin(s, 0, &mdb);

    if (err != 0) {
        return kecs_mdb_rc(err);
    }

    txn = &s->writer[0];
    kecs_txn_init(txn, s, mdb, true);
    txn->now = now;
    s->undo_len = 0;

    rc = kecs_log_bounds(txn, &first, &txn->seq);

    kecs_db_rest(txn, KECS_DB_LOG);

    if (rc != KECS_OK) {
        mdb_txn_abort(mdb);
        kecs_map_release(s);
        return rc;
    }

    txn->seq_known = true;
    *out = txn;

    return KECS_OK;
}


static void
wake(kecs_store_t *s)
{
    if (pwrite(s->wake_fd, "w", 1, 0) < 0) {
        kecs_log(KECS_LOG_WARN, "store: cannot wake the followers: %s",
                 strerror(errno));
    }
}


kecs_rc_t
kecs_write_commit(kecs_txn_t *txn)
{
    int            err;
    bool           changed;
    kecs_store_t  *s;

    if (txn->broken != KECS_OK) {
        kecs_write_abort(txn);
        return txn->broken;
    }

    s = txn->store;
    changed = txn->changes != 0;

    err = kecs_disk_err(s, mdb_txn_commit(txn->mdb));
    txn->mdb = NULL;
    kecs_map_release(s);

    if (err != 0) {
        return kecs_mdb_rc(err);
    }

    if (changed) {
        wake(s);
    }

    return KECS_OK;
}


/* LMDB closes cursors with their transaction; a savepoint's goes on. */

static void
cursors_close(kecs_txn_t *txn)
{
    unsigned  i;

    for (i = 0; i < KECS_DBS; i++) {
        kecs_db_rest(txn, i);
    }
}


/* What failed, or cannot be taken back, is in the outer one now. */

static void
savepoint_abort(kecs_txn_t *txn)
{
    kecs_txn_t  *parent;

    parent = txn->parent;
    cursors_close(txn);
    (void) kecs_txn_fail(parent, txn->broken);

    if (parent->broken == KECS_OK) {
        (void) kecs_txn_fail(parent, kecs_undo(txn));
    }

    memset(parent->owner, 0, sizeof(parent->owner));
    txn->mdb = NULL;
}


void
kecs_write_abort(kecs_txn_t *txn)
{
    if (txn != NULL && txn->noted && txn->mdb != NULL) {
        savepoint_abort(txn);
        return;
    }

    if (txn != NULL && txn->mdb != NULL) {
        mdb_txn_abort(txn->mdb);
        txn->mdb = NULL;

        if (txn->depth == 0) {
            kecs_map_release(txn->store);
        }
    }
}


/* A copy of at most `size` bytes that does not cut a character. */

static kecs_str_t
copy_bounded(char *out, size_t size, kecs_str_t s)
{
    if (s.data == NULL) {
        return kecs_null_str;
    }

    if (s.len > size) {
        s.len = size;

        while (s.len > 0 && ((uint8_t) s.data[s.len] & 0xc0) == 0x80) {
            s.len--;
        }
    }

    memmove(out, s.data, s.len);

    return kecs_str_n(out, s.len);
}


/* Behind the request id: how the change log keeps it. */

static void
append_trace(kecs_txn_t *txn, kecs_str_t trace)
{
    char        *p;
    kecs_str_t  *id;

    id = &txn->request_id;

    if (id->len == 0 || trace.len == 0
        || id->len + 1 + trace.len > KECS_REQUEST_ID_MAX)
    {
        return;
    }

    p = txn->request_id_data + id->len;
    *p++ = ' ';
    memcpy(p, trace.data, trace.len);
    id->len += 1 + trace.len;
}


void
kecs_txn_actor(kecs_txn_t *txn, const kecs_actor_t *actor)
{
    if (actor == NULL) {
        txn->principal = kecs_null_str;
        txn->request_id = kecs_null_str;
        return;
    }

    txn->principal = copy_bounded(txn->principal_data, KECS_PRINCIPAL_MAX,
                                  actor->principal);
    txn->request_id = copy_bounded(txn->request_id_data, KECS_REQUEST_ID_MAX,
                                   actor->request_id);
    append_trace(txn, actor->trace);
}


/* Whether another level may begin. */

static kecs_rc_t
nested_check(const kecs_txn_t *parent)
{
    if (!parent->write || parent->depth + 1 >= KECS_TXN_DEPTH) {
        return KECS_INVALID;
    }

    return parent->broken;
}


static kecs_txn_t *
nested_init(kecs_txn_t *parent, MDB_txn *mdb, const kecs_actor_t *actor)
{
    kecs_txn_t    *txn;
    kecs_actor_t   inherited;

    txn = &parent->store->writer[parent->depth + 1];
    kecs_txn_init(txn, parent->store, mdb, true);
    txn->parent = parent;
    txn->depth = parent->depth + 1;
    txn->seq = parent->seq;
    txn->seq_known = true;
    txn->now = parent->now;

    if (actor == NULL) {
        inherited.principal = parent->principal;
        inherited.request_id = parent->request_id;
        inherited.trace = kecs_null_str;
        actor = &inherited;
    }

    kecs_txn_actor(txn, actor);

    return txn;
}


kecs_rc_t
kecs_nested_begin(kecs_txn_t *parent, const kecs_actor_t *actor,
    kecs_txn_t **out)
{
    int         err;
    MDB_txn    *mdb;
    kecs_rc_t   rc;

    *out = NULL;
    rc = nested_check(parent);

    if (rc != KECS_OK) {
        return rc;
    }

    /* LMDB would not tell the notes of the savepoint around it */

    if (parent->noted) {
        return kecs_savepoint_begin(parent, actor, out);
    }

    err = mdb_txn_begin(parent->store->env, parent->mdb, 0, &mdb);

    if (err != 0) {
        return kecs_mdb_rc(err);
    }

    *out = nested_init(parent, mdb, actor);

    return KECS_OK;
}


kecs_rc_t
kecs_savepoint_begin(kecs_txn_t *parent, const kecs_actor_t *actor,
    kecs_txn_t **out)
{
    kecs_rc_t  rc;

    *out = NULL;
    rc = nested_check(parent);

    if (rc == KECS_OK) {
        *out = nested_init(parent, parent->mdb, actor);
        (*out)->noted = true;
        (*out)->undo_from = parent->store->undo_len;
    }

    return rc;
}


kecs_rc_t
kecs_txn_spoiled(const kecs_txn_t *txn)
{
    return txn->broken;
}


/* Keeps what was written: the notes are needed by a savepoint around it. */

static int
nested_keep(kecs_txn_t *txn)
{
    if (!txn->noted) {
        return mdb_txn_commit(txn->mdb);
    }

    cursors_close(txn);

    if (!txn->parent->noted) {
        txn->store->undo_len = txn->undo_from;
    }

    return 0;
}


kecs_rc_t
kecs_nested_commit(kecs_txn_t *txn)
{
    int          err;
    kecs_txn_t  *parent;

    if (txn->broken != KECS_OK) {
        kecs_nested_abort(txn);
        return txn->broken;
    }

    parent = txn->parent;
    err = nested_keep(txn);
    txn->mdb = NULL;

    if (err != 0) {
        return kecs_mdb_rc(err);
    }

    parent->seq = txn->seq;
    parent->changes += txn->changes;

    return KECS_OK;
}


void
kecs_nested_abort(kecs_txn_t *txn)
{
    kecs_write_abort(txn);
}


uint64_t
kecs_txn_seq(kecs_txn_t *txn)
{
    uint64_t  first;

    if (!txn->seq_known) {
        if (kecs_log_bounds(txn, &first, &txn->seq) != KECS_OK) {
            return 0;
        }
        txn->seq_known = true;
    }

    return txn->seq;
}
