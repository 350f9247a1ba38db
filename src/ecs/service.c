/*
 * Services: DescribeServices, ListServices, and the rows of all service
 * operations.  Changing ones are in service_create.c and service_update.c.
 */

#include "service_intern.h"


#define DESCRIBE_MAX   10
#define PAGE           10
#define PAGE_MAX      100


/* DescribeServices. */

static bool
described(const kecs_service_t *found, size_t n, uint32_t no)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (found[i].no == no) {
            return true;
        }
    }

    return false;
}


/* Writes what is found; leaves in missing[] the ARNs of the others. */

static kecs_rc_t
describe_found(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_ecs_describe_services_request_t *in, kecs_str_t *missing)
{
    size_t           i, n;
    unsigned         parts, shown;
    kecs_rc_t        rc;
    kecs_service_t   found[DESCRIBE_MAX], *s;

    parts = kecs_part_bit(KECS_SERVICE_STATIC);
    shown = KECS_SHOW_REVISIONS|KECS_SHOW_CURRENT;

    if (kecs_names_has(in->include.n, in->include.items, "TAGS")) {
        parts |= kecs_part_bit(KECS_SERVICE_TAGS);
        shown |= KECS_SHOW_TAGS;
    }

    for (i = 0, n = 0; i < in->services.n; i++) {
        s = &found[n];
        rc = kecs_find_service(c, cluster, in->services.items[i], parts, s);

        if (rc == KECS_NOT_FOUND) {
            missing[i] = kecs_missing_arn(c, "service", cluster->name,
                                         in->services.items[i]);
            rc = missing[i].data != NULL ? KECS_OK : KECS_NOMEM;

        } else if (rc == KECS_OK && !described(found, n, s->no)) {
            n++;
            rc = kecs_service_write(c, NULL, cluster->name, s, shown);
        }

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}


static kecs_rc_t
describe_services(kecs_call_t *c, void *input)
{
    kecs_rc_t                                    rc;
    kecs_str_t                                   missing[DESCRIBE_MAX];
    kecs_cluster_t                               cluster;
    const kecs_ecs_describe_services_request_t  *in = input;

    rc = kecs_find_cluster(c, in->cluster, 0, &cluster);

    if (rc != KECS_OK) {
        return rc;
    }

    if (in->services.n == 0) {
        return kecs_bad(c, "Services cannot be empty.");
    }

    if (in->services.n > DESCRIBE_MAX) {
        return kecs_bad(c, "Services cannot have more than %d elements.",
                        DESCRIBE_MAX);
    }

    memset(missing, 0, sizeof(missing));

    kecs_w_array(&c->out, "services");
    rc = describe_found(c, &cluster, in, missing);
    kecs_w_array_end(&c->out);

    kecs_missing_write(c, missing, in->services.n);

    return rc;
}


/* ListServices. */

enum { MANAGED_BY_CUSTOMER = 1, MANAGED_BY_ECS };

typedef struct {
    kecs_cluster_t  cluster;
    unsigned        launch;         /* 0: any */
    unsigned        strategy;       /* 0: any */
    unsigned        managed;        /* 0: any, or MANAGED_* */
} listing_t;


static kecs_rc_t
listing_filters(kecs_call_t *c, const kecs_ecs_list_services_request_t *in,
    listing_t *l)
{
    kecs_rc_t  rc;

    l->launch = kecs_launch_of(in->launch_type);

    if (in->launch_type.len != 0 && l->launch == 0) {
        return kecs_bad(c, "launch type should be one of"
                        " [EC2,FARGATE,EXTERNAL,FMI,MANAGED_INSTANCES]");
    }

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "Scheduling strategy",
                         &kecs_ecs_scheduling_strategy_shape,
                         in->scheduling_strategy);

    if (rc == KECS_OK) {
        rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER,
                             "resource management type",
                             &kecs_ecs_resource_management_type_shape,
                             in->resource_management_type);
    }

    l->strategy = kecs_strategy_of(in->scheduling_strategy);
    l->managed = in->resource_management_type.len == 0 ? 0
                 : kecs_str_is(in->resource_management_type, "ECS")
                   ? MANAGED_BY_ECS : MANAGED_BY_CUSTOMER;

    return rc;
}


static kecs_rc_t
list_service(kecs_call_t *c, void *ctx, kecs_str_t key, kecs_any_t *rec,
    kecs_str_t *out)
{
    bool              express;
    kecs_rc_t         rc;
    kecs_service_t   *s;
    const listing_t  *l;

    (void) key;

    l = ctx;
    s = &rec->service;
    rc = kecs_get(c->txn, c->arena, s, 0);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_CORRUPT : rc;
    }

    if ((l->launch != 0 && s->launch != l->launch)
        || (l->strategy != 0 && s->strategy != l->strategy))
    {
        return KECS_OK;
    }

    if (l->managed != 0) {
        rc = kecs_service_is_express(c, s, &express);

        if (rc != KECS_OK || express != (l->managed == MANAGED_BY_ECS)) {
            return rc;
        }
    }

    *out = kecs_service_arn(c, l->cluster.name, s->name);

    return out->data != NULL ? KECS_OK : KECS_NOMEM;
}


static kecs_rc_t
list_services(kecs_call_t *c, void *input)
{
    listing_t                                l;
    kecs_rc_t                                rc;
    kecs_key_t                               prefix;
    kecs_str_t                               text;
    kecs_any_t                               rec;
    kecs_page_t                              page;
    kecs_scan_t                             *scan;
    const kecs_ecs_list_services_request_t  *in = input;

    scan = NULL;
    memset(&l, 0, sizeof(l));
    rc = kecs_find_cluster(c, in->cluster, 0, &l.cluster);

    if (rc == KECS_OK) {
        rc = listing_filters(c, in, &l);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    text = kecs_sprintf(c->arena, "%u %u %u %u", l.cluster.no, l.launch,
                        l.strategy, l.managed);

    if (text.data == NULL) {
        return KECS_NOMEM;
    }

    rc = kecs_page_begin(c, &page, in->max_results, in->next_token, PAGE,
                         PAGE_MAX, text);

    if (rc == KECS_OK) {
        kecs_key_init(&prefix);
        kecs_key_u32(&prefix, l.cluster.no);
        rc = kecs_scan(c->txn, c->arena, KECS_IX_SERVICE_ACTIVE, c->scope,
                       &prefix, page.after, false, &scan);
    }

    return rc == KECS_OK ? kecs_list_page(c, &page, "serviceArns", scan,
                                          list_service, &l, &rec)
                         : rc;
}


const kecs_op_t  kecs_service_ops[] = {
    { "CreateService", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_create_service_request_shape, kecs_create_service },
    { "DeleteService", KECS_OP_WRITE,
      &kecs_ecs_delete_service_request_shape, kecs_delete_service },
    { "DescribeServices", KECS_OP_READ,
      &kecs_ecs_describe_services_request_shape, describe_services },
    { "ListServices", KECS_OP_READ, &kecs_ecs_list_services_request_shape,
      list_services },
    { "UpdateService", KECS_OP_WRITE,
      &kecs_ecs_update_service_request_shape, kecs_update_service },
    { NULL, 0, NULL, NULL }
};
