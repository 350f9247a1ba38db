/*
 * Task states.  One pass over what was seen: first each container of the
 * record takes what its counterpart shows, then the causes for the task to
 * end are looked for, then its own status follows from both.  Nothing ever
 * moves backwards: a container that was STOPPED stays so, a task's status
 * only grows, the first cause for stopping is kept, times once set stay.
 *
 * Pure: no I/O, no clock.  All memory is from the arena given; on an error
 * the record is half-changed and must not be stored.
 */

#define _GNU_SOURCE  /* memmem */

#include <signal.h>

#include "task_parts.h"
#include "task_runs.h"
#include "task_state.h"


/* Longest stoppedReason and container reason, in bytes. */
#define REASON_MAX  1024

#define STOP_TIMEOUT  30

/* The defaults of a health check, in seconds; retries. */
#define CHECK_INTERVAL  30
#define CHECK_RETRIES   3


typedef struct {
    kecs_arena_t                      *a;
    kecs_task_t                       *task;
    const kecs_ecs_task_definition_t  *definition;
    const kecs_observation_t          *o;
    kecs_msec_t                        now;
    kecs_task_parts_t                  parts;
    kecs_task_step_t                  *step;

    kecs_str_t                         start_failure;   /* or absent */
    bool                               essential_ended;
    bool                               all_started;
    bool                               all_ran;     /* seen, not assumed */
    bool                               all_ended;
    kecs_msec_t                        first_started;
    kecs_msec_t                        last_started;
    kecs_msec_t                        essential_finished;
} observing_t;


/* Why a container does not come up, in the runtime's words and in ECS's. */

typedef struct {
    const char  *reason;
    const char  *error;
    bool         final;             /* waiting longer does not help */
    const char  *about;             /* a word of the message, or NULL */
} start_failure_t;

static const start_failure_t  start_failures[] = {
    { "ErrImagePull", "CannotPullContainerError", false, NULL },
    { "RegistryUnavailable", "CannotPullContainerError", false, NULL },
    { "ImagePullBackOff", "CannotPullContainerError", true, NULL },
    { "InvalidImageName", "CannotPullContainerError", true, NULL },
    { "ErrImageNeverPull", "CannotPullContainerError", true, NULL },
    { "ImageInspectError", "CannotPullContainerError", true, NULL },
    { "SignatureValidationFailed", "CannotPullContainerError", true, NULL },
    { "CreateContainerConfigError",
      "ResourceInitializationError: unable to pull secrets or registry auth",
      true, "ecret" },
    { "CreateContainerConfigError", "CannotCreateContainerError", true,
      NULL },
    { "CreateContainerError", "CannotCreateContainerError", true, NULL },
    { "RunContainerError", "CannotStartContainerError", true, NULL },
    { "StartError", "CannotStartContainerError", true, NULL },
    { "ContainerCannotRun", "CannotStartContainerError", true, NULL },
    { "PostStartHookError", "CannotStartContainerError", true, NULL },
    { NULL, NULL, false, NULL }
};


/* Ends of a task that its host, not its containers, is the cause of. */

typedef struct {
    const char  *reason;
    bool         host;              /* the host itself is lost */
} disruption_t;

static const disruption_t  disruptions[] = {
    { "DeletionByTaintManager", true },
    { "DeletionByPodGC", true },
    { "NodeLost", true },
    { "NodeShutdown", true },
    { "Shutdown", true },
    { "Terminated", true },
    { "Evicted", false },
    { "EvictionByEvictionAPI", false },
    { "PreemptionByScheduler", false },
    { "Preempting", false },
    { "TerminationByKubelet", false },
    { NULL, false }
};


static bool
mentions(kecs_str_t s, const char *word)
{
    return s.len != 0
           && memmem(s.data, s.len, word, strlen(word)) != NULL;
}


static const start_failure_t *
start_failure(kecs_str_t reason, kecs_str_t message)
{
    const start_failure_t  *f;

    for (f = start_failures; f->reason != NULL; f++) {
        if (kecs_str_is(reason, f->reason)
            && (f->about == NULL || mentions(message, f->about)))
        {
            return f;
        }
    }

    return NULL;
}


const char *
kecs_start_error(kecs_str_t reason, kecs_str_t message)
{
    const start_failure_t  *f;

    f = start_failure(reason, message);

    return f != NULL ? f->error : NULL;
}


static const start_failure_t *
start_failure_of(const kecs_container_seen_t *seen)
{
    return start_failure(seen->reason, seen->message);
}


static const disruption_t *
disruption_of(kecs_str_t reason)
{
    const disruption_t  *d;

    for (d = disruptions; d->reason != NULL; d++) {
        if (kecs_str_is(reason, d->reason)) {
            return d;
        }
    }

    return NULL;
}


/* At most REASON_MAX bytes, cut between characters. */

static kecs_str_t
short_reason(kecs_str_t s)
{
    if (s.len <= REASON_MAX) {
        return s;
    }

    s.len = REASON_MAX;

    while (s.len > 0 && ((unsigned char) s.data[s.len] & 0xc0) == 0x80) {
        s.len--;
    }

    return s;
}


/* A time seen elsewhere, put between `from` and `to`; unknown: `to`. */

static kecs_msec_t
between(kecs_msec_t t, kecs_msec_t from, kecs_msec_t to)
{
    if (t == 0 || t > to) {
        return to;
    }

    return t < from ? from : t;
}


static unsigned
container_rank(const kecs_ecs_container_t *c)
{
    if (kecs_str_is(c->last_status, "STOPPED")) {
        return KECS_C_TERMINATED;
    }

    return kecs_str_is(c->last_status, "RUNNING") ? KECS_C_RUNNING
                                                  : KECS_C_WAITING;
}


static bool
differs(kecs_str_t now, kecs_str_t before)
{
    return now.len != 0 && !kecs_str_eq(now, before);
}


/* Sets a string of the record to a copy; false: out of memory. */

static bool
keep(kecs_arena_t *a, kecs_str_t *field, kecs_str_t value)
{
    kecs_str_t  copy;

    if (!differs(value, *field)) {
        return true;
    }

    copy = kecs_strdup(a, value);
    if (copy.data == NULL) {
        return false;
    }

    *field = copy;

    return true;
}


static kecs_rc_t
container_failed(observing_t *x, kecs_ecs_container_t *c,
    const kecs_container_seen_t *seen, const start_failure_t *f)
{
    kecs_str_t  text;

    /* a back-off tells less than the failed attempt before it did */

    if (!kecs_str_is(seen->reason, "ImagePullBackOff")
        || c->reason.data == NULL)
    {
        text = kecs_sprintf(x->a, "%s: %.*s", f->error,
                            kecs_fmt(seen->message.len ? seen->message
                                                       : seen->reason));
        if (text.data == NULL) {
            return KECS_NOMEM;
        }

        c->reason = short_reason(text);
    }

    if (!f->final) {
        return KECS_OK;
    }

    c->last_status = kecs_str("STOPPED");

    if (x->start_failure.data == NULL
        && kecs_container_essential(
               kecs_definition_container(x->definition, c->name)))
    {
        x->start_failure = c->reason;
    }

    return KECS_OK;
}


/* Whether the health check of a container may still succeed in time. */

static kecs_msec_t
check_deadline(const kecs_ecs_container_definition_t *d, kecs_msec_t started)
{
    int64_t                        seconds;
    const kecs_ecs_health_check_t  *check;

    check = d->health_check;
    seconds = (check->interval.set ? check->interval.value : CHECK_INTERVAL)
              * (check->retries.set ? check->retries.value : CHECK_RETRIES)
              + (check->start_period.set ? check->start_period.value : 0);

    return started + seconds * 1000;
}


static void
container_health(observing_t *x, kecs_ecs_container_t *c,
    const kecs_ecs_container_definition_t *d, bool ready,
    kecs_msec_t started)
{
    kecs_msec_t  deadline;

    if (!kecs_container_checked(d)) {
        c->health_status = kecs_str("UNKNOWN");
        return;
    }

    if (ready) {
        c->health_status = kecs_str("HEALTHY");
        return;
    }

    deadline = check_deadline(d, started);

    if (kecs_str_is(c->health_status, "HEALTHY") || x->now >= deadline) {
        c->health_status = kecs_str("UNHEALTHY");
        return;
    }

    if (!kecs_str_is(c->health_status, "UNHEALTHY")) {
        c->health_status = kecs_str("UNKNOWN");

        if (x->step->again_at == 0 || deadline < x->step->again_at) {
            x->step->again_at = deadline;
        }
    }
}


static kecs_rc_t
container_running(observing_t *x, kecs_ecs_container_t *c,
    const kecs_container_seen_t *seen)
{
    kecs_rc_t                               rc;
    const kecs_ecs_container_definition_t  *d;

    d = kecs_definition_container(x->definition, c->name);
    rc = KECS_OK;

    /* its health check begins afresh with each start */

    if (seen->before != NULL && differs(seen->runtime_id, c->runtime_id)) {
        c->health_status = kecs_str("UNKNOWN");
    }

    if (container_rank(c) == KECS_C_WAITING) {
        c->last_status = kecs_str("RUNNING");
        c->reason = kecs_null_str;

        if (x->definition != NULL) {
            rc = kecs_container_bind(x->a, c, d,
                                     x->definition->network_mode);
        }
    }

    container_health(x, c, d, seen->ready,
                     between(seen->started_at, x->task->created_at, x->now));

    return rc;
}


static kecs_rc_t
container_terminated(observing_t *x, kecs_ecs_container_t *c,
    const kecs_container_seen_t *seen)
{
    const start_failure_t  *f;

    if (container_rank(c) == KECS_C_TERMINATED) {
        return KECS_OK;
    }

    f = start_failure_of(seen);
    if (f != NULL) {
        return container_failed(x, c, seen, f);
    }

    c->last_status = kecs_str("STOPPED");
    c->reason = kecs_null_str;

    if (seen->has_exit) {
        c->exit_code = (kecs_opt_int_t) { seen->exit_code, true };
    }

    if (kecs_str_is(seen->reason, "OOMKilled")) {
        c->reason = kecs_str("OutOfMemoryError: Container killed due to "
                             "memory usage");
    }

    return KECS_OK;
}


static kecs_rc_t
container_waiting(observing_t *x, kecs_ecs_container_t *c,
    const kecs_container_seen_t *seen)
{
    const start_failure_t  *f;

    if (container_rank(c) != KECS_C_WAITING) {
        return KECS_OK;
    }

    f = start_failure_of(seen);

    return f != NULL ? container_failed(x, c, seen, f) : KECS_OK;
}


static kecs_rc_t
container_moved(observing_t *x, kecs_ecs_container_t *c,
    const kecs_container_seen_t *seen)
{
    switch (seen->phase) {

    case KECS_C_WAITING:
        return container_waiting(x, c, seen);

    case KECS_C_RUNNING:
        return container_rank(c) == KECS_C_TERMINATED
               ? KECS_OK : container_running(x, c, seen);

    case KECS_C_TERMINATED:
        return container_terminated(x, c, seen);
    }

    return KECS_OK;
}


static kecs_rc_t
container_seen(observing_t *x, const kecs_container_seen_t *seen)
{
    kecs_rc_t              rc;
    kecs_ecs_container_t  *c;

    c = kecs_task_container(&x->parts, seen->name);
    if (c == NULL) {
        return KECS_OK;
    }

    rc = container_moved(x, c, seen);

    if (rc == KECS_OK
        && (!keep(x->a, &c->image_digest, seen->image_digest)
            || !keep(x->a, &c->runtime_id, seen->runtime_id)))
    {
        rc = KECS_NOMEM;
    }

    return rc;
}


/* What all containers together say. */

static void
summarize_seen(observing_t *x, const kecs_container_seen_t *seen)
{
    bool  essential;

    /* somebody else's: a sidecar that was put into the pod on its way */

    if (kecs_task_container(&x->parts, seen->name) == NULL) {
        return;
    }

    essential = kecs_container_essential(
                    kecs_definition_container(x->definition, seen->name));

    if (seen->started_at == 0 && essential) {
        x->all_ran = false;
    }

    if (seen->started_at != 0) {
        if (x->first_started == 0 || seen->started_at < x->first_started) {
            x->first_started = seen->started_at;
        }

        if (seen->started_at > x->last_started) {
            x->last_started = seen->started_at;
        }
    }

    if (seen->phase == KECS_C_TERMINATED && essential
        && start_failure_of(seen) == NULL)
    {
        x->essential_ended = true;

        if (x->essential_finished == 0
            || seen->finished_at < x->essential_finished)
        {
            x->essential_finished = seen->finished_at;
        }
    }
}


static void
summarize(observing_t *x)
{
    size_t    i;
    unsigned  rank;

    x->all_started = x->parts.view->containers.n != 0;
    x->all_ended = x->all_started;

    for (i = 0; i < x->parts.view->containers.n; i++) {
        rank = container_rank(&x->parts.view->containers.items[i]);
        x->all_started &= rank != KECS_C_WAITING;
        x->all_ended &= rank == KECS_C_TERMINATED;
    }

    x->all_ran = x->all_started && x->o->n >= x->parts.view->containers.n;

    for (i = 0; i < x->o->n; i++) {
        summarize_seen(x, &x->o->containers[i]);
    }

    if (x->o->gone || x->o->failed || (x->o->deleting && !x->o->placed)) {
        x->all_ended = true;
    }
}


/* It waits for another to end well, which has ended otherwise. */

static const kecs_ecs_container_t *
failed_dependency(const observing_t *x,
    const kecs_ecs_container_definition_t *d)
{
    size_t                                  i;
    const kecs_ecs_container_t             *on;
    const kecs_ecs_container_dependency_t  *dependency;

    for (i = 0; d != NULL && i < d->depends_on.n; i++) {
        dependency = &d->depends_on.items[i];
        on = kecs_task_container(&x->parts, dependency->container_name);

        if (on != NULL && kecs_dependency_ends(dependency)
            && (kecs_str_is(dependency->condition, "SUCCESS")
                || x->o->failed)
            && container_rank(on) == KECS_C_TERMINATED
            && (!on->exit_code.set || on->exit_code.value != 0))
        {
            return on;
        }
    }

    return NULL;
}


/*
 * Such a container never starts, and the pod with it; the words and the
 * exit code are those of ECS's agent.
 */

static kecs_rc_t
container_depends(observing_t *x, kecs_ecs_container_t *c)
{
    const kecs_ecs_container_t  *on;

    if (container_rank(c) != KECS_C_WAITING) {
        return KECS_OK;
    }

    on = failed_dependency(x, kecs_definition_container(x->definition,
                                                        c->name));
    if (on == NULL) {
        return KECS_OK;
    }

    c->reason = kecs_sprintf(x->a, "CannotStartContainerError: dependency"
                             " graph: failed to resolve container ordering"
                             " dependency [%.*s] for target [%.*s] as"
                             " dependency did not exit successfully.",
                             kecs_fmt(on->name), kecs_fmt(c->name));
    if (c->reason.data == NULL) {
        return KECS_NOMEM;
    }

    c->last_status = kecs_str("STOPPED");
    c->exit_code = (kecs_opt_int_t) { 128 + SIGTERM, true };

    if (x->start_failure.data == NULL) {
        x->start_failure = c->reason;
    }

    return KECS_OK;
}


static kecs_rc_t
dependencies_seen(observing_t *x)
{
    size_t     i;
    kecs_rc_t  rc;

    for (i = 0; i < x->parts.view->containers.n; i++) {
        rc = container_depends(x, &x->parts.view->containers.items[i]);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}


static kecs_rc_t
containers_seen(observing_t *x)
{
    size_t     i;
    kecs_rc_t  rc;

    for (i = 0; i < x->o->n; i++) {
        rc = container_seen(x, &x->o->containers[i]);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    rc = dependencies_seen(x);
    if (rc != KECS_OK) {
        return rc;
    }

    summarize(x);

    if (x->all_ended) {
        for (i = 0; i < x->parts.view->containers.n; i++) {
            x->parts.view->containers.items[i].last_status =
                kecs_str("STOPPED");
        }
    }

    return KECS_OK;
}


/* The first cause counts. */

static void
want_stopped(kecs_task_t *task, unsigned code, kecs_str_t reason,
    kecs_msec_t now)
{
    if (task->desired == KECS_DESIRED_STOPPED) {
        return;
    }

    task->desired = KECS_DESIRED_STOPPED;
    task->stop_code = (uint8_t) code;
    task->stopped_reason = short_reason(reason);

    if (task->stopping_at == 0) {
        task->stopping_at = now;
    }
}


static kecs_rc_t
host_lost(kecs_arena_t *a, kecs_task_t *task, kecs_msec_t now)
{
    kecs_str_t  text;

    text = kecs_sprintf(a, "Host EC2 (instance %.*s) terminated.",
                        kecs_fmt(task->node.len ? task->node
                                                : kecs_str("unknown")));
    if (text.data == NULL) {
        return KECS_NOMEM;
    }

    want_stopped(task, KECS_STOP_TERMINATION_NOTICE, text, now);

    return KECS_OK;
}


static kecs_rc_t
disrupted(observing_t *x, const disruption_t *d)
{
    kecs_str_t  text;

    if (d->host) {
        return host_lost(x->a, x->task, x->now);
    }

    text = kecs_sprintf(x->a, "Task was evicted from its host (%.*s)%s%.*s",
                        kecs_fmt(x->o->reason),
                        x->o->message.len ? ": " : ".",
                        kecs_fmt(x->o->message));
    if (text.data == NULL) {
        return KECS_NOMEM;
    }

    want_stopped(x->task, KECS_STOP_TERMINATION_NOTICE, text, x->now);

    return KECS_OK;
}


/* The runtime gave the task up, perhaps without having run it. */

static kecs_rc_t
given_up(observing_t *x)
{
    unsigned    code;
    kecs_str_t  text;

    code = x->task->started_at != 0 ? KECS_STOP_TERMINATION_NOTICE
                                    : KECS_STOP_FAILED_TO_START;

    text = kecs_sprintf(x->a, "%.*s%s%.*s", kecs_fmt(x->o->reason),
                        x->o->message.len ? ": " : "",
                        kecs_fmt(x->o->message));
    if (text.data == NULL) {
        return KECS_NOMEM;
    }

    want_stopped(x->task, code, text, x->now);

    return KECS_OK;
}


/*
 * It has no place because a claim that it mounts does not exist: ECS, too,
 * gives a task up whose file system is not there.  A claim of its own was
 * made with it, and whoever looks for places has not heard of it yet.
 */

static bool
lacks_volume(const kecs_observation_t *o)
{
    char  own[2 * KECS_ID_LEN + 1];

    kecs_hex(o->task, KECS_ID_LEN, own);
    own[2 * KECS_ID_LEN] = '\0';

    return mentions(o->pending, "persistentvolumeclaim \"")
           && mentions(o->pending, "\" not found")
           && !mentions(o->pending, own);
}


static kecs_rc_t
no_volume(observing_t *x)
{
    kecs_str_t  text;

    text = kecs_sprintf(x->a, "ResourceInitializationError: failed to mount"
                        " volumes: %.*s", kecs_fmt(x->o->pending));
    if (text.data == NULL) {
        return KECS_NOMEM;
    }

    want_stopped(x->task, KECS_STOP_FAILED_TO_START, text, x->now);

    return KECS_OK;
}


/* Looks for a cause to end the task, when it is wanted to run. */

static kecs_rc_t
find_cause(observing_t *x)
{
    const disruption_t  *d;

    if (x->task->desired == KECS_DESIRED_STOPPED) {
        return KECS_OK;
    }

    d = disruption_of(x->o->reason);

    if (d != NULL && (x->o->deleting || x->all_ended)) {
        return disrupted(x, d);
    }

    if (x->start_failure.data != NULL) {
        want_stopped(x->task, KECS_STOP_FAILED_TO_START, x->start_failure,
                     x->now);

    } else if (lacks_volume(x->o)) {
        return no_volume(x);

    } else if (x->o->deleting || x->o->gone) {
        want_stopped(x->task, KECS_STOP_SCHEDULER,
                     kecs_str("Task stopped externally"), x->now);

    } else if (x->essential_ended
               || (x->all_ended && x->o->reason.len == 0))
    {
        want_stopped(x->task, KECS_STOP_ESSENTIAL_EXITED,
                     kecs_str("Essential container in task exited"), x->now);

    } else if (x->all_ended) {
        return given_up(x);
    }

    return KECS_OK;
}


static unsigned
status_seen(const observing_t *x)
{
    if (x->all_ended) {
        return x->o->deleting || x->o->gone ? KECS_TASK_STOPPED
                                            : KECS_TASK_DEPROVISIONING;
    }

    if (x->o->deleting || x->essential_ended) {
        return KECS_TASK_STOPPING;
    }

    if (x->task->desired == KECS_DESIRED_STOPPED) {
        return x->task->status;
    }

    if (x->all_started) {
        return KECS_TASK_RUNNING;
    }

    return x->o->placed || x->o->n != 0 ? KECS_TASK_PENDING
                                        : KECS_TASK_PROVISIONING;
}


/*
 * When the images were pulled: as the runtime tells, or else up to the
 * start of the containers.
 */

static void
pull_times(observing_t *x)
{
    kecs_task_t  *t;
    kecs_msec_t   seen;

    t = x->task;

    if (t->pull_started_at == 0) {
        seen = x->o->pull_started_at;

        if (seen == 0) {
            seen = x->first_started;
        }

        if (seen != 0) {
            t->pull_started_at = between(seen, t->created_at, x->now);
        }
    }

    if (t->pull_stopped_at == 0 && t->pull_started_at != 0) {
        seen = x->o->pull_stopped_at;

        if (seen == 0 && x->all_started) {
            seen = x->last_started;
        }

        if (seen != 0) {
            t->pull_stopped_at = between(seen, t->pull_started_at, x->now);
        }
    }
}


/* The latest time that the task had before it stopped. */

static kecs_msec_t
lived_until(const kecs_task_t *t)
{
    if (t->started_at != 0) {
        return t->started_at;
    }

    return t->pull_stopped_at != 0 ? t->pull_stopped_at : t->created_at;
}


static void
set_times(observing_t *x)
{
    kecs_task_t  *t;

    t = x->task;

    pull_times(x);

    if (t->status >= KECS_TASK_RUNNING && t->started_at == 0
        && x->all_ran && x->last_started != 0)
    {
        t->started_at = between(x->last_started,
                                t->pull_stopped_at ? t->pull_stopped_at
                                                   : t->created_at, x->now);
    }

    if (t->status >= KECS_TASK_STOPPING && t->stopping_at == 0) {
        t->stopping_at = x->now;
    }

    if (t->execution_stopped_at == 0
        && (x->essential_ended || t->status >= KECS_TASK_DEPROVISIONING))
    {
        t->execution_stopped_at = between(x->essential_finished,
                                          lived_until(t), x->now);
    }

    if (t->status == KECS_TASK_STOPPED && t->stopped_at == 0) {
        t->stopped_at = x->now;
    }
}


static unsigned
health_of(const kecs_task_parts_t *parts,
    const kecs_ecs_task_definition_t *definition)
{
    size_t                       i;
    unsigned                     health;
    const kecs_ecs_container_t  *c;

    health = KECS_HEALTH_HEALTHY;

    for (i = 0; i < parts->view->containers.n; i++) {
        c = &parts->view->containers.items[i];

        if (!kecs_container_essential(
                kecs_definition_container(definition, c->name)))
        {
            continue;
        }

        if (kecs_str_is(c->health_status, "UNHEALTHY")) {
            return KECS_HEALTH_UNHEALTHY;
        }

        if (!kecs_str_is(c->health_status, "HEALTHY")) {
            health = KECS_HEALTH_UNKNOWN;
        }
    }

    return health;
}


/* Volumes are there before there is an address, or a container has run. */

static bool
mounted(const kecs_observation_t *o)
{
    size_t  i;

    for (i = 0; i < o->n; i++) {
        if (o->containers[i].phase != KECS_C_WAITING) {
            return true;
        }
    }

    return o->address.len != 0;
}


static kecs_rc_t
place_seen(observing_t *x)
{
    kecs_task_t               *t;
    const kecs_observation_t  *o;

    t = x->task;
    o = x->o;

    if (!keep(x->a, &t->handle, o->handle) || !keep(x->a, &t->node, o->node)
        || !keep(x->a, &t->zone, o->zone))
    {
        return KECS_NOMEM;
    }

    t->posted = 1;

    if (o->placed && t->connectivity == KECS_CONNECTIVITY_NONE) {
        t->connectivity = KECS_CONNECTED;
        t->connectivity_at = x->now;
    }

    if (mounted(o) && kecs_task_attach_volumes(x->a, t, &x->parts) != KECS_OK)
    {
        return KECS_NOMEM;
    }

    if (o->address.len != 0) {
        return kecs_task_attach(x->a, t, &x->parts, o->address);
    }

    return KECS_OK;
}


/* Whether ECS shows something of the head that is different now. */

static bool
shows_change(const kecs_task_t *t, const kecs_task_t *was)
{
    return t->status != was->status
           || t->desired != was->desired
           || t->stop_code != was->stop_code
           || t->health != was->health
           || t->connectivity != was->connectivity
           || t->pull_started_at != was->pull_started_at
           || t->pull_stopped_at != was->pull_stopped_at
           || t->started_at != was->started_at
           || t->stopping_at != was->stopping_at
           || t->execution_stopped_at != was->execution_stopped_at
           || t->stopped_at != was->stopped_at
           || !kecs_str_eq(t->stopped_reason, was->stopped_reason)
           || !kecs_str_eq(t->zone, was->zone);
}


static bool
hidden_change(const kecs_task_t *t, const kecs_task_t *was)
{
    return t->posted != was->posted
           || !kecs_str_eq(t->node, was->node)
           || !kecs_str_eq(t->handle, was->handle);
}


/* Stores the parts, counts the version, says what changed. */

static kecs_rc_t
finish(kecs_arena_t *a, kecs_task_t *task, const kecs_task_t *was,
    const kecs_task_parts_t *parts, kecs_task_step_t *step)
{
    bool       visible;
    kecs_rc_t  rc;

    rc = kecs_task_parts_store(a, task, parts, &visible);
    if (rc != KECS_OK) {
        return rc;
    }

    visible |= shows_change(task, was);

    if (visible) {
        task->version++;
    }

    step->changed = visible || hidden_change(task, was);
    step->forget = task->status == KECS_TASK_STOPPED;
    step->ended = was->desired == KECS_DESIRED_RUNNING
                  && task->desired == KECS_DESIRED_STOPPED;

    return KECS_OK;
}


static kecs_rc_t
move(observing_t *x)
{
    unsigned   status;
    kecs_rc_t  rc;

    rc = place_seen(x);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = containers_seen(x);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = find_cause(x);
    if (rc != KECS_OK) {
        return rc;
    }

    status = status_seen(x);

    if (status > x->task->status) {
        x->task->status = (uint8_t) status;
    }

    set_times(x);

    if (x->task->status >= KECS_TASK_PENDING
        && x->task->status < KECS_TASK_STOPPING)
    {
        x->task->health = (uint8_t) health_of(&x->parts, x->definition);
    }

    if (x->task->status == KECS_TASK_STOPPED) {
        kecs_task_detach(&x->parts);
    }

    return KECS_OK;
}


kecs_rc_t
kecs_task_observe(kecs_arena_t *a, kecs_task_t *task,
    const kecs_ecs_task_definition_t *definition,
    const kecs_observation_t *o, kecs_msec_t now, kecs_task_step_t *step)
{
    kecs_rc_t    rc;
    kecs_task_t  was;
    observing_t  x;

    memset(step, 0, sizeof(*step));

    if (task->status == KECS_TASK_STOPPED) {
        step->stop = !o->gone && !o->deleting;
        step->forget = true;
        return KECS_OK;
    }

    was = *task;

    memset(&x, 0, sizeof(x));
    x.a = a;
    x.task = task;
    x.definition = definition;
    x.now = kecs_task_clock(task, now);
    x.step = step;

    rc = kecs_runs_settle(a, definition, o, &x.o);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = kecs_task_parts_load(a, task, &x.parts);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = move(&x);
    if (rc != KECS_OK) {
        return rc;
    }

    step->stop = task->desired == KECS_DESIRED_STOPPED
                 && !o->deleting && !o->gone;

    return finish(a, task, &was, &x.parts, step);
}


/* Ends a task whose containers are nowhere. */

static kecs_rc_t
end(kecs_arena_t *a, kecs_task_t *task, const kecs_task_t *was,
    kecs_msec_t now, kecs_task_step_t *step)
{
    size_t             i;
    kecs_rc_t          rc;
    kecs_task_parts_t  parts;

    rc = kecs_task_parts_load(a, task, &parts);
    if (rc != KECS_OK) {
        return rc;
    }

    for (i = 0; i < parts.view->containers.n; i++) {
        parts.view->containers.items[i].last_status = kecs_str("STOPPED");
    }

    kecs_task_detach(&parts);

    task->status = KECS_TASK_STOPPED;

    if (task->stopping_at == 0) {
        task->stopping_at = now;
    }

    if (task->execution_stopped_at == 0) {
        task->execution_stopped_at = now;
    }

    if (task->stopped_at == 0) {
        task->stopped_at = now;
    }

    return finish(a, task, was, &parts, step);
}


kecs_rc_t
kecs_task_missing(kecs_arena_t *a, kecs_task_t *task, kecs_msec_t now,
    kecs_task_step_t *step)
{
    kecs_rc_t    rc;
    kecs_task_t  was;

    memset(step, 0, sizeof(*step));

    if (task->status == KECS_TASK_STOPPED
        || (task->desired == KECS_DESIRED_RUNNING && task->handle.len == 0))
    {
        return KECS_OK;
    }

    was = *task;
    now = kecs_task_clock(task, now);

    rc = host_lost(a, task, now);

    return rc == KECS_OK ? end(a, task, &was, now, step) : rc;
}


kecs_rc_t
kecs_task_refused(kecs_arena_t *a, kecs_task_t *task, kecs_str_t reason,
    kecs_msec_t now, kecs_task_step_t *step)
{
    kecs_task_t  was;

    memset(step, 0, sizeof(*step));

    if (task->status == KECS_TASK_STOPPED) {
        return KECS_OK;
    }

    was = *task;
    now = kecs_task_clock(task, now);
    want_stopped(task, KECS_STOP_FAILED_TO_START, reason, now);

    return end(a, task, &was, now, step);
}


kecs_rc_t
kecs_task_overdue(kecs_arena_t *a, kecs_task_t *task,
    const kecs_ecs_task_definition_t *definition, kecs_msec_t now,
    kecs_task_step_t *step)
{
    size_t                 i;
    kecs_rc_t              rc;
    kecs_task_t            was;
    observing_t            x;
    kecs_ecs_container_t  *c;

    memset(step, 0, sizeof(*step));

    if (task->status < KECS_TASK_PENDING || task->status > KECS_TASK_RUNNING
        || task->started_at == 0)
    {
        return KECS_OK;
    }

    was = *task;

    memset(&x, 0, sizeof(x));
    x.now = kecs_task_clock(task, now);
    x.step = step;

    rc = kecs_task_parts_load(a, task, &x.parts);
    if (rc != KECS_OK) {
        return rc;
    }

    for (i = 0; i < x.parts.view->containers.n; i++) {
        c = &x.parts.view->containers.items[i];

        if (container_rank(c) == KECS_C_RUNNING
            && kecs_str_is(c->health_status, "UNKNOWN"))
        {
            container_health(&x, c,
                             kecs_definition_container(definition, c->name),
                             false, task->started_at);
        }
    }

    task->health = (uint8_t) health_of(&x.parts, definition);

    return finish(a, task, &was, &x.parts, step);
}


bool
kecs_task_checked(const kecs_ecs_task_definition_t *definition)
{
    size_t                                  i;
    const kecs_ecs_container_definition_t  *d;

    for (i = 0; i < definition->container_definitions.n; i++) {
        d = &definition->container_definitions.items[i];

        if (kecs_container_essential(d) && kecs_container_checked(d)) {
            return true;
        }
    }

    return false;
}


unsigned
kecs_task_grace(const kecs_ecs_task_definition_t *definition)
{
    size_t                                  i;
    int64_t                                 seconds, longest;
    const kecs_ecs_container_definition_t  *d;

    longest = 0;

    for (i = 0; i < definition->container_definitions.n; i++) {
        d = &definition->container_definitions.items[i];
        seconds = d->stop_timeout.set ? d->stop_timeout.value : STOP_TIMEOUT;

        if (seconds > longest) {
            longest = seconds;
        }
    }

    return (unsigned) longest;
}
