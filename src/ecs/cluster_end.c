/*
 * What goes with a cluster that is deleted: its daemons and the gateways
 * associated with it.
 */

#include "daemon.h"


/* The first record of an index below the cluster; KECS_DONE: none left. */

static kecs_rc_t
first_of(kecs_call_t *c, kecs_index_t index, uint32_t cluster,
    kecs_any_t *rec)
{
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_scan_t  *scan;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, cluster);
    rc = kecs_scan(c->txn, c->arena, index, c->scope, &prefix, kecs_null_str,
                   false, &scan);

    if (rc != KECS_OK) {
        return rc;
    }

    memset(rec, 0, sizeof(kecs_any_t));
    rc = kecs_scan_first(scan, rec);

    return rc == KECS_OK ? kecs_get(c->txn, c->arena, rec, KECS_ALL_PARTS)
                         : rc;
}


static kecs_rc_t
take_daemon(kecs_call_t *c, kecs_any_t *rec)
{
    kecs_rc_t       rc;
    kecs_daemon_t  *d;

    d = &rec->daemon;
    rc = kecs_daemon_deploy(c, d, NULL, NULL);

    if (rc == KECS_OK) {
        rc = kecs_del(c->txn, d);
    }

    return rc == KECS_OK
           ? kecs_daemon_taskdef_let_go(c, d->family, d->revision) : rc;
}


static kecs_rc_t
take_association(kecs_call_t *c, kecs_any_t *rec)
{
    return kecs_del(c->txn, rec);
}


kecs_rc_t
kecs_cluster_gone(kecs_call_t *c, const kecs_cluster_t *cluster)
{
    size_t      i;
    kecs_rc_t   rc;
    kecs_any_t  rec;

    static const struct {
        kecs_index_t   index;
        kecs_rc_t    (*take)(kecs_call_t *c, kecs_any_t *rec);
    } kinds[] = {
        { KECS_IX_DAEMON_NAME, take_daemon },
        { KECS_IX_GATEWAY_CLUSTER, take_association }
    };

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        do {
            rc = first_of(c, kinds[i].index, cluster->no, &rec);

            if (rc == KECS_OK) {
                rc = kinds[i].take(c, &rec);
            }
        } while (rc == KECS_OK);

        if (rc != KECS_DONE) {
            return rc;
        }
    }

    return KECS_OK;
}
