/*
 * Deployments and revisions of daemons.  Both outlive their daemon: they
 * carry its name and are found by their own ARNs until they expire, which
 * they may once a later deployment has taken their place.
 */

#include "daemon.h"


#define PAGE           20
#define PAGE_MAX      100
#define DESCRIBE_MAX   20
#define NAME_LEN       21
#define REVISIONS      UINT64_C(10000000000000000000)       /* 19 digits */
#define THRESHOLD      10       /* of the circuit breaker */


/* The name that ends an ARN: 21 of 64 characters. */

static kecs_str_t
new_name(kecs_call_t *c)
{
    char               *name;
    size_t              i;
    static const char   set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789_-";

    name = kecs_alloc(c->arena, NAME_LEN);

    if (name == NULL) {
        return kecs_null_str;
    }

    for (i = 0; i < NAME_LEN; i++) {
        name[i] = set[kecs_rand_below(c->rand, sizeof(set) - 1)];
    }

    return kecs_str_n(name, NAME_LEN);
}


/* Revisions. */

static kecs_rc_t
images_of(kecs_call_t *c, const kecs_taskdef_t *taskdef,
    kecs_ecs_daemon_container_images_t *out)
{
    void                               *v;
    size_t                              i;
    kecs_rc_t                           rc;
    kecs_ecs_daemon_task_definition_t  *def;

    rc = kecs_shape_load(c->arena, &kecs_ecs_daemon_task_definition_shape,
                         taskdef->rec.part[KECS_TASKDEF_BODY], &v);

    if (rc != KECS_OK) {
        return rc;
    }

    def = v;
    out->set = true;
    out->n = def->container_definitions.n;
    out->items = kecs_calloc(c->arena, out->n, sizeof(*out->items));

    if (out->items == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < out->n; i++) {
        out->items[i].container_name
            = def->container_definitions.items[i].name;
        out->items[i].image = def->container_definitions.items[i].image;
    }

    return KECS_OK;
}


static kecs_rc_t
put_revision(kecs_call_t *c, const kecs_daemon_t *d,
    const kecs_daemon_spec_t *spec, const kecs_taskdef_t *taskdef)
{
    kecs_rc_t                   rc;
    kecs_str_t                  json;
    kecs_daemon_revision_t      r;
    kecs_ecs_daemon_revision_t  shown;

    memset(&shown, 0, sizeof(shown));
    shown.critical = spec->critical;
    shown.enable_ecs_managed_tags = spec->enable_ecs_managed_tags;
    shown.enable_execute_command = spec->enable_execute_command;
    shown.propagate_tags = spec->propagate_tags;
    rc = images_of(c, taskdef, &shown.container_images);

    if (rc != KECS_OK) {
        return rc;
    }

    json = kecs_shape_json(c->arena, &kecs_ecs_daemon_revision_shape,
                           &shown);

    if (json.data == NULL) {
        return KECS_NOMEM;
    }

    memset(&r, 0, sizeof(kecs_daemon_revision_t));
    r.rec.kind = KECS_DAEMON_REVISION;
    r.rec.scope = c->scope;
    r.rec.gen = KECS_ECS_GEN;
    r.cluster = d->cluster;
    r.id = d->current;
    r.daemon = d->no;
    r.revision = taskdef->revision;
    r.created_at = c->now;
    r.daemon_name = d->name;
    r.family = taskdef->family;
    kecs_rec_part(&r.rec, KECS_DAEMON_REVISION_STATIC, json);

    return kecs_put(c->txn, &r);
}


static kecs_rc_t
replace_revision(kecs_call_t *c, uint32_t cluster, uint64_t id)
{
    kecs_rc_t               rc;
    kecs_daemon_revision_t  r;

    memset(&r, 0, sizeof(kecs_daemon_revision_t));
    r.rec.kind = KECS_DAEMON_REVISION;
    r.rec.scope = c->scope;
    r.cluster = cluster;
    r.id = id;
    rc = kecs_get(c->txn, c->arena, &r, 0);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_CORRUPT : rc;
    }

    r.replaced_at = c->now;

    return kecs_put(c->txn, &r);
}


/* Deployments. */

static kecs_rc_t
get_deployment(kecs_call_t *c, uint32_t cluster, kecs_str_t name,
    unsigned parts, kecs_daemon_deployment_t *out)
{
    memset(out, 0, sizeof(kecs_daemon_deployment_t));
    out->rec.kind = KECS_DAEMON_DEPLOYMENT;
    out->rec.scope = c->scope;
    out->cluster = cluster;
    out->name = name;

    return kecs_get(c->txn, c->arena, out, parts);
}


/* What was deployed before gives way; *source is its revision, 0: none. */

static kecs_rc_t
give_way(kecs_call_t *c, const kecs_daemon_t *d)
{
    kecs_rc_t                 rc;
    kecs_daemon_deployment_t  p;

    if (d->deployment.len == 0) {
        return KECS_OK;
    }

    rc = get_deployment(c, d->cluster, d->deployment, 0, &p);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_CORRUPT : rc;
    }

    p.replaced_at = c->now;
    rc = kecs_put(c->txn, &p);

    return rc == KECS_OK ? replace_revision(c, d->cluster, d->current) : rc;
}


/* It ends as it begins, since there is nothing to start or to drain. */

static kecs_rc_t
put_deployment(kecs_call_t *c, const kecs_daemon_t *d, uint64_t source,
    uint64_t target)
{
    kecs_daemon_deployment_t  p;

    memset(&p, 0, sizeof(kecs_daemon_deployment_t));
    p.rec.kind = KECS_DAEMON_DEPLOYMENT;
    p.rec.scope = c->scope;
    p.rec.gen = KECS_ECS_GEN;
    p.cluster = d->cluster;
    p.name = d->deployment;
    p.daemon = d->no;
    p.status = KECS_DAEMON_DEPLOYMENT_SUCCESSFUL;
    p.target = target;
    p.source = source;
    p.created_at = c->now;
    p.started_at = c->now;
    p.finished_at = c->now;
    p.replaced_at = target == 0 ? c->now : 0;
    p.daemon_name = d->name;
    p.reason = kecs_str("Deployment completed successfully.");
    kecs_rec_part(&p.rec, KECS_DAEMON_DEPLOYMENT_CONFIG,
                  d->rec.part[KECS_DAEMON_CONFIG]);

    return kecs_put(c->txn, &p);
}


kecs_rc_t
kecs_daemon_deploy(kecs_call_t *c, kecs_daemon_t *d,
    const kecs_daemon_spec_t *spec, const kecs_taskdef_t *taskdef)
{
    uint64_t   source;
    kecs_rc_t  rc;

    rc = give_way(c, d);

    if (rc != KECS_OK) {
        return rc;
    }

    source = d->current;
    d->deployment = new_name(c);
    d->updated_at = c->now;

    if (d->deployment.data == NULL) {
        return KECS_NOMEM;
    }

    if (spec == NULL) {
        return put_deployment(c, d, source, 0);
    }

    d->current = 1 + kecs_rand_below(c->rand, REVISIONS - 1);
    d->family = taskdef->family;
    d->revision = taskdef->revision;
    rc = put_revision(c, d, spec, taskdef);

    return rc == KECS_OK ? put_deployment(c, d, source, d->current) : rc;
}


/* Rendering. */

static void
write_detail(kecs_call_t *c, const char *name, kecs_str_t cluster,
    const kecs_daemon_deployment_t *p, uint64_t revision,
    const kecs_daemon_spec_t *spec)
{
    size_t          i;
    kecs_writer_t  *w;

    w = &c->out;
    kecs_w_object(w, name);
    kecs_write_made(c, "arn", kecs_daemon_revision_arn(c, cluster,
                                                       p->daemon_name,
                                                       revision));
    kecs_w_array(w, "capacityProviders");

    for (i = 0; i < spec->capacity_provider_arns.n; i++) {
        kecs_w_object(w, NULL);
        kecs_w_str(w, "arn", spec->capacity_provider_arns.items[i]);
        kecs_w_i64(w, "drainingInstanceCount", 0);
        kecs_w_i64(w, "runningInstanceCount", 0);
        kecs_w_i64(w, "withoutDaemonInstanceCount", 0);
        kecs_w_object_end(w);
    }

    kecs_w_array_end(w);
    kecs_w_i64(w, "totalDrainingInstanceCount", 0);
    kecs_w_i64(w, "totalRunningInstanceCount", 0);
    kecs_w_i64(w, "totalWithoutDaemonInstanceCount", 0);
    kecs_w_object_end(w);
}


/* Both monitors are at rest, since the deployment has ended. */

static void
write_monitors(kecs_call_t *c, const kecs_daemon_spec_t *spec)
{
    size_t                                        i;
    kecs_writer_t                                *w;
    const kecs_ecs_daemon_alarm_configuration_t  *alarms;

    w = &c->out;
    alarms = spec->deployment_configuration->alarms;

    kecs_w_object(w, "alarms");
    kecs_w_array(w, "alarmNames");

    for (i = 0; i < alarms->alarm_names.n; i++) {
        kecs_w_str(w, NULL, alarms->alarm_names.items[i]);
    }

    kecs_w_array_end(w);
    kecs_w_cstr(w, "status", alarms->enable.value ? "MONITORING_COMPLETE"
                                                  : "DISABLED");
    kecs_w_raw(w, "triggeredAlarmNames", kecs_str("[]"));
    kecs_w_object_end(w);

    kecs_w_object(w, "circuitBreaker");
    kecs_w_i64(w, "failureCount", 0);
    kecs_w_cstr(w, "status", "MONITORING_COMPLETE");
    kecs_w_i64(w, "threshold", THRESHOLD);
    kecs_w_object_end(w);
}


/* The members that lists show too. */

static void
write_head(kecs_call_t *c, kecs_str_t cluster,
    const kecs_daemon_deployment_t *p)
{
    kecs_writer_t  *w;

    w = &c->out;
    kecs_write_made(c, "clusterArn", kecs_cluster_arn(c, cluster));
    kecs_w_time(w, "createdAt", p->created_at);
    kecs_write_made(c, "daemonDeploymentArn",
                    kecs_daemon_deployment_arn(c, cluster, p->daemon_name,
                                               p->name));
    kecs_w_time(w, "finishedAt", p->finished_at);
    kecs_w_time(w, "startedAt", p->started_at);
    kecs_w_cstr(w, "status", kecs_daemon_deployment_status_name(p->status));
    kecs_w_opt_str(w, "statusReason", p->reason);
    kecs_w_time(w, "stoppedAt", p->stopped_at);
}


static kecs_rc_t
write_parts(kecs_call_t *c, kecs_str_t cluster,
    const kecs_daemon_deployment_t *p)
{
    kecs_rc_t                  rc;
    kecs_writer_t             *w;
    const kecs_daemon_spec_t  *spec;

    rc = kecs_daemon_spec_load(c, p->rec.part[KECS_DAEMON_DEPLOYMENT_CONFIG],
                               &spec);

    if (rc != KECS_OK) {
        return rc;
    }

    w = &c->out;
    write_monitors(c, spec);
    kecs_shape_encode(w, "deploymentConfiguration",
                      &kecs_ecs_daemon_deployment_configuration_shape,
                      spec->deployment_configuration);
    kecs_w_array(w, "sourceDaemonRevisions");

    if (p->source != 0) {
        write_detail(c, NULL, cluster, p, p->source, spec);
    }

    kecs_w_array_end(w);

    if (p->target != 0) {
        write_detail(c, "targetDaemonRevision", cluster, p, p->target, spec);
    }

    return KECS_OK;
}


kecs_rc_t
kecs_daemon_deployment_write(kecs_call_t *c, const char *name,
    kecs_str_t cluster, const kecs_daemon_deployment_t *p)
{
    kecs_rc_t  rc;

    kecs_w_object(&c->out, name);
    write_head(c, cluster, p);
    rc = p->rec.part[KECS_DAEMON_DEPLOYMENT_CONFIG].data != NULL
         ? write_parts(c, cluster, p) : KECS_OK;
    kecs_w_object_end(&c->out);

    return rc;
}


void
kecs_daemon_revision_write(kecs_call_t *c, const char *name,
    kecs_str_t cluster, const kecs_daemon_revision_t *r)
{
    kecs_writer_t  *w;

    w = &c->out;
    kecs_w_object(w, name);
    kecs_write_made(c, "clusterArn", kecs_cluster_arn(c, cluster));
    kecs_w_time(w, "createdAt", r->created_at);
    kecs_write_made(c, "daemonArn", kecs_daemon_arn(c, cluster,
                                                    r->daemon_name));
    kecs_write_made(c, "daemonRevisionArn",
                    kecs_daemon_revision_arn(c, cluster, r->daemon_name,
                                             r->id));
    kecs_write_made(c, "daemonTaskDefinitionArn",
                    kecs_daemon_taskdef_arn(c, r->family, r->revision));
    kecs_w_splice(w, r->rec.part[KECS_DAEMON_REVISION_STATIC]);
    kecs_w_object_end(w);
}


/* Describe, by the ARN: "KIND/CLUSTER/DAEMON/ID". */

typedef struct {
    kecs_ident_t     ident;
    kecs_cluster_t   cluster;
} named_t;

typedef kecs_rc_t (*describe_pt)(kecs_call_t *c, const named_t *n);


static kecs_rc_t
describe_deployment(kecs_call_t *c, const named_t *n)
{
    kecs_rc_t                 rc;
    kecs_daemon_deployment_t  p;

    rc = get_deployment(c, n->cluster.no, n->ident.part[2], KECS_ALL_PARTS,
                        &p);

    if (rc == KECS_OK && !kecs_str_eq(p.daemon_name, n->ident.part[1])) {
        return KECS_NOT_FOUND;
    }

    return rc == KECS_OK
           ? kecs_daemon_deployment_write(c, NULL, n->cluster.name, &p) : rc;
}


static kecs_rc_t
describe_revision(kecs_call_t *c, const named_t *n)
{
    kecs_rc_t               rc;
    kecs_daemon_revision_t  r;

    memset(&r, 0, sizeof(kecs_daemon_revision_t));
    r.rec.kind = KECS_DAEMON_REVISION;
    r.rec.scope = c->scope;
    r.cluster = n->cluster.no;

    if (!kecs_str_u64(n->ident.part[2], &r.id)) {
        return KECS_NOT_FOUND;
    }

    rc = kecs_get(c->txn, c->arena, &r, KECS_ALL_PARTS);

    if (rc == KECS_OK && !kecs_str_eq(r.daemon_name, n->ident.part[1])) {
        return KECS_NOT_FOUND;
    }

    if (rc == KECS_OK) {
        kecs_daemon_revision_write(c, NULL, n->cluster.name, &r);
    }

    return rc;
}


static kecs_rc_t
parse_named(kecs_call_t *c, kecs_str_t arn, const char *kind, named_t *n)
{
    kecs_rc_t  rc;

    rc = kecs_ident_parse(c, arn, kind, 3, &n->ident);

    if (rc == KECS_OK && n->ident.n != 3) {
        return kecs_bad(c, "Invalid identifier: The ARN is malformed");
    }

    return rc == KECS_OK
           ? kecs_find_cluster(c, n->ident.part[0], 0, &n->cluster) : rc;
}


/* Writes both lists of the answer. */

static kecs_rc_t
describe(kecs_call_t *c, const kecs_ecs_string_list_t *arns,
    const char *kind, const char *list, describe_pt one)
{
    bool       missing[DESCRIBE_MAX];
    size_t     i;
    named_t    n;
    kecs_rc_t  rc;

    kecs_w_array(&c->out, list);

    for (i = 0; i < arns->n; i++) {
        rc = parse_named(c, arns->items[i], kind, &n);

        if (rc == KECS_OK) {
            rc = one(c, &n);
        }

        if (rc != KECS_OK && rc != KECS_NOT_FOUND) {
            return rc;
        }

        missing[i] = rc == KECS_NOT_FOUND;
    }

    kecs_w_array_end(&c->out);
    kecs_w_array(&c->out, "failures");

    for (i = 0; i < arns->n; i++) {
        if (missing[i]) {
            kecs_failure_write(c, arns->items[i], "MISSING", kecs_null_str);
        }
    }

    kecs_w_array_end(&c->out);

    return KECS_OK;
}


static kecs_rc_t
check_arns(kecs_call_t *c, const kecs_ecs_string_list_t *arns,
    const char *what)
{
    if (arns->n == 0) {
        return kecs_bad(c, "%s ARNs cannot be empty.", what);
    }

    if (arns->n > DESCRIBE_MAX) {
        return kecs_bad(c, "%s ARN count cannot exceed %d", what,
                        DESCRIBE_MAX);
    }

    return KECS_OK;
}


static kecs_rc_t
describe_daemon_deployments(kecs_call_t *c, void *v)
{
    kecs_rc_t                                        rc;
    kecs_ecs_describe_daemon_deployments_request_t  *in;

    in = v;
    rc = check_arns(c, &in->daemon_deployment_arns, "Daemon Deployment");

    return rc == KECS_OK
           ? describe(c, &in->daemon_deployment_arns, "daemon-deployment",
                      "daemonDeployments", describe_deployment)
           : rc;
}


static kecs_rc_t
describe_daemon_revisions(kecs_call_t *c, void *v)
{
    kecs_rc_t                                      rc;
    kecs_ecs_describe_daemon_revisions_request_t  *in;

    in = v;
    rc = check_arns(c, &in->daemon_revision_arns, "Daemon Revision");

    return rc == KECS_OK
           ? describe(c, &in->daemon_revision_arns, "daemon-revision",
                      "daemonRevisions", describe_revision)
           : rc;
}


/* ListDaemonDeployments: the newest first. */

typedef struct {
    kecs_cluster_t                             cluster;
    kecs_daemon_t                              daemon;
    kecs_ecs_list_daemon_deployments_request_t  *in;
} listing_t;


static bool
is_within(const kecs_ecs_created_at_t *window, kecs_msec_t created)
{
    double  at;

    if (window == NULL) {
        return true;
    }

    at = (double) created / 1000;

    return (!window->before.set || at < window->before.value)
           && (!window->after.set || at > window->after.value);
}


static kecs_rc_t
list_one(kecs_call_t *c, kecs_any_t *rec, void *ctx, bool *taken)
{
    listing_t                 *l;
    kecs_rc_t                  rc;
    kecs_daemon_deployment_t  *p;

    l = ctx;
    p = &rec->daemon_deployment;
    rc = kecs_get(c->txn, c->arena, p, 0);

    if (rc != KECS_OK || !is_within(l->in->created_at, p->created_at)
        || (l->in->status.n != 0
            && !kecs_names_has(l->in->status.n, l->in->status.items,
                          kecs_daemon_deployment_status_name(p->status))))
    {
        return rc;
    }

    *taken = true;
    kecs_w_object(&c->out, NULL);
    write_head(c, l->cluster.name, p);
    kecs_write_made(c, "daemonArn", kecs_daemon_arn(c, l->cluster.name,
                                                    p->daemon_name));
    kecs_write_made(c, "targetDaemonRevisionArn",
                    kecs_daemon_revision_arn(c, l->cluster.name,
                                             p->daemon_name, p->target));
    kecs_w_object_end(&c->out);

    return KECS_OK;
}


static kecs_rc_t
check_statuses(kecs_call_t *c, const listing_t *l)
{
    size_t     i;
    kecs_rc_t  rc;

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < l->in->status.n; i++) {
        rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "status",
                             &kecs_ecs_daemon_deployment_status_shape,
                             l->in->status.items[i]);
    }

    return rc;
}


static kecs_rc_t
list_daemon_deployments(kecs_call_t *c, void *v)
{
    listing_t     l;
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_page_t   page;
    kecs_scan_t  *scan;

    l.in = v;
    rc = kecs_check_input(c, l.in);

    if (rc == KECS_OK) {
        rc = kecs_find_daemon(c, l.in->daemon_arn, 0, &l.cluster, &l.daemon);
    }

    if (rc == KECS_OK) {
        rc = check_statuses(c, &l);
    }

    if (rc == KECS_OK) {
        rc = kecs_list_begin(c, &page, l.in, &l.in->max_results,
                             &l.in->next_token, PAGE, PAGE_MAX);
    }

    if (rc == KECS_OK) {
        kecs_key_init(&prefix);
        kecs_key_u32(&prefix, l.cluster.no);
        kecs_key_u32(&prefix, l.daemon.no);
        rc = kecs_scan(c->txn, c->arena, KECS_IX_DAEMON_DEPLOYMENT, c->scope,
                       &prefix, page.after, true, &scan);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_list_records(c, &page, "daemonDeployments", scan, list_one,
                             &l);
}


const kecs_op_t  kecs_daemon_deployment_ops[] = {
    { "DescribeDaemonDeployments", KECS_OP_READ,
      &kecs_ecs_describe_daemon_deployments_request_shape,
      describe_daemon_deployments },
    { "DescribeDaemonRevisions", KECS_OP_READ,
      &kecs_ecs_describe_daemon_revisions_request_shape,
      describe_daemon_revisions },
    { "ListDaemonDeployments", KECS_OP_READ,
      &kecs_ecs_list_daemon_deployments_request_shape,
      list_daemon_deployments },
    { NULL, 0, NULL, NULL }
};
