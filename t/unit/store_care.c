/*
 * Care: the check finds every kind of planted defect, backup and restore
 * keep the identity and raise the incarnation, and what is not a store of
 * ours (or not ours to open) is refused with a clear line, untouched.
 */

#define _GNU_SOURCE

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "store_kit.h"


static kecs_arena_t  *arena;


/* A small world: a cluster, a service, tasks, a family of two revisions. */

static void
populate(kecs_store_t *s)
{
    unsigned         i;
    kecs_txn_t      *txn;
    kecs_task_t      t;
    kecs_family_t    f;
    kecs_taskdef_t   d;
    kecs_cluster_t   c;
    kecs_service_t   v;

    txn = kit_write(s);
    kit_cluster(&c, 1, kecs_str("default"));
    kecs_rec_part(&c.rec, KECS_CLUSTER_TAGS, kecs_str("[]"));
    (void) kecs_put(txn, &c);
    kit_service(&v, 1, kecs_str("api"));
    (void) kecs_put(txn, &v);

    for (i = 0; i < 20; i++) {
        kit_task(&t, i);
        t.service = 1;
        t.deployment = 9;
        t.status = (uint8_t) (1 + i % 8);
        kecs_rec_part(&t.rec, KECS_TASK_CONTAINERS, kecs_str("[]"));
        (void) kecs_put(txn, &t);
    }

    memset(&f, 0, sizeof(f));
    f.rec.kind = KECS_FAMILY;
    f.rec.scope = 1;
    f.name = kecs_str("web");
    f.last = 2;
    f.active = 1;
    f.latest = 2;
    (void) kecs_put(txn, &f);

    for (i = 1; i <= 2; i++) {
        memset(&d, 0, sizeof(d));
        d.rec.kind = KECS_TASKDEF;
        d.rec.scope = 1;
        d.family = kecs_str("web");
        d.revision = i;
        d.status = i == 1 ? KECS_TASKDEF_INACTIVE : KECS_TASKDEF_ACTIVE;
        kecs_rec_part(&d.rec, KECS_TASKDEF_BODY, kecs_str("{}"));
        (void) kecs_put(txn, &d);
    }

    if (kecs_write_commit(txn) != KECS_OK) {
        printf("Bail out! cannot fill the store\n");
        exit(1);
    }
}


/* Replaces (or removes: absent) one raw entry; the old one goes to *old. */

static void
plant(kecs_store_t *s, unsigned db, kecs_str_t key, kecs_str_t value,
    kecs_str_t *old)
{
    kecs_str_t   v;
    kecs_txn_t  *txn;

    txn = kit_write(s);
    *old = kecs_null_str;

    if (kecs_db_get(txn, db, key, &v) == KECS_OK) {
        *old = kecs_strdup(arena, v);
    }

    if (value.data != NULL) {
        (void) kecs_db_put(txn, db, key, value, 0);
    } else {
        (void) kecs_db_del(txn, db, key);
    }

    if (kecs_write_commit(txn) != KECS_OK) {
        printf("# cannot plant\n");
    }
}


/* Plants, checks, and puts things right again. */

static void
finds(kecs_store_t *s, const char *what, unsigned db, kecs_str_t key,
    kecs_str_t value)
{
    int         n;
    kecs_str_t  old, planted;

    key = kecs_strdup(arena, key);
    plant(s, db, key, value, &old);
    n = kit_defects(s, false);
    tap_ok(n >= 1, "%s: found (%d)", what, n);

    plant(s, db, key, old, &planted);
    tap_is_int(kit_defects(s, true), 0, "%s: repaired", what);
}


/* The first (last) key of a database. */

static kecs_str_t
some_key(kecs_store_t *s, unsigned db, MDB_cursor_op op, kecs_str_t *value)
{
    kecs_str_t   k, v;
    kecs_txn_t  *txn;

    k = kecs_null_str;
    txn = kit_read(s);

    if (kecs_db_step(txn, db, 0, op, &k, &v) != KECS_OK) {
        printf("# no entry in database %u\n", db);
        k = kecs_str("?");
        v = kecs_str("?");
    }

    k = kecs_strdup(arena, k);
    *value = kecs_strdup(arena, v);
    kecs_read_end(txn);

    return k;
}


/* Counters as releases wrote them that had no container instances, ... */

static void
old_counters(void)
{
    size_t         len;
    uint8_t        bytes[KECS_COUNTS_MAX_LEN];
    kecs_counts_t  n, back;

    memset(&n, 0, sizeof(n));
    n.draining = 5;
    n.instances = 6;
    len = kecs_counts_pack(&n, bytes);
    tap_is_int(len, KECS_COUNTS_LEN, "no launch types: short");

    tap_ok(kecs_counts_unpack(kecs_str_n(bytes, len), &back)
           == KECS_OK && back.draining == 5 && back.instances == 6,
           "counters come back");
    tap_ok(kecs_counts_unpack(kecs_str_n(bytes, KECS_COUNTS_LEN_1), &back)
           == KECS_OK && back.draining == 5 && back.instances == 0,
           "older ones too");
    tap_is_int(kecs_counts_unpack(kecs_str_n(bytes, 21), &back),
               KECS_CORRUPT, "no others");

    n.by[KECS_BY_DRAINING][KECS_LAUNCH_FARGATE] = 7;
    len = kecs_counts_pack(&n, bytes);
    tap_ok(kecs_counts_unpack(kecs_str_n(bytes, len), &back) == KECS_OK
           && memcmp(&n, &back, sizeof(n)) == 0, "by launch type");
}


static void
checking(kecs_store_t *s)
{
    char          *p;
    uint8_t        counts[KECS_COUNTS_MAX_LEN], seq[8];
    kecs_str_t     k, v;
    kecs_key_t     key;
    kecs_task_t    t;
    kecs_family_t  f;

    tap_is_int(kit_defects(s, true), 0, "a sound store");

    k = some_key(s, KECS_DB_INDEX, MDB_FIRST, &v);
    finds(s, "an index entry is missing", KECS_DB_INDEX, k, kecs_null_str);

    k = some_key(s, KECS_DB_INDEX, MDB_LAST, &v);
    p = (char *) (uintptr_t) v.data;
    p[v.len - 1] ^= 1;
    finds(s, "an index entry points elsewhere", KECS_DB_INDEX, k, v);

    kit_task(&t, 3);
    kecs_key_init(&key);
    kecs_ref_key(&key, &t);
    finds(s, "an index entry follows from nothing", KECS_DB_INDEX,
          kecs_str("\x0dzzz"), kecs_key_view(&key));
    finds(s, "an index entry is malformed", KECS_DB_INDEX,
          kecs_str("\x0dzzz"), kecs_str("\x63"));

    k = some_key(s, KECS_DB_COUNTER, MDB_FIRST, &v);
    finds(s, "a counter is missing", KECS_DB_COUNTER, k, kecs_null_str);
    memset(counts, 1, sizeof(counts));
    finds(s, "a counter is wrong", KECS_DB_COUNTER, k,
          kecs_str_n(counts, sizeof(counts)));
    kecs_counter_key(&key, 1, 44, 0, 0);
    memset(counts, 0, sizeof(counts));
    finds(s, "a counter is zero", KECS_DB_COUNTER, kecs_key_view(&key),
          kecs_str_n(counts, sizeof(counts)));
    finds(s, "a counter is malformed", KECS_DB_COUNTER,
          kecs_key_view(&key), kecs_str("x"));

    kit_task(&t, 4444);
    kecs_part_key(&key, &t, 1);
    finds(s, "a part has no record", KECS_DB_PARTS, kecs_key_view(&key),
          kecs_str("{}"));
    kit_task(&t, 3);
    kecs_part_key(&key, &t, KECS_PARTS);
    finds(s, "a part has no meaning", KECS_DB_PARTS, kecs_key_view(&key),
          kecs_str("{}"));

    kecs_be_put(seq, 5, 8);
    finds(s, "the log has a gap", KECS_DB_LOG, kecs_str_n(seq, 8),
          kecs_null_str);
    finds(s, "a log entry cannot be read", KECS_DB_LOG, kecs_str_n(seq, 8),
          kecs_str("\x80"));

    kecs_key_init(&key);
    kecs_rec_key(&key, kecs_schema(KECS_TASK), &t);
    finds(s, "a head cannot be read", kecs_db_of(KECS_TASK),
          kecs_key_view(&key), kecs_str("\0\0\0\0\0\0\0\x03\x80"));
    finds(s, "a record is missing", kecs_db_of(KECS_TASK),
          kecs_key_view(&key), kecs_null_str);

    k = some_key(s, kecs_db_of(KECS_TASK), MDB_FIRST, &v);
    kecs_be_put((uint8_t *) (uintptr_t) v.data, 1000000, 8);
    finds(s, "a position is beyond the log", kecs_db_of(KECS_TASK), k, v);
    kecs_be_put((uint8_t *) (uintptr_t) v.data, 1, 8);
    finds(s, "a position is another record's", kecs_db_of(KECS_TASK), k, v);

    memset(&f, 0, sizeof(f));
    f.rec.kind = KECS_FAMILY;
    f.rec.scope = 1;
    f.name = kecs_str("web");
    kecs_key_init(&key);
    kecs_rec_key(&key, kecs_schema(KECS_FAMILY), &f);
    finds(s, "a family is missing", kecs_db_of(KECS_FAMILY),
          kecs_key_view(&key), kecs_null_str);
    kecs_arena_reset(arena);
}


/* The same defect, through put: a family that disagrees with revisions. */

static void
family_check(kecs_store_t *s)
{
    kecs_txn_t     *txn;
    kecs_family_t   f, g;

    memset(&f, 0, sizeof(f));
    f.rec.kind = KECS_FAMILY;
    f.rec.scope = 1;
    f.name = kecs_str("web");

    txn = kit_write(s);
    (void) kecs_get(txn, arena, &f, 0);
    g = f;
    g.last = 1;
    (void) kecs_put(txn, &g);
    (void) kecs_write_commit(txn);
    tap_is_int(kit_defects(s, false), 1, "a revision that could repeat");

    txn = kit_write(s);
    g = f;
    g.latest = 1;
    (void) kecs_put(txn, &g);
    (void) kecs_write_commit(txn);
    tap_is_int(kit_defects(s, false), 1, "a wrong latest revision");

    txn = kit_write(s);
    (void) kecs_put(txn, &f);
    (void) kecs_write_commit(txn);
    tap_is_int(kit_defects(s, true), 0, "repaired");
}


static kecs_rc_t
try_open(const char *path, bool create, bool readonly, const char **why)
{
    kecs_rc_t           rc;
    kecs_store_t       *s;
    kecs_store_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.path = path;
    conf.map_size = KIT_MAP;
    conf.create = create;
    conf.readonly = readonly;
    *why = "";

    rc = kecs_store_open(&conf, &s, why);
    kecs_store_close(s);

    return rc;
}


static kecs_rc_t
restore(const char *path, const char *file, bool replace)
{
    kecs_rc_t           rc;
    const char         *why;
    kecs_store_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.path = path;
    why = "";
    rc = kecs_store_restore(&conf, file, replace, &why);

    if (rc != KECS_OK) {
        printf("# %s\n", why);
    }

    return rc;
}


static void
write_file(const char *path, const void *data, size_t len)
{
    FILE  *f;

    f = fopen(path, "w");

    if (f == NULL || fwrite(data, 1, len, f) != len || fclose(f) != 0) {
        printf("Bail out! cannot write %s\n", path);
        exit(1);
    }
}


static unsigned
mode_of(const char *path)
{
    struct stat  st;

    return stat(path, &st) == 0 ? st.st_mode & 0777 : 0;
}


static void
backups(kecs_store_t *s)
{
    bool                 found;
    struct stat          st;
    kecs_txn_t          *txn;
    kecs_task_t          t;
    const char          *why;
    kecs_store_t        *r;
    kecs_store_info_t    was, now, again;

    kecs_store_info(s, &was);
    tap_is_int(kecs_store_backup(s, kit_path("b.mdb"), &why), KECS_OK,
               "a backup beside a running store");
    tap_is_int(mode_of(kit_path("b.mdb")), 0600, "nobody else may read it");
    tap_is_int(kecs_store_backup(s, kit_path("b.mdb"), &why), KECS_EXISTS,
               "it is not overwritten");
    tap_is_int(kecs_store_backup(s, kit_path("no/b.mdb"), &why),
               KECS_NOT_FOUND, "no such folder");
    printf("# %s\n", why);

    txn = kit_write(s);
    kit_task(&t, 3);
    (void) kecs_del(txn, &t);
    (void) kecs_write_commit(txn);

    tap_is_int(restore(kit_path("store"), kit_path("b.mdb"), true),
               KECS_BUSY, "no restore under an open store");
    tap_is_int(restore(kit_path("copy"), kit_path("b.mdb"), false), KECS_OK,
               "a restore to a new folder");

    r = kit_open_at(kit_path("copy"));
    kecs_store_info(r, &now);
    tap_ok(strcmp(was.uuid, now.uuid) == 0, "the same store");
    tap_ok(now.incarnation > was.incarnation, "in another incarnation");
    tap_is_int(kit_defects(r, true), 0, "it is sound");
    txn = kit_read(r);
    kit_task(&t, 3);
    found = kecs_get(txn, arena, &t, 0) == KECS_OK;
    kecs_read_end(txn);
    tap_ok(found && now.seq == was.seq, "as it was at the backup");
    kecs_store_close(r);

    tap_is_int(restore(kit_path("copy"), kit_path("b.mdb"), false),
               KECS_EXISTS, "a store is not replaced unasked");
    tap_is_int(restore(kit_path("copy"), kit_path("b.mdb"), true), KECS_OK,
               "but when asked");
    r = kit_open_at(kit_path("copy"));
    kecs_store_info(r, &again);
    kecs_store_close(r);
    tap_ok(again.incarnation > now.incarnation,
           "the same backup again is another incarnation");

    if (stat(kit_path("b.mdb"), &st) == 0) {
        (void) !truncate(kit_path("b.mdb"), st.st_size - 4096);
    }

    tap_is_int(restore(kit_path("copy2"), kit_path("b.mdb"), false),
               KECS_CORRUPT, "a backup that was cut short is refused");
    write_file(kit_path("text"), "hello", 5);
    tap_is_int(restore(kit_path("copy"), kit_path("text"), true),
               KECS_INVALID, "so is a file that is no backup");
    tap_is_int(restore(kit_path("copy"), kit_path("absent"), true),
               KECS_NOT_FOUND, "and one that is absent");
    r = kit_open_at(kit_path("copy"));
    tap_is_int(kit_defects(r, true), 0, "a refused restore changes nothing");
    kecs_store_close(r);
    tap_ok(access(kit_path("copy/restore.mdb"), F_OK) != 0
           && access(kit_path("copy/restore.mdb-lock"), F_OK) != 0
           && access(kit_path("copy/data.mdb-lock"), F_OK) != 0,
           "nothing is left lying about");
}


static void
newer(void)
{
    uint8_t        n[4];
    const char    *why;
    struct stat    a, b;
    kecs_str_t     old;
    kecs_store_t  *s;

    s = kit_open_at(kit_path("newer"));
    populate(s);
    kecs_be_put(n, KECS_STORE_FORMAT + 1, 4);
    plant(s, KECS_DB_META, KECS_META_FORMAT, kecs_str_n(n, 4), &old);
    tap_is_int(kecs_store_backup(s, kit_path("newer.mdb"), &why), KECS_OK,
               "a backup of a newer store");
    kecs_store_close(s);

    (void) stat(kit_path("newer/data.mdb"), &a);
    tap_is_int(try_open(kit_path("newer"), true, false, &why), KECS_TOO_NEW,
               "a newer format is refused");
    printf("# %s\n", why);
    tap_ok(strstr(why, "format 2") != NULL, "the line names the format");
    (void) stat(kit_path("newer/data.mdb"), &b);
    tap_ok(a.st_size == b.st_size
           && memcmp(&a.st_mtim, &b.st_mtim, sizeof(a.st_mtim)) == 0,
           "nothing was written");
    tap_is_int(restore(kit_path("copy3"), kit_path("newer.mdb"), false),
               KECS_TOO_NEW, "a backup of it is refused as well");
}


/* Takes the database of a kind out, as if it were not known yet. */

static void
drop_kind(const char *path, const char *name)
{
    MDB_dbi   dbi;
    MDB_env  *env;
    MDB_txn  *txn;

    (void) mdb_env_create(&env);
    (void) mdb_env_set_maxdbs(env, 4);
    (void) mdb_env_open(env, path, 0, 0600);
    (void) mdb_txn_begin(env, NULL, 0, &txn);
    tap_is_int(mdb_dbi_open(txn, name, 0, &dbi), 0, "there is %s", name);
    (void) mdb_drop(txn, dbi, 1);
    (void) mdb_txn_commit(txn);
    mdb_env_close(env);
}


/* As releases wrote it that counted nothing by instance. */

static void
forget_placed(const char *path)
{
    MDB_val     k, v;
    MDB_dbi     meta, counter;
    MDB_env    *env;
    MDB_txn    *txn;
    MDB_cursor *cursor;

    (void) mdb_env_create(&env);
    (void) mdb_env_set_maxdbs(env, 4);
    (void) mdb_env_open(env, path, 0, 0600);
    (void) mdb_txn_begin(env, NULL, 0, &txn);
    (void) mdb_dbi_open(txn, "meta", 0, &meta);
    (void) mdb_dbi_open(txn, "counter", 0, &counter);
    k.mv_size = 6;
    k.mv_data = (void *) (uintptr_t) "placed";
    tap_is_int(mdb_del(txn, meta, &k, NULL), 0, "the mark is there");
    (void) mdb_cursor_open(txn, counter, &cursor);

    while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
        if (kecs_be_get((char *) k.mv_data + 8, 4) >= KECS_COUNT_GROUP) {
            (void) mdb_cursor_del(cursor, 0);
        }
    }

    mdb_cursor_close(cursor);
    (void) mdb_txn_commit(txn);
    mdb_env_close(env);
}


/* Two tasks that are on an instance, and one that was. */

static void
place_tasks(kecs_store_t *s, kecs_instance_t *p)
{
    unsigned      i;
    kecs_txn_t   *txn;
    kecs_task_t   t;

    memset(p, 0, sizeof(*p));
    p->rec.kind = KECS_INSTANCE;
    p->rec.scope = 1;
    p->cluster = 1;
    memset(p->id, 0xab, KECS_ID_LEN);
    p->status = KECS_INSTANCE_ACTIVE;

    txn = kit_write(s);
    (void) kecs_put(txn, p);

    for (i = 100; i < 103; i++) {
        kit_task(&t, i);
        t.cluster = 1;
        memcpy(t.instance, p->id, KECS_ID_LEN);
        t.status = i == 102 ? KECS_TASK_STOPPED : KECS_TASK_RUNNING;
        t.group = kecs_str_of(i == 100 ? "one" : "other");
        t.cpu = 256;
        t.memory = 512;
        (void) kecs_put(txn, &t);
    }

    (void) kecs_write_commit(txn);
}


static void
are_counted(kecs_store_t *s, const kecs_instance_t *p, const char *when)
{
    uint32_t        n;
    kecs_txn_t     *txn;
    kecs_counts_t   c;

    txn = kit_read(s);
    (void) kecs_instance_counts(txn, p, &c);
    tap_ok(c.live == 2 && c.running == 2 && c.cpu == 512
           && c.memory == 1024, "what they take is counted %s", when);
    tap_ok(kecs_group_count(txn, p, kecs_str("one"), &n) == KECS_OK
           && n == 1, "so is a group %s", when);
    tap_ok(kecs_group_count(txn, p, kecs_str("none"), &n) == KECS_OK
           && n == 0, "but no other %s", when);
    kecs_read_end(txn);
}


static void
placed(void)
{
    const char         *why;
    kecs_store_t       *s;
    kecs_instance_t     p;
    kecs_store_conf_t   conf;

    s = kit_open_at(kit_path("placed"));
    populate(s);
    place_tasks(s, &p);
    are_counted(s, &p, "at once");
    tap_is_int(kit_defects(s, true), 0, "it is sound");
    kecs_store_close(s);
    forget_placed(kit_path("placed"));

    memset(&conf, 0, sizeof(conf));
    conf.path = kit_path("placed");
    conf.readonly = true;
    tap_is_int(kecs_store_open(&conf, &s, &why), KECS_OK,
               "without it opens for reading");
    tap_is_int(kit_defects(s, true), 0, "and is sound");
    kecs_store_close(s);

    conf.readonly = false;
    tap_is_int(kecs_store_open(&conf, &s, &why), KECS_OK,
               "it opens for writing");
    are_counted(s, &p, "then");
    tap_is_int(kit_defects(s, true), 0, "it is sound");
    kecs_store_close(s);
}


/* A store of a release that knew fewer kinds of records. */

static void
older(void)
{
    kecs_rc_t           rc;
    const char         *why;
    kecs_setting_t      r;
    kecs_store_t       *s;
    kecs_txn_t         *txn;
    kecs_store_conf_t   conf;

    s = kit_open_at(kit_path("older"));
    populate(s);
    kecs_store_close(s);
    drop_kind(kit_path("older"), "setting");

    memset(&conf, 0, sizeof(conf));
    conf.path = kit_path("older");
    conf.readonly = true;
    tap_is_int(kecs_store_open(&conf, &s, &why), KECS_OK,
               "an older store opens for reading");
    tap_is_int(kit_defects(s, true), 0, "and is sound");

    memset(&r, 0, sizeof(r));
    r.rec.kind = KECS_SETTING;
    r.rec.scope = 1;
    r.name = kecs_str("n");
    r.principal = kecs_str("p");
    txn = kit_read(s);
    tap_is_int(kecs_get(txn, arena, &r, 0), KECS_NOT_FOUND,
               "what it lacks reads as empty");
    kecs_read_end(txn);
    kecs_store_close(s);

    conf.readonly = false;
    tap_is_int(kecs_store_open(&conf, &s, &why), KECS_OK,
               "it opens for writing without being created");
    txn = kit_write(s);
    r.name = kecs_str("n");
    r.principal = kecs_str("p");
    rc = kecs_put(txn, &r);
    tap_is_int(rc, KECS_OK, "and takes what is new");
    (void) kecs_write_commit(txn);
    tap_is_int(kit_defects(s, true), 0, "it is sound");
    kecs_store_close(s);
}


/* Somebody else's LMDB environment. */

static void
foreign_env(const char *path)
{
    MDB_val   k, v;
    MDB_dbi   dbi;
    MDB_env  *env;
    MDB_txn  *txn;

    (void) mkdir(path, 0700);
    (void) mdb_env_create(&env);
    (void) mdb_env_open(env, path, 0, 0600);
    (void) mdb_txn_begin(env, NULL, 0, &txn);
    (void) mdb_dbi_open(txn, NULL, 0, &dbi);
    k.mv_size = v.mv_size = 3;
    k.mv_data = v.mv_data = (void *) (uintptr_t) "abc";
    (void) mdb_put(txn, dbi, &k, &v, 0);
    (void) mdb_txn_commit(txn);
    mdb_env_close(env);
}


static void
refuses(const char *path, bool create, kecs_rc_t want, const char *what)
{
    kecs_rc_t    rc;
    const char  *why;

    rc = try_open(path, create, false, &why);
    tap_is_int(rc, want, "%s is refused", what);
    tap_ok(strlen(why) > 10 && strchr(why, '\n') == NULL, "in one line: %s",
           why);
}


static void
refusals(void)
{
    kecs_store_t  *s;
    const char    *why;

    refuses(kit_path("absent"), false, KECS_NOT_FOUND, "an absent folder");
    refuses(kit_path("no/such"), true, KECS_NOT_FOUND,
            "a folder in an absent one");
    refuses(kit_path("text"), true, KECS_INVALID, "a file");

    (void) mkdir(kit_path("empty"), 0700);
    refuses(kit_path("empty"), false, KECS_NOT_FOUND, "an empty folder");

    (void) mkdir(kit_path("other"), 0700);
    write_file(kit_path("other/data.mdb"), "this is my diary, keep out", 26);
    refuses(kit_path("other"), true, KECS_INVALID, "a foreign file");
    tap_ok(access(kit_path("other/lock.mdb"), F_OK) != 0,
           "the foreign folder is left as it was");

    foreign_env(kit_path("foreign"));
    refuses(kit_path("foreign"), true, KECS_INVALID, "a foreign LMDB file");

    s = kit_open_at(kit_path("modes"));
    kecs_store_close(s);
    tap_ok(mode_of(kit_path("modes")) == 0700
           && mode_of(kit_path("modes/data.mdb")) == 0600
           && mode_of(kit_path("modes/lock.mdb")) == 0600
           && mode_of(kit_path("modes/wake")) == 0600
           && mode_of(kit_path("modes/users.lock")) == 0600,
           "a store is its owner's alone");
    tap_is_int(try_open(kit_path("modes"), false, true, &why), KECS_OK,
               "it opens for reading");
}


/* Runs a test as the user "nobody" in a child; its exit code. */

static int
as_nobody(int (*test)(void))
{
    int    status;
    pid_t  pid;

    (void) fflush(stdout);
    pid = fork();

    if (pid == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0) {
            _exit(99);
        }
        _exit(test());
    }

    (void) waitpid(pid, &status, 0);

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}


static int
open_closed(void)
{
    kecs_rc_t    rc;
    const char  *why;

    rc = try_open(kit_path("modes"), true, false, &why);
    printf("# %s\n", why);
    (void) fflush(stdout);

    return rc == KECS_DENIED && strstr(why, "belongs to user root") ? 0 : 1;
}


static int
open_readonly_folder(void)
{
    kecs_rc_t    rc;
    const char  *why;

    rc = try_open(kit_path("fixed"), true, false, &why);
    printf("# %s\n", why);
    (void) fflush(stdout);

    return rc == KECS_DENIED ? 0 : 1;
}


static int
open_own(void)
{
    const char  *why;

    return try_open(kit_path("theirs"), false, false, &why) == KECS_OK ? 0
                                                                       : 1;
}


static void
rights(void)
{
    kecs_store_t  *s;

    if (geteuid() != 0) {
        tap_ok(true, "rights # SKIP needs root to become somebody else");
        return;
    }

    (void) chmod(kit_folder, 0755);
    tap_is_int(as_nobody(open_closed), 0, "a folder of another user");

    (void) mkdir(kit_path("fixed"), 0500);
    (void) !chown(kit_path("fixed"), 65534, 65534);
    tap_is_int(as_nobody(open_readonly_folder), 0, "a read-only folder");

    (void) mkdir(kit_path("theirs"), 0700);
    (void) !chown(kit_path("theirs"), 65534, 65534);
    s = kit_open_at(kit_path("theirs"));
    kecs_store_close(s);
    tap_is_int(as_nobody(open_own), 0,
               "what root makes in a user's folder is the user's");
}


/* A commit that cannot be written: nothing of it has happened. */

static void
failed_commit(void)
{
    unsigned         i;
    bool             found;
    kecs_rc_t        rc;
    kecs_txn_t      *txn;
    kecs_task_t      t;
    kecs_store_t    *s;
    struct rlimit    was, tight;

    s = kit_open_at(kit_path("tight"));
    populate(s);
    txn = kit_write(s);

    for (i = 1000; i < 1300; i++) {
        kit_task(&t, i);
        (void) kecs_put(txn, &t);
    }

    (void) getrlimit(RLIMIT_FSIZE, &was);
    tight = was;
    tight.rlim_cur = 128 * 1024;
    (void) signal(SIGXFSZ, SIG_IGN);
    (void) setrlimit(RLIMIT_FSIZE, &tight);
    rc = kecs_write_commit(txn);
    (void) setrlimit(RLIMIT_FSIZE, &was);
    (void) signal(SIGXFSZ, SIG_DFL);

    tap_ok(rc == KECS_FULL || rc == KECS_IO,
           "a commit that cannot be written fails");
    txn = kit_read(s);
    kit_task(&t, 1000);
    found = kecs_get(txn, arena, &t, 0) == KECS_OK;
    kecs_read_end(txn);
    tap_ok(!found, "has not happened");

    txn = kit_write(s);
    kit_task(&t, 1000);
    (void) kecs_put(txn, &t);
    tap_is_int(kecs_write_commit(txn), KECS_OK, "with room again, it goes on");
    tap_is_int(kit_defects(s, true), 0, "the store is sound");
    kecs_store_close(s);
}


int
main(void)
{
    kecs_store_t  *s;

    kit_begin();
    arena = kecs_arena_create(0);

    s = kit_open();
    populate(s);
    old_counters();
    checking(s);
    family_check(s);
    backups(s);
    kecs_store_close(s);

    newer();
    older();
    placed();
    refusals();
    rights();
    failed_commit();

    kecs_arena_destroy(arena);

    return kit_end();
}
