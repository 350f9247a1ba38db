/*
 * Names and texts as Kubernetes wants them.
 */

#include <inttypes.h>

#include <openssl/sha.h>

#include "pod.h"
#include "pod_parts.h"


#define LABEL_MAX    63
#define LABEL_SLUG   52             /* + "-" + 6 digits */
#define VALUE_SLUG   40             /* + "-" + 8 digits */
#define SPACE_SLUG   48             /* "ecs-" + it + "-" + 10 digits */
#define OBJECT_SLUG  40             /* "s-" + it + "-" + 10 digits + "-test" */


void
kecs_pod_name(const uint8_t *task, char *out)
{
    memcpy(out, KECS_POD_PREFIX, sizeof(KECS_POD_PREFIX) - 1);
    kecs_hex(task, KECS_ID_LEN, out + sizeof(KECS_POD_PREFIX) - 1);
    out[KECS_POD_NAME_LEN] = '\0';
}


bool
kecs_pod_task(kecs_str_t name, uint8_t *task)
{
    return name.len == KECS_POD_NAME_LEN
           && kecs_str_starts(name, kecs_str(KECS_POD_PREFIX))
           && kecs_unhex(kecs_str_from(name, sizeof(KECS_POD_PREFIX) - 1),
                         task, KECS_ID_LEN);
}


/* FNV-1a, 64 bit: spreads well, and nothing secret depends on it. */

static uint64_t
hash(kecs_str_t s)
{
    size_t    i;
    uint64_t  h;

    h = 0xcbf29ce484222325u;

    for (i = 0; i < s.len; i++) {
        h = (h ^ (unsigned char) s.data[i]) * 0x100000001b3u;
    }

    return h;
}


static bool
lower_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}


static bool
letter_digit(char c)
{
    return lower_digit(c) || (c >= 'A' && c <= 'Z');
}


bool
kecs_pod_is_label(kecs_str_t s)
{
    size_t  i;

    if (s.len == 0 || s.len > LABEL_MAX || s.data[0] == '-'
        || s.data[s.len - 1] == '-')
    {
        return false;
    }

    for (i = 0; i < s.len; i++) {
        if (!lower_digit(s.data[i]) && s.data[i] != '-') {
            return false;
        }
    }

    return true;
}


/*
 * The readable part of a name: lower case when asked, everything foreign
 * is a dash, at most `max` bytes, a letter or digit at both ends.
 */

static kecs_str_t
slug(kecs_arena_t *a, kecs_str_t s, size_t max, bool lower)
{
    char        *p, *data;
    size_t       i;

    data = p = kecs_alloc(a, max + 1);

    if (data == NULL) {
        return kecs_null_str;
    }

    for (i = 0; i < s.len && (size_t) (p - data) < max; i++) {

        if (letter_digit(s.data[i])) {
            *p++ = lower && s.data[i] <= 'Z' && s.data[i] >= 'A'
                   ? (char) (s.data[i] | 0x20) : s.data[i];

        } else if (p > data) {
            *p++ = '-';
        }
    }

    while (p > data && p[-1] == '-') {
        p--;
    }

    if (p == data) {
        *p++ = 'x';
    }

    return kecs_str_n(data, (size_t) (p - data));
}


kecs_str_t
kecs_pod_label(kecs_arena_t *a, kecs_str_t name)
{
    kecs_str_t  s;

    if (kecs_pod_is_label(name)) {
        return name;
    }

    s = slug(a, name, LABEL_SLUG, true);

    return s.data ? kecs_sprintf(a, "%.*s-%06x", kecs_fmt(s),
                                 (unsigned) (hash(name) & 0xffffff))
                  : s;
}


/* That of a Service begins with a letter. */

kecs_str_t
kecs_service_object_name(kecs_arena_t *a, const kecs_service_place_t *p)
{
    uint64_t    h;
    kecs_str_t  s, all;

    s = slug(a, p->service, OBJECT_SLUG, true);
    all = kecs_sprintf(a, "%.*s/%.*s/%.*s/%.*s/%.*s", kecs_fmt(p->uuid),
                       kecs_fmt(p->account), kecs_fmt(p->region),
                       kecs_fmt(p->cluster), kecs_fmt(p->service));

    if (s.data == NULL || all.data == NULL) {
        return kecs_null_str;
    }

    h = hash(all);
    h = (h ^ (h >> 40)) & 0xffffffffffu;

    return kecs_sprintf(a, "%s%.*s-%010" PRIx64,
                        s.data[0] >= 'a' ? "" : "s-", kecs_fmt(s), h);
}


kecs_str_t
kecs_pod_space(kecs_arena_t *a, kecs_str_t place)
{
    char        hex[2 * SHA256_DIGEST_LENGTH];
    uint8_t     digest[SHA256_DIGEST_LENGTH];
    kecs_str_t  s;

    (void) SHA256((const unsigned char *) place.data, place.len, digest);
    kecs_hex(digest, SHA256_DIGEST_LENGTH, hex);

    s = slug(a, kecs_str_from(place, (size_t) (kecs_str_rchr(place, '/')
                                               + 1)),
             SPACE_SLUG, true);

    return s.data ? kecs_sprintf(a, "ecs-%.*s-%.10s", kecs_fmt(s), hex) : s;
}


static bool
is_value(kecs_str_t s)
{
    size_t  i;

    if (s.len == 0) {
        return true;
    }

    if (s.len > LABEL_MAX || !letter_digit(s.data[0])
        || !letter_digit(s.data[s.len - 1]))
    {
        return false;
    }

    for (i = 0; i < s.len; i++) {
        if (!letter_digit(s.data[i]) && strchr("-_.", s.data[i]) == NULL) {
            return false;
        }
    }

    return true;
}


kecs_str_t
kecs_pod_value(kecs_arena_t *a, kecs_str_t s)
{
    kecs_str_t  readable;

    if (is_value(s)) {
        return s;
    }

    readable = slug(a, s, VALUE_SLUG, false);

    return readable.data ? kecs_sprintf(a, "%.*s-%08x", kecs_fmt(readable),
                                        (unsigned) (hash(s) & 0xffffffff))
                         : readable;
}


/*
 * Kubernetes reads "$$" as "$", "$(NAME)" as a variable, and takes a byte
 * behind any other "$" for a character of its own.
 */

static bool
begins_expansion(kecs_str_t s, size_t i)
{
    unsigned char  next;

    if (s.data[i] != '$' || i + 1 == s.len) {
        return false;
    }

    next = (unsigned char) s.data[i + 1];

    return next == '$' || next == '(' || next >= 0x80;
}


kecs_str_t
kecs_pod_literal(kecs_arena_t *a, kecs_str_t s)
{
    char    *p, *data;
    size_t   i, n;

    for (i = 0, n = 0; i < s.len; i++) {
        n += begins_expansion(s, i);
    }

    if (n == 0) {
        return s;
    }

    data = p = kecs_alloc(a, s.len + n);

    if (data == NULL) {
        return kecs_null_str;
    }

    for (i = 0; i < s.len; i++) {
        if (begins_expansion(s, i)) {
            *p++ = '$';
        }

        *p++ = s.data[i];
    }

    return kecs_str_n(data, s.len + n);
}


/* Names of objects that others keep. */


static char
letter(char ch)
{
    if (ch >= 'A' && ch <= 'Z') {
        return (char) (ch | 0x20);
    }

    return (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') ? ch : '-';
}


kecs_str_t
kecs_pod_object_name(kecs_arena_t *a, kecs_str_t s)
{
    char    *name;
    size_t   i, n;

    name = kecs_alloc(a, s.len + 1);

    if (name == NULL) {
        return kecs_null_str;
    }

    for (n = 0, i = 0; i < s.len && n < KECS_POD_OBJECT_NAME; i++) {
        name[n] = letter(s.data[i]);
        n += n > 0 || name[n] != '-';
    }

    while (n > 0 && name[n - 1] == '-') {
        n--;
    }

    return kecs_str_n(name, n);
}
