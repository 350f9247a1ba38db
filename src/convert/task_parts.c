/*
 * Parts of task records: what a definition says of its containers, the
 * network interface, ports of the host.  All memory is from the arena
 * given.
 */

#include "../aws/arn.h"
#include "task_parts.h"


#define ENI_TYPE  "ElasticNetworkInterface"

/* The default of restartAttemptPeriod, in seconds. */
#define RESTART_PERIOD  300


const kecs_ecs_container_definition_t *
kecs_definition_container(const kecs_ecs_task_definition_t *definition,
    kecs_str_t name)
{
    size_t                                  i;
    const kecs_ecs_container_definitions_t  *list;

    if (definition == NULL) {
        return NULL;
    }

    list = &definition->container_definitions;

    for (i = 0; i < list->n; i++) {
        if (kecs_str_eq(list->items[i].name, name)) {
            return &list->items[i];
        }
    }

    return NULL;
}


bool
kecs_container_essential(const kecs_ecs_container_definition_t *d)
{
    return d == NULL || !d->essential.set || d->essential.value;
}


bool
kecs_container_checked(const kecs_ecs_container_definition_t *d)
{
    const kecs_ecs_string_list_t  *command;

    if (d == NULL || d->health_check == NULL) {
        return false;
    }

    command = &d->health_check->command;

    return command->n > 0 && !kecs_str_is(command->items[0], "NONE");
}


bool
kecs_container_persists(const kecs_ecs_container_definition_t *d)
{
    return d != NULL && d->restart_policy != NULL
           && d->restart_policy->enabled.value;
}


bool
kecs_container_ignores(const kecs_ecs_container_definition_t *d, int code)
{
    size_t                         i;
    const kecs_ecs_integer_list_t  *codes;

    if (!kecs_container_persists(d)) {
        return true;
    }

    codes = &d->restart_policy->ignored_exit_codes;

    for (i = 0; i < codes->n; i++) {
        if (codes->items[i].value == code) {
            return true;
        }
    }

    return false;
}


bool
kecs_container_restarts(const kecs_ecs_container_definition_t *d, int code,
    kecs_msec_t ran)
{
    int64_t         seconds;
    kecs_opt_int_t  period;

    if (kecs_container_ignores(d, code)) {
        return false;
    }

    period = d->restart_policy->restart_attempt_period;
    seconds = period.set ? period.value : RESTART_PERIOD;

    return ran >= seconds * 1000;
}


bool
kecs_dependency_ends(const kecs_ecs_container_dependency_t *d)
{
    return kecs_str_is(d->condition, "COMPLETE")
           || kecs_str_is(d->condition, "SUCCESS");
}


/* Details of attachments; all derived, so that they stay. */

typedef struct {
    kecs_ecs_key_value_pair_t  *items;
    size_t                      n;
} details_t;


static void
detail(details_t *d, const char *name, kecs_str_t value)
{
    size_t  i;

    if (value.data == NULL) {
        return;
    }

    for (i = 0; i < d->n; i++) {
        if (kecs_str_is(d->items[i].name, name)) {
            d->items[i].value = value;
            return;
        }
    }

    d->items[d->n].name = kecs_str_of(name);
    d->items[d->n].value = value;
    d->n++;
}


static kecs_str_t
private_dns(kecs_arena_t *a, const kecs_task_parts_t *p, kecs_str_t address)
{
    char        *s;
    size_t       i;
    kecs_arn_t   arn;
    kecs_str_t   host;

    host = kecs_strdup(a, address);
    if (host.data == NULL || p->view->containers.n == 0
        || !kecs_arn_parse(p->view->containers.items[0].task_arn, &arn))
    {
        return kecs_null_str;
    }

    s = (char *) host.data;

    for (i = 0; i < host.len; i++) {
        if (s[i] == '.') {
            s[i] = '-';
        }
    }

    if (kecs_str_is(arn.region, "us-east-1")) {
        return kecs_sprintf(a, "ip-%.*s.ec2.internal", kecs_fmt(host));
    }

    return kecs_sprintf(a, "ip-%.*s.%.*s.compute.internal", kecs_fmt(host),
                        kecs_fmt(arn.region));
}


/* Those that it has, and room for more. */

static kecs_rc_t
details_of(kecs_arena_t *a, const kecs_ecs_attachment_t *t, size_t more,
    details_t *d)
{
    size_t  i;

    d->n = t->details.n;
    d->items = kecs_calloc(a, d->n + more, sizeof(*d->items));
    if (d->items == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < d->n; i++) {
        d->items[i] = t->details.items[i];
    }

    return KECS_OK;
}


static void
attached(kecs_ecs_attachment_t *t, const details_t *d)
{
    t->details.items = d->items;
    t->details.n = d->n;
    t->details.set = true;
    t->status = kecs_str("ATTACHED");
}


/* It is neither attached nor gone. */

static bool
awaited(const kecs_ecs_attachment_t *t)
{
    return !kecs_str_is(t->status, "ATTACHED")
           && !kecs_str_is(t->status, "DELETED");
}


static kecs_rc_t
attach_interface(kecs_arena_t *a, const kecs_task_t *task,
    kecs_task_parts_t *p, kecs_ecs_attachment_t *eni, kecs_str_t address)
{
    char        id[2 * KECS_ID_LEN];
    details_t   d;

    if (details_of(a, eni, 5, &d) != KECS_OK) {
        return KECS_NOMEM;
    }

    kecs_hex(task->id, KECS_ID_LEN, id);

    detail(&d, "networkInterfaceId", kecs_sprintf(a, "eni-0%.16s", id));
    detail(&d, "macAddress",
           kecs_sprintf(a, "0a:%.2s:%.2s:%.2s:%.2s:%.2s", id + 16, id + 18,
                        id + 20, id + 22, id + 24));

    if (kecs_str_chr(address, ':') < 0) {
        detail(&d, "privateDnsName", private_dns(a, p, address));
        detail(&d, "privateIPv4Address", kecs_strdup(a, address));

    } else {
        detail(&d, "ipv6Address", kecs_strdup(a, address));
    }

    attached(eni, &d);

    return KECS_OK;
}


static kecs_rc_t
show_interface(kecs_arena_t *a, kecs_ecs_container_t *c,
    const kecs_ecs_attachment_t *eni, kecs_str_t address)
{
    kecs_ecs_network_interface_t  *ni;

    ni = kecs_calloc(a, 1, sizeof(*ni));
    if (ni == NULL) {
        return KECS_NOMEM;
    }

    ni->attachment_id = eni->id;

    if (kecs_str_chr(address, ':') < 0) {
        ni->private_ipv4_address = kecs_strdup(a, address);

    } else {
        ni->ipv6_address = kecs_strdup(a, address);
    }

    c->network_interfaces.items = ni;
    c->network_interfaces.n = 1;
    c->network_interfaces.set = true;

    return KECS_OK;
}


kecs_rc_t
kecs_task_attach(kecs_arena_t *a, const kecs_task_t *task,
    kecs_task_parts_t *p, kecs_str_t address)
{
    size_t                  i;
    kecs_rc_t               rc;
    kecs_ecs_attachment_t  *eni;

    eni = NULL;

    for (i = 0; i < p->view->attachments.n; i++) {
        if (kecs_str_is(p->view->attachments.items[i].type, ENI_TYPE)) {
            eni = &p->view->attachments.items[i];
            break;
        }
    }

    if (eni == NULL || !awaited(eni)) {
        return KECS_OK;
    }

    rc = attach_interface(a, task, p, eni, address);

    for (i = 0; rc == KECS_OK && i < p->view->containers.n; i++) {
        rc = show_interface(a, &p->view->containers.items[i], eni, address);
    }

    return rc;
}


kecs_str_t
kecs_task_volume_id(kecs_arena_t *a, const kecs_task_t *task)
{
    char  id[2 * KECS_ID_LEN];

    kecs_hex(task->id, KECS_ID_LEN, id);

    return kecs_sprintf(a, "vol-0%.16s", id + 16);
}


kecs_rc_t
kecs_task_attach_volumes(kecs_arena_t *a, const kecs_task_t *task,
    kecs_task_parts_t *p)
{
    size_t                  i;
    details_t               d;
    kecs_str_t              id;
    kecs_ecs_attachment_t  *t;

    for (i = 0; i < p->view->attachments.n; i++) {
        t = &p->view->attachments.items[i];

        if (!kecs_str_is(t->type, KECS_EBS_ATTACHMENT) || !awaited(t)) {
            continue;
        }

        id = kecs_task_volume_id(a, task);

        if (id.data == NULL || details_of(a, t, 1, &d) != KECS_OK) {
            return KECS_NOMEM;
        }

        detail(&d, "volumeId", id);
        attached(t, &d);
    }

    return KECS_OK;
}


/* The host's port that a mapping leads from, 0: none that is known. */

static int64_t
host_port(const kecs_ecs_port_mapping_t *m, kecs_str_t network_mode)
{
    if (m->host_port.set && m->host_port.value > 0) {
        return m->host_port.value;
    }

    return kecs_str_is(network_mode, "host") && m->container_port.set
           ? m->container_port.value : 0;
}


kecs_rc_t
kecs_container_bind(kecs_arena_t *a, kecs_ecs_container_t *c,
    const kecs_ecs_container_definition_t *d, kecs_str_t network_mode)
{
    size_t                          i;
    int64_t                         port;
    const kecs_ecs_port_mapping_t  *m;
    kecs_ecs_network_binding_t     *b;

    c->network_bindings.set = true;
    c->network_bindings.n = 0;

    if (d == NULL || d->port_mappings.n == 0
        || kecs_str_is(network_mode, "awsvpc"))
    {
        return KECS_OK;
    }

    b = kecs_calloc(a, d->port_mappings.n, sizeof(*b));
    if (b == NULL) {
        return KECS_NOMEM;
    }

    c->network_bindings.items = b;

    for (i = 0; i < d->port_mappings.n; i++) {
        m = &d->port_mappings.items[i];
        port = host_port(m, network_mode);

        if (port == 0) {
            continue;
        }

        b = &c->network_bindings.items[c->network_bindings.n++];
        b->bind_ip = kecs_str("0.0.0.0");
        b->container_port = m->container_port;
        b->host_port = (kecs_opt_int_t) { port, true };
        b->protocol = m->protocol.data != NULL ? m->protocol
                                               : kecs_str("tcp");
    }

    return KECS_OK;
}
