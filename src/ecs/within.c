/*
 * Operations that are made of others: one call runs another operation in
 * its own transaction.
 */

#include "ecs.h"


kecs_rc_t
kecs_call_within(kecs_call_t *c, const char *op, kecs_str_t request)
{
    void             *in;
    kecs_rc_t         rc;
    kecs_buf_t        dropped, *buf;
    kecs_writer_t     out;
    const kecs_op_t  *own, *row;

    row = kecs_ecs_op(kecs_str_of(op));

    if (row == NULL) {
        return KECS_INVALID;
    }

    rc = kecs_shape_load(c->arena, row->input, request, &in);

    if (rc != KECS_OK) {
        return rc;
    }

    own = c->op;
    buf = c->buf;
    out = c->out;

    kecs_buf_init(&dropped, c->arena, 0);
    c->op = row;
    c->buf = &dropped;
    c->out = kecs_writer(&dropped);
    kecs_w_object(&c->out, NULL);
    rc = row->handler(c, in);

    c->op = own;
    c->buf = buf;
    c->out = out;

    return rc == KECS_OK && dropped.failed ? KECS_NOMEM : rc;
}
