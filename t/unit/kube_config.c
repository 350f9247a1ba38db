/*
 * kubeconfig files in the forms that tools write, in-cluster configuration,
 * and what people get wrong.
 */

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/kube/credentials.h"
#include "../../src/kube/kubeconfig.h"
#include "../../src/kube/yaml.h"
#include "tap.h"


static char           folder[64] = "/tmp/kecs-kubeconfig-XXXXXX";
static char           paths[4][128];
static kecs_arena_t  *arena;
static const char    *why;


/* Writes one of the test's files and returns its path. */

static const char *
file(int i, const char *name, const char *text)
{
    FILE  *f;

    (void) snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, name);
    f = fopen(paths[i], "w");

    if (f != NULL) {
        (void) fputs(text, f);
        fclose(f);
    }

    return paths[i];
}


static kecs_rc_t
load(const char *text, kecs_kubeconfig_t *c)
{
    why = "";

    return kecs_kubeconfig_load(arena, file(0, "config", text), NULL, c,
                                &why);
}


static const char  kind[] =
    "apiVersion: v1\n"
    "kind: Config\n"
    "clusters:\n"
    "- cluster:\n"
    "    certificate-authority-data: Q0E=\n"
    "    server: https://127.0.0.1:41325\n"
    "  name: kind-dev\n"
    "contexts:\n"
    "- context:\n"
    "    cluster: kind-dev\n"
    "    user: kind-dev\n"
    "  name: kind-dev\n"
    "- context: {cluster: far, user: kind-dev, namespace: team}\n"
    "  name: far\n"
    "- context: {cluster: nowhere, user: kind-dev}\n"
    "  name: lost\n"
    "- context: {cluster: far, user: nobody}\n"
    "  name: strange\n"
    "- context: {cluster: far}\n"
    "  name: open\n"
    "- cluster: {server: x}\n"
    "current-context: kind-dev\n"
    "preferences: {}\n"
    "users:\n"
    "- name: kind-dev\n"
    "  user:\n"
    "    client-certificate-data: |\n"
    "      Q0VS\n"
    "      VA==\n"
    "    client-key-data: S0VZ\n";

static const char  far[] =
    "clusters:\n"
    "- name: far\n"
    "  cluster:\n"
    "    server: https://k8s.example.com/prefix/\n"
    "    tls-server-name: inner.example.com\n"
    "    proxy-url: http://proxy:3128\n"
    "- name: kind-dev\n"
    "  cluster: {server: https://ignored.example.com}\n"
    "current-context: far\n";


static void
test_kind(void)
{
    kecs_kubeconfig_t  c;

    tap_is_int(load(kind, &c), KECS_OK, "a file as kind writes it %s", why);
    tap_is_str(c.context, "kind-dev", "its context");
    tap_is_str(c.server, "https://127.0.0.1:41325", "its server");
    tap_is_str(c.ca, "CA", "its authority");
    tap_is_str(c.cert, "CERT", "its certificate, over several lines");
    tap_is_str(c.key, "KEY", "its key");
    tap_is_str(c.namespace, "default", "no namespace is the default one");
    tap_ok(c.loopback && c.named && !c.in_cluster && !c.insecure,
           "it is on this machine");
    tap_is_str(kecs_kubeconfig_describe(arena, &c),
               "context kind-dev (https://127.0.0.1:41325)",
               "told to a person");
}


static void
test_merge(void)
{
    char               list[512];
    kecs_kubeconfig_t  c;

    (void) snprintf(list, sizeof(list), "%s/missing::%s:%s", folder,
                    file(0, "one", kind), file(1, "two", far));

    tap_is_int(kecs_kubeconfig_load(arena, list, NULL, &c, &why), KECS_OK,
               "two files and a missing one");
    tap_is_str(c.context, "kind-dev", "the first current context counts");
    tap_is_str(c.server, "https://127.0.0.1:41325", "the first cluster");

    tap_is_int(kecs_kubeconfig_load(arena, list, "far", &c, &why), KECS_OK,
               "another context, its cluster in the other file");
    tap_is_str(c.server, "https://k8s.example.com/prefix", "its server");
    tap_is_str(c.tls_server_name, "inner.example.com", "its name for TLS");
    tap_is_str(c.proxy, "http://proxy:3128", "its proxy");
    tap_is_str(c.namespace, "team", "its namespace");
    tap_is_str(c.key, "KEY", "its user of the first file");
    tap_ok(!c.loopback, "it is far away");
    tap_ok(kecs_kubeconfig_auto(&c), "but named");

    tap_is_int(kecs_kubeconfig_load(arena, list, "open", &c, &why), KECS_OK,
               "a context without a user");
    tap_ok(c.cert.data == NULL && c.token.data == NULL, "is nobody");

    tap_is_int(kecs_kubeconfig_load(arena, list, "none", &c, &why),
               KECS_INVALID, "a context that is not there: %s", why);
    tap_ok(strstr(why, "no context \"none\"") != NULL, "is named");
    tap_is_int(kecs_kubeconfig_load(arena, list, "lost", &c, &why),
               KECS_INVALID, "nor its cluster: %s", why);
    tap_ok(strstr(why, "\"nowhere\"") != NULL, "is named");
    tap_is_int(kecs_kubeconfig_load(arena, list, "strange", &c, &why),
               KECS_INVALID, "nor its user: %s", why);
    tap_ok(strstr(why, "\"nobody\"") != NULL, "is named");
}


static void
test_environment(void)
{
    char               path[256];
    kecs_kubeconfig_t  c;

    (void) setenv("KUBECONFIG", file(0, "one", kind), 1);
    (void) setenv("HOME", folder, 1);
    (void) unsetenv("KUBERNETES_SERVICE_HOST");

    tap_is_int(kecs_kubeconfig_find(arena, NULL, NULL, &c, &why), KECS_OK,
               "$KUBECONFIG");
    tap_ok(!c.named && c.loopback && kecs_kubeconfig_auto(&c),
           "is not named, but here");
    tap_is_int(kecs_kubeconfig_find(arena, "", "kind-dev", &c, &why),
               KECS_OK, "and with a context");

    (void) setenv("KUBECONFIG", "", 1);
    tap_is_int(kecs_kubeconfig_find(arena, NULL, NULL, &c, &why),
               KECS_NOT_FOUND, "nothing: %s", why);

    (void) snprintf(path, sizeof(path), "%s/.kube", folder);
    (void) mkdir(path, 0700);
    (void) file(1, ".kube/config",
                "clusters: [{name: a, cluster: {server: 'https://a.b'}}]\n"
                "contexts: [{name: a, context: {cluster: a}}]\n"
                "current-context: a\n");
    tap_is_int(kecs_kubeconfig_find(arena, NULL, NULL, &c, &why), KECS_OK,
               "~/.kube/config");
    tap_ok(!kecs_kubeconfig_auto(&c), "a far one is not taken unasked");

    (void) unsetenv("KUBECONFIG");
    (void) unsetenv("HOME");
    tap_is_int(kecs_kubeconfig_find(arena, NULL, NULL, &c, &why),
               KECS_NOT_FOUND, "no home: %s", why);
}


/* A configuration with these lines for the user. */

static kecs_rc_t
user(const char *lines, kecs_kubeconfig_t *c)
{
    char  text[2048];

    (void) snprintf(text, sizeof(text),
                    "clusters: [{name: a, cluster: {server: 'http://a'}}]\n"
                    "contexts: [{name: a, context: {cluster: a, user: u}}]\n"
                    "current-context: a\n"
                    "users:\n- name: u\n  user:\n%s", lines);

    return load(text, c);
}


static void
test_users(void)
{
    kecs_kubeconfig_t  c;

    (void) file(1, "secret", "  t0ken.of-a_file\n");

    tap_is_int(user("    token: abc.def\n", &c), KECS_OK, "a token");
    tap_is_str(c.token, "abc.def", "is it");
    tap_is_int(user("    token: x\n    tokenFile: secret\n", &c), KECS_OK,
               "a token's file, relative to the configuration %s", why);
    tap_is_str(c.token, "t0ken.of-a_file", "without white space around it");
    tap_ok(c.token_file.data && c.token_file.data[0] == '/',
           "to be read again");
    tap_is_int(user("    username: me\n    password: pw\n", &c), KECS_OK,
               "a password");
    tap_is_str(c.username, "me", "whose");
    tap_is_str(c.password, "pw", "and which");

    tap_is_int(user("    tokenFile: nowhere\n", &c), KECS_INVALID,
               "no file: %s", why);
    tap_is_int(user("    token: \"s3cr3t\\nX: y\"\n", &c), KECS_INVALID,
               "a token of two lines: %s", why);
    tap_ok(strstr(why, "s3cr3t") == NULL, "which is not told");
    tap_is_int(user("    client-certificate: secret\n", &c), KECS_INVALID,
               "a certificate without a key: %s", why);
    tap_is_int(user("    client-certificate: secret\n"
                    "    client-key: secret\n", &c), KECS_OK, "files");
    tap_is_int(user("    client-certificate-data: '%%%'\n", &c),
               KECS_INVALID, "no base64: %s", why);
    tap_is_int(user("    auth-provider: {name: gcp}\n", &c), KECS_INVALID,
               "a provider: %s", why);
    tap_ok(strstr(why, "\"gcp\"") != NULL, "is named");
}


/* The environment that the program gets, by name. */

static const char *
variable(const kecs_kubeconfig_t *c, const char *name)
{
    size_t              len;
    const char *const  *v;

    len = strlen(name);

    for (v = c->exec ? c->exec->env : NULL; v != NULL && *v != NULL; v++) {
        if (strncmp(*v, name, len) == 0 && (*v)[len] == '=') {
            return *v + len + 1;
        }
    }

    return "";
}


static void
test_programs(void)
{
    int                i;
    char               path[256];
    kecs_kubeconfig_t  c;

    static const char  eks[] =
        "    exec:\n"
        "      apiVersion: client.authentication.k8s.io/v1beta1\n"
        "      command: aws\n"
        "      args: [--region, us-east-1, eks, get-token, '5']\n"
        "      env:\n"
        "      - {name: AWS_PROFILE, value: prod}\n"
        "      - {name: EMPTY, value: ''}\n"
        "      installHint: get it\n"
        "      provideClusterInfo: false\n";
    static const char *const  bad[] = {
        "{command: aws}",
        "{apiVersion: client.authentication.k8s.io/v1beta1}",
        "{apiVersion: client.authentication.k8s.io/v1alpha1, command: a}",
        "{apiVersion: client.authentication.k8s.io/v1, command: a}",
        "{apiVersion: client.authentication.k8s.io/v1, command: a,"
        " interactiveMode: Always}",
        "{apiVersion: client.authentication.k8s.io/v1, command: a,"
        " interactiveMode: Perhaps}",
        "{apiVersion: client.authentication.k8s.io/v1beta1, command: a,"
        " args: [[x]]}",
        "{apiVersion: client.authentication.k8s.io/v1beta1, command: a,"
        " env: [{value: x}]}",
        "{apiVersion: client.authentication.k8s.io/v1beta1, command: a,"
        " env: [{name: 'a=b', value: x}]}",
        NULL
    };

    tap_is_int(user(eks, &c), KECS_OK, "a program, as EKS has it: %s", why);
    tap_is_str(kecs_str_of(c.exec->argv[0]), "aws", "one of PATH");
    tap_is_str(kecs_str_of(c.exec->argv[4]), "get-token", "its arguments");
    tap_is_str(kecs_str_of(c.exec->argv[5]), "5", "all of them");
    tap_ok(c.exec->argv[6] == NULL, "and no more");
    tap_is_str(kecs_str_of(variable(&c, "AWS_PROFILE")), "prod", "a variable");
    tap_is_str(c.exec->hint, "get it", "its hint");
    tap_is_str(kecs_str_of(variable(&c, "KUBERNETES_EXEC_INFO")),
               "{\"kind\":\"ExecCredential\",\"apiVersion\":"
               "\"client.authentication.k8s.io/v1beta1\","
               "\"spec\":{\"interactive\":false}}", "what it is told");

    tap_is_int(user("    exec: {apiVersion: client.authentication.k8s.io/v1,"
                    " command: bin/login, interactiveMode: Never}\n", &c),
               KECS_OK, "a path %s", why);
    (void) snprintf(path, sizeof(path), "%s/bin/login", folder);
    tap_is_str(kecs_str_of(c.exec->argv[0]), path,
               "is relative to the configuration");
    tap_ok(c.exec->argv[1] == NULL, "no arguments");

    tap_is_int(user("    exec: {apiVersion: client.authentication.k8s.io/v1,"
                    " command: /bin/login, interactiveMode: IfAvailable}\n"
                    "    token: abc\n", &c), KECS_OK, "and a token %s", why);
    tap_ok(c.exec == NULL, "which is preferred");

    tap_is_int(user("    exec: null\n    token: abc\n", &c), KECS_OK,
               "none %s", why);

    for (i = 0; bad[i] != NULL; i++) {
        (void) snprintf(path, sizeof(path), "    exec: %s\n", bad[i]);
        tap_is_int(user(path, &c), KECS_INVALID, "refused: %s", why);
    }
}


static void
test_cluster_info(void)
{
    kecs_kubeconfig_t  c;

    static const char  config[] =
        "clusters:\n"
        "- name: a\n"
        "  cluster:\n"
        "    server: https://a.example.com/\n"
        "    tls-server-name: b\n"
        "    proxy-url: http://p\n"
        "    certificate-authority-data: UEVN\n"
        "    extensions:\n"
        "    - {name: other, extension: {x: y}}\n"
        "    - name: client.authentication.k8s.io/exec\n"
        "      extension: {audience: us, list: [x, true, null], m: {n: o}}\n"
        "contexts: [{name: a, context: {cluster: a, user: u}}]\n"
        "current-context: a\n"
        "users:\n"
        "- name: u\n"
        "  user:\n"
        "    exec:\n"
        "      apiVersion: client.authentication.k8s.io/v1\n"
        "      interactiveMode: Never\n"
        "      command: x\n"
        "      provideClusterInfo: true\n";

    tap_is_int(load(config, &c), KECS_OK, "a program that asks for the "
               "cluster %s", why);
    tap_is_str(kecs_str_of(variable(&c, "KUBERNETES_EXEC_INFO")),
               "{\"kind\":\"ExecCredential\",\"apiVersion\":"
               "\"client.authentication.k8s.io/v1\",\"spec\":{"
               "\"interactive\":false,\"cluster\":{"
               "\"server\":\"https://a.example.com\","
               "\"tls-server-name\":\"b\",\"proxy-url\":\"http://p\","
               "\"certificate-authority-data\":\"UEVN\","
               "\"config\":{\"audience\":\"us\",\"list\":[\"x\",true,null],"
               "\"m\":{\"n\":\"o\"}}}}}", "is told of it");
}


static void
test_malformed(void)
{
    char               deep[600], *p;
    int                i;
    unsigned           line;
    kecs_kubeconfig_t  c;
    const kecs_json_t *v;

    static const char *const  bad[] = {
        "", "x", "- a\n", "a: [", "a: b: c\n", "\t", "{\"a\": ",
        "clusters: 5\ncontexts: x\ncurrent-context: y\n",
        "current-context: {}\n", "? [a]\n: b\n", "\"\\0\": 1\n",
        "clusters: [1, 2]\ncontexts: [[]]\ncurrent-context: a\n",
        "contexts: [{name: a, context: {cluster: a}}]\n"
        "clusters: [{name: a, cluster: {server: 'ftp://x'}}]\n"
        "current-context: a\n",
        "contexts: [{name: a, context: {cluster: a}}]\n"
        "clusters: [{name: a, cluster: {server: 'https://a b'}}]\n"
        "current-context: a\n",
        "contexts: [{name: a, context: {cluster: a}}]\n"
        "clusters: [{name: a, cluster: {server: 'https://'}}]\n"
        "current-context: a\n",
        "contexts: [{name: a, context: {cluster: a}}]\n"
        "clusters: [{name: a, cluster: {server: 'https://a',"
        " insecure-skip-tls-verify: true, certificate-authority-data: QQ==}}]"
        "\ncurrent-context: a\n",
        NULL
    };

    for (i = 0; bad[i] != NULL; i++) {
        tap_ok(load(bad[i], &c) != KECS_OK && *why != '\0'
               && strchr(why, '\n') == NULL, "refused: %s", why);
    }

    tap_is_int(kecs_kubeconfig_load(arena, folder, NULL, &c, &why), KECS_IO,
               "a folder: %s", why);

    p = deep;

    for (i = 0; i < 200; i++) {
        *p++ = '[';
    }

    tap_ok(kecs_yaml_parse(arena, kecs_str_n(deep, 200), &v, &line)
           != KECS_OK, "200 levels that do not end");

    p = stpcpy(deep, "a: &a [1,1,1,1,1,1,1,1,1]\n");

    for (i = 'b'; i < 'j'; i++) {
        p += sprintf(p, "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", i,
                     i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1,
                     i - 1, i - 1);
    }

    tap_is_int(kecs_yaml_parse(arena, kecs_str_of(deep), &v, &line),
               KECS_TOO_LARGE, "a billion laughs");

    tap_is_int(kecs_yaml_parse(arena, kecs_str("a: 'true'\nb: true\nc:\n"
                                               "d: !!str x\ne: null\n"),
                               &v, &line), KECS_OK, "scalars");
    tap_is_str(kecs_json_str(kecs_json_get(v, "a")), "true", "quoted");
    tap_ok(kecs_json_true(kecs_json_get(v, "b")), "plain");
    tap_is_int(kecs_json_get(v, "c")->type, KECS_JSON_NULL, "nothing");
}


/* JSON is YAML. */

static void
test_json(void)
{
    kecs_kubeconfig_t  c;

    tap_is_int(load("{\"clusters\":[{\"name\":\"a\",\"cluster\":{"
                    "\"server\":\"https://[::1]:6443\","
                    "\"insecure-skip-tls-verify\":true}}],"
                    "\"contexts\":[{\"name\":\"a\",\"context\":{"
                    "\"cluster\":\"a\"}}],\"current-context\":\"a\"}", &c),
               KECS_OK, "JSON %s", why);
    tap_ok(c.loopback && c.insecure, "as good as YAML");
}


static void
test_in_cluster(void)
{
    kecs_kubeconfig_t  c;

    (void) unsetenv("KUBERNETES_SERVICE_HOST");
    tap_is_int(kecs_kubeconfig_in_cluster(arena, folder, &c, &why),
               KECS_NOT_FOUND, "not in a cluster: %s", why);

    (void) setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
    (void) setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    tap_is_int(kecs_kubeconfig_in_cluster(arena, folder, &c, &why),
               KECS_NOT_FOUND, "without an account: %s", why);

    (void) file(0, "token", "tok\n");
    (void) file(1, "ca.crt", "PEM");
    (void) file(2, "namespace", "apps\n");
    tap_is_int(kecs_kubeconfig_in_cluster(arena, folder, &c, &why), KECS_OK,
               "in a cluster");
    tap_is_str(c.server, "https://10.96.0.1:443", "its server");
    tap_is_str(c.namespace, "apps", "its namespace");
    tap_is_str(c.token, "tok", "its token");
    tap_ok(c.in_cluster && kecs_kubeconfig_auto(&c), "taken unasked");
    tap_is_str(kecs_kubeconfig_describe(arena, &c),
               "this cluster (https://10.96.0.1:443)", "told to a person");

    (void) setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
    tap_is_int(kecs_kubeconfig_in_cluster(arena, folder, &c, &why), KECS_OK,
               "with IPv6");
    tap_is_str(c.server, "https://[fd00::1]:443", "in brackets");

    (void) unsetenv("KUBERNETES_SERVICE_HOST");
}


static void
test_loopback(void)
{
    int  i;

    static const char *const  here[] = {
        "https://localhost:6443", "https://127.0.0.1", "http://127.1.2.3:1/",
        "https://[::1]:6443", "https://0.0.0.0:6550", "http://[::]:1",
        "https://me@localhost/x", NULL
    };
    static const char *const  there[] = {
        "https://127.0.0.1.example.com", "https://localhost.example.com:1",
        "https://127.1", "https://10.0.0.1", "https://[fd00::1]:6443",
        "https://127.0.0.1@example.com", "https://example.com/127.0.0.1",
        "https://127.0.0.256", "localhost", "https://[::1", "", "http:/x",
        "https://example.com?@localhost", NULL
    };

    for (i = 0; here[i] != NULL; i++) {
        tap_ok(kecs_url_is_loopback(kecs_str_of(here[i])), "%s is here",
               here[i]);
    }

    for (i = 0; there[i] != NULL; i++) {
        tap_ok(!kecs_url_is_loopback(kecs_str_of(there[i])), "%s is not",
               there[i]);
    }
}


static void
test_base64(void)
{
    int         i;
    kecs_str_t  s;

    static const char *const  good[][2] = {
        { "", "" }, { "QQ==", "A" }, { "QUI=", "AB" }, { "QUJD", "ABC" },
        { " QU\nJD\r\n\tRA== ", "ABCD" }, { "+/+/", "\xfb\xff\xbf" },
        { NULL, NULL }
    };
    static const char *const  bad[] = {
        "Q", "QQ", "QQ=", "QQ===", "=QQQ", "Q=QQ", "Q-Q_", "Q", NULL
    };

    for (i = 0; good[i][0] != NULL; i++) {
        tap_ok(kecs_base64_decode(arena, kecs_str_of(good[i][0]), &s)
               == KECS_OK && kecs_str_is(s, good[i][1]), "base64 %d", i);
    }

    for (i = 0; bad[i] != NULL; i++) {
        tap_is_int(kecs_base64_decode(arena, kecs_str_of(bad[i]), &s),
                   KECS_INVALID, "no base64: %s", bad[i]);
    }
}


static void
test_memory(void)
{
    unsigned            n;
    kecs_rc_t           rc;
    kecs_arena_t       *a;
    const char         *path;
    kecs_kubeconfig_t   c;

    path = file(0, "config", kind);

    for (n = 1, rc = KECS_NOMEM; rc == KECS_NOMEM && n < 1000; n++) {
        a = kecs_arena_create(0);
        kecs_arena_fail_after(a, n);
        rc = kecs_kubeconfig_load(a, path, NULL, &c, &why);
        kecs_arena_destroy(a);
    }

    tap_ok(n > 10 && rc == KECS_OK, "every allocation may fail (%u)", n);
}


int
main(void)
{
    char  command[128];

    arena = kecs_arena_create(0);

    if (arena == NULL || mkdtemp(folder) == NULL) {
        return 1;
    }

    test_kind();
    test_merge();
    test_environment();
    test_users();
    test_programs();
    test_cluster_info();
    test_malformed();
    test_json();
    test_in_cluster();
    test_loopback();
    test_base64();
    test_memory();

    (void) snprintf(command, sizeof(command), "rm -r %s", folder);
    tap_is_int(system(command), 0, "the folder is gone");
    kecs_arena_destroy(arena);

    return tap_done();
}
