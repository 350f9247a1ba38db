/*
 * The log seam.  The sink is set once at start, before other threads.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "log.h"


static void to_stderr(void *ctx, kecs_level_t level, const char *line);


static struct {
    kecs_log_pt    sink;
    void          *ctx;
    kecs_level_t   max;
} target = { to_stderr, NULL, KECS_LOG_NOTICE };

static const char *const  names[] = {
    "error", "warn", "notice", "info", "debug"
};


static void
to_stderr(void *ctx, kecs_level_t level, const char *line)
{
    (void) ctx;
    (void) fprintf(stderr, "kecs: [%s] %s\n", names[level], line);
}


void
kecs_log_to(kecs_log_pt sink, void *ctx, kecs_level_t max)
{
    target.sink = sink ? sink : to_stderr;
    target.ctx = ctx;
    target.max = max;
}


void
kecs_log(kecs_level_t level, const char *fmt, ...)
{
    char     line[1024], *p;
    va_list  args;

    if (level > target.max) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);

    for (p = line; *p != '\0'; p++) {
        if ((unsigned char) *p < 0x20) {
            *p = ' ';
        }
    }

    target.sink(target.ctx, level, line);
}


const char *
kecs_level_name(kecs_level_t level)
{
    return names[level];
}


kecs_rc_t
kecs_level_read(const char *folder, kecs_level_t *level)
{
    char   path[4096], word[16];
    bool   ok;
    FILE  *f;

    (void) snprintf(path, sizeof(path), "%s/" KECS_LEVEL_FILE, folder);
    f = fopen(path, "re");

    if (f == NULL) {
        return errno == ENOENT ? KECS_NOT_FOUND : KECS_INVALID;
    }

    ok = fscanf(f, "%15s", word) == 1 && kecs_level_parse(word, level);
    (void) fclose(f);

    return ok ? KECS_OK : KECS_INVALID;
}


int
kecs_level_parse(const char *name, kecs_level_t *level)
{
    unsigned  i;

    for (i = 0; i <= KECS_LOG_DEBUG; i++) {
        if (strcmp(name, names[i]) == 0) {
            *level = (kecs_level_t) i;
            return 1;
        }
    }

    return 0;
}
