/*
 * Source of ids.  A seeded one is deterministic (simulation, tests); one
 * seeded from the system is not predictable (ids appear in ARNs, request
 * ids, tokens).  Not thread-safe: one per thread or per call.
 */

#ifndef KECS_RAND_H
#define KECS_RAND_H


#include "rc.h"
#include "str.h"


#define KECS_RAND_POOL  512

typedef struct {
    uint64_t  s[4];
    bool      seeded;
    size_t    left;                     /* bytes of the pool not yet drawn */
    uint8_t   pool[KECS_RAND_POOL];     /* from the system, used once */
} kecs_rand_t;


/* Deterministic; any seed is fine. */
void kecs_rand_seed(kecs_rand_t *r, uint64_t seed);

/*
 * From the system's generator, a pool at a time.  Not to be used across a
 * fork: both processes would draw the same bytes.
 */
kecs_rc_t kecs_rand_system(kecs_rand_t *r);

void kecs_rand_bytes(kecs_rand_t *r, void *out, size_t n);
uint64_t kecs_rand_u64(kecs_rand_t *r);

/* 0 .. n - 1 without bias; n > 0. */
uint64_t kecs_rand_below(kecs_rand_t *r, uint64_t n);

/* Random (version 4) UUID with dashes; out takes 37 bytes. */
#define KECS_UUID_LEN  36
void kecs_rand_uuid(kecs_rand_t *r, char *out);


#endif
