/*
 * Events as lines.  For a machine it is the event as it came; for a person
 * the time of their zone, what it is, and how it is now, from `detail`.
 * What users and runtimes wrote has no control characters on a terminal.
 */

#include <errno.h>
#include <time.h>

#include "../base/clock.h"
#include "../json/json.h"
#include "events.h"


#define LINE  "%-19s  %-18s  %-16s  %-32s  "

typedef void (*tell_pt)(kecs_buf_t *b, const kecs_json_t *detail);


static kecs_str_t
text_of(const kecs_json_t *o, const char *name)
{
    kecs_str_t  s;

    s = kecs_json_str(kecs_json_get(o, name));

    return s.data != NULL ? s : kecs_str("");
}


static int64_t
number_of(const kecs_json_t *o, const char *name)
{
    int64_t  n;

    return kecs_json_i64(kecs_json_get(o, name), &n) ? n : 0;
}


/* The last part of an ARN, "web:3". */

static kecs_str_t
tail(kecs_str_t arn)
{
    return kecs_str_from(arn, (size_t) (kecs_str_rchr(arn, '/') + 1));
}


/* " BEFORE text AFTER", when there is a text. */

static void
tell_if(kecs_buf_t *b, const char *before, kecs_str_t text, const char *after)
{
    if (text.len > 0) {
        kecs_buf_printf(b, " %s%.*s%s", before, kecs_fmt(text), after);
    }
}


static void
tell_exits(kecs_buf_t *b, const kecs_json_t *containers)
{
    int64_t             code;
    const kecs_json_t  *c;

    for (c = containers != NULL ? containers->first : NULL; c != NULL;
         c = c->next)
    {
        if (kecs_json_i64(kecs_json_get(c, "exitCode"), &code)) {
            kecs_buf_printf(b, ", %.*s: exit %d",
                            kecs_fmt(text_of(c, "name")), (int) code);
        }
    }
}


/* What a task does that is not RUNNING yet. */

static const char *
pull_of(const kecs_json_t *d)
{
    return kecs_json_get(d, "startedAt") != NULL ? ""
           : kecs_json_get(d, "pullStoppedAt") != NULL ? " pulled"
           : kecs_json_get(d, "pullStartedAt") != NULL ? " pulling" : "";
}


static void
tell_task(kecs_buf_t *b, const kecs_json_t *d)
{
    kecs_str_t  last, desired, health;

    last = text_of(d, "lastStatus");
    desired = text_of(d, "desiredStatus");
    health = text_of(d, "healthStatus");

    kecs_buf_printf(b, "%.*s%s", kecs_fmt(last), pull_of(d));

    if (kecs_str_is(desired, "STOPPED") && !kecs_str_is(last, "STOPPED")) {
        tell_if(b, "to be ", desired, "");
    }

    if (health.len > 0 && !kecs_str_is(health, "UNKNOWN")) {
        tell_if(b, "", health, "");
    }

    tell_if(b, "", tail(text_of(d, "taskDefinitionArn")), "");
    tell_if(b, "", text_of(d, "group"), "");

    if (kecs_str_is(desired, "STOPPED")) {
        tell_if(b, "(", text_of(d, "stoppedReason"), ")");
        tell_exits(b, kecs_json_get(d, "containers"));
    }
}


static void
tell_service(kecs_buf_t *b, const kecs_json_t *d)
{
    kecs_buf_str(b, text_of(d, "status"));
    kecs_buf_printf(b, " desired %d, running %d, pending %d",
                    (int) number_of(d, "desiredCount"),
                    (int) number_of(d, "runningCount"),
                    (int) number_of(d, "pendingCount"));
    tell_if(b, "", tail(text_of(d, "taskDefinition")), "");
}


static void
tell_deployment(kecs_buf_t *b, const kecs_json_t *d)
{
    const kecs_json_t  *of;

    of = kecs_json_get(d, "deployment");
    kecs_buf_printf(b, "%.*s %.*s desired %d, running %d, failed %d",
                    kecs_fmt(text_of(of, "status")),
                    kecs_fmt(text_of(of, "rolloutState")),
                    (int) number_of(of, "desiredCount"),
                    (int) number_of(of, "runningCount"),
                    (int) number_of(of, "failedTasks"));
    tell_if(b, "", tail(text_of(of, "taskDefinition")), "");

    if (kecs_str_is(text_of(of, "rolloutState"), "FAILED")) {
        tell_if(b, "(", text_of(d, "reason"), ")");
    }
}


static void
tell_message(kecs_buf_t *b, const kecs_json_t *d)
{
    kecs_buf_str(b, text_of(d, "message"));
}


static void
tell_definition(kecs_buf_t *b, const kecs_json_t *d)
{
    kecs_str_t          image;
    const kecs_json_t  *c;

    kecs_buf_str(b, text_of(d, "status"));
    c = kecs_json_get(d, "containerDefinitions");

    for (c = c != NULL ? c->first : NULL; c != NULL; c = c->next) {
        image = text_of(c, "image");
        tell_if(b, "", image, "");
    }
}


static void
tell_instance(kecs_buf_t *b, const kecs_json_t *d)
{
    kecs_buf_str(b, text_of(d, "status"));
    kecs_buf_printf(b, " agent %s, running %d, pending %d",
                    kecs_json_true(kecs_json_get(d, "agentConnected"))
                    ? "connected" : "not connected",
                    (int) number_of(d, "runningTasksCount"),
                    (int) number_of(d, "pendingTasksCount"));
    tell_if(b, "", text_of(d, "ec2InstanceId"), "");
}


static void
tell_status(kecs_buf_t *b, const kecs_json_t *d)
{
    kecs_buf_str(b, text_of(d, "status"));
    tell_if(b, "(", text_of(d, "statusReason"), ")");
}


static const struct {
    const char  *kind;
    tell_pt      tell;
} kinds[] = {
    { "task", tell_task }, { "service", tell_service },
    { "deployment", tell_deployment }, { "service-action", tell_message },
    { "task-definition", tell_definition },
    { "container-instance", tell_instance }, { NULL, tell_status }
};


static void
tell(kecs_buf_t *b, kecs_str_t kind, kecs_str_t change, const kecs_json_t *d)
{
    size_t              i;
    const kecs_json_t  *inner;

    if (kecs_str_is(change, "deleted")) {
        kecs_buf_str(b, kecs_str("deleted"));
        return;
    }

    if (kecs_str_is(change, "created")
        && !kecs_str_is(kind, "service-action"))
    {
        kecs_buf_str(b, kecs_str("created: "));
    }

    for (i = 0; kinds[i].kind != NULL && !kecs_str_is(kind, kinds[i].kind);
         i++)
    { /* void */ }

    /* as DescribeTaskDefinition has it, beside its tags */
    inner = kecs_json_get(d, "taskDefinition");
    kinds[i].tell(b, inner != NULL && inner->type == KECS_JSON_OBJECT
                     ? inner : d);
}


/* "2026-11-21 15:40:15" where the reader is. */

static void
local_time(kecs_str_t iso, char *out, size_t size)
{
    time_t       sec;
    struct tm    tm;
    kecs_msec_t  t;

    out[0] = '\0';

    if (kecs_time_parse(iso, &t)) {
        sec = (time_t) (t / 1000);

        if (localtime_r(&sec, &tm) != NULL) {
            (void) strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm);
        }
    }
}


static const char *
c_text(kecs_arena_t *a, kecs_str_t s)
{
    s = kecs_strdup(a, s);

    return s.data != NULL ? s.data : "";
}


static void
print_row(kecs_events_print_t *p, const kecs_json_t *e)
{
    char                time[32];
    size_t              i;
    kecs_buf_t          b;
    kecs_str_t          kind, cluster;
    const kecs_json_t  *ours, *arns;

    ours = kecs_json_get(e, "kecs");
    arns = kecs_json_get(e, "resources");
    kind = text_of(ours, "kind");
    cluster = text_of(ours, "cluster");

    local_time(text_of(e, "time"), time, sizeof(time));
    kecs_buf_init(&b, p->arena, 0);
    kecs_buf_printf(&b, LINE, time, c_text(p->arena, kind),
                    cluster.len > 0 ? c_text(p->arena, cluster) : "-",
                    c_text(p->arena, tail(kecs_json_str(
                        arns != NULL ? arns->first : NULL))));
    tell(&b, kind, text_of(ours, "change"), kecs_json_get(e, "detail"));

    for (i = 0; i < b.len; i++) {
        if ((unsigned char) b.data[i] < ' ' || b.data[i] == 0x7f) {
            b.data[i] = '?';
        }
    }

    kecs_buf_chr(&b, '\n');
    (void) fwrite(b.data, 1, b.len, stdout);
}


static kecs_events_rc_t
output_state(void)
{
    if (!ferror(stdout)) {
        return KECS_EVENTS_GO;
    }

    if (errno == EPIPE) {
        return KECS_EVENTS_STOPPED;
    }

    (void) kecs_die("cannot write: %s", strerror(errno));

    return KECS_EVENTS_FAILED;
}


kecs_events_rc_t
kecs_events_flush(void)
{
    (void) fflush(stdout);

    return output_state();
}


void
kecs_events_header(const kecs_events_print_t *p)
{
    if (!p->json) {
        printf(LINE "%s\n", "TIME", "KIND", "CLUSTER", "NAME", "WHAT");
    }
}


kecs_events_rc_t
kecs_events_print(kecs_events_print_t *p, kecs_str_t json)
{
    kecs_json_t  *tree;

    if (p->json) {
        (void) fwrite(json.data, 1, json.len, stdout);
        (void) fputc('\n', stdout);
        return output_state();
    }

    kecs_arena_reset(p->arena);

    /* the parser unescapes in place */

    if (kecs_json_parse(p->arena, kecs_strdup(p->arena, json), &tree)
        != KECS_OK)
    {
        (void) kecs_die("what came is no event");
        return KECS_EVENTS_FAILED;
    }

    print_row(p, tree);

    return output_state();
}
