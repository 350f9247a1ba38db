/*
 * What is asked of the runtime: starts and stops.  Both are queues of tasks
 * that may have something to be done; what it is follows from the task when
 * its turn comes.  A runtime that says "not now" is left alone for a
 * moment; stops do not wait behind starts.
 *
 * Nothing is decided from silence before the runtime has reported all that
 * exists (synced): until then a task may exist that was not seen.  With
 * simulated containers there is nothing to report, and every live task is
 * started again with its record.
 */

#include "../base/log.h"
#include "reconciler.h"


#define NOT_NOW       200            /* ms until the runtime is asked again */


static bool
is_simulated(const kecs_reconciler_t *r)
{
    return r->rt->ops->caps & KECS_RT_SIMULATED;
}


/* The runtime has it, or will have it. */

static bool
is_known(const kecs_reconciler_t *r, const kecs_live_task_t *t)
{
    return t->started || (t->seen != 0 && t->seen == r->contact);
}


static void
push(kecs_todo_t *q, kecs_live_task_t *t)
{
    t->todo = q;
    t->todo_next = NULL;
    t->todo_prev = q->last;

    if (q->last != NULL) {
        q->last->todo_next = t;

    } else {
        q->first = t;
    }

    q->last = t;
}


void
kecs_todo_drop(kecs_live_task_t *t)
{
    kecs_todo_t  *q;

    q = t->todo;

    if (q == NULL) {
        return;
    }

    if (t->todo_prev != NULL) {
        t->todo_prev->todo_next = t->todo_next;

    } else {
        q->first = t->todo_next;
    }

    if (t->todo_next != NULL) {
        t->todo_next->todo_prev = t->todo_prev;

    } else {
        q->last = t->todo_prev;
    }

    t->todo = NULL;
}


static kecs_live_task_t *
pop(kecs_todo_t *q)
{
    kecs_live_task_t  *t;

    t = q->first;

    if (t != NULL) {
        kecs_todo_drop(t);
    }

    return t;
}


/* Something is to be started, also before it can be stopped. */

static bool
wants_start(const kecs_reconciler_t *r, const kecs_live_task_t *t)
{
    if (is_known(r, t)) {
        return false;
    }

    if (is_simulated(r)) {
        return t->sched.desired == KECS_DESIRED_RUNNING || t->handle != NULL;
    }

    return t->sched.desired == KECS_DESIRED_RUNNING && t->handle == NULL;
}


void
kecs_todo_add(kecs_reconciler_t *r, kecs_live_task_t *t)
{
    if (t->todo != NULL) {
        return;
    }

    if (t->sched.desired == KECS_DESIRED_STOPPED && !wants_start(r, t)) {
        push(&r->stops, t);

    } else if (wants_start(r, t)) {
        push(&r->starts, t);
    }
}


/* What a start needs, from the store. */

static kecs_rc_t
names(kecs_txn_t *txn, kecs_arena_t *a, const kecs_task_t *task,
    kecs_start_t *s)
{
    kecs_rc_t       rc;
    kecs_cluster_t  cluster;
    kecs_service_t  service;

    rc = kecs_scope_name(txn, a, task->rec.scope, &s->account, &s->region);
    if (rc != KECS_OK) {
        return rc;
    }

    memset(&cluster, 0, sizeof(cluster));
    cluster.rec.kind = KECS_CLUSTER;
    cluster.rec.scope = task->rec.scope;
    cluster.no = task->cluster;

    rc = kecs_get(txn, a, &cluster, 0);
    if (rc != KECS_OK) {
        return rc;
    }

    s->cluster = cluster.name;

    if (task->service == 0) {
        return KECS_OK;
    }

    memset(&service, 0, sizeof(service));
    service.rec.kind = KECS_SERVICE;
    service.rec.scope = task->rec.scope;
    service.cluster = task->cluster;
    service.no = task->service;

    rc = kecs_get(txn, a, &service, 0);
    s->service = service.name;

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


static kecs_rc_t
overrides(kecs_arena_t *a, const kecs_task_t *task, kecs_start_t *s)
{
    void       *view;
    kecs_rc_t   rc;

    if (task->rec.part[KECS_TASK_STATIC].data == NULL) {
        return KECS_OK;
    }

    rc = kecs_shape_load(a, &kecs_ecs_task_shape,
                         task->rec.part[KECS_TASK_STATIC], &view);

    if (rc == KECS_OK) {
        s->overrides = ((kecs_ecs_task_t *) view)->overrides;
    }

    return rc;
}


static kecs_rc_t
volumes(kecs_arena_t *a, const kecs_task_t *task, kecs_start_t *s)
{
    void       *view;
    kecs_rc_t   rc;

    if (task->rec.part[KECS_TASK_VOLUMES].data == NULL) {
        return KECS_OK;
    }

    rc = kecs_shape_load(a, &kecs_ecs_run_task_request_shape,
                         task->rec.part[KECS_TASK_VOLUMES], &view);

    if (rc == KECS_OK) {
        s->volumes = &((kecs_ecs_run_task_request_t *) view)
                     ->volume_configurations;
    }

    return rc;
}


static kecs_rc_t
prepare(kecs_reconciler_t *r, kecs_txn_t *txn, const kecs_live_task_t *t,
    kecs_task_t *task, kecs_start_t *s)
{
    kecs_rc_t      rc;
    kecs_arena_t  *a;

    a = r->arena;

    memset(s, 0, sizeof(*s));
    memset(task, 0, sizeof(*task));
    task->rec.kind = KECS_TASK;
    task->rec.scope = t->scope;
    task->cluster = t->cluster;
    memcpy(task->id, t->sched.id, KECS_ID_LEN);

    rc = kecs_get(txn, a, task, KECS_ALL_PARTS);
    if (rc != KECS_OK) {
        return rc;
    }

    s->task = task;

    rc = names(txn, a, task, s);

    if (rc == KECS_OK) {
        rc = overrides(a, task, s);
    }

    if (rc == KECS_OK) {
        rc = volumes(a, task, s);
    }

    return rc == KECS_OK ? kecs_images_get(txn, a, task, &s->images) : rc;
}


static void
refuse(kecs_reconciler_t *r, const kecs_live_task_t *t, const char *why)
{
    kecs_news_add(r, KECS_NEWS_REFUSED, t->sched.id, kecs_str_of(why));
}


/* KECS_AGAIN: the runtime is to be left alone for now. */

static kecs_rc_t
start(kecs_reconciler_t *r, kecs_txn_t *txn, kecs_live_task_t *t)
{
    kecs_rc_t     rc;
    kecs_task_t   task;
    kecs_cause_t  cause;
    kecs_start_t  s;

    rc = prepare(r, txn, t, &task, &s);

    if (rc == KECS_OK) {
        rc = kecs_definition_get(r, txn, t->scope, task.family,
                                 task.revision, &s.definition);
    }

    if (rc == KECS_NOT_FOUND) {
        refuse(r, t, "The task definition or the cluster of the task no"
                     " longer exists.");
        return KECS_OK;
    }

    if (rc == KECS_OK) {
        rc = kecs_fetch(r, t, &s);
    }

    if (rc == KECS_BUSY) {
        return KECS_OK;
    }

    if (rc == KECS_OK) {
        s.cause = kecs_log_cause(txn, t->wanted, &cause) ? &cause : NULL;
        rc = r->rt->ops->start(r->rt, &s);
    }

    if (rc != KECS_OK) {
        if (rc != KECS_AGAIN) {
            kecs_log(KECS_LOG_WARN, "a task cannot be started now: %s",
                     kecs_rc_name(rc));
        }

        return KECS_AGAIN;
    }

    kecs_fetch_drop(t);
    t->started = true;
    t->stopping = false;
    t->asked_at = kecs_monotonic();
    r->actions++;

    if (t->sched.desired == KECS_DESIRED_STOPPED) {
        kecs_todo_add(r, t);
    }

    return KECS_OK;
}


static kecs_rc_t
stop(kecs_reconciler_t *r, kecs_txn_t *txn, kecs_live_task_t *t)
{
    bool          caused;
    kecs_rc_t     rc;
    kecs_cause_t  cause;

    if (!is_known(r, t)) {
        if (r->synced) {
            kecs_news_add(r, KECS_NEWS_MISSING, t->sched.id, kecs_null_str);
        }

        return KECS_OK;
    }

    caused = kecs_log_cause(txn, t->wanted, &cause);
    rc = r->rt->ops->stop(r->rt, t->sched.id, kecs_str_of(t->handle),
                          t->grace, caused ? &cause : NULL);

    if (rc == KECS_OK) {
        t->stopping = true;
        t->asked_at = kecs_monotonic();
        r->actions++;
    }

    return rc == KECS_OK ? KECS_OK : KECS_AGAIN;
}


static void
drive_stops(kecs_reconciler_t *r, kecs_msec_t now)
{
    unsigned           n;
    kecs_txn_t        *txn;
    kecs_live_task_t  *t;

    if (r->stops.first == NULL || now < r->stops_at
        || kecs_read_begin(r->store, &txn) != KECS_OK)
    {
        return;
    }

    for (n = 0; n < KECS_DRIVE_CHUNK && now >= r->stops_at; n++) {
        t = pop(&r->stops);

        if (t == NULL) {
            break;
        }

        if (t->sched.desired == KECS_DESIRED_STOPPED
            && stop(r, txn, t) == KECS_AGAIN)
        {
            push(&r->stops, t);
            r->stops_at = now + NOT_NOW;
        }
    }

    kecs_read_end(txn);
}


static void
drive_starts(kecs_reconciler_t *r, kecs_msec_t now)
{
    unsigned           n;
    kecs_txn_t        *txn;
    kecs_live_task_t  *t;

    if (r->starts.first == NULL || now < r->starts_at
        || kecs_read_begin(r->store, &txn) != KECS_OK)
    {
        return;
    }

    for (n = 0; n < KECS_DRIVE_CHUNK && now >= r->starts_at; n++) {
        t = pop(&r->starts);

        if (t == NULL) {
            break;
        }

        if (!wants_start(r, t)) {
            kecs_todo_add(r, t);

        } else if (start(r, txn, t) == KECS_AGAIN) {
            push(&r->starts, t);
            r->starts_at = now + NOT_NOW;
        }
    }

    kecs_read_end(txn);
}


void
kecs_drive(kecs_reconciler_t *r)
{
    kecs_msec_t  now;

    if (!r->synced && !is_simulated(r)) {
        return;
    }

    now = kecs_monotonic();
    drive_stops(r, now);
    drive_starts(r, now);
}


void
kecs_drive_forget(kecs_reconciler_t *r, const uint8_t *id, kecs_str_t handle)
{
    (void) r->rt->ops->forget(r->rt, id, handle, NULL);
    r->actions++;
}


/* Of one that was never seen only its names tell where it would have been. */

void
kecs_drive_ended(kecs_reconciler_t *r, kecs_txn_t *txn,
    const kecs_task_t *task)
{
    kecs_start_t   of;
    kecs_arena_t  *a;

    a = task->handle.len == 0 ? kecs_arena_create(1024) : NULL;
    memset(&of, 0, sizeof(of));

    if (a != NULL && names(txn, a, task, &of) == KECS_OK) {
        (void) r->rt->ops->forget(r->rt, task->id, task->handle, &of);
        r->actions++;

    } else {
        kecs_drive_forget(r, task->id, task->handle);
    }

    kecs_arena_destroy(a);
}


static void
sweep_task(kecs_reconciler_t *r, kecs_live_task_t *t, kecs_msec_t now,
    kecs_msec_t wall)
{
    kecs_msec_t  since;

    if (t->check_at != 0 && wall >= t->check_at) {
        t->check_at = 0;
        kecs_news_add(r, KECS_NEWS_OVERDUE, t->sched.id, kecs_null_str);
    }

    if (!r->synced) {
        return;
    }

    since = now - t->asked_at;

    if (t->sched.desired == KECS_DESIRED_RUNNING) {
        if (t->started && t->seen != r->contact
            && since >= r->set.start_again)
        {
            t->started = false;
        }

    } else if (t->stopping && since >= r->set.stop_again) {
        t->stopping = false;
    }

    if (!t->stopping) {
        kecs_todo_add(r, t);
    }
}


void
kecs_drive_sweep(kecs_reconciler_t *r)
{
    kecs_msec_t        now, wall;
    kecs_live_task_t  *t;

    now = kecs_monotonic();
    wall = kecs_wall_clock();

    for (t = r->all_tasks; t != NULL; t = t->next) {
        sweep_task(r, t, now, wall);
    }
}


/* Stop tasks that nobody wants any more, a batch at a time. */

void
kecs_drive_drain(kecs_reconciler_t *r)
{
    kecs_rc_t          rc;
    kecs_task_t        task;
    kecs_call_t        c;
    kecs_batch_t       b;
    kecs_live_task_t  *t;

    if (kecs_batch_begin(r, &b) != KECS_OK) {
        return;
    }

    rc = KECS_OK;

    for (t = r->all_tasks;
         t != NULL && rc == KECS_OK && !kecs_batch_full(&b);
         t = t->next)
    {
        if (t->sched.desired == KECS_DESIRED_STOPPED) {
            continue;
        }

        rc = kecs_batch_call(&b, t->scope, &c);

        memset(&task, 0, sizeof(task));
        task.rec.kind = KECS_TASK;
        task.rec.scope = t->scope;
        task.cluster = t->cluster;
        memcpy(task.id, t->sched.id, KECS_ID_LEN);

        if (rc == KECS_OK) {
            rc = kecs_get(b.txn, r->arena, &task, 0);
        }

        if (rc == KECS_OK) {
            rc = kecs_task_stop(&c, &task, KECS_STOP_SCHEDULER,
                                kecs_str("The system was taken down."));
            b.records++;
        }

        rc = rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    if (rc != KECS_OK) {
        kecs_batch_abort(&b);
        kecs_store_failed(r, "written", rc);
        return;
    }

    (void) kecs_batch_commit(&b);
}
