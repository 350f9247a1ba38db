/*
 * Frames between clients and the writer, and the socket's address.  No
 * state; any thread.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "writer_impl.h"


void
kecs_frame_put(kecs_buf_t *b, const kecs_frame_t *f)
{
    uint8_t   head[KECS_FRAME_HEAD];
    uint32_t  len;

    if (f->payload.len > KECS_FRAME_MAX - KECS_FRAME_HEAD) {
        b->failed = true;
        return;
    }

    len = (uint32_t) (KECS_FRAME_HEAD - 4 + f->payload.len);

    memset(head, 0, sizeof(head));
    memcpy(head, &len, 4);
    head[4] = f->type;
    head[5] = f->flags;
    memcpy(head + 8, &f->id, 4);
    memcpy(head + 12, &f->seq, 8);

    kecs_buf_add(b, head, sizeof(head));
    kecs_buf_str(b, f->payload);
}


kecs_rc_t
kecs_frame_get(kecs_str_t *in, kecs_frame_t *f)
{
    uint32_t     len;
    const char  *p;

    if (in->len < 4) {
        return KECS_AGAIN;
    }

    p = in->data;
    memcpy(&len, p, 4);

    if (len < KECS_FRAME_HEAD - 4 || len > KECS_FRAME_MAX - 4) {
        return KECS_INVALID;
    }

    if (in->len < KECS_FRAME_HEAD) {
        return KECS_AGAIN;
    }

    f->type = (uint8_t) p[4];
    f->flags = (uint8_t) p[5];

    if (f->type < KECS_FRAME_CALL || f->type > KECS_FRAME_BYE
        || p[6] != 0 || p[7] != 0)
    {
        return KECS_INVALID;
    }

    if (in->len - 4 < len) {
        return KECS_AGAIN;
    }

    memcpy(&f->id, p + 8, 4);
    memcpy(&f->seq, p + 12, 8);
    f->payload = kecs_str_n(p + KECS_FRAME_HEAD, len + 4 - KECS_FRAME_HEAD);

    in->data += len + 4;
    in->len -= len + 4;

    return KECS_OK;
}


int
kecs_writer_address(const char *folder, struct sockaddr_un *addr)
{
    int   n, dir;
    char  path[4096];

    memset(addr, 0, sizeof(*addr));
    addr->sun_family = AF_UNIX;

    if (!kecs_store_path(path, sizeof(path), folder, KECS_WRITER_SOCKET)) {
        errno = ENAMETOOLONG;
        return -1;
    }

    dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0) {
        return -1;
    }

    if (strlen(path) < sizeof(addr->sun_path)) {
        memcpy(addr->sun_path, path, strlen(path) + 1);
        return dir;
    }

    n = snprintf(addr->sun_path, sizeof(addr->sun_path),
                 "/proc/self/fd/%d/%s", dir, KECS_WRITER_SOCKET);

    if (n < 0 || (size_t) n >= sizeof(addr->sun_path)) {
        close(dir);
        errno = ENAMETOOLONG;
        return -1;
    }

    return dir;
}


int
kecs_writer_connect(const char *folder)
{
    int                 fd, dir, err;
    struct sockaddr_un  addr;

    dir = kecs_writer_address(folder, &addr);

    if (dir < 0) {
        return -1;
    }

    err = 0;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        err = errno;

    } else if (connect(fd, (struct sockaddr *) &addr, sizeof(addr)) != 0) {
        err = errno;
        close(fd);
        fd = -1;
    }

    close(dir);
    errno = err;

    return fd;
}
