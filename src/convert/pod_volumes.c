/*
 * Volumes and mounts (kubernetes.md 1.5).  A folder of the node is made
 * when it is missing, as Docker does it; what has no folder is an emptyDir
 * that lives as long as the pod.  A file system of AWS is a claim in the
 * namespace of the pods that bears its id, which people keep.  Volumes
 * configured at launch are in pod_claims.c.  Shared memory and tmpfs are
 * volumes, too, of one container each.
 */

#include <stdio.h>

#include "pod_parts.h"


/* Docker volumes of scope "shared" live here on each node. */
#define SHARED_ROOT  "/var/lib/kecs/docker-volumes"

#define MOUNTS_MAX  256

typedef struct {
    kecs_pod_mount_t  *items;
    size_t             n;
} mounts_t;


static const kecs_ecs_volume_t *
volume_of(const kecs_pod_build_t *b, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < b->d->volumes.n; i++) {
        if (kecs_str_eq(b->d->volumes.items[i].name, name)) {
            return &b->d->volumes.items[i];
        }
    }

    return NULL;
}


static void
host_path(kecs_writer_t *w, kecs_str_t path, const char *type)
{
    kecs_w_object(w, "hostPath");
    kecs_w_str(w, "path", path);
    kecs_w_cstr(w, "type", type);
    kecs_w_object_end(w);
}


static void
empty_dir(kecs_writer_t *w)
{
    kecs_w_object(w, "emptyDir");
    kecs_w_object_end(w);
}


static kecs_rc_t
docker_volume(kecs_pod_build_t *b, const kecs_ecs_volume_t *v)
{
    kecs_str_t                                     path;
    const kecs_ecs_docker_volume_configuration_t  *d;

    d = v->docker_volume_configuration;

    if ((d->driver.len > 0 && !kecs_str_is(d->driver, "local"))
        || d->driver_opts.n > 0)
    {
        return kecs_pod_no(b, "The field volumes[%.*s]."
                           "dockerVolumeConfiguration.%s is not supported by "
                           "this runtime.", kecs_fmt(v->name),
                           d->driver_opts.n > 0 ? "driverOpts" : "driver");
    }

    if (!kecs_str_is(d->scope, "shared")) {
        empty_dir(&b->w);
        return KECS_OK;
    }

    path = kecs_sprintf(b->a, SHARED_ROOT "/%.*s", kecs_fmt(v->name));

    if (path.data == NULL) {
        return KECS_NOMEM;
    }

    host_path(&b->w, path, d->autoprovision.value ? "DirectoryOrCreate"
                                                  : "Directory");

    return KECS_OK;
}


/* A file system of AWS: its name, and the folder of it that is meant. */

typedef struct {
    kecs_str_t  name;
    kecs_str_t  folder;
} file_system_t;


static kecs_str_t
last_of_arn(kecs_str_t arn)
{
    ptrdiff_t  at;

    at = kecs_str_rchr(arn, '/');

    return at == -1 ? arn : kecs_str_from(arn, (size_t) at + 1);
}


/* An access point has a folder of its own: it stands for itself. */

static bool
file_system_of(const kecs_ecs_volume_t *v, file_system_t *f)
{
    const kecs_ecs_efs_volume_configuration_t      *efs;
    const kecs_ecs_s3_files_volume_configuration_t *s3;

    efs = v->efs_volume_configuration;
    s3 = v->s3files_volume_configuration;
    memset(f, 0, sizeof(*f));

    if (efs != NULL) {
        f->name = efs->authorization_config != NULL
                  && efs->authorization_config->access_point_id.len != 0
                  ? efs->authorization_config->access_point_id
                  : efs->file_system_id;
        f->folder = efs->root_directory;

    } else if (s3 != NULL) {
        f->name = last_of_arn(s3->access_point_arn.len != 0
                              ? s3->access_point_arn : s3->file_system_arn);
        f->folder = s3->root_directory;

    } else if (v->fsx_windows_file_server_volume_configuration != NULL) {
        f->name = v->fsx_windows_file_server_volume_configuration
                  ->file_system_id;
        f->folder = v->fsx_windows_file_server_volume_configuration
                    ->root_directory;

    } else {
        return false;
    }

    return true;
}


/* "/a/b" and "\\a\\b" are a/b within the volume. */

static kecs_rc_t
folder_within(kecs_pod_build_t *b, const kecs_ecs_volume_t *v,
    kecs_str_t folder, kecs_str_t *out)
{
    size_t      i;
    char       *s;
    kecs_str_t  rest, part;

    s = kecs_alloc(b->a, folder.len + 1);

    if (s == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < folder.len; i++) {
        s[i] = folder.data[i] == '\\' ? '/' : folder.data[i];
    }

    for (rest = kecs_str_n(s, i); kecs_str_split(&rest, '/', &part); ) {
        if (kecs_str_is(part, "..")) {
            return kecs_pod_no(b, "The field volumes[%.*s] has a"
                               " rootDirectory with \"..\".",
                               kecs_fmt(v->name));
        }
    }

    for (*out = kecs_str_n(s, i); out->len > 0 && out->data[0] == '/'; ) {
        *out = kecs_str_from(*out, 1);
    }

    return KECS_OK;
}


static kecs_rc_t
claim(kecs_pod_build_t *b, const kecs_ecs_volume_t *v, kecs_str_t name)
{
    name = kecs_pod_object_name(b->a, name);

    if (name.data == NULL) {
        return KECS_NOMEM;
    }

    if (name.len == 0) {
        return kecs_pod_no(b, "The field volumes[%.*s] names no file"
                           " system.", kecs_fmt(v->name));
    }

    kecs_w_object(&b->w, "persistentVolumeClaim");
    kecs_w_str(&b->w, "claimName", name);
    kecs_w_object_end(&b->w);

    return KECS_OK;
}


static kecs_rc_t
write_volume(kecs_pod_build_t *b, const kecs_ecs_volume_t *v)
{
    kecs_rc_t      rc;
    kecs_str_t     name;
    file_system_t  f;

    name = kecs_pod_label(b->a, v->name);

    if (name.data == NULL) {
        return KECS_NOMEM;
    }

    rc = KECS_OK;

    kecs_w_object(&b->w, NULL);
    kecs_w_str(&b->w, "name", name);

    if (v->configured_at_launch.value) {
        rc = kecs_pod_write_launched(b, v);

    } else if (file_system_of(v, &f)) {
        rc = claim(b, v, f.name);

    } else if (v->docker_volume_configuration != NULL) {
        rc = docker_volume(b, v);

    } else if (v->host != NULL && v->host->source_path.len > 0) {
        host_path(&b->w, v->host->source_path, "DirectoryOrCreate");

    } else {
        empty_dir(&b->w);
    }

    kecs_w_object_end(&b->w);

    return rc;
}


/* A volume in memory; size in MiB, 0: none. */

static void
write_memory(kecs_pod_build_t *b, kecs_str_t name, int64_t size)
{
    kecs_writer_t  *w = &b->w;

    kecs_w_object(w, NULL);
    kecs_w_str(w, "name", name);
    kecs_w_object(w, "emptyDir");
    kecs_w_cstr(w, "medium", "Memory");

    if (size > 0) {
        kecs_w_printf(w, "sizeLimit", "%lldMi", (long long) size);
    }

    kecs_w_object_end(w);
    kecs_w_object_end(w);
}


/*
 * Volumes in memory of a container: its number 0 is the shared memory, the
 * others are the tmpfs.  KECS_DONE: there is none of that number.
 */

typedef struct {
    kecs_str_t   name;
    kecs_str_t   path;
    int64_t      size;              /* 0: this one is not wanted */
} memory_t;

static kecs_rc_t
memory_volume(kecs_pod_build_t *b, size_t container, size_t i, memory_t *m)
{
    const kecs_ecs_linux_parameters_t  *l;

    l = b->containers[container].d->linux_parameters;

    if (l == NULL || i > l->tmpfs.n) {
        return KECS_DONE;
    }

    m->name = kecs_sprintf(b->a, "kecs-memory-%zu-%zu", container, i);

    if (i == 0) {
        m->path = kecs_str("/dev/shm");
        m->size = l->shared_memory_size.value;

    } else {
        m->path = l->tmpfs.items[i - 1].container_path;
        m->size = l->tmpfs.items[i - 1].size.value;
    }

    return m->name.data ? KECS_OK : KECS_NOMEM;
}


static kecs_rc_t
write_memory_volumes(kecs_pod_build_t *b, size_t container)
{
    size_t     i;
    memory_t   m;
    kecs_rc_t  rc;

    for (i = 0; (rc = memory_volume(b, container, i, &m)) == KECS_OK; i++) {
        if (m.size > 0) {
            write_memory(b, m.name, m.size);
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


static bool
has_volumes(const kecs_pod_build_t *b)
{
    size_t                              i;
    const kecs_ecs_linux_parameters_t  *l;

    for (i = 0; i < b->n; i++) {
        l = b->containers[i].d->linux_parameters;

        if (l != NULL && (l->tmpfs.n > 0 || l->shared_memory_size.value > 0))
        {
            return true;
        }
    }

    return b->d->volumes.n > 0 || kecs_pod_routes(b);
}


kecs_rc_t
kecs_pod_write_volumes(kecs_pod_build_t *b)
{
    size_t     i;
    kecs_rc_t  rc;

    if (!has_volumes(b)) {
        return KECS_OK;
    }

    kecs_w_array(&b->w, "volumes");

    for (i = 0; i < b->d->volumes.n; i++) {
        rc = write_volume(b, &b->d->volumes.items[i]);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    for (i = 0; i < b->n; i++) {
        rc = write_memory_volumes(b, i);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    kecs_pod_write_router_volumes(b);
    kecs_w_array_end(&b->w);

    return KECS_OK;
}


/* Mounts: of two for one path the first stays. */

static kecs_rc_t
add_mount(kecs_pod_build_t *b, mounts_t *m, const kecs_pod_mount_t *mount)
{
    size_t  i;

    for (i = 0; i < m->n; i++) {
        if (kecs_str_eq(m->items[i].path, mount->path)) {
            return KECS_OK;
        }
    }

    if (m->n == MOUNTS_MAX) {
        return kecs_pod_no(b, "A container has more than %d mount points.",
                           MOUNTS_MAX);
    }

    m->items[m->n++] = *mount;

    return KECS_OK;
}


static kecs_rc_t
own_mounts(kecs_pod_build_t *b, mounts_t *m,
    const kecs_ecs_container_definition_t *d, bool read_only)
{
    size_t                        i;
    kecs_pod_mount_t              mount;
    kecs_rc_t                     rc;
    file_system_t                 f;
    const kecs_ecs_volume_t      *v;
    const kecs_ecs_mount_point_t *p;

    for (i = 0; i < d->mount_points.n; i++) {
        p = &d->mount_points.items[i];
        v = volume_of(b, p->source_volume);
        memset(&mount, 0, sizeof(mount));

        if (v == NULL) {
            return kecs_pod_no(b, "The field containerDefinitions[%.*s]."
                               "mountPoints names the unknown volume "
                               "\"%.*s\".", kecs_fmt(d->name),
                               kecs_fmt(p->source_volume));
        }

        mount.path = p->container_path;
        mount.volume = kecs_pod_label(b->a, p->source_volume);
        mount.read_only = read_only || p->read_only.value;

        if (mount.volume.data == NULL) {
            return KECS_NOMEM;
        }

        rc = file_system_of(v, &f) ? folder_within(b, v, f.folder,
                                                   &mount.folder)
                                   : KECS_OK;

        if (rc == KECS_OK) {
            rc = add_mount(b, m, &mount);
        }

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}


/*
 * The container's own mounts and those it takes from others, which may
 * have taken theirs from others again.
 */

static kecs_rc_t
gather(kecs_pod_build_t *b, mounts_t *m,
    const kecs_ecs_container_definition_t *d, bool read_only, size_t depth)
{
    size_t                        i;
    kecs_rc_t                     rc;
    const kecs_pod_container_t   *source;
    const kecs_ecs_volume_from_t *from;

    rc = own_mounts(b, m, d, read_only);

    for (i = 0; rc == KECS_OK && i < d->volumes_from.n; i++) {
        from = &d->volumes_from.items[i];

        source = kecs_pod_container_of(b, from->source_container);

        if (source == NULL || depth >= b->n) {
            return kecs_pod_no(b, "The field containerDefinitions[%.*s]."
                               "volumesFrom %s \"%.*s\".", kecs_fmt(d->name),
                               source == NULL
                               ? "names the unknown container"
                               : "is circular, by container",
                               kecs_fmt(from->source_container));
        }

        rc = gather(b, m, source->d,
                    read_only || from->read_only.value, depth + 1);
    }

    return rc;
}


static kecs_rc_t
gather_memory(kecs_pod_build_t *b, mounts_t *mounts, size_t container)
{
    size_t     i;
    kecs_pod_mount_t  mount;
    memory_t   m;
    kecs_rc_t  rc;

    memset(&mount, 0, sizeof(mount));

    for (i = 0; (rc = memory_volume(b, container, i, &m)) == KECS_OK; i++) {
        if (m.size == 0) {
            continue;
        }

        mount.path = m.path;
        mount.volume = m.name;

        rc = add_mount(b, mounts, &mount);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


static kecs_rc_t
gather_router(kecs_pod_build_t *b, mounts_t *mounts,
    const kecs_pod_container_t *c)
{
    size_t            i;
    kecs_rc_t         rc;
    kecs_pod_mount_t  mount;

    rc = KECS_OK;

    for (i = 0; rc == KECS_OK && kecs_pod_router_mount(b, c, i, &mount); i++)
    {
        rc = add_mount(b, mounts, &mount);
    }

    return rc;
}


kecs_rc_t
kecs_pod_write_mounts(kecs_pod_build_t *b, const kecs_pod_container_t *c)
{
    size_t          i;
    mounts_t        m;
    kecs_rc_t       rc;
    kecs_writer_t  *w = &b->w;

    m.n = 0;
    m.items = kecs_calloc(b->a, MOUNTS_MAX, sizeof(kecs_pod_mount_t));

    if (m.items == NULL) {
        return KECS_NOMEM;
    }

    rc = gather(b, &m, c->d, false, 0);

    if (rc == KECS_OK) {
        rc = gather_memory(b, &m, (size_t) (c - b->containers));
    }

    if (rc == KECS_OK) {
        rc = gather_router(b, &m, c);
    }

    if (rc != KECS_OK || m.n == 0) {
        return rc;
    }

    kecs_w_array(w, "volumeMounts");

    for (i = 0; i < m.n; i++) {
        kecs_w_object(w, NULL);
        kecs_w_str(w, "mountPath", m.items[i].path);
        kecs_w_str(w, "name", m.items[i].volume);

        if (m.items[i].read_only) {
            kecs_w_bool(w, "readOnly", true);
        }

        if (m.items[i].folder.len > 0) {
            kecs_w_str(w, m.items[i].expanded ? "subPathExpr" : "subPath",
                       m.items[i].folder);
        }

        kecs_w_object_end(w);
    }

    kecs_w_array_end(w);

    return KECS_OK;
}
