/*
 * A growing byte buffer with a cap, for answers and frames.  It lives in an
 * arena, or on the heap when made with arena NULL (then kecs_buf_free).
 * Errors stick: after one failed append all later ones do nothing, and the
 * writer tests `failed` once at the end.
 */

#ifndef KECS_BUF_H
#define KECS_BUF_H


#include "arena.h"


typedef struct {
    kecs_arena_t  *arena;
    char          *data;
    size_t         len;
    size_t         size;
    size_t         cap;
    bool           failed;
} kecs_buf_t;


/* An empty buffer; cap 0 means KECS_BUF_CAP (64 MiB). */
#define KECS_BUF_CAP  (64u << 20)
void kecs_buf_init(kecs_buf_t *b, kecs_arena_t *arena, size_t cap);

/* Only for heap buffers (arena NULL). */
void kecs_buf_free(kecs_buf_t *b);

void kecs_buf_printf(kecs_buf_t *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void kecs_buf_u64(kecs_buf_t *b, uint64_t n);
void kecs_buf_i64(kecs_buf_t *b, int64_t n);

/* Room for `len` more bytes at data + len, or NULL. */
char *kecs_buf_reserve(kecs_buf_t *b, size_t len);

static inline void
kecs_buf_add(kecs_buf_t *b, const void *data, size_t len)
{
    char  *p;

    if (len == 0) {
        return;
    }

    p = !b->failed && b->size - b->len >= len && b->cap - b->len >= len
        ? b->data + b->len : kecs_buf_reserve(b, len);

    if (p != NULL) {
        memcpy(p, data, len);
        b->len += len;
    }
}


static inline void
kecs_buf_str(kecs_buf_t *b, kecs_str_t s)
{
    kecs_buf_add(b, s.data, s.len);
}


static inline void
kecs_buf_chr(kecs_buf_t *b, char c)
{
    kecs_buf_add(b, &c, 1);
}


/* What has been written so far, valid until the next append. */
static inline kecs_str_t
kecs_buf_view(const kecs_buf_t *b)
{
    return kecs_str_n(b->data ? b->data : "", b->len);
}


#endif
