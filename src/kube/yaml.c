/*
 * libyaml's document tree, copied into an arena.  The copy walks aliases
 * as often as they are used, so it counts what it makes.
 */

#include <yaml.h>

#include "yaml.h"


typedef struct {
    kecs_arena_t     *arena;
    yaml_document_t  *doc;
    unsigned          values;
} copy_t;


static kecs_rc_t copy(copy_t *c, int index, unsigned depth,
    kecs_json_t **out);


static bool
plain_is(const yaml_node_t *n, kecs_str_t s, const char *word)
{
    return n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE
           && kecs_str_is(s, word);
}


static kecs_rc_t
scalar(copy_t *c, const yaml_node_t *n, kecs_json_t *v)
{
    kecs_str_t  s;

    s = kecs_str_n(n->data.scalar.value, n->data.scalar.length);

    if (plain_is(n, s, "") || plain_is(n, s, "null") || plain_is(n, s, "~")) {
        v->type = KECS_JSON_NULL;
        return KECS_OK;
    }

    if (plain_is(n, s, "true") || plain_is(n, s, "false")) {
        v->type = KECS_JSON_BOOL;
        v->boolean = s.len == 4;
        return KECS_OK;
    }

    if (memchr(s.data, '\0', s.len) != NULL) {
        return KECS_INVALID;
    }

    v->type = KECS_JSON_STRING;
    v->str = kecs_strdup(c->arena, s);

    return v->str.data ? KECS_OK : KECS_NOMEM;
}


static kecs_rc_t
sequence(copy_t *c, const yaml_node_t *n, unsigned depth, kecs_json_t *v)
{
    kecs_rc_t           rc;
    kecs_json_t       **tail;
    yaml_node_item_t   *i;

    v->type = KECS_JSON_ARRAY;
    tail = &v->first;

    for (i = n->data.sequence.items.start; i < n->data.sequence.items.top;
         i++)
    {
        rc = copy(c, *i, depth + 1, tail);
        if (rc != KECS_OK) {
            return rc;
        }

        tail = &(*tail)->next;
        v->n++;
    }

    return KECS_OK;
}


static kecs_rc_t
mapping(copy_t *c, const yaml_node_t *n, unsigned depth, kecs_json_t *v)
{
    kecs_rc_t           rc;
    kecs_json_t       **tail;
    yaml_node_t        *key;
    yaml_node_pair_t   *i;

    v->type = KECS_JSON_OBJECT;
    tail = &v->first;

    for (i = n->data.mapping.pairs.start; i < n->data.mapping.pairs.top; i++) {
        key = yaml_document_get_node(c->doc, i->key);

        if (key == NULL || key->type != YAML_SCALAR_NODE) {
            return KECS_INVALID;
        }

        rc = copy(c, i->value, depth + 1, tail);
        if (rc != KECS_OK) {
            return rc;
        }

        (*tail)->name = kecs_strdup(c->arena,
                                    kecs_str_n(key->data.scalar.value,
                                               key->data.scalar.length));
        if ((*tail)->name.data == NULL) {
            return KECS_NOMEM;
        }

        tail = &(*tail)->next;
        v->n++;
    }

    return KECS_OK;
}


static kecs_rc_t
copy(copy_t *c, int index, unsigned depth, kecs_json_t **out)
{
    yaml_node_t  *n;
    kecs_json_t  *v;

    n = yaml_document_get_node(c->doc, index);

    if (n == NULL) {
        return KECS_INVALID;
    }

    if (depth >= KECS_JSON_DEPTH || ++c->values > KECS_JSON_VALUES) {
        return KECS_TOO_LARGE;
    }

    v = kecs_zalloc(c->arena, sizeof(kecs_json_t));

    if (v == NULL) {
        return KECS_NOMEM;
    }

    *out = v;

    switch (n->type) {

    case YAML_SCALAR_NODE:
        return scalar(c, n, v);

    case YAML_SEQUENCE_NODE:
        return sequence(c, n, depth, v);

    case YAML_MAPPING_NODE:
        return mapping(c, n, depth, v);

    default:
        return KECS_INVALID;
    }
}


kecs_rc_t
kecs_yaml_parse(kecs_arena_t *a, kecs_str_t text, const kecs_json_t **out,
    unsigned *line)
{
    copy_t            c;
    kecs_rc_t         rc;
    kecs_json_t      *root;
    yaml_parser_t     parser;
    yaml_document_t   doc;

    *line = 1;

    if (!yaml_parser_initialize(&parser)) {
        return KECS_NOMEM;
    }

    yaml_parser_set_input_string(&parser, (const unsigned char *) text.data,
                                 text.len);

    if (!yaml_parser_load(&parser, &doc)) {
        *line = (unsigned) parser.problem_mark.line + 1;
        rc = parser.error == YAML_MEMORY_ERROR ? KECS_NOMEM : KECS_INVALID;
        yaml_parser_delete(&parser);
        return rc;
    }

    c = (copy_t) { a, &doc, 0 };

    rc = yaml_document_get_root_node(&doc) != NULL ? copy(&c, 1, 0, &root)
                                                   : KECS_INVALID;
    if (rc == KECS_OK) {
        *out = root;
    }

    yaml_document_delete(&doc);
    yaml_parser_delete(&parser);

    return rc;
}
