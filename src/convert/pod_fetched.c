/*
 * The Secret of a pod: the values that were fetched for its task, and the
 * logins that its images are pulled with.  It bears the pod's name, and
 * nothing else holds a value.
 */

#include <stdio.h>

#include "pod_parts.h"
#include "secret_ref.h"


const kecs_str_t *
kecs_pod_fetched(const kecs_pod_task_t *p, size_t container, size_t secret)
{
    size_t                                   i, n;
    const kecs_ecs_container_definitions_t  *all;

    if (p->s.fetched == NULL) {
        return NULL;
    }

    all = &p->s.definition->container_definitions;

    for (i = 0, n = secret; i < container; i++) {
        n += kecs_secrets_of(&all->items[i]);
    }

    return p->s.fetched->secrets[n].data ? &p->s.fetched->secrets[n] : NULL;
}


void
kecs_pod_fetched_key(size_t container, size_t secret, char *key)
{
    (void) snprintf(key, KECS_POD_KEY_LEN, "c%zu_s%zu", container, secret);
}


const kecs_variables_t *
kecs_pod_variables(const kecs_pod_task_t *p, size_t container)
{
    return p->s.fetched != NULL && p->s.fetched->variables != NULL
           ? &p->s.fetched->variables[container] : NULL;
}


void
kecs_pod_variable_key(size_t container, size_t variable, char *key)
{
    (void) snprintf(key, KECS_POD_KEY_LEN, "c%zu_e%zu", container, variable);
}


bool
kecs_pod_has_login(const kecs_pod_task_t *p)
{
    size_t  i;

    for (i = 0; p->s.fetched != NULL
                && i < p->s.definition->container_definitions.n; i++)
    {
        if (p->s.fetched->logins[i].username.data != NULL) {
            return true;
        }
    }

    return false;
}


bool
kecs_pod_has_secret(const kecs_pod_task_t *p)
{
    size_t                                   i, k;
    const kecs_variables_t                  *v;
    const kecs_ecs_container_definitions_t  *all;

    all = &p->s.definition->container_definitions;

    for (i = 0; i < all->n; i++) {
        v = kecs_pod_variables(p, i);

        if (v != NULL && v->n > 0) {
            return true;
        }

        for (k = 0; k < kecs_secrets_of(&all->items[i]); k++) {
            if (kecs_pod_fetched(p, i, k) != NULL) {
                return true;
            }
        }
    }

    return kecs_pod_has_login(p);
}


/* The image with its registry, without tag and digest. */

static kecs_str_t
repository(kecs_arena_t *a, kecs_str_t image)
{
    ptrdiff_t    colon;
    kecs_str_t   s, host;
    const char  *prefix;

    (void) kecs_str_split(&image, '@', &s);
    colon = kecs_str_rchr(s, ':');

    if (colon > kecs_str_rchr(s, '/')) {
        s.len = (size_t) colon;
    }

    image = s;
    (void) kecs_str_split(&image, '/', &host);
    prefix = "";

    if (image.data == NULL) {
        prefix = "docker.io/library/";

    } else if (kecs_str_chr(host, '.') < 0 && kecs_str_chr(host, ':') < 0
               && !kecs_str_is(host, "localhost"))
    {
        prefix = "docker.io/";
    }

    return kecs_sprintf(a, "%s%.*s", prefix, kecs_fmt(s));
}


/* What the kubelet logs in with, as a text of JSON. */

static kecs_str_t
docker_config(kecs_arena_t *a, const kecs_pod_task_t *p)
{
    size_t                                   i;
    kecs_buf_t                               buf;
    kecs_str_t                               name;
    kecs_writer_t                            w;
    const kecs_login_t                      *login;
    const kecs_ecs_container_definitions_t  *all;

    all = &p->s.definition->container_definitions;
    kecs_buf_init(&buf, a, 0);
    w = kecs_writer(&buf);

    kecs_w_object(&w, NULL);
    kecs_w_object(&w, "auths");

    for (i = 0; i < all->n; i++) {
        login = &p->s.fetched->logins[i];

        if (login->username.data == NULL) {
            continue;
        }

        name = repository(a, all->items[i].image);

        if (name.data == NULL) {
            return kecs_null_str;
        }

        kecs_w_key(&w, name);
        kecs_w_object(&w, NULL);
        kecs_w_str(&w, "username", login->username);
        kecs_w_str(&w, "password", login->password);
        kecs_w_object_end(&w);
    }

    kecs_w_object_end(&w);
    kecs_w_object_end(&w);

    return buf.failed ? kecs_null_str : kecs_buf_view(&buf);
}


static void
write_variables(kecs_writer_t *w, const kecs_pod_task_t *p, size_t container)
{
    char                     key[KECS_POD_KEY_LEN];
    size_t                   i;
    const kecs_variables_t  *v;

    v = kecs_pod_variables(p, container);

    for (i = 0; v != NULL && i < v->n; i++) {
        kecs_pod_variable_key(container, i, key);
        kecs_w_str(w, key, v->items[i].value);
    }
}


static void
write_values(kecs_writer_t *w, const kecs_pod_task_t *p)
{
    char                                     key[KECS_POD_KEY_LEN];
    size_t                                   i, k;
    const kecs_str_t                        *value;
    const kecs_ecs_container_definitions_t  *all;

    all = &p->s.definition->container_definitions;

    for (i = 0; i < all->n; i++) {
        for (k = 0; k < kecs_secrets_of(&all->items[i]); k++) {
            value = kecs_pod_fetched(p, i, k);

            if (value != NULL) {
                kecs_pod_fetched_key(i, k, key);
                kecs_w_str(w, key, *value);
            }
        }

        write_variables(w, p, i);
    }
}


static kecs_rc_t
write_metadata(kecs_arena_t *a, const kecs_pod_task_t *p, kecs_writer_t *w)
{
    char        name[KECS_POD_NAME_LEN + 1];
    kecs_str_t  arn;

    arn = kecs_pod_task_arn(a, p);

    if (arn.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_pod_name(p->s.task->id, name);

    kecs_w_object(w, "metadata");
    kecs_w_object(w, "annotations");
    kecs_w_str(w, KECS_POD_TASK_ARN, arn);
    kecs_w_object_end(w);
    kecs_w_object(w, "labels");
    kecs_w_cstr(w, KECS_POD_MANAGED_BY, "kecs");
    kecs_w_cstr(w, KECS_POD_TASK_ID, name + sizeof(KECS_POD_PREFIX) - 1);
    kecs_w_str(w, KECS_POD_STORE, p->uuid);
    kecs_w_object_end(w);
    kecs_w_cstr(w, "name", name);
    kecs_w_object_end(w);

    return KECS_OK;
}


kecs_rc_t
kecs_pod_build_secret(kecs_arena_t *a, const kecs_pod_task_t *p,
    kecs_buf_t *out)
{
    bool           login;
    kecs_str_t     config;
    kecs_writer_t  w;

    if (!kecs_pod_has_secret(p)) {
        return KECS_OK;
    }

    login = kecs_pod_has_login(p);
    config = login ? docker_config(a, p) : kecs_str("");

    if (config.data == NULL) {
        return KECS_NOMEM;
    }

    w = kecs_writer(out);

    kecs_w_object(&w, NULL);
    kecs_w_cstr(&w, "apiVersion", "v1");
    kecs_w_bool(&w, "immutable", true);
    kecs_w_cstr(&w, "kind", "Secret");

    if (write_metadata(a, p, &w) != KECS_OK) {
        return KECS_NOMEM;
    }

    kecs_w_object(&w, "stringData");

    if (login) {
        kecs_w_str(&w, ".dockerconfigjson", config);
    }

    write_values(&w, p);
    kecs_w_object_end(&w);
    kecs_w_cstr(&w, "type", login ? "kubernetes.io/dockerconfigjson"
                                  : "Opaque");
    kecs_w_object_end(&w);

    return out->failed ? KECS_NOMEM : KECS_OK;
}
