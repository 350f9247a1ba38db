/*
 * Running calls as the writer's thread asks for it: from an envelope to a
 * reply, inside the nested transaction that the writer has begun.
 *
 * Thread: the writer's.  Nothing here is nginx's: the arena is the batch's,
 * the id source is made per call, the configuration is constant.
 */

#include "ngx_kecs.h"


const kecs_api_conf_t  ngx_kecs_writer_conf = {
    .account = kecs_string("000000000000"),
    .region = kecs_string("us-east-1"),
    .scan_limit = 2000
};


static void
ngx_kecs_exec_reply(kecs_buf_t *out, unsigned status, kecs_error_t error,
    kecs_str_t body)
{
    kecs_reply_t  reply;

    reply.status = (uint16_t) status;
    reply.error = (uint16_t) error;
    reply.body = body;

    kecs_reply_put(out, &reply);
}


static void
ngx_kecs_exec_error(kecs_buf_t *out, kecs_str_t body)
{
    ngx_kecs_exec_reply(out, kecs_error_status(KECS_E_SERVER), KECS_E_SERVER,
                        body);
}


static kecs_rc_t
ngx_kecs_exec_call(kecs_call_t *c, const kecs_envelope_t *e,
    unsigned *status)
{
    kecs_actor_t  actor;

    c->account = e->account;
    c->region = e->region;
    c->principal = e->principal;
    c->request_id = e->request_id;

    actor.principal = e->principal;
    actor.request_id = e->request_id;
    actor.trace = e->trace;
    kecs_txn_actor(c->txn, &actor);

    return kecs_call_run(c, e->body, status);
}


/* The id source of the writer's thread; made when it is first needed. */

static kecs_rand_t *
ngx_kecs_exec_rand(void)
{
    static ngx_uint_t   ready;
    static kecs_rand_t  source;

    if (!ready) {
        ready = kecs_rand_system(&source) == KECS_OK;
    }

    return ready ? &source : NULL;
}


static kecs_rc_t
ngx_kecs_exec_run(void *ctx, kecs_txn_t *txn, kecs_arena_t *a,
    kecs_str_t bytes, kecs_buf_t *reply)
{
    unsigned         status;
    kecs_rc_t        rc;
    kecs_buf_t       buf;
    kecs_call_t      call;
    kecs_envelope_t  envelope;

    ngx_memzero(&call, sizeof(call));
    kecs_buf_init(&buf, a, 0);

    if (kecs_envelope_get(bytes, &envelope) != KECS_OK
        || (call.op = kecs_ecs_op(envelope.op)) == NULL
        || ngx_kecs_exec_rand() == NULL)
    {
        ngx_kecs_exec_error(reply, kecs_str("{\"__type\":\"ServerException\","
                                            "\"message\":\"The call could"
                                            " not be read by the writer.\"}"));
        return KECS_INVALID;
    }

    call.arena = a;
    call.store = ngx_kecs_worker.store;
    call.txn = txn;
    call.now = kecs_wall_clock();
    call.rand = ngx_kecs_exec_rand();
    call.conf = &ngx_kecs_writer_conf;
    call.buf = &buf;

    rc = ngx_kecs_exec_call(&call, &envelope, &status);
    ngx_kecs_exec_reply(reply, status, call.error, kecs_buf_view(&buf));

    return rc;
}


static kecs_str_t
ngx_kecs_exec_request_id(void *ctx, kecs_str_t bytes)
{
    kecs_envelope_t  envelope;

    if (kecs_envelope_get(bytes, &envelope) != KECS_OK) {
        return kecs_null_str;
    }

    return envelope.request_id;
}


static void
ngx_kecs_exec_failed(void *ctx, kecs_str_t bytes, kecs_rc_t rc,
    kecs_buf_t *reply)
{
    if (rc == KECS_FULL) {
        ngx_kecs_exec_error(reply, kecs_str("{\"__type\":\"ServerException\","
                                            "\"message\":\"The store is full."
                                            " Nothing was changed.\"}"));
        return;
    }

    if (rc == KECS_IO) {
        ngx_kecs_exec_error(reply, kecs_str("{\"__type\":\"ServerException\","
                                            "\"message\":\"The disk of the"
                                            " store refuses to be written."
                                            " Nothing was changed.\"}"));
        return;
    }

    ngx_kecs_exec_error(reply, kecs_str("{\"__type\":\"ServerException\","
                                        "\"message\":\"Service Unavailable."
                                        " Please try again later.\"}"));
}


const kecs_writer_ops_t  ngx_kecs_ops = {
    .run = ngx_kecs_exec_run,
    .request_id = ngx_kecs_exec_request_id,
    .failed = ngx_kecs_exec_failed,
    .ctx = NULL
};
