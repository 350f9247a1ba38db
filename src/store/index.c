/*
 * The index and counter databases: applying what derive.c says, and looking
 * entries up.  Scans are in scan.c.
 */

#include "store_impl.h"


/* Several records may claim a name for a moment; the last put has it. */

static bool
index_is_name(uint8_t index)
{
    return index == KECS_IX_CLUSTER_NAME || index == KECS_IX_SERVICE_NAME;
}


uint32_t
kecs_index_scope(kecs_index_t index, uint32_t scope)
{
    return index == KECS_IX_EXPIRY || index == KECS_IX_TASK_HANDLE
           || index == KECS_IX_INSTANCE_NODE ? 0 : scope;
}


void
kecs_ref_key(kecs_key_t *k, const void *rec)
{
    const kecs_rec_t  *r;

    r = rec;
    kecs_key_u8(k, r->kind);
    kecs_rec_key(k, kecs_schema((kecs_kind_t) r->kind), rec);
}


kecs_rc_t
kecs_ref_read(kecs_str_t ref, void *rec)
{
    uint8_t               kind;
    const kecs_schema_t  *s;

    kind = ref.len ? (uint8_t) ref.data[0] : 0;
    s = kecs_schema((kecs_kind_t) kind);

    if (s == NULL) {
        return KECS_CORRUPT;
    }

    memset(rec, 0, s->size);
    ((kecs_rec_t *) rec)->kind = kind;

    return kecs_rec_of_key(s, kecs_str_from(ref, 1), rec);
}


void
kecs_counter_key(kecs_key_t *k, uint32_t scope, uint32_t cluster,
    uint32_t service, uint64_t deployment)
{
    kecs_key_init(k);
    kecs_key_u32(k, scope);
    kecs_key_u32(k, cluster);
    kecs_key_u32(k, service);
    kecs_key_u64(k, deployment);
}


size_t
kecs_counts_pack(const kecs_counts_t *c, uint8_t *out)
{
    size_t    i, len;
    uint32_t  n[KECS_COUNTS_N];

    memcpy(n, c, sizeof(*c));
    len = KECS_COUNTS_LEN;

    for (i = 0; i < KECS_COUNTS_N; i++) {
        kecs_be_put(out + 4 * i, n[i], 4);

        if (n[i] != 0 && 4 * i >= KECS_COUNTS_LEN) {
            len = KECS_COUNTS_MAX_LEN;
        }
    }

    return len;
}


kecs_rc_t
kecs_counts_unpack(kecs_str_t value, kecs_counts_t *c)
{
    size_t    i;
    uint32_t  n[KECS_COUNTS_N];

    if (value.len != KECS_COUNTS_LEN && value.len != KECS_COUNTS_LEN_1
        && value.len != KECS_COUNTS_LEN_3 && value.len != KECS_COUNTS_MAX_LEN)
    {
        return KECS_CORRUPT;
    }

    memset(n, 0, sizeof(n));

    for (i = 0; 4 * i < value.len; i++) {
        n[i] = (uint32_t) kecs_be_get(value.data + 4 * i, 4);
    }

    memcpy(c, n, sizeof(*c));

    return KECS_OK;
}


kecs_rc_t
kecs_counts(kecs_txn_t *txn, uint32_t scope, uint32_t cluster,
    uint32_t service, uint64_t deployment, kecs_counts_t *out)
{
    kecs_rc_t   rc;
    kecs_key_t  k;
    kecs_str_t  v;

    memset(out, 0, sizeof(*out));
    kecs_counter_key(&k, scope, cluster, service, deployment);

    rc = kecs_db_get(txn, KECS_DB_COUNTER, kecs_key_view(&k), &v);

    if (rc == KECS_NOT_FOUND) {
        return KECS_OK;
    }

    return rc == KECS_OK ? kecs_counts_unpack(v, out) : rc;
}


uint64_t
kecs_count_instance(const uint8_t *instance)
{
    return kecs_be_get(instance, 8);
}


/* FNV-1a. */

uint64_t
kecs_count_group(const uint8_t *instance, kecs_str_t group)
{
    size_t    i;
    uint64_t  h;

    h = kecs_be_get(instance, 8) ^ UINT64_C(0xcbf29ce484222325);

    for (i = 0; i < group.len; i++) {
        h = (h ^ (uint8_t) group.data[i]) * UINT64_C(0x100000001b3);
    }

    return h;
}


kecs_rc_t
kecs_instance_counts(kecs_txn_t *txn, const kecs_instance_t *p,
    kecs_counts_t *out)
{
    return kecs_counts(txn, p->rec.scope, p->cluster, KECS_COUNT_INSTANCE,
                       kecs_count_instance(p->id), out);
}


kecs_rc_t
kecs_group_count(kecs_txn_t *txn, const kecs_instance_t *p, kecs_str_t group,
    uint32_t *n)
{
    kecs_rc_t      rc;
    kecs_counts_t  counts;

    rc = kecs_counts(txn, p->rec.scope, p->cluster, KECS_COUNT_GROUP,
                     kecs_count_group(p->id, group), &counts);
    *n = counts.live;

    return rc;
}


/* c + plus - minus; false when one of them would be below zero. */

static bool
counts_move(kecs_counts_t *c, const kecs_counts_t *plus,
    const kecs_counts_t *minus)
{
    size_t    i;
    uint32_t  n[KECS_COUNTS_N], p[KECS_COUNTS_N], m[KECS_COUNTS_N];

    memcpy(n, c, sizeof(*c));
    memcpy(p, plus, sizeof(*c));
    memcpy(m, minus, sizeof(*c));

    for (i = 0; i < KECS_COUNTS_N; i++) {
        n[i] += p[i];

        if (n[i] < m[i]) {
            return false;
        }

        n[i] -= m[i];
    }

    memcpy(c, n, sizeof(*c));

    return true;
}


void
kecs_counts_add(kecs_counts_t *c, const kecs_counts_t *plus)
{
    static const kecs_counts_t  none;

    (void) counts_move(c, plus, &none);
}


static kecs_rc_t
counter_move(kecs_txn_t *txn, uint32_t scope, const kecs_contribution_t *at,
    const kecs_counts_t *plus, const kecs_counts_t *minus)
{
    uint8_t                     value[KECS_COUNTS_MAX_LEN];
    size_t                      len;
    kecs_rc_t                   rc;
    kecs_key_t                  k;
    kecs_counts_t               c;
    static const kecs_counts_t  none;

    if (memcmp(plus, minus, sizeof(*plus)) == 0) {
        return KECS_OK;
    }

    rc = kecs_counts(txn, scope, at->cluster, at->service, at->deployment,
                     &c);

    if (rc != KECS_OK) {
        return rc;
    }

    if (!counts_move(&c, plus, minus)) {
        return kecs_txn_fail(txn, KECS_CORRUPT);
    }

    kecs_counter_key(&k, scope, at->cluster, at->service, at->deployment);

    if (memcmp(&c, &none, sizeof(c)) == 0) {
        return kecs_db_del(txn, KECS_DB_COUNTER, kecs_key_view(&k));
    }

    len = kecs_counts_pack(&c, value);

    return kecs_db_put(txn, KECS_DB_COUNTER, kecs_key_view(&k),
                       kecs_str_n(value, len), 0);
}


/* The contribution of the other side at the same counter, or NULL. */

static const kecs_counts_t *
counts_at(const kecs_derived_t *d, const kecs_contribution_t *at)
{
    unsigned  i;

    for (i = 0; i < d->counts; i++) {
        if (d->count[i].cluster == at->cluster
            && d->count[i].service == at->service
            && d->count[i].deployment == at->deployment)
        {
            return &d->count[i].counts;
        }
    }

    return NULL;
}


static kecs_rc_t
counts_apply(kecs_txn_t *txn, uint32_t scope, const kecs_derived_t *before,
    const kecs_derived_t *after)
{
    unsigned                    i;
    kecs_rc_t                   rc;
    const kecs_counts_t        *other;
    const kecs_contribution_t  *at;
    static const kecs_counts_t  none;

    for (i = 0; i < after->counts; i++) {
        at = &after->count[i];
        other = counts_at(before, at);
        rc = counter_move(txn, scope, at, &at->counts,
                          other ? other : &none);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    for (i = 0; i < before->counts; i++) {
        at = &before->count[i];

        if (counts_at(after, at) != NULL) {
            continue;
        }

        rc = counter_move(txn, scope, at, &none, &at->counts);

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}


static bool
derived_has(const kecs_derived_t *d, kecs_str_t key)
{
    unsigned  i;

    for (i = 0; i < d->n; i++) {
        if (kecs_str_eq(kecs_derived_key(d, i), key)) {
            return true;
        }
    }

    return false;
}


/* Removes an entry, unless another record has taken the name over. */

static kecs_rc_t
entry_del(kecs_txn_t *txn, kecs_str_t key, kecs_str_t value)
{
    kecs_rc_t   rc;
    kecs_str_t  stored;

    if (index_is_name((uint8_t) key.data[0])) {
        rc = kecs_db_get(txn, KECS_DB_INDEX, key, &stored);

        if (rc != KECS_OK || !kecs_str_eq(stored, value)) {
            return rc == KECS_NOT_FOUND ? KECS_OK : rc;
        }
    }

    rc = kecs_db_del(txn, KECS_DB_INDEX, key);

    return rc == KECS_NOT_FOUND ? kecs_txn_fail(txn, KECS_CORRUPT) : rc;
}


kecs_rc_t
kecs_derived_apply(kecs_txn_t *txn, uint32_t scope,
    const kecs_derived_t *before, const kecs_derived_t *after,
    kecs_str_t value)
{
    unsigned    i;
    kecs_rc_t   rc;
    kecs_str_t  key;

    for (i = 0; i < before->n; i++) {
        key = kecs_derived_key(before, i);

        if (!derived_has(after, key)) {
            rc = entry_del(txn, key, value);

            if (rc != KECS_OK) {
                return rc;
            }
        }
    }

    for (i = 0; i < after->n; i++) {
        key = kecs_derived_key(after, i);

        if (!derived_has(before, key)) {
            rc = kecs_db_put(txn, KECS_DB_INDEX, key, value, 0);

            if (rc != KECS_OK) {
                return rc;
            }
        }
    }

    return counts_apply(txn, scope, before, after);
}


kecs_rc_t
kecs_find(kecs_txn_t *txn, kecs_index_t index, uint32_t scope,
    const kecs_key_t *key, void *rec)
{
    kecs_rc_t   rc;
    kecs_key_t  k;
    kecs_str_t  v;

    kecs_key_init(&k);
    kecs_key_u8(&k, (uint8_t) index);
    kecs_key_u32(&k, kecs_index_scope(index, scope));
    kecs_key_bytes(&k, key->data, key->len);

    if (key->failed || k.failed || k.len > KECS_LMDB_KEY_MAX) {
        return KECS_NOT_FOUND;
    }

    rc = kecs_db_get(txn, KECS_DB_INDEX, kecs_key_view(&k), &v);

    if (rc == KECS_OK) {
        rc = kecs_ref_read(v, rec);
    }

    if (rc == KECS_OK && scope != 0
        && ((const kecs_rec_t *) rec)->scope != scope)
    {
        return KECS_NOT_FOUND;
    }

    return rc;
}
