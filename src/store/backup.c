/*
 * Backup and restore.
 *
 * A backup is one file, a compact copy of data.mdb at one moment, written
 * beside its final name, synced and renamed; a reader of the store, it holds
 * nobody up.
 *
 * A restore holds users.lock exclusively all the while, so no process of
 * ours has the store open or opens it meanwhile.  It copies the backup into
 * the folder under another name, opens that copy (it is checked there, so a
 * backup on read-only media will do), raises the incarnation durably, and
 * only then renames it over data.mdb.  A crash leaves the old or the new
 * store.  LMDB makes its lock file anew when nobody has the store open.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_impl.h"


#define COPY_NAME  "restore.mdb"
#define PATH_SIZE  4096


static kecs_rc_t
file_errno(const char **why, const char *what, const char *path)
{
    kecs_rc_t  rc;

    rc = errno == ENOSPC || errno == EDQUOT ? KECS_FULL
         : errno == EACCES || errno == EPERM || errno == EROFS ? KECS_DENIED
         : errno == ENOENT ? KECS_NOT_FOUND
         : errno == EEXIST ? KECS_EXISTS : KECS_IO;

    return kecs_why(why, rc, "%s %s: %s", what, path, strerror(errno));
}


/* Makes a rename in the folder of `path` durable. */

static int
folder_sync(const char *path)
{
    int    fd, rc;
    char   folder[PATH_SIZE];
    char  *slash;

    snprintf(folder, sizeof(folder), "%s", path);
    slash = strrchr(folder, '/');

    if (slash == NULL) {
        snprintf(folder, sizeof(folder), ".");

    } else {
        slash[slash == folder] = '\0';
    }

    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return -1;
    }

    rc = fsync(fd);
    close(fd);

    return rc;
}


static kecs_rc_t
backup_write(kecs_store_t *s, int fd, const char *tmp, const char *path,
    const char **why)
{
    int  err;

    kecs_map_hold(s);
    err = s->env != NULL ? mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT)
                         : MDB_PANIC;
    kecs_map_release(s);

    if (err != 0) {
        errno = err;
        return err > 0 ? file_errno(why, "cannot write the backup", tmp)
                       : kecs_why(why, kecs_mdb_rc(err), "the store cannot "
                                  "be copied: %s", mdb_strerror(err));
    }

    if (fsync(fd) != 0) {
        return file_errno(why, "cannot sync the backup", tmp);
    }

    if (rename(tmp, path) != 0) {
        return file_errno(why, "cannot name the backup", path);
    }

    if (folder_sync(path) != 0) {
        return file_errno(why, "cannot sync the folder of", path);
    }

    return KECS_OK;
}


kecs_rc_t
kecs_store_backup(kecs_store_t *s, const char *path, const char **why)
{
    int          fd, n;
    char         tmp[PATH_SIZE];
    kecs_rc_t    rc;
    struct stat  st;

    n = snprintf(tmp, sizeof(tmp), "%s.%ld.tmp", path, (long) getpid());

    if (n < 0 || (size_t) n >= sizeof(tmp)) {
        return kecs_why(why, KECS_INVALID, "the path of the backup is too "
                        "long");
    }

    if (lstat(path, &st) == 0) {
        return kecs_why(why, KECS_EXISTS, "%s is there already; name a new "
                        "file for the backup", path);
    }

    fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0) {
        return file_errno(why, "cannot make the backup", tmp);
    }

    rc = backup_write(s, fd, tmp, path, why);
    close(fd);

    if (rc != KECS_OK) {
        (void) unlink(tmp);
    }

    return rc;
}


/* An environment in one file, with its own lock file beside. */

static int
file_open(const char *file, MDB_env **env)
{
    int  err;

    err = mdb_env_create(env);

    if (err != 0) {
        *env = NULL;
        return err;
    }

    err = mdb_env_set_maxdbs(*env, KECS_DBS);

    if (err == 0) {
        err = mdb_env_open(*env, file, MDB_NOSUBDIR | MDB_NOTLS, 0600);
    }

    return err;
}


/* A file that ends before its last page would crash whoever reads on. */

static bool
file_is_whole(MDB_env *env, const char *file)
{
    MDB_stat      st;
    MDB_envinfo   info;
    struct stat   size;

    return mdb_env_info(env, &info) == 0
           && mdb_env_stat(env, &st) == 0
           && stat(file, &size) == 0
           && (uint64_t) size.st_size
              >= (uint64_t) (info.me_last_pgno + 1) * st.ms_psize;
}


static int
incarnation_put(MDB_txn *mdb, MDB_dbi meta, uint64_t incarnation)
{
    uint8_t     n[8];
    MDB_val     k, v;
    kecs_str_t  name;

    name = KECS_META_INCARNATION;
    kecs_be_put(n, incarnation, sizeof(n));

    k.mv_size = name.len;
    k.mv_data = (void *) (uintptr_t) name.data;
    v.mv_size = sizeof(n);
    v.mv_data = n;

    return mdb_put(mdb, meta, &k, &v, 0);
}


/*
 * Reads the identity of the store in `file`; when `above` is not NULL, also
 * raises the incarnation over *above and the clock.
 */

static kecs_rc_t
env_identity(MDB_env *env, kecs_identity_t *id, const uint64_t *above)
{
    int        err;
    MDB_dbi    meta;
    MDB_txn   *mdb;
    uint64_t   now;
    kecs_rc_t  rc;

    err = mdb_txn_begin(env, NULL, above ? 0 : MDB_RDONLY, &mdb);

    if (err != 0) {
        return kecs_mdb_rc(err);
    }

    err = mdb_dbi_open(mdb, "meta", 0, &meta);
    rc = err == 0 ? kecs_identity_read(mdb, meta, id)
         : err == MDB_NOTFOUND ? KECS_INVALID : kecs_mdb_rc(err);

    if (rc != KECS_OK || above == NULL) {
        mdb_txn_abort(mdb);
        return rc;
    }

    now = (uint64_t) kecs_wall_clock();
    id->incarnation = (id->incarnation > *above ? id->incarnation : *above)
                      + 1;

    if (id->incarnation < now) {
        id->incarnation = now;
    }

    err = incarnation_put(mdb, meta, id->incarnation);

    if (err != 0) {
        mdb_txn_abort(mdb);
        return kecs_mdb_rc(err);
    }

    return kecs_mdb_rc(mdb_txn_commit(mdb));
}


static kecs_rc_t
identity_why(kecs_rc_t rc, const char *file, const kecs_identity_t *id,
    const char **why)
{
    switch (rc) {

    case KECS_OK:
        return rc;

    case KECS_TOO_NEW:
        return kecs_why(why, rc, "%s was written by a newer release (format "
                        "%u, this one knows up to %u)", file, id->format,
                        KECS_STORE_FORMAT);
    case KECS_FULL:
        return kecs_why(why, rc, "the disk is full");

    default:
        return kecs_why(why, rc, "%s is not a backup of a store, or is "
                        "damaged (%s)", file, kecs_rc_name(rc));
    }
}


/* Checks the copy and gives it its new incarnation. */

static kecs_rc_t
copy_adopt(const char *copy, const char *file, uint64_t above,
    const char **why)
{
    int               err;
    bool              present;
    MDB_env          *env;
    kecs_rc_t         rc;
    kecs_identity_t   id;

    rc = kecs_file_check(copy, &present);

    if (rc == KECS_OK && !present) {
        rc = KECS_INVALID;
    }

    memset(&id, 0, sizeof(id));

    if (rc != KECS_OK) {
        return identity_why(rc, file, &id, why);
    }

    err = file_open(copy, &env);

    if (err == 0) {
        rc = file_is_whole(env, copy) ? env_identity(env, &id, &above)
                                      : KECS_CORRUPT;
    } else {
        rc = err == MDB_INVALID || err == MDB_VERSION_MISMATCH
             ? KECS_INVALID : kecs_mdb_rc(err);
    }

    if (env != NULL) {
        mdb_env_close(env);
    }

    return identity_why(rc, file, &id, why);
}


static bool
write_all(int fd, const char *p, size_t n)
{
    ssize_t  w;

    while (n > 0) {
        w = write(fd, p, n);

        if (w < 0 && errno == EINTR) {
            continue;
        }

        if (w <= 0) {
            return false;
        }

        p += w;
        n -= (size_t) w;
    }

    return true;
}


static kecs_rc_t
copy_bytes(int in, int out, const char *file, const char *copy,
    const char **why)
{
    char      *block;
    ssize_t    n;
    kecs_rc_t  rc;

    block = malloc(1 << 20);

    if (block == NULL) {
        return kecs_why(why, KECS_NOMEM, "out of memory");
    }

    rc = KECS_OK;

    for ( ;; ) {
        n = read(in, block, 1 << 20);

        if (n < 0 && errno == EINTR) {
            continue;
        }

        if (n < 0) {
            rc = file_errno(why, "cannot read", file);
        }

        if (n <= 0) {
            break;
        }

        if (!write_all(out, block, (size_t) n)) {
            rc = file_errno(why, "cannot write", copy);
            break;
        }
    }

    free(block);

    if (rc == KECS_OK && fsync(out) != 0) {
        rc = file_errno(why, "cannot sync", copy);
    }

    return rc;
}


static kecs_rc_t
copy_make(const char *file, const char *copy, const char **why)
{
    int        in, out;
    kecs_rc_t  rc;

    in = open(file, O_RDONLY | O_CLOEXEC);

    if (in < 0) {
        return file_errno(why, "cannot open the backup", file);
    }

    (void) unlink(copy);
    out = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (out < 0) {
        rc = file_errno(why, "cannot make", copy);
        close(in);
        return rc;
    }

    rc = copy_bytes(in, out, file, copy, why);
    close(in);
    close(out);

    return rc;
}


/* Incarnation of the store that is being replaced; 0: none readable. */

static uint64_t
old_incarnation(const char *data)
{
    bool              present;
    MDB_env          *env;
    uint64_t          n;
    kecs_identity_t   id;

    if (kecs_file_check(data, &present) != KECS_OK || !present) {
        return 0;
    }

    n = 0;

    if (file_open(data, &env) == 0
        && file_is_whole(env, data)
        && env_identity(env, &id, NULL) == KECS_OK)
    {
        n = id.incarnation;
    }

    if (env != NULL) {
        mdb_env_close(env);
    }

    return n;
}


static void
unlink_lock(const char *file)
{
    char  lock[PATH_SIZE + 8];

    snprintf(lock, sizeof(lock), "%s-lock", file);
    (void) unlink(lock);
}


static kecs_rc_t
restore_locked(const char *folder, const char *file, bool replace,
    const char **why)
{
    bool       present;
    char       data[PATH_SIZE], copy[PATH_SIZE];
    uint64_t   above;
    kecs_rc_t  rc;

    if (!kecs_store_path(data, sizeof(data), folder, "data.mdb")
        || !kecs_store_path(copy, sizeof(copy), folder, COPY_NAME))
    {
        return kecs_why(why, KECS_INVALID, "the path of the store is too "
                        "long");
    }

    rc = kecs_file_check(data, &present);

    if ((present || rc != KECS_OK) && !replace) {
        return kecs_why(why, KECS_EXISTS, "%s is there already; say that it "
                        "shall be replaced, or name another folder", data);
    }

    above = old_incarnation(data);
    unlink_lock(data);

    rc = copy_make(file, copy, why);

    if (rc == KECS_OK) {
        rc = copy_adopt(copy, file, above, why);
    }

    unlink_lock(copy);

    if (rc == KECS_OK && rename(copy, data) != 0) {
        rc = file_errno(why, "cannot put in place", data);
    }

    if (rc != KECS_OK) {
        (void) unlink(copy);
        return rc;
    }

    kecs_give_to_owner(folder, "data.mdb");

    if (folder_sync(data) != 0) {
        return file_errno(why, "cannot sync the folder of", data);
    }

    return KECS_OK;
}


kecs_rc_t
kecs_store_restore(const kecs_store_conf_t *conf, const char *file,
    bool replace, const char **why)
{
    int        fd;
    kecs_rc_t  rc;

    rc = kecs_folder_open(conf->path, true, why);

    if (rc != KECS_OK) {
        return rc;
    }

    fd = kecs_users_lock(conf->path, true, false);

    if (fd < 0) {
        return errno == EWOULDBLOCK
               ? kecs_why(why, KECS_BUSY, "the store %s is in use; stop "
                          "nginx and the reconciler first", conf->path)
               : file_errno(why, "cannot lock the store folder", conf->path);
    }

    rc = restore_locked(conf->path, file, replace, why);
    close(fd);

    return rc;
}
