/*
 * The writer: the writes of all processes meet in one batch.  One process
 * of those that open a store holds the writer role (an exclusive lock on
 * DATA/writer.lock, gone with its holder) and runs one thread that listens
 * on DATA/writer.sock.  Every process, the holder's own event loop too,
 * sends its calls there as frames and gets answers as frames.  The thread
 * begins a write transaction, then drains all sockets, runs each call under
 * a savepoint, commits with fsync, and only then answers.  There is
 * no timer: batches grow with load.
 *
 * Death of the holder: clients see the connection close; each tries for
 * the role, one gets it, the others connect to it and send again what was
 * not answered, marked REPLAY with the log position they knew when they
 * first sent it.  The new holder looks in the change log for the request
 * id behind that position: found means committed and the answer is lost,
 * then it answers with KECS_FRAME_LOST and no payload, otherwise it runs the
 * call.  So no call is run twice and none is lost.  (A call that committed
 * without changing anything leaves no trace and is run again.)
 *
 * Graceful hand-over (reload): kecs_writer_stop sends GOAWAY; clients stop
 * sending on that connection and answer BYE; what had arrived is run and
 * answered, then the connection is closed; when all are, the role is free.
 * A client that closes without BYE gives up what it has not been answered.
 *
 * A frame is: u32 length of all that follows, u8 type, u8 flags, u16 zero,
 * u32 id (chosen by the client, echoed), u64 seq (CALL: log position known
 * to the client; REPLY: that of the commit), payload.  Host byte order.
 */

#ifndef KECS_STORE_WRITER_H
#define KECS_STORE_WRITER_H


#include "../base/buf.h"
#include "store.h"


#define KECS_FRAME_HEAD  20          /* with the length itself */
#define KECS_FRAME_MAX   (2u << 20)

enum { KECS_FRAME_CALL = 1, KECS_FRAME_REPLY, KECS_FRAME_GOAWAY,
       KECS_FRAME_BYE };

#define KECS_FRAME_REPLAY      0x01  /* CALL: may have been run already */
#define KECS_FRAME_LOST        0x02  /* REPLY: committed, answer lost */
#define KECS_FRAME_UNDONE      0x04  /* REPLY: commit failed, not done */

typedef struct {
    uint8_t      type;
    uint8_t      flags;
    uint32_t     id;
    uint64_t     seq;
    kecs_str_t   payload;
} kecs_frame_t;

/* Appends a frame to a buffer. */
void kecs_frame_put(kecs_buf_t *b, const kecs_frame_t *f);

/*
 * Takes the first frame of `in` (payload points into it) and advances it.
 * KECS_OK, KECS_AGAIN (incomplete), KECS_INVALID (close the connection).
 * A frame is at most KECS_FRAME_MAX bytes in all.
 */
kecs_rc_t kecs_frame_get(kecs_str_t *in, kecs_frame_t *f);


/*
 * Runs one call under its savepoint, and once more when a write of a call
 * in the batch failed.  The reply's bytes go to `reply` in any case; KECS_OK
 * keeps the transaction, anything else drops it (the reply then tells the
 * client why).  request_id is for the REPLAY
 * look-up and for the log: the transaction begins with it as its actor, and
 * `run` may set the principal by kecs_txn_actor.  The arena is reset before
 * each call.  A reply that failed (too large, out of memory) drops the
 * transaction, and the client gets that of `failed`, flagged UNDONE.  All
 * are called on the writer's thread.
 */
typedef struct {
    kecs_rc_t  (*run)(void *ctx, kecs_txn_t *txn, kecs_arena_t *a,
                      kecs_str_t call, kecs_buf_t *reply);
    kecs_str_t  (*request_id)(void *ctx, kecs_str_t call);
    /* Fills `reply` for a call whose commit failed with rc. */
    void  (*failed)(void *ctx, kecs_str_t call, kecs_rc_t rc,
                    kecs_buf_t *reply);
    void  *ctx;
} kecs_writer_ops_t;

typedef struct kecs_writer_role_s  kecs_writer_role_t;

typedef struct {
    uint64_t  batches;
    uint64_t  calls;
    uint64_t  failed_commits;
    uint64_t  commit_usec;           /* total */
    uint64_t  commits[KECS_DURATIONS + 1];  /* by how long they took */
} kecs_writer_stats_t;

/*
 * Tries for the role.  KECS_OK: this process has it, the thread runs and
 * the socket accepts.  KECS_BUSY: another process has it.  KECS_NOMEM,
 * KECS_DENIED, KECS_FULL, KECS_IO: as they say.  `ops` is copied.  The store
 * must stay open until kecs_writer_stop has returned.
 */
kecs_rc_t kecs_writer_start(kecs_store_t *s, const char *folder,
    const kecs_writer_ops_t *ops, kecs_writer_role_t **out);

/* Begins the graceful hand-over; does not wait. */
void kecs_writer_goaway(kecs_writer_role_t *w);

/* True once the hand-over is complete and the role is free. */
bool kecs_writer_gone(kecs_writer_role_t *w);

/*
 * goaway, at most `msec` of waiting, then ends the thread and frees.  Calls
 * unanswered by then are lost with their connections (clients replay them).
 */
void kecs_writer_stop(kecs_writer_role_t *w, unsigned msec);

void kecs_writer_stats(kecs_writer_role_t *w, kecs_writer_stats_t *out);

/*
 * Connects to the holder's socket, non-blocking; -1 and errno (ENOENT,
 * ECONNREFUSED: nobody holds the role; EAGAIN: try again).
 */
int kecs_writer_connect(const char *folder);


#endif
