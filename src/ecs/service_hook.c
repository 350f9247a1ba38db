/*
 * Lifecycle hooks of service deployments: begun when a stage is entered,
 * answered by ContinueServiceDeployment or by their function, or ended by
 * their timeout.  What is shown of those of the current stage is a part of
 * the record, ready to send, what is known of their functions is another;
 * the head has what the scheduler needs of them.  Memory is the call's.
 */

#include "service_intern.h"


#define TIMEOUT_MINUTES  1440

typedef kecs_service_deployment_t                    rollout_t;
typedef kecs_ecs_service_deployment_t                shown_t;
typedef kecs_ecs_deployment_lifecycle_hook_t         hook_t;
typedef kecs_ecs_deployment_lifecycle_hook_detail_t  detail_t;


static bool
is_awaiting(const detail_t *d)
{
    return kecs_str_is(d->status, "AWAITING_ACTION");
}


bool
kecs_hook_runs(const kecs_ecs_deployment_lifecycle_hook_detail_t *d)
{
    return kecs_str_is(d->status, "IN_PROGRESS");
}


static kecs_msec_t
expires(const detail_t *d)
{
    return (kecs_msec_t) (d->expires_at.value * 1000 + 0.5);
}


kecs_rc_t
kecs_hook_back(kecs_call_t *c, const kecs_service_t *s,
    kecs_service_deployment_t *sd, kecs_str_t why)
{
    kecs_str_t  text;

    if (sd->status == KECS_SERVICE_DEPLOYMENT_ROLLBACK_REQUESTED) {
        return KECS_OK;
    }

    sd->status = KECS_SERVICE_DEPLOYMENT_ROLLBACK_REQUESTED;
    sd->reason = kecs_sprintf(c->arena, "Service deployment rolled back"
                              " because %s lifecycle hook(s) failed. %.*s",
                              kecs_stage_name(sd->stage), kecs_fmt(why));
    sd->rollback_reason = sd->reason;
    text = kecs_sprintf(c->arena, "(deployment " KECS_DEPLOYMENT_FMT
                        ") deployment failed: %.*s", sd->id,
                        kecs_fmt(sd->reason));

    if (why.data == NULL || sd->reason.data == NULL || text.data == NULL) {
        return KECS_NOMEM;
    }

    return kecs_service_event(c, s, 0, text);
}


/* The head of the record, from its hooks as they are now. */

static void
count(rollout_t *sd, const kecs_hooks_t *h)
{
    size_t           i;
    kecs_msec_t      at;
    const detail_t  *d;

    sd->awaiting = 0;
    sd->hook_at = 0;
    sd->call_at = 0;

    for (i = 0; i < h->n; i++) {
        d = &h->details[i];
        at = h->calls[i].at;

        if (!is_awaiting(d) && !kecs_hook_runs(d)) {
            continue;
        }

        sd->awaiting++;
        sd->hook_at = sd->hook_at == 0 || expires(d) < sd->hook_at
                      ? expires(d) : sd->hook_at;

        if (kecs_hook_runs(d) && (sd->call_at == 0 || at < sd->call_at)) {
            sd->call_at = at;
        }
    }
}


static kecs_str_t
render_calls(kecs_arena_t *a, const kecs_hooks_t *h)
{
    size_t         i;
    kecs_buf_t     b;
    kecs_writer_t  w;

    kecs_buf_init(&b, a, 0);
    w = kecs_writer(&b);
    kecs_w_array(&w, NULL);

    for (i = 0; i < h->n; i++) {
        kecs_w_object(&w, NULL);
        kecs_w_i64(&w, "at", h->calls[i].at);
        kecs_w_raw(&w, "hookDetails", h->calls[i].details);
        kecs_w_bool(&w, "told", h->calls[i].told);
        kecs_w_object_end(&w);
    }

    kecs_w_array_end(&w);

    return b.failed ? kecs_null_str : kecs_buf_view(&b);
}


kecs_rc_t
kecs_hooks_put(kecs_call_t *c, kecs_service_deployment_t *sd,
    const kecs_hooks_t *h)
{
    shown_t     only;
    kecs_str_t  json, calls;

    memset(&only, 0, sizeof(only));
    only.lifecycle_hook_details.items = h->details;
    only.lifecycle_hook_details.n = h->n;
    only.lifecycle_hook_details.set = true;
    json = kecs_shape_json(c->arena, &kecs_ecs_service_deployment_shape,
                           &only);
    calls = render_calls(c->arena, h);

    if (json.data == NULL || calls.data == NULL) {
        return KECS_NOMEM;
    }

    count(sd, h);
    kecs_rec_part(&sd->rec, KECS_SERVICE_DEPLOYMENT_HOOKS, json);
    kecs_rec_part(&sd->rec, KECS_SERVICE_DEPLOYMENT_CALLS, calls);
    sd->updated_at = c->now;
    sd->version++;

    return kecs_put(c->txn, sd);
}


static kecs_rc_t
load(kecs_call_t *c, const rollout_t *sd, unsigned part, shown_t *shown)
{
    if (sd->rec.part[part].len == 0) {
        memset(shown, 0, sizeof(*shown));
        return KECS_OK;
    }

    return kecs_fragment_load(c, &kecs_ecs_service_deployment_shape,
                              sd->rec.part[part], shown);
}


/* Those of an earlier release have no functions. */

static kecs_rc_t
load_calls(kecs_call_t *c, const rollout_t *sd, kecs_hooks_t *h)
{
    size_t              i;
    kecs_rc_t           rc;
    kecs_buf_t          b;
    kecs_writer_t       w;
    kecs_json_t        *list;
    const kecs_json_t  *v, *details;

    if (sd->rec.part[KECS_SERVICE_DEPLOYMENT_CALLS].len == 0) {
        return KECS_OK;
    }

    rc = kecs_json_parse(c->arena,
                         sd->rec.part[KECS_SERVICE_DEPLOYMENT_CALLS], &list);

    if (rc != KECS_OK) {
        return rc == KECS_NOMEM ? rc : KECS_CORRUPT;
    }

    for (i = 0, v = list->first; i < h->n && v != NULL; i++, v = v->next) {
        (void) kecs_json_i64(kecs_json_get(v, "at"), &h->calls[i].at);
        h->calls[i].told = kecs_json_true(kecs_json_get(v, "told"));
        details = kecs_json_get(v, "hookDetails");

        if (details == NULL) {
            continue;
        }

        kecs_buf_init(&b, c->arena, 0);
        w = kecs_writer(&b);
        kecs_w_json(&w, NULL, details);
        h->calls[i].details = kecs_buf_view(&b);

        if (b.failed) {
            return KECS_NOMEM;
        }
    }

    return KECS_OK;
}


static kecs_rc_t
make_room(kecs_call_t *c, kecs_hooks_t *h, size_t n)
{
    h->n = 0;
    h->details = kecs_calloc(c->arena, n, sizeof(detail_t));
    h->calls = kecs_calloc(c->arena, n, sizeof(kecs_hook_call_t));

    return h->details != NULL && h->calls != NULL ? KECS_OK : KECS_NOMEM;
}


kecs_rc_t
kecs_hooks_load(kecs_call_t *c, const kecs_service_deployment_t *sd,
    kecs_hooks_t *h)
{
    shown_t    shown;
    kecs_rc_t  rc;

    rc = load(c, sd, KECS_SERVICE_DEPLOYMENT_HOOKS, &shown);

    if (rc == KECS_OK) {
        rc = make_room(c, h, shown.lifecycle_hook_details.n);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    h->n = shown.lifecycle_hook_details.n;

    if (h->n != 0) {
        memcpy(h->details, shown.lifecycle_hook_details.items,
               h->n * sizeof(detail_t));
    }

    return load_calls(c, sd, h);
}


/* A stage is entered. */

static bool
is_at(const hook_t *h, const char *stage)
{
    return kecs_names_has(h->lifecycle_stages.n, h->lifecycle_stages.items,
                          stage);
}


/* Its function is due at once, unless nobody can invoke it. */

static kecs_rc_t
begin_function(kecs_call_t *c, const kecs_service_t *s, rollout_t *sd,
    const hook_t *h, bool functions, detail_t *d, kecs_hook_call_t *call)
{
    d->target_arn = h->hook_target_arn;

    if (!functions) {
        d->status = kecs_str("FAILED");
        return kecs_hook_back(c, s, sd,
                              kecs_function_nobody(c, d->target_arn));
    }

    d->status = kecs_str("IN_PROGRESS");
    call->at = c->now;
    call->details = h->hook_details;

    return KECS_OK;
}


static kecs_rc_t
begin(kecs_call_t *c, const kecs_service_t *s, rollout_t *sd,
    const hook_t *h, const kecs_hook_conf_t *conf, kecs_hooks_t *out)
{
    char       id[KECS_UUID_LEN + 1];
    int64_t    minutes;
    detail_t  *d;
    const kecs_ecs_deployment_lifecycle_hook_timeout_configuration_t  *t;

    d = &out->details[out->n++];
    t = h->timeout_configuration;
    minutes = t != NULL && t->timeout_in_minutes.set
              ? t->timeout_in_minutes.value : TIMEOUT_MINUTES;
    kecs_rand_uuid(c->rand, id);
    d->hook_id = kecs_sprintf(c->arena, "%s", id);
    d->target_type = h->target_type.len != 0 ? h->target_type
                                             : kecs_str("AWS_LAMBDA");
    d->expires_at = (kecs_opt_double_t) {
        (double) (c->now + minutes * conf->minute) / 1000, true };
    d->timeout_action = t != NULL && t->action.len != 0
                        ? t->action : kecs_str("ROLLBACK");
    d->status = kecs_str("AWAITING_ACTION");

    if (d->hook_id.data == NULL) {
        return KECS_NOMEM;
    }

    return kecs_str_is(d->target_type, "PAUSE")
           ? KECS_OK : begin_function(c, s, sd, h, conf->functions, d,
                                      &out->calls[out->n - 1]);
}


kecs_rc_t
kecs_stage_enter(kecs_call_t *c, const kecs_service_t *s,
    kecs_service_deployment_t *sd, const kecs_hook_conf_t *conf)
{
    size_t         i, n;
    shown_t        fixed;
    kecs_rc_t      rc;
    const char    *stage;
    kecs_hooks_t   hooks;
    const hook_t  *h;

    stage = kecs_stage_name(sd->stage);
    sd->stage_at = c->now;
    rc = load(c, sd, KECS_SERVICE_DEPLOYMENT_STATIC, &fixed);

    if (rc != KECS_OK) {
        return rc;
    }

    n = 0;
    h = NULL;

    if (fixed.deployment_configuration != NULL) {
        n = fixed.deployment_configuration->lifecycle_hooks.n;
        h = fixed.deployment_configuration->lifecycle_hooks.items;
    }

    rc = make_room(c, &hooks, n);

    for (i = 0; rc == KECS_OK && i < n; i++) {
        if (is_at(&h[i], stage)) {
            rc = begin(c, s, sd, &h[i], conf, &hooks);
        }
    }

    return rc == KECS_OK ? kecs_hooks_put(c, sd, &hooks) : rc;
}


/* Hooks end. */

kecs_rc_t
kecs_hooks_expire(kecs_call_t *c, const kecs_service_t *s,
    kecs_service_deployment_t *sd)
{
    size_t         i;
    detail_t      *d;
    kecs_rc_t      rc;
    kecs_hooks_t   h;

    rc = kecs_hooks_load(c, sd, &h);

    for (i = 0; rc == KECS_OK && i < h.n; i++) {
        d = &h.details[i];

        if ((!is_awaiting(d) && !kecs_hook_runs(d)) || expires(d) > c->now) {
            continue;
        }

        d->status = kecs_str("TIMED_OUT");

        if (kecs_str_is(d->timeout_action, "ROLLBACK")) {
            rc = kecs_hook_back(c, s, sd, kecs_sprintf(c->arena,
                                "Lifecycle hook %.*s timed out.",
                                kecs_fmt(d->hook_id)));
        }
    }

    return rc == KECS_OK ? kecs_hooks_put(c, sd, &h) : rc;
}


kecs_rc_t
kecs_hook_answer(kecs_call_t *c, const kecs_service_t *s,
    kecs_service_deployment_t *sd, kecs_str_t id, bool back)
{
    size_t         i;
    detail_t      *d;
    kecs_rc_t      rc;
    kecs_hooks_t   h;

    if (sd->status != KECS_SERVICE_DEPLOYMENT_IN_PROGRESS) {
        return KECS_NOT_FOUND;
    }

    rc = kecs_hooks_load(c, sd, &h);

    if (rc != KECS_OK) {
        return rc;
    }

    for (i = 0; i < h.n; i++) {
        d = &h.details[i];

        if (!is_awaiting(d) || !kecs_str_eq(d->hook_id, id)) {
            continue;
        }

        d->status = back ? kecs_str("FAILED") : kecs_str("SUCCEEDED");
        rc = back ? kecs_hook_back(c, s, sd, kecs_sprintf(c->arena,
                                   "Lifecycle hook %.*s was answered with"
                                   " ROLLBACK.", kecs_fmt(id)))
                  : KECS_OK;

        return rc == KECS_OK ? kecs_hooks_put(c, sd, &h) : rc;
    }

    return KECS_NOT_FOUND;
}
