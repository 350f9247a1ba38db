/*
 * An address that is too long goes by /proc/self/fd: the folder's descriptor
 * stays open for as long as the address is used.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "folder_socket.h"
#include "store_impl.h"


/* The folder's descriptor, to be closed after use; -1 and errno. */

static int
address(const char *folder, const char *name, struct sockaddr_un *addr)
{
    int   n, dir;
    char  path[4096];

    memset(addr, 0, sizeof(*addr));
    addr->sun_family = AF_UNIX;

    if (!kecs_store_path(path, sizeof(path), folder, name)) {
        errno = ENAMETOOLONG;
        return -1;
    }

    dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0) {
        return -1;
    }

    if (strlen(path) < sizeof(addr->sun_path)) {
        memcpy(addr->sun_path, path, strlen(path) + 1);
        return dir;
    }

    n = snprintf(addr->sun_path, sizeof(addr->sun_path),
                 "/proc/self/fd/%d/%s", dir, name);

    if (n < 0 || (size_t) n >= sizeof(addr->sun_path)) {
        close(dir);
        errno = ENAMETOOLONG;
        return -1;
    }

    return dir;
}


/* Closes both, errno kept; -1. */

static int
failed(int fd, int dir)
{
    int  err;

    err = errno;

    if (fd >= 0) {
        close(fd);
    }

    if (dir >= 0) {
        close(dir);
    }

    errno = err;

    return -1;
}


static int
unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}


/* It gets its name when it listens, so that nobody finds a deaf one. */

int
kecs_socket_listen(const char *folder, const char *name, int backlog)
{
    int                 n, fd, dir;
    char                first[64];
    struct sockaddr_un  addr;

    n = snprintf(first, sizeof(first), "%s.new", name);

    if (n < 0 || (size_t) n >= sizeof(first)) {
        errno = ENAMETOOLONG;
        return -1;
    }

    dir = address(folder, first, &addr);
    fd = dir < 0 ? -1 : unix_socket();

    if (fd < 0) {
        return failed(fd, dir);
    }

    (void) unlinkat(dir, first, 0);

    if (fchmod(fd, 0600) != 0
        || bind(fd, (struct sockaddr *) &addr, sizeof(addr)) != 0)
    {
        return failed(fd, dir);
    }

    kecs_give_to_owner(folder, first);

    if (listen(fd, backlog) != 0 || renameat(dir, first, dir, name) != 0) {
        return failed(fd, dir);
    }

    close(dir);

    return fd;
}


int
kecs_socket_connect(const char *folder, const char *name)
{
    int                 fd, dir;
    struct sockaddr_un  addr;

    dir = address(folder, name, &addr);
    fd = dir < 0 ? -1 : unix_socket();

    if (fd < 0
        || connect(fd, (struct sockaddr *) &addr, sizeof(addr)) != 0)
    {
        return failed(fd, dir);
    }

    close(dir);

    return fd;
}


void
kecs_socket_unlink(const char *folder, const char *name)
{
    int                 dir;
    struct sockaddr_un  addr;

    dir = address(folder, name, &addr);

    if (dir >= 0) {
        (void) unlinkat(dir, name, 0);
        close(dir);
    }
}
