/*
 * Exits with a chosen status after a chosen number of seconds:
 *
 *     exit [STATUS [SECONDS]]
 *
 * Arguments win over EXIT_STATUS and EXIT_SECONDS of the environment; both
 * default to 0.  At SIGTERM it exits with 143 without waiting, as process 1
 * too, which has to handle the signal for that.
 */

#define _POSIX_C_SOURCE  200809L

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>


static void
on_stop(int signo)
{
    _exit(128 + signo);
}


static int
setting(int argc, char **argv, int n, const char *name)
{
    const char  *value;

    value = (n < argc) ? argv[n] : getenv(name);

    return (value == NULL) ? 0 : atoi(value);
}


int
main(int argc, char **argv)
{
    int               status;
    struct sigaction  stop = { .sa_handler = on_stop };
    struct timespec   left = { 0 };

    if (sigaction(SIGTERM, &stop, NULL) == -1) {
        return 125;
    }

    status = setting(argc, argv, 1, "EXIT_STATUS");
    left.tv_sec = setting(argc, argv, 2, "EXIT_SECONDS");

    printf("exit %d after %ld s\n", status, (long) left.tv_sec);
    fflush(stdout);

    while (nanosleep(&left, &left) == -1 && errno == EINTR) { /* void */ }

    return status;
}
