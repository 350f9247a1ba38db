/*
 * Lists that are cut into items, texts with NUL, escapes for a URL.
 */

#include "../../src/kube/object.h"
#include "tap.h"


static kecs_arena_t  *arena;


static void
test_list(void)
{
    unsigned          n;
    kecs_str_t        items, item;
    kecs_kube_list_t  l;
    static const char text[] =
        " {\"kind\":\"PodList\",\"apiVersion\":\"v1\", \"metadata\" : "
        "{\"resourceVersion\":\"5\",\"a\":[{}]},\"items\":[\n"
        "{\"a\":\"]}\\\"\",\"b\":[1,[2]]} , {}\n,{\"c\":null}]} ";

    tap_is_int(kecs_kube_list(kecs_str_of(text), &l), KECS_OK, "a list");
    tap_is_str(l.metadata, "{\"resourceVersion\":\"5\",\"a\":[{}]}",
               "its metadata");

    items = l.items;
    tap_is_int(kecs_kube_item(&items, &item), KECS_OK, "an item");
    tap_is_str(item, "{\"a\":\"]}\\\"\",\"b\":[1,[2]]}", "with brackets in "
               "its strings");

    for (n = 0; kecs_kube_item(&items, &item) == KECS_OK; n++) {
        /* void */
    }

    tap_is_int(n, 2, "and two more");
    tap_is_int(kecs_kube_item(&items, &item), KECS_DONE, "no more");

    tap_is_int(kecs_kube_list(kecs_str("{\"metadata\":{},\"items\":null}"),
                              &l), KECS_OK, "no items at all");
    tap_is_int(kecs_kube_item(&l.items, &item), KECS_DONE, "are none");
}


/* Any cut of a list is refused, and never read beyond its end. */

static void
test_truncated(void)
{
    char               *copy;
    bool                ok;
    size_t              len;
    kecs_str_t          item;
    kecs_kube_list_t    l;
    static const char   text[] =
        "{\"metadata\":{\"resourceVersion\":\"5\"},"
        "\"items\":[{\"a\":\"x\\\\\"},{\"b\":[true]}]}";

    ok = true;

    for (len = 0; len < sizeof(text) - 1; len++) {
        copy = kecs_alloc(arena, len);
        memcpy(copy, text, len);
        ok &= kecs_kube_list(kecs_str_n(copy, len), &l) == KECS_INVALID;
    }

    tap_ok(ok, "a list that is cut anywhere is malformed");

    l.items = kecs_str("{} {}");
    tap_is_int(kecs_kube_item(&l.items, &item), KECS_INVALID,
               "items without a comma");
    l.items = kecs_str("{\"a");
    tap_is_int(kecs_kube_item(&l.items, &item), KECS_INVALID,
               "an item that does not end");
    tap_is_int(kecs_kube_list(kecs_str("[]"), &l), KECS_INVALID, "no list");
    tap_is_int(kecs_kube_list(kecs_str(""), &l), KECS_INVALID, "nothing");
    tap_is_int(kecs_kube_list(kecs_str("{\"items\":[]}"), &l), KECS_INVALID,
               "no metadata");
}


static void
test_nul(void)
{
    const kecs_json_t  *v;

    tap_is_int(kecs_kube_parse(arena, kecs_str("{\"m\":\"a\\u0000b\","
                                               "\"n\":\"\\\\u0000\"}"), &v),
               KECS_OK, "a text with NUL");
    tap_is_str(kecs_json_str(kecs_json_get(v, "m")), "a\xef\xbf\xbd""b",
               "has a replacement for it");
    tap_is_str(kecs_json_str(kecs_json_get(v, "n")), "\\u0000",
               "an escaped backslash stays");
    tap_is_int(kecs_kube_parse(arena, kecs_str("{\"m\":\"\\u000"), &v),
               KECS_INVALID, "cut off");
    tap_is_int(kecs_kube_parse(arena, kecs_str("\"\\\\"), &v), KECS_INVALID,
               "cut off elsewhere");
}


static void
test_status(void)
{
    kecs_kube_status_t  s;

    kecs_kube_status(arena, kecs_str("{\"kind\":\"Status\",\"reason\":\"R\","
                                     "\"message\":\"M\"}"), &s);
    tap_is_str(s.reason, "R", "the reason of a status");
    tap_is_str(s.message, "M", "and its message");
    kecs_kube_status(arena, kecs_str("<html>"), &s);
    tap_is_str(s.message, "", "of something else there is none");
}


int
main(void)
{
    arena = kecs_arena_create(0);

    test_list();
    test_truncated();
    test_nul();
    test_status();

    tap_is_str(kecs_kube_escape(arena, kecs_str("a/b=c d\xc3\xa9-_.~%")),
               "a%2Fb%3Dc%20d%C3%A9-_.~%25", "escapes");

    kecs_arena_destroy(arena);

    return tap_done();
}
