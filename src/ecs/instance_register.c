/*
 * RegisterContainerInstance, the agent's call: a new instance, or one that
 * comes back under its ARN with what it is now.  The identity document is
 * what EC2 (or Systems Manager) says of the machine; its signature cannot
 * be checked here and is not.  The attributes that the agent sent all come
 * back in the answer, as it insists on.
 */

#include "instance.h"


typedef struct {
    kecs_str_t  instance_id;
    kecs_str_t  type;
    kecs_str_t  zone;
    kecs_str_t  image;
    kecs_str_t  architecture;
} identity_t;

typedef struct {
    kecs_ecs_register_container_instance_request_t  *in;
    kecs_cluster_t                                   cluster;
    kecs_instance_t                                  p;
    bool                                             again;
    identity_t                                       identity;
} register_t;


static kecs_rc_t
read_identity(kecs_call_t *c, register_t *r)
{
    kecs_rc_t     rc;
    kecs_json_t  *doc;
    identity_t   *id;

    id = &r->identity;

    if (r->in->instance_identity_document.len == 0) {
        return KECS_OK;
    }

    rc = kecs_json_parse(c->arena, r->in->instance_identity_document, &doc);

    if (rc == KECS_NOMEM) {
        return rc;
    }

    if (rc != KECS_OK || doc->type != KECS_JSON_OBJECT) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Invalid instance identity document.");
    }

    id->instance_id = kecs_json_str(kecs_json_get(doc, "instanceId"));
    id->type = kecs_json_str(kecs_json_get(doc, "instanceType"));
    id->zone = kecs_json_str(kecs_json_get(doc, "availabilityZone"));
    id->image = kecs_json_str(kecs_json_get(doc, "imageId"));
    id->architecture = kecs_json_str(kecs_json_get(doc, "architecture"));

    return KECS_OK;
}


/* The instance that comes back. */

static kecs_rc_t
find_again(kecs_call_t *c, register_t *r)
{
    char              hex[2 * KECS_ID_LEN];
    kecs_rc_t         rc;
    kecs_instance_t  *p;

    p = &r->p;
    rc = kecs_instance_to_change(c, &r->cluster,
                                 r->in->container_instance_arn, p);

    if (rc == KECS_OK && p->type.len != 0 && r->identity.type.len != 0
        && !kecs_str_eq(p->type, r->identity.type))
    {
        kecs_hex(p->id, KECS_ID_LEN, hex);

        return kecs_fail(c, KECS_E_CLIENT,
                         "Container instance type changes are not"
                         " supported. Container instance %.*s was previously"
                         " registered as %.*s.", (int) sizeof(hex), hex,
                         kecs_fmt(p->type));
    }

    r->again = true;

    return rc;
}


static void
begin_new(kecs_call_t *c, register_t *r)
{
    kecs_instance_t  *p;

    p = &r->p;
    p->rec.kind = KECS_INSTANCE;
    p->rec.scope = c->scope;
    p->rec.gen = KECS_ECS_GEN;
    p->cluster = r->cluster.no;
    p->status = KECS_INSTANCE_ACTIVE;
    p->registered_at = c->now;
    kecs_rand_bytes(c->rand, p->id, KECS_ID_LEN);
}


/* Attributes. */

static void
add_attribute(kecs_ecs_attributes_t *list, const char *name, kecs_str_t value)
{
    if (value.len != 0) {
        list->items[list->n].name = kecs_str_of(name);
        list->items[list->n].value = value;
        list->n++;
    }
}


/* Those that the agent does not send itself. */

static void
add_identity(const identity_t *id, kecs_ecs_attributes_t *list)
{
    add_attribute(list, "ecs.ami-id", id->image);
    add_attribute(list, KECS_ZONE_ATTRIBUTE, id->zone);
    add_attribute(list, "ecs.instance-type", id->type);
    add_attribute(list, KECS_ARCH_ATTRIBUTE, id->architecture);
}


/* What clients have put stays when the instance comes back. */

static void
add_own(const kecs_ecs_attributes_t *have, kecs_ecs_attributes_t *list)
{
    size_t  i;

    for (i = 0; i < have->n; i++) {
        if (!kecs_attribute_reserved(have->items[i].name)) {
            list->items[list->n++] = have->items[i];
        }
    }
}


static kecs_rc_t
add_sent(kecs_call_t *c, const kecs_ecs_attributes_t *sent,
    kecs_ecs_attributes_t *list)
{
    size_t                 i;
    kecs_rc_t              rc;
    kecs_ecs_attribute_t  *a, checked;

    for (i = 0; i < sent->n; i++) {
        a = &list->items[list->n++];
        a->name = sent->items[i].name;
        a->value = sent->items[i].value.len != 0 ? sent->items[i].value
                                                 : kecs_null_str;

        /* the values of ECS's own are the agent's affair */

        checked = *a;

        if (kecs_attribute_reserved(a->name)) {
            checked.value = kecs_null_str;
        }

        rc = kecs_attribute_check(c, &checked);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}


#define IDENTITY  4

static kecs_rc_t
new_attributes(kecs_call_t *c, register_t *r,
    const kecs_ecs_attributes_t *have)
{
    kecs_rc_t              rc;
    kecs_ecs_attributes_t  list;

    memset(&list, 0, sizeof(list));
    list.items = kecs_calloc(c->arena,
                             have->n + r->in->attributes.n + IDENTITY,
                             sizeof(kecs_ecs_attribute_t));
    if (list.items == NULL) {
        return KECS_NOMEM;
    }

    add_own(have, &list);
    add_identity(&r->identity, &list);
    rc = add_sent(c, &r->in->attributes, &list);

    return rc == KECS_OK ? kecs_attributes_store(c, &list, &r->p) : rc;
}


/* Resources. */

void
kecs_resource_fill(kecs_ecs_resource_t *to)
{
    to->double_value.set = true;
    to->integer_value.set = true;
    to->long_value.set = true;
}


/* Devices of a type as a resource of its name. */

static kecs_rc_t
device_resource(kecs_call_t *c, const kecs_ecs_platform_devices_t *devices,
    const char *type, kecs_ecs_resources_t *list)
{
    size_t                i;
    kecs_str_t           *ids;
    kecs_ecs_resource_t  *to;

    ids = kecs_calloc(c->arena, devices->n, sizeof(kecs_str_t));
    if (ids == NULL) {
        return KECS_NOMEM;
    }

    to = &list->items[list->n];

    for (i = 0; i < devices->n; i++) {
        if (kecs_str_is(devices->items[i].type, type)) {
            ids[to->string_set_value.n++] = devices->items[i].id;
        }
    }

    if (to->string_set_value.n != 0) {
        to->name = kecs_str_of(type);
        to->type = kecs_str("STRINGSET");
        to->string_set_value.items = ids;
        to->string_set_value.set = true;
        kecs_resource_fill(to);
        list->n++;
    }

    return KECS_OK;
}


static kecs_rc_t
new_resources(kecs_call_t *c, register_t *r)
{
    size_t                                           i;
    kecs_rc_t                                        rc;
    kecs_ecs_container_instance_t                    view;
    kecs_ecs_register_container_instance_request_t  *in;

    in = r->in;
    memset(&view, 0, sizeof(view));
    view.registered_resources.set = true;
    view.registered_resources.items = kecs_calloc(
                                          c->arena, in->total_resources.n + 2,
                                          sizeof(kecs_ecs_resource_t));
    if (view.registered_resources.items == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < in->total_resources.n; i++) {
        view.registered_resources.items[i] = in->total_resources.items[i];
        kecs_resource_fill(&view.registered_resources.items[i]);
    }

    view.registered_resources.n = i;
    rc = device_resource(c, &in->platform_devices, "GPU",
                         &view.registered_resources);

    if (rc == KECS_OK) {
        rc = device_resource(c, &in->platform_devices, "NEURON_DEVICE",
                             &view.registered_resources);
    }

    if (rc == KECS_OK) {
        rc = kecs_member_json(c->arena, &kecs_ecs_container_instance_shape,
                              &view, "registeredResources",
                              &r->p.rec.part[KECS_INSTANCE_RESOURCES]);
    }

    kecs_rec_part(&r->p.rec, KECS_INSTANCE_RESOURCES,
                  r->p.rec.part[KECS_INSTANCE_RESOURCES]);

    return rc;
}


static kecs_rc_t
new_version(kecs_call_t *c, register_t *r)
{
    kecs_rc_t   rc;
    kecs_str_t  json;

    rc = kecs_member_json(c->arena, c->op->input, r->in, "versionInfo",
                          &json);

    if (rc == KECS_OK && (json.data != NULL || !r->again)) {
        kecs_rec_part(&r->p.rec, KECS_INSTANCE_VERSION, json);
    }

    return rc;
}


static kecs_rc_t
new_tags(kecs_call_t *c, register_t *r)
{
    kecs_rc_t   rc;
    kecs_str_t  json;

    rc = kecs_tags_json(c, r->in->tags.items, r->in->tags.n, &json);

    if (rc == KECS_OK && r->again) {
        rc = kecs_tags_set(c, r->p.rec.part[KECS_INSTANCE_TAGS],
                           r->in->tags.items, r->in->tags.n, &json);
    }

    if (rc == KECS_OK) {
        kecs_rec_part(&r->p.rec, KECS_INSTANCE_TAGS, json);
    }

    return rc;
}


static kecs_rc_t
fill(kecs_call_t *c, register_t *r)
{
    kecs_rc_t                       rc;
    kecs_ecs_container_instance_t  *have;

    rc = kecs_instance_view(c, &r->p, &have);

    if (rc == KECS_OK) {
        rc = new_attributes(c, r, &have->attributes);
    }

    if (rc == KECS_OK) {
        rc = new_resources(c, r);
    }

    if (rc == KECS_OK) {
        rc = new_version(c, r);
    }

    if (rc == KECS_OK) {
        rc = new_tags(c, r);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    r->p.connected = 1;

    if (r->identity.instance_id.len != 0) {
        r->p.ec2_id = r->identity.instance_id;
    }

    if (r->identity.type.len != 0) {
        r->p.type = r->identity.type;
    }

    return kecs_check_input(c, r->in);
}


kecs_rc_t
kecs_register_container_instance(kecs_call_t *c, void *in)
{
    kecs_rc_t    rc;
    register_t  *r;

    r = kecs_zalloc(c->arena, sizeof(register_t));
    if (r == NULL) {
        return KECS_NOMEM;
    }

    r->in = in;
    rc = kecs_find_cluster(c, r->in->cluster, 0, &r->cluster);

    if (rc == KECS_OK) {
        rc = read_identity(c, r);
    }

    if (rc == KECS_OK && r->in->container_instance_arn.len != 0) {
        rc = find_again(c, r);

    } else if (rc == KECS_OK) {
        begin_new(c, r);
    }

    if (rc == KECS_OK) {
        rc = fill(c, r);
    }

    if (rc == KECS_OK) {
        rc = kecs_instance_put(c, &r->p);
    }

    return rc == KECS_OK
           ? kecs_instance_write(c, "containerInstance", r->cluster.name,
                                 &r->p, KECS_SHOW_TAGS)
           : rc;
}
