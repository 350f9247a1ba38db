/*
 * The model's constraints on a decoded structure, told in AWS's form:
 *
 *     2 validation errors detected: Value null at 'family' failed to
 *     satisfy constraint: Member must not be null; Value '-1' at ...
 *
 * Elements of a list are named `tags.1.member.key`; scalars in a list are
 * told together at the list.  Compiled patterns are kept for the life of
 * the process, under a lock; everything else is in the caller's arena.
 */

#define PCRE2_CODE_UNIT_WIDTH  8

#include <pcre2.h>
#include <pthread.h>
#include <stdlib.h>

#include "shape.h"


#define KECS_VALUE_SHOWN  256      /* bytes of a value in a message */

typedef struct path_s     path_t;
typedef struct pattern_s  pattern_t;

struct path_s {
    const path_t  *up;             /* NULL: the whole input */
    const char    *name;           /* NULL: an element */
    size_t         index;          /* from 1 */
};

typedef struct {
    kecs_buf_t     buf;            /* violations, separated by "; " */
    unsigned       n;
    bool           enums;          /* these alone are checked */
    bool           nomem;
} check_t;

struct pattern_s {
    pattern_t     *next;
    const char    *text;
    pcre2_code    *code;
};


static pattern_t        *patterns;
static pthread_mutex_t   patterns_lock = PTHREAD_MUTEX_INITIALIZER;


static void check_structure(check_t *c, const path_t *path,
    const kecs_shape_t *shape, const void *value);


/* Patterns. */

/* Compiles and keeps a pattern; NULL: out of memory. */

static pattern_t *
keep(const char *text)
{
    int         code;
    size_t      offset;
    pattern_t  *p;

    p = malloc(sizeof(pattern_t));
    if (p == NULL) {
        return NULL;
    }

    p->text = text;
    p->code = pcre2_compile((PCRE2_SPTR) text, PCRE2_ZERO_TERMINATED,
                            PCRE2_UTF|PCRE2_ANCHORED|PCRE2_ENDANCHORED,
                            &code, &offset, NULL);
    if (p->code == NULL) {
        free(p);
        return NULL;
    }

    p->next = patterns;
    patterns = p;

    return p;
}


static const pcre2_code *
compiled(const char *text)
{
    pattern_t  *p;

    (void) pthread_mutex_lock(&patterns_lock);

    for (p = patterns; p != NULL; p = p->next) {
        if (strcmp(p->text, text) == 0) {
            break;
        }
    }

    if (p == NULL) {
        p = keep(text);
    }

    (void) pthread_mutex_unlock(&patterns_lock);

    return p != NULL ? p->code : NULL;
}


static bool
matches(check_t *c, const char *pattern, kecs_str_t s)
{
    int                rc;
    const pcre2_code  *code;
    pcre2_match_data  *match;

    code = compiled(pattern);
    match = pcre2_match_data_create(1, NULL);

    if (code == NULL || match == NULL) {
        pcre2_match_data_free(match);
        c->nomem = true;
        return true;
    }

    rc = pcre2_match(code, (PCRE2_SPTR) s.data, s.len, 0, 0, match, NULL);
    pcre2_match_data_free(match);

    /* 0: matched, without room for the groups */

    return rc >= 0;
}


/* Which constraints a scalar, or the size of a list or map, breaks. */

enum {
    OVER_MAX = 0x01,
    BELOW_MIN = 0x02,
    NO_MATCH = 0x04,
    NO_VALUE = 0x08                /* of the enumeration */
};


static unsigned
out_of_bounds(const kecs_shape_t *shape, double n)
{
    unsigned  broken;

    broken = 0;

    if ((shape->flags & KECS_SHAPE_MAX) && n > shape->max) {
        broken |= OVER_MAX;
    }

    if ((shape->flags & KECS_SHAPE_MIN) && n < shape->min) {
        broken |= BELOW_MIN;
    }

    return broken;
}


static unsigned
broken_string(check_t *c, const kecs_shape_t *shape, kecs_str_t s)
{
    unsigned  broken;

    broken = 0;

    if (shape->flags & (KECS_SHAPE_MIN|KECS_SHAPE_MAX)) {
        broken = out_of_bounds(shape, (double) kecs_str_utf8_len(s));
    }

    if (shape->pattern != NULL && !matches(c, shape->pattern, s)) {
        broken |= NO_MATCH;
    }

    return broken;
}


/* An empty string stands for none given. */

static unsigned
broken_enum(const kecs_shape_t *shape, const void *value)
{
    kecs_str_t  s;

    if (shape->type != KECS_T_STRING || shape->values == NULL) {
        return 0;
    }

    s = *(const kecs_str_t *) value;

    return s.len == 0 || kecs_shape_has_value(shape, s) ? 0 : NO_VALUE;
}


static unsigned
broken_scalar(check_t *c, const kecs_shape_t *shape, const void *value)
{
    if (c->enums) {
        return broken_enum(shape, value);
    }

    switch (shape->type) {

    case KECS_T_STRING:
        return broken_string(c, shape, *(const kecs_str_t *) value);

    case KECS_T_INTEGER:
    case KECS_T_LONG:
        return out_of_bounds(shape,
                       (double) ((const kecs_opt_int_t *) value)->value);

    case KECS_T_DOUBLE:
        return out_of_bounds(shape,
                             ((const kecs_opt_double_t *) value)->value);

    default:
        return 0;
    }
}


/* Telling. */

static void
tell_path(kecs_buf_t *b, const path_t *path)
{
    if (path->up != NULL) {
        tell_path(b, path->up);

        if (path->up->up != NULL) {
            kecs_buf_chr(b, '.');
        }
    }

    if (path->name != NULL) {
        kecs_buf_str(b, kecs_str_of(path->name));

    } else if (path->index != 0) {
        kecs_buf_u64(b, path->index);
        kecs_buf_str(b, kecs_str(".member"));
    }
}


/* A text cut between two characters. */

static void
tell_text(kecs_buf_t *b, kecs_str_t s)
{
    size_t  len;

    len = s.len;

    if (len > KECS_VALUE_SHOWN) {
        len = KECS_VALUE_SHOWN;

        while (len > 0 && ((unsigned char) s.data[len] & 0xc0) == 0x80) {
            len--;
        }
    }

    kecs_buf_add(b, s.data, len);

    if (len < s.len) {
        kecs_buf_str(b, kecs_str("..."));
    }
}


static void
tell_list(kecs_buf_t *b, const void *value)
{
    size_t             i, start;
    kecs_list_t        list;
    const kecs_str_t  *item;

    memcpy(&list, value, sizeof(list));
    item = list.items;
    start = b->len;

    kecs_buf_chr(b, '[');

    for (i = 0; i < list.n; i++) {

        if (i > 0) {
            kecs_buf_str(b, kecs_str(", "));
        }

        if (b->len - start > KECS_VALUE_SHOWN) {
            kecs_buf_str(b, kecs_str("..."));
            break;
        }

        tell_text(b, item[i]);
    }

    kecs_buf_chr(b, ']');
}


/* What can be shown in short; the others are told of without it. */

static bool
is_shown(const kecs_shape_t *shape)
{
    if (shape->flags & KECS_SHAPE_SENSITIVE) {
        return false;
    }

    switch (shape->type) {

    case KECS_T_STRING:
    case KECS_T_INTEGER:
    case KECS_T_LONG:
    case KECS_T_DOUBLE:
        return true;

    case KECS_T_LIST:
        return shape->of->type == KECS_T_STRING && is_shown(shape->of);

    default:
        return false;
    }
}


static void
tell_value(kecs_buf_t *b, const kecs_shape_t *shape, const void *value)
{
    if (value == NULL) {
        kecs_buf_str(b, kecs_str("Value null"));
        return;
    }

    if (!is_shown(shape)) {
        kecs_buf_str(b, kecs_str("Value"));
        return;
    }

    kecs_buf_str(b, kecs_str("Value '"));

    if (shape->type == KECS_T_STRING) {
        tell_text(b, *(const kecs_str_t *) value);

    } else if (shape->type == KECS_T_LIST) {
        tell_list(b, value);

    } else if (shape->type == KECS_T_DOUBLE) {
        kecs_buf_printf(b, "%.15g",
                        ((const kecs_opt_double_t *) value)->value);

    } else {
        kecs_buf_i64(b, ((const kecs_opt_int_t *) value)->value);
    }

    kecs_buf_chr(b, '\'');
}


/* Begins a violation; false when there are enough of them. */

static bool
violation(check_t *c, const path_t *path, const kecs_shape_t *shape,
    const void *value)
{
    if (c->n == KECS_SHAPE_ERRORS) {
        return false;
    }

    if (c->n++ > 0) {
        kecs_buf_str(&c->buf, kecs_str("; "));
    }

    tell_value(&c->buf, shape, value);
    kecs_buf_str(&c->buf, kecs_str(" at '"));
    tell_path(&c->buf, path);
    kecs_buf_str(&c->buf, kecs_str("' failed to satisfy constraint: "));

    return true;
}


static void
tell_values(kecs_buf_t *b, const kecs_shape_t *shape)
{
    size_t  i;

    kecs_buf_str(b, kecs_str("Member must satisfy enum value set: ["));

    for (i = 0; shape->values[i] != NULL; i++) {
        kecs_buf_printf(b, "%s%s", i != 0 ? ", " : "", shape->values[i]);
    }

    kecs_buf_chr(b, ']');
}


/* One of the constraints of a shape, in words. */

static void
tell_constraint(kecs_buf_t *b, const kecs_shape_t *shape, unsigned which)
{
    bool  number;

    if (which == NO_MATCH) {
        kecs_buf_printf(b, "Member must satisfy regular expression "
                        "pattern: %s", shape->pattern);
        return;
    }

    if (which == NO_VALUE) {
        tell_values(b, shape);
        return;
    }

    number = shape->type == KECS_T_INTEGER || shape->type == KECS_T_LONG
             || shape->type == KECS_T_DOUBLE;

    kecs_buf_printf(b, "Member must have %s %s than or equal to %.15g",
                    number ? "value" : "length",
                    which == OVER_MAX ? "less" : "greater",
                    which == OVER_MAX ? shape->max : shape->min);
}


static void
tell_broken(check_t *c, const path_t *path, const kecs_shape_t *shape,
    const void *value, unsigned broken)
{
    unsigned  which;

    for (which = OVER_MAX; which <= NO_VALUE; which <<= 1) {
        if ((broken & which) && violation(c, path, shape, value)) {
            tell_constraint(&c->buf, shape, which);
        }
    }
}


/* All the constraints of a list's scalar elements, at the list. */

static void
tell_elements(check_t *c, const path_t *path, const kecs_shape_t *shape,
    const void *value)
{
    unsigned             which, has;
    const char          *sep;
    const kecs_shape_t  *of;

    if (!violation(c, path, shape, value)) {
        return;
    }

    of = shape->of;
    has = (of->flags & KECS_SHAPE_MAX ? OVER_MAX : 0)
          | (of->flags & KECS_SHAPE_MIN ? BELOW_MIN : 0)
          | (of->pattern != NULL ? NO_MATCH : 0)
          | (of->values != NULL ? NO_VALUE : 0);

    kecs_buf_str(&c->buf, kecs_str("Member must satisfy constraint: ["));

    for (sep = "", which = OVER_MAX; which <= NO_VALUE; which <<= 1) {
        if (has & which) {
            kecs_buf_str(&c->buf, kecs_str_of(sep));
            tell_constraint(&c->buf, of, which);
            sep = ", ";
        }
    }

    kecs_buf_chr(&c->buf, ']');
}


/* The walk. */

static void
check_list(check_t *c, const path_t *path, const kecs_shape_t *shape,
    const void *value)
{
    path_t              at = { path, NULL, 0 };
    const char         *item;
    kecs_list_t         list;

    memcpy(&list, value, sizeof(list));
    item = list.items;

    if (!c->enums) {
        tell_broken(c, path, shape, value,
                    out_of_bounds(shape, (double) list.n));
    }

    while (at.index < list.n && c->n < KECS_SHAPE_ERRORS) {

        at.index++;

        if (shape->of->type == KECS_T_STRUCTURE) {
            check_structure(c, &at, shape->of, item);

        } else if (shape->of->type == KECS_T_LIST) {
            check_list(c, &at, shape->of, item);

        } else if (broken_scalar(c, shape->of, item)) {
            tell_elements(c, path, shape, value);
            return;
        }

        item += shape->of->size;
    }
}


static void
check_value(check_t *c, const path_t *path, const kecs_shape_t *shape,
    const void *value)
{
    double  n;

    switch (shape->type) {

    case KECS_T_STRUCTURE:
        check_structure(c, path, shape, value);
        return;

    case KECS_T_LIST:
        check_list(c, path, shape, value);
        return;

    case KECS_T_MAP:
        n = (double) ((const kecs_map_t *) value)->n;

        if (c->enums) {
            return;
        }

        tell_broken(c, path, shape, value, out_of_bounds(shape, n));
        return;

    default:
        tell_broken(c, path, shape, value, broken_scalar(c, shape, value));
    }
}


static void
check_structure(check_t *c, const path_t *path, const kecs_shape_t *shape,
    const void *value)
{
    path_t                at = { path, NULL, 0 };
    unsigned              i, given;
    const void           *field;
    const kecs_member_t  *member;

    given = 0;

    for (i = 0; i < shape->n && c->n < KECS_SHAPE_ERRORS; i++) {

        member = &shape->members[i];
        field = kecs_member_value(member, value);
        at.name = member->name;

        if (field != NULL) {
            given++;
            check_value(c, &at, member->shape, field);

        } else if (!c->enums && (member->flags & KECS_MEMBER_REQUIRED)
                   && violation(c, &at, member->shape, NULL))
        {
            kecs_buf_str(&c->buf, kecs_str("Member must not be null"));
        }
    }

    if (!c->enums && (shape->flags & KECS_SHAPE_UNION) && given != 1
        && violation(c, path, shape, value))
    {
        kecs_buf_str(&c->buf,
                     kecs_str("Member must have exactly one member set"));
    }
}


/* Walks and tells; `enums` as in check_t. */

static kecs_rc_t
check(kecs_arena_t *a, const kecs_shape_t *shape, const void *value,
    bool enums, kecs_shape_error_t *err)
{
    path_t      root = { NULL, NULL, 0 };
    check_t     c = { .enums = enums };
    kecs_str_t  told;

    kecs_buf_init(&c.buf, a, 0);
    check_structure(&c, &root, shape, value);

    if (c.nomem || c.buf.failed) {
        return KECS_NOMEM;
    }

    if (c.n == 0) {
        return KECS_OK;
    }

    told = kecs_buf_view(&c.buf);
    err->type = "InvalidParameterException";
    err->message = kecs_sprintf(a, "%u validation error%s detected: %.*s",
                                c.n, c.n == 1 ? "" : "s", kecs_fmt(told));

    return err->message.data == NULL ? KECS_NOMEM : KECS_INVALID;
}


kecs_rc_t
kecs_shape_check(kecs_arena_t *a, const kecs_shape_t *shape,
    const void *value, kecs_shape_error_t *err)
{
    return check(a, shape, value, false, err);
}


kecs_rc_t
kecs_shape_check_enums(kecs_arena_t *a, const kecs_shape_t *shape,
    const void *value, kecs_shape_error_t *err)
{
    return check(a, shape, value, true, err);
}
