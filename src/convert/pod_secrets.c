/*
 * Secrets of a container (kubernetes.md 1.8).  What was fetched for the
 * task is in the Secret of its pod (pod_fetched.c).  Any other parameter or
 * secret of AWS is a Secret of Kubernetes in the namespace of the pods,
 * which people or their tools keep; the kubelet reads it, and its value is
 * never here.
 *
 * That Secret's name is that of the parameter or secret in the letters that
 * Kubernetes allows: "/prod/db" is prod-db.  The key is the JSON key that
 * the reference asks for, otherwise "value".
 */

#include <ctype.h>

#include "pod_parts.h"
#include "secret_ref.h"


typedef struct {
    kecs_str_t  name;               /* of AWS */
    kecs_str_t  key;
} reference_t;


static kecs_rc_t
refuse(kecs_pod_build_t *b, const kecs_ecs_secret_t *s, const char *why)
{
    return kecs_pod_no(b, "ResourceInitializationError: unable to pull "
                       "secrets or registry auth: the secret %.*s %s.",
                       kecs_fmt(s->name), why);
}


/* The Secret and key that people keep, and whether that can be. */

static kecs_rc_t
refer(kecs_pod_build_t *b, const kecs_ecs_secret_t *s, reference_t *r)
{
    kecs_secret_ref_t  ref;

    if (!kecs_secret_ref(s->value_from, &ref)) {
        return refuse(b, s, "names neither a parameter of Systems Manager "
                            "nor a secret of Secrets Manager");
    }

    if ((ref.stage.len > 0 && !kecs_str_is(ref.stage, "AWSCURRENT"))
        || ref.version.len > 0)
    {
        return refuse(b, s, "asks for a version, but this runtime has only "
                            "the current one");
    }

    r->name = ref.name;
    r->key = ref.key.len > 0 ? ref.key : kecs_str("value");

    return KECS_OK;
}


static bool
is_key(kecs_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (!isalnum((unsigned char) s.data[i])
            && strchr("-._", s.data[i]) == NULL)
        {
            return false;
        }
    }

    return s.len > 0 && s.len <= KECS_POD_OBJECT_NAME;
}


void
kecs_pod_write_reference(kecs_writer_t *w, kecs_str_t variable,
    kecs_str_t secret, kecs_str_t key)
{
    kecs_w_object(w, NULL);
    kecs_w_str(w, "name", variable);
    kecs_w_object(w, "valueFrom");
    kecs_w_object(w, "secretKeyRef");
    kecs_w_str(w, "key", key);
    kecs_w_str(w, "name", secret);
    kecs_w_object_end(w);
    kecs_w_object_end(w);
    kecs_w_object_end(w);
}


/* One that people keep, as `variable`. */

static kecs_rc_t
write_kept(kecs_pod_build_t *b, const kecs_ecs_secret_t *s,
    kecs_str_t variable)
{
    kecs_rc_t    rc;
    kecs_str_t   name;
    reference_t  r;

    rc = refer(b, s, &r);
    if (rc != KECS_OK) {
        return rc;
    }

    name = kecs_pod_object_name(b->a, r.name);

    if (name.data == NULL) {
        return KECS_NOMEM;
    }

    if (name.len == 0 || !is_key(r.key)) {
        return refuse(b, s, "has a name or key that cannot be one of a "
                            "Secret of Kubernetes");
    }

    kecs_pod_write_reference(&b->w, variable, name, r.key);

    return KECS_OK;
}


kecs_rc_t
kecs_pod_write_secret(kecs_pod_build_t *b,
    const kecs_ecs_container_definition_t *d, size_t i, kecs_str_t variable)
{
    char    key[KECS_POD_KEY_LEN], name[KECS_POD_NAME_LEN + 1];
    size_t  container;

    container = (size_t) (d - b->d->container_definitions.items);

    if (kecs_pod_fetched(b->p, container, i) == NULL) {
        return write_kept(b, kecs_secret_of(d, i), variable);
    }

    kecs_pod_name(b->p->s.task->id, name);
    kecs_pod_fetched_key(container, i, key);
    kecs_pod_write_reference(&b->w, variable, kecs_str_of(name),
                             kecs_str_of(key));

    return KECS_OK;
}


kecs_rc_t
kecs_pod_write_secrets(kecs_pod_build_t *b,
    const kecs_ecs_container_definition_t *d)
{
    size_t     i;
    kecs_rc_t  rc;

    for (i = 0, rc = KECS_OK; i < d->secrets.n && rc == KECS_OK; i++) {
        rc = kecs_pod_write_secret(b, d, i, d->secrets.items[i].name);
    }

    return rc;
}
