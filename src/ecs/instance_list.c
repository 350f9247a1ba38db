/*
 * ListContainerInstances with its filter in the cluster query language.
 * What the query looks at is read into an arena of its own, emptied for
 * each instance, as many may be looked at for one page.
 */

#include "instance.h"


#define PAGE  100

typedef struct {
    kecs_cluster_t   cluster;
    unsigned         status;            /* 0: any but INACTIVE */
    kecs_query_t    *query;             /* or NULL */
    unsigned         parts;             /* that the query looks at */
    bool             usage;             /* it looks at tasks */
    kecs_arena_t    *step;
} listing_t;


static kecs_rc_t
query(kecs_call_t *c, const listing_t *l, kecs_instance_t *p, bool *match)
{
    kecs_rc_t                       rc;
    kecs_usage_t                    usage;
    kecs_query_instance_t           x;
    kecs_ecs_container_instance_t  *view;

    rc = kecs_instance_view(c, p, &view);

    if (rc == KECS_OK && l->usage) {
        rc = kecs_instance_usage(c, p, &usage);
    }

    if (rc == KECS_OK) {
        rc = kecs_instance_query(c, p, view, l->usage ? &usage : NULL, &x);
    }

    return rc == KECS_OK ? kecs_query_match(l->query, &x, match) : rc;
}


static kecs_rc_t
looked_at(kecs_call_t *c, const listing_t *l, kecs_instance_t *p, bool *match)
{
    kecs_rc_t      rc;
    kecs_arena_t  *arena;

    *match = true;

    if (l->status == 0 && l->query == NULL) {
        return KECS_OK;
    }

    arena = c->arena;
    c->arena = l->step;
    kecs_arena_reset(l->step);

    rc = kecs_get(c->txn, c->arena, p, l->parts);

    if (rc == KECS_OK) {
        *match = l->status == 0 || p->status == l->status;

        if (*match && l->query != NULL) {
            rc = query(c, l, p, match);
        }
    }

    c->arena = arena;

    return rc == KECS_NOT_FOUND ? KECS_CORRUPT : rc;
}


static kecs_rc_t
list_one(kecs_call_t *c, kecs_any_t *rec, void *ctx, bool *taken)
{
    kecs_rc_t   rc;
    kecs_str_t  arn;
    listing_t  *l;

    l = ctx;
    rc = looked_at(c, l, &rec->instance, taken);

    if (rc != KECS_OK || !*taken) {
        return rc;
    }

    arn = kecs_instance_arn(c, l->cluster.name, rec->instance.id);
    kecs_w_str(&c->out, NULL, arn);

    return arn.data != NULL ? KECS_OK : KECS_NOMEM;
}


static kecs_rc_t
listing_filters(kecs_call_t *c,
    const kecs_ecs_list_container_instances_request_t *in, listing_t *l)
{
    unsigned    needs;
    kecs_rc_t   rc;
    kecs_str_t  why;

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER,
                         "container instance status",
                         &kecs_ecs_container_instance_status_shape,
                         in->status);

    l->status = kecs_instance_status_of(in->status);

    if (rc != KECS_OK || in->filter.len == 0) {
        return rc;
    }

    rc = kecs_query_parse(c->arena, in->filter, &l->query, &why);

    if (rc == KECS_INVALID) {
        return kecs_bad(c, "Invalid filter: %.*s.", kecs_fmt(why));
    }

    if (rc != KECS_OK) {
        return rc;
    }

    needs = kecs_query_needs(l->query);
    l->usage = (needs & (KECS_QUERY_RUNNING|KECS_QUERY_GROUPS)) != 0;

    if (needs & KECS_QUERY_ATTRIBUTES) {
        l->parts |= kecs_part_bit(KECS_INSTANCE_ATTRIBUTES);
    }

    if (needs & KECS_QUERY_VERSION) {
        l->parts |= kecs_part_bit(KECS_INSTANCE_VERSION);
    }

    return KECS_OK;
}


static kecs_rc_t
list(kecs_call_t *c, kecs_ecs_list_container_instances_request_t *in,
    listing_t *l)
{
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_page_t   page;
    kecs_scan_t  *scan;

    rc = kecs_list_begin(c, &page, in, &in->max_results, &in->next_token,
                         PAGE, PAGE);

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, l->cluster.no);

    rc = kecs_scan(c->txn, c->arena, KECS_IX_INSTANCE, c->scope, &prefix,
                   page.after, false, &scan);

    return rc == KECS_OK
           ? kecs_list_records(c, &page, "containerInstanceArns", scan,
                               list_one, l)
           : rc;
}


kecs_rc_t
kecs_list_container_instances(kecs_call_t *c, void *in)
{
    listing_t                                     l;
    kecs_rc_t                                     rc;
    kecs_ecs_list_container_instances_request_t  *request;

    request = in;
    memset(&l, 0, sizeof(listing_t));
    rc = kecs_find_cluster(c, request->cluster, 0, &l.cluster);

    if (rc == KECS_OK) {
        rc = listing_filters(c, request, &l);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    l.step = kecs_arena_create(0);
    if (l.step == NULL) {
        return KECS_NOMEM;
    }

    rc = list(c, request, &l);
    kecs_arena_destroy(l.step);

    return rc;
}
