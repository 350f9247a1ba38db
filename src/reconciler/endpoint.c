/*
 * The endpoint (see endpoint.h): one epoll descriptor over the listening
 * socket and the connections, each of which is in one of three states: its
 * head is being read, it has asked and awaits the answer, the answer is
 * being sent.  A connection that breaks is forgotten in any of them.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/log.h"
#include "../json/json_writer.h"
#include "../store/folder_socket.h"
#include "endpoint.h"


#define HEAD_MAX      8192
#define BACKLOG       128
#define EVENTS        32
#define READ_WITHIN   5000
#define ASKED_WITHIN  10000
#define SENT_WITHIN   10000
#define ACCEPT_PAUSE  100               /* out of descriptors or memory */

struct kecs_asked_s {
    LIST_ENTRY(kecs_asked_s)  link;
    kecs_endpoint_t          *of;
    int                       fd;
    kecs_msec_t               until;    /* monotonic */
    const void               *awaits;
    bool                      asked;    /* the head is there */
    bool                      answered;
    kecs_str_t                method;
    kecs_str_t                path;
    kecs_str_t                query;
    kecs_str_t                headers;  /* lines behind the first one */
    kecs_buf_t                out;
    size_t                    sent;
    size_t                    len;
    char                      head[HEAD_MAX];
};

struct kecs_endpoint_s {
    LIST_HEAD(, kecs_asked_s)  all;
    unsigned                   n;
    int                        epoll;
    int                        listen;
    bool                       accepting;
    kecs_msec_t                accept_at;   /* monotonic: not before */
    kecs_asked_pt              handler;
    void                      *ctx;
};


/* Connections. */

static bool
watch_for(kecs_endpoint_t *e, int op, int fd, void *what, uint32_t events)
{
    struct epoll_event  ev;

    ev.events = events;
    ev.data.ptr = what;

    return epoll_ctl(e->epoll, op, fd, &ev) == 0;
}


static void
hang_up(kecs_asked_t *q)
{
    LIST_REMOVE(q, link);
    q->of->n--;
    (void) close(q->fd);
    kecs_buf_free(&q->out);
    free(q);
}


/* All that is in the socket's way; false: it is over. */

static bool
send_out(kecs_asked_t *q)
{
    ssize_t  n;

    while (q->sent < q->out.len) {
        n = send(q->fd, q->out.data + q->sent, q->out.len - q->sent,
                 MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0) {
            return errno == EAGAIN || errno == EINTR;
        }

        q->sent += (size_t) n;
    }

    return false;
}


static const char *
phrase(unsigned status)
{
    switch (status) {

    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 504:
        return "Gateway Timeout";
    default:
        return "Service Unavailable";
    }
}


void
kecs_asked_answer(kecs_asked_t *q, unsigned status, kecs_str_t json)
{
    if (q->answered) {
        return;
    }

    q->answered = true;
    q->awaits = NULL;
    q->until = kecs_monotonic() + SENT_WITHIN;

    kecs_buf_printf(&q->out, "HTTP/1.1 %u %s\r\n"
                    "Content-Type: application/json\r\n"
                    "Content-Length: %zu\r\n"
                    "Cache-Control: no-store\r\n"
                    "X-Content-Type-Options: nosniff\r\n"
                    "Connection: close\r\n\r\n", status, phrase(status),
                    json.len);
    kecs_buf_str(&q->out, json);

    if (q->out.failed
        || !watch_for(q->of, EPOLL_CTL_MOD, q->fd, q, EPOLLOUT))
    {
        q->out.len = 0;
        q->until = 1;
    }
}


void
kecs_asked_refuse(kecs_asked_t *q, unsigned status, const char *type,
    const char *message)
{
    kecs_buf_t     b;
    kecs_writer_t  w;

    kecs_buf_init(&b, NULL, 0);
    w = kecs_writer(&b);
    kecs_w_object(&w, NULL);
    kecs_w_cstr(&w, "__type", type);
    kecs_w_cstr(&w, "message", message);
    kecs_w_object_end(&w);
    kecs_asked_answer(q, status, kecs_buf_view(&b));
    kecs_buf_free(&b);
}


void
kecs_asked_await(kecs_asked_t *q, const void *what)
{
    q->awaits = what;
}


void
kecs_endpoint_answer(kecs_endpoint_t *e, const void *what, unsigned status,
    kecs_str_t json)
{
    kecs_asked_t  *q;

    if (e == NULL) {
        return;
    }

    LIST_FOREACH(q, &e->all, link) {
        if (q->awaits == what) {
            kecs_asked_answer(q, status, json);
        }
    }
}


/* What was asked. */

kecs_str_t
kecs_asked_method(const kecs_asked_t *q)
{
    return q->method;
}


kecs_str_t
kecs_asked_path(const kecs_asked_t *q)
{
    return q->path;
}


kecs_str_t
kecs_asked_param(const kecs_asked_t *q, const char *name)
{
    kecs_str_t  rest, pair, key;

    rest = q->query;

    while (kecs_str_split(&rest, '&', &pair)) {
        if (kecs_str_split(&pair, '=', &key) && kecs_str_is(key, name)) {
            return pair;
        }
    }

    return kecs_null_str;
}


kecs_str_t
kecs_asked_header(const kecs_asked_t *q, const char *name)
{
    size_t      len;
    kecs_str_t  rest, line;

    rest = q->headers;
    len = strlen(name);

    while (kecs_str_split(&rest, '\n', &line)) {
        if (line.len <= len || line.data[len] != ':'
            || strncasecmp(line.data, name, len) != 0)
        {
            continue;
        }

        line = kecs_str_from(line, len + 1);

        while (line.len != 0 && line.data[0] == ' ') {
            line = kecs_str_from(line, 1);
        }

        while (line.len != 0 && (line.data[line.len - 1] == '\r'
                                 || line.data[line.len - 1] == ' '))
        {
            line.len--;
        }

        return line;
    }

    return kecs_null_str;
}


/* "GET /path?query HTTP/1.0" and its headers; false: it is none. */

static bool
parse_head(kecs_asked_t *q)
{
    kecs_str_t  rest, line, target;

    rest = kecs_str_n(q->head, q->len);

    if (!kecs_str_split(&rest, '\n', &line)
        || !kecs_str_split(&line, ' ', &q->method)
        || !kecs_str_split(&line, ' ', &target)
        || !kecs_str_starts(line, kecs_str("HTTP/1.")))
    {
        return false;
    }

    q->headers = rest;
    (void) kecs_str_split(&target, '?', &q->path);
    q->query = target;

    return q->path.len != 0 && q->path.data[0] == '/';
}


/* The state of the whole head: false when it can never become one. */

static bool
read_head(kecs_asked_t *q)
{
    ssize_t  n;

    do {
        n = recv(q->fd, q->head + q->len, HEAD_MAX - q->len, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);

    if (n < 0) {
        return errno == EAGAIN;
    }

    q->len += (size_t) n;
    q->asked = memmem(q->head, q->len, "\r\n\r\n", 4) != NULL;

    return n != 0 && (q->asked || q->len < HEAD_MAX);
}


/* From now on only the end of the connection is of interest. */

static bool
hear(kecs_asked_t *q)
{
    if (!read_head(q)) {
        return false;
    }

    if (!q->asked) {
        return true;
    }

    q->until = kecs_monotonic() + ASKED_WITHIN;

    if (!parse_head(q)
        || !watch_for(q->of, EPOLL_CTL_MOD, q->fd, q, EPOLLRDHUP))
    {
        return false;
    }

    q->of->handler(q->of->ctx, q);

    if (!q->answered && q->awaits == NULL) {
        kecs_asked_refuse(q, 503, "ServerException", "There is no answer.");
    }

    return true;
}


static void
happened(kecs_asked_t *q, uint32_t events)
{
    bool  goes_on;

    if (q->answered) {
        goes_on = (events & EPOLLERR) == 0 && send_out(q);

    } else if (q->asked) {
        goes_on = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0;

    } else {
        goes_on = hear(q);
    }

    if (!goes_on) {
        hang_up(q);
    }
}


/* New ones. */

static void
take_in(kecs_endpoint_t *e, int fd)
{
    kecs_asked_t  *q;

    q = malloc(sizeof(kecs_asked_t));

    if (q == NULL) {
        (void) close(fd);
        return;
    }

    memset(q, 0, offsetof(kecs_asked_t, head));
    q->of = e;
    q->fd = fd;
    q->until = kecs_monotonic() + READ_WITHIN;
    kecs_buf_init(&q->out, NULL, 0);
    LIST_INSERT_HEAD(&e->all, q, link);
    e->n++;

    if (!watch_for(e, EPOLL_CTL_ADD, fd, q, EPOLLIN)) {
        hang_up(q);
    }
}


static void
accept_all(kecs_endpoint_t *e)
{
    int  fd;

    while (e->n < KECS_ENDPOINT_MAX) {
        fd = accept4(e->listen, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            take_in(e, fd);
            continue;
        }

        if (errno == EAGAIN) {
            return;
        }

        if (errno != EINTR && errno != ECONNABORTED) {
            e->accept_at = kecs_monotonic() + ACCEPT_PAUSE;
            return;
        }
    }
}


/* The listening socket is watched while a connection could be taken. */

static void
tend_listener(kecs_endpoint_t *e, kecs_msec_t now)
{
    bool  can;

    if (e->accept_at != 0 && e->accept_at <= now) {
        e->accept_at = 0;
    }

    can = e->n < KECS_ENDPOINT_MAX && e->accept_at == 0;

    if (can != e->accepting
        && watch_for(e, EPOLL_CTL_MOD, e->listen, e, can ? EPOLLIN : 0))
    {
        e->accepting = can;
    }
}


static void
end_late(kecs_endpoint_t *e, kecs_msec_t now)
{
    kecs_asked_t  *q, *next;

    for (q = LIST_FIRST(&e->all); q != NULL; q = next) {
        next = LIST_NEXT(q, link);

        if (q->until > now) {
            continue;
        }

        if (q->asked && !q->answered) {
            kecs_asked_refuse(q, 504, "ServerException", "The runtime has "
                              "not answered in time.");

        } else {
            hang_up(q);
        }
    }
}


/* An event of a connection cannot come after one that ends it. */

void
kecs_endpoint_run(kecs_endpoint_t *e)
{
    int                 i, n;
    kecs_msec_t         now;
    struct epoll_event  events[EVENTS];

    if (e == NULL) {
        return;
    }

    n = epoll_wait(e->epoll, events, EVENTS, 0);

    for (i = 0; i < n; i++) {
        if (events[i].data.ptr == e) {
            accept_all(e);

        } else {
            happened(events[i].data.ptr, events[i].events);
        }
    }

    now = kecs_monotonic();
    end_late(e, now);
    tend_listener(e, now);
}


kecs_msec_t
kecs_endpoint_due(const kecs_endpoint_t *e)
{
    kecs_msec_t          at;
    const kecs_asked_t  *q;

    if (e == NULL) {
        return 0;
    }

    at = e->accept_at;

    LIST_FOREACH(q, &e->all, link) {
        if (at == 0 || q->until < at) {
            at = q->until;
        }
    }

    return at;
}


int
kecs_endpoint_fd(const kecs_endpoint_t *e)
{
    return e != NULL ? e->epoll : -1;
}


kecs_rc_t
kecs_endpoint_open(const char *folder, kecs_asked_pt handler, void *ctx,
    kecs_endpoint_t **out)
{
    kecs_endpoint_t  *e;

    e = calloc(1, sizeof(kecs_endpoint_t));

    if (e == NULL) {
        return KECS_NOMEM;
    }

    LIST_INIT(&e->all);
    e->handler = handler;
    e->ctx = ctx;
    e->accepting = true;
    e->epoll = epoll_create1(EPOLL_CLOEXEC);
    e->listen = kecs_socket_listen(folder, KECS_ENDPOINT_SOCKET, BACKLOG);

    if (e->epoll < 0 || e->listen < 0
        || !watch_for(e, EPOLL_CTL_ADD, e->listen, e, EPOLLIN))
    {
        kecs_log(KECS_LOG_WARN, "no socket %s/%s, so the web UI cannot show"
                 " what the runtime knows: %s", folder, KECS_ENDPOINT_SOCKET,
                 strerror(errno));
        kecs_endpoint_close(e);
        return KECS_IO;
    }

    *out = e;

    return KECS_OK;
}


/* The socket stays: nginx tells refusals from what is not there. */

void
kecs_endpoint_close(kecs_endpoint_t *e)
{
    if (e == NULL) {
        return;
    }

    while (!LIST_EMPTY(&e->all)) {
        hang_up(LIST_FIRST(&e->all));
    }

    if (e->listen >= 0) {
        (void) close(e->listen);
    }

    if (e->epoll >= 0) {
        (void) close(e->epoll);
    }

    free(e);
}
