/*
 * Container instances: how they are shown, and what changes them once they
 * are registered.  An INACTIVE one stays readable until it expires.
 */

#include "instance.h"


#define DESCRIBED_MAX  100
#define UPDATED_MAX     10


/* Rendering. */

static void
opt_int(kecs_opt_int_t *out, int64_t n)
{
    out->value = n;
    out->set = true;
}


static void
show_head(const kecs_instance_t *p, kecs_ecs_container_instance_t *view)
{
    view->agent_connected.value = p->connected != 0;
    view->agent_connected.set = true;
    view->attachments.set = true;
    view->attributes.set = true;
    view->capacity_provider_name = p->provider;
    view->ec2_instance_id = p->ec2_id;
    view->registered_at.value = (double) p->registered_at / 1000;
    view->registered_at.set = true;
    view->registered_resources.set = true;
    view->status = kecs_str_of(kecs_instance_status_name(p->status));
    view->status_reason = p->reason;
    opt_int(&view->version, p->version);
}


/* Nothing reports the health of an instance yet. */

static void
show_health(kecs_ecs_container_instance_t *view,
    kecs_ecs_container_instance_health_status_t *health)
{
    memset(health, 0, sizeof(*health));
    health->overall_status = kecs_str("INSUFFICIENT_DATA");
    health->details.set = true;
    view->health_status = health;
}


kecs_rc_t
kecs_instance_write(kecs_call_t *c, const char *name, kecs_str_t cluster,
    const kecs_instance_t *p, unsigned shown)
{
    kecs_rc_t                                    rc;
    kecs_usage_t                                 usage;
    kecs_ecs_version_info_t                      none;
    kecs_ecs_container_instance_t               *view;
    kecs_ecs_container_instance_health_status_t  health;

    rc = kecs_instance_now(c, p, &usage, &view);

    if (rc != KECS_OK) {
        return rc;
    }

    show_head(p, view);
    opt_int(&view->pending_tasks_count, usage.pending);
    opt_int(&view->running_tasks_count, usage.running);
    view->container_instance_arn = kecs_instance_arn(c, cluster, p->id);

    if (view->container_instance_arn.data == NULL) {
        return KECS_NOMEM;
    }

    if (view->version_info == NULL) {
        memset(&none, 0, sizeof(none));
        view->version_info = &none;
    }

    if (!(shown & KECS_SHOW_TAGS)) {
        memset(&view->tags, 0, sizeof(view->tags));
    }

    view->tags.set = true;

    if (shown & KECS_SHOW_HEALTH) {
        show_health(view, &health);
    }

    kecs_shape_encode(&c->out, name, &kecs_ecs_container_instance_shape,
                      view);

    return KECS_OK;
}


/* Finding and changing. */

kecs_rc_t
kecs_instance_to_change(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_str_t id, kecs_instance_t *out)
{
    char       hex[2 * KECS_ID_LEN];
    kecs_rc_t  rc;

    rc = kecs_find_instance(c, cluster, id, KECS_INSTANCE_ALL, out);

    if (rc == KECS_NOT_FOUND) {
        return kecs_bad(c, "The referenced container instance was not"
                        " found.");
    }

    if (rc == KECS_OK && out->status == KECS_INSTANCE_INACTIVE) {
        kecs_hex(out->id, KECS_ID_LEN, hex);

        return kecs_fail(c, KECS_E_CLIENT, "Container instance %.*s is"
                         " inactive.", (int) sizeof(hex), hex);
    }

    return rc;
}


kecs_rc_t
kecs_instance_put(kecs_call_t *c, kecs_instance_t *p)
{
    p->version++;

    return kecs_put(c->txn, p);
}


/* DeregisterContainerInstance. */

static kecs_rc_t
stop_one(kecs_call_t *c, kecs_task_t *t)
{
    kecs_rc_t  rc;

    rc = kecs_get(c->txn, c->arena, t, 0);

    return rc == KECS_OK
           ? kecs_task_stop(c, t, KECS_STOP_USER,
                            kecs_str("Container instance deregistration"
                                     " forced by user"))
           : rc;
}


static kecs_rc_t
stop_tasks(kecs_call_t *c, const kecs_instance_t *p)
{
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_str_t    key;
    kecs_scan_t  *scan;
    kecs_task_t   t;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, p->cluster);
    kecs_key_bytes(&prefix, p->id, KECS_ID_LEN);

    rc = kecs_scan(c->txn, c->arena, KECS_IX_TASK_INSTANCE_LIVE, c->scope,
                   &prefix, kecs_null_str, false, &scan);

    while (rc == KECS_OK) {
        memset(&t, 0, sizeof(kecs_task_t));
        rc = kecs_scan_next(scan, &key, &t);
        rc = rc == KECS_OK ? stop_one(c, &t) : rc;
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


/* The one that a request names, to be changed. */

static kecs_rc_t
open_instance(kecs_call_t *c, const void *in, kecs_str_t cluster,
    kecs_str_t id, kecs_cluster_t *of, kecs_instance_t *p)
{
    kecs_rc_t  rc;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_find_cluster(c, cluster, 0, of);
    }

    return rc == KECS_OK ? kecs_instance_to_change(c, of, id, p) : rc;
}


static kecs_rc_t
empty_instance(kecs_call_t *c, const kecs_instance_t *p, bool force)
{
    kecs_rc_t     rc;
    kecs_usage_t  usage;

    if (force) {
        return stop_tasks(c, p);
    }

    rc = kecs_instance_usage(c, p, &usage);

    return rc == KECS_OK && usage.n != 0
           ? kecs_bad(c, "Found running tasks on the instance.") : rc;
}


static kecs_rc_t
deregister(kecs_call_t *c, void *input)
{
    kecs_rc_t                                               rc;
    kecs_cluster_t                                          cluster;
    kecs_instance_t                                         p;
    const kecs_ecs_deregister_container_instance_request_t  *in = input;

    rc = open_instance(c, in, in->cluster, in->container_instance, &cluster,
                       &p);

    if (rc == KECS_OK) {
        rc = empty_instance(c, &p, in->force.value);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    p.status = KECS_INSTANCE_INACTIVE;
    p.connected = 0;
    p.deregistered_at = c->now;
    p.left = 0;
    rc = kecs_instance_put(c, &p);

    return rc == KECS_OK
           ? kecs_instance_write(c, "containerInstance", cluster.name, &p,
                                 KECS_SHOW_TAGS)
           : rc;
}


/* DescribeContainerInstances, UpdateContainerInstancesState. */

static kecs_rc_t
check_list(kecs_call_t *c, const kecs_ecs_string_list_t *list, size_t max)
{
    if (list->n == 0) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Container Instances cannot be empty.");
    }

    if (list->n > max) {
        return kecs_bad(c, "Container Instances cannot have more than %zu"
                        " elements.", max);
    }

    return KECS_OK;
}


/* What is done to each instance of a list; *why: it is a failure. */

typedef struct {
    const kecs_cluster_t  *cluster;
    unsigned               shown;
    unsigned               status;          /* 0: none is set */
} listed_t;

static kecs_rc_t
each(kecs_call_t *c, const listed_t *l, kecs_instance_t *p, const char **why)
{
    kecs_rc_t  rc;

    if (l->status != 0 && p->status != l->status) {
        if (p->status != KECS_INSTANCE_ACTIVE
            && p->status != KECS_INSTANCE_DRAINING)
        {
            *why = "INACTIVE";
            return KECS_OK;
        }

        p->status = (uint8_t) l->status;
        p->held = p->held != KECS_HELD_NOT ? KECS_HELD_SAME : KECS_HELD_NOT;
        rc = kecs_instance_put(c, p);

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return kecs_instance_write(c, NULL, l->cluster->name, p, l->shown);
}


/* The instances by the list, each once, and then what was not there. */

static kecs_rc_t
write_list(kecs_call_t *c, const kecs_ecs_string_list_t *list,
    const listed_t *l)
{
    size_t            i, n;
    uint8_t           ids[DESCRIBED_MAX][KECS_ID_LEN];
    kecs_rc_t         rc;
    const char       *why[DESCRIBED_MAX];
    kecs_instance_t   p;

    kecs_w_array(&c->out, "containerInstances");

    for (i = 0, n = 0; i < list->n; i++) {
        why[i] = NULL;
        rc = kecs_find_instance(c, l->cluster, list->items[i],
                                KECS_INSTANCE_ALL, &p);

        if (rc == KECS_NOT_FOUND) {
            why[i] = "MISSING";
            rc = KECS_OK;

        } else if (rc == KECS_OK && kecs_id_new(ids, &n, p.id)) {
            rc = each(c, l, &p, &why[i]);
        }

        if (rc != KECS_OK) {
            return rc;
        }
    }

    kecs_w_array_end(&c->out);
    kecs_w_array(&c->out, "failures");

    for (i = 0; i < list->n; i++) {
        if (why[i] != NULL) {
            kecs_failure_write(c, kecs_missing_arn(c, "container-instance",
                                                   l->cluster->name,
                                                   list->items[i]),
                               why[i], kecs_null_str);
        }
    }

    kecs_w_array_end(&c->out);

    return KECS_OK;
}


static kecs_rc_t
describe(kecs_call_t *c, void *input)
{
    listed_t                                               l;
    kecs_rc_t                                              rc;
    kecs_cluster_t                                         cluster;
    const kecs_ecs_describe_container_instances_request_t  *in = input;

    rc = kecs_find_cluster(c, in->cluster, 0, &cluster);

    if (rc == KECS_OK) {
        rc = check_list(c, &in->container_instances, DESCRIBED_MAX);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    memset(&l, 0, sizeof(listed_t));
    l.cluster = &cluster;

    if (kecs_names_has(in->include.n, in->include.items, "TAGS")) {
        l.shown |= KECS_SHOW_TAGS;
    }

    if (kecs_names_has(in->include.n, in->include.items,
                       "CONTAINER_INSTANCE_HEALTH"))
    {
        l.shown |= KECS_SHOW_HEALTH;
    }

    return write_list(c, &in->container_instances, &l);
}


static kecs_rc_t
update_state(kecs_call_t *c, void *input)
{
    listed_t                                                   l;
    kecs_rc_t                                                  rc;
    kecs_cluster_t                                             cluster;
    const kecs_ecs_update_container_instances_state_request_t  *in = input;

    memset(&l, 0, sizeof(listed_t));
    l.cluster = &cluster;
    rc = kecs_find_cluster(c, in->cluster, 0, &cluster);

    if (rc == KECS_OK) {
        rc = check_list(c, &in->container_instances, UPDATED_MAX);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    l.status = kecs_instance_status_of(in->status);

    if (l.status != KECS_INSTANCE_ACTIVE
        && l.status != KECS_INSTANCE_DRAINING)
    {
        return kecs_bad(c, "Container instance status should be one of"
                        " [ACTIVE, DRAINING]");
    }

    return write_list(c, &in->container_instances, &l);
}


/*
 * UpdateContainerAgent: an agent is updated by a message to it, and there
 * is no newer one to tell it of.
 */

static kecs_rc_t
update_agent(kecs_call_t *c, void *input)
{
    kecs_rc_t                                        rc;
    kecs_cluster_t                                   cluster;
    kecs_instance_t                                  p;
    kecs_ecs_container_instance_t                   *view;
    const kecs_ecs_update_container_agent_request_t  *in = input;

    rc = open_instance(c, in, in->cluster, in->container_instance, &cluster,
                       &p);

    if (rc == KECS_OK) {
        rc = kecs_instance_view(c, &p, &view);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (view->version_info == NULL
        || view->version_info->agent_version.len == 0)
    {
        return kecs_fail(c, KECS_E_MISSING_VERSION,
                         "Amazon ECS can't determine the current version of"
                         " the Amazon ECS container agent on the container"
                         " instance.");
    }

    return kecs_fail(c, KECS_E_NO_UPDATE_AVAILABLE,
                     "There's no update available for this Amazon ECS"
                     " container agent.");
}


const kecs_op_t  kecs_instance_ops[] = {
    { "DeregisterContainerInstance", KECS_OP_WRITE,
      &kecs_ecs_deregister_container_instance_request_shape, deregister },
    { "DescribeContainerInstances", KECS_OP_READ,
      &kecs_ecs_describe_container_instances_request_shape, describe },
    { "ListContainerInstances", KECS_OP_READ,
      &kecs_ecs_list_container_instances_request_shape,
      kecs_list_container_instances },
    { "RegisterContainerInstance", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_register_container_instance_request_shape,
      kecs_register_container_instance },
    { "UpdateContainerAgent", KECS_OP_READ,
      &kecs_ecs_update_container_agent_request_shape, update_agent },
    { "UpdateContainerInstancesState", KECS_OP_WRITE,
      &kecs_ecs_update_container_instances_state_request_shape,
      update_state },
    { NULL, 0, NULL, NULL }
};
