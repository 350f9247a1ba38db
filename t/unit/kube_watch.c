/*
 * List and watch against a server that loses things: pages, expiry at
 * every stage, versions that are taken along, streams that break.
 */

#define _GNU_SOURCE

#include "../../src/kube/watch.h"
#include "fake_http.h"


typedef struct {
    unsigned   lists;               /* requests, by kind */
    unsigned   pages;
    unsigned   watches;
    char       path[1024];          /* of the last watch */
    char       list_path[1024];
    unsigned   told;                /* to wait, and not to */
    kecs_msec_t  hurried_at[2];     /* the last one first */
} seen_t;

static fake_t         server;
static kecs_kube_t   *k;
static kecs_watch_t  *w;
static seen_t         seen;
static fake_conn_t   *stream;       /* of the watch, when it is open */
static char           story[8192];  /* what the sink was told */

/* How the server behaves. */

static struct {
    bool   paged;
    int    expire_page;             /* so many 410s to continue */
    int    fail_list;               /* so many 503s */
    int    refuse_watch;            /* so many 410s */
    int    drop_watch;              /* so many drops before an answer */
    int    hurried;                 /* so many 429s, for a second each */
    bool   malformed;
} mode;


/* Whether it is to wait: every other request then. */

static bool
hurried(fake_conn_t *c)
{
    if (mode.hurried == 0 || seen.told++ % 2 != 0) {
        return false;
    }

    mode.hurried--;
    seen.hurried_at[mode.hurried] = kecs_monotonic();
    fake_reply(c, 429, "Retry-After: 1\r\n", "{\"message\":\"later\"}");

    return true;
}


static void
ask(fake_t *f, fake_conn_t *c, const fake_request_t *r)
{
    (void) f;

    if (hurried(c)) {
        return;
    }

    if (strstr(r->path, "watch=1") != NULL) {
        seen.watches++;
        (void) snprintf(seen.path, sizeof(seen.path), "%s", r->path);

        if (mode.refuse_watch > 0) {
            mode.refuse_watch--;
            fake_reply(c, 410, "", "{\"reason\":\"Expired\","
                       "\"message\":\"too old\"}");

        } else if (mode.drop_watch > 0) {
            mode.drop_watch--;
            fake_drop(c);

        } else {
            fake_begin(c);
            stream = c;
        }

        return;
    }

    (void) snprintf(seen.list_path, sizeof(seen.list_path), "%s", r->path);

    if (mode.fail_list > 0) {
        mode.fail_list--;
        fake_reply(c, 503, "", "{\"message\":\"etcd is away\"}");
        return;
    }

    if (strstr(r->path, "continue=") != NULL) {
        seen.pages++;

        if (mode.expire_page > 0) {
            mode.expire_page--;
            fake_reply(c, 410, "", "{\"reason\":\"Expired\"}");
            return;
        }

        fake_reply(c, 200, "", "{\"metadata\":{\"resourceVersion\":\"12\"},"
                   "\"items\":[{\"metadata\":{\"name\":\"c\"}}]}");
        return;
    }

    seen.lists++;

    if (mode.malformed) {
        mode.malformed = false;
        fake_reply(c, 200, "", "{\"metadata\":{},\"items\":[{]}");
        return;
    }

    fake_reply(c, 200, "", "{\"metadata\":{\"resourceVersion\":\"10\"%s},"
               "\"items\":[{\"metadata\":{\"name\":\"a\"}},"
               "{\"metadata\":{\"name\":\"b\"}}]}",
               mode.paged ? ",\"continue\":\"t/1=\"" : "");
}


static void
tell(const char *fmt, ...)
{
    size_t   len;
    va_list  args;

    len = strlen(story);
    va_start(args, fmt);
    (void) vsnprintf(story + len, sizeof(story) - len, fmt, args);
    va_end(args);
}


static void
on_begin(void *ctx)
{
    (void) ctx;
    tell("begin ");
}


static void
on_object(void *ctx, kecs_watch_event_t event, const kecs_json_t *o)
{
    (void) ctx;
    tell("%c%.*s ", "LAMD"[event],
         kecs_fmt(kecs_json_str(kecs_json_at(o, "metadata", "name", NULL))));
}


static void
on_synced(void *ctx)
{
    (void) ctx;
    tell("synced ");
}


static void
on_lost(void *ctx, const char *why)
{
    (void) ctx;
    tell("lost(%s) ", why);
}


static void
begin(void)
{
    kecs_kube_conf_t          conf = { .backoff = 5, .backoff_max = 10 };
    static kecs_watch_sink_t  sink = {
        on_begin, on_object, on_synced, on_lost, NULL
    };
    kecs_watch_conf_t         wc = {
        .path = kecs_string("/api/v1/pods"),
        .selector = kecs_string("kecs/store=u")
    };

    memset(&seen, 0, sizeof(seen));
    stream = NULL;
    story[0] = '\0';

    if (!fake_open(&server, ask)
        || !fake_client(&server, NULL, NULL, &conf, &k)
        || kecs_watch_open(k, &wc, &sink, &w) != KECS_OK)
    {
        printf("Bail out! no server\n");
        exit(1);
    }
}


static void
end(void)
{
    kecs_watch_close(w);
    kecs_kube_close(k);
    fake_close(&server);
    memset(&mode, 0, sizeof(mode));
}


static bool
tells(const char *want)
{
    bool  ok;

    ok = fake_until(&server, k, strcmp(story, want) == 0);

    if (!ok) {
        printf("# got  %s\n# want %s\n", story, want);
    }

    return ok;
}


static void
event(const char *text)
{
    fake_chunk(stream, text, strlen(text));
    fake_chunk(stream, "\n", 1);
}


/* Lists, until the watch is open. */

static bool
watching(unsigned n)
{
    return fake_until(&server, k, seen.watches == n && stream != NULL);
}


static void
test_happy(void)
{
    mode.paged = true;
    begin();
    tap_ok(tells("begin La Lb Lc synced "), "a list of two pages");
    tap_ok(watching(1), "then a watch");
    tap_ok(kecs_watch_synced(w), "it is in step");
    tap_is_str(kecs_str_of(seen.list_path), "/api/v1/pods?limit=500"
               "&labelSelector=kecs%2Fstore%3Du&continue=t%2F1%3D",
               "the second page");
    tap_ok(strstr(seen.path, "resourceVersion=12&allowWatchBookmarks=true")
           != NULL && strstr(seen.path, "labelSelector=kecs%2Fstore%3Du")
           != NULL, "the watch: %s", seen.path);

    story[0] = '\0';
    event("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"d\","
          "\"resourceVersion\":\"13\"}}}");
    event("{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"d\","
          "\"resourceVersion\":\"14\"}}}");
    event("{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{"
          "\"resourceVersion\":\"20\"}}}");
    event("{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"d\","
          "\"resourceVersion\":\"21\"}}}");
    tap_ok(tells("Ad Md Dd "), "events");

    fake_end(stream);
    stream = NULL;
    tap_ok(watching(2), "a watch that ends is taken up");
    tap_ok(strstr(seen.path, "resourceVersion=21&") != NULL,
           "from the last event");

    event("{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{"
          "\"resourceVersion\":\"30\"}}}");
    fake_step(&server, k, 10);
    fake_step(&server, k, 10);
    fake_drop(stream);
    stream = NULL;
    tap_ok(watching(3), "one that breaks, too");
    tap_ok(strstr(seen.path, "resourceVersion=30&") != NULL,
           "from the last bookmark");
    tap_ok(tells("Ad Md Dd "), "and nobody is told");
    tap_is_int(seen.lists, 1, "nothing was listed again");
    end();
}


static void
test_expired(void)
{
    mode.paged = true;
    mode.expire_page = 2;
    begin();
    tap_ok(tells("begin La Lb begin La Lb begin La Lb Lc synced "),
           "a page that expires: the list begins anew");
    (void) watching(1);

    story[0] = '\0';
    event("{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\","
          "\"code\":410,\"reason\":\"Expired\",\"message\":\"too old\"}}");
    tap_ok(tells("lost(too old) begin La Lb Lc synced "),
           "an error event: listed again");
    end();

    mode.refuse_watch = 1;
    begin();
    tap_ok(tells("begin La Lb synced lost(HTTP 410: too old) "
                 "begin La Lb synced "), "410 to a watch: listed again");
    tap_ok(watching(2), "and watched");
    end();

    mode.refuse_watch = 5;
    begin();
    tap_ok(watching(6), "even if it takes several times");
    tap_is_int(seen.lists, 6, "each with a list of its own");
    end();
}


static void
test_broken(void)
{
    mode.fail_list = 3;
    begin();
    tap_ok(tells("lost(HTTP 503: etcd is away) begin La Lb synced "),
           "a list that fails is told once and asked again");
    tap_ok(strstr(kecs_watch_why(w), "etcd is away") != NULL, "why: %s",
           kecs_watch_why(w));
    end();

    mode.malformed = true;
    begin();
    tap_ok(fake_until(&server, k, kecs_watch_synced(w)),
           "a list that is none: %s", story);
    tap_ok(strstr(story, "malformed") != NULL, "is told");
    end();

    /* the client repeats one by itself, on a connection that was idle */

    mode.drop_watch = 2;
    begin();
    tap_ok(watching(3), "a watch that does not begin is tried again");
    tap_is_str(kecs_str_of(story), "begin La Lb synced ", "in silence");
    end();

    mode.drop_watch = 3;
    begin();
    tap_ok(watching(4) && seen.lists == 2,
           "the second time contact is lost: %s", story);
    tap_ok(strstr(story, "lost(") != NULL, "and told");
    end();

    begin();
    (void) watching(1);
    story[0] = '\0';
    event("{\"type\":");
    tap_ok(tells("lost(a watch event is malformed) begin La Lb synced "),
           "an event that is none");
    end();
}


/* API priority: a list and a watch that come too fast, by the server. */

static void
test_hurried(void)
{
    mode.hurried = 2;
    begin();
    tap_ok(tells("lost(HTTP 429: later) begin La Lb synced "),
           "a list that is too much is asked for again");
    tap_ok(kecs_monotonic() - seen.hurried_at[1] >= 1000,
           "as late as the server wants");
    tap_ok(watching(1), "so is a watch: %s", story);
    tap_ok(kecs_monotonic() - seen.hurried_at[0] >= 1000, "as late");
    end();
}


/* The server goes away altogether and comes back. */

static void
test_away(void)
{
    unsigned  port;

    begin();
    (void) watching(1);
    story[0] = '\0';

    port = server.port;
    fake_close(&server);
    stream = NULL;

    tap_ok(fake_until(&server, k, strncmp(story, "lost(", 5) == 0),
           "away: %s", story);
    tap_ok(!kecs_watch_synced(w), "not in step");

    story[0] = '\0';
    tap_ok(fake_open_at(&server, ask, port), "back");
    tap_ok(tells("begin La Lb synced "), "and listed");
    tap_ok(watching(2), "and watched");
    end();
}


int
main(void)
{
    test_happy();
    test_expired();
    test_broken();
    test_hurried();
    test_away();

    return tap_done();
}
