/*
 * Running a call: decode, handler, answer.  What a handler wrote before it
 * failed is dropped, so an answer is either whole or an error.
 */

#include <stdarg.h>
#include <stdio.h>

#include "call.h"


kecs_rc_t
kecs_fail_str(kecs_call_t *c, kecs_error_t e, kecs_str_t message)
{
    c->error = e;
    c->message = message;

    return KECS_FAILED;
}


kecs_rc_t
kecs_fail(kecs_call_t *c, kecs_error_t e, const char *fmt, ...)
{
    int      n;
    char     text[2048];
    va_list  args;

    c->error = e;
    c->message = kecs_null_str;

    if (fmt == NULL) {
        return KECS_FAILED;
    }

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    if (n < 0) {
        return KECS_ERROR;
    }

    if ((size_t) n >= sizeof(text)) {
        n = sizeof(text) - 1;
    }

    c->message = kecs_strdup(c->arena, kecs_str_n(text, (size_t) n));

    return c->message.data ? KECS_FAILED : KECS_NOMEM;
}


kecs_rc_t
kecs_call_scope(kecs_call_t *c)
{
    if (c->scope != 0) {
        return KECS_OK;
    }

    return kecs_scope_get(c->txn, c->account, c->region, true, &c->scope);
}


void
kecs_call_error(kecs_call_t *c)
{
    kecs_writer_t  w;

    c->buf->len = 0;
    c->buf->failed = false;
    w = kecs_writer(c->buf);

    kecs_w_object(&w, NULL);
    kecs_w_cstr(&w, "__type", kecs_error_name(c->error));
    kecs_w_opt_str(&w, "message", c->message);

    if (c->extra.data != NULL) {
        kecs_w_splice(&w, c->extra);
    }

    kecs_w_object_end(&w);
}


/* What a result code other than KECS_FAILED tells the client. */

static kecs_str_t
server_message(kecs_rc_t rc)
{
    switch (rc) {

    case KECS_NOMEM:
        return kecs_str("The server is out of memory.");

    case KECS_FULL:
        return kecs_str("The store is full. Nothing was changed.");

    default:
        return kecs_str("Service Unavailable. Please try again later.");
    }
}


static kecs_rc_t
decode(kecs_call_t *c, kecs_str_t body, void **in)
{
    size_t               i;
    kecs_rc_t            rc;
    kecs_json_t         *tree;
    kecs_shape_error_t   err;

    tree = NULL;

    for (i = 0; i < body.len && strchr(" \t\r\n", body.data[i]) != NULL; i++) {
        /* void */
    }

    if (i < body.len) {
        rc = kecs_json_parse(c->arena, body, &tree);

        if (rc == KECS_TOO_LARGE) {
            return kecs_fail(c, KECS_E_SERIALIZATION,
                             "The request is nested too deeply or holds too"
                             " many values.");
        }

        if (rc == KECS_INVALID) {
            return kecs_fail(c, KECS_E_SERIALIZATION,
                             "The request body is not valid JSON.");
        }

        if (rc != KECS_OK) {
            return rc;
        }
    }

    rc = kecs_shape_decode(c->arena, c->op->input, tree, false, in, &err);

    if (rc != KECS_INVALID) {
        return rc;
    }

    return kecs_fail_str(c, KECS_E_SERIALIZATION, err.message);
}


/* The last room is kept for what stops, deletes and observes. */

static kecs_rc_t
room(kecs_call_t *c)
{
    if (!(c->op->flags & KECS_OP_ADDS)) {
        return KECS_OK;
    }

    switch (kecs_store_pressed(c->store)) {

    case KECS_MAP_SHORT:
        return kecs_fail(c, KECS_E_SERVER,
                         "The store is almost full: requests that add to it"
                         " are refused. Delete something or raise its"
                         " size.");

    case KECS_DISK_SHORT:
        return kecs_fail(c, KECS_E_SERVER,
                         "The disk of the store is full: requests that add"
                         " to it are refused. Make room there.");

    default:
        return KECS_OK;
    }
}


/*
 * What a client has written must be of the model, or it would be shown to
 * others.  The handler's own texts come first; what it has done is dropped.
 * Lists of what to show may name anything: unknown names are ignored.
 */

static kecs_rc_t
check_enums(kecs_call_t *c, const void *in)
{
    kecs_rc_t           rc;
    kecs_shape_error_t  err;

    if (!(c->op->flags & KECS_OP_WRITE)) {
        return KECS_OK;
    }

    rc = kecs_shape_check_enums(c->arena, c->op->input, in, &err);

    return rc == KECS_INVALID
           ? kecs_fail_str(c, KECS_E_INVALID_PARAMETER, err.message) : rc;
}


static kecs_rc_t
handle(kecs_call_t *c, kecs_str_t body)
{
    void       *in;
    kecs_rc_t   rc;

    rc = room(c);

    if (rc != KECS_OK) {
        return rc;
    }

    rc = decode(c, body, &in);

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_object(&c->out, NULL);
    rc = c->op->handler(c, in);
    kecs_w_object_end(&c->out);

    if (rc == KECS_OK) {
        rc = check_enums(c, in);
    }

    if (rc == KECS_OK && c->buf->failed) {
        rc = KECS_NOMEM;
    }

    return rc;
}


/*
 * An allocation that a test makes fail, or real exhaustion, may strike
 * within the error path too; the buffer then holds a constant.
 */

static void
last_resort(kecs_call_t *c)
{
    static const kecs_str_t  text = kecs_string("{\"__type\":"
                                                "\"ServerException\"}");

    if (c->buf->failed) {
        c->buf->failed = false;
        c->buf->len = 0;
        kecs_buf_str(c->buf, text);
    }
}


kecs_rc_t
kecs_call_run(kecs_call_t *c, kecs_str_t body, unsigned *status)
{
    kecs_rc_t  rc;

    c->out = kecs_writer(c->buf);
    c->error = KECS_E_NONE;
    c->message = kecs_null_str;
    c->extra = kecs_null_str;

    rc = c->scope != 0 ? KECS_OK
                       : kecs_scope_get(c->txn, c->account, c->region,
                                        false, &c->scope);

    if (rc == KECS_OK || rc == KECS_NOT_FOUND) {
        rc = handle(c, body);
    }

    if (rc == KECS_OK) {
        *status = 200;
        return KECS_OK;
    }

    if (rc != KECS_FAILED) {
        c->error = KECS_E_SERVER;
        c->message = server_message(rc);
        c->extra = kecs_null_str;
    }

    kecs_call_error(c);
    last_resort(c);
    *status = kecs_error_status(c->error);

    return rc;
}
