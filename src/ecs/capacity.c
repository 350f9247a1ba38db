/*
 * Capacity providers: CreateCapacityProvider, UpdateCapacityProvider and
 * DeleteCapacityProvider, and what other operations ask of them.  FARGATE
 * and FARGATE_SPOT have no record.  One of managed instances belongs to a
 * cluster and is in its list from its creation to its end; one of an Auto
 * Scaling group serves the clusters that list it.
 *
 * There is nothing behind a provider that would take time: what a request
 * asks is done when it is answered.  UpdateCapacityProvider and
 * DeleteCapacityProvider answer IN_PROGRESS as ECS does, and the next
 * answer shows the end.
 */

#include "capacity_intern.h"


bool
kecs_provider_built_in(kecs_str_t name)
{
    return kecs_str_is(name, "FARGATE") || kecs_str_is(name, "FARGATE_SPOT");
}


kecs_rc_t
kecs_provider_get(kecs_call_t *c, kecs_str_t name, unsigned parts,
    kecs_provider_t *out)
{
    memset(out, 0, sizeof(kecs_provider_t));
    out->rec.kind = KECS_CAPACITY_PROVIDER;
    out->rec.scope = c->scope;
    out->name = name;

    return c->scope != 0 ? kecs_get(c->txn, c->arena, out, parts)
                         : KECS_NOT_FOUND;
}


kecs_rc_t
kecs_provider_launch(kecs_call_t *c, kecs_str_t name, unsigned *launch)
{
    kecs_rc_t        rc;
    kecs_provider_t  p;

    if (kecs_provider_built_in(name)) {
        *launch = KECS_LAUNCH_FARGATE;
        return KECS_OK;
    }

    rc = kecs_provider_get(c, name, 0, &p);
    *launch = rc == KECS_OK && p.type == KECS_PROVIDER_MANAGED
              ? KECS_LAUNCH_MANAGED_INSTANCES : KECS_LAUNCH_EC2;

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


kecs_rc_t
kecs_strategy_launch(kecs_call_t *c,
    const kecs_ecs_capacity_provider_strategy_t *strategy, unsigned *launch)
{
    size_t     i;
    unsigned   each;
    kecs_rc_t  rc;

    rc = kecs_provider_launch(c, strategy->items[0].capacity_provider,
                              launch);

    for (i = 1; rc == KECS_OK && i < strategy->n; i++) {
        rc = kecs_provider_launch(c, strategy->items[i].capacity_provider,
                                  &each);

        if (rc == KECS_OK && each != *launch) {
            return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                             "A capacity provider strategy cannot contain a"
                             " mix of capacity providers using Auto Scaling"
                             " groups and Fargate providers. Specify one or"
                             " the other and try again.");
        }
    }

    return rc;
}


/* Use. */

static kecs_rc_t
used_by_task(kecs_call_t *c, uint32_t cluster, kecs_str_t name, bool *used)
{
    kecs_key_t  prefix;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, cluster);
    kecs_key_str(&prefix, name);

    return kecs_index_any(c, KECS_IX_TASK_PROVIDER, &prefix, used);
}


static kecs_rc_t
service_uses(kecs_call_t *c, kecs_service_t *s, kecs_str_t name, bool *used)
{
    void                *out;
    size_t               i;
    kecs_rc_t            rc;
    kecs_ecs_service_t  *shown;

    rc = kecs_get(c->txn, c->arena, s, kecs_part_bit(KECS_SERVICE_STATIC));

    if (rc != KECS_OK || s->launch != 0) {
        return rc;
    }

    out = NULL;
    rc = kecs_shape_load(c->arena, &kecs_ecs_service_shape,
                         s->rec.part[KECS_SERVICE_STATIC], &out);
    shown = out;

    for (i = 0; rc == KECS_OK && i < shown->capacity_provider_strategy.n;
         i++)
    {
        *used = *used || kecs_str_eq(shown->capacity_provider_strategy
                                     .items[i].capacity_provider, name);
    }

    return rc;
}


static kecs_rc_t
used_by_service(kecs_call_t *c, uint32_t cluster, kecs_str_t name,
    bool *used)
{
    kecs_rc_t        rc;
    kecs_str_t       key;
    kecs_key_t       prefix;
    kecs_scan_t     *scan;
    kecs_service_t   s;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, cluster);

    rc = kecs_scan(c->txn, c->arena, KECS_IX_SERVICE_LIVE, c->scope, &prefix,
                   kecs_null_str, false, &scan);

    while (rc == KECS_OK && !*used) {
        rc = kecs_scan_next(scan, &key, &s);

        if (rc == KECS_OK) {
            rc = service_uses(c, &s, name, used);
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


kecs_rc_t
kecs_provider_used(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_str_t name, bool *used)
{
    kecs_rc_t  rc;

    *used = false;
    rc = used_by_task(c, cluster->no, name, used);

    return rc == KECS_OK && !*used
           ? used_by_service(c, cluster->no, name, used) : rc;
}


/* CreateCapacityProvider. */

static bool
is_prefixed(kecs_str_t name, const char *prefix)
{
    size_t  i;

    for (i = 0; prefix[i] != '\0'; i++) {
        if (i == name.len || (name.data[i] | 0x20) != prefix[i]) {
            return false;
        }
    }

    return true;
}


static kecs_rc_t
check_name(kecs_call_t *c, kecs_str_t name)
{
    if (kecs_name_ok(name) && !is_prefixed(name, "aws")
        && !is_prefixed(name, "ecs") && !is_prefixed(name, "fargate"))
    {
        return KECS_OK;
    }

    return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                     "The capacity provider name is invalid. Up to 255"
                     " letters (uppercase and lowercase), numbers,"
                     " underscores, and hyphens are allowed. The name can't"
                     " be prefixed with \"aws\", \"ecs\", or \"fargate\".");
}


/* The name is free; an INACTIVE provider gives its name up. */

static kecs_rc_t
claim_name(kecs_call_t *c, kecs_str_t name)
{
    kecs_rc_t        rc;
    kecs_provider_t  old;

    rc = kecs_provider_get(c, name, 0, &old);

    if (rc == KECS_NOT_FOUND) {
        return KECS_OK;
    }

    if (rc == KECS_OK && old.status == KECS_PROVIDER_ACTIVE) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "The specified capacity provider already exists. To"
                         " change the configuration of an existing capacity"
                         " provider, update the capacity provider.");
    }

    return rc == KECS_OK ? kecs_del(c->txn, &old) : rc;
}


static kecs_rc_t
put_new(kecs_call_t *c, kecs_provider_t *p)
{
    kecs_rc_t  rc;

    rc = kecs_call_scope(c);
    if (rc != KECS_OK) {
        return rc;
    }

    p->rec.kind = KECS_CAPACITY_PROVIDER;
    p->rec.scope = c->scope;
    p->rec.gen = KECS_ECS_GEN;
    p->status = KECS_PROVIDER_ACTIVE;
    p->update = KECS_PROVIDER_CREATED;
    p->created_at = c->now;
    kecs_rand_bytes(c->rand, p->id, KECS_ID_LEN);

    return kecs_put(c->txn, p);
}


/* Checks the whole request; `cluster` is that of managed instances. */

static kecs_rc_t
new_provider(kecs_call_t *c,
    const kecs_ecs_create_capacity_provider_request_t *in,
    kecs_cluster_t *cluster, kecs_provider_t *p)
{
    kecs_rc_t   rc;
    kecs_str_t  tags;

    memset(p, 0, sizeof(kecs_provider_t));
    p->name = in->name;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = check_name(c, in->name);
    }

    if (rc == KECS_OK) {
        rc = kecs_tags_json(c, in->tags.items, in->tags.n, &tags);
    }

    if (rc == KECS_OK) {
        kecs_rec_part(&p->rec, KECS_PROVIDER_TAGS, tags);
        rc = kecs_capacity_configure(c, in, p);
    }

    if (rc == KECS_OK && p->type == KECS_PROVIDER_MANAGED) {
        rc = kecs_find_cluster(c, in->cluster, KECS_ALL_PARTS, cluster);
        p->cluster = cluster->no;
    }

    return rc == KECS_OK ? claim_name(c, in->name) : rc;
}


static kecs_rc_t
create_capacity_provider(kecs_call_t *c, void *v)
{
    kecs_rc_t                                     rc;
    kecs_cluster_t                                cluster;
    kecs_provider_t                               p;
    kecs_ecs_create_capacity_provider_request_t  *in;

    in = v;
    memset(&cluster, 0, sizeof(kecs_cluster_t));

    rc = new_provider(c, in, &cluster, &p);

    if (rc == KECS_OK) {
        rc = put_new(c, &p);
    }

    if (rc == KECS_OK && p.cluster != 0) {
        rc = kecs_capacity_add(c, &cluster, p.name);
    }

    return rc == KECS_OK
           ? kecs_capacity_write(c, "capacityProvider", &p, NULL, NULL) : rc;
}


/* Changes. */

/*
 * An ACTIVE one by name or ARN; `cluster`, when it is given, must be the
 * one that it belongs to.
 */

static kecs_rc_t
find_active(kecs_call_t *c, kecs_str_t id, kecs_str_t cluster,
    kecs_provider_t *p)
{
    kecs_rc_t       rc;
    kecs_str_t      name;
    kecs_cluster_t  of;

    rc = kecs_provider_name_of(c, id, &name);

    if (rc == KECS_OK && kecs_provider_built_in(name)) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "The specified capacity provider is reserved and"
                         " can't be changed or deleted.");
    }

    memset(&of, 0, sizeof(kecs_cluster_t));

    if (rc == KECS_OK && cluster.len != 0) {
        rc = kecs_find_cluster(c, cluster, 0, &of);
    }

    if (rc == KECS_OK) {
        rc = kecs_provider_get(c, name, KECS_ALL_PARTS, p);
    }

    if (rc == KECS_NOT_FOUND
        || (rc == KECS_OK && (p->status != KECS_PROVIDER_ACTIVE
                              || (of.no != 0 && p->cluster != of.no))))
    {
        return kecs_fail(c, KECS_E_CLIENT,
                         "The specified capacity provider does not exist."
                         " Specify a valid name or ARN and try again.");
    }

    return rc;
}


static kecs_rc_t
update_capacity_provider(kecs_call_t *c, void *v)
{
    kecs_rc_t                                     rc;
    kecs_provider_t                               p;
    kecs_ecs_update_capacity_provider_request_t  *in;

    in = v;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = find_active(c, in->name, in->cluster, &p);
    }

    if (rc == KECS_OK) {
        rc = kecs_capacity_reconfigure(c, in, &p);
    }

    if (rc == KECS_OK) {
        p.update = KECS_PROVIDER_UPDATED;
        kecs_rec_part(&p.rec, KECS_PROVIDER_REASON, kecs_null_str);
        rc = kecs_put(c->txn, &p);
    }

    return rc == KECS_OK
           ? kecs_capacity_write(c, "capacityProvider", &p, NULL,
                                 "UPDATE_IN_PROGRESS")
           : rc;
}


/* DeleteCapacityProvider. */

/* The first cluster that lists it; KECS_DONE when there is none. */

static kecs_rc_t
listing_cluster(kecs_call_t *c, kecs_str_t name, kecs_cluster_t *cluster)
{
    kecs_rc_t     rc;
    kecs_str_t    key;
    kecs_key_t    all;
    kecs_scan_t  *scan;

    kecs_key_init(&all);
    rc = kecs_scan(c->txn, c->arena, KECS_IX_CLUSTER_ACTIVE, c->scope, &all,
                   kecs_null_str, false, &scan);

    while (rc == KECS_OK) {
        rc = kecs_scan_next(scan, &key, cluster);

        if (rc == KECS_OK) {
            rc = kecs_get(c->txn, c->arena, cluster,
                          kecs_part_bit(KECS_CLUSTER_CAPACITY));
        }

        if (rc == KECS_OK && kecs_capacity_has(cluster, name)) {
            kecs_scan_end(scan);
            break;
        }
    }

    return rc;
}


/* Why it cannot be deleted; absent: it can. */

static kecs_rc_t
obstacle(kecs_call_t *c, const kecs_provider_t *p,
    const kecs_cluster_t *own, kecs_str_t *reason)
{
    bool            used;
    kecs_rc_t       rc;
    kecs_cluster_t  cluster;

    *reason = kecs_null_str;

    if (own != NULL) {
        rc = kecs_provider_used(c, own, p->name, &used);

        if (rc == KECS_OK && used) {
            *reason = kecs_str("The specified capacity provider is in use"
                               " and cannot be removed.");
        }

        return rc;
    }

    rc = listing_cluster(c, p->name, &cluster);

    if (rc == KECS_OK) {
        *reason = kecs_sprintf(c->arena, "The capacity provider cannot be"
                               " deleted because it is associated with"
                               " cluster: %.*s. Remove the capacity provider"
                               " from the cluster and try again.",
                               kecs_fmt(cluster.name));
        return reason->data != NULL ? KECS_OK : KECS_NOMEM;
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


static kecs_rc_t
keep(kecs_call_t *c, kecs_provider_t *p, kecs_str_t reason)
{
    kecs_rc_t      rc;
    kecs_buf_t     b;
    kecs_writer_t  w;

    kecs_buf_init(&b, c->arena, 0);
    w = kecs_writer(&b);
    kecs_w_str(&w, NULL, reason);

    if (b.failed) {
        return KECS_NOMEM;
    }

    p->update = KECS_PROVIDER_DELETE_FAILED;
    kecs_rec_part(&p->rec, KECS_PROVIDER_REASON, kecs_buf_view(&b));
    rc = kecs_put(c->txn, p);

    return rc == KECS_OK
           ? kecs_capacity_write(c, "capacityProvider", p, NULL, NULL) : rc;
}


static kecs_rc_t
end(kecs_call_t *c, kecs_provider_t *p, kecs_cluster_t *own)
{
    kecs_rc_t  rc;

    p->status = KECS_PROVIDER_INACTIVE;
    p->update = KECS_PROVIDER_DELETED;
    p->deleted_at = c->now;
    kecs_rec_part(&p->rec, KECS_PROVIDER_REASON, kecs_null_str);
    rc = kecs_put(c->txn, p);

    if (rc == KECS_OK && own != NULL) {
        rc = kecs_capacity_remove(c, own, p->name);
    }

    return rc == KECS_OK
           ? kecs_capacity_write(c, "capacityProvider", p, "DEPROVISIONING",
                                 "DELETE_IN_PROGRESS")
           : rc;
}


static kecs_rc_t
delete_capacity_provider(kecs_call_t *c, void *v)
{
    kecs_rc_t                                     rc;
    kecs_str_t                                    reason;
    kecs_cluster_t                                cluster, *own;
    kecs_provider_t                               p;
    kecs_ecs_delete_capacity_provider_request_t  *in;

    in = v;
    own = NULL;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = find_active(c, in->capacity_provider, in->cluster, &p);
    }

    if (rc == KECS_OK && p.cluster != 0) {
        own = &cluster;
        rc = kecs_cluster_by_no(c, p.cluster, own);

        if (rc == KECS_OK) {
            rc = kecs_get_parts(c->txn, c->arena, own,
                                kecs_part_bit(KECS_CLUSTER_CAPACITY));
        }
    }

    if (rc == KECS_OK) {
        rc = obstacle(c, &p, own, &reason);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return reason.data != NULL ? keep(c, &p, reason) : end(c, &p, own);
}


const kecs_op_t  kecs_capacity_ops[] = {
    { "CreateCapacityProvider", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_create_capacity_provider_request_shape,
      create_capacity_provider },
    { "DeleteCapacityProvider", KECS_OP_WRITE,
      &kecs_ecs_delete_capacity_provider_request_shape,
      delete_capacity_provider },
    { "DescribeCapacityProviders", KECS_OP_READ,
      &kecs_ecs_describe_capacity_providers_request_shape,
      kecs_describe_capacity_providers },
    { "UpdateCapacityProvider", KECS_OP_WRITE,
      &kecs_ecs_update_capacity_provider_request_shape,
      update_capacity_provider },
    { NULL, 0, NULL, NULL }
};
