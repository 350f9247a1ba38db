/*
 * The change log: one entry per put or delete, appended in the transaction
 * that makes the change, at consecutive positions from 1.  An entry is: time,
 * kind, change, principal, request id, record key, head body as it was then.
 * Behind the request id and a space stands the trace context of that call,
 * when it had one.
 * The newest entry is never trimmed, so the log itself knows its position.
 */

#include "store_impl.h"


#define SEQ_LEN  8

typedef struct {
    kecs_msec_t  time;
    uint8_t      kind;
    uint8_t      change;
    kecs_str_t   principal;
    kecs_str_t   request_id;
    kecs_str_t   trace;
    kecs_str_t   key;
    kecs_str_t   body;
} entry_t;


kecs_rc_t
kecs_log_append(kecs_txn_t *txn, kecs_kind_t kind, kecs_change_t change,
    kecs_str_t key, kecs_str_t body)
{
    uint8_t         *p, seq[SEQ_LEN];
    kecs_rc_t        rc;
    kecs_scratch_t  *b;

    b = &txn->store->entry;
    rc = kecs_scratch(b, 4 * KECS_VARINT_MAX + 2 + txn->principal.len
                         + txn->request_id.len + key.len + body.len);
    if (rc != KECS_OK) {
        return rc;
    }

    p = kecs_vartime_put(b->data, txn->now);
    *p++ = (uint8_t) kind;
    *p++ = (uint8_t) change;
    p = kecs_varstr_put(p, txn->principal);
    p = kecs_varstr_put(p, txn->request_id);
    p = kecs_varstr_put(p, key);
    memcpy(p, body.data, body.len);
    p += body.len;

    kecs_be_put(seq, txn->seq + 1, SEQ_LEN);

    rc = kecs_db_put(txn, KECS_DB_LOG, kecs_str_n(seq, SEQ_LEN),
                     kecs_str_n(b->data, (size_t) (p - b->data)),
                     MDB_APPEND);
    if (rc == KECS_OK) {
        txn->seq++;
    }

    return rc;
}


static bool
entry_parse(kecs_str_t in, entry_t *e)
{
    kecs_str_t  call;

    if (!kecs_vartime_get(&in, &e->time) || in.len < 2) {
        return false;
    }

    e->kind = (uint8_t) in.data[0];
    e->change = (uint8_t) in.data[1];
    in = kecs_str_from(in, 2);

    if (!kecs_varstr_get(&in, &e->principal)
        || !kecs_varstr_get(&in, &call)
        || !kecs_varstr_get(&in, &e->key))
    {
        return false;
    }

    e->request_id = kecs_null_str;
    (void) kecs_str_split(&call, ' ', &e->request_id);
    e->trace = call;
    e->body = in;

    return true;
}


kecs_rc_t
kecs_log_bounds(kecs_txn_t *txn, uint64_t *first, uint64_t *last)
{
    kecs_rc_t   rc;
    kecs_str_t  k, v;

    *first = 0;
    *last = 0;
    k = kecs_null_str;

    rc = kecs_db_step(txn, KECS_DB_LOG, 0, MDB_FIRST, &k, &v);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    if (k.len != SEQ_LEN) {
        return KECS_CORRUPT;
    }

    *first = kecs_be_get(k.data, SEQ_LEN);

    rc = kecs_db_step(txn, KECS_DB_LOG, 0, MDB_LAST, &k, &v);

    if (rc != KECS_OK) {
        return rc;
    }

    *last = kecs_be_get(k.data, SEQ_LEN);

    return KECS_OK;
}


/* Fills the answer from an entry that lies in the arena already. */

static kecs_rc_t
entry_fill(kecs_arena_t *a, const entry_t *e, kecs_change_entry_t *out)
{
    kecs_rc_t             rc;
    kecs_rec_t           *rec;
    const kecs_schema_t  *s;

    s = kecs_schema((kecs_kind_t) e->kind);

    if (s == NULL) {
        return KECS_TOO_NEW;
    }

    rec = kecs_zalloc(a, s->size);

    if (rec == NULL) {
        return KECS_NOMEM;
    }

    rec->kind = e->kind;
    rec->rev = out->seq;

    rc = kecs_rec_of_key(s, e->key, rec);

    if (rc == KECS_OK) {
        rc = kecs_head_unpack(s, e->body, rec);
    }

    out->time = e->time;
    out->kind = (kecs_kind_t) e->kind;
    out->change = (kecs_change_t) e->change;
    out->principal = e->principal;
    out->request_id = e->request_id;
    out->rec = rec;

    return rc;
}


kecs_rc_t
kecs_log_next(kecs_txn_t *txn, kecs_arena_t *a, uint64_t seq,
    kecs_change_entry_t *out)
{
    entry_t     e;
    uint8_t     key[SEQ_LEN];
    kecs_rc_t   rc;
    kecs_str_t  v;

    memset(out, 0, sizeof(*out));

    if (seq >= kecs_txn_seq(txn)) {
        return seq == kecs_txn_seq(txn) ? KECS_DONE : KECS_NOT_FOUND;
    }

    kecs_be_put(key, seq + 1, SEQ_LEN);
    rc = kecs_db_get(txn, KECS_DB_LOG, kecs_str_n(key, SEQ_LEN), &v);

    if (rc != KECS_OK) {
        return rc;
    }

    v = kecs_strdup(a, v);

    if (v.data == NULL) {
        return KECS_NOMEM;
    }

    if (!entry_parse(v, &e)) {
        return KECS_CORRUPT;
    }

    out->seq = seq + 1;

    return entry_fill(a, &e, out);
}


kecs_rc_t
kecs_log_find(kecs_txn_t *txn, uint64_t seq, kecs_str_t request_id,
    bool *found)
{
    entry_t        e;
    uint8_t        from[SEQ_LEN];
    kecs_rc_t      rc;
    kecs_str_t     k, v;
    MDB_cursor_op  op;

    *found = false;

    if (request_id.len == 0 || seq == UINT64_MAX) {
        return KECS_OK;
    }

    if (request_id.len > KECS_REQUEST_ID_MAX) {
        request_id.len = KECS_REQUEST_ID_MAX;
    }

    kecs_be_put(from, seq + 1, SEQ_LEN);
    k = kecs_str_n(from, SEQ_LEN);

    for (op = MDB_SET_RANGE; ; op = MDB_NEXT) {
        rc = kecs_db_step(txn, KECS_DB_LOG, 0, op, &k, &v);

        if (rc != KECS_OK) {
            return rc == KECS_NOT_FOUND ? KECS_OK : rc;
        }

        if (entry_parse(v, &e) && kecs_str_eq(e.request_id, request_id)) {
            *found = true;
            return KECS_OK;
        }
    }
}


/* The entry at `seq`, as it lies in the map. */

static kecs_rc_t
entry_at(kecs_txn_t *txn, uint64_t seq, entry_t *e)
{
    uint8_t     key[SEQ_LEN];
    kecs_rc_t   rc;
    kecs_str_t  v;

    kecs_be_put(key, seq, SEQ_LEN);
    rc = kecs_db_get(txn, KECS_DB_LOG, kecs_str_n(key, SEQ_LEN), &v);

    return rc == KECS_OK && !entry_parse(v, e) ? KECS_CORRUPT : rc;
}


kecs_rc_t
kecs_log_time(kecs_txn_t *txn, uint64_t seq, kecs_msec_t *t)
{
    entry_t    e;
    kecs_rc_t  rc;

    rc = entry_at(txn, seq, &e);

    if (rc == KECS_OK) {
        *t = e.time;
    }

    return rc;
}


bool
kecs_log_cause(kecs_txn_t *txn, uint64_t seq, kecs_cause_t *cause)
{
    entry_t  e;

    return entry_at(txn, seq, &e) == KECS_OK
           && kecs_cause_set(cause, e.request_id, e.trace);
}


kecs_rc_t
kecs_log_since(kecs_txn_t *txn, kecs_msec_t from, uint64_t *seq)
{
    uint64_t     low, high, mid;
    kecs_rc_t    rc;
    kecs_msec_t  t;

    rc = kecs_log_bounds(txn, &low, &high);
    high++;

    while (rc == KECS_OK && low != 0 && low < high) {
        mid = low + (high - low) / 2;
        rc = kecs_log_time(txn, mid, &t);

        if (rc == KECS_OK && t >= from) {
            high = mid;

        } else {
            low = mid + 1;
        }
    }

    *seq = low != 0 ? low - 1 : 0;

    return rc;
}


/* Drops one entry, and what is kept on its account. */

static kecs_rc_t
entry_drop(kecs_txn_t *txn, uint64_t seq, const entry_t *e)
{
    bool                  gone;
    uint8_t               key[SEQ_LEN];
    kecs_rc_t             rc;
    kecs_any_t            rec;
    const kecs_schema_t  *s;

    s = kecs_schema((kecs_kind_t) e->kind);
    gone = false;

    if (s != NULL && e->change == KECS_DELETED) {
        memset(&rec, 0, sizeof(rec));
        rec.rec.kind = e->kind;
        gone = kecs_rec_of_key(s, e->key, &rec) == KECS_OK;
    }

    kecs_be_put(key, seq, SEQ_LEN);
    rc = kecs_db_del(txn, KECS_DB_LOG, kecs_str_n(key, SEQ_LEN));

    return rc == KECS_OK && gone ? kecs_names_dropped(txn, &rec, seq) : rc;
}


kecs_rc_t
kecs_log_trim(kecs_txn_t *txn, kecs_msec_t before, uint64_t keep,
    unsigned max, unsigned *dropped)
{
    entry_t     e;
    uint8_t     key[SEQ_LEN];
    uint64_t    seq, last;
    kecs_rc_t   rc;
    kecs_str_t  k, v;

    *dropped = 0;
    k = kecs_str_n(key, SEQ_LEN);

    rc = kecs_log_bounds(txn, &seq, &last);

    if (rc != KECS_OK) {
        return rc;
    }

    for ( ; seq < last && *dropped < max; seq++) {
        kecs_be_put(key, seq, SEQ_LEN);
        rc = kecs_db_get(txn, KECS_DB_LOG, k, &v);

        if (rc != KECS_OK) {
            return rc;
        }

        if (!entry_parse(v, &e)) {
            return KECS_CORRUPT;
        }

        if (e.time >= before && last - seq < keep) {
            break;
        }

        rc = entry_drop(txn, seq, &e);

        if (rc != KECS_OK) {
            return rc;
        }

        (*dropped)++;
    }

    return KECS_OK;
}
