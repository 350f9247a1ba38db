/*
 * Client tokens, and the tags that a new task gets from elsewhere.  A token
 * names one request of one operation within (account, region); it is kept
 * in the transaction of what it stands for, so both exist or neither does.
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


/* Tags. */

static bool
has_key(const kecs_ecs_tags_t *tags, kecs_str_t key)
{
    size_t  i;

    for (i = 0; i < tags->n; i++) {
        if (kecs_str_eq(tags->items[i].key, key)) {
            return true;
        }
    }

    return false;
}


static void
add_tag(kecs_ecs_tags_t *tags, kecs_str_t key, kecs_str_t value)
{
    if (!has_key(tags, key)) {
        tags->items[tags->n].key = key;
        tags->items[tags->n].value = value;
        tags->n++;
    }
}


static kecs_rc_t
stored_tags(kecs_call_t *c, kecs_str_t json, kecs_ecs_tags_t *out)
{
    void        *in;
    kecs_rc_t    rc;
    kecs_str_t   text;

    memset(out, 0, sizeof(kecs_ecs_tags_t));

    if (json.len <= 2) {
        return KECS_OK;
    }

    text = kecs_sprintf(c->arena, "{\"tags\":%.*s}", kecs_fmt(json));

    if (text.data == NULL) {
        return KECS_NOMEM;
    }

    rc = kecs_shape_load(c->arena, &kecs_ecs_tag_resource_request_shape,
                         text, &in);

    if (rc == KECS_OK) {
        *out = ((kecs_ecs_tag_resource_request_t *) in)->tags;
    }

    return rc;
}


static kecs_str_t
tags_text(kecs_call_t *c, const kecs_ecs_tags_t *tags)
{
    size_t         i;
    kecs_buf_t     buf;
    kecs_writer_t  w;

    kecs_buf_init(&buf, c->arena, 0);
    w = kecs_writer(&buf);
    kecs_w_array(&w, NULL);

    for (i = 0; i < tags->n; i++) {
        kecs_shape_encode(&w, NULL, &kecs_ecs_tag_shape, &tags->items[i]);
    }

    kecs_w_array_end(&w);

    return buf.failed ? kecs_null_str : kecs_buf_view(&buf);
}


kecs_rc_t
kecs_task_tags(kecs_call_t *c, const kecs_ecs_tags_t *own, kecs_str_t from,
    bool managed, kecs_str_t cluster, kecs_str_t service, kecs_str_t *json)
{
    size_t           i;
    kecs_rc_t        rc;
    kecs_ecs_tags_t  all, more;

    *json = kecs_null_str;

    rc = stored_tags(c, from, &more);

    if (rc != KECS_OK) {
        return rc;
    }

    memset(&all, 0, sizeof(all));
    all.items = kecs_calloc(c->arena, (own ? own->n : 0) + more.n + 2,
                            sizeof(*all.items));

    if (all.items == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; own != NULL && i < own->n; i++) {
        add_tag(&all, own->items[i].key, own->items[i].value);
    }

    for (i = 0; i < more.n; i++) {
        add_tag(&all, more.items[i].key, more.items[i].value);
    }

    if (managed) {
        add_tag(&all, kecs_str("aws:ecs:clusterName"), cluster);

        if (service.data != NULL) {
            add_tag(&all, kecs_str("aws:ecs:serviceName"), service);
        }
    }

    if (all.n == 0) {
        return KECS_OK;
    }

    *json = tags_text(c, &all);

    return json->data ? KECS_OK : KECS_NOMEM;
}
