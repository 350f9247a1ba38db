/*
 * The reconciler: one thread and one loop that follows the store's change
 * log, drives a runtime towards what the records want, writes back what the
 * runtime shows, and runs the service scheduler.
 *
 * What it keeps in memory is a view of the store and can be built again at
 * any time: live tasks and services by key.  The store is changed only
 * through read-modify-write in short transactions (batch.c), so it may be
 * killed at any instant; everything it asks of a runtime may be repeated.
 *
 * state.c   the view and the log        news.c    what the runtime told
 * drive.c   starts, stops, forgets      rollout.c the service scheduler
 * expiry.c  what is old                 adopt.c   tasks without a record
 * purge.c   deleted task definitions    follow.c  service deployments
 * expose.c  what others see of services  nodes.c  container instances
 * evacuate.c  instances that are DRAINING
 * fetch.c   secrets, from the upstream; fetch_files.c  environment files
 * endpoint.c  what is answered over HTTP   inspect.c  about tasks
 * functions.c  AWS_LAMBDA hooks, through the upstream
 * alarms.c  alarms of service deployments, through the upstream
 */

#ifndef KECS_RECONCILER_H
#define KECS_RECONCILER_H


#include "../base/hashtab.h"
#include "../base/log.h"
#include "../convert/task_state.h"
#include "../ecs/ecs.h"
#include "../runtime/runtime.h"
#include "../scheduler/scheduler.h"
#include "../store/wake.h"
#include "../upstream/upstream.h"
#include "endpoint.h"
#include "settings.h"


#define KECS_BATCH_RECORDS  64
#define KECS_BATCH_MSEC     2
#define KECS_DRIVE_CHUNK    128      /* requests to the runtime per round */
#define KECS_ZONE_MAX       64

typedef struct kecs_live_task_s     kecs_live_task_t;
typedef struct kecs_live_service_s  kecs_live_service_t;
typedef struct kecs_news_s          kecs_news_t;
typedef struct kecs_definitions_s   kecs_definitions_t;
typedef struct kecs_nodes_s         kecs_nodes_t;
typedef struct kecs_evacuated_s     kecs_evacuated_t;
typedef struct kecs_fetch_s         kecs_fetch_t;
typedef struct kecs_inspect_s       kecs_inspect_t;
typedef struct kecs_invocation_s    kecs_invocation_t;
typedef struct kecs_watch_s         kecs_watch_t;
typedef struct kecs_alarm_query_s   kecs_alarm_query_t;

/* Tasks of which something is to be asked; each is in at most one queue. */
typedef struct {
    kecs_live_task_t     *first;
    kecs_live_task_t     *last;
} kecs_todo_t;

/* A task that is not STOPPED. */
struct kecs_live_task_s {
    kecs_node_t           node;          /* first: by id */
    kecs_live_task_t     *next, *prev;   /* all of them */
    kecs_live_service_t  *of;
    kecs_live_task_t     *of_next, *of_prev;
    kecs_todo_t          *todo;          /* the queue it is in, or NULL */
    kecs_live_task_t     *todo_next, *todo_prev;

    uint32_t              scope;
    uint32_t              cluster;
    uint64_t              rev;           /* log position it reflects */
    uint64_t              wanted;        /* that of what is wanted of it */
    uint64_t              loaded;        /* round of the last snapshot */
    kecs_sched_task_t     sched;         /* zone points below */
    char                  zone[KECS_ZONE_MAX];
    char                 *handle;        /* or NULL */
    kecs_fetch_t         *fetch;         /* what it needs first, or NULL */

    /* What this process knows of it in the runtime. */
    uint64_t              seen;          /* contact in which it was seen */
    kecs_msec_t           asked_at;      /* monotonic: last start or stop */
    kecs_msec_t           check_at;      /* wall: kecs_task_overdue */
    kecs_msec_t           protected_until;   /* wall, 0: is not */
    unsigned              grace;
    bool                  started;       /* the runtime took the start */
    bool                  stopping;      /* the runtime took the stop */
};

/* A service that is not INACTIVE. */
struct kecs_live_service_s {
    kecs_node_t           node;          /* first: by scope, cluster, no */
    kecs_live_service_t  *next, *prev;
    kecs_live_service_t  *dirty_next;
    kecs_live_service_t  *expose_next;
    kecs_live_task_t     *tasks;
    size_t                n;

    uint32_t              scope;
    uint32_t              cluster;
    uint32_t              no;
    uint64_t              loaded;
    kecs_msec_t           again_at;      /* wall, 0: on a change */
    kecs_msec_t           backoff;       /* after a failure */
    uint64_t              complained;    /* hash of the last reason why a
                                            task had no place, 0: none */
    kecs_invocation_t    *invocations;   /* of its hooks' functions */
    kecs_watch_t         *watch;         /* of its alarms, or NULL */
    bool                  dirty;
    bool                  daemon;        /* strategy DAEMON */
    bool                  balanced;      /* between zones, at rest */
    bool                  expose;        /* the runtime is to be told */
};

typedef struct kecs_reconciler_s {
    kecs_settings_t       set;
    kecs_store_t         *store;
    kecs_runtime_t       *rt;
    kecs_upstream_t      *upstream;      /* NULL: none is configured */
    kecs_api_conf_t       api;
    kecs_rand_t           rand;
    kecs_arena_t         *arena;         /* of one step */
    kecs_definitions_t   *definitions;
    kecs_nodes_t         *nodes;
    kecs_endpoint_t      *endpoint;      /* NULL: there is none */
    kecs_inspect_t       *inspect;
    const char           *data;          /* the store's folder */
    const char           *choice;        /* why this runtime */
    int                   reloads;       /* signalfd of SIGHUP */
    kecs_level_t          asked_level;   /* of --log-level */
    kecs_level_t          level;         /* at work */
    bool                  draining;      /* stop all, then end */
    bool                  drained;       /* it has been done */
    bool                  failed;        /* out of memory: start afresh */

    /* The view. */
    uint64_t              seq;           /* log position it reflects */
    uint64_t              snapshot;      /* round of loading */
    bool                  loaded;
    kecs_hashtab_t        tasks;
    kecs_hashtab_t        services;
    kecs_live_task_t     *all_tasks;
    kecs_live_service_t  *all_services;
    kecs_live_service_t  *dirty;
    kecs_evacuated_t     *evacuated;
    kecs_live_service_t  *expose;
    bool                  exposed;       /* all have been told of */
    kecs_msec_t           services_at;   /* wall: earliest again_at */

    /* The runtime. */
    uint64_t              contact;       /* counts losses of contact */
    bool                  synced;
    char                  unsynced_why[256];
    kecs_todo_t           starts;
    kecs_todo_t           stops;
    kecs_msec_t           starts_at;     /* monotonic: not before */
    kecs_msec_t           stops_at;
    unsigned              fetches;       /* tasks that have a fetch */
    unsigned              invocations;   /* of functions of hooks */
    kecs_watch_t         *watches;       /* of alarms */
    kecs_alarm_query_t   *queries;       /* under way */
    kecs_msec_t           alarms_at;     /* monotonic: asked again */
    kecs_msec_t           alarms_asked;  /* monotonic */
    unsigned              alarms_pause;  /* intervals, after failures */

    /* News, from the sink to the store; `news` owns the memory. */
    kecs_arena_t         *news_arena;
    kecs_news_t          *news;
    kecs_news_t          *news_last;

    /* The store refuses: not before, and how often in a row. */
    kecs_msec_t           store_at;      /* monotonic */
    kecs_msec_t           store_backoff;
    kecs_msec_t           store_logged;
    kecs_rc_t             store_rc;

    /* Slow work. */
    kecs_msec_t           tick_at;       /* monotonic */
    kecs_msec_t           expiry_at;
    kecs_key_t            expiry_after;
    bool                  expiry_more;
    uint64_t              actions;       /* since the start */
    bool                  was_ready;
    kecs_msec_t           status_at;
} kecs_reconciler_t;


/* state.c */

/* Loads the view, or loads it again; tasks keep what is known of them. */
kecs_rc_t kecs_view_load(kecs_reconciler_t *r);

/* Reads the log to its end, in the transaction given. */
kecs_rc_t kecs_view_follow(kecs_reconciler_t *r, kecs_txn_t *txn);
void kecs_view_free(kecs_reconciler_t *r);

/* All records of an index, of all accounts; heads only. */
typedef kecs_rc_t (*kecs_each_pt)(void *ctx, kecs_txn_t *txn,
    kecs_any_t *rec);
kecs_rc_t kecs_index_each(kecs_txn_t *txn, kecs_index_t index,
    kecs_each_pt each, void *ctx);

kecs_live_task_t *kecs_view_task(kecs_reconciler_t *r, const uint8_t *id);
void kecs_service_dirty(kecs_reconciler_t *r, kecs_live_service_t *s);

/* Looks at services whose time has come; sets services_at. */
void kecs_services_due(kecs_reconciler_t *r, kecs_msec_t now);
void kecs_service_again(kecs_reconciler_t *r, kecs_live_service_t *s,
    kecs_msec_t at);


/*
 * batch.c: a write transaction of bounded size.  On a failure everything
 * of the transaction is undone and writing pauses (kecs_store_failed).
 */
typedef struct {
    kecs_reconciler_t  *r;
    kecs_txn_t         *txn;            /* NULL: none is open */
    kecs_msec_t         began;
    kecs_msec_t         now;            /* wall clock */
    unsigned            records;
} kecs_batch_t;

kecs_rc_t kecs_batch_begin(kecs_reconciler_t *r, kecs_batch_t *b);
bool kecs_batch_full(const kecs_batch_t *b);
kecs_rc_t kecs_batch_commit(kecs_batch_t *b);
void kecs_batch_abort(kecs_batch_t *b);

/* False while the store is left alone after a failure. */
bool kecs_store_usable(kecs_reconciler_t *r);
void kecs_store_failed(kecs_reconciler_t *r, const char *what,
    kecs_rc_t rc);

/* A call for the functions of src/ecs, in an open batch. */
kecs_rc_t kecs_batch_call(kecs_batch_t *b, uint32_t scope, kecs_call_t *c);


/* definitions.c: decoded task definitions by name. */
kecs_definitions_t *kecs_definitions_create(void);
void kecs_definitions_destroy(kecs_definitions_t *d);

/* Keeps the number bounded; to be called while none is in use. */
void kecs_definitions_trim(kecs_definitions_t *d);

/* KECS_NOT_FOUND when there is none. */
kecs_rc_t kecs_definition_get(kecs_reconciler_t *r, kecs_txn_t *txn,
    uint32_t scope, kecs_str_t family, uint32_t revision,
    const kecs_ecs_task_definition_t **out);


/* news.c: what the runtime told, on its way into the records. */

typedef enum {
    KECS_NEWS_SEEN = 1,
    KECS_NEWS_REFUSED,
    KECS_NEWS_MISSING,
    KECS_NEWS_OVERDUE
} kecs_news_type_t;

struct kecs_news_s {
    kecs_news_t         *next;
    kecs_news_type_t     type;
    uint8_t              task[KECS_ID_LEN];
    kecs_observation_t   o;
    kecs_str_t           reason;
    uint64_t             contact;       /* in which it was told */
    bool                 write;         /* the record is to change */
    bool                 adopted;       /* the record has been made */
};

kecs_rc_t kecs_news_init(kecs_reconciler_t *r);
kecs_runtime_sink_t kecs_news_sink(kecs_reconciler_t *r);

/* Adds one of another origin than the runtime. */
void kecs_news_add(kecs_reconciler_t *r, kecs_news_type_t type,
    const uint8_t *task, kecs_str_t reason);

/* Writes all of it; what cannot be written now stays. */
void kecs_news_write(kecs_reconciler_t *r);


/*
 * images.c: the images of the task's deployment with their digests, NULL
 * while none is known; and what its first task shows of them.
 */
kecs_rc_t kecs_images_get(kecs_txn_t *txn, kecs_arena_t *a,
    const kecs_task_t *task, const kecs_ecs_container_images_t **out);
kecs_rc_t kecs_images_seen(kecs_batch_t *b, const kecs_task_t *task,
    const kecs_observation_t *o);

/* adopt.c: a task that runs for this store but has no record. */
kecs_rc_t kecs_adopt(kecs_batch_t *b, const kecs_observation_t *o);


/* drive.c */
void kecs_todo_add(kecs_reconciler_t *r, kecs_live_task_t *t);
void kecs_todo_drop(kecs_live_task_t *t);
void kecs_drive(kecs_reconciler_t *r);

/* Once a second: repeats what has no effect, looks at health checks. */
void kecs_drive_sweep(kecs_reconciler_t *r);
void kecs_drive_forget(kecs_reconciler_t *r, const uint8_t *id,
    kecs_str_t handle);

/* The same for a task whose end is stored. */
void kecs_drive_ended(kecs_reconciler_t *r, kecs_txn_t *txn,
    const kecs_task_t *task);

/* All live tasks are to stop (kecs down). */
void kecs_drive_drain(kecs_reconciler_t *r);


/* rollout.c: one round of the service scheduler over dirty services. */
void kecs_rollout(kecs_reconciler_t *r);

/* All that a scan finds: *list becomes *n records of `size` bytes each. */
kecs_rc_t kecs_scan_all(kecs_txn_t *txn, kecs_arena_t *a, kecs_scan_t *scan,
    size_t size, void **list, size_t *n);

/* Live deployments of a service, in a read transaction. */
kecs_rc_t kecs_view_deployments(kecs_reconciler_t *r, kecs_txn_t *txn,
    const kecs_live_service_t *live, kecs_sched_view_t *view);

/* Its tasks; *end: when the next protection of one ends, 0: none does. */
kecs_rc_t kecs_view_tasks(kecs_reconciler_t *r,
    const kecs_live_service_t *live, kecs_msec_t now,
    kecs_sched_view_t *view, kecs_msec_t *end);

/* A task of a service is wanted to run no more, in this transaction. */
kecs_rc_t kecs_rollout_ended(kecs_batch_t *b, const kecs_task_t *task);


/*
 * places.c: the instances that are to have a task of a DAEMON, whose
 * deployments the view has.
 */
kecs_rc_t kecs_daemon_instances(kecs_reconciler_t *r, kecs_txn_t *txn,
    const kecs_live_service_t *live, kecs_msec_t now,
    kecs_sched_view_t *view);


/*
 * The zones between which the service may be rebalanced, if it is to be;
 * deployments and rollout are in the view, whose service `s` is.
 */
kecs_rc_t kecs_service_zones(kecs_reconciler_t *r, kecs_txn_t *txn,
    const kecs_live_service_t *live, kecs_msec_t now, kecs_service_t *s,
    kecs_sched_view_t *view);


/*
 * follow.c: service deployments follow the deployments that they run.
 * In a read transaction: the one of the PRIMARY becomes the view's rollout,
 * and *due tells whether there is one that has to follow.
 */
kecs_rc_t kecs_follow_look(kecs_reconciler_t *r, kecs_txn_t *txn,
    kecs_sched_view_t *view, kecs_msec_t now, bool *due);

/* Does it; the service has all its parts and may be changed and put. */
kecs_rc_t kecs_follow(kecs_batch_t *b, kecs_call_t *c, kecs_service_t *s);


/*
 * expose.c: what others are to see of a service, told to the runtime when
 * its record, its deployments or its task sets have changed.
 */
void kecs_expose_later(kecs_reconciler_t *r, kecs_live_service_t *s);
void kecs_expose(kecs_reconciler_t *r);

/* It leaves the view; with `over` it is no more. */
void kecs_expose_drop(kecs_reconciler_t *r, kecs_live_service_t *s,
    bool over);


/*
 * evacuate.c: an instance is as the log tells; whether the instance of a
 * task is DRAINING; all is forgotten.
 */
kecs_rc_t kecs_evacuate(kecs_reconciler_t *r, const kecs_instance_t *p,
    bool gone);
bool kecs_evacuated(kecs_reconciler_t *r, const kecs_live_task_t *t);
void kecs_evacuate_none(kecs_reconciler_t *r);


/*
 * nodes.c: nodes of the runtime become container instances.  A cluster has
 * been made or changed; the work that there is; when there will be some
 * (monotonic, 0: only on news).
 */
kecs_nodes_t *kecs_nodes_create(void);
void kecs_nodes_destroy(kecs_nodes_t *n);
void kecs_nodes_sink(kecs_runtime_sink_t *sink);
kecs_rc_t kecs_nodes_cluster(kecs_reconciler_t *r,
    const kecs_cluster_t *cluster);
void kecs_nodes_follow(kecs_reconciler_t *r);
kecs_msec_t kecs_nodes_due(const kecs_reconciler_t *r);


/*
 * fetch.c: what a task needs of the upstream before it starts.  KECS_OK:
 * it may start, s->fetched is set if there is anything, until the fetch is
 * dropped.  KECS_BUSY: not yet; it is put into the queue when it may, or
 * ends.  KECS_AGAIN: too many at a time.  KECS_NOMEM.
 */
kecs_rc_t kecs_fetch(kecs_reconciler_t *r, kecs_live_task_t *t,
    kecs_start_t *s);
void kecs_fetch_drop(kecs_live_task_t *t);


/*
 * inspect.c: answers a request of the endpoint (the handler of it, with the
 * reconciler as context).  Destroyed after the runtime was closed.
 */
kecs_inspect_t *kecs_inspect_create(void);
void kecs_inspect_destroy(kecs_inspect_t *i);
void kecs_inspect_asked(void *ctx, kecs_asked_t *asked);


/*
 * functions.c: invokes what is due of the hooks of a service deployment.
 * KECS_BUSY: too many at a time, to be tried again.
 */
kecs_rc_t kecs_functions_call(kecs_batch_t *b, kecs_call_t *c,
    const kecs_service_t *s, kecs_live_service_t *live, uint64_t rollout);

/* Some have ended; writes what came of them. */
bool kecs_functions_ended(const kecs_live_service_t *s);
kecs_rc_t kecs_functions_write(kecs_batch_t *b, kecs_call_t *c,
    const kecs_service_t *s, kecs_live_service_t *live);

/*
 * alarms.c: those that the view's rollout monitors become the view's; asks
 * for them when it is time, which it tells (monotonic, 0: never).
 */
kecs_rc_t kecs_alarms_look(kecs_reconciler_t *r, kecs_txn_t *txn,
    kecs_live_service_t *s, kecs_sched_view_t *view);
void kecs_alarms_ask(kecs_reconciler_t *r);
kecs_msec_t kecs_alarms_due(const kecs_reconciler_t *r);

/* The service leaves the view; the reconciler ends. */
void kecs_alarms_drop(kecs_reconciler_t *r, kecs_live_service_t *s);
void kecs_alarms_stop(kecs_reconciler_t *r);

/* The service leaves the view. */
void kecs_functions_drop(kecs_live_service_t *s);


/* expiry.c */
void kecs_expiry(kecs_reconciler_t *r);


/* purge.c: which of the task definitions among n records are in use. */
kecs_rc_t kecs_purge_look(kecs_txn_t *txn, const kecs_any_t *items,
    unsigned n, bool *used);

/* Removes one that is not. */
kecs_rc_t kecs_purge(kecs_batch_t *b, kecs_taskdef_t *t);


/* status.c: DATA/reconciler.status. */
void kecs_status_write(kecs_reconciler_t *r, bool force);


/*
 * choose.c: the runtime by name, or what fits (D9).  *why is one line for a
 * person: the reason of the choice, or what is wrong.  What nobody has asked
 * to be simulated is not where something of the store is on Kubernetes.
 */
kecs_rc_t kecs_choose_runtime(kecs_reconciler_t *r, const char *name,
    const kecs_kubernetes_conf_t *kube, kecs_arena_t *a, const char **why);

/*
 * Nothing of ours holds what is left in that runtime any more; with
 * `take_away` it is removed as well.  *n: how many objects there were.
 */
kecs_rc_t kecs_release_runtime(kecs_reconciler_t *r, const char *name,
    const kecs_kubernetes_conf_t *kube, bool take_away, kecs_arena_t *a,
    unsigned *n, const char **why);


/*
 * reload.c: what may change while it runs, read again: the log level.
 * Without a usable file it is that of the flag, or stays as it is.
 */
void kecs_reload(kecs_reconciler_t *r);

/* loop.c: runs until `quit` turns true (or, draining, all have stopped). */
kecs_rc_t kecs_loop(kecs_reconciler_t *r, int signals);


#endif
