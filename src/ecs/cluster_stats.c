/*
 * A cluster's STATISTICS: tasks and services by launch type, as the store
 * counts them.  A service of an older release that has capacity providers
 * does not say in its head what it counts as; only those are walked for.
 */

#include "ecs.h"


/* The first capacity provider tells. */

static kecs_rc_t
service_launch(kecs_arena_t *a, const kecs_service_t *s, unsigned *launch)
{
    kecs_rc_t           rc;
    kecs_str_t          name;
    kecs_json_t        *tree;
    const kecs_json_t  *list;

    *launch = 0;

    if (s->rec.part[KECS_SERVICE_STATIC].data == NULL) {
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


/* Memory is an arena of its own: the walk may be long. */

static kecs_rc_t
count_next(kecs_call_t *c, kecs_scan_t *scan, kecs_arena_t *a,
    kecs_counts_t *n)
{
    unsigned        launch;
    kecs_rc_t       rc;
    kecs_str_t      key;
    kecs_service_t  s;

    kecs_arena_reset(a);
    rc = kecs_scan_next(scan, &key, &s);

    if (rc == KECS_OK) {
        rc = kecs_get(c->txn, a, &s, 0);
    }

    if (rc != KECS_OK || s.launch != 0 || s.counted != 0) {
        return rc;
    }

    rc = kecs_get_parts(c->txn, a, &s, kecs_part_bit(KECS_SERVICE_STATIC));

    if (rc == KECS_OK) {
        rc = service_launch(a, &s, &launch);
    }

    if (rc == KECS_OK) {
        n->by[s.status == KECS_SERVICE_DRAINING ? KECS_BY_DRAINING
                                                : KECS_BY_ACTIVE][launch]++;
    }

    return rc;
}


/* Adds the services that the store could not count. */

static kecs_rc_t
count_silent(kecs_call_t *c, const kecs_cluster_t *cluster, kecs_counts_t *n)
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

    rc = kecs_scan(c->txn, c->arena, KECS_IX_SERVICE_LIVE, c->scope, &prefix,
                   kecs_null_str, false, &scan);

    while (rc == KECS_OK) {
        rc = count_next(c, scan, a, n);
    }

    kecs_arena_destroy(a);

    return rc == KECS_DONE ? KECS_OK : rc;
}


static void
write_all(kecs_call_t *c, const char *name, const kecs_counts_t *n)
{
    size_t  i;

    static const struct {
        const char  *name;
        unsigned     row;
        unsigned     launch;
    } rows[] = {
        { "runningEC2TasksCount", KECS_BY_RUNNING, KECS_LAUNCH_EC2 },
        { "runningFargateTasksCount", KECS_BY_RUNNING, KECS_LAUNCH_FARGATE },
        { "pendingEC2TasksCount", KECS_BY_PENDING, KECS_LAUNCH_EC2 },
        { "pendingFargateTasksCount", KECS_BY_PENDING, KECS_LAUNCH_FARGATE },
        { "runningExternalTasksCount", KECS_BY_RUNNING,
          KECS_LAUNCH_EXTERNAL },
        { "pendingExternalTasksCount", KECS_BY_PENDING,
          KECS_LAUNCH_EXTERNAL },
        { "runningManagedInstancesTasksCount", KECS_BY_RUNNING,
          KECS_LAUNCH_MANAGED_INSTANCES },
        { "pendingManagedInstancesTasksCount", KECS_BY_PENDING,
          KECS_LAUNCH_MANAGED_INSTANCES },
        { "activeEC2ServiceCount", KECS_BY_ACTIVE, KECS_LAUNCH_EC2 },
        { "activeFargateServiceCount", KECS_BY_ACTIVE, KECS_LAUNCH_FARGATE },
        { "drainingEC2ServiceCount", KECS_BY_DRAINING, KECS_LAUNCH_EC2 },
        { "drainingFargateServiceCount", KECS_BY_DRAINING,
          KECS_LAUNCH_FARGATE },
        { "activeExternalServiceCount", KECS_BY_ACTIVE, KECS_LAUNCH_EXTERNAL },
        { "drainingExternalServiceCount", KECS_BY_DRAINING,
          KECS_LAUNCH_EXTERNAL },
        { "activeManagedInstancesServiceCount", KECS_BY_ACTIVE,
          KECS_LAUNCH_MANAGED_INSTANCES },
        { "drainingManagedInstancesServiceCount", KECS_BY_DRAINING,
          KECS_LAUNCH_MANAGED_INSTANCES }
    };

    kecs_w_array(&c->out, name);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        kecs_w_object(&c->out, NULL);
        kecs_w_cstr(&c->out, "name", rows[i].name);
        kecs_w_printf(&c->out, "value", "%u",
                      (unsigned) n->by[rows[i].row][rows[i].launch]);
        kecs_w_object_end(&c->out);
    }

    kecs_w_array_end(&c->out);
}


kecs_rc_t
kecs_cluster_statistics(kecs_call_t *c, const char *name,
    const kecs_cluster_t *cluster)
{
    kecs_rc_t      rc;
    kecs_counts_t  n;

    rc = kecs_counts(c->txn, c->scope, cluster->no, 0, 0, &n);

    if (rc == KECS_OK
        && n.by[KECS_BY_ACTIVE][0] + n.by[KECS_BY_DRAINING][0] != 0)
    {
        rc = count_silent(c, cluster, &n);
    }

    if (rc == KECS_OK) {
        write_all(c, name, &n);
    }

    return rc;
}
