/*
 * Where a Kubernetes API server is and who we are there: from kubeconfig
 * files or from what every pod is given.  The result is plain data in an
 * arena; certificates and keys are PEM texts.
 */

#ifndef KECS_KUBECONFIG_H
#define KECS_KUBECONFIG_H


#include "../base/arena.h"


/*
 * A program that tells who we are (users[].user.exec).  argv[0] is a path,
 * or without any slash a name to look up in PATH; `env` is what it gets
 * besides our environment, KUBERNETES_EXEC_INFO included.  Both end with
 * NULL.
 */
typedef struct {
    const char *const  *argv;
    const char *const  *env;        /* "NAME=value" */
    kecs_str_t          version;    /* apiVersion of what it answers */
    kecs_str_t          hint;       /* installHint, or absent */
} kecs_exec_t;

typedef struct {
    kecs_str_t   context;           /* name; absent in a cluster */
    kecs_str_t   server;            /* "https://host:port[/path]" */
    kecs_str_t   tls_server_name;
    kecs_str_t   proxy;             /* proxy-url */
    kecs_str_t   namespace;         /* never absent: "default" */
    bool         insecure;
    bool         in_cluster;
    bool         named;             /* the files were named explicitly */
    bool         loopback;          /* the server is on this machine */
    kecs_str_t   ca;                /* PEM; absent: the system's own */
    kecs_str_t   ca_file;           /* where it came from, or absent */
    kecs_str_t   cert;
    kecs_str_t   key;
    kecs_str_t   cert_file;         /* read again now and then, */
    kecs_str_t   key_file;          /* where both are files */
    kecs_str_t   token;
    kecs_str_t   token_file;        /* read again now and then */
    kecs_str_t   username;
    kecs_str_t   password;
    const kecs_exec_t  *exec;       /* NULL: none, or a token is given */
} kecs_kubeconfig_t;


/*
 * Reads kubeconfig files and picks `context` (NULL: the current one).
 * `files` is one path or several with colons between them as in
 * $KUBECONFIG; NULL or empty means $KUBECONFIG, failing that
 * ~/.kube/config.  Of several files the first that sets a value counts,
 * and missing ones are passed over.
 *
 * KECS_OK; KECS_NOT_FOUND (no such file, no current context: nothing is
 * configured); KECS_INVALID; KECS_NOMEM.  *why is one line for a person,
 * in the arena, without any secret.
 */
kecs_rc_t kecs_kubeconfig_load(kecs_arena_t *a, const char *files,
    const char *context, kecs_kubeconfig_t *out, const char **why);

/*
 * What a pod is given: KUBERNETES_SERVICE_HOST and the folder with token,
 * ca.crt and namespace (NULL: where Kubernetes mounts it).  KECS_NOT_FOUND
 * when this is not a pod.
 */
kecs_rc_t kecs_kubeconfig_in_cluster(kecs_arena_t *a, const char *folder,
    kecs_kubeconfig_t *out, const char **why);

/*
 * The one to use: the files when `files` is given, otherwise the cluster
 * this process runs in, otherwise the user's own kubeconfig.
 */
kecs_rc_t kecs_kubeconfig_find(kecs_arena_t *a, const char *files,
    const char *context, kecs_kubeconfig_t *out, const char **why);

/*
 * Whether it may be used without being asked for: in a cluster, named
 * explicitly, or a server on this machine.  A person's context for some
 * far cluster is not.
 */
bool kecs_kubeconfig_auto(const kecs_kubeconfig_t *c);

/* "context kind-dev (https://127.0.0.1:6443)"; data NULL: no memory. */
kecs_str_t kecs_kubeconfig_describe(kecs_arena_t *a,
    const kecs_kubeconfig_t *c);

/* Host of an http(s) URL is this machine by its form (no DNS is asked). */
bool kecs_url_is_loopback(kecs_str_t url);


#endif
