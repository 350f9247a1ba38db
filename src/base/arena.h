/*
 * Arena: memory of one request (or one reconciler step), freed as a whole.
 * Not thread-safe: one owner at a time.  Allocation may fail (NULL), which
 * every caller handles as KECS_NOMEM; tests make the Nth allocation fail
 * through kecs_arena_fail_after().
 */

#ifndef KECS_ARENA_H
#define KECS_ARENA_H


#include "rc.h"
#include "str.h"


typedef struct kecs_arena_s  kecs_arena_t;


/* An arena with chunks of `chunk` bytes (0: 4096).  NULL: out of memory. */
kecs_arena_t *kecs_arena_create(size_t chunk);

/* Frees everything, the arena included.  NULL is fine. */
void kecs_arena_destroy(kecs_arena_t *a);

/* Forgets all allocations and keeps the first chunk for reuse. */
void kecs_arena_reset(kecs_arena_t *a);

/* The same, and nothing of what was in it is left in memory. */
void kecs_arena_wipe(kecs_arena_t *a);

/*
 * `size` bytes aligned for any type, uninitialised / zeroed.  A size of 0
 * gives a valid pointer.  NULL: out of memory or over the arena's limit.
 */
void *kecs_alloc(kecs_arena_t *a, size_t size);
void *kecs_zalloc(kecs_arena_t *a, size_t size);

/* n elements of `size` bytes, zeroed; the product is checked. */
void *kecs_calloc(kecs_arena_t *a, size_t n, size_t size);

/* A copy with a terminating NUL behind it; data == NULL: out of memory. */
kecs_str_t kecs_strdup(kecs_arena_t *a, kecs_str_t s);

/* n strings one behind the other; data == NULL: out of memory. */
kecs_str_t kecs_concat(kecs_arena_t *a, const kecs_str_t *parts, size_t n);

/* printf into the arena; data == NULL: out of memory. */
kecs_str_t kecs_sprintf(kecs_arena_t *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Refuse to grow over `bytes` in all (0: no limit). */
void kecs_arena_limit(kecs_arena_t *a, size_t bytes);

/* Bytes taken from the system so far. */
size_t kecs_arena_size(const kecs_arena_t *a);

/* For tests: the n-th allocation from now on fails (0: never). */
void kecs_arena_fail_after(kecs_arena_t *a, unsigned n);


#endif
