/*
 * Out of memory: the N-th allocation fails, for N from 1 until the work
 * succeeds.  Every failure is KECS_NOMEM, and nothing crashes or leaks.
 */

#include "../../src/ecs/shapes.gen.h"
#include "shape_bodies.h"
#include "shape_samples.h"
#include "tap.h"


#define ENOUGH  100000      /* more allocations than any case needs */

typedef kecs_rc_t (*work_pt)(kecs_arena_t *a, const kecs_shape_t *shape,
    const void *in);


static kecs_rc_t
decode(kecs_arena_t *a, const kecs_shape_t *shape, const void *in)
{
    void                *out;
    kecs_shape_error_t   err;

    return kecs_shape_decode(a, shape, in, true, &out, &err);
}


static kecs_rc_t
load(kecs_arena_t *a, const kecs_shape_t *shape, const void *in)
{
    void  *out;

    return kecs_shape_load(a, shape, *(const kecs_str_t *) in, &out);
}


static kecs_rc_t
encode(kecs_arena_t *a, const kecs_shape_t *shape, const void *in)
{
    return kecs_shape_json(a, shape, in).data != NULL ? KECS_OK
                                                      : KECS_NOMEM;
}


/* Fails each allocation in turn; the work must end with `want`. */

static void
sweep(work_pt work, const kecs_shape_t *shape, const void *in,
    kecs_rc_t want, const char *what)
{
    unsigned       n;
    kecs_rc_t      rc;
    kecs_arena_t  *a;

    rc = KECS_NOMEM;

    for (n = 1; n < ENOUGH && rc == KECS_NOMEM; n++) {
        a = kecs_arena_create(0);
        kecs_arena_fail_after(a, n);
        rc = work(a, shape, in);
        kecs_arena_destroy(a);
    }

    tap_ok(rc == want && n > 2, "%s of %s: %u failures, then %d", what,
           shape->name, n - 2, (int) rc);
}


static void
body(kecs_arena_t *a, const kecs_shape_t *shape, const char *json,
    kecs_rc_t want)
{
    void                *out;
    kecs_str_t           text;
    kecs_json_t         *v;
    kecs_shape_error_t   err;

    text = kecs_str_of(json);

    if (!tap_ok(kecs_json_parse(a, text, &v) == KECS_OK, "parsed")) {
        return;
    }

    sweep(decode, shape, v, want, "decoding");

    if (want != KECS_OK) {
        return;
    }

    sweep(load, shape, &text, KECS_OK, "loading");

    if (kecs_shape_decode(a, shape, v, true, &out, &err) == KECS_OK) {
        sweep(encode, shape, out, KECS_OK, "encoding");
    }
}


int
main(void)
{
    unsigned             i;
    kecs_arena_t        *a;
    const kecs_shape_t  *shape;

    a = kecs_arena_create(0);

    body(a, &kecs_ecs_register_task_definition_request_shape, register_body,
         KECS_OK);
    body(a, &kecs_ecs_create_service_request_shape, service_body, KECS_OK);
    body(a, &kecs_ecs_run_task_request_shape, run_body, KECS_OK);

    body(a, &kecs_ecs_run_task_request_shape, "{\"count\":\"2\"}",
         KECS_INVALID);
    body(a, &kecs_ecs_run_task_request_shape, "{\"tags\":[{\"key\":\"!\"}]}",
         KECS_INVALID);

    for (i = 0; i < KECS_ECS_MODEL_OPS; i += 7) {
        shape = kecs_ecs_model_ops[i].output;

        if (shape->n > 0) {
            body(a, shape, sample_json(a, shape, i).data, KECS_OK);
        }
    }

    kecs_arena_destroy(a);

    return tap_done();
}
