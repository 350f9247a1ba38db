/*
 * Calls of ECS operations against a store of one's own, for unit tests: a
 * folder made for the test, a clock that stands still until it is moved,
 * ids from a seed.  A call runs as the writer runs it: in a nested
 * transaction that is dropped when the call fails.
 *
 *     callkit_t  k;
 *
 *     callkit_open(&k);
 *     callkit(&k, "CreateCluster", "{\"clusterName\":\"a\"}");
 *     callkit_ok(&k, "cluster.status", "ACTIVE", "made");
 *     callkit_error(&k, "DeleteCluster", "{}", 400,
 *                   "ClusterNotFoundException", "Cluster not found.");
 *     callkit_close(&k);
 *
 * k.status, k.body (ended by NUL), k.json hold the last answer and live
 * until the next call.
 */

#ifndef CALLKIT_H
#define CALLKIT_H


#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../src/ecs/ecs.h"
#include "tap.h"


#define CALLKIT_NOW      1789551556693
#define CALLKIT_CALLER   "arn:aws:iam::000000000000:user/tester"
#define CALLKIT_ARN      "arn:aws:ecs:us-east-1:000000000000:"

typedef struct {
    char              dir[64];
    kecs_store_t     *store;
    kecs_api_conf_t   conf;
    kecs_rand_t       rand;
    kecs_msec_t       now;
    kecs_str_t        account;
    kecs_str_t        region;
    kecs_str_t        host;         /* as a client wrote it, or absent */
    kecs_str_t        trace;        /* of its calls, or absent */

    kecs_arena_t     *arena;        /* of the last answer */
    unsigned          status;
    kecs_rc_t         rc;
    kecs_error_t      error;        /* as set on the call */
    const char       *body;
    size_t            len;
    kecs_json_t      *json;
} callkit_t;

typedef struct {
    unsigned          fail;         /* n-th allocation fails, 0: none */
    bool              dry;          /* drop what a good call has done */
} callkit_run_t;


/* Ends the program when the store cannot be made: nothing can be tested. */
static inline void
callkit_open(callkit_t *k)
{
    const char         *why, *tmp;
    kecs_store_conf_t   conf;

    memset(k, 0, sizeof(callkit_t));
    tmp = getenv("TMPDIR");
    (void) snprintf(k->dir, sizeof(k->dir), "%s/callkit.XXXXXX",
                    tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");

    memset(&conf, 0, sizeof(conf));
    conf.path = k->dir;
    conf.map_size = 64 << 20;
    conf.create = true;
    why = "no folder";

    if (mkdtemp(k->dir) == NULL
        || kecs_store_open(&conf, &k->store, &why) != KECS_OK)
    {
        printf("Bail out! %s: %s\n", k->dir, why);
        exit(1);
    }

    k->conf.account = kecs_str("000000000000");
    k->conf.region = kecs_str("us-east-1");
    k->conf.scan_limit = 2000;
    k->account = k->conf.account;
    k->region = k->conf.region;
    k->now = CALLKIT_NOW;
    kecs_rand_seed(&k->rand, 1);
}


static inline void
callkit_say(void *ctx, const char *line)
{
    (void) ctx;
    printf("# %s\n", line);
}


static inline void
callkit_remove(const char *dir)
{
    DIR            *d;
    char            path[512];
    struct dirent  *e;

    d = opendir(dir);

    while (d != NULL && (e = readdir(d)) != NULL) {
        (void) snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        (void) unlink(path);
    }

    if (d != NULL) {
        (void) closedir(d);
    }

    (void) rmdir(dir);
}


/* Checks that the store does not contradict itself, and removes it. */
static inline void
callkit_close(callkit_t *k)
{
    unsigned   defects;
    kecs_rc_t  rc;

    defects = 0;
    rc = kecs_store_check(k->store, callkit_say, NULL, &defects);
    tap_ok(rc == KECS_OK && defects == 0, "the store is sound");

    kecs_arena_destroy(k->arena);
    kecs_store_close(k->store);
    callkit_remove(k->dir);
}


/* The position of the change log: moved exactly when something changed. */
static inline uint64_t
callkit_seq(callkit_t *k)
{
    kecs_store_info_t  info;

    kecs_store_info(k->store, &info);

    return info.seq;
}


static inline void
callkit_fill(callkit_t *k, kecs_call_t *c, kecs_buf_t *buf,
    const kecs_op_t *op)
{
    memset(c, 0, sizeof(kecs_call_t));
    kecs_buf_init(buf, k->arena, 0);

    c->arena = k->arena;
    c->store = k->store;
    c->now = k->now;
    c->rand = &k->rand;
    c->conf = &k->conf;
    c->op = op;
    c->account = k->account;
    c->region = k->region;
    c->host = k->host;
    c->principal = kecs_str(CALLKIT_CALLER);
    c->request_id = kecs_str("00000000-0000-4000-8000-000000000001");
    c->buf = buf;
}


static inline kecs_rc_t
callkit_scope(kecs_call_t *c)
{
    kecs_rc_t  rc;

    rc = kecs_scope_get(c->txn, c->account, c->region, false, &c->scope);

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


static inline kecs_rc_t
callkit_read(callkit_t *k, kecs_call_t *c, kecs_str_t body, unsigned fail)
{
    kecs_rc_t  rc;

    rc = kecs_read_begin(k->store, &c->txn);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = callkit_scope(c);
    if (rc == KECS_OK) {
        kecs_arena_fail_after(k->arena, fail);
        rc = kecs_call_run(c, body, &k->status);
        kecs_arena_fail_after(k->arena, 0);
    }

    kecs_read_end(c->txn);

    return rc;
}


static inline kecs_rc_t
callkit_write(callkit_t *k, kecs_call_t *c, kecs_str_t body,
    const callkit_run_t *how)
{
    kecs_rc_t      rc, end;
    kecs_txn_t    *outer;
    kecs_actor_t   actor;

    rc = kecs_write_begin(k->store, k->now, &outer);
    if (rc != KECS_OK) {
        return rc;
    }

    actor.principal = c->principal;
    actor.request_id = c->request_id;
    actor.trace = k->trace;

    rc = kecs_nested_begin(outer, &actor, &c->txn);
    if (rc != KECS_OK) {
        kecs_write_abort(outer);
        return rc;
    }

    rc = callkit_scope(c);
    if (rc == KECS_OK) {
        kecs_arena_fail_after(k->arena, how->fail);
        rc = kecs_call_run(c, body, &k->status);
        kecs_arena_fail_after(k->arena, 0);
    }

    if (rc != KECS_OK || how->dry) {
        kecs_nested_abort(c->txn);
        end = KECS_OK;

    } else {
        end = kecs_nested_commit(c->txn);
    }

    if (end == KECS_OK) {
        end = kecs_write_commit(outer);

    } else {
        kecs_write_abort(outer);
    }

    return rc != KECS_OK ? rc : end;
}


static inline void
callkit_run(callkit_t *k, const char *op, kecs_str_t json,
    const callkit_run_t *how)
{
    kecs_buf_t        buf;
    kecs_str_t        text;
    kecs_call_t       c;
    const kecs_op_t  *row;

    kecs_arena_destroy(k->arena);
    k->arena = kecs_arena_create(0);
    k->body = "";
    k->len = 0;
    k->json = NULL;
    k->status = 0;

    row = kecs_ecs_op(kecs_str_of(op));
    if (row == NULL || k->arena == NULL) {
        printf("Bail out! no operation %s\n", op);
        exit(1);
    }

    callkit_fill(k, &c, &buf, row);

    k->rc = (row->flags & KECS_OP_WRITE)
            ? callkit_write(k, &c, json, how)
            : callkit_read(k, &c, json, how->fail);
    k->error = c.error;

    text = kecs_strdup(k->arena, kecs_buf_view(&buf));
    if (text.data != NULL) {
        k->body = text.data;
        k->len = text.len;
        (void) kecs_json_parse(k->arena, text, &k->json);
    }
}


/* Runs an operation; returns the HTTP status. */
static inline unsigned
callkit(callkit_t *k, const char *op, const char *json)
{
    callkit_run_t  how = { 0, false };

    callkit_run(k, op, kecs_str_of(json), &how);

    return k->status;
}


/* A value of the last answer by a path: "tasks.0.containers.1.name". */
static inline const kecs_json_t *
callkit_at(callkit_t *k, const char *path)
{
    char                name[128];
    uint64_t            i;
    kecs_str_t          rest, head;
    const kecs_json_t  *v;

    v = k->json;
    rest = kecs_str_of(path);

    while (v != NULL && kecs_str_split(&rest, '.', &head)) {
        if (v->type == KECS_JSON_ARRAY && kecs_str_u64(head, &i)) {
            for (v = v->first; v != NULL && i > 0; i--) {
                v = v->next;
            }

        } else {
            (void) snprintf(name, sizeof(name), "%.*s", kecs_fmt(head));
            v = kecs_json_get(v, name);
        }
    }

    return v;
}


/*
 * A value as text: strings and numbers as they are, "true", "false",
 * "[3]" for a list of three, "{2}" for an object; NULL when absent.
 */
static inline const char *
callkit_text(callkit_t *k, const char *path)
{
    const kecs_json_t  *v;

    v = callkit_at(k, path);
    if (v == NULL) {
        return NULL;
    }

    switch (v->type) {

    case KECS_JSON_NULL:
        return "null";

    case KECS_JSON_BOOL:
        return v->boolean ? "true" : "false";

    case KECS_JSON_ARRAY:
        return kecs_sprintf(k->arena, "[%zu]", v->n).data;

    case KECS_JSON_OBJECT:
        return kecs_sprintf(k->arena, "{%zu}", v->n).data;

    default:
        return kecs_strdup(k->arena, v->str).data;
    }
}


/* The last answer was good and holds `value` at `path` (NULL: nothing). */
static inline void
callkit_ok(callkit_t *k, const char *path, const char *value,
    const char *what)
{
    bool         same;
    const char  *got;

    got = callkit_text(k, path);
    same = got == NULL || value == NULL ? got == value
                                        : strcmp(got, value) == 0;

    tap_ok(k->status == 200 && same, "%s: %s", what, path);
    if (k->status != 200 || !same) {
        printf("# status %u, got %s, expected %s\n# %s\n", k->status,
               got != NULL ? got : "nothing",
               value != NULL ? value : "nothing", k->body);
    }
}


/* The call fails with exactly this, and changes nothing. */
static inline void
callkit_error(callkit_t *k, const char *op, const char *json,
    unsigned status, const char *type, const char *message)
{
    bool         good;
    uint64_t     before;
    const char  *t, *m;

    before = callkit_seq(k);
    (void) callkit(k, op, json);

    t = callkit_text(k, "__type");
    m = callkit_text(k, "message");
    good = k->status == status && t != NULL && strcmp(t, type) == 0
           && (message == NULL ? m == NULL
                               : m != NULL && strcmp(m, message) == 0)
           && callkit_seq(k) == before;

    tap_ok(good, "%s: %s %s", op, type, message != NULL ? message : "");
    if (!good) {
        printf("# %s\n# status %u: %s\n", json, k->status, k->body);
    }
}


/* The whole answer of the last call, a good one. */
static inline void
callkit_body(callkit_t *k, const char *body, const char *what)
{
    bool  same;

    same = k->status == 200 && strcmp(k->body, body) == 0;
    tap_ok(same, "%s", what);

    if (!same) {
        printf("#   got  %u %s\n#   want %s\n", k->status, k->body, body);
    }
}


/* Copies a string of the last answer; "" when it is not there. */
static inline const char *
callkit_keep(callkit_t *k, const char *path, char *to, size_t size)
{
    const char  *text;

    text = callkit_text(k, path);
    (void) snprintf(to, size, "%s", text != NULL ? text : "");

    return to;
}


/* The same of one that has to be there. */
static inline void
callkit_save(callkit_t *k, const char *path, char *to, size_t size)
{
    tap_ok(callkit_text(k, path) != NULL, "there is %s", path);
    (void) callkit_keep(k, path, to, size);
}


/* A call that lists so many ("[5]"). */
static inline void
callkit_list(callkit_t *k, const char *op, const char *in, const char *list,
    const char *n)
{
    (void) callkit(k, op, in);
    callkit_ok(k, list, n, in);
}


/* Puts a record, as no operation does. */
static inline void
callkit_put(callkit_t *k, void *rec)
{
    kecs_rc_t    rc;
    kecs_txn_t  *txn;

    rc = kecs_write_begin(k->store, k->now, &txn);

    if (rc == KECS_OK) {
        rc = kecs_put(txn, rec);
        (void) kecs_write_commit(txn);
    }

    tap_ok(rc == KECS_OK, "a record is put");
}


/* Changes a task, named by its ARN, as the reconciler would. */

typedef void (*callkit_change_pt)(kecs_task_t *t, kecs_msec_t now);

static inline kecs_rc_t
callkit_change(callkit_t *k, const char *arn, callkit_change_pt how)
{
    kecs_rc_t      rc;
    kecs_txn_t    *txn;
    kecs_task_t    t;
    kecs_arena_t  *a;

    memset(&t, 0, sizeof(t));
    t.rec.kind = KECS_TASK;
    t.cluster = 1;

    if (!kecs_unhex(kecs_str_n(arn + strlen(arn) - 32, 32), t.id,
                    KECS_ID_LEN))
    {
        return KECS_INVALID;
    }

    rc = kecs_write_begin(k->store, k->now, &txn);

    if (rc != KECS_OK) {
        return rc;
    }

    a = kecs_arena_create(0);
    rc = kecs_scope_get(txn, k->account, k->region, false, &t.rec.scope);

    if (rc == KECS_OK) {
        rc = kecs_get(txn, a, &t, 0);
    }

    if (rc == KECS_OK) {
        how(&t, k->now);
        rc = kecs_put(txn, &t);
    }

    if (rc == KECS_OK) {
        rc = kecs_write_commit(txn);

    } else {
        kecs_write_abort(txn);
    }

    kecs_arena_destroy(a);

    return rc;
}


/*
 * Fails each allocation of the call in turn: the answer is a 500 that
 * changes nothing, or the whole answer when the failure did not matter.
 * The call must be good; what it does is dropped.
 */
#define CALLKIT_CALM  24

static inline void
callkit_sweep(callkit_t *k, const char *op, const char *json)
{
    char           *whole;
    bool            good;
    unsigned        n, calm;
    uint64_t        before;
    kecs_str_t      text;
    kecs_rand_t     rand;
    callkit_run_t   how = { 0, true };

    text = kecs_str_of(json);
    before = callkit_seq(k);
    rand = k->rand;

    callkit_run(k, op, text, &how);
    good = k->status == 200;
    whole = strdup(k->body);

    for (n = 1, calm = 0; good && whole != NULL && calm < CALLKIT_CALM; n++) {
        k->rand = rand;
        how.fail = n;
        callkit_run(k, op, text, &how);

        good = k->rc == KECS_OK ? strcmp(k->body, whole) == 0
                                : k->status == 500;
        good = good && callkit_seq(k) == before;
        calm = k->rc == KECS_OK ? calm + 1 : 0;
    }

    k->rand = rand;
    tap_ok(good && n > CALLKIT_CALM + 1, "%s: %u allocations fail in turn",
           op, n);
    if (!good) {
        printf("# allocation %u, status %u: %s\n", n - 1, k->status, k->body);
    }

    free(whole);
}


#endif
