/*
 * `kecs events`: what its files share.
 *
 *     events.c          the verb: where from, resuming, the exit status
 *     events_http.c     one answer to GET /events, message by message
 *     events_store.c    the log of a store that is read directly
 *     events_print.c    an event as a line, for a person or a machine
 *
 * One thread; signals are only let in while it waits.
 */

#ifndef KECS_EVENTS_H
#define KECS_EVENTS_H


#include "../stream/stream_reader.h"
#include "cli.h"


/* How a part of the work ended. */
typedef enum {
    KECS_EVENTS_GO = 0,             /* it goes on */
    KECS_EVENTS_DONE,               /* all there was to tell was told */
    KECS_EVENTS_STOPPED,            /* by a signal, or nobody reads */
    KECS_EVENTS_BROKEN,             /* come again and go on */
    KECS_EVENTS_FAILED              /* has been said */
} kecs_events_rc_t;


/* Lines. */

typedef struct {
    bool           json;
    kecs_arena_t  *arena;           /* reset for each event */
} kecs_events_print_t;

void kecs_events_header(const kecs_events_print_t *p);

/* GO, STOPPED (nobody reads), FAILED. */
kecs_events_rc_t kecs_events_print(kecs_events_print_t *p, kecs_str_t json);

/* The same for what is still buffered. */
kecs_events_rc_t kecs_events_flush(void);


/* The store. */

kecs_events_rc_t kecs_events_stored(const kecs_options_t *o,
    kecs_events_print_t *p);


/* The server. */

typedef struct {
    char      host[256];
    unsigned  port;
    char      path[512];            /* in front of "/events", or empty */
} kecs_events_url_t;

/* "http://HOST:PORT/PREFIX"; false: it is none. */
bool kecs_events_url(kecs_str_t text, kecs_events_url_t *url);

typedef struct {
    int                fd;
    unsigned           status;      /* of HTTP */
    bool               stream;      /* the answer is one */
    bool               chunked;
    kecs_chunks_t      chunks;
    kecs_sse_reader_t  reader;
    kecs_str_t         rest;        /* read, not yet taken: in `in` */
    kecs_str_t         text;        /* of a chunk, not yet taken */
    char               in[32 * 1024];
} kecs_events_http_t;

/* From here on SIGINT, SIGTERM, SIGHUP and a reader that leaves stop it. */
void kecs_events_signals(void);

/* STOPPED, or GO after so long. */
kecs_events_rc_t kecs_events_pause(int msec);

/*
 * Asks for a stream and reads the head of the answer.  BROKEN: nobody
 * answers.  Every open one is to be closed.
 */
kecs_events_rc_t kecs_events_open(kecs_events_http_t *h,
    const kecs_events_url_t *url, kecs_str_t query);
void kecs_events_close(kecs_events_http_t *h);

/* GO: h->reader has a message; BROKEN: there are no more. */
kecs_events_rc_t kecs_events_next(kecs_events_http_t *h);

/* The body of an answer that is no stream, cut off at its end. */
void kecs_events_body(kecs_events_http_t *h, kecs_buf_t *b);


#endif
