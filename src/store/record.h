/*
 * Records: what the store keeps, as C structures.  A record is a head of
 * small fields (changed often, printed on output) and up to KECS_PARTS
 * fragments of JSON that are ready to send (changed seldom, stored apart).
 * The head is packed by the field tables of record.c: fields are only ever
 * appended there, so that older heads unpack with zeros behind them.
 *
 * Strings and fragments of a record that was read point into the arena the
 * read was given.  Numbers of clusters and services are internal: they
 * never leave the process.
 *
 * Nothing here knows LMDB; the scheduler, placement and converters use it.
 */

#ifndef KECS_RECORD_H
#define KECS_RECORD_H


#include <inttypes.h>

#include "../base/arena.h"
#include "../base/clock.h"


#define KECS_ID_LEN   16            /* a task id, 32 digits when printed */
#define KECS_PARTS    6

typedef enum {
    KECS_CLUSTER = 1,
    KECS_FAMILY,
    KECS_TASKDEF,
    KECS_TASK,
    KECS_SERVICE,
    KECS_DEPLOYMENT,
    KECS_EVENT,
    KECS_TOKEN,
    KECS_KINDS
} kecs_kind_t;

/* Every record starts with this. */
typedef struct {
    uint8_t      kind;
    uint32_t     scope;             /* number of (account, region) */
    uint32_t     gen;               /* encoder generation of the parts */
    uint64_t     rev;               /* log position of the last change */
    unsigned     loaded;            /* bit i: part[i] is what is stored */
    unsigned     dirty;             /* bit i: write part[i] on put */
    kecs_str_t   part[KECS_PARTS];
} kecs_rec_t;

#define kecs_part_bit(i)  (1u << (i))
#define KECS_ALL_PARTS    ((1u << KECS_PARTS) - 1)

/* Sets a part for the next put; absent removes it. */
static inline void
kecs_rec_part(kecs_rec_t *r, unsigned i, kecs_str_t json)
{
    r->part[i] = json;
    r->loaded |= kecs_part_bit(i);
    r->dirty |= kecs_part_bit(i);
}


/* Clusters.  Key: scope, no. */

enum { KECS_CLUSTER_ACTIVE = 1, KECS_CLUSTER_INACTIVE,
       KECS_CLUSTER_PROVISIONING, KECS_CLUSTER_DEPROVISIONING,
       KECS_CLUSTER_CP_FAILED };

enum {
    KECS_CLUSTER_SETTINGS,          /* [{name, value}] */
    KECS_CLUSTER_CONFIGURATION,     /* {...} */
    KECS_CLUSTER_CAPACITY,          /* {capacityProviders, default...} */
    KECS_CLUSTER_CONNECT,           /* serviceConnectDefaults {...} */
    KECS_CLUSTER_TAGS               /* [{key, value}] */
};

typedef struct {
    kecs_rec_t   rec;
    uint32_t     no;
    uint8_t      status;
    kecs_msec_t  created_at;
    kecs_msec_t  deleted_at;
    kecs_str_t   name;
} kecs_cluster_t;


/* Families of task definitions.  Key: scope, name. */

typedef struct {
    kecs_rec_t   rec;
    kecs_str_t   name;
    uint32_t     last;              /* highest revision ever */
    uint32_t     active;            /* number of ACTIVE revisions */
    uint32_t     latest;            /* highest ACTIVE revision, 0: none */
} kecs_family_t;


/* Task definitions.  Key: scope, family, revision. */

enum { KECS_TASKDEF_ACTIVE = 1, KECS_TASKDEF_INACTIVE,
       KECS_TASKDEF_DELETING };

enum {
    KECS_TASKDEF_BODY,              /* {...} static members of the answer */
    KECS_TASKDEF_TAGS
};

typedef struct {
    kecs_rec_t   rec;
    kecs_str_t   family;
    uint32_t     revision;
    uint8_t      status;
    kecs_msec_t  registered_at;
    kecs_msec_t  deregistered_at;
    kecs_msec_t  delete_requested_at;
} kecs_taskdef_t;


/* Tasks.  Key: scope, cluster, id. */

typedef enum {                      /* ECS's order; never backwards */
    KECS_TASK_PROVISIONING = 1,
    KECS_TASK_PENDING,
    KECS_TASK_ACTIVATING,
    KECS_TASK_RUNNING,
    KECS_TASK_DEACTIVATING,
    KECS_TASK_STOPPING,
    KECS_TASK_DEPROVISIONING,
    KECS_TASK_STOPPED
} kecs_task_status_t;

enum { KECS_DESIRED_RUNNING = 1, KECS_DESIRED_STOPPED };

enum { KECS_LAUNCH_EC2 = 1, KECS_LAUNCH_FARGATE, KECS_LAUNCH_EXTERNAL,
       KECS_LAUNCH_MANAGED_INSTANCES };

enum { KECS_STOP_NONE = 0, KECS_STOP_FAILED_TO_START,
       KECS_STOP_ESSENTIAL_EXITED, KECS_STOP_USER, KECS_STOP_SCHEDULER,
       KECS_STOP_SPOT, KECS_STOP_TERMINATION_NOTICE,
       KECS_STOP_INFRASTRUCTURE };

enum { KECS_HEALTH_NONE = 0,        /* not shown yet */
       KECS_HEALTH_UNKNOWN, KECS_HEALTH_HEALTHY, KECS_HEALTH_UNHEALTHY };

enum { KECS_CONNECTIVITY_NONE = 0, KECS_CONNECTED, KECS_DISCONNECTED };

enum {
    KECS_TASK_STATIC,               /* {...} members that never change */
    KECS_TASK_CONTAINERS,           /* [...] as DescribeTasks shows them */
    KECS_TASK_ATTACHMENTS,          /* [...] */
    KECS_TASK_TAGS
};

typedef struct {
    kecs_rec_t   rec;
    uint32_t     cluster;
    uint8_t      id[KECS_ID_LEN];
    uint32_t     service;           /* number, 0: not of a service */
    uint64_t     deployment;        /* number of ecs-svc/N, 0: none */
    uint32_t     revision;          /* of the task definition */
    uint32_t     version;           /* ECS's version, from 1 */
    uint8_t      status;
    uint8_t      desired;
    uint8_t      launch;
    uint8_t      stop_code;
    uint8_t      health;
    uint8_t      connectivity;
    uint8_t      posted;            /* handed to the runtime at least once */
    kecs_msec_t  created_at;
    kecs_msec_t  connectivity_at;
    kecs_msec_t  pull_started_at;
    kecs_msec_t  pull_stopped_at;
    kecs_msec_t  started_at;
    kecs_msec_t  stopping_at;
    kecs_msec_t  execution_stopped_at;
    kecs_msec_t  stopped_at;
    kecs_str_t   family;            /* of the task definition */
    kecs_str_t   group;
    kecs_str_t   started_by;
    kecs_str_t   stopped_reason;
    kecs_str_t   zone;              /* availabilityZone */
    kecs_str_t   node;              /* the runtime's name of the place */
    kecs_str_t   handle;            /* the runtime's own id (pod uid) */
} kecs_task_t;


/* Services.  Key: scope, cluster, no. */

enum { KECS_SERVICE_ACTIVE = 1, KECS_SERVICE_DRAINING,
       KECS_SERVICE_INACTIVE };

enum { KECS_STRATEGY_REPLICA = 1, KECS_STRATEGY_DAEMON };

enum {
    KECS_SERVICE_STATIC,            /* {...} members printed as stored */
    KECS_SERVICE_TAGS
};

typedef struct {
    kecs_rec_t   rec;
    uint32_t     cluster;
    uint32_t     no;
    uint8_t      status;
    uint8_t      strategy;
    uint8_t      launch;            /* 0: capacity providers */
    uint8_t      steady;            /* the steady event has been told */
    uint32_t     desired;
    uint32_t     min_percent;
    uint32_t     max_percent;
    uint32_t     grace;             /* healthCheckGracePeriodSeconds */
    uint32_t     version;           /* from 1, every change */
    uint64_t     primary;           /* number of the PRIMARY deployment */
    kecs_msec_t  created_at;
    kecs_msec_t  deleted_at;
    kecs_msec_t  throttled_until;   /* no start before, 0: none */
    kecs_msec_t  steady_at;
    kecs_str_t   name;
    kecs_str_t   family;            /* task definition of the service */
    uint32_t     revision;
} kecs_service_t;


/* Deployments of a service.  Key: scope, cluster, service, id. */

enum { KECS_DEPLOYMENT_PRIMARY = 1, KECS_DEPLOYMENT_ACTIVE,
       KECS_DEPLOYMENT_INACTIVE };

enum { KECS_ROLLOUT_IN_PROGRESS = 1, KECS_ROLLOUT_COMPLETED,
       KECS_ROLLOUT_FAILED };

/* "ecs-svc/N" as ECS prints the number of a deployment: 19 digits. */
#define KECS_DEPLOYMENT_FMT  "ecs-svc/%019" PRIu64

enum {
    KECS_DEPLOYMENT_STATIC          /* {...} configuration it was made with */
};

typedef struct {
    kecs_rec_t   rec;
    uint32_t     cluster;
    uint32_t     service;
    uint64_t     id;                /* the N of ecs-svc/N */
    uint8_t      status;
    uint8_t      rollout;
    uint32_t     desired;
    uint32_t     failed;            /* failedTasks */
    uint32_t     revision;          /* of the task definition */
    uint32_t     version;
    kecs_msec_t  created_at;
    kecs_msec_t  updated_at;
    kecs_str_t   family;
    kecs_str_t   reason;            /* rolloutStateReason */
} kecs_deployment_t;


/* Service events.  Key: scope, cluster, service, seq (log position). */

typedef struct {
    kecs_rec_t   rec;
    uint32_t     cluster;
    uint32_t     service;
    uint64_t     seq;
    uint8_t      id[KECS_ID_LEN];   /* printed as a UUID */
    kecs_msec_t  created_at;
    kecs_str_t   message;
} kecs_event_t;

#define KECS_EVENTS_KEPT  100


/* Client tokens.  Key: scope, op, token. */

typedef struct {
    kecs_rec_t   rec;
    kecs_str_t   op;                /* "RunTask" */
    kecs_str_t   token;
    kecs_msec_t  created_at;
    uint8_t      hash[32];          /* SHA-256 of the request */
    kecs_str_t   result;            /* for the handler, e.g. task ids */
} kecs_token_t;


/* Room for a record of any kind; its kind is in rec.kind. */
typedef union {
    kecs_rec_t         rec;
    kecs_cluster_t     cluster;
    kecs_family_t      family;
    kecs_taskdef_t     taskdef;
    kecs_task_t        task;
    kecs_service_t     service;
    kecs_deployment_t  deployment;
    kecs_event_t       event;
    kecs_token_t       token;
} kecs_any_t;


/*
 * Counters, derived by the store.  Those of a cluster (service 0), of a
 * service (deployment 0) and of a deployment.
 */
typedef struct {
    uint32_t     running;           /* tasks, lastStatus RUNNING.. */
    uint32_t     pending;           /* tasks before RUNNING, to run */
    uint32_t     live;              /* tasks not STOPPED */
    uint32_t     services;          /* ACTIVE ones */
    uint32_t     draining;          /* DRAINING services */
} kecs_counts_t;


/*
 * The table of a kind: how its head is packed.  `name` is what logs and
 * the change log show ("task").
 */
typedef enum { KECS_F_U8, KECS_F_U32, KECS_F_U64, KECS_F_TIME, KECS_F_STR,
               KECS_F_ID, KECS_F_HASH } kecs_field_type_t;

typedef struct {
    const char         *name;
    kecs_field_type_t   type;
    size_t              offset;
} kecs_field_t;

typedef struct {
    const char          *name;
    size_t               size;      /* of the C structure */
    unsigned             keys;      /* the first so many fields are the key */
    const kecs_field_t  *fields;
    unsigned             n;
} kecs_schema_t;

/* By kind; NULL when unknown. */
const kecs_schema_t *kecs_schema(kecs_kind_t kind);

/* Names as ECS prints them ("PROVISIONING"); "" when out of range. */
const char *kecs_task_status_name(unsigned status);
const char *kecs_desired_name(unsigned desired);
const char *kecs_launch_name(unsigned launch);
const char *kecs_stop_code_name(unsigned code);
const char *kecs_health_name(unsigned health);
const char *kecs_connectivity_name(unsigned connectivity);
const char *kecs_cluster_status_name(unsigned status);
const char *kecs_service_status_name(unsigned status);
const char *kecs_strategy_name(unsigned strategy);
const char *kecs_deployment_status_name(unsigned status);
const char *kecs_rollout_name(unsigned rollout);
const char *kecs_taskdef_status_name(unsigned status);

/* And back: 0 when the name is none of them. */
unsigned kecs_task_status_of(kecs_str_t name);
unsigned kecs_launch_of(kecs_str_t name);
unsigned kecs_desired_of(kecs_str_t name);
unsigned kecs_strategy_of(kecs_str_t name);
unsigned kecs_taskdef_status_of(kecs_str_t name);


#endif
