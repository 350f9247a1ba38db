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
    KECS_CAPACITY_PROVIDER = 9,
    KECS_SETTING = 10,
    KECS_INSTANCE = 11,
    KECS_SERVICE_DEPLOYMENT = 13,
    KECS_REVISION = 14,
    KECS_TASK_SET = 15,
    KECS_DAEMON = 16,
    KECS_DAEMON_TASKDEF = 17,
    KECS_DAEMON_DEPLOYMENT = 18,
    KECS_DAEMON_REVISION = 19,
    KECS_GATEWAY = 20,
    KECS_GATEWAY_ROUTE = 21,
    KECS_GATEWAY_ASSOCIATION = 22,
    KECS_EXPRESS = 23,
    KECS_DAEMON_FAMILY = 24,
    KECS_NODE = 25,
    KECS_KINDS = 26             /* numbers are stored: never reused */
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
    kecs_str_t   namespace;         /* of serviceConnectDefaults */
} kecs_cluster_t;


/* Families of task definitions.  Key: scope, name. */

typedef struct {
    kecs_rec_t   rec;
    kecs_str_t   name;
    uint32_t     last;              /* highest revision ever */
    uint32_t     active;            /* number of ACTIVE revisions */
    uint32_t     latest;            /* highest ACTIVE revision, 0: none */
    uint32_t     purged;            /* number of revisions that are gone */
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
    KECS_TASK_TAGS,
    KECS_TASK_VOLUMES               /* {volumeConfigurations}, not shown */
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
    kecs_str_t   provider;          /* capacity provider, or none */
    uint8_t      instance[KECS_ID_LEN];     /* zeros: on none */
    kecs_msec_t  protected_until;   /* against scale-in, 0: is not */
    uint32_t     cpu;               /* what it takes of an instance: units, */
    uint32_t     memory;            /* MiB, */
    kecs_str_t   ports;             /* host ports, "80,53/udp" */
    kecs_str_t   groups;            /* security groups, "sg-1,sg-2" */
    kecs_str_t   gpus;              /* of the instance, that it has: "0,3" */
} kecs_task_t;

static inline bool
kecs_task_on_instance(const kecs_task_t *t)
{
    static const uint8_t  none[KECS_ID_LEN];

    return memcmp(t->instance, none, KECS_ID_LEN) != 0;
}


/* Services.  Key: scope, cluster, no. */

enum { KECS_SERVICE_ACTIVE = 1, KECS_SERVICE_DRAINING,
       KECS_SERVICE_INACTIVE };

enum { KECS_STRATEGY_REPLICA = 1, KECS_STRATEGY_DAEMON };

enum { KECS_CONTROLLER_ECS = 1, KECS_CONTROLLER_CODE_DEPLOY,
       KECS_CONTROLLER_EXTERNAL };

/* What the scheduler remembers having told of it (steady). */
enum {
    KECS_TOLD_NOTHING = 0,
    KECS_TOLD_STEADY,
    KECS_TOLD_BLOCKED,              /* by minimum and maximum percent */
    KECS_TOLD_THROTTLED
};

/*
 * Availability Zone rebalancing: whether it is on and can be (rebalance),
 * and how far it is (balancing).  UNKNOWN is a record of an earlier
 * release, where the STATIC part alone tells.
 */
enum { KECS_REBALANCE_UNKNOWN = 0, KECS_REBALANCE_OFF, KECS_REBALANCE_ON };

enum {
    KECS_BALANCING_NOT = 0,
    KECS_BALANCING_HELD,            /* told that protection holds it up */
    KECS_BALANCING_ON,              /* told that it is in progress */
    KECS_BALANCING_MOVES            /* a replacement has been started */
};

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
    uint8_t      steady;            /* KECS_TOLD_* */
    uint32_t     desired;
    uint32_t     min_percent;
    uint32_t     max_percent;
    uint32_t     grace;             /* healthCheckGracePeriodSeconds */
    uint32_t     version;           /* from 1, every change */
    uint64_t     primary;           /* number of the PRIMARY deployment;
                                       not ECS's own: of the task set */
    kecs_msec_t  created_at;
    kecs_msec_t  deleted_at;
    kecs_msec_t  throttled_until;   /* no start before, 0: none */
    kecs_msec_t  steady_at;
    kecs_str_t   name;
    kecs_str_t   family;            /* task definition of the service */
    uint32_t     revision;
    kecs_str_t   namespace;         /* of Service Connect, or none */
    uint8_t      controller;        /* KECS_CONTROLLER_*, 0: ECS */
    uint64_t     completed;         /* the last deployment that COMPLETED,
                                       0: none that is known */
    uint8_t      counted;           /* launch type it counts as, 0: launch */
    uint8_t      rebalance;         /* KECS_REBALANCE_* */
    uint8_t      balancing;         /* KECS_BALANCING_* */
    kecs_msec_t  balance_at;        /* not before, 0: at any time */
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
    uint64_t     rollout_of;        /* service deployment, 0: none */
    uint32_t     healthy;           /* its healthy tasks, while a circuit
                                       breaker looks at them */
} kecs_deployment_t;


/*
 * Service deployments: the history of rollouts.  Key: scope, cluster,
 * service, id, which is the number of the target's service revision.
 */

enum { KECS_SERVICE_DEPLOYMENT_PENDING = 1,
       KECS_SERVICE_DEPLOYMENT_IN_PROGRESS,
       KECS_SERVICE_DEPLOYMENT_SUCCESSFUL,
       KECS_SERVICE_DEPLOYMENT_STOP_REQUESTED,
       KECS_SERVICE_DEPLOYMENT_STOPPED,
       KECS_SERVICE_DEPLOYMENT_ROLLBACK_REQUESTED,
       KECS_SERVICE_DEPLOYMENT_ROLLBACK_IN_PROGRESS,
       KECS_SERVICE_DEPLOYMENT_ROLLBACK_SUCCESSFUL,
       KECS_SERVICE_DEPLOYMENT_ROLLBACK_FAILED };

/* The circuit breaker: how it is set, and whether it was triggered. */
#define KECS_BREAKER_ON          0x01
#define KECS_BREAKER_ROLLBACK    0x02
#define KECS_BREAKER_CUMULATIVE  0x04   /* no reset on a healthy task */
#define KECS_BREAKER_TRIGGERED   0x08

/* Its alarms: how they are set, what is known, whether one has ended it. */
#define KECS_ALARMS_ON           0x01
#define KECS_ALARMS_ROLLBACK     0x02
#define KECS_ALARMS_SEEN         0x04   /* their state has been known */
#define KECS_ALARMS_IGNORED      0x08   /* one was in ALARM at the start */
#define KECS_ALARMS_TRIGGERED    0x10
#define KECS_ALARMS_UNASKED      0x20   /* there is nobody to ask */
#define KECS_ALARMS_TOLD         0x40   /* that they cannot be asked */

enum { KECS_THRESHOLD_BOUNDED_PERCENT = 0, KECS_THRESHOLD_UNBOUNDED_PERCENT,
       KECS_THRESHOLD_COUNT };

#define KECS_THRESHOLD_LEAST     3      /* of BOUNDED_PERCENT */
#define KECS_THRESHOLD_MOST    200
#define KECS_THRESHOLD_PERCENT  50      /* when there is no value */

/* How the new deployment takes the place of the old one. */
enum { KECS_DEPLOY_ROLLING = 1, KECS_DEPLOY_BLUE_GREEN, KECS_DEPLOY_LINEAR,
       KECS_DEPLOY_CANARY };

/* Lifecycle stages of those that shift traffic, in their order. */
enum { KECS_STAGE_NONE = 0, KECS_STAGE_RECONCILE_SERVICE,
       KECS_STAGE_PRE_SCALE_UP, KECS_STAGE_SCALE_UP,
       KECS_STAGE_POST_SCALE_UP, KECS_STAGE_TEST_TRAFFIC_SHIFT,
       KECS_STAGE_POST_TEST_TRAFFIC_SHIFT,
       KECS_STAGE_PRE_PRODUCTION_TRAFFIC_SHIFT,     /* before each shift */
       KECS_STAGE_PRODUCTION_TRAFFIC_SHIFT,
       KECS_STAGE_POST_PRODUCTION_TRAFFIC_SHIFT, KECS_STAGE_BAKE_TIME,
       KECS_STAGE_CLEAN_UP };

#define KECS_TRAFFIC_FULL  1000     /* tenths of a percent */

/* A rolling update succeeds early: without, or with, its old tasks left. */
enum { KECS_EARLY_NONE = 0, KECS_EARLY_BLOCKING, KECS_EARLY_DEFERRED };

enum {
    KECS_SERVICE_DEPLOYMENT_STATIC, /* {deploymentConfiguration} */
    KECS_SERVICE_DEPLOYMENT_SOURCES,/* ["N", ...] revisions before */
    KECS_SERVICE_DEPLOYMENT_HOOKS,  /* {lifecycleHookDetails} of the stage */
    KECS_SERVICE_DEPLOYMENT_CALLS,  /* [{at, hookDetails, told}, ...]: their
                                       functions */
    KECS_SERVICE_DEPLOYMENT_ALARMS  /* ["name", ...]: those triggered */
};

typedef struct {
    kecs_rec_t   rec;
    uint32_t     cluster;
    uint32_t     service;
    uint64_t     id;
    uint8_t      status;
    uint64_t     run;               /* deployment that it runs: the target,
                                       or the one that goes back */
    kecs_msec_t  created_at;
    kecs_msec_t  started_at;
    kecs_msec_t  finished_at;
    kecs_msec_t  stopped_at;
    kecs_msec_t  updated_at;
    kecs_msec_t  rollback_at;
    kecs_str_t   name;              /* 21 characters, ends the ARN */
    kecs_str_t   reason;            /* statusReason */
    kecs_str_t   rollback_reason;
    uint8_t      breaker;           /* KECS_BREAKER_* */
    uint8_t      threshold_type;    /* KECS_THRESHOLD_* */
    uint32_t     threshold_value;   /* 0: KECS_THRESHOLD_PERCENT */
    uint32_t     version;           /* every change */
    uint8_t      strategy;          /* KECS_DEPLOY_*, 0: ROLLING */
    uint8_t      stage;             /* KECS_STAGE_* */
    kecs_msec_t  stage_at;          /* since when; of a rolling update: when
                                       its bake time began, 0: not yet */
    uint32_t     hooks;             /* bit KECS_STAGE_*: there is one */
    uint32_t     awaiting;          /* hooks of the stage, not yet done */
    kecs_msec_t  hook_at;           /* the first of them expires */
    uint32_t     weight;            /* of production traffic, the target's
                                       share in tenths of a percent */
    uint32_t     test_weight;       /* of test traffic */
    uint32_t     step;              /* one shift of production traffic */
    uint32_t     step_bake;         /* minutes after each but the last */
    uint32_t     bake;              /* minutes before CLEAN_UP */
    uint8_t      early;             /* KECS_EARLY_* */
    uint32_t     early_percent;     /* of the desired count, healthy */
    kecs_msec_t  call_at;           /* a hook's function is to be invoked,
                                       0: none is */
    uint8_t      alarms;            /* KECS_ALARMS_* */
} kecs_service_deployment_t;

/* Whether a status is not the last one. */
static inline bool
kecs_service_deployment_live(unsigned status)
{
    return status != KECS_SERVICE_DEPLOYMENT_SUCCESSFUL
           && status != KECS_SERVICE_DEPLOYMENT_STOPPED
           && status != KECS_SERVICE_DEPLOYMENT_ROLLBACK_SUCCESSFUL
           && status != KECS_SERVICE_DEPLOYMENT_ROLLBACK_FAILED;
}


/*
 * Who has the traffic while a rollout shifts it; green 0: none does.  Not
 * a record: it follows from those of the service (scheduler.h).
 */
typedef struct {
    uint64_t  blue;                 /* deployments */
    uint64_t  green;
    uint32_t  weight;               /* green's share of production traffic, */
    uint32_t  test_weight;          /* of test traffic */
} kecs_traffic_t;


/* How many failed tasks are too many, of so many that are wanted. */
uint32_t kecs_breaker_threshold(const kecs_service_deployment_t *sd,
    uint32_t desired);


/*
 * Service revisions: what a deployment runs; its number is theirs.  They
 * never change but for ended_at and, once, the digests of their images.
 * Key: scope, cluster, service, id.
 */

enum {
    KECS_REVISION_STATIC            /* {...} members of the answer */
};

typedef struct {
    kecs_rec_t   rec;
    uint32_t     cluster;
    uint32_t     service;
    uint64_t     id;
    uint32_t     revision;          /* of the task definition */
    kecs_msec_t  created_at;
    kecs_msec_t  ended_at;          /* its deployment ended, 0: not yet */
    kecs_str_t   family;
    kecs_str_t   platform;          /* version asked for (LATEST) */
} kecs_revision_t;


/*
 * Task sets of a service whose deployments are another's (CODE_DEPLOY,
 * EXTERNAL).  Key: scope, cluster, service, id.
 */

enum { KECS_TASK_SET_PRIMARY = 1, KECS_TASK_SET_ACTIVE,
       KECS_TASK_SET_DRAINING };

/* Scales are kept in millionths of a percent. */
#define KECS_SCALE_UNIT  1000000
#define KECS_SCALE_FULL  (UINT64_C(100) * KECS_SCALE_UNIT)

/* computedDesiredCount: rounded up. */
static inline uint32_t
kecs_scale_count(uint32_t desired, uint64_t scale)
{
    return (uint32_t) ((desired * scale + KECS_SCALE_FULL - 1)
                       / KECS_SCALE_FULL);
}

enum {
    KECS_TASK_SET_STATIC,           /* {...} members printed as stored */
    KECS_TASK_SET_TAGS
};

typedef struct {
    kecs_rec_t   rec;
    uint32_t     cluster;
    uint32_t     service;
    uint64_t     id;                /* the N of ecs-svc/N */
    uint8_t      status;
    uint8_t      steady;            /* KECS_TOLD_* */
    uint8_t      launch;            /* 0: capacity providers */
    uint32_t     revision;          /* of the task definition */
    uint32_t     version;
    uint32_t     failed;            /* tasks that did not start, in a row */
    uint64_t     scale;
    kecs_msec_t  created_at;
    kecs_msec_t  updated_at;
    kecs_msec_t  steady_at;
    kecs_msec_t  throttled_until;   /* no start before, 0: none */
    kecs_str_t   family;
    kecs_str_t   external_id;
    kecs_str_t   started_by;
    kecs_str_t   platform;          /* version asked for (LATEST) */
} kecs_task_set_t;


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


/*
 * Capacity providers; FARGATE and FARGATE_SPOT are none.  Key: scope, name.
 * One of managed instances belongs to a cluster.
 */

enum { KECS_PROVIDER_ACTIVE = 1, KECS_PROVIDER_INACTIVE };

enum { KECS_PROVIDER_EC2 = 1, KECS_PROVIDER_MANAGED };

enum { KECS_PROVIDER_CREATED = 1, KECS_PROVIDER_UPDATED,
       KECS_PROVIDER_DELETED, KECS_PROVIDER_DELETE_FAILED };

enum {
    KECS_PROVIDER_CONFIGURATION,    /* {"autoScalingGroupProvider": ...} */
    KECS_PROVIDER_TAGS,
    KECS_PROVIDER_REASON            /* "...": updateStatusReason */
};

typedef struct {
    kecs_rec_t   rec;
    kecs_str_t   name;
    uint32_t     cluster;           /* number, 0: not of a cluster */
    uint8_t      type;
    uint8_t      status;
    uint8_t      update;            /* what was last done, and how it went */
    uint8_t      scaling;           /* managed scaling is on */
    uint8_t      draining;          /* managed draining is on */
    uint8_t      id[KECS_ID_LEN];   /* ids of attachments come from it */
    kecs_msec_t  created_at;
    kecs_msec_t  deleted_at;
    kecs_str_t   group;             /* the Auto Scaling group, as given */
} kecs_provider_t;


/*
 * Account settings.  Key: scope, name, principal.  The principal is an ARN,
 * or empty for what counts for all who have none of their own.
 */

typedef struct {
    kecs_rec_t   rec;
    kecs_str_t   name;
    kecs_str_t   principal;
    kecs_str_t   value;
} kecs_setting_t;


/*
 * Daemons.  Families and revisions of their task definitions have the
 * layout of other ones (kecs_family_t, kecs_taskdef_t) in kinds of their
 * own; the status is one of these.
 */

enum { KECS_DAEMON_TASKDEF_ACTIVE = 1, KECS_DAEMON_TASKDEF_DELETING,
       KECS_DAEMON_TASKDEF_DELETED };

/* Key: scope, cluster, no. */

enum { KECS_DAEMON_ACTIVE = 1, KECS_DAEMON_DELETING };

enum {
    KECS_DAEMON_CONFIG,             /* {...} the request's configuration */
    KECS_DAEMON_TAGS
};

typedef struct {
    kecs_rec_t   rec;
    uint32_t     cluster;
    uint32_t     no;
    uint8_t      status;
    uint64_t     current;           /* number of its daemon revision */
    kecs_msec_t  created_at;
    kecs_msec_t  updated_at;
    kecs_str_t   name;
    kecs_str_t   deployment;        /* name of the latest deployment */
    kecs_str_t   family;            /* of the daemon task definition */
    uint32_t     revision;
} kecs_daemon_t;


/* Deployments of daemons.  Key: scope, cluster, name. */

enum { KECS_DAEMON_DEPLOYMENT_PENDING = 1,
       KECS_DAEMON_DEPLOYMENT_IN_PROGRESS,
       KECS_DAEMON_DEPLOYMENT_SUCCESSFUL,
       KECS_DAEMON_DEPLOYMENT_STOP_REQUESTED,
       KECS_DAEMON_DEPLOYMENT_STOPPED,
       KECS_DAEMON_DEPLOYMENT_ROLLBACK_IN_PROGRESS,
       KECS_DAEMON_DEPLOYMENT_ROLLBACK_SUCCESSFUL,
       KECS_DAEMON_DEPLOYMENT_ROLLBACK_FAILED };

enum {
    KECS_DAEMON_DEPLOYMENT_CONFIG   /* {capacityProviderArns, deployment...} */
};

typedef struct {
    kecs_rec_t   rec;
    uint32_t     cluster;
    kecs_str_t   name;              /* 21 characters, ends the ARN */
    uint32_t     daemon;            /* its number */
    uint8_t      status;
    uint64_t     target;            /* daemon revisions; 0: none */
    uint64_t     source;
    kecs_msec_t  created_at;
    kecs_msec_t  started_at;
    kecs_msec_t  stopped_at;
    kecs_msec_t  finished_at;
    kecs_msec_t  replaced_at;       /* a later one came, 0: not yet */
    kecs_str_t   daemon_name;
    kecs_str_t   reason;            /* statusReason */
} kecs_daemon_deployment_t;


/*
 * Daemon revisions: what a deployment of a daemon brings.  They never
 * change but for replaced_at.  Key: scope, cluster, id.
 */

enum {
    KECS_DAEMON_REVISION_STATIC     /* {...} members of the answer */
};

typedef struct {
    kecs_rec_t   rec;
    uint32_t     cluster;
    uint64_t     id;
    uint32_t     daemon;            /* its number */
    uint32_t     revision;          /* of the daemon task definition */
    kecs_msec_t  created_at;
    kecs_msec_t  replaced_at;
    kecs_str_t   daemon_name;
    kecs_str_t   family;
} kecs_daemon_revision_t;


/* Gateways.  Key: scope, name. */

enum { KECS_GATEWAY_ACTIVE = 1, KECS_GATEWAY_UPDATING,
       KECS_GATEWAY_UPDATED, KECS_GATEWAY_UPDATE_FAILED,
       KECS_GATEWAY_DELETED };

enum { KECS_ACCESS_PUBLIC = 1, KECS_ACCESS_PRIVATE };

enum {
    KECS_GATEWAY_CONFIG,            /* {...} of its variant */
    KECS_GATEWAY_TAGS
};

typedef struct {
    kecs_rec_t   rec;
    kecs_str_t   name;
    uint8_t      status;
    uint8_t      access;
    uint8_t      is_protected;      /* deletionProtection */
    uint8_t      propagate;         /* propagateTags is GATEWAY */
    kecs_msec_t  created_at;
    kecs_msec_t  updated_at;
    kecs_str_t   role;              /* infrastructureRoleArn */
} kecs_gateway_t;


/*
 * Routes: a service hanging on a gateway.  Key: scope, gateway, id.
 */

enum { KECS_ROUTE_ACTIVE = 1, KECS_ROUTE_CREATING, KECS_ROUTE_CREATE_FAILED,
       KECS_ROUTE_UPDATING, KECS_ROUTE_UPDATE_FAILED, KECS_ROUTE_DELETING,
       KECS_ROUTE_DELETE_FAILED };

typedef struct {
    kecs_rec_t   rec;
    kecs_str_t   gateway;           /* its name */
    uint8_t      id[KECS_ID_LEN];
    uint32_t     cluster;
    uint32_t     service;
    uint8_t      status;
    kecs_msec_t  created_at;
    kecs_msec_t  updated_at;
    kecs_str_t   cluster_name;
    kecs_str_t   service_name;
    kecs_str_t   port;              /* serviceContainerPortName */
    kecs_str_t   host;              /* of serviceUrl */
} kecs_gateway_route_t;


/* Gateways associated with clusters.  Key: scope, gateway, cluster. */

enum { KECS_ASSOCIATION_ACTIVE = 1, KECS_ASSOCIATION_ENDING,
       KECS_ASSOCIATION_INACTIVE };

typedef struct {
    kecs_rec_t   rec;
    kecs_str_t   gateway;           /* its name */
    uint32_t     cluster;
    uint8_t      status;
    kecs_msec_t  created_at;
    kecs_str_t   cluster_name;
} kecs_gateway_association_t;


/*
 * Configurations of Express services, one for each deployment that an
 * Express call started.  Key: scope, cluster, service, deployment.
 */

enum {
    KECS_EXPRESS_CONFIG             /* {...} members printed as stored */
};

typedef struct {
    kecs_rec_t   rec;
    uint32_t     cluster;
    uint32_t     service;
    uint64_t     deployment;
    uint8_t      access;            /* KECS_ACCESS_* */
    uint8_t      managed;           /* the task definition is ours */
    kecs_msec_t  created_at;
    kecs_msec_t  updated_at;
    kecs_str_t   endpoint;
    kecs_str_t   role;              /* infrastructureRoleArn */
} kecs_express_t;


/*
 * Container instances.  Key: scope, cluster, id.  Agents register them by
 * the API, the reconciler from the nodes of a runtime.
 */

enum { KECS_INSTANCE_ACTIVE = 1, KECS_INSTANCE_DRAINING,
       KECS_INSTANCE_REGISTERING, KECS_INSTANCE_DEREGISTERING,
       KECS_INSTANCE_FAILED, KECS_INSTANCE_INACTIVE };

enum {
    KECS_INSTANCE_RESOURCES,        /* [...] registeredResources */
    KECS_INSTANCE_ATTRIBUTES,       /* [{name, value}] sorted by name */
    KECS_INSTANCE_VERSION,          /* {...} versionInfo */
    KECS_INSTANCE_TAGS
};

typedef struct {
    kecs_rec_t   rec;
    uint32_t     cluster;
    uint8_t      id[KECS_ID_LEN];
    uint8_t      status;
    uint8_t      connected;         /* agentConnected */
    uint32_t     version;           /* ECS's version, from 1 */
    kecs_msec_t  registered_at;
    kecs_msec_t  deregistered_at;
    kecs_str_t   ec2_id;            /* ec2InstanceId */
    kecs_str_t   type;              /* instance type, which never changes */
    kecs_str_t   node;              /* the runtime's name, absent: an agent */
    kecs_str_t   provider;          /* capacityProviderName */
    kecs_str_t   reason;            /* statusReason */
    uint8_t      held;              /* KECS_HELD_*: by its node */
    uint8_t      left;              /* it went by itself: may come back */
    kecs_msec_t  idle_at;           /* since when no task is on it; 0: one
                                       is, or it has not been looked at */
    uint8_t      reserved;          /* for tasks of its provider */
} kecs_instance_t;

/* The node takes no new tasks of this cluster. */
enum { KECS_HELD_NOT = 0,
       KECS_HELD_SAME,                  /* the status is a client's */
       KECS_HELD_DRAINING };            /* and it is DRAINING therefore */


/*
 * Nodes of the runtime, in the scope that is the store's own.  Those that
 * name clusters are container instances of these and of no others; any
 * other may become one of any cluster.  Key: scope, name.
 */

enum {                              /* as of an instance, ready for it */
    KECS_NODE_RESOURCES,
    KECS_NODE_ATTRIBUTES,
    KECS_NODE_VERSION
};

typedef struct {
    kecs_rec_t   rec;
    kecs_str_t   name;
    kecs_str_t   uid;               /* another node of the name: another */
    uint8_t      connected;         /* it is up, and open to tasks */
    uint8_t      cordoned;          /* new tasks are kept away for a time */
    kecs_str_t   ec2_id;
    kecs_str_t   type;
    kecs_str_t   clusters;          /* that it names: "a,b", "*" */
    kecs_str_t   pool;              /* the capacity provider it names */
    uint8_t      launch;            /* KECS_LAUNCH_* it is for; 0: any */
    uint8_t      reserved;          /* for tasks of the provider */
    uint32_t     used_cpu;          /* besides what tasks on it take: */
    uint32_t     used_memory;       /* units, MiB, how many */
    uint32_t     used_gpus;
} kecs_host_t;


/* Room for a record of any kind; its kind is in rec.kind. */
typedef union {
    kecs_rec_t         rec;
    kecs_cluster_t     cluster;
    kecs_family_t      family;
    kecs_taskdef_t     taskdef;
    kecs_task_t        task;
    kecs_service_t     service;
    kecs_deployment_t  deployment;

    kecs_service_deployment_t  service_deployment;
    kecs_revision_t            service_revision;
    kecs_task_set_t            task_set;

    kecs_event_t       event;
    kecs_token_t       token;
    kecs_instance_t    instance;
    kecs_host_t        host;

    kecs_daemon_t               daemon;
    kecs_daemon_deployment_t    daemon_deployment;
    kecs_daemon_revision_t      daemon_revision;
    kecs_gateway_t              gateway;
    kecs_gateway_route_t        gateway_route;
    kecs_gateway_association_t  gateway_association;
    kecs_express_t              express;

    kecs_provider_t    provider;
    kecs_setting_t     setting;
} kecs_any_t;


/*
 * Counters, derived by the store.  Those of a cluster (service 0), of a
 * service (deployment 0) and of a deployment.  Those by launch type are a
 * cluster's only; launch type 0 is of services that do not say what they
 * count as.
 */
enum { KECS_BY_RUNNING = 0, KECS_BY_PENDING, KECS_BY_ACTIVE,
       KECS_BY_DRAINING, KECS_BY_ROWS };

#define KECS_LAUNCHES  (KECS_LAUNCH_MANAGED_INSTANCES + 1)

typedef struct {
    uint32_t     running;           /* tasks, lastStatus RUNNING.. */
    uint32_t     pending;           /* tasks before RUNNING, to run */
    uint32_t     live;              /* tasks not STOPPED */
    uint32_t     services;          /* ACTIVE ones */
    uint32_t     draining;          /* DRAINING services */
    uint32_t     instances;         /* container instances, not INACTIVE */
    uint32_t     by[KECS_BY_ROWS][KECS_LAUNCHES];   /* launch type */
    uint32_t     cpu;               /* what the tasks on an instance take */
    uint32_t     memory;
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
const char *kecs_service_deployment_status_name(unsigned status);
const char *kecs_stage_name(unsigned stage);
const char *kecs_task_set_status_name(unsigned status);
const char *kecs_controller_name(unsigned controller);
const char *kecs_taskdef_status_name(unsigned status);
const char *kecs_instance_status_name(unsigned status);
const char *kecs_daemon_status_name(unsigned status);
const char *kecs_daemon_taskdef_status_name(unsigned status);
const char *kecs_daemon_deployment_status_name(unsigned status);
const char *kecs_gateway_status_name(unsigned status);
const char *kecs_access_name(unsigned access);
const char *kecs_route_status_name(unsigned status);
const char *kecs_association_status_name(unsigned status);
const char *kecs_provider_status_name(unsigned status);
const char *kecs_provider_type_name(unsigned type);
const char *kecs_provider_update_name(unsigned update);

/* And back: 0 when the name is none of them. */
unsigned kecs_task_status_of(kecs_str_t name);
unsigned kecs_launch_of(kecs_str_t name);
unsigned kecs_desired_of(kecs_str_t name);
unsigned kecs_strategy_of(kecs_str_t name);
unsigned kecs_stage_of(kecs_str_t name);
unsigned kecs_deploy_of(kecs_str_t name);     /* KECS_DEPLOY_* */
unsigned kecs_controller_of(kecs_str_t name);
unsigned kecs_taskdef_status_of(kecs_str_t name);
unsigned kecs_instance_status_of(kecs_str_t name);


#endif
