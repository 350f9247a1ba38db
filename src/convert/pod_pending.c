/*
 * Why a task does not run yet, in the words of ECS: what the scheduler of
 * Kubernetes, the kubelet and the events of the pod say, put into reasons
 * that ECS has for a task that finds no place (RESOURCE:CPU, ...) or whose
 * container does not start (CannotPullContainerError, ...).  What was said
 * stands beside it as it was.
 */

#define _GNU_SOURCE

#include "pod_view.h"
#include "task_state.h"


typedef struct {
    kecs_writer_t      *w;
    const kecs_json_t  *pod;
    const kecs_json_t  *events;     /* the list, or NULL */
    kecs_buf_t          text;
} pending_t;

/* What a place lacks: in the scheduler's words, ECS's, and a sentence's. */

typedef struct {
    const char  *says;
    const char  *reason;
    const char  *text;
} lack_t;

static const lack_t  lacks[] = {
    { "Insufficient cpu", "RESOURCE:CPU",
      "insufficient CPU units available" },
    { "Insufficient memory", "RESOURCE:MEMORY",
      "insufficient memory available" },
    { "Insufficient ephemeral-storage", "RESOURCE:STORAGE",
      "insufficient ephemeral storage available" },
    { "gpu", "RESOURCE:GPU", "insufficient GPUs available" },
    { "Too many pods", "RESOURCE:PODS", "too many tasks on it" },
    { "free ports", "RESOURCE:PORTS", "a host port is in use" },
    { "node affinity", "ATTRIBUTE",
      "it is not the instance that the task was placed on, or lacks an"
      " attribute" },
    { "untolerated taint", "INSTANCE",
      "it takes no tasks (draining or not connected)" },
    { "were unschedulable", "INSTANCE",
      "it takes no tasks (draining or not connected)" },
    { "topology spread", "PLACEMENT", "a placement constraint" },
    { "anti-affinity", "PLACEMENT", "a placement constraint" },
    { "ersistent", "VOLUME", "a volume cannot be attached" },
    { "volume", "VOLUME", "a volume cannot be attached" },
    { NULL, NULL, NULL }
};


static bool
mentions(kecs_str_t s, const char *word)
{
    return s.len != 0 && memmem(s.data, s.len, word, strlen(word)) != NULL;
}


/* The answer's end: reasons are written, the text is known. */

static void
conclude(pending_t *p, kecs_str_t message)
{
    kecs_w_array_end(p->w);
    kecs_w_str(p->w, "text", kecs_buf_view(&p->text));
    kecs_w_opt_str(p->w, "message", message);
    kecs_w_object_end(p->w);
}


static void
begin(pending_t *p)
{
    kecs_w_object(p->w, "pending");
    kecs_w_array(p->w, "reasons");
}


/* One reason. */

static void
say(pending_t *p, const char *reason, kecs_str_t message, const char *text)
{
    begin(p);
    kecs_w_cstr(p->w, NULL, reason);
    kecs_buf_str(&p->text, kecs_str_of(text));
    conclude(p, message);
}


/* No place. */

static void
unplaced(pending_t *p, kecs_str_t message)
{
    const lack_t  *l;
    const char    *before;

    begin(p);
    kecs_buf_str(&p->text, kecs_str("Unable to place the task because no"
                 " container instance met all of its requirements."));
    before = "";

    for (l = lacks; l->says != NULL; l++) {
        if (!mentions(message, l->says) || l->reason == before) {
            continue;
        }

        kecs_w_cstr(p->w, NULL, l->reason);
        kecs_buf_printf(&p->text, "%s%s", *before ? "; " : " Reason: ",
                        l->text);
        before = l->reason;
    }

    if (*before) {
        kecs_buf_chr(&p->text, '.');
    }

    conclude(p, message);
}


/* True when it has no place, which has been said. */

static bool
without_place(pending_t *p)
{
    kecs_str_t          reason, message;
    const kecs_json_t  *scheduled;

    scheduled = kecs_view_condition(p->pod, "PodScheduled");

    if (kecs_view_text(kecs_json_get(p->pod, "spec"), "nodeName").len != 0
        || kecs_str_is(kecs_view_text(scheduled, "status"), "True"))
    {
        return false;
    }

    reason = kecs_view_text(scheduled, "reason");
    message = kecs_view_text(scheduled, "message");

    if (kecs_str_is(reason, "SchedulingGated")) {
        say(p, "GATED", message, "The pod is held back by a scheduling"
            " gate.");

    } else if (scheduled == NULL) {
        say(p, "PLACING", kecs_null_str, "A place is being looked for.");

    } else {
        unplaced(p, message);
    }

    return true;
}


/* A place, and containers that do not start. */

static const kecs_json_t *
waiting(const kecs_json_t *status)
{
    return kecs_json_at(status, "state", "waiting", NULL);
}


/* "ResourceInitializationError: unable to ..." is of the first one's kind. */

static void
failed(pending_t *p, kecs_str_t error, kecs_str_t message)
{
    kecs_str_t  kind, rest;

    rest = error;
    (void) kecs_str_split(&rest, ':', &kind);
    begin(p);
    kecs_w_str(p->w, NULL, kind);
    kecs_buf_printf(&p->text, "%.*s: a container does not start.",
                    kecs_fmt(error));
    conclude(p, message);
}


/* The first container that waits because of an error. */

static bool
failing(pending_t *p, const char *list)
{
    const char         *error;
    kecs_str_t          reason, message;
    const kecs_json_t  *e, *s;

    e = kecs_json_at(p->pod, "status", list, NULL);

    for (e = e ? e->first : NULL; e != NULL; e = e->next) {
        s = waiting(e);
        reason = kecs_view_text(s, "reason");
        message = kecs_view_text(s, "message");
        error = kecs_start_error(reason, message);

        if (error != NULL) {
            failed(p, kecs_str_of(error), message);
            return true;
        }

        if (kecs_str_is(reason, "CrashLoopBackOff")) {
            say(p, "RESTART", message, "A container has ended and is started"
                " again after a pause.");
            return true;
        }
    }

    return false;
}


/* The event of one of these reasons that came last, or NULL. */

static const kecs_json_t *
last_event(const pending_t *p, const char *const *reasons)
{
    size_t              i;
    const kecs_json_t  *e, *last;

    last = NULL;
    e = kecs_json_get(p->events, "items");

    for (e = e ? e->first : NULL; e != NULL; e = e->next) {
        for (i = 0; reasons[i] != NULL; i++) {
            if (kecs_str_is(kecs_view_text(e, "reason"), reasons[i])
                && (last == NULL || kecs_view_event_time(e)
                                    >= kecs_view_event_time(last)))
            {
                last = e;
            }
        }
    }

    return last;
}


/* Something that comes before all containers fails. */

static bool
unprepared(pending_t *p)
{
    kecs_str_t                 reason;
    const kecs_json_t         *e, *ready;
    static const char *const   failures[] = {
        "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", NULL
    };

    ready = kecs_view_condition(p->pod, "PodReadyToStartContainers");
    e = last_event(p, failures);

    if (e == NULL || kecs_str_is(kecs_view_text(ready, "status"), "True")) {
        return false;
    }

    reason = kecs_view_text(e, "reason");
    say(p, "ResourceInitializationError", kecs_view_text(e, "message"),
        kecs_str_is(reason, "FailedCreatePodSandBox")
        ? "ResourceInitializationError: the task's network cannot be set up."
        : "ResourceInitializationError: failed to mount volumes.");

    return true;
}


/* Another container has to end or to be healthy first. */

static bool
held_back(pending_t *p)
{
    const kecs_json_t  *e;

    e = kecs_json_at(p->pod, "status", "initContainerStatuses", NULL);

    for (e = e ? e->first : NULL; e != NULL; e = e->next) {
        if (kecs_json_at(e, "state", "running", NULL) != NULL
            && !kecs_json_true(kecs_json_get(e, "started")))
        {
            kecs_buf_printf(&p->text, "The container %.*s, on which others"
                            " depend, ",
                            kecs_fmt(kecs_view_text(e, "name")));
            say(p, "DEPENDENCY", kecs_null_str, "has not got there yet.");
            return true;
        }
    }

    return false;
}


static bool
pulling(pending_t *p)
{
    const kecs_json_t         *e;
    static const char *const   pulls[] = { "Pulling", "Pulled", NULL };

    e = last_event(p, pulls);

    if (!kecs_str_is(kecs_view_text(e, "reason"), "Pulling")) {
        return false;
    }

    say(p, "PULLING", kecs_view_text(e, "message"),
        "An image is being pulled.");

    return true;
}


static bool
some_wait(const kecs_json_t *pod)
{
    const kecs_json_t  *e;

    e = kecs_json_at(pod, "status", "containerStatuses", NULL);

    if (e == NULL) {
        return true;
    }

    for (e = e->first; e != NULL; e = e->next) {
        if (waiting(e) != NULL) {
            return true;
        }
    }

    return false;
}


static bool
is_over(const kecs_json_t *pod)
{
    kecs_str_t  phase;

    phase = kecs_view_text(kecs_json_get(pod, "status"), "phase");

    return kecs_json_at(pod, "metadata", "deletionTimestamp", NULL) != NULL
           || kecs_str_is(phase, "Failed") || kecs_str_is(phase, "Succeeded");
}


kecs_rc_t
kecs_pod_pending(kecs_arena_t *a, kecs_writer_t *w, const kecs_json_t *pod,
    const kecs_json_t *events)
{
    pending_t  p = { .w = w, .pod = pod, .events = events };

    kecs_buf_init(&p.text, a, 0);

    if (pod == NULL || is_over(pod)) {
        kecs_w_null(w, "pending");
        return KECS_OK;
    }

    if (without_place(&p) || failing(&p, "initContainerStatuses")
        || failing(&p, "containerStatuses"))
    {
        return p.text.failed ? KECS_NOMEM : KECS_OK;
    }

    if (!some_wait(pod)) {
        kecs_w_null(w, "pending");

    } else if (!unprepared(&p) && !held_back(&p) && !pulling(&p)) {
        say(&p, "STARTING", kecs_null_str, "Containers are being made.");
    }

    return p.text.failed ? KECS_NOMEM : KECS_OK;
}
