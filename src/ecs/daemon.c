/*
 * Daemons: CreateDaemon, DescribeDaemon, UpdateDaemon, DeleteDaemon,
 * ListDaemons.  Their deployments are in daemon_deployment.c.  UpdateDaemon
 * keeps nothing of what it is not given: all of it goes back to ECS's
 * defaults.
 */

#include "daemon.h"


#define PAGE           100
#define TOKEN_MAX      36
#define DRAIN_PERCENT  25


kecs_rc_t
kecs_find_daemon(kecs_call_t *c, kecs_str_t arn, unsigned parts,
    kecs_cluster_t *cluster, kecs_daemon_t *out)
{
    kecs_rc_t     rc;
    kecs_key_t    key;
    kecs_ident_t  ident;

    rc = kecs_ident_parse(c, arn, "daemon", 2, &ident);

    if (rc == KECS_OK && ident.n != 2) {
        return kecs_bad(c, "Invalid identifier: The ARN is malformed");
    }

    if (rc == KECS_OK) {
        rc = kecs_find_cluster(c, ident.part[0], 0, cluster);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    memset(out, 0, sizeof(kecs_daemon_t));
    kecs_key_init(&key);
    kecs_key_u32(&key, cluster->no);
    kecs_key_str(&key, ident.part[1]);
    rc = kecs_find(c->txn, KECS_IX_DAEMON_NAME, c->scope, &key, out);

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_DAEMON_NOT_FOUND, "Daemon not found.");
    }

    return rc == KECS_OK ? kecs_get(c->txn, c->arena, out, parts) : rc;
}


kecs_rc_t
kecs_daemon_spec_load(kecs_call_t *c, kecs_str_t json,
    const kecs_daemon_spec_t **spec)
{
    void       *v;
    kecs_rc_t   rc;

    rc = kecs_shape_load(c->arena, &kecs_ecs_create_daemon_request_shape,
                         json, &v);

    if (rc == KECS_OK) {
        *spec = v;
    }

    return rc;
}


/* What a request says, checked; defaults filled in. */

static kecs_rc_t
settle_provider(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_str_t *id)
{
    kecs_rc_t        rc;
    kecs_str_t       name;
    kecs_provider_t  p;

    rc = kecs_provider_name_of(c, *id, &name);

    if (rc != KECS_OK) {
        return rc;
    }

    rc = kecs_provider_built_in(name) ? KECS_OK
         : kecs_provider_get(c, name, 0, &p);

    if (rc == KECS_NOT_FOUND
        || (rc == KECS_OK && !kecs_provider_built_in(name)
            && p.status != KECS_PROVIDER_ACTIVE))
    {
        return kecs_bad(c, "The specified capacity provider %.*s was not"
                        " found. Specify a valid name or ARN and try again.",
                        kecs_fmt(name));
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (kecs_provider_built_in(name) || p.type != KECS_PROVIDER_MANAGED) {
        return kecs_bad(c, "ECS Managed Daemons is only supported for Amazon"
                        " ECS Managed Instances Capacity Providers.");
    }

    if (p.cluster != cluster->no) {
        return kecs_bad(c, "The specified capacity provider %.*s is not"
                        " associated with the cluster. Associate the"
                        " capacity provider with the cluster and try again.",
                        kecs_fmt(name));
    }

    *id = kecs_provider_arn(c, name);

    return id->data != NULL ? KECS_OK : KECS_NOMEM;
}


static kecs_rc_t
settle_providers(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_daemon_spec_t *spec)
{
    size_t     i;
    kecs_rc_t  rc;

    if (spec->capacity_provider_arns.n == 0) {
        return kecs_bad(c, "capacityProviderArns can not be empty.");
    }

    for (i = 0, rc = KECS_OK;
         rc == KECS_OK && i < spec->capacity_provider_arns.n;
         i++)
    {
        rc = settle_provider(c, cluster,
                             &spec->capacity_provider_arns.items[i]);
    }

    return rc;
}


static kecs_rc_t
settle_deployment(kecs_call_t *c, kecs_daemon_spec_t *spec)
{
    kecs_ecs_daemon_alarm_configuration_t       *alarms;
    kecs_ecs_daemon_deployment_configuration_t  *conf;

    conf = kecs_zalloc(c->arena, sizeof(*conf));
    alarms = kecs_zalloc(c->arena, sizeof(*alarms));

    if (conf == NULL || alarms == NULL) {
        return KECS_NOMEM;
    }

    if (spec->deployment_configuration != NULL) {
        *conf = *spec->deployment_configuration;
    }

    if (conf->alarms != NULL) {
        *alarms = *conf->alarms;
    }

    alarms->alarm_names.set = true;
    alarms->enable.set = true;
    conf->alarms = alarms;
    conf->bake_time_in_minutes.set = true;

    if (!conf->drain_percent.set) {
        conf->drain_percent.value = DRAIN_PERCENT;
        conf->drain_percent.set = true;
    }

    if (conf->bake_time_in_minutes.value < 0) {
        return kecs_bad(c, "bakeTimeInMinutes can not be lesser than 0");
    }

    if (alarms->enable.value && alarms->alarm_names.n == 0) {
        return kecs_bad(c, "alarmNames can not be empty when alarms are"
                        " enabled.");
    }

    spec->deployment_configuration = conf;

    return KECS_OK;
}


static kecs_rc_t
settle_flags(kecs_call_t *c, kecs_daemon_spec_t *spec)
{
    if (spec->propagate_tags.len == 0) {
        spec->propagate_tags = kecs_str("NONE");
    }

    if (!kecs_shape_has_value(&kecs_ecs_daemon_propagate_tags_shape,
                              spec->propagate_tags))
    {
        return kecs_bad(c, "Invalid value for propagateTags");
    }

    if (!spec->critical.set) {
        spec->critical = (kecs_opt_bool_t) { true, true };
    }

    spec->enable_ecs_managed_tags.set = true;
    spec->enable_execute_command.set = true;

    return KECS_OK;
}


static kecs_rc_t
find_taskdef(kecs_call_t *c, kecs_str_t id, kecs_taskdef_t *t)
{
    kecs_rc_t  rc;

    if (id.len == 0) {
        return kecs_bad(c, "DaemonTaskDefinition can not be blank.");
    }

    rc = kecs_find_daemon_taskdef(c, id, kecs_part_bit(KECS_TASKDEF_BODY),
                                  t);

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "DaemonTaskDefinition not found.");
    }

    if (rc == KECS_OK && t->status != KECS_DAEMON_TASKDEF_ACTIVE) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "DaemonTaskDefinition is inactive");
    }

    return rc;
}


static kecs_rc_t
settle(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_daemon_spec_t *spec, kecs_taskdef_t *taskdef)
{
    kecs_rc_t  rc;

    rc = settle_flags(c, spec);

    if (rc == KECS_OK) {
        rc = find_taskdef(c, spec->daemon_task_definition_arn, taskdef);
    }

    if (rc == KECS_OK) {
        rc = settle_providers(c, cluster, spec);
    }

    return rc == KECS_OK ? settle_deployment(c, spec) : rc;
}


/* Deploys it and puts it; CONFIG is all of the request that is settled. */

static kecs_rc_t
deploy(kecs_call_t *c, const kecs_daemon_spec_t *spec,
    const kecs_taskdef_t *taskdef, kecs_daemon_t *d)
{
    kecs_rc_t           rc;
    kecs_str_t          json;
    kecs_daemon_spec_t  kept;

    kept = *spec;
    kept.client_token = kecs_null_str;
    kept.cluster_arn = kecs_null_str;
    kept.daemon_name = kecs_null_str;
    kept.daemon_task_definition_arn = kecs_null_str;
    memset(&kept.tags, 0, sizeof(kept.tags));

    json = kecs_shape_json(c->arena, &kecs_ecs_create_daemon_request_shape,
                           &kept);

    if (json.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_rec_part(&d->rec, KECS_DAEMON_CONFIG, json);
    rc = kecs_daemon_deploy(c, d, spec, taskdef);

    return rc == KECS_OK ? kecs_put(c->txn, d) : rc;
}


static void
write_head(kecs_call_t *c, kecs_str_t cluster, const kecs_daemon_t *d,
    unsigned status, bool updated)
{
    kecs_w_time(&c->out, "createdAt", d->created_at);
    kecs_write_made(c, "daemonArn",
                    kecs_daemon_arn(c, cluster, d->name));
    kecs_write_made(c, "deploymentArn",
                    kecs_daemon_deployment_arn(c, cluster, d->name,
                                               d->deployment));
    kecs_w_cstr(&c->out, "status", kecs_daemon_status_name(status));

    if (updated) {
        kecs_w_time(&c->out, "updatedAt", d->updated_at);
    }
}


static void
write_answer(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_daemon_t *d, unsigned status, bool updated)
{
    write_head(c, cluster->name, d, status, updated);
}


/* CreateDaemon. */

static kecs_rc_t
check_name(kecs_call_t *c, const kecs_daemon_spec_t *in)
{
    kecs_rc_t  rc;

    rc = kecs_check_name(c, "daemon", in->daemon_name);

    if (rc != KECS_OK) {
        return rc;
    }

    if (kecs_str_utf8_len(in->client_token) > TOKEN_MAX) {
        return kecs_bad(c, "idempotency token longer than %d.", TOKEN_MAX);
    }

    return KECS_OK;
}


/* A token counts for one name in one cluster. */

static kecs_str_t
token_key(kecs_call_t *c, const kecs_daemon_spec_t *in,
    const kecs_cluster_t *cluster)
{
    return kecs_sprintf(c->arena, "%u/%.*s/%.*s", cluster->no,
                        kecs_fmt(in->daemon_name),
                        kecs_fmt(in->client_token));
}


/* KECS_OK: the name is free; KECS_DONE: it is what the token made. */

static kecs_rc_t
claim_name(kecs_call_t *c, const kecs_daemon_spec_t *in,
    const kecs_cluster_t *cluster, kecs_daemon_t *d)
{
    uint64_t      no;
    kecs_rc_t     rc;
    kecs_key_t    key;
    kecs_str_t    text;
    kecs_token_t  token;

    memset(d, 0, sizeof(kecs_daemon_t));
    kecs_key_init(&key);
    kecs_key_u32(&key, cluster->no);
    kecs_key_str(&key, in->daemon_name);
    rc = kecs_find(c->txn, KECS_IX_DAEMON_NAME, c->scope, &key, d);

    if (rc == KECS_OK) {
        rc = kecs_get(c->txn, c->arena, d, KECS_ALL_PARTS);

    } else if (rc == KECS_NOT_FOUND) {
        return KECS_OK;
    }

    text = token_key(c, in, cluster);

    if (rc != KECS_OK || text.data == NULL) {
        return rc == KECS_OK ? KECS_NOMEM : rc;
    }

    rc = in->client_token.len != 0
         ? kecs_token_find(c, "CreateDaemon", text, &token)
         : KECS_NOT_FOUND;

    if (rc == KECS_OK && kecs_str_u64(token.result, &no) && no == d->no) {
        return KECS_DONE;
    }

    if (rc != KECS_OK && rc != KECS_NOT_FOUND) {
        return rc;
    }

    return kecs_bad(c, "Creation of daemon was not idempotent.");
}


static kecs_rc_t
keep_token(kecs_call_t *c, const kecs_daemon_spec_t *in,
    const kecs_cluster_t *cluster, const kecs_daemon_t *d)
{
    kecs_str_t  key, result;

    if (in->client_token.len == 0) {
        return KECS_OK;
    }

    key = token_key(c, in, cluster);
    result = kecs_sprintf(c->arena, "%u", d->no);

    if (key.data == NULL || result.data == NULL) {
        return KECS_NOMEM;
    }

    return kecs_token_keep(c, "CreateDaemon", key, NULL, result);
}


static kecs_rc_t
create(kecs_call_t *c, kecs_daemon_spec_t *in,
    const kecs_cluster_t *cluster, kecs_daemon_t *d)
{
    kecs_rc_t       rc;
    kecs_str_t      tags;
    kecs_taskdef_t  taskdef;

    rc = settle(c, cluster, in, &taskdef);

    if (rc == KECS_OK) {
        rc = kecs_tags_json(c, in->tags.items, in->tags.n, &tags);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    memset(d, 0, sizeof(kecs_daemon_t));
    d->rec.kind = KECS_DAEMON;
    d->rec.scope = c->scope;
    d->rec.gen = KECS_ECS_GEN;
    d->cluster = cluster->no;
    d->status = KECS_DAEMON_ACTIVE;
    d->name = in->daemon_name;
    d->created_at = c->now;
    kecs_rec_part(&d->rec, KECS_DAEMON_TAGS, tags);

    rc = kecs_number_next(c->txn, "daemon", &d->no);

    if (rc == KECS_OK) {
        rc = deploy(c, in, &taskdef, d);
    }

    return rc == KECS_OK ? keep_token(c, in, cluster, d) : rc;
}


static kecs_rc_t
create_daemon(kecs_call_t *c, void *v)
{
    kecs_rc_t            rc;
    kecs_daemon_t        d;
    kecs_cluster_t       cluster;
    kecs_daemon_spec_t  *in;

    in = v;
    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_cluster(c, in->cluster_arn, 0, &cluster);
    }

    if (rc == KECS_OK) {
        rc = check_name(c, in);
    }

    if (rc == KECS_OK) {
        rc = claim_name(c, in, &cluster, &d);
    }

    if (rc == KECS_OK) {
        rc = create(c, in, &cluster, &d);
    }

    if (rc != KECS_OK && rc != KECS_DONE) {
        return rc;
    }

    write_answer(c, &cluster, &d, d.status, false);

    return KECS_OK;
}


/* UpdateDaemon, DeleteDaemon. */

static kecs_rc_t
find_active(kecs_call_t *c, kecs_str_t arn, kecs_cluster_t *cluster,
    kecs_daemon_t *d)
{
    kecs_rc_t  rc;

    rc = kecs_find_daemon(c, arn, KECS_ALL_PARTS, cluster, d);

    if (rc == KECS_OK && d->status != KECS_DAEMON_ACTIVE) {
        return kecs_fail(c, KECS_E_DAEMON_NOT_ACTIVE,
                         "Daemon was not ACTIVE.");
    }

    return rc;
}


static kecs_rc_t
update(kecs_call_t *c, const kecs_ecs_update_daemon_request_t *in,
    const kecs_cluster_t *cluster, kecs_daemon_t *d)
{
    uint32_t            revision;
    kecs_rc_t           rc;
    kecs_str_t          family;
    kecs_taskdef_t      taskdef;
    kecs_daemon_spec_t  spec;

    memset(&spec, 0, sizeof(spec));
    spec.capacity_provider_arns = in->capacity_provider_arns;
    spec.critical = in->critical;
    spec.daemon_task_definition_arn = in->daemon_task_definition_arn;
    spec.deployment_configuration = in->deployment_configuration;
    spec.enable_ecs_managed_tags = in->enable_ecs_managed_tags;
    spec.enable_execute_command = in->enable_execute_command;
    spec.propagate_tags = in->propagate_tags;

    family = d->family;
    revision = d->revision;
    rc = settle(c, cluster, &spec, &taskdef);

    if (rc == KECS_OK) {
        rc = deploy(c, &spec, &taskdef, d);
    }

    return rc == KECS_OK ? kecs_daemon_taskdef_let_go(c, family, revision)
                         : rc;
}


static kecs_rc_t
update_daemon(kecs_call_t *c, void *v)
{
    kecs_rc_t                          rc;
    kecs_daemon_t                      d;
    kecs_cluster_t                     cluster;
    kecs_ecs_update_daemon_request_t  *in;

    in = v;
    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = find_active(c, in->daemon_arn, &cluster, &d);
    }

    if (rc == KECS_OK) {
        rc = update(c, in, &cluster, &d);
    }

    if (rc == KECS_OK) {
        write_answer(c, &cluster, &d, d.status, true);
    }

    return rc;
}


/* No instance has to be drained of it, so it goes at once. */

static kecs_rc_t
delete_daemon(kecs_call_t *c, void *v)
{
    kecs_rc_t                          rc;
    kecs_daemon_t                      d;
    kecs_cluster_t                     cluster;
    kecs_ecs_delete_daemon_request_t  *in;

    in = v;
    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = find_active(c, in->daemon_arn, &cluster, &d);
    }

    if (rc == KECS_OK) {
        rc = kecs_daemon_deploy(c, &d, NULL, NULL);
    }

    if (rc == KECS_OK) {
        rc = kecs_del(c->txn, &d);
    }

    if (rc == KECS_OK) {
        rc = kecs_daemon_taskdef_let_go(c, d.family, d.revision);
    }

    if (rc == KECS_OK) {
        write_answer(c, &cluster, &d, KECS_DAEMON_DELETING, true);
    }

    return rc;
}


/* DescribeDaemon. */

static void
write_revision(kecs_call_t *c, kecs_str_t cluster,
    const kecs_daemon_t *d, const kecs_daemon_spec_t *spec)
{
    size_t          i;
    kecs_writer_t  *w;

    w = &c->out;
    kecs_w_object(w, NULL);
    kecs_write_made(c, "arn", kecs_daemon_revision_arn(c, cluster,
                                                       d->name, d->current));
    kecs_w_array(w, "capacityProviders");

    for (i = 0; i < spec->capacity_provider_arns.n; i++) {
        kecs_w_object(w, NULL);
        kecs_w_str(w, "arn", spec->capacity_provider_arns.items[i]);
        kecs_w_i64(w, "runningCount", 0);
        kecs_w_i64(w, "withoutDaemonCount", 0);
        kecs_w_object_end(w);
    }

    kecs_w_array_end(w);
    kecs_w_i64(w, "totalRunningCount", 0);
    kecs_w_i64(w, "totalWithoutDaemonCount", 0);
    kecs_w_object_end(w);
}


kecs_rc_t
kecs_daemon_write(kecs_call_t *c, const char *name, kecs_str_t cluster,
    const kecs_daemon_t *d)
{
    kecs_rc_t                  rc;
    const kecs_daemon_spec_t  *spec;

    rc = KECS_OK;
    spec = NULL;

    if (d->rec.part[KECS_DAEMON_CONFIG].data != NULL) {
        rc = kecs_daemon_spec_load(c, d->rec.part[KECS_DAEMON_CONFIG],
                                   &spec);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_object(&c->out, name);
    kecs_write_made(c, "clusterArn", kecs_cluster_arn(c, cluster));
    kecs_w_array(&c->out, "currentRevisions");

    if (spec != NULL) {
        write_revision(c, cluster, d, spec);
    }

    kecs_w_array_end(&c->out);
    write_head(c, cluster, d, d->status, true);
    kecs_w_object_end(&c->out);

    return KECS_OK;
}


static kecs_rc_t
describe_daemon(kecs_call_t *c, void *v)
{
    kecs_rc_t                            rc;
    kecs_daemon_t                        d;
    kecs_cluster_t                       cluster;
    kecs_ecs_describe_daemon_request_t  *in;

    in = v;
    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_daemon(c, in->daemon_arn,
                              kecs_part_bit(KECS_DAEMON_CONFIG), &cluster,
                              &d);
    }

    return rc == KECS_OK
           ? kecs_daemon_write(c, "daemon", cluster.name, &d) : rc;
}


/* ListDaemons. */

typedef struct {
    kecs_cluster_t                   cluster;
    kecs_ecs_list_daemons_request_t  *in;
} listing_t;


/* Providers asked for by name are known by their ARNs. */

static kecs_rc_t
listing_providers(kecs_call_t *c, kecs_ecs_list_daemons_request_t *in)
{
    size_t       i;
    kecs_rc_t    rc;
    kecs_str_t  *id, name;

    for (i = 0; i < in->capacity_provider_arns.n; i++) {
        id = &in->capacity_provider_arns.items[i];
        rc = kecs_provider_name_of(c, *id, &name);

        if (rc != KECS_OK) {
            return rc;
        }

        *id = kecs_provider_arn(c, name);

        if (id->data == NULL) {
            return KECS_NOMEM;
        }
    }

    return KECS_OK;
}


static bool
uses_one(const kecs_daemon_spec_t *spec, const kecs_ecs_string_list_t *arns)
{
    size_t  i, j;

    for (i = 0; i < spec->capacity_provider_arns.n; i++) {
        for (j = 0; j < arns->n; j++) {
            if (kecs_str_eq(spec->capacity_provider_arns.items[i],
                            arns->items[j]))
            {
                return true;
            }
        }
    }

    return arns->n == 0;
}


static kecs_rc_t
list_one(kecs_call_t *c, kecs_any_t *rec, void *ctx, bool *taken)
{
    kecs_rc_t                  rc;
    listing_t                 *l;
    kecs_daemon_t             *d;
    const kecs_daemon_spec_t  *spec;

    l = ctx;
    d = &rec->daemon;
    rc = kecs_get(c->txn, c->arena, d, kecs_part_bit(KECS_DAEMON_CONFIG));

    if (rc == KECS_OK) {
        rc = kecs_daemon_spec_load(c, d->rec.part[KECS_DAEMON_CONFIG],
                                   &spec);
    }

    if (rc != KECS_OK || !uses_one(spec, &l->in->capacity_provider_arns)) {
        return rc;
    }

    *taken = true;
    kecs_w_object(&c->out, NULL);
    kecs_w_time(&c->out, "createdAt", d->created_at);
    kecs_write_made(c, "daemonArn",
                    kecs_daemon_arn(c, l->cluster.name, d->name));
    kecs_w_cstr(&c->out, "status", kecs_daemon_status_name(d->status));
    kecs_w_time(&c->out, "updatedAt", d->updated_at);
    kecs_w_object_end(&c->out);

    return KECS_OK;
}


static kecs_rc_t
list_daemons(kecs_call_t *c, void *v)
{
    listing_t     l;
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_page_t   page;
    kecs_scan_t  *scan;

    l.in = v;
    rc = kecs_find_cluster(c, l.in->cluster_arn, 0, &l.cluster);

    if (rc == KECS_OK) {
        rc = listing_providers(c, l.in);
    }

    if (rc == KECS_OK) {
        rc = kecs_list_begin(c, &page, l.in, &l.in->max_results,
                             &l.in->next_token, PAGE, PAGE);
    }

    if (rc == KECS_OK) {
        kecs_key_init(&prefix);
        kecs_key_u32(&prefix, l.cluster.no);
        rc = kecs_scan(c->txn, c->arena, KECS_IX_DAEMON_NAME, c->scope,
                       &prefix, page.after, false, &scan);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_list_records(c, &page, "daemonSummariesList", scan, list_one,
                             &l);
}


const kecs_op_t  kecs_daemon_ops[] = {
    { "CreateDaemon", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_create_daemon_request_shape, create_daemon },
    { "DeleteDaemon", KECS_OP_WRITE, &kecs_ecs_delete_daemon_request_shape,
      delete_daemon },
    { "DescribeDaemon", KECS_OP_READ,
      &kecs_ecs_describe_daemon_request_shape, describe_daemon },
    { "ListDaemons", KECS_OP_READ, &kecs_ecs_list_daemons_request_shape,
      list_daemons },
    { "UpdateDaemon", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_update_daemon_request_shape, update_daemon },
    { NULL, 0, NULL, NULL }
};
