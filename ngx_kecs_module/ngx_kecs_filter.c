/*
 * nginx's own errors in the words of the API.  In a location with "kecs on"
 * everything that nginx refuses by itself (too large, forbidden, limited,
 * malformed) would be an HTML page, which no SDK can read; the filters turn
 * it into {"__type", "message"} with the same status.  The same is done for
 * requests so malformed that they die before nginx picks a location, when
 * the server has an API at all, and where requests for other services are
 * passed on (then in the protocol of the service).  An error_page of the
 * configuration comes first: then there is nothing left to replace.
 */

#include "ngx_kecs.h"


static ngx_http_output_header_filter_pt  ngx_kecs_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_kecs_next_body_filter;


static const struct {
    ngx_uint_t     status;
    kecs_error_t   error;
    const char    *message;
} ngx_kecs_status_errors[] = {
    { 400, KECS_E_CLIENT,
      "The HTTP request is malformed, or its headers are too large." },
    { 401, KECS_E_ACCESS_DENIED, "The request is not authenticated." },
    { 403, KECS_E_ACCESS_DENIED, "Access is denied by the server." },
    { 404, KECS_E_UNKNOWN_OPERATION, "There is nothing at this path." },
    { 405, KECS_E_UNKNOWN_OPERATION, "The method is not part of the API." },
    { 408, KECS_E_CLIENT, "The request did not arrive in time." },
    { 413, KECS_E_REQUEST_TOO_LARGE,
      "The request body is larger than this server accepts." },
    { 414, KECS_E_REQUEST_TOO_LARGE, "The request line is too long." },
    { 429, KECS_E_THROTTLING, "Rate exceeded" },
    { 431, KECS_E_REQUEST_TOO_LARGE, "The headers are too large." },
    { 503, KECS_E_SERVICE_UNAVAILABLE,
      "Service Unavailable. Please try again later." },
    { 0, KECS_E_NONE, NULL }
};


static ngx_uint_t
ngx_kecs_status_row(ngx_uint_t status)
{
    ngx_uint_t  i;

    for (i = 0; ngx_kecs_status_errors[i].status != 0; i++) {
        if (ngx_kecs_status_errors[i].status == status) {
            break;
        }
    }

    return i;
}


kecs_error_t
ngx_kecs_error_of_status(ngx_uint_t status)
{
    ngx_uint_t  i;

    i = ngx_kecs_status_row(status);

    if (ngx_kecs_status_errors[i].status != 0) {
        return ngx_kecs_status_errors[i].error;
    }

    return status >= 500 ? KECS_E_SERVER : KECS_E_CLIENT;
}


static const char *
ngx_kecs_message_of_status(ngx_uint_t status)
{
    ngx_uint_t  i;

    i = ngx_kecs_status_row(status);

    if (ngx_kecs_status_errors[i].status != 0) {
        return ngx_kecs_status_errors[i].message;
    }

    return status >= 500 ? "Service Unavailable. Please try again later."
                         : "The request was refused by the server.";
}


/* What the reconciler does not answer is not available: 503, not 502. */

static void
ngx_kecs_filter_runtime(ngx_http_request_t *r)
{
    ngx_kecs_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_kecs_module);

    if (lcf->runtime && (r->err_status == NGX_HTTP_BAD_GATEWAY
                         || r->err_status == NGX_HTTP_GATEWAY_TIME_OUT))
    {
        r->err_status = NGX_HTTP_SERVICE_UNAVAILABLE;
        r->headers_out.status = NGX_HTTP_SERVICE_UNAVAILABLE;
    }
}


static const char *
ngx_kecs_filter_message(ngx_http_request_t *r)
{
    ngx_kecs_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_kecs_module);

    return lcf->runtime && r->err_status == NGX_HTTP_SERVICE_UNAVAILABLE
           ? "The reconciler does not answer; kecs status tells whether it"
             " runs." : ngx_kecs_message_of_status(r->err_status);
}


static ngx_uint_t
ngx_kecs_filter_applies(ngx_http_request_t *r)
{
    ngx_kecs_loc_conf_t  *lcf;
    ngx_kecs_srv_conf_t  *kscf;

    if (r != r->main || r->err_status < NGX_HTTP_BAD_REQUEST
        || r->headers_out.content_length_n <= 0)
    {
        return 0;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_kecs_module);

    if (lcf->enable || lcf->neighbour || lcf->runtime) {
        return 1;
    }

    kscf = ngx_http_get_module_srv_conf(r, ngx_http_kecs_module);

    return kscf->api && !r->valid_location;
}


static ngx_int_t
ngx_kecs_header_filter(ngx_http_request_t *r)
{
    ngx_kecs_ctx_t  *ctx;

    if (!ngx_kecs_filter_applies(r)) {
        return ngx_kecs_next_header_filter(r);
    }

    ctx = ngx_kecs_ctx(r);

    if (ctx == NULL || ctx->answered) {
        return ngx_kecs_next_header_filter(r);
    }

    ngx_kecs_filter_runtime(r);
    ngx_kecs_refuse(ctx, ngx_kecs_error_of_status(r->err_status), "%s",
                    ngx_kecs_filter_message(r));

    ctx->status = r->err_status;

    if (ctx->buf.failed || ngx_kecs_translate(ctx) != NGX_OK) {
        return ngx_kecs_next_header_filter(r);
    }

    ctx->replaced = 1;

    ngx_http_clear_content_length(r);
    r->headers_out.content_length_n = (off_t) ctx->buf.len;

    if (ctx->type.len != 0) {
        r->headers_out.content_type = ctx->type;

    } else {
        ngx_str_set(&r->headers_out.content_type,
                    "application/x-amz-json-1.1");
    }

    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    if (ngx_kecs_header_out(r, "x-amzn-RequestId", ctx->request_id,
                            KECS_UUID_LEN)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_kecs_next_header_filter(r);
}


static ngx_int_t
ngx_kecs_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t       *b;
    ngx_chain_t      out, *cl;
    ngx_kecs_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_kecs_module);

    if (in == NULL || ctx == NULL || !ctx->replaced) {
        return ngx_kecs_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
    }

    if (ctx->replaced_sent) {
        return ngx_kecs_next_body_filter(r, NULL);
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) ctx->buf.data;
    b->last = b->pos + ctx->buf.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;
    ctx->replaced_sent = 1;

    return ngx_kecs_next_body_filter(r, &out);
}


void
ngx_kecs_filter_init(void)
{
    ngx_kecs_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_kecs_header_filter;

    ngx_kecs_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_kecs_body_filter;
}
