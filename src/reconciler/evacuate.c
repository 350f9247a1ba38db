/*
 * Container instances that are DRAINING, as the log tells of them: tasks
 * of services there are to be replaced by others elsewhere, which is the
 * scheduler's affair.  There are few at a time, so that a list will do.
 */

#include <stdlib.h>

#include "reconciler.h"


struct kecs_evacuated_s {
    kecs_evacuated_t  *next;
    uint32_t           scope;
    uint32_t           cluster;
    uint8_t            id[KECS_ID_LEN];
};


static kecs_evacuated_t **
find_evacuated(kecs_reconciler_t *r, uint32_t scope, uint32_t cluster,
    const uint8_t *id)
{
    kecs_evacuated_t  **at;

    for (at = &r->evacuated; *at != NULL; at = &(*at)->next) {
        if ((*at)->scope == scope && (*at)->cluster == cluster
            && memcmp((*at)->id, id, KECS_ID_LEN) == 0)
        {
            break;
        }
    }

    return at;
}


bool
kecs_evacuated(kecs_reconciler_t *r, const kecs_live_task_t *t)
{
    return *find_evacuated(r, t->scope, t->cluster, t->sched.instance)
           != NULL;
}


static bool
has_task_on(const kecs_live_service_t *s, const uint8_t *id)
{
    const kecs_live_task_t  *t;

    for (t = s->tasks; t != NULL; t = t->of_next) {
        if (memcmp(t->sched.instance, id, KECS_ID_LEN) == 0) {
            return true;
        }
    }

    return false;
}


static void
tell_services(kecs_reconciler_t *r, const kecs_instance_t *p)
{
    kecs_live_service_t  *s;

    for (s = r->all_services; s != NULL; s = s->next) {
        if (s->scope == p->rec.scope && s->cluster == p->cluster
            && has_task_on(s, p->id))
        {
            kecs_service_dirty(r, s);
        }
    }
}


kecs_rc_t
kecs_evacuate(kecs_reconciler_t *r, const kecs_instance_t *p, bool gone)
{
    bool                drains;
    kecs_evacuated_t   *e, **at;

    drains = !gone && p->status == KECS_INSTANCE_DRAINING;
    at = find_evacuated(r, p->rec.scope, p->cluster, p->id);

    if (drains == (*at != NULL)) {
        return KECS_OK;
    }

    if (!drains) {
        e = *at;
        *at = e->next;
        free(e);

    } else {
        e = calloc(1, sizeof(*e));

        if (e == NULL) {
            return KECS_NOMEM;
        }

        e->scope = p->rec.scope;
        e->cluster = p->cluster;
        memcpy(e->id, p->id, KECS_ID_LEN);
        e->next = r->evacuated;
        r->evacuated = e;
    }

    tell_services(r, p);

    return KECS_OK;
}


void
kecs_evacuate_none(kecs_reconciler_t *r)
{
    kecs_evacuated_t  *e;

    while ((e = r->evacuated) != NULL) {
        r->evacuated = e->next;
        free(e);
    }
}
