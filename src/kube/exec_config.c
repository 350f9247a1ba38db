/*
 * The program that logs in, as a kubeconfig names it: its arguments and its
 * environment, with what Kubernetes wants it to be told (ExecCredential of
 * client.authentication.k8s.io) in KUBERNETES_EXEC_INFO.  login.c runs it.
 *
 * A daemon has no terminal, so a program that insists on one is refused.
 */

#include <openssl/evp.h>

#include "../json/json_writer.h"
#include "exec_config.h"


#define GROUP      "client.authentication.k8s.io/"
#define EXTENSION  "client.authentication.k8s.io/exec"

typedef struct {
    kecs_arena_t       *arena;
    const char         *command;
    const kecs_json_t  *exec;
    const kecs_json_t  *cluster;
    kecs_kubeconfig_t  *config;
    const char         *what;       /* is wrong */
} exec_t;


static kecs_str_t
text(const kecs_json_t *o, const char *member)
{
    kecs_str_t  s;

    s = kecs_json_str(kecs_json_get(o, member));

    return s.len > 0 ? s : kecs_null_str;
}


static kecs_rc_t
refuse(exec_t *x, const char *what)
{
    x->what = what;

    return KECS_INVALID;
}


static kecs_rc_t
check(exec_t *x)
{
    kecs_str_t  version, mode;

    version = text(x->exec, "apiVersion");
    mode = text(x->exec, "interactiveMode");

    if (!kecs_str_is(version, GROUP "v1")
        && !kecs_str_is(version, GROUP "v1beta1"))
    {
        return refuse(x, "its apiVersion has to be " GROUP "v1 or " GROUP
                      "v1beta1");
    }

    if (kecs_str_is(mode, "Always")) {
        return refuse(x, "interactiveMode Always asks for a terminal, which "
                      "a daemon does not have");
    }

    if (mode.data == NULL && kecs_str_is(version, GROUP "v1")) {
        return refuse(x, "interactiveMode is missing, which " GROUP
                      "v1 demands");
    }

    if (mode.data != NULL && !kecs_str_is(mode, "Never")
        && !kecs_str_is(mode, "IfAvailable"))
    {
        return refuse(x, "interactiveMode has to be Never or IfAvailable");
    }

    return KECS_OK;
}


static kecs_rc_t
write_authority(exec_t *x, kecs_writer_t *w)
{
    int          n;
    char        *text;
    kecs_str_t   ca = x->config->ca;

    if (ca.len == 0) {
        return KECS_OK;
    }

    text = kecs_alloc(x->arena, (ca.len + 2) / 3 * 4 + 1);

    if (text == NULL) {
        return KECS_NOMEM;
    }

    n = EVP_EncodeBlock((unsigned char *) text,
                        (const unsigned char *) ca.data, (int) ca.len);
    kecs_w_str(w, "certificate-authority-data",
               kecs_str_n(text, (size_t) n));

    return KECS_OK;
}


static kecs_rc_t
write_cluster(exec_t *x, kecs_writer_t *w)
{
    kecs_rc_t           rc;
    const kecs_json_t  *e;

    kecs_w_object(w, "cluster");
    kecs_w_str(w, "server", x->config->server);
    kecs_w_opt_str(w, "tls-server-name", x->config->tls_server_name);
    kecs_w_opt_str(w, "proxy-url", x->config->proxy);

    if (x->config->insecure) {
        kecs_w_bool(w, "insecure-skip-tls-verify", true);
    }

    rc = write_authority(x, w);

    e = kecs_json_get(x->cluster, "extensions");

    for (e = e ? e->first : NULL; e != NULL; e = e->next) {
        if (kecs_str_is(kecs_json_str(kecs_json_get(e, "name")), EXTENSION)
            && kecs_json_get(e, "extension") != NULL)
        {
            kecs_w_json(w, "config", kecs_json_get(e, "extension"));
            break;
        }
    }

    kecs_w_object_end(w);

    return rc;
}


/* "KUBERNETES_EXEC_INFO={...}" */

static kecs_rc_t
info(exec_t *x, const char **out)
{
    kecs_rc_t      rc;
    kecs_buf_t     b;
    kecs_writer_t  w;

    kecs_buf_init(&b, x->arena, 0);
    kecs_buf_str(&b, kecs_str("KUBERNETES_EXEC_INFO="));

    w = kecs_writer(&b);
    kecs_w_object(&w, NULL);
    kecs_w_str(&w, "kind", kecs_str("ExecCredential"));
    kecs_w_str(&w, "apiVersion", text(x->exec, "apiVersion"));
    kecs_w_object(&w, "spec");
    kecs_w_bool(&w, "interactive", false);

    rc = kecs_json_true(kecs_json_get(x->exec, "provideClusterInfo"))
         ? write_cluster(x, &w) : KECS_OK;

    kecs_w_object_end(&w);
    kecs_w_object_end(&w);
    kecs_buf_chr(&b, '\0');

    *out = b.data;

    return rc == KECS_OK && b.failed ? KECS_NOMEM : rc;
}


static size_t
length(const kecs_json_t *list)
{
    return list != NULL && list->type == KECS_JSON_ARRAY ? list->n : 0;
}


static kecs_rc_t
arguments(exec_t *x, const char *const **out)
{
    size_t              n;
    const char        **argv;
    const kecs_json_t  *list, *e;

    list = kecs_json_get(x->exec, "args");
    argv = kecs_calloc(x->arena, length(list) + 2, sizeof(char *));

    if (argv == NULL) {
        return KECS_NOMEM;
    }

    argv[0] = x->command;

    for (n = 1, e = length(list) ? list->first : NULL; e; e = e->next) {
        argv[n] = kecs_json_str(e).data;

        if (argv[n++] == NULL) {
            return refuse(x, "an argument is no string");
        }
    }

    *out = argv;

    return KECS_OK;
}


static kecs_rc_t
environment(exec_t *x, const char *const **out)
{
    size_t              n;
    kecs_str_t          name;
    const char        **env;
    const kecs_json_t  *list, *e;

    list = kecs_json_get(x->exec, "env");
    env = kecs_calloc(x->arena, length(list) + 2, sizeof(char *));

    if (env == NULL) {
        return KECS_NOMEM;
    }

    for (n = 0, e = length(list) ? list->first : NULL; e; e = e->next, n++) {
        name = text(e, "name");

        if (name.data == NULL || kecs_str_chr(name, '=') != -1) {
            return refuse(x, "a variable has no name");
        }

        env[n] = kecs_sprintf(x->arena, "%.*s=%.*s", kecs_fmt(name),
                              kecs_fmt(kecs_json_str(kecs_json_get(e,
                                                     "value")))).data;
        if (env[n] == NULL) {
            return KECS_NOMEM;
        }
    }

    *out = env;

    return info(x, &env[n]);
}


static kecs_rc_t
fill(exec_t *x)
{
    kecs_rc_t     rc;
    kecs_exec_t  *e;

    e = kecs_zalloc(x->arena, sizeof(kecs_exec_t));

    if (e == NULL) {
        return KECS_NOMEM;
    }

    e->version = text(x->exec, "apiVersion");
    e->hint = text(x->exec, "installHint");
    x->config->exec = e;

    rc = arguments(x, &e->argv);

    return rc == KECS_OK ? environment(x, &e->env) : rc;
}


kecs_rc_t
kecs_exec_config(kecs_arena_t *a, kecs_str_t command,
    const kecs_json_t *exec, const kecs_json_t *cluster,
    kecs_kubeconfig_t *out, const char **what)
{
    exec_t     x = { a, command.data, exec, cluster, out, "" };
    kecs_rc_t  rc;

    rc = check(&x);

    if (rc == KECS_OK) {
        rc = fill(&x);
    }

    *what = x.what;

    return rc;
}
