/*
 * Connections of the writer: two heap buffers each, bounded by refusing to
 * read on.  Only the writer's thread touches them.  Sockets never block.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "writer_impl.h"


kecs_peer_t *
kecs_peer_new(int fd)
{
    kecs_peer_t  *p;

    p = calloc(1, sizeof(kecs_peer_t));

    if (p != NULL) {
        p->fd = fd;
        kecs_buf_init(&p->out, NULL, 0);
    }

    return p;
}


void
kecs_peer_free(kecs_peer_t *p)
{
    close(p->fd);
    free(p->in);
    kecs_buf_free(&p->out);
    free(p);
}


static bool
in_grow(kecs_peer_t *p, size_t need)
{
    size_t    n;
    uint8_t  *data;

    if (need <= p->in_size) {
        return true;
    }

    n = p->in_size ? p->in_size * 2 : 2 * KECS_READ_SIZE;

    while (n < need) {
        n *= 2;
    }

    data = realloc(p->in, n);

    if (data == NULL) {
        return false;
    }

    p->in = data;
    p->in_size = n;

    return true;
}


static void
in_compact(kecs_peer_t *p)
{
    if (p->in_pos == 0) {
        return;
    }

    memmove(p->in, p->in + p->in_pos, p->in_len - p->in_pos);
    p->in_len -= p->in_pos;
    p->in_pos = 0;
}


/* One recv into the room there is; false when nothing more came. */

static bool
in_recv(kecs_peer_t *p)
{
    ssize_t  n;

    do {
        n = recv(p->fd, p->in + p->in_len, p->in_size - p->in_len,
                 MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return false;
    }

    if (n <= 0) {

        /* it left: its calls are not run, as it may replay them elsewhere */

        p->gone = true;
        return false;
    }

    p->in_len += (size_t) n;

    return true;
}


void
kecs_peer_read(kecs_peer_t *p)
{
    if (!kecs_peer_wants(p)) {
        return;
    }

    in_compact(p);

    do {
        if (!in_grow(p, p->in_len + KECS_READ_SIZE)) {
            p->gone = true;
            return;
        }

    } while (in_recv(p) && kecs_peer_wants(p));
}


bool
kecs_peer_read_more(kecs_peer_t *p)
{
    return kecs_peer_wants(p) && p->in_len < p->in_size && in_recv(p);
}


bool
kecs_peer_ready(kecs_peer_t *p)
{
    kecs_rc_t     rc;
    kecs_str_t    in;
    kecs_frame_t  f;

    if (p->gone || p->bye || kecs_peer_pending(p) >= KECS_PEER_OUT_MAX) {
        return false;
    }

    in = kecs_str_n(p->in + p->in_pos, p->in_len - p->in_pos);
    rc = kecs_frame_get(&in, &f);

    if (rc == KECS_AGAIN) {
        return false;
    }

    if (rc == KECS_OK && f.type == KECS_FRAME_CALL) {
        return true;
    }

    p->bye = rc == KECS_OK && f.type == KECS_FRAME_BYE;
    p->gone = !p->bye;

    return false;
}


void
kecs_peer_take(kecs_peer_t *p, kecs_frame_t *f)
{
    kecs_str_t  in;

    in = kecs_str_n(p->in + p->in_pos, p->in_len - p->in_pos);

    if (kecs_frame_get(&in, f) == KECS_OK) {
        p->in_pos = p->in_len - in.len;
    }
}


/* Moves what is not sent to the front, when that frees most of it. */

static void
out_compact(kecs_peer_t *p)
{
    if (p->out_pos < p->out.len / 2 || p->out_pos == 0) {
        return;
    }

    p->out.len -= p->out_pos;
    memmove(p->out.data, p->out.data + p->out_pos, p->out.len);
    p->out_pos = 0;
}


void
kecs_peer_put(kecs_peer_t *p, const kecs_frame_t *f)
{
    if (p->gone) {
        return;
    }

    out_compact(p);
    kecs_frame_put(&p->out, f);
    p->gone = p->out.failed;
}


void
kecs_peer_flush(kecs_peer_t *p)
{
    ssize_t  n;

    while (!p->gone && kecs_peer_pending(p) > 0) {
        n = send(p->fd, p->out.data + p->out_pos, kecs_peer_pending(p),
                 MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR) {
            continue;
        }

        if (n < 0) {
            p->gone = errno != EAGAIN && errno != EWOULDBLOCK;
            return;
        }

        p->out_pos += (size_t) n;
    }
}
