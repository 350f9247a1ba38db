/*
 * Tasks: how they are shown, StopTask, DescribeTasks, ListTasks.  A task is
 * printed from its head and its stored parts; nothing is parsed here.
 */

#define _GNU_SOURCE  /* memmem */

#include "launch.h"


#define REASON_MAX      1024
#define DESCRIBE_MAX     100
#define PAGE             100

#define ALL_PARTS  (kecs_part_bit(KECS_TASK_STATIC)                          \
                    |kecs_part_bit(KECS_TASK_CONTAINERS)                     \
                    |kecs_part_bit(KECS_TASK_ATTACHMENTS)                    \
                    |kecs_part_bit(KECS_TASK_TAGS))


/* Rendering. */

static void
write_list_part(kecs_writer_t *w, const char *name, const kecs_task_t *t,
    unsigned part)
{
    kecs_str_t  json;

    json = t->rec.part[part];
    kecs_w_raw(w, name, json.data != NULL ? json : kecs_str("[]"));
}


static void
write_name(kecs_writer_t *w, const char *name, const char *value)
{
    if (value[0] != '\0') {
        kecs_w_cstr(w, name, value);
    }
}


static void
write_arns(kecs_call_t *c, kecs_str_t cluster, const kecs_task_t *t)
{
    kecs_str_t  cluster_arn, task, taskdef;

    cluster_arn = kecs_cluster_arn(c, cluster);
    task = kecs_task_arn(c, cluster, t->id);
    taskdef = kecs_taskdef_arn(c, t->family, t->revision);

    if (cluster_arn.data == NULL || task.data == NULL
        || taskdef.data == NULL)
    {
        c->out.buf->failed = true;
        return;
    }

    kecs_w_str(&c->out, "clusterArn", cluster_arn);

    if (kecs_task_on_instance(t)) {
        kecs_write_made(c, "containerInstanceArn",
                        kecs_instance_arn(c, cluster, t->instance));
    }

    kecs_w_str(&c->out, "taskArn", task);
    kecs_w_str(&c->out, "taskDefinitionArn", taskdef);
}


/* The containers, without a health that nobody has seen yet. */

static void
write_containers(kecs_call_t *c, const kecs_task_t *t, unsigned shown)
{
    const char              *p;
    kecs_buf_t               buf;
    kecs_str_t               json;
    static const kecs_str_t  unknown = kecs_string(KECS_CONTAINER_HEALTH
                                                   ",");

    json = t->rec.part[KECS_TASK_CONTAINERS];

    if ((shown & KECS_SHOW_HEALTH) || json.data == NULL) {
        write_list_part(&c->out, "containers", t, KECS_TASK_CONTAINERS);
        return;
    }

    kecs_buf_init(&buf, c->arena, json.len);

    while ((p = memmem(json.data, json.len, unknown.data, unknown.len))
           != NULL)
    {
        kecs_buf_add(&buf, json.data, (size_t) (p - json.data));
        json = kecs_str_from(json, (size_t) (p - json.data) + unknown.len);
    }

    kecs_buf_str(&buf, json);

    if (buf.failed) {
        c->buf->failed = true;
        return;
    }

    kecs_w_raw(&c->out, "containers", kecs_buf_view(&buf));
}


static void
write_health(kecs_writer_t *w, const kecs_task_t *t, unsigned shown)
{
    if (t->health != 0 && t->health != KECS_HEALTH_UNKNOWN) {
        kecs_w_cstr(w, "healthStatus", kecs_health_name(t->health));

    } else if (shown & KECS_SHOW_HEALTH) {
        kecs_w_cstr(w, "healthStatus", "UNKNOWN");
    }
}


void
kecs_task_write(kecs_call_t *c, const char *name, kecs_str_t cluster_name,
    const kecs_task_t *t, unsigned shown)
{
    kecs_writer_t  *w;

    w = &c->out;

    kecs_w_object(w, name);
    write_list_part(w, "attachments", t, KECS_TASK_ATTACHMENTS);
    kecs_w_opt_str(w, "availabilityZone", t->zone);
    write_name(w, "connectivity", kecs_connectivity_name(t->connectivity));
    kecs_w_time(w, "connectivityAt", t->connectivity_at);
    write_containers(c, t, shown);
    kecs_w_time(w, "createdAt", t->created_at);
    write_name(w, "desiredStatus", kecs_desired_name(t->desired));
    kecs_w_time(w, "executionStoppedAt", t->execution_stopped_at);
    kecs_w_opt_str(w, "group", t->group);
    write_health(w, t, shown);
    write_name(w, "lastStatus", kecs_task_status_name(t->status));
    write_name(w, "launchType", kecs_launch_name(t->launch));
    kecs_w_time(w, "pullStartedAt", t->pull_started_at);
    kecs_w_time(w, "pullStoppedAt", t->pull_stopped_at);
    kecs_w_time(w, "startedAt", t->started_at);
    kecs_w_opt_str(w, "startedBy", t->started_by);
    write_name(w, "stopCode", kecs_stop_code_name(t->stop_code));
    kecs_w_time(w, "stoppedAt", t->stopped_at);
    kecs_w_opt_str(w, "stoppedReason", t->stopped_reason);
    kecs_w_time(w, "stoppingAt", t->stopping_at);

    if (shown & KECS_SHOW_TAGS) {
        write_list_part(w, "tags", t, KECS_TASK_TAGS);

    } else {
        kecs_w_raw(w, "tags", kecs_str("[]"));
    }

    kecs_w_i64(w, "version", t->version);
    write_arns(c, cluster_name, t);
    kecs_w_splice(w, t->rec.part[KECS_TASK_STATIC]);
    kecs_w_object_end(w);
}


/* StopTask. */

static kecs_rc_t
stop_task(kecs_call_t *c, void *input)
{
    kecs_rc_t                           rc;
    kecs_str_t                          reason;
    kecs_task_t                         t;
    kecs_cluster_t                      cluster;
    const kecs_ecs_stop_task_request_t  *in = input;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_cluster(c, in->cluster, 0, &cluster);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    reason = in->reason;

    if (reason.len == 0) {
        reason = kecs_str("Task stopped by user");
    }

    if (kecs_str_utf8_len(reason) > REASON_MAX) {
        return kecs_bad(c, "reason cannot be longer than %d characters.",
                        REASON_MAX);
    }

    rc = kecs_find_task(c, &cluster, in->task, ALL_PARTS, &t);

    if (rc == KECS_NOT_FOUND) {
        return kecs_bad(c, "The referenced task was not found.");
    }

    if (rc == KECS_OK) {
        rc = kecs_task_stop(c, &t, KECS_STOP_USER, reason);
    }

    if (rc == KECS_OK) {
        kecs_task_write(c, "task", cluster.name, &t, 0);
    }

    return rc;
}


/* DescribeTasks. */

/* Writes what is found; leaves in missing[] the ARNs of the others. */

static kecs_rc_t
describe_found(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_ecs_describe_tasks_request_t *in, kecs_str_t *missing)
{
    size_t       i, n;
    uint8_t      ids[DESCRIBE_MAX][KECS_ID_LEN];
    unsigned     parts, shown;
    kecs_rc_t    rc;
    kecs_task_t  t;

    parts = ALL_PARTS;
    shown = KECS_SHOW_HEALTH|KECS_SHOW_TAGS;

    if (!kecs_names_has(in->include.n, in->include.items, "TAGS")) {
        parts &= ~kecs_part_bit(KECS_TASK_TAGS);
        shown &= ~(unsigned) KECS_SHOW_TAGS;
    }

    for (i = 0, n = 0; i < in->tasks.n; i++) {
        rc = kecs_find_task(c, cluster, in->tasks.items[i], parts, &t);

        if (rc == KECS_NOT_FOUND) {
            missing[i] = kecs_missing_arn(c, "task", cluster->name,
                                          in->tasks.items[i]);
            rc = missing[i].data != NULL ? KECS_OK : KECS_NOMEM;

        } else if (rc == KECS_OK && kecs_id_new(ids, &n, t.id)) {
            kecs_task_write(c, NULL, cluster->name, &t, shown);
        }

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}


static kecs_rc_t
describe_tasks(kecs_call_t *c, void *input)
{
    kecs_rc_t                                 rc;
    kecs_str_t                               *missing;
    kecs_cluster_t                            cluster;
    const kecs_ecs_describe_tasks_request_t  *in = input;

    rc = kecs_find_cluster(c, in->cluster, 0, &cluster);

    if (rc != KECS_OK) {
        return rc;
    }

    if (in->tasks.n == 0) {
        return kecs_bad(c, "Tasks cannot be empty.");
    }

    if (in->tasks.n > DESCRIBE_MAX) {
        return kecs_bad(c, "Tasks cannot have more than %d elements.",
                        DESCRIBE_MAX);
    }

    missing = kecs_calloc(c->arena, in->tasks.n, sizeof(kecs_str_t));

    if (missing == NULL) {
        return KECS_NOMEM;
    }

    kecs_w_array(&c->out, "tasks");
    rc = describe_found(c, &cluster, in, missing);
    kecs_w_array_end(&c->out);

    kecs_missing_write(c, missing, in->tasks.n);

    return rc;
}


/* ListTasks. */

/* What the entries of the chosen index are narrowed by. */
typedef struct {
    kecs_cluster_t   cluster;
    kecs_index_t     index;
    kecs_key_t       prefix;
    unsigned         desired;
    unsigned         launch;        /* 0: any */
    kecs_str_t       family;        /* absent: any, or by the index */
    kecs_str_t       group;         /* absent: any */
    kecs_service_t   service;       /* no 0: any, or by the index */
    bool             head;          /* the record has to be looked at */
    bool             none;          /* nothing can match */
} listing_t;


static kecs_rc_t
listing_filters(kecs_call_t *c, const kecs_ecs_list_tasks_request_t *in,
    listing_t *l)
{
    kecs_rc_t  rc;

    if (in->started_by.len != 0
        && (in->family.len != 0 || in->service_name.len != 0
            || in->container_instance.len != 0
            || in->daemon_name.len != 0 || in->launch_type.len != 0))
    {
        return kecs_bad(c, "When startedBy is specified as the filter, it"
                        " must be the only filter that is used.");
    }

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "desired status",
                         &kecs_ecs_desired_status_shape,
                         in->desired_status);

    if (rc != KECS_OK) {
        return rc;
    }

    l->launch = kecs_launch_of(in->launch_type);

    if (in->launch_type.len != 0 && l->launch == 0) {
        return kecs_bad(c, "launch type should be one of"
                        " [EC2,FARGATE,EXTERNAL,FMI,MANAGED_INSTANCES]");
    }

    l->desired = in->desired_status.len != 0
                 ? kecs_desired_of(in->desired_status)
                 : KECS_DESIRED_RUNNING;

    /* no task ever has the desired status PENDING, as on ECS */

    l->none = l->desired == 0;

    return KECS_OK;
}


/* The tasks of a daemon are those of its group. */

static kecs_rc_t
listing_daemon(kecs_call_t *c, kecs_str_t name, listing_t *l)
{
    if (name.len == 0) {
        return KECS_OK;
    }

    l->group = kecs_sprintf(c->arena, "daemon:%.*s", kecs_fmt(name));
    l->head = true;

    return l->group.data != NULL ? KECS_OK : KECS_NOMEM;
}


/* The tasks on an instance, INACTIVE ones too; KECS_DONE when there is one. */

static kecs_rc_t
listing_instance(kecs_call_t *c, kecs_str_t id, listing_t *l)
{
    kecs_rc_t        rc;
    kecs_instance_t  instance;

    if (id.len == 0) {
        return KECS_OK;
    }

    rc = kecs_find_instance(c, &l->cluster, id, 0, &instance);

    if (rc == KECS_NOT_FOUND) {
        l->none = true;
        return KECS_OK;
    }

    if (rc != KECS_OK) {
        return rc;
    }

    l->index = KECS_IX_TASK_INSTANCE;
    kecs_key_bytes(&l->prefix, instance.id, KECS_ID_LEN);
    kecs_key_u8(&l->prefix, (uint8_t) l->desired);

    return KECS_DONE;
}


static kecs_rc_t
listing_service(kecs_call_t *c, kecs_str_t name, listing_t *l)
{
    kecs_rc_t  rc;

    if (name.len == 0) {
        return KECS_OK;
    }

    rc = kecs_find_service(c, &l->cluster, name, 0, &l->service);

    return rc == KECS_NOT_FOUND
           ? kecs_fail(c, KECS_E_SERVICE_NOT_FOUND, "Service not found.")
           : rc;
}


/* The index of the narrowest filter; the others look at the records. */

static kecs_rc_t
listing_index(kecs_call_t *c, const kecs_ecs_list_tasks_request_t *in,
    listing_t *l)
{
    kecs_rc_t  rc;

    kecs_key_init(&l->prefix);
    kecs_key_u32(&l->prefix, l->cluster.no);
    l->head = l->head || l->launch != 0;

    rc = listing_service(c, in->service_name, l);

    if (rc == KECS_OK) {
        rc = listing_instance(c, in->container_instance, l);
    }

    if (rc == KECS_DONE) {
        l->family = in->family.len != 0 ? in->family : kecs_null_str;
        l->head = l->head || l->family.data != NULL || l->service.no != 0;

        return KECS_OK;
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (l->service.no != 0) {
        l->index = KECS_IX_TASK_SERVICE;
        l->family = kecs_given(in->family);
        l->head = l->head || l->family.data != NULL;
        kecs_key_u32(&l->prefix, l->service.no);
        kecs_key_u8(&l->prefix, (uint8_t) l->desired);

        return KECS_OK;
    }

    kecs_key_u8(&l->prefix, (uint8_t) l->desired);

    if (in->started_by.len != 0) {
        l->index = KECS_IX_TASK_STARTED_BY;
        kecs_key_str(&l->prefix, in->started_by);

    } else if (in->family.len != 0) {
        l->index = KECS_IX_TASK_FAMILY;
        kecs_key_str(&l->prefix, in->family);

    } else {
        l->index = KECS_IX_TASK_DESIRED;
    }

    l->none = l->none || l->prefix.failed;

    return KECS_OK;
}


static kecs_rc_t
list_task(kecs_call_t *c, void *ctx, kecs_str_t key, kecs_any_t *rec,
    kecs_str_t *out)
{
    kecs_rc_t         rc;
    kecs_task_t      *t;
    const listing_t  *l;

    (void) key;

    l = ctx;
    t = &rec->task;

    if (l->head) {
        rc = kecs_get(c->txn, c->arena, t, 0);

        if (rc != KECS_OK) {
            return rc == KECS_NOT_FOUND ? KECS_CORRUPT : rc;
        }

        if ((l->launch != 0 && t->launch != l->launch)
            || (l->service.no != 0 && t->service != l->service.no)
            || (l->group.data != NULL && !kecs_str_eq(t->group, l->group))
            || (l->family.data != NULL
                && !kecs_str_eq(t->family, l->family)))
        {
            return KECS_OK;
        }
    }

    *out = kecs_task_arn(c, l->cluster.name, t->id);

    return out->data != NULL ? KECS_OK : KECS_NOMEM;
}


static kecs_rc_t
list_tasks(kecs_call_t *c, void *input)
{
    listing_t                       l;
    kecs_rc_t                       rc;
    kecs_any_t                      rec;
    kecs_page_t                     page;
    kecs_scan_t                    *scan;
    kecs_ecs_list_tasks_request_t  *in = input;

    scan = NULL;
    memset(&l, 0, sizeof(l));
    rc = kecs_find_cluster(c, in->cluster, 0, &l.cluster);

    if (rc == KECS_OK) {
        rc = listing_filters(c, in, &l);
    }

    if (rc == KECS_OK) {
        rc = listing_daemon(c, in->daemon_name, &l);
    }

    if (rc == KECS_OK) {
        rc = listing_index(c, in, &l);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    rc = kecs_list_begin(c, &page, in, &in->max_results, &in->next_token,
                         PAGE, PAGE);

    if (rc == KECS_OK && !l.none) {
        rc = kecs_scan(c->txn, c->arena, l.index, c->scope, &l.prefix,
                       page.after, false, &scan);
    }

    return rc == KECS_OK ? kecs_list_page(c, &page, "taskArns", scan,
                                          list_task, &l, &rec)
                         : rc;
}


const kecs_op_t  kecs_task_ops[] = {
    { "DescribeTasks", KECS_OP_READ, &kecs_ecs_describe_tasks_request_shape,
      describe_tasks },
    { "ExecuteCommand", KECS_OP_READ,
      &kecs_ecs_execute_command_request_shape, kecs_execute_command },
    { "GetTaskProtection", KECS_OP_READ,
      &kecs_ecs_get_task_protection_request_shape,
      kecs_get_task_protection },
    { "ListTasks", KECS_OP_READ, &kecs_ecs_list_tasks_request_shape,
      list_tasks },
    { "RunTask", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_run_task_request_shape, kecs_run_task },
    { "StartTask", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_start_task_request_shape, kecs_start_task },
    { "StopTask", KECS_OP_WRITE, &kecs_ecs_stop_task_request_shape,
      stop_task },
    { "UpdateTaskProtection", KECS_OP_WRITE,
      &kecs_ecs_update_task_protection_request_shape,
      kecs_update_task_protection },
    { NULL, 0, NULL, NULL }
};
