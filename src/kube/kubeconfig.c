/*
 * kubeconfig files and the in-cluster configuration, see kubeconfig.h.
 *
 * Each file is read into a tree; nothing is merged beforehand, but every
 * look-up asks the files in order and takes the first that knows, which is
 * what merging comes to.  Paths in a file are relative to its folder.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "credentials.h"
#include "exec_config.h"
#include "yaml.h"


#define FILES_MAX       16
#define ACCOUNT_FOLDER  "/var/run/secrets/kubernetes.io/serviceaccount"

typedef struct {
    kecs_str_t          path;
    const kecs_json_t  *tree;
} file_t;

typedef struct {
    kecs_arena_t       *arena;
    file_t              files[FILES_MAX];
    unsigned            n;
    const char        **why;
    kecs_kubeconfig_t  *out;
    const kecs_json_t  *cluster;
} load_t;


static kecs_rc_t fail(kecs_arena_t *a, const char **why, kecs_rc_t rc,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));


static kecs_rc_t
fail(kecs_arena_t *a, const char **why, kecs_rc_t rc, const char *fmt, ...)
{
    char        line[512];
    va_list     args;
    kecs_str_t  s;

    va_start(args, fmt);
    (void) vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);

    s = kecs_strdup(a, kecs_str_of(line));
    *why = s.data ? s.data : "out of memory";

    return rc;
}


static kecs_rc_t
no_memory(const char **why)
{
    *why = "out of memory";

    return KECS_NOMEM;
}


static kecs_rc_t
unreadable(kecs_arena_t *a, const char **why, kecs_rc_t rc, kecs_str_t path)
{
    switch (rc) {

    case KECS_NOMEM:
        return no_memory(why);

    case KECS_NOT_FOUND:
        return fail(a, why, rc, "%.*s does not exist", kecs_fmt(path));

    case KECS_IO:
        return fail(a, why, rc, "%.*s cannot be read: %s", kecs_fmt(path),
                    strerror(errno));

    default:
        return fail(a, why, rc, "%.*s does not hold what it should",
                    kecs_fmt(path));
    }
}


static kecs_rc_t
add_file(load_t *l, kecs_str_t path, bool may_lack)
{
    file_t     *f;
    unsigned    line;
    kecs_rc_t   rc;
    kecs_str_t  text;

    if (l->n == FILES_MAX) {
        return fail(l->arena, l->why, KECS_INVALID,
                    "more than %d kubeconfig files are named", FILES_MAX);
    }

    f = &l->files[l->n];
    f->path = kecs_strdup(l->arena, path);

    if (f->path.data == NULL) {
        return no_memory(l->why);
    }

    rc = kecs_file_read(l->arena, f->path.data, &text);

    if (rc == KECS_NOT_FOUND && may_lack) {
        return KECS_OK;
    }

    if (rc != KECS_OK) {
        return unreadable(l->arena, l->why, rc, f->path);
    }

    rc = kecs_yaml_parse(l->arena, text, &f->tree, &line);

    if (rc == KECS_NOMEM) {
        return no_memory(l->why);
    }

    if (rc != KECS_OK || f->tree->type != KECS_JSON_OBJECT) {
        return fail(l->arena, l->why, KECS_INVALID,
                    "%.*s is not a kubeconfig file (line %u)",
                    kecs_fmt(f->path), line);
    }

    l->n++;

    return KECS_OK;
}


static kecs_rc_t
add_files(load_t *l, kecs_str_t list)
{
    bool        many;
    kecs_rc_t   rc;
    kecs_str_t  path, all;

    all = list;
    many = kecs_str_chr(list, ':') != -1;

    while (kecs_str_split(&list, ':', &path)) {
        if (path.len == 0) {
            continue;
        }

        rc = add_file(l, path, many);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    if (l->n == 0) {
        return fail(l->arena, l->why, KECS_NOT_FOUND,
                    "no kubeconfig file of %.*s exists", kecs_fmt(all));
    }

    return KECS_OK;
}


static kecs_rc_t
default_files(load_t *l, kecs_str_t *list)
{
    const char  *home;

    *list = kecs_str_of(getenv("KUBECONFIG"));

    if (list->len > 0) {
        return KECS_OK;
    }

    home = getenv("HOME");

    if (home == NULL || *home == '\0') {
        return fail(l->arena, l->why, KECS_NOT_FOUND,
                    "neither KUBECONFIG nor HOME is set");
    }

    *list = kecs_sprintf(l->arena, "%s/.kube/config", home);

    return list->data ? KECS_OK : no_memory(l->why);
}


/* {name, <member>} of a list by name, from the first file that has it. */

static const kecs_json_t *
named(const load_t *l, const char *list, const char *member, kecs_str_t name,
    const file_t **from)
{
    unsigned            i;
    const kecs_json_t  *e;

    for (i = 0; i < l->n; i++) {
        e = kecs_json_get(l->files[i].tree, list);

        for (e = e ? e->first : NULL; e != NULL; e = e->next) {
            if (kecs_str_eq(kecs_json_str(kecs_json_get(e, "name")), name)) {
                *from = &l->files[i];
                return kecs_json_get(e, member);
            }
        }
    }

    return NULL;
}


static kecs_str_t
current_context(const load_t *l)
{
    unsigned    i;
    kecs_str_t  s;

    for (i = 0; i < l->n; i++) {
        s = kecs_json_str(kecs_json_get(l->files[i].tree, "current-context"));

        if (s.len > 0) {
            return s;
        }
    }

    return kecs_null_str;
}


static kecs_str_t
text(const kecs_json_t *o, const char *member)
{
    kecs_str_t  s;

    s = kecs_json_str(kecs_json_get(o, member));

    return s.len > 0 ? s : kecs_null_str;
}


/* A path as it is meant in this file. */

static kecs_rc_t
resolve(load_t *l, const file_t *f, kecs_str_t path, kecs_str_t *out)
{
    ptrdiff_t  slash;

    slash = kecs_str_rchr(f->path, '/');

    if (path.data[0] == '/' || slash == -1) {
        *out = path;

    } else {
        *out = kecs_sprintf(l->arena, "%.*s/%.*s", (int) slash, f->path.data,
                            kecs_fmt(path));
    }

    return out->data ? KECS_OK : no_memory(l->why);
}


/* NAME-data in base64, or else the file that NAME names. */

static kecs_rc_t
material(load_t *l, const file_t *f, const kecs_json_t *o, const char *name,
    kecs_str_t *out, kecs_str_t *file)
{
    char        member[64];
    kecs_rc_t   rc;
    kecs_str_t  data, path;

    (void) snprintf(member, sizeof(member), "%s-data", name);

    data = text(o, member);

    if (data.data != NULL) {
        rc = kecs_base64_decode(l->arena, data, out);

        return rc == KECS_INVALID
               ? fail(l->arena, l->why, rc, "%.*s: %s is not base64",
                      kecs_fmt(f->path), member)
               : rc;
    }

    path = text(o, name);

    if (path.data == NULL) {
        return KECS_OK;
    }

    rc = resolve(l, f, path, &path);
    if (rc != KECS_OK) {
        return rc;
    }

    *file = path;
    rc = kecs_file_read(l->arena, path.data, out);

    return rc == KECS_OK ? rc : unreadable(l->arena, l->why,
                                           rc == KECS_NOT_FOUND
                                           ? KECS_INVALID : rc, path);
}


static bool
is_url(kecs_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] <= 0x20 || s.data[i] == 0x7f) {
            return false;
        }
    }

    return (kecs_str_starts(s, kecs_str("https://")) && s.len > 8)
           || (kecs_str_starts(s, kecs_str("http://")) && s.len > 7);
}


static kecs_rc_t
take_cluster(load_t *l, kecs_str_t name)
{
    kecs_rc_t           rc;
    const file_t       *f;
    kecs_kubeconfig_t  *out;
    const kecs_json_t  *c;

    out = l->out;
    c = named(l, "clusters", "cluster", name, &f);

    if (c == NULL) {
        return fail(l->arena, l->why, KECS_INVALID,
                    "the kubeconfig has no cluster \"%.*s\", which context "
                    "\"%.*s\" names", kecs_fmt(name), kecs_fmt(out->context));
    }

    l->cluster = c;
    out->server = text(c, "server");

    while (out->server.len > 0
           && out->server.data[out->server.len - 1] == '/')
    {
        out->server.len--;
    }

    if (!is_url(out->server)) {
        return fail(l->arena, l->why, KECS_INVALID,
                    "cluster \"%.*s\": \"%.*s\" is no address of a server",
                    kecs_fmt(name), kecs_fmt(out->server));
    }

    out->proxy = text(c, "proxy-url");
    out->tls_server_name = text(c, "tls-server-name");
    out->insecure = kecs_json_true(kecs_json_get(c,
                                                 "insecure-skip-tls-verify"));

    rc = material(l, f, c, "certificate-authority", &out->ca, &out->ca_file);

    if (rc == KECS_OK && out->insecure && out->ca.data != NULL) {
        return fail(l->arena, l->why, KECS_INVALID, "cluster \"%.*s\": a "
                    "certificate authority and insecure-skip-tls-verify "
                    "contradict each other", kecs_fmt(name));
    }

    return rc;
}


static kecs_rc_t
take_token(load_t *l, const file_t *f, const kecs_json_t *u, kecs_str_t name)
{
    kecs_rc_t           rc;
    kecs_str_t          path;
    kecs_kubeconfig_t  *out;

    out = l->out;
    path = text(u, "tokenFile");

    if (path.data != NULL) {
        rc = resolve(l, f, path, &out->token_file);
        if (rc != KECS_OK) {
            return rc;
        }

        rc = kecs_token_read(l->arena, out->token_file.data, &out->token);

        return rc == KECS_OK ? rc : unreadable(l->arena, l->why,
                                               rc == KECS_NOT_FOUND
                                               ? KECS_INVALID : rc,
                                               out->token_file);
    }

    out->token = text(u, "token");

    if (out->token.data != NULL
        && kecs_token_clean(out->token, &out->token) != KECS_OK)
    {
        return fail(l->arena, l->why, KECS_INVALID,
                    "user \"%.*s\": the token is malformed", kecs_fmt(name));
    }

    return KECS_OK;
}


/* A name is looked up in PATH, a path is meant like any other. */

static kecs_rc_t
take_exec(load_t *l, const file_t *f, const kecs_json_t *exec,
    kecs_str_t name)
{
    kecs_rc_t    rc;
    kecs_str_t   command;
    const char  *what;

    command = text(exec, "command");

    if (command.data == NULL) {
        return fail(l->arena, l->why, KECS_INVALID, "user \"%.*s\" logs in "
                    "by a program (exec) that has no command",
                    kecs_fmt(name));
    }

    rc = kecs_str_chr(command, '/') != -1
         ? resolve(l, f, command, &command) : KECS_OK;

    if (rc == KECS_OK) {
        rc = kecs_exec_config(l->arena, command, exec, l->cluster, l->out,
                              &what);
    }

    return rc != KECS_INVALID ? rc
           : fail(l->arena, l->why, rc, "user \"%.*s\" logs in by the "
                  "program %.*s (exec): %s", kecs_fmt(name),
                  kecs_fmt(command), what);
}


/* A token that is given needs no program. */

static kecs_rc_t
take_login(load_t *l, const file_t *f, const kecs_json_t *u, kecs_str_t name)
{
    kecs_rc_t           rc;
    const kecs_json_t  *exec;

    exec = kecs_json_get(u, "exec");
    rc = take_token(l, f, u, name);

    return rc == KECS_OK && exec != NULL && exec->type != KECS_JSON_NULL
           && l->out->token.data == NULL
           ? take_exec(l, f, exec, name) : rc;
}


/* Each provider was a library of client-go; most are gone there, too. */

static kecs_rc_t
check_provider(load_t *l, const kecs_json_t *u, kecs_str_t name)
{
    kecs_str_t          provider;
    const kecs_json_t  *p;

    p = kecs_json_get(u, "auth-provider");

    if (p == NULL || p->type == KECS_JSON_NULL) {
        return KECS_OK;
    }

    provider = text(p, "name");

    return fail(l->arena, l->why, KECS_INVALID, "user \"%.*s\" logs in by "
                "the auth-provider \"%.*s\", which is not supported; use a "
                "program (exec) or a service account's token instead",
                kecs_fmt(name), kecs_fmt(provider));
}


static kecs_rc_t
take_user(load_t *l, kecs_str_t name)
{
    kecs_rc_t           rc;
    const file_t       *f;
    kecs_kubeconfig_t  *out;
    const kecs_json_t  *u;

    out = l->out;
    u = named(l, "users", "user", name, &f);

    if (u == NULL) {
        return fail(l->arena, l->why, KECS_INVALID,
                    "the kubeconfig has no user \"%.*s\", which context "
                    "\"%.*s\" names", kecs_fmt(name), kecs_fmt(out->context));
    }

    rc = check_provider(l, u, name);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = material(l, f, u, "client-certificate", &out->cert,
                  &out->cert_file);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = material(l, f, u, "client-key", &out->key, &out->key_file);
    if (rc != KECS_OK) {
        return rc;
    }

    if ((out->cert.data == NULL) != (out->key.data == NULL)) {
        return fail(l->arena, l->why, KECS_INVALID, "user \"%.*s\" needs "
                    "both a client certificate and its key", kecs_fmt(name));
    }

    out->username = text(u, "username");
    out->password = text(u, "password");

    return take_login(l, f, u, name);
}


static kecs_rc_t
take_context(load_t *l, const char *context)
{
    kecs_rc_t           rc;
    kecs_str_t          user;
    const file_t       *f;
    const kecs_json_t  *c;

    l->out->context = context ? kecs_strdup(l->arena, kecs_str_of(context))
                              : current_context(l);

    if (l->out->context.data == NULL) {
        return context ? no_memory(l->why)
                       : fail(l->arena, l->why, KECS_NOT_FOUND,
                              "the kubeconfig has no current context");
    }

    c = named(l, "contexts", "context", l->out->context, &f);

    if (c == NULL) {
        return fail(l->arena, l->why, KECS_INVALID,
                    "the kubeconfig has no context \"%.*s\"",
                    kecs_fmt(l->out->context));
    }

    l->out->namespace = text(c, "namespace");

    if (l->out->namespace.data == NULL) {
        l->out->namespace = kecs_str("default");
    }

    rc = take_cluster(l, text(c, "cluster"));
    if (rc != KECS_OK) {
        return rc;
    }

    user = text(c, "user");

    return user.data ? take_user(l, user) : KECS_OK;
}


kecs_rc_t
kecs_kubeconfig_load(kecs_arena_t *a, const char *files, const char *context,
    kecs_kubeconfig_t *out, const char **why)
{
    load_t      l;
    kecs_rc_t   rc;
    kecs_str_t  list;

    memset(&l, 0, sizeof(load_t));
    memset(out, 0, sizeof(kecs_kubeconfig_t));

    l.arena = a;
    l.why = why;
    l.out = out;
    *why = "";

    out->named = files != NULL && *files != '\0';
    list = kecs_str_of(files);

    rc = out->named ? KECS_OK : default_files(&l, &list);

    if (rc == KECS_OK) {
        rc = add_files(&l, list);
    }

    if (rc == KECS_OK) {
        rc = take_context(&l, context);
    }

    if (rc == KECS_NOMEM) {
        return no_memory(why);
    }

    if (rc == KECS_OK) {
        out->loopback = out->proxy.data == NULL
                        && kecs_url_is_loopback(out->server);
    }

    return rc;
}


/* A file of the service account's folder. */

static kecs_str_t
in_folder(kecs_arena_t *a, const char *folder, const char *name)
{
    return kecs_sprintf(a, "%s/%s", folder, name);
}


static kecs_rc_t
in_cluster_server(kecs_arena_t *a, kecs_str_t *out)
{
    const char  *host, *port;

    host = getenv("KUBERNETES_SERVICE_HOST");
    port = getenv("KUBERNETES_SERVICE_PORT");

    if (host == NULL || *host == '\0') {
        return KECS_NOT_FOUND;
    }

    if (port == NULL || *port == '\0') {
        port = "443";
    }

    *out = kecs_sprintf(a, strchr(host, ':') ? "https://[%s]:%s"
                                             : "https://%s:%s", host, port);

    return out->data == NULL ? KECS_NOMEM
           : is_url(*out) ? KECS_OK : KECS_INVALID;
}


kecs_rc_t
kecs_kubeconfig_in_cluster(kecs_arena_t *a, const char *folder,
    kecs_kubeconfig_t *out, const char **why)
{
    kecs_rc_t   rc;
    kecs_str_t  file;

    memset(out, 0, sizeof(kecs_kubeconfig_t));

    folder = folder ? folder : ACCOUNT_FOLDER;

    rc = in_cluster_server(a, &out->server);

    if (rc != KECS_OK) {
        return fail(a, why, rc, "KUBERNETES_SERVICE_HOST is not set as in a "
                    "pod");
    }

    out->in_cluster = true;
    out->token_file = in_folder(a, folder, "token");
    out->ca_file = in_folder(a, folder, "ca.crt");
    file = in_folder(a, folder, "namespace");

    if (out->token_file.data == NULL || out->ca_file.data == NULL
        || file.data == NULL)
    {
        return no_memory(why);
    }

    rc = kecs_token_read(a, out->token_file.data, &out->token);
    if (rc != KECS_OK) {
        return unreadable(a, why, rc, out->token_file);
    }

    rc = kecs_file_read(a, out->ca_file.data, &out->ca);
    if (rc != KECS_OK) {
        return unreadable(a, why, rc, out->ca_file);
    }

    rc = kecs_token_read(a, file.data, &out->namespace);
    if (rc != KECS_OK) {
        return unreadable(a, why, rc, file);
    }

    return KECS_OK;
}


kecs_rc_t
kecs_kubeconfig_find(kecs_arena_t *a, const char *files, const char *context,
    kecs_kubeconfig_t *out, const char **why)
{
    kecs_rc_t  rc;

    if ((files == NULL || *files == '\0') && context == NULL) {
        rc = kecs_kubeconfig_in_cluster(a, NULL, out, why);

        if (rc != KECS_NOT_FOUND) {
            return rc;
        }
    }

    return kecs_kubeconfig_load(a, files, context, out, why);
}


bool
kecs_kubeconfig_auto(const kecs_kubeconfig_t *c)
{
    return c->in_cluster || c->named || c->loopback;
}


kecs_str_t
kecs_kubeconfig_describe(kecs_arena_t *a, const kecs_kubeconfig_t *c)
{
    if (c->in_cluster) {
        return kecs_sprintf(a, "this cluster (%.*s)", kecs_fmt(c->server));
    }

    return kecs_sprintf(a, "context %.*s (%.*s)", kecs_fmt(c->context),
                        kecs_fmt(c->server));
}


/* The part between "//" (and a user) and the port or path. */

static kecs_str_t
url_host(kecs_str_t url)
{
    size_t      i;
    ptrdiff_t   at;
    kecs_str_t  s, authority;

    at = kecs_str_chr(url, '/');

    if (at < 1 || (size_t) at + 1 >= url.len || url.data[at + 1] != '/') {
        return kecs_null_str;
    }

    s = kecs_str_from(url, (size_t) at + 2);

    for (i = 0; i < s.len && strchr("/?#", s.data[i]) == NULL; i++) {
        /* void */
    }

    authority = kecs_str_n(s.data, i);
    at = kecs_str_rchr(authority, '@');
    authority = kecs_str_from(authority, (size_t) (at + 1));

    if (authority.len > 0 && authority.data[0] == '[') {
        at = kecs_str_chr(authority, ']');
        return at == -1 ? kecs_null_str
                        : kecs_str_n(authority.data + 1, (size_t) at - 1);
    }

    at = kecs_str_chr(authority, ':');

    return at == -1 ? authority : kecs_str_n(authority.data, (size_t) at);
}


/* 127.a.b.c, all digits: "127.evil.example" is a name like any other. */

static bool
is_127(kecs_str_t host)
{
    unsigned    parts;
    uint64_t    n;
    kecs_str_t  part;

    if (!kecs_str_starts(host, kecs_str("127."))) {
        return false;
    }

    for (parts = 0; kecs_str_split(&host, '.', &part); parts++) {
        if (!kecs_str_u64(part, &n) || n > 255) {
            return false;
        }
    }

    return parts == 4;
}


bool
kecs_url_is_loopback(kecs_str_t url)
{
    kecs_str_t  host;

    host = url_host(url);

    if (kecs_str_is(host, "localhost") || kecs_str_is(host, "::1")
        || kecs_str_is(host, "0.0.0.0") || kecs_str_is(host, "::"))
    {
        return true;
    }

    return is_127(host);
}
