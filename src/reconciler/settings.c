/*
 * Settings by name: one row each, with its default and its bounds.
 */

#include <inttypes.h>

#include "../convert/pod.h"
#include "settings.h"


#define SECOND  ((kecs_msec_t) 1000)
#define MINUTE  (60 * SECOND)
#define HOUR    (60 * MINUTE)
#define DAY     (24 * HOUR)

typedef struct {
    const char   *name;
    size_t        offset;
    kecs_msec_t   initial;
    kecs_msec_t   min;
    kecs_msec_t   max;
    bool          count;            /* a number, not a duration */
    const char   *what;
} setting_t;

#define at(member)  offsetof(kecs_settings_t, member)

static const setting_t  settings[] = {
    { "healthy-after", at(sched.healthy_after), 40 * SECOND, 0, DAY, false,
      "RUNNING so long counts as healthy, without a health check" },
    { "throttle-first", at(sched.throttle_first), 10 * SECOND, 0, DAY, false,
      "pause of starts after tasks failed to start; it doubles" },
    { "throttle-max", at(sched.throttle_max), 27 * MINUTE, 0, DAY, false,
      "longest pause of starts" },
    { "throttle-from", at(throttle_from), 3, 1, 1000000, true,
      "failures in a row before starts pause" },
    { "steady-every", at(sched.steady_every), 6 * HOUR, SECOND, 365 * DAY,
      false, "the steady state event is told again" },
    { "rollout-minute", at(sched.minute), MINUTE, 1, HOUR, false,
      "a minute of bake times, hook timeouts and delays of rollouts" },
    { "rebalance-again", at(sched.balance_again), 30 * MINUTE, SECOND, DAY,
      false, "a zone that took no task is tried again" },
    { "rebalance-patience", at(sched.balance_patience), 10 * MINUTE, SECOND,
      DAY, false, "a task that is to run in another zone has started" },
    { "burst", at(burst), 500, 1, 100000, true,
      "tasks started in one step of a service" },
    { "task-retention", at(task_retention), 7 * DAY, HOUR, 3650 * DAY, false,
      "STOPPED tasks are kept" },
    { "inactive-retention", at(inactive_retention), HOUR, MINUTE, 3650 * DAY,
      false, "what is INACTIVE or deleted is kept" },
    { "token-retention", at(token_retention), DAY, HOUR, 365 * DAY, false,
      "client tokens are kept" },
    { "deployment-retention", at(deployment_retention), 90 * DAY, HOUR,
      3650 * DAY, false, "INACTIVE deployments are kept" },
    { "log-retention", at(log_retention), 7 * DAY, MINUTE, 3650 * DAY, false,
      "entries of the change log are kept" },
    { "log-entries", at(log_entries), 1000000, 1000, 1000000000, true,
      "most entries of the change log" },
    { "expiry-every", at(expiry_every), MINUTE, 100, DAY, false,
      "old records are looked for" },
    { "place-again", at(place_again), 10 * SECOND, 10, DAY, false,
      "a place is looked for again for a task that had none" },
    { "instance-idle", at(instance_idle), 10 * MINUTE, 0, 365 * DAY, false,
      "a node without tasks leaves a cluster that it does not name" },
    { "start-again", at(start_again), 60 * SECOND, SECOND, DAY, false,
      "a start without effect is repeated" },
    { "stop-again", at(stop_again), 30 * SECOND, SECOND, DAY, false,
      "a stop without effect is repeated" },
    { "kube-burst", at(kube_burst), 64, 1, 10000, true,
      "requests to the Kubernetes API in flight" },
    { "kube-restart-rules", at(kube_restarts), KECS_RESTARTS_BY_VERSION,
      KECS_RESTARTS_BY_VERSION, KECS_RESTARTS_NEVER, true,
      "restart policies: 0 from Kubernetes 1.35 on, 1 always, 2 never" },
    { "namespace-per-cluster", at(spaces), 0, 0, 1, true,
      "1: each ECS cluster has a namespace of its own" },
    { "lease-duration", at(lease.duration), 15 * SECOND, SECOND, HOUR, false,
      "the Lease of a silent holder is respected" },
    { "lease-renew", at(lease.renew), 2 * SECOND, 10, HOUR, false,
      "from one renewal of the Lease to the next" },
    { "lease-deadline", at(lease.deadline), 10 * SECOND, 50, HOUR, false,
      "without a renewal nothing is done any more" },
    { "upstream-timeout", at(upstream_timeout), 5 * SECOND, 10, HOUR, false,
      "an attempt of a call to the upstream may take" },
    { "upstream-patience", at(upstream_patience), 20 * SECOND, 1, HOUR,
      false, "no further attempt of a call begins after" },
    { "upstream-backoff", at(upstream_backoff), 200, 1, HOUR, false,
      "pause before the second attempt; it doubles" },
    { "alarms-every", at(alarms_every), 15 * SECOND, 10, HOUR, false,
      "alarms of service deployments are asked for" },
    { "hook-timeout", at(hook_timeout), 15 * MINUTE, 10, DAY, false,
      "an invocation of the function of a lifecycle hook may take" },
    { "simulated-seed", at(seed), 1, 0, INT32_MAX, true,
      "seed of the simulated runtime" },
    { "simulated-start", at(simulated.start_delay), 2 * SECOND, 0, DAY,
      false, "simulated containers start after" },
    { "simulated-stop", at(simulated.stop_delay), SECOND / 2, 0, DAY, false,
      "simulated containers stop after" },
    { "simulated-nodes", at(simulated.nodes), 0, 0, 10000, true,
      "nodes that the simulated runtime tells of" },
    { NULL, 0, 0, 0, 0, false, NULL }
};


typedef struct {
    const char  *name;
    size_t       offset;
    size_t       size;
    bool       (*ok)(kecs_str_t value);
    const char  *form;
    const char  *what;
} text_setting_t;

static bool
is_path(kecs_str_t value)
{
    return value.len == 0 || (value.data[0] == '/' && kecs_str_utf8(value));
}


static const text_setting_t  texts[] = {
    { "volume-classes", at(volume_classes),
      sizeof(((kecs_settings_t *) NULL)->volume_classes),
      kecs_pod_classes_ok, "TYPE[/FILESYSTEM]:CLASS,...",
      "storage classes of volumes configured at launch" },
    { "firelens-logs", at(firelens_logs),
      sizeof(((kecs_settings_t *) NULL)->firelens_logs), is_path, "/FOLDER",
      "logs of pods on the nodes, which log routers may read" },
    { NULL, 0, 0, NULL, NULL, NULL }
};


static kecs_msec_t *
field(kecs_settings_t *s, const setting_t *row)
{
    return (kecs_msec_t *) ((char *) s + row->offset);
}


/* The members of narrower types follow from those that were set. */

static void
settle(kecs_settings_t *s)
{
    s->sched.throttle_from = (unsigned) s->throttle_from;
    s->sched.burst = (unsigned) s->burst;
    s->simulated.seed = (uint64_t) s->seed;
}


void
kecs_settings_default(kecs_settings_t *s)
{
    const setting_t  *row;

    memset(s, 0, sizeof(*s));
    kecs_sched_conf_default(&s->sched);

    for (row = settings; row->name != NULL; row++) {
        *field(s, row) = row->initial;
    }

    settle(s);
}


/* A bare number is one of milliseconds. */

static bool
parse(kecs_str_t value, bool count, kecs_msec_t *out)
{
    uint64_t  n;

    if (kecs_str_u64(value, &n)) {
        *out = (kecs_msec_t) n;
        return n <= INT64_MAX;
    }

    return !count && kecs_duration_parse(value, out);
}


/* KECS_NOT_FOUND: it is no text. */

static kecs_rc_t
set_text(kecs_settings_t *s, kecs_str_t name, kecs_str_t value, char *why,
    size_t size)
{
    char                  *to;
    const text_setting_t  *row;

    for (row = texts; row->name != NULL; row++) {
        if (kecs_str_is(name, row->name)) {
            break;
        }
    }

    if (row->name == NULL) {
        return KECS_NOT_FOUND;
    }

    if (value.len >= row->size || !row->ok(value)) {
        (void) snprintf(why, size, "%s wants %s, up to %zu bytes, not"
                        " \"%.*s\"", row->name, row->form, row->size - 1,
                        kecs_fmt(value));
        return KECS_INVALID;
    }

    to = (char *) s + row->offset;
    memcpy(to, value.data, value.len);
    to[value.len] = '\0';

    return KECS_OK;
}


kecs_rc_t
kecs_settings_set(kecs_settings_t *s, kecs_str_t name, kecs_str_t value,
    char *why, size_t size)
{
    kecs_rc_t         rc;
    kecs_msec_t       n;
    const setting_t  *row;

    rc = set_text(s, name, value, why, size);

    if (rc != KECS_NOT_FOUND) {
        return rc;
    }

    for (row = settings; row->name != NULL; row++) {
        if (kecs_str_is(name, row->name)) {
            break;
        }
    }

    if (row->name == NULL) {
        (void) snprintf(why, size, "there is no setting \"%.*s\"",
                        kecs_fmt(name));
        return KECS_NOT_FOUND;
    }

    if (!parse(value, row->count, &n)) {
        (void) snprintf(why, size, "%s wants %s, not \"%.*s\"", row->name,
                        row->count ? "a number"
                                   : "a duration (500ms, 40s, 27m, 6h, 7d)",
                        kecs_fmt(value));
        return KECS_INVALID;
    }

    if (n < row->min || n > row->max) {
        (void) snprintf(why, size, "%s is to be between %" PRId64 " and %"
                        PRId64 "%s", row->name, row->min, row->max,
                        row->count ? "" : " ms");
        return KECS_INVALID;
    }

    *field(s, row) = n;
    settle(s);

    return KECS_OK;
}


void
kecs_settings_print(FILE *f)
{
    const setting_t       *row;
    const text_setting_t  *text;

    for (row = settings; row->name != NULL; row++) {
        fprintf(f, "  %-22s %10" PRId64 "%s  %s\n", row->name, row->initial,
                row->count ? "   " : " ms", row->what);
    }

    for (text = texts; text->name != NULL; text++) {
        fprintf(f, "  %-22s %10s     %s: %s\n", text->name, "", text->what,
                text->form);
    }
}
