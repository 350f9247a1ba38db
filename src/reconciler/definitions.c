/*
 * Decoded task definitions.  Their bodies never change, so they are decoded
 * once and kept, each in an arena of its own, until there are too many.
 */

#include <stdlib.h>

#include "reconciler.h"


#define KEPT  512

typedef struct definition_s  definition_t;

struct definition_s {
    kecs_node_t                        node;        /* first */
    definition_t                      *next;
    kecs_arena_t                      *arena;
    uint32_t                           scope;
    uint32_t                           revision;
    kecs_str_t                         family;
    const kecs_ecs_task_definition_t  *body;
};

struct kecs_definitions_s {
    kecs_hashtab_t   by_name;
    definition_t    *all;
};


kecs_definitions_t *
kecs_definitions_create(void)
{
    return calloc(1, sizeof(kecs_definitions_t));
}


static void
drop_all(kecs_definitions_t *d)
{
    definition_t  *next;

    for ( /* void */ ; d->all != NULL; d->all = next) {
        next = d->all->next;
        kecs_arena_destroy(d->all->arena);
    }

    kecs_hashtab_free(&d->by_name);
}


void
kecs_definitions_destroy(kecs_definitions_t *d)
{
    if (d != NULL) {
        drop_all(d);
        free(d);
    }
}


void
kecs_definitions_trim(kecs_definitions_t *d)
{
    if (d->by_name.n > KEPT) {
        drop_all(d);
    }
}


static uint64_t
hash_of(uint32_t scope, kecs_str_t family, uint32_t revision)
{
    return kecs_hashtab_hash(family.data, family.len)
           ^ ((uint64_t) revision << 32 | scope);
}


static definition_t *
find(kecs_definitions_t *d, uint32_t scope, kecs_str_t family,
    uint32_t revision)
{
    kecs_node_t   *n;
    definition_t  *item;

    for (n = kecs_hashtab_find(&d->by_name, hash_of(scope, family, revision));
         n != NULL;
         n = kecs_hashtab_same(n))
    {
        item = (definition_t *) n;

        if (item->scope == scope && item->revision == revision
            && kecs_str_eq(item->family, family))
        {
            return item;
        }
    }

    return NULL;
}


static kecs_rc_t
load(kecs_txn_t *txn, kecs_arena_t *a, definition_t *item)
{
    void            *body;
    kecs_rc_t        rc;
    kecs_taskdef_t   t;

    memset(&t, 0, sizeof(t));
    t.rec.kind = KECS_TASKDEF;
    t.rec.scope = item->scope;
    t.family = item->family;
    t.revision = item->revision;

    rc = kecs_get(txn, a, &t, kecs_part_bit(KECS_TASKDEF_BODY));
    if (rc != KECS_OK) {
        return rc;
    }

    rc = kecs_shape_load(a, &kecs_ecs_task_definition_shape,
                         t.rec.part[KECS_TASKDEF_BODY], &body);
    item->body = body;

    return rc;
}


kecs_rc_t
kecs_definition_get(kecs_reconciler_t *r, kecs_txn_t *txn, uint32_t scope,
    kecs_str_t family, uint32_t revision,
    const kecs_ecs_task_definition_t **out)
{
    kecs_rc_t      rc;
    kecs_arena_t  *a;
    definition_t  *item;

    item = find(r->definitions, scope, family, revision);

    if (item != NULL) {
        *out = item->body;
        return KECS_OK;
    }

    a = kecs_arena_create(0);
    if (a == NULL) {
        return KECS_NOMEM;
    }

    rc = KECS_NOMEM;
    item = kecs_zalloc(a, sizeof(*item));

    if (item != NULL) {
        item->arena = a;
        item->scope = scope;
        item->revision = revision;
        item->family = kecs_strdup(a, family);
        rc = item->family.data != NULL ? load(txn, a, item) : KECS_NOMEM;
    }

    if (rc == KECS_OK) {
        rc = kecs_hashtab_add(&r->definitions->by_name, &item->node,
                              hash_of(scope, family, revision));
    }

    if (rc != KECS_OK) {
        kecs_arena_destroy(a);
        return rc;
    }

    item->next = r->definitions->all;
    r->definitions->all = item;
    *out = item->body;

    return KECS_OK;
}
