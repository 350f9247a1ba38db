/*
 * How full the map is.  In use are the pages ever handed out (the last page
 * number, which LMDB tells for nothing) less those on its free list; pages
 * that are free but still seen by an old reader count as free, since they
 * come back by themselves.
 *
 * The free list holds one entry per transaction that freed pages, each
 * beginning with its number of pages, so adding up reads one word per entry.
 * That is only done when the last page number alone does not settle the
 * question, and at most once per commit and, when the list is long, once per
 * KECS_FREE_TTL; the result is kept in atomics, so any thread may ask.
 */

#include "store_impl.h"


#define FREE_DBI        0
#define KECS_FREE_TTL   500             /* msec a long walk is trusted */
#define LONG_WALK       1000


/* Adds the free list up; the number of its entries. */

static unsigned
free_walk(kecs_store_t *s, uint64_t *pages)
{
    int          err;
    unsigned     n;
    MDB_val      k, v;
    MDB_txn     *mdb;
    MDB_cursor  *cursor;

    n = 0;
    *pages = 0;

    if (mdb_txn_begin(s->env, NULL, MDB_RDONLY, &mdb) != 0) {
        return 0;
    }

    if (mdb_cursor_open(mdb, FREE_DBI, &cursor) == 0) {
        err = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);

        for ( ; err == 0; n++) {
            *pages += *(const size_t *) v.mv_data;
            err = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
        }

        mdb_cursor_close(cursor);
    }

    mdb_txn_abort(mdb);

    return n;
}


static uint64_t
free_pages(kecs_store_t *s, uint64_t txnid)
{
    unsigned   n;
    uint64_t   pages;
    long long  now;

    now = kecs_monotonic();

    if (atomic_load(&s->free_txn) == txnid + 1
        || atomic_load(&s->free_until) > now)
    {
        return atomic_load(&s->free_pages);
    }

    n = free_walk(s, &pages);

    atomic_store(&s->free_pages, pages);
    atomic_store(&s->free_txn, txnid + 1);
    atomic_store(&s->free_until, n > LONG_WALK ? now + KECS_FREE_TTL : 0);

    return pages;
}


uint64_t
kecs_store_used(kecs_store_t *s)
{
    uint64_t     used, spare;
    MDB_envinfo  info;

    if (mdb_env_info(s->env, &info) != 0) {
        return 0;
    }

    used = info.me_last_pgno + 1;
    spare = free_pages(s, info.me_last_txnid);

    return (spare < used ? used - spare : 0) * s->page_size;
}


bool
kecs_store_pressed(kecs_store_t *s)
{
    uint64_t     limit;
    MDB_envinfo  info;

    limit = s->map_size / 10 * 9;

    if (mdb_env_info(s->env, &info) != 0
        || (info.me_last_pgno + 1) * s->page_size <= limit)
    {
        return false;
    }

    return kecs_store_used(s) > limit;
}
