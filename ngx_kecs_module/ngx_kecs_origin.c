/*
 * Pages of which sites may open a stream, or see what a runtime knows.
 * Browsers send the Origin of a page, and do not keep a foreign one from
 * opening a websocket, so it is looked at here: the host that was asked for
 * itself, or one that kecs_events_origins lists.  Clients that are no
 * browsers send none.
 */

#include "ngx_kecs.h"


/* Without the scheme and the port that it implies. */

static kecs_str_t
ngx_kecs_origin_host(kecs_str_t origin)
{
    size_t      i;
    kecs_str_t  port;

    static const struct {
        kecs_str_t  scheme;
        kecs_str_t  port;
    } schemes[] = {
        { kecs_string("http://"), kecs_string(":80") },
        { kecs_string("https://"), kecs_string(":443") }
    };

    for (i = 0; i < 2; i++) {
        if (!kecs_str_starts(origin, schemes[i].scheme)) {
            continue;
        }

        origin = kecs_str_from(origin, schemes[i].scheme.len);
        port = schemes[i].port;

        if (origin.len > port.len
            && kecs_str_eq(kecs_str_from(origin, origin.len - port.len),
                           port))
        {
            origin.len -= port.len;
        }

        return origin;
    }

    return kecs_null_str;
}


static ngx_uint_t
ngx_kecs_same(kecs_str_t a, kecs_str_t b)
{
    return a.len == b.len
           && ngx_strncasecmp((u_char *) a.data, (u_char *) b.data, a.len)
              == 0;
}


/* The Host as a page of it would have it for its origin. */

static kecs_str_t
ngx_kecs_origin_own(ngx_http_request_t *r)
{
    kecs_str_t  host, port;

    host = ngx_kecs_header_in(r, "host");

    if (host.data == NULL) {
        return ngx_kecs_str(&r->headers_in.server);
    }

    port = kecs_str(":80");

#if (NGX_HTTP_SSL)
    if (r->connection->ssl != NULL) {
        port = kecs_str(":443");
    }
#endif

    if (host.len > port.len
        && kecs_str_eq(kecs_str_from(host, host.len - port.len), port))
    {
        host.len -= port.len;
    }

    return host;
}


ngx_int_t
ngx_kecs_origin(ngx_http_request_t *r, kecs_str_t *origin)
{
    kecs_str_t            host;
    ngx_str_t            *listed;
    ngx_uint_t            i;
    ngx_kecs_loc_conf_t  *lcf;

    *origin = ngx_kecs_header_in(r, "origin");

    if (origin->data == NULL) {
        return NGX_OK;
    }

    host = ngx_kecs_origin_host(*origin);

    if (host.len != 0 && ngx_kecs_same(host, ngx_kecs_origin_own(r))) {
        return NGX_OK;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_kecs_module);

    if (lcf->origins == NULL) {
        return NGX_DECLINED;
    }

    listed = lcf->origins->elts;

    for (i = 0; i < lcf->origins->nelts; i++) {
        if (ngx_kecs_same(*origin, ngx_kecs_str(&listed[i]))) {
            return NGX_DONE;
        }
    }

    return NGX_DECLINED;
}


void
ngx_kecs_refuse_origin(ngx_kecs_ctx_t *ctx, kecs_str_t origin)
{
    ngx_kecs_refuse(ctx, KECS_E_ACCESS_DENIED,
                    "Pages of the origin \"%.*s\" may not ask this here. To"
                    " allow it, name it with kecs_events_origins.",
                    (int) ngx_min(origin.len, 255), origin.data);
}


/* "https://ui.example.com", a port if it is not the scheme's own. */

static ngx_uint_t
ngx_kecs_origin_valid(ngx_str_t *value)
{
    size_t      i;
    kecs_str_t  host;

    host = ngx_kecs_origin_host(ngx_kecs_str(value));

    for (i = 0; i < host.len; i++) {
        if (!((host.data[i] >= 'a' && host.data[i] <= 'z')
              || (host.data[i] >= '0' && host.data[i] <= '9')
              || strchr("-._:[]", host.data[i]) != NULL))
        {
            return 0;
        }
    }

    return host.len != 0
           && host.data + host.len == (char *) value->data + value->len;
}


char *
ngx_kecs_set_events_origins(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_kecs_loc_conf_t  *lcf = conf;

    ngx_str_t   *value, *origin;
    ngx_uint_t   i;

    if (lcf->origins != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    lcf->origins = ngx_array_create(cf->pool, cf->args->nelts,
                                    sizeof(ngx_str_t));
    if (lcf->origins == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        ngx_strlow(value[i].data, value[i].data, value[i].len);

        if (!ngx_kecs_origin_valid(&value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid origin \"%V\" of"
                               " \"kecs_events_origins\", it looks like"
                               " \"https://ui.example.com\", with a port"
                               " only when it is not the scheme's own",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        origin = ngx_array_push(lcf->origins);
        if (origin == NULL) {
            return NGX_CONF_ERROR;
        }

        *origin = value[i];
    }

    return NGX_CONF_OK;
}
