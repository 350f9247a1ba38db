/*
 * A cluster's STATISTICS: tasks and services by launch type.  The store
 * counts without launch types, so this walks what is live, and only when
 * the counters say that there is something.
 */

#include "ecs.h"


enum {
    RUNNING = 0,
    PENDING,
    ACTIVE,
    DRAINING,
    ROWS
};

#define LAUNCHES  (KECS_LAUNCH_MANAGED_INSTANCES + 1)

typedef struct {
    uint32_t  n[ROWS][LAUNCHES];
} stats_t;


/* Reads into an arena of its own: the walk may be long. */

static kecs_rc_t
next_record(kecs_call_t *c, kecs_scan_t *scan, kecs_arena_t *a, void *rec,
    unsigned parts)
{
    kecs_rc_t   rc;
    kecs_str_t  key;

    kecs_arena_reset(a);

    rc = kecs_scan_next(scan, &key, rec);

    return rc == KECS_OK ? kecs_get(c->txn, a, rec, parts) : rc;
}


static kecs_rc_t
walk_tasks(kecs_call_t *c, kecs_scan_t *scan, kecs_arena_t *a, stats_t *s)
{
    unsigned     launch;
    kecs_rc_t    rc;
    kecs_task_t  t;

    for ( ;; ) {
        memset(&t, 0, sizeof(kecs_task_t));

        rc = next_record(c, scan, a, &t, 0);
        if (rc != KECS_OK) {
            return rc;
        }

        launch = t.launch < LAUNCHES ? t.launch : 0;

        if (t.status == KECS_TASK_RUNNING) {
            s->n[RUNNING][launch]++;

        } else if (t.status < KECS_TASK_RUNNING
                   && t.desired == KECS_DESIRED_RUNNING)
        {
            s->n[PENDING][launch]++;
        }
    }
}


/* Of a service with capacity providers the first provider tells. */

static kecs_rc_t
service_launch(kecs_arena_t *a, const kecs_service_t *s, unsigned *launch)
{
    kecs_rc_t           rc;
    kecs_str_t          name;
    kecs_json_t        *tree;
    const kecs_json_t  *list;

    *launch = s->launch < LAUNCHES ? s->launch : 0;

    if (*launch != 0 || s->rec.part[KECS_SERVICE_STATIC].data == NULL) {
        return KECS_OK;
    }

    rc = kecs_json_parse(a, s->rec.part[KECS_SERVICE_STATIC], &tree);
    if (rc != KECS_OK) {
        return rc;
    }

    list = kecs_json_get(tree, "capacityProviderStrategy");
    name = list != NULL ? kecs_json_str(kecs_json_get(list->first,
                                                      "capacityProvider"))
                        : kecs_null_str;

    *launch = kecs_str_starts(name, kecs_str("FARGATE")) ? KECS_LAUNCH_FARGATE
                                                         : KECS_LAUNCH_EC2;

    return KECS_OK;
}


static kecs_rc_t
walk_services(kecs_call_t *c, kecs_scan_t *scan, kecs_arena_t *a, stats_t *s)
{
    unsigned        launch;
    kecs_rc_t       rc;
    kecs_service_t  service;

    for ( ;; ) {
        memset(&service, 0, sizeof(kecs_service_t));

        rc = next_record(c, scan, a, &service,
                         kecs_part_bit(KECS_SERVICE_STATIC));
        if (rc != KECS_OK) {
            return rc;
        }

        rc = service_launch(a, &service, &launch);
        if (rc != KECS_OK) {
            return rc;
        }

        s->n[service.status == KECS_SERVICE_DRAINING ? DRAINING
                                                     : ACTIVE][launch]++;
    }
}


static kecs_rc_t
walk(kecs_call_t *c, const kecs_cluster_t *cluster, kecs_index_t index,
    stats_t *s)
{
    kecs_rc_t      rc;
    kecs_key_t     prefix;
    kecs_scan_t   *scan;
    kecs_arena_t  *a;

    a = kecs_arena_create(0);
    if (a == NULL) {
        return KECS_NOMEM;
    }

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, cluster->no);

    rc = kecs_scan(c->txn, c->arena, index, c->scope, &prefix, kecs_null_str,
                   false, &scan);

    if (rc == KECS_OK) {
        rc = index == KECS_IX_TASK_LIVE ? walk_tasks(c, scan, a, s)
                                        : walk_services(c, scan, a, s);
        kecs_scan_end(scan);
    }

    kecs_arena_destroy(a);

    return rc == KECS_DONE ? KECS_OK : rc;
}


static void
write_all(kecs_call_t *c, const char *name, const stats_t *s)
{
    size_t  i;

    static const struct {
        const char  *name;
        unsigned     row;
        unsigned     launch;
    } rows[] = {
        { "runningEC2TasksCount", RUNNING, KECS_LAUNCH_EC2 },
        { "runningFargateTasksCount", RUNNING, KECS_LAUNCH_FARGATE },
        { "pendingEC2TasksCount", PENDING, KECS_LAUNCH_EC2 },
        { "pendingFargateTasksCount", PENDING, KECS_LAUNCH_FARGATE },
        { "runningExternalTasksCount", RUNNING, KECS_LAUNCH_EXTERNAL },
        { "pendingExternalTasksCount", PENDING, KECS_LAUNCH_EXTERNAL },
        { "runningManagedInstancesTasksCount", RUNNING,
          KECS_LAUNCH_MANAGED_INSTANCES },
        { "pendingManagedInstancesTasksCount", PENDING,
          KECS_LAUNCH_MANAGED_INSTANCES },
        { "activeEC2ServiceCount", ACTIVE, KECS_LAUNCH_EC2 },
        { "activeFargateServiceCount", ACTIVE, KECS_LAUNCH_FARGATE },
        { "drainingEC2ServiceCount", DRAINING, KECS_LAUNCH_EC2 },
        { "drainingFargateServiceCount", DRAINING, KECS_LAUNCH_FARGATE },
        { "activeExternalServiceCount", ACTIVE, KECS_LAUNCH_EXTERNAL },
        { "drainingExternalServiceCount", DRAINING, KECS_LAUNCH_EXTERNAL },
        { "activeManagedInstancesServiceCount", ACTIVE,
          KECS_LAUNCH_MANAGED_INSTANCES },
        { "drainingManagedInstancesServiceCount", DRAINING,
          KECS_LAUNCH_MANAGED_INSTANCES }
    };

    kecs_w_array(&c->out, name);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        kecs_w_object(&c->out, NULL);
        kecs_w_cstr(&c->out, "name", rows[i].name);
        kecs_w_printf(&c->out, "value", "%u",
                      (unsigned) s->n[rows[i].row][rows[i].launch]);
        kecs_w_object_end(&c->out);
    }

    kecs_w_array_end(&c->out);
}


kecs_rc_t
kecs_cluster_statistics(kecs_call_t *c, const char *name,
    const kecs_cluster_t *cluster)
{
    stats_t        s;
    kecs_rc_t      rc;
    kecs_counts_t  counts;

    memset(&s, 0, sizeof(stats_t));

    rc = kecs_counts(c->txn, c->scope, cluster->no, 0, 0, &counts);

    if (rc == KECS_OK && counts.live != 0) {
        rc = walk(c, cluster, KECS_IX_TASK_LIVE, &s);
    }

    if (rc == KECS_OK && counts.services + counts.draining != 0) {
        rc = walk(c, cluster, KECS_IX_SERVICE_LIVE, &s);
    }

    if (rc == KECS_OK) {
        write_all(c, name, &s);
    }

    return rc;
}
