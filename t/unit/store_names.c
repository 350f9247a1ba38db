/*
 * Names of clusters and services that are gone: as long as something is
 * left of them or the log speaks of them, and no longer.
 */

#define _GNU_SOURCE

#include "store_kit.h"


static kecs_arena_t  *arena;


/* "-": there is none. */

static kecs_str_t
name_of(kecs_store_t *s, uint32_t service)
{
    kecs_rc_t    rc;
    kecs_str_t   name;
    kecs_txn_t  *txn;

    txn = kit_read(s);
    rc = kecs_name_of(txn, arena, 1, 1, service, &name);
    kecs_read_end(txn);

    return rc == KECS_OK ? name : kecs_str("-");
}


static void
names_are(kecs_store_t *s, const char *cluster, const char *service,
    const char *what)
{
    tap_is_str(name_of(s, 0), cluster, "%s: the cluster", what);
    tap_is_str(name_of(s, 7), service, "%s: the service", what);
    tap_is_int(kit_defects(s, true), 0, "%s: the store is sound", what);
}


static void
deployment(kecs_deployment_t *d, uint64_t id)
{
    memset(d, 0, sizeof(*d));
    d->rec.kind = KECS_DEPLOYMENT;
    d->rec.scope = 1;
    d->cluster = 1;
    d->service = 7;
    d->id = id;
    d->status = KECS_DEPLOYMENT_INACTIVE;
    d->family = kecs_str("web");
    d->revision = 1;
}


static void
fill(kecs_store_t *s)
{
    kecs_txn_t         *txn;
    kecs_task_t         t;
    kecs_cluster_t      c;
    kecs_service_t      v;
    kecs_deployment_t   d;

    txn = kit_write(s);
    kit_cluster(&c, 1, kecs_str("shop"));
    kit_service(&v, 7, kecs_str("web"));
    kit_task(&t, 1);
    deployment(&d, 70);
    tap_ok(kecs_put(txn, &c) == KECS_OK && kecs_put(txn, &v) == KECS_OK
           && kecs_put(txn, &t) == KECS_OK && kecs_put(txn, &d) == KECS_OK
           && kecs_write_commit(txn) == KECS_OK, "records");
    names_are(s, "shop", "web", "there");
    tap_is_str(name_of(s, 8), "-", "another service");
}


static void
delete(kecs_store_t *s, void *rec, const char *what)
{
    kecs_rc_t    rc;
    kecs_txn_t  *txn;

    txn = kit_write(s);
    rc = kecs_del(txn, rec);

    if (rc == KECS_OK) {
        rc = kecs_write_commit(txn);
    }

    tap_is_int(rc, KECS_OK, "%s is deleted", what);
}


/* Something that the log ends with; all before it is dropped. */

static void
trim(kecs_store_t *s, unsigned n)
{
    unsigned         dropped;
    kecs_rc_t        rc;
    kecs_txn_t      *txn;
    kecs_cluster_t   c;

    txn = kit_write(s);
    kit_cluster(&c, 100 + n, kecs_sprintf(arena, "other-%u", n));
    rc = kecs_put(txn, &c);

    if (rc == KECS_OK) {
        rc = kecs_log_trim(txn, KIT_NOW, 1, 1000, &dropped);
    }

    if (rc == KECS_OK) {
        rc = kecs_write_commit(txn);
    }

    tap_is_int(rc, KECS_OK, "the log is trimmed");
}


static void
gone(kecs_store_t *s)
{
    kecs_task_t         t;
    kecs_cluster_t      c;
    kecs_service_t      v;
    kecs_deployment_t   d;

    kit_cluster(&c, 1, kecs_null_str);
    kit_service(&v, 7, kecs_null_str);
    kit_task(&t, 1);
    deployment(&d, 70);

    delete(s, &v, "the service");
    delete(s, &c, "the cluster");
    names_are(s, "shop", "web", "gone");
    trim(s, 0);
    names_are(s, "shop", "web", "with a deployment and a task left");
    delete(s, &d, "the deployment");
    names_are(s, "shop", "web", "the deployment is in the log");
    trim(s, 1);
    names_are(s, "shop", "-", "with a task left");
    delete(s, &t, "the task");
    names_are(s, "shop", "-", "the task is in the log");
    trim(s, 2);
    names_are(s, "-", "-", "forgotten");
}


/* What an older release leaves: deletions in the log, and no names. */

static void
forget(kecs_store_t *s)
{
    kecs_txn_t  *txn;
    kecs_str_t   k, v;

    txn = kit_write(s);

    for (k = kecs_str("g");
         kecs_db_step(txn, KECS_DB_SCOPE, 0, MDB_SET_RANGE, &k, &v)
             == KECS_OK && k.data[0] == 'g';
         k = kecs_str("g"))
    {
        (void) kecs_db_del(txn, KECS_DB_SCOPE, kecs_strdup(arena, k));
    }

    kecs_db_rest(txn, KECS_DB_SCOPE);
    (void) kecs_db_del(txn, KECS_DB_META, KECS_META_NAMES);
    (void) kecs_write_commit(txn);
}


static kecs_store_t *
older(kecs_store_t *s)
{
    kecs_cluster_t  c;
    kecs_service_t  v;

    fill(s);
    kit_cluster(&c, 1, kecs_null_str);
    kit_service(&v, 7, kecs_null_str);
    delete(s, &v, "the service");
    delete(s, &c, "the cluster");
    forget(s);
    names_are(s, "-", "-", "without the names");
    kecs_store_close(s);

    s = kit_open();
    names_are(s, "shop", "web", "opened");

    return s;
}


/* An abort of what is nested takes the name back. */

static void
aborted(kecs_store_t *s)
{
    kecs_txn_t      *txn, *nested;
    kecs_cluster_t   c;

    fill(s);
    txn = kit_write(s);
    kit_cluster(&c, 1, kecs_null_str);
    (void) kecs_savepoint_begin(txn, NULL, &nested);
    (void) kecs_del(nested, &c);
    kecs_nested_abort(nested);
    tap_is_int(kecs_write_commit(txn), KECS_OK, "committed without it");
    names_are(s, "shop", "web", "there after all");
}


static void
malformed(kecs_store_t *s)
{
    kecs_txn_t  *txn;

    txn = kit_write(s);
    (void) kecs_db_put(txn, KECS_DB_SCOPE, kecs_str("gone"), kecs_str("x"),
                       0);
    (void) kecs_write_commit(txn);
    tap_is_int(kit_defects(s, false), 1, "a malformed entry is a defect");
}


static void
with_store(const char *what, void (*test)(kecs_store_t *s))
{
    kecs_store_t  *s;

    s = kit_open();
    printf("# %s\n", what);
    test(s);
    kecs_store_close(s);
    kit_remove(kit_path("store"));
}


static void
all_gone(kecs_store_t *s)
{
    fill(s);
    gone(s);
}


int
main(void)
{
    kit_begin();
    arena = kecs_arena_create(0);

    with_store("gone", all_gone);
    with_store("aborted", aborted);
    with_store("malformed", malformed);

    kecs_store_close(older(kit_open()));

    kecs_arena_destroy(arena);

    return kit_end();
}
