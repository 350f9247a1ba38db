/*
 * What the files of src/store share: the LMDB handles, the transaction and
 * raw access to the named databases.  Raw writes leave indexes, counters and
 * the log alone: only table.c and the care tools use them.
 *
 * Databases: one per record kind for heads (scope, key fields -> log
 * position, body), "parts" (kind, record key, part number -> JSON), "index"
 * (index, scope, key -> kind, record key), "counter" (scope, cluster,
 * service, deployment -> counts), "log" (position -> entry), "scope" (names
 * and numbers; names of what is gone), "meta" (identity, numbers given
 * out).
 */

#ifndef KECS_STORE_IMPL_H
#define KECS_STORE_IMPL_H


#include <lmdb.h>
#include <stdatomic.h>
#include "head.h"


enum {
    KECS_DB_META = 0,
    KECS_DB_SCOPE,
    KECS_DB_LOG,
    KECS_DB_COUNTER,
    KECS_DB_INDEX,
    KECS_DB_PARTS,              /* the kinds follow: KECS_DB_PARTS + kind */
    KECS_DBS = KECS_DB_PARTS + KECS_KINDS
};

#define kecs_db_of(kind)  ((unsigned) (KECS_DB_PARTS + (kind)))

#define KECS_LMDB_KEY_MAX    511
#define KECS_TXN_DEPTH       4
#define KECS_PRINCIPAL_MAX   512
#define KECS_REQUEST_ID_MAX  128


struct kecs_txn_s {
    kecs_store_t  *store;
    MDB_txn       *mdb;
    kecs_txn_t    *parent;
    unsigned       depth;
    bool           write;
    bool           noted;           /* a savepoint: see undo.c */
    bool           seq_known;
    size_t         undo_from;       /* its first note */
    kecs_rc_t      broken;          /* the first write that failed */
    uint64_t       seq;
    uint64_t       changes;         /* raw writes: cursors must seek again */
    uint64_t       scans;           /* serial number of the last scan */
    kecs_msec_t    now;
    MDB_cursor    *cursor[KECS_DBS];
    uint64_t       owner[KECS_DBS]; /* scan that moved the cursor last */
    bool           stale[KECS_DBS]; /* of a read: renew before use */
    kecs_str_t     principal;
    kecs_str_t     request_id;      /* with the trace: see changelog.c */
    char           principal_data[KECS_PRINCIPAL_MAX];
    char           request_id_data[KECS_REQUEST_ID_MAX];
};

/* A block that only grows; kept by the writing side between calls. */
typedef struct {
    uint8_t  *data;
    size_t    size;
} kecs_scratch_t;

struct kecs_store_s {
    MDB_env           *env;         /* NULL: given up, see below */
    MDB_dbi            dbi[KECS_DBS];   /* 0: not there, reads as empty */
    char              *path;
    bool               readonly;
    int                wake_fd;
    int                users_fd;    /* shared lock: "somebody has it open" */
    uint32_t           format;
    char               uuid[37];
    uint64_t           incarnation;
    atomic_ullong      map_size;
    atomic_int         map_users;   /* see map.c */
    atomic_bool        map_want;
    atomic_llong       map_again;
    unsigned           page_size;
    unsigned           readers;     /* slots asked for */
    atomic_llong       reopen_at;   /* after a failure: not before */
    kecs_txn_t         reader;      /* the cached read transaction */
    kecs_txn_t         writer[KECS_TXN_DEPTH];
    kecs_scratch_t     old_head;
    kecs_scratch_t     new_head;
    kecs_scratch_t     entry;       /* of the log */
    kecs_scratch_t     undo;        /* notes: see undo.c */
    size_t             undo_len;
    atomic_ullong      free_txn;    /* see pressure.c */
    atomic_ullong      free_pages;
    atomic_llong       free_until;
    atomic_llong       disk_until;
    atomic_bool        disk_short;
};


/* KECS_* for a result of LMDB; unexpected ones are logged. */
kecs_rc_t kecs_mdb_rc(int err);

/* Notes a failed write: the transaction can only be aborted now. */
kecs_rc_t kecs_txn_fail(kecs_txn_t *txn, kecs_rc_t rc);

/* Sets up the fields of a transaction but for the actor. */
void kecs_txn_init(kecs_txn_t *txn, kecs_store_t *s, MDB_txn *mdb,
    bool write);

/* A read transaction of its own, for care (not the cached one). */
kecs_rc_t kecs_own_read_begin(kecs_store_t *s, kecs_txn_t *txn);
void kecs_own_read_end(kecs_txn_t *txn);

/* Raw access; values point into the map until the next write. */
kecs_rc_t kecs_db_get(kecs_txn_t *txn, unsigned db, kecs_str_t key,
    kecs_str_t *value);
kecs_rc_t kecs_db_put(kecs_txn_t *txn, unsigned db, kecs_str_t key,
    kecs_str_t value, unsigned flags);
kecs_rc_t kecs_db_del(kecs_txn_t *txn, unsigned db, kecs_str_t key);

/*
 * Moves the transaction's one cursor of a database; key (in and out) and
 * value as with LMDB's MDB_FIRST, MDB_SET_RANGE, ...  KECS_NOT_FOUND at the
 * end.  `owner` tells a later step whether the cursor is still its own.
 */
kecs_rc_t kecs_db_step(kecs_txn_t *txn, unsigned db, uint64_t owner,
    MDB_cursor_op op, kecs_str_t *key, kecs_str_t *value);

/*
 * Closes the cursor of a write transaction; one left open in an outer
 * transaction is copied by LMDB for each nested one.
 */
void kecs_db_rest(kecs_txn_t *txn, unsigned db);

/*
 * Notes how a write is taken back: the value that was there, or that there
 * was none (absent).  kecs_undo takes back what was noted since, the newest
 * first; when that fails the whole outer transaction is lost.
 */
kecs_rc_t kecs_undo_note(kecs_txn_t *txn, unsigned db, const MDB_val *key,
    const MDB_val *old);
kecs_rc_t kecs_undo(kecs_txn_t *txn);

/* At least n bytes; what was there stays. */
kecs_rc_t kecs_scratch(kecs_scratch_t *b, size_t n);

static inline kecs_str_t
kecs_key_view(const kecs_key_t *k)
{
    return kecs_str_n(k->data, k->len);
}

/* Numbers in values: big-endian, so that a store can be read by eye. */
void kecs_be_put(uint8_t *p, uint64_t n, size_t bytes);
uint64_t kecs_be_get(const void *p, size_t bytes);


/* Derivation: index entries and counter contributions of one state. */

#define KECS_DERIVED_MAX  12
#define KECS_COUNTS_MAX   5

typedef struct {
    uint32_t       cluster;
    uint32_t       service;
    uint64_t       deployment;
    kecs_counts_t  counts;
} kecs_contribution_t;

typedef struct {
    unsigned             n;
    unsigned             counts;
    bool                 failed;        /* a key did not fit */
    size_t               used;
    struct {
        uint16_t         at;
        uint16_t         len;
    } entry[KECS_DERIVED_MAX];
    kecs_contribution_t  count[KECS_COUNTS_MAX];
    uint8_t              bytes[KECS_DERIVED_MAX * KECS_LMDB_KEY_MAX];
} kecs_derived_t;

/* What one state of a record means; NULL: of no record. */
void kecs_derive(const void *rec, kecs_derived_t *d);

static inline kecs_str_t
kecs_derived_key(const kecs_derived_t *d, unsigned i)
{
    return kecs_str_n(d->bytes + d->entry[i].at, d->entry[i].len);
}

/*
 * Applies the difference to the index and counter databases; `value` is
 * what the entries point to.
 */
kecs_rc_t kecs_derived_apply(kecs_txn_t *txn, uint32_t scope,
    const kecs_derived_t *before, const kecs_derived_t *after,
    kecs_str_t value);

/*
 * The key of a counter, its value as bytes: with counts by launch type, or
 * with none of them but zeros (services, deployments) the short form.
 */
#define KECS_COUNTS_N      ((unsigned) (sizeof(kecs_counts_t) / 4))
#define KECS_COUNTS_MAX_LEN  (4 * KECS_COUNTS_N)
#define KECS_COUNTS_LEN    24
#define KECS_COUNTS_LEN_1  20       /* before there were instances, */
#define KECS_COUNTS_LEN_3  104      /* and before they had counts */

/*
 * Counts of an instance and of a group on it are kept where a cluster has
 * no services; the last part of the key stands for their names.
 */
#define KECS_COUNT_INSTANCE  UINT32_MAX
#define KECS_COUNT_GROUP     (UINT32_MAX - 1)
uint64_t kecs_count_instance(const uint8_t *instance);
uint64_t kecs_count_group(const uint8_t *instance, kecs_str_t group);
void kecs_counter_key(kecs_key_t *k, uint32_t scope, uint32_t cluster,
    uint32_t service, uint64_t deployment);
size_t kecs_counts_pack(const kecs_counts_t *c, uint8_t *out);
kecs_rc_t kecs_counts_unpack(kecs_str_t value, kecs_counts_t *c);
void kecs_counts_add(kecs_counts_t *c, const kecs_counts_t *plus);

/* The scope under which an index keeps its entries. */
uint32_t kecs_index_scope(kecs_index_t index, uint32_t scope);

/* kind, record key: what index entries hold. */
void kecs_ref_key(kecs_key_t *k, const void *rec);

/* Back into kind, scope, key fields; clears the rest of `rec`. */
kecs_rc_t kecs_ref_read(kecs_str_t ref, void *rec);

/* kind, record key, part. */
void kecs_part_key(kecs_key_t *k, const void *rec, unsigned part);


/* The change log. */

/* Appends the entry at txn->seq + 1, which becomes txn->seq. */
kecs_rc_t kecs_log_append(kecs_txn_t *txn, kecs_kind_t kind,
    kecs_change_t change, kecs_str_t key, kecs_str_t body);

/* First and last position; 0, 0 when empty. */
kecs_rc_t kecs_log_bounds(kecs_txn_t *txn, uint64_t *first, uint64_t *last);

/* Whether an entry behind `seq` carries the request id. */
kecs_rc_t kecs_log_find(kecs_txn_t *txn, uint64_t seq,
    kecs_str_t request_id, bool *found);


/* Names of what is gone; see names.c. */

/* The record, whose head this was, was deleted at `seq` of the log. */
kecs_rc_t kecs_names_deleted(kecs_txn_t *txn, const kecs_any_t *rec,
    uint64_t seq);

/* The log no longer has that entry; of the record the key is set. */
kecs_rc_t kecs_names_dropped(kecs_txn_t *txn, const kecs_any_t *rec,
    uint64_t seq);

/* Whether an entry of the database "scope", if it is one, is well-formed. */
bool kecs_name_entry_ok(kecs_str_t key, kecs_str_t value);


/* Opening a file that is not a running store (restore). */

typedef struct {
    uint32_t  format;
    char      uuid[37];
    uint64_t  incarnation;
} kecs_identity_t;

#define KECS_META_FORMAT       kecs_str("format")
#define KECS_META_UUID         kecs_str("uuid")
#define KECS_META_INCARNATION  kecs_str("incarnation")

/*
 * Makes up for what older releases did not derive, unless that is done; see
 * upgrade.c.
 */
#define KECS_META_LAUNCHES     kecs_str("launches")
#define KECS_META_PLACED       kecs_str("placed")
#define KECS_META_NAMES        kecs_str("names")

bool kecs_upgraded(kecs_txn_t *txn, kecs_str_t mark);
kecs_rc_t kecs_upgrade(kecs_store_t *s, MDB_txn *mdb);

#define KECS_MAP_DEFAULT       ((uint64_t) 16 << 30)
#define KECS_READERS_DEFAULT   256

/* The line for people about a failed open; kept per thread. */
kecs_rc_t kecs_why(const char **why, kecs_rc_t rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* "path/name" into out; false when too long. */
bool kecs_store_path(char *out, size_t size, const char *folder,
    const char *name);

/* Reads the identity out of the database "meta". */
kecs_rc_t kecs_identity_read(MDB_txn *mdb, MDB_dbi meta,
    kecs_identity_t *id);

/* As root: gives a file we made to the owner of the folder. */
void kecs_give_to_owner(const char *folder, const char *name);

/* KECS_INVALID when the file is there, not empty and not LMDB's. */
kecs_rc_t kecs_file_check(const char *file, bool *present);

/* Empties a data.mdb whose making was cut short; see folder.c. */
void kecs_stub_clear(const char *folder, const char *file);

/* The folder, made 0700 when absent and `create`; and who may use it. */
kecs_rc_t kecs_folder_open(const char *path, bool create, const char **why);

/* Bytes of the map in use: pages ever used less free ones; cheap. */
uint64_t kecs_store_used(kecs_store_t *s);

/*
 * Whoever reads the map holds it, so that it is not moved meanwhile; holds
 * nest and are short.
 */
void kecs_map_hold(kecs_store_t *s);
void kecs_map_release(kecs_store_t *s);

/*
 * Takes over the size that another process gave the map; false when
 * somebody here holds it, or nothing came of it.
 */
bool kecs_map_adopt(kecs_store_t *s);

/*
 * For moving or replacing the map: true when nobody holds it any more, and
 * then nobody can until it is given back.  Waits a second at most.
 */
bool kecs_map_take(kecs_store_t *s);
void kecs_map_give(kecs_store_t *s);

/*
 * LMDB gives an environment up (MDB_PANIC) after a failed write of a meta
 * page.  Opens it again, in place, unless another thread has; false when
 * that is not possible now.  The caller must not hold the map.
 */
bool kecs_store_reopen(kecs_store_t *s);

/* Does so while the map is nearly full, now and then. */
void kecs_map_look(kecs_store_t *s);

/* An error of a commit, made clearer. */
int kecs_disk_err(kecs_store_t *s, int err);

/* The lock that tells whether anybody has the store open; -1 and errno. */
int kecs_users_lock(const char *folder, bool exclusive, bool readonly);


#endif
