/*
 * Variables for logs, maps, limits and access rules.  Those about the
 * caller and the operation come from the headers alone, so they work in
 * every phase; the others, and the operation of a form, are "not found"
 * until there is an answer.
 */

#include "ngx_kecs.h"


#define NGX_KECS_PEEK_MAX  (64 * 1024)

enum {
    NGX_KECS_VAR_ACTION = 0,
    NGX_KECS_VAR_SERVICE,
    NGX_KECS_VAR_CLUSTER,
    NGX_KECS_VAR_ERROR,
    NGX_KECS_VAR_ACCOUNT,
    NGX_KECS_VAR_REGION,
    NGX_KECS_VAR_REQUEST_ID,
    NGX_KECS_VAR_PRINCIPAL,
    NGX_KECS_VAR_RESOURCE,
    NGX_KECS_VAR_TRACE_ID,
    NGX_KECS_VAR_SPAN_ID
};


static ngx_int_t ngx_kecs_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_variable_t  ngx_kecs_variables[] = {

    { ngx_string("kecs_action"), NULL, ngx_kecs_variable,
      NGX_KECS_VAR_ACTION, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("kecs_service"), NULL, ngx_kecs_variable,
      NGX_KECS_VAR_SERVICE, 0, 0 },

    { ngx_string("kecs_cluster"), NULL, ngx_kecs_variable,
      NGX_KECS_VAR_CLUSTER, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("kecs_error"), NULL, ngx_kecs_variable,
      NGX_KECS_VAR_ERROR, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("kecs_account"), NULL, ngx_kecs_variable,
      NGX_KECS_VAR_ACCOUNT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("kecs_region"), NULL, ngx_kecs_variable,
      NGX_KECS_VAR_REGION, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("kecs_request_id"), NULL, ngx_kecs_variable,
      NGX_KECS_VAR_REQUEST_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("kecs_principal"), NULL, ngx_kecs_variable,
      NGX_KECS_VAR_PRINCIPAL, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("kecs_resource"), NULL, ngx_kecs_variable,
      NGX_KECS_VAR_RESOURCE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("kecs_trace_id"), NULL, ngx_kecs_variable,
      NGX_KECS_VAR_TRACE_ID, 0, 0 },

    { ngx_string("kecs_span_id"), NULL, ngx_kecs_variable,
      NGX_KECS_VAR_SPAN_ID, 0, 0 },

      ngx_http_null_variable
};


/*
 * Cluster and resource are members of the body.  Looked for only when the
 * variable is used, and only after the call.
 */

static const kecs_json_t *
ngx_kecs_peek(ngx_kecs_ctx_t *ctx)
{
    kecs_json_t  *body;

    if (!ctx->answered || ctx->body.len == 0
        || ctx->body.len > NGX_KECS_PEEK_MAX
        || kecs_json_parse(ctx->arena, ctx->body, &body) != KECS_OK)
    {
        return NULL;
    }

    return body;
}


static kecs_str_t
ngx_kecs_peek_cluster(ngx_kecs_ctx_t *ctx)
{
    ptrdiff_t   slash;
    kecs_str_t  id;

    id = kecs_json_str(kecs_json_get(ngx_kecs_peek(ctx), "cluster"));

    if (id.data == NULL) {
        return kecs_null_str;
    }

    slash = kecs_str_rchr(id, '/');

    return slash < 0 ? id : kecs_str_from(id, (size_t) slash + 1);
}


/*
 * What a call is about, as the caller named it: the first of these members.
 * They are names and ARNs; nothing else of a body is ever shown.
 */

static kecs_str_t
ngx_kecs_peek_resource(ngx_kecs_ctx_t *ctx)
{
    ngx_uint_t          i;
    kecs_str_t          name;
    const kecs_json_t  *body, *value;
    static const char  *members[] = {
        "resourceArn", "task", "service", "serviceName", "serviceArn",
        "taskSet", "serviceDeploymentArn", "taskDefinition", "family",
        "taskDefinitions", "containerInstance", "containerInstances",
        "daemonArn", "daemonName", "gateway", "gatewayName",
        "capacityProvider", "tasks", "clusterName", "name", "cluster", NULL
    };

    body = ngx_kecs_peek(ctx);

    for (i = 0; members[i] != NULL; i++) {
        value = kecs_json_get(body, members[i]);

        if (value != NULL && value->type == KECS_JSON_ARRAY) {
            value = value->first;
        }

        name = kecs_json_str(value);

        if (name.data != NULL) {
            return name;
        }
    }

    return kecs_null_str;
}


/* What is malformed counts as not being there. */

ngx_uint_t
ngx_kecs_trace(ngx_http_request_t *r, kecs_trace_t *t)
{
    return kecs_trace_parse(ngx_kecs_header_in(r, "traceparent"), t);
}


static kecs_str_t
ngx_kecs_variable_trace(ngx_http_request_t *r, uintptr_t what)
{
    kecs_trace_t  t;

    if (!ngx_kecs_trace(r, &t)) {
        return kecs_null_str;
    }

    return what == NGX_KECS_VAR_TRACE_ID ? t.id : t.span;
}


static kecs_str_t
ngx_kecs_variable_ctx(ngx_http_request_t *r, uintptr_t what)
{
    ngx_kecs_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_kecs_module);

    if (ctx == NULL) {
        return kecs_null_str;
    }

    switch (what) {

    case NGX_KECS_VAR_CLUSTER:
        return ngx_kecs_peek_cluster(ctx);

    case NGX_KECS_VAR_RESOURCE:
        return ngx_kecs_peek_resource(ctx);

    case NGX_KECS_VAR_ERROR:
        if (ctx->status == 0) {
            return kecs_null_str;
        }

        return ctx->error == KECS_E_NONE
               ? kecs_str("-") : kecs_str_of(kecs_error_name(ctx->error));

    case NGX_KECS_VAR_REQUEST_ID:
        return ctx->call.request_id;

    default:
        return ctx->call.principal;
    }
}


/* What a form asked for, when it was answered here. */

static kecs_str_t
ngx_kecs_form_action(ngx_http_request_t *r)
{
    ngx_kecs_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_kecs_module);

    return ctx != NULL ? ctx->action : kecs_null_str;
}


static kecs_str_t
ngx_kecs_variable_headers(ngx_http_request_t *r, uintptr_t what)
{
    ngx_uint_t     ours;
    kecs_str_t     action;
    kecs_caller_t  caller;

    action = ngx_kecs_action(r, &ours);

    switch (what) {

    case NGX_KECS_VAR_ACTION:
        return action.data != NULL ? action : ngx_kecs_form_action(r);

    case NGX_KECS_VAR_SERVICE:
        return ngx_kecs_service(r);

    case NGX_KECS_VAR_ACCOUNT:
        ngx_kecs_caller(r, &caller);
        return caller.account;

    default:
        ngx_kecs_caller(r, &caller);
        return caller.region;
    }
}


static ngx_int_t
ngx_kecs_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    kecs_str_t  s;

    switch (data) {

    case NGX_KECS_VAR_CLUSTER:
    case NGX_KECS_VAR_ERROR:
    case NGX_KECS_VAR_REQUEST_ID:
    case NGX_KECS_VAR_PRINCIPAL:
    case NGX_KECS_VAR_RESOURCE:
        s = ngx_kecs_variable_ctx(r, data);
        break;

    case NGX_KECS_VAR_TRACE_ID:
    case NGX_KECS_VAR_SPAN_ID:
        s = ngx_kecs_variable_trace(r, data);
        break;

    default:
        s = ngx_kecs_variable_headers(r, data);
    }

    if (s.data == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = (u_char *) s.data;
    v->len = (unsigned) s.len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


ngx_int_t
ngx_kecs_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_kecs_variables; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}
