/*
 * Tags of all that ECS lets be tagged: one part of each record, "[{key,
 * value}]" in the order in which they came, absent when there are none.
 */

#include "ecs.h"


#define TAGS_MAX  50

/* A resource found by its ARN, with its tags loaded. */
typedef struct {
    kecs_rec_t    *rec;
    unsigned       part;
    kecs_error_t   refusal;     /* of tags that are not right */

    union {
        kecs_cluster_t   cluster;
        kecs_service_t   service;
        kecs_task_t      task;
        kecs_taskdef_t   taskdef;
        kecs_instance_t  instance;
        kecs_provider_t  provider;
        kecs_daemon_t    daemon;
        kecs_gateway_t   gateway;
        kecs_task_set_t  task_set;
    } u;
} tagged_t;


static bool
is_reserved(kecs_str_t key)
{
    return key.len >= 4 && (key.data[0] | 0x20) == 'a'
           && (key.data[1] | 0x20) == 'w' && (key.data[2] | 0x20) == 's'
           && key.data[3] == ':';
}


static kecs_ecs_tag_t *
find_tag(kecs_ecs_tag_t *tags, size_t n, kecs_str_t key)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (kecs_str_eq(tags[i].key, key)) {
            return &tags[i];
        }
    }

    return NULL;
}


static kecs_rc_t
check_tag(kecs_call_t *c, kecs_error_t e, const kecs_ecs_tag_t *tag)
{
    if (tag->key.data == NULL) {
        return kecs_fail(c, e, "Tag key can not be null.");
    }

    if (tag->value.data == NULL) {
        return kecs_fail(c, e, "Tag value can not be null.");
    }

    if (is_reserved(tag->key)) {
        return kecs_fail(c, e, "aws: prefixed tag key names are not allowed"
                         " for external use.");
    }

    return KECS_OK;
}


kecs_rc_t
kecs_tags_check(kecs_call_t *c, kecs_error_t e, const kecs_ecs_tag_t *tags,
    size_t n)
{
    size_t     i, j;
    kecs_rc_t  rc;

    for (i = 0; i < n; i++) {
        rc = check_tag(c, e, &tags[i]);
        if (rc != KECS_OK) {
            return rc;
        }

        /* more than allowed are refused by the model's own check */

        for (j = 0; j < i && i < TAGS_MAX; j++) {
            if (kecs_str_eq(tags[j].key, tags[i].key)) {
                return kecs_fail(c, e, "Duplicate tag keys are not"
                                 " allowed.");
            }
        }
    }

    return KECS_OK;
}


/* Between stored text and a list. */

kecs_rc_t
kecs_tags_load(kecs_call_t *c, kecs_str_t json, size_t more,
    kecs_ecs_tags_t *out)
{
    kecs_rc_t           rc;
    kecs_json_t        *tree;
    const kecs_json_t  *v;

    tree = NULL;
    memset(out, 0, sizeof(kecs_ecs_tags_t));

    if (json.data != NULL) {
        rc = kecs_json_parse(c->arena, json, &tree);
        if (rc != KECS_OK) {
            return rc;
        }

        more += tree->n;
    }

    out->items = kecs_calloc(c->arena, more, sizeof(kecs_ecs_tag_t));
    if (out->items == NULL) {
        return KECS_NOMEM;
    }

    for (v = tree != NULL ? tree->first : NULL; v != NULL; v = v->next) {
        out->items[out->n].key = kecs_json_str(kecs_json_get(v, "key"));
        out->items[out->n].value = kecs_json_str(kecs_json_get(v, "value"));
        out->n++;
    }

    return KECS_OK;
}


kecs_rc_t
kecs_tags_print(kecs_call_t *c, const kecs_ecs_tags_t *tags,
    kecs_str_t *json)
{
    size_t         i;
    kecs_buf_t     b;
    kecs_writer_t  w;

    *json = kecs_null_str;

    if (tags->n == 0) {
        return KECS_OK;
    }

    kecs_buf_init(&b, c->arena, 0);
    w = kecs_writer(&b);
    kecs_w_array(&w, NULL);

    for (i = 0; i < tags->n; i++) {
        kecs_shape_encode(&w, NULL, &kecs_ecs_tag_shape, &tags->items[i]);
    }

    kecs_w_array_end(&w);

    if (b.failed) {
        return KECS_NOMEM;
    }

    *json = kecs_buf_view(&b);

    return KECS_OK;
}


kecs_rc_t
kecs_tags_json(kecs_call_t *c, const kecs_ecs_tag_t *tags, size_t n,
    kecs_str_t *json)
{
    kecs_rc_t        rc;
    kecs_ecs_tags_t  list;

    list.n = n;
    list.items = (kecs_ecs_tag_t *) (uintptr_t) tags;
    rc = kecs_tags_check(c, KECS_E_INVALID_PARAMETER, tags, n);

    return rc == KECS_OK ? kecs_tags_print(c, &list, json) : rc;
}


kecs_rc_t
kecs_tags_set(kecs_call_t *c, kecs_str_t have, const kecs_ecs_tag_t *tags,
    size_t n, kecs_str_t *json)
{
    size_t            i, own;
    kecs_rc_t         rc;
    kecs_ecs_tag_t   *tag;
    kecs_ecs_tags_t   all;

    rc = kecs_tags_load(c, have, n, &all);
    if (rc != KECS_OK) {
        return rc;
    }

    for (i = 0; i < n; i++) {
        tag = find_tag(all.items, all.n, tags[i].key);

        if (tag == NULL) {
            tag = &all.items[all.n++];
        }

        *tag = tags[i];
    }

    for (i = 0, own = 0; i < all.n; i++) {
        own += !is_reserved(all.items[i].key);
    }

    if (own > TAGS_MAX) {
        return kecs_fail(c, KECS_E_LIMIT_EXCEEDED,
                         "The maximum number of tags for a resource is %u.",
                         TAGS_MAX);
    }

    return kecs_tags_print(c, &all, json);
}


/* Keys that are not there do not matter. */

static kecs_rc_t
unset_tags(kecs_call_t *c, kecs_str_t have, const kecs_str_t *keys,
    size_t n, kecs_str_t *json)
{
    size_t           i, kept;
    kecs_rc_t        rc;
    kecs_ecs_tags_t  all;

    rc = kecs_tags_load(c, have, 0, &all);
    if (rc != KECS_OK) {
        return rc;
    }

    for (i = 0, kept = 0; i < all.n; i++) {
        if (!kecs_strs_has(n, keys, all.items[i].key)) {
            all.items[kept++] = all.items[i];
        }
    }

    all.n = kept;

    return kecs_tags_print(c, &all, json);
}


void
kecs_tags_write(kecs_call_t *c, kecs_str_t json)
{
    kecs_w_raw(&c->out, "tags", json.data != NULL ? json : kecs_str("[]"));
}


/* Resources by ARN. */

static kecs_rc_t
not_there(kecs_call_t *c, const char *what)
{
    return kecs_fail(c, (c->op->flags & KECS_OP_WRITE)
                        ? KECS_E_RESOURCE_NOT_FOUND
                        : KECS_E_INVALID_PARAMETER,
                     "The specified %s does not exist. Specify a valid %s"
                     " and try again.", what, what);
}


/* What has ended can no longer be tagged. */

static kecs_rc_t
check_live(kecs_call_t *c, const char *what, bool ended, const char *how,
    const char *wanted)
{
    return ended ? kecs_fail(c, KECS_E_INVALID_PARAMETER,
                             "The specified %s is %s. Specify %s %s and try"
                             " again.", what, how, wanted, what)
                 : KECS_OK;
}


/* The cluster must live, since what is in it can only then be changed. */

static kecs_rc_t
find_cluster(kecs_call_t *c, kecs_str_t name, unsigned parts,
    kecs_cluster_t *out)
{
    kecs_rc_t  rc;

    rc = kecs_cluster_named(c, name, parts, out);

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_CLUSTER_NOT_FOUND, "Cluster not found.");
    }

    return rc == KECS_OK
           ? check_live(c, "cluster", out->status == KECS_CLUSTER_INACTIVE,
                        "inactive", "an active") : rc;
}


static kecs_rc_t
tagged_cluster(kecs_call_t *c, kecs_str_t arn, kecs_str_t rest, tagged_t *t)
{
    kecs_rc_t   rc;
    kecs_str_t  name;

    (void) rest;

    t->rec = &t->u.cluster.rec;
    t->part = KECS_CLUSTER_TAGS;

    rc = kecs_cluster_name_of(c, arn, &name);

    return rc == KECS_OK ? find_cluster(c, name,
                                        kecs_part_bit(KECS_CLUSTER_TAGS),
                                        &t->u.cluster)
                         : rc;
}


/* The cluster that a long ARN names: rest is "CLUSTER/...". */

static kecs_rc_t
cluster_within(kecs_call_t *c, kecs_str_t rest, kecs_cluster_t *out)
{
    kecs_str_t  name;

    (void) kecs_str_split(&rest, '/', &name);

    if (rest.data == NULL || !kecs_name_ok(name)) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "Long arn format must be used for tagging"
                         " operations");
    }

    return find_cluster(c, name, 0, out);
}


static kecs_rc_t
tagged_service(kecs_call_t *c, kecs_str_t arn, kecs_str_t rest, tagged_t *t)
{
    kecs_rc_t       rc;
    kecs_cluster_t  cluster;

    t->rec = &t->u.service.rec;
    t->part = KECS_SERVICE_TAGS;

    rc = cluster_within(c, rest, &cluster);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = kecs_find_service(c, &cluster, arn,
                           kecs_part_bit(KECS_SERVICE_TAGS), &t->u.service);

    if (rc == KECS_NOT_FOUND) {
        return not_there(c, "service");
    }

    return rc == KECS_OK
           ? check_live(c, "service",
                        t->u.service.status == KECS_SERVICE_INACTIVE,
                        "inactive", "an active") : rc;
}


static kecs_rc_t
tagged_task(kecs_call_t *c, kecs_str_t arn, kecs_str_t rest, tagged_t *t)
{
    kecs_rc_t       rc;
    kecs_cluster_t  cluster;

    t->rec = &t->u.task.rec;
    t->part = KECS_TASK_TAGS;

    rc = cluster_within(c, rest, &cluster);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = kecs_find_task(c, &cluster, arn, kecs_part_bit(KECS_TASK_TAGS),
                        &t->u.task);

    if (rc == KECS_NOT_FOUND) {
        return not_there(c, "task");
    }

    return rc == KECS_OK
           ? check_live(c, "task", t->u.task.status == KECS_TASK_STOPPED,
                        "stopped", "a running") : rc;
}


static kecs_rc_t
tagged_instance(kecs_call_t *c, kecs_str_t arn, kecs_str_t rest,
    tagged_t *t)
{
    kecs_rc_t       rc;
    kecs_cluster_t  cluster;

    t->rec = &t->u.instance.rec;
    t->part = KECS_INSTANCE_TAGS;

    rc = cluster_within(c, rest, &cluster);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = kecs_find_instance(c, &cluster, arn,
                            kecs_part_bit(KECS_INSTANCE_TAGS),
                            &t->u.instance);

    if (rc == KECS_NOT_FOUND) {
        return not_there(c, "container instance");
    }

    return rc == KECS_OK
           ? check_live(c, "container instance",
                        t->u.instance.status == KECS_INSTANCE_INACTIVE,
                        "inactive", "an active") : rc;
}


/* Of either kind: one revision of a family. */

typedef kecs_rc_t (*find_revision_pt)(kecs_call_t *c, kecs_str_t id,
    unsigned parts, kecs_taskdef_t *out);


static kecs_rc_t
tagged_revision(kecs_call_t *c, kecs_str_t arn, kecs_str_t rest,
    tagged_t *t, const char *what, find_revision_pt find)
{
    kecs_rc_t  rc;

    t->rec = &t->u.taskdef.rec;
    t->part = KECS_TASKDEF_TAGS;
    t->refusal = KECS_E_CLIENT;

    if (kecs_str_chr(rest, ':') < 0) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER, "Revision is missing");
    }

    rc = find(c, arn, kecs_part_bit(KECS_TASKDEF_TAGS), &t->u.taskdef);

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "The specified %s does not exist. Specify a valid"
                         " account, family, revision and try again.", what);
    }

    return rc;
}


static kecs_rc_t
tagged_taskdef(kecs_call_t *c, kecs_str_t arn, kecs_str_t rest, tagged_t *t)
{
    return tagged_revision(c, arn, rest, t, "task definition",
                           kecs_find_taskdef);
}


static kecs_rc_t
tagged_daemon_taskdef(kecs_call_t *c, kecs_str_t arn, kecs_str_t rest,
    tagged_t *t)
{
    return tagged_revision(c, arn, rest, t, "daemon task definition",
                           kecs_find_daemon_taskdef);
}


static kecs_rc_t
tagged_provider(kecs_call_t *c, kecs_str_t arn, kecs_str_t rest,
    tagged_t *t)
{
    kecs_rc_t   rc;
    kecs_str_t  name;

    (void) rest;

    t->rec = &t->u.provider.rec;
    t->part = KECS_PROVIDER_TAGS;

    rc = kecs_provider_name_of(c, arn, &name);

    if (rc == KECS_OK) {
        rc = kecs_provider_get(c, name, kecs_part_bit(KECS_PROVIDER_TAGS),
                               &t->u.provider);
    }

    if (rc == KECS_NOT_FOUND
        || (rc == KECS_OK && t->u.provider.status != KECS_PROVIDER_ACTIVE))
    {
        return not_there(c, "capacity provider");
    }

    return rc;
}


static kecs_rc_t
tagged_task_set(kecs_call_t *c, kecs_str_t arn, kecs_str_t rest,
    tagged_t *t)
{
    kecs_rc_t       rc;
    kecs_str_t      name;
    kecs_cluster_t  cluster;
    kecs_service_t  service;

    t->rec = &t->u.task_set.rec;
    t->part = KECS_TASK_SET_TAGS;

    rc = cluster_within(c, rest, &cluster);
    if (rc != KECS_OK) {
        return rc;
    }

    (void) kecs_str_split(&rest, '/', &name);
    (void) kecs_str_split(&rest, '/', &name);

    rc = kecs_find_service(c, &cluster, name, 0, &service);

    if (rc == KECS_OK) {
        rc = kecs_find_task_set(c, &cluster, &service, arn,
                                &t->u.task_set);
    }

    return rc == KECS_NOT_FOUND ? not_there(c, "task set") : rc;
}


static kecs_rc_t
tagged_daemon(kecs_call_t *c, kecs_str_t arn, kecs_str_t rest, tagged_t *t)
{
    kecs_cluster_t  cluster;

    (void) rest;

    t->rec = &t->u.daemon.rec;
    t->part = KECS_DAEMON_TAGS;

    return kecs_find_daemon(c, arn, kecs_part_bit(KECS_DAEMON_TAGS),
                            &cluster, &t->u.daemon);
}


static kecs_rc_t
tagged_gateway(kecs_call_t *c, kecs_str_t arn, kecs_str_t rest, tagged_t *t)
{
    (void) rest;

    t->rec = &t->u.gateway.rec;
    t->part = KECS_GATEWAY_TAGS;

    return kecs_find_gateway(c, arn, kecs_part_bit(KECS_GATEWAY_TAGS),
                             &t->u.gateway);
}


static kecs_rc_t
find_tagged(kecs_call_t *c, kecs_str_t id, tagged_t *t)
{
    size_t      i;
    kecs_arn_t  arn;
    kecs_str_t  kind, rest;

    static const struct {
        const char  *kind;
        kecs_rc_t  (*find)(kecs_call_t *c, kecs_str_t arn, kecs_str_t rest,
                           tagged_t *t);
    } kinds[] = {
        { "cluster", tagged_cluster },
        { "service", tagged_service },
        { "task", tagged_task },
        { "container-instance", tagged_instance },
        { "daemon", tagged_daemon },
        { "daemon-task-definition", tagged_daemon_taskdef },
        { "gateway", tagged_gateway },
        { "task-set", tagged_task_set },
        { "task-definition", tagged_taskdef },
        { "capacity-provider", tagged_provider }
    };

    memset(t, 0, sizeof(tagged_t));
    t->refusal = KECS_E_INVALID_PARAMETER;

    if (kecs_arn_parse(id, &arn) && kecs_str_is(arn.service, "ecs")) {
        rest = arn.resource;
        (void) kecs_str_split(&rest, '/', &kind);

        for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
            if (rest.len != 0 && kecs_str_is(kind, kinds[i].kind)) {
                return kinds[i].find(c, id, rest, t);
            }
        }
    }

    return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                     "The ARN provided is invalid.");
}


/* The operations. */

static kecs_rc_t
open_tagged(kecs_call_t *c, const void *in, kecs_str_t arn, tagged_t *t)
{
    kecs_rc_t  rc;

    rc = kecs_check_input(c, in);

    return rc == KECS_OK ? find_tagged(c, arn, t) : rc;
}


static kecs_rc_t
put_tags(kecs_call_t *c, tagged_t *t, kecs_str_t json)
{
    kecs_rec_part(t->rec, t->part, json);

    return kecs_put(c->txn, t->rec);
}


static kecs_rc_t
tag_resource(kecs_call_t *c, void *v)
{
    tagged_t                          t;
    kecs_rc_t                         rc;
    kecs_str_t                        json;
    kecs_ecs_tag_resource_request_t  *in;

    in = v;

    rc = open_tagged(c, in, in->resource_arn, &t);
    if (rc != KECS_OK) {
        return rc;
    }

    if (in->tags.n == 0) {
        return kecs_fail(c, t.refusal, "Tags can not be empty.");
    }

    rc = kecs_tags_check(c, t.refusal, in->tags.items, in->tags.n);

    if (rc == KECS_OK) {
        rc = kecs_tags_set(c, t.rec->part[t.part], in->tags.items,
                           in->tags.n, &json);
    }

    return rc == KECS_OK ? put_tags(c, &t, json) : rc;
}


static kecs_rc_t
untag_resource(kecs_call_t *c, void *v)
{
    size_t                              i;
    tagged_t                            t;
    kecs_rc_t                           rc;
    kecs_str_t                          json;
    kecs_ecs_untag_resource_request_t  *in;

    in = v;

    rc = open_tagged(c, in, in->resource_arn, &t);

    for (i = 0; rc == KECS_OK && i < in->tag_keys.n; i++) {
        if (is_reserved(in->tag_keys.items[i])) {
            rc = kecs_fail(c, t.refusal, "aws: prefixed tag key names are"
                           " not allowed for external use.");
        }
    }

    if (rc == KECS_OK) {
        rc = unset_tags(c, t.rec->part[t.part], in->tag_keys.items,
                        in->tag_keys.n, &json);
    }

    return rc == KECS_OK ? put_tags(c, &t, json) : rc;
}


static kecs_rc_t
list_tags_for_resource(kecs_call_t *c, void *v)
{
    tagged_t                                    t;
    kecs_rc_t                                   rc;
    kecs_ecs_list_tags_for_resource_request_t  *in;

    in = v;

    rc = open_tagged(c, in, in->resource_arn, &t);

    if (rc == KECS_OK) {
        kecs_tags_write(c, t.rec->part[t.part]);
    }

    return rc;
}


const kecs_op_t  kecs_tag_ops[] = {
    { "ListTagsForResource", KECS_OP_READ,
      &kecs_ecs_list_tags_for_resource_request_shape,
      list_tags_for_resource },
    { "TagResource", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_tag_resource_request_shape, tag_resource },
    { "UntagResource", KECS_OP_WRITE,
      &kecs_ecs_untag_resource_request_shape, untag_resource },
    { NULL, 0, NULL, NULL }
};
