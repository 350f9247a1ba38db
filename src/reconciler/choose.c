/*
 * The choice of the runtime.  `auto` takes Kubernetes only where nobody can
 * be surprised by it: in a cluster, when a kubeconfig is named, or when the
 * current context's server is on this machine.  Otherwise tasks run
 * simulated, and the reason names the context that was found and the
 * command that would use it.
 */

#include "../kube/kubeconfig.h"
#include "../runtime/release.h"
#include "reconciler.h"


typedef struct {
    bool               kubernetes;
    kecs_kubeconfig_t  config;      /* of Kubernetes */
    const char        *why;
} choice_t;


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
        c->why = "no Kubernetes cluster is configured here; tasks are"
                 " simulated";
        return KECS_OK;
    }

    if (unasked(kube, &c->config) && (rc == KECS_INVALID || rc == KECS_IO)) {
        c->why = text(kecs_sprintf(a, "the kubeconfig is of no use: %s; tasks"
                                   " are simulated. To run them, mend it or"
                                   " name another: --kubeconfig FILE",
                                   c->why));
        return KECS_OK;
    }

    if (rc != KECS_OK) {
        return rc;
    }

    name = kecs_kubeconfig_describe(a, &c->config);
    c->kubernetes = kube->context != NULL || kecs_kubeconfig_auto(&c->config);

    c->why = c->kubernetes
             ? text(name)
             : text(kecs_sprintf(a, "found %s, which is not on this machine;"
                                 " tasks are simulated. To use it:"
                                 " --runtime kubernetes --context %s",
                                 text(name), text(c->config.context)));

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
choose(const char *name, const kecs_kubernetes_conf_t *kube, kecs_arena_t *a,
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


kecs_rc_t
kecs_choose_runtime(kecs_reconciler_t *r, const char *name,
    const kecs_kubernetes_conf_t *kube, kecs_arena_t *a, const char **why)
{
    kecs_rc_t            rc;
    choice_t             c;
    const char          *trouble;
    kecs_runtime_sink_t  sink;

    rc = choose(name, kube, a, &c);
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
kecs_release_runtime(const char *name, const kecs_kubernetes_conf_t *kube,
    bool take_away, kecs_arena_t *a, unsigned *n, const char **why)
{
    kecs_rc_t  rc;
    choice_t   c;

    *n = 0;
    rc = choose(name, kube, a, &c);
    *why = c.why;

    if (rc != KECS_OK || !c.kubernetes) {
        return rc;
    }

    return kecs_kube_release(&c.config, kube->namespace, kube->uuid,
                             take_away, n, why);
}
