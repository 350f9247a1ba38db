/*
 * Counted strings: comparison, splitting, numbers, UTF-8, hexadecimal.
 * Nothing here allocates.
 */

#include "str.h"


int
kecs_str_cmp(kecs_str_t a, kecs_str_t b)
{
    size_t  n;
    int     rc;

    n = a.len < b.len ? a.len : b.len;
    rc = n ? memcmp(a.data, b.data, n) : 0;

    if (rc != 0) {
        return rc;
    }

    return (a.len > b.len) - (a.len < b.len);
}


ptrdiff_t
kecs_str_chr(kecs_str_t a, char c)
{
    const char  *p;

    p = a.len ? memchr(a.data, c, a.len) : NULL;

    return p ? p - a.data : -1;
}


ptrdiff_t
kecs_str_rchr(kecs_str_t a, char c)
{
    size_t  i;

    for (i = a.len; i > 0; i--) {
        if (a.data[i - 1] == c) {
            return (ptrdiff_t) i - 1;
        }
    }

    return -1;
}


ptrdiff_t
kecs_str_find(kecs_str_t a, kecs_str_t part)
{
    size_t  at;

    for (at = 0; at + part.len <= a.len; at++) {
        if (memcmp(a.data + at, part.data, part.len) == 0) {
            return (ptrdiff_t) at;
        }
    }

    return -1;
}


kecs_str_t
kecs_str_from(kecs_str_t a, size_t from)
{
    if (a.data == NULL) {
        return a;
    }

    if (from > a.len) {
        from = a.len;
    }

    return kecs_str_n(a.data + from, a.len - from);
}


bool
kecs_str_split(kecs_str_t *a, char sep, kecs_str_t *head)
{
    ptrdiff_t  at;

    if (a->data == NULL) {
        *head = kecs_null_str;
        return false;
    }

    at = kecs_str_chr(*a, sep);

    if (at < 0) {
        *head = *a;
        *a = kecs_null_str;
        return true;
    }

    *head = kecs_str_n(a->data, (size_t) at);
    *a = kecs_str_from(*a, (size_t) at + 1);

    return true;
}


bool
kecs_str_u64(kecs_str_t a, uint64_t *n)
{
    size_t    i;
    uint64_t  v;
    unsigned  digit;

    if (a.len == 0 || a.len > 20) {
        return false;
    }

    for (i = 0, v = 0; i < a.len; i++) {
        digit = (unsigned char) a.data[i] - (unsigned) '0';

        if (digit > 9 || v > (UINT64_MAX - digit) / 10) {
            return false;
        }

        v = v * 10 + digit;
    }

    *n = v;

    return true;
}


/* Length of the well-formed sequence at p (n bytes are left), 0: none. */

static size_t
utf8_sequence(const unsigned char *p, size_t n)
{
    size_t         i, len;
    unsigned char  lo, hi;

    lo = 0x80;
    hi = 0xbf;

    if (p[0] < 0x80) {
        return p[0] != 0;
    }

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        len = 2;

    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        len = 3;
        lo = p[0] == 0xe0 ? 0xa0 : lo;
        hi = p[0] == 0xed ? 0x9f : hi;

    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        len = 4;
        lo = p[0] == 0xf0 ? 0x90 : lo;
        hi = p[0] == 0xf4 ? 0x8f : hi;

    } else {
        return 0;
    }

    if (n < len || p[1] < lo || p[1] > hi) {
        return 0;
    }

    for (i = 2; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }

    return len;
}


/* Bytes of ASCII but NUL that it begins with, counted in words. */

static size_t
ascii_words(const unsigned char *p, size_t n)
{
    size_t    i;
    uint64_t  word;

    for (i = 0; i + sizeof(word) <= n; i += sizeof(word)) {
        memcpy(&word, p + i, sizeof(word));

        if ((word | (word - UINT64_C(0x0101010101010101)))
            & UINT64_C(0x8080808080808080))
        {
            break;
        }
    }

    return i;
}


bool
kecs_str_utf8(kecs_str_t a)
{
    size_t                i, len;
    const unsigned char  *p;

    p = (const unsigned char *) a.data;

    for (i = ascii_words(p, a.len); i < a.len; i += len) {
        len = utf8_sequence(p + i, a.len - i);

        if (len == 0) {
            return false;
        }
    }

    return true;
}


size_t
kecs_str_utf8_len(kecs_str_t a)
{
    size_t  i, n;

    for (i = 0, n = 0; i < a.len; i++) {
        n += (a.data[i] & 0xc0) != 0x80;
    }

    return n;
}


kecs_str_t
kecs_digits(uint64_t n, char *out)
{
    size_t  i;

    i = KECS_DIGITS_MAX;

    do {
        out[--i] = (char) ('0' + n % 10);
        n /= 10;
    } while (n != 0);

    return kecs_str_n(out + i, KECS_DIGITS_MAX - i);
}


void
kecs_hex(const uint8_t *in, size_t n, char *out)
{
    size_t             i;
    static const char  digits[] = "0123456789abcdef";

    for (i = 0; i < n; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
}


static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c = (char) (c | 0x20);

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


bool
kecs_unhex(kecs_str_t in, uint8_t *out, size_t n)
{
    int     hi, lo;
    size_t  i;

    if (in.len != 2 * n) {
        return false;
    }

    for (i = 0; i < n; i++) {
        hi = hex_digit(in.data[2 * i]);
        lo = hex_digit(in.data[2 * i + 1]);

        if (hi < 0 || lo < 0) {
            return false;
        }

        out[i] = (uint8_t) (hi << 4 | lo);
    }

    return true;
}
