/*
 * The loop.  Each round: what the runtime has to say, what the store has to
 * say, then what follows from both: records, requests to the runtime,
 * services, expiry, status.  Every part does a bounded piece of work and
 * leaves the rest to the next round, so that a signal is never kept
 * waiting.
 */

#include <sys/signalfd.h>
#include <signal.h>
#include <unistd.h>

#include "../base/log.h"
#include "reconciler.h"


#define TICK  1000


/* The last two: of the endpoint and the upstream, where there is one. */
enum { FD_SIGNAL = 0, FD_RELOAD, FD_WAKE, FD_MORE, FDS = FD_MORE + 2 };


static kecs_rc_t
read_log(kecs_reconciler_t *r)
{
    kecs_rc_t    rc;
    kecs_txn_t  *txn;

    rc = kecs_read_begin(r->store, &txn);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = kecs_view_follow(r, txn);
    kecs_read_end(txn);

    return rc;
}


/* Brings the view up to date; false when the store cannot be read. */

static bool
follow(kecs_reconciler_t *r)
{
    kecs_rc_t  rc;

    rc = r->loaded ? read_log(r) : KECS_NOT_FOUND;

    if (rc == KECS_NOT_FOUND) {
        if (r->loaded) {
            kecs_log(KECS_LOG_NOTICE, "the change log does not reach back to"
                     " %llu: loading again", (unsigned long long) r->seq);
        }

        r->loaded = false;
        rc = kecs_view_load(r);
    }

    if (rc != KECS_OK) {
        kecs_store_failed(r, "read", rc);
    }

    return rc == KECS_OK;
}


static kecs_msec_t
sooner(kecs_msec_t wait, kecs_msec_t at, kecs_msec_t now)
{
    if (at == 0) {
        return wait;
    }

    if (at <= now) {
        return 0;
    }

    return at - now < wait ? at - now : wait;
}


/* How long there is nothing to do. */

static int
idle(const kecs_reconciler_t *r)
{
    kecs_msec_t  now, wait;

    now = kecs_monotonic();
    wait = sooner(TICK, r->tick_at, now);
    wait = sooner(wait, kecs_endpoint_due(r->endpoint), now);

    if (now < r->store_at) {
        return (int) sooner(wait, r->store_at, now);
    }

    if (!r->loaded || r->news != NULL || r->dirty != NULL
        || (r->expose != NULL && !r->draining))
    {
        return 0;
    }

    if (r->synced || (r->rt->ops->caps & KECS_RT_SIMULATED)) {
        if (r->starts.first != NULL) {
            wait = sooner(wait, r->starts_at ? r->starts_at : now, now);
        }

        if (r->stops.first != NULL) {
            wait = sooner(wait, r->stops_at ? r->stops_at : now, now);
        }
    }

    wait = sooner(wait, r->expiry_at, now);
    wait = sooner(wait, kecs_nodes_due(r), now);
    wait = sooner(wait, kecs_alarms_due(r), now);

    return (int) sooner(wait, r->services_at, kecs_wall_clock());
}


static void
tick(kecs_reconciler_t *r)
{
    kecs_msec_t  now;

    now = kecs_monotonic();

    if (now < r->tick_at) {
        return;
    }

    r->tick_at = now + TICK;
    kecs_definitions_trim(r->definitions);
    kecs_drive_sweep(r);
}


/* One round; errors of the store have been told where they were met. */

static void
go_round(kecs_reconciler_t *r)
{
    if (!follow(r)) {
        return;
    }

    if (r->news == NULL) {
        r->rt->ops->run(r->rt);
    }

    kecs_news_write(r);

    if (!follow(r)) {
        return;
    }

    tick(r);
    kecs_drive(r);

    if (r->draining) {
        kecs_drive_drain(r);

    } else {
        kecs_nodes_follow(r);
        kecs_services_due(r, kecs_wall_clock());
        kecs_rollout(r);
        kecs_alarms_ask(r);
        kecs_expose(r);
        kecs_expiry(r);
    }
}


/* True when a signal asks to end. */

static bool
asked_to_end(int fd)
{
    struct signalfd_siginfo  info;

    while (read(fd, &info, sizeof(info)) == (ssize_t) sizeof(info)) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
            return true;
        }
    }

    return false;
}


static void
reload_if_asked(kecs_reconciler_t *r)
{
    bool                     asked;
    struct signalfd_siginfo  info;

    for (asked = false;
         read(r->reloads, &info, sizeof(info)) == (ssize_t) sizeof(info);
         asked = true)
    {
        /* void */
    }

    if (asked) {
        kecs_reload(r);
    }
}


static bool
is_drained(kecs_reconciler_t *r)
{
    r->drained = r->draining && r->loaded && r->tasks.n == 0;

    return r->drained;
}


/* While news waits for the store, the runtime's own input is left alone. */

static void
wait_for_input(kecs_reconciler_t *r, struct pollfd *fds, unsigned n)
{
    if (r->news != NULL) {
        (void) poll(fds, n, idle(r));

    } else {
        r->rt->ops->wait(r->rt, fds, n, idle(r));
    }
}


/* How many there are; those of what there is none of are left out. */

static unsigned
inputs(const kecs_reconciler_t *r, int signals, struct pollfd *fds)
{
    size_t     i;
    unsigned   n;
    const int  more[] = {
        kecs_endpoint_fd(r->endpoint), kecs_upstream_fd(r->upstream)
    };

    fds[FD_SIGNAL] = (struct pollfd) { signals, POLLIN, 0 };
    fds[FD_RELOAD] = (struct pollfd) { r->reloads, POLLIN, 0 };
    fds[FD_WAKE] = (struct pollfd) { kecs_wake_watch(r->data), POLLIN, 0 };
    n = FD_MORE;

    for (i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        if (more[i] != -1) {
            fds[n++] = (struct pollfd) { more[i], POLLIN, 0 };
        }
    }

    return n;
}


kecs_rc_t
kecs_loop(kecs_reconciler_t *r, int signals)
{
    unsigned       n;
    struct pollfd  fds[FDS];

    n = inputs(r, signals, fds);

    if (fds[FD_WAKE].fd == -1) {
        kecs_log(KECS_LOG_ERROR, "cannot watch %s", r->data);
        return KECS_IO;
    }

    while (!asked_to_end(signals) && !r->failed && !is_drained(r)) {
        reload_if_asked(r);

        if (r->upstream != NULL) {
            kecs_upstream_run(r->upstream);
        }

        kecs_endpoint_run(r->endpoint);
        go_round(r);
        kecs_status_write(r, false);

        wait_for_input(r, fds, n);
        (void) kecs_wake_drain(fds[FD_WAKE].fd);
    }

    (void) close(fds[FD_WAKE].fd);

    return r->failed ? KECS_NOMEM : KECS_OK;
}
