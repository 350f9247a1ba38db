/*
 * Volumes configured at launch.  Such a volume is a generic ephemeral one,
 * whose claim Kubernetes makes and deletes with the pod; one that is not to
 * be deleted with its task is a claim of its own, made before the pod, that
 * nobody owns.  Both have the same name and the same template.
 *
 * The storage class follows from the volume type by a list that the
 * operator sets.  A snapshot is a VolumeSnapshot of its id in the namespace
 * of the pods.
 */

#include <ctype.h>

#include "pod_parts.h"
#include "task_parts.h"


#define VOLUME_TYPE  "gp3"          /* when none is given */

typedef kecs_ecs_task_managed_ebs_volume_configuration_t  ebs_t;

/* A claim while it is built. */
typedef struct {
    kecs_arena_t                                *a;
    const kecs_pod_task_t                       *p;
    kecs_writer_t                               *w;
    const kecs_ecs_task_volume_configuration_t  *v;
    const ebs_t                                 *ebs;
} claim_t;


/* Of a storage class. */

static bool
is_name(kecs_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (!islower((unsigned char) s.data[i])
            && !isdigit((unsigned char) s.data[i])
            && s.data[i] != '-' && s.data[i] != '.')
        {
            return false;
        }
    }

    return s.len > 0 && s.len <= KECS_POD_OBJECT_NAME;
}


/* "TYPE:CLASS" or "TYPE/FILESYSTEM:CLASS"; false when it is neither. */

static bool
split_class(kecs_str_t entry, kecs_str_t *key, kecs_str_t *class)
{
    *class = entry;

    return kecs_str_split(class, ':', key) && key->len > 0
           && is_name(*class);
}


bool
kecs_pod_classes_ok(kecs_str_t classes)
{
    kecs_str_t  entry, key, class;

    if (classes.len == 0) {
        return true;
    }

    while (kecs_str_split(&classes, ',', &entry)) {
        if (!split_class(entry, &key, &class)) {
            return false;
        }
    }

    return true;
}


kecs_str_t
kecs_pod_class(kecs_str_t classes, kecs_str_t type, kecs_str_t filesystem)
{
    kecs_str_t  entry, key, class, of, found;

    found = kecs_null_str;

    while (kecs_str_split(&classes, ',', &entry)) {
        if (!split_class(entry, &key, &class)) {
            continue;
        }

        (void) kecs_str_split(&key, '/', &of);

        if (!kecs_str_eq(of, type)) {
            continue;
        }

        if (key.len > 0 && kecs_str_eq(key, filesystem)) {
            return class;
        }

        if (key.len == 0) {
            found = class;
        }
    }

    return found;
}


static const kecs_ecs_task_volume_configuration_t *
configuration(const kecs_pod_task_t *p, kecs_str_t name)
{
    size_t  i;

    for (i = 0; p->s.volumes != NULL && i < p->s.volumes->n; i++) {
        if (kecs_str_eq(p->s.volumes->items[i].name, name)
            && p->s.volumes->items[i].managed_ebs_volume != NULL)
        {
            return &p->s.volumes->items[i];
        }
    }

    return NULL;
}


static bool
stays(const ebs_t *ebs)
{
    return ebs->termination_policy != NULL
           && ebs->termination_policy->delete_on_termination.set
           && !ebs->termination_policy->delete_on_termination.value;
}


/* That of a generic ephemeral volume. */

static kecs_str_t
claim_name(kecs_arena_t *a, const kecs_pod_task_t *p, kecs_str_t volume)
{
    char        pod[KECS_POD_NAME_LEN + 1];
    kecs_str_t  label;

    kecs_pod_name(p->s.task->id, pod);
    label = kecs_pod_label(a, volume);

    return label.data == NULL ? kecs_null_str
           : kecs_sprintf(a, "%s-%.*s", pod, kecs_fmt(label));
}


/* Tags are an annotation, since labels could not hold them. */

static kecs_rc_t
annotations(const claim_t *c)
{
    kecs_buf_t             buf;
    kecs_str_t             arn;
    kecs_writer_t          w;
    size_t                 i;
    const kecs_ecs_tag_t  *tag;

    arn = kecs_pod_task_arn(c->a, c->p);

    if (arn.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_w_object(c->w, "annotations");

    if (c->ebs->tag_specifications.n > 0) {
        kecs_buf_init(&buf, c->a, 0);
        w = kecs_writer(&buf);
        kecs_w_object(&w, NULL);

        for (i = 0; i < c->ebs->tag_specifications.items[0].tags.n; i++) {
            tag = &c->ebs->tag_specifications.items[0].tags.items[i];
            kecs_w_key(&w, tag->key);
            kecs_w_str(&w, NULL, tag->value.data ? tag->value : kecs_str(""));
        }

        kecs_w_object_end(&w);

        if (buf.failed) {
            return KECS_NOMEM;
        }

        kecs_w_str(c->w, KECS_POD_TAGS, kecs_buf_view(&buf));
    }

    kecs_w_str(c->w, KECS_POD_TASK_ARN, arn);
    kecs_w_object_end(c->w);

    return KECS_OK;
}


static kecs_rc_t
labels(const claim_t *c)
{
    char        pod[KECS_POD_NAME_LEN + 1];
    kecs_str_t  cluster, name, id;

    cluster = kecs_pod_value(c->a, c->p->s.cluster);
    name = kecs_pod_value(c->a, c->v->name);
    id = kecs_task_volume_id(c->a, c->p->s.task);

    if (cluster.data == NULL || name.data == NULL || id.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_pod_name(c->p->s.task->id, pod);

    kecs_w_object(c->w, "labels");
    kecs_w_cstr(c->w, KECS_POD_MANAGED_BY, "kecs");
    kecs_w_str(c->w, KECS_POD_CLUSTER, cluster);
    kecs_w_cstr(c->w, KECS_POD_TASK_ID, pod + sizeof(KECS_POD_PREFIX) - 1);
    kecs_w_str(c->w, KECS_POD_VOLUME, name);
    kecs_w_str(c->w, KECS_POD_VOLUME_ID, id);
    kecs_w_str(c->w, KECS_POD_STORE, c->p->uuid);
    kecs_w_object_end(c->w);

    return KECS_OK;
}


/* "metadata" and "spec" of a claim; a name is only given to its own. */

static kecs_rc_t
write_template(const claim_t *c, kecs_str_t name)
{
    kecs_str_t      class, snapshot, type;
    kecs_writer_t  *w = c->w;

    type = c->ebs->volume_type.len > 0 ? c->ebs->volume_type
                                       : kecs_str(VOLUME_TYPE);
    class = kecs_pod_class(c->p->classes, type, c->ebs->filesystem_type);
    snapshot = kecs_pod_object_name(c->a, c->ebs->snapshot_id);

    kecs_w_object(w, "metadata");

    if (snapshot.data == NULL || annotations(c) != KECS_OK
        || labels(c) != KECS_OK)
    {
        return KECS_NOMEM;
    }

    kecs_w_opt_str(w, "name", name);
    kecs_w_object_end(w);

    kecs_w_object(w, "spec");
    kecs_w_array(w, "accessModes");
    kecs_w_cstr(w, NULL, "ReadWriteOnce");
    kecs_w_array_end(w);

    if (snapshot.len > 0) {
        kecs_w_object(w, "dataSource");
        kecs_w_cstr(w, "apiGroup", "snapshot.storage.k8s.io");
        kecs_w_cstr(w, "kind", "VolumeSnapshot");
        kecs_w_str(w, "name", snapshot);
        kecs_w_object_end(w);
    }

    kecs_w_object(w, "resources");
    kecs_w_object(w, "requests");
    kecs_w_printf(w, "storage", "%lldGi",
                  (long long) c->ebs->size_in_gib.value);
    kecs_w_object_end(w);
    kecs_w_object_end(w);
    kecs_w_opt_str(w, "storageClassName", class);
    kecs_w_object_end(w);

    return KECS_OK;
}


static kecs_rc_t
write_ephemeral(const claim_t *c)
{
    kecs_rc_t  rc;

    kecs_w_object(c->w, "ephemeral");
    kecs_w_object(c->w, "volumeClaimTemplate");
    rc = write_template(c, kecs_null_str);
    kecs_w_object_end(c->w);
    kecs_w_object_end(c->w);

    return rc;
}


kecs_rc_t
kecs_pod_write_launched(kecs_pod_build_t *b, const kecs_ecs_volume_t *v)
{
    claim_t     c;
    kecs_str_t  name;

    c = (claim_t) { b->a, b->p, &b->w, configuration(b->p, v->name), NULL };

    if (c.v == NULL) {
        return kecs_pod_no(b, "The field volumes[%.*s].configuredAtLaunch"
                           " needs a managedEBSVolume of the same name in"
                           " volumeConfigurations.", kecs_fmt(v->name));
    }

    c.ebs = c.v->managed_ebs_volume;

    if (!c.ebs->size_in_gib.set) {
        return kecs_pod_no(b, "The field volumeConfigurations[%.*s]."
                           "managedEBSVolume.sizeInGiB is needed by this"
                           " runtime, beside snapshotId too.",
                           kecs_fmt(v->name));
    }

    if (!stays(c.ebs)) {
        return write_ephemeral(&c);
    }

    name = claim_name(b->a, b->p, v->name);

    if (name.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_w_object(&b->w, "persistentVolumeClaim");
    kecs_w_str(&b->w, "claimName", name);
    kecs_w_object_end(&b->w);

    return KECS_OK;
}


/* One for each task: there is no more than one such volume. */

static const kecs_ecs_task_volume_configuration_t *
that_stays(const kecs_pod_task_t *p)
{
    size_t                                       i;
    const kecs_ecs_volume_t                     *v;
    const kecs_ecs_task_volume_configuration_t  *found;

    for (i = 0; i < p->s.definition->volumes.n; i++) {
        v = &p->s.definition->volumes.items[i];
        found = v->configured_at_launch.value ? configuration(p, v->name)
                                              : NULL;

        if (found != NULL && stays(found->managed_ebs_volume)) {
            return found;
        }
    }

    return NULL;
}


kecs_rc_t
kecs_pod_build_claim(kecs_arena_t *a, const kecs_pod_task_t *p,
    kecs_buf_t *out)
{
    claim_t        c;
    kecs_rc_t      rc;
    kecs_str_t     name;
    kecs_writer_t  w;

    w = kecs_writer(out);
    c = (claim_t) { a, p, &w, that_stays(p), NULL };

    if (c.v == NULL) {
        return KECS_OK;
    }

    c.ebs = c.v->managed_ebs_volume;
    name = claim_name(a, p, c.v->name);

    if (name.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_w_object(&w, NULL);
    kecs_w_cstr(&w, "apiVersion", "v1");
    kecs_w_cstr(&w, "kind", "PersistentVolumeClaim");
    rc = write_template(&c, name);
    kecs_w_object_end(&w);

    return rc != KECS_OK || out->failed ? KECS_NOMEM : KECS_OK;
}
