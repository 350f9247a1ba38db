/*
 * Opening, identity and closing of a store.
 *
 * The order on opening: the folder is looked at (made), data.mdb is looked
 * at so that a foreign file is refused untouched, the shared lock of users is
 * taken, and only then LMDB opens the environment.  The databases are opened
 * once here; a store that is new gets databases and identity in one
 * transaction, so a crash leaves either nothing or all of it.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/rand.h"
#include "store_impl.h"


#define READER_SIZE   64                /* of a slot in LMDB's lock file */
#define READERS_HEAD  4096
#define REOPEN_PAUSE  1000              /* msec, when it did not work */


static const char *const  db_names[KECS_DB_PARTS + 1] = {
    "meta", "scope", "log", "counter", "index", "parts"
};


static kecs_rc_t
env_errno(const char *path, int err, const char **why)
{
    switch (err) {

    case EACCES:
    case EPERM:
        return kecs_why(why, KECS_DENIED, "this user may not use the store "
                        "folder %s or the files in it; run as their owner",
                        path);
    case EROFS:
        return kecs_why(why, KECS_DENIED, "the store folder %s is on a "
                        "read-only file system", path);
    case ENOSPC:
    case EDQUOT:
        return kecs_why(why, KECS_FULL, "the disk of the store folder %s is "
                        "full; make room there", path);
    case ENOMEM:
        return kecs_why(why, KECS_NOMEM, "the store %s cannot be mapped: out "
                        "of address space; choose a smaller store size or "
                        "raise the limit (ulimit -v)", path);
    case MDB_INVALID:
        return kecs_why(why, KECS_INVALID, "%s/data.mdb is not a store or "
                        "is damaged; name another folder or restore a backup",
                        path);
    case MDB_VERSION_MISMATCH:
        return kecs_why(why, KECS_INVALID, "%s was written by another "
                        "version of LMDB; restore a backup", path);
    case MDB_READERS_FULL:
        return kecs_why(why, KECS_FULL, "the store %s has no reader slot "
                        "left; stop a process that has it open, or stop all "
                        "and start with more readers", path);
    case EAGAIN:
        return kecs_why(why, KECS_BUSY, "another container uses the store %s "
                        "with the same process number; share the process "
                        "namespace or give each its own store", path);
    default:
        return kecs_why(why, kecs_mdb_rc(err), "the store %s cannot be "
                        "opened: %s", path, mdb_strerror(err));
    }
}


/*
 * Opens one database; `create` within a write transaction.  A number that
 * is no kind has none, and one that may only be read may lack the kinds of
 * a newer release: both read as empty.
 */

static int
db_open(kecs_store_t *s, MDB_txn *mdb, unsigned db, bool create)
{
    int                   err;
    const char           *name;
    const kecs_schema_t  *schema;

    s->dbi[db] = 0;

    if (db <= KECS_DB_PARTS) {
        name = db_names[db];

    } else {
        schema = kecs_schema((kecs_kind_t) (db - KECS_DB_PARTS));

        if (schema == NULL) {
            return 0;
        }

        name = schema->name;
    }

    err = mdb_dbi_open(mdb, name, create ? MDB_CREATE : 0, &s->dbi[db]);

    if (err == MDB_NOTFOUND && s->readonly && db > KECS_DB_PARTS) {
        s->dbi[db] = 0;
        err = 0;
    }

    return err;
}


static bool
meta_get(MDB_txn *mdb, MDB_dbi meta, kecs_str_t name, MDB_val *v)
{
    MDB_val  k;

    k.mv_size = name.len;
    k.mv_data = (void *) (uintptr_t) name.data;

    return mdb_get(mdb, meta, &k, v) == 0;
}


kecs_rc_t
kecs_identity_read(MDB_txn *mdb, MDB_dbi meta, kecs_identity_t *id)
{
    MDB_val  v;

    if (!meta_get(mdb, meta, KECS_META_FORMAT, &v) || v.mv_size != 4) {
        return KECS_INVALID;
    }

    id->format = (uint32_t) kecs_be_get(v.mv_data, 4);

    if (id->format > KECS_STORE_FORMAT) {
        return KECS_TOO_NEW;
    }

    if (id->format == 0
        || !meta_get(mdb, meta, KECS_META_UUID, &v)
        || v.mv_size != KECS_UUID_LEN)
    {
        return KECS_CORRUPT;
    }

    memcpy(id->uuid, v.mv_data, KECS_UUID_LEN);
    id->uuid[KECS_UUID_LEN] = '\0';

    if (!meta_get(mdb, meta, KECS_META_INCARNATION, &v) || v.mv_size != 8) {
        return KECS_CORRUPT;
    }

    id->incarnation = kecs_be_get(v.mv_data, 8);

    return KECS_OK;
}


static int
meta_put(kecs_store_t *s, MDB_txn *mdb, kecs_str_t name, const void *data,
    size_t len)
{
    MDB_val  k, v;

    k.mv_size = name.len;
    k.mv_data = (void *) (uintptr_t) name.data;
    v.mv_size = len;
    v.mv_data = (void *) (uintptr_t) data;

    return mdb_put(mdb, s->dbi[KECS_DB_META], &k, &v, MDB_NOOVERWRITE);
}


/* Identity of a store that is being made. */

static int
identity_write(kecs_store_t *s, MDB_txn *mdb)
{
    int          err;
    char         uuid[KECS_UUID_LEN + 1];
    uint8_t      n[8];
    kecs_rand_t  rnd;

    if (kecs_rand_system(&rnd) != KECS_OK) {
        return EIO;
    }

    kecs_rand_uuid(&rnd, uuid);

    kecs_be_put(n, KECS_STORE_FORMAT, 4);
    err = meta_put(s, mdb, KECS_META_FORMAT, n, 4);

    if (err == 0) {
        err = meta_put(s, mdb, KECS_META_UUID, uuid, KECS_UUID_LEN);
    }

    if (err == 0) {
        kecs_be_put(n, 1, 8);
        err = meta_put(s, mdb, KECS_META_INCARNATION, n, 8);
    }

    return err;
}


static kecs_rc_t
identity_failed(kecs_store_t *s, kecs_rc_t rc, const kecs_identity_t *id,
    const char **why)
{
    switch (rc) {

    case KECS_TOO_NEW:
        return kecs_why(why, rc, "the store %s was written by a newer "
                        "release (format %u, this one knows up to %u); "
                        "install that release; nothing was changed",
                        s->path, id->format, KECS_STORE_FORMAT);
    case KECS_INVALID:
        return kecs_why(why, rc, "%s/data.mdb is an LMDB file of another "
                        "program; name another folder", s->path);
    default:
        return kecs_why(why, rc, "the identity of the store %s is damaged; "
                        "restore a backup", s->path);
    }
}


/* Whether the environment holds nothing at all. */

static bool
env_is_empty(MDB_txn *mdb)
{
    MDB_dbi   dbi;
    MDB_stat  st;

    return mdb_dbi_open(mdb, NULL, 0, &dbi) == 0
           && mdb_stat(mdb, dbi, &st) == 0
           && st.ms_entries == 0;
}


/* Opens "meta" and reads (makes) the identity.  KECS_AGAIN: make it first. */

static kecs_rc_t
identity_open(kecs_store_t *s, MDB_txn *mdb, bool write,
    kecs_identity_t *id, const char **why)
{
    int        err;
    bool       fresh;
    kecs_rc_t  rc;

    fresh = env_is_empty(mdb);
    err = db_open(s, mdb, KECS_DB_META, write && fresh);

    if (err == MDB_NOTFOUND) {
        return fresh ? KECS_AGAIN : identity_failed(s, KECS_INVALID, id, why);
    }

    if (err == 0 && write && fresh) {
        err = identity_write(s, mdb);
    }

    if (err != 0) {
        return env_errno(s->path, err, why);
    }

    rc = kecs_identity_read(mdb, s->dbi[KECS_DB_META], id);

    return rc == KECS_OK ? KECS_OK : identity_failed(s, rc, id, why);
}


/* KECS_AGAIN: it is due and `write` was not given. */

static kecs_rc_t
upgrade(kecs_store_t *s, MDB_txn *mdb, bool write, const char **why)
{
    kecs_rc_t   rc;
    kecs_txn_t  txn;

    if (write) {
        rc = kecs_upgrade(s, mdb);

        return rc == KECS_OK
               ? KECS_OK
               : kecs_why(why, rc, "the store %s of an older release cannot"
                          " be brought up to date: %s", s->path,
                          kecs_rc_name(rc));
    }

    kecs_txn_init(&txn, s, mdb, false);

    return s->readonly || (kecs_upgraded(&txn, KECS_META_LAUNCHES)
                           && kecs_upgraded(&txn, KECS_META_PLACED)
                           && kecs_upgraded(&txn, KECS_META_NAMES))
           ? KECS_OK : KECS_AGAIN;
}


/*
 * Opens all databases and the identity in one transaction.  KECS_AGAIN: some
 * are missing, or less is derived than should be, and `write` was not given.
 */

static kecs_rc_t
databases_open(kecs_store_t *s, bool write, const char **why)
{
    int               err;
    unsigned          i;
    MDB_txn          *mdb;
    kecs_rc_t         rc;
    kecs_identity_t   id;

    memset(&id, 0, sizeof(id));
    err = mdb_txn_begin(s->env, NULL, write ? 0 : MDB_RDONLY, &mdb);

    if (err != 0) {
        return env_errno(s->path, err, why);
    }

    rc = identity_open(s, mdb, write, &id, why);

    if (rc != KECS_OK) {
        mdb_txn_abort(mdb);
        return rc;
    }

    s->format = id.format;

    for (i = KECS_DB_META + 1; i < KECS_DBS && err == 0; i++) {
        err = db_open(s, mdb, i, write);
    }

    if (err != 0) {
        mdb_txn_abort(mdb);
        return err == MDB_NOTFOUND && !write ? KECS_AGAIN
                                             : env_errno(s->path, err, why);
    }

    rc = upgrade(s, mdb, write, why);

    if (rc != KECS_OK) {
        mdb_txn_abort(mdb);
        return rc;
    }

    err = mdb_txn_commit(mdb);

    if (err != 0) {
        return env_errno(s->path, kecs_disk_err(s, err), why);
    }

    s->incarnation = id.incarnation;
    memcpy(s->uuid, id.uuid, sizeof(s->uuid));

    return KECS_OK;
}


/* The size asked for, never less than what the store was given before. */

static int
map_size_set(kecs_store_t *s, uint64_t asked)
{
    int          err;
    MDB_stat     st;
    MDB_envinfo  info;

    err = mdb_env_info(s->env, &info);

    if (err == 0 && asked > info.me_mapsize && !s->readonly) {
        err = mdb_env_set_mapsize(s->env, asked);
    }

    if (err == 0) {
        err = mdb_env_info(s->env, &info);
    }

    if (err == 0) {
        err = mdb_env_stat(s->env, &st);
    }

    if (err == 0) {
        atomic_store(&s->map_size, info.me_mapsize);
        s->page_size = st.ms_psize;
    }

    return err;
}


/*
 * LMDB writes its table of readers through a map; on a full disk a page of
 * it that has no block yet kills whoever touches it.  So its blocks are
 * taken at once; its size is left to LMDB.  Only before LMDB has opened the
 * file: to close a descriptor of it drops the locks of the process on it.
 */

static int
readers_room(kecs_store_t *s, unsigned readers)
{
    int          fd, err;
    char         path[4096];
    off_t        size;
    struct stat  st;

    if (!kecs_store_path(path, sizeof(path), s->path, "lock.mdb")) {
        return ENAMETOOLONG;
    }

    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0) {
        return errno;
    }

    size = (off_t) readers * READER_SIZE + READERS_HEAD;

    if (fstat(fd, &st) == 0 && st.st_size > size) {
        size = st.st_size;
    }

    err = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size) == 0 ? 0 : errno;
    close(fd);

    return err == ENOSPC || err == EDQUOT ? err : 0;
}


static int
env_open(kecs_store_t *s, const kecs_store_conf_t *conf, bool present)
{
    int       err;
    long      page;
    unsigned  flags;
    uint64_t  size;

    page = sysconf(_SC_PAGESIZE);
    size = conf->map_size;

    if (size == 0 && !present) {
        size = KECS_MAP_DEFAULT;
    }

    size -= size % (uint64_t) page;

    err = mdb_env_create(&s->env);

    if (err != 0) {
        s->env = NULL;
        return err;
    }

    err = mdb_env_set_maxdbs(s->env, KECS_DBS);

    if (err == 0) {
        err = mdb_env_set_maxreaders(s->env, s->readers);
    }

    if (err == 0 && !s->readonly) {
        err = readers_room(s, s->readers);
    }

    if (err == 0 && !present && size != 0) {
        err = mdb_env_set_mapsize(s->env, size);
    }

    if (err == 0) {
        flags = MDB_NOTLS | (s->readonly ? MDB_RDONLY : 0);
        err = mdb_env_open(s->env, s->path, flags, 0600);
    }

    if (err == 0) {
        err = map_size_set(s, size);
    }

    return err;
}


/* The shared lock; a read-only folder may do without it. */

static kecs_rc_t
users_join(kecs_store_t *s, const char **why)
{
    s->users_fd = kecs_users_lock(s->path, false, s->readonly);

    if (s->users_fd >= 0 || s->readonly) {
        return KECS_OK;
    }

    switch (errno) {

    case EWOULDBLOCK:
        return kecs_why(why, KECS_BUSY, "the store %s is being restored; "
                        "try again when that is done", s->path);
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOSPC:
    case EDQUOT:
        return env_errno(s->path, errno, why);

    default:
        return kecs_why(why, KECS_IO, "the lock file %s/users.lock: %s",
                        s->path, strerror(errno));
    }
}


static kecs_rc_t
wake_open(kecs_store_t *s, const char **why)
{
    char  path[4096];

    if (s->readonly) {
        return KECS_OK;
    }

    if (!kecs_store_path(path, sizeof(path), s->path, "wake")) {
        return kecs_why(why, KECS_INVALID, "the path of the store is too "
                        "long");
    }

    s->wake_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (s->wake_fd < 0) {
        return env_errno(s->path, errno, why);
    }

    return KECS_OK;
}


/* The cached read transaction: takes its reader slot now, then rests. */

static kecs_rc_t
reader_open(kecs_store_t *s, const char **why)
{
    int  err, dead;

    mdb_reader_check(s->env, &dead);

    err = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->reader.mdb);

    if (err != 0) {
        s->reader.mdb = NULL;
        return env_errno(s->path, err, why);
    }

    mdb_txn_reset(s->reader.mdb);
    s->reader.store = s;

    return KECS_OK;
}


/* Folder and file, before anything is locked or mapped. */

static kecs_rc_t
place_check(kecs_store_t *s, bool create, bool *present, const char **why)
{
    char       file[4096];
    kecs_rc_t  rc;

    rc = kecs_folder_open(s->path, create, why);

    if (rc != KECS_OK) {
        return rc;
    }

    if (!kecs_store_path(file, sizeof(file), s->path, "data.mdb")) {
        return kecs_why(why, KECS_INVALID, "the path of the store is too "
                        "long");
    }

    if (create) {
        kecs_stub_clear(s->path, file);
    }

    rc = kecs_file_check(file, present);

    if (rc != KECS_OK) {
        return env_errno(s->path, rc == KECS_INVALID ? MDB_INVALID
                         : rc == KECS_DENIED ? EACCES : EIO, why);
    }

    if (!*present && !create) {
        return kecs_why(why, KECS_NOT_FOUND, "there is no store in the "
                        "folder %s", s->path);
    }

    return KECS_OK;
}


static kecs_rc_t
store_open(kecs_store_t *s, const kecs_store_conf_t *conf, const char **why)
{
    int        err;
    bool       present, create;
    kecs_rc_t  rc;

    create = conf->create && !conf->readonly;
    rc = place_check(s, create, &present, why);

    if (rc == KECS_OK) {
        rc = users_join(s, why);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    err = env_open(s, conf, present);

    if (err != 0) {
        return env_errno(s->path, err, why);
    }

    rc = databases_open(s, false, why);

    /* one of an older release gets the databases it lacks */

    if (rc == KECS_AGAIN && (create || s->format != 0)) {
        rc = databases_open(s, true, why);
    }

    if (rc == KECS_AGAIN) {
        return kecs_why(why, KECS_NOT_FOUND, "the store %s was never "
                        "completed; open it for creation", s->path);
    }

    if (rc == KECS_OK) {
        rc = wake_open(s, why);
    }

    return rc == KECS_OK ? reader_open(s, why) : rc;
}


static void
files_give(const char *folder)
{
    kecs_give_to_owner(folder, "data.mdb");
    kecs_give_to_owner(folder, "lock.mdb");
    kecs_give_to_owner(folder, "wake");
}


kecs_rc_t
kecs_store_open(const kecs_store_conf_t *conf, kecs_store_t **out,
    const char **why)
{
    kecs_rc_t      rc;
    kecs_store_t  *s;

    *out = NULL;

    s = calloc(1, sizeof(kecs_store_t));

    if (s == NULL) {
        return kecs_why(why, KECS_NOMEM, "out of memory");
    }

    s->wake_fd = -1;
    s->users_fd = -1;
    s->readonly = conf->readonly;
    s->readers = conf->readers ? conf->readers : KECS_READERS_DEFAULT;
    s->path = strdup(conf->path);

    rc = s->path ? store_open(s, conf, why)
                 : kecs_why(why, KECS_NOMEM, "out of memory");

    if (rc != KECS_OK) {
        kecs_store_close(s);
        return rc;
    }

    files_give(s->path);
    *out = s;

    return KECS_OK;
}


static void
reader_close(kecs_txn_t *txn)
{
    unsigned  i;

    for (i = 0; i < KECS_DBS; i++) {
        if (txn->cursor[i] != NULL) {
            mdb_cursor_close(txn->cursor[i]);
            txn->cursor[i] = NULL;
        }
    }

    if (txn->mdb != NULL) {
        mdb_txn_abort(txn->mdb);
        txn->mdb = NULL;
    }
}


static void
env_close(kecs_store_t *s)
{
    reader_close(&s->reader);

    if (s->env != NULL) {
        mdb_env_close(s->env);
        s->env = NULL;
    }
}


/* Whether LMDB still works with it. */

static bool
env_works(kecs_store_t *s)
{
    MDB_txn  *mdb;

    if (s->env == NULL
        || mdb_txn_begin(s->env, NULL, MDB_RDONLY, &mdb) == MDB_PANIC)
    {
        return false;
    }

    mdb_txn_abort(mdb);

    return true;
}


static kecs_rc_t
env_again(kecs_store_t *s, const char **why)
{
    int                err;
    kecs_rc_t          rc;
    kecs_store_conf_t  conf;

    env_close(s);

    memset(&conf, 0, sizeof(conf));
    conf.map_size = atomic_load(&s->map_size);
    err = env_open(s, &conf, true);

    rc = err == 0 ? databases_open(s, false, why)
                  : env_errno(s->path, err, why);

    if (rc == KECS_OK) {
        rc = reader_open(s, why);
    }

    if (rc != KECS_OK) {
        env_close(s);
    }

    return rc;
}


bool
kecs_store_reopen(kecs_store_t *s)
{
    kecs_rc_t    rc;
    const char  *why;

    if (kecs_monotonic() < atomic_load(&s->reopen_at) || !kecs_map_take(s)) {
        return false;
    }

    why = "";
    rc = KECS_OK;

    if (!env_works(s)) {
        rc = env_again(s, &why);
        atomic_store(&s->reopen_at,
                     rc == KECS_OK ? 0 : kecs_monotonic() + REOPEN_PAUSE);

        kecs_log(rc == KECS_OK ? KECS_LOG_NOTICE : KECS_LOG_ERROR,
                 "store: a write failed; it %s opened again%s%s",
                 rc == KECS_OK ? "was" : "cannot be", *why ? ": " : "", why);
    }

    kecs_map_give(s);

    return rc == KECS_OK;
}


void
kecs_store_close(kecs_store_t *s)
{
    if (s == NULL) {
        return;
    }

    env_close(s);

    if (s->wake_fd >= 0) {
        close(s->wake_fd);
    }

    if (s->users_fd >= 0) {
        close(s->users_fd);
    }

    free(s->old_head.data);
    free(s->new_head.data);
    free(s->entry.data);
    free(s->undo.data);
    free(s->path);
    free(s);
}


/* One line per slot in use, and a heading. */

static int
reader_line(const char *line, void *ctx)
{
    if (strpbrk(line, "0123456789") != NULL) {
        (*(unsigned *) ctx)++;
    }

    return 0;
}


void
kecs_store_info(kecs_store_t *s, kecs_store_info_t *info)
{
    kecs_txn_t    txn;
    MDB_envinfo   env;
    unsigned      readers;

    memset(info, 0, sizeof(*info));

    info->format = s->format;
    info->incarnation = s->incarnation;
    info->map_size = atomic_load(&s->map_size);
    info->map_used = kecs_store_used(s);
    memcpy(info->uuid, s->uuid, sizeof(info->uuid));

    if (kecs_own_read_begin(s, &txn) == KECS_OK) {
        (void) kecs_log_bounds(&txn, &info->first_seq, &info->seq);
        kecs_own_read_end(&txn);
    }

    kecs_map_hold(s);

    readers = 0;
    (void) mdb_reader_list(s->env, reader_line, &readers);
    info->readers = readers;
    info->open = s->env != NULL;

    if (mdb_env_info(s->env, &env) == 0) {
        info->readers_max = env.me_maxreaders;
    }

    kecs_map_release(s);
}


unsigned
kecs_store_clear_readers(kecs_store_t *s)
{
    int  err, dead;

    dead = 0;

    kecs_map_hold(s);
    err = mdb_reader_check(s->env, &dead);
    kecs_map_release(s);

    return err == 0 && dead > 0 ? (unsigned) dead : 0;
}
