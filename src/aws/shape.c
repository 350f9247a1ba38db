/*
 * Looking into shapes and into the structures that they describe.  Shapes
 * are constant tables; nothing here allocates.
 */

#include "shape.h"


const kecs_member_t *
kecs_shape_member(const kecs_shape_t *shape, kecs_str_t name)
{
    int                   cmp;
    size_t                from, to, at;
    const kecs_member_t  *member;

    from = 0;
    to = shape->n;

    while (from < to) {
        at = from + (to - from) / 2;
        member = &shape->members[at];
        cmp = strncmp(member->name, name.data, name.len);

        if (cmp == 0 && member->name[name.len] == '\0') {
            return member;
        }

        if (cmp < 0) {
            from = at + 1;
        } else {
            to = at;
        }
    }

    return NULL;
}


bool
kecs_shape_has_value(const kecs_shape_t *shape, kecs_str_t value)
{
    const char *const  *v;

    for (v = shape->values; v != NULL && *v != NULL; v++) {
        if (kecs_str_is(value, *v)) {
            return true;
        }
    }

    return false;
}


bool
kecs_shape_is_set(const kecs_shape_t *shape, const void *value)
{
    kecs_list_t  list;

    switch (shape->type) {

    case KECS_T_STRING:
    case KECS_T_DOCUMENT:
        return ((const kecs_str_t *) value)->data != NULL;

    case KECS_T_INTEGER:
    case KECS_T_LONG:
        return ((const kecs_opt_int_t *) value)->set;

    case KECS_T_DOUBLE:
    case KECS_T_TIMESTAMP:
        return ((const kecs_opt_double_t *) value)->set;

    case KECS_T_BOOLEAN:
        return ((const kecs_opt_bool_t *) value)->set;

    case KECS_T_LIST:
        /* copied: its type is that of the list's elements */
        memcpy(&list, value, sizeof(list));
        return list.set;

    case KECS_T_MAP:
        return ((const kecs_map_t *) value)->set;

    case KECS_T_STRUCTURE:
        break;
    }

    return value != NULL;
}


const void *
kecs_member_value(const kecs_member_t *member, const void *structure)
{
    const void  *field, *value;

    field = (const char *) structure + member->offset;

    if (member->shape->type == KECS_T_STRUCTURE) {
        memcpy(&value, field, sizeof(value));
        return value;
    }

    return kecs_shape_is_set(member->shape, field) ? field : NULL;
}
