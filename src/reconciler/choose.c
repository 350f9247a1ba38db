/*
 * The choice of the runtime.  `auto` takes Kubernetes only where nobody can
 * be surprised by it: in a cluster, when a kubeconfig is named, or when the
 * current context's server is on this machine.  Otherwise tasks run
 * simulated, and the reason names the context that was found and the
 * command that would use it.
 */

#include "../kube/kubeconfig.h"
#include "reconciler.h"


static const char *
text(kecs_str_t s)
{
    return s.data != NULL ? s.data : "out of memory";
}


static kecs_rc_t
simulated(kecs_reconciler_t *r)
{
    kecs_runtime_sink_t  sink;

    sink = kecs_news_sink(r);

    return kecs_simulated_open(&r->set.simulated, &sink, &r->rt);
}


static kecs_rc_t
kubernetes(kecs_reconciler_t *r, const kecs_kubernetes_conf_t *kube,
    const char **why)
{
    kecs_runtime_sink_t  sink;

    sink = kecs_news_sink(r);

    return kecs_kubernetes_open(kube, &sink, &r->rt, why);
}


static kecs_rc_t
automatic(kecs_reconciler_t *r, const kecs_kubernetes_conf_t *kube,
    kecs_arena_t *a, const char **why)
{
    kecs_rc_t          rc;
    kecs_str_t         name;
    kecs_kubeconfig_t  found;

    rc = kecs_kubeconfig_find(a, kube->kubeconfig, kube->context, &found,
                              why);

    if (rc == KECS_NOT_FOUND
        && kube->kubeconfig == NULL && kube->context == NULL)
    {
        *why = "no Kubernetes cluster is configured here; tasks are"
               " simulated";
        return simulated(r);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    name = kecs_kubeconfig_describe(a, &found);

    if (kube->context == NULL && !kecs_kubeconfig_auto(&found)) {
        *why = text(kecs_sprintf(a, "found %s, which is not on this machine;"
                                 " tasks are simulated. To use it:"
                                 " --runtime kubernetes --context %s",
                                 text(name), text(found.context)));
        return simulated(r);
    }

    rc = kubernetes(r, kube, why);

    if (rc == KECS_OK) {
        *why = text(name);
    }

    return rc;
}


kecs_rc_t
kecs_choose_runtime(kecs_reconciler_t *r, const char *name,
    const kecs_kubernetes_conf_t *kube, kecs_arena_t *a, const char **why)
{
    kecs_str_t  s;
    kecs_rc_t   rc;

    s = kecs_str_of(name);

    if (kecs_str_is(s, "auto")) {
        return automatic(r, kube, a, why);
    }

    if (kecs_str_is(s, "simulated")) {
        *why = "as asked for; no containers are run";
        return simulated(r);
    }

    if (kecs_str_is(s, "kubernetes")) {
        rc = kubernetes(r, kube, why);

        if (rc == KECS_OK) {
            *why = "as asked for";
        }

        return rc;
    }

    *why = "there is no such runtime; there are auto, kubernetes, simulated";

    return KECS_NOT_FOUND;
}
