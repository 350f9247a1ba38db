/*
 * Environment files from S3, by their path: BUCKET/KEY behind the endpoint,
 * in the region of the task.  A file that several containers have is asked
 * for once.
 */

#include "fetch_files.h"


typedef struct file_s {
    struct file_s         *next;
    kecs_fetch_files_t    *x;
    kecs_str_t             arn;
    kecs_str_t             text;    /* absent: not there yet */
    kecs_upstream_call_t  *call;
} file_t;

struct kecs_fetch_files_s {
    kecs_arena_t        *a;
    file_t              *files;
    kecs_fetch_file_pt   done;
    void                *ctx;
};


static file_t *
find_file(const kecs_fetch_files_t *x, kecs_str_t arn)
{
    file_t  *f;

    for (f = x->files; f != NULL && !kecs_str_eq(f->arn, arn); f = f->next) {
        /* void */
    }

    return f;
}


bool
kecs_fetch_files_needed(const kecs_upstream_t *u, const kecs_start_t *s)
{
    size_t                               i, k;
    kecs_str_t                           bucket, key;
    const kecs_ecs_environment_files_t  *files;

    if (!kecs_upstream_has(u, "s3")) {
        return false;
    }

    for (i = 0; i < s->definition->container_definitions.n; i++) {
        files = kecs_env_files(s, i);

        for (k = 0; k < files->n; k++) {
            if (kecs_env_file_ref(files->items[k].value, &bucket, &key)) {
                return true;
            }
        }
    }

    return false;
}


/* Answers. */

static kecs_str_t
s3_complaint(kecs_arena_t *a, const kecs_upstream_reply_t *reply)
{
    kecs_str_t  why;

    why = kecs_upstream_error(a, reply);

    if (reply->status != 0 && why.data != NULL) {
        why = kecs_sprintf(a, "operation error S3: GetObject, https response"
                           " error StatusCode: %ld, api error %.*s",
                           reply->status, kecs_fmt(why));
    }

    return why;
}


static void
file_over(void *ctx, const kecs_upstream_reply_t *reply)
{
    file_t              *f = ctx;
    kecs_str_t           why;
    kecs_fetch_files_t  *x = f->x;

    f->call = NULL;
    why = kecs_null_str;

    if (reply->status == 200) {
        f->text = kecs_strdup(x->a, reply->body);

    } else {
        why = s3_complaint(x->a, reply);
    }

    if (f->text.data == NULL && why.data == NULL) {
        why = kecs_str("out of memory");
    }

    x->done(x->ctx, reply->attempts, why);
}


/* The calls. */

static kecs_str_t
encoded_path(kecs_arena_t *a, kecs_str_t bucket, kecs_str_t key)
{
    size_t          i;
    kecs_buf_t      b;
    kecs_str_t      path;
    unsigned char   c;

    path = kecs_sprintf(a, "/%.*s/%.*s", kecs_fmt(bucket), kecs_fmt(key));

    if (path.data == NULL) {
        return kecs_null_str;
    }

    kecs_buf_init(&b, a, 0);

    for (i = 0; i < path.len; i++) {
        c = (unsigned char) path.data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || strchr("/-._~", c) != NULL)
        {
            kecs_buf_chr(&b, (char) c);

        } else {
            kecs_buf_printf(&b, "%%%02X", c);
        }
    }

    return b.failed ? kecs_null_str : kecs_buf_view(&b);
}


static kecs_rc_t
ask_for(kecs_fetch_files_t *x, kecs_upstream_t *u, const kecs_start_t *s,
    kecs_str_t arn)
{
    file_t                   *f;
    kecs_str_t                bucket, key;
    kecs_upstream_request_t   r;

    memset(&r, 0, sizeof(r));
    f = kecs_zalloc(x->a, sizeof(file_t));

    if (f == NULL) {
        return KECS_NOMEM;
    }

    f->x = x;
    f->arn = kecs_strdup(x->a, arn);
    (void) kecs_env_file_ref(f->arn, &bucket, &key);
    r.path = encoded_path(x->a, bucket, key);

    if (f->arn.data == NULL || r.path.data == NULL) {
        return KECS_NOMEM;
    }

    r.service = kecs_str("s3");
    r.region = s->region;
    r.method = "GET";
    r.done = file_over;
    r.ctx = f;

    f->next = x->files;
    x->files = f;

    return kecs_upstream_send(u, &r, &f->call);
}


kecs_rc_t
kecs_fetch_files_begin(kecs_arena_t *a, kecs_upstream_t *u,
    const kecs_start_t *s, kecs_fetch_file_pt done, void *ctx,
    unsigned *open, kecs_fetch_files_t **out)
{
    size_t                               i, k;
    kecs_rc_t                            rc;
    kecs_str_t                           arn, bucket, key;
    kecs_fetch_files_t                  *x;
    const kecs_ecs_environment_files_t  *files;

    x = kecs_zalloc(a, sizeof(kecs_fetch_files_t));

    if (x == NULL) {
        return KECS_NOMEM;
    }

    *x = (kecs_fetch_files_t) { a, NULL, done, ctx };
    *open = 0;
    rc = KECS_OK;

    for (i = 0; i < s->definition->container_definitions.n; i++) {
        files = kecs_env_files(s, i);

        for (k = 0; k < files->n && rc == KECS_OK; k++) {
            arn = files->items[k].value;

            if (kecs_env_file_ref(arn, &bucket, &key)
                && find_file(x, arn) == NULL)
            {
                rc = ask_for(x, u, s, arn);
                *open += rc == KECS_OK;
            }
        }
    }

    if (rc != KECS_OK) {
        kecs_fetch_files_cancel(x);
        return rc;
    }

    *out = x;

    return KECS_OK;
}


void
kecs_fetch_files_cancel(kecs_fetch_files_t *x)
{
    file_t  *f;

    for (f = x != NULL ? x->files : NULL; f != NULL; f = f->next) {
        kecs_upstream_cancel(f->call);
        f->call = NULL;
    }
}


/* What they say. */

static kecs_rc_t
variables_of(kecs_fetch_files_t *x, const kecs_ecs_environment_files_t *files,
    kecs_variables_t *v, const char **why)
{
    size_t         i;
    kecs_rc_t      rc;
    const file_t  *f;

    if (files->n == 0) {
        return KECS_OK;
    }

    v->items = kecs_calloc(x->a, KECS_ENV_FILE_VARIABLES, sizeof(*v->items));

    if (v->items == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0, rc = KECS_OK; i < files->n && rc == KECS_OK; i++) {
        f = find_file(x, files->items[i].value);
        rc = f == NULL ? KECS_OK : kecs_env_file_take(f->text, v, why);
    }

    return rc;
}


kecs_rc_t
kecs_fetch_files_variables(kecs_fetch_files_t *x, const kecs_start_t *s,
    const kecs_variables_t **out, const char **why)
{
    size_t             i, n;
    kecs_rc_t          rc;
    kecs_variables_t  *all;

    n = s->definition->container_definitions.n;
    all = kecs_calloc(x->a, n, sizeof(*all));

    if (all == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0, rc = KECS_OK; i < n && rc == KECS_OK; i++) {
        rc = variables_of(x, kecs_env_files(s, i), &all[i], why);
    }

    *out = all;

    return rc;
}
