/*
 * DATA/reconciler.status: what a person, /readyz and the command line tool
 * may know, one "key value" per line.  Replaced as a whole by rename.  Its
 * time tells whether the reconciler is alive.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "../base/log.h"
#include "reconciler.h"


#define EVERY     1000
#define PATH_LONGEST 4096


static bool
is_ready(kecs_reconciler_t *r, char *why, size_t size)
{
    if (!r->loaded) {
        (void) snprintf(why, size, "loading");
        return false;
    }

    if (r->store_rc != KECS_OK) {
        (void) snprintf(why, size, "the store cannot be written: %s",
                        kecs_rc_name(r->store_rc));
        return false;
    }

    if (!r->synced) {
        (void) snprintf(why, size, "%s", r->unsynced_why[0] != '\0'
                        ? r->unsynced_why
                        : "the runtime has not reported yet");
        return false;
    }

    why[0] = '\0';

    return r->rt->ops->ready(r->rt, why, size);
}


static void
print(kecs_reconciler_t *r, FILE *f, bool ready, const char *why)
{
    kecs_store_info_t  info;

    kecs_store_info(r->store, &info);

    fprintf(f, "time %" PRId64 "\n", kecs_wall_clock());
    fprintf(f, "pid %ld\n", (long) getpid());
    fprintf(f, "runtime %s\n", r->rt->ops->name);
    fprintf(f, "choice %s\n", r->choice);
    fprintf(f, "ready %d\n", ready);
    fprintf(f, "why %s\n", why);
    fprintf(f, "seq %" PRIu64 "\n", r->seq);
    fprintf(f, "lag %" PRIu64 "\n", info.seq > r->seq ? info.seq - r->seq
                                                      : 0);
    fprintf(f, "tasks %zu\n", r->tasks.n);
    fprintf(f, "services %zu\n", r->services.n);
    fprintf(f, "actions %" PRIu64 "\n", r->actions);
}


static bool
replace(kecs_reconciler_t *r, bool ready, const char *why)
{
    int    bad;
    FILE  *f;
    char   name[PATH_LONGEST], temp[PATH_LONGEST + 8];

    (void) snprintf(name, sizeof(name), "%s/reconciler.status", r->data);
    (void) snprintf(temp, sizeof(temp), "%s.new", name);

    f = fopen(temp, "we");
    if (f == NULL) {
        return false;
    }

    print(r, f, ready, why);
    bad = ferror(f);
    bad |= fclose(f);

    return !bad && rename(temp, name) == 0;
}


void
kecs_status_write(kecs_reconciler_t *r, bool force)
{
    bool         ready;
    char         why[256];
    kecs_msec_t  now;

    now = kecs_monotonic();
    ready = is_ready(r, why, sizeof(why));

    if (!force && ready == r->was_ready && now < r->status_at) {
        return;
    }

    if (!replace(r, ready, why)) {
        kecs_log(KECS_LOG_WARN, "the status file cannot be written: %d",
                 errno);
    }

    if (ready != r->was_ready) {
        kecs_log(KECS_LOG_NOTICE, "%s%s%s", ready ? "ready" : "not ready",
                 why[0] != '\0' ? ": " : "", why);
    }

    r->was_ready = ready;
    r->status_at = now + EVERY;
}
