/*
 * doctor: the data folder, its disk, and the store in it.
 */

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "doctor.h"


#define CHECK_UP_TO  (64 * 1024 * 1024)     /* bytes in use: a second or so */


/* Its name, or its number; in the arena. */

static const char *
user_name(kecs_doctor_t *d, uid_t uid)
{
    kecs_str_t      name;
    struct passwd  *pw;

    pw = getpwuid(uid);
    name = pw != NULL ? kecs_strdup(d->arena, kecs_str_of(pw->pw_name))
                      : kecs_sprintf(d->arena, "%lu", (unsigned long) uid);

    return name.data != NULL ? name.data : "";
}


/* True when there is a folder that can be looked into. */

static bool
look_at_rights(kecs_doctor_t *d)
{
    struct stat   st;
    const char   *data = d->o->data;

    if (stat(data, &st) != 0) {
        kecs_found(d, errno == ENOENT ? KECS_WARN : KECS_FAIL, "folder",
                   errno == ENOENT
                   ? "\"kecs up\" makes it; or give the right one: --data DIR"
                   : "make the folders above it accessible to this user",
                   "%s: %s", data, strerror(errno));
        return false;
    }

    if (!S_ISDIR(st.st_mode)) {
        kecs_found(d, KECS_FAIL, "folder", "give a folder: --data DIR",
                   "%s is no folder", data);
        return false;
    }

    if (access(data, R_OK | W_OK | X_OK) != 0) {
        kecs_found(d, KECS_FAIL, "folder", "run as that user, or give the"
                   " folder to this one (chown -R)", "%s belongs to user %s"
                   " and is closed to user %s", data, user_name(d, st.st_uid),
                   user_name(d, geteuid()));
        return false;
    }

    kecs_found(d, kecs_judge_mode(st.st_mode), "folder", "chmod 700 on it:"
               " others can come at what the tasks are given", "%s, of user"
               " %s, mode %03o", data, user_name(d, st.st_uid),
               (unsigned) st.st_mode & 0777);

    if (st.st_uid != geteuid()) {
        kecs_found(d, KECS_WARN, "owner", "run nginx, the reconciler and this"
                   " as one user", "%s belongs to user %s, this is user %s",
                   data, user_name(d, st.st_uid), user_name(d, geteuid()));
    }

    return true;
}


static void
look_at_disk(kecs_doctor_t *d)
{
    uint64_t        left;
    struct statfs   fs;
    struct statvfs  vfs;

    if (statfs(d->o->data, &fs) == 0 && kecs_is_network_disk(fs.f_type)) {
        kecs_found(d, KECS_FAIL, "file system", "put the folder on a local"
                   " disk: --data DIR", "%s is on a disk of the network,"
                   " which cannot hold the store", d->o->data);
    }

    if (statvfs(d->o->data, &vfs) != 0) {
        return;
    }

    left = (uint64_t) (geteuid() == 0 ? vfs.f_bfree : vfs.f_bavail)
           * vfs.f_frsize;
    kecs_found(d, kecs_judge_disk(left), "disk", "make room there: with less"
               " than 1 MiB, calls that add are refused", "%.0f MiB left on"
               " the disk of the store", (double) left / (1 << 20));
}


void
kecs_doctor_folder(kecs_doctor_t *d)
{
    if (look_at_rights(d)) {
        look_at_disk(d);
    }
}


static void
count_line(void *ctx, const char *line)
{
    (void) ctx;
    (void) line;
}


static void
check(kecs_doctor_t *d, kecs_store_t *store)
{
    unsigned   defects;
    kecs_rc_t  rc;

    if (d->info.map_used > CHECK_UP_TO) {
        kecs_found(d, KECS_FINE, "check", "", "the store is large: \"kecs"
                   " check\" looks at all of it");
        return;
    }

    defects = 0;
    rc = kecs_store_check(store, count_line, NULL, &defects);

    kecs_found(d, rc == KECS_OK && defects == 0 ? KECS_FINE : KECS_FAIL,
               "check", "\"kecs check\" names them; restore the last backup"
               " (kecs restore FILE --replace)", rc == KECS_OK
               ? "indexes, counters and log: %u defects"
               : "the check failed after %u defects", defects);
}


void
kecs_doctor_store(kecs_doctor_t *d)
{
    kecs_rc_t           rc;
    const char         *why;
    kecs_store_t       *store;
    kecs_store_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.path = d->o->data;
    conf.readonly = true;
    why = "it cannot be opened";
    rc = kecs_store_open(&conf, &store, &why);

    if (rc != KECS_OK) {
        kecs_found(d, rc == KECS_NOT_FOUND ? KECS_WARN : KECS_FAIL, "store",
                   rc == KECS_NOT_FOUND ? "\"kecs up\" makes one"
                   : rc == KECS_TOO_NEW ? "use the newer release"
                   : rc == KECS_DENIED ? "run as the owner of the folder"
                   : "restore the last backup (kecs restore FILE)",
                   "%s", why);
        return;
    }

    d->opened = true;
    kecs_store_info(store, &d->info);
    kecs_found(d, KECS_FINE, "store", "", "%s, format %u, change %llu",
               d->info.uuid, d->info.format,
               (unsigned long long) d->info.seq);
    kecs_found(d, kecs_judge_map(d->info.map_used, d->info.map_size), "map",
               "raise size= of kecs_store and reload nginx; from 90 % on,"
               " calls that add are refused", "%.1f of %.0f MiB in use",
               (double) d->info.map_used / (1 << 20),
               (double) d->info.map_size / (1 << 20));
    check(d, store);
    kecs_store_close(store);
}
