/*
 * Calls and replies as bytes: strings with a 32-bit length in front, in
 * host order (both ends are processes of one machine and one release).
 */

#include "call.h"


#define ENVELOPE_STRINGS  7


static void
put_str(kecs_buf_t *b, kecs_str_t s)
{
    uint32_t  len;

    len = (uint32_t) s.len;
    kecs_buf_add(b, &len, sizeof(len));
    kecs_buf_str(b, s);
}


static bool
get_str(kecs_str_t *in, kecs_str_t *out)
{
    uint32_t  len;

    if (in->len < sizeof(len)) {
        return false;
    }

    memcpy(&len, in->data, sizeof(len));
    *in = kecs_str_from(*in, sizeof(len));

    if (in->len < len) {
        return false;
    }

    *out = kecs_str_n(in->data, len);
    *in = kecs_str_from(*in, len);

    return true;
}


void
kecs_envelope_put(kecs_buf_t *b, const kecs_envelope_t *e)
{
    put_str(b, e->op);
    put_str(b, e->account);
    put_str(b, e->region);
    put_str(b, e->principal);
    put_str(b, e->request_id);
    put_str(b, e->trace);
    put_str(b, e->body);
}


kecs_rc_t
kecs_envelope_get(kecs_str_t bytes, kecs_envelope_t *e)
{
    size_t       i;
    kecs_str_t  *to[ENVELOPE_STRINGS] = {
        &e->op, &e->account, &e->region, &e->principal, &e->request_id,
        &e->trace, &e->body
    };

    for (i = 0; i < ENVELOPE_STRINGS; i++) {
        if (!get_str(&bytes, to[i])) {
            return KECS_INVALID;
        }
    }

    return bytes.len == 0 ? KECS_OK : KECS_INVALID;
}


void
kecs_reply_put(kecs_buf_t *b, const kecs_reply_t *r)
{
    kecs_buf_add(b, &r->status, sizeof(r->status));
    kecs_buf_add(b, &r->error, sizeof(r->error));
    kecs_buf_str(b, r->body);
}


kecs_rc_t
kecs_reply_get(kecs_str_t bytes, kecs_reply_t *r)
{
    if (bytes.len < sizeof(r->status) + sizeof(r->error)) {
        return KECS_INVALID;
    }

    memcpy(&r->status, bytes.data, sizeof(r->status));
    memcpy(&r->error, bytes.data + sizeof(r->status), sizeof(r->error));
    r->body = kecs_str_from(bytes, sizeof(r->status) + sizeof(r->error));

    return KECS_OK;
}
