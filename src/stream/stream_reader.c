/*
 * Chunks and messages of an answer to GET /events (see stream_reader.h).
 */

#include "stream_reader.h"


#define SIZE_DIGITS  8

enum { AT_SIZE = 0, AT_EXTENSION, AT_DATA, AT_DATA_CR, AT_DATA_LF };


/* Chunks. */

static int
digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}


/* One byte outside of the data; false: it may not be there. */

static bool
chunk_step(kecs_chunks_t *c, char byte)
{
    int  digit;

    switch (c->state) {

    case AT_SIZE:
        digit = digit_of(byte);

        if (digit >= 0) {
            c->left = c->left << 4 | (unsigned) digit;
            return ++c->digits <= SIZE_DIGITS;
        }

        c->state = AT_EXTENSION;

        if (c->digits == 0) {
            return false;
        }

        /* fall through */

    case AT_EXTENSION:
        if (byte == '\n') {
            c->state = AT_DATA;
        }

        return true;

    case AT_DATA_CR:
        c->state = AT_DATA_LF;
        return byte == '\r';

    default: /* AT_DATA_LF */
        memset(c, 0, sizeof(*c));
        return byte == '\n';
    }
}


kecs_read_t
kecs_chunks_read(kecs_chunks_t *c, kecs_str_t *in, kecs_str_t *piece)
{
    while (in->len > 0) {

        if (c->state == AT_DATA) {
            if (c->left == 0) {
                return KECS_READ_END;
            }

            *piece = kecs_str_n(in->data, c->left < in->len
                                          ? (size_t) c->left : in->len);
            *in = kecs_str_from(*in, piece->len);
            c->left -= piece->len;
            c->state = c->left == 0 ? AT_DATA_CR : AT_DATA;
            return KECS_READ_SOME;
        }

        if (!chunk_step(c, in->data[0])) {
            return KECS_READ_BAD;
        }

        *in = kecs_str_from(*in, 1);
    }

    return c->state == AT_DATA && c->left == 0 ? KECS_READ_END
                                               : KECS_READ_MORE;
}


/* Messages. */

void
kecs_sse_reader_init(kecs_sse_reader_t *r)
{
    memset(r, 0, sizeof(*r));
    kecs_buf_init(&r->line, NULL, KECS_SSE_MAX);
    kecs_buf_init(&r->name, NULL, KECS_SSE_MAX);
    kecs_buf_init(&r->data, NULL, KECS_SSE_MAX);
}


void
kecs_sse_reader_free(kecs_sse_reader_t *r)
{
    kecs_buf_free(&r->line);
    kecs_buf_free(&r->name);
    kecs_buf_free(&r->data);
}


static void
take_field(kecs_sse_reader_t *r, kecs_str_t name, kecs_str_t value)
{
    uint64_t  seq;

    if (kecs_str_is(name, "event")) {
        r->name.len = 0;
        kecs_buf_str(&r->name, value);

    } else if (kecs_str_is(name, "data")) {
        if (r->data.len > 0) {
            kecs_buf_chr(&r->data, '\n');
        }

        kecs_buf_str(&r->data, value);

    } else if (kecs_str_is(name, "id") && kecs_str_u64(value, &seq)) {
        r->seq = seq;
        r->positioned = true;
    }
}


/* A line; true: it was empty, which ends a message. */

static bool
take_line(kecs_sse_reader_t *r)
{
    kecs_str_t  value, name;

    value = kecs_buf_view(&r->line);

    if (value.len == 0) {
        return true;
    }

    (void) kecs_str_split(&value, ':', &name);

    if (value.data == NULL) {
        value = kecs_str("");
    }

    if (value.len > 0 && value.data[0] == ' ') {
        value = kecs_str_from(value, 1);
    }

    take_field(r, name, value);
    r->line.len = 0;

    return false;
}


/* How much of `in` belongs to the line. */

static size_t
line_length(kecs_str_t in)
{
    size_t  n;

    for (n = 0; n < in.len && in.data[n] != '\n' && in.data[n] != '\r'; n++) {
        /* void */
    }

    return n;
}


kecs_read_t
kecs_sse_read(kecs_sse_reader_t *r, kecs_str_t *in)
{
    size_t  n;

    if (r->complete) {
        r->complete = false;
        r->name.len = 0;
        r->data.len = 0;
    }

    while (in->len > 0) {

        if (r->cr && in->data[0] == '\n') {
            *in = kecs_str_from(*in, 1);
        }

        r->cr = false;
        n = line_length(*in);
        kecs_buf_add(&r->line, in->data, n);

        if (n == in->len) {
            *in = kecs_str_from(*in, n);
            break;
        }

        r->cr = in->data[n] == '\r';
        *in = kecs_str_from(*in, n + 1);

        if (take_line(r)) {
            r->complete = true;
            break;
        }
    }

    if (r->line.failed || r->name.failed || r->data.failed) {
        return KECS_READ_BAD;
    }

    return r->complete ? KECS_READ_SOME : KECS_READ_MORE;
}
