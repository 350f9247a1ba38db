/*
 * Secrets of a container (kubernetes.md 1.8).  A parameter or a secret of
 * AWS is a Secret of Kubernetes in the namespace of the pods, which people
 * or their tools keep; the kubelet reads it, and its value is never here.
 *
 * The Secret's name is that of the parameter or secret in the letters that
 * Kubernetes allows: "/prod/db" is prod-db.  The key is the JSON key that
 * the reference asks for, otherwise "value".
 */

#include <ctype.h>

#include "pod_parts.h"


#define ARN_PARTS        10

/* Behind "arn", partition, service, region, account, "secret". */
enum { PART_SERVICE = 2, PART_RESOURCE = 5, PART_NAME, PART_KEY, PART_STAGE,
       PART_ID };

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


static size_t
arn_parts(kecs_str_t arn, kecs_str_t *parts)
{
    size_t  n;

    for (n = 0; n < ARN_PARTS && arn.data != NULL; n++) {
        (void) kecs_str_split(&arn, ':', &parts[n]);
    }

    return n;
}


static kecs_rc_t
from_secrets_manager(kecs_pod_build_t *b, const kecs_ecs_secret_t *s,
    const kecs_str_t *parts, reference_t *r)
{
    if ((parts[PART_STAGE].len > 0
         && !kecs_str_is(parts[PART_STAGE], "AWSCURRENT"))
        || parts[PART_ID].len > 0)
    {
        return refuse(b, s, "asks for a version, but this runtime has only "
                            "the current one");
    }

    r->name = parts[PART_NAME];

    if (parts[PART_KEY].len > 0) {
        r->key = parts[PART_KEY];
    }

    return KECS_OK;
}


static kecs_rc_t
refer(kecs_pod_build_t *b, const kecs_ecs_secret_t *s, reference_t *r)
{
    kecs_str_t  parts[ARN_PARTS];

    memset(parts, 0, sizeof(parts));

    r->name = s->value_from;
    r->key = kecs_str("value");

    if (!kecs_str_starts(s->value_from, kecs_str("arn:"))) {
        return KECS_OK;
    }

    (void) arn_parts(s->value_from, parts);

    if (kecs_str_is(parts[PART_SERVICE], "secretsmanager")) {
        return from_secrets_manager(b, s, parts, r);
    }

    if (kecs_str_is(parts[PART_SERVICE], "ssm")
        && kecs_str_starts(parts[PART_RESOURCE], kecs_str("parameter")))
    {
        r->name = kecs_str_from(parts[PART_RESOURCE],
                                sizeof("parameter") - 1);
        return KECS_OK;
    }

    return refuse(b, s, "names neither a parameter of Systems Manager nor a "
                        "secret of Secrets Manager");
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


static kecs_rc_t
write_secret(kecs_pod_build_t *b, const kecs_ecs_secret_t *s)
{
    kecs_rc_t       rc;
    kecs_str_t      name;
    reference_t     r;
    kecs_writer_t  *w = &b->w;

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

    kecs_w_object(w, NULL);
    kecs_w_str(w, "name", s->name);
    kecs_w_object(w, "valueFrom");
    kecs_w_object(w, "secretKeyRef");
    kecs_w_str(w, "key", r.key);
    kecs_w_str(w, "name", name);
    kecs_w_object_end(w);
    kecs_w_object_end(w);
    kecs_w_object_end(w);

    return KECS_OK;
}


kecs_rc_t
kecs_pod_write_secrets(kecs_pod_build_t *b,
    const kecs_ecs_container_definition_t *d)
{
    size_t     i;
    kecs_rc_t  rc;

    for (i = 0; i < d->secrets.n; i++) {
        rc = write_secret(b, &d->secrets.items[i]);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}
