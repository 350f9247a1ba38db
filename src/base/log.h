/*
 * Logging seam: code below nginx and the daemons logs through a function
 * that its program installs (nginx's error log, standard error).  May be
 * called from any thread; the message is one line without a newline.
 * Secrets and request bodies are never logged.
 */

#ifndef KECS_LOG_H
#define KECS_LOG_H


#include "rc.h"


typedef enum {
    KECS_LOG_ERROR = 0,
    KECS_LOG_WARN,
    KECS_LOG_NOTICE,
    KECS_LOG_INFO,
    KECS_LOG_DEBUG
} kecs_level_t;

typedef void (*kecs_log_pt)(void *ctx, kecs_level_t level, const char *line);


/* Installs the sink (default: standard error) and the most verbose level. */
void kecs_log_to(kecs_log_pt sink, void *ctx, kecs_level_t max);

void kecs_log(kecs_level_t level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* "error", "warn", ...; false when it is none of them. */
int kecs_level_parse(const char *name, kecs_level_t *level);
const char *kecs_level_name(kecs_level_t level);

/*
 * The level in the file "log-level" of a folder, which is read again on a
 * reload and goes before a program's flag.  KECS_NOT_FOUND: there is none;
 * KECS_INVALID: it has another word, or cannot be read.
 */
#define KECS_LEVEL_FILE  "log-level"
kecs_rc_t kecs_level_read(const char *folder, kecs_level_t *level);


#endif
