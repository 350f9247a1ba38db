/*
 * Looks at tasks against a server that knows the pod or not, refuses parts,
 * or does not answer: there is one answer to each look, and never too many
 * are under way.
 */

#define _GNU_SOURCE

#include "../../src/runtime/kube_inspect.h"
#include "fake_http.h"


#define POD     "/api/v1/namespaces/here/pods/ecs-"
#define EVENTS  "/api/v1/namespaces/here/events?fieldSelector="              \
                "involvedObject.kind%3DPod,involvedObject.name%3Decs-"

static fake_t                server;
static kecs_kube_t          *k;
static kecs_kube_inspect_t  *looks;
static uint8_t               task[KECS_ID_LEN];

/* How the server behaves, and what came of it. */

static struct {
    bool         no_pod;
    bool         no_node;           /* 403 */
    bool         no_events;
    bool         deaf;
    bool         drop;
} mode;

static struct {
    unsigned     requests;
    unsigned     others;            /* that nobody should make */
    unsigned     done;
    kecs_rc_t    rc;
    char         json[8192];
} seen;


static void
ask(fake_t *f, fake_conn_t *c, const fake_request_t *r)
{
    (void) f;
    seen.requests++;

    if (mode.deaf) {
        return;
    }

    if (mode.drop) {
        fake_drop(c);

    } else if (strncmp(r->path, POD, sizeof(POD) - 1) == 0) {
        fake_reply(c, mode.no_pod ? 404 : 200, "", "%s", mode.no_pod
                   ? "{\"reason\":\"NotFound\",\"message\":\"no pod\"}"
                   : "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"nodeName\":"
                     "\"n/1\"},\"status\":{\"phase\":\"Running\","
                     "\"containerStatuses\":[]}}");

    } else if (strncmp(r->path, EVENTS, sizeof(EVENTS) - 1) == 0) {
        fake_reply(c, mode.no_events ? 403 : 200, "", "%s", mode.no_events
                   ? "{\"message\":\"events is forbidden\"}"
                   : "{\"items\":[{\"reason\":\"Started\"}]}");

    } else if (strcmp(r->path, "/api/v1/nodes/n%2F1") == 0) {
        fake_reply(c, mode.no_node ? 403 : 200, "", "%s", mode.no_node
                   ? "{\"message\":\"nodes is forbidden\"}"
                   : "{\"metadata\":{\"name\":\"n/1\"}}");

    } else {
        seen.others++;
        fake_reply(c, 404, "", "{}");
    }
}


static void
shown(void *ctx, kecs_rc_t rc, kecs_str_t json)
{
    tap_ok(ctx == &seen, "for who asked");
    seen.done++;
    seen.rc = rc;
    (void) snprintf(seen.json, sizeof(seen.json), "%.*s", kecs_fmt(json));
}


static bool
has(const char *text)
{
    return strstr(seen.json, text) != NULL;
}


static void
look(const char *what)
{
    memset(&seen, 0, sizeof(seen));
    tap_ok(kecs_kube_inspect(looks, task, kecs_null_str, shown, &seen)
           == KECS_OK, "%s",
           what);
    tap_ok(fake_until(&server, k, seen.done != 0), "it is answered");
    tap_ok(seen.rc == KECS_OK && seen.done == 1 && seen.others == 0,
           "once, well");
}


static void
test_parts(void)
{
    look("a task");
    tap_is_int(seen.requests, 3, "three requests");
    tap_ok(has("\"phase\":\"Running\"") && has("\"name\":\"n/1\"")
           && has("\"reason\":\"Started\"") && has("\"refused\":[]"),
           "pod, node and events");

    mode.no_pod = true;
    look("no pod");
    tap_is_int(seen.requests, 2, "and no node");
    tap_ok(has("\"pod\":null,\"node\":null") && has("Started")
           && has("\"refused\":[]"), "its events are left");
    mode.no_pod = false;

    mode.no_events = true;
    mode.no_node = true;
    look("no rights");
    tap_ok(has("\"phase\":\"Running\"") && has("\"events\":null")
           && has("{\"part\":\"events\",\"status\":403,\"message\":\"events "
                  "is forbidden\"}")
           && has("{\"part\":\"node\",\"status\":403,\"message\":\"nodes is "
                  "forbidden\"}"), "each is named");
    mode.no_events = false;
    mode.no_node = false;

    mode.drop = true;
    look("a server that hangs up");
    tap_ok(has("\"pod\":null") && has("{\"part\":\"pod\",\"status\":0"),
           "nothing is known, which is said");
    mode.drop = false;
}


static void
reopen(void)
{
    kecs_kube_inspect_close(looks);
    tap_ok(kecs_kube_inspect_open(k, kecs_str("here"), &looks) == KECS_OK,
           "opened again");
}


static void
test_bounds(void)
{
    unsigned     i;
    kecs_msec_t  began;

    mode.deaf = true;
    began = kecs_monotonic();
    look("a server that says nothing");
    tap_ok(kecs_monotonic() - began >= 4900, "after its time");
    tap_ok(has("{\"part\":\"pod\",\"status\":0"), "which is said");

    for (i = 0; i < KECS_INSPECT_MAX; i++) {
        tap_ok(kecs_kube_inspect(looks, task, kecs_null_str, shown, &seen)
               == KECS_OK,
               "look %u", i);
    }

    tap_ok(kecs_kube_inspect(looks, task, kecs_null_str, shown, &seen)
           == KECS_AGAIN,
           "and no more");
    reopen();
    tap_is_int(kecs_kube_pending(k), 0, "nothing is asked any more");
    fake_step(&server, k, 10);
    tap_is_int(seen.done, 1, "and nobody is told");
    mode.deaf = false;
    look("as before");
}


int
main(void)
{
    kecs_kube_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    memset(task, 0x5a, sizeof(task));
    fake_open(&server, ask);
    tap_ok(fake_client(&server, NULL, "t", &conf, &k), "a client");
    tap_ok(kecs_kube_inspect_open(k, kecs_str("here"), &looks) == KECS_OK,
           "opened");

    test_parts();
    test_bounds();

    kecs_kube_inspect_close(looks);
    kecs_kube_close(k);
    fake_close(&server);

    return tap_done();
}
