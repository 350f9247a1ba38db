/*
 * Pages of list operations.  A token is opaque to clients: it holds where
 * to go on (an index key), bound by a keyed hash to the store and its
 * incarnation, the account and region, the operation and its filters.  It
 * survives restarts and is refused when damaged, forged, or used with
 * other filters.
 */

#ifndef KECS_PAGE_H
#define KECS_PAGE_H


#include "call.h"


typedef struct {
    size_t       max;               /* results on this page */
    size_t       n;                 /* results so far */
    kecs_str_t   after;             /* key to go on behind; absent: start */
    kecs_str_t   last;              /* key of the last entry looked at */
    bool         more;
    uint8_t      bind[16];          /* hash of operation and filters */
} kecs_page_t;

/*
 * Reads maxResults and nextToken.  `filters` is any text that stands for
 * the other parameters.  Fails with ECS's own InvalidParameterException
 * for a bad token or a maxResults outside 1..limit.
 */
kecs_rc_t kecs_page_begin(kecs_call_t *c, kecs_page_t *p,
    kecs_opt_int_t max_results, kecs_str_t next_token, size_t initial,
    size_t limit, kecs_str_t filters);

/*
 * To be called for each entry of the scan before it is used: false when
 * the page is full (by results, or by visited entries), which sets `more`.
 */
bool kecs_page_room(kecs_call_t *c, kecs_page_t *p, const kecs_scan_t *scan);

/* Entry `key` was looked at; `taken`: it is a result. */
kecs_rc_t kecs_page_took(kecs_call_t *c, kecs_page_t *p, kecs_str_t key,
    bool taken);

/* Writes nextToken when there is more. */
kecs_rc_t kecs_page_end(kecs_call_t *c, kecs_page_t *p);


#endif
