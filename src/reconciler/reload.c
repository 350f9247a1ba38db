/*
 * Reloading: what may change while the reconciler runs.
 */

#include "reconciler.h"


/* Told at the more talkative of the two levels. */

static void
set_level(kecs_reconciler_t *r, kecs_level_t level)
{
    if (level == r->level) {
        return;
    }

    if (level > r->level) {
        kecs_log_to(NULL, NULL, level);
    }

    kecs_log(KECS_LOG_NOTICE, "log level %s, was %s", kecs_level_name(level),
             kecs_level_name(r->level));

    kecs_log_to(NULL, NULL, level);
    r->level = level;
}


void
kecs_reload(kecs_reconciler_t *r)
{
    kecs_rc_t     rc;
    kecs_level_t  level;

    rc = kecs_level_read(r->data, &level);

    if (rc == KECS_INVALID) {
        kecs_log(KECS_LOG_ERROR, "%s/" KECS_LEVEL_FILE " names no log level;"
                 " it stays %s", r->data, kecs_level_name(r->level));
        return;
    }

    set_level(r, rc == KECS_OK ? level : r->asked_level);
}
