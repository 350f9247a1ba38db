/*
 * The Kubernetes runtime on a real cluster: KECS_TEST_KUBECONFIG names it
 * and KECS_TEST_NAMESPACE the namespace, in which we have the rights of
 * k8s/rbac.yaml and no more; without them everything is skipped.  Images
 * are those of t/cluster.
 *
 * Every pod that the cases of t/data/pods make is also shown to the API
 * server (a dry run), which knows best whether it is one.
 */

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../src/base/rand.h"
#include "../../src/kube/object.h"
#include "../../src/runtime/release.h"
#include "../../src/runtime/kubernetes.h"
#include "pod_case.h"
#include "tap.h"


#define TASKS     32
#define DEADLINE  60000             /* ms; every wait has this one */

/* What was seen last of a task. */
typedef struct {
    uint8_t      id[KECS_ID_LEN];
    bool         known;
    bool         gone;
    bool         placed;
    bool         deleting;
    bool         failed;
    bool         refused;
    unsigned     events;
    unsigned     n;
    char         handle[64];
    char         reason[1024];      /* of the refusal, or of the pod */
    char         pending[512];
    char         node[64];
    char         zone[64];
    char         address[64];
    char         arn[256];
    struct {
        char                    name[64];
        kecs_container_phase_t  phase;
        bool                    has_exit;
        bool                    ready;
        int                     code;
        char                    reason[64];
        char                    message[512];
        char                    digest[128];
        kecs_msec_t             started;
    } c[4];
} view_t;

typedef struct {
    kecs_runtime_t  *rt;
    kecs_rand_t      rand;
    view_t           views[TASKS];
    unsigned         n;
    unsigned         synced;
    unsigned         unsynced;
    unsigned         strangers;
} world_t;

static world_t              world;
static const char          *kubeconfig, *namespace;
static char                 uuid[KECS_UUID_LEN + 1];


static void
set(char *to, size_t size, kecs_str_t s)
{
    (void) snprintf(to, size, "%.*s", kecs_fmt(s));
}


static view_t *
view_of(const uint8_t *task)
{
    unsigned  i;

    for (i = 0; i < world.n; i++) {
        if (memcmp(world.views[i].id, task, KECS_ID_LEN) == 0) {
            return &world.views[i];
        }
    }

    return NULL;
}


static void
on_seen(void *ctx, const kecs_observation_t *o)
{
    size_t   i;
    view_t  *v;

    (void) ctx;
    v = view_of(o->task);

    if (v == NULL) {
        world.strangers++;
        return;
    }

    v->known = true;
    v->events++;
    v->gone = o->gone;
    v->placed = o->placed;
    v->deleting = o->deleting;
    v->failed = o->failed;
    v->n = (unsigned) o->n;
    set(v->handle, sizeof(v->handle), o->handle);
    set(v->reason, sizeof(v->reason), o->reason);
    set(v->pending, sizeof(v->pending), o->pending);
    set(v->node, sizeof(v->node), o->node);
    set(v->zone, sizeof(v->zone), o->zone);
    set(v->address, sizeof(v->address), o->address);
    set(v->arn, sizeof(v->arn), o->task_arn);

    for (i = 0; i < o->n && i < 4; i++) {
        set(v->c[i].name, sizeof(v->c[i].name), o->containers[i].name);
        set(v->c[i].reason, sizeof(v->c[i].reason), o->containers[i].reason);
        set(v->c[i].message, sizeof(v->c[i].message),
            o->containers[i].message);
        set(v->c[i].digest, sizeof(v->c[i].digest),
            o->containers[i].image_digest);
        v->c[i].phase = o->containers[i].phase;
        v->c[i].has_exit = o->containers[i].has_exit;
        v->c[i].code = o->containers[i].exit_code;
        v->c[i].ready = o->containers[i].ready;
        v->c[i].started = o->containers[i].started_at;
    }
}


static void
on_refused(void *ctx, const uint8_t *task, kecs_str_t reason)
{
    view_t  *v;

    (void) ctx;
    v = view_of(task);

    if (v != NULL) {
        v->refused = true;
        set(v->reason, sizeof(v->reason), reason);
    }
}


static void
on_synced(void *ctx)
{
    (void) ctx;
    world.synced++;
}


static void
on_unsynced(void *ctx, kecs_str_t why)
{
    (void) ctx;
    world.unsynced++;
    printf("# out of contact: %.*s\n", kecs_fmt(why));
}


static const kecs_runtime_sink_t  sink = {
    .seen = on_seen, .refused = on_refused, .synced = on_synced,
    .unsynced = on_unsynced
};


/* Turns the runtime until the condition holds; false after the deadline. */

#define until(cond)                                                         \
    __extension__ ({                                                        \
        kecs_msec_t  end_ = kecs_monotonic() + DEADLINE;                    \
                                                                            \
        while (!(cond) && kecs_monotonic() < end_) {                        \
            world.rt->ops->wait(world.rt, NULL, 0, 100);                    \
            world.rt->ops->run(world.rt);                                   \
        }                                                                   \
                                                                            \
        (cond);                                                             \
    })


static bool
open_runtime(void)
{
    kecs_rc_t                rc;
    const char              *why;
    kecs_kubernetes_conf_t   conf;

    memset(&conf, 0, sizeof(kecs_kubernetes_conf_t));
    conf.kubeconfig = kubeconfig;
    conf.namespace = namespace;
    conf.uuid = uuid;

    why = "";
    rc = kecs_kubernetes_open(&conf, &sink, &world.rt, &why);

    if (rc != KECS_OK) {
        printf("# %s\n", why);
    }

    return rc == KECS_OK;
}


/* A task of a definition as JSON, on its way. */

static view_t *
start(const char *definition)
{
    void                *d;
    view_t              *v;
    kecs_rc_t            rc;
    kecs_task_t          task;
    kecs_json_t         *json;
    kecs_start_t         s;
    kecs_arena_t        *a;
    kecs_shape_error_t   err;

    a = kecs_arena_create(0);
    v = &world.views[world.n++];
    memset(&s, 0, sizeof(kecs_start_t));
    memset(&task, 0, sizeof(kecs_task_t));

    kecs_rand_bytes(&world.rand, v->id, KECS_ID_LEN);
    memcpy(task.id, v->id, KECS_ID_LEN);
    task.family = kecs_str("test");
    task.revision = 3;
    task.launch = KECS_LAUNCH_FARGATE;
    task.group = kecs_str("family:test");

    rc = kecs_json_parse(a, kecs_str_of(definition), &json);

    if (rc == KECS_OK) {
        rc = kecs_shape_decode(a, &kecs_ecs_task_definition_shape, json,
                               false, &d, &err);
    }

    if (rc == KECS_OK) {
        s.task = &task;
        s.account = kecs_str("000000000000");
        s.region = kecs_str("us-east-1");
        s.cluster = kecs_str("default");
        s.definition = d;
        rc = world.rt->ops->start(world.rt, &s);
    }

    kecs_arena_destroy(a);

    if (rc != KECS_OK) {
        tap_ok(false, "start: %s", kecs_rc_name(rc));
    }

    return v;
}


static void
stop(view_t *v, unsigned grace)
{
    (void) world.rt->ops->stop(world.rt, v->id, kecs_str_of(v->handle),
                               grace, NULL);
}


static void
forget(view_t *v)
{
    (void) world.rt->ops->forget(world.rt, v->id, kecs_str_of(v->handle),
                                 NULL);
}


static bool
ended(const view_t *v)
{
    unsigned  i;

    for (i = 0; i < v->n; i++) {
        if (v->c[i].phase != KECS_C_TERMINATED) {
            return false;
        }
    }

    return v->n > 0;
}


static void
test_life(void)
{
    view_t      *v;
    kecs_str_t   s;

    v = start("{\"cpu\":\"256\",\"memory\":\"64\",\"networkMode\":\"awsvpc\","
              "\"containerDefinitions\":["
              "{\"name\":\"Main_1\",\"image\":\"kecs.test/busybox:1\","
              "\"cpu\":85,\"command\":[\"sh\",\"-c\",\"trap 'exit 7' TERM; "
              "echo $$ $(A); sleep 300 & wait\"],"
              "\"healthCheck\":{\"command\":[\"CMD-SHELL\",\"true\"],"
              "\"interval\":5}},"
              "{\"name\":\"side\",\"image\":\"kecs.test/exit:1\","
              "\"cpu\":85,\"command\":[\"3\",\"0\"],\"essential\":false}]}");

    tap_ok(until(v->n == 2 && v->c[0].phase == KECS_C_RUNNING
                 && v->c[1].phase == KECS_C_TERMINATED),
           "a task runs, one of its containers has ended");

    tap_is_str(kecs_str_of(v->c[0].name), "Main_1", "by its ECS name");
    tap_is_str(kecs_str_of(v->c[1].name), "side", "the other one, too");
    tap_ok(v->c[1].has_exit && v->c[1].code == 3, "with its exit code");
    tap_ok(strncmp(v->node, "node-", 5) == 0, "on a node: %s", v->node);
    tap_ok(strncmp(v->address, "10.", 3) == 0, "at an address: %s",
           v->address);
    tap_ok(v->placed && !v->deleting && !v->failed && !v->gone,
           "nothing else is wrong with it");
    tap_ok(v->c[0].started > 1600000000000, "since when");

    s = kecs_str_of(v->arn);
    tap_ok(kecs_str_starts(s, kecs_str("arn:aws:ecs:us-east-1:000000000000:"
                                       "task/default/")), "%s", v->arn);

    tap_ok(until(v->c[0].ready), "its health check passes");

    tap_ok(until(v->zone[0] != '\0'), "in a zone: %s", v->zone);

    stop(v, 20);
    tap_ok(until(v->deleting), "it is being stopped");
    tap_ok(until(ended(v)), "it ends");
    tap_ok(v->c[0].has_exit && v->c[0].code == 7,
           "with the exit code of its own handler (%d)", v->c[0].code);
    tap_ok(!v->gone, "and is there until its end is stored");

    forget(v);
    tap_ok(until(v->gone), "then it goes");
}


/* Arguments arrive as they were given. */

static void
test_literal(void)
{
    view_t  *v;

    v = start("{\"containerDefinitions\":[{\"name\":\"a\",\"memory\":32,"
              "\"image\":\"kecs.test/busybox:1\","
              "\"environment\":[{\"name\":\"V\",\"value\":\"$(HOME) $$ $\"},"
              "{\"name\":\"V\",\"value\":\"$(V) $$ $\"}],"
              "\"command\":[\"sh\",\"-c\","
              "\"[ \\\"$V\\\" = \\\"$1\\\" ] && [ \\\"$2\\\" = '$é$$$(V)' ] "
              "&& exit 42; exit 1\",\"x\",\"$(V) $$ $\",\"$é$$$(V)\"]}]}");

    tap_ok(until(ended(v)), "a task that looks at its arguments ends");
    tap_is_int(v->c[0].code, 42, "texts are literal");

    stop(v, 5);
    forget(v);
    tap_ok(until(v->gone), "a task that has ended goes at once");
}


static void
test_failures(void)
{
    view_t  *image, *config, *command, *oom, *full;

    image = start("{\"containerDefinitions\":[{\"name\":\"a\",\"memory\":32,"
                  "\"image\":\"nowhere.test/none:1\"}]}");
    config = start("{\"containerDefinitions\":[{\"name\":\"a\","
                   "\"memory\":32,\"image\":\"NOT A NAME\"}]}");
    command = start("{\"containerDefinitions\":[{\"name\":\"a\","
                    "\"memory\":32,\"image\":\"kecs.test/busybox:1\","
                    "\"entryPoint\":[\"/no/such\"]}]}");
    oom = start("{\"containerDefinitions\":[{\"name\":\"a\",\"memory\":32,"
                "\"image\":\"kecs.test/oom:1\"}]}");
    full = start("{\"containerDefinitions\":[{\"name\":\"a\","
                 "\"memory\":9000000,\"image\":\"kecs.test/exit:1\"}]}");

    tap_ok(until(strcmp(image->c[0].reason, "ErrImagePull") == 0
                 || strcmp(image->c[0].reason, "ImagePullBackOff") == 0),
           "an image that is nowhere: %s", image->c[0].message);
    tap_ok(until(strcmp(config->c[0].reason, "InvalidImageName") == 0),
           "an image that has no name: %s", config->c[0].message);
    tap_ok(until(command->c[0].phase == KECS_C_TERMINATED
                 && strcmp(command->c[0].reason, "StartError") == 0),
           "a program that is not there: %s", command->c[0].message);
    tap_is_int(command->c[0].code, 128, "its code");
    tap_ok(until(oom->c[0].phase == KECS_C_TERMINATED), "too much memory");
    tap_is_str(kecs_str_of(oom->c[0].reason), "OOMKilled", "and why");
    tap_ok(until(full->known && full->pending[0] != '\0'),
           "no node is large enough: %s", full->pending);
    tap_ok(!full->placed, "so it is not placed");

    stop(full, 30);
    tap_ok(until(full->deleting), "it can be stopped all the same");
    tap_ok(!full->gone, "and waits for us");

    stop(image, 1);
    stop(config, 1);
    forget(full);
    forget(image);
    forget(config);
    forget(command);
    forget(oom);
    tap_ok(until(full->gone && image->gone && config->gone && command->gone
                 && oom->gone), "all can be forgotten");
}


static void
test_refused(void)
{
    view_t  *v;

    v = start("{\"containerDefinitions\":[{\"name\":\"a\",\"memory\":32,"
              "\"image\":\"kecs.test/exit:1\",\"environment\":["
              "{\"name\":\"A=B\",\"value\":\"x\"}]}]}");

    tap_ok(until(v->refused), "a pod that is none is refused");
    tap_ok(strstr(v->reason, "env[3].name") != NULL, "in the server's words: "
           "%s", v->reason);

    v = start("{\"containerDefinitions\":[{\"name\":\"a\",\"memory\":32,"
              "\"image\":\"kecs.test/exit:1\",\"user\":\"nobody\"}]}");
    tap_ok(v->refused, "what we refuse never gets there: %s", v->reason);
}


/* A stop that overtakes the start. */

static void
test_race(void)
{
    unsigned   i;
    view_t    *v[8];

    for (i = 0; i < 8; i++) {
        v[i] = start("{\"containerDefinitions\":[{\"name\":\"a\","
                     "\"memory\":16,\"image\":\"kecs.test/exit:1\","
                     "\"command\":[\"0\",\"600\"]}]}");

        if (i % 4 == 1) {
            world.rt->ops->run(world.rt);
        }

        if (i % 4 == 2) {
            (void) until(v[i]->known);
        }

        if (i % 4 == 3) {
            (void) until(v[i]->placed);
        }

        stop(v[i], 1);
        stop(v[i], 1);
    }

    for (i = 0; i < 8; i++) {
        tap_ok(until(v[i]->gone || (v[i]->deleting
                                    && (!v[i]->placed || ended(v[i])))),
               "stopped at any time, it ends");
        forget(v[i]);
        forget(v[i]);
        tap_ok(until(v[i]->gone), "and goes");
    }
}


/* After a restart everything is reported, and starts are adopted. */

static void
test_restart(void)
{
    view_t    *v, *gone;
    unsigned   before;

    v = start("{\"containerDefinitions\":[{\"name\":\"a\",\"memory\":16,"
              "\"image\":\"kecs.test/exit:1\","
              "\"command\":[\"0\",\"600\"]}]}");
    gone = start("{\"containerDefinitions\":[{\"name\":\"a\",\"memory\":16,"
                 "\"image\":\"kecs.test/exit:1\","
                 "\"command\":[\"0\",\"600\"]}]}");

    tap_ok(until(v->n == 1 && v->c[0].phase == KECS_C_RUNNING
                 && gone->placed), "two tasks run");

    world.rt->ops->close(world.rt);
    v->known = false;
    gone->known = false;
    before = world.synced;

    tap_ok(open_runtime() && until(world.synced > before), "a restart");
    tap_ok(v->known && v->c[0].phase == KECS_C_RUNNING,
           "a task is seen again before the list is complete");

    stop(v, 1);
    stop(gone, 1);
    (void) until(v->deleting && gone->deleting);
    forget(v);
    forget(gone);
    tap_ok(until(v->gone && gone->gone), "and gone again");
}


/* Finalizers can be taken away without a runtime. */

static void
test_release(void)
{
    view_t             *v;
    unsigned            n;
    kecs_arena_t       *a;
    const char         *why;
    kecs_kubeconfig_t   config;

    a = kecs_arena_create(0);
    v = start("{\"containerDefinitions\":[{\"name\":\"a\",\"memory\":16,"
              "\"image\":\"kecs.test/exit:1\","
              "\"command\":[\"0\",\"600\"]}]}");
    (void) until(v->n == 1 && v->c[0].phase == KECS_C_RUNNING);

    why = "";
    n = 0;
    tap_ok(kecs_kubeconfig_load(a, kubeconfig, NULL, &config, &why)
           == KECS_OK
           && kecs_kube_release(&config, namespace, uuid, false, &n, &why)
              == KECS_OK, "release %s", why);
    tap_is_int(n, 1, "one pod is released");

    stop(v, 1);
    tap_ok(until(v->gone), "then nothing holds it any more");

    v = start("{\"containerDefinitions\":[{\"name\":\"a\",\"memory\":16,"
              "\"image\":\"kecs.test/exit:1\","
              "\"command\":[\"0\",\"600\"]}]}");
    (void) until(v->n == 1 && v->c[0].phase == KECS_C_RUNNING);
    tap_ok(kecs_kube_release(&config, namespace, uuid, true, &n, &why)
           == KECS_OK, "release and delete %s", why);
    tap_ok(until(v->gone), "and it is gone");

    kecs_arena_destroy(a);
}


/*
 * The API server goes away and comes back: contact is lost, what is wanted
 * meanwhile is done afterwards, and all is reported again.
 */

static int
cluster(const char *verb)
{
    char  command[1024];

    (void) snprintf(command, sizeof(command), "%s %s %s >&2",
                    getenv("KECS_TEST_CLUSTER"), verb,
                    getenv("KECS_TEST_CLUSTER_DIR"));

    return system(command);
}


static void
test_outage(void)
{
    char       why[256];
    view_t    *v, *ends;
    unsigned   synced;

    if (getenv("KECS_TEST_CLUSTER") == NULL
        || getenv("KECS_TEST_CLUSTER_DIR") == NULL)
    {
        printf("# the API server is not ours to kill\n");
        return;
    }

    v = start("{\"containerDefinitions\":[{\"name\":\"a\",\"memory\":16,"
              "\"image\":\"kecs.test/exit:1\","
              "\"command\":[\"0\",\"600\"]}]}");
    ends = start("{\"containerDefinitions\":[{\"name\":\"a\","
                 "\"memory\":16,\"image\":\"kecs.test/exit:1\","
                 "\"command\":[\"9\",\"5\"]}]}");
    (void) until(v->n == 1 && v->c[0].phase == KECS_C_RUNNING
                 && ends->n == 1 && ends->c[0].phase == KECS_C_RUNNING);

    synced = world.synced;

    tap_is_int(cluster("kill-apiserver"), 0, "the API server is killed");
    tap_ok(until(world.unsynced > 0), "contact is lost");
    tap_ok(!world.rt->ops->ready(world.rt, why, sizeof(why)), "%s", why);

    stop(v, 1);
    v->known = false;
    tap_is_int(cluster("start-apiserver"), 0, "it is back");

    tap_ok(until(world.synced > synced), "so are we");
    stop(v, 1);
    tap_ok(v->known, "what runs is reported again");
    tap_ok(until(v->deleting && ended(v)), "what was to stop is stopped");
    tap_ok(until(ended(ends) && ends->c[0].code == 9),
           "what has ended meanwhile is seen");

    stop(ends, 1);
    forget(v);
    forget(ends);
    tap_ok(until(v->gone && ends->gone), "all are gone");
    tap_ok(world.unsynced <= 2, "contact was lost, then perhaps the lease");
    world.unsynced = 0;
}


/* One request of the client alone. */

typedef struct {
    bool   done;
    long   status;
    char   message[1024];
    char   holder[512];             /* of a Lease */
    char   version[64];
} answer_t;

static void
answered(void *ctx, const kecs_kube_reply_t *reply)
{
    answer_t            *w = ctx;
    kecs_arena_t        *a;
    const kecs_json_t   *o;
    kecs_kube_status_t   status;

    a = kecs_arena_create(0);
    kecs_kube_status(a, reply->body, &status);

    if (kecs_kube_parse(a, reply->body, &o) == KECS_OK) {
        set(w->holder, sizeof(w->holder),
            kecs_json_str(kecs_json_at(o, "spec", "holderIdentity", NULL)));
        set(w->version, sizeof(w->version),
            kecs_json_str(kecs_json_at(o, "metadata", "resourceVersion",
                                       NULL)));
    }

    w->done = true;
    w->status = reply->status;
    set(w->message, sizeof(w->message), reply->error
        ? kecs_str_of(reply->error) : status.message);
    kecs_arena_destroy(a);
}


/*
 * Ways to prove who is who: by client certificate, a certificate for
 * another name than the address, one of an authority that we do not know.
 */

static void
probe(kecs_kubeconfig_t *c, bool reached, const char *name)
{
    answer_t              w;
    kecs_kube_t          *k;
    kecs_msec_t           end;
    kecs_kube_request_t   r;

    memset(&r, 0, sizeof(kecs_kube_request_t));
    memset(&w, 0, sizeof(answer_t));
    r.method = "GET";
    r.path = kecs_str("/api/v1/namespaces/kube-system");
    r.done = answered;
    r.ctx = &w;

    if (kecs_kube_open(c, NULL, &k) != KECS_OK) {
        tap_ok(false, "%s: no client", name);
        return;
    }

    end = kecs_monotonic() + DEADLINE;

    if (kecs_kube_send(k, &r, NULL) == KECS_OK) {
        while (!w.done && kecs_monotonic() < end) {
            kecs_kube_wait(k, NULL, 0, 100);
            kecs_kube_run(k);
        }
    }

    tap_ok(w.done && w.status == (reached ? 200 : 0), "%s: %ld %s", name,
           w.status, w.message);
    kecs_kube_close(k);
}


static void
test_identities(void)
{
    char                path[512];
    kecs_arena_t       *a;
    const char         *why;
    kecs_kubeconfig_t   c, other;

    if (getenv("KECS_TEST_CLUSTER_DIR") == NULL) {
        return;
    }

    a = kecs_arena_create(0);
    (void) snprintf(path, sizeof(path), "%s/admin-cert.kubeconfig",
                    getenv("KECS_TEST_CLUSTER_DIR"));
    why = "";

    if (tap_ok(kecs_kubeconfig_load(a, path, NULL, &c, &why) == KECS_OK
               && c.cert.len > 0 && c.ca.len > 0, "a certificate %s", why))
    {
        probe(&c, true, "a client certificate");

        other = c;
        other.tls_server_name = kecs_str("kubernetes.default.svc");
        probe(&other, true, "another name of the server");

        other.tls_server_name = kecs_str("example.com");
        probe(&other, false, "a name that is not the server's");

        other = c;
        other.ca = kecs_null_str;
        probe(&other, false, "an authority that nobody knows");

        other.insecure = true;
        probe(&other, true, "nobody looks");
    }

    kecs_arena_destroy(a);
}


/* The Lease as it is; with a body it is replaced. */

static void
lease(const char *method, const char *body, answer_t *w)
{
    char                  path[256];
    const char           *why;
    kecs_kube_t          *k;
    kecs_msec_t           end;
    kecs_arena_t         *a;
    kecs_kubeconfig_t     config;
    kecs_kube_request_t   r;

    a = kecs_arena_create(0);
    memset(&r, 0, sizeof(kecs_kube_request_t));
    memset(w, 0, sizeof(answer_t));
    (void) snprintf(path, sizeof(path), "/apis/coordination.k8s.io/v1/"
                    "namespaces/%s/leases/kecs-%s", namespace, uuid);

    r.method = method;
    r.path = kecs_str_of(path);
    r.type = body ? "application/json" : NULL;
    r.body = kecs_str_of(body);
    r.done = answered;
    r.ctx = w;

    if (kecs_kubeconfig_load(a, kubeconfig, NULL, &config, &why) == KECS_OK
        && kecs_kube_open(&config, NULL, &k) == KECS_OK)
    {
        end = kecs_monotonic() + DEADLINE;

        if (kecs_kube_send(k, &r, NULL) == KECS_OK) {
            while (!w->done && kecs_monotonic() < end) {
                kecs_kube_wait(k, NULL, 0, 100);
                kecs_kube_run(k);
            }
        }

        kecs_kube_close(k);
    }

    kecs_arena_destroy(a);
}


static bool
give_lease_to(const char *holder)
{
    char      body[1024];
    answer_t  w;

    lease("GET", NULL, &w);
    (void) snprintf(body, sizeof(body), "{\"apiVersion\":"
                    "\"coordination.k8s.io/v1\",\"kind\":\"Lease\","
                    "\"metadata\":{\"name\":\"kecs-%s\",\"resourceVersion\":"
                    "\"%s\"},\"spec\":{\"holderIdentity\":\"%s\","
                    "\"leaseDurationSeconds\":3,\"renewTime\":"
                    "\"2001-01-01T00:00:00.000000Z\"}}", uuid, w.version,
                    holder);
    lease("PUT", body, &w);

    return w.status == 200;
}


/* Only the holder of the Lease acts; nothing of it is left in the end. */

static void
test_lease(void)
{
    char                why[256];
    unsigned            n, synced;
    answer_t            w;
    const char         *trouble;
    kecs_arena_t       *a;
    kecs_kubeconfig_t   config;

    lease("GET", NULL, &w);
    tap_ok(w.status == 200 && w.holder[0] != '\0', "the lease is held by %s",
           w.holder);

    synced = world.synced;
    tap_ok(until(give_lease_to("elsewhere_1_2")), "another host takes it");
    tap_ok(until(world.unsynced == 1), "we stop acting");
    (void) world.rt->ops->ready(world.rt, why, sizeof(why));
    tap_ok(strstr(why, "is held by elsewhere_1_2") != NULL, "%s", why);
    tap_ok(until(world.synced == synced + 1),
           "it falls silent, and we go on");
    world.unsynced = 0;

    world.rt->ops->close(world.rt);
    lease("GET", NULL, &w);
    tap_ok(w.status == 200 && w.holder[0] == '\0',
           "closed: the lease is given back");

    a = kecs_arena_create(0);
    trouble = "";
    n = 1;
    tap_ok(kecs_kubeconfig_load(a, kubeconfig, NULL, &config, &trouble)
           == KECS_OK && give_lease_to("elsewhere_1_2")
           && kecs_kube_release(&config, namespace, uuid, true, &n, &trouble)
              == KECS_ERROR && strstr(trouble, "is held by") != NULL,
           "another host's: nothing is removed: %s", trouble);
    tap_ok(give_lease_to("")
           && kecs_kube_release(&config, namespace, uuid, true, &n, &trouble)
              == KECS_OK && n == 0, "no pod is left %s", trouble);
    lease("GET", NULL, &w);
    tap_is_int((int) w.status, 404, "and no lease");
    kecs_arena_destroy(a);
}


/* The cases of t/data/pods, shown to the server. */


static bool
build(kecs_arena_t *a, const kecs_json_t *c, kecs_buf_t *out)
{
    given_t     g;
    kecs_str_t  reason;

    kecs_buf_init(out, a, 0);

    return give(a, c, &g) && kecs_pod_build(a, &g.p, out, &reason) == KECS_OK;
}


static void
show(kecs_kube_t *k, const char *file, const kecs_json_t *c)
{
    answer_t              w;
    kecs_buf_t            out;
    kecs_msec_t           end;
    kecs_arena_t         *a;
    kecs_kube_request_t   r;

    a = kecs_arena_create(0);
    memset(&r, 0, sizeof(kecs_kube_request_t));
    memset(&w, 0, sizeof(answer_t));

    if (!tap_ok(build(a, c, &out), "%s: %.*s", file,
                kecs_fmt(kecs_json_str(kecs_json_get(c, "name")))))
    {
        kecs_arena_destroy(a);
        return;
    }

    r.method = "POST";
    r.path = kecs_sprintf(a, "/api/v1/namespaces/%s/pods?dryRun=All"
                          "&fieldValidation=Strict", namespace);
    r.type = "application/json";
    r.body = kecs_buf_view(&out);
    r.done = answered;
    r.ctx = &w;

    end = kecs_monotonic() + DEADLINE;

    if (kecs_kube_send(k, &r, NULL) == KECS_OK) {
        while (!w.done && kecs_monotonic() < end) {
            kecs_kube_wait(k, NULL, 0, 100);
            kecs_kube_run(k);
        }
    }

    tap_ok(w.status == 201, "is a pod: %ld %s", w.status, w.message);
    kecs_arena_destroy(a);
}


static void
show_file(kecs_kube_t *k, const char *file)
{
    char                path[512];
    kecs_arena_t       *a;
    kecs_json_t        *cases;
    const kecs_json_t  *c;

    a = kecs_arena_create(0);
    (void) snprintf(path, sizeof(path), FOLDER "/%s", file);

    if (tap_ok(kecs_json_parse(a, slurp(a, path), &cases) == KECS_OK,
               "%s is read", file))
    {
        for (c = cases->first; c != NULL; c = c->next) {
            if (kecs_json_get(c, "refused") == NULL) {
                show(k, file, c);
            }
        }
    }

    kecs_arena_destroy(a);
}


static void
test_pods(void)
{
    int                 i, n;
    kecs_kube_t        *k;
    kecs_arena_t       *a;
    const char         *why;
    kecs_kubeconfig_t   config;
    struct dirent     **list;

    a = kecs_arena_create(0);

    if (kecs_kubeconfig_load(a, kubeconfig, NULL, &config, &why) != KECS_OK
        || kecs_kube_open(&config, NULL, &k) != KECS_OK)
    {
        tap_ok(false, "a client");
        kecs_arena_destroy(a);
        return;
    }

    n = scandir(FOLDER, &list, NULL, alphasort);

    for (i = 0; i < n; i++) {
        if (list[i]->d_name[0] != '.') {
            show_file(k, list[i]->d_name);
        }

        free(list[i]);
    }

    if (n >= 0) {
        free(list);
    }

    kecs_kube_close(k);
    kecs_arena_destroy(a);
}


int
main(void)
{
    char  why[256];

    kubeconfig = getenv("KECS_TEST_KUBECONFIG");
    namespace = getenv("KECS_TEST_NAMESPACE");

    if (kubeconfig == NULL || namespace == NULL) {
        printf("1..0 # SKIP no cluster is named\n");
        return 0;
    }

    if (kecs_rand_system(&world.rand) != KECS_OK) {
        return 1;
    }

    kecs_rand_uuid(&world.rand, uuid);

    test_identities();
    test_pods();

    tap_ok(open_runtime(), "a runtime");
    tap_ok(until(world.rt->ops->ready(world.rt, why, sizeof(why))), "%s",
           why);

    test_life();
    test_literal();
    test_failures();
    test_refused();
    test_race();
    test_restart();
    test_release();
    test_outage();
    test_lease();

    tap_is_int(world.strangers, 0, "no pods of others were seen");
    tap_is_int(world.unsynced, 0, "contact was never lost otherwise");

    return tap_done();
}
