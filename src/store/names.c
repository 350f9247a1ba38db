/*
 * Names of clusters and services that are gone.  Records and entries of the
 * log have numbers only; what is deleted leaves its name in the database
 * "scope": "g" scope, cluster, service (0: the cluster itself) -> log
 * position, name.  The position is that of the last deletion that has to do
 * with it: its own, or of something that was left of it.  When the log drops
 * that entry and nothing is left, the name goes too.
 *
 * Releases that do not know of these entries leave them alone.
 */

#include "store_impl.h"


#define SEQ_LEN    8
#define GONE_LEN  13

/* Whose a record is; its own numbers, if it is one of them. */
typedef struct {
    uint32_t  scope;
    uint32_t  cluster;              /* 0: of none */
    uint32_t  service;              /* 0: of none */
} owner_t;


/* Whether the i-th field of the key is a number of that name. */

static bool
is_number(const kecs_schema_t *s, unsigned i, const char *name)
{
    return i < s->keys && s->fields[i].type == KECS_F_U32
           && strcmp(s->fields[i].name, name) == 0;
}


static uint32_t
number(const kecs_schema_t *s, unsigned i, const kecs_any_t *rec)
{
    return *(const uint32_t *) ((const char *) rec + s->fields[i].offset);
}


static owner_t
owner_of(const kecs_schema_t *s, const kecs_any_t *rec)
{
    owner_t  o;

    memset(&o, 0, sizeof(o));
    o.scope = rec->rec.scope;

    if (rec->rec.kind == KECS_CLUSTER) {
        o.cluster = rec->cluster.no;

    } else if (is_number(s, 0, "cluster")) {
        o.cluster = number(s, 0, rec);

        if (rec->rec.kind == KECS_SERVICE) {
            o.service = rec->service.no;

        } else if (is_number(s, 1, "service")) {
            o.service = number(s, 1, rec);
        }
    }

    return o;
}


static kecs_str_t
gone_key(kecs_key_t *k, const owner_t *o)
{
    kecs_key_init(k);
    kecs_key_u8(k, 'g');
    kecs_key_u32(k, o->scope);
    kecs_key_u32(k, o->cluster);
    kecs_key_u32(k, o->service);

    return kecs_key_view(k);
}


/* In the map: until the next write. */

static kecs_rc_t
gone_get(kecs_txn_t *txn, const owner_t *o, uint64_t *seq, kecs_str_t *name)
{
    kecs_rc_t   rc;
    kecs_key_t  k;
    kecs_str_t  v;

    rc = kecs_db_get(txn, KECS_DB_SCOPE, gone_key(&k, o), &v);

    if (rc != KECS_OK) {
        return rc;
    }

    if (v.len < SEQ_LEN) {
        return KECS_CORRUPT;
    }

    *seq = kecs_be_get(v.data, SEQ_LEN);
    *name = kecs_str_from(v, SEQ_LEN);

    return KECS_OK;
}


/* Bytes beyond those that a name may have are none of ours. */

static kecs_rc_t
gone_put(kecs_txn_t *txn, const owner_t *o, uint64_t seq, kecs_str_t name)
{
    uint8_t     v[SEQ_LEN + KECS_LMDB_KEY_MAX];
    kecs_key_t  k;

    if (name.len > KECS_LMDB_KEY_MAX) {
        return KECS_TOO_LARGE;
    }

    kecs_be_put(v, seq, SEQ_LEN);

    if (name.len != 0) {
        memcpy(v + SEQ_LEN, name.data, name.len);
    }

    return kecs_db_put(txn, KECS_DB_SCOPE, gone_key(&k, o),
                       kecs_str_n(v, SEQ_LEN + name.len), 0);
}


/* The name of what is gone is needed for this deletion as well. */

static kecs_rc_t
gone_touch(kecs_txn_t *txn, const owner_t *o, uint64_t seq)
{
    uint64_t    was;
    kecs_rc_t   rc;
    kecs_str_t  name;

    rc = gone_get(txn, o, &was, &name);

    if (rc == KECS_OK) {
        return gone_put(txn, o, seq, name);
    }

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


kecs_rc_t
kecs_names_deleted(kecs_txn_t *txn, const kecs_any_t *rec, uint64_t seq)
{
    owner_t               o;
    kecs_rc_t             rc;
    const kecs_schema_t  *s;

    s = kecs_schema((kecs_kind_t) rec->rec.kind);
    o = owner_of(s, rec);

    if (o.cluster == 0) {
        return KECS_OK;
    }

    if (rec->rec.kind == KECS_CLUSTER) {
        return gone_put(txn, &o, seq, rec->cluster.name);
    }

    rc = KECS_OK;

    if (rec->rec.kind == KECS_SERVICE) {
        rc = gone_put(txn, &o, seq, rec->service.name);

    } else if (o.service != 0) {
        rc = gone_touch(txn, &o, seq);
    }

    o.service = 0;

    return rc == KECS_OK ? gone_touch(txn, &o, seq) : rc;
}


/* Whether records of the kind are left below the cluster or service. */

static kecs_rc_t
left_of(kecs_txn_t *txn, kecs_kind_t kind, const owner_t *o, bool *left)
{
    kecs_rc_t             rc;
    kecs_key_t            prefix;
    kecs_str_t            k, v;
    const kecs_schema_t  *s;

    s = kecs_schema(kind);

    if (s == NULL || !is_number(s, 0, "cluster")
        || (o->service != 0 && !is_number(s, 1, "service")))
    {
        return KECS_OK;
    }

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, o->scope);
    kecs_key_u32(&prefix, o->cluster);

    if (o->service != 0) {
        kecs_key_u32(&prefix, o->service);
    }

    k = kecs_key_view(&prefix);
    rc = kecs_db_step(txn, kecs_db_of(kind), 0, MDB_SET_RANGE, &k, &v);
    *left |= rc == KECS_OK && kecs_str_starts(k, kecs_key_view(&prefix));
    kecs_db_rest(txn, kecs_db_of(kind));

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


/* Nothing speaks of it behind `seq`: the name goes when nothing is left. */

static kecs_rc_t
gone_drop(kecs_txn_t *txn, const owner_t *o, uint64_t seq)
{
    bool         left;
    uint64_t     last;
    unsigned     kind;
    kecs_rc_t    rc;
    kecs_key_t   k;
    kecs_str_t   name;

    rc = gone_get(txn, o, &last, &name);

    if (rc != KECS_OK || last != seq) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    for (kind = 1, left = false; kind < KECS_KINDS && !left; kind++) {
        rc = left_of(txn, (kecs_kind_t) kind, o, &left);

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return left ? KECS_OK
                : kecs_db_del(txn, KECS_DB_SCOPE, gone_key(&k, o));
}


kecs_rc_t
kecs_names_dropped(kecs_txn_t *txn, const kecs_any_t *rec, uint64_t seq)
{
    owner_t    o;
    kecs_rc_t  rc;

    o = owner_of(kecs_schema((kecs_kind_t) rec->rec.kind), rec);
    rc = KECS_OK;

    if (o.service != 0) {
        rc = gone_drop(txn, &o, seq);
        o.service = 0;
    }

    return rc == KECS_OK && o.cluster != 0 ? gone_drop(txn, &o, seq) : rc;
}


/* The record of the cluster or service; in *rec. */

static kecs_rc_t
named_get(kecs_txn_t *txn, kecs_arena_t *a, const owner_t *o,
    kecs_any_t *rec)
{
    memset(rec, 0, sizeof(*rec));
    rec->rec.scope = o->scope;

    if (o->service != 0) {
        rec->rec.kind = KECS_SERVICE;
        rec->service.cluster = o->cluster;
        rec->service.no = o->service;

    } else {
        rec->rec.kind = KECS_CLUSTER;
        rec->cluster.no = o->cluster;
    }

    return kecs_get(txn, a, rec, 0);
}


kecs_rc_t
kecs_name_of(kecs_txn_t *txn, kecs_arena_t *a, uint32_t scope,
    uint32_t cluster, uint32_t service, kecs_str_t *name)
{
    owner_t     o;
    uint64_t    seq;
    kecs_rc_t   rc;
    kecs_any_t  rec;

    o.scope = scope;
    o.cluster = cluster;
    o.service = service;
    rc = named_get(txn, a, &o, &rec);

    if (rc == KECS_OK) {
        *name = service != 0 ? rec.service.name : rec.cluster.name;
        return KECS_OK;
    }

    if (rc == KECS_NOT_FOUND) {
        rc = gone_get(txn, &o, &seq, name);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    *name = kecs_strdup(a, *name);

    return name->data != NULL ? KECS_OK : KECS_NOMEM;
}


bool
kecs_name_entry_ok(kecs_str_t key, kecs_str_t value)
{
    return key.len == 0 || key.data[0] != 'g'
           || (key.len == GONE_LEN && value.len > SEQ_LEN);
}
