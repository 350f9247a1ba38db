/*
 * Preloaded into nginx and the reconciler by t/30-faults.t: while the file
 * that KECS_FAULT names is there, LMDB cannot write meta pages (the start of
 * data.mdb, on a descriptor opened with O_DSYNC).
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>


static const char  *fault;


__attribute__((constructor))
static void
prepare(void)
{
    fault = getenv("KECS_FAULT");
    fault = fault != NULL ? strdup(fault) : NULL;   /* nginx moves it */
}


ssize_t  pwrite(int fd, const void *data, size_t len, off_t at);

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
    if (at < 8192 && fault != NULL && (fcntl(fd, F_GETFL) & O_DSYNC)
        && access(fault, F_OK) == 0)
    {
        errno = EIO;
        return -1;
    }

    return syscall(SYS_pwrite64, fd, data, len, at);
}
