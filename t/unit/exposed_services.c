/*
 * The objects that stand for ECS services: what is made of a service, and
 * how it is kept so against an API server that holds objects, tells of
 * changes, and fails as the test says.
 */

#define _GNU_SOURCE

#include "../../src/base/log.h"
#include "../../src/json/json_writer.h"
#include "../../src/kube/object.h"
#include "../../src/runtime/kube_services.h"
#include "fake_http.h"


#define UUID     "0b5e9c1e-7a35-4c0e-9d43-2f1d3e4a5b6c"
#define WEB      "web-b344cf161a"
#define OBJECTS  16

enum { SERVICE = 0, BUDGET, KINDS };

static const char  *const paths[KINDS] = {
    "/api/v1/namespaces/team/services",
    "/apis/policy/v1/namespaces/team/poddisruptionbudgets"
};

/* What the server keeps. */

typedef struct {
    int       kind;
    unsigned  uid;                  /* 0: there is none */
    char      name[64];
    char      meta[1024];           /* members of metadata, labels first */
    char      spec[2048];
} kept_t;

static fake_t                 server;
static kecs_kube_t           *k;
static kecs_kube_services_t  *services;
static kecs_kube_spaces_t    *spaces;
static kept_t                 kept[OBJECTS];
static unsigned               uids;
static fake_conn_t           *streams[KINDS];
static char                   asked[8192];
static unsigned               refuse[KINDS];    /* status of all writes */
static unsigned               lists_refused;    /* status of all lists */
static unsigned               warnings;


static void
print(char *to, size_t size, const kept_t *o)
{
    (void) snprintf(to, size, "{\"metadata\":{\"name\":\"%s\",\"uid\":\"u%u\""
                    ",%s},\"spec\":%s}", o->name, o->uid, o->meta, o->spec);
}


static void
tell(const char *type, const kept_t *o)
{
    int   n;
    char  object[4096], text[4300];

    print(object, sizeof(object), o);
    n = snprintf(text, sizeof(text), "{\"type\":\"%s\",\"object\":%s}\n",
                 type, object);

    if (streams[o->kind] != NULL) {
        fake_chunk(streams[o->kind], text, (size_t) n);
    }
}


/* In the namespace "team", or in "past". */

#define PAST  "\"namespace\":\"past\""

static kept_t *
there_in(bool past, int kind, const char *name)
{
    int  i;

    for (i = 0; i < OBJECTS; i++) {
        if (kept[i].uid != 0 && kept[i].kind == kind
            && strcmp(kept[i].name, name) == 0
            && (strstr(kept[i].meta, PAST) != NULL) == past)
        {
            return &kept[i];
        }
    }

    return NULL;
}


static kept_t *
there(int kind, const char *name)
{
    return there_in(false, kind, name);
}


static kept_t *
keep(int kind, const char *name, const char *meta, const char *spec)
{
    int  i;

    for (i = 0; kept[i].uid != 0; i++) {
        /* void */
    }

    kept[i].kind = kind;
    kept[i].uid = ++uids;
    (void) snprintf(kept[i].name, sizeof(kept[i].name), "%s", name);
    (void) snprintf(kept[i].meta, sizeof(kept[i].meta), "%s", meta);
    (void) snprintf(kept[i].spec, sizeof(kept[i].spec), "%s", spec);

    return &kept[i];
}


static void
drop(kept_t *o)
{
    tell("DELETED", o);
    o->uid = 0;
}


static void
list(fake_conn_t *c, int kind)
{
    int     i;
    char    all[OBJECTS * 1024], one[4096];
    size_t  n;

    all[0] = '\0';

    for (i = 0, n = 0; i < OBJECTS; i++) {
        if (kept[i].uid != 0 && kept[i].kind == kind) {
            print(one, sizeof(one), &kept[i]);
            n += (size_t) snprintf(all + n, sizeof(all) - n, "%s%s",
                                   n > 0 ? "," : "", one);
        }
    }

    fake_reply(c, 200, "", "{\"metadata\":{\"resourceVersion\":\"1\"},"
               "\"items\":[%s]}", all);
}


/* A tree as text; members named "$patch", and null ones, are left out. */

static void
text_of(kecs_writer_t *w, const kecs_json_t *v, const char *name)
{
    char                member[64];
    const kecs_json_t  *m;

    switch (v->type) {

    case KECS_JSON_OBJECT:
    case KECS_JSON_ARRAY:
        if (v->type == KECS_JSON_OBJECT) {
            kecs_w_object(w, name);

        } else {
            kecs_w_array(w, name);
        }

        for (m = v->first; m != NULL; m = m->next) {
            (void) snprintf(member, sizeof(member), "%.*s",
                            kecs_fmt(m->name));

            if (strcmp(member, "$patch") != 0 && m->type != KECS_JSON_NULL) {
                text_of(w, m, v->type == KECS_JSON_OBJECT ? member : NULL);
            }
        }

        if (v->type == KECS_JSON_OBJECT) {
            kecs_w_object_end(w);

        } else {
            kecs_w_array_end(w);
        }

        return;

    case KECS_JSON_STRING:
        kecs_w_str(w, name, v->str);
        return;

    default:
        kecs_w_raw(w, name, v->str);
    }
}


/* Takes spec, labels and annotations of a request's body. */

static void
take(kept_t *o, const char *body)
{
    kecs_buf_t           b;
    kecs_arena_t        *a;
    kecs_writer_t        w;
    const kecs_json_t   *v, *meta;

    a = kecs_arena_create(0);

    if (kecs_kube_parse(a, kecs_str_of(body), &v) == KECS_OK) {
        meta = kecs_json_get(v, "metadata");
        kecs_buf_init(&b, a, 0);
        w = kecs_writer(&b);
        text_of(&w, kecs_json_get(meta, "labels"), "labels");
        text_of(&w, kecs_json_get(meta, "annotations"), "annotations");
        (void) snprintf(o->meta, sizeof(o->meta), "%.*s",
                        kecs_fmt(kecs_buf_view(&b)));

        kecs_buf_init(&b, a, 0);
        w = kecs_writer(&b);
        text_of(&w, kecs_json_get(v, "spec"), NULL);
        (void) snprintf(o->spec, sizeof(o->spec), "%.*s",
                        kecs_fmt(kecs_buf_view(&b)));
    }

    kecs_arena_destroy(a);
}


static void
show(fake_conn_t *c, int status, const kept_t *o)
{
    char  text[4096];

    print(text, sizeof(text), o);
    fake_reply(c, status, "", "%s", text);
}


/* The name in "{... "name":"X" ...}" of a body, or behind the path. */

static void
name_of(const fake_request_t *r, int kind, char *out, size_t size)
{
    const char          *p;
    kecs_arena_t        *a;
    const kecs_json_t   *v;

    p = r->path + strlen(paths[kind]);

    if (*p == '/') {
        (void) snprintf(out, size, "%.*s", (int) strcspn(p + 1, "?"), p + 1);
        return;
    }

    out[0] = '\0';
    a = kecs_arena_create(0);

    if (kecs_kube_parse(a, kecs_str_of(r->body), &v) == KECS_OK) {
        (void) snprintf(out, size, "%.*s",
                        kecs_fmt(kecs_json_str(kecs_json_at(v, "metadata",
                                                            "name", NULL))));
    }

    kecs_arena_destroy(a);
}


static bool
names_uid(const kept_t *o, const char *body)
{
    char  uid[32];

    (void) snprintf(uid, sizeof(uid), "\"uid\":\"u%u\"", o->uid);

    return strstr(body, uid) != NULL;
}


static void
change(fake_conn_t *c, const fake_request_t *r, int kind)
{
    char     name[64];
    kept_t  *o;

    name_of(r, kind, name, sizeof(name));
    o = there_in(strstr(r->path, "/past/") != NULL, kind, name);

    if (strcmp(r->method, "POST") == 0) {
        if (o != NULL) {
            fake_reply(c, 409, "", "{\"reason\":\"AlreadyExists\"}");
            return;
        }

        o = keep(kind, name, "", "");
        take(o, r->body);
        show(c, 201, o);
        tell("ADDED", o);

    } else if (o == NULL || !names_uid(o, r->body)) {
        fake_reply(c, o ? 409 : 404, "", "{}");

    } else if (strcmp(r->method, "DELETE") == 0) {
        fake_reply(c, 200, "", "{}");
        drop(o);

    } else {
        take(o, r->body);
        show(c, 200, o);
        tell("MODIFIED", o);
    }
}


static void
ask(fake_t *f, fake_conn_t *c, const fake_request_t *r)
{
    int     kind;
    size_t  len;

    (void) f;
    kind = strstr(r->path, "/services") != NULL ? SERVICE : BUDGET;

    if (strstr(r->path, "watch=1") != NULL) {
        fake_begin(c);
        streams[kind] = c;

    } else if (strstr(r->path, "limit=") != NULL) {
        if (lists_refused != 0) {
            fake_reply(c, (int) lists_refused, "", "{\"message\":\"no\"}");
            return;
        }

        list(c, kind);

    } else {
        len = strlen(asked);
        (void) snprintf(asked + len, sizeof(asked) - len, "%s%c ", r->method,
                        kind == SERVICE ? 'S' : 'B');

        if (refuse[kind] != 0) {
            fake_reply(c, (int) refuse[kind], "", "{\"message\":\"no\"}");
            return;
        }

        change(c, r, kind);
    }
}


static void
turn(int msec)
{
    fake_step(&server, k, msec);
    kecs_kube_services_run(services);
}


#define until(cond)                                                         \
    __extension__ ({                                                        \
        kecs_msec_t  end_ = kecs_monotonic() + 10000;                       \
                                                                            \
        while (!(cond) && kecs_monotonic() < end_) {                        \
            turn(10);                                                       \
        }                                                                   \
                                                                            \
        (cond);                                                             \
    })


static int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}


/* Requests go over several connections: their order is by chance. */

static void
sort_words(const char *text, char *out, size_t size)
{
    char    *words[64], *p, *rest, copy[sizeof(asked)];
    size_t   i, n, len;

    (void) snprintf(copy, sizeof(copy), "%s", text);

    for (n = 0, p = copy; n < 64; n++, p = NULL) {
        words[n] = strtok_r(p, " ", &rest);

        if (words[n] == NULL) {
            break;
        }
    }

    qsort(words, n, sizeof(words[0]), by_text);
    out[0] = '\0';

    for (i = 0; i < n; i++) {
        len = strlen(out);
        (void) snprintf(out + len, size - len, "%s ", words[i]);
    }
}


/* Both lists have come, and changes will be told. */

static bool
in_step(void)
{
    return until(streams[SERVICE] != NULL && streams[BUDGET] != NULL);
}


static bool
asks(const char *want)
{
    int   i;
    bool  ok;
    char  got_words[sizeof(asked)], words[sizeof(asked)];

    ok = until(strlen(asked) >= strlen(want));

    for (i = 0; i < 30; i++) {
        turn(2);
    }

    sort_words(asked, got_words, sizeof(got_words));
    sort_words(want, words, sizeof(words));
    ok = ok && strcmp(got_words, words) == 0;

    if (!ok) {
        printf("# got  %s\n# want %s\n", asked, want);
    }

    asked[0] = '\0';

    return ok;
}


static void
begin(void)
{
    kecs_kube_conf_t   conf;
    kecs_watch_conf_t  watching;

    memset(&conf, 0, sizeof(conf));
    memset(&watching, 0, sizeof(watching));
    conf.backoff = 5;
    conf.backoff_max = 10;
    watching.selector = kecs_str("kecs/store=" UUID);
    asked[0] = '\0';
    memset(streams, 0, sizeof(streams));

    if (!fake_open(&server, ask) || !fake_client(&server, NULL, NULL, &conf,
                                                 &k)
        || kecs_kube_spaces_open(k, kecs_str("team"), kecs_str(UUID), false,
                                 &watching, &spaces) != KECS_OK
        || kecs_kube_services_open(k, kecs_str("team"), kecs_str(UUID),
                                   spaces, &watching, &services) != KECS_OK
        || kecs_kube_services_engage(services, false) != KECS_OK)
    {
        printf("Bail out! no server\n");
        exit(1);
    }
}


static void
end(void)
{
    kecs_kube_services_close(services);
    kecs_kube_spaces_close(spaces);
    kecs_kube_close(k);
    fake_close(&server);
}


static void
clean(void)
{
    end();
    memset(kept, 0, sizeof(kept));
    memset(refuse, 0, sizeof(refuse));
    lists_refused = 0;
    warnings = 0;
}


/* Services. */


static const kecs_service_key_t  web_key = { 1, 2, 3 };

static const kecs_service_place_t  web = {
    kecs_string(UUID), kecs_string("000000000000"),
    kecs_string("us-east-1"), kecs_string("default"), kecs_string("web")
};


static kecs_ecs_task_definition_t *
definition(kecs_arena_t *a, const char *ports)
{
    void                *d;
    kecs_str_t           text;
    kecs_json_t         *json;
    kecs_shape_error_t   err;

    text = kecs_sprintf(a, "{\"containerDefinitions\":[{\"name\":\"a\","
                        "\"image\":\"i\",\"portMappings\":[%s]}]}", ports);

    if (kecs_json_parse(a, text, &json) != KECS_OK
        || kecs_shape_decode(a, &kecs_ecs_task_definition_shape, json, false,
                             &d, &err) != KECS_OK)
    {
        printf("Bail out! %s\n", text.data);
        exit(1);
    }

    return d;
}


static kecs_traffic_t  traffic;


static void
expose(const kecs_service_key_t *key, const kecs_service_place_t *place,
    unsigned desired, const char *ports)
{
    kecs_arena_t                      *a;
    kecs_service_facts_t               f;
    const kecs_ecs_task_definition_t  *d;

    a = kecs_arena_create(0);
    d = definition(a, ports);
    f = (kecs_service_facts_t) { *place, desired, 50, &d, 1, traffic };
    (void) kecs_kube_services_expose(services, key, &f);
    kecs_arena_destroy(a);
}


static bool
spec_has(int kind, const char *name, const char *text)
{
    kept_t  *o;

    o = there(kind, name);

    if (o == NULL || strstr(o->spec, text) == NULL) {
        printf("# %s\n", o ? o->spec : "nothing");
        return false;
    }

    return true;
}


#define PORT  "{\"containerPort\":80}"


/* What is made of it. */


static kecs_str_t
convert(kecs_arena_t *a, const kecs_service_place_t *place, unsigned desired,
    unsigned percent, const char *ports, const char *more,
    kecs_service_objects_t *out)
{
    kecs_service_facts_t               f;
    const kecs_ecs_task_definition_t  *d[2];

    d[0] = definition(a, ports);
    d[1] = definition(a, more ? more : "");
    f = (kecs_service_facts_t) { *place, desired, percent, d,
                                 more ? 2 : 1, traffic };

    return kecs_service_convert(a, &f, out) == KECS_OK ? out->service.spec
                                                       : kecs_null_str;
}


#define SELECTED  "\"kecs/service\":\"" WEB "\",\"kecs/store\":\"" UUID "\"}"
#define SELECT    "{" SELECTED
#define SELECT_REST  SELECTED ",\"sessionAffinity\":\"None\"," \
                     "\"type\":\"ClusterIP\"}"
#define REST    "\"selector\":{" SELECT_REST
#define TCP(name, port)  "{\"name\":\"" name "\",\"port\":" port "," \
                         "\"protocol\":\"TCP\",\"targetPort\":" port "}"


static void
test_ports(void)
{
    kecs_arena_t            *a;
    kecs_service_objects_t   o;

    a = kecs_arena_create(0);

    tap_is_str(convert(a, &web, 1, 100, PORT, NULL, &o),
               "{\"ports\":[" TCP("tcp-80", "80") "]," REST, "a port");
    tap_is_str(convert(a, &web, 1, 100, "", NULL, &o),
               "{\"clusterIP\":\"None\"," REST, "none: headless");
    tap_is_str(convert(a, &web, 1, 100, "{\"containerPortRange\":\"1-9\"}",
                       NULL, &o), "{\"clusterIP\":\"None\"," REST,
               "a range is none");
    tap_is_str(convert(a, &web, 1, 100, "{\"containerPort\":443,\"name\":"
                       "\"tls\"}," PORT "," PORT ",{\"containerPort\":80,"
                       "\"protocol\":\"udp\",\"hostPort\":8080}", NULL, &o),
               "{\"ports\":[" TCP("tcp-80", "80") ",{\"name\":\"udp-80\","
               "\"port\":80,\"protocol\":\"UDP\",\"targetPort\":80},"
               TCP("tls", "443") "]," REST, "several, sorted, each once");
    tap_is_str(convert(a, &web, 1, 100, "{\"containerPort\":1,\"name\":\"x\","
                       "\"appProtocol\":\"grpc\"}", "{\"containerPort\":2,"
                       "\"name\":\"x\"},{\"containerPort\":1,\"name\":"
                       "\"tcp-2\"}", &o),
               "{\"ports\":[{\"appProtocol\":\"kubernetes.io/h2c\",\"name\":"
               "\"x\",\"port\":1,\"protocol\":\"TCP\",\"targetPort\":1},"
               TCP("tcp-2", "2") "]," REST,
               "two definitions: the first counts, names differ");
    tap_is_str(convert(a, &web, 1, 100, "{\"containerPort\":1,\"name\":"
                       "\"tcp-2\"},{\"containerPort\":2}", NULL, &o),
               "{\"ports\":[" TCP("tcp-2", "1") "," TCP("tcp-2-2", "2") "],"
               REST, "a name that another one would have");
    tap_is_str(convert(a, &web, 1, 100, "{\"containerPort\":1,\"name\":"
                       "\"My_P\",\"appProtocol\":\"http\"}", NULL, &o),
               "{\"ports\":[{\"appProtocol\":\"http\",\"name\":"
               "\"my-p-390ffc\",\"port\":1,\"protocol\":\"TCP\","
               "\"targetPort\":1}]," REST, "a name that is no label");

    kecs_arena_destroy(a);
}


static void
least(unsigned desired, unsigned percent, const char *want)
{
    char                     text[256];
    kecs_arena_t            *a;
    kecs_service_objects_t   o;

    a = kecs_arena_create(0);
    (void) convert(a, &web, desired, percent, "", NULL, &o);
    (void) snprintf(text, sizeof(text), "{\"minAvailable\":%s,\"selector\":{"
                    "\"matchLabels\":" SELECT "},"
                    "\"unhealthyPodEvictionPolicy\":\"AlwaysAllow\"}", want);
    tap_is_str(o.budget.spec, text, "%u of %u %%: %s", desired, percent, want);
    kecs_arena_destroy(a);
}


static void
test_names(void)
{
    unsigned                i;
    kecs_str_t              s;
    kecs_arena_t           *a;
    kecs_service_place_t    p;
    kecs_service_objects_t  o;
    static const char       long_name[] =
        "9_UPPER_and_lower_0123456789012345678901234567890123456789012345678";

    a = kecs_arena_create(0);
    (void) convert(a, &web, 1, 100, PORT, NULL, &o);
    tap_is_str(o.name, WEB, "the name, for ever");
    tap_is_str(o.service.metadata, "{\"annotations\":{"
               "\"ecs/service-arn\":\"arn:aws:ecs:us-east-1:"
               "000000000000:service/default/web\"},"
               "\"labels\":{\"app.kubernetes.io/managed-by\":\"kecs\","
               "\"ecs/cluster\":\"default\",\"ecs/service\":\"web\","
               "\"kecs/store\":\"" UUID "\"}}", "annotations and labels");

    for (i = 0; i < 5; i++) {
        p = web;
        *(i == 0 ? &p.uuid : i == 1 ? &p.account : i == 2 ? &p.region
          : i == 3 ? &p.cluster : &p.service) = kecs_str("other");
        s = kecs_service_object_name(a, &p);
        tap_ok(!kecs_str_eq(s, o.name), "another place, another name: %s",
               s.data);
    }

    p = web;
    p.service = kecs_str(long_name);
    s = kecs_service_object_name(a, &p);
    tap_ok(s.len <= 63 && kecs_str_starts(s, kecs_str("s-9-upper-and-")),
           "what is long and begins with a digit: %s", s.data);
    kecs_arena_destroy(a);
}


static bool
holds(kecs_str_t s, const char *text)
{
    return memmem(s.data, s.len, text, strlen(text)) != NULL;
}


/* Traffic of blue (5) and green (6). */

static void
shares(unsigned weight, unsigned test, const char *deployment,
    const char *annotation)
{
    char                     text[512];
    kecs_arena_t            *a;
    kecs_service_objects_t   o;

    a = kecs_arena_create(0);
    traffic = (kecs_traffic_t) { 5, 6, weight, test };
    (void) snprintf(text, sizeof(text), "{\"ports\":[" TCP("tcp-80", "80")
                    "],\"selector\":{%s" SELECT_REST, deployment);
    tap_is_str(convert(a, &web, 1, 100, PORT, NULL, &o), text,
               "%u of 1000: whom it selects", weight);
    (void) snprintf(text, sizeof(text), "\"kecs/traffic\":\"%s\"},",
                    annotation);
    tap_ok(holds(o.service.metadata, text)
           && kecs_str_eq(o.service.metadata, o.service.patch),
           "its annotation");
    tap_ok(!holds(o.budget.metadata, "traffic")
           && kecs_str_eq(o.budget.metadata, o.test.metadata),
           "the budget has none");
    tap_ok((o.test.spec.data != NULL) == (test != 0), "test traffic %u",
           test);
    traffic = (kecs_traffic_t) { 0 };
    kecs_arena_destroy(a);
}


static void
test_traffic(void)
{
    kecs_arena_t            *a;
    kecs_service_objects_t   o;

    shares(0, 0, "\"ecs/deployment\":\"5\",",
           "{\\\"production\\\":{\\\"5\\\":100,\\\"6\\\":0}}");
    shares(0, 1000, "\"ecs/deployment\":\"5\",",
           "{\\\"production\\\":{\\\"5\\\":100,\\\"6\\\":0},"
           "\\\"test\\\":{\\\"6\\\":100}}");
    shares(105, 1000, "",
           "{\\\"production\\\":{\\\"5\\\":89.5,\\\"6\\\":10.5},"
           "\\\"test\\\":{\\\"6\\\":100}}");
    shares(1000, 1000, "\"ecs/deployment\":\"6\",",
           "{\\\"production\\\":{\\\"5\\\":0,\\\"6\\\":100},"
           "\\\"test\\\":{\\\"6\\\":100}}");

    a = kecs_arena_create(0);
    traffic = (kecs_traffic_t) { 5, 6, 0, 1000 };
    (void) convert(a, &web, 1, 100, PORT, NULL, &o);
    traffic = (kecs_traffic_t) { 0 };
    tap_is_str(o.test_name, WEB "-test", "the Service for test traffic");
    tap_is_str(o.test.spec, "{\"ports\":[" TCP("tcp-80", "80") "],"
               "\"selector\":{\"ecs/deployment\":\"6\"," SELECT_REST,
               "selects green");
    (void) convert(a, &web, 1, 100, PORT, NULL, &o);
    tap_ok(holds(o.service.patch, "\"kecs/traffic\":null"),
           "afterwards the annotation goes");
    tap_ok(!holds(o.service.metadata, "traffic"),
           "a new Service has none");
    kecs_arena_destroy(a);
}


/* Every allocation fails once. */

static void
test_memory(void)
{
    unsigned                n;
    kecs_rc_t               rc;
    kecs_arena_t           *a, *given;
    kecs_service_facts_t    f;
    kecs_service_objects_t  o;
    const kecs_ecs_task_definition_t  *d;

    given = kecs_arena_create(0);
    d = definition(given, PORT ",{\"containerPort\":1,\"name\":\"A\"}");
    f = (kecs_service_facts_t) { web, 1, 100, &d, 1, { 5, 6, 1, 1 } };

    for (n = 1, rc = KECS_NOMEM; rc == KECS_NOMEM && n < 200; n++) {
        a = kecs_arena_create(0);
        kecs_arena_fail_after(a, n);
        rc = kecs_service_convert(a, &f, &o);
        kecs_arena_destroy(a);
    }

    tap_ok(n > 5 && rc == KECS_OK, "no memory, and nothing else");
    kecs_arena_destroy(given);
}


static kecs_str_t
lacks(kecs_arena_t *a, const char *labels, const char *group)
{
    kecs_json_t  *v;
    kecs_str_t    text;

    text = kecs_sprintf(a, "{\"metadata\":{\"labels\":{%s},\"annotations\":{"
                        "\"ecs/group\":\"%s\",\"ecs/task-arn\":\"arn:aws:ecs:"
                        "us-east-1:000000000000:task/default/00\"}}}",
                        labels, group);

    return kecs_json_parse(a, text, &v) == KECS_OK
           ? kecs_pod_lacks_object(a, kecs_str(UUID), v) : kecs_str("?");
}


static void
test_old_pods(void)
{
    kecs_arena_t  *a;

    a = kecs_arena_create(0);
    tap_is_str(lacks(a, "\"ecs/service\":\"web\"", "service:web"), WEB,
               "a pod without the label");
    tap_ok(lacks(a, "\"ecs/service\":\"web\",\"kecs/service\":\"" WEB "\"",
                 "service:web").data == NULL, "with it");
    tap_ok(lacks(a, "", "family:web").data == NULL, "of no service");
    kecs_arena_destroy(a);
}


/* How it is kept. */


static void
test_life(void)
{
    begin();
    expose(&web_key, &web, 3, PORT);
    tap_ok(asks("POSTS POSTB "), "a service: both are made");
    tap_ok(spec_has(SERVICE, WEB, "\"port\":80"), "with its port");
    tap_ok(spec_has(BUDGET, WEB, "\"minAvailable\":2"), "and budget");

    expose(&web_key, &web, 3, PORT);
    tap_ok(asks(""), "told again: nothing happens");
    expose(&web_key, &web, 5, PORT);
    tap_ok(asks("PATCHB "), "another count: the budget");
    tap_ok(spec_has(BUDGET, WEB, "\"minAvailable\":3"), "follows");
    expose(&web_key, &web, 5, "{\"containerPort\":81}");
    tap_ok(asks("PATCHS "), "another port: the Service");
    expose(&web_key, &web, 5, "");
    tap_ok(asks("DELETES POSTS "), "no port: a new Service");
    tap_ok(spec_has(SERVICE, WEB, "\"clusterIP\":\"None\""), "headless");
    expose(&web_key, &web, 5, PORT);
    tap_ok(asks("DELETES POSTS "), "and back");

    kecs_kube_services_unexpose(services, &web_key);
    tap_ok(asks("DELETES DELETEB "), "over: both go");
    kecs_kube_services_unexpose(services, &web_key);
    tap_ok(asks(""), "once");
    clean();
}


static bool
meta_has(const char *name, const char *text)
{
    kept_t  *o;

    o = there(SERVICE, name);

    return o != NULL && strstr(o->meta, text) != NULL;
}


static void
test_shift(void)
{
    begin();
    expose(&web_key, &web, 3, PORT);
    (void) asks("POSTS POSTB ");

    traffic = (kecs_traffic_t) { 5, 6, 0, 0 };
    expose(&web_key, &web, 3, PORT);
    tap_ok(asks("PATCHS "), "a rollout begins: the Service");
    tap_ok(spec_has(SERVICE, WEB, "\"ecs/deployment\":\"5\""),
           "selects blue");
    traffic.test_weight = 1000;
    expose(&web_key, &web, 3, PORT);
    tap_ok(asks("PATCHS POSTS "), "test traffic: one more Service");
    tap_ok(spec_has(SERVICE, WEB "-test", "\"ecs/deployment\":\"6\""),
           "which selects green");
    traffic.weight = 500;
    expose(&web_key, &web, 3, PORT);
    tap_ok(asks("PATCHS ") && !strstr(there(SERVICE, WEB)->spec,
                                      "deployment"), "half: all pods");
    tap_ok(meta_has(WEB, "\\\"6\\\":50"), "the annotation tells it");
    traffic.weight = 1000;
    expose(&web_key, &web, 3, PORT);
    tap_ok(asks("PATCHS ")
           && spec_has(SERVICE, WEB, "\"ecs/deployment\":\"6\""),
           "all of it: green");

    end();
    begin();
    expose(&web_key, &web, 3, PORT);
    kecs_kube_services_exposed(services);
    tap_ok(in_step() && asks(""), "started again: all is right");
    traffic = (kecs_traffic_t) { 0 };
    expose(&web_key, &web, 3, PORT);
    tap_ok(asks("PATCHS DELETES "), "the end: that Service goes");
    tap_ok(!meta_has(WEB, "traffic\":\"")
           && !strstr(there(SERVICE, WEB)->spec, "deployment"),
           "and the other is as before");

    traffic = (kecs_traffic_t) { 5, 6, 0, 1000 };
    expose(&web_key, &web, 3, PORT);
    (void) asks("PATCHS POSTS ");
    end();
    begin();
    traffic = (kecs_traffic_t) { 0 };
    expose(&web_key, &web, 3, PORT);
    kecs_kube_services_exposed(services);
    tap_ok(asks("PATCHS DELETES "), "over while nobody was there: gone too");

    traffic = (kecs_traffic_t) { 5, 6, 0, 1000 };
    expose(&web_key, &web, 3, PORT);
    (void) asks("PATCHS POSTS ");
    traffic = (kecs_traffic_t) { 0 };
    kecs_kube_services_unexpose(services, &web_key);
    tap_ok(asks("DELETES DELETES DELETEB "), "with the service all go");
    clean();
}


static void
edit(int kind, const char *from, const char *to)
{
    char     spec[2048], *p;
    kept_t  *o;

    (void) in_step();
    o = there(kind, WEB);
    p = o != NULL ? strstr(o->spec, from) : NULL;

    if (p == NULL) {
        tap_ok(false, "there is no %s", from);
        return;
    }

    (void) snprintf(spec, sizeof(spec), "%.*s%s%s", (int) (p - o->spec),
                    o->spec, to, p + strlen(from));
    memcpy(o->spec, spec, sizeof(o->spec));
    tell("MODIFIED", o);
}


static void
test_others(void)
{
    unsigned   i;

    begin();
    expose(&web_key, &web, 3, PORT);
    (void) asks("POSTS POSTB ");

    (void) in_step();
    drop(there(SERVICE, WEB));
    tap_ok(asks("POSTS "), "somebody deletes it: made again");
    edit(BUDGET, ":2,", ":0,");
    tap_ok(asks("PATCHB "), "edits it: put right");
    tap_ok(spec_has(BUDGET, WEB, "\"minAvailable\":2"), "as it was");
    edit(SERVICE, "\"selector\":{", "\"selector\":{\"more\":\"1\",");
    tap_ok(asks("PATCHS "), "selects otherwise: put right");
    edit(SERVICE, "\"type\"", "\"externalIPs\":[\"10.0.0.1\"],\"type\"");
    (void) until(strstr(asked, "PATCHS") != NULL);
    tap_ok(strstr(there(SERVICE, WEB)->spec, "external") == NULL,
           "adds to it: gone");
    asked[0] = '\0';

    /* a quarrel goes on, but ever more slowly */

    for (i = 0; i < 5; i++) {
        edit(BUDGET, ":2,", ":0,");
        (void) until(strstr(there(BUDGET, WEB)->spec, ":2,") != NULL);
    }

    tap_ok(spec_has(BUDGET, WEB, "\"minAvailable\":2"), "again and again");
    asked[0] = '\0';

    /* one of that name that is not ours */

    kecs_kube_services_unexpose(services, &web_key);
    (void) asks("DELETES DELETEB ");
    (void) keep(SERVICE, WEB, "\"labels\":{}", "{\"mine\":1}");
    expose(&web_key, &web, 3, PORT);
    (void) until(strlen(asked) >= 6 * 4);
    tap_ok(spec_has(SERVICE, WEB, "{\"mine\":1}"), "another's is let be");
    there(SERVICE, WEB)->uid = 0;
    tap_ok(until(there(SERVICE, WEB) != NULL), "and replaced once it is gone");
    clean();
}


#define LABELS(uuid, arn)  "\"labels\":{\"kecs/store\":\"" uuid "\"}," \
                           "\"annotations\":{\"ecs/service-arn\":\"" arn "\"}"
#define WEB_ARN  "arn:aws:ecs:us-east-1:000000000000:service/default/web"

static void
test_leftover(void)
{
    (void) keep(SERVICE, WEB, LABELS(UUID, WEB_ARN), "{}");
    (void) keep(SERVICE, "copy", LABELS(UUID, WEB_ARN), "{}");
    (void) keep(SERVICE, "else", LABELS("another", WEB_ARN), "{}");
    begin();
    tap_ok(in_step() && asks(""), "what is there is let be");
    kecs_kube_services_exposed(services);
    tap_ok(asks("DELETES "), "until all services are known: left over");
    tap_ok(there(SERVICE, WEB) == NULL && there(SERVICE, "copy") != NULL
           && there(SERVICE, "else") != NULL, "only what we have made");
    clean();

    begin();
    expose(&web_key, &web, 3, PORT);
    (void) asks("POSTS POSTB ");
    end();
    begin();
    expose(&web_key, &web, 3, PORT);
    kecs_kube_services_exposed(services);
    tap_ok(in_step() && asks(""), "started again: all is right");
    end();
    there(BUDGET, WEB)->uid = 0;
    begin();
    expose(&web_key, &web, 3, "{\"containerPort\":81}");
    tap_ok(asks("PATCHS POSTB ") , "started again: what is missing");

    kecs_kube_services_disengage(services);
    expose(&web_key, &web, 9, "{\"containerPort\":81}");
    tap_ok(asks(""), "without the Lease nothing is asked");
    (void) kecs_kube_services_engage(services, false);
    tap_ok(asks("PATCHB "), "with it again, what has changed");
    clean();
}


/* A Service of where its tasks were made before: as long as one is there. */

static bool  pods_there;

static bool
serves(void *ctx, kecs_str_t space, kecs_str_t object)
{
    (void) ctx;

    return pods_there && kecs_str_is(space, "past")
           && kecs_str_is(object, WEB);
}


static void
test_moved(void)
{
    pods_there = true;
    (void) keep(SERVICE, WEB, PAST "," LABELS(UUID, WEB_ARN),
                "{\"selector\":{\"kecs/service\":\"" WEB "\"}}");
    (void) keep(BUDGET, WEB, PAST "," LABELS(UUID, WEB_ARN), "{}");
    begin();
    kecs_kube_services_ask(services, serves, NULL);
    expose(&web_key, &web, 3, PORT);
    kecs_kube_services_exposed(services);
    tap_ok(asks("POSTS POSTB DELETEB "), "the budget moves to another place");
    tap_ok(there(SERVICE, WEB) != NULL
           && there_in(true, SERVICE, WEB) != NULL,
           "the Service is in both while it has pods in both");
    pods_there = false;
    tap_ok(asks("DELETES "), "and goes with the last of its pods");
    tap_ok(there(SERVICE, WEB) != NULL
           && there_in(true, SERVICE, WEB) == NULL, "where they were");
    clean();

    (void) keep(SERVICE, WEB, PAST "," LABELS(UUID, WEB_ARN), "{}");
    begin();
    kecs_kube_services_ask(services, serves, NULL);
    expose(&web_key, &web, 3, PORT);
    kecs_kube_services_exposed(services);
    tap_ok(asks("POSTS POSTB "), "one that says not which pods stays");
    kecs_kube_services_unexpose(services, &web_key);
    tap_ok(asks("DELETES DELETES DELETEB "), "until the service ends");
    clean();
}


/* A name that comes again, before the log tells of the older one's end. */

static void
test_successor(void)
{
    static const kecs_service_key_t  next_key = { 1, 2, 4 };

    begin();
    expose(&web_key, &web, 3, PORT);
    (void) asks("POSTS POSTB ");
    expose(&next_key, &web, 3, PORT);
    kecs_kube_services_unexpose(services, &web_key);
    tap_ok(asks(""), "a successor keeps what is there");
    kecs_kube_services_unexpose(services, &next_key);
    expose(&next_key, &web, 3, PORT);
    tap_ok(asks(""), "over and back at once: nothing happens");
    kecs_kube_services_unexpose(services, &next_key);
    (void) until(strstr(asked, "DELETEB") != NULL);
    expose(&next_key, &web, 3, PORT);
    tap_ok(asks("DELETES DELETEB POSTS POSTB "), "a moment later: made anew");
    tap_ok(there(SERVICE, WEB) != NULL && there(BUDGET, WEB) != NULL,
           "there in the end");
    clean();
}


static void
on_log(void *ctx, kecs_level_t level, const char *line)
{
    (void) ctx;
    warnings += level <= KECS_LOG_WARN && strstr(line, "kubernetes") != NULL;
}


static void
test_refused(void)
{
    char                  name[16];
    unsigned              i;
    kecs_service_key_t    key = { 1, 1, 0 };
    kecs_service_place_t  p = web;

    kecs_log_to(on_log, NULL, KECS_LOG_WARN);

    refuse[BUDGET] = 403;
    begin();

    for (i = 0; i < 5; i++) {
        key.no = i;
        (void) snprintf(name, sizeof(name), "s%u", i);
        p.service = kecs_str_of(name);
        expose(&key, &p, 3, PORT);
    }

    (void) until(strlen(asked) == 10 * strlen("POSTS "));
    tap_is_int((int64_t) strlen(asked), 10 * (int64_t) strlen("POSTS "),
               "no right to budgets: each is asked for once");
    tap_is_int((int) warnings, 1, "said once");
    asked[0] = '\0';
    tap_ok(asks(""), "and not asked again at once");
    clean();

    refuse[SERVICE] = 500;
    begin();
    expose(&web_key, &web, 3, PORT);
    (void) until(strlen(asked) >= 6 * 5);
    tap_is_int((int) warnings, 1, "an error is said once");
    refuse[SERVICE] = 0;
    tap_ok(until(there(SERVICE, WEB) != NULL), "and tried again");
    clean();

    lists_refused = 403;
    begin();
    expose(&web_key, &web, 3, PORT);
    (void) until(warnings == 2);
    tap_ok(asks(""), "no right to lists: nothing is asked");
    tap_is_int((int) warnings, 2, "said once for each kind");
    lists_refused = 0;
    tap_ok(until(there(BUDGET, WEB) != NULL), "a right that comes");
    clean();

    kecs_log_to(NULL, NULL, KECS_LOG_NOTICE);
}


int
main(void)
{
    test_ports();
    least(3, 50, "2");
    least(3, 100, "3");
    least(0, 100, "0");
    least(3, 0, "0");
    least(1, 1, "1");
    least(4000000000u, 100, "2147483647");
    test_names();
    test_traffic();
    test_memory();
    test_old_pods();
    test_life();
    test_shift();
    test_others();
    test_leftover();
    test_moved();
    test_successor();
    test_refused();

    return tap_done();
}
