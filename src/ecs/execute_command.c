/*
 * ExecuteCommand: everything that ECS checks before a session is opened.
 * No agent holds a channel into a container, so a command that passes all
 * of it ends as on ECS when the agent of the task cannot be reached.
 */

#include "launch.h"


/* The container that is meant, or ECS's error. */

static kecs_rc_t
find_container(kecs_call_t *c, const kecs_json_t *all, kecs_str_t name,
    const kecs_json_t **out)
{
    const kecs_json_t  *v;

    *out = all->first;

    if (name.len == 0) {
        return all->n == 1
               ? KECS_OK
               : kecs_bad(c, "A container name must be specified for tasks"
                          " that have multiple containers.");
    }

    for (v = all->first; v != NULL; v = v->next) {
        if (kecs_str_eq(kecs_json_str(kecs_json_get(v, "name")), name)) {
            *out = v;
            return KECS_OK;
        }
    }

    return kecs_bad(c, "The container %.*s does not exist in the task.",
                    kecs_fmt(name));
}


static bool
agent_runs(const kecs_json_t *container)
{
    const kecs_json_t  *v;

    v = kecs_json_get(container, "managedAgents");

    for (v = v != NULL ? v->first : NULL; v != NULL; v = v->next) {
        if (kecs_str_is(kecs_json_str(kecs_json_get(v, "name")),
                        "ExecuteCommandAgent"))
        {
            return kecs_str_is(kecs_json_str(kecs_json_get(v, "lastStatus")),
                               "RUNNING");
        }
    }

    return false;
}


static kecs_rc_t
reach(kecs_call_t *c, const kecs_ecs_execute_command_request_t *in,
    const kecs_task_t *t)
{
    kecs_rc_t           rc;
    kecs_json_t        *all;
    const kecs_json_t  *container;

    rc = kecs_json_parse(c->arena, t->rec.part[KECS_TASK_CONTAINERS], &all);

    if (rc == KECS_OK) {
        rc = find_container(c, all, in->container, &container);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (t->desired == KECS_DESIRED_STOPPED || t->status != KECS_TASK_RUNNING
        || !agent_runs(container))
    {
        return kecs_bad(c, "The execute command failed because execute"
                        " command was not enabled when the task was run or"
                        " the execute command agent isn\xe2\x80\x99t running."
                        " Wait and try again or run a new task with execute"
                        " command enabled and try again.");
    }

    return kecs_fail(c, KECS_E_TARGET_NOT_CONNECTED,
                     "The execute command failed due to an internal error."
                     " Try again later.");
}


kecs_rc_t
kecs_execute_command(kecs_call_t *c, void *input)
{
    kecs_rc_t                                 rc;
    kecs_task_t                               t;
    kecs_cluster_t                            cluster;
    const kecs_ecs_execute_command_request_t  *in = input;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_cluster(c, in->cluster, 0, &cluster);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (in->command.len == 0) {
        return kecs_bad(c, "Command can not be blank.");
    }

    if (!in->interactive.value) {
        return kecs_bad(c, "Interactive is the only mode that is supported"
                        " currently.");
    }

    rc = kecs_find_task(c, &cluster, in->task,
                        kecs_part_bit(KECS_TASK_CONTAINERS), &t);

    if (rc == KECS_NOT_FOUND) {
        return kecs_bad(c, "The referenced task was not found.");
    }

    return rc == KECS_OK ? reach(c, in, &t) : rc;
}
