/*
 * One request after the other.  Objects are listed page by page; each page
 * is dealt with before the next one is asked for.  Whatever fails ends it;
 * it can be done again.  Without a right to Services and budgets there are
 * none of ours.
 *
 * Where the Lease says that objects are in other namespaces as well, all of
 * the cluster are looked through, by the label of the store.
 *
 * What is removed has to be ours alone: with a live holder of the Lease
 * elsewhere nothing is.  The Lease goes when no pod is left, and only as it
 * was seen.
 */

#include <stdarg.h>
#include <stdio.h>

#include "../convert/service_objects.h"
#include "../kube/ask.h"
#include "../kube/object.h"
#include "kube_lease.h"
#include "release.h"


#define PAGE  200

typedef struct {
    const char  *group;             /* of the path */
    const char  *plural;
} kind_t;

static const kind_t  pods = { "/api/v1", "pods" };
static const kind_t  services = { "/api/v1", "services" };
static const kind_t  budgets = { "/apis/policy/v1", "poddisruptionbudgets" };

typedef struct release_s  release_t;

struct release_s {
    kecs_kube_t    *k;
    kecs_arena_t   *a;              /* of one page */
    kecs_str_t      home;           /* namespace, escaped */
    bool            spread;         /* they are in others, too */
    kecs_str_t      lease;          /* path */
    const kind_t   *kind;           /* the one that is dealt with */
    kecs_rc_t     (*each)(release_t *r, const kecs_json_t *object);
    const char     *uuid;
    bool            remove;
    unsigned        n;
    long            status;
    kecs_str_t      body;           /* in `a` */
};

static _Thread_local char  error_line[512];


static kecs_rc_t fail(kecs_rc_t rc, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


static kecs_rc_t
fail(kecs_rc_t rc, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(error_line, sizeof(error_line), fmt, args);
    va_end(args);

    return rc;
}


/* Asks and waits.  Fine are 2xx and `also`. */

static kecs_rc_t
ask(release_t *r, const char *method, kecs_str_t path, const char *type,
    kecs_str_t body, long also)
{
    kecs_kube_status_t   status;
    kecs_kube_answer_t   answer;
    kecs_kube_request_t  q;

    memset(&q, 0, sizeof(kecs_kube_request_t));
    q.method = method;
    q.path = path;
    q.type = type;
    q.body = body;

    if (kecs_kube_ask(r->k, r->a, &q, &answer) != KECS_OK) {
        return fail(KECS_NOMEM, "out of memory");
    }

    r->status = answer.status;
    r->body = answer.body;

    if ((r->status >= 200 && r->status < 300) || r->status == also) {
        return KECS_OK;
    }

    if (r->status == 0) {
        return fail(KECS_ERROR, "%.*s", kecs_fmt(r->body));
    }

    kecs_kube_status(r->a, r->body, &status);

    return fail(KECS_ERROR, "HTTP %ld: %.*s", r->status,
                kecs_fmt(status.message));
}


static kecs_str_t
path_of(release_t *r, const kecs_json_t *meta)
{
    kecs_str_t  name, space;

    name = kecs_kube_escape(r->a, kecs_json_str(kecs_json_get(meta,
                                                              "name")));
    space = kecs_kube_escape(r->a, kecs_json_str(kecs_json_get(
                                                 meta, "namespace")));
    space = space.len != 0 ? space : r->home;

    return name.data == NULL || space.data == NULL ? kecs_null_str
           : kecs_sprintf(r->a, "%s/namespaces/%.*s/%s/%.*s", r->kind->group,
                          kecs_fmt(space), r->kind->plural, kecs_fmt(name));
}


static kecs_rc_t
delete(release_t *r, const kecs_json_t *meta)
{
    kecs_str_t  body;

    body = kecs_sprintf(r->a, "{\"kind\":\"DeleteOptions\","
                        "\"apiVersion\":\"v1\",\"preconditions\":{"
                        "\"uid\":\"%.*s\"}}",
                        kecs_fmt(kecs_json_str(kecs_json_get(meta, "uid"))));

    return ask(r, "DELETE", path_of(r, meta), "application/json", body, 404);
}


static kecs_rc_t
let_go(release_t *r, const kecs_json_t *pod)
{
    kecs_rc_t           rc;
    kecs_str_t          body;
    const kecs_json_t  *meta;

    r->n++;
    meta = kecs_json_get(pod, "metadata");
    rc = r->remove ? delete(r, meta) : KECS_OK;

    if (rc != KECS_OK) {
        return rc;
    }

    body = kecs_sprintf(r->a, "{\"metadata\":{\"uid\":\"%.*s\","
                        "\"$deleteFromPrimitiveList/finalizers\":[\""
                        KECS_POD_FINALIZER "\"]}}",
                        kecs_fmt(kecs_json_str(kecs_json_get(meta, "uid"))));

    return ask(r, "PATCH", path_of(r, meta),
               "application/strategic-merge-patch+json", body, 404);
}


/* A Service or a budget, unless somebody copied it. */

static kecs_rc_t
remove_made(release_t *r, const kecs_json_t *object)
{
    return kecs_object_is_made(r->a, kecs_str_of(r->uuid), object)
           ? delete(r, kecs_json_get(object, "metadata")) : KECS_OK;
}


static kecs_rc_t
items(release_t *r, kecs_str_t list)
{
    kecs_rc_t           rc;
    kecs_str_t          item;
    const kecs_json_t  *object;

    while ((rc = kecs_kube_item(&list, &item)) == KECS_OK) {

        rc = kecs_kube_parse(r->a, item, &object);
        if (rc != KECS_OK) {
            break;
        }

        if (!kecs_str_is(kecs_json_str(kecs_json_at(object, "metadata",
                                                    "labels", KECS_POD_STORE,
                                                    NULL)), r->uuid))
        {
            continue;
        }

        rc = r->each(r, object);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    return rc == KECS_DONE ? KECS_OK
                           : fail(rc, "the list of %s is malformed",
                                  r->kind->plural);
}


/* One page; *next is the token of the next one, NULL at the end. */

static kecs_rc_t
page(release_t *r, kecs_arena_t *keep, kecs_str_t *next)
{
    kecs_rc_t           rc;
    kecs_str_t          path;
    kecs_kube_list_t    l;
    const kecs_json_t  *meta;

    path = kecs_sprintf(r->a, "%s%s%.*s/%s?limit=%d&labelSelector=%s%%3D%s"
                        "%s%.*s", r->kind->group,
                        r->spread ? "" : "/namespaces/",
                        r->spread ? 0 : (int) r->home.len, r->home.data,
                        r->kind->plural, PAGE, "kecs%2Fstore", r->uuid,
                        next->data ? "&continue=" : "", kecs_fmt(*next));

    rc = ask(r, "GET", path, NULL, kecs_null_str, 0);
    if (rc != KECS_OK) {
        return rc;
    }

    if (kecs_kube_list(r->body, &l) != KECS_OK
        || kecs_kube_parse(r->a, l.metadata, &meta) != KECS_OK)
    {
        return fail(KECS_ERROR, "the list of %s is malformed",
                    r->kind->plural);
    }

    *next = kecs_json_str(kecs_json_get(meta, "continue"));
    *next = next->len > 0 ? kecs_kube_escape(keep, *next) : kecs_null_str;

    return items(r, l.items);
}


static kecs_rc_t
pages(release_t *r, kecs_arena_t *keep, const kind_t *kind,
    kecs_rc_t (*each)(release_t *, const kecs_json_t *))
{
    kecs_rc_t   rc;
    kecs_str_t  next;

    next = kecs_null_str;
    r->kind = kind;
    r->each = each;

    do {
        kecs_arena_reset(r->a);
        rc = page(r, keep, &next);
    } while (rc == KECS_OK && next.data != NULL);

    return rc;
}


/* Deletes the Lease when no pod is left; without a right to it: nothing. */

static kecs_rc_t
drop_lease(release_t *r, const kecs_json_t *meta)
{
    kecs_str_t  body;

    body = kecs_sprintf(r->a, "{\"kind\":\"DeleteOptions\","
                        "\"apiVersion\":\"v1\",\"preconditions\":{"
                        "\"uid\":\"%.*s\",\"resourceVersion\":\"%.*s\"}}",
                        kecs_fmt(kecs_json_str(kecs_json_get(meta, "uid"))),
                        kecs_fmt(kecs_json_str(kecs_json_get(
                                               meta, "resourceVersion"))));

    if (ask(r, "DELETE", r->lease, "application/json", body, 404)
        == KECS_OK || r->status == 403 || r->status == 409)
    {
        return KECS_OK;
    }

    return KECS_ERROR;
}


/* *meta: that of the Lease, NULL when there is none for us to see. */

static kecs_rc_t
look_at_lease(release_t *r, const kecs_json_t **meta)
{
    kecs_rc_t           rc;
    kecs_str_t          holder;
    const kecs_json_t  *lease;

    *meta = NULL;
    kecs_arena_reset(r->a);

    rc = ask(r, "GET", r->lease, NULL, kecs_null_str, 404);

    if (r->status == 404 || r->status == 403) {
        return KECS_OK;
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (kecs_kube_parse(r->a, r->body, &lease) != KECS_OK) {
        return fail(KECS_ERROR, "the lease is malformed");
    }

    holder = kecs_json_str(kecs_json_at(lease, "spec", "holderIdentity",
                                        NULL));
    *meta = kecs_json_get(lease, "metadata");
    r->spread = kecs_json_at(*meta, "annotations", KECS_LEASE_SPREAD, NULL)
                != NULL;

    return kecs_lease_is_free(holder) || !r->remove
           ? KECS_OK
           : fail(KECS_ERROR, "the lease kecs-%s is held by %.*s", r->uuid,
                  kecs_fmt(holder));
}


static kecs_rc_t
remove_all(release_t *r, kecs_arena_t *keep, const kind_t *kind)
{
    kecs_rc_t  rc;

    rc = pages(r, keep, kind, remove_made);

    return rc == KECS_ERROR && (r->status == 403 || r->status == 404)
           ? KECS_OK : rc;
}


/*
 * A budget keeps pods that nobody will replace from being evicted, so it
 * goes in any case.
 */

static kecs_rc_t
let_all_go(release_t *r, kecs_arena_t *keep)
{
    kecs_rc_t           rc;
    const kecs_json_t  *meta;

    rc = look_at_lease(r, &meta);

    if (rc == KECS_OK) {
        rc = pages(r, keep, &pods, let_go);
    }

    if (rc == KECS_OK) {
        rc = remove_all(r, keep, &budgets);
    }

    if (!r->remove) {
        return rc;
    }

    if (rc == KECS_OK) {
        rc = remove_all(r, keep, &services);
    }

    if (rc != KECS_OK || r->n > 0) {
        return rc;
    }

    rc = look_at_lease(r, &meta);

    return rc == KECS_OK && meta != NULL ? drop_lease(r, meta) : rc;
}


kecs_rc_t
kecs_kube_release(const kecs_kubeconfig_t *config, const char *namespace,
    const char *uuid, bool remove, unsigned *n, const char **why)
{
    kecs_rc_t      rc;
    release_t      r;
    kecs_str_t     ns;
    kecs_arena_t  *keep;

    memset(&r, 0, sizeof(release_t));
    *why = error_line;

    keep = kecs_arena_create(0);
    r.a = kecs_arena_create(64 * 1024);
    r.uuid = uuid;
    r.remove = remove;

    rc = keep && r.a ? kecs_kube_open(config, NULL, &r.k) : KECS_NOMEM;

    if (rc == KECS_OK) {
        ns = kecs_kube_escape(keep, namespace ? kecs_str_of(namespace)
                                              : config->namespace);
        r.home = ns;
        r.lease = kecs_lease_path(keep, ns, kecs_str_of(uuid));
        rc = r.lease.data && ns.data
             ? let_all_go(&r, keep)
             : fail(KECS_NOMEM, "out of memory");
        kecs_kube_close(r.k);

    } else {
        (void) fail(rc, "%s", kecs_rc_name(rc));
    }

    *n = r.n;

    kecs_arena_destroy(r.a);
    kecs_arena_destroy(keep);

    return rc;
}
