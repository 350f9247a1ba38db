/*
 * Follows the change log for all clients of this worker.  A wake-up (see
 * store/wake.h) is answered with one walk over the new entries; each that
 * streams tell of is rendered once and put into the ring, from which the
 * clients take it.  A walk is cut off after NGX_KECS_FOLLOW_MAX entries or
 * NGX_KECS_FOLLOW_USEC and goes on in the next turn of the event loop.
 *
 * The ring is the bounded buffer of all clients: it holds at most
 * NGX_KECS_RING events and kecs_events_buffer bytes, and who falls behind
 * its oldest event has to come again.  Nothing is followed while there is
 * no client.
 */

#include "ngx_kecs_stream.h"
#include "../src/store/wake.h"


#define NGX_KECS_RING         4096
#define NGX_KECS_FOLLOW_MAX   256
#define NGX_KECS_FOLLOW_USEC  2000
#define NGX_KECS_RENDER       (16 * 1024)


typedef struct {
    kecs_stream_event_t   ev;           /* strings behind it */
    ngx_kecs_frame_t     *frames[NGX_KECS_TRANSPORTS];
    size_t                size;
} ngx_kecs_ringed_t;


ngx_kecs_follower_t  ngx_kecs_follower;

static ngx_kecs_ringed_t  *ngx_kecs_ring[NGX_KECS_RING];
static size_t              ngx_kecs_ring_size;
static size_t              ngx_kecs_ring_max;
static kecs_arena_t       *ngx_kecs_render_arena;
static ngx_connection_t   *ngx_kecs_wake;
static ngx_event_t         ngx_kecs_follow_event;
static ngx_connection_t    ngx_kecs_follow_dummy;
static ngx_uint_t          ngx_kecs_following;


/* Frames. */

ngx_kecs_frame_t *
ngx_kecs_frame(const kecs_buf_t *b)
{
    ngx_kecs_frame_t  *frame;

    if (b->failed) {
        return NULL;
    }

    frame = ngx_alloc(offsetof(ngx_kecs_frame_t, data) + b->len + 1,
                      ngx_cycle->log);
    if (frame != NULL) {
        frame->refs = 1;
        frame->len = b->len;
        ngx_memcpy(frame->data, b->data, b->len);
    }

    return frame;
}


void
ngx_kecs_frame_unref(ngx_kecs_frame_t *frame)
{
    if (frame != NULL && --frame->refs == 0) {
        ngx_free(frame);
    }
}


ngx_kecs_frame_t *
ngx_kecs_event_frame(const kecs_stream_event_t *ev, ngx_uint_t transport)
{
    kecs_buf_t         b;
    ngx_kecs_frame_t  *frame;

    kecs_buf_init(&b, NULL, 0);

    if (transport == NGX_KECS_SSE) {
        kecs_sse_message(&b, kecs_null_str, ev->seq, ev->json);

    } else {
        kecs_ws_message(&b, "event", ev->seq, ev->json);
    }

    frame = ngx_kecs_frame(&b);
    kecs_buf_free(&b);

    return frame;
}


/* Reading and rendering. */

static ngx_int_t
ngx_kecs_render(kecs_txn_t *txn, const kecs_change_entry_t *e,
    kecs_stream_event_t *ev)
{
    kecs_rc_t        rc;
    kecs_call_t      c;
    kecs_api_conf_t  conf;

    conf = ngx_kecs_writer_conf;
    ngx_memzero(&c, sizeof(c));
    c.arena = ngx_kecs_render_arena;
    c.store = ngx_kecs_worker.store;
    c.txn = txn;
    c.now = e->time;
    c.rand = &ngx_kecs_worker.rand;
    c.conf = &conf;

    rc = kecs_stream_render(&c, &ngx_kecs_follower.store, e, ev);

    switch (rc) {

    case KECS_OK:
        return NGX_OK;

    case KECS_NOMEM:
    case KECS_IO:
        return NGX_ERROR;

    case KECS_NOT_FOUND:
        return NGX_DECLINED;

    default:
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "kecs: the event at %uL of the log cannot be rendered:"
                      " %s", e->seq, kecs_rc_name(rc));
        return NGX_DECLINED;
    }
}


ngx_int_t
ngx_kecs_log_step(kecs_txn_t *txn, uint64_t *seq, unsigned kinds,
    kecs_stream_event_t *ev)
{
    unsigned             kind;
    ngx_int_t            rc;
    kecs_rc_t            got;
    kecs_change_entry_t  e;

    kecs_arena_reset(ngx_kecs_render_arena);
    got = kecs_log_next(txn, ngx_kecs_render_arena, *seq, &e);

    switch (got) {

    case KECS_OK:
        break;

    case KECS_DONE:
        return NGX_DONE;

    case KECS_NOT_FOUND:
        return NGX_ABORT;

    case KECS_NOMEM:
    case KECS_IO:
        return NGX_ERROR;

    default:
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "kecs: the log cannot be read at %uL: %s", *seq + 1,
                      kecs_rc_name(got));
        (*seq)++;
        return NGX_DECLINED;
    }

    if (!kecs_stream_told(&e, &kind)
        || (kinds != 0 && !(kinds & (1u << kind))))
    {
        (*seq)++;
        return NGX_DECLINED;
    }

    rc = ngx_kecs_render(txn, &e, ev);

    if (rc != NGX_ERROR) {
        (*seq)++;
    }

    return rc;
}


/* The ring. */

static ngx_kecs_ringed_t **
ngx_kecs_ring_place(uint64_t index)
{
    return &ngx_kecs_ring[index % NGX_KECS_RING];
}


static void
ngx_kecs_ring_drop(void)
{
    ngx_uint_t           i;
    ngx_kecs_ringed_t  **p;

    p = ngx_kecs_ring_place(ngx_kecs_follower.tail);

    for (i = 0; i < NGX_KECS_TRANSPORTS; i++) {
        ngx_kecs_frame_unref((*p)->frames[i]);
    }

    ngx_kecs_ring_size -= (*p)->size;
    ngx_kecs_follower.base = (*p)->ev.seq;
    ngx_kecs_follower.tail++;
    ngx_free(*p);
    *p = NULL;
}


static void
ngx_kecs_ring_clear(void)
{
    while (ngx_kecs_follower.tail != ngx_kecs_follower.head) {
        ngx_kecs_ring_drop();
    }
}


static u_char *
ngx_kecs_ring_copy(u_char *p, kecs_str_t *s)
{
    if (s->data == NULL) {
        return p;
    }

    ngx_memcpy(p, s->data, s->len);
    s->data = (const char *) p;

    return p + s->len;
}


static ngx_int_t
ngx_kecs_ring_add(const kecs_stream_event_t *ev)
{
    size_t              size;
    u_char             *p;
    ngx_kecs_ringed_t  *x;

    size = sizeof(ngx_kecs_ringed_t) + ev->account.len + ev->region.len
           + ev->cluster.len + ev->arn.len + ev->json.len;

    x = ngx_alloc(size, ngx_cycle->log);
    if (x == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(x, sizeof(ngx_kecs_ringed_t));
    x->ev = *ev;
    x->size = size;
    p = (u_char *) (x + 1);
    p = ngx_kecs_ring_copy(p, &x->ev.account);
    p = ngx_kecs_ring_copy(p, &x->ev.region);
    p = ngx_kecs_ring_copy(p, &x->ev.cluster);
    p = ngx_kecs_ring_copy(p, &x->ev.arn);
    (void) ngx_kecs_ring_copy(p, &x->ev.json);

    while (ngx_kecs_follower.tail != ngx_kecs_follower.head
           && (ngx_kecs_ring_size + size > ngx_kecs_ring_max
               || ngx_kecs_follower.head - ngx_kecs_follower.tail
                  == NGX_KECS_RING))
    {
        ngx_kecs_ring_drop();
    }

    *ngx_kecs_ring_place(ngx_kecs_follower.head) = x;
    ngx_kecs_follower.head++;
    ngx_kecs_ring_size += size;

    return NGX_OK;
}


uint64_t
ngx_kecs_ring_behind(uint64_t seq)
{
    uint64_t  low, high, mid;

    low = ngx_kecs_follower.tail;
    high = ngx_kecs_follower.head;

    while (low < high) {
        mid = low + (high - low) / 2;

        if ((*ngx_kecs_ring_place(mid))->ev.seq > seq) {
            high = mid;

        } else {
            low = mid + 1;
        }
    }

    return low;
}


const kecs_stream_event_t *
ngx_kecs_ring_event(uint64_t index)
{
    return &(*ngx_kecs_ring_place(index))->ev;
}


ngx_kecs_frame_t *
ngx_kecs_ring_frame(uint64_t index, ngx_uint_t transport)
{
    ngx_kecs_frame_t   **frame;
    ngx_kecs_ringed_t   *x;

    x = *ngx_kecs_ring_place(index);
    frame = &x->frames[transport];

    if (*frame == NULL) {
        *frame = ngx_kecs_event_frame(&x->ev, transport);

        if (*frame == NULL) {
            return NULL;
        }

        x->size += (*frame)->len;
        ngx_kecs_ring_size += (*frame)->len;
    }

    (*frame)->refs++;

    return *frame;
}


/* Following. */

/* The log was cut off ahead of us: who reads from the ring has to resume. */

static void
ngx_kecs_follow_lost(kecs_txn_t *txn)
{
    ngx_kecs_ring_clear();
    ngx_kecs_follower.head++;
    ngx_kecs_follower.tail = ngx_kecs_follower.head;
    ngx_kecs_follower.seq = kecs_txn_seq(txn);
    ngx_kecs_follower.base = ngx_kecs_follower.seq;
}


static void
ngx_kecs_follow_count(const kecs_stream_event_t *ev)
{
    kecs_msec_t        lag;
    ngx_kecs_stats_t  *stats;

    stats = ngx_kecs_stats();
    lag = kecs_wall_clock() - ev->time;

    if (stats != NULL) {
        ngx_kecs_stats_observe(&stats->follows,
                               (uint64_t) ngx_max(lag, 0) * 1000);
    }
}


/* NGX_AGAIN: there is more. */

static ngx_int_t
ngx_kecs_follow_some(kecs_txn_t *txn)
{
    uint64_t             until, seq;
    ngx_int_t            rc;
    ngx_uint_t           n;
    kecs_stream_event_t  ev;

    until = ngx_kecs_usec() + NGX_KECS_FOLLOW_USEC;

    for (n = 0; n < NGX_KECS_FOLLOW_MAX && ngx_kecs_usec() < until; n++) {
        seq = ngx_kecs_follower.seq;
        rc = ngx_kecs_log_step(txn, &seq, 0, &ev);

        if (rc == NGX_ABORT) {
            ngx_kecs_follow_lost(txn);
            return NGX_DONE;
        }

        if (rc == NGX_OK) {
            rc = ngx_kecs_ring_add(&ev);
            ngx_kecs_follow_count(&ev);
        }

        if (rc == NGX_DONE || rc == NGX_ERROR) {
            return rc;
        }

        ngx_kecs_follower.seq = seq;
    }

    return NGX_AGAIN;
}


static void
ngx_kecs_follow(ngx_event_t *ev)
{
    uint64_t     seq;
    ngx_int_t    rc;
    kecs_txn_t  *txn;

    if (!ngx_kecs_following || ngx_kecs_worker.store == NULL
        || kecs_read_begin(ngx_kecs_worker.store, &txn) != KECS_OK)
    {
        return;
    }

    seq = ngx_kecs_follower.seq;
    rc = ngx_kecs_follow_some(txn);
    kecs_read_end(txn);

    if (ngx_kecs_follower.seq != seq) {
        ngx_kecs_clients_ready();
    }

    if (rc == NGX_AGAIN) {
        ngx_post_event(&ngx_kecs_follow_event, &ngx_posted_next_events);
    }
}


static void
ngx_kecs_woken(ngx_event_t *rev)
{
    ngx_connection_t  *c;

    c = rev->data;

    if (kecs_wake_drain(c->fd)) {
        ngx_kecs_follow(rev);
    }
}


/* Without a watch the tick does. */

static void
ngx_kecs_watch(void)
{
    int                fd;
    ngx_connection_t  *c;

    fd = kecs_wake_watch(ngx_kecs_worker.folder);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "kecs: cannot watch the store in \"%s\"; streams look"
                      " at it four times a second",
                      ngx_kecs_worker.folder);
        return;
    }

    c = ngx_get_connection(fd, ngx_cycle->log);

    if (c == NULL) {
        (void) close(fd);
        return;
    }

    c->read->log = ngx_cycle->log;
    c->write->log = ngx_cycle->log;
    c->read->channel = 1;
    c->write->channel = 1;
    c->read->handler = ngx_kecs_woken;

    if (ngx_add_event(c->read, NGX_READ_EVENT, 0) != NGX_OK) {
        ngx_free_connection(c);
        (void) close(fd);
        return;
    }

    ngx_kecs_wake = c;
}


ngx_int_t
ngx_kecs_follower_start(ngx_kecs_main_conf_t *mcf)
{
    kecs_txn_t  *txn;

    if (ngx_kecs_following) {
        return NGX_OK;
    }

    if (ngx_kecs_render_arena == NULL) {
        ngx_kecs_render_arena = kecs_arena_create(NGX_KECS_RENDER);
    }

    if (ngx_kecs_render_arena == NULL
        || kecs_read_begin(ngx_kecs_worker.store, &txn) != KECS_OK)
    {
        return NGX_ERROR;
    }

    ngx_kecs_follower.seq = kecs_txn_seq(txn);
    ngx_kecs_follower.base = ngx_kecs_follower.seq;
    kecs_read_end(txn);

    kecs_store_info(ngx_kecs_worker.store, &ngx_kecs_follower.info);
    ngx_kecs_follower.store.uuid = ngx_kecs_follower.info.uuid;
    ngx_kecs_follower.store.incarnation = ngx_kecs_follower.info.incarnation;

    ngx_kecs_follow_dummy.fd = (ngx_socket_t) -1;
    ngx_kecs_follow_event.handler = ngx_kecs_follow;
    ngx_kecs_follow_event.data = &ngx_kecs_follow_dummy;
    ngx_kecs_follow_event.log = ngx_cycle->log;

    ngx_kecs_ring_max = mcf->events_buffer;
    ngx_kecs_following = 1;
    ngx_kecs_watch();

    return NGX_OK;
}


void
ngx_kecs_follower_stop(void)
{
    if (!ngx_kecs_following) {
        return;
    }

    ngx_kecs_following = 0;
    ngx_kecs_ring_clear();
    kecs_arena_destroy(ngx_kecs_render_arena);
    ngx_kecs_render_arena = NULL;

    if (ngx_kecs_follow_event.posted) {
        ngx_delete_posted_event(&ngx_kecs_follow_event);
    }

    if (ngx_kecs_wake != NULL) {
        ngx_close_connection(ngx_kecs_wake);
        ngx_kecs_wake = NULL;
    }
}


void
ngx_kecs_follower_tick(void)
{
    if (ngx_kecs_following && !ngx_kecs_follow_event.posted) {
        ngx_kecs_follow(&ngx_kecs_follow_event);
    }
}
