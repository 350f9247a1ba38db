/*
 * What the files of the writer share: writer.c (role and thread),
 * writer_batch.c (running calls), writer_peer.c (connections),
 * writer_frame.c (bytes).
 */

#ifndef KECS_WRITER_IMPL_H
#define KECS_WRITER_IMPL_H


#include <poll.h>
#include <pthread.h>

#include "store_impl.h"
#include "writer.h"


#define KECS_WRITER_SOCKET   "writer.sock"
#define KECS_WRITER_LOCK     "writer.lock"

#define KECS_PEERS_MAX       1024
#define KECS_PEER_IN_MAX     (4u << 20)     /* unread beyond that waits */
#define KECS_PEER_OUT_MAX    (1u << 20)     /* then it must read first */
#define KECS_READ_SIZE       (64u << 10)
#define KECS_BATCH_CALLS     1024


/* One connection; owned by the writer's thread. */
typedef struct {
    int          fd;
    bool         bye;           /* said so: nothing more is taken from it */
    bool         gone;          /* closed or broken: drop it */
    bool         told;          /* GOAWAY has been put */
    uint8_t     *in;
    size_t       in_pos;        /* first byte not consumed */
    size_t       in_len;
    size_t       in_size;
    kecs_buf_t   out;           /* on the heap */
    size_t       out_pos;       /* first byte not sent */
} kecs_peer_t;


/* One call of a batch. */
typedef struct {
    kecs_peer_t   *peer;
    kecs_frame_t   call;
    uint8_t        flags;               /* of the reply */
    size_t         at;                  /* of the reply, in `replies` */
    size_t         len;
} kecs_writer_item_t;

struct kecs_writer_role_s {
    kecs_store_t       *store;
    kecs_writer_ops_t   ops;
    char               *folder;
    int                 lock_fd;
    int                 listen_fd;
    int                 event_fd;

    pthread_t           thread;
    pthread_mutex_t     mutex;          /* for cond */
    pthread_cond_t      cond;           /* gone became true */
    bool                synced;         /* both were made */
    atomic_bool         goaway;
    atomic_bool         stop;
    atomic_bool         gone;

    atomic_ullong       batches;
    atomic_ullong       calls;
    atomic_ullong       failed_commits;
    atomic_ullong       commit_usec;
    atomic_ullong       commits[KECS_DURATIONS + 1];

    /* the thread's own */

    kecs_peer_t        *peers[KECS_PEERS_MAX];
    unsigned            n;
    unsigned            turn;           /* who is served first */
    kecs_msec_t         accept_after;
    struct pollfd       polls[KECS_PEERS_MAX + 2];

    kecs_writer_item_t  items[KECS_BATCH_CALLS];
    unsigned            n_items;
    size_t              bytes;
    bool                careful;        /* the batch runs again */
    kecs_buf_t          replies;        /* of the batch, on the heap */
    kecs_arena_t       *arena;          /* of one call */
};


/* Runs what has arrived and what arrives until it holds the write lock. */
void kecs_writer_batch(kecs_writer_role_t *w);

/* Takes in waiting connections; reads from all. */
void kecs_writer_accept(kecs_writer_role_t *w);
void kecs_writer_read(kecs_writer_role_t *w);

kecs_peer_t *kecs_peer_new(int fd);
void kecs_peer_free(kecs_peer_t *p);

/*
 * Reads what is there, as far as the buffer may grow.  Moves what is not
 * consumed to the front: payloads taken before are not valid any more.
 */
void kecs_peer_read(kecs_peer_t *p);

/*
 * Reads as far as there is room behind what was read, so that nothing moves;
 * false when nothing came.
 */
bool kecs_peer_read_more(kecs_peer_t *p);

/*
 * Whether a complete CALL comes next that may be run.  Takes BYE; anything
 * else marks the peer gone.
 */
bool kecs_peer_ready(kecs_peer_t *p);

/* Takes the CALL that kecs_peer_ready has seen. */
void kecs_peer_take(kecs_peer_t *p, kecs_frame_t *f);

/* Queues a frame; out of memory marks the peer gone. */
void kecs_peer_put(kecs_peer_t *p, const kecs_frame_t *f);

/* Sends what can be sent without waiting. */
void kecs_peer_flush(kecs_peer_t *p);

static inline size_t
kecs_peer_pending(const kecs_peer_t *p)
{
    return p->out.len - p->out_pos;
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
