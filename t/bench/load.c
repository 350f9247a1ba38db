/*
 * load: a closed-loop HTTP load generator for loopback.
 *
 *     load -p PORT -c CONNECTIONS -t SECONDS [-w WARMUP] [-n COUNT]
 *          [-a CPU] [-s] REQUEST_FILE
 *
 * Every connection sends the bytes of REQUEST_FILE (a whole HTTP request),
 * waits for the whole answer, and sends them again, until the time is over
 * or COUNT requests were sent; what is under way is then waited for.
 * Answers must carry Content-Length.  What happens within the warm-up is
 * not counted.  One line of JSON tells the outcome.
 *
 * With -s it never sleeps: waking a sleeper costs the server, and a faster
 * server, which keeps the generator busy, would be spared that cost.  Only
 * for a CPU of its own (-a).
 *
 * One thread, one epoll; everything lives in main's memory until the end.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define CONNS_MAX    1024
#define SECONDS_MAX  60.0
#define REQUEST_MAX  (1u << 20)
#define HEAD_MAX     4096
#define DRAIN_USEC   10000000

/* Latencies: 64 linear steps within each power of two of microseconds. */
#define STEPS        64
#define BUCKETS      (STEPS * 40)

typedef struct {
    int       fd;
    bool      busy;
    bool      in_body;
    int       status;
    size_t    head_len;
    size_t    body_left;
    uint64_t  sent_at;
    char      head[HEAD_MAX + 1];
} conn_t;

typedef struct {
    unsigned     port;
    unsigned     conns;
    double       seconds;
    double       warmup;
    uint64_t     count;             /* 0: no bound */
    int          cpu;               /* -1: any */
    bool         spin;
    const char  *file;
} options_t;

static char      request[REQUEST_MAX];
static size_t    request_len;
static conn_t    conns[CONNS_MAX];
static uint64_t  histogram[BUCKETS];

static uint64_t  started, counting_from, stop_at;
static uint64_t  sent, sent_max, answered, counted, errors, bytes, longest;
static unsigned  busy;


static uint64_t
usec(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


static int
fail(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));

    return 1;
}


static unsigned
bucket_of(uint64_t n)
{
    unsigned  e;

    if (n < STEPS) {
        return (unsigned) n;
    }

    e = 63 - (unsigned) __builtin_clzll(n) - 6;

    if (e >= BUCKETS / STEPS - 1) {
        return BUCKETS - 1;
    }

    return (e + 1) * STEPS + (unsigned) ((n >> e) - STEPS);
}


static uint64_t
bucket_top(unsigned i)
{
    unsigned  e;

    if (i < STEPS) {
        return i;
    }

    e = i / STEPS - 1;

    return (((uint64_t) (i % STEPS) + STEPS + 1) << e) - 1;
}


static double
percentile(double p)
{
    unsigned  i;
    uint64_t  want, seen;

    want = (uint64_t) ((double) counted * p);
    seen = 0;

    for (i = 0; i < BUCKETS; i++) {
        seen += histogram[i];

        if (seen > want) {
            break;
        }
    }

    return (double) (i < BUCKETS ? bucket_top(i) : longest) / 1000;
}


static bool
more(void)
{
    return usec() < stop_at && (sent_max == 0 || sent < sent_max);
}


static bool
send_request(conn_t *c)
{
    ssize_t  n;

    c->head_len = 0;
    c->in_body = false;
    c->sent_at = usec();

    n = send(c->fd, request, request_len, MSG_NOSIGNAL);

    if (n != (ssize_t) request_len) {
        return false;
    }

    sent++;
    busy++;
    c->busy = true;

    return true;
}


static bool
open_conn(conn_t *c, unsigned port, int ep)
{
    int                 on;
    struct sockaddr_in  sin;
    struct epoll_event  ev;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    on = 1;

    c->busy = false;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (c->fd == -1
        || connect(c->fd, (struct sockaddr *) &sin, sizeof(sin)) != 0
        || setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0
        || fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0)
    {
        return false;
    }

    ev.events = EPOLLIN;
    ev.data.ptr = c;

    return epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev) == 0;
}


/* A whole answer is here. */

static void
finish(conn_t *c)
{
    uint64_t  now, took;

    now = usec();
    took = now - c->sent_at;
    busy--;
    c->busy = false;
    answered++;

    if (c->status != 200) {
        errors++;
    }

    if (c->sent_at >= counting_from && now <= stop_at) {
        counted++;
        histogram[bucket_of(took)]++;
        longest = took > longest ? took : longest;
    }
}


/* The head of the answer is complete: its status and length. */

static bool
read_head(conn_t *c, size_t *head_size)
{
    char  *end, *p;

    c->head[c->head_len] = '\0';
    end = strstr(c->head, "\r\n\r\n");

    if (end == NULL) {
        return c->head_len < HEAD_MAX;
    }

    *head_size = (size_t) (end - c->head) + 4;
    c->status = strncmp(c->head, "HTTP/1.1 ", 9) == 0
                ? (int) strtol(c->head + 9, NULL, 10) : 0;

    for (p = c->head; p != NULL && p < end; p = strchr(p, '\n')) {
        p += *p == '\n';

        if (strncasecmp(p, "Content-Length:", 15) == 0) {
            c->body_left = (size_t) strtoul(p + 15, NULL, 10);
            bytes = c->body_left;
            c->in_body = true;
            return true;
        }
    }

    return false;
}


static bool
take(conn_t *c, const char *data, size_t n)
{
    size_t  room, part, head_size, had;

    if (!c->in_body) {
        had = c->head_len;
        room = HEAD_MAX - had;
        part = n < room ? n : room;
        memcpy(c->head + had, data, part);
        c->head_len += part;
        head_size = 0;

        if (!read_head(c, &head_size)) {
            return false;
        }

        if (!c->in_body) {
            return true;
        }

        n -= head_size - had;
    }

    if (n > c->body_left) {
        return false;
    }

    c->body_left -= n;

    if (c->body_left == 0) {
        finish(c);
        return more() ? send_request(c) : true;
    }

    return true;
}


static bool
on_readable(conn_t *c)
{
    ssize_t      n;
    static char  data[1u << 18];

    n = recv(c->fd, data, sizeof(data), 0);

    if (n == -1 && errno == EAGAIN) {
        return true;
    }

    return n > 0 && c->busy && take(c, data, (size_t) n);
}


static void
reopen(conn_t *c, unsigned port, int ep)
{
    errors++;

    if (c->busy) {
        busy--;
        c->busy = false;
    }

    (void) close(c->fd);

    if (more() && (!open_conn(c, port, ep) || !send_request(c))) {
        stop_at = usec();
    }
}


static int
drive(const options_t *o)
{
    int                 ep, i, n;
    unsigned            k;
    struct epoll_event  events[256];

    ep = epoll_create1(EPOLL_CLOEXEC);

    if (ep == -1) {
        return fail("epoll");
    }

    for (k = 0; k < o->conns; k++) {
        if (!open_conn(&conns[k], o->port, ep)) {
            return fail("cannot connect");
        }
    }

    started = usec();
    counting_from = started + (uint64_t) (o->warmup * 1e6);
    stop_at = counting_from + (uint64_t) (o->seconds * 1e6);
    sent_max = o->count;

    for (k = 0; k < o->conns && more(); k++) {
        if (!send_request(&conns[k])) {
            return fail("cannot send");
        }
    }

    while (busy != 0 && usec() < stop_at + DRAIN_USEC) {
        n = epoll_wait(ep, events, 256, o->spin ? 0 : 100);

        for (i = 0; i < n; i++) {
            if (!on_readable(events[i].data.ptr)) {
                reopen(events[i].data.ptr, o->port, ep);
            }
        }
    }

    return 0;
}


static void
report(const options_t *o)
{
    double         took;
    uint64_t       end;
    struct rusage  ru;

    end = usec() < stop_at ? usec() : stop_at;
    took = end > counting_from ? (double) (end - counting_from) / 1e6 : 0;
    (void) getrusage(RUSAGE_SELF, &ru);

    printf("{\"connections\":%u,\"answers\":%" PRIu64 ",\"errors\":%" PRIu64
           ",\"unanswered\":%u,\"rate\":%.1f,\"p50_ms\":%.3f"
           ",\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"max_ms\":%.3f"
           ",\"body_bytes\":%" PRIu64 ",\"cpu_seconds\":%.3f}\n",
           o->conns, answered, errors, busy,
           took > 0 ? (double) counted / took : 0, percentile(0.5),
           percentile(0.99), percentile(0.999), (double) longest / 1000,
           bytes,
           (double) (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec)
           + (double) (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
}


static int
usage(void)
{
    fprintf(stderr, "usage: load -p PORT -c CONNECTIONS -t SECONDS"
            " [-w WARMUP] [-n COUNT] [-a CPU] [-s] REQUEST_FILE\n");

    return 2;
}


static bool
parse(options_t *o, int argc, char **argv)
{
    int  opt;

    while ((opt = getopt(argc, argv, "p:c:t:w:n:a:s")) != -1) {
        switch (opt) {
        case 'p':
            o->port = (unsigned) strtoul(optarg, NULL, 10);
            break;
        case 'c':
            o->conns = (unsigned) strtoul(optarg, NULL, 10);
            break;
        case 't':
            o->seconds = strtod(optarg, NULL);
            break;
        case 'w':
            o->warmup = strtod(optarg, NULL);
            break;
        case 'n':
            o->count = strtoull(optarg, NULL, 10);
            break;
        case 'a':
            o->cpu = (int) strtol(optarg, NULL, 10);
            break;
        case 's':
            o->spin = true;
            break;
        default:
            return false;
        }
    }

    o->file = argv[optind];

    return optind == argc - 1 && o->port > 0 && o->port < 65536
           && o->conns > 0 && o->conns <= CONNS_MAX && o->seconds > 0
           && o->warmup >= 0 && o->seconds + o->warmup <= SECONDS_MAX;
}


static bool
read_request(const char *file)
{
    FILE  *f;

    f = fopen(file, "re");

    if (f == NULL) {
        return false;
    }

    request_len = fread(request, 1, sizeof(request), f);
    (void) fclose(f);

    return request_len != 0;
}


static void
pin(int cpu)
{
    cpu_set_t  set;

    if (cpu >= 0) {
        CPU_ZERO(&set);
        CPU_SET((unsigned) cpu, &set);
        (void) sched_setaffinity(0, sizeof(set), &set);
    }
}


int
main(int argc, char **argv)
{
    int        rc;
    options_t  o;

    memset(&o, 0, sizeof(o));
    o.conns = 1;
    o.cpu = -1;

    if (!parse(&o, argc, argv)) {
        return usage();
    }

    if (!read_request(o.file)) {
        return fail(o.file);
    }

    pin(o.cpu);
    rc = drive(&o);

    if (rc == 0) {
        report(&o);
    }

    return rc;
}
