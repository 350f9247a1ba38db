/*
 * Requests about pods.
 *
 * Each pod that we know or want something of has an entry.  What is wanted
 * are bits; advance() makes the one request that comes next, and every
 * answer leads back to it:
 *
 *     START    [POST its Secret] [POST its claim] POST; 409: GET, is it
 *              ours?
 *     OWN      PATCH: its Secret goes with it
 *     STOP     [GET the uid] DELETE with a grace period
 *     DROP     DELETE of its Secret
 *     FORGET   [GET the uid] [DELETE] PATCH our finalizer away
 *
 * A claim is made for a volume that stays when the task is over; nothing
 * here deletes it.
 *
 * Of START, STOP and FORGET a later one replaces the ones before it.  Every
 * DELETE and PATCH of a pod names the uid, and a uid is only ever taken
 * from a pod that bears our label, so no pod of somebody else can be hit,
 * whatever its name.
 *
 * Entries go when the pod is not there and nothing is wanted of it.
 */

#define _GNU_SOURCE  /* memmem */

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "../base/hashtab.h"
#include "../base/log.h"
#include "../convert/pod.h"
#include "../kube/object.h"
#include "kube_pods.h"


#define UID_MAX   63
#define AFRESH    1000              /* ms before asking once more */
#define FORBIDDEN 30000             /* ms, when an answer makes no sense */
#define PENDING   1024              /* requests waiting: no more starts */

#define START   0x01
#define STOP    0x02
#define FORGET  0x04
#define OWN     0x08
#define DROP    0x10

typedef struct space_s {
    SLIST_ENTRY(space_s)  link;
    size_t                len;
    char                  name[];               /* escaped for a path */
} space_t;

/* Pods of one ECS service in one namespace; there is at least one. */
typedef struct {
    kecs_node_t         node;                   /* first: by all below */
    const space_t      *space;
    size_t              n;
    size_t              len;
    char                name[];                 /* label KECS_POD_OBJECT */
} group_t;

typedef struct pod_s {
    kecs_node_t         node;                   /* first: by task */
    LIST_ENTRY(pod_s)   link;
    kecs_kube_pods_t   *table;
    const space_t      *space;                  /* NULL: not known */
    group_t            *group;                  /* while it is seen */
    uint8_t             task[KECS_ID_LEN];
    char                uid[UID_MAX + 1];       /* "": not known */
    unsigned            want;
    unsigned            grace;
    bool                seen;                   /* by the watch */
    bool                listed;                 /* by the current list */
    bool                deleting;
    bool                exists;                 /* 409 to a POST */
    bool                has_secret;             /* in the cluster */
    kecs_msec_t         pause;                  /* before the next request */
    kecs_kube_call_t   *call;
    char               *body;                   /* of the POST */
    size_t              body_len;
    char               *secret;                 /* to be made; or NULL */
    size_t              secret_len;
    char               *claim;                  /* likewise */
    size_t              claim_len;
    char               *arn;
    kecs_cause_t       *cause;                  /* of the wish, or NULL */
} pod_t;

LIST_HEAD(pods_s, pod_s);

struct kecs_kube_pods_s {
    kecs_kube_t          *k;
    kecs_kube_pods_conf_t conf;
    kecs_runtime_sink_t   sink;
    kecs_arena_t         *scratch;
    kecs_hashtab_t        pods;
    kecs_hashtab_t        groups;
    struct pods_s         all;
    SLIST_HEAD(, space_s) spaces;               /* few */
    const space_t        *home;
    bool                  known;                /* all pods were listed */
};


static kecs_rc_t advance(pod_t *p);


/* Namespaces, each kept once. */


static const space_t *
space_of(kecs_kube_pods_t *t, kecs_str_t name)
{
    space_t  *p;

    SLIST_FOREACH(p, &t->spaces, link) {
        if (kecs_str_eq(kecs_str_n(p->name, p->len), name)) {
            return p;
        }
    }

    p = malloc(sizeof(space_t) + name.len);

    if (p != NULL) {
        p->len = name.len;
        memcpy(p->name, name.data, name.len);
        SLIST_INSERT_HEAD(&t->spaces, p, link);
    }

    return p;
}


/* Groups. */


static uint64_t
group_hash(const space_t *space, kecs_str_t name)
{
    return kecs_hashtab_hash(name.data, name.len)
           ^ kecs_hashtab_hash(&space, sizeof(space));
}


static group_t *
group_of(kecs_kube_pods_t *t, const space_t *space, kecs_str_t name)
{
    group_t      *g;
    kecs_node_t  *n;

    for (n = kecs_hashtab_find(&t->groups, group_hash(space, name));
         n != NULL;
         n = kecs_hashtab_same(n))
    {
        g = (group_t *) n;

        if (g->space == space && kecs_str_eq(kecs_str_n(g->name, g->len),
                                             name))
        {
            return g;
        }
    }

    return NULL;
}


static group_t *
add_group(kecs_kube_pods_t *t, const space_t *space, kecs_str_t name)
{
    group_t  *g;

    g = malloc(sizeof(group_t) + name.len);

    if (g == NULL || kecs_hashtab_add(&t->groups, &g->node,
                                      group_hash(space, name)) != KECS_OK)
    {
        free(g);
        return NULL;
    }

    g->space = space;
    g->n = 0;
    g->len = name.len;
    memcpy(g->name, name.data, name.len);

    return g;
}


static void
leave_group(pod_t *p)
{
    group_t  *g = p->group;

    p->group = NULL;

    if (g != NULL && --g->n == 0) {
        kecs_hashtab_remove(&p->table->groups, &g->node);
        free(g);
    }
}


/* `name` is absent for a pod of no service.  KECS_NOMEM. */

static kecs_rc_t
join_group(pod_t *p, kecs_str_t name)
{
    group_t           *g;
    kecs_kube_pods_t  *t = p->table;

    g = name.len != 0 ? group_of(t, p->space, name) : NULL;

    if (g == NULL && name.len != 0) {
        g = add_group(t, p->space, name);

        if (g == NULL) {
            return KECS_NOMEM;
        }
    }

    if (g != p->group) {
        leave_group(p);
        p->group = g;

        if (g != NULL) {
            g->n++;
        }
    }

    return KECS_OK;
}


/* The table. */


static uint64_t
hash(const uint8_t *task)
{
    return kecs_hashtab_hash(task, KECS_ID_LEN);
}


static pod_t *
find(kecs_kube_pods_t *t, const uint8_t *task)
{
    pod_t        *p;
    kecs_node_t  *n;

    for (n = kecs_hashtab_find(&t->pods, hash(task));
         n != NULL;
         n = kecs_hashtab_same(n))
    {
        p = (pod_t *) n;

        if (memcmp(p->task, task, KECS_ID_LEN) == 0) {
            return p;
        }
    }

    return NULL;
}


static pod_t *
find_or_add(kecs_kube_pods_t *t, const uint8_t *task)
{
    pod_t  *p;

    p = find(t, task);

    if (p != NULL) {
        return p;
    }

    p = calloc(1, sizeof(pod_t));

    if (p == NULL || kecs_hashtab_add(&t->pods, &p->node, hash(task))
                     != KECS_OK)
    {
        free(p);
        return NULL;
    }

    p->table = t;
    p->space = t->conf.spread ? NULL : t->home;
    memcpy(p->task, task, KECS_ID_LEN);
    LIST_INSERT_HEAD(&t->all, p, link);

    return p;
}


static void
drop_secret(pod_t *p)
{
    if (p->secret != NULL) {
        explicit_bzero(p->secret, p->secret_len);
        free(p->secret);
        p->secret = NULL;
    }
}


static void
drop_cause(pod_t *p)
{
    free(p->cause);
    p->cause = NULL;
}


static void
drop_body(pod_t *p)
{
    drop_secret(p);
    free(p->claim);
    free(p->body);
    free(p->arn);
    p->claim = NULL;
    p->body = NULL;
    p->arn = NULL;
}


static void
discard(pod_t *p)
{
    if (p->call != NULL) {
        kecs_kube_cancel(p->table->k, p->call);
    }

    kecs_hashtab_remove(&p->table->pods, &p->node);
    LIST_REMOVE(p, link);
    leave_group(p);
    drop_body(p);
    drop_cause(p);
    free(p);
}


static void
discard_if_idle(pod_t *p)
{
    if (!p->seen && p->want == 0 && p->call == NULL) {
        discard(p);
    }
}


static void
set_uid(pod_t *p, kecs_str_t uid)
{
    if (uid.len > 0 && uid.len <= UID_MAX) {
        memcpy(p->uid, uid.data, uid.len);
        p->uid[uid.len] = '\0';
    }
}


kecs_rc_t
kecs_kube_pods_open(kecs_kube_t *k, const kecs_kube_pods_conf_t *conf,
    const kecs_runtime_sink_t *sink, kecs_kube_pods_t **out)
{
    kecs_kube_pods_t  *t;

    t = calloc(1, sizeof(kecs_kube_pods_t));

    if (t == NULL) {
        return KECS_NOMEM;
    }

    t->scratch = kecs_arena_create(16 * 1024);

    if (t->scratch == NULL) {
        free(t);
        return KECS_NOMEM;
    }

    t->k = k;
    t->conf = *conf;
    t->sink = *sink;
    SLIST_INIT(&t->spaces);
    t->home = space_of(t, conf->home);

    if (t->home == NULL) {
        kecs_kube_pods_close(t);
        return KECS_NOMEM;
    }

    *out = t;

    return KECS_OK;
}


void
kecs_kube_pods_close(kecs_kube_pods_t *t)
{
    space_t  *p;

    if (t == NULL) {
        return;
    }

    while (!LIST_EMPTY(&t->all)) {
        discard(LIST_FIRST(&t->all));
    }

    kecs_hashtab_free(&t->pods);
    kecs_hashtab_free(&t->groups);

    while ((p = SLIST_FIRST(&t->spaces)) != NULL) {
        SLIST_REMOVE_HEAD(&t->spaces, link);
        free(p);
    }

    kecs_arena_destroy(t->scratch);
    free(t);
}


/* Making a request. */


/* To a pod or its Secret; with `query` to all in the namespace. */

static kecs_rc_t
request(pod_t *p, const char *kind, const char *method, const char *query,
    const char *type, kecs_str_t body, kecs_kube_done_pt done)
{
    char                  name[KECS_POD_NAME_LEN + 1];
    kecs_rc_t             rc;
    kecs_kube_pods_t     *t = p->table;
    kecs_kube_request_t   r;

    kecs_pod_name(p->task, name);
    memset(&r, 0, sizeof(kecs_kube_request_t));

    r.method = method;
    r.path = kecs_sprintf(t->scratch, "/api/v1/namespaces/%.*s/%s%s%s",
                          (int) p->space->len, p->space->name, kind,
                          query ? "?" : "/", query ? query : name);
    r.type = type;
    r.body = body;
    r.delay = p->pause;
    r.retry = true;
    r.cause = p->cause;
    r.done = done;
    r.ctx = p;

    p->pause = 0;

    if (r.path.data == NULL || (type != NULL && body.data == NULL)) {
        return KECS_NOMEM;
    }

    rc = kecs_kube_send(t->k, &r, &p->call);

    if (rc != KECS_OK) {
        p->call = NULL;
    }

    return rc;
}


static kecs_rc_t
ask(pod_t *p, const char *method, const char *query, const char *type,
    kecs_str_t body, kecs_kube_done_pt done)
{
    return request(p, "pods", method, query, type, body, done);
}


static kecs_rc_t
ask_secret(pod_t *p, const char *method, const char *query, const char *type,
    kecs_str_t body, kecs_kube_done_pt done)
{
    return request(p, "secrets", method, query, type, body, done);
}


/*
 * The next request after an answer; without memory for it the pod is left
 * as it is, and what comes next about it tries again.
 */

static void
proceed(pod_t *p)
{
    if (advance(p) != KECS_OK) {
        kecs_log(KECS_LOG_ERROR, "kubernetes: out of memory");
    }
}


/* An answer that we have no use for: say so, and ask again much later. */

static void
complain(pod_t *p, const char *what, const kecs_kube_reply_t *reply)
{
    char                name[KECS_POD_NAME_LEN + 1];
    kecs_kube_status_t  status;

    kecs_pod_name(p->task, name);
    kecs_arena_reset(p->table->scratch);
    kecs_kube_status(p->table->scratch, reply->body, &status);

    kecs_log(KECS_LOG_WARN, "kubernetes: %s pod %s: HTTP %ld: %.*s", what,
             name, reply->status, kecs_fmt(status.message));

    p->pause = FORBIDDEN;
}


/* Nothing is wanted of it any more but that its Secret is removed. */

static void
leave(pod_t *p)
{
    p->want = p->has_secret ? DROP : 0;
    drop_body(p);
    proceed(p);
}


/* It is not there. */

static void
vanished(pod_t *p)
{
    bool                 tell;
    kecs_observation_t   o;
    kecs_runtime_sink_t  sink;

    tell = (p->want & STOP) != 0;
    sink = p->table->sink;

    memset(&o, 0, sizeof(kecs_observation_t));
    memcpy(o.task, p->task, KECS_ID_LEN);
    o.gone = true;

    p->deleting = false;
    p->uid[0] = '\0';
    leave(p);

    if (tell) {
        sink.seen(sink.ctx, &o);
    }
}


/* It is somebody else's: nothing is done to it. */

static void
foreign(pod_t *p)
{
    char                 name[KECS_POD_NAME_LEN + 1];
    char                 reason[128];
    uint8_t              task[KECS_ID_LEN];
    bool                 tell;
    kecs_runtime_sink_t  sink;

    kecs_pod_name(p->task, name);
    (void) snprintf(reason, sizeof(reason),
                    "A pod %s exists that is not of this task.", name);
    kecs_log(KECS_LOG_WARN, "kubernetes: %s", reason);

    memcpy(task, p->task, KECS_ID_LEN);
    tell = (p->want & START) != 0;
    sink = p->table->sink;

    leave(p);

    if (tell) {
        sink.refused(sink.ctx, task, kecs_str_of(reason));
    }
}


/* GET: whose is it, and what is its uid? */


static bool
is_ours(const pod_t *p, const kecs_json_t *pod)
{
    kecs_str_t          arn;
    const kecs_json_t  *meta;

    meta = kecs_json_get(pod, "metadata");

    if (!kecs_str_eq(kecs_json_str(kecs_json_at(meta, "labels",
                                                KECS_POD_STORE, NULL)),
                     p->table->conf.uuid))
    {
        return false;
    }

    arn = kecs_json_str(kecs_json_at(meta, "annotations", KECS_POD_TASK_ARN,
                                     NULL));

    return p->arn == NULL || kecs_str_is(arn, p->arn);
}


/* The pod is there: its Secret is to go with it. */

static void
started(pod_t *p)
{
    p->want &= ~START;
    p->want |= p->has_secret ? OWN : 0;
    drop_body(p);
}


static void
got(void *ctx, const kecs_kube_reply_t *reply)
{
    pod_t              *p = ctx;
    const kecs_json_t  *pod;

    p->call = NULL;

    if (reply->status == 404) {
        p->exists = false;

        if (p->want & START) {
            proceed(p);
            return;
        }

        vanished(p);
        return;
    }

    kecs_arena_reset(p->table->scratch);

    if (reply->status != 200
        || kecs_kube_parse(p->table->scratch, reply->body, &pod) != KECS_OK)
    {
        complain(p, "get", reply);
        proceed(p);
        return;
    }

    if (!is_ours(p, pod)) {
        foreign(p);
        return;
    }

    set_uid(p, kecs_json_str(kecs_json_at(pod, "metadata", "uid", NULL)));
    p->deleting = kecs_json_at(pod, "metadata", "deletionTimestamp", NULL)
                  != NULL;

    if (p->want & START) {
        started(p);
    }

    proceed(p);
}


/* POST. */


static void
refused(pod_t *p, kecs_str_t message)
{
    char                 reason[1024];
    uint8_t              task[KECS_ID_LEN];
    kecs_runtime_sink_t  sink;

    (void) snprintf(reason, sizeof(reason), "%.*s", kecs_fmt(message));
    memcpy(task, p->task, KECS_ID_LEN);
    sink = p->table->sink;

    p->want &= ~START;
    drop_body(p);

    if (p->want != 0) {
        proceed(p);
        return;
    }

    leave(p);
    sink.refused(sink.ctx, task, kecs_str_of(reason));
}


/*
 * A namespace that was made just now lacks its service account for a
 * moment; a quota may be under way.  Both are answers that pass.
 */

static bool
passes(long status, const kecs_kube_status_t *s)
{
    static const char  account[] = "error looking up service account";

    if (status == 409) {
        return true;
    }

    return status == 403
           && memmem(s->message.data, s->message.len, account,
                     sizeof(account) - 1) != NULL;
}


static void
created(pod_t *p, const kecs_kube_reply_t *reply)
{
    const kecs_json_t  *pod;

    kecs_arena_reset(p->table->scratch);

    if (kecs_kube_parse(p->table->scratch, reply->body, &pod) == KECS_OK) {
        set_uid(p, kecs_json_str(kecs_json_at(pod, "metadata", "uid",
                                              NULL)));
    }

    started(p);
    proceed(p);
}


static void
posted(void *ctx, const kecs_kube_reply_t *reply)
{
    pod_t               *p = ctx;
    kecs_str_t           message;
    kecs_kube_status_t   status;

    p->call = NULL;

    if (reply->status >= 200 && reply->status < 300) {
        created(p, reply);
        return;
    }

    kecs_arena_reset(p->table->scratch);
    kecs_kube_status(p->table->scratch, reply->body, &status);

    if (reply->status == 409 && kecs_str_is(status.reason, "AlreadyExists")) {
        p->exists = true;
        proceed(p);
        return;
    }

    if (passes(reply->status, &status)) {
        p->pause = AFRESH;
        proceed(p);
        return;
    }

    message = status.message.len > 0 ? status.message
              : kecs_sprintf(p->table->scratch, "The Kubernetes API answered "
                             "%ld.", reply->status);
    refused(p, message);
}


static kecs_rc_t
post(pod_t *p)
{
    return ask(p, "POST", "fieldValidation=Strict", "application/json",
               kecs_str_n(p->body, p->body_len), posted);
}


/*
 * The Secret of the pod.  Its manifest is forgotten as soon as it is there.
 * What the server says about it is not shown: it may cite the manifest.
 */


static void
secret_refused(pod_t *p, const char *why)
{
    char  reason[256];

    (void) snprintf(reason, sizeof(reason), "ResourceInitializationError: "
                    "unable to pull secrets or registry auth: the Secret of "
                    "the pod %s.", why);
    refused(p, kecs_str_of(reason));
}


static void
secret_made(pod_t *p)
{
    drop_secret(p);
    p->has_secret = true;
    proceed(p);
}


/* 200: it is ours, of an earlier start of the same task. */

static void
secret_tested(void *ctx, const kecs_kube_reply_t *reply)
{
    pod_t  *p = ctx;

    p->call = NULL;

    if (reply->status == 200) {
        secret_made(p);

    } else if (reply->status == 404) {
        proceed(p);

    } else {
        secret_refused(p, "exists and is not of this task");
    }
}


/* Whose is it?  A test of labels that changes nothing. */

static kecs_rc_t
test_secret(pod_t *p, kecs_kube_done_pt done)
{
    kecs_str_t     body, arn;
    kecs_arena_t  *a = p->table->scratch;

    arn = p->arn == NULL ? kecs_str("")
          : kecs_sprintf(a, ",{\"op\":\"test\",\"path\":"
                         "\"/metadata/annotations/ecs~1task-arn\","
                         "\"value\":\"%s\"}", p->arn);
    body = kecs_sprintf(a, "[{\"op\":\"test\",\"path\":"
                        "\"/metadata/labels/kecs~1store\",\"value\":"
                        "\"%.*s\"}%.*s]", kecs_fmt(p->table->conf.uuid),
                        kecs_fmt(arn));

    return arn.data == NULL ? KECS_NOMEM
           : ask_secret(p, "PATCH", NULL, "application/json-patch+json",
                        body, done);
}


static void
secret_posted(void *ctx, const kecs_kube_reply_t *reply)
{
    char                 why[128];
    pod_t               *p = ctx;
    kecs_kube_status_t   status;

    p->call = NULL;

    if (reply->status >= 200 && reply->status < 300) {
        secret_made(p);
        return;
    }

    kecs_arena_reset(p->table->scratch);

    if (reply->status == 409 && (p->want & START)) {
        if (test_secret(p, secret_tested) != KECS_OK) {
            kecs_log(KECS_LOG_ERROR, "kubernetes: out of memory");
        }

        return;
    }

    kecs_kube_status(p->table->scratch, reply->body, &status);
    (void) snprintf(why, sizeof(why), "cannot be created: HTTP %ld, %.*s",
                    reply->status, kecs_fmt(status.reason));
    secret_refused(p, why);
}


static kecs_rc_t
post_secret(pod_t *p)
{
    return ask_secret(p, "POST", "fieldValidation=Strict",
                      "application/json",
                      kecs_str_n(p->secret, p->secret_len), secret_posted);
}


/* Without an owner it goes all the same when the task is over. */

static void
secret_owned(void *ctx, const kecs_kube_reply_t *reply)
{
    pod_t  *p = ctx;

    p->call = NULL;
    p->want &= ~OWN;

    if (reply->status >= 400 && reply->status != 404) {
        kecs_log(KECS_LOG_NOTICE, "kubernetes: a Secret cannot be given to "
                 "its pod: HTTP %ld", reply->status);
    }

    proceed(p);
}


static kecs_rc_t
own_secret(pod_t *p)
{
    char        name[KECS_POD_NAME_LEN + 1];
    kecs_str_t  body;

    kecs_pod_name(p->task, name);
    body = kecs_sprintf(p->table->scratch, "{\"metadata\":"
                        "{\"ownerReferences\":[{\"apiVersion\":\"v1\","
                        "\"kind\":\"Pod\",\"name\":\"%s\","
                        "\"uid\":\"%s\"}]}}", name, p->uid);

    return ask_secret(p, "PATCH", NULL, "application/merge-patch+json", body,
                      secret_owned);
}


static void
secret_dropped(void *ctx, const kecs_kube_reply_t *reply)
{
    pod_t  *p = ctx;

    p->call = NULL;
    p->want &= ~DROP;
    p->has_secret = false;

    if (reply->status >= 400 && reply->status != 404) {
        kecs_log(KECS_LOG_WARN, "kubernetes: the Secret of a task that is "
                 "over cannot be deleted: HTTP %ld", reply->status);
    }

    proceed(p);
}


/* Only one of ours is deleted, if there is any. */

static void
secret_found(void *ctx, const kecs_kube_reply_t *reply)
{
    pod_t  *p = ctx;

    p->call = NULL;
    p->has_secret = reply->status == 200;

    if (!p->has_secret) {
        p->want &= ~DROP;
    }

    proceed(p);
}


static kecs_rc_t
remove_secret(pod_t *p)
{
    return p->has_secret ? ask_secret(p, "DELETE", NULL, NULL, kecs_null_str,
                                      secret_dropped)
                         : test_secret(p, secret_found);
}


/*
 * The claim of a volume that outlives the task.  One of its name is that of
 * an earlier attempt, since it has the task's id in it.
 */


static void
claim_posted(void *ctx, const kecs_kube_reply_t *reply)
{
    char                 why[512];
    pod_t               *p = ctx;
    kecs_kube_status_t   status;

    p->call = NULL;
    kecs_arena_reset(p->table->scratch);
    kecs_kube_status(p->table->scratch, reply->body, &status);

    if ((reply->status >= 200 && reply->status < 300)
        || (reply->status == 409 && kecs_str_is(status.reason,
                                                "AlreadyExists")))
    {
        free(p->claim);
        p->claim = NULL;
        proceed(p);
        return;
    }

    if (passes(reply->status, &status)) {
        p->pause = AFRESH;
        proceed(p);
        return;
    }

    (void) snprintf(why, sizeof(why), "ResourceInitializationError: failed"
                    " to create a volume: %.*s", kecs_fmt(status.message));
    refused(p, kecs_str_of(why));
}


static kecs_rc_t
post_claim(pod_t *p)
{
    return request(p, "persistentvolumeclaims", "POST",
                   "fieldValidation=Strict", "application/json",
                   kecs_str_n(p->claim, p->claim_len), claim_posted);
}


/* DELETE. */


static void
deleted(void *ctx, const kecs_kube_reply_t *reply)
{
    pod_t  *p = ctx;

    p->call = NULL;

    if (reply->status == 404 || reply->status == 409) {
        vanished(p);
        return;
    }

    if (reply->status >= 200 && reply->status < 300) {
        p->deleting = true;
        p->want &= ~STOP;

    } else {
        complain(p, "delete", reply);
    }

    proceed(p);
}


static kecs_rc_t
delete(pod_t *p)
{
    kecs_str_t     body;
    kecs_arena_t  *a = p->table->scratch;

    if (p->want & FORGET) {
        body = kecs_sprintf(a, "{\"kind\":\"DeleteOptions\","
                            "\"apiVersion\":\"v1\","
                            "\"preconditions\":{\"uid\":\"%s\"}}", p->uid);

    } else {
        body = kecs_sprintf(a, "{\"kind\":\"DeleteOptions\","
                            "\"apiVersion\":\"v1\","
                            "\"gracePeriodSeconds\":%u,"
                            "\"preconditions\":{\"uid\":\"%s\"}}", p->grace,
                            p->uid);
    }

    return ask(p, "DELETE", NULL, "application/json", body, deleted);
}


/* PATCH: other finalizers stay, and the uid is a precondition. */


static void
patched(void *ctx, const kecs_kube_reply_t *reply)
{
    pod_t  *p = ctx;

    p->call = NULL;

    if ((reply->status >= 200 && reply->status < 300)
        || reply->status == 404 || reply->status == 409)
    {
        p->want &= ~FORGET;
        discard_if_idle(p);
        return;
    }

    complain(p, "patch", reply);
    proceed(p);
}


static kecs_rc_t
patch(pod_t *p)
{
    kecs_str_t  body;

    body = kecs_sprintf(p->table->scratch, "{\"metadata\":{\"uid\":\"%s\","
                        "\"$deleteFromPrimitiveList/finalizers\":[\""
                        KECS_POD_FINALIZER "\"]}}", p->uid);

    return ask(p, "PATCH", NULL, "application/strategic-merge-patch+json",
               body, patched);
}


static kecs_rc_t
advance(pod_t *p)
{
    if (p->call != NULL) {
        return KECS_OK;
    }

    kecs_arena_reset(p->table->scratch);

    if (p->want == 0) {
        drop_cause(p);
        discard_if_idle(p);
        return KECS_OK;
    }

    if (p->space == NULL) {
        vanished(p);
        return KECS_OK;
    }

    if ((p->want & START) && !p->exists) {
        return p->secret != NULL ? post_secret(p)
               : p->claim != NULL ? post_claim(p) : post(p);
    }

    if (p->want & DROP) {
        return remove_secret(p);
    }

    if ((p->want & OWN) && p->uid[0] != '\0') {
        return own_secret(p);
    }

    if ((p->want & START) || p->uid[0] == '\0') {
        return ask(p, "GET", NULL, NULL, kecs_null_str, got);
    }

    if ((p->want & STOP) || !p->deleting) {
        return delete(p);
    }

    return patch(p);
}


/* What is asked from outside. */


static char *
copy_of(kecs_str_t s)
{
    char  *p;

    p = malloc(s.len + 1);

    if (p != NULL) {
        memcpy(p, s.data, s.len);
        p[s.len] = '\0';
    }

    return p;
}


/* It replaces the former one; NULL: there is none. */

static bool
set_cause(pod_t *p, const kecs_cause_t *cause)
{
    drop_cause(p);

    if (cause != NULL) {
        p->cause = malloc(sizeof(kecs_cause_t));

        if (p->cause == NULL) {
            return false;
        }

        *p->cause = *cause;
    }

    return true;
}


kecs_rc_t
kecs_kube_pods_start(kecs_kube_pods_t *t, const uint8_t *task,
    const kecs_kube_pod_start_t *s)
{
    pod_t          *p;
    kecs_rc_t       rc;
    const space_t  *space;

    p = find(t, task);

    if (p != NULL) {
        return advance(p);
    }

    if (kecs_kube_pending(t->k) >= PENDING) {
        return KECS_AGAIN;
    }

    space = space_of(t, s->space);
    p = space != NULL ? find_or_add(t, task) : NULL;

    if (p == NULL) {
        return KECS_NOMEM;
    }

    p->space = space;
    p->want = START;
    p->body_len = s->body.len;
    p->body = copy_of(s->body);
    p->secret_len = s->secret.len;
    p->secret = s->secret.len > 0 ? copy_of(s->secret) : NULL;
    p->claim_len = s->claim.len;
    p->claim = s->claim.len > 0 ? copy_of(s->claim) : NULL;
    p->arn = copy_of(s->arn);

    if (p->body == NULL || p->arn == NULL || !set_cause(p, s->cause)
        || (p->secret == NULL && s->secret.len > 0)
        || (p->claim == NULL && s->claim.len > 0))
    {
        discard(p);
        return KECS_NOMEM;
    }

    rc = advance(p);

    if (rc != KECS_OK) {
        discard(p);
    }

    return rc;
}


/* Something else is wanted than what is being done. */

static kecs_rc_t
change(kecs_kube_pods_t *t, const uint8_t *task, kecs_str_t uid,
    kecs_str_t space, unsigned want, unsigned grace,
    const kecs_cause_t *cause)
{
    pod_t  *p;

    if (t->conf.spread && !t->known && find(t, task) == NULL) {
        return KECS_AGAIN;
    }

    p = find_or_add(t, task);

    if (p == NULL) {
        return KECS_NOMEM;
    }

    if (p->want & FORGET) {
        return KECS_OK;
    }

    if (p->want == want && p->call != NULL && grace >= p->grace) {
        return KECS_OK;
    }

    if (want == STOP && p->deleting && p->grace > 0 && grace >= p->grace) {
        return KECS_OK;
    }

    if (p->uid[0] == '\0') {
        set_uid(p, uid);
    }

    if (p->space == NULL && space.len != 0) {
        p->space = space_of(t, space);
    }

    if (!set_cause(p, cause)) {
        return KECS_NOMEM;
    }

    if (p->call != NULL && kecs_kube_idle(p->call)) {
        kecs_kube_cancel(t->k, p->call);
        p->call = NULL;
        p->pause = 0;
    }

    p->want = want | (p->want & (OWN | DROP));
    p->grace = grace;

    if ((want & FORGET)
        && (p->has_secret || (t->conf.fetching && !p->seen)))
    {
        p->want |= DROP;
    }

    return advance(p);
}


kecs_rc_t
kecs_kube_pods_stop(kecs_kube_pods_t *t, const uint8_t *task,
    kecs_str_t uid, unsigned grace, const kecs_cause_t *cause)
{
    return change(t, task, uid, kecs_null_str, STOP, grace, cause);
}


kecs_rc_t
kecs_kube_pods_forget(kecs_kube_pods_t *t, const uint8_t *task,
    kecs_str_t uid, kecs_str_t space)
{
    return change(t, task, uid, space, FORGET, 0, NULL);
}


/* What the watch shows. */


void
kecs_kube_pods_begin(kecs_kube_pods_t *t)
{
    pod_t  *p;

    LIST_FOREACH(p, &t->all, link) {
        p->listed = false;
    }
}


void
kecs_kube_pods_seen(kecs_kube_pods_t *t, const uint8_t *task,
    kecs_str_t namespace, kecs_str_t object, kecs_str_t uid, bool deleting,
    bool secret)
{
    pod_t          *p;
    const space_t  *space;

    space = namespace.len != 0 ? space_of(t, namespace) : t->home;
    p = space != NULL ? find_or_add(t, task) : NULL;

    if (p == NULL) {
        return;
    }

    if (p->call == NULL) {
        p->space = space;
    }

    p->deleting = deleting
                  || (p->deleting && kecs_str_is(uid, p->uid));
    p->has_secret = p->has_secret || secret;
    p->seen = true;
    p->listed = true;
    set_uid(p, uid);

    if (p->space != NULL && join_group(p, object) != KECS_OK) {
        kecs_log(KECS_LOG_ERROR, "kubernetes: out of memory for a pod");
    }
}


void
kecs_kube_pods_gone(kecs_kube_pods_t *t, const uint8_t *task)
{
    pod_t  *p;

    p = find(t, task);

    if (p != NULL) {
        p->seen = false;
        p->deleting = false;
        leave_group(p);
        discard_if_idle(p);
    }
}


void
kecs_kube_pods_synced(kecs_kube_pods_t *t)
{
    pod_t  *p, *next;

    t->known = true;

    for (p = LIST_FIRST(&t->all); p != NULL; p = next) {
        next = LIST_NEXT(p, link);

        if (!p->listed) {
            p->seen = false;
            leave_group(p);
            discard_if_idle(p);
        }
    }
}


kecs_str_t
kecs_kube_pods_space(kecs_kube_pods_t *t, const uint8_t *task)
{
    const pod_t  *p;

    p = find(t, task);

    return p != NULL && p->space != NULL
           ? kecs_str_n(p->space->name, p->space->len) : kecs_null_str;
}


bool
kecs_kube_pods_elsewhere(kecs_kube_pods_t *t, const uint8_t *task,
    kecs_str_t namespace)
{
    const pod_t  *p;

    p = namespace.len != 0 ? find(t, task) : NULL;

    return p != NULL && p->seen
           && !kecs_str_eq(kecs_str_n(p->space->name, p->space->len),
                           namespace);
}


bool
kecs_kube_pods_serve(kecs_kube_pods_t *t, kecs_str_t namespace,
    kecs_str_t object)
{
    const pod_t    *p;
    const space_t  *space;

    space = space_of(t, namespace);

    if (!t->known || space == NULL || group_of(t, space, object) != NULL) {
        return true;
    }

    LIST_FOREACH(p, &t->all, link) {
        if (p->space == space && !p->seen && (p->want & START)) {
            return true;
        }
    }

    return false;
}


bool
kecs_kube_pods_away(const kecs_kube_pods_t *t)
{
    const pod_t  *p;

    LIST_FOREACH(p, &t->all, link) {
        if (p->space != NULL && p->space != t->home) {
            return true;
        }
    }

    return false;
}
