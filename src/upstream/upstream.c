/*
 * The client: curl's multi handle driven by its sockets, which are watched
 * by an epoll descriptor together with one timer, so that whoever waits has
 * one descriptor to look at.
 *
 * One thread.  All calls are in one list; those that are not on their way
 * wait for their time (`due`) and for a slot.  Credentials are looked up
 * when an attempt begins, and exist in an arena of that moment only.
 * Curl's callbacks only copy bytes and note what is to be watched.
 */

#define _GNU_SOURCE  /* memmem */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <curl/curl.h>

#include "../base/rand.h"
#include "aws_credentials.h"
#include "upstream.h"


#define ACTIVE_MAX   32
#define ANSWER_MAX   (1u << 20)
#define TIMEOUT      5000
#define PATIENCE     20000
#define BACKOFF      200
#define BACKOFF_MAX  5000
#define EVENTS       32

struct kecs_upstream_call_s {
    TAILQ_ENTRY(kecs_upstream_call_s)   link;
    kecs_upstream_t                    *u;
    kecs_upstream_request_t             r;
    kecs_arena_t                       *arena;      /* of the copies */
    CURL                               *easy;       /* on its way */
    struct curl_slist                  *headers;
    char                               *in;
    size_t                              in_len;
    unsigned                            attempts;
    kecs_msec_t                         began;
    kecs_msec_t                         due;
    char                                error[CURL_ERROR_SIZE];
};

TAILQ_HEAD(calls_s, kecs_upstream_call_s);

struct kecs_upstream_s {
    kecs_upstream_conf_t   conf;
    kecs_rand_t            rand;
    CURLM                 *multi;
    struct calls_s         calls;
    unsigned               active;
    int                    epoll;
    int                    timer;
    kecs_msec_t            curl_due;    /* -1: curl waits for no time */
};


/* Endpoints. */


/* One of the list: whose it is (absent: of all), and where. */

static bool
next_endpoint(kecs_str_t *list, kecs_str_t *service, kecs_str_t *where)
{
    ptrdiff_t  equals, colon;

    if (!kecs_str_split(list, ',', where)) {
        return false;
    }

    equals = kecs_str_chr(*where, '=');
    colon = kecs_str_chr(*where, ':');
    *service = kecs_null_str;

    if (equals >= 0 && (colon < 0 || equals < colon)) {
        *service = kecs_str_n(where->data, (size_t) equals);
        *where = kecs_str_from(*where, (size_t) equals + 1);
    }

    return true;
}


static kecs_str_t
find_endpoint(const kecs_upstream_t *u, kecs_str_t service)
{
    kecs_str_t  list, name, where, common;

    common = kecs_null_str;
    list = kecs_str_of(u->conf.endpoints);

    while (next_endpoint(&list, &name, &where)) {
        if (name.data == NULL) {
            common = where;

        } else if (kecs_str_eq(name, service)) {
            return where;
        }
    }

    return common;
}


static bool
endpoints_are_valid(const char *endpoints)
{
    kecs_str_t  list, name, where;

    list = kecs_str_of(endpoints);

    while (next_endpoint(&list, &name, &where)) {
        if (!kecs_str_is(where, "aws")
            && !kecs_str_starts(where, kecs_str("http://"))
            && !kecs_str_starts(where, kecs_str("https://")))
        {
            return false;
        }
    }

    return true;
}


/* The endpoint without a slash at its end; data NULL: out of memory. */

static kecs_str_t
base_of(const kecs_upstream_call_t *c, kecs_arena_t *a)
{
    kecs_str_t                       where;
    const kecs_upstream_request_t   *r = &c->r;

    where = find_endpoint(c->u, r->service);

    if (kecs_str_is(where, "aws")) {
        return kecs_sprintf(a, "https://%.*s.%.*s.amazonaws.com%s",
                            kecs_fmt(r->service), kecs_fmt(r->region),
                            kecs_str_starts(r->region, kecs_str("cn-"))
                            ? ".cn" : "");
    }

    while (where.len > 0 && where.data[where.len - 1] == '/') {
        where.len--;
    }

    return where;
}


/* Host and path of a URL. */

static void
split_url(kecs_str_t url, kecs_str_t *host, kecs_str_t *path)
{
    ptrdiff_t  slash;

    *host = kecs_str_from(url, (size_t) kecs_str_chr(url, ':') + 3);
    slash = kecs_str_chr(*host, '/');
    *path = kecs_null_str;

    if (slash >= 0) {
        *path = kecs_str_from(*host, (size_t) slash);
        host->len = (size_t) slash;
    }
}


/* What curl wants to be watched. */


static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket)
{
    kecs_upstream_t     *u = ctx;
    struct epoll_event   e;

    (void) easy;
    (void) socket;

    if (what == CURL_POLL_REMOVE) {
        (void) epoll_ctl(u->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }

    memset(&e, 0, sizeof(e));
    e.data.fd = fd;
    e.events = (what & CURL_POLL_IN ? EPOLLIN : 0u)
               | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);

    if (epoll_ctl(u->epoll, EPOLL_CTL_MOD, fd, &e) == -1) {
        (void) epoll_ctl(u->epoll, EPOLL_CTL_ADD, fd, &e);
    }

    return 0;
}


static int
on_timer(CURLM *multi, long msec, void *ctx)
{
    kecs_upstream_t  *u = ctx;

    (void) multi;
    u->curl_due = msec < 0 ? -1 : kecs_monotonic() + msec;

    return 0;
}


/* The timer is set to what comes first: curl's time or a call's. */

static void
set_timer(kecs_upstream_t *u)
{
    kecs_msec_t             at, left;
    struct itimerspec       t;
    kecs_upstream_call_t   *c;

    at = u->curl_due;

    if (u->active < ACTIVE_MAX) {
        TAILQ_FOREACH(c, &u->calls, link) {
            if (c->easy == NULL && (at < 0 || c->due < at)) {
                at = c->due;
            }
        }
    }

    memset(&t, 0, sizeof(t));

    if (at >= 0) {
        left = at - kecs_monotonic();
        left = left > 0 ? left : 0;
        t.it_value.tv_sec = (time_t) (left / 1000);
        t.it_value.tv_nsec = (long) (left % 1000) * 1000000 + 1;
    }

    (void) timerfd_settime(u->timer, 0, &t, NULL);
}


/* Opening and closing. */


static kecs_rc_t
watch_timer(kecs_upstream_t *u)
{
    struct epoll_event  e;

    u->epoll = epoll_create1(EPOLL_CLOEXEC);
    u->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

    memset(&e, 0, sizeof(e));
    e.events = EPOLLIN;
    e.data.fd = u->timer;

    return u->epoll != -1 && u->timer != -1
           && epoll_ctl(u->epoll, EPOLL_CTL_ADD, u->timer, &e) == 0
           ? KECS_OK : KECS_IO;
}


static kecs_rc_t
setup(kecs_upstream_t *u)
{
    kecs_rc_t  rc;

    rc = watch_timer(u);
    if (rc != KECS_OK) {
        return rc;
    }

    u->multi = curl_multi_init();
    if (u->multi == NULL) {
        return KECS_NOMEM;
    }

    (void) curl_multi_setopt(u->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void) curl_multi_setopt(u->multi, CURLMOPT_SOCKETDATA, u);
    (void) curl_multi_setopt(u->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    (void) curl_multi_setopt(u->multi, CURLMOPT_TIMERDATA, u);
    (void) curl_multi_setopt(u->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);

    return kecs_rand_system(&u->rand);
}


kecs_rc_t
kecs_upstream_open(const kecs_upstream_conf_t *conf, kecs_upstream_t **out,
    const char **why)
{
    kecs_rc_t         rc;
    kecs_upstream_t  *u;

    if (!endpoints_are_valid(conf->endpoints)) {
        *why = "an endpoint is neither a URL nor \"aws\"";
        return KECS_INVALID;
    }

    *why = "the client of the upstream cannot be set up";

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return KECS_IO;
    }

    u = calloc(1, sizeof(kecs_upstream_t));

    if (u == NULL) {
        curl_global_cleanup();
        return KECS_NOMEM;
    }

    TAILQ_INIT(&u->calls);
    u->curl_due = -1;
    u->epoll = -1;
    u->timer = -1;
    u->conf = *conf;
    u->conf.timeout = conf->timeout ? conf->timeout : TIMEOUT;
    u->conf.patience = conf->patience ? conf->patience : PATIENCE;
    u->conf.backoff = conf->backoff ? conf->backoff : BACKOFF;

    rc = setup(u);

    if (rc != KECS_OK) {
        kecs_upstream_close(u);
        return rc;
    }

    *out = u;

    return KECS_OK;
}


static void
forget_answer(kecs_upstream_call_t *c)
{
    if (c->in != NULL) {
        explicit_bzero(c->in, c->in_len);
        free(c->in);
    }

    c->in = NULL;
    c->in_len = 0;
}


/* The attempt is over; the call stays, and so does what was answered. */

static void
detach(kecs_upstream_call_t *c)
{
    struct curl_slist  *h;

    if (c->easy != NULL) {
        (void) curl_multi_remove_handle(c->u->multi, c->easy);
        curl_easy_cleanup(c->easy);
        c->easy = NULL;
        c->u->active--;
    }

    for (h = c->headers; h != NULL; h = h->next) {
        explicit_bzero(h->data, strlen(h->data));
    }

    curl_slist_free_all(c->headers);
    c->headers = NULL;
}


static void
discard(kecs_upstream_call_t *c)
{
    detach(c);
    forget_answer(c);

    if (c->arena != NULL) {
        kecs_arena_wipe(c->arena);
        kecs_arena_destroy(c->arena);
    }

    free(c);
}


void
kecs_upstream_cancel(kecs_upstream_call_t *c)
{
    if (c != NULL) {
        TAILQ_REMOVE(&c->u->calls, c, link);
        discard(c);
    }
}


void
kecs_upstream_close(kecs_upstream_t *u)
{
    if (u == NULL) {
        return;
    }

    while (!TAILQ_EMPTY(&u->calls)) {
        kecs_upstream_cancel(TAILQ_FIRST(&u->calls));
    }

    if (u->multi != NULL) {
        (void) curl_multi_cleanup(u->multi);
    }

    if (u->timer != -1) {
        (void) close(u->timer);
    }

    if (u->epoll != -1) {
        (void) close(u->epoll);
    }

    free(u);
    curl_global_cleanup();
}


bool
kecs_upstream_has(const kecs_upstream_t *u, const char *service)
{
    return u != NULL && find_endpoint(u, kecs_str_of(service)).len > 0;
}


int
kecs_upstream_fd(const kecs_upstream_t *u)
{
    return u != NULL ? u->epoll : -1;
}


/* An attempt. */


static size_t
on_data(char *data, size_t size, size_t n, void *ctx)
{
    kecs_upstream_call_t  *c = ctx;

    if (size * n > ANSWER_MAX - c->in_len) {
        return 0;
    }

    memcpy(c->in + c->in_len, data, size * n);
    c->in_len += size * n;

    return size * n;
}


static bool
set_header(kecs_upstream_call_t *c, kecs_arena_t *a,
    const kecs_aws_header_t *h)
{
    kecs_str_t          line;
    struct curl_slist  *list;

    line = kecs_sprintf(a, "%.*s: %.*s", kecs_fmt(h->name),
                        kecs_fmt(h->value));
    list = line.data ? curl_slist_append(c->headers, line.data) : NULL;

    if (list != NULL) {
        c->headers = list;
    }

    return list != NULL;
}


static bool
sign(kecs_upstream_call_t *c, kecs_arena_t *a,
    const kecs_aws_credentials_t *k, kecs_str_t url)
{
    size_t              i, n;
    bool                done;
    kecs_aws_header_t  *headers;
    kecs_aws_signed_t   r;

    memset(&r, 0, sizeof(r));
    r.service = c->r.service;
    r.region = c->r.region;
    r.method = c->r.method;
    r.query = c->r.query;
    r.headers = c->r.headers;
    r.n_headers = c->r.n_headers;
    r.body = c->r.body;
    split_url(url, &r.host, &r.path);

    done = kecs_aws_sign(a, &r, k, kecs_wall_clock(), &headers, &n)
           == KECS_OK;

    for (i = 0; done && i < n; i++) {
        done = set_header(c, a, &headers[i]);
    }

    return done;
}


static void
set_method(kecs_upstream_call_t *c)
{
    if (strcmp(c->r.method, "GET") == 0) {
        return;
    }

    (void) curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, c->r.method);
    (void) curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS,
                            c->r.body.data ? c->r.body.data : "");
    (void) curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                            (curl_off_t) c->r.body.len);
}


static bool
address(kecs_upstream_call_t *c, kecs_arena_t *a, kecs_str_t url)
{
    url = kecs_sprintf(a, "%.*s%s%.*s", kecs_fmt(url),
                       c->r.query.len != 0 ? "?" : "",
                       kecs_fmt(c->r.query));

    if (url.data == NULL
        || curl_easy_setopt(c->easy, CURLOPT_URL, url.data) != CURLE_OK)
    {
        return false;
    }

    (void) curl_easy_setopt(c->easy, CURLOPT_PATH_AS_IS, 1L);
    (void) curl_easy_setopt(c->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void) curl_easy_setopt(c->easy, CURLOPT_SSLVERSION,
                            CURL_SSLVERSION_TLSv1_2);
    (void) curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
    (void) curl_easy_setopt(c->easy, CURLOPT_USERAGENT, "kecs");
    (void) curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS,
                            (long) (c->r.timeout ? c->r.timeout
                                                 : c->u->conf.timeout));
    (void) curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS,
                            (long) c->u->conf.timeout);
    (void) curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error);
    (void) curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_data);
    (void) curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
    (void) curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
    set_method(c);

    return true;
}


static bool
prepare(kecs_upstream_call_t *c, kecs_arena_t *a,
    const kecs_aws_credentials_t *k)
{
    kecs_str_t  parts[2], url;

    parts[0] = base_of(c, a);
    parts[1] = c->r.path;

    if (parts[0].data == NULL) {
        return false;
    }

    url = kecs_concat(a, parts, 2);

    return url.data != NULL && address(c, a, url) && sign(c, a, k, url);
}


/* It becomes a part of a host name. */

static bool
is_region(kecs_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (!(s.data[i] >= 'a' && s.data[i] <= 'z')
            && !(s.data[i] >= '0' && s.data[i] <= '9') && s.data[i] != '-')
        {
            return false;
        }
    }

    return s.len != 0;
}


static kecs_rc_t
attach(kecs_upstream_call_t *c, kecs_arena_t *a, const char **why)
{
    kecs_rc_t                rc;
    kecs_aws_credentials_t   k;

    if (!is_region(c->r.region)) {
        *why = "its ARN names no region";
        return KECS_INVALID;
    }

    rc = kecs_aws_credentials(a, c->u->conf.credentials, c->u->conf.profile,
                              &k, why);
    if (rc != KECS_OK) {
        return rc;
    }

    *why = "out of memory";
    c->error[0] = '\0';
    forget_answer(c);
    c->in = malloc(ANSWER_MAX);
    c->easy = curl_easy_init();

    if (c->easy == NULL) {
        return KECS_NOMEM;
    }

    c->u->active++;

    if (c->in == NULL || !prepare(c, a, &k)) {
        return KECS_NOMEM;
    }

    (void) curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);

    return curl_multi_add_handle(c->u->multi, c->easy) == CURLM_OK
           ? KECS_OK : KECS_NOMEM;
}


/* The end of a call: out of the list, told, forgotten. */

static void
finish(kecs_upstream_call_t *c, long status, const char *error)
{
    kecs_upstream_reply_t  reply;

    TAILQ_REMOVE(&c->u->calls, c, link);

    reply = (kecs_upstream_reply_t) {
        .status = status, .error = error, .attempts = c->attempts,
        .body = kecs_str_n(c->in ? c->in : "", c->in_len)
    };

    c->r.done(c->r.ctx, &reply);
    discard(c);
}


static void
begin(kecs_upstream_call_t *c)
{
    kecs_rc_t      rc;
    const char    *why;
    kecs_arena_t  *a;

    why = "out of memory";
    c->attempts++;
    a = kecs_arena_create(0);
    rc = a != NULL ? attach(c, a, &why) : KECS_NOMEM;

    if (a != NULL) {
        kecs_arena_wipe(a);
        kecs_arena_destroy(a);
    }

    if (rc != KECS_OK) {
        detach(c);
        finish(c, 0, why);
    }
}


/* A callback may have changed the list: it is looked at from its begin. */

static void
pump(kecs_upstream_t *u)
{
    kecs_msec_t            now;
    kecs_upstream_call_t  *c;

    now = kecs_monotonic();

    do {
        TAILQ_FOREACH(c, &u->calls, link) {
            if (c->easy == NULL && c->due <= now) {
                break;
            }
        }

        if (c != NULL && u->active < ACTIVE_MAX) {
            begin(c);
        }

    } while (c != NULL && u->active < ACTIVE_MAX);
}


kecs_str_t
kecs_upstream_path(kecs_arena_t *a, const char *before, kecs_str_t name,
    const char *behind)
{
    kecs_buf_t  b;

    kecs_buf_init(&b, a, 0);
    kecs_buf_str(&b, kecs_str_of(before));
    kecs_aws_encode(&b, name, true);
    kecs_buf_str(&b, kecs_str_of(behind));

    return b.failed ? kecs_null_str : kecs_buf_view(&b);
}


void
kecs_upstream_header(kecs_upstream_request_t *r, kecs_str_t name,
    kecs_str_t value)
{
    if (r->n_headers < KECS_UPSTREAM_HEADERS) {
        r->headers[r->n_headers++] = (kecs_aws_header_t) { name, value };
    }
}


/* What is absent stays so. */

static kecs_rc_t
keep(kecs_arena_t *a, kecs_str_t *s)
{
    if (s->data == NULL) {
        return KECS_OK;
    }

    *s = kecs_strdup(a, *s);

    return s->data != NULL ? KECS_OK : KECS_NOMEM;
}


static kecs_rc_t
keep_all(kecs_upstream_call_t *c)
{
    size_t       i;
    kecs_rc_t    rc;
    kecs_str_t  *texts[] = { &c->r.service, &c->r.region, &c->r.path,
                             &c->r.query, &c->r.body };

    c->arena = kecs_arena_create(0);
    rc = c->arena != NULL ? KECS_OK : KECS_NOMEM;

    for (i = 0; rc == KECS_OK && i < sizeof(texts) / sizeof(texts[0]); i++) {
        rc = keep(c->arena, texts[i]);
    }

    for (i = 0; rc == KECS_OK && i < c->r.n_headers; i++) {
        rc = keep(c->arena, &c->r.headers[i].name);

        if (rc == KECS_OK) {
            rc = keep(c->arena, &c->r.headers[i].value);
        }
    }

    return rc;
}


kecs_rc_t
kecs_upstream_send(kecs_upstream_t *u, const kecs_upstream_request_t *r,
    kecs_upstream_call_t **call)
{
    kecs_upstream_call_t  *c;

    c = calloc(1, sizeof(kecs_upstream_call_t));
    if (c == NULL) {
        return KECS_NOMEM;
    }

    c->u = u;
    c->r = *r;
    c->r.method = r->method ? r->method : "POST";
    c->r.path = r->path.data ? r->path : kecs_str("/");
    c->began = c->due = kecs_monotonic();

    if (keep_all(c) != KECS_OK) {
        discard(c);
        return KECS_NOMEM;
    }

    TAILQ_INSERT_TAIL(&u->calls, c, link);
    set_timer(u);

    *call = c;

    return KECS_OK;
}


/* What came. */


static bool
is_throttled(const kecs_upstream_call_t *c, long status)
{
    size_t              i;
    static const char  *names[] = { "Throttl", "TooManyRequests",
                                    "RequestLimitExceeded" };

    for (i = 0; status == 400 && i < sizeof(names) / sizeof(names[0]); i++) {
        if (memmem(c->in, c->in_len, names[i], strlen(names[i])) != NULL) {
            return true;
        }
    }

    return false;
}


/* A pause before the next attempt: doubling, half of it random. */

static kecs_msec_t
pause_after(kecs_upstream_call_t *c)
{
    unsigned      n;
    kecs_msec_t   pause;
    curl_off_t    told;

    pause = c->u->conf.backoff;

    for (n = 1; n < c->attempts && pause < BACKOFF_MAX; n++) {
        pause *= 2;
    }

    pause = pause / 2
            + (kecs_msec_t) kecs_rand_below(&c->u->rand,
                                            (uint64_t) pause / 2 + 1);

    if (curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &told) == CURLE_OK
        && told > 0 && told * 1000 > pause)
    {
        pause = told * 1000;
    }

    return pause;
}


static void
over(kecs_upstream_call_t *c, CURLcode code)
{
    long         status;
    const char  *error;
    kecs_msec_t  at;

    status = 0;
    error = NULL;

    if (code == CURLE_OK) {
        (void) curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    }

    if (status == 0) {
        error = c->error[0] ? c->error : curl_easy_strerror(code);
    }

    at = kecs_monotonic() + pause_after(c);
    detach(c);

    if ((status == 0 || status == 429 || status >= 500
         || is_throttled(c, status))
        && at - c->began <= c->u->conf.patience)
    {
        c->due = at;
        return;
    }

    finish(c, status, error);
}


static void
deliver(kecs_upstream_t *u)
{
    int       left;
    void     *c;
    CURLMsg  *msg;

    while ((msg = curl_multi_info_read(u->multi, &left)) != NULL) {
        c = NULL;

        if (msg->msg == CURLMSG_DONE
            && curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE,
                                 (char **) &c) == CURLE_OK
            && c != NULL)
        {
            over(c, msg->data.result);
        }
    }
}


static void
perform(kecs_upstream_t *u, curl_socket_t fd, uint32_t events)
{
    int  running;

    (void) curl_multi_socket_action(u->multi, fd,
                                    (events & EPOLLIN ? CURL_CSELECT_IN : 0)
                                    | (events & EPOLLOUT
                                       ? CURL_CSELECT_OUT : 0)
                                    | (events & (EPOLLERR | EPOLLHUP)
                                       ? CURL_CSELECT_ERR : 0), &running);
}


void
kecs_upstream_run(kecs_upstream_t *u)
{
    int                  i, n;
    uint64_t             fired;
    struct epoll_event   events[EVENTS];

    n = epoll_wait(u->epoll, events, EVENTS, 0);

    for (i = 0; i < n; i++) {
        if (events[i].data.fd == u->timer) {
            (void) !read(u->timer, &fired, sizeof(fired));

        } else {
            perform(u, events[i].data.fd, events[i].events);
        }
    }

    pump(u);

    if (u->curl_due >= 0 && u->curl_due <= kecs_monotonic()) {
        u->curl_due = -1;
        perform(u, CURL_SOCKET_TIMEOUT, 0);
    }

    deliver(u);
    set_timer(u);
}
