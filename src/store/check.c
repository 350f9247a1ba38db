/*
 * Checking every invariant of a store, in one read transaction beside a
 * running system:
 *
 *   - heads and keys of all records can be read, their position is in the
 *     log's range, and the log has their key there;
 *   - each index entry that follows from a record is there and points to it,
 *     and each entry that is there follows from a record;
 *   - counters are the sums over all records, and absent when zero;
 *   - the revisions of a family agree with its record;
 *   - parts belong to records; names of what is gone are well-formed;
 *   - the log has no gaps and can be read.
 *
 * It needs memory for the counters (one per cluster, service, deployment)
 * and for one record at a time; both are its own.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "store_impl.h"


#define COUNTER_KEY  20

typedef struct {
    uint8_t        key[COUNTER_KEY];
    kecs_counts_t  counts;
    bool           used;
} slot_t;

typedef struct {
    kecs_txn_t      txn;
    kecs_arena_t   *arena;              /* reset for each record */
    void          (*say)(void *ctx, const char *line);
    void           *ctx;
    unsigned        defects;
    slot_t         *slots;              /* open addressing */
    size_t          size;               /* a power of two */
    size_t          used;
    uint64_t        first;              /* of the log */
    uint64_t        last;
    bool            launches;           /* are counted: see upgrade.c */
    bool            placed;             /* likewise tasks on instances */
} check_t;

static void defect(check_t *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


static void
defect(check_t *c, const char *fmt, ...)
{
    char     line[1024];
    va_list  args;

    c->defects++;

    if (c->say == NULL) {
        return;
    }

    va_start(args, fmt);
    vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);

    c->say(c->ctx, line);
}


/* A key for people: printable bytes as they are, others as \xx. */

static const char *
shown(check_t *c, kecs_str_t key)
{
    char        *p, *out;
    size_t       i;
    static char  none[] = "?";

    out = kecs_alloc(c->arena, key.len * 3 + 1);

    if (out == NULL) {
        return none;
    }

    for (i = 0, p = out; i < key.len; i++) {
        if (key.data[i] > ' ' && key.data[i] < 127) {
            *p++ = key.data[i];

        } else {
            *p++ = '\\';
            kecs_hex((const uint8_t *) key.data + i, 1, p);
            p += 2;
        }
    }

    *p = '\0';

    return out;
}


/* The expected counters: a hash table by key. */

static slot_t *
slot_of(slot_t *slots, size_t size, const uint8_t *key)
{
    size_t    i;
    uint64_t  h;

    h = 14695981039346656037u;

    for (i = 0; i < COUNTER_KEY; i++) {
        h = (h ^ key[i]) * 1099511628211u;
    }

    for (i = h & (size - 1);
         slots[i].used && memcmp(slots[i].key, key, COUNTER_KEY) != 0;
         i = (i + 1) & (size - 1))
    {
        /* the next one */
    }

    return &slots[i];
}


static kecs_rc_t
slots_grow(check_t *c)
{
    size_t   i, size;
    slot_t  *slots;

    if (c->used * 2 < c->size) {
        return KECS_OK;
    }

    size = c->size ? c->size * 2 : 1024;
    slots = calloc(size, sizeof(slot_t));

    if (slots == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < c->size; i++) {
        if (c->slots[i].used) {
            *slot_of(slots, size, c->slots[i].key) = c->slots[i];
        }
    }

    free(c->slots);
    c->slots = slots;
    c->size = size;

    return KECS_OK;
}


static kecs_rc_t
expect_counts(check_t *c, uint32_t scope, const kecs_contribution_t *at)
{
    slot_t      *slot;
    kecs_rc_t    rc;
    kecs_key_t   k;

    if (!c->placed && at->service >= KECS_COUNT_GROUP) {
        return KECS_OK;
    }

    rc = slots_grow(c);

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_counter_key(&k, scope, at->cluster, at->service, at->deployment);
    slot = slot_of(c->slots, c->size, k.data);

    if (!slot->used) {
        slot->used = true;
        memcpy(slot->key, k.data, COUNTER_KEY);
        c->used++;
    }

    kecs_counts_add(&slot->counts, &at->counts);

    if (!c->launches) {
        memset(slot->counts.by, 0, sizeof(slot->counts.by));
    }

    return KECS_OK;
}


/* What a record implies, looked up. */

static kecs_rc_t
check_entries(check_t *c, const char *name, kecs_str_t key,
    const kecs_derived_t *d, kecs_str_t ref)
{
    unsigned    i;
    kecs_rc_t   rc;
    kecs_str_t  v;

    for (i = 0; i < d->n; i++) {
        rc = kecs_db_get(&c->txn, KECS_DB_INDEX, kecs_derived_key(d, i), &v);

        if (rc == KECS_NOT_FOUND) {
            defect(c, "%s %s: entry %s is missing in the index", name,
                   shown(c, key), shown(c, kecs_derived_key(d, i)));

        } else if (rc != KECS_OK) {
            return rc;

        } else if (!kecs_str_eq(v, ref)) {
            defect(c, "%s %s: index entry %s points elsewhere", name,
                   shown(c, key), shown(c, kecs_derived_key(d, i)));
        }
    }

    return KECS_OK;
}


/* The log still reaching back to a record's change must name the record. */

static kecs_rc_t
check_rev(check_t *c, const char *name, kecs_str_t key, const void *rec,
    const kecs_key_t *ref)
{
    kecs_rc_t            rc;
    kecs_key_t           other;
    kecs_change_entry_t  e;
    const kecs_rec_t    *r;

    r = rec;

    if (r->rev == 0 || r->rev > c->last) {
        defect(c, "%s %s: its position %llu is not in the log (last %llu)",
               name, shown(c, key), (unsigned long long) r->rev,
               (unsigned long long) c->last);
        return KECS_OK;
    }

    if (r->rev < c->first) {
        return KECS_OK;
    }

    rc = kecs_log_next(&c->txn, c->arena, r->rev - 1, &e);

    if (rc == KECS_NOMEM) {
        return rc;
    }

    if (rc != KECS_OK) {
        return KECS_OK;                 /* told by the walk over the log */
    }

    kecs_key_init(&other);
    kecs_ref_key(&other, e.rec);

    if (e.change == KECS_DELETED
        || !kecs_str_eq(kecs_key_view(&other), kecs_key_view(ref)))
    {
        defect(c, "%s %s: the log has another change at its position %llu",
               name, shown(c, key), (unsigned long long) r->rev);
    }

    return KECS_OK;
}


static kecs_rc_t
check_record(check_t *c, kecs_kind_t kind, kecs_str_t key)
{
    unsigned        i;
    kecs_rc_t       rc;
    kecs_any_t      rec;
    kecs_key_t      ref;
    const char     *name;
    kecs_derived_t  d;

    name = kecs_schema(kind)->name;

    kecs_key_init(&ref);
    kecs_key_u8(&ref, (uint8_t) kind);
    kecs_key_bytes(&ref, key.data, key.len);

    rc = kecs_ref_read(kecs_key_view(&ref), &rec);

    if (rc == KECS_OK) {
        rc = kecs_get(&c->txn, c->arena, &rec, 0);
    }

    if (rc == KECS_NOMEM) {
        return rc;
    }

    if (rc != KECS_OK) {
        defect(c, "%s %s: cannot be read (%s)", name, shown(c, key),
               kecs_rc_name(rc));
        return KECS_OK;
    }

    kecs_derive(&rec, &d);
    rc = check_entries(c, name, key, &d, kecs_key_view(&ref));

    for (i = 0; i < d.counts && rc == KECS_OK; i++) {
        rc = expect_counts(c, rec.rec.scope, &d.count[i]);
    }

    return rc == KECS_OK ? check_rev(c, name, key, &rec, &ref) : rc;
}


/*
 * Calls `one` for every entry of a database.  The key is copied, as `one`
 * may read; the cursor is its own as long as `one` steps no other one of the
 * same database.
 */

static kecs_rc_t
walk(check_t *c, unsigned db,
    kecs_rc_t (*one)(check_t *c, unsigned db, kecs_str_t key,
                     kecs_str_t value))
{
    kecs_rc_t      rc;
    kecs_str_t     k, v;
    MDB_cursor_op  op;

    k = kecs_null_str;

    for (op = MDB_FIRST; ; op = MDB_NEXT) {
        rc = kecs_db_step(&c->txn, db, 0, op, &k, &v);

        if (rc != KECS_OK) {
            return rc == KECS_NOT_FOUND ? KECS_OK : rc;
        }

        kecs_arena_reset(c->arena);
        rc = one(c, db, k, v);

        if (rc != KECS_OK) {
            return rc;
        }
    }
}


static kecs_rc_t
one_record(check_t *c, unsigned db, kecs_str_t key, kecs_str_t value)
{
    (void) value;

    return check_record(c, (kecs_kind_t) (db - KECS_DB_PARTS), key);
}


/* Reads the record a reference names; *ok: it is there. */

static kecs_rc_t
referred(check_t *c, kecs_str_t ref, kecs_any_t *rec, bool *ok)
{
    kecs_rc_t  rc;

    rc = kecs_ref_read(ref, rec);

    if (rc == KECS_OK) {
        rc = kecs_get(&c->txn, c->arena, rec, 0);
    }

    *ok = rc == KECS_OK;

    return rc == KECS_NOMEM ? rc : KECS_OK;
}


static kecs_rc_t
one_entry(check_t *c, unsigned db, kecs_str_t key, kecs_str_t value)
{
    bool            ok;
    unsigned        i;
    kecs_rc_t       rc;
    kecs_any_t      rec;
    kecs_derived_t  d;

    (void) db;

    rc = referred(c, value, &rec, &ok);

    if (rc != KECS_OK) {
        return rc;
    }

    if (!ok) {
        defect(c, "index entry %s: its record is missing", shown(c, key));
        return KECS_OK;
    }

    kecs_derive(&rec, &d);

    for (i = 0; i < d.n; i++) {
        if (kecs_str_eq(kecs_derived_key(&d, i), key)) {
            return KECS_OK;
        }
    }

    defect(c, "index entry %s: does not follow from its record",
           shown(c, key));

    return KECS_OK;
}


static kecs_rc_t
one_part(check_t *c, unsigned db, kecs_str_t key, kecs_str_t value)
{
    bool        ok;
    kecs_rc_t   rc;
    kecs_any_t  rec;

    (void) db;
    (void) value;

    if (key.len < 2 || (uint8_t) key.data[key.len - 1] >= KECS_PARTS) {
        defect(c, "part %s: malformed key", shown(c, key));
        return KECS_OK;
    }

    rc = referred(c, kecs_str_n(key.data, key.len - 1), &rec, &ok);

    if (rc == KECS_OK && !ok) {
        defect(c, "part %s: its record is missing", shown(c, key));
    }

    return rc;
}


static kecs_rc_t
one_name(check_t *c, unsigned db, kecs_str_t key, kecs_str_t value)
{
    (void) db;

    if (!kecs_name_entry_ok(key, value)) {
        defect(c, "name of what is gone %s: malformed", shown(c, key));
    }

    return KECS_OK;
}


static kecs_rc_t
one_counter(check_t *c, unsigned db, kecs_str_t key, kecs_str_t value)
{
    slot_t              *slot;
    kecs_counts_t        have;
    static const slot_t  none;
    const slot_t        *want;

    (void) db;

    if (key.len != COUNTER_KEY
        || kecs_counts_unpack(value, &have) != KECS_OK)
    {
        defect(c, "counter %s: malformed", shown(c, key));
        return KECS_OK;
    }

    slot = c->size ? slot_of(c->slots, c->size, (const uint8_t *) key.data)
                   : NULL;
    want = slot != NULL ? slot : &none;

    if (memcmp(&have, &none.counts, sizeof(have)) == 0) {
        defect(c, "counter %s: is zero and should be absent", shown(c, key));

    } else if (memcmp(&have, &want->counts, sizeof(have)) != 0) {
        defect(c, "counter %s: running %u pending %u live %u services %u "
               "draining %u instances %u, but the records say"
               " %u %u %u %u %u %u%s",
               shown(c, key), have.running, have.pending, have.live,
               have.services, have.draining, have.instances,
               want->counts.running, want->counts.pending,
               want->counts.live, want->counts.services,
               want->counts.draining, want->counts.instances,
               memcmp(have.by, want->counts.by, sizeof(have.by)) != 0
               ? ", and others by launch type" : "");
    }

    if (slot != NULL && slot->used) {
        memset(&slot->counts, 0, sizeof(slot->counts));
    }

    return KECS_OK;
}


/* Expected counters that were not met in the database. */

static void
check_slots(check_t *c)
{
    size_t               i;
    static const slot_t  none;

    for (i = 0; i < c->size; i++) {
        if (c->slots[i].used
            && memcmp(&c->slots[i].counts, &none.counts,
                      sizeof(none.counts)) != 0)
        {
            kecs_arena_reset(c->arena);
            defect(c, "counter %s: is missing",
                   shown(c, kecs_str_n(c->slots[i].key, COUNTER_KEY)));
        }
    }
}


static kecs_rc_t
check_log(check_t *c)
{
    uint64_t             seq;
    kecs_rc_t            rc;
    kecs_change_entry_t  e;

    if (c->last == 0) {
        return KECS_OK;
    }

    for (seq = c->first; seq <= c->last; seq++) {
        kecs_arena_reset(c->arena);
        rc = kecs_log_next(&c->txn, c->arena, seq - 1, &e);

        if (rc == KECS_NOMEM) {
            return rc;
        }

        if (rc != KECS_OK) {
            defect(c, "log: position %llu cannot be read (%s)",
                   (unsigned long long) seq, kecs_rc_name(rc));
        }
    }

    return KECS_OK;
}


/* Sums up the revisions of one family. */

static kecs_rc_t
family_sums(check_t *c, const kecs_family_t *f, kecs_family_t *sums)
{
    kecs_rc_t       rc;
    kecs_key_t      prefix;
    kecs_str_t      key;
    kecs_scan_t    *scan;
    kecs_taskdef_t  t;

    memset(sums, 0, sizeof(*sums));
    kecs_key_init(&prefix);
    kecs_key_str(&prefix, f->name);

    rc = kecs_scan_records(&c->txn, c->arena, KECS_TASKDEF, f->rec.scope,
                           &prefix, kecs_null_str, false, &scan);

    while (rc == KECS_OK) {
        rc = kecs_scan_next(scan, &key, &t);

        if (rc == KECS_OK) {
            rc = kecs_get(&c->txn, c->arena, &t, 0);

            if (rc != KECS_OK && rc != KECS_NOMEM) {
                rc = KECS_OK;           /* told by the walk over records */
                continue;
            }
        }

        if (rc == KECS_OK) {
            sums->last = t.revision;
            sums->purged++;             /* counts those that are there */

            if (t.status == KECS_TASKDEF_ACTIVE) {
                sums->active++;
                sums->latest = t.revision;
            }
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


static kecs_rc_t
one_family(check_t *c, unsigned db, kecs_str_t key, kecs_str_t value)
{
    kecs_rc_t      rc;
    kecs_any_t     rec;
    kecs_family_t  sums, *f;

    (void) db;
    (void) value;

    f = &rec.family;
    memset(&rec, 0, sizeof(rec));
    rec.rec.kind = KECS_FAMILY;

    if (kecs_rec_of_key(kecs_schema(KECS_FAMILY), key, &rec) != KECS_OK) {
        return KECS_OK;                 /* told by the walk over records */
    }

    rc = kecs_get(&c->txn, c->arena, &rec, 0);

    if (rc != KECS_OK) {
        return rc == KECS_NOMEM ? rc : KECS_OK;
    }

    rc = family_sums(c, f, &sums);

    if (rc != KECS_OK) {
        return rc;
    }

    if (sums.last > f->last) {
        defect(c, "family %.*s: revision %u is above its last one %u",
               kecs_fmt(f->name), sums.last, f->last);

    } else if (sums.purged + f->purged != f->last) {
        defect(c, "family %.*s: %u revisions are there and %u are gone, but"
               " the last one is %u", kecs_fmt(f->name), sums.purged,
               f->purged, f->last);
    }

    if (sums.active != f->active || sums.latest != f->latest) {
        defect(c, "family %.*s: has %u active revisions, the latest %u, but "
               "says %u and %u", kecs_fmt(f->name), sums.active, sums.latest,
               f->active, f->latest);
    }

    return KECS_OK;
}


static kecs_rc_t
one_taskdef(check_t *c, unsigned db, kecs_str_t key, kecs_str_t value)
{
    kecs_rc_t       rc;
    kecs_family_t   f;
    kecs_taskdef_t  t;

    (void) db;
    (void) value;

    memset(&t, 0, sizeof(t));

    if (kecs_rec_of_key(kecs_schema(KECS_TASKDEF), key, &t) != KECS_OK) {
        return KECS_OK;
    }

    memset(&f, 0, sizeof(f));
    f.rec.kind = KECS_FAMILY;
    f.rec.scope = t.rec.scope;
    f.name = t.family;

    rc = kecs_get(&c->txn, c->arena, &f, 0);

    if (rc == KECS_NOT_FOUND) {
        defect(c, "taskdef %s: its family is missing", shown(c, key));
    }

    return rc == KECS_NOMEM ? rc : KECS_OK;
}


static kecs_rc_t
check_all(check_t *c)
{
    unsigned   kind;
    kecs_rc_t  rc;

    c->launches = kecs_upgraded(&c->txn, KECS_META_LAUNCHES);
    c->placed = kecs_upgraded(&c->txn, KECS_META_PLACED);
    rc = kecs_log_bounds(&c->txn, &c->first, &c->last);

    for (kind = 1; rc == KECS_OK && kind < KECS_KINDS; kind++) {
        rc = walk(c, kecs_db_of(kind), one_record);
    }

    if (rc == KECS_OK) {
        rc = walk(c, KECS_DB_INDEX, one_entry);
    }

    if (rc == KECS_OK) {
        rc = walk(c, KECS_DB_COUNTER, one_counter);
    }

    if (rc == KECS_OK) {
        check_slots(c);
        rc = walk(c, KECS_DB_PARTS, one_part);
    }

    if (rc == KECS_OK) {
        rc = walk(c, KECS_DB_SCOPE, one_name);
    }

    if (rc == KECS_OK) {
        rc = walk(c, kecs_db_of(KECS_FAMILY), one_family);
    }

    if (rc == KECS_OK) {
        rc = walk(c, kecs_db_of(KECS_TASKDEF), one_taskdef);
    }

    return rc == KECS_OK ? check_log(c) : rc;
}


kecs_rc_t
kecs_store_check(kecs_store_t *s, void (*say)(void *ctx, const char *line),
    void *ctx, unsigned *defects)
{
    check_t    *c;
    kecs_rc_t   rc;

    *defects = 0;
    c = calloc(1, sizeof(check_t));

    if (c == NULL) {
        return KECS_NOMEM;
    }

    c->say = say;
    c->ctx = ctx;
    c->arena = kecs_arena_create(64 * 1024);

    rc = c->arena != NULL ? kecs_own_read_begin(s, &c->txn) : KECS_NOMEM;

    if (rc == KECS_OK) {
        rc = check_all(c);
        kecs_own_read_end(&c->txn);
    }

    *defects = c->defects;
    kecs_arena_destroy(c->arena);
    free(c->slots);
    free(c);

    return rc;
}
