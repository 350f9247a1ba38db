/*
 * JSON in and out: limits, escapes, numbers, memory running out.
 */

#include <stdlib.h>

#include "../../src/json/json.h"
#include "../../src/json/json_writer.h"
#include "tap.h"


static void
refused(void)
{
    size_t         i;
    kecs_json_t   *v;
    kecs_arena_t  *a;

    static const char *const  bad[] = {
        "", " ", "{", "}", "[1,]", "{\"a\":}", "{\"a\" 1}", "nul", "1 2",
        "\"\\ud800\\u0041x", "\"\xff\"", "\"a\\u0000b\"", "{\"a\\u0000\":1}",
        "01", "+1", "1.", ".5", "1e", "'a'", "{a:1}", "/* c */ 1", "[1] x",
        "\"\x01\""
    };

    a = kecs_arena_create(0);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        tap_is_int(kecs_json_parse(a, kecs_str_of(bad[i]), &v), KECS_INVALID,
                   "refused: %s", bad[i]);
    }

    kecs_arena_destroy(a);
}


static kecs_rc_t
nested(kecs_arena_t *a, size_t depth)
{
    char         *text;
    kecs_rc_t     rc;
    kecs_json_t  *v;

    text = malloc(2 * depth);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    rc = kecs_json_parse(a, kecs_str_n(text, 2 * depth), &v);
    free(text);

    return rc;
}


static void
limits(void)
{
    char          *text;
    size_t         i, n;
    kecs_json_t   *v;
    kecs_arena_t  *a;

    a = kecs_arena_create(0);
    tap_is_int(nested(a, KECS_JSON_DEPTH), KECS_OK, "deep enough");
    tap_is_int(nested(a, KECS_JSON_DEPTH + 1), KECS_TOO_LARGE, "too deep");
    tap_is_int(nested(a, 500000), KECS_TOO_LARGE, "absurdly deep");

    n = KECS_JSON_VALUES + 1;
    text = malloc(2 * n + 1);
    text[0] = '[';

    for (i = 0; i < n; i++) {
        text[1 + 2 * i] = '1';
        text[2 + 2 * i] = ',';
    }

    text[2 * n] = ']';
    tap_is_int(kecs_json_parse(a, kecs_str_n(text, 2 * n + 1), &v),
               KECS_TOO_LARGE, "too many values");
    free(text);
    kecs_arena_destroy(a);
}


static void
values(void)
{
    double         d;
    int64_t        n;
    kecs_json_t   *v;
    kecs_arena_t  *a;

    a = kecs_arena_create(0);

    tap_is_int(kecs_json_parse(a, kecs_str(
        "{\"a\":1,\"b\":{\"c\":[true,null,\"\\u20ac\\n\"]},\"a\":2,"
        "\"big\":9223372036854775808,\"f\":1.5,\"e\":1e3}"), &v), KECS_OK,
        "an object");
    tap_is_int((int64_t) v->n, 5, "of two equal members one is left");
    tap_ok(kecs_json_i64(kecs_json_get(v, "a"), &n) && n == 2, "the last");
    tap_ok(!kecs_json_i64(kecs_json_get(v, "big"), &n), "does not fit");
    tap_ok(!kecs_json_i64(kecs_json_get(v, "f"), &n), "not an integer");
    tap_ok(kecs_json_double(kecs_json_get(v, "e"), &d) && d == 1000.0,
           "an exponent");
    tap_is_str(kecs_json_str(kecs_json_at(v, "b", "c", NULL)->first->next
                             ->next), "\xe2\x82\xac\n", "unescaped");
    tap_ok(kecs_json_at(v, "b", "x", "y", NULL) == NULL, "an absent path");
    tap_ok(kecs_json_true(kecs_json_at(v, "b", "c", NULL)->first), "true");

    kecs_arena_destroy(a);
}


/* Every allocation fails once; the parse never crashes. */

static void
starvation(void)
{
    unsigned       n;
    kecs_rc_t      rc;
    kecs_json_t   *v;
    kecs_arena_t  *a;

    rc = KECS_NOMEM;
    a = kecs_arena_create(0);

    for (n = 1; n < 1000 && rc == KECS_NOMEM; n++) {
        kecs_arena_reset(a);
        kecs_arena_fail_after(a, n);
        rc = kecs_json_parse(a, kecs_str(
            "{\"a\":[1,\"x\\ty\",{\"b\":null}],\"c\":\"d\"}"), &v);
    }

    tap_ok(rc == KECS_OK && n > 10, "survived %u failed allocations", n - 2);
    kecs_arena_destroy(a);
}


/* Each byte at each place of strings up to some words of the machine. */

static bool
escaped_anywhere(kecs_arena_t *a)
{
    char            text[20];
    bool            ok;
    size_t          n, i;
    unsigned        c;
    kecs_buf_t      b;
    kecs_json_t    *v;
    kecs_writer_t   w;

    for (ok = true, n = 1; n <= sizeof(text); n++) {
        for (i = 0; i < n; i++) {
            for (c = 1; c < 0x80; c++) {
                kecs_arena_reset(a);
                memset(text, 'a', n);
                text[i] = (char) c;
                kecs_buf_init(&b, a, 0);
                w = kecs_writer(&b);
                kecs_w_str(&w, NULL, kecs_str_n(text, n));
                ok &= kecs_json_parse(a, kecs_buf_view(&b), &v) == KECS_OK
                      && kecs_str_eq(v->str, kecs_str_n(text, n));
            }
        }
    }

    return ok;
}


static void
out(void)
{
    kecs_buf_t      b;
    kecs_arena_t   *a;
    kecs_writer_t   w;

    a = kecs_arena_create(0);
    kecs_buf_init(&b, a, 0);
    w = kecs_writer(&b);

    kecs_w_object(&w, NULL);
    kecs_w_i64(&w, "i", -5);
    kecs_w_array(&w, "a");
    kecs_w_array_end(&w);
    kecs_w_array(&w, "b");
    kecs_w_object(&w, NULL);
    kecs_w_object_end(&w);
    kecs_w_cstr(&w, NULL, "q\"\\\n\x01/");
    kecs_w_array_end(&w);
    kecs_w_time(&w, "t", 1789551556693);
    kecs_w_time(&w, "s", 1789551556000);
    kecs_w_time(&w, "none", 0);
    kecs_w_double(&w, "d", 0.1);
    kecs_w_double(&w, "e", 50);
    kecs_w_raw(&w, "raw", kecs_str("[1]"));
    kecs_w_splice(&w, kecs_str("{\"x\":1,\"y\":2}"));
    kecs_w_splice(&w, kecs_str("{}"));
    kecs_w_bool(&w, "z", true);
    kecs_w_object_end(&w);

    tap_is_str(kecs_buf_view(&b),
               "{\"i\":-5,\"a\":[],\"b\":[{},\"q\\\"\\\\\\n\\u0001/\"],"
               "\"t\":1789551556.693,\"s\":1789551556,\"d\":0.1,\"e\":50,"
               "\"raw\":[1],\"x\":1,\"y\":2,\"z\":true}", "written");
    tap_ok(escaped_anywhere(a), "what is written is read back");
    kecs_arena_destroy(a);
}


int
main(void)
{
    refused();
    limits();
    values();
    starvation();
    out();

    return tap_done();
}
