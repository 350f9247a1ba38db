/*
 * Two tables, of nodes by name and of pods by uid.  A pod may be known from
 * two watches, that of all pods and that of our own; it goes when both have
 * let go of it.  Pods that have ended, and those that no node has yet, are
 * not even listed.  Sums are whole numbers, so that they come back to 0.
 *
 * Changes are told once a second at most, however busy the cluster is.
 */

#include <stdlib.h>

#include "../base/hashtab.h"
#include "../base/log.h"
#include "../convert/pod.h"
#include "../convert/pod_request.h"
#include "kube_load.h"


#define EVERY     1000              /* ms between tellings */
#define UID_LEN   16
#define MIB       (1024 * 1024)

enum { OWN = 0, ALL, SOURCES };

typedef struct {
    int64_t  cpu;                   /* thousandths of a core */
    int64_t  memory;                /* bytes */
    int64_t  gpus;
} sum_t;

typedef struct host_s {
    kecs_node_t      node;          /* first */
    struct host_s   *next;          /* of those that have changed */
    sum_t            sum;
    size_t           pods;
    bool             changed;
    size_t           len;
    char             name[];
} host_t;

typedef struct {
    kecs_node_t  node;              /* first */
    host_t      *host;
    sum_t        takes;
    uint8_t      uid[UID_LEN];
    uint32_t     round[SOURCES];    /* of the list it was in; 0: not known */
} pod_t;

struct kecs_kube_load_s {
    kecs_kube_t           *k;
    kecs_watch_t          *watch;
    kecs_watch_conf_t      watching;
    kecs_kube_load_sink_t  sink;
    kecs_str_t             uuid;
    kecs_hashtab_t         hosts;
    kecs_hashtab_t         pods;
    host_t                *changed;
    uint32_t               round[SOURCES];
    kecs_msec_t            told;
    bool                   ready;
    bool                   denied;
};


/* Nodes. */


static host_t *
find_host(const kecs_kube_load_t *l, kecs_str_t name)
{
    host_t       *h;
    kecs_node_t  *n;

    n = kecs_hashtab_find(&l->hosts, kecs_hashtab_hash(name.data, name.len));

    for ( /* void */ ; n != NULL; n = kecs_hashtab_same(n)) {
        h = (host_t *) n;

        if (kecs_str_eq(kecs_str_n(h->name, h->len), name)) {
            return h;
        }
    }

    return NULL;
}


static host_t *
host_of(kecs_kube_load_t *l, kecs_str_t name)
{
    host_t  *h;

    h = find_host(l, name);

    if (h != NULL) {
        return h;
    }

    h = calloc(1, sizeof(host_t) + name.len);

    if (h == NULL) {
        return NULL;
    }

    memcpy(h->name, name.data, name.len);
    h->len = name.len;

    if (kecs_hashtab_add(&l->hosts, &h->node,
                         kecs_hashtab_hash(name.data, name.len)) != KECS_OK)
    {
        free(h);
        return NULL;
    }

    return h;
}


static void
add(kecs_kube_load_t *l, host_t *h, const sum_t *s, int sign)
{
    h->sum.cpu += sign * s->cpu;
    h->sum.memory += sign * s->memory;
    h->sum.gpus += sign * s->gpus;

    if (!h->changed) {
        h->changed = true;
        h->next = l->changed;
        l->changed = h;
    }
}


/* Those without pods go once that has been told. */

static void
tell_changed(kecs_kube_load_t *l)
{
    host_t  *h;

    while ((h = l->changed) != NULL) {
        l->changed = h->next;
        h->changed = false;
        l->sink.changed(l->sink.ctx, kecs_str_n(h->name, h->len));

        if (h->pods == 0) {
            kecs_hashtab_remove(&l->hosts, &h->node);
            free(h);
        }
    }
}


static uint32_t
units(int64_t n, int64_t up, int64_t down)
{
    n = (n * up + down - 1) / down;

    return n > INT32_MAX ? INT32_MAX : n < 0 ? 0 : (uint32_t) n;
}


bool
kecs_kube_load_of(const kecs_kube_load_t *l, kecs_str_t node,
    kecs_node_use_t *use)
{
    const host_t  *h;

    h = find_host(l, node);
    memset(use, 0, sizeof(*use));

    if (h != NULL) {
        use->cpu = units(h->sum.cpu, 1024, 1000);
        use->memory = units(h->sum.memory, 1, MIB);
        use->gpus = units(h->sum.gpus, 1, 1);
    }

    return l->ready;
}


/* Pods. */


/* The digits of a UUID; of what is none as much as there is room for. */

static void
pack_uid(kecs_str_t text, uint8_t *uid)
{
    char    c;
    size_t  i, n;

    memset(uid, 0, UID_LEN);

    for (i = 0, n = 0; i < text.len; i++) {
        c = text.data[i];

        if (c != '-') {
            uid[n / 2 % UID_LEN] ^= (uint8_t) ((c > '9' ? c - 'a' + 10
                                                        : c - '0')
                                               << (n % 2 ? 0 : 4));
            n++;
        }
    }
}


static pod_t *
find_pod(const kecs_kube_load_t *l, const uint8_t *uid)
{
    kecs_node_t  *n;

    n = kecs_hashtab_find(&l->pods, kecs_hashtab_hash(uid, UID_LEN));

    while (n != NULL && memcmp(((pod_t *) n)->uid, uid, UID_LEN) != 0) {
        n = kecs_hashtab_same(n);
    }

    return (pod_t *) n;
}


static void
drop_pod(kecs_kube_load_t *l, pod_t *p)
{
    add(l, p->host, &p->takes, -1);
    p->host->pods--;
    kecs_hashtab_remove(&l->pods, &p->node);
    free(p);
}


static void
let_go(kecs_kube_load_t *l, pod_t *p, int source)
{
    p->round[source] = 0;

    if (p->round[OWN] == 0 && p->round[ALL] == 0) {
        drop_pod(l, p);
    }
}


static pod_t *
add_pod(kecs_kube_load_t *l, const uint8_t *uid, kecs_str_t node)
{
    pod_t  *p;

    p = calloc(1, sizeof(pod_t));

    if (p == NULL) {
        return NULL;
    }

    memcpy(p->uid, uid, UID_LEN);
    p->host = host_of(l, node);

    if (p->host == NULL
        || kecs_hashtab_add(&l->pods, &p->node,
                            kecs_hashtab_hash(uid, UID_LEN)) != KECS_OK)
    {
        free(p);
        return NULL;
    }

    p->host->pods++;

    return p;
}


/* Rounded up, so that what remains is never too much. */

static int64_t
whole(double n)
{
    return n <= 0 ? 0 : n >= 1e15 ? (int64_t) 1e15
           : (int64_t) n + ((double) (int64_t) n < n - 1e-6);
}


static sum_t
takes_of(const kecs_json_t *pod)
{
    kecs_pod_request_t  r;

    kecs_pod_request(pod, &r);

    return (sum_t) {
        .cpu = whole(r.cpu * 1000), .memory = whole(r.memory),
        .gpus = whole(r.gpus)
    };
}


/* What the store knows of, or what takes nothing. */

static bool
passed_over(const kecs_kube_load_t *l, const kecs_json_t *pod)
{
    kecs_str_t  store;

    store = kecs_json_str(kecs_json_at(pod, "metadata", "labels",
                                       KECS_POD_STORE, NULL));

    return kecs_pod_over(pod)
           || (kecs_str_eq(store, l->uuid) && kecs_pod_counted(pod));
}


static void
take_pod(kecs_kube_load_t *l, const kecs_json_t *pod, int source, bool gone)
{
    pod_t       *p;
    sum_t        takes;
    uint8_t      uid[UID_LEN];
    kecs_str_t   node;

    node = kecs_json_str(kecs_json_at(pod, "spec", "nodeName", NULL));
    pack_uid(kecs_json_str(kecs_json_at(pod, "metadata", "uid", NULL)), uid);
    p = find_pod(l, uid);

    if (gone || node.len == 0 || passed_over(l, pod)) {
        if (p != NULL) {
            let_go(l, p, source);
        }

        return;
    }

    p = p != NULL ? p : add_pod(l, uid, node);

    if (p == NULL) {
        kecs_log(KECS_LOG_ERROR, "kubernetes: out of memory for the pods of"
                 " nodes");
        return;
    }

    takes = takes_of(pod);
    p->round[source] = l->round[source];

    if (memcmp(&takes, &p->takes, sizeof(takes)) != 0) {
        add(l, p->host, &p->takes, -1);
        add(l, p->host, &takes, 1);
        p->takes = takes;
    }
}


/* All that the source does not know of (any more). */

static void
drop_others(kecs_kube_load_t *l, int source)
{
    size_t        i;
    pod_t        *p;
    kecs_node_t  *n, *next;

    for (i = 0; i < l->pods.size; i++) {
        for (n = l->pods.slots[i]; n != NULL; n = next) {
            next = n->next;
            p = (pod_t *) n;

            if (p->round[source] != 0
                && p->round[source] != l->round[source])
            {
                let_go(l, p, source);
            }
        }
    }
}


static void
begin(kecs_kube_load_t *l, int source)
{
    l->round[source]++;
    l->round[source] += l->round[source] == 0;
}


void
kecs_kube_load_begin(kecs_kube_load_t *l)
{
    begin(l, OWN);
}


void
kecs_kube_load_pod(kecs_kube_load_t *l, const kecs_json_t *pod, bool gone)
{
    take_pod(l, pod, OWN, gone);
}


void
kecs_kube_load_synced(kecs_kube_load_t *l)
{
    drop_others(l, OWN);
}


/* The watch. */


static void
on_begin(void *ctx)
{
    begin(ctx, ALL);
}


static void
on_object(void *ctx, kecs_watch_event_t event, const kecs_json_t *pod)
{
    take_pod(ctx, pod, ALL, event == KECS_WATCH_DELETED);
}


static void
get_ready(kecs_kube_load_t *l)
{
    if (!l->ready) {
        l->ready = true;
        l->sink.ready(l->sink.ctx);
    }
}


static void
on_synced(void *ctx)
{
    kecs_kube_load_t  *l = ctx;

    drop_others(l, ALL);
    l->denied = false;
    get_ready(l);
}


/* Without the right what others take is not known, so it is not counted. */

static void
on_lost(void *ctx, const char *why)
{
    kecs_kube_load_t  *l = ctx;

    if (l->denied || !kecs_str_starts(kecs_str_of(why), kecs_str("HTTP 403")))
    {
        return;
    }

    l->denied = true;
    kecs_log(KECS_LOG_NOTICE, "kubernetes: no right to list all pods, so what"
             " pods of others take of nodes is not subtracted");
    begin(l, ALL);
    drop_others(l, ALL);
    get_ready(l);
}


kecs_rc_t
kecs_kube_load_engage(kecs_kube_load_t *l)
{
    kecs_watch_sink_t  sink = { on_begin, on_object, on_synced, on_lost, l };

    return l->watch == NULL ? kecs_watch_open(l->k, &l->watching, &sink,
                                              &l->watch)
                            : KECS_OK;
}


void
kecs_kube_load_disengage(kecs_kube_load_t *l)
{
    kecs_watch_close(l->watch);
    l->watch = NULL;
}


void
kecs_kube_load_run(kecs_kube_load_t *l)
{
    kecs_msec_t  now;

    now = kecs_monotonic();

    if (l->watch != NULL) {
        kecs_watch_run(l->watch);
    }

    if (l->ready && l->changed != NULL && now - l->told >= EVERY) {
        l->told = now;
        tell_changed(l);
    }
}


kecs_rc_t
kecs_kube_load_open(kecs_kube_t *k, kecs_str_t uuid,
    const kecs_watch_conf_t *watching, const kecs_kube_load_sink_t *sink,
    kecs_kube_load_t **out)
{
    kecs_kube_load_t  *l;

    l = calloc(1, sizeof(kecs_kube_load_t));

    if (l == NULL) {
        return KECS_NOMEM;
    }

    l->k = k;
    l->uuid = uuid;
    l->sink = *sink;
    l->round[OWN] = 1;
    l->round[ALL] = 1;
    l->watching = *watching;
    l->watching.path = kecs_str("/api/v1/pods");
    l->watching.selector = kecs_null_str;
    l->watching.fields = kecs_str("spec.nodeName!=,status.phase!=Succeeded,"
                                  "status.phase!=Failed");
    *out = l;

    return KECS_OK;
}


static void
free_all(kecs_hashtab_t *t)
{
    size_t        i;
    kecs_node_t  *n, *next;

    for (i = 0; i < t->size; i++) {
        for (n = t->slots[i]; n != NULL; n = next) {
            next = n->next;
            free(n);
        }
    }

    kecs_hashtab_free(t);
}


void
kecs_kube_load_close(kecs_kube_load_t *l)
{
    if (l == NULL) {
        return;
    }

    kecs_kube_load_disengage(l);
    free_all(&l->pods);
    free_all(&l->hosts);
    free(l);
}
