/*
 * Environment files of a container.  What was fetched of them is in the
 * Secret of the pod, one key for each variable.  A file that nobody fetched
 * is a Secret in the namespace of the pods that people keep, of the name of
 * bucket and key in the letters that Kubernetes allows, whose keys are the
 * variables: s3://conf/prod/app.env is conf-prod-app-env.
 *
 * A variable that the container has otherwise is not taken from a file, and
 * of two files the first one counts.
 */

#include "env_file.h"
#include "pod_parts.h"


static bool
has_secret(const kecs_ecs_container_definition_t *d, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < d->secrets.n; i++) {
        if (kecs_str_eq(d->secrets.items[i].name, name)) {
            return true;
        }
    }

    return false;
}


static bool
is_set(const kecs_variables_t *set, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < set->n; i++) {
        if (kecs_str_eq(set->items[i].name, name)) {
            return true;
        }
    }

    return false;
}


void
kecs_pod_write_variables(kecs_pod_build_t *b, const kecs_pod_container_t *c,
    const kecs_variables_t *set)
{
    char                     key[KECS_POD_KEY_LEN];
    char                     name[KECS_POD_NAME_LEN + 1];
    size_t                   i, container;
    const kecs_variables_t  *v;

    container = (size_t) (c - b->containers);
    v = kecs_pod_variables(b->p, container);
    kecs_pod_name(b->p->s.task->id, name);

    for (i = 0; v != NULL && i < v->n; i++) {
        if (!is_set(set, v->items[i].name)
            && !has_secret(c->d, v->items[i].name))
        {
            kecs_pod_variable_key(container, i, key);
            kecs_pod_write_reference(&b->w, v->items[i].name,
                                     kecs_str_of(name), kecs_str_of(key));
        }
    }
}


static kecs_rc_t
refuse(kecs_pod_build_t *b, kecs_str_t file, const char *why)
{
    return kecs_pod_no(b, "ResourceInitializationError: failed to download"
                       " env files: the file %.*s %s.", kecs_fmt(file), why);
}


static kecs_rc_t
write_file(kecs_pod_build_t *b, kecs_str_t bucket, kecs_str_t key,
    kecs_str_t arn)
{
    kecs_str_t  name;

    name = kecs_sprintf(b->a, "%.*s/%.*s", kecs_fmt(bucket), kecs_fmt(key));

    if (name.data != NULL) {
        name = kecs_pod_object_name(b->a, name);
    }

    if (name.data == NULL) {
        return KECS_NOMEM;
    }

    if (name.len == 0) {
        return refuse(b, arn, "has a name that cannot be that of a Secret of"
                              " Kubernetes");
    }

    kecs_w_object(&b->w, NULL);
    kecs_w_object(&b->w, "secretRef");
    kecs_w_str(&b->w, "name", name);
    kecs_w_object_end(&b->w);
    kecs_w_object_end(&b->w);

    return KECS_OK;
}


/* Of those for Kubernetes the last one counts, so they come in reverse. */

kecs_rc_t
kecs_pod_write_files(kecs_pod_build_t *b, const kecs_pod_container_t *c)
{
    bool                                 fetched;
    size_t                               i, container;
    kecs_rc_t                            rc;
    kecs_str_t                           bucket, key, arn;
    const kecs_ecs_environment_files_t  *files;

    container = (size_t) (c - b->containers);
    files = kecs_env_files(&b->p->s, container);
    fetched = kecs_pod_variables(b->p, container) != NULL;

    if (files->n == 0) {
        return KECS_OK;
    }

    if (!fetched) {
        kecs_w_array(&b->w, "envFrom");
    }

    for (i = files->n, rc = KECS_OK; rc == KECS_OK && i > 0; i--) {
        arn = files->items[i - 1].value;

        if (!kecs_env_file_ref(arn, &bucket, &key)) {
            return refuse(b, arn, "is not named by the ARN of an object of"
                                  " S3");
        }

        rc = fetched ? KECS_OK : write_file(b, bucket, key, arn);
    }

    if (!fetched) {
        kecs_w_array_end(&b->w);
    }

    return rc;
}
