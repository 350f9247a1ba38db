/*
 * The nginx module: directives, their checks, and the life cycle.
 *
 * Configuration is read by the master; nothing here touches the store (D6):
 * `nginx -t` leaves no trace, the master only makes the folder, and each
 * worker opens the store after fork.
 */

#include "ngx_kecs.h"


static void *ngx_kecs_create_main_conf(ngx_conf_t *cf);
static void *ngx_kecs_create_srv_conf(ngx_conf_t *cf);
static void *ngx_kecs_create_loc_conf(ngx_conf_t *cf);
static char *ngx_kecs_init_main_conf(ngx_conf_t *cf, void *conf);
static char *ngx_kecs_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_kecs_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_kecs_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_kecs_init_process(ngx_cycle_t *cycle);
static void ngx_kecs_exit_process(ngx_cycle_t *cycle);

static char *ngx_kecs_set_store(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_kecs_set_handler(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_kecs_set_runtime(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_kecs_set_auth(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_kecs_set_hosts(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_kecs_set_account(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_kecs_set_region(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_kecs_set_timeout(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#define NGX_KECS_ANY_CONF                                                    \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF)

static ngx_command_t  ngx_kecs_commands[] = {

    { ngx_string("kecs_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_kecs_set_store,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kecs"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_kecs_set_handler,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_kecs_loc_conf_t, enable),
      NULL },

    { ngx_string("kecs_admin"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_kecs_set_handler,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_kecs_loc_conf_t, admin),
      NULL },

    { ngx_string("kecs_runtime"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_kecs_set_runtime,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_kecs_loc_conf_t, runtime),
      NULL },

    { ngx_string("kecs_auth"),
      NGX_KECS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_kecs_set_auth,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kecs_hosts"),
      NGX_KECS_ANY_CONF|NGX_CONF_1MORE,
      ngx_kecs_set_hosts,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kecs_account"),
      NGX_KECS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_kecs_set_account,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kecs_region"),
      NGX_KECS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_kecs_set_region,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kecs_upstream_location"),
      NGX_KECS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_kecs_set_upstream,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kecs_write_timeout"),
      NGX_KECS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_kecs_set_timeout,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kecs_events"),
      NGX_KECS_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_kecs_loc_conf_t, events),
      NULL },

    { ngx_string("kecs_events_heartbeat"),
      NGX_KECS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_kecs_set_events_beat,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kecs_events_origins"),
      NGX_KECS_ANY_CONF|NGX_CONF_1MORE,
      ngx_kecs_set_events_origins,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kecs_events_clients"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_kecs_set_events_clients,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kecs_events_buffer"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_kecs_set_events_buffer,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_kecs_module_ctx = {
    ngx_kecs_add_variables,            /* preconfiguration */
    ngx_kecs_postconfiguration,        /* postconfiguration */

    ngx_kecs_create_main_conf,         /* create main configuration */
    ngx_kecs_init_main_conf,           /* init main configuration */

    ngx_kecs_create_srv_conf,          /* create server configuration */
    NULL,                              /* merge server configuration */

    ngx_kecs_create_loc_conf,          /* create location configuration */
    ngx_kecs_merge_loc_conf            /* merge location configuration */
};


ngx_module_t  ngx_http_kecs_module = {
    NGX_MODULE_V1,
    &ngx_kecs_module_ctx,              /* module context */
    ngx_kecs_commands,                 /* module directives */
    NGX_HTTP_MODULE,                   /* module type */
    NULL,                              /* init master */
    ngx_kecs_init_module,              /* init module */
    ngx_kecs_init_process,             /* init process */
    NULL,                              /* init thread */
    NULL,                              /* exit thread */
    ngx_kecs_exit_process,             /* exit process */
    NULL,                              /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_kecs_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_kecs_main_conf_t));
}


static void *
ngx_kecs_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_kecs_srv_conf_t));
}


static void *
ngx_kecs_create_loc_conf(ngx_conf_t *cf)
{
    ngx_kecs_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_kecs_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->enable = NGX_CONF_UNSET;
    conf->admin = NGX_CONF_UNSET;
    conf->runtime = NGX_CONF_UNSET;
    conf->auth = NGX_CONF_UNSET_UINT;
    conf->hosts = NGX_CONF_UNSET_PTR;
    conf->write_timeout = NGX_CONF_UNSET_MSEC;
    conf->events = NGX_CONF_UNSET;
    conf->events_beat = NGX_CONF_UNSET_MSEC;
    conf->origins = NGX_CONF_UNSET_PTR;

    return conf;
}


static char *
ngx_kecs_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_kecs_main_conf_t  *mcf = conf;

    if (mcf->clients == 0) {
        mcf->clients = NGX_KECS_EVENTS_CLIENTS;
        mcf->clients_address = NGX_KECS_EVENTS_ADDRESS;
    }

    if (mcf->events_buffer == 0) {
        mcf->events_buffer = NGX_KECS_EVENTS_BUFFER;
    }

    if (mcf->path.len != 0
        && (ngx_kecs_stats_add_zone(cf, mcf) != NGX_OK
            || ngx_kecs_slots_add_zone(cf) != NGX_OK))
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* The names of the server, which its owner has listed by naming it so. */

static ngx_array_t *
ngx_kecs_server_names(ngx_conf_t *cf)
{
    ngx_str_t                 *name;
    ngx_uint_t                 i;
    ngx_array_t               *names;
    ngx_http_server_name_t    *sn;
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    names = ngx_array_create(cf->pool, cscf->server_names.nelts + 1,
                             sizeof(ngx_str_t));
    if (names == NULL) {
        return NULL;
    }

    sn = cscf->server_names.elts;

    for (i = 0; i < cscf->server_names.nelts; i++) {

#if (NGX_PCRE)
        if (sn[i].regex) {
            continue;
        }
#endif

        if (sn[i].name.len < 2) {
            continue;
        }

        name = ngx_array_push(names);
        if (name == NULL) {
            return NULL;
        }

        *name = sn[i].name;
    }

    return names;
}


/* Without "kecs_auth off" it may be on loopback only. */

static void
ngx_kecs_note_open(ngx_kecs_srv_conf_t *kscf, ngx_kecs_loc_conf_t *conf,
    const char *what)
{
    if (conf->auth != NGX_KECS_AUTH_OFF && kscf->open_file == NULL) {
        kscf->open_what = what;
        kscf->open_file = conf->file;
        kscf->open_line = conf->line;
    }
}


/*
 * What "kecs on" asks of its surroundings.  Bodies stay in memory: they may
 * hold secrets, and a file would be read on the event loop.
 */

static char *
ngx_kecs_merge_api(ngx_conf_t *cf, ngx_kecs_loc_conf_t *conf)
{
    ngx_kecs_srv_conf_t       *kscf;
    ngx_kecs_main_conf_t      *mcf;
    ngx_http_core_loc_conf_t  *clcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kecs_module);
    kscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_kecs_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (mcf->path.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"kecs on\" needs \"kecs_store PATH;\" in the http"
                      " block, see %s:%ui", conf->file, conf->line);
        return NGX_CONF_ERROR;
    }

    if (clcf->handler != ngx_kecs_api_handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"kecs on\" shares its location with another content"
                      " handler, see %s:%ui", conf->file, conf->line);
        return NGX_CONF_ERROR;
    }

    if (clcf->client_max_body_size == 0
        || clcf->client_max_body_size > NGX_KECS_BODY_MAX)
    {
        clcf->client_max_body_size = NGX_KECS_BODY_MAX;
    }

    if (clcf->client_body_buffer_size < (size_t) clcf->client_max_body_size) {
        clcf->client_body_buffer_size = (size_t) clcf->client_max_body_size;
    }

    conf->names = ngx_kecs_server_names(cf);
    if (conf->names == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_kecs_add_upstream(cf, conf) != NGX_OK
        || ngx_kecs_add_slashed(cf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    kscf->api = 1;
    ngx_kecs_note_open(kscf, conf, "kecs");

    return NGX_CONF_OK;
}


/* What answers is another handler's: proxy_pass to the reconciler. */

static char *
ngx_kecs_merge_runtime(ngx_conf_t *cf, ngx_kecs_loc_conf_t *conf)
{
    ngx_kecs_srv_conf_t   *kscf;
    ngx_kecs_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kecs_module);
    kscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_kecs_module);

    if (mcf->path.len == 0 || conf->enable || conf->admin) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"kecs_runtime on\" needs \"kecs_store PATH;\" in the"
                      " http block, and a location without \"kecs on\" and"
                      " \"kecs_admin on\", see %s:%ui", conf->file,
                      conf->line);
        return NGX_CONF_ERROR;
    }

    conf->names = ngx_kecs_server_names(cf);
    if (conf->names == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_kecs_note_open(kscf, conf, "kecs_runtime");

    return NGX_CONF_OK;
}


static char *
ngx_kecs_merge_admin(ngx_conf_t *cf, ngx_kecs_loc_conf_t *conf)
{
    ngx_kecs_main_conf_t      *mcf;
    ngx_http_core_loc_conf_t  *clcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kecs_module);
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (mcf->path.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"kecs_admin on\" needs \"kecs_store PATH;\" in the"
                      " http block, see %s:%ui", conf->file, conf->line);
        return NGX_CONF_ERROR;
    }

    if (clcf->handler != ngx_kecs_admin_handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"kecs_admin on\" shares its location with another"
                      " content handler, see %s:%ui", conf->file, conf->line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * A content handler is not inherited by nested locations, and so "kecs" is
 * not; only the nameless ones (if, limit_except) continue their location.
 */

static void
ngx_kecs_merge_handler(ngx_conf_t *cf, ngx_kecs_loc_conf_t *prev,
    ngx_kecs_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname && clcf->handler == NULL) {

        if (conf->enable == NGX_CONF_UNSET && prev->enable == 1) {
            conf->enable = 1;
            conf->file = prev->file;
            conf->line = prev->line;
            clcf->handler = ngx_kecs_api_handler;
        }

        if (conf->admin == NGX_CONF_UNSET && prev->admin == 1) {
            conf->admin = 1;
            conf->file = prev->file;
            conf->line = prev->line;
            clcf->handler = ngx_kecs_admin_handler;
        }
    }

    ngx_conf_init_value(conf->enable, 0);
    ngx_conf_init_value(conf->admin, 0);
}


static char *
ngx_kecs_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_kecs_loc_conf_t  *prev = parent;
    ngx_kecs_loc_conf_t  *conf = child;

    ngx_conf_merge_uint_value(conf->auth, prev->auth, 0);
    ngx_conf_merge_ptr_value(conf->hosts, prev->hosts, NULL);
    ngx_conf_merge_str_value(conf->account, prev->account, "000000000000");
    ngx_conf_merge_str_value(conf->region, prev->region, "us-east-1");
    ngx_conf_merge_str_value(conf->upstream, prev->upstream, "");
    ngx_conf_merge_msec_value(conf->write_timeout, prev->write_timeout,
                              60000);
    ngx_conf_merge_value(conf->events, prev->events, 1);
    ngx_conf_merge_msec_value(conf->events_beat, prev->events_beat, 15000);
    ngx_conf_merge_ptr_value(conf->origins, prev->origins, NULL);

    conf->api.account = ngx_kecs_str(&conf->account);
    conf->api.region = ngx_kecs_str(&conf->region);
    conf->api.scan_limit = ngx_kecs_writer_conf.scan_limit;

    ngx_kecs_merge_handler(cf, prev, conf);

    if (conf->runtime == NGX_CONF_UNSET && prev->runtime == 1) {
        conf->file = prev->file;
        conf->line = prev->line;
    }

    ngx_conf_merge_value(conf->runtime, prev->runtime, 0);

    if (conf->enable && conf->admin) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"kecs on\" and \"kecs_admin on\" in one location, see"
                      " %s:%ui", conf->file, conf->line);
        return NGX_CONF_ERROR;
    }

    if (conf->runtime) {
        return ngx_kecs_merge_runtime(cf, conf);
    }

    if (conf->enable) {
        return ngx_kecs_merge_api(cf, conf);
    }

    if (conf->admin) {
        return ngx_kecs_merge_admin(cf, conf);
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_kecs_add_handler(ngx_conf_t *cf, ngx_http_phases phase,
    ngx_http_handler_pt handler)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[phase].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = handler;

    return NGX_OK;
}


static ngx_int_t
ngx_kecs_postconfiguration(ngx_conf_t *cf)
{
    if (ngx_kecs_add_handler(cf, NGX_HTTP_LOG_PHASE, ngx_kecs_stats_log)
            != NGX_OK
        || ngx_kecs_add_handler(cf, NGX_HTTP_SERVER_REWRITE_PHASE,
                                ngx_kecs_slash_handler)
               != NGX_OK
        || ngx_kecs_add_handler(cf, NGX_HTTP_PREACCESS_PHASE,
                                ngx_kecs_runtime_handler)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_kecs_filter_init();

    if (ngx_kecs_check_upstreams(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_kecs_check_listens(cf);
}


/* Directives. */

static char *
ngx_kecs_set_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_kecs_main_conf_t  *mcf = conf;

    off_t       size;
    ngx_str_t  *value, s;

    if (mcf->path.len != 0) {
        return "is duplicate";
    }

    value = cf->args->elts;
    mcf->path = value[1];
    mcf->map_size = 0;

    if (mcf->path.len == 0) {
        return "has an empty path";
    }

    if (ngx_conf_full_name(cf->cycle, &mcf->path, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[2].data, "size=", 5) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" of \"kecs_store\","
                           " it knows \"size=SIZE\"", &value[2]);
        return NGX_CONF_ERROR;
    }

    s.data = value[2].data + 5;
    s.len = value[2].len - 5;
    size = ngx_parse_offset(&s);

    if (size == NGX_ERROR || size < 16 * 1024 * 1024) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" of \"kecs_store\", it must"
                           " be 16m or more, like \"size=16g\"", &s);
        return NGX_CONF_ERROR;
    }

    mcf->map_size = (size_t) size;

    return NGX_CONF_OK;
}


/* "kecs" and "kecs_admin" differ in their flag and handler. */

static char *
ngx_kecs_set_handler(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_kecs_loc_conf_t  *lcf = conf;

    char                      *rv;
    ngx_flag_t                *flag;
    ngx_http_core_loc_conf_t  *clcf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    flag = (ngx_flag_t *) ((u_char *) conf + cmd->offset);

    if (*flag) {
        lcf->file = (const char *) cf->conf_file->file.name.data;
        lcf->line = cf->conf_file->line;

        clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
        clcf->handler = flag == &lcf->enable ? ngx_kecs_api_handler
                                             : ngx_kecs_admin_handler;
    }

    return NGX_CONF_OK;
}


static char *
ngx_kecs_set_runtime(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_kecs_loc_conf_t  *lcf = conf;

    lcf->file = (const char *) cf->conf_file->file.name.data;
    lcf->line = cf->conf_file->line;

    return ngx_conf_set_flag_slot(cf, cmd, conf);
}


static char *
ngx_kecs_set_auth(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_kecs_loc_conf_t  *lcf = conf;

    ngx_str_t  *value;

    if (lcf->auth != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" of \"kecs_auth\": this"
                           " release cannot authenticate requests, only"
                           " \"off\" is possible", &value[1]);
        return NGX_CONF_ERROR;
    }

    lcf->auth = NGX_KECS_AUTH_OFF;

    return NGX_CONF_OK;
}


/* A host name or address as it stands in a Host header, without a port. */

static ngx_uint_t
ngx_kecs_host_valid(ngx_str_t *host)
{
    u_char      c;
    ngx_str_t   s;
    ngx_uint_t  i;

    s = *host;

    if (s.len > 2 && s.data[0] == '[' && s.data[s.len - 1] == ']') {
        s.data++;
        s.len -= 2;

        for (i = 0; i < s.len; i++) {
            c = s.data[i];

            if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')
                  || c == ':' || c == '.'))
            {
                return 0;
            }
        }

        return 1;
    }

    if (s.len > 2 && s.data[0] == '*' && s.data[1] == '.') {
        s.data++;
        s.len--;
    }

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
              || c == '-' || c == '_' || c == '.'))
        {
            return 0;
        }
    }

    return s.len > 0 && s.len < 256;
}


static char *
ngx_kecs_set_hosts(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_kecs_loc_conf_t  *lcf = conf;

    ngx_str_t   *value, *host;
    ngx_uint_t   i;

    if (lcf->hosts == NGX_CONF_UNSET_PTR) {
        lcf->hosts = ngx_array_create(cf->pool, cf->args->nelts,
                                      sizeof(ngx_str_t));
        if (lcf->hosts == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        ngx_strlow(value[i].data, value[i].data, value[i].len);

        if (!ngx_kecs_host_valid(&value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid host \"%V\" of \"kecs_hosts\", it"
                               " takes names and addresses without a port:"
                               " \"ecs.example.com\", \"*.example.com\","
                               " \"10.0.0.1\", \"[fd00::1]\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        host = ngx_array_push(lcf->hosts);
        if (host == NULL) {
            return NGX_CONF_ERROR;
        }

        *host = value[i];
    }

    return NGX_CONF_OK;
}


static char *
ngx_kecs_set_account(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_kecs_loc_conf_t  *lcf = conf;

    size_t      i;
    ngx_str_t  *value;

    if (lcf->account.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 0; i < value[1].len; i++) {
        if (value[1].data[i] < '0' || value[1].data[i] > '9') {
            break;
        }
    }

    if (value[1].len != 12 || i != 12) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid account \"%V\" of \"kecs_account\", it"
                           " has 12 digits", &value[1]);
        return NGX_CONF_ERROR;
    }

    lcf->account = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_kecs_set_region(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_kecs_loc_conf_t  *lcf = conf;

    u_char      c;
    size_t      i;
    ngx_str_t  *value;

    if (lcf->region.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 0; i < value[1].len; i++) {
        c = value[1].data[i];

        if (!((c >= 'a' && c <= 'z') || (i && c >= '0' && c <= '9')
              || (i && c == '-')))
        {
            break;
        }
    }

    if (i != value[1].len || value[1].len == 0 || value[1].len > 32) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid region \"%V\" of \"kecs_region\", it"
                           " looks like \"us-east-1\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    lcf->region = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_kecs_set_timeout(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_kecs_loc_conf_t  *lcf = conf;

    ngx_int_t   msec;
    ngx_str_t  *value;

    if (lcf->write_timeout != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    value = cf->args->elts;
    msec = ngx_parse_time(&value[1], 0);

    if (msec == NGX_ERROR || msec < 100 || msec > 3600 * 1000) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" of \"kecs_write_timeout\","
                           " it must be 100ms to 1h", &value[1]);
        return NGX_CONF_ERROR;
    }

    lcf->write_timeout = (ngx_msec_t) msec;

    return NGX_CONF_OK;
}


/* Life cycle. */

static ngx_kecs_main_conf_t *
ngx_kecs_cycle_conf(ngx_cycle_t *cycle)
{
    ngx_kecs_main_conf_t  *mcf;

    if (ngx_get_conf(cycle->conf_ctx, ngx_http_module) == NULL) {
        return NULL;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_kecs_module);

    return mcf == NULL || mcf->path.len == 0 ? NULL : mcf;
}


static ngx_int_t
ngx_kecs_init_module(ngx_cycle_t *cycle)
{
    ngx_kecs_main_conf_t  *mcf;

    mcf = ngx_kecs_cycle_conf(cycle);

    if (mcf == NULL || ngx_test_config) {
        return NGX_OK;
    }

    return ngx_kecs_make_folder(cycle, &mcf->path);
}


static ngx_int_t
ngx_kecs_init_process(ngx_cycle_t *cycle)
{
    ngx_kecs_main_conf_t  *mcf;

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    mcf = ngx_kecs_cycle_conf(cycle);

    return mcf == NULL ? NGX_OK : ngx_kecs_worker_init(cycle, mcf);
}


static void
ngx_kecs_exit_process(ngx_cycle_t *cycle)
{
    if (ngx_process == NGX_PROCESS_WORKER
        || ngx_process == NGX_PROCESS_SINGLE)
    {
        ngx_kecs_worker_exit(cycle);
    }
}
