/*
 * Client tokens.  A token names one request of one operation within
 * (account, region); it is kept in the transaction of what it stands for,
 * so both exist or neither does.
 */

#include <openssl/sha.h>

#include "launch.h"


kecs_rc_t
kecs_request_hash(kecs_call_t *c, const void *in, uint8_t *hash)
{
    kecs_str_t  json;

    json = kecs_shape_json(c->arena, c->op->input, in);

    if (json.data == NULL) {
        return KECS_NOMEM;
    }

    (void) SHA256((const unsigned char *) json.data, json.len, hash);

    return KECS_OK;
}


kecs_rc_t
kecs_token_find(kecs_call_t *c, const char *op, kecs_str_t token,
    kecs_token_t *out)
{
    kecs_rc_t  rc;

    memset(out, 0, sizeof(kecs_token_t));
    out->rec.kind = KECS_TOKEN;
    out->rec.scope = c->scope;
    out->op = kecs_str_of(op);
    out->token = token;

    rc = kecs_get(c->txn, c->arena, out, 0);

    if (rc == KECS_OK && c->now - out->created_at >= KECS_TOKEN_LIFE) {
        return KECS_NOT_FOUND;
    }

    return rc;
}


kecs_rc_t
kecs_token_keep(kecs_call_t *c, const char *op, kecs_str_t token,
    const uint8_t *hash, kecs_str_t result)
{
    kecs_token_t  t;

    memset(&t, 0, sizeof(kecs_token_t));
    t.rec.kind = KECS_TOKEN;
    t.rec.scope = c->scope;
    t.rec.gen = KECS_ECS_GEN;
    t.op = kecs_str_of(op);
    t.token = token;
    t.created_at = c->now;
    t.result = result;

    if (hash != NULL) {
        memcpy(t.hash, hash, sizeof(t.hash));
    }

    return kecs_put(c->txn, &t);
}
