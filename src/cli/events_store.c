/*
 * The change log of a store that is read directly: all that it has when
 * this begins, or what came since a position or a time.
 */

#include "../stream/stream_event.h"
#include "../store/store.h"
#include "events.h"


#define SCAN_LIMIT  2000

typedef struct {
    const kecs_options_t  *o;
    kecs_events_print_t   *print;
    kecs_store_t          *store;
    kecs_txn_t            *txn;
    kecs_arena_t          *arena;
    kecs_rand_t            rand;
    kecs_api_conf_t        conf;
    kecs_stream_store_t    whose;
    kecs_stream_filter_t   filter;
} reading_t;


static kecs_str_t
given(const char *text)
{
    return text != NULL && strcmp(text, "*") != 0 ? kecs_str_of(text)
                                                  : kecs_null_str;
}


static void
make_filter(reading_t *r)
{
    const kecs_options_t  *o = r->o;

    r->filter.account = o->account_given ? given(o->account)
                                         : kecs_null_str;
    r->filter.region = o->region_given ? given(o->region) : kecs_null_str;
    r->filter.arn = given(o->arn);
    r->filter.cluster = kecs_stream_cluster(given(o->cluster));

    if (o->kind != NULL) {
        (void) kecs_stream_kinds_parse(kecs_str_of(o->kind),
                                       &r->filter.kinds);
    }
}


/* One entry behind *seq. */

static kecs_events_rc_t
tell(reading_t *r, uint64_t *seq)
{
    unsigned              kind;
    kecs_rc_t             rc;
    kecs_call_t           c;
    kecs_change_entry_t   e;
    kecs_stream_event_t   ev;

    kecs_arena_reset(r->arena);
    rc = kecs_log_next(r->txn, r->arena, *seq, &e);

    if (rc == KECS_DONE) {
        return KECS_EVENTS_DONE;
    }

    if (rc == KECS_OK && kecs_stream_told(&e, &kind)) {
        memset(&c, 0, sizeof(c));
        c.arena = r->arena;
        c.store = r->store;
        c.txn = r->txn;
        c.now = e.time;
        c.rand = &r->rand;
        c.conf = &r->conf;
        rc = kecs_stream_render(&c, &r->whose, &e, &ev);

        if (rc == KECS_OK && kecs_stream_wants(&r->filter, &ev)) {
            (*seq)++;
            return kecs_events_print(r->print, ev.json);
        }
    }

    if (rc != KECS_OK && rc != KECS_NOT_FOUND && rc != KECS_TOO_NEW) {
        (void) kecs_die("the log cannot be read at %" PRIu64 ": %s", *seq + 1,
                        kecs_rc_name(rc));
        return KECS_EVENTS_FAILED;
    }

    (*seq)++;

    return KECS_EVENTS_GO;
}


static kecs_rc_t
begin_at(reading_t *r, uint64_t *seq)
{
    kecs_str_t            since;
    kecs_msec_t           ago;
    kecs_change_entry_t   e;

    since = kecs_str_of(r->o->since != NULL ? r->o->since : "oldest");

    if (kecs_str_u64(since, seq)) {
        return kecs_log_next(r->txn, r->arena, *seq, &e);
    }

    ago = 0;

    if (kecs_duration_parse(since, &ago)) {
        ago = kecs_wall_clock() - ago;
    }

    return kecs_log_since(r->txn, ago, seq);
}


static kecs_events_rc_t
read_all(reading_t *r)
{
    uint64_t          seq;
    kecs_rc_t         rc;
    kecs_events_rc_t  go;

    rc = begin_at(r, &seq);

    if (rc == KECS_NOT_FOUND) {
        (void) kecs_die("the log has no position %" PRIu64 ", or none behind"
                        " it any more", seq);
        return KECS_EVENTS_FAILED;
    }

    if (rc != KECS_OK && rc != KECS_DONE) {
        (void) kecs_die("the log cannot be read: %s", kecs_rc_name(rc));
        return KECS_EVENTS_FAILED;
    }

    kecs_events_header(r->print);

    do {
        go = tell(r, &seq);

        if (go == KECS_EVENTS_GO) {
            go = kecs_events_pause(0);
        }

    } while (go == KECS_EVENTS_GO);

    return go;
}


static kecs_events_rc_t
read_store(reading_t *r)
{
    const char         *why;
    kecs_rc_t           rc;
    kecs_events_rc_t    go;
    kecs_store_info_t   info;
    kecs_store_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.path = r->o->data;
    conf.readonly = true;
    why = NULL;

    if (kecs_store_open(&conf, &r->store, &why) != KECS_OK) {
        (void) kecs_die("%s", why != NULL ? why : "cannot open the store");
        return KECS_EVENTS_FAILED;
    }

    kecs_store_info(r->store, &info);
    r->whose.uuid = info.uuid;
    r->whose.incarnation = info.incarnation;
    rc = kecs_read_begin(r->store, &r->txn);

    if (rc == KECS_OK) {
        go = read_all(r);
        kecs_read_end(r->txn);

    } else {
        (void) kecs_die("the store cannot be read: %s", kecs_rc_name(rc));
        go = KECS_EVENTS_FAILED;
    }

    kecs_store_close(r->store);

    return go;
}


kecs_events_rc_t
kecs_events_stored(const kecs_options_t *o, kecs_events_print_t *p)
{
    reading_t         r;
    kecs_events_rc_t  go;

    memset(&r, 0, sizeof(r));
    r.o = o;
    r.print = p;
    r.conf.account = kecs_str_of(o->account);
    r.conf.region = kecs_str_of(o->region);
    r.conf.scan_limit = SCAN_LIMIT;
    kecs_rand_seed(&r.rand, 1);

    make_filter(&r);
    r.arena = kecs_arena_create(0);

    if (r.arena == NULL) {
        (void) kecs_die("out of memory");
        return KECS_EVENTS_FAILED;
    }

    go = read_store(&r);
    kecs_arena_destroy(r.arena);

    return go;
}
