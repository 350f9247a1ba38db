/*
 * One run of the program after the other:
 *
 *     due --> started --> pipes read until it ends --> answer parsed
 *              |                                        |
 *              +-- cannot start, time limit, status ----+--> due later
 *
 * Its standard output is the answer and may hold secrets: it is kept in one
 * buffer and one arena and never shown.  Of its standard error only the
 * last line is kept, for the reason of a failure.
 *
 * The program is the leader of a process group, so that what it started
 * goes with it when it takes too long.  Other children of the process are
 * never waited for.
 */

#define _GNU_SOURCE  /* pipe2, environ */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/buf.h"
#include "../json/json.h"
#include "credentials.h"
#include "login.h"


#define ANSWER_MAX  (1u << 20)
#define LINE_MAX    200
#define TICK        100             /* ms; its end makes no noise */
#define TICK_END    10              /* ms, when its pipes are closed */
#define EARLY       60000           /* ms before it expires, at most */

typedef struct {
    char    last[LINE_MAX + 1];     /* that was not blank */
    char    line[LINE_MAX + 1];
    size_t  len;
} tail_t;

struct kecs_login_s {
    kecs_arena_t        *arena;
    kecs_exec_t          exec;
    kecs_msec_t          limit;
    kecs_msec_t          pause;
    kecs_msec_t          pause_max;
    kecs_msec_t          due;       /* not started before; monotonic */
    unsigned             failures;  /* in a row */
    char                 why[512];

    pid_t                pid;       /* 0: it does not run */
    int                  out;       /* -1: closed */
    int                  err;
    kecs_msec_t          until;
    kecs_buf_t           answer;
    tail_t               tail;

    kecs_arena_t        *holding;   /* what is behind the credential */
    kecs_credential_t    credential;
    unsigned             serial;
    bool                 usable;
    bool                 accepted;  /* by the server, once */
    kecs_msec_t          renew;     /* by the wall clock; 0: never */
};


/* Opening and closing. */


static const char *const *
copy_list(kecs_arena_t *a, const char *const *list)
{
    size_t        i, n;
    const char  **copy;

    for (n = 0; list[n] != NULL; n++) {
        /* void */
    }

    copy = kecs_calloc(a, n + 1, sizeof(char *));

    for (i = 0; copy != NULL && i < n; i++) {
        copy[i] = kecs_strdup(a, kecs_str_of(list[i])).data;

        if (copy[i] == NULL) {
            return NULL;
        }
    }

    return copy;
}


/* Ours and what the kubeconfig adds, which counts. */

static const char *const *
merge_environment(kecs_arena_t *a, const char *const *more)
{
    size_t        i, j, len, n;
    const char  **all;

    for (n = 0; environ[n] != NULL; n++) {
        /* void */
    }

    for (i = 0; more[i] != NULL; i++) {
        /* void */
    }

    all = kecs_calloc(a, n + i + 1, sizeof(char *));

    if (all == NULL) {
        return NULL;
    }

    for (n = 0, i = 0; environ[i] != NULL; i++) {
        for (j = 0; more[j] != NULL; j++) {
            len = (size_t) (strchr(more[j], '=') - more[j]) + 1;

            if (strncmp(environ[i], more[j], len) == 0) {
                break;
            }
        }

        if (more[j] == NULL) {
            all[n++] = environ[i];
        }
    }

    for (j = 0; more[j] != NULL; j++) {
        all[n++] = more[j];
    }

    return copy_list(a, all);
}


kecs_rc_t
kecs_login_open(const kecs_exec_t *exec, kecs_msec_t limit,
    kecs_msec_t pause, kecs_msec_t pause_max, kecs_login_t **out)
{
    kecs_login_t  *l;

    l = calloc(1, sizeof(kecs_login_t));

    if (l == NULL) {
        return KECS_NOMEM;
    }

    l->out = -1;
    l->err = -1;
    l->limit = limit;
    l->pause = pause;
    l->pause_max = pause_max;
    kecs_buf_init(&l->answer, NULL, ANSWER_MAX);

    l->arena = kecs_arena_create(0);

    if (l->arena != NULL) {
        l->exec.argv = copy_list(l->arena, exec->argv);
        l->exec.env = merge_environment(l->arena, exec->env);
        l->exec.version = kecs_strdup(l->arena, exec->version);
        l->exec.hint = kecs_strdup(l->arena, exec->hint.data
                                   ? exec->hint : kecs_str(""));
    }

    if (l->exec.argv == NULL || l->exec.env == NULL
        || l->exec.version.data == NULL || l->exec.hint.data == NULL)
    {
        kecs_login_close(l);
        return KECS_NOMEM;
    }

    *out = l;

    return KECS_OK;
}


static void
close_pipe(int *fd)
{
    if (*fd != -1) {
        (void) close(*fd);
        *fd = -1;
    }
}


/* The program is gone, by now; what it answered is forgotten. */

static void
clean_up(kecs_login_t *l)
{
    close_pipe(&l->out);
    close_pipe(&l->err);

    kecs_buf_free(&l->answer);
    kecs_buf_init(&l->answer, NULL, ANSWER_MAX);

    l->pid = 0;
}


static void
kill_program(kecs_login_t *l)
{
    if (l->pid != 0) {
        (void) kill(-l->pid, SIGKILL);
        (void) kill(l->pid, SIGKILL);

        while (waitpid(l->pid, NULL, 0) == -1 && errno == EINTR) {
            /* void */
        }
    }

    clean_up(l);
}


void
kecs_login_close(kecs_login_t *l)
{
    if (l == NULL) {
        return;
    }

    kill_program(l);
    kecs_arena_destroy(l->holding);
    kecs_arena_destroy(l->arena);
    free(l);
}


/* The end of a run. */


static kecs_msec_t
pause_of(const kecs_login_t *l)
{
    unsigned     n;
    kecs_msec_t  pause;

    pause = l->pause;

    for (n = l->failures; n > 0 && pause < l->pause_max; n--) {
        pause *= 2;
    }

    return pause < l->pause_max ? pause : l->pause_max;
}


static void
set_due(kecs_login_t *l)
{
    l->due = kecs_monotonic() + pause_of(l);
}


/* Text of others for one line: no control characters, valid UTF-8. */

static void
tidy(char *s, size_t len)
{
    bool    utf8;
    size_t  i;

    utf8 = kecs_str_utf8(kecs_str_n(s, len));

    for (i = 0; i < len; i++) {
        if ((unsigned char) s[i] < 0x20 || s[i] == 0x7f) {
            s[i] = ' ';

        } else if ((unsigned char) s[i] >= 0x80 && !utf8) {
            s[i] = '?';
        }
    }
}


static kecs_login_event_t failed(kecs_login_t *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


/* The credential there is, if any, stays: it may be good for a while. */

static kecs_login_event_t
failed(kecs_login_t *l, const char *fmt, ...)
{
    int      n;
    va_list  args;

    n = snprintf(l->why, sizeof(l->why), "login by %.100s: ",
                 l->exec.argv[0]);

    va_start(args, fmt);
    (void) vsnprintf(l->why + n, sizeof(l->why) - (size_t) n, fmt, args);
    va_end(args);

    tidy(l->why, strlen(l->why));

    if (l->failures < 32) {
        l->failures++;
    }

    set_due(l);

    return KECS_LOGIN_FAILED;
}


/* Starting the program. */


/*
 * Nothing of ours is left to it: neither signals that are blocked or
 * ignored nor, where that can be asked for, descriptors.
 */

static int
spawn(kecs_login_t *l, int out, int err)
{
    int                          rc;
    sigset_t                     none, all;
    posix_spawnattr_t            attr;
    posix_spawn_file_actions_t   files;

    (void) sigemptyset(&none);
    (void) sigfillset(&all);

    rc = posix_spawnattr_init(&attr);
    if (rc != 0) {
        return rc;
    }

    rc = posix_spawn_file_actions_init(&files);

    if (rc != 0) {
        (void) posix_spawnattr_destroy(&attr);
        return rc;
    }

    (void) posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP
                                    | POSIX_SPAWN_SETSIGMASK
                                    | POSIX_SPAWN_SETSIGDEF);
    (void) posix_spawnattr_setpgroup(&attr, 0);
    (void) posix_spawnattr_setsigmask(&attr, &none);
    (void) posix_spawnattr_setsigdefault(&attr, &all);

    rc = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY,
                                          0);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(&files, out, 1);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(&files, err, 2);

#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 34)
    rc = rc ? rc : posix_spawn_file_actions_addclosefrom_np(&files, 3);
#endif
#endif

    rc = rc ? rc : posix_spawnp(&l->pid, l->exec.argv[0], &files, &attr,
                                (char *const *) (uintptr_t) l->exec.argv,
                                (char *const *) (uintptr_t) l->exec.env);

    (void) posix_spawn_file_actions_destroy(&files);
    (void) posix_spawnattr_destroy(&attr);

    return rc;
}


/* Our end does not block and is not inherited. */

static int
open_pipe(int *ours, int *its)
{
    int  fds[2];

    if (pipe2(fds, O_CLOEXEC) == -1) {
        return errno;
    }

    *ours = fds[0];
    *its = fds[1];

    return fcntl(fds[0], F_SETFL, O_NONBLOCK) == -1 ? errno : 0;
}


static kecs_login_event_t
cannot_start(kecs_login_t *l, int error)
{
    l->pid = 0;
    clean_up(l);

    return failed(l, "%s%s%.*s",
                  error == ENOENT ? "there is no such program"
                                  : strerror(error),
                  l->exec.hint.len > 0 ? "; " : "", kecs_fmt(l->exec.hint));
}


static kecs_login_event_t
start(kecs_login_t *l)
{
    int  rc, out, err;

    out = -1;
    err = -1;
    memset(&l->tail, 0, sizeof(tail_t));

    rc = open_pipe(&l->out, &out);
    rc = rc ? rc : open_pipe(&l->err, &err);
    rc = rc ? rc : spawn(l, out, err);

    close_pipe(&out);
    close_pipe(&err);

    if (rc != 0) {
        return cannot_start(l, rc);
    }

    l->until = kecs_monotonic() + l->limit;

    return KECS_LOGIN_NOTHING;
}


/* Its answer. */


static kecs_rc_t
certificate(const kecs_json_t *status, kecs_credential_t *c)
{
    c->cert = kecs_json_str(kecs_json_get(status, "clientCertificateData"));
    c->key = kecs_json_str(kecs_json_get(status, "clientKeyData"));

    if (c->cert.len == 0 && c->key.len == 0) {
        c->cert = kecs_null_str;
        c->key = kecs_null_str;
    }

    return (c->cert.len == 0) == (c->key.len == 0) ? KECS_OK : KECS_INVALID;
}


static kecs_rc_t
token(const kecs_json_t *status, kecs_credential_t *c)
{
    c->token = kecs_json_str(kecs_json_get(status, "token"));

    if (c->token.len == 0) {
        c->token = kecs_null_str;
        return KECS_OK;
    }

    return kecs_token_clean(c->token, &c->token);
}


/*
 * Clocks disagree, so one that has expired already is tried; the server
 * says what it thinks of it.
 */

static void
set_renewal(kecs_login_t *l, const kecs_json_t *status)
{
    kecs_msec_t  expires, left, early;

    l->renew = 0;

    if (!kecs_time_parse(kecs_json_str(kecs_json_get(status,
                                                     "expirationTimestamp")),
                         &expires))
    {
        return;
    }

    left = expires - kecs_wall_clock();

    if (left > 0) {
        early = left / 10;
        l->renew = expires - (early < EARLY ? early : EARLY);
    }
}


/* What is wrong with the answer, or NULL; `a` holds what *c refers to. */

static const char *
parse(kecs_login_t *l, kecs_arena_t *a, kecs_credential_t *c)
{
    kecs_json_t        *o;
    const kecs_json_t  *status;

    if (kecs_json_parse(a, kecs_buf_view(&l->answer), &o) != KECS_OK
        || !kecs_str_is(kecs_json_str(kecs_json_get(o, "kind")),
                        "ExecCredential"))
    {
        return "its output is no ExecCredential";
    }

    if (!kecs_str_eq(kecs_json_str(kecs_json_get(o, "apiVersion")),
                     l->exec.version))
    {
        return "its output has another apiVersion than the kubeconfig asks "
               "for";
    }

    status = kecs_json_get(o, "status");

    if (token(status, c) != KECS_OK) {
        return "its token is malformed";
    }

    if (certificate(status, c) != KECS_OK) {
        return "it gave a certificate without a key, or a key alone";
    }

    if (c->token.data == NULL && c->cert.data == NULL) {
        return "it gave neither a token nor a certificate";
    }

    set_renewal(l, status);

    return NULL;
}


static kecs_login_event_t
take_answer(kecs_login_t *l)
{
    kecs_arena_t       *a;
    const char         *wrong;
    kecs_credential_t   c;

    a = kecs_arena_create(0);

    if (a == NULL) {
        return failed(l, "out of memory");
    }

    memset(&c, 0, sizeof(kecs_credential_t));
    wrong = l->answer.failed ? "its output is too long" : parse(l, a, &c);

    if (wrong != NULL) {
        kecs_arena_destroy(a);
        return failed(l, "%s", wrong);
    }

    kecs_arena_destroy(l->holding);
    l->holding = a;
    l->credential = c;
    l->serial++;
    l->usable = true;
    l->accepted = false;
    l->why[0] = '\0';
    set_due(l);

    return KECS_LOGIN_NEW;
}


/* The program while it runs. */


static void
end_line(tail_t *t)
{
    size_t  i;

    for (i = 0; i < t->len && t->line[i] == ' '; i++) {
        /* void */
    }

    if (i < t->len) {
        memcpy(t->last, t->line, t->len);
        t->last[t->len] = '\0';
    }

    t->len = 0;
}


static void
add_error(tail_t *t, const char *data, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (data[i] == '\n' || data[i] == '\r') {
            end_line(t);

        } else if (t->len < LINE_MAX) {
            t->line[t->len++] = data[i];
        }
    }
}


static void
take_output(kecs_login_t *l, int *fd)
{
    char     chunk[4096];
    ssize_t  n;

    while (*fd != -1) {
        n = read(*fd, chunk, sizeof(chunk));

        if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }

        if (n <= 0) {
            close_pipe(fd);

        } else if (fd == &l->out) {
            kecs_buf_add(&l->answer, chunk, (size_t) n);

        } else {
            add_error(&l->tail, chunk, (size_t) n);
        }
    }
}


static kecs_login_event_t
ended(kecs_login_t *l, int status)
{
    const char          *last;
    kecs_login_event_t   event;

    end_line(&l->tail);
    last = l->tail.last;

    if (WIFSIGNALED(status)) {
        event = failed(l, "it was killed by signal %d%s%s", WTERMSIG(status),
                       *last ? ": " : "", last);

    } else if (WEXITSTATUS(status) != 0) {
        event = failed(l, "it ended with status %d%s%s", WEXITSTATUS(status),
                       *last ? ": " : "", last);

    } else {
        event = take_answer(l);
    }

    clean_up(l);

    return event;
}


static kecs_login_event_t
follow(kecs_login_t *l)
{
    int    status, error;
    pid_t  pid;

    pid = waitpid(l->pid, &status, WNOHANG);
    error = errno;

    take_output(l, &l->out);
    take_output(l, &l->err);

    if (pid == l->pid) {
        return ended(l, status);
    }

    if (pid == -1 && error != EINTR) {
        clean_up(l);
        return failed(l, "its end was missed: %s", strerror(error));
    }

    if (kecs_monotonic() < l->until) {
        return KECS_LOGIN_NOTHING;
    }

    kill_program(l);
    end_line(&l->tail);

    return failed(l, "it did not end within %lld s%s%s",
                  (long long) (l->limit + 999) / 1000,
                  l->tail.last[0] ? ": " : "", l->tail.last);
}


/* When the program is to be started, monotonic; -1: not as things are. */

static kecs_msec_t
start_at(const kecs_login_t *l)
{
    kecs_msec_t  at;

    if (!l->usable) {
        return l->due;
    }

    if (l->renew == 0) {
        return -1;
    }

    at = kecs_monotonic() + l->renew - kecs_wall_clock();

    return at > l->due ? at : l->due;
}


kecs_login_event_t
kecs_login_run(kecs_login_t *l)
{
    kecs_msec_t  at;

    if (l->pid != 0) {
        return follow(l);
    }

    at = start_at(l);

    return at != -1 && at <= kecs_monotonic() ? start(l)
                                              : KECS_LOGIN_NOTHING;
}


unsigned
kecs_login_fds(const kecs_login_t *l, struct pollfd *fds)
{
    unsigned  n;

    n = 0;

    if (l->out != -1) {
        fds[n++] = (struct pollfd) { .fd = l->out, .events = POLLIN };
    }

    if (l->err != -1) {
        fds[n++] = (struct pollfd) { .fd = l->err, .events = POLLIN };
    }

    return n;
}


int
kecs_login_wait(const kecs_login_t *l, int msec)
{
    kecs_msec_t  at, left;

    if (l->pid != 0) {
        left = l->out == -1 && l->err == -1 ? TICK_END : TICK;

    } else {
        at = start_at(l);
        left = at == -1 ? msec : at - kecs_monotonic();
    }

    return left <= 0 ? 0 : left < msec ? (int) left : msec;
}


/* What came of it. */


bool
kecs_login_usable(const kecs_login_t *l)
{
    return l->usable;
}


const kecs_credential_t *
kecs_login_credential(const kecs_login_t *l)
{
    return &l->credential;
}


unsigned
kecs_login_serial(const kecs_login_t *l)
{
    return l->serial;
}


void
kecs_login_judge(kecs_login_t *l, unsigned serial, long status)
{
    if (serial != l->serial || status == 0 || !l->usable) {
        return;
    }

    if (status != 401) {
        l->accepted = true;
        l->failures = 0;
        return;
    }

    l->usable = false;

    if (!l->accepted && l->failures < 32) {
        l->failures++;
        set_due(l);
    }
}


const char *
kecs_login_why(const kecs_login_t *l)
{
    return l->why;
}
