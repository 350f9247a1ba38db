/*
 * The growing buffer.  It doubles; in an arena the old bytes stay behind
 * until the arena goes, on the heap they are freed.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "buf.h"


void
kecs_buf_init(kecs_buf_t *b, kecs_arena_t *arena, size_t cap)
{
    memset(b, 0, sizeof(kecs_buf_t));

    b->arena = arena;
    b->cap = cap ? cap : KECS_BUF_CAP;
}


void
kecs_buf_free(kecs_buf_t *b)
{
    if (b->arena == NULL) {
        free(b->data);
    }

    b->data = NULL;
    b->len = 0;
    b->size = 0;
}


static bool
grow(kecs_buf_t *b, size_t need)
{
    char    *p;
    size_t   size;

    size = b->size ? b->size : 512;

    while (size < need) {
        size *= 2;
    }

    if (b->arena == NULL) {
        p = realloc(b->data, size);

    } else {
        p = kecs_alloc(b->arena, size);

        if (p != NULL && b->len != 0) {
            memcpy(p, b->data, b->len);
        }
    }

    if (p == NULL) {
        return false;
    }

    b->data = p;
    b->size = size;

    return true;
}


char *
kecs_buf_reserve(kecs_buf_t *b, size_t len)
{
    if (b->failed) {
        return NULL;
    }

    if (len > b->cap - b->len
        || (b->size - b->len < len && !grow(b, b->len + len)))
    {
        b->failed = true;
        return NULL;
    }

    return b->data + b->len;
}


void
kecs_buf_printf(kecs_buf_t *b, const char *fmt, ...)
{
    int      n;
    char    *p;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);

    p = n < 0 ? NULL : kecs_buf_reserve(b, (size_t) n + 1);

    if (p == NULL) {
        b->failed = true;
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(p, (size_t) n + 1, fmt, args);
    va_end(args);

    b->len += (size_t) n;
}


void
kecs_buf_u64(kecs_buf_t *b, uint64_t n)
{
    char  text[KECS_DIGITS_MAX];

    kecs_buf_str(b, kecs_digits(n, text));
}


void
kecs_buf_i64(kecs_buf_t *b, int64_t n)
{
    uint64_t  u;

    u = (uint64_t) n;

    if (n < 0) {
        kecs_buf_chr(b, '-');
        u = 0 - u;
    }

    kecs_buf_u64(b, u);
}
