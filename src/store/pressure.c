/*
 * How full the map and the disk are.  In use are the pages ever handed out
 * (the last page number, which LMDB tells for nothing) less those on its free
 * list; pages that are free but still seen by an old reader count as free,
 * since they come back by themselves.
 *
 * The free list holds one entry per transaction that freed pages, each
 * beginning with its number of pages, so adding up reads one word per entry.
 * That is only done when the last page number alone does not settle the
 * question, and at most once per commit and, when the list is long, once per
 * KECS_FREE_TTL; the result is kept in atomics, so any thread may ask.
 *
 * The disk is asked at most once per KECS_DISK_TTL.  Adding stops before it
 * is full to the last block, since what frees room in the map, and what ends
 * a task, may need a few blocks first.
 */

#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store_impl.h"


#define FREE_DBI        0
#define KECS_FREE_TTL   500             /* msec a long walk is trusted */
#define LONG_WALK       1000
#define KECS_DISK_TTL   100
#define DISK_SHORT      (1u << 20)      /* bytes: too few for a batch */


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

    kecs_map_hold(s);

    if (mdb_env_info(s->env, &info) != 0) {
        kecs_map_release(s);
        return 0;
    }

    used = info.me_last_pgno + 1;
    spare = free_pages(s, info.me_last_txnid);
    kecs_map_release(s);

    return (spare < used ? used - spare : 0) * s->page_size;
}


/*
 * File systems that tell nothing (no blocks at all) are never short.  The
 * caller holds the map, or nobody else knows the store yet.
 */

static bool
disk_short(kecs_store_t *s)
{
    int             fd;
    uint64_t        left;
    struct statvfs  fs;

    if (mdb_env_get_fd(s->env, &fd) != 0 || fstatvfs(fd, &fs) != 0
        || fs.f_blocks == 0)
    {
        return false;
    }

    left = geteuid() == 0 ? fs.f_bfree : fs.f_bavail;

    return left < DISK_SHORT / (fs.f_frsize ? fs.f_frsize : 1);
}


/* LMDB says EIO for a write cut short, which mostly is a full disk. */

int
kecs_disk_err(kecs_store_t *s, int err)
{
    return err == EIO && disk_short(s) ? ENOSPC : err;
}


static bool
disk_pressed(kecs_store_t *s)
{
    bool       is_short;
    long long  now;

    now = kecs_monotonic();

    if (atomic_load(&s->disk_until) > now) {
        return atomic_load(&s->disk_short);
    }

    kecs_map_hold(s);
    is_short = disk_short(s);
    kecs_map_release(s);
    atomic_store(&s->disk_short, is_short);
    atomic_store(&s->disk_until, now + KECS_DISK_TTL);

    return is_short;
}


static bool
map_pressed(kecs_store_t *s)
{
    int          err;
    uint64_t     limit;
    MDB_envinfo  info;

    limit = atomic_load(&s->map_size) / 10 * 9;

    kecs_map_hold(s);
    err = mdb_env_info(s->env, &info);
    kecs_map_release(s);

    return err == 0
           && (info.me_last_pgno + 1) * s->page_size > limit
           && kecs_store_used(s) > limit;
}


kecs_pressure_t
kecs_store_pressed(kecs_store_t *s)
{
    if (map_pressed(s)) {
        atomic_store(&s->map_want, true);
        return KECS_MAP_SHORT;
    }

    return disk_pressed(s) ? KECS_DISK_SHORT : KECS_ROOM;
}
