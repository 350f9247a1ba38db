/*
 * Settings of the reconciler: every time constant and bound, by name.
 * Durations are milliseconds, or carry a unit: 500ms, 40s, 27m, 6h, 7d.
 * A few are texts.
 */

#ifndef KECS_SETTINGS_H
#define KECS_SETTINGS_H


#include <stdio.h>

#include "../runtime/runtime.h"
#include "../scheduler/scheduler.h"


typedef struct {
    kecs_sched_conf_t      sched;
    kecs_simulated_conf_t  simulated;
    kecs_lease_conf_t      lease;
    kecs_msec_t            task_retention;        /* STOPPED tasks */
    kecs_msec_t            inactive_retention;    /* what is INACTIVE */
    kecs_msec_t            token_retention;
    kecs_msec_t            deployment_retention;
    kecs_msec_t            log_retention;
    kecs_msec_t            log_entries;
    kecs_msec_t            expiry_every;
    kecs_msec_t            place_again;     /* a task had no place */
    kecs_msec_t            instance_idle;   /* a node leaves a cluster */
    kecs_msec_t            start_again;     /* a start had no effect */
    kecs_msec_t            stop_again;      /* a stop had no effect */
    kecs_msec_t            burst;           /* starts per service and step */
    kecs_msec_t            throttle_from;
    kecs_msec_t            kube_burst;      /* requests in flight */
    kecs_msec_t            kube_restarts;   /* kecs_restart_rules_t */
    kecs_msec_t            spaces;          /* a namespace per cluster */
    kecs_msec_t            seed;            /* of the simulation */
    kecs_msec_t            upstream_timeout;
    kecs_msec_t            upstream_patience;
    kecs_msec_t            upstream_backoff;
    kecs_msec_t            hook_timeout;
    kecs_msec_t            alarms_every;
    char                   firelens_logs[256];      /* a folder of nodes */
    char                   volume_classes[256];     /* kecs_pod_class */
} kecs_settings_t;

void kecs_settings_default(kecs_settings_t *s);

/*
 * Sets one by name.  KECS_NOT_FOUND, KECS_INVALID (no number, or outside
 * its bounds); *why then tells a person.
 */
kecs_rc_t kecs_settings_set(kecs_settings_t *s, kecs_str_t name,
    kecs_str_t value, char *why, size_t size);

/* A table of all with their defaults, for --help. */
void kecs_settings_print(FILE *f);


#endif
