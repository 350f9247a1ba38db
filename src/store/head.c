/*
 * Packing of heads and record keys (see head.h).  Pure functions over bytes:
 * no allocation but kecs_rec_own_key, no state, any thread.
 */

#include "head.h"


#define HASH_LEN  32


static void *
at(const kecs_field_t *f, void *rec)
{
    return (char *) rec + f->offset;
}


static const void *
at_const(const kecs_field_t *f, const void *rec)
{
    return (const char *) rec + f->offset;
}


static size_t
field_size(kecs_field_type_t type)
{
    switch (type) {
    case KECS_F_U8:    return sizeof(uint8_t);
    case KECS_F_U32:   return sizeof(uint32_t);
    case KECS_F_U64:   return sizeof(uint64_t);
    case KECS_F_TIME:  return sizeof(kecs_msec_t);
    case KECS_F_STR:   return sizeof(kecs_str_t);
    case KECS_F_ID:    return KECS_ID_LEN;
    case KECS_F_HASH:  return HASH_LEN;
    }

    return 0;
}


uint8_t *
kecs_varint_put(uint8_t *p, uint64_t n)
{
    while (n >= 0x80) {
        *p++ = (uint8_t) (n | 0x80);
        n >>= 7;
    }

    *p++ = (uint8_t) n;

    return p;
}


bool
kecs_varint_get(kecs_str_t *in, uint64_t *n)
{
    size_t    i;
    uint8_t   c;
    uint64_t  v;

    v = 0;

    for (i = 0; i < in->len && i < KECS_VARINT_MAX; i++) {
        c = (uint8_t) in->data[i];

        if (i == KECS_VARINT_MAX - 1 && c > 1) {
            return false;
        }

        v |= (uint64_t) (c & 0x7f) << (7 * i);

        if (c < 0x80) {
            in->data += i + 1;
            in->len -= i + 1;
            *n = v;
            return true;
        }
    }

    return false;
}


uint8_t *
kecs_varstr_put(uint8_t *p, kecs_str_t s)
{
    if (s.data == NULL) {
        return kecs_varint_put(p, 0);
    }

    p = kecs_varint_put(p, s.len + 1);
    memcpy(p, s.data, s.len);

    return p + s.len;
}


bool
kecs_varstr_get(kecs_str_t *in, kecs_str_t *s)
{
    uint64_t  n;

    if (!kecs_varint_get(in, &n)) {
        return false;
    }

    if (n == 0) {
        *s = kecs_null_str;
        return true;
    }

    if (--n > in->len) {
        return false;
    }

    *s = kecs_str_n(in->data, n);
    in->data += n;
    in->len -= n;

    return true;
}


uint8_t *
kecs_vartime_put(uint8_t *p, kecs_msec_t t)
{
    uint64_t  n;

    n = (uint64_t) t << 1;

    return kecs_varint_put(p, t < 0 ? ~n : n);
}


bool
kecs_vartime_get(kecs_str_t *in, kecs_msec_t *t)
{
    uint64_t  n;

    if (!kecs_varint_get(in, &n)) {
        return false;
    }

    *t = (kecs_msec_t) ((n & 1) ? ~(n >> 1) : n >> 1);

    return true;
}


size_t
kecs_head_bound(const kecs_schema_t *s, const void *rec)
{
    size_t               n;
    unsigned             i;
    const kecs_field_t  *f;

    n = KECS_VARINT_MAX;

    for (i = s->keys; i < s->n; i++) {
        f = &s->fields[i];
        n += HASH_LEN;

        if (f->type == KECS_F_STR) {
            n += ((const kecs_str_t *) at_const(f, rec))->len;
        }
    }

    return n;
}


static uint8_t *
pack_field(const kecs_field_t *f, const void *rec, uint8_t *p)
{
    const void  *v;

    v = at_const(f, rec);

    switch (f->type) {

    case KECS_F_U8:
        *p++ = *(const uint8_t *) v;
        return p;

    case KECS_F_U32:
        return kecs_varint_put(p, *(const uint32_t *) v);

    case KECS_F_U64:
        return kecs_varint_put(p, *(const uint64_t *) v);

    case KECS_F_TIME:
        return kecs_vartime_put(p, *(const kecs_msec_t *) v);

    case KECS_F_STR:
        return kecs_varstr_put(p, *(const kecs_str_t *) v);

    case KECS_F_ID:
    case KECS_F_HASH:
        memcpy(p, v, field_size(f->type));
        return p + field_size(f->type);
    }

    return p;
}


size_t
kecs_head_pack(const kecs_schema_t *s, const void *rec, uint8_t *out)
{
    uint8_t   *p;
    unsigned   i;

    p = kecs_varint_put(out, ((const kecs_rec_t *) rec)->gen);

    for (i = s->keys; i < s->n; i++) {
        p = pack_field(&s->fields[i], rec, p);
    }

    return (size_t) (p - out);
}


static bool
take(kecs_str_t *in, void *out, size_t n)
{
    if (in->len < n) {
        return false;
    }

    memcpy(out, in->data, n);
    in->data += n;
    in->len -= n;

    return true;
}


static bool
unpack_u32(kecs_str_t *in, uint32_t *out)
{
    uint64_t  n;

    if (!kecs_varint_get(in, &n) || n > UINT32_MAX) {
        return false;
    }

    *out = (uint32_t) n;

    return true;
}


static bool
unpack_field(const kecs_field_t *f, kecs_str_t *in, void *rec)
{
    void  *v;

    v = at(f, rec);

    switch (f->type) {
    case KECS_F_U32:   return unpack_u32(in, v);
    case KECS_F_U64:   return kecs_varint_get(in, v);
    case KECS_F_TIME:  return kecs_vartime_get(in, v);
    case KECS_F_STR:   return kecs_varstr_get(in, v);

    case KECS_F_U8:
    case KECS_F_ID:
    case KECS_F_HASH:
        return take(in, v, field_size(f->type));
    }

    return false;
}


kecs_rc_t
kecs_head_unpack(const kecs_schema_t *s, kecs_str_t body, void *rec)
{
    unsigned     i;
    kecs_rec_t  *r;

    r = rec;

    if (!unpack_u32(&body, &r->gen)) {
        return KECS_CORRUPT;
    }

    for (i = s->keys; i < s->n; i++) {

        if (body.len == 0) {
            memset(at(&s->fields[i], rec), 0, field_size(s->fields[i].type));
            continue;
        }

        if (!unpack_field(&s->fields[i], &body, rec)) {
            return KECS_CORRUPT;
        }
    }

    return body.len == 0 ? KECS_OK : KECS_TOO_NEW;
}


void
kecs_head_clear(const kecs_schema_t *s, void *rec)
{
    unsigned     i;
    kecs_rec_t  *r;

    r = rec;

    r->gen = 0;
    r->rev = 0;
    r->loaded = 0;
    r->dirty = 0;
    memset(r->part, 0, sizeof(r->part));

    for (i = s->keys; i < s->n; i++) {
        memset(at(&s->fields[i], rec), 0, field_size(s->fields[i].type));
    }
}


void
kecs_rec_key(kecs_key_t *k, const kecs_schema_t *s, const void *rec)
{
    unsigned             i;
    const void          *v;
    const kecs_field_t  *f;

    kecs_key_u32(k, ((const kecs_rec_t *) rec)->scope);

    for (i = 0; i < s->keys; i++) {
        f = &s->fields[i];
        v = at_const(f, rec);

        switch (f->type) {
        case KECS_F_U8:
            kecs_key_u8(k, *(const uint8_t *) v);
            break;
        case KECS_F_U32:
            kecs_key_u32(k, *(const uint32_t *) v);
            break;
        case KECS_F_U64:
        case KECS_F_TIME:
            kecs_key_u64(k, *(const uint64_t *) v);
            break;
        case KECS_F_STR:
            kecs_key_str(k, *(const kecs_str_t *) v);
            break;
        case KECS_F_ID:
        case KECS_F_HASH:
            kecs_key_bytes(k, v, field_size(f->type));
            break;
        }
    }
}


static bool
take_number(kecs_str_t *in, size_t n, uint64_t *out)
{
    size_t    i;
    uint64_t  v;

    if (in->len < n) {
        return false;
    }

    v = 0;

    for (i = 0; i < n; i++) {
        v = v << 8 | (uint8_t) in->data[i];
    }

    *in = kecs_str_from(*in, n);
    *out = v;

    return true;
}


static bool
take_key_str(kecs_str_t *in, kecs_str_t *out)
{
    ptrdiff_t  n;

    n = kecs_str_chr(*in, '\0');

    if (n < 0) {
        return false;
    }

    *out = kecs_str_n(in->data, (size_t) n);
    *in = kecs_str_from(*in, (size_t) n + 1);

    return true;
}


static bool
take_key_field(const kecs_field_t *f, kecs_str_t *in, void *rec)
{
    void      *v;
    uint64_t   n;

    v = at(f, rec);

    switch (f->type) {

    case KECS_F_STR:
        return take_key_str(in, v);

    case KECS_F_U8:
    case KECS_F_ID:
    case KECS_F_HASH:
        return take(in, v, field_size(f->type));

    case KECS_F_U32:
        if (!take_number(in, 4, &n)) {
            return false;
        }
        *(uint32_t *) v = (uint32_t) n;
        return true;

    case KECS_F_U64:
    case KECS_F_TIME:
        return take_number(in, 8, v);
    }

    return false;
}


kecs_rc_t
kecs_rec_of_key(const kecs_schema_t *s, kecs_str_t key, void *rec)
{
    uint64_t     scope;
    unsigned     i;
    kecs_rec_t  *r;

    r = rec;

    if (!take_number(&key, 4, &scope)) {
        return KECS_CORRUPT;
    }

    r->scope = (uint32_t) scope;

    for (i = 0; i < s->keys; i++) {
        if (!take_key_field(&s->fields[i], &key, rec)) {
            return KECS_CORRUPT;
        }
    }

    return key.len == 0 ? KECS_OK : KECS_CORRUPT;
}


kecs_rc_t
kecs_rec_own_key(const kecs_schema_t *s, kecs_arena_t *a, void *rec)
{
    unsigned     i;
    kecs_str_t  *v;

    for (i = 0; i < s->keys; i++) {

        if (s->fields[i].type != KECS_F_STR) {
            continue;
        }

        v = at(&s->fields[i], rec);
        *v = kecs_strdup(a, *v);

        if (v->data == NULL) {
            return KECS_NOMEM;
        }
    }

    return KECS_OK;
}
