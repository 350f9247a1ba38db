/*
 * The view of a pod (see pod_view.h).  Everything is told as the cluster
 * has it; only the choice of what to tell and the names are ours.
 */

#include <stdlib.h>

#include "pod.h"
#include "pod_view.h"


#define EVENTS_MAX  200


kecs_str_t
kecs_view_text(const kecs_json_t *o, const char *name)
{
    kecs_str_t  s;

    s = kecs_json_str(kecs_json_get(o, name));

    return s.len > 0 ? s : kecs_null_str;
}


const kecs_json_t *
kecs_view_condition(const kecs_json_t *object, const char *type)
{
    const kecs_json_t  *e;

    e = kecs_json_at(object, "status", "conditions", NULL);

    for (e = e ? e->first : NULL; e != NULL; e = e->next) {
        if (kecs_str_is(kecs_view_text(e, "type"), type)) {
            return e;
        }
    }

    return NULL;
}


static kecs_msec_t
time_of(const kecs_json_t *o, const char *name)
{
    kecs_msec_t  t;

    return kecs_time_parse(kecs_view_text(o, name), &t) ? t : 0;
}


static void
copy_text(kecs_writer_t *w, const char *name, const kecs_json_t *o,
    const char *member)
{
    kecs_w_opt_str(w, name, kecs_view_text(o, member));
}


/* Conditions, of pods and of nodes. */

static void
conditions(kecs_writer_t *w, const kecs_json_t *object)
{
    const kecs_json_t  *e;

    kecs_w_array(w, "conditions");
    e = kecs_json_at(object, "status", "conditions", NULL);

    for (e = e ? e->first : NULL; e != NULL; e = e->next) {
        kecs_w_object(w, NULL);
        copy_text(w, "type", e, "type");
        copy_text(w, "status", e, "status");
        copy_text(w, "reason", e, "reason");
        copy_text(w, "message", e, "message");
        kecs_w_time(w, "since", time_of(e, "lastTransitionTime"));
        kecs_w_object_end(w);
    }

    kecs_w_array_end(w);
}


/* Containers. */

static const kecs_json_t *
named(const kecs_json_t *list, kecs_str_t name)
{
    const kecs_json_t  *e;

    for (e = list ? list->first : NULL; e != NULL; e = e->next) {
        if (kecs_str_eq(kecs_view_text(e, "name"), name)) {
            return e;
        }
    }

    return NULL;
}


static void
container_state(kecs_writer_t *w, const char *name, const kecs_json_t *state)
{
    int64_t             code;
    const kecs_json_t  *s;

    s = state != NULL ? state->first : NULL;

    if (s == NULL) {
        return;
    }

    kecs_w_object(w, name);
    kecs_w_str(w, "is", s->name);
    copy_text(w, "reason", s, "reason");
    copy_text(w, "message", s, "message");

    if (kecs_json_i64(kecs_json_get(s, "exitCode"), &code)) {
        kecs_w_i64(w, "exitCode", code);
    }

    kecs_w_time(w, "startedAt", time_of(s, "startedAt"));
    kecs_w_time(w, "finishedAt", time_of(s, "finishedAt"));
    kecs_w_object_end(w);
}


static int64_t
restarts_of(const kecs_json_t *status)
{
    int64_t  n;

    return kecs_json_i64(kecs_json_get(status, "restartCount"), &n) ? n : 0;
}


static void
container(kecs_writer_t *w, const kecs_json_t *spec,
    const kecs_json_t *statuses, bool init)
{
    const kecs_json_t  *status;

    status = named(statuses, kecs_view_text(spec, "name"));

    kecs_w_object(w, NULL);
    copy_text(w, "name", spec, "name");
    kecs_w_cstr(w, "kind", !init ? "container"
                : kecs_str_is(kecs_view_text(spec, "restartPolicy"),
                              "Always") ? "sidecar" : "init");
    copy_text(w, "image", spec, "image");
    kecs_w_bool(w, "ready", kecs_json_true(kecs_json_get(status, "ready")));
    kecs_w_i64(w, "restarts", restarts_of(status));
    container_state(w, "state", kecs_json_get(status, "state"));
    container_state(w, "lastState", kecs_json_get(status, "lastState"));
    kecs_w_object_end(w);
}


static void
containers(kecs_writer_t *w, const kecs_json_t *pod)
{
    size_t              i;
    const kecs_json_t  *e, *statuses;
    static const char  *lists[][2] = {
        { "initContainers", "initContainerStatuses" },
        { "containers", "containerStatuses" }
    };

    kecs_w_array(w, "containers");

    for (i = 0; i < 2; i++) {
        e = kecs_json_at(pod, "spec", lists[i][0], NULL);
        statuses = kecs_json_at(pod, "status", lists[i][1], NULL);

        for (e = e ? e->first : NULL; e != NULL; e = e->next) {
            container(w, e, statuses, i == 0);
        }
    }

    kecs_w_array_end(w);
}


/* The pod. */

static int64_t
restarts(const kecs_json_t *pod)
{
    size_t              i;
    int64_t             n;
    const kecs_json_t  *e;
    static const char  *lists[] = {
        "initContainerStatuses", "containerStatuses"
    };

    for (n = 0, i = 0; i < 2; i++) {
        e = kecs_json_at(pod, "status", lists[i], NULL);

        for (e = e ? e->first : NULL; e != NULL; e = e->next) {
            n += restarts_of(e);
        }
    }

    return n;
}


static void
addresses(kecs_writer_t *w, const kecs_json_t *status)
{
    const kecs_json_t  *e;

    kecs_w_array(w, "podIPs");
    e = kecs_json_get(status, "podIPs");

    for (e = e ? e->first : NULL; e != NULL; e = e->next) {
        kecs_w_opt_str(w, NULL, kecs_view_text(e, "ip"));
    }

    kecs_w_array_end(w);
}


static void
the_pod(kecs_writer_t *w, const kecs_json_t *pod)
{
    const kecs_json_t  *meta, *status;

    if (pod == NULL) {
        kecs_w_null(w, "pod");
        return;
    }

    meta = kecs_json_get(pod, "metadata");
    status = kecs_json_get(pod, "status");

    kecs_w_object(w, "pod");
    copy_text(w, "name", meta, "name");
    copy_text(w, "namespace", meta, "namespace");
    copy_text(w, "uid", meta, "uid");
    copy_text(w, "phase", status, "phase");
    copy_text(w, "reason", status, "reason");
    copy_text(w, "message", status, "message");
    copy_text(w, "qosClass", status, "qosClass");
    copy_text(w, "priorityClass", kecs_json_get(pod, "spec"),
              "priorityClassName");
    copy_text(w, "node", kecs_json_get(pod, "spec"), "nodeName");
    copy_text(w, "hostIP", status, "hostIP");
    addresses(w, status);
    kecs_w_i64(w, "restarts", restarts(pod));
    kecs_w_time(w, "createdAt", time_of(meta, "creationTimestamp"));
    kecs_w_time(w, "startedAt", time_of(status, "startTime"));
    kecs_w_time(w, "deletingAt", time_of(meta, "deletionTimestamp"));
    conditions(w, pod);
    containers(w, pod);
    kecs_w_object_end(w);
}


/* Its node. */

static void
taints(kecs_writer_t *w, const kecs_json_t *node)
{
    const kecs_json_t  *e;

    kecs_w_array(w, "taints");
    e = kecs_json_at(node, "spec", "taints", NULL);

    for (e = e ? e->first : NULL; e != NULL; e = e->next) {
        kecs_w_printf(w, NULL, "%.*s=%.*s:%.*s",
                      kecs_fmt(kecs_view_text(e, "key")),
                      kecs_fmt(kecs_view_text(e, "value")),
                      kecs_fmt(kecs_view_text(e, "effect")));
    }

    kecs_w_array_end(w);
}


static void
the_node(kecs_writer_t *w, const kecs_json_t *node)
{
    const kecs_json_t  *info, *labels;

    if (node == NULL) {
        kecs_w_null(w, "node");
        return;
    }

    info = kecs_json_at(node, "status", "nodeInfo", NULL);
    labels = kecs_json_at(node, "metadata", "labels", NULL);

    kecs_w_object(w, "node");
    copy_text(w, "name", kecs_json_get(node, "metadata"), "name");
    kecs_w_bool(w, "ready", kecs_str_is(
                    kecs_view_text(kecs_view_condition(node, "Ready"),
                                   "status"), "True"));
    kecs_w_bool(w, "cordoned", kecs_json_true(
                    kecs_json_at(node, "spec", "unschedulable", NULL)));
    copy_text(w, "zone", labels, "topology.kubernetes.io/zone");
    copy_text(w, "instanceType", labels, "node.kubernetes.io/instance-type");
    copy_text(w, "kubelet", info, "kubeletVersion");
    copy_text(w, "containerRuntime", info, "containerRuntimeVersion");
    copy_text(w, "operatingSystem", info, "operatingSystem");
    copy_text(w, "architecture", info, "architecture");
    taints(w, node);
    conditions(w, node);
    kecs_w_object_end(w);
}


/* Events. */

kecs_msec_t
kecs_view_event_time(const kecs_json_t *event)
{
    kecs_msec_t  t;

    t = time_of(kecs_json_get(event, "series"), "lastObservedTime");
    t = t != 0 ? t : time_of(event, "lastTimestamp");
    t = t != 0 ? t : time_of(event, "eventTime");

    return t != 0 ? t : time_of(kecs_json_get(event, "metadata"),
                                "creationTimestamp");
}


/* Those of one second come in the order of their versions. */

static int
event_cmp(const void *one, const void *other)
{
    uint64_t            n, m;
    kecs_msec_t         t, u;
    const kecs_json_t  *a = *(const kecs_json_t *const *) one;
    const kecs_json_t  *b = *(const kecs_json_t *const *) other;

    t = kecs_view_event_time(a);
    u = kecs_view_event_time(b);

    if (t / 1000 != u / 1000) {
        return t < u ? -1 : 1;
    }

    n = m = 0;
    (void) kecs_str_u64(kecs_view_text(kecs_json_get(a, "metadata"),
                                       "resourceVersion"), &n);
    (void) kecs_str_u64(kecs_view_text(kecs_json_get(b, "metadata"),
                                       "resourceVersion"), &m);

    return n < m ? -1 : n > m;
}


static int64_t
event_count(const kecs_json_t *e)
{
    int64_t  n;

    if (kecs_json_i64(kecs_json_at(e, "series", "count", NULL), &n)
        || kecs_json_i64(kecs_json_get(e, "count"), &n))
    {
        return n > 0 ? n : 1;
    }

    return 1;
}


static void
event(kecs_writer_t *w, const kecs_json_t *e)
{
    kecs_msec_t  first, last;
    kecs_str_t   source;

    last = kecs_view_event_time(e);
    first = time_of(e, "firstTimestamp");
    first = first != 0 ? first : time_of(e, "eventTime");
    source = kecs_view_text(kecs_json_get(e, "source"), "component");

    if (source.data == NULL) {
        source = kecs_view_text(e, "reportingComponent");
    }

    kecs_w_object(w, NULL);
    copy_text(w, "type", e, "type");
    copy_text(w, "reason", e, "reason");
    copy_text(w, "message", e, "message");
    kecs_w_i64(w, "count", event_count(e));
    kecs_w_time(w, "firstAt", first != 0 ? first : last);
    kecs_w_time(w, "lastAt", last);
    kecs_w_opt_str(w, "source", source);
    kecs_w_object_end(w);
}


/* The latest EVENTS_MAX of them, oldest first. */

static kecs_rc_t
the_events(kecs_arena_t *a, kecs_writer_t *w, const kecs_json_t *list)
{
    size_t               i, n;
    const kecs_json_t   *items, *e, **sorted;

    items = kecs_json_get(list, "items");

    if (list == NULL) {
        kecs_w_null(w, "events");
        return KECS_OK;
    }

    n = items != NULL ? items->n : 0;
    sorted = kecs_calloc(a, n, sizeof(kecs_json_t *));

    if (sorted == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0, e = n ? items->first : NULL; e != NULL; e = e->next) {
        sorted[i++] = e;
    }

    qsort(sorted, n, sizeof(kecs_json_t *), event_cmp);
    kecs_w_array(w, "events");

    for (i = n > EVENTS_MAX ? n - EVENTS_MAX : 0; i < n; i++) {
        event(w, sorted[i]);
    }

    kecs_w_array_end(w);

    return KECS_OK;
}


/* What could not be read.  That there is no such object is no refusal. */

static void
refusal(kecs_writer_t *w, const char *part, const kecs_view_part_t *p)
{
    if (!p->asked || p->object != NULL || p->status == 404) {
        return;
    }

    kecs_w_object(w, NULL);
    kecs_w_cstr(w, "part", part);
    kecs_w_i64(w, "status", p->status);
    kecs_w_opt_str(w, "message", p->why);
    kecs_w_object_end(w);
}


kecs_rc_t
kecs_pod_view(kecs_arena_t *a, kecs_writer_t *w, const kecs_pod_view_t *v)
{
    kecs_rc_t  rc;

    rc = kecs_pod_pending(a, w, v->pod.object, v->events.object);

    if (rc != KECS_OK) {
        return rc;
    }

    the_pod(w, v->pod.object);
    the_node(w, v->node.object);
    rc = the_events(a, w, v->events.object);

    if (rc == KECS_OK) {
        rc = kecs_pod_manifest(a, w, v->pod.object);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_array(w, "refused");
    refusal(w, "pod", &v->pod);
    refusal(w, "events", &v->events);
    refusal(w, "node", &v->node);
    kecs_w_array_end(w);

    return w->buf->failed ? KECS_NOMEM : KECS_OK;
}
