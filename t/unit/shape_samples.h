/*
 * A sample of every shape, as JSON made from its table, within its limits:
 * strings, numbers and lists of all members, for tests over the whole
 * model.  `pick` chooses the member of a union.
 */

#ifndef KECS_T_SHAPE_SAMPLES_H
#define KECS_T_SHAPE_SAMPLES_H


#include "../../src/aws/shape.h"


#define SAMPLE_DEPTH  24


static void sample(kecs_writer_t *w, const char *name,
    const kecs_shape_t *shape, unsigned pick, unsigned depth);


static double
sample_number(const kecs_shape_t *shape)
{
    return shape->flags & KECS_SHAPE_MIN ? shape->min : 7;
}


static void
sample_list(kecs_writer_t *w, const char *name, const kecs_shape_t *shape,
    unsigned pick, unsigned depth)
{
    unsigned  i, n;

    n = shape->flags & KECS_SHAPE_MAX && shape->max < 2 ? 1 : 2;

    kecs_w_array(w, name);

    for (i = 0; i < n && depth < SAMPLE_DEPTH; i++) {
        sample(w, NULL, shape->of, pick + i, depth + 1);
    }

    kecs_w_array_end(w);
}


static void
sample_structure(kecs_writer_t *w, const char *name,
    const kecs_shape_t *shape, unsigned pick, unsigned depth)
{
    unsigned  i;

    kecs_w_object(w, name);

    for (i = 0; i < shape->n && depth < SAMPLE_DEPTH; i++) {
        if (!(shape->flags & KECS_SHAPE_UNION) || i == pick % shape->n) {
            sample(w, shape->members[i].name, shape->members[i].shape, pick,
                   depth + 1);
        }
    }

    kecs_w_object_end(w);
}


static void
sample(kecs_writer_t *w, const char *name, const kecs_shape_t *shape,
    unsigned pick, unsigned depth)
{
    switch (shape->type) {

    case KECS_T_STRING:
        kecs_w_cstr(w, name, shape->values ? shape->values[0] : "abc");
        return;

    case KECS_T_INTEGER:
    case KECS_T_LONG:
        kecs_w_i64(w, name, (int64_t) sample_number(shape));
        return;

    case KECS_T_DOUBLE:
        kecs_w_double(w, name, sample_number(shape) + 0.5);
        return;

    case KECS_T_BOOLEAN:
        kecs_w_bool(w, name, pick & 1);
        return;

    case KECS_T_TIMESTAMP:
        kecs_w_raw(w, name, kecs_str("1789551556.69"));
        return;

    case KECS_T_STRUCTURE:
        sample_structure(w, name, shape, pick, depth);
        return;

    case KECS_T_LIST:
        sample_list(w, name, shape, pick, depth);
        return;

    case KECS_T_MAP:
        kecs_w_raw(w, name, kecs_str("{\"k\":\"v\",\"\":\"\"}"));
        return;

    case KECS_T_DOCUMENT:
        kecs_w_raw(w, name, kecs_str("{\"b\":[1.50,null],\"a\":{}}"));
        return;
    }
}


/* The sample of a structure, NUL-terminated; absent: out of memory. */

static kecs_str_t
sample_json(kecs_arena_t *a, const kecs_shape_t *shape, unsigned pick)
{
    kecs_buf_t     buf;
    kecs_writer_t  w;

    kecs_buf_init(&buf, a, 0);
    w = kecs_writer(&buf);
    sample(&w, NULL, shape, pick, 0);

    return buf.failed ? kecs_null_str : kecs_strdup(a, kecs_buf_view(&buf));
}


#endif
