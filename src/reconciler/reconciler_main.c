/*
 * kecs-reconciler: the ECS scheduler and what drives the runtime.  One
 * process per store (a lock on DATA/reconciler.lock, gone with its holder,
 * keeps a second one out).  Options, lock, store, runtime, then the loop.
 * Ending it leaves all tasks running.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../base/log.h"
#include "../store/status_file.h"
#include "reconciler.h"


#ifndef KECS_VERSION
#define KECS_VERSION  "unknown"
#endif

#define STORE_RETRY     250         /* ms, while there is no store yet */
#define REMOVED_POLL    500         /* ms, while pods are taken away */
#define REMOVED_WITHIN  120000

typedef struct {
    const char              *runtime;
    kecs_kubernetes_conf_t   kube;
    kecs_upstream_conf_t     upstream;
    bool                     create;
    bool                     release;
    bool                     help;
    bool                     version;
} options_t;


static int
usage_error(const char *fmt, const char *what)
{
    fprintf(stderr, "kecs-reconciler: ");
    fprintf(stderr, fmt, what);
    fprintf(stderr, "\nTry kecs-reconciler --help.\n");

    return 2;
}


static void
print_help(void)
{
    printf("usage: kecs-reconciler --data DIR [options]\n"
           "\n"
           "  --data DIR           the store's folder\n"
           "  --create             make the store when there is none\n"
           "  --runtime NAME       auto (default), kubernetes, simulated\n"
           "  --kubeconfig FILE    default: as kubectl, or in the cluster\n"
           "  --context NAME       default: the current one\n"
           "  --namespace NAME     default: that of the context\n"
           "  --upstream URL       of other AWS services, or \"aws\";\n"
           "                       URL,SERVICE=URL,...: for some another\n"
           "  --upstream-credentials FILE\n"
           "                       default: AWS_ACCESS_KEY_ID and others\n"
           "  --upstream-profile NAME\n"
           "                       profile in that file: \"default\"\n"
           "  --log-level LEVEL    error, warn, notice, info, debug\n"
           "  --drain              stop all tasks, then end\n"
           "  --release            only take our finalizers from pods\n"
           "  --set NAME=VALUE     a setting; --NAME VALUE means the same\n"
           "  --version\n"
           "\n"
           "settings (durations take ms, s, m, h, d):\n");
    kecs_settings_print(stdout);
}


/* Options. */

static int
set_one(kecs_reconciler_t *r, kecs_str_t name, kecs_str_t value)
{
    char  why[256];

    if (kecs_settings_set(&r->set, name, value, why, sizeof(why)) != KECS_OK)
    {
        return usage_error("%s", why);
    }

    return 0;
}


static int
set_pair(kecs_reconciler_t *r, const char *pair)
{
    kecs_str_t  name, rest;

    rest = kecs_str_of(pair);

    if (!kecs_str_split(&rest, '=', &name) || rest.data == NULL) {
        return usage_error("--set wants NAME=VALUE, not \"%s\"", pair);
    }

    return set_one(r, name, rest);
}


/* A flag that stands alone; false when it is none of them. */

static bool
plain_flag(kecs_reconciler_t *r, options_t *o, const char *flag)
{
    size_t  i;
    struct {
        const char  *name;
        bool        *value;
    } flags[] = {
        { "--create", &o->create },
        { "--drain", &r->draining },
        { "--release", &o->release },
        { "--help", &o->help },
        { "-h", &o->help },
        { "--version", &o->version }
    };

    for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(flag, flags[i].name) == 0) {
            *flags[i].value = true;
            return true;
        }
    }

    return false;
}


static int
log_level(kecs_reconciler_t *r, const char *name)
{
    if (!kecs_level_parse(name, &r->asked_level)) {
        return usage_error("there is no log level \"%s\"", name);
    }

    r->level = r->asked_level;
    kecs_log_to(NULL, NULL, r->level);

    return 0;
}


static int
flag_with_value(kecs_reconciler_t *r, options_t *o, const char *flag,
    const char *value)
{
    size_t  i;
    struct {
        const char   *name;
        const char  **value;
    } flags[] = {
        { "--data", &r->data },
        { "--runtime", &o->runtime },
        { "--kubeconfig", &o->kube.kubeconfig },
        { "--context", &o->kube.context },
        { "--namespace", &o->kube.namespace },
        { "--upstream", &o->upstream.endpoints },
        { "--upstream-credentials", &o->upstream.credentials },
        { "--upstream-profile", &o->upstream.profile }
    };

    for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (strcmp(flag, flags[i].name) == 0) {
            *flags[i].value = value;
            return 0;
        }
    }

    if (strcmp(flag, "--log-level") == 0) {
        return log_level(r, value);
    }

    if (strcmp(flag, "--set") == 0) {
        return set_pair(r, value);
    }

    if (strncmp(flag, "--", 2) != 0) {
        return usage_error("unexpected \"%s\"", flag);
    }

    return set_one(r, kecs_str_of(flag + 2), kecs_str_of(value));
}


static int
parse(kecs_reconciler_t *r, options_t *o, int argc, char **argv)
{
    int  i, status;

    for (i = 1; i < argc; i++) {
        if (plain_flag(r, o, argv[i])) {
            continue;
        }

        if (i + 1 == argc) {
            return usage_error("\"%s\" is unknown or wants a value", argv[i]);
        }

        status = flag_with_value(r, o, argv[i], argv[i + 1]);
        if (status != 0) {
            return status;
        }

        i++;
    }

    if (r->data == NULL && !o->help && !o->version) {
        return usage_error("%s is required", "--data");
    }

    return 0;
}


/*
 * Signals arrive through descriptors; SIGPIPE does nothing.  Those that ask
 * to end have one of their own: all that waits looks at it.
 */

static int
take_signals(int first, int second)
{
    sigset_t  set;

    (void) sigemptyset(&set);
    (void) sigaddset(&set, first);
    (void) sigaddset(&set, second);

    if (sigprocmask(SIG_BLOCK, &set, NULL) == -1) {
        return -1;
    }

    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}


/* Waits a moment; true when a signal asks to end. */

static bool
pause_for(int signals, int msec)
{
    struct pollfd  fd;

    fd = (struct pollfd) { signals, POLLIN, 0 };

    return poll(&fd, 1, msec) > 0;
}


/* The lock is held until the process ends. */

static bool
take_lock(const char *data)
{
    int      fd;
    char     path[4096], pid[32];
    ssize_t  n;

    (void) snprintf(path, sizeof(path), "%s/reconciler.lock", data);

    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd == -1) {
        kecs_log(KECS_LOG_ERROR, "cannot open %s: %s", path,
                 strerror(errno));
        return false;
    }

    if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
        n = pread(fd, pid, sizeof(pid) - 1, 0);
        pid[n > 0 ? n : 0] = '\0';
        kecs_log(KECS_LOG_ERROR, "another kecs-reconciler (process %s) works"
                 " on the store %s already; only one may",
                 pid[0] != '\0' ? pid : "unknown", data);
        (void) close(fd);
        return false;
    }

    n = snprintf(pid, sizeof(pid), "%ld", (long) getpid());

    if (ftruncate(fd, 0) == -1 || pwrite(fd, pid, (size_t) n, 0) != n) {
        kecs_log(KECS_LOG_WARN, "cannot write %s: %s", path,
                 strerror(errno));
    }

    return true;
}


/* The store may be made by another process that starts with this one. */

static kecs_rc_t
open_store(kecs_reconciler_t *r, bool create, int signals)
{
    bool               said;
    kecs_rc_t          rc;
    const char        *why;
    kecs_store_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.path = r->data;
    conf.create = create;
    said = false;

    for ( ;; ) {
        rc = kecs_store_open(&conf, &r->store, &why);

        if (rc != KECS_NOT_FOUND) {
            break;
        }

        if (!said) {
            kecs_log(KECS_LOG_NOTICE, "waiting for the store: %s", why);
            said = true;
        }

        if (pause_for(signals, STORE_RETRY)) {
            return KECS_DONE;
        }
    }

    if (rc != KECS_OK) {
        kecs_log(KECS_LOG_ERROR, "cannot open the store: %s", why);
    }

    return rc;
}


static kecs_rc_t
prepare(kecs_reconciler_t *r)
{
    kecs_rc_t  rc;

    r->api.account = kecs_str("000000000000");
    r->api.region = kecs_str("us-east-1");

    r->arena = kecs_arena_create(65536);
    r->definitions = kecs_definitions_create();
    r->nodes = kecs_nodes_create();
    r->inspect = kecs_inspect_create();

    if (r->arena == NULL || r->definitions == NULL || r->nodes == NULL
        || r->inspect == NULL)
    {
        return KECS_NOMEM;
    }

    rc = kecs_rand_system(&r->rand);

    return rc == KECS_OK ? kecs_news_init(r) : rc;
}


static kecs_rc_t
open_upstream(kecs_reconciler_t *r, options_t *o)
{
    kecs_rc_t    rc;
    const char  *why;

    if (o->upstream.endpoints == NULL) {
        return KECS_OK;
    }

    o->upstream.timeout = r->set.upstream_timeout;
    o->upstream.patience = r->set.upstream_patience;
    o->upstream.backoff = r->set.upstream_backoff;

    rc = kecs_upstream_open(&o->upstream, &r->upstream, &why);

    if (rc != KECS_OK) {
        kecs_log(KECS_LOG_ERROR, "cannot use the upstream %s: %s",
                 o->upstream.endpoints, why);
    }

    return rc;
}


/* --release: lets go of the pods and leaves them. */

static kecs_rc_t
release(kecs_reconciler_t *r, const options_t *o, kecs_arena_t *a)
{
    unsigned     n;
    kecs_rc_t    rc;
    const char  *why;

    rc = kecs_release_runtime(r, o->runtime, &o->kube, false, a, &n, &why);

    if (rc != KECS_OK) {
        kecs_log(KECS_LOG_ERROR, "cannot release: %s", why);
        return rc;
    }

    kecs_log(KECS_LOG_NOTICE, "%u pods released", n);

    return KECS_OK;
}


/*
 * The end of --drain: what is left of us is removed, and the nodes are
 * waited for, which take pods away in their own time.  Nothing is there
 * then that the status would tell of.
 */

static kecs_rc_t
remove_all(kecs_reconciler_t *r, const options_t *o, int signals,
    kecs_arena_t *a)
{
    unsigned        n;
    kecs_rc_t       rc;
    const char     *why;
    kecs_msec_t     until;
    struct pollfd   p;

    until = kecs_monotonic() + REMOVED_WITHIN;
    p.fd = signals;
    p.events = POLLIN;

    for ( ;; ) {
        rc = kecs_release_runtime(r, o->runtime, &o->kube, true, a, &n, &why);

        if (rc != KECS_OK) {
            kecs_log(KECS_LOG_ERROR, "cannot remove pods: %s", why);
            return rc;
        }

        if (n == 0) {
            return kecs_status_remove(r->data);
        }

        if (kecs_monotonic() > until || poll(&p, 1, REMOVED_POLL) > 0) {
            kecs_log(KECS_LOG_ERROR, "%u pods are still being removed", n);
            return KECS_AGAIN;
        }
    }
}


static kecs_rc_t
reconcile(kecs_reconciler_t *r, options_t *o, int signals, kecs_arena_t *a)
{
    kecs_rc_t    rc;
    const char  *why;

    why = "";
    rc = kecs_choose_runtime(r, o->runtime, &o->kube, a, &why);

    if (rc != KECS_OK) {
        kecs_log(KECS_LOG_ERROR, "cannot use the runtime %s: %s", o->runtime,
                 why);
        return rc;
    }

    r->choice = why;
    kecs_log(KECS_LOG_NOTICE, "runtime %s: %s", r->rt->ops->name, why);

    rc = open_upstream(r, o);
    (void) kecs_endpoint_open(r->data, kecs_inspect_asked, r, &r->endpoint);

    if (rc == KECS_OK) {
        rc = kecs_loop(r, signals);
        kecs_status_write(r, true);
    }

    kecs_view_free(r);
    kecs_endpoint_close(r->endpoint);
    kecs_upstream_close(r->upstream);
    r->rt->ops->close(r->rt);

    return rc == KECS_OK && r->drained ? remove_all(r, o, signals, a) : rc;
}


static kecs_rc_t
run(kecs_reconciler_t *r, options_t *o, int signals)
{
    kecs_rc_t           rc;
    kecs_arena_t       *a;
    kecs_store_info_t   info;

    a = kecs_arena_create(0);
    if (a == NULL) {
        return KECS_NOMEM;
    }

    kecs_store_info(r->store, &info);
    o->kube.uuid = info.uuid;
    o->kube.burst = (unsigned) r->set.kube_burst;
    o->kube.restarts = (kecs_restart_rules_t) r->set.kube_restarts;
    o->kube.spaces = r->set.spaces != 0;
    o->kube.lease = r->set.lease;
    o->kube.fetching = o->upstream.endpoints != NULL;
    o->kube.classes = r->set.volume_classes;
    o->kube.logs = r->set.firelens_logs;

    rc = o->release ? release(r, o, a) : reconcile(r, o, signals, a);

    kecs_arena_destroy(a);

    return rc;
}


static void
finish(kecs_reconciler_t *r)
{
    if (r->store != NULL) {
        kecs_store_close(r->store);
    }

    kecs_definitions_destroy(r->definitions);
    kecs_nodes_destroy(r->nodes);
    kecs_inspect_destroy(r->inspect);
    kecs_arena_destroy(r->news_arena);
    kecs_arena_destroy(r->arena);
}


static int
start(kecs_reconciler_t *r, options_t *o)
{
    int        signals;
    kecs_rc_t  rc;

    (void) signal(SIGPIPE, SIG_IGN);
    signals = take_signals(SIGTERM, SIGINT);
    r->reloads = take_signals(SIGHUP, SIGHUP);
    (void) signal(SIGHUP, SIG_DFL);
    rc = signals != -1 && r->reloads != -1 ? prepare(r) : KECS_IO;

    if (rc == KECS_OK) {
        kecs_reload(r);
    }

    if (rc == KECS_OK) {
        rc = open_store(r, o->create, signals);
    }

    if (rc == KECS_OK) {
        rc = take_lock(r->data) ? run(r, o, signals) : KECS_BUSY;
    }

    finish(r);

    return rc == KECS_OK || rc == KECS_DONE ? 0 : 1;
}


int
main(int argc, char **argv)
{
    int                        status;
    options_t                  o;
    static kecs_reconciler_t   r;

    memset(&o, 0, sizeof(o));
    o.runtime = "auto";
    kecs_settings_default(&r.set);
    r.asked_level = r.level = KECS_LOG_NOTICE;
    kecs_log_to(NULL, NULL, r.level);

    status = parse(&r, &o, argc, argv);

    if (status != 0) {
        return status;
    }

    if (o.help) {
        print_help();
        return 0;
    }

    if (o.version) {
        printf("kecs-reconciler %s\n", KECS_VERSION);
        return 0;
    }

    return start(&r, &o);
}
