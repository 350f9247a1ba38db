/*
 * DescribeCapacityProviders: those named, those of a cluster, or all: the
 * two built-in ones first, then the others by name.  A page goes on behind
 * a key of one byte and the place: 0 and the number of a built-in one, 1
 * and the record's key, 2 and the place in the list that was asked for.
 */

#include "capacity_intern.h"


#define PAGE           10
#define DESCRIBED_MAX  100

enum { AT_BUILT_IN, AT_RECORD, AT_NAMED };

static const char *const  built_in[] = { "FARGATE", "FARGATE_SPOT" };

#define BUILT_IN  (sizeof(built_in) / sizeof(built_in[0]))

typedef struct {
    kecs_page_t      page;
    bool             tags;
    kecs_cluster_t   cluster;       /* CAPACITY loaded; no 0: none given */
    kecs_str_t      *names;         /* that were asked for, or all of it */
    size_t           n;
    kecs_str_t      *missing;
    size_t           n_missing;
} describe_t;


/* Rendering. */

kecs_rc_t
kecs_capacity_write(kecs_call_t *c, const char *name,
    const kecs_provider_t *p, const char *status, const char *update)
{
    kecs_rc_t       rc;
    kecs_cluster_t  cluster;

    memset(&cluster, 0, sizeof(kecs_cluster_t));

    if (p->cluster != 0) {
        rc = kecs_cluster_by_no(c, p->cluster, &cluster);

        if (rc != KECS_OK && rc != KECS_NOT_FOUND) {
            return rc;
        }
    }

    kecs_w_object(&c->out, name);
    kecs_w_splice(&c->out, p->rec.part[KECS_PROVIDER_CONFIGURATION]);
    kecs_write_made(c, "capacityProviderArn", kecs_provider_arn(c, p->name));
    kecs_w_opt_str(&c->out, "cluster", cluster.name);
    kecs_w_str(&c->out, "name", p->name);
    kecs_w_cstr(&c->out, "status",
                status != NULL ? status
                               : kecs_provider_status_name(p->status));
    kecs_tags_write(c, p->rec.part[KECS_PROVIDER_TAGS]);
    kecs_w_cstr(&c->out, "type", kecs_provider_type_name(p->type));
    kecs_w_cstr(&c->out, "updateStatus",
                update != NULL ? update
                               : kecs_provider_update_name(p->update));
    kecs_w_raw(&c->out, "updateStatusReason",
               p->rec.part[KECS_PROVIDER_REASON]);
    kecs_w_object_end(&c->out);

    return KECS_OK;
}


static void
write_built_in(kecs_call_t *c, kecs_str_t name)
{
    kecs_w_object(&c->out, NULL);
    kecs_write_made(c, "capacityProviderArn", kecs_provider_arn(c, name));
    kecs_w_str(&c->out, "name", name);
    kecs_w_cstr(&c->out, "status", "ACTIVE");
    kecs_tags_write(c, kecs_null_str);
    kecs_w_str(&c->out, "type", name);
    kecs_w_object_end(&c->out);
}


static unsigned
parts_of(const describe_t *d)
{
    return kecs_part_bit(KECS_PROVIDER_CONFIGURATION)
           | kecs_part_bit(KECS_PROVIDER_REASON)
           | (d->tags ? kecs_part_bit(KECS_PROVIDER_TAGS) : 0);
}


/* KECS_NOT_FOUND: no such provider (or not of this cluster). */

static kecs_rc_t
write_named(kecs_call_t *c, const describe_t *d, kecs_str_t name)
{
    kecs_rc_t        rc;
    kecs_provider_t  p;

    if (d->cluster.no != 0 && !kecs_capacity_has(&d->cluster, name)) {
        return KECS_NOT_FOUND;
    }

    if (kecs_provider_built_in(name)) {
        write_built_in(c, name);
        return KECS_OK;
    }

    rc = kecs_provider_get(c, name, parts_of(d), &p);

    return rc == KECS_OK ? kecs_capacity_write(c, NULL, &p, NULL, NULL) : rc;
}


/* Pages. */

static kecs_rc_t
took(kecs_call_t *c, describe_t *d, unsigned at, const void *place,
    size_t len, bool taken)
{
    kecs_key_t  key;

    kecs_key_init(&key);
    kecs_key_u8(&key, (uint8_t) at);
    kecs_key_bytes(&key, place, len);

    return kecs_page_took(c, &d->page, kecs_str_n(key.data, key.len), taken);
}


static bool
has_room(describe_t *d)
{
    if (d->page.n < d->page.max) {
        return true;
    }

    d->page.more = true;

    return false;
}


/* Where a page starts within a numbered list. */

static size_t
first_of(const describe_t *d, unsigned at)
{
    kecs_str_t  after;

    after = d->page.after;

    return after.len == 2 && (unsigned char) after.data[0] == at
           ? (size_t) (unsigned char) after.data[1] + 1 : 0;
}


static kecs_rc_t
describe_list(kecs_call_t *c, describe_t *d)
{
    size_t     i;
    uint8_t    place;
    kecs_rc_t  rc;

    for (i = first_of(d, AT_NAMED); i < d->n && has_room(d); i++) {
        rc = write_named(c, d, d->names[i]);

        if (rc == KECS_NOT_FOUND) {
            d->missing[d->n_missing++] = d->names[i];

        } else if (rc != KECS_OK) {
            return rc;
        }

        place = (uint8_t) i;
        rc = took(c, d, AT_NAMED, &place, 1, true);

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}


static kecs_rc_t
describe_built_in(kecs_call_t *c, describe_t *d)
{
    size_t     i;
    uint8_t    place;
    kecs_rc_t  rc;

    rc = KECS_OK;

    for (i = first_of(d, AT_BUILT_IN);
         rc == KECS_OK && i < BUILT_IN && has_room(d); i++)
    {
        write_built_in(c, kecs_str_of(built_in[i]));
        place = (uint8_t) i;
        rc = took(c, d, AT_BUILT_IN, &place, 1, true);
    }

    return rc;
}


static kecs_rc_t
describe_records(kecs_call_t *c, describe_t *d, kecs_str_t after)
{
    kecs_rc_t         rc;
    kecs_str_t        key;
    kecs_key_t        all;
    kecs_scan_t      *scan;
    kecs_provider_t   p;

    kecs_key_init(&all);
    rc = kecs_scan(c->txn, c->arena, KECS_IX_PROVIDER_ACTIVE, c->scope, &all,
                   after, false, &scan);

    while (rc == KECS_OK) {
        rc = kecs_scan_next(scan, &key, &p);

        if (rc != KECS_OK || !kecs_page_room(c, &d->page, scan)) {
            break;
        }

        rc = took(c, d, AT_RECORD, key.data, key.len, true);

        if (rc == KECS_OK) {
            rc = kecs_get(c->txn, c->arena, &p, parts_of(d));
        }

        if (rc == KECS_OK) {
            rc = kecs_capacity_write(c, NULL, &p, NULL, NULL);
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


static kecs_rc_t
describe_all(kecs_call_t *c, describe_t *d)
{
    kecs_rc_t   rc;
    kecs_str_t  after;

    after = kecs_null_str;

    if (d->page.after.len != 0 && d->page.after.data[0] == AT_RECORD) {
        after = kecs_str_from(d->page.after, 1);

    } else {
        rc = describe_built_in(c, d);

        if (rc != KECS_OK || d->page.more) {
            return rc;
        }
    }

    return c->scope != 0 ? describe_records(c, d, after) : KECS_OK;
}


/* The request. */

/* What was asked for, each once; or the cluster's own list. */

static kecs_rc_t
settle_names(kecs_call_t *c,
    const kecs_ecs_describe_capacity_providers_request_t *in, describe_t *d)
{
    size_t               i, j;
    kecs_rc_t            rc;
    kecs_str_t           name;
    kecs_ecs_cluster_t  *have;

    if (in->capacity_providers.n == 0) {
        rc = kecs_capacity_load(c, &d->cluster, &have);

        if (rc == KECS_OK) {
            d->names = have->capacity_providers.items;
            d->n = have->capacity_providers.n;
        }

        return rc;
    }

    d->names = kecs_calloc(c->arena, in->capacity_providers.n,
                           sizeof(kecs_str_t));
    if (d->names == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < in->capacity_providers.n; i++) {
        rc = kecs_provider_name_of(c, in->capacity_providers.items[i],
                                   &name);
        if (rc != KECS_OK) {
            return rc;
        }

        for (j = 0; j < d->n && !kecs_str_eq(d->names[j], name); j++) {
            /* void */
        }

        if (j == d->n) {
            d->names[d->n++] = name;
        }
    }

    return KECS_OK;
}


static kecs_rc_t
filters(kecs_call_t *c,
    const kecs_ecs_describe_capacity_providers_request_t *in,
    kecs_str_t *text)
{
    size_t      i;
    kecs_buf_t  b;

    kecs_buf_init(&b, c->arena, 0);
    kecs_buf_str(&b, in->cluster);

    for (i = 0; i < in->capacity_providers.n; i++) {
        kecs_buf_chr(&b, '\n');
        kecs_buf_str(&b, in->capacity_providers.items[i]);
    }

    *text = kecs_buf_view(&b);

    return b.failed ? KECS_NOMEM : KECS_OK;
}


static kecs_rc_t
begin(kecs_call_t *c,
    const kecs_ecs_describe_capacity_providers_request_t *in, describe_t *d)
{
    kecs_rc_t   rc;
    kecs_str_t  text;

    memset(d, 0, sizeof(describe_t));
    d->tags = kecs_names_has(in->include.n, in->include.items, "TAGS");

    if (in->capacity_providers.n > DESCRIBED_MAX) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "capacityProviders can have at most %u items.",
                         DESCRIBED_MAX);
    }

    rc = in->cluster.len != 0
         ? kecs_find_cluster(c, in->cluster,
                             kecs_part_bit(KECS_CLUSTER_CAPACITY),
                             &d->cluster)
         : KECS_OK;

    if (rc == KECS_OK) {
        rc = settle_names(c, in, d);
    }

    if (rc == KECS_OK) {
        rc = filters(c, in, &text);
    }

    if (rc == KECS_OK) {
        rc = kecs_page_begin(c, &d->page, in->max_results, in->next_token,
                             PAGE, PAGE, text);
    }

    if (rc == KECS_OK) {
        d->missing = kecs_calloc(c->arena, d->n + 1, sizeof(kecs_str_t));
        rc = d->missing != NULL ? KECS_OK : KECS_NOMEM;
    }

    return rc;
}


static kecs_rc_t
write_failures(kecs_call_t *c, describe_t *d)
{
    size_t  i;

    kecs_w_array(&c->out, "failures");

    for (i = 0; i < d->n_missing; i++) {
        kecs_failure_write(c, kecs_provider_arn(c, d->missing[i]), "MISSING",
                           kecs_null_str);
    }

    kecs_w_array_end(&c->out);

    return kecs_page_end(c, &d->page);
}


kecs_rc_t
kecs_describe_capacity_providers(kecs_call_t *c, void *v)
{
    bool                                             all;
    kecs_rc_t                                        rc;
    describe_t                                       d;
    kecs_ecs_describe_capacity_providers_request_t  *in;

    in = v;

    rc = begin(c, in, &d);
    if (rc != KECS_OK) {
        return rc;
    }

    all = in->capacity_providers.n == 0 && in->cluster.len == 0;
    kecs_w_array(&c->out, "capacityProviders");
    rc = all ? describe_all(c, &d) : describe_list(c, &d);
    kecs_w_array_end(&c->out);

    return rc == KECS_OK ? write_failures(c, &d) : rc;
}
