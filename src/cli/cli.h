/*
 * The kecs tool: what its verbs share.
 */

#ifndef KECS_CLI_H
#define KECS_CLI_H


#include <stdio.h>
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
    bool         spaces;            /* each ECS cluster has its own */
    const char  *upstream;          /* or NULL */
    const char  *upstream_credentials;      /* absolute, or NULL */
    const char  *upstream_profile;
    const char  *account;
    const char  *region;
    const char  *log_level;
    const char  *access_log;        /* absolute, or NULL */
    const char  *audit_log;         /* absolute, or NULL */
    const char  *since;             /* events: these five, or NULL */
    const char  *cluster;
    const char  *kind;
    const char  *arn;
    const char  *endpoint;
    const char  *sets[KECS_SETS_MAX];   /* "name=value", for the reconciler */
    unsigned     n_sets;
    bool         replace;           /* restore: over an existing store */
    bool         json;              /* for machines */
    bool         follow;            /* events: go on */
    bool         account_given;
    bool         region_given;
    bool         port_given;
    bool         admin_port_given;
    char       **args;              /* what is not a flag */
    int          n_args;
} kecs_options_t;

/* Does a verb; the exit status of the program. */
typedef int (*kecs_verb_pt)(kecs_options_t *o);

/*
 * What the tool can do: its usage, its completions and its manual page all
 * come from these two tables.  `flags` are names of flags with blanks
 * between them, `more` is a paragraph or several, or "".
 */
typedef struct {
    const char    *name;
    kecs_verb_pt   run;
    const char    *args;            /* "FILE", "[VERB]", "" */
    const char    *help;
    const char    *flags;
    const char    *more;
} kecs_verb_t;

typedef enum {
    KECS_FLAG_TEXT = 0,
    KECS_FLAG_NUMBER,
    KECS_FLAG_SET,
    KECS_FLAG_SWITCH
} kecs_flag_type_t;

typedef struct {
    const char        *name;
    kecs_flag_type_t   type;
    size_t             offset;      /* in kecs_options_t */
    const char        *value;       /* "FILE", or "one|another"; "": none */
    const char        *help;
} kecs_flag_t;

extern const kecs_verb_t  kecs_verbs[];     /* name NULL: the end */
extern const kecs_flag_t  kecs_flags[];

/* NULL: there is none of that name. */
const kecs_verb_t *kecs_verb_find(const char *name);

/* `word` is one of those in `list`, which has blanks between them. */
bool kecs_has_word(const char *list, const char *word);

/* All verbs and flags; 0 on stdout, otherwise 2, for return statements. */
int kecs_usage(FILE *to);

/* Prints and frees what a writer has made; 0, or 1 when memory ended. */
int kecs_print_json(kecs_buf_t *b);

int kecs_help(kecs_options_t *o);
int kecs_completion(kecs_options_t *o);
int kecs_status(kecs_options_t *o);
int kecs_events(kecs_options_t *o);
int kecs_doctor(kecs_options_t *o);
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

/* The same for one that need not be there: nothing is said. */
const char *kecs_program_file_maybe(const char *name);

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

/*
 * The process that holds the flock() on a file of the data folder, by the
 * kernel's table of locks; 0: nobody, or nobody that can be seen from here.
 */
pid_t kecs_lock_owner(const char *data, const char *name);

/* The same of one line of that table, for the file of that inode. */
pid_t kecs_lock_line(const char *line, ino_t file);

/*
 * Where `kecs up` serves, as it has written down in DATA/endpoint: URLs
 * without a slash at the end, empty when unknown.
 */
#define KECS_URL_SIZE  128

typedef struct {
    char  api[KECS_URL_SIZE];
    char  admin[KECS_URL_SIZE];
} kecs_endpoint_t;

void kecs_endpoint_read(const char *data, kecs_endpoint_t *e);

/*
 * GET of a path of the admin port, on loopback, within a second.  The HTTP
 * status and the answer's body; 0: no answer.
 */
unsigned kecs_ask(unsigned port, const char *path, char *body, size_t size);

/* The value of one key of the reconciler's status; empty when unknown. */
void kecs_said(kecs_str_t status, const char *key, char *out, size_t size);

/* Makes a folder (mode 0700) and its parents; false: said why. */
bool kecs_make_folder(const char *path);


#endif
