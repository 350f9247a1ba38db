/*
 * What the files of the writer share: writer.c (role, thread, batches),
 * writer_peer.c (connections), writer_frame.c (bytes).
 */

#ifndef KECS_WRITER_IMPL_H
#define KECS_WRITER_IMPL_H


#include <sys/un.h>

#include "store_impl.h"
#include "writer.h"


#define KECS_WRITER_SOCKET   "writer.sock"
#define KECS_WRITER_LOCK     "writer.lock"

#define KECS_PEERS_MAX       1024
#define KECS_PEER_IN_MAX     (4u << 20)     /* unread beyond that waits */
#define KECS_PEER_OUT_MAX    (1u << 20)     /* then it must read first */
#define KECS_READ_SIZE       (64u << 10)


/* One connection; owned by the writer's thread. */
typedef struct {
    int        fd;
    bool       bye;             /* said so: nothing more is taken from it */
    bool       gone;            /* closed or broken: drop it */
    bool       told;            /* GOAWAY has been put */
    uint8_t   *in;
    size_t     in_pos;          /* first byte not consumed */
    size_t     in_len;
    size_t     in_size;
    uint8_t   *out;
    size_t     out_pos;
    size_t     out_len;
    size_t     out_size;
} kecs_peer_t;


/*
 * The address of the socket, short enough whatever the folder; the
 * descriptor returned must stay open while the address is used.  -1, errno.
 */
int kecs_writer_address(const char *folder, struct sockaddr_un *addr);

kecs_peer_t *kecs_peer_new(int fd);
void kecs_peer_free(kecs_peer_t *p);

/*
 * Reads what is there, as far as the buffer may grow.  Moves what is not
 * consumed to the front: payloads taken before are not valid any more.
 */
void kecs_peer_read(kecs_peer_t *p);

/* The next frame; KECS_AGAIN: none complete, KECS_INVALID: marked gone. */
kecs_rc_t kecs_peer_take(kecs_peer_t *p, kecs_frame_t *f);

/* Queues a frame; out of memory marks the peer gone. */
void kecs_peer_put(kecs_peer_t *p, const kecs_frame_t *f);

/* Sends what can be sent without waiting. */
void kecs_peer_flush(kecs_peer_t *p);

static inline size_t
kecs_peer_pending(const kecs_peer_t *p)
{
    return p->out_len - p->out_pos;
}

/* Whether more may be read from it now. */
static inline bool
kecs_peer_wants(const kecs_peer_t *p)
{
    return !p->gone && !p->bye
           && kecs_peer_pending(p) < KECS_PEER_OUT_MAX
           && p->in_len - p->in_pos < KECS_PEER_IN_MAX;
}


#endif
