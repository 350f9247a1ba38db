/*
 * Scopes, (account, region) by number, and numbers that are never given
 * twice.  Both directions of a scope are in one database: "n" account NUL
 * region NUL -> number, "i" number -> account NUL region.
 */

#include "store_impl.h"


static kecs_rc_t
scope_key(kecs_key_t *k, kecs_str_t account, kecs_str_t region)
{
    kecs_key_init(k);
    kecs_key_u8(k, 'n');
    kecs_key_str(k, account);
    kecs_key_str(k, region);

    return k->failed || k->len > KECS_LMDB_KEY_MAX ? KECS_TOO_LARGE
                                                   : KECS_OK;
}


static void
number_key(kecs_key_t *k, uint32_t scope)
{
    kecs_key_init(k);
    kecs_key_u8(k, 'i');
    kecs_key_u32(k, scope);
}


static kecs_rc_t
scope_create(kecs_txn_t *txn, const kecs_key_t *name, uint32_t *scope)
{
    uint8_t     n[4];
    kecs_rc_t   rc;
    kecs_key_t  k;

    rc = kecs_number_next(txn, "scope", scope);

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_be_put(n, *scope, 4);
    rc = kecs_db_put(txn, KECS_DB_SCOPE, kecs_key_view(name),
                     kecs_str_n(n, 4), 0);

    if (rc != KECS_OK) {
        return rc;
    }

    /* the name without "n" and without the last NUL */

    number_key(&k, *scope);

    return kecs_db_put(txn, KECS_DB_SCOPE, kecs_key_view(&k),
                       kecs_str_n(name->data + 1, name->len - 2), 0);
}


kecs_rc_t
kecs_scope_get(kecs_txn_t *txn, kecs_str_t account, kecs_str_t region,
    bool create, uint32_t *scope)
{
    kecs_rc_t   rc;
    kecs_key_t  k;
    kecs_str_t  v;

    *scope = 0;
    rc = scope_key(&k, account, region);

    if (rc != KECS_OK) {
        return rc;
    }

    rc = kecs_db_get(txn, KECS_DB_SCOPE, kecs_key_view(&k), &v);

    if (rc == KECS_NOT_FOUND && create) {
        return scope_create(txn, &k, scope);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (v.len != 4) {
        return KECS_CORRUPT;
    }

    *scope = (uint32_t) kecs_be_get(v.data, 4);

    return KECS_OK;
}


kecs_rc_t
kecs_scope_own(kecs_txn_t *txn, bool create, uint32_t *scope)
{
    return kecs_scope_get(txn, kecs_str(""), kecs_str(""), create, scope);
}


kecs_rc_t
kecs_scope_name(kecs_txn_t *txn, kecs_arena_t *a, uint32_t scope,
    kecs_str_t *account, kecs_str_t *region)
{
    kecs_rc_t   rc;
    kecs_key_t  k;
    kecs_str_t  v;

    *account = kecs_null_str;
    *region = kecs_null_str;
    number_key(&k, scope);

    rc = kecs_db_get(txn, KECS_DB_SCOPE, kecs_key_view(&k), &v);

    if (rc != KECS_OK) {
        return rc;
    }

    v = kecs_strdup(a, v);

    if (v.data == NULL) {
        return KECS_NOMEM;
    }

    (void) kecs_str_split(&v, '\0', account);
    *region = v;

    return v.data != NULL ? KECS_OK : KECS_CORRUPT;
}


kecs_rc_t
kecs_number_next(kecs_txn_t *txn, const char *what, uint32_t *no)
{
    uint8_t     n[4];
    uint64_t    last;
    kecs_rc_t   rc;
    kecs_key_t  k;
    kecs_str_t  v;

    *no = 0;
    kecs_key_init(&k);
    kecs_key_bytes(&k, "no.", 3);
    kecs_key_bytes(&k, what, strlen(what));

    rc = kecs_db_get(txn, KECS_DB_META, kecs_key_view(&k), &v);

    if (rc != KECS_OK && rc != KECS_NOT_FOUND) {
        return rc;
    }

    last = rc == KECS_OK ? kecs_be_get(v.data, v.len < 4 ? v.len : 4) : 0;

    if (last >= UINT32_MAX) {
        return KECS_FULL;
    }

    kecs_be_put(n, last + 1, 4);
    rc = kecs_db_put(txn, KECS_DB_META, kecs_key_view(&k),
                     kecs_str_n(n, 4), 0);

    if (rc == KECS_OK) {
        *no = (uint32_t) (last + 1);
    }

    return rc;
}
