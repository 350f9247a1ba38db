/*
 * The tags of a new task: its own, those that are propagated from the
 * service or the definition, and ECS's.  The first of two equal keys wins.
 */

#include "launch.h"


static void
add_tag(kecs_ecs_tags_t *tags, kecs_str_t key, kecs_str_t value)
{
    size_t  i;

    for (i = 0; i < tags->n; i++) {
        if (kecs_str_eq(tags->items[i].key, key)) {
            return;
        }
    }

    tags->items[tags->n].key = key;
    tags->items[tags->n].value = value;
    tags->n++;
}


static void
add_tags(kecs_ecs_tags_t *tags, const kecs_ecs_tags_t *more)
{
    size_t  i;

    for (i = 0; more != NULL && i < more->n; i++) {
        add_tag(tags, more->items[i].key, more->items[i].value);
    }
}


kecs_rc_t
kecs_task_tags(kecs_call_t *c, const kecs_ecs_tags_t *own, kecs_str_t from,
    bool managed, kecs_str_t cluster, kecs_str_t service, kecs_str_t *json)
{
    kecs_rc_t        rc;
    kecs_ecs_tags_t  all, more;

    *json = kecs_null_str;

    rc = kecs_tags_load(c, from, 0, &more);
    if (rc != KECS_OK) {
        return rc;
    }

    memset(&all, 0, sizeof(all));
    all.items = kecs_calloc(c->arena, (own ? own->n : 0) + more.n + 2,
                            sizeof(*all.items));

    if (all.items == NULL) {
        return KECS_NOMEM;
    }

    add_tags(&all, own);
    add_tags(&all, &more);

    if (managed) {
        add_tag(&all, kecs_str("aws:ecs:clusterName"), cluster);

        if (service.data != NULL) {
            add_tag(&all, kecs_str("aws:ecs:serviceName"), service);
        }
    }

    return kecs_tags_print(c, &all, json);
}
