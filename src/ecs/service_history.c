/*
 * The operations on service deployments, and the rows of those on service
 * revisions.  A request to stop is written into the record; the scheduler
 * carries it out.
 */

#include "service_intern.h"


#define DESCRIBE_MAX  20
#define PAGE          20
#define PAGE_MAX     100

typedef kecs_service_deployment_t  rollout_t;

typedef struct {
    kecs_cluster_t   cluster;
    kecs_service_t   service;
    rollout_t        sd;
} found_t;


/* What an ARN names.  KECS_NOT_FOUND: there is no such one. */

static kecs_rc_t
find_rollout(kecs_call_t *c, const kecs_service_part_arn_t *part,
    found_t *f)
{
    kecs_rc_t   rc;
    kecs_key_t  key;

    rc = kecs_cluster_named(c, part->cluster, 0, &f->cluster);

    if (rc == KECS_OK) {
        rc = kecs_find_service(c, &f->cluster, part->service, 0,
                               &f->service);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_key_init(&key);
    kecs_key_u32(&key, f->cluster.no);
    kecs_key_u32(&key, f->service.no);
    kecs_key_str(&key, part->id);

    if (key.failed) {
        return KECS_NOT_FOUND;
    }

    memset(&f->sd, 0, sizeof(f->sd));
    rc = kecs_find(c->txn, KECS_IX_SERVICE_DEPLOYMENT_NAME, c->scope, &key,
                   &f->sd);

    return rc == KECS_OK ? kecs_get(c->txn, c->arena, &f->sd,
                                    KECS_ALL_PARTS) : rc;
}


static kecs_rc_t
parse_arn(kecs_call_t *c, kecs_str_t arn, kecs_service_part_arn_t *part)
{
    if (kecs_service_part_parse(c, arn, "service-deployment", part)) {
        return KECS_OK;
    }

    return kecs_bad(c, "The ServiceDeployment ARN is invalid.");
}


static kecs_str_t
arn_of(kecs_call_t *c, const found_t *f)
{
    return kecs_service_deployment_arn(c, f->cluster.name, f->service.name,
                                       f->sd.name);
}


/* Shown. */

static void
write_head(kecs_call_t *c, const found_t *f)
{
    kecs_writer_t    *w;
    const rollout_t  *sd;

    w = &c->out;
    sd = &f->sd;
    kecs_write_made(c, "clusterArn", kecs_cluster_arn(c, f->cluster.name));
    kecs_w_time(w, "createdAt", sd->created_at);
    kecs_w_time(w, "finishedAt", sd->finished_at);
    kecs_write_made(c, "serviceArn", kecs_service_arn(c, f->cluster.name,
                                                      f->service.name));
    kecs_write_made(c, "serviceDeploymentArn", arn_of(c, f));
    kecs_w_time(w, "startedAt", sd->started_at);
    kecs_w_cstr(w, "status", kecs_service_deployment_status_name(sd->status));
    kecs_w_opt_str(w, "statusReason", sd->reason);
}


/* The deployment of a revision; gone or not there: without counts. */

static kecs_rc_t
deployment_of(kecs_call_t *c, const kecs_service_t *s, uint64_t id,
    kecs_deployment_t *d)
{
    kecs_rc_t  rc;

    rc = kecs_deployment_get(c, s, id, 0, d);

    if (rc == KECS_OK && d->status == KECS_DEPLOYMENT_INACTIVE) {
        d->desired = 0;
    }

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


/* Shares of traffic, of rollouts that shift it. */

static void
write_weights(kecs_writer_t *w, const rollout_t *sd, uint32_t production,
    uint32_t test)
{
    if (sd->strategy > KECS_DEPLOY_ROLLING) {
        kecs_w_double(w, "requestedProductionTrafficWeight",
                      production / 10.0);
        kecs_w_double(w, "requestedTestTrafficWeight", test / 10.0);
    }
}


static kecs_rc_t
write_summary(kecs_call_t *c, const char *name, const found_t *f,
    uint64_t id, uint32_t weight)
{
    kecs_rc_t          rc;
    kecs_counts_t      counts;
    kecs_writer_t     *w;
    kecs_deployment_t  d;

    rc = deployment_of(c, &f->service, id, &d);

    if (rc == KECS_OK) {
        rc = kecs_counts(c->txn, f->service.rec.scope, f->service.cluster,
                         f->service.no, id, &counts);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    w = &c->out;
    kecs_w_object(w, name);
    kecs_write_made(c, "arn", kecs_revision_arn(c, f->cluster.name,
                                                f->service.name, id));
    kecs_w_i64(w, "pendingTaskCount", counts.pending);
    write_weights(w, &f->sd, weight, id == f->sd.id ? f->sd.test_weight : 0);
    kecs_w_i64(w, "requestedTaskCount", d.desired);
    kecs_w_i64(w, "runningTaskCount", counts.running);
    kecs_w_object_end(w);

    return KECS_OK;
}


/* The first of them has the traffic that the target has not. */

static kecs_rc_t
write_sources(kecs_call_t *c, const found_t *f)
{
    uint64_t            id;
    kecs_rc_t           rc;
    kecs_json_t        *list;
    const kecs_json_t  *v;

    rc = kecs_json_parse(c->arena,
                       f->sd.rec.part[KECS_SERVICE_DEPLOYMENT_SOURCES],
                       &list);

    if (rc != KECS_OK) {
        return rc == KECS_NOMEM ? rc : KECS_CORRUPT;
    }

    kecs_w_array(&c->out, "sourceServiceRevisions");

    for (v = list->first; rc == KECS_OK && v != NULL; v = v->next) {
        rc = kecs_str_u64(v->str, &id)
             ? write_summary(c, NULL, f, id, v == list->first
                             ? KECS_TRAFFIC_FULL - f->sd.weight : 0)
             : KECS_CORRUPT;
    }

    kecs_w_array_end(&c->out);

    return rc;
}


static void
write_rollback(kecs_call_t *c, const found_t *f)
{
    const rollout_t  *sd;

    sd = &f->sd;

    if (sd->rollback_at == 0) {
        return;
    }

    kecs_w_object(&c->out, "rollback");
    kecs_w_opt_str(&c->out, "reason", sd->rollback_reason);
    kecs_write_made(c, "serviceRevisionArn",
                    kecs_revision_arn(c, f->cluster.name, f->service.name,
                                      sd->run));
    kecs_w_time(&c->out, "startedAt", sd->rollback_at);
    kecs_w_object_end(&c->out);
}


/* While it goes on, or done with it; of what looks at a rollout. */

static const char *
monitor_status(const rollout_t *sd)
{
    return sd->status == KECS_SERVICE_DEPLOYMENT_PENDING
           || sd->status == KECS_SERVICE_DEPLOYMENT_IN_PROGRESS
           ? "MONITORING" : "MONITORING_COMPLETE";
}


/* DISABLED is how ECS says that it does not use them. */

static const char *
alarms_status(const rollout_t *sd)
{
    if (sd->alarms & KECS_ALARMS_TRIGGERED) {
        return "TRIGGERED";
    }

    return !(sd->alarms & KECS_ALARMS_ON)
           || (sd->alarms & (KECS_ALARMS_IGNORED | KECS_ALARMS_UNASKED))
           ? "DISABLED" : monitor_status(sd);
}


static void
write_alarms(kecs_writer_t *w, const rollout_t *sd,
    const kecs_ecs_deployment_alarms_t *alarms)
{
    size_t  i;

    kecs_w_object(w, "alarms");

    if (alarms != NULL) {
        kecs_w_array(w, "alarmNames");

        for (i = 0; i < alarms->alarm_names.n; i++) {
            kecs_w_str(w, NULL, alarms->alarm_names.items[i]);
        }

        kecs_w_array_end(w);
    }

    kecs_w_cstr(w, "status", alarms_status(sd));

    if (sd->rec.part[KECS_SERVICE_DEPLOYMENT_ALARMS].len != 0) {
        kecs_w_raw(w, "triggeredAlarmNames",
                   sd->rec.part[KECS_SERVICE_DEPLOYMENT_ALARMS]);
    }

    kecs_w_object_end(w);
}


static const char *
breaker_status(const rollout_t *sd)
{
    if (!(sd->breaker & KECS_BREAKER_ON)) {
        return "DISABLED";
    }

    if (sd->breaker & KECS_BREAKER_TRIGGERED) {
        return "TRIGGERED";
    }

    return monitor_status(sd);
}


/* What may end a rollout. */

static kecs_rc_t
write_monitors(kecs_call_t *c, const found_t *f,
    const kecs_ecs_deployment_configuration_t *g)
{
    kecs_rc_t           rc;
    kecs_writer_t      *w;
    kecs_deployment_t   d;

    rc = deployment_of(c, &f->service, f->sd.id, &d);

    if (rc != KECS_OK) {
        return rc;
    }

    w = &c->out;
    write_alarms(w, &f->sd, g->alarms);

    if (g->deployment_circuit_breaker != NULL) {
        kecs_w_object(w, "deploymentCircuitBreaker");
        kecs_w_i64(w, "failureCount", d.failed);
        kecs_w_cstr(w, "status", breaker_status(&f->sd));
        kecs_w_i64(w, "threshold",
                   kecs_breaker_threshold(&f->sd, f->service.desired));
        kecs_w_object_end(w);
    }

    return KECS_OK;
}


/* One that is before a shift is shown as at it. */

static void
write_stage(kecs_call_t *c, const rollout_t *sd)
{
    unsigned  stage;

    if (sd->stage == KECS_STAGE_NONE) {
        return;
    }

    stage = sd->stage == KECS_STAGE_PRE_PRODUCTION_TRAFFIC_SHIFT
            ? KECS_STAGE_PRODUCTION_TRAFFIC_SHIFT : sd->stage;
    kecs_w_cstr(&c->out, "lifecycleStage", kecs_stage_name(stage));

    if (sd->rec.part[KECS_SERVICE_DEPLOYMENT_HOOKS].len != 0) {
        kecs_w_splice(&c->out, sd->rec.part[KECS_SERVICE_DEPLOYMENT_HOOKS]);
    }
}


/* What its parts say, too. */

static kecs_rc_t
write_parts(kecs_call_t *c, const found_t *f)
{
    void                           *p;
    kecs_rc_t                       rc;
    kecs_ecs_service_deployment_t  *fixed;

    rc = kecs_shape_load(c->arena, &kecs_ecs_service_deployment_shape,
                         f->sd.rec.part[KECS_SERVICE_DEPLOYMENT_STATIC], &p);

    if (rc != KECS_OK) {
        return rc;
    }

    fixed = p;

    if (fixed->deployment_configuration != NULL) {
        rc = write_monitors(c, f, fixed->deployment_configuration);
    }

    if (rc == KECS_OK) {
        rc = write_sources(c, f);
    }

    if (rc == KECS_OK) {
        rc = write_summary(c, "targetServiceRevision", f, f->sd.id,
                           f->sd.weight);
    }

    kecs_w_splice(&c->out,
                  f->sd.rec.part[KECS_SERVICE_DEPLOYMENT_STATIC]);

    return rc;
}


static kecs_rc_t
write_rollout(kecs_call_t *c, const char *name, const found_t *f)
{
    kecs_rc_t  rc;

    kecs_w_object(&c->out, name);
    write_head(c, f);
    write_stage(c, &f->sd);
    write_rollback(c, f);
    kecs_w_time(&c->out, "stoppedAt", f->sd.stopped_at);
    kecs_w_time(&c->out, "updatedAt", f->sd.updated_at);
    rc = f->sd.rec.part[KECS_SERVICE_DEPLOYMENT_STATIC].data != NULL
         ? write_parts(c, f) : KECS_OK;
    kecs_w_object_end(&c->out);

    return rc;
}


kecs_rc_t
kecs_service_deployment_write(kecs_call_t *c, const char *name,
    kecs_str_t cluster, const kecs_service_t *s, const rollout_t *sd)
{
    found_t  f;

    memset(&f, 0, sizeof(f));
    f.cluster.name = cluster;
    f.service = *s;
    f.sd = *sd;

    return write_rollout(c, name, &f);
}


/* DescribeServiceDeployments. */

static bool
named_before(const kecs_ecs_string_list_t *arns, size_t i)
{
    size_t  k;

    for (k = 0; k < i; k++) {
        if (kecs_str_eq(arns->items[k], arns->items[i])) {
            return true;
        }
    }

    return false;
}


static kecs_rc_t
describe_found(kecs_call_t *c, const kecs_ecs_string_list_t *arns,
    const kecs_service_part_arn_t *parts, bool *missing)
{
    size_t      i;
    found_t     f;
    kecs_rc_t   rc;

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < arns->n; i++) {
        rc = find_rollout(c, &parts[i], &f);

        if (rc == KECS_NOT_FOUND) {
            missing[i] = true;
            rc = KECS_OK;

        } else if (rc == KECS_OK && !named_before(arns, i)) {
            rc = write_rollout(c, NULL, &f);
        }
    }

    return rc;
}


static kecs_rc_t
describe_service_deployments(kecs_call_t *c, void *input)
{
    size_t                   i;
    kecs_rc_t                rc;
    bool                     missing[DESCRIBE_MAX];
    kecs_service_part_arn_t  parts[DESCRIBE_MAX];
    const kecs_ecs_describe_service_deployments_request_t  *in = input;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK && in->service_deployment_arns.n == 0) {
        rc = kecs_bad(c, "Service Deployment ARNs cannot be empty.");
    }

    if (rc == KECS_OK && in->service_deployment_arns.n > DESCRIBE_MAX) {
        rc = kecs_bad(c, "Service Deployment ARN count cannot exceed %d",
                      DESCRIBE_MAX);
    }

    for (i = 0; rc == KECS_OK && i < in->service_deployment_arns.n; i++) {
        missing[i] = false;
        rc = parse_arn(c, in->service_deployment_arns.items[i], &parts[i]);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_array(&c->out, "serviceDeployments");
    rc = describe_found(c, &in->service_deployment_arns, parts, missing);
    kecs_w_array_end(&c->out);

    kecs_w_array(&c->out, "failures");

    for (i = 0; i < in->service_deployment_arns.n; i++) {
        if (missing[i]) {
            kecs_failure_write(c, in->service_deployment_arns.items[i],
                               "MISSING", kecs_null_str);
        }
    }

    kecs_w_array_end(&c->out);

    return rc;
}


/* ListServiceDeployments: the newest first. */

typedef struct {
    found_t                                       f;
    kecs_ecs_list_service_deployments_request_t  *in;
} listing_t;


static kecs_msec_t
msec_of(kecs_opt_double_t seconds)
{
    return (kecs_msec_t) (seconds.value * 1000);
}


static bool
is_asked_for(const listing_t *l)
{
    const char                   *name;
    const kecs_ecs_created_at_t  *when;

    when = l->in->created_at;

    if (when != NULL && when->before.set
        && l->f.sd.created_at >= msec_of(when->before))
    {
        return false;
    }

    if (when != NULL && when->after.set
        && l->f.sd.created_at <= msec_of(when->after))
    {
        return false;
    }

    name = kecs_service_deployment_status_name(l->f.sd.status);

    return l->in->status.n == 0
           || kecs_names_has(l->in->status.n, l->in->status.items, name);
}


static kecs_rc_t
list_one(kecs_call_t *c, kecs_any_t *rec, void *ctx, bool *taken)
{
    kecs_rc_t   rc;
    listing_t  *l = ctx;

    rc = kecs_get(c->txn, c->arena, rec, 0);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_CORRUPT : rc;
    }

    l->f.sd = rec->service_deployment;
    *taken = is_asked_for(l);

    if (*taken) {
        kecs_w_object(&c->out, NULL);
        write_head(c, &l->f);
        kecs_write_made(c, "targetServiceRevisionArn",
                        kecs_revision_arn(c, l->f.cluster.name,
                                          l->f.service.name, l->f.sd.id));
        kecs_w_object_end(&c->out);
    }

    return KECS_OK;
}


static kecs_rc_t
listed_service(kecs_call_t *c, listing_t *l)
{
    size_t     i;
    kecs_rc_t  rc;

    rc = kecs_find_cluster(c, l->in->cluster, 0, &l->f.cluster);

    if (rc == KECS_OK) {
        rc = kecs_find_service(c, &l->f.cluster, l->in->service, 0,
                               &l->f.service);
    }

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_SERVICE_NOT_FOUND, "Service not found.");
    }

    for (i = 0; rc == KECS_OK && i < l->in->status.n; i++) {
        rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER,
                             "service deployment status",
                             &kecs_ecs_service_deployment_status_shape,
                             l->in->status.items[i]);
    }

    return rc;
}


static kecs_rc_t
list_service_deployments(kecs_call_t *c, void *input)
{
    kecs_rc_t     rc;
    listing_t     l;
    kecs_key_t    prefix;
    kecs_page_t   page;
    kecs_scan_t  *scan;

    memset(&l, 0, sizeof(l));
    l.in = input;
    rc = kecs_check_input(c, input);

    if (rc == KECS_OK) {
        rc = listed_service(c, &l);
    }

    if (rc == KECS_OK) {
        rc = kecs_list_begin(c, &page, l.in, &l.in->max_results,
                             &l.in->next_token, PAGE, PAGE_MAX);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, l.f.cluster.no);
    kecs_key_u32(&prefix, l.f.service.no);

    rc = kecs_scan(c->txn, c->arena, KECS_IX_SERVICE_DEPLOYMENT_TIME,
                   c->scope, &prefix, page.after, true, &scan);

    return rc == KECS_OK ? kecs_list_records(c, &page, "serviceDeployments",
                                             scan, list_one, &l) : rc;
}


/* StopServiceDeployment, ContinueServiceDeployment. */

static kecs_rc_t
find_to_change(kecs_call_t *c, kecs_str_t arn, found_t *f)
{
    kecs_rc_t                rc;
    kecs_service_part_arn_t  part;

    rc = parse_arn(c, arn, &part);

    if (rc == KECS_OK) {
        rc = find_rollout(c, &part, f);
    }

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_SERVICE_DEPLOYMENT_NOT_FOUND,
                         "Service deployment not found.");
    }

    return rc;
}


static kecs_rc_t
may_stop(kecs_call_t *c, const found_t *f)
{
    const rollout_t  *sd;

    sd = &f->sd;

    if (sd->status != KECS_SERVICE_DEPLOYMENT_PENDING
        && sd->status != KECS_SERVICE_DEPLOYMENT_IN_PROGRESS)
    {
        return kecs_fail(c, KECS_E_CONFLICT, "The service deployment cannot"
                         " be stopped because its status is %s.",
                         kecs_service_deployment_status_name(sd->status));
    }

    if (sd->stage == KECS_STAGE_CLEAN_UP) {
        return kecs_fail(c, KECS_E_CONFLICT, "The service deployment cannot"
                         " be rolled back in the lifecycle stage CLEAN_UP.");
    }

    if (sd->rec.part[KECS_SERVICE_DEPLOYMENT_SOURCES].len <= 2) {
        return kecs_fail(c, KECS_E_CONFLICT, "The service deployment cannot"
                         " be rolled back because there is no source service"
                         " revision.");
    }

    return KECS_OK;
}


static kecs_rc_t
stop_service_deployment(kecs_call_t *c, void *input)
{
    found_t                                            f;
    kecs_rc_t                                          rc;
    const kecs_ecs_stop_service_deployment_request_t  *in = input;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK && in->stop_type.data != NULL
        && !kecs_str_is(in->stop_type, "ROLLBACK"))
    {
        rc = kecs_bad(c, "stop type should be one of [ROLLBACK]");
    }

    if (rc == KECS_OK) {
        rc = find_to_change(c, in->service_deployment_arn, &f);
    }

    if (rc == KECS_OK) {
        rc = may_stop(c, &f);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    f.sd.status = KECS_SERVICE_DEPLOYMENT_ROLLBACK_REQUESTED;
    f.sd.reason = kecs_str("A rollback was requested.");
    f.sd.rollback_reason = f.sd.reason;
    f.sd.updated_at = c->now;
    f.sd.version++;
    kecs_write_made(c, "serviceDeploymentArn", arn_of(c, &f));

    return kecs_put(c->txn, &f.sd);
}


static kecs_rc_t
continue_service_deployment(kecs_call_t *c, void *input)
{
    found_t                                                f;
    kecs_rc_t                                              rc;
    const kecs_ecs_continue_service_deployment_request_t  *in = input;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "action",
                           &kecs_ecs_deployment_lifecycle_hook_action_shape,
                             in->action);
    }

    if (rc == KECS_OK) {
        rc = find_to_change(c, in->service_deployment_arn, &f);
    }

    if (rc == KECS_OK) {
        kecs_write_made(c, "serviceDeploymentArn", arn_of(c, &f));
        rc = kecs_hook_answer(c, &f.service, &f.sd, in->hook_id,
                              kecs_str_is(in->action, "ROLLBACK"));

        if (rc == KECS_NOT_FOUND) {
            rc = kecs_bad(c, "The lifecycle hook %.*s is not awaiting"
                          " action.", kecs_fmt(in->hook_id));
        }
    }

    return rc;
}


const kecs_op_t  kecs_rollout_ops[] = {
    { "ContinueServiceDeployment", KECS_OP_WRITE,
      &kecs_ecs_continue_service_deployment_request_shape,
      continue_service_deployment },
    { "DescribeServiceDeployments", KECS_OP_READ,
      &kecs_ecs_describe_service_deployments_request_shape,
      describe_service_deployments },
    { "DescribeServiceRevisions", KECS_OP_READ,
      &kecs_ecs_describe_service_revisions_request_shape,
      kecs_describe_service_revisions },
    { "ListServiceDeployments", KECS_OP_READ,
      &kecs_ecs_list_service_deployments_request_shape,
      list_service_deployments },
    { "StopServiceDeployment", KECS_OP_WRITE,
      &kecs_ecs_stop_service_deployment_request_shape,
      stop_service_deployment },
    { NULL, 0, NULL, NULL }
};
