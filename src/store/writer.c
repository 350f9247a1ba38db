/*
 * The writer's role and thread (see writer.h).
 *
 * The role is an flock() on DATA/writer.lock, so it is gone with its holder.
 * The thread owns the connections, the batch and the arena; other threads
 * only set flags, wake it through an eventfd, and read atomics.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../base/log.h"
#include "folder_socket.h"
#include "writer_impl.h"


#define CALL_MEMORY    (64u << 20)
#define CALL_CHUNK     (64u << 10)
#define ACCEPT_PAUSE   100              /* msec, out of descriptors */

#define POLL_EVENT     0
#define POLL_LISTEN    1
#define POLL_PEERS     2


/* Connections. */

static void
accept_one(kecs_writer_role_t *w, int fd)
{
    kecs_peer_t  *p;

    p = kecs_peer_new(fd);

    if (p == NULL) {
        close(fd);
        return;
    }

    w->peers[w->n++] = p;
}


void
kecs_writer_accept(kecs_writer_role_t *w)
{
    int  fd;

    while (w->listen_fd >= 0 && w->n < KECS_PEERS_MAX) {
        fd = accept4(w->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            accept_one(w, fd);
            continue;
        }

        if (errno == EINTR || errno == ECONNABORTED) {
            continue;
        }

        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            kecs_log(KECS_LOG_ERROR, "writer: accept: %s", strerror(errno));
            w->accept_after = kecs_monotonic() + ACCEPT_PAUSE;
        }

        return;
    }
}


void
kecs_writer_read(kecs_writer_role_t *w)
{
    unsigned  i;

    for (i = 0; i < w->n; i++) {
        kecs_peer_read(w->peers[i]);
    }
}


static bool
any_ready(kecs_writer_role_t *w)
{
    unsigned  i;

    for (i = 0; i < w->n; i++) {
        if (kecs_peer_ready(w->peers[i])) {
            return true;
        }
    }

    return false;
}


static void
flush_all(kecs_writer_role_t *w)
{
    unsigned  i;

    for (i = 0; i < w->n; i++) {
        kecs_peer_flush(w->peers[i]);
    }
}


/* Drops who is gone, or has said goodbye and got everything. */

static void
drop_gone(kecs_writer_role_t *w)
{
    unsigned      i, kept;
    kecs_peer_t  *p;

    for (i = 0, kept = 0; i < w->n; i++) {
        p = w->peers[i];

        if (p->gone || (p->bye && kecs_peer_pending(p) == 0)) {
            kecs_peer_free(p);
            continue;
        }

        w->peers[kept++] = p;
    }

    w->n = kept;
}


/* The thread. */

static void
listen_end(kecs_writer_role_t *w)
{
    if (w->listen_fd >= 0) {
        kecs_socket_unlink(w->folder, KECS_WRITER_SOCKET);
        close(w->listen_fd);
        w->listen_fd = -1;
    }
}


/* Takes in who waits, says goodbye to all, and accepts nobody more. */

static void
leave_begin(kecs_writer_role_t *w)
{
    unsigned      i;
    kecs_frame_t  f;

    kecs_writer_accept(w);
    listen_end(w);

    memset(&f, 0, sizeof(f));
    f.type = KECS_FRAME_GOAWAY;
    f.payload = kecs_str("");

    for (i = 0; i < w->n; i++) {
        if (!w->peers[i]->told) {
            kecs_peer_put(w->peers[i], &f);
            w->peers[i]->told = true;
        }
    }
}


static void
poll_prepare(kecs_writer_role_t *w, bool ready, int *timeout)
{
    bool            pause;
    unsigned        i;
    kecs_peer_t    *p;
    struct pollfd  *fds;

    fds = w->polls;
    pause = w->accept_after > kecs_monotonic();

    fds[POLL_EVENT].fd = w->event_fd;
    fds[POLL_EVENT].events = POLLIN;
    fds[POLL_LISTEN].fd = w->n < KECS_PEERS_MAX && !pause ? w->listen_fd
                                                          : -1;
    fds[POLL_LISTEN].events = POLLIN;

    for (i = 0; i < w->n; i++) {
        p = w->peers[i];
        fds[POLL_PEERS + i].fd = p->fd;
        fds[POLL_PEERS + i].events = (short)
            ((kecs_peer_wants(p) ? POLLIN : 0)
             | (kecs_peer_pending(p) ? POLLOUT : 0));
    }

    *timeout = ready ? 0 : pause ? ACCEPT_PAUSE : -1;
}


static void
poll_wait(kecs_writer_role_t *w, bool ready)
{
    int       n, timeout;
    unsigned  i;
    uint64_t  kicks;

    poll_prepare(w, ready, &timeout);

    n = poll(w->polls, w->n + POLL_PEERS, timeout);

    if (n <= 0) {
        return;
    }

    if (w->polls[POLL_EVENT].revents != 0) {
        (void) !read(w->event_fd, &kicks, sizeof(kicks));
    }

    for (i = 0; i < w->n; i++) {
        if (w->polls[POLL_PEERS + i].revents & (POLLERR | POLLHUP)) {
            w->peers[i]->gone = true;

        } else if (w->polls[POLL_PEERS + i].revents & POLLIN) {
            kecs_peer_read(w->peers[i]);
        }
    }

    if (w->polls[POLL_LISTEN].revents != 0) {
        kecs_writer_accept(w);
    }
}


static void
role_end(kecs_writer_role_t *w)
{
    listen_end(w);

    while (w->n > 0) {
        kecs_peer_free(w->peers[--w->n]);
    }

    close(w->lock_fd);
    w->lock_fd = -1;

    pthread_mutex_lock(&w->mutex);
    atomic_store(&w->gone, true);
    pthread_cond_broadcast(&w->cond);
    pthread_mutex_unlock(&w->mutex);
}


static void *
writer_main(void *arg)
{
    bool                 ready, leaving;
    kecs_writer_role_t  *w;

    w = arg;

    while (!atomic_load(&w->stop)) {

        leaving = atomic_load(&w->goaway);

        if (leaving) {
            leave_begin(w);
        }

        /*
         * In this order: sending may let a connection go on, looking for
         * calls takes the goodbyes, and then nobody is left to sleep on.
         */

        flush_all(w);
        ready = any_ready(w);
        drop_gone(w);

        if (leaving && w->n == 0) {
            break;
        }

        poll_wait(w, ready);

        if (any_ready(w)) {
            kecs_writer_batch(w);
        }
    }

    role_end(w);

    return NULL;
}


/* Start and stop, on the caller's thread. */

static kecs_rc_t
errno_rc(const char *what)
{
    kecs_log(KECS_LOG_ERROR, "writer: %s: %s", what, strerror(errno));

    switch (errno) {
    case EACCES:
    case EPERM:
    case EROFS:
        return KECS_DENIED;
    case ENOSPC:
    case EDQUOT:
        return KECS_FULL;
    case ENOMEM:
        return KECS_NOMEM;
    default:
        return KECS_IO;
    }
}


static kecs_rc_t
role_lock(kecs_writer_role_t *w)
{
    char  path[4096];

    if (!kecs_store_path(path, sizeof(path), w->folder, KECS_WRITER_LOCK)) {
        return KECS_INVALID;
    }

    w->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (w->lock_fd < 0) {
        return errno_rc(path);
    }

    kecs_give_to_owner(w->folder, KECS_WRITER_LOCK);

    if (flock(w->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? KECS_BUSY : errno_rc(path);
    }

    return KECS_OK;
}


static kecs_rc_t
role_listen(kecs_writer_role_t *w)
{
    w->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    if (w->event_fd < 0) {
        return errno_rc("eventfd");
    }

    w->listen_fd = kecs_socket_listen(w->folder, KECS_WRITER_SOCKET,
                                      KECS_PEERS_MAX);

    return w->listen_fd < 0 ? errno_rc("socket") : KECS_OK;
}


static kecs_rc_t
role_sync(kecs_writer_role_t *w)
{
    pthread_condattr_t  attr;

    if (pthread_condattr_init(&attr) != 0) {
        return KECS_NOMEM;
    }

    (void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);

    if (pthread_cond_init(&w->cond, &attr) == 0) {
        w->synced = pthread_mutex_init(&w->mutex, NULL) == 0;

        if (!w->synced) {
            pthread_cond_destroy(&w->cond);
        }
    }

    pthread_condattr_destroy(&attr);

    return w->synced ? KECS_OK : KECS_NOMEM;
}


/* The thread takes no signals: they are for the program's own loop. */

static kecs_rc_t
role_thread(kecs_writer_role_t *w)
{
    int       err;
    sigset_t  all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = pthread_create(&w->thread, NULL, writer_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);

    if (err != 0) {
        errno = err;
        return errno_rc("thread");
    }

    return KECS_OK;
}


static void
role_free(kecs_writer_role_t *w)
{
    listen_end(w);

    if (w->event_fd >= 0) {
        close(w->event_fd);
    }

    if (w->lock_fd >= 0) {
        close(w->lock_fd);
    }

    if (w->synced) {
        pthread_mutex_destroy(&w->mutex);
        pthread_cond_destroy(&w->cond);
    }

    kecs_buf_free(&w->replies);
    kecs_arena_destroy(w->arena);
    free(w->folder);
    free(w);
}


static kecs_rc_t
role_open(kecs_writer_role_t *w)
{
    kecs_rc_t  rc;

    if (w->folder == NULL || w->arena == NULL) {
        return KECS_NOMEM;
    }

    kecs_arena_limit(w->arena, CALL_MEMORY);

    rc = role_lock(w);

    if (rc == KECS_OK) {
        rc = role_listen(w);
    }

    if (rc == KECS_OK) {
        rc = role_sync(w);
    }

    return rc == KECS_OK ? role_thread(w) : rc;
}


kecs_rc_t
kecs_writer_start(kecs_store_t *s, const char *folder,
    const kecs_writer_ops_t *ops, kecs_writer_role_t **out)
{
    kecs_rc_t            rc;
    kecs_writer_role_t  *w;

    *out = NULL;
    w = calloc(1, sizeof(kecs_writer_role_t));

    if (w == NULL) {
        return KECS_NOMEM;
    }

    w->store = s;
    w->ops = *ops;
    w->lock_fd = -1;
    w->listen_fd = -1;
    w->event_fd = -1;
    w->folder = strdup(folder);
    w->arena = kecs_arena_create(CALL_CHUNK);
    kecs_buf_init(&w->replies, NULL, 0);

    rc = role_open(w);

    if (rc != KECS_OK) {
        role_free(w);
        return rc;
    }

    *out = w;

    return KECS_OK;
}


static void
kick(kecs_writer_role_t *w)
{
    uint64_t  one;

    one = 1;
    (void) !write(w->event_fd, &one, sizeof(one));
}


void
kecs_writer_goaway(kecs_writer_role_t *w)
{
    atomic_store(&w->goaway, true);
    kick(w);
}


bool
kecs_writer_gone(kecs_writer_role_t *w)
{
    return atomic_load(&w->gone);
}


static void
wait_gone(kecs_writer_role_t *w, unsigned msec)
{
    int              rc;
    struct timespec  t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += msec / 1000;
    t.tv_nsec += (long) (msec % 1000) * 1000000;

    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }

    pthread_mutex_lock(&w->mutex);

    for (rc = 0; rc == 0 && !atomic_load(&w->gone); ) {
        rc = pthread_cond_timedwait(&w->cond, &w->mutex, &t);
    }

    pthread_mutex_unlock(&w->mutex);
}


void
kecs_writer_stop(kecs_writer_role_t *w, unsigned msec)
{
    if (w == NULL) {
        return;
    }

    kecs_writer_goaway(w);
    wait_gone(w, msec);

    atomic_store(&w->stop, true);
    kick(w);
    pthread_join(w->thread, NULL);

    role_free(w);
}


void
kecs_writer_stats(kecs_writer_role_t *w, kecs_writer_stats_t *out)
{
    unsigned  i;

    out->batches = atomic_load(&w->batches);
    out->calls = atomic_load(&w->calls);
    out->failed_commits = atomic_load(&w->failed_commits);
    out->commit_usec = atomic_load(&w->commit_usec);

    for (i = 0; i <= KECS_DURATIONS; i++) {
        out->commits[i] = atomic_load(&w->commits[i]);
    }
}
