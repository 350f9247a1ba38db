/*
 * Task definitions.  The part BODY holds all that never changes, printed;
 * the head holds revision, status and times.
 */

#include "family.h"
#include "taskdef.h"


#define PAGE  100

#define SHOWN  (kecs_part_bit(KECS_TASKDEF_BODY)                             \
                | kecs_part_bit(KECS_TASKDEF_TAGS))


/* Rendering.  `previous`: the status before this call, 0 for none. */

static void
write_taskdef(kecs_call_t *c, const char *name, const kecs_taskdef_t *t,
    unsigned previous)
{
    kecs_w_object(&c->out, name);
    kecs_w_splice(&c->out, t->rec.part[KECS_TASKDEF_BODY]);
    kecs_w_time(&c->out, "deleteRequestedAt", t->delete_requested_at);
    kecs_w_time(&c->out, "deregisteredAt", t->deregistered_at);

    if (previous != 0) {
        kecs_w_cstr(&c->out, "previousStatus",
                    kecs_taskdef_status_name(previous));
    }

    kecs_w_time(&c->out, "registeredAt", t->registered_at);
    kecs_w_i64(&c->out, "revision", t->revision);
    kecs_w_cstr(&c->out, "status", kecs_taskdef_status_name(t->status));
    kecs_write_made(c, "taskDefinitionArn",
                    kecs_taskdef_arn(c, t->family, t->revision));
    kecs_w_object_end(&c->out);
}


void
kecs_taskdef_write(kecs_call_t *c, const char *name, const kecs_taskdef_t *t)
{
    write_taskdef(c, name, t, 0);
}


/* Families. */

static void
family_prefix(kecs_key_t *key, unsigned status, kecs_str_t name)
{
    kecs_key_init(key);
    kecs_key_u8(key, (uint8_t) status);

    if (name.len != 0) {
        kecs_key_str(key, name);
    }
}


/* RegisterTaskDefinition. */

static kecs_rc_t
make_body(kecs_call_t *c, kecs_register_t *in, kecs_taskdef_t *t)
{
    kecs_rc_t                    rc;
    kecs_str_t                   json;
    kecs_ecs_task_definition_t   shown;

    rc = kecs_taskdef_fill(c, in, &shown);
    if (rc != KECS_OK) {
        return rc;
    }

    json = kecs_shape_json(c->arena, &kecs_ecs_task_definition_shape, &shown);

    rc = kecs_family_body(c, json, t);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = kecs_tags_json(c, in->tags.items, in->tags.n, &json);
    if (rc == KECS_OK) {
        kecs_rec_part(&t->rec, KECS_TASKDEF_TAGS, json);
    }

    return rc;
}


static kecs_rc_t
register_task_definition(kecs_call_t *c, void *v)
{
    kecs_rc_t         rc;
    kecs_taskdef_t    t;
    kecs_register_t  *in;

    in = v;
    memset(&t, 0, sizeof(kecs_taskdef_t));

    rc = kecs_taskdef_check(c, in);

    if (rc == KECS_OK) {
        rc = make_body(c, in, &t);
    }

    if (rc == KECS_OK) {
        rc = kecs_family_add(c, &kecs_taskdefs, in->family, &t);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (in->tags.n != 0) {
        kecs_tags_write(c, t.rec.part[KECS_TASKDEF_TAGS]);
    }

    kecs_taskdef_write(c, "taskDefinition", &t);

    return KECS_OK;
}


/* DescribeTaskDefinition. */

static kecs_rc_t
check_include(kecs_call_t *c,
    const kecs_ecs_describe_task_definition_request_t *in)
{
    size_t  i;

    for (i = 0; i < in->include.n; i++) {
        if (!kecs_str_is(in->include.items[i], "TAGS")) {
            return kecs_fail(c, KECS_E_CLIENT, "%.*s is not a valid value for"
                             " include. The value must be one of [[TAGS]]",
                             kecs_fmt(in->include.items[i]));
        }
    }

    return KECS_OK;
}


static kecs_rc_t
describe_task_definition(kecs_call_t *c, void *v)
{
    bool                                          tags;
    kecs_rc_t                                     rc;
    kecs_taskdef_t                                t;
    kecs_ecs_describe_task_definition_request_t  *in;

    in = v;

    rc = check_include(c, in);

    if (rc == KECS_OK) {
        rc = kecs_family_named(c, &kecs_taskdefs, in->task_definition);
    }

    if (rc == KECS_OK) {
        rc = kecs_find_taskdef(c, in->task_definition, SHOWN, &t);
    }

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Unable to describe task definition.");
    }

    if (rc != KECS_OK) {
        return rc;
    }

    tags = kecs_names_has(in->include.n, in->include.items, "TAGS");
    kecs_tags_write(c, tags ? t.rec.part[KECS_TASKDEF_TAGS] : kecs_null_str);
    kecs_taskdef_write(c, "taskDefinition", &t);

    return KECS_OK;
}


/* DeregisterTaskDefinition. */

static kecs_rc_t
deactivate(kecs_call_t *c, kecs_taskdef_t *t)
{
    kecs_rc_t  rc;

    t->status = KECS_TASKDEF_INACTIVE;
    t->deregistered_at = c->now;

    rc = kecs_put(c->txn, t);

    return rc == KECS_OK ? kecs_family_leave(c, &kecs_taskdefs, t) : rc;
}


/* The time of it is shown only from the next answer on, as on ECS. */

static kecs_rc_t
deregister_task_definition(kecs_call_t *c, void *v)
{
    unsigned                                        previous;
    kecs_rc_t                                       rc;
    kecs_taskdef_t                                  t;
    kecs_ecs_deregister_task_definition_request_t  *in;

    in = v;

    rc = kecs_family_revision(c, &kecs_taskdefs, in->task_definition, SHOWN,
                              &t);
    if (rc != KECS_OK) {
        return rc;
    }

    previous = t.status;

    if (previous == KECS_TASKDEF_DELETING) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "The task definition could not be deregistered"
                         " because it is in the process of being deleted.");
    }

    if (previous == KECS_TASKDEF_ACTIVE) {
        rc = deactivate(c, &t);
        if (rc != KECS_OK) {
            return rc;
        }

        t.deregistered_at = 0;
    }

    write_taskdef(c, "taskDefinition", &t, previous);

    return KECS_OK;
}


/* ListTaskDefinitions. */

static kecs_rc_t
list_revision(kecs_call_t *c, void *ctx, kecs_str_t key, kecs_any_t *rec,
    kecs_str_t *out)
{
    uint32_t        revision;
    kecs_rc_t       rc;
    kecs_str_t      name;
    const uint8_t  *p;

    (void) ctx;
    (void) rec;

    /* status, family, NUL, revision in four bytes */

    rc = kecs_list_name(c, kecs_str_from(key, 1), &name);
    if (rc != KECS_OK || key.len != name.len + 6) {
        return KECS_CORRUPT;
    }

    p = (const uint8_t *) key.data + name.len + 2;
    revision = (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
               | (uint32_t) p[2] << 8 | p[3];

    *out = kecs_taskdef_arn(c, name, revision);

    return out->data != NULL ? KECS_OK : KECS_NOMEM;
}


static kecs_rc_t
filters_text(kecs_call_t *c, kecs_str_t a, kecs_str_t b, kecs_str_t d,
    kecs_str_t *out)
{
    *out = kecs_sprintf(c->arena, "%.*s\n%.*s\n%.*s", kecs_fmt(a),
                        kecs_fmt(b), kecs_fmt(d));

    return out->data != NULL ? KECS_OK : KECS_NOMEM;
}


static kecs_rc_t
check_list(kecs_call_t *c,
    const kecs_ecs_list_task_definitions_request_t *in)
{
    kecs_rc_t  rc;

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "status",
                         &kecs_ecs_task_definition_status_shape, in->status);

    return rc == KECS_OK
           ? kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "sort",
                             &kecs_ecs_sort_order_shape, in->sort)
           : rc;
}


static kecs_rc_t
list_task_definitions(kecs_call_t *c, void *v)
{
    unsigned                                   status;
    kecs_rc_t                                  rc;
    kecs_str_t                                 filters;
    kecs_key_t                                 prefix;
    kecs_page_t                                page;
    kecs_scan_t                               *scan;
    kecs_ecs_list_task_definitions_request_t  *in;

    in = v;
    scan = NULL;

    rc = check_list(c, in);

    if (rc == KECS_OK) {
        rc = filters_text(c, in->family_prefix, in->status, in->sort,
                          &filters);
    }

    if (rc == KECS_OK) {
        rc = kecs_page_begin(c, &page, in->max_results, in->next_token, PAGE,
                             PAGE, filters);
    }

    status = in->status.data != NULL ? kecs_taskdef_status_of(in->status)
                                     : KECS_TASKDEF_ACTIVE;
    family_prefix(&prefix, status, in->family_prefix);

    if (rc == KECS_OK && c->scope != 0 && !prefix.failed) {
        rc = kecs_scan(c->txn, c->arena, KECS_IX_TASKDEF, c->scope, &prefix,
                       page.after, kecs_str_is(in->sort, "DESC"), &scan);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_list_page(c, &page, "taskDefinitionArns", scan,
                          list_revision, NULL, NULL);
}


/*
 * ListTaskDefinitionFamilies: all are the records themselves, in order,
 * save those whose revisions are all gone.
 */

static kecs_rc_t
list_family(kecs_call_t *c, void *ctx, kecs_str_t key, kecs_any_t *rec,
    kecs_str_t *out)
{
    kecs_rc_t      rc;
    kecs_str_t     name;
    kecs_family_t  family;

    (void) ctx;
    (void) rec;

    rc = kecs_list_name(c, key, &name);

    if (rc == KECS_OK) {
        rc = kecs_family_get(c, &kecs_taskdefs, name, &family);
    }

    if (rc == KECS_OK && family.purged != family.last) {
        *out = name;
    }

    return rc;
}


static kecs_rc_t
scan_families(kecs_call_t *c, kecs_str_t status, const kecs_key_t *prefix,
    kecs_str_t after, kecs_scan_t **scan)
{
    if (status.data == NULL || kecs_str_is(status, "ALL")) {
        return kecs_scan_records(c->txn, c->arena, KECS_FAMILY, c->scope,
                                 prefix, after, false, scan);
    }

    return kecs_scan(c->txn, c->arena, kecs_str_is(status, "ACTIVE")
                                       ? KECS_IX_FAMILY_ACTIVE
                                       : KECS_IX_FAMILY_INACTIVE,
                     c->scope, prefix, after, false, scan);
}


static kecs_rc_t
list_task_definition_families(kecs_call_t *c, void *v)
{
    kecs_rc_t                                          rc;
    kecs_str_t                                         filters;
    kecs_key_t                                         prefix;
    kecs_page_t                                        page;
    kecs_scan_t                                       *scan;
    kecs_ecs_list_task_definition_families_request_t  *in;

    in = v;
    scan = NULL;

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "status",
                         &kecs_ecs_task_definition_family_status_shape,
                         in->status);

    if (rc == KECS_OK) {
        rc = filters_text(c, in->family_prefix, in->status, kecs_null_str,
                          &filters);
    }

    if (rc == KECS_OK) {
        rc = kecs_page_begin(c, &page, in->max_results, in->next_token, PAGE,
                             PAGE, filters);
    }

    kecs_key_init(&prefix);
    kecs_key_bytes(&prefix, in->family_prefix.data, in->family_prefix.len);

    if (rc == KECS_OK && c->scope != 0 && !prefix.failed) {
        rc = scan_families(c, in->status, &prefix, page.after, &scan);
    }

    return rc == KECS_OK ? kecs_list_page(c, &page, "families", scan,
                                          list_family, NULL, NULL)
                         : rc;
}


const kecs_op_t  kecs_taskdef_ops[] = {
    { "DeleteTaskDefinitions", KECS_OP_WRITE,
      &kecs_ecs_delete_task_definitions_request_shape,
      kecs_delete_task_definitions },
    { "DeregisterTaskDefinition", KECS_OP_WRITE,
      &kecs_ecs_deregister_task_definition_request_shape,
      deregister_task_definition },
    { "DescribeTaskDefinition", KECS_OP_READ,
      &kecs_ecs_describe_task_definition_request_shape,
      describe_task_definition },
    { "ListTaskDefinitionFamilies", KECS_OP_READ,
      &kecs_ecs_list_task_definition_families_request_shape,
      list_task_definition_families },
    { "ListTaskDefinitions", KECS_OP_READ,
      &kecs_ecs_list_task_definitions_request_shape, list_task_definitions },
    { "RegisterTaskDefinition", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_register_task_definition_request_shape,
      register_task_definition },
    { NULL, 0, NULL, NULL }
};
