/*
 * RunTask.  The checks come first, then the tasks are made and put; what
 * the client token stands for is kept beside them, so that the same
 * request, sent again, is answered with the same tasks as they are then.
 */

#include "instance.h"


#define COUNT_MAX      10
#define TOKEN_MAX      64
#define STOPPED_LIFE   (3600 * (kecs_msec_t) 1000)

typedef struct {
    kecs_ecs_run_task_request_t  *in;
    kecs_task_request_t           request;
    kecs_cluster_t                cluster;
    kecs_taskdef_t                taskdef;
    kecs_ecs_task_definition_t   *def;
    kecs_launch_t                 launch;
    size_t                        n;
    kecs_task_t                   tasks[COUNT_MAX];
    uint8_t                       hash[32];
    kecs_placing_t               *refused;      /* NULL: all have a place */
} run_t;


static void
write_tasks(kecs_call_t *c, kecs_str_t cluster, const kecs_task_t *tasks,
    size_t n, kecs_placing_t *refused)
{
    size_t  i;

    kecs_w_array(&c->out, "failures");

    if (refused != NULL) {
        kecs_placing_failures(refused);
    }

    kecs_w_array_end(&c->out);
    kecs_w_array(&c->out, "tasks");

    for (i = 0; i < n; i++) {
        kecs_task_write(c, NULL, cluster, &tasks[i], KECS_SHOW_TAGS);
    }

    kecs_w_array_end(&c->out);
}


/* Client tokens.  A result is "CLUSTER/ID/ID...". */

static kecs_str_t
token_result(kecs_call_t *c, const run_t *r)
{
    char        hex[2 * KECS_ID_LEN];
    size_t      i;
    kecs_buf_t  b;

    kecs_buf_init(&b, c->arena, 0);
    kecs_buf_str(&b, r->cluster.name);

    for (i = 0; i < r->n; i++) {
        kecs_hex(r->tasks[i].id, KECS_ID_LEN, hex);
        kecs_buf_chr(&b, '/');
        kecs_buf_add(&b, hex, sizeof(hex));
    }

    return b.failed ? kecs_null_str : kecs_buf_view(&b);
}


/* The tasks of an earlier request that are still there. */

static kecs_rc_t
earlier_tasks(kecs_call_t *c, kecs_str_t ids, kecs_cluster_t *cluster,
    kecs_task_t *tasks, size_t *n)
{
    kecs_rc_t    rc;
    kecs_str_t   head;
    kecs_task_t  *t;

    *n = 0;

    if (!kecs_str_split(&ids, '/', &head)) {
        return KECS_CORRUPT;
    }

    rc = kecs_cluster_named(c, head, 0, cluster);

    while (rc == KECS_OK && *n < COUNT_MAX
           && kecs_str_split(&ids, '/', &head))
    {
        t = &tasks[*n];
        memset(t, 0, sizeof(kecs_task_t));
        t->rec.kind = KECS_TASK;
        t->rec.scope = c->scope;
        t->cluster = cluster->no;

        if (!kecs_unhex(head, t->id, KECS_ID_LEN)) {
            return KECS_CORRUPT;
        }

        rc = kecs_get(c->txn, c->arena, t, KECS_ALL_PARTS);
        *n += rc == KECS_OK;
        rc = rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


/* A token is in use until an hour after the last of its tasks stopped. */

static bool
in_use(kecs_call_t *c, const kecs_task_t *tasks, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (tasks[i].status != KECS_TASK_STOPPED
            || c->now - tasks[i].stopped_at < STOPPED_LIFE)
        {
            return true;
        }
    }

    return false;
}


static kecs_rc_t
conflict(kecs_call_t *c, kecs_str_t cluster, const kecs_task_t *tasks,
    size_t n)
{
    size_t         i;
    kecs_buf_t     b;
    kecs_str_t     arn;
    kecs_writer_t  w;

    kecs_buf_init(&b, c->arena, 0);
    w = kecs_writer(&b);
    kecs_w_object(&w, NULL);
    kecs_w_array(&w, "resourceIds");

    for (i = 0; i < n; i++) {
        arn = kecs_task_arn(c, cluster, tasks[i].id);

        if (arn.data == NULL) {
            return KECS_NOMEM;
        }

        kecs_w_str(&w, NULL, arn);
    }

    kecs_w_array_end(&w);
    kecs_w_object_end(&w);

    if (b.failed) {
        return KECS_NOMEM;
    }

    c->extra = kecs_buf_view(&b);

    return kecs_fail(c, KECS_E_CONFLICT,
                     "The RunTask request could not be processed due to"
                     " conflicts. The provided clientToken is already in"
                     " use with a different request.");
}


/* KECS_DONE: answered from the token; KECS_OK: the request is new. */

static kecs_rc_t
replay(kecs_call_t *c, run_t *r)
{
    kecs_rc_t       rc;
    kecs_token_t    token;
    kecs_cluster_t  cluster;

    if (r->in->client_token.len == 0) {
        return KECS_OK;
    }

    if (r->in->client_token.len > TOKEN_MAX) {
        return kecs_bad(c, "idempotency token longer than %d.", TOKEN_MAX);
    }

    rc = kecs_request_hash(c, r->in, r->hash);

    if (rc == KECS_OK) {
        rc = kecs_token_find(c, "RunTask", r->in->client_token, &token);
    }

    if (rc == KECS_OK) {
        rc = earlier_tasks(c, token.result, &cluster, r->tasks, &r->n);
    }

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    if (!in_use(c, r->tasks, r->n)) {
        return KECS_OK;
    }

    if (memcmp(token.hash, r->hash, sizeof(r->hash)) != 0) {
        return conflict(c, cluster.name, r->tasks, r->n);
    }

    write_tasks(c, cluster.name, r->tasks, r->n, NULL);

    return KECS_DONE;
}


/* Checks. */

static kecs_rc_t
check(kecs_call_t *c, run_t *r)
{
    kecs_rc_t                     rc;
    kecs_ecs_run_task_request_t  *in;

    in = r->in;

    if (in->count.set
        && (in->count.value < 1 || in->count.value > COUNT_MAX))
    {
        return kecs_bad(c, "count must be between 1 and %d.", COUNT_MAX);
    }

    rc = kecs_task_request_check(c, &r->request);

    if (rc == KECS_OK) {
        rc = kecs_taskdef_to_run(c, in->task_definition, &r->taskdef,
                                 &r->def);
    }

    if (rc == KECS_OK) {
        rc = kecs_launch_resolve(c, &r->cluster, r->def, in->launch_type,
                                 &in->capacity_provider_strategy,
                                 in->platform_version, &r->launch);
    }

    if (rc == KECS_OK) {
        rc = kecs_placement_check(c, r->launch.launch,
                                  &in->placement_constraints,
                                  &in->placement_strategy);
    }

    return rc == KECS_OK
           ? kecs_task_request_overrides(c, &r->request, r->def) : rc;
}


/* Making. */

static kecs_rc_t
prepare(kecs_call_t *c, const run_t *r, kecs_new_task_t *n)
{
    kecs_rc_t  rc;

    rc = kecs_task_request_settle(c, &r->request, &r->cluster, &r->taskdef,
                                  r->def, r->launch.launch, n);
    n->platform_version = r->launch.platform_version;
    n->constraints = &r->in->placement_constraints;
    n->strategies = &r->in->placement_strategy;

    return rc;
}


/* Tasks in a row that get the same capacity provider are made at once. */

static kecs_rc_t
create(kecs_call_t *c, run_t *r, kecs_new_task_t *n)
{
    size_t           i, k, count, made;
    kecs_rc_t        rc;
    kecs_placing_t  *refused;

    rc = KECS_OK;
    r->n = 0;
    count = r->in->count.set ? (size_t) r->in->count.value : 1;

    for (i = 0; rc == KECS_OK && i < count; i = k) {
        n->capacity_provider = kecs_strategy_pick(&r->launch.strategy, i);
        n->launch = r->launch.launch;

        for (k = i + 1; k < count; k++) {
            if (!kecs_str_eq(kecs_strategy_pick(&r->launch.strategy, k),
                             n->capacity_provider))
            {
                break;
            }
        }

        rc = kecs_tasks_place(c, n, k - i, &r->tasks[r->n], &made, &refused);
        r->n += made;
        r->refused = refused != NULL ? refused : r->refused;
    }

    return rc;
}


static kecs_rc_t
keep_token(kecs_call_t *c, const run_t *r)
{
    kecs_str_t  result;

    if (r->in->client_token.len == 0) {
        return KECS_OK;
    }

    result = token_result(c, r);

    if (result.data == NULL) {
        return KECS_NOMEM;
    }

    return kecs_token_keep(c, "RunTask", r->in->client_token, r->hash,
                           result);
}


static kecs_rc_t
run_new(kecs_call_t *c, run_t *r)
{
    kecs_rc_t        rc;
    kecs_new_task_t  n;

    rc = check(c, r);

    if (rc == KECS_OK) {
        rc = prepare(c, r, &n);
    }

    if (rc == KECS_OK) {
        rc = create(c, r, &n);
    }

    if (rc == KECS_OK) {
        rc = keep_token(c, r);
    }

    if (rc == KECS_OK) {
        write_tasks(c, r->cluster.name, r->tasks, r->n, r->refused);
    }

    return rc;
}


static void
read_request(run_t *r)
{
    r->request.group = r->in->group;
    r->request.started_by = r->in->started_by;
    r->request.reference_id = r->in->reference_id;
    r->request.propagate_tags = r->in->propagate_tags;
    r->request.tags = &r->in->tags;
    r->request.managed_tags = r->in->enable_ecs_managed_tags.value;
    r->request.execute_command = r->in->enable_execute_command.value;
    r->request.volumes = r->in->volume_configurations;
    r->request.network = r->in->network_configuration;
    r->request.overrides = r->in->overrides;
}


kecs_rc_t
kecs_run_task(kecs_call_t *c, void *in)
{
    run_t      *r;
    kecs_rc_t   rc;

    r = kecs_zalloc(c->arena, sizeof(run_t));

    if (r == NULL) {
        return KECS_NOMEM;
    }

    r->in = in;
    read_request(r);
    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_cluster(c, r->in->cluster,
                               kecs_part_bit(KECS_CLUSTER_CAPACITY),
                               &r->cluster);
    }

    if (rc == KECS_OK) {
        rc = replay(c, r);
    }

    if (rc == KECS_OK) {
        rc = run_new(c, r);
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}
