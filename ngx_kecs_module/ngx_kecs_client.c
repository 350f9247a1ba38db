/*
 * The client of the writer (store/writer.h): one connection of this worker
 * to the holder of the role, which may be a thread of this very process.
 *
 * A call waits in `pending`, in the order of arrival, until its reply is
 * there.  It lives on the heap, for it may outlive its request: a request
 * that goes away only takes its pointer out, because a write that has been
 * sent cannot be called back.  Invariants: an entry is in the queue and in
 * the tree or nowhere; `sent` means that its bytes were given to the
 * present connection; what was sent on a connection that is lost is sent
 * again, marked REPLAY, with the log position of the first time.
 */

#include "ngx_kecs.h"


#define NGX_KECS_BACKOFF_MIN  5
#define NGX_KECS_BACKOFF_MAX  200

/* A leaving worker leaves the role to the others for so many attempts. */
#define NGX_KECS_SHY          5

#define NGX_KECS_WAITING_MAX  (64 * 1024 * 1024)
#define NGX_KECS_CHUNK        (64 * 1024)
#define NGX_KECS_KEEP         (1024 * 1024)


struct ngx_kecs_pending_s {
    ngx_rbtree_node_t   node;           /* key: id */
    ngx_queue_t         queue;
    ngx_event_t         timer;
    ngx_kecs_ctx_t     *ctx;            /* NULL: nobody waits any more */
    uint64_t            seq;
    unsigned            sent:1;
    unsigned            replay:1;
    size_t              len;
    char                payload[1];
};


static void ngx_kecs_client_connect(void);
static void ngx_kecs_client_again(void);
static void ngx_kecs_client_proven(void);
static void ngx_kecs_client_read(ngx_event_t *ev);
static void ngx_kecs_client_write(ngx_event_t *ev);
static void ngx_kecs_client_flush(ngx_event_t *ev);
static void ngx_kecs_client_retry(ngx_event_t *ev);


static ngx_connection_t    *ngx_kecs_conn;
static ngx_uint_t           ngx_kecs_draining;     /* GOAWAY was received */
static kecs_buf_t           ngx_kecs_in;
static kecs_buf_t           ngx_kecs_out;
static size_t               ngx_kecs_out_pos;
static ngx_queue_t          ngx_kecs_queue;
static ngx_rbtree_t         ngx_kecs_tree;
static ngx_rbtree_node_t    ngx_kecs_sentinel;
static size_t               ngx_kecs_bytes;        /* of all payloads */
static uint32_t             ngx_kecs_id;
static ngx_event_t          ngx_kecs_flush_event;
static ngx_event_t          ngx_kecs_retry_event;
static ngx_connection_t     ngx_kecs_dummy;
static ngx_msec_t           ngx_kecs_backoff;
static ngx_uint_t           ngx_kecs_attempts;     /* in a row, failed */


ngx_uint_t
ngx_kecs_client_connected(void)
{
    return ngx_kecs_conn != NULL && !ngx_kecs_draining;
}


static ngx_uint_t
ngx_kecs_client_waiting(void)
{
    return !ngx_queue_empty(&ngx_kecs_queue);
}


static void
ngx_kecs_dummy_event(ngx_event_t *ev, ngx_event_handler_pt handler)
{
    ngx_kecs_dummy.fd = (ngx_socket_t) -1;
    ev->handler = handler;
    ev->data = &ngx_kecs_dummy;
    ev->log = ngx_cycle->log;
}


void
ngx_kecs_client_init(void)
{
    ngx_queue_init(&ngx_kecs_queue);
    ngx_rbtree_init(&ngx_kecs_tree, &ngx_kecs_sentinel,
                    ngx_rbtree_insert_value);

    kecs_buf_init(&ngx_kecs_in, NULL, 2 * (size_t) KECS_FRAME_MAX);
    kecs_buf_init(&ngx_kecs_out, NULL, 4 * (size_t) NGX_KECS_WAITING_MAX);

    ngx_kecs_dummy_event(&ngx_kecs_flush_event, ngx_kecs_client_flush);
    ngx_kecs_dummy_event(&ngx_kecs_retry_event, ngx_kecs_client_retry);
    ngx_kecs_retry_event.cancelable = 1;
    ngx_kecs_backoff = NGX_KECS_BACKOFF_MIN;
}


/* Pending calls. */

static ngx_kecs_pending_t *
ngx_kecs_pending_find(uint32_t id)
{
    ngx_rbtree_node_t  *node;

    node = ngx_kecs_tree.root;

    while (node != &ngx_kecs_sentinel) {

        if (node->key == id) {
            return (ngx_kecs_pending_t *) node;
        }

        node = id < node->key ? node->left : node->right;
    }

    return NULL;
}


static void
ngx_kecs_pending_free(ngx_kecs_pending_t *p)
{
    if (p->timer.timer_set) {
        ngx_del_timer(&p->timer);
    }

    if (p->ctx != NULL) {
        p->ctx->pending = NULL;
    }

    ngx_rbtree_delete(&ngx_kecs_tree, &p->node);
    ngx_queue_remove(&p->queue);
    ngx_kecs_bytes -= p->len;
    ngx_free(p);
}


/* Nobody waits for it any more: what has not been sent need not be. */

static void
ngx_kecs_pending_orphan(ngx_kecs_pending_t *p)
{
    if (!p->sent) {
        ngx_kecs_pending_free(p);
        return;
    }

    if (p->timer.timer_set) {
        ngx_del_timer(&p->timer);
    }

    p->ctx->pending = NULL;
    p->ctx = NULL;
}


static void
ngx_kecs_pending_cleanup(void *data)
{
    ngx_kecs_ctx_t  *ctx = data;

    if (ctx->pending != NULL) {
        ngx_kecs_pending_orphan(ctx->pending);
    }
}


/*
 * Not cancelable: the timer also keeps a gracefully stopping worker alive
 * until the answer is there.
 */

static void
ngx_kecs_pending_timeout(ngx_event_t *ev)
{
    ngx_kecs_ctx_t      *ctx;
    ngx_connection_t    *c;
    ngx_kecs_pending_t  *p;

    p = (ngx_kecs_pending_t *) ((u_char *) ev
                                - offsetof(ngx_kecs_pending_t, timer));
    ctx = p->ctx;
    c = ctx->request->connection;

    ngx_log_error(NGX_LOG_ERR, c->log, 0,
                  "kecs: no answer from the writer in time");

    ngx_kecs_pending_orphan(p);
    ngx_kecs_write_failed(ctx, "The server did not carry out the request in"
                               " time; it may still do so.");
    ngx_http_run_posted_requests(c);
}


static ngx_kecs_pending_t *
ngx_kecs_pending_new(ngx_kecs_ctx_t *ctx, kecs_str_t payload)
{
    ngx_kecs_pending_t  *p;

    p = ngx_calloc(sizeof(ngx_kecs_pending_t) + payload.len, ngx_cycle->log);
    if (p == NULL) {
        return NULL;
    }

    while (ngx_kecs_pending_find(++ngx_kecs_id) != NULL) {
        /* void: 2^32 calls ago, and still unanswered */
    }

    ngx_memcpy(p->payload, payload.data, payload.len);
    p->len = payload.len;
    p->ctx = ctx;
    p->node.key = ngx_kecs_id;
    ngx_rbtree_insert(&ngx_kecs_tree, &p->node);
    ngx_queue_insert_tail(&ngx_kecs_queue, &p->queue);
    ngx_kecs_bytes += p->len;

    ngx_kecs_dummy_event(&p->timer, ngx_kecs_pending_timeout);

    return p;
}


/* What the store's log holds by now; the call is committed behind it. */

static uint64_t
ngx_kecs_log_position(void)
{
    uint64_t     seq;
    kecs_txn_t  *txn;

    if (kecs_read_begin(ngx_kecs_worker.store, &txn) != KECS_OK) {
        return 0;
    }

    seq = kecs_txn_seq(txn);
    kecs_read_end(txn);

    return seq;
}


/* Sending. */

static void
ngx_kecs_client_put(ngx_kecs_pending_t *p)
{
    kecs_frame_t  f;

    f.type = KECS_FRAME_CALL;
    f.flags = p->replay ? KECS_FRAME_REPLAY : 0;
    f.id = (uint32_t) p->node.key;
    f.seq = p->seq;
    f.payload = kecs_str_n(p->payload, p->len);

    kecs_frame_put(&ngx_kecs_out, &f);
    p->sent = 1;
}


static void
ngx_kecs_client_put_bye(void)
{
    kecs_frame_t  f;

    ngx_memzero(&f, sizeof(f));
    f.type = KECS_FRAME_BYE;

    kecs_frame_put(&ngx_kecs_out, &f);
}


static void
ngx_kecs_buf_reset(kecs_buf_t *b, size_t cap)
{
    if (b->size > NGX_KECS_KEEP || b->failed) {
        kecs_buf_free(b);
        kecs_buf_init(b, NULL, cap);
    }

    b->len = 0;
}


static void
ngx_kecs_client_reset(void)
{
    if (ngx_kecs_conn != NULL) {
        ngx_close_connection(ngx_kecs_conn);
        ngx_kecs_conn = NULL;
    }

    if (ngx_kecs_flush_event.posted) {
        ngx_delete_posted_event(&ngx_kecs_flush_event);
    }

    ngx_kecs_buf_reset(&ngx_kecs_in, ngx_kecs_in.cap);
    ngx_kecs_buf_reset(&ngx_kecs_out, ngx_kecs_out.cap);
    ngx_kecs_out_pos = 0;
    ngx_kecs_draining = 0;
}


/*
 * The connection is gone.  Its calls may have been run or not: they go to
 * the next holder, who looks that up; those that nobody waits for are left.
 */

static void
ngx_kecs_client_lost(void)
{
    ngx_queue_t         *q, *next;
    ngx_kecs_pending_t  *p;

    ngx_kecs_client_reset();

    for (q = ngx_queue_head(&ngx_kecs_queue);
         q != ngx_queue_sentinel(&ngx_kecs_queue);
         q = next)
    {
        next = ngx_queue_next(q);
        p = ngx_queue_data(q, ngx_kecs_pending_t, queue);

        if (p->ctx == NULL) {
            ngx_kecs_pending_free(p);
            continue;
        }

        if (p->sent) {
            p->sent = 0;
            p->replay = 1;
        }
    }
}


static void
ngx_kecs_client_flush(ngx_event_t *ev)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = ngx_kecs_conn;

    if (c == NULL) {
        return;
    }

    while (ngx_kecs_out_pos < ngx_kecs_out.len && !ngx_kecs_out.failed) {

        n = c->send(c, (u_char *) ngx_kecs_out.data + ngx_kecs_out_pos,
                    ngx_kecs_out.len - ngx_kecs_out_pos);

        if (n == NGX_AGAIN
            && ngx_handle_write_event(c->write, 0) == NGX_OK)
        {
            return;
        }

        if (n <= 0) {
            ngx_kecs_client_lost();
            ngx_kecs_client_again();
            return;
        }

        ngx_kecs_out_pos += (size_t) n;
    }

    if (ngx_kecs_out.failed) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "kecs: out of memory on the way to the writer");
        ngx_kecs_client_lost();
        ngx_add_timer(&ngx_kecs_retry_event, NGX_KECS_BACKOFF_MAX);
        return;
    }

    ngx_kecs_buf_reset(&ngx_kecs_out, ngx_kecs_out.cap);
    ngx_kecs_out_pos = 0;
}


static void
ngx_kecs_client_write(ngx_event_t *ev)
{
    ngx_kecs_client_flush(ev);
}


/* All calls of one round of the event loop leave in one piece. */

static void
ngx_kecs_client_flush_soon(void)
{
    if (!ngx_kecs_flush_event.posted) {
        ngx_post_event(&ngx_kecs_flush_event, &ngx_posted_events);
    }
}


ngx_int_t
ngx_kecs_client_send(ngx_kecs_ctx_t *ctx, kecs_str_t payload,
    ngx_msec_t timeout)
{
    ngx_http_cleanup_t  *cln;
    ngx_kecs_pending_t  *p;

    if (ngx_kecs_bytes + payload.len > NGX_KECS_WAITING_MAX) {
        return NGX_BUSY;
    }

    cln = ngx_http_cleanup_add(ctx->request, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    p = ngx_kecs_pending_new(ctx, payload);
    if (p == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_kecs_pending_cleanup;
    cln->data = ctx;
    ctx->pending = p;
    p->seq = ngx_kecs_log_position();
    ngx_add_timer(&p->timer, timeout);

    if (ngx_kecs_client_connected()) {
        ngx_kecs_client_put(p);
        ngx_kecs_client_flush_soon();

    } else if (ngx_kecs_conn == NULL && !ngx_kecs_retry_event.timer_set) {
        ngx_add_timer(&ngx_kecs_retry_event, 0);
    }

    return NGX_OK;
}


/* Receiving. */

static void
ngx_kecs_client_reply(const kecs_frame_t *f)
{
    ngx_kecs_ctx_t      *ctx;
    ngx_connection_t    *c;
    ngx_kecs_pending_t  *p;

    p = ngx_kecs_pending_find(f->id);

    if (p == NULL) {
        return;
    }

    ctx = p->ctx;
    ngx_kecs_pending_free(p);

    if (ctx != NULL) {
        c = ctx->request->connection;
        ngx_kecs_write_done(ctx, f);
        ngx_http_run_posted_requests(c);
    }
}


static ngx_int_t
ngx_kecs_client_frame(const kecs_frame_t *f)
{
    switch (f->type) {

    case KECS_FRAME_REPLY:
        ngx_kecs_client_reply(f);
        return NGX_OK;

    case KECS_FRAME_GOAWAY:
        if (!ngx_kecs_draining) {
            ngx_kecs_draining = 1;
            ngx_kecs_client_put_bye();
            ngx_kecs_client_flush_soon();
        }

        return NGX_OK;

    default:
        return NGX_ERROR;
    }
}


static ngx_int_t
ngx_kecs_client_frames(void)
{
    kecs_rc_t     rc;
    kecs_str_t    in;
    kecs_frame_t  f;

    in = kecs_buf_view(&ngx_kecs_in);

    for ( ;; ) {
        rc = kecs_frame_get(&in, &f);

        if (rc == KECS_AGAIN) {
            break;
        }

        if (rc != KECS_OK || ngx_kecs_client_frame(&f) != NGX_OK) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "kecs: the writer sent something unreadable");
            return NGX_ERROR;
        }
    }

    if (in.len == 0) {
        ngx_kecs_buf_reset(&ngx_kecs_in, ngx_kecs_in.cap);

    } else if (in.len != ngx_kecs_in.len) {
        ngx_memmove(ngx_kecs_in.data, in.data, in.len);
        ngx_kecs_in.len = in.len;
    }

    return NGX_OK;
}


static void
ngx_kecs_client_read(ngx_event_t *ev)
{
    char              *room;
    ssize_t            n;
    ngx_connection_t  *c;

    c = ev->data;

    for ( ;; ) {
        room = kecs_buf_reserve(&ngx_kecs_in, NGX_KECS_CHUNK);
        n = room == NULL ? NGX_ERROR
                         : c->recv(c, (u_char *) room, NGX_KECS_CHUNK);

        if (n == NGX_AGAIN
            && ngx_handle_read_event(c->read, 0) == NGX_OK)
        {
            return;
        }

        if (n > 0) {
            ngx_kecs_in.len += (size_t) n;
            ngx_kecs_client_proven();

            if (ngx_kecs_client_frames() == NGX_OK) {
                continue;
            }
        }

        ngx_kecs_client_lost();
        ngx_kecs_client_again();
        return;
    }
}


/* Connecting. */

static int
ngx_kecs_client_open(void)
{
    int  fd;

    fd = kecs_writer_connect(ngx_kecs_worker.folder);

    if (fd != -1) {
        return fd;
    }

    if (ngx_kecs_leaving() && ngx_kecs_attempts < NGX_KECS_SHY) {
        return -1;
    }

    if (ngx_kecs_role_take() != KECS_OK) {
        return -1;
    }

    return kecs_writer_connect(ngx_kecs_worker.folder);
}


/*
 * `channel` keeps nginx from counting, closing or reporting the connection
 * when the worker shuts down.
 */

static ngx_int_t
ngx_kecs_client_adopt(int fd)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(fd, ngx_cycle->log);

    if (c == NULL) {
        (void) close(fd);
        return NGX_ERROR;
    }

    c->recv = ngx_recv;
    c->send = ngx_send;
    c->log_error = NGX_ERROR_INFO;
    c->read->handler = ngx_kecs_client_read;
    c->write->handler = ngx_kecs_client_write;
    c->read->log = ngx_cycle->log;
    c->write->log = ngx_cycle->log;
    c->read->channel = 1;
    c->write->channel = 1;
    c->write->ready = 1;

    if (ngx_add_conn) {
        if (ngx_add_conn(c) == NGX_ERROR) {
            ngx_close_connection(c);
            return NGX_ERROR;
        }

    } else if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_close_connection(c);
        return NGX_ERROR;
    }

    ngx_kecs_conn = c;

    return NGX_OK;
}


static void
ngx_kecs_client_back_off(void)
{
    ngx_kecs_attempts++;

    if (!ngx_kecs_retry_event.timer_set) {
        ngx_add_timer(&ngx_kecs_retry_event, ngx_kecs_backoff);
    }

    ngx_kecs_backoff = ngx_min(2 * ngx_kecs_backoff, NGX_KECS_BACKOFF_MAX);
}


/* The connection works: the next loss is a fresh one. */

static void
ngx_kecs_client_proven(void)
{
    ngx_kecs_backoff = NGX_KECS_BACKOFF_MIN;
    ngx_kecs_attempts = 0;
}


static void
ngx_kecs_client_again(void)
{
    if (ngx_kecs_attempts != 0) {
        ngx_kecs_client_back_off();
        return;
    }

    ngx_kecs_attempts = 1;
    ngx_kecs_client_connect();
}


static void
ngx_kecs_client_connect(void)
{
    int                  fd;
    ngx_queue_t         *q;
    ngx_kecs_pending_t  *p;

    if (ngx_kecs_conn != NULL || ngx_kecs_worker.store == NULL
        || (ngx_kecs_leaving() && !ngx_kecs_client_waiting()))
    {
        return;
    }

    fd = ngx_kecs_client_open();

    if (fd == -1 || ngx_kecs_client_adopt(fd) != NGX_OK) {
        ngx_kecs_client_back_off();
        return;
    }

    for (q = ngx_queue_head(&ngx_kecs_queue);
         q != ngx_queue_sentinel(&ngx_kecs_queue);
         q = ngx_queue_next(q))
    {
        p = ngx_queue_data(q, ngx_kecs_pending_t, queue);

        if (!p->sent) {
            ngx_kecs_client_put(p);
        }
    }

    ngx_kecs_client_flush_soon();
}


static void
ngx_kecs_client_retry(ngx_event_t *ev)
{
    ngx_kecs_client_connect();
}


void
ngx_kecs_client_tick(void)
{
    if (ngx_kecs_conn != NULL) {
        ngx_kecs_client_proven();

    } else if (!ngx_kecs_retry_event.timer_set) {
        ngx_kecs_client_connect();
    }
}


void
ngx_kecs_client_exit(void)
{
    ngx_queue_t         *q;
    ngx_kecs_pending_t  *p;

    ngx_kecs_client_reset();

    while (!ngx_queue_empty(&ngx_kecs_queue)) {
        q = ngx_queue_head(&ngx_kecs_queue);
        p = ngx_queue_data(q, ngx_kecs_pending_t, queue);
        ngx_kecs_pending_free(p);
    }

    if (ngx_kecs_retry_event.timer_set) {
        ngx_del_timer(&ngx_kecs_retry_event);
    }

    kecs_buf_free(&ngx_kecs_in);
    kecs_buf_free(&ngx_kecs_out);
}
