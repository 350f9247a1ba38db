/*
 * The query protocol: decoding of forms, writing of XML.  Pure functions;
 * memory is the caller's arena and buffer.
 */

#include "form.h"


#define STEP  "  "


/* One escape at `s`: its byte, or -1. */

static int
unescape(kecs_str_t s)
{
    uint8_t  byte;

    return s.len >= 3 && s.data[0] == '%'
           && kecs_unhex(kecs_str_n(s.data + 1, 2), &byte, 1) ? byte : -1;
}


static kecs_rc_t
decode(kecs_arena_t *a, kecs_str_t s, kecs_str_t *out)
{
    int      byte;
    char    *p;
    size_t   i, n;

    p = kecs_alloc(a, s.len + 1);
    if (p == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0, n = 0; i < s.len; i++) {
        byte = unescape(kecs_str_from(s, i));

        if (byte >= 0) {
            p[n++] = (char) byte;
            i += 2;

        } else {
            p[n++] = s.data[i] == '+' ? ' ' : s.data[i];
        }
    }

    p[n] = '\0';
    *out = kecs_str_n(p, n);

    return KECS_OK;
}


kecs_rc_t
kecs_form_get(kecs_arena_t *a, kecs_str_t form, const char *name,
    kecs_str_t *value)
{
    kecs_rc_t   rc;
    kecs_str_t  pair, raw, key;

    *value = kecs_null_str;

    while (kecs_str_split(&form, '&', &pair)) {
        raw = pair;
        (void) kecs_str_split(&raw, '=', &key);

        rc = decode(a, key, &key);
        if (rc != KECS_OK) {
            return rc;
        }

        if (kecs_str_is(key, name)) {
            return decode(a, raw, value);
        }
    }

    return KECS_OK;
}


/* XML. */

/* Length of the character at `s` when XML may hold it, or 0. */

static size_t
character(kecs_str_t s)
{
    size_t         n;
    unsigned char  c;

    c = (unsigned char) s.data[0];

    if (c < 0x20) {
        return c == '\t' || c == '\n' || c == '\r';
    }

    if (c < 0x80) {
        return c != 0x7f;
    }

    n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

    if (n > s.len || !kecs_str_utf8(kecs_str_n(s.data, n))) {
        return 0;
    }

    /* U+FFFE and U+FFFF are no characters */

    if (n == 3 && (memcmp(s.data, "\xef\xbf\xbe", 3) == 0
                   || memcmp(s.data, "\xef\xbf\xbf", 3) == 0))
    {
        return 0;
    }

    return n;
}


static const char *
entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    default:
        return NULL;
    }
}


static void
add_text(kecs_buf_t *b, kecs_str_t s)
{
    size_t       n;
    const char  *escaped;

    for ( /* void */ ; s.len != 0; s = kecs_str_from(s, n)) {
        n = character(s);
        escaped = entity(s.data[0]);

        if (n == 0) {
            kecs_buf_chr(b, '?');
            n = 1;

        } else if (escaped != NULL) {
            kecs_buf_str(b, kecs_str_of(escaped));

        } else {
            kecs_buf_add(b, s.data, n);
        }
    }
}


void
kecs_xml_element(kecs_buf_t *b, unsigned depth, const char *name,
    kecs_str_t text)
{
    while (depth-- > 0) {
        kecs_buf_str(b, kecs_str(STEP));
    }

    kecs_buf_printf(b, "<%s>", name);
    add_text(b, text);
    kecs_buf_printf(b, "</%s>\n", name);
}


void
kecs_xml_error(kecs_buf_t *b, const char *xmlns, unsigned status,
    const char *code, kecs_str_t message, kecs_str_t request_id)
{
    if (xmlns != NULL) {
        kecs_buf_printf(b, "<ErrorResponse xmlns=\"%s\">\n", xmlns);

    } else {
        kecs_buf_str(b, kecs_str("<ErrorResponse>\n"));
    }

    kecs_buf_str(b, kecs_str(STEP "<Error>\n"));
    kecs_xml_element(b, 2, "Type", kecs_str_of(status < 500 ? "Sender"
                                                            : "Receiver"));
    kecs_xml_element(b, 2, "Code", kecs_str_of(code));
    kecs_xml_element(b, 2, "Message", message);
    kecs_buf_str(b, kecs_str(STEP "</Error>\n"));
    kecs_xml_element(b, 1, "RequestId", request_id);
    kecs_buf_str(b, kecs_str("</ErrorResponse>\n"));
}
