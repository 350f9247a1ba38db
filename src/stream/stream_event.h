/*
 * An entry of the change log as an event in the form of Amazon
 * EventBridge's ECS events, and what a client of a stream wants of them.
 *
 * Heads are those of the entry, so an event tells the state as it was then.
 * Fragments (containers, definitions, tags) and counters are read when the
 * event is rendered, so they are those of now, and nothing is left of them
 * when the record is gone.
 *
 * Pure: a transaction, an arena, no clock, no process.
 */

#ifndef KECS_STREAM_EVENT_H
#define KECS_STREAM_EVENT_H


#include "../aws/call.h"


typedef enum {
    KECS_STREAM_CLUSTER = 0,
    KECS_STREAM_TASKDEF,
    KECS_STREAM_TASK,
    KECS_STREAM_SERVICE,
    KECS_STREAM_DEPLOYMENT,
    KECS_STREAM_INSTANCE,
    KECS_STREAM_ACTION,             /* an event of a service */
    KECS_STREAM_SERVICE_DEPLOYMENT,
    KECS_STREAM_REVISION,
    KECS_STREAM_TASK_SET,
    KECS_STREAM_PROVIDER,
    KECS_STREAM_DAEMON,
    KECS_STREAM_DAEMON_DEPLOYMENT,
    KECS_STREAM_DAEMON_REVISION,
    KECS_STREAM_GATEWAY,
    KECS_STREAM_ROUTE,
    KECS_STREAM_KINDS
} kecs_stream_kind_t;

/* "task-definition". */
const char *kecs_stream_kind_name(unsigned kind);

/* "task, service, ...": all of them, for a person. */
void kecs_stream_kind_names(kecs_buf_t *b);

/* The name of a cluster that is named by it or by its ARN. */
kecs_str_t kecs_stream_cluster(kecs_str_t cluster);

/*
 * A list "task,service" as bits by kind; false when it names another or
 * none.
 */
bool kecs_stream_kinds_parse(kecs_str_t list, unsigned *kinds);

/* Absent strings and no kinds: everything. */
typedef struct {
    kecs_str_t   account;
    kecs_str_t   region;
    kecs_str_t   cluster;           /* its name */
    kecs_str_t   arn;               /* of the resource */
    unsigned     kinds;
} kecs_stream_filter_t;

typedef struct {
    uint64_t     seq;
    unsigned     kind;
    kecs_msec_t  time;
    kecs_str_t   account;
    kecs_str_t   region;
    kecs_str_t   cluster;           /* name; absent: of none */
    kecs_str_t   arn;
    kecs_str_t   json;
} kecs_stream_event_t;

/* Whose log it is; ids of events come from it. */
typedef struct {
    const char  *uuid;
    uint64_t     incarnation;
} kecs_stream_store_t;

/* Whether streams tell of entries like this at all, and as what. */
bool kecs_stream_told(const kecs_change_entry_t *e, unsigned *kind);

/*
 * Renders an entry that is told of.  The call has transaction and arena;
 * account, region, scope and buf are set here; all strings of *out are in
 * the arena.  KECS_NOT_FOUND when a name is not known: an older release has
 * deleted the cluster or service while this one had the store open.
 * KECS_NOMEM, KECS_CORRUPT, KECS_IO.
 */
kecs_rc_t kecs_stream_render(kecs_call_t *c, const kecs_stream_store_t *store,
    const kecs_change_entry_t *e, kecs_stream_event_t *out);

bool kecs_stream_wants(const kecs_stream_filter_t *f,
    const kecs_stream_event_t *e);

/* UUID of the event at `seq` (version 5); out takes KECS_UUID_LEN + 1. */
bool kecs_stream_id(const kecs_stream_store_t *store, uint64_t seq,
    char *out);


#endif
