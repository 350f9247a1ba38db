/*
 * Raw access to the named databases, and LMDB's results as ours.
 *
 * A transaction owns at most one cursor per database; scans share it and
 * seek again when another scan (or a write) has moved on meanwhile, so
 * nothing has to be closed by those who scan.  Cursors of a read transaction
 * are kept and renewed, those of a write transaction are closed by LMDB at
 * its end.
 */

#include <errno.h>
#include <stdlib.h>

#include "../base/log.h"
#include "store_impl.h"


kecs_rc_t
kecs_mdb_rc(int err)
{
    switch (err) {

    case 0:
        return KECS_OK;

    case MDB_NOTFOUND:
        return KECS_NOT_FOUND;

    case MDB_KEYEXIST:
        return KECS_EXISTS;

    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case MDB_READERS_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return KECS_FULL;

    case ENOMEM:
        return KECS_NOMEM;

    case EACCES:
    case EPERM:
    case EROFS:
        return KECS_DENIED;

    case MDB_BAD_VALSIZE:
        return KECS_TOO_LARGE;

    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
        kecs_log(KECS_LOG_ERROR, "store: %s; restore a backup",
                 mdb_strerror(err));
        return KECS_CORRUPT;

    case MDB_MAP_RESIZED:
        return KECS_AGAIN;              /* see map.c */

    case EIO:
    case MDB_PANIC:                     /* see kecs_store_reopen */
        return KECS_IO;

    default:
        kecs_log(KECS_LOG_ERROR, "store: %s", mdb_strerror(err));
        return err > 0 ? KECS_IO : KECS_ERROR;
    }
}


void
kecs_be_put(uint8_t *p, uint64_t n, size_t bytes)
{
    size_t  i;

    for (i = bytes; i > 0; i--) {
        p[i - 1] = (uint8_t) n;
        n >>= 8;
    }
}


uint64_t
kecs_be_get(const void *p, size_t bytes)
{
    size_t          i;
    uint64_t        n;
    const uint8_t  *b;

    b = p;
    n = 0;

    for (i = 0; i < bytes; i++) {
        n = n << 8 | b[i];
    }

    return n;
}


kecs_rc_t
kecs_scratch(kecs_scratch_t *b, size_t n)
{
    size_t    size;
    uint8_t  *data;

    if (n <= b->size) {
        return KECS_OK;
    }

    size = n + n / 2 + 512;
    data = realloc(b->data, size);

    if (data == NULL) {
        return KECS_NOMEM;
    }

    b->data = data;
    b->size = size;

    return KECS_OK;
}


static void
val_of(MDB_val *v, kecs_str_t s)
{
    v->mv_size = s.len;
    v->mv_data = (void *) (uintptr_t) s.data;
}


kecs_rc_t
kecs_db_get(kecs_txn_t *txn, unsigned db, kecs_str_t key, kecs_str_t *value)
{
    int      err;
    MDB_val  k, v;

    if (txn->store->dbi[db] == 0) {
        return KECS_NOT_FOUND;
    }

    val_of(&k, key);

    err = mdb_get(txn->mdb, txn->store->dbi[db], &k, &v);

    if (err != 0) {
        return kecs_mdb_rc(err);
    }

    *value = kecs_str_n(v.mv_data, v.mv_size);

    return KECS_OK;
}


/* Puts and notes what was there. */

static int
put_noted(kecs_txn_t *txn, unsigned db, MDB_val *k, MDB_val *v,
    unsigned flags)
{
    int      err;
    MDB_dbi  dbi;
    MDB_val  old;

    dbi = txn->store->dbi[db];
    old = *v;

    err = mdb_put(txn->mdb, dbi, k, &old,
                  flags & MDB_APPEND ? flags : flags | MDB_NOOVERWRITE);

    if (err == 0) {
        return kecs_undo_note(txn, db, k, NULL) == KECS_OK ? 0 : ENOMEM;
    }

    if (err != MDB_KEYEXIST || (flags & MDB_APPEND)) {
        return err;
    }

    if (kecs_undo_note(txn, db, k, &old) != KECS_OK) {
        return ENOMEM;
    }

    return mdb_put(txn->mdb, dbi, k, v, flags);
}


static int
del_noted(kecs_txn_t *txn, unsigned db, MDB_val *k)
{
    int      err;
    MDB_val  old;

    err = mdb_get(txn->mdb, txn->store->dbi[db], k, &old);

    if (err != 0) {
        return err;
    }

    if (kecs_undo_note(txn, db, k, &old) != KECS_OK) {
        return ENOMEM;
    }

    return mdb_del(txn->mdb, txn->store->dbi[db], k, NULL);
}


kecs_rc_t
kecs_db_put(kecs_txn_t *txn, unsigned db, kecs_str_t key, kecs_str_t value,
    unsigned flags)
{
    int      err;
    MDB_val  k, v;

    if (!txn->write) {
        return KECS_DENIED;
    }

    val_of(&k, key);
    val_of(&v, value);
    txn->changes++;

    err = txn->noted
          ? put_noted(txn, db, &k, &v, flags)
          : mdb_put(txn->mdb, txn->store->dbi[db], &k, &v, flags);

    return kecs_txn_fail(txn, kecs_mdb_rc(err));
}


kecs_rc_t
kecs_db_del(kecs_txn_t *txn, unsigned db, kecs_str_t key)
{
    int        err;
    MDB_val    k;
    kecs_rc_t  rc;

    if (!txn->write) {
        return KECS_DENIED;
    }

    val_of(&k, key);
    txn->changes++;

    err = txn->noted ? del_noted(txn, db, &k)
                      : mdb_del(txn->mdb, txn->store->dbi[db], &k, NULL);
    rc = kecs_mdb_rc(err);

    if (rc != KECS_NOT_FOUND) {
        kecs_txn_fail(txn, rc);
    }

    return rc;
}


/* The transaction's cursor of a database. */

static int
cursor_of(kecs_txn_t *txn, unsigned db, MDB_cursor **out)
{
    int  err;

    if (txn->store->dbi[db] == 0) {
        return MDB_NOTFOUND;
    }

    if (txn->cursor[db] == NULL) {
        err = mdb_cursor_open(txn->mdb, txn->store->dbi[db],
                              &txn->cursor[db]);
        if (err != 0) {
            txn->cursor[db] = NULL;
            return err;
        }

        txn->stale[db] = false;

    } else if (txn->stale[db]) {
        err = mdb_cursor_renew(txn->mdb, txn->cursor[db]);

        if (err != 0) {
            return err;
        }

        txn->stale[db] = false;
    }

    *out = txn->cursor[db];

    return 0;
}


void
kecs_db_rest(kecs_txn_t *txn, unsigned db)
{
    if (txn->cursor[db] != NULL) {
        mdb_cursor_close(txn->cursor[db]);
        txn->cursor[db] = NULL;
    }
}


kecs_rc_t
kecs_db_step(kecs_txn_t *txn, unsigned db, uint64_t owner, MDB_cursor_op op,
    kecs_str_t *key, kecs_str_t *value)
{
    int          err;
    MDB_val      k, v;
    MDB_cursor  *cursor;

    cursor = NULL;
    err = cursor_of(txn, db, &cursor);

    if (err != 0) {
        return kecs_mdb_rc(err);
    }

    val_of(&k, *key);
    txn->owner[db] = owner;

    err = mdb_cursor_get(cursor, &k, &v, op);

    if (err != 0) {
        return kecs_mdb_rc(err);
    }

    *key = kecs_str_n(k.mv_data, k.mv_size);
    *value = kecs_str_n(v.mv_data, v.mv_size);

    return KECS_OK;
}
