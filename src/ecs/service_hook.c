/*
 * Lifecycle hooks of service deployments: begun when a stage is entered,
 * answered by ContinueServiceDeployment, or ended by their timeout.  What
 * is shown of those of the current stage is a part of the record, ready to
 * send; the head has what the scheduler needs of them.  Memory is the
 * call's.
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


static kecs_msec_t
expires(const detail_t *d)
{
    return (kecs_msec_t) (d->expires_at.value * 1000 + 0.5);
}


/* Going back because of a hook. */

static kecs_rc_t
request_rollback(kecs_call_t *c, const kecs_service_t *s, rollout_t *sd,
    kecs_str_t why)
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


/* The record with its hooks as they are now. */

static kecs_rc_t
put(kecs_call_t *c, rollout_t *sd, const shown_t *shown)
{
    size_t           i;
    shown_t          only;
    kecs_str_t       json;
    const detail_t  *d;

    sd->awaiting = 0;
    sd->hook_at = 0;

    for (i = 0; i < shown->lifecycle_hook_details.n; i++) {
        d = &shown->lifecycle_hook_details.items[i];

        if (is_awaiting(d)) {
            sd->awaiting++;
            sd->hook_at = sd->hook_at == 0 || expires(d) < sd->hook_at
                          ? expires(d) : sd->hook_at;
        }
    }

    memset(&only, 0, sizeof(only));
    only.lifecycle_hook_details = shown->lifecycle_hook_details;
    only.lifecycle_hook_details.set = true;
    json = kecs_shape_json(c->arena, &kecs_ecs_service_deployment_shape,
                           &only);

    if (json.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_rec_part(&sd->rec, KECS_SERVICE_DEPLOYMENT_HOOKS, json);
    sd->updated_at = c->now;
    sd->version++;

    return kecs_put(c->txn, sd);
}


static kecs_rc_t
load(kecs_call_t *c, rollout_t *sd, unsigned part, shown_t *shown)
{
    if (sd->rec.part[part].len == 0) {
        memset(shown, 0, sizeof(*shown));
        return KECS_OK;
    }

    return kecs_fragment_load(c, &kecs_ecs_service_deployment_shape,
                              sd->rec.part[part], shown);
}


/* A stage is entered. */

static bool
is_at(const hook_t *h, const char *stage)
{
    return kecs_names_has(h->lifecycle_stages.n, h->lifecycle_stages.items,
                          stage);
}


/* Functions are not called: such a hook fails as one that cannot be. */

static kecs_rc_t
begin(kecs_call_t *c, const kecs_service_t *s, rollout_t *sd,
    const hook_t *h, kecs_msec_t minute, detail_t *d)
{
    char     id[KECS_UUID_LEN + 1];
    int64_t  minutes;
    const kecs_ecs_deployment_lifecycle_hook_timeout_configuration_t  *t;

    t = h->timeout_configuration;
    minutes = t != NULL && t->timeout_in_minutes.set
              ? t->timeout_in_minutes.value : TIMEOUT_MINUTES;
    kecs_rand_uuid(c->rand, id);
    d->hook_id = kecs_sprintf(c->arena, "%s", id);
    d->target_type = h->target_type.len != 0 ? h->target_type
                                             : kecs_str("AWS_LAMBDA");

    if (d->hook_id.data == NULL) {
        return KECS_NOMEM;
    }

    if (!kecs_str_is(d->target_type, "PAUSE")) {
        d->target_arn = h->hook_target_arn;
        d->status = kecs_str("FAILED");

        return request_rollback(c, s, sd, kecs_sprintf(c->arena,
                                "Lifecycle hook target %.*s cannot be"
                                " invoked: no AWS Lambda is configured.",
                                kecs_fmt(h->hook_target_arn)));
    }

    d->status = kecs_str("AWAITING_ACTION");
    d->expires_at = (kecs_opt_double_t) {
        (double) (c->now + minutes * minute) / 1000, true };
    d->timeout_action = t != NULL && t->action.len != 0
                        ? t->action : kecs_str("ROLLBACK");

    return KECS_OK;
}


kecs_rc_t
kecs_stage_enter(kecs_call_t *c, const kecs_service_t *s,
    kecs_service_deployment_t *sd, kecs_msec_t minute)
{
    size_t         i, n;
    shown_t        shown, fixed;
    kecs_rc_t      rc;
    const char    *stage;
    const hook_t  *h;

    stage = kecs_stage_name(sd->stage);
    sd->stage_at = c->now;
    memset(&shown, 0, sizeof(shown));
    rc = load(c, sd, KECS_SERVICE_DEPLOYMENT_STATIC, &fixed);

    if (rc != KECS_OK || fixed.deployment_configuration == NULL) {
        return rc == KECS_OK ? put(c, sd, &shown) : rc;
    }

    n = fixed.deployment_configuration->lifecycle_hooks.n;
    h = fixed.deployment_configuration->lifecycle_hooks.items;
    shown.lifecycle_hook_details.items = kecs_calloc(c->arena, n,
                                                     sizeof(detail_t));

    if (shown.lifecycle_hook_details.items == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; rc == KECS_OK && i < n; i++) {
        if (is_at(&h[i], stage)) {
            rc = begin(c, s, sd, &h[i], minute,
                       &shown.lifecycle_hook_details.items[
                           shown.lifecycle_hook_details.n++]);
        }
    }

    return rc == KECS_OK ? put(c, sd, &shown) : rc;
}


/* Hooks end. */

kecs_rc_t
kecs_hooks_expire(kecs_call_t *c, const kecs_service_t *s,
    kecs_service_deployment_t *sd)
{
    size_t      i;
    shown_t     shown;
    detail_t   *d;
    kecs_rc_t   rc;

    rc = load(c, sd, KECS_SERVICE_DEPLOYMENT_HOOKS, &shown);

    for (i = 0; rc == KECS_OK && i < shown.lifecycle_hook_details.n; i++) {
        d = &shown.lifecycle_hook_details.items[i];

        if (!is_awaiting(d) || expires(d) > c->now) {
            continue;
        }

        d->status = kecs_str("TIMED_OUT");

        if (kecs_str_is(d->timeout_action, "ROLLBACK")) {
            rc = request_rollback(c, s, sd, kecs_sprintf(c->arena,
                                  "Lifecycle hook %.*s timed out.",
                                  kecs_fmt(d->hook_id)));
        }
    }

    return rc == KECS_OK ? put(c, sd, &shown) : rc;
}


kecs_rc_t
kecs_hook_answer(kecs_call_t *c, const kecs_service_t *s,
    kecs_service_deployment_t *sd, kecs_str_t id, bool back)
{
    size_t      i;
    shown_t     shown;
    detail_t   *d;
    kecs_rc_t   rc;

    if (sd->status != KECS_SERVICE_DEPLOYMENT_IN_PROGRESS) {
        return KECS_NOT_FOUND;
    }

    rc = load(c, sd, KECS_SERVICE_DEPLOYMENT_HOOKS, &shown);

    if (rc != KECS_OK) {
        return rc;
    }

    for (i = 0; i < shown.lifecycle_hook_details.n; i++) {
        d = &shown.lifecycle_hook_details.items[i];

        if (!is_awaiting(d) || !kecs_str_eq(d->hook_id, id)) {
            continue;
        }

        d->status = back ? kecs_str("FAILED") : kecs_str("SUCCEEDED");
        rc = back ? request_rollback(c, s, sd, kecs_sprintf(c->arena,
                                     "Lifecycle hook %.*s was answered with"
                                     " ROLLBACK.", kecs_fmt(id)))
                  : KECS_OK;

        return rc == KECS_OK ? put(c, sd, &shown) : rc;
    }

    return KECS_NOT_FOUND;
}
