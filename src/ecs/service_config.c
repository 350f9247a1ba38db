/*
 * The deployment configuration of a service: ECS's defaults, what a request
 * lays over them, and ECS's rules for the result.  Memory is the call's;
 * the result shares it with what was given.
 */

#include "service_intern.h"


#define BAKE_MAX   1440
#define HOOK_TIME  20160
#define TENTHS_OF(percent)  ((int64_t) ((percent) * 10 + 0.5))

typedef kecs_ecs_deployment_configuration_t  config_t;


/* The circuit breaker. */

static kecs_opt_bool_t
bool_or(kecs_opt_bool_t given, bool otherwise)
{
    return (kecs_opt_bool_t) { given.set ? given.value : otherwise, true };
}


/* The breaker with all its members; NULL: the one of a new service. */

static kecs_rc_t
breaker(kecs_call_t *c, const kecs_ecs_deployment_circuit_breaker_t *given,
    kecs_ecs_deployment_circuit_breaker_t **out)
{
    kecs_ecs_threshold_configuration_t     *threshold;
    kecs_ecs_deployment_circuit_breaker_t  *b;

    b = kecs_zalloc(c->arena, sizeof(*b));
    threshold = kecs_zalloc(c->arena, sizeof(*threshold));

    if (b == NULL || threshold == NULL) {
        return KECS_NOMEM;
    }

    if (given != NULL) {
        *b = *given;
    }

    if (b->threshold_configuration != NULL) {
        *threshold = *b->threshold_configuration;

    } else {
        threshold->type = kecs_str("BOUNDED_PERCENT");
        threshold->value = (kecs_opt_int_t) { 50, true };
    }

    b->enable = bool_or(b->enable, false);
    b->rollback = bool_or(b->rollback, false);
    b->reset_on_healthy_task = bool_or(b->reset_on_healthy_task, true);
    b->threshold_configuration = threshold;
    *out = b;

    return kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "threshold type",
                           &kecs_ecs_threshold_type_shape,
                           threshold->type);
}


/* Strategies. */

static kecs_opt_double_t
double_or(kecs_opt_double_t given, double otherwise)
{
    return (kecs_opt_double_t) { given.set ? given.value : otherwise, true };
}


static kecs_opt_int_t
int_or(kecs_opt_int_t given, int64_t otherwise)
{
    return (kecs_opt_int_t) { given.set ? given.value : otherwise, true };
}


/* A multiple of 0.1 between two bounds, in tenths. */

static kecs_rc_t
percent_check(kecs_call_t *c, const char *name, double percent,
    int64_t least)
{
    double   off;
    int64_t  tenths;

    tenths = percent >= 0 && percent <= 100 ? TENTHS_OF(percent) : -1;
    off = percent * 10 - (double) tenths;

    if (tenths < least || tenths > 1000 || off > 1e-6 || off < -1e-6) {
        return kecs_bad(c, "%s must be a multiple of 0.1 between %d.%d and"
                        " 100.0", name, (int) (least / 10),
                        (int) (least % 10));
    }

    return KECS_OK;
}


static kecs_rc_t
minutes_check(kecs_call_t *c, const char *name, int64_t minutes)
{
    if (minutes < 0 || minutes > BAKE_MAX) {
        return kecs_bad(c, "%s must be between 0 and %d", name, BAKE_MAX);
    }

    return KECS_OK;
}


static kecs_rc_t
linear(kecs_call_t *c, config_t *d)
{
    kecs_rc_t                         rc;
    kecs_ecs_linear_configuration_t  *l;

    l = kecs_zalloc(c->arena, sizeof(*l));

    if (l == NULL) {
        return KECS_NOMEM;
    }

    if (d->linear_configuration != NULL) {
        *l = *d->linear_configuration;
    }

    l->step_percent = double_or(l->step_percent, 10.0);
    l->step_bake_time_in_minutes = int_or(l->step_bake_time_in_minutes, 6);
    d->linear_configuration = l;

    rc = percent_check(c, "stepPercent", l->step_percent.value, 30);

    return rc == KECS_OK
           ? minutes_check(c, "stepBakeTimeInMinutes",
                           l->step_bake_time_in_minutes.value) : rc;
}


static kecs_rc_t
canary(kecs_call_t *c, config_t *d)
{
    kecs_rc_t                         rc;
    kecs_ecs_canary_configuration_t  *k;

    k = kecs_zalloc(c->arena, sizeof(*k));

    if (k == NULL) {
        return KECS_NOMEM;
    }

    if (d->canary_configuration != NULL) {
        *k = *d->canary_configuration;
    }

    k->canary_percent = double_or(k->canary_percent, 5.0);
    k->canary_bake_time_in_minutes = int_or(k->canary_bake_time_in_minutes,
                                            10);
    d->canary_configuration = k;

    rc = percent_check(c, "canaryPercent", k->canary_percent.value, 1);

    return rc == KECS_OK
           ? minutes_check(c, "canaryBakeTimeInMinutes",
                           k->canary_bake_time_in_minutes.value) : rc;
}


/* A configuration belongs to its strategy, and goes when that changes. */

static kecs_rc_t
strategy_settle(kecs_call_t *c, const config_t *given, config_t *d)
{
    kecs_rc_t  rc;

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "deployment strategy",
                         &kecs_ecs_deployment_strategy_shape, d->strategy);

    if (rc != KECS_OK) {
        return rc;
    }

    if (!kecs_str_is(d->strategy, "LINEAR")) {
        if (given->linear_configuration != NULL) {
            return kecs_bad(c, "linearConfiguration is only valid when the"
                            " deployment strategy is LINEAR.");
        }

        d->linear_configuration = NULL;

    } else {
        rc = linear(c, d);
    }

    if (rc == KECS_OK && !kecs_str_is(d->strategy, "CANARY")) {
        if (given->canary_configuration != NULL) {
            return kecs_bad(c, "canaryConfiguration is only valid when the"
                            " deployment strategy is CANARY.");
        }

        d->canary_configuration = NULL;

    } else if (rc == KECS_OK) {
        rc = canary(c, d);
    }

    return rc == KECS_OK
           ? minutes_check(c, "bakeTimeInMinutes",
                           d->bake_time_in_minutes.value) : rc;
}


static kecs_rc_t
early_check(kecs_call_t *c, const config_t *d)
{
    kecs_rc_t                                            rc;
    const kecs_ecs_deployment_early_success_criteria_t  *e;

    e = d->early_success_criteria;

    if (e == NULL) {
        return KECS_OK;
    }

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER,
                         "sourceServiceRevisionCleanup",
                         &kecs_ecs_service_revision_cleanup_shape,
                         e->source_service_revision_cleanup);

    if (rc != KECS_OK || !e->enable.value) {
        return rc;
    }

    if (!kecs_str_is(d->strategy, "ROLLING")) {
        return kecs_bad(c, "earlySuccessCriteria is only valid when the"
                        " deployment strategy is ROLLING.");
    }

    if (!e->healthy_percent.set
        || e->source_service_revision_cleanup.len == 0)
    {
        return kecs_bad(c, "healthyPercent and sourceServiceRevisionCleanup"
                        " are required when earlySuccessCriteria is"
                        " enabled.");
    }

    if (e->healthy_percent.value < d->minimum_healthy_percent.value) {
        return kecs_bad(c, "healthyPercent must be at least"
                        " minimumHealthyPercent");
    }

    return KECS_OK;
}


/* Lifecycle hooks. */

static kecs_rc_t
hook_timeout_check(kecs_call_t *c,
    const kecs_ecs_deployment_lifecycle_hook_timeout_configuration_t *t)
{
    if (t == NULL) {
        return KECS_OK;
    }

    if (t->timeout_in_minutes.set
        && (t->timeout_in_minutes.value < 1
            || t->timeout_in_minutes.value > HOOK_TIME))
    {
        return kecs_bad(c, "timeoutInMinutes must be between 1 and %d",
                        HOOK_TIME);
    }

    return kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "timeout action",
                           &kecs_ecs_deployment_lifecycle_hook_action_shape,
                           t->action);
}


static kecs_rc_t
hook_stages_check(kecs_call_t *c, const kecs_ecs_deployment_lifecycle_hook_t
    *h, bool pause)
{
    size_t      i;
    kecs_rc_t   rc;
    kecs_str_t  stage;

    if (h->lifecycle_stages.n == 0) {
        return kecs_bad(c, "lifecycleStages can not be empty.");
    }

    for (i = 0; i < h->lifecycle_stages.n; i++) {
        stage = h->lifecycle_stages.items[i];
        rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "lifecycle stage",
                             &kecs_ecs_deployment_lifecycle_hook_stage_shape,
                             stage);

        if (rc != KECS_OK) {
            return rc;
        }

        if (pause && (kecs_str_is(stage, "TEST_TRAFFIC_SHIFT")
                      || kecs_str_is(stage, "PRODUCTION_TRAFFIC_SHIFT")))
        {
            return kecs_bad(c, "PAUSE lifecycle hooks are not supported at"
                            " the lifecycle stage %.*s.", kecs_fmt(stage));
        }
    }

    return KECS_OK;
}


static kecs_rc_t
hook_check(kecs_call_t *c, const kecs_ecs_deployment_lifecycle_hook_t *h)
{
    bool       pause;
    kecs_rc_t  rc;

    pause = kecs_str_is(h->target_type, "PAUSE");
    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER,
                         "lifecycle hook target type",
                        &kecs_ecs_deployment_lifecycle_hook_target_type_shape,
                         h->target_type);

    if (rc != KECS_OK) {
        return rc;
    }

    if (!pause && h->hook_target_arn.len == 0) {
        return kecs_bad(c, "hookTargetArn is required for AWS_LAMBDA"
                        " lifecycle hooks.");
    }

    if (pause && h->hook_target_arn.len != 0) {
        return kecs_bad(c, "hookTargetArn is not supported for PAUSE"
                        " lifecycle hooks.");
    }

    rc = hook_stages_check(c, h, pause);

    return rc == KECS_OK ? hook_timeout_check(c, h->timeout_configuration)
                         : rc;
}


static kecs_rc_t
hooks_check(kecs_call_t *c, config_t *d)
{
    size_t     i;
    kecs_rc_t  rc;

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < d->lifecycle_hooks.n; i++)
    {
        rc = hook_check(c, &d->lifecycle_hooks.items[i]);
    }

    if (d->lifecycle_hooks.n == 0) {
        d->lifecycle_hooks.set = false;
    }

    return rc;
}


/* All of it. */

static kecs_rc_t
config_default(kecs_call_t *c, unsigned strategy, config_t *out)
{
    bool  daemon;

    daemon = strategy == KECS_STRATEGY_DAEMON;

    out->maximum_percent = (kecs_opt_int_t) { daemon ? 100 : 200, true };
    out->minimum_healthy_percent = (kecs_opt_int_t) { daemon ? 0 : 100,
                                                      true };
    out->bake_time_in_minutes = (kecs_opt_int_t) { 0, true };
    out->strategy = kecs_str("ROLLING");

    return breaker(c, NULL, &out->deployment_circuit_breaker);
}


static void
overlay_strategy(const config_t *g, config_t *out)
{
    if (g->strategy.data != NULL) {
        out->strategy = g->strategy;
    }

    if (g->linear_configuration != NULL) {
        out->linear_configuration = g->linear_configuration;
    }

    if (g->canary_configuration != NULL) {
        out->canary_configuration = g->canary_configuration;
    }

    if (g->lifecycle_hooks.set) {
        out->lifecycle_hooks = g->lifecycle_hooks;
    }

    if (g->early_success_criteria != NULL) {
        out->early_success_criteria = g->early_success_criteria;
    }
}


static kecs_rc_t
overlay(kecs_call_t *c, const config_t *g, config_t *out)
{
    if (g->maximum_percent.set) {
        out->maximum_percent = g->maximum_percent;
    }

    if (g->minimum_healthy_percent.set) {
        out->minimum_healthy_percent = g->minimum_healthy_percent;
    }

    if (g->bake_time_in_minutes.set) {
        out->bake_time_in_minutes = g->bake_time_in_minutes;
    }

    if (g->alarms != NULL) {
        out->alarms = g->alarms;
    }

    overlay_strategy(g, out);

    if (g->deployment_circuit_breaker == NULL) {
        return KECS_OK;
    }

    return breaker(c, g->deployment_circuit_breaker,
                   &out->deployment_circuit_breaker);
}


static kecs_rc_t
bounds_check(kecs_call_t *c, unsigned strategy, const config_t *d)
{
    if (d->maximum_percent.value < 100) {
        return kecs_bad(c, "maximumPercent must be at least 100");
    }

    if (d->minimum_healthy_percent.value > 100) {
        return kecs_bad(c, "minimumHealthyPercent must be at most 100");
    }

    if (d->minimum_healthy_percent.value < 0) {
        return kecs_bad(c, "minimumHealthyPercent must be at least 0");
    }

    if (strategy == KECS_STRATEGY_DAEMON && d->maximum_percent.value != 100)
    {
        return kecs_bad(c, "The daemon scheduling strategy does not support"
                        " a maximumPercent other than 100. Change the"
                        " maximumPercent value and try again");
    }

    if (d->minimum_healthy_percent.value >= d->maximum_percent.value) {
        return kecs_bad(c, "Both maximumPercent and minimumHealthyPercent"
                        " cannot be 100 as this will block deployments.");
    }

    return KECS_OK;
}


static kecs_rc_t
rest_check(kecs_call_t *c, const config_t *given, config_t *d)
{
    kecs_rc_t  rc;

    rc = strategy_settle(c, given, d);

    if (rc == KECS_OK) {
        rc = hooks_check(c, d);
    }

    return rc == KECS_OK ? early_check(c, d) : rc;
}


kecs_rc_t
kecs_deployment_config(kecs_call_t *c, unsigned strategy,
    const kecs_ecs_deployment_configuration_t *base,
    const kecs_ecs_deployment_configuration_t *given,
    kecs_ecs_deployment_configuration_t **out)
{
    config_t   *d;
    kecs_rc_t   rc;

    d = kecs_zalloc(c->arena, sizeof(*d));

    if (d == NULL) {
        return KECS_NOMEM;
    }

    rc = KECS_OK;
    *out = d;

    if (base != NULL) {
        *d = *base;

    } else {
        rc = config_default(c, strategy, d);
    }

    if (rc == KECS_OK && given != NULL) {
        rc = overlay(c, given, d);
    }

    if (rc == KECS_OK) {
        rc = bounds_check(c, strategy, d);
    }

    return rc == KECS_OK && given != NULL ? rest_check(c, given, d) : rc;
}
