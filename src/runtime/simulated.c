/*
 * The simulated runtime: tasks are timelines (sim_task.h), and `run` tells
 * the sink of those whose next moment has come.  Each task has an arena of
 * its own, freed by `forget`; the runtime belongs to one thread.  It keeps
 * nothing: after a restart the reconciler starts every live task again with
 * its record, and the timeline goes on from there.
 */

#include <stdio.h>
#include <stdlib.h>

#include "../base/hashtab.h"
#include "../base/log.h"
#include "sim_task.h"


#define NODE_CPU     2048           /* units */
#define NODE_MEMORY  7680           /* MiB */

typedef struct sim_s  sim_t;

struct sim_s {
    kecs_node_t      node;          /* first: by id */
    sim_t           *prev;
    sim_t           *next;
    kecs_arena_t    *arena;
    kecs_msec_t      due;           /* 0: nothing to come */
    kecs_sim_task_t  task;
};

typedef struct {
    kecs_runtime_t         rt;      /* first */
    kecs_simulated_conf_t  conf;
    kecs_hashtab_t         by_id;
    sim_t                 *tasks;
    kecs_msec_t            due;     /* of all, 0: none */
    bool                   synced;
    kecs_arena_t          *scratch;
} simulated_t;


static sim_t *
find(simulated_t *s, const uint8_t *id)
{
    sim_t        *t;
    kecs_node_t  *n;

    for (n = kecs_hashtab_find(&s->by_id, kecs_hashtab_hash(id, KECS_ID_LEN));
         n != NULL;
         n = kecs_hashtab_same(n))
    {
        t = (sim_t *) n;

        if (memcmp(t->task.id, id, KECS_ID_LEN) == 0) {
            return t;
        }
    }

    return NULL;
}


static void
set_due(simulated_t *s, sim_t *t, kecs_msec_t due)
{
    t->due = due;

    if (due != 0 && (s->due == 0 || due < s->due)) {
        s->due = due;
    }
}


static void
drop(simulated_t *s, sim_t *t)
{
    kecs_hashtab_remove(&s->by_id, &t->node);

    if (t->prev != NULL) {
        t->prev->next = t->next;

    } else {
        s->tasks = t->next;
    }

    if (t->next != NULL) {
        t->next->prev = t->prev;
    }

    kecs_arena_destroy(t->arena);
}


static sim_t *
make(simulated_t *s, const kecs_start_t *start)
{
    sim_t         *t;
    kecs_arena_t  *a;

    a = kecs_arena_create(1024);
    if (a == NULL) {
        return NULL;
    }

    t = kecs_zalloc(a, sizeof(*t));

    if (t == NULL
        || kecs_sim_task_make(a, start, &s->conf, kecs_wall_clock(), &t->task)
           != KECS_OK
        || kecs_hashtab_add(&s->by_id, &t->node,
                            kecs_hashtab_hash(start->task->id, KECS_ID_LEN))
           != KECS_OK)
    {
        kecs_arena_destroy(a);
        return NULL;
    }

    t->arena = a;
    t->next = s->tasks;

    if (s->tasks != NULL) {
        s->tasks->prev = t;
    }

    s->tasks = t;

    return t;
}


static kecs_rc_t
simulated_start(kecs_runtime_t *rt, const kecs_start_t *start)
{
    sim_t        *t;
    simulated_t  *s;

    s = (simulated_t *) rt;

    if (find(s, start->task->id) != NULL) {
        return KECS_OK;
    }

    t = make(s, start);
    if (t == NULL) {
        return KECS_NOMEM;
    }

    set_due(s, t, t->task.began > 0 ? t->task.began : 1);

    return KECS_OK;
}


static kecs_rc_t
simulated_stop(kecs_runtime_t *rt, const uint8_t *task, kecs_str_t handle,
    unsigned grace, const kecs_cause_t *cause)
{
    sim_t        *t;
    simulated_t  *s;

    (void) handle;
    (void) cause;

    s = (simulated_t *) rt;
    t = find(s, task);

    if (t != NULL && t->task.stop_at == 0) {
        t->task.stop_at = kecs_wall_clock();
        t->task.grace = (kecs_msec_t) grace * 1000;
        set_due(s, t, t->task.stop_at);
    }

    return KECS_OK;
}


static kecs_rc_t
simulated_forget(kecs_runtime_t *rt, const uint8_t *task, kecs_str_t handle,
    const kecs_start_t *of)
{
    sim_t        *t;
    simulated_t  *s;

    (void) handle;
    (void) of;

    s = (simulated_t *) rt;
    t = find(s, task);

    if (t != NULL) {
        drop(s, t);
    }

    return KECS_OK;
}


static void
simulated_wait(kecs_runtime_t *rt, struct pollfd *fds, unsigned n, int msec)
{
    kecs_msec_t   left;
    simulated_t  *s;

    s = (simulated_t *) rt;

    if (!s->synced) {
        msec = 0;

    } else if (s->due != 0) {
        left = s->due - kecs_wall_clock();
        left = left < 0 ? 0 : left;
        msec = msec < 0 || left < msec ? (int) left : msec;
    }

    (void) poll(fds, n, msec);
}


static void
tell(simulated_t *s, sim_t *t, kecs_msec_t now)
{
    kecs_msec_t         next;
    kecs_observation_t  o;

    if (t->task.refuse.data != NULL) {
        s->rt.sink.refused(s->rt.sink.ctx, t->task.id, t->task.refuse);
        set_due(s, t, 0);
        return;
    }

    kecs_arena_reset(s->scratch);

    if (kecs_sim_task_see(s->scratch, &t->task, now, &o, &next) != KECS_OK) {
        set_due(s, t, now + 1000);
        return;
    }

    set_due(s, t, next);
    s->rt.sink.seen(s->rt.sink.ctx, &o);
}


/* One node more: alike, and in three zones in turn. */

static void
tell_node(simulated_t *s, unsigned i)
{
    kecs_node_seen_t  n;

    memset(&n, 0, sizeof(n));
    kecs_arena_reset(s->scratch);

    n.name = kecs_sprintf(s->scratch, "simulated-%u", i + 1);
    n.uid = kecs_sprintf(s->scratch, "00000000-0000-4000-8000-%012x", i + 1);
    n.zone = kecs_sprintf(s->scratch, KECS_SIM_REGION "%c", "abc"[i % 3]);
    n.provider = kecs_sprintf(s->scratch, "simulated:///i-%017x", i + 1);
    n.type = kecs_str("m5.large");
    n.arch = kecs_str("amd64");
    n.os = kecs_str("linux");
    n.agent = kecs_str("1.0.0");
    n.engine = kecs_str("simulated");
    n.ready = true;
    n.open = true;
    n.cpu = NODE_CPU;
    n.memory = NODE_MEMORY;

    if (n.name.data != NULL && n.uid.data != NULL && n.zone.data != NULL
        && n.provider.data != NULL)
    {
        s->rt.sink.node_seen(s->rt.sink.ctx, &n);
    }
}


static void
tell_nodes(simulated_t *s)
{
    unsigned  i;

    if (s->rt.sink.node_seen == NULL) {
        return;
    }

    s->rt.sink.nodes_begin(s->rt.sink.ctx);

    for (i = 0; i < (unsigned) s->conf.nodes; i++) {
        tell_node(s, i);
    }

    s->rt.sink.nodes_synced(s->rt.sink.ctx);
}


static void
simulated_run(kecs_runtime_t *rt)
{
    sim_t        *t, *next;
    kecs_msec_t   now;
    simulated_t  *s;

    s = (simulated_t *) rt;
    now = kecs_wall_clock();

    if (s->due != 0 && now >= s->due) {
        s->due = 0;

        for (t = s->tasks; t != NULL; t = next) {
            next = t->next;

            if (t->due != 0 && now >= t->due) {
                tell(s, t, now);

            } else {
                set_due(s, t, t->due);
            }
        }
    }

    if (!s->synced) {
        s->synced = true;
        tell_nodes(s);
        s->rt.sink.synced(s->rt.sink.ctx);
    }
}


static bool
simulated_ready(kecs_runtime_t *rt, char *why, size_t size)
{
    simulated_t  *s;

    s = (simulated_t *) rt;
    (void) snprintf(why, size, "simulated, %zu tasks", s->by_id.n);

    return true;
}


static void
simulated_close(kecs_runtime_t *rt)
{
    simulated_t  *s;

    s = (simulated_t *) rt;

    while (s->tasks != NULL) {
        drop(s, s->tasks);
    }

    kecs_hashtab_free(&s->by_id);
    kecs_arena_destroy(s->scratch);
    free(s);
}


static const kecs_runtime_ops_t  simulated_ops = {
    "simulated",
    KECS_RT_SIMULATED,
    simulated_close,
    simulated_wait,
    simulated_run,
    simulated_start,
    simulated_stop,
    simulated_forget,
    NULL,
    NULL,
    NULL,
    NULL,
    simulated_ready,
    NULL
};


kecs_rc_t
kecs_simulated_open(const kecs_simulated_conf_t *conf,
    const kecs_runtime_sink_t *sink, kecs_runtime_t **out)
{
    simulated_t  *s;

    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return KECS_NOMEM;
    }

    s->scratch = kecs_arena_create(0);
    if (s->scratch == NULL) {
        free(s);
        return KECS_NOMEM;
    }

    s->rt.ops = &simulated_ops;
    s->rt.sink = *sink;
    s->conf = *conf;
    *out = &s->rt;

    return KECS_OK;
}
