/*
 * The status of a service deployment as it follows from the deployment that
 * it runs.  Pure; the caller stores what has changed.
 */

#include "scheduler.h"


static kecs_follow_t
become(kecs_service_deployment_t *sd, unsigned status, kecs_msec_t now)
{
    sd->status = (uint8_t) status;
    sd->updated_at = now;
    sd->version++;

    if (!kecs_service_deployment_live(status)) {
        sd->finished_at = now;

        if (status == KECS_SERVICE_DEPLOYMENT_STOPPED
            || status == KECS_SERVICE_DEPLOYMENT_ROLLBACK_FAILED)
        {
            sd->stopped_at = now;
        }
    }

    return KECS_FOLLOW_PUT;
}


static kecs_follow_t
fail(kecs_service_deployment_t *sd, kecs_str_t reason, kecs_msec_t now)
{
    sd->reason = reason;

    return become(sd, sd->status
                      == KECS_SERVICE_DEPLOYMENT_ROLLBACK_IN_PROGRESS
                      ? KECS_SERVICE_DEPLOYMENT_ROLLBACK_FAILED
                      : KECS_SERVICE_DEPLOYMENT_STOPPED, now);
}


/* The circuit breaker ends it, and may make it go back. */

static kecs_follow_t
triggered(kecs_service_deployment_t *sd, const kecs_deployment_t *run,
    kecs_msec_t now)
{
    sd->breaker |= KECS_BREAKER_TRIGGERED;

    if (sd->started_at == 0) {
        sd->started_at = now;
    }

    if (!(sd->breaker & KECS_BREAKER_ROLLBACK)) {
        return fail(sd, run->reason, now);
    }

    sd->reason = kecs_str("Service deployment rolled back because the"
                          " circuit breaker threshold was exceeded.");
    sd->rollback_reason = sd->reason;

    return KECS_FOLLOW_BACK;
}


/* So does an alarm. */

static kecs_follow_t
alarmed(kecs_service_deployment_t *sd, const kecs_deployment_t *run,
    kecs_msec_t now)
{
    if (sd->started_at == 0) {
        sd->started_at = now;
    }

    if (!(sd->alarms & KECS_ALARMS_ROLLBACK)) {
        return fail(sd, run->reason, now);
    }

    sd->reason = kecs_str("Service deployment rolled back because of one or"
                          " more active alarms.");
    sd->rollback_reason = sd->reason;

    return KECS_FOLLOW_BACK;
}


kecs_follow_t
kecs_sched_follow(kecs_service_deployment_t *sd,
    const kecs_service_t *service, const kecs_deployment_t *run,
    kecs_msec_t now)
{
    if (!kecs_service_deployment_live(sd->status)) {
        return KECS_FOLLOW_NOTHING;
    }

    if (service->status != KECS_SERVICE_ACTIVE || run == NULL
        || run->id != service->primary)
    {
        return fail(sd, kecs_str("The service no longer runs this"
                                 " deployment."), now);
    }

    if (sd->status == KECS_SERVICE_DEPLOYMENT_ROLLBACK_REQUESTED) {
        return KECS_FOLLOW_BACK;
    }

    if (run->rollout == KECS_ROLLOUT_FAILED
        && (sd->alarms & KECS_ALARMS_TRIGGERED)
        && sd->status != KECS_SERVICE_DEPLOYMENT_ROLLBACK_IN_PROGRESS)
    {
        return alarmed(sd, run, now);
    }

    if (run->rollout == KECS_ROLLOUT_FAILED
        && (sd->breaker & KECS_BREAKER_ON)
        && sd->status != KECS_SERVICE_DEPLOYMENT_ROLLBACK_IN_PROGRESS)
    {
        return triggered(sd, run, now);
    }

    if (run->rollout == KECS_ROLLOUT_FAILED) {
        return fail(sd, run->reason, now);
    }

    if (run->rollout == KECS_ROLLOUT_COMPLETED) {
        if (sd->started_at == 0) {
            sd->started_at = now;
        }

        return become(sd, sd->status
                          == KECS_SERVICE_DEPLOYMENT_ROLLBACK_IN_PROGRESS
                          ? KECS_SERVICE_DEPLOYMENT_ROLLBACK_SUCCESSFUL
                          : KECS_SERVICE_DEPLOYMENT_SUCCESSFUL, now);
    }

    if (sd->status == KECS_SERVICE_DEPLOYMENT_PENDING) {
        sd->started_at = now;
        return become(sd, KECS_SERVICE_DEPLOYMENT_IN_PROGRESS, now);
    }

    return KECS_FOLLOW_NOTHING;
}
