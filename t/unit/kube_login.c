/*
 * Programs that log in, as shell scripts, and the client that runs them
 * against a server that knows which tokens are good: when they are run,
 * what is done with their answers, and that nobody waits for them.
 */

#define _GNU_SOURCE

#include <signal.h>
#include <sys/stat.h>

#include "../../src/kube/login.h"
#include "fake_http.h"


#define VERSION  "client.authentication.k8s.io/v1"

typedef struct {
    unsigned  calls;
    long      status;
    char      error[512];
} answer_t;

static char            folder[64] = "/tmp/kecs-login-XXXXXX";
static fake_t          server;
static kecs_kube_t    *k;
static char            good[64];            /* token to accept, or "any" */
static char            seen[256];           /* Authorization, the last one */
static unsigned        asked;


static void
ask(fake_t *f, fake_conn_t *c, const fake_request_t *r)
{
    char  bearer[128];

    (void) f;

    asked++;
    (void) snprintf(seen, sizeof(seen), "%s", r->authorization);
    (void) snprintf(bearer, sizeof(bearer), "Bearer %s", good);

    fake_reply(c, strcmp(seen, bearer) == 0 || strcmp(good, "any") == 0
               ? 200 : 401, "", "x");
}


static void
done(void *ctx, const kecs_kube_reply_t *reply)
{
    answer_t  *a = ctx;

    a->calls++;
    a->status = reply->status;
    (void) snprintf(a->error, sizeof(a->error), "%s",
                    reply->error ? reply->error : "");
}


static void
path_of(char *out, size_t size, const char *name)
{
    (void) snprintf(out, size, "%s/%s", folder, name);
}


static void
write_file(const char *name, const char *text, mode_t mode)
{
    char   path[128];
    FILE  *f;

    path_of(path, sizeof(path), name);
    f = fopen(path, "w");

    if (f == NULL) {
        printf("Bail out! no file\n");
        exit(1);
    }

    (void) fputs(text, f);
    fclose(f);
    (void) chmod(path, mode);
}


/* How often the program ran: each run appends a line. */

static unsigned
runs(void)
{
    int        c;
    char       path[128];
    FILE      *f;
    unsigned   n;

    path_of(path, sizeof(path), "runs");
    f = fopen(path, "r");
    n = 0;

    while (f != NULL && (c = fgetc(f)) != EOF) {
        n += c == '\n';
    }

    if (f != NULL) {
        fclose(f);
    }

    return n;
}


/*
 * The program: counts its run, then does `script`; $D is the folder.  A
 * script that ends in "token NAME [SECONDS]" answers with a token.
 */

static void
program(const char *script)
{
    char  text[4096];

    (void) snprintf(text, sizeof(text),
        "#!/bin/sh\n"
        "D=%s\n"
        "echo run >> $D/runs\n"
        "answer() { printf '{\"kind\":\"ExecCredential\",\"apiVersion\":\""
        VERSION "\",\"status\":{%%s}}' \"$1\"; }\n"
        "token() { if [ -n \"$2\" ]; then at=$(date -u -d \"+$2 seconds\" "
        "+%%Y-%%m-%%dT%%H:%%M:%%SZ); answer \"\\\"token\\\":\\\"$1\\\","
        "\\\"expirationTimestamp\\\":\\\"$at\\\"\";"
        " else answer \"\\\"token\\\":\\\"$1\\\"\"; fi; }\n"
        "%s\n", folder, script);

    write_file("login", text, 0755);
}


static void
open_with(const char *command, const char *version, const char *hint,
    kecs_msec_t limit)
{
    char               path[128], url[64];
    kecs_exec_t        exec;
    kecs_kubeconfig_t  config;
    kecs_kube_conf_t   conf = {
        .backoff = 20, .backoff_max = 40, .login = limit
    };
    const char        *argv[] = { path, "first", "second", NULL };
    static const char *const  env[] = {
        "KECS_TEST_ONE=1", "KUBERNETES_EXEC_INFO={}", NULL
    };

    (void) snprintf(path, sizeof(path), "%s", command);
    memset(&exec, 0, sizeof(exec));
    exec.argv = argv;
    exec.env = env;
    exec.version = kecs_str_of(version);
    exec.hint = kecs_str_of(hint);

    if (!fake_open(&server, ask)) {
        printf("Bail out! no server\n");
        exit(1);
    }

    memset(&config, 0, sizeof(config));
    (void) snprintf(url, sizeof(url), "http://127.0.0.1:%u", server.port);
    config.server = kecs_str_of(url);
    config.namespace = kecs_str("default");
    config.loopback = true;
    config.exec = &exec;

    if (kecs_kube_open(&config, &conf, &k) != KECS_OK) {
        printf("Bail out! no client\n");
        exit(1);
    }

    asked = 0;
    (void) snprintf(seen, sizeof(seen), "none");
    write_file("runs", "", 0644);
}


static void
open_client(kecs_msec_t limit)
{
    char  path[128];

    path_of(path, sizeof(path), "login");
    open_with(path, VERSION, NULL, limit);
}


static void
close_client(void)
{
    kecs_kube_close(k);
    fake_close(&server);
}


static void
get(answer_t *a, bool retry)
{
    kecs_kube_request_t  r;

    memset(a, 0, sizeof(answer_t));
    memset(&r, 0, sizeof(r));
    r.method = "GET";
    r.path = kecs_str("/x");
    r.retry = retry;
    r.done = done;
    r.ctx = a;

    (void) kecs_kube_send(k, &r, NULL);
}


static bool
answered(answer_t *a, long status)
{
    return fake_until(&server, k, a->calls) && a->status == status;
}


static void
accept_token(const char *token)
{
    (void) snprintf(good, sizeof(good), "%s", token);
}


static void
test_token(void)
{
    int       i;
    answer_t  a[3];

    program("[ \"$1-$2\" = first-second ] || exit 1\n"
            "[ \"$KECS_TEST_ONE\" = 1 ] || exit 2\n"
            "[ \"$KUBERNETES_EXEC_INFO\" = '{}' ] || exit 3\n"
            "[ -n \"$PATH\" ] || exit 4\n"
            "[ \"$(wc -c < /dev/stdin)\" = 0 ] || exit 5\n"
            "token t1");
    accept_token("t1");
    (void) setenv("KECS_TEST_ONE", "ours", 1);
    open_client(0);

    for (i = 0; i < 3; i++) {
        get(&a[i], false);
    }

    tap_ok(answered(&a[0], 200) && answered(&a[1], 200)
           && answered(&a[2], 200), "requests with what a program told: %s",
           a[0].error);
    tap_is_str(kecs_str_of(seen), "Bearer t1", "its token");
    tap_is_int(asked, 3, "none was sent without it");
    get(&a[0], false);
    tap_ok(answered(&a[0], 200), "later ones, too");
    tap_is_int(runs(), 1, "it ran once");

    close_client();
}


/* A turn of the loop never takes as long as the program does. */

static void
test_slow(void)
{
    char         fifo[128];
    FILE        *f;
    answer_t     a;
    unsigned     i;

    program("read line < $D/fifo; token \"$line\"");
    path_of(fifo, sizeof(fifo), "fifo");
    (void) mkfifo(fifo, 0600);
    accept_token("slow");
    open_client(0);
    get(&a, false);

    tap_ok(fake_until(&server, k, runs() == 1), "a program that thinks");

    for (i = 0; i < 20; i++) {
        fake_step(&server, k, 1);
    }

    tap_ok(a.calls == 0 && asked == 0, "the loop turns, the request waits");
    f = fopen(fifo, "w");
    (void) fputs("slow\n", f);
    fclose(f);
    tap_ok(answered(&a, 200), "until it has told: %s", a.error);

    close_client();
}


static void
test_refresh(void)
{
    answer_t  a;

    program("n=$(wc -l < $D/runs); token t$n");
    accept_token("t1");
    open_client(0);
    get(&a, false);
    tap_ok(answered(&a, 200), "the first token");

    accept_token("t2");
    get(&a, false);
    tap_ok(answered(&a, 200), "it is rejected: another one is asked for");
    tap_is_int(runs(), 2, "once");
    tap_is_int(asked, 3, "and the request repeated once");

    accept_token("none");
    get(&a, false);
    tap_ok(answered(&a, 401), "who is rejected again is told so");
    tap_is_int(asked, 5, "after one repetition");

    accept_token("t9");
    get(&a, true);
    tap_ok(answered(&a, 200), "one that is repeated gets there");
    tap_is_str(kecs_str_of(seen), "Bearer t9", "in the end");

    close_client();
}


static void
test_expiry(void)
{
    answer_t     a;
    unsigned     n;
    kecs_msec_t  end;

    program("n=$(wc -l < $D/runs); token t$n 5");
    accept_token("any");
    open_client(0);
    get(&a, false);
    tap_ok(answered(&a, 200), "a token for five seconds");
    tap_is_str(kecs_str_of(seen), "Bearer t1", "the first one");
    tap_ok(fake_until(&server, k, runs() == 2), "is renewed unasked");
    end = kecs_monotonic() + 10000;

    do {
        get(&a, false);
        (void) fake_until(&server, k, a.calls);
    } while (a.status == 200 && strcmp(seen, "Bearer t1") == 0
             && kecs_monotonic() < end);

    tap_is_int(a.status, 200, "nothing failed in between");
    tap_is_str(kecs_str_of(seen), "Bearer t2", "and used");
    close_client();

    program("n=$(wc -l < $D/runs); token t$n -60");
    accept_token("t1");
    open_client(0);
    get(&a, false);
    tap_ok(answered(&a, 200), "one that has expired by our clock is tried");

    for (n = 0; n < 10; n++) {
        fake_step(&server, k, 5);
    }

    tap_is_int(runs(), 1, "and not renewed for that");
    close_client();
}


static bool
fails_with(const char *text)
{
    answer_t  a;

    get(&a, false);

    if (answered(&a, 0) && strstr(a.error, text) != NULL
        && strstr(a.error, "secret-1") == NULL)
    {
        return true;
    }

    printf("# %ld: %s\n", a.status, a.error);

    return false;
}


static void
test_failures(void)
{
    answer_t  a;

    program("echo not this >&2; echo 'no session; log in first' >&2;"
            " echo >&2; exit 3");
    accept_token("t");
    open_client(0);
    tap_ok(fails_with("ended with status 3: no session; log in first"),
           "a program that fails: its last line");
    tap_is_int(asked, 0, "nothing was sent");

    get(&a, true);
    tap_ok(fake_until(&server, k, runs() >= 3) && a.calls == 0,
           "it is tried again for who can wait");
    program("token t");
    tap_ok(answered(&a, 200), "until it succeeds");
    close_client();

    program("printf 'a\\007\\377b' >&2; kill -TERM $$");
    open_client(0);
    tap_ok(fails_with("killed by signal 15: a ?b"), "a signal, odd bytes");
    close_client();

    program("sleep 1000 & echo $! > $D/new; mv $D/new $D/child;"
            " echo waiting >&2; wait");
    open_client(6000);
    tap_ok(fails_with("did not end within 6 s: waiting"), "a time limit");
    close_client();

    open_with("kecs-no-such-program", VERSION, "get it\nfrom there", 0);
    tap_ok(fails_with("there is no such program; get it from there"),
           "none: its hint");
    close_client();
}


/* What the time limit killed took its child along. */

static void
test_group(void)
{
    int    pid;
    char   path[128];
    FILE  *f;

    path_of(path, sizeof(path), "child");
    f = fopen(path, "r");
    pid = 0;

    if (f != NULL) {
        if (fscanf(f, "%d", &pid) != 1) {
            pid = 0;
        }

        fclose(f);
    }

    tap_ok(pid > 0, "the program had a child");

    while (pid > 0 && kill(pid, 0) == 0) {
        char           stat[64], text[256];
        const char    *end;

        (void) snprintf(stat, sizeof(stat), "/proc/%d/stat", pid);
        f = fopen(stat, "r");

        if (f == NULL) {
            break;
        }

        end = fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
        fclose(f);

        if (end == NULL || end[2] == 'Z') {
            break;
        }

        usleep(10000);
    }

    tap_ok(pid > 0, "which went with it");
}


static void
test_answers(void)
{
    int  i;

    static const char *const  bad[][2] = {
        { "echo secret-1", "no ExecCredential" },
        { "echo '{\"kind\":\"Pod\"}'", "no ExecCredential" },
        { "true", "no ExecCredential" },
        { "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"v9\","
          "\"status\":{\"token\":\"secret-1\"}}'", "another apiVersion" },
        { "answer ''", "neither a token nor a certificate" },
        { "answer '\"token\":\"secret-1 x\"'", "token is malformed" },
        { "answer '\"clientKeyData\":\"secret-1\"'", "a key alone" },
        { "head -c 2000000 /dev/zero | tr '\\000' x", "too long" },
        { NULL, NULL }
    };

    for (i = 0; bad[i][0] != NULL; i++) {
        program(bad[i][0]);
        open_client(0);
        tap_ok(fails_with(bad[i][1]), "an answer: %s", bad[i][1]);
        close_client();
    }
}


static void
test_certificate(void)
{
    kecs_exec_t               exec;
    kecs_login_t             *l;
    kecs_msec_t               end;
    kecs_login_event_t        event;
    const kecs_credential_t  *c;
    char                      path[128];
    const char               *argv[] = { path, NULL };
    const char               *env[] = { NULL };

    program("answer '\"clientCertificateData\":\"CERT\\n\","
            "\"clientKeyData\":\"KEY\\n\"'");
    path_of(path, sizeof(path), "login");
    memset(&exec, 0, sizeof(exec));
    exec.argv = argv;
    exec.env = env;
    exec.version = kecs_str(VERSION);

    tap_is_int(kecs_login_open(&exec, 10000, 1, 1, &l), KECS_OK, "a program");
    end = kecs_monotonic() + 10000;

    do {
        struct pollfd  fds[KECS_LOGIN_FDS];

        event = kecs_login_run(l);
        (void) poll(fds, kecs_login_fds(l, fds), kecs_login_wait(l, 50));
    } while (event == KECS_LOGIN_NOTHING && kecs_monotonic() < end);

    tap_is_int(event, KECS_LOGIN_NEW, "tells a certificate %s",
               kecs_login_why(l));
    c = kecs_login_credential(l);
    tap_is_str(c->cert, "CERT\n", "it");
    tap_is_str(c->key, "KEY\n", "its key");
    tap_ok(c->token.data == NULL, "no token");
    tap_ok(kecs_login_usable(l), "to be used");
    kecs_login_judge(l, kecs_login_serial(l) + 1, 401);
    tap_ok(kecs_login_usable(l), "another one's rejection is not its own");
    kecs_login_judge(l, kecs_login_serial(l), 401);
    tap_ok(!kecs_login_usable(l), "its own is");

    kecs_login_close(l);
}


/* Closing while the program runs. */

static void
test_close(void)
{
    answer_t  a;

    program("echo $$ > $D/child; exec sleep 1000");
    open_client(0);
    get(&a, false);
    (void) fake_until(&server, k, runs() == 1);
    close_client();
    test_group();
    tap_is_int(a.calls, 0, "nobody is called back");
}


int
main(void)
{
    char  command[128];

    if (mkdtemp(folder) == NULL) {
        return 1;
    }

    test_token();
    test_slow();
    test_refresh();
    test_expiry();
    test_failures();
    test_group();
    test_answers();
    test_certificate();
    test_close();

    (void) snprintf(command, sizeof(command), "rm -r %s", folder);
    tap_is_int(system(command), 0, "the folder is gone");

    return tap_done();
}
