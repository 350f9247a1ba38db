/*
 * Deployments of a service, and how a service is shown: its head and
 * counters, its live deployments (PRIMARY first, then the newest), its
 * events, and the fragments that are stored ready to send.
 */

#include "service_intern.h"


#define DEPLOYMENT_IDS  UINT64_C(10000000000000000000)    /* 19 digits */

typedef kecs_live_deployment_t  live_t;


static void
deployment_key(const kecs_service_t *s, uint64_t id, kecs_deployment_t *d)
{
    memset(d, 0, sizeof(kecs_deployment_t));
    d->rec.kind = KECS_DEPLOYMENT;
    d->rec.scope = s->rec.scope;
    d->cluster = s->cluster;
    d->service = s->no;
    d->id = id;
}


kecs_rc_t
kecs_deployment_get(kecs_call_t *c, const kecs_service_t *s, uint64_t id,
    unsigned parts, kecs_deployment_t *d)
{
    deployment_key(s, id, d);

    return kecs_get(c->txn, c->arena, d, parts);
}


kecs_rc_t
kecs_deployment_primary(kecs_call_t *c, const kecs_service_t *s,
    kecs_deployment_t *d)
{
    return kecs_deployment_get(c, s, s->primary, KECS_ALL_PARTS, d);
}


/*
 * The PRIMARY of before gives way; the scheduler then empties it.  When it
 * is gone back on, it has failed.
 */

static kecs_rc_t
change_primary(kecs_call_t *c, const kecs_service_t *s, unsigned status,
    bool failed)
{
    kecs_rc_t          rc;
    kecs_deployment_t  d;

    if (s->primary == 0) {
        return KECS_OK;
    }

    rc = kecs_deployment_primary(c, s, &d);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    if (failed && (d.rollout == KECS_ROLLOUT_IN_PROGRESS
                   || (status == KECS_DEPLOYMENT_ACTIVE
                       && d.rollout != KECS_ROLLOUT_FAILED)))
    {
        d.rollout = KECS_ROLLOUT_FAILED;
        d.reason = kecs_sprintf(c->arena, "ECS deployment "
                                KECS_DEPLOYMENT_FMT " was stopped.", d.id);

        if (d.reason.data == NULL) {
            return KECS_NOMEM;
        }
    }

    d.status = (uint8_t) status;
    d.updated_at = c->now;
    d.version++;

    return kecs_put(c->txn, &d);
}


static kecs_rc_t
give_way(kecs_call_t *c, const kecs_service_t *s, bool failed)
{
    return change_primary(c, s, KECS_DEPLOYMENT_ACTIVE, failed);
}


kecs_rc_t
kecs_deployment_fail(kecs_call_t *c, const kecs_service_t *s)
{
    return change_primary(c, s, KECS_DEPLOYMENT_PRIMARY, true);
}


uint64_t
kecs_deployment_number(kecs_call_t *c)
{
    return 1 + kecs_rand_below(c->rand, DEPLOYMENT_IDS - 1);
}


/* What is said of it while it is rolled out. */

static kecs_rc_t
in_progress(kecs_call_t *c, kecs_deployment_t *d, const char *fmt)
{
    d->reason = kecs_sprintf(c->arena, fmt, d->id);

    return d->reason.data != NULL ? KECS_OK : KECS_NOMEM;
}


/* It is the PRIMARY deployment from now on. */

static kecs_rc_t
put_primary(kecs_call_t *c, kecs_service_t *s, kecs_deployment_t *d)
{
    d->status = KECS_DEPLOYMENT_PRIMARY;
    d->rollout = KECS_ROLLOUT_IN_PROGRESS;
    d->desired = s->desired;
    d->failed = 0;
    d->healthy = 0;
    d->updated_at = c->now;
    d->version++;

    s->primary = d->id;
    s->throttled_until = 0;

    return kecs_put(c->txn, d);
}


static void
fill(kecs_call_t *c, const kecs_service_spec_t *spec,
    const kecs_service_t *s, kecs_deployment_t *d)
{
    d->rec.gen = KECS_ECS_GEN;
    d->family = s->family;
    d->revision = s->revision;
    d->created_at = c->now;
    kecs_rec_part(&d->rec, KECS_DEPLOYMENT_STATIC, spec->deployment);
}


kecs_rc_t
kecs_deployment_start(kecs_call_t *c, const kecs_service_spec_t *spec,
    kecs_service_t *s)
{
    kecs_rc_t          rc;
    kecs_deployment_t  d;

    deployment_key(s, kecs_deployment_number(c), &d);
    d.rollout_of = d.id;
    fill(c, spec, s, &d);

    rc = kecs_service_deployments_end(c, s, kecs_str("A newer service"
                                      " deployment has replaced it."));

    if (rc == KECS_OK) {
        rc = in_progress(c, &d, "ECS deployment " KECS_DEPLOYMENT_FMT
                         " in progress.");
    }

    if (rc == KECS_OK) {
        rc = kecs_service_deployment_start(c, spec, s, d.id);
    }

    if (rc == KECS_OK) {
        rc = give_way(c, s, false);
    }

    if (rc == KECS_OK) {
        rc = put_primary(c, s, &d);
    }

    return rc == KECS_OK ? kecs_revision_put(c, spec, s, d.id) : rc;
}


kecs_rc_t
kecs_deployment_back(kecs_call_t *c, const kecs_service_spec_t *spec,
    kecs_service_t *s, kecs_service_deployment_t *sd, uint64_t id)
{
    kecs_rc_t          rc;
    kecs_deployment_t  d;

    rc = kecs_deployment_get(c, s, id, KECS_ALL_PARTS, &d);

    if (rc == KECS_NOT_FOUND) {
        fill(c, spec, s, &d);
        rc = KECS_OK;
    }

    if (rc == KECS_OK) {
        rc = in_progress(c, &d, sd->breaker & KECS_BREAKER_TRIGGERED
                         ? "ECS deployment circuit breaker: rolling back to"
                           " deploymentId " KECS_DEPLOYMENT_FMT "."
                         : "ECS deployment " KECS_DEPLOYMENT_FMT
                           " in progress.");
    }

    if (rc == KECS_OK) {
        rc = give_way(c, s, true);
    }

    sd->run = id;
    d.rollout_of = sd->id;

    if (rc == KECS_OK) {
        rc = put_primary(c, s, &d);
    }

    return rc == KECS_OK ? kecs_revision_runs(c, s, id) : rc;
}


/* The live deployments in the order they are shown. */

static bool
before(const kecs_deployment_t *a, const kecs_deployment_t *b)
{
    bool  first;

    first = a->status == KECS_DEPLOYMENT_PRIMARY;

    if (first != (b->status == KECS_DEPLOYMENT_PRIMARY)) {
        return first;
    }

    return a->created_at != b->created_at ? a->created_at > b->created_at
                                          : a->id > b->id;
}


static kecs_rc_t
add_live(kecs_call_t *c, live_t **list, const kecs_deployment_t *key)
{
    live_t     *l;
    kecs_rc_t   rc;

    l = kecs_zalloc(c->arena, sizeof(live_t));

    if (l == NULL) {
        return KECS_NOMEM;
    }

    l->d = *key;
    rc = kecs_get(c->txn, c->arena, &l->d, KECS_ALL_PARTS);

    if (rc == KECS_OK) {
        rc = kecs_counts(c->txn, l->d.rec.scope, l->d.cluster, l->d.service,
                         l->d.id, &l->counts);
    }

    while (*list != NULL && before(&(*list)->d, &l->d)) {
        list = &(*list)->next;
    }

    l->next = *list;
    *list = l;

    return rc;
}


/* A service that is gone is still shown with its last one. */

static kecs_rc_t
last_deployment(kecs_call_t *c, const kecs_service_t *s, live_t **list)
{
    kecs_rc_t           rc;
    kecs_deployment_t   d;

    if (kecs_controller_of_service(s) != KECS_CONTROLLER_ECS) {
        return KECS_OK;
    }

    rc = kecs_deployment_primary(c, s, &d);

    if (rc == KECS_OK) {
        rc = add_live(c, list, &d);
    }

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


kecs_rc_t
kecs_deployments_live(kecs_call_t *c, const kecs_service_t *s, live_t **list)
{
    kecs_rc_t           rc;
    kecs_key_t          prefix;
    kecs_str_t          key;
    kecs_scan_t        *scan;
    kecs_deployment_t   d;

    *list = NULL;

    if (s->status == KECS_SERVICE_INACTIVE) {
        return last_deployment(c, s, list);
    }

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, s->cluster);
    kecs_key_u32(&prefix, s->no);

    rc = kecs_scan(c->txn, c->arena, KECS_IX_DEPLOYMENT_LIVE, s->rec.scope,
                   &prefix, kecs_null_str, false, &scan);

    while (rc == KECS_OK) {
        memset(&d, 0, sizeof(d));
        rc = kecs_scan_next(scan, &key, &d);

        if (rc == KECS_OK) {
            rc = add_live(c, list, &d);
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


/*
 * Older deployments of a service that is deleted are shown as DRAINING,
 * its last one as PRIMARY to the end.
 */

static const char *
status_name(const kecs_service_t *s, const kecs_deployment_t *d)
{
    if (s->status == KECS_SERVICE_DRAINING
        && d->status == KECS_DEPLOYMENT_ACTIVE)
    {
        return "DRAINING";
    }

    if (d->id == s->primary) {
        return kecs_deployment_status_name(KECS_DEPLOYMENT_PRIMARY);
    }

    return kecs_deployment_status_name(d->status);
}


kecs_rc_t
kecs_deployment_write(kecs_call_t *c, const char *name,
    const kecs_service_t *s, const kecs_live_deployment_t *l)
{
    kecs_str_t      taskdef;
    kecs_writer_t  *w;

    taskdef = kecs_taskdef_arn(c, l->d.family, l->d.revision);

    if (taskdef.data == NULL) {
        return KECS_NOMEM;
    }

    w = &c->out;
    kecs_w_object(w, name);
    kecs_w_time(w, "createdAt", l->d.created_at);
    kecs_w_i64(w, "desiredCount", l->d.desired);
    kecs_w_i64(w, "failedTasks", l->d.failed);
    kecs_w_printf(w, "id", KECS_DEPLOYMENT_FMT, l->d.id);
    kecs_w_i64(w, "pendingCount", l->counts.pending);
    kecs_w_cstr(w, "rolloutState", kecs_rollout_name(l->d.rollout));
    kecs_w_opt_str(w, "rolloutStateReason", l->d.reason);
    kecs_w_i64(w, "runningCount", l->counts.running);
    kecs_w_cstr(w, "status", status_name(s, &l->d));
    kecs_w_str(w, "taskDefinition", taskdef);
    kecs_w_time(w, "updatedAt", l->d.updated_at);
    kecs_w_splice(w, l->d.rec.part[KECS_DEPLOYMENT_STATIC]);
    kecs_w_object_end(w);

    return KECS_OK;
}


static void
write_revision(kecs_call_t *c, kecs_str_t cluster, const kecs_service_t *s,
    const live_t *l)
{
    kecs_writer_t  *w;

    w = &c->out;
    kecs_w_object(w, NULL);
    kecs_write_made(c, "arn", kecs_revision_arn(c, cluster, s->name,
                                                l->d.id));
    kecs_w_i64(w, "pendingTaskCount", l->counts.pending);
    kecs_w_i64(w, "requestedTaskCount", l->d.desired);
    kecs_w_i64(w, "runningTaskCount", l->counts.running);
    kecs_w_object_end(w);
}


/* From the moment on that the scheduler has begun with it to its end. */

static kecs_rc_t
write_current(kecs_call_t *c, kecs_str_t cluster, const kecs_service_t *s,
    const live_t *primary)
{
    kecs_rc_t                  rc;
    kecs_service_deployment_t  sd;

    if (primary == NULL || primary->d.rollout_of == 0) {
        return KECS_OK;
    }

    rc = kecs_service_deployment_get(c, s, primary->d.rollout_of, &sd);

    if (rc == KECS_OK && sd.status != KECS_SERVICE_DEPLOYMENT_PENDING
        && kecs_service_deployment_live(sd.status))
    {
        kecs_write_made(c, "currentServiceDeployment",
                        kecs_service_deployment_arn(c, cluster, s->name,
                                                    sd.name));
    }

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


static kecs_rc_t
write_deployments(kecs_call_t *c, kecs_str_t cluster,
    const kecs_service_t *s, unsigned shown)
{
    live_t     *list, *l;
    kecs_rc_t   rc;

    rc = kecs_deployments_live(c, s, &list);

    if (rc == KECS_OK && (shown & KECS_SHOW_CURRENT)
        && s->status != KECS_SERVICE_INACTIVE)
    {
        rc = write_current(c, cluster, s, list);
    }

    if (shown & KECS_SHOW_REVISIONS) {
        kecs_w_array(&c->out, "currentServiceRevisions");

        for (l = list; rc == KECS_OK && l != NULL; l = l->next) {
            write_revision(c, cluster, s, l);
        }

        kecs_w_array_end(&c->out);
    }

    kecs_w_array(&c->out, "deployments");

    for (l = list; rc == KECS_OK && l != NULL; l = l->next) {
        rc = kecs_deployment_write(c, NULL, s, l);
    }

    kecs_w_array_end(&c->out);

    return rc;
}


/* Events, the newest first. */

static void
write_event(kecs_call_t *c, const kecs_event_t *e)
{
    char  hex[2 * KECS_ID_LEN];

    kecs_hex(e->id, KECS_ID_LEN, hex);

    kecs_w_object(&c->out, NULL);
    kecs_w_time(&c->out, "createdAt", e->created_at);
    kecs_w_printf(&c->out, "id", "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
                  hex + 12, hex + 16, hex + 20);
    kecs_w_str(&c->out, "message", e->message);
    kecs_w_object_end(&c->out);
}


static kecs_rc_t
write_events(kecs_call_t *c, const kecs_service_t *s)
{
    unsigned       n;
    kecs_rc_t      rc;
    kecs_key_t     prefix;
    kecs_str_t     key;
    kecs_scan_t   *scan;
    kecs_event_t   e;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, s->cluster);
    kecs_key_u32(&prefix, s->no);

    kecs_w_array(&c->out, "events");
    rc = s->status == KECS_SERVICE_INACTIVE
         ? KECS_DONE
         : kecs_scan_records(c->txn, c->arena, KECS_EVENT, s->rec.scope,
                             &prefix, kecs_null_str, true, &scan);

    for (n = 0; rc == KECS_OK && n < KECS_EVENTS_KEPT; n++) {
        memset(&e, 0, sizeof(e));
        rc = kecs_scan_next(scan, &key, &e);

        if (rc == KECS_OK) {
            rc = kecs_get(c->txn, c->arena, &e, 0);
        }

        if (rc == KECS_OK) {
            write_event(c, &e);
        }
    }

    kecs_w_array_end(&c->out);

    return rc == KECS_DONE ? KECS_OK : rc;
}


/* The service. */

/* Those whom we deploy show none, unless there still are some. */

static kecs_rc_t
write_task_sets(kecs_call_t *c, kecs_str_t cluster, const kecs_service_t *s)
{
    bool       any;
    kecs_rc_t  rc;

    if (kecs_controller_of_service(s) == KECS_CONTROLLER_ECS) {
        rc = kecs_task_sets_any(c, s, &any);

        if (rc != KECS_OK || !any) {
            return rc;
        }
    }

    return kecs_task_sets_write(c, "taskSets", cluster, s);
}


static kecs_rc_t
write_head(kecs_call_t *c, kecs_str_t cluster, const kecs_service_t *s)
{
    kecs_rc_t       rc;
    kecs_str_t      arn, cluster_arn;
    kecs_counts_t   counts;
    kecs_writer_t  *w;

    rc = kecs_counts(c->txn, s->rec.scope, s->cluster, s->no, 0, &counts);

    if (rc != KECS_OK) {
        return rc;
    }

    arn = kecs_service_arn(c, cluster, s->name);
    cluster_arn = kecs_cluster_arn(c, cluster);

    if (arn.data == NULL || cluster_arn.data == NULL) {
        return KECS_NOMEM;
    }

    w = &c->out;
    kecs_w_str(w, "clusterArn", cluster_arn);
    kecs_w_time(w, "createdAt", s->created_at);
    kecs_w_i64(w, "desiredCount", s->desired);
    kecs_w_i64(w, "healthCheckGracePeriodSeconds", s->grace);

    if (s->launch != 0) {
        kecs_w_cstr(w, "launchType", kecs_launch_name(s->launch));
    }

    kecs_w_i64(w, "pendingCount", counts.pending);
    kecs_w_i64(w, "runningCount", counts.running);
    kecs_w_cstr(w, "schedulingStrategy", kecs_strategy_name(s->strategy));
    kecs_w_str(w, "serviceArn", arn);
    kecs_w_str(w, "serviceName", s->name);
    kecs_w_cstr(w, "status", kecs_service_status_name(s->status));

    if (s->family.len != 0) {
        kecs_write_made(c, "taskDefinition",
                        kecs_taskdef_arn(c, s->family, s->revision));
    }

    return write_task_sets(c, cluster, s);
}


kecs_rc_t
kecs_service_write(kecs_call_t *c, const char *name, kecs_str_t cluster,
    const kecs_service_t *s, unsigned shown)
{
    kecs_rc_t  rc;

    kecs_w_object(&c->out, name);
    rc = write_head(c, cluster, s);

    if (rc == KECS_OK) {
        rc = write_deployments(c, cluster, s, shown);
    }

    if (rc == KECS_OK && !(shown & KECS_HIDE_EVENTS)) {
        rc = write_events(c, s);
    }

    if (shown & KECS_SHOW_TAGS) {
        kecs_tags_write(c, s->rec.part[KECS_SERVICE_TAGS]);
    }

    kecs_w_splice(&c->out, s->rec.part[KECS_SERVICE_STATIC]);
    kecs_w_object_end(&c->out);

    return rc;
}
