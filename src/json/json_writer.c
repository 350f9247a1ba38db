/*
 * JSON out: commas and escapes; everything goes to the buffer, whose
 * sticky error the caller tests.
 */

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "json_writer.h"


/* One byte that may not stand in a string as it is. */

static void
escape(kecs_buf_t *b, unsigned char c)
{
    char                 text[8];
    static const char    from[] = "\"\\\b\f\n\r\t";
    static const char    to[] = "\"\\bfnrt";
    const char          *p;

    p = c ? strchr(from, c) : NULL;

    if (p != NULL) {
        kecs_buf_chr(b, '\\');
        kecs_buf_chr(b, to[p - from]);
        return;
    }

    (void) snprintf(text, sizeof(text), "\\u%04x", c);
    kecs_buf_add(b, text, 6);
}


/*
 * Bytes from `i` on that may stand in a string as they are, counted in
 * words: in such a word no byte is below 0x20, a quote or a backslash.
 */

static size_t
plain_words(kecs_str_t s, size_t i)
{
    uint64_t  w, found, quote, slash;

    static const uint64_t  ones = UINT64_C(0x0101010101010101);
    static const uint64_t  tops = UINT64_C(0x8080808080808080);

    for ( /* void */ ; i + sizeof(w) <= s.len; i += sizeof(w)) {
        memcpy(&w, s.data + i, sizeof(w));
        quote = w ^ ones * '"';
        slash = w ^ ones * '\\';
        found = (w - ones * 0x20) & ~w;
        found |= (quote - ones) & ~quote;
        found |= (slash - ones) & ~slash;

        if (found & tops) {
            break;
        }
    }

    return i;
}


static void
quoted(kecs_buf_t *b, kecs_str_t s)
{
    size_t         i, from;
    unsigned char  c;

    kecs_buf_chr(b, '"');

    for (i = plain_words(s, 0), from = 0; i < s.len; i++) {
        c = (unsigned char) s.data[i];

        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }

        kecs_buf_add(b, s.data + from, i - from);
        escape(b, c);
        from = i + 1;
    }

    kecs_buf_add(b, s.data + from, s.len - from);
    kecs_buf_chr(b, '"');
}


void
kecs_w_key(kecs_writer_t *w, kecs_str_t name)
{
    if (w->comma) {
        kecs_buf_chr(w->buf, ',');
    }

    quoted(w->buf, name);
    kecs_buf_chr(w->buf, ':');
    w->comma = false;
}


/* What stands before a value: a comma, and the name within an object. */

static void
lead(kecs_writer_t *w, const char *name)
{
    if (w->comma) {
        kecs_buf_chr(w->buf, ',');
    }

    if (name != NULL) {
        kecs_buf_chr(w->buf, '"');
        kecs_buf_str(w->buf, kecs_str_of(name));
        kecs_buf_add(w->buf, "\":", 2);
    }

    w->comma = true;
}


static void
begin(kecs_writer_t *w, const char *name, char bracket)
{
    lead(w, name);
    kecs_buf_chr(w->buf, bracket);
    w->comma = false;
}


static void
end(kecs_writer_t *w, char bracket)
{
    kecs_buf_chr(w->buf, bracket);
    w->comma = true;
}


void
kecs_w_object(kecs_writer_t *w, const char *name)
{
    begin(w, name, '{');
}


void
kecs_w_object_end(kecs_writer_t *w)
{
    end(w, '}');
}


void
kecs_w_array(kecs_writer_t *w, const char *name)
{
    begin(w, name, '[');
}


void
kecs_w_array_end(kecs_writer_t *w)
{
    end(w, ']');
}


void
kecs_w_str(kecs_writer_t *w, const char *name, kecs_str_t s)
{
    lead(w, name);
    quoted(w->buf, s);
}


void
kecs_w_cstr(kecs_writer_t *w, const char *name, const char *s)
{
    kecs_w_str(w, name, kecs_str_of(s));
}


void
kecs_w_printf(kecs_writer_t *w, const char *name, const char *fmt, ...)
{
    int      n;
    char     text[2048];
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    if (n < 0 || (size_t) n >= sizeof(text)) {
        w->buf->failed = true;
        return;
    }

    kecs_w_str(w, name, kecs_str_n(text, (size_t) n));
}


void
kecs_w_i64(kecs_writer_t *w, const char *name, int64_t n)
{
    lead(w, name);
    kecs_buf_i64(w->buf, n);
}


void
kecs_w_double(kecs_writer_t *w, const char *name, double d)
{
    int   precision;
    char  text[32];

    lead(w, name);

    if (!isfinite(d)) {
        w->buf->failed = true;
        return;
    }

    /* the shortest form that reads back as the same number */

    for (precision = 6; precision <= 17; precision++) {
        (void) snprintf(text, sizeof(text), "%.*g", precision, d);

        if (strtod(text, NULL) == d) {
            break;
        }
    }

    kecs_buf_str(w->buf, kecs_str_of(text));
}


void
kecs_w_bool(kecs_writer_t *w, const char *name, bool b)
{
    lead(w, name);
    kecs_buf_str(w->buf, b ? kecs_str("true") : kecs_str("false"));
}


void
kecs_w_null(kecs_writer_t *w, const char *name)
{
    lead(w, name);
    kecs_buf_add(w->buf, "null", 4);
}


void
kecs_w_time(kecs_writer_t *w, const char *name, kecs_msec_t t)
{
    int   msec;
    char  text[KECS_TIME_LEN + 1];

    if (t == 0) {
        return;
    }

    if (w->iso) {
        kecs_time_print(t, text);
        kecs_w_cstr(w, name, text);
        return;
    }

    lead(w, name);
    kecs_buf_i64(w->buf, t / 1000);
    msec = (int) (t % 1000);

    if (msec > 0) {
        kecs_buf_chr(w->buf, '.');
        kecs_buf_chr(w->buf, (char) ('0' + msec / 100));
        kecs_buf_chr(w->buf, (char) ('0' + msec / 10 % 10));
        kecs_buf_chr(w->buf, (char) ('0' + msec % 10));
    }
}


void
kecs_w_opt_str(kecs_writer_t *w, const char *name, kecs_str_t s)
{
    if (s.data != NULL) {
        kecs_w_str(w, name, s);
    }
}


void
kecs_w_raw(kecs_writer_t *w, const char *name, kecs_str_t json)
{
    if (json.data == NULL) {
        return;
    }

    lead(w, name);
    kecs_buf_str(w->buf, json);
}


static void
tree_children(kecs_writer_t *w, const kecs_json_t *v)
{
    const kecs_json_t  *e;

    for (e = v->first; e != NULL; e = e->next) {
        if (v->type == KECS_JSON_OBJECT) {
            kecs_w_key(w, e->name);
        }

        kecs_w_tree(w, NULL, e);
    }
}


void
kecs_w_tree(kecs_writer_t *w, const char *name, const kecs_json_t *v)
{
    if (v == NULL) {
        return;
    }

    switch (v->type) {

    case KECS_JSON_BOOL:
        kecs_w_bool(w, name, v->boolean);
        break;

    case KECS_JSON_NUMBER:
        kecs_w_raw(w, name, v->str);
        break;

    case KECS_JSON_STRING:
        kecs_w_str(w, name, v->str);
        break;

    case KECS_JSON_ARRAY:
        kecs_w_array(w, name);
        tree_children(w, v);
        kecs_w_array_end(w);
        break;

    case KECS_JSON_OBJECT:
        kecs_w_object(w, name);
        tree_children(w, v);
        kecs_w_object_end(w);
        break;

    default:
        kecs_w_null(w, name);
    }
}


void
kecs_w_splice(kecs_writer_t *w, kecs_str_t object)
{
    if (object.len <= 2) {
        return;
    }

    lead(w, NULL);
    kecs_buf_add(w->buf, object.data + 1, object.len - 2);
}


void
kecs_w_json(kecs_writer_t *w, const char *name, const kecs_json_t *v)
{
    const kecs_json_t  *child;

    switch (v->type) {

    case KECS_JSON_NULL:
        kecs_w_null(w, name);
        return;

    case KECS_JSON_BOOL:
        kecs_w_bool(w, name, v->boolean);
        return;

    case KECS_JSON_NUMBER:
        kecs_w_raw(w, name, v->str);
        return;

    case KECS_JSON_STRING:
        kecs_w_str(w, name, v->str);
        return;

    case KECS_JSON_ARRAY:
        kecs_w_array(w, name);

        for (child = v->first; child != NULL; child = child->next) {
            kecs_w_json(w, NULL, child);
        }

        kecs_w_array_end(w);
        return;

    case KECS_JSON_OBJECT:
        kecs_w_object(w, name);

        for (child = v->first; child != NULL; child = child->next) {
            kecs_w_key(w, child->name);
            kecs_w_json(w, NULL, child);
        }

        kecs_w_object_end(w);
        return;
    }
}
