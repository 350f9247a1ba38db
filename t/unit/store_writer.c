/*
 * The writer: batches of several processes, calls that fail, broken and slow
 * clients, the graceful hand-over, and holders that are killed while clients
 * replay: no call is lost and none is run twice.
 *
 * A call here is "REQUEST-ID COMMAND NAME"; "add" raises the counter NAME (a
 * family's last revision) by one and answers with its value.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "../../src/store/store_impl.h"
#include "../../src/store/writer.h"
#include "store_kit.h"


#define DEADLINE  20000                 /* msec: a test that hangs fails */
#define WINDOW    16


/* The calls. */

static kecs_str_t
call_request_id(void *ctx, kecs_str_t call)
{
    kecs_str_t  id;

    (void) ctx;
    (void) kecs_str_split(&call, ' ', &id);

    return id;
}


static kecs_rc_t
call_add(kecs_txn_t *txn, kecs_arena_t *a, kecs_str_t name,
    kecs_buf_t *reply)
{
    kecs_rc_t      rc;
    kecs_family_t  f;

    memset(&f, 0, sizeof(f));
    f.rec.kind = KECS_FAMILY;
    f.rec.scope = 1;
    f.name = name;

    rc = kecs_get(txn, a, &f, 0);

    if (rc != KECS_OK && rc != KECS_NOT_FOUND) {
        return rc;
    }

    f.last++;
    f.purged = f.last;      /* no revisions are made for it */
    rc = kecs_put(txn, &f);
    kecs_buf_printf(reply, "%u", f.last);

    return rc;
}


static kecs_rc_t
call_run(void *ctx, kecs_txn_t *txn, kecs_arena_t *a, kecs_str_t call,
    kecs_buf_t *reply)
{
    unsigned    i;
    kecs_rc_t   rc;
    kecs_str_t  id, cmd;

    (void) ctx;
    (void) kecs_str_split(&call, ' ', &id);
    (void) kecs_str_split(&call, ' ', &cmd);

    if (kecs_str_is(cmd, "add")) {
        return call_add(txn, a, call, reply);
    }

    rc = call_add(txn, a, call, reply);

    if (kecs_str_is(cmd, "spoil")) {
        kecs_buf_printf(reply, " spoiled");
        return kecs_txn_fail(txn, KECS_FULL);
    }

    if (kecs_str_is(cmd, "fail")) {
        kecs_buf_printf(reply, " refused");
        return KECS_FAILED;
    }

    /* "huge": more than a frame holds; "long": 4 kB */

    for (i = 0; i < (kecs_str_is(cmd, "huge") ? 70000u : 100u); i++) {
        kecs_buf_str(reply, kecs_str("0123456789012345678901234567890123456"
                                     "789"));
    }

    return rc;
}


static void
call_failed(void *ctx, kecs_str_t call, kecs_rc_t rc, kecs_buf_t *reply)
{
    (void) ctx;
    (void) call;
    kecs_buf_printf(reply, "failed: %s", kecs_rc_name(rc));
}


static const kecs_writer_ops_t  ops = {
    call_run, call_request_id, call_failed, NULL
};


static kecs_writer_role_t *
start(kecs_store_t *s, const char *folder)
{
    kecs_rc_t            rc;
    kecs_writer_role_t  *w;

    rc = kecs_writer_start(s, folder, &ops, &w);

    if (rc != KECS_OK) {
        printf("Bail out! no writer: %s\n", kecs_rc_name(rc));
        exit(1);
    }

    return w;
}


/* A client: one socket, one buffer of what has come. */

typedef struct {
    int     fd;
    size_t  len;
    char    data[KECS_FRAME_MAX + 65536];
} client_t;


static client_t *
client(const char *folder)
{
    client_t  *c;

    c = malloc(sizeof(client_t));
    c->len = 0;
    c->fd = kecs_writer_connect(folder);

    return c;
}


static void
client_close(client_t *c)
{
    if (c->fd >= 0) {
        close(c->fd);
    }

    free(c);
}


static bool
wait_for(int fd, short events)
{
    struct pollfd  p;

    p.fd = fd;
    p.events = events;

    return poll(&p, 1, DEADLINE) == 1;
}


/* Sends everything; false when the other side is gone. */

static bool
client_bytes(client_t *c, const char *p, size_t n)
{
    ssize_t  w;

    while (n > 0) {
        w = send(c->fd, p, n, MSG_NOSIGNAL);

        if (w < 0 && errno == EAGAIN && wait_for(c->fd, POLLOUT)) {
            continue;
        }

        if (w <= 0) {
            return false;
        }

        p += w;
        n -= (size_t) w;
    }

    return true;
}


static bool
client_frame(client_t *c, uint8_t type, uint8_t flags, uint32_t id,
    uint64_t seq, const char *call)
{
    bool          ok;
    kecs_buf_t    b;
    kecs_frame_t  f;

    kecs_buf_init(&b, NULL, 0);
    f.type = type;
    f.flags = flags;
    f.id = id;
    f.seq = seq;
    f.payload = kecs_str_of(call);
    kecs_frame_put(&b, &f);
    ok = client_bytes(c, b.data, b.len);
    kecs_buf_free(&b);

    return ok;
}


static bool
client_call(client_t *c, uint32_t id, const char *call)
{
    return client_frame(c, KECS_FRAME_CALL, 0, id, 0, call);
}


/* The next frame (payload copied to `text`); false at the end. */

static bool
client_read(client_t *c, kecs_frame_t *f, char *text, size_t size)
{
    size_t      n;
    ssize_t     r;
    kecs_rc_t   rc;
    kecs_str_t  in;

    for ( ;; ) {
        in = kecs_str_n(c->data, c->len);
        rc = kecs_frame_get(&in, f);

        if (rc == KECS_OK) {
            n = f->payload.len < size - 1 ? f->payload.len : size - 1;
            memcpy(text, f->payload.data, n);
            text[n] = '\0';
            memmove(c->data, in.data, in.len);
            c->len = in.len;
            return true;
        }

        if (rc != KECS_AGAIN || !wait_for(c->fd, POLLIN)) {
            return false;
        }

        r = recv(c->fd, c->data + c->len, sizeof(c->data) - c->len, 0);

        if (r <= 0) {
            return false;
        }

        c->len += (size_t) r;
    }
}


/* One call and its answer. */

static bool
client_ask(client_t *c, const char *call, kecs_frame_t *f, char *text,
    size_t size)
{
    return client_call(c, 7, call) && client_read(c, f, text, size)
           && f->type == KECS_FRAME_REPLY && f->id == 7;
}


static uint32_t
counter(kecs_store_t *s, const char *name)
{
    kecs_txn_t     *txn;
    kecs_arena_t   *a;
    kecs_family_t   f;

    memset(&f, 0, sizeof(f));
    f.rec.kind = KECS_FAMILY;
    f.rec.scope = 1;
    f.name = kecs_str_of(name);

    a = kecs_arena_create(0);
    txn = kit_read(s);
    (void) kecs_get(txn, a, &f, 0);
    kecs_read_end(txn);
    kecs_arena_destroy(a);

    return f.last;
}


/* Frames as bytes. */

static void
frames(void)
{
    size_t         n;
    bool           ok;
    kecs_buf_t     b;
    kecs_str_t     in;
    kecs_frame_t   f, g;

    kecs_buf_init(&b, NULL, 0);
    f.type = KECS_FRAME_CALL;
    f.flags = KECS_FRAME_REPLAY;
    f.id = 0xfedcba98;
    f.seq = UINT64_C(0x0123456789abcdef);
    f.payload = kecs_str("hello");
    kecs_frame_put(&b, &f);

    in = kecs_buf_view(&b);
    tap_ok(kecs_frame_get(&in, &g) == KECS_OK && g.type == f.type
           && g.flags == f.flags && g.id == f.id && g.seq == f.seq
           && in.len == 0, "a frame comes back");
    tap_is_str(g.payload, "hello", "with its payload");

    for (n = 0, ok = true; n < b.len; n++) {
        in = kecs_str_n(b.data, n);
        ok &= kecs_frame_get(&in, &g) == KECS_AGAIN && in.len == n;
    }

    tap_ok(ok, "a part of one has to wait");

    b.data[4] = 9;
    in = kecs_buf_view(&b);
    tap_is_int(kecs_frame_get(&in, &g), KECS_INVALID, "an unknown type");
    b.data[4] = KECS_FRAME_CALL;
    b.data[7] = 1;
    in = kecs_buf_view(&b);
    tap_is_int(kecs_frame_get(&in, &g), KECS_INVALID, "not zero");
    memset(b.data, 0xff, 4);
    in = kecs_buf_view(&b);
    tap_is_int(kecs_frame_get(&in, &g), KECS_INVALID, "too long");
    memset(b.data, 0, 4);
    in = kecs_buf_view(&b);
    tap_is_int(kecs_frame_get(&in, &g), KECS_INVALID, "too short");
    kecs_buf_free(&b);
}


static void
one_client(kecs_store_t *s, kecs_writer_role_t *w)
{
    char                  text[256];
    client_t             *c;
    kecs_frame_t          f;
    kecs_txn_t           *txn;
    kecs_arena_t         *a;
    kecs_change_entry_t   e;
    kecs_writer_role_t   *second;
    kecs_writer_stats_t   st;

    c = client(kit_path("store"));
    tap_ok(c->fd >= 0, "connected");
    tap_ok(client_ask(c, "r-1 add one", &f, text, sizeof(text))
           && strcmp(text, "1") == 0 && f.flags == 0, "a call is answered");

    txn = kit_read(s);
    a = kecs_arena_create(0);
    tap_is_int((int64_t) f.seq, (int64_t) kecs_txn_seq(txn),
               "with the position of its commit");
    (void) kecs_log_next(txn, a, f.seq - 1, &e);
    tap_is_str(e.request_id, "r-1", "the log has its request id");
    kecs_read_end(txn);
    kecs_arena_destroy(a);

    tap_ok(client_ask(c, "r-2 fail one", &f, text, sizeof(text))
           && strcmp(text, "2 refused") == 0 && f.flags == 0,
           "a refused call gets its answer");
    tap_is_int(counter(s, "one"), 1, "and changes nothing");
    tap_ok(client_ask(c, "r-3 huge one", &f, text, sizeof(text))
           && f.flags == KECS_FRAME_UNDONE,
           "one whose answer is too large is undone: %s", text);
    tap_is_int(counter(s, "one"), 1, "and changes nothing either");

    tap_ok(client_frame(c, KECS_FRAME_CALL, KECS_FRAME_REPLAY, 7, 0,
                        "r-1 add one")
           && client_read(c, &f, text, sizeof(text))
           && f.flags == KECS_FRAME_LOST && text[0] == '\0',
           "a replay of what was committed: answer lost");
    tap_ok(client_frame(c, KECS_FRAME_CALL, KECS_FRAME_REPLAY, 7, f.seq,
                        "r-1 add one")
           && client_read(c, &f, text, sizeof(text))
           && f.flags == 0 && strcmp(text, "2") == 0,
           "a replay is only looked for behind its position");

    tap_is_int(kecs_writer_start(s, kit_path("store"), &ops, &second),
               KECS_BUSY, "there is one writer");
    kecs_writer_stats(w, &st);
    tap_ok(st.calls == 5 && st.batches == 5 && st.failed_commits == 0
           && st.commit_usec > 0, "counted");
    client_close(c);
}


static void
broken_clients(kecs_store_t *s)
{
    char           text[256];
    client_t      *good, *bad;
    kecs_frame_t   f;

    good = client(kit_path("store"));
    bad = client(kit_path("store"));

    (void) client_bytes(bad, "\xff\xff\xff\xffGET / HTTP/1.1\r\n", 20);
    tap_ok(!client_read(bad, &f, text, sizeof(text)),
           "garbage closes the connection");
    client_close(bad);

    bad = client(kit_path("store"));
    (void) client_frame(bad, KECS_FRAME_REPLY, 0, 1, 0, "x");
    tap_ok(!client_read(bad, &f, text, sizeof(text)),
           "so does a frame that is not for the writer");
    client_close(bad);

    bad = client(kit_path("store"));
    (void) client_bytes(bad, "\x20\0\0", 3);
    client_close(bad);

    tap_ok(client_ask(good, "g-1 add good", &f, text, sizeof(text))
           && strcmp(text, "1") == 0, "others do not notice");
    tap_is_int(counter(s, "good"), 1, "the good call was run");
    client_close(good);
}


/* A write that fails in the middle of a batch fails its own call only. */

static void
spoiled_batch(kecs_store_t *s)
{
    bool           ok;
    char           text[3][64];
    uint32_t       i;
    client_t      *c;
    kecs_buf_t     b;
    kecs_frame_t   f;

    static const char *const  calls[] = {
        "s-1 add first", "s-2 spoil second", "s-3 add third"
    };

    c = client(kit_path("store"));
    kecs_buf_init(&b, NULL, 0);
    memset(&f, 0, sizeof(f));
    f.type = KECS_FRAME_CALL;

    for (i = 0; i < 3; i++) {
        f.id = i;
        f.payload = kecs_str_of(calls[i]);
        kecs_frame_put(&b, &f);
    }

    ok = client_bytes(c, b.data, b.len);
    kecs_buf_free(&b);

    for (i = 0; i < 3; i++) {
        ok = ok && client_read(c, &f, text[i], sizeof(text[i]))
             && f.id == i && f.flags == 0;
    }

    tap_ok(ok, "each call of the batch is answered");
    tap_ok(strcmp(text[0], "1") == 0 && strcmp(text[1], "1 spoiled") == 0
           && strcmp(text[2], "1") == 0, "once");
    tap_ok(counter(s, "first") == 1 && counter(s, "second") == 0
           && counter(s, "third") == 1, "only what failed is missing");
    client_close(c);
}


/* Sends without reading until nothing more goes; others must be served. */

static void
slow_client(void)
{
    bool           ok;
    char           text[256], call[64];
    int            n, sent, got;
    client_t      *slow, *quick;
    kecs_buf_t     b;
    kecs_frame_t   f;

    slow = client(kit_path("store"));
    quick = client(kit_path("store"));
    kecs_buf_init(&b, NULL, 0);

    for (sent = 0; sent < 20000; sent++) {
        (void) snprintf(call, sizeof(call), "s-%d long slow", sent);
        b.len = 0;
        f.type = KECS_FRAME_CALL;
        f.flags = 0;
        f.id = (uint32_t) sent;
        f.seq = 0;
        f.payload = kecs_str_of(call);
        kecs_frame_put(&b, &f);

        n = (int) send(slow->fd, b.data, b.len, MSG_NOSIGNAL);

        if (n < 0) {
            break;
        }

        if ((size_t) n < b.len) {
            (void) shutdown(slow->fd, SHUT_WR);
            break;
        }

        if (sent % 64 == 0
            && !client_ask(quick, "q add quick", &f, text, sizeof(text)))
        {
            break;
        }
    }

    tap_ok(sent > 100, "%d calls went to a client that does not read", sent);
    tap_ok(client_ask(quick, "q add quick", &f, text, sizeof(text)),
           "another one is served meanwhile");

    for (got = 0, ok = true; got < sent; got++) {
        if (!client_read(slow, &f, text, sizeof(text))) {
            break;
        }
        ok &= f.id == (uint32_t) got;
    }

    tap_ok(got == sent && ok, "reading at last, it gets all in order (%d)",
           got);
    kecs_buf_free(&b);
    client_close(slow);
    client_close(quick);
}


/* A client process: n calls, WINDOW at a time; exit code 0 when all fit. */

static void
client_process(const char *folder, unsigned me, unsigned n)
{
    char          call[64], text[64];
    client_t     *c;
    unsigned      sent, got;
    kecs_frame_t  f;

    c = client(folder);

    for (sent = 0, got = 0; got < n; got++) {
        for ( ; sent < n && sent - got < WINDOW; sent++) {
            (void) snprintf(call, sizeof(call), "%u-%u add p%u", me, sent,
                            me);
            if (!client_call(c, sent, call)) {
                _exit(1);
            }
        }

        if (!client_read(c, &f, text, sizeof(text)) || f.id != got
            || strtoul(text, NULL, 10) != got + 1)
        {
            _exit(2);
        }
    }

    _exit(0);
}


static void
many_processes(kecs_store_t *s, kecs_writer_role_t *w)
{
    bool                  ok;
    int                   status;
    char                  name[16];
    pid_t                 pid[6];
    unsigned              i;
    kecs_writer_stats_t   before, after;

    kecs_writer_stats(w, &before);
    (void) fflush(stdout);

    for (i = 0; i < 6; i++) {
        pid[i] = fork();

        if (pid[i] == 0) {
            client_process(kit_path("store"), i, 500);
        }
    }

    for (i = 0, ok = true; i < 6; i++) {
        (void) waitpid(pid[i], &status, 0);
        ok &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
        (void) snprintf(name, sizeof(name), "p%u", i);
        ok &= counter(s, name) == 500;
    }

    tap_ok(ok, "six processes, 500 calls each, in order");
    kecs_writer_stats(w, &after);
    tap_is_int((int64_t) (after.calls - before.calls), 3000, "all counted");
    tap_ok(after.batches - before.batches < 1500,
           "in %u batches", (unsigned) (after.batches - before.batches));
}


static void
failed_commit(kecs_store_t *s, kecs_writer_role_t *w)
{
    bool                  undone;
    char                  text[256], call[128];
    unsigned              i;
    client_t             *c;
    kecs_frame_t          f;
    struct rlimit         was, tight;
    kecs_writer_stats_t   st;

    c = client(kit_path("store"));
    (void) signal(SIGXFSZ, SIG_IGN);
    (void) getrlimit(RLIMIT_FSIZE, &was);
    tight = was;
    tight.rlim_cur = 16 * 1024;
    (void) setrlimit(RLIMIT_FSIZE, &tight);

    for (i = 0, undone = true; i < 20; i++) {
        (void) snprintf(call, sizeof(call), "f-%u add tight", i);
        undone &= client_ask(c, call, &f, text, sizeof(text))
                  && f.flags == KECS_FRAME_UNDONE
                  && strncmp(text, "failed: ", 8) == 0;
    }

    (void) setrlimit(RLIMIT_FSIZE, &was);
    (void) signal(SIGXFSZ, SIG_DFL);

    tap_ok(undone, "a commit that fails is told: %s", text);
    tap_is_int(counter(s, "tight"), 0, "and nothing has happened");
    kecs_writer_stats(w, &st);
    tap_is_int((int64_t) st.failed_commits, 20, "counted");
    tap_ok(client_ask(c, "f-x add tight", &f, text, sizeof(text))
           && f.flags == 0 && strcmp(text, "1") == 0, "then it goes on");
    client_close(c);
}


static void
hand_over(kecs_store_t *s, kecs_writer_role_t *w)
{
    bool           ok;
    char           call[64], text[64];
    unsigned       i, replies, goaways;
    client_t      *a, *b;
    kecs_frame_t   f;

    a = client(kit_path("store"));
    b = client(kit_path("store"));
    ok = client_ask(b, "b add handed", &f, text, sizeof(text));

    for (i = 0; i < 100; i++) {
        (void) snprintf(call, sizeof(call), "a-%u add handed", i);
        ok &= client_call(a, i, call);
    }

    kecs_writer_goaway(w);
    replies = 0;
    goaways = 0;

    while (replies < 100 || goaways == 0) {
        if (!client_read(a, &f, text, sizeof(text))) {
            break;
        }

        replies += f.type == KECS_FRAME_REPLY;
        goaways += f.type == KECS_FRAME_GOAWAY;
    }

    tap_ok(ok && replies == 100 && goaways == 1,
           "what had arrived is answered (%u), goodbye is told", replies);
    tap_ok(!kecs_writer_gone(w), "the role waits for the clients");
    tap_ok(kecs_writer_connect(kit_path("store")) == -1,
           "nobody new is taken in");

    (void) client_frame(a, KECS_FRAME_BYE, 0, 0, 0, "");
    tap_ok(!client_read(a, &f, text, sizeof(text)), "goodbye closes");
    (void) client_frame(b, KECS_FRAME_BYE, 0, 0, 0, "");
    ok = client_read(b, &f, text, sizeof(text))
         && f.type == KECS_FRAME_GOAWAY;
    tap_ok(ok && !client_read(b, &f, text, sizeof(text)),
           "for the idle one too");

    kecs_writer_stop(w, DEADLINE);
    tap_is_int(counter(s, "handed"), 101, "all were run");

    w = start(s, kit_path("store"));
    tap_ok(access(kit_path("store/writer.sock"), F_OK) == 0,
           "the role is free for the next one");
    client_close(a);
    client_close(b);

    /* a client that does not say goodbye holds nobody up for ever */

    a = client(kit_path("store"));
    ok = client_ask(a, "z add handed", &f, text, sizeof(text));
    kecs_writer_stop(w, 10);
    ok &= client_read(a, &f, text, sizeof(text));
    tap_ok(ok && f.type == KECS_FRAME_GOAWAY
           && !client_read(a, &f, text, sizeof(text)),
           "who stays on is cut off");
    client_close(a);
}


/* The holder: a process that has the role until it is killed. */

static pid_t
holder(const char *path)
{
    int    fds[2];
    char   c;
    pid_t  pid;

    (void) !pipe(fds);
    (void) fflush(stdout);
    pid = fork();

    if (pid == 0) {
        close(fds[0]);
        (void) start(kit_open_at(path), path);
        (void) !write(fds[1], "x", 1);

        for ( ;; ) {
            (void) pause();
        }
    }

    close(fds[1]);

    if (read(fds[0], &c, 1) != 1) {
        printf("Bail out! no holder\n");
        exit(1);
    }

    close(fds[0]);

    return pid;
}


typedef struct {
    char      text[64];
    uint64_t  seq;                      /* known when first sent */
    bool      sent;
    bool      done;
} replayed_t;


static client_t *
reconnect(const char *path)
{
    unsigned   i;
    client_t  *c;

    for (i = 0; i < DEADLINE; i++) {
        c = client(path);

        if (c->fd >= 0) {
            return c;
        }

        client_close(c);
        (void) poll(NULL, 0, 1);
    }

    _exit(3);
}


/* Replays what was not answered, as a worker does. */

static void
replaying_process(const char *path, unsigned me, unsigned n)
{
    char          text[64];
    bool          again;
    client_t     *c;
    unsigned      i, first;
    uint64_t      known;
    replayed_t   *calls;
    kecs_frame_t  f;

    calls = calloc(n, sizeof(replayed_t));
    first = 0;
    known = 0;
    again = false;
    c = reconnect(path);

    while (first < n) {

        if (again) {
            client_close(c);
            c = reconnect(path);
        }

        for (i = first; i < n && i < first + WINDOW; i++) {
            if (calls[i].sent && !again) {
                continue;
            }

            if (!calls[i].sent) {
                calls[i].seq = known;
                (void) snprintf(calls[i].text, sizeof(calls[i].text),
                                "%u-%u add k%u", me, i, me);
            }

            (void) client_frame(c, KECS_FRAME_CALL,
                                calls[i].sent ? KECS_FRAME_REPLAY : 0, i,
                                calls[i].seq, calls[i].text);
            calls[i].sent = true;
        }

        again = !client_read(c, &f, text, sizeof(text));

        if (!again) {
            if (f.id != first || calls[f.id].done
                || (f.flags & KECS_FRAME_UNDONE)
                || (f.flags == 0
                    && strtoul(text, NULL, 10) != first + 1))
            {
                _exit(2);
            }

            known = f.seq;
            calls[f.id].done = true;
            first++;
        }
    }

    _exit(0);
}


static uint64_t
position(kecs_store_t *s)
{
    uint64_t     seq;
    kecs_txn_t  *txn;

    txn = kit_read(s);
    seq = kecs_txn_seq(txn);
    kecs_read_end(txn);

    return seq;
}


static void
killed_holders(void)
{
    bool           ok;
    int            status;
    char           name[16];
    pid_t          pid[4], who;
    unsigned       i, kills;
    uint64_t       begin, next;
    kecs_store_t  *s;

    s = kit_open_at(kit_path("killed"));
    begin = position(s);
    who = holder(kit_path("killed"));

    for (i = 0; i < 4; i++) {
        pid[i] = fork();

        if (pid[i] == 0) {
            replaying_process(kit_path("killed"), i, 1000);
        }
    }

    /* at six points of the way, whoever has the role then is killed */

    for (kills = 0; kills < 6; kills++) {
        next = begin + 500 * (kills + 1);

        for (i = 0; position(s) < next && i < DEADLINE; i++) {
            (void) poll(NULL, 0, 1);
        }

        (void) kill(who, SIGKILL);
        (void) waitpid(who, &status, 0);
        who = holder(kit_path("killed"));
    }

    for (i = 0, ok = true; i < 4; i++) {
        (void) waitpid(pid[i], &status, 0);
        ok &= WIFEXITED(status) && WEXITSTATUS(status) == 0;

        if (!ok) {
            printf("# client %u: %d\n", i, status);
        }
    }

    tap_ok(ok, "four clients outlive six holders");

    for (i = 0, ok = true; i < 4; i++) {
        (void) snprintf(name, sizeof(name), "k%u", i);
        ok &= counter(s, name) == 1000;
    }

    tap_ok(ok, "no call was lost and none was run twice");
    tap_is_int((int64_t) (position(s) - begin), 4000, "says the log too");

    (void) kill(who, SIGKILL);
    (void) waitpid(who, &status, 0);
    tap_is_int(kit_defects(s, true), 0, "the store is sound");
    kecs_store_close(s);
}


static void
long_path(void)
{
    char                  path[600], text[64], part[101];
    client_t             *c;
    kecs_frame_t          f;
    kecs_store_t         *s;
    kecs_writer_role_t   *w;

    memset(part, 'd', 100);
    part[100] = '\0';
    (void) snprintf(path, sizeof(path), "%s/%s", kit_folder, part);
    s = kit_open_at(path);
    w = start(s, path);
    c = client(path);
    tap_ok(c->fd >= 0
           && client_ask(c, "l add long", &f, text, sizeof(text)),
           "a folder whose path is too long for a socket address");
    client_close(c);
    kecs_writer_stop(w, 10);
    tap_ok(kecs_writer_connect(path) == -1 && errno == ENOENT,
           "nobody is there afterwards");
    kecs_store_close(s);
}


static bool
mode_ok(const char *path)
{
    struct stat  st;

    return stat(path, &st) == 0 && (st.st_mode & 0777) == 0600;
}


int
main(void)
{
    kecs_store_t        *s;
    kecs_writer_role_t  *w;

    kit_begin();
    frames();

    s = kit_open();
    w = start(s, kit_path("store"));
    tap_ok(mode_ok(kit_path("store/writer.sock")),
           "the socket is its owner's");
    one_client(s, w);
    broken_clients(s);
    spoiled_batch(s);
    slow_client();
    many_processes(s, w);
    failed_commit(s, w);
    hand_over(s, w);
    tap_is_int(kit_defects(s, true), 0, "the store is sound");
    kecs_store_close(s);

    long_path();
    killed_holders();

    return kit_end();
}
