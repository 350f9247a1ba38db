/*
 * Availability Zone rebalancing, the part that decides: how a service's
 * tasks stand in zones, and which move, if any, makes that more even.  A
 * move is a task started in the zone with the fewest and, once that one is
 * healthy, a task stopped in the zone with the most; there is one at a time.
 * Each makes the sum of squares smaller, so that moves come to an end.
 * Pure; memory is the arena's.
 */

#ifndef KECS_REBALANCE_H
#define KECS_REBALANCE_H


#include "scheduler.h"


/* A zone as one service stands in it. */
typedef struct {
    kecs_str_t  name;               /* absent: not known */
    int64_t     n;                  /* tasks that are wanted to run, */
    int64_t     loose;              /* of them, that may be stopped */
    bool        open;               /* new ones may be put there */
} kecs_zone_t;

typedef enum {
    KECS_ZONES_EVEN = 0,
    KECS_ZONES_UNEVEN,              /* a task is to go from *from to *to */
    KECS_ZONES_HELD                 /* one should, but all are protected */
} kecs_evenness_t;

kecs_evenness_t kecs_zones_compare(const kecs_zone_t *zones, size_t n,
    size_t *from, size_t *to);


/* A service as one step has found it. */
typedef struct {
    kecs_arena_t             *arena;
    const kecs_service_t     *service;
    const kecs_sched_conf_t  *conf;
    kecs_msec_t               now;
    kecs_actions_t           *out;
    const kecs_zone_t        *zones;
    size_t                    n;
    bool                      apt;      /* on, and no deployment goes on */
    bool                      calm;     /* its desired count is healthy, all
                                           in known zones, none is beyond */
    bool                      astray;   /* live tasks are neither as many as
                                           desired nor one more */
    bool                      moved;    /* this step has ended a move */

    /* What becomes of the service. */
    uint8_t                   balancing;
    kecs_msec_t               balance_at;
    bool                      starts;   /* a START has been added */
} kecs_rebalance_t;

/* Adds events and at most one start, and tells what becomes of it. */
kecs_rc_t kecs_rebalance(kecs_rebalance_t *x);


#endif
