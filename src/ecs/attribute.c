/*
 * Attributes of container instances: names with or without values, sorted
 * by name in one part of the instance.  ECS's own (ecs.*) come with the
 * registration and cannot be changed; of others there are up to ten.
 */

#include <stdlib.h>

#include "instance.h"


#define CALL_MAX     10
#define CUSTOM_MAX   10
#define LENGTH_MAX  128
#define PAGE        100
#define INDEX_KEY   (4 + KECS_ID_LEN)       /* cluster, instance */


kecs_str_t
kecs_attribute_value(const kecs_ecs_attributes_t *list, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < list->n; i++) {
        if (kecs_str_eq(list->items[i].name, name)) {
            return list->items[i].value.data != NULL ? list->items[i].value
                                                     : kecs_str("");
        }
    }

    return kecs_null_str;
}


bool
kecs_attribute_reserved(kecs_str_t name)
{
    return kecs_str_starts(name, kecs_str("ecs."))
           || kecs_str_starts(name, kecs_str("com.amazonaws."));
}


/* Checks. */

static bool
all_of(kecs_str_t s, const char *others)
{
    char    ch;
    size_t  i;

    for (i = 0; i < s.len; i++) {
        ch = s.data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || strchr(others, ch) != NULL))
        {
            return false;
        }
    }

    return true;
}


static kecs_rc_t
check_name(kecs_call_t *c, kecs_str_t name)
{
    if (name.len == 0 || name.len > LENGTH_MAX) {
        return kecs_bad(c, "Attribute name must be between 1 and %d"
                        " characters.", LENGTH_MAX);
    }

    if (!all_of(name, "-_/\\.")) {
        return kecs_bad(c, "Attribute name contains invalid characters.");
    }

    return KECS_OK;
}


kecs_rc_t
kecs_attribute_check(kecs_call_t *c, const kecs_ecs_attribute_t *attribute)
{
    kecs_rc_t   rc;
    kecs_str_t  value;

    value = attribute->value;
    rc = check_name(c, attribute->name);

    if (rc != KECS_OK || value.data == NULL) {
        return rc;
    }

    if (value.len == 0 || value.len > LENGTH_MAX) {
        return kecs_bad(c, "Attribute value must be between 1 and %d"
                        " characters.", LENGTH_MAX);
    }

    if (!all_of(value, "-_.@/\\: ") || value.data[0] == ' '
        || value.data[value.len - 1] == ' ')
    {
        return kecs_bad(c, "Attribute value contains invalid characters.");
    }

    return KECS_OK;
}


/* Storing. */

typedef struct {
    kecs_ecs_attribute_t  attribute;
    size_t                at;
} ranked_t;

static int
by_name(const void *a, const void *b)
{
    int              order;
    const ranked_t  *x, *y;

    x = a;
    y = b;
    order = kecs_str_cmp(x->attribute.name, y->attribute.name);

    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}


static kecs_rc_t
sort(kecs_call_t *c, kecs_ecs_attributes_t *list)
{
    size_t     i, n;
    ranked_t  *all;

    all = kecs_calloc(c->arena, list->n, sizeof(ranked_t));
    if (all == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < list->n; i++) {
        all[i].attribute = list->items[i];
        all[i].at = i;
    }

    qsort(all, list->n, sizeof(ranked_t), by_name);

    for (i = 0, n = 0; i < list->n; i++) {
        if (i + 1 == list->n
            || !kecs_str_eq(all[i].attribute.name, all[i + 1].attribute.name))
        {
            list->items[n++] = all[i].attribute;
        }
    }

    list->n = n;

    return KECS_OK;
}


kecs_rc_t
kecs_attributes_store(kecs_call_t *c, kecs_ecs_attributes_t *list,
    kecs_instance_t *p)
{
    size_t                         i;
    kecs_rc_t                      rc;
    kecs_str_t                     json;
    kecs_ecs_container_instance_t  view;

    for (i = 0; i < list->n; i++) {
        list->items[i].target_id = kecs_null_str;
        list->items[i].target_type = kecs_null_str;
    }

    rc = list->n != 0 ? sort(c, list) : KECS_OK;

    if (rc != KECS_OK) {
        return rc;
    }

    memset(&view, 0, sizeof(view));
    view.attributes = *list;
    view.attributes.set = true;

    rc = kecs_member_json(c->arena, &kecs_ecs_container_instance_shape,
                          &view, "attributes", &json);

    if (rc == KECS_OK
        && !kecs_str_eq(json, p->rec.part[KECS_INSTANCE_ATTRIBUTES]))
    {
        kecs_rec_part(&p->rec, KECS_INSTANCE_ATTRIBUTES, json);
    }

    return rc;
}


/* PutAttributes, DeleteAttributes. */

static kecs_rc_t
check_list(kecs_call_t *c, const kecs_ecs_attributes_t *list)
{
    if (list->n == 0) {
        return kecs_bad(c, "Attributes cannot be empty.");
    }

    if (list->n > CALL_MAX) {
        return kecs_bad(c, "Attributes cannot have more than %d elements.",
                        CALL_MAX);
    }

    return KECS_OK;
}


static kecs_rc_t
find_target(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_ecs_attribute_t *a, kecs_instance_t *p)
{
    kecs_rc_t  rc;

    if (a->target_type.len != 0
        && !kecs_str_is(a->target_type, "container-instance"))
    {
        return kecs_bad(c, "targetType must be container-instance");
    }

    if (kecs_attribute_reserved(a->name)) {
        return kecs_bad(c, "The attribute %.*s is reserved and cannot be"
                        " changed.", kecs_fmt(a->name));
    }

    if (a->target_id.len == 0) {
        return kecs_bad(c, "targetId can not be blank.");
    }

    rc = kecs_find_instance(c, cluster, a->target_id,
                            kecs_part_bit(KECS_INSTANCE_ATTRIBUTES), p);

    if (rc == KECS_NOT_FOUND
        || (rc == KECS_OK && p->status == KECS_INSTANCE_INACTIVE))
    {
        return kecs_fail(c, KECS_E_TARGET_NOT_FOUND,
                         "The specified target wasn't found.");
    }

    return rc;
}


static kecs_rc_t
write_attribute(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_instance_t *p, kecs_ecs_attribute_t a)
{
    a.target_type = kecs_null_str;
    a.target_id = kecs_instance_arn(c, cluster->name, p->id);

    if (a.target_id.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_shape_encode(&c->out, NULL, &kecs_ecs_attribute_shape, &a);

    return KECS_OK;
}


static kecs_rc_t
put_changed(kecs_call_t *c, kecs_instance_t *p)
{
    return p->rec.dirty != 0 ? kecs_instance_put(c, p) : KECS_OK;
}


static kecs_rc_t
check_custom(kecs_call_t *c, const kecs_ecs_attributes_t *list)
{
    size_t  i, n;

    for (i = 0, n = 0; i < list->n; i++) {
        n += !kecs_attribute_reserved(list->items[i].name);
    }

    if (n > CUSTOM_MAX) {
        return kecs_fail(c, KECS_E_ATTRIBUTE_LIMIT_EXCEEDED,
                         "You can apply up to %d custom attributes for each"
                         " resource.", CUSTOM_MAX);
    }

    return KECS_OK;
}


static kecs_rc_t
put_one(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_ecs_attribute_t *a)
{
    kecs_rc_t                       rc;
    kecs_instance_t                 p;
    kecs_ecs_attributes_t           list;
    kecs_ecs_container_instance_t  *view;

    rc = find_target(c, cluster, a, &p);

    if (rc == KECS_OK) {
        rc = kecs_attribute_check(c, a);
    }

    if (rc == KECS_OK) {
        rc = kecs_instance_view(c, &p, &view);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    list = view->attributes;
    list.items = kecs_calloc(c->arena, list.n + 1, sizeof(*list.items));

    if (list.items == NULL) {
        return KECS_NOMEM;
    }

    if (list.n != 0) {
        memcpy(list.items, view->attributes.items,
               list.n * sizeof(*list.items));
    }

    list.items[list.n++] = *a;
    rc = kecs_attributes_store(c, &list, &p);

    if (rc == KECS_OK) {
        rc = check_custom(c, &list);
    }

    if (rc == KECS_OK) {
        rc = put_changed(c, &p);
    }

    return rc == KECS_OK ? write_attribute(c, cluster, &p, *a) : rc;
}


/* With a value only when it is the value. */

static kecs_rc_t
delete_one(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_ecs_attribute_t *a)
{
    size_t                          i, n;
    kecs_rc_t                       rc;
    kecs_instance_t                 p;
    kecs_ecs_attribute_t            gone;
    kecs_ecs_attributes_t          *list;
    kecs_ecs_container_instance_t  *view;

    rc = find_target(c, cluster, a, &p);

    if (rc == KECS_OK) {
        rc = check_name(c, a->name);
    }

    if (rc == KECS_OK) {
        rc = kecs_instance_view(c, &p, &view);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    list = &view->attributes;
    gone.name = kecs_null_str;

    for (i = 0, n = 0; i < list->n; i++) {
        if (kecs_str_eq(list->items[i].name, a->name)
            && (a->value.len == 0
                || kecs_str_eq(list->items[i].value, a->value)))
        {
            gone = list->items[i];

        } else {
            list->items[n++] = list->items[i];
        }
    }

    if (gone.name.data == NULL) {
        return KECS_OK;
    }

    list->n = n;
    rc = kecs_attributes_store(c, list, &p);

    if (rc == KECS_OK) {
        rc = put_changed(c, &p);
    }

    return rc == KECS_OK ? write_attribute(c, cluster, &p, gone) : rc;
}


typedef kecs_rc_t (*one_pt)(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_ecs_attribute_t *a);

static kecs_rc_t
change(kecs_call_t *c, kecs_str_t id, const kecs_ecs_attributes_t *list,
    one_pt one)
{
    size_t          i;
    kecs_rc_t       rc;
    kecs_cluster_t  cluster;

    rc = kecs_find_cluster(c, id, 0, &cluster);

    if (rc == KECS_OK) {
        rc = check_list(c, list);
    }

    kecs_w_array(&c->out, "attributes");

    for (i = 0; rc == KECS_OK && i < list->n; i++) {
        rc = one(c, &cluster, &list->items[i]);
    }

    kecs_w_array_end(&c->out);

    return rc;
}


static kecs_rc_t
put_attributes(kecs_call_t *c, void *input)
{
    const kecs_ecs_put_attributes_request_t  *in = input;

    return change(c, in->cluster, &in->attributes, put_one);
}


static kecs_rc_t
delete_attributes(kecs_call_t *c, void *input)
{
    const kecs_ecs_delete_attributes_request_t  *in = input;

    return change(c, in->cluster, &in->attributes, delete_one);
}


/*
 * ListAttributes.  The place on a page is the index key of an instance and
 * behind it the name of its last attribute looked at.
 */

typedef struct {
    kecs_cluster_t  cluster;
    kecs_str_t      name;
    kecs_str_t      value;
    kecs_page_t     page;
    kecs_scan_t    *scan;
    kecs_arena_t   *step;           /* emptied for each instance */
    bool            full;
} listing_t;


static kecs_rc_t
took(kecs_call_t *c, listing_t *l, const kecs_instance_t *p,
    kecs_str_t name, bool taken)
{
    kecs_key_t  key;

    kecs_key_init(&key);
    kecs_key_u32(&key, p->cluster);
    kecs_key_bytes(&key, p->id, KECS_ID_LEN);
    kecs_key_bytes(&key, name.data, name.len);

    return key.failed ? KECS_CORRUPT
                      : kecs_page_took(c, &l->page,
                                       kecs_str_n(key.data, key.len), taken);
}


static bool
matches(const listing_t *l, const kecs_ecs_attribute_t *a)
{
    return (l->name.len == 0 || kecs_str_eq(a->name, l->name))
           && (l->value.len == 0 || kecs_str_eq(a->value, l->value));
}


/* The attributes of one instance behind a name. */

static kecs_rc_t
list_attributes_of(kecs_call_t *c, listing_t *l, const kecs_instance_t *p,
    const kecs_ecs_attributes_t *list, kecs_str_t after)
{
    size_t     i;
    kecs_rc_t  rc;

    for (i = 0; i < list->n; i++) {
        if (!matches(l, &list->items[i])
            || (after.len != 0
                && kecs_str_cmp(list->items[i].name, after) <= 0))
        {
            continue;
        }

        if (!kecs_page_room(c, &l->page, l->scan)) {
            l->full = true;
            return KECS_OK;
        }

        rc = write_attribute(c, &l->cluster, p, list->items[i]);

        if (rc == KECS_OK) {
            rc = took(c, l, p, list->items[i].name, true);
        }

        if (rc != KECS_OK) {
            return rc;
        }
    }

    /* behind any name */

    return took(c, l, p, kecs_str("\xff"), false);
}


static kecs_rc_t
list_instance(kecs_call_t *c, listing_t *l, kecs_instance_t *p,
    kecs_str_t after)
{
    kecs_rc_t                       rc;
    kecs_arena_t                   *arena;
    kecs_ecs_container_instance_t  *view;

    arena = c->arena;
    c->arena = l->step;
    kecs_arena_reset(l->step);

    rc = kecs_get(c->txn, c->arena, p,
                  kecs_part_bit(KECS_INSTANCE_ATTRIBUTES));

    if (rc == KECS_OK) {
        rc = kecs_instance_view(c, p, &view);
    }

    c->arena = arena;

    return rc == KECS_OK
           ? list_attributes_of(c, l, p, &view->attributes, after) : rc;
}


/* Goes on within the instance at which the last page ended. */

static kecs_rc_t
resume(kecs_call_t *c, listing_t *l)
{
    kecs_rc_t         rc;
    kecs_str_t        after;
    kecs_instance_t   p;

    after = l->page.after;

    if (after.data == NULL) {
        return KECS_OK;
    }

    if (after.len <= INDEX_KEY) {
        return KECS_CORRUPT;
    }

    memset(&p, 0, sizeof(kecs_instance_t));
    p.rec.kind = KECS_INSTANCE;
    p.rec.scope = c->scope;
    p.cluster = l->cluster.no;
    memcpy(p.id, after.data + 4, KECS_ID_LEN);

    rc = list_instance(c, l, &p, kecs_str_from(after, INDEX_KEY));

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


static kecs_rc_t
list_all(kecs_call_t *c, listing_t *l)
{
    kecs_rc_t        rc;
    kecs_key_t       prefix;
    kecs_str_t       key, after;
    kecs_instance_t  p;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, l->cluster.no);
    after = l->page.after;

    if (after.len > INDEX_KEY) {
        after.len = INDEX_KEY;
    }

    rc = kecs_scan(c->txn, c->arena, KECS_IX_INSTANCE, c->scope, &prefix,
                   after, false, &l->scan);

    if (rc == KECS_OK) {
        rc = resume(c, l);
    }

    while (rc == KECS_OK && !l->full) {
        memset(&p, 0, sizeof(kecs_instance_t));
        rc = kecs_scan_next(l->scan, &key, &p);

        if (rc != KECS_OK || !kecs_page_room(c, &l->page, l->scan)) {
            break;
        }

        rc = list_instance(c, l, &p, kecs_null_str);
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


static kecs_rc_t
check_listing(kecs_call_t *c,
    const kecs_ecs_list_attributes_request_t *in)
{
    if (in->target_type.len != 0
        && !kecs_str_is(in->target_type, "container-instance"))
    {
        return kecs_bad(c, "targetType must be container-instance");
    }

    if (in->attribute_value.len != 0 && in->attribute_name.len == 0) {
        return kecs_bad(c, "attributeName must be specified with"
                        " attributeValue.");
    }

    return KECS_OK;
}


static kecs_rc_t
list_attributes(kecs_call_t *c, void *input)
{
    kecs_rc_t                            rc;
    listing_t                            l;
    kecs_ecs_list_attributes_request_t  *in = input;

    memset(&l, 0, sizeof(listing_t));
    l.name = in->attribute_name;
    l.value = in->attribute_value;

    rc = kecs_find_cluster(c, in->cluster, 0, &l.cluster);

    if (rc == KECS_OK) {
        rc = check_listing(c, in);
    }

    if (rc == KECS_OK) {
        rc = kecs_list_begin(c, &l.page, in, &in->max_results,
                             &in->next_token, PAGE, PAGE);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    l.step = kecs_arena_create(0);
    if (l.step == NULL) {
        return KECS_NOMEM;
    }

    kecs_w_array(&c->out, "attributes");
    rc = list_all(c, &l);
    kecs_w_array_end(&c->out);
    kecs_arena_destroy(l.step);

    return rc == KECS_OK ? kecs_page_end(c, &l.page) : rc;
}


const kecs_op_t  kecs_attribute_ops[] = {
    { "DeleteAttributes", KECS_OP_WRITE,
      &kecs_ecs_delete_attributes_request_shape, delete_attributes },
    { "ListAttributes", KECS_OP_READ,
      &kecs_ecs_list_attributes_request_shape, list_attributes },
    { "PutAttributes", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_put_attributes_request_shape, put_attributes },
    { NULL, 0, NULL, NULL }
};
