/*
 * The service scheduler at work: for each dirty service the pure scheduler
 * decides on the view exactly as of one read transaction, and its actions
 * are applied in write transactions that test the versions it had seen.
 * What has moved on meanwhile is dropped: the log makes the service dirty
 * again.  Tasks that are started, the event that tells of them, and the
 * counts of failures are always in one transaction; so are a deployment and
 * the service deployment that follows it (follow.c).
 */

#include "../base/log.h"
#include "reconciler.h"


#define ROUND_MSEC       50     /* then the loop goes round */
#define TASKS_PER_EVENT  10
#define BACKOFF_FIRST    1000
#define BACKOFF_MAX      300000
#define BACKOFF_ROOM     30000
#define POSTPONE         1000


typedef struct {
    kecs_reconciler_t    *r;
    kecs_live_service_t  *live;
    kecs_actions_t        actions;
    kecs_batch_t          b;
    kecs_call_t           c;            /* of the open batch */
    kecs_service_t        service;      /* as of the open batch */
    bool                  over;         /* the rest is to be dropped */
    bool                  follow;       /* service deployments are to */
    bool                  unplaced;     /* a task found no place */
    bool                  postponed;    /* a function is invoked later */
    kecs_msec_t           unprotected_at;   /* of one of its tasks, 0: no */

    /* Tasks stopped in the open batch and not told of yet. */
    kecs_buf_t            stopped;
    kecs_str_t            left;         /* zone, if to rebalance */
    unsigned              n_running;
    unsigned              n_pending;
} applying_t;


/* Deciding. */

static void
service_key(const kecs_live_service_t *live, kecs_service_t *s)
{
    memset(s, 0, sizeof(*s));
    s->rec.kind = KECS_SERVICE;
    s->rec.scope = live->scope;
    s->cluster = live->cluster;
    s->no = live->no;
}


kecs_rc_t
kecs_scan_all(kecs_txn_t *txn, kecs_arena_t *a, kecs_scan_t *scan,
    size_t size, void **list, size_t *n)
{
    char        *rec, *all, *more;
    size_t       room;
    kecs_rc_t    rc;
    kecs_str_t   key;

    all = NULL;
    *n = 0;

    for (room = 0, rc = KECS_OK; rc == KECS_OK; *n += rc == KECS_OK) {
        if (*n == room) {
            room = room != 0 ? 2 * room : 4;
            more = kecs_calloc(a, room, size);

            if (more == NULL) {
                return KECS_NOMEM;
            }

            if (all != NULL) {
                memcpy(more, all, *n * size);
            }

            all = more;
        }

        rec = all + *n * size;
        rc = kecs_scan_next(scan, &key, rec);

        if (rc == KECS_OK) {
            rc = kecs_get(txn, a, rec, 0);
        }
    }

    *list = all;

    return rc == KECS_DONE ? KECS_OK : rc;
}


static void
prefix_of(const kecs_live_service_t *live, kecs_key_t *prefix)
{
    kecs_key_init(prefix);
    kecs_key_u32(prefix, live->cluster);
    kecs_key_u32(prefix, live->no);
}


kecs_rc_t
kecs_view_deployments(kecs_reconciler_t *r, kecs_txn_t *txn,
    const kecs_live_service_t *live, kecs_sched_view_t *view)
{
    void         *list;
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_scan_t  *scan;

    prefix_of(live, &prefix);
    rc = kecs_scan(txn, r->arena, KECS_IX_DEPLOYMENT_LIVE, live->scope,
                   &prefix, kecs_null_str, false, &scan);

    if (rc == KECS_OK) {
        rc = kecs_scan_all(txn, r->arena, scan, sizeof(kecs_deployment_t),
                          &list, &view->n_deployments);
    }

    if (rc == KECS_OK) {
        view->deployments = list;
    }

    return rc;
}


static kecs_rc_t
sets_of(kecs_reconciler_t *r, kecs_txn_t *txn,
    const kecs_live_service_t *live, kecs_sched_sets_t *view)
{
    void         *list;
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_scan_t  *scan;

    prefix_of(live, &prefix);
    rc = kecs_scan_records(txn, r->arena, KECS_TASK_SET, live->scope,
                           &prefix, kecs_null_str, false, &scan);

    if (rc == KECS_OK) {
        rc = kecs_scan_all(txn, r->arena, scan, sizeof(kecs_task_set_t),
                          &list, &view->n_sets);
    }

    if (rc == KECS_OK) {
        view->sets = list;
    }

    return rc;
}


/* Of two moments, 0 being none. */

static kecs_msec_t
earlier(kecs_msec_t a, kecs_msec_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}


kecs_rc_t
kecs_view_tasks(kecs_reconciler_t *r, const kecs_live_service_t *live,
    kecs_msec_t now, kecs_sched_view_t *view, kecs_msec_t *end)
{
    size_t                   n;
    kecs_sched_task_t       *list;
    const kecs_live_task_t  *t;

    list = kecs_calloc(r->arena, live->n, sizeof(*list));
    if (list == NULL) {
        return KECS_NOMEM;
    }

    *end = 0;

    for (t = live->tasks, n = 0; t != NULL; t = t->of_next, n++) {
        list[n] = t->sched;
        list[n].protected = t->protected_until > now;
        list[n].draining = r->evacuated != NULL && kecs_evacuated(r, t);

        if (list[n].protected) {
            *end = earlier(*end, t->protected_until);
        }
    }

    view->tasks = list;
    view->n_tasks = n;

    return KECS_OK;
}


/* Of a service that we deploy; its service deployments are looked at too. */

static kecs_rc_t
decide_ours(applying_t *x, kecs_txn_t *txn, kecs_sched_view_t *view,
    const kecs_sched_sets_t *sets, kecs_msec_t now)
{
    kecs_rc_t  rc;

    rc = kecs_view_deployments(x->r, txn, x->live, view);

    if (rc == KECS_OK && view->service->strategy == KECS_STRATEGY_DAEMON) {
        rc = kecs_daemon_instances(x->r, txn, x->live, now, view);
    }

    if (rc == KECS_OK) {
        rc = kecs_follow_look(x->r, txn, view, now, &x->follow);
    }

    if (rc == KECS_OK) {
        rc = kecs_service_zones(x->r, txn, x->live, now, &x->service, view);
    }

    if (rc == KECS_OK) {
        rc = kecs_alarms_look(x->r, txn, x->live, view);
    }

    if (rc == KECS_OK) {
        rc = kecs_schedule(x->r->arena, view, &x->r->set.sched, now,
                           &x->actions);
    }

    return rc == KECS_OK
           ? kecs_schedule_left_sets(x->r->arena, sets, &x->actions) : rc;
}


static kecs_rc_t
decide(applying_t *x, kecs_txn_t *txn, kecs_msec_t now)
{
    kecs_rc_t          rc;
    kecs_sched_sets_t  sets;
    kecs_sched_view_t  view;

    memset(&view, 0, sizeof(view));
    memset(&sets, 0, sizeof(sets));
    service_key(x->live, &x->service);

    rc = kecs_get(txn, x->r->arena, &x->service, 0);
    if (rc != KECS_OK) {
        return rc;
    }

    view.service = &x->service;
    rc = kecs_view_tasks(x->r, x->live, now, &view, &x->unprotected_at);

    if (rc == KECS_OK) {
        rc = sets_of(x->r, txn, x->live, &sets);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    sets.service = view.service;
    sets.tasks = view.tasks;
    sets.n_tasks = view.n_tasks;

    if (x->service.controller > KECS_CONTROLLER_ECS) {
        return kecs_schedule_sets(x->r->arena, &sets, &x->r->set.sched, now,
                                  &x->actions);
    }

    return decide_ours(x, txn, &view, &sets, now);
}


/* Applying: transactions and events. */

static kecs_rc_t
open_batch(applying_t *x)
{
    kecs_rc_t  rc;

    if (x->b.txn != NULL) {
        return KECS_OK;
    }

    rc = kecs_batch_begin(x->r, &x->b);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = kecs_batch_call(&x->b, x->live->scope, &x->c);

    if (rc == KECS_OK) {
        service_key(x->live, &x->service);
        rc = kecs_get(x->b.txn, x->r->arena, &x->service, KECS_ALL_PARTS);
    }

    return rc;
}


/* `set`: the task set that it tells of, 0: none. */

static kecs_rc_t
add_event(applying_t *x, uint64_t set, kecs_str_t text)
{
    x->b.records++;

    return kecs_service_event(&x->c, &x->service, set, text);
}


static void
name_task(kecs_buf_t *buf, const uint8_t *id)
{
    char  hex[2 * KECS_ID_LEN];

    kecs_hex(id, KECS_ID_LEN, hex);
    kecs_buf_printf(buf, " (task %.32s)", hex);
}


/* Tells of the tasks stopped since it was told last. */

static kecs_rc_t
tell_stopped(applying_t *x)
{
    kecs_rc_t   rc;
    kecs_str_t  text;

    rc = KECS_OK;

    if (x->n_running != 0) {
        text = kecs_sprintf(x->r->arena, "has stopped %u running tasks%s%.*s"
                            "%s:%.*s.", x->n_running,
                            x->left.len != 0 ? " in " : "",
                            kecs_fmt(x->left),
                            x->left.len != 0 ? " due to AZ rebalancing" : "",
                            kecs_fmt(kecs_buf_view(&x->stopped)));
        rc = text.data == NULL || x->stopped.failed
             ? KECS_NOMEM : add_event(x, 0, text);
    }

    if (rc == KECS_OK && x->n_pending != 0) {
        text = kecs_sprintf(x->r->arena, "stopped %u pending tasks.",
                            x->n_pending);
        rc = text.data == NULL ? KECS_NOMEM
                               : add_event(x, 0, text);
    }

    x->n_running = 0;
    x->n_pending = 0;
    x->left = kecs_null_str;
    kecs_buf_init(&x->stopped, x->r->arena, 0);

    return rc;
}


static kecs_rc_t
close_batch(applying_t *x)
{
    kecs_rc_t  rc;

    rc = tell_stopped(x);

    if (rc == KECS_OK && x->follow) {
        rc = kecs_follow(&x->b, &x->c, &x->service);
    }

    x->follow = false;

    return rc == KECS_OK ? kecs_batch_commit(&x->b) : rc;
}


static kecs_rc_t
close_full_batch(applying_t *x)
{
    return x->b.txn != NULL && kecs_batch_full(&x->b) ? close_batch(x)
                                                      : KECS_OK;
}


/* Starts. */

static kecs_rc_t
get_deployment(applying_t *x, uint64_t id, unsigned parts,
    kecs_deployment_t *d)
{
    memset(d, 0, sizeof(*d));
    d->rec.kind = KECS_DEPLOYMENT;
    d->rec.scope = x->live->scope;
    d->cluster = x->live->cluster;
    d->service = x->live->no;
    d->id = id;

    return kecs_get(x->b.txn, x->r->arena, d, parts);
}


static kecs_rc_t
get_set(applying_t *x, uint64_t id, unsigned parts, kecs_task_set_t *t)
{
    memset(t, 0, sizeof(*t));
    t->rec.kind = KECS_TASK_SET;
    t->rec.scope = x->live->scope;
    t->cluster = x->live->cluster;
    t->service = x->live->no;
    t->id = id;

    return kecs_get(x->b.txn, x->r->arena, t, parts);
}


typedef struct {
    kecs_cluster_t     cluster;
    kecs_deployment_t  deployment;
    kecs_taskdef_t     taskdef;
    uint64_t           set;             /* 0: not of a task set */
} source_t;


/* The deployment, or the task set that stands for one. */

static kecs_rc_t
load_target(applying_t *x, uint64_t id, source_t *s)
{
    kecs_rc_t        rc;
    kecs_task_set_t  set;

    if (x->service.controller <= KECS_CONTROLLER_ECS) {
        return get_deployment(x, id, KECS_ALL_PARTS, &s->deployment);
    }

    rc = get_set(x, id, KECS_ALL_PARTS, &set);

    if (rc == KECS_OK) {
        kecs_task_set_deployment(&set, &s->deployment);
        s->set = id;
    }

    return rc;
}


static kecs_rc_t
load_source(applying_t *x, uint64_t deployment, source_t *s)
{
    kecs_rc_t  rc;

    memset(s, 0, sizeof(*s));

    rc = kecs_cluster_by_no(&x->c, x->live->cluster, &s->cluster);

    if (rc == KECS_OK) {
        rc = load_target(x, deployment, s);
    }

    if (rc == KECS_OK) {
        s->taskdef.rec.kind = KECS_TASKDEF;
        s->taskdef.rec.scope = x->live->scope;
        s->taskdef.family = s->deployment.family;
        s->taskdef.revision = s->deployment.revision;
        rc = kecs_get(x->b.txn, x->r->arena, &s->taskdef, KECS_ALL_PARTS);
    }

    return rc;
}


static uint64_t
live_of(const kecs_live_service_t *live, uint64_t deployment)
{
    uint64_t                 n;
    const kecs_live_task_t  *t;

    for (t = live->tasks, n = 0; t != NULL; t = t->of_next) {
        n += t->sched.deployment == deployment;
    }

    return n;
}


/* Tells why a task has no place, once per reason, and comes back later. */

static kecs_rc_t
not_placed(applying_t *x, kecs_str_t why)
{
    kecs_live_service_t  *s;

    s = x->live;
    x->unplaced = true;

    if (why.data == NULL) {
        return KECS_NOMEM;
    }

    if (s->complained == kecs_hashtab_hash(why.data, why.len)) {
        return KECS_OK;
    }

    s->complained = kecs_hashtab_hash(why.data, why.len);

    return add_event(x, 0, why);
}


/* One of its tasks is about to leave the instance. */

static bool
is_left(const applying_t *x, const uint8_t *instance)
{
    const kecs_live_task_t  *t;

    for (t = x->live->tasks; t != NULL; t = t->of_next) {
        if (t->sched.desired == KECS_DESIRED_STOPPED
            && memcmp(t->sched.instance, instance, KECS_ID_LEN) == 0)
        {
            return true;
        }
    }

    return false;
}


/*
 * On an instance where it does not fit no task is made.  Of several of
 * them the first is told; none before its last task has gone.
 */

static kecs_rc_t
create_on(applying_t *x, kecs_new_task_t *new, const uint8_t *instance,
    kecs_task_t *task, unsigned *made)
{
    kecs_rc_t    rc;
    const char  *refusal;

    rc = kecs_task_on(&x->c, instance, new, &refusal);

    if (rc == KECS_OK && refusal == NULL) {
        rc = kecs_task_create(&x->c, new, task);
        *made += rc == KECS_OK;
        return rc;
    }

    return rc != KECS_OK || x->unplaced || is_left(x, instance) ? rc
           : not_placed(x, kecs_refusal_complaint(x->r->arena, instance,
                                                  refusal));
}


/* The zone took no task; ECS names no instance then. */

static kecs_rc_t
not_in_zone(applying_t *x, const kecs_new_task_t *new)
{
    kecs_str_t  text;

    x->unplaced = true;
    text = kecs_sprintf(x->r->arena, "is unable to place a task in %.*s"
                        " because no container instance met all of its"
                        " requirements.", kecs_fmt(new->only_zone));

    return text.data != NULL ? add_event(x, 0, text) : KECS_NOMEM;
}


/*
 * With a capacity provider strategy each task is asked for by its number,
 * those of a DAEMON run on the instances `on`; otherwise all are made alike,
 * in `zone` if there is one.
 */

static kecs_rc_t
create_some(applying_t *x, const source_t *s, uint64_t ordinal, unsigned n,
    const uint8_t (*on)[KECS_ID_LEN], kecs_str_t zone, kecs_task_t *tasks,
    unsigned *made)
{
    size_t           more;
    unsigned         i;
    kecs_rc_t        rc;
    kecs_new_task_t  new;
    kecs_placing_t  *refused;

    rc = KECS_OK;
    *made = 0;

    for (i = 0; rc == KECS_OK && i < n; i = on != NULL ? i + 1 : *made) {
        rc = kecs_service_task(&x->c, &s->cluster, &x->service,
                               &s->deployment, &s->taskdef, ordinal + *made,
                               &new);
        new.only_zone = zone;
        refused = NULL;

        if (rc == KECS_OK && on != NULL) {
            rc = create_on(x, &new, on[i], tasks + *made, made);

        } else if (rc == KECS_OK) {
            more = new.capacity_provider.data != NULL ? 1 : n - *made;
            rc = kecs_tasks_place(&x->c, &new, more, tasks + *made, &more,
                                  &refused);
            *made += (unsigned) more;
        }

        if (zone.len != 0 && (rc == KECS_FAILED || refused != NULL)) {
            return not_in_zone(x, &new);
        }

        if (rc == KECS_FAILED) {
            return not_placed(x, kecs_sprintf(x->r->arena, KECS_NOT_PLACED
                                              " Reason: %.*s",
                                              kecs_fmt(x->c.message)));
        }

        if (rc == KECS_OK && refused != NULL) {
            return not_placed(x, kecs_placing_complaint(refused));
        }
    }

    return rc;
}


/* Up to TASKS_PER_EVENT tasks and the event that tells of them. */

static kecs_rc_t
start_some(applying_t *x, const source_t *s, uint64_t ordinal, unsigned n,
    const uint8_t (*on)[KECS_ID_LEN], kecs_str_t zone)
{
    unsigned      i;
    kecs_rc_t     rc;
    kecs_buf_t    ids;
    kecs_str_t    text;
    kecs_task_t   tasks[TASKS_PER_EVENT];

    rc = create_some(x, s, ordinal, n, on, zone, tasks, &n);
    if (rc != KECS_OK || n == 0) {
        return rc;
    }

    if (!x->unplaced) {
        x->live->complained = 0;
    }

    kecs_buf_init(&ids, x->r->arena, 0);

    for (i = 0; i < n; i++) {
        name_task(&ids, tasks[i].id);
    }

    x->b.records += n;
    x->r->actions += n;

    text = kecs_sprintf(x->r->arena, "has started %u tasks%s%.*s%s:%.*s.", n,
                        zone.len != 0 ? " in " : "", kecs_fmt(zone),
                        zone.len != 0 ? " to AZ Rebalance" : "",
                        kecs_fmt(kecs_buf_view(&ids)));

    return text.data == NULL || ids.failed ? KECS_NOMEM
                                           : add_event(x, s->set, text);
}


/* KECS_NOT_FOUND: the tasks are no longer wanted. */

static kecs_rc_t
still_wanted(applying_t *x, const kecs_action_t *a)
{
    kecs_rc_t        rc;
    kecs_task_set_t  set;

    if (x->service.version != a->version
        || x->service.status != KECS_SERVICE_ACTIVE)
    {
        return KECS_NOT_FOUND;
    }

    if (x->service.controller <= KECS_CONTROLLER_ECS) {
        return KECS_OK;
    }

    rc = get_set(x, a->deployment, 0, &set);

    return rc == KECS_OK && set.status == KECS_TASK_SET_DRAINING
           ? KECS_NOT_FOUND : rc;
}


static kecs_rc_t
apply_start(applying_t *x, const kecs_action_t *a)
{
    unsigned   i, n;
    uint64_t   ordinal;
    source_t   s;
    kecs_rc_t  rc;

    ordinal = live_of(x->live, a->deployment);
    rc = KECS_OK;

    /* not a failure of the store: observations and expiry must go on */

    if (kecs_store_pressed(x->r->store) != KECS_ROOM) {
        x->c.message = kecs_str("the store is almost full");
        return KECS_AGAIN;
    }

    for (i = 0; rc == KECS_OK && i < a->n; i += n) {
        rc = open_batch(x);

        if (rc == KECS_OK) {
            rc = still_wanted(x, a);
        }

        if (rc == KECS_NOT_FOUND) {
            x->over = true;
            return KECS_OK;
        }

        if (rc != KECS_OK) {
            break;
        }

        rc = load_source(x, a->deployment, &s);
        n = a->n - i < TASKS_PER_EVENT ? a->n - i : TASKS_PER_EVENT;

        if (rc == KECS_OK) {
            rc = start_some(x, &s, ordinal + i, n,
                            a->instances != NULL ? a->instances + i : NULL,
                            a->zone);
        }

        if (rc == KECS_OK) {
            rc = close_full_batch(x);
        }

        if (x->unplaced && a->instances == NULL) {
            break;
        }
    }

    return rc;
}


/* Stops. */

/*
 * As many as one event tells of are stopped before the batch may end, so
 * that what is told does not depend on how fast the machine is.
 */

static kecs_rc_t
stopped_one(applying_t *x)
{
    kecs_rc_t  rc;

    if (x->n_running + x->n_pending < TASKS_PER_EVENT) {
        return KECS_OK;
    }

    rc = tell_stopped(x);

    return rc == KECS_OK ? close_full_batch(x) : rc;
}


static kecs_rc_t
apply_stop(applying_t *x, const kecs_action_t *a)
{
    kecs_rc_t    rc;
    kecs_task_t  t;

    memset(&t, 0, sizeof(t));
    t.rec.kind = KECS_TASK;
    t.rec.scope = x->live->scope;
    t.cluster = x->live->cluster;
    memcpy(t.id, a->task, KECS_ID_LEN);

    rc = kecs_get(x->b.txn, x->r->arena, &t, 0);

    if (rc == KECS_NOT_FOUND || t.version != a->version
        || t.desired != KECS_DESIRED_RUNNING)
    {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    if (a->zone.len != 0) {
        rc = tell_stopped(x);
        x->left = a->zone;

        if (rc != KECS_OK) {
            return rc;
        }
    }

    if (t.status >= KECS_TASK_RUNNING) {
        x->n_running++;
        name_task(&x->stopped, t.id);

    } else {
        x->n_pending++;
    }

    rc = kecs_task_stop(&x->c, &t, a->stop_code, a->text);
    x->b.records++;
    x->r->actions++;

    if (rc == KECS_OK) {
        rc = kecs_rollout_ended(&x->b, &t);
    }

    return rc == KECS_OK ? stopped_one(x) : rc;
}


/* Records. */

static kecs_rc_t
apply_deployment(applying_t *x, const kecs_action_t *a)
{
    bool               completes;
    kecs_rc_t          rc;
    kecs_deployment_t  d;

    rc = get_deployment(x, a->deployment, 0, &d);

    if (rc == KECS_NOT_FOUND || (rc == KECS_OK && d.version != a->version)) {
        x->over = true;
        return KECS_OK;
    }

    if (rc != KECS_OK) {
        return rc;
    }

    completes = a->type == KECS_ACT_DEPLOYMENT
                && a->rollout == KECS_ROLLOUT_COMPLETED
                && d.rollout != KECS_ROLLOUT_COMPLETED;

    if (a->type == KECS_ACT_DEPLOYMENT_END) {
        d.status = KECS_DEPLOYMENT_INACTIVE;

    } else {
        d.rollout = a->rollout;
        d.reason = a->text;
        d.desired = a->desired;
        d.failed = a->failed;
        d.healthy = a->healthy;
    }

    d.updated_at = x->b.now;
    d.version++;
    x->b.records++;
    x->follow = true;

    if (a->type == KECS_ACT_DEPLOYMENT_END) {
        rc = kecs_revision_ended(&x->c, &d);

    } else if (completes) {
        x->service.completed = d.id;
        rc = kecs_put(x->b.txn, &x->service);
    }

    return rc == KECS_OK ? kecs_put(x->b.txn, &d) : rc;
}


/* A set that goes is the service's no longer. */

static kecs_rc_t
apply_set(applying_t *x, const kecs_action_t *a)
{
    kecs_rc_t        rc;
    kecs_task_set_t  t;

    rc = get_set(x, a->deployment, 0, &t);

    if (rc == KECS_NOT_FOUND || (rc == KECS_OK && t.version != a->version)) {
        x->over = true;
        return KECS_OK;
    }

    if (rc != KECS_OK) {
        return rc;
    }

    x->b.records++;

    if (a->type == KECS_ACT_TASK_SET_END) {
        return kecs_del(x->b.txn, &t);
    }

    if (a->steady == KECS_TOLD_STEADY) {
        t.steady_at = x->b.now;
    }

    t.steady = a->steady;
    t.failed = a->failed;
    t.version++;

    return kecs_put(x->b.txn, &t);
}


static kecs_rc_t
apply_calls(applying_t *x, const kecs_action_t *a)
{
    kecs_rc_t  rc;

    rc = kecs_functions_call(&x->b, &x->c, &x->service, x->live,
                             a->deployment);

    if (rc == KECS_BUSY) {
        x->postponed = true;
        return KECS_OK;
    }

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


static kecs_rc_t
apply_stage(applying_t *x, const kecs_action_t *a)
{
    kecs_rc_t                  rc;
    kecs_hook_conf_t           conf;
    kecs_service_deployment_t  sd;

    rc = kecs_service_deployment_get(&x->c, &x->service, a->deployment, &sd);

    if (rc == KECS_NOT_FOUND || (rc == KECS_OK && sd.version != a->version))
    {
        x->over = true;
        return KECS_OK;
    }

    if (rc != KECS_OK) {
        return rc;
    }

    x->b.records += 2;

    if (a->type == KECS_ACT_HOOKS_EXPIRE) {
        return kecs_hooks_expire(&x->c, &x->service, &sd);
    }

    if (a->type == KECS_ACT_ALARMS) {
        return kecs_alarms_seen(&x->c, &x->service, &sd, a->alarms, a->text);
    }

    if (a->type == KECS_ACT_BAKE) {
        sd.stage_at = x->b.now;
        sd.version++;
        return kecs_put(x->b.txn, &sd);
    }

    sd.stage = a->stage;
    sd.weight = a->weight;
    sd.test_weight = a->test_weight;

    /* green has all the traffic: from now on it is what one goes back to */

    if (sd.stage == KECS_STAGE_CLEAN_UP && sd.run == sd.id
        && x->service.completed != sd.id)
    {
        x->service.completed = sd.id;
        rc = kecs_put(x->b.txn, &x->service);

        if (rc != KECS_OK) {
            return rc;
        }
    }

    conf.minute = x->r->set.sched.minute;
    conf.functions = kecs_upstream_has(x->r->upstream, "lambda");

    return kecs_stage_enter(&x->c, &x->service, &sd, &conf);
}


static kecs_rc_t
apply_service(applying_t *x, const kecs_action_t *a)
{
    kecs_rc_t        rc;
    kecs_service_t  *s;

    s = &x->service;

    if (s->version != a->version) {
        x->over = true;
        return KECS_OK;
    }

    if (a->status == KECS_SERVICE_INACTIVE
        && s->status != KECS_SERVICE_INACTIVE)
    {
        s->deleted_at = x->b.now;
    }

    if (a->steady == KECS_TOLD_STEADY) {
        s->steady_at = x->b.now;
    }

    s->status = a->status;
    s->steady = a->steady;
    s->throttled_until = a->throttled_until;
    s->balancing = a->balancing;
    s->balance_at = a->balance_at;
    s->version++;

    if (s->strategy == KECS_STRATEGY_DAEMON) {
        s->desired = a->desired;
    }

    x->b.records++;

    if (s->status == KECS_SERVICE_INACTIVE) {
        rc = kecs_gateways_disconnect(&x->c, s);

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return kecs_put(x->b.txn, s);
}


static kecs_rc_t
apply_one(applying_t *x, const kecs_action_t *a)
{
    kecs_rc_t  rc;

    if (a->type == KECS_ACT_START) {
        return apply_start(x, a);
    }

    rc = open_batch(x);

    if (rc == KECS_OK && a->type != KECS_ACT_STOP) {
        rc = tell_stopped(x);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    switch (a->type) {

    case KECS_ACT_STOP:
        return apply_stop(x, a);

    case KECS_ACT_DEPLOYMENT:
    case KECS_ACT_DEPLOYMENT_END:
        return apply_deployment(x, a);

    case KECS_ACT_SERVICE:
        return apply_service(x, a);

    case KECS_ACT_TASK_SET:
    case KECS_ACT_TASK_SET_END:
        return apply_set(x, a);

    case KECS_ACT_STAGE:
    case KECS_ACT_HOOKS_EXPIRE:
    case KECS_ACT_ALARMS:
    case KECS_ACT_BAKE:
        return apply_stage(x, a);

    case KECS_ACT_HOOKS_CALL:
        return apply_calls(x, a);

    case KECS_ACT_EVENT:
        return add_event(x, a->deployment, a->text);

    default:
        return KECS_OK;
    }
}


/* First of all: after a rollback what was decided no longer counts. */

static kecs_rc_t
follow_first(applying_t *x)
{
    uint32_t   version;
    kecs_rc_t  rc;

    if (!x->follow) {
        return KECS_OK;
    }

    rc = open_batch(x);
    version = x->service.version;

    if (rc == KECS_OK) {
        rc = kecs_follow(&x->b, &x->c, &x->service);
    }

    x->follow = false;
    x->over = rc == KECS_OK && x->service.version != version;

    return rc;
}


/* What came of invocations; what was decided may no longer count then. */

static kecs_rc_t
take_answers(applying_t *x)
{
    kecs_rc_t  rc;

    if (!kecs_functions_ended(x->live)) {
        return KECS_OK;
    }

    rc = open_batch(x);

    return rc == KECS_OK
           ? kecs_functions_write(&x->b, &x->c, &x->service, x->live) : rc;
}


static kecs_rc_t
apply_all(applying_t *x)
{
    size_t     i;
    kecs_rc_t  rc;

    kecs_buf_init(&x->stopped, x->r->arena, 0);
    rc = take_answers(x);

    if (rc == KECS_OK) {
        rc = follow_first(x);
    }

    for (i = 0; rc == KECS_OK && !x->over && i < x->actions.n; i++) {
        rc = apply_one(x, &x->actions.items[i]);
    }

    if (rc == KECS_OK && x->follow) {
        rc = open_batch(x);
    }

    if (rc == KECS_OK && x->b.txn != NULL) {
        rc = close_batch(x);
    }

    kecs_batch_abort(&x->b);

    return rc;
}


/* Tries a service again later; why it failed is told once per pause. */

static void
back_off(applying_t *x, kecs_rc_t rc)
{
    kecs_msec_t           most;
    kecs_live_service_t  *s;

    s = x->live;

    if (rc == KECS_FULL || rc == KECS_IO) {
        kecs_store_failed(x->r, "written", rc);
        kecs_service_dirty(x->r, s);
        return;
    }

    most = rc == KECS_AGAIN ? BACKOFF_ROOM : BACKOFF_MAX;
    s->backoff = s->backoff ? 2 * s->backoff : BACKOFF_FIRST;

    if (s->backoff > most) {
        s->backoff = most;
    }

    kecs_log(KECS_LOG_WARN, "service %.*s cannot be scheduled: %.*s; trying"
             " again in %lld s", kecs_fmt(x->service.name),
             kecs_fmt(x->c.message.data ? x->c.message
                                        : kecs_str_of(kecs_rc_name(rc))),
             (long long) s->backoff / 1000);

    kecs_service_again(x->r, s, kecs_wall_clock() + s->backoff);
}


/* One dirty service; false when the round is to end. */

static bool
schedule_one(kecs_reconciler_t *r)
{
    kecs_rc_t     rc;
    kecs_txn_t   *txn;
    applying_t    x;

    rc = kecs_read_begin(r->store, &txn);
    if (rc != KECS_OK) {
        return false;
    }

    memset(&x, 0, sizeof(x));
    kecs_arena_reset(r->arena);
    x.r = r;

    rc = kecs_view_follow(r, txn);
    x.live = r->dirty;

    if (rc != KECS_OK || x.live == NULL) {
        kecs_read_end(txn);
        return false;
    }

    r->dirty = x.live->dirty_next;
    x.live->dirty = false;

    rc = decide(&x, txn, kecs_wall_clock());
    kecs_read_end(txn);

    if (rc == KECS_NOT_FOUND) {
        return true;
    }

    if (rc == KECS_OK) {
        kecs_service_again(r, x.live, earlier(x.actions.again_at,
                                              x.unprotected_at));
        rc = apply_all(&x);
    }

    if (rc == KECS_OK && x.unplaced) {
        kecs_service_again(r, x.live,
                           earlier(x.live->again_at, kecs_wall_clock()
                                   + r->set.place_again));
    }

    if (rc == KECS_OK && x.postponed) {
        kecs_service_again(r, x.live, earlier(x.live->again_at,
                                              kecs_wall_clock() + POSTPONE));
    }

    if (rc != KECS_OK) {
        back_off(&x, rc);
        return kecs_store_usable(r);
    }

    x.live->backoff = 0;

    return true;
}


void
kecs_rollout(kecs_reconciler_t *r)
{
    kecs_msec_t  until;

    until = kecs_monotonic() + ROUND_MSEC;

    while (r->dirty != NULL && kecs_store_usable(r)
           && kecs_monotonic() < until)
    {
        if (!schedule_one(r)) {
            return;
        }
    }
}


/* The same for a task of a task set. */

static kecs_rc_t
set_ended(kecs_batch_t *b, const kecs_service_t *s, const kecs_task_t *task)
{
    kecs_rc_t        rc;
    kecs_task_set_t  t;

    memset(&t, 0, sizeof(t));
    t.rec.kind = KECS_TASK_SET;
    t.rec.scope = task->rec.scope;
    t.cluster = task->cluster;
    t.service = task->service;
    t.id = task->deployment;

    rc = kecs_get(b->txn, b->r->arena, &t, 0);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    if (!kecs_sched_set_stopped(&b->r->set.sched, s, &t, task, b->now)) {
        return KECS_OK;
    }

    t.version++;
    b->records++;

    return kecs_put(b->txn, &t);
}


kecs_rc_t
kecs_rollout_ended(kecs_batch_t *b, const kecs_task_t *task)
{
    kecs_rc_t          rc;
    kecs_service_t     s;
    kecs_deployment_t  d;

    if (task->service == 0 || task->deployment == 0) {
        return KECS_OK;
    }

    memset(&s, 0, sizeof(s));
    s.rec.kind = KECS_SERVICE;
    s.rec.scope = task->rec.scope;
    s.cluster = task->cluster;
    s.no = task->service;

    memset(&d, 0, sizeof(d));
    d.rec.kind = KECS_DEPLOYMENT;
    d.rec.scope = task->rec.scope;
    d.cluster = task->cluster;
    d.service = task->service;
    d.id = task->deployment;

    rc = kecs_get(b->txn, b->r->arena, &s, 0);

    if (rc == KECS_OK && s.controller > KECS_CONTROLLER_ECS) {
        return set_ended(b, &s, task);
    }

    if (rc == KECS_OK) {
        rc = kecs_get(b->txn, b->r->arena, &d, 0);
    }

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    if (!kecs_sched_stopped(&b->r->set.sched, &s, &d, task, b->now)) {
        return KECS_OK;
    }

    s.version++;
    d.version++;
    b->records += 2;
    rc = kecs_put(b->txn, &s);

    return rc == KECS_OK ? kecs_put(b->txn, &d) : rc;
}
