/*
 * One look at a task is up to three requests: the pod and its events at
 * once, then its node.  Each ends within SECONDS, and the look with the last
 * of them.  It owns an arena with what has been answered.
 */

#include <stdlib.h>
#include <sys/queue.h>

#include "../convert/pod.h"
#include "../convert/pod_view.h"
#include "../kube/object.h"
#include "kube_inspect.h"


#define SECONDS     5
#define EVENTS_ASK  500

typedef struct look_s  look_t;

typedef struct {
    look_t            *of;
    kecs_kube_call_t  *call;        /* NULL: none is under way */
    kecs_view_part_t  *part;
} question_t;

struct look_s {
    LIST_ENTRY(look_s)    link;
    kecs_kube_inspect_t  *of;
    kecs_arena_t         *a;
    kecs_pod_view_t       view;
    question_t            pod;
    question_t            events;
    question_t            node;
    kecs_inspected_pt     done;
    void                 *ctx;
};

struct kecs_kube_inspect_s {
    kecs_kube_t              *k;
    char                     *namespace;
    LIST_HEAD(, look_s)       looks;
    unsigned                  n;
};


static void
cancel(look_t *l, question_t *q)
{
    if (q->call != NULL) {
        kecs_kube_cancel(l->of->k, q->call);
        q->call = NULL;
    }
}


static void
discard(look_t *l)
{
    cancel(l, &l->pod);
    cancel(l, &l->events);
    cancel(l, &l->node);
    LIST_REMOVE(l, link);
    l->of->n--;
    kecs_arena_destroy(l->a);
    free(l);
}


/* All has been answered: the view is made and told. */

static void
finish(look_t *l)
{
    kecs_rc_t          rc;
    kecs_buf_t         b;
    kecs_writer_t      w;
    kecs_str_t         text;
    void              *ctx;
    kecs_inspected_pt  done;

    kecs_buf_init(&b, l->a, 0);
    w = kecs_writer(&b);
    kecs_w_object(&w, NULL);
    rc = kecs_pod_view(l->a, &w, &l->view);
    kecs_w_object_end(&w);

    done = l->done;
    ctx = l->ctx;
    text = kecs_buf_view(&b);

    done(ctx, rc == KECS_OK && b.failed ? KECS_NOMEM : rc, text);
    discard(l);
}


/* What is kept of an answer, in the look's arena. */

static void
take(look_t *l, kecs_view_part_t *part, const kecs_kube_reply_t *reply)
{
    kecs_str_t          text;
    kecs_kube_status_t  status;

    part->status = reply->status;

    if (reply->status == 0) {
        part->why = kecs_strdup(l->a, kecs_str_of(reply->error));
        return;
    }

    text = kecs_strdup(l->a, reply->body);

    if (text.data == NULL) {
        part->why = kecs_str("out of memory");
        return;
    }

    if (reply->status == 200) {
        if (kecs_kube_parse(l->a, text, &part->object) != KECS_OK) {
            part->object = NULL;
            part->why = kecs_str("the answer cannot be understood");
        }

        return;
    }

    kecs_kube_status(l->a, text, &status);
    part->why = status.message;
}


static void
answered(void *ctx, const kecs_kube_reply_t *reply);


/* A question that cannot be asked counts as answered. */

static void
ask(look_t *l, question_t *q, kecs_view_part_t *part, kecs_str_t path)
{
    kecs_kube_request_t  r;

    memset(&r, 0, sizeof(kecs_kube_request_t));
    r.method = "GET";
    r.path = path;
    r.timeout = SECONDS;
    r.urgent = true;
    r.done = answered;
    r.ctx = q;

    q->of = l;
    q->part = part;
    part->asked = true;

    if (path.data == NULL
        || kecs_kube_send(l->of->k, &r, &q->call) != KECS_OK)
    {
        q->call = NULL;
        part->why = kecs_str("out of memory");
    }
}


static void
ask_node(look_t *l)
{
    kecs_str_t  name;

    name = kecs_view_text(kecs_json_get(l->view.pod.object, "spec"),
                          "nodeName");

    if (name.len == 0) {
        return;
    }

    name = kecs_kube_escape(l->a, name);
    ask(l, &l->node, &l->view.node,
        name.data != NULL ? kecs_sprintf(l->a, "/api/v1/nodes/%.*s",
                                         kecs_fmt(name)) : name);
}


static void
answered(void *ctx, const kecs_kube_reply_t *reply)
{
    look_t      *l;
    question_t  *q = ctx;

    l = q->of;
    q->call = NULL;
    take(l, q->part, reply);

    if (q == &l->pod) {
        ask_node(l);
    }

    if (l->pod.call == NULL && l->events.call == NULL
        && l->node.call == NULL)
    {
        finish(l);
    }
}


static kecs_rc_t
begin(look_t *l, const uint8_t *task, kecs_str_t ns)
{
    char  name[KECS_POD_NAME_LEN + 1];

    ns = ns.len != 0 ? ns : kecs_str_of(l->of->namespace);
    kecs_pod_name(task, name);

    ask(l, &l->events, &l->view.events,
        kecs_sprintf(l->a, "/api/v1/namespaces/%.*s/events?fieldSelector="
                     "involvedObject.kind%%3DPod,involvedObject.name%%3D%s"
                     "&limit=%u", kecs_fmt(ns), name, EVENTS_ASK));
    ask(l, &l->pod, &l->view.pod,
        kecs_sprintf(l->a, "/api/v1/namespaces/%.*s/pods/%s", kecs_fmt(ns),
                     name));

    return l->pod.call != NULL && l->events.call != NULL ? KECS_OK
                                                         : KECS_NOMEM;
}


kecs_rc_t
kecs_kube_inspect(kecs_kube_inspect_t *i, const uint8_t *task,
    kecs_str_t space, kecs_inspected_pt done, void *ctx)
{
    look_t  *l;

    if (i->n == KECS_INSPECT_MAX) {
        return KECS_AGAIN;
    }

    l = calloc(1, sizeof(look_t));

    if (l == NULL) {
        return KECS_NOMEM;
    }

    l->a = kecs_arena_create(64 * 1024);

    if (l->a == NULL) {
        free(l);
        return KECS_NOMEM;
    }

    l->of = i;
    l->done = done;
    l->ctx = ctx;
    LIST_INSERT_HEAD(&i->looks, l, link);
    i->n++;

    if (begin(l, task, space) != KECS_OK) {
        discard(l);
        return KECS_NOMEM;
    }

    return KECS_OK;
}


kecs_rc_t
kecs_kube_inspect_open(kecs_kube_t *k, kecs_str_t namespace,
    kecs_kube_inspect_t **out)
{
    kecs_kube_inspect_t  *i;

    i = calloc(1, sizeof(kecs_kube_inspect_t));

    if (i == NULL) {
        return KECS_NOMEM;
    }

    i->k = k;
    i->namespace = strndup(namespace.data, namespace.len);
    LIST_INIT(&i->looks);

    if (i->namespace == NULL) {
        free(i);
        return KECS_NOMEM;
    }

    *out = i;

    return KECS_OK;
}


void
kecs_kube_inspect_close(kecs_kube_inspect_t *i)
{
    if (i == NULL) {
        return;
    }

    while (!LIST_EMPTY(&i->looks)) {
        discard(LIST_FIRST(&i->looks));
    }

    free(i->namespace);
    free(i);
}
