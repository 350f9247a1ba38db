/*
 * Events of a service: a bounded list, the newest last by log position.
 * Each addition looks at the newest KECS_EVENTS_KEPT and removes at most
 * KECS_EVENTS_DROPPED behind them, so its work is bounded.
 */

#include "store_impl.h"


#define KECS_EVENTS_DROPPED  4


static kecs_rc_t
drop_old(kecs_txn_t *txn, kecs_arena_t *a, const kecs_service_t *service)
{
    unsigned       i;
    kecs_rc_t      rc;
    kecs_key_t     prefix;
    kecs_str_t     key;
    kecs_scan_t   *scan;
    kecs_event_t   old;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, service->cluster);
    kecs_key_u32(&prefix, service->no);

    rc = kecs_scan_records(txn, a, KECS_EVENT, service->rec.scope, &prefix,
                           kecs_null_str, true, &scan);

    for (i = 0; rc == KECS_OK && i < KECS_EVENTS_KEPT; i++) {
        rc = kecs_scan_next(scan, &key, NULL);
    }

    for (i = 0; rc == KECS_OK && i < KECS_EVENTS_DROPPED; i++) {
        rc = kecs_scan_next(scan, &key, &old);

        if (rc == KECS_OK) {
            rc = kecs_del(txn, &old);
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


kecs_rc_t
kecs_event_add(kecs_txn_t *txn, kecs_arena_t *a,
    const kecs_service_t *service, kecs_msec_t now, const uint8_t *id,
    kecs_str_t message)
{
    kecs_rc_t     rc;
    kecs_event_t  e;

    memset(&e, 0, sizeof(e));
    e.rec.kind = KECS_EVENT;
    e.rec.scope = service->rec.scope;
    e.cluster = service->cluster;
    e.service = service->no;
    e.seq = kecs_txn_seq(txn) + 1;
    e.created_at = now;
    e.message = message;
    memcpy(e.id, id, KECS_ID_LEN);

    rc = kecs_put(txn, &e);

    return rc == KECS_OK ? drop_old(txn, a, service) : rc;
}
