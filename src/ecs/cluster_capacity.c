/*
 * The capacity providers of a cluster: its part CAPACITY, and what follows
 * from it (attachments).  Attachments are not stored: an Auto Scaling group
 * with managed scaling or draining means one each in every cluster that it
 * serves, with an id made of the provider's and the cluster's number.
 */

#include <stdio.h>

#include "cluster_intern.h"


kecs_rc_t
kecs_capacity_load(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_ecs_cluster_t **out)
{
    void        *p;
    kecs_rc_t    rc;
    kecs_str_t   json;

    json = cluster->rec.part[KECS_CLUSTER_CAPACITY];
    p = NULL;

    rc = kecs_shape_load(c->arena, &kecs_ecs_cluster_shape,
                         json.data != NULL ? json : kecs_str("{}"), &p);
    *out = p;

    return rc;
}


kecs_rc_t
kecs_capacity_store(kecs_call_t *c,
    const kecs_ecs_string_list_t *providers,
    const kecs_ecs_capacity_provider_strategy_t *strategy,
    kecs_cluster_t *cluster)
{
    kecs_str_t          json;
    kecs_ecs_cluster_t  shown;

    memset(&shown, 0, sizeof(kecs_ecs_cluster_t));
    shown.capacity_providers = *providers;
    shown.capacity_providers.set = true;
    shown.default_capacity_provider_strategy = *strategy;
    shown.default_capacity_provider_strategy.set = true;

    json = kecs_shape_json(c->arena, &kecs_ecs_cluster_shape, &shown);
    kecs_rec_part(&cluster->rec, KECS_CLUSTER_CAPACITY, json);

    return json.data != NULL ? KECS_OK : KECS_NOMEM;
}


kecs_rc_t
kecs_capacity_add(kecs_call_t *c, kecs_cluster_t *cluster, kecs_str_t name)
{
    kecs_rc_t                rc;
    kecs_str_t              *items;
    kecs_ecs_cluster_t      *have;
    kecs_ecs_string_list_t  *list;

    rc = kecs_capacity_load(c, cluster, &have);
    if (rc != KECS_OK) {
        return rc;
    }

    list = &have->capacity_providers;
    items = kecs_calloc(c->arena, list->n + 1, sizeof(kecs_str_t));

    if (items == NULL) {
        return KECS_NOMEM;
    }

    if (list->n != 0) {
        memcpy(items, list->items, list->n * sizeof(kecs_str_t));
    }

    items[list->n] = name;
    list->items = items;
    list->n++;

    rc = kecs_capacity_store(c, list,
                             &have->default_capacity_provider_strategy,
                             cluster);

    return rc == KECS_OK ? kecs_put(c->txn, cluster) : rc;
}


kecs_rc_t
kecs_capacity_remove(kecs_call_t *c, kecs_cluster_t *cluster,
    kecs_str_t name)
{
    size_t                                  i, n;
    kecs_rc_t                               rc;
    kecs_ecs_cluster_t                     *have;
    kecs_ecs_string_list_t                 *list;
    kecs_ecs_capacity_provider_strategy_t  *strategy;

    rc = kecs_capacity_load(c, cluster, &have);
    if (rc != KECS_OK) {
        return rc;
    }

    list = &have->capacity_providers;
    strategy = &have->default_capacity_provider_strategy;

    for (i = 0, n = 0; i < list->n; i++) {
        if (!kecs_str_eq(list->items[i], name)) {
            list->items[n++] = list->items[i];
        }
    }

    list->n = n;

    for (i = 0, n = 0; i < strategy->n; i++) {
        if (!kecs_str_eq(strategy->items[i].capacity_provider, name)) {
            strategy->items[n++] = strategy->items[i];
        }
    }

    strategy->n = n;
    rc = kecs_capacity_store(c, list, strategy, cluster);

    return rc == KECS_OK ? kecs_put(c->txn, cluster) : rc;
}


/*
 * Looked for as text, since it is asked of many clusters in a row: a name
 * in quotes that is not the name of a member.
 */

bool
kecs_capacity_has(const kecs_cluster_t *cluster, kecs_str_t name)
{
    size_t       i;
    kecs_str_t   json;
    const char  *p;

    json = cluster->rec.part[KECS_CLUSTER_CAPACITY];

    for (i = 1; i + name.len + 1 < json.len; i++) {
        p = json.data + i;

        if (p[-1] == '"' && p[name.len] == '"' && p[name.len + 1] != ':'
            && memcmp(p, name.data, name.len) == 0)
        {
            return true;
        }
    }

    return false;
}


/* Attachments. */

static void
attachment_uuid(const kecs_provider_t *p, const kecs_cluster_t *cluster,
    unsigned which, char *out)
{
    char     hex[2 * KECS_ID_LEN];
    size_t   i, n;
    uint8_t  id[KECS_ID_LEN];

    memcpy(id, p->id, KECS_ID_LEN);

    for (i = 0; i < 4; i++) {
        id[KECS_ID_LEN - 1 - i] ^= (uint8_t) (cluster->no >> (8 * i));
    }

    id[0] ^= (uint8_t) which;
    id[6] = (uint8_t) ((id[6] & 0x0f) | 0x40);
    id[8] = (uint8_t) ((id[8] & 0x3f) | 0x80);
    kecs_hex(id, KECS_ID_LEN, hex);

    for (i = 0, n = 0; i < sizeof(hex); i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) {
            out[n++] = '-';
        }

        out[n++] = hex[i];
    }
}


static void
write_detail(kecs_call_t *c, const char *name, kecs_str_t value)
{
    kecs_w_object(&c->out, NULL);
    kecs_w_cstr(&c->out, "name", name);
    kecs_w_str(&c->out, "value", value);
    kecs_w_object_end(&c->out);
}


static void
write_attachment(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_provider_t *p, bool scaling)
{
    char  id[KECS_UUID_LEN], policy[KECS_UUID_LEN];
    char  name[sizeof("ECSManagedAutoScalingPolicy-") + KECS_UUID_LEN];

    attachment_uuid(p, cluster, scaling ? 1 : 2, id);
    attachment_uuid(p, cluster, 3, policy);

    kecs_w_object(&c->out, NULL);
    kecs_w_array(&c->out, "details");
    write_detail(c, "capacityProviderName", p->name);

    if (scaling) {
        (void) snprintf(name, sizeof(name), "ECSManagedAutoScalingPolicy-"
                        "%.*s", (int) sizeof(policy), policy);
        write_detail(c, "scalingPolicyName", kecs_str_of(name));

    } else {
        write_detail(c, "autoScalingLifecycleHookName",
                     kecs_str("ecs-managed-draining-termination-hook"));
    }

    kecs_w_array_end(&c->out);
    kecs_w_str(&c->out, "id", kecs_str_n(id, sizeof(id)));
    kecs_w_cstr(&c->out, "status", "CREATED");
    kecs_w_cstr(&c->out, "type", scaling ? "as_policy" : "managed_draining");
    kecs_w_object_end(&c->out);
}


static kecs_rc_t
write_attachments_of(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_str_t name, bool *any)
{
    kecs_rc_t        rc;
    kecs_provider_t  p;

    if (kecs_provider_built_in(name)) {
        return KECS_OK;
    }

    rc = kecs_provider_get(c, name, 0, &p);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    *any |= p.scaling || p.draining;

    if (p.scaling) {
        write_attachment(c, cluster, &p, true);
    }

    if (p.draining) {
        write_attachment(c, cluster, &p, false);
    }

    return KECS_OK;
}


kecs_rc_t
kecs_cluster_attachments(kecs_call_t *c, const kecs_cluster_t *cluster)
{
    bool                 any;
    size_t               i;
    kecs_rc_t            rc;
    kecs_ecs_cluster_t  *have;

    rc = kecs_capacity_load(c, cluster, &have);
    if (rc != KECS_OK) {
        return rc;
    }

    any = false;
    kecs_w_array(&c->out, "attachments");

    for (i = 0; rc == KECS_OK && i < have->capacity_providers.n; i++) {
        rc = write_attachments_of(c, cluster,
                                  have->capacity_providers.items[i], &any);
    }

    kecs_w_array_end(&c->out);

    if (any) {
        kecs_w_cstr(&c->out, "attachmentsStatus", "UPDATE_COMPLETE");
    }

    return rc;
}


kecs_rc_t
kecs_cluster_has_providers(kecs_call_t *c, const kecs_cluster_t *cluster,
    bool *has)
{
    kecs_key_t  prefix;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, cluster->no);

    return kecs_index_any(c, KECS_IX_PROVIDER_CLUSTER, &prefix, has);
}
