/*
 * The live manifest of a pod, for people: all of it, less what only servers
 * read (managedFields, what kubectl has applied) and less values that others
 * have put into it.
 */

#include "pod.h"
#include "pod_view.h"


#define APPLIED   "kubectl.kubernetes.io/last-applied-configuration"
#define LEFT_OUT  "(left out)"


typedef struct {
    kecs_writer_t      *w;
    const kecs_json_t  *names;      /* the annotation's array, or NULL */
} manifest_t;


/* Without the annotation, which somebody took away, none is. */

static bool
is_ours(const manifest_t *m, kecs_str_t name)
{
    const kecs_json_t  *e;

    for (e = m->names ? m->names->first : NULL; e != NULL; e = e->next) {
        if (kecs_str_eq(kecs_view_text(e, "pod"), name)) {
            return true;
        }
    }

    return false;
}


/* Those of the task, by the annotation that pod.c wrote. */

static kecs_rc_t
load_names(kecs_arena_t *a, const kecs_json_t *pod, manifest_t *m)
{
    kecs_rc_t     rc;
    kecs_str_t    text;
    kecs_json_t  *names;

    text = kecs_json_str(kecs_json_at(pod, "metadata", "annotations",
                                      KECS_POD_CONTAINERS, NULL));
    names = NULL;
    rc = text.len != 0 ? kecs_json_parse(a, text, &names) : KECS_OK;
    m->names = rc == KECS_OK ? names : NULL;

    return rc == KECS_NOMEM ? rc : KECS_OK;
}


/* The members of an object but for `less`. */

static void
members_but(kecs_writer_t *w, const kecs_json_t *o, const char *less)
{
    const kecs_json_t  *e;

    for (e = o->first; e != NULL; e = e->next) {
        if (!kecs_str_is(e->name, less)) {
            kecs_w_key(w, e->name);
            kecs_w_tree(w, NULL, e);
        }
    }
}


static void
metadata(manifest_t *m, const kecs_json_t *meta)
{
    const kecs_json_t  *e;

    kecs_w_object(m->w, NULL);

    for (e = meta->first; e != NULL; e = e->next) {
        if (kecs_str_is(e->name, "managedFields")) {
            continue;
        }

        kecs_w_key(m->w, e->name);

        if (kecs_str_is(e->name, "annotations")) {
            kecs_w_object(m->w, NULL);
            members_but(m->w, e, APPLIED);
            kecs_w_object_end(m->w);

        } else {
            kecs_w_tree(m->w, NULL, e);
        }
    }

    kecs_w_object_end(m->w);
}


static void
foreign_env(manifest_t *m, const kecs_json_t *env)
{
    const kecs_json_t  *e;

    kecs_w_array(m->w, NULL);

    for (e = env->first; e != NULL; e = e->next) {
        kecs_w_object(m->w, NULL);
        members_but(m->w, e, "value");

        if (kecs_json_get(e, "value") != NULL) {
            kecs_w_cstr(m->w, "value", LEFT_OUT);
        }

        kecs_w_object_end(m->w);
    }

    kecs_w_array_end(m->w);
}


static void
container(manifest_t *m, const kecs_json_t *c)
{
    const kecs_json_t  *e;

    if (is_ours(m, kecs_view_text(c, "name"))) {
        kecs_w_tree(m->w, NULL, c);
        return;
    }

    kecs_w_object(m->w, NULL);

    for (e = c->first; e != NULL; e = e->next) {
        kecs_w_key(m->w, e->name);

        if (kecs_str_is(e->name, "env")) {
            foreign_env(m, e);

        } else {
            kecs_w_tree(m->w, NULL, e);
        }
    }

    kecs_w_object_end(m->w);
}


static void
spec(manifest_t *m, const kecs_json_t *s)
{
    const kecs_json_t  *e, *c;

    kecs_w_object(m->w, NULL);

    for (e = s->first; e != NULL; e = e->next) {
        kecs_w_key(m->w, e->name);

        if (!kecs_str_is(e->name, "containers")
            && !kecs_str_is(e->name, "initContainers")
            && !kecs_str_is(e->name, "ephemeralContainers"))
        {
            kecs_w_tree(m->w, NULL, e);
            continue;
        }

        kecs_w_array(m->w, NULL);

        for (c = e->first; c != NULL; c = c->next) {
            container(m, c);
        }

        kecs_w_array_end(m->w);
    }

    kecs_w_object_end(m->w);
}


kecs_rc_t
kecs_pod_manifest(kecs_arena_t *a, kecs_writer_t *w, const kecs_json_t *pod)
{
    manifest_t          m = { .w = w };
    const kecs_json_t  *e;

    if (pod == NULL) {
        kecs_w_null(w, "manifest");
        return KECS_OK;
    }

    if (load_names(a, pod, &m) != KECS_OK) {
        return KECS_NOMEM;
    }

    kecs_w_object(w, "manifest");

    for (e = pod->first; e != NULL; e = e->next) {
        kecs_w_key(w, e->name);

        if (kecs_str_is(e->name, "metadata")) {
            metadata(&m, e);

        } else if (kecs_str_is(e->name, "spec")) {
            spec(&m, e);

        } else {
            kecs_w_tree(w, NULL, e);
        }
    }

    kecs_w_object_end(w);

    return KECS_OK;
}
