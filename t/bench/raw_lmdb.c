/*
 * raw_lmdb: what the disk and LMDB give without anything of ours around
 * them, as a baseline for durable writes.
 *
 *     raw_lmdb profile FOLDER
 *         prints a line "NAME ENTRIES KEY_BYTES VALUE_BYTES" for each
 *         database of an environment
 *     raw_lmdb commits FOLDER SECONDS GROUP ROW...
 *         puts the rows GROUP times per transaction and commits durably,
 *         again and again; a ROW is NAME:COUNT:KEY_LEN:VALUE_LEN:ORDER,
 *         ORDER being `seq` (ascending keys) or `same` (one key that is
 *         overwritten)
 *     raw_lmdb fsync FOLDER SECONDS
 *         writes 4 KiB and calls fdatasync(), again and again
 *
 * The last two print one line of JSON.  One thread; the folder must be
 * there, and what is made in it is left to the caller.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lmdb.h>


#define ROWS_MAX     32
#define DBS_MAX      64
#define KEY_MAX      511
#define VALUE_MAX    65536
#define SAMPLES_MAX  1000000
#define MAP_SIZE     ((size_t) 16 << 30)

typedef enum { SEQ, SAME } order_t;

typedef struct {
    char      name[64];
    unsigned  count;
    size_t    key_len;
    size_t    value_len;
    order_t   order;
    MDB_dbi   dbi;
    uint64_t  next;
} row_t;

static uint32_t  samples[SAMPLES_MAX];
static size_t    n_samples;


static uint64_t
usec(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


static int
fail(const char *what, const char *why)
{
    fprintf(stderr, "raw_lmdb: %s: %s\n", what, why);

    return 1;
}


static void
sample(uint64_t took)
{
    if (n_samples < SAMPLES_MAX) {
        samples[n_samples++] = (uint32_t) took;
    }
}


static int
by_size(const void *a, const void *b)
{
    uint32_t  x = *(const uint32_t *) a, y = *(const uint32_t *) b;

    return x < y ? -1 : x > y;
}


static double
percentile(double p)
{
    size_t  i;

    if (n_samples == 0) {
        return 0;
    }

    i = (size_t) ((double) n_samples * p);

    return (double) samples[i < n_samples ? i : n_samples - 1] / 1000;
}


static void
report(uint64_t ops, uint64_t took)
{
    qsort(samples, n_samples, sizeof(samples[0]), by_size);

    printf("{\"ops\":%" PRIu64 ",\"rate\":%.1f,\"commits\":%zu"
           ",\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n",
           ops, (double) ops * 1e6 / (double) took, n_samples,
           percentile(0.5), percentile(0.99));
}


/*
 * The key of the i-th entry of a row: i, padding, then a number that
 * ascends or is always the same.
 */

static void
make_key(row_t *r, unsigned i, uint8_t *key)
{
    size_t    k;
    uint64_t  n;

    memset(key, 0, r->key_len);
    key[0] = (uint8_t) i;
    n = r->order == SAME ? 0 : r->next;

    for (k = 1; k <= 8 && k < r->key_len; k++) {
        key[r->key_len - k] = (uint8_t) n;
        n >>= 8;
    }
}


static int
put_rows(MDB_txn *txn, row_t *rows, unsigned n)
{
    int             rc;
    unsigned        i, k;
    MDB_val         key, value;
    static uint8_t  key_data[KEY_MAX], value_data[VALUE_MAX];

    for (i = 0; i < n; i++) {
        for (k = 0; k < rows[i].count; k++) {
            make_key(&rows[i], k, key_data);
            memset(value_data, (int) rows[i].next, 16);

            key.mv_data = key_data;
            key.mv_size = rows[i].key_len;
            value.mv_data = value_data;
            value.mv_size = rows[i].value_len;

            rc = mdb_put(txn, rows[i].dbi, &key, &value, 0);

            if (rc != 0) {
                return rc;
            }
        }

        rows[i].next++;
    }

    return 0;
}


static int
commit_group(MDB_env *env, row_t *rows, unsigned n, unsigned group)
{
    int        rc;
    unsigned   i;
    MDB_txn   *txn;

    rc = mdb_txn_begin(env, NULL, 0, &txn);

    if (rc != 0) {
        return rc;
    }

    for (i = 0; i < group; i++) {
        rc = put_rows(txn, rows, n);

        if (rc != 0) {
            mdb_txn_abort(txn);
            return rc;
        }
    }

    return mdb_txn_commit(txn);
}


static int
open_rows(MDB_env *env, row_t *rows, unsigned n)
{
    int        rc;
    unsigned   i;
    MDB_txn   *txn;

    rc = mdb_txn_begin(env, NULL, 0, &txn);

    if (rc != 0) {
        return rc;
    }

    for (i = 0; i < n; i++) {
        rc = mdb_dbi_open(txn, rows[i].name, MDB_CREATE, &rows[i].dbi);

        if (rc != 0) {
            mdb_txn_abort(txn);
            return rc;
        }
    }

    return mdb_txn_commit(txn);
}


static bool
parse_row(const char *text, row_t *r)
{
    char  order[8];

    memset(r, 0, sizeof(row_t));

    if (sscanf(text, "%63[^:]:%u:%zu:%zu:%7s", r->name, &r->count,
               &r->key_len, &r->value_len, order) != 5
        || r->key_len < 2 || r->key_len > KEY_MAX
        || r->value_len < 16 || r->value_len > VALUE_MAX)
    {
        return false;
    }

    r->order = strcmp(order, "seq") == 0 ? SEQ : SAME;

    return true;
}


static int
open_env(const char *folder, unsigned flags, MDB_env **env)
{
    int  rc;

    rc = mdb_env_create(env);

    if (rc != 0) {
        return rc;
    }

    (void) mdb_env_set_maxdbs(*env, DBS_MAX);

    if (!(flags & MDB_RDONLY)) {
        (void) mdb_env_set_mapsize(*env, MAP_SIZE);
    }

    return mdb_env_open(*env, folder, flags | MDB_NOTLS, 0600);
}


static int
commits(const char *folder, double seconds, unsigned group, char **texts,
    unsigned n)
{
    int        rc;
    row_t      rows[ROWS_MAX];
    MDB_env   *env;
    unsigned   i;
    uint64_t   begin, before, now, ops;

    for (i = 0; i < n; i++) {
        if (!parse_row(texts[i], &rows[i])) {
            return fail("not a row", texts[i]);
        }
    }

    rc = open_env(folder, 0, &env);

    if (rc == 0) {
        rc = open_rows(env, rows, n);
    }

    ops = 0;
    begin = now = usec();

    while (rc == 0 && (double) (now - begin) < seconds * 1e6) {
        before = now;
        rc = commit_group(env, rows, n, group);
        now = usec();
        sample(now - before);
        ops += group;
    }

    if (rc != 0) {
        return fail(folder, mdb_strerror(rc));
    }

    mdb_env_close(env);
    report(ops, now - begin);

    return 0;
}


static int
syncs(const char *folder, double seconds)
{
    int          fd;
    char         path[4096];
    uint64_t     begin, before, now, ops;
    static char  page[4096];

    (void) snprintf(path, sizeof(path), "%s/fsync", folder);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd == -1) {
        return fail(path, strerror(errno));
    }

    ops = 0;
    begin = now = usec();

    while ((double) (now - begin) < seconds * 1e6) {
        before = now;
        memset(page, (int) ops, sizeof(page));

        if (pwrite(fd, page, sizeof(page), (off_t) (ops % 1024) * 4096)
            != (ssize_t) sizeof(page) || fdatasync(fd) != 0)
        {
            (void) close(fd);
            return fail(path, strerror(errno));
        }

        now = usec();
        sample(now - before);
        ops++;
    }

    (void) close(fd);
    report(ops, now - begin);

    return 0;
}


static int
print_db(MDB_txn *txn, const char *name)
{
    int          rc;
    MDB_dbi      dbi;
    MDB_val      key, value;
    uint64_t     entries, keys, values;
    MDB_cursor  *cursor;

    if (mdb_dbi_open(txn, name, 0, &dbi) != 0) {
        return 0;
    }

    entries = keys = values = 0;
    rc = mdb_cursor_open(txn, dbi, &cursor);

    if (rc != 0) {
        return rc;
    }

    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        entries++;
        keys += key.mv_size;
        values += value.mv_size;
    }

    mdb_cursor_close(cursor);
    printf("%s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", name, entries, keys,
           values);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


/* The names of the databases are the keys of the unnamed one. */

static int
print_dbs(MDB_txn *txn)
{
    int          rc, found;
    char         name[KEY_MAX + 1];
    MDB_dbi      top;
    MDB_val      key, value;
    MDB_cursor  *cursor;

    rc = mdb_dbi_open(txn, NULL, 0, &top);

    if (rc != 0 || (rc = mdb_cursor_open(txn, top, &cursor)) != 0) {
        return rc;
    }

    while ((found = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0
           && rc == 0)
    {
        memcpy(name, key.mv_data, key.mv_size);
        name[key.mv_size] = '\0';
        rc = print_db(txn, name);
    }

    mdb_cursor_close(cursor);

    return rc != 0 || found == MDB_NOTFOUND ? rc : found;
}


static int
profile(const char *folder)
{
    int       rc;
    MDB_env  *env;
    MDB_txn  *txn;

    rc = open_env(folder, MDB_RDONLY, &env);

    if (rc == 0) {
        rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    }

    if (rc == 0) {
        rc = print_dbs(txn);
        mdb_txn_abort(txn);
    }

    if (rc != 0) {
        return fail(folder, mdb_strerror(rc));
    }

    mdb_env_close(env);

    return 0;
}


int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "profile") == 0) {
        return profile(argv[2]);
    }

    if (argc == 4 && strcmp(argv[1], "fsync") == 0) {
        return syncs(argv[2], strtod(argv[3], NULL));
    }

    if (argc > 5 && argc - 5 <= ROWS_MAX && strcmp(argv[1], "commits") == 0) {
        return commits(argv[2], strtod(argv[3], NULL),
                       (unsigned) strtoul(argv[4], NULL, 10), argv + 5,
                       (unsigned) argc - 5);
    }

    fprintf(stderr, "usage: raw_lmdb profile FOLDER\n"
            "       raw_lmdb commits FOLDER SECONDS GROUP ROW...\n"
            "       raw_lmdb fsync FOLDER SECONDS\n");

    return 2;
}
