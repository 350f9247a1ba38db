/*
 * The clients of this worker's streams.  Each is in one of three queues:
 * it waits, it is ready to be sent something, or it is blocked because it
 * has not taken in what it was sent.  Ready ones get their turn for at most
 * NGX_KECS_TURN_USEC of each round of the event loop, and of each turn at
 * most NGX_KECS_TURN_FRAMES frames, so that calls of the API come between.
 *
 * A client reads the log by itself until it is where the ring begins, and
 * from the ring from then on.  Nothing is made for one that is blocked; if
 * the ring has moved over its place meanwhile, it is told to resume and
 * closed.
 *
 * Memory: the client lies in r->pool.  Frames that nginx has not sent yet
 * are referenced until r->pool dies, as HTTP/2 may send them even later
 * than the request ends.
 */

#include "ngx_kecs_stream.h"


#define NGX_KECS_TURN_USEC    2000
#define NGX_KECS_TURN_FRAMES  32
#define NGX_KECS_TURN_SIZE    (128 * 1024)
#define NGX_KECS_TURN_LOG     256       /* entries of the log */
#define NGX_KECS_RETRY        1000      /* msec */
#define NGX_KECS_RETRY_SPREAD 1500
#define NGX_KECS_LAST_WAIT    1000


typedef struct {
    ngx_kecs_client_t   *client;
    ngx_chain_t         *out;
    ngx_chain_t        **last;
    ngx_uint_t           frames;
    ngx_uint_t           events;
    size_t               size;
    ngx_uint_t           more;          /* the turn was cut off */
    ngx_uint_t           end;           /* this was the last message */
    ngx_uint_t           failed;
} ngx_kecs_turn_t;


static ngx_queue_t       ngx_kecs_waiting;
static ngx_queue_t       ngx_kecs_ready;
static ngx_queue_t       ngx_kecs_blocked;
static ngx_uint_t        ngx_kecs_clients;
static ngx_uint_t        ngx_kecs_told;         /* that this worker goes */
static ngx_event_t       ngx_kecs_turn_event;
static ngx_connection_t  ngx_kecs_turn_dummy;


static void ngx_kecs_client_timer(ngx_event_t *ev);
static void ngx_kecs_client_writable(ngx_http_request_t *r);


/* Queues. */

void
ngx_kecs_client_ready(ngx_kecs_client_t *client)
{
    if (!client->linked || client->blocked) {
        return;
    }

    ngx_queue_remove(&client->queue);
    ngx_queue_insert_tail(&ngx_kecs_ready, &client->queue);

    if (!ngx_kecs_turn_event.posted) {
        ngx_post_event(&ngx_kecs_turn_event, &ngx_posted_events);
    }
}


void
ngx_kecs_clients_ready(void)
{
    if (ngx_queue_empty(&ngx_kecs_waiting)) {
        return;
    }

    ngx_queue_add(&ngx_kecs_ready, &ngx_kecs_waiting);
    ngx_queue_init(&ngx_kecs_waiting);

    if (!ngx_kecs_turn_event.posted) {
        ngx_post_event(&ngx_kecs_turn_event, &ngx_posted_events);
    }
}


static void
ngx_kecs_client_wait(ngx_kecs_client_t *client)
{
    ngx_queue_remove(&client->queue);
    ngx_queue_insert_tail(client->blocked ? &ngx_kecs_blocked
                                          : &ngx_kecs_waiting,
                          &client->queue);
}


/* Leaves the queues; its frames stay. */

static void
ngx_kecs_client_unlink(void *data)
{
    ngx_kecs_client_t *client = data;

    if (!client->linked) {
        return;
    }

    client->linked = 0;
    ngx_queue_remove(&client->queue);
    ngx_kecs_slot_free(client->slot);
    ngx_kecs_clients--;

    if (client->timer.timer_set) {
        ngx_del_timer(&client->timer);
    }

    if (ngx_kecs_clients == 0) {
        ngx_kecs_follower_stop();
    }
}


/*
 * With NGX_ERROR or a status the request lives until posted requests run,
 * with any other result it may be gone when this returns.
 */

void
ngx_kecs_client_finish(ngx_kecs_client_t *client, ngx_int_t rc)
{
    ngx_kecs_client_unlink(client);
    ngx_http_finalize_request(client->request, rc);
}


static ngx_kecs_frame_t *
ngx_kecs_frame_of(ngx_buf_t *b)
{
    return (ngx_kecs_frame_t *) (b->start - offsetof(ngx_kecs_frame_t, data));
}


static void
ngx_kecs_client_forget(void *data)
{
    ngx_chain_t        *cl;
    ngx_kecs_client_t  *client = data;

    ngx_kecs_client_unlink(client);

    for (cl = client->busy; cl; cl = cl->next) {
        ngx_kecs_frame_unref(ngx_kecs_frame_of(cl->buf));
    }

    client->busy = NULL;
}


/* Gathering what is sent in a turn. */

/* Takes the reference of the frame over. */

static void
ngx_kecs_turn_add(ngx_kecs_turn_t *t, ngx_kecs_frame_t *frame)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    cl = frame == NULL ? NULL
                       : ngx_chain_get_free_buf(t->client->request->pool,
                                                &t->client->free);
    if (cl == NULL) {
        ngx_kecs_frame_unref(frame);
        t->failed = 1;
        return;
    }

    b = cl->buf;
    ngx_memzero(b, sizeof(ngx_buf_t));
    b->tag = (ngx_buf_tag_t) &ngx_http_kecs_module;
    b->start = frame->data;
    b->pos = frame->data;
    b->last = frame->data + frame->len;
    b->end = b->last;
    b->memory = 1;

    cl->next = NULL;
    *t->last = cl;
    t->last = &cl->next;
    t->frames++;
    t->size += frame->len;
}


static void
ngx_kecs_turn_buf(ngx_kecs_turn_t *t, kecs_buf_t *b)
{
    ngx_kecs_turn_add(t, ngx_kecs_frame(b));
    kecs_buf_free(b);
}


/* A message that is no event, at the position of the client. */

static void
ngx_kecs_turn_message(ngx_kecs_turn_t *t, const char *name, kecs_str_t json,
    unsigned retry)
{
    kecs_buf_t  b;

    kecs_buf_init(&b, NULL, 0);

    if (t->client->transport == NGX_KECS_WS) {
        kecs_ws_message(&b, name, t->client->seq, json);

    } else {
        kecs_sse_retry(&b, retry);
        kecs_sse_message(&b, kecs_str_of(name), t->client->seq, json);
    }

    t->client->sent = t->client->seq;
    ngx_kecs_turn_buf(t, &b);
}


/* All that the client has asked for was seen to. */

static ngx_uint_t
ngx_kecs_turn_past(ngx_kecs_turn_t *t)
{
    return t->client->seq >= t->client->until;
}


static void
ngx_kecs_turn_start(ngx_kecs_turn_t *t)
{
    kecs_buf_t     b;
    kecs_writer_t  w;

    kecs_buf_init(&b, NULL, 0);
    w = kecs_writer(&b);
    kecs_w_object(&w, NULL);
    kecs_w_i64(&w, "sequence", (int64_t) t->client->seq);
    kecs_w_cstr(&w, "store", ngx_kecs_follower.store.uuid);
    kecs_w_i64(&w, "incarnation",
               (int64_t) ngx_kecs_follower.store.incarnation);

    if (t->client->until != NGX_KECS_NEVER) {
        kecs_w_i64(&w, "until", (int64_t) t->client->until);
    }

    kecs_w_object_end(&w);

    ngx_kecs_turn_message(t, "start", kecs_buf_view(&b), NGX_KECS_RETRY);
    t->client->started = 1;

    if (b.failed) {
        t->failed = 1;
    }

    kecs_buf_free(&b);
}


/* The last message: why, and for a websocket the status of its close. */

static void
ngx_kecs_turn_end(ngx_kecs_turn_t *t, const char *name, const char *why,
    unsigned code)
{
    char            text[128];
    kecs_buf_t      b;
    kecs_writer_t   w;

    t->end = 1;
    kecs_buf_init(&b, NULL, 0);

    if (t->client->transport == NGX_KECS_WS) {
        (void) snprintf(text, sizeof(text), "%s: %s, sequence %" PRIu64,
                        name, why, t->client->seq);
        kecs_ws_close(&b, code, kecs_str_of(text));
        ngx_kecs_turn_buf(t, &b);
        return;
    }

    w = kecs_writer(&b);
    kecs_w_object(&w, NULL);
    kecs_w_i64(&w, "sequence", (int64_t) t->client->seq);
    kecs_w_cstr(&w, "reason", why);
    kecs_w_object_end(&w);

    ngx_kecs_turn_message(t, name, kecs_buf_view(&b),
                          100 + (unsigned) kecs_rand_below(
                                               &ngx_kecs_worker.rand,
                                               NGX_KECS_RETRY_SPREAD));

    if (b.failed) {
        t->failed = 1;
    }

    kecs_buf_free(&b);
}


static void
ngx_kecs_turn_slow(ngx_kecs_turn_t *t)
{
    ngx_atomic_fetch_add(&ngx_kecs_slots()->slow, 1);
    ngx_kecs_turn_end(t, "resume", "too slow", KECS_WS_TRY_LATER);
}


static void
ngx_kecs_turn_gone(ngx_kecs_turn_t *t)
{
    ngx_atomic_fetch_add(&ngx_kecs_slots()->gone, 1);
    ngx_kecs_turn_end(t, "gone", "the log no longer reaches back",
                      KECS_WS_GONE);
}


static ngx_uint_t
ngx_kecs_turn_full(ngx_kecs_turn_t *t)
{
    return t->failed || t->frames >= NGX_KECS_TURN_FRAMES
           || t->size >= NGX_KECS_TURN_SIZE;
}


static void
ngx_kecs_turn_event_frame(ngx_kecs_turn_t *t, uint64_t seq,
    ngx_kecs_frame_t *frame)
{
    ngx_kecs_turn_add(t, frame);

    if (!t->failed) {
        t->events++;
        t->client->seq = seq;
        t->client->sent = seq;
    }
}


/* Both walks; NGX_AGAIN: cut off. */

static ngx_int_t
ngx_kecs_turn_log(ngx_kecs_turn_t *t, kecs_txn_t *txn)
{
    uint64_t             seq, until;
    ngx_int_t            rc;
    ngx_uint_t           n;
    ngx_kecs_client_t   *client;
    kecs_stream_event_t  ev;

    client = t->client;
    until = ngx_kecs_usec() + NGX_KECS_TURN_USEC;

    for (n = 0;
         client->seq < ngx_kecs_follower.base && !ngx_kecs_turn_past(t);
         n++)
    {

        if (n == NGX_KECS_TURN_LOG || ngx_kecs_turn_full(t)
            || ngx_kecs_usec() > until)
        {
            return NGX_AGAIN;
        }

        seq = client->seq;
        rc = ngx_kecs_log_step(txn, &seq, client->filter.kinds, &ev);

        if (rc == NGX_OK && kecs_stream_wants(&client->filter, &ev)) {
            ngx_kecs_turn_event_frame(t, seq,
                                      ngx_kecs_event_frame(&ev,
                                                           client->transport));

        } else if (rc == NGX_OK || rc == NGX_DECLINED) {
            client->seq = seq;

        } else {
            return rc;
        }
    }

    return NGX_OK;
}


static void
ngx_kecs_turn_catch_up(ngx_kecs_turn_t *t)
{
    ngx_int_t           rc;
    kecs_txn_t         *txn;
    ngx_kecs_client_t  *client;

    client = t->client;
    rc = NGX_OK;

    if (client->seq < ngx_kecs_follower.base) {
        if (ngx_kecs_worker.store == NULL
            || kecs_read_begin(ngx_kecs_worker.store, &txn) != KECS_OK)
        {
            return;
        }

        rc = ngx_kecs_turn_log(t, txn);
        kecs_read_end(txn);
    }

    if (rc == NGX_OK && ngx_kecs_turn_past(t)) {
        return;
    }

    if (rc == NGX_OK) {
        client->live = 1;
        client->index = ngx_kecs_ring_behind(client->seq);

    } else if (rc == NGX_ABORT) {
        ngx_kecs_turn_gone(t);

    } else if (rc == NGX_AGAIN) {
        t->more = 1;
    }
}


static void
ngx_kecs_turn_ring(ngx_kecs_turn_t *t)
{
    ngx_kecs_client_t          *client;
    const kecs_stream_event_t  *ev;

    client = t->client;

    if (client->index < ngx_kecs_follower.tail) {
        ngx_kecs_turn_slow(t);
        return;
    }

    for ( /* void */ ; client->index < ngx_kecs_follower.head;
         client->index++)
    {
        ev = ngx_kecs_ring_event(client->index);

        if (ev->seq > client->until) {
            break;
        }

        if (ngx_kecs_turn_full(t)) {
            t->more = 1;
            return;
        }

        if (kecs_stream_wants(&client->filter, ev)) {
            ngx_kecs_turn_event_frame(t, ev->seq,
                                      ngx_kecs_ring_frame(client->index,
                                                          client->transport));
        }
    }

    client->seq = ngx_max(client->seq, ngx_min(ngx_kecs_follower.seq,
                                               client->until));
}


static void
ngx_kecs_turn_pong(ngx_kecs_turn_t *t)
{
    kecs_buf_t      b;
    ngx_kecs_ws_t  *ws;

    ws = t->client->ws;

    if (ws == NULL || !ws->pong) {
        return;
    }

    ws->pong = 0;
    kecs_buf_init(&b, NULL, 0);
    kecs_ws_frame(&b, KECS_WS_PONG, kecs_str_n(ws->pong_data, ws->pong_len));
    ngx_kecs_turn_buf(t, &b);
}


/*
 * A heartbeat tells the position too, so that a client whose filter lets
 * little through does not come back with one that is long gone.
 */

static void
ngx_kecs_turn_beat(ngx_kecs_turn_t *t)
{
    kecs_buf_t          b;
    ngx_kecs_client_t  *client;

    client = t->client;

    if (!client->beat) {
        return;
    }

    client->beat = 0;
    kecs_buf_init(&b, NULL, 0);

    if (client->transport == NGX_KECS_SSE) {
        kecs_sse_beat(&b, client->seq);

    } else {
        if (client->sent != client->seq) {
            kecs_ws_message(&b, NULL, client->seq, kecs_null_str);
        }

        kecs_ws_frame(&b, KECS_WS_PING, kecs_str(""));
    }

    client->sent = client->seq;
    ngx_kecs_turn_buf(t, &b);
}


static void
ngx_kecs_turn_gather(ngx_kecs_turn_t *t)
{
    ngx_kecs_client_t  *client;

    client = t->client;

    if (!client->started) {
        ngx_kecs_turn_start(t);
    }

    ngx_kecs_turn_pong(t);

    if (ngx_kecs_leaving()) {
        ngx_kecs_turn_end(t, "resume", "this worker ends", KECS_WS_RESTART);
        return;
    }

    if (!client->live) {
        ngx_kecs_turn_catch_up(t);
    }

    if (client->live && !t->end) {
        ngx_kecs_turn_ring(t);
    }

    if (!t->end && ngx_kecs_turn_past(t)) {
        ngx_kecs_turn_end(t, "end", "this is what was asked for",
                          KECS_WS_NORMAL);
    }

    if (!t->end) {
        ngx_kecs_turn_beat(t);
    }
}


/* Sending. */

static void
ngx_kecs_client_reclaim(ngx_kecs_client_t *client)
{
    ngx_chain_t  *cl;

    while (client->busy != NULL && ngx_buf_size(client->busy->buf) == 0) {
        cl = client->busy;
        client->busy = cl->next;
        ngx_kecs_frame_unref(ngx_kecs_frame_of(cl->buf));
        cl->next = client->free;
        client->free = cl;
    }
}


/* Whether it takes more; if not, nginx will say when. */

static ngx_int_t
ngx_kecs_client_settle(ngx_kecs_client_t *client)
{
    ngx_event_t               *wev;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = client->request;
    c = r->connection;
    wev = c->write;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    ngx_kecs_client_reclaim(client);
    client->blocked = client->busy != NULL || r->buffered || c->buffered;

    if (!client->blocked) {
        if (wev->timer_set && !wev->delayed) {
            ngx_del_timer(wev);
        }

    } else if (!wev->delayed && !wev->timer_set) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    return ngx_handle_write_event(wev, clcf->send_lowat);
}


static ngx_int_t
ngx_kecs_turn_send(ngx_kecs_turn_t *t)
{
    ngx_chain_t        *cl, **ll;
    ngx_kecs_client_t  *client;

    client = t->client;

    if (t->out == NULL) {
        return NGX_OK;
    }

    for (cl = t->out; cl->next; cl = cl->next) { /* void */ }
    cl->buf->flush = 1;

    for (ll = &client->busy; *ll; ll = &(*ll)->next) { /* void */ }
    *ll = t->out;

    if (t->events != 0) {
        ngx_atomic_fetch_add(&ngx_kecs_slots()->events, t->events);
    }

    return ngx_http_output_filter(client->request, t->out);
}


/*
 * A websocket waits a while for the other side's close, as closing at once
 * might take ours away from it; events end with the answer.
 */

static void
ngx_kecs_client_end(ngx_kecs_client_t *client)
{
    ngx_http_request_t  *r;

    r = client->request;
    client->ended = 1;

    if (client->transport == NGX_KECS_WS) {
        ngx_add_timer(&client->timer, NGX_KECS_LAST_WAIT);
        return;
    }

    ngx_kecs_client_finish(client, ngx_http_send_special(r, NGX_HTTP_LAST));
}


static void
ngx_kecs_client_turn(ngx_kecs_client_t *client)
{
    ngx_kecs_turn_t  t;

    ngx_kecs_client_wait(client);

    if (client->ended || client->blocked) {
        return;
    }

    ngx_memzero(&t, sizeof(t));
    t.client = client;
    t.last = &t.out;

    ngx_kecs_turn_gather(&t);

    if (ngx_kecs_turn_send(&t) == NGX_ERROR || t.failed
        || ngx_kecs_client_settle(client) != NGX_OK)
    {
        ngx_kecs_client_finish(client, NGX_ERROR);
        return;
    }

    if (t.end) {
        ngx_kecs_client_end(client);
        return;
    }

    ngx_kecs_client_wait(client);

    if (t.more) {
        ngx_kecs_client_ready(client);
    }
}


static void
ngx_kecs_clients_turn(ngx_event_t *ev)
{
    uint64_t            until;
    ngx_connection_t   *c;
    ngx_kecs_client_t  *client;

    until = ngx_kecs_usec() + NGX_KECS_TURN_USEC;

    do {
        if (ngx_queue_empty(&ngx_kecs_ready)) {
            return;
        }

        client = ngx_queue_data(ngx_queue_head(&ngx_kecs_ready),
                                ngx_kecs_client_t, queue);
        c = client->request->connection;
        ngx_kecs_client_turn(client);
        ngx_http_run_posted_requests(c);

    } while (ngx_kecs_usec() < until);

    if (!ngx_queue_empty(&ngx_kecs_ready) && !ev->posted) {
        ngx_post_event(ev, &ngx_posted_next_events);
    }
}


static void
ngx_kecs_client_writable(ngx_http_request_t *r)
{
    ngx_event_t        *wev;
    ngx_kecs_ctx_t     *ctx;
    ngx_kecs_client_t  *client;

    ctx = ngx_http_get_module_ctx(r, ngx_http_kecs_module);
    client = ctx->client;
    wev = r->connection->write;

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, NGX_ETIMEDOUT,
                      "kecs: the client of a stream takes nothing in");
        r->connection->timedout = 1;
        ngx_kecs_client_finish(client, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (wev->delayed || r->aio || !client->blocked) {
        if (ngx_handle_write_event(wev, 0) != NGX_OK) {
            ngx_kecs_client_finish(client, NGX_ERROR);
        }

        return;
    }

    if (wev->timer_set) {
        ngx_del_timer(wev);
    }

    if (ngx_http_output_filter(r, NULL) == NGX_ERROR
        || ngx_kecs_client_settle(client) != NGX_OK)
    {
        ngx_kecs_client_finish(client, NGX_ERROR);
        return;
    }

    ngx_kecs_client_wait(client);
    ngx_kecs_client_ready(client);
}


void
ngx_kecs_client_close(ngx_kecs_client_t *client, unsigned code,
    kecs_str_t reason)
{
    kecs_buf_t       b;
    ngx_kecs_turn_t  t;

    ngx_memzero(&t, sizeof(t));
    t.client = client;
    t.last = &t.out;

    kecs_buf_init(&b, NULL, 0);
    kecs_ws_close(&b, code, reason);
    ngx_kecs_turn_buf(&t, &b);

    if (t.failed || ngx_kecs_turn_send(&t) == NGX_ERROR
        || ngx_kecs_client_settle(client) != NGX_OK)
    {
        ngx_kecs_client_finish(client, NGX_ERROR);
        return;
    }

    ngx_kecs_client_wait(client);
    ngx_kecs_client_end(client);
}


/*
 * Not cancelable: it is what keeps a leaving worker until its clients have
 * been told.
 */

static void
ngx_kecs_client_timer(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_kecs_client_t   *client;
    ngx_http_request_t  *r;

    client = ngx_queue_data(ev, ngx_kecs_client_t, timer);
    r = client->request;
    c = r->connection;

    if (client->ended) {
        ngx_kecs_client_finish(client, NGX_OK);
        ngx_http_run_posted_requests(c);
        return;
    }

    if (client->ws != NULL && ++client->ws->silent > 2) {
        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "kecs: the client of a stream answers no ping");
        ngx_kecs_client_finish(client, NGX_HTTP_REQUEST_TIME_OUT);
        ngx_http_run_posted_requests(c);
        return;
    }

    client->beat = 1;
    ngx_kecs_client_ready(client);
    ngx_add_timer(ev, client->beat_every);
}


ngx_int_t
ngx_kecs_client_add(ngx_kecs_client_t *client)
{
    ngx_pool_cleanup_t  *cln;
    ngx_http_cleanup_t  *gone;
    ngx_http_request_t  *r;

    r = client->request;
    cln = ngx_pool_cleanup_add(r->pool, 0);
    gone = ngx_http_cleanup_add(r, 0);

    if (cln == NULL || gone == NULL) {
        return NGX_ERROR;
    }

    ngx_kecs_clients++;
    client->linked = 1;
    ngx_queue_insert_tail(&ngx_kecs_waiting, &client->queue);

    cln->handler = ngx_kecs_client_forget;
    cln->data = client;
    gone->handler = ngx_kecs_client_unlink;
    gone->data = client;

    client->timer.handler = ngx_kecs_client_timer;
    client->timer.data = r->connection;
    client->timer.log = r->connection->log;
    ngx_add_timer(&client->timer, client->beat_every);

    r->main->count++;
    r->write_event_handler = ngx_kecs_client_writable;
    r->read_event_handler = client->ws != NULL ? ngx_kecs_ws_readable
                                               : ngx_http_test_reading;
    ngx_kecs_client_ready(client);

    return NGX_OK;
}


/* The worker. */

void
ngx_kecs_streams_init(void)
{
    ngx_queue_init(&ngx_kecs_waiting);
    ngx_queue_init(&ngx_kecs_ready);
    ngx_queue_init(&ngx_kecs_blocked);

    ngx_kecs_turn_dummy.fd = (ngx_socket_t) -1;
    ngx_kecs_turn_event.handler = ngx_kecs_clients_turn;
    ngx_kecs_turn_event.data = &ngx_kecs_turn_dummy;
    ngx_kecs_turn_event.log = ngx_cycle->log;

    ngx_kecs_slots_sweep();
}


void
ngx_kecs_streams_tick(void)
{
    if (ngx_kecs_clients == 0) {
        return;
    }

    if (ngx_kecs_leaving()) {
        if (!ngx_kecs_told) {
            ngx_kecs_told = 1;
            ngx_kecs_clients_ready();
        }

        return;
    }

    ngx_kecs_follower_tick();
}
