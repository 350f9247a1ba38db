/*
 * A hash table of nodes that lie inside the caller's own structures, for
 * what daemons keep in memory by id.  It owns no element and compares no
 * key: the caller gets the nodes of one hash and looks itself.  Not
 * thread-safe.
 */

#ifndef KECS_HASHTAB_H
#define KECS_HASHTAB_H


#include "rc.h"
#include "str.h"


typedef struct kecs_node_s  kecs_node_t;

struct kecs_node_s {
    kecs_node_t  *next;
    uint64_t      hash;
};

/* Zeroed it is empty. */
typedef struct {
    kecs_node_t  **slots;
    size_t         size;            /* a power of two */
    size_t         n;
} kecs_hashtab_t;


/* KECS_NOMEM: nothing has changed. */
kecs_rc_t kecs_hashtab_add(kecs_hashtab_t *t, kecs_node_t *node,
    uint64_t hash);
void kecs_hashtab_remove(kecs_hashtab_t *t, kecs_node_t *node);

/* The first node with this hash, and the next one with the same. */
kecs_node_t *kecs_hashtab_find(const kecs_hashtab_t *t, uint64_t hash);
kecs_node_t *kecs_hashtab_same(const kecs_node_t *node);

/* Frees the slots, not the nodes. */
void kecs_hashtab_free(kecs_hashtab_t *t);

/* A hash of bytes, for keys that no stranger chooses. */
uint64_t kecs_hashtab_hash(const void *data, size_t len);


#endif
