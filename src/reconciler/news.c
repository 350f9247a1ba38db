/*
 * News: what the runtime told about tasks, on its way into the records.
 * The sink only copies and queues.  Each piece is first looked at in a read
 * transaction, because most of it changes nothing; what does is done again
 * in a write transaction on the record as it is then.  A piece leaves the
 * queue only after the commit, so a store that refuses loses nothing, and
 * the loop does not ask the runtime for more while some is waiting.
 */

#include "../base/log.h"
#include "reconciler.h"


#define GRACE  30               /* for what runs without being wanted */


/* The sink. */

static kecs_str_t
copy(kecs_reconciler_t *r, kecs_str_t s, bool *failed)
{
    kecs_str_t  out;

    if (s.data == NULL) {
        return s;
    }

    out = kecs_strdup(r->news_arena, s);
    *failed |= out.data == NULL;

    return out;
}


static kecs_news_t *
append(kecs_reconciler_t *r, kecs_news_type_t type, const uint8_t *task)
{
    kecs_news_t  *n;

    n = kecs_zalloc(r->news_arena, sizeof(*n));

    if (n == NULL) {
        return NULL;
    }

    n->type = type;
    n->contact = r->contact;
    memcpy(n->task, task, KECS_ID_LEN);

    if (r->news_last != NULL) {
        r->news_last->next = n;

    } else {
        r->news = n;
    }

    r->news_last = n;

    return n;
}


/* News that does not fit into memory: the process starts afresh. */

static void
lost(kecs_reconciler_t *r)
{
    kecs_log(KECS_LOG_ERROR, "out of memory for what the runtime reports");
    r->failed = true;
}


static bool
copy_container(kecs_reconciler_t *r, kecs_container_seen_t *c)
{
    bool                    failed;
    kecs_container_seen_t  *before;

    failed = false;

    if (c->before != NULL) {
        before = kecs_alloc(r->news_arena, sizeof(*before));

        if (before == NULL) {
            return false;
        }

        *before = *c->before;
        failed = !copy_container(r, before);
        c->before = before;
    }

    c->name = copy(r, c->name, &failed);
    c->reason = copy(r, c->reason, &failed);
    c->message = copy(r, c->message, &failed);
    c->image_digest = copy(r, c->image_digest, &failed);
    c->runtime_id = copy(r, c->runtime_id, &failed);

    return !failed;
}


static bool
copy_containers(kecs_reconciler_t *r, kecs_observation_t *o)
{
    size_t                  i;
    kecs_container_seen_t  *c;

    c = kecs_calloc(r->news_arena, o->n, sizeof(*c));
    if (c == NULL) {
        return false;
    }

    for (i = 0; i < o->n; i++) {
        c[i] = o->containers[i];

        if (!copy_container(r, &c[i])) {
            return false;
        }
    }

    o->containers = c;

    return true;
}


static bool
copy_observation(kecs_reconciler_t *r, kecs_observation_t *o)
{
    size_t       i;
    bool         failed;
    kecs_str_t  *strings[] = {
        &o->handle, &o->reason, &o->message, &o->pending, &o->node,
        &o->zone, &o->address, &o->task_arn, &o->definition_arn, &o->group,
        &o->started_by, &o->launch
    };

    failed = false;

    for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        *strings[i] = copy(r, *strings[i], &failed);
    }

    return !failed && copy_containers(r, o);
}


static void
sink_seen(void *ctx, const kecs_observation_t *o)
{
    kecs_news_t        *n;
    kecs_live_task_t   *t;
    kecs_reconciler_t  *r;

    r = ctx;
    n = append(r, KECS_NEWS_SEEN, o->task);

    if (n == NULL) {
        lost(r);
        return;
    }

    n->o = *o;

    if (!copy_observation(r, &n->o)) {
        lost(r);
        return;
    }

    t = kecs_view_task(r, o->task);

    if (t != NULL) {
        t->seen = r->contact;
    }
}


static void
sink_refused(void *ctx, const uint8_t *task, kecs_str_t reason)
{
    kecs_news_add(ctx, KECS_NEWS_REFUSED, task, reason);
}


/*
 * All that exists has been reported.  Tasks that were not: those seen in an
 * earlier contact are lost, those never seen are to be started (again).
 */

static void
sink_synced(void *ctx)
{
    kecs_live_task_t   *t;
    kecs_reconciler_t  *r;

    r = ctx;
    r->synced = true;
    kecs_log(KECS_LOG_NOTICE, "in contact with the runtime (%s)",
             r->rt->ops->name);

    if (r->rt->ops->caps & KECS_RT_SIMULATED) {
        return;
    }

    for (t = r->all_tasks; t != NULL; t = t->next) {
        t->stopping = false;

        if (t->seen != r->contact) {
            t->started = false;

            if (t->handle != NULL) {
                kecs_news_add(r, KECS_NEWS_MISSING, t->sched.id,
                              kecs_null_str);
                continue;
            }
        }

        kecs_todo_add(r, t);
    }
}


static void
sink_unsynced(void *ctx, kecs_str_t why)
{
    kecs_reconciler_t  *r;

    r = ctx;
    (void) snprintf(r->unsynced_why, sizeof(r->unsynced_why), "%.*s",
                    kecs_fmt(why));

    if (r->synced) {
        kecs_log(KECS_LOG_WARN, "contact with the runtime is lost: %s",
                 r->unsynced_why);
    }

    r->synced = false;
    r->contact++;
}


kecs_runtime_sink_t
kecs_news_sink(kecs_reconciler_t *r)
{
    kecs_runtime_sink_t  sink = {
        .seen = sink_seen, .refused = sink_refused, .synced = sink_synced,
        .unsynced = sink_unsynced, .ctx = r
    };

    kecs_nodes_sink(&sink);

    return sink;
}


kecs_rc_t
kecs_news_init(kecs_reconciler_t *r)
{
    r->contact = 1;
    r->news_arena = kecs_arena_create(65536);

    return r->news_arena != NULL ? KECS_OK : KECS_NOMEM;
}


void
kecs_news_add(kecs_reconciler_t *r, kecs_news_type_t type,
    const uint8_t *task, kecs_str_t reason)
{
    bool          failed;
    kecs_news_t  *n;

    failed = false;
    n = append(r, type, task);

    if (n != NULL) {
        n->reason = copy(r, reason, &failed);
    }

    if (n == NULL || failed) {
        lost(r);
    }
}


/* Looking at one piece. */

static kecs_rc_t
find_record(kecs_txn_t *txn, kecs_arena_t *a, const uint8_t *id,
    kecs_task_t *task)
{
    kecs_rc_t   rc;
    kecs_key_t  key;

    memset(task, 0, sizeof(*task));
    kecs_key_init(&key);
    kecs_key_bytes(&key, id, KECS_ID_LEN);

    rc = kecs_find(txn, KECS_IX_TASK_HANDLE, 0, &key, task);

    return rc == KECS_OK
           ? kecs_get(txn, a, task, kecs_part_bit(KECS_TASK_CONTAINERS)
                                    | kecs_part_bit(KECS_TASK_ATTACHMENTS))
           : rc;
}


static kecs_rc_t
evaluate(kecs_reconciler_t *r, kecs_txn_t *txn, const kecs_news_t *n,
    kecs_msec_t now, kecs_task_t *task, kecs_task_step_t *step)
{
    kecs_rc_t                          rc;
    const kecs_ecs_task_definition_t  *d;

    memset(step, 0, sizeof(*step));

    rc = find_record(txn, r->arena, n->task, task);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = kecs_definition_get(r, txn, task->rec.scope, task->family,
                             task->revision, &d);
    if (rc == KECS_NOT_FOUND) {
        d = NULL;

    } else if (rc != KECS_OK) {
        return rc;
    }

    switch (n->type) {

    case KECS_NEWS_SEEN:
        return kecs_task_observe(r->arena, task, d, &n->o, now, step);

    case KECS_NEWS_REFUSED:
        return kecs_task_refused(r->arena, task, n->reason, now, step);

    case KECS_NEWS_MISSING:
        return kecs_task_missing(r->arena, task, now, step);

    case KECS_NEWS_OVERDUE:
        return kecs_task_overdue(r->arena, task, d, now, step);
    }

    return KECS_OK;
}


/* A task that has no record, or an end that is stored already. */

static void
leftover(kecs_reconciler_t *r, const kecs_news_t *n, bool stop)
{
    if (n->type != KECS_NEWS_SEEN) {
        return;
    }

    if (stop) {
        (void) r->rt->ops->stop(r->rt, n->task, n->o.handle, GRACE,
                               NULL);
    }

    kecs_drive_forget(r, n->task, n->o.handle);
}


static bool
adoptable(const kecs_news_t *n)
{
    return n->type == KECS_NEWS_SEEN && !n->o.gone && !n->o.deleting
           && n->o.task_arn.len != 0 && n->o.definition_arn.len != 0;
}


static void
unknown(kecs_reconciler_t *r, const kecs_news_t *n)
{
    if (n->type != KECS_NEWS_SEEN) {
        return;
    }

    if (n->o.gone || n->o.deleting) {
        leftover(r, n, false);
        return;
    }

    kecs_log(KECS_LOG_WARN, "%.*s is ours but has no task; it is left alone",
             kecs_fmt(n->o.handle));
}


static void
after(kecs_reconciler_t *r, const kecs_news_t *n,
    const kecs_task_step_t *step)
{
    kecs_live_task_t  *t;

    t = kecs_view_task(r, n->task);

    if (t == NULL) {
        return;
    }

    if (n->type == KECS_NEWS_SEEN || n->type == KECS_NEWS_OVERDUE) {
        t->check_at = step->again_at;
    }

    if (step->stop && !t->stopping) {
        kecs_todo_add(r, t);
    }
}


/* An earlier piece about the same task has to be written first. */

static bool
follows_a_write(kecs_news_t *first, const kecs_news_t *n)
{
    for ( /* void */ ; first != n; first = first->next) {
        if (first->write && memcmp(first->task, n->task, KECS_ID_LEN) == 0) {
            return true;
        }
    }

    return false;
}


static kecs_rc_t
look_at(kecs_reconciler_t *r, kecs_txn_t *txn, kecs_news_t *n,
    kecs_msec_t now)
{
    kecs_rc_t         rc;
    kecs_task_t       task;
    kecs_task_step_t  step;

    if (follows_a_write(r->news, n)) {
        n->write = true;
        return KECS_OK;
    }

    kecs_arena_reset(r->arena);
    rc = evaluate(r, txn, n, now, &task, &step);

    if (rc == KECS_NOT_FOUND) {
        n->write = adoptable(n);

        if (!n->write) {
            unknown(r, n);
        }

        return KECS_OK;
    }

    if (rc != KECS_OK) {
        return rc;
    }

    n->write = step.changed;

    if (!step.changed && step.forget) {
        leftover(r, n, step.stop);

    } else if (!step.changed) {
        after(r, n, &step);
    }

    return KECS_OK;
}


/* Looks at the first pieces; *count is how many. */

static kecs_rc_t
look(kecs_reconciler_t *r, unsigned *count)
{
    kecs_rc_t     rc;
    kecs_txn_t   *txn;
    kecs_msec_t   now;
    kecs_news_t  *n;

    *count = 0;

    rc = kecs_read_begin(r->store, &txn);
    if (rc != KECS_OK) {
        return rc;
    }

    now = kecs_wall_clock();

    for (n = r->news; n != NULL && *count < KECS_BATCH_RECORDS; n = n->next)
    {
        rc = look_at(r, txn, n, now);

        if (rc != KECS_OK) {
            break;
        }

        (*count)++;
    }

    kecs_read_end(txn);

    return rc;
}


/* Writing. */

static kecs_rc_t
write_one(kecs_batch_t *b, kecs_news_t *n, kecs_task_step_t *step)
{
    kecs_rc_t           rc;
    kecs_task_t         task;
    kecs_reconciler_t  *r;

    r = b->r;
    kecs_arena_reset(r->arena);

    rc = evaluate(r, b->txn, n, b->now, &task, step);

    if (rc == KECS_NOT_FOUND && adoptable(n)) {
        rc = kecs_adopt(b, &n->o);

        if (rc == KECS_OK) {
            n->adopted = true;
            rc = evaluate(r, b->txn, n, b->now, &task, step);
        }
    }

    if (rc == KECS_NOT_FOUND || rc == KECS_INVALID) {
        unknown(r, n);
        return KECS_OK;
    }

    if (rc != KECS_OK || !step->changed) {
        return rc;
    }

    rc = kecs_put(b->txn, &task);
    b->records++;

    if (rc == KECS_OK && n->type == KECS_NEWS_SEEN) {
        rc = kecs_images_seen(b, &task, &n->o);
    }

    if (rc == KECS_OK && step->ended) {
        rc = kecs_rollout_ended(b, &task);
    }

    return rc;
}


/* The view learns of an adopted task, which was seen before it had one. */

static void
learn(kecs_reconciler_t *r, const kecs_news_t *n)
{
    kecs_rc_t          rc;
    kecs_txn_t        *txn;
    kecs_live_task_t  *t;

    if (kecs_read_begin(r->store, &txn) != KECS_OK) {
        return;
    }

    rc = kecs_view_follow(r, txn);
    kecs_read_end(txn);

    t = rc == KECS_OK ? kecs_view_task(r, n->task) : NULL;

    if (t != NULL) {
        t->seen = n->contact;
    }
}


static void
drop_first(kecs_reconciler_t *r)
{
    r->news = r->news->next;

    if (r->news == NULL) {
        r->news_last = NULL;
    }
}


/*
 * Writes what is marked among the first `count`, as much as one batch may
 * hold, and takes off the queue what is done.
 */

static kecs_rc_t
write_some(kecs_reconciler_t *r, unsigned *count)
{
    unsigned           i, done;
    kecs_rc_t          rc;
    kecs_news_t       *n;
    kecs_batch_t       b;
    kecs_task_step_t   steps[KECS_BATCH_RECORDS];

    while (*count > 0 && !r->news->write) {
        drop_first(r);
        (*count)--;
    }

    if (*count == 0) {
        return KECS_OK;
    }

    rc = kecs_batch_begin(r, &b);
    done = 0;

    for (n = r->news;
         rc == KECS_OK && done < *count && !kecs_batch_full(&b);
         n = n->next)
    {
        memset(&steps[done], 0, sizeof(steps[done]));

        if (n->write) {
            rc = write_one(&b, n, &steps[done]);
        }

        done += rc == KECS_OK;
    }

    if (rc != KECS_OK) {
        kecs_batch_abort(&b);
        kecs_store_failed(r, "written", rc);
        return rc;
    }

    rc = kecs_batch_commit(&b);
    if (rc != KECS_OK) {
        return rc;
    }

    for (i = 0; i < done; i++) {
        if (r->news->adopted) {
            learn(r, r->news);
        }

        if (r->news->write) {
            after(r, r->news, &steps[i]);
        }

        drop_first(r);
        (*count)--;
    }

    return KECS_OK;
}


void
kecs_news_write(kecs_reconciler_t *r)
{
    unsigned   count;
    kecs_rc_t  rc;

    while (r->news != NULL && kecs_store_usable(r) && !r->failed) {
        rc = look(r, &count);

        while (rc == KECS_OK && count > 0) {
            rc = write_some(r, &count);
        }

        if (rc != KECS_OK) {
            if (kecs_store_usable(r)) {
                kecs_store_failed(r, "read", rc);
            }

            return;
        }
    }

    if (r->news == NULL) {
        kecs_arena_reset(r->news_arena);
    }
}
