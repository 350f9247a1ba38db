/*
 * The kecs tool: `kecs VERB [flags]`.  Verbs and flags are the tables of
 * verbs.c.
 */

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"


#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))


static bool
set_number(unsigned *to, const char *name, const char *value)
{
    uint64_t  n;

    if (!kecs_str_u64(kecs_str_of(value), &n) || n > 65535) {
        (void) kecs_die("--%s takes a number up to 65535, not \"%s\"", name,
                        value);
        return false;
    }

    *to = (unsigned) n;

    return true;
}


static bool
set_flag(kecs_options_t *o, const kecs_flag_t *flag, const char *value)
{
    char  *to;

    to = (char *) o + flag->offset;
    o->port_given |= strcmp(flag->name, "port") == 0;
    o->admin_port_given |= strcmp(flag->name, "admin-port") == 0;
    o->account_given |= strcmp(flag->name, "account") == 0;
    o->region_given |= strcmp(flag->name, "region") == 0;

    switch (flag->type) {

    case KECS_FLAG_TEXT:
        *(const char **) to = value;
        return true;

    case KECS_FLAG_NUMBER:
        return set_number((unsigned *) to, flag->name, value);

    case KECS_FLAG_SWITCH:
        *(bool *) to = true;
        return true;

    default: /* KECS_FLAG_SET */
        if (strchr(value, '=') == NULL || o->n_sets == KECS_SETS_MAX) {
            (void) kecs_die("--set takes NAME=VALUE");
            return false;
        }

        o->sets[o->n_sets++] = value;
        return true;
    }
}


static const kecs_flag_t *
flag_find(const char *name, size_t len)
{
    const kecs_flag_t  *f;

    for (f = kecs_flags; f->name != NULL; f++) {
        if (strlen(f->name) == len && strncmp(f->name, name, len) == 0) {
            return f;
        }
    }

    return NULL;
}


/* --name value and --name=value; everything else is an argument. */

static bool
parse(kecs_options_t *o, int argc, char **argv)
{
    int                 n;
    size_t              len;
    const char         *name, *value;
    const kecs_flag_t  *flag;

    for (n = 0; n < argc; n++) {

        if (strncmp(argv[n], "--", 2) != 0) {
            o->args[o->n_args++] = argv[n];
            continue;
        }

        name = argv[n] + 2;
        len = strcspn(name, "=");
        value = name[len] == '=' ? name + len + 1 : NULL;
        flag = flag_find(name, len);

        if (flag == NULL) {
            (void) kecs_die("unknown flag %s; see kecs help", argv[n]);
            return false;
        }

        if (value == NULL && flag->type != KECS_FLAG_SWITCH) {
            if (n + 1 == argc) {
                (void) kecs_die("--%s needs a value", flag->name);
                return false;
            }

            value = argv[++n];
        }

        if (!set_flag(o, flag, value)) {
            return false;
        }
    }

    return true;
}


/* $XDG_STATE_HOME/kecs, ~/.local/state/kecs. */

static const char *
default_data(void)
{
    const char     *base;
    struct passwd  *pw;
    static char     path[PATH_MAX];

    base = getenv("XDG_STATE_HOME");

    if (base != NULL && base[0] == '/') {
        (void) snprintf(path, sizeof(path), "%s/kecs", base);
        return path;
    }

    base = getenv("HOME");

    if (base == NULL || base[0] != '/') {
        pw = getpwuid(getuid());
        base = pw != NULL ? pw->pw_dir : "/tmp";
    }

    (void) snprintf(path, sizeof(path), "%s/.local/state/kecs", base);

    return path;
}


/* On the heap when it was not absolute: it lives as long as the program. */

static const char *
absolute(const char *path)
{
    char    cwd[PATH_MAX], *full;
    size_t  size;

    if (path == NULL || path[0] == '/' || getcwd(cwd, sizeof(cwd)) == NULL) {
        return path;
    }

    size = strlen(cwd) + strlen(path) + 2;
    full = malloc(size);

    if (full == NULL) {
        return path;
    }

    (void) snprintf(full, size, "%s/%s", cwd, path);

    return full;
}


/* A path that can stand in quotes in nginx's configuration. */

static bool
path_valid(const char *what, const char *path)
{
    size_t  i;

    for (i = 0; path != NULL && path[i] != '\0'; i++) {
        if ((unsigned char) path[i] < ' ' || strchr("\"\\$", path[i]) != NULL)
        {
            (void) kecs_die("the path of the %s cannot have quotes,"
                            " backslashes, dollar or control characters",
                            what);
            return false;
        }
    }

    return true;
}


/* What no verb could use; the rest is checked by who does. */

static bool
options_valid(const kecs_options_t *o)
{
    size_t                    i;
    static const char *const  runtimes[] = {
        "auto", "kubernetes", "simulated"
    };

    if (o->port == 0 || o->admin_port == 0 || o->port == o->admin_port) {
        (void) kecs_die("--port and --admin-port are two different ports");
        return false;
    }

    if (o->workers == 0) {
        (void) kecs_die("--workers takes a number from 1 on");
        return false;
    }

    /* it goes into nginx.conf, in quotes */

    if (!path_valid("data folder", o->data)
        || !path_valid("access log", o->access_log)
        || !path_valid("audit log", o->audit_log))
    {
        return false;
    }

    for (i = 0; i < COUNT(runtimes); i++) {
        if (strcmp(runtimes[i], o->runtime) == 0) {
            return true;
        }
    }

    (void) kecs_die("there is no runtime \"%s\"; there are auto, kubernetes,"
                    " simulated", o->runtime);

    return false;
}


static void
defaults(kecs_options_t *o)
{
    long  cores;

    memset(o, 0, sizeof(kecs_options_t));

    cores = sysconf(_SC_NPROCESSORS_ONLN);

    o->port = KECS_PORT;
    o->admin_port = KECS_ADMIN_PORT;
    o->workers = cores > 0 ? (unsigned) cores : 1;
    o->data = default_data();
    o->runtime = "auto";
    o->account = "000000000000";
    o->region = "us-east-1";
    o->log_level = "notice";
}


/* "FILE" takes one argument, "[VERB]" one or none. */

static bool
args_valid(const kecs_verb_t *verb, const kecs_options_t *o)
{
    if (o->n_args == (verb->args[0] != '\0')
        || (o->n_args == 0 && verb->args[0] == '['))
    {
        return true;
    }

    (void) kecs_die("usage: kecs %s %s", verb->name, verb->args);

    return false;
}


int
main(int argc, char **argv)
{
    kecs_options_t      o;
    const kecs_verb_t  *verb;

    if (argc < 2) {
        return kecs_usage(stderr);
    }

    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        return kecs_usage(stdout);
    }

    verb = kecs_verb_find(argv[1]);

    if (verb == NULL) {
        (void) kecs_die("unknown verb \"%s\"", argv[1]);
        return kecs_usage(stderr);
    }

    defaults(&o);
    o.args = argv;

    if (argc > 2 && strcmp(argv[2], "--help") == 0) {
        o.n_args = 1;
        o.args[0] = argv[1];
        return kecs_help(&o);
    }

    if (!parse(&o, argc - 2, argv + 2) || !args_valid(verb, &o)) {
        return 2;
    }

    o.data = absolute(o.data);
    o.access_log = absolute(o.access_log);
    o.upstream_credentials = absolute(o.upstream_credentials);
    o.audit_log = absolute(o.audit_log);

    if (!options_valid(&o)) {
        return 2;
    }

    return verb->run(&o);
}
