/*
 * Clusters.  An INACTIVE one stays readable until it expires or a new one
 * takes its name.  Parts are stored as they are printed, so that the same
 * arguments give the same bytes: CreateCluster compares them to tell a
 * repeated request from a different one.
 */

#include "cluster_intern.h"
#include "node.h"


#define PAGE            100
#define DESCRIBED_MAX   100


/* Rendering. */

static void
write_list(kecs_call_t *c, const char *name, const kecs_cluster_t *cluster,
    unsigned part, bool shown)
{
    kecs_str_t  json;

    json = cluster->rec.part[part];

    kecs_w_raw(&c->out, name, shown && json.data != NULL ? json
                                                         : kecs_str("[]"));
}


static void
write_capacity(kecs_call_t *c, const kecs_cluster_t *cluster)
{
    kecs_str_t  json;

    json = cluster->rec.part[KECS_CLUSTER_CAPACITY];

    if (json.data == NULL) {
        json = kecs_str("{\"capacityProviders\":[],"
                        "\"defaultCapacityProviderStrategy\":[]}");
    }

    kecs_w_splice(&c->out, json);
}


static void
write_counts(kecs_call_t *c, const kecs_counts_t *n)
{
    kecs_w_i64(&c->out, "pendingTasksCount", n->pending);
    kecs_w_i64(&c->out, "registeredContainerInstancesCount", n->instances);
    kecs_w_i64(&c->out, "runningTasksCount", n->running);
}


static kecs_rc_t
write_members(kecs_call_t *c, const kecs_cluster_t *cluster, unsigned parts)
{
    kecs_rc_t          rc;
    kecs_counts_t      n;
    const kecs_str_t  *part;

    part = cluster->rec.part;

    rc = kecs_counts(c->txn, c->scope, cluster->no, 0, 0, &n);
    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_i64(&c->out, "activeServicesCount", n.services);

    if (parts & KECS_SHOW_ATTACHMENTS) {
        rc = kecs_cluster_attachments(c, cluster);

        if (rc != KECS_OK) {
            return rc;
        }
    }

    write_capacity(c, cluster);
    kecs_write_made(c, "clusterArn", kecs_cluster_arn(c, cluster->name));
    kecs_w_str(&c->out, "clusterName", cluster->name);

    if (parts & kecs_part_bit(KECS_CLUSTER_CONFIGURATION)) {
        kecs_w_raw(&c->out, "configuration",
                   part[KECS_CLUSTER_CONFIGURATION]);
    }

    write_counts(c, &n);
    kecs_w_raw(&c->out, "serviceConnectDefaults", part[KECS_CLUSTER_CONNECT]);
    write_list(c, "settings", cluster, KECS_CLUSTER_SETTINGS,
               parts & kecs_part_bit(KECS_CLUSTER_SETTINGS));

    if (parts & KECS_SHOW_STATISTICS) {
        rc = kecs_cluster_statistics(c, "statistics", cluster);

    } else {
        kecs_w_raw(&c->out, "statistics", kecs_str("[]"));
    }

    kecs_w_cstr(&c->out, "status", kecs_cluster_status_name(cluster->status));
    write_list(c, "tags", cluster, KECS_CLUSTER_TAGS,
               parts & kecs_part_bit(KECS_CLUSTER_TAGS));

    return rc;
}


/* A failed read spoils the answer, like a failed append. */

void
kecs_cluster_write(kecs_call_t *c, const char *name,
    const kecs_cluster_t *cluster, unsigned parts)
{
    kecs_w_object(&c->out, name);

    if (write_members(c, cluster, parts) != KECS_OK) {
        c->buf->failed = true;
    }

    kecs_w_object_end(&c->out);
}


/* ACTIVE clusters; AWS tells their number when it changes. */

static kecs_rc_t
write_cluster_count(kecs_call_t *c)
{
    int64_t       n;
    kecs_rc_t     rc;
    kecs_str_t    key;
    kecs_key_t    all;
    kecs_scan_t  *scan;

    kecs_key_init(&all);

    rc = kecs_scan(c->txn, c->arena, KECS_IX_CLUSTER_ACTIVE, c->scope, &all,
                   kecs_null_str, false, &scan);

    for (n = -1; rc == KECS_OK; n++) {
        rc = kecs_scan_next(scan, &key, NULL);
    }

    if (rc != KECS_DONE) {
        return rc;
    }

    kecs_scan_end(scan);
    kecs_w_i64(&c->out, "clusterCount", n);

    return KECS_OK;
}


/* CreateCluster. */

/* All that the request says about a cluster, checked. */

static kecs_rc_t
new_cluster(kecs_call_t *c, kecs_ecs_create_cluster_request_t *in,
    kecs_cluster_t *cluster)
{
    kecs_rc_t   rc;
    kecs_str_t  tags;

    memset(cluster, 0, sizeof(kecs_cluster_t));
    cluster->name = in->cluster_name.len != 0 ? in->cluster_name
                                              : kecs_str("default");

    if (!kecs_name_ok(cluster->name)) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "Cluster name contains invalid characters.");
    }

    rc = kecs_cluster_settings(c, in, &in->settings, cluster);

    if (rc == KECS_OK) {
        rc = kecs_cluster_configuration(c, in, in->configuration, cluster);
    }

    if (rc == KECS_OK) {
        rc = kecs_cluster_connect(c, in, in->service_connect_defaults,
                                  cluster);
    }

    if (rc == KECS_OK) {
        rc = kecs_tags_json(c, in->tags.items, in->tags.n, &tags);
    }

    if (rc == KECS_OK) {
        kecs_rec_part(&cluster->rec, KECS_CLUSTER_TAGS, tags);
        rc = kecs_check_input(c, in);
    }

    return rc == KECS_OK
           ? kecs_cluster_capacity(c, &in->capacity_providers,
                                   &in->default_capacity_provider_strategy,
                                   cluster)
           : rc;
}


/* What the request leaves out is not compared. */

static bool
is_same(const kecs_ecs_create_cluster_request_t *in,
    const kecs_cluster_t *asked, const kecs_cluster_t *have)
{
    size_t  i;

    const struct {
        bool      given;
        unsigned  part;
    } parts[] = {
        { in->settings.n != 0, KECS_CLUSTER_SETTINGS },
        { in->configuration != NULL, KECS_CLUSTER_CONFIGURATION },
        { in->capacity_providers.n != 0
          || in->default_capacity_provider_strategy.n != 0,
          KECS_CLUSTER_CAPACITY },
        { in->service_connect_defaults != NULL
          && in->service_connect_defaults->namespace.len != 0,
          KECS_CLUSTER_CONNECT },
        { in->tags.n != 0, KECS_CLUSTER_TAGS }
    };

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].given
            && !kecs_str_eq(asked->rec.part[parts[i].part],
                            have->rec.part[parts[i].part]))
        {
            return false;
        }
    }

    return true;
}


static kecs_rc_t
write_created(kecs_call_t *c, const kecs_cluster_t *cluster)
{
    kecs_cluster_write(c, "cluster", cluster,
                       KECS_CLUSTER_SHOWN | kecs_part_bit(KECS_CLUSTER_TAGS));

    return write_cluster_count(c);
}


static kecs_rc_t
put_new(kecs_call_t *c, kecs_cluster_t *cluster)
{
    kecs_rc_t  rc;

    rc = kecs_call_scope(c);

    if (rc == KECS_OK) {
        rc = kecs_number_next(c->txn, "cluster", &cluster->no);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    cluster->rec.kind = KECS_CLUSTER;
    cluster->rec.scope = c->scope;
    cluster->rec.gen = KECS_ECS_GEN;
    cluster->status = KECS_CLUSTER_ACTIVE;
    cluster->created_at = c->now;

    return kecs_put(c->txn, cluster);
}


static kecs_rc_t
create_cluster(kecs_call_t *c, void *v)
{
    kecs_rc_t                           rc;
    kecs_cluster_t                      cluster, old;
    kecs_ecs_create_cluster_request_t  *in;

    in = v;

    rc = new_cluster(c, in, &cluster);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = kecs_cluster_named(c, cluster.name, KECS_ALL_PARTS, &old);

    if (rc == KECS_OK && old.status == KECS_CLUSTER_INACTIVE) {
        rc = kecs_del(c->txn, &old);

    } else if (rc == KECS_OK) {
        if (is_same(in, &cluster, &old)) {
            return write_created(c, &old);
        }

        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "Arguments on this idempotent request are"
                         " inconsistent with arguments used in previous"
                         " request(s).");
    }

    if (rc != KECS_OK && rc != KECS_NOT_FOUND) {
        return rc;
    }

    rc = put_new(c, &cluster);

    return rc == KECS_OK ? write_created(c, &cluster) : rc;
}


/* DescribeClusters. */

static unsigned
included(const kecs_ecs_describe_clusters_request_t *in)
{
    size_t    i;
    unsigned  parts;

    static const struct {
        const char  *name;
        unsigned     parts;
    } fields[] = {
        { "ATTACHMENTS", KECS_SHOW_ATTACHMENTS },
        { "CONFIGURATIONS", kecs_part_bit(KECS_CLUSTER_CONFIGURATION) },
        { "SETTINGS", kecs_part_bit(KECS_CLUSTER_SETTINGS) },
        { "STATISTICS", KECS_SHOW_STATISTICS },
        { "TAGS", kecs_part_bit(KECS_CLUSTER_TAGS) }
    };

    parts = kecs_part_bit(KECS_CLUSTER_CAPACITY)
            | kecs_part_bit(KECS_CLUSTER_CONNECT);

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (kecs_names_has(in->include.n, in->include.items, fields[i].name))
        {
            parts |= fields[i].parts;
        }
    }

    return parts;
}


/* The names asked for, each once; the default cluster when there are none. */

static kecs_rc_t
asked_names(kecs_call_t *c, const kecs_ecs_describe_clusters_request_t *in,
    kecs_str_t *names, size_t *n)
{
    size_t      i;
    kecs_rc_t   rc;
    kecs_str_t  name;

    *n = 0;

    if (in->clusters.n == 0) {
        names[(*n)++] = kecs_str("default");
    }

    for (i = 0; i < in->clusters.n; i++) {
        rc = kecs_cluster_name_of(c, in->clusters.items[i], &name);
        if (rc != KECS_OK) {
            return rc;
        }

        if (!kecs_strs_has(*n, names, name)) {
            names[(*n)++] = name;
        }
    }

    return KECS_OK;
}


static kecs_rc_t
describe_clusters(kecs_call_t *c, void *v)
{
    size_t                                 i, n, missing;
    unsigned                               parts;
    kecs_rc_t                              rc;
    kecs_str_t                             names[DESCRIBED_MAX];
    kecs_cluster_t                         cluster;
    kecs_ecs_describe_clusters_request_t  *in;

    in = v;

    if (in->clusters.n > DESCRIBED_MAX) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "Clusters can have at most %u items.",
                         DESCRIBED_MAX);
    }

    rc = asked_names(c, in, names, &n);
    if (rc != KECS_OK) {
        return rc;
    }

    parts = included(in);
    kecs_w_array(&c->out, "clusters");

    for (i = 0, missing = 0; i < n; i++) {
        rc = kecs_cluster_named(c, names[i], parts & KECS_ALL_PARTS,
                                &cluster);

        if (rc == KECS_NOT_FOUND) {
            names[missing] = kecs_cluster_arn(c, names[i]);

            if (names[missing++].data == NULL) {
                return KECS_NOMEM;
            }

            continue;
        }

        if (rc != KECS_OK) {
            return rc;
        }

        kecs_cluster_write(c, NULL, &cluster, parts);
    }

    kecs_w_array_end(&c->out);
    kecs_missing_write(c, names, missing);

    return KECS_OK;
}


/* ListClusters. */

static kecs_rc_t
list_cluster(kecs_call_t *c, void *ctx, kecs_str_t key, kecs_any_t *rec,
    kecs_str_t *out)
{
    kecs_rc_t   rc;
    kecs_str_t  name;

    (void) ctx;
    (void) rec;

    rc = kecs_list_name(c, key, &name);

    if (rc == KECS_OK) {
        *out = kecs_cluster_arn(c, name);
        rc = out->data != NULL ? KECS_OK : KECS_NOMEM;
    }

    return rc;
}


static kecs_rc_t
list_clusters(kecs_call_t *c, void *v)
{
    kecs_rc_t                          rc;
    kecs_key_t                         all;
    kecs_page_t                        page;
    kecs_scan_t                       *scan;
    kecs_ecs_list_clusters_request_t  *in;

    in = v;
    scan = NULL;

    rc = kecs_page_begin(c, &page, in->max_results, in->next_token, PAGE,
                         PAGE, kecs_null_str);

    if (rc == KECS_OK && c->scope != 0) {
        kecs_key_init(&all);
        rc = kecs_scan(c->txn, c->arena, KECS_IX_CLUSTER_ACTIVE, c->scope,
                       &all, page.after, false, &scan);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_list_page(c, &page, "clusterArns", scan, list_cluster, NULL,
                          NULL);
}


/* DeleteCluster. */

static kecs_rc_t
check_empty(kecs_call_t *c, const kecs_cluster_t *cluster)
{
    bool           has;
    kecs_rc_t      rc;
    kecs_counts_t  n;

    rc = kecs_counts(c->txn, c->scope, cluster->no, 0, 0, &n);

    if (rc == KECS_OK && n.services != 0) {
        return kecs_fail(c, KECS_E_CLUSTER_CONTAINS_SERVICES,
                         "The Cluster cannot be deleted while Services are"
                         " active.");
    }

    if (rc == KECS_OK && n.live != 0) {
        return kecs_fail(c, KECS_E_CLUSTER_CONTAINS_TASKS,
                         "The Cluster cannot be deleted while Tasks are"
                         " active.");
    }

    if (rc == KECS_OK && n.instances != 0) {
        rc = kecs_nodes_leave(c, cluster, &has);
    }

    if (rc == KECS_OK && n.instances != 0 && has) {
        return kecs_fail(c, KECS_E_CLUSTER_CONTAINS_CONTAINER_INSTANCES,
                         "The Cluster cannot be deleted while Container"
                         " Instances are active or draining.");
    }

    if (rc == KECS_OK) {
        rc = kecs_cluster_has_providers(c, cluster, &has);
    }

    if (rc == KECS_OK && has) {
        return kecs_fail(c, KECS_E_CLUSTER_CONTAINS_CAPACITY_PROVIDER,
                         "The Cluster cannot be deleted while Cluster Scoped"
                         " Capacity Providers are attached to the"
                         " cluster.");
    }

    return rc;
}


/* Repeated, it answers the same, with the attachments. */

static kecs_rc_t
delete_cluster(kecs_call_t *c, void *v)
{
    unsigned                            shown;
    kecs_rc_t                           rc;
    kecs_str_t                          name;
    kecs_cluster_t                      cluster;
    kecs_ecs_delete_cluster_request_t  *in;

    in = v;

    if (in->cluster.len == 0) {
        return kecs_fail(c, KECS_E_CLIENT, "Cluster can not be blank.");
    }

    rc = kecs_cluster_name_of(c, in->cluster, &name);

    if (rc == KECS_OK) {
        rc = kecs_cluster_named(c, name, KECS_ALL_PARTS, &cluster);
    }

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_CLUSTER_NOT_FOUND, "Cluster not found.");
    }

    shown = KECS_CLUSTER_SHOWN;

    if (rc == KECS_OK && cluster.status == KECS_CLUSTER_INACTIVE) {
        shown |= KECS_SHOW_ATTACHMENTS;

    } else if (rc == KECS_OK) {
        rc = check_empty(c, &cluster);

        if (rc == KECS_OK) {
            rc = kecs_cluster_gone(c, &cluster);
        }

        if (rc == KECS_OK) {
            cluster.status = KECS_CLUSTER_INACTIVE;
            cluster.deleted_at = c->now;
            rc = kecs_put(c->txn, &cluster);
        }
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_cluster_write(c, "cluster", &cluster, shown);

    return write_cluster_count(c);
}


const kecs_op_t  kecs_cluster_ops[] = {
    { "CreateCluster", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_create_cluster_request_shape, create_cluster },
    { "DeleteCluster", KECS_OP_WRITE,
      &kecs_ecs_delete_cluster_request_shape, delete_cluster },
    { "DescribeClusters", KECS_OP_READ,
      &kecs_ecs_describe_clusters_request_shape, describe_clusters },
    { "ListClusters", KECS_OP_READ,
      &kecs_ecs_list_clusters_request_shape, list_clusters },
    { "PutClusterCapacityProviders", KECS_OP_WRITE,
      &kecs_ecs_put_cluster_capacity_providers_request_shape,
      kecs_put_cluster_capacity_providers },
    { "UpdateCluster", KECS_OP_WRITE,
      &kecs_ecs_update_cluster_request_shape, kecs_update_cluster },
    { "UpdateClusterSettings", KECS_OP_WRITE,
      &kecs_ecs_update_cluster_settings_request_shape,
      kecs_update_cluster_settings },
    { NULL, 0, NULL, NULL }
};
