/*
 * Frames between clients and the writer, and the way to it.  No state; any
 * thread.
 */

#include "folder_socket.h"
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
kecs_writer_connect(const char *folder)
{
    return kecs_socket_connect(folder, KECS_WRITER_SOCKET);
}
