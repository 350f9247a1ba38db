/*
 * From a pod, as the Kubernetes API shows it, to what a runtime reports of
 * a task (observation.h).  Pure; whatever a pod holds, the answer is an
 * observation or an error.
 */

#ifndef KECS_POD_STATUS_H
#define KECS_POD_STATUS_H


#include "../json/json.h"
#include "observation.h"


/*
 * Fills *out; strings lie in the pod's tree or in the arena.  KECS_OK,
 * KECS_NOMEM, or KECS_INVALID: its name is not that of a task.
 */
kecs_rc_t kecs_pod_observe(kecs_arena_t *a, const kecs_json_t *pod,
    kecs_observation_t *out);


#endif
