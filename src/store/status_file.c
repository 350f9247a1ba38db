/*
 * DATA/reconciler.status (see status_file.h).  After the text come a line of
 * blanks that fills up, and "sum XXXXXXXX".  The file is made under another
 * name and renamed, so it is never there with less than its blocks.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "status_file.h"
#include "store_impl.h"


#define NAME      "reconciler.status"
#define SUM_LEN   13                    /* "sum XXXXXXXX\n" */
#define BODY_LEN  (KECS_STATUS_SIZE - SUM_LEN)
#define TRIES     16                    /* while it is being written */


static uint32_t
checksum(const char *data, size_t len)
{
    size_t    i;
    uint32_t  sum;

    sum = 2166136261u;                  /* FNV-1a */

    for (i = 0; i < len; i++) {
        sum = (sum ^ (uint8_t) data[i]) * 16777619u;
    }

    return sum;
}


static void
sum_line(const char *data, char *out)
{
    (void) snprintf(out, SUM_LEN + 1, "sum %08x\n",
                    (unsigned) checksum(data, BODY_LEN));
}


static bool
write_all(int fd, const char *data)
{
    ssize_t  n;

    n = pwrite(fd, data, KECS_STATUS_SIZE, 0);

    if (n >= 0 && n != KECS_STATUS_SIZE) {
        errno = ENOSPC;
    }

    return n == KECS_STATUS_SIZE;
}


/* In place; false when it is not there with all its blocks. */

static bool
put_in_place(const char *path, const char *data, kecs_rc_t *rc)
{
    int          fd;
    bool         whole;
    struct stat  st;

    fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0) {
        return false;
    }

    whole = fstat(fd, &st) == 0 && st.st_size == KECS_STATUS_SIZE;

    if (whole) {
        *rc = write_all(fd, data) ? KECS_OK : KECS_IO;
    }

    close(fd);

    return whole;
}


static kecs_rc_t
put_new(const char *folder, const char *path, const char *data)
{
    int   fd, err;
    char  temp[4096];

    if (!kecs_store_path(temp, sizeof(temp), folder, NAME ".new")) {
        errno = ENAMETOOLONG;
        return KECS_IO;
    }

    fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0) {
        return KECS_IO;
    }

    err = write_all(fd, data) ? 0 : errno;
    close(fd);

    if (err == 0 && rename(temp, path) != 0) {
        err = errno;
    }

    if (err != 0) {
        (void) unlink(temp);
        errno = err;
        return KECS_IO;
    }

    return KECS_OK;
}


kecs_rc_t
kecs_status_put(const char *folder, kecs_str_t text)
{
    char       path[4096], data[KECS_STATUS_SIZE + 1];
    kecs_rc_t  rc;

    if (text.len > KECS_STATUS_TEXT_MAX) {
        return KECS_TOO_LARGE;
    }

    if (!kecs_store_path(path, sizeof(path), folder, NAME)) {
        errno = ENAMETOOLONG;
        return KECS_IO;
    }

    memset(data, ' ', sizeof(data));
    memcpy(data, text.data, text.len);
    data[BODY_LEN - 1] = '\n';
    sum_line(data, data + BODY_LEN);

    if (put_in_place(path, data, &rc)) {
        return rc;
    }

    return put_new(folder, path, data);
}


static bool
is_whole(const char *data, ssize_t n)
{
    char  sum[SUM_LEN + 1];

    if (n != KECS_STATUS_SIZE) {
        return false;
    }

    sum_line(data, sum);

    return memcmp(data + BODY_LEN, sum, SUM_LEN) == 0;
}


kecs_rc_t
kecs_status_get(const char *folder, char *data, kecs_str_t *text)
{
    int      fd, i;
    bool     whole;
    char     path[4096];
    ssize_t  n;

    if (!kecs_store_path(path, sizeof(path), folder, NAME)) {
        errno = ENAMETOOLONG;
        return KECS_IO;
    }

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        return errno == ENOENT ? KECS_NOT_FOUND : KECS_IO;
    }

    whole = false;

    for (i = 0; i < TRIES && !whole; i++) {
        if (i > 0) {
            (void) sched_yield();
        }

        n = pread(fd, data, KECS_STATUS_SIZE, 0);
        whole = is_whole(data, n);
    }

    close(fd);
    *text = kecs_str_n(data, BODY_LEN);

    return whole ? KECS_OK : KECS_CORRUPT;
}


kecs_str_t
kecs_status_value(kecs_str_t text, const char *key)
{
    kecs_str_t  line, name;

    while (kecs_str_split(&text, '\n', &line)) {
        (void) kecs_str_split(&line, ' ', &name);

        if (kecs_str_is(name, key)) {
            return line;
        }
    }

    return kecs_null_str;
}


kecs_rc_t
kecs_status_remove(const char *folder)
{
    char  path[4096];

    if (!kecs_store_path(path, sizeof(path), folder, NAME)) {
        errno = ENAMETOOLONG;
        return KECS_IO;
    }

    return unlink(path) == 0 || errno == ENOENT ? KECS_OK : KECS_IO;
}
