/*
 * JSON tree -> C structure, driven by the tables of a shape.  The tree's
 * depth and size are bounded by the parser, so recursion is too.  Typed
 * lists and pointers to structures are stored by memcpy, because their C
 * types are known to the generated header only.
 */

#include <math.h>

#include "shape.h"


typedef struct {
    kecs_arena_t        *arena;
    kecs_shape_error_t  *err;
} decoder_t;

typedef kecs_rc_t (*decode_pt)(decoder_t *d, const kecs_shape_t *shape,
    const kecs_json_t *v, void *out);


static kecs_rc_t decode_string(decoder_t *d, const kecs_shape_t *shape,
    const kecs_json_t *v, void *out);
static kecs_rc_t decode_integer(decoder_t *d, const kecs_shape_t *shape,
    const kecs_json_t *v, void *out);
static kecs_rc_t decode_double(decoder_t *d, const kecs_shape_t *shape,
    const kecs_json_t *v, void *out);
static kecs_rc_t decode_boolean(decoder_t *d, const kecs_shape_t *shape,
    const kecs_json_t *v, void *out);
static kecs_rc_t decode_timestamp(decoder_t *d, const kecs_shape_t *shape,
    const kecs_json_t *v, void *out);
static kecs_rc_t decode_structure(decoder_t *d, const kecs_shape_t *shape,
    const kecs_json_t *v, void *out);
static kecs_rc_t decode_list(decoder_t *d, const kecs_shape_t *shape,
    const kecs_json_t *v, void *out);
static kecs_rc_t decode_map(decoder_t *d, const kecs_shape_t *shape,
    const kecs_json_t *v, void *out);
static kecs_rc_t decode_document(decoder_t *d, const kecs_shape_t *shape,
    const kecs_json_t *v, void *out);


static const struct {
    decode_pt    decode;
    const char  *name;       /* what AWS's messages call the type */
    const char  *class;
} types[] = {
    [KECS_T_STRING] = { decode_string, "String", "java.lang.String" },
    [KECS_T_INTEGER] = { decode_integer, "Integer", "java.lang.Integer" },
    [KECS_T_LONG] = { decode_integer, "Long", "java.lang.Long" },
    [KECS_T_DOUBLE] = { decode_double, "Double", "java.lang.Double" },
    [KECS_T_BOOLEAN] = { decode_boolean, "Boolean", "java.lang.Boolean" },
    [KECS_T_TIMESTAMP] = { decode_timestamp, "milliseconds since epoch",
                           "java.util.Date" },
    [KECS_T_STRUCTURE] = { decode_structure, NULL, NULL },
    [KECS_T_LIST] = { decode_list, NULL, NULL },
    [KECS_T_MAP] = { decode_map, NULL, NULL },
    [KECS_T_DOCUMENT] = { decode_document, NULL, NULL },
};


/* Errors. */

static kecs_rc_t
refuse(decoder_t *d, kecs_str_t message)
{
    if (message.data == NULL) {
        return KECS_NOMEM;
    }

    d->err->type = "SerializationException";
    d->err->message = message;

    return KECS_INVALID;
}


static const char *
token(const kecs_json_t *v)
{
    if (v->type == KECS_JSON_BOOL) {
        return v->boolean ? "TRUE_VALUE" : "FALSE_VALUE";
    }

    if (v->type == KECS_JSON_NUMBER) {
        return strpbrk(v->str.data, ".eE") ? "DECIMAL_VALUE"
                                           : "NUMBER_VALUE";
    }

    return "STRING_VALUE";
}


/* The value's JSON type, or its number, is not what the shape wants. */

static kecs_rc_t
mismatch(decoder_t *d, const kecs_shape_t *shape, const kecs_json_t *v)
{
    const char  *name, *class;

    name = types[shape->type].name;
    class = types[shape->type].class;

    if (v->type == KECS_JSON_OBJECT) {
        return refuse(d, kecs_str("Start of structure or map found where "
                                  "not expected"));
    }

    if (v->type == KECS_JSON_ARRAY) {
        return refuse(d, class == NULL
                      ? kecs_str("Start of list found where not expected")
                      : kecs_sprintf(d->arena, "Unrecognized collection "
                                     "type class %s", class));
    }

    if (name == NULL) {
        return refuse(d, kecs_str("Unexpected field type"));
    }

    if (shape->type == KECS_T_BOOLEAN && v->type == KECS_JSON_STRING) {
        return refuse(d, kecs_str("Unexpected token received from parser"));
    }

    return refuse(d, kecs_sprintf(d->arena, "%s cannot be converted to %s",
                                  token(v), name));
}


/* Scalars. */

static kecs_rc_t
decode_string(decoder_t *d, const kecs_shape_t *shape, const kecs_json_t *v,
    void *out)
{
    if (v->type != KECS_JSON_STRING) {
        return mismatch(d, shape, v);
    }

    *(kecs_str_t *) out = v->str;

    return KECS_OK;
}


/* A number without a fraction, also when written as 1.0 or 1e3. */

static bool
integral(const kecs_json_t *v, int64_t *n)
{
    double  x;

    if (kecs_json_i64(v, n)) {
        return true;
    }

    /* 2^63 is the first number that does not fit */

    if (!kecs_json_double(v, &x) || x != trunc(x)
        || x < -0x1p63 || x >= 0x1p63)
    {
        return false;
    }

    *n = (int64_t) x;

    return true;
}


static kecs_rc_t
decode_integer(decoder_t *d, const kecs_shape_t *shape, const kecs_json_t *v,
    void *out)
{
    int64_t          n;
    kecs_opt_int_t  *opt = out;

    if (!integral(v, &n)) {
        return mismatch(d, shape, v);
    }

    if (shape->type == KECS_T_INTEGER && (n < INT32_MIN || n > INT32_MAX)) {
        return mismatch(d, shape, v);
    }

    opt->value = n;
    opt->set = true;

    return KECS_OK;
}


static kecs_rc_t
decode_double(decoder_t *d, const kecs_shape_t *shape, const kecs_json_t *v,
    void *out)
{
    double              x;
    kecs_opt_double_t  *opt = out;

    if (!kecs_json_double(v, &x) || !isfinite(x)) {
        return mismatch(d, shape, v);
    }

    opt->value = x;
    opt->set = true;

    return KECS_OK;
}


static kecs_rc_t
decode_boolean(decoder_t *d, const kecs_shape_t *shape, const kecs_json_t *v,
    void *out)
{
    kecs_opt_bool_t  *opt = out;

    if (v->type != KECS_JSON_BOOL) {
        return mismatch(d, shape, v);
    }

    opt->value = v->boolean;
    opt->set = true;

    return KECS_OK;
}


/* Epoch seconds; kept to the millisecond, as they are written again. */

static kecs_rc_t
decode_timestamp(decoder_t *d, const kecs_shape_t *shape,
    const kecs_json_t *v, void *out)
{
    double              x;
    kecs_opt_double_t  *opt = out;

    /* up to the year 33658: far from where milliseconds get lost */

    if (!kecs_json_double(v, &x) || !(fabs(x) < 1e12)) {
        return mismatch(d, shape, v);
    }

    opt->value = round(x * 1000) / 1000;
    opt->set = true;

    return KECS_OK;
}


/* What holds other values. */

static kecs_rc_t
decode_value(decoder_t *d, const kecs_shape_t *shape, const kecs_json_t *v,
    void *out)
{
    return types[shape->type].decode(d, shape, v, out);
}


/*
 * A member that is given again replaces what was there, null included: the
 * parser does not look for duplicates in very large objects.
 */

static kecs_rc_t
decode_member(decoder_t *d, const kecs_member_t *member,
    const kecs_json_t *v, char *structure)
{
    char                *field;
    void                *inner;
    const kecs_shape_t  *shape;

    shape = member->shape;
    field = structure + member->offset;

    if (shape->type != KECS_T_STRUCTURE) {
        memset(field, 0, shape->size);
        return v->type == KECS_JSON_NULL ? KECS_OK
                                         : decode_value(d, shape, v, field);
    }

    memset(field, 0, sizeof(inner));

    if (v->type == KECS_JSON_NULL) {
        return KECS_OK;
    }

    inner = kecs_zalloc(d->arena, shape->size);
    if (inner == NULL) {
        return KECS_NOMEM;
    }

    memcpy(field, &inner, sizeof(inner));

    return decode_structure(d, shape, v, inner);
}


static kecs_rc_t
decode_structure(decoder_t *d, const kecs_shape_t *shape,
    const kecs_json_t *v, void *out)
{
    kecs_rc_t             rc;
    const kecs_json_t    *child;
    const kecs_member_t  *member;

    if (v->type != KECS_JSON_OBJECT) {
        return mismatch(d, shape, v);
    }

    for (child = v->first; child != NULL; child = child->next) {

        member = kecs_shape_member(shape, child->name);
        if (member == NULL) {
            continue;
        }

        rc = decode_member(d, member, child, out);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}


static kecs_rc_t
decode_list(decoder_t *d, const kecs_shape_t *shape, const kecs_json_t *v,
    void *out)
{
    char               *item;
    kecs_rc_t           rc;
    kecs_list_t         list;
    const kecs_json_t  *child;

    if (v->type != KECS_JSON_ARRAY) {
        return mismatch(d, shape, v);
    }

    list.n = 0;
    list.set = true;
    list.items = kecs_calloc(d->arena, v->n, shape->of->size);

    if (list.items == NULL) {
        return KECS_NOMEM;
    }

    for (child = v->first; child != NULL; child = child->next) {

        if (child->type == KECS_JSON_NULL) {
            continue;
        }

        item = (char *) list.items + list.n++ * shape->of->size;

        rc = decode_value(d, shape->of, child, item);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    memcpy(out, &list, sizeof(list));

    return KECS_OK;
}


static kecs_rc_t
decode_map(decoder_t *d, const kecs_shape_t *shape, const kecs_json_t *v,
    void *out)
{
    kecs_rc_t           rc;
    kecs_map_t         *map = out;
    kecs_map_entry_t   *entry;
    const kecs_json_t  *child;

    if (v->type != KECS_JSON_OBJECT) {
        return mismatch(d, shape, v);
    }

    map->items = kecs_calloc(d->arena, v->n, sizeof(kecs_map_entry_t));
    if (map->items == NULL) {
        return KECS_NOMEM;
    }

    map->set = true;

    for (child = v->first; child != NULL; child = child->next) {

        if (child->type == KECS_JSON_NULL) {
            continue;
        }

        entry = &map->items[map->n++];
        entry->key = child->name;

        rc = decode_string(d, shape->of, child, &entry->value);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}


/* Documents keep their JSON text, written compactly. */

static kecs_rc_t
decode_document(decoder_t *d, const kecs_shape_t *shape,
    const kecs_json_t *v, void *out)
{
    kecs_buf_t     buf;
    kecs_writer_t  w;

    if (v->type != KECS_JSON_OBJECT) {
        return mismatch(d, shape, v);
    }

    kecs_buf_init(&buf, d->arena, 0);
    w = kecs_writer(&buf);
    kecs_w_json(&w, NULL, v);

    if (buf.failed) {
        return KECS_NOMEM;
    }

    *(kecs_str_t *) out = kecs_buf_view(&buf);

    return KECS_OK;
}


kecs_rc_t
kecs_shape_decode(kecs_arena_t *a, const kecs_shape_t *shape,
    const kecs_json_t *v, bool strict, void **out, kecs_shape_error_t *err)
{
    kecs_rc_t  rc;
    decoder_t  d = { a, err };

    *out = kecs_zalloc(a, shape->size);
    if (*out == NULL) {
        return KECS_NOMEM;
    }

    if (v != NULL) {
        rc = decode_structure(&d, shape, v, *out);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    return strict ? kecs_shape_check(a, shape, *out, err) : KECS_OK;
}


kecs_rc_t
kecs_shape_load(kecs_arena_t *a, const kecs_shape_t *shape, kecs_str_t json,
    void **out)
{
    kecs_rc_t            rc;
    kecs_json_t         *v;
    kecs_shape_error_t   err;

    rc = kecs_json_parse(a, json, &v);
    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_shape_decode(a, shape, v, false, out, &err);
}
