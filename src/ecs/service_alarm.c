/*
 * Alarms of service deployments: what is known of them is put into the
 * record, and events tell what their owner has to know.  Who asks for their
 * state is the reconciler.
 */

#include "service_intern.h"


typedef kecs_service_deployment_t  rollout_t;


static kecs_rc_t
tell(kecs_call_t *c, const kecs_service_t *s, const rollout_t *sd,
    const char *what, kecs_str_t detail)
{
    kecs_str_t  text;

    text = kecs_sprintf(c->arena, "(deployment " KECS_DEPLOYMENT_FMT ") %s:"
                        " %.*s.", sd->id, what, kecs_fmt(detail));

    return text.data != NULL ? kecs_service_event(c, s, 0, text)
                             : KECS_NOMEM;
}


kecs_rc_t
kecs_alarms_seen(kecs_call_t *c, const kecs_service_t *s,
    kecs_service_deployment_t *sd, uint8_t alarms, kecs_str_t detail)
{
    uint8_t    new;
    kecs_rc_t  rc;

    new = alarms & (uint8_t) ~sd->alarms;
    sd->alarms = alarms;
    sd->updated_at = c->now;
    sd->version++;
    rc = KECS_OK;

    if (new & KECS_ALARMS_TRIGGERED) {
        kecs_rec_part(&sd->rec, KECS_SERVICE_DEPLOYMENT_ALARMS, detail);

    } else if (new & KECS_ALARMS_IGNORED) {
        rc = tell(c, s, sd, "does not monitor its alarms, because some were"
                  " in ALARM when it began", detail);

    } else if (new & KECS_ALARMS_TOLD) {
        rc = tell(c, s, sd, "goes on without its alarms, which cannot be"
                  " asked", detail);
    }

    return rc == KECS_OK ? kecs_put(c->txn, sd) : rc;
}
