/*
 * Walks over indexes and records.  A scan holds no LMDB resource: it knows
 * the last key it gave and steps the transaction's cursor, seeking again
 * when another scan or a write has moved on since.  So a scan may be left
 * unfinished, and records may be put and deleted while it runs.
 *
 * The scan and the strings it fills in live in the arena it was given.
 */

#include "store_impl.h"


struct kecs_scan_s {
    kecs_txn_t    *txn;
    kecs_arena_t  *arena;
    uint64_t       serial;
    uint64_t       changes;         /* txn->changes at the last step */
    unsigned       db;
    kecs_kind_t    kind;            /* 0: an index, the value tells */
    unsigned       visited;
    size_t         hidden;          /* bytes before what callers see */
    bool           backwards;
    bool           done;
    bool           started;
    kecs_key_t     prefix;
    kecs_key_t     last;            /* whole key: from behind this one */
    bool           has_last;
};


static kecs_rc_t
scan_new(kecs_txn_t *txn, kecs_arena_t *a, const kecs_key_t *base,
    const kecs_key_t *prefix, kecs_str_t after, kecs_scan_t **out)
{
    kecs_scan_t  *scan;

    *out = NULL;

    if (prefix != NULL && prefix->failed) {
        return KECS_INVALID;
    }

    scan = kecs_alloc(a, sizeof(kecs_scan_t));

    if (scan == NULL) {
        return KECS_NOMEM;
    }

    scan->txn = txn;
    scan->arena = a;
    scan->serial = ++txn->scans;
    scan->changes = txn->changes;
    scan->kind = 0;
    scan->visited = 0;
    scan->hidden = base->len;
    scan->backwards = false;
    scan->done = false;
    scan->started = false;
    scan->has_last = after.data != NULL;
    scan->prefix = *base;
    scan->last = *base;

    if (prefix != NULL) {
        kecs_key_bytes(&scan->prefix, prefix->data, prefix->len);
    }

    kecs_key_bytes(&scan->last, after.data, after.len);

    if (scan->prefix.failed || scan->prefix.len > KECS_LMDB_KEY_MAX
        || scan->last.failed || scan->last.len > KECS_LMDB_KEY_MAX)
    {
        return KECS_INVALID;
    }

    *out = scan;

    return KECS_OK;
}


kecs_rc_t
kecs_scan(kecs_txn_t *txn, kecs_arena_t *a, kecs_index_t index,
    uint32_t scope, const kecs_key_t *prefix, kecs_str_t after,
    bool backwards, kecs_scan_t **out)
{
    kecs_rc_t   rc;
    kecs_key_t  base;

    kecs_key_init(&base);
    kecs_key_u8(&base, (uint8_t) index);

    if (scope != 0 || kecs_index_scope(index, 1) == 0) {
        kecs_key_u32(&base, kecs_index_scope(index, scope));
    }

    rc = scan_new(txn, a, &base, prefix, after, out);

    if (rc == KECS_OK) {
        (*out)->db = KECS_DB_INDEX;
        (*out)->backwards = backwards;
    }

    return rc;
}


kecs_rc_t
kecs_scan_records(kecs_txn_t *txn, kecs_arena_t *a, kecs_kind_t kind,
    uint32_t scope, const kecs_key_t *prefix, kecs_str_t after,
    bool backwards, kecs_scan_t **out)
{
    kecs_rc_t   rc;
    kecs_key_t  base;

    if (kecs_schema(kind) == NULL) {
        return KECS_INVALID;
    }

    kecs_key_init(&base);

    if (scope != 0) {
        kecs_key_u32(&base, scope);
    }

    rc = scan_new(txn, a, &base, prefix, after, out);

    if (rc == KECS_OK) {
        (*out)->db = kecs_db_of(kind);
        (*out)->kind = kind;
        (*out)->backwards = backwards;
    }

    return rc;
}


/* The first key behind all that start with the prefix; false: none. */

static bool
successor(const kecs_key_t *prefix, kecs_key_t *out)
{
    *out = *prefix;

    while (out->len > 0) {
        if (++out->data[out->len - 1] != 0) {
            return true;
        }
        out->len--;
    }

    return false;
}


/* The first entry at or behind `from`, whatever it is. */

static kecs_rc_t
seek(kecs_scan_t *scan, const kecs_key_t *from, kecs_str_t *key,
    kecs_str_t *value)
{
    *key = kecs_key_view(from);

    return kecs_db_step(scan->txn, scan->db, scan->serial,
                        key->len ? MDB_SET_RANGE : MDB_FIRST, key, value);
}


static kecs_rc_t
step(kecs_scan_t *scan, MDB_cursor_op op, kecs_str_t *key, kecs_str_t *value)
{
    *key = kecs_null_str;

    return kecs_db_step(scan->txn, scan->db, scan->serial, op, key, value);
}


static kecs_rc_t
seek_forward(kecs_scan_t *scan, kecs_str_t *key, kecs_str_t *value)
{
    kecs_rc_t  rc;

    if (!scan->has_last
        || kecs_str_cmp(kecs_key_view(&scan->last),
                        kecs_key_view(&scan->prefix)) < 0)
    {
        return seek(scan, &scan->prefix, key, value);
    }

    rc = seek(scan, &scan->last, key, value);

    if (rc == KECS_OK && kecs_str_eq(*key, kecs_key_view(&scan->last))) {
        rc = step(scan, MDB_NEXT, key, value);
    }

    return rc;
}


/* The last entry before the smaller of `last` and the prefix's end. */

static kecs_rc_t
seek_backward(kecs_scan_t *scan, kecs_str_t *key, kecs_str_t *value)
{
    bool        bounded;
    kecs_rc_t   rc;
    kecs_key_t  end;

    bounded = successor(&scan->prefix, &end);

    if (scan->has_last
        && (!bounded || kecs_str_cmp(kecs_key_view(&scan->last),
                                     kecs_key_view(&end)) < 0))
    {
        end = scan->last;
        bounded = true;
    }

    if (bounded) {
        rc = seek(scan, &end, key, value);

        if (rc != KECS_NOT_FOUND) {
            return rc == KECS_OK ? step(scan, MDB_PREV, key, value) : rc;
        }
    }

    return step(scan, MDB_LAST, key, value);
}


static kecs_rc_t
advance(kecs_scan_t *scan, kecs_str_t *key, kecs_str_t *value)
{
    kecs_txn_t  *txn;

    txn = scan->txn;

    if (scan->started
        && txn->owner[scan->db] == scan->serial
        && txn->changes == scan->changes)
    {
        return step(scan, scan->backwards ? MDB_PREV : MDB_NEXT, key, value);
    }

    scan->started = true;
    scan->changes = txn->changes;

    return scan->backwards ? seek_backward(scan, key, value)
                           : seek_forward(scan, key, value);
}


static kecs_rc_t
fill(kecs_scan_t *scan, kecs_str_t key, kecs_str_t value, void *rec)
{
    kecs_rc_t             rc;
    kecs_rec_t           *r;
    const kecs_schema_t  *s;

    r = rec;

    if (scan->kind == 0) {
        rc = kecs_ref_read(value, rec);

    } else {
        s = kecs_schema(scan->kind);
        memset(rec, 0, s->size);
        r->kind = (uint8_t) scan->kind;
        rc = kecs_rec_of_key(s, key, rec);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_rec_own_key(kecs_schema((kecs_kind_t) r->kind), scan->arena,
                            rec);
}


kecs_rc_t
kecs_scan_next(kecs_scan_t *scan, kecs_str_t *key, void *rec)
{
    kecs_rc_t   rc;
    kecs_str_t  k, v;

    if (scan->done) {
        return KECS_DONE;
    }

    rc = advance(scan, &k, &v);

    if (rc == KECS_NOT_FOUND
        || (rc == KECS_OK
            && !kecs_str_starts(k, kecs_key_view(&scan->prefix))))
    {
        scan->done = true;
        return KECS_DONE;
    }

    if (rc != KECS_OK) {
        return rc;
    }

    scan->visited++;
    scan->has_last = true;
    memcpy(scan->last.data, k.data, k.len);
    scan->last.len = k.len;

    if (key != NULL) {
        *key = kecs_str_from(kecs_key_view(&scan->last), scan->hidden);
    }

    return rec != NULL ? fill(scan, k, v, rec) : KECS_OK;
}


void
kecs_scan_end(kecs_scan_t *scan)
{
    if (scan != NULL) {
        scan->done = true;
    }
}


unsigned
kecs_scan_visited(const kecs_scan_t *scan)
{
    return scan->visited;
}
