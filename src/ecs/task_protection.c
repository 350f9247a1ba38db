/*
 * Protection of service tasks against scale-in: kept in the task's head as
 * the moment at which it ends, so that it ends by itself.
 */

#include "launch.h"


#define UPDATE_MAX       10
#define GET_MAX         100
#define MINUTES_MAX    2880
#define MINUTES         120
#define MINUTE        60000

/* Failures of a call, written when all tasks have been looked at. */
typedef struct {
    size_t  n;
    struct {
        kecs_str_t   arn;
        const char  *reason;
    } items[GET_MAX];
} failures_t;

/* The service whose protected tasks were counted last. */
typedef struct {
    kecs_service_t  service;
    uint32_t        n;
} counted_t;


static kecs_rc_t
fail_task(failures_t *f, kecs_str_t arn, const char *reason)
{
    f->items[f->n].arn = arn;
    f->items[f->n].reason = reason;
    f->n++;

    return arn.data != NULL ? KECS_DONE : KECS_NOMEM;
}


static void
write_failures(kecs_call_t *c, const failures_t *f)
{
    size_t  i;

    kecs_w_array(&c->out, "failures");

    for (i = 0; i < f->n; i++) {
        kecs_failure_write(c, f->items[i].arn, f->items[i].reason,
                           kecs_null_str);
    }

    kecs_w_array_end(&c->out);
}


static bool
is_protected(kecs_call_t *c, const kecs_task_t *t)
{
    return t->protected_until > c->now;
}


static void
write_protection(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_task_t *t)
{
    bool  on;

    on = is_protected(c, t);

    kecs_w_object(&c->out, NULL);
    kecs_w_time(&c->out, "expirationDate", on ? t->protected_until : 0);
    kecs_w_bool(&c->out, "protectionEnabled", on);
    kecs_write_made(c, "taskArn", kecs_task_arn(c, cluster->name, t->id));
    kecs_w_object_end(&c->out);
}


static kecs_rc_t
check_tasks(kecs_call_t *c, const kecs_ecs_string_list_t *tasks, size_t max)
{
    if (tasks->n == 0) {
        return kecs_bad(c, "Tasks cannot be empty.");
    }

    if (tasks->n > max) {
        return kecs_bad(c, "Tasks cannot have more than %zu elements.", max);
    }

    return KECS_OK;
}


/* Only tasks of services can be protected.  KECS_DONE: it is a failure. */

static kecs_rc_t
find(kecs_call_t *c, const kecs_cluster_t *cluster, kecs_str_t id,
    kecs_task_t *t, failures_t *f)
{
    kecs_rc_t  rc;

    rc = kecs_find_task(c, cluster, id, 0, t);

    if (rc == KECS_NOT_FOUND) {
        return fail_task(f, kecs_missing_arn(c, "task", cluster->name, id),
                         "MISSING");
    }

    if (rc == KECS_OK
        && (t->service == 0 || t->desired == KECS_DESIRED_STOPPED
            || t->status == KECS_TASK_STOPPED))
    {
        return fail_task(f, kecs_task_arn(c, cluster->name, t->id),
                         "TASK_NOT_VALID");
    }

    return rc;
}


/* GetTaskProtection. */

kecs_rc_t
kecs_get_task_protection(kecs_call_t *c, void *input)
{
    size_t                                        i;
    kecs_rc_t                                     rc;
    failures_t                                    failures;
    kecs_task_t                                   t;
    kecs_cluster_t                                cluster;
    const kecs_ecs_get_task_protection_request_t  *in = input;

    failures.n = 0;
    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_cluster(c, in->cluster, 0, &cluster);
    }

    if (rc == KECS_OK) {
        rc = check_tasks(c, &in->tasks, GET_MAX);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_array(&c->out, "protectedTasks");

    for (i = 0; i < in->tasks.n; i++) {
        rc = find(c, &cluster, in->tasks.items[i], &t, &failures);

        if (rc == KECS_OK) {
            write_protection(c, &cluster, &t);

        } else if (rc != KECS_DONE) {
            return rc;
        }
    }

    kecs_w_array_end(&c->out);
    write_failures(c, &failures);

    return KECS_OK;
}


/* UpdateTaskProtection. */

static kecs_rc_t
count_protected(kecs_call_t *c, counted_t *k)
{
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_str_t    key;
    kecs_scan_t  *scan;
    kecs_task_t   t;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, k->service.cluster);
    kecs_key_u32(&prefix, k->service.no);
    kecs_key_u8(&prefix, KECS_DESIRED_RUNNING);

    rc = kecs_scan(c->txn, c->arena, KECS_IX_TASK_SERVICE, c->scope, &prefix,
                   kecs_null_str, false, &scan);

    for (k->n = 0; rc == KECS_OK; /* void */ ) {
        memset(&t, 0, sizeof(kecs_task_t));
        rc = kecs_scan_next(scan, &key, &t);

        if (rc == KECS_OK) {
            rc = kecs_get(c->txn, c->arena, &t, 0);
            k->n += rc == KECS_OK && is_protected(c, &t);
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


static kecs_rc_t
count_of(kecs_call_t *c, const kecs_task_t *t, counted_t *k)
{
    kecs_rc_t  rc;

    if (k->service.no == t->service) {
        return KECS_OK;
    }

    memset(k, 0, sizeof(counted_t));
    k->service.rec.kind = KECS_SERVICE;
    k->service.rec.scope = c->scope;
    k->service.cluster = t->cluster;
    k->service.no = t->service;

    rc = kecs_get(c->txn, c->arena, &k->service, 0);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_CORRUPT : rc;
    }

    return count_protected(c, k);
}


/*
 * With more protected tasks than the service is to have, its deployments
 * could never end.
 */

static kecs_rc_t
check_room(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_task_t *t, counted_t *k, failures_t *f)
{
    kecs_rc_t  rc;

    rc = count_of(c, t, k);

    if (rc == KECS_OK && k->service.strategy == KECS_STRATEGY_REPLICA
        && k->n + !is_protected(c, t) > k->service.desired)
    {
        return fail_task(f, kecs_task_arn(c, cluster->name, t->id),
                         "DEPLOYMENT_BLOCKED");
    }

    return rc;
}


static kecs_rc_t
protect(kecs_call_t *c, const kecs_cluster_t *cluster, kecs_task_t *t,
    kecs_msec_t until, counted_t *k, failures_t *f)
{
    kecs_rc_t  rc;

    if (until != 0) {
        rc = check_room(c, cluster, t, k, f);

        if (rc != KECS_OK) {
            return rc;
        }
    }

    if (k->service.no == t->service) {
        k->n += until != 0;
        k->n -= is_protected(c, t);
    }

    if (t->protected_until == until) {
        return KECS_OK;
    }

    t->protected_until = until;
    t->version++;

    return kecs_put(c->txn, t);
}


static kecs_rc_t
check_update(kecs_call_t *c,
    const kecs_ecs_update_task_protection_request_t *in)
{
    if (in->expires_in_minutes.set
        && (in->expires_in_minutes.value < 1
            || in->expires_in_minutes.value > MINUTES_MAX))
    {
        return kecs_bad(c, "expiresInMinutes must be between 1 and %d.",
                        MINUTES_MAX);
    }

    return check_tasks(c, &in->tasks, UPDATE_MAX);
}


static kecs_rc_t
update_all(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_ecs_update_task_protection_request_t *in, failures_t *f)
{
    size_t       i;
    kecs_rc_t    rc;
    counted_t    k;
    kecs_task_t  t;
    kecs_msec_t  until;

    memset(&k, 0, sizeof(counted_t));
    until = 0;

    if (in->protection_enabled.value) {
        until = c->now + MINUTE * (in->expires_in_minutes.set
                                   ? in->expires_in_minutes.value : MINUTES);
    }

    for (i = 0; i < in->tasks.n; i++) {
        rc = find(c, cluster, in->tasks.items[i], &t, f);

        if (rc == KECS_OK) {
            rc = protect(c, cluster, &t, until, &k, f);
        }

        if (rc == KECS_OK) {
            write_protection(c, cluster, &t);

        } else if (rc != KECS_DONE) {
            return rc;
        }
    }

    return KECS_OK;
}


kecs_rc_t
kecs_update_task_protection(kecs_call_t *c, void *input)
{
    kecs_rc_t                                         rc;
    failures_t                                        failures;
    kecs_cluster_t                                    cluster;
    const kecs_ecs_update_task_protection_request_t  *in = input;

    failures.n = 0;
    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_cluster(c, in->cluster, 0, &cluster);
    }

    if (rc == KECS_OK) {
        rc = check_update(c, in);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_array(&c->out, "protectedTasks");
    rc = update_all(c, &cluster, in, &failures);
    kecs_w_array_end(&c->out);
    write_failures(c, &failures);

    return rc;
}
