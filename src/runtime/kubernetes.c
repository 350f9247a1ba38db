/*
 * Tasks as pods of a Kubernetes cluster (D7): the adapter between the
 * runtime interface and the client, the watch and the requests about pods.
 *
 * It selects the pods of its store by their label and looks at no others,
 * and at none before it holds the Lease of the store.  The watch and the
 * requests about pods exist only that long: with the Lease all of them are
 * lost, and what is wanted still is asked for again once all has been
 * reported anew.  Nothing is started before the pods have been listed and
 * the server's version is known.  A task shows the zone of its node from
 * the first event after that is known (kube_nodes.c).
 *
 * Where each ECS cluster has a namespace of its own (kube_spaces.c), or
 * where objects are left from when it had, as the Lease says, the watches
 * are of the whole cluster, by our label.
 *
 * One thread.  The scratch arenas belong to what is going on: one for what
 * the watch brings, one for building pods.
 */

#include <stdio.h>
#include <stdlib.h>

#include "../base/log.h"
#include "../convert/pod.h"
#include "../convert/pod_status.h"
#include "../kube/object.h"
#include "../kube/watch.h"
#include "kube_inspect.h"
#include "kube_lease.h"
#include "kube_nodes.h"
#include "kube_pods.h"
#include "kube_services.h"
#include "kube_spaces.h"
#include "kubernetes.h"


#define GATHER  5000                /* ms between two looks */

typedef struct {
    kecs_runtime_t      rt;         /* first */
    kecs_arena_t       *arena;
    kecs_arena_t       *scratch;
    kecs_arena_t       *building;
    kecs_kube_t        *k;
    kecs_lease_t       *lease;
    kecs_watch_t       *watch;      /* this and pods: NULL without lease */
    kecs_kube_pods_t   *pods;
    kecs_kube_services_t  *services;
    kecs_kube_nodes_t  *nodes;
    kecs_kube_inspect_t  *inspect;
    kecs_kube_spaces_t *spaces;
    kecs_watch_conf_t   watching;   /* of pods at home */
    kecs_kube_pods_conf_t  podding;
    kecs_str_t          uuid;
    kecs_str_t          server;     /* for a person */
    kecs_str_t          classes;    /* of volumes */
    kecs_str_t          logs;       /* of pods, on the nodes */
    char                told[512];  /* why the lease is not held */
    char                version[32];        /* "1.34" */
    kecs_msec_t         gather_at;
    unsigned            features;
    kecs_restart_rules_t  restarts;
    bool                many;       /* each ECS cluster has a namespace */
    bool                known;      /* the version has been asked for */
    bool                asking;
} kubernetes_t;


/* Errors for a person that outlive a failed open. */
static _Thread_local char  error_line[512];


/* The server's version. */


static void
set_features(kubernetes_t *rt, uint64_t major, uint64_t minor)
{
    rt->features = 0;

    if (major > 1 || (major == 1 && minor >= 34)) {
        rt->features |= KECS_POD_RESOURCES;
    }

    if (rt->restarts == KECS_RESTARTS_ALWAYS
        || (rt->restarts == KECS_RESTARTS_BY_VERSION
            && (major > 1 || (major == 1 && minor >= 35))))
    {
        rt->features |= KECS_POD_RESTARTS;
    }
}


/* "34+" of a patched build is 34. */

static bool
number(const kecs_json_t *o, const char *name, uint64_t *n)
{
    size_t      i;
    kecs_str_t  s;

    s = kecs_json_str(kecs_json_get(o, name));

    for (i = 0; i < s.len && s.data[i] >= '0' && s.data[i] <= '9'; i++) {
        /* void */
    }

    s.len = i;

    return kecs_str_u64(s, n);
}


static void
versioned(void *ctx, const kecs_kube_reply_t *reply)
{
    uint64_t            major, minor;
    kubernetes_t       *rt = ctx;
    const kecs_json_t  *v;

    rt->asking = false;
    rt->known = true;

    kecs_arena_reset(rt->scratch);

    if (reply->status == 200
        && kecs_kube_parse(rt->scratch, reply->body, &v) == KECS_OK
        && number(v, "major", &major) && number(v, "minor", &minor))
    {
        set_features(rt, major, minor);
        (void) snprintf(rt->version, sizeof(rt->version), "%u.%u",
                        (unsigned) major, (unsigned) minor);
        return;
    }

    kecs_log(KECS_LOG_WARN, "kubernetes: the server does not tell its "
             "version (HTTP %ld)", reply->status);
}


static void
ask_version(kubernetes_t *rt)
{
    kecs_kube_request_t  r;

    if (rt->known || rt->asking) {
        return;
    }

    memset(&r, 0, sizeof(kecs_kube_request_t));
    r.method = "GET";
    r.path = kecs_str("/version");
    r.retry = true;
    r.urgent = true;
    r.done = versioned;
    r.ctx = rt;

    rt->asking = kecs_kube_send(rt->k, &r, NULL) == KECS_OK;
}


/* What the watch brings. */


static void
on_begin(void *ctx)
{
    kubernetes_t  *rt = ctx;

    kecs_kube_pods_begin(rt->pods);
    kecs_kube_load_begin(kecs_kube_nodes_load(rt->nodes));
}


/* What fails is tried again when the pod is seen the next time. */

static void
label_added(void *ctx, const kecs_kube_reply_t *reply)
{
    (void) ctx;

    if (reply->status >= 400 && reply->status != 404) {
        kecs_log(KECS_LOG_INFO, "kubernetes: a pod cannot be labelled: HTTP "
                 "%ld", reply->status);
    }
}


/* A pod of an earlier release lacks the label that its Service selects. */

static void
add_label(kubernetes_t *rt, const kecs_json_t *pod)
{
    kecs_str_t            name, space, label;
    const kecs_json_t    *meta;
    kecs_kube_request_t   r;

    label = kecs_pod_lacks_object(rt->scratch, rt->uuid, pod);

    if (label.len == 0) {
        return;
    }

    meta = kecs_json_get(pod, "metadata");
    name = kecs_json_str(kecs_json_get(meta, "name"));
    space = kecs_json_str(kecs_json_get(meta, "namespace"));
    space = space.len != 0 ? space : rt->podding.home;

    memset(&r, 0, sizeof(kecs_kube_request_t));
    r.method = "PATCH";
    r.type = "application/strategic-merge-patch+json";
    r.path = kecs_sprintf(rt->scratch, "/api/v1/namespaces/%.*s/pods/%.*s",
                          kecs_fmt(space), kecs_fmt(name));
    r.body = kecs_sprintf(rt->scratch, "{\"metadata\":{\"uid\":\"%.*s\","
                          "\"labels\":{\"" KECS_POD_OBJECT "\":\"%.*s\"}}}",
                          kecs_fmt(kecs_json_str(kecs_json_get(meta, "uid"))),
                          kecs_fmt(label));
    r.done = label_added;
    r.ctx = rt;

    if (r.path.data != NULL && r.body.data != NULL) {
        (void) kecs_kube_send(rt->k, &r, NULL);
    }
}


static void
on_object(void *ctx, kecs_watch_event_t event, const kecs_json_t *pod)
{
    kecs_str_t           space;
    kubernetes_t        *rt = ctx;
    kecs_observation_t   o;

    if (!kecs_str_eq(kecs_json_str(kecs_json_at(pod, "metadata", "labels",
                                                KECS_POD_STORE, NULL)),
                     rt->uuid))
    {
        return;
    }

    kecs_arena_reset(rt->scratch);

    if (kecs_pod_observe(rt->scratch, pod, &o) != KECS_OK) {
        kecs_log(KECS_LOG_WARN, "kubernetes: a pod of this store is not that "
                 "of a task: \"%.*s\"",
                 kecs_fmt(kecs_json_str(kecs_json_at(pod, "metadata", "name",
                                                     NULL))));
        return;
    }

    space = kecs_json_str(kecs_json_at(pod, "metadata", "namespace", NULL));

    if (kecs_kube_pods_elsewhere(rt->pods, o.task, space)) {
        kecs_log(KECS_LOG_WARN, "kubernetes: the pod of a task is there a"
                 " second time, in the namespace %.*s", kecs_fmt(space));
        return;
    }

    if (event == KECS_WATCH_DELETED) {
        o.gone = true;
        kecs_kube_pods_gone(rt->pods, o.task);

    } else {
        kecs_kube_pods_seen(rt->pods, o.task, space,
                            kecs_json_str(kecs_json_at(pod, "metadata",
                                                       "labels",
                                                       KECS_POD_OBJECT,
                                                       NULL)),
                            o.handle, o.deleting,
                            kecs_json_at(pod, "metadata", "annotations",
                                         KECS_POD_SECRET, NULL) != NULL);
    }

    kecs_kube_load_pod(kecs_kube_nodes_load(rt->nodes), pod, o.gone);

    if (o.placed) {
        o.zone = kecs_kube_nodes_zone(rt->nodes, o.node);
    }

    if (event != KECS_WATCH_DELETED) {
        add_label(rt, pod);
    }

    rt->rt.sink.seen(rt->rt.sink.ctx, &o);
}


static void
on_synced(void *ctx)
{
    kubernetes_t  *rt = ctx;

    kecs_kube_pods_synced(rt->pods);
    kecs_kube_load_synced(kecs_kube_nodes_load(rt->nodes));
    rt->rt.sink.synced(rt->rt.sink.ctx);
}


/* The server may come back as another version. */

static void
on_lost(void *ctx, const char *why)
{
    kubernetes_t  *rt = ctx;

    rt->known = false;
    rt->rt.sink.unsynced(rt->rt.sink.ctx, kecs_str_of(why));
}


/* The lease: with it we begin to act, without it all of that ends. */


/* What is where is known by the namespaces of clusters: those come first. */

static kecs_rc_t
engage(kubernetes_t *rt)
{
    kecs_rc_t          rc;
    kecs_watch_conf_t  watching;
    kecs_watch_sink_t  sink = { on_begin, on_object, on_synced, on_lost, rt };

    rc = kecs_kube_spaces_engage(rt->spaces);

    if (rc != KECS_OK || !kecs_kube_spaces_known(rt->spaces)) {
        return rc;
    }

    rt->podding.spread = rt->many || kecs_lease_spread(rt->lease);
    watching = rt->watching;

    if (rt->podding.spread) {
        watching.path = kecs_str("/api/v1/pods");
    }

    rc = kecs_kube_pods_open(rt->k, &rt->podding, &rt->rt.sink, &rt->pods);

    if (rc == KECS_OK) {
        rc = kecs_kube_services_engage(rt->services, rt->podding.spread);
    }

    if (rc == KECS_OK) {
        rc = kecs_kube_nodes_engage(rt->nodes);
    }

    return rc == KECS_OK ? kecs_watch_open(rt->k, &watching, &sink,
                                           &rt->watch)
                         : rc;
}


static void
disengage(kubernetes_t *rt)
{
    kecs_watch_close(rt->watch);

    if (rt->services != NULL) {
        kecs_kube_services_disengage(rt->services);
    }

    if (rt->nodes != NULL) {
        kecs_kube_nodes_disengage(rt->nodes);
    }

    kecs_kube_pods_close(rt->pods);

    if (rt->spaces != NULL) {
        kecs_kube_spaces_disengage(rt->spaces);
    }

    rt->watch = NULL;
    rt->pods = NULL;
}


static void
follow_lease(kubernetes_t *rt)
{
    bool         lost;
    const char  *why;

    kecs_lease_run(rt->lease);

    if (kecs_lease_held(rt->lease)) {
        rt->told[0] = '\0';

        if (rt->watch == NULL && engage(rt) != KECS_OK) {
            disengage(rt);
        }

        return;
    }

    lost = rt->watch != NULL;
    why = kecs_lease_why(rt->lease);
    disengage(rt);

    if (lost || strcmp(why, rt->told) != 0) {
        (void) snprintf(rt->told, sizeof(rt->told), "%s", why);
        rt->rt.sink.unsynced(rt->rt.sink.ctx, kecs_str_of(why));
    }
}


/* The version is known, all pods have been reported, and we may act. */

static bool
is_acting(const kubernetes_t *rt)
{
    return rt->known && rt->watch != NULL && kecs_watch_synced(rt->watch)
           && kecs_lease_held(rt->lease);
}


static bool
may_ask(const kubernetes_t *rt)
{
    return rt->pods != NULL && kecs_lease_held(rt->lease);
}


/* For Services of places where nothing new is made. */

static bool
serves(void *ctx, kecs_str_t space, kecs_str_t object)
{
    kubernetes_t  *rt = ctx;

    return !is_acting(rt) || kecs_kube_pods_serve(rt->pods, space, object);
}


/* The runtime's operations. */


/* The next one need not wait for our lease to expire, if it can be helped. */

static void
release(kubernetes_t *rt)
{
    kecs_msec_t  until;

    until = kecs_monotonic() + kecs_lease_patience(rt->lease);

    while (!kecs_lease_release(rt->lease) && kecs_monotonic() < until) {
        kecs_kube_wait(rt->k, NULL, 0, 10);
        kecs_kube_run(rt->k);
    }
}


static void
rt_close(kecs_runtime_t *r)
{
    kubernetes_t  *rt = (kubernetes_t *) r;

    disengage(rt);
    kecs_kube_services_close(rt->services);
    kecs_kube_inspect_close(rt->inspect);
    kecs_kube_spaces_close(rt->spaces);

    if (rt->nodes != NULL) {
        kecs_kube_nodes_close(rt->nodes);
    }

    if (rt->lease != NULL) {
        release(rt);
        kecs_lease_close(rt->lease);
    }

    kecs_kube_close(rt->k);
    kecs_arena_destroy(rt->scratch);
    kecs_arena_destroy(rt->building);
    kecs_arena_destroy(rt->arena);
    free(rt);
}


static void
rt_wait(kecs_runtime_t *r, struct pollfd *fds, unsigned n, int msec)
{
    kecs_kube_wait(((kubernetes_t *) r)->k, fds, n, msec);
}


/* Once nothing is elsewhere any more, only home has to be watched. */

static void
gather(kubernetes_t *rt)
{
    if (rt->many || !rt->podding.spread || kecs_monotonic() < rt->gather_at
        || !is_acting(rt))
    {
        return;
    }

    rt->gather_at = kecs_monotonic() + GATHER;

    if (kecs_lease_spread(rt->lease) && !kecs_kube_pods_away(rt->pods)
        && kecs_kube_services_gather(rt->services))
    {
        kecs_lease_gathered(rt->lease);
        kecs_log(KECS_LOG_NOTICE, "kubernetes: nothing is left in other"
                 " namespaces");
    }
}


/* After a long sleep the lease is over before anything else is sent. */

static void
rt_run(kecs_runtime_t *r)
{
    kubernetes_t  *rt = (kubernetes_t *) r;

    follow_lease(rt);
    ask_version(rt);
    kecs_kube_run(rt->k);
    follow_lease(rt);

    kecs_kube_spaces_run(rt->spaces);

    if (rt->watch != NULL) {
        kecs_watch_run(rt->watch);
        kecs_kube_nodes_run(rt->nodes);
    }

    if (may_ask(rt)) {
        kecs_kube_services_run(rt->services);
        gather(rt);
    }
}


/* What a pod is made of: itself, its ARN, its Secret, a claim. */

typedef struct {
    kecs_buf_t  body;
    kecs_str_t  arn;
    kecs_buf_t  secret;
    kecs_buf_t  claim;
} built_t;


static kecs_rc_t
build(kubernetes_t *rt, const kecs_start_t *s, built_t *out,
    kecs_str_t *reason)
{
    kecs_rc_t        rc;
    kecs_pod_task_t  p;

    p = (kecs_pod_task_t) {
        .s = *s, .uuid = rt->uuid, .features = rt->features,
        .classes = rt->classes, .logs = rt->logs
    };

    kecs_buf_init(&out->body, rt->building, 0);
    kecs_buf_init(&out->secret, rt->building, 0);
    kecs_buf_init(&out->claim, rt->building, 0);

    rc = kecs_pod_build(rt->building, &p, &out->body, reason);

    if (rc == KECS_OK) {
        rc = kecs_pod_build_secret(rt->building, &p, &out->secret);
    }

    if (rc == KECS_OK) {
        rc = kecs_pod_build_claim(rt->building, &p, &out->claim);
    }

    if (rc == KECS_OK) {
        out->arn = kecs_pod_task_arn(rt->building, &p);
        rc = out->arn.data ? KECS_OK : KECS_NOMEM;
    }

    return rc;
}


static kecs_str_t
cluster_of(kubernetes_t *rt, const kecs_start_t *s)
{
    return kecs_sprintf(rt->building, "%.*s/%.*s/%.*s", kecs_fmt(s->account),
                        kecs_fmt(s->region), kecs_fmt(s->cluster));
}


/* The namespace of the task's cluster. */

static kecs_rc_t
place(kubernetes_t *rt, const kecs_start_t *s, kecs_str_t *space,
    kecs_str_t *reason)
{
    kecs_rc_t    rc;
    kecs_str_t   cluster;
    const char  *why;

    cluster = cluster_of(rt, s);

    if (cluster.data == NULL) {
        return KECS_NOMEM;
    }

    rc = kecs_kube_spaces_of(rt->spaces, cluster, space, &why);
    *reason = kecs_str_of(why);

    return rc;
}


static kecs_rc_t
start(kubernetes_t *rt, const kecs_start_t *s)
{
    char                  text[1024];
    built_t               b;
    kecs_rc_t             rc;
    kecs_str_t            reason, space;
    kecs_runtime_sink_t  *sink = &rt->rt.sink;

    rc = place(rt, s, &space, &reason);

    if (rc == KECS_OK) {
        rc = build(rt, s, &b, &reason);
    }

    if (rc == KECS_INVALID) {
        (void) snprintf(text, sizeof(text), "%.*s", kecs_fmt(reason));
        sink->refused(sink->ctx, s->task->id, kecs_str_of(text));
        return KECS_OK;
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_kube_pods_start(rt->pods, s->task->id,
                                &(kecs_kube_pod_start_t) {
        .space = space, .body = kecs_buf_view(&b.body), .arn = b.arn,
        .secret = kecs_buf_view(&b.secret),
        .claim = kecs_buf_view(&b.claim), .cause = s->cause
    });
}


static kecs_rc_t
rt_start(kecs_runtime_t *r, const kecs_start_t *s)
{
    kecs_rc_t      rc;
    kubernetes_t  *rt = (kubernetes_t *) r;

    if (!is_acting(rt)) {
        return KECS_AGAIN;
    }

    kecs_arena_reset(rt->building);
    rc = start(rt, s);

    if (s->fetched != NULL) {
        kecs_arena_wipe(rt->building);
    }

    return rc;
}


static kecs_rc_t
rt_stop(kecs_runtime_t *r, const uint8_t *task, kecs_str_t handle,
    unsigned grace, const kecs_cause_t *cause)
{
    kubernetes_t  *rt = (kubernetes_t *) r;

    return may_ask(rt) ? kecs_kube_pods_stop(rt->pods, task, handle, grace,
                                             cause)
                       : KECS_AGAIN;
}


/*
 * Of a task without a pod there may be a Secret all the same, made just
 * before we were killed; it has the pod's name, in its namespace.
 */

static kecs_rc_t
rt_forget(kecs_runtime_t *r, const uint8_t *task, kecs_str_t handle,
    const kecs_start_t *of)
{
    kecs_str_t     cluster, space;
    kubernetes_t  *rt = (kubernetes_t *) r;

    if (!may_ask(rt)) {
        return KECS_AGAIN;
    }

    space = kecs_null_str;

    if (of != NULL && rt->podding.fetching) {
        kecs_arena_reset(rt->building);
        cluster = cluster_of(rt, of);

        if (cluster.data == NULL
            || kecs_kube_spaces_find(rt->spaces, cluster, &space) != KECS_OK)
        {
            space = kecs_null_str;
        }
    }

    return kecs_kube_pods_forget(rt->pods, task, handle, space);
}


static kecs_rc_t
rt_expose(kecs_runtime_t *r, const kecs_service_key_t *key,
    const kecs_service_facts_t *f)
{
    kecs_rc_t      rc;
    kubernetes_t  *rt = (kubernetes_t *) r;

    rc = kecs_kube_services_expose(rt->services, key, f);

    if (may_ask(rt)) {
        kecs_kube_services_run(rt->services);
    }

    return rc;
}


static void
rt_unexpose(kecs_runtime_t *r, const kecs_service_key_t *key)
{
    kubernetes_t  *rt = (kubernetes_t *) r;

    kecs_kube_services_unexpose(rt->services, key);

    if (may_ask(rt)) {
        kecs_kube_services_run(rt->services);
    }
}


static void
rt_exposed(kecs_runtime_t *r)
{
    kubernetes_t  *rt = (kubernetes_t *) r;

    kecs_kube_services_exposed(rt->services);

    if (may_ask(rt)) {
        kecs_kube_services_run(rt->services);
    }
}


static kecs_rc_t
rt_inspect(kecs_runtime_t *r, const uint8_t *task, kecs_inspected_pt done,
    void *ctx)
{
    kecs_str_t     space;
    kubernetes_t  *rt = (kubernetes_t *) r;

    space = rt->pods != NULL ? kecs_kube_pods_space(rt->pods, task)
                             : kecs_null_str;

    return kecs_kube_inspect(rt->inspect, task, space, done, ctx);
}


static bool
rt_ready(kecs_runtime_t *r, char *why, size_t size)
{
    const char    *lost;
    kubernetes_t  *rt = (kubernetes_t *) r;

    if (is_acting(rt)) {
        (void) snprintf(why, size, "Kubernetes %s, %.*s", rt->version,
                        kecs_fmt(rt->server));
        return true;
    }

    lost = rt->watch != NULL ? kecs_watch_why(rt->watch)
           : kecs_lease_held(rt->lease) ? kecs_kube_spaces_why(rt->spaces)
           : kecs_lease_why(rt->lease);
    (void) snprintf(why, size, "no contact with %.*s: %s",
                    kecs_fmt(rt->server), *lost ? lost : "connecting");

    return false;
}


static kecs_msec_t
rt_silent(kecs_runtime_t *r)
{
    kubernetes_t  *rt = (kubernetes_t *) r;

    return rt->watch != NULL && kecs_watch_synced(rt->watch)
           ? kecs_monotonic() - kecs_watch_heard(rt->watch) : -1;
}


static const kecs_runtime_ops_t  kubernetes_ops = {
    "kubernetes", 0, rt_close, rt_wait, rt_run, rt_start, rt_stop, rt_forget,
    rt_expose, rt_unexpose, rt_exposed, rt_inspect,
    rt_ready, rt_silent
};


/* Opening. */


static kecs_rc_t
setup(kubernetes_t *rt, const kecs_kubeconfig_t *config,
    const char *namespace, const char *uuid,
    const kecs_kubernetes_tuning_t *tuning)
{
    kecs_rc_t   rc;
    kecs_str_t  ns;

    rt->arena = kecs_arena_create(0);
    rt->scratch = kecs_arena_create(16 * 1024);
    rt->building = kecs_arena_create(16 * 1024);

    if (rt->arena == NULL || rt->scratch == NULL || rt->building == NULL) {
        return KECS_NOMEM;
    }

    ns = kecs_kube_escape(rt->arena, namespace ? kecs_str_of(namespace)
                                               : config->namespace);
    rt->uuid = kecs_strdup(rt->arena, kecs_str_of(uuid));
    rt->server = kecs_kubeconfig_describe(rt->arena, config);
    rt->watching = (kecs_watch_conf_t) {
        .path = kecs_sprintf(rt->arena, "/api/v1/namespaces/%.*s/pods",
                             kecs_fmt(ns)),
        .selector = kecs_sprintf(rt->arena, KECS_POD_STORE "=%s", uuid),
        .limit = tuning->page,
        .timeout = tuning->timeout
    };

    rt->podding = (kecs_kube_pods_conf_t) {
        .home = ns, .fetching = tuning->fetching, .uuid = rt->uuid
    };

    rt->classes = kecs_strdup(rt->arena, kecs_str_of(
                                  tuning->classes ? tuning->classes : ""));
    rt->logs = kecs_strdup(rt->arena,
                           kecs_str_of(tuning->logs ? tuning->logs : ""));

    if (ns.data == NULL || rt->watching.path.data == NULL
        || rt->classes.data == NULL || rt->logs.data == NULL
        || rt->watching.selector.data == NULL || rt->uuid.data == NULL
        || rt->server.data == NULL)
    {
        return KECS_NOMEM;
    }

    rc = kecs_kube_open(config, &tuning->client, &rt->k);

    if (rc == KECS_OK) {
        rc = kecs_kube_spaces_open(rt->k, ns, rt->uuid, tuning->spaces,
                                   &rt->watching, &rt->spaces);
    }

    if (rc == KECS_OK) {
        rc = kecs_kube_services_open(rt->k, ns, rt->uuid, rt->spaces,
                                     &rt->watching, &rt->services);
    }

    if (rc == KECS_OK) {
        kecs_kube_services_ask(rt->services, serves, rt);
        rc = kecs_kube_inspect_open(rt->k, ns, &rt->inspect);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    rt->nodes = kecs_kube_nodes_create(rt->arena, rt->scratch, rt->k,
                                       rt->uuid, &rt->rt.sink,
                                       &rt->watching);

    if (rt->nodes == NULL) {
        return KECS_NOMEM;
    }

    return kecs_lease_open(rt->k, ns, rt->uuid, tuning->spaces, &tuning->lease,
                           &rt->lease);
}


kecs_rc_t
kecs_kubernetes_connect(const kecs_kubeconfig_t *config,
    const char *namespace, const char *uuid,
    const kecs_kubernetes_tuning_t *tuning, const kecs_runtime_sink_t *sink,
    kecs_runtime_t **out, const char **why)
{
    kecs_rc_t      rc;
    kubernetes_t  *rt;

    rt = calloc(1, sizeof(kubernetes_t));
    *why = "out of memory";

    if (rt == NULL) {
        return KECS_NOMEM;
    }

    rt->rt.ops = &kubernetes_ops;
    rt->rt.sink = *sink;
    rt->restarts = tuning->restarts;
    rt->many = tuning->spaces;

    rc = setup(rt, config, namespace, uuid, tuning);

    if (rc != KECS_OK) {
        (void) snprintf(error_line, sizeof(error_line),
                        "the client for %.*s cannot be set up: %s",
                        kecs_fmt(config->server), kecs_rc_name(rc));
        *why = error_line;
        rt_close(&rt->rt);
        return rc;
    }

    *out = &rt->rt;

    return KECS_OK;
}


kecs_rc_t
kecs_kubernetes_open(const kecs_kubernetes_conf_t *conf,
    const kecs_runtime_sink_t *sink, kecs_runtime_t **out, const char **why)
{
    kecs_rc_t                  rc;
    kecs_arena_t              *a;
    kecs_kubeconfig_t          config;
    kecs_kubernetes_tuning_t   tuning;

    *why = "out of memory";
    a = kecs_arena_create(0);

    if (a == NULL) {
        return KECS_NOMEM;
    }

    rc = kecs_kubeconfig_find(a, conf->kubeconfig, conf->context, &config,
                              why);

    if (rc == KECS_OK) {
        memset(&tuning, 0, sizeof(kecs_kubernetes_tuning_t));
        tuning.client.burst = conf->burst;
        tuning.restarts = conf->restarts;
        tuning.lease = conf->lease;
        tuning.fetching = conf->fetching;
        tuning.classes = conf->classes;
        tuning.logs = conf->logs;
        tuning.spaces = conf->spaces;

        rc = kecs_kubernetes_connect(&config, conf->namespace, conf->uuid,
                                     &tuning, sink, out, why);

    } else {
        (void) snprintf(error_line, sizeof(error_line), "%s", *why);
        *why = error_line;
    }

    kecs_arena_destroy(a);

    return rc;
}
