/*
 * One answer to GET /events: plain HTTP/1.1 on a socket of our own, which
 * is all that a server on loopback needs.  It waits in one place, where
 * signals come in and where it is noticed that nobody reads the output.
 */

#define _GNU_SOURCE             /* ppoll(), memmem() */

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "events.h"


#define CONNECT_WITHIN  5000        /* ms */
#define HEAD_WITHIN     10000
#define FOR_EVER        (-1)


static volatile sig_atomic_t  stopped;
static sigset_t               while_waiting;


static void
stop(int sig)
{
    (void) sig;
    stopped = 1;
}


void
kecs_events_signals(void)
{
    size_t              i;
    sigset_t            ours;
    struct sigaction    sa;
    static const int    signals[] = { SIGINT, SIGTERM, SIGHUP };

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = stop;
    (void) sigemptyset(&sa.sa_mask);
    (void) sigemptyset(&ours);

    for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        (void) sigaddset(&ours, signals[i]);
        (void) sigaction(signals[i], &sa, NULL);
    }

    (void) sigprocmask(SIG_BLOCK, &ours, &while_waiting);

    sa.sa_handler = SIG_IGN;
    (void) sigaction(SIGPIPE, &sa, NULL);
}


/* GO: the socket is ready, or it has an error; BROKEN: it took too long. */

static kecs_events_rc_t
wait_for(int fd, short events, int msec)
{
    int              n;
    struct pollfd    p[2];
    struct timespec  ts;

    p[0].fd = fd;
    p[0].events = events;
    p[1].fd = STDOUT_FILENO;        /* only that it is gone */
    p[1].events = 0;
    ts.tv_sec = msec / 1000;
    ts.tv_nsec = msec % 1000 * 1000000L;

    do {
        p[1].revents = 0;
        n = ppoll(p, 2, msec == FOR_EVER ? NULL : &ts, &while_waiting);

    } while (n == -1 && errno == EINTR && !stopped);

    if (stopped || n == -1 || p[1].revents != 0) {
        return KECS_EVENTS_STOPPED;
    }

    return n == 0 ? KECS_EVENTS_BROKEN : KECS_EVENTS_GO;
}


kecs_events_rc_t
kecs_events_pause(int msec)
{
    return wait_for(-1, 0, msec) == KECS_EVENTS_STOPPED
           ? KECS_EVENTS_STOPPED : KECS_EVENTS_GO;
}


/* "host", "host:port", "[v6]:port". */

static bool
parse_host(kecs_str_t text, kecs_events_url_t *url)
{
    uint64_t    port;
    ptrdiff_t   colon, bracket;
    kecs_str_t  host;

    host = text;
    port = 80;
    colon = kecs_str_rchr(text, ':');
    bracket = kecs_str_chr(text, ']');

    if (colon > bracket) {
        host = kecs_str_n(text.data, (size_t) colon);

        if (!kecs_str_u64(kecs_str_from(text, (size_t) colon + 1), &port)
            || port == 0 || port > 65535)
        {
            return false;
        }
    }

    if (host.len == 0 || host.len >= sizeof(url->host)) {
        return false;
    }

    memcpy(url->host, host.data, host.len);
    url->host[host.len] = '\0';
    url->port = (unsigned) port;

    return true;
}


bool
kecs_events_url(kecs_str_t text, kecs_events_url_t *url)
{
    size_t      i;
    kecs_str_t  host;
    kecs_str_t  http = kecs_string("http://");

    if (!kecs_str_starts(text, http)) {
        return false;
    }

    text = kecs_str_from(text, http.len);

    for (i = 0; i < text.len; i++) {
        if ((unsigned char) text.data[i] <= ' ' || text.data[i] == '@'
            || text.data[i] == '?' || text.data[i] == '#')
        {
            return false;
        }
    }

    for (i = 0; i < text.len && text.data[i] != '/'; i++) { /* void */ }

    host = kecs_str_n(text.data, i);
    text = kecs_str_from(text, i);

    while (text.len > 0 && text.data[text.len - 1] == '/') {
        text.len--;
    }

    if (text.len >= sizeof(url->path)) {
        return false;
    }

    memcpy(url->path, text.data, text.len);
    url->path[text.len] = '\0';

    return parse_host(host, url);
}


/* One address; GO: h->fd is connected. */

static kecs_events_rc_t
connect_to(kecs_events_http_t *h, const struct addrinfo *a)
{
    int               error, one;
    socklen_t         len;
    kecs_events_rc_t  rc;

    h->fd = socket(a->ai_family,
                   a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (h->fd == -1) {
        return KECS_EVENTS_BROKEN;
    }

    one = 1;
    (void) setsockopt(h->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));

    if (connect(h->fd, a->ai_addr, a->ai_addrlen) == 0) {
        return KECS_EVENTS_GO;
    }

    rc = errno == EINPROGRESS ? wait_for(h->fd, POLLOUT, CONNECT_WITHIN)
                              : KECS_EVENTS_BROKEN;
    len = sizeof(error);

    if (rc == KECS_EVENTS_GO
        && (getsockopt(h->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0
            || error != 0))
    {
        rc = KECS_EVENTS_BROKEN;
    }

    if (rc != KECS_EVENTS_GO) {
        (void) close(h->fd);
        h->fd = -1;
    }

    return rc;
}


/* getaddrinfo() knows addresses of version 6 without their brackets. */

static void
bare_host(const kecs_events_url_t *url, char *host, size_t size)
{
    kecs_str_t  name;

    name = kecs_str_of(url->host);

    if (name.len > 2 && name.data[0] == '[') {
        name = kecs_str_n(name.data + 1, name.len - 2);
    }

    (void) snprintf(host, size, "%.*s", kecs_fmt(name));
}


static kecs_events_rc_t
connect_any(kecs_events_http_t *h, const kecs_events_url_t *url)
{
    char               host[sizeof(url->host)], port[16];
    struct addrinfo    hints, *all, *a;
    kecs_events_rc_t   rc;

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    (void) snprintf(port, sizeof(port), "%u", url->port);
    bare_host(url, host, sizeof(host));

    if (getaddrinfo(host, port, &hints, &all) != 0) {
        return KECS_EVENTS_BROKEN;
    }

    rc = KECS_EVENTS_BROKEN;

    for (a = all; a != NULL && rc == KECS_EVENTS_BROKEN; a = a->ai_next) {
        rc = connect_to(h, a);
    }

    freeaddrinfo(all);

    return rc;
}


/* More of the answer, behind what is there; h->rest grows. */

static kecs_events_rc_t
read_some(kecs_events_http_t *h, int msec)
{
    size_t            len;
    ssize_t           n;
    kecs_events_rc_t  rc;

    len = (size_t) (h->rest.data - h->in) + h->rest.len;

    if (len == sizeof(h->in)) {
        return KECS_EVENTS_BROKEN;
    }

    rc = wait_for(h->fd, POLLIN, msec);

    if (rc != KECS_EVENTS_GO) {
        return rc;
    }

    n = recv(h->fd, h->in + len, sizeof(h->in) - len, 0);

    if (n <= 0) {
        return n == -1 && (errno == EAGAIN || errno == EINTR)
               ? KECS_EVENTS_GO : KECS_EVENTS_BROKEN;
    }

    h->rest.len += (size_t) n;

    return KECS_EVENTS_GO;
}


/* Where the body begins; 0: not yet. */

static size_t
head_length(kecs_str_t s)
{
    const char  *end;

    end = memmem(s.data, s.len, "\r\n\r\n", 4);

    return end != NULL ? (size_t) (end - s.data) + 4 : 0;
}


static bool
has_field(kecs_str_t head, kecs_str_t field)
{
    kecs_str_t  line;

    while (kecs_str_split(&head, '\n', &line)) {
        if (line.len >= field.len
            && strncasecmp(line.data, field.data, field.len) == 0)
        {
            return true;
        }
    }

    return false;
}


static kecs_events_rc_t
read_head(kecs_events_http_t *h)
{
    size_t            n;
    kecs_str_t        head;
    kecs_events_rc_t  rc;

    h->rest = kecs_str_n(h->in, 0);

    while ((n = head_length(h->rest)) == 0) {
        rc = read_some(h, HEAD_WITHIN);

        if (rc != KECS_EVENTS_GO) {
            return rc;
        }
    }

    h->in[n - 1] = '\0';

    if (sscanf(h->in, "HTTP/1.1 %3u", &h->status) != 1) {
        return KECS_EVENTS_BROKEN;
    }

    head = kecs_str_n(h->in, n - 2);
    h->chunked = has_field(head, kecs_str("Transfer-Encoding: chunked"));
    h->stream = h->status == 200
                && has_field(head, kecs_str("Content-Type:"
                                            " text/event-stream"));
    h->rest = kecs_str_from(h->rest, n);

    return KECS_EVENTS_GO;
}


static kecs_events_rc_t
ask(kecs_events_http_t *h, const kecs_events_url_t *url, kecs_str_t query)
{
    ssize_t           n;
    kecs_buf_t        b;

    kecs_buf_init(&b, NULL, 0);
    kecs_buf_printf(&b, "GET %s/events?%.*s HTTP/1.1\r\nHost: %s:%u\r\n"
                    "Accept: text/event-stream\r\nConnection: close\r\n"
                    "User-Agent: kecs/%s\r\n\r\n", url->path,
                    kecs_fmt(query), url->host, url->port, KECS_VERSION);

    n = b.failed ? -1 : send(h->fd, b.data, b.len, MSG_NOSIGNAL);
    kecs_buf_free(&b);

    return n == -1 ? KECS_EVENTS_BROKEN : read_head(h);
}


kecs_events_rc_t
kecs_events_open(kecs_events_http_t *h, const kecs_events_url_t *url,
    kecs_str_t query)
{
    kecs_events_rc_t  rc;

    h->fd = -1;
    h->status = 0;
    h->text = kecs_null_str;
    memset(&h->chunks, 0, sizeof(h->chunks));
    kecs_sse_reader_init(&h->reader);

    rc = connect_any(h, url);

    return rc == KECS_EVENTS_GO ? ask(h, url, query) : rc;
}


void
kecs_events_close(kecs_events_http_t *h)
{
    if (h->fd != -1) {
        (void) close(h->fd);
        h->fd = -1;
    }

    kecs_sse_reader_free(&h->reader);
}


/* The next text of the answer, in h->text; waits for it. */

static kecs_events_rc_t
next_text(kecs_events_http_t *h)
{
    kecs_read_t       got;
    kecs_events_rc_t  rc;

    for ( ;; ) {
        if (!h->chunked) {
            h->text = h->rest;
            h->rest = kecs_str_n(h->in, 0);
            got = h->text.len > 0 ? KECS_READ_SOME : KECS_READ_MORE;

        } else {
            got = kecs_chunks_read(&h->chunks, &h->rest, &h->text);
        }

        if (got != KECS_READ_MORE) {
            return got == KECS_READ_SOME ? KECS_EVENTS_GO
                                         : KECS_EVENTS_BROKEN;
        }

        h->rest = kecs_str_n(h->in, 0);
        rc = kecs_events_flush();

        if (rc == KECS_EVENTS_GO) {
            rc = read_some(h, FOR_EVER);
        }

        if (rc != KECS_EVENTS_GO) {
            return rc;
        }
    }
}


kecs_events_rc_t
kecs_events_next(kecs_events_http_t *h)
{
    kecs_read_t       got;
    kecs_events_rc_t  rc;

    while ((got = kecs_sse_read(&h->reader, &h->text)) == KECS_READ_MORE) {
        rc = next_text(h);

        if (rc != KECS_EVENTS_GO) {
            return rc;
        }
    }

    return got == KECS_READ_SOME ? KECS_EVENTS_GO : KECS_EVENTS_BROKEN;
}


void
kecs_events_body(kecs_events_http_t *h, kecs_buf_t *b)
{
    while (next_text(h) == KECS_EVENTS_GO) {
        kecs_buf_str(b, h->text);
    }
}
