/*
 * The store: an LMDB environment that nginx workers, the reconciler and the
 * command line tool share.  Each process opens it once, after fork, and
 * never opens it twice.  A read transaction sees one moment; a write
 * transaction holds the lock of all writers, so it is short.  Handlers work
 * on records (record.h); from the old and the new record the store itself
 * derives indexes, counters and the entry of the change log, so that they
 * cannot drift.
 *
 * Threads: one thread reads through kecs_read_begin, at most one other
 * writes through kecs_write_begin at the same time.  A transaction and what
 * it returned belong to the thread that began it.
 *
 * Files in the folder: data.mdb, lock.mdb (LMDB's, never opened by us),
 * users.lock (shared lock of everybody who has the store open), wake (see
 * wake.h), writer.lock and writer.sock (see writer.h).
 */

#ifndef KECS_STORE_H
#define KECS_STORE_H


#include "../base/trace.h"
#include "record.h"


#define KECS_STORE_FORMAT  1

typedef struct kecs_store_s  kecs_store_t;
typedef struct kecs_txn_s    kecs_txn_t;

typedef struct {
    const char  *path;              /* folder; made when absent and `create` */
    uint64_t     map_size;          /* bytes; 0: as it is, 16 GiB if new;
                                       never made smaller than it was */
    unsigned     readers;           /* slots; 0: 256 */
    bool         create;
    bool         readonly;          /* check, backup of a foreign store */
} kecs_store_conf_t;

typedef struct {
    uint32_t     format;
    char         uuid[37];          /* of the store, for ever */
    uint64_t     incarnation;       /* raised by every restore */
    uint64_t     seq;               /* last position of the change log */
    uint64_t     first_seq;         /* oldest position still there */
    uint64_t     map_used;          /* bytes */
    uint64_t     map_size;
    unsigned     readers;           /* slots in use */
    unsigned     readers_max;
    bool         open;              /* false: closed after a failed write,
                                       and cannot be opened again now */
} kecs_store_info_t;


/*
 * Opens (creates) the store.  On failure *why tells a person what is wrong
 * and what to do, in one line ("the store folder X belongs to user Y, ...");
 * it is the calling thread's, valid until its next failure of this kind.
 * KECS_OK, KECS_NOMEM, KECS_NOT_FOUND, KECS_DENIED, KECS_FULL, KECS_IO,
 * KECS_TOO_NEW, KECS_CORRUPT, KECS_INVALID (not a store of ours), KECS_BUSY
 * (a restore is at work).
 */
kecs_rc_t kecs_store_open(const kecs_store_conf_t *conf,
    kecs_store_t **out, const char **why);
void kecs_store_close(kecs_store_t *s);

/* Identity, sizes; cheap. */
void kecs_store_info(kecs_store_t *s, kecs_store_info_t *info);

/*
 * What runs short, so that calls that only add are refused: the map, when
 * over 90 % of it is in use (free pages inside the file count as free), or
 * the disk, when what is left there may not do for a batch.  Cheap, from
 * any thread.
 */
typedef enum {
    KECS_ROOM = 0,
    KECS_MAP_SHORT,
    KECS_DISK_SHORT
} kecs_pressure_t;

kecs_pressure_t kecs_store_pressed(kecs_store_t *s);

/* Clears reader slots of dead processes; the number cleared. */
unsigned kecs_store_clear_readers(kecs_store_t *s);


/* Transactions. */

/* The cached read transaction, renewed; end it within the same callback. */
kecs_rc_t kecs_read_begin(kecs_store_t *s, kecs_txn_t **txn);
void kecs_read_end(kecs_txn_t *txn);

/*
 * Who changes the store, for the change log; strings are copied (at most
 * 512 and 128 bytes of them; a trace for which these do not do is left out).
 */
typedef struct {
    kecs_str_t   principal;         /* "arn:..." or "reconciler" */
    kecs_str_t   request_id;        /* without a space */
    kecs_str_t   trace;             /* traceparent, or absent */
} kecs_actor_t;

/*
 * Waits for the lock of all writers.  `now` stamps the log entries.  The
 * outer transaction is committed durably (fsync) and then wakes all
 * followers.  On a failed commit nothing of it has happened.  When LMDB gives
 * its environment up thereby, the next transaction of this process, of
 * either kind, opens it again first; KECS_IO while that cannot be done.
 */
kecs_rc_t kecs_write_begin(kecs_store_t *s, kecs_msec_t now,
    kecs_txn_t **txn);
kecs_rc_t kecs_write_commit(kecs_txn_t *txn);
void kecs_write_abort(kecs_txn_t *txn);

/*
 * One call inside: all of it or nothing of it.  Actor NULL: the parent's.
 * The parent must not be used until the nested one has ended; at most three
 * levels.  After a write that failed, committing fails with its cause.
 */
kecs_rc_t kecs_nested_begin(kecs_txn_t *parent, const kecs_actor_t *actor,
    kecs_txn_t **txn);
kecs_rc_t kecs_nested_commit(kecs_txn_t *txn);
void kecs_nested_abort(kecs_txn_t *txn);

/*
 * The same, but LMDB sees one transaction: what is written is noted and
 * taken back on abort, which costs next to nothing as long as nothing fails.
 * A write that fails (map or memory full, a damaged store) spoils the outer
 * transaction as well: it can only be aborted then, and its other calls run
 * again in another.  kecs_txn_spoiled tells the cause, or KECS_OK.
 */
kecs_rc_t kecs_savepoint_begin(kecs_txn_t *parent, const kecs_actor_t *actor,
    kecs_txn_t **txn);
kecs_rc_t kecs_txn_spoiled(const kecs_txn_t *txn);

/* Changes the actor / the time stamp of a write transaction. */
void kecs_txn_actor(kecs_txn_t *txn, const kecs_actor_t *actor);

/* Log position that the transaction sees (its own changes included). */
uint64_t kecs_txn_seq(kecs_txn_t *txn);


/* Scopes: (account, region) by number. */

/* KECS_NOT_FOUND when it has never been written and `create` is false. */
kecs_rc_t kecs_scope_get(kecs_txn_t *txn, kecs_str_t account,
    kecs_str_t region, bool create, uint32_t *scope);

/* Back to names, into the arena. */
kecs_rc_t kecs_scope_name(kecs_txn_t *txn, kecs_arena_t *a, uint32_t scope,
    kecs_str_t *account, kecs_str_t *region);

/*
 * The scope of what belongs to the store as a whole: no account's, no
 * region's.  As kecs_scope_get.
 */
kecs_rc_t kecs_scope_own(kecs_txn_t *txn, bool create, uint32_t *scope);

/*
 * The name of a cluster (service 0) or of a service by number.  One that was
 * deleted keeps it as long as a record is left that belongs to it, or the
 * log has an entry of such a one.  KECS_NOT_FOUND, KECS_NOMEM, KECS_CORRUPT.
 */
kecs_rc_t kecs_name_of(kecs_txn_t *txn, kecs_arena_t *a, uint32_t scope,
    uint32_t cluster, uint32_t service, kecs_str_t *name);

/* A fresh number, from 1, never given twice in the store ("cluster"). */
kecs_rc_t kecs_number_next(kecs_txn_t *txn, const char *what, uint32_t *no);


/* Records. */

/*
 * Reads the record whose kind, scope and key fields are set in `rec`, its
 * head and the parts named by the bits; memory from `a`.
 * KECS_OK, KECS_NOT_FOUND (rec unchanged but for zeroed fields), KECS_NOMEM,
 * KECS_TOO_NEW (a newer release has added fields, which a put would lose),
 * KECS_CORRUPT.
 */
kecs_rc_t kecs_get(kecs_txn_t *txn, kecs_arena_t *a, void *rec,
    unsigned parts);

/* Loads further parts of a record read before. */
kecs_rc_t kecs_get_parts(kecs_txn_t *txn, kecs_arena_t *a, void *rec,
    unsigned parts);

/*
 * Writes a whole head and the dirty parts; creates or replaces.  Indexes,
 * counters and the change log follow from what was stored and what is
 * stored now; a put that changes nothing writes nothing and is not logged.
 * rec.rev becomes the change's log position.  KECS_OK, KECS_NOMEM,
 * KECS_FULL, KECS_TOO_LARGE (a key of the record or of one of its index
 * entries is over 511 bytes or holds NUL; nothing was written), KECS_IO,
 * KECS_INVALID (no kind, no scope), KECS_DENIED (in a read transaction).
 */
kecs_rc_t kecs_put(kecs_txn_t *txn, void *rec);

/* KECS_NOT_FOUND when it is not there. */
kecs_rc_t kecs_del(kecs_txn_t *txn, void *rec);

/* Counters of a cluster / service / deployment; zeros when none. */
kecs_rc_t kecs_counts(kecs_txn_t *txn, uint32_t scope, uint32_t cluster,
    uint32_t service, uint64_t deployment, kecs_counts_t *out);


/* The same of the tasks on a container instance (live, cpu, memory ...). */
kecs_rc_t kecs_instance_counts(kecs_txn_t *txn, const kecs_instance_t *p,
    kecs_counts_t *out);

/* How many tasks of a group are on it that are not STOPPED. */
kecs_rc_t kecs_group_count(kecs_txn_t *txn, const kecs_instance_t *p,
    kecs_str_t group, uint32_t *n);


/*
 * Indexes.  An entry is (index, scope, key) -> the key fields of a record;
 * the keys of one index are ordered bytes made by kecs_key_* below.
 */
typedef enum {
    KECS_IX_CLUSTER_NAME = 1,   /* name -> cluster; the newest one */
    KECS_IX_CLUSTER_ACTIVE,     /* name, ACTIVE ones, for lists */
    KECS_IX_SERVICE_NAME,       /* cluster, name -> the newest one */
    KECS_IX_SERVICE_ACTIVE,     /* cluster, name; ACTIVE ones */
    KECS_IX_FAMILY_ACTIVE,      /* name; families with an ACTIVE revision */
    KECS_IX_FAMILY_INACTIVE,    /* name; families without */
    KECS_IX_TASKDEF,            /* status, family, revision */
    KECS_IX_TASK_DESIRED,       /* cluster, desired, task */
    KECS_IX_TASK_SERVICE,       /* cluster, service, desired, task */
    KECS_IX_TASK_FAMILY,        /* cluster, desired, family, task */
    KECS_IX_TASK_STARTED_BY,    /* cluster, desired, started by, task */
    KECS_IX_TASK_LIVE,          /* cluster, task; not STOPPED */
    KECS_IX_TASK_HANDLE,        /* task id alone -> task (pod -> task);
                                   found with scope 0 too */
    KECS_IX_SERVICE_LIVE,       /* cluster, service; not INACTIVE */
    KECS_IX_DEPLOYMENT_LIVE,    /* cluster, service, id; not INACTIVE */
    KECS_IX_EXPIRY,             /* scope 0: time, kind, key */

    /* capacity providers, settings, namespaces: 20 to 29 */
    KECS_IX_PROVIDER_ACTIVE = 20,   /* name; ACTIVE ones */
    KECS_IX_PROVIDER_CLUSTER = 21,  /* cluster, name; ACTIVE ones of it */
    KECS_IX_TASK_PROVIDER = 22,     /* cluster, provider, task; not STOPPED */
    KECS_IX_SERVICE_NAMESPACE = 23, /* namespace, cluster, name; ACTIVE */
    KECS_IX_CLUSTER_NAMESPACE = 24, /* namespace, name; ACTIVE ones */

    /* container instances: 30 to 39 */
    KECS_IX_INSTANCE = 30,          /* cluster, id; not INACTIVE */
    KECS_IX_TASK_INSTANCE = 31,     /* cluster, instance, desired, task */
    KECS_IX_TASK_INSTANCE_LIVE = 32, /* cluster, instance, task; not STOPPED */
    KECS_IX_INSTANCE_NODE = 33,     /* scope 0: node, scope, cluster, id; not
                                       INACTIVE, but of a node */

    /* service deployments, revisions, task sets: 40 to 49 */
    KECS_IX_SERVICE_DEPLOYMENT_NAME = 40, /* cluster, service, name */
    KECS_IX_SERVICE_DEPLOYMENT_TIME = 41, /* cluster, service, created */
    KECS_IX_SERVICE_DEPLOYMENT_LIVE = 42, /* cluster, service, id */

    /* daemons, gateways, express services: 50 to 69 */
    KECS_IX_DAEMON_NAME = 50,       /* cluster, name -> daemon */
    KECS_IX_DAEMON_TASKDEF = 51,    /* family, revision, status */
    KECS_IX_DAEMON_USE = 52,        /* family, revision, cluster, daemon */
    KECS_IX_DAEMON_DEPLOYMENT = 53, /* cluster, daemon, created, name */
    KECS_IX_ROUTE_SERVICE = 54,     /* cluster, service, gateway, route */
    KECS_IX_GATEWAY_CLUSTER = 55,   /* cluster, gateway -> association */

    KECS_INDEXES = 70           /* numbers are stored: never reused */
} kecs_index_t;

/* Builds an ordered key: numbers big-endian, strings ended by NUL. */
typedef struct {
    size_t   len;
    uint8_t  data[512];
    bool     failed;            /* did not fit */
} kecs_key_t;

void kecs_key_init(kecs_key_t *k);
void kecs_key_u8(kecs_key_t *k, uint8_t n);
void kecs_key_u32(kecs_key_t *k, uint32_t n);
void kecs_key_u64(kecs_key_t *k, uint64_t n);
void kecs_key_str(kecs_key_t *k, kecs_str_t s);        /* with the NUL */
void kecs_key_bytes(kecs_key_t *k, const void *p, size_t n);  /* as is */

typedef struct kecs_scan_s  kecs_scan_t;

/*
 * Walks the entries of an index whose key starts with `prefix`, in order,
 * from behind the key `after` (whole key, absent: from the start), or
 * backwards.  The scan lives in the arena and ends with the transaction; it
 * may be left unfinished, and records may be put and deleted meanwhile.
 * Scope 0: all scopes, keys then begin with the scope (EXPIRY and
 * TASK_HANDLE keep all scopes together; theirs do not).
 * KECS_OK, KECS_NOMEM, KECS_INVALID (prefix or `after` is too long).
 */
kecs_rc_t kecs_scan(kecs_txn_t *txn, kecs_arena_t *a, kecs_index_t index,
    uint32_t scope, const kecs_key_t *prefix, kecs_str_t after,
    bool backwards, kecs_scan_t **out);

/*
 * Walks the records of a kind in key order; scope 0: of all scopes, keys
 * then begin with the scope.
 */
kecs_rc_t kecs_scan_records(kecs_txn_t *txn, kecs_arena_t *a,
    kecs_kind_t kind, uint32_t scope, const kecs_key_t *prefix,
    kecs_str_t after, bool backwards, kecs_scan_t **out);

/*
 * The next entry.  *key is its key without index and scope, for `after` and
 * for tokens; it is valid until the next step (copy it to keep it).  rec
 * (may be NULL) gets kind, scope and key fields (strings in the arena), and
 * is then read with kecs_get; for KECS_IX_EXPIRY it is a kecs_any_t.
 * KECS_OK, KECS_DONE, KECS_NOMEM, KECS_CORRUPT.
 */
kecs_rc_t kecs_scan_next(kecs_scan_t *scan, kecs_str_t *key, void *rec);
void kecs_scan_end(kecs_scan_t *scan);

/* Entries visited so far, for the 2,000-entry rule. */
unsigned kecs_scan_visited(const kecs_scan_t *scan);

/*
 * Looks one index entry up exactly; fills kind, scope, key fields.  Key
 * fields that are strings point into the map: valid until the next write or
 * the end of the transaction (kecs_get moves them into its arena).
 */
kecs_rc_t kecs_find(kecs_txn_t *txn, kecs_index_t index, uint32_t scope,
    const kecs_key_t *key, void *rec);


/*
 * Stores an event of the service at the next log position and removes the
 * oldest beyond KECS_EVENTS_KEPT (a few at a time).  id: KECS_ID_LEN bytes.
 */
kecs_rc_t kecs_event_add(kecs_txn_t *txn, kecs_arena_t *a,
    const kecs_service_t *service, kecs_msec_t now, const uint8_t *id,
    kecs_str_t message);


/* The change log. */

typedef enum { KECS_CREATED = 1, KECS_CHANGED, KECS_DELETED } kecs_change_t;

typedef struct {
    uint64_t       seq;
    kecs_msec_t    time;
    kecs_kind_t    kind;
    kecs_change_t  change;
    kecs_str_t     principal;
    kecs_str_t     request_id;
    void          *rec;         /* head as it was then; parts not loaded */
} kecs_change_entry_t;

/*
 * Reads the entry behind `seq`.  KECS_OK, KECS_DONE (none yet),
 * KECS_NOT_FOUND (the log no longer reaches back, or not that far: take a
 * snapshot), KECS_NOMEM, KECS_TOO_NEW, KECS_CORRUPT.
 */
kecs_rc_t kecs_log_next(kecs_txn_t *txn, kecs_arena_t *a, uint64_t seq,
    kecs_change_entry_t *out);

/*
 * The position before the first entry of `from` or later: what a reader who
 * wants all since then begins behind.  0: before the oldest there is.
 */
kecs_rc_t kecs_log_since(kecs_txn_t *txn, kecs_msec_t from, uint64_t *seq);

/* When the entry at `seq` was made; as kecs_log_next. */
kecs_rc_t kecs_log_time(kecs_txn_t *txn, uint64_t seq, kecs_msec_t *t);

/*
 * The call that made the entry at `seq`; false: no call did, or the log does
 * not have the entry.
 */
bool kecs_log_cause(kecs_txn_t *txn, uint64_t seq, kecs_cause_t *cause);

/*
 * Drops entries older than `before` or beyond `keep`, at most `max`.  The
 * newest entry always stays, as it carries the log position.
 */
kecs_rc_t kecs_log_trim(kecs_txn_t *txn, kecs_msec_t before, uint64_t keep,
    unsigned max, unsigned *dropped);


/* Care. */

/*
 * Checks every invariant: indexes, counters, log and parts against the
 * records.  Calls `say` with one line per defect; returns their number in
 * *defects.  Works on one read transaction beside a running system.
 */
kecs_rc_t kecs_store_check(kecs_store_t *s,
    void (*say)(void *ctx, const char *line), void *ctx, unsigned *defects);

/*
 * A consistent, compact copy to the new file `path` (mode 0600), beside a
 * running system.  KECS_EXISTS when the file is there already.
 */
kecs_rc_t kecs_store_backup(kecs_store_t *s, const char *path,
    const char **why);

/*
 * Makes the folder conf->path from a backup: refuses when something has it
 * open (KECS_BUSY, by users.lock, which every process that has the store
 * open holds) or when it already holds a store (KECS_EXISTS, unless
 * `replace`); keeps the UUID, raises the incarnation over that of the backup,
 * of the store that is replaced, and to the time in milliseconds, so that
 * restoring one backup twice does not repeat it.
 */
kecs_rc_t kecs_store_restore(const kecs_store_conf_t *conf,
    const char *file, bool replace, const char **why);


#endif
