/*
 * DATA/reconciler.status (see store/status_file.h): what a person, /readyz
 * and the command line tool may know.  Its time tells whether the reconciler
 * is alive.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "../base/log.h"
#include "../store/status_file.h"
#include "reconciler.h"


#define EVERY       1000
#define CHOICE_MAX  1000


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


/* How many tasks are in which state, and how much waits to be done. */

static void
print_tasks(kecs_reconciler_t *r, kecs_buf_t *b)
{
    size_t                   in[KECS_TASK_STOPPED + 1];
    unsigned                 i;
    const kecs_live_task_t  *t;

    memset(in, 0, sizeof(in));

    for (t = r->all_tasks; t != NULL; t = t->next) {
        in[t->sched.status <= KECS_TASK_STOPPED ? t->sched.status : 0]++;
    }

    for (i = KECS_TASK_PROVISIONING; i < KECS_TASK_STOPPED; i++) {
        kecs_buf_printf(b, "tasks.%s %zu\n", kecs_task_status_name(i),
                        in[i]);
    }
}


static size_t
length(const kecs_todo_t *todo)
{
    size_t                   n;
    const kecs_live_task_t  *t;

    n = 0;

    for (t = todo->first; t != NULL; t = t->todo_next) {
        n++;
    }

    return n;
}


static void
print_queues(kecs_reconciler_t *r, kecs_buf_t *b)
{
    size_t                      services, news;
    const kecs_news_t          *n;
    const kecs_live_service_t  *s;

    services = 0;
    news = 0;

    for (s = r->dirty; s != NULL; s = s->dirty_next) {
        services++;
    }

    for (n = r->news; n != NULL; n = n->next) {
        news++;
    }

    kecs_buf_printf(b, "queue.starts %zu\nqueue.stops %zu\n"
                    "queue.services %zu\nqueue.news %zu\n",
                    length(&r->starts), length(&r->stops), services, news);
}


/*
 * How old what has not been seen is: the oldest change of the store, and
 * what came last of the runtime.
 */

static void
print_lags(kecs_reconciler_t *r, kecs_buf_t *b, uint64_t last)
{
    kecs_txn_t   *txn;
    kecs_msec_t   made, lag, silent;

    lag = 0;

    if (last > r->seq && kecs_read_begin(r->store, &txn) == KECS_OK) {
        if (kecs_log_time(txn, r->seq + 1, &made) == KECS_OK) {
            lag = kecs_wall_clock() - made;
        }

        kecs_read_end(txn);
    }

    silent = r->rt->ops->silent != NULL ? r->rt->ops->silent(r->rt) : 0;
    kecs_buf_printf(b, "lag_ms %" PRId64 "\n", lag > 0 ? lag : 0);

    if (silent >= 0) {
        kecs_buf_printf(b, "silent_ms %" PRId64 "\n", silent);
    }
}


static void
print(kecs_reconciler_t *r, kecs_buf_t *b, bool ready, const char *why)
{
    kecs_store_info_t  info;

    kecs_store_info(r->store, &info);

    kecs_buf_printf(b, "time %" PRId64 "\n", kecs_wall_clock());
    kecs_buf_printf(b, "pid %ld\n", (long) getpid());
    kecs_buf_printf(b, "runtime %s\n", r->rt->ops->name);
    kecs_buf_printf(b, "choice %.*s\n", CHOICE_MAX, r->choice);
    kecs_buf_printf(b, "ready %d\n", ready);
    kecs_buf_printf(b, "why %s\n", why);
    kecs_buf_printf(b, "seq %" PRIu64 "\n", r->seq);
    kecs_buf_printf(b, "lag %" PRIu64 "\n",
                    info.seq > r->seq ? info.seq - r->seq : 0);
    print_lags(r, b, info.seq);
    kecs_buf_printf(b, "tasks %zu\n", r->tasks.n);
    kecs_buf_printf(b, "services %zu\n", r->services.n);
    kecs_buf_printf(b, "actions %" PRIu64 "\n", r->actions);
    kecs_buf_printf(b, "losses %" PRIu64 "\n", r->contact);
    print_tasks(r, b);
    print_queues(r, b);
}


static kecs_rc_t
put(kecs_reconciler_t *r, bool ready, const char *why)
{
    kecs_rc_t   rc;
    kecs_buf_t  b;

    kecs_buf_init(&b, NULL, KECS_STATUS_SIZE);
    print(r, &b, ready, why);

    rc = b.failed ? KECS_NOMEM : kecs_status_put(r->data, kecs_buf_view(&b));
    kecs_buf_free(&b);

    return rc;
}


void
kecs_status_write(kecs_reconciler_t *r, bool force)
{
    bool         ready;
    char         why[256];
    kecs_rc_t    rc;
    kecs_msec_t  now;

    now = kecs_monotonic();
    ready = is_ready(r, why, sizeof(why));

    if (!force && ready == r->was_ready && now < r->status_at) {
        return;
    }

    rc = put(r, ready, why);

    if (rc != KECS_OK) {
        kecs_log(KECS_LOG_WARN, "the status file cannot be written: %s",
                 rc == KECS_IO ? strerror(errno) : kecs_rc_name(rc));
    }

    if (ready != r->was_ready) {
        kecs_log(KECS_LOG_NOTICE, "%s%s%s", ready ? "ready" : "not ready",
                 why[0] != '\0' ? ": " : "", why);
    }

    r->was_ready = ready;
    r->status_at = now + EVERY;
}
