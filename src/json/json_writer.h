/*
 * JSON out: appends to a kecs_buf_t, compact, commas kept track of.  Text
 * that is not valid UTF-8 never gets here (inputs are checked).  A `name`
 * of NULL writes an element of an array or the top-level value.
 */

#ifndef KECS_JSON_WRITER_H
#define KECS_JSON_WRITER_H


#include "../base/buf.h"
#include "../base/clock.h"
#include "json.h"


typedef struct {
    kecs_buf_t  *buf;
    bool         comma;     /* a value precedes on this level */
    bool         iso;       /* times are text, "2026-11-21T14:40:15.123Z" */
} kecs_writer_t;


static inline kecs_writer_t
kecs_writer(kecs_buf_t *buf)
{
    return (kecs_writer_t) { buf, false, false };
}

void kecs_w_object(kecs_writer_t *w, const char *name);
void kecs_w_object_end(kecs_writer_t *w);
void kecs_w_array(kecs_writer_t *w, const char *name);
void kecs_w_array_end(kecs_writer_t *w);

void kecs_w_str(kecs_writer_t *w, const char *name, kecs_str_t s);
void kecs_w_cstr(kecs_writer_t *w, const char *name, const char *s);
void kecs_w_printf(kecs_writer_t *w, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void kecs_w_i64(kecs_writer_t *w, const char *name, int64_t n);
void kecs_w_double(kecs_writer_t *w, const char *name, double d);
void kecs_w_bool(kecs_writer_t *w, const char *name, bool b);
void kecs_w_null(kecs_writer_t *w, const char *name);

/*
 * Epoch seconds with milliseconds, 1789551556.693, or text as the writer's
 * `iso` says; nothing when t is 0.
 */
void kecs_w_time(kecs_writer_t *w, const char *name, kecs_msec_t t);

/* As kecs_w_str, but nothing when s is absent. */
void kecs_w_opt_str(kecs_writer_t *w, const char *name, kecs_str_t s);

/* A member whose name is not a C string (maps). */
void kecs_w_key(kecs_writer_t *w, kecs_str_t name);

/* A tree as it was parsed, compactly. */
void kecs_w_json(kecs_writer_t *w, const char *name, const kecs_json_t *v);

/* A complete JSON value, as it is; nothing when absent. */
void kecs_w_raw(kecs_writer_t *w, const char *name, kecs_str_t json);

/* A tree as it was read; nothing when NULL. */
void kecs_w_tree(kecs_writer_t *w, const char *name, const kecs_json_t *v);

/* The members of a complete JSON object, into the object that is open. */
void kecs_w_splice(kecs_writer_t *w, kecs_str_t object);


#endif
