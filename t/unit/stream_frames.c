/*
 * Messages of streams and the reader of websocket frames: exact bytes, and
 * any bytes in any pieces.
 */

#include "../../src/base/rand.h"
#include "../../src/stream/stream_frame.h"
#include "tap.h"


static void
is_buf(kecs_buf_t *b, kecs_str_t want, const char *what)
{
    tap_ok(!b->failed && kecs_str_eq(kecs_buf_view(b), want), "%s", what);
    b->len = 0;
}


static void
test_sse(void)
{
    kecs_buf_t  b;

    kecs_buf_init(&b, NULL, 0);

    kecs_sse_message(&b, kecs_null_str, 7, kecs_str("{}"));
    is_buf(&b, kecs_str("id: 7\ndata: {}\n\n"), "a message");
    kecs_sse_message(&b, kecs_str("start"), UINT64_MAX, kecs_str("[]"));
    is_buf(&b, kecs_str("event: start\nid: 18446744073709551615\n"
                        "data: []\n\n"), "with a name");
    kecs_sse_beat(&b, 0);
    is_buf(&b, kecs_str(": heartbeat\nid: 0\n\n"), "a heartbeat");
    kecs_sse_retry(&b, 1500);
    is_buf(&b, kecs_str("retry: 1500\n\n"), "a wait");

    kecs_buf_free(&b);
}


static void
test_accept(void)
{
    char    out[KECS_WS_ACCEPT_LEN];
    size_t  i;

    static const char *const  bad[] = {
        "", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZQAA", "dGhlIHNhbXBsZSBub25j Q==",
        "dGhlIHNhbXBsZSBub25=ZQ=="
    };

    tap_ok(kecs_ws_accept(kecs_str("dGhlIHNhbXBsZSBub25jZQ=="), out),
           "the key of RFC 6455");
    tap_ok(memcmp(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", sizeof(out)) == 0,
           "its answer");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        tap_ok(!kecs_ws_accept(kecs_str_of(bad[i]), out), "no key: %s",
               bad[i]);
    }

    tap_ok(!kecs_ws_accept(kecs_null_str, out), "no key at all");
}


static void
test_frames(void)
{
    size_t       i, from;
    kecs_buf_t   b;
    static char  text[70000];

    static const struct {
        size_t       len;
        size_t       head;
        const char  *bytes;
    } sizes[] = {
        { 0, 2, "\x81\x00" }, { 125, 2, "\x81\x7d" },
        { 126, 4, "\x81\x7e\x00\x7e" }, { 65535, 4, "\x81\x7e\xff\xff" },
        { 65536, 10, "\x81\x7f\0\0\0\0\0\x01\0\0" },
        { 70000, 10, "\x81\x7f\0\0\0\0\0\x01\x11\x70" }
    };

    memset(text, 'x', sizeof(text));
    kecs_buf_init(&b, NULL, 0);

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        kecs_ws_frame(&b, KECS_WS_TEXT, kecs_str_n(text, sizes[i].len));
        from = sizes[i].head;
        tap_ok(b.len == from + sizes[i].len
               && memcmp(b.data, sizes[i].bytes, from) == 0
               && memcmp(b.data + from, text, sizes[i].len) == 0,
               "a frame of %zu bytes", sizes[i].len);
        b.len = 0;
    }

    kecs_ws_message(&b, NULL, 12, kecs_null_str);
    is_buf(&b, kecs_str("\x81\x0a{\"seq\":12}"), "only a position");
    kecs_ws_message(&b, "event", 3, kecs_str("{}"));
    is_buf(&b, kecs_str("\x81\x14{\"seq\":3,\"event\":{}}"), "an event");

    kecs_ws_close(&b, 1012, kecs_str("bye"));
    is_buf(&b, kecs_str("\x88\x05\x03\xf4" "bye"), "a close");
    kecs_ws_close(&b, 1012, kecs_str_n(text, 200));
    tap_ok(b.len == 127 && (uint8_t) b.data[1] == 125,
           "a reason is cut to what a control frame takes");

    kecs_buf_free(&b);
}


/* The reader: bytes at once, and one by one. */

static kecs_ws_read_t
read_all(kecs_ws_reader_t *r, kecs_str_t in, bool pieces, unsigned *code)
{
    kecs_str_t      piece;
    kecs_ws_read_t  rc;

    memset(r, 0, sizeof(*r));
    rc = KECS_WS_MORE;

    while (in.len != 0 && rc == KECS_WS_MORE) {
        piece = in;
        piece.len = pieces ? 1 : in.len;
        in = kecs_str_from(in, piece.len);
        rc = kecs_ws_read(r, &piece, code);
    }

    return rc;
}


static void
test_read(void)
{
    int               pieces;
    size_t            i;
    unsigned          code;
    kecs_ws_read_t    rc;
    kecs_ws_reader_t  r;

    static const struct {
        kecs_str_t   bytes;
        unsigned     refused;       /* 0: a control frame */
        const char  *what;
    } cases[] = {
        { kecs_string("\x89\x80" "abcd"), 0, "an empty ping" },
        { kecs_string("\x8a\x83" "abcd" "abc"), 0, "a pong" },
        { kecs_string("\x88\x82" "\0\0\0\0" "\x03\xe8"), 0, "a close" },
        { kecs_string("\x81"), 1008, "text" },
        { kecs_string("\x01"), 1008, "a piece of text" },
        { kecs_string("\x82"), 1003, "binary" },
        { kecs_string("\x80"), 1002, "a continuation" },
        { kecs_string("\x09"), 1002, "a ping in pieces" },
        { kecs_string("\xc9"), 1002, "a reserved bit" },
        { kecs_string("\x83"), 1002, "an unknown opcode" },
        { kecs_string("\x8f"), 1002, "an unknown control frame" },
        { kecs_string("\x89\x00"), 1002, "no mask" },
        { kecs_string("\x89\xfe"), 1002, "a long ping" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (pieces = 0; pieces < 2; pieces++) {
            code = 0;
            rc = read_all(&r, cases[i].bytes, pieces != 0, &code);
            tap_ok(rc == (cases[i].refused ? KECS_WS_REFUSE
                                           : KECS_WS_CONTROL)
                   && code == cases[i].refused,
                   "%s%s", cases[i].what, pieces ? ", byte by byte" : "");
        }
    }

    (void) read_all(&r, kecs_str("\x89\x83" "\x01\x02\x03\x04" "\x60\x60\x60"),
                    false, &code);
    tap_ok(r.got == 3 && memcmp(r.payload, "abc", 3) == 0,
           "the mask is taken off");
}


static void
test_close(void)
{
    size_t            i;
    kecs_ws_reader_t  r;

    static const struct {
        kecs_str_t  payload;
        unsigned    code;
    } cases[] = {
        { kecs_string(""), 1000 }, { kecs_string("\x03"), 1002 },
        { kecs_string("\x03\xe8"), 1000 }, { kecs_string("\x03\xe7"), 1002 },
        { kecs_string("\x03\xec"), 1002 }, { kecs_string("\x03\xed"), 1002 },
        { kecs_string("\x03\xee"), 1002 }, { kecs_string("\x03\xef"), 1007 },
        { kecs_string("\x03\xf6"), 1014 }, { kecs_string("\x03\xf7"), 1002 },
        { kecs_string("\x0b\xb7"), 1002 }, { kecs_string("\x0b\xb8"), 3000 },
        { kecs_string("\x13\x87"), 4999 }, { kecs_string("\x13\x88"), 1002 },
        { kecs_string("\x03\xe8" "bye"), 1000 },
        { kecs_string("\x03\xe8\xc3\xbc"), 1000 },
        { kecs_string("\x03\xe8\xc3"), 1007 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&r, 0, sizeof(r));
        r.got = cases[i].payload.len;
        memcpy(r.payload, cases[i].payload.data, r.got);
        tap_is_int(kecs_ws_close_code(&r), cases[i].code, "close %zu", i);
    }
}


/* Any bytes: the reader takes them all or refuses, however they are cut. */

static void
test_any(void)
{
    char              bytes[64];
    size_t            i;
    unsigned          n, differ, one, two;
    kecs_rand_t       rand;
    kecs_ws_reader_t  a, b;

    kecs_rand_seed(&rand, 15);

    for (n = 0, differ = 0; n < 100000; n++) {
        kecs_rand_bytes(&rand, bytes, sizeof(bytes));

        if (n % 2) {
            bytes[0] = (char) (0x88 + n / 2 % 3);
            bytes[1] = (char) (0x80 + n % 126);
        }

        i = (size_t) kecs_rand_below(&rand, sizeof(bytes) + 1);
        one = 0;
        two = 0;
        differ += read_all(&a, kecs_str_n(bytes, i), false, &one)
                  != read_all(&b, kecs_str_n(bytes, i), true, &two)
                  || one != two || a.got != b.got || a.state != b.state;
    }

    tap_is_int(differ, 0, "any bytes, however they are cut");
}


int
main(void)
{
    test_sse();
    test_accept();
    test_frames();
    test_read();
    test_close();
    test_any();

    return tap_done();
}
