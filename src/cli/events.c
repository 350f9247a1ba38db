/*
 * events: what the change log tells, as lines.  Without --follow it is read
 * from the store, and ends; with it from GET /events of the server, which
 * is come back to after each disconnect with the position of the last line,
 * so that none is lost and none comes twice.
 */

#include <stdlib.h>

#include "../json/json.h"
#include "../stream/stream_event.h"
#include "events.h"


#define FIRST_PAUSE  200            /* ms, until the server is asked again */
#define LAST_PAUSE   5000

typedef struct {
    const kecs_options_t  *o;
    kecs_events_print_t    print;
    kecs_events_url_t      url;
    char                   server[KECS_URL_SIZE];
    bool                   begun;       /* the first message was there: */
    char                   store[64];   /* whose log it is, */
    int64_t                incarnation;
    uint64_t               seq;         /* ... seen up to here, */
    uint64_t               until;       /* ... and to be, if `bounded` */
    bool                   bounded;
    bool                   told;        /* that the server is away */
    int                    pause;
    kecs_events_http_t     http;
} following_t;


/* Asking. */

static void
add(kecs_buf_t *b, const char *name, const char *value)
{
    static const char  hex[] = "0123456789ABCDEF";

    if (value == NULL) {
        return;
    }

    kecs_buf_printf(b, "%s%s=", b->len > 0 ? "&" : "", name);

    for ( /* void */ ; *value != '\0'; value++) {
        if ((*value >= 'a' && *value <= 'z')
            || (*value >= 'A' && *value <= 'Z')
            || (*value >= '0' && *value <= '9')
            || strchr("-_.*,:/", *value) != NULL)
        {
            kecs_buf_chr(b, *value);

        } else {
            kecs_buf_chr(b, '%');
            kecs_buf_chr(b, hex[(unsigned char) *value >> 4]);
            kecs_buf_chr(b, hex[(unsigned char) *value & 15]);
        }
    }
}


static void
make_query(const following_t *f, kecs_buf_t *b)
{
    const kecs_options_t  *o = f->o;

    add(b, "account", o->account_given ? o->account : "*");
    add(b, "region", o->region_given ? o->region : "*");
    add(b, "cluster", o->cluster);
    add(b, "kind", o->kind);
    add(b, "arn", o->arn);

    if (f->begun) {
        kecs_buf_printf(b, "&since=%" PRIu64, f->seq);

    } else if (o->since != NULL || !o->follow) {
        add(b, "since", o->since != NULL ? o->since : "oldest");
    }

    if (f->bounded) {
        kecs_buf_printf(b, "&until=%" PRIu64, f->until);

    } else if (!o->follow) {
        add(b, "until", "now");
    }
}


/* What the server refuses: only with some is there sense in coming again. */

static kecs_events_rc_t
refused(following_t *f)
{
    kecs_buf_t     b;
    kecs_json_t   *tree;
    kecs_str_t     message;
    kecs_arena_t  *a;

    if (f->begun && (f->http.status >= 500 || f->http.status == 429)) {
        return KECS_EVENTS_BROKEN;
    }

    a = f->print.arena;
    kecs_arena_reset(a);
    kecs_buf_init(&b, a, 0);
    kecs_events_body(&f->http, &b);
    message = kecs_null_str;

    if (kecs_json_parse(a, kecs_buf_view(&b), &tree) == KECS_OK) {
        message = kecs_json_str(kecs_json_get(tree, "message"));
    }

    (void) kecs_die("%s/events is no stream: HTTP %u%s%.*s", f->server,
                    f->http.status, message.len > 0 ? ": " : "",
                    kecs_fmt(message));

    return KECS_EVENTS_FAILED;
}


/* Messages that are no events. */

static kecs_events_rc_t
started(following_t *f, const kecs_json_t *m)
{
    int64_t     n, incarnation;
    kecs_str_t  store;

    store = kecs_json_str(kecs_json_get(m, "store"));

    if (store.data == NULL
        || !kecs_json_i64(kecs_json_get(m, "incarnation"), &incarnation)
        || !kecs_json_i64(kecs_json_get(m, "sequence"), &n))
    {
        (void) kecs_die("%s is no server of ours", f->server);
        return KECS_EVENTS_FAILED;
    }

    if (f->begun && (!kecs_str_is(store, f->store)
                     || incarnation != f->incarnation))
    {
        (void) kecs_die("the store of %s is another one, or was restored:"
                        " what came since %" PRIu64 " cannot be told",
                        f->server, f->seq);
        return KECS_EVENTS_FAILED;
    }

    if (!f->begun) {
        (void) snprintf(f->store, sizeof(f->store), "%.*s", kecs_fmt(store));
        f->incarnation = incarnation;
        f->seq = (uint64_t) n;
        f->begun = true;
        kecs_events_header(&f->print);
    }

    if (kecs_json_i64(kecs_json_get(m, "until"), &n)) {
        f->until = (uint64_t) n;
        f->bounded = true;
    }

    f->told = false;
    f->pause = FIRST_PAUSE;

    return KECS_EVENTS_GO;
}


static kecs_events_rc_t
control(following_t *f, kecs_str_t name, kecs_str_t data)
{
    kecs_json_t  *tree;

    if (kecs_str_is(name, "end")) {
        return KECS_EVENTS_DONE;
    }

    if (kecs_str_is(name, "resume")) {
        return KECS_EVENTS_BROKEN;
    }

    if (kecs_str_is(name, "gone")) {
        (void) kecs_die("the log no longer reaches back to %" PRIu64, f->seq);
        return KECS_EVENTS_FAILED;
    }

    kecs_arena_reset(f->print.arena);

    if (!kecs_str_is(name, "start")
        || kecs_json_parse(f->print.arena, data, &tree) != KECS_OK)
    {
        return KECS_EVENTS_GO;
    }

    return started(f, tree);
}


static kecs_events_rc_t
take(following_t *f)
{
    kecs_str_t                name, data;
    kecs_events_rc_t          rc;
    const kecs_sse_reader_t  *m = &f->http.reader;

    name = kecs_buf_view(&m->name);
    data = kecs_buf_view(&m->data);
    rc = KECS_EVENTS_GO;

    if (name.len > 0) {
        rc = control(f, name, data);

    } else if (data.len > 0) {
        rc = kecs_events_print(&f->print, data);
    }

    if (rc == KECS_EVENTS_GO && f->begun && m->positioned) {
        f->seq = m->seq;
    }

    return rc;
}


/* From one answer to its end. */

static kecs_events_rc_t
follow_once(following_t *f)
{
    kecs_buf_t        query;
    kecs_events_rc_t  rc;

    kecs_buf_init(&query, NULL, 0);
    make_query(f, &query);
    rc = query.failed ? KECS_EVENTS_FAILED
                      : kecs_events_open(&f->http, &f->url,
                                         kecs_buf_view(&query));
    kecs_buf_free(&query);

    if (rc == KECS_EVENTS_GO && !f->http.stream) {
        rc = refused(f);
    }

    while (rc == KECS_EVENTS_GO) {
        rc = kecs_events_next(&f->http);

        if (rc == KECS_EVENTS_GO) {
            rc = take(f);
        }
    }

    kecs_events_close(&f->http);

    return rc;
}


/* It is told once, after the first attempt to come back has failed. */

static kecs_events_rc_t
come_again(following_t *f)
{
    kecs_events_rc_t  rc;

    if (!f->begun) {
        (void) kecs_die("%s/events does not answer", f->server);
        return KECS_EVENTS_FAILED;
    }

    rc = kecs_events_flush();

    if (rc == KECS_EVENTS_GO && f->pause > FIRST_PAUSE && !f->told) {
        (void) kecs_die("%s is away; going on after %" PRIu64 " when it is"
                        " back", f->server, f->seq);
        f->told = true;
    }

    if (rc == KECS_EVENTS_GO) {
        rc = kecs_events_pause(f->pause);
        f->pause = f->pause * 2 < LAST_PAUSE ? f->pause * 2 : LAST_PAUSE;
    }

    return rc;
}


static kecs_events_rc_t
follow(following_t *f)
{
    kecs_events_rc_t  rc;

    f->pause = FIRST_PAUSE;

    do {
        rc = follow_once(f);

        if (rc == KECS_EVENTS_BROKEN) {
            rc = come_again(f);
        }

    } while (rc == KECS_EVENTS_GO);

    return rc;
}


/* Which server it is; false: none, which has been said. */

static bool
find_server(following_t *f)
{
    kecs_endpoint_t        e;
    const kecs_options_t  *o = f->o;

    if (o->endpoint != NULL) {
        (void) snprintf(f->server, sizeof(f->server), "%s", o->endpoint);

    } else if (o->port_given) {
        (void) snprintf(f->server, sizeof(f->server), "http://127.0.0.1:%u",
                        o->port);

    } else {
        kecs_endpoint_read(o->data, &e);

        if (e.api[0] == '\0' || kecs_lock_owner(o->data, "up.lock") == 0) {
            (void) kecs_die("kecs up does not run on %s; --port or"
                            " --endpoint names another server, and without"
                            " --follow the store itself is read", o->data);
            return false;
        }

        (void) snprintf(f->server, sizeof(f->server), "%s", e.api);
    }

    if (!kecs_events_url(kecs_str_of(f->server), &f->url)) {
        (void) kecs_die("%s is not http://HOST:PORT, or with a path behind"
                        " it", f->server);
        return false;
    }

    return true;
}


static kecs_events_rc_t
from_server(const kecs_options_t *o, const kecs_events_print_t *p)
{
    following_t       *f;
    kecs_events_rc_t   rc;

    f = calloc(1, sizeof(following_t));

    if (f == NULL) {
        (void) kecs_die("out of memory");
        return KECS_EVENTS_FAILED;
    }

    f->o = o;
    f->print = *p;
    rc = find_server(f) ? follow(f) : KECS_EVENTS_FAILED;
    free(f);

    return rc;
}


static bool
kinds_valid(const char *list)
{
    unsigned    kinds;
    kecs_buf_t  names;

    if (kecs_stream_kinds_parse(kecs_str_of(list), &kinds)) {
        return true;
    }

    kecs_buf_init(&names, NULL, 0);
    kecs_stream_kind_names(&names);
    (void) kecs_die("--kind is a list, with commas between, of: %.*s",
                    kecs_fmt(kecs_buf_view(&names)));
    kecs_buf_free(&names);

    return false;
}


/* What is wrong for a server and a store alike. */

static bool
events_valid(const kecs_options_t *o)
{
    uint64_t     seq;
    kecs_str_t   since;
    kecs_msec_t  ago;

    since = kecs_str_of(o->since);

    if (o->since != NULL && !kecs_str_is(since, "oldest")
        && !kecs_str_u64(since, &seq) && !kecs_duration_parse(since, &ago))
    {
        (void) kecs_die("--since takes a position of the log, \"oldest\", or"
                        " how long ago (90s, 15m, 2h, 7d), not \"%s\"",
                        o->since);
        return false;
    }

    return o->kind == NULL || kinds_valid(o->kind);
}


int
kecs_events(kecs_options_t *o)
{
    kecs_events_rc_t     rc;
    kecs_events_print_t  p;

    if (!events_valid(o)) {
        return 2;
    }

    p.json = o->json;
    p.arena = kecs_arena_create(0);

    if (p.arena == NULL) {
        return kecs_die("out of memory");
    }

    kecs_events_signals();
    rc = o->follow || o->endpoint != NULL || o->port_given
         ? from_server(o, &p) : kecs_events_stored(o, &p);

    if (rc != KECS_EVENTS_FAILED && kecs_events_flush() == KECS_EVENTS_FAILED)
    {
        rc = KECS_EVENTS_FAILED;
    }

    kecs_arena_destroy(p.arena);

    return rc == KECS_EVENTS_FAILED ? 1 : 0;
}
