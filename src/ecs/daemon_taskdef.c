/*
 * Daemon task definitions.  They are checked and filled as other task
 * definitions, whose members they share; what only they have (pidMode,
 * ipcMode, volumes of a log driver) is kept beside it.  A revision that is
 * deleted while daemons use it is DELETE_IN_PROGRESS until they let it go.
 */

#include "daemon.h"
#include "family.h"
#include "taskdef.h"


#define PAGE  100

typedef kecs_ecs_register_daemon_task_definition_request_t  request_t;


/* RegisterDaemonTaskDefinition. */

/* A volume is a path of the host or what a log driver writes. */

static kecs_rc_t
check_volumes(kecs_call_t *c, const request_t *in)
{
    size_t                          i;
    const kecs_ecs_daemon_volume_t  *v;

    for (i = 0; i < in->volumes.n; i++) {
        v = &in->volumes.items[i];

        if (v->log_driver_volume_configuration == NULL) {
            continue;
        }

        if (v->host != NULL) {
            return kecs_fail(c, KECS_E_CLIENT, "Volume '%.*s' cannot have"
                             " both host and logDriverVolumeConfiguration.",
                             kecs_fmt(v->name));
        }

        if (!kecs_str_is(v->log_driver_volume_configuration->driver,
                         "json-file"))
        {
            return kecs_fail(c, KECS_E_CLIENT, "%.*s is not a valid log"
                             " driver. Must be one of [json-file]",
                             kecs_fmt(v->log_driver_volume_configuration
                                      ->driver));
        }
    }

    return KECS_OK;
}


static kecs_rc_t
check_own(kecs_call_t *c, const request_t *in)
{
    kecs_rc_t  rc;

    rc = kecs_check_enum(c, KECS_E_CLIENT, "pidMode",
                         &kecs_ecs_daemon_pid_mode_shape, in->pid_mode);

    if (rc == KECS_OK) {
        rc = kecs_check_enum(c, KECS_E_CLIENT, "ipcMode",
                             &kecs_ecs_daemon_ipc_mode_shape, in->ipc_mode);
    }

    if (rc == KECS_OK) {
        rc = check_volumes(c, in);
    }

    return rc;
}


/* The members that other task definitions have too. */

static kecs_rc_t
as_other(kecs_call_t *c, const request_t *in, kecs_register_t **out)
{
    void       *v;
    kecs_rc_t   rc;

    rc = kecs_input_as(c, in,
                       &kecs_ecs_register_task_definition_request_shape, &v);

    if (rc == KECS_OK) {
        *out = v;
        (*out)->ipc_mode = kecs_null_str;
        (*out)->pid_mode = kecs_null_str;
    }

    return rc;
}


/* Checked as RegisterTaskDefinition checks it, defaults filled in. */

static kecs_rc_t
settle(kecs_call_t *c, const request_t *in, kecs_ecs_task_definition_t *out)
{
    kecs_rc_t         rc;
    const kecs_op_t  *own;
    kecs_register_t  *other;

    rc = as_other(c, in, &other);

    if (rc != KECS_OK) {
        return rc;
    }

    own = c->op;
    c->op = kecs_ecs_op(kecs_str("RegisterTaskDefinition"));
    rc = kecs_taskdef_check(c, other);
    c->op = own;

    if (rc == KECS_OK) {
        rc = check_own(c, in);
    }

    return rc == KECS_OK ? kecs_taskdef_fill(c, other, out) : rc;
}


/* The whole definition as it is shown, but for what the head says. */

static kecs_rc_t
make_body(kecs_call_t *c, const request_t *in, kecs_taskdef_t *t)
{
    void                              *v;
    kecs_rc_t                          rc;
    kecs_str_t                         json;
    kecs_ecs_task_definition_t         filled;
    kecs_ecs_daemon_task_definition_t  *shown;

    rc = settle(c, in, &filled);

    if (rc != KECS_OK) {
        return rc;
    }

    json = kecs_shape_json(c->arena, &kecs_ecs_task_definition_shape,
                           &filled);

    if (json.data == NULL) {
        return KECS_NOMEM;
    }

    rc = kecs_shape_load(c->arena, &kecs_ecs_daemon_task_definition_shape,
                         json, &v);

    if (rc != KECS_OK) {
        return rc;
    }

    shown = v;
    shown->volumes = in->volumes;
    shown->volumes.set = true;
    shown->pid_mode = in->pid_mode.len ? in->pid_mode : kecs_str("none");
    shown->ipc_mode = in->ipc_mode.len ? in->ipc_mode : kecs_str("none");
    json = kecs_shape_json(c->arena, &kecs_ecs_daemon_task_definition_shape,
                           shown);

    return kecs_family_body(c, json, t);
}


static kecs_rc_t
register_daemon_taskdef(kecs_call_t *c, void *v)
{
    kecs_rc_t        rc;
    request_t       *in;
    kecs_str_t       tags;
    kecs_taskdef_t   t;

    in = v;
    memset(&t, 0, sizeof(kecs_taskdef_t));
    rc = make_body(c, in, &t);

    if (rc == KECS_OK) {
        rc = kecs_check_input(c, in);
    }

    if (rc == KECS_OK) {
        rc = kecs_tags_json(c, in->tags.items, in->tags.n, &tags);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_rec_part(&t.rec, KECS_TASKDEF_TAGS, tags);
    rc = kecs_family_add(c, &kecs_daemon_taskdefs, in->family, &t);

    if (rc == KECS_OK) {
        kecs_write_made(c, "daemonTaskDefinitionArn",
                        kecs_daemon_taskdef_arn(c, t.family, t.revision));
    }

    return rc;
}


/* DescribeDaemonTaskDefinition. */

static kecs_rc_t
describe_daemon_taskdef(kecs_call_t *c, void *v)
{
    kecs_rc_t                                            rc;
    kecs_taskdef_t                                       t;
    kecs_ecs_describe_daemon_task_definition_request_t  *in;

    in = v;
    rc = kecs_family_named(c, &kecs_daemon_taskdefs,
                           in->daemon_task_definition);

    if (rc == KECS_OK) {
        rc = kecs_find_daemon_taskdef(c, in->daemon_task_definition,
                                      kecs_part_bit(KECS_TASKDEF_BODY), &t);
    }

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Unable to describe daemon task definition.");
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_object(&c->out, "daemonTaskDefinition");
    kecs_w_splice(&c->out, t.rec.part[KECS_TASKDEF_BODY]);
    kecs_write_made(c, "daemonTaskDefinitionArn",
                    kecs_daemon_taskdef_arn(c, t.family, t.revision));
    kecs_w_time(&c->out, "deleteRequestedAt", t.delete_requested_at);
    kecs_w_time(&c->out, "registeredAt", t.registered_at);
    kecs_w_i64(&c->out, "revision", t.revision);
    kecs_w_cstr(&c->out, "status", kecs_daemon_taskdef_status_name(t.status));
    kecs_w_object_end(&c->out);

    return KECS_OK;
}


/* DeleteDaemonTaskDefinition. */

static kecs_rc_t
is_used(kecs_call_t *c, kecs_str_t family, uint32_t revision, bool *used)
{
    kecs_key_t  prefix;

    kecs_key_init(&prefix);
    kecs_key_str(&prefix, family);
    kecs_key_u32(&prefix, revision);

    return kecs_index_any(c, KECS_IX_DAEMON_USE, &prefix, used);
}


kecs_rc_t
kecs_daemon_taskdef_let_go(kecs_call_t *c, kecs_str_t family,
    uint32_t revision)
{
    bool            used;
    kecs_rc_t       rc;
    kecs_taskdef_t  t;

    memset(&t, 0, sizeof(kecs_taskdef_t));
    t.rec.kind = KECS_DAEMON_TASKDEF;
    t.rec.scope = c->scope;
    t.family = family;
    t.revision = revision;
    rc = kecs_get(c->txn, c->arena, &t, 0);

    if (rc != KECS_OK || t.status != KECS_DAEMON_TASKDEF_DELETING) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    rc = is_used(c, family, revision, &used);

    if (rc != KECS_OK || used) {
        return rc;
    }

    t.status = KECS_DAEMON_TASKDEF_DELETED;

    return kecs_put(c->txn, &t);
}


static kecs_rc_t
find_active(kecs_call_t *c, kecs_str_t id, kecs_taskdef_t *t)
{
    kecs_rc_t  rc;

    rc = kecs_family_revision(c, &kecs_daemon_taskdefs, id, 0, t);

    if (rc == KECS_OK && t->status != KECS_DAEMON_TASKDEF_ACTIVE) {
        return kecs_fail(c, KECS_E_CLIENT, "The specified daemon task"
                         " definition is not ACTIVE.");
    }

    return rc;
}


static kecs_rc_t
delete_daemon_taskdef(kecs_call_t *c, void *v)
{
    kecs_rc_t                                          rc;
    kecs_taskdef_t                                     t;
    kecs_ecs_delete_daemon_task_definition_request_t  *in;

    in = v;
    rc = find_active(c, in->daemon_task_definition, &t);

    if (rc != KECS_OK) {
        return rc;
    }

    t.status = KECS_DAEMON_TASKDEF_DELETING;
    t.delete_requested_at = c->now;
    rc = kecs_put(c->txn, &t);

    if (rc == KECS_OK) {
        rc = kecs_family_leave(c, &kecs_daemon_taskdefs, &t);
    }

    if (rc == KECS_OK) {
        rc = kecs_daemon_taskdef_let_go(c, t.family, t.revision);
    }

    if (rc == KECS_OK) {
        kecs_write_made(c, "daemonTaskDefinitionArn",
                        kecs_daemon_taskdef_arn(c, t.family, t.revision));
    }

    return rc;
}


/* ListDaemonTaskDefinitions. */

static kecs_rc_t
check_list(kecs_call_t *c,
    const kecs_ecs_list_daemon_task_definitions_request_t *in)
{
    kecs_rc_t  rc;

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "status",
                       &kecs_ecs_daemon_task_definition_status_filter_shape,
                         in->status);

    if (rc == KECS_OK) {
        rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "revision",
                     &kecs_ecs_daemon_task_definition_revision_filter_shape,
                             in->revision);
    }

    if (rc == KECS_OK) {
        rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, "sort",
                             &kecs_ecs_sort_order_shape, in->sort);
    }

    return rc;
}


static kecs_rc_t
is_last(kecs_call_t *c, const kecs_taskdef_t *t, bool *last)
{
    kecs_rc_t      rc;
    kecs_family_t  family;

    rc = kecs_family_get(c, &kecs_daemon_taskdefs, t->family, &family);
    *last = family.last == t->revision;

    return rc;
}


static bool
has_status(kecs_str_t asked, unsigned status)
{
    if (asked.len == 0) {
        return status == KECS_DAEMON_TASKDEF_ACTIVE;
    }

    return kecs_str_is(asked, "ALL")
           || kecs_str_is(asked, kecs_daemon_taskdef_status_name(status));
}


/* By whom: the body's own member. */

static kecs_rc_t
write_summary(kecs_call_t *c, const kecs_taskdef_t *t)
{
    kecs_rc_t     rc;
    kecs_json_t  *body;

    rc = kecs_json_parse(c->arena, t->rec.part[KECS_TASKDEF_BODY], &body);

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_object(&c->out, NULL);
    kecs_write_made(c, "arn",
                    kecs_daemon_taskdef_arn(c, t->family, t->revision));
    kecs_w_time(&c->out, "deleteRequestedAt", t->delete_requested_at);
    kecs_w_time(&c->out, "registeredAt", t->registered_at);
    kecs_w_opt_str(&c->out, "registeredBy",
                   kecs_json_str(kecs_json_get(body, "registeredBy")));
    kecs_w_cstr(&c->out, "status",
                kecs_daemon_taskdef_status_name(t->status));
    kecs_w_object_end(&c->out);

    return KECS_OK;
}


static kecs_rc_t
list_one(kecs_call_t *c, kecs_any_t *rec, void *ctx, bool *taken)
{
    kecs_rc_t                                         rc;
    kecs_taskdef_t                                   *t;
    kecs_ecs_list_daemon_task_definitions_request_t  *in;

    in = ctx;
    t = &rec->taskdef;
    rc = kecs_get(c->txn, c->arena, t, 0);

    if (rc != KECS_OK || !has_status(in->status, t->status)
        || !kecs_str_starts(t->family, in->family_prefix))
    {
        return rc;
    }

    *taken = true;

    if (in->revision.len != 0) {
        rc = is_last(c, t, taken);
    }

    if (rc != KECS_OK || !*taken) {
        return rc;
    }

    rc = kecs_get_parts(c->txn, c->arena, t,
                        kecs_part_bit(KECS_TASKDEF_BODY));

    return rc == KECS_OK ? write_summary(c, t) : rc;
}


static kecs_rc_t
list_daemon_taskdefs(kecs_call_t *c, void *v)
{
    kecs_rc_t                                         rc;
    kecs_key_t                                        prefix;
    kecs_page_t                                       page;
    kecs_scan_t                                      *scan;
    kecs_ecs_list_daemon_task_definitions_request_t  *in;

    in = v;
    scan = NULL;
    rc = check_list(c, in);

    if (rc == KECS_OK) {
        rc = kecs_list_begin(c, &page, in, &in->max_results,
                             &in->next_token, PAGE, PAGE);
    }

    kecs_key_init(&prefix);

    if (in->family.len != 0) {
        kecs_key_str(&prefix, in->family);

    } else {
        kecs_key_bytes(&prefix, in->family_prefix.data,
                       in->family_prefix.len);
    }

    if (rc == KECS_OK && c->scope != 0 && !prefix.failed) {
        rc = kecs_scan(c->txn, c->arena, KECS_IX_DAEMON_TASKDEF, c->scope,
                       &prefix, page.after, kecs_str_is(in->sort, "DESC"),
                       &scan);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    return kecs_list_records(c, &page, "daemonTaskDefinitions", scan,
                             list_one, in);
}


const kecs_op_t  kecs_daemon_taskdef_ops[] = {
    { "DeleteDaemonTaskDefinition", KECS_OP_WRITE,
      &kecs_ecs_delete_daemon_task_definition_request_shape,
      delete_daemon_taskdef },
    { "DescribeDaemonTaskDefinition", KECS_OP_READ,
      &kecs_ecs_describe_daemon_task_definition_request_shape,
      describe_daemon_taskdef },
    { "ListDaemonTaskDefinitions", KECS_OP_READ,
      &kecs_ecs_list_daemon_task_definitions_request_shape,
      list_daemon_taskdefs },
    { "RegisterDaemonTaskDefinition", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_register_daemon_task_definition_request_shape,
      register_daemon_taskdef },
    { NULL, 0, NULL, NULL }
};
