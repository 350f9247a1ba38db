/*
 * What containers of a task share in a pod although ECS says it for each:
 * resolver, host names, kernel settings.
 */

#include "pod_parts.h"


#define SERVERS_MAX  3              /* more no resolver asks */
#define SEARCH_MAX   32
#define HOSTS_MAX    256
#define SYSCTLS_MAX  128

typedef struct {
    kecs_str_t  key;
    kecs_str_t  value;
} pair_t;

typedef struct {
    pair_t  *items;
    size_t   n;
    size_t   max;
} pairs_t;


static kecs_rc_t
pairs(kecs_pod_build_t *b, pairs_t *p, size_t max)
{
    p->n = 0;
    p->max = max;
    p->items = kecs_calloc(b->a, max, sizeof(pair_t));

    return p->items ? KECS_OK : KECS_NOMEM;
}


/* Adds a pair that is not there yet; more than fit are left out. */

static void
add(pairs_t *p, kecs_str_t key, kecs_str_t value)
{
    size_t  i;

    for (i = 0; i < p->n; i++) {
        if (kecs_str_eq(p->items[i].key, key)
            && kecs_str_eq(p->items[i].value, value))
        {
            return;
        }
    }

    if (p->n < p->max) {
        p->items[p->n].key = key;
        p->items[p->n].value = value;
        p->n++;
    }
}


static void
write_keys(kecs_writer_t *w, const char *name, const pairs_t *p)
{
    size_t  i;

    if (p->n == 0) {
        return;
    }

    kecs_w_array(w, name);

    for (i = 0; i < p->n; i++) {
        kecs_w_str(w, NULL, p->items[i].key);
    }

    kecs_w_array_end(w);
}


static kecs_rc_t
resolver(kecs_pod_build_t *b)
{
    size_t                                  i, k;
    pairs_t                                 servers, searches;
    kecs_writer_t                          *w = &b->w;
    const kecs_ecs_container_definition_t  *d;

    if (pairs(b, &servers, SERVERS_MAX) != KECS_OK
        || pairs(b, &searches, SEARCH_MAX) != KECS_OK)
    {
        return KECS_NOMEM;
    }

    for (i = 0; i < b->n; i++) {
        d = b->containers[i].d;

        for (k = 0; k < d->dns_servers.n; k++) {
            add(&servers, d->dns_servers.items[k], kecs_str(""));
        }

        for (k = 0; k < d->dns_search_domains.n; k++) {
            add(&searches, d->dns_search_domains.items[k], kecs_str(""));
        }
    }

    if (servers.n + searches.n > 0) {
        kecs_w_object(w, "dnsConfig");
        write_keys(w, "nameservers", &servers);
        write_keys(w, "searches", &searches);
        kecs_w_object_end(w);
    }

    kecs_w_cstr(w, "dnsPolicy", servers.n > 0 ? "None"
                : kecs_pod_in_host_network(b) ? "ClusterFirstWithHostNet"
                : "ClusterFirst");

    return KECS_OK;
}


/* "NAME:ALIAS" or "NAME" of a container that shares our network. */

static void
add_link(pairs_t *hosts, kecs_str_t link)
{
    kecs_str_t  name;

    (void) kecs_str_split(&link, ':', &name);

    add(hosts, kecs_str("127.0.0.1"), name);

    if (link.len > 0) {
        add(hosts, kecs_str("127.0.0.1"), link);
    }
}


/* One entry per address, with all its names. */

static void
write_hosts(kecs_writer_t *w, const pairs_t *hosts)
{
    size_t  i, k;

    kecs_w_array(w, "hostAliases");

    for (i = 0; i < hosts->n; i++) {

        for (k = 0; k < i; k++) {
            if (kecs_str_eq(hosts->items[k].key, hosts->items[i].key)) {
                break;
            }
        }

        if (k < i) {
            continue;
        }

        kecs_w_object(w, NULL);
        kecs_w_array(w, "hostnames");

        for (k = i; k < hosts->n; k++) {
            if (kecs_str_eq(hosts->items[k].key, hosts->items[i].key)) {
                kecs_w_str(w, NULL, hosts->items[k].value);
            }
        }

        kecs_w_array_end(w);
        kecs_w_str(w, "ip", hosts->items[i].key);
        kecs_w_object_end(w);
    }

    kecs_w_array_end(w);
}


static kecs_rc_t
hosts(kecs_pod_build_t *b)
{
    size_t                                  i, k;
    pairs_t                                 p;
    const kecs_ecs_container_definition_t  *d;

    if (pairs(b, &p, HOSTS_MAX) != KECS_OK) {
        return KECS_NOMEM;
    }

    for (i = 0; i < b->n; i++) {
        d = b->containers[i].d;

        for (k = 0; k < d->extra_hosts.n; k++) {
            add(&p, d->extra_hosts.items[k].ip_address,
                d->extra_hosts.items[k].hostname);
        }

        for (k = 0; kecs_pod_in_bridge(b) && k < d->links.n; k++) {
            add_link(&p, d->links.items[k]);
        }
    }

    if (p.n > 0) {
        write_hosts(&b->w, &p);
    }

    return KECS_OK;
}


static void
hostname(kecs_pod_build_t *b)
{
    size_t      i;
    kecs_str_t  name, other;

    name = kecs_null_str;

    for (i = 0; i < b->n; i++) {
        other = b->containers[i].d->hostname;

        if (other.len == 0) {
            continue;
        }

        if (name.data != NULL && !kecs_str_eq(name, other)) {
            return;
        }

        name = other;
    }

    if (kecs_pod_is_label(name) && !kecs_pod_in_host_network(b)) {
        kecs_w_str(&b->w, "hostname", name);
    }
}


static kecs_rc_t
add_sysctl(kecs_pod_build_t *b, pairs_t *p,
    const kecs_ecs_container_definition_t *d,
    const kecs_ecs_system_control_t *c)
{
    size_t  i;

    for (i = 0; i < p->n; i++) {
        if (kecs_str_eq(p->items[i].key, c->namespace)
            && !kecs_str_eq(p->items[i].value, c->value))
        {
            return kecs_pod_no(b, "The field containerDefinitions[%.*s]."
                               "systemControls contradicts that of another "
                               "container for %.*s; containers of a task "
                               "share it.", kecs_fmt(d->name),
                               kecs_fmt(c->namespace));
        }
    }

    add(p, c->namespace, c->value);

    return KECS_OK;
}


static kecs_rc_t
sysctls(kecs_pod_build_t *b)
{
    size_t                                  i, k;
    pairs_t                                 p;
    kecs_rc_t                               rc;
    kecs_writer_t                          *w = &b->w;
    const kecs_ecs_container_definition_t  *d;

    if (pairs(b, &p, SYSCTLS_MAX) != KECS_OK) {
        return KECS_NOMEM;
    }

    for (i = 0; i < b->n; i++) {
        d = b->containers[i].d;

        for (k = 0; k < d->system_controls.n; k++) {
            rc = add_sysctl(b, &p, d, &d->system_controls.items[k]);
            if (rc != KECS_OK) {
                return rc;
            }
        }
    }

    if (p.n == 0) {
        return KECS_OK;
    }

    kecs_w_object(w, "securityContext");
    kecs_w_array(w, "sysctls");

    for (i = 0; i < p.n; i++) {
        kecs_w_object(w, NULL);
        kecs_w_str(w, "name", p.items[i].key);
        kecs_w_str(w, "value", p.items[i].value);
        kecs_w_object_end(w);
    }

    kecs_w_array_end(w);
    kecs_w_object_end(w);

    return KECS_OK;
}


kecs_rc_t
kecs_pod_write_network(kecs_pod_build_t *b)
{
    kecs_rc_t  rc;

    rc = resolver(b);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = hosts(b);
    if (rc != KECS_OK) {
        return rc;
    }

    hostname(b);

    return sysctls(b);
}
