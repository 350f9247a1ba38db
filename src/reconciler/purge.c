/*
 * Task definitions that were deleted: they stay while something uses them,
 * a task that is not STOPPED, a service, a deployment or a task set.  No
 * new use can begin but through one that is there already, so what was
 * found unused in a read transaction still is when it is removed.
 *
 * Memory: one arena of its own per look, emptied as it walks.
 */

#include "reconciler.h"


#define STRETCH  256            /* records between two resets */

typedef struct {
    kecs_txn_t        *txn;
    kecs_arena_t      *arena;
    const kecs_any_t  *items;
    unsigned           n;
    bool              *used;
} look_t;


/* The task definition that a record names; false: it is no user. */

static bool
definition_of(const kecs_any_t *rec, kecs_str_t *family, uint32_t *revision)
{
    switch (rec->rec.kind) {

    case KECS_TASK:
        *family = rec->task.family;
        *revision = rec->task.revision;
        return true;

    case KECS_SERVICE:
        *family = rec->service.family;
        *revision = rec->service.revision;
        return true;

    case KECS_DEPLOYMENT:
        *family = rec->deployment.family;
        *revision = rec->deployment.revision;
        return true;

    case KECS_TASK_SET:
        *family = rec->task_set.family;
        *revision = rec->task_set.revision;
        return true;

    default:
        return false;
    }
}


static void
mark(look_t *l, const kecs_any_t *rec)
{
    unsigned               i;
    uint32_t               revision;
    kecs_str_t             family;
    const kecs_taskdef_t  *t;

    if (!definition_of(rec, &family, &revision)) {
        return;
    }

    for (i = 0; i < l->n; i++) {
        t = &l->items[i].taskdef;

        if (t->rec.kind == KECS_TASKDEF && t->revision == revision
            && t->rec.scope == rec->rec.scope
            && kecs_str_eq(t->family, family))
        {
            l->used[i] = true;
        }
    }
}


static kecs_rc_t
walk_stretch(look_t *l, kecs_scan_t *scan, kecs_key_t *after)
{
    unsigned    i;
    kecs_rc_t   rc;
    kecs_any_t  rec;
    kecs_str_t  key;

    rc = KECS_OK;

    for (i = 0; rc == KECS_OK && i < STRETCH; i++) {
        rc = kecs_scan_next(scan, &key, &rec);

        if (rc == KECS_OK) {
            kecs_key_init(after);
            kecs_key_bytes(after, key.data, key.len);
            rc = kecs_get(l->txn, l->arena, &rec, 0);
        }

        if (rc == KECS_OK) {
            mark(l, &rec);
        }
    }

    return rc;
}


/* All records behind an index (0: of a kind), in all scopes. */

static kecs_rc_t
walk(look_t *l, kecs_index_t index, kecs_kind_t kind)
{
    kecs_rc_t     rc;
    kecs_key_t    all, after;
    kecs_str_t    from;
    kecs_scan_t  *scan;

    kecs_key_init(&all);
    kecs_key_init(&after);

    do {
        kecs_arena_reset(l->arena);
        from = after.len != 0 ? kecs_str_n(after.data, after.len)
                              : kecs_null_str;

        rc = index != 0
             ? kecs_scan(l->txn, l->arena, index, 0, &all, from, false, &scan)
             : kecs_scan_records(l->txn, l->arena, kind, 0, &all, from,
                                 false, &scan);

        if (rc == KECS_OK) {
            rc = walk_stretch(l, scan, &after);
        }
    } while (rc == KECS_OK);

    return rc == KECS_DONE ? KECS_OK : rc;
}


kecs_rc_t
kecs_purge_look(kecs_txn_t *txn, const kecs_any_t *items, unsigned n,
    bool *used)
{
    look_t     l;
    kecs_rc_t  rc;

    l.txn = txn;
    l.items = items;
    l.n = n;
    l.used = used;
    l.arena = kecs_arena_create(0);

    if (l.arena == NULL) {
        return KECS_NOMEM;
    }

    rc = walk(&l, KECS_IX_SERVICE_LIVE, 0);

    if (rc == KECS_OK) {
        rc = walk(&l, KECS_IX_DEPLOYMENT_LIVE, 0);
    }

    if (rc == KECS_OK) {
        rc = walk(&l, 0, KECS_TASK_SET);
    }

    if (rc == KECS_OK) {
        rc = walk(&l, KECS_IX_TASK_LIVE, 0);
    }

    kecs_arena_destroy(l.arena);

    return rc;
}


kecs_rc_t
kecs_purge(kecs_batch_t *b, kecs_taskdef_t *t)
{
    kecs_rc_t      rc;
    kecs_family_t  family;

    memset(&family, 0, sizeof(kecs_family_t));
    family.rec.kind = KECS_FAMILY;
    family.rec.scope = t->rec.scope;
    family.name = t->family;

    rc = kecs_get(b->txn, b->r->arena, &family, 0);

    if (rc == KECS_OK) {
        family.purged++;
        rc = kecs_put(b->txn, &family);
    }

    if (rc == KECS_OK) {
        rc = kecs_del(b->txn, t);
    }

    b->records += 2;

    return rc;
}
