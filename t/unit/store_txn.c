/*
 * Transactions: a nested abort leaves nothing behind, a process killed in
 * the middle leaves nothing behind, what was committed is there after
 * reopening; the change log, the wake-up, a full map.
 */

#define _GNU_SOURCE

#include <poll.h>
#include <signal.h>

#include "../../src/store/wake.h"
#include "../../src/store/store_impl.h"
#include "store_kit.h"


#define TRACE  "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define CALL   "4d1f0a6e-0000-4000-8000-00000000000a"


static kecs_arena_t  *arena;


static bool
has_task(kecs_txn_t *txn, unsigned n)
{
    kecs_task_t  t;

    kit_task(&t, n);

    return kecs_get(txn, arena, &t, 0) == KECS_OK;
}


static kecs_rc_t
put_task(kecs_txn_t *txn, unsigned n)
{
    kecs_task_t  t;

    kit_task(&t, n);
    kecs_rec_part(&t.rec, KECS_TASK_STATIC, kecs_str("{\"n\":1}"));

    return kecs_put(txn, &t);
}


static unsigned
pending(kecs_txn_t *txn)
{
    kecs_counts_t  c;

    (void) kecs_counts(txn, 1, 1, 0, 0, &c);

    return c.pending;
}


/* Nested transactions and savepoints behave alike. */

typedef kecs_rc_t (*begin_pt)(kecs_txn_t *parent, const kecs_actor_t *actor,
    kecs_txn_t **txn);


static void
nesting(kecs_store_t *s, begin_pt begin)
{
    uint32_t     no;
    uint64_t     seq;
    kecs_txn_t  *txn, *a, *b, *c, *d;

    txn = kit_write(s);
    seq = kecs_txn_seq(txn);
    (void) put_task(txn, 1);

    (void) begin(txn, NULL, &a);
    (void) put_task(a, 2);
    (void) kecs_number_next(a, "thing", &no);
    tap_is_int((int64_t) kecs_txn_seq(a), (int64_t) seq + 2,
               "a nested one goes on with the log");
    kecs_nested_abort(a);
    tap_is_int((int64_t) kecs_txn_seq(txn), (int64_t) seq + 1,
               "its abort takes the position back");
    tap_ok(!has_task(txn, 2) && has_task(txn, 1) && pending(txn) == 1,
           "and record and counter with it");
    (void) kecs_number_next(txn, "thing", &no);
    tap_is_int(no, 1, "and numbers");

    (void) begin(txn, NULL, &a);
    (void) put_task(a, 3);
    (void) begin(a, NULL, &b);
    (void) put_task(b, 4);
    tap_is_int(begin(b, NULL, &c), KECS_OK, "three levels");
    tap_is_int(begin(c, NULL, &d), KECS_INVALID, "not four");
    kecs_nested_abort(c);
    tap_is_int(kecs_nested_commit(b), KECS_OK, "the inner one is kept");
    kecs_nested_abort(a);
    tap_ok(!has_task(txn, 3) && !has_task(txn, 4),
           "but falls with the outer one");

    (void) begin(txn, NULL, &a);
    (void) put_task(a, 5);
    tap_is_int(kecs_nested_commit(a), KECS_OK, "a nested commit");
    tap_is_int((int64_t) kecs_txn_seq(txn), (int64_t) seq + 2,
               "hands the position on");
    tap_is_int(kecs_write_commit(txn), KECS_OK, "commit");

    txn = kit_read(s);
    tap_ok(has_task(txn, 1) && has_task(txn, 5) && pending(txn) == 2
           && !has_task(txn, 2), "what was kept is there");
    kecs_read_end(txn);

    txn = kit_write(s);
    (void) put_task(txn, 6);
    kecs_write_abort(txn);
    txn = kit_read(s);
    tap_ok(!has_task(txn, 6)
           && kecs_txn_seq(txn) == seq + 2, "an abort leaves nothing");
    kecs_read_end(txn);
    tap_is_int(kit_defects(s, true), 0, "the store is sound");
}


/* A write that fails under a savepoint takes the outer one with it. */

static void
spoiling(kecs_store_t *s)
{
    kecs_txn_t  *txn, *a;

    txn = kit_write(s);
    (void) put_task(txn, 7);
    (void) kecs_savepoint_begin(txn, NULL, &a);
    (void) put_task(a, 8);
    (void) kecs_txn_fail(a, KECS_FULL);
    tap_is_int(kecs_nested_commit(a), KECS_FULL, "a write has failed");
    tap_is_int(kecs_txn_spoiled(txn), KECS_FULL, "the outer one knows");
    tap_is_int(kecs_savepoint_begin(txn, NULL, &a), KECS_FULL,
               "nothing more begins");
    tap_is_int(kecs_write_commit(txn), KECS_FULL, "it cannot be committed");

    txn = kit_read(s);
    tap_ok(!has_task(txn, 7) && !has_task(txn, 8), "nothing of it is kept");
    kecs_read_end(txn);
    tap_is_int(kit_defects(s, true), 0, "the store is sound");
}



/* A reader keeps seeing the moment at which it began. */

static void
snapshot(kecs_store_t *s)
{
    kecs_txn_t  *reading, *txn;

    reading = kit_read(s);
    txn = kit_write(s);
    (void) put_task(txn, 50);
    (void) kecs_write_commit(txn);
    tap_ok(!has_task(reading, 50), "a reader does not see a later commit");
    kecs_read_end(reading);

    reading = kit_read(s);
    tap_ok(has_task(reading, 50), "the next one does");
    kecs_read_end(reading);
}


/* Fork: the child opens the store itself and dies inside a transaction. */

static void
killed(const char *path)
{
    int            fds[2], status;
    char           c;
    pid_t          pid;
    kecs_txn_t    *txn;
    kecs_store_t  *s;

    (void) !pipe(fds);
    pid = fork();

    if (pid == 0) {
        s = kit_open_at(path);
        txn = kit_write(s);
        (void) put_task(txn, 100);
        (void) kecs_write_commit(txn);

        txn = kit_write(s);
        (void) put_task(txn, 101);
        (void) !write(fds[1], "x", 1);
        (void) pause();
        _exit(0);
    }

    close(fds[1]);
    tap_ok(read(fds[0], &c, 1) == 1, "a child is in the middle of a write");
    (void) kill(pid, SIGKILL);
    (void) waitpid(pid, &status, 0);
    close(fds[0]);
    tap_ok(WIFSIGNALED(status), "and is killed");

    s = kit_open_at(path);
    txn = kit_write(s);
    tap_ok(has_task(txn, 100), "what it had committed is there");
    tap_ok(!has_task(txn, 101), "what it had not is not");
    (void) put_task(txn, 102);
    tap_is_int(kecs_write_commit(txn), KECS_OK, "writing goes on");
    tap_is_int(kit_defects(s, true), 0, "the store is sound");
    kecs_store_close(s);
}


static void
reader_slots(const char *path)
{
    int                  fds[2], status;
    char                 c;
    pid_t                pid;
    kecs_store_t        *s;
    kecs_store_info_t    info;

    s = kit_open_at(path);
    (void) !pipe(fds);
    pid = fork();

    if (pid == 0) {
        (void) kit_read(kit_open_at(path));
        (void) !write(fds[1], "x", 1);
        (void) pause();
        _exit(0);
    }

    close(fds[1]);
    (void) !read(fds[0], &c, 1);
    kecs_store_info(s, &info);
    tap_is_int(info.readers, 2, "two processes hold a reader slot each");
    (void) kill(pid, SIGKILL);
    (void) waitpid(pid, &status, 0);
    close(fds[0]);

    tap_is_int(kecs_store_clear_readers(s), 1, "that of the dead is cleared");
    kecs_store_info(s, &info);
    tap_is_int(info.readers, 1, "one is left");
    kecs_store_close(s);
}


static void
change_log(kecs_store_t *s)
{
    uint64_t              first;
    unsigned              dropped;
    kecs_txn_t           *txn, *nested;
    kecs_task_t           t, *was;
    kecs_actor_t          actor;
    kecs_cause_t          cause;
    kecs_change_entry_t   e;
    kecs_store_info_t     info;

    txn = kit_write(s);
    first = kecs_txn_seq(txn);
    actor.principal = kecs_str("reconciler");
    actor.request_id = kecs_str("r-1");
    actor.trace = kecs_str(TRACE);
    (void) kecs_nested_begin(txn, &actor, &nested);
    kit_task(&t, 200);
    (void) kecs_put(nested, &t);
    t.status = KECS_TASK_RUNNING;
    (void) kecs_put(nested, &t);
    (void) kecs_nested_commit(nested);
    (void) kecs_del(txn, &t);
    (void) kecs_write_commit(txn);

    txn = kit_read(s);
    tap_is_int(kecs_log_next(txn, arena, first, &e), KECS_OK, "an entry");
    was = e.rec;
    tap_ok(e.seq == first + 1 && e.kind == KECS_TASK
           && e.change == KECS_CREATED && e.time == KIT_NOW
           && was->status == KECS_TASK_PROVISIONING
           && memcmp(was->id, t.id, KECS_ID_LEN) == 0
           && was->rec.rev == e.seq && was->rec.scope == 1,
           "tells what was created and when");
    tap_is_str(e.principal, "reconciler", "by whom");
    tap_is_str(e.request_id, "r-1", "by which request");
    tap_ok(!kecs_log_cause(txn, e.seq, &cause),
           "an id that is none of a call");

    (void) kecs_log_next(txn, arena, e.seq, &e);
    was = e.rec;
    tap_ok(e.change == KECS_CHANGED && was->status == KECS_TASK_RUNNING,
           "then a change");
    (void) kecs_log_next(txn, arena, e.seq, &e);
    was = e.rec;
    tap_ok(e.change == KECS_DELETED && was->status == KECS_TASK_RUNNING,
           "then the deletion, with the head as it was");
    tap_is_str(e.principal, "arn:aws:iam::000000000000:user/test",
               "by the outer actor");
    tap_is_int(kecs_log_next(txn, arena, e.seq, &e), KECS_DONE,
               "and no more");
    tap_is_int(kecs_log_next(txn, arena, first + 100, &e), KECS_NOT_FOUND,
               "a cursor from another life wants a snapshot");
    kecs_read_end(txn);

    txn = kit_write(s);
    (void) kecs_log_trim(txn, KIT_NOW, 3, 1000, &dropped);
    tap_is_int(dropped, (int64_t) first, "trimmed to three entries");
    (void) kecs_log_trim(txn, KIT_NOW + 1, 1000, 1, &dropped);
    tap_is_int(dropped, 1, "by age, one at a time");
    (void) kecs_log_trim(txn, KIT_NOW + 1, 0, 1000, &dropped);
    tap_is_int(dropped, 1, "the newest always stays");
    (void) kecs_write_commit(txn);

    txn = kit_read(s);
    tap_is_int(kecs_log_next(txn, arena, first, &e), KECS_NOT_FOUND,
               "a cursor behind the log wants a snapshot");
    tap_is_int(kecs_log_next(txn, arena, first + 2, &e), KECS_OK,
               "one at its edge goes on");
    kecs_read_end(txn);

    kecs_store_info(s, &info);
    tap_ok(info.seq == first + 3 && info.first_seq == first + 3,
           "its bounds are known");
    tap_is_int(kit_defects(s, true), 0, "the store is sound");
}


/* A task is put by a call, in a transaction of its own; its position. */

static uint64_t
put_by(kecs_store_t *s, unsigned n, kecs_str_t id, kecs_str_t trace)
{
    uint64_t       seq;
    kecs_txn_t    *txn, *nested, *inner;
    kecs_actor_t   actor = { kecs_string("arn"), id, trace };

    txn = kit_write(s);
    (void) kecs_nested_begin(txn, &actor, &nested);
    (void) kecs_nested_begin(nested, NULL, &inner);
    (void) put_task(inner, n);
    (void) kecs_nested_commit(inner);
    (void) kecs_nested_commit(nested);
    seq = kecs_txn_seq(txn);
    (void) kecs_write_commit(txn);

    return seq;
}


/* Behind an entry is the call, with its trace when it had one. */

static void
log_causes(kecs_store_t *s)
{
    bool                 found;
    char                 wide[KECS_REQUEST_ID_MAX];
    uint64_t             traced, plain, full;
    kecs_txn_t          *txn;
    kecs_cause_t         cause;
    kecs_change_entry_t  e;

    memset(wide, 'w', sizeof(wide));
    traced = put_by(s, 7400, kecs_str(CALL), kecs_str(TRACE));
    plain = put_by(s, 7401, kecs_str(CALL), kecs_null_str);
    full = put_by(s, 7402, kecs_str_n(wide, sizeof(wide)), kecs_str(TRACE));

    txn = kit_read(s);
    tap_ok(kecs_log_cause(txn, traced, &cause), "the call behind an entry");
    tap_is_str(kecs_str_of(cause.request_id), CALL, "its id");
    tap_is_str(kecs_str_of(cause.trace), TRACE, "its trace");
    tap_ok(kecs_log_next(txn, arena, traced - 1, &e) == KECS_OK
           && kecs_str_is(e.request_id, CALL), "the id of the entry alone");
    tap_ok(kecs_log_find(txn, traced - 1, kecs_str(CALL), &found) == KECS_OK
           && found, "by which it is found");
    tap_ok(kecs_log_cause(txn, plain, &cause) && cause.trace[0] == '\0',
           "a call without a trace");
    tap_ok(kecs_log_next(txn, arena, full - 1, &e) == KECS_OK
           && e.request_id.len == sizeof(wide), "an id as long as can be");
    tap_ok(!kecs_log_cause(txn, full + 1, &cause), "no entry, no call");
    kecs_read_end(txn);
}


static void
log_times(kecs_store_t *s)
{
    int          i;
    uint64_t     seq, first;
    kecs_txn_t  *txn;
    kecs_task_t  t;

    for (i = 0, first = 0; i < 7; i++) {
        (void) kecs_write_begin(s, KIT_NOW + 1000 + i / 2 * 10, &txn);
        kit_task(&t, 7300 + i);
        (void) kecs_put(txn, &t);
        first = first != 0 ? first : kecs_txn_seq(txn);
        (void) kecs_write_commit(txn);
    }

    txn = kit_read(s);

    for (i = 0; i < 7; i++) {
        tap_ok(kecs_log_since(txn, KIT_NOW + 1000 + i * 5, &seq) == KECS_OK
               && seq == first - 1 + (uint64_t) (i + 1) / 2 * 2,
               "entries of a time and later: %d", i);
    }

    tap_ok(kecs_log_since(txn, 0, &seq) == KECS_OK && seq < first - 1,
           "the oldest");
    tap_ok(kecs_log_since(txn, INT64_MAX, &seq) == KECS_OK
           && seq == kecs_txn_seq(txn), "none that late");
    kecs_read_end(txn);
}


static void
waking(kecs_store_t *s)
{
    int            fd;
    kecs_txn_t    *txn;
    struct pollfd  p;

    fd = kecs_wake_watch(kit_path("store"));
    tap_ok(fd >= 0, "a watch");
    tap_ok(!kecs_wake_drain(fd), "is quiet at first");

    p.fd = fd;
    p.events = POLLIN;
    txn = kit_write(s);
    (void) put_task(txn, 300);
    tap_is_int(poll(&p, 1, 0), 0, "a write wakes nobody");
    (void) kecs_write_commit(txn);
    tap_is_int(poll(&p, 1, 5000), 1, "its commit does");
    tap_ok(kecs_wake_drain(fd) && !kecs_wake_drain(fd), "once");

    txn = kit_write(s);
    (void) put_task(txn, 300);
    (void) kecs_write_commit(txn);
    tap_is_int(poll(&p, 1, 0), 0, "a commit without a change does not");
    close(fd);

    tap_ok(kecs_wake_watch(kit_path("nowhere")) == -1, "no folder, no watch");
}


/* Fills a small map, then empties it again in small pieces. */

static void
full_map(void)
{
    bool                 pressed, ok;
    char                *big;
    unsigned             i, n;
    uint64_t             used;
    const char          *why;
    kecs_rc_t            rc;
    kecs_txn_t          *txn, *nested;
    kecs_task_t          t;
    kecs_store_t        *s;
    kecs_store_conf_t    conf;
    kecs_store_info_t    info;

    memset(&conf, 0, sizeof(conf));
    conf.path = kit_path("small");
    conf.map_size = 4 << 20;
    conf.create = true;

    if (kecs_store_open(&conf, &s, &why) != KECS_OK) {
        tap_ok(false, "%s", why);
        return;
    }

    big = calloc(1, 8000);
    tap_ok(!kecs_store_pressed(s), "an empty store is not pressed");
    pressed = false;
    rc = KECS_OK;

    for (n = 0; rc == KECS_OK && n < 1000; n++) {
        pressed = pressed || kecs_store_pressed(s);
        txn = kit_write(s);
        rc = kecs_nested_begin(txn, NULL, &nested);
        kit_task(&t, n);
        kecs_rec_part(&t.rec, 0, kecs_str_n(big, 8000));
        (void) kecs_put(nested, &t);
        rc = kecs_nested_commit(nested);

        if (rc == KECS_OK) {
            rc = kecs_write_commit(txn);
        } else {
            kecs_write_abort(txn);
        }
    }

    tap_is_int(rc, KECS_FULL, "at %u tasks the map is full", n);
    tap_ok(pressed && kecs_store_pressed(s), "pressure was told before");
    tap_is_int(kit_defects(s, true), 0, "a full store is sound");

    for (i = 0, ok = true; i < n - 1; i++) {
        txn = kit_write(s);
        kit_task(&t, i);
        ok &= kecs_del(txn, &t) == KECS_OK;
        ok &= kecs_write_commit(txn) == KECS_OK;
    }

    tap_ok(ok, "it empties one by one");
    tap_ok(!kecs_store_pressed(s), "then it is not pressed any more");
    kecs_store_info(s, &info);
    used = info.map_used;
    tap_ok(used > 0 && used < info.map_size / 2, "most of it is free");
    tap_is_int(kit_defects(s, true), 0, "the store is sound");

    kecs_store_close(s);
    free(big);
}


int
main(void)
{
    kecs_store_t       *s;
    kecs_store_info_t   a, b;

    kit_begin();
    arena = kecs_arena_create(0);

    s = kit_open_at(kit_path("savepoints"));
    nesting(s, kecs_savepoint_begin);
    spoiling(s);
    kecs_store_close(s);

    s = kit_open();
    nesting(s, kecs_nested_begin);
    snapshot(s);
    waking(s);
    change_log(s);
    log_times(s);
    log_causes(s);
    kecs_store_info(s, &a);
    kecs_store_close(s);

    s = kit_open();
    kecs_store_info(s, &b);
    tap_ok(strcmp(a.uuid, b.uuid) == 0 && strlen(a.uuid) == 36
           && a.incarnation == 1 && b.incarnation == 1 && a.seq == b.seq
           && b.map_size == KIT_MAP, "reopened, it is the same store");
    kecs_store_close(s);

    killed(kit_path("store"));
    reader_slots(kit_path("store"));
    full_map();

    kecs_arena_destroy(arena);

    return kit_end();
}
