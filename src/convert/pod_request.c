/*
 * Containers run at once, init containers before them one after the other;
 * those that go on beside the others (sidecars) count with both.
 */

#include "pod_request.h"
#include "quantity.h"


static const char *const  names[] = { "cpu", "memory", "nvidia.com/gpu" };

#define NAMES  (sizeof(names) / sizeof(names[0]))


static double
of_container(const kecs_json_t *container, const char *name)
{
    return kecs_quantity(kecs_json_at(container, "resources", "requests",
                                      name, NULL));
}


static bool
is_sidecar(const kecs_json_t *container)
{
    return kecs_str_is(kecs_json_str(kecs_json_get(container,
                                                   "restartPolicy")),
                       "Always");
}


static double
of_containers(const kecs_json_t *spec, const char *name)
{
    double              sum, beside, most, n;
    const kecs_json_t  *v;

    beside = 0;
    most = 0;
    v = kecs_json_get(spec, "initContainers");

    for (v = v != NULL ? v->first : NULL; v != NULL; v = v->next) {
        n = of_container(v, name);
        most = beside + n > most ? beside + n : most;
        beside += is_sidecar(v) ? n : 0;
    }

    sum = beside;
    v = kecs_json_get(spec, "containers");

    for (v = v != NULL ? v->first : NULL; v != NULL; v = v->next) {
        sum += of_container(v, name);
    }

    return sum > most ? sum : most;
}


void
kecs_pod_request(const kecs_json_t *pod, kecs_pod_request_t *out)
{
    size_t              i;
    double              n[NAMES];
    const kecs_json_t  *spec, *own;

    spec = kecs_json_get(pod, "spec");

    for (i = 0; i < NAMES; i++) {
        own = kecs_json_at(spec, "resources", "requests", names[i], NULL);
        n[i] = own != NULL ? kecs_quantity(own)
                           : of_containers(spec, names[i]);
        n[i] += kecs_quantity(kecs_json_at(spec, "overhead", names[i],
                                           NULL));
    }

    *out = (kecs_pod_request_t) {
        .cpu = n[0], .memory = n[1], .gpus = n[2]
    };
}


bool
kecs_pod_over(const kecs_json_t *pod)
{
    kecs_str_t  phase;

    phase = kecs_json_str(kecs_json_at(pod, "status", "phase", NULL));

    return kecs_str_is(phase, "Succeeded") || kecs_str_is(phase, "Failed");
}


/* See require() of pod_pools.c. */

bool
kecs_pod_counted(const kecs_json_t *pod)
{
    return kecs_json_at(pod, "spec", "affinity", "nodeAffinity",
                        "requiredDuringSchedulingIgnoredDuringExecution",
                        NULL) != NULL;
}
