/*
 * What is known of a running system from outside: who holds the locks of
 * its data folder, where it serves, and what its admin port answers.
 */

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "../store/status_file.h"
#include "cli.h"


#define ASK_WITHIN  1               /* s */


pid_t
kecs_lock_line(const char *line, ino_t file)
{
    long                pid;
    unsigned long long  inode;

    if (sscanf(line, "%*s FLOCK %*s %*s %ld %*x:%*x:%llu", &pid, &inode) != 2
        || inode != (unsigned long long) file)
    {
        return 0;
    }

    return (pid_t) pid;
}


pid_t
kecs_lock_owner(const char *data, const char *name)
{
    char         line[PATH_MAX + 32];
    FILE        *f;
    pid_t        pid;
    struct stat  st;

    (void) snprintf(line, sizeof(line), "%s/%s", data, name);

    if (stat(line, &st) != 0) {
        return 0;
    }

    pid = 0;
    f = fopen("/proc/locks", "re");

    while (pid <= 0 && f != NULL && fgets(line, sizeof(line), f) != NULL) {
        pid = kecs_lock_line(line, st.st_ino);
    }

    if (f != NULL) {
        (void) fclose(f);
    }

    return pid > 0 ? pid : 0;
}


static void
read_line(FILE *f, char *out, size_t size)
{
    if (fgets(out, (int) size, f) == NULL) {
        out[0] = '\0';
    }

    out[strcspn(out, "\n")] = '\0';
}


void
kecs_endpoint_read(const char *data, kecs_endpoint_t *e)
{
    char   path[PATH_MAX + 16];
    FILE  *f;

    e->api[0] = '\0';
    e->admin[0] = '\0';

    (void) snprintf(path, sizeof(path), "%s/endpoint", data);
    f = fopen(path, "re");

    if (f != NULL) {
        read_line(f, e->api, sizeof(e->api));
        read_line(f, e->admin, sizeof(e->admin));
        (void) fclose(f);
    }
}


static int
ask_connect(unsigned port)
{
    int                 fd;
    struct timeval      tv;
    struct sockaddr_in  sin;

    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd == -1) {
        return -1;
    }

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    tv.tv_sec = ASK_WITHIN;
    tv.tv_usec = 0;

    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) != 0
        || connect(fd, (struct sockaddr *) &sin, sizeof(sin)) != 0)
    {
        (void) close(fd);
        return -1;
    }

    return fd;
}


unsigned
kecs_ask(unsigned port, const char *path, char *body, size_t size)
{
    int       fd, n;
    char      text[8192], *p;
    size_t    len;
    ssize_t   got;
    unsigned  status;

    body[0] = '\0';
    fd = ask_connect(port);

    if (fd == -1) {
        return 0;
    }

    n = snprintf(text, sizeof(text), "GET %s HTTP/1.0\r\n"
                 "Host: localhost\r\n\r\n", path);
    len = 0;

    if (send(fd, text, (size_t) n, MSG_NOSIGNAL) == n) {
        while (len < sizeof(text) - 1
               && (got = recv(fd, text + len, sizeof(text) - 1 - len, 0)) > 0)
        {
            len += (size_t) got;
        }
    }

    (void) close(fd);
    text[len] = '\0';
    p = strstr(text, "\r\n\r\n");

    if (p == NULL || sscanf(text, "HTTP/1.%*1u %3u", &status) != 1) {
        return 0;
    }

    (void) snprintf(body, size, "%s", p + 4);

    return status;
}


void
kecs_said(kecs_str_t status, const char *key, char *out, size_t size)
{
    kecs_str_t  value;

    value = kecs_status_value(status, key);
    (void) snprintf(out, size, "%.*s", kecs_fmt(value));
}


int
kecs_print_json(kecs_buf_t *b)
{
    int  rc;

    kecs_buf_chr(b, '\n');
    rc = b->failed ? kecs_die("out of memory") : 0;

    if (rc == 0) {
        (void) fwrite(b->data, 1, b->len, stdout);
    }

    kecs_buf_free(b);

    return rc;
}
