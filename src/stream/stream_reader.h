/*
 * What a client of GET /events reads: the chunks of an answer of HTTP/1.1,
 * and the messages of server-sent events in them.  Both take whatever bytes
 * there are and go on with the next ones.  Pure; what is gathered is on the
 * heap, and bounded.
 */

#ifndef KECS_STREAM_READER_H
#define KECS_STREAM_READER_H


#include "../base/buf.h"


typedef enum {
    KECS_READ_MORE = 0,             /* all bytes are taken */
    KECS_READ_SOME,                 /* a piece, a message: call again */
    KECS_READ_END,                  /* the last chunk was there */
    KECS_READ_BAD                   /* malformed, or too large */
} kecs_read_t;


/* Chunks; zeroed at first. */

typedef struct {
    unsigned   state;
    unsigned   digits;              /* of the size, so far */
    uint64_t   left;                /* bytes of the chunk */
} kecs_chunks_t;

/* Moves *in on; at KECS_READ_SOME *piece is text of the answer in it. */
kecs_read_t kecs_chunks_read(kecs_chunks_t *c, kecs_str_t *in,
    kecs_str_t *piece);


/*
 * Messages.  One without data only moves the position (a heartbeat), or has
 * nothing for us at all.
 */

#define KECS_SSE_MAX  (16u << 20)

typedef struct {
    kecs_buf_t   line;
    kecs_buf_t   name;              /* empty: an event of ECS */
    kecs_buf_t   data;
    uint64_t     seq;               /* the last id there was */
    bool         positioned;        /* there was one */
    bool         complete;          /* name and data were handed out */
    bool         cr;                /* a line ended in CR: no LF then */
} kecs_sse_reader_t;

void kecs_sse_reader_init(kecs_sse_reader_t *r);
void kecs_sse_reader_free(kecs_sse_reader_t *r);

/*
 * At KECS_READ_SOME name, data and seq are those of a message, until the
 * next call.  KECS_READ_BAD: a line or message over KECS_SSE_MAX, or no
 * memory.
 */
kecs_read_t kecs_sse_read(kecs_sse_reader_t *r, kecs_str_t *in);


#endif
