/*
 * Records: get, put, delete.  The one place where a change is made: from
 * what was stored and what shall be stored it derives indexes, counters and
 * the log entry.
 *
 * A put packs the new head into scratch memory of the store's writing side
 * before it writes anything, because a write may move what an earlier read
 * of the same transaction pointed to.
 */

#include "store_impl.h"


#define REV_LEN  8

/* One change while it is worked on; too big for a stack of small threads. */
typedef struct {
    const kecs_schema_t  *schema;
    kecs_rec_t           *rec;
    kecs_key_t            ref;          /* kind, record key */
    kecs_any_t            old;
    bool                  existed;
    kecs_str_t            old_body;     /* in scratch */
    kecs_str_t            new_head;     /* in scratch, with the position */
    kecs_derived_t        before;
    kecs_derived_t        after;
} change_t;


void
kecs_part_key(kecs_key_t *k, const void *rec, unsigned part)
{
    kecs_key_init(k);
    kecs_ref_key(k, rec);
    kecs_key_u8(k, (uint8_t) part);
}


/* The record's own key within the kind's database. */

static kecs_str_t
head_key(const kecs_key_t *ref)
{
    return kecs_str_n(ref->data + 1, ref->len - 1);
}


/* Kind and key of a record that somebody handed in. */

static kecs_rc_t
ref_of(const void *rec, kecs_key_t *ref, const kecs_schema_t **schema)
{
    const kecs_rec_t  *r;

    r = rec;
    *schema = kecs_schema((kecs_kind_t) r->kind);

    if (*schema == NULL || r->scope == 0) {
        return KECS_INVALID;
    }

    kecs_key_init(ref);
    kecs_ref_key(ref, rec);

    /* the key of a part is one byte longer */

    if (ref->failed || ref->len + 1 > KECS_LMDB_KEY_MAX) {
        return KECS_TOO_LARGE;
    }

    return KECS_OK;
}


static kecs_rc_t
head_read(const kecs_schema_t *s, kecs_str_t head, void *rec)
{
    if (head.len < REV_LEN) {
        return KECS_CORRUPT;
    }

    ((kecs_rec_t *) rec)->rev = kecs_be_get(head.data, REV_LEN);

    return kecs_head_unpack(s, kecs_str_from(head, REV_LEN), rec);
}


static kecs_rc_t
part_read(kecs_txn_t *txn, kecs_arena_t *a, kecs_key_t *ref, unsigned i,
    kecs_str_t *out)
{
    kecs_rc_t   rc;
    kecs_str_t  v;

    ref->data[ref->len] = (uint8_t) i;

    rc = kecs_db_get(txn, KECS_DB_PARTS,
                     kecs_str_n(ref->data, ref->len + 1), &v);

    if (rc == KECS_NOT_FOUND) {
        *out = kecs_null_str;
        return KECS_OK;
    }

    if (rc != KECS_OK) {
        return rc;
    }

    *out = kecs_strdup(a, v);

    return out->data != NULL ? KECS_OK : KECS_NOMEM;
}


static kecs_rc_t
parts_read(kecs_txn_t *txn, kecs_arena_t *a, kecs_rec_t *r, kecs_key_t *ref,
    unsigned parts)
{
    unsigned   i;
    kecs_rc_t  rc;

    for (i = 0; i < KECS_PARTS; i++) {

        if (!(parts & kecs_part_bit(i)) || (r->loaded & kecs_part_bit(i))) {
            continue;
        }

        rc = part_read(txn, a, ref, i, &r->part[i]);

        if (rc != KECS_OK) {
            return rc;
        }

        r->loaded |= kecs_part_bit(i);
    }

    return KECS_OK;
}


kecs_rc_t
kecs_get(kecs_txn_t *txn, kecs_arena_t *a, void *rec, unsigned parts)
{
    kecs_rc_t             rc;
    kecs_key_t            ref;
    kecs_str_t            head;
    const kecs_schema_t  *s;

    rc = ref_of(rec, &ref, &s);

    if (s != NULL) {
        kecs_head_clear(s, rec);
    }

    if (rc != KECS_OK) {
        return rc == KECS_TOO_LARGE ? KECS_NOT_FOUND : rc;
    }

    rc = kecs_db_get(txn, kecs_db_of(((kecs_rec_t *) rec)->kind),
                     head_key(&ref), &head);

    if (rc != KECS_OK) {
        return rc;
    }

    head = kecs_strdup(a, head);

    if (head.data == NULL) {
        return KECS_NOMEM;
    }

    rc = kecs_rec_own_key(s, a, rec);

    if (rc == KECS_OK) {
        rc = head_read(s, head, rec);
    }

    return rc == KECS_OK ? parts_read(txn, a, rec, &ref, parts) : rc;
}


kecs_rc_t
kecs_get_parts(kecs_txn_t *txn, kecs_arena_t *a, void *rec, unsigned parts)
{
    kecs_rc_t             rc;
    kecs_key_t            ref;
    const kecs_schema_t  *s;

    rc = ref_of(rec, &ref, &s);

    return rc == KECS_OK ? parts_read(txn, a, rec, &ref, parts) : rc;
}


/* Reads what is stored into scratch, as writes will move it. */

static kecs_rc_t
change_old(kecs_txn_t *txn, change_t *c)
{
    kecs_rc_t        rc;
    kecs_str_t       head;
    kecs_scratch_t  *b;

    b = &txn->store->old_head;
    c->existed = false;
    c->old_body = kecs_null_str;

    rc = kecs_db_get(txn, kecs_db_of(c->rec->kind), head_key(&c->ref),
                     &head);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    rc = kecs_scratch(b, head.len);

    if (rc != KECS_OK) {
        return rc;
    }

    memcpy(b->data, head.data, head.len);
    head.data = (const char *) b->data;

    rc = kecs_ref_read(kecs_key_view(&c->ref), &c->old);

    if (rc == KECS_OK) {
        rc = head_read(c->schema, head, &c->old);
    }

    c->existed = true;
    c->old_body = kecs_str_from(head, REV_LEN);

    return rc;
}


static kecs_rc_t
change_begin(kecs_txn_t *txn, change_t *c, void *rec)
{
    kecs_rc_t  rc;

    if (!txn->write) {
        return KECS_DENIED;
    }

    c->rec = rec;
    rc = ref_of(rec, &c->ref, &c->schema);

    return rc == KECS_OK ? change_old(txn, c) : rc;
}


static kecs_rc_t
change_pack(kecs_txn_t *txn, change_t *c)
{
    size_t           n;
    kecs_rc_t        rc;
    kecs_scratch_t  *b;

    b = &txn->store->new_head;
    rc = kecs_scratch(b, REV_LEN + kecs_head_bound(c->schema, c->rec));

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_be_put(b->data, txn->seq + 1, REV_LEN);
    n = kecs_head_pack(c->schema, c->rec, b->data + REV_LEN);
    c->new_head = kecs_str_n(b->data, REV_LEN + n);

    return KECS_OK;
}


/* Drops the dirty bits of parts that are stored just so already. */

static kecs_rc_t
parts_compare(kecs_txn_t *txn, change_t *c)
{
    unsigned     i;
    kecs_rc_t    rc;
    kecs_str_t   v;
    kecs_rec_t  *r;

    r = c->rec;

    for (i = 0; i < KECS_PARTS && r->dirty != 0; i++) {

        if (!(r->dirty & kecs_part_bit(i))) {
            continue;
        }

        rc = KECS_NOT_FOUND;

        if (c->existed) {
            c->ref.data[c->ref.len] = (uint8_t) i;
            rc = kecs_db_get(txn, KECS_DB_PARTS,
                             kecs_str_n(c->ref.data, c->ref.len + 1), &v);
        }

        if (rc == KECS_NOT_FOUND) {
            v = kecs_null_str;

        } else if (rc != KECS_OK) {
            return rc;
        }

        if ((v.data == NULL) == (r->part[i].data == NULL)
            && kecs_str_eq(v, r->part[i]))
        {
            r->dirty &= ~kecs_part_bit(i);
        }
    }

    return KECS_OK;
}


static kecs_rc_t
parts_write(kecs_txn_t *txn, change_t *c)
{
    unsigned     i;
    kecs_rc_t    rc;
    kecs_str_t   key;
    kecs_rec_t  *r;

    r = c->rec;
    key = kecs_str_n(c->ref.data, c->ref.len + 1);

    for (i = 0; i < KECS_PARTS; i++) {

        if (!(r->dirty & kecs_part_bit(i))) {
            continue;
        }

        c->ref.data[c->ref.len] = (uint8_t) i;

        rc = r->part[i].data != NULL
             ? kecs_db_put(txn, KECS_DB_PARTS, key, r->part[i], 0)
             : kecs_db_del(txn, KECS_DB_PARTS, key);

        if (rc != KECS_OK) {
            return kecs_txn_fail(txn, rc);
        }
    }

    return KECS_OK;
}


/* Writes indexes, counters and log for the change; the last step. */

static kecs_rc_t
change_apply(kecs_txn_t *txn, change_t *c, kecs_change_t what,
    kecs_str_t body)
{
    kecs_rc_t   rc;
    kecs_str_t  ref;

    ref = kecs_key_view(&c->ref);
    rc = kecs_derived_apply(txn, c->rec->scope, &c->before, &c->after, ref);

    if (rc == KECS_OK) {
        rc = kecs_log_append(txn, (kecs_kind_t) c->rec->kind, what,
                             head_key(&c->ref), body);
    }

    if (rc != KECS_OK) {
        return kecs_txn_fail(txn, rc);
    }

    c->rec->rev = txn->seq;
    c->rec->dirty = 0;

    return KECS_OK;
}


kecs_rc_t
kecs_put(kecs_txn_t *txn, void *rec)
{
    change_t   c;
    kecs_rc_t  rc;

    rc = change_begin(txn, &c, rec);

    if (rc == KECS_OK) {
        rc = change_pack(txn, &c);
    }

    if (rc == KECS_OK) {
        rc = parts_compare(txn, &c);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (c.existed && c.rec->dirty == 0
        && kecs_str_eq(c.old_body, kecs_str_from(c.new_head, REV_LEN)))
    {
        c.rec->rev = c.old.rec.rev;
        return KECS_OK;
    }

    kecs_derive(c.existed ? &c.old : NULL, &c.before);
    kecs_derive(rec, &c.after);

    if (c.after.failed) {
        return KECS_TOO_LARGE;
    }

    rc = kecs_db_put(txn, kecs_db_of(c.rec->kind), head_key(&c.ref),
                     c.new_head, 0);

    if (rc == KECS_OK) {
        rc = parts_write(txn, &c);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return change_apply(txn, &c, c.existed ? KECS_CHANGED : KECS_CREATED,
                        kecs_str_from(c.new_head, REV_LEN));
}


static kecs_rc_t
parts_delete(kecs_txn_t *txn, change_t *c)
{
    unsigned    i;
    kecs_rc_t   rc;
    kecs_str_t  key;

    key = kecs_str_n(c->ref.data, c->ref.len + 1);

    for (i = 0; i < KECS_PARTS; i++) {
        c->ref.data[c->ref.len] = (uint8_t) i;
        rc = kecs_db_del(txn, KECS_DB_PARTS, key);

        if (rc != KECS_OK && rc != KECS_NOT_FOUND) {
            return rc;
        }
    }

    return KECS_OK;
}


kecs_rc_t
kecs_del(kecs_txn_t *txn, void *rec)
{
    change_t   c;
    kecs_rc_t  rc;

    rc = change_begin(txn, &c, rec);

    if (rc != KECS_OK) {
        return rc;
    }

    if (!c.existed) {
        return KECS_NOT_FOUND;
    }

    kecs_derive(&c.old, &c.before);
    kecs_derive(NULL, &c.after);

    rc = kecs_db_del(txn, kecs_db_of(c.rec->kind), head_key(&c.ref));

    if (rc == KECS_OK) {
        rc = parts_delete(txn, &c);
    }

    if (rc != KECS_OK) {
        return kecs_txn_fail(txn, rc);
    }

    rc = change_apply(txn, &c, KECS_DELETED, c.old_body);

    return rc == KECS_OK
           ? kecs_txn_fail(txn, kecs_names_deleted(txn, &c.old, txn->seq))
           : rc;
}
