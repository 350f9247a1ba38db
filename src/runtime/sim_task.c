/*
 * The timeline of a simulated task.  Times in the script are relative: of
 * a container's start to the task's, of its end to its own start.  Nothing
 * here reads a clock or keeps state.
 */

#include <stdlib.h>

#include "../base/hashtab.h"
#include "../base/rand.h"
#include "../convert/task_parts.h"
#include "sim_task.h"


#define LABEL   "kecs.simulated."
#define NODES   3
#define NEVER   ((kecs_msec_t) -1)

#define EXIT_TERM  143
#define EXIT_KILL  137


/* Scripts. */

static kecs_str_t
label(const kecs_ecs_container_definition_t *d, const char *name)
{
    size_t      i;
    kecs_str_t  key, prefix;

    prefix = kecs_str(LABEL);

    for (i = 0; i < d->docker_labels.n; i++) {
        key = d->docker_labels.items[i].key;

        if (kecs_str_starts(key, prefix)
            && kecs_str_is(kecs_str_from(key, prefix.len), name))
        {
            return d->docker_labels.items[i].value;
        }
    }

    return kecs_null_str;
}


/* Milliseconds (or any number) of a label; malformed ones count as none. */

static kecs_msec_t
number(const kecs_ecs_container_definition_t *d, const char *name,
    kecs_msec_t initial)
{
    uint64_t  n;

    if (!kecs_str_u64(label(d, name), &n) || n > (uint64_t) INT32_MAX * 1000)
    {
        return initial;
    }

    return (kecs_msec_t) n;
}


static bool
is_true(const kecs_ecs_container_definition_t *d, const char *name)
{
    return kecs_str_is(label(d, name), "true");
}


/* A copy that lives as long as the task; absent stays so. */

static kecs_str_t
copy(kecs_arena_t *a, kecs_str_t s, bool *failed)
{
    kecs_str_t  out;

    if (s.data == NULL) {
        return s;
    }

    out = kecs_strdup(a, s);
    *failed |= out.data == NULL;

    return out;
}


/* The script holds for this share of the tasks, drawn by id and seed. */

static bool
scripted(const kecs_ecs_container_definition_t *d, kecs_rand_t *r)
{
    kecs_msec_t  share;

    share = number(d, "share", 100);

    return (kecs_msec_t) kecs_rand_below(r, 100) < share;
}


static void
read_script(kecs_arena_t *a, const kecs_ecs_container_definition_t *d,
    kecs_sim_container_t *c, bool *failed)
{
    c->start_delay = number(d, "start-delay", c->start_delay);
    c->stop_delay = number(d, "stop-delay", c->stop_delay);
    c->exit_after = number(d, "exit-after", NEVER);
    c->oom_after = number(d, "oom-after", NEVER);
    c->health_after = number(d, "health-after", 0);
    c->unhealthy_after = number(d, "unhealthy-after", NEVER);
    c->exit_code = (int) number(d, "exit-code", -1);
    c->never_start = is_true(d, "never-start");
    c->ignore_term = is_true(d, "ignore-term");
    c->pull_error = copy(a, label(d, "pull-error"), failed);
    c->start_error = copy(a, label(d, "start-error"), failed);

    if (kecs_str_is(label(d, "health"), "unhealthy")) {
        c->health_after = NEVER;
    }
}


/* Its own end, when it is one after which its restart policy acts. */

static kecs_msec_t
starts_anew(const kecs_ecs_container_definition_t *d,
    const kecs_sim_container_t *c)
{
    int          code;
    kecs_msec_t  after;

    after = c->exit_after;
    code = c->exit_code >= 0 ? c->exit_code : 0;

    if (c->oom_after >= 0 && (after < 0 || c->oom_after < after)) {
        after = c->oom_after;
        code = EXIT_KILL;
    }

    return after > 0 && kecs_container_restarts(d, code, after) ? after : 0;
}


static kecs_str_t
digest_of(kecs_arena_t *a, kecs_str_t image)
{
    char         hex[64];
    uint8_t      raw[32];
    kecs_rand_t  r;

    kecs_rand_seed(&r, kecs_hashtab_hash(image.data, image.len));
    kecs_rand_bytes(&r, raw, sizeof(raw));
    kecs_hex(raw, sizeof(raw), hex);

    return kecs_sprintf(a, "sha256:%.64s", hex);
}


static bool
make_container(kecs_arena_t *a, const kecs_ecs_container_definition_t *d,
    const kecs_simulated_conf_t *conf, const uint8_t *id, kecs_rand_t *r,
    kecs_sim_container_t *c)
{
    bool  failed;
    char  hex[2 * KECS_ID_LEN];

    failed = false;

    c->start_delay = conf->start_delay;
    c->stop_delay = conf->stop_delay;
    c->exit_after = NEVER;
    c->oom_after = NEVER;
    c->unhealthy_after = NEVER;
    c->exit_code = -1;

    c->name = copy(a, d->name, &failed);
    c->digest = digest_of(a, d->image);

    kecs_hex(id, KECS_ID_LEN, hex);
    c->runtime_id = kecs_sprintf(a, "%.32s-%010u", hex,
                                 (unsigned) kecs_rand_below(r, 1u << 31));

    if (scripted(d, r)) {
        read_script(a, d, c, &failed);
    }

    c->starts_anew = starts_anew(d, c);

    return !failed && c->digest.data != NULL && c->runtime_id.data != NULL;
}


/*
 * Layout: when each container starts, after those it depends on.  A
 * condition that is never met keeps it from starting.
 */

static kecs_msec_t
ends(const kecs_sim_container_t *c)
{
    kecs_msec_t  after;

    after = c->exit_after;

    if (c->oom_after >= 0 && (after < 0 || c->oom_after < after)) {
        after = c->oom_after;
    }

    return c->starts < 0 || after < 0 || c->starts_anew != 0
           ? NEVER : c->starts + after;
}


static kecs_msec_t
condition_met(const kecs_sim_container_t *c, kecs_str_t condition)
{
    if (kecs_str_is(condition, "COMPLETE")) {
        return ends(c);
    }

    if (kecs_str_is(condition, "SUCCESS")) {
        return c->oom_after >= 0 || c->exit_code > 0 ? NEVER : ends(c);
    }

    if (kecs_str_is(condition, "HEALTHY")) {
        return c->starts < 0 || c->health_after < 0
               ? NEVER : c->starts + c->health_after;
    }

    return c->starts;
}


static kecs_sim_container_t *
by_name(const kecs_sim_task_t *t, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < t->n; i++) {
        if (kecs_str_eq(t->containers[i].name, name)) {
            return &t->containers[i];
        }
    }

    return NULL;
}


static kecs_msec_t
start_of(const kecs_sim_task_t *t, const kecs_sim_container_t *c,
    const kecs_ecs_container_definition_t *d)
{
    size_t                 i;
    kecs_msec_t            at, met;
    kecs_sim_container_t  *on;

    if (c->never_start || c->pull_error.data != NULL
        || c->start_error.data != NULL)
    {
        return NEVER;
    }

    at = c->start_delay;

    for (i = 0; i < d->depends_on.n; i++) {
        on = by_name(t, d->depends_on.items[i].container_name);
        met = on != NULL
              ? condition_met(on, d->depends_on.items[i].condition) : 0;

        if (met < 0) {
            return NEVER;
        }

        at = met > at ? met : at;
    }

    return at;
}


/* As many rounds as there are containers settle every chain. */

static void
lay_out(kecs_sim_task_t *t, const kecs_ecs_task_definition_t *definition)
{
    size_t                 i, round;
    kecs_msec_t            first;
    kecs_sim_container_t  *c;

    for (round = 0; round <= t->n; round++) {
        for (i = 0; i < t->n; i++) {
            c = &t->containers[i];
            c->starts = start_of(t, c,
                                 &definition->container_definitions.items[i]);
        }
    }

    first = t->n != 0 ? t->containers[0].start_delay : 0;

    for (i = 1; i < t->n; i++) {
        if (t->containers[i].start_delay < first) {
            first = t->containers[i].start_delay;
        }
    }

    t->placed = first / 3;
    t->pulled = 2 * first / 3;
}


static kecs_msec_t
last_start(const kecs_sim_task_t *t)
{
    size_t       i;
    kecs_msec_t  last;

    last = 0;

    for (i = 0; i < t->n; i++) {
        if (t->containers[i].starts > last) {
            last = t->containers[i].starts;
        }
    }

    return last;
}


static bool
place(kecs_arena_t *a, const kecs_start_t *s, unsigned nodes,
    kecs_rand_t *r, kecs_sim_task_t *t)
{
    bool      placed;
    char      hex[2 * KECS_ID_LEN];
    unsigned  node;

    kecs_hex(t->id, KECS_ID_LEN, hex);
    node = (unsigned) kecs_rand_below(r, nodes != 0 ? nodes : NODES);
    placed = kecs_task_on_instance(s->task) && s->task->node.len != 0;

    t->handle = kecs_sprintf(a, KECS_SIM_HANDLE "%.32s", hex);
    t->node = placed ? kecs_strdup(a, s->task->node)
                     : kecs_sprintf(a, "simulated-%u", node + 1);

    if (s->task->zone.len == 0) {
        t->zone = kecs_sprintf(a, "%.*s%c",
                               kecs_fmt(nodes != 0
                                        ? kecs_str(KECS_SIM_REGION)
                                        : s->region), "abc"[node % 3]);
    }

    if (kecs_str_is(s->definition->network_mode, "awsvpc")) {
        t->address = kecs_sprintf(a, "10.%u.%u.%u",
                                  (unsigned) kecs_rand_below(r, 256),
                                  (unsigned) kecs_rand_below(r, 256),
                                  1 + (unsigned) kecs_rand_below(r, 254));
    }

    return t->handle.data != NULL && t->node.data != NULL
           && (s->task->zone.len != 0 || t->zone.data != NULL);
}


/* What labels say of the task as a whole; any container may carry it. */

static bool
read_task(kecs_arena_t *a, const kecs_ecs_container_definition_t *d,
    kecs_sim_task_t *t)
{
    bool         failed;
    kecs_msec_t  lost;

    failed = false;
    lost = number(d, "lost-after", NEVER);

    if (lost >= 0) {
        t->lost_after = lost;
    }

    if (label(d, "refuse").data != NULL) {
        t->refuse = copy(a, label(d, "refuse"), &failed);
    }

    return !failed;
}


static uint64_t
seed_of(const kecs_simulated_conf_t *conf, const uint8_t *id)
{
    return conf->seed ^ kecs_hashtab_hash(id, KECS_ID_LEN);
}


kecs_rc_t
kecs_sim_task_make(kecs_arena_t *a, const kecs_start_t *s,
    const kecs_simulated_conf_t *conf, kecs_msec_t now,
    kecs_sim_task_t *out)
{
    size_t                                   i;
    kecs_rand_t                              r;
    const kecs_ecs_container_definitions_t  *list;

    memset(out, 0, sizeof(*out));
    memcpy(out->id, s->task->id, KECS_ID_LEN);
    kecs_rand_seed(&r, seed_of(conf, out->id));

    list = &s->definition->container_definitions;
    out->lost_after = NEVER;
    out->n = list->n;
    out->containers = kecs_calloc(a, list->n, sizeof(*out->containers));

    if (out->containers == NULL
        || !place(a, s, (unsigned) conf->nodes, &r, out))
    {
        return KECS_NOMEM;
    }

    for (i = 0; i < list->n; i++) {
        if (!make_container(a, &list->items[i], conf, out->id, &r,
                            &out->containers[i])
            || !read_task(a, &list->items[i], out))
        {
            return KECS_NOMEM;
        }
    }

    lay_out(out, s->definition);

    out->began = s->task->started_at != 0
                 ? s->task->started_at - last_start(out) : now;

    return KECS_OK;
}


/* What is to be seen. */

typedef struct {
    const kecs_sim_task_t  *t;
    kecs_msec_t             now;
    kecs_msec_t             next;
} seeing_t;


/* Whether this moment has come; otherwise it may be the next one. */

static bool
reached(seeing_t *x, kecs_msec_t at)
{
    if (x->now >= at) {
        return true;
    }

    if (x->next == 0 || at < x->next) {
        x->next = at;
    }

    return false;
}


/* When a container that runs ends after all, and how; 0: not at all. */

static kecs_msec_t
end_of(const seeing_t *x, const kecs_sim_container_t *c, kecs_msec_t started,
    int *code, bool *oom)
{
    kecs_msec_t  at, stopped;

    at = 0;
    *code = c->exit_code >= 0 ? c->exit_code : 0;
    *oom = false;

    if (c->exit_after >= 0) {
        at = started + c->exit_after;
    }

    if (c->oom_after >= 0 && (at == 0 || started + c->oom_after < at)) {
        at = started + c->oom_after;
        *code = EXIT_KILL;
        *oom = true;
    }

    if (x->t->stop_at == 0) {
        return at;
    }

    stopped = c->ignore_term || c->stop_delay > x->t->grace
              ? x->t->stop_at + x->t->grace
              : x->t->stop_at + c->stop_delay;

    if (at == 0 || stopped < at) {
        at = stopped;
        *oom = false;
        *code = c->ignore_term || c->stop_delay > x->t->grace
                ? EXIT_KILL
                : c->exit_code >= 0 ? c->exit_code : EXIT_TERM;
    }

    return at;
}


static bool
is_ready(seeing_t *x, const kecs_sim_container_t *c, kecs_msec_t started)
{
    if (c->health_after < 0 || !reached(x, started + c->health_after)) {
        return false;
    }

    return c->unhealthy_after < 0
           || !reached(x, started + c->unhealthy_after);
}


/* A container that cannot be started at all. */

static void
see_failure(seeing_t *x, const kecs_sim_container_t *c,
    kecs_container_seen_t *out)
{
    kecs_msec_t  at, pulled;

    pulled = x->t->began + x->t->pulled;

    if (c->pull_error.data != NULL && reached(x, pulled)) {
        at = pulled + 1 + x->t->pulled / 2;
        out->reason = reached(x, at) ? kecs_str("ImagePullBackOff")
                                     : kecs_str("ErrImagePull");
        out->message = c->pull_error;

    } else if (c->start_error.data != NULL
               && reached(x, x->t->began + c->start_delay))
    {
        out->phase = KECS_C_TERMINATED;
        out->reason = kecs_str("StartError");
        out->message = c->start_error;
        out->has_exit = true;
        out->exit_code = 128;
    }
}


/* When its current run began, and what came before it. */

static bool
see_runs(seeing_t *x, kecs_arena_t *a, const kecs_sim_container_t *c,
    kecs_msec_t *started, kecs_container_seen_t *out)
{
    bool                    oom;
    kecs_msec_t             until, runs;
    kecs_container_seen_t  *before;

    until = x->t->stop_at != 0 && x->t->stop_at < x->now ? x->t->stop_at
                                                         : x->now;
    runs = c->starts_anew != 0 && until > *started
           ? (until - *started) / c->starts_anew : 0;

    if (runs == 0) {
        return true;
    }

    before = kecs_calloc(a, 1, sizeof(*before));
    out->runtime_id = kecs_sprintf(a, "%.*s-%u", kecs_fmt(c->runtime_id),
                                   (unsigned) runs);

    if (before == NULL || out->runtime_id.data == NULL) {
        return false;
    }

    before->name = c->name;
    before->phase = KECS_C_TERMINATED;
    before->started_at = *started + (runs - 1) * c->starts_anew;
    before->finished_at = before->started_at + c->starts_anew;
    before->has_exit = true;
    (void) end_of(x, c, before->started_at, &before->exit_code, &oom);
    before->reason = oom ? kecs_str("OOMKilled") : kecs_str("Error");

    *started = before->finished_at;
    out->before = before;

    return true;
}


static void
see_run(seeing_t *x, const kecs_sim_container_t *c, kecs_msec_t started,
    kecs_container_seen_t *out)
{
    int          code;
    bool         oom;
    kecs_msec_t  ended;

    out->started_at = started;
    out->image_digest = c->digest;
    out->by_digest = true;

    ended = end_of(x, c, started, &code, &oom);

    if (ended == 0 || !reached(x, ended)) {
        out->phase = KECS_C_RUNNING;
        out->ready = is_ready(x, c, started);
        return;
    }

    out->phase = KECS_C_TERMINATED;
    out->finished_at = ended;
    out->has_exit = true;
    out->exit_code = code;
    out->reason = oom ? kecs_str("OOMKilled")
                      : code == 0 ? kecs_str("Completed") : kecs_str("Error");
}


static bool
see_container(seeing_t *x, kecs_arena_t *a, const kecs_sim_container_t *c,
    kecs_container_seen_t *out)
{
    kecs_msec_t  started;

    out->name = c->name;
    started = x->t->began + c->starts;

    if (c->starts < 0 || (x->t->stop_at != 0 && x->t->stop_at < started)) {
        if (x->t->stop_at != 0 && x->now >= x->t->stop_at) {
            out->phase = KECS_C_TERMINATED;
            out->finished_at = x->t->stop_at;
            return true;
        }

        see_failure(x, c, out);
        return true;
    }

    if (!reached(x, started)) {
        return true;
    }

    out->runtime_id = c->runtime_id;

    if (!see_runs(x, a, c, &started, out)) {
        return false;
    }

    see_run(x, c, started, out);

    return true;
}


static void
see_task(seeing_t *x, kecs_observation_t *o)
{
    kecs_msec_t             at;
    const kecs_sim_task_t  *t;

    t = x->t;

    memcpy(o->task, t->id, KECS_ID_LEN);
    o->handle = t->handle;
    o->placed = reached(x, t->began + t->placed);
    o->deleting = t->stop_at != 0 && x->now >= t->stop_at;

    if (o->placed) {
        o->node = t->node;
        o->zone = t->zone;
        o->pull_started_at = t->began + t->placed;
    }

    if (reached(x, t->began + t->pulled)) {
        o->pull_stopped_at = t->began + t->pulled;
        o->address = t->address;
    }

    if (t->lost_after >= 0) {
        at = t->began + last_start(t) + t->lost_after;

        if (reached(x, at)) {
            o->gone = true;
            o->reason = kecs_str("NodeLost");
        }
    }
}


kecs_rc_t
kecs_sim_task_see(kecs_arena_t *a, const kecs_sim_task_t *t,
    kecs_msec_t now, kecs_observation_t *o, kecs_msec_t *next)
{
    size_t                  i;
    seeing_t                x;
    kecs_container_seen_t  *seen;

    memset(o, 0, sizeof(*o));
    x = (seeing_t) { t, now, 0 };

    seen = kecs_calloc(a, t->n, sizeof(*seen));
    if (seen == NULL) {
        return KECS_NOMEM;
    }

    see_task(&x, o);

    if (o->placed) {
        for (i = 0; i < t->n; i++) {
            if (!see_container(&x, a, &t->containers[i], &seen[i])) {
                return KECS_NOMEM;
            }
        }

        o->containers = seen;
        o->n = t->n;
    }

    *next = x.next;

    return KECS_OK;
}
