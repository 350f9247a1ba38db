/*
 * The kecs tool: what its verbs share.
 */

#ifndef KECS_CLI_H
#define KECS_CLI_H


#include <sys/types.h>

#include "../base/buf.h"
#include "../base/str.h"


#define KECS_PORT        8080
#define KECS_ADMIN_PORT  8081
#define KECS_SETS_MAX    64

typedef struct {
    unsigned     port;
    unsigned     admin_port;
    unsigned     workers;
    const char  *data;              /* absolute */
    const char  *runtime;
    const char  *kubeconfig;        /* or NULL */
    const char  *context;
    const char  *namespace;
    const char  *account;
    const char  *region;
    const char  *log_level;
    const char  *access_log;        /* absolute, or NULL */
    const char  *sets[KECS_SETS_MAX];   /* "name=value", for the reconciler */
    unsigned     n_sets;
    bool         replace;           /* restore: over an existing store */
    bool         port_given;
    char       **args;              /* what is not a flag */
    int          n_args;
} kecs_options_t;

/* A verb; the exit status of the program. */
typedef int (*kecs_verb_pt)(kecs_options_t *o);

int kecs_up(kecs_options_t *o);
int kecs_env(kecs_options_t *o);
int kecs_down(kecs_options_t *o);
int kecs_release(kecs_options_t *o);
int kecs_check(kecs_options_t *o);
int kecs_backup(kecs_options_t *o);
int kecs_restore(kecs_options_t *o);

/* "kecs: ..." on standard error; returns 1, for return statements. */
int kecs_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * A file that belongs to the program (the module, the reconciler, the
 * configuration template): beside the binary, in the source tree, or where
 * a package puts it.  NULL: not found, which has been said.
 */
const char *kecs_program_file(const char *name);

/* The reconciler's command line, NULL-terminated, in static memory. */
char **kecs_reconciler_argv(const kecs_options_t *o, const char *mode);

/*
 * Children of an `up` that was killed.  `note` keeps the process group of
 * a child in the lock file; `wait` returns when nobody has the store open,
 * after it has ended those that were left, or after three seconds; `lives`
 * tells whether a group of that number is there.
 */
#define KECS_FORMER_SLOTS  2

void kecs_former_note(int lock_fd, int slot, pid_t group);
void kecs_former_wait(const char *data, int lock_fd);
bool kecs_former_lives(int lock_fd);

/* Makes a folder (mode 0700) and its parents; false: said why. */
bool kecs_make_folder(const char *path);


#endif
