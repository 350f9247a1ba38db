/*
 * From an ECS service to the Kubernetes objects that stand for it: a
 * Service, by which others reach its tasks, a PodDisruptionBudget, by which
 * evictions respect its minimumHealthyPercent, and while a rollout shifts
 * test traffic a second Service, by which that reaches green.  Pure: same
 * input, same bytes.
 */

#ifndef KECS_SERVICE_OBJECTS_H
#define KECS_SERVICE_OBJECTS_H


#include "../json/json.h"
#include "pod.h"


/* Annotation of a Service while traffic is shifted: the shares in JSON. */
#define KECS_SERVICE_TRAFFIC  "kecs/traffic"

typedef struct {
    kecs_service_place_t                      place;
    uint32_t                                  desired;
    uint32_t                                  min_percent;

    /* What its tasks run; of what they disagree in, the first counts. */
    const kecs_ecs_task_definition_t *const  *definitions;
    size_t                                    n;

    kecs_traffic_t                            traffic;
} kecs_service_facts_t;

/* Parts of an object, JSON objects.  Metadata are annotations and labels. */
typedef struct {
    kecs_str_t  metadata;           /* of one that is made */
    kecs_str_t  patch;              /* the same for one that is there; null
                                       is what it must not have */
    kecs_str_t  spec;               /* absent: there is to be none */
} kecs_service_object_t;

typedef struct {
    kecs_str_t             name;
    kecs_service_object_t  service;
    kecs_service_object_t  budget;
    kecs_str_t             test_name;
    kecs_service_object_t  test;        /* the Service for test traffic */
} kecs_service_objects_t;


/* KECS_OK, KECS_NOMEM. */
kecs_rc_t kecs_service_convert(kecs_arena_t *a,
    const kecs_service_facts_t *f, kecs_service_objects_t *out);

/*
 * What is there (`is`) is what is wanted.  Members that are not in `want`
 * are the server's, except in lists and in what selects pods; what is null
 * there must be missing.
 */
bool kecs_object_stands(const kecs_json_t *want, const kecs_json_t *is);

/*
 * The object is one that we made: its name is the one, or that for test
 * traffic, of the service that its annotation names.  A copy of it under
 * another name is not.
 */
bool kecs_object_is_made(kecs_arena_t *a, kecs_str_t uuid,
    const kecs_json_t *object);

/*
 * The value of the label KECS_POD_OBJECT that a pod of a service should
 * have and has not; absent when nothing is amiss (or without memory).
 */
kecs_str_t kecs_pod_lacks_object(kecs_arena_t *a, kecs_str_t uuid,
    const kecs_json_t *pod);


#endif
