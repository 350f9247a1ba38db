/*
 * A former `up` that was killed leaves children.  They have been told to end
 * and mostly do so by themselves; one that was just starting may have missed
 * it, and workers stay when their master was killed as well.  They hold the
 * ports, so they are waited for, told again, and ended.
 *
 * The lock file has the process groups of the children.  Since a number may
 * belong to another process by now, only a group is touched of which a
 * member has the store open, which the kernel's table of locks tells.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"


#define NOTE_SIZE  12               /* of a line in the lock file */

/* Milliseconds. */
#define STEP       10
#define TOLD       300
#define KILLED     2000
#define WITHIN     3000


void
kecs_former_note(int lock_fd, int slot, pid_t group)
{
    int   n;
    char  line[NOTE_SIZE + 1];

    n = snprintf(line, sizeof(line), "%*ld\n", NOTE_SIZE - 1, (long) group);
    (void) !pwrite(lock_fd, line, (size_t) n, slot * NOTE_SIZE);
}


static void
noted_groups(int fd, pid_t *groups)
{
    int      i;
    char     line[NOTE_SIZE + 1];
    ssize_t  n;

    for (i = 0; i < KECS_FORMER_SLOTS; i++) {
        n = pread(fd, line, NOTE_SIZE, i * NOTE_SIZE);
        line[n > 0 ? n : 0] = '\0';
        groups[i] = (pid_t) strtol(line, NULL, 10);
    }
}


bool
kecs_former_lives(int lock_fd)
{
    int    i;
    pid_t  groups[KECS_FORMER_SLOTS];

    noted_groups(lock_fd, groups);

    for (i = 0; i < KECS_FORMER_SLOTS; i++) {
        if (groups[i] > 1 && kill(-groups[i], 0) == 0) {
            return true;
        }
    }

    return false;
}


/* Signals the noted groups that have the store open. */

static void
end_former(const pid_t *groups, ino_t file, int sig)
{
    int    i;
    char   line[256];
    FILE  *f;
    pid_t  pid, group;

    f = fopen("/proc/locks", "re");

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        pid = kecs_lock_line(line, file);
        group = pid > 0 ? getpgid(pid) : -1;

        for (i = 0; group > 1 && i < KECS_FORMER_SLOTS; i++) {
            if (group == groups[i]) {
                (void) kill(-group, sig);
            }
        }
    }

    if (f != NULL) {
        (void) fclose(f);
    }
}


void
kecs_former_wait(const char *data, int lock_fd)
{
    int          fd, waited;
    char         path[PATH_MAX + 16];
    pid_t        groups[KECS_FORMER_SLOTS];
    struct stat  st;

    (void) snprintf(path, sizeof(path), "%s/users.lock", data);
    fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd == -1 || fstat(fd, &st) == -1) {
        return;
    }

    noted_groups(lock_fd, groups);

    for (waited = 0; waited < WITHIN; waited += STEP) {

        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            break;
        }

        if (waited == TOLD || waited == KILLED) {
            end_former(groups, st.st_ino, waited == TOLD ? SIGTERM
                                                                : SIGKILL);
        }

        (void) poll(NULL, 0, STEP);
    }

    (void) close(fd);
}
