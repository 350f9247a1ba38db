/*
 * Trace contexts and causes: only text, checked on its way in.
 */

#include <stdio.h>
#include <string.h>

#include "trace.h"


#define ID_LEN       32
#define FLAGS_KNOWN  0x03           /* sampled, random: others must be 0 */


/* `len` lower-case hexadecimal digits. */

static bool
is_hex(kecs_str_t s, size_t len)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (!((s.data[i] >= '0' && s.data[i] <= '9')
              || (s.data[i] >= 'a' && s.data[i] <= 'f')))
        {
            return false;
        }
    }

    return s.len == len;
}


/* Of ids: not all of them zero. */

static bool
is_id(kecs_str_t s, size_t len)
{
    size_t  i;

    for (i = 0; i < s.len && s.data[i] == '0'; i++) {
        /* void */
    }

    return i < s.len && is_hex(s, len);
}


bool
kecs_trace_parse(kecs_str_t header, kecs_trace_t *t)
{
    kecs_str_t  version, flags;

    if (!kecs_str_split(&header, '-', &version)
        || !kecs_str_split(&header, '-', &t->id)
        || !kecs_str_split(&header, '-', &t->span)
        || !kecs_str_split(&header, '-', &flags))
    {
        return false;
    }

    if (!is_hex(version, 2) || kecs_str_is(version, "ff")
        || (kecs_str_is(version, "00") && header.data != NULL)
        || !is_id(t->id, ID_LEN) || !is_id(t->span, KECS_SPAN_LEN)
        || !is_hex(flags, 2))
    {
        return false;
    }

    t->flags = (unsigned) (flags.data[1] <= '9' ? flags.data[1] - '0'
                                                : flags.data[1] - 'a' + 10);
    t->flags &= FLAGS_KNOWN;

    return true;
}


void
kecs_trace_put(const kecs_trace_t *t, kecs_str_t span,
    char out[KECS_TRACE_LEN + 1])
{
    (void) snprintf(out, KECS_TRACE_LEN + 1, "00-%.*s-%.*s-%02x",
                    kecs_fmt(t->id), kecs_fmt(span), t->flags);
}


void
kecs_span_new(kecs_rand_t *r, char out[KECS_SPAN_LEN + 1])
{
    uint64_t  id;

    do {
        id = kecs_rand_u64(r);
    } while (id == 0);

    (void) snprintf(out, KECS_SPAN_LEN + 1, "%016llx",
                    (unsigned long long) id);
}


bool
kecs_cause_set(kecs_cause_t *c, kecs_str_t request_id, kecs_str_t trace)
{
    kecs_trace_t  t;

    memset(c, 0, sizeof(*c));

    if (request_id.len != KECS_UUID_LEN) {
        return false;
    }

    memcpy(c->request_id, request_id.data, KECS_UUID_LEN);

    if (kecs_trace_parse(trace, &t)) {
        kecs_trace_put(&t, t.span, c->trace);
    }

    return true;
}
