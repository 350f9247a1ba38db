/*
 * The ECS service scheduler, pure: a snapshot of one service and a clock
 * in, actions out.  It does no I/O, reads no time and draws no randomness;
 * the same input gives the same output.  Each action names the version of
 * the record it was decided on; who applies it drops it when that version
 * has moved on meanwhile.
 */

#ifndef KECS_SCHEDULER_H
#define KECS_SCHEDULER_H


#include "../store/record.h"


/* Time constants and bounds; settings of the running program. */
typedef struct {
    kecs_msec_t  healthy_after;     /* RUNNING so long is healthy: 40 s */
    kecs_msec_t  throttle_first;    /* after failures to start: 10 s */
    kecs_msec_t  throttle_max;      /* doubling up to 27 min */
    unsigned     throttle_from;     /* failed tasks before it: 3 */
    unsigned     burst;             /* starts per step and service: 500 */
    kecs_msec_t  steady_every;      /* steady state told again: 6 h */
    kecs_msec_t  minute;            /* of bake times: 60 s */
    kecs_msec_t  balance_again;     /* a zone took no task: 30 min */
    kecs_msec_t  balance_patience;  /* until its task runs: 10 min */
} kecs_sched_conf_t;

void kecs_sched_conf_default(kecs_sched_conf_t *conf);


/* A task that is not STOPPED, as the scheduler sees it. */
typedef struct {
    uint8_t      id[KECS_ID_LEN];
    uint64_t     deployment;
    uint32_t     version;
    uint8_t      status;
    uint8_t      desired;
    uint8_t      health;
    bool         checked;           /* an essential container has a check */
    bool         protected;         /* not to be stopped by scale-in */
    bool         draining;          /* its instance is to become empty */
    kecs_msec_t  created_at;
    kecs_msec_t  started_at;
    kecs_str_t   zone;
    uint8_t      instance[KECS_ID_LEN];     /* zeros: on none */
} kecs_sched_task_t;

/* The alarms of a service deployment that monitors them. */
typedef enum {
    KECS_ALARMS_NOBODY = 1,         /* there is none to ask */
    KECS_ALARMS_UNKNOWN,            /* no answer has come yet */
    KECS_ALARMS_FAILED,             /* they could not be asked so far */
    KECS_ALARMS_KNOWN
} kecs_alarms_status_t;

typedef struct {
    kecs_alarms_status_t  status;
    bool                  raised;       /* one is in ALARM, */
    kecs_msec_t           raised_at;    /* the first of them since */
    kecs_str_t            names;        /* a JSON list of them */
    kecs_msec_t           period;       /* the longest evaluation of one */
    kecs_str_t            why;          /* NOBODY, FAILED */
} kecs_sched_alarms_t;

typedef struct {
    const kecs_service_t      *service;
    const kecs_deployment_t   *deployments;   /* PRIMARY, ACTIVE */
    size_t                     n_deployments;
    const kecs_sched_task_t   *tasks;         /* all that are not STOPPED */
    size_t                     n_tasks;

    /* The service deployment that runs the PRIMARY, or NULL. */
    const kecs_service_deployment_t  *rollout;

    /* Its alarms, NULL unless it monitors them. */
    const kecs_sched_alarms_t        *alarms;

    /* Of a DAEMON: the ACTIVE container instances, sorted. */
    const uint8_t            (*instances)[KECS_ID_LEN];
    size_t                     n_instances;

    /* For its rebalancing: the zones where its tasks may be put. */
    const kecs_str_t          *zones;
    size_t                     n_zones;
} kecs_sched_view_t;


typedef enum {
    KECS_ACT_START = 1,         /* `n` tasks of `deployment`; on the first
                                   n of `instances`, unless NULL; in
                                   `zone`, to rebalance, if it is one */
    KECS_ACT_STOP,              /* `task`, for `reason`; `zone`: it leaves
                                   that one, to rebalance */
    KECS_ACT_DEPLOYMENT,        /* put: rollout, text, desired, failed,
                                   healthy */
    KECS_ACT_DEPLOYMENT_END,    /* becomes INACTIVE, leaves the list */
    KECS_ACT_SERVICE,           /* put: status, steady, throttled_until,
                                   balancing, balance_at, of a DAEMON
                                   desired */
    KECS_ACT_EVENT,             /* message (without the "(service X) ") */
    KECS_ACT_TASK_SET,          /* put: steady, failed */
    KECS_ACT_TASK_SET_END,      /* its last task is gone: deleted */
    KECS_ACT_STAGE,             /* service deployment, put: stage, weights */
    KECS_ACT_HOOKS_EXPIRE,      /* of its stage, those whose time is up */
    KECS_ACT_HOOKS_CALL,        /* those whose functions are due */
    KECS_ACT_ALARMS,            /* service deployment, put: alarms; text:
                                   names, or why they are not asked */
    KECS_ACT_BAKE               /* its bake time begins */
} kecs_action_type_t;

typedef struct {
    kecs_action_type_t  type;
    uint32_t            version;        /* of the record it changes */
    uint64_t            deployment;     /* or task set, or service
                                           deployment; events: 0, or the
                                           task set that they tell of */
    unsigned            n;
    const uint8_t     (*instances)[KECS_ID_LEN];
    uint8_t             task[KECS_ID_LEN];
    uint8_t             stop_code;
    kecs_str_t          text;           /* reason or message */
    uint8_t             status;
    uint8_t             rollout;
    uint8_t             steady;
    uint32_t            desired;
    uint32_t            failed;
    uint32_t            healthy;
    uint8_t             stage;
    uint8_t             alarms;
    uint32_t            weight;
    uint32_t            test_weight;
    kecs_msec_t         throttled_until;
    kecs_str_t          zone;
    uint8_t             balancing;
    kecs_msec_t         balance_at;
} kecs_action_t;

typedef struct {
    kecs_action_t  *items;
    size_t          n;
    size_t          size;
    kecs_msec_t     again_at;       /* look again then, 0: on a change */
} kecs_actions_t;


/*
 * Decides the next step of one service.  Texts and items are in `a`.
 * Events of tasks started and stopped ("has started 2 tasks: (task ..)")
 * are written by who applies the actions, because it knows the ids.
 */
kecs_rc_t kecs_schedule(kecs_arena_t *a, const kecs_sched_view_t *view,
    const kecs_sched_conf_t *conf, kecs_msec_t now, kecs_actions_t *out);

/* The same by the rules for rolling updates alone. */
kecs_rc_t kecs_schedule_rolling(kecs_arena_t *a,
    const kecs_sched_view_t *view, const kecs_sched_conf_t *conf,
    kecs_msec_t now, kecs_actions_t *out);

/* The same for the strategy DAEMON. */
kecs_rc_t kecs_schedule_daemon(kecs_arena_t *a,
    const kecs_sched_view_t *view, const kecs_sched_conf_t *conf,
    kecs_msec_t now, kecs_actions_t *out);

/*
 * Who has the traffic of a service in the middle of a rollout that shifts
 * it.  Nobody in particular (*out zeroed) otherwise, without a deployment
 * from before, and while going back to one that has too few tasks.
 */
void kecs_sched_traffic(const kecs_sched_view_t *view, kecs_traffic_t *out);

/* Whether a service deployment may still be ended by an alarm. */
bool kecs_sched_monitors(const kecs_service_deployment_t *sd);

/*
 * What its alarms make of it: adds KECS_ACT_ALARMS, and nothing else may be
 * decided before that is done; or adds nothing.
 */
kecs_rc_t kecs_sched_alarms(kecs_arena_t *a, const kecs_sched_view_t *view,
    kecs_actions_t *out);

/*
 * When the bake time of a rolling update with alarms is over; 0: it has
 * none.  It is to have begun.
 */
kecs_msec_t kecs_sched_baked_at(const kecs_sched_view_t *view,
    const kecs_sched_conf_t *conf);

/* The PRIMARY deployment, or NULL. */
const kecs_deployment_t *kecs_sched_primary(const kecs_sched_view_t *view);

/*
 * A task of the service is no longer wanted to run, for the stop code it
 * carries: what that does to the counts of failures and to the start
 * throttle.  To be called at that moment, before the next step, which would
 * start another one in its place.  Both records are changed in
 * place; true when one of them has to be put.
 */
bool kecs_sched_stopped(const kecs_sched_conf_t *conf,
    kecs_service_t *service, kecs_deployment_t *deployment,
    const kecs_task_t *task, kecs_msec_t now);

/* Its health check has failed, and its grace period is over. */
bool kecs_sched_unhealthy(const kecs_service_t *service,
    const kecs_sched_task_t *task, kecs_msec_t now);

/* A task counts as healthy. */
bool kecs_sched_healthy(const kecs_sched_conf_t *conf,
    const kecs_sched_task_t *task, kecs_msec_t now);



/* Adds an action; NULL: out of memory. */
kecs_action_t *kecs_action_add(kecs_arena_t *a, kecs_actions_t *out,
    kecs_action_type_t type);

/* Adds the change of a service, which so far changes nothing. */
kecs_action_t *kecs_action_service(kecs_arena_t *a, kecs_actions_t *out,
    const kecs_service_t *service);

/* Adds an event of this text, made in `a`; KECS_NOMEM when that failed. */
kecs_rc_t kecs_action_event(kecs_arena_t *a, kecs_actions_t *out,
    kecs_str_t text);

/* Adds the stop of a task: it is unhealthy, or not wanted any more. */
kecs_rc_t kecs_action_stop(kecs_arena_t *a, kecs_actions_t *out,
    const kecs_service_t *service, const kecs_sched_task_t *task,
    bool unhealthy);

/* Looks again at `t`, if that is to come, or sooner. */
void kecs_actions_again(kecs_actions_t *out, kecs_msec_t now, kecs_msec_t t);


/*
 * Task sets: each is a target of its own (its definition, its share of the
 * desired count) that is kept running by the rules for one deployment.
 */
typedef struct {
    const kecs_service_t     *service;
    const kecs_task_set_t    *sets;
    size_t                    n_sets;
    const kecs_sched_task_t  *tasks;        /* all that are not STOPPED */
    size_t                    n_tasks;
} kecs_sched_sets_t;

/* The next step of a service that another deploys. */
kecs_rc_t kecs_schedule_sets(kecs_arena_t *a, const kecs_sched_sets_t *view,
    const kecs_sched_conf_t *conf, kecs_msec_t now, kecs_actions_t *out);

/*
 * Task sets left over in a service that we deploy: adds the end of those
 * without tasks; the tasks of the others go as those of old deployments.
 */
kecs_rc_t kecs_schedule_left_sets(kecs_arena_t *a,
    const kecs_sched_sets_t *view, kecs_actions_t *out);

/* As kecs_sched_stopped; the task set is changed in place. */
bool kecs_sched_set_stopped(const kecs_sched_conf_t *conf,
    const kecs_service_t *service, kecs_task_set_t *set,
    const kecs_task_t *task, kecs_msec_t now);


/*
 * What a service deployment that is under way becomes, from how the
 * deployment that it runs (NULL: gone, or no longer PRIMARY) stands.
 */
typedef enum {
    KECS_FOLLOW_NOTHING = 0,
    KECS_FOLLOW_PUT,            /* it has been changed in place */
    KECS_FOLLOW_BACK            /* the rollback asked for is to be done */
} kecs_follow_t;

kecs_follow_t kecs_sched_follow(kecs_service_deployment_t *sd,
    const kecs_service_t *service, const kecs_deployment_t *run,
    kecs_msec_t now);


#endif
