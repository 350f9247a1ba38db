/*
 * Other services of AWS on the same endpoint.  Which one a request is for
 * follows from X-Amz-Target, else from the credential scope of its
 * signature, else from the form that it carries.  STS GetCallerIdentity is
 * answered here; everything else goes to the named location that
 * kecs_upstream_location names (plain nginx does the rest), or is refused
 * in the protocol of its service.
 */

#include "ngx_kecs.h"
#include "../src/sts/sts.h"


#define NGX_KECS_FORM  "application/x-www-form-urlencoded"
#define NGX_KECS_EC2   "http://ec2.amazonaws.com/doc/2016-11-15/"


typedef enum {
    NGX_KECS_SAYS_JSON = 0,
    NGX_KECS_SAYS_QUERY,
    NGX_KECS_SAYS_EC2,
    NGX_KECS_SAYS_S3,
    NGX_KECS_SAYS_CBOR
} ngx_kecs_protocol_t;

typedef struct {
    const char  *key;
    const char  *service;
} ngx_kecs_known_t;

/* What the prefix of X-Amz-Target, or the Version of a form, stands for. */

static const ngx_kecs_known_t  ngx_kecs_targets[] = {
    { "AmazonEC2ContainerRegistry_V20150921", "ecr" },
    { "AmazonSSM", "ssm" },
    { "AnyScaleFrontendService", "application-autoscaling" },
    { "AWSEvents", "events" },
    { "AWSStepFunctions", "states" },
    { "CertificateManager", "acm" },
    { "CodeDeploy_20141006", "codedeploy" },
    { "Logs_20140328", "logs" },
    { "ResourceGroupsTaggingAPI_20170126", "tagging" },
    { "Route53AutoNaming_v20170314", "servicediscovery" },
    { "secretsmanager", "secretsmanager" },
    { "TrentService", "kms" },
    { NULL, NULL }
};

static const ngx_kecs_known_t  ngx_kecs_versions[] = {
    { KECS_STS_VERSION, "sts" },
    { "2010-05-08", "iam" },
    { "2010-05-15", "cloudformation" },
    { "2010-08-01", "monitoring" },
    { "2011-01-01", "autoscaling" },
    { "2012-06-01", "elasticloadbalancing" },
    { "2015-12-01", "elasticloadbalancing" },
    { "2016-11-15", "ec2" },
    { NULL, NULL }
};


static kecs_str_t
ngx_kecs_known(const ngx_kecs_known_t *row, kecs_str_t key)
{
    for ( /* void */ ; row->key != NULL; row++) {
        if (kecs_str_is(key, row->key)) {
            return kecs_str_of(row->service);
        }
    }

    return kecs_null_str;
}


/* A presigned request has its scope in the query string. */

static kecs_str_t
ngx_kecs_presigned(ngx_http_request_t *r)
{
    size_t      i;
    ngx_str_t   arg;
    kecs_str_t  scope, part;

    if (ngx_http_arg(r, (u_char *) "X-Amz-Credential", 16, &arg) != NGX_OK) {
        return kecs_null_str;
    }

    /* key / date / region / service, the slashes often as %2F */

    scope = ngx_kecs_str(&arg);
    part = kecs_null_str;

    for (i = 0; i < 4; i++) {
        if (kecs_str_chr(scope, '/') >= 0) {
            (void) kecs_str_split(&scope, '/', &part);

        } else if (kecs_str_split(&scope, '%', &part)) {
            scope = kecs_str_from(scope, 2);
        }
    }

    return part;
}


kecs_str_t
ngx_kecs_service(ngx_http_request_t *r)
{
    ngx_uint_t     ours;
    kecs_str_t     target, prefix, known;
    kecs_caller_t  caller;

    (void) ngx_kecs_action(r, &ours);

    if (ours) {
        return kecs_str("ecs");
    }

    ngx_kecs_caller(r, &caller);
    target = ngx_kecs_header_in(r, "x-amz-target");

    if (target.data != NULL) {
        (void) kecs_str_split(&target, '.', &prefix);
        known = ngx_kecs_known(ngx_kecs_targets, prefix);

        if (known.data != NULL) {
            return known;
        }

        return caller.service.len != 0 && !kecs_str_is(caller.service, "ecs")
               ? caller.service : prefix;
    }

    return caller.service.len != 0 ? caller.service : ngx_kecs_presigned(r);
}


static ngx_uint_t
ngx_kecs_is_form(ngx_http_request_t *r)
{
    kecs_str_t  type;

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    type = ngx_kecs_str(&r->headers_in.content_type->value);

    return type.len >= sizeof(NGX_KECS_FORM) - 1
           && ngx_strncasecmp((u_char *) type.data, (u_char *) NGX_KECS_FORM,
                              sizeof(NGX_KECS_FORM) - 1) == 0;
}


static ngx_uint_t
ngx_kecs_has_action(ngx_http_request_t *r)
{
    ngx_str_t  arg;

    return ngx_http_arg(r, (u_char *) "Action", 6, &arg) == NGX_OK;
}


/*
 * From the headers alone.  BODY: an unsigned form, whose own words tell.  A
 * request that says nothing of a service is taken for ECS's.
 */

ngx_kecs_route_t
ngx_kecs_route(ngx_http_request_t *r)
{
    kecs_str_t  service;

    service = ngx_kecs_service(r);

    if (service.len == 0) {
        return ngx_kecs_has_action(r)
               || (r->method == NGX_HTTP_POST && ngx_kecs_is_form(r))
               ? NGX_KECS_ROUTE_FORM : NGX_KECS_ROUTE_ECS;
    }

    if (kecs_str_is(service, "ecs")) {
        return NGX_KECS_ROUTE_ECS;
    }

    return kecs_str_is(service, "sts") ? NGX_KECS_ROUTE_FORM
                                       : NGX_KECS_ROUTE_OTHER;
}


/* Passing on. */

ngx_uint_t
ngx_kecs_has_upstream(ngx_http_request_t *r)
{
    ngx_kecs_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_kecs_module);

    return lcf->upstream.len != 0 && lcf->upstream.data[0] == '@';
}


/* The context of this location is forgotten by it. */

static ngx_int_t
ngx_kecs_pass(ngx_http_request_t *r)
{
    ngx_str_t             name;
    ngx_kecs_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_kecs_module);
    name = lcf->upstream;

    return ngx_http_named_location(r, &name);
}


/* Refusals in the protocol of the service. */

static ngx_kecs_protocol_t
ngx_kecs_protocol(ngx_http_request_t *r, kecs_str_t service)
{
    if (kecs_str_is(ngx_kecs_header_in(r, "smithy-protocol"),
                    "rpc-v2-cbor"))
    {
        return NGX_KECS_SAYS_CBOR;
    }

    if (ngx_kecs_header_in(r, "x-amz-target").data != NULL) {
        return NGX_KECS_SAYS_JSON;
    }

    if (kecs_str_is(service, "ec2")) {
        return NGX_KECS_SAYS_EC2;
    }

    if (kecs_str_is(service, "s3")) {
        return NGX_KECS_SAYS_S3;
    }

    return ngx_kecs_is_form(r) || ngx_kecs_has_action(r)
           || kecs_str_is(service, "route53")
           ? NGX_KECS_SAYS_QUERY : NGX_KECS_SAYS_JSON;
}


/* The name of an error in the protocols of XML. */

static const char *
ngx_kecs_code(kecs_error_t e)
{
    switch (e) {

    case KECS_E_UNKNOWN_OPERATION:
        return "InvalidAction";

    case KECS_E_ACCESS_DENIED:
        return "AccessDenied";

    case KECS_E_THROTTLING:
        return "Throttling";

    case KECS_E_SERVER:
    case KECS_E_SERVICE_UNAVAILABLE:
        return "ServiceUnavailable";

    default:
        return "InvalidRequest";
    }
}


static void
ngx_kecs_write_ec2(ngx_kecs_ctx_t *ctx)
{
    kecs_buf_t  *b;

    b = &ctx->buf;

    kecs_buf_str(b, kecs_str("<Response>\n  <Errors>\n    <Error>\n"));
    kecs_xml_element(b, 3, "Code", kecs_str_of(ngx_kecs_code(ctx->error)));
    kecs_xml_element(b, 3, "Message", ctx->call.message);
    kecs_buf_str(b, kecs_str("    </Error>\n  </Errors>\n"));
    kecs_xml_element(b, 1, "RequestID", ctx->call.request_id);
    kecs_buf_str(b, kecs_str("</Response>\n"));
}


static void
ngx_kecs_write_s3(ngx_kecs_ctx_t *ctx)
{
    kecs_buf_t  *b;

    b = &ctx->buf;

    kecs_buf_str(b, kecs_str("<Error>\n"));
    kecs_xml_element(b, 1, "Code",
                     kecs_str_of(ctx->status == NGX_HTTP_NOT_IMPLEMENTED
                                 ? "NotImplemented"
                                 : ngx_kecs_code(ctx->error)));
    kecs_xml_element(b, 1, "Message", ctx->call.message);
    kecs_xml_element(b, 1, "RequestId", ctx->call.request_id);
    kecs_buf_str(b, kecs_str("</Error>\n"));
}


/* A text of CBOR, its length in two bytes. */

static void
ngx_kecs_write_cbor(kecs_buf_t *b, kecs_str_t s)
{
    kecs_buf_chr(b, 0x79);
    kecs_buf_chr(b, (char) (s.len >> 8));
    kecs_buf_chr(b, (char) s.len);
    kecs_buf_str(b, s);
}


static ngx_int_t
ngx_kecs_say_cbor(ngx_kecs_ctx_t *ctx)
{
    static u_char  protocol[] = "rpc-v2-cbor";

    ngx_str_set(&ctx->type, "application/cbor");
    ctx->buf.len = 0;
    kecs_buf_chr(&ctx->buf, (char) 0xa2);
    ngx_kecs_write_cbor(&ctx->buf, kecs_str("__type"));
    ngx_kecs_write_cbor(&ctx->buf, kecs_str_of(kecs_error_name(ctx->error)));
    ngx_kecs_write_cbor(&ctx->buf, kecs_str("message"));
    ngx_kecs_write_cbor(&ctx->buf, ctx->call.message);

    return ngx_kecs_header_out(ctx->request, "smithy-protocol", protocol,
                               sizeof(protocol) - 1);
}


/* Other JSON than that of X-Amz-Target has its type in a header. */

static ngx_int_t
ngx_kecs_say_json(ngx_kecs_ctx_t *ctx)
{
    const char  *type;

    if (ngx_kecs_header_in(ctx->request, "x-amz-target").data != NULL) {
        return NGX_OK;
    }

    type = kecs_error_name(ctx->error);

    return ngx_kecs_header_out(ctx->request, "x-amzn-ErrorType",
                               (u_char *) type, ngx_strlen(type));
}


static void
ngx_kecs_say_xml(ngx_kecs_ctx_t *ctx, ngx_kecs_protocol_t protocol)
{
    ngx_str_set(&ctx->type, "text/xml");
    ctx->buf.len = 0;

    switch (protocol) {

    case NGX_KECS_SAYS_EC2:
        ngx_kecs_write_ec2(ctx);
        break;

    case NGX_KECS_SAYS_S3:
        ngx_kecs_write_s3(ctx);
        break;

    default:
        kecs_xml_error(&ctx->buf, NULL, (unsigned) ctx->status,
                       ngx_kecs_code(ctx->error), ctx->call.message,
                       ctx->call.request_id);
    }
}


ngx_int_t
ngx_kecs_translate(ngx_kecs_ctx_t *ctx)
{
    ngx_kecs_protocol_t  protocol;

    if (ctx->call.message.data == NULL) {
        return NGX_ERROR;
    }

    protocol = ngx_kecs_protocol(ctx->request,
                                 ngx_kecs_service(ctx->request));

    if (protocol == NGX_KECS_SAYS_JSON) {
        return ngx_kecs_say_json(ctx);
    }

    if (protocol == NGX_KECS_SAYS_CBOR) {
        return ngx_kecs_say_cbor(ctx);
    }

    ngx_kecs_say_xml(ctx, protocol);

    return NGX_OK;
}


static ngx_int_t
ngx_kecs_refuse_other(ngx_kecs_ctx_t *ctx, kecs_str_t service)
{
    if (service.len > 64) {
        service.len = 64;
    }

    ngx_kecs_refuse(ctx, KECS_E_UNKNOWN_OPERATION,
                    "The service \"%.*s\" is not part of KECS. To pass its"
                    " requests on to a server that has it, set"
                    " kecs_upstream_location in the nginx configuration.",
                    kecs_fmt(service));

    if (kecs_str_is(service, "s3")) {
        ctx->status = NGX_HTTP_NOT_IMPLEMENTED;
    }

    return ngx_kecs_translate(ctx) == NGX_OK
           ? NGX_OK : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


ngx_int_t
ngx_kecs_other(ngx_kecs_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = ctx->request;

    if (ngx_kecs_has_upstream(r)) {
        return ngx_kecs_pass(r);
    }

    rc = ngx_http_discard_request_body(r);

    if (rc == NGX_OK) {
        rc = ngx_kecs_refuse_other(ctx, ngx_kecs_service(r));
    }

    return rc == NGX_OK ? ngx_kecs_answer(ctx) : rc;
}


/* Forms. */

static ngx_int_t
ngx_kecs_sts(ngx_kecs_ctx_t *ctx, kecs_sts_call_t *c)
{
    c->account = ctx->call.account;
    c->principal = ctx->call.principal;
    c->request_id = ctx->call.request_id;

    ctx->status = kecs_sts_answer(c, &ctx->buf);
    ctx->error = ctx->status == NGX_HTTP_OK ? KECS_E_NONE
                                            : KECS_E_UNKNOWN_OPERATION;
    ngx_str_set(&ctx->type, "text/xml");

    return ngx_kecs_answer(ctx);
}


/* The service of a form: as it was signed, or by its version. */

static kecs_str_t
ngx_kecs_form_service(ngx_kecs_ctx_t *ctx, kecs_str_t version)
{
    kecs_str_t  service;

    service = ngx_kecs_service(ctx->request);

    if (service.len == 0) {
        service = ngx_kecs_known(ngx_kecs_versions, version);
    }

    return service.len != 0 ? service : version;
}


ngx_int_t
ngx_kecs_form(ngx_kecs_ctx_t *ctx, kecs_str_t form)
{
    ngx_int_t            rc;
    kecs_str_t           service;
    kecs_sts_call_t      c;
    ngx_http_request_t  *r;

    r = ctx->request;
    ngx_memzero(&c, sizeof(c));

    if (kecs_form_get(ctx->arena, form, "Action", &c.action) != KECS_OK
        || kecs_form_get(ctx->arena, form, "Version", &c.version) != KECS_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    service = ngx_kecs_form_service(ctx, c.version);

    if (c.action.data == NULL && service.len == 0) {
        return NGX_DECLINED;
    }

    if (kecs_str_is(service, "sts")
        && (kecs_sts_has(c.action) || !ngx_kecs_has_upstream(r)))
    {
        ctx->action = c.action;
        return ngx_kecs_sts(ctx, &c);
    }

    if (ngx_kecs_has_upstream(r)) {
        return ngx_kecs_pass(r);
    }

    rc = ngx_kecs_refuse_other(ctx, service.len != 0 ? service : c.action);

    return rc == NGX_OK ? ngx_kecs_answer(ctx) : rc;
}


/* Configuration: each name must be a location of its server. */

ngx_int_t
ngx_kecs_add_upstream(ngx_conf_t *cf, ngx_kecs_loc_conf_t *conf)
{
    ngx_kecs_upstream_t   *u;
    ngx_kecs_main_conf_t  *mcf;

    if (conf->upstream.len == 0 || conf->upstream.data[0] != '@') {
        return NGX_OK;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kecs_module);

    if (mcf->upstreams == NULL) {
        mcf->upstreams = ngx_array_create(cf->pool, 4,
                                          sizeof(ngx_kecs_upstream_t));
    }

    u = mcf->upstreams != NULL ? ngx_array_push(mcf->upstreams) : NULL;
    if (u == NULL) {
        return NGX_ERROR;
    }

    u->server = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    u->conf = conf;

    return NGX_OK;
}


static ngx_kecs_loc_conf_t *
ngx_kecs_find_location(ngx_http_core_srv_conf_t *server, ngx_str_t *name)
{
    ngx_http_core_loc_conf_t  **p;

    for (p = server->named_locations; p != NULL && *p != NULL; p++) {
        if ((*p)->name.len == name->len
            && ngx_strncmp((*p)->name.data, name->data, name->len) == 0)
        {
            return (*p)->loc_conf[ngx_http_kecs_module.ctx_index];
        }
    }

    return NULL;
}


ngx_int_t
ngx_kecs_check_upstreams(ngx_conf_t *cf)
{
    ngx_uint_t             i;
    ngx_kecs_upstream_t   *u;
    ngx_kecs_loc_conf_t   *lcf;
    ngx_kecs_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kecs_module);

    if (mcf->upstreams == NULL) {
        return NGX_OK;
    }

    u = mcf->upstreams->elts;

    for (i = 0; i < mcf->upstreams->nelts; i++) {
        lcf = ngx_kecs_find_location(u[i].server, &u[i].conf->upstream);

        if (lcf == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"kecs_upstream_location\" names \"%V\", but"
                          " there is no such location in the server of"
                          " \"kecs on\" at %s:%ui", &u[i].conf->upstream,
                          u[i].conf->file, u[i].conf->line);
            return NGX_ERROR;
        }

        lcf->neighbour = 1;
    }

    return NGX_OK;
}


char *
ngx_kecs_set_upstream(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_kecs_loc_conf_t  *lcf = conf;

    ngx_str_t  *value;

    if (lcf->upstream.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") != 0
        && (value[1].len < 2 || value[1].data[0] != '@'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of"
                           " \"kecs_upstream_location\", it takes a named"
                           " location (\"@name\") or \"off\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    lcf->upstream = value[1];

    return NGX_CONF_OK;
}
