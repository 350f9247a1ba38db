/*
 * The pod sandbox's process: holds the pod's namespaces open, reaps the
 * children that are handed to process 1, and exits at SIGTERM or SIGINT.
 *
 * Process 1 of a pid namespace ignores the signals it has no handler for, so
 * both get one.
 */

#define _POSIX_C_SOURCE  200809L

#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>


static void
on_stop(int signo)
{
    (void) signo;

    _exit(0);
}


static void
on_child(int signo)
{
    (void) signo;

    while (waitpid(-1, NULL, WNOHANG) > 0) { /* void */ }
}


int
main(void)
{
    struct sigaction  stop = { .sa_handler = on_stop };
    struct sigaction  child = { .sa_handler = on_child,
                                .sa_flags = SA_NOCLDSTOP };

    if (sigaction(SIGTERM, &stop, NULL) == -1
        || sigaction(SIGINT, &stop, NULL) == -1
        || sigaction(SIGCHLD, &child, NULL) == -1)
    {
        return 1;
    }

    for ( ;; ) {
        pause();
    }
}
