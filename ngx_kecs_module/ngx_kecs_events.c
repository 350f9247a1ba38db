/*
 * GET /events: what the client asks for, whether it may have it, and the
 * head of the answer; from there on ngx_kecs_stream.c sends.  A refusal is
 * an error of the API, with the HTTP status that says what to do.
 */

#include "ngx_kecs_stream.h"


enum { NGX_KECS_FROM_END = 0, NGX_KECS_FROM_POSITION, NGX_KECS_FROM_TIME };


typedef struct {
    ngx_kecs_ctx_t        *ctx;
    ngx_http_request_t    *r;
    ngx_uint_t             transport;
    kecs_stream_filter_t   filter;
    ngx_uint_t             begin;           /* where: */
    uint64_t               since;           /* ... a position, */
    kecs_msec_t            from;            /* ... or a time */
    uint64_t               until;           /* NEVER, or what was given; */
    ngx_uint_t             until_now;       /* ... or the end of the log */
    kecs_str_t             origin;          /* to be named in the answer */
    ngx_kecs_client_t     *client;
    ngx_uint_t             slot;
} ngx_kecs_opening_t;


/* The last part of the path decides, as on the admin port. */

ngx_uint_t
ngx_kecs_events_asked(ngx_http_request_t *r)
{
    kecs_str_t            path;
    ngx_kecs_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_kecs_module);

    if (!lcf->events || !(r->method & NGX_HTTP_GET)) {
        return 0;
    }

    path = ngx_kecs_str(&r->uri);
    path = kecs_str_from(path, (size_t) (kecs_str_rchr(path, '/') + 1));

    return kecs_str_is(path, "events");
}


/* A refusal; the result is for finalize. */

static ngx_int_t
ngx_kecs_refuse_with(ngx_kecs_opening_t *o, ngx_uint_t status)
{
    static u_char  no_store[] = "no-store";

    o->ctx->status = status;

    if (ngx_kecs_header_out(o->r, "Cache-Control", no_store,
                            sizeof(no_store) - 1)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_kecs_answer_early(o->ctx);
}


/* Parameters. */

/* Decoded, in r->pool; NGX_DECLINED: not there, or empty. */

static ngx_int_t
ngx_kecs_arg(ngx_http_request_t *r, const char *name, kecs_str_t *out)
{
    u_char     *src, *dst;
    ngx_str_t   value;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &value) != NGX_OK
        || value.len == 0)
    {
        return NGX_DECLINED;
    }

    dst = ngx_pnalloc(r->pool, value.len);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    src = value.data;
    out->data = (const char *) dst;
    ngx_unescape_uri(&dst, &src, value.len, 0);
    out->len = (size_t) ((char *) dst - out->data);

    return NGX_OK;
}


/* A copy that outlives the arena. */

static ngx_int_t
ngx_kecs_keep(ngx_http_request_t *r, kecs_str_t *s)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, s->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, s->data, s->len);
    s->data = (const char *) p;

    return NGX_OK;
}


/* The caller's unless it is given; "*": all. */

static ngx_int_t
ngx_kecs_scope_arg(ngx_kecs_opening_t *o, const char *name,
    kecs_str_t callers, kecs_str_t *out)
{
    ngx_int_t  rc;

    rc = ngx_kecs_arg(o->r, name, out);

    if (rc == NGX_DECLINED) {
        *out = callers;
        return ngx_kecs_keep(o->r, out);
    }

    if (rc == NGX_OK && kecs_str_is(*out, "*")) {
        *out = kecs_null_str;
    }

    return rc;
}


/* By name or by ARN, of which the name is the end. */

static ngx_int_t
ngx_kecs_cluster_arg(ngx_kecs_opening_t *o)
{
    ngx_int_t   rc;
    kecs_str_t  cluster;

    rc = ngx_kecs_arg(o->r, "cluster", &cluster);

    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    o->filter.cluster = kecs_stream_cluster(cluster);

    return NGX_OK;
}


static ngx_int_t
ngx_kecs_kind_arg(ngx_kecs_opening_t *o)
{
    ngx_int_t   rc;
    kecs_str_t  kinds;
    kecs_buf_t  names;

    rc = ngx_kecs_arg(o->r, "kind", &kinds);

    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    if (kecs_stream_kinds_parse(kinds, &o->filter.kinds)) {
        return NGX_OK;
    }

    kecs_buf_init(&names, o->ctx->arena, 0);
    kecs_stream_kind_names(&names);
    ngx_kecs_refuse(o->ctx, KECS_E_INVALID_PARAMETER,
                    "The parameter kind is a list of these, with commas"
                    " between: %.*s.", kecs_fmt(kecs_buf_view(&names)));

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_kecs_is_position(kecs_str_t s, uint64_t *seq)
{
    return kecs_str_u64(s, seq) && *seq <= INT64_MAX;
}


/* A position, "oldest", or how long ago. */

static ngx_uint_t
ngx_kecs_since_read(ngx_kecs_opening_t *o, kecs_str_t since)
{
    kecs_msec_t  ago;

    if (ngx_kecs_is_position(since, &o->since)) {
        o->begin = NGX_KECS_FROM_POSITION;
        return 1;
    }

    o->begin = NGX_KECS_FROM_TIME;
    o->from = 0;

    if (kecs_str_is(since, "oldest")) {
        return 1;
    }

    if (!kecs_duration_parse(since, &ago)) {
        return 0;
    }

    o->from = ngx_max(kecs_wall_clock() - ago, 0);

    return 1;
}


/* Browsers send the header when they come back, with the old address. */

static ngx_int_t
ngx_kecs_since_arg(ngx_kecs_opening_t *o)
{
    ngx_int_t   rc;
    kecs_str_t  since;

    since = ngx_kecs_header_in(o->r, "last-event-id");

    if (since.len == 0) {
        rc = ngx_kecs_arg(o->r, "since", &since);

        if (rc != NGX_OK) {
            return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
        }
    }

    if (ngx_kecs_since_read(o, since)) {
        return NGX_OK;
    }

    ngx_kecs_refuse(o->ctx, KECS_E_INVALID_PARAMETER,
                    "The parameter since, or Last-Event-ID, is a position of"
                    " the log (digits, as x-kecs-sequence and the id of an"
                    " event have them), \"oldest\", or how long ago: 90s,"
                    " 15m, 2h, 7d.");

    return NGX_DECLINED;
}


static ngx_int_t
ngx_kecs_until_arg(ngx_kecs_opening_t *o)
{
    ngx_int_t   rc;
    kecs_str_t  until;

    o->until = NGX_KECS_NEVER;
    rc = ngx_kecs_arg(o->r, "until", &until);

    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    o->until_now = kecs_str_is(until, "now");

    if (o->until_now || ngx_kecs_is_position(until, &o->until)) {
        return NGX_OK;
    }

    ngx_kecs_refuse(o->ctx, KECS_E_INVALID_PARAMETER,
                    "The parameter until is a position of the log, digits,"
                    " or \"now\".");

    return NGX_DECLINED;
}


/* NGX_DECLINED: refused, in ctx. */

static ngx_int_t
ngx_kecs_parameters(ngx_kecs_opening_t *o)
{
    ngx_int_t  rc;

    if (ngx_kecs_scope_arg(o, "account", o->ctx->call.account,
                           &o->filter.account) != NGX_OK
        || ngx_kecs_scope_arg(o, "region", o->ctx->call.region,
                              &o->filter.region) != NGX_OK
        || ngx_kecs_cluster_arg(o) != NGX_OK
        || ngx_kecs_arg(o->r, "arn", &o->filter.arn) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    rc = ngx_kecs_kind_arg(o);

    if (rc == NGX_OK) {
        rc = ngx_kecs_since_arg(o);
    }

    return rc == NGX_OK ? ngx_kecs_until_arg(o) : rc;
}


/* Transports. */

/* Whether a list such as "keep-alive, Upgrade" has the token. */

static ngx_uint_t
ngx_kecs_has_token(kecs_str_t list, const char *token, char end)
{
    size_t      len;
    kecs_str_t  item;

    len = ngx_strlen(token);

    while (kecs_str_split(&list, ',', &item)) {
        while (item.len != 0 && (item.data[0] == ' ' || item.data[0] == '\t'))
        {
            item = kecs_str_from(item, 1);
        }

        if (item.len >= len
            && ngx_strncasecmp((u_char *) item.data, (u_char *) token, len)
               == 0
            && (item.len == len || item.data[len] == ' '
                || item.data[len] == '\t' || item.data[len] == end))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_kecs_upgrades(ngx_http_request_t *r)
{
    return r->http_version == NGX_HTTP_VERSION_11
           && ngx_kecs_has_token(ngx_kecs_header_in(r, "upgrade"),
                                 "websocket", ' ')
           && ngx_kecs_has_token(ngx_kecs_header_in(r, "connection"),
                                 "upgrade", ' ');
}


/* NGX_OK, or a refusal's status. */

static ngx_int_t
ngx_kecs_websocket_check(ngx_kecs_opening_t *o)
{
    char           accept[KECS_WS_ACCEPT_LEN];
    static u_char  version[] = "13";

    if (!kecs_str_is(ngx_kecs_header_in(o->r, "sec-websocket-version"),
                     "13"))
    {
        ngx_kecs_refuse(o->ctx, KECS_E_CLIENT,
                        "Only version 13 of the websocket protocol is"
                        " spoken here.");

        return ngx_kecs_header_out(o->r, "Sec-WebSocket-Version", version, 2)
               == NGX_OK ? 426 : NGX_ERROR;
    }

    if (!kecs_ws_accept(ngx_kecs_header_in(o->r, "sec-websocket-key"),
                        accept))
    {
        ngx_kecs_refuse(o->ctx, KECS_E_CLIENT,
                        "The header Sec-WebSocket-Key is missing or"
                        " malformed.");
        return NGX_HTTP_BAD_REQUEST;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_kecs_transport(ngx_kecs_opening_t *o)
{
    if (ngx_kecs_upgrades(o->r)) {
        o->transport = NGX_KECS_WS;
        return ngx_kecs_websocket_check(o);
    }

    o->transport = NGX_KECS_SSE;

    if (ngx_kecs_has_token(ngx_kecs_header_in(o->r, "accept"),
                           "text/event-stream", ';'))
    {
        return NGX_OK;
    }

    ngx_kecs_refuse(o->ctx, KECS_E_CLIENT,
                    "This is a stream of events: ask with Accept:"
                    " text/event-stream, or open a websocket.");

    return 406;
}


/* Whether it may, and whether there is what it asks for. */

static ngx_int_t
ngx_kecs_allowed(ngx_kecs_opening_t *o)
{
    ngx_http_request_t  *r;

    r = o->r;

    switch (ngx_kecs_origin(r, &o->origin)) {

    case NGX_OK:
        o->origin = kecs_null_str;
        break;

    case NGX_DONE:
        break;

    default:
        ngx_kecs_refuse_origin(o->ctx, o->origin);
        return NGX_HTTP_FORBIDDEN;
    }

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        ngx_kecs_refuse(o->ctx, KECS_E_CLIENT,
                        "A request for a stream has no body.");
        return NGX_HTTP_BAD_REQUEST;
    }

    if (ngx_kecs_worker.store == NULL) {
        ngx_kecs_refuse(o->ctx, KECS_E_SERVER,
                        "The store is not available.");
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    return NGX_OK;
}


/* Where the stream begins and ends; KECS_NOT_FOUND: not in this log. */

static kecs_rc_t
ngx_kecs_place(ngx_kecs_opening_t *o, kecs_txn_t *txn)
{
    kecs_rc_t            rc;
    kecs_change_entry_t  e;

    if (o->until_now) {
        o->until = kecs_txn_seq(txn);
    }

    if (o->begin == NGX_KECS_FROM_END) {
        o->since = kecs_txn_seq(txn);

    } else if (o->begin == NGX_KECS_FROM_TIME) {
        rc = kecs_log_since(txn, o->from, &o->since);

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return kecs_log_next(txn, o->ctx->arena, o->since, &e);
}


static ngx_int_t
ngx_kecs_position(ngx_kecs_opening_t *o)
{
    kecs_rc_t             rc;
    kecs_txn_t           *txn;

    if (kecs_read_begin(ngx_kecs_worker.store, &txn) != KECS_OK) {
        ngx_kecs_refuse(o->ctx, KECS_E_SERVER,
                        "The store is not available.");
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    rc = ngx_kecs_place(o, txn);
    o->ctx->seq = kecs_txn_seq(txn);
    o->ctx->positioned = 1;
    kecs_read_end(txn);

    if (rc != KECS_NOT_FOUND) {
        return NGX_OK;
    }

    ngx_atomic_fetch_add(&ngx_kecs_slots()->gone, 1);
    ngx_kecs_refuse(o->ctx, KECS_E_CLIENT,
                    "The log of this store has no position %llu, or none"
                    " behind it any more. Read the state again, and go on"
                    " from the position of that answer (x-kecs-sequence).",
                    (unsigned long long) o->since);

    return 410;
}


static ngx_int_t
ngx_kecs_limits(ngx_kecs_opening_t *o)
{
    ngx_kecs_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(o->r, ngx_http_kecs_module);

    switch (ngx_kecs_slot_take(mcf, o->r->connection->sockaddr, &o->slot)) {

    case NGX_OK:
        return NGX_OK;

    case NGX_DECLINED:
        ngx_kecs_refuse(o->ctx, KECS_E_THROTTLING,
                        "Too many streams are open from this address.");
        return NGX_HTTP_TOO_MANY_REQUESTS;

    default:
        ngx_kecs_refuse(o->ctx, KECS_E_SERVICE_UNAVAILABLE,
                        "Too many streams are open.");
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }
}


/* The answer. */

static ngx_int_t
ngx_kecs_sse_head(ngx_kecs_opening_t *o)
{
    ngx_http_request_t  *r;
    static u_char        no_store[] = "no-store";
    static u_char        no[] = "no";

    r = o->r;
    r->headers_out.status = NGX_HTTP_OK;
    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    return ngx_kecs_header_out(r, "Cache-Control", no_store,
                               sizeof(no_store) - 1) == NGX_OK
           ? ngx_kecs_header_out(r, "X-Accel-Buffering", no, 2) : NGX_ERROR;
}


static ngx_int_t
ngx_kecs_websocket_head(ngx_kecs_opening_t *o)
{
    char                *accept;
    ngx_http_request_t  *r;
    static u_char        websocket[] = "websocket";

    r = o->r;
    accept = ngx_pnalloc(r->pool, KECS_WS_ACCEPT_LEN);

    if (accept == NULL
        || !kecs_ws_accept(ngx_kecs_header_in(r, "sec-websocket-key"),
                           accept))
    {
        return NGX_ERROR;
    }

    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    ngx_str_set(&r->headers_out.status_line, "101 Switching Protocols");
    r->keepalive = 0;

    return ngx_kecs_header_out(r, "Upgrade", websocket, 9) == NGX_OK
           ? ngx_kecs_header_out(r, "Sec-WebSocket-Accept",
                                 (u_char *) accept, KECS_WS_ACCEPT_LEN)
           : NGX_ERROR;
}


/* What both have; a page of another origin may read it only if it is named. */

static ngx_int_t
ngx_kecs_stream_head(ngx_kecs_opening_t *o)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;
    static u_char        vary[] = "Origin";

    r = o->r;

    if (ngx_kecs_header_out(r, "x-amzn-RequestId", o->ctx->request_id,
                            KECS_UUID_LEN)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (o->origin.data != NULL
        && (ngx_kecs_header_out(r, "Access-Control-Allow-Origin",
                                (u_char *) o->origin.data, o->origin.len)
                != NGX_OK
            || ngx_kecs_header_out(r, "Vary", vary, sizeof(vary) - 1)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    rc = o->transport == NGX_KECS_WS ? ngx_kecs_websocket_head(o)
                                     : ngx_kecs_sse_head(o);
    if (rc != NGX_OK) {
        return rc;
    }

    o->ctx->status = r->headers_out.status;
    ngx_http_clear_content_length(r);
    r->headers_out.content_length_n = -1;

    return NGX_OK;
}


static ngx_int_t
ngx_kecs_client_new(ngx_kecs_opening_t *o)
{
    ngx_kecs_client_t    *client;
    ngx_kecs_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(o->r, ngx_http_kecs_module);
    client = ngx_pcalloc(o->r->pool, sizeof(ngx_kecs_client_t));

    if (client == NULL) {
        return NGX_ERROR;
    }

    if (o->transport == NGX_KECS_WS) {
        client->ws = ngx_pcalloc(o->r->pool, sizeof(ngx_kecs_ws_t));

        if (client->ws == NULL) {
            return NGX_ERROR;
        }
    }

    client->request = o->r;
    client->transport = o->transport;
    client->slot = o->slot;
    client->filter = o->filter;
    client->seq = o->since;
    client->until = o->until;
    client->beat_every = lcf->events_beat;
    o->client = client;

    return NGX_OK;
}


/* The slot is the client's once it has been added. */

static ngx_int_t
ngx_kecs_open(ngx_kecs_opening_t *o)
{
    ngx_int_t              rc;
    ngx_http_request_t    *r;
    ngx_kecs_main_conf_t  *mcf;

    r = o->r;
    mcf = ngx_http_get_module_main_conf(r, ngx_http_kecs_module);

    if (ngx_kecs_client_new(o) != NGX_OK
        || ngx_kecs_stream_head(o) != NGX_OK
        || ngx_kecs_follower_start(mcf) != NGX_OK
        || ngx_kecs_client_add(o->client) != NGX_OK)
    {
        ngx_kecs_slot_free(o->slot);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    o->ctx->client = o->client;
    ngx_kecs_ctx_slim(o->ctx);

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK) {
        ngx_kecs_client_finish(o->client, NGX_ERROR);
        return NGX_DONE;
    }

    if (ngx_http_send_special(r, NGX_HTTP_FLUSH) == NGX_ERROR) {
        ngx_kecs_client_finish(o->client, NGX_ERROR);
        return NGX_DONE;
    }

    /* What came with the request, frames or the end, is not told again. */

    if (r->http_version < NGX_HTTP_VERSION_20) {
        ngx_post_event(r->connection->read, &ngx_posted_events);
    }

    return NGX_DONE;
}


ngx_int_t
ngx_kecs_events_handler(ngx_kecs_ctx_t *ctx)
{
    ngx_int_t           rc;
    ngx_kecs_opening_t  o;

    ngx_memzero(&o, sizeof(o));
    o.ctx = ctx;
    o.r = ctx->request;

    rc = ngx_kecs_allowed(&o);

    if (rc == NGX_OK) {
        rc = ngx_kecs_transport(&o);
    }

    if (rc == NGX_OK) {
        rc = ngx_kecs_parameters(&o);

        if (rc == NGX_DECLINED) {
            rc = NGX_HTTP_BAD_REQUEST;
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_kecs_position(&o);
    }

    if (rc == NGX_OK) {
        rc = ngx_kecs_limits(&o);
    }

    if (rc == NGX_OK) {
        return ngx_kecs_open(&o);
    }

    return rc == NGX_ERROR ? NGX_HTTP_INTERNAL_SERVER_ERROR
                           : ngx_kecs_refuse_with(&o, (ngx_uint_t) rc);
}


/* Directives. */

/* "kecs_events_clients ALL [address=N]" */

char *
ngx_kecs_set_events_clients(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_kecs_main_conf_t  *mcf = conf;

    ngx_int_t   all, same;
    ngx_str_t  *value;

    if (mcf->clients != 0) {
        return "is duplicate";
    }

    value = cf->args->elts;
    all = ngx_atoi(value[1].data, value[1].len);
    same = ngx_min(all, NGX_KECS_EVENTS_ADDRESS);

    if (cf->args->nelts == 3) {
        same = value[2].len > 8
               && ngx_strncmp(value[2].data, "address=", 8) == 0
               ? ngx_atoi(value[2].data + 8, value[2].len - 8) : NGX_ERROR;
    }

    if (all < 1 || all > NGX_KECS_CLIENTS_MAX || same < 1 || same > all) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid limits of \"kecs_events_clients\": it"
                           " takes the number of clients in all, 1 to %d,"
                           " and \"address=N\", of one address, not more"
                           " than that", NGX_KECS_CLIENTS_MAX);
        return NGX_CONF_ERROR;
    }

    mcf->clients = (ngx_uint_t) all;
    mcf->clients_address = (ngx_uint_t) same;

    return NGX_CONF_OK;
}


char *
ngx_kecs_set_events_buffer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_kecs_main_conf_t  *mcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (mcf->events_buffer != 0) {
        return "is duplicate";
    }

    value = cf->args->elts;
    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR || size < 64 * 1024 || size > 1024 * 1024 * 1024) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" of \"kecs_events_buffer\", it"
                           " must be 64k to 1024m", &value[1]);
        return NGX_CONF_ERROR;
    }

    mcf->events_buffer = (size_t) size;

    return NGX_CONF_OK;
}


char *
ngx_kecs_set_events_beat(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_kecs_loc_conf_t  *lcf = conf;

    ngx_int_t   msec;
    ngx_str_t  *value;

    if (lcf->events_beat != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;
    msec = ngx_parse_time(&value[1], 0);

    if (msec == NGX_ERROR || msec < 100 || msec > 3600 * 1000) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" of \"kecs_events_heartbeat\","
                           " it must be 100ms to 1h", &value[1]);
        return NGX_CONF_ERROR;
    }

    lcf->events_beat = (ngx_msec_t) msec;

    return NGX_CONF_OK;
}
