/*
 * up: the supervisor.  It renders nginx's configuration into the data
 * folder, starts nginx and the reconciler as children, says where
 * everything is, restarts a child that dies (with back-off), and ends both
 * on SIGINT or SIGTERM.  Tasks go on running.  Children die with it: the
 * kernel sends them SIGTERM when this process is killed.
 */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../store/status_file.h"
#include "cli.h"


#define BACKOFF_FIRST   100
#define BACKOFF_MAX     10000
#define STABLE_AFTER    30000
#define READY_WITHIN    5000
#define STOP_WITHIN     35000
#define STOP_AGAIN      1000
#define PORTS_WITHIN    3000

#define BAD_USAGE       2           /* status of a child that cannot help it */

typedef struct {
    const char   *name;
    char        **argv;
    int           quit;             /* signal for a graceful end */
    pid_t         pid;              /* 0: not running */
    kecs_msec_t   started;
    kecs_msec_t   again_at;         /* restart then */
    kecs_msec_t   backoff;
    bool          hopeless;         /* started wrongly: no use in again */
    int           note_fd;          /* its process group is kept there */
    int           slot;
} child_t;

enum { NGINX, RECONCILER, CHILDREN };


/* One `up` per folder. */

static int
lock(const char *data)
{
    int   fd;
    char  path[PATH_MAX + 16];

    (void) snprintf(path, sizeof(path), "%s/up.lock", data);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd == -1) {
        (void) kecs_die("cannot open %s: %s", path, strerror(errno));
        return -1;
    }

    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void) kecs_die("another \"kecs up\" is running on %s", data);
        (void) close(fd);
        return -1;
    }

    return fd;
}


static int
port_bind(unsigned port)
{
    int                 fd, on, err;
    struct sockaddr_in  sin;

    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd == -1) {
        return 0;
    }

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    on = 1;

    (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    err = bind(fd, (struct sockaddr *) &sin, sizeof(sin)) == 0 ? 0 : errno;
    (void) close(fd);

    return err;
}


static bool
port_free(unsigned port)
{
    int  err;

    err = port_bind(port);

    if (err != 0) {
        (void) kecs_die("port %u of 127.0.0.1 is in use: %s", port,
                        strerror(err));
    }

    return err == 0;
}


/* A former master that is about to end holds them last. */

static void
wait_for_ports(const kecs_options_t *o, int lock_fd)
{
    kecs_msec_t  until;

    until = kecs_monotonic() + PORTS_WITHIN;

    while ((port_bind(o->port) != 0 || port_bind(o->admin_port) != 0)
           && kecs_former_lives(lock_fd) && kecs_monotonic() < until)
    {
        (void) poll(NULL, 0, 10);
    }
}


/* Rendering: %%NAME%% in the template. */

static bool
read_file(const char *path, kecs_buf_t *b)
{
    char    *p;
    size_t   n;
    FILE    *f;

    f = fopen(path, "re");

    if (f == NULL) {
        (void) kecs_die("cannot read %s: %s", path, strerror(errno));
        return false;
    }

    do {
        p = kecs_buf_reserve(b, 4096);
        n = p ? fread(p, 1, 4096, f) : 0;
        b->len += n;
    } while (n != 0);

    (void) fclose(f);

    return !b->failed;
}


typedef struct {
    const char  *name;
    const char  *value;
} place_t;


static const char *
place(const place_t *places, kecs_str_t name)
{
    for ( /* void */ ; places->name != NULL; places++) {
        if (kecs_str_is(name, places->name)) {
            return places->value;
        }
    }

    return NULL;
}


static bool
render(kecs_str_t text, const place_t *places, kecs_buf_t *out)
{
    size_t       i, end;
    kecs_str_t   name;
    const char  *value;

    for (i = 0; i < text.len; i++) {

        if (i + 1 >= text.len || text.data[i] != '%'
            || text.data[i + 1] != '%')
        {
            kecs_buf_chr(out, text.data[i]);
            continue;
        }

        for (end = i + 2; end < text.len && text.data[end] != '%'; end++) {
            /* void */
        }

        name = kecs_str_n(text.data + i + 2, end - i - 2);
        value = place(places, name);

        if (value == NULL) {
            (void) kecs_die("the template names an unknown place %.*s",
                            kecs_fmt(name));
            return false;
        }

        kecs_buf_str(out, kecs_str_of(value));
        i = end + 1;
    }

    return !out->failed;
}


static bool
write_file(const char *path, kecs_str_t text)
{
    bool   ok;
    FILE  *f;

    f = fopen(path, "we");

    if (f == NULL) {
        (void) kecs_die("cannot write %s: %s", path, strerror(errno));
        return false;
    }

    ok = fwrite(text.data, 1, text.len, f) == text.len;
    ok = fclose(f) == 0 && ok;

    if (!ok) {
        (void) kecs_die("cannot write %s: %s", path, strerror(errno));
    }

    return ok;
}


static const char *
data_path(const kecs_options_t *o, const char *name)
{
    char  *path;
    size_t  size;

    size = strlen(o->data) + strlen(name) + 2;
    path = malloc(size);

    if (path != NULL) {
        (void) snprintf(path, size, "%s/%s", o->data, name);
    }

    return path;
}


/*
 * The arguments of nginx's access_log, and a directive for the second log.
 * "off" would switch both off, so an audit log alone takes the first place.
 */

#define LOG_SIZE  (PATH_MAX + 64)

static bool
logs(const kecs_options_t *o, char *first, char *second)
{
    int         n, m;
    const char  audit[] = "\"%s\" kecs_audit if=$kecs_change";

    n = o->access_log != NULL
        ? snprintf(first, LOG_SIZE, "\"%s\" kecs", o->access_log)
        : o->audit_log != NULL ? snprintf(first, LOG_SIZE, audit,
                                          o->audit_log)
        : snprintf(first, LOG_SIZE, "off");

    m = o->access_log != NULL && o->audit_log != NULL
        ? snprintf(second, LOG_SIZE, "access_log \"%s\" kecs_audit"
                   " if=$kecs_change;", o->audit_log)
        : snprintf(second, LOG_SIZE, "%s", "");

    if (n < 0 || n >= LOG_SIZE || m < 0 || m >= LOG_SIZE) {
        (void) kecs_die("the path of a log is too long");
        return false;
    }

    return true;
}


/* What answers below /ui/: the files of the web UI where it was built. */

static bool
ui(char *out, size_t size)
{
    int          n;
    char        *slash;
    const char  *index, *headers;

    index = kecs_program_file_maybe("ui/index.html");
    headers = index ? kecs_program_file("ui.conf") : NULL;

    if (headers == NULL) {
        n = snprintf(out, size, "default_type text/plain; "
                     "return 404 \"The web UI is not installed here; in the"
                     " source tree make ui builds it.\\n\";");
        return n > 0 && (size_t) n < size;
    }

    slash = strrchr(index, '/');
    n = snprintf(out, size, "alias \"%.*s/\"; include \"%s\";",
                 (int) (slash - index), index, headers);

    return n > 0 && (size_t) n < size;
}


/*
 * nginx's error log has a file of its own: it is written again on a reload,
 * and what somebody has changed in nginx.conf stays.
 */

#define ERROR_CONF  "error_log.conf"

static bool
write_error_conf(const kecs_options_t *o, const char *level)
{
    int          n;
    char         text[LOG_SIZE];
    const char  *path = data_path(o, ERROR_CONF);

    n = snprintf(text, sizeof(text), "error_log \"%s/error.log\" %s;\n",
                 o->data, level);

    return path != NULL && n > 0 && (size_t) n < sizeof(text)
           && write_file(path, kecs_str_of(text));
}


/* The level as in the folder, else as in the flag. */

static bool
write_level(const kecs_options_t *o)
{
    kecs_rc_t     rc;
    kecs_level_t  level;

    rc = kecs_level_read(o->data, &level);

    return write_error_conf(o, rc == KECS_OK ? kecs_level_name(level)
                                             : o->log_level);
}


static bool
write_conf(const kecs_options_t *o)
{
    bool         ok;
    char         log[LOG_SIZE], audit[LOG_SIZE], port[8], admin[8];
    char         workers[8], files[2 * PATH_MAX + 64], error[LOG_SIZE];
    kecs_buf_t   in, out;
    const char  *template, *module, *runtime;
    const char  *conf = data_path(o, "nginx.conf");

    template = kecs_program_file("kecs.conf");
    module = kecs_program_file("ngx_http_kecs_module.so");
    runtime = kecs_program_file("runtime.conf");

    if (template == NULL || module == NULL || runtime == NULL || conf == NULL
        || !logs(o, log, audit) || !ui(files, sizeof(files)))
    {
        return false;
    }

    (void) snprintf(port, sizeof(port), "%u", o->port);
    (void) snprintf(admin, sizeof(admin), "%u", o->admin_port);
    (void) snprintf(workers, sizeof(workers), "%u", o->workers);
    (void) snprintf(error, sizeof(error), "include \"%s/" ERROR_CONF "\";",
                    o->data);

    const place_t  places[] = {
        { "DATA", o->data }, { "PORT", port }, { "ADMIN_PORT", admin },
        { "WORKERS", workers }, { "MODULE", module },
        { "ERROR_LOG", error },
        { "ACCESS_LOG", log }, { "AUDIT_LOG", audit },
        { "ACCOUNT", o->account }, { "REGION", o->region }, { "UI", files },
        { "RUNTIME", runtime },
        { "USER", geteuid() == 0 ? "user root;" : "" }, { NULL, NULL }
    };

    kecs_buf_init(&in, NULL, 1 << 20);
    kecs_buf_init(&out, NULL, 1 << 20);

    ok = read_file(template, &in)
         && render(kecs_buf_view(&in), places, &out)
         && write_file(conf, kecs_buf_view(&out));

    kecs_buf_free(&in);
    kecs_buf_free(&out);

    return ok;
}


/* Children. */

static void
become(const child_t *c, pid_t parent)
{
    sigset_t  none;

    (void) prctl(PR_SET_PDEATHSIG, SIGTERM);

    if (getppid() != parent) {
        _exit(0);
    }

    /* a reload that comes before it is ready for one: it reads all anyway */

    (void) signal(SIGHUP, SIG_IGN);

    sigemptyset(&none);
    (void) sigprocmask(SIG_SETMASK, &none, NULL);

    (void) execvp(c->argv[0], c->argv);
    (void) kecs_die("cannot run %s: %s", c->argv[0], strerror(errno));
    _exit(127);
}


static bool
start(child_t *c)
{
    pid_t  self;

    (void) fflush(stdout);
    self = getpid();
    c->pid = fork();

    if (c->pid == 0) {
        (void) setpgid(0, 0);
        become(c, self);
    }

    if (c->pid == -1) {
        c->pid = 0;
        (void) kecs_die("cannot start %s: %s", c->name, strerror(errno));
        return false;
    }

    kecs_former_note(c->note_fd, c->slot, c->pid);
    c->started = kecs_monotonic();
    c->again_at = 0;

    return true;
}


/* Notes the end of a child; it is started again after a while. */

static void
ended(child_t *c, int status)
{
    kecs_msec_t  now;

    now = kecs_monotonic();

    /*
     * Workers of a master that was killed hold the ports of the next one.
     * What they have acknowledged is on disk.
     */

    (void) kill(-c->pid, SIGKILL);
    c->pid = 0;

    if (c->backoff == 0 || now - c->started > STABLE_AFTER) {
        c->backoff = BACKOFF_FIRST;

    } else if (c->backoff < BACKOFF_MAX) {
        c->backoff *= 2;
    }

    if (WIFEXITED(status) && WEXITSTATUS(status) == BAD_USAGE) {
        c->hopeless = true;
        return;
    }

    c->again_at = now + c->backoff;

    if (WIFSIGNALED(status)) {
        (void) kecs_die("%s was killed by signal %d; starting it again",
                        c->name, WTERMSIG(status));

    } else {
        (void) kecs_die("%s ended with status %d; starting it again",
                        c->name, WEXITSTATUS(status));
    }
}


/* A child leads a process group of its own, so its children are in it. */

static void
reap(child_t *children, bool restart)
{
    int       i, status;
    pid_t     pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (i = 0; i < CHILDREN; i++) {
            if (children[i].pid != pid) {
                continue;
            }

            if (restart) {
                ended(&children[i], status);

            } else {
                children[i].pid = 0;
            }
        }
    }
}


static int
restart_due(child_t *children)
{
    int          i, wait;
    kecs_msec_t  now;

    now = kecs_monotonic();
    wait = -1;

    for (i = 0; i < CHILDREN; i++) {
        if (children[i].pid != 0 || children[i].again_at == 0) {
            continue;
        }

        if (children[i].again_at <= now) {
            (void) start(&children[i]);
            continue;
        }

        if (wait == -1 || children[i].again_at - now < wait) {
            wait = (int) (children[i].again_at - now);
        }
    }

    return wait;
}


static void
end_gracefully(const child_t *children)
{
    int  i;

    for (i = 0; i < CHILDREN; i++) {
        if (children[i].pid != 0) {
            (void) kill(children[i].pid, children[i].quit);
        }
    }
}


/* The whole group: a master that is killed leaves its workers. */

static void
end_at_once(const child_t *children)
{
    int  i;

    for (i = 0; i < CHILDREN; i++) {
        if (children[i].pid != 0) {
            (void) kill(-children[i].pid, SIGKILL);
        }
    }
}


static bool
any(const child_t *children)
{
    return children[NGINX].pid != 0 || children[RECONCILER].pid != 0;
}


static bool
hopeless(const child_t *children)
{
    return children[NGINX].hopeless || children[RECONCILER].hopeless;
}


/* Waits for a signal; 0: the time is over. */

static int
next_signal(int fd, int msec)
{
    struct pollfd            p;
    struct signalfd_siginfo  info;

    p.fd = fd;
    p.events = POLLIN;

    if (poll(&p, 1, msec) <= 0
        || read(fd, &info, sizeof(info)) != (ssize_t) sizeof(info))
    {
        return 0;
    }

    return (int) info.ssi_signo;
}


/*
 * Who asks a second time does not want to wait.  nginx overlooks a signal
 * that comes while it starts, so it is told again.
 */

static void
stop_all(child_t *children, int fd)
{
    int          sig;
    kecs_msec_t  now, until, again;

    now = again = kecs_monotonic();
    until = now + STOP_WITHIN;
    sig = 0;

    while (any(children)) {
        if (sig == SIGINT || sig == SIGTERM || now > until) {
            end_at_once(children);
            until = now + STOP_WITHIN;

        } else if (now >= again) {
            end_gracefully(children);
            again = now + STOP_AGAIN;
        }

        sig = next_signal(fd, 200);
        reap(children, false);
        now = kecs_monotonic();
    }
}


/* Readiness, asked over HTTP as anybody would. */

static bool
ask_ready(unsigned port, char *body, size_t size)
{
    return kecs_ask(port, "/readyz?verbose", body, size) == 200;
}


static void
banner(const kecs_options_t *o)
{
    char        runtime[128], why[1024], url[64], data[KECS_STATUS_SIZE];
    bool        built;
    kecs_str_t  status;

    built = kecs_program_file_maybe("ui/index.html") != NULL;
    (void) snprintf(url, sizeof(url), "http://127.0.0.1:%u", o->port);

    if (kecs_status_get(o->data, data, &status) != KECS_OK) {
        status = kecs_null_str;
    }

    kecs_said(status, "runtime", runtime, sizeof(runtime));
    kecs_said(status, "choice", why, sizeof(why));

    printf("\n"
           "  ECS API    http://127.0.0.1:%u\n"
           "  web UI     %s%s\n"
           "  admin      http://127.0.0.1:%u/readyz  /metrics\n"
           "  data       %s\n"
           "  runtime    %s\n"
           "             %s\n"
           "\n"
           "In another terminal:\n"
           "\n"
           "  eval \"$(%s env --port %u)\"\n"
           "  aws ecs create-cluster --cluster-name demo\n"
           "  aws ecs register-task-definition --cli-input-json"
           " file://examples/hello.json\n"
           "  aws ecs run-task --cluster demo --task-definition hello\n"
           "\n"
           "Ctrl-C stops the API and the reconciler; tasks go on"
           " running.\n\n",
           o->port, built ? url : "not built; make ui does that",
           built ? "/ui/" : "", o->admin_port, o->data, runtime, why,
           program_invocation_name, o->port);
    (void) fflush(stdout);
}


/* Ready, or told why not; false when a signal asks to stop. */

static bool
wait_ready(const kecs_options_t *o, child_t *children, int fd)
{
    char         body[2048];
    int          sig;
    kecs_msec_t  until;

    until = kecs_monotonic() + READY_WITHIN;

    while (!ask_ready(o->admin_port, body, sizeof(body))) {
        sig = next_signal(fd, 20);

        reap(children, true);

        if (sig == SIGINT || sig == SIGTERM || hopeless(children)) {
            return false;
        }

        (void) restart_due(children);

        if (kecs_monotonic() > until) {
            (void) kecs_die("not ready yet; the admin port says:\n%s", body);
            break;
        }
    }

    banner(o);

    return true;
}


static int
signals(void)
{
    sigset_t  set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    (void) sigprocmask(SIG_BLOCK, &set, NULL);

    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}


/* A level that is none leaves that of nginx; the reconciler complains. */

static void
reload(const kecs_options_t *o, const child_t *children)
{
    int           i;
    kecs_level_t  level;

    if (kecs_level_read(o->data, &level) != KECS_INVALID) {
        (void) write_level(o);
    }

    for (i = 0; i < CHILDREN; i++) {
        if (children[i].pid != 0) {
            (void) kill(children[i].pid, SIGHUP);
        }
    }
}


static void
supervise(const kecs_options_t *o, child_t *children, int fd)
{
    int  sig;

    while (!hopeless(children)) {
        sig = next_signal(fd, restart_due(children));

        if (sig == SIGINT || sig == SIGTERM) {
            return;
        }

        if (sig == SIGHUP) {
            reload(o, children);
        }

        reap(children, true);
    }
}


/* nginx itself says what is wrong with a configuration. */

static bool
conf_is_valid(char **argv)
{
    int      status;
    pid_t    pid;
    int      n;
    char    *test[16];

    for (n = 0; argv[n] != NULL; n++) {
        test[n] = argv[n];
    }

    test[n++] = (char *) (uintptr_t) "-t";
    test[n++] = (char *) (uintptr_t) "-q";
    test[n] = NULL;

    (void) fflush(stdout);
    pid = fork();

    if (pid == 0) {
        (void) execvp(test[0], test);
        _exit(127);
    }

    if (pid == -1 || waitpid(pid, &status, 0) != pid) {
        return false;
    }

    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        (void) kecs_die("nginx is not installed (apt-get install nginx)");
    }

    return status == 0;
}


/* Temporary files of nginx go below the data folder as well. */

static bool
prepare(kecs_options_t *o, int lock_fd)
{
    char         urls[128];
    const char  *file;

    if (!kecs_make_folder(o->data)) {
        return false;
    }

    kecs_former_wait(o->data, lock_fd);
    wait_for_ports(o, lock_fd);
    file = data_path(o, "endpoint");
    (void) snprintf(urls, sizeof(urls), "http://127.0.0.1:%u\n"
                    "http://127.0.0.1:%u\n", o->port, o->admin_port);

    return file != NULL && port_free(o->port) && port_free(o->admin_port)
           && write_level(o) && write_conf(o)
           && write_file(file, kecs_str_of(urls));
}


int
kecs_up(kecs_options_t *o)
{
    int      fd, lock_fd;
    child_t  children[CHILDREN];
    char    *nginx[] = {
        (char *) (uintptr_t) "nginx", (char *) (uintptr_t) "-p",
        (char *) (uintptr_t) o->data, (char *) (uintptr_t) "-e",
        (char *) (uintptr_t) data_path(o, "error.log"),
        (char *) (uintptr_t) "-c",
        (char *) (uintptr_t) data_path(o, "nginx.conf"),
        (char *) (uintptr_t) "-g", (char *) (uintptr_t) "daemon off;", NULL
    };

    if (!kecs_make_folder(o->data)) {
        return 1;
    }

    lock_fd = lock(o->data);

    if (lock_fd == -1 || !prepare(o, lock_fd) || !conf_is_valid(nginx)) {
        return 1;
    }

    memset(children, 0, sizeof(children));
    children[NGINX].name = "nginx";
    children[NGINX].argv = nginx;
    children[NGINX].quit = SIGQUIT;
    children[RECONCILER].name = "kecs-reconciler";
    children[RECONCILER].argv = kecs_reconciler_argv(o, "--create");
    children[RECONCILER].quit = SIGTERM;
    children[NGINX].note_fd = children[RECONCILER].note_fd = lock_fd;
    children[RECONCILER].slot = RECONCILER;

    if (children[RECONCILER].argv == NULL) {
        return 1;
    }

    fd = signals();

    if (fd == -1 || !start(&children[NGINX])
        || !start(&children[RECONCILER]))
    {
        return 1;
    }

    if (wait_ready(o, children, fd)) {
        supervise(o, children, fd);
    }

    printf("stopping; tasks go on running\n");
    (void) fflush(stdout);
    stop_all(children, fd);
    (void) !ftruncate(lock_fd, 0);
    (void) close(lock_fd);

    return hopeless(children) ? 1 : 0;
}
