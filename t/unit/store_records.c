/*
 * Records: every kind survives a round trip, heads of older and newer
 * releases, indexes and counters follow each change, scans with tokens, and
 * a put that changes nothing writes nothing.
 */

#define _GNU_SOURCE

#include "store_kit.h"


static kecs_store_t  *store;
static kecs_arena_t  *arena;


/* Sets every field of a record to something of its own. */

static void
fill(kecs_any_t *rec, kecs_kind_t kind, unsigned seed)
{
    unsigned              i;
    kecs_str_t            s;
    const kecs_field_t   *f;
    const kecs_schema_t  *schema;

    schema = kecs_schema(kind);
    memset(rec, 0, sizeof(*rec));
    rec->rec.kind = (uint8_t) kind;
    rec->rec.scope = 7;
    rec->rec.gen = 300;

    for (i = 0; i < schema->n; i++) {
        f = &schema->fields[i];
        char *p = (char *) rec + f->offset;

        switch (f->type) {
        case KECS_F_U8:
            *(uint8_t *) p = (uint8_t) (1 + (seed + i) % 3);
            break;
        case KECS_F_U32:
            *(uint32_t *) p = 0xfffffff0u + i;
            break;
        case KECS_F_U64:
            *(uint64_t *) p = UINT64_MAX - i;
            break;
        case KECS_F_TIME:
            *(kecs_msec_t *) p = i % 2 ? KIT_NOW + i : -5;
            break;
        case KECS_F_STR:
            s = kecs_sprintf(arena, "%s-%u", f->name, seed);
            *(kecs_str_t *) p = i % 3 == 2 && i >= schema->keys ? kecs_str("")
                                                                : s;
            break;
        case KECS_F_ID:
            kit_id((uint8_t *) p, seed);
            break;
        case KECS_F_HASH:
            memset(p, 0xA5, 32);
            break;
        }
    }
}


static bool
same_field(const kecs_field_t *f, const void *a, const void *b)
{
    const void        *p, *q;
    const kecs_str_t  *s, *t;

    p = (const char *) a + f->offset;
    q = (const char *) b + f->offset;

    switch (f->type) {
    case KECS_F_U8:
        return *(const uint8_t *) p == *(const uint8_t *) q;
    case KECS_F_U32:
        return memcmp(p, q, 4) == 0;
    case KECS_F_U64:
    case KECS_F_TIME:
        return memcmp(p, q, 8) == 0;
    case KECS_F_ID:
        return memcmp(p, q, KECS_ID_LEN) == 0;
    case KECS_F_HASH:
        return memcmp(p, q, 32) == 0;
    case KECS_F_STR:
        s = p;
        t = q;
        return kecs_str_eq(*s, *t) && (s->data == NULL) == (t->data == NULL);
    }

    return false;
}


/* The first field that differs, or NULL. */

static const char *
differs(const kecs_schema_t *schema, const void *a, const void *b)
{
    unsigned  i;

    for (i = 0; i < schema->n; i++) {
        if (!same_field(&schema->fields[i], a, b)) {
            return schema->fields[i].name;
        }
    }

    return NULL;
}


/* A record with only what identifies it. */

static void
key_only(const kecs_schema_t *schema, const kecs_any_t *rec, kecs_any_t *out)
{
    kecs_key_t  k;

    kecs_key_init(&k);
    kecs_ref_key(&k, rec);

    if (kecs_ref_read(kecs_key_view(&k), out) != KECS_OK) {
        printf("# key of %s does not come back\n", schema->name);
    }

    (void) kecs_rec_own_key(schema, arena, out);
}


static void
round_trip(kecs_kind_t kind)
{
    const char           *field;
    kecs_txn_t           *txn;
    kecs_any_t            rec, got;
    const kecs_schema_t  *schema;

    schema = kecs_schema(kind);
    fill(&rec, kind, 1);
    kecs_rec_part(&rec.rec, 0, kecs_str("{\"a\":1}"));
    kecs_rec_part(&rec.rec, 3, kecs_str(""));

    txn = kit_write(store);
    tap_is_int(kecs_put(txn, &rec), KECS_OK, "%s: put", schema->name);
    tap_is_int((int64_t) rec.rec.rev, (int64_t) kecs_txn_seq(txn),
               "%s: its position is that of the log", schema->name);
    tap_is_int(kecs_write_commit(txn), KECS_OK, "%s: commit", schema->name);

    txn = kit_read(store);
    key_only(schema, &rec, &got);
    tap_is_int(kecs_get(txn, arena, &got, kecs_part_bit(0)), KECS_OK,
               "%s: get", schema->name);
    kecs_read_end(txn);

    field = differs(schema, &rec, &got);
    tap_ok(field == NULL, "%s: all fields are back (%s)", schema->name,
           field ? field : "yes");
    tap_ok(got.rec.gen == 300 && got.rec.rev == rec.rec.rev
           && got.rec.loaded == kecs_part_bit(0) && got.rec.dirty == 0,
           "%s: generation, position, bits", schema->name);
    tap_is_str(got.rec.part[0], "{\"a\":1}", "%s: the part asked for",
               schema->name);
    tap_ok(got.rec.part[3].data == NULL, "%s: no other part", schema->name);

    txn = kit_read(store);
    tap_is_int(kecs_get_parts(txn, arena, &got, KECS_ALL_PARTS), KECS_OK,
               "%s: the other parts", schema->name);
    kecs_read_end(txn);
    tap_ok(got.rec.part[3].data != NULL && got.rec.part[3].len == 0
           && got.rec.part[1].data == NULL,
           "%s: empty is not absent", schema->name);

    txn = kit_write(store);
    tap_is_int(kecs_del(txn, &got), KECS_OK, "%s: delete", schema->name);
    tap_is_int(kecs_del(txn, &got), KECS_NOT_FOUND, "%s: delete again",
               schema->name);
    tap_is_int(kecs_write_commit(txn), KECS_OK, "%s: commit", schema->name);

    txn = kit_read(store);
    fill(&got, kind, 1);
    tap_is_int(kecs_get(txn, arena, &got, 0), KECS_NOT_FOUND,
               "%s: it is gone", schema->name);
    kecs_read_end(txn);
    tap_ok(got.rec.gen == 0 && got.rec.kind == kind && got.rec.scope == 7,
           "%s: the answer is cleared but for the key", schema->name);
    kecs_arena_reset(arena);
}


static kecs_str_t
packed(const kecs_schema_t *schema, const void *rec)
{
    uint8_t  *p;

    p = kecs_alloc(arena, kecs_head_bound(schema, rec));

    return kecs_str_n(p, kecs_head_pack(schema, rec, p));
}


static void
evolution(void)
{
    size_t                n;
    bool                  sound;
    kecs_str_t            body;
    kecs_any_t            rec, got;
    kecs_schema_t         older;
    const kecs_schema_t  *schema;

    schema = kecs_schema(KECS_TASK);
    older = *schema;

    for (older.n = 0; strcmp(schema->fields[older.n].name, "node") != 0;
         older.n++)
    {
        /* void */
    }

    fill(&rec, KECS_TASK, 4);

    body = packed(&older, &rec);
    memset(&got, 0xff, sizeof(got));
    tap_is_int(kecs_head_unpack(schema, body, &got), KECS_OK,
               "the head of an older release unpacks");
    tap_ok(kecs_str_eq(got.task.zone, rec.task.zone)
           && got.task.node.data == NULL && got.task.handle.data == NULL,
           "fields it did not have are zero");

    body = packed(schema, &rec);
    tap_is_int(kecs_head_unpack(&older, body, &got), KECS_TOO_NEW,
               "the head of a newer release is refused, not cut");

    for (n = 0, sound = true; n < body.len; n++) {
        sound &= kecs_head_unpack(schema, kecs_str_n(body.data, n), &got)
                 != KECS_TOO_NEW;
    }

    tap_ok(sound, "no cut of a head reads beyond its end");
    tap_ok(body.len < 300, "a full head of a task is small (%zu bytes)",
           body.len);
    kecs_arena_reset(arena);
}


static void
varints(void)
{
    bool         ok;
    unsigned     i;
    uint8_t      b[16], *p;
    uint64_t     n, m;
    kecs_str_t   in;
    kecs_msec_t  t, u;

    for (i = 0, ok = true; i < 64; i++) {
        n = (UINT64_C(1) << i) - (i % 2);
        p = kecs_varint_put(b, n);
        in = kecs_str_n(b, (size_t) (p - b));
        ok &= kecs_varint_get(&in, &m) && m == n && in.len == 0;

        t = i % 3 ? (kecs_msec_t) n : -(kecs_msec_t) (n / 2) - 1;
        p = kecs_vartime_put(b, t);
        in = kecs_str_n(b, (size_t) (p - b));
        ok &= kecs_vartime_get(&in, &u) && u == t && in.len == 0;
    }

    tap_ok(ok, "numbers and times of every size");

    memset(b, 0xff, sizeof(b));
    in = kecs_str_n(b, sizeof(b));
    tap_ok(!kecs_varint_get(&in, &m), "an endless number is refused");
}


static void
nothing_changed(void)
{
    uint64_t     seq;
    kecs_txn_t  *txn;
    kecs_task_t  t, u;

    kit_task(&t, 900);
    kecs_rec_part(&t.rec, KECS_TASK_STATIC, kecs_str("{}"));

    txn = kit_write(store);
    tap_is_int(kecs_put(txn, &t), KECS_OK, "put");
    seq = kecs_txn_seq(txn);

    kecs_rec_part(&t.rec, KECS_TASK_STATIC, kecs_str("{}"));
    tap_is_int(kecs_put(txn, &t), KECS_OK, "the same again");
    tap_ok(kecs_txn_seq(txn) == seq && t.rec.rev == seq && t.rec.dirty == 0,
           "is not a change");

    kecs_rec_part(&t.rec, KECS_TASK_STATIC, kecs_str("{\"x\":1}"));
    tap_is_int(kecs_put(txn, &t), KECS_OK, "another part");
    tap_ok(kecs_txn_seq(txn) == seq + 1 && t.rec.rev == seq + 1,
           "is a change");

    kecs_rec_part(&t.rec, KECS_TASK_STATIC, kecs_null_str);
    tap_is_int(kecs_put(txn, &t), KECS_OK, "no part");
    tap_ok(kecs_txn_seq(txn) == seq + 2, "is one too");

    u = t;
    u.rec.dirty = 0;
    u.version++;
    tap_is_int(kecs_put(txn, &u), KECS_OK, "another head");
    tap_ok(kecs_txn_seq(txn) == seq + 3, "is one");
    (void) kecs_del(txn, &u);

    tap_is_int(kecs_write_commit(txn), KECS_OK, "commit");
    tap_is_int(kit_defects(store, true), 0, "the store is sound");
}


static void
refused(void)
{
    char         long_name[600];
    uint64_t     seq;
    kecs_txn_t  *txn;
    kecs_task_t  t;

    txn = kit_write(store);
    seq = kecs_txn_seq(txn);

    kit_task(&t, 901);
    memset(long_name, 'x', sizeof(long_name));
    t.started_by = kecs_str_n(long_name, sizeof(long_name));
    tap_is_int(kecs_put(txn, &t), KECS_TOO_LARGE,
               "an index key over the limit is refused");

    t.started_by = kecs_str("a\0b");
    tap_is_int(kecs_put(txn, &t), KECS_TOO_LARGE, "so is NUL in it");

    t.started_by = kecs_str("deploy");
    t.rec.scope = 0;
    tap_is_int(kecs_put(txn, &t), KECS_INVALID, "so is a record of no scope");

    t.rec.scope = 1;
    t.rec.kind = KECS_KINDS;
    tap_is_int(kecs_put(txn, &t), KECS_INVALID, "and one of no kind");

    tap_ok(kecs_txn_seq(txn) == seq, "none of them changed anything");
    tap_is_int(kecs_write_commit(txn), KECS_OK, "the transaction is fine");

    txn = kit_read(store);
    kit_task(&t, 901);
    tap_is_int(kecs_put(txn, &t), KECS_DENIED, "no put while reading");
    tap_is_int(kecs_get(txn, arena, &t, 0), KECS_NOT_FOUND, "nothing there");
    kecs_read_end(txn);
}


/* Counters as text: running/pending/live services/draining. */

static kecs_str_t
counts(kecs_txn_t *txn, uint32_t cluster, uint32_t service, uint64_t n)
{
    kecs_counts_t  c;

    if (kecs_counts(txn, 1, cluster, service, n, &c) != KECS_OK) {
        return kecs_str("failed");
    }

    return kecs_sprintf(arena, "%u/%u/%u %u/%u", c.running, c.pending,
                        c.live, c.services, c.draining);
}


/* Ids in an index under a prefix, as text. */

static kecs_str_t
listed(kecs_txn_t *txn, kecs_index_t index, const kecs_key_t *prefix)
{
    kecs_buf_t    b;
    kecs_str_t    key;
    kecs_any_t    rec;
    kecs_scan_t  *scan;

    kecs_buf_init(&b, arena, 0);

    if (kecs_scan(txn, arena, index, 1, prefix, kecs_null_str, false, &scan)
        != KECS_OK)
    {
        return kecs_str("failed");
    }

    while (kecs_scan_next(scan, &key, &rec) == KECS_OK) {
        if (rec.rec.kind == KECS_TASK) {
            kecs_buf_printf(&b, "%u ", (unsigned)
                            kecs_be_get(rec.task.id + KECS_ID_LEN - 4, 4));
        } else {
            kecs_buf_printf(&b, "%s ", kecs_schema(rec.rec.kind)->name);
        }
    }

    return kecs_buf_view(&b);
}


static void
task_key(kecs_key_t *k, uint32_t cluster, uint8_t desired)
{
    kecs_key_init(k);
    kecs_key_u32(k, cluster);
    kecs_key_u8(k, desired);
}


static void
task_life(void)
{
    uint8_t       id[KECS_ID_LEN];
    kecs_any_t    found;
    kecs_key_t    running, stopped, k;
    kecs_txn_t   *txn;
    kecs_task_t   t;

    txn = kit_write(store);
    kit_task(&t, 1);
    t.cluster = 5;
    t.service = 8;
    t.deployment = 99;
    t.started_by = kecs_str("ecs-svc/99");
    task_key(&running, 5, KECS_DESIRED_RUNNING);
    task_key(&stopped, 5, KECS_DESIRED_STOPPED);

    tap_is_int(kecs_put(txn, &t), KECS_OK, "a task begins");
    tap_is_str(counts(txn, 5, 0, 0), "0/1/1 0/0", "pending in its cluster");
    tap_is_str(counts(txn, 5, 8, 0), "0/1/1 0/0", "in its service");
    tap_is_str(counts(txn, 5, 8, 99), "0/1/1 0/0", "in its deployment");
    tap_is_str(listed(txn, KECS_IX_TASK_DESIRED, &running), "1 ",
               "listed as to run");

    t.status = KECS_TASK_RUNNING;
    tap_is_int(kecs_put(txn, &t), KECS_OK, "it runs");
    tap_is_str(counts(txn, 5, 8, 99), "1/0/1 0/0", "counted as running");

    t.desired = KECS_DESIRED_STOPPED;
    tap_is_int(kecs_put(txn, &t), KECS_OK, "it shall stop");
    tap_is_str(counts(txn, 5, 0, 0), "1/0/1 0/0", "still counted as running");
    tap_is_str(listed(txn, KECS_IX_TASK_DESIRED, &running), "",
               "no longer listed as to run");
    tap_is_str(listed(txn, KECS_IX_TASK_DESIRED, &stopped), "1 ",
               "but as to stop");

    t.status = KECS_TASK_DEACTIVATING;
    (void) kecs_put(txn, &t);
    tap_is_str(counts(txn, 5, 0, 0), "0/0/1 0/0", "stopping is not running");

    kecs_key_init(&k);
    kecs_key_u32(&k, 5);
    tap_is_str(listed(txn, KECS_IX_TASK_LIVE, &k), "1 ", "it is live");

    t.status = KECS_TASK_STOPPED;
    t.stopped_at = KIT_NOW + 5;
    (void) kecs_put(txn, &t);
    tap_is_str(counts(txn, 5, 0, 0), "0/0/0 0/0", "stopped counts nowhere");
    tap_is_str(listed(txn, KECS_IX_TASK_LIVE, &k), "", "nor is it live");
    tap_is_str(listed(txn, KECS_IX_TASK_SERVICE, &k), "1 ",
               "its service still lists it");

    kecs_key_init(&k);
    kecs_key_u64(&k, KIT_NOW + 5);
    tap_is_str(listed(txn, KECS_IX_EXPIRY, &k), "1 ", "it will expire");

    kit_id(id, 1);
    kecs_key_init(&k);
    kecs_key_bytes(&k, id, sizeof(id));
    tap_ok(kecs_find(txn, KECS_IX_TASK_HANDLE, 0, &k, &found) == KECS_OK
           && found.task.cluster == 5 && found.rec.scope == 1,
           "found by its id alone");
    tap_is_int(kecs_find(txn, KECS_IX_TASK_HANDLE, 1, &k, &found), KECS_OK,
               "and within its scope");
    tap_is_int(kecs_find(txn, KECS_IX_TASK_HANDLE, 2, &k, &found),
               KECS_NOT_FOUND, "but not within another");

    tap_is_int(kecs_del(txn, &t), KECS_OK, "deleted");
    tap_is_int(kecs_find(txn, KECS_IX_TASK_HANDLE, 0, &k, &found),
               KECS_NOT_FOUND, "no longer found");
    tap_is_str(listed(txn, KECS_IX_TASK_DESIRED, &stopped), "",
               "nor listed");
    tap_is_int(kecs_write_commit(txn), KECS_OK, "commit");
    tap_is_int(kit_defects(store, true), 0, "the store is sound");
    kecs_arena_reset(arena);
}


static void
names(void)
{
    kecs_key_t       k;
    kecs_any_t       found;
    kecs_txn_t      *txn;
    kecs_cluster_t   old, new;
    kecs_service_t   s;

    txn = kit_write(store);
    kit_cluster(&old, 20, kecs_str("blue"));
    kit_cluster(&new, 21, kecs_str("blue"));
    kecs_key_init(&k);
    kecs_key_str(&k, kecs_str("blue"));

    (void) kecs_put(txn, &old);
    tap_is_str(listed(txn, KECS_IX_CLUSTER_ACTIVE, NULL), "cluster ",
               "an active cluster is listed");
    old.status = KECS_CLUSTER_INACTIVE;
    old.deleted_at = KIT_NOW;
    (void) kecs_put(txn, &old);
    tap_ok(kecs_find(txn, KECS_IX_CLUSTER_NAME, 1, &k, &found) == KECS_OK
           && found.cluster.no == 20, "a deleted cluster keeps its name");
    tap_is_str(listed(txn, KECS_IX_CLUSTER_ACTIVE, NULL), "",
               "but is not listed");

    (void) kecs_put(txn, &new);
    tap_is_int(kecs_del(txn, &old), KECS_OK, "the old one goes after");
    tap_ok(kecs_find(txn, KECS_IX_CLUSTER_NAME, 1, &k, &found) == KECS_OK
           && found.cluster.no == 21, "and the name is the new one's");
    (void) kecs_del(txn, &new);

    kit_service(&s, 30, kecs_str("api"));
    (void) kecs_put(txn, &s);
    tap_is_str(counts(txn, 1, 0, 0), "0/0/0 1/0", "an active service");
    s.status = KECS_SERVICE_DRAINING;
    (void) kecs_put(txn, &s);
    tap_is_str(counts(txn, 1, 0, 0), "0/0/0 0/1", "a draining one");
    s.status = KECS_SERVICE_INACTIVE;
    s.deleted_at = KIT_NOW;
    (void) kecs_put(txn, &s);
    tap_is_str(counts(txn, 1, 0, 0), "0/0/0 0/0", "a deleted one");
    tap_is_str(listed(txn, KECS_IX_SERVICE_LIVE, NULL), "", "is not live");
    (void) kecs_del(txn, &s);

    tap_is_int(kecs_write_commit(txn), KECS_OK, "commit");
    tap_is_int(kit_defects(store, true), 0, "the store is sound");
    kecs_arena_reset(arena);
}


/* Walks in pages of `page`, by tokens, one transaction each. */

static unsigned
paged(kecs_index_t index, const kecs_key_t *prefix, unsigned page,
    bool backwards, bool *ordered)
{
    unsigned      i, n;
    kecs_rc_t     rc;
    kecs_any_t    rec;
    kecs_str_t    key, token, before;
    kecs_txn_t   *txn;
    kecs_scan_t  *scan;

    n = 0;
    *ordered = true;
    token = kecs_null_str;

    do {
        txn = kit_read(store);
        rc = kecs_scan(txn, arena, index, 1, prefix, token, backwards,
                       &scan);

        for (i = 0; rc == KECS_OK && i < page; i++) {
            before = token;
            rc = kecs_scan_next(scan, &key, &rec);

            if (rc == KECS_OK) {
                token = kecs_strdup(arena, key);
                n++;

                if (before.data != NULL
                    && (kecs_str_cmp(before, token) > 0) != backwards)
                {
                    *ordered = false;
                }
            }
        }

        kecs_read_end(txn);

    } while (rc == KECS_OK);

    return n;
}


static void
scans(void)
{
    bool          ordered;
    unsigned      i, n;
    kecs_rc_t     rc;
    kecs_key_t    prefix, none;
    kecs_str_t    key;
    kecs_any_t    rec, other;
    kecs_txn_t   *txn;
    kecs_task_t   t;
    kecs_scan_t  *scan, *inner;

    txn = kit_write(store);

    for (i = 0; i < 1000; i++) {
        kit_task(&t, i);
        t.rec.scope = 1;
        t.cluster = 0xffffffff - i % 2;
        (void) kecs_put(txn, &t);
    }

    kit_task(&t, 5000);
    t.rec.scope = 2;
    (void) kecs_put(txn, &t);
    tap_is_int(kecs_write_commit(txn), KECS_OK, "1000 tasks");

    task_key(&prefix, 0xffffffff, KECS_DESIRED_RUNNING);
    task_key(&none, 77, KECS_DESIRED_RUNNING);

    tap_is_int(paged(KECS_IX_TASK_DESIRED, &prefix, 7, false, &ordered), 500,
               "all of a cluster in pages of 7");
    tap_ok(ordered, "in order");
    tap_is_int(paged(KECS_IX_TASK_DESIRED, &prefix, 500, true, &ordered),
               500, "backwards, and the page ends with the last one");
    tap_ok(ordered, "in order backwards");
    tap_is_int(paged(KECS_IX_TASK_DESIRED, &none, 10, false, &ordered), 0,
               "none of another cluster");
    tap_is_int(paged(KECS_IX_TASK_DESIRED, &none, 10, true, &ordered), 0,
               "none backwards");
    tap_is_int(paged(KECS_IX_TASK_DESIRED, NULL, 64, false, &ordered), 1000,
               "all of the scope");

    txn = kit_read(store);
    (void) kecs_scan_records(txn, arena, KECS_TASK, 0, NULL, kecs_null_str,
                             false, &scan);
    for (n = 0; kecs_scan_next(scan, &key, &rec) == KECS_OK; n++) {
        /* count */
    }
    tap_ok(n == 1001 && kecs_scan_visited(scan) == 1001 && key.len == 24,
           "records of all scopes, keys with the scope");

    (void) kecs_scan(txn, arena, KECS_IX_TASK_LIVE, 0, NULL, kecs_null_str,
                     true, &scan);
    rc = kecs_scan_next(scan, &key, &rec);
    tap_ok(rc == KECS_OK && rec.rec.scope == 2,
           "an index over all scopes, from the end");

    /* two scans at once share a cursor and must not disturb each other */

    (void) kecs_scan_records(txn, arena, KECS_TASK, 1, NULL, kecs_null_str,
                             false, &scan);
    (void) kecs_scan_records(txn, arena, KECS_TASK, 1, NULL, kecs_null_str,
                             true, &inner);

    for (n = 0; kecs_scan_next(scan, &key, &rec) == KECS_OK; n++) {
        if (kecs_scan_next(inner, NULL, &other) != KECS_OK) {
            break;
        }
    }

    tap_is_int(n, 1000, "two scans at once");
    kecs_read_end(txn);

    txn = kit_read(store);
    memset(&rec, 'z', sizeof(rec));
    tap_is_int(kecs_scan(txn, arena, KECS_IX_TASK_LIVE, 1, NULL,
                         kecs_str_n(&rec, 600), false, &scan), KECS_INVALID,
               "a token that is too long");
    rc = kecs_scan(txn, arena, KECS_IX_TASK_DESIRED, 1, &prefix,
                   kecs_str_n(&rec, 40), false, &scan);
    tap_ok(rc == KECS_OK && kecs_scan_next(scan, NULL, &other) == KECS_OK,
           "a token from before the prefix begins at the prefix");
    memset(&rec, 0xff, sizeof(rec));
    rc = kecs_scan(txn, arena, KECS_IX_TASK_DESIRED, 1, &prefix,
                   kecs_str_n(&rec, 40), false, &scan);
    tap_ok(rc == KECS_OK && kecs_scan_next(scan, NULL, &other) == KECS_DONE,
           "one from behind it ends at once");
    kecs_read_end(txn);
    kecs_arena_reset(arena);
}


/* Deletes what it walks over, and puts more before. */

static void
scan_and_change(void)
{
    unsigned      n;
    kecs_str_t    key;
    kecs_task_t   t, extra;
    kecs_txn_t   *txn;
    kecs_scan_t  *scan;

    txn = kit_write(store);
    (void) kecs_scan_records(txn, arena, KECS_TASK, 1, NULL, kecs_null_str,
                             false, &scan);

    for (n = 0; kecs_scan_next(scan, &key, &t) == KECS_OK; n++) {
        if (kecs_get(txn, arena, &t, 0) != KECS_OK
            || kecs_del(txn, &t) != KECS_OK)
        {
            break;
        }

        if (n % 100 == 0) {
            kit_task(&extra, 7000 + n);
            extra.cluster = 1;
            (void) kecs_put(txn, &extra);
        }
    }

    /* the new ones lie before */

    tap_is_int(n, 1000, "every task was seen once while they were deleted");
    tap_is_int(kecs_write_commit(txn), KECS_OK, "commit");
    tap_is_int(kit_defects(store, true), 0, "the store is sound");
    kecs_arena_reset(arena);
}


static void
events(void)
{
    unsigned         i, n;
    uint8_t          id[KECS_ID_LEN];
    kecs_key_t       prefix;
    kecs_str_t       key, newest;
    kecs_txn_t      *txn;
    kecs_scan_t     *scan;
    kecs_event_t     e;
    kecs_service_t   s, other;

    kit_service(&s, 40, kecs_str("events"));
    kit_service(&other, 41, kecs_str("others"));
    txn = kit_write(store);

    for (i = 0; i < 130; i++) {
        kit_id(id, i);
        if (kecs_event_add(txn, arena, &s, KIT_NOW + i, id,
                           kecs_sprintf(arena, "event %u", i)) != KECS_OK)
        {
            break;
        }

        (void) kecs_event_add(txn, arena, &other, KIT_NOW, id,
                              kecs_str("x"));
    }

    tap_is_int(i, 130, "130 events");

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, s.cluster);
    kecs_key_u32(&prefix, s.no);
    (void) kecs_scan_records(txn, arena, KECS_EVENT, 1, &prefix,
                             kecs_null_str, true, &scan);

    for (n = 0; kecs_scan_next(scan, &key, &e) == KECS_OK; n++) {
        (void) kecs_get(txn, arena, &e, 0);
        newest = n == 0 ? e.message : newest;
    }

    tap_is_int(n, KECS_EVENTS_KEPT, "the newest are kept");
    tap_is_str(newest, "event 129", "the newest first");
    tap_is_str(e.message, "event 30", "the oldest last");
    tap_is_int(kecs_write_commit(txn), KECS_OK, "commit");
    tap_is_int(kit_defects(store, true), 0, "the store is sound");
    kecs_arena_reset(arena);
}


static void
scopes(void)
{
    uint32_t     a, b, c;
    kecs_str_t   account, region;
    kecs_txn_t  *txn;

    txn = kit_write(store);
    tap_is_int(kecs_scope_get(txn, kecs_str("000000000000"),
                              kecs_str("eu-west-1"), false, &a),
               KECS_NOT_FOUND, "a scope that was never written");
    tap_is_int(kecs_scope_get(txn, kecs_str("000000000000"),
                              kecs_str("eu-west-1"), true, &a), KECS_OK,
               "is made");
    (void) kecs_scope_get(txn, kecs_str("000000000000"),
                          kecs_str("us-east-1"), true, &b);
    (void) kecs_scope_get(txn, kecs_str("000000000000"),
                          kecs_str("eu-west-1"), true, &c);
    tap_ok(a != 0 && a == c && a != b, "and keeps its number");
    tap_is_int(kecs_scope_name(txn, arena, b, &account, &region), KECS_OK,
               "back to names");
    tap_is_str(account, "000000000000", "account");
    tap_is_str(region, "us-east-1", "region");
    tap_is_int(kecs_scope_name(txn, arena, 77, &account, &region),
               KECS_NOT_FOUND, "no such scope");

    (void) kecs_number_next(txn, "cluster", &a);
    (void) kecs_number_next(txn, "cluster", &b);
    (void) kecs_number_next(txn, "service", &c);
    tap_ok(a == 1 && b == 2 && c == 1, "numbers count up by what they are");
    tap_is_int(kecs_write_commit(txn), KECS_OK, "commit");
}


/* The Nth allocation fails, for every N: get says so and harms nothing. */

static void
no_memory(void)
{
    unsigned       n;
    kecs_rc_t      rc;
    kecs_txn_t    *txn;
    kecs_token_t   t;

    memset(&t, 0, sizeof(t));
    t.rec.kind = KECS_TOKEN;
    t.rec.scope = 1;
    t.op = kecs_str("RunTask");
    t.token = kecs_str("abc");
    t.result = kecs_str("1 2 3");
    kecs_rec_part(&t.rec, 0, kecs_str("{}"));

    txn = kit_write(store);
    (void) kecs_put(txn, &t);
    (void) kecs_write_commit(txn);

    for (n = 1; n < 50; n++) {
        txn = kit_read(store);
        t.op = kecs_str("RunTask");
        t.token = kecs_str("abc");
        kecs_arena_fail_after(arena, n);
        rc = kecs_get(txn, arena, &t, KECS_ALL_PARTS);
        kecs_arena_fail_after(arena, 0);
        kecs_read_end(txn);

        if (rc != KECS_NOMEM) {
            break;
        }
    }

    tap_ok(rc == KECS_OK && n > 3, "out of memory is an error (%u times)",
           n - 1);
    kecs_arena_reset(arena);
}


int
main(void)
{
    unsigned  kind;

    kit_begin();
    store = kit_open();
    arena = kecs_arena_create(0);

    for (kind = 1; kind < KECS_KINDS; kind++) {
        if (kecs_schema((kecs_kind_t) kind) != NULL) {
            round_trip((kecs_kind_t) kind);
        }
    }

    tap_is_int(kit_defects(store, true), 0, "the store is sound");

    varints();
    evolution();
    nothing_changed();
    refused();
    task_life();
    names();
    scans();
    scan_and_change();
    events();
    scopes();
    no_memory();

    kecs_arena_destroy(arena);
    kecs_store_close(store);

    return kit_end();
}
