/*
 * The images of a deployment (versionConsistency): the digests that its
 * first task shows are written into its service revision, and its later
 * tasks are started with them, wherever a tag has moved to meanwhile.  A
 * new deployment, also by forceNewDeployment, has a revision of its own and
 * finds them anew.
 *
 * Only digests by which the image's own repository has it are taken: an
 * image that was brought to a node by hand cannot be pulled by one.
 */

#define _GNU_SOURCE  /* memmem */

#include "reconciler.h"


static const char  digest_member[] = "\"imageDigest\"";


static kecs_rc_t
revision_of(kecs_txn_t *txn, kecs_arena_t *a, const kecs_task_t *task,
    kecs_revision_t *r)
{
    memset(r, 0, sizeof(*r));
    r->rec.kind = KECS_REVISION;
    r->rec.scope = task->rec.scope;
    r->cluster = task->cluster;
    r->service = task->service;
    r->id = task->deployment;

    return kecs_get(txn, a, r, KECS_ALL_PARTS);
}


static bool
has_digests(const kecs_revision_t *r)
{
    kecs_str_t  s;

    s = r->rec.part[KECS_REVISION_STATIC];

    return s.len != 0 && memmem(s.data, s.len, digest_member,
                                sizeof(digest_member) - 1) != NULL;
}


static kecs_rc_t
load_shown(kecs_arena_t *a, const kecs_revision_t *r,
    kecs_ecs_service_revision_t **out)
{
    void       *p;
    kecs_rc_t   rc;

    rc = kecs_shape_load(a, &kecs_ecs_service_revision_shape,
                         r->rec.part[KECS_REVISION_STATIC], &p);
    *out = p;

    return rc;
}


kecs_rc_t
kecs_images_get(kecs_txn_t *txn, kecs_arena_t *a, const kecs_task_t *task,
    const kecs_ecs_container_images_t **out)
{
    kecs_rc_t                     rc;
    kecs_revision_t               r;
    kecs_ecs_service_revision_t  *shown;

    *out = NULL;

    if (task->service == 0 || task->deployment == 0) {
        return KECS_OK;
    }

    rc = revision_of(txn, a, task, &r);

    if (rc != KECS_OK || !has_digests(&r)) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    rc = load_shown(a, &r, &shown);

    if (rc == KECS_OK) {
        *out = &shown->container_images;
    }

    return rc;
}


/* All containers run or ran. */

static bool
all_shown(const kecs_observation_t *o)
{
    size_t  i;

    for (i = 0; i < o->n; i++) {
        if (o->containers[i].phase == KECS_C_WAITING
            && o->containers[i].before == NULL)
        {
            return false;
        }
    }

    return o->n != 0;
}


static kecs_str_t
digest_seen(const kecs_observation_t *o, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < o->n; i++) {
        if (kecs_str_eq(o->containers[i].name, name)
            && o->containers[i].by_digest)
        {
            return o->containers[i].image_digest;
        }
    }

    return kecs_null_str;
}


/* Whether the task definition wants the digest of this container kept. */

static bool
consistent(const kecs_ecs_task_definition_t *d, kecs_str_t name)
{
    size_t                                  i;
    const kecs_ecs_container_definition_t  *c;

    for (i = 0; i < d->container_definitions.n; i++) {
        c = &d->container_definitions.items[i];

        if (kecs_str_eq(c->name, name)) {
            return !kecs_str_is(c->version_consistency, "disabled");
        }
    }

    return false;
}


static kecs_rc_t
fill_digests(kecs_batch_t *b, kecs_revision_t *r,
    const kecs_ecs_task_definition_t *d, const kecs_observation_t *o)
{
    bool                          filled;
    size_t                        i;
    kecs_rc_t                     rc;
    kecs_str_t                    json, digest;
    kecs_ecs_container_image_t   *image;
    kecs_ecs_service_revision_t  *shown;

    rc = load_shown(b->r->arena, r, &shown);
    if (rc != KECS_OK) {
        return rc;
    }

    filled = false;

    for (i = 0; i < shown->container_images.n; i++) {
        image = &shown->container_images.items[i];
        digest = consistent(d, image->container_name)
                 ? digest_seen(o, image->container_name) : kecs_null_str;

        if (digest.len != 0) {
            image->image_digest = digest;
            filled = true;
        }
    }

    if (!filled) {
        return KECS_OK;
    }

    json = kecs_shape_json(b->r->arena, &kecs_ecs_service_revision_shape,
                           shown);
    if (json.data == NULL) {
        return KECS_NOMEM;
    }

    r->rec.gen = KECS_ECS_GEN;
    kecs_rec_part(&r->rec, KECS_REVISION_STATIC, json);
    b->records++;

    return kecs_put(b->txn, r);
}


kecs_rc_t
kecs_images_seen(kecs_batch_t *b, const kecs_task_t *task,
    const kecs_observation_t *o)
{
    kecs_rc_t                          rc;
    kecs_revision_t                    r;
    const kecs_ecs_task_definition_t  *d;

    if (task->service == 0 || task->deployment == 0
        || task->desired != KECS_DESIRED_RUNNING || !all_shown(o))
    {
        return KECS_OK;
    }

    rc = revision_of(b->txn, b->r->arena, task, &r);

    if (rc == KECS_OK && !has_digests(&r)) {
        rc = kecs_definition_get(b->r, b->txn, task->rec.scope, task->family,
                                 task->revision, &d);

        if (rc == KECS_OK) {
            rc = fill_digests(b, &r, d, o);
        }
    }

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}
