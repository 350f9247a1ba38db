/*
 * A web server for tests: answers every request on PORT of the environment
 * (8080 by default) with "hello from HOSTNAME", writes one line per request
 * to standard output, and exits with 0 at SIGTERM.
 *
 * One connection at a time, one request per connection; a client that sends
 * nothing for five seconds is dropped, so no client can block the others for
 * long.
 */

#define _POSIX_C_SOURCE  200809L

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>


static void
on_stop(int signo)
{
    (void) signo;

    _exit(0);
}


static int
listen_on(unsigned short port)
{
    int                 s, on = 1;
    struct sockaddr_in  addr = { .sin_family = AF_INET };

    addr.sin_port = htons(port);

    s = socket(AF_INET, SOCK_STREAM, 0);
    if (s == -1) {
        return -1;
    }

    if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1
        || bind(s, (struct sockaddr *) &addr, sizeof(addr)) == -1
        || listen(s, 64) == -1)
    {
        close(s);
        return -1;
    }

    return s;
}


/* reads up to the end of the header; the body, if any, stays unread */

static int
read_request(int s, char *buf, size_t size)
{
    size_t   used = 0;
    ssize_t  n;

    while (used < size - 1) {
        n = recv(s, buf + used, size - 1 - used, 0);
        if (n <= 0) {
            return -1;
        }

        used += (size_t) n;
        buf[used] = '\0';

        if (strstr(buf, "\r\n\r\n") != NULL) {
            return 0;
        }
    }

    return -1;
}


static void
answer(int s)
{
    int             len;
    char            request[8192], reply[512], host[256];
    struct timeval  timeout = { .tv_sec = 5 };

    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));

    if (read_request(s, request, sizeof(request)) == -1
        || gethostname(host, sizeof(host)) == -1)
    {
        return;
    }

    host[sizeof(host) - 1] = '\0';
    request[strcspn(request, "\r\n")] = '\0';
    printf("%s\n", request);

    len = snprintf(reply, sizeof(reply),
                   "HTTP/1.1 200 OK\r\n"
                   "Content-Type: text/plain\r\n"
                   "Content-Length: %zu\r\n"
                   "Connection: close\r\n\r\n"
                   "hello from %s\n",
                   strlen(host) + sizeof("hello from \n") - 1, host);

    (void) send(s, reply, (size_t) len, MSG_NOSIGNAL);
}


int
main(void)
{
    int               s, c, port;
    const char       *value;
    struct sigaction  stop = { .sa_handler = on_stop };

    setvbuf(stdout, NULL, _IOLBF, 0);

    value = getenv("PORT");
    port = (value == NULL) ? 8080 : atoi(value);

    if (port < 1 || port > 65535 || sigaction(SIGTERM, &stop, NULL) == -1) {
        return 1;
    }

    s = listen_on((unsigned short) port);
    if (s == -1) {
        perror("listen");
        return 1;
    }

    printf("listening on %d\n", port);

    for ( ;; ) {
        c = accept(s, NULL, NULL);

        if (c == -1) {
            if (errno == EINTR || errno == ECONNABORTED) {
                continue;
            }

            perror("accept");
            return 1;
        }

        answer(c);
        close(c);
    }
}
