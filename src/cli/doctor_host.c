/*
 * doctor: the machine and its programs - ports, nginx and the module,
 * inotify, and the clients' environment, from which calls would go to real
 * AWS when it is wrong.  Values of variables that may be secret are never
 * shown.
 */

#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "doctor.h"


/* Ports. */

static unsigned long long
socket_on(unsigned port)
{
    bool                found;
    char                line[512];
    FILE               *f;
    size_t              i;
    unsigned long long  inode;
    static const char *const  tables[] = { "/proc/net/tcp", "/proc/net/tcp6" };

    found = false;
    inode = 0;

    for (i = 0; i < sizeof(tables) / sizeof(tables[0]) && !found; i++) {
        f = fopen(tables[i], "re");

        while (!found && f != NULL && fgets(line, sizeof(line), f) != NULL) {
            found = kecs_listens(line, port, &inode);
        }

        if (f != NULL) {
            (void) fclose(f);
        }
    }

    return found ? inode : 0;
}


/* A process has the socket among its open files. */

static bool
has_socket(const char *pid, unsigned long long inode)
{
    DIR            *dir;
    bool            found;
    char            path[PATH_MAX], want[64], target[64];
    ssize_t         n;
    struct dirent  *e;

    (void) snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    (void) snprintf(want, sizeof(want), "socket:[%llu]", inode);
    dir = opendir(path);
    found = false;

    while (!found && dir != NULL && (e = readdir(dir)) != NULL) {
        n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
        target[n > 0 ? n : 0] = '\0';
        found = strcmp(target, want) == 0;
    }

    if (dir != NULL) {
        (void) closedir(dir);
    }

    return found;
}


static void
name_of(const char *pid, char *out, size_t size)
{
    char   path[64], name[32];
    FILE  *f;

    (void) snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
    f = fopen(path, "re");
    name[0] = '\0';

    if (f != NULL) {
        if (fgets(name, sizeof(name), f) != NULL) {
            name[strcspn(name, "\n")] = '\0';
        }

        (void) fclose(f);
    }

    (void) snprintf(out, size, "%s, process %.16s", name, pid);
}


static void
holder(unsigned long long inode, char *out, size_t size)
{
    DIR            *dir;
    struct dirent  *e;

    (void) snprintf(out, size, "a process of another user");
    dir = opendir("/proc");

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        if (isdigit((unsigned char) e->d_name[0])
            && has_socket(e->d_name, inode))
        {
            name_of(e->d_name, out, size);
            break;
        }
    }

    if (dir != NULL) {
        (void) closedir(dir);
    }
}


static void
look_at_port(kecs_doctor_t *d, const char *what, unsigned port)
{
    char                who[128];
    unsigned long long  inode;

    inode = socket_on(port);

    if (inode == 0) {
        kecs_found(d, d->up != 0 ? KECS_FAIL : KECS_FINE, what,
                   "look into error.log of the data folder",
                   d->up != 0 ? "nothing listens on port %u, though \"kecs"
                   " up\" runs" : "port %u is free", port);
        return;
    }

    holder(inode, who, sizeof(who));

    if (d->up != 0) {
        kecs_found(d, KECS_FINE, what, "", "port %u is served (%s)", port,
                   who);
        return;
    }

    kecs_found(d, KECS_FAIL, what, "end that, or take another port: --port,"
               " --admin-port", "port %u is in use by %s", port, who);
}


/* What readyz has against it, if it runs. */

static void
look_at_readiness(kecs_doctor_t *d)
{
    char        body[2048];
    unsigned    status;
    kecs_str_t  rest, line;

    status = kecs_ask(d->admin_port, "/readyz?verbose", body, sizeof(body));

    if (status == 200) {
        kecs_found(d, KECS_FINE, "system", "", "\"kecs up\" runs and is"
                   " ready");
        return;
    }

    rest = kecs_str_of(body);

    while (kecs_str_split(&rest, '\n', &line)) {
        if (kecs_str_starts(line, kecs_str("[-]"))) {
            kecs_found(d, KECS_FAIL, "system", "look into error.log of the"
                       " data folder, and at what \"kecs up\" printed",
                       "%.*s", kecs_fmt(kecs_str_from(line, 3)));
        }
    }
}


void
kecs_doctor_ports(kecs_doctor_t *d)
{
    look_at_port(d, "API port", d->port);
    look_at_port(d, "admin port", d->admin_port);

    if (d->up != 0) {
        look_at_readiness(d);
    }
}


/* nginx: it tells itself whether it takes the module. */

/* The first line of what a command prints; false: it cannot be run. */

static bool
first_line(const char *command, char *line, size_t size, int *status)
{
    char   rest[256];
    FILE  *p;

    line[0] = '\0';
    p = popen(command, "re");

    if (p == NULL) {
        return false;
    }

    if (fgets(line, (int) size, p) != NULL) {
        line[strcspn(line, "\n")] = '\0';
    }

    while (fgets(rest, sizeof(rest), p) != NULL) {
        /* void */
    }

    *status = pclose(p);

    return line[0] != '\0';
}


static bool
write_probe(const char *dir, const char *module)
{
    char   path[PATH_MAX];
    FILE  *f;

    (void) snprintf(path, sizeof(path), "%s/nginx.conf", dir);
    f = fopen(path, "we");

    if (f == NULL) {
        return false;
    }

    fprintf(f, "load_module \"%s\";\npid \"%s/nginx.pid\";\nevents { }\n",
            module, dir);

    return fclose(f) == 0;
}


static void
look_at_module(kecs_doctor_t *d, const char *module)
{
    int         status;
    char        line[1024], path[64];
    char        dir[] = "/tmp/kecs-doctor-XXXXXX";
    char        command[256];
    size_t      i;
    static const char *const  left[] = { "nginx.conf", "nginx.pid" };

    if (mkdtemp(dir) == NULL || !write_probe(dir, module)) {
        kecs_found(d, KECS_WARN, "module", "make room in /tmp",
                   "could not be tried: %s", strerror(errno));
        return;
    }

    (void) snprintf(command, sizeof(command),
                    "nginx -t -q -e stderr -p %s -c %s/nginx.conf 2>&1",
                    dir, dir);
    status = 0;

    if (first_line(command, line, sizeof(line), &status) && status != 0) {
        kecs_found(d, KECS_FAIL, "module", "build it for this nginx (make"
                   " all), or install the nginx it was built for",
                   "%s", line);

    } else {
        kecs_found(d, KECS_FINE, "module", "", "%s fits this nginx", module);
    }

    for (i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
        (void) snprintf(path, sizeof(path), "%s/%s", dir, left[i]);
        (void) unlink(path);
    }

    (void) rmdir(dir);
}


void
kecs_doctor_nginx(kecs_doctor_t *d)
{
    int          status;
    char         line[256];
    const char  *module;

    if (!first_line("nginx -v 2>&1", line, sizeof(line), &status)
        || strncmp(line, "nginx version: ", 15) != 0)
    {
        kecs_found(d, KECS_FAIL, "nginx", "install it (apt-get install"
                   " nginx), or put it on PATH", "there is none on PATH");
        return;
    }

    kecs_found(d, KECS_FINE, "nginx", "", "%s", line + 15);
    module = kecs_program_file_maybe("ngx_http_kecs_module.so");

    if (module == NULL) {
        kecs_found(d, KECS_FAIL, "module", "build it: make all",
                   "ngx_http_kecs_module.so is not beside this program");
        return;
    }

    look_at_module(d, module);
}


/* inotify, by which the reconciler hears of changes. */

void
kecs_doctor_machine(kecs_doctor_t *d)
{
    int  fd;

    fd = inotify_init1(IN_CLOEXEC);

    if (fd == -1) {
        kecs_found(d, KECS_FAIL, "inotify", "raise the limit: sysctl"
                   " fs.inotify.max_user_instances=1024",
                   "this user has no instance left: %s", strerror(errno));
        return;
    }

    if (inotify_add_watch(fd, "/", IN_MODIFY) == -1) {
        kecs_found(d, KECS_FAIL, "inotify", "raise the limit: sysctl"
                   " fs.inotify.max_user_watches=65536",
                   "this user has no watch left: %s", strerror(errno));

    } else {
        kecs_found(d, KECS_FINE, "inotify", "", "an instance and a watch"
                   " are to be had");
    }

    (void) close(fd);
}


/* Clients. */

static void
look_at_aws(kecs_doctor_t *d)
{
    int           major, minor, status;
    char          line[256];
    kecs_level_t  level;

    if (!first_line("command -v aws >/dev/null && aws --version 2>&1", line,
                    sizeof(line), &status))
    {
        kecs_found(d, KECS_FINE, "aws", "", "there is no aws CLI on PATH");
        return;
    }

    level = kecs_judge_aws(line, &major, &minor);
    kecs_found(d, level, "aws", level == KECS_WARN
               ? "call \"aws --version\" to see what it is"
               : "install 1.29, 2.13 or newer, or give --endpoint-url with"
                 " each call", level == KECS_FAIL
               ? "%.60s does not know AWS_ENDPOINT_URL: it would call real"
                 " AWS" : "%.60s", line);
}


static void
look_at_endpoint(kecs_doctor_t *d, const char *name)
{
    const char  *value;

    value = getenv(name);

    if (value == NULL || value[0] == '\0') {
        return;
    }

    /* a URL may carry a password */

    kecs_found(d, kecs_judge_endpoint(value, d->port), "environment",
               "eval \"$(kecs env)\"", kecs_judge_endpoint(value, d->port)
               == KECS_FINE ? "%s points here" : kecs_judge_endpoint(value,
               d->port) == KECS_FAIL ? "%s points to real AWS"
               : "%s points elsewhere, not to port %u of this machine", name,
               d->port);
}


static bool
is_set(const char *name)
{
    const char  *value;

    value = getenv(name);

    return value != NULL && value[0] != '\0';
}


static void
look_at_credentials(kecs_doctor_t *d)
{
    const char  *key;

    key = getenv("AWS_ACCESS_KEY_ID");

    if (key != NULL && (strncmp(key, "AKIA", 4) == 0
                        || strncmp(key, "ASIA", 4) == 0))
    {
        kecs_found(d, KECS_WARN, "environment", "eval \"$(kecs env)\"",
                   "AWS_ACCESS_KEY_ID is a key of real AWS");
    }

    if (is_set("AWS_PROFILE")) {
        kecs_found(d, KECS_WARN, "environment", "unset AWS_PROFILE, or eval"
                   " \"$(kecs env)\"", "AWS_PROFILE is set: its settings"
                   " may lead to real AWS");
    }
}


void
kecs_doctor_clients(kecs_doctor_t *d)
{
    const char  *ignore;

    look_at_aws(d);

    if (!is_set("AWS_ENDPOINT_URL") && !is_set("AWS_ENDPOINT_URL_ECS")) {
        kecs_found(d, KECS_WARN, "environment", "eval \"$(kecs env)\"",
                   "AWS_ENDPOINT_URL is not set: clients of this shell call"
                   " real AWS");
    }

    look_at_endpoint(d, "AWS_ENDPOINT_URL");
    look_at_endpoint(d, "AWS_ENDPOINT_URL_ECS");
    ignore = getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");

    if (ignore != NULL && strcasecmp(ignore, "true") == 0) {
        kecs_found(d, KECS_FAIL, "environment", "unset"
                   " AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                   "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true: clients"
                   " call real AWS");
    }

    look_at_credentials(d);
}
