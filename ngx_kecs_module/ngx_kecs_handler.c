/*
 * The API handler: from an HTTP request to a call and back.  Reads run here
 * and now within one renewed read transaction; writes are put into an
 * envelope and go to the holder of the writer role (ngx_kecs_client.c).
 *
 * Memory: the body stays where nginx read it, everything else lies in the
 * arena of the request, which dies with r->pool; the answer is sent from
 * there without a copy.
 */

#include "ngx_kecs.h"
#include <stdarg.h>


#define NGX_KECS_JSON  "application/x-amz-json-1.1"


static void ngx_kecs_body_ready(ngx_http_request_t *r);


uint64_t
ngx_kecs_usec(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


/* Headers. */

kecs_str_t
ngx_kecs_header_in(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_strncmp(h[i].lowcase_key, name, len) == 0)
            {
                return ngx_kecs_str(&h[i].value);
            }
        }
    }

    return kecs_null_str;
}


ngx_int_t
ngx_kecs_header_out(ngx_http_request_t *r, const char *name, u_char *value,
    size_t len)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value.data = value;
    h->value.len = len;
    ngx_kecs_header_end(h);

    return NGX_OK;
}


/* "AmazonEC2ContainerServiceV20141113.CreateCluster" -> "CreateCluster" */

kecs_str_t
ngx_kecs_action(ngx_http_request_t *r, ngx_uint_t *ours)
{
    kecs_str_t         target, prefix;
    static const char  ecs[] = KECS_ECS_TARGET ".";

    *ours = 0;
    target = ngx_kecs_header_in(r, "x-amz-target");
    prefix = kecs_str(ecs);

    if (target.data == NULL || !kecs_str_starts(target, prefix)) {
        return kecs_null_str;
    }

    *ours = 1;

    return kecs_str_from(target, prefix.len);
}


void
ngx_kecs_caller(ngx_http_request_t *r, kecs_caller_t *caller)
{
    kecs_str_t            authorization;
    ngx_kecs_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_kecs_module);
    authorization = kecs_null_str;

    if (r->headers_in.authorization != NULL) {
        authorization = ngx_kecs_str(&r->headers_in.authorization->value);
    }

    kecs_caller_parse(authorization, lcf->api.account, lcf->api.region,
                      caller);
}


/* The context. */

/*
 * Arenas: one that a request no longer needs serves the next one, unless
 * it has grown.
 */

#define NGX_KECS_SPARE_MAX  (64 * 1024)


static kecs_arena_t *
ngx_kecs_arena_get(void)
{
    kecs_arena_t  *a;

    a = ngx_kecs_worker.spare;
    ngx_kecs_worker.spare = NULL;

    if (a == NULL) {
        a = kecs_arena_create(NGX_KECS_ARENA);
    }

    if (a != NULL) {
        kecs_arena_limit(a, NGX_KECS_ARENA_MAX);
    }

    return a;
}


static void
ngx_kecs_ctx_cleanup(void *data)
{
    kecs_arena_t    *a;
    ngx_kecs_ctx_t  *ctx;

    ctx = data;
    a = ctx->arena;
    ctx->arena = NULL;

    if (a == NULL) {
        return;
    }

    if (ngx_kecs_worker.spare != NULL
        || kecs_arena_size(a) > NGX_KECS_SPARE_MAX)
    {
        kecs_arena_destroy(a);
        return;
    }

    kecs_arena_reset(a);
    ngx_kecs_worker.spare = a;
}


void
ngx_kecs_ctx_slim(ngx_kecs_ctx_t *ctx)
{
    ngx_kecs_ctx_cleanup(ctx);

    ngx_memzero(&ctx->buf, sizeof(ctx->buf));
    ctx->call.arena = NULL;
    ctx->call.principal = kecs_null_str;
    ctx->call.message = kecs_null_str;
    ctx->answered = 1;
}


/* How the client reached this server, as far as its headers tell. */

static void
ngx_kecs_reached(ngx_http_request_t *r, kecs_call_t *c)
{
    if (r->headers_in.host != NULL) {
        c->host = ngx_kecs_str(&r->headers_in.host->value);
    }

#if (NGX_HTTP_SSL)
    c->tls = r->connection->ssl != NULL;
#endif
}


static ngx_int_t
ngx_kecs_ctx_call(ngx_kecs_ctx_t *ctx)
{
    kecs_call_t          *c;
    ngx_kecs_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_kecs_module);
    ngx_kecs_caller(ctx->request, &ctx->caller);
    kecs_buf_init(&ctx->buf, ctx->arena, 0);

    c = &ctx->call;
    c->arena = ctx->arena;
    c->store = ngx_kecs_worker.store;
    c->now = kecs_wall_clock();
    c->rand = &ngx_kecs_worker.rand;
    c->conf = &lcf->api;
    c->account = ctx->caller.account;
    c->region = ctx->caller.region;
    c->request_id = kecs_str_n(ctx->request_id, KECS_UUID_LEN);
    c->buf = &ctx->buf;
    ngx_kecs_reached(ctx->request, c);
    c->principal = kecs_arn_iam(ctx->arena, c->region, c->account,
                                kecs_str("root"));

    return c->principal.data == NULL ? NGX_ERROR : NGX_OK;
}


ngx_kecs_ctx_t *
ngx_kecs_ctx(ngx_http_request_t *r)
{
    ngx_kecs_ctx_t      *ctx;
    ngx_pool_cleanup_t  *cln;

    ctx = ngx_http_get_module_ctx(r, ngx_http_kecs_module);

    if (ctx != NULL) {
        return ctx;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_kecs_ctx_t));
    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (ctx == NULL || cln == NULL) {
        return NULL;
    }

    ctx->arena = ngx_kecs_arena_get();
    if (ctx->arena == NULL) {
        return NULL;
    }

    cln->handler = ngx_kecs_ctx_cleanup;
    cln->data = ctx;

    ctx->request = r;
    ctx->started = ngx_kecs_usec();
    kecs_rand_uuid(&ngx_kecs_worker.rand, (char *) ctx->request_id);

    if (ngx_kecs_ctx_call(ctx) != NGX_OK) {
        return NULL;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_kecs_module);

    return ctx;
}


/* Answers. */

ngx_int_t
ngx_kecs_send(ngx_http_request_t *r, kecs_str_t body)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    r->headers_out.content_length_n = (off_t) body.len;

    if (body.len == 0) {
        r->header_only = 1;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) body.data;
    b->last = b->pos + body.len;
    b->start = b->pos;
    b->end = b->last;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_int_t
ngx_kecs_answer_headers(ngx_kecs_ctx_t *ctx)
{
    u_char              *p, *last;
    ngx_http_request_t  *r;

    r = ctx->request;
    r->headers_out.status = ctx->status;
    r->headers_out.status_line.len = 0;

    if (ctx->type.len != 0) {
        r->headers_out.content_type = ctx->type;

    } else {
        ngx_str_set(&r->headers_out.content_type, NGX_KECS_JSON);
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    if (ngx_kecs_header_out(r, "x-amzn-RequestId", ctx->request_id,
                            KECS_UUID_LEN)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!ctx->positioned) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_sprintf(p, "%uL", ctx->seq);

    return ngx_kecs_header_out(r, "x-kecs-sequence", p, last - p);
}


ngx_int_t
ngx_kecs_answer(ngx_kecs_ctx_t *ctx)
{
    ctx->finished = ngx_kecs_usec();

    if (ctx->buf.failed || ngx_kecs_answer_headers(ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->answered = 1;

    return ngx_kecs_send(ctx->request, kecs_buf_view(&ctx->buf));
}


/* What a client sent may be quoted, but an answer is always UTF-8. */

static void
ngx_kecs_ascii(char *text, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if ((u_char) text[i] >= 0x80) {
            text[i] = '?';
        }
    }
}


void
ngx_kecs_refuse(ngx_kecs_ctx_t *ctx, kecs_error_t e, const char *fmt, ...)
{
    char     text[1024];
    int      n;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    n = ngx_max(0, ngx_min(n, (int) sizeof(text) - 1));
    ngx_kecs_ascii(text, (size_t) n);

    ctx->call.error = e;
    ctx->call.extra = kecs_null_str;
    ctx->call.message = kecs_strdup(ctx->arena, kecs_str_n(text, (size_t) n));

    kecs_call_error(&ctx->call);
    ctx->error = e;
    ctx->status = kecs_error_status(e);
}


/* An answer before the body: nginx has to read or throw that away first. */

ngx_int_t
ngx_kecs_answer_early(ngx_kecs_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(ctx->request);

    return rc == NGX_OK ? ngx_kecs_answer(ctx) : rc;
}


/* GET and HEAD: what this is, for a person with a browser or curl. */

static ngx_int_t
ngx_kecs_about(ngx_kecs_ctx_t *ctx)
{
    kecs_writer_t  w;

    w = kecs_writer(&ctx->buf);
    kecs_w_object(&w, NULL);
    kecs_w_cstr(&w, "server", "kecs");
    kecs_w_cstr(&w, "version", KECS_VERSION);
    kecs_w_cstr(&w, "service", "Amazon ECS");
    kecs_w_cstr(&w, "usage", "POST with the header X-Amz-Target: "
                             KECS_ECS_TARGET ".OPERATION and a JSON body;"
                             " for example aws ecs list-clusters"
                             " --endpoint-url http://HOST:PORT");
    kecs_w_object_end(&w);

    ctx->status = NGX_HTTP_OK;

    return ngx_kecs_answer_early(ctx);
}


static ngx_int_t
ngx_kecs_other_method(ngx_kecs_ctx_t *ctx)
{
    ngx_http_request_t  *r;
    static u_char        allow[] = "GET, HEAD, OPTIONS, POST";

    r = ctx->request;

    if (ngx_kecs_header_out(r, "Allow", allow, sizeof(allow) - 1) != NGX_OK) {
        return NGX_ERROR;
    }

    if (r->method == NGX_HTTP_OPTIONS) {
        ctx->status = NGX_HTTP_OK;
        kecs_buf_str(&ctx->buf, kecs_str("{}"));
        return ngx_kecs_answer_early(ctx);
    }

    ngx_kecs_refuse(ctx, KECS_E_UNKNOWN_OPERATION,
                    "The method %.*s is not part of the API, it takes POST.",
                    (int) ngx_min(r->method_name.len, 32),
                    r->method_name.data);
    ctx->status = NGX_HTTP_NOT_ALLOWED;

    return ngx_kecs_answer_early(ctx);
}


/* A form in the query string needs no body. */

static ngx_int_t
ngx_kecs_query_string(ngx_kecs_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = ngx_kecs_form(ctx, ngx_kecs_str(&ctx->request->args));

    return rc == NGX_DECLINED ? ngx_kecs_about(ctx) : rc;
}


/* Whatever the client has called, it is told so in its own protocol. */

ngx_int_t
ngx_kecs_other_host(ngx_kecs_ctx_t *ctx)
{
    ngx_str_t  *host;

    host = &ctx->request->headers_in.server;

    ngx_kecs_refuse(ctx, KECS_E_ACCESS_DENIED,
                    "The host \"%.*s\" is not served here. To allow it,"
                    " name it with kecs_hosts or server_name.",
                    (int) ngx_min(host->len, 255), host->data);

    if (ngx_kecs_translate(ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_kecs_answer_early(ctx);
}


ngx_int_t
ngx_kecs_api_handler(ngx_http_request_t *r)
{
    ngx_int_t         rc;
    ngx_kecs_ctx_t   *ctx;
    ngx_kecs_route_t  route;

    ctx = ngx_kecs_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!ngx_kecs_host_allowed(r)) {
        return ngx_kecs_other_host(ctx);
    }

    if (ngx_kecs_events_asked(r)) {
        return ngx_kecs_events_handler(ctx);
    }

    route = ngx_kecs_route(r);

    if (route == NGX_KECS_ROUTE_OTHER) {
        return ngx_kecs_other(ctx);
    }

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        return route == NGX_KECS_ROUTE_FORM ? ngx_kecs_query_string(ctx)
                                            : ngx_kecs_about(ctx);
    }

    if (r->method != NGX_HTTP_POST) {
        return ngx_kecs_other_method(ctx);
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_kecs_body_ready);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


/* The body as one piece; nearly always it is that already. */

static ngx_int_t
ngx_kecs_body_copy(ngx_http_request_t *r, char *to)
{
    off_t         pos;
    size_t        size;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;
        size = (size_t) ngx_buf_size(b);

        if (ngx_buf_in_memory(b)) {
            ngx_memcpy(to, b->pos, size);
            to += size;
            continue;
        }

        for (pos = b->file_pos; pos < b->file_last; pos += n) {
            n = ngx_read_file(b->file, (u_char *) to,
                              (size_t) (b->file_last - pos), pos);

            if (n == NGX_ERROR || n == 0) {
                return NGX_ERROR;
            }

            to += n;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_kecs_body(ngx_kecs_ctx_t *ctx)
{
    char                *p;
    size_t               len;
    ngx_chain_t         *cl, *bufs;
    ngx_http_request_t  *r;

    r = ctx->request;
    ctx->body = kecs_str("");
    bufs = r->request_body == NULL ? NULL : r->request_body->bufs;

    for (cl = bufs, len = 0; cl; cl = cl->next) {
        len += (size_t) ngx_buf_size(cl->buf);
    }

    if (len > NGX_KECS_BODY_MAX) {
        return NGX_DECLINED;
    }

    if (len == 0) {
        return NGX_OK;
    }

    if (bufs->next == NULL && ngx_buf_in_memory(bufs->buf)) {
        ctx->body = kecs_str_n(bufs->buf->pos, len);
        return NGX_OK;
    }

    p = kecs_alloc(ctx->arena, len);

    if (p == NULL || ngx_kecs_body_copy(r, p) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->body = kecs_str_n(p, len);

    return NGX_OK;
}


/* The operation, or a refusal written into ctx. */

static ngx_int_t
ngx_kecs_find_op(ngx_kecs_ctx_t *ctx)
{
    ngx_uint_t  ours;

    ctx->action = ngx_kecs_action(ctx->request, &ours);

    if (!ours) {
        ngx_kecs_refuse(ctx, KECS_E_UNKNOWN_OPERATION,
                        "The header X-Amz-Target must name an operation of"
                        " Amazon ECS: " KECS_ECS_TARGET ".OPERATION");
        return NGX_DECLINED;
    }

    ctx->call.op = kecs_ecs_op(ctx->action);

    if (ctx->call.op != NULL) {
        return NGX_OK;
    }

    if (kecs_ecs_op_known(ctx->action)) {
        ngx_kecs_refuse(ctx, KECS_E_UNSUPPORTED_FEATURE,
                        "The %.*s operation is not available in this release"
                        " of KECS.", kecs_fmt(ctx->action));
        return NGX_DECLINED;
    }

    ngx_kecs_refuse(ctx, KECS_E_UNKNOWN_OPERATION,
                    "Amazon ECS has no operation of the name that"
                    " X-Amz-Target asks for.");

    return NGX_DECLINED;
}


/* Reads. */

static ngx_int_t
ngx_kecs_read(ngx_kecs_ctx_t *ctx)
{
    unsigned      status;
    kecs_rc_t     rc;
    kecs_call_t  *c;

    c = &ctx->call;
    rc = kecs_read_begin(c->store, &c->txn);

    if (rc != KECS_OK) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "kecs: cannot read the store: %s", kecs_rc_name(rc));
        ngx_kecs_refuse(ctx, KECS_E_SERVER,
                        "Service Unavailable. Please try again later.");
        return ngx_kecs_answer(ctx);
    }

    (void) kecs_call_run(c, ctx->body, &status);

    ctx->seq = kecs_txn_seq(c->txn);
    ctx->positioned = 1;
    kecs_read_end(c->txn);
    c->txn = NULL;

    ctx->status = status;
    ctx->error = c->error;

    return ngx_kecs_answer(ctx);
}


/* Writes. */

static ngx_int_t
ngx_kecs_write(ngx_kecs_ctx_t *ctx)
{
    ngx_int_t             rc;
    char                  trace[KECS_TRACE_LEN + 1];
    kecs_buf_t            payload;
    kecs_trace_t          t;
    kecs_envelope_t       e;
    ngx_kecs_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_kecs_module);

    e.op = kecs_str_of(ctx->call.op->name);
    e.account = ctx->call.account;
    e.region = ctx->call.region;
    e.principal = ctx->call.principal;
    e.request_id = ctx->call.request_id;
    e.trace = kecs_null_str;
    e.body = ctx->body;

    if (ngx_kecs_trace(ctx->request, &t)) {
        kecs_trace_put(&t, t.span, trace);
        e.trace = kecs_str_n(trace, KECS_TRACE_LEN);
    }

    kecs_buf_init(&payload, ctx->arena, KECS_FRAME_MAX);
    kecs_envelope_put(&payload, &e);

    rc = payload.failed ? NGX_ERROR
                        : ngx_kecs_client_send(ctx, kecs_buf_view(&payload),
                                               lcf->write_timeout);

    if (rc == NGX_OK) {
        return NGX_DONE;
    }

    if (rc == NGX_BUSY) {
        ngx_kecs_refuse(ctx, KECS_E_THROTTLING, "Rate exceeded");

    } else {
        ngx_kecs_refuse(ctx, KECS_E_SERVER, "The server is out of memory.");
    }

    return ngx_kecs_answer(ctx);
}


void
ngx_kecs_write_failed(ngx_kecs_ctx_t *ctx, const char *why)
{
    ngx_kecs_refuse(ctx, KECS_E_SERVER, "%s", why);
    ngx_http_finalize_request(ctx->request, ngx_kecs_answer(ctx));
}


/*
 * A LOST reply: the call was committed, but its holder died before it could
 * answer.  As with any 500 the client does not know, and repeats it.
 */

void
ngx_kecs_write_done(ngx_kecs_ctx_t *ctx, const kecs_frame_t *f)
{
    kecs_reply_t  reply;

    if (f->flags & KECS_FRAME_LOST) {
        ngx_kecs_write_failed(ctx, "The request was carried out, but its"
                                   " answer was lost. Please look before you"
                                   " repeat it.");
        return;
    }

    if (kecs_reply_get(f->payload, &reply) != KECS_OK) {
        ngx_kecs_write_failed(ctx, "Service Unavailable. Please try again"
                                   " later.");
        return;
    }

    ctx->buf.len = 0;
    kecs_buf_str(&ctx->buf, reply.body);
    ctx->status = reply.status;
    ctx->error = reply.error < KECS_ERRORS ? (kecs_error_t) reply.error
                                           : KECS_E_SERVER;
    ctx->seq = f->seq;
    ctx->positioned = !(f->flags & KECS_FRAME_UNDONE);

    ngx_http_finalize_request(ctx->request, ngx_kecs_answer(ctx));
}


/* One that was passed on has a reference of its own: this one ends. */

static ngx_int_t
ngx_kecs_body_form(ngx_kecs_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = ngx_kecs_form(ctx, ctx->body.len != 0
                            ? ctx->body
                            : ngx_kecs_str(&ctx->request->args));

    if (rc == NGX_DONE) {
        ngx_http_finalize_request(ctx->request, NGX_DONE);
    }

    return rc;
}


static ngx_int_t
ngx_kecs_call(ngx_kecs_ctx_t *ctx)
{
    ngx_int_t  rc;

    switch (ngx_kecs_body(ctx)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        ngx_kecs_refuse(ctx, KECS_E_REQUEST_TOO_LARGE,
                        "The request body is larger than 1 MiB.");
        return ngx_kecs_answer(ctx);

    default:
        ngx_kecs_refuse(ctx, KECS_E_SERVER,
                        "The request body could not be read.");
        return ngx_kecs_answer(ctx);
    }

    if (ngx_kecs_route(ctx->request) == NGX_KECS_ROUTE_FORM) {
        rc = ngx_kecs_body_form(ctx);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    if (ngx_kecs_find_op(ctx) != NGX_OK) {
        return ngx_kecs_answer(ctx);
    }

    if (ctx->call.store == NULL) {
        ngx_kecs_refuse(ctx, KECS_E_SERVER,
                        "The store is not available: %s",
                        ngx_kecs_worker.why ? ngx_kecs_worker.why
                                            : "it is not open");
        return ngx_kecs_answer(ctx);
    }

    if (ctx->call.op->flags & KECS_OP_WRITE) {
        return ngx_kecs_write(ctx);
    }

    return ngx_kecs_read(ctx);
}


static void
ngx_kecs_body_ready(ngx_http_request_t *r)
{
    ngx_int_t        rc;
    ngx_kecs_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_kecs_module);
    rc = ngx_kecs_call(ctx);

    /* A write goes on in ngx_kecs_write_done() with this reference. */

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}
