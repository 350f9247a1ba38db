/*
 * JSON in: yajl's callbacks build the tree.  The containers that are open
 * are a stack; each level knows where its next child is linked.  Limits are
 * counted here, since yajl has none.  yajl's own memory comes from the
 * arena as well: yajl never looks whether it got any, so when the arena is
 * empty its request ends the parse by a jump back to kecs_json_parse,
 * which loses nothing because nothing is owned by yajl.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdlib.h>

#include <yajl/yajl_parse.h>

#include "json.h"


typedef struct {
    kecs_json_t   *node;
    kecs_json_t  **tail;
} level_t;

typedef struct {
    kecs_arena_t  *arena;
    kecs_json_t   *root;
    kecs_str_t     name;        /* of the next member */
    unsigned       depth;
    unsigned       values;
    kecs_rc_t      rc;
    jmp_buf        no_memory;
    level_t        stack[KECS_JSON_DEPTH];
} parser_t;


static int
stop(parser_t *p, kecs_rc_t rc)
{
    p->rc = rc;

    return 0;
}


/* Drops an earlier member of the same name: the last one counts. */

static void
unlink_duplicate(level_t *level, kecs_str_t name)
{
    kecs_json_t  **link;

    for (link = &level->node->first; *link != NULL; link = &(*link)->next) {
        if (kecs_str_eq((*link)->name, name)) {
            if (level->tail == &(*link)->next) {
                level->tail = link;
            }

            *link = (*link)->next;
            level->node->n--;
            return;
        }
    }
}


/*
 * Duplicates are looked for while a parent is small; real requests have
 * few members, and a large map of environment-like data stays linear: the
 * getter finds the last of equal names anyway.
 */
#define DUPLICATES_UP_TO  128


static kecs_json_t *
add(parser_t *p, kecs_json_type_t type)
{
    level_t      *level;
    kecs_json_t  *v;

    if (++p->values > KECS_JSON_VALUES) {
        (void) stop(p, KECS_TOO_LARGE);
        return NULL;
    }

    v = kecs_zalloc(p->arena, sizeof(kecs_json_t));

    if (v == NULL) {
        (void) stop(p, KECS_NOMEM);
        return NULL;
    }

    v->type = type;

    if (p->depth == 0) {
        p->root = v;
        return v;
    }

    level = &p->stack[p->depth - 1];

    if (level->node->type == KECS_JSON_OBJECT) {
        v->name = p->name;

        if (level->node->n <= DUPLICATES_UP_TO) {
            unlink_duplicate(level, v->name);
        }
    }

    *level->tail = v;
    level->tail = &v->next;
    level->node->n++;

    return v;
}


static int
on_null(void *ctx)
{
    return add(ctx, KECS_JSON_NULL) != NULL;
}


static int
on_boolean(void *ctx, int b)
{
    kecs_json_t  *v;

    v = add(ctx, KECS_JSON_BOOL);

    if (v == NULL) {
        return 0;
    }

    v->boolean = b != 0;

    return 1;
}


/* A string of the tree: the bytes are yajl's, so they are copied. */

static int
copy(parser_t *p, const void *data, size_t len, kecs_str_t *out)
{
    *out = kecs_strdup(p->arena, kecs_str_n(data, len));

    if (out->data == NULL) {
        return stop(p, KECS_NOMEM);
    }

    return 1;
}


static int
on_number(void *ctx, const char *text, size_t len)
{
    kecs_json_t  *v;

    v = add(ctx, KECS_JSON_NUMBER);

    return v != NULL && copy(ctx, text, len, &v->str);
}


static int
on_string(void *ctx, const unsigned char *text, size_t len)
{
    kecs_json_t  *v;

    v = add(ctx, KECS_JSON_STRING);

    if (v == NULL) {
        return 0;
    }

    if (!kecs_str_utf8(kecs_str_n(text, len))) {
        return stop(ctx, KECS_INVALID);
    }

    return copy(ctx, text, len, &v->str);
}


static int
open_level(parser_t *p, kecs_json_type_t type)
{
    kecs_json_t  *v;

    v = add(p, type);

    if (v == NULL) {
        return 0;
    }

    if (p->depth == KECS_JSON_DEPTH) {
        return stop(p, KECS_TOO_LARGE);
    }

    p->stack[p->depth].node = v;
    p->stack[p->depth].tail = &v->first;
    p->depth++;

    return 1;
}


static int
on_object(void *ctx)
{
    return open_level(ctx, KECS_JSON_OBJECT);
}


static int
on_array(void *ctx)
{
    return open_level(ctx, KECS_JSON_ARRAY);
}


static int
on_end(void *ctx)
{
    parser_t  *p;

    p = ctx;
    p->depth--;

    return 1;
}


static int
on_key(void *ctx, const unsigned char *text, size_t len)
{
    parser_t  *p;

    p = ctx;

    if (!kecs_str_utf8(kecs_str_n(text, len))) {
        return stop(p, KECS_INVALID);
    }

    return copy(p, text, len, &p->name);
}


static const yajl_callbacks  callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_object,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end,
    .yajl_start_array = on_array,
    .yajl_end_array = on_end
};


/* yajl's allocations; the size stands in front for yajl_realloc's copy. */

typedef struct {
    size_t                      size;
    alignas(max_align_t) char   data[];
} block_t;


static void *
block_alloc(void *ctx, size_t size)
{
    block_t   *b;
    parser_t  *p;

    p = ctx;
    b = kecs_alloc(p->arena, sizeof(block_t) + size);

    if (b == NULL) {
        longjmp(p->no_memory, 1);
    }

    b->size = size;

    return b->data;
}


static void *
block_realloc(void *ctx, void *old, size_t size)
{
    void     *new;
    block_t  *b;

    new = block_alloc(ctx, size);

    if (old != NULL) {
        b = (block_t *) ((char *) old - offsetof(block_t, data));
        memcpy(new, old, b->size < size ? b->size : size);
    }

    return new;
}


static void
block_free(void *ctx, void *p)
{
    (void) ctx;
    (void) p;
}


static kecs_rc_t
status_rc(const parser_t *p, yajl_status status)
{
    if (p->rc != KECS_OK) {
        return p->rc;
    }

    if (status != yajl_status_ok || p->root == NULL || p->depth != 0) {
        return KECS_INVALID;
    }

    return KECS_OK;
}


kecs_rc_t
kecs_json_parse(kecs_arena_t *a, kecs_str_t text, kecs_json_t **out)
{
    parser_t          p;
    yajl_handle       h;
    yajl_status       status;
    yajl_alloc_funcs  funcs = {
        block_alloc, block_realloc, block_free, &p
    };

    memset(&p, 0, offsetof(parser_t, stack));
    p.arena = a;
    *out = NULL;

    if (setjmp(p.no_memory) != 0) {
        return KECS_NOMEM;
    }

    h = yajl_alloc(&callbacks, &funcs, &p);
    status = yajl_parse(h, (const unsigned char *) text.data, text.len);

    if (status == yajl_status_ok) {
        status = yajl_complete_parse(h);
    }

    *out = p.root;

    return status_rc(&p, status);
}


const kecs_json_t *
kecs_json_get(const kecs_json_t *o, const char *name)
{
    kecs_str_t          want;
    const kecs_json_t  *v, *found;

    if (o == NULL || o->type != KECS_JSON_OBJECT) {
        return NULL;
    }

    want = kecs_str_of(name);
    found = NULL;

    for (v = o->first; v != NULL; v = v->next) {
        if (kecs_str_eq(v->name, want)) {
            found = v;
        }
    }

    return found;
}


const kecs_json_t *
kecs_json_at(const kecs_json_t *o, ...)
{
    va_list      args;
    const char  *name;

    va_start(args, o);

    while (o != NULL && (name = va_arg(args, const char *)) != NULL) {
        o = kecs_json_get(o, name);
    }

    va_end(args);

    return o;
}


kecs_str_t
kecs_json_str(const kecs_json_t *v)
{
    return v != NULL && v->type == KECS_JSON_STRING ? v->str
                                                    : kecs_null_str;
}


bool
kecs_json_i64(const kecs_json_t *v, int64_t *n)
{
    char  *end;

    if (v == NULL || v->type != KECS_JSON_NUMBER) {
        return false;
    }

    errno = 0;
    *n = strtoll(v->str.data, &end, 10);

    return errno == 0 && *end == '\0';
}


bool
kecs_json_double(const kecs_json_t *v, double *d)
{
    char  *end;

    if (v == NULL || v->type != KECS_JSON_NUMBER) {
        return false;
    }

    errno = 0;
    *d = strtod(v->str.data, &end);

    return errno == 0 && *end == '\0';
}


bool
kecs_json_true(const kecs_json_t *v)
{
    return v != NULL && v->type == KECS_JSON_BOOL && v->boolean;
}
