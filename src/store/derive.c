/*
 * Derivation: which index entries and counter contributions follow from one
 * state of one record.  A pure function of that state, so that put, del and
 * check can never disagree.  The meaning of each index is in store.h.
 */

#include "store_impl.h"


/* Starts an entry: index and scope; the caller adds the key. */

static void
entry_begin(kecs_key_t *k, kecs_index_t index, uint32_t scope)
{
    kecs_key_init(k);
    kecs_key_u8(k, (uint8_t) index);
    kecs_key_u32(k, kecs_index_scope(index, scope));
}


static void
entry_add(kecs_derived_t *d, const kecs_key_t *k)
{
    if (k->failed || k->len > KECS_LMDB_KEY_MAX
        || d->n == KECS_DERIVED_MAX)
    {
        d->failed = true;
        return;
    }

    memcpy(d->bytes + d->used, k->data, k->len);
    d->entry[d->n].at = (uint16_t) d->used;
    d->entry[d->n].len = (uint16_t) k->len;
    d->used += k->len;
    d->n++;
}


/* (key = a name) under the record's scope. */

static void
entry_name(kecs_derived_t *d, kecs_index_t index, uint32_t scope,
    kecs_str_t name)
{
    kecs_key_t  k;

    entry_begin(&k, index, scope);
    kecs_key_str(&k, name);
    entry_add(d, &k);
}


static void
entry_cluster_name(kecs_derived_t *d, kecs_index_t index, uint32_t scope,
    uint32_t cluster, kecs_str_t name)
{
    kecs_key_t  k;

    entry_begin(&k, index, scope);
    kecs_key_u32(&k, cluster);
    kecs_key_str(&k, name);
    entry_add(d, &k);
}


/* (key = a namespace, a cluster, a name); nothing without a namespace. */

static void
entry_namespace(kecs_derived_t *d, kecs_index_t index, uint32_t scope,
    kecs_str_t namespace, uint32_t cluster, kecs_str_t name)
{
    kecs_key_t  k;

    if (namespace.len == 0) {
        return;
    }

    entry_begin(&k, index, scope);
    kecs_key_str(&k, namespace);
    kecs_key_u32(&k, cluster);
    kecs_key_str(&k, name);
    entry_add(d, &k);
}


/* What will expire: by the moment it became old. */

static void
entry_expiry(kecs_derived_t *d, const void *rec, kecs_msec_t since)
{
    kecs_key_t  k;

    entry_begin(&k, KECS_IX_EXPIRY, 0);
    kecs_key_u64(&k, since > 0 ? (uint64_t) since : 0);
    kecs_ref_key(&k, rec);
    entry_add(d, &k);
}


static kecs_counts_t *
count_add(kecs_derived_t *d, uint32_t cluster, uint32_t service,
    uint64_t deployment)
{
    kecs_contribution_t  *c;

    c = &d->count[d->counts++];
    memset(c, 0, sizeof(*c));
    c->cluster = cluster;
    c->service = service;
    c->deployment = deployment;

    return &c->counts;
}


static void
derive_cluster(const kecs_cluster_t *c, kecs_derived_t *d)
{
    entry_name(d, KECS_IX_CLUSTER_NAME, c->rec.scope, c->name);

    if (c->status == KECS_CLUSTER_ACTIVE) {
        entry_name(d, KECS_IX_CLUSTER_ACTIVE, c->rec.scope, c->name);
        entry_namespace(d, KECS_IX_CLUSTER_NAMESPACE, c->rec.scope,
                        c->namespace, 0, c->name);
    }

    if (c->status == KECS_CLUSTER_INACTIVE) {
        entry_expiry(d, c, c->deleted_at);
    }
}


/* A family whose revisions are all gone is in neither list. */

static void
derive_family(const kecs_family_t *f, kecs_derived_t *d)
{
    if (f->active == 0 && f->purged != 0 && f->purged == f->last) {
        return;
    }

    entry_name(d, f->active ? KECS_IX_FAMILY_ACTIVE
                            : KECS_IX_FAMILY_INACTIVE, f->rec.scope, f->name);
}


static void
derive_taskdef(const kecs_taskdef_t *t, kecs_derived_t *d)
{
    kecs_key_t  k;

    entry_begin(&k, KECS_IX_TASKDEF, t->rec.scope);
    kecs_key_u8(&k, t->status);
    kecs_key_str(&k, t->family);
    kecs_key_u32(&k, t->revision);
    entry_add(d, &k);

    if (t->status == KECS_TASKDEF_DELETING) {
        entry_expiry(d, t, t->delete_requested_at);
    }
}


static void
derive_instance_counts(const kecs_task_t *t, kecs_derived_t *d)
{
    kecs_counts_t  *c;

    if (!kecs_task_on_instance(t) || t->status == KECS_TASK_STOPPED) {
        return;
    }

    c = count_add(d, t->cluster, KECS_COUNT_INSTANCE,
                  kecs_count_instance(t->instance));
    c->running = t->status == KECS_TASK_RUNNING;
    c->pending = t->status < KECS_TASK_RUNNING
                 && t->desired == KECS_DESIRED_RUNNING;
    c->live = 1;
    c->cpu = t->cpu;
    c->memory = t->memory;

    c = count_add(d, t->cluster, KECS_COUNT_GROUP,
                  kecs_count_group(t->instance, t->group));
    c->live = 1;
}


static void
derive_task_counts(const kecs_task_t *t, kecs_derived_t *d)
{
    unsigned        i, n;
    kecs_counts_t  *c[KECS_COUNTS_MAX];

    n = 0;
    c[n++] = count_add(d, t->cluster, 0, 0);

    if (t->service != 0) {
        c[n++] = count_add(d, t->cluster, t->service, 0);
    }

    if (t->service != 0 && t->deployment != 0) {
        c[n++] = count_add(d, t->cluster, t->service, t->deployment);
    }

    for (i = 0; i < n; i++) {
        c[i]->running = t->status == KECS_TASK_RUNNING;
        c[i]->pending = t->status < KECS_TASK_RUNNING
                        && t->desired == KECS_DESIRED_RUNNING;
        c[i]->live = t->status != KECS_TASK_STOPPED;
    }

    if (t->launch < KECS_LAUNCHES) {
        c[0]->by[KECS_BY_RUNNING][t->launch] = c[0]->running;
        c[0]->by[KECS_BY_PENDING][t->launch] = c[0]->pending;
    }

    derive_instance_counts(t, d);
}


static void
derive_task_instance(const kecs_task_t *t, kecs_derived_t *d)
{
    kecs_key_t  k;

    if (!kecs_task_on_instance(t)) {
        return;
    }

    entry_begin(&k, KECS_IX_TASK_INSTANCE, t->rec.scope);
    kecs_key_u32(&k, t->cluster);
    kecs_key_bytes(&k, t->instance, KECS_ID_LEN);
    kecs_key_u8(&k, t->desired);
    kecs_key_bytes(&k, t->id, KECS_ID_LEN);
    entry_add(d, &k);

    if (t->status == KECS_TASK_STOPPED) {
        return;
    }

    entry_begin(&k, KECS_IX_TASK_INSTANCE_LIVE, t->rec.scope);
    kecs_key_u32(&k, t->cluster);
    kecs_key_bytes(&k, t->instance, KECS_ID_LEN);
    kecs_key_bytes(&k, t->id, KECS_ID_LEN);
    entry_add(d, &k);
}


static void
derive_task(const kecs_task_t *t, kecs_derived_t *d)
{
    kecs_key_t  k;
    uint32_t    scope;

    scope = t->rec.scope;
    derive_task_instance(t, d);

    entry_begin(&k, KECS_IX_TASK_DESIRED, scope);
    kecs_key_u32(&k, t->cluster);
    kecs_key_u8(&k, t->desired);
    kecs_key_bytes(&k, t->id, KECS_ID_LEN);
    entry_add(d, &k);

    if (t->service != 0) {
        entry_begin(&k, KECS_IX_TASK_SERVICE, scope);
        kecs_key_u32(&k, t->cluster);
        kecs_key_u32(&k, t->service);
        kecs_key_u8(&k, t->desired);
        kecs_key_bytes(&k, t->id, KECS_ID_LEN);
        entry_add(d, &k);
    }

    entry_begin(&k, KECS_IX_TASK_FAMILY, scope);
    kecs_key_u32(&k, t->cluster);
    kecs_key_u8(&k, t->desired);
    kecs_key_str(&k, t->family);
    kecs_key_bytes(&k, t->id, KECS_ID_LEN);
    entry_add(d, &k);

    if (t->started_by.len != 0) {
        entry_begin(&k, KECS_IX_TASK_STARTED_BY, scope);
        kecs_key_u32(&k, t->cluster);
        kecs_key_u8(&k, t->desired);
        kecs_key_str(&k, t->started_by);
        kecs_key_bytes(&k, t->id, KECS_ID_LEN);
        entry_add(d, &k);
    }

    if (t->status != KECS_TASK_STOPPED) {
        entry_begin(&k, KECS_IX_TASK_LIVE, scope);
        kecs_key_u32(&k, t->cluster);
        kecs_key_bytes(&k, t->id, KECS_ID_LEN);
        entry_add(d, &k);

    } else {
        entry_expiry(d, t, t->stopped_at);
    }

    entry_begin(&k, KECS_IX_TASK_HANDLE, scope);
    kecs_key_bytes(&k, t->id, KECS_ID_LEN);
    entry_add(d, &k);

    if (t->provider.len != 0 && t->status != KECS_TASK_STOPPED) {
        entry_begin(&k, KECS_IX_TASK_PROVIDER, scope);
        kecs_key_u32(&k, t->cluster);
        kecs_key_str(&k, t->provider);
        kecs_key_bytes(&k, t->id, KECS_ID_LEN);
        entry_add(d, &k);
    }

    derive_task_counts(t, d);
}


static void
derive_service(const kecs_service_t *s, kecs_derived_t *d)
{
    unsigned        launch;
    kecs_key_t      k;
    kecs_counts_t  *c;

    entry_cluster_name(d, KECS_IX_SERVICE_NAME, s->rec.scope, s->cluster,
                       s->name);

    if (s->status == KECS_SERVICE_ACTIVE) {
        entry_cluster_name(d, KECS_IX_SERVICE_ACTIVE, s->rec.scope,
                           s->cluster, s->name);
        entry_namespace(d, KECS_IX_SERVICE_NAMESPACE, s->rec.scope,
                        s->namespace, s->cluster, s->name);
    }

    if (s->status == KECS_SERVICE_INACTIVE) {
        entry_expiry(d, s, s->deleted_at);
        return;
    }

    entry_begin(&k, KECS_IX_SERVICE_LIVE, s->rec.scope);
    kecs_key_u32(&k, s->cluster);
    kecs_key_u32(&k, s->no);
    entry_add(d, &k);

    c = count_add(d, s->cluster, 0, 0);
    c->services = s->status == KECS_SERVICE_ACTIVE;
    c->draining = s->status == KECS_SERVICE_DRAINING;

    launch = s->launch != 0 ? s->launch : s->counted;

    if (launch < KECS_LAUNCHES) {
        c->by[KECS_BY_ACTIVE][launch] = c->services;
        c->by[KECS_BY_DRAINING][launch] = c->draining;
    }
}


static void
derive_deployment(const kecs_deployment_t *p, kecs_derived_t *d)
{
    kecs_key_t  k;

    if (p->status == KECS_DEPLOYMENT_INACTIVE) {
        entry_expiry(d, p, p->updated_at);
        return;
    }

    entry_begin(&k, KECS_IX_DEPLOYMENT_LIVE, p->rec.scope);
    kecs_key_u32(&k, p->cluster);
    kecs_key_u32(&k, p->service);
    kecs_key_u64(&k, p->id);
    entry_add(d, &k);
}


static void
derive_provider(const kecs_provider_t *p, kecs_derived_t *d)
{
    if (p->status == KECS_PROVIDER_INACTIVE) {
        entry_expiry(d, p, p->deleted_at);
        return;
    }

    entry_name(d, KECS_IX_PROVIDER_ACTIVE, p->rec.scope, p->name);

    if (p->cluster != 0) {
        entry_cluster_name(d, KECS_IX_PROVIDER_CLUSTER, p->rec.scope,
                           p->cluster, p->name);
    }
}


/* Service deployments, service revisions. */

static void
derive_service_deployment(const kecs_service_deployment_t *p,
    kecs_derived_t *d)
{
    kecs_key_t  k;

    entry_begin(&k, KECS_IX_SERVICE_DEPLOYMENT_NAME, p->rec.scope);
    kecs_key_u32(&k, p->cluster);
    kecs_key_u32(&k, p->service);
    kecs_key_str(&k, p->name);
    entry_add(d, &k);

    entry_begin(&k, KECS_IX_SERVICE_DEPLOYMENT_TIME, p->rec.scope);
    kecs_key_u32(&k, p->cluster);
    kecs_key_u32(&k, p->service);
    kecs_key_u64(&k, (uint64_t) p->created_at);
    kecs_key_u64(&k, p->id);
    entry_add(d, &k);

    if (!kecs_service_deployment_live(p->status)) {
        entry_expiry(d, p, p->updated_at);
        return;
    }

    entry_begin(&k, KECS_IX_SERVICE_DEPLOYMENT_LIVE, p->rec.scope);
    kecs_key_u32(&k, p->cluster);
    kecs_key_u32(&k, p->service);
    kecs_key_u64(&k, p->id);
    entry_add(d, &k);
}


static void
derive_revision(const kecs_revision_t *p, kecs_derived_t *d)
{
    if (p->ended_at != 0) {
        entry_expiry(d, p, p->ended_at);
    }
}


/* Daemons, gateways. */

static void
derive_daemon(const kecs_daemon_t *p, kecs_derived_t *d)
{
    kecs_key_t  k;

    entry_cluster_name(d, KECS_IX_DAEMON_NAME, p->rec.scope, p->cluster,
                       p->name);

    entry_begin(&k, KECS_IX_DAEMON_USE, p->rec.scope);
    kecs_key_str(&k, p->family);
    kecs_key_u32(&k, p->revision);
    kecs_key_u32(&k, p->cluster);
    kecs_key_u32(&k, p->no);
    entry_add(d, &k);
}


static void
derive_daemon_taskdef(const kecs_taskdef_t *t, kecs_derived_t *d)
{
    kecs_key_t  k;

    entry_begin(&k, KECS_IX_DAEMON_TASKDEF, t->rec.scope);
    kecs_key_str(&k, t->family);
    kecs_key_u32(&k, t->revision);
    kecs_key_u8(&k, t->status);
    entry_add(d, &k);

    if (t->status == KECS_DAEMON_TASKDEF_DELETED) {
        entry_expiry(d, t, t->delete_requested_at);
    }
}


static void
derive_daemon_deployment(const kecs_daemon_deployment_t *p,
    kecs_derived_t *d)
{
    kecs_key_t  k;

    entry_begin(&k, KECS_IX_DAEMON_DEPLOYMENT, p->rec.scope);
    kecs_key_u32(&k, p->cluster);
    kecs_key_u32(&k, p->daemon);
    kecs_key_u64(&k, (uint64_t) p->created_at);
    kecs_key_str(&k, p->name);
    entry_add(d, &k);

    if (p->replaced_at != 0) {
        entry_expiry(d, p, p->replaced_at);
    }
}


static void
derive_daemon_revision(const kecs_daemon_revision_t *p, kecs_derived_t *d)
{
    if (p->replaced_at != 0) {
        entry_expiry(d, p, p->replaced_at);
    }
}


static void
derive_gateway_route(const kecs_gateway_route_t *p, kecs_derived_t *d)
{
    kecs_key_t  k;

    entry_begin(&k, KECS_IX_ROUTE_SERVICE, p->rec.scope);
    kecs_key_u32(&k, p->cluster);
    kecs_key_u32(&k, p->service);
    kecs_key_str(&k, p->gateway);
    kecs_key_bytes(&k, p->id, KECS_ID_LEN);
    entry_add(d, &k);
}


static void
derive_gateway_association(const kecs_gateway_association_t *p,
    kecs_derived_t *d)
{
    entry_cluster_name(d, KECS_IX_GATEWAY_CLUSTER, p->rec.scope, p->cluster,
                       p->gateway);
}


/* Container instances. */

static void
derive_instance(const kecs_instance_t *p, kecs_derived_t *d)
{
    kecs_key_t  k;

    if (p->status == KECS_INSTANCE_INACTIVE) {
        entry_expiry(d, p, p->deregistered_at);
        return;
    }

    entry_begin(&k, KECS_IX_INSTANCE, p->rec.scope);
    kecs_key_u32(&k, p->cluster);
    kecs_key_bytes(&k, p->id, KECS_ID_LEN);
    entry_add(d, &k);

    if (p->node.len != 0) {
        entry_begin(&k, KECS_IX_INSTANCE_NODE, 0);
        kecs_key_str(&k, p->node);
        kecs_key_u32(&k, p->rec.scope);
        kecs_key_u32(&k, p->cluster);
        kecs_key_bytes(&k, p->id, KECS_ID_LEN);
        entry_add(d, &k);
    }

    count_add(d, p->cluster, 0, 0)->instances = 1;
}


void
kecs_derive(const void *rec, kecs_derived_t *d)
{
    d->n = 0;
    d->counts = 0;
    d->failed = false;
    d->used = 0;

    if (rec == NULL) {
        return;
    }

    switch (((const kecs_rec_t *) rec)->kind) {

    case KECS_CLUSTER:
        derive_cluster(rec, d);
        break;
    case KECS_FAMILY:
        derive_family(rec, d);
        break;
    case KECS_TASKDEF:
        derive_taskdef(rec, d);
        break;
    case KECS_TASK:
        derive_task(rec, d);
        break;
    case KECS_INSTANCE:
        derive_instance(rec, d);
        break;
    case KECS_SERVICE:
        derive_service(rec, d);
        break;
    case KECS_DEPLOYMENT:
        derive_deployment(rec, d);
        break;
    case KECS_SERVICE_DEPLOYMENT:
        derive_service_deployment(rec, d);
        break;
    case KECS_REVISION:
        derive_revision(rec, d);
        break;
    case KECS_DAEMON:
        derive_daemon(rec, d);
        break;
    case KECS_DAEMON_TASKDEF:
        derive_daemon_taskdef(rec, d);
        break;
    case KECS_DAEMON_DEPLOYMENT:
        derive_daemon_deployment(rec, d);
        break;
    case KECS_DAEMON_REVISION:
        derive_daemon_revision(rec, d);
        break;
    case KECS_GATEWAY_ROUTE:
        derive_gateway_route(rec, d);
        break;
    case KECS_GATEWAY_ASSOCIATION:
        derive_gateway_association(rec, d);
        break;
    case KECS_TOKEN:
        entry_expiry(d, rec, ((const kecs_token_t *) rec)->created_at);
        break;
    case KECS_CAPACITY_PROVIDER:
        derive_provider(rec, d);
        break;
    default:
        break;
    }
}
