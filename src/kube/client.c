/*
 * The client: calls move between three lists.
 *
 *     queued --> active (in curl's multi handle) --> over, called back
 *                  |   ^
 *                  v   |
 *                waiting (for the time of a repetition)
 *
 * One thread.  Curl's own callbacks only copy bytes; what they brought is
 * handed out afterwards, from kecs_kube_run(), so a callback of ours may
 * do anything to any call.  A cancelled call stays in its list, marked
 * dead, until nobody iterates any more.
 *
 * Calls own copies of what they send.  Tokens are in headers of a handle
 * and nowhere else; nothing of a request or an answer is logged.
 */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "../base/buf.h"
#include "../base/log.h"
#include "../base/rand.h"
#include "client.h"
#include "credentials.h"
#include "login.h"


#define BURST          64
#define BACKOFF        800
#define BACKOFF_MAX    30000
#define TOKEN_AGE      60000
#define LOGIN          60000        /* ms, for the program */
#define TIMEOUT        30           /* s, of a request */
#define CONNECT        10           /* s, to connect */
#define RETRY_AFTER    120          /* s, at most believed */
#define LINE_CAP       (8u << 20)
#define STREAM_MAX     (16u << 20)
#define DEAD_PEER      30000        /* ms without an acknowledgement */
#define WAIT_FDS       16

typedef enum {
    QUEUED = 0,
    ACTIVE,
    WAITING,
    DEAD
} state_t;

struct kecs_kube_call_s {
    TAILQ_ENTRY(kecs_kube_call_s)   link;
    kecs_kube_t                    *k;
    kecs_kube_request_t             r;
    state_t                         state;
    char                           *text;       /* method, path, type */
    char                           *body;
    CURL                           *easy;
    struct curl_slist              *headers;
    kecs_buf_t                      in;
    size_t                          scanned;    /* no newline before */
    unsigned                        attempts;
    unsigned                        serial;     /* of the login's */
    bool                            refreshed;  /* after a 401 */
    kecs_msec_t                     due;
    kecs_msec_t                     date;       /* of the last answer */
    kecs_cause_t                    cause;
    char                            error[CURL_ERROR_SIZE];
};

TAILQ_HEAD(calls_s, kecs_kube_call_s);

struct kecs_kube_s {
    kecs_arena_t       *arena;
    kecs_kubeconfig_t   config;
    kecs_kube_conf_t    conf;
    kecs_rand_t         rand;
    CURLM              *multi;
    char               *base;       /* URL in front of every path */
    struct curl_slist  *connect_to;
    struct calls_s      queued;
    struct calls_s      active;
    struct calls_s      waiting;    /* by due */
    unsigned            running;    /* active ones that are no streams */
    unsigned            pending;
    bool                dead[DEAD]; /* some of the list of this state */
    kecs_login_t       *login;      /* NULL: no program logs in */
    char               *token;
    kecs_msec_t         read_at;    /* the files of credentials */
    kecs_arena_t       *pair;       /* holds config.cert and .key, or NULL */
    char               *ca;
    size_t              ca_len;
};


static void finish(kecs_kube_call_t *c, CURLcode code);


static char *
copy_of(kecs_str_t s)
{
    char  *p;

    p = malloc(s.len + 1);

    if (p != NULL) {
        if (s.len > 0) {
            memcpy(p, s.data, s.len);
        }

        p[s.len] = '\0';
    }

    return p;
}


/* Opening and closing. */


static kecs_rc_t
copy_config(kecs_kube_t *k, const kecs_kubeconfig_t *c)
{
    size_t       i;
    kecs_str_t  *s;
    size_t       at[] = {
        offsetof(kecs_kubeconfig_t, context),
        offsetof(kecs_kubeconfig_t, server),
        offsetof(kecs_kubeconfig_t, tls_server_name),
        offsetof(kecs_kubeconfig_t, proxy),
        offsetof(kecs_kubeconfig_t, namespace),
        offsetof(kecs_kubeconfig_t, ca),
        offsetof(kecs_kubeconfig_t, ca_file),
        offsetof(kecs_kubeconfig_t, cert),
        offsetof(kecs_kubeconfig_t, key),
        offsetof(kecs_kubeconfig_t, cert_file),
        offsetof(kecs_kubeconfig_t, key_file),
        offsetof(kecs_kubeconfig_t, token),
        offsetof(kecs_kubeconfig_t, token_file),
        offsetof(kecs_kubeconfig_t, username),
        offsetof(kecs_kubeconfig_t, password)
    };

    k->config = *c;
    k->config.exec = NULL;

    for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        s = (kecs_str_t *) ((char *) &k->config + at[i]);

        if (s->data != NULL) {
            *s = kecs_strdup(k->arena, *s);

            if (s->data == NULL) {
                return KECS_NOMEM;
            }
        }
    }

    if (c->token.data != NULL) {
        k->token = copy_of(c->token);

        if (k->token == NULL) {
            return KECS_NOMEM;
        }
    }

    if (c->ca.data != NULL) {
        k->ca = copy_of(c->ca);
        k->ca_len = c->ca.len;

        if (k->ca == NULL) {
            return KECS_NOMEM;
        }
    }

    return KECS_OK;
}


/*
 * Another name for the certificate than the server's address: the URL
 * bears the name, and the connection goes to the address.
 */

static kecs_rc_t
rename_server(kecs_kube_t *k, CURLU *u)
{
    char        *host, *port;
    CURLUcode    code;
    kecs_str_t   to;

    host = NULL;
    port = NULL;

    code = curl_url_get(u, CURLUPART_HOST, &host, 0);

    if (code == CURLUE_OK) {
        code = curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    }

    if (code == CURLUE_OK) {
        to = kecs_sprintf(k->arena, "::%s:%s", host, port);
        k->connect_to = to.data ? curl_slist_append(NULL, to.data) : NULL;
        code = curl_url_set(u, CURLUPART_HOST, k->config.tls_server_name.data,
                            0);
    }

    curl_free(host);
    curl_free(port);

    return code != CURLUE_OK ? KECS_INVALID
           : k->connect_to != NULL ? KECS_OK : KECS_NOMEM;
}


static kecs_rc_t
make_base(kecs_kube_t *k)
{
    CURLU      *u;
    size_t      len;
    kecs_rc_t   rc;

    u = curl_url();

    if (u == NULL) {
        return KECS_NOMEM;
    }

    rc = KECS_OK;

    if (curl_url_set(u, CURLUPART_URL, k->config.server.data, 0)
        != CURLUE_OK)
    {
        rc = KECS_INVALID;
    }

    if (rc == KECS_OK && k->config.tls_server_name.len > 0) {
        rc = rename_server(k, u);
    }

    if (rc == KECS_OK
        && curl_url_get(u, CURLUPART_URL, &k->base, 0) != CURLUE_OK)
    {
        rc = KECS_NOMEM;
    }

    curl_url_cleanup(u);

    if (rc == KECS_OK) {
        len = strlen(k->base);

        while (len > 0 && k->base[len - 1] == '/') {
            k->base[--len] = '\0';
        }
    }

    return rc;
}


static void
set_conf(kecs_kube_t *k, const kecs_kube_conf_t *conf)
{
    if (conf != NULL) {
        k->conf = *conf;
    }

    if (k->conf.burst == 0) {
        k->conf.burst = BURST;
    }

    if (k->conf.backoff == 0) {
        k->conf.backoff = BACKOFF;
    }

    if (k->conf.backoff_max == 0) {
        k->conf.backoff_max = BACKOFF_MAX;
    }

    if (k->conf.token_age == 0) {
        k->conf.token_age = TOKEN_AGE;
    }

    if (k->conf.login == 0) {
        k->conf.login = LOGIN;
    }
}


static kecs_rc_t
setup(kecs_kube_t *k, const kecs_kubeconfig_t *config)
{
    kecs_rc_t  rc;

    k->arena = kecs_arena_create(0);
    k->multi = curl_multi_init();

    if (k->arena == NULL || k->multi == NULL) {
        return KECS_NOMEM;
    }

    (void) curl_multi_setopt(k->multi, CURLMOPT_MAXCONNECTS,
                             (long) k->conf.burst + 8);
    (void) curl_multi_setopt(k->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);

    rc = kecs_rand_system(&k->rand);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = copy_config(k, config);
    if (rc != KECS_OK) {
        return rc;
    }

    if (config->exec != NULL) {
        rc = kecs_login_open(config->exec, k->conf.login, k->conf.backoff,
                             k->conf.backoff_max, &k->login);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    k->read_at = kecs_monotonic();

    return make_base(k);
}


kecs_rc_t
kecs_kube_open(const kecs_kubeconfig_t *config, const kecs_kube_conf_t *conf,
    kecs_kube_t **out)
{
    kecs_rc_t     rc;
    kecs_kube_t  *k;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return KECS_ERROR;
    }

    k = calloc(1, sizeof(kecs_kube_t));

    if (k == NULL) {
        curl_global_cleanup();
        return KECS_NOMEM;
    }

    TAILQ_INIT(&k->queued);
    TAILQ_INIT(&k->active);
    TAILQ_INIT(&k->waiting);

    set_conf(k, conf);

    rc = setup(k, config);

    if (rc != KECS_OK) {
        kecs_kube_close(k);
        return rc;
    }

    *out = k;

    return KECS_OK;
}


/* Takes the handle away from curl; the call itself stays. */

static void
detach(kecs_kube_call_t *c)
{
    if (c->easy != NULL) {
        (void) curl_multi_remove_handle(c->k->multi, c->easy);
        curl_easy_cleanup(c->easy);
        c->easy = NULL;

        if (c->r.line == NULL) {
            c->k->running--;
        }
    }

    curl_slist_free_all(c->headers);
    c->headers = NULL;
}


static void
discard(kecs_kube_call_t *c)
{
    detach(c);
    kecs_buf_free(&c->in);
    free(c->text);

    if (c->body != NULL) {
        explicit_bzero(c->body, c->r.body.len);
    }

    free(c->body);
    free(c);
}


static void
discard_all(struct calls_s *list, bool only_dead)
{
    kecs_kube_call_t  *c, *next;

    for (c = TAILQ_FIRST(list); c != NULL; c = next) {
        next = TAILQ_NEXT(c, link);

        if (!only_dead || c->state == DEAD) {
            TAILQ_REMOVE(list, c, link);
            discard(c);
        }
    }
}


static void
drop_pair(kecs_kube_t *k)
{
    if (k->pair != NULL) {
        kecs_arena_wipe(k->pair);
        kecs_arena_destroy(k->pair);
        k->pair = NULL;
    }
}


void
kecs_kube_close(kecs_kube_t *k)
{
    if (k == NULL) {
        return;
    }

    discard_all(&k->queued, false);
    discard_all(&k->active, false);
    discard_all(&k->waiting, false);

    if (k->multi != NULL) {
        (void) curl_multi_cleanup(k->multi);
    }

    kecs_login_close(k->login);
    curl_slist_free_all(k->connect_to);
    curl_free(k->base);
    free(k->token);
    free(k->ca);
    drop_pair(k);
    kecs_arena_destroy(k->arena);
    free(k);

    curl_global_cleanup();
}


static void
sweep(kecs_kube_t *k)
{
    size_t           i;
    struct calls_s  *lists[] = { &k->queued, &k->active, &k->waiting };

    for (i = 0; i < DEAD; i++) {
        if (k->dead[i]) {
            discard_all(lists[i], true);
            k->dead[i] = false;
        }
    }
}


/* Credentials that come from files; login.h has those of programs. */


/* true when the token is another than before. */

static bool
read_token(kecs_kube_t *k)
{
    bool           changed;
    char          *copy;
    kecs_rc_t      rc;
    kecs_str_t     token;
    kecs_arena_t  *a;

    if (k->config.token_file.data == NULL) {
        return false;
    }

    a = kecs_arena_create(0);

    if (a == NULL) {
        return false;
    }

    changed = false;
    rc = kecs_token_read(a, k->config.token_file.data, &token);

    if (rc != KECS_OK) {
        kecs_log(KECS_LOG_WARN, "kubernetes: the token in %s cannot be read",
                 k->config.token_file.data);

    } else if (k->token == NULL || !kecs_str_is(token, k->token)) {
        copy = copy_of(token);

        if (copy != NULL) {
            free(k->token);
            k->token = copy;
            changed = true;
        }
    }

    kecs_arena_destroy(a);

    return changed;
}


/*
 * true when the certificate or its key is another than before.  One of them
 * may be older than the other for a moment: what then fails is tried again
 * with what is read later.
 */

static bool
read_pair(kecs_kube_t *k)
{
    kecs_rc_t      rc;
    kecs_str_t     cert, key;
    kecs_arena_t  *a;

    if (k->config.cert_file.data == NULL || k->config.key_file.data == NULL) {
        return false;
    }

    a = kecs_arena_create(0);

    if (a == NULL) {
        return false;
    }

    rc = kecs_file_read(a, k->config.cert_file.data, &cert);

    if (rc == KECS_OK) {
        rc = kecs_file_read(a, k->config.key_file.data, &key);
    }

    if (rc != KECS_OK) {
        kecs_log(KECS_LOG_WARN, "kubernetes: the certificate in %s and its "
                 "key cannot be read", k->config.cert_file.data);
    }

    if (rc != KECS_OK || (kecs_str_eq(cert, k->config.cert)
                          && kecs_str_eq(key, k->config.key)))
    {
        kecs_arena_wipe(a);
        kecs_arena_destroy(a);
        return false;
    }

    drop_pair(k);
    k->pair = a;
    k->config.cert = cert;
    k->config.key = key;

    return true;
}


/* true when who we are is told otherwise than before. */

static bool
read_files(kecs_kube_t *k)
{
    bool  token, pair;

    k->read_at = kecs_monotonic();
    token = read_token(k);
    pair = read_pair(k);

    return token || pair;
}


static void
read_ca(kecs_kube_t *k)
{
    char          *copy;
    kecs_str_t     ca;
    kecs_arena_t  *a;

    if (k->config.ca_file.data == NULL) {
        return;
    }

    a = kecs_arena_create(0);

    if (a == NULL) {
        return;
    }

    if (kecs_file_read(a, k->config.ca_file.data, &ca) == KECS_OK) {
        copy = copy_of(ca);

        if (copy != NULL) {
            free(k->ca);
            k->ca = copy;
            k->ca_len = ca.len;
        }
    }

    kecs_arena_destroy(a);
}


/* One transfer. */


static size_t
on_data(char *data, size_t size, size_t n, void *ctx)
{
    kecs_kube_call_t  *c = ctx;

    kecs_buf_add(&c->in, data, size * n);

    return c->in.failed ? 0 : size * n;
}


/* The server's clock; what else is in the head is curl's business. */

static size_t
on_header(char *data, size_t size, size_t n, void *ctx)
{
    char               text[64];
    size_t             len;
    time_t             date;
    kecs_kube_call_t  *c = ctx;

    len = size * n;

    if (len > 5 && len < sizeof(text) && strncasecmp(data, "Date:", 5) == 0) {
        memcpy(text, data + 5, len - 5);
        text[len - 5] = '\0';
        date = curl_getdate(text, NULL);
        c->date = date > 0 ? (kecs_msec_t) date * 1000 : 0;
    }

    return len;
}


/* A peer that went away without a word is noticed while we send, too. */

static int
on_socket(void *ctx, curl_socket_t fd, curlsocktype type)
{
    int  msec = DEAD_PEER;

    (void) ctx;
    (void) type;
    (void) setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &msec, sizeof(msec));

    return CURL_SOCKOPT_OK;
}


static bool
header(kecs_kube_call_t *c, const char *name, const char *value)
{
    char               *line;
    size_t              len;
    struct curl_slist  *list;

    len = strlen(name) + strlen(value) + 3;
    line = malloc(len);

    if (line == NULL) {
        return false;
    }

    (void) snprintf(line, len, *value ? "%s: %s" : "%s:", name, value);
    list = curl_slist_append(c->headers, line);
    free(line);

    if (list != NULL) {
        c->headers = list;
    }

    return list != NULL;
}


static bool
set_bearer(kecs_kube_call_t *c, kecs_str_t token)
{
    char    *bearer;
    bool     ok;
    size_t   len;

    len = token.len + sizeof("Bearer ");
    bearer = malloc(len);
    ok = bearer != NULL;

    if (ok) {
        (void) snprintf(bearer, len, "Bearer %.*s", kecs_fmt(token));
        ok = header(c, "Authorization", bearer);
        free(bearer);
    }

    return ok;
}


/* The call behind it, for those who read the server's audit log or traces. */

static bool
set_cause(kecs_kube_call_t *c)
{
    char          span[KECS_SPAN_LEN + 1], trace[KECS_TRACE_LEN + 1];
    char          id[KECS_UUID_LEN + 1 + KECS_SPAN_LEN + 1];
    kecs_trace_t  t;

    kecs_span_new(&c->k->rand, span);
    (void) snprintf(id, sizeof(id), "%s.%s", c->cause.request_id, span);

    if (!kecs_trace_parse(kecs_str_of(c->cause.trace), &t)) {
        return header(c, "Audit-ID", id);
    }

    kecs_trace_put(&t, kecs_str_of(span), trace);

    return header(c, "Audit-ID", id) && header(c, "traceparent", trace);
}


static bool
set_headers(kecs_kube_call_t *c)
{
    bool        ok;
    kecs_str_t  token;

    ok = header(c, "Accept", "application/json")
         && header(c, "User-Agent", "kecs")
         && header(c, "Expect", "");

    if (ok && c->r.type != NULL) {
        ok = header(c, "Content-Type", c->r.type);
    }

    if (ok && c->r.cause != NULL) {
        ok = set_cause(c);
    }

    token = c->k->login ? kecs_login_credential(c->k->login)->token
                        : kecs_str_of(c->k->token);

    return ok && token.data != NULL ? set_bearer(c, token) : ok;
}


static void
set_blob(CURL *e, CURLoption option, const char *data, size_t len)
{
    struct curl_blob  blob;

    if (data == NULL) {
        return;
    }

    blob.data = (void *) (uintptr_t) data;
    blob.len = len;
    blob.flags = CURL_BLOB_COPY;

    (void) curl_easy_setopt(e, option, &blob);
}


static void
set_tls(kecs_kube_t *k, CURL *e)
{
    kecs_str_t                cert, key;
    const kecs_credential_t  *told;

    cert = k->config.cert;
    key = k->config.key;

    if (k->login != NULL) {
        told = kecs_login_credential(k->login);

        if (told->cert.data != NULL) {
            cert = told->cert;
            key = told->key;
        }
    }

    (void) curl_easy_setopt(e, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);

    set_blob(e, CURLOPT_CAINFO_BLOB, k->ca, k->ca_len);
    set_blob(e, CURLOPT_SSLCERT_BLOB, cert.data, cert.len);
    set_blob(e, CURLOPT_SSLKEY_BLOB, key.data, key.len);

    if (k->config.insecure) {
        (void) curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
        (void) curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}


static void
set_peer(kecs_kube_t *k, CURL *e)
{
    if (k->connect_to != NULL) {
        (void) curl_easy_setopt(e, CURLOPT_CONNECT_TO, k->connect_to);
    }

    if (k->config.proxy.data != NULL) {
        (void) curl_easy_setopt(e, CURLOPT_PROXY, k->config.proxy.data);

    } else if (k->config.loopback) {
        (void) curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
    }

    (void) curl_easy_setopt(e, CURLOPT_HEADEROPT, (long) CURLHEADER_SEPARATE);

    if (k->token == NULL && k->config.username.data != NULL) {
        (void) curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC);
        (void) curl_easy_setopt(e, CURLOPT_USERNAME, k->config.username.data);
        (void) curl_easy_setopt(e, CURLOPT_PASSWORD,
                                k->config.password.data
                                ? k->config.password.data : "");
    }
}


static void
set_transfer(kecs_kube_call_t *c, CURL *e)
{
    (void) curl_easy_setopt(e, CURLOPT_PRIVATE, c);
    (void) curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    (void) curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    (void) curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                            (long) CURL_HTTP_VERSION_1_1);
    (void) curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long) CONNECT);
    (void) curl_easy_setopt(e, CURLOPT_TIMEOUT, (long) (c->r.timeout
                                                        ? c->r.timeout
                                                        : TIMEOUT));
    (void) curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    (void) curl_easy_setopt(e, CURLOPT_TCP_KEEPIDLE, 30L);
    (void) curl_easy_setopt(e, CURLOPT_TCP_KEEPINTVL, 10L);
    (void) curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, on_socket);
    (void) curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
    (void) curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
    (void) curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    (void) curl_easy_setopt(e, CURLOPT_HEADERDATA, c);
    (void) curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->error);
    (void) curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers);
    (void) curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, c->r.method);

    if (c->body != NULL) {
        (void) curl_easy_setopt(e, CURLOPT_POST, 1L);
        (void) curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body);
        (void) curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
                                (curl_off_t) c->r.body.len);
    }
}


static bool
set_url(kecs_kube_call_t *c)
{
    char    *url;
    bool     ok;
    size_t   len;

    len = strlen(c->k->base) + c->r.path.len + 1;
    url = malloc(len);

    if (url == NULL) {
        return false;
    }

    (void) snprintf(url, len, "%s%s", c->k->base, c->r.path.data);
    ok = curl_easy_setopt(c->easy, CURLOPT_URL, url) == CURLE_OK;
    free(url);

    return ok;
}


static bool
attach(kecs_kube_call_t *c)
{
    kecs_kube_t  *k = c->k;

    c->in.len = 0;
    c->scanned = 0;
    c->error[0] = '\0';
    c->serial = k->login ? kecs_login_serial(k->login) : 0;
    c->easy = curl_easy_init();

    if (c->easy == NULL) {
        return false;
    }

    if (c->r.line == NULL) {
        k->running++;
    }

    if (!set_headers(c) || !set_url(c)) {
        return false;
    }

    set_transfer(c, c->easy);
    set_tls(k, c->easy);
    set_peer(k, c->easy);

    return curl_multi_add_handle(k->multi, c->easy) == CURLM_OK;
}


/* Moving calls between the lists. */


/* Into the waiting list, which is kept in the order of times. */

static void
postpone(kecs_kube_call_t *c, kecs_msec_t pause)
{
    kecs_kube_t       *k = c->k;
    kecs_kube_call_t  *before;

    c->state = WAITING;
    c->due = kecs_monotonic() + pause;

    TAILQ_FOREACH_REVERSE(before, &k->waiting, calls_s, link) {
        if (before->due <= c->due) {
            break;
        }
    }

    if (before != NULL) {
        TAILQ_INSERT_AFTER(&k->waiting, before, c, link);

    } else {
        TAILQ_INSERT_HEAD(&k->waiting, c, link);
    }
}


static void
start(kecs_kube_call_t *c)
{
    kecs_kube_t  *k = c->k;

    TAILQ_REMOVE(&k->queued, c, link);

    if (attach(c)) {
        c->state = ACTIVE;
        TAILQ_INSERT_TAIL(&k->active, c, link);
        return;
    }

    kecs_log(KECS_LOG_ERROR, "kubernetes: out of memory for a request");

    detach(c);
    postpone(c, k->conf.backoff);
}


/* Streams wait for no slot; requests do, in their order. */

static void
pump(kecs_kube_t *k)
{
    kecs_kube_call_t  *c, *next;

    if (k->login != NULL && !kecs_login_usable(k->login)) {
        return;
    }

    for (c = TAILQ_FIRST(&k->queued); c != NULL; c = next) {
        next = TAILQ_NEXT(c, link);

        if (c->state == DEAD) {
            continue;
        }

        if (c->r.line == NULL && k->running >= k->conf.burst) {
            break;
        }

        start(c);
    }
}


static void
queue(kecs_kube_call_t *c)
{
    c->state = QUEUED;

    if (c->r.urgent || c->r.line != NULL) {
        TAILQ_INSERT_HEAD(&c->k->queued, c, link);

    } else {
        TAILQ_INSERT_TAIL(&c->k->queued, c, link);
    }
}


static void
wake_due(kecs_kube_t *k)
{
    kecs_msec_t        now;
    kecs_kube_call_t  *c;

    now = kecs_monotonic();

    while ((c = TAILQ_FIRST(&k->waiting)) != NULL && c->due <= now) {
        TAILQ_REMOVE(&k->waiting, c, link);

        if (c->state == DEAD) {
            discard(c);
            continue;
        }

        queue(c);
    }
}


/* What a request has in common with its copy. */

static kecs_rc_t
copy_request(kecs_kube_call_t *c, const kecs_kube_request_t *r)
{
    char    *p;
    size_t   method, type;

    method = strlen(r->method) + 1;
    type = r->type ? strlen(r->type) + 1 : 0;

    c->r = *r;
    c->text = malloc(method + type + r->path.len + 1);
    c->body = r->body.data ? copy_of(r->body) : NULL;

    if (c->text == NULL || (r->body.data != NULL && c->body == NULL)) {
        return KECS_NOMEM;
    }

    p = c->text;
    c->r.method = memcpy(p, r->method, method);
    p += method;

    if (type > 0) {
        c->r.type = memcpy(p, r->type, type);
        p += type;
    }

    memcpy(p, r->path.data, r->path.len);
    p[r->path.len] = '\0';
    c->r.path.data = p;

    if (r->cause != NULL) {
        c->cause = *r->cause;
        c->r.cause = &c->cause;
    }

    return KECS_OK;
}


kecs_rc_t
kecs_kube_send(kecs_kube_t *k, const kecs_kube_request_t *r,
    kecs_kube_call_t **call)
{
    kecs_rc_t          rc;
    kecs_kube_call_t  *c;

    c = calloc(1, sizeof(kecs_kube_call_t));

    if (c == NULL) {
        return KECS_NOMEM;
    }

    c->k = k;
    kecs_buf_init(&c->in, NULL, r->line ? STREAM_MAX : 0);

    rc = copy_request(c, r);

    if (rc != KECS_OK) {
        discard(c);
        return rc;
    }

    if (r->delay > 0) {
        postpone(c, r->delay);

    } else {
        queue(c);
    }

    if (r->line == NULL) {
        k->pending++;
    }

    if (call != NULL) {
        *call = c;
    }

    return KECS_OK;
}


/* No more callbacks; the memory goes when nobody iterates. */

static void
bury(kecs_kube_call_t *c)
{
    detach(c);
    c->k->dead[c->state] = true;
    c->state = DEAD;

    if (c->r.line == NULL) {
        c->k->pending--;
    }
}


void
kecs_kube_cancel(kecs_kube_t *k, kecs_kube_call_t *call)
{
    (void) k;

    if (call != NULL && call->state != DEAD) {
        bury(call);
    }
}


bool
kecs_kube_idle(const kecs_kube_call_t *call)
{
    return call->state != ACTIVE;
}


unsigned
kecs_kube_pending(const kecs_kube_t *k)
{
    return k->pending;
}


/* Handing out what came. */


/* All complete lines; what is left of the last one moves to the front. */

static void
deliver_lines(kecs_kube_call_t *c)
{
    bool    more;
    char   *nl, *end, *line;

    more = true;
    line = c->in.data;
    end = c->in.data + c->in.len;

    while (more && c->scanned < c->in.len) {
        nl = memchr(c->in.data + c->scanned, '\n', c->in.len - c->scanned);

        if (nl == NULL) {
            c->scanned = c->in.len;
            break;
        }

        c->scanned = (size_t) (nl + 1 - c->in.data);

        if (nl > line) {
            more = c->r.line(c->r.ctx, kecs_str_n(line,
                                                  (size_t) (nl - line)));
        }

        line = nl + 1;

        if (c->state == DEAD) {
            return;
        }
    }

    if (!more || end - line > (ptrdiff_t) LINE_CAP) {
        (void) snprintf(c->error, sizeof(c->error), "%s", more
                        ? "a line of the stream is too long"
                        : "the stream is malformed");
        finish(c, CURLE_WRITE_ERROR);
        return;
    }

    c->in.len = (size_t) (end - line);
    c->scanned -= (size_t) (line - c->in.data);

    if (c->in.len > 0) {
        memmove(c->in.data, line, c->in.len);
    }
}


static long
http_status(kecs_kube_call_t *c)
{
    long  status = 0;

    (void) curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);

    return status;
}


static void
deliver_streams(kecs_kube_t *k)
{
    kecs_kube_call_t  *c, *next;

    for (c = TAILQ_FIRST(&k->active); c != NULL; c = next) {
        next = TAILQ_NEXT(c, link);

        if (c->state == ACTIVE && c->r.line != NULL
            && c->in.len > c->scanned && http_status(c) == 200)
        {
            deliver_lines(c);
        }
    }
}


/* What Retry-After asks for, in ms and a little more; 0: nothing. */

static kecs_msec_t
retry_after(kecs_kube_call_t *c)
{
    curl_off_t  after;

    if (curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &after) != CURLE_OK
        || after <= 0)
    {
        return 0;
    }

    after = after > RETRY_AFTER ? RETRY_AFTER : after;

    return after * 1000 + kecs_kube_random(c->k, 250);
}


static kecs_msec_t
pause_before(kecs_kube_call_t *c)
{
    kecs_msec_t  pause, after;

    pause = kecs_kube_backoff(c->k, c->attempts++);
    after = retry_after(c);

    return pause > after ? pause : after;
}


static bool
repeatable(long status)
{
    return status == 0 || status == 401 || status == 408 || status == 429
           || status >= 500;
}


/* After a 401: there is another credential, or there will be. */

static bool
renewed(kecs_kube_call_t *c)
{
    if (c->refreshed) {
        return false;
    }

    c->refreshed = true;

    return c->k->login != NULL || read_files(c->k);
}


/* Repeats the call if that is called for. */

static bool
again(kecs_kube_call_t *c, long status)
{
    bool          fresh;
    kecs_msec_t   pause;
    kecs_kube_t  *k = c->k;

    fresh = status == 401 && renewed(c);

    if (!fresh && !(c->r.retry && repeatable(status))) {
        return false;
    }

    pause = fresh ? 0 : pause_before(c);

    detach(c);
    TAILQ_REMOVE(&k->active, c, link);
    postpone(c, pause);

    return true;
}


static void
finish(kecs_kube_call_t *c, CURLcode code)
{
    kecs_kube_reply_t  reply;

    memset(&reply, 0, sizeof(kecs_kube_reply_t));

    reply.begun = http_status(c) == 200;
    reply.pause = retry_after(c);
    reply.status = code == CURLE_OK ? http_status(c) : 0;
    reply.body = kecs_str("");
    reply.date = c->date;

    if (code != CURLE_OK) {
        reply.error = c->error[0] ? c->error : curl_easy_strerror(code);

        if (code == CURLE_PEER_FAILED_VERIFICATION) {
            read_ca(c->k);

        } else if (code == CURLE_SSL_CERTPROBLEM) {
            (void) read_pair(c->k);
        }
    }

    if (c->k->login != NULL) {
        kecs_login_judge(c->k->login, c->serial, reply.status);
    }

    if (again(c, reply.status)) {
        return;
    }

    if (c->r.line == NULL || reply.status != 200) {
        reply.body = kecs_buf_view(&c->in);
    }

    bury(c);
    c->r.done(c->r.ctx, &reply);
}


static void
over(kecs_kube_call_t *c, CURLcode code)
{
    if (c->r.line != NULL && c->in.len > c->scanned && http_status(c) == 200)
    {
        deliver_lines(c);
    }

    if (c->state == ACTIVE) {
        finish(c, code);
    }
}


static void
deliver_ends(kecs_kube_t *k)
{
    int                left;
    void              *c;
    CURLcode           code;
    CURLMsg           *msg;

    while ((msg = curl_multi_info_read(k->multi, &left)) != NULL) {

        if (msg->msg != CURLMSG_DONE) {
            continue;
        }

        code = msg->data.result;
        c = NULL;
        (void) curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE,
                                 (char **) &c);
        over(c, code);
    }
}


/* The program that logs in. */


/* Those that wait for it; what a callback queues is not looked at. */

static void
fail_queued(kecs_kube_t *k)
{
    kecs_kube_call_t   *c, *next, *last;
    kecs_kube_reply_t   reply;

    memset(&reply, 0, sizeof(kecs_kube_reply_t));
    reply.body = kecs_str("");
    reply.error = kecs_login_why(k->login);

    last = TAILQ_LAST(&k->queued, calls_s);

    for (c = TAILQ_FIRST(&k->queued); c != NULL; c = next) {
        next = c != last ? TAILQ_NEXT(c, link) : NULL;

        if (c->state == QUEUED && !c->r.retry) {
            bury(c);
            c->r.done(c->r.ctx, &reply);
        }
    }
}


static void
run_login(kecs_kube_t *k)
{
    char  before[512];

    (void) snprintf(before, sizeof(before), "%s", kecs_login_why(k->login));

    if (kecs_login_run(k->login) != KECS_LOGIN_FAILED) {
        return;
    }

    if (strcmp(before, kecs_login_why(k->login)) != 0) {
        kecs_log(KECS_LOG_WARN, "kubernetes: %s", kecs_login_why(k->login));
    }

    if (!kecs_login_usable(k->login)) {
        fail_queued(k);
    }
}


void
kecs_kube_run(kecs_kube_t *k)
{
    int  running;

    if (k->login != NULL) {
        run_login(k);
    }

    if (kecs_monotonic() - k->read_at >= k->conf.token_age) {
        (void) read_files(k);
    }

    wake_due(k);
    pump(k);

    (void) curl_multi_perform(k->multi, &running);

    deliver_streams(k);
    deliver_ends(k);

    sweep(k);
    pump(k);
}


/* At most until the next repetition is due. */

static int
until_due(kecs_kube_t *k, int msec)
{
    kecs_msec_t        left;
    kecs_kube_call_t  *c;

    if (k->login != NULL) {
        msec = kecs_login_wait(k->login, msec);
    }

    c = TAILQ_FIRST(&k->waiting);

    if (c == NULL) {
        return msec;
    }

    left = c->due - kecs_monotonic();

    return left <= 0 ? 0 : left < msec ? (int) left : msec;
}


void
kecs_kube_wait(kecs_kube_t *k, struct pollfd *fds, unsigned n, int msec)
{
    int                 ready;
    unsigned            i, more;
    struct pollfd       login[KECS_LOGIN_FDS];
    struct curl_waitfd  extra[WAIT_FDS + KECS_LOGIN_FDS];

    n = n < WAIT_FDS ? n : WAIT_FDS;

    for (i = 0; i < n; i++) {
        extra[i].fd = fds[i].fd;
        extra[i].events = (short) ((fds[i].events & POLLIN
                                    ? CURL_WAIT_POLLIN : 0)
                                   | (fds[i].events & POLLOUT
                                      ? CURL_WAIT_POLLOUT : 0));
        extra[i].revents = 0;
        fds[i].revents = 0;
    }

    more = k->login ? kecs_login_fds(k->login, login) : 0;

    for (i = 0; i < more; i++) {
        extra[n + i] = (struct curl_waitfd) {
            .fd = login[i].fd, .events = CURL_WAIT_POLLIN
        };
    }

    pump(k);

    (void) curl_multi_poll(k->multi, extra, n + more, until_due(k, msec),
                           &ready);

    for (i = 0; i < n; i++) {
        fds[i].revents = (short) ((extra[i].revents & CURL_WAIT_POLLIN
                                   ? POLLIN : 0)
                                  | (extra[i].revents & CURL_WAIT_POLLOUT
                                     ? POLLOUT : 0));
    }
}


kecs_msec_t
kecs_kube_backoff(kecs_kube_t *k, unsigned n)
{
    kecs_msec_t  pause;

    pause = k->conf.backoff;

    while (n-- > 0 && pause < k->conf.backoff_max) {
        pause *= 2;
    }

    if (pause > k->conf.backoff_max) {
        pause = k->conf.backoff_max;
    }

    return pause / 2 + kecs_kube_random(k, (unsigned) (pause - pause / 2) + 1);
}


unsigned
kecs_kube_random(kecs_kube_t *k, unsigned n)
{
    return n > 0 ? (unsigned) kecs_rand_below(&k->rand, n) : 0;
}
