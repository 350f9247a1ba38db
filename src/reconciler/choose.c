/*
 * The choice of the runtime.  `auto` takes Kubernetes only where nobody can
 * be surprised by it: in a cluster, when a kubeconfig is named, or when the
 * current context's server is on this machine.  Otherwise tasks run
 * simulated, and the reason names the context that was found and the
 * command that would use it.
 *
 * A store whose tasks are pods is not simulated by default: its tasks would
 * go on in a simulation while the pods run, and with `kecs down` end there.
 * The handles of tasks tell, and of one that has none yet, or when there
 * are objects but no tasks, what the last reconciler said of itself.
 */

#include "../kube/kubeconfig.h"
#include "../runtime/release.h"
#include "../store/status_file.h"
#include "reconciler.h"


typedef struct {
    bool               kubernetes;
    kecs_kubeconfig_t  config;      /* of Kubernetes */
    const char        *why;
    const char        *not;         /* why not Kubernetes, NULL: as asked */
} choice_t;

typedef struct {
    bool               was;         /* Kubernetes, the last time */
    unsigned           pods;        /* tasks that may be pods */
} past_t;


static const char *
text(kecs_str_t s)
{
    return s.data != NULL ? s.data : "out of memory";
}


/* Nobody has named a cluster, and we are in none. */

static bool
unasked(const kecs_kubernetes_conf_t *kube, const kecs_kubeconfig_t *found)
{
    return kube->kubeconfig == NULL && kube->context == NULL
           && !found->in_cluster;
}


static kecs_rc_t
automatic(const kecs_kubernetes_conf_t *kube, kecs_arena_t *a, choice_t *c)
{
    kecs_rc_t   rc;
    kecs_str_t  name;

    rc = kecs_kubeconfig_find(a, kube->kubeconfig, kube->context, &c->config,
                              &c->why);

    if (rc == KECS_NOT_FOUND
        && kube->kubeconfig == NULL && kube->context == NULL)
    {
        c->not = "no Kubernetes cluster is configured here";
        c->why = "no Kubernetes cluster is configured here; tasks are"
                 " simulated";
        return KECS_OK;
    }

    if (unasked(kube, &c->config) && (rc == KECS_INVALID || rc == KECS_IO)) {
        c->not = text(kecs_sprintf(a, "the kubeconfig is of no use: %s",
                                   c->why));
        c->why = text(kecs_sprintf(a, "%s; tasks"
                                   " are simulated. To run them, mend it or"
                                   " name another: --kubeconfig FILE",
                                   c->not));
        return KECS_OK;
    }

    if (rc != KECS_OK) {
        return rc;
    }

    name = kecs_kubeconfig_describe(a, &c->config);
    c->kubernetes = kube->context != NULL || kecs_kubeconfig_auto(&c->config);
    c->why = text(name);

    if (!c->kubernetes) {
        c->not = text(kecs_sprintf(a, "found %s, which is not on this"
                                   " machine", text(name)));
        c->why = text(kecs_sprintf(a, "%s; tasks are simulated. To use it:"
                                   " --runtime kubernetes --context %s",
                                   c->not, text(c->config.context)));
    }

    return KECS_OK;
}


static kecs_rc_t
named(const kecs_kubernetes_conf_t *kube, kecs_arena_t *a, choice_t *c)
{
    kecs_rc_t  rc;

    rc = kecs_kubeconfig_find(a, kube->kubeconfig, kube->context, &c->config,
                              &c->why);

    if (rc == KECS_OK) {
        c->kubernetes = true;
        c->why = text(kecs_kubeconfig_describe(a, &c->config));
    }

    return rc;
}


static kecs_rc_t
by_name(const char *name, const kecs_kubernetes_conf_t *kube, kecs_arena_t *a,
    choice_t *c)
{
    kecs_str_t  s;

    memset(c, 0, sizeof(*c));
    s = kecs_str_of(name);

    if (kecs_str_is(s, "auto")) {
        return automatic(kube, a, c);
    }

    if (kecs_str_is(s, "kubernetes")) {
        return named(kube, a, c);
    }

    if (kecs_str_is(s, "simulated")) {
        c->why = "as asked for; no containers are run";
        return KECS_OK;
    }

    c->why = "there is no such runtime; there are auto, kubernetes,"
             " simulated";

    return KECS_NOT_FOUND;
}


/* What the store has on Kubernetes. */

static bool
was_kubernetes(const char *data)
{
    char        said[KECS_STATUS_SIZE];
    kecs_str_t  words;

    return kecs_status_get(data, said, &words) == KECS_OK
           && kecs_str_is(kecs_status_value(words, "runtime"), "kubernetes");
}


static kecs_rc_t
each_live_task(void *ctx, kecs_txn_t *txn, kecs_any_t *rec)
{
    past_t      *p = ctx;
    kecs_str_t   handle;

    (void) txn;

    handle = rec->task.handle;
    p->pods += handle.len == 0
               ? p->was
               : !kecs_str_starts(handle, kecs_str(KECS_SIM_HANDLE));

    return KECS_OK;
}


/* `all`: also what is there without a task. */

static kecs_rc_t
allowed(kecs_reconciler_t *r, bool all, kecs_arena_t *a, choice_t *c)
{
    past_t       p;
    kecs_rc_t    rc;
    kecs_txn_t  *txn;

    if (c->not == NULL) {
        return KECS_OK;
    }

    p.was = was_kubernetes(r->data);
    p.pods = 0;
    rc = kecs_read_begin(r->store, &txn);

    if (rc == KECS_OK) {
        rc = kecs_index_each(txn, KECS_IX_TASK_LIVE, each_live_task, &p);
        kecs_read_end(txn);
    }

    if (rc != KECS_OK) {
        c->why = "the store cannot be read";
        return rc;
    }

    if (p.pods == 0 && !(all && p.was)) {
        return KECS_OK;
    }

    c->why = text(kecs_sprintf(a, "tasks of this store run on Kubernetes (%u"
                               " are not STOPPED), and %s. Name the cluster:"
                               " --kubeconfig FILE, --context NAME; or leave"
                               " what is there and simulate: --runtime"
                               " simulated", p.pods, c->not));

    return KECS_INVALID;
}


kecs_rc_t
kecs_choose_runtime(kecs_reconciler_t *r, const char *name,
    const kecs_kubernetes_conf_t *kube, kecs_arena_t *a, const char **why)
{
    kecs_rc_t            rc;
    choice_t             c;
    const char          *trouble;
    kecs_runtime_sink_t  sink;

    rc = by_name(name, kube, a, &c);

    if (rc == KECS_OK) {
        rc = allowed(r, r->draining, a, &c);
    }

    *why = c.why;

    if (rc != KECS_OK) {
        return rc;
    }

    sink = kecs_news_sink(r);

    if (!c.kubernetes) {
        return kecs_simulated_open(&r->set.simulated, &sink, &r->rt);
    }

    rc = kecs_kubernetes_open(kube, &sink, &r->rt, &trouble);

    if (rc != KECS_OK) {
        *why = trouble;
    }

    return rc;
}


kecs_rc_t
kecs_release_runtime(kecs_reconciler_t *r, const char *name,
    const kecs_kubernetes_conf_t *kube, bool take_away, kecs_arena_t *a,
    unsigned *n, const char **why)
{
    kecs_rc_t  rc;
    choice_t   c;

    *n = 0;
    rc = by_name(name, kube, a, &c);

    if (rc == KECS_OK) {
        rc = allowed(r, true, a, &c);
    }

    *why = c.why;

    if (rc != KECS_OK || !c.kubernetes) {
        return rc;
    }

    return kecs_kube_release(&c.config, kube->namespace, kube->uuid,
                             take_away, n, why);
}
