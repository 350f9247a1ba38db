/*
 * What a task needs of other AWS services before it can start: values of
 * its secrets, logins to registries, environment files.  They are fetched
 * from the upstream while the task waits, kept until the runtime has taken
 * the start, and overwritten then.  What the upstream has no endpoint for
 * is left to the runtime.
 *
 * A fetch owns an arena for all of it and belongs to a live task, which
 * goes to the queue of starts again when it is over.  One that failed stays
 * until the task has left the view: its end is on its way.
 */

#include <stdio.h>
#include <stdlib.h>

#include "../convert/secret_answer.h"
#include "../json/json_writer.h"
#include "../upstream/upstream.h"
#include "fetch_files.h"
#include "reconciler.h"


#define FETCHES_MAX    64           /* tasks at a time */
#define PARAMETERS_MAX 10           /* of one GetParameters */
#define REASON_MAX     1024
#define FILES          "failed to download env files"

typedef struct group_s {
    struct group_s         *next;
    kecs_fetch_t           *f;
    kecs_secret_want_t    **wants;
    size_t                  n;
    size_t                  names;      /* different ones */
    bool                    login;
    kecs_upstream_call_t   *call;
} group_t;

struct kecs_fetch_s {
    kecs_reconciler_t     *r;
    uint8_t                task[KECS_ID_LEN];
    kecs_arena_t          *a;
    kecs_str_t             region;
    kecs_secret_want_t    *wants;       /* of secrets, then of logins */
    size_t                 n_secrets;
    size_t                 n;
    group_t               *groups;
    unsigned               open;        /* calls without an answer */
    bool                   failed;
    kecs_login_t          *logins;
    kecs_fetch_files_t    *files;       /* or NULL */
    kecs_fetched_t         fetched;
};


/* What a task wants. */


static bool
has_endpoint(const kecs_reconciler_t *r, const kecs_secret_ref_t *ref)
{
    return kecs_upstream_has(r->upstream,
                             ref->manager ? "secretsmanager" : "ssm");
}


/* false: it is none of ours. */

static bool
secret_ref(const kecs_reconciler_t *r, kecs_str_t from,
    kecs_secret_ref_t *ref)
{
    return kecs_secret_ref(from, ref) && has_endpoint(r, ref);
}


/* A name without ARN is Secrets Manager's here. */

static bool
login_ref(const kecs_reconciler_t *r,
    const kecs_ecs_container_definition_t *d, kecs_secret_ref_t *ref)
{
    kecs_str_t  from;

    if (d->repository_credentials == NULL) {
        return false;
    }

    from = d->repository_credentials->credentials_parameter;

    if (!kecs_secret_ref(from, ref)) {
        return false;
    }

    if (!kecs_str_starts(from, kecs_str("arn:"))) {
        ref->manager = true;
    }

    return ref->manager && has_endpoint(r, ref);
}


static bool
is_needed(const kecs_reconciler_t *r, const kecs_ecs_task_definition_t *d)
{
    size_t                                  i, k;
    kecs_secret_ref_t                       ref;
    const kecs_ecs_container_definition_t  *c;

    for (i = 0; i < d->container_definitions.n; i++) {
        c = &d->container_definitions.items[i];

        if (login_ref(r, c, &ref)) {
            return true;
        }

        for (k = 0; k < kecs_secrets_of(c); k++) {
            if (secret_ref(r, kecs_secret_of(c, k)->value_from, &ref)) {
                return true;
            }
        }
    }

    return false;
}


/* The definition is not kept while calls are under way. */

static kecs_rc_t
want_one(kecs_fetch_t *f, kecs_str_t from, bool manager, kecs_secret_want_t *w)
{
    from = kecs_strdup(f->a, from);

    if (from.data == NULL) {
        return KECS_NOMEM;
    }

    (void) kecs_secret_ref(from, &w->ref);
    w->ref.manager = manager;

    if (w->ref.region.len == 0) {
        w->ref.region = f->region;
    }

    return KECS_OK;
}


static kecs_rc_t
want_all(kecs_fetch_t *f, const kecs_ecs_task_definition_t *d)
{
    size_t                                   i, k, n;
    kecs_rc_t                                rc;
    kecs_str_t                               from;
    kecs_secret_ref_t                        ref;
    const kecs_ecs_container_definitions_t  *all;

    rc = KECS_OK;
    all = &d->container_definitions;

    for (i = 0, n = 0; i < all->n; i++) {
        for (k = 0; k < kecs_secrets_of(&all->items[i]) && rc == KECS_OK;
             k++, n++)
        {
            from = kecs_secret_of(&all->items[i], k)->value_from;

            if (secret_ref(f->r, from, &ref)) {
                rc = want_one(f, from, ref.manager, &f->wants[n]);
            }
        }
    }

    for (i = 0; i < all->n && rc == KECS_OK; i++) {
        if (login_ref(f->r, &all->items[i], &ref)) {
            rc = want_one(f, all->items[i].repository_credentials
                             ->credentials_parameter, true,
                      &f->wants[f->n_secrets + i]);
        }
    }

    return rc;
}


/* Which of them are asked for in one call. */


static bool
asks_for(const group_t *g, kecs_str_t id)
{
    size_t  i;

    for (i = 0; i < g->n; i++) {
        if (kecs_str_eq(g->wants[i]->ref.id, id)) {
            return true;
        }
    }

    return false;
}


static bool
goes_with(const group_t *g, const kecs_secret_want_t *w, bool login)
{
    const kecs_secret_ref_t  *first;

    first = &g->wants[0]->ref;

    return g->login == login && first->manager == w->ref.manager
           && kecs_str_eq(first->region, w->ref.region)
           && kecs_str_eq(first->stage, w->ref.stage)
           && kecs_str_eq(first->version, w->ref.version);
}


/* Who asks for it already, else a GetParameters that has room. */

static group_t *
find_group(kecs_fetch_t *f, const kecs_secret_want_t *w, bool login)
{
    group_t  *g, *room;

    room = NULL;

    for (g = f->groups; g != NULL; g = g->next) {
        if (!goes_with(g, w, login)) {
            continue;
        }

        if (asks_for(g, w->ref.id)) {
            return g;
        }

        if (!w->ref.manager && g->names < PARAMETERS_MAX) {
            room = g;
        }
    }

    return room;
}


static kecs_rc_t
join_group(kecs_fetch_t *f, kecs_secret_want_t *w, bool login)
{
    group_t  *g;

    g = find_group(f, w, login);

    if (g != NULL) {
        g->names += !asks_for(g, w->ref.id);
        g->wants[g->n++] = w;
        return KECS_OK;
    }

    g = kecs_zalloc(f->a, sizeof(group_t));

    if (g != NULL) {
        g->wants = kecs_calloc(f->a, f->n, sizeof(*g->wants));
    }

    if (g == NULL || g->wants == NULL) {
        return KECS_NOMEM;
    }

    g->f = f;
    g->login = login;
    g->names = 1;
    g->wants[g->n++] = w;
    g->next = f->groups;
    f->groups = g;

    return KECS_OK;
}


static kecs_rc_t
make_groups(kecs_fetch_t *f)
{
    size_t     i;
    kecs_rc_t  rc;

    rc = KECS_OK;

    for (i = 0; i < f->n && rc == KECS_OK; i++) {
        if (f->wants[i].ref.id.data != NULL) {
            rc = join_group(f, &f->wants[i], i >= f->n_secrets);
        }
    }

    return rc;
}


/* The end of a fetch. */


static void
free_fetch(kecs_fetch_t *f)
{
    group_t  *g;

    if (f == NULL) {
        return;
    }

    for (g = f->groups; g != NULL; g = g->next) {
        kecs_upstream_cancel(g->call);
    }

    kecs_fetch_files_cancel(f->files);
    f->r->fetches--;

    if (f->a != NULL) {
        kecs_arena_wipe(f->a);
        kecs_arena_destroy(f->a);
    }

    free(f);
}


void
kecs_fetch_drop(kecs_live_task_t *t)
{
    free_fetch(t->fetch);
    t->fetch = NULL;
}


/* The task ends; only the first failure is told. */

static void
fail(kecs_fetch_t *f, const char *what, unsigned attempts, kecs_str_t why)
{
    int   n;
    char  text[REASON_MAX];

    if (f->failed) {
        return;
    }

    f->failed = true;
    n = snprintf(text, sizeof(text), "ResourceInitializationError: %s:"
                 " service call has been retried %u time(s): ", what,
                 attempts);

    (void) snprintf(text + n, sizeof(text) - (size_t) n, "%.*s",
                    kecs_fmt(why));

    kecs_news_add(f->r, KECS_NEWS_REFUSED, f->task, kecs_str_of(text));
}


#define SECRETS  "unable to pull secrets or registry auth: execution" \
                 " resource retrieval failed: unable to "

static const char *
what_of(const group_t *g)
{
    return g->login ? SECRETS "get registry auth from asm"
           : g->wants[0]->ref.manager ? SECRETS "retrieve secret from asm"
                                      : SECRETS "retrieve secrets from ssm";
}


/* An answer has come, and the task may start if it was the last one. */

static void
go_on(kecs_fetch_t *f)
{
    kecs_live_task_t  *t;

    t = kecs_view_task(f->r, f->task);

    if (f->open == 0 && !f->failed && t != NULL) {
        kecs_todo_add(f->r, t);
    }
}


static kecs_rc_t
take(group_t *g, const kecs_upstream_reply_t *reply, kecs_str_t *why)
{
    kecs_rc_t                 rc;
    kecs_str_t                body, text;
    kecs_fetch_t             *f = g->f;
    const kecs_secret_ref_t  *ref;

    ref = &g->wants[0]->ref;

    if (reply->status == 200) {
        body = kecs_strdup(f->a, reply->body);
        rc = body.data == NULL ? KECS_NOMEM
             : ref->manager
             ? kecs_secret_take(f->a, body, g->wants, g->n, why)
             : kecs_parameters_take(f->a, body, g->wants, g->n, why);

        return rc;
    }

    text = kecs_upstream_error(f->a, reply);

    *why = !ref->manager ? text
           : kecs_sprintf(f->a, g->login
                          ? "asm fetching secret from the service for"
                            " %.*s: %.*s"
                          : "failed to fetch secret %.*s from secrets"
                            " manager: %.*s", kecs_fmt(ref->id),
                          kecs_fmt(text));

    return why->data != NULL ? KECS_INVALID : KECS_NOMEM;
}


/* {"username":...,"password":...} of a login. */

static kecs_rc_t
take_login(group_t *g, kecs_str_t *why)
{
    size_t         i;
    kecs_rc_t      rc;
    kecs_login_t  *login;
    kecs_fetch_t  *f = g->f;

    rc = KECS_OK;

    for (i = 0; i < g->n && rc == KECS_OK; i++) {
        login = &f->logins[(size_t) (g->wants[i] - f->wants)
                           - f->n_secrets];

        rc = kecs_secret_member(f->a, g->wants[i]->value,
                                kecs_str("password"), &login->password, why);

        if (rc == KECS_OK) {
            rc = kecs_secret_member(f->a, g->wants[i]->value,
                                    kecs_str("username"), &login->username,
                                    why);
        }
    }

    return rc;
}


static void
answered(void *ctx, const kecs_upstream_reply_t *reply)
{
    group_t       *g = ctx;
    kecs_rc_t      rc;
    kecs_str_t     why;
    kecs_fetch_t  *f = g->f;

    g->call = NULL;
    f->open--;
    why = kecs_str("out of memory");

    rc = take(g, reply, &why);

    if (rc == KECS_OK && g->login) {
        rc = take_login(g, &why);
    }

    if (rc != KECS_OK) {
        fail(f, what_of(g), reply->attempts,
             rc == KECS_INVALID ? why : kecs_str("out of memory"));
        return;
    }

    go_on(f);
}


static void
file_answered(void *ctx, unsigned attempts, kecs_str_t why)
{
    kecs_fetch_t  *f = ctx;

    f->open--;

    if (why.data != NULL) {
        fail(f, FILES, attempts, why);
        return;
    }

    go_on(f);
}


/* The calls. */


static void
write_parameters(kecs_writer_t *w, const group_t *g)
{
    size_t  i, k;

    kecs_w_array(w, "Names");

    for (i = 0; i < g->n; i++) {
        for (k = 0; k < i; k++) {
            if (kecs_str_eq(g->wants[k]->ref.id, g->wants[i]->ref.id)) {
                break;
            }
        }

        if (k == i) {
            kecs_w_str(w, NULL, g->wants[i]->ref.id);
        }
    }

    kecs_w_array_end(w);
    kecs_w_bool(w, "WithDecryption", true);
}


static void
write_secret(kecs_writer_t *w, const kecs_secret_ref_t *ref)
{
    kecs_w_str(w, "SecretId", ref->id);

    if (ref->version.len > 0) {
        kecs_w_str(w, "VersionId", ref->version);
    }

    if (ref->stage.len > 0) {
        kecs_w_str(w, "VersionStage", ref->stage);
    }
}


static kecs_rc_t
send_group(group_t *g)
{
    kecs_rc_t                 rc;
    kecs_buf_t                body;
    kecs_writer_t             w;
    const kecs_secret_ref_t  *ref;
    kecs_upstream_request_t   r;

    ref = &g->wants[0]->ref;
    kecs_buf_init(&body, g->f->a, 0);
    w = kecs_writer(&body);

    kecs_w_object(&w, NULL);

    if (ref->manager) {
        write_secret(&w, ref);

    } else {
        write_parameters(&w, g);
    }

    kecs_w_object_end(&w);

    if (body.failed) {
        return KECS_NOMEM;
    }

    memset(&r, 0, sizeof(r));
    r.service = ref->manager ? kecs_str("secretsmanager") : kecs_str("ssm");
    r.region = ref->region;
    kecs_upstream_header(&r, kecs_str("content-type"),
                         kecs_str("application/x-amz-json-1.1"));
    kecs_upstream_header(&r, kecs_str("x-amz-target"), ref->manager
                         ? kecs_str("secretsmanager.GetSecretValue")
                         : kecs_str("AmazonSSM.GetParameters"));
    r.body = kecs_buf_view(&body);
    r.done = answered;
    r.ctx = g;

    rc = kecs_upstream_send(g->f->r->upstream, &r, &g->call);

    if (rc == KECS_OK) {
        g->f->open++;
    }

    return rc;
}


static kecs_rc_t
set_up(kecs_fetch_t *f, const kecs_start_t *s)
{
    size_t                                   i;
    kecs_rc_t                                rc;
    const kecs_ecs_container_definitions_t  *all;

    f->a = kecs_arena_create(0);

    if (f->a == NULL) {
        return KECS_NOMEM;
    }

    all = &s->definition->container_definitions;

    for (i = 0; i < all->n; i++) {
        f->n_secrets += kecs_secrets_of(&all->items[i]);
    }

    f->n = f->n_secrets + all->n;
    f->wants = kecs_calloc(f->a, f->n, sizeof(*f->wants));
    f->logins = kecs_calloc(f->a, all->n, sizeof(kecs_login_t));
    f->region = kecs_strdup(f->a, s->region);

    if (f->wants == NULL || f->logins == NULL
        || f->region.data == NULL)
    {
        return KECS_NOMEM;
    }

    rc = want_all(f, s->definition);

    return rc == KECS_OK ? make_groups(f) : rc;
}


static kecs_rc_t
begin(kecs_reconciler_t *r, kecs_live_task_t *t, const kecs_start_t *s)
{
    group_t       *g;
    unsigned       files;
    kecs_rc_t      rc;
    kecs_fetch_t  *f;

    if (r->fetches >= FETCHES_MAX) {
        return KECS_AGAIN;
    }

    f = calloc(1, sizeof(kecs_fetch_t));

    if (f == NULL) {
        return KECS_NOMEM;
    }

    f->r = r;
    memcpy(f->task, t->sched.id, KECS_ID_LEN);
    r->fetches++;

    rc = set_up(f, s);

    for (g = f->groups; g != NULL && rc == KECS_OK; g = g->next) {
        rc = send_group(g);
    }

    if (rc == KECS_OK && kecs_fetch_files_needed(r->upstream, s)) {
        rc = kecs_fetch_files_begin(f->a, r->upstream, s, file_answered, f,
                                    &files, &f->files);
        f->open += rc == KECS_OK ? files : 0;
    }

    if (rc != KECS_OK) {
        free_fetch(f);
        return rc;
    }

    t->fetch = f;

    return KECS_BUSY;
}


/* The values in the order of the definition, for the runtime. */

static kecs_rc_t
hand_over(kecs_fetch_t *f, kecs_start_t *s)
{
    size_t       i;
    kecs_rc_t    rc;
    const char  *why;
    kecs_str_t  *values;

    if (f->open > 0 || f->failed) {
        return KECS_BUSY;
    }

    values = kecs_calloc(f->a, f->n_secrets, sizeof(kecs_str_t));

    if (values == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < f->n_secrets; i++) {
        values[i] = f->wants[i].value;
    }

    rc = f->files == NULL ? KECS_OK
         : kecs_fetch_files_variables(f->files, s, &f->fetched.variables,
                                      &why);

    if (rc == KECS_INVALID) {
        fail(f, FILES, 1, kecs_str_of(why));
        return KECS_BUSY;
    }

    if (rc != KECS_OK) {
        return rc;
    }

    f->fetched.secrets = values;
    f->fetched.logins = f->logins;
    s->fetched = &f->fetched;

    return KECS_OK;
}


kecs_rc_t
kecs_fetch(kecs_reconciler_t *r, kecs_live_task_t *t, kecs_start_t *s)
{
    if (t->fetch != NULL) {
        return hand_over(t->fetch, s);
    }

    if (r->upstream == NULL || t->handle != NULL
        || (!is_needed(r, s->definition)
            && !kecs_fetch_files_needed(r->upstream, s)))
    {
        return KECS_OK;
    }

    return begin(r, t, s);
}
