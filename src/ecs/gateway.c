/*
 * Gateways: CreateGateway, DescribeGateway, ListGateways, UpdateGateway,
 * DeleteGateway, DescribeGatewayResources.  A gateway that is deleted is
 * gone.  UpdateGateway is asynchronous for its client; with no load
 * balancer to change, what is stored is the outcome.
 */

#include "gateway.h"


#define TOKEN_MAX       36
#define NAMES_MAX       10
#define RESOURCES       10
#define RESOURCES_MAX   20
#define ALBS            10
#define PORT           443

typedef kecs_ecs_describe_gateway_alb_configuration_t  alb_t;


/* Identifiers. */

kecs_rc_t
kecs_gateway_name_of(kecs_call_t *c, kecs_str_t id, kecs_str_t *name)
{
    kecs_rc_t     rc;
    kecs_ident_t  ident;

    rc = kecs_ident_parse(c, id, "gateway", 1, &ident);

    if (rc != KECS_OK) {
        return rc;
    }

    *name = ident.part[0];

    if (!kecs_name_ok(*name)) {
        return kecs_bad(c, "Invalid identifier: The gateway name is"
                        " invalid");
    }

    return KECS_OK;
}


kecs_rc_t
kecs_gateway_named(kecs_call_t *c, kecs_str_t name, unsigned parts,
    kecs_gateway_t *out)
{
    memset(out, 0, sizeof(kecs_gateway_t));

    if (c->scope == 0) {
        return KECS_NOT_FOUND;
    }

    out->rec.kind = KECS_GATEWAY;
    out->rec.scope = c->scope;
    out->name = name;

    return kecs_get(c->txn, c->arena, out, parts);
}


kecs_rc_t
kecs_find_gateway(kecs_call_t *c, kecs_str_t id, unsigned parts,
    kecs_gateway_t *out)
{
    kecs_rc_t   rc;
    kecs_str_t  name;

    rc = kecs_gateway_name_of(c, id, &name);

    if (rc == KECS_OK) {
        rc = kecs_gateway_named(c, name, parts, out);
    }

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_GATEWAY_NOT_FOUND, "Gateway not found.");
    }

    return rc;
}


kecs_rc_t
kecs_gateway_statuses(kecs_call_t *c, const kecs_shape_t *shape, size_t n,
    const kecs_str_t *statuses)
{
    size_t     i;
    kecs_rc_t  rc;

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < n; i++) {
        rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "status", shape,
                             statuses[i]);
    }

    return rc;
}


static void
write_answer(kecs_call_t *c, const kecs_gateway_t *g, unsigned status)
{
    kecs_write_made(c, "gatewayArn", kecs_gateway_arn(c, g->name));
    kecs_w_str(&c->out, "name", g->name);
    kecs_w_cstr(&c->out, "status", kecs_gateway_status_name(status));
}


/* The configuration of the load balancers. */

static kecs_rc_t
check_alb_names(kecs_call_t *c, const alb_t *alb)
{
    kecs_rc_t  rc;

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "scheme",
                         &kecs_ecs_gateway_elb_scheme_shape, alb->scheme);

    if (rc == KECS_OK) {
        rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "ipAddressType",
                             &kecs_ecs_gateway_elb_ip_address_type_shape,
                             alb->network_configuration->ip_address_type);
    }

    if (rc == KECS_OK) {
        rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "protocol",
                             &kecs_ecs_gateway_alb_protocol_shape,
                             alb->protocol);
    }

    if (rc == KECS_OK) {
        rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "httpDesync",
                     &kecs_ecs_gateway_alb_desync_mitigation_mode_shape,
                             alb->http_desync);
    }

    return rc;
}


static kecs_rc_t
check_alb(kecs_call_t *c, const alb_t *alb)
{
    kecs_rc_t  rc;

    rc = check_alb_names(c, alb);

    if (rc != KECS_OK) {
        return rc;
    }

    if (!kecs_str_is(alb->protocol, "HTTPS") || alb->port.value != PORT) {
        return kecs_bad(c, "The gateway supports only HTTPS at port %d.",
                        PORT);
    }

    if (alb->max_alb_count.value < 1) {
        return kecs_bad(c, "maxAlbCount must be at least 1");
    }

    if (alb->test_traffic_rules != NULL
        && (alb->test_traffic_rules->header == NULL
            || alb->test_traffic_rules->header->name.len == 0
            || alb->test_traffic_rules->header->values.n == 0))
    {
        return kecs_bad(c, "testTrafficRules must have a header with a name"
                        " and at least one value.");
    }

    return KECS_OK;
}


static kecs_rc_t
alb_defaults(kecs_call_t *c, alb_t *alb)
{
    kecs_ecs_gateway_elb_network_configuration_t  *net;

    net = kecs_zalloc(c->arena, sizeof(*net));

    if (net == NULL) {
        return KECS_NOMEM;
    }

    if (alb->network_configuration != NULL) {
        *net = *alb->network_configuration;
    }

    alb->network_configuration = net;

    if (net->ip_address_type.len == 0) {
        net->ip_address_type = kecs_str("dualstack");
    }

    if (alb->scheme.len == 0) {
        alb->scheme = kecs_str("internet-facing");
    }

    if (alb->protocol.len == 0) {
        alb->protocol = kecs_str("HTTPS");
    }

    if (alb->http_desync.len == 0) {
        alb->http_desync = kecs_str("defensive");
    }

    if (!alb->port.set) {
        alb->port = (kecs_opt_int_t) { PORT, true };
    }

    if (!alb->max_alb_count.set) {
        alb->max_alb_count = (kecs_opt_int_t) { ALBS, true };
    }

    return net->subnets.n != 0 ? KECS_OK
                               : kecs_default_subnets(c, &net->subnets);
}


static kecs_rc_t
keep_alb(kecs_call_t *c, const alb_t *alb, kecs_gateway_t *g)
{
    kecs_rc_t   rc;
    kecs_str_t  json;

    rc = check_alb(c, alb);

    if (rc != KECS_OK) {
        return rc;
    }

    json = kecs_shape_json(c->arena,
                           &kecs_ecs_describe_gateway_alb_configuration_shape,
                           alb);
    kecs_rec_part(&g->rec, KECS_GATEWAY_CONFIG, json);

    return json.data != NULL ? KECS_OK : KECS_NOMEM;
}


static kecs_rc_t
check_propagate(kecs_call_t *c, kecs_str_t value, uint8_t *propagate)
{
    if (value.len == 0) {
        return KECS_OK;
    }

    if (!kecs_shape_has_value(&kecs_ecs_propagate_gateway_tags_shape, value))
    {
        return kecs_bad(c, "Invalid value for propagateTags");
    }

    *propagate = kecs_str_is(value, "GATEWAY");

    return KECS_OK;
}


/* CreateGateway. */

static kecs_rc_t
check_new(kecs_call_t *c, const kecs_ecs_create_gateway_request_t *in)
{
    kecs_rc_t  rc;

    rc = kecs_check_name(c, "gateway", in->name);

    if (rc != KECS_OK) {
        return rc;
    }

    if (kecs_str_utf8_len(in->client_token) > TOKEN_MAX) {
        return kecs_bad(c, "idempotency token longer than %d.", TOKEN_MAX);
    }

    if (in->configuration->host_shared_alb == NULL) {
        return kecs_bad(c, "Exactly one gateway configuration must be"
                        " specified.");
    }

    return KECS_OK;
}


/*
 * KECS_OK: a new one is to be made; KECS_DONE: *g is what an earlier
 * request with this token has made.
 */

static kecs_rc_t
claim_name(kecs_call_t *c, const kecs_ecs_create_gateway_request_t *in,
    kecs_gateway_t *g)
{
    kecs_rc_t     rc;
    kecs_token_t  token;

    if (in->client_token.len != 0) {
        rc = kecs_token_find(c, "CreateGateway", in->client_token, &token);

        if (rc == KECS_OK) {
            rc = kecs_gateway_named(c, token.result, KECS_ALL_PARTS, g);

            if (rc == KECS_OK) {
                return KECS_DONE;
            }
        }

        if (rc != KECS_NOT_FOUND) {
            return rc;
        }
    }

    rc = kecs_gateway_named(c, in->name, 0, g);

    if (rc == KECS_OK) {
        return kecs_bad(c, "Creation of gateway was not idempotent.");
    }

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


static kecs_rc_t
settle_new(kecs_call_t *c, const kecs_ecs_create_gateway_request_t *in,
    kecs_gateway_t *g)
{
    alb_t                                            alb;
    kecs_rc_t                                        rc;
    kecs_str_t                                       tags;
    const kecs_ecs_host_shared_alb_configuration_t  *given;

    given = in->configuration->host_shared_alb;
    memset(&alb, 0, sizeof(alb_t));
    alb.access_logs = given->access_logs;
    alb.http_desync = given->http_desync;
    alb.max_alb_count = given->max_alb_count;
    alb.network_configuration = given->network_configuration;
    alb.port = given->port;
    alb.protocol = given->protocol;
    alb.scheme = given->scheme;
    alb.test_traffic_rules = given->test_traffic_rules;
    alb.web_acl_arn = given->web_acl_arn;

    rc = alb_defaults(c, &alb);

    if (rc == KECS_OK) {
        rc = keep_alb(c, &alb, g);
    }

    if (rc == KECS_OK) {
        rc = check_propagate(c, in->propagate_tags, &g->propagate);
    }

    if (rc == KECS_OK) {
        rc = kecs_tags_json(c, in->tags.items, in->tags.n, &tags);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_rec_part(&g->rec, KECS_GATEWAY_TAGS, tags);
    g->access = kecs_str_is(alb.scheme, "internal") ? KECS_ACCESS_PRIVATE
                                                    : KECS_ACCESS_PUBLIC;

    return KECS_OK;
}


static kecs_rc_t
create(kecs_call_t *c, const kecs_ecs_create_gateway_request_t *in,
    kecs_gateway_t *g)
{
    kecs_rc_t  rc;

    memset(g, 0, sizeof(kecs_gateway_t));
    g->rec.kind = KECS_GATEWAY;
    g->rec.scope = c->scope;
    g->rec.gen = KECS_ECS_GEN;
    g->name = in->name;
    g->status = KECS_GATEWAY_ACTIVE;
    g->is_protected = !in->deletion_protection.set
                      || in->deletion_protection.value;
    g->propagate = true;
    g->created_at = c->now;
    g->updated_at = c->now;
    g->role = in->infrastructure_role_arn;

    rc = settle_new(c, in, g);

    if (rc == KECS_OK) {
        rc = kecs_put(c->txn, g);
    }

    if (rc == KECS_OK && in->client_token.len != 0) {
        rc = kecs_token_keep(c, "CreateGateway", in->client_token, NULL,
                             g->name);
    }

    return rc;
}


static kecs_rc_t
create_gateway(kecs_call_t *c, void *v)
{
    kecs_rc_t                           rc;
    kecs_gateway_t                      g;
    kecs_ecs_create_gateway_request_t  *in;

    in = v;
    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = check_new(c, in);
    }

    if (rc == KECS_OK) {
        rc = kecs_call_scope(c);
    }

    if (rc == KECS_OK) {
        rc = claim_name(c, in, &g);
    }

    if (rc == KECS_OK) {
        rc = create(c, in, &g);
    }

    if (rc != KECS_OK && rc != KECS_DONE) {
        return rc;
    }

    write_answer(c, &g, g.status);

    return KECS_OK;
}


/* DescribeGateway. */

void
kecs_gateway_write(kecs_call_t *c, const char *name,
    const kecs_gateway_t *g)
{
    kecs_writer_t  *w;

    w = &c->out;
    kecs_w_object(w, name);
    kecs_w_cstr(w, "accessType", kecs_access_name(g->access));
    kecs_w_object(w, "configuration");
    kecs_w_object(w, "hostSharedAlb");
    kecs_w_splice(w, g->rec.part[KECS_GATEWAY_CONFIG]);
    kecs_w_i64(w, "currentAlbCount", 0);
    kecs_w_object_end(w);
    kecs_w_object_end(w);
    kecs_w_time(w, "createdAt", g->created_at);
    kecs_w_bool(w, "deletionProtection", g->is_protected);
    kecs_w_raw(w, "failures", kecs_str("[]"));
    kecs_w_str(w, "infrastructureRoleArn", g->role);
    kecs_w_cstr(w, "propagateTags", g->propagate ? "GATEWAY" : "NONE");
    kecs_tags_write(c, g->rec.part[KECS_GATEWAY_TAGS]);
    kecs_w_time(w, "updatedAt", g->updated_at);
    write_answer(c, g, g->status);
    kecs_w_object_end(w);
}


static kecs_rc_t
describe_gateway(kecs_call_t *c, void *v)
{
    kecs_rc_t                             rc;
    kecs_gateway_t                        g;
    kecs_ecs_describe_gateway_request_t  *in;

    in = v;
    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_gateway(c, in->gateway, KECS_ALL_PARTS, &g);
    }

    if (rc == KECS_OK) {
        kecs_gateway_write(c, "gateway", &g);
    }

    return rc;
}


/* UpdateGateway. */

static void
lay_alb(const kecs_ecs_update_gateway_alb_configuration_t *given, alb_t *alb)
{
    if (given->network_configuration != NULL
        && given->network_configuration->inbound_security_group.len != 0)
    {
        alb->network_configuration->inbound_security_group
            = given->network_configuration->inbound_security_group;
    }

    if (given->max_alb_count.set) {
        alb->max_alb_count = given->max_alb_count;
    }

    if (given->web_acl_arn.len != 0) {
        alb->web_acl_arn = given->web_acl_arn;
    }

    if (given->access_logs != NULL) {
        alb->access_logs = given->access_logs;
    }

    if (given->http_desync.len != 0) {
        alb->http_desync = given->http_desync;
    }

    if (given->test_traffic_rules != NULL) {
        alb->test_traffic_rules = given->test_traffic_rules;
    }
}


static kecs_rc_t
update_alb(kecs_call_t *c, const kecs_ecs_update_gateway_configuration_t *in,
    kecs_gateway_t *g)
{
    void       *alb;
    kecs_rc_t   rc;

    if (in == NULL) {
        return KECS_OK;
    }

    if (in->host_shared_alb == NULL) {
        return kecs_bad(c, "The configuration must match the type of the"
                        " gateway.");
    }

    rc = kecs_shape_load(c->arena,
                         &kecs_ecs_describe_gateway_alb_configuration_shape,
                         g->rec.part[KECS_GATEWAY_CONFIG], &alb);

    if (rc != KECS_OK) {
        return rc;
    }

    lay_alb(in->host_shared_alb, alb);

    return keep_alb(c, alb, g);
}


static kecs_rc_t
update(kecs_call_t *c, const kecs_ecs_update_gateway_request_t *in,
    kecs_gateway_t *g)
{
    kecs_rc_t  rc;

    rc = update_alb(c, in->configuration, g);

    if (rc == KECS_OK) {
        rc = check_propagate(c, in->propagate_tags, &g->propagate);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (in->infrastructure_role_arn.len != 0) {
        g->role = in->infrastructure_role_arn;
    }

    if (in->deletion_protection.set) {
        g->is_protected = in->deletion_protection.value;
    }

    g->status = KECS_GATEWAY_UPDATED;
    g->updated_at = c->now;

    return kecs_put(c->txn, g);
}


static kecs_rc_t
update_gateway(kecs_call_t *c, void *v)
{
    kecs_rc_t                           rc;
    kecs_gateway_t                      g;
    kecs_ecs_update_gateway_request_t  *in;

    in = v;
    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_gateway(c, in->gateway, KECS_ALL_PARTS, &g);
    }

    if (rc == KECS_OK) {
        rc = update(c, in, &g);
    }

    if (rc == KECS_OK) {
        write_answer(c, &g, KECS_GATEWAY_UPDATING);
    }

    return rc;
}


/* DeleteGateway. */

static kecs_rc_t
check_free(kecs_call_t *c, const kecs_gateway_t *g)
{
    bool       any;
    kecs_rc_t  rc;

    if (g->is_protected) {
        return kecs_bad(c, "The gateway %.*s cannot be deleted while"
                        " deletion protection is enabled. Disable deletion"
                        " protection and try again.", kecs_fmt(g->name));
    }

    rc = kecs_gateway_associated(c, g->name, &any);

    if (rc == KECS_OK && any) {
        return kecs_bad(c, "The gateway %.*s cannot be deleted while it is"
                        " associated with clusters. Disassociate all"
                        " clusters and try again.", kecs_fmt(g->name));
    }

    return rc;
}


static kecs_rc_t
delete_gateway(kecs_call_t *c, void *v)
{
    kecs_rc_t                           rc;
    kecs_gateway_t                      g;
    kecs_ecs_delete_gateway_request_t  *in;

    in = v;
    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_gateway(c, in->gateway, 0, &g);
    }

    if (rc == KECS_OK) {
        rc = check_free(c, &g);
    }

    if (rc == KECS_OK) {
        rc = kecs_del(c->txn, &g);
    }

    if (rc == KECS_OK) {
        write_answer(c, &g, KECS_GATEWAY_DELETED);
    }

    return rc;
}


/* ListGateways. */

static bool
has_name(const kecs_ecs_string_list_t *names, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < names->n; i++) {
        if (kecs_str_eq(names->items[i], name)) {
            return true;
        }
    }

    return names->n == 0;
}


static kecs_rc_t
list_one(kecs_call_t *c, kecs_any_t *rec, void *ctx, bool *taken)
{
    kecs_rc_t                          rc;
    kecs_gateway_t                    *g;
    kecs_ecs_list_gateways_request_t  *in;

    in = ctx;
    g = &rec->gateway;
    rc = kecs_get(c->txn, c->arena, g, 0);

    if (rc != KECS_OK || !has_name(&in->names, g->name)
        || (in->status.n != 0
            && !kecs_names_has(in->status.n, in->status.items,
                               kecs_gateway_status_name(g->status))))
    {
        return rc;
    }

    *taken = true;
    kecs_w_object(&c->out, NULL);
    kecs_w_time(&c->out, "createdAt", g->created_at);
    write_answer(c, g, g->status);
    kecs_w_object_end(&c->out);

    return KECS_OK;
}


static kecs_rc_t
check_listing(kecs_call_t *c, const kecs_ecs_list_gateways_request_t *in)
{
    if (in->names.n > NAMES_MAX) {
        return kecs_bad(c, "names cannot have more than %d elements.",
                        NAMES_MAX);
    }

    return kecs_gateway_statuses(c, &kecs_ecs_gateway_status_shape,
                                 in->status.n, in->status.items);
}


static kecs_rc_t
list_gateways(kecs_call_t *c, void *v)
{
    kecs_rc_t                          rc;
    kecs_key_t                         all;
    kecs_page_t                        page;
    kecs_scan_t                       *scan;
    kecs_ecs_list_gateways_request_t  *in;

    in = v;
    scan = NULL;
    rc = check_listing(c, in);

    if (rc == KECS_OK) {
        rc = kecs_list_begin(c, &page, in, &in->max_results,
                             &in->next_token, KECS_GATEWAY_PAGE,
                             KECS_GATEWAY_PAGE);
    }

    if (rc == KECS_OK && c->scope != 0) {
        kecs_key_init(&all);
        rc = kecs_scan_records(c->txn, c->arena, KECS_GATEWAY, c->scope,
                               &all, page.after, false, &scan);
    }

    return rc == KECS_OK ? kecs_list_records(c, &page, "gateways", scan,
                                             list_one, in)
                         : rc;
}


/* DescribeGatewayResources. */

static kecs_rc_t
describe_gateway_resources(kecs_call_t *c, void *v)
{
    kecs_rc_t                                       rc;
    kecs_page_t                                     page;
    kecs_gateway_t                                  g;
    kecs_ecs_describe_gateway_resources_request_t  *in;

    in = v;
    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_gateway(c, in->gateway, 0, &g);
    }

    if (rc == KECS_OK) {
        rc = kecs_list_begin(c, &page, in, &in->max_results,
                             &in->next_token, RESOURCES, RESOURCES_MAX);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_object(&c->out, "gatewayResources");
    kecs_write_made(c, "gatewayArn", kecs_gateway_arn(c, g.name));
    kecs_w_raw(&c->out, "resources", kecs_str("{\"hostSharedAlb\":[]}"));
    kecs_w_object_end(&c->out);

    return KECS_OK;
}


const kecs_op_t  kecs_gateway_ops[] = {
    { "CreateGateway", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_create_gateway_request_shape, create_gateway },
    { "DeleteGateway", KECS_OP_WRITE,
      &kecs_ecs_delete_gateway_request_shape, delete_gateway },
    { "DescribeGateway", KECS_OP_READ,
      &kecs_ecs_describe_gateway_request_shape, describe_gateway },
    { "DescribeGatewayResources", KECS_OP_READ,
      &kecs_ecs_describe_gateway_resources_request_shape,
      describe_gateway_resources },
    { "ListGateways", KECS_OP_READ, &kecs_ecs_list_gateways_request_shape,
      list_gateways },
    { "UpdateGateway", KECS_OP_WRITE,
      &kecs_ecs_update_gateway_request_shape, update_gateway },
    { NULL, 0, NULL, NULL }
};
