/*
 * Savepoints: within one LMDB transaction, each write of a call is noted
 * with what was there before, so that a call that fails is taken back while
 * those before it in the batch stay.  (LMDB's own nested transactions copy
 * each page they touch, for every call.)
 *
 * The notes are one block of the store's writing side: key, value, footer,
 * one behind the other, read from the end.
 */

#include "store_impl.h"


#define ABSENT  UINT32_MAX

typedef struct {
    uint32_t  db;
    uint32_t  key_len;
    uint32_t  value_len;            /* or ABSENT */
} footer_t;


kecs_rc_t
kecs_undo_note(kecs_txn_t *txn, unsigned db, const MDB_val *key,
    const MDB_val *old)
{
    size_t         n;
    uint8_t       *p;
    footer_t       f;
    kecs_rc_t      rc;
    kecs_store_t  *s;

    s = txn->store;
    f.db = db;
    f.key_len = (uint32_t) key->mv_size;
    f.value_len = old != NULL ? (uint32_t) old->mv_size : ABSENT;
    n = f.key_len + (old != NULL ? f.value_len : 0);

    rc = kecs_scratch(&s->undo, s->undo_len + n + sizeof(f));

    if (rc != KECS_OK) {
        return rc;
    }

    p = s->undo.data + s->undo_len;
    memcpy(p, key->mv_data, f.key_len);

    if (old != NULL && f.value_len != 0) {
        memcpy(p + f.key_len, old->mv_data, f.value_len);
    }

    memcpy(p + n, &f, sizeof(f));
    s->undo_len += n + sizeof(f);

    return KECS_OK;
}


/* Takes the last note back. */

static int
undo_one(kecs_txn_t *txn)
{
    size_t         n;
    MDB_val        k, v;
    uint8_t       *p;
    footer_t       f;
    kecs_store_t  *s;

    s = txn->store;
    memcpy(&f, s->undo.data + s->undo_len - sizeof(f), sizeof(f));
    n = f.key_len + (f.value_len != ABSENT ? f.value_len : 0);
    s->undo_len -= n + sizeof(f);
    p = s->undo.data + s->undo_len;

    k.mv_data = p;
    k.mv_size = f.key_len;

    if (f.value_len == ABSENT) {
        return mdb_del(txn->mdb, s->dbi[f.db], &k, NULL);
    }

    v.mv_data = p + f.key_len;
    v.mv_size = f.value_len;

    return mdb_put(txn->mdb, s->dbi[f.db], &k, &v, 0);
}


kecs_rc_t
kecs_undo(kecs_txn_t *txn)
{
    int  err;

    for (err = 0; err == 0 && txn->store->undo_len > txn->undo_from; /**/) {
        err = undo_one(txn);
    }

    txn->store->undo_len = txn->undo_from;

    return kecs_mdb_rc(err);
}
