/*
 * The client against a server that answers as it likes: what is sent, what
 * is repeated and when, what is not, streams in any pieces.
 */

#define _GNU_SOURCE

#include "fake_http.h"


typedef struct {
    unsigned     calls;
    long         status;
    bool         begun;
    char         body[4096];
    char         error[256];
} answer_t;

static fake_t          server;
static kecs_kube_t    *k;
static fake_request_t  last;
static unsigned        asked;

/* What the server does: the next answers, the last one for ever. */

typedef struct {
    int          status;            /* 0: drops the connection; -1: silent */
    const char  *headers;
    const char  *body;
} play_t;

static const play_t  *play;
static fake_conn_t   *open_conn;


static void
ask(fake_t *f, fake_conn_t *c, const fake_request_t *r)
{
    (void) f;

    asked++;
    last = *r;
    open_conn = c;

    if (play->status == 0) {
        fake_drop(c);

    } else if (play->status > 0) {
        fake_reply(c, play->status, play->headers ? play->headers : "",
                   "%s", play->body ? play->body : "");
    }

    if (play[1].status != 0 || play[1].headers != NULL) {
        play++;
    }
}


/* A connection that is dropped is {0, ""}: the list ends with {0, NULL}. */

#define DROP    { 0, "", NULL }
#define SILENT  { -1, "", NULL }
#define END     { 0, NULL, NULL }


static void
done(void *ctx, const kecs_kube_reply_t *reply)
{
    answer_t  *a = ctx;

    a->calls++;
    a->status = reply->status;
    a->begun = reply->begun;
    (void) snprintf(a->body, sizeof(a->body), "%.*s", kecs_fmt(reply->body));
    (void) snprintf(a->error, sizeof(a->error), "%s",
                    reply->error ? reply->error : "");
}


static void
open_client(kecs_kube_conf_t conf, const char *token, const char *file)
{
    if (conf.backoff == 0) {
        conf.backoff = 10;
        conf.backoff_max = 20;
    }

    if (!fake_open(&server, ask) || !fake_client(&server, file, token, &conf,
                                                 &k))
    {
        printf("Bail out! no server\n");
        exit(1);
    }

    asked = 0;
}


static void
close_client(void)
{
    kecs_kube_close(k);
    fake_close(&server);
}


static kecs_kube_call_t *
get(answer_t *a, bool retry)
{
    kecs_kube_call_t     *call;
    kecs_kube_request_t   r;

    memset(a, 0, sizeof(answer_t));
    memset(&r, 0, sizeof(r));
    call = NULL;

    r.method = "GET";
    r.path = kecs_str("/x?y=z");
    r.retry = retry;
    r.done = done;
    r.ctx = a;

    (void) kecs_kube_send(k, &r, &call);

    return call;
}


static void
test_requests(void)
{
    answer_t              a;
    kecs_kube_request_t   r;
    static const play_t   good[] = { { 200, NULL, "hello" }, END };
    static const play_t   bad[] = { { 404, NULL, "no" }, END };

    play = good;
    open_client((kecs_kube_conf_t) { 0 }, "tok.en", NULL);

    (void) get(&a, false);
    tap_ok(fake_until(&server, k, a.calls), "an answer");
    tap_is_int(a.status, 200, "its status");
    tap_is_str(kecs_str_of(a.body), "hello", "its body");
    tap_is_str(kecs_str_of(last.method), "GET", "the method");
    tap_is_str(kecs_str_of(last.path), "/x?y=z", "the path");
    tap_is_str(kecs_str_of(last.authorization), "Bearer tok.en", "the token");
    tap_is_str(kecs_str_of(last.type), "", "no type without a body");

    memset(&r, 0, sizeof(r));
    memset(&a, 0, sizeof(a));
    r.method = "DELETE";
    r.path = kecs_str("/d");
    r.type = "application/json";
    r.body = kecs_str("{\"a\":1}");
    r.done = done;
    r.ctx = &a;
    play = bad;
    (void) kecs_kube_send(k, &r, NULL);
    tap_ok(fake_until(&server, k, a.calls), "a DELETE with a body");
    tap_is_int(a.status, 404, "an error is an answer");
    tap_is_str(kecs_str_of(last.method), "DELETE", "its method");
    tap_is_str(kecs_str_of(last.type), "application/json", "its type");
    tap_is_str(kecs_str_of(last.body), "{\"a\":1}", "its body");
    tap_is_int(server.connections, 1, "both on one connection");

    close_client();
}


#define CALL   "4d1f0a6e-0000-4000-8000-000000000001"
#define TRACE  "0af7651916cd43dd8448eb211c80319c"
#define SPAN   "b7ad6b7169203331"


/* The id that is our own, in the last request; "" when the rest is wrong. */

static const char *
own_span(void)
{
    static char  span[KECS_SPAN_LEN + 1];

    span[0] = '\0';

    if (strlen(last.audit_id) == sizeof(CALL ".") - 1 + KECS_SPAN_LEN
        && strncmp(last.audit_id, CALL ".", sizeof(CALL ".") - 1) == 0)
    {
        memcpy(span, last.audit_id + sizeof(CALL ".") - 1, sizeof(span));
    }

    return span;
}


static void
send_caused(answer_t *a, const kecs_cause_t *cause)
{
    kecs_kube_request_t  r;

    memset(a, 0, sizeof(answer_t));
    memset(&r, 0, sizeof(r));
    r.method = "DELETE";
    r.path = kecs_str("/d");
    r.retry = true;
    r.cause = cause;
    r.done = done;
    r.ctx = a;

    (void) kecs_kube_send(k, &r, NULL);
}


static void
test_causes(void)
{
    char                 first[KECS_SPAN_LEN + 1], want[KECS_TRACE_LEN + 1];
    answer_t             a;
    kecs_cause_t         cause;
    static const play_t  busy[] = { { 503, NULL, NULL }, SILENT, END };
    static const play_t  good[] = { { 200, NULL, NULL }, END };

    play = busy;
    open_client((kecs_kube_conf_t) { 0 }, NULL, NULL);

    tap_ok(kecs_cause_set(&cause, kecs_str(CALL),
                          kecs_str("00-" TRACE "-" SPAN "-01")), "a cause");
    send_caused(&a, &cause);
    memset(&cause, 0, sizeof(cause));
    tap_ok(fake_until(&server, k, asked == 1), "a request with a cause");
    (void) snprintf(first, sizeof(first), "%s", own_span());
    (void) snprintf(want, sizeof(want), "00-" TRACE "-%s-01", first);
    tap_ok(first[0] != '\0', "bears it: %s", last.audit_id);
    tap_ok(strcmp(first, SPAN) != 0, "and a span of our own");
    tap_is_str(kecs_str_of(last.traceparent), want, "in the trace");

    tap_ok(fake_until(&server, k, asked == 2), "it is sent again");
    tap_ok(own_span()[0] != '\0' && strcmp(first, own_span()) != 0,
           "with another span");
    (void) snprintf(want, sizeof(want), "00-" TRACE "-%s-01", own_span());
    tap_is_str(kecs_str_of(last.traceparent), want, "in the same trace");
    fake_reply(open_conn, 200, "", "{}");
    tap_ok(fake_until(&server, k, a.calls == 1), "and answered");

    play = good;
    (void) kecs_cause_set(&cause, kecs_str(CALL), kecs_str("00-x"));
    send_caused(&a, &cause);
    tap_ok(fake_until(&server, k, a.calls == 1), "a cause without a trace");
    tap_ok(own_span()[0] != '\0', "bears the call");
    tap_is_str(kecs_str_of(last.traceparent), "", "and no trace");

    send_caused(&a, NULL);
    tap_ok(fake_until(&server, k, a.calls == 1), "no cause");
    tap_ok(last.audit_id[0] == '\0' && last.traceparent[0] == '\0',
           "bears neither");

    close_client();
}


static void
test_retries(void)
{
    answer_t             a;
    kecs_msec_t          from;
    static const play_t  flaky[] = {
        DROP, { 500, NULL, NULL }, { 429, NULL, NULL }, { 503, NULL, NULL },
        { 200, NULL, "at last" }, END
    };
    static const play_t  later[] = {
        { 429, "Retry-After: 1\r\n", NULL }, { 200, NULL, NULL }, END
    };
    static const play_t  sick[] = { { 500, NULL, "sick" }, END };
    static const play_t  denied[] = { { 403, NULL, "no" }, END };

    open_client((kecs_kube_conf_t) { 0 }, NULL, NULL);

    play = flaky;
    (void) get(&a, true);
    tap_ok(fake_until(&server, k, a.calls), "repeated until it is answered");
    tap_is_str(kecs_str_of(a.body), "at last", "in the end");
    tap_is_int(asked, 5, "after four failures");
    tap_is_int(a.calls, 1, "told once");

    play = later;
    from = kecs_monotonic();
    (void) get(&a, true);
    tap_ok(fake_until(&server, k, a.calls)
           && kecs_monotonic() - from >= 1000, "Retry-After is honoured");

    play = sick;
    asked = 0;
    (void) get(&a, false);
    tap_ok(fake_until(&server, k, a.calls) && a.status == 500 && asked == 1,
           "nothing is repeated unasked");

    play = denied;
    asked = 0;
    (void) get(&a, true);
    tap_ok(fake_until(&server, k, a.calls) && a.status == 403 && asked == 1,
           "nor what would not change");

    close_client();

    /* no server at all, then one */

    open_client((kecs_kube_conf_t) { 0 }, NULL, NULL);
    close(server.fd);
    server.fd = -1;
    (void) get(&a, false);
    tap_ok(fake_until(&server, k, a.calls) && a.status == 0
           && *a.error != '\0' && !a.begun, "nobody there: %s", a.error);
    close_client();
}


static void
test_backoff(void)
{
    bool         ok;
    unsigned     n, i;
    kecs_msec_t  pause, most;

    open_client((kecs_kube_conf_t) { .backoff = 100, .backoff_max = 1000 },
                NULL, NULL);

    for (n = 0, ok = true, most = 100; n < 40; n++) {
        for (i = 0; i < 50; i++) {
            pause = kecs_kube_backoff(k, n);
            ok &= pause >= most / 2 && pause <= most;
        }

        most = most * 2 > 1000 ? 1000 : most * 2;
    }

    tap_ok(ok, "pauses double up to a limit, half of them random");

    close_client();
}


static void
write_token(const char *path, const char *token)
{
    char   other[256];
    FILE  *f;

    (void) snprintf(other, sizeof(other), "%s.new", path);
    f = fopen(other, "w");
    fputs(token, f);
    fclose(f);
    (void) rename(other, path);
}


static void
test_token(void)
{
    char                 path[] = "/tmp/kecs-token-XXXXXX";
    answer_t             a;
    static const play_t  once[] = {
        { 401, NULL, NULL }, { 200, NULL, NULL }, END
    };
    static const play_t  never[] = { { 401, NULL, "who?" }, END };
    static const play_t  good[] = { { 200, NULL, NULL }, END };

    close(mkstemp(path));
    write_token(path, "one\n");
    open_client((kecs_kube_conf_t) { .backoff = 10, .backoff_max = 20,
                                     .token_age = 3600000 }, "one", path);

    play = good;
    (void) get(&a, false);
    (void) fake_until(&server, k, a.calls);
    tap_is_str(kecs_str_of(last.authorization), "Bearer one", "a token");

    write_token(path, "two\n");
    play = once;
    asked = 0;
    (void) get(&a, false);
    tap_ok(fake_until(&server, k, a.calls) && a.status == 200,
           "after a 401 the file is read again");
    tap_is_str(kecs_str_of(last.authorization), "Bearer two", "and used");
    tap_is_int(asked, 2, "at once");

    play = never;
    asked = 0;
    (void) get(&a, false);
    tap_ok(fake_until(&server, k, a.calls) && a.status == 401 && asked == 1,
           "the same token is not tried again");

    close_client();

    write_token(path, "three\n");
    open_client((kecs_kube_conf_t) { .token_age = 1 }, "two", path);
    play = good;
    fake_step(&server, k, 5);
    fake_step(&server, k, 5);
    (void) get(&a, false);
    (void) fake_until(&server, k, a.calls);
    tap_is_str(kecs_str_of(last.authorization), "Bearer three",
               "an old token is read again unasked");

    write_token(path, "bad token\n");
    fake_step(&server, k, 5);
    (void) get(&a, false);
    (void) fake_until(&server, k, a.calls);
    tap_is_str(kecs_str_of(last.authorization), "Bearer three",
               "a file that is broken changes nothing");

    close_client();
    (void) unlink(path);
}


static void
test_queue(void)
{
    int                  i;
    bool                 ok;
    answer_t             a[9];
    kecs_kube_call_t    *call[9];
    static const play_t  silent[] = { SILENT, END };

    open_client((kecs_kube_conf_t) { .burst = 3 }, NULL, NULL);
    play = silent;

    for (i = 0; i < 9; i++) {
        call[i] = get(&a[i], true);
    }

    tap_is_int(kecs_kube_pending(k), 9, "nine requests");
    tap_ok(fake_until(&server, k, asked == 3), "three go out");

    for (i = 0; i < 5; i++) {
        fake_step(&server, k, 10);
    }

    tap_is_int(asked, 3, "and no more");
    tap_ok(!kecs_kube_idle(call[0]) && kecs_kube_idle(call[8]),
           "one is under way, another waits");

    kecs_kube_cancel(k, call[0]);
    kecs_kube_cancel(k, call[0]);
    kecs_kube_cancel(k, call[8]);
    tap_ok(fake_until(&server, k, asked == 4), "a free place is taken");
    tap_is_int(kecs_kube_pending(k), 7, "seven are left");

    for (i = 0, ok = true; i < 9; i++) {
        ok &= a[i].calls == 0;
    }

    tap_ok(ok, "nobody was called back");
    close_client();
}


/* Callbacks that send and cancel. */

static kecs_kube_call_t  *victim;

static void
chain(void *ctx, const kecs_kube_reply_t *reply)
{
    kecs_kube_request_t  r;

    (void) reply;
    memset(&r, 0, sizeof(r));
    kecs_kube_cancel(k, victim);
    r.method = "GET";
    r.path = kecs_str("/second");
    r.done = done;
    r.ctx = ctx;
    (void) kecs_kube_send(k, &r, NULL);
}


static void
test_callbacks(void)
{
    answer_t              a, b;
    kecs_kube_request_t   r;
    static const play_t   good[] = { { 200, NULL, NULL }, END };

    open_client((kecs_kube_conf_t) { 0 }, NULL, NULL);
    play = good;

    memset(&r, 0, sizeof(r));
    memset(&a, 0, sizeof(a));
    r.method = "GET";
    r.path = kecs_str("/first");
    r.done = chain;
    r.ctx = &a;
    (void) kecs_kube_send(k, &r, NULL);
    r.path = kecs_str("/victim");
    r.delay = 60000;
    r.done = done;
    r.ctx = &b;
    memset(&b, 0, sizeof(b));
    (void) kecs_kube_send(k, &r, &victim);

    tap_ok(fake_until(&server, k, a.calls), "a callback sends a request");
    tap_is_str(kecs_str_of(last.path), "/second", "which is answered");
    tap_is_int(b.calls, 0, "and cancels another");
    tap_is_int(kecs_kube_pending(k), 0, "nothing is left");

    close_client();
}


/* Streams. */


typedef struct {
    answer_t   a;
    unsigned   lines;
    size_t     bytes;
    unsigned   stop_at;             /* 0: never */
    char       text[4096];
} stream_t;

static bool
line(void *ctx, kecs_str_t text)
{
    size_t     len;
    stream_t  *s = ctx;

    s->lines++;
    s->bytes += text.len;
    len = strlen(s->text);
    (void) snprintf(s->text + len, sizeof(s->text) - len, "[%.*s]",
                    (int) (text.len > 100 ? 100 : text.len), text.data);

    return s->lines != s->stop_at;
}


static void
stream(stream_t *s)
{
    kecs_kube_request_t  r;

    memset(s, 0, sizeof(stream_t));
    memset(&r, 0, sizeof(r));
    r.method = "GET";
    r.path = kecs_str("/watch");
    r.line = line;
    r.done = done;
    r.ctx = s;
    (void) kecs_kube_send(k, &r, NULL);
    open_conn = NULL;
}


static void
test_splits(void)
{
    bool                 ok;
    size_t               i, j, n;
    stream_t             s;
    static const char    text[] = "{\"a\":1}\n\n{\"b\":\"\xc3\xa9\"}\nx\n";
    static const play_t  silent[] = { SILENT, END };

    n = sizeof(text) - 1;
    ok = true;
    open_client((kecs_kube_conf_t) { 0 }, NULL, NULL);
    play = silent;

    for (i = 0; i <= n && ok; i++) {
        stream(&s);
        (void) fake_until(&server, k, open_conn);
        fake_begin(open_conn);

        if (i > 0) {
            fake_chunk(open_conn, text, i);
        }

        for (j = 0; j < 3; j++) {
            fake_step(&server, k, 1);
        }

        if (i < n) {
            fake_chunk(open_conn, text + i, n - i);
        }

        fake_end(open_conn);
        ok = fake_until(&server, k, s.a.calls)
             && s.lines == 3 && s.a.status == 200
             && strcmp(s.text, "[{\"a\":1}][{\"b\":\"\xc3\xa9\"}][x]") == 0;
    }

    tap_ok(ok, "a stream that is split at every byte: %s", s.text);

    stream(&s);
    (void) fake_until(&server, k, open_conn);
    fake_begin(open_conn);

    for (i = 0; i < n; i++) {
        fake_chunk(open_conn, text + i, 1);
        fake_step(&server, k, 1);
    }

    tap_ok(fake_until(&server, k, s.lines == 3), "one byte at a time");
    tap_is_int(s.a.calls, 0, "lines come before the end");
    fake_end(open_conn);
    (void) fake_until(&server, k, s.a.calls);

    close_client();
}


static void
test_stream_ends(void)
{
    stream_t             s;
    static const play_t  silent[] = { SILENT, END };
    static const play_t  old[] = { { 410, NULL, "too old" }, END };

    open_client((kecs_kube_conf_t) { .burst = 1 }, NULL, NULL);
    play = silent;

    stream(&s);
    (void) fake_until(&server, k, open_conn);
    fake_begin(open_conn);
    fake_chunk(open_conn, "a\nhalf", 6);
    (void) fake_until(&server, k, s.lines);
    fake_drop(open_conn);
    tap_ok(fake_until(&server, k, s.a.calls) && s.a.status == 0 && s.a.begun,
           "a stream that breaks: %s", s.a.error);
    tap_is_str(kecs_str_of(s.text), "[a]", "half a line is none");

    play = old;
    stream(&s);
    tap_ok(fake_until(&server, k, s.a.calls) && s.a.status == 410
           && !s.a.begun, "a stream that is refused");
    tap_is_str(kecs_str_of(s.a.body), "too old", "and says why");
    tap_is_int(s.lines, 0, "in no line");

    play = silent;
    stream(&s);
    s.stop_at = 2;
    (void) fake_until(&server, k, open_conn);
    fake_begin(open_conn);
    fake_chunk(open_conn, "a\nb\nc\n", 6);
    tap_ok(fake_until(&server, k, s.a.calls) && s.lines == 2
           && s.a.status == 0, "a stream that we end: %s", s.a.error);

    close_client();
}


static void
test_long_line(void)
{
    char                *big;
    size_t               i, size;
    stream_t             s;
    static const play_t  silent[] = { SILENT, END };

    size = 1 << 20;
    big = malloc(size);
    memset(big, 'x', size);
    big[size - 1] = '\n';

    open_client((kecs_kube_conf_t) { 0 }, NULL, NULL);
    play = silent;
    stream(&s);
    (void) fake_until(&server, k, open_conn);
    fake_begin(open_conn);

    for (i = 0; i < size; i += 16384) {
        fake_chunk(open_conn, big + i, 16384);
        fake_step(&server, k, 0);
    }

    tap_ok(fake_until(&server, k, s.lines == 1)
           && s.bytes == size - 1, "a line of a megabyte");

    big[size - 1] = 'x';

    for (i = 0; i < 9 * size && s.a.calls == 0; i += 16384) {
        fake_chunk(open_conn, big + i % size, 16384);
        fake_step(&server, k, 0);
    }

    tap_ok(fake_until(&server, k, s.a.calls) && s.a.status == 0,
           "one of nine is refused: %s", s.a.error);

    free(big);
    close_client();
}


int
main(void)
{
    test_requests();
    test_causes();
    test_retries();
    test_backoff();
    test_token();
    test_queue();
    test_callbacks();
    test_splits();
    test_stream_ends();
    test_long_line();

    return tap_done();
}
