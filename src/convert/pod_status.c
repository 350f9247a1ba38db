/*
 * What a pod says of its task (kubernetes.md 1.7).
 *
 * Containers are reported by their ECS names, which the annotation that
 * pod.c wrote tells; a pod without it (somebody took it away) is reported
 * with the names it has.  A pod that has Failed counts as failed as a
 * whole only when its containers do not explain that: otherwise it is
 * just what remains of a task whose containers ended.  Of a container that
 * the kubelet starts anew, its last end is reported too, and of one that has
 * ended whether that will happen: by its own restart policy, since pods are
 * never restarted as a whole.  Which of these ends count says task_runs.c.
 */

#include "pod.h"
#include "pod_status.h"


typedef struct {
    kecs_arena_t          *a;
    const kecs_json_t     *pod;
    const kecs_json_t     *names;       /* the annotation's array */
    kecs_observation_t    *out;
} pod_t;


static kecs_str_t
text(const kecs_json_t *o, const char *name)
{
    kecs_str_t  s;

    s = kecs_json_str(kecs_json_get(o, name));

    return s.len > 0 ? s : kecs_null_str;
}


static kecs_msec_t
time_of(const kecs_json_t *o, const char *name)
{
    kecs_msec_t  t;

    return kecs_time_parse(text(o, name), &t) ? t : 0;
}


static kecs_str_t
annotation(const pod_t *p, const char *name)
{
    return text(kecs_json_at(p->pod, "metadata", "annotations", NULL), name);
}


static kecs_str_t
ecs_name(const pod_t *p, kecs_str_t name)
{
    kecs_str_t          s;
    const kecs_json_t  *e;

    for (e = p->names ? p->names->first : NULL; e != NULL; e = e->next) {
        if (kecs_str_eq(text(e, "pod"), name)) {
            s = text(e, "name");
            return s.data ? s : name;
        }
    }

    return name;
}


/* "docker.io/library/nginx@sha256:..." */

static kecs_str_t
digest_of(kecs_str_t image_id)
{
    ptrdiff_t  at;

    at = kecs_str_rchr(image_id, '@');

    if (at == -1) {
        return kecs_null_str;
    }

    image_id = kecs_str_from(image_id, (size_t) at + 1);

    return kecs_str_chr(image_id, ':') > 0 ? image_id : kecs_null_str;
}


/*
 * The repository of the image that the pod asks for, with or without what
 * is left out for images of Docker's own registry, is that of the digest.
 */

static bool
same_repository(kecs_str_t image, kecs_str_t image_id)
{
    size_t             i;
    ptrdiff_t          at;
    static const char  *const hidden[] = {
        "", "docker.io/", "docker.io/library/"
    };

    at = kecs_str_rchr(image_id, '@');

    if (at == -1) {
        return false;
    }

    image_id.len = (size_t) at;

    if ((at = kecs_str_rchr(image, '@')) != -1) {
        image.len = (size_t) at;
    }

    at = kecs_str_rchr(image, ':');

    if (at > kecs_str_rchr(image, '/')) {
        image.len = (size_t) at;
    }

    for (i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        if (kecs_str_starts(image_id, kecs_str_of(hidden[i]))
            && kecs_str_eq(kecs_str_from(image_id, strlen(hidden[i])), image))
        {
            return true;
        }
    }

    return false;
}


/* "containerd://4f2a..." */

static kecs_str_t
runtime_id_of(kecs_str_t id)
{
    ptrdiff_t  slash;

    slash = kecs_str_rchr(id, '/');
    id = slash == -1 ? id : kecs_str_from(id, (size_t) slash + 1);

    return id.len > 0 ? id : kecs_null_str;
}


static void
container_terminated(const kecs_json_t *state, kecs_container_seen_t *c)
{
    int64_t  code;

    c->phase = KECS_C_TERMINATED;
    c->reason = text(state, "reason");
    c->message = text(state, "message");
    c->started_at = time_of(state, "startedAt");
    c->finished_at = time_of(state, "finishedAt");

    if (kecs_json_i64(kecs_json_get(state, "exitCode"), &code)) {
        c->has_exit = true;
        c->exit_code = (int) code;
    }
}


/* The specification of a container, NULL when it has none. */

static const kecs_json_t *
specified(const pod_t *p, kecs_str_t name)
{
    size_t              i;
    const kecs_json_t  *list, *e;
    static const char  *lists[] = { "containers", "initContainers" };

    for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        list = kecs_json_at(p->pod, "spec", lists[i], NULL);

        for (e = list ? list->first : NULL; e != NULL; e = e->next) {
            if (kecs_str_eq(text(e, "name"), name)) {
                return e;
            }
        }
    }

    return NULL;
}


/* The exit code is one that the rule is about. */

static bool
rule_applies(const kecs_json_t *rule, int code)
{
    bool                listed;
    int64_t             n;
    const kecs_json_t  *codes, *e;

    codes = kecs_json_get(rule, "exitCodes");
    e = kecs_json_get(codes, "values");
    listed = false;

    for (e = e ? e->first : NULL; e != NULL; e = e->next) {
        listed |= kecs_json_i64(e, &n) && n == code;
    }

    return kecs_str_is(text(rule, "action"), "Restart")
           && listed == kecs_str_is(text(codes, "operator"), "In");
}


/* The pod has ended or is taken away: nothing in it starts any more. */

static bool
is_over(const pod_t *p)
{
    kecs_str_t  phase;

    phase = text(kecs_json_get(p->pod, "status"), "phase");

    return kecs_json_at(p->pod, "metadata", "deletionTimestamp", NULL) != NULL
           || kecs_str_is(phase, "Failed") || kecs_str_is(phase, "Succeeded");
}


static bool
starts_anew(const pod_t *p, kecs_str_t name, int code)
{
    const kecs_json_t  *spec, *e;

    spec = specified(p, name);

    if (spec == NULL || is_over(p)) {
        return false;
    }

    e = kecs_json_get(spec, "restartPolicyRules");

    for (e = e ? e->first : NULL; e != NULL; e = e->next) {
        if (rule_applies(e, code)) {
            return true;
        }
    }

    return kecs_str_is(text(spec, "restartPolicy"), "Always");
}


/* The end before this start. */

static kecs_rc_t
container_before(const pod_t *p, const kecs_json_t *state,
    kecs_container_seen_t *c)
{
    kecs_container_seen_t  *before;

    before = kecs_calloc(p->a, 1, sizeof(kecs_container_seen_t));

    if (before == NULL) {
        return KECS_NOMEM;
    }

    before->name = c->name;
    before->image_digest = c->image_digest;
    before->runtime_id = runtime_id_of(text(state, "containerID"));
    container_terminated(state, before);
    c->before = before;

    return KECS_OK;
}


static void
container_state(const pod_t *p, const kecs_json_t *status,
    kecs_container_seen_t *c)
{
    const kecs_json_t  *state, *s;

    state = kecs_json_get(status, "state");
    s = kecs_json_get(state, "terminated");

    if (s != NULL) {
        container_terminated(s, c);
        c->again = starts_anew(p, text(status, "name"), c->exit_code);
        return;
    }

    s = kecs_json_get(state, "running");

    if (s != NULL) {
        c->phase = KECS_C_RUNNING;
        c->started_at = time_of(s, "startedAt");
        return;
    }

    s = kecs_json_get(state, "waiting");
    c->phase = KECS_C_WAITING;
    c->reason = text(s, "reason");
    c->message = text(s, "message");
}


static kecs_rc_t
container(const pod_t *p, const kecs_json_t *status,
    kecs_container_seen_t *c)
{
    const kecs_json_t  *last;

    memset(c, 0, sizeof(kecs_container_seen_t));

    c->name = ecs_name(p, text(status, "name"));
    c->ready = kecs_json_true(kecs_json_get(status, "ready"));
    c->image_digest = digest_of(text(status, "imageID"));
    c->by_digest = same_repository(text(specified(p, text(status, "name")),
                                        "image"), text(status, "imageID"));
    c->runtime_id = runtime_id_of(text(status, "containerID"));

    container_state(p, status, c);

    last = kecs_json_at(status, "lastState", "terminated", NULL);

    return last != NULL ? container_before(p, last, c) : KECS_OK;
}


static const kecs_json_t *
statuses(const pod_t *p, const char *name)
{
    const kecs_json_t  *list;

    list = kecs_json_at(p->pod, "status", name, NULL);

    return list != NULL && list->type == KECS_JSON_ARRAY ? list : NULL;
}


static kecs_rc_t
containers(pod_t *p)
{
    size_t                  i, n;
    kecs_rc_t               rc;
    const kecs_json_t      *lists[2], *e;
    kecs_container_seen_t  *c;

    lists[0] = statuses(p, "initContainerStatuses");
    lists[1] = statuses(p, "containerStatuses");

    n = (lists[0] ? lists[0]->n : 0) + (lists[1] ? lists[1]->n : 0);
    c = kecs_calloc(p->a, n, sizeof(kecs_container_seen_t));

    if (n == 0 || c == NULL) {
        return n == 0 ? KECS_OK : KECS_NOMEM;
    }

    for (n = 0, i = 0; i < 2; i++) {
        for (e = lists[i] ? lists[i]->first : NULL; e; e = e->next) {
            rc = container(p, e, &c[n++]);
            if (rc != KECS_OK) {
                return rc;
            }
        }
    }

    p->out->containers = c;
    p->out->n = n;

    return KECS_OK;
}


/* A condition of this type, NULL when the pod has none. */

static const kecs_json_t *
condition(const pod_t *p, const char *type)
{
    const kecs_json_t  *e;

    e = kecs_json_at(p->pod, "status", "conditions", NULL);

    for (e = e ? e->first : NULL; e != NULL; e = e->next) {
        if (kecs_str_is(text(e, "type"), type)) {
            return e;
        }
    }

    return NULL;
}


static bool
holds(const kecs_json_t *c)
{
    return kecs_str_is(text(c, "status"), "True");
}


static void
placement(pod_t *p)
{
    const kecs_json_t   *scheduled;
    kecs_observation_t  *o = p->out;

    o->node = text(kecs_json_get(p->pod, "spec"), "nodeName");
    o->placed = o->node.data != NULL;

    scheduled = condition(p, "PodScheduled");

    if (!o->placed && scheduled != NULL && !holds(scheduled)) {
        o->pending = text(scheduled, "message");

        if (o->pending.data == NULL) {
            o->pending = text(scheduled, "reason");
        }
    }
}


static bool
all_terminated(const kecs_observation_t *o)
{
    size_t  i;

    for (i = 0; i < o->n; i++) {
        if (o->containers[i].phase != KECS_C_TERMINATED
            && o->containers[i].before == NULL)
        {
            return false;
        }
    }

    return o->n > 0;
}


/* Why it goes or went, other than by its containers' own doing. */

static void
cause(pod_t *p)
{
    const kecs_json_t   *status, *disruption;
    kecs_observation_t  *o = p->out;

    status = kecs_json_get(p->pod, "status");
    disruption = condition(p, "DisruptionTarget");

    o->deleting = kecs_json_at(p->pod, "metadata", "deletionTimestamp", NULL)
                  != NULL;
    o->reason = text(status, "reason");
    o->message = text(status, "message");

    if (disruption != NULL && holds(disruption)) {
        o->reason = text(disruption, "reason");

        if (o->message.data == NULL) {
            o->message = text(disruption, "message");
        }
    }

    o->failed = kecs_str_is(text(status, "phase"), "Failed")
                && (o->reason.data != NULL || !all_terminated(o));
}


/*
 * When its images were pulled: from when its network was there (what the
 * kubelet does just before) until the first container ran.
 */

static void
pull_times(pod_t *p)
{
    size_t                        i;
    kecs_msec_t                   t;
    const kecs_json_t            *ready;
    kecs_observation_t           *o = p->out;
    const kecs_container_seen_t  *c;

    ready = condition(p, "PodReadyToStartContainers");

    if (ready != NULL && holds(ready)) {
        o->pull_started_at = time_of(ready, "lastTransitionTime");
    }

    for (i = 0; i < o->n; i++) {
        c = &o->containers[i];
        t = c->before != NULL ? c->before->started_at : c->started_at;

        if (t != 0 && (o->pull_stopped_at == 0 || t < o->pull_stopped_at)) {
            o->pull_stopped_at = t;
        }
    }

    if (o->pull_stopped_at != 0 && o->pull_started_at > o->pull_stopped_at) {
        o->pull_started_at = o->pull_stopped_at;
    }
}


static void
adoption(pod_t *p)
{
    kecs_observation_t  *o = p->out;

    o->task_arn = annotation(p, KECS_POD_TASK_ARN);
    o->definition_arn = annotation(p, KECS_POD_TASKDEF);
    o->group = annotation(p, KECS_POD_GROUP);
    o->started_by = annotation(p, KECS_POD_STARTED_BY);
    o->launch = annotation(p, KECS_POD_LAUNCH);
}


static kecs_rc_t
load_names(pod_t *p)
{
    kecs_rc_t     rc;
    kecs_str_t    s;
    kecs_json_t  *names;

    s = annotation(p, KECS_POD_CONTAINERS);

    if (s.data == NULL) {
        return KECS_OK;
    }

    rc = kecs_json_parse(p->a, s, &names);

    if (rc == KECS_OK && names->type == KECS_JSON_ARRAY) {
        p->names = names;
    }

    return rc == KECS_NOMEM ? rc : KECS_OK;
}


kecs_rc_t
kecs_pod_observe(kecs_arena_t *a, const kecs_json_t *pod,
    kecs_observation_t *out)
{
    pod_t               p;
    kecs_rc_t           rc;
    const kecs_json_t  *meta;

    memset(out, 0, sizeof(kecs_observation_t));
    memset(&p, 0, sizeof(pod_t));

    p.a = a;
    p.pod = pod;
    p.out = out;

    meta = kecs_json_get(pod, "metadata");

    if (!kecs_pod_task(text(meta, "name"), out->task)) {
        return KECS_INVALID;
    }

    out->handle = text(meta, "uid");
    out->address = text(kecs_json_get(pod, "status"), "podIP");

    rc = load_names(&p);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = containers(&p);
    if (rc != KECS_OK) {
        return rc;
    }

    placement(&p);
    cause(&p);
    pull_times(&p);
    adoption(&p);

    return KECS_OK;
}
