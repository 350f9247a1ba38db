/*
 * The folder of a store and the files in it, before LMDB is asked: who may
 * use it, whether data.mdb is LMDB's at all, and the lock that tells whether
 * anybody has the store open (shared by all who have, exclusive for a
 * restore, gone with its process).
 *
 * Lines about failures live in a buffer per thread, as there is no store to
 * keep them when it could not be opened.
 */

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/log.h"
#include "store_impl.h"


#define MDB_MAGIC         0xBEEFC0DEu
#define MDB_MAGIC_OFFSET  16            /* behind the header of page 0 */
#define STUB_SIZE         8192


static _Thread_local char  why_line[1024];


kecs_rc_t
kecs_why(const char **why, kecs_rc_t rc, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    vsnprintf(why_line, sizeof(why_line), fmt, args);
    va_end(args);

    if (why != NULL) {
        *why = why_line;
    }

    return rc;
}


bool
kecs_store_path(char *out, size_t size, const char *folder, const char *name)
{
    int  n;

    n = snprintf(out, size, "%s/%s", folder, name);

    return n > 0 && (size_t) n < size;
}


void
kecs_give_to_owner(const char *folder, const char *name)
{
    char         path[4096];
    struct stat  dir, file;

    if (geteuid() != 0
        || stat(folder, &dir) != 0
        || dir.st_uid == 0
        || !kecs_store_path(path, sizeof(path), folder, name)
        || lstat(path, &file) != 0
        || file.st_uid != 0)
    {
        return;
    }

    if (lchown(path, dir.st_uid, dir.st_gid) != 0) {
        kecs_log(KECS_LOG_WARN, "store: cannot give %s to uid %u: %s",
                 path, (unsigned) dir.st_uid, strerror(errno));
    }
}


static const char *
user_name(uid_t uid)
{
    struct passwd        *pw;
    static _Thread_local char  number[24];

    pw = getpwuid(uid);

    if (pw != NULL) {
        return pw->pw_name;
    }

    snprintf(number, sizeof(number), "number %u", (unsigned) uid);

    return number;
}


static kecs_rc_t
folder_errno(const char *path, const char **why)
{
    switch (errno) {

    case ENOENT:
        return kecs_why(why, KECS_NOT_FOUND, "there is no store at %s (a "
                        "folder above it is missing, or it was never made)",
                        path);
    case EACCES:
    case EPERM:
        return kecs_why(why, KECS_DENIED, "no right to the store folder %s: "
                        "a folder on the way to it is closed to this user",
                        path);
    case EROFS:
        return kecs_why(why, KECS_DENIED, "the store folder %s cannot be "
                        "made: the file system is read-only", path);
    case ENOSPC:
    case EDQUOT:
        return kecs_why(why, KECS_FULL, "the store folder %s cannot be "
                        "made: the disk is full", path);
    default:
        return kecs_why(why, KECS_IO, "the store folder %s: %s", path,
                        strerror(errno));
    }
}


kecs_rc_t
kecs_folder_open(const char *path, bool create, const char **why)
{
    struct stat  st;

    if (stat(path, &st) != 0) {
        if (errno != ENOENT || !create) {
            return folder_errno(path, why);
        }

        if ((mkdir(path, 0700) != 0 && errno != EEXIST)
            || stat(path, &st) != 0)
        {
            return folder_errno(path, why);
        }
    }

    if (!S_ISDIR(st.st_mode)) {
        return kecs_why(why, KECS_INVALID, "%s is not a folder; name a "
                        "folder for the store", path);
    }

    if (access(path, R_OK | X_OK) == 0) {
        return KECS_OK;
    }

    return kecs_why(why, KECS_DENIED, "the store folder %s belongs to user "
                    "%s and is closed to this one; run as that user or "
                    "change the owner of the folder", path,
                    user_name(st.st_uid));
}


int
kecs_users_lock(const char *folder, bool exclusive, bool readonly)
{
    int   fd, err;
    char  path[4096];

    if (!kecs_store_path(path, sizeof(path), folder, "users.lock")) {
        errno = ENAMETOOLONG;
        return -1;
    }

    fd = open(path, readonly ? O_RDONLY | O_CLOEXEC
                             : O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -1;
    }

    kecs_give_to_owner(folder, "users.lock");

    if (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
        err = errno;
        close(fd);
        errno = err;
        return -1;
    }

    return fd;
}


kecs_rc_t
kecs_file_check(const char *file, bool *present)
{
    int       fd;
    ssize_t   n;
    uint32_t  head[MDB_MAGIC_OFFSET / 4 + 1];

    *present = false;

    fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0) {
        return errno == ENOENT ? KECS_OK
               : errno == EACCES || errno == EPERM ? KECS_DENIED : KECS_IO;
    }

    n = read(fd, head, sizeof(head));
    close(fd);

    if (n == 0) {
        return KECS_OK;
    }

    *present = true;

    if (n != (ssize_t) sizeof(head)
        || head[MDB_MAGIC_OFFSET / 4] != MDB_MAGIC)
    {
        return KECS_INVALID;
    }

    return KECS_OK;
}


/*
 * A file that ends before LMDB's second page (which has 4096 bytes or more)
 * was cut short by a full disk or a crash when it was made: it holds nothing,
 * but LMDB would call it damaged for ever.  Whoever may be making it now has
 * the store open.
 */

void
kecs_stub_clear(const char *folder, const char *file)
{
    int          fd;
    bool         present;
    struct stat  st;

    if (stat(file, &st) != 0 || st.st_size == 0 || st.st_size >= STUB_SIZE
        || kecs_file_check(file, &present) != KECS_OK)
    {
        return;
    }

    fd = kecs_users_lock(folder, true, false);

    if (fd < 0) {
        return;
    }

    if (stat(file, &st) == 0 && st.st_size < STUB_SIZE
        && truncate(file, 0) != 0)
    {
        kecs_log(KECS_LOG_WARN, "store: cannot empty %s: %s", file,
                 strerror(errno));
    }

    close(fd);
}
