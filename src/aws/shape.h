/*
 * Shapes: the service model as tables (generated into ecs/shapes.gen.c by
 * tools/shapes), and what works on them: JSON -> C struct with checks,
 * C struct -> JSON.  A shape says how a value lies in memory:
 *
 *     string              kecs_str_t           data NULL: absent
 *     integer, long       kecs_opt_int_t
 *     double, timestamp   kecs_opt_double_t    timestamp: epoch seconds
 *     boolean             kecs_opt_bool_t
 *     structure           pointer to it        NULL: absent
 *     list                {n, items, set}      set && n == 0: given empty
 *     map                 kecs_map_t           string to string
 *     document            kecs_str_t           the JSON text
 *
 * In a list the elements lie side by side in these representations, save
 * structures, which lie there themselves, not as pointers.  A member that
 * is null counts as absent; unknown members, null elements of a list and
 * null values of a map are dropped, so that an element is never absent.
 * All memory comes from the arena given; strings may point into the JSON
 * tree's arena.  Everything here may be called from any thread.
 *
 * A member or shape that is newer than the model is put into
 * tools/shapes.overlay.json in the model's own form:
 *
 *     { "shapes": { "Task": { "members": {
 *           "newField": { "shape": "String" } } } },
 *       "operations": {} }
 *
 * and `make shapes` writes the tables anew.  A shape that the model has
 * gets the members, required names and enumeration values added; others
 * are added whole.  When the model has learnt it, `make shapes` says so.
 */

#ifndef KECS_SHAPE_H
#define KECS_SHAPE_H


#include "../json/json.h"
#include "../json/json_writer.h"


typedef enum {
    KECS_T_STRING = 0,
    KECS_T_INTEGER,
    KECS_T_LONG,
    KECS_T_DOUBLE,
    KECS_T_BOOLEAN,
    KECS_T_TIMESTAMP,
    KECS_T_STRUCTURE,
    KECS_T_LIST,
    KECS_T_MAP,
    KECS_T_DOCUMENT
} kecs_type_t;

typedef struct { int64_t value; bool set; }  kecs_opt_int_t;
typedef struct { double value; bool set; }   kecs_opt_double_t;
typedef struct { bool value; bool set; }     kecs_opt_bool_t;

typedef struct { kecs_str_t key; kecs_str_t value; }  kecs_map_entry_t;
typedef struct { size_t n; kecs_map_entry_t *items; bool set; }  kecs_map_t;

/* Any list; the generated ones have the same layout with a typed `items`. */
typedef struct { size_t n; void *items; bool set; }  kecs_list_t;

#define kecs_list_of(type)  struct { size_t n; type *items; bool set; }


typedef struct kecs_shape_s   kecs_shape_t;
typedef struct kecs_member_s  kecs_member_t;

#define KECS_SHAPE_MIN        0x01   /* min counts */
#define KECS_SHAPE_MAX        0x02
#define KECS_SHAPE_UNION      0x04   /* exactly one member is set */
#define KECS_SHAPE_SENSITIVE  0x08   /* never logged */

struct kecs_shape_s {
    const char           *name;      /* as in the model */
    kecs_type_t           type;
    unsigned              flags;
    double                min;       /* of a number, a length, a count */
    double                max;
    const char           *pattern;   /* strings; whole value must match */
    const char *const    *values;    /* enumeration, ends with NULL */
    size_t                size;      /* sizeof the C representation */
    const kecs_member_t  *members;   /* structures, sorted by name */
    unsigned              n;
    const kecs_shape_t   *of;        /* element of a list, value of a map */
};

#define KECS_MEMBER_REQUIRED  0x01
#define KECS_MEMBER_TOKEN     0x02   /* idempotency token */

struct kecs_member_s {
    const char          *name;
    size_t               offset;
    unsigned             flags;
    const kecs_shape_t  *shape;
};


/* A row of the table of all operations; output NULL: none. */
typedef struct {
    const char          *name;
    const kecs_shape_t  *input;
    const kecs_shape_t  *output;
} kecs_model_op_t;

typedef struct {
    const char  *name;
    bool         fault;          /* the server's, answered with 500 */
} kecs_model_exception_t;


/*
 * Why a decode failed, in AWS's form.  `type` is "SerializationException"
 * for a wrong JSON type and "InvalidParameterException" for a broken
 * constraint, `message` lies in the arena.
 */
typedef struct {
    const char  *type;
    kecs_str_t   message;
} kecs_shape_error_t;


/*
 * Decodes a JSON object into the structure `shape` (zeroed, allocated from
 * `a`).  Checks JSON types and - when `strict` - all that kecs_shape_check
 * checks.  v == NULL counts as {}.
 * KECS_OK, KECS_NOMEM, KECS_INVALID (*err is filled).
 */
kecs_rc_t kecs_shape_decode(kecs_arena_t *a, const kecs_shape_t *shape,
    const kecs_json_t *v, bool strict, void **out, kecs_shape_error_t *err);

/*
 * Checks a decoded structure against the model: required members, ranges,
 * lengths, patterns, unions.  Gathers up to KECS_SHAPE_ERRORS violations
 * into one message ("2 validation errors detected: ...").  A handler whose
 * own texts come first decodes without `strict` and calls this later.
 * Enumerations are not checked: ECS has texts of its own for most of them.
 * KECS_OK, KECS_NOMEM, KECS_INVALID (*err is filled).
 */
#define KECS_SHAPE_ERRORS  10
kecs_rc_t kecs_shape_check(kecs_arena_t *a, const kecs_shape_t *shape,
    const void *value, kecs_shape_error_t *err);

/*
 * Checks the enumerations alone, in the same form: for those that the
 * handler had no text for.  An empty string counts as none given.
 */
kecs_rc_t kecs_shape_check_enums(kecs_arena_t *a,
    const kecs_shape_t *shape, const void *value, kecs_shape_error_t *err);

/* Parses and decodes a stored fragment; no strict checks. */
kecs_rc_t kecs_shape_load(kecs_arena_t *a, const kecs_shape_t *shape,
    kecs_str_t json, void **out);

/*
 * Writes a structure: members that are set, in alphabetical order.
 * kecs_shape_members writes them into the object that is open.
 */
void kecs_shape_encode(kecs_writer_t *w, const char *name,
    const kecs_shape_t *shape, const void *value);
void kecs_shape_members(kecs_writer_t *w, const kecs_shape_t *shape,
    const void *value);

/*
 * Writes one value of any type by its shape; nothing when it is absent.
 * For a structure `value` is the structure itself.
 */
void kecs_shape_value(kecs_writer_t *w, const char *name,
    const kecs_shape_t *shape, const void *value);

/* The structure as a fragment in the arena; absent: out of memory. */
kecs_str_t kecs_shape_json(kecs_arena_t *a, const kecs_shape_t *shape,
    const void *value);

/* Member of a structure shape by name, or NULL. */
const kecs_member_t *kecs_shape_member(const kecs_shape_t *shape,
    kecs_str_t name);

/*
 * The value of a member of `structure` as kecs_shape_value takes it, NULL
 * when it is absent.
 */
const void *kecs_member_value(const kecs_member_t *member,
    const void *structure);

/* Whether a value is there (a list or map given empty is). */
bool kecs_shape_is_set(const kecs_shape_t *shape, const void *value);

/* One of the enumeration's values. */
bool kecs_shape_has_value(const kecs_shape_t *shape, kecs_str_t value);


#endif
