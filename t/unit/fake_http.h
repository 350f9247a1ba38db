/*
 * An HTTP/1.1 server for tests of the Kubernetes client, on loopback and in
 * the test's own thread: fake_step() turns client and server once.  What is
 * asked is handed to the test, which answers when and how it likes; it can
 * keep silent, break off, and send a stream byte by byte.
 */

#ifndef KECS_FAKE_HTTP_H
#define KECS_FAKE_HTTP_H


#include <strings.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../src/kube/client.h"
#include "tap.h"


#define FAKE_CONNS  14
#define FAKE_IN     65536

typedef struct {
    int       fd;                   /* -1: free */
    unsigned  serial;               /* of the connection, from 1 */
    size_t    len;
    char      in[FAKE_IN];
} fake_conn_t;

typedef struct {
    char      method[16];
    char      path[1024];           /* with the query */
    char      authorization[256];
    char      type[128];
    char      audit_id[128];
    char      traceparent[128];
    char      body[FAKE_IN];
} fake_request_t;

typedef struct fake_s  fake_t;

struct fake_s {
    int           fd;
    unsigned      port;
    unsigned      connections;      /* ever made */
    unsigned      requests;
    void        (*ask)(fake_t *f, fake_conn_t *c, const fake_request_t *r);
    void         *ctx;
    fake_conn_t   conns[FAKE_CONNS];
};


/* Listens at a port, 0: any. */

static bool
fake_open_at(fake_t *f, void (*ask)(fake_t *, fake_conn_t *,
    const fake_request_t *), unsigned port)
{
    int                 i, on = 1;
    socklen_t           len;
    struct sockaddr_in  a;

    memset(f, 0, sizeof(fake_t));
    memset(&a, 0, sizeof(a));

    for (i = 0; i < FAKE_CONNS; i++) {
        f->conns[i].fd = -1;
    }

    f->ask = ask;
    f->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons((uint16_t) port);
    len = sizeof(a);

    (void) setsockopt(f->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));

    if (f->fd == -1 || bind(f->fd, (struct sockaddr *) &a, sizeof(a)) == -1
        || listen(f->fd, 64) == -1
        || getsockname(f->fd, (struct sockaddr *) &a, &len) == -1)
    {
        return false;
    }

    f->port = ntohs(a.sin_port);

    return true;
}


static bool
fake_open(fake_t *f, void (*ask)(fake_t *, fake_conn_t *,
    const fake_request_t *))
{
    return fake_open_at(f, ask, 0);
}


static void
fake_drop(fake_conn_t *c)
{
    if (c->fd != -1) {
        close(c->fd);
        c->fd = -1;
    }
}


__attribute__((unused))
static void
fake_drop_all(fake_t *f)
{
    int  i;

    for (i = 0; i < FAKE_CONNS; i++) {
        fake_drop(&f->conns[i]);
    }
}


__attribute__((unused))
static void
fake_close(fake_t *f)
{
    fake_drop_all(f);
    close(f->fd);
    f->fd = -1;
}


/* Loopback takes what these tests send at once, so writes may block. */

static void
fake_write(fake_conn_t *c, const char *data, size_t len)
{
    ssize_t  n;

    while (len > 0 && c->fd != -1) {
        n = send(c->fd, data, len, MSG_NOSIGNAL);

        if (n == -1 && errno != EINTR) {
            fake_drop(c);
            return;
        }

        if (n > 0) {
            data += n;
            len -= (size_t) n;
        }
    }
}


__attribute__((unused, format(printf, 4, 5)))
static void
fake_reply(fake_conn_t *c, int status, const char *headers, const char *fmt,
    ...)
{
    char     head[512];
    char    *body;
    va_list  args;

    va_start(args, fmt);
    if (vasprintf(&body, fmt, args) == -1) {
        abort();
    }
    va_end(args);

    (void) snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\n"
                    "Content-Type: application/json\r\n%s"
                    "Content-Length: %zu\r\n\r\n", status, headers,
                    strlen(body));
    fake_write(c, head, strlen(head));
    fake_write(c, body, strlen(body));
    free(body);
}


/* A stream: 200 and chunks, until fake_end() or the connection drops. */

__attribute__((unused))
static void
fake_begin(fake_conn_t *c)
{
    static const char  head[] = "HTTP/1.1 200 OK\r\n"
                                "Content-Type: application/json\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n";

    fake_write(c, head, sizeof(head) - 1);
}


__attribute__((unused))
static void
fake_chunk(fake_conn_t *c, const char *data, size_t len)
{
    char  head[32];

    (void) snprintf(head, sizeof(head), "%zx\r\n", len);
    fake_write(c, head, strlen(head));
    fake_write(c, data, len);
    fake_write(c, "\r\n", 2);
}


__attribute__((unused))
static void
fake_end(fake_conn_t *c)
{
    fake_write(c, "0\r\n\r\n", 5);
}


static void
fake_header(const char *head, const char *name, char *out, size_t size)
{
    size_t       len;
    const char  *p, *end;

    len = strlen(name);
    out[0] = '\0';

    for (p = head; p != NULL; p = strstr(p, "\r\n")) {
        p += p == head ? 0 : 2;

        if (strncasecmp(p, name, len) == 0 && p[len] == ':') {
            p += len + 1;
            p += *p == ' ';
            end = strstr(p, "\r\n");
            (void) snprintf(out, size, "%.*s", (int) (end - p), p);
            return;
        }
    }
}


/* A whole request at the begin of the buffer: hands it over. */

static bool
fake_request(fake_t *f, fake_conn_t *c)
{
    char                   number[32];
    char                  *end;
    size_t                 head, body;
    static fake_request_t  r;

    c->in[c->len] = '\0';
    end = strstr(c->in, "\r\n\r\n");

    if (end == NULL) {
        return false;
    }

    head = (size_t) (end - c->in) + 4;
    fake_header(c->in, "Content-Length", number, sizeof(number));
    body = (size_t) strtoul(number, NULL, 10);

    if (c->len < head + body) {
        return false;
    }

    memset(&r, 0, sizeof(r));

    if (sscanf(c->in, "%15s %1023s", r.method, r.path) != 2) {
        fake_drop(c);
        return false;
    }

    fake_header(c->in, "Authorization", r.authorization,
                sizeof(r.authorization));
    fake_header(c->in, "Content-Type", r.type, sizeof(r.type));
    fake_header(c->in, "Audit-ID", r.audit_id, sizeof(r.audit_id));
    fake_header(c->in, "traceparent", r.traceparent, sizeof(r.traceparent));
    memcpy(r.body, c->in + head, body);

    c->len -= head + body;
    memmove(c->in, c->in + head + body, c->len);

    f->requests++;
    f->ask(f, c, &r);

    return c->fd != -1;
}


static void
fake_accept(fake_t *f)
{
    int  i, fd, on = 1;

    while ((fd = accept(f->fd, NULL, NULL)) != -1) {

        for (i = 0; i < FAKE_CONNS && f->conns[i].fd != -1; i++) {
            /* void */
        }

        if (i == FAKE_CONNS) {
            close(fd);
            continue;
        }

        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        f->conns[i].fd = fd;
        f->conns[i].len = 0;
        f->conns[i].serial = ++f->connections;
    }
}


static void
fake_serve(fake_t *f)
{
    int           i;
    ssize_t       n;
    fake_conn_t  *c;

    if (f->fd != -1) {
        fake_accept(f);
    }

    for (i = 0; i < FAKE_CONNS; i++) {
        c = &f->conns[i];

        while (c->fd != -1) {
            n = recv(c->fd, c->in + c->len, sizeof(c->in) - 1 - c->len,
                     MSG_DONTWAIT);

            if (n <= 0) {
                if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
                    fake_drop(c);
                }

                break;
            }

            c->len += (size_t) n;

            while (fake_request(f, c)) {
                /* void */
            }
        }
    }
}


/* Turns client and server once. */

__attribute__((unused))
static void
fake_step(fake_t *f, kecs_kube_t *k, int msec)
{
    int            i;
    unsigned       n;
    struct pollfd  fds[FAKE_CONNS + 1];

    n = 0;

    if (f->fd != -1) {
        fds[n].fd = f->fd;
        fds[n++].events = POLLIN;
    }

    for (i = 0; i < FAKE_CONNS; i++) {
        if (f->conns[i].fd != -1) {
            fds[n].fd = f->conns[i].fd;
            fds[n++].events = POLLIN;
        }
    }

    kecs_kube_wait(k, fds, n, msec);
    fake_serve(f);
    kecs_kube_run(k);
}


/* Until the condition holds; false after ten seconds. */

#define fake_until(f, k, cond)                                              \
    __extension__ ({                                                        \
        kecs_msec_t  end_ = kecs_monotonic() + 10000;                       \
                                                                            \
        while (!(cond) && kecs_monotonic() < end_) {                        \
            fake_step(f, k, 20);                                            \
        }                                                                   \
                                                                            \
        (cond);                                                             \
    })


/* A client of the server with short times. */

__attribute__((unused))
static bool
fake_client(fake_t *f, const char *token_file, const char *token,
    kecs_kube_conf_t *conf, kecs_kube_t **k)
{
    char               url[64];
    kecs_kubeconfig_t  config;

    memset(&config, 0, sizeof(config));
    (void) snprintf(url, sizeof(url), "http://127.0.0.1:%u", f->port);

    config.server = kecs_str_of(url);
    config.namespace = kecs_str("default");
    config.context = kecs_str("fake");
    config.loopback = true;
    config.token = kecs_str_of(token);
    config.token_file = kecs_str_of(token_file);

    return kecs_kube_open(&config, conf, k) == KECS_OK;
}


#endif
