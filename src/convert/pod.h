/*
 * From a task and its definition to the pod that runs it (kubernetes.md
 * 1.1 to 1.6).  Pure: same input, same bytes.
 *
 * A field of a task definition is converted, carried or refused (D14); the
 * table kecs_pod_fields says which, and a field that is refused there is
 * refused by walking that table, so table and behaviour are one.
 */

#ifndef KECS_POD_H
#define KECS_POD_H


#include "../base/buf.h"
#include "start.h"


#define KECS_POD_PREFIX     "ecs-"      /* of a pod's name; the task's id */
#define KECS_POD_FINALIZER  "ecs/task-tracking"

/* Labels and annotations. */
#define KECS_POD_STORE       "kecs/store"
#define KECS_POD_OBJECT      "kecs/service"     /* of its service's objects */
#define KECS_POD_TASK_ID     "ecs/task-id"
#define KECS_POD_CLUSTER     "ecs/cluster"
#define KECS_POD_SECURITY    "sg.ecs/"          /* and a security group */
#define KECS_POD_SERVICE     "ecs/service"
#define KECS_POD_DEPLOYMENT  "ecs/deployment"
#define KECS_POD_FAMILY      "ecs/family"
#define KECS_POD_REVISION    "ecs/revision"
#define KECS_POD_LAUNCH      "ecs/launch-type"
#define KECS_POD_TASK_ARN    "ecs/task-arn"
#define KECS_POD_TASKDEF     "ecs/task-definition-arn"
#define KECS_POD_GROUP       "ecs/group"
#define KECS_POD_STARTED_BY  "ecs/started-by"
#define KECS_POD_CONTAINERS  "ecs/containers"
#define KECS_POD_VOLUME      "ecs/volume"       /* of a claim */
#define KECS_POD_VOLUME_ID   "ecs/volume-id"
#define KECS_POD_FIRELENS    "kecs/firelens"    /* of a log router */
#define KECS_POD_TAGS        "ecs/tags"
#define KECS_POD_MANAGED_BY  "app.kubernetes.io/managed-by"
#define KECS_POD_SECRET      "kecs/secret"      /* it has one of its name */
#define KECS_SERVICE_ARN     "ecs/service-arn"

/* Of namespaces: the name of their ECS cluster, its ARN. */
#define KECS_SPACE_CLUSTER   "kecs/cluster"
#define KECS_SPACE_ARN       "kecs/cluster-arn"

/* What the cluster can do. */
#define KECS_POD_RESOURCES   0x01       /* spec.resources, from 1.34 */
#define KECS_POD_RESTARTS    0x02       /* restartPolicyRules, from 1.35 */

typedef struct {
    kecs_start_t  s;
    kecs_str_t    uuid;             /* of the store */
    unsigned      features;
    kecs_str_t    classes;          /* of volumes, see kecs_pod_class */
    kecs_str_t    logs;             /* folder of the node with the logs of
                                       pods for log routers; or empty */
} kecs_pod_task_t;

/*
 * Appends the pod as JSON.  KECS_OK, KECS_NOMEM, or KECS_INVALID: this
 * task cannot run as a pod, for the *reason given (in the arena, one
 * sentence naming the field).
 */
kecs_rc_t kecs_pod_build(kecs_arena_t *a, const kecs_pod_task_t *p,
    kecs_buf_t *out, kecs_str_t *reason);

/*
 * Appends the Secret of the pod, which has its name and what was fetched
 * for it, as JSON; nothing when nothing was.  KECS_OK, KECS_NOMEM.
 */
kecs_rc_t kecs_pod_build_secret(kecs_arena_t *a, const kecs_pod_task_t *p,
    kecs_buf_t *out);

/*
 * Appends the PersistentVolumeClaim of a volume that is to outlive its
 * task, as JSON; nothing when there is none.  KECS_OK, KECS_NOMEM.
 */
kecs_rc_t kecs_pod_build_claim(kecs_arena_t *a, const kecs_pod_task_t *p,
    kecs_buf_t *out);

/*
 * The storage class for a volume type, out of "gp3:ssd,gp3/xfs:ssd-xfs":
 * that of type and file system, else that of the type; absent: the
 * cluster's default.
 */
kecs_str_t kecs_pod_class(kecs_str_t classes, kecs_str_t type,
    kecs_str_t filesystem);

/* Whether `classes` has that form. */
bool kecs_pod_classes_ok(kecs_str_t classes);

/* ARN of the task, as the pod's annotation has it; data NULL: no memory. */
kecs_str_t kecs_pod_task_arn(kecs_arena_t *a, const kecs_pod_task_t *p);

/* "ecs-<32 digits>"; out takes KECS_POD_NAME_LEN + 1 bytes. */
#define KECS_POD_NAME_LEN  (sizeof(KECS_POD_PREFIX) - 1 + 2 * KECS_ID_LEN)
void kecs_pod_name(const uint8_t *task, char *out);

/* And back; false when it is not such a name. */
bool kecs_pod_task(kecs_str_t name, uint8_t *task);

/*
 * An ECS name as a Kubernetes one (a DNS label): itself where it is one,
 * otherwise a readable part and a hash.  data NULL: out of memory.
 */
kecs_str_t kecs_pod_label(kecs_arena_t *a, kecs_str_t name);

/* A value of a label from any name.  data NULL: out of memory. */
kecs_str_t kecs_pod_value(kecs_arena_t *a, kecs_str_t s);

/*
 * The name of the Kubernetes objects that stand for an ECS service: unique
 * for the store and the service, a DNS label, and the value of the label
 * KECS_POD_OBJECT of its pods.  data NULL: out of memory.
 */
typedef struct {
    kecs_str_t  uuid;               /* of the store */
    kecs_str_t  account;
    kecs_str_t  region;
    kecs_str_t  cluster;            /* names */
    kecs_str_t  service;
} kecs_service_place_t;

kecs_str_t kecs_service_object_name(kecs_arena_t *a,
    const kecs_service_place_t *p);

/*
 * The namespace that an ECS cluster gets for itself: "ecs-", its name as
 * far as it is a DNS label, and the first ten digits of the SHA-256 of
 * `place`, "ACCOUNT/REGION/CLUSTER".  data NULL: out of memory.
 */
kecs_str_t kecs_pod_space(kecs_arena_t *a, kecs_str_t place);

/*
 * Doubles every dollar sign that Kubernetes would take for the begin of an
 * expansion, so that the text stays what it is.  data NULL: out of memory.
 */
kecs_str_t kecs_pod_literal(kecs_arena_t *a, kecs_str_t s);


typedef enum {
    KECS_FIELD_CONVERTED = 0,       /* has its effect */
    KECS_FIELD_CARRIED,             /* stored and shown, no effect */
    KECS_FIELD_REFUSED              /* a task that sets it cannot start */
} kecs_field_verdict_t;

/*
 * `path` is that of a member of the shape TaskDefinition, or behind
 * "overrides." of TaskOverride; it stands for all members below it that
 * have no row of their own.
 */
typedef struct {
    const char            *path;    /* "containerDefinitions[].secrets" */
    kecs_field_verdict_t   verdict;
    const char            *note;    /* for a person, or NULL */
} kecs_pod_field_t;

/* Ended by a row without a path. */
extern const kecs_pod_field_t  kecs_pod_fields[];

/* The row that decides about a path, NULL when none does. */
const kecs_pod_field_t *kecs_pod_field(kecs_str_t path);

/*
 * Looks for a field that is set and refused.  KECS_OK, KECS_NOMEM, or
 * KECS_INVALID with *reason.
 */
kecs_rc_t kecs_pod_refuse(kecs_arena_t *a,
    const kecs_ecs_task_definition_t *definition,
    const kecs_ecs_task_override_t *overrides, kecs_str_t *reason);


#endif
