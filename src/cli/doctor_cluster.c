/*
 * doctor: the Kubernetes cluster - where it is, whether it answers, whether
 * its clock agrees with ours, which rights are missing, and who holds the
 * Lease.  The rights are those of k8s/rbac.yaml.
 */

#include "../json/json_writer.h"
#include "../kube/ask.h"
#include "../kube/object.h"
#include "../runtime/kube_lease.h"
#include "doctor.h"


#define WITHIN  5                   /* s, of a request */

/* Where a right is needed; SPREAD and SPACES: with namespaces of clusters. */

enum {
    HOME = 0,                       /* in one namespace */
    SPREAD,                         /* the same, then in all of them */
    SPACES,                         /* then alone, and of the cluster */
    EVERYWHERE                      /* of the cluster */
};

typedef struct {
    const char    *group;
    const char    *resource;
    const char    *verbs;
    unsigned       where;
    kecs_level_t   without;
    const char    *fix;
} right_t;

typedef struct {
    kecs_doctor_t      *d;
    kecs_kubeconfig_t   config;
    kecs_kube_t        *k;
    kecs_str_t          namespace;
} cluster_t;

static const right_t  rights[] = {
    { "", "pods", "create delete get list patch watch", SPREAD, KECS_FAIL,
      "kubectl apply -f k8s/rbac.yaml: without them no task can run" },
    { "", "secrets", "create delete patch", SPREAD, KECS_WARN,
      "kubectl apply -f k8s/rbac.yaml: without them no task starts whose"
      " secrets come from the upstream" },
    { "", "persistentvolumeclaims", "create", SPREAD, KECS_WARN,
      "kubectl apply -f k8s/rbac.yaml: without it no task starts whose"
      " volume is to outlive it" },
    { "", "services", "create delete list patch watch", SPREAD, KECS_WARN,
      "kubectl apply -f k8s/rbac.yaml: without them nothing reaches services"
      " by name" },
    { "policy", "poddisruptionbudgets", "create delete list patch watch",
      SPREAD, KECS_WARN, "kubectl apply -f k8s/rbac.yaml: without them a drain"
      " takes all tasks of a service at once" },
    { "coordination.k8s.io", "leases", "create delete get update", HOME,
      KECS_WARN, "kubectl apply -f k8s/rbac.yaml: without them two reconcilers"
      " may act on one store's pods" },
    { "", "events", "list", SPREAD, KECS_WARN,
      "kubectl apply -f k8s/rbac.yaml: without them the web UI cannot show"
      " what happened to a pod" },
    { "", "namespaces", "create list watch", SPACES, KECS_FAIL,
      "kubectl apply -f k8s/rbac-namespaces.yaml: without them ECS clusters"
      " have no namespaces of their own, and no task can run" },
    { "", "nodes", "get list watch", EVERYWHERE, KECS_WARN,
      "kubectl apply -f k8s/rbac.yaml: without them there are no container"
      " instances, and tasks have no zone" },
    { "", "pods", "list watch", EVERYWHERE, KECS_WARN,
      "kubectl apply -f k8s/rbac.yaml: without them what pods of others take"
      " of nodes is not subtracted" }
};


/* False: there is none to ask. */

static bool
choose(kecs_doctor_t *d, cluster_t *c)
{
    bool                    wanted;
    kecs_rc_t               rc;
    const char             *why;
    const kecs_options_t   *o = d->o;

    wanted = strcmp(o->runtime, "kubernetes") == 0 || o->context != NULL
             || o->kubeconfig != NULL;

    if (strcmp(o->runtime, "simulated") == 0) {
        kecs_found(d, KECS_FINE, "cluster", "", "tasks are to be simulated");
        return false;
    }

    rc = kecs_kubeconfig_find(d->arena, o->kubeconfig, o->context,
                              &c->config, &why);

    if (rc == KECS_NOT_FOUND && !wanted) {
        kecs_found(d, KECS_FINE, "cluster", "", "no Kubernetes cluster is"
                   " configured here; tasks are simulated");
        return false;
    }

    if (rc != KECS_OK && rc != KECS_NOMEM && !wanted
        && !c->config.in_cluster)
    {
        kecs_found(d, KECS_WARN, "cluster", "mend it or name another to run"
                   " tasks: --kubeconfig FILE", "the kubeconfig is of no use:"
                   " %s; tasks are simulated", why);
        return false;
    }

    if (rc != KECS_OK) {
        kecs_found(d, KECS_FAIL, "cluster", "name the right file and context:"
                   " --kubeconfig FILE --context NAME", "%s", why);
        return false;
    }

    why = kecs_kubeconfig_describe(d->arena, &c->config).data;
    why = why != NULL ? why : "a cluster";

    if (!wanted && !kecs_kubeconfig_auto(&c->config)) {
        kecs_found(d, KECS_FINE, "cluster", "", "found %s, which is not on"
                   " this machine: it is not used, and was not asked"
                   " (--context %.*s does)", why,
                   kecs_fmt(c->config.context));
        return false;
    }

    kecs_found(d, KECS_FINE, "cluster", "", "%s", why);

    if (c->config.insecure) {
        kecs_found(d, KECS_WARN, "TLS", "put the authority's certificate"
                   " into the kubeconfig", "the server's certificate is not"
                   " verified");
    }

    return true;
}


static bool
ask(cluster_t *c, const char *method, kecs_str_t path, kecs_str_t body,
    kecs_kube_answer_t *out)
{
    kecs_kube_request_t  q;

    memset(&q, 0, sizeof(q));
    q.method = method;
    q.path = path;
    q.timeout = WITHIN;

    if (body.data != NULL) {
        q.type = "application/json";
        q.body = body;
    }

    return kecs_kube_ask(c->k, c->d->arena, &q, out) == KECS_OK;
}


/* What an answer other than 2xx says, for a person. */

static kecs_str_t
complaint(cluster_t *c, const kecs_kube_answer_t *answer)
{
    kecs_kube_status_t  status;

    if (answer->status == 0) {
        return answer->body;
    }

    kecs_kube_status(c->d->arena, answer->body, &status);

    return kecs_sprintf(c->d->arena, "HTTP %ld %.*s", answer->status,
                        kecs_fmt(status.message));
}


static bool
fine(const kecs_kube_answer_t *answer)
{
    return answer->status >= 200 && answer->status < 300;
}


static void
judge_clock(cluster_t *c, kecs_msec_t before, kecs_msec_t date)
{
    kecs_msec_t  now, skew;

    if (date == 0) {
        return;
    }

    /* the server cuts its time to seconds, within the request */

    now = kecs_wall_clock();
    skew = date > now ? date - now
           : date + 1000 < before ? date + 1000 - before : 0;

    kecs_found(c->d, kecs_judge_skew(skew), "clock", "let both machines keep"
               " their time (chrony, systemd-timesyncd)", "the API server's"
               " clock is %.1f s %s ours", (double) (skew < 0 ? -skew : skew)
               / 1000, skew < 0 ? "behind" : "ahead of");
}


static bool
reach(cluster_t *c)
{
    kecs_str_t           version;
    kecs_msec_t          before;
    const kecs_json_t   *json;
    kecs_kube_answer_t   answer;

    before = kecs_wall_clock();

    if (!ask(c, "GET", kecs_str("/version"), kecs_null_str, &answer)) {
        return false;
    }

    if (!fine(&answer)) {
        kecs_found(c->d, KECS_FAIL, "API server", answer.status == 401
                   ? "log in again: the credentials are not accepted"
                   : "see that it runs, and that the kubeconfig names its"
                     " address", "%.*s", kecs_fmt(complaint(c, &answer)));
        return false;
    }

    version = kecs_kube_parse(c->d->arena, answer.body, &json) == KECS_OK
              ? kecs_json_str(kecs_json_get(json, "gitVersion"))
              : kecs_null_str;
    kecs_found(c->d, KECS_FINE, "API server", "", "answers, Kubernetes %.*s",
               kecs_fmt(version));
    judge_clock(c, before, answer.date);

    return true;
}


static bool
is_everywhere(const cluster_t *c, const right_t *r)
{
    return r->where >= SPACES || (r->where == SPREAD && c->d->o->spaces);
}


/* May we?  Nothing of the request is kept by the server. */

static kecs_str_t
review(cluster_t *c, const right_t *r, kecs_str_t verb)
{
    kecs_buf_t     b;
    kecs_writer_t  w;

    kecs_buf_init(&b, c->d->arena, 0);
    w = kecs_writer(&b);
    kecs_w_object(&w, NULL);
    kecs_w_cstr(&w, "apiVersion", "authorization.k8s.io/v1");
    kecs_w_cstr(&w, "kind", "SelfSubjectAccessReview");
    kecs_w_object(&w, "spec");
    kecs_w_object(&w, "resourceAttributes");

    if (!is_everywhere(c, r)) {
        kecs_w_str(&w, "namespace", c->namespace);
    }

    kecs_w_cstr(&w, "group", r->group);
    kecs_w_cstr(&w, "resource", r->resource);
    kecs_w_str(&w, "verb", verb);
    kecs_w_object_end(&w);
    kecs_w_object_end(&w);
    kecs_w_object_end(&w);

    return b.failed ? kecs_null_str : kecs_buf_view(&b);
}


/* false: it could not be found out, which has been said. */

static bool
allowed(cluster_t *c, const right_t *r, kecs_str_t verb, bool *yes)
{
    const kecs_json_t   *json;
    kecs_kube_answer_t   answer;

    if (!ask(c, "POST", kecs_str("/apis/authorization.k8s.io/v1/"
                                 "selfsubjectaccessreviews"),
             review(c, r, verb), &answer))
    {
        return false;
    }

    if (!fine(&answer)
        || kecs_kube_parse(c->d->arena, answer.body, &json) != KECS_OK)
    {
        kecs_found(c->d, KECS_WARN, "rights", "look with: kubectl auth can-i"
                   " --list", "could not be asked for: %.*s",
                   kecs_fmt(complaint(c, &answer)));
        return false;
    }

    *yes = kecs_json_true(kecs_json_at(json, "status", "allowed", NULL));

    return true;
}


static bool
look_at_right(cluster_t *c, const right_t *r)
{
    bool         yes;
    kecs_buf_t   missing;
    kecs_str_t   rest, verb;
    const char  *fix;

    if (r->where == SPACES && !c->d->o->spaces) {
        return true;
    }

    fix = r->where == SPREAD && c->d->o->spaces
          ? "kubectl apply -f k8s/rbac-namespaces.yaml: it has what"
            " --namespace-per-cluster takes" : r->fix;

    kecs_buf_init(&missing, c->d->arena, 0);
    rest = kecs_str_of(r->verbs);

    while (kecs_str_split(&rest, ' ', &verb)) {
        if (!allowed(c, r, verb, &yes)) {
            return false;
        }

        if (!yes) {
            kecs_buf_printf(&missing, " %.*s", kecs_fmt(verb));
        }
    }

    kecs_found(c->d, missing.len == 0 ? KECS_FINE : r->without, "rights",
               fix, missing.len == 0 ? "to %s%s: all"
               : "to %s%s: missing%.*s", r->resource,
               is_everywhere(c, r) ? " of the cluster" : "",
               kecs_fmt(kecs_buf_view(&missing)));

    return true;
}


static void
look_at_lease(cluster_t *c)
{
    kecs_str_t           holder, path, namespace;
    const kecs_json_t   *json;
    kecs_kube_answer_t   answer;

    if (!c->d->opened) {
        return;
    }

    namespace = kecs_kube_escape(c->d->arena, c->namespace);
    path = kecs_lease_path(c->d->arena, namespace,
                           kecs_str_of(c->d->info.uuid));

    if (!ask(c, "GET", path, kecs_null_str, &answer)) {
        return;
    }

    if (answer.status == 404) {
        kecs_found(c->d, KECS_FINE, "Lease", "", "nobody holds it");
        return;
    }

    if (!fine(&answer)
        || kecs_kube_parse(c->d->arena, answer.body, &json) != KECS_OK)
    {
        kecs_found(c->d, KECS_WARN, "Lease", "kubectl apply -f"
                   " k8s/rbac.yaml", "%.*s", kecs_fmt(complaint(c, &answer)));
        return;
    }

    holder = kecs_json_str(kecs_json_at(json, "spec", "holderIdentity",
                                        NULL));

    if (kecs_lease_is_free(holder)) {
        kecs_found(c->d, KECS_FINE, "Lease", "", "nobody who lives holds it");

    } else if (c->d->reconciler != 0
               && kecs_lease_is_of(holder, c->d->reconciler))
    {
        kecs_found(c->d, KECS_FINE, "Lease", "", "held by the reconciler"
                   " here");

    } else {
        kecs_found(c->d, KECS_WARN, "Lease", "end the other reconciler of"
                   " this store, or wait until its Lease is over",
                   "held by %.*s: only that one may act on the pods",
                   kecs_fmt(holder));
    }
}


static void
look(cluster_t *c)
{
    size_t  i;

    if (!reach(c)) {
        return;
    }

    for (i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
        if (!look_at_right(c, &rights[i])) {
            return;
        }
    }

    look_at_lease(c);
}


void
kecs_doctor_cluster(kecs_doctor_t *d)
{
    cluster_t         c;
    kecs_kube_conf_t  conf;

    memset(&c, 0, sizeof(c));
    memset(&conf, 0, sizeof(conf));
    c.d = d;

    if (!choose(d, &c)) {
        return;
    }

    c.namespace = d->o->namespace != NULL ? kecs_str_of(d->o->namespace)
                                          : c.config.namespace;

    if (kecs_kube_open(&c.config, &conf, &c.k) != KECS_OK) {
        kecs_found(d, KECS_FAIL, "API server", "look at the certificates of"
                   " the kubeconfig", "the client cannot start");
        return;
    }

    look(&c);
    kecs_kube_close(c.k);
}
