/*
 * JSON in: a tree in an arena, built from yajl's callbacks.  Strings are
 * unescaped, valid UTF-8 without NUL.  Numbers keep their text.  Depth,
 * number of values and duplicate members are checked here, so that nothing
 * above has to fear an input: at most KECS_JSON_DEPTH levels and
 * KECS_JSON_VALUES values.  Of duplicate members the last one counts.
 * Members keep their order.
 */

#ifndef KECS_JSON_H
#define KECS_JSON_H


#include "../base/arena.h"


#define KECS_JSON_DEPTH   64
#define KECS_JSON_VALUES  100000


typedef enum {
    KECS_JSON_NULL = 0,
    KECS_JSON_BOOL,
    KECS_JSON_NUMBER,
    KECS_JSON_STRING,
    KECS_JSON_ARRAY,
    KECS_JSON_OBJECT
} kecs_json_type_t;

typedef struct kecs_json_s  kecs_json_t;

struct kecs_json_s {
    kecs_json_type_t   type;
    bool               boolean;
    kecs_str_t         name;       /* within an object */
    kecs_str_t         str;        /* STRING, or NUMBER as written */
    size_t             n;          /* ARRAY, OBJECT: number of children */
    kecs_json_t       *first;      /* ARRAY, OBJECT: children, linked */
    kecs_json_t       *next;
};


/*
 * Parses one value that must fill `text` (white space around it allowed).
 * KECS_OK, KECS_NOMEM, KECS_INVALID (malformed; an empty text too),
 * KECS_TOO_LARGE (too deep, too many values).
 */
kecs_rc_t kecs_json_parse(kecs_arena_t *a, kecs_str_t text,
    kecs_json_t **out);

/* Member of an object, NULL when absent or when `o` is NULL/no object. */
const kecs_json_t *kecs_json_get(const kecs_json_t *o, const char *name);

/* Follows a path of member names: kecs_json_at(o, "status", "phase", NULL) */
const kecs_json_t *kecs_json_at(const kecs_json_t *o, ...)
    __attribute__((sentinel));

/* The string of a STRING, otherwise absent. */
kecs_str_t kecs_json_str(const kecs_json_t *v);

/* A NUMBER without fraction or exponent that fits; false otherwise. */
bool kecs_json_i64(const kecs_json_t *v, int64_t *n);
bool kecs_json_double(const kecs_json_t *v, double *d);

/* true only for a BOOL that is true. */
bool kecs_json_true(const kecs_json_t *v);


#endif
