/*
 * What the verbs share: complaints, folders, the program's own files.
 */

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"


int
kecs_die(const char *fmt, ...)
{
    va_list  args;

    (void) fflush(stdout);
    fprintf(stderr, "kecs: ");
    va_start(args, fmt);
    (void) vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\n");

    return 1;
}


bool
kecs_make_folder(const char *path)
{
    char   text[PATH_MAX], *p;
    int    n;

    n = snprintf(text, sizeof(text), "%s", path);

    if (n < 0 || (size_t) n >= sizeof(text)) {
        (void) kecs_die("the path of the data folder is too long");
        return false;
    }

    for (p = strchr(text + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
        *p = '\0';
        (void) mkdir(text, 0755);
        *p = '/';
    }

    if (mkdir(text, 0700) != 0 && errno != EEXIST) {
        (void) kecs_die("cannot make the folder %s: %s", path,
                        strerror(errno));
        return false;
    }

    return true;
}


const char *
kecs_program_file_maybe(const char *name)
{
    char                      dir[PATH_MAX / 2], *slash;
    size_t                    i;
    ssize_t                   n;
    static char               path[PATH_MAX];
    static const char *const  places[] = {
        "%s/%s", "%s/../%s", "%s/../conf/%s", "%s/../../conf/%s",
        "%s/../lib/nginx/modules/%s", "%s/../share/kecs/%s"
    };

    n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);

    if (n > 0) {
        dir[n] = '\0';
        slash = strrchr(dir, '/');
        *slash = '\0';

        for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
            (void) snprintf(path, sizeof(path), places[i], dir, name);

            if (access(path, R_OK) == 0) {
                return strdup(path);
            }
        }
    }

    return NULL;
}


const char *
kecs_program_file(const char *name)
{
    const char  *path;

    path = kecs_program_file_maybe(name);

    if (path == NULL) {
        (void) kecs_die("%s is not where it should be; was it built?"
                        " (make all)", name);
    }

    return path;
}
