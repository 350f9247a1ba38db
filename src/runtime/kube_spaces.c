/*
 * What is there comes from a watch of all namespaces with our label; few,
 * so that they are gone through one by one.  Which one a cluster has is
 * found out once and kept until a namespace comes, changes or goes.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "../aws/arn.h"
#include "../base/hashtab.h"
#include "../base/log.h"
#include "../convert/pod.h"
#include "../json/json_writer.h"
#include "../kube/object.h"
#include "kube_spaces.h"


#define AGAIN  1000                 /* ms before one is asked for again */

typedef struct space_s {
    LIST_ENTRY(space_s)  link;
    char                *name;
    char                *cluster;   /* value of the label */
    char                *arn;       /* or NULL */
    bool                 ending;
    bool                 listed;
} space_t;

LIST_HEAD(spaces_s, space_s);

/* An ECS cluster. */
typedef struct {
    kecs_node_t          node;      /* first */
    kecs_kube_spaces_t  *of;
    char                *place;     /* "ACCOUNT/REGION/CLUSTER" */
    char                *label;
    char                *arn;
    char                *made;      /* the name if it is to be made */
    const space_t       *at;        /* of `round` */
    uint64_t             round;
    kecs_kube_call_t    *call;
    kecs_msec_t          asked;     /* when the last answer came, 0: none */
    unsigned             taken;     /* 409, so often */
    char                 why[256];  /* it cannot be had */
} want_t;

struct kecs_kube_spaces_s {
    kecs_kube_t        *k;
    kecs_arena_t       *scratch;
    kecs_watch_t       *watch;
    kecs_watch_conf_t   watching;
    kecs_str_t          home;
    kecs_str_t          uuid;
    bool                many;
    bool                known;
    struct spaces_s     all;
    kecs_hashtab_t      wants;
    uint64_t            round;      /* changes with `all` */
};


/* What is there. */


static char *
copy_of(kecs_str_t s)
{
    return strndup(s.data != NULL ? s.data : "", s.len);
}


static void
discard(kecs_kube_spaces_t *s, space_t *p)
{
    LIST_REMOVE(p, link);
    free(p->name);
    free(p->cluster);
    free(p->arn);
    free(p);
    s->round++;
}


static space_t *
find(kecs_kube_spaces_t *s, kecs_str_t name)
{
    space_t  *p;

    LIST_FOREACH(p, &s->all, link) {
        if (kecs_str_is(name, p->name)) {
            return p;
        }
    }

    return NULL;
}


static kecs_rc_t
add(kecs_kube_spaces_t *s, const kecs_json_t *meta)
{
    space_t     *p;
    kecs_str_t   arn;

    p = calloc(1, sizeof(space_t));

    if (p == NULL) {
        return KECS_NOMEM;
    }

    arn = kecs_json_str(kecs_json_at(meta, "annotations", KECS_SPACE_ARN,
                                     NULL));
    LIST_INSERT_HEAD(&s->all, p, link);
    s->round++;
    p->name = copy_of(kecs_json_str(kecs_json_get(meta, "name")));
    p->cluster = copy_of(kecs_json_str(kecs_json_at(meta, "labels",
                                                    KECS_SPACE_CLUSTER,
                                                    NULL)));
    p->arn = arn.len != 0 ? copy_of(arn) : NULL;
    p->ending = kecs_json_get(meta, "deletionTimestamp") != NULL;
    p->listed = true;

    if (p->name == NULL || p->cluster == NULL
        || (p->arn == NULL && arn.len != 0))
    {
        discard(s, p);
        return KECS_NOMEM;
    }

    return KECS_OK;
}


static void
on_begin(void *ctx)
{
    space_t             *p;
    kecs_kube_spaces_t  *s = ctx;

    LIST_FOREACH(p, &s->all, link) {
        p->listed = false;
    }
}


static void
on_object(void *ctx, kecs_watch_event_t event, const kecs_json_t *object)
{
    space_t             *p;
    const kecs_json_t   *meta;
    kecs_kube_spaces_t  *s = ctx;

    meta = kecs_json_get(object, "metadata");
    p = find(s, kecs_json_str(kecs_json_get(meta, "name")));

    if (p != NULL) {
        discard(s, p);
    }

    if (event != KECS_WATCH_DELETED && add(s, meta) != KECS_OK) {
        kecs_log(KECS_LOG_ERROR, "kubernetes: out of memory for a namespace");
    }
}


static void
on_synced(void *ctx)
{
    space_t             *p, *next;
    kecs_kube_spaces_t  *s = ctx;

    for (p = LIST_FIRST(&s->all); p != NULL; p = next) {
        next = LIST_NEXT(p, link);

        if (!p->listed) {
            discard(s, p);
        }
    }

    s->known = true;
}


static void
on_lost(void *ctx, const char *why)
{
    kecs_kube_spaces_t  *s = ctx;

    kecs_log(s->known ? KECS_LOG_INFO : KECS_LOG_WARN,
             "kubernetes: out of contact with namespaces: %s", why);
}


/* Clusters. */


static void
discard_want(want_t *w)
{
    if (w->call != NULL) {
        kecs_kube_cancel(w->of->k, w->call);
    }

    free(w->place);
    free(w->label);
    free(w->arn);
    free(w->made);
    free(w);
}


static want_t *
find_want(kecs_kube_spaces_t *s, kecs_str_t place, uint64_t hash)
{
    kecs_node_t  *n;

    n = kecs_hashtab_find(&s->wants, hash);

    while (n != NULL && !kecs_str_is(place, ((want_t *) n)->place)) {
        n = kecs_hashtab_same(n);
    }

    return (want_t *) n;
}


static bool
fill(kecs_arena_t *a, kecs_str_t place, want_t *w)
{
    kecs_str_t  rest, account, region, label, arn, made;

    rest = place;
    (void) kecs_str_split(&rest, '/', &account);
    (void) kecs_str_split(&rest, '/', &region);
    label = kecs_pod_value(a, rest);
    arn = kecs_arn_ecs(a, region, account, kecs_str("cluster"), rest);
    made = kecs_pod_space(a, place);

    if (label.data == NULL || arn.data == NULL || made.data == NULL) {
        return false;
    }

    w->place = copy_of(place);
    w->label = copy_of(label);
    w->arn = copy_of(arn);
    w->made = copy_of(made);

    return w->place != NULL && w->label != NULL && w->arn != NULL
           && w->made != NULL;
}


static want_t *
want_of(kecs_kube_spaces_t *s, kecs_str_t place)
{
    want_t    *w;
    uint64_t   hash;

    hash = kecs_hashtab_hash(place.data, place.len);
    w = find_want(s, place, hash);

    if (w != NULL) {
        return w;
    }

    w = calloc(1, sizeof(want_t));

    if (w == NULL) {
        return NULL;
    }

    w->of = s;
    kecs_arena_reset(s->scratch);

    if (!fill(s->scratch, place, w)
        || kecs_hashtab_add(&s->wants, &w->node, hash) != KECS_OK)
    {
        discard_want(w);
        return NULL;
    }

    return w;
}


/* Of several one that we would not have made, the first by name. */

static bool
is_better(const want_t *w, const space_t *p, const space_t *than)
{
    bool  ours, theirs;

    if (than == NULL) {
        return true;
    }

    ours = strcmp(p->name, w->made) == 0;
    theirs = strcmp(than->name, w->made) == 0;

    return ours != theirs ? theirs : strcmp(p->name, than->name) < 0;
}


static const space_t *
choose(kecs_kube_spaces_t *s, want_t *w)
{
    const space_t  *p;

    if (w->round == s->round) {
        return w->at;
    }

    w->at = NULL;
    w->round = s->round;

    LIST_FOREACH(p, &s->all, link) {
        if (!p->ending && strcmp(p->cluster, w->label) == 0
            && (p->arn == NULL || strcmp(p->arn, w->arn) == 0)
            && is_better(w, p, w->at))
        {
            w->at = p;
        }
    }

    return w->at;
}


/* Making one. */


/* One that the watch has not told of yet is asked for once more. */

static void
refused(want_t *w, const kecs_kube_reply_t *reply)
{
    kecs_kube_status_t   status;
    kecs_kube_spaces_t  *s = w->of;

    if (reply->status == 409) {
        if (w->taken++ > 0) {
            (void) snprintf(w->why, sizeof(w->why), "The namespace %s exists "
                            "and is not that of the cluster: it lacks the "
                            "label " KECS_SPACE_CLUSTER "=%s.", w->made,
                            w->label);
        }

        return;
    }

    kecs_arena_reset(s->scratch);
    kecs_kube_status(s->scratch, reply->body, &status);
    (void) snprintf(w->why, sizeof(w->why), "The namespace %s cannot be made:"
                    " HTTP %ld, %.*s", w->made, reply->status,
                    kecs_fmt(status.message));
}


static void
made(void *ctx, const kecs_kube_reply_t *reply)
{
    want_t              *w = ctx;
    const kecs_json_t   *object;
    kecs_kube_spaces_t  *s = w->of;

    w->call = NULL;
    w->asked = kecs_monotonic();
    w->why[0] = '\0';

    if (reply->status < 200 || reply->status >= 300) {
        refused(w, reply);

        if (w->why[0] != '\0') {
            kecs_log(KECS_LOG_WARN, "kubernetes: %s", w->why);
        }

        return;
    }

    w->taken = 0;
    kecs_log(KECS_LOG_NOTICE, "kubernetes: made the namespace %s for %s",
             w->made, w->arn);
    kecs_arena_reset(s->scratch);

    if (find(s, kecs_str_of(w->made)) == NULL
        && kecs_kube_parse(s->scratch, reply->body, &object) == KECS_OK)
    {
        (void) add(s, kecs_json_get(object, "metadata"));
    }
}


static kecs_str_t
body_of(const want_t *w)
{
    kecs_buf_t     b;
    kecs_writer_t  j;

    kecs_buf_init(&b, w->of->scratch, 0);
    j = kecs_writer(&b);
    kecs_w_object(&j, NULL);
    kecs_w_cstr(&j, "apiVersion", "v1");
    kecs_w_cstr(&j, "kind", "Namespace");
    kecs_w_object(&j, "metadata");
    kecs_w_cstr(&j, "name", w->made);
    kecs_w_object(&j, "labels");
    kecs_w_cstr(&j, KECS_POD_MANAGED_BY, "kecs");
    kecs_w_cstr(&j, KECS_SPACE_CLUSTER, w->label);
    kecs_w_str(&j, KECS_POD_STORE, w->of->uuid);
    kecs_w_object_end(&j);
    kecs_w_object(&j, "annotations");
    kecs_w_cstr(&j, KECS_SPACE_ARN, w->arn);
    kecs_w_object_end(&j);
    kecs_w_object_end(&j);
    kecs_w_object_end(&j);

    return b.failed ? kecs_null_str : kecs_buf_view(&b);
}


static kecs_rc_t
make(want_t *w)
{
    kecs_kube_request_t  r;

    if (w->call != NULL
        || (w->asked != 0 && kecs_monotonic() - w->asked < AGAIN))
    {
        return KECS_OK;
    }

    memset(&r, 0, sizeof(kecs_kube_request_t));
    kecs_arena_reset(w->of->scratch);
    r.method = "POST";
    r.path = kecs_str("/api/v1/namespaces?fieldManager=kecs");
    r.type = "application/json";
    r.body = body_of(w);
    r.retry = true;
    r.done = made;
    r.ctx = w;

    return r.body.data != NULL ? kecs_kube_send(w->of->k, &r, &w->call)
                               : KECS_NOMEM;
}


/* What is asked from outside. */


kecs_rc_t
kecs_kube_spaces_find(kecs_kube_spaces_t *s, kecs_str_t cluster,
    kecs_str_t *name)
{
    want_t         *w;
    const space_t  *p;

    *name = s->home;

    if (!s->many) {
        return KECS_OK;
    }

    *name = kecs_null_str;

    if (!s->known) {
        return KECS_AGAIN;
    }

    w = want_of(s, cluster);

    if (w == NULL) {
        return KECS_NOMEM;
    }

    p = choose(s, w);

    if (p == NULL) {
        return KECS_NOT_FOUND;
    }

    *name = kecs_str_of(p->name);

    return KECS_OK;
}


kecs_rc_t
kecs_kube_spaces_of(kecs_kube_spaces_t *s, kecs_str_t cluster,
    kecs_str_t *name, const char **why)
{
    want_t     *w;
    kecs_rc_t   rc;

    *why = NULL;
    rc = kecs_kube_spaces_find(s, cluster, name);

    if (rc != KECS_NOT_FOUND) {
        return rc;
    }

    w = want_of(s, cluster);
    rc = w != NULL ? make(w) : KECS_NOMEM;

    if (rc == KECS_OK && w->why[0] != '\0') {
        *why = w->why;
        return KECS_INVALID;
    }

    return rc == KECS_OK ? KECS_AGAIN : rc;
}


bool
kecs_kube_spaces_known(const kecs_kube_spaces_t *s)
{
    return !s->many || s->known;
}


const char *
kecs_kube_spaces_why(const kecs_kube_spaces_t *s)
{
    return s->watch != NULL ? kecs_watch_why(s->watch) : "";
}


void
kecs_kube_spaces_run(kecs_kube_spaces_t *s)
{
    if (s->watch != NULL) {
        kecs_watch_run(s->watch);
    }
}


/* Beginning and end. */


kecs_rc_t
kecs_kube_spaces_engage(kecs_kube_spaces_t *s)
{
    kecs_watch_sink_t  sink = { on_begin, on_object, on_synced, on_lost, s };

    return s->many && s->watch == NULL
           ? kecs_watch_open(s->k, &s->watching, &sink, &s->watch) : KECS_OK;
}


void
kecs_kube_spaces_disengage(kecs_kube_spaces_t *s)
{
    kecs_watch_close(s->watch);
    s->watch = NULL;
    s->known = false;
}


kecs_rc_t
kecs_kube_spaces_open(kecs_kube_t *k, kecs_str_t home, kecs_str_t uuid,
    bool many, const kecs_watch_conf_t *watching, kecs_kube_spaces_t **out)
{
    kecs_kube_spaces_t  *s;

    s = calloc(1, sizeof(kecs_kube_spaces_t));

    if (s == NULL) {
        return KECS_NOMEM;
    }

    s->scratch = kecs_arena_create(0);

    if (s->scratch == NULL) {
        free(s);
        return KECS_NOMEM;
    }

    s->k = k;
    s->home = home;
    s->uuid = uuid;
    s->many = many;
    s->round = 1;
    s->watching = *watching;
    s->watching.path = kecs_str("/api/v1/namespaces");
    s->watching.selector = kecs_str(KECS_SPACE_CLUSTER);
    LIST_INIT(&s->all);
    *out = s;

    return KECS_OK;
}


void
kecs_kube_spaces_close(kecs_kube_spaces_t *s)
{
    size_t        i;
    kecs_node_t  *n, *next;

    if (s == NULL) {
        return;
    }

    kecs_kube_spaces_disengage(s);

    for (i = 0; i < s->wants.size; i++) {
        for (n = s->wants.slots[i]; n != NULL; n = next) {
            next = n->next;
            discard_want((want_t *) n);
        }
    }

    kecs_hashtab_free(&s->wants);

    while (!LIST_EMPTY(&s->all)) {
        discard(s, LIST_FIRST(&s->all));
    }

    kecs_arena_destroy(s->scratch);
    free(s);
}
