/*
 * StartTask: tasks on container instances that the client has chosen.  What
 * does not fit on its instance is a failure of the answer, not of the call.
 */

#include "instance.h"


#define INSTANCES_MAX  10

typedef struct {
    kecs_ecs_start_task_request_t  *in;
    kecs_task_request_t             request;
    kecs_cluster_t                  cluster;
    kecs_taskdef_t                  taskdef;
    kecs_ecs_task_definition_t     *def;
    kecs_launch_t                   launch;
    kecs_new_task_t                 task;
    kecs_needs_t                    needs;
    const char                     *reason[INSTANCES_MAX];
} start_t;


static void
read_request(start_t *s)
{
    s->request.group = s->in->group;
    s->request.started_by = s->in->started_by;
    s->request.reference_id = s->in->reference_id;
    s->request.propagate_tags = s->in->propagate_tags;
    s->request.tags = &s->in->tags;
    s->request.managed_tags = s->in->enable_ecs_managed_tags.value;
    s->request.execute_command = s->in->enable_execute_command.value;
    s->request.volumes = s->in->volume_configurations;
    s->request.network = s->in->network_configuration;
    s->request.overrides = s->in->overrides;
}


static kecs_rc_t
check_instances(kecs_call_t *c, const start_t *s)
{
    if (s->in->container_instances.n == 0) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Container Instances cannot be empty.");
    }

    if (s->in->container_instances.n > INSTANCES_MAX) {
        return kecs_bad(c, "Container Instances cannot have more than %d"
                        " elements.", INSTANCES_MAX);
    }

    return KECS_OK;
}


static kecs_rc_t
prepare(kecs_call_t *c, start_t *s)
{
    kecs_rc_t  rc;

    rc = check_instances(c, s);

    if (rc == KECS_OK) {
        rc = kecs_task_request_check(c, &s->request);
    }

    if (rc == KECS_OK) {
        rc = kecs_taskdef_to_run(c, s->in->task_definition, &s->taskdef,
                                 &s->def);
    }

    if (rc == KECS_OK) {
        rc = kecs_launch_resolve(c, &s->cluster, s->def, kecs_str("EC2"),
                                 NULL, kecs_null_str, &s->launch);
    }

    if (rc == KECS_OK) {
        rc = kecs_task_request_overrides(c, &s->request, s->def);
    }

    if (rc == KECS_OK) {
        rc = kecs_task_request_settle(c, &s->request, &s->cluster,
                                      &s->taskdef, s->def, s->launch.launch,
                                      &s->task);
    }

    return rc == KECS_OK ? kecs_task_needs(c, &s->task, &s->needs) : rc;
}


static kecs_rc_t
settle_place(kecs_call_t *c, start_t *s, const kecs_instance_t *p)
{
    kecs_rc_t                       rc;
    kecs_str_t                      zone;
    kecs_ecs_container_instance_t  *view;

    rc = kecs_instance_view(c, p, &view);
    if (rc != KECS_OK) {
        return rc;
    }

    zone = kecs_attribute_value(&view->attributes,
                                kecs_str(KECS_ZONE_ATTRIBUTE));

    s->task.instance = p->id;
    s->task.node = p->node;
    s->task.zone = zone.len != 0 ? zone : kecs_null_str;
    s->task.launch = kecs_instance_launch(p, view);

    return KECS_OK;
}


static kecs_rc_t
start_on(kecs_call_t *c, start_t *s, size_t i)
{
    kecs_rc_t         rc;
    kecs_task_t       t;
    kecs_instance_t   p;

    rc = kecs_find_instance(c, &s->cluster,
                            s->in->container_instances.items[i],
                            KECS_INSTANCE_ALL, &p);

    if (rc == KECS_NOT_FOUND) {
        s->reason[i] = "MISSING";
        return KECS_OK;
    }

    if (rc == KECS_OK) {
        rc = kecs_instance_refusal(c, &p, s->def, &s->needs, &s->reason[i],
                                   &s->task.gpus);
    }

    if (rc != KECS_OK || s->reason[i] != NULL) {
        return rc;
    }

    rc = settle_place(c, s, &p);

    if (rc == KECS_OK) {
        rc = kecs_task_create(c, &s->task, &t);
    }

    if (rc == KECS_OK) {
        kecs_task_write(c, NULL, s->cluster.name, &t, true);
    }

    return rc;
}


static kecs_rc_t
start_all(kecs_call_t *c, start_t *s)
{
    size_t                         i;
    kecs_rc_t                      rc;
    const kecs_ecs_string_list_t  *list;

    list = &s->in->container_instances;
    rc = KECS_OK;
    kecs_w_array(&c->out, "tasks");

    for (i = 0; rc == KECS_OK && i < list->n; i++) {
        rc = start_on(c, s, i);
    }

    kecs_w_array_end(&c->out);
    kecs_w_array(&c->out, "failures");

    for (i = 0; rc == KECS_OK && i < list->n; i++) {
        if (s->reason[i] != NULL) {
            kecs_failure_write(c, kecs_missing_arn(c, "container-instance",
                                                   s->cluster.name,
                                                   list->items[i]),
                               s->reason[i], kecs_null_str);
        }
    }

    kecs_w_array_end(&c->out);

    return rc;
}


kecs_rc_t
kecs_start_task(kecs_call_t *c, void *in)
{
    start_t    *s;
    kecs_rc_t   rc;

    s = kecs_zalloc(c->arena, sizeof(start_t));
    if (s == NULL) {
        return KECS_NOMEM;
    }

    s->in = in;
    read_request(s);
    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_cluster(c, s->in->cluster,
                               kecs_part_bit(KECS_CLUSTER_CAPACITY),
                               &s->cluster);
    }

    if (rc == KECS_OK) {
        rc = prepare(c, s);
    }

    return rc == KECS_OK ? start_all(c, s) : rc;
}
