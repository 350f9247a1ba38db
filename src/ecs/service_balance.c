/*
 * availabilityZoneRebalancing of a service: its default, what it does not
 * go together with, and whether the scheduler has to do anything about it.
 */

#include "instance.h"
#include "service_intern.h"


#define MAX_PERCENT  "maximumPercent <= 100 % as deployment configuration."


static bool
names_zone(const kecs_ecs_placement_constraints_t *constraints)
{
    size_t      i, at;
    kecs_str_t  name, text;

    name = kecs_str(KECS_ZONE_ATTRIBUTE);

    for (i = 0; i < constraints->n; i++) {
        text = constraints->items[i].expression;

        for (at = 0; at + name.len <= text.len; at++) {
            if (kecs_str_starts(kecs_str_from(text, at), name)) {
                return true;
            }
        }
    }

    return false;
}


static bool
spreads(const kecs_ecs_placement_strategies_t *list)
{
    return list->n == 0
           || (kecs_str_is(list->items[0].type, "spread")
               && kecs_str_is(list->items[0].field,
                              "attribute:" KECS_ZONE_ATTRIBUTE));
}


static bool
is_classic(const kecs_ecs_load_balancers_t *list)
{
    size_t  i;

    for (i = 0; i < list->n; i++) {
        if (list->items[i].load_balancer_name.len != 0) {
            return true;
        }
    }

    return false;
}


/* What of the service keeps it from being rebalanced; NULL: nothing. */

static const char *
objection(unsigned strategy, unsigned launch, const kecs_ecs_service_t *s)
{
    const char  *what;

    what = strategy == KECS_STRATEGY_DAEMON ? "DAEMON services"
           : launch == KECS_LAUNCH_EXTERNAL ? "the EXTERNAL launch type."
           : s->deployment_configuration->maximum_percent.value <= 100
             ? MAX_PERCENT
           : is_classic(&s->load_balancers) ? "Classic Load Balancers."
           : names_zone(&s->placement_constraints)
             ? "placement constraints on attribute:" KECS_ZONE_ATTRIBUTE "."
           : !spreads(&s->placement_strategy)
             ? "a first placement strategy other than spread on attribute:"
               KECS_ZONE_ATTRIBUTE "."
           : NULL;

    return what;
}


kecs_rc_t
kecs_spec_rebalancing(kecs_call_t *c, kecs_service_spec_t *spec)
{
    bool                 full;
    kecs_rc_t            rc;
    const char          *what;
    kecs_ecs_service_t  *s;

    s = &spec->s;
    what = objection(spec->strategy, spec->launch.launch, s);

    if (s->availability_zone_rebalancing.len == 0) {
        s->availability_zone_rebalancing = what != NULL
                                           ? kecs_str("DISABLED")
                                           : kecs_str("ENABLED");
        return KECS_OK;
    }

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER,
                         "availability zone rebalancing",
                         &kecs_ecs_availability_zone_rebalancing_shape,
                         s->availability_zone_rebalancing);

    if (rc != KECS_OK || what == NULL
        || !kecs_str_is(s->availability_zone_rebalancing, "ENABLED"))
    {
        return rc;
    }

    /* what was on stays, without effect, but for what ECS refuses then */

    full = strcmp(what, MAX_PERCENT) == 0;

    if (spec->update && !full && !spec->rebalancing_asked) {
        return KECS_OK;
    }

    return kecs_bad(c, "%sAvailability Zone Rebalancing does not support"
                    " %s%s", spec->update ? "The service couldn't be updated"
                                            " because " : "", what,
                    spec->update && full ? " Update deployment configuration"
                                           " and try again." : "");
}


static unsigned
rebalances(unsigned strategy, unsigned launch, const kecs_ecs_service_t *s)
{
    return kecs_str_is(s->availability_zone_rebalancing, "ENABLED")
           && objection(strategy, launch, s) == NULL
           ? KECS_REBALANCE_ON : KECS_REBALANCE_OFF;
}


unsigned
kecs_spec_rebalances(const kecs_service_spec_t *spec)
{
    return rebalances(spec->strategy, spec->launch.launch, &spec->s);
}


kecs_rc_t
kecs_service_rebalances(kecs_call_t *c, const kecs_service_t *s,
    unsigned *out)
{
    kecs_rc_t           rc;
    kecs_ecs_service_t  view;

    rc = kecs_fragment_load(c, &kecs_ecs_service_shape,
                            s->rec.part[KECS_SERVICE_STATIC], &view);

    *out = rc == KECS_OK && view.deployment_configuration != NULL
           ? rebalances(s->strategy, s->launch, &view) : KECS_REBALANCE_OFF;

    return rc;
}
