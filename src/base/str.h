/*
 * A counted string, the only string type of the project outside nginx.
 * It never owns its bytes: they live in an arena, in a constant, in a map
 * page of a transaction, or in the input.  data == NULL means "absent",
 * which is not the same as empty.
 */

#ifndef KECS_STR_H
#define KECS_STR_H


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>


typedef struct {
    size_t       len;
    const char  *data;
} kecs_str_t;


/* A literal as a static initialiser, and as an expression. */
#define kecs_string(s)  { sizeof(s) - 1, (s) }
#define kecs_str(s)     ((kecs_str_t) { sizeof(s) - 1, (s) })
#define kecs_null_str   ((kecs_str_t) { 0, NULL })

/* For "%.*s". */
#define kecs_fmt(s)     (int) (s).len, ((s).data ? (s).data : "")


static inline kecs_str_t
kecs_str_of(const char *s)
{
    return (kecs_str_t) { s ? strlen(s) : 0, s };
}


static inline kecs_str_t
kecs_str_n(const void *data, size_t len)
{
    return (kecs_str_t) { len, data };
}


static inline bool
kecs_str_eq(kecs_str_t a, kecs_str_t b)
{
    return a.len == b.len
           && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


static inline bool
kecs_str_is(kecs_str_t a, const char *s)
{
    return a.data != NULL && kecs_str_eq(a, kecs_str_of(s));
}


static inline bool
kecs_str_starts(kecs_str_t a, kecs_str_t prefix)
{
    return a.len >= prefix.len
           && (prefix.len == 0
               || memcmp(a.data, prefix.data, prefix.len) == 0);
}


/* Order by bytes, a shorter prefix first: <0, 0, >0. */
int kecs_str_cmp(kecs_str_t a, kecs_str_t b);

/* Position of the first/last `c`, or -1. */
ptrdiff_t kecs_str_chr(kecs_str_t a, char c);
ptrdiff_t kecs_str_rchr(kecs_str_t a, char c);

/* Where `part` first is in `a`, or -1. */
ptrdiff_t kecs_str_find(kecs_str_t a, kecs_str_t part);

/* The part from `from` (clamped to the end). */
kecs_str_t kecs_str_from(kecs_str_t a, size_t from);

/*
 * Splits at the first `sep`: *head is what comes before, *a what comes
 * after (absent when there was no separator).  false when *a was absent.
 */
bool kecs_str_split(kecs_str_t *a, char sep, kecs_str_t *head);

/* Decimal digits only, no sign, no overflow: true and *n on success. */
bool kecs_str_u64(kecs_str_t a, uint64_t *n);

/* Well-formed UTF-8 (no surrogates, no overlong forms) and no NUL. */
bool kecs_str_utf8(kecs_str_t a);

/* Number of code points; the string must be valid UTF-8. */
size_t kecs_str_utf8_len(kecs_str_t a);

/* Decimal digits; in `out`, which takes KECS_DIGITS_MAX bytes. */
#define KECS_DIGITS_MAX  20
kecs_str_t kecs_digits(uint64_t n, char *out);

/* Lower-case hexadecimal; out takes 2 * n bytes, no terminating NUL. */
void kecs_hex(const uint8_t *in, size_t n, char *out);

/* Reverse of kecs_hex; in must hold exactly 2 * n digits of any case. */
bool kecs_unhex(kecs_str_t in, uint8_t *out, size_t n);


#endif
