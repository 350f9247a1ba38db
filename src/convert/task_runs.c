/*
 * Which ends of a container count.  A container without a restart policy
 * has ended when it has ended once, whatever the runtime does with it then:
 * a sidecar (pod_order.c) is started again.  One with a restart policy goes
 * on when it ran for restartAttemptPeriod and its exit code is not ignored;
 * no runtime looks at that period, so a container that was started anew too
 * early has ended all the same.
 *
 * Pure; the copy is of the arena given.
 */

#include "task_parts.h"
#include "task_runs.h"


static bool
goes_on(const kecs_ecs_container_definition_t *d,
    const kecs_container_seen_t *end)
{
    return end->has_exit && end->started_at != 0
           && kecs_container_restarts(d, end->exit_code,
                                      end->finished_at - end->started_at);
}


/* How the container counts, NULL: as it was seen. */

static const kecs_container_seen_t *
counted(const kecs_ecs_container_definition_t *d,
    const kecs_container_seen_t *c, kecs_container_seen_t *between)
{
    if (c->before != NULL && !goes_on(d, c->before)) {
        return c->before;
    }

    if (c->phase == KECS_C_TERMINATED && c->again && goes_on(d, c)) {
        *between = *c;
        between->phase = KECS_C_WAITING;
        between->reason = kecs_null_str;
        return between;
    }

    return NULL;
}


static kecs_rc_t
own_copy(kecs_arena_t *a, const kecs_observation_t *o,
    kecs_observation_t **copy, kecs_container_seen_t **containers)
{
    if (*copy != NULL) {
        return KECS_OK;
    }

    *copy = kecs_alloc(a, sizeof(**copy));
    *containers = kecs_calloc(a, o->n, sizeof(**containers));

    if (*copy == NULL || *containers == NULL) {
        return KECS_NOMEM;
    }

    **copy = *o;
    memcpy(*containers, o->containers, o->n * sizeof(**containers));
    (*copy)->containers = *containers;

    return KECS_OK;
}


kecs_rc_t
kecs_runs_settle(kecs_arena_t *a,
    const kecs_ecs_task_definition_t *definition,
    const kecs_observation_t *o, const kecs_observation_t **out)
{
    size_t                        i;
    kecs_rc_t                     rc;
    kecs_observation_t           *copy;
    kecs_container_seen_t         between, *containers;
    const kecs_container_seen_t  *c;

    copy = NULL;
    containers = NULL;

    for (i = 0; i < o->n; i++) {
        c = counted(kecs_definition_container(definition,
                                              o->containers[i].name),
                    &o->containers[i], &between);
        if (c == NULL) {
            continue;
        }

        rc = own_copy(a, o, &copy, &containers);
        if (rc != KECS_OK) {
            return rc;
        }

        containers[i] = *c;
    }

    *out = copy != NULL ? copy : o;

    return KECS_OK;
}
