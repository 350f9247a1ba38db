/*
 * The alarms of service deployments, through the upstream.  A deployment
 * that monitors some has a watch, made when its service is scheduled and
 * dropped when it no longer does; all watches of a region are asked for
 * together, CloudWatch's hundred names in a call, once per interval, and
 * nobody is asked while there is no watch.  Only answers to what was asked
 * after a watch was made count for it.
 *
 * A watch belongs to its live service, a query to the reconciler; each owns
 * an arena.
 */

#include <stdlib.h>

#include "../base/log.h"
#include "../json/json_writer.h"
#include "../upstream/upstream.h"
#include "reconciler.h"


#define NAMES_MAX    100            /* of one DescribeAlarms */
#define LONGEST_PAUSE 16            /* intervals between failures */
#define SOONER        10            /* part of one, before new ones */

typedef struct {
    kecs_str_t   name;
    bool         answered;
    bool         raised;
    kecs_msec_t  since;
    kecs_msec_t  period;
} alarm_t;

struct kecs_watch_s {
    kecs_watch_t          *next, *prev;
    kecs_live_service_t   *of;
    kecs_arena_t          *a;
    uint64_t               rollout;     /* service deployment */
    kecs_str_t             region;
    kecs_msec_t            began;       /* monotonic */
    alarm_t               *alarms;
    size_t                 n;
    kecs_arena_t          *told;        /* of the texts in `seen` */
    kecs_sched_alarms_t    seen;
};

struct kecs_alarm_query_s {
    kecs_alarm_query_t    *next;
    kecs_reconciler_t     *r;
    kecs_arena_t          *a;
    kecs_str_t             region;
    kecs_str_t             names[NAMES_MAX];
    size_t                 n;
    kecs_msec_t            began;       /* monotonic */
    kecs_upstream_call_t  *call;
};


/* Watches. */

void
kecs_alarms_drop(kecs_reconciler_t *r, kecs_live_service_t *s)
{
    kecs_watch_t  *w;

    w = s->watch;

    if (w == NULL) {
        return;
    }

    s->watch = NULL;

    if (w->prev != NULL) {
        w->prev->next = w->next;

    } else {
        r->watches = w->next;
    }

    if (w->next != NULL) {
        w->next->prev = w->prev;
    }

    kecs_arena_destroy(w->told);
    kecs_arena_destroy(w->a);
    free(w);
}


/* The names, as the deployment was configured when it began. */

static kecs_rc_t
read_names(kecs_watch_t *w, const kecs_service_deployment_t *sd)
{
    kecs_rc_t           rc;
    kecs_json_t        *fixed;
    const kecs_json_t  *list, *v;

    rc = kecs_json_parse(w->a, sd->rec.part[KECS_SERVICE_DEPLOYMENT_STATIC],
                         &fixed);

    if (rc != KECS_OK) {
        return rc == KECS_NOMEM ? rc : KECS_CORRUPT;
    }

    list = kecs_json_at(fixed, "deploymentConfiguration", "alarms",
                        "alarmNames", NULL);

    if (list == NULL) {
        return KECS_CORRUPT;
    }

    w->alarms = kecs_calloc(w->a, list->n, sizeof(alarm_t));

    if (w->alarms == NULL) {
        return KECS_NOMEM;
    }

    for (v = list->first; v != NULL; v = v->next) {
        w->alarms[w->n++].name = kecs_json_str(v);
    }

    return KECS_OK;
}


static kecs_rc_t
fill(kecs_reconciler_t *r, kecs_txn_t *txn, kecs_watch_t *w,
    const kecs_service_deployment_t *rollout)
{
    kecs_rc_t                  rc;
    kecs_str_t                 account;
    kecs_service_deployment_t  sd;

    w->a = kecs_arena_create(0);
    w->told = kecs_arena_create(0);

    if (w->a == NULL || w->told == NULL) {
        return KECS_NOMEM;
    }

    sd = *rollout;
    rc = kecs_get(txn, w->a, &sd, KECS_ALL_PARTS);

    if (rc == KECS_OK) {
        rc = read_names(w, &sd);
    }

    if (rc == KECS_OK) {
        rc = kecs_scope_name(txn, w->a, w->of->scope, &account, &w->region);
    }

    w->rollout = rollout->id;
    w->began = kecs_monotonic();
    w->seen.status = KECS_ALARMS_UNKNOWN;

    if (!kecs_upstream_has(r->upstream, "monitoring")) {
        w->seen.status = KECS_ALARMS_NOBODY;
        w->seen.why = kecs_str("no CloudWatch is configured");
    }

    return rc;
}


static kecs_rc_t
make(kecs_reconciler_t *r, kecs_txn_t *txn, kecs_live_service_t *s,
    const kecs_service_deployment_t *rollout)
{
    kecs_rc_t      rc;
    kecs_msec_t    at;
    kecs_watch_t  *w;

    w = calloc(1, sizeof(kecs_watch_t));

    if (w == NULL) {
        return KECS_NOMEM;
    }

    w->of = s;
    s->watch = w;
    w->next = r->watches;

    if (w->next != NULL) {
        w->next->prev = w;
    }

    r->watches = w;
    rc = fill(r, txn, w, rollout);

    if (rc != KECS_OK) {
        kecs_alarms_drop(r, s);
        return rc;
    }

    at = r->alarms_asked + r->set.alarms_every / SOONER;
    r->alarms_at = r->alarms_at == 0 || at < r->alarms_at ? at
                                                          : r->alarms_at;

    return KECS_OK;
}


kecs_rc_t
kecs_alarms_look(kecs_reconciler_t *r, kecs_txn_t *txn,
    kecs_live_service_t *s, kecs_sched_view_t *view)
{
    kecs_rc_t  rc;

    if (view->rollout == NULL || !kecs_sched_monitors(view->rollout)) {
        kecs_alarms_drop(r, s);
        return KECS_OK;
    }

    if (s->watch != NULL && s->watch->rollout != view->rollout->id) {
        kecs_alarms_drop(r, s);
    }

    rc = s->watch != NULL ? KECS_OK : make(r, txn, s, view->rollout);

    if (rc == KECS_OK) {
        view->alarms = &s->watch->seen;
    }

    return rc;
}


static bool
is_whole(const kecs_watch_t *w)
{
    size_t  i;

    for (i = 0; i < w->n; i++) {
        if (!w->alarms[i].answered) {
            return false;
        }
    }

    return true;
}


/* What is known of a watch, in one. */

static kecs_rc_t
sum_up(kecs_watch_t *w)
{
    size_t           i;
    kecs_buf_t       b;
    kecs_writer_t    json;
    const alarm_t   *m;

    kecs_arena_reset(w->told);
    kecs_buf_init(&b, w->told, 0);
    json = kecs_writer(&b);
    memset(&w->seen, 0, sizeof(w->seen));
    w->seen.status = KECS_ALARMS_KNOWN;
    kecs_w_array(&json, NULL);

    for (i = 0; i < w->n; i++) {
        m = &w->alarms[i];
        w->seen.period = m->period > w->seen.period ? m->period
                                                    : w->seen.period;

        if (m->raised) {
            kecs_w_str(&json, NULL, m->name);
            w->seen.raised_at = !w->seen.raised
                                || m->since < w->seen.raised_at
                                ? m->since : w->seen.raised_at;
            w->seen.raised = true;
        }
    }

    kecs_w_array_end(&json);
    w->seen.names = kecs_buf_view(&b);

    return b.failed ? KECS_NOMEM : KECS_OK;
}


/* Once there was an answer, one that does not come changes nothing. */

static void
not_known(kecs_watch_t *w, kecs_str_t why)
{
    if (w->seen.status == KECS_ALARMS_KNOWN) {
        return;
    }

    kecs_arena_reset(w->told);
    w->seen.status = KECS_ALARMS_FAILED;
    w->seen.why = kecs_sprintf(w->told, "%.*s", kecs_fmt(why));

    if (w->seen.why.data == NULL) {
        w->seen.why = kecs_str("out of memory");
    }
}


/* Answers. */

static kecs_msec_t
msec_of(const kecs_json_t *alarm, const char *name)
{
    double  seconds;

    return kecs_json_double(kecs_json_get(alarm, name), &seconds)
           ? (kecs_msec_t) (seconds * 1000) : 0;
}


static const kecs_json_t *
find_alarm(const kecs_json_t *answer, kecs_str_t name)
{
    size_t              i;
    const kecs_json_t  *v;
    static const char  *lists[] = { "MetricAlarms", "CompositeAlarms" };

    for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        v = kecs_json_get(answer, lists[i]);

        for (v = v != NULL ? v->first : NULL; v != NULL; v = v->next) {
            if (kecs_str_eq(kecs_json_str(kecs_json_get(v, "AlarmName")),
                            name))
            {
                return v;
            }
        }
    }

    return NULL;
}


/* One that is not there is in no state. */

static void
take_alarm(alarm_t *m, const kecs_json_t *v)
{
    int64_t  n;

    m->answered = true;
    m->raised = kecs_str_is(kecs_json_str(kecs_json_get(v, "StateValue")),
                            "ALARM");
    m->since = msec_of(v, "StateTransitionedTimestamp");

    if (m->since == 0) {
        m->since = msec_of(v, "StateUpdatedTimestamp");
    }

    if (!kecs_json_i64(kecs_json_get(v, "EvaluationPeriods"), &n)
        || n < 0 || n > 1000)
    {
        n = 1;
    }

    m->period = n * msec_of(v, "Period");
}


static bool
asks_of(const kecs_alarm_query_t *q, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < q->n; i++) {
        if (kecs_str_eq(q->names[i], name)) {
            return true;
        }
    }

    return false;
}


static bool
take_query(kecs_watch_t *w, const kecs_alarm_query_t *q,
    const kecs_json_t *answer)
{
    bool    any;
    size_t  i;

    for (i = 0, any = false; i < w->n; i++) {
        if (asks_of(q, w->alarms[i].name)) {
            any = true;

            if (answer != NULL) {
                take_alarm(&w->alarms[i],
                           find_alarm(answer, w->alarms[i].name));
            }
        }
    }

    return any;
}


static void
tell_watches(const kecs_alarm_query_t *q, const kecs_json_t *answer,
    kecs_str_t why)
{
    kecs_watch_t         *w;
    kecs_sched_alarms_t   before;

    for (w = q->r->watches; w != NULL; w = w->next) {
        if (w->began > q->began || !kecs_str_eq(w->region, q->region)
            || !take_query(w, q, answer))
        {
            continue;
        }

        before = w->seen;

        if (answer == NULL || (is_whole(w) && sum_up(w) != KECS_OK)) {
            not_known(w, why);
        }

        if (before.status != w->seen.status
            || before.raised != w->seen.raised)
        {
            kecs_service_dirty(q->r, w->of);
        }
    }
}


/* Told once, until it works again. */

static void
log_state(kecs_reconciler_t *r, bool works, kecs_str_t why)
{
    if (!works && r->alarms_pause == 0) {
        kecs_log(KECS_LOG_WARN, "the alarms of service deployments cannot be"
                 " asked: %.*s", kecs_fmt(why));

    } else if (works && r->alarms_pause != 0) {
        kecs_log(KECS_LOG_NOTICE, "the alarms of service deployments can be"
                 " asked again");
    }
}


static void
leave_query(kecs_alarm_query_t *q)
{
    kecs_alarm_query_t  **p;

    for (p = &q->r->queries; *p != q; p = &(*p)->next) {
        /* void */
    }

    *p = q->next;
    kecs_upstream_cancel(q->call);

    if (q->a != NULL) {
        kecs_arena_destroy(q->a);
    }

    free(q);
}


static void
query_ended(void *ctx, const kecs_upstream_reply_t *reply)
{
    bool                 works;
    kecs_str_t           why;
    kecs_json_t         *answer;
    kecs_reconciler_t   *r;
    kecs_alarm_query_t  *q = ctx;

    r = q->r;
    q->call = NULL;
    works = reply->status == 200
            && kecs_json_parse(q->a, reply->body, &answer) == KECS_OK;
    why = works ? kecs_null_str : kecs_upstream_error(q->a, reply);
    tell_watches(q, works ? answer : NULL, why);
    log_state(r, works, why);

    r->alarms_pause = works ? 0 : r->alarms_pause == 0 ? 1
                      : r->alarms_pause < LONGEST_PAUSE ? 2 * r->alarms_pause
                                                    : LONGEST_PAUSE;
    leave_query(q);

    if (r->queries == NULL) {
        r->alarms_at = kecs_monotonic()
                       + r->set.alarms_every * (r->alarms_pause + 1);
    }
}


/* Queries. */

static kecs_rc_t
send_query(kecs_alarm_query_t *q)
{
    size_t                   i;
    kecs_buf_t               body;
    kecs_writer_t            w;
    kecs_upstream_request_t  r;

    kecs_buf_init(&body, q->a, 0);
    w = kecs_writer(&body);
    kecs_w_object(&w, NULL);
    kecs_w_array(&w, "AlarmNames");

    for (i = 0; i < q->n; i++) {
        kecs_w_str(&w, NULL, q->names[i]);
    }

    kecs_w_array_end(&w);
    kecs_w_raw(&w, "AlarmTypes",
               kecs_str("[\"MetricAlarm\",\"CompositeAlarm\"]"));
    kecs_w_i64(&w, "MaxRecords", NAMES_MAX);
    kecs_w_object_end(&w);

    if (body.failed) {
        return KECS_NOMEM;
    }

    memset(&r, 0, sizeof(r));
    r.service = kecs_str("monitoring");
    r.region = q->region;
    r.body = kecs_buf_view(&body);
    r.done = query_ended;
    r.ctx = q;
    kecs_upstream_header(&r, kecs_str("content-type"),
                         kecs_str("application/x-amz-json-1.0"));
    kecs_upstream_header(&r, kecs_str("x-amz-target"),
                         kecs_str("GraniteServiceVersion20100801"
                                  ".DescribeAlarms"));

    return kecs_upstream_send(q->r->upstream, &r, &q->call);
}


static kecs_alarm_query_t *
new_query(kecs_reconciler_t *r, kecs_str_t region)
{
    kecs_alarm_query_t  *q;

    q = calloc(1, sizeof(kecs_alarm_query_t));

    if (q == NULL) {
        return NULL;
    }

    q->r = r;
    q->began = kecs_monotonic();
    q->a = kecs_arena_create(0);
    q->next = r->queries;
    r->queries = q;

    if (q->a != NULL) {
        q->region = kecs_strdup(q->a, region);
    }

    if (q->region.data == NULL) {
        leave_query(q);
        return NULL;
    }

    return q;
}


/* To a query of the region that has room, unless it is asked for already. */

static kecs_rc_t
query_for(kecs_reconciler_t *r, kecs_str_t region, kecs_str_t name)
{
    kecs_alarm_query_t  *q, *room;

    for (q = r->queries, room = NULL; q != NULL; q = q->next) {
        if (!kecs_str_eq(q->region, region)) {
            continue;
        }

        if (asks_of(q, name)) {
            return KECS_OK;
        }

        room = q->n < NAMES_MAX ? q : room;
    }

    room = room != NULL ? room : new_query(r, region);

    if (room == NULL) {
        return KECS_NOMEM;
    }

    name = kecs_strdup(room->a, name);

    if (name.data == NULL) {
        return KECS_NOMEM;
    }

    room->names[room->n++] = name;

    return KECS_OK;
}


void
kecs_alarms_stop(kecs_reconciler_t *r)
{
    while (r->queries != NULL) {
        leave_query(r->queries);
    }
}


void
kecs_alarms_ask(kecs_reconciler_t *r)
{
    size_t               i;
    kecs_rc_t            rc;
    kecs_watch_t        *w;
    kecs_alarm_query_t  *q;

    if (kecs_alarms_due(r) == 0 || kecs_alarms_due(r) > kecs_monotonic()) {
        return;
    }

    rc = KECS_OK;
    r->alarms_asked = kecs_monotonic();
    r->alarms_at = r->alarms_asked + r->set.alarms_every;

    for (w = r->watches; rc == KECS_OK && w != NULL; w = w->next) {
        for (i = 0; rc == KECS_OK && i < w->n
                    && w->seen.status != KECS_ALARMS_NOBODY; i++)
        {
            rc = query_for(r, w->region, w->alarms[i].name);
        }
    }

    for (q = r->queries; rc == KECS_OK && q != NULL; q = q->next) {
        rc = send_query(q);
    }

    if (rc != KECS_OK) {
        kecs_alarms_stop(r);
    }
}


kecs_msec_t
kecs_alarms_due(const kecs_reconciler_t *r)
{
    return r->watches != NULL && r->queries == NULL && r->upstream != NULL
           ? r->alarms_at : 0;
}
