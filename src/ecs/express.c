/*
 * CreateExpressGatewayService, DescribeExpressGatewayService,
 * UpdateExpressGatewayService, DeleteExpressGatewayService.  The service
 * itself is made, changed and deleted by the operations of services; here
 * are only its configurations.  Nothing answers at its endpoint as long as
 * there is no load balancer.
 */

#include "express.h"


#define GRACE_PERIOD  300

#define RESOURCE_NOT_FOUND  "Resource not found"

typedef struct {
    kecs_cluster_t       cluster;       /* CAPACITY loaded */
    kecs_service_t       service;       /* all parts loaded */
    kecs_express_t       express;       /* the newest, CONFIG loaded */
    kecs_express_spec_t  spec;
} express_t;


/* Records. */

static kecs_rc_t
get_express(kecs_call_t *c, const kecs_service_t *s, uint64_t deployment,
    kecs_express_t *out)
{
    memset(out, 0, sizeof(kecs_express_t));
    out->rec.kind = KECS_EXPRESS;
    out->rec.scope = s->rec.scope;
    out->cluster = s->cluster;
    out->service = s->no;
    out->deployment = deployment;

    return kecs_get(c->txn, c->arena, out, KECS_ALL_PARTS);
}


static kecs_rc_t
scan_express(kecs_call_t *c, const kecs_service_t *s, kecs_scan_t **scan)
{
    kecs_key_t  prefix;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, s->cluster);
    kecs_key_u32(&prefix, s->no);

    return kecs_scan_records(c->txn, c->arena, KECS_EXPRESS, s->rec.scope,
                             &prefix, kecs_null_str, false, scan);
}


/*
 * The configuration of the PRIMARY deployment, or the last one when no
 * Express call has started that.  KECS_NOT_FOUND: no Express service.
 */

static kecs_rc_t
newest(kecs_call_t *c, const kecs_service_t *s, kecs_express_t *out)
{
    kecs_rc_t        rc;
    kecs_str_t       key;
    kecs_scan_t     *scan;
    kecs_express_t   e;

    rc = get_express(c, s, s->primary, out);

    if (rc != KECS_NOT_FOUND) {
        return rc;
    }

    memset(out, 0, sizeof(kecs_express_t));
    rc = scan_express(c, s, &scan);

    while (rc == KECS_OK) {
        memset(&e, 0, sizeof(kecs_express_t));
        rc = kecs_scan_next(scan, &key, &e);

        if (rc == KECS_OK) {
            rc = kecs_get(c->txn, c->arena, &e, KECS_ALL_PARTS);
        }

        if (rc == KECS_OK
            && (out->rec.kind == 0 || e.updated_at > out->updated_at))
        {
            *out = e;
        }
    }

    if (rc != KECS_DONE) {
        return rc;
    }

    return out->rec.kind != 0 ? KECS_OK : KECS_NOT_FOUND;
}


kecs_rc_t
kecs_service_is_express(kecs_call_t *c, const kecs_service_t *s,
    bool *express)
{
    kecs_rc_t     rc;
    kecs_scan_t  *scan;

    rc = scan_express(c, s, &scan);

    return rc == KECS_OK ? kecs_scan_any(scan, express) : rc;
}


/* Forgets the configurations of deployments that have ended. */

static kecs_rc_t
forget_ended(kecs_call_t *c, const kecs_service_t *s)
{
    kecs_rc_t           rc;
    kecs_str_t          key;
    kecs_scan_t        *scan;
    kecs_express_t      e;
    kecs_deployment_t   d;

    rc = scan_express(c, s, &scan);

    while (rc == KECS_OK) {
        memset(&e, 0, sizeof(kecs_express_t));
        rc = kecs_scan_next(scan, &key, &e);

        if (rc != KECS_OK) {
            break;
        }

        rc = kecs_deployment_get(c, s, e.deployment, 0, &d);

        if (rc == KECS_NOT_FOUND
            || (rc == KECS_OK && d.status == KECS_DEPLOYMENT_INACTIVE))
        {
            rc = kecs_del(c->txn, &e);
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


/* Puts the settled configuration as that of the PRIMARY deployment. */

static kecs_rc_t
keep(kecs_call_t *c, express_t *x)
{
    kecs_rc_t        rc;
    kecs_str_t       json;
    kecs_express_t  *e;

    e = &x->express;
    json = kecs_shape_json(c->arena,
                  &kecs_ecs_express_gateway_service_configuration_shape,
                           &x->spec.conf);

    if (json.data == NULL) {
        return KECS_NOMEM;
    }

    if (e->deployment != x->service.primary) {
        e->created_at = c->now;
    }

    e->rec.kind = KECS_EXPRESS;
    e->rec.scope = c->scope;
    e->rec.gen = KECS_ECS_GEN;
    e->cluster = x->service.cluster;
    e->service = x->service.no;
    e->deployment = x->service.primary;
    e->managed = x->spec.managed;
    e->updated_at = c->now;
    kecs_rec_part(&e->rec, KECS_EXPRESS_CONFIG, json);

    rc = kecs_put(c->txn, e);

    return rc == KECS_OK ? forget_ended(c, &x->service) : rc;
}


/* Rendering. */

static void
write_conf(kecs_call_t *c, const char *name, const express_t *x,
    const kecs_express_t *e, uint64_t deployment)
{
    kecs_writer_t  *w;

    w = &c->out;
    kecs_w_object(w, name);
    kecs_w_time(w, "createdAt", e->created_at);
    kecs_w_array(w, "ingressPaths");
    kecs_w_object(w, NULL);
    kecs_w_cstr(w, "accessType", kecs_access_name(e->access));
    kecs_w_str(w, "endpoint", e->endpoint);
    kecs_w_object_end(w);
    kecs_w_array_end(w);
    kecs_write_made(c, "serviceRevisionArn",
                    kecs_revision_arn(c, x->cluster.name, x->service.name,
                                      deployment));
    kecs_w_splice(w, e->rec.part[KECS_EXPRESS_CONFIG]);
    kecs_w_object_end(w);
}


/* The newest but for its task definition. */

static kecs_rc_t
conf_of_other(kecs_call_t *c, const express_t *x, uint64_t deployment,
    kecs_express_t *e)
{
    void                 *v;
    kecs_rc_t             rc;
    kecs_str_t            json;
    kecs_deployment_t     d;
    kecs_express_conf_t  *conf;

    rc = kecs_deployment_get(c, &x->service, deployment, 0, &d);

    if (rc == KECS_OK) {
        rc = kecs_shape_load(c->arena,
                   &kecs_ecs_express_gateway_service_configuration_shape,
                             x->express.rec.part[KECS_EXPRESS_CONFIG], &v);
    }

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_CORRUPT : rc;
    }

    conf = v;
    conf->task_definition_arn = kecs_taskdef_arn(c, d.family, d.revision);
    json = kecs_shape_json(c->arena,
                   &kecs_ecs_express_gateway_service_configuration_shape,
                           conf);

    if (conf->task_definition_arn.data == NULL || json.data == NULL) {
        return KECS_NOMEM;
    }

    *e = x->express;
    e->created_at = d.created_at;
    e->rec.part[KECS_EXPRESS_CONFIG] = json;

    return KECS_OK;
}


/* The configuration of a deployment, whoever has started it. */

static kecs_rc_t
write_conf_of(kecs_call_t *c, const express_t *x, uint64_t deployment)
{
    kecs_rc_t       rc;
    kecs_express_t  e;

    rc = get_express(c, &x->service, deployment, &e);

    if (rc == KECS_NOT_FOUND) {
        rc = conf_of_other(c, x, deployment, &e);
    }

    if (rc == KECS_OK) {
        write_conf(c, NULL, x, &e, deployment);
    }

    return rc;
}


/* The PRIMARY first. */

static kecs_rc_t
write_active(kecs_call_t *c, const express_t *x)
{
    kecs_rc_t           rc;
    kecs_key_t          prefix;
    kecs_str_t          key;
    kecs_scan_t        *scan;
    kecs_deployment_t   d;

    kecs_w_array(&c->out, "activeConfigurations");
    rc = KECS_OK;

    if (x->service.status != KECS_SERVICE_INACTIVE) {
        rc = write_conf_of(c, x, x->service.primary);
    }

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, x->service.cluster);
    kecs_key_u32(&prefix, x->service.no);

    if (rc == KECS_OK) {
        rc = kecs_scan(c->txn, c->arena, KECS_IX_DEPLOYMENT_LIVE, c->scope,
                       &prefix, kecs_null_str, false, &scan);
    }

    while (rc == KECS_OK) {
        memset(&d, 0, sizeof(kecs_deployment_t));
        rc = kecs_scan_next(scan, &key, &d);

        if (rc == KECS_OK && d.id != x->service.primary) {
            rc = write_conf_of(c, x, d.id);
        }
    }

    kecs_w_array_end(&c->out);

    return rc == KECS_DONE ? KECS_OK : rc;
}


/* The members that all answers have. */

static void
write_head(kecs_call_t *c, const express_t *x)
{
    kecs_writer_t  *w;

    w = &c->out;
    kecs_write_made(c, "cluster", kecs_cluster_arn(c, x->cluster.name));
    kecs_w_time(w, "createdAt", x->service.created_at);
    kecs_write_made(c, "serviceArn", kecs_service_arn(c, x->cluster.name,
                                                      x->service.name));
    kecs_w_str(w, "serviceName", x->service.name);
    kecs_w_object(w, "status");
    kecs_w_cstr(w, "statusCode",
                kecs_service_status_name(x->service.status));
    kecs_w_object_end(w);
    kecs_w_time(w, "updatedAt", x->express.updated_at);
}


static kecs_rc_t
write_current(kecs_call_t *c, const express_t *x)
{
    kecs_rc_t                  rc;
    kecs_service_deployment_t  sd;

    rc = kecs_service_deployment_get(c, &x->service, x->service.primary,
                                     &sd);

    if (rc == KECS_OK) {
        kecs_write_made(c, "currentDeployment",
                        kecs_service_deployment_arn(c, x->cluster.name,
                                                    x->service.name,
                                                    sd.name));
    }

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


static kecs_rc_t
write_service(kecs_call_t *c, const express_t *x, bool tags, bool current)
{
    kecs_rc_t  rc;

    kecs_w_object(&c->out, "service");
    rc = write_active(c, x);
    write_head(c, x);
    kecs_w_str(&c->out, "infrastructureRoleArn", x->express.role);

    if (rc == KECS_OK && current) {
        rc = write_current(c, x);
    }

    if (tags) {
        kecs_tags_write(c, x->service.rec.part[KECS_SERVICE_TAGS]);
    }

    kecs_w_object_end(&c->out);

    return rc;
}


/* The requests that are made of it. */

static void
write_network(kecs_writer_t *w, const kecs_express_conf_t *conf)
{
    size_t                                                    i;
    const kecs_ecs_string_list_t                             *groups, *subnets;

    groups = &conf->network_configuration->security_groups;
    subnets = &conf->network_configuration->subnets;

    kecs_w_object(w, "networkConfiguration");
    kecs_w_object(w, "awsvpcConfiguration");
    kecs_w_cstr(w, "assignPublicIp", "ENABLED");
    kecs_w_array(w, "securityGroups");

    for (i = 0; i < groups->n; i++) {
        kecs_w_str(w, NULL, groups->items[i]);
    }

    kecs_w_array_end(w);
    kecs_w_array(w, "subnets");

    for (i = 0; i < subnets->n; i++) {
        kecs_w_str(w, NULL, subnets->items[i]);
    }

    kecs_w_array_end(w);
    kecs_w_object_end(w);
    kecs_w_object_end(w);
}


/* By the cluster's provider, or by type when the cluster has not got it. */

static kecs_rc_t
write_launch(kecs_writer_t *w, kecs_call_t *c, const kecs_cluster_t *cluster)
{
    void                *v;
    kecs_rc_t            rc;
    kecs_str_t           json;
    kecs_ecs_cluster_t  *capacity;

    json = cluster->rec.part[KECS_CLUSTER_CAPACITY];
    rc = kecs_shape_load(c->arena, &kecs_ecs_cluster_shape,
                         json.data != NULL ? json : kecs_str("{}"), &v);

    if (rc != KECS_OK) {
        return rc;
    }

    capacity = v;

    if (kecs_names_has(capacity->capacity_providers.n,
                       capacity->capacity_providers.items, "FARGATE"))
    {
        kecs_w_raw(w, "capacityProviderStrategy",
                   kecs_str("[{\"base\":1,\"capacityProvider\":\"FARGATE\","
                            "\"weight\":1}]"));

    } else {
        kecs_w_cstr(w, "launchType", "FARGATE");
    }

    return KECS_OK;
}


static kecs_rc_t
create_json(kecs_call_t *c, const express_t *x, kecs_str_t tags,
    kecs_str_t *json)
{
    kecs_rc_t       rc;
    kecs_buf_t      b;
    kecs_writer_t   w;

    kecs_buf_init(&b, c->arena, 0);
    w = kecs_writer(&b);
    kecs_w_object(&w, NULL);
    kecs_w_str(&w, "cluster", x->cluster.name);
    kecs_w_i64(&w, "desiredCount",
               x->spec.conf.scaling_target->min_task_count.value);
    kecs_w_bool(&w, "enableECSManagedTags", true);
    kecs_w_i64(&w, "healthCheckGracePeriodSeconds", GRACE_PERIOD);
    rc = write_launch(&w, c, &x->cluster);
    write_network(&w, &x->spec.conf);
    kecs_w_cstr(&w, "propagateTags", "SERVICE");
    kecs_w_str(&w, "serviceName", x->spec.service);
    kecs_w_raw(&w, "tags", tags);
    kecs_w_str(&w, "taskDefinition", x->spec.conf.task_definition_arn);
    kecs_w_object_end(&w);
    *json = kecs_buf_view(&b);

    return rc == KECS_OK && b.failed ? KECS_NOMEM : rc;
}


/* What a request says of the configuration: the members that are its own. */

static kecs_rc_t
given_of(kecs_call_t *c, const void *in, const kecs_express_conf_t **given)
{
    void       *v;
    kecs_rc_t   rc;

    rc = kecs_input_as(c, in,
                       &kecs_ecs_express_gateway_service_configuration_shape,
                       &v);

    if (rc == KECS_OK) {
        *given = v;
    }

    return rc;
}


/* The number of tasks stays within the bounds of the scaling target. */

static int64_t
desired_within(const express_t *x)
{
    int64_t                                           n;
    const kecs_ecs_express_gateway_scaling_target_t  *t;

    t = x->spec.conf.scaling_target;
    n = x->service.desired;

    if (n < t->min_task_count.value) {
        n = t->min_task_count.value;
    }

    return n > t->max_task_count.value ? t->max_task_count.value : n;
}


static kecs_rc_t
update_json(kecs_call_t *c, const express_t *x, bool anew, kecs_str_t *json)
{
    kecs_buf_t      b;
    kecs_writer_t   w;

    kecs_buf_init(&b, c->arena, 0);
    w = kecs_writer(&b);
    kecs_w_object(&w, NULL);
    kecs_w_str(&w, "cluster", x->cluster.name);
    kecs_w_i64(&w, "desiredCount", desired_within(x));
    write_network(&w, &x->spec.conf);
    kecs_w_str(&w, "service", x->service.name);

    if (anew) {
        kecs_w_str(&w, "taskDefinition", x->spec.conf.task_definition_arn);
    }

    kecs_w_object_end(&w);
    *json = kecs_buf_view(&b);

    return b.failed ? KECS_NOMEM : KECS_OK;
}


/* Finding. */

/* The service as it is now. */

static kecs_rc_t
reload(kecs_call_t *c, express_t *x)
{
    kecs_rc_t  rc;

    rc = kecs_get(c->txn, c->arena, &x->service, KECS_ALL_PARTS);

    return rc == KECS_NOT_FOUND ? KECS_CORRUPT : rc;
}


/* `e`: the error of a service that is not there, or no Express one. */

static kecs_rc_t
find(kecs_call_t *c, kecs_str_t arn, kecs_error_t e, express_t *x)
{
    kecs_rc_t     rc;
    kecs_ident_t  ident;

    rc = kecs_ident_parse(c, arn, "service", 2, &ident);

    if (rc == KECS_OK && ident.n != 2) {
        return kecs_bad(c, "Invalid identifier: The ARN is malformed");
    }

    if (rc == KECS_OK) {
        rc = kecs_find_cluster(c, ident.part[0],
                               kecs_part_bit(KECS_CLUSTER_CAPACITY),
                               &x->cluster);
    }

    if (rc == KECS_OK) {
        rc = kecs_find_service(c, &x->cluster, ident.part[1], KECS_ALL_PARTS,
                               &x->service);
    }

    if (rc == KECS_OK) {
        rc = newest(c, &x->service, &x->express);
    }

    return rc == KECS_NOT_FOUND ? kecs_fail(c, e, RESOURCE_NOT_FOUND) : rc;
}


static kecs_rc_t
find_active(kecs_call_t *c, kecs_str_t arn, express_t *x)
{
    kecs_rc_t  rc;

    rc = find(c, arn, KECS_E_INVALID_PARAMETER, x);

    if (rc == KECS_OK && x->service.status != KECS_SERVICE_ACTIVE) {
        return kecs_fail(c, KECS_E_SERVICE_NOT_ACTIVE, "Cannot perform this"
                         " operation on a service in %s status",
                         kecs_service_status_name(x->service.status));
    }

    return rc;
}


/* CreateExpressGatewayService. */

/* The default cluster is made when it is not there. */

static kecs_rc_t
find_cluster(kecs_call_t *c, kecs_str_t id, kecs_cluster_t *out)
{
    unsigned    parts;
    kecs_rc_t   rc;
    kecs_str_t  name;

    parts = kecs_part_bit(KECS_CLUSTER_CAPACITY);
    rc = kecs_cluster_name_of(c, id, &name);

    if (rc != KECS_OK) {
        return rc;
    }

    if (kecs_str_is(name, "default")) {
        rc = kecs_cluster_named(c, name, parts, out);

        if (rc == KECS_NOT_FOUND
            || (rc == KECS_OK && out->status == KECS_CLUSTER_INACTIVE))
        {
            rc = kecs_call_within(c, "CreateCluster",
                                  kecs_str("{\"capacityProviders\":"
                                           "[\"FARGATE\","
                                           "\"FARGATE_SPOT\"]}"));
        }

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return kecs_find_cluster(c, id, parts, out);
}


/* "ab-...", the first two letters of the service's name and an id. */

static kecs_rc_t
new_endpoint(kecs_call_t *c, kecs_express_t *e, kecs_str_t name)
{
    char     hex[2 * KECS_ID_LEN], head[2];
    size_t   i;
    uint8_t  id[KECS_ID_LEN];

    for (i = 0; i < sizeof(head); i++) {
        head[i] = i < name.len && name.data[i] != '_' && name.data[i] != '-'
                  ? name.data[i] : 'x';

        if (head[i] >= 'A' && head[i] <= 'Z') {
            head[i] = (char) (head[i] | 0x20);
        }
    }

    kecs_rand_bytes(c->rand, id, sizeof(id));
    kecs_hex(id, sizeof(id), hex);
    e->endpoint = kecs_sprintf(c->arena, "%.2s-%.*s.ecs.%.*s.on.aws", head,
                               (int) sizeof(hex), hex, kecs_fmt(c->region));

    return e->endpoint.data != NULL ? KECS_OK : KECS_NOMEM;
}


/* What a call works on. */

static kecs_rc_t
open_express(kecs_call_t *c, const void *in, express_t **x)
{
    *x = kecs_zalloc(c->arena, sizeof(express_t));

    return *x != NULL ? kecs_check_input(c, in) : KECS_NOMEM;
}


static kecs_rc_t
open_active(kecs_call_t *c, const void *in, kecs_str_t arn, express_t **x)
{
    kecs_rc_t  rc;

    rc = open_express(c, in, x);

    return rc == KECS_OK ? find_active(c, arn, *x) : rc;
}


/* ListServices and DescribeServices tell it from others. */

static kecs_rc_t
mark_managed(kecs_call_t *c, kecs_service_t *s)
{
    void                *v;
    kecs_rc_t            rc;
    kecs_str_t           json;
    kecs_ecs_service_t  *shown;

    rc = kecs_shape_load(c->arena, &kecs_ecs_service_shape,
                         s->rec.part[KECS_SERVICE_STATIC], &v);

    if (rc != KECS_OK) {
        return rc;
    }

    shown = v;
    shown->resource_management_type = kecs_str("ECS");
    json = kecs_shape_json(c->arena, &kecs_ecs_service_shape, shown);

    if (json.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_rec_part(&s->rec, KECS_SERVICE_STATIC, json);

    return kecs_put(c->txn, s);
}


static kecs_rc_t
name_service(kecs_call_t *c,
    const kecs_ecs_create_express_gateway_service_request_t *in,
    express_t *x)
{
    x->spec.cluster = x->cluster.name;
    x->spec.service = in->service_name;

    if (in->service_name.len != 0) {
        return kecs_check_name(c, "service", in->service_name);
    }

    return kecs_express_name(c, in->primary_container != NULL
                                ? in->primary_container->image
                                : kecs_str("express"), &x->spec.service);
}


static kecs_rc_t
create_service(kecs_call_t *c,
    const kecs_ecs_create_express_gateway_service_request_t *in,
    express_t *x)
{
    kecs_rc_t   rc;
    kecs_str_t  tags, json;

    rc = kecs_tags_json(c, in->tags.items, in->tags.n, &tags);

    if (rc == KECS_OK) {
        rc = create_json(c, x, tags, &json);
    }

    if (rc == KECS_OK) {
        rc = kecs_call_within(c, "CreateService", json);
    }

    if (rc == KECS_OK) {
        rc = kecs_find_service(c, &x->cluster, x->spec.service,
                               KECS_ALL_PARTS, &x->service);
    }

    return rc == KECS_NOT_FOUND ? KECS_CORRUPT : rc;
}


static kecs_rc_t
create_express(kecs_call_t *c, void *v)
{
    express_t                                          *x;
    kecs_rc_t                                           rc;
    const kecs_express_conf_t                          *given;
    kecs_ecs_create_express_gateway_service_request_t  *in;

    in = v;

    rc = open_express(c, in, &x);

    if (rc == KECS_OK) {
        rc = find_cluster(c, in->cluster, &x->cluster);
    }

    if (rc == KECS_OK) {
        rc = name_service(c, in, x);
    }

    if (rc == KECS_OK) {
        rc = given_of(c, in, &given);
    }

    if (rc == KECS_OK) {
        rc = kecs_express_settle(c, given, &x->spec);
    }

    if (rc == KECS_OK) {
        rc = create_service(c, in, x);
    }

    if (rc == KECS_OK) {
        rc = mark_managed(c, &x->service);
    }

    if (rc == KECS_OK) {
        x->express.access = KECS_ACCESS_PUBLIC;
        x->express.role = in->infrastructure_role_arn;
        rc = new_endpoint(c, &x->express, x->spec.service);
    }

    if (rc == KECS_OK) {
        rc = keep(c, x);
    }

    return rc == KECS_OK ? write_service(c, x, true, false) : rc;
}


/* UpdateExpressGatewayService. */

static kecs_rc_t
load_spec(kecs_call_t *c, express_t *x)
{
    void       *v;
    kecs_rc_t   rc;

    rc = kecs_shape_load(c->arena,
                   &kecs_ecs_express_gateway_service_configuration_shape,
                         x->express.rec.part[KECS_EXPRESS_CONFIG], &v);

    if (rc != KECS_OK) {
        return rc;
    }

    x->spec.conf = *(kecs_express_conf_t *) v;
    x->spec.cluster = x->cluster.name;
    x->spec.service = x->service.name;
    x->spec.managed = x->express.managed;

    /* UpdateService may have brought another one */

    x->spec.conf.task_definition_arn = kecs_taskdef_arn(c, x->service.family,
                                                    x->service.revision);

    return x->spec.conf.task_definition_arn.data != NULL ? KECS_OK
                                                         : KECS_NOMEM;
}


static kecs_rc_t
update(kecs_call_t *c, const kecs_express_conf_t *given, express_t *x)
{
    kecs_rc_t   rc;
    kecs_str_t  json, before;

    rc = load_spec(c, x);
    before = x->spec.conf.task_definition_arn;

    if (rc == KECS_OK) {
        rc = kecs_express_settle(c, given, &x->spec);
    }

    if (rc == KECS_OK) {
        rc = update_json(c, x, !kecs_str_eq(x->spec.conf.task_definition_arn,
                                            before), &json);
    }

    if (rc == KECS_OK) {
        rc = kecs_call_within(c, "UpdateService", json);
    }

    if (rc == KECS_OK) {
        rc = reload(c, x);
    }

    return rc == KECS_OK ? keep(c, x) : rc;
}


static kecs_rc_t
update_express(kecs_call_t *c, void *v)
{
    express_t                                          *x;
    kecs_rc_t                                           rc;
    const kecs_express_conf_t                          *given;
    kecs_ecs_update_express_gateway_service_request_t  *in;

    in = v;

    rc = open_active(c, in, in->service_arn, &x);

    if (rc == KECS_OK) {
        rc = given_of(c, in, &given);
    }

    if (rc == KECS_OK) {
        rc = update(c, given, x);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_object(&c->out, "service");
    write_head(c, x);
    write_conf(c, "targetConfiguration", x, &x->express,
               x->service.primary);
    kecs_w_object_end(&c->out);

    return KECS_OK;
}


/* DeleteExpressGatewayService. */

static kecs_rc_t
delete_express(kecs_call_t *c, void *v)
{
    express_t                                          *x;
    kecs_rc_t                                           rc;
    kecs_str_t                                          json;
    kecs_ecs_delete_express_gateway_service_request_t  *in;

    in = v;

    rc = open_active(c, in, in->service_arn, &x);

    if (rc != KECS_OK) {
        return rc;
    }

    json = kecs_sprintf(c->arena, "{\"cluster\":\"%.*s\",\"force\":true,"
                        "\"service\":\"%.*s\"}", kecs_fmt(x->cluster.name),
                        kecs_fmt(x->service.name));

    if (json.data == NULL) {
        return KECS_NOMEM;
    }

    rc = kecs_call_within(c, "DeleteService", json);

    if (rc == KECS_OK) {
        rc = reload(c, x);
    }

    return rc == KECS_OK ? write_service(c, x, true, true) : rc;
}


/* DescribeExpressGatewayService. */

static kecs_rc_t
describe_express(kecs_call_t *c, void *v)
{
    express_t                                            *x;
    kecs_rc_t                                             rc;
    kecs_ecs_describe_express_gateway_service_request_t  *in;

    in = v;

    rc = open_express(c, in, &x);

    if (rc == KECS_OK) {
        rc = find(c, in->service_arn, KECS_E_RESOURCE_NOT_FOUND, x);
    }

    return rc == KECS_OK
           ? write_service(c, x, kecs_names_has(in->include.n,
                                                in->include.items, "TAGS"),
                           true)
           : rc;
}


const kecs_op_t  kecs_express_ops[] = {
    { "CreateExpressGatewayService", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_create_express_gateway_service_request_shape,
      create_express },
    { "DeleteExpressGatewayService", KECS_OP_WRITE,
      &kecs_ecs_delete_express_gateway_service_request_shape,
      delete_express },
    { "DescribeExpressGatewayService", KECS_OP_READ,
      &kecs_ecs_describe_express_gateway_service_request_shape,
      describe_express },
    { "UpdateExpressGatewayService", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_update_express_gateway_service_request_shape,
      update_express },
    { NULL, 0, NULL, NULL }
};
