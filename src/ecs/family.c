/*
 * Families of task definitions.  Memory is the call's; the transaction of
 * the call is the only one used.
 */

#include "family.h"


#define BODY_MAX  65536

const kecs_kin_t  kecs_taskdefs = {
    KECS_TASKDEF, KECS_FAMILY, KECS_IX_TASKDEF, true, KECS_TASKDEF_ACTIVE,
    "task-definition", "TaskDefinition", "task definition"
};

const kecs_kin_t  kecs_daemon_taskdefs = {
    KECS_DAEMON_TASKDEF, KECS_DAEMON_FAMILY, KECS_IX_DAEMON_TASKDEF, false,
    KECS_DAEMON_TASKDEF_ACTIVE, "daemon-task-definition",
    "DaemonTaskDefinition", "daemon task definition"
};


/* Names. */

static kecs_rc_t
own_resource(kecs_call_t *c, kecs_str_t *id, const char *kind)
{
    kecs_str_t  head;
    kecs_arn_t  arn;

    if (!kecs_str_starts(*id, kecs_str("arn:"))) {
        return KECS_OK;
    }

    if (!kecs_arn_parse(*id, &arn) || !kecs_str_is(arn.service, "ecs")) {
        return kecs_fail(c, KECS_E_CLIENT, "Invalid arn syntax.");
    }

    *id = arn.resource;

    if (!kecs_str_split(id, '/', &head) || !kecs_str_is(head, kind)
        || id->data == NULL)
    {
        return kecs_fail(c, KECS_E_CLIENT, "Invalid arn syntax.");
    }

    return kecs_str_eq(arn.account, c->account)
           && kecs_str_eq(arn.region, c->region) ? KECS_OK : KECS_NOT_FOUND;
}


kecs_rc_t
kecs_family_ref(kecs_call_t *c, const kecs_kin_t *kin, kecs_str_t id,
    kecs_taskdef_ref_t *ref)
{
    uint64_t   n;
    kecs_rc_t  rc, where;

    where = own_resource(c, &id, kin->resource);
    if (where != KECS_OK && where != KECS_NOT_FOUND) {
        return where;
    }

    ref->revision = 0;
    rc = kecs_str_split(&id, ':', &ref->family) ? KECS_OK : KECS_NOT_FOUND;

    if (id.data != NULL) {
        if (!kecs_str_u64(id, &n) || n == 0 || n > UINT32_MAX) {
            return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                             "Invalid task definition: Invalid revision"
                             " number.");
        }

        ref->revision = (uint32_t) n;
    }

    if (where != KECS_OK || !kecs_name_ok(ref->family)) {
        return KECS_NOT_FOUND;
    }

    return rc;
}


kecs_rc_t
kecs_family_named(kecs_call_t *c, const kecs_kin_t *kin, kecs_str_t id)
{
    if (id.len == 0) {
        return kecs_fail(c, KECS_E_CLIENT, "%s cannot be empty.",
                         kin->member);
    }

    return KECS_OK;
}


/* Records. */

kecs_rc_t
kecs_family_get(kecs_call_t *c, const kecs_kin_t *kin, kecs_str_t name,
    kecs_family_t *family)
{
    kecs_rc_t  rc;

    memset(family, 0, sizeof(kecs_family_t));
    family->rec.kind = kin->family;
    family->rec.scope = c->scope;
    family->name = name;

    rc = kecs_get(c->txn, c->arena, family, 0);

    return rc == KECS_NOT_FOUND ? KECS_OK : rc;
}


static kecs_rc_t
find_of(kecs_call_t *c, const kecs_kin_t *kin, kecs_str_t id, unsigned parts,
    kecs_taskdef_t *out)
{
    kecs_rc_t           rc;
    kecs_family_t       family;
    kecs_taskdef_ref_t  ref;

    rc = kecs_family_ref(c, kin, id, &ref);

    if (rc == KECS_OK && c->scope == 0) {
        rc = KECS_NOT_FOUND;
    }

    if (rc == KECS_OK && ref.revision == 0) {
        rc = kecs_family_get(c, kin, ref.family, &family);
        ref.revision = family.latest;
    }

    if (rc != KECS_OK || ref.revision == 0) {
        return rc == KECS_OK ? KECS_NOT_FOUND : rc;
    }

    memset(out, 0, sizeof(kecs_taskdef_t));
    out->rec.kind = kin->revision;
    out->rec.scope = c->scope;
    out->family = ref.family;
    out->revision = ref.revision;

    return kecs_get(c->txn, c->arena, out, parts);
}


kecs_rc_t
kecs_find_taskdef(kecs_call_t *c, kecs_str_t id, unsigned parts,
    kecs_taskdef_t *out)
{
    return find_of(c, &kecs_taskdefs, id, parts, out);
}


kecs_rc_t
kecs_find_daemon_taskdef(kecs_call_t *c, kecs_str_t id, unsigned parts,
    kecs_taskdef_t *out)
{
    return find_of(c, &kecs_daemon_taskdefs, id, parts, out);
}


kecs_rc_t
kecs_family_revision(kecs_call_t *c, const kecs_kin_t *kin, kecs_str_t id,
    unsigned parts, kecs_taskdef_t *t)
{
    kecs_rc_t           rc;
    kecs_taskdef_ref_t  ref;

    rc = kecs_family_named(c, kin, id);

    if (rc == KECS_OK) {
        rc = kecs_family_ref(c, kin, id, &ref);
    }

    if (rc == KECS_OK && ref.revision == 0) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER, "Revision is missing");
    }

    if (rc == KECS_OK) {
        rc = find_of(c, kin, id, parts, t);
    }

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_CLIENT, "The specified %s does not"
                         " exist.", kin->what);
    }

    return rc;
}


/* A revision more, an ACTIVE one less. */

kecs_rc_t
kecs_family_body(kecs_call_t *c, kecs_str_t json, kecs_taskdef_t *t)
{
    if (json.data == NULL) {
        return KECS_NOMEM;
    }

    if (json.len > BODY_MAX) {
        return kecs_fail(c, KECS_E_CLIENT, "Actual length: '%zu'. Max allowed"
                         " length is '%u' bytes.", json.len, BODY_MAX);
    }

    kecs_rec_part(&t->rec, KECS_TASKDEF_BODY, json);

    return KECS_OK;
}


kecs_rc_t
kecs_family_add(kecs_call_t *c, const kecs_kin_t *kin, kecs_str_t name,
    kecs_taskdef_t *t)
{
    kecs_rc_t      rc;
    kecs_family_t  family;

    rc = kecs_call_scope(c);

    if (rc == KECS_OK) {
        rc = kecs_family_get(c, kin, name, &family);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (family.last >= INT32_MAX) {
        return kecs_fail(c, KECS_E_LIMIT_EXCEEDED,
                         "The family has no revision left.");
    }

    family.last++;
    family.latest = family.last;
    family.active++;

    t->rec.kind = kin->revision;
    t->rec.scope = c->scope;
    t->rec.gen = KECS_ECS_GEN;
    t->family = name;
    t->revision = family.last;
    t->status = kin->active;
    t->registered_at = c->now;

    rc = kecs_put(c->txn, &family);

    return rc == KECS_OK ? kecs_put(c->txn, t) : rc;
}


/* The highest ACTIVE revision, 0: none. */

static kecs_rc_t
highest_active(kecs_call_t *c, const kecs_kin_t *kin, kecs_str_t name,
    uint32_t *revision)
{
    kecs_rc_t       rc;
    kecs_key_t      prefix;
    kecs_str_t      key;
    kecs_scan_t    *scan;
    kecs_taskdef_t  t;

    *revision = 0;
    kecs_key_init(&prefix);

    if (kin->by_status) {
        kecs_key_u8(&prefix, kin->active);
    }

    kecs_key_str(&prefix, name);

    rc = kecs_scan(c->txn, c->arena, kin->index, c->scope, &prefix,
                   kecs_null_str, true, &scan);
    if (rc != KECS_OK) {
        return rc;
    }

    while (rc == KECS_OK && *revision == 0) {
        memset(&t, 0, sizeof(kecs_taskdef_t));
        rc = kecs_scan_next(scan, &key, &t);

        if (rc == KECS_OK
            && (kin->by_status
                || (uint8_t) key.data[key.len - 1] == kin->active))
        {
            *revision = t.revision;
        }
    }

    kecs_scan_end(scan);

    return rc == KECS_DONE ? KECS_OK : rc;
}


kecs_rc_t
kecs_family_leave(kecs_call_t *c, const kecs_kin_t *kin,
    const kecs_taskdef_t *t)
{
    kecs_rc_t      rc;
    kecs_family_t  family;

    rc = kecs_family_get(c, kin, t->family, &family);

    if (rc != KECS_OK || family.active == 0) {
        return rc == KECS_OK ? KECS_CORRUPT : rc;
    }

    family.active--;

    if (family.latest == t->revision) {
        rc = highest_active(c, kin, t->family, &family.latest);
    }

    return rc == KECS_OK ? kecs_put(c->txn, &family) : rc;
}
