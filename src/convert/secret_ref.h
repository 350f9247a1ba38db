/*
 * What `valueFrom` of a secret names (kubernetes.md 1.8): a parameter of
 * Systems Manager or a secret of Secrets Manager, and what of it.
 * Everything points into the text given.
 */

#ifndef KECS_SECRET_REF_H
#define KECS_SECRET_REF_H


#include "../ecs/shapes.gen.h"


typedef struct {
    bool        manager;            /* Secrets Manager, else SSM */
    kecs_str_t  id;                 /* what the service is asked for */
    kecs_str_t  name;               /* the id without the ARN around it */
    kecs_str_t  region;             /* of the ARN; absent: the task's */
    kecs_str_t  key;                /* of JSON; empty: all of it */
    kecs_str_t  stage;              /* empty: the current one */
    kecs_str_t  version;
} kecs_secret_ref_t;

/* false: an ARN of something else.  What is no ARN is a parameter. */
bool kecs_secret_ref(kecs_str_t value_from, kecs_secret_ref_t *out);

/*
 * The secrets of a container: its own, behind them those of its log options
 * if a router needs them.
 */
size_t kecs_secrets_of(const kecs_ecs_container_definition_t *d);
const kecs_ecs_secret_t *kecs_secret_of(
    const kecs_ecs_container_definition_t *d, size_t i);


#endif
