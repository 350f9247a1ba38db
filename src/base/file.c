/*
 * Files as a whole, into memory of the caller's arena.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"


#define FILE_MAX  (4u << 20)


static kecs_rc_t
read_all(kecs_arena_t *a, int fd, kecs_str_t *out)
{
    char        *data;
    size_t       len;
    ssize_t      n;
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        return KECS_IO;
    }

    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return KECS_IO;
    }

    if (st.st_size > (off_t) FILE_MAX) {
        errno = EFBIG;
        return KECS_IO;
    }

    data = kecs_alloc(a, (size_t) st.st_size + 1);

    if (data == NULL) {
        return KECS_NOMEM;
    }

    for (len = 0; len < (size_t) st.st_size; len += (size_t) n) {
        n = read(fd, data + len, (size_t) st.st_size - len);

        if (n == -1) {
            return KECS_IO;
        }

        if (n == 0) {
            break;
        }
    }

    data[len] = '\0';
    *out = kecs_str_n(data, len);

    return KECS_OK;
}


kecs_rc_t
kecs_file_read(kecs_arena_t *a, const char *path, kecs_str_t *out)
{
    int        fd, err;
    kecs_rc_t  rc;

    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd == -1) {
        return errno == ENOENT || errno == ENOTDIR ? KECS_NOT_FOUND : KECS_IO;
    }

    rc = read_all(a, fd, out);

    err = errno;
    (void) close(fd);
    errno = err;

    return rc;
}
