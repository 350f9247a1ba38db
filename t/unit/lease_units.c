/*
 * The Lease against an API server that keeps one: who gets it, when, and
 * what ends it.  Times are short; a Lease of others counts whole seconds.
 */

#define _GNU_SOURCE

#include <sys/wait.h>

#include "../../src/base/log.h"
#include "../../src/json/json.h"
#include "../../src/kube/object.h"
#include "../../src/runtime/kube_lease.h"
#include "fake_http.h"


#define UUID   "0b5e9c1e-7a35-4c0e-9d43-2f1d3e4a5b6c"
#define ALL    "/apis/coordination.k8s.io/v1/namespaces/team/leases"
#define ONE    ALL "/kecs-" UUID
#define OTHER  "elsewhere_17_00c0ffee"

static fake_t         server;
static kecs_kube_t   *k;
static kecs_lease_t  *lease;
static char           asked[16384];

/* What the server keeps. */
static bool           exists;
static unsigned       version;
static char           holder[512];
static char           renewed[64];
static char           label[64];
static char           named[128];
static int            duration;
static int            transitions;

/* Answers instead of its own, so many times. */
static const char    *method;
static int            status;           /* 0: drops, but does it */
static unsigned       times;


#define is_text(got, ...)  tap_is_str(kecs_str_of(got), __VA_ARGS__)


static void
copy(char *to, size_t size, const kecs_json_t *o, const char *name)
{
    (void) snprintf(to, size, "%.*s",
                    kecs_fmt(kecs_json_str(kecs_json_get(o, name))));
}


static void
show(fake_conn_t *c, int code)
{
    fake_reply(c, code, "", "{\"metadata\":{\"name\":\"x\",\"uid\":\"u\","
               "\"resourceVersion\":\"%u\"},\"spec\":{\"holderIdentity\":"
               "\"%s\",\"leaseDurationSeconds\":%d,\"renewTime\":\"%s\","
               "\"leaseTransitions\":%d}}", version, holder, duration,
               renewed, transitions);
}


static bool
store(const char *body)
{
    int64_t              n;
    char                 seen[32];
    kecs_arena_t        *a;
    const kecs_json_t   *o, *meta, *spec;

    a = kecs_arena_create(0);

    if (kecs_kube_parse(a, kecs_str_of(body), &o) != KECS_OK) {
        kecs_arena_destroy(a);
        return false;
    }

    meta = kecs_json_get(o, "metadata");
    spec = kecs_json_get(o, "spec");
    copy(seen, sizeof(seen), meta, "resourceVersion");

    if (exists && strtoul(seen, NULL, 10) != version) {
        kecs_arena_destroy(a);
        return false;
    }

    copy(named, sizeof(named), meta, "name");
    copy(label, sizeof(label), kecs_json_get(meta, "labels"), "kecs/store");
    copy(holder, sizeof(holder), spec, "holderIdentity");
    copy(renewed, sizeof(renewed), spec, "renewTime");
    duration = kecs_json_i64(kecs_json_get(spec, "leaseDurationSeconds"), &n)
               ? (int) n : -1;
    transitions = kecs_json_i64(kecs_json_get(spec, "leaseTransitions"), &n)
                  ? (int) n : -1;
    exists = true;
    version++;
    kecs_arena_destroy(a);

    return true;
}


static void
serve(fake_conn_t *c, const fake_request_t *r)
{
    bool  post;

    post = strcmp(r->method, "POST") == 0;

    if (strcmp(r->path, post ? ALL : ONE) != 0) {
        fake_reply(c, 400, "", "{\"message\":\"what?\"}");

    } else if (!post && !exists) {
        fake_reply(c, 404, "", "{}");

    } else if (strcmp(r->method, "GET") == 0) {
        show(c, 200);

    } else if ((post && exists) || !store(r->body)) {
        fake_reply(c, 409, "", "{\"reason\":\"Conflict\"}");

    } else {
        show(c, post ? 201 : 200);
    }
}


static void
ask(fake_t *f, fake_conn_t *c, const fake_request_t *r)
{
    size_t  len;

    (void) f;
    len = strlen(asked);
    (void) snprintf(asked + len, sizeof(asked) - len, "%s ", r->method);

    if (times == 0 || (method != NULL && strcmp(method, r->method) != 0)) {
        serve(c, r);
        return;
    }

    times--;

    if (status != 0) {
        fake_reply(c, status, "", "{\"message\":\"no\"}");
        return;
    }

    (void) store(r->body);
    fake_drop(c);
}


static void
turn(void)
{
    fake_step(&server, k, 5);
    kecs_lease_run(lease);
}


#define until(cond)                                                         \
    __extension__ ({                                                        \
        kecs_msec_t  end_ = kecs_monotonic() + 10000;                       \
                                                                            \
        while (!(cond) && kecs_monotonic() < end_) {                        \
            turn();                                                         \
        }                                                                   \
                                                                            \
        (cond);                                                             \
    })


static void
there_is(const char *who, int seconds)
{
    exists = true;
    version = 100;
    duration = seconds;
    transitions = 4;
    (void) snprintf(holder, sizeof(holder), "%s", who);
    (void) snprintf(renewed, sizeof(renewed), "2001-01-01T00:00:00.000000Z");
}


static void
instead(const char *of, int answer, unsigned n)
{
    method = of;
    status = answer;
    times = n;
}


static void
begin(void)
{
    kecs_kube_conf_t   client = { .backoff = 5, .backoff_max = 10 };
    kecs_lease_conf_t  conf = {
        .duration = 900, .renew = 40, .deadline = 500
    };

    asked[0] = '\0';
    tap_ok(fake_open(&server, ask) && fake_client(&server, NULL, NULL,
                                                  &client, &k)
           && kecs_lease_open(k, kecs_str("team"), kecs_str(UUID), false,
                              &conf, &lease) == KECS_OK, "a lease is wanted");
    tap_ok(!kecs_lease_held(lease), "which is not ours at once");
}


static void
end(void)
{
    kecs_lease_close(lease);
    kecs_kube_close(k);
    fake_close(&server);
    exists = false;
    version = 0;
    times = 0;
    method = NULL;
}


/* The holder that this host would be with a given process. */

static const char *
of_host(long pid)
{
    char         host[65];
    static char  text[128];

    host[0] = '\0';
    (void) gethostname(host, sizeof(host) - 1);
    host[64] = '\0';
    (void) snprintf(text, sizeof(text), "%s_%ld_feed", host, pid);

    return text;
}


static bool
is_ours(void)
{
    size_t  len;

    len = strlen(of_host((long) getpid())) - 4;

    return strncmp(holder, of_host((long) getpid()), len) == 0
           && strcmp(holder + len, "feed") != 0;
}


/* A process that is no more. */

static long
dead_pid(void)
{
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        _exit(0);
    }

    (void) waitpid(pid, NULL, 0);

    return (long) pid;
}


static void
test_absent(void)
{
    unsigned  first;

    begin();
    tap_ok(until(kecs_lease_held(lease)), "nobody has it: ours");
    tap_ok(strncmp(asked, "GET POST ", 9) == 0, "it is made: %s", asked);
    tap_ok(is_ours(), "in our name: %s", holder);
    is_text(named, "kecs-" UUID, "named by the store");
    is_text(label, UUID, "and labelled");
    tap_is_int(duration, 1, "whole seconds");
    tap_is_int((int) strlen(renewed), 27, "microseconds: %s", renewed);
    first = version;
    tap_ok(until(version >= first + 3), "it is renewed");
    tap_ok(strstr(asked + 4, "GET") == NULL, "without looking");
    tap_is_int(transitions, 0, "no transition");

    exists = false;
    tap_ok(until(exists), "deleted by somebody: made again");
    tap_ok(kecs_lease_held(lease) && is_ours(), "and ours still");
    end();
}


static void
test_held(void)
{
    kecs_msec_t  from;

    there_is(OTHER, 1);
    begin();
    from = kecs_monotonic();
    tap_ok(until(*kecs_lease_why(lease)), "somebody has it");
    is_text(kecs_lease_why(lease), "the lease kecs-" UUID " is held by "
               OTHER, "who it is");
    tap_ok(strstr(asked, "P") == NULL, "nothing is written");

    (void) until(kecs_monotonic() > from + 600);
    version++;
    (void) snprintf(renewed, sizeof(renewed), "1999-01-01T00:00:00.000000Z");
    (void) until(kecs_monotonic() > from + 1200);
    tap_ok(!kecs_lease_held(lease), "a renewal counts from when we see it, "
           "whatever its clock says");

    tap_ok(until(kecs_lease_held(lease)) && is_ours(),
           "silent for its duration: ours");
    tap_ok(kecs_monotonic() >= from + 1600, "not before");
    tap_is_int(transitions, 5, "a transition");
    is_text(kecs_lease_why(lease), "", "nothing is wrong");

    there_is(OTHER, 1);
    tap_ok(until(!kecs_lease_held(lease)), "taken from us");
    tap_ok(strstr(kecs_lease_why(lease), "is held by " OTHER) != NULL,
           "by somebody");
    is_text(holder, OTHER, "whom we let be");

    holder[0] = '\0';
    version++;
    tap_ok(until(kecs_lease_held(lease)), "given back by them: ours");
    end();

    there_is("", 1);
    begin();
    from = kecs_monotonic();
    tap_ok(until(kecs_lease_held(lease)), "given back before us");
    tap_ok(kecs_monotonic() < from + 500, "ours at once");
    end();
}


static void
test_conflict(void)
{
    begin();
    instead("POST", 409, 1);
    tap_ok(until(kecs_lease_held(lease)), "somebody was faster");
    tap_ok(strncmp(asked, "GET POST GET POST ", 18) == 0, "look again: %s",
           asked);

    asked[0] = '\0';
    instead("PUT", 0, 1);
    tap_ok(until(strstr(asked, "PUT PUT GET PUT PUT") != NULL),
           "the answer to a renewal is lost: we look what became of it");
    tap_ok(kecs_lease_held(lease) && is_ours(), "it is ours");
    tap_is_int(transitions, 0, "all the time");
    end();

    there_is("", 1);
    begin();
    instead("PUT", 409, 1);
    (void) until(times == 0);
    there_is(OTHER, 5);
    tap_ok(until(*kecs_lease_why(lease)) && !kecs_lease_held(lease),
           "two want it, one gets it");
    end();
}


static void
test_lost(void)
{
    unsigned  seen;

    begin();
    (void) until(kecs_lease_held(lease));
    instead("PUT", 500, 2);
    (void) until(times == 0);
    seen = version;
    tap_ok(until(version > seen) && kecs_lease_held(lease),
           "two renewals fail: ours all the same");

    instead(NULL, 503, 1000000);
    tap_ok(until(!kecs_lease_held(lease)), "none succeeds: not ours");
    kecs_lease_run(lease);
    is_text(kecs_lease_why(lease), "the lease kecs-" UUID " could not be "
               "renewed: the lease kecs-" UUID ": HTTP 503: no", "why");
    times = 0;
    tap_ok(until(kecs_lease_held(lease)), "ours when it can be had");
    tap_is_int(transitions, 0, "nobody had it meanwhile");

    /* the clock alone ends it, without any turn */

    (void) usleep(700 * 1000);
    tap_ok(!kecs_lease_held(lease), "asleep for too long: not ours");
    tap_ok(until(kecs_lease_held(lease)), "awake: ours");
    end();

    begin();
    (void) until(kecs_lease_held(lease));
    fake_close(&server);
    tap_ok(until(!kecs_lease_held(lease)), "no server: not ours");
    tap_ok(until(strstr(kecs_lease_why(lease), "connect") != NULL), "%s",
           kecs_lease_why(lease));
    tap_ok(kecs_lease_release(lease), "nothing to give back");
    end();
}


static void
test_own_host(void)
{
    pid_t        zombie;
    siginfo_t    info;
    kecs_msec_t  from;

    zombie = fork();

    if (zombie == 0) {
        _exit(0);
    }

    (void) waitid(P_PID, (id_t) zombie, &info, WEXITED | WNOWAIT);
    tap_ok(kecs_lease_is_free(kecs_str_of(of_host((long) zombie))),
           "a process that nobody has waited for is dead");
    (void) waitpid(zombie, NULL, 0);

    there_is(of_host(dead_pid()), 60);
    begin();
    tap_ok(until(kecs_lease_held(lease)) && is_ours(),
           "our predecessor on this host is dead: ours at once");
    tap_is_int(transitions, 5, "a transition");

    there_is(of_host(dead_pid()), 60);
    tap_ok(until(!kecs_lease_held(lease)),
           "one that comes after us is no predecessor");
    end();

    there_is(of_host((long) getppid()), 1);
    begin();
    from = kecs_monotonic();
    tap_ok(until(*kecs_lease_why(lease)), "one that lives is let be");
    tap_ok(until(kecs_lease_held(lease)) && kecs_monotonic() >= from + 900,
           "until it is silent");
    end();

    tap_ok(kecs_lease_is_free(kecs_str_of(of_host((long) getpid()))),
           "this process");
    tap_ok(kecs_lease_is_free(kecs_str("")), "nobody");
    tap_ok(!kecs_lease_is_free(kecs_str(OTHER)), "another host");
    tap_ok(!kecs_lease_is_free(kecs_str("x")), "no identity of ours");
    tap_ok(!kecs_lease_is_free(kecs_str("_x_")), "nor this");
}


static void
test_release(void)
{
    begin();
    (void) until(kecs_lease_held(lease));
    (void) kecs_lease_release(lease);
    tap_ok(!kecs_lease_held(lease), "given back: not ours from now on");
    tap_ok(until(kecs_lease_release(lease)), "done");
    is_text(holder, "", "nobody has it");
    tap_is_int(duration, 1, "for a second");
    is_text(label, UUID, "the label stays");
    end();

    begin();
    (void) until(kecs_lease_held(lease));
    version++;
    (void) kecs_lease_release(lease);
    tap_ok(until(kecs_lease_release(lease)), "changed by somebody meanwhile");
    is_text(holder, "", "given back all the same");
    end();

    begin();
    (void) until(kecs_lease_held(lease));
    there_is(OTHER, 5);
    (void) kecs_lease_release(lease);
    tap_ok(until(kecs_lease_release(lease)), "taken from us meanwhile");
    is_text(holder, OTHER, "let be");
    end();

    begin();
    (void) until(kecs_lease_held(lease));
    instead("PUT", 500, 1);
    (void) kecs_lease_release(lease);
    tap_ok(until(kecs_lease_release(lease)), "refused: that is all");
    end();

    there_is(OTHER, 5);
    begin();
    (void) until(*kecs_lease_why(lease));
    tap_ok(kecs_lease_release(lease), "never had: nothing to give back");
    is_text(holder, OTHER, "let be");
    end();
}


static unsigned  notices;

static void
on_log(void *ctx, kecs_level_t level, const char *line)
{
    (void) ctx;
    notices += level == KECS_LOG_NOTICE && strstr(line, "no right") != NULL;
}


static void
test_rights(void)
{
    int  i;

    kecs_log_to(on_log, NULL, KECS_LOG_NOTICE);

    instead(NULL, 403, 1000000);
    begin();
    tap_ok(until(kecs_lease_held(lease)), "no right to Leases: without");

    for (i = 0; i < 40; i++) {
        turn();
    }

    is_text(asked, "GET ", "asked once");
    tap_is_int((int) notices, 1, "said once");
    tap_ok(kecs_lease_release(lease), "nothing to give back");
    end();

    instead("POST", 403, 1000000);
    begin();
    tap_ok(until(kecs_lease_held(lease)), "no right to make one: without");
    end();

    begin();
    (void) until(kecs_lease_held(lease));
    notices = 0;
    instead(NULL, 403, 1000000);
    tap_ok(until(!kecs_lease_held(lease)), "a right that is taken away");
    tap_is_int((int) notices, 0, "is no licence");
    end();

    kecs_log_to(NULL, NULL, KECS_LOG_NOTICE);
}


int
main(void)
{
    test_absent();
    test_held();
    test_conflict();
    test_lost();
    test_own_host();
    test_release();
    test_rights();

    return tap_done();
}
