/*
 * Hash table with chains.  It doubles when there is one node per slot; the
 * slots are on the heap, the nodes belong to the caller.
 */

#include <stdlib.h>

#include "hashtab.h"


#define FIRST_SIZE  64


static void
link_node(kecs_node_t **slots, size_t size, kecs_node_t *node)
{
    kecs_node_t  **slot;

    slot = &slots[node->hash & (size - 1)];
    node->next = *slot;
    *slot = node;
}


static kecs_rc_t
grow(kecs_hashtab_t *t)
{
    size_t         i, size;
    kecs_node_t   *node, *next, **slots;

    size = t->size ? 2 * t->size : FIRST_SIZE;

    slots = calloc(size, sizeof(*slots));
    if (slots == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < t->size; i++) {
        for (node = t->slots[i]; node != NULL; node = next) {
            next = node->next;
            link_node(slots, size, node);
        }
    }

    free(t->slots);
    t->slots = slots;
    t->size = size;

    return KECS_OK;
}


kecs_rc_t
kecs_hashtab_add(kecs_hashtab_t *t, kecs_node_t *node, uint64_t hash)
{
    if (t->n >= t->size && grow(t) != KECS_OK && t->size == 0) {
        return KECS_NOMEM;
    }

    node->hash = hash;
    link_node(t->slots, t->size, node);
    t->n++;

    return KECS_OK;
}


void
kecs_hashtab_remove(kecs_hashtab_t *t, kecs_node_t *node)
{
    kecs_node_t  **p;

    if (t->size == 0) {
        return;
    }

    for (p = &t->slots[node->hash & (t->size - 1)];
         *p != NULL;
         p = &(*p)->next)
    {
        if (*p == node) {
            *p = node->next;
            node->next = NULL;
            t->n--;
            return;
        }
    }
}


static kecs_node_t *
seek(kecs_node_t *node, uint64_t hash)
{
    while (node != NULL && node->hash != hash) {
        node = node->next;
    }

    return node;
}


kecs_node_t *
kecs_hashtab_find(const kecs_hashtab_t *t, uint64_t hash)
{
    return t->size == 0 ? NULL : seek(t->slots[hash & (t->size - 1)], hash);
}


kecs_node_t *
kecs_hashtab_same(const kecs_node_t *node)
{
    return seek(node->next, node->hash);
}


void
kecs_hashtab_free(kecs_hashtab_t *t)
{
    free(t->slots);
    memset(t, 0, sizeof(*t));
}


/* FNV-1a, with the high bits mixed into the low ones. */

uint64_t
kecs_hashtab_hash(const void *data, size_t len)
{
    size_t                i;
    uint64_t              h;
    const unsigned char  *p;

    p = data;
    h = 14695981039346656037ULL;

    for (i = 0; i < len; i++) {
        h = (h ^ p[i]) * 1099511628211ULL;
    }

    return h ^ (h >> 29);
}
