/*
 * What a container agent tells of its tasks, kept as plain state: of tasks
 * on container instances only, as the runtime tells of all others.  A
 * task's status never goes backwards; times once set stay.
 */

#include "launch.h"
#include "task_view.h"


typedef struct {
    kecs_cluster_t      cluster;
    kecs_task_t         t;
    kecs_task_parts_t   parts;
} told_t;


/* DiscoverPollEndpoint: agents find their endpoints where they asked. */

static kecs_rc_t
check_instance(kecs_call_t *c, const kecs_cluster_t *cluster, kecs_str_t id)
{
    kecs_rc_t         rc;
    kecs_instance_t   p;

    if (id.len == 0) {
        return KECS_OK;
    }

    rc = kecs_find_instance(c, cluster, id, 0, &p);

    return rc == KECS_NOT_FOUND
           ? kecs_bad(c, "The referenced container instance was not found.")
           : rc;
}


static kecs_rc_t
discover_poll_endpoint(kecs_call_t *c, void *input)
{
    size_t                                           i;
    kecs_rc_t                                        rc;
    kecs_cluster_t                                   cluster;
    const kecs_ecs_discover_poll_endpoint_request_t  *in = input;

    static const char *const  names[] = {
        "endpoint", "serviceConnectEndpoint", "telemetryEndpoint"
    };

    rc = kecs_find_cluster(c, in->cluster, 0, &cluster);

    if (rc == KECS_OK) {
        rc = check_instance(c, &cluster, in->container_instance);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (c->host.len == 0) {
        return kecs_bad(c, "The request names no host at which an endpoint"
                        " could be.");
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        kecs_w_printf(&c->out, names[i], "%s://%.*s/",
                      c->tls ? "https" : "http", kecs_fmt(c->host));
    }

    return KECS_OK;
}


/* A task that is told of. */

static kecs_rc_t
begin(kecs_call_t *c, kecs_str_t cluster, kecs_str_t task, told_t *x)
{
    kecs_rc_t  rc;

    rc = kecs_find_cluster(c, cluster, 0, &x->cluster);

    if (rc == KECS_OK) {
        rc = kecs_find_task(c, &x->cluster, task,
                            kecs_part_bit(KECS_TASK_CONTAINERS)
                            |kecs_part_bit(KECS_TASK_ATTACHMENTS), &x->t);
    }

    if (rc == KECS_NOT_FOUND
        || (rc == KECS_OK && !kecs_task_on_instance(&x->t)))
    {
        return kecs_bad(c, "The referenced task was not found.");
    }

    return rc == KECS_OK ? kecs_task_parts_load(c->arena, &x->t, &x->parts)
                         : rc;
}


static kecs_rc_t
finish(kecs_call_t *c, told_t *x, const kecs_task_t *was)
{
    bool       changed;
    kecs_rc_t  rc;

    rc = kecs_task_parts_store(c->arena, &x->t, &x->parts, &changed);

    changed = changed || x->t.status != was->status
              || x->t.desired != was->desired
              || x->t.pull_started_at != was->pull_started_at
              || x->t.pull_stopped_at != was->pull_stopped_at
              || x->t.execution_stopped_at != was->execution_stopped_at;

    if (rc == KECS_OK && changed) {
        x->t.version++;
        rc = kecs_put(c->txn, &x->t);
    }

    if (rc == KECS_OK) {
        kecs_w_cstr(&c->out, "acknowledgment", "ACK");
    }

    return rc;
}


static void
once(kecs_msec_t *to, kecs_opt_double_t seconds)
{
    if (*to == 0 && seconds.set) {
        *to = (kecs_msec_t) (seconds.value * 1000 + 0.5);
    }
}


static void
keep_text(kecs_str_t *to, kecs_str_t text)
{
    if (text.len != 0) {
        *to = text;
    }
}


/* Containers. */

static const char *const  container_statuses[] = {
    "MANIFEST_PULLED", "PENDING", "CREATED", "RUNNING", "STOPPED", NULL
};

static unsigned
rank(kecs_str_t status)
{
    unsigned  i;

    for (i = 0; container_statuses[i] != NULL; i++) {
        if (kecs_str_is(status, container_statuses[i])) {
            return i + 1;
        }
    }

    return 0;
}


static kecs_rc_t
tell_container(kecs_call_t *c, told_t *x,
    const kecs_ecs_container_state_change_t *told)
{
    kecs_ecs_container_t  *to;

    to = kecs_task_container(&x->parts, told->container_name);

    if (to == NULL) {
        return kecs_bad(c, "The container %.*s does not exist in the task.",
                        kecs_fmt(told->container_name));
    }

    if (told->status.len != 0 && rank(told->status) == 0) {
        return kecs_bad(c, "%.*s is no status of a container.",
                        kecs_fmt(told->status));
    }

    if (rank(told->status) > rank(to->last_status)) {
        to->last_status = told->status;
    }

    keep_text(&to->image_digest, told->image_digest);
    keep_text(&to->reason, told->reason);
    keep_text(&to->runtime_id, told->runtime_id);

    if (told->exit_code.set) {
        to->exit_code = told->exit_code;
    }

    if (told->network_bindings.n != 0) {
        to->network_bindings = told->network_bindings;
    }

    return KECS_OK;
}


static kecs_rc_t
tell_agent(kecs_call_t *c, told_t *x,
    const kecs_ecs_managed_agent_state_change_t *told)
{
    size_t                     i;
    kecs_ecs_container_t      *to;
    kecs_ecs_managed_agent_t  *agent;

    to = kecs_task_container(&x->parts, told->container_name);

    if (to == NULL) {
        return kecs_bad(c, "The container %.*s does not exist in the task.",
                        kecs_fmt(told->container_name));
    }

    for (i = 0; i < to->managed_agents.n; i++) {
        agent = &to->managed_agents.items[i];

        if (!kecs_str_eq(agent->name, told->managed_agent_name)) {
            continue;
        }

        agent->last_status = told->status;
        keep_text(&agent->reason, told->reason);

        if (kecs_str_is(told->status, "RUNNING")) {
            agent->last_started_at.value = (double) c->now / 1000;
            agent->last_started_at.set = true;
        }
    }

    return KECS_OK;
}


/* Attachments; true when the task has it. */

static bool
tell_attachment(told_t *x, const kecs_ecs_attachment_state_change_t *told)
{
    size_t                  i;
    kecs_str_t              id;
    kecs_ecs_attachment_t  *to;

    id = kecs_str_from(told->attachment_arn,
                       (size_t) (kecs_str_rchr(told->attachment_arn, '/')
                                 + 1));

    for (i = 0; i < x->parts.view->attachments.n; i++) {
        to = &x->parts.view->attachments.items[i];

        if (kecs_str_eq(to->id, id)) {
            to->status = told->status;
            return true;
        }
    }

    return false;
}


/* The task as a whole. */

static void
has_stopped(kecs_call_t *c, told_t *x, kecs_str_t reason)
{
    size_t        i;
    kecs_msec_t   now;
    kecs_task_t  *t;

    t = &x->t;
    now = kecs_task_clock(t, c->now);
    t->desired = KECS_DESIRED_STOPPED;
    t->stopped_at = now;

    if (t->stopping_at == 0) {
        t->stopping_at = now;
    }

    if (t->execution_stopped_at == 0) {
        t->execution_stopped_at = now;
    }

    if (t->stop_code == KECS_STOP_NONE) {
        t->stop_code = t->started_at != 0 ? KECS_STOP_ESSENTIAL_EXITED
                                          : KECS_STOP_FAILED_TO_START;
        t->stopped_reason = reason.len != 0 ? reason
                            : t->started_at != 0
                            ? kecs_str("Essential container in task exited")
                            : kecs_str("Task failed to start");
    }

    for (i = 0; i < x->parts.view->containers.n; i++) {
        x->parts.view->containers.items[i].last_status = kecs_str("STOPPED");
    }

    kecs_task_detach(&x->parts);
}


static kecs_rc_t
tell_status(kecs_call_t *c, told_t *x, kecs_str_t name, kecs_str_t reason)
{
    unsigned      status;
    kecs_task_t  *t;

    t = &x->t;
    status = kecs_task_status_of(name);

    if (name.len == 0 || kecs_str_is(name, "MANIFEST_PULLED")) {
        return KECS_OK;
    }

    if (status == 0) {
        return kecs_bad(c, "%.*s is no status of a task.", kecs_fmt(name));
    }

    if (status <= t->status) {
        return KECS_OK;
    }

    t->status = (uint8_t) status;

    if (t->connectivity == KECS_CONNECTIVITY_NONE) {
        t->connectivity = KECS_CONNECTED;
        t->connectivity_at = c->now;
    }

    if (status == KECS_TASK_RUNNING) {
        t->started_at = c->now;

    } else if (status == KECS_TASK_STOPPED) {
        has_stopped(c, x, reason);
    }

    return KECS_OK;
}


static kecs_rc_t
tell_parts(kecs_call_t *c, told_t *x,
    const kecs_ecs_submit_task_state_change_request_t *in)
{
    size_t     i;
    kecs_rc_t  rc;

    rc = KECS_OK;

    for (i = 0; rc == KECS_OK && i < in->containers.n; i++) {
        rc = tell_container(c, x, &in->containers.items[i]);
    }

    for (i = 0; rc == KECS_OK && i < in->managed_agents.n; i++) {
        rc = tell_agent(c, x, &in->managed_agents.items[i]);
    }

    for (i = 0; rc == KECS_OK && i < in->attachments.n; i++) {
        (void) tell_attachment(x, &in->attachments.items[i]);
    }

    return rc;
}


static kecs_rc_t
submit_task_state_change(kecs_call_t *c, void *input)
{
    told_t                                              x;
    kecs_rc_t                                           rc;
    kecs_task_t                                         was;
    const kecs_ecs_submit_task_state_change_request_t  *in = input;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = begin(c, in->cluster, in->task, &x);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    was = x.t;
    once(&x.t.pull_started_at, in->pull_started_at);
    once(&x.t.pull_stopped_at, in->pull_stopped_at);
    once(&x.t.execution_stopped_at, in->execution_stopped_at);

    rc = tell_parts(c, &x, in);

    if (rc == KECS_OK) {
        rc = tell_status(c, &x, in->status, in->reason);
    }

    return rc == KECS_OK ? finish(c, &x, &was) : rc;
}


static kecs_rc_t
submit_container_state_change(kecs_call_t *c, void *input)
{
    told_t                                                  x;
    kecs_rc_t                                               rc;
    kecs_task_t                                             was;
    kecs_ecs_container_state_change_t                       told;
    const kecs_ecs_submit_container_state_change_request_t  *in = input;

    rc = begin(c, in->cluster, in->task, &x);
    if (rc != KECS_OK) {
        return rc;
    }

    was = x.t;
    memset(&told, 0, sizeof(told));
    told.container_name = in->container_name;
    told.exit_code = in->exit_code;
    told.network_bindings = in->network_bindings;
    told.reason = in->reason;
    told.runtime_id = in->runtime_id;
    told.status = in->status;

    rc = tell_container(c, &x, &told);

    return rc == KECS_OK ? finish(c, &x, &was) : rc;
}


/* SubmitAttachmentStateChanges: the tasks on the cluster's instances. */

static kecs_rc_t
attachments_of(kecs_call_t *c, told_t *x,
    const kecs_ecs_attachment_state_changes_t *list, bool *found)
{
    bool       changed;
    size_t     i;
    kecs_rc_t  rc;

    rc = kecs_get(c->txn, c->arena, &x->t,
                  kecs_part_bit(KECS_TASK_CONTAINERS)
                  |kecs_part_bit(KECS_TASK_ATTACHMENTS));

    if (rc != KECS_OK || x->t.rec.part[KECS_TASK_ATTACHMENTS].data == NULL) {
        return rc;
    }

    rc = kecs_task_parts_load(c->arena, &x->t, &x->parts);
    if (rc != KECS_OK) {
        return rc;
    }

    for (i = 0; i < list->n; i++) {
        found[i] = tell_attachment(x, &list->items[i]) || found[i];
    }

    rc = kecs_task_parts_store(c->arena, &x->t, &x->parts, &changed);

    if (rc == KECS_OK && changed) {
        x->t.version++;
        rc = kecs_put(c->txn, &x->t);
    }

    return rc;
}


static kecs_rc_t
all_attachments(kecs_call_t *c, told_t *x,
    const kecs_ecs_attachment_state_changes_t *list, bool *found)
{
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_str_t    key;
    kecs_scan_t  *scan;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, x->cluster.no);

    rc = kecs_scan(c->txn, c->arena, KECS_IX_TASK_INSTANCE_LIVE, c->scope,
                   &prefix, kecs_null_str, false, &scan);

    while (rc == KECS_OK) {
        memset(&x->t, 0, sizeof(kecs_task_t));
        rc = kecs_scan_next(scan, &key, &x->t);
        rc = rc == KECS_OK ? attachments_of(c, x, list, found) : rc;
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


static kecs_rc_t
submit_attachment_state_changes(kecs_call_t *c, void *input)
{
    bool                                                     *found;
    size_t                                                    i;
    told_t                                                    x;
    kecs_rc_t                                                 rc;
    const kecs_ecs_submit_attachment_state_changes_request_t  *in = input;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_cluster(c, in->cluster, 0, &x.cluster);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    found = kecs_calloc(c->arena, in->attachments.n, sizeof(bool));
    if (found == NULL) {
        return KECS_NOMEM;
    }

    rc = all_attachments(c, &x, &in->attachments, found);

    for (i = 0; rc == KECS_OK && i < in->attachments.n; i++) {
        if (!found[i]) {
            rc = kecs_bad(c, "The referenced attachment was not found.");
        }
    }

    if (rc == KECS_OK) {
        kecs_w_cstr(&c->out, "acknowledgment", "ACK");
    }

    return rc;
}


const kecs_op_t  kecs_agent_ops[] = {
    { "DiscoverPollEndpoint", KECS_OP_READ,
      &kecs_ecs_discover_poll_endpoint_request_shape,
      discover_poll_endpoint },
    { "SubmitAttachmentStateChanges", KECS_OP_WRITE,
      &kecs_ecs_submit_attachment_state_changes_request_shape,
      submit_attachment_state_changes },
    { "SubmitContainerStateChange", KECS_OP_WRITE,
      &kecs_ecs_submit_container_state_change_request_shape,
      submit_container_state_change },
    { "SubmitTaskStateChange", KECS_OP_WRITE,
      &kecs_ecs_submit_task_state_change_request_shape,
      submit_task_state_change },
    { NULL, 0, NULL, NULL }
};
