/*
 * What Kubernetes knows of a task, for people and for machines: its pod, the
 * pod's node and events, the live manifest, and why the task is pending in
 * the words of ECS.  Pure; whatever the objects hold, there is an answer.
 */

#ifndef KECS_POD_VIEW_H
#define KECS_POD_VIEW_H


#include "../json/json_writer.h"


/* What was answered to the request for an object or a list. */
typedef struct {
    bool                asked;
    long                status;     /* of HTTP; 0: there was no answer */
    kecs_str_t          why;        /* of a refusal, or of no answer */
    const kecs_json_t  *object;     /* NULL: none came */
} kecs_view_part_t;

typedef struct {
    kecs_view_part_t  pod;
    kecs_view_part_t  events;       /* an EventList of the pod */
    kecs_view_part_t  node;
} kecs_pod_view_t;


/*
 * Writes these members into the object that is open:
 *
 *     pending      why it does not run yet, or null
 *     pod          or null: there is none (any more)
 *     node         or null
 *     events       oldest first, or null: they cannot be read
 *     manifest     the pod as it is, without managedFields, or null
 *     refused      what could not be read, and why
 *
 * Times are those of the API, in seconds.  KECS_OK, KECS_NOMEM.
 */
kecs_rc_t kecs_pod_view(kecs_arena_t *a, kecs_writer_t *w,
    const kecs_pod_view_t *v);

/* Only "pending"; see pod_pending.c. */
kecs_rc_t kecs_pod_pending(kecs_arena_t *a, kecs_writer_t *w,
    const kecs_json_t *pod, const kecs_json_t *events);

/*
 * Only "manifest".  Values of the environment of containers that are not the
 * task's (a webhook's) are left out: nobody who may see the task has been
 * shown them.  Those of the task are in its definition.
 */
kecs_rc_t kecs_pod_manifest(kecs_arena_t *a, kecs_writer_t *w,
    const kecs_json_t *pod);


/* What the files of the view share. */

/* The string of a member, absent when it is empty. */
kecs_str_t kecs_view_text(const kecs_json_t *o, const char *name);

/* The condition of this type of a pod or a node, NULL when it has none. */
const kecs_json_t *kecs_view_condition(const kecs_json_t *object,
    const char *type);

/* When an event came the last time, in milliseconds; 0: it does not say. */
kecs_msec_t kecs_view_event_time(const kecs_json_t *event);


#endif
