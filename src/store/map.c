/*
 * The size of the map.  A process that opens the store with a larger size
 * (nginx, reloaded with another "size=") gives it to the file with its first
 * commit; the others, the reconciler above all, take it over while they
 * run: at once when the file has grown beyond their map (LMDB refuses
 * them), and once a second while their map is nearly full, since then they
 * would hold back for no reason.
 *
 * LMDB moves the map to do so, and nobody in the process may read it then.
 * map_users counts those who do; it is far below zero while the map moves,
 * which takes microseconds, or the environment is opened again, which takes
 * a few milliseconds (kecs_store_reopen).
 */

#include <limits.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "../base/log.h"
#include "store_impl.h"


#define MOVING          (INT_MIN / 2)
#define LOOK_AGAIN      1000
#define TAKE_TRIES      10000
#define TAKE_NSEC       100000
#define MAPSIZE_OFFSET  32              /* in LMDB's meta pages */


void
kecs_map_hold(kecs_store_t *s)
{
    while (atomic_fetch_add(&s->map_users, 1) < 0) {
        (void) atomic_fetch_sub(&s->map_users, 1);
        (void) sched_yield();
    }
}


void
kecs_map_release(kecs_store_t *s)
{
    (void) atomic_fetch_sub(&s->map_users, 1);
}


static bool
take_once(kecs_store_t *s)
{
    int  nobody;

    nobody = 0;

    return atomic_compare_exchange_strong(&s->map_users, &nobody, MOVING);
}


bool
kecs_map_take(kecs_store_t *s)
{
    int              i;
    struct timespec  t;

    t = (struct timespec) { 0, TAKE_NSEC };

    for (i = 0; i < TAKE_TRIES; i++) {
        if (take_once(s)) {
            return true;
        }

        (void) nanosleep(&t, NULL);
    }

    return false;
}


void
kecs_map_give(kecs_store_t *s)
{
    (void) atomic_fetch_sub(&s->map_users, MOVING);
}


/* The size that either meta page tells; 0: not known. */

static uint64_t
size_in_file(kecs_store_t *s)
{
    int       fd, i;
    off_t     at;
    uint64_t  size, largest;

    kecs_map_hold(s);

    largest = 0;

    if (mdb_env_get_fd(s->env, &fd) != 0) {
        fd = -1;
    }

    for (i = 0; i < 2 && fd >= 0; i++) {
        at = (off_t) i * s->page_size + MAPSIZE_OFFSET;

        if (pread(fd, &size, sizeof(size), at) == (ssize_t) sizeof(size)
            && size > largest)
        {
            largest = size;
        }
    }

    kecs_map_release(s);

    return largest;
}


static bool
map_move(kecs_store_t *s, uint64_t size)
{
    int  err;

    err = s->env != NULL ? mdb_env_set_mapsize(s->env, size) : MDB_PANIC;

    if (err != 0) {
        kecs_log(KECS_LOG_ERROR, "store: its new size cannot be mapped: %s",
                 mdb_strerror(err));
        return false;
    }

    atomic_store(&s->map_size, size);
    kecs_log(KECS_LOG_NOTICE, "store: its size is %llu bytes now",
             (unsigned long long) size);

    return true;
}


bool
kecs_map_adopt(kecs_store_t *s)
{
    bool      moved;
    uint64_t  size;

    size = size_in_file(s);

    if (size <= atomic_load(&s->map_size) || !take_once(s)) {
        return false;
    }

    moved = map_move(s, size);
    kecs_map_give(s);

    return moved;
}


void
kecs_map_look(kecs_store_t *s)
{
    long long  now;

    if (!atomic_load(&s->map_want)) {
        return;
    }

    now = kecs_monotonic();

    if (now < atomic_load(&s->map_again)) {
        return;
    }

    atomic_store(&s->map_again, now + LOOK_AGAIN);
    atomic_store(&s->map_want, false);
    (void) kecs_map_adopt(s);
}
