/*
 * Arena: a list of chunks, the newest first; allocation moves a pointer.
 * Large requests get a chunk of their own.  Under AddressSanitizer what is
 * not allocated stays poisoned, with a red zone behind each allocation, so
 * that overruns within a chunk are seen.
 */

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "arena.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(p, n)    ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n)  ASAN_UNPOISON_MEMORY_REGION(p, n)
#define RED_ZONE        16
#else
#define POISON(p, n)    ((void) 0)
#define UNPOISON(p, n)  ((void) 0)
#define RED_ZONE        0
#endif

#define CHUNK  4096
#define ALIGN  alignof(max_align_t)


typedef struct chunk_s  chunk_t;

struct chunk_s {
    chunk_t  *next;
    size_t    size;         /* of data */
    size_t    used;
    alignas(max_align_t) char  data[];
};

struct kecs_arena_s {
    chunk_t   *chunks;      /* the newest first; the last one is kept */
    size_t     chunk;
    size_t     total;
    size_t     limit;
    unsigned   fail_after;
};


static chunk_t *
chunk_new(kecs_arena_t *a, size_t size)
{
    chunk_t  *c;

    if (a->limit != 0 && a->total + size > a->limit) {
        return NULL;
    }

    c = malloc(sizeof(chunk_t) + size);

    if (c == NULL) {
        return NULL;
    }

    c->size = size;
    c->used = 0;
    POISON(c->data, size);
    a->total += size;

    return c;
}


static void
chunk_free(kecs_arena_t *a, chunk_t *c)
{
    a->total -= c->size;
    UNPOISON(c->data, c->size);
    free(c);
}


kecs_arena_t *
kecs_arena_create(size_t chunk)
{
    kecs_arena_t  *a;

    a = calloc(1, sizeof(kecs_arena_t));

    if (a == NULL) {
        return NULL;
    }

    a->chunk = chunk ? chunk : CHUNK;

    return a;
}


void
kecs_arena_destroy(kecs_arena_t *a)
{
    chunk_t  *c;

    if (a == NULL) {
        return;
    }

    while (a->chunks != NULL) {
        c = a->chunks;
        a->chunks = c->next;
        chunk_free(a, c);
    }

    free(a);
}


void
kecs_arena_reset(kecs_arena_t *a)
{
    chunk_t  *c;

    while (a->chunks != NULL && a->chunks->next != NULL) {
        c = a->chunks;
        a->chunks = c->next;
        chunk_free(a, c);
    }

    if (a->chunks != NULL) {
        a->chunks->used = 0;
        POISON(a->chunks->data, a->chunks->size);
    }
}


void
kecs_arena_wipe(kecs_arena_t *a)
{
    chunk_t  *c;

    for (c = a->chunks; c != NULL; c = c->next) {
        UNPOISON(c->data, c->size);
        explicit_bzero(c->data, c->used);
    }

    kecs_arena_reset(a);
}


/* The chunk to allocate from: the newest, or a new one. */

static chunk_t *
chunk_for(kecs_arena_t *a, size_t need)
{
    chunk_t  *c;

    c = a->chunks;

    if (c != NULL && need <= c->size - c->used) {
        return c;
    }

    if (c != NULL && need > a->chunk / 2) {

        /* one of its own, behind the newest, which stays in use */

        c = chunk_new(a, need);

        if (c != NULL) {
            c->next = a->chunks->next;
            a->chunks->next = c;
        }

        return c;
    }

    c = chunk_new(a, need > a->chunk ? need : a->chunk);

    if (c != NULL) {
        c->next = a->chunks;
        a->chunks = c;
    }

    return c;
}


void *
kecs_alloc(kecs_arena_t *a, size_t size)
{
    char     *p;
    size_t    need;
    chunk_t  *c;

    if (a->fail_after != 0 && --a->fail_after == 0) {
        return NULL;
    }

    if (size > SIZE_MAX / 2) {
        return NULL;
    }

    need = (size + RED_ZONE + ALIGN - 1) / ALIGN * ALIGN;
    need = need ? need : ALIGN;

    c = chunk_for(a, need);

    if (c == NULL) {
        return NULL;
    }

    p = c->data + c->used;
    c->used += need;
    UNPOISON(p, size ? size : 1);

    return p;
}


void *
kecs_zalloc(kecs_arena_t *a, size_t size)
{
    void  *p;

    p = kecs_alloc(a, size);

    if (p != NULL) {
        memset(p, 0, size);
    }

    return p;
}


void *
kecs_calloc(kecs_arena_t *a, size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / 2 / size) {
        return NULL;
    }

    return kecs_zalloc(a, n * size);
}


kecs_str_t
kecs_strdup(kecs_arena_t *a, kecs_str_t s)
{
    char  *p;

    p = kecs_alloc(a, s.len + 1);

    if (p == NULL) {
        return kecs_null_str;
    }

    if (s.len != 0) {
        memcpy(p, s.data, s.len);
    }

    p[s.len] = '\0';

    return kecs_str_n(p, s.len);
}


kecs_str_t
kecs_concat(kecs_arena_t *a, const kecs_str_t *parts, size_t n)
{
    char    *p;
    size_t   i, len;

    for (i = 0, len = 0; i < n; i++) {
        len += parts[i].len;
    }

    p = kecs_alloc(a, len + 1);

    if (p == NULL) {
        return kecs_null_str;
    }

    for (i = 0, len = 0; i < n; i++) {
        if (parts[i].len != 0) {
            memcpy(p + len, parts[i].data, parts[i].len);
            len += parts[i].len;
        }
    }

    p[len] = '\0';

    return kecs_str_n(p, len);
}


kecs_str_t
kecs_sprintf(kecs_arena_t *a, const char *fmt, ...)
{
    int      n;
    char    *p;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);

    p = n < 0 ? NULL : kecs_alloc(a, (size_t) n + 1);

    if (p == NULL) {
        return kecs_null_str;
    }

    va_start(args, fmt);
    (void) vsnprintf(p, (size_t) n + 1, fmt, args);
    va_end(args);

    return kecs_str_n(p, (size_t) n);
}


void
kecs_arena_limit(kecs_arena_t *a, size_t bytes)
{
    a->limit = bytes;
}


size_t
kecs_arena_size(const kecs_arena_t *a)
{
    return a->total;
}


void
kecs_arena_fail_after(kecs_arena_t *a, unsigned n)
{
    a->fail_after = n;
}
