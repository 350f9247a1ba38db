/*
 * Who may talk to an API that asks nobody for a name (D11): the addresses
 * that it listens on, checked with the configuration, and the Host of each
 * request, so that a page of a foreign site whose name is rebound to this
 * machine gets nothing.
 */

#include "ngx_kecs.h"


static ngx_uint_t
ngx_kecs_loopback4(in_addr_t addr)
{
    return (ntohl(addr) >> 24) == 127;
}


static ngx_uint_t
ngx_kecs_loopback(struct sockaddr *sa)
{
#if (NGX_HAVE_INET6)
    u_char               *p;
    struct sockaddr_in6  *sin6;
#endif

    switch (sa->sa_family) {

#if (NGX_HAVE_UNIX_DOMAIN)
    case AF_UNIX:
        return 1;
#endif

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        p = sin6->sin6_addr.s6_addr;

        return IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr)
               || (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr) && p[12] == 127);
#endif

    default:
        return ngx_kecs_loopback4(
                              ((struct sockaddr_in *) sa)->sin_addr.s_addr);
    }
}


/* The addresses. */

static ngx_int_t
ngx_kecs_check_address(ngx_conf_t *cf, ngx_http_conf_addr_t *addr)
{
    ngx_uint_t                  i;
    ngx_kecs_srv_conf_t        *kscf;
    ngx_http_core_srv_conf_t  **cscf;

    if (ngx_kecs_loopback(addr->opt.sockaddr)) {
        return NGX_OK;
    }

    cscf = addr->servers.elts;

    for (i = 0; i < addr->servers.nelts; i++) {
        kscf = cscf[i]->ctx->srv_conf[ngx_http_kecs_module.ctx_index];

        if (kscf->open_file != NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"%s on\" in %s:%ui would serve anybody who can"
                          " reach %V, because requests are not"
                          " authenticated: listen on loopback (127.0.0.1,"
                          " [::1], unix:) or write \"kecs_auth off;\" beside"
                          " it if access is controlled otherwise",
                          kscf->open_what, kscf->open_file, kscf->open_line,
                          &addr->opt.addr_text);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_kecs_check_listens(ngx_conf_t *cf)
{
    ngx_uint_t                  i, j;
    ngx_http_conf_addr_t       *addr;
    ngx_http_conf_port_t       *port;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (cmcf->ports == NULL) {
        return NGX_OK;
    }

    port = cmcf->ports->elts;

    for (i = 0; i < cmcf->ports->nelts; i++) {
        addr = port[i].addrs.elts;

        for (j = 0; j < port[i].addrs.nelts; j++) {
            if (ngx_kecs_check_address(cf, &addr[j]) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* The hosts. */

static ngx_uint_t
ngx_kecs_ends_with(ngx_str_t *host, u_char *end, size_t len)
{
    return host->len > len
           && ngx_strncasecmp(host->data + host->len - len, end, len) == 0;
}


/* "name", "*.name" and, as in server_name, ".name" for both. */

static ngx_uint_t
ngx_kecs_host_is(ngx_str_t *name, ngx_str_t *host)
{
    if (name->len > 2 && name->data[0] == '*' && name->data[1] == '.') {
        return ngx_kecs_ends_with(host, name->data + 1, name->len - 1);
    }

    if (name->len > 1 && name->data[0] == '.') {
        return ngx_kecs_ends_with(host, name->data, name->len)
               || (host->len == name->len - 1
                   && ngx_strncasecmp(host->data, name->data + 1, host->len)
                      == 0);
    }

    return host->len == name->len
           && ngx_strncasecmp(host->data, name->data, host->len) == 0;
}


static ngx_uint_t
ngx_kecs_host_matches(ngx_array_t *names, ngx_str_t *host)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    if (names == NULL) {
        return 0;
    }

    name = names->elts;

    for (i = 0; i < names->nelts; i++) {
        if (ngx_kecs_host_is(&name[i], host)) {
            return 1;
        }
    }

    return 0;
}


/* An address literal as a socket address; its length, 0: it is none. */

static socklen_t
ngx_kecs_literal(ngx_str_t *host, ngx_sockaddr_t *sa)
{
    ngx_memzero(sa, sizeof(ngx_sockaddr_t));

#if (NGX_HAVE_INET6)

    if (host->len > 2 && host->data[0] == '['
        && host->data[host->len - 1] == ']')
    {
        if (ngx_inet6_addr(host->data + 1, host->len - 2,
                           sa->sockaddr_in6.sin6_addr.s6_addr)
            != NGX_OK)
        {
            return 0;
        }

        sa->sockaddr.sa_family = AF_INET6;
        return sizeof(struct sockaddr_in6);
    }

#endif

    sa->sockaddr_in.sin_addr.s_addr = ngx_inet_addr(host->data, host->len);

    if (sa->sockaddr_in.sin_addr.s_addr == INADDR_NONE) {
        return 0;
    }

    sa->sockaddr.sa_family = AF_INET;

    return sizeof(struct sockaddr_in);
}


/* The address that the request came in on, written as a literal. */

static ngx_uint_t
ngx_kecs_host_local(ngx_http_request_t *r, ngx_sockaddr_t *sa, socklen_t len)
{
    ngx_connection_t  *c;

    c = r->connection;

    return ngx_connection_local_sockaddr(c, NULL, 0) == NGX_OK
           && ngx_cmp_sockaddr(c->local_sockaddr, c->local_socklen,
                               &sa->sockaddr, len, 0)
              == NGX_OK;
}


ngx_uint_t
ngx_kecs_host_allowed(ngx_http_request_t *r)
{
    ngx_str_t             *host;
    socklen_t              len;
    ngx_sockaddr_t         sa;
    ngx_kecs_loc_conf_t   *lcf;
    static ngx_str_t       localhost = ngx_string("localhost");
    static ngx_str_t       below = ngx_string("*.localhost");

    host = &r->headers_in.server;

    /* HTTP/1.0 without a Host: no browser does that. */

    if (host->len == 0 || ngx_kecs_host_is(&localhost, host)
        || ngx_kecs_host_is(&below, host))
    {
        return 1;
    }

    len = ngx_kecs_literal(host, &sa);

    if (len != 0 && (ngx_kecs_loopback(&sa.sockaddr)
                     || ngx_kecs_host_local(r, &sa, len)))
    {
        return 1;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_kecs_module);

    return ngx_kecs_host_matches(lcf->hosts, host)
           || ngx_kecs_host_matches(lcf->names, host);
}


/*
 * Before access is decided, which "satisfy any" may do without us.  What
 * another handler answers is not ours to add headers to, so a page of
 * another site, also a listed one, can open a websocket and cannot read an
 * answer.
 */

ngx_int_t
ngx_kecs_runtime_handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    kecs_str_t            origin;
    ngx_kecs_ctx_t       *ctx;
    ngx_kecs_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_kecs_module);

    if (!lcf->runtime) {
        return NGX_DECLINED;
    }

    if (ngx_kecs_host_allowed(r)
        && ngx_kecs_origin(r, &origin) != NGX_DECLINED)
    {
        return NGX_DECLINED;
    }

    ctx = ngx_kecs_ctx(r);

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_kecs_host_allowed(r)) {
        ngx_kecs_refuse_origin(ctx, origin);
        ctx->status = NGX_HTTP_FORBIDDEN;
        rc = ngx_kecs_answer_early(ctx);

    } else {
        rc = ngx_kecs_other_host(ctx);
    }

    ngx_http_finalize_request(r, rc);

    return NGX_DONE;
}
