/*
 * Streams of events (GET /events): what their files share.
 *
 *     ngx_kecs_events.c    the request: parameters, refusals, the answer
 *     ngx_kecs_origin.c    who may open one: pages of which sites
 *     ngx_kecs_slots.c     limits over all workers, counters
 *     ngx_kecs_follower.c  the change log, once for all clients of a worker
 *     ngx_kecs_stream.c    the clients: what each is sent, and when
 *     ngx_kecs_ws.c        what a websocket client sends
 *
 * All of it runs on the event loop.  A frame is on the heap and counted:
 * the ring and every client that has not sent it yet hold a reference.
 */

#ifndef NGX_KECS_STREAM_H
#define NGX_KECS_STREAM_H


#include "ngx_kecs.h"
#include "../src/stream/stream_event.h"
#include "../src/stream/stream_frame.h"


#define NGX_KECS_NEVER  UINT64_MAX

enum { NGX_KECS_SSE = 0, NGX_KECS_WS, NGX_KECS_TRANSPORTS };


/* Frames. */

typedef struct {
    ngx_uint_t   refs;
    size_t       len;
    u_char       data[1];
} ngx_kecs_frame_t;

/* A copy of what the buffer holds, with one reference; NULL: no memory. */
ngx_kecs_frame_t *ngx_kecs_frame(const kecs_buf_t *b);
void ngx_kecs_frame_unref(ngx_kecs_frame_t *frame);

/* An event in the words of a transport. */
ngx_kecs_frame_t *ngx_kecs_event_frame(const kecs_stream_event_t *ev,
    ngx_uint_t transport);


/* Slots: one for each client of all workers. */

#define NGX_KECS_CLIENTS_MAX  16384

typedef struct {
    ngx_atomic_t      pid;              /* 0: free */
    ngx_atomic_t      address;
} ngx_kecs_slot_t;

typedef struct {
    ngx_atomic_t      events;           /* frames of events sent */
    ngx_atomic_t      slow;             /* clients told to resume */
    ngx_atomic_t      gone;             /* clients told that it is gone */
    ngx_atomic_t      refused;          /* over a limit */
    ngx_kecs_slot_t   slots[NGX_KECS_CLIENTS_MAX];
} ngx_kecs_slots_t;

ngx_kecs_slots_t *ngx_kecs_slots(void);

/*
 * Takes a slot for the client at this address: NGX_OK, NGX_BUSY (too many
 * in all), NGX_DECLINED (too many of this address).
 */
ngx_int_t ngx_kecs_slot_take(ngx_kecs_main_conf_t *mcf, struct sockaddr *sa,
    ngx_uint_t *slot);
void ngx_kecs_slot_free(ngx_uint_t slot);

/* Those of processes that have died. */
void ngx_kecs_slots_sweep(void);


/* The follower. */

typedef struct {
    uint64_t             seq;           /* log position it has read to */
    uint64_t             base;          /* all behind this is in the ring */
    uint64_t             head;          /* index of the next event, */
    uint64_t             tail;          /* ... and of the oldest one */
    kecs_store_info_t    info;
    kecs_stream_store_t  store;
} ngx_kecs_follower_t;

extern ngx_kecs_follower_t  ngx_kecs_follower;

/* For the first client, and after the last one. */
ngx_int_t ngx_kecs_follower_start(ngx_kecs_main_conf_t *mcf);
void ngx_kecs_follower_stop(void);

/* Four times a second: covers a wake-up that was lost. */
void ngx_kecs_follower_tick(void);

/* The index of the first event behind `seq`, which is base or later. */
uint64_t ngx_kecs_ring_behind(uint64_t seq);

/* The event at an index from tail to head - 1, and a frame of it. */
const kecs_stream_event_t *ngx_kecs_ring_event(uint64_t index);
ngx_kecs_frame_t *ngx_kecs_ring_frame(uint64_t index, ngx_uint_t transport);

/*
 * One entry of the log behind *seq, which moves over it.  *ev is rendered
 * when streams tell of it and one of `kinds` (0: all) is its kind,
 * NGX_OK then; its strings are valid until the next call.  NGX_DECLINED:
 * nothing to tell; NGX_DONE: no entry yet; NGX_ABORT: the log does not
 * reach back; NGX_ERROR: not now.
 */
ngx_int_t ngx_kecs_log_step(kecs_txn_t *txn, uint64_t *seq, unsigned kinds,
    kecs_stream_event_t *ev);


/* Clients. */

typedef struct {
    kecs_ws_reader_t   reader;
    ngx_uint_t         silent;          /* pings without an answer */
    ngx_uint_t         deaf;            /* after nonsense */
    ngx_uint_t         pong;            /* one is owed: */
    size_t             pong_len;
    u_char             pong_data[KECS_WS_CONTROL_MAX];
} ngx_kecs_ws_t;

struct ngx_kecs_client_s {
    ngx_queue_t             queue;      /* waiting, ready or blocked */
    ngx_http_request_t     *request;
    ngx_event_t             timer;      /* heartbeat; the end of an end */
    ngx_msec_t              beat_every;
    kecs_stream_filter_t    filter;
    uint64_t                seq;        /* all up to here was seen to */
    uint64_t                index;      /* live: the next event */
    uint64_t                sent;       /* position that it was told */
    uint64_t                until;      /* the stream ends here, or never */
    ngx_chain_t            *free;
    ngx_chain_t            *busy;
    ngx_uint_t              transport;
    ngx_uint_t              slot;
    ngx_kecs_ws_t          *ws;         /* NULL: server-sent events */
    unsigned                started:1;  /* it has its first message */
    unsigned                live:1;     /* it reads from the ring */
    unsigned                beat:1;     /* a heartbeat is due */
    unsigned                blocked:1;  /* it has not taken all in yet */
    unsigned                ended:1;    /* its last message was sent */
    unsigned                linked:1;
};

/* After the head of the answer was sent; c->request is set. */
ngx_int_t ngx_kecs_client_add(ngx_kecs_client_t *client);

/* It has something to do. */
void ngx_kecs_client_ready(ngx_kecs_client_t *client);

/* All that wait have. */
void ngx_kecs_clients_ready(void);

/*
 * Ends the request; the client leaves the queues at once, and may be gone
 * when this returns.
 */
void ngx_kecs_client_finish(ngx_kecs_client_t *client, ngx_int_t rc);

/* Sends a close frame, and waits a while for the other side's. */
void ngx_kecs_client_close(ngx_kecs_client_t *client, unsigned code,
    kecs_str_t reason);

/* Reads what a websocket client sends. */
void ngx_kecs_ws_readable(ngx_http_request_t *r);


#endif
