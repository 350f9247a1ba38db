/*
 * The end of an endpoint's path.  Clients ask for a path as it was given to
 * them, and of `location /ecs/` people give https://HOST/ecs as well, which
 * nginx would look for among the files of the site.  Such a request gets the
 * slash, unless the server has a location of just that name.
 */

#include "ngx_kecs.h"


/* Remembers a location with "kecs on" that ends in a slash. */

ngx_int_t
ngx_kecs_add_slashed(ngx_conf_t *cf)
{
    ngx_str_t                 *name;
    ngx_kecs_srv_conf_t       *kscf;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    kscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_kecs_module);

    if (clcf->name.len < 2 || clcf->name.data[clcf->name.len - 1] != '/'
        || clcf->noname || clcf->named || clcf->exact_match
#if (NGX_PCRE)
        || clcf->regex != NULL
#endif
       )
    {
        return NGX_OK;
    }

    if (kscf->slashed == NULL) {
        kscf->slashed = ngx_array_create(cf->pool, 1, sizeof(ngx_str_t));
    }

    name = kscf->slashed != NULL ? ngx_array_push(kscf->slashed) : NULL;
    if (name == NULL) {
        return NGX_ERROR;
    }

    *name = clcf->name;

    return NGX_OK;
}


/* Whether the tree has a location of just this name. */

static ngx_uint_t
ngx_kecs_has_location(ngx_http_location_tree_node_t *node, ngx_str_t name)
{
    size_t     n;
    ngx_int_t  rc;

    while (node != NULL) {
        n = ngx_min(name.len, (size_t) node->len);
        rc = ngx_filename_cmp(name.data, node->name, n);

        if (rc == 0 && name.len == (size_t) node->len) {
            return 1;
        }

        if (rc == 0 && name.len > (size_t) node->len
            && node->inclusive != NULL)
        {
            name.data += n;
            name.len -= n;
            node = node->tree;
            continue;
        }

        node = rc < 0 || (rc == 0 && name.len < (size_t) node->len)
               ? node->left : node->right;
    }

    return 0;
}


static ngx_str_t *
ngx_kecs_slashed(ngx_array_t *slashed, ngx_str_t *uri)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    name = slashed->elts;

    for (i = 0; i < slashed->nelts; i++) {
        if (name[i].len == uri->len + 1
            && ngx_strncmp(name[i].data, uri->data, uri->len) == 0)
        {
            return &name[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_kecs_slash_handler(ngx_http_request_t *r)
{
    ngx_str_t                 *name;
    ngx_kecs_srv_conf_t       *kscf;
    ngx_http_core_loc_conf_t  *clcf;

    kscf = ngx_http_get_module_srv_conf(r, ngx_http_kecs_module);

    if (kscf->slashed == NULL) {
        return NGX_DECLINED;
    }

    name = ngx_kecs_slashed(kscf->slashed, &r->uri);
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (name != NULL
        && !ngx_kecs_has_location(clcf->static_locations, r->uri))
    {
        r->uri = *name;
        r->valid_unparsed_uri = 0;
    }

    return NGX_DECLINED;
}
