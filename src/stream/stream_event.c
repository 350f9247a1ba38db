/*
 * Entries of the change log as events (see stream_event.h).  Everything is
 * in the arena of the call.
 */

#include <openssl/sha.h>
#include <stdio.h>

#include "../ecs/capacity_intern.h"
#include "../ecs/daemon.h"
#include "../ecs/instance.h"
#include "../ecs/service_intern.h"
#include "stream_event.h"


typedef struct {
    kecs_call_t                *c;
    const kecs_change_entry_t  *e;
    kecs_stream_event_t        *out;
    bool                        gone;       /* the entry is a deletion */
    kecs_service_t              service;    /* of deployments, actions */
} render_t;

typedef kecs_rc_t (*detail_pt)(render_t *r);


/* Kinds. */

static const struct {
    const char   *name;
    const char   *change;           /* detail-type of our own */
    kecs_kind_t   record;
} kinds[KECS_STREAM_KINDS] = {
    [KECS_STREAM_CLUSTER] = {
        "cluster", "KECS Cluster Change", KECS_CLUSTER },
    [KECS_STREAM_TASKDEF] = {
        "task-definition", "KECS Task Definition Change", KECS_TASKDEF },
    [KECS_STREAM_TASK] = { "task", "KECS Task Change", KECS_TASK },
    [KECS_STREAM_SERVICE] = {
        "service", "KECS Service Change", KECS_SERVICE },
    [KECS_STREAM_DEPLOYMENT] = {
        "deployment", "KECS Deployment Change", KECS_DEPLOYMENT },
    [KECS_STREAM_INSTANCE] = {
        "container-instance", "KECS Container Instance Change",
        KECS_INSTANCE },
    [KECS_STREAM_ACTION] = {
        "service-action", "KECS Service Message", KECS_EVENT },
    [KECS_STREAM_SERVICE_DEPLOYMENT] = {
        "service-deployment", "KECS Service Deployment Change",
        KECS_SERVICE_DEPLOYMENT },
    [KECS_STREAM_REVISION] = {
        "service-revision", "KECS Service Revision Change", KECS_REVISION },
    [KECS_STREAM_TASK_SET] = {
        "task-set", "KECS Task Set Change", KECS_TASK_SET },
    [KECS_STREAM_PROVIDER] = {
        "capacity-provider", "KECS Capacity Provider Change",
        KECS_CAPACITY_PROVIDER },
    [KECS_STREAM_DAEMON] = { "daemon", "KECS Daemon Change", KECS_DAEMON },
    [KECS_STREAM_DAEMON_DEPLOYMENT] = {
        "daemon-deployment", "KECS Daemon Deployment Change",
        KECS_DAEMON_DEPLOYMENT },
    [KECS_STREAM_DAEMON_REVISION] = {
        "daemon-revision", "KECS Daemon Revision Change",
        KECS_DAEMON_REVISION },
    [KECS_STREAM_GATEWAY] = {
        "gateway", "KECS Gateway Change", KECS_GATEWAY },
    [KECS_STREAM_ROUTE] = {
        "gateway-route", "KECS Gateway Route Change", KECS_GATEWAY_ROUTE }
};


const char *
kecs_stream_kind_name(unsigned kind)
{
    return kind < KECS_STREAM_KINDS ? kinds[kind].name : "";
}


void
kecs_stream_kind_names(kecs_buf_t *b)
{
    unsigned  i;

    for (i = 0; i < KECS_STREAM_KINDS; i++) {
        kecs_buf_printf(b, "%s%s", i == 0 ? "" : ", ", kinds[i].name);
    }
}


kecs_str_t
kecs_stream_cluster(kecs_str_t cluster)
{
    return kecs_str_starts(cluster, kecs_str("arn:"))
           ? kecs_str_from(cluster,
                           (size_t) (kecs_str_rchr(cluster, '/') + 1))
           : cluster;
}


bool
kecs_stream_kinds_parse(kecs_str_t list, unsigned *bits)
{
    unsigned    i;
    kecs_str_t  name;

    *bits = 0;

    while (kecs_str_split(&list, ',', &name)) {
        for (i = 0; i < KECS_STREAM_KINDS; i++) {
            if (kecs_str_is(name, kinds[i].name)) {
                break;
            }
        }

        if (i == KECS_STREAM_KINDS) {
            return false;
        }

        *bits |= 1u << i;
    }

    return *bits != 0;
}


bool
kecs_stream_told(const kecs_change_entry_t *e, unsigned *kind)
{
    unsigned  i;

    for (i = 0; i < KECS_STREAM_KINDS; i++) {
        if (kinds[i].record == e->kind) {
            *kind = i;
            return i != KECS_STREAM_ACTION || e->change != KECS_DELETED;
        }
    }

    return false;
}


static const char *
change_name(kecs_change_t change)
{
    return change == KECS_CREATED ? "created"
           : change == KECS_DELETED ? "deleted" : "changed";
}


/* A UUID of version 5 in the store's UUID as namespace. */

bool
kecs_stream_id(const kecs_stream_store_t *store, uint64_t seq, char *out)
{
    char        hex[2 * KECS_ID_LEN], name[64];
    int         n;
    size_t      i, digits;
    uint8_t     space[KECS_ID_LEN], hash[SHA_DIGEST_LENGTH], in[128];

    for (i = 0, digits = 0; store->uuid[i] != '\0'; i++) {
        if (store->uuid[i] != '-' && digits < sizeof(hex)) {
            hex[digits++] = store->uuid[i];
        }
    }

    if (digits != sizeof(hex)
        || !kecs_unhex(kecs_str_n(hex, digits), space, sizeof(space)))
    {
        return false;
    }

    n = snprintf(name, sizeof(name), "%" PRIu64 "/%" PRIu64,
                 store->incarnation, seq);
    memcpy(in, space, sizeof(space));
    memcpy(in + sizeof(space), name, (size_t) n);
    (void) SHA1(in, sizeof(space) + (size_t) n, hash);

    hash[6] = (uint8_t) ((hash[6] & 0x0f) | 0x50);
    hash[8] = (uint8_t) ((hash[8] & 0x3f) | 0x80);
    kecs_hex(hash, KECS_ID_LEN, hex);

    (void) snprintf(out, KECS_UUID_LEN + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex,
                    hex + 8, hex + 12, hex + 16, hex + 20);

    return true;
}


/* Times as events have them, where ECS's own do. */

static void
write_iso(kecs_writer_t *w, const char *name, kecs_msec_t t)
{
    char  text[KECS_TIME_LEN + 1];

    kecs_time_print(t, text);
    kecs_w_cstr(w, name, text);
}


static void
write_iso_seconds(kecs_writer_t *w, const char *name, kecs_msec_t t)
{
    char  text[KECS_TIME_LEN + 1];

    kecs_time_print(t, text);
    kecs_w_printf(w, name, "%.19sZ", text);
}


/* Which resource it is, before anything is written. */

static kecs_rc_t
load_cluster(render_t *r, uint32_t no)
{
    return kecs_name_of(r->c->txn, r->c->arena, r->c->scope, no, 0,
                        &r->out->cluster);
}


/* Of a service that is gone there is the name. */

static kecs_rc_t
load_service(render_t *r, uint32_t cluster, uint32_t service)
{
    kecs_rc_t  rc;

    rc = load_cluster(r, cluster);

    if (rc != KECS_OK) {
        return rc;
    }

    memset(&r->service, 0, sizeof(r->service));
    r->service.rec.kind = KECS_SERVICE;
    r->service.rec.scope = r->c->scope;
    r->service.cluster = cluster;
    r->service.no = service;

    rc = kecs_get(r->c->txn, r->c->arena, &r->service, 0);

    if (rc == KECS_NOT_FOUND) {
        rc = kecs_name_of(r->c->txn, r->c->arena, r->c->scope, cluster,
                          service, &r->service.name);
    }

    if (rc == KECS_OK) {
        r->out->arn = kecs_service_arn(r->c, r->out->cluster,
                                       r->service.name);
    }

    return rc;
}


/* ARNs of what belongs to a service. */

static kecs_rc_t
load_of_service(render_t *r)
{
    kecs_rc_t          rc;
    kecs_str_t         cluster, service;
    const kecs_any_t  *rec;

    rec = r->e->rec;

    /* cluster and service come first in the keys of all of them */
    rc = load_service(r, rec->deployment.cluster, rec->deployment.service);
    cluster = r->out->cluster;
    service = r->service.name;

    if (rc != KECS_OK) {
        return rc;
    }

    switch (r->out->kind) {

    case KECS_STREAM_SERVICE_DEPLOYMENT:
        r->out->arn = kecs_service_deployment_arn(r->c, cluster, service,
                                            rec->service_deployment.name);
        break;

    case KECS_STREAM_REVISION:
        r->out->arn = kecs_revision_arn(r->c, cluster, service,
                                        rec->service_revision.id);
        break;

    case KECS_STREAM_TASK_SET:
        r->out->arn = kecs_task_set_arn(r->c, cluster, service,
                          kecs_sprintf(r->c->arena, KECS_DEPLOYMENT_FMT,
                                       rec->task_set.id));
        break;

    default:                        /* deployments, actions: the service's */
        break;
    }

    return KECS_OK;
}


/* ... and to a cluster. */

static kecs_rc_t
load_of_cluster(render_t *r)
{
    kecs_rc_t          rc;
    kecs_str_t         cluster;
    const kecs_any_t  *rec;

    rec = r->e->rec;
    rc = load_cluster(r, rec->task.cluster);    /* first in all keys */
    cluster = r->out->cluster;

    if (rc != KECS_OK) {
        return rc;
    }

    switch (r->out->kind) {

    case KECS_STREAM_TASK:
        r->out->arn = kecs_task_arn(r->c, cluster, rec->task.id);
        break;

    case KECS_STREAM_INSTANCE:
        r->out->arn = kecs_instance_arn(r->c, cluster, rec->instance.id);
        break;

    case KECS_STREAM_SERVICE:
        r->out->arn = kecs_service_arn(r->c, cluster, rec->service.name);
        break;

    case KECS_STREAM_DAEMON:
        r->out->arn = kecs_daemon_arn(r->c, cluster, rec->daemon.name);
        break;

    case KECS_STREAM_DAEMON_DEPLOYMENT:
        r->out->arn = kecs_daemon_arn(r->c, cluster,
                                      rec->daemon_deployment.daemon_name);
        break;

    default:
        r->out->arn = kecs_daemon_revision_arn(r->c, cluster,
                                         rec->daemon_revision.daemon_name,
                                         rec->daemon_revision.id);
    }

    return KECS_OK;
}


/* Of managed instances it belongs to a cluster, which may be forgotten. */

static kecs_rc_t
load_provider(render_t *r)
{
    kecs_rc_t               rc;
    const kecs_provider_t  *p;

    p = r->e->rec;
    rc = p->cluster != 0 ? load_cluster(r, p->cluster) : KECS_OK;
    r->out->arn = kecs_provider_arn(r->c, p->name);

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


static kecs_rc_t
load(render_t *r)
{
    kecs_rc_t          rc;
    const kecs_any_t  *rec;

    rec = r->e->rec;
    rc = KECS_OK;

    switch (r->out->kind) {

    case KECS_STREAM_CLUSTER:
        r->out->cluster = rec->cluster.name;
        r->out->arn = kecs_cluster_arn(r->c, rec->cluster.name);
        break;

    case KECS_STREAM_TASKDEF:
        r->out->arn = kecs_taskdef_arn(r->c, rec->taskdef.family,
                                       rec->taskdef.revision);
        break;

    case KECS_STREAM_PROVIDER:
        rc = load_provider(r);
        break;

    case KECS_STREAM_GATEWAY:
        r->out->arn = kecs_gateway_arn(r->c, rec->gateway.name);
        break;

    case KECS_STREAM_ROUTE:
        r->out->cluster = rec->gateway_route.cluster_name;
        r->out->arn = kecs_gateway_route_arn(r->c,
                                             rec->gateway_route.gateway,
                                             rec->gateway_route.id);
        break;

    case KECS_STREAM_DEPLOYMENT:
    case KECS_STREAM_ACTION:
    case KECS_STREAM_SERVICE_DEPLOYMENT:
    case KECS_STREAM_REVISION:
    case KECS_STREAM_TASK_SET:
        rc = load_of_service(r);
        break;

    default:
        rc = load_of_cluster(r);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return r->out->arn.data == NULL ? KECS_NOMEM : KECS_OK;
}


/* Details. */

static kecs_rc_t
cluster_detail(render_t *r)
{
    kecs_cluster_write(r->c, "detail", r->e->rec, KECS_ALL_PARTS);

    return KECS_OK;
}


static kecs_rc_t
taskdef_detail(render_t *r)
{
    kecs_taskdef_write(r->c, "detail", r->e->rec);

    return KECS_OK;
}


/*
 * The state of a resource as EventBridge has it: as it is described, but
 * with times as text, and when it was changed.
 */

static kecs_rc_t
write_state(render_t *r, detail_pt describe)
{
    kecs_rc_t      rc;
    kecs_buf_t     buf;
    kecs_writer_t  event;

    event = r->c->out;
    kecs_buf_init(&buf, r->c->arena, 0);
    r->c->out = kecs_writer(&buf);
    r->c->out.iso = true;
    rc = describe(r);
    r->c->out = event;

    if (rc != KECS_OK || buf.failed) {
        return rc != KECS_OK ? rc : KECS_NOMEM;
    }

    kecs_w_splice(&r->c->out, kecs_buf_view(&buf));
    write_iso(&r->c->out, "updatedAt", r->e->time);

    return KECS_OK;
}


static kecs_rc_t
task_state(render_t *r)
{
    kecs_task_write(r->c, NULL, r->out->cluster, r->e->rec,
                    KECS_SHOW_TAGS|KECS_SHOW_HEALTH);

    return KECS_OK;
}


static kecs_rc_t
task_detail(render_t *r)
{
    kecs_rc_t  rc;

    kecs_w_object(&r->c->out, "detail");
    rc = write_state(r, task_state);
    kecs_w_object_end(&r->c->out);

    return rc;
}


static kecs_rc_t
instance_state(render_t *r)
{
    return kecs_instance_write(r->c, NULL, r->out->cluster, r->e->rec,
                               KECS_SHOW_TAGS);
}


static kecs_rc_t
instance_detail(render_t *r)
{
    kecs_rc_t  rc;

    kecs_w_object(&r->c->out, "detail");
    kecs_write_made(r->c, "clusterArn",
                    kecs_cluster_arn(r->c, r->out->cluster));
    rc = write_state(r, instance_state);
    kecs_w_object_end(&r->c->out);

    return rc;
}


static kecs_rc_t
service_detail(render_t *r)
{
    return kecs_service_write(r->c, "detail", r->out->cluster, r->e->rec,
                              KECS_SHOW_TAGS|KECS_SHOW_REVISIONS
                              |KECS_SHOW_CURRENT|KECS_HIDE_EVENTS);
}


static const char *
rollout_event(unsigned rollout)
{
    return rollout == KECS_ROLLOUT_COMPLETED ? "SERVICE_DEPLOYMENT_COMPLETED"
           : rollout == KECS_ROLLOUT_FAILED ? "SERVICE_DEPLOYMENT_FAILED"
           : "SERVICE_DEPLOYMENT_IN_PROGRESS";
}


/* What EventBridge tells, and the deployment as DescribeServices shows it. */

static kecs_rc_t
deployment_detail(render_t *r)
{
    kecs_rc_t                rc;
    kecs_writer_t           *w;
    kecs_deployment_t       *d;
    kecs_live_deployment_t   live;

    d = r->e->rec;
    w = &r->c->out;
    memset(&live, 0, sizeof(live));
    live.d = *d;

    rc = kecs_counts(r->c->txn, d->rec.scope, d->cluster, d->service, d->id,
                     &live.counts);

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_object(w, "detail");
    kecs_w_cstr(w, "eventType",
                d->rollout == KECS_ROLLOUT_FAILED ? "ERROR" : "INFO");
    kecs_w_cstr(w, "eventName", rollout_event(d->rollout));
    kecs_w_printf(w, "deploymentId", KECS_DEPLOYMENT_FMT, d->id);
    write_iso(w, "updatedAt", d->updated_at);
    kecs_w_str(w, "reason", d->reason.data != NULL ? d->reason
                                                   : kecs_str(""));
    kecs_write_made(r->c, "clusterArn",
                    kecs_cluster_arn(r->c, r->out->cluster));
    rc = kecs_deployment_write(r->c, "deployment", &r->service, &live);
    kecs_w_object_end(w);

    return rc;
}


/* Events of services that EventBridge knows, by their text. */

#define FAILED  "deployment failed:"

static const struct {
    const char  *text;
    const char  *name;
    const char  *type;
} actions[] = {
    { "has reached a steady state", "SERVICE_STEADY_STATE", "INFO" },
    { "has stopped ", "TASKS_STOPPED", "INFO" },
    { "deployment completed.", "SERVICE_DEPLOYMENT_COMPLETED", "INFO" },
    { "is unable to consistently start tasks", "SERVICE_TASK_START_IMPAIRED",
      "WARN" },
    { "was unable to place a task", "SERVICE_TASK_PLACEMENT_FAILURE",
      "ERROR" },
    { "is unable to place a task", "SERVICE_TASK_PLACEMENT_FAILURE",
      "ERROR" },
    { FAILED, "SERVICE_DEPLOYMENT_FAILED", "ERROR" }
};

#define ACTIONS  (sizeof(actions) / sizeof(actions[0]))


/* "(service NAME, taskSet ID) text", or "(service NAME) text". */

static void
action_parse(kecs_str_t message, kecs_str_t *set, kecs_str_t *text)
{
    ptrdiff_t   at;
    kecs_str_t  who;

    *text = message;
    *set = kecs_null_str;

    if (!kecs_str_split(text, ')', &who) || text->len == 0) {
        *text = message;
        return;
    }

    *text = kecs_str_from(*text, text->data[0] == ' ');
    at = kecs_str_find(who, kecs_str(", taskSet "));

    if (at != -1) {
        *set = kecs_str_from(who, (size_t) at + 10);
    }
}


static size_t
action_of(const kecs_event_t *e)
{
    size_t      i;
    kecs_str_t  set, text;

    action_parse(e->message, &set, &text);

    for (i = 0; i < ACTIONS; i++) {
        if (kecs_str_find(text, kecs_str_of(actions[i].text)) != -1) {
            return i;
        }
    }

    return ACTIONS;
}


static void
write_arns(render_t *r, const char *name, kecs_str_t arn)
{
    kecs_w_array(&r->c->out, name);
    kecs_write_made(r->c, NULL, arn);
    kecs_w_array_end(&r->c->out);
}


/* Why it failed; of a task that was not placed, where that was tried. */

static void
write_reason(render_t *r, kecs_str_t text)
{
    uint8_t     id[KECS_ID_LEN];
    ptrdiff_t   at;
    kecs_str_t  refusal, instance;

    at = kecs_str_find(text, kecs_str(FAILED));

    if (at != -1) {
        text = kecs_str_from(text, (size_t) at + sizeof(FAILED));
    }

    kecs_complaint_parse(text, &refusal, &instance);

    if (instance.len == 2 * KECS_ID_LEN
        && kecs_unhex(instance, id, sizeof(id)))
    {
        write_arns(r, "containerInstanceArns",
                   kecs_instance_arn(r->c, r->out->cluster, id));
    }

    kecs_w_str(&r->c->out, "reason", refusal.data != NULL ? refusal : text);
}


static void
write_action(render_t *r, size_t action, const kecs_event_t *e)
{
    const char  *name;
    kecs_str_t   set, text;

    action_parse(e->message, &set, &text);
    name = actions[action].name;

    if (set.data != NULL) {
        write_arns(r, "taskSetArns",
                   kecs_task_set_arn(r->c, r->out->cluster, r->service.name,
                                     set));

        if (strcmp(name, "SERVICE_STEADY_STATE") == 0) {
            name = "TASKSET_STEADY_STATE";
        }
    }

    kecs_w_cstr(&r->c->out, "eventType", actions[action].type);
    kecs_w_cstr(&r->c->out, "eventName", name);

    if (strcmp(actions[action].type, "ERROR") == 0) {
        write_reason(r, text);
    }
}


static kecs_rc_t
action_detail(render_t *r)
{
    char            hex[2 * KECS_ID_LEN];
    size_t          action;
    kecs_event_t   *e;
    kecs_writer_t  *w;

    e = r->e->rec;
    w = &r->c->out;
    action = action_of(e);
    kecs_hex(e->id, KECS_ID_LEN, hex);

    kecs_w_object(w, "detail");

    if (action != ACTIONS) {
        write_action(r, action, e);
    }

    kecs_write_made(r->c, "clusterArn",
                    kecs_cluster_arn(r->c, r->out->cluster));
    write_iso(w, "createdAt", e->created_at);
    kecs_w_printf(w, "id", "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
                  hex + 12, hex + 16, hex + 20);
    kecs_w_str(w, "message", e->message);
    kecs_w_object_end(w);

    return KECS_OK;
}


static kecs_rc_t
service_deployment_detail(render_t *r)
{
    return kecs_service_deployment_write(r->c, "detail", r->out->cluster,
                                         &r->service, r->e->rec);
}


static kecs_rc_t
revision_detail(render_t *r)
{
    return kecs_revision_write(r->c, "detail", r->out->cluster, &r->service,
                               r->e->rec);
}


static kecs_rc_t
task_set_detail(render_t *r)
{
    return kecs_task_set_write(r->c, "detail", r->out->cluster, &r->service,
                               r->e->rec, true);
}


static kecs_rc_t
provider_detail(render_t *r)
{
    return kecs_capacity_write(r->c, "detail", r->e->rec, NULL, NULL);
}


static kecs_rc_t
daemon_detail(render_t *r)
{
    return kecs_daemon_write(r->c, "detail", r->out->cluster, r->e->rec);
}


static kecs_rc_t
daemon_deployment_state(render_t *r)
{
    return kecs_daemon_deployment_write(r->c, NULL, r->out->cluster,
                                        r->e->rec);
}


static kecs_rc_t
daemon_deployment_detail(render_t *r)
{
    kecs_rc_t                        rc;
    kecs_writer_t                   *w;
    const kecs_daemon_deployment_t  *d;

    d = r->e->rec;
    w = &r->c->out;
    kecs_w_object(w, "detail");
    kecs_w_cstr(w, "eventType",
                d->status == KECS_DAEMON_DEPLOYMENT_ROLLBACK_FAILED
                ? "ERROR" : "INFO");
    kecs_w_printf(w, "eventName", "DAEMON_DEPLOYMENT_%s",
                  kecs_daemon_deployment_status_name(d->status));
    kecs_w_str(w, "daemonArn", r->out->arn);

    if (d->target != 0) {
        kecs_write_made(r->c, "targetDaemonRevisionArn",
                        kecs_daemon_revision_arn(r->c, r->out->cluster,
                                                 d->daemon_name, d->target));
    }

    rc = write_state(r, daemon_deployment_state);
    kecs_w_object_end(w);

    return rc;
}


static kecs_rc_t
daemon_revision_detail(render_t *r)
{
    kecs_daemon_revision_write(r->c, "detail", r->out->cluster, r->e->rec);

    return KECS_OK;
}


static kecs_rc_t
gateway_detail(render_t *r)
{
    kecs_gateway_write(r->c, "detail", r->e->rec);

    return KECS_OK;
}


static kecs_rc_t
route_detail(render_t *r)
{
    kecs_gateway_route_write(r->c, "detail", r->e->rec);

    return KECS_OK;
}


static const detail_pt  details[KECS_STREAM_KINDS] = {
    [KECS_STREAM_CLUSTER] = cluster_detail,
    [KECS_STREAM_TASKDEF] = taskdef_detail,
    [KECS_STREAM_TASK] = task_detail,
    [KECS_STREAM_SERVICE] = service_detail,
    [KECS_STREAM_DEPLOYMENT] = deployment_detail,
    [KECS_STREAM_INSTANCE] = instance_detail,
    [KECS_STREAM_ACTION] = action_detail,
    [KECS_STREAM_SERVICE_DEPLOYMENT] = service_deployment_detail,
    [KECS_STREAM_REVISION] = revision_detail,
    [KECS_STREAM_TASK_SET] = task_set_detail,
    [KECS_STREAM_PROVIDER] = provider_detail,
    [KECS_STREAM_DAEMON] = daemon_detail,
    [KECS_STREAM_DAEMON_DEPLOYMENT] = daemon_deployment_detail,
    [KECS_STREAM_DAEMON_REVISION] = daemon_revision_detail,
    [KECS_STREAM_GATEWAY] = gateway_detail,
    [KECS_STREAM_ROUTE] = route_detail
};


/* EventBridge has one for what it tells of, and we have for the rest. */

static const char *
detail_type(const render_t *r)
{
    const kecs_any_t  *rec;

    rec = r->e->rec;

    if (r->gone) {
        return kinds[r->out->kind].change;
    }

    switch (r->out->kind) {

    case KECS_STREAM_TASK:
        return "ECS Task State Change";

    case KECS_STREAM_INSTANCE:
        return "ECS Container Instance State Change";

    case KECS_STREAM_DEPLOYMENT:
        if (r->e->change == KECS_CREATED
            || (rec->deployment.status == KECS_DEPLOYMENT_PRIMARY
                && rec->deployment.rollout != KECS_ROLLOUT_IN_PROGRESS)
            || (rec->deployment.status == KECS_DEPLOYMENT_ACTIVE
                && rec->deployment.rollout == KECS_ROLLOUT_FAILED))
        {
            return "ECS Deployment State Change";
        }

        break;

    case KECS_STREAM_DAEMON_DEPLOYMENT:
        if (rec->daemon_deployment.replaced_at == 0
            || r->e->change == KECS_CREATED)
        {
            return "ECS Daemon Deployment State Change";
        }

        break;

    case KECS_STREAM_ACTION:
        if (action_of(&rec->event) != ACTIONS) {
            return "ECS Service Action";
        }

        break;

    default:
        break;
    }

    return kinds[r->out->kind].change;
}


static kecs_rc_t
write_event(render_t *r, const char *id)
{
    kecs_rc_t       rc;
    kecs_writer_t  *w;

    w = &r->c->out;

    kecs_w_object(w, NULL);
    kecs_w_cstr(w, "version", "0");
    kecs_w_cstr(w, "id", id);
    kecs_w_cstr(w, "detail-type", detail_type(r));
    kecs_w_cstr(w, "source", "aws.ecs");
    kecs_w_str(w, "account", r->out->account);
    write_iso_seconds(w, "time", r->e->time);
    kecs_w_str(w, "region", r->out->region);
    kecs_w_array(w, "resources");
    kecs_w_str(w, NULL, r->out->arn);
    kecs_w_array_end(w);

    rc = details[r->out->kind](r);

    kecs_w_object(w, "kecs");
    kecs_w_i64(w, "sequence", (int64_t) r->out->seq);
    kecs_w_cstr(w, "kind", kinds[r->out->kind].name);
    kecs_w_cstr(w, "change", change_name(r->e->change));
    kecs_w_opt_str(w, "cluster", r->out->cluster);
    kecs_w_str(w, "requestId", r->e->request_id);
    kecs_w_object_end(w);
    kecs_w_object_end(w);

    return rc;
}


/* The fragments of now, if there is a record still. */

static kecs_rc_t
load_parts(render_t *r)
{
    kecs_rec_t  *rec;

    rec = r->e->rec;

    return kecs_get_parts(r->c->txn, r->c->arena, rec, KECS_ALL_PARTS);
}


static kecs_rc_t
render(render_t *r, const char *id)
{
    kecs_rc_t   rc;
    kecs_buf_t  buf;

    rc = load(r);

    if (rc == KECS_OK) {
        rc = load_parts(r);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_buf_init(&buf, r->c->arena, 0);
    r->c->buf = &buf;
    r->c->out = kecs_writer(&buf);

    rc = write_event(r, id);

    if (rc == KECS_OK && buf.failed) {
        rc = KECS_NOMEM;
    }

    r->out->json = kecs_buf_view(&buf);
    r->c->buf = NULL;

    return rc;
}


kecs_rc_t
kecs_stream_render(kecs_call_t *c, const kecs_stream_store_t *store,
    const kecs_change_entry_t *e, kecs_stream_event_t *out)
{
    char         id[KECS_UUID_LEN + 1];
    kecs_rc_t    rc;
    render_t     r;
    kecs_rec_t  *rec;

    memset(out, 0, sizeof(*out));
    memset(&r, 0, sizeof(r));

    if (!kecs_stream_told(e, &out->kind)
        || !kecs_stream_id(store, e->seq, id))
    {
        return KECS_INVALID;
    }

    rec = e->rec;
    rc = kecs_scope_name(c->txn, c->arena, rec->scope, &out->account,
                         &out->region);

    if (rc != KECS_OK) {
        return rc;
    }

    out->seq = e->seq;
    out->time = e->time;
    c->scope = rec->scope;
    c->account = out->account;
    c->region = out->region;
    r.c = c;
    r.e = e;
    r.out = out;
    r.gone = e->change == KECS_DELETED;

    return render(&r, id);
}


static bool
matches(kecs_str_t wanted, kecs_str_t got)
{
    return wanted.data == NULL
           || (got.data != NULL && kecs_str_eq(wanted, got));
}


bool
kecs_stream_wants(const kecs_stream_filter_t *f, const kecs_stream_event_t *e)
{
    return (f->kinds == 0 || (f->kinds & (1u << e->kind)))
           && matches(f->account, e->account)
           && matches(f->region, e->region)
           && matches(f->cluster, e->cluster)
           && matches(f->arn, e->arn);
}
