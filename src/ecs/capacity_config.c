/*
 * What a capacity provider is made of: an Auto Scaling group, or managed
 * instances of one cluster.  Checked and filled with ECS's defaults here,
 * stored as it is shown.
 */

#include "capacity_intern.h"


#define STEP_MAX     10000
#define WARMUP       300
#define STORAGE_GIB  80


static kecs_rc_t
bad(kecs_call_t *c, const char *text)
{
    return kecs_fail(c, KECS_E_INVALID_PARAMETER, "%s", text);
}


static kecs_rc_t
check_values(kecs_call_t *c, const char *what, const kecs_shape_t *shape,
    kecs_str_t value)
{
    return kecs_check_enum(c, KECS_E_INVALID_PARAMETER, what, shape, value);
}


static void
fill_str(kecs_str_t *s, const char *value)
{
    if (s->data == NULL) {
        *s = kecs_str_of(value);
    }
}


static void
fill_int(kecs_opt_int_t *n, int64_t value)
{
    if (!n->set) {
        n->value = value;
        n->set = true;
    }
}


/* The part, from its one member. */

static kecs_rc_t
set_part(kecs_call_t *c, const kecs_ecs_capacity_provider_t *shown,
    kecs_provider_t *p)
{
    kecs_str_t  json;

    json = kecs_shape_json(c->arena, &kecs_ecs_capacity_provider_shape,
                           shown);
    kecs_rec_part(&p->rec, KECS_PROVIDER_CONFIGURATION, json);

    return json.data != NULL ? KECS_OK : KECS_NOMEM;
}


/* Auto Scaling groups. */

static kecs_rc_t
settle_scaling(kecs_call_t *c, kecs_ecs_managed_scaling_t *s,
    const char *status)
{
    kecs_rc_t  rc;

    rc = check_values(c, "status", &kecs_ecs_managed_scaling_status_shape,
                      s->status);
    if (rc != KECS_OK) {
        return rc;
    }

    fill_str(&s->status, status);
    fill_int(&s->target_capacity, 100);
    fill_int(&s->minimum_scaling_step_size, 1);
    fill_int(&s->maximum_scaling_step_size, STEP_MAX);
    fill_int(&s->instance_warmup_period, WARMUP);

    if (s->minimum_scaling_step_size.value
        > s->maximum_scaling_step_size.value)
    {
        return bad(c, "The minimumScalingStepSize can't be greater than the"
                      " maximumScalingStepSize.");
    }

    return KECS_OK;
}


static kecs_rc_t
check_group(kecs_call_t *c, const kecs_ecs_auto_scaling_group_provider_t *g)
{
    kecs_rc_t  rc;

    rc = check_values(c, "managedTerminationProtection",
                      &kecs_ecs_managed_termination_protection_shape,
                      g->managed_termination_protection);

    return rc == KECS_OK ? check_values(c, "managedDraining",
                                        &kecs_ecs_managed_draining_shape,
                                        g->managed_draining)
                         : rc;
}


/* Fills what is left out; managedScaling is there. */

static kecs_rc_t
settle_group(kecs_call_t *c, kecs_ecs_auto_scaling_group_provider_t *g,
    kecs_provider_t *p)
{
    kecs_rc_t                     rc;
    kecs_ecs_capacity_provider_t  shown;

    rc = check_group(c, g);
    if (rc != KECS_OK) {
        return rc;
    }

    fill_str(&g->managed_termination_protection, "DISABLED");
    fill_str(&g->managed_draining, "ENABLED");

    p->scaling = kecs_str_is(g->managed_scaling->status, "ENABLED");
    p->draining = kecs_str_is(g->managed_draining, "ENABLED");

    if (!p->scaling
        && kecs_str_is(g->managed_termination_protection, "ENABLED"))
    {
        return kecs_fail(c, KECS_E_CLIENT,
                         "The managed termination protection setting for the"
                         " capacity provider is invalid. To enable managed"
                         " termination protection for a capacity provider,"
                         " managed scaling must be enabled.");
    }

    memset(&shown, 0, sizeof(shown));
    shown.auto_scaling_group_provider = g;

    return set_part(c, &shown, p);
}


/* One group serves one provider. */

static kecs_rc_t
check_group_free(kecs_call_t *c, kecs_str_t group)
{
    kecs_rc_t         rc;
    kecs_str_t        key;
    kecs_key_t        all;
    kecs_scan_t      *scan;
    kecs_provider_t   p;

    if (c->scope == 0) {
        return KECS_OK;
    }

    kecs_key_init(&all);
    rc = kecs_scan(c->txn, c->arena, KECS_IX_PROVIDER_ACTIVE, c->scope, &all,
                   kecs_null_str, false, &scan);

    while (rc == KECS_OK) {
        rc = kecs_scan_next(scan, &key, &p);

        if (rc == KECS_OK) {
            rc = kecs_get(c->txn, c->arena, &p, 0);
        }

        if (rc == KECS_OK && kecs_str_eq(p.group, group)) {
            kecs_scan_end(scan);

            return kecs_fail(c, KECS_E_CLIENT,
                             "The specified Auto Scaling group ARN is"
                             " already being used by another capacity"
                             " provider. Specify a unique Auto Scaling group"
                             " ARN and try again.");
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


static kecs_rc_t
new_group(kecs_call_t *c, kecs_ecs_auto_scaling_group_provider_t *g,
    kecs_provider_t *p)
{
    kecs_rc_t    rc;
    const char  *status;

    if (g->auto_scaling_group_arn.len == 0) {
        return bad(c, "autoScalingGroupArn can not be empty.");
    }

    status = g->managed_scaling != NULL ? "ENABLED" : "DISABLED";

    if (g->managed_scaling == NULL) {
        g->managed_scaling = kecs_zalloc(c->arena,
                                         sizeof(*g->managed_scaling));
        if (g->managed_scaling == NULL) {
            return KECS_NOMEM;
        }
    }

    p->type = KECS_PROVIDER_EC2;
    p->group = g->auto_scaling_group_arn;
    rc = settle_scaling(c, g->managed_scaling, status);

    if (rc == KECS_OK) {
        rc = settle_group(c, g, p);
    }

    return rc == KECS_OK ? check_group_free(c, p->group) : rc;
}


/* Managed instances. */

static kecs_rc_t
check_network(kecs_call_t *c,
    const kecs_ecs_managed_instances_network_configuration_t *network)
{
    if (network == NULL || network->subnets.n == 0) {
        return bad(c, "subnets can not be empty.");
    }

    return KECS_OK;
}


static kecs_rc_t
settle_managed(kecs_call_t *c, kecs_ecs_managed_instances_provider_t *m,
    kecs_provider_t *p)
{
    kecs_rc_t                            rc;
    kecs_ecs_capacity_provider_t         shown;
    kecs_ecs_instance_launch_template_t  *t;

    t = m->instance_launch_template;

    rc = check_values(c, "propagateTags", &kecs_ecs_propagate_mi_tags_shape,
                      m->propagate_tags);

    if (rc == KECS_OK) {
        rc = check_values(c, "capacityOptionType",
                          &kecs_ecs_capacity_option_type_shape,
                          t->capacity_option_type);
    }

    if (rc == KECS_OK) {
        rc = check_values(c, "monitoring",
                       &kecs_ecs_managed_instances_monitoring_options_shape,
                          t->monitoring);
    }

    if (rc == KECS_OK) {
        rc = check_network(c, t->network_configuration);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    fill_str(&m->propagate_tags, "NONE");
    fill_str(&t->capacity_option_type, "ON_DEMAND");
    memset(&shown, 0, sizeof(shown));
    shown.managed_instances_provider = m;

    return set_part(c, &shown, p);
}


static kecs_rc_t
fill_storage(kecs_call_t *c, kecs_ecs_instance_launch_template_t *t)
{
    if (t->storage_configuration == NULL) {
        t->storage_configuration = kecs_zalloc(c->arena,
                                       sizeof(*t->storage_configuration));
        if (t->storage_configuration == NULL) {
            return KECS_NOMEM;
        }
    }

    fill_int(&t->storage_configuration->storage_size_gib, STORAGE_GIB);

    return KECS_OK;
}


/* The input has the members of what is shown. */

static kecs_rc_t
new_managed(kecs_call_t *c,
    const kecs_ecs_create_managed_instances_provider_configuration_t *in,
    kecs_provider_t *p)
{
    kecs_rc_t                               rc;
    kecs_ecs_managed_instances_provider_t   m;

    memset(&m, 0, sizeof(m));
    m.auto_repair_configuration = in->auto_repair_configuration;
    m.infrastructure_optimization = in->infrastructure_optimization;
    m.infrastructure_role_arn = in->infrastructure_role_arn;
    m.instance_launch_template = in->instance_launch_template;
    m.propagate_tags = in->propagate_tags;

    p->type = KECS_PROVIDER_MANAGED;
    rc = fill_storage(c, m.instance_launch_template);

    return rc == KECS_OK ? settle_managed(c, &m, p) : rc;
}


kecs_rc_t
kecs_capacity_configure(kecs_call_t *c,
    const kecs_ecs_create_capacity_provider_request_t *in,
    kecs_provider_t *p)
{
    bool  group, managed;

    group = in->auto_scaling_group_provider != NULL;
    managed = in->managed_instances_provider != NULL;

    if (group == managed) {
        return bad(c, "Specify exactly one of autoScalingGroupProvider and"
                      " managedInstancesProvider.");
    }

    if (managed && in->cluster.len == 0) {
        return bad(c, "A cluster is required for a capacity provider of"
                      " managed instances.");
    }

    if (group && in->cluster.len != 0) {
        return bad(c, "A cluster can only be specified for a capacity"
                      " provider of managed instances.");
    }

    return group ? new_group(c, in->auto_scaling_group_provider, p)
                 : new_managed(c, in->managed_instances_provider, p);
}


/* Changes. */

#define lay(to, from, member)                                                \
    if ((from)->member.set) {                                                \
        (to)->member = (from)->member;                                       \
    }

#define lay_str(to, from, member)                                            \
    if ((from)->member.data != NULL) {                                       \
        (to)->member = (from)->member;                                       \
    }

#define lay_object(to, from, member)                                         \
    if ((from)->member != NULL) {                                            \
        (to)->member = (from)->member;                                       \
    }


static kecs_rc_t
change_scaling(kecs_call_t *c, kecs_ecs_managed_scaling_t *have,
    const kecs_ecs_managed_scaling_t *in)
{
    lay_str(have, in, status);
    lay(have, in, target_capacity);
    lay(have, in, minimum_scaling_step_size);
    lay(have, in, maximum_scaling_step_size);
    lay(have, in, instance_warmup_period);

    return settle_scaling(c, have, "DISABLED");
}


static kecs_rc_t
change_group(kecs_call_t *c, kecs_ecs_auto_scaling_group_provider_t *have,
    const kecs_ecs_auto_scaling_group_provider_update_t *in,
    kecs_provider_t *p)
{
    kecs_rc_t  rc;

    if (have == NULL || have->managed_scaling == NULL) {
        return KECS_CORRUPT;
    }

    lay_str(have, in, managed_draining);
    lay_str(have, in, managed_termination_protection);

    if (in->managed_scaling != NULL) {
        rc = change_scaling(c, have->managed_scaling, in->managed_scaling);

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return settle_group(c, have, p);
}


static kecs_rc_t
change_managed(kecs_call_t *c, kecs_ecs_managed_instances_provider_t *have,
    const kecs_ecs_update_managed_instances_provider_configuration_t *in,
    kecs_provider_t *p)
{
    kecs_ecs_instance_launch_template_t               *t;
    const kecs_ecs_instance_launch_template_update_t  *u;

    t = have != NULL ? have->instance_launch_template : NULL;
    u = in->instance_launch_template;

    if (t == NULL) {
        return KECS_CORRUPT;
    }

    lay_object(have, in, auto_repair_configuration);
    lay_object(have, in, infrastructure_optimization);
    lay_str(have, in, infrastructure_role_arn);
    lay_str(have, in, propagate_tags);

    if (u != NULL) {
        lay_object(t, u, capacity_reservations);
        lay_str(t, u, ec2_instance_profile_arn);
        lay(t, u, instance_metadata_tags_propagation);
        lay_object(t, u, instance_requirements);
        lay_object(t, u, local_storage_configuration);
        lay_str(t, u, monitoring);
        lay_object(t, u, network_configuration);
        lay_object(t, u, storage_configuration);
    }

    return settle_managed(c, have, p);
}


kecs_rc_t
kecs_capacity_reconfigure(kecs_call_t *c,
    const kecs_ecs_update_capacity_provider_request_t *in,
    kecs_provider_t *p)
{
    void                          *out;
    kecs_rc_t                      rc;
    kecs_ecs_capacity_provider_t  *have;

    if ((p->type == KECS_PROVIDER_EC2
         && in->managed_instances_provider != NULL)
        || (p->type == KECS_PROVIDER_MANAGED
            && in->auto_scaling_group_provider != NULL))
    {
        return bad(c, "The type of a capacity provider can't be changed.");
    }

    out = NULL;
    rc = kecs_shape_load(c->arena, &kecs_ecs_capacity_provider_shape,
                         p->rec.part[KECS_PROVIDER_CONFIGURATION], &out);
    have = out;

    if (rc == KECS_OK && in->auto_scaling_group_provider != NULL) {
        rc = change_group(c, have->auto_scaling_group_provider,
                          in->auto_scaling_group_provider, p);
    }

    if (rc == KECS_OK && in->managed_instances_provider != NULL) {
        rc = change_managed(c, have->managed_instances_provider,
                            in->managed_instances_provider, p);
    }

    return rc;
}
