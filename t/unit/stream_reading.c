/*
 * The reader of GET /events: chunks and messages, cut at every byte.
 */

#include "../../src/stream/stream_frame.h"
#include "../../src/stream/stream_reader.h"
#include "tap.h"


/* All pieces of `in`, read `step` bytes at a time, into `out`. */

static kecs_read_t
unchunk(kecs_str_t in, size_t step, kecs_buf_t *out)
{
    kecs_str_t     part, piece;
    kecs_read_t    rc;
    kecs_chunks_t  c;

    memset(&c, 0, sizeof(c));
    rc = KECS_READ_MORE;

    while (in.len > 0 && rc == KECS_READ_MORE) {
        part = kecs_str_n(in.data, step < in.len ? step : in.len);
        in = kecs_str_from(in, part.len);

        while ((rc = kecs_chunks_read(&c, &part, &piece)) == KECS_READ_SOME) {
            kecs_buf_str(out, piece);
        }
    }

    return rc;
}


static void
test_chunks(void)
{
    size_t                   i, step;
    kecs_buf_t               out;
    kecs_read_t              rc;
    static const kecs_str_t  good = kecs_string(
        "5\r\nhello\r\nA;name=v\r\n, world!\r\n\r\n1\r\n.\r\n0\r\n\r\n");
    static const char *const bad[] = {
        "\r\n", "x\r\n", "5\r\nhelloX\n", "1\r\na\rx", "123456789\r\n"
    };

    for (step = 1; step <= good.len; step++) {
        kecs_buf_init(&out, NULL, 0);
        rc = unchunk(good, step, &out);
        tap_ok(rc == KECS_READ_END
               && kecs_str_is(kecs_buf_view(&out), "hello, world!\r\n."),
               "chunks, %zu bytes at a time", step);
        kecs_buf_free(&out);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        kecs_buf_init(&out, NULL, 0);
        tap_ok(unchunk(kecs_str_of(bad[i]), 64, &out) == KECS_READ_BAD,
               "what is no chunk is refused: %zu", i);
        kecs_buf_free(&out);
    }
}


/* All messages as "name seq data|", read `step` bytes at a time. */

static void
list(kecs_str_t in, size_t step, kecs_buf_t *out)
{
    kecs_str_t         part;
    kecs_sse_reader_t  r;

    kecs_sse_reader_init(&r);

    while (in.len > 0) {
        part = kecs_str_n(in.data, step < in.len ? step : in.len);
        in = kecs_str_from(in, part.len);

        while (kecs_sse_read(&r, &part) == KECS_READ_SOME) {
            kecs_buf_printf(out, "%.*s %llu %.*s|",
                            kecs_fmt(kecs_buf_view(&r.name)),
                            (unsigned long long) r.seq,
                            kecs_fmt(kecs_buf_view(&r.data)));
        }
    }

    kecs_sse_reader_free(&r);
}


static void
test_messages(void)
{
    size_t      step;
    kecs_buf_t  in, out;

    kecs_buf_init(&in, NULL, 0);
    kecs_sse_retry(&in, 1000);
    kecs_sse_message(&in, kecs_str("start"), 7, kecs_str("{\"a\":1}"));
    kecs_sse_message(&in, kecs_null_str, 8, kecs_str("{\"b\": \"x: y\"}"));
    kecs_sse_beat(&in, 12);
    kecs_buf_str(&in, kecs_str("data:one\r\ndata\rdata: three\r\n\r\n"));
    kecs_buf_str(&in, kecs_str("id: x\ndata: the end\n\ndata: cut o"));

    for (step = 1; step <= in.len; step++) {
        kecs_buf_init(&out, NULL, 0);
        list(kecs_buf_view(&in), step, &out);
        tap_is_str(kecs_buf_view(&out), " 0 |start 7 {\"a\":1}|"
                   " 8 {\"b\": \"x: y\"}| 12 | 12 one\n\nthree|"
                   " 12 the end|", "messages, bytes at a time");
        kecs_buf_free(&out);
    }

    kecs_buf_free(&in);
}


static void
test_large(void)
{
    char               text[4096];
    size_t             i;
    kecs_str_t         in;
    kecs_read_t        rc;
    kecs_sse_reader_t  r;

    memset(text, 'x', sizeof(text));
    kecs_sse_reader_init(&r);
    rc = KECS_READ_MORE;

    for (i = 0; i <= KECS_SSE_MAX / sizeof(text) && rc == KECS_READ_MORE; i++)
    {
        in = kecs_str_n(text, sizeof(text));
        rc = kecs_sse_read(&r, &in);
    }

    tap_ok(rc == KECS_READ_BAD, "a line without end is refused");
    kecs_sse_reader_free(&r);
}


int
main(void)
{
    test_chunks();
    test_messages();
    test_large();

    return tap_done();
}
