/*
 * streams: clients of the stream of events, on loopback.
 *
 *     streams -p PORT -c CLIENTS [-n CHANGES -i MSEC REQUEST_FILE]
 *
 * Opens CLIENTS connections to GET /events (server-sent events), waits until
 * all have their first message and prints "ready".  Without changes it then
 * waits for the end of its input.  With them it sends the bytes of
 * REQUEST_FILE (a whole HTTP request that makes one event of a cluster) so
 * many times, one every MSEC, each with its number for the digits of
 * c0000000, and waits for the answer and for the event at every client.  One
 * line of JSON tells, in microseconds, the time from sending a request to
 * its answer, to the first and to the last of its events, and of all events.
 *
 * One thread, one epoll; everything lives until the end.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define CLIENTS_MAX  16384
#define CHANGES_MAX  1000
#define REQUEST_MAX  (64u << 10)
#define WAIT_MSEC    30000

/* Once in each message: its first one, and an event. */
#define MARK_START   "event: start"
#define MARK_EVENT   "\"version\":\"0\""

static const char  ask[] =
    "GET /events?kind=cluster HTTP/1.1\r\nHost: localhost\r\n"
    "Accept: text/event-stream\r\n\r\n";

typedef struct {
    int       fd;
    bool      started;
    unsigned  at;               /* bytes of the mark that were seen */
    unsigned  events;
} client_t;

static client_t   clients[CLIENTS_MAX];
static unsigned   n_clients, n_started, n_arrived, round_no;
static uint64_t   sent_at, first_at, last_at;
static uint32_t  *times;
static size_t     n_times;
static int        poll_fd, port;


static uint64_t
usec(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


static void
die(const char *what)
{
    fprintf(stderr, "streams: %s: %s\n", what, strerror(errno));
    exit(1);
}


static int
dial(void)
{
    int                 fd, on;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    on = 1;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd == -1 || connect(fd, (struct sockaddr *) &sin, sizeof(sin)) != 0)
    {
        die("cannot connect");
    }

    (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    return fd;
}


static void
give(int fd, const char *data, size_t len)
{
    ssize_t  n;

    for ( /* void */ ; len != 0; data += n, len -= (size_t) n) {
        n = write(fd, data, len);

        if (n <= 0) {
            die("cannot send");
        }
    }
}


static void
arrived(client_t *c)
{
    uint64_t  now;

    if (!c->started) {
        c->started = true;
        n_started++;
        return;
    }

    if (++c->events != round_no) {
        return;
    }

    now = usec();

    if (n_arrived++ == 0) {
        first_at = now;
    }

    last_at = now;
    times[n_times++] = (uint32_t) (now - sent_at);
}


static void
look(client_t *c, const char *data, ssize_t n)
{
    ssize_t      i;
    const char  *mark;

    for (i = 0; i < n; i++) {
        mark = c->started ? MARK_EVENT : MARK_START;
        c->at = data[i] == mark[c->at] ? c->at + 1 : data[i] == mark[0];

        if (mark[c->at] == '\0') {
            c->at = 0;
            arrived(c);
        }
    }
}


static void
take(int msec)
{
    int                 i, n;
    char                data[65536];
    ssize_t             got;
    client_t           *c;
    struct epoll_event  events[256];

    n = epoll_wait(poll_fd, events, 256, msec);

    for (i = 0; i < n; i++) {
        c = events[i].data.ptr;
        got = recv(c->fd, data, sizeof(data), MSG_DONTWAIT);

        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            die("a stream has ended");
        }

        look(c, data, got);
    }
}


static void
open_all(void)
{
    unsigned            i;
    struct epoll_event  e;

    for (i = 0; i < n_clients; i++) {
        clients[i].fd = dial();
        give(clients[i].fd, ask, sizeof(ask) - 1);
        e.events = EPOLLIN;
        e.data.ptr = &clients[i];

        if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, clients[i].fd, &e) != 0) {
            die("epoll");
        }

        if (i % 64 == 0) {
            take(0);
        }
    }
}


/* Until `*what` is `want`, or far too long. */

static void
await(const unsigned *what, unsigned want)
{
    uint64_t  until;

    until = usec() + WAIT_MSEC * 1000;

    while (*what < want) {
        if (usec() > until) {
            fprintf(stderr, "streams: %u of %u came\n", *what, want);
            exit(1);
        }

        take(10);
    }
}


static int
by_size(const void *a, const void *b)
{
    uint32_t  x = *(const uint32_t *) a, y = *(const uint32_t *) b;

    return x < y ? -1 : x > y;
}


static void
tell(const char *name, uint32_t *v, size_t n, const char *end)
{
    qsort(v, n, sizeof(uint32_t), by_size);
    printf("\"%s\":{\"p50\":%u,\"p99\":%u,\"max\":%u}%s", name, v[n / 2],
           v[n * 99 / 100], v[n - 1], end);
}


/* The answer of a change: all of it has come when its head has. */

static void
answer(int fd)
{
    char     data[65536];
    ssize_t  n;

    n = recv(fd, data, sizeof(data) - 1, 0);

    if (n < 12 || memcmp(data, "HTTP/1.1 200", 12) != 0) {
        die("a change was refused");
    }
}


static void
number(char *request, size_t len, unsigned n)
{
    char  *p, digits[16];

    p = memmem(request, len, "c0000000", 8);

    if (p != NULL) {
        (void) snprintf(digits, sizeof(digits), "%07u", n);
        memcpy(p + 1, digits, 7);
    }
}


static void
change(unsigned n, unsigned pause, const char *request, size_t len)
{
    int        fd;
    char       numbered[REQUEST_MAX];
    unsigned   i;
    uint64_t   answered;
    uint32_t   calls[CHANGES_MAX], first[CHANGES_MAX], last[CHANGES_MAX];

    fd = dial();
    times = calloc((size_t) n * n_clients, sizeof(uint32_t));

    if (times == NULL) {
        die("memory");
    }

    for (i = 0; i < n; i++) {
        n_arrived = 0;
        round_no = i + 1;
        memcpy(numbered, request, len);
        number(numbered, len, i + 1);
        sent_at = usec();
        give(fd, numbered, len);
        answer(fd);
        answered = usec();
        await(&n_arrived, n_clients);

        calls[i] = (uint32_t) (answered - sent_at);
        first[i] = (uint32_t) (first_at - sent_at);
        last[i] = (uint32_t) (last_at - sent_at);

        while (usec() < sent_at + pause * 1000) {
            take(1);
        }
    }

    printf("{\"clients\":%u,\"changes\":%u,", n_clients, n);
    tell("answer", calls, n, ",");
    tell("first", first, n, ",");
    tell("last", last, n, ",");
    tell("all", times, n_times, "}\n");
}


int
main(int argc, char **argv)
{
    int            opt;
    char           request[REQUEST_MAX];
    FILE          *f;
    size_t         len;
    unsigned       n, pause;
    struct rlimit  limit;

    n = 0;
    pause = 0;

    while ((opt = getopt(argc, argv, "p:c:n:i:")) != -1) {
        switch (opt) {
        case 'p':
            port = (int) strtol(optarg, NULL, 10);
            break;
        case 'c':
            n_clients = (unsigned) strtoul(optarg, NULL, 10);
            break;
        case 'n':
            n = (unsigned) strtoul(optarg, NULL, 10);
            break;
        case 'i':
            pause = (unsigned) strtoul(optarg, NULL, 10);
            break;
        default:
            return 2;
        }
    }

    if (port == 0 || n_clients == 0 || n_clients > CLIENTS_MAX
        || n > CHANGES_MAX || (n != 0) != (optind < argc))
    {
        fprintf(stderr, "usage: streams -p PORT -c CLIENTS"
                " [-n CHANGES -i MSEC REQUEST_FILE]\n");
        return 2;
    }

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &limit);
    }

    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    open_all();
    await(&n_started, n_clients);
    printf("ready\n");
    fflush(stdout);

    if (n == 0) {
        while (read(0, request, sizeof(request)) > 0) { /* void */ }
        return 0;
    }

    f = fopen(argv[optind], "re");
    len = f != NULL ? fread(request, 1, sizeof(request), f) : 0;

    if (len == 0) {
        die(argv[optind]);
    }

    (void) fclose(f);
    change(n, pause, request, len);

    return 0;
}
