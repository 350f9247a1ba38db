/*
 * Volumes configured at launch.  A service's configurations have the form
 * of those of a standalone task but for the termination policy, so they are
 * put into that form and everything is written once.  With a task they are
 * stored as its part VOLUMES: the member volumeConfigurations of RunTask,
 * in which the tags are those that the volume gets.
 */

#include "launch.h"
#include "task_view.h"


#define VOLUMES     1               /* of a task */
#define EBS         "ECS managed EBS volume configuration was invalid. "

typedef kecs_ecs_task_managed_ebs_volume_configuration_t  ebs_t;


/* Checks. */

typedef struct {
    const char  *type;
    int64_t      least;             /* GiB */
    int64_t      most;
    bool         iops;
    bool         iops_needed;
    bool         throughput;
} ebs_type_t;

static const ebs_type_t  ebs_types[] = {
    { "gp2", 1, 16384, false, false, false },
    { "gp3", 1, 16384, true, false, true },
    { "io1", 4, 16384, true, true, false },
    { "io2", 4, 16384, true, true, false },
    { "st1", 125, 16384, false, false, false },
    { "sc1", 125, 16384, false, false, false },
    { "standard", 1, 1024, false, false, false }
};


static const ebs_type_t *
ebs_type(kecs_str_t type)
{
    size_t  i;

    for (i = 0; i < sizeof(ebs_types) / sizeof(ebs_types[0]); i++) {
        if (kecs_str_is(type, ebs_types[i].type)) {
            return &ebs_types[i];
        }
    }

    return NULL;
}


static kecs_rc_t
ebs_size_check(kecs_call_t *c, const ebs_type_t *t, const ebs_t *v)
{
    if (!v->size_in_gib.set) {
        return v->snapshot_id.len != 0
               ? KECS_OK : kecs_bad(c, EBS "Specify either sizeInGiB or"
                                    " snapshotId.");
    }

    if (v->size_in_gib.value < t->least || v->size_in_gib.value > t->most) {
        return kecs_bad(c, EBS "sizeInGiB must be between %d and %d for the"
                        " volume type %s.", (int) t->least, (int) t->most,
                        t->type);
    }

    return KECS_OK;
}


static kecs_rc_t
ebs_check(kecs_call_t *c, const ebs_t *v)
{
    kecs_rc_t          rc;
    const ebs_type_t  *t;

    t = ebs_type(v->volume_type.len != 0 ? v->volume_type
                                         : kecs_str("gp3"));

    if (t == NULL) {
        return kecs_bad(c, EBS "The volume type %.*s is not supported.",
                        kecs_fmt(v->volume_type));
    }

    rc = ebs_size_check(c, t, v);

    if (rc != KECS_OK) {
        return rc;
    }

    if (v->iops.set && !t->iops) {
        return kecs_bad(c, EBS "iops is not supported for the volume type"
                        " %s.", t->type);
    }

    if (!v->iops.set && t->iops_needed) {
        return kecs_bad(c, EBS "iops is required for the volume type %s.",
                        t->type);
    }

    if (v->throughput.set && !t->throughput) {
        return kecs_bad(c, EBS "throughput is only supported for the volume"
                        " type gp3.");
    }

    if (v->volume_initialization_rate.set && v->snapshot_id.len == 0) {
        return kecs_bad(c, EBS "volumeInitializationRate requires a"
                        " snapshotId.");
    }

    return KECS_OK;
}


static bool
is_launch_volume(const kecs_ecs_task_definition_t *def, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < def->volumes.n; i++) {
        if (kecs_str_eq(def->volumes.items[i].name, name)) {
            return def->volumes.items[i].configured_at_launch.value;
        }
    }

    return false;
}


kecs_rc_t
kecs_volumes_check(kecs_call_t *c, const kecs_ecs_task_definition_t *def,
    const kecs_ecs_task_volume_configurations_t *list)
{
    size_t     i;
    kecs_rc_t  rc;

    if (list->n > VOLUMES) {
        return kecs_bad(c, "volumeConfigurations can have at most %d item.",
                        VOLUMES);
    }

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < list->n; i++) {
        if (!is_launch_volume(def, list->items[i].name)) {
            return kecs_bad(c, "The volume name '%.*s' in your request does"
                            " not have a matching volume in your Task"
                            " Definition", kecs_fmt(list->items[i].name));
        }

        if (list->items[i].managed_ebs_volume != NULL) {
            rc = ebs_check(c, list->items[i].managed_ebs_volume);
        }
    }

    return rc;
}


/* The form of a standalone task. */

static void
of_service(const kecs_ecs_service_managed_ebs_volume_configuration_t *in,
    ebs_t *out)
{
    out->encrypted = in->encrypted;
    out->filesystem_type = in->filesystem_type;
    out->iops = in->iops;
    out->kms_key_id = in->kms_key_id;
    out->role_arn = in->role_arn;
    out->size_in_gib = in->size_in_gib;
    out->snapshot_id = in->snapshot_id;
    out->tag_specifications = in->tag_specifications;
    out->throughput = in->throughput;
    out->volume_initialization_rate = in->volume_initialization_rate;
    out->volume_type = in->volume_type;
}


kecs_rc_t
kecs_volumes_of_service(kecs_call_t *c,
    const kecs_ecs_service_volume_configurations_t *in,
    kecs_ecs_task_volume_configurations_t *out)
{
    size_t   i;
    ebs_t   *ebs;

    memset(out, 0, sizeof(*out));
    out->items = kecs_calloc(c->arena, in->n, sizeof(*out->items));
    ebs = kecs_calloc(c->arena, in->n, sizeof(*ebs));

    if (out->items == NULL || ebs == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < in->n; i++) {
        out->items[i].name = in->items[i].name;

        if (in->items[i].managed_ebs_volume != NULL) {
            of_service(in->items[i].managed_ebs_volume, &ebs[i]);
            out->items[i].managed_ebs_volume = &ebs[i];
        }
    }

    out->n = in->n;
    out->set = in->n != 0;

    return KECS_OK;
}


/* What is stored with a task. */

static kecs_str_t
propagated(const kecs_new_task_t *n, kecs_str_t from)
{
    if (kecs_str_is(from, "SERVICE")) {
        return n->service != NULL ? n->service->rec.part[KECS_SERVICE_TAGS]
                                  : kecs_null_str;
    }

    return kecs_str_is(from, "TASK_DEFINITION")
           ? n->taskdef->rec.part[KECS_TASKDEF_TAGS] : kecs_null_str;
}


/* One specification, with the tags that come of all that are given. */

static kecs_rc_t
settle_tags(kecs_call_t *c, const kecs_new_task_t *n, ebs_t *v)
{
    kecs_rc_t                                rc;
    kecs_str_t                               json;
    kecs_ecs_ebs_tag_specification_t        *spec;
    const kecs_ecs_ebs_tag_specification_t  *given;

    given = v->tag_specifications.n != 0 ? &v->tag_specifications.items[0]
                                         : NULL;
    spec = kecs_zalloc(c->arena, sizeof(*spec));

    if (spec == NULL) {
        return KECS_NOMEM;
    }

    rc = kecs_task_tags(c, given != NULL ? &given->tags : NULL,
                        given != NULL ? propagated(n, given->propagate_tags)
                                      : kecs_null_str,
                        n->managed_tags, n->cluster->name,
                        n->service != NULL ? n->service->name
                                           : kecs_null_str, &json);

    if (rc == KECS_OK) {
        rc = kecs_tags_load(c, json, 0, &spec->tags);
    }

    spec->tags.set = true;
    spec->resource_type = kecs_str("volume");
    v->tag_specifications.items = spec;
    v->tag_specifications.n = spec->tags.n != 0;
    v->tag_specifications.set = spec->tags.n != 0;

    return rc;
}


kecs_rc_t
kecs_volumes_part(kecs_call_t *c, const kecs_new_task_t *n, kecs_str_t *json)
{
    size_t                       i;
    ebs_t                       *ebs;
    kecs_rc_t                    rc;
    kecs_ecs_run_task_request_t  r;

    *json = kecs_null_str;

    if (n->volumes.n == 0) {
        return KECS_OK;
    }

    memset(&r, 0, sizeof(r));
    r.volume_configurations = n->volumes;
    r.volume_configurations.items
        = kecs_calloc(c->arena, n->volumes.n, sizeof(*n->volumes.items));
    ebs = kecs_calloc(c->arena, n->volumes.n, sizeof(*ebs));

    if (r.volume_configurations.items == NULL || ebs == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0, rc = KECS_OK; rc == KECS_OK && i < n->volumes.n; i++) {
        r.volume_configurations.items[i].name = n->volumes.items[i].name;

        if (n->volumes.items[i].managed_ebs_volume != NULL) {
            ebs[i] = *n->volumes.items[i].managed_ebs_volume;
            r.volume_configurations.items[i].managed_ebs_volume = &ebs[i];
            rc = settle_tags(c, n, &ebs[i]);
        }
    }

    if (rc != KECS_OK) {
        return rc;
    }

    *json = kecs_shape_json(c->arena, &kecs_ecs_run_task_request_shape, &r);

    return json->data != NULL ? KECS_OK : KECS_NOMEM;
}


/* Attachments. */

static void
detail(kecs_writer_t *w, const char *name, kecs_str_t value)
{
    kecs_w_object(w, NULL);
    kecs_w_cstr(w, "name", name);
    kecs_w_str(w, "value", value);
    kecs_w_object_end(w);
}


static void
write_attachment(kecs_call_t *c, kecs_writer_t *w,
    const kecs_ecs_task_volume_configuration_t *v)
{
    char          uuid[KECS_UUID_LEN + 1];
    const ebs_t  *ebs;

    ebs = v->managed_ebs_volume;
    kecs_rand_uuid(c->rand, uuid);

    kecs_w_object(w, NULL);
    kecs_w_array(w, "details");
    detail(w, "roleArn", ebs->role_arn);
    detail(w, "volumeName", v->name);
    detail(w, "deleteOnTermination",
           ebs->termination_policy != NULL
           && !ebs->termination_policy->delete_on_termination.value
           ? kecs_str("false") : kecs_str("true"));
    kecs_w_array_end(w);
    kecs_w_cstr(w, "id", uuid);
    kecs_w_cstr(w, "status", "CREATED");
    kecs_w_cstr(w, "type", KECS_EBS_ATTACHMENT);
    kecs_w_object_end(w);
}


void
kecs_volumes_attach(kecs_call_t *c, kecs_writer_t *w,
    const kecs_ecs_task_volume_configurations_t *list)
{
    size_t  i;

    for (i = 0; i < list->n; i++) {
        if (list->items[i].managed_ebs_volume != NULL) {
            write_attachment(c, w, &list->items[i]);
        }
    }
}
