/*
 * The view: live tasks and services, loaded once and then kept up to date
 * from the change log.  Entries carry the head as it was; an entry older
 * than what is known already (after a load) is passed over.  Elements are
 * on the heap and freed when their record is STOPPED, INACTIVE or gone.
 */

#include <stdlib.h>

#include "../base/log.h"
#include "reconciler.h"


#define ARENA_STEP  512         /* entries of the log between two resets */


static uint64_t
task_hash(const uint8_t *id)
{
    return kecs_hashtab_hash(id, KECS_ID_LEN);
}


kecs_live_task_t *
kecs_view_task(kecs_reconciler_t *r, const uint8_t *id)
{
    kecs_node_t       *n;
    kecs_live_task_t  *t;

    for (n = kecs_hashtab_find(&r->tasks, task_hash(id));
         n != NULL;
         n = kecs_hashtab_same(n))
    {
        t = (kecs_live_task_t *) n;

        if (memcmp(t->sched.id, id, KECS_ID_LEN) == 0) {
            return t;
        }
    }

    return NULL;
}


/* Services. */

static uint64_t
service_hash(uint32_t scope, uint32_t cluster, uint32_t no)
{
    uint32_t  key[3];

    key[0] = scope;
    key[1] = cluster;
    key[2] = no;

    return kecs_hashtab_hash(key, sizeof(key));
}


static kecs_live_service_t *
find_service(kecs_reconciler_t *r, uint32_t scope, uint32_t cluster,
    uint32_t no)
{
    kecs_node_t          *n;
    kecs_live_service_t  *s;

    for (n = kecs_hashtab_find(&r->services, service_hash(scope, cluster, no));
         n != NULL;
         n = kecs_hashtab_same(n))
    {
        s = (kecs_live_service_t *) n;

        if (s->scope == scope && s->cluster == cluster && s->no == no) {
            return s;
        }
    }

    return NULL;
}


void
kecs_service_dirty(kecs_reconciler_t *r, kecs_live_service_t *s)
{
    if (!s->dirty) {
        s->dirty = true;
        s->dirty_next = r->dirty;
        r->dirty = s;
    }
}


void
kecs_service_again(kecs_reconciler_t *r, kecs_live_service_t *s,
    kecs_msec_t at)
{
    s->again_at = at;

    if (at != 0 && (r->services_at == 0 || at < r->services_at)) {
        r->services_at = at;
    }
}


void
kecs_services_due(kecs_reconciler_t *r, kecs_msec_t now)
{
    kecs_live_service_t  *s;

    if (r->services_at == 0 || now < r->services_at) {
        return;
    }

    r->services_at = 0;

    for (s = r->all_services; s != NULL; s = s->next) {
        if (s->again_at != 0 && now >= s->again_at) {
            s->again_at = 0;
            kecs_service_dirty(r, s);

        } else {
            kecs_service_again(r, s, s->again_at);
        }
    }
}


static kecs_rc_t
want_service(kecs_reconciler_t *r, uint32_t scope, uint32_t cluster,
    uint32_t no, kecs_live_service_t **out)
{
    kecs_rc_t             rc;
    kecs_live_service_t  *s;

    s = find_service(r, scope, cluster, no);

    if (s == NULL) {
        s = calloc(1, sizeof(*s));
        if (s == NULL) {
            return KECS_NOMEM;
        }

        rc = kecs_hashtab_add(&r->services, &s->node,
                              service_hash(scope, cluster, no));
        if (rc != KECS_OK) {
            free(s);
            return rc;
        }

        s->scope = scope;
        s->cluster = cluster;
        s->no = no;
        s->next = r->all_services;

        if (s->next != NULL) {
            s->next->prev = s;
        }

        r->all_services = s;
    }

    s->loaded = r->snapshot;
    *out = s;

    return KECS_OK;
}


static void
unlink_dirty(kecs_reconciler_t *r, kecs_live_service_t *s)
{
    kecs_live_service_t  **p;

    for (p = &r->dirty; *p != NULL; p = &(*p)->dirty_next) {
        if (*p == s) {
            *p = s->dirty_next;
            return;
        }
    }
}


static void
drop_service(kecs_reconciler_t *r, kecs_live_service_t *s, bool over)
{
    kecs_live_task_t  *t;

    kecs_expose_drop(r, s, over);
    kecs_functions_drop(s);
    kecs_alarms_drop(r, s);

    for (t = s->tasks; t != NULL; t = t->of_next) {
        t->of = NULL;
    }

    if (s->dirty) {
        unlink_dirty(r, s);
    }

    if (s->prev != NULL) {
        s->prev->next = s->next;

    } else {
        r->all_services = s->next;
    }

    if (s->next != NULL) {
        s->next->prev = s->prev;
    }

    kecs_hashtab_remove(&r->services, &s->node);
    free(s);
}


static void
dirty_by_key(kecs_reconciler_t *r, uint32_t scope, uint32_t cluster,
    uint32_t no)
{
    kecs_live_service_t  *s;

    s = find_service(r, scope, cluster, no);

    if (s != NULL) {
        kecs_service_dirty(r, s);
        kecs_expose_later(r, s);
    }
}


/*
 * An instance has changed: services of its cluster with a task on each, and
 * those that are balanced between zones.
 */

static void
dirty_placed(kecs_reconciler_t *r, uint32_t scope, uint32_t cluster)
{
    kecs_live_service_t  *s;

    for (s = r->all_services; s != NULL; s = s->next) {
        if ((s->daemon || (s->balanced && s->n > 1)) && s->scope == scope
            && s->cluster == cluster)
        {
            kecs_service_dirty(r, s);
        }
    }
}


/* A node has changed, which may be of any cluster. */

static void
dirty_balanced(kecs_reconciler_t *r)
{
    kecs_live_service_t  *s;

    for (s = r->all_services; s != NULL; s = s->next) {
        if (s->balanced && s->n > 1) {
            kecs_service_dirty(r, s);
        }
    }
}


static kecs_rc_t
service_changed(kecs_reconciler_t *r, const kecs_service_t *rec, bool gone)
{
    kecs_rc_t             rc;
    kecs_live_service_t  *s;

    if (gone || rec->status == KECS_SERVICE_INACTIVE) {
        s = find_service(r, rec->rec.scope, rec->cluster, rec->no);

        if (s != NULL) {
            drop_service(r, s, true);
        }

        return KECS_OK;
    }

    rc = want_service(r, rec->rec.scope, rec->cluster, rec->no, &s);

    if (rc == KECS_OK) {
        s->daemon = rec->strategy == KECS_STRATEGY_DAEMON;
        s->balanced = rec->rebalance != KECS_REBALANCE_OFF;
        kecs_service_dirty(r, s);
        kecs_expose_later(r, s);
    }

    return rc;
}


/* Tasks. */

static void
leave_service(kecs_live_task_t *t)
{
    if (t->of == NULL) {
        return;
    }

    if (t->of_prev != NULL) {
        t->of_prev->of_next = t->of_next;

    } else {
        t->of->tasks = t->of_next;
    }

    if (t->of_next != NULL) {
        t->of_next->of_prev = t->of_prev;
    }

    t->of->n--;
    t->of = NULL;
}


static void
join_service(kecs_live_task_t *t, kecs_live_service_t *s)
{
    t->of = s;
    t->of_prev = NULL;
    t->of_next = s->tasks;

    if (s->tasks != NULL) {
        s->tasks->of_prev = t;
    }

    s->tasks = t;
    s->n++;
}


static void
drop_task(kecs_reconciler_t *r, kecs_live_task_t *t)
{
    kecs_todo_drop(t);

    if (t->of != NULL) {
        kecs_service_dirty(r, t->of);
        leave_service(t);
    }

    if (t->prev != NULL) {
        t->prev->next = t->next;

    } else {
        r->all_tasks = t->next;
    }

    if (t->next != NULL) {
        t->next->prev = t->prev;
    }

    kecs_hashtab_remove(&r->tasks, &t->node);
    kecs_fetch_drop(t);
    free(t->handle);
    free(t);
}


static kecs_live_task_t *
new_task(kecs_reconciler_t *r, const kecs_task_t *rec)
{
    kecs_live_task_t  *t;

    t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return NULL;
    }

    if (kecs_hashtab_add(&r->tasks, &t->node, task_hash(rec->id)) != KECS_OK)
    {
        free(t);
        return NULL;
    }

    memcpy(t->sched.id, rec->id, KECS_ID_LEN);
    t->scope = rec->rec.scope;
    t->cluster = rec->cluster;
    t->next = r->all_tasks;

    if (t->next != NULL) {
        t->next->prev = t;
    }

    r->all_tasks = t;

    return t;
}


static void
copy_zone(kecs_live_task_t *t, kecs_str_t zone)
{
    size_t  n;

    n = zone.len < KECS_ZONE_MAX ? zone.len : KECS_ZONE_MAX;

    if (n != 0) {
        memcpy(t->zone, zone.data, n);
    }

    t->sched.zone = kecs_str_n(t->zone, n);
}


static kecs_rc_t
copy_handle(kecs_live_task_t *t, kecs_str_t handle)
{
    char  *copy;

    if (handle.len == 0
        || (t->handle != NULL && kecs_str_is(handle, t->handle)))
    {
        return KECS_OK;
    }

    copy = strndup(handle.data, handle.len);
    if (copy == NULL) {
        return KECS_NOMEM;
    }

    free(t->handle);
    t->handle = copy;

    return KECS_OK;
}


/* What does not change: the definition's checks, the stop timeout. */

static void
learn_definition(kecs_reconciler_t *r, kecs_txn_t *txn, kecs_live_task_t *t,
    const kecs_task_t *rec)
{
    const kecs_ecs_task_definition_t  *d;

    t->grace = 30;

    if (kecs_definition_get(r, txn, rec->rec.scope, rec->family,
                            rec->revision, &d) == KECS_OK)
    {
        t->sched.checked = kecs_task_checked(d);
        t->grace = kecs_task_grace(d);
    }
}


static kecs_rc_t
task_head(kecs_reconciler_t *r, kecs_live_task_t *t, const kecs_task_t *rec)
{
    kecs_rc_t             rc;
    kecs_live_service_t  *s;

    t->rev = rec->rec.rev;
    t->loaded = r->snapshot;
    t->sched.deployment = rec->deployment;
    t->sched.version = rec->version;
    t->sched.status = rec->status;
    t->sched.desired = rec->desired;
    t->sched.health = rec->health;
    t->sched.created_at = rec->created_at;
    t->sched.started_at = rec->started_at;
    memcpy(t->sched.instance, rec->instance, KECS_ID_LEN);
    t->protected_until = rec->protected_until;
    copy_zone(t, rec->zone);

    if (rec->service != 0 && t->of == NULL) {
        rc = want_service(r, rec->rec.scope, rec->cluster, rec->service, &s);
        if (rc != KECS_OK) {
            return rc;
        }

        join_service(t, s);
    }

    if (t->of != NULL) {
        kecs_service_dirty(r, t->of);
    }

    return copy_handle(t, rec->handle);
}


static kecs_rc_t
task_live(kecs_reconciler_t *r, kecs_txn_t *txn, const kecs_task_t *rec)
{
    bool               wanted;
    kecs_live_task_t  *t;
    kecs_rc_t          rc;

    t = kecs_view_task(r, rec->id);

    if (t == NULL) {
        t = new_task(r, rec);
        if (t == NULL) {
            return KECS_NOMEM;
        }

        learn_definition(r, txn, t, rec);
        wanted = true;

    } else {
        wanted = t->sched.desired != rec->desired;
    }

    rc = task_head(r, t, rec);

    if (rc == KECS_OK && wanted) {
        t->wanted = rec->rec.rev;
        kecs_todo_add(r, t);
    }

    return rc;
}


/* The end is stored: the runtime may let go of it. */

static void
task_ended(kecs_reconciler_t *r, kecs_txn_t *txn, const kecs_task_t *rec)
{
    kecs_live_task_t  *t;

    t = kecs_view_task(r, rec->id);

    if (t != NULL) {
        kecs_drive_ended(r, txn, rec);
        drop_task(r, t);
    }
}


static kecs_rc_t
task_changed(kecs_reconciler_t *r, kecs_txn_t *txn, const kecs_task_t *rec,
    bool gone)
{
    if (gone || rec->status == KECS_TASK_STOPPED) {
        task_ended(r, txn, rec);
        return KECS_OK;
    }

    return task_live(r, txn, rec);
}


static kecs_rc_t
apply(kecs_reconciler_t *r, kecs_txn_t *txn, kecs_change_entry_t *e)
{
    bool                              gone;
    const kecs_instance_t            *i;
    const kecs_deployment_t          *d;
    const kecs_task_set_t            *t;
    const kecs_service_deployment_t  *sd;

    gone = e->change == KECS_DELETED;
    ((kecs_rec_t *) e->rec)->rev = e->seq;

    switch (e->kind) {

    case KECS_TASK:
        return task_changed(r, txn, e->rec, gone);

    case KECS_SERVICE:
        return service_changed(r, e->rec, gone);

    case KECS_CLUSTER:
        return gone ? KECS_OK : kecs_nodes_cluster(r, e->rec);

    case KECS_DEPLOYMENT:
        d = e->rec;
        dirty_by_key(r, d->rec.scope, d->cluster, d->service);
        return KECS_OK;

    case KECS_SERVICE_DEPLOYMENT:
        sd = e->rec;
        dirty_by_key(r, sd->rec.scope, sd->cluster, sd->service);
        return KECS_OK;

    case KECS_TASK_SET:
        t = e->rec;
        dirty_by_key(r, t->rec.scope, t->cluster, t->service);
        return KECS_OK;

    case KECS_INSTANCE:
        i = e->rec;
        dirty_placed(r, i->rec.scope, i->cluster);
        return kecs_evacuate(r, i, gone);

    case KECS_NODE:
        dirty_balanced(r);
        return KECS_OK;

    default:
        return KECS_OK;
    }
}


kecs_rc_t
kecs_view_follow(kecs_reconciler_t *r, kecs_txn_t *txn)
{
    unsigned              n;
    kecs_rc_t             rc;
    kecs_arena_t         *a;
    kecs_change_entry_t   e;

    a = kecs_arena_create(16384);
    if (a == NULL) {
        return KECS_NOMEM;
    }

    for (n = 1; /* void */ ; n++) {
        rc = kecs_log_next(txn, a, r->seq, &e);

        if (rc == KECS_OK) {
            rc = apply(r, txn, &e);
        }

        if (rc != KECS_OK) {
            break;
        }

        r->seq = e.seq;

        if (n % ARENA_STEP == 0) {
            kecs_arena_reset(a);
        }
    }

    kecs_arena_destroy(a);

    return rc == KECS_DONE ? KECS_OK : rc;
}


/* Loading. */

static kecs_rc_t
each_task(void *ctx, kecs_txn_t *txn, kecs_any_t *rec)
{
    return task_live(ctx, txn, &rec->task);
}


static kecs_rc_t
each_service(void *ctx, kecs_txn_t *txn, kecs_any_t *rec)
{
    (void) txn;

    return service_changed(ctx, &rec->service, false);
}


static kecs_rc_t
each_live_instance(void *ctx, kecs_txn_t *txn, kecs_any_t *rec)
{
    (void) txn;

    return kecs_evacuate(ctx, &rec->instance, false);
}


kecs_rc_t
kecs_index_each(kecs_txn_t *txn, kecs_index_t index, kecs_each_pt each,
    void *ctx)
{
    kecs_rc_t      rc;
    kecs_key_t     prefix;
    kecs_str_t     key;
    kecs_any_t     rec;
    kecs_scan_t   *scan;
    kecs_arena_t  *a, *step;

    a = kecs_arena_create(0);
    step = kecs_arena_create(0);
    rc = KECS_NOMEM;

    if (a != NULL && step != NULL) {
        kecs_key_init(&prefix);
        rc = kecs_scan(txn, a, index, 0, &prefix, kecs_null_str, false,
                       &scan);
    }

    while (rc == KECS_OK) {
        rc = kecs_scan_next(scan, &key, &rec);

        if (rc == KECS_OK) {
            kecs_arena_reset(step);
            rc = kecs_get(txn, step, &rec, 0);
        }

        if (rc == KECS_OK) {
            rc = each(ctx, txn, &rec);
        }
    }

    kecs_arena_destroy(step);
    kecs_arena_destroy(a);

    return rc == KECS_DONE ? KECS_OK : rc;
}


/* What the snapshot did not have is gone. */

static void
drop_stale(kecs_reconciler_t *r)
{
    kecs_live_task_t     *t, *next_task;
    kecs_live_service_t  *s, *next_service;

    for (t = r->all_tasks; t != NULL; t = next_task) {
        next_task = t->next;

        if (t->loaded != r->snapshot) {
            kecs_drive_forget(r, t->sched.id, kecs_str_of(t->handle));
            drop_task(r, t);
        }
    }

    for (s = r->all_services; s != NULL; s = next_service) {
        next_service = s->next;

        if (s->loaded != r->snapshot) {
            drop_service(r, s, true);
        }
    }
}


kecs_rc_t
kecs_view_load(kecs_reconciler_t *r)
{
    kecs_rc_t    rc;
    kecs_txn_t  *txn;

    rc = kecs_read_begin(r->store, &txn);
    if (rc != KECS_OK) {
        return rc;
    }

    r->snapshot++;

    rc = kecs_index_each(txn, KECS_IX_SERVICE_LIVE, each_service, r);

    if (rc == KECS_OK) {
        rc = kecs_index_each(txn, KECS_IX_TASK_LIVE, each_task, r);
    }

    if (rc == KECS_OK) {
        kecs_evacuate_none(r);
        rc = kecs_index_each(txn, KECS_IX_INSTANCE, each_live_instance, r);
    }

    if (rc == KECS_OK) {
        drop_stale(r);
        r->seq = kecs_txn_seq(txn);
        r->loaded = true;
        kecs_log(KECS_LOG_INFO, "loaded %zu tasks and %zu services",
                 r->tasks.n, r->services.n);
    }

    kecs_read_end(txn);

    return rc;
}


void
kecs_view_free(kecs_reconciler_t *r)
{
    while (r->all_tasks != NULL) {
        drop_task(r, r->all_tasks);
    }

    while (r->all_services != NULL) {
        drop_service(r, r->all_services, false);
    }

    kecs_alarms_stop(r);
    kecs_evacuate_none(r);
    kecs_hashtab_free(&r->tasks);
    kecs_hashtab_free(&r->services);
}
