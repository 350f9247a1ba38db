/*
 * CPU, memory, GPUs and storage of a task (kubernetes.md 1.2, 1.3).
 *
 * ECS: a task's size is a hard limit for all its containers together; a
 * container's cpu is a share, its memory a hard limit, its reservation
 * what is set aside.  With spec.resources (1.34) that can be said as it
 * is; before, each container is limited to the whole size, and requests
 * are spread so that they add up to it.
 *
 * A millicore is 1.024 units.  Requests of containers are rounded down
 * where they have to fit into the pod's, which is rounded up.
 */

#include <stdlib.h>

#include "pod_parts.h"


#define MEMORY_MIN  6               /* MiB, what ECS allows at least */

typedef struct {
    const char  *unit;
    int64_t      factor;
} unit_t;

static const unit_t  cpu_units[] = { { "vcpu", 1024 }, { NULL, 0 } };
static const unit_t  memory_units[] = { { "gb", 1024 }, { NULL, 0 } };


static bool
unit_is(const char *s, const char *unit)
{
    while (*s == ' ') {
        s++;
    }

    for ( /* void */ ; *unit != '\0'; s++, unit++) {
        if ((*s | 0x20) != *unit) {
            return false;
        }
    }

    return *s == '\0';
}


/* "512", "0.5 vCPU", "2GB"; 0 when absent. */

static kecs_rc_t
size_of(kecs_pod_build_t *b, const char *field, kecs_str_t s,
    const unit_t *units, int64_t *out)
{
    char          *end;
    double         d;
    uint64_t       n;
    kecs_str_t     copy;

    *out = 0;

    if (s.len == 0) {
        return KECS_OK;
    }

    if (kecs_str_u64(s, &n) && n <= INT32_MAX) {
        *out = (int64_t) n;
        return KECS_OK;
    }

    copy = kecs_strdup(b->a, s);

    if (copy.data == NULL) {
        return KECS_NOMEM;
    }

    d = strtod(copy.data, &end);

    for ( /* void */ ; units->unit != NULL; units++) {
        if (end != copy.data && d > 0 && d < 1e6 && unit_is(end, units->unit))
        {
            *out = (int64_t) (d * (double) units->factor);
            return KECS_OK;
        }
    }

    return kecs_pod_no(b, "The field %s has the value \"%.*s\", which is no "
                       "size.", field, kecs_fmt(s));
}


static int64_t
milli_up(int64_t units)
{
    return (units * 1000 + 1023) / 1024;
}


static int64_t
milli_down(int64_t units)
{
    return units * 1000 / 1024;
}


static int64_t
opt(kecs_opt_int_t given, const kecs_opt_int_t *over)
{
    if (over != NULL && over->set) {
        given = *over;
    }

    return given.set && given.value > 0 ? given.value : 0;
}


static kecs_rc_t
requirements(kecs_pod_build_t *b, kecs_pod_container_t *c)
{
    size_t                                   i;
    uint64_t                                 n;
    const kecs_ecs_resource_requirement_t   *r;
    const kecs_ecs_resource_requirements_t  *list;

    list = &c->d->resource_requirements;

    if (c->over != NULL && c->over->resource_requirements.n > 0) {
        list = &c->over->resource_requirements;
    }

    for (i = 0; i < list->n; i++) {
        r = &list->items[i];

        if (!kecs_str_is(r->type, "GPU") || !kecs_str_u64(r->value, &n)
            || n > INT32_MAX)
        {
            return kecs_pod_no(b, "The field containerDefinitions[%.*s]."
                               "resourceRequirements is not supported by "
                               "this runtime for %.*s = \"%.*s\".",
                               kecs_fmt(c->d->name), kecs_fmt(r->type),
                               kecs_fmt(r->value));
        }

        c->gpus += (int64_t) n;
    }

    return KECS_OK;
}


static kecs_rc_t
own_sizes(kecs_pod_build_t *b)
{
    size_t                                i;
    kecs_rc_t                             rc;
    kecs_pod_container_t                 *c;
    const kecs_ecs_container_override_t  *o;

    for (i = 0; i < b->n; i++) {
        c = &b->containers[i];
        o = c->over;

        c->cpu = opt(c->d->cpu, o ? &o->cpu : NULL);
        c->memory = opt(c->d->memory, o ? &o->memory : NULL);
        c->reservation = opt(c->d->memory_reservation,
                             o ? &o->memory_reservation : NULL);

        rc = requirements(b, c);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}


/* What the containers ask for by themselves. */

static void
plain(kecs_pod_build_t *b)
{
    size_t                 i;
    kecs_pod_container_t  *c;

    for (i = 0; i < b->n; i++) {
        c = &b->containers[i];

        c->cpu_request = b->cpu ? milli_down(c->cpu) : milli_up(c->cpu);
        c->memory_request = c->reservation ? c->reservation : c->memory;
        c->memory_limit = c->memory;
    }
}


/* Members of a container by their place, to treat both kinds alike. */

typedef struct {
    size_t   request;
    size_t   limit;
} kind_t;

#define at(c, offset)  (*(int64_t *) ((char *) (c) + (offset)))


/* Requests that do not fit into `total` shrink until they do. */

static void
fit(kecs_pod_build_t *b, kind_t k, int64_t total)
{
    size_t   i;
    int64_t  sum;

    if (total == 0) {
        return;
    }

    for (i = 0, sum = 0; i < b->n; i++) {
        sum += at(&b->containers[i], k.request);

        if (at(&b->containers[i], k.limit) > total) {
            at(&b->containers[i], k.limit) = total;
        }
    }

    for (i = 0; i < b->n && sum > total; i++) {
        at(&b->containers[i], k.request) =
            at(&b->containers[i], k.request) * total / sum;
    }
}


/* Every container is limited to the whole, the rest is shared equally. */

static void
spread(kecs_pod_build_t *b, kind_t k, int64_t total, int64_t least)
{
    size_t   i, unset;
    int64_t  rest, share;

    if (total == 0) {
        return;
    }

    for (i = 0, unset = 0, rest = total; i < b->n; i++) {
        rest -= at(&b->containers[i], k.request);
        unset += at(&b->containers[i], k.request) == 0;
    }

    share = unset > 0 ? rest / (int64_t) unset : 0;
    share = share < least ? least : share;

    for (i = 0; i < b->n; i++) {
        if (at(&b->containers[i], k.request) == 0) {
            at(&b->containers[i], k.request) = share;
        }

        if (at(&b->containers[i], k.limit) == 0) {
            at(&b->containers[i], k.limit) = total;
        }
    }
}


static kecs_rc_t
task_sizes(kecs_pod_build_t *b)
{
    kecs_rc_t                           rc;
    const kecs_ecs_task_override_t     *o;
    const kecs_ecs_ephemeral_storage_t *e;

    o = b->p->s.overrides;
    e = o && o->ephemeral_storage ? o->ephemeral_storage
                                  : b->d->ephemeral_storage;

    if (e != NULL && b->n > 0) {
        b->containers[0].storage = opt(e->size_in_gib, NULL);
    }

    rc = size_of(b, "cpu", o && o->cpu.len > 0 ? o->cpu : b->d->cpu,
                 cpu_units, &b->cpu);
    if (rc != KECS_OK) {
        return rc;
    }

    return size_of(b, "memory", o && o->memory.len > 0 ? o->memory
                                                       : b->d->memory,
                   memory_units, &b->memory);
}


/* The pod's own resources can be said. */

static bool
of_pod(const kecs_pod_build_t *b)
{
    return (b->p->features & KECS_POD_RESOURCES) && !kecs_pod_on_windows(b)
           && (b->cpu > 0 || b->memory > 0);
}


kecs_rc_t
kecs_pod_sizes(kecs_pod_build_t *b)
{
    kecs_rc_t            rc;
    static const kind_t  cpu = {
        offsetof(kecs_pod_container_t, cpu_request),
        offsetof(kecs_pod_container_t, cpu_limit)
    };
    static const kind_t  memory = {
        offsetof(kecs_pod_container_t, memory_request),
        offsetof(kecs_pod_container_t, memory_limit)
    };

    rc = task_sizes(b);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = own_sizes(b);
    if (rc != KECS_OK) {
        return rc;
    }

    plain(b);
    fit(b, cpu, milli_up(b->cpu));
    fit(b, memory, b->memory);

    if (!of_pod(b)) {
        spread(b, cpu, milli_up(b->cpu), 1);
        spread(b, memory, b->memory, MEMORY_MIN);
    }

    return KECS_OK;
}


static void
quantity(kecs_writer_t *w, const char *name, int64_t n, const char *unit)
{
    if (n > 0) {
        kecs_w_printf(w, name, "%lld%s", (long long) n, unit);
    }
}


void
kecs_pod_write_resources(kecs_pod_build_t *b)
{
    size_t              i;
    kecs_writer_t      *w = &b->w;
    static const char  *both[] = { "limits", "requests" };

    if (!of_pod(b)) {
        return;
    }

    kecs_w_object(w, "resources");

    for (i = 0; i < 2; i++) {
        kecs_w_object(w, both[i]);
        quantity(w, "cpu", milli_up(b->cpu), "m");
        quantity(w, "memory", b->memory, "Mi");
        kecs_w_object_end(w);
    }

    kecs_w_object_end(w);
}


void
kecs_pod_write_container_resources(kecs_pod_build_t *b,
    const kecs_pod_container_t *c)
{
    kecs_writer_t  *w = &b->w;

    kecs_w_object(w, "resources");

    if (c->cpu_limit || c->memory_limit || c->storage || c->gpus) {
        kecs_w_object(w, "limits");
        quantity(w, "cpu", c->cpu_limit, "m");
        quantity(w, "ephemeral-storage", c->storage, "Gi");
        quantity(w, "memory", c->memory_limit, "Mi");
        quantity(w, "nvidia.com/gpu", c->gpus, "");
        kecs_w_object_end(w);
    }

    if (c->cpu_request || c->memory_request || c->storage) {
        kecs_w_object(w, "requests");
        quantity(w, "cpu", c->cpu_request, "m");
        quantity(w, "ephemeral-storage", c->storage, "Gi");
        quantity(w, "memory", c->memory_request, "Mi");
        kecs_w_object_end(w);
    }

    kecs_w_object_end(w);
}
