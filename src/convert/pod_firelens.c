/*
 * FireLens in a pod (firelens.c has the configuration).  The text is an
 * annotation of the pod, which a volume of the downward API shows to the
 * router as the file that ECS gives it: no further object is needed.  What
 * is secret in it is a variable of the router.
 *
 * Kubernetes writes the output of containers to files of the node.  Where
 * the operator says in which folder, the router reads those of its own pod;
 * otherwise it hears what is sent to it, at FLUENT_HOST and FLUENT_PORT.
 */

#include "firelens.h"
#include "pod_parts.h"
#include "secret_ref.h"


#define CONFIG_VOLUME  "kecs-firelens"
#define SOCKET_VOLUME  "kecs-firelens-socket"
#define LOGS_VOLUME    "kecs-firelens-logs"

/* The folder of the pod in there. */
#define POD_LOGS       "$(KECS_POD_NAMESPACE)_$(KECS_POD_NAME)_$(KECS_POD_UID)"


static const kecs_pod_container_t *
router(const kecs_pod_build_t *b)
{
    size_t  i;

    for (i = 0; i < b->n && !kecs_pod_on_windows(b); i++) {
        if (kecs_firelens_routes(b->containers[i].d)) {
            return &b->containers[i];
        }
    }

    return NULL;
}


static bool
reads_logs(const kecs_pod_build_t *b)
{
    return b->p->logs.len > 0;
}


bool
kecs_pod_routes(const kecs_pod_build_t *b)
{
    return router(b) != NULL;
}


bool
kecs_pod_after_router(const kecs_pod_build_t *b,
    const kecs_pod_container_t *c)
{
    const kecs_pod_container_t  *r;

    r = router(b);

    return r != NULL && r != c && !r->placed && c->role == KECS_POD_MAIN
           && r->role == KECS_POD_MAIN && kecs_firelens_sends(c->d);
}


/* The text. */

static kecs_str_t
config(kecs_pod_build_t *b, const kecs_pod_container_t *r)
{
    char                         id[2 * KECS_ID_LEN];
    size_t                       i;
    kecs_firelens_t              f;
    kecs_firelens_source_t      *sources;
    const kecs_pod_container_t  *c;

    memset(&f, 0, sizeof(f));
    sources = kecs_calloc(b->a, b->n, sizeof(*sources));
    kecs_hex(b->p->s.task->id, KECS_ID_LEN, id);

    f.router = r->d->firelens_configuration;
    f.sources = sources;
    f.cluster = b->p->s.cluster;
    f.task_arn = kecs_pod_task_arn(b->a, b->p);
    f.task_id = kecs_str_n(id, sizeof(id));
    f.task_definition = kecs_sprintf(b->a, "%.*s:%u",
                                     kecs_fmt(b->p->s.task->family),
                                     (unsigned) b->p->s.task->revision);
    f.listen = kecs_pod_in_host_network(b) ? NULL : "127.0.0.1";

    if (sources == NULL || f.task_arn.data == NULL
        || f.task_definition.data == NULL)
    {
        return kecs_null_str;
    }

    for (i = 0; i < b->n; i++) {
        c = &b->containers[i];

        if (kecs_firelens_sends(c->d)) {
            sources[f.n++] = (kecs_firelens_source_t) {
                c->d->name, reads_logs(b) ? c->name : kecs_null_str, i,
                c->d->log_configuration
            };
        }
    }

    return kecs_firelens_config(b->a, &f);
}


kecs_rc_t
kecs_pod_write_firelens(kecs_pod_build_t *b)
{
    kecs_str_t                   text;
    const kecs_pod_container_t  *r;

    r = router(b);

    if (r == NULL) {
        return KECS_OK;
    }

    text = config(b, r);

    if (text.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_w_str(&b->w, KECS_POD_FIRELENS, text);

    return KECS_OK;
}


/* Volumes and mounts. */

static kecs_str_t
file_name(const kecs_pod_container_t *r)
{
    return kecs_firelens_is_fluentd(r->d->firelens_configuration)
           ? kecs_str("fluent.conf") : kecs_str("fluent-bit.conf");
}


static void
field_ref(kecs_writer_t *w, const char *path)
{
    kecs_w_object(w, "fieldRef");
    kecs_w_cstr(w, "fieldPath", path);
    kecs_w_object_end(w);
}


void
kecs_pod_write_router_volumes(kecs_pod_build_t *b)
{
    kecs_writer_t               *w = &b->w;
    const kecs_pod_container_t  *r;

    r = router(b);

    if (r == NULL) {
        return;
    }

    kecs_w_object(w, NULL);
    kecs_w_object(w, "downwardAPI");
    kecs_w_array(w, "items");
    kecs_w_object(w, NULL);
    field_ref(w, "metadata.annotations['" KECS_POD_FIRELENS "']");
    kecs_w_str(w, "path", file_name(r));
    kecs_w_object_end(w);
    kecs_w_array_end(w);
    kecs_w_object_end(w);
    kecs_w_cstr(w, "name", CONFIG_VOLUME);
    kecs_w_object_end(w);

    kecs_w_object(w, NULL);
    kecs_w_object(w, "emptyDir");
    kecs_w_object_end(w);
    kecs_w_cstr(w, "name", SOCKET_VOLUME);
    kecs_w_object_end(w);

    if (reads_logs(b)) {
        kecs_w_object(w, NULL);
        kecs_w_object(w, "hostPath");
        kecs_w_str(w, "path", b->p->logs);
        kecs_w_object_end(w);
        kecs_w_cstr(w, "name", LOGS_VOLUME);
        kecs_w_object_end(w);
    }
}


/* What a router mounts, by number; false: no more. */

bool
kecs_pod_router_mount(const kecs_pod_build_t *b,
    const kecs_pod_container_t *c, size_t i, kecs_pod_mount_t *m)
{
    if (c != router(b)) {
        return false;
    }

    memset(m, 0, sizeof(*m));

    switch (i) {

    case 0:
        m->path = kecs_firelens_is_fluentd(c->d->firelens_configuration)
                  ? kecs_str("/fluentd/etc/fluent.conf")
                  : kecs_str("/fluent-bit/etc/fluent-bit.conf");
        m->volume = kecs_str(CONFIG_VOLUME);
        m->folder = file_name(c);
        return true;

    case 1:
        m->path = kecs_str("/var/run");
        m->volume = kecs_str(SOCKET_VOLUME);
        return true;

    case 2:
        m->path = kecs_str(KECS_FIRELENS_LOGS);
        m->volume = kecs_str(LOGS_VOLUME);
        m->folder = kecs_str(POD_LOGS);
        m->expanded = true;
        m->read_only = true;
        return reads_logs(b);

    default:
        return false;
    }
}


/* Variables. */

static void
from_field(kecs_writer_t *w, const char *name, const char *path)
{
    kecs_w_object(w, NULL);
    kecs_w_cstr(w, "name", name);
    kecs_w_object(w, "valueFrom");
    field_ref(w, path);
    kecs_w_object_end(w);
    kecs_w_object_end(w);
}


/* The secret options of all that it routes for. */

static kecs_rc_t
secret_options(kecs_pod_build_t *b)
{
    size_t                                  i, k;
    kecs_rc_t                               rc;
    kecs_str_t                              name;
    const kecs_ecs_container_definition_t  *d;

    for (i = 0; i < b->n; i++) {
        d = b->containers[i].d;

        for (k = d->secrets.n; k < kecs_secrets_of(d); k++) {
            name = kecs_firelens_variable(b->a, kecs_secret_of(d, k)->name, i);
            rc = name.data == NULL ? KECS_NOMEM
                 : kecs_pod_write_secret(b, d, k, name);

            if (rc != KECS_OK) {
                return rc;
            }
        }
    }

    return KECS_OK;
}


kecs_rc_t
kecs_pod_write_router_env(kecs_pod_build_t *b, const kecs_pod_container_t *c)
{
    if (c != router(b)) {
        return KECS_OK;
    }

    if (reads_logs(b)) {
        from_field(&b->w, "KECS_POD_NAME", "metadata.name");
        from_field(&b->w, "KECS_POD_NAMESPACE", "metadata.namespace");
        from_field(&b->w, "KECS_POD_UID", "metadata.uid");
    }

    return secret_options(b);
}
