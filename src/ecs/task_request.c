/*
 * What RunTask and StartTask ask for alike: its checks, and the tasks that
 * come of it.  Memory is the call's.
 */

#include "launch.h"
#include "taskdef.h"


#define GROUP_MAX      255
#define STARTED_MAX    128
#define REFERENCE_MAX  1024
#define OVERRIDES_MAX  8192


static kecs_rc_t
check_lengths(kecs_call_t *c, const kecs_task_request_t *q)
{
    if (kecs_str_utf8_len(q->group) > GROUP_MAX) {
        return kecs_bad(c, "group cannot be longer than %d characters.",
                        GROUP_MAX);
    }

    if (kecs_str_utf8_len(q->started_by) > STARTED_MAX) {
        return kecs_bad(c, "startedBy cannot be longer than %d characters.",
                        STARTED_MAX);
    }

    if (kecs_str_utf8_len(q->reference_id) > REFERENCE_MAX) {
        return kecs_bad(c, "referenceId cannot be longer than %d"
                        " characters.", REFERENCE_MAX);
    }

    return KECS_OK;
}


kecs_rc_t
kecs_task_request_check(kecs_call_t *c, const kecs_task_request_t *q)
{
    if (q->propagate_tags.len != 0
        && !kecs_str_is(q->propagate_tags, "TASK_DEFINITION"))
    {
        return kecs_bad(c, "Invalid value for propagateTags");
    }

    return check_lengths(c, q);
}


static bool
has_container(const kecs_ecs_task_definition_t *def, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < def->container_definitions.n; i++) {
        if (kecs_str_eq(def->container_definitions.items[i].name, name)) {
            return true;
        }
    }

    return false;
}


/* "1 vCPU" becomes "1024"; an empty size is none. */

static kecs_rc_t
settle_size(kecs_call_t *c, kecs_str_t *size, const char *name,
    const char *unit)
{
    int64_t  n;

    if (size->len == 0) {
        return KECS_OK;
    }

    if (!kecs_taskdef_size(*size, unit, &n)) {
        return kecs_bad(c, "Invalid '%s' setting for task.", name);
    }

    *size = kecs_sprintf(c->arena, "%" PRId64, n);

    return size->data != NULL ? KECS_OK : KECS_NOMEM;
}


/* Terraform sends an override without a name that overrides nothing. */

kecs_rc_t
kecs_task_request_overrides(kecs_call_t *c, const kecs_task_request_t *q,
    const kecs_ecs_task_definition_t *def)
{
    size_t                     i;
    kecs_rc_t                  rc;
    kecs_str_t                 json, name;
    kecs_ecs_task_override_t  *o;

    o = q->overrides;

    if (o == NULL) {
        return KECS_OK;
    }

    for (i = 0; i < o->container_overrides.n; i++) {
        name = o->container_overrides.items[i].name;

        if (name.len != 0 && !has_container(def, name)) {
            return kecs_bad(c, "Override for container named %.*s is not a"
                            " container in the TaskDefinition.",
                            kecs_fmt(name));
        }
    }

    json = kecs_shape_json(c->arena, &kecs_ecs_task_override_shape, o);

    if (json.data == NULL) {
        return KECS_NOMEM;
    }

    if (json.len > OVERRIDES_MAX) {
        return kecs_bad(c, "Container Overrides length must be at most %d",
                        OVERRIDES_MAX);
    }

    rc = settle_size(c, &o->cpu, "cpu", "vcpu");

    return rc == KECS_OK ? settle_size(c, &o->memory, "memory", "gb") : rc;
}


static kecs_rc_t
request_tags(kecs_call_t *c, const kecs_task_request_t *q,
    const kecs_cluster_t *cluster, const kecs_taskdef_t *taskdef,
    kecs_str_t *tags)
{
    kecs_rc_t   rc;
    kecs_str_t  from;

    /* for its checks; the text is made anew with what is propagated */

    rc = kecs_tags_json(c, q->tags->items, q->tags->n, tags);

    if (rc != KECS_OK) {
        return rc;
    }

    from = q->propagate_tags.len != 0
           ? taskdef->rec.part[KECS_TASKDEF_TAGS] : kecs_null_str;

    return kecs_task_tags(c, q->tags, from, q->managed_tags, cluster->name,
                          kecs_null_str, tags);
}


kecs_rc_t
kecs_task_request_settle(kecs_call_t *c, const kecs_task_request_t *q,
    const kecs_cluster_t *cluster, const kecs_taskdef_t *taskdef,
    const kecs_ecs_task_definition_t *def, unsigned launch,
    kecs_new_task_t *n)
{
    kecs_rc_t  rc;

    rc = kecs_volumes_check(c, def, &q->volumes);
    if (rc != KECS_OK) {
        return rc;
    }

    memset(n, 0, sizeof(kecs_new_task_t));
    n->cluster = cluster;
    n->taskdef = taskdef;
    n->def = def;
    n->launch = launch;
    n->overrides = q->overrides;
    n->execute_command = q->execute_command;
    n->managed_tags = q->managed_tags;
    n->volumes = q->volumes;
    n->started_by = q->started_by.len != 0 ? q->started_by : kecs_null_str;
    n->group = q->group.len != 0
               ? q->group : kecs_sprintf(c->arena, "family:%.*s",
                                         kecs_fmt(taskdef->family));

    if (n->group.data == NULL) {
        return KECS_NOMEM;
    }

    rc = kecs_network_settle(c, def, launch, q->network, &n->network);

    return rc == KECS_OK ? request_tags(c, q, cluster, taskdef, &n->tags)
                         : rc;
}
