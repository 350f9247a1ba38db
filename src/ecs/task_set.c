/*
 * Task sets: the operations on them, and what services need of them.  A
 * task set is a definition, how to launch it, and a share of the service's
 * desired count; the scheduler keeps its tasks running, whoever deploys
 * the service decides on the shares.  Its record goes with its last task.
 */

#include "service_intern.h"


#define DESCRIBE_MAX  10
#define SETS_MAX       5
#define TOKEN_MAX     36

typedef struct {
    kecs_cluster_t   cluster;
    kecs_service_t   service;
    kecs_task_set_t  set;
} found_t;


kecs_rc_t
kecs_task_set_get(kecs_call_t *c, const kecs_service_t *s, uint64_t id,
    kecs_task_set_t *t)
{
    memset(t, 0, sizeof(kecs_task_set_t));
    t->rec.kind = KECS_TASK_SET;
    t->rec.scope = s->rec.scope;
    t->cluster = s->cluster;
    t->service = s->no;
    t->id = id;

    return kecs_get(c->txn, c->arena, t, KECS_ALL_PARTS);
}


void
kecs_task_set_deployment(const kecs_task_set_t *t, kecs_deployment_t *d)
{
    memset(d, 0, sizeof(kecs_deployment_t));
    d->rec.kind = KECS_DEPLOYMENT;
    d->rec.scope = t->rec.scope;
    d->rec.part[KECS_DEPLOYMENT_STATIC] = t->rec.part[KECS_TASK_SET_STATIC];
    d->cluster = t->cluster;
    d->service = t->service;
    d->id = t->id;
    d->family = t->family;
    d->revision = t->revision;
}


/* ecs-svc/N, or an ARN that ends with it. */

kecs_rc_t
kecs_find_task_set(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_service_t *service, kecs_str_t id, kecs_task_set_t *out)
{
    uint64_t    n;
    kecs_arn_t  arn;
    kecs_str_t  kind, name, owner;

    if (kecs_str_starts(id, kecs_str("arn:"))) {
        if (!kecs_arn_parse(id, &arn) || !kecs_str_is(arn.service, "ecs")
            || !kecs_str_eq(arn.account, c->account)
            || !kecs_str_eq(arn.region, c->region))
        {
            return kecs_bad(c, "Invalid identifier: The ARN is malformed");
        }

        id = arn.resource;

        if (!kecs_str_split(&id, '/', &kind)
            || !kecs_str_is(kind, "task-set")
            || !kecs_str_split(&id, '/', &owner)
            || !kecs_str_split(&id, '/', &name))
        {
            return kecs_bad(c, "Invalid identifier: Unexpected resource"
                            " type");
        }

        if (!kecs_str_eq(owner, cluster->name)
            || !kecs_str_eq(name, service->name))
        {
            return KECS_NOT_FOUND;
        }
    }

    if (!kecs_str_split(&id, '/', &kind) || !kecs_str_is(kind, "ecs-svc")
        || !kecs_str_u64(id, &n))
    {
        return KECS_NOT_FOUND;
    }

    return kecs_task_set_get(c, service, n, out);
}


/* Shown. */

static void
write_scale(kecs_writer_t *w, const kecs_task_set_t *t)
{
    kecs_w_object(w, "scale");
    kecs_w_cstr(w, "unit", "PERCENT");
    kecs_w_double(w, "value", (double) t->scale / KECS_SCALE_UNIT);
    kecs_w_object_end(w);
}


static void
write_state(kecs_call_t *c, const kecs_service_t *s,
    const kecs_task_set_t *t, const kecs_counts_t *counts)
{
    bool            steady;
    uint32_t        desired;
    kecs_writer_t  *w;

    w = &c->out;
    desired = t->status == KECS_TASK_SET_DRAINING
              ? 0 : kecs_scale_count(s->desired, t->scale);
    steady = t->steady == KECS_TOLD_STEADY && counts->pending == 0
             && counts->running == desired;

    kecs_w_i64(w, "computedDesiredCount", desired);
    kecs_w_i64(w, "pendingCount", counts->pending);
    kecs_w_i64(w, "runningCount", counts->running);
    write_scale(w, t);
    kecs_w_cstr(w, "stabilityStatus", steady ? "STEADY_STATE"
                                             : "STABILIZING");
    kecs_w_time(w, "stabilityStatusAt", steady ? t->steady_at : c->now);
    kecs_w_cstr(w, "status", kecs_task_set_status_name(t->status));
}


kecs_rc_t
kecs_task_set_write(kecs_call_t *c, const char *name, kecs_str_t cluster,
    const kecs_service_t *s, const kecs_task_set_t *t, bool tags)
{
    kecs_rc_t       rc;
    kecs_str_t      id;
    kecs_counts_t   counts;
    kecs_writer_t  *w;

    rc = kecs_counts(c->txn, t->rec.scope, t->cluster, t->service, t->id,
                     &counts);

    if (rc != KECS_OK) {
        return rc;
    }

    w = &c->out;
    id = kecs_sprintf(c->arena, KECS_DEPLOYMENT_FMT, t->id);
    kecs_w_object(w, name);
    kecs_write_made(c, "clusterArn", kecs_cluster_arn(c, cluster));
    kecs_w_time(w, "createdAt", t->created_at);
    kecs_w_opt_str(w, "externalId", t->external_id);
    kecs_write_made(c, "id", id);
    kecs_write_made(c, "serviceArn", kecs_service_arn(c, cluster, s->name));
    kecs_w_opt_str(w, "startedBy", t->started_by);
    kecs_write_made(c, "taskDefinition",
                    kecs_taskdef_arn(c, t->family, t->revision));
    kecs_write_made(c, "taskSetArn", kecs_task_set_arn(c, cluster, s->name,
                                                       id));
    kecs_w_time(w, "updatedAt", t->updated_at);
    write_state(c, s, t, &counts);

    if (tags) {
        kecs_tags_write(c, t->rec.part[KECS_TASK_SET_TAGS]);
    }

    kecs_w_splice(w, t->rec.part[KECS_TASK_SET_STATIC]);
    kecs_w_object_end(w);

    return KECS_OK;
}


/* All task sets of a service. */

typedef kecs_rc_t (*each_pt)(kecs_call_t *c, const kecs_service_t *s,
    kecs_task_set_t *t, void *arg);


static kecs_rc_t
each_set(kecs_call_t *c, const kecs_service_t *s, each_pt each, void *arg)
{
    kecs_rc_t         rc;
    kecs_key_t        prefix;
    kecs_str_t        key;
    kecs_scan_t      *scan;
    kecs_task_set_t   t;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, s->cluster);
    kecs_key_u32(&prefix, s->no);

    rc = kecs_scan_records(c->txn, c->arena, KECS_TASK_SET, s->rec.scope,
                           &prefix, kecs_null_str, false, &scan);

    while (rc == KECS_OK) {
        memset(&t, 0, sizeof(t));
        rc = kecs_scan_next(scan, &key, &t);

        if (rc == KECS_OK) {
            rc = kecs_get(c->txn, c->arena, &t, KECS_ALL_PARTS);
        }

        if (rc == KECS_OK) {
            rc = each(c, s, &t, arg);
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


typedef struct {
    kecs_str_t  cluster;
    bool        tags;
} shown_t;


static kecs_rc_t
show_one(kecs_call_t *c, const kecs_service_t *s, kecs_task_set_t *t,
    void *arg)
{
    const shown_t  *shown = arg;

    return kecs_task_set_write(c, NULL, shown->cluster, s, t, shown->tags);
}


kecs_rc_t
kecs_task_sets_write(kecs_call_t *c, const char *name, kecs_str_t cluster,
    const kecs_service_t *s)
{
    shown_t    shown = { cluster, false };
    kecs_rc_t  rc;

    kecs_w_array(&c->out, name);
    rc = each_set(c, s, show_one, &shown);
    kecs_w_array_end(&c->out);

    return rc;
}


static kecs_rc_t
count_one(kecs_call_t *c, const kecs_service_t *s, kecs_task_set_t *t,
    void *arg)
{
    (void) c;
    (void) s;
    (void) t;

    (*(unsigned *) arg)++;

    return KECS_OK;
}


kecs_rc_t
kecs_task_sets_any(kecs_call_t *c, const kecs_service_t *s, bool *any)
{
    unsigned   n;
    kecs_rc_t  rc;

    n = 0;
    rc = each_set(c, s, count_one, &n);
    *any = n != 0;

    return rc;
}


static kecs_rc_t
drain_one(kecs_call_t *c, const kecs_service_t *s, kecs_task_set_t *t,
    void *arg)
{
    (void) s;
    (void) arg;

    if (t->status == KECS_TASK_SET_DRAINING) {
        return KECS_OK;
    }

    t->status = KECS_TASK_SET_DRAINING;
    t->updated_at = c->now;
    t->version++;

    return kecs_put(c->txn, t);
}


kecs_rc_t
kecs_task_sets_drain(kecs_call_t *c, const kecs_service_t *s)
{
    return each_set(c, s, drain_one, NULL);
}


/* Making. */

/* A set that is all of what the spec says, but for status and share. */

static kecs_rc_t
new_set(kecs_call_t *c, const kecs_service_spec_t *spec,
    const kecs_service_t *s, kecs_task_set_t *t)
{
    kecs_str_t           json;
    kecs_ecs_task_set_t  shown;

    memset(&shown, 0, sizeof(shown));
    shown.capacity_provider_strategy = spec->launch.strategy;
    shown.launch_type = spec->launch.strategy.n == 0
                        ? kecs_str_of(kecs_launch_name(spec->launch.launch))
                        : kecs_null_str;
    shown.load_balancers = spec->s.load_balancers;
    shown.load_balancers.set = true;
    shown.network_configuration = spec->s.network_configuration;
    shown.platform_family = spec->launch.platform_family;
    shown.platform_version = spec->launch.platform_version;
    shown.service_registries = spec->s.service_registries;
    shown.service_registries.set = true;

    json = kecs_shape_json(c->arena, &kecs_ecs_task_set_shape, &shown);

    if (json.data == NULL) {
        return KECS_NOMEM;
    }

    memset(t, 0, sizeof(kecs_task_set_t));
    t->rec.kind = KECS_TASK_SET;
    t->rec.scope = s->rec.scope;
    t->rec.gen = KECS_ECS_GEN;
    t->cluster = s->cluster;
    t->service = s->no;
    t->launch = spec->launch.strategy.n == 0 ? (uint8_t) spec->launch.launch
                                             : 0;
    t->family = spec->taskdef.family;
    t->revision = spec->taskdef.revision;
    t->version = 1;
    t->created_at = c->now;
    t->updated_at = c->now;
    t->platform = spec->s.platform_version;
    kecs_rec_part(&t->rec, KECS_TASK_SET_STATIC, json);

    return KECS_OK;
}


kecs_rc_t
kecs_task_set_first(kecs_call_t *c, const kecs_service_spec_t *spec,
    kecs_service_t *s, uint64_t id, kecs_str_t started_by)
{
    kecs_rc_t        rc;
    kecs_task_set_t  t;

    rc = new_set(c, spec, s, &t);

    if (rc != KECS_OK) {
        return rc;
    }

    t.id = id != 0 ? id : kecs_deployment_number(c);
    t.status = KECS_TASK_SET_PRIMARY;
    t.scale = KECS_SCALE_FULL;
    t.started_by = started_by;
    s->primary = t.id;

    return kecs_put(c->txn, &t);
}


/* What the operations have in common. */

static kecs_rc_t
find_service(kecs_call_t *c, kecs_str_t cluster, kecs_str_t service,
    found_t *f)
{
    kecs_rc_t  rc;

    rc = kecs_find_cluster(c, cluster, kecs_part_bit(KECS_CLUSTER_CAPACITY),
                           &f->cluster);

    if (rc == KECS_OK) {
        rc = kecs_service_active(c, &f->cluster, service, &f->service);
    }

    return rc;
}


/* Only who uses the API deploys these; the rest is not to be changed. */

static kecs_rc_t
find_external(kecs_call_t *c, kecs_str_t cluster, kecs_str_t service,
    found_t *f)
{
    kecs_rc_t  rc;

    rc = find_service(c, cluster, service, f);

    if (rc == KECS_OK && kecs_controller_of_service(&f->service)
                         != KECS_CONTROLLER_EXTERNAL)
    {
        return kecs_bad(c, "Task sets are only supported for services with"
                        " the EXTERNAL deployment controller.");
    }

    return rc;
}


static kecs_rc_t
find_set(kecs_call_t *c, kecs_str_t id, found_t *f)
{
    kecs_rc_t  rc;

    rc = kecs_find_task_set(c, &f->cluster, &f->service, id, &f->set);

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_TASK_SET_NOT_FOUND,
                         "The specified task set does not exist.");
    }

    return rc;
}


static kecs_rc_t
find_live_set(kecs_call_t *c, kecs_str_t id, found_t *f)
{
    kecs_rc_t  rc;

    rc = find_set(c, id, f);

    if (rc == KECS_OK && f->set.status == KECS_TASK_SET_DRAINING) {
        return kecs_bad(c, "The specified task set is draining.");
    }

    return rc;
}


/*
 * No scale is all of the service; one without a value is 0: SDKs leave out
 * numbers that are zero.
 */

static kecs_rc_t
read_scale(kecs_call_t *c, const kecs_ecs_scale_t *scale, uint64_t *out)
{
    kecs_rc_t  rc;

    *out = KECS_SCALE_FULL;

    if (scale == NULL) {
        return KECS_OK;
    }

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "scale unit",
                         &kecs_ecs_scale_unit_shape, scale->unit);

    if (rc != KECS_OK) {
        return rc;
    }

    if (!(scale->value.value >= 0 && scale->value.value <= 100)) {
        return kecs_bad(c, "The scale value must be between 0 and 100.");
    }

    *out = (uint64_t) (scale->value.value * KECS_SCALE_UNIT + 0.5);

    return KECS_OK;
}


/* CreateTaskSet. */

static kecs_str_t
token_key(kecs_call_t *c, const found_t *f, kecs_str_t token)
{
    return kecs_sprintf(c->arena, "%u/%.*s", f->service.no,
                        kecs_fmt(token));
}


/* KECS_DONE: f->set is what an earlier request with this token made. */

static kecs_rc_t
same_request(kecs_call_t *c, kecs_str_t token, found_t *f)
{
    uint64_t      id;
    kecs_rc_t     rc;
    kecs_str_t    key;
    kecs_token_t  kept;

    if (token.len == 0) {
        return KECS_OK;
    }

    if (kecs_str_utf8_len(token) > TOKEN_MAX) {
        return kecs_bad(c, "idempotency token longer than %d.", TOKEN_MAX);
    }

    key = token_key(c, f, token);

    if (key.data == NULL) {
        return KECS_NOMEM;
    }

    rc = kecs_token_find(c, "CreateTaskSet", key, &kept);

    if (rc == KECS_OK && kecs_str_u64(kept.result, &id)) {
        rc = kecs_task_set_get(c, &f->service, id, &f->set);

        if (rc == KECS_OK) {
            return KECS_DONE;
        }
    }

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


static kecs_rc_t
keep_token(kecs_call_t *c, kecs_str_t token, const found_t *f)
{
    kecs_str_t  key, result;

    if (token.len == 0) {
        return KECS_OK;
    }

    key = token_key(c, f, token);
    result = kecs_sprintf(c->arena, "%" PRIu64, f->set.id);

    if (key.data == NULL || result.data == NULL) {
        return KECS_NOMEM;
    }

    return kecs_token_keep(c, "CreateTaskSet", key, NULL, result);
}


static kecs_rc_t
make_spec(kecs_call_t *c, const kecs_ecs_create_task_set_request_t *in,
    const found_t *f, kecs_service_spec_t *spec)
{
    kecs_rc_t            rc;
    kecs_ecs_service_t  *s;

    s = &spec->s;
    spec->cluster = f->cluster;
    s->launch_type = in->launch_type;
    s->capacity_provider_strategy = in->capacity_provider_strategy;
    s->platform_version = in->platform_version;
    s->network_configuration = in->network_configuration;
    s->load_balancers = in->load_balancers;
    s->service_registries = in->service_registries;

    rc = kecs_taskdef_to_run(c, in->task_definition, &spec->taskdef,
                             &spec->def);

    if (rc == KECS_OK) {
        rc = kecs_spec_launch(c, spec);
    }

    if (rc == KECS_OK) {
        rc = kecs_targets_check(c, spec->def, spec->launch.launch,
                                &s->load_balancers, &s->service_registries);
    }

    return rc;
}


static kecs_rc_t
check_room(kecs_call_t *c, const found_t *f)
{
    unsigned   n;
    kecs_rc_t  rc;

    n = 0;
    rc = each_set(c, &f->service, count_one, &n);

    if (rc == KECS_OK && n >= SETS_MAX) {
        return kecs_fail(c, KECS_E_LIMIT_EXCEEDED, "The maximum number of"
                         " task sets for a service is %d.", SETS_MAX);
    }

    return rc;
}


static kecs_rc_t
create(kecs_call_t *c, const kecs_ecs_create_task_set_request_t *in,
    found_t *f)
{
    uint64_t              scale;
    kecs_rc_t             rc;
    kecs_str_t            tags;
    kecs_service_spec_t  *spec;

    spec = kecs_zalloc(c->arena, sizeof(kecs_service_spec_t));

    if (spec == NULL) {
        return KECS_NOMEM;
    }

    rc = read_scale(c, in->scale, &scale);

    if (rc == KECS_OK) {
        rc = make_spec(c, in, f, spec);
    }

    if (rc == KECS_OK) {
        rc = kecs_tags_json(c, in->tags.items, in->tags.n, &tags);
    }

    if (rc == KECS_OK) {
        rc = check_room(c, f);
    }

    if (rc == KECS_OK) {
        rc = new_set(c, spec, &f->service, &f->set);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    f->set.id = kecs_deployment_number(c);
    f->set.status = KECS_TASK_SET_ACTIVE;
    f->set.scale = scale;
    f->set.external_id = in->external_id;

    if (in->tags.n != 0) {
        kecs_rec_part(&f->set.rec, KECS_TASK_SET_TAGS, tags);
    }

    rc = kecs_put(c->txn, &f->set);

    return rc == KECS_OK ? keep_token(c, in->client_token, f) : rc;
}


static kecs_rc_t
create_task_set(kecs_call_t *c, void *input)
{
    found_t                                    f;
    kecs_rc_t                                  rc;
    const kecs_ecs_create_task_set_request_t  *in = input;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = find_external(c, in->cluster, in->service, &f);
    }

    if (rc == KECS_OK) {
        rc = same_request(c, in->client_token, &f);
    }

    if (rc == KECS_OK) {
        rc = create(c, in, &f);
    }

    if (rc != KECS_OK && rc != KECS_DONE) {
        return rc;
    }

    return kecs_task_set_write(c, "taskSet", f.cluster.name, &f.service,
                               &f.set, true);
}


/* DescribeTaskSets. */

static kecs_rc_t
describe_named(kecs_call_t *c, const kecs_ecs_describe_task_sets_request_t
    *in, found_t *f, bool tags, bool *missing)
{
    size_t     i, k, n;
    uint64_t   found[DESCRIBE_MAX];
    kecs_rc_t  rc;

    for (i = 0, n = 0, rc = KECS_OK; rc == KECS_OK && i < in->task_sets.n;
         i++)
    {
        rc = kecs_find_task_set(c, &f->cluster, &f->service,
                                in->task_sets.items[i], &f->set);

        if (rc == KECS_NOT_FOUND) {
            missing[i] = true;
            rc = KECS_OK;
            continue;
        }

        for (k = 0; k < n && found[k] != f->set.id; k++) {
            /* void */
        }

        if (rc == KECS_OK && k == n) {
            found[n++] = f->set.id;
            rc = kecs_task_set_write(c, NULL, f->cluster.name, &f->service,
                                     &f->set,
                           tags);
        }
    }

    return rc;
}


static kecs_str_t
missing_arn(kecs_call_t *c, const found_t *f, kecs_str_t id)
{
    if (kecs_str_starts(id, kecs_str("arn:"))) {
        return id;
    }

    return kecs_task_set_arn(c, f->cluster.name, f->service.name, id);
}


static kecs_rc_t
describe_task_sets(kecs_call_t *c, void *input)
{
    size_t                                       i;
    shown_t                                      shown;
    found_t                                      f;
    kecs_rc_t                                    rc;
    bool                                         missing[DESCRIBE_MAX];
    const kecs_ecs_describe_task_sets_request_t  *in = input;

    rc = kecs_check_input(c, in);

    for (i = 0; rc == KECS_OK && i < in->include.n; i++) {
        rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "include",
                             &kecs_ecs_task_set_field_shape,
                             in->include.items[i]);
    }

    if (rc == KECS_OK) {
        rc = find_service(c, in->cluster, in->service, &f);
    }

    if (rc == KECS_OK && in->task_sets.n > DESCRIBE_MAX) {
        rc = kecs_bad(c, "Task sets cannot have more than %d elements.",
                      DESCRIBE_MAX);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    memset(missing, 0, sizeof(missing));
    shown.cluster = f.cluster.name;
    shown.tags = kecs_names_has(in->include.n, in->include.items, "TAGS");

    kecs_w_array(&c->out, "taskSets");
    rc = in->task_sets.n == 0
         ? each_set(c, &f.service, show_one, &shown)
         : describe_named(c, in, &f, shown.tags, missing);
    kecs_w_array_end(&c->out);

    kecs_w_array(&c->out, "failures");

    for (i = 0; i < in->task_sets.n; i++) {
        if (missing[i]) {
            kecs_failure_write(c, missing_arn(c, &f, in->task_sets.items[i]),
                               "MISSING", kecs_null_str);
        }
    }

    kecs_w_array_end(&c->out);

    return rc;
}


/* UpdateTaskSet, DeleteTaskSet. */

static kecs_rc_t
put_set(kecs_call_t *c, kecs_task_set_t *t)
{
    t->updated_at = c->now;
    t->version++;

    return kecs_put(c->txn, t);
}


static kecs_rc_t
update_task_set(kecs_call_t *c, void *input)
{
    found_t                                    f;
    uint64_t                                   scale;
    kecs_rc_t                                  rc;
    const kecs_ecs_update_task_set_request_t  *in = input;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = find_external(c, in->cluster, in->service, &f);
    }

    if (rc == KECS_OK) {
        rc = find_live_set(c, in->task_set, &f);
    }

    if (rc == KECS_OK) {
        rc = read_scale(c, in->scale, &scale);
    }

    if (rc == KECS_OK && scale != f.set.scale) {
        f.set.scale = scale;
        f.set.steady = KECS_TOLD_NOTHING;
        rc = put_set(c, &f.set);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_task_set_write(c, "taskSet", f.cluster.name, &f.service,
                               &f.set, true);
}


static kecs_rc_t
delete_set(kecs_call_t *c, found_t *f)
{
    kecs_rc_t  rc;

    f->set.status = KECS_TASK_SET_DRAINING;
    f->set.steady = KECS_TOLD_NOTHING;
    rc = put_set(c, &f->set);

    if (rc != KECS_OK || f->service.primary != f->set.id) {
        return rc;
    }

    f->service.primary = 0;
    f->service.version++;

    return kecs_put(c->txn, &f->service);
}


static kecs_rc_t
delete_task_set(kecs_call_t *c, void *input)
{
    found_t                                    f;
    kecs_rc_t                                  rc;
    const kecs_ecs_delete_task_set_request_t  *in = input;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = find_external(c, in->cluster, in->service, &f);
    }

    if (rc == KECS_OK) {
        rc = find_set(c, in->task_set, &f);
    }

    if (rc == KECS_OK && f.set.status != KECS_TASK_SET_DRAINING) {
        if (!in->force.value
            && kecs_scale_count(f.service.desired, f.set.scale) != 0)
        {
            return kecs_bad(c, "The task set cannot be deleted while it is"
                            " scaled above 0.");
        }

        rc = delete_set(c, &f);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_task_set_write(c, "taskSet", f.cluster.name, &f.service,
                               &f.set, true);
}


/* UpdateServicePrimaryTaskSet. */

static kecs_rc_t
demote(kecs_call_t *c, const kecs_service_t *s)
{
    kecs_rc_t        rc;
    kecs_task_set_t  old;

    if (s->primary == 0) {
        return KECS_OK;
    }

    rc = kecs_task_set_get(c, s, s->primary, &old);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    if (old.status == KECS_TASK_SET_PRIMARY) {
        old.status = KECS_TASK_SET_ACTIVE;
        rc = put_set(c, &old);
    }

    return rc;
}


/* What the PRIMARY task set says, the service says. */

static kecs_rc_t
take_over(kecs_call_t *c, found_t *f)
{
    kecs_rc_t            rc;
    kecs_str_t           json;
    kecs_service_t      *s;
    kecs_ecs_service_t   shown;
    kecs_ecs_task_set_t  set;

    s = &f->service;
    rc = kecs_fragment_load(c, &kecs_ecs_service_shape,
                            s->rec.part[KECS_SERVICE_STATIC], &shown);

    if (rc == KECS_OK) {
        rc = kecs_fragment_load(c, &kecs_ecs_task_set_shape,
                                f->set.rec.part[KECS_TASK_SET_STATIC], &set);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    shown.capacity_provider_strategy = set.capacity_provider_strategy;
    shown.load_balancers = set.load_balancers;
    shown.network_configuration = set.network_configuration;
    shown.platform_family = set.platform_family;
    shown.platform_version = f->set.platform;
    shown.service_registries = set.service_registries;
    json = kecs_shape_json(c->arena, &kecs_ecs_service_shape, &shown);

    if (json.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_rec_part(&s->rec, KECS_SERVICE_STATIC, json);
    s->rec.gen = KECS_ECS_GEN;
    s->family = f->set.family;
    s->revision = f->set.revision;
    s->launch = f->set.launch;
    s->primary = f->set.id;
    s->version++;

    return kecs_put(c->txn, s);
}


static kecs_rc_t
promote(kecs_call_t *c, found_t *f)
{
    kecs_rc_t  rc;

    rc = demote(c, &f->service);

    if (rc == KECS_OK) {
        f->set.status = KECS_TASK_SET_PRIMARY;
        rc = put_set(c, &f->set);
    }

    return rc == KECS_OK ? take_over(c, f) : rc;
}


static kecs_rc_t
update_primary(kecs_call_t *c, void *input)
{
    found_t    f;
    kecs_rc_t  rc;
    const kecs_ecs_update_service_primary_task_set_request_t  *in = input;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = find_external(c, in->cluster, in->service, &f);
    }

    if (rc == KECS_OK) {
        rc = find_live_set(c, in->primary_task_set, &f);
    }

    if (rc == KECS_OK && f.set.status != KECS_TASK_SET_PRIMARY) {
        rc = promote(c, &f);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_task_set_write(c, "taskSet", f.cluster.name, &f.service,
                               &f.set, true);
}


const kecs_op_t  kecs_task_set_ops[] = {
    { "CreateTaskSet", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_create_task_set_request_shape, create_task_set },
    { "DeleteTaskSet", KECS_OP_WRITE,
      &kecs_ecs_delete_task_set_request_shape, delete_task_set },
    { "DescribeTaskSets", KECS_OP_READ,
      &kecs_ecs_describe_task_sets_request_shape, describe_task_sets },
    { "UpdateServicePrimaryTaskSet", KECS_OP_WRITE,
      &kecs_ecs_update_service_primary_task_set_request_shape,
      update_primary },
    { "UpdateTaskSet", KECS_OP_WRITE,
      &kecs_ecs_update_task_set_request_shape, update_task_set },
    { NULL, 0, NULL, NULL }
};
