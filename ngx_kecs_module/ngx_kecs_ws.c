/*
 * What a websocket client sends: pings, pongs and a close.  The first bytes
 * may have come together with the request.  Of several pings the last is
 * answered, when the client takes the answer in.  After nonsense nothing is
 * understood any more, and what still comes is thrown away until the other
 * side closes or has been waited for long enough.
 */

#include "ngx_kecs_stream.h"


#define NGX_KECS_WS_READ   2048
#define NGX_KECS_WS_READS  8


/*
 * The other side's close: answered, unless it is the answer to ours.  The
 * timer ends the request then, as its memory is in use here.
 */

static void
ngx_kecs_ws_closed(ngx_kecs_client_t *client)
{
    if (!client->ended) {
        ngx_kecs_client_close(client,
                              kecs_ws_close_code(&client->ws->reader),
                              kecs_str(""));
    }

    client->ws->deaf = 1;

    if (client->linked) {
        ngx_add_timer(&client->timer, 0);
    }
}


static void
ngx_kecs_ws_control(ngx_kecs_client_t *client)
{
    ngx_kecs_ws_t  *ws;

    ws = client->ws;
    ws->silent = 0;

    if (ws->reader.opcode == KECS_WS_CLOSE) {
        ngx_kecs_ws_closed(client);

    } else if (ws->reader.opcode == KECS_WS_PING && !client->ended) {
        ws->pong = 1;
        ws->pong_len = ws->reader.got;
        ngx_memcpy(ws->pong_data, ws->reader.payload, ws->reader.got);
        ngx_kecs_client_ready(client);
    }
}


static void
ngx_kecs_ws_take(ngx_kecs_client_t *client, kecs_str_t in)
{
    unsigned        code;
    ngx_kecs_ws_t  *ws;

    ws = client->ws;

    while (client->linked && !ws->deaf) {

        switch (kecs_ws_read(&ws->reader, &in, &code)) {

        case KECS_WS_MORE:
            return;

        case KECS_WS_CONTROL:
            ngx_kecs_ws_control(client);
            break;

        default:
            ws->deaf = 1;

            if (!client->ended) {
                ngx_kecs_client_close(client, code,
                                      kecs_str("only ping, pong, close"));
            }
        }
    }
}


/* The rest of what came with the request. */

static void
ngx_kecs_ws_first(ngx_kecs_client_t *client)
{
    ngx_buf_t   *b;
    kecs_str_t   in;

    b = client->request->header_in;
    in = kecs_str_n(b->pos, (size_t) (b->last - b->pos));
    b->pos = b->last;

    ngx_kecs_ws_take(client, in);
}


void
ngx_kecs_ws_readable(ngx_http_request_t *r)
{
    u_char              buf[NGX_KECS_WS_READ];
    ssize_t             n;
    ngx_uint_t          i;
    ngx_event_t        *rev;
    ngx_kecs_ctx_t     *ctx;
    ngx_kecs_client_t  *client;

    ctx = ngx_http_get_module_ctx(r, ngx_http_kecs_module);
    client = ctx->client;
    rev = r->connection->read;

    ngx_kecs_ws_first(client);

    for (i = 0; i < NGX_KECS_WS_READS && client->linked; i++) {
        n = r->connection->recv(r->connection, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            if (ngx_handle_read_event(rev, 0) != NGX_OK) {
                ngx_kecs_client_finish(client, NGX_ERROR);
            }

            return;
        }

        if (n == 0 || n == NGX_ERROR) {
            ngx_kecs_client_finish(client, client->ended
                                           ? NGX_OK
                                           : NGX_HTTP_CLIENT_CLOSED_REQUEST);
            return;
        }

        ngx_kecs_ws_take(client, kecs_str_n(buf, (size_t) n));
    }

    if (client->linked && !rev->posted) {
        ngx_post_event(rev, &ngx_posted_next_events);
    }
}
