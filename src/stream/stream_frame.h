/*
 * What goes over the wire: messages of server-sent events, frames of the
 * websocket protocol (RFC 6455), and the reader of what a client sends,
 * which may be nothing but control frames.  Pure; memory is the caller's.
 */

#ifndef KECS_STREAM_FRAME_H
#define KECS_STREAM_FRAME_H


#include "../base/buf.h"


/* Server-sent events. */

/*
 * One message; `name` absent: "message", as which browsers take what is not
 * named.  data is one line.
 */
void kecs_sse_message(kecs_buf_t *b, kecs_str_t name, uint64_t seq,
    kecs_str_t data);

/* A comment that moves the position of the client and tells nothing. */
void kecs_sse_beat(kecs_buf_t *b, uint64_t seq);

/* How long a client is to wait before it comes back. */
void kecs_sse_retry(kecs_buf_t *b, unsigned msec);


/* The websocket protocol. */

#define KECS_WS_TEXT    0x1
#define KECS_WS_BINARY  0x2
#define KECS_WS_CLOSE   0x8
#define KECS_WS_PING    0x9
#define KECS_WS_PONG    0xa

/* Status of a close. */
#define KECS_WS_NORMAL       1000
#define KECS_WS_PROTOCOL     1002
#define KECS_WS_UNSUPPORTED  1003
#define KECS_WS_NO_STATUS    1005      /* never sent */
#define KECS_WS_NOT_UTF8     1007
#define KECS_WS_POLICY       1008
#define KECS_WS_INTERNAL     1011
#define KECS_WS_RESTART      1012
#define KECS_WS_TRY_LATER    1013
#define KECS_WS_GONE         4410      /* of our own: as HTTP's 410 */

/*
 * Sec-WebSocket-Accept of a Sec-WebSocket-Key; false when that is none.
 */
#define KECS_WS_ACCEPT_LEN  28
bool kecs_ws_accept(kecs_str_t key, char *out);

/* A whole frame, unmasked. */
void kecs_ws_frame(kecs_buf_t *b, unsigned opcode, kecs_str_t payload);
void kecs_ws_close(kecs_buf_t *b, unsigned code, kecs_str_t reason);

/* {"seq":N,"NAME":JSON}, without NAME when `name` is NULL, as a frame. */
void kecs_ws_message(kecs_buf_t *b, const char *name, uint64_t seq,
    kecs_str_t json);


/* The reader; zeroed at first. */

#define KECS_WS_CONTROL_MAX  125

typedef struct {
    unsigned     state;
    unsigned     opcode;
    size_t       want;              /* bytes of the payload */
    size_t       got;
    uint8_t      mask[4];
    uint8_t      payload[KECS_WS_CONTROL_MAX];
} kecs_ws_reader_t;

typedef enum {
    KECS_WS_MORE = 0,               /* all bytes are taken */
    KECS_WS_CONTROL,                /* a control frame is complete */
    KECS_WS_REFUSE                  /* close with `code` */
} kecs_ws_read_t;

/*
 * Takes bytes from *in, which moves on.  At KECS_WS_CONTROL opcode and
 * payload[0..got) are the frame's; call again.  At KECS_WS_REFUSE nothing
 * more may be read.
 */
kecs_ws_read_t kecs_ws_read(kecs_ws_reader_t *r, kecs_str_t *in,
    unsigned *code);

/*
 * What to answer to a close frame: the code that it has, KECS_WS_NORMAL for
 * none, KECS_WS_PROTOCOL or KECS_WS_NOT_UTF8 when it is malformed.
 */
unsigned kecs_ws_close_code(const kecs_ws_reader_t *r);


#endif
