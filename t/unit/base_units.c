/*
 * Strings, arena, buffer, time, ids.
 */

#include "../../src/base/buf.h"
#include "../../src/base/clock.h"
#include "../../src/base/rand.h"
#include "../../src/base/trace.h"
#include "tap.h"


/* In strings of all lengths up to some words of the machine. */

static bool
refused_anywhere(char c)
{
    char    text[24];
    bool    ok;
    size_t  n, i;

    for (ok = true, n = 1; n <= sizeof(text); n++) {
        memset(text, 'a', n);
        ok &= kecs_str_utf8(kecs_str_n(text, n));

        for (i = 0; i < n; i++) {
            text[i] = c;
            ok &= !kecs_str_utf8(kecs_str_n(text, n));
            text[i] = 'a';
        }
    }

    return ok;
}


static void
strings(void)
{
    uint8_t      raw[4];
    char         hex[8];
    uint64_t     n;
    kecs_str_t   s, head;

    s = kecs_str("a:bb:");
    tap_ok(kecs_str_split(&s, ':', &head) && kecs_str_is(head, "a"),
           "split: the first part");
    tap_ok(kecs_str_split(&s, ':', &head) && kecs_str_is(head, "bb"),
           "split: the second part");
    tap_ok(kecs_str_split(&s, ':', &head) && head.len == 0
           && head.data != NULL, "split: an empty part at the end");
    tap_ok(!kecs_str_split(&s, ':', &head), "split: nothing is left");

    tap_ok(kecs_str_cmp(kecs_str("ab"), kecs_str("abc")) < 0,
           "a prefix comes first");
    tap_ok(kecs_str_cmp(kecs_str("b"), kecs_str("abc")) > 0, "order");
    tap_is_int(kecs_str_rchr(kecs_str("a/b/c"), '/'), 3, "last separator");

    tap_ok(kecs_str_u64(kecs_str("18446744073709551615"), &n)
           && n == UINT64_MAX, "the largest number");
    tap_ok(!kecs_str_u64(kecs_str("18446744073709551616"), &n),
           "one more overflows");
    tap_ok(!kecs_str_u64(kecs_str("-1"), &n)
           && !kecs_str_u64(kecs_str(""), &n)
           && !kecs_str_u64(kecs_str("1 "), &n), "digits only");

    tap_ok(kecs_str_utf8(kecs_str("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")),
           "UTF-8 of all lengths");
    tap_ok(!kecs_str_utf8(kecs_str("\xc0\xaf")), "overlong");
    tap_ok(!kecs_str_utf8(kecs_str("\xed\xa0\x80")), "surrogate");
    tap_ok(!kecs_str_utf8(kecs_str("\xf4\x90\x80\x80")), "beyond U+10FFFF");
    tap_ok(!kecs_str_utf8(kecs_str("\xe2\x82")), "cut off");
    tap_ok(!kecs_str_utf8(kecs_str_n("a\0b", 3)), "NUL");
    tap_ok(refused_anywhere('\0') && refused_anywhere('\xff')
           && refused_anywhere('\x80'), "wherever they stand");
    tap_is_int((int64_t) kecs_str_utf8_len(kecs_str("\xe2\x82\xac" "a")), 2,
               "code points");

    tap_ok(kecs_unhex(kecs_str("00ffA5c3"), raw, 4) && raw[1] == 0xff
           && raw[2] == 0xa5, "hexadecimal in");
    tap_ok(!kecs_unhex(kecs_str("00ffA5c"), raw, 4)
           && !kecs_unhex(kecs_str("00ffA5cg"), raw, 4), "refused");
    kecs_hex(raw, 4, hex);
    tap_is_str(kecs_str_n(hex, 8), "00ffa5c3", "hexadecimal out");
}


static void
arenas(void)
{
    char          *p, *q;
    size_t         i;
    bool           ok;
    kecs_str_t     s;
    kecs_arena_t  *a;

    a = kecs_arena_create(256);
    p = kecs_alloc(a, 100);
    q = kecs_alloc(a, 5000);
    memset(p, 1, 100);
    memset(q, 2, 5000);
    tap_ok(p[99] == 1 && q[4999] == 2, "small and large beside each other");
    tap_ok(kecs_alloc(a, SIZE_MAX) == NULL
           && kecs_calloc(a, SIZE_MAX, 8) == NULL, "absurd sizes fail");

    for (i = 0, ok = true; i < 1000; i++) {
        p = kecs_zalloc(a, i % 40);
        ok = ok && p != NULL && ((uintptr_t) p & 15) == 0;
        memset(p, 0xff, i % 40);
    }

    tap_ok(ok, "every allocation is aligned");

    kecs_arena_reset(a);
    s = kecs_sprintf(a, "%s-%d", "x", 42);
    tap_is_str(s, "x-42", "printf after a reset");

    kecs_arena_fail_after(a, 2);
    tap_ok(kecs_alloc(a, 1) != NULL && kecs_alloc(a, 1) == NULL
           && kecs_alloc(a, 1) != NULL, "the second allocation fails");

    kecs_arena_limit(a, 8192);
    tap_ok(kecs_alloc(a, 100000) == NULL, "over the limit");
    kecs_arena_destroy(a);
}


static void
buffers(void)
{
    size_t         i;
    kecs_buf_t     b;

    kecs_buf_init(&b, NULL, 4096);

    for (i = 0; i < 100; i++) {
        kecs_buf_u64(&b, i);
    }

    tap_is_int((int64_t) b.len, 190, "numbers");
    kecs_buf_free(&b);

    kecs_buf_init(&b, NULL, 4096);
    kecs_buf_i64(&b, INT64_MIN);
    kecs_buf_chr(&b, ' ');
    kecs_buf_printf(&b, "%05d", 7);
    tap_is_str(kecs_buf_view(&b), "-9223372036854775808 00007",
               "the smallest number");
    kecs_buf_free(&b);

    kecs_buf_init(&b, NULL, 16);
    kecs_buf_add(&b, "0123456789", 10);
    kecs_buf_add(&b, "0123456789", 10);
    kecs_buf_chr(&b, 'x');
    tap_ok(b.failed && b.len == 10, "over its cap the buffer fails for good");
    kecs_buf_free(&b);
}


static void
times(void)
{
    size_t       i;
    char         text[KECS_TIME_LEN + 1];
    kecs_msec_t  t;

    static const struct {
        const char   *text;
        kecs_msec_t   t;
    } good[] = {
        { "1970-01-01T00:00:00Z", 0 },
        { "2026-11-21T09:52:15Z", 1795254735000 },
        { "2026-11-21T09:52:15.5Z", 1795254735500 },
        { "2026-11-21T09:52:15.123456Z", 1795254735123 },
        { "2026-11-21T18:52:15+09:00", 1795254735000 }
    };

    static const char *const  bad[] = {
        "", "2026-11-21", "2026-11-21T09:52:15", "2026-13-21T09:52:15Z",
        "2026-11-21T09:52:15.Z", "2026-11-21T09:52:15Zx", "x"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        tap_ok(kecs_time_parse(kecs_str_of(good[i].text), &t)
               && t == good[i].t, "%s", good[i].text);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        tap_ok(!kecs_time_parse(kecs_str_of(bad[i]), &t), "\"%s\" is refused",
               bad[i]);
    }

    kecs_time_print(1795254735123, text);
    tap_is_str(kecs_str_of(text), "2026-11-21T09:52:15.123Z", "printed");
}


static void
durations(void)
{
    size_t       i;
    kecs_msec_t  t;

    static const struct {
        const char   *text;
        kecs_msec_t   t;
    } good[] = {
        { "0s", 0 }, { "500ms", 500 }, { "90s", 90000 }, { "15m", 900000 },
        { "2h", 7200000 }, { "7d", 604800000 },
        { "106751991167d", 106751991167 * 86400000 }
    };

    static const char *const  bad[] = {
        "", "s", "5", "-1s", "5 s", "5S", "1.5h", "5w", "106751991168d",
        "99999999999999999999s"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        tap_ok(kecs_duration_parse(kecs_str_of(good[i].text), &t)
               && t == good[i].t, "%s", good[i].text);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        tap_ok(!kecs_duration_parse(kecs_str_of(bad[i]), &t),
               "\"%s\" is no duration", bad[i]);
    }
}


static void
ids(void)
{
    char         a[37], b[37];
    kecs_rand_t  r, s;

    kecs_rand_seed(&r, 7);
    kecs_rand_seed(&s, 7);
    kecs_rand_uuid(&r, a);
    kecs_rand_uuid(&s, b);
    tap_is_str(kecs_str_of(a), b, "the same seed, the same id");
    tap_ok(strlen(a) == KECS_UUID_LEN && a[14] == '4' && a[8] == '-',
           "a version 4 UUID: %s", a);

    tap_is_int(kecs_rand_system(&r), KECS_OK, "the system's generator");
    tap_ok(kecs_rand_u64(&r) != kecs_rand_u64(&r), "two draws differ");
}


#define ID    "0af7651916cd43dd8448eb211c80319c"
#define SPAN  "b7ad6b7169203331"
#define ZERO  "0000000000000000"


static void
traces(void)
{
    char                 out[KECS_TRACE_LEN + 1], span[KECS_SPAN_LEN + 1];
    size_t               i;
    kecs_rand_t          rand;
    kecs_cause_t         c;
    kecs_trace_t         t;
    static const char   *const  good[][2] = {
        { "00-" ID "-" SPAN "-01", "00-" ID "-" SPAN "-01" },
        { "00-" ID "-" SPAN "-00", "00-" ID "-" SPAN "-00" },
        { "00-" ID "-" SPAN "-ff", "00-" ID "-" SPAN "-03" },
        { "cc-" ID "-" SPAN "-09", "00-" ID "-" SPAN "-01" },
        { "01-" ID "-" SPAN "-02-more-of-it", "00-" ID "-" SPAN "-02" }
    };
    static const char   *const  bad[] = {
        "", "-", "----", "ff-" ID "-" SPAN "-01", "00-" ID "-" SPAN "-01-x",
        "00-" ZERO ZERO "-" SPAN "-01", "00-" ID "-" ZERO "-01",
        "00-" ID "-" SPAN, "00-" ID "0-" SPAN "-01", "00-" ID "-" SPAN "-0g",
        "00-" ID "-" SPAN "-1", "00-" ID "-B7AD6B7169203331-01",
        "0-" ID "-" SPAN "-01", " 00-" ID "-" SPAN "-01"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        tap_ok(kecs_trace_parse(kecs_str_of(good[i][0]), &t), "traceparent "
               "%s", good[i][0]);
        kecs_trace_put(&t, t.span, out);
        tap_is_str(kecs_str_of(out), good[i][1], "as it is sent on");
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        tap_ok(!kecs_trace_parse(kecs_str_of(bad[i]), &t), "none: %s",
               bad[i]);
    }

    tap_ok(!kecs_trace_parse(kecs_null_str, &t), "none: no header");

    kecs_rand_seed(&rand, 1);
    kecs_span_new(&rand, span);
    (void) kecs_trace_parse(kecs_str("00-" ID "-" SPAN "-01"), &t);
    kecs_trace_put(&t, kecs_str_of(span), out);
    tap_ok(kecs_trace_parse(kecs_str_of(out), &t)
           && kecs_str_is(t.id, ID) && kecs_str_is(t.span, span),
           "a span of our own in the same trace: %s", out);

    tap_ok(!kecs_cause_set(&c, kecs_str("x"), kecs_null_str)
           && c.request_id[0] == '\0', "a cause has a request id");
}


int
main(void)
{
    strings();
    arenas();
    buffers();
    times();
    durations();
    ids();
    traces();

    return tap_done();
}
