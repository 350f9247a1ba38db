/*
 * The operations of ECS by name: those that are built, from the arrays of
 * the resource files, and those that the model knows.  Constant; any
 * thread may ask.
 */

#include <stdlib.h>

#include "ecs.h"


static const kecs_op_t *const  arrays[] = {
    kecs_cluster_ops,
    kecs_taskdef_ops,
    kecs_task_ops,
    kecs_service_ops,
    kecs_rollout_ops,
    kecs_task_set_ops,
    kecs_tag_ops,
    kecs_instance_ops,
    kecs_attribute_ops,
    kecs_agent_ops,
    kecs_capacity_ops,
    kecs_setting_ops,
    kecs_namespace_ops,
    kecs_daemon_ops,
    kecs_daemon_taskdef_ops,
    kecs_daemon_deployment_ops,
    kecs_gateway_ops,
    kecs_gateway_route_ops,
    kecs_express_ops
};


static int
compare(const void *key, const void *row)
{
    return kecs_str_cmp(*(const kecs_str_t *) key,
                        kecs_str_of(((const kecs_model_op_t *) row)->name));
}


bool
kecs_ecs_op_known(kecs_str_t name)
{
    return bsearch(&name, kecs_ecs_model_ops, KECS_ECS_MODEL_OPS,
                   sizeof(kecs_model_op_t), compare) != NULL;
}


const kecs_op_t *
kecs_ecs_op(kecs_str_t name)
{
    size_t            i;
    const kecs_op_t  *op;

    for (i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
        for (op = arrays[i]; op->name != NULL; op++) {
            if (kecs_str_is(name, op->name)) {
                return op;
            }
        }
    }

    return NULL;
}
