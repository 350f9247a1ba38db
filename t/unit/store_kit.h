/*
 * What the tests of the store share: a folder of their own under $TMPDIR,
 * opening, and short ways to make records.
 */

#ifndef KECS_STORE_KIT_H
#define KECS_STORE_KIT_H


#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/base/buf.h"
#include "../../src/store/store_impl.h"
#include "tap.h"


#define KIT_NOW   INT64_C(1789551556000)
#define KIT_MAP   (64u << 20)

#define kit  __attribute__((unused)) static

static char  kit_folder[256];


static int
kit_remove_one(const char *path, const struct stat *st, int type,
    struct FTW *at)
{
    (void) st;
    (void) type;
    (void) at;

    return remove(path);
}


kit void
kit_remove(const char *path)
{
    (void) nftw(path, kit_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}


/* A new folder; the store goes into kit_path("store"). */

kit void
kit_begin(void)
{
    const char  *tmp;

    tmp = getenv("TMPDIR");
    (void) snprintf(kit_folder, sizeof(kit_folder), "%s/kecs-store-XXXXXX",
                    tmp != NULL ? tmp : "/tmp");

    if (mkdtemp(kit_folder) == NULL) {
        printf("Bail out! no folder for the test\n");
        exit(1);
    }
}


kit int
kit_end(void)
{
    kit_remove(kit_folder);

    return tap_done();
}


/* A path in the folder; one of four buffers in turn. */

kit const char *
kit_path(const char *name)
{
    static char      path[4][512];
    static unsigned  turn;

    turn = (turn + 1) % 4;
    (void) snprintf(path[turn], sizeof(path[turn]), "%s/%s", kit_folder,
                    name);

    return path[turn];
}


kit kecs_store_t *
kit_open_at(const char *path)
{
    const char         *why;
    kecs_store_t       *s;
    kecs_store_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.path = path;
    conf.map_size = KIT_MAP;
    conf.create = true;

    if (kecs_store_open(&conf, &s, &why) != KECS_OK) {
        printf("Bail out! %s\n", why);
        exit(1);
    }

    return s;
}


kit kecs_store_t *
kit_open(void)
{
    return kit_open_at(kit_path("store"));
}


kit kecs_txn_t *
kit_write(kecs_store_t *s)
{
    kecs_txn_t    *txn;
    kecs_actor_t   actor;

    if (kecs_write_begin(s, KIT_NOW, &txn) != KECS_OK) {
        printf("Bail out! no write transaction\n");
        exit(1);
    }

    actor.principal = kecs_str("arn:aws:iam::000000000000:user/test");
    actor.request_id = kecs_str("4d1f0a6e-0000-4000-8000-000000000001");
    actor.trace = kecs_null_str;
    kecs_txn_actor(txn, &actor);

    return txn;
}


kit kecs_txn_t *
kit_read(kecs_store_t *s)
{
    kecs_txn_t  *txn;

    if (kecs_read_begin(s, &txn) != KECS_OK) {
        printf("Bail out! no read transaction\n");
        exit(1);
    }

    return txn;
}


kit void
kit_say(void *ctx, const char *line)
{
    (void) ctx;
    printf("# %s\n", line);
}


/* Number of defects that the check finds; -1 when it fails. */

kit int
kit_defects(kecs_store_t *s, bool tell)
{
    unsigned  n;

    if (kecs_store_check(s, tell ? kit_say : NULL, NULL, &n) != KECS_OK) {
        return -1;
    }

    return (int) n;
}


kit void
kit_id(uint8_t *id, unsigned n)
{
    memset(id, 0, KECS_ID_LEN);
    kecs_be_put(id + KECS_ID_LEN - 4, n, 4);
    kecs_be_put(id, n * UINT64_C(0x9E3779B97F4A7C15), 8);
}


kit void
kit_task(kecs_task_t *t, unsigned n)
{
    memset(t, 0, sizeof(*t));

    t->rec.kind = KECS_TASK;
    t->rec.scope = 1;
    t->rec.gen = 1;
    t->cluster = 1;
    kit_id(t->id, n);
    t->revision = 1;
    t->version = 1;
    t->status = KECS_TASK_PROVISIONING;
    t->desired = KECS_DESIRED_RUNNING;
    t->launch = KECS_LAUNCH_FARGATE;
    t->created_at = KIT_NOW;
    t->family = kecs_str("web");
    t->group = kecs_str("family:web");
}


kit void
kit_cluster(kecs_cluster_t *c, uint32_t no, kecs_str_t name)
{
    memset(c, 0, sizeof(*c));

    c->rec.kind = KECS_CLUSTER;
    c->rec.scope = 1;
    c->no = no;
    c->status = KECS_CLUSTER_ACTIVE;
    c->created_at = KIT_NOW;
    c->name = name;
}


kit void
kit_service(kecs_service_t *s, uint32_t no, kecs_str_t name)
{
    memset(s, 0, sizeof(*s));

    s->rec.kind = KECS_SERVICE;
    s->rec.scope = 1;
    s->cluster = 1;
    s->no = no;
    s->status = KECS_SERVICE_ACTIVE;
    s->desired = 1;
    s->created_at = KIT_NOW;
    s->name = name;
    s->family = kecs_str("web");
    s->revision = 1;
}


#endif
