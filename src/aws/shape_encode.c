/*
 * C structure -> JSON, driven by the tables of a shape, whose members are
 * sorted by name, as AWS writes them.  Decoding what is written here gives
 * the same structure.  Failures stick to the writer's buffer.
 */

#include <math.h>
#include <stdio.h>

#include "shape.h"


/* 50 and 0.5, never 5e+01. */

static void
write_double(kecs_writer_t *w, const char *name, double d)
{
    if (d == trunc(d) && fabs(d) < 1e15) {
        kecs_w_i64(w, name, (int64_t) d);

    } else {
        kecs_w_double(w, name, d);
    }
}


/* Epoch seconds, with milliseconds where there are some. */

static void
write_time(kecs_writer_t *w, const char *name, double seconds)
{
    int   len;
    char  text[64];

    if (!(fabs(seconds) < 1e12)) {
        w->buf->failed = true;
        return;
    }

    if (w->iso) {
        kecs_w_time(w, name, (kecs_msec_t) (seconds * 1000 + 0.5));
        return;
    }

    len = snprintf(text, sizeof(text), "%.3f", seconds);

    while (text[len - 1] == '0') {
        len--;
    }

    if (text[len - 1] == '.') {
        len--;
    }

    kecs_w_raw(w, name, kecs_str_n(text, (size_t) len));
}


static void
write_list(kecs_writer_t *w, const char *name, const kecs_shape_t *shape,
    const void *value)
{
    size_t       i;
    const char  *items;
    kecs_list_t  list;

    /* copied: its type is that of the list's elements */

    memcpy(&list, value, sizeof(list));
    items = list.items;

    kecs_w_array(w, name);

    for (i = 0; i < list.n; i++) {
        kecs_shape_value(w, NULL, shape->of, items + i * shape->of->size);
    }

    kecs_w_array_end(w);
}


static void
write_map(kecs_writer_t *w, const char *name, const kecs_map_t *map)
{
    size_t  i;

    kecs_w_object(w, name);

    for (i = 0; i < map->n; i++) {
        if (map->items[i].value.data != NULL) {
            kecs_w_key(w, map->items[i].key);
            kecs_w_str(w, NULL, map->items[i].value);
        }
    }

    kecs_w_object_end(w);
}


void
kecs_shape_value(kecs_writer_t *w, const char *name,
    const kecs_shape_t *shape, const void *value)
{
    if (!kecs_shape_is_set(shape, value)) {
        return;
    }

    switch (shape->type) {

    case KECS_T_STRING:
        kecs_w_str(w, name, *(const kecs_str_t *) value);
        return;

    case KECS_T_INTEGER:
    case KECS_T_LONG:
        kecs_w_i64(w, name, ((const kecs_opt_int_t *) value)->value);
        return;

    case KECS_T_DOUBLE:
        write_double(w, name, ((const kecs_opt_double_t *) value)->value);
        return;

    case KECS_T_BOOLEAN:
        kecs_w_bool(w, name, ((const kecs_opt_bool_t *) value)->value);
        return;

    case KECS_T_TIMESTAMP:
        write_time(w, name, ((const kecs_opt_double_t *) value)->value);
        return;

    case KECS_T_STRUCTURE:
        kecs_shape_encode(w, name, shape, value);
        return;

    case KECS_T_LIST:
        write_list(w, name, shape, value);
        return;

    case KECS_T_MAP:
        write_map(w, name, value);
        return;

    case KECS_T_DOCUMENT:
        kecs_w_raw(w, name, *(const kecs_str_t *) value);
        return;
    }
}


void
kecs_shape_members(kecs_writer_t *w, const kecs_shape_t *shape,
    const void *value)
{
    unsigned              i;
    const void           *field;
    const kecs_member_t  *member;

    for (i = 0; i < shape->n; i++) {
        member = &shape->members[i];
        field = kecs_member_value(member, value);

        if (field != NULL) {
            kecs_shape_value(w, member->name, member->shape, field);
        }
    }
}


void
kecs_shape_encode(kecs_writer_t *w, const char *name,
    const kecs_shape_t *shape, const void *value)
{
    kecs_w_object(w, name);
    kecs_shape_members(w, shape, value);
    kecs_w_object_end(w);
}


kecs_str_t
kecs_shape_json(kecs_arena_t *a, const kecs_shape_t *shape,
    const void *value)
{
    kecs_buf_t     buf;
    kecs_writer_t  w;

    kecs_buf_init(&buf, a, 0);
    w = kecs_writer(&buf);
    kecs_shape_encode(&w, NULL, shape, value);

    return buf.failed ? kecs_null_str : kecs_buf_view(&buf);
}
