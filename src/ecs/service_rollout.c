/*
 * Service deployments as they come and go: one is put for each deployment
 * that a request starts, a newer one ends it, a rollback makes it run
 * another deployment.  What the scheduler brings about is followed by the
 * reconciler.
 */

#include "service_intern.h"


#define NAME_LEN  21

typedef kecs_service_deployment_t  rollout_t;


/* 21 characters that no other service deployment has. */

static kecs_str_t
new_name(kecs_call_t *c)
{
    char               *name;
    size_t              i;
    static const char   letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

    name = kecs_alloc(c->arena, NAME_LEN);

    for (i = 0; name != NULL && i < NAME_LEN; i++) {
        name[i] = letters[kecs_rand_below(c->rand, sizeof(letters) - 1)];
    }

    return kecs_str_n(name, name != NULL ? NAME_LEN : 0);
}


/* What ran before, the last that was complete first. */

static void
write_sources(kecs_writer_t *w, const kecs_live_deployment_t *list,
    bool complete)
{
    const kecs_live_deployment_t  *l;

    for (l = list; l != NULL; l = l->next) {
        if ((l->d.rollout == KECS_ROLLOUT_COMPLETED) == complete) {
            kecs_w_printf(w, NULL, "%" PRIu64, l->d.id);
        }
    }
}


static kecs_rc_t
sources(kecs_call_t *c, const kecs_service_t *s, kecs_str_t *json)
{
    kecs_rc_t                rc;
    kecs_buf_t               b;
    kecs_writer_t            w;
    kecs_live_deployment_t  *list;

    rc = kecs_deployments_live(c, s, &list);

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_buf_init(&b, c->arena, 0);
    w = kecs_writer(&b);
    kecs_w_array(&w, NULL);
    write_sources(&w, list, true);
    write_sources(&w, list, false);
    kecs_w_array_end(&w);
    *json = kecs_buf_view(&b);

    return b.failed ? KECS_NOMEM : KECS_OK;
}


static kecs_rc_t
static_part(kecs_call_t *c, const kecs_service_spec_t *spec,
    kecs_str_t *json)
{
    kecs_ecs_service_deployment_t  shown;

    memset(&shown, 0, sizeof(shown));
    shown.deployment_configuration = spec->s.deployment_configuration;
    *json = kecs_shape_json(c->arena, &kecs_ecs_service_deployment_shape,
                            &shown);

    return json->data != NULL ? KECS_OK : KECS_NOMEM;
}


/* What the head says of the configuration, for the scheduler. */

static void
configure_breaker(const kecs_ecs_deployment_circuit_breaker_t *b,
    rollout_t *sd)
{
    const kecs_ecs_threshold_configuration_t  *t;

    sd->breaker = b->enable.value ? KECS_BREAKER_ON : 0;
    sd->breaker |= b->rollback.value ? KECS_BREAKER_ROLLBACK : 0;
    sd->breaker |= b->reset_on_healthy_task.set
                   && !b->reset_on_healthy_task.value
                   ? KECS_BREAKER_CUMULATIVE : 0;
    t = b->threshold_configuration;

    if (t != NULL) {
        sd->threshold_type = kecs_str_is(t->type, "COUNT")
                             ? KECS_THRESHOLD_COUNT
                             : kecs_str_is(t->type, "UNBOUNDED_PERCENT")
                               ? KECS_THRESHOLD_UNBOUNDED_PERCENT
                               : KECS_THRESHOLD_BOUNDED_PERCENT;
        sd->threshold_value = (uint32_t) t->value.value;
    }
}


static void
configure_alarms(const kecs_ecs_deployment_alarms_t *a, rollout_t *sd)
{
    if (a->enable.value && a->alarm_names.n != 0) {
        sd->alarms = KECS_ALARMS_ON;
        sd->alarms |= a->rollback.value ? KECS_ALARMS_ROLLBACK : 0;
    }
}


static void
configure_hooks(const kecs_ecs_deployment_configuration_t *g, rollout_t *sd)
{
    size_t                                       i, k;
    const kecs_ecs_deployment_lifecycle_hook_t  *h;

    for (i = 0; i < g->lifecycle_hooks.n; i++) {
        h = &g->lifecycle_hooks.items[i];

        for (k = 0; k < h->lifecycle_stages.n; k++) {
            sd->hooks |= 1u << kecs_stage_of(h->lifecycle_stages.items[k]);
        }
    }
}


static void
configure_early(const kecs_ecs_deployment_early_success_criteria_t *e,
    rollout_t *sd)
{
    if (!e->enable.value) {
        return;
    }

    sd->early = kecs_str_is(e->source_service_revision_cleanup, "DEFERRED")
                ? KECS_EARLY_DEFERRED : KECS_EARLY_BLOCKING;
    sd->early_percent = (uint32_t) e->healthy_percent.value;
}


static uint32_t
tenths(kecs_opt_double_t percent)
{
    return (uint32_t) (percent.value * 10 + 0.5);
}


static void
configure(const kecs_ecs_deployment_configuration_t *g, rollout_t *sd)
{
    if (g == NULL) {
        return;
    }

    if (g->deployment_circuit_breaker != NULL) {
        configure_breaker(g->deployment_circuit_breaker, sd);
    }

    if (g->alarms != NULL) {
        configure_alarms(g->alarms, sd);
    }

    sd->strategy = (uint8_t) kecs_deploy_of(g->strategy);
    sd->bake = (uint32_t) g->bake_time_in_minutes.value;
    sd->step = KECS_TRAFFIC_FULL;

    if (g->linear_configuration != NULL) {
        sd->step = tenths(g->linear_configuration->step_percent);
        sd->step_bake = (uint32_t) g->linear_configuration
                                    ->step_bake_time_in_minutes.value;

    } else if (g->canary_configuration != NULL) {
        sd->step = tenths(g->canary_configuration->canary_percent);
        sd->step_bake = (uint32_t) g->canary_configuration
                                    ->canary_bake_time_in_minutes.value;
    }

    if (g->early_success_criteria != NULL) {
        configure_early(g->early_success_criteria, sd);
    }

    configure_hooks(g, sd);
}


/*
 * When the new deployment began: after the one before, so that the order of
 * their times is that of the calls.
 */

static kecs_rc_t
begun_at(kecs_call_t *c, const kecs_service_t *s, kecs_msec_t *at)
{
    kecs_rc_t                  rc;
    kecs_key_t                 prefix;
    kecs_scan_t               *scan;
    kecs_service_deployment_t  last;

    *at = c->now;
    memset(&last, 0, sizeof(last));
    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, s->cluster);
    kecs_key_u32(&prefix, s->no);

    rc = kecs_scan(c->txn, c->arena, KECS_IX_SERVICE_DEPLOYMENT_TIME,
                   c->scope, &prefix, kecs_null_str, true, &scan);

    if (rc == KECS_OK) {
        rc = kecs_scan_first(scan, &last);
    }

    if (rc == KECS_OK) {
        rc = kecs_get(c->txn, c->arena, &last, 0);
    }

    if (rc == KECS_OK && last.created_at >= c->now) {
        *at = last.created_at + 1;
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


kecs_rc_t
kecs_service_deployment_start(kecs_call_t *c,
    const kecs_service_spec_t *spec, const kecs_service_t *s, uint64_t id)
{
    kecs_rc_t   rc;
    rollout_t   sd;
    kecs_str_t  fixed, before;

    memset(&sd, 0, sizeof(sd));
    sd.rec.kind = KECS_SERVICE_DEPLOYMENT;
    sd.rec.scope = s->rec.scope;
    sd.rec.gen = KECS_ECS_GEN;
    sd.cluster = s->cluster;
    sd.service = s->no;
    sd.id = id;
    sd.run = id;
    sd.status = KECS_SERVICE_DEPLOYMENT_PENDING;
    sd.name = new_name(c);
    configure(spec->s.deployment_configuration, &sd);

    if (sd.name.data == NULL) {
        return KECS_NOMEM;
    }

    rc = begun_at(c, s, &sd.created_at);
    sd.updated_at = sd.created_at;

    if (rc == KECS_OK) {
        rc = static_part(c, spec, &fixed);
    }

    if (rc == KECS_OK) {
        rc = sources(c, s, &before);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_rec_part(&sd.rec, KECS_SERVICE_DEPLOYMENT_STATIC, fixed);
    kecs_rec_part(&sd.rec, KECS_SERVICE_DEPLOYMENT_SOURCES, before);

    return kecs_put(c->txn, &sd);
}


kecs_rc_t
kecs_service_deployment_get(kecs_call_t *c, const kecs_service_t *s,
    uint64_t id, kecs_service_deployment_t *sd)
{
    memset(sd, 0, sizeof(*sd));
    sd->rec.kind = KECS_SERVICE_DEPLOYMENT;
    sd->rec.scope = s->rec.scope;
    sd->cluster = s->cluster;
    sd->service = s->no;
    sd->id = id;

    return kecs_get(c->txn, c->arena, sd, KECS_ALL_PARTS);
}


kecs_rc_t
kecs_service_event(kecs_call_t *c, const kecs_service_t *s, uint64_t set,
    kecs_str_t text)
{
    uint8_t     id[KECS_ID_LEN];
    kecs_str_t  message;

    message = set != 0
              ? kecs_sprintf(c->arena, "(service %.*s, taskSet "
                             KECS_DEPLOYMENT_FMT ") %.*s",
                             kecs_fmt(s->name), set, kecs_fmt(text))
              : kecs_sprintf(c->arena, "(service %.*s) %.*s",
                             kecs_fmt(s->name), kecs_fmt(text));

    if (message.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_rand_bytes(c->rand, id, sizeof(id));
    id[6] = (uint8_t) ((id[6] & 0x0f) | 0x40);
    id[8] = (uint8_t) ((id[8] & 0x3f) | 0x80);

    return kecs_event_add(c->txn, c->arena, s, c->now, id, message);
}


/* Endings. */

static void
end_one(rollout_t *sd, kecs_msec_t now, kecs_str_t reason)
{
    sd->status = sd->status == KECS_SERVICE_DEPLOYMENT_ROLLBACK_IN_PROGRESS
                 ? KECS_SERVICE_DEPLOYMENT_ROLLBACK_FAILED
                 : KECS_SERVICE_DEPLOYMENT_STOPPED;
    sd->reason = reason;
    sd->stopped_at = now;
    sd->finished_at = now;
    sd->updated_at = now;
    sd->version++;
}


kecs_rc_t
kecs_service_deployments_end(kecs_call_t *c, const kecs_service_t *s,
    kecs_str_t reason)
{
    kecs_rc_t     rc;
    rollout_t     sd;
    kecs_key_t    prefix;
    kecs_str_t    key;
    kecs_scan_t  *scan;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, s->cluster);
    kecs_key_u32(&prefix, s->no);

    rc = kecs_scan(c->txn, c->arena, KECS_IX_SERVICE_DEPLOYMENT_LIVE,
                   s->rec.scope, &prefix, kecs_null_str, false, &scan);

    while (rc == KECS_OK) {
        memset(&sd, 0, sizeof(sd));
        rc = kecs_scan_next(scan, &key, &sd);

        if (rc == KECS_OK) {
            rc = kecs_get(c->txn, c->arena, &sd, 0);
        }

        if (rc == KECS_OK) {
            end_one(&sd, c->now, reason);
            rc = kecs_put(c->txn, &sd);
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


/* Going back. */

static kecs_rc_t
definition_there(kecs_call_t *c, const kecs_revision_t *r)
{
    kecs_taskdef_t  t;

    memset(&t, 0, sizeof(t));
    t.rec.kind = KECS_TASKDEF;
    t.rec.scope = r->rec.scope;
    t.family = r->family;
    t.revision = r->revision;

    return kecs_get(c->txn, c->arena, &t, 0);
}


/* A revision that was rolled out, and whose definition is there still. */

static kecs_rc_t
candidate(kecs_call_t *c, const kecs_service_t *s, uint64_t id,
    kecs_revision_t *r)
{
    kecs_rc_t          rc;
    kecs_deployment_t  d;

    rc = id == s->completed ? KECS_OK
                            : kecs_deployment_get(c, s, id, 0, &d);

    if (rc == KECS_OK && id != s->completed
        && d.rollout != KECS_ROLLOUT_COMPLETED)
    {
        return KECS_NOT_FOUND;
    }

    if (rc == KECS_OK) {
        rc = kecs_revision_get(c, s, id, r);
    }

    return rc == KECS_OK ? definition_there(c, r) : rc;
}


/*
 * The revision to go back to: the one that was last rolled out.
 * KECS_NOT_FOUND when none is left.
 */

static kecs_rc_t
source_revision(kecs_call_t *c, const kecs_service_t *s,
    const rollout_t *sd, kecs_revision_t *r)
{
    uint64_t            id;
    kecs_rc_t           rc;
    kecs_json_t        *list;
    const kecs_json_t  *v;

    rc = s->completed != 0 && s->completed != sd->id
         ? candidate(c, s, s->completed, r) : KECS_NOT_FOUND;

    if (rc != KECS_NOT_FOUND) {
        return rc;
    }

    rc = kecs_json_parse(c->arena,
                         sd->rec.part[KECS_SERVICE_DEPLOYMENT_SOURCES],
                         &list);

    if (rc != KECS_OK) {
        return rc == KECS_NOMEM ? rc : KECS_NOT_FOUND;
    }

    rc = KECS_NOT_FOUND;

    for (v = list->first; rc == KECS_NOT_FOUND && v != NULL; v = v->next) {
        if (kecs_str_u64(v->str, &id)) {
            rc = candidate(c, s, id, r);
        }
    }

    return rc;
}


/* The service as it is, with what the revision says of it. */

static kecs_rc_t
spec_of_revision(kecs_call_t *c, const kecs_service_t *s,
    const kecs_revision_t *rev, kecs_service_spec_t *spec)
{
    kecs_rc_t                     rc;
    kecs_ecs_service_revision_t  *r;

    r = &spec->r;
    rc = kecs_fragment_load(c, &kecs_ecs_service_shape,
                            s->rec.part[KECS_SERVICE_STATIC], &spec->s);

    if (rc == KECS_OK) {
        rc = kecs_fragment_load(c, &kecs_ecs_service_revision_shape,
                                rev->rec.part[KECS_REVISION_STATIC], r);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    spec->controller = kecs_controller_of_service(s);
    spec->strategy = s->strategy;
    spec->taskdef.family = rev->family;
    spec->taskdef.revision = rev->revision;
    spec->launch.launch = kecs_launch_of(r->launch_type);
    spec->launch.strategy = r->capacity_provider_strategy;
    spec->launch.platform_version = r->platform_version;
    spec->launch.platform_family = r->platform_family;
    spec->s.capacity_provider_strategy = r->capacity_provider_strategy;
    spec->s.platform_version = rev->platform;
    spec->s.platform_family = r->platform_family;
    spec->s.network_configuration = r->network_configuration;
    spec->s.load_balancers = r->load_balancers;
    spec->s.service_registries = r->service_registries;
    spec->d.service_connect_configuration = r->service_connect_configuration;
    spec->d.volume_configurations = r->volume_configurations;
    spec->d.vpc_lattice_configurations = r->vpc_lattice_configurations;

    rc = kecs_cluster_by_no(c, s->cluster, &spec->cluster);

    if (rc == KECS_OK) {
        rc = kecs_spec_namespace(c, spec);
    }

    return rc == KECS_OK ? kecs_spec_render(c, spec) : rc;
}


/* Without the gateways of then it goes on without any. */

static kecs_rc_t
connect(kecs_call_t *c, const kecs_service_spec_t *spec,
    const kecs_service_t *s)
{
    kecs_rc_t  rc;

    rc = kecs_spec_connect(c, spec, s);

    return rc == KECS_FAILED ? kecs_gateways_disconnect(c, s) : rc;
}


static kecs_rc_t
tell_back(kecs_call_t *c, const kecs_service_t *s, uint64_t id)
{
    kecs_str_t  text;

    text = kecs_sprintf(c->arena, "rolling back to deployment "
                        KECS_DEPLOYMENT_FMT ".", id);

    return text.data != NULL ? kecs_service_event(c, s, 0, text)
                             : KECS_NOMEM;
}


static kecs_rc_t
go_back(kecs_call_t *c, kecs_service_t *s, rollout_t *sd,
    kecs_service_spec_t *spec)
{
    kecs_rc_t        rc;
    kecs_revision_t  rev;

    rc = source_revision(c, s, sd, &rev);

    if (rc == KECS_OK) {
        rc = spec_of_revision(c, s, &rev, spec);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_spec_head(spec, s);
    s->version++;
    s->steady = 0;
    sd->status = KECS_SERVICE_DEPLOYMENT_ROLLBACK_IN_PROGRESS;
    sd->rollback_at = c->now;
    sd->updated_at = c->now;
    sd->stage = sd->stage != 0 ? KECS_STAGE_CLEAN_UP : 0;
    sd->weight = 0;
    sd->test_weight = 0;
    sd->awaiting = 0;
    sd->version++;
    rc = connect(c, spec, s);

    if (rc == KECS_OK) {
        rc = kecs_deployment_back(c, spec, s, sd, rev.id);
    }

    if (rc == KECS_OK) {
        rc = kecs_put(c->txn, s);
    }

    return rc == KECS_OK ? tell_back(c, s, rev.id) : rc;
}


kecs_rc_t
kecs_service_roll_back(kecs_call_t *c, kecs_service_t *s,
    kecs_service_deployment_t *sd)
{
    kecs_rc_t             rc;
    kecs_service_spec_t  *spec;

    spec = kecs_zalloc(c->arena, sizeof(kecs_service_spec_t));

    if (spec == NULL) {
        return KECS_NOMEM;
    }

    rc = go_back(c, s, sd, spec);

    if (rc == KECS_NOT_FOUND) {
        sd->status = KECS_SERVICE_DEPLOYMENT_ROLLBACK_FAILED;
        sd->reason = kecs_str("No rollback candidate was found to run the"
                              " rollback.");
        sd->stopped_at = c->now;
        sd->finished_at = c->now;
        sd->updated_at = c->now;
        sd->version++;
        rc = kecs_deployment_fail(c, s);
    }

    return rc == KECS_OK ? kecs_put(c->txn, sd) : rc;
}
