/*
 * Objects and lists, see object.h.  The cutting of a list trusts nothing:
 * it only finds where values begin and end, and every part is parsed
 * properly afterwards.
 */

#define _GNU_SOURCE  /* memmem */

#include <ctype.h>

#include "object.h"


static size_t
space(kecs_str_t s, size_t i)
{
    while (i < s.len && (s.data[i] == ' ' || s.data[i] == '\t'
                         || s.data[i] == '\n' || s.data[i] == '\r'))
    {
        i++;
    }

    return i;
}


/* Behind the string whose quote is at `i`; 0 when it does not end. */

static size_t
skip_string(kecs_str_t s, size_t i)
{
    for (i++; i < s.len; i++) {
        if (s.data[i] == '\\') {
            i++;

        } else if (s.data[i] == '"') {
            return i + 1;
        }
    }

    return 0;
}


/* Behind the object or array that opens at `i`; 0 when it does not end. */

static size_t
skip_nested(kecs_str_t s, size_t i)
{
    size_t  depth;

    for (depth = 0; i < s.len; /* void */) {

        switch (s.data[i]) {

        case '"':
            i = skip_string(s, i);
            if (i == 0) {
                return 0;
            }
            continue;

        case '{':
        case '[':
            depth++;
            break;

        case '}':
        case ']':
            if (--depth == 0) {
                return i + 1;
            }
            break;

        default:
            break;
        }

        i++;
    }

    return 0;
}


static size_t
skip_value(kecs_str_t s, size_t i)
{
    size_t  from;

    if (i >= s.len) {
        return 0;
    }

    if (s.data[i] == '"') {
        return skip_string(s, i);
    }

    if (s.data[i] == '{' || s.data[i] == '[') {
        return skip_nested(s, i);
    }

    for (from = i; i < s.len && strchr(",]} \t\r\n", s.data[i]) == NULL; i++) {
        /* void */
    }

    return i > from ? i : 0;
}


/* The value from `i`, of which *next is the end. */

static kecs_str_t
value(kecs_str_t s, size_t i, size_t *next)
{
    *next = skip_value(s, i);

    return *next ? kecs_str_n(s.data + i, *next - i) : kecs_null_str;
}


static void
keep(kecs_kube_list_t *out, kecs_str_t name, kecs_str_t v)
{
    if (kecs_str_is(name, "\"metadata\"")) {
        out->metadata = v;

    } else if (kecs_str_is(name, "\"items\"") && v.data[0] == '[') {
        out->items = kecs_str_n(v.data + 1, v.len - 2);
    }
}


kecs_rc_t
kecs_kube_list(kecs_str_t text, kecs_kube_list_t *out)
{
    size_t      i, next;
    kecs_str_t  name, v;

    out->metadata = kecs_null_str;
    out->items = kecs_str("");

    i = space(text, 0);

    if (i >= text.len || text.data[i] != '{') {
        return KECS_INVALID;
    }

    i = space(text, i + 1);

    while (i < text.len && text.data[i] == '"') {

        name = value(text, i, &next);
        i = space(text, next);

        if (next == 0 || i >= text.len || text.data[i] != ':') {
            return KECS_INVALID;
        }

        v = value(text, space(text, i + 1), &next);

        if (next == 0) {
            return KECS_INVALID;
        }

        keep(out, name, v);
        i = space(text, next);

        if (i < text.len && text.data[i] == ',') {
            i = space(text, i + 1);
        }
    }

    return i < text.len && text.data[i] == '}' && out->metadata.data != NULL
           ? KECS_OK : KECS_INVALID;
}


kecs_rc_t
kecs_kube_item(kecs_str_t *items, kecs_str_t *item)
{
    size_t  i, next;

    i = space(*items, 0);

    if (i == items->len) {
        return KECS_DONE;
    }

    *item = value(*items, i, &next);

    if (next == 0) {
        return KECS_INVALID;
    }

    i = space(*items, next);

    if (i < items->len && items->data[i] == ',') {
        i++;

    } else if (i < items->len) {
        return KECS_INVALID;
    }

    *items = kecs_str_from(*items, i);

    return KECS_OK;
}


/* A copy in which \u0000 is \ufffd; an escaped backslash is no escape. */

static kecs_str_t
without_nul(kecs_arena_t *a, kecs_str_t text)
{
    char        *p;
    size_t       i;
    kecs_str_t   s;

    s = kecs_strdup(a, text);

    if (s.data == NULL) {
        return s;
    }

    p = (char *) (uintptr_t) s.data;

    for (i = 0; i + 1 < s.len; i++) {
        if (p[i] != '\\') {
            continue;
        }

        if (s.len - i >= 6 && memcmp(p + i + 1, "u0000", 5) == 0) {
            memcpy(p + i + 1, "ufffd", 5);
        }

        i++;
    }

    return s;
}


kecs_rc_t
kecs_kube_parse(kecs_arena_t *a, kecs_str_t text, const kecs_json_t **out)
{
    kecs_rc_t     rc;
    kecs_json_t  *v;

    if (text.len > 0 && memmem(text.data, text.len, "\\u0000", 6) != NULL) {
        text = without_nul(a, text);

        if (text.data == NULL) {
            return KECS_NOMEM;
        }
    }

    rc = kecs_json_parse(a, text, &v);

    if (rc == KECS_OK) {
        *out = v;
    }

    return rc;
}


void
kecs_kube_status(kecs_arena_t *a, kecs_str_t body, kecs_kube_status_t *out)
{
    kecs_str_t          s;
    const kecs_json_t  *v;

    out->reason = kecs_str("");
    out->message = kecs_str("");

    if (kecs_kube_parse(a, body, &v) != KECS_OK) {
        return;
    }

    s = kecs_json_str(kecs_json_get(v, "reason"));
    out->reason = s.data ? s : out->reason;

    s = kecs_json_str(kecs_json_get(v, "message"));
    out->message = s.data ? s : out->message;
}


kecs_str_t
kecs_kube_escape(kecs_arena_t *a, kecs_str_t s)
{
    char               *p, *data;
    size_t              i;
    unsigned char       c;
    static const char   hex[] = "0123456789ABCDEF";

    data = p = kecs_alloc(a, 3 * s.len + 1);

    if (data == NULL) {
        return kecs_null_str;
    }

    for (i = 0; i < s.len; i++) {
        c = (unsigned char) s.data[i];

        if (c < 0x80 && (isalnum(c) || strchr("-_.~", c) != NULL) && c) {
            *p++ = (char) c;
            continue;
        }

        *p++ = '%';
        *p++ = hex[c >> 4];
        *p++ = hex[c & 15];
    }

    *p = '\0';

    return kecs_str_n(data, (size_t) (p - data));
}
