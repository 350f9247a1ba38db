/*
 * The functions of AWS_LAMBDA hooks: what they are given, and what becomes
 * of a hook by what they answer.  Who invokes them is the reconciler; that
 * they are to be invoked, and when, is in the record, so that it survives
 * it.  A hook keeps its executionId from one invocation to the next.
 */

#include "service_intern.h"


#define DELAY      30               /* seconds, unless it tells */
#define DELAY_MAX  86400

typedef const kecs_function_answer_t                 answer_t;

typedef kecs_service_deployment_t                    rollout_t;
typedef kecs_ecs_deployment_lifecycle_hook_detail_t  detail_t;


kecs_str_t
kecs_function_nobody(kecs_call_t *c, kecs_str_t target)
{
    return kecs_sprintf(c->arena, "Lifecycle hook target %.*s cannot be"
                        " invoked: no AWS Lambda is configured.",
                        kecs_fmt(target));
}


/* What they are given. */

typedef struct {
    kecs_call_t           *c;
    const kecs_service_t  *s;
    const rollout_t       *sd;
    kecs_cluster_t         cluster;
    uint64_t               blue;        /* 0: there is none */
} stage_t;


/* The first of the sources has what the target has not. */

static kecs_rc_t
find_blue(stage_t *x)
{
    kecs_rc_t     rc;
    kecs_json_t  *list;

    x->blue = 0;
    rc = kecs_json_parse(x->c->arena,
                         x->sd->rec.part[KECS_SERVICE_DEPLOYMENT_SOURCES],
                         &list);

    if (rc != KECS_OK) {
        return rc == KECS_NOMEM ? rc : KECS_CORRUPT;
    }

    if (list->first != NULL && !kecs_str_u64(list->first->str, &x->blue)) {
        return KECS_CORRUPT;
    }

    return KECS_OK;
}


static void
write_weight(kecs_writer_t *w, const stage_t *x, uint64_t id,
    uint32_t weight)
{
    kecs_str_t  arn;

    arn = kecs_revision_arn(x->c, x->cluster.name, x->s->name, id);
    w->buf->failed = w->buf->failed || arn.data == NULL;

    if (!w->buf->failed) {
        kecs_w_key(w, arn);
        kecs_w_double(w, NULL, weight / 10.0);
    }
}


/* Only what the stage shifts is told. */

static void
write_weights(kecs_writer_t *w, const stage_t *x, const char *name,
    bool shifts, uint32_t weight)
{
    kecs_w_object(w, name);

    if (shifts) {
        write_weight(w, x, x->sd->id, weight);

        if (x->blue != 0) {
            write_weight(w, x, x->blue, KECS_TRAFFIC_FULL - weight);
        }
    }

    kecs_w_object_end(w);
}


static void
write_made(kecs_writer_t *w, const char *name, kecs_str_t s)
{
    w->buf->failed = w->buf->failed || s.data == NULL;
    kecs_w_opt_str(w, name, s);
}


static void
write_execution(kecs_writer_t *w, const stage_t *x)
{
    unsigned  stage;

    stage = x->sd->stage;
    kecs_w_object(w, "executionDetails");
    write_made(w, "serviceArn", kecs_service_arn(x->c, x->cluster.name,
                                                 x->s->name));
    write_made(w, "targetServiceRevisionArn",
               kecs_revision_arn(x->c, x->cluster.name, x->s->name,
                                 x->sd->id));
    write_weights(w, x, "testTrafficWeights",
                  stage == KECS_STAGE_TEST_TRAFFIC_SHIFT,
                  x->sd->test_weight);
    write_weights(w, x, "productionTrafficWeights",
                  stage == KECS_STAGE_PRE_PRODUCTION_TRAFFIC_SHIFT
                  || stage == KECS_STAGE_PRODUCTION_TRAFFIC_SHIFT,
                  x->sd->weight);
    kecs_w_object_end(w);
}


static kecs_rc_t
payload_of(const stage_t *x, const detail_t *d, const kecs_hook_call_t *call,
    kecs_str_t *out)
{
    kecs_buf_t     b;
    kecs_writer_t  w;

    kecs_buf_init(&b, x->c->arena, 0);
    w = kecs_writer(&b);
    kecs_w_object(&w, NULL);
    kecs_w_str(&w, "executionId", d->hook_id);
    kecs_w_cstr(&w, "lifecycleStage", kecs_stage_name(x->sd->stage));
    write_made(&w, "resourceArn",
               kecs_service_deployment_arn(x->c, x->cluster.name, x->s->name,
                                           x->sd->name));
    write_execution(&w, x);
    kecs_w_raw(&w, "hookDetails", call->details);
    kecs_w_object_end(&w);
    *out = kecs_buf_view(&b);

    return b.failed ? KECS_NOMEM : KECS_OK;
}


kecs_rc_t
kecs_functions_due(kecs_call_t *c, const kecs_service_t *s,
    const kecs_service_deployment_t *sd, kecs_function_t **out, size_t *n)
{
    size_t         i;
    stage_t        x;
    kecs_rc_t      rc;
    kecs_hooks_t   h;

    memset(&x, 0, sizeof(x));
    x.c = c;
    x.s = s;
    x.sd = sd;
    *n = 0;
    rc = kecs_hooks_load(c, sd, &h);

    if (rc == KECS_OK) {
        rc = find_blue(&x);
    }

    if (rc == KECS_OK) {
        rc = kecs_cluster_by_no(c, s->cluster, &x.cluster);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    *out = kecs_calloc(c->arena, h.n, sizeof(kecs_function_t));
    rc = *out != NULL ? KECS_OK : KECS_NOMEM;

    for (i = 0; rc == KECS_OK && i < h.n; i++) {
        if (kecs_hook_runs(&h.details[i]) && h.calls[i].at <= c->now) {
            (*out)[*n].hook = h.details[i].hook_id;
            (*out)[*n].target = h.details[i].target_arn;
            rc = payload_of(&x, &h.details[i], &h.calls[i],
                            &(*out)[*n].payload);
            (*n)++;
        }
    }

    return rc;
}


/* What they answer. */

static kecs_rc_t
fail(kecs_call_t *c, const kecs_service_t *s, rollout_t *sd, detail_t *d,
    kecs_str_t why)
{
    d->status = kecs_str("FAILED");

    return kecs_hook_back(c, s, sd, why);
}


static kecs_msec_t
delay_of(const kecs_json_t *told, kecs_msec_t minute)
{
    double  seconds;

    if (!kecs_json_double(kecs_json_get(told, "callBackDelay"), &seconds)) {
        seconds = DELAY;
    }

    seconds = seconds < 1 ? 1 : seconds > DELAY_MAX ? DELAY_MAX : seconds;

    return (kecs_msec_t) (seconds * (double) minute / 60);
}


/* Members that are new, or have another value, are laid over the old. */

static kecs_rc_t
merge(kecs_call_t *c, const kecs_json_t *given, kecs_str_t *details)
{
    kecs_rc_t           rc;
    kecs_buf_t          b;
    kecs_json_t        *old;
    kecs_writer_t       w;
    const kecs_json_t  *v;

    if (given == NULL || given->type != KECS_JSON_OBJECT) {
        return KECS_OK;
    }

    old = NULL;
    rc = details->len != 0 ? kecs_json_parse(c->arena, *details, &old)
                           : KECS_OK;

    if (rc != KECS_OK) {
        return rc == KECS_NOMEM ? rc : KECS_CORRUPT;
    }

    kecs_buf_init(&b, c->arena, 0);
    w = kecs_writer(&b);
    kecs_w_object(&w, NULL);

    for (v = old != NULL ? old->first : NULL; v != NULL; v = v->next) {
        if (kecs_json_get(given, v->name.data) == NULL) {
            kecs_w_key(&w, v->name);
            kecs_w_json(&w, NULL, v);
        }
    }

    for (v = given->first; v != NULL; v = v->next) {
        kecs_w_key(&w, v->name);
        kecs_w_json(&w, NULL, v);
    }

    kecs_w_object_end(&w);
    *details = kecs_buf_view(&b);

    return b.failed ? KECS_NOMEM : KECS_OK;
}


static kecs_rc_t
take(kecs_call_t *c, const kecs_service_t *s, rollout_t *sd, detail_t *d,
    kecs_hook_call_t *call, answer_t *a)
{
    kecs_rc_t     rc;
    kecs_str_t    status;
    kecs_json_t  *told;

    rc = kecs_json_parse(c->arena, a->text, &told);

    if (rc == KECS_NOMEM) {
        return rc;
    }

    status = rc == KECS_OK
             ? kecs_json_str(kecs_json_get(told, "hookStatus"))
             : kecs_null_str;

    if (kecs_str_is(status, "SUCCEEDED")) {
        d->status = kecs_str("SUCCEEDED");
        return KECS_OK;
    }

    if (kecs_str_is(status, "IN_PROGRESS")) {
        call->at = c->now + delay_of(told, a->minute);
        return merge(c, kecs_json_get(told, "hookDetails"), &call->details);
    }

    return fail(c, s, sd, d, kecs_sprintf(c->arena,
                kecs_str_is(status, "FAILED")
                ? "Lifecycle hook target %.*s returned FAILED status."
                : "ECS was unable to parse the response from %.*s due to"
                  " HookStatus must not be null", kecs_fmt(d->target_arn)));
}


/* It is tried again until its hook expires; why is told once. */

static kecs_rc_t
try_again(kecs_call_t *c, const kecs_service_t *s, const rollout_t *sd,
    const detail_t *d, kecs_hook_call_t *call, answer_t *a)
{
    kecs_str_t  text;

    call->at = c->now + delay_of(NULL, a->minute);

    if (call->told) {
        return KECS_OK;
    }

    call->told = true;
    text = kecs_sprintf(c->arena, "(deployment " KECS_DEPLOYMENT_FMT ") was"
                        " unable to invoke hook target %.*s due to %.*s. It"
                        " will be tried again.", sd->id,
                        kecs_fmt(d->target_arn), kecs_fmt(a->text));

    return text.data != NULL ? kecs_service_event(c, s, 0, text)
                             : KECS_NOMEM;
}


static kecs_rc_t
settle(kecs_call_t *c, const kecs_service_t *s, rollout_t *sd, detail_t *d,
    kecs_hook_call_t *call, answer_t *a)
{
    switch (a->outcome) {

    case KECS_FUNCTION_ANSWERED:
        return take(c, s, sd, d, call, a);

    case KECS_FUNCTION_SILENT:
        return try_again(c, s, sd, d, call, a);

    case KECS_FUNCTION_NOBODY:
        return fail(c, s, sd, d, kecs_function_nobody(c, d->target_arn));

    default:
        return fail(c, s, sd, d, kecs_sprintf(c->arena, "ECS was unable to"
                    " invoke hook target %.*s due to %.*s",
                    kecs_fmt(d->target_arn), kecs_fmt(a->text)));
    }
}


kecs_rc_t
kecs_function_answered(kecs_call_t *c, const kecs_service_t *s,
    kecs_service_deployment_t *sd, const kecs_function_answer_t *a)
{
    size_t        i;
    kecs_rc_t     rc;
    kecs_hooks_t  h;

    if (sd->status != KECS_SERVICE_DEPLOYMENT_IN_PROGRESS) {
        return KECS_NOT_FOUND;
    }

    rc = kecs_hooks_load(c, sd, &h);

    if (rc != KECS_OK) {
        return rc;
    }

    for (i = 0; i < h.n; i++) {
        if (kecs_hook_runs(&h.details[i])
            && kecs_str_eq(h.details[i].hook_id, a->hook))
        {
            rc = settle(c, s, sd, &h.details[i], &h.calls[i], a);
            return rc == KECS_OK ? kecs_hooks_put(c, sd, &h) : rc;
        }
    }

    return KECS_NOT_FOUND;
}
