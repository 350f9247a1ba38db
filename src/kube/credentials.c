/*
 * Tokens and base64 for kubeconfig.c and the client: what carries secrets.
 * None of it is ever logged.
 */

#include "credentials.h"


static bool
blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}


kecs_rc_t
kecs_token_clean(kecs_str_t text, kecs_str_t *token)
{
    size_t  i;

    while (text.len > 0 && blank(text.data[text.len - 1])) {
        text.len--;
    }

    while (text.len > 0 && blank(text.data[0])) {
        text = kecs_str_from(text, 1);
    }

    for (i = 0; i < text.len; i++) {
        if (text.data[i] <= 0x20 || text.data[i] >= 0x7f) {
            return KECS_INVALID;
        }
    }

    *token = text;

    return text.len > 0 ? KECS_OK : KECS_INVALID;
}


kecs_rc_t
kecs_token_read(kecs_arena_t *a, const char *path, kecs_str_t *token)
{
    kecs_rc_t   rc;
    kecs_str_t  text;

    rc = kecs_file_read(a, path, &text);

    return rc == KECS_OK ? kecs_token_clean(text, token) : rc;
}


static int
sextet(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    return c == '+' ? 62 : c == '/' ? 63 : -1;
}


kecs_rc_t
kecs_base64_decode(kecs_arena_t *a, kecs_str_t in, kecs_str_t *out)
{
    int        v;
    char      *p, *data;
    size_t     i, digits, pads;
    uint32_t   bits;

    data = p = kecs_alloc(a, in.len / 4 * 3 + 4);

    if (data == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0, digits = 0, pads = 0, bits = 0; i < in.len; i++) {

        if (blank(in.data[i])) {
            continue;
        }

        if (in.data[i] == '=') {
            pads++;
            continue;
        }

        v = sextet(in.data[i]);

        if (v == -1 || pads > 0) {
            return KECS_INVALID;
        }

        bits = bits << 6 | (uint32_t) v;
        digits++;

        if (digits % 4 != 1) {
            *p++ = (char) (bits >> (6 - 2 * ((digits - 1) % 4)));
        }
    }

    if (digits % 4 == 1 || (digits + pads) % 4 != 0 || pads > 2) {
        return KECS_INVALID;
    }

    *p = '\0';
    *out = kecs_str_n(data, (size_t) (p - data));

    return KECS_OK;
}
