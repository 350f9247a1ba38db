/*
 * What older releases did not derive, made up for once: when a store of
 * theirs is opened for writing, in the transaction that opens its databases.
 * Marks in "meta" say what is done; a new store gets them at once.
 *
 * So far that is the counts by launch type of clusters, what the tasks on
 * container instances take of them, and the names of clusters and services
 * whose deletion the log tells of.
 */

#include "store_impl.h"


/* The sum for one cluster; entries come ordered by scope and cluster. */
typedef struct {
    uint32_t       scope;
    uint32_t       cluster;             /* 0: none yet */
    kecs_counts_t  counts;
} tally_t;


bool
kecs_upgraded(kecs_txn_t *txn, kecs_str_t mark)
{
    kecs_str_t  v;

    return kecs_db_get(txn, KECS_DB_META, mark, &v) == KECS_OK;
}


static kecs_rc_t
add_counts(kecs_txn_t *txn, uint32_t scope, const kecs_contribution_t *at)
{
    uint8_t        value[KECS_COUNTS_MAX_LEN];
    size_t         len;
    kecs_rc_t      rc;
    kecs_key_t     k;
    kecs_counts_t  c;

    rc = kecs_counts(txn, scope, at->cluster, at->service, at->deployment,
                     &c);

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_counts_add(&c, &at->counts);
    kecs_counter_key(&k, scope, at->cluster, at->service, at->deployment);
    len = kecs_counts_pack(&c, value);

    return kecs_db_put(txn, KECS_DB_COUNTER, kecs_key_view(&k),
                       kecs_str_n(value, len), 0);
}


static kecs_rc_t
tally_write(kecs_txn_t *txn, tally_t *t)
{
    kecs_contribution_t  at;

    memset(&at, 0, sizeof(at));
    at.cluster = t->cluster;
    at.counts = t->counts;

    return t->cluster != 0 ? add_counts(txn, t->scope, &at) : KECS_OK;
}


/* Adds what the record counts for by launch type, and nothing else. */

static kecs_rc_t
tally_add(kecs_txn_t *txn, tally_t *t, const kecs_any_t *rec)
{
    unsigned        i, k;
    kecs_rc_t       rc;
    kecs_counts_t   by;
    kecs_derived_t  d;

    kecs_derive(rec, &d);

    for (i = 0; i < d.counts; i++) {
        if (d.count[i].service != 0) {
            continue;
        }

        if (rec->rec.scope != t->scope || d.count[i].cluster != t->cluster) {
            rc = tally_write(txn, t);

            if (rc != KECS_OK) {
                return rc;
            }

            memset(t, 0, sizeof(*t));
            t->scope = rec->rec.scope;
            t->cluster = d.count[i].cluster;
        }

        memset(&by, 0, sizeof(by));

        for (k = 0; k < KECS_BY_ROWS; k++) {
            memcpy(by.by[k], d.count[i].counts.by[k], sizeof(by.by[k]));
        }

        kecs_counts_add(&t->counts, &by);
    }

    return KECS_OK;
}


/* Adds what it takes of its instance. */

static kecs_rc_t
placed_add(kecs_txn_t *txn, tally_t *t, const kecs_any_t *rec)
{
    unsigned        i;
    kecs_rc_t       rc;
    kecs_derived_t  d;

    (void) t;
    kecs_derive(rec, &d);

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < d.counts; i++) {
        if (d.count[i].service >= KECS_COUNT_GROUP) {
            rc = add_counts(txn, rec->rec.scope, &d.count[i]);
        }
    }

    return rc;
}


typedef kecs_rc_t (*add_pt)(kecs_txn_t *txn, tally_t *t,
    const kecs_any_t *rec);

static kecs_rc_t
count_index(kecs_txn_t *txn, kecs_arena_t *a, kecs_index_t index, add_pt add)
{
    char           first;
    tally_t        t;
    kecs_rc_t      rc;
    kecs_any_t     rec;
    kecs_str_t     k, v;
    MDB_cursor_op  op;

    memset(&t, 0, sizeof(t));
    first = (char) index;
    k = kecs_str_n(&first, 1);

    for (op = MDB_SET_RANGE; ; op = MDB_NEXT) {
        rc = kecs_db_step(txn, KECS_DB_INDEX, 0, op, &k, &v);

        if (rc != KECS_OK || k.data[0] != first) {
            break;
        }

        kecs_arena_reset(a);
        rc = kecs_ref_read(v, &rec);

        if (rc == KECS_OK) {
            rc = kecs_get(txn, a, &rec, 0);
        }

        if (rc == KECS_OK) {
            rc = add(txn, &t, &rec);
        }

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return rc == KECS_OK || rc == KECS_NOT_FOUND ? tally_write(txn, &t) : rc;
}


static kecs_rc_t
upgrade_launches(kecs_txn_t *txn, kecs_arena_t *a)
{
    kecs_rc_t  rc;

    rc = count_index(txn, a, KECS_IX_TASK_LIVE, tally_add);

    return rc == KECS_OK
           ? count_index(txn, a, KECS_IX_SERVICE_LIVE, tally_add) : rc;
}


static kecs_rc_t
upgrade_placed(kecs_txn_t *txn, kecs_arena_t *a)
{
    return count_index(txn, a, KECS_IX_TASK_LIVE, placed_add);
}


static kecs_rc_t
upgrade_names(kecs_txn_t *txn, kecs_arena_t *a)
{
    uint64_t             seq, last;
    kecs_rc_t            rc;
    kecs_change_entry_t  e;

    rc = kecs_log_bounds(txn, &seq, &last);

    for ( ; rc == KECS_OK && seq != 0 && seq <= last; seq++) {
        kecs_arena_reset(a);
        rc = kecs_log_next(txn, a, seq - 1, &e);

        if (rc == KECS_TOO_NEW || rc == KECS_CORRUPT) {
            rc = KECS_OK;               /* as whoever reads it will see */

        } else if (rc == KECS_OK && e.change == KECS_DELETED) {
            rc = kecs_names_deleted(txn, e.rec, seq);
        }
    }

    kecs_db_rest(txn, KECS_DB_LOG);

    return rc;
}


kecs_rc_t
kecs_upgrade(kecs_store_t *s, MDB_txn *mdb)
{
    size_t         i;
    kecs_rc_t      rc;
    kecs_txn_t     txn;
    kecs_arena_t  *a;

    const struct {
        kecs_str_t   mark;
        kecs_rc_t  (*upgrade)(kecs_txn_t *txn, kecs_arena_t *a);
    } steps[] = {
        { KECS_META_LAUNCHES, upgrade_launches },
        { KECS_META_PLACED, upgrade_placed },
        { KECS_META_NAMES, upgrade_names }
    };

    kecs_txn_init(&txn, s, mdb, true);
    a = kecs_arena_create(0);

    if (a == NULL) {
        return KECS_NOMEM;
    }

    rc = KECS_OK;

    for (i = 0; rc == KECS_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (kecs_upgraded(&txn, steps[i].mark)) {
            continue;
        }

        rc = steps[i].upgrade(&txn, a);
        kecs_db_rest(&txn, KECS_DB_INDEX);

        if (rc == KECS_OK) {
            rc = kecs_db_put(&txn, KECS_DB_META, steps[i].mark,
                             kecs_str("1"), 0);
        }
    }

    kecs_arena_destroy(a);

    return rc;
}
