/*
 * What ECS services want of Kubernetes.
 *
 * An entry is a name in a namespace, with two objects; a service has one,
 * and another for test traffic while that is shifted.  The namespace is that
 * of the ECS cluster; until it is there the entry has none.  Whatever
 * happens to an object (it is wanted otherwise, an event, an answer, a pause
 * is over) puts it into a queue; act() makes the one request that comes
 * next:
 *
 *     wanted      not there: POST; not as wanted: PATCH, or DELETE when the
 *                 cluster address would have to come or go
 *     not wanted  there: DELETE, but a Service whose name is wanted in
 *                 another namespace stays for the pods that are there still,
 *                 which is looked at now and then
 *
 * PATCH and DELETE name the uid, and a uid is only taken from an object
 * with our label.  A PATCH replaces the whole spec and leaves labels and
 * annotations of others.  What the server makes of it is remembered as a
 * hash, so that every later change by somebody else is seen; who keeps
 * changing is answered ever more slowly.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "../base/hashtab.h"
#include "../base/log.h"
#include "../json/json_writer.h"
#include "../kube/object.h"
#include "kube_services.h"


#define FLYING     16               /* requests at a time */
#define UID_MAX    63
#define FORBIDDEN  60000            /* ms before asking again */
#define QUARREL    60000            /* ms; changes of others are rarer */
#define SCAN       200              /* ms between two looks at the paused */
#define LEFT       5000             /* ms between two looks for its pods */

enum { SERVICE = 0, BUDGET, KINDS };

enum { NOWHERE = 0, WAITING, PAUSED };

typedef struct {
    const char  *group;             /* of the path */
    const char  *plural;
    const char  *version;
    const char  *kind;
} kind_t;

static const kind_t  kinds[KINDS] = {
    { "/api/v1", "services", "v1", "Service" },
    { "/apis/policy/v1", "poddisruptionbudgets", "policy/v1",
      "PodDisruptionBudget" }
};

typedef struct object_s {
    TAILQ_ENTRY(object_s)  link;
    struct entry_s        *of;
    unsigned               kind;
    unsigned               queue;           /* in which it is */
    char                  *spec;            /* NULL: there is to be none */
    char                  *metadata;
    char                  *patch;           /* the same for a PATCH */
    uint64_t               wanted;          /* hash, metadata too */
    uint64_t               sent;            /* `wanted` of the request */
    uint64_t               accepted;        /* hash of the spec there, 0 */
    char                   uid[UID_MAX + 1];        /* "": not there */
    char                  *selects;         /* of a Service: which pods */
    bool                   listed;
    bool                   right;           /* is as wanted */
    bool                   deleting;
    bool                   headless;
    bool                   vanished;        /* while a request is under way */
    unsigned               failures;        /* in a row */
    unsigned               quarrels;
    kecs_msec_t            disturbed_at;
    kecs_msec_t            at;              /* PAUSED until */
    kecs_kube_call_t      *call;
} object_t;

TAILQ_HEAD(objects_s, object_s);

typedef struct {
    kecs_service_key_t  service;
    uint32_t            test;               /* for test traffic: 1 */
} entry_key_t;

typedef struct entry_s {
    kecs_node_t            by_name;         /* first */
    kecs_node_t            by_key;          /* while it is wanted */
    LIST_ENTRY(entry_s)    link;
    kecs_kube_services_t  *table;
    entry_key_t            key;
    char                  *name;
    char                  *space;           /* NULL: not known yet */
    char                  *place;           /* of whom: see kube_spaces.h */
    bool                   wanted;
    bool                   ended;           /* it was wanted */
    object_t               objects[KINDS];
} entry_t;

LIST_HEAD(entries_s, entry_s);

typedef struct {
    kecs_kube_services_t  *table;
    unsigned               kind;
    kecs_watch_t          *watch;
    bool                   complained;      /* and nothing went well since */
} side_t;

struct kecs_kube_services_s {
    kecs_kube_t        *k;
    kecs_arena_t       *scratch;
    kecs_str_t          uuid;
    kecs_str_t          home;
    kecs_kube_spaces_t *spaces;
    kecs_watch_conf_t   watching;
    side_t              sides[KINDS];
    kecs_hashtab_t      names;
    kecs_hashtab_t      keys;
    struct entries_s    all;
    struct objects_s    waiting;
    struct objects_s    paused;
    kecs_msec_t         scan_at;
    unsigned            flying;
    kecs_serves_pt      serves;
    void               *serves_ctx;
    bool                complete;           /* all wanted ones are known */
    bool                gathering;          /* no pods are elsewhere */
};


/* Entries. */


static uint64_t
name_hash(kecs_str_t name)
{
    return kecs_hashtab_hash(name.data, name.len);
}


/* `space` is absent for one that has none yet. */

static entry_t *
find(kecs_kube_services_t *t, kecs_str_t space, kecs_str_t name)
{
    entry_t      *e;
    kecs_node_t  *n;

    for (n = kecs_hashtab_find(&t->names, name_hash(name));
         n != NULL;
         n = kecs_hashtab_same(n))
    {
        e = (entry_t *) n;

        if (kecs_str_is(name, e->name)
            && (e->space == NULL ? space.data == NULL
                                 : kecs_str_is(space, e->space)))
        {
            return e;
        }
    }

    return NULL;
}


/* The name is wanted, in whichever namespace. */

static bool
is_wanted_elsewhere(const entry_t *e)
{
    const entry_t      *other;
    const kecs_node_t  *n;

    for (n = kecs_hashtab_find(&e->table->names, e->by_name.hash);
         n != NULL;
         n = kecs_hashtab_same(n))
    {
        other = (const entry_t *) n;

        if (other != e && other->wanted && strcmp(other->name, e->name) == 0)
        {
            return true;
        }
    }

    return false;
}


static entry_t *
of_key(kecs_node_t *n)
{
    return (entry_t *) (void *) ((char *) n - offsetof(entry_t, by_key));
}


static entry_t *
find_key(kecs_kube_services_t *t, const entry_key_t *key)
{
    kecs_node_t  *n;

    for (n = kecs_hashtab_find(&t->keys, kecs_hashtab_hash(key,
                                                           sizeof(*key)));
         n != NULL;
         n = kecs_hashtab_same(n))
    {
        if (memcmp(&of_key(n)->key, key, sizeof(*key)) == 0) {
            return of_key(n);
        }
    }

    return NULL;
}


static entry_t *
find_or_add(kecs_kube_services_t *t, kecs_str_t space, kecs_str_t name)
{
    unsigned  i;
    entry_t  *e;

    e = find(t, space, name);

    if (e != NULL) {
        return e;
    }

    e = calloc(1, sizeof(entry_t));

    if (e == NULL) {
        return NULL;
    }

    e->table = t;
    e->name = strndup(name.data, name.len);
    e->space = space.data != NULL ? strndup(space.data, space.len) : NULL;

    if (e->name == NULL || (e->space == NULL && space.data != NULL)
        || kecs_hashtab_add(&t->names, &e->by_name, name_hash(name))
           != KECS_OK)
    {
        free(e->name);
        free(e->space);
        free(e);
        return NULL;
    }

    for (i = 0; i < KINDS; i++) {
        e->objects[i].of = e;
        e->objects[i].kind = i;
    }

    LIST_INSERT_HEAD(&t->all, e, link);

    return e;
}


static void
unqueue(object_t *o)
{
    kecs_kube_services_t  *t = o->of->table;

    if (o->queue == WAITING) {
        TAILQ_REMOVE(&t->waiting, o, link);

    } else if (o->queue == PAUSED) {
        TAILQ_REMOVE(&t->paused, o, link);
    }

    o->queue = NOWHERE;
}


static void
cancel(object_t *o)
{
    if (o->call != NULL) {
        kecs_kube_cancel(o->of->table->k, o->call);
        o->call = NULL;
        o->vanished = false;
        o->of->table->flying--;
    }
}


static void
discard(entry_t *e)
{
    unsigned               i;
    kecs_kube_services_t  *t = e->table;

    for (i = 0; i < KINDS; i++) {
        cancel(&e->objects[i]);
        unqueue(&e->objects[i]);
        free(e->objects[i].spec);
        free(e->objects[i].metadata);
        free(e->objects[i].patch);
        free(e->objects[i].selects);
    }

    if (e->wanted) {
        kecs_hashtab_remove(&t->keys, &e->by_key);
    }

    kecs_hashtab_remove(&t->names, &e->by_name);
    LIST_REMOVE(e, link);
    free(e->name);
    free(e->space);
    free(e->place);
    free(e);
}


/* Nothing is there, and nothing is wanted or under way. */

static void
discard_if_idle(entry_t *e)
{
    unsigned  i;

    for (i = 0; i < KINDS; i++) {
        if (e->objects[i].uid[0] != '\0' || e->objects[i].call != NULL) {
            return;
        }
    }

    if (!e->wanted) {
        discard(e);
    }
}


static bool
is_wanted(const object_t *o)
{
    return o->of->wanted && o->spec != NULL;
}


/* Queues. */


static void
wake(object_t *o)
{
    if (o->queue == NOWHERE && o->call == NULL) {
        o->queue = WAITING;
        TAILQ_INSERT_TAIL(&o->of->table->waiting, o, link);
    }
}


static void
wake_both(entry_t *e)
{
    unsigned  i;

    for (i = 0; i < KINDS; i++) {
        unqueue(&e->objects[i]);
        wake(&e->objects[i]);
    }
}


static void
pause_for(object_t *o, kecs_msec_t msec)
{
    unqueue(o);
    o->at = kecs_monotonic() + msec;
    o->queue = PAUSED;
    TAILQ_INSERT_TAIL(&o->of->table->paused, o, link);
}


static void
wake_due(kecs_kube_services_t *t)
{
    object_t     *o, *next;
    kecs_msec_t   now;

    now = kecs_monotonic();

    if (now < t->scan_at) {
        return;
    }

    t->scan_at = now + SCAN;

    for (o = TAILQ_FIRST(&t->paused); o != NULL; o = next) {
        next = TAILQ_NEXT(o, link);

        if (now >= o->at) {
            unqueue(o);
            wake(o);
        }
    }
}


/* Somebody else has changed or deleted it: often means slowly. */

static void
disturbed(object_t *o)
{
    kecs_msec_t            now;
    kecs_kube_services_t  *t = o->of->table;

    now = kecs_monotonic();
    o->quarrels = o->disturbed_at != 0 && now - o->disturbed_at < QUARREL
                  ? o->quarrels + 1 : 0;
    o->disturbed_at = now;

    if (is_wanted(o)) {
        kecs_log(KECS_LOG_INFO, "kubernetes: %s %s was changed by somebody "
                 "else", kinds[o->kind].kind, o->of->name);
    }

    if (o->quarrels > 1 && o->call == NULL) {
        pause_for(o, kecs_kube_backoff(t->k, o->quarrels - 2));
    }
}


/* What is there. */


static void
no_more(object_t *o)
{
    o->uid[0] = '\0';
    o->accepted = 0;
    o->right = false;
    o->deleting = false;
    o->listed = false;
}


static uint64_t
tree_hash(const kecs_json_t *v)
{
    uint64_t            h;
    const kecs_json_t  *m;

    h = kecs_hashtab_hash(v->name.data, v->name.len) * 31
        + kecs_hashtab_hash(v->str.data, v->str.len) * 17
        + (uint64_t) v->type * 2 + v->boolean;

    if (v->type == KECS_JSON_OBJECT || v->type == KECS_JSON_ARRAY) {
        for (m = v->first; m != NULL; m = m->next) {
            h = h * 1099511628211ULL + tree_hash(m);
        }
    }

    return h | 1;
}


static void
take_uid(object_t *o, kecs_str_t uid)
{
    if (kecs_str_is(uid, o->uid) || uid.len == 0 || uid.len > UID_MAX) {
        return;
    }

    no_more(o);
    memcpy(o->uid, uid.data, uid.len);
    o->uid[uid.len] = '\0';
}


/* Whether metadata and spec are as wanted; without memory they are not. */

static bool
stands(const object_t *o, const kecs_json_t *object)
{
    kecs_json_t   *meta, *spec;
    kecs_arena_t  *a = o->of->table->scratch;

    kecs_arena_reset(a);

    return kecs_json_parse(a, kecs_str_of(o->patch), &meta) == KECS_OK
           && kecs_json_parse(a, kecs_str_of(o->spec), &spec) == KECS_OK
           && kecs_object_stands(meta, kecs_json_get(object, "metadata"))
           && kecs_object_stands(spec, kecs_json_get(object, "spec"));
}


/* Which pods it selects; what cannot be kept counts as some. */

static void
take_selector(object_t *o, const kecs_json_t *spec)
{
    kecs_str_t  label;

    label = kecs_json_str(kecs_json_at(spec, "selector", KECS_POD_OBJECT,
                                       NULL));

    if (o->selects != NULL && kecs_str_is(label, o->selects)) {
        return;
    }

    free(o->selects);
    o->selects = label.len != 0 ? strndup(label.data, label.len) : NULL;
}


/* `made`: the server's answer to our own request. */

static void
look(object_t *o, const kecs_json_t *object, bool made)
{
    bool                before;
    uint64_t            h;
    const kecs_json_t  *spec, *meta;

    meta = kecs_json_get(object, "metadata");
    spec = kecs_json_get(object, "spec");

    take_uid(o, kecs_json_str(kecs_json_get(meta, "uid")));
    take_selector(o, spec);

    before = o->right;
    h = spec != NULL ? tree_hash(spec) : 1;
    o->listed = true;
    o->deleting = kecs_json_get(meta, "deletionTimestamp") != NULL;
    o->headless = kecs_str_is(kecs_json_str(kecs_json_get(spec,
                                                          "clusterIP")),
                              "None");

    if (!is_wanted(o)) {
        o->right = false;
        return;
    }

    if (made) {
        o->right = o->sent == o->wanted;

    } else {
        o->right = stands(o, object)
                   && (o->accepted == 0 || o->accepted == h);
    }

    if (o->right) {
        o->accepted = h;

    } else if (before) {
        disturbed(o);
    }
}


/* What the watches bring. */


static void
on_begin(void *ctx)
{
    side_t   *s = ctx;
    entry_t  *e;

    LIST_FOREACH(e, &s->table->all, link) {
        e->objects[s->kind].listed = false;
    }
}


static void
gone(kecs_kube_services_t *t, unsigned kind, kecs_str_t space,
    kecs_str_t name, kecs_str_t uid)
{
    entry_t   *e;
    object_t  *o;

    e = find(t, space, name);

    if (e == NULL || !kecs_str_is(uid, e->objects[kind].uid)) {
        return;
    }

    o = &e->objects[kind];

    if (!o->deleting && o->call == NULL) {
        disturbed(o);
    }

    o->vanished = o->call != NULL;
    no_more(o);
    wake(o);
}


static void
on_object(void *ctx, kecs_watch_event_t event, const kecs_json_t *object)
{
    side_t                *s = ctx;
    entry_t               *e;
    kecs_str_t             name, space;
    const kecs_json_t     *meta;
    kecs_kube_services_t  *t = s->table;

    meta = kecs_json_get(object, "metadata");
    name = kecs_json_str(kecs_json_get(meta, "name"));
    space = kecs_json_str(kecs_json_get(meta, "namespace"));
    space = space.len != 0 ? space : t->home;

    if (event == KECS_WATCH_DELETED) {
        gone(t, s->kind, space, name,
             kecs_json_str(kecs_json_get(meta, "uid")));
        return;
    }

    if (!kecs_str_eq(kecs_json_str(kecs_json_at(meta, "labels",
                                                KECS_POD_STORE, NULL)),
                     t->uuid))
    {
        return;
    }

    kecs_arena_reset(t->scratch);
    e = find(t, space, name);

    if (e == NULL && !kecs_object_is_made(t->scratch, t->uuid, object)) {
        kecs_log(KECS_LOG_INFO, "kubernetes: %s \"%.*s\" bears the label of "
                 "this store and is not of its making",
                 kinds[s->kind].kind, kecs_fmt(name));
        return;
    }

    e = find_or_add(t, space, name);

    if (e != NULL) {
        look(&e->objects[s->kind], object, false);
        wake(&e->objects[s->kind]);
    }
}


static void
on_synced(void *ctx)
{
    side_t    *s = ctx;
    entry_t   *e;
    object_t  *o;

    s->complained = false;

    LIST_FOREACH(e, &s->table->all, link) {
        o = &e->objects[s->kind];

        if (!o->listed && o->call == NULL) {
            no_more(o);
        }

        wake(o);
    }
}


static void
on_lost(void *ctx, const char *why)
{
    side_t  *s = ctx;

    if (!s->complained) {
        s->complained = true;
        kecs_log(KECS_LOG_WARN, "kubernetes: out of contact with %ss: %s",
                 kinds[s->kind].kind, why);
    }
}


/* Requests. */


static void
complain(object_t *o, const char *method, const kecs_kube_reply_t *reply)
{
    kecs_str_t             m;
    kecs_kube_status_t     status;
    kecs_kube_services_t  *t = o->of->table;
    side_t                *s = &t->sides[o->kind];

    if (s->complained) {
        return;
    }

    s->complained = true;
    kecs_arena_reset(t->scratch);
    kecs_kube_status(t->scratch, reply->body, &status);
    m = reply->status != 0 ? status.message : kecs_str_of(reply->error);

    kecs_log(KECS_LOG_WARN, "kubernetes: %s of %s %s: HTTP %ld: %.*s", method,
             kinds[o->kind].kind, o->of->name, reply->status, kecs_fmt(m));
}


static void
failed(object_t *o, const char *method, const kecs_kube_reply_t *reply)
{
    kecs_msec_t  msec;

    complain(o, method, reply);
    msec = kecs_kube_backoff(o->of->table->k, o->failures);
    o->failures += o->failures < 16;

    if ((reply->status == 403 || reply->status == 422) && msec < FORBIDDEN) {
        msec = FORBIDDEN;
    }

    pause_for(o, msec > reply->pause ? msec : reply->pause);
}


/* True when it is gone again already, which the watch has told before. */

static bool
answered(object_t *o)
{
    bool  vanished;

    vanished = o->vanished;
    o->vanished = false;
    o->call = NULL;
    o->of->table->flying--;

    if (vanished) {
        wake(o);
    }

    return vanished;
}


/* POST, PATCH. */

static void
on_written(void *ctx, const kecs_kube_reply_t *reply)
{
    object_t              *o = ctx;
    const kecs_json_t     *object;
    kecs_kube_services_t  *t = o->of->table;

    if (answered(o)) {
        return;
    }

    kecs_arena_reset(t->scratch);

    if (reply->status == 404 && o->uid[0] != '\0') {
        no_more(o);
        wake(o);
        return;
    }

    if (reply->status < 200 || reply->status >= 300
        || kecs_kube_parse(t->scratch, reply->body, &object) != KECS_OK)
    {
        failed(o, o->uid[0] != '\0' ? "PATCH" : "POST", reply);
        return;
    }

    o->failures = 0;
    t->sides[o->kind].complained = false;
    look(o, object, true);
    wake(o);
}


static void
on_deleted(void *ctx, const kecs_kube_reply_t *reply)
{
    object_t  *o = ctx;

    if (answered(o)) {
        return;
    }

    if (reply->status == 404) {
        no_more(o);
        wake(o);

    } else if (reply->status >= 200 && reply->status < 300) {
        o->failures = 0;
        o->deleting = true;

    } else {
        failed(o, "DELETE", reply);
    }
}


/* Without memory it is tried again with the next pause. */

static void
ask(object_t *o, const char *method, kecs_str_t path, const char *type,
    kecs_str_t body, kecs_kube_done_pt done)
{
    kecs_kube_request_t    r;
    kecs_kube_services_t  *t = o->of->table;

    memset(&r, 0, sizeof(kecs_kube_request_t));
    r.method = method;
    r.path = path;
    r.type = type;
    r.body = body;
    r.done = done;
    r.ctx = o;

    if (path.data == NULL || body.data == NULL
        || kecs_kube_send(t->k, &r, &o->call) != KECS_OK)
    {
        o->call = NULL;
        pause_for(o, FORBIDDEN);
        return;
    }

    t->flying++;
}


/* All of its kind in its namespace. */

static kecs_str_t
collection(const object_t *o)
{
    const kind_t  *k = &kinds[o->kind];

    return kecs_sprintf(o->of->table->scratch, "%s/namespaces/%s/%s",
                        k->group, o->of->space, k->plural);
}


static kecs_str_t
path_of(const object_t *o)
{
    kecs_str_t  all;

    all = collection(o);

    return all.data != NULL
           ? kecs_sprintf(o->of->table->scratch, "%.*s/%s?fieldManager=kecs",
                          kecs_fmt(all), o->of->name)
           : all;
}


/* The object; a patch when it is there. */

static kecs_str_t
body_of(const object_t *o)
{
    bool           patch;
    kecs_buf_t     buf;
    kecs_writer_t  w;

    patch = o->uid[0] != '\0';
    kecs_buf_init(&buf, o->of->table->scratch, 0);
    w = kecs_writer(&buf);

    kecs_w_object(&w, NULL);
    kecs_w_cstr(&w, "apiVersion", kinds[o->kind].version);
    kecs_w_cstr(&w, "kind", kinds[o->kind].kind);
    kecs_w_object(&w, "metadata");
    kecs_w_splice(&w, kecs_str_of(patch ? o->patch : o->metadata));
    kecs_w_cstr(&w, "name", o->of->name);

    if (patch) {
        kecs_w_cstr(&w, "uid", o->uid);
    }

    kecs_w_object_end(&w);
    kecs_w_object(&w, "spec");

    if (patch) {
        kecs_w_cstr(&w, "$patch", "replace");
    }

    kecs_w_splice(&w, kecs_str_of(o->spec));
    kecs_w_object_end(&w);
    kecs_w_object_end(&w);

    return buf.failed ? kecs_null_str : kecs_buf_view(&buf);
}


static void
write_it(object_t *o)
{
    kecs_str_t             body, all;
    kecs_kube_services_t  *t = o->of->table;

    kecs_arena_reset(t->scratch);
    body = body_of(o);
    o->sent = o->wanted;

    if (o->uid[0] != '\0') {
        ask(o, "PATCH", path_of(o), "application/strategic-merge-patch+json",
            body, on_written);
        return;
    }

    all = collection(o);
    ask(o, "POST", kecs_sprintf(t->scratch, "%.*s?fieldManager=kecs",
                                kecs_fmt(all)),
        "application/json", all.data != NULL ? body : all, on_written);
}


static void
delete_it(object_t *o)
{
    kecs_str_t             body, all;
    kecs_kube_services_t  *t = o->of->table;

    kecs_arena_reset(t->scratch);
    body = kecs_sprintf(t->scratch, "{\"kind\":\"DeleteOptions\","
                        "\"apiVersion\":\"v1\","
                        "\"preconditions\":{\"uid\":\"%s\"}}", o->uid);

    all = collection(o);
    ask(o, "DELETE", kecs_sprintf(t->scratch, "%.*s/%s", kecs_fmt(all),
                                  o->of->name),
        "application/json", all.data != NULL ? body : all, on_deleted);
}


/* A cluster address can be had or given back only by a new Service. */

static bool
is_other_kind(const object_t *o)
{
    bool  headless;

    headless = strstr(o->spec, "\"clusterIP\":\"None\"") != NULL;

    return o->kind == SERVICE && o->headless != headless;
}


/* There are, or may be, pods that it leads to. */

static bool
is_in_use(const object_t *o)
{
    const kecs_kube_services_t  *t = o->of->table;

    return t->serves == NULL || o->selects == NULL
           || t->serves(t->serves_ctx, kecs_str_of(o->of->space),
                        kecs_str_of(o->selects));
}


/* What nobody wants goes, but for a Service that moves with its tasks. */

static bool
is_left_over(const object_t *o)
{
    const entry_t  *e = o->of;

    return (e->ended || e->table->complete)
           && (o->kind == BUDGET || e->table->gathering
               || !is_wanted_elsewhere(e) || !is_in_use(o));
}


/* A younger service of the same name takes over what the older one had. */

static kecs_rc_t
own(entry_t *e, const entry_key_t *key)
{
    kecs_rc_t              rc;
    kecs_kube_services_t  *t = e->table;

    if (e->wanted) {
        if (memcmp(&e->key, key, sizeof(*key)) == 0) {
            return KECS_OK;
        }

        kecs_hashtab_remove(&t->keys, &e->by_key);
    }

    e->key = *key;
    rc = kecs_hashtab_add(&t->keys, &e->by_key,
                          kecs_hashtab_hash(key, sizeof(*key)));
    e->wanted = rc == KECS_OK;

    return rc;
}


/* All that is wanted of one is wanted of the other; `from` goes. */

static void
hand_over(entry_t *from, entry_t *to)
{
    unsigned  i;
    object_t  *a, *b;

    for (i = 0; i < KINDS; i++) {
        a = &from->objects[i];
        b = &to->objects[i];
        free(b->spec);
        free(b->metadata);
        free(b->patch);
        b->spec = a->spec;
        b->metadata = a->metadata;
        b->patch = a->patch;
        b->wanted = a->wanted;
        b->right = false;
        b->accepted = 0;
        a->spec = NULL;
        a->metadata = NULL;
        a->patch = NULL;
    }

    free(to->place);
    to->place = from->place;
    from->place = NULL;
}


/*
 * An entry without a namespace gets one once that is there; if there are
 * objects of its name already it becomes one with theirs, and is no more.
 */

static void
settle(object_t *o)
{
    entry_t               *e = o->of, *there;
    kecs_str_t             space;
    const char            *why;
    kecs_kube_services_t  *t = e->table;

    if (!e->wanted) {
        discard_if_idle(e);
        return;
    }

    if (kecs_kube_spaces_of(t->spaces, kecs_str_of(e->place), &space, &why)
        != KECS_OK)
    {
        pause_for(o, SCAN);
        return;
    }

    there = find(t, space, kecs_str_of(e->name));

    if (there != NULL && own(there, &e->key) == KECS_OK) {
        e->wanted = false;
        hand_over(e, there);
        discard(e);
        wake_both(there);
        return;
    }

    e->space = there == NULL ? strndup(space.data, space.len) : NULL;
    wake(o);
}


static void
act(object_t *o)
{
    bool                   there;
    entry_t               *e = o->of;
    kecs_kube_services_t  *t = e->table;

    if (t->sides[o->kind].watch == NULL
        || !kecs_watch_synced(t->sides[o->kind].watch)
        || o->call != NULL || o->deleting)
    {
        return;
    }

    if (e->space == NULL) {
        settle(o);
        return;
    }

    there = o->uid[0] != '\0';

    if (!is_wanted(o)) {
        if (there && is_left_over(o)) {
            delete_it(o);

        } else if (there && t->complete) {
            pause_for(o, LEFT);

        } else if (!there) {
            discard_if_idle(e);
        }

        return;
    }

    if (there && !o->right && is_other_kind(o)) {
        delete_it(o);

    } else if (!there || !o->right) {
        write_it(o);
    }
}


void
kecs_kube_services_run(kecs_kube_services_t *t)
{
    unsigned   i;
    object_t  *o;

    for (i = 0; i < KINDS; i++) {
        if (t->sides[i].watch != NULL) {
            kecs_watch_run(t->sides[i].watch);
        }
    }

    wake_due(t);

    while (t->flying < FLYING) {
        o = TAILQ_FIRST(&t->waiting);

        if (o == NULL) {
            return;
        }

        unqueue(o);
        act(o);
    }
}


void
kecs_kube_services_ask(kecs_kube_services_t *t, kecs_serves_pt serves,
    void *ctx)
{
    t->serves = serves;
    t->serves_ctx = ctx;
}


/* What is wanted. */


static bool
set(char **to, kecs_str_t s)
{
    char  *copy;

    copy = strndup(s.data, s.len);

    if (copy == NULL) {
        return false;
    }

    free(*to);
    *to = copy;

    return true;
}


static kecs_rc_t
want(object_t *o, const kecs_service_object_t *so)
{
    uint64_t  h;

    h = kecs_hashtab_hash(so->patch.data, so->patch.len) * 31
        + kecs_hashtab_hash(so->spec.data, so->spec.len);

    if (o->spec != NULL && o->wanted == h) {
        return KECS_OK;
    }

    if (!set(&o->metadata, so->metadata) || !set(&o->patch, so->patch)
        || !set(&o->spec, so->spec))
    {
        return KECS_NOMEM;
    }

    o->wanted = h;
    o->right = false;
    o->accepted = 0;
    unqueue(o);
    wake(o);

    return KECS_OK;
}


static void
unwant(entry_t *e)
{
    kecs_hashtab_remove(&e->table->keys, &e->by_key);
    e->wanted = false;
    wake_both(e);
}


/* What it has; another one when its cluster has another namespace now. */

static entry_t *
entry_for(kecs_kube_services_t *t, const entry_key_t *key, kecs_str_t place,
    kecs_str_t name)
{
    entry_t     *e;
    kecs_str_t   space;
    const char  *why;

    if (kecs_kube_spaces_of(t->spaces, place, &space, &why) != KECS_OK) {
        space = kecs_null_str;
    }

    e = find_key(t, key);

    if (e != NULL && (space.data == NULL || e->space == NULL
                      || kecs_str_is(space, e->space)))
    {
        return e;
    }

    if (e != NULL) {
        unwant(e);
    }

    e = find_or_add(t, space, name);

    if (e != NULL && e->place == NULL) {
        e->place = strndup(place.data, place.len);
    }

    return e != NULL && e->place != NULL ? e : NULL;
}


/* An entry that is wanted has all its texts.  `budget`: NULL for none. */

static kecs_rc_t
expose(kecs_kube_services_t *t, const entry_key_t *key, kecs_str_t place,
    kecs_str_t name, const kecs_service_object_t *service,
    const kecs_service_object_t *budget)
{
    bool       fresh;
    entry_t   *e;
    kecs_rc_t  rc;

    e = entry_for(t, key, place, name);

    if (e == NULL) {
        return KECS_NOMEM;
    }

    fresh = !e->wanted;
    rc = want(&e->objects[SERVICE], service);

    if (rc == KECS_OK && budget != NULL) {
        rc = want(&e->objects[BUDGET], budget);
    }

    if (rc == KECS_OK) {
        rc = own(e, key);
    }

    if (rc == KECS_OK && fresh) {
        wake(&e->objects[SERVICE]);
        wake(&e->objects[BUDGET]);
    }

    return rc;
}


/* In other namespaces there may be what it had there before. */

static void
end_others(entry_t *e)
{
    entry_t      *other;
    kecs_node_t  *n;

    for (n = kecs_hashtab_find(&e->table->names, e->by_name.hash);
         n != NULL;
         n = kecs_hashtab_same(n))
    {
        other = (entry_t *) n;

        if (!other->wanted && strcmp(other->name, e->name) == 0) {
            other->ended = true;
            wake_both(other);
        }
    }
}


static void
unexpose(kecs_kube_services_t *t, const entry_key_t *key)
{
    entry_t  *e;

    e = find_key(t, key);

    if (e != NULL) {
        unwant(e);
        end_others(e);
    }
}


static kecs_rc_t
expose_all(kecs_kube_services_t *t, const kecs_service_key_t *key,
    kecs_str_t place, const kecs_service_objects_t *so)
{
    kecs_rc_t    rc;
    entry_key_t  k = { *key, 0 };

    rc = expose(t, &k, place, so->name, &so->service, &so->budget);
    k.test = 1;

    if (rc == KECS_OK && so->test.spec.data != NULL) {
        rc = expose(t, &k, place, so->test_name, &so->test, NULL);

    } else if (rc == KECS_OK) {
        unexpose(t, &k);
    }

    return rc;
}


kecs_rc_t
kecs_kube_services_expose(kecs_kube_services_t *t,
    const kecs_service_key_t *key, const kecs_service_facts_t *f)
{
    kecs_rc_t                rc;
    kecs_str_t               place;
    kecs_arena_t            *a;
    kecs_service_facts_t     facts = *f;
    kecs_service_objects_t   so;

    a = kecs_arena_create(0);

    if (a == NULL) {
        return KECS_NOMEM;
    }

    facts.place.uuid = t->uuid;
    rc = kecs_service_convert(a, &facts, &so);

    place = kecs_sprintf(a, "%.*s/%.*s/%.*s", kecs_fmt(f->place.account),
                         kecs_fmt(f->place.region),
                         kecs_fmt(f->place.cluster));

    if (rc == KECS_OK) {
        rc = place.data != NULL ? expose_all(t, key, place, &so)
                                : KECS_NOMEM;
    }

    kecs_arena_destroy(a);

    return rc;
}


void
kecs_kube_services_unexpose(kecs_kube_services_t *t,
    const kecs_service_key_t *key)
{
    entry_key_t  k = { *key, 0 };

    unexpose(t, &k);
    k.test = 1;
    unexpose(t, &k);
}


void
kecs_kube_services_exposed(kecs_kube_services_t *t)
{
    unsigned   i;
    entry_t   *e;

    if (t->complete) {
        return;
    }

    t->complete = true;

    LIST_FOREACH(e, &t->all, link) {
        for (i = 0; !e->wanted && i < KINDS; i++) {
            wake(&e->objects[i]);
        }
    }
}


static bool
is_synced(const kecs_kube_services_t *t)
{
    unsigned  i;

    for (i = 0; i < KINDS; i++) {
        if (t->sides[i].watch == NULL
            || !kecs_watch_synced(t->sides[i].watch))
        {
            return false;
        }
    }

    return true;
}


bool
kecs_kube_services_gather(kecs_kube_services_t *t)
{
    bool      away;
    entry_t  *e;

    away = !t->complete || !is_synced(t);
    t->gathering = true;

    LIST_FOREACH(e, &t->all, link) {
        if (e->space != NULL && !kecs_str_is(t->home, e->space)) {
            away = true;
            wake_both(e);
        }
    }

    return !away;
}


/* Beginning and end. */


static kecs_str_t
watched(kecs_kube_services_t *t, const kind_t *k, bool spread)
{
    return spread ? kecs_sprintf(t->scratch, "%s/%s", k->group, k->plural)
                  : kecs_sprintf(t->scratch, "%s/namespaces/%.*s/%s",
                                 k->group, kecs_fmt(t->home), k->plural);
}


kecs_rc_t
kecs_kube_services_engage(kecs_kube_services_t *t, bool spread)
{
    unsigned           i;
    kecs_rc_t          rc;
    kecs_watch_sink_t  sink = { on_begin, on_object, on_synced, on_lost,
                                NULL };

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < KINDS; i++) {
        kecs_arena_reset(t->scratch);
        t->watching.path = watched(t, &kinds[i], spread);
        sink.ctx = &t->sides[i];
        rc = t->watching.path.data == NULL ? KECS_NOMEM
             : kecs_watch_open(t->k, &t->watching, &sink,
                               &t->sides[i].watch);
    }

    return rc;
}


/* What was seen may be otherwise when we are back. */

void
kecs_kube_services_disengage(kecs_kube_services_t *t)
{
    unsigned   i;
    entry_t   *e, *next;

    for (i = 0; i < KINDS; i++) {
        kecs_watch_close(t->sides[i].watch);
        t->sides[i].watch = NULL;
    }

    t->gathering = false;

    for (e = LIST_FIRST(&t->all); e != NULL; e = next) {
        next = LIST_NEXT(e, link);

        for (i = 0; i < KINDS; i++) {
            cancel(&e->objects[i]);
            unqueue(&e->objects[i]);
            no_more(&e->objects[i]);
        }

        discard_if_idle(e);
    }
}


static kecs_rc_t
setup(kecs_kube_services_t *t)
{
    unsigned  i;

    t->scratch = kecs_arena_create(0);

    for (i = 0; i < KINDS; i++) {
        t->sides[i].table = t;
        t->sides[i].kind = i;
    }

    return t->scratch != NULL ? KECS_OK : KECS_NOMEM;
}


kecs_rc_t
kecs_kube_services_open(kecs_kube_t *k, kecs_str_t namespace,
    kecs_str_t uuid, kecs_kube_spaces_t *spaces,
    const kecs_watch_conf_t *tuning, kecs_kube_services_t **out)
{
    kecs_kube_services_t  *t;

    t = calloc(1, sizeof(kecs_kube_services_t));

    if (t == NULL) {
        return KECS_NOMEM;
    }

    t->k = k;
    t->uuid = uuid;
    t->home = namespace;
    t->spaces = spaces;
    t->watching = *tuning;
    LIST_INIT(&t->all);
    TAILQ_INIT(&t->waiting);
    TAILQ_INIT(&t->paused);

    if (setup(t) != KECS_OK) {
        kecs_kube_services_close(t);
        return KECS_NOMEM;
    }

    *out = t;

    return KECS_OK;
}


void
kecs_kube_services_close(kecs_kube_services_t *t)
{
    if (t == NULL) {
        return;
    }

    kecs_kube_services_disengage(t);

    while (!LIST_EMPTY(&t->all)) {
        discard(LIST_FIRST(&t->all));
    }

    kecs_hashtab_free(&t->names);
    kecs_hashtab_free(&t->keys);
    kecs_arena_destroy(t->scratch);
    free(t);
}
