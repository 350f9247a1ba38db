/*
 * down, release: run the reconciler in a mode that ends by itself.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"


char **
kecs_reconciler_argv(const kecs_options_t *o, const char *mode)
{
    unsigned      i, n;
    static char  *argv[32 + 2 * KECS_SETS_MAX];
    const struct {
        const char  *flag;
        const char  *value;
    } pairs[] = {
        { "--data", o->data },
        { "--runtime", o->runtime },
        { "--kubeconfig", o->kubeconfig },
        { "--context", o->context },
        { "--namespace", o->namespace },
        { "--namespace-per-cluster", o->spaces ? "1" : NULL },
        { "--upstream", o->upstream },
        { "--upstream-credentials", o->upstream_credentials },
        { "--upstream-profile", o->upstream_profile },
        { "--log-level", o->log_level }
    };

    n = 0;
    argv[n] = (char *) (uintptr_t) kecs_program_file("kecs-reconciler");

    if (argv[n++] == NULL) {
        return NULL;
    }

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (pairs[i].value != NULL) {
            argv[n++] = (char *) (uintptr_t) pairs[i].flag;
            argv[n++] = (char *) (uintptr_t) pairs[i].value;
        }
    }

    for (i = 0; i < o->n_sets; i++) {
        argv[n++] = (char *) (uintptr_t) "--set";
        argv[n++] = (char *) (uintptr_t) o->sets[i];
    }

    if (mode != NULL) {
        argv[n++] = (char *) (uintptr_t) mode;
    }

    argv[n] = NULL;

    return argv;
}


static int
run(const kecs_options_t *o, const char *mode)
{
    char          **argv;
    char            path[PATH_MAX + 16];

    (void) snprintf(path, sizeof(path), "%s/data.mdb", o->data);

    if (access(path, F_OK) != 0) {
        return kecs_die("there is no store in %s: %s", o->data,
                        strerror(errno));
    }

    argv = kecs_reconciler_argv(o, mode);

    if (argv == NULL) {
        return 1;
    }

    (void) execv(argv[0], argv);

    return kecs_die("cannot run %s: %s", argv[0], strerror(errno));
}


int
kecs_down(kecs_options_t *o)
{
    return run(o, "--drain");
}


int
kecs_release(kecs_options_t *o)
{
    return run(o, "--release");
}
