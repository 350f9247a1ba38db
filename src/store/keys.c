/*
 * Ordered keys: numbers big-endian, strings ended by NUL, so that bytes
 * compare as the values do.  A string that holds NUL itself would break the
 * order and fails the key.  Pure functions; the caller owns the key.
 */

#include "store.h"


void
kecs_key_init(kecs_key_t *k)
{
    k->len = 0;
    k->failed = false;
}


void
kecs_key_bytes(kecs_key_t *k, const void *p, size_t n)
{
    if (k->failed || n > sizeof(k->data) - k->len) {
        k->failed = true;
        return;
    }

    if (n != 0) {
        memcpy(k->data + k->len, p, n);
        k->len += n;
    }
}


static void
key_number(kecs_key_t *k, uint64_t n, size_t bytes)
{
    size_t   i;
    uint8_t  b[8];

    for (i = 0; i < bytes; i++) {
        b[i] = (uint8_t) (n >> (8 * (bytes - 1 - i)));
    }

    kecs_key_bytes(k, b, bytes);
}


void
kecs_key_u8(kecs_key_t *k, uint8_t n)
{
    key_number(k, n, 1);
}


void
kecs_key_u32(kecs_key_t *k, uint32_t n)
{
    key_number(k, n, 4);
}


void
kecs_key_u64(kecs_key_t *k, uint64_t n)
{
    key_number(k, n, 8);
}


void
kecs_key_str(kecs_key_t *k, kecs_str_t s)
{
    if (s.len != 0 && memchr(s.data, '\0', s.len) != NULL) {
        k->failed = true;
        return;
    }

    kecs_key_bytes(k, s.data, s.len);
    kecs_key_u8(k, 0);
}
