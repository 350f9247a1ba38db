/*
 * One request after the other.  Objects are listed page by page; each page
 * is dealt with before the next one is asked for.  Whatever fails ends it;
 * it can be done again.  Without a right to Services and budgets there are
 * none of ours.
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

typedef struct release_s  release_t;

struct release_s {
    kecs_kube_t    *k;
    kecs_arena_t   *a;              /* of one page */
    kecs_str_t      pods;           /* paths */
    kecs_str_t      services;
    kecs_str_t      budgets;
    kecs_str_t      lease;
    kecs_str_t      path;           /* the one that is dealt with */
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
    kecs_str_t  name;

    name = kecs_kube_escape(r->a, kecs_json_str(kecs_json_get(meta,
                                                              "name")));

    return name.data ? kecs_sprintf(r->a, "%.*s/%.*s", kecs_fmt(r->path),
                                    kecs_fmt(name)) : name;
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
                           : fail(rc, "the list of %.*s is malformed",
                                  kecs_fmt(r->path));
}


/* One page; *next is the token of the next one, NULL at the end. */

static kecs_rc_t
page(release_t *r, kecs_arena_t *keep, kecs_str_t *next)
{
    kecs_rc_t           rc;
    kecs_str_t          path;
    kecs_kube_list_t    l;
    const kecs_json_t  *meta;

    path = kecs_sprintf(r->a, "%.*s?limit=%d&labelSelector=%s%%3D%s%s%.*s",
                        kecs_fmt(r->path), PAGE, "kecs%2Fstore", r->uuid,
                        next->data ? "&continue=" : "", kecs_fmt(*next));

    rc = ask(r, "GET", path, NULL, kecs_null_str, 0);
    if (rc != KECS_OK) {
        return rc;
    }

    if (kecs_kube_list(r->body, &l) != KECS_OK
        || kecs_kube_parse(r->a, l.metadata, &meta) != KECS_OK)
    {
        return fail(KECS_ERROR, "the list of %.*s is malformed",
                    kecs_fmt(r->path));
    }

    *next = kecs_json_str(kecs_json_get(meta, "continue"));
    *next = next->len > 0 ? kecs_kube_escape(keep, *next) : kecs_null_str;

    return items(r, l.items);
}


static kecs_rc_t
pages(release_t *r, kecs_arena_t *keep, kecs_str_t path,
    kecs_rc_t (*each)(release_t *, const kecs_json_t *))
{
    kecs_rc_t   rc;
    kecs_str_t  next;

    next = kecs_null_str;
    r->path = path;
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

    return kecs_lease_is_free(holder)
           ? KECS_OK
           : fail(KECS_ERROR, "the lease kecs-%s is held by %.*s", r->uuid,
                  kecs_fmt(holder));
}


static kecs_rc_t
remove_all(release_t *r, kecs_arena_t *keep, kecs_str_t path)
{
    kecs_rc_t  rc;

    rc = pages(r, keep, path, remove_made);

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

    rc = r->remove ? look_at_lease(r, &meta) : KECS_OK;

    if (rc == KECS_OK) {
        rc = pages(r, keep, r->pods, let_go);
    }

    if (rc == KECS_OK) {
        rc = remove_all(r, keep, r->budgets);
    }

    if (!r->remove) {
        return rc;
    }

    if (rc == KECS_OK) {
        rc = remove_all(r, keep, r->services);
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
        r.pods = kecs_sprintf(keep, "/api/v1/namespaces/%.*s/pods",
                              kecs_fmt(ns));
        r.services = kecs_sprintf(keep, "/api/v1/namespaces/%.*s/services",
                                  kecs_fmt(ns));
        r.budgets = kecs_sprintf(keep, "/apis/policy/v1/namespaces/%.*s/"
                                 "poddisruptionbudgets", kecs_fmt(ns));
        r.lease = kecs_lease_path(keep, ns, kecs_str_of(uuid));
        rc = r.pods.data && r.services.data && r.budgets.data
             && r.lease.data && ns.data
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
