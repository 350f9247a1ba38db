/*
 * The Service has a cluster address and one port for every port mapping,
 * with the number of the container's port.  Without any port it is
 * headless: its name still leads to the tasks.  Port ranges are left out.
 *
 * While a rollout shifts traffic it selects the pods of the deployment that
 * has all of it, or all pods while it is split; an annotation tells the
 * shares.
 *
 * Pods without a controller that can be scaled are only counted for an
 * integer minAvailable, so that is what the budget has.  Pods that are not
 * ready may always be evicted: they keep nothing healthy.
 */

#include <inttypes.h>

#include "../aws/arn.h"
#include "../json/json_writer.h"
#include "pod_parts.h"
#include "service_objects.h"


typedef struct {
    int64_t      port;
    bool         udp;
    kecs_str_t   name;
    const char  *protocol;          /* of the application, or NULL */
} port_t;

typedef struct {
    kecs_arena_t                *a;
    const kecs_service_facts_t  *f;
    port_t                      *ports;
    size_t                       n;
} build_t;


/* Ports. */


static const char *
app_protocol(kecs_str_t s)
{
    if (kecs_str_is(s, "http")) {
        return "http";
    }

    return kecs_str_is(s, "http2") || kecs_str_is(s, "grpc")
           ? "kubernetes.io/h2c" : NULL;
}


static bool
is_listed(const build_t *b, int64_t port, bool udp)
{
    size_t  i;

    for (i = 0; i < b->n; i++) {
        if (b->ports[i].port == port && b->ports[i].udp == udp) {
            return true;
        }
    }

    return false;
}


static bool
is_named(const build_t *b, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < b->n; i++) {
        if (kecs_str_eq(b->ports[i].name, name)) {
            return true;
        }
    }

    return false;
}


/* Its own name, else "tcp-80", else "tcp-80-2" and so on. */

static kecs_str_t
port_name(build_t *b, const kecs_ecs_port_mapping_t *m, bool udp)
{
    unsigned    i;
    kecs_str_t  name;

    name = kecs_null_str;

    if (m->name.len > 0) {
        name = kecs_pod_label(b->a, m->name);

        if (name.data == NULL || !is_named(b, name)) {
            return name;
        }
    }

    for (i = 1; i == 1 || (name.data != NULL && is_named(b, name)); i++) {
        name = i == 1
               ? kecs_sprintf(b->a, "%s-%" PRId64, udp ? "udp" : "tcp",
                              m->container_port.value)
               : kecs_sprintf(b->a, "%s-%" PRId64 "-%u", udp ? "udp" : "tcp",
                              m->container_port.value, i);
    }

    return name;
}


static kecs_rc_t
add_port(build_t *b, const kecs_ecs_port_mapping_t *m)
{
    bool         udp;
    port_t       p;
    kecs_str_t   name;

    udp = kecs_str_is(m->protocol, "udp");

    if (m->container_port.value <= 0
        || is_listed(b, m->container_port.value, udp))
    {
        return KECS_OK;
    }

    name = port_name(b, m, udp);

    if (name.data == NULL) {
        return KECS_NOMEM;
    }

    p = (port_t) {
        m->container_port.value, udp, name, app_protocol(m->app_protocol)
    };
    b->ports[b->n++] = p;

    return KECS_OK;
}


static size_t
count_ports(const kecs_service_facts_t *f)
{
    size_t                             i, k, n;
    const kecs_ecs_task_definition_t  *d;

    for (i = 0, n = 0; i < f->n; i++) {
        d = f->definitions[i];

        for (k = 0; k < d->container_definitions.n; k++) {
            n += d->container_definitions.items[k].port_mappings.n;
        }
    }

    return n;
}


/* By number, so that nothing but the ports themselves decides. */

static void
sort_ports(build_t *b)
{
    size_t  i, k;
    port_t  p;

    for (i = 1; i < b->n; i++) {
        p = b->ports[i];

        for (k = i;
             k > 0 && (b->ports[k - 1].port > p.port
                       || (b->ports[k - 1].port == p.port
                           && b->ports[k - 1].udp && !p.udp));
             k--)
        {
            b->ports[k] = b->ports[k - 1];
        }

        b->ports[k] = p;
    }
}


static kecs_rc_t
gather_ports(build_t *b)
{
    size_t                                  i, k, m;
    kecs_rc_t                               rc;
    const kecs_ecs_task_definition_t       *d;
    const kecs_ecs_container_definition_t  *c;

    b->ports = kecs_calloc(b->a, count_ports(b->f), sizeof(port_t));
    rc = b->ports != NULL ? KECS_OK : KECS_NOMEM;

    for (i = 0; rc == KECS_OK && i < b->f->n; i++) {
        d = b->f->definitions[i];

        for (k = 0; k < d->container_definitions.n; k++) {
            c = &d->container_definitions.items[k];

            for (m = 0; rc == KECS_OK && m < c->port_mappings.n; m++) {
                rc = add_port(b, &c->port_mappings.items[m]);
            }
        }
    }

    sort_ports(b);

    return rc;
}


/* Traffic. */


static bool
is_shifting(const build_t *b)
{
    return b->f->traffic.green != 0;
}


/* Whose pods get all of production traffic; 0: those of all. */

static uint64_t
selected_deployment(const kecs_traffic_t *t)
{
    return t->weight == 0 ? t->blue
                          : t->weight >= KECS_TRAFFIC_FULL ? t->green : 0;
}


static kecs_rc_t
write_share(build_t *b, kecs_writer_t *w, uint64_t deployment,
    uint32_t weight)
{
    kecs_str_t  key;

    key = kecs_sprintf(b->a, "%" PRIu64, deployment);

    if (key.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_w_key(w, key);
    kecs_w_double(w, NULL, weight / 10.0);

    return KECS_OK;
}


/* By the pods' label ecs/deployment, in percent. */

static kecs_rc_t
traffic(build_t *b, kecs_str_t *out)
{
    kecs_rc_t              rc;
    kecs_buf_t             buf;
    kecs_writer_t          w;
    const kecs_traffic_t  *t = &b->f->traffic;

    kecs_buf_init(&buf, b->a, 0);
    w = kecs_writer(&buf);

    kecs_w_object(&w, NULL);
    kecs_w_object(&w, "production");
    rc = write_share(b, &w, t->blue, KECS_TRAFFIC_FULL - t->weight);

    if (rc == KECS_OK) {
        rc = write_share(b, &w, t->green, t->weight);
    }

    kecs_w_object_end(&w);

    if (rc == KECS_OK && t->test_weight != 0) {
        kecs_w_object(&w, "test");
        rc = write_share(b, &w, t->green, t->test_weight);
        kecs_w_object_end(&w);
    }

    kecs_w_object_end(&w);
    *out = kecs_buf_view(&buf);

    return buf.failed ? KECS_NOMEM : rc;
}


/* Objects. */


typedef enum { TRAFFIC_UNSAID, TRAFFIC_NONE, TRAFFIC_TOLD } told_t;


static kecs_rc_t
write_traffic(build_t *b, kecs_writer_t *w, told_t told)
{
    kecs_rc_t   rc;
    kecs_str_t  text;

    if (told == TRAFFIC_NONE) {
        kecs_w_null(w, KECS_SERVICE_TRAFFIC);
    }

    if (told != TRAFFIC_TOLD) {
        return KECS_OK;
    }

    rc = traffic(b, &text);

    if (rc == KECS_OK) {
        kecs_w_str(w, KECS_SERVICE_TRAFFIC, text);
    }

    return rc;
}


static kecs_rc_t
metadata(build_t *b, told_t told, kecs_str_t *out)
{
    kecs_rc_t                    rc;
    kecs_buf_t                   buf;
    kecs_str_t                   arn, cluster, service;
    kecs_writer_t                w;
    const kecs_service_place_t  *p = &b->f->place;

    arn = kecs_arn_ecs(b->a, p->region, p->account, kecs_str("service"),
                       p->cluster, p->service);
    cluster = kecs_pod_value(b->a, p->cluster);
    service = kecs_pod_value(b->a, p->service);

    if (arn.data == NULL || cluster.data == NULL || service.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_buf_init(&buf, b->a, 0);
    w = kecs_writer(&buf);

    kecs_w_object(&w, NULL);
    kecs_w_object(&w, "annotations");
    kecs_w_str(&w, KECS_SERVICE_ARN, arn);
    rc = write_traffic(b, &w, told);
    kecs_w_object_end(&w);

    kecs_w_object(&w, "labels");
    kecs_w_cstr(&w, KECS_POD_MANAGED_BY, "kecs");
    kecs_w_str(&w, KECS_POD_CLUSTER, cluster);
    kecs_w_str(&w, KECS_POD_SERVICE, service);
    kecs_w_str(&w, KECS_POD_STORE, p->uuid);
    kecs_w_object_end(&w);
    kecs_w_object_end(&w);

    *out = kecs_buf_view(&buf);

    return buf.failed ? KECS_NOMEM : rc;
}


/* Of one deployment, or (0) of all. */

static void
selected(kecs_writer_t *w, const build_t *b, const char *member,
    kecs_str_t name, uint64_t deployment)
{
    kecs_w_object(w, member);

    if (deployment != 0) {
        kecs_w_printf(w, KECS_POD_DEPLOYMENT, "%" PRIu64, deployment);
    }

    kecs_w_str(w, KECS_POD_OBJECT, name);
    kecs_w_str(w, KECS_POD_STORE, b->f->place.uuid);
    kecs_w_object_end(w);
}


static void
write_port(kecs_writer_t *w, const port_t *p)
{
    kecs_w_object(w, NULL);

    if (p->protocol != NULL) {
        kecs_w_cstr(w, "appProtocol", p->protocol);
    }

    kecs_w_str(w, "name", p->name);
    kecs_w_i64(w, "port", p->port);
    kecs_w_cstr(w, "protocol", p->udp ? "UDP" : "TCP");
    kecs_w_i64(w, "targetPort", p->port);
    kecs_w_object_end(w);
}


static kecs_rc_t
service_spec(build_t *b, kecs_str_t name, uint64_t deployment,
    kecs_str_t *out)
{
    size_t         i;
    kecs_buf_t     buf;
    kecs_writer_t  w;

    kecs_buf_init(&buf, b->a, 0);
    w = kecs_writer(&buf);

    kecs_w_object(&w, NULL);

    if (b->n == 0) {
        kecs_w_cstr(&w, "clusterIP", "None");

    } else {
        kecs_w_array(&w, "ports");

        for (i = 0; i < b->n; i++) {
            write_port(&w, &b->ports[i]);
        }

        kecs_w_array_end(&w);
    }

    selected(&w, b, "selector", name, deployment);
    kecs_w_cstr(&w, "sessionAffinity", "None");
    kecs_w_cstr(&w, "type", "ClusterIP");
    kecs_w_object_end(&w);

    *out = kecs_buf_view(&buf);

    return buf.failed ? KECS_NOMEM : KECS_OK;
}


static kecs_rc_t
budget_spec(build_t *b, kecs_str_t name, kecs_str_t *out)
{
    int64_t        least;
    kecs_buf_t     buf;
    kecs_writer_t  w;

    least = ((int64_t) b->f->desired * b->f->min_percent + 99) / 100;

    kecs_buf_init(&buf, b->a, 0);
    w = kecs_writer(&buf);

    kecs_w_object(&w, NULL);
    kecs_w_i64(&w, "minAvailable", least < INT32_MAX ? least : INT32_MAX);
    kecs_w_object(&w, "selector");
    selected(&w, b, "matchLabels", name, 0);
    kecs_w_object_end(&w);
    kecs_w_cstr(&w, "unhealthyPodEvictionPolicy", "AlwaysAllow");
    kecs_w_object_end(&w);

    *out = kecs_buf_view(&buf);

    return buf.failed ? KECS_NOMEM : KECS_OK;
}


/* No other service has it: those names end in a hash. */

static kecs_str_t
test_name(kecs_arena_t *a, kecs_str_t name)
{
    return kecs_sprintf(a, "%.*s-test", kecs_fmt(name));
}


/* What is not of the traffic: all metadata, both names. */

static kecs_rc_t
common_parts(build_t *b, kecs_service_objects_t *out)
{
    kecs_rc_t  rc;

    memset(out, 0, sizeof(*out));
    out->name = kecs_service_object_name(b->a, &b->f->place);

    if (out->name.data == NULL) {
        return KECS_NOMEM;
    }

    out->test_name = test_name(b->a, out->name);
    rc = out->test_name.data != NULL
         ? metadata(b, TRAFFIC_UNSAID, &out->budget.metadata) : KECS_NOMEM;

    if (rc == KECS_OK) {
        rc = metadata(b, is_shifting(b) ? TRAFFIC_TOLD : TRAFFIC_NONE,
                      &out->service.patch);
    }

    out->budget.patch = out->budget.metadata;
    out->test = out->budget;
    out->service.metadata = is_shifting(b) ? out->service.patch
                                           : out->budget.metadata;

    return rc;
}


kecs_rc_t
kecs_service_convert(kecs_arena_t *a, const kecs_service_facts_t *f,
    kecs_service_objects_t *out)
{
    build_t    b = { .a = a, .f = f };
    kecs_rc_t  rc;

    rc = common_parts(&b, out);

    if (rc == KECS_OK) {
        rc = gather_ports(&b);
    }

    if (rc == KECS_OK) {
        rc = service_spec(&b, out->name, selected_deployment(&f->traffic),
                          &out->service.spec);
    }

    if (rc == KECS_OK && f->traffic.test_weight != 0) {
        rc = service_spec(&b, out->name, f->traffic.green, &out->test.spec);
    }

    return rc == KECS_OK ? budget_spec(&b, out->name, &out->budget.spec)
                         : rc;
}


/* Comparing. */


static const kecs_json_t *
member(const kecs_json_t *o, kecs_str_t name)
{
    const kecs_json_t  *m;

    for (m = o->first; m != NULL; m = m->next) {
        if (kecs_str_eq(m->name, name)) {
            return m;
        }
    }

    return NULL;
}


static bool
selects(const kecs_json_t *o)
{
    return kecs_str_is(o->name, "selector")
           || kecs_str_is(o->name, "matchLabels");
}


bool
kecs_object_stands(const kecs_json_t *want, const kecs_json_t *is)
{
    const kecs_json_t  *w, *i;

    if (want->type == KECS_JSON_NULL) {
        return is == NULL;
    }

    if (is == NULL || is->type != want->type) {
        return false;
    }

    switch (want->type) {

    case KECS_JSON_ARRAY:
        if (is->n != want->n) {
            return false;
        }

        for (w = want->first, i = is->first; w != NULL;
             w = w->next, i = i->next)
        {
            if (!kecs_object_stands(w, i)) {
                return false;
            }
        }

        return true;

    case KECS_JSON_OBJECT:
        if (selects(want) && is->n != want->n) {
            return false;
        }

        for (w = want->first; w != NULL; w = w->next) {
            if (!kecs_object_stands(w, member(is, w->name))) {
                return false;
            }
        }

        return true;

    case KECS_JSON_BOOL:
        return want->boolean == is->boolean;

    default:
        return kecs_str_eq(want->str, is->str);
    }
}


/*
 * Account, region and cluster from "arn:..:KIND/CLUSTER/REST".  The rest is
 * taken for the name of the service.
 */

static bool
place_of(kecs_str_t text, const char *kind, kecs_service_place_t *p)
{
    kecs_arn_t  arn;
    kecs_str_t  rest, part;

    if (!kecs_arn_parse(text, &arn)) {
        return false;
    }

    rest = arn.resource;
    p->account = arn.account;
    p->region = arn.region;

    if (!kecs_str_split(&rest, '/', &part) || !kecs_str_is(part, kind)
        || !kecs_str_split(&rest, '/', &p->cluster))
    {
        return false;
    }

    p->service = rest;

    return rest.len > 0;
}


static kecs_str_t
annotation(const kecs_json_t *meta, const char *name)
{
    return kecs_json_str(kecs_json_at(meta, "annotations", name, NULL));
}


bool
kecs_object_is_made(kecs_arena_t *a, kecs_str_t uuid,
    const kecs_json_t *object)
{
    kecs_str_t             name, is;
    const kecs_json_t     *meta;
    kecs_service_place_t   p;

    meta = kecs_json_get(object, "metadata");
    is = kecs_json_str(kecs_json_get(meta, "name"));
    p.uuid = uuid;

    if (!place_of(annotation(meta, KECS_SERVICE_ARN), "service", &p)) {
        return false;
    }

    name = kecs_service_object_name(a, &p);

    return name.data != NULL
           && (kecs_str_eq(is, name)
               || kecs_str_eq(is, test_name(a, name)));
}


kecs_str_t
kecs_pod_lacks_object(kecs_arena_t *a, kecs_str_t uuid,
    const kecs_json_t *pod)
{
    kecs_str_t             group;
    const kecs_json_t     *meta;
    kecs_service_place_t   p;
    static const char      prefix[] = "service:";

    meta = kecs_json_get(pod, "metadata");
    group = annotation(meta, KECS_POD_GROUP);
    p.uuid = uuid;

    if (kecs_json_at(meta, "labels", KECS_POD_SERVICE, NULL) == NULL
        || kecs_json_at(meta, "labels", KECS_POD_OBJECT, NULL) != NULL
        || kecs_json_get(meta, "deletionTimestamp") != NULL
        || !kecs_str_starts(group, kecs_str(prefix))
        || !place_of(annotation(meta, KECS_POD_TASK_ARN), "task", &p))
    {
        return kecs_null_str;
    }

    p.service = kecs_str_from(group, sizeof(prefix) - 1);

    return kecs_service_object_name(a, &p);
}
