/*
 * A commit whose meta page cannot be written: LMDB gives the environment up
 * then, and the store opens it again by itself, while another thread reads.
 *
 * This program's own pwrite() is what LMDB calls; it refuses writes of meta
 * pages on the descriptor for them while `refusals` is above zero.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "store_kit.h"


#define META_END  8192

static atomic_int    refusals, refused_with;
static atomic_bool   stop;
static atomic_uint   reads, failures;
static kecs_arena_t  *arena;


ssize_t  pwrite(int fd, const void *data, size_t len, off_t at);

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
    if (at < META_END && (fcntl(fd, F_GETFL) & O_DSYNC)
        && atomic_load(&refusals) > 0)
    {
        atomic_fetch_sub(&refusals, 1);
        errno = atomic_load(&refused_with);
        return -1;
    }

    return syscall(SYS_pwrite64, fd, data, len, at);
}


static kecs_rc_t
put_task(kecs_store_t *s, unsigned n)
{
    kecs_rc_t    rc;
    kecs_txn_t  *txn;
    kecs_task_t  t;

    rc = kecs_write_begin(s, KIT_NOW, &txn);

    if (rc != KECS_OK) {
        return rc;
    }

    kit_task(&t, n);
    (void) kecs_put(txn, &t);

    return kecs_write_commit(txn);
}


static bool
has_task(kecs_store_t *s, unsigned n)
{
    bool         found;
    kecs_txn_t  *txn;
    kecs_task_t  t;

    if (kecs_read_begin(s, &txn) != KECS_OK) {
        return false;
    }

    kit_task(&t, n);
    found = kecs_get(txn, arena, &t, 0) == KECS_OK;
    kecs_read_end(txn);
    kecs_arena_reset(arena);

    return found;
}


static void *
reader(void *arg)
{
    while (!atomic_load(&stop)) {
        if (!has_task(arg, 1)) {
            atomic_fetch_add(&failures, 1);
        }

        atomic_fetch_add(&reads, 1);
    }

    return NULL;
}


static void
await_reads(unsigned n)
{
    n += atomic_load(&reads);

    while (atomic_load(&reads) < n) {
        (void) sched_yield();
    }
}


/* Reads go on while the environment is given up and opened again. */

static void
refused_beside_reads(kecs_store_t *s)
{
    unsigned             i, wrong;
    pthread_t            thread;
    kecs_store_info_t    before, after;

    kecs_store_info(s, &before);
    tap_ok(pthread_create(&thread, NULL, reader, s) == 0, "a reader");
    wrong = 0;

    for (i = 0; i < 50; i++) {
        await_reads(10);
        atomic_store(&refused_with, i % 2 ? EIO : ENOSPC);
        atomic_store(&refusals, 1);
        wrong += put_task(s, 100 + i) != (i % 2 ? KECS_IO : KECS_FULL);
        wrong += put_task(s, 200 + i) != KECS_OK;
    }

    await_reads(10);
    atomic_store(&stop, true);
    pthread_join(thread, NULL);

    tap_is_int(wrong, 0, "a refused commit fails, the next one does not");
    tap_is_int(atomic_load(&failures), 0, "no read of %u does",
               atomic_load(&reads));

    for (i = 0, wrong = 0; i < 50; i++) {
        wrong += has_task(s, 100 + i) || !has_task(s, 200 + i);
    }

    tap_is_int(wrong, 0, "what was acknowledged is there, nothing else");
    kecs_store_info(s, &after);
    tap_is_int(after.readers, before.readers, "no reader slot is lost");
    tap_ok(after.open, "the store is open");
    tap_is_int(kit_defects(s, true), 0, "and sound");
}


/* It cannot be opened again for a while. */

static void
refused_for_longer(kecs_store_t *s)
{
    int                 i;
    kecs_rc_t           rc;
    struct rlimit       was, none;
    struct timespec     moment;
    kecs_store_info_t   info;

    (void) getrlimit(RLIMIT_NOFILE, &was);
    none = was;
    none.rlim_cur = 3;
    atomic_store(&refused_with, EIO);
    atomic_store(&refusals, 1);
    (void) put_task(s, 300);

    (void) setrlimit(RLIMIT_NOFILE, &none);
    tap_is_int(put_task(s, 301), KECS_IO, "no file can be opened: no write");
    tap_ok(!has_task(s, 1), "no read");
    kecs_store_info(s, &info);
    tap_ok(!info.open, "it says so");
    tap_is_int((int) kecs_store_clear_readers(s), 0, "care does no harm");
    (void) kecs_store_pressed(s);
    (void) setrlimit(RLIMIT_NOFILE, &was);

    moment = (struct timespec) { 0, 20000000 };

    for (i = 0, rc = KECS_IO; i < 1000 && rc != KECS_OK; i++) {
        (void) nanosleep(&moment, NULL);
        rc = put_task(s, 302);
    }

    tap_is_int(rc, KECS_OK, "as soon as files can be opened, it goes on");
    tap_ok(has_task(s, 1) && has_task(s, 302) && !has_task(s, 301),
           "what was acknowledged is there");
    tap_is_int(kit_defects(s, true), 0, "it is sound");
}


int
main(void)
{
    kecs_store_t  *s;

    kit_begin();
    arena = kecs_arena_create(0);

    s = kit_open();
    tap_is_int(put_task(s, 1), KECS_OK, "a task");
    refused_beside_reads(s);
    refused_for_longer(s);
    kecs_store_close(s);

    kecs_arena_destroy(arena);

    return kit_end();
}
