/*
 * Expiry: records that nobody asks for any more.  The index of ends is
 * walked from the oldest on, a stretch at a time, and what is older than
 * its kind is kept is deleted, at most a few records per transaction (a
 * full LMDB map cannot delete its way out).  A service takes its events and
 * deployments with it; a cluster stays as long as something is in it, and a
 * deleted task definition as long as something uses it (purge.c).
 */

#include "../base/log.h"
#include "reconciler.h"


#define PER_TXN      16
#define PER_LOOK     500        /* entries of the index */
#define LOG_PER_TXN  64
#define MORE_AFTER   50         /* ms until the next stretch */
#define NEVER        ((kecs_msec_t) -1)


typedef struct {
    kecs_any_t  items[PER_TXN];
    unsigned    n;
} found_t;


static kecs_msec_t
kept_for(const kecs_settings_t *s, unsigned kind)
{
    switch (kind) {

    case KECS_TASK:
        return s->task_retention;

    case KECS_SERVICE:
    case KECS_CLUSTER:
    case KECS_INSTANCE:
    case KECS_CAPACITY_PROVIDER:
    case KECS_TASKDEF:
    case KECS_DAEMON_TASKDEF:
        return s->inactive_retention;

    case KECS_TOKEN:
        return s->token_retention;

    case KECS_DEPLOYMENT:
    case KECS_SERVICE_DEPLOYMENT:
    case KECS_REVISION:
    case KECS_DAEMON_DEPLOYMENT:
    case KECS_DAEMON_REVISION:
        return s->deployment_retention;

    default:
        return NEVER;
    }
}


static kecs_msec_t
shortest(const kecs_settings_t *s)
{
    unsigned     kind;
    kecs_msec_t  t, least;

    least = NEVER;

    for (kind = 1; kind < KECS_KINDS; kind++) {
        t = kept_for(s, kind);

        if (t != NEVER && (least == NEVER || t < least)) {
            least = t;
        }
    }

    return least;
}


/* The time that an entry's key begins with. */

static kecs_msec_t
time_of(kecs_str_t key)
{
    size_t    i;
    uint64_t  t;

    for (i = 0, t = 0; i < 8 && i < key.len; i++) {
        t = t << 8 | (unsigned char) key.data[i];
    }

    return (kecs_msec_t) t;
}


static void
remember(kecs_reconciler_t *r, kecs_str_t key)
{
    kecs_key_init(&r->expiry_after);
    kecs_key_bytes(&r->expiry_after, key.data, key.len);
}


/* Leaves out the task definitions that are in use. */

static kecs_rc_t
drop_used(kecs_txn_t *txn, found_t *found)
{
    bool       used[PER_TXN];
    unsigned   i, n;
    kecs_rc_t  rc;

    for (i = 0, n = 0; i < found->n; i++) {
        used[i] = false;
        n += found->items[i].rec.kind == KECS_TASKDEF;
    }

    rc = n != 0 ? kecs_purge_look(txn, found->items, found->n, used)
                : KECS_OK;

    for (i = 0, n = 0; i < found->n; i++) {
        if (!used[i] && (rc == KECS_OK
                         || found->items[i].rec.kind != KECS_TASKDEF))
        {
            found->items[n++] = found->items[i];
        }
    }

    found->n = n;

    return rc;
}


/* Gathers what is old enough; true when there may be more behind it. */

static bool
gather(kecs_reconciler_t *r, kecs_msec_t now, found_t *found)
{
    bool          more;
    unsigned      i;
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_str_t    key;
    kecs_txn_t   *txn;
    kecs_scan_t  *scan;
    kecs_msec_t   young, kept;

    found->n = 0;
    more = false;

    if (kecs_read_begin(r->store, &txn) != KECS_OK) {
        return false;
    }

    young = now - shortest(&r->set);
    kecs_key_init(&prefix);

    rc = kecs_scan(txn, r->arena, KECS_IX_EXPIRY, 0, &prefix,
                   r->expiry_after.len != 0
                   ? kecs_str_n(r->expiry_after.data, r->expiry_after.len)
                   : kecs_null_str, false, &scan);

    for (i = 0; rc == KECS_OK && i < PER_LOOK && found->n < PER_TXN; i++) {
        rc = kecs_scan_next(scan, &key, &found->items[found->n]);

        if (rc != KECS_OK || time_of(key) > young) {
            rc = KECS_DONE;
            break;
        }

        kept = kept_for(&r->set, found->items[found->n].rec.kind);
        remember(r, key);

        if (kept != NEVER && time_of(key) <= now - kept) {
            found->n++;
        }
    }

    more = rc == KECS_OK;

    if (rc == KECS_OK || rc == KECS_DONE) {
        (void) drop_used(txn, found);
    }

    kecs_read_end(txn);

    return more;
}


/* Deletes records below a prefix; *left is how many more may go. */

static kecs_rc_t
delete_below(kecs_batch_t *b, kecs_kind_t kind, uint32_t scope,
    const kecs_key_t *prefix, unsigned *left)
{
    kecs_rc_t     rc;
    kecs_str_t    key;
    kecs_any_t    rec;
    kecs_scan_t  *scan;

    rc = kecs_scan_records(b->txn, b->r->arena, kind, scope, prefix,
                           kecs_null_str, false, &scan);

    while (rc == KECS_OK && *left > 0) {
        rc = kecs_scan_next(scan, &key, &rec);

        if (rc == KECS_OK) {
            rc = kecs_del(b->txn, &rec);
            b->records++;
            (*left)--;
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


static kecs_rc_t
delete_service(kecs_batch_t *b, kecs_service_t *s, bool *again)
{
    size_t      i;
    unsigned    left;
    kecs_rc_t   rc;
    kecs_key_t  prefix;
    static const kecs_kind_t  kinds[] = {
        KECS_EVENT, KECS_DEPLOYMENT, KECS_SERVICE_DEPLOYMENT, KECS_REVISION,
        KECS_TASK_SET, KECS_EXPRESS
    };

    left = PER_TXN;
    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, s->cluster);
    kecs_key_u32(&prefix, s->no);

    for (i = 0, rc = KECS_OK;
         rc == KECS_OK && i < sizeof(kinds) / sizeof(kinds[0]);
         i++)
    {
        rc = delete_below(b, kinds[i], s->rec.scope, &prefix, &left);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (left == 0) {
        *again = true;
        return KECS_OK;
    }

    b->records++;

    return kecs_del(b->txn, s);
}


static kecs_rc_t
is_empty(kecs_batch_t *b, kecs_kind_t kind, const kecs_cluster_t *c,
    bool *empty)
{
    kecs_rc_t     rc;
    kecs_key_t    prefix;
    kecs_str_t    key;
    kecs_scan_t  *scan;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, c->no);

    rc = kecs_scan_records(b->txn, b->r->arena, kind, c->rec.scope, &prefix,
                           kecs_null_str, false, &scan);

    if (rc == KECS_OK) {
        rc = kecs_scan_next(scan, &key, NULL);
    }

    if (rc == KECS_OK) {
        *empty = false;
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


static kecs_rc_t
delete_cluster(kecs_batch_t *b, kecs_cluster_t *c)
{
    bool       empty;
    kecs_rc_t  rc;

    empty = true;
    rc = is_empty(b, KECS_TASK, c, &empty);

    if (rc == KECS_OK) {
        rc = is_empty(b, KECS_SERVICE, c, &empty);
    }

    if (rc != KECS_OK || !empty) {
        return rc;
    }

    b->records++;

    return kecs_del(b->txn, c);
}


/* It may have been changed since it was looked at. */

static bool
still_old(const kecs_settings_t *s, const kecs_any_t *rec, kecs_msec_t now)
{
    kecs_msec_t  since;

    switch (rec->rec.kind) {

    case KECS_TASK:
        since = rec->task.status == KECS_TASK_STOPPED
                ? rec->task.stopped_at : now;
        break;

    case KECS_SERVICE:
        since = rec->service.status == KECS_SERVICE_INACTIVE
                ? rec->service.deleted_at : now;
        break;

    case KECS_CLUSTER:
        since = rec->cluster.status == KECS_CLUSTER_INACTIVE
                ? rec->cluster.deleted_at : now;
        break;

    case KECS_INSTANCE:
        since = rec->instance.status == KECS_INSTANCE_INACTIVE
                ? rec->instance.deregistered_at : now;
        break;

    case KECS_DEPLOYMENT:
        since = rec->deployment.status == KECS_DEPLOYMENT_INACTIVE
                ? rec->deployment.updated_at : now;
        break;

    case KECS_SERVICE_DEPLOYMENT:
        since = !kecs_service_deployment_live(rec->service_deployment.status)
                ? rec->service_deployment.updated_at : now;
        break;

    case KECS_REVISION:
        since = rec->service_revision.ended_at != 0
                ? rec->service_revision.ended_at : now;
        break;

    case KECS_TOKEN:
        since = rec->token.created_at;
        break;

    case KECS_CAPACITY_PROVIDER:
        since = rec->provider.status == KECS_PROVIDER_INACTIVE
                ? rec->provider.deleted_at : now;
        break;

    case KECS_DAEMON_TASKDEF:
        since = rec->taskdef.status == KECS_DAEMON_TASKDEF_DELETED
                ? rec->taskdef.delete_requested_at : now;
        break;

    case KECS_DAEMON_DEPLOYMENT:
        since = rec->daemon_deployment.replaced_at != 0
                ? rec->daemon_deployment.replaced_at : now;
        break;

    case KECS_DAEMON_REVISION:
        since = rec->daemon_revision.replaced_at != 0
                ? rec->daemon_revision.replaced_at : now;
        break;

    case KECS_TASKDEF:
        since = rec->taskdef.status == KECS_TASKDEF_DELETING
                ? rec->taskdef.delete_requested_at : now;
        break;

    default:
        since = now;
    }

    return since <= now - kept_for(s, rec->rec.kind);
}


static kecs_rc_t
delete_one(kecs_batch_t *b, kecs_any_t *rec, bool *again)
{
    kecs_rc_t  rc;

    rc = kecs_get(b->txn, b->r->arena, rec, 0);

    if (rc == KECS_NOT_FOUND) {
        return KECS_OK;
    }

    if (rc != KECS_OK || !still_old(&b->r->set, rec, b->now)) {
        return rc;
    }

    if (rec->rec.kind == KECS_SERVICE) {
        return delete_service(b, &rec->service, again);
    }

    if (rec->rec.kind == KECS_CLUSTER) {
        return delete_cluster(b, &rec->cluster);
    }

    if (rec->rec.kind == KECS_TASKDEF) {
        return kecs_purge(b, &rec->taskdef);
    }

    b->records++;

    return kecs_del(b->txn, rec);
}


/* True when some of it could not be done at once. */

static bool
delete_found(kecs_reconciler_t *r, found_t *found)
{
    bool          again;
    unsigned      i;
    kecs_rc_t     rc;
    kecs_batch_t  b;

    again = false;

    rc = kecs_batch_begin(r, &b);
    if (rc != KECS_OK) {
        return true;
    }

    for (i = 0; rc == KECS_OK && i < found->n; i++) {
        if (b.records >= PER_TXN) {
            again = true;
            break;
        }

        rc = delete_one(&b, &found->items[i], &again);
    }

    if (rc != KECS_OK) {
        kecs_batch_abort(&b);
        kecs_store_failed(r, "written", rc);
        return true;
    }

    return kecs_batch_commit(&b) != KECS_OK || again;
}


/* True when there is more to drop. */

static bool
trim_log(kecs_reconciler_t *r)
{
    unsigned      dropped;
    kecs_rc_t     rc;
    kecs_batch_t  b;

    if (kecs_batch_begin(r, &b) != KECS_OK) {
        return false;
    }

    rc = kecs_log_trim(b.txn, b.now - r->set.log_retention,
                       (uint64_t) r->set.log_entries, LOG_PER_TXN, &dropped);

    if (rc != KECS_OK) {
        kecs_batch_abort(&b);
        kecs_store_failed(r, "written", rc);
        return false;
    }

    b.records = dropped;
    (void) kecs_batch_commit(&b);

    return dropped == LOG_PER_TXN;
}


void
kecs_expiry(kecs_reconciler_t *r)
{
    bool         more, trimmed;
    found_t      found;
    kecs_key_t   from;
    kecs_msec_t  now;

    now = kecs_monotonic();

    if (now < r->expiry_at || !kecs_store_usable(r)) {
        return;
    }

    kecs_arena_reset(r->arena);
    from = r->expiry_after;
    more = gather(r, kecs_wall_clock(), &found);

    if (found.n != 0 && delete_found(r, &found)) {
        r->expiry_after = from;
        more = true;
    }

    trimmed = trim_log(r);

    if (!more) {
        kecs_key_init(&r->expiry_after);
    }

    r->expiry_at = now + (more || trimmed ? MORE_AFTER
                                          : r->set.expiry_every);
}
