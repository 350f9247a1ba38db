/*
 * The Kubernetes runtime against an API server that is not kind: lost
 * replies, pods of others, refusals, throttling, and orders that overtake
 * each other.  What a real server does is in kube_cluster.c.
 */

#define _GNU_SOURCE

#include "../../src/convert/pod.h"
#include "../../src/json/json.h"
#include "../../src/runtime/kube_pods.h"
#include "../../src/runtime/kubernetes.h"
#include "fake_http.h"


#define UUID   "0b5e9c1e-7a35-4c0e-9d43-2f1d3e4a5b6c"
#define NAME   "ecs-4f2a000102030405060708090a0b0c0d"
#define ARN    "arn:aws:ecs:us-east-1:000000000000:task/default/" \
               "4f2a000102030405060708090a0b0c0d"
#define PODS   "/api/v1/namespaces/team/pods"
#define SECRETS  "/api/v1/namespaces/team/secrets"
#define CLAIMS   "/api/v1/namespaces/team/persistentvolumeclaims"

#define ALL_PODS  "/api/v1/pods?"

/* The namespace of an ECS cluster. */

#define SPACES  "/api/v1/namespaces?"
#define SPACE                                                                \
    "{\"metadata\":{\"name\":\"team-b\",\"labels\":{"                   \
    "\"kecs/cluster\":\"other\"}}}"

/* A pod of somebody else, and one whose task was put on the node. */

#define ON_NODE  "\"nodeName\":\"n1\",\"containers\":[{\"resources\":{"  \
                 "\"requests\":{"

#define FOREIGN(uid, cpu)                                                    \
    "{\"metadata\":{\"name\":\"x\",\"uid\":\"" uid "\"},\"spec\":{"  \
    ON_NODE "\"cpu\":" cpu ",\"memory\":\"64Mi\"}}}]}}"
#define PLACED                                                               \
    "{\"metadata\":{\"name\":\"" NAME "\",\"uid\":\"aa\","             \
    "\"labels\":{\"kecs/store\":\"" UUID "\"}},\"spec\":{"             \
    "\"affinity\":{\"nodeAffinity\":{"                                    \
    "\"requiredDuringSchedulingIgnoredDuringExecution\":{}}},"             \
    ON_NODE "\"cpu\":\"4\"}}}]}}"

static const uint8_t  task_id[KECS_ID_LEN] = {
    0x4f, 0x2a, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
};

static fake_t           server;
static kecs_runtime_t  *rt;
static fake_conn_t     *stream;
static char             asked[16384];       /* "GET /x; ..." */
static char             told[8192];         /* what the sink was told */
static char             last_body[FAKE_IN];
static char             callers[512];   /* of requests, one letter each */

/* What the server answers, by method; absent: as a good one would. */

typedef struct {
    const char  *method;
    int          status;            /* 0: drops; -1: keeps silent */
    const char  *body;
    int          times;             /* 0: for ever */
    bool         created;           /* the pod is there all the same */
} rule_t;

static rule_t        rules[8];
static const char   *existing;      /* body of the pod that is there */
static const char   *version;
static int           lease_status;  /* 0: leases are kept; else the answer */
static unsigned      lease_version; /* 0: there is none */
static char          lease_holder[256];
static int           side_status;   /* for all but pods; 0: none is there */
static unsigned      lists;         /* of pods */
static bool          fetching;
static bool          spread;        /* a namespace for each ECS cluster */
static int           secret_status; /* to POST; 0: it is made */
static int           claim_status;  /* likewise */
static int           secret_test;   /* to PATCH; 0: it is ours */
static char          secret_body[FAKE_IN];
static char          secret_patch[FAKE_IN];
static bool          with_nodes;    /* the sink is told of nodes */
static int           node_status;   /* to lists and watches of nodes */
static unsigned      node_lists;
static fake_conn_t  *nodes_stream;
static int           all_status;    /* to lists and watches of all pods */
static fake_conn_t  *all_stream;
static char          used[256];     /* "n1=256/64/0 " */
static char          nodes_told[256];
static fake_conn_t  *silent;        /* has not been answered yet */
static char          silent_method[16];


static void
note(char *to, size_t size, const char *fmt, ...)
{
    size_t   len;
    va_list  args;

    len = strlen(to);
    va_start(args, fmt);
    (void) vsnprintf(to + len, size - len, fmt, args);
    va_end(args);
}


static const char *
pod(const char *uuid, const char *arn)
{
    static char  text[1024];

    (void) snprintf(text, sizeof(text), "{\"metadata\":{\"name\":\"" NAME
                    "\",\"uid\":\"u-1\",\"labels\":{\"kecs/store\":\"%s\"},"
                    "\"annotations\":{\"ecs/task-arn\":\"%s\"}}}", uuid,
                    arn);

    return text;
}


static void
good(fake_conn_t *c, const fake_request_t *r)
{
    if (strcmp(r->method, "POST") == 0) {
        if (existing != NULL) {
            fake_reply(c, 409, "", "{\"reason\":\"AlreadyExists\"}");
            return;
        }

        existing = pod(UUID, ARN);
        fake_reply(c, 201, "", "%s", existing);

    } else if (strcmp(r->method, "GET") == 0 && existing == NULL) {
        fake_reply(c, 404, "", "{\"reason\":\"NotFound\"}");

    } else {
        fake_reply(c, existing ? 200 : 404, "", "%s",
                   existing ? existing : "{}");
    }
}


static bool
by_rule(fake_conn_t *c, const fake_request_t *r)
{
    size_t   i;
    rule_t  *rule;

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        rule = &rules[i];

        if (rule->method == NULL || rule->times < 0
            || strcmp(rule->method, r->method) != 0)
        {
            continue;
        }

        if (rule->times > 0 && --rule->times == 0) {
            rule->times = -1;
        }

        if (rule->created) {
            existing = pod(UUID, ARN);
        }

        if (rule->status == 0) {
            fake_drop(c);

        } else if (rule->status == -1) {
            silent = c;
            (void) snprintf(silent_method, sizeof(silent_method), "%s",
                            r->method);

        } else {
            fake_reply(c, rule->status, "", "%s", rule->body ? rule->body
                                                             : "{}");
        }

        return true;
    }

    return false;
}


static void
lease(fake_conn_t *c, const fake_request_t *r)
{
    const char         *p;
    static const char   member[] = "\"holderIdentity\":\"";

    if (lease_status != 0) {
        fake_reply(c, lease_status, "", "{\"message\":\"no leases\"}");
        return;
    }

    p = strstr(r->body, member);

    if (p != NULL) {
        p += sizeof(member) - 1;
        (void) snprintf(lease_holder, sizeof(lease_holder), "%.*s",
                        (int) strcspn(p, "\""), p);
        lease_version++;
    }

    fake_reply(c, lease_version > 0 ? 200 : 404, "", "{\"metadata\":{"
               "\"resourceVersion\":\"%u\"},\"spec\":{\"holderIdentity\":"
               "\"%s\",\"leaseDurationSeconds\":60}}", lease_version,
               lease_holder);
}


static bool
is_of_pods(const fake_request_t *r)
{
    return strncmp(r->path, PODS, sizeof(PODS) - 1) == 0;
}


static void
of_secret(fake_conn_t *c, const fake_request_t *r)
{
    if (strcmp(r->method, "PATCH") == 0) {
        (void) snprintf(secret_patch, sizeof(secret_patch), "%s", r->body);
        fake_reply(c, secret_test ? secret_test : 200, "", "{}");
        return;
    }

    if (strcmp(r->method, "POST") == 0) {
        (void) snprintf(secret_body, sizeof(secret_body), "%s", r->body);
        fake_reply(c, secret_status ? secret_status : 201, "",
                   "{\"reason\":\"Because\",\"message\":\"cites v4lue\"}");
        return;
    }

    fake_reply(c, 200, "", "{}");
}


static void
of_nodes(fake_conn_t *c, const fake_request_t *r)
{
    node_lists++;

    if (node_status != 0) {
        fake_reply(c, node_status, "", "{\"message\":\"no\"}");

    } else if (strstr(r->path, "watch=1") != NULL) {
        fake_begin(c);
        nodes_stream = c;

    } else {
        fake_reply(c, 200, "", "{\"metadata\":{\"resourceVersion\":\"1\"},"
                   "\"items\":[{\"metadata\":{\"name\":\"n1\","
                   "\"uid\":\"u\"}}]}");
    }
}


/* All pods: one of somebody else, one of a task that was put there. */

static void
of_all_pods(fake_conn_t *c, const fake_request_t *r)
{
    if (all_status != 0) {
        fake_reply(c, all_status, "", "{\"message\":\"no\"}");

    } else if (strstr(r->path, "watch=1") != NULL) {
        fake_begin(c);
        all_stream = c;

    } else {
        fake_reply(c, 200, "", "{\"metadata\":{\"resourceVersion\":\"1\"},"
                   "\"items\":[" FOREIGN("c1", "\"250m\"") ","
                   PLACED "]}");
    }
}


static void
ask(fake_t *f, fake_conn_t *c, const fake_request_t *r)
{
    (void) f;

    if (with_nodes && strncmp(r->path, ALL_PODS, sizeof(ALL_PODS) - 1) == 0)
    {
        of_all_pods(c, r);
        return;
    }

    if (with_nodes && strncmp(r->path, "/api/v1/nodes?", 14) == 0) {
        of_nodes(c, r);
        return;
    }

    if (strstr(r->path, "/leases") != NULL) {
        lease(c, r);
        return;
    }

    if (strcmp(r->path, "/version") == 0) {
        fake_reply(c, 200, "", "%s", version);
        return;
    }

    if (side_status != 0 && !is_of_pods(r)) {
        fake_reply(c, side_status, "", "{\"message\":\"no\"}");
        return;
    }

    if (strstr(r->path, "watch=1") != NULL) {
        fake_begin(c);

        if (is_of_pods(r)) {
            stream = c;
        }

        return;
    }

    if (strstr(r->path, "limit=") != NULL) {
        lists += is_of_pods(r);
        fake_reply(c, 200, "", "{\"metadata\":{\"resourceVersion\":\"1\"},"
                   "\"items\":[%s]}",
                   strncmp(r->path, SPACES, sizeof(SPACES) - 1) == 0
                   ? SPACE : "");
        return;
    }

    note(callers, sizeof(callers), "%c", r->audit_id[0] ? r->audit_id[0]
                                                        : '-');
    note(asked, sizeof(asked), "%s %s; ", r->method,
         is_of_pods(r)
         ? r->path + sizeof(PODS) - 1 : r->path);

    if (strstr(r->path, "/secrets") != NULL) {
        of_secret(c, r);
        return;
    }

    if (strncmp(r->path, CLAIMS, sizeof(CLAIMS) - 1) == 0) {
        fake_reply(c, claim_status ? claim_status : 201, "",
                   "{\"reason\":\"%s\",\"message\":\"no claims\"}",
                   claim_status == 409 ? "AlreadyExists" : "Forbidden");
        return;
    }

    (void) snprintf(last_body, sizeof(last_body), "%s", r->body);

    if (!by_rule(c, r)) {
        good(c, r);
    }
}


static void
on_seen(void *ctx, const kecs_observation_t *o)
{
    (void) ctx;
    note(told, sizeof(told), "seen%s%s ", o->gone ? "-gone" : "",
         o->zone.len > 0 ? "-zone" : "");
}


static void
on_refused(void *ctx, const uint8_t *task, kecs_str_t reason)
{
    (void) ctx;
    note(told, sizeof(told), "%srefused(%.*s) ",
         memcmp(task, task_id, KECS_ID_LEN) == 0 ? "" : "other-",
         kecs_fmt(reason));
}


static void
on_synced(void *ctx)
{
    (void) ctx;
    note(told, sizeof(told), "synced ");
}


static void
on_unsynced(void *ctx, kecs_str_t why)
{
    (void) ctx;
    (void) why;
    note(told, sizeof(told), "unsynced ");
}


static void
on_nodes_begin(void *ctx)
{
    (void) ctx;
    note(nodes_told, sizeof(nodes_told), "begin ");
}


static void
on_node_seen(void *ctx, const kecs_node_seen_t *n)
{
    (void) ctx;
    note(nodes_told, sizeof(nodes_told), "%.*s ", kecs_fmt(n->name));
}


static void
on_node_used(void *ctx, kecs_str_t name, const kecs_node_use_t *use)
{
    (void) ctx;
    note(used, sizeof(used), "%.*s=%u/%u/%u ", kecs_fmt(name), use->cpu,
         use->memory, use->gpus);
}


static void
on_node_gone(void *ctx, kecs_str_t name)
{
    (void) ctx;
    note(nodes_told, sizeof(nodes_told), "-%.*s ", kecs_fmt(name));
}


static void
on_nodes_synced(void *ctx)
{
    (void) ctx;
    note(nodes_told, sizeof(nodes_told), "synced ");
}


/* As fake_step(), through the runtime. */

static void
turn(int msec)
{
    int            i;
    unsigned       n;
    struct pollfd  fds[FAKE_CONNS + 1];

    n = 0;
    fds[n].fd = server.fd;
    fds[n++].events = POLLIN;

    for (i = 0; i < FAKE_CONNS; i++) {
        if (server.conns[i].fd != -1) {
            fds[n].fd = server.conns[i].fd;
            fds[n++].events = POLLIN;
        }
    }

    rt->ops->wait(rt, fds, n, msec);
    fake_serve(&server);
    rt->ops->run(rt);
}


#define until(cond)                                                         \
    __extension__ ({                                                        \
        kecs_msec_t  end_ = kecs_monotonic() + 10000;                       \
                                                                            \
        while (!(cond) && kecs_monotonic() < end_) {                        \
            turn(10);                                                       \
        }                                                                   \
                                                                            \
        (cond);                                                             \
    })


/* Turns so often that what was under way is done. */

static void
settle(void)
{
    int  i;

    for (i = 0; i < 30; i++) {
        turn(2);
    }
}


static bool
connect_to(void)
{
    char                      url[64];
    const char               *why;
    kecs_kubeconfig_t         config;
    kecs_kubernetes_tuning_t  tuning;
    kecs_runtime_sink_t       sink = {
        .seen = on_seen, .refused = on_refused, .synced = on_synced,
        .unsynced = on_unsynced
    };

    if (with_nodes) {
        sink.nodes_begin = on_nodes_begin;
        sink.node_seen = on_node_seen;
        sink.node_used = on_node_used;
        sink.node_gone = on_node_gone;
        sink.nodes_synced = on_nodes_synced;
    }

    memset(&config, 0, sizeof(config));
    memset(&tuning, 0, sizeof(tuning));
    asked[0] = '\0';
    told[0] = '\0';
    stream = NULL;
    silent = NULL;

    if (!fake_open(&server, ask)) {
        return false;
    }

    (void) snprintf(url, sizeof(url), "http://127.0.0.1:%u", server.port);
    config.server = kecs_str_of(url);
    config.namespace = kecs_str("ignored");
    config.context = kecs_str("fake");
    config.loopback = true;
    tuning.fetching = fetching;
    tuning.spaces = spread;
    tuning.client.backoff = 5;
    tuning.client.backoff_max = 10;
    tuning.lease = (kecs_lease_conf_t) {
        .duration = 900, .renew = 40, .deadline = 400
    };

    return kecs_kubernetes_connect(&config, "team", UUID, &tuning, &sink,
                                   &rt, &why) == KECS_OK;
}


static bool
begin(void)
{
    return connect_to()
           && until(strcmp(told, "synced ") == 0 && stream != NULL);
}


static void
end(void)
{
    rt->ops->close(rt);
    fake_close(&server);
    memset(rules, 0, sizeof(rules));
    existing = NULL;
    version = "{\"major\":\"1\",\"minor\":\"34+\"}";
    lease_status = 403;
    lease_version = 0;
}


static const kecs_cause_t  *cause;


static kecs_rc_t
start_with(const kecs_fetched_t *fetched)
{
    void                *d;
    kecs_rc_t            rc;
    kecs_task_t          task;
    kecs_json_t         *json;
    kecs_start_t         s;
    kecs_arena_t        *a;
    kecs_shape_error_t   err;

    a = kecs_arena_create(0);
    memset(&s, 0, sizeof(s));
    memset(&task, 0, sizeof(task));
    memcpy(task.id, task_id, KECS_ID_LEN);
    task.family = kecs_str("f");
    task.revision = 1;
    task.launch = KECS_LAUNCH_EC2;

    rc = kecs_json_parse(a, fetched == NULL
                         ? kecs_str("{\"cpu\":\"256\","
                                    "\"containerDefinitions\":[{\"name\":"
                                    "\"a\",\"image\":\"i\"}]}")
                         : kecs_str("{\"containerDefinitions\":[{\"name\":"
                                    "\"a\",\"image\":\"r.test:5/i:1\","
                                    "\"secrets\":[{\"name\":\"S\","
                                    "\"valueFrom\":\"p\"}]}]}"), &json);

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
        s.fetched = fetched;
        s.cause = cause;
        rc = rt->ops->start(rt, &s);
    }

    kecs_arena_destroy(a);

    return rc;
}


/* With a volume that outlives its task. */

static kecs_rc_t
start_claiming(void)
{
    void          *d, *run;
    kecs_rc_t      rc;
    kecs_task_t    task;
    kecs_start_t   s;
    kecs_arena_t  *a;

    a = kecs_arena_create(0);
    memset(&s, 0, sizeof(s));
    memset(&task, 0, sizeof(task));
    memcpy(task.id, task_id, KECS_ID_LEN);
    task.family = kecs_str("f");
    task.revision = 1;
    task.launch = KECS_LAUNCH_EC2;

    rc = kecs_shape_load(a, &kecs_ecs_task_definition_shape,
        kecs_str("{\"volumes\":[{\"name\":\"v\",\"configuredAtLaunch\":"
                 "true}],\"containerDefinitions\":[{\"name\":\"a\","
                 "\"image\":\"i\"}]}"), &d);

    if (rc == KECS_OK) {
        rc = kecs_shape_load(a, &kecs_ecs_run_task_request_shape,
            kecs_str("{\"volumeConfigurations\":[{\"name\":\"v\","
                     "\"managedEBSVolume\":{\"sizeInGiB\":1,"
                     "\"terminationPolicy\":{\"deleteOnTermination\":"
                     "false}}}]}"), &run);
    }

    if (rc == KECS_OK) {
        s.task = &task;
        s.account = kecs_str("000000000000");
        s.region = kecs_str("us-east-1");
        s.cluster = kecs_str("default");
        s.definition = d;
        s.volumes = &((kecs_ecs_run_task_request_t *) run)
                    ->volume_configurations;
        rc = rt->ops->start(rt, &s);
    }

    kecs_arena_destroy(a);

    return rc;
}


static kecs_rc_t
start(void)
{
    return start_with(NULL);
}


static kecs_rc_t
start_fetched(bool login)
{
    kecs_str_t      value;
    kecs_login_t    logins[1];
    kecs_fetched_t  fetched;

    value = kecs_str("v4lue");
    memset(logins, 0, sizeof(logins));
    memset(&fetched, 0, sizeof(fetched));
    fetched.secrets = &value;
    fetched.logins = logins;

    if (login) {
        logins[0].username = kecs_str("u");
        logins[0].password = kecs_str("p\"");
    }

    return start_with(&fetched);
}


static void
stop(const char *uid)
{
    (void) rt->ops->stop(rt, task_id, kecs_str_of(uid), 7, cause);
}


static void
forget(const char *uid)
{
    (void) rt->ops->forget(rt, task_id, kecs_str_of(uid), NULL);
}


/* A task of that cluster that had no pod. */

static void
forget_of(const char *cluster)
{
    kecs_start_t  of;

    memset(&of, 0, sizeof(of));
    of.account = kecs_str("000000000000");
    of.region = kecs_str("us-east-1");
    of.cluster = kecs_str_of(cluster);
    (void) rt->ops->forget(rt, task_id, kecs_null_str, &of);
}


static void
event(const char *type, const char *object)
{
    char  text[4096];

    (void) snprintf(text, sizeof(text), "{\"type\":\"%s\",\"object\":%s}\n",
                    type, object);
    fake_chunk(stream, text, strlen(text));
}


/* Everything that was asked, and nothing more comes. */

static bool
asks(const char *want)
{
    bool  ok;

    ok = until(strlen(asked) >= strlen(want));
    settle();
    ok = ok && strcmp(asked, want) == 0;

    if (!ok) {
        printf("# got  %s\n# want %s\n", asked, want);
    }

    asked[0] = '\0';

    return ok;
}


static bool
tells(const char *want)
{
    bool  ok;

    ok = until(strcmp(told, want) == 0);

    if (!ok) {
        printf("# got  %s\n# want %s\n", told, want);
    }

    told[0] = '\0';

    return ok;
}


#define POST    "POST ?fieldValidation=Strict; "
#define GET     "GET /" NAME "; "
#define DELETE  "DELETE /" NAME "; "
#define PATCH   "PATCH /" NAME "; "


static void
test_life(void)
{
    char  why[128];

    tap_ok(begin(), "in step with the server");
    tap_ok(rt->ops->ready(rt, why, sizeof(why)), "ready: %s", why);
    told[0] = '\0';

    tap_is_int(start(), KECS_OK, "a task");
    tap_is_int(start(), KECS_OK, "twice");
    tap_ok(asks(POST), "is made once");
    tap_ok(strstr(last_body, "\"kecs/store\":\"" UUID "\"") != NULL,
           "with our label");
    tap_ok(strstr(last_body, "\"resources\":{\"limits\":{\"cpu\":\"250m\"}")
           != NULL, "and resources of its own on 1.34");

    event("ADDED", existing);
    tap_ok(tells("seen "), "it is seen");
    tap_is_int(start(), KECS_OK, "started again");
    tap_ok(asks(""), "nothing happens");

    stop("u-1");
    stop("u-1");
    tap_ok(asks(DELETE), "stopped twice, deleted once");
    tap_ok(strstr(last_body, "\"gracePeriodSeconds\":7,\"preconditions\":{"
                             "\"uid\":\"u-1\"}") != NULL, "with grace, and "
           "only this one: %s", last_body);

    forget("u-1");
    tap_ok(asks(PATCH), "forgotten: only our finalizer is in the way");
    tap_ok(strstr(last_body, "\"$deleteFromPrimitiveList/finalizers\":["
                             "\"ecs/task-tracking\"]") != NULL
           && strstr(last_body, "\"uid\":\"u-1\"") != NULL,
           "that of this pod: %s", last_body);

    event("DELETED", existing);
    tap_ok(tells("seen-gone "), "it is gone");
    end();

    (void) begin();
    existing = pod(UUID, ARN);
    forget("u-1");
    tap_ok(asks(DELETE PATCH), "forgotten without being stopped");
    tap_ok(strstr(last_body, "finalizers") != NULL, "deleted and let go");
    end();
}


#define SECRET_POST    "POST " SECRETS "?fieldValidation=Strict; "
#define SECRET_PATCH   "PATCH " SECRETS "/" NAME "; "
#define SECRET_DELETE  "DELETE " SECRETS "/" NAME "; "


/* What was fetched is in a Secret, which comes before the pod. */

static void
test_secret(void)
{
    fetching = true;
    (void) begin();
    tap_is_int(start_fetched(true), KECS_OK, "a task with a Secret");
    tap_ok(asks(SECRET_POST POST SECRET_PATCH),
           "the Secret, then the pod, which it is given to");
    tap_ok(strstr(secret_body, "\"immutable\":true") != NULL
           && strstr(secret_body, "\"c0_s0\":\"v4lue\"") != NULL
           && strstr(secret_body, "\"kecs/store\":\"" UUID "\"") != NULL
           && strstr(secret_body, "\".dockerconfigjson\":\"{\\\"auths\\\":"
                     "{\\\"r.test:5/i\\\":{\\\"username\\\":\\\"u\\\","
                     "\\\"password\\\":\\\"p\\\\\\\"\\\"}}}\"") != NULL,
           "value and login are in it: %s", secret_body);
    tap_ok(strstr(secret_patch, "\"ownerReferences\":[{\"apiVersion\":\"v1\","
                  "\"kind\":\"Pod\",\"name\":\"" NAME "\",\"uid\":"
                  "\"u-1\"}]") != NULL, "the pod owns it: %s", secret_patch);
    tap_ok(strstr(last_body, "v4lue") == NULL
           && strstr(last_body, "\"secretKeyRef\":{\"key\":\"c0_s0\","
                     "\"name\":\"" NAME "\"}") != NULL
           && strstr(last_body, "\"imagePullSecrets\":[{\"name\":\"" NAME
                     "\"}]") != NULL, "the pod refers to it: %s", last_body);

    forget("u-1");
    tap_ok(asks(SECRET_PATCH SECRET_DELETE DELETE PATCH),
           "it goes with the task");
    end();
}


static const char *
called_by(void)
{
    static char  was[sizeof(callers)];

    memcpy(was, callers, sizeof(was));
    callers[0] = '\0';

    return was;
}


/* The call that asked for a start, then the one that asked for the end. */

static void
test_callers(void)
{
    kecs_cause_t  run, halt;

    (void) kecs_cause_set(&run, kecs_str("a0000000-0000-4000-8000-"
                                         "000000000001"), kecs_null_str);
    (void) kecs_cause_set(&halt, kecs_str("b0000000-0000-4000-8000-"
                                          "000000000001"), kecs_null_str);

    fetching = true;
    (void) begin();
    (void) called_by();
    cause = &run;
    tap_is_int(start_fetched(true), KECS_OK, "a task that a call asked for");
    tap_ok(asks(SECRET_POST POST SECRET_PATCH), "its requests");
    tap_is_str(kecs_str_of(called_by()), "aaa", "bear the call");

    event("ADDED", existing);
    (void) tells("seen ");
    cause = &halt;
    stop("u-1");
    tap_ok(asks(DELETE), "another call ends it");
    tap_is_str(kecs_str_of(called_by()), "b", "and is the one that is told");

    forget("u-1");
    tap_ok(asks(PATCH), "what follows from the end");
    tap_is_str(kecs_str_of(called_by()), "-", "has no call");
    end();

    cause = NULL;
    (void) begin();
    (void) called_by();
    tap_is_int(start(), KECS_OK, "a task that no call asked for");
    tap_ok(asks(POST), "is made");
    tap_is_str(kecs_str_of(called_by()), "-", "without one");
    end();
}


/* With a namespace for each cluster that of a task without a pod is told. */

#define THERE  "/api/v1/namespaces/team-b/"

static void
test_secret_elsewhere(void)
{
    fetching = spread = true;
    tap_ok(connect_to() && tells("synced "), "namespaces of clusters");
    forget("");
    tap_ok(asks(""), "where the task was is not known");
    forget_of("none");
    tap_ok(asks(""), "its cluster has no namespace, and none is made");
    forget_of("other");
    tap_ok(asks("PATCH " THERE "secrets/" NAME "; DELETE " THERE "secrets/"
                NAME "; GET " THERE "pods/" NAME "; "),
           "what was made before a pod that never came is removed");
    end();
    fetching = spread = false;
}


/* In which namespaces there are pods of a service. */

static bool
serve(kecs_kube_pods_t *t, const char *space, const char *object)
{
    return kecs_kube_pods_serve(t, kecs_str_of(space), kecs_str_of(object));
}


static void
saw(kecs_kube_pods_t *t, unsigned i, const char *space, const char *object)
{
    uint8_t  id[KECS_ID_LEN] = { (uint8_t) i };

    kecs_kube_pods_seen(t, id, kecs_str_of(space), kecs_str_of(object),
                        kecs_str("u"), false, false);
}


static void
test_groups(void)
{
    uint8_t                id[KECS_ID_LEN] = { 2 };
    kecs_kube_t           *k;
    kecs_kube_conf_t       conf;
    kecs_kube_pods_t      *t;
    kecs_runtime_sink_t    sink;
    kecs_kube_pods_conf_t  podding = {
        .home = kecs_str("team"), .uuid = kecs_str(UUID), .spread = true
    };

    memset(&conf, 0, sizeof(conf));
    memset(&sink, 0, sizeof(sink));
    tap_ok(fake_open(&server, ask) && fake_client(&server, NULL, NULL, &conf,
                                                  &k)
           && kecs_kube_pods_open(k, &podding, &sink, &t) == KECS_OK,
           "pods in namespaces");
    saw(t, 1, "a", "web");
    tap_ok(serve(t, "b", "web"), "any may be there until all are known");
    saw(t, 2, "a", "web");
    saw(t, 3, "b", "db");
    saw(t, 4, "a", "");
    kecs_kube_pods_synced(t);
    tap_ok(serve(t, "a", "web") && serve(t, "b", "db"), "those that are");
    tap_ok(!serve(t, "b", "web") && !serve(t, "a", "db")
           && !serve(t, "c", "web"), "and no others");
    kecs_kube_pods_gone(t, id);
    tap_ok(serve(t, "a", "web"), "one has gone, the other is there");
    saw(t, 1, "a", "db");
    tap_ok(!serve(t, "a", "web") && serve(t, "a", "db"), "a label changes");

    kecs_kube_pods_begin(t);
    saw(t, 3, "b", "db");
    kecs_kube_pods_synced(t);
    tap_ok(!serve(t, "a", "db") && serve(t, "b", "db"),
           "what a list lacks has gone");
    kecs_kube_pods_close(t);
    kecs_kube_close(k);
    fake_close(&server);
}


/* The claim of a volume that stays comes before the pod, and is left. */

#define CLAIM_POST  "POST " CLAIMS "?fieldValidation=Strict; "

static void
test_claim(void)
{
    (void) begin();
    tap_is_int(start_claiming(), KECS_OK, "a task with a claim");
    tap_ok(asks(CLAIM_POST POST), "the claim, then the pod");
    forget("u-1");
    tap_ok(asks(DELETE PATCH), "the claim stays");
    end();

    (void) begin();
    claim_status = 409;
    (void) start_claiming();
    tap_ok(asks(CLAIM_POST POST), "one of an earlier start is taken");
    end();

    (void) begin();
    told[0] = '\0';
    claim_status = 403;
    (void) start_claiming();
    tap_ok(tells("refused(ResourceInitializationError: failed to create a"
                 " volume: no claims) "), "no right: the reason");
    tap_ok(asks(CLAIM_POST), "and there is no pod");
    end();
    claim_status = 0;
}


static void
test_secret_refused(void)
{
    (void) begin();
    told[0] = '\0';
    secret_status = 403;
    (void) start_fetched(false);
    tap_ok(tells("refused(ResourceInitializationError: unable to pull secrets"
                 " or registry auth: the Secret of the pod cannot be created:"
                 " HTTP 403, Because.) "),
           "no right: the reason cites nothing");
    tap_ok(asks(SECRET_POST), "and there is no pod");
    end();

    (void) begin();
    told[0] = '\0';
    secret_status = 409;
    (void) start_fetched(false);
    tap_ok(asks(SECRET_POST SECRET_PATCH POST SECRET_PATCH),
           "one of an earlier start is taken");
    end();

    (void) begin();
    told[0] = '\0';
    secret_test = 422;
    (void) start_fetched(false);
    tap_ok(tells("refused(ResourceInitializationError: unable to pull secrets"
                 " or registry auth: the Secret of the pod exists and is not"
                 " of this task.) "), "one of somebody else is not");
    tap_ok(asks(SECRET_POST SECRET_PATCH), "and it stays");
    end();
    secret_status = secret_test = 0;

    (void) begin();
    told[0] = '\0';
    rules[0] = (rule_t) { "POST", 422, "{\"message\":\"no\"}", 1, false };
    (void) start_fetched(false);
    tap_ok(tells("refused(no) "), "the pod is refused");
    tap_ok(asks(SECRET_POST POST SECRET_DELETE), "the Secret is removed");
    end();

    (void) begin();
    stop("");
    tap_ok(asks(GET), "a task that never had a pod is stopped");
    forget("");
    tap_ok(asks(SECRET_PATCH SECRET_DELETE GET), "and leaves no Secret");
    tap_ok(strcmp(secret_patch, "[{\"op\":\"test\",\"path\":"
                  "\"/metadata/labels/kecs~1store\",\"value\":\"" UUID
                  "\"}]") == 0,
           "of this store: %s", secret_patch);
    end();

    (void) begin();
    secret_test = 422;
    forget("");
    tap_ok(asks(SECRET_PATCH GET), "and one of somebody else stays");
    end();
    secret_test = 0;
    fetching = false;
}


/* Pods of others are not touched, whatever they are called. */

static void
test_foreign(void)
{
    (void) begin();
    told[0] = '\0';
    existing = pod("someone-else", ARN);
    (void) start();
    tap_ok(asks(POST GET), "a name that is taken");
    tap_ok(tells("refused(A pod " NAME " exists that is not of this task.) "),
           "is refused");

    stop("");
    tap_ok(asks(GET), "it is not stopped");
    forget("");
    tap_ok(asks(GET), "nor forgotten");

    existing = pod("someone-else", ARN);
    event("ADDED", existing);
    settle();
    tap_ok(tells(""), "nor told about");
    end();

    (void) begin();
    told[0] = '\0';
    existing = pod(UUID, "arn:another");
    (void) start();
    tap_ok(asks(POST GET), "a pod of ours, but of another task");
    tap_ok(strstr(told, "refused(") != NULL, "is refused, too");
    end();

    (void) begin();
    told[0] = '\0';
    existing = pod(UUID, ARN);
    (void) start();
    tap_ok(asks(POST GET), "our own pod");
    tap_ok(tells(""), "is adopted");
    end();

    (void) begin();
    rules[0] = (rule_t) { "DELETE", 409, "{\"reason\":\"Conflict\"}", 0, 0 };
    existing = pod(UUID, ARN);
    stop("u-0");
    tap_ok(asks(DELETE), "another uid: the server refuses, and that is all");
    end();
}


static void
test_replies(void)
{
    (void) begin();
    told[0] = '\0';
    rules[0] = (rule_t) { "POST", 0, NULL, 2, true };
    (void) start();
    tap_ok(until(strstr(asked, GET) != NULL), "a lost reply: %s", asked);
    settle();
    tap_ok(tells(""), "the pod is found and adopted");
    end();

    (void) begin();
    told[0] = '\0';
    rules[0] = (rule_t) { "POST", 503, NULL, 3, false };
    rules[1] = (rule_t) { "POST", 429, NULL, 1, false };
    (void) start();
    tap_ok(asks(POST POST POST POST POST), "a busy server is asked again");
    tap_ok(tells(""), "and nobody is told");
    end();

    (void) begin();
    told[0] = '\0';
    rules[0] = (rule_t) { "POST", 403, "{\"reason\":\"Forbidden\","
                          "\"message\":\"exceeded quota: q\"}", 0, false };
    (void) start();
    tap_ok(tells("refused(exceeded quota: q) "), "a quota refuses");
    tap_ok(asks(POST), "and is not asked again");
    end();

    (void) begin();
    told[0] = '\0';
    rules[0] = (rule_t) { "POST", 404, "<html>", 0, false };
    (void) start();
    tap_ok(tells("refused(The Kubernetes API answered 404.) "),
           "a refusal without words");
    end();

    (void) begin();
    told[0] = '\0';
    rules[0] = (rule_t) { "POST", 403, "{\"message\":\"pods \\\"x\\\" is "
                          "forbidden: error looking up service account "
                          "team/default: serviceaccount \\\"default\\\" not "
                          "found\"}", 1, false };
    rules[1] = (rule_t) { "POST", 409, "{\"reason\":\"Conflict\"}", 1,
                          false };
    (void) start();
    tap_ok(asks(POST POST POST), "what passes is asked again");
    tap_ok(tells(""), "and nobody is told");
    end();
}


static void
test_races(void)
{
    /* a stop before the POST has left */

    (void) begin();
    told[0] = '\0';
    (void) start();
    stop("");
    tap_ok(asks(GET), "a stop before the start has begun");
    tap_ok(tells("seen-gone "), "nothing is there");
    end();

    /* while it is on its way */

    (void) begin();
    told[0] = '\0';
    rules[0] = (rule_t) { "POST", -1, NULL, 1, false };
    (void) start();
    tap_ok(until(silent != NULL), "a start is on its way");
    asked[0] = '\0';
    stop("");
    settle();
    tap_ok(asks(""), "a stop waits for it");
    existing = pod(UUID, ARN);
    fake_reply(silent, 201, "", "%s", existing);
    tap_ok(asks(DELETE), "and follows");
    tap_ok(tells(""), "nothing is gone yet");
    end();

    /* while it is being repeated: it may be there or not */

    (void) begin();
    told[0] = '\0';
    rules[0] = (rule_t) { "POST", 503, NULL, 0, true };
    (void) start();
    (void) until(strstr(asked, POST POST) != NULL);
    stop("");
    (void) until(strstr(asked, DELETE) != NULL);
    tap_ok(strstr(asked, GET DELETE) != NULL, "a stop looks what is there");
    asked[0] = '\0';
    settle();
    tap_ok(asks(""), "and the start is over");
    end();

    /* refused and stopped */

    (void) begin();
    told[0] = '\0';
    rules[0] = (rule_t) { "POST", -1, NULL, 1, false };
    (void) start();
    (void) until(silent != NULL);
    stop("");
    fake_reply(silent, 422, "", "{\"message\":\"bad\"}");
    tap_ok(tells("seen-gone "), "a start that is refused while it is to stop");
    end();

    /* stopped and forgotten at once */

    (void) begin();
    told[0] = '\0';
    existing = pod(UUID, ARN);
    stop("u-1");
    forget("u-1");
    forget("u-1");
    stop("u-1");
    tap_ok(asks(DELETE PATCH), "a stop that is overtaken by the end");
    end();

    /* gone meanwhile */

    (void) begin();
    told[0] = '\0';
    stop("u-1");
    tap_ok(asks(DELETE) && tells("seen-gone "), "nothing to stop");
    forget("u-1");
    tap_ok(asks(DELETE) && tells(""), "nothing to forget");
    end();
}


static void
test_zones(void)
{
    char  text[1024];

    (void) snprintf(text, sizeof(text), "{\"metadata\":{\"name\":\"" NAME
                    "\",\"uid\":\"u\",\"labels\":{\"kecs/store\":\"" UUID
                    "\"}},\"spec\":{\"nodeName\":\"n1\"}}");

    (void) begin();
    told[0] = '\0';
    rules[0] = (rule_t) { "GET", 200, "{\"metadata\":{\"labels\":{"
                          "\"topology.kubernetes.io/zone\":\"z\"}}}", 0,
                          false };
    event("MODIFIED", text);
    tap_ok(asks("GET /api/v1/nodes/n1; "), "a node is asked for its zone");
    event("MODIFIED", text);
    tap_ok(tells("seen seen-zone "), "which tasks have from then on");
    tap_ok(asks(""), "and it is asked once");
    end();

    (void) begin();
    told[0] = '\0';
    rules[0] = (rule_t) { "GET", 403, NULL, 0, false };
    event("MODIFIED", text);
    tap_ok(asks("GET /api/v1/nodes/n1; "), "without the right");
    text[strlen(text) - 4] = '2';
    event("MODIFIED", text);
    tap_ok(tells("seen seen "), "there is none");
    tap_ok(asks(""), "for no node");
    end();
}


/* What is known of nodes outlives the right to list them. */

static void
test_nodes_denied(void)
{
    with_nodes = true;
    nodes_told[0] = '\0';
    (void) begin();
    (void) until(strstr(nodes_told, "synced") != NULL
                 && nodes_stream != NULL);
    tap_is_str(kecs_str_of(nodes_told), "begin n1 synced ", "a node");

    nodes_told[0] = '\0';
    node_lists = 0;
    node_status = 403;
    fake_end(nodes_stream);
    tap_ok(until(node_lists > 2), "the right to list them is lost");
    tap_is_str(kecs_str_of(nodes_told), "", "which says nothing of the node");
    end();

    node_status = 0;
    with_nodes = false;
}


static void
all_pods_event(const char *type, const char *pod_text)
{
    char  line[1024];

    used[0] = '\0';
    (void) snprintf(line, sizeof(line), "{\"type\":\"%s\",\"object\":%s}\n",
                    type, pod_text);
    fake_chunk(all_stream, line, strlen(line));
}


/* What others take of nodes, and tasks that Kubernetes has put there. */

static void
test_node_use(void)
{
    with_nodes = true;
    used[0] = '\0';
    (void) begin();
    tap_ok(until(strstr(used, "n1=256/64/0 ") != NULL && all_stream != NULL),
           "a pod of somebody else takes room, one that was put there does"
           " not: %s", used);

    all_pods_event("ADDED", FOREIGN("c2", "\"1\""));
    tap_ok(until(strcmp(used, "n1=1280/128/0 ") == 0), "another one: %s",
           used);
    all_pods_event("MODIFIED", FOREIGN("c2", "\"2\""));
    tap_ok(until(strcmp(used, "n1=2304/128/0 ") == 0), "it grows: %s", used);

    used[0] = '\0';
    event("ADDED", "{\"metadata\":{\"name\":\"" NAME "\",\"uid\":\"c3\","
          "\"labels\":{\"kecs/store\":\"" UUID "\"}},\"spec\":{\"nodeName\":"
          "\"n1\",\"containers\":[{\"resources\":{\"requests\":{\"cpu\":"
          "\"1\"}}}]}}");
    tap_ok(until(strcmp(used, "n1=3328/128/0 ") == 0), "a task of FARGATE:"
           " %s", used);

    all_pods_event("DELETED", FOREIGN("c2", "\"2\""));
    tap_ok(until(strcmp(used, "n1=1280/64/0 ") == 0), "one goes: %s", used);

    used[0] = '\0';
    all_status = 403;
    fake_end(all_stream);
    tap_ok(until(strcmp(used, "n1=1024/0/0 ") == 0), "without the right only"
           " our own count: %s", used);
    end();

    used[0] = '\0';
    (void) begin();
    tap_ok(until(strcmp(used, "n1=0/0/0 ") == 0), "without it from the start:"
           " %s", used);
    end();
    all_status = 0;
    with_nodes = false;
}


static void
test_versions(void)
{
    version = "{\"major\":\"1\",\"minor\":\"29\"}";
    (void) begin();
    (void) start();
    (void) asks(POST);
    tap_ok(strstr(last_body, "\"restartPolicy\"") != NULL
           && strstr(last_body, "\"os\":{\"name\":\"linux\"},\"resources\"")
              == NULL, "1.29 has no resources of pods");
    end();

    version = "nonsense";
    (void) begin();
    tap_is_int(start(), KECS_OK, "a server that does not tell its version");
    (void) asks(POST);
    tap_ok(strstr(last_body, "\"os\":{\"name\":\"linux\"},\"resources\"")
           == NULL, "is taken for an old one");
    end();
}


static void
test_contact(void)
{
    char  why[256];

    (void) begin();
    told[0] = '\0';
    fake_close(&server);
    tap_ok(until(strcmp(told, "unsynced ") == 0), "contact is lost");
    tap_ok(!rt->ops->ready(rt, why, sizeof(why)), "not ready: %s", why);
    tap_is_int(start(), KECS_AGAIN, "nothing is started now");
    rt->ops->close(rt);
    existing = NULL;
}


/* A pod from before there were Services; and nothing but pods is allowed. */

static void
test_services(void)
{
    char                        why[128];
    kecs_service_key_t          key = { 1, 1, 1 };
    static kecs_service_facts_t facts = {
        .place = { .account = kecs_string("000000000000"),
                   .region = kecs_string("us-east-1"),
                   .cluster = kecs_string("default"),
                   .service = kecs_string("web") },
        .desired = 1, .min_percent = 100
    };

    (void) begin();
    event("ADDED", "{\"metadata\":{\"name\":\"" NAME "\",\"uid\":\"u-1\","
          "\"labels\":{\"kecs/store\":\"" UUID "\",\"ecs/service\":\"web\"},"
          "\"annotations\":{\"ecs/group\":\"service:web\",\"ecs/task-arn\":"
          "\"" ARN "\"}}}");
    tap_ok(asks(PATCH), "a pod without the label of its service gets it");
    tap_is_str(kecs_str_of(last_body), "{\"metadata\":{\"uid\":\"u-1\","
               "\"labels\":{\"kecs/service\":\"web-b344cf161a\"}}}",
               "that of its objects");
    tap_is_int(rt->ops->expose(rt, &key, &facts), KECS_OK, "the service");
    (void) until(strstr(asked, "services?fieldManager=kecs") != NULL
                 && strstr(asked, "poddisruptionbudgets?field") != NULL);
    tap_ok(strstr(asked, "POST /api/v1/namespaces/team/services?") != NULL,
           "has objects: %s", asked);
    end();

    side_status = 403;
    (void) begin();
    (void) rt->ops->expose(rt, &key, &facts);
    rt->ops->exposed(rt);
    settle();
    tap_ok(rt->ops->ready(rt, why, sizeof(why)), "without any right to them");
    tap_is_int(start(), KECS_OK, "a task");
    tap_ok(asks(POST), "is started all the same");
    side_status = 0;
    end();
}


/* Only who holds the lease acts, and looks. */

static void
test_lease(void)
{
    char  why[256];

    lease_status = 0;
    lease_version = 7;
    lists = 0;
    (void) snprintf(lease_holder, sizeof(lease_holder), "elsewhere_1_2");

    tap_ok(connect_to(), "a lease that another host has");
    tap_ok(tells("unsynced "), "no contact");
    tap_ok(!rt->ops->ready(rt, why, sizeof(why))
           && strstr(why, "the lease kecs-" UUID " is held by elsewhere_1_2")
              != NULL, "%s", why);
    tap_is_int(start(), KECS_AGAIN, "nothing is started");
    tap_is_int(rt->ops->stop(rt, task_id, kecs_str("u-1"), 7, NULL),
               KECS_AGAIN, "nor stopped");
    tap_is_int(rt->ops->forget(rt, task_id, kecs_str("u-1"), NULL),
               KECS_AGAIN, "nor forgotten");
    tap_ok(asks(""), "no pod is asked about");
    tap_is_int((int) lists, 0, "or looked at");

    lease_holder[0] = '\0';
    tap_ok(tells("synced "), "it is given back to us");
    tap_ok(rt->ops->ready(rt, why, sizeof(why)), "ready: %s", why);
    tap_is_int(start(), KECS_OK, "a task");
    tap_ok(asks(POST), "is started");

    /* what waits to be repeated ends with the lease */

    rules[0] = (rule_t) { "DELETE", 503, NULL, 0, false };
    told[0] = '\0';
    stop("u-1");
    (void) until(strstr(asked, "DELETE") != NULL);
    lease_status = 503;
    tap_ok(tells("unsynced "), "it cannot be renewed");
    settle();
    asked[0] = '\0';
    tap_is_int(start(), KECS_AGAIN, "nothing is started");
    tap_ok(asks(""), "and nothing repeated");
    tap_ok(!rt->ops->ready(rt, why, sizeof(why)), "%s", why);

    lists = 0;
    lease_status = 0;
    tap_ok(until(strstr(told, "synced ") != NULL && lists == 1),
           "ours again, and all is listed anew");
    tap_is_int(rt->ops->stop(rt, task_id, kecs_str("u-1"), 7, NULL),
               KECS_OK, "a stop");
    memset(rules, 0, sizeof(rules));
    tap_ok(until(strstr(asked, DELETE) != NULL), "is done");

    rt->ops->close(rt);
    fake_serve(&server);
    tap_ok(lease_version > 7 && lease_holder[0] == '\0',
           "closed: the lease is given back");
    fake_close(&server);
    lease_status = 403;
    existing = NULL;
}


int
main(void)
{
    lease_status = 403;
    version = "{\"major\":\"1\",\"minor\":\"34+\"}";

    test_life();
    test_secret();
    test_callers();
    test_secret_refused();
    test_secret_elsewhere();
    test_groups();
    test_claim();
    test_foreign();
    test_replies();
    test_races();
    test_zones();
    test_nodes_denied();
    test_node_use();
    test_versions();
    test_contact();
    test_services();
    test_lease();

    return tap_done();
}
