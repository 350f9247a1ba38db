/*
 * What alarms make of a service deployment (ecs-api.md 3.7).  Pure.  One
 * that is in ALARM when it begins makes it go without alarms: it may be the
 * deployment that mends what the alarm tells of.  One that is raised later
 * ends it.  What cannot be asked ends nothing.
 */

#include "scheduler.h"


#define BAKE_MAX  5                 /* minutes, unless it is told */


bool
kecs_sched_monitors(const kecs_service_deployment_t *sd)
{
    return (sd->alarms & KECS_ALARMS_ON)
           && !(sd->alarms & (KECS_ALARMS_IGNORED | KECS_ALARMS_TRIGGERED))
           && sd->stage != KECS_STAGE_CLEAN_UP
           && (sd->status == KECS_SERVICE_DEPLOYMENT_PENDING
               || sd->status == KECS_SERVICE_DEPLOYMENT_IN_PROGRESS);
}


static uint8_t
flags_of(const kecs_service_deployment_t *sd, const kecs_sched_alarms_t *s)
{
    uint8_t  flags;

    flags = sd->alarms;

    switch (s->status) {

    case KECS_ALARMS_NOBODY:
        return flags | KECS_ALARMS_UNASKED | KECS_ALARMS_TOLD;

    case KECS_ALARMS_FAILED:
        return flags | KECS_ALARMS_TOLD;

    case KECS_ALARMS_KNOWN:
        flags &= (uint8_t) ~KECS_ALARMS_UNASKED;
        break;

    default:
        return flags;
    }

    if (s->raised) {
        flags |= !(flags & KECS_ALARMS_SEEN)
                 && s->raised_at <= sd->created_at
                 ? KECS_ALARMS_IGNORED : KECS_ALARMS_TRIGGERED;
    }

    return flags | KECS_ALARMS_SEEN;
}


kecs_rc_t
kecs_sched_alarms(kecs_arena_t *arena, const kecs_sched_view_t *view,
    kecs_actions_t *out)
{
    uint8_t                           flags;
    kecs_action_t                    *a;
    const kecs_service_deployment_t  *sd;

    sd = view->rollout;

    if (sd == NULL || view->alarms == NULL || !kecs_sched_monitors(sd)
        || view->service->status != KECS_SERVICE_ACTIVE)
    {
        return KECS_OK;
    }

    flags = flags_of(sd, view->alarms);

    if (flags == sd->alarms) {
        return KECS_OK;
    }

    a = kecs_action_add(arena, out, KECS_ACT_ALARMS);

    if (a == NULL) {
        return KECS_NOMEM;
    }

    a->deployment = sd->id;
    a->version = sd->version;
    a->alarms = flags;
    a->text = view->alarms->raised ? view->alarms->names
                                   : view->alarms->why;

    return KECS_OK;
}


kecs_msec_t
kecs_sched_baked_at(const kecs_sched_view_t *view,
    const kecs_sched_conf_t *conf)
{
    kecs_msec_t                       bake;
    const kecs_service_deployment_t  *sd;

    sd = view->rollout;

    if (sd == NULL || view->alarms == NULL || !kecs_sched_monitors(sd)
        || (sd->alarms & KECS_ALARMS_UNASKED)
        || sd->strategy > KECS_DEPLOY_ROLLING)
    {
        return 0;
    }

    if (!(sd->alarms & KECS_ALARMS_SEEN)) {
        return view->alarms->status == KECS_ALARMS_FAILED ? 0 : INT64_MAX;
    }

    bake = view->alarms->period * conf->minute / 60000;
    bake = bake < conf->minute ? conf->minute : bake;
    bake = bake > BAKE_MAX * conf->minute ? BAKE_MAX * conf->minute : bake;

    return sd->stage_at + (sd->bake != 0
                           ? (kecs_msec_t) sd->bake * conf->minute : bake);
}
