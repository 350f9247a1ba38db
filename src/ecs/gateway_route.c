/*
 * Which clusters a gateway serves (associations), and which services hang
 * on it (routes).  An association that is to end waits for the last route
 * of its cluster; whatever takes a route away ends it then.
 *
 * A gateway is compatible with a service when its access type is asked for
 * and its load balancers can be reached from the service's network.  There
 * is one network, so that all subnets are of it and in its zones.
 */

#include "gateway.h"


#define GATEWAYS_MAX  5         /* of a cluster */


/* Associations. */

static kecs_rc_t
get_association(kecs_call_t *c, kecs_str_t gateway, uint32_t cluster,
    kecs_gateway_association_t *out)
{
    memset(out, 0, sizeof(kecs_gateway_association_t));
    out->rec.kind = KECS_GATEWAY_ASSOCIATION;
    out->rec.scope = c->scope;
    out->gateway = gateway;
    out->cluster = cluster;

    return kecs_get(c->txn, c->arena, out, 0);
}


kecs_rc_t
kecs_gateway_associated(kecs_call_t *c, kecs_str_t gateway, bool *any)
{
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_scan_t  *scan;

    kecs_key_init(&prefix);
    kecs_key_str(&prefix, gateway);
    rc = kecs_scan_records(c->txn, c->arena, KECS_GATEWAY_ASSOCIATION,
                           c->scope, &prefix, kecs_null_str, false, &scan);

    return rc == KECS_OK ? kecs_scan_any(scan, any) : rc;
}


/* The associations of a cluster in the order of the gateways' names. */

typedef struct {
    unsigned                    n;
    kecs_gateway_association_t  items[GATEWAYS_MAX];
} associations_t;


static kecs_rc_t
associations_of(kecs_call_t *c, uint32_t cluster, associations_t *out)
{
    kecs_rc_t                    rc;
    kecs_key_t                   prefix;
    kecs_str_t                   key;
    kecs_scan_t                 *scan;
    kecs_gateway_association_t  *p;

    out->n = 0;
    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, cluster);
    rc = kecs_scan(c->txn, c->arena, KECS_IX_GATEWAY_CLUSTER, c->scope,
                   &prefix, kecs_null_str, false, &scan);

    while (rc == KECS_OK && out->n < GATEWAYS_MAX) {
        p = &out->items[out->n];
        memset(p, 0, sizeof(kecs_gateway_association_t));
        rc = kecs_scan_next(scan, &key, p);

        if (rc == KECS_OK) {
            rc = kecs_get(c->txn, c->arena, p, 0);
            out->n++;
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


/* Whether a route from the gateway into the cluster is left. */

static kecs_rc_t
has_route(kecs_call_t *c, const kecs_gateway_association_t *p, bool *any)
{
    kecs_rc_t             rc;
    kecs_key_t            prefix;
    kecs_str_t            key;
    kecs_scan_t          *scan;
    kecs_gateway_route_t  r;

    *any = false;
    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, p->cluster);
    rc = kecs_scan(c->txn, c->arena, KECS_IX_ROUTE_SERVICE, c->scope,
                   &prefix, kecs_null_str, false, &scan);

    while (rc == KECS_OK && !*any) {
        memset(&r, 0, sizeof(kecs_gateway_route_t));
        rc = kecs_scan_next(scan, &key, &r);
        *any = rc == KECS_OK && kecs_str_eq(r.gateway, p->gateway);
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


/* Ends one that waits for its last route. */

static kecs_rc_t
settle(kecs_call_t *c, kecs_gateway_association_t *p)
{
    bool       any;
    kecs_rc_t  rc;

    if (p->status != KECS_ASSOCIATION_ENDING) {
        return KECS_OK;
    }

    rc = has_route(c, p, &any);

    return rc == KECS_OK && !any ? kecs_del(c->txn, p) : rc;
}


static void
write_association(kecs_call_t *c, const kecs_gateway_association_t *p)
{
    kecs_write_made(c, "clusterArn", kecs_cluster_arn(c, p->cluster_name));
    kecs_write_made(c, "gatewayArn", kecs_gateway_arn(c, p->gateway));
    kecs_w_cstr(&c->out, "status", kecs_association_status_name(p->status));
}


/* AssociateGatewayWithCluster. */

static kecs_rc_t
check_room(kecs_call_t *c, const kecs_cluster_t *cluster)
{
    kecs_rc_t       rc;
    associations_t  have;

    rc = associations_of(c, cluster->no, &have);

    if (rc == KECS_OK && have.n == GATEWAYS_MAX) {
        return kecs_bad(c, "A cluster can be associated with up to %d"
                        " gateways.", GATEWAYS_MAX);
    }

    return rc;
}


static kecs_rc_t
associate(kecs_call_t *c, const kecs_gateway_t *g,
    const kecs_cluster_t *cluster, kecs_gateway_association_t *p)
{
    kecs_rc_t  rc;

    rc = get_association(c, g->name, cluster->no, p);

    if (rc == KECS_NOT_FOUND) {
        p->rec.gen = KECS_ECS_GEN;
        p->created_at = c->now;
        p->cluster_name = cluster->name;
        rc = check_room(c, cluster);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    p->status = KECS_ASSOCIATION_ACTIVE;

    return kecs_put(c->txn, p);
}


static kecs_rc_t
find_pair(kecs_call_t *c, const void *in, kecs_str_t gateway,
    kecs_str_t cluster, kecs_gateway_t *g, kecs_cluster_t *of)
{
    kecs_rc_t  rc;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_gateway(c, gateway, 0, g);
    }

    return rc == KECS_OK ? kecs_find_cluster(c, cluster, 0, of) : rc;
}


static kecs_rc_t
associate_gateway(kecs_call_t *c, void *v)
{
    kecs_rc_t                                          rc;
    kecs_cluster_t                                     cluster;
    kecs_gateway_t                                     g;
    kecs_gateway_association_t                         p;
    kecs_ecs_associate_gateway_with_cluster_request_t  *in;

    in = v;
    rc = find_pair(c, in, in->gateway, in->cluster, &g, &cluster);

    if (rc == KECS_OK) {
        rc = associate(c, &g, &cluster, &p);
    }

    if (rc == KECS_OK) {
        write_association(c, &p);
    }

    return rc;
}


/* DisassociateGatewayFromCluster. */

static kecs_rc_t
disassociate_gateway(kecs_call_t *c, void *v)
{
    kecs_rc_t                                             rc;
    kecs_cluster_t                                        cluster;
    kecs_gateway_t                                        g;
    kecs_gateway_association_t                            p;
    kecs_ecs_disassociate_gateway_from_cluster_request_t  *in;

    in = v;
    rc = find_pair(c, in, in->gateway, in->cluster, &g, &cluster);

    if (rc == KECS_OK) {
        rc = get_association(c, g.name, cluster.no, &p);
    }

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_RESOURCE_NOT_FOUND, "The gateway is not"
                         " associated with the cluster.");
    }

    if (rc != KECS_OK) {
        return rc;
    }

    p.status = KECS_ASSOCIATION_ENDING;
    rc = kecs_put(c->txn, &p);

    if (rc == KECS_OK) {
        rc = settle(c, &p);
    }

    if (rc == KECS_OK) {
        write_association(c, &p);
    }

    return rc;
}


/* ListGatewayClusterAssociations. */

typedef struct {
    bool                                                 by_cluster;
    uint32_t                                             cluster;
    kecs_str_t                                           gateway;
    kecs_ecs_list_gateway_cluster_associations_request_t  *in;
} association_listing_t;


static kecs_rc_t
list_association(kecs_call_t *c, kecs_any_t *rec, void *ctx, bool *taken)
{
    kecs_rc_t                    rc;
    association_listing_t       *l;
    kecs_gateway_association_t  *p;

    l = ctx;
    p = &rec->gateway_association;
    rc = kecs_get(c->txn, c->arena, p, 0);

    if (rc != KECS_OK || (l->by_cluster && p->cluster != l->cluster)
        || (l->in->status.n != 0
            && !kecs_names_has(l->in->status.n, l->in->status.items,
                               kecs_association_status_name(p->status))))
    {
        return rc;
    }

    *taken = true;
    kecs_w_object(&c->out, NULL);
    write_association(c, p);
    kecs_w_object_end(&c->out);

    return KECS_OK;
}


/* A cluster that is not there has no number: nothing matches it. */

static kecs_rc_t
cluster_filter(kecs_call_t *c, kecs_str_t id, bool *given, uint32_t *no)
{
    kecs_rc_t       rc;
    kecs_str_t      name;
    kecs_cluster_t  cluster;

    *given = id.len != 0;
    *no = 0;

    if (!*given) {
        return KECS_OK;
    }

    rc = kecs_cluster_name_of(c, id, &name);

    if (rc == KECS_OK) {
        rc = kecs_cluster_named(c, name, 0, &cluster);
    }

    if (rc == KECS_OK) {
        *no = cluster.no;
    }

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


static kecs_rc_t
gateway_filter(kecs_call_t *c, kecs_str_t id, kecs_key_t *prefix)
{
    kecs_rc_t   rc;
    kecs_str_t  name;

    kecs_key_init(prefix);

    if (id.len == 0) {
        return KECS_OK;
    }

    rc = kecs_gateway_name_of(c, id, &name);

    if (rc == KECS_OK) {
        kecs_key_str(prefix, name);
    }

    return rc;
}


static kecs_rc_t
list_associations(kecs_call_t *c, void *v)
{
    kecs_rc_t               rc;
    kecs_key_t              prefix;
    kecs_page_t             page;
    kecs_scan_t            *scan;
    association_listing_t   l;

    l.in = v;
    scan = NULL;
    rc = gateway_filter(c, l.in->gateway, &prefix);

    if (rc == KECS_OK) {
        rc = cluster_filter(c, l.in->cluster, &l.by_cluster, &l.cluster);
    }

    if (rc == KECS_OK) {
        rc = kecs_gateway_statuses(c,
                        &kecs_ecs_gateway_cluster_association_status_shape,
                                   l.in->status.n, l.in->status.items);
    }

    if (rc == KECS_OK) {
        rc = kecs_list_begin(c, &page, l.in, &l.in->max_results,
                             &l.in->next_token, KECS_GATEWAY_PAGE,
                             KECS_GATEWAY_PAGE);
    }

    if (rc == KECS_OK && c->scope != 0) {
        rc = kecs_scan_records(c->txn, c->arena, KECS_GATEWAY_ASSOCIATION,
                               c->scope, &prefix, page.after, false, &scan);
    }

    return rc == KECS_OK ? kecs_list_records(c, &page,
                                             "gatewayClusterAssociations",
                                             scan, list_association, &l)
                         : rc;
}


/* Routes of services. */

static bool
wants(const kecs_ecs_gateway_connector_t *connector, const kecs_gateway_t *g)
{
    const kecs_ecs_gateway_connector_filters_t  *f;

    f = connector->filters;

    return f == NULL || f->access_types.n == 0
           || kecs_names_has(f->access_types.n, f->access_types.items,
                             kecs_access_name(g->access));
}


/* The gateways that a service is to hang on; or ECS's reason for none. */

typedef struct {
    unsigned    n;
    kecs_str_t  names[GATEWAYS_MAX];
} targets_t;


static kecs_rc_t
find_targets(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_ecs_gateway_connector_t *connector, targets_t *t)
{
    unsigned         i, active;
    kecs_rc_t        rc;
    kecs_gateway_t   g;
    associations_t   have;

    t->n = 0;
    rc = associations_of(c, cluster->no, &have);

    for (i = 0, active = 0; rc == KECS_OK && i < have.n; i++) {
        if (have.items[i].status != KECS_ASSOCIATION_ACTIVE) {
            continue;
        }

        active++;
        rc = kecs_gateway_named(c, have.items[i].gateway, 0, &g);

        if (rc == KECS_OK && wants(connector, &g)) {
            t->names[t->n++] = g.name;
        }
    }

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_CORRUPT : rc;
    }

    if (active == 0) {
        return kecs_bad(c, "gatewayConnectors were specified but no gateways"
                        " are associated with cluster");
    }

    if (t->n == 0) {
        return kecs_bad(c, "gatewayConnectors were specified but none of the"
                        " gateways associated with cluster match the"
                        " accessTypes filter");
    }

    return KECS_OK;
}


/* The service's next route behind `after`. */

static kecs_rc_t
next_route(kecs_call_t *c, const kecs_service_t *s, kecs_key_t *after,
    kecs_gateway_route_t *out)
{
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_str_t    key;
    kecs_scan_t  *scan;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, s->cluster);
    kecs_key_u32(&prefix, s->no);
    rc = kecs_scan(c->txn, c->arena, KECS_IX_ROUTE_SERVICE, c->scope,
                   &prefix,
                   after->len != 0 ? kecs_str_n(after->data, after->len)
                                   : kecs_null_str, false, &scan);

    if (rc != KECS_OK) {
        return rc;
    }

    memset(out, 0, sizeof(kecs_gateway_route_t));
    rc = kecs_scan_next(scan, &key, out);

    if (rc == KECS_OK) {
        kecs_key_init(after);
        kecs_key_bytes(after, key.data, key.len);
    }

    kecs_scan_end(scan);

    return rc == KECS_OK ? kecs_get(c->txn, c->arena, out, 0) : rc;
}


/* Nothing was built for it, so it is gone at once. */

static kecs_rc_t
drop_route(kecs_call_t *c, kecs_gateway_route_t *r)
{
    kecs_rc_t                   rc;
    kecs_gateway_association_t  p;

    rc = kecs_del(c->txn, r);

    if (rc == KECS_OK) {
        rc = get_association(c, r->gateway, r->cluster, &p);
    }

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    return settle(c, &p);
}


kecs_rc_t
kecs_gateways_disconnect(kecs_call_t *c, const kecs_service_t *service)
{
    kecs_rc_t             rc;
    kecs_key_t            after;
    kecs_gateway_route_t  r;

    kecs_key_init(&after);

    do {
        rc = next_route(c, service, &after, &r);

        if (rc == KECS_OK) {
            rc = drop_route(c, &r);
        }
    } while (rc == KECS_OK);

    return rc == KECS_DONE ? KECS_OK : rc;
}


/* Position of a name in the targets, n: it is none of them. */

static unsigned
target_of(const targets_t *t, kecs_str_t name)
{
    unsigned  i;

    for (i = 0; i < t->n && !kecs_str_eq(t->names[i], name); i++) {
        /* void */
    }

    return i;
}


static kecs_rc_t
move_port(kecs_call_t *c, kecs_gateway_route_t *r, kecs_str_t port)
{
    if (kecs_str_eq(r->port, port)) {
        return KECS_OK;
    }

    r->port = port;
    r->updated_at = c->now;

    return kecs_put(c->txn, r);
}


/* Routes that are there already stay; *made tells of which targets. */

static kecs_rc_t
keep_routes(kecs_call_t *c, const kecs_service_t *service,
    const targets_t *t, kecs_str_t port, bool *made)
{
    unsigned              i;
    kecs_rc_t             rc;
    kecs_key_t            after;
    kecs_gateway_route_t  r;

    kecs_key_init(&after);

    do {
        rc = next_route(c, service, &after, &r);

        if (rc != KECS_OK) {
            break;
        }

        i = target_of(t, r.gateway);

        if (i == t->n) {
            rc = drop_route(c, &r);

        } else {
            made[i] = true;
            rc = move_port(c, &r, port);
        }
    } while (rc == KECS_OK);

    return rc == KECS_DONE ? KECS_OK : rc;
}


static kecs_rc_t
make_route(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_service_t *service, kecs_str_t gateway, kecs_str_t port)
{
    char                  hex[2 * KECS_ID_LEN];
    kecs_gateway_route_t  r;

    memset(&r, 0, sizeof(kecs_gateway_route_t));
    r.rec.kind = KECS_GATEWAY_ROUTE;
    r.rec.scope = c->scope;
    r.rec.gen = KECS_ECS_GEN;
    r.gateway = gateway;
    kecs_rand_bytes(c->rand, r.id, KECS_ID_LEN);
    r.cluster = cluster->no;
    r.service = service->no;
    r.status = KECS_ROUTE_CREATING;
    r.created_at = c->now;
    r.updated_at = c->now;
    r.cluster_name = cluster->name;
    r.service_name = service->name;
    r.port = port;

    kecs_hex(r.id, KECS_ID_LEN, hex);
    r.host = kecs_sprintf(c->arena, "gw-%.*s.ecs.%.*s.on.aws",
                          (int) sizeof(hex), hex, kecs_fmt(c->region));

    return r.host.data != NULL ? kecs_put(c->txn, &r) : KECS_NOMEM;
}


kecs_rc_t
kecs_gateways_connect(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_service_t *service,
    const kecs_ecs_gateway_connector_t *connector)
{
    bool       made[GATEWAYS_MAX] = { false };
    unsigned   i;
    kecs_rc_t  rc;
    targets_t  t;

    rc = find_targets(c, cluster, connector, &t);

    if (rc == KECS_OK) {
        rc = keep_routes(c, service, &t, connector->port_name, made);
    }

    for (i = 0; rc == KECS_OK && i < t.n; i++) {
        if (!made[i]) {
            rc = make_route(c, cluster, service, t.names[i],
                            connector->port_name);
        }
    }

    return rc;
}


static kecs_rc_t
write_connection(kecs_call_t *c, const kecs_gateway_route_t *r)
{
    kecs_rc_t       rc;
    kecs_gateway_t  g;
    kecs_writer_t  *w;

    rc = kecs_gateway_named(c, r->gateway, 0, &g);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_CORRUPT : rc;
    }

    w = &c->out;
    kecs_w_object(w, NULL);
    kecs_w_cstr(w, "accessType", kecs_access_name(g.access));
    kecs_write_made(c, "gatewayArn", kecs_gateway_arn(c, r->gateway));
    kecs_write_made(c, "gatewayRouteArn",
                    kecs_gateway_route_arn(c, r->gateway, r->id));
    kecs_w_str(w, "portName", r->port);
    kecs_w_raw(w, "resources", kecs_str("{\"hostSharedAlb\":[]}"));
    kecs_w_printf(w, "serviceUrl", "https://%.*s", kecs_fmt(r->host));
    kecs_w_cstr(w, "status", kecs_route_status_name(r->status));
    kecs_w_object_end(w);

    return KECS_OK;
}


kecs_rc_t
kecs_gateway_connections_write(kecs_call_t *c, const kecs_service_t *service)
{
    kecs_rc_t             rc;
    kecs_key_t            after;
    kecs_gateway_route_t  r;

    kecs_w_array(&c->out, "gatewayConnections");
    kecs_key_init(&after);

    do {
        rc = next_route(c, service, &after, &r);

        if (rc == KECS_OK) {
            rc = write_connection(c, &r);
        }
    } while (rc == KECS_OK);

    kecs_w_array_end(&c->out);

    return rc == KECS_DONE ? KECS_OK : rc;
}


/* DescribeGatewayRoute. */

static kecs_rc_t
find_route(kecs_call_t *c, kecs_str_t arn, kecs_gateway_route_t *r)
{
    kecs_rc_t     rc;
    kecs_ident_t  ident;

    rc = kecs_ident_parse(c, arn, "gateway-route", 2, &ident);

    if (rc == KECS_OK && ident.n != 2) {
        return kecs_bad(c, "Invalid identifier: The ARN is malformed");
    }

    if (rc != KECS_OK) {
        return rc;
    }

    memset(r, 0, sizeof(kecs_gateway_route_t));
    r->rec.kind = KECS_GATEWAY_ROUTE;
    r->rec.scope = c->scope;
    r->gateway = ident.part[0];

    rc = c->scope != 0 && kecs_unhex(ident.part[1], r->id, KECS_ID_LEN)
         ? kecs_get(c->txn, c->arena, r, 0) : KECS_NOT_FOUND;

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_RESOURCE_NOT_FOUND,
                         "Gateway route not found.");
    }

    return rc;
}


void
kecs_gateway_route_write(kecs_call_t *c, const char *name,
    const kecs_gateway_route_t *r)
{
    kecs_writer_t  *w;

    w = &c->out;
    kecs_w_object(w, name);
    kecs_write_made(c, "gatewayRouteArn",
                    kecs_gateway_route_arn(c, r->gateway, r->id));
    kecs_w_raw(w, "resources", kecs_str("{\"hostSharedAlb\":[]}"));
    kecs_write_made(c, "serviceArn", kecs_service_arn(c, r->cluster_name,
                                                      r->service_name));
    kecs_w_str(w, "serviceContainerPortName", r->port);
    kecs_w_printf(w, "serviceUrl", "https://%.*s", kecs_fmt(r->host));
    kecs_w_cstr(w, "status", kecs_route_status_name(r->status));
    kecs_w_object_end(w);
}


static kecs_rc_t
describe_route(kecs_call_t *c, void *v)
{
    kecs_rc_t                                   rc;
    kecs_gateway_route_t                        r;
    kecs_ecs_describe_gateway_route_request_t  *in;

    in = v;
    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = find_route(c, in->gateway_route_arn, &r);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_gateway_route_write(c, "gatewayRoute", &r);

    return KECS_OK;
}


/* ListGatewayRoutes. */

typedef struct {
    bool                                   by_cluster;
    uint32_t                               cluster;
    kecs_ident_t                           service;     /* n == 0: any */
    kecs_ecs_list_gateway_routes_request_t  *in;
} route_listing_t;


/* The name of a service may be that of others in other clusters. */

static bool
is_asked(const route_listing_t *l, const kecs_gateway_route_t *r)
{
    const kecs_ident_t  *s;

    s = &l->service;

    if (l->by_cluster && r->cluster != l->cluster) {
        return false;
    }

    if (s->n != 0 && !kecs_str_eq(s->part[s->n - 1], r->service_name)) {
        return false;
    }

    if (s->n == 2 && !kecs_str_eq(s->part[0], r->cluster_name)) {
        return false;
    }

    if (l->in->service_container_port_name.len != 0
        && !kecs_str_eq(l->in->service_container_port_name, r->port))
    {
        return false;
    }

    return l->in->status.n == 0
           || kecs_names_has(l->in->status.n, l->in->status.items,
                             kecs_route_status_name(r->status));
}


static kecs_rc_t
list_route(kecs_call_t *c, kecs_any_t *rec, void *ctx, bool *taken)
{
    kecs_rc_t              rc;
    kecs_writer_t         *w;
    kecs_gateway_route_t  *r;

    r = &rec->gateway_route;
    rc = kecs_get(c->txn, c->arena, r, 0);

    if (rc != KECS_OK || !is_asked(ctx, r)) {
        return rc;
    }

    *taken = true;
    w = &c->out;
    kecs_w_object(w, NULL);
    kecs_write_made(c, "clusterArn", kecs_cluster_arn(c, r->cluster_name));
    kecs_write_made(c, "gatewayArn", kecs_gateway_arn(c, r->gateway));
    kecs_write_made(c, "gatewayRouteArn",
                    kecs_gateway_route_arn(c, r->gateway, r->id));
    kecs_write_made(c, "serviceArn", kecs_service_arn(c, r->cluster_name,
                                                      r->service_name));
    kecs_w_str(w, "serviceContainerPortName", r->port);
    kecs_w_cstr(w, "status", kecs_route_status_name(r->status));
    kecs_w_object_end(w);

    return KECS_OK;
}


static kecs_rc_t
route_filters(kecs_call_t *c, route_listing_t *l, kecs_key_t *prefix)
{
    kecs_rc_t       rc;
    kecs_gateway_t  g;

    memset(&l->service, 0, sizeof(l->service));
    rc = gateway_filter(c, l->in->gateway, prefix);

    if (rc == KECS_OK && l->in->gateway.len != 0) {
        rc = kecs_find_gateway(c, l->in->gateway, 0, &g);
    }

    if (rc == KECS_OK) {
        rc = cluster_filter(c, l->in->cluster, &l->by_cluster, &l->cluster);
    }

    if (rc == KECS_OK && l->in->service.len != 0) {
        rc = kecs_ident_parse(c, l->in->service, "service", 2, &l->service);
    }

    if (rc == KECS_OK) {
        rc = kecs_gateway_statuses(c, &kecs_ecs_gateway_route_status_shape,
                                   l->in->status.n, l->in->status.items);
    }

    return rc;
}


static kecs_rc_t
list_routes(kecs_call_t *c, void *v)
{
    kecs_rc_t         rc;
    kecs_key_t        prefix;
    kecs_page_t       page;
    kecs_scan_t      *scan;
    route_listing_t   l;

    l.in = v;
    scan = NULL;
    rc = route_filters(c, &l, &prefix);

    if (rc == KECS_OK) {
        rc = kecs_list_begin(c, &page, l.in, &l.in->max_results,
                             &l.in->next_token, KECS_GATEWAY_PAGE,
                             KECS_GATEWAY_PAGE);
    }

    if (rc == KECS_OK && c->scope != 0) {
        rc = kecs_scan_records(c->txn, c->arena, KECS_GATEWAY_ROUTE,
                               c->scope, &prefix, page.after, false, &scan);
    }

    return rc == KECS_OK ? kecs_list_records(c, &page, "gatewayRoutes", scan,
                                             list_route, &l)
                         : rc;
}


const kecs_op_t  kecs_gateway_route_ops[] = {
    { "AssociateGatewayWithCluster", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_associate_gateway_with_cluster_request_shape,
      associate_gateway },
    { "DescribeGatewayRoute", KECS_OP_READ,
      &kecs_ecs_describe_gateway_route_request_shape, describe_route },
    { "DisassociateGatewayFromCluster", KECS_OP_WRITE,
      &kecs_ecs_disassociate_gateway_from_cluster_request_shape,
      disassociate_gateway },
    { "ListGatewayClusterAssociations", KECS_OP_READ,
      &kecs_ecs_list_gateway_cluster_associations_request_shape,
      list_associations },
    { "ListGatewayRoutes", KECS_OP_READ,
      &kecs_ecs_list_gateway_routes_request_shape, list_routes },
    { NULL, 0, NULL, NULL }
};
