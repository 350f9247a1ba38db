/*
 * Wake-up by inotify (see wake.h).  The file is written by txn.c after each
 * commit; any number of processes watch it.
 */

#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "store_impl.h"
#include "wake.h"


int
kecs_wake_watch(const char *folder)
{
    int   fd, err;
    char  path[4096];

    if (!kecs_store_path(path, sizeof(path), folder, "wake")) {
        errno = ENAMETOOLONG;
        return -1;
    }

    fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    if (fd < 0) {
        return -1;
    }

    if (inotify_add_watch(fd, path, IN_MODIFY) < 0) {
        err = errno;
        close(fd);
        errno = err;
        return -1;
    }

    return fd;
}


bool
kecs_wake_drain(int fd)
{
    bool     woken;
    char     events[4096];
    ssize_t  n;

    for (woken = false; ; woken = true) {
        do {
            n = read(fd, events, sizeof(events));
        } while (n < 0 && errno == EINTR);

        if (n <= 0) {
            return woken;
        }
    }
}
