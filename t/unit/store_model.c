/*
 * Randomised operations against a model in memory: puts and deletes of tasks,
 * services, clusters and tokens in nested transactions, some of them
 * aborted, some outer ones too.  After each outer transaction counters and
 * lists are compared with the model, at the end of each seed the check must
 * find nothing and the log, replayed from the start, must give the model.
 *
 * KECS_SEED runs one seed only.
 */

#define _GNU_SOURCE

#include "../../src/base/rand.h"
#include "store_kit.h"


#define TASKS     60
#define SERVICES  6
#define SEEDS     12
#define STEPS     120

typedef struct {
    bool         there;
    kecs_task_t  task;
    unsigned     part;                  /* what its part says */
} model_task_t;

typedef struct {
    bool            there;
    kecs_service_t  service;
} model_service_t;

typedef struct {
    model_task_t     task[TASKS];
    model_service_t  service[SERVICES];
} model_t;

static kecs_rand_t    rnd;
static kecs_arena_t  *arena;
static kecs_store_t  *store;

static const char *const  starters[] = { "", "ops", "ecs-svc/1" };
static const char *const  families[] = { "web", "web-2", "job" };
static const char *const  parts[] = { "[]", "[{\"a\":1}]", "[1,2,3]" };


static unsigned
below(unsigned n)
{
    return (unsigned) kecs_rand_below(&rnd, n);
}


static void
random_task(kecs_task_t *t, unsigned n)
{
    kit_task(t, n);
    t->cluster = 1 + n % 2;
    t->service = n % 3 ? 1 + n % SERVICES : 0;
    t->deployment = below(3);
    t->status = (uint8_t) (1 + below(8));
    t->desired = (uint8_t) (1 + below(2));
    t->stopped_at = below(1000);
    t->version = below(3);
    t->family = kecs_str_of(families[below(3)]);
    t->started_by = kecs_str_of(starters[below(3)]);
}


static bool
step_task(kecs_txn_t *txn, model_t *m)
{
    unsigned       n;
    kecs_rc_t      rc;
    kecs_task_t    t;
    model_task_t  *mt;

    n = below(TASKS);
    mt = &m->task[n];

    if (below(4) == 0) {
        kit_task(&t, n);
        t.cluster = 1 + n % 2;
        rc = kecs_del(txn, &t);

        if (rc != (mt->there ? KECS_OK : KECS_NOT_FOUND)) {
            return false;
        }

        mt->there = false;
        return true;
    }

    random_task(&t, n);

    if (!mt->there || below(2)) {
        mt->part = below(3);
        kecs_rec_part(&t.rec, KECS_TASK_CONTAINERS,
                      kecs_str_of(parts[mt->part]));
    }

    mt->there = true;
    mt->task = t;

    return kecs_put(txn, &t) == KECS_OK;
}


static bool
step_service(kecs_txn_t *txn, model_t *m)
{
    unsigned          n;
    kecs_rc_t         rc;
    kecs_service_t    s;
    model_service_t  *ms;

    n = below(SERVICES);
    ms = &m->service[n];

    kit_service(&s, n + 1, kecs_sprintf(arena, "svc-%u", n));
    s.status = (uint8_t) (1 + below(3));
    s.deleted_at = below(1000);

    if (below(5) == 0) {
        rc = kecs_del(txn, &s);

        if (rc != (ms->there ? KECS_OK : KECS_NOT_FOUND)) {
            return false;
        }

        ms->there = false;
        return true;
    }

    ms->there = true;
    ms->service = s;

    return kecs_put(txn, &s) == KECS_OK;
}


/* One call of a few steps: kept or aborted, in store and model alike. */

static bool
step_call(kecs_txn_t *outer, model_t *m)
{
    bool          ok;
    model_t      *before;
    unsigned      i;
    kecs_rc_t     rc;
    kecs_txn_t   *txn;

    before = kecs_alloc(arena, sizeof(model_t));
    *before = *m;

    rc = below(2) ? kecs_nested_begin(outer, NULL, &txn)
                  : kecs_savepoint_begin(outer, NULL, &txn);

    if (rc != KECS_OK) {
        return false;
    }

    for (i = 0, ok = true; i < 1 + below(5) && ok; i++) {
        ok = below(4) ? step_task(txn, m) : step_service(txn, m);
    }

    if (below(4) == 0) {
        kecs_nested_abort(txn);
        *m = *before;
        return ok;
    }

    return kecs_nested_commit(txn) == KECS_OK && ok;
}


/* Counters as the model has them. */

static void
model_counts(const model_t *m, uint32_t cluster, uint32_t service,
    uint64_t deployment, kecs_counts_t *c)
{
    unsigned               i;
    const kecs_task_t     *t;
    const kecs_service_t  *s;

    memset(c, 0, sizeof(*c));

    for (i = 0; i < TASKS; i++) {
        t = &m->task[i].task;

        if (!m->task[i].there || t->cluster != cluster
            || (service && t->service != service)
            || (deployment && t->deployment != deployment))
        {
            continue;
        }

        c->running += t->status == KECS_TASK_RUNNING;
        c->live += t->status != KECS_TASK_STOPPED;
        c->pending += t->status < KECS_TASK_RUNNING
                      && t->desired == KECS_DESIRED_RUNNING;
    }

    if (service == 0) {
        c->by[KECS_BY_RUNNING][KECS_LAUNCH_FARGATE] = c->running;
        c->by[KECS_BY_PENDING][KECS_LAUNCH_FARGATE] = c->pending;
    }

    for (i = 0; i < SERVICES && service == 0; i++) {
        if (m->service[i].there && cluster == 1) {
            s = &m->service[i].service;
            c->services += s->status == KECS_SERVICE_ACTIVE;
            c->draining += s->status == KECS_SERVICE_DRAINING;
            c->by[KECS_BY_ACTIVE][s->launch] += s->status
                                                == KECS_SERVICE_ACTIVE;
            c->by[KECS_BY_DRAINING][s->launch] += s->status
                                                  == KECS_SERVICE_DRAINING;
        }
    }
}


static bool
same_counts(kecs_txn_t *txn, const model_t *m)
{
    uint64_t       d;
    uint32_t       c, s;
    kecs_counts_t  have, want;

    for (c = 1; c <= 2; c++) {
        for (s = 0; s <= SERVICES; s++) {
            for (d = 0; d < (s ? 3 : 1); d++) {
                model_counts(m, c, s, d, &want);

                if (kecs_counts(txn, 1, c, s, d, &have) != KECS_OK
                    || memcmp(&have, &want, sizeof(have)) != 0)
                {
                    return false;
                }
            }
        }
    }

    return true;
}


/* Number of entries of an index under (cluster, desired, string). */

static unsigned
listed(kecs_txn_t *txn, kecs_index_t index, uint32_t cluster, uint8_t desired,
    const char *name)
{
    unsigned      n;
    kecs_key_t    k;
    kecs_str_t    key;
    kecs_scan_t  *scan;

    kecs_key_init(&k);
    kecs_key_u32(&k, cluster);
    kecs_key_u8(&k, desired);
    kecs_key_str(&k, kecs_str_of(name));

    if (kecs_scan(txn, arena, index, 1, &k, kecs_null_str, below(2), &scan)
        != KECS_OK)
    {
        return 9999;
    }

    for (n = 0; kecs_scan_next(scan, &key, NULL) == KECS_OK; n++) {
        /* count */
    }

    return n;
}


static bool
same_lists(kecs_txn_t *txn, const model_t *m)
{
    uint8_t             d;
    uint32_t            c;
    unsigned            i, f, by_family, by_starter;
    const kecs_task_t  *t;

    for (c = 1; c <= 2; c++) {
        for (d = 1; d <= 2; d++) {
            for (f = 0; f < 3; f++) {
                by_family = 0;
                by_starter = 0;

                for (i = 0; i < TASKS; i++) {
                    t = &m->task[i].task;

                    if (m->task[i].there && t->cluster == c
                        && t->desired == d)
                    {
                        by_family += kecs_str_is(t->family, families[f]);
                        by_starter += f > 0 && kecs_str_is(t->started_by,
                                                           starters[f]);
                    }
                }

                if (listed(txn, KECS_IX_TASK_FAMILY, c, d, families[f])
                    != by_family
                    || listed(txn, KECS_IX_TASK_STARTED_BY, c, d,
                              starters[f]) != by_starter)
                {
                    return false;
                }
            }
        }
    }

    return true;
}


static bool
same_tasks(kecs_txn_t *txn, const model_t *m)
{
    unsigned             i;
    kecs_rc_t            rc;
    kecs_task_t          t;
    const model_task_t  *mt;

    for (i = 0; i < TASKS; i++) {
        mt = &m->task[i];
        kit_task(&t, i);
        t.cluster = 1 + i % 2;
        rc = kecs_get(txn, arena, &t, kecs_part_bit(KECS_TASK_CONTAINERS));

        if (rc != (mt->there ? KECS_OK : KECS_NOT_FOUND)) {
            return false;
        }

        if (mt->there
            && (t.status != mt->task.status || t.desired != mt->task.desired
                || t.version != mt->task.version
                || t.stopped_at != mt->task.stopped_at
                || !kecs_str_eq(t.family, mt->task.family)
                || !kecs_str_is(t.rec.part[KECS_TASK_CONTAINERS],
                                parts[mt->part])))
        {
            return false;
        }
    }

    return true;
}


/* A follower of the log, from the start, ends with the same tasks. */

static bool
same_by_log(kecs_txn_t *txn, const model_t *m)
{
    bool                  there[TASKS];
    unsigned              i;
    uint64_t              seq;
    kecs_rc_t             rc;
    const kecs_task_t    *t;
    kecs_change_entry_t   e;

    memset(there, 0, sizeof(there));

    for (seq = 0; ; seq = e.seq) {
        rc = kecs_log_next(txn, arena, seq, &e);

        if (rc != KECS_OK) {
            break;
        }

        if (e.kind != KECS_TASK) {
            continue;
        }

        t = e.rec;
        i = (unsigned) kecs_be_get(t->id + KECS_ID_LEN - 4, 4);

        /* created only when absent, changed and deleted only when there */

        if (there[i] != (e.change != KECS_CREATED)) {
            return false;
        }

        there[i] = e.change != KECS_DELETED;
    }

    for (i = 0; i < TASKS; i++) {
        if (there[i] != m->task[i].there) {
            return false;
        }
    }

    return rc == KECS_DONE;
}


/* One outer transaction of some calls. */

static bool
batch(model_t *m)
{
    bool          ok;
    model_t      *before;
    unsigned      i, n;
    kecs_txn_t   *txn;

    kecs_arena_reset(arena);
    before = kecs_alloc(arena, sizeof(model_t));
    *before = *m;
    txn = kit_write(store);
    n = 1 + below(6);

    for (i = 0, ok = true; i < n && ok; i++) {
        ok = step_call(txn, m);
    }

    ok = ok && same_counts(txn, m) && same_tasks(txn, m);

    if (below(8) == 0) {
        kecs_write_abort(txn);
        *m = *before;

    } else {
        ok = kecs_write_commit(txn) == KECS_OK && ok;
    }

    txn = kit_read(store);
    ok = ok && same_counts(txn, m) && same_lists(txn, m)
         && same_tasks(txn, m);
    kecs_read_end(txn);

    return ok;
}


static void
seeded(uint64_t seed)
{
    bool         ok;
    char         name[32];
    model_t     *m;
    unsigned     i;
    kecs_txn_t  *txn;

    kecs_rand_seed(&rnd, seed);
    (void) snprintf(name, sizeof(name), "seed-%u", (unsigned) seed);
    store = kit_open_at(kit_path(name));
    m = calloc(1, sizeof(model_t));

    for (i = 0, ok = true; i < STEPS && ok; i++) {
        ok = batch(m);

        if (i == STEPS / 2) {
            kecs_store_close(store);
            store = kit_open_at(kit_path(name));
        }
    }

    tap_ok(ok, "seed %u: %u transactions agree with the model",
           (unsigned) seed, i);
    txn = kit_read(store);
    tap_ok(same_by_log(txn, m), "seed %u: so does the log",
           (unsigned) seed);
    kecs_read_end(txn);
    tap_is_int(kit_defects(store, true), 0, "seed %u: the store is sound",
               (unsigned) seed);

    kecs_store_close(store);
    kit_remove(kit_path(name));
    free(m);
}


int
main(void)
{
    uint64_t     seed;
    const char  *only;

    kit_begin();
    arena = kecs_arena_create(0);
    only = getenv("KECS_SEED");

    if (only != NULL) {
        seeded(strtoull(only, NULL, 10));

    } else {
        for (seed = 1; seed <= SEEDS; seed++) {
            seeded(seed);
        }
    }

    kecs_arena_destroy(arena);

    return kit_end();
}
