/*
 * Time.  Wall-clock times are milliseconds since the epoch (what ECS shows
 * and the store keeps); durations and deadlines use the monotonic clock.
 * Pure code never calls these: it is given the time.
 */

#ifndef KECS_CLOCK_H
#define KECS_CLOCK_H


#include <stdint.h>
#include "str.h"


typedef int64_t  kecs_msec_t;


kecs_msec_t kecs_wall_clock(void);
kecs_msec_t kecs_monotonic(void);

/*
 * RFC 3339 as Kubernetes writes it ("2026-11-21T09:52:15Z", fraction and
 * numeric offset allowed).  false when malformed.
 */
bool kecs_time_parse(kecs_str_t s, kecs_msec_t *t);

/* "500ms", "40s", "27m", "6h", "7d"; false when malformed or absurd. */
bool kecs_duration_parse(kecs_str_t s, kecs_msec_t *t);

/* "2026-11-21T09:52:15.123Z"; out takes KECS_TIME_LEN + 1 bytes. */
#define KECS_TIME_LEN  24
void kecs_time_print(kecs_msec_t t, char *out);


/*
 * Bounds of histograms of durations, in microseconds, ascending; the
 * number of the first one that is not less, KECS_DURATIONS over all.
 */
#define KECS_DURATIONS  14
extern const uint32_t  kecs_durations[KECS_DURATIONS];

unsigned kecs_duration_bucket(uint64_t usec);


#endif
