/*
 * Tasks as pods: the cases of t/data/pods, and what no case can show: that
 * every field of the model is decided, that nothing depends on luck or on
 * memory, and that texts survive what Kubernetes does to them.
 */

#include <dirent.h>
#include <stdlib.h>

#include "../../src/convert/secret_ref.h"
#include "pod_case.h"
#include "tap.h"


/* What differs, as a path, or absent when `want` is (in) `got`. */

static kecs_str_t
differs(kecs_arena_t *a, const kecs_json_t *got, const kecs_json_t *want,
    bool exact, const char *path)
{
    char                at[512];
    size_t              i;
    kecs_str_t          s;
    const kecs_json_t  *w, *g;

    if (got == NULL || got->type != want->type) {
        return kecs_strdup(a, kecs_str_of(path));
    }

    switch (want->type) {

    case KECS_JSON_OBJECT:
    case KECS_JSON_ARRAY:
        if (got->n != want->n && (exact || want->type == KECS_JSON_ARRAY)) {
            return kecs_sprintf(a, "%s (%zu, not %zu)", path, got->n,
                                want->n);
        }

        g = got->first;

        for (i = 0, w = want->first; w != NULL; w = w->next, i++) {

            if (want->type == KECS_JSON_OBJECT) {
                (void) snprintf(at, sizeof(at), "%.*s", kecs_fmt(w->name));
                g = kecs_json_get(got, at);
                (void) snprintf(at, sizeof(at), "%s.%.*s", path,
                                kecs_fmt(w->name));

            } else {
                (void) snprintf(at, sizeof(at), "%s.%zu", path, i);
            }

            s = differs(a, g, w, exact, at);

            if (s.data != NULL) {
                return s;
            }

            if (want->type == KECS_JSON_ARRAY) {
                g = g->next;
            }
        }

        return kecs_null_str;

    case KECS_JSON_BOOL:
        return got->boolean == want->boolean
               ? kecs_null_str : kecs_strdup(a, kecs_str_of(path));

    default:
        return kecs_str_eq(got->str, want->str)
               ? kecs_null_str
               : kecs_sprintf(a, "%s (\"%.*s\")", path, kecs_fmt(got->str));
    }
}


/* "spec.containers.0.ports" */

static const kecs_json_t *
at_path(const kecs_json_t *v, kecs_str_t path)
{
    char        name[128];
    uint64_t    i;
    kecs_str_t  part;

    while (v != NULL && kecs_str_split(&path, '.', &part)) {

        if (v->type == KECS_JSON_ARRAY && kecs_str_u64(part, &i)) {
            for (v = v->first; v != NULL && i > 0; i--) {
                v = v->next;
            }

        } else {
            (void) snprintf(name, sizeof(name), "%.*s", kecs_fmt(part));
            v = kecs_json_get(v, name);
        }
    }

    return v;
}


static bool
lacks(const kecs_json_t *c, const kecs_json_t *pod)
{
    const kecs_json_t  *e;

    e = kecs_json_get(c, "absent");

    for (e = e ? e->first : NULL; e != NULL; e = e->next) {
        if (at_path(pod, e->str) != NULL) {
            printf("# there is %.*s\n", kecs_fmt(e->str));
            return false;
        }
    }

    return true;
}


static bool
contains(kecs_str_t text, kecs_str_t part)
{
    size_t  i;

    for (i = 0; i + part.len <= text.len; i++) {
        if (memcmp(text.data + i, part.data, part.len) == 0) {
            return true;
        }
    }

    return false;
}


static bool
claim_as_wanted(kecs_arena_t *a, const kecs_json_t *c, const given_t *g)
{
    kecs_str_t          d;
    kecs_buf_t          out;
    kecs_json_t        *claim;
    const kecs_json_t  *want;

    want = kecs_json_get(c, "claim");
    kecs_buf_init(&out, a, 0);

    if (kecs_pod_build_claim(a, &g->p, &out) != KECS_OK) {
        return false;
    }

    if (want == NULL) {
        return out.len == 0;
    }

    if (kecs_json_parse(a, kecs_buf_view(&out), &claim) != KECS_OK) {
        return false;
    }

    d = differs(a, claim, want, true, "claim");

    if (d.data != NULL) {
        printf("# differs at %.*s\n# %.*s\n", kecs_fmt(d),
               kecs_fmt(kecs_buf_view(&out)));
    }

    return d.data == NULL;
}


static bool
secret_as_wanted(kecs_arena_t *a, const kecs_json_t *c, const given_t *g)
{
    kecs_str_t          d;
    kecs_buf_t          out;
    kecs_json_t        *secret;
    const kecs_json_t  *want;

    want = kecs_json_get(c, "secret");
    kecs_buf_init(&out, a, 0);

    if (want == NULL) {
        return true;
    }

    if (kecs_pod_build_secret(a, &g->p, &out) != KECS_OK
        || kecs_json_parse(a, kecs_buf_view(&out), &secret) != KECS_OK)
    {
        return false;
    }

    d = differs(a, secret, want, false, "secret");

    if (d.data != NULL) {
        printf("# differs at %.*s\n# %.*s\n", kecs_fmt(d),
               kecs_fmt(kecs_buf_view(&out)));
    }

    return d.data == NULL;
}


static bool
as_wanted(kecs_arena_t *a, const kecs_json_t *c, const given_t *g)
{
    kecs_rc_t     rc;
    kecs_str_t    reason, d, without;
    kecs_buf_t    out, again;
    kecs_json_t  *pod;

    kecs_buf_init(&out, a, 0);
    kecs_buf_init(&again, a, 0);
    reason = kecs_str("");

    rc = kecs_pod_build(a, &g->p, &out, &reason);

    if (kecs_json_get(c, "refused") != NULL) {
        d = kecs_json_str(kecs_json_get(c, "refused"));

        if (rc == KECS_INVALID && kecs_str_eq(reason, d)) {
            return true;
        }

        printf("# %s: %.*s\n", kecs_rc_name(rc), kecs_fmt(reason));
        return false;
    }

    if (rc != KECS_OK
        || kecs_json_parse(a, kecs_buf_view(&out), &pod) != KECS_OK)
    {
        printf("# %s: %.*s\n# %.*s\n", kecs_rc_name(rc), kecs_fmt(reason),
               kecs_fmt(kecs_buf_view(&out)));
        return false;
    }

    d = differs(a, pod, kecs_json_get(c, "pod"),
                kecs_json_true(kecs_json_get(c, "exact")), "pod");

    if (d.data != NULL) {
        printf("# differs at %.*s\n# %.*s\n", kecs_fmt(d),
               kecs_fmt(kecs_buf_view(&out)));
        return false;
    }

    without = kecs_json_str(kecs_json_get(c, "without"));

    if (without.data != NULL && contains(kecs_buf_view(&out), without)) {
        printf("# holds %.*s\n", kecs_fmt(without));
        return false;
    }

    return lacks(c, pod) && claim_as_wanted(a, c, g)
           && secret_as_wanted(a, c, g)
           && kecs_pod_build(a, &g->p, &again, &reason) == KECS_OK
           && kecs_str_eq(kecs_buf_view(&out), kecs_buf_view(&again));
}


/* Every allocation fails once: no memory, and nothing else. */

static bool
without_memory(const kecs_json_t *c)
{
    unsigned       n;
    given_t        g;
    kecs_rc_t      rc;
    kecs_str_t     reason;
    kecs_buf_t     out;
    kecs_arena_t  *a, *given;

    given = kecs_arena_create(0);

    if (given == NULL || !give(given, c, &g)) {
        kecs_arena_destroy(given);
        return false;
    }

    for (n = 1, rc = KECS_NOMEM; rc == KECS_NOMEM && n < 2000; n++) {
        a = kecs_arena_create(0);
        kecs_arena_fail_after(a, n);
        kecs_buf_init(&out, a, 0);
        rc = kecs_pod_build(a, &g.p, &out, &reason);
        kecs_arena_destroy(a);
    }

    kecs_arena_destroy(given);

    return n > 2 && (rc == KECS_OK || rc == KECS_INVALID);
}


static void
run_case(const char *file, const kecs_json_t *c)
{
    given_t        g;
    kecs_str_t     name;
    kecs_arena_t  *a;

    a = kecs_arena_create(0);
    name = kecs_json_str(kecs_json_get(c, "name"));

    tap_ok(a != NULL && give(a, c, &g) && as_wanted(a, c, &g), "%s: %.*s",
           file, kecs_fmt(name));
    tap_ok(without_memory(c), "%s: %.*s, when memory is short", file,
           kecs_fmt(name));

    kecs_arena_destroy(a);
}


static void
run_file(const char *file)
{
    char                path[512];
    kecs_arena_t       *a;
    kecs_json_t        *cases;
    const kecs_json_t  *c;

    a = kecs_arena_create(0);
    (void) snprintf(path, sizeof(path), FOLDER "/%s", file);

    if (!tap_ok(kecs_json_parse(a, slurp(a, path), &cases) == KECS_OK,
                "%s is read", file))
    {
        kecs_arena_destroy(a);
        return;
    }

    for (c = cases->first; c != NULL; c = c->next) {
        run_case(file, c);
    }

    kecs_arena_destroy(a);
}


static void
run_folder(void)
{
    int              i, n;
    struct dirent  **list;

    n = scandir(FOLDER, &list, NULL, alphasort);
    tap_ok(n > 2, FOLDER " is there");

    for (i = 0; i < n; i++) {
        if (list[i]->d_name[0] != '.') {
            run_file(list[i]->d_name);
        }

        free(list[i]);
    }

    if (n >= 0) {
        free(list);
    }
}


/*
 * Every member of the model has a row, or something above it has one.  Of
 * a structure without a row its members are looked at.
 */

static void
decided(kecs_arena_t *a, const kecs_shape_t *shape, const char *prefix)
{
    bool                  list;
    unsigned              i;
    kecs_str_t            path, inner;
    const kecs_shape_t   *s;
    const kecs_member_t  *m;

    for (i = 0; i < shape->n; i++) {
        m = &shape->members[i];
        list = m->shape->type == KECS_T_LIST;
        s = list ? m->shape->of : m->shape;
        path = kecs_sprintf(a, "%s%s", prefix, m->name);

        if (kecs_pod_field(path) == NULL && s->type == KECS_T_STRUCTURE) {
            inner = kecs_sprintf(a, "%.*s%s.", kecs_fmt(path),
                                 list ? "[]" : "");
            decided(a, s, inner.data);
            continue;
        }

        tap_ok(kecs_pod_field(path) != NULL, "%.*s is decided",
               kecs_fmt(path));
    }
}


/* And every row is about something that there is. */

static bool
exists(const kecs_shape_t *shape, kecs_str_t path)
{
    bool                  list;
    kecs_str_t            segment;
    const kecs_member_t  *m;

    while (kecs_str_split(&path, '.', &segment)) {

        list = segment.len > 2 && segment.data[segment.len - 1] == ']';
        segment.len -= list ? 2 : 0;

        m = kecs_shape_member(shape, segment);

        if (m == NULL || (list && m->shape->type != KECS_T_LIST)) {
            return false;
        }

        shape = list ? m->shape->of : m->shape;
    }

    return true;
}


static void
test_fields(void)
{
    kecs_arena_t            *a;
    const kecs_pod_field_t  *f;

    a = kecs_arena_create(0);

    decided(a, &kecs_ecs_task_definition_shape, "");
    decided(a, &kecs_ecs_task_override_shape, "overrides.");

    for (f = kecs_pod_fields; f->path != NULL; f++) {
        tap_ok(strncmp(f->path, "overrides.", 10) == 0
               ? exists(&kecs_ecs_task_override_shape,
                        kecs_str_of(f->path + 10))
               : exists(&kecs_ecs_task_definition_shape,
                        kecs_str_of(f->path)), "%s exists", f->path);
    }

    tap_ok(kecs_pod_field(kecs_str("cpuShares")) == NULL,
           "a row covers no longer name");

    kecs_arena_destroy(a);
}


/* What Kubernetes does to a text (third_party/forked/golang/expansion). */

static kecs_str_t
expand(kecs_arena_t *a, kecs_str_t s)
{
    char    *p, *data;
    size_t   i, k;

    data = p = kecs_alloc(a, 4 * s.len + 1);

    for (i = 0; i < s.len; i++) {

        if (s.data[i] != '$' || i + 1 == s.len) {
            *p++ = s.data[i];
            continue;
        }

        i++;

        if (s.data[i] == '$') {
            *p++ = '$';
            continue;
        }

        if (s.data[i] == '(') {
            for (k = i; k < s.len && s.data[k] != ')'; k++) {
                /* void */
            }

            if (k < s.len) {
                p += sprintf(p, "EXP");
                i = k;
                continue;
            }
        }

        *p++ = '$';

        if ((unsigned char) s.data[i] >= 0x80) {
            *p++ = '?';

        } else {
            *p++ = s.data[i];
        }
    }

    return kecs_str_n(data, (size_t) (p - data));
}


static void
test_literal(void)
{
    char              text[12];
    bool              ok;
    size_t            i, len;
    unsigned          n;
    kecs_str_t        s;
    kecs_arena_t     *a;
    static const char alphabet[] = "$$$()a\xc3";

    a = kecs_arena_create(0);
    ok = true;
    srand(7);

    for (n = 0; ok && n < 20000; n++) {
        len = (size_t) rand() % sizeof(text);

        for (i = 0; i < len; i++) {
            text[i] = alphabet[(size_t) rand() % (sizeof(alphabet) - 1)];
        }

        s = kecs_str_n(text, len);
        ok = kecs_str_eq(expand(a, kecs_pod_literal(a, s)), s);

        if (!ok) {
            printf("# %.*s\n", kecs_fmt(s));
        }

        kecs_arena_reset(a);
    }

    tap_ok(ok, "20000 texts stay what they are when Kubernetes expands them");

    kecs_arena_destroy(a);
}


static void
test_names(void)
{
    char           name[KECS_POD_NAME_LEN + 1];
    uint8_t        id[KECS_ID_LEN];
    kecs_str_t     s;
    kecs_arena_t  *a;

    a = kecs_arena_create(0);

    kecs_pod_name(task_id, name);
    tap_is_str(kecs_str_of(name), "ecs-4f2a000102030405060708090a0b0c0d",
               "the name of a pod");
    tap_ok(kecs_pod_task(kecs_str_of(name), id)
           && memcmp(id, task_id, KECS_ID_LEN) == 0, "and back");
    tap_ok(!kecs_pod_task(kecs_str("ecs-4f2a"), id), "too short a name");
    tap_ok(!kecs_pod_task(kecs_str("ecs-zz2a000102030405060708090a0b0c0d"),
                          id), "no digits");
    tap_ok(!kecs_pod_task(kecs_str("xcs-4f2a000102030405060708090a0b0c0d"),
                          id), "another prefix");

    s = kecs_pod_label(a, kecs_str("-a-"));
    tap_ok(s.data[0] == 'a' && s.len == 8, "a name begins with a letter: "
           "%.*s", kecs_fmt(s));
    tap_ok(!kecs_str_eq(kecs_pod_label(a, kecs_str("A_b")),
                        kecs_pod_label(a, kecs_str("a_B"))),
           "names that look the same differ");

    kecs_arena_destroy(a);
}


/* id, name, region, key, stage, version of each form. */

static void
test_references(void)
{
    size_t             i;
    kecs_str_t         got;
    kecs_arena_t      *a;
    kecs_secret_ref_t  r;

    static const struct {
        const char  *from;
        const char  *want;
    } rows[] = {
        { "/a/b", "0 /a/b /a/b    " },
        { "arn:aws:ssm:r:1:parameter/a/b",
          "0 arn:aws:ssm:r:1:parameter/a/b /a/b r   " },
        { "arn:aws:secretsmanager:r:1:secret:n-AbCdEf",
          "1 arn:aws:secretsmanager:r:1:secret:n-AbCdEf n-AbCdEf r   " },
        { "arn:aws:secretsmanager:r:1:secret:n:k:s:",
          "1 arn:aws:secretsmanager:r:1:secret:n n r k s " },
        { "arn:aws:secretsmanager:r:1:secret:n:::v",
          "1 arn:aws:secretsmanager:r:1:secret:n n r   v" },
        { "arn:aws:secretsmanager", "1 arn:aws:secretsmanager     " },
        { "arn:aws:s3:::bucket", NULL },
        { "arn:aws:ssm:r:1:document/a", NULL },
        { "arn:", NULL }
    };

    a = kecs_arena_create(0);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!kecs_secret_ref(kecs_str_of(rows[i].from), &r)) {
            tap_ok(rows[i].want == NULL, "%s is none", rows[i].from);
            continue;
        }

        got = kecs_sprintf(a, "%d %.*s %.*s %.*s %.*s %.*s %.*s", r.manager,
                           kecs_fmt(r.id), kecs_fmt(r.name),
                           kecs_fmt(r.region), kecs_fmt(r.key),
                           kecs_fmt(r.stage), kecs_fmt(r.version));
        tap_is_str(got, rows[i].want, "%s", rows[i].from);
    }

    kecs_arena_destroy(a);
}


int
main(void)
{
    run_folder();
    test_fields();
    test_literal();
    test_names();
    test_references();

    return tap_done();
}
