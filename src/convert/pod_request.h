/*
 * What a pod takes of its node, as the scheduler of Kubernetes counts it:
 * requests of its containers or its own, and the overhead.  Pure; whatever
 * the pod holds.
 */

#ifndef KECS_POD_REQUEST_H
#define KECS_POD_REQUEST_H


#include "../json/json.h"


typedef struct {
    double  cpu;                    /* cores */
    double  memory;                 /* bytes */
    double  gpus;
} kecs_pod_request_t;

void kecs_pod_request(const kecs_json_t *pod, kecs_pod_request_t *out);

/* It has ended: its node is free of it. */
bool kecs_pod_over(const kecs_json_t *pod);

/*
 * A pod of ours whose task was put on a container instance, which what the
 * instance's tasks take tells already.
 */
bool kecs_pod_counted(const kecs_json_t *pod);


#endif
