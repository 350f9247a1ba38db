/*
 * A call: one API request on its way through an operation.  The call holds
 * everything a handler may use (transaction, arena, clock, id source,
 * account, region, principal), so the same handler runs in an nginx worker
 * (reads), on the writer's thread (writes), in a unit test and in a fuzzer.
 *
 * A handler gets its decoded input, changes records through the store, and
 * writes the members of its answer into c->out, whose object is open.  It
 * returns KECS_OK, or KECS_FAILED after kecs_fail(), or any other code,
 * which becomes a ServerException.  When it does not return KECS_OK the
 * answer written so far is dropped and its transaction with it.
 */

#ifndef KECS_CALL_H
#define KECS_CALL_H


#include "../base/rand.h"
#include "../store/store.h"
#include "shape.h"


typedef struct kecs_call_s  kecs_call_t;

/* ECS's errors, and those that all AWS JSON services share. */
typedef enum {
    KECS_E_NONE = 0,
    KECS_E_SERVER,
    KECS_E_CLIENT,
    KECS_E_INVALID_PARAMETER,
    KECS_E_ACCESS_DENIED,
    KECS_E_ATTRIBUTE_LIMIT_EXCEEDED,
    KECS_E_BLOCKED,
    KECS_E_CLUSTER_CONTAINS_CAPACITY_PROVIDER,
    KECS_E_CLUSTER_CONTAINS_CONTAINER_INSTANCES,
    KECS_E_CLUSTER_CONTAINS_SERVICES,
    KECS_E_CLUSTER_CONTAINS_TASKS,
    KECS_E_CLUSTER_NOT_FOUND,
    KECS_E_CONFLICT,
    KECS_E_LIMIT_EXCEEDED,
    KECS_E_NAMESPACE_NOT_FOUND,
    KECS_E_PLATFORM_TASKDEF_INCOMPATIBILITY,
    KECS_E_PLATFORM_UNKNOWN,
    KECS_E_RESOURCE_IN_USE,
    KECS_E_RESOURCE_NOT_FOUND,
    KECS_E_SERVICE_NOT_ACTIVE,
    KECS_E_SERVICE_NOT_FOUND,
    KECS_E_TARGET_NOT_FOUND,
    KECS_E_TASK_SET_NOT_FOUND,
    KECS_E_UNSUPPORTED_FEATURE,
    KECS_E_UPDATE_IN_PROGRESS,
    KECS_E_MISSING_VERSION,
    KECS_E_NO_UPDATE_AVAILABLE,
    KECS_E_TARGET_NOT_CONNECTED,
    KECS_E_SERIALIZATION,
    KECS_E_UNKNOWN_OPERATION,
    KECS_E_THROTTLING,
    KECS_E_SERVICE_UNAVAILABLE,
    KECS_E_REQUEST_TOO_LARGE,
    KECS_E_MISSING_TOKEN,
    KECS_E_SERVICE_DEPLOYMENT_NOT_FOUND,
    KECS_E_DAEMON_NOT_FOUND,
    KECS_E_DAEMON_NOT_ACTIVE,
    KECS_E_GATEWAY_NOT_FOUND,
    KECS_ERRORS
} kecs_error_t;

const char *kecs_error_name(kecs_error_t e);
unsigned kecs_error_status(kecs_error_t e);          /* HTTP */


#define KECS_OP_READ   0x01
#define KECS_OP_WRITE  0x02
#define KECS_OP_ADDS   0x04     /* refused while the store is pressed */

typedef kecs_rc_t (*kecs_handler_pt)(kecs_call_t *c, void *in);

/* One operation: the row that a resource's file exports. */
typedef struct {
    const char          *name;
    unsigned             flags;
    const kecs_shape_t  *input;
    kecs_handler_pt      handler;
} kecs_op_t;


/* Limits and defaults of the running program. */
typedef struct {
    kecs_str_t   account;           /* without a usable key: 000000000000 */
    kecs_str_t   region;            /* without a scope: us-east-1 */
    unsigned     scan_limit;        /* index entries per list call: 2000 */
} kecs_api_conf_t;

struct kecs_call_s {
    kecs_arena_t           *arena;
    kecs_store_t           *store;
    kecs_txn_t             *txn;
    kecs_msec_t             now;
    kecs_rand_t            *rand;
    const kecs_api_conf_t  *conf;
    const kecs_op_t        *op;

    kecs_str_t              account;
    kecs_str_t              region;
    kecs_str_t              principal;     /* ARN of the caller */
    kecs_str_t              request_id;
    kecs_str_t              host;          /* as the client wrote it, of
                                              reads only; absent: unknown */
    bool                    tls;           /* it came over TLS */
    uint32_t                scope;         /* 0: nothing written there yet */

    kecs_buf_t             *buf;
    kecs_writer_t           out;

    kecs_error_t            error;
    kecs_str_t              message;       /* absent: no message member */
    kecs_str_t              extra;         /* further members, {...} */
};


/*
 * Sets the error and returns KECS_FAILED.  fmt NULL: no message member.
 * kecs_fail_str takes a ready text of any length.
 */
kecs_rc_t kecs_fail(kecs_call_t *c, kecs_error_t e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
kecs_rc_t kecs_fail_str(kecs_call_t *c, kecs_error_t e, kecs_str_t message);

/* For writes: the scope's number, made when it is new. */
kecs_rc_t kecs_call_scope(kecs_call_t *c);

/*
 * Decodes `body`, runs the operation in c->txn and writes the whole answer
 * (the error's too) to c->buf, which must be empty.  KECS_OK: keep the
 * transaction; anything else: drop it.  *status is the HTTP status.
 */
kecs_rc_t kecs_call_run(kecs_call_t *c, kecs_str_t body, unsigned *status);

/* Writes an error's body to c->buf, replacing what is there. */
void kecs_call_error(kecs_call_t *c);


/*
 * A call as bytes, for the writer (store/writer.h), and its reply.
 */
typedef struct {
    kecs_str_t   op;
    kecs_str_t   account;
    kecs_str_t   region;
    kecs_str_t   principal;
    kecs_str_t   request_id;
    kecs_str_t   trace;             /* traceparent; empty: there is none */
    kecs_str_t   body;
} kecs_envelope_t;

void kecs_envelope_put(kecs_buf_t *b, const kecs_envelope_t *e);
kecs_rc_t kecs_envelope_get(kecs_str_t bytes, kecs_envelope_t *e);

typedef struct {
    uint16_t      status;           /* HTTP */
    uint16_t      error;            /* kecs_error_t */
    kecs_str_t    body;
} kecs_reply_t;

void kecs_reply_put(kecs_buf_t *b, const kecs_reply_t *r);
kecs_rc_t kecs_reply_get(kecs_str_t bytes, kecs_reply_t *r);


#endif
