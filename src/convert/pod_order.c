/*
 * The order in which the containers of a task start (dependsOn,
 * kubernetes.md 1.6), in terms of what a kubelet does in any case: it runs
 * init containers one after the other, waits for the start-up probe of a
 * sidecar before it goes on, and starts the other containers in the order
 * of the list.
 *
 * So what others wait for to end is an init container; what they wait for
 * to be healthy, and what an init container needs beside it, is a sidecar;
 * the others are listed behind what they depend on, which is the log router
 * for those that send to it.  (A post-start hook
 * would hold back the others too, but a kubelet stops no pod while one
 * runs.)  A sidecar that ends is started again until its pod is taken
 * away: task_runs.c takes its first end for the end.
 */

#include "pod_parts.h"
#include "task_parts.h"


typedef kecs_ecs_container_dependency_t  dependency_t;


/* A container is of the highest role that one of the others asks for. */

static bool
raise_role(kecs_pod_container_t *c, kecs_pod_role_t role)
{
    if (c->role >= role) {
        return false;
    }

    c->role = role;

    return true;
}


static bool
give_role(const kecs_pod_container_t *c, kecs_pod_container_t *on,
    const dependency_t *d)
{
    if (kecs_dependency_ends(d)) {
        return raise_role(on, KECS_POD_INIT);
    }

    if (kecs_str_is(d->condition, "HEALTHY")) {
        on->awaited = true;
        return raise_role(on, KECS_POD_SIDECAR);
    }

    return c->role != KECS_POD_MAIN && raise_role(on, KECS_POD_SIDECAR);
}


static bool
give_roles(kecs_pod_build_t *b)
{
    bool                   changed;
    size_t                 i, j;
    const dependency_t    *d;
    kecs_pod_container_t  *c, *on;

    changed = false;

    for (i = 0; i < b->n; i++) {
        c = &b->containers[i];

        for (j = 0; j < c->d->depends_on.n; j++) {
            d = &c->d->depends_on.items[j];
            on = kecs_pod_container_of(b, d->container_name);

            if (on != NULL) {
                changed |= give_role(c, on, d);
            }
        }
    }

    return changed;
}


static bool
waits(kecs_pod_build_t *b, const kecs_pod_container_t *c)
{
    size_t                 i;
    kecs_pod_container_t  *on;

    for (i = 0; i < c->d->depends_on.n; i++) {
        on = kecs_pod_container_of(b,
                                   c->d->depends_on.items[i].container_name);

        if (on != NULL && !on->placed) {
            return true;
        }
    }

    return false;
}


/*
 * The first that waits for none that is not in the order yet, nor, if that
 * counts, for the log router.
 */

static kecs_pod_container_t *
next_of(kecs_pod_build_t *b, bool routed)
{
    size_t                 i;
    kecs_pod_container_t  *c;

    for (i = 0; i < b->n; i++) {
        c = &b->containers[i];

        if (!c->placed && !waits(b, c)
            && !(routed && kecs_pod_after_router(b, c)))
        {
            return c;
        }
    }

    return NULL;
}


/* A router that itself depends on who sends to it comes behind. */

static kecs_pod_container_t *
next_in_order(kecs_pod_build_t *b)
{
    kecs_pod_container_t  *c;

    c = next_of(b, true);

    return c != NULL ? c : next_of(b, false);
}


kecs_rc_t
kecs_pod_order(kecs_pod_build_t *b)
{
    size_t                 i;
    kecs_pod_container_t  *c;

    while (give_roles(b)) { /* void */ }

    b->order = kecs_calloc(b->a, b->n, sizeof(kecs_pod_container_t *));

    if (b->order == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < b->n; i++) {
        c = next_in_order(b);

        if (c == NULL) {
            return kecs_pod_no(b, "The field containerDefinitions[]."
                               "dependsOn contains a cycle.");
        }

        c->placed = true;
        b->order[i] = c;
    }

    return KECS_OK;
}


/* As long as it takes, or startTimeout; each second. */

void
kecs_pod_write_gate(kecs_pod_build_t *b, const kecs_pod_container_t *c)
{
    kecs_writer_t  *w = &b->w;

    if (!c->awaited || c->role != KECS_POD_SIDECAR
        || !kecs_container_checked(c->d))
    {
        return;
    }

    kecs_w_object(w, "startupProbe");
    kecs_w_object(w, "exec");
    kecs_w_array(w, "command");
    kecs_pod_write_check(w, c->d->health_check);
    kecs_w_array_end(w);
    kecs_w_object_end(w);
    kecs_w_i64(w, "failureThreshold",
               c->d->start_timeout.set ? c->d->start_timeout.value
                                       : INT32_MAX);
    kecs_w_i64(w, "periodSeconds", 1);
    kecs_w_object_end(w);
}
