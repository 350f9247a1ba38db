/*
 * Identifiers: what a client sends to name a thing (short name or ARN), the
 * records behind it, and the ARNs that answers show.  Also the few checks
 * that all handlers share.  Memory is the call's; reads go through the
 * call's transaction, so everything here belongs to its thread.
 */

#include "ecs.h"


#define NAME_MAX_LEN  255

typedef kecs_ident_t  ident_t;


bool
kecs_name_ok(kecs_str_t name)
{
    char    ch;
    size_t  i;

    for (i = 0; i < name.len; i++) {
        ch = name.data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_'))
        {
            return false;
        }
    }

    return name.len > 0 && name.len <= NAME_MAX_LEN;
}


kecs_rc_t
kecs_check_name(kecs_call_t *c, const char *what, kecs_str_t name)
{
    if (kecs_name_ok(name)) {
        return KECS_OK;
    }

    return kecs_fail(c, KECS_E_INVALID_PARAMETER, "Invalid %s name: up to 255"
                     " letters (uppercase and lowercase), numbers,"
                     " underscores, and hyphens are allowed.", what);
}


static kecs_rc_t
invalid_identifier(kecs_call_t *c, const char *why)
{
    return kecs_fail(c, KECS_E_INVALID_PARAMETER, "Invalid identifier: %s",
                     why);
}


/* Behind "arn:...:KIND/", for this account and region. */

static kecs_rc_t
arn_rest(kecs_call_t *c, kecs_str_t *id, const char *kind)
{
    kecs_str_t  head;
    kecs_arn_t  arn;

    if (!kecs_arn_parse(*id, &arn) || !kecs_str_is(arn.service, "ecs")) {
        return invalid_identifier(c, "The ARN is malformed");
    }

    *id = arn.resource;

    if (!kecs_str_split(id, '/', &head) || !kecs_str_is(head, kind)
        || id->data == NULL)
    {
        return invalid_identifier(c, "Unexpected resource type");
    }

    if (!kecs_str_eq(arn.account, c->account)) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER, "AccountIDs mismatch");
    }

    if (!kecs_str_eq(arn.region, c->region)) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER, "Regions mismatch");
    }

    return KECS_OK;
}


/* Takes `id` apart; an ARN has 1 to `most` parts, a short name is one. */

static kecs_rc_t
parse(kecs_call_t *c, kecs_str_t id, const char *kind, unsigned most,
    ident_t *out)
{
    kecs_rc_t   rc;
    kecs_str_t  head;

    memset(out, 0, sizeof(ident_t));
    out->arn = kecs_str_starts(id, kecs_str("arn:"));

    if (out->arn) {
        rc = arn_rest(c, &id, kind);
        if (rc != KECS_OK) {
            return rc;
        }

    } else {
        most = 1;
    }

    while (kecs_str_split(&id, '/', &head)) {
        if (out->n == most || head.len == 0) {
            return invalid_identifier(c, "Unexpected number of separators");
        }

        out->part[out->n++] = head;
    }

    if (out->n == 0) {
        return invalid_identifier(c, "Unexpected number of separators");
    }

    return KECS_OK;
}


kecs_rc_t
kecs_ident_parse(kecs_call_t *c, kecs_str_t id, const char *kind,
    unsigned most, kecs_ident_t *out)
{
    return parse(c, id, kind, most, out);
}


kecs_rc_t
kecs_cluster_name_of(kecs_call_t *c, kecs_str_t id, kecs_str_t *name)
{
    ident_t    ident;
    kecs_rc_t  rc;

    if (id.len == 0) {
        *name = kecs_str("default");
        return KECS_OK;
    }

    rc = parse(c, id, "cluster", 1, &ident);
    if (rc != KECS_OK) {
        return rc;
    }

    *name = ident.part[0];

    if (!kecs_name_ok(*name)) {
        return invalid_identifier(c, "The cluster name is invalid");
    }

    return KECS_OK;
}


kecs_rc_t
kecs_cluster_named(kecs_call_t *c, kecs_str_t name, unsigned parts,
    kecs_cluster_t *out)
{
    kecs_rc_t   rc;
    kecs_key_t  key;

    memset(out, 0, sizeof(kecs_cluster_t));

    if (c->scope == 0) {
        return KECS_NOT_FOUND;
    }

    kecs_key_init(&key);
    kecs_key_str(&key, name);

    rc = kecs_find(c->txn, KECS_IX_CLUSTER_NAME, c->scope, &key, out);

    return rc == KECS_OK ? kecs_get(c->txn, c->arena, out, parts) : rc;
}


kecs_rc_t
kecs_find_cluster(kecs_call_t *c, kecs_str_t id, unsigned parts,
    kecs_cluster_t *out)
{
    kecs_rc_t   rc;
    kecs_str_t  name;

    rc = kecs_cluster_name_of(c, id, &name);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = kecs_cluster_named(c, name, parts, out);

    if (rc == KECS_NOT_FOUND
        || (rc == KECS_OK && out->status == KECS_CLUSTER_INACTIVE))
    {
        return kecs_fail(c, KECS_E_CLUSTER_NOT_FOUND, "Cluster not found.");
    }

    return rc;
}


kecs_rc_t
kecs_cluster_by_no(kecs_call_t *c, uint32_t no, kecs_cluster_t *out)
{
    memset(out, 0, sizeof(kecs_cluster_t));
    out->rec.kind = KECS_CLUSTER;
    out->rec.scope = c->scope;
    out->no = no;

    return kecs_get(c->txn, c->arena, out, 0);
}


kecs_rc_t
kecs_provider_name_of(kecs_call_t *c, kecs_str_t id, kecs_str_t *name)
{
    ident_t    ident;
    kecs_rc_t  rc;

    rc = parse(c, id, "capacity-provider", 1, &ident);
    if (rc != KECS_OK) {
        return rc;
    }

    *name = ident.part[0];

    if (!kecs_name_ok(*name)) {
        return invalid_identifier(c, "The capacity provider name is"
                                  " invalid");
    }

    return KECS_OK;
}


/* Services and tasks. */

/*
 * The last part of "service/CLUSTER/NAME", "service/NAME" or "NAME"; the
 * cluster must be the one asked about.
 */

static kecs_rc_t
name_within(kecs_call_t *c, const kecs_cluster_t *cluster, kecs_str_t id,
    const char *kind, kecs_str_t *name)
{
    ident_t    ident;
    kecs_rc_t  rc;

    rc = parse(c, id, kind, 2, &ident);
    if (rc != KECS_OK) {
        return rc;
    }

    *name = ident.part[ident.n - 1];

    if (ident.n == 1 || kecs_str_eq(ident.part[0], cluster->name)) {
        return KECS_OK;
    }

    return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                     "Invalid identifier: Identifier is for cluster %.*s."
                     " Your cluster is %.*s", kecs_fmt(ident.part[0]),
                     kecs_fmt(cluster->name));
}


kecs_rc_t
kecs_find_service(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_str_t id, unsigned parts, kecs_service_t *out)
{
    kecs_rc_t   rc;
    kecs_key_t  key;
    kecs_str_t  name;

    rc = name_within(c, cluster, id, "service", &name);
    if (rc != KECS_OK) {
        return rc;
    }

    kecs_key_init(&key);
    kecs_key_u32(&key, cluster->no);
    kecs_key_str(&key, name);

    if (key.failed || !kecs_name_ok(name)) {
        return KECS_NOT_FOUND;
    }

    memset(out, 0, sizeof(kecs_service_t));
    rc = kecs_find(c->txn, KECS_IX_SERVICE_NAME, c->scope, &key, out);

    return rc == KECS_OK ? kecs_get(c->txn, c->arena, out, parts) : rc;
}


/* 32 digits, or a UUID with its dashes. */

static bool
read_id(kecs_str_t s, uint8_t *id)
{
    char    digits[2 * KECS_ID_LEN];
    size_t  i, n;

    for (i = 0, n = 0; i < s.len; i++) {
        if (s.len == KECS_UUID_LEN
            && (i == 8 || i == 13 || i == 18 || i == 23))
        {
            if (s.data[i] != '-') {
                return false;
            }

            continue;
        }

        digits[n++] = s.data[i];
    }

    return kecs_unhex(kecs_str_n(digits, n), id, KECS_ID_LEN);
}


/*
 * The id in "KIND/CLUSTER/ID" or alone; `what` names it in the error.
 * KECS_NOT_FOUND when nothing can have it.
 */

static kecs_rc_t
id_within(kecs_call_t *c, const kecs_cluster_t *cluster, kecs_str_t id,
    const char *kind, const char *what, uint8_t *out)
{
    kecs_rc_t   rc;
    kecs_str_t  short_id;

    rc = name_within(c, cluster, id, kind, &short_id);
    if (rc != KECS_OK) {
        return rc;
    }

    if (short_id.len != 2 * KECS_ID_LEN && short_id.len != KECS_UUID_LEN) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "%s length should be one of [32,36]", what);
    }

    return read_id(short_id, out) ? KECS_OK : KECS_NOT_FOUND;
}


kecs_rc_t
kecs_find_task(kecs_call_t *c, const kecs_cluster_t *cluster, kecs_str_t id,
    unsigned parts, kecs_task_t *out)
{
    kecs_rc_t  rc;

    memset(out, 0, sizeof(kecs_task_t));
    out->rec.kind = KECS_TASK;
    out->rec.scope = c->scope;
    out->cluster = cluster->no;

    rc = id_within(c, cluster, id, "task", "taskId", out->id);

    return rc == KECS_OK ? kecs_get(c->txn, c->arena, out, parts) : rc;
}


kecs_rc_t
kecs_find_instance(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_str_t id, unsigned parts, kecs_instance_t *out)
{
    kecs_rc_t  rc;

    memset(out, 0, sizeof(kecs_instance_t));
    out->rec.kind = KECS_INSTANCE;
    out->rec.scope = c->scope;
    out->cluster = cluster->no;

    rc = id_within(c, cluster, id, "container-instance", "instanceId",
                   out->id);

    return rc == KECS_OK ? kecs_get(c->txn, c->arena, out, parts) : rc;
}


/* ARNs. */

#define make_arn(c, kind, ...)                                               \
    kecs_arn_ecs((c)->arena, (c)->region, (c)->account, kecs_str_of(kind),   \
                 __VA_ARGS__)


kecs_str_t
kecs_cluster_arn(kecs_call_t *c, kecs_str_t name)
{
    return make_arn(c, "cluster", name);
}


kecs_str_t
kecs_provider_arn(kecs_call_t *c, kecs_str_t name)
{
    return make_arn(c, "capacity-provider", name);
}


static kecs_str_t
revision_arn(kecs_call_t *c, const char *kind, kecs_str_t family,
    uint32_t revision)
{
    char        digits[KECS_DIGITS_MAX];
    kecs_str_t  name[3];

    name[0] = family;
    name[1] = kecs_str(":");
    name[2] = kecs_digits(revision, digits);

    return make_arn(c, kind, kecs_concat(c->arena, name, 3));
}


kecs_str_t
kecs_taskdef_arn(kecs_call_t *c, kecs_str_t family, uint32_t revision)
{
    return revision_arn(c, "task-definition", family, revision);
}


kecs_str_t
kecs_service_arn(kecs_call_t *c, kecs_str_t cluster, kecs_str_t name)
{
    return make_arn(c, "service", cluster, name);
}


static kecs_str_t
id_arn(kecs_call_t *c, const char *kind, kecs_str_t owner,
    const uint8_t *id)
{
    char  hex[2 * KECS_ID_LEN];

    kecs_hex(id, KECS_ID_LEN, hex);

    return make_arn(c, kind, owner, kecs_str_n(hex, sizeof(hex)));
}


kecs_str_t
kecs_task_arn(kecs_call_t *c, kecs_str_t cluster, const uint8_t *id)
{
    return id_arn(c, "task", cluster, id);
}


kecs_str_t
kecs_instance_arn(kecs_call_t *c, kecs_str_t cluster, const uint8_t *id)
{
    return id_arn(c, "container-instance", cluster, id);
}


kecs_str_t
kecs_missing_arn(kecs_call_t *c, const char *kind, kecs_str_t cluster,
    kecs_str_t id)
{
    if (kecs_str_starts(id, kecs_str("arn:"))) {
        return id;
    }

    return make_arn(c, kind, cluster, id);
}


/* Daemons, gateways. */

kecs_str_t
kecs_daemon_arn(kecs_call_t *c, kecs_str_t cluster, kecs_str_t name)
{
    return make_arn(c, "daemon", cluster, name);
}


kecs_str_t
kecs_daemon_taskdef_arn(kecs_call_t *c, kecs_str_t family,
    uint32_t revision)
{
    return revision_arn(c, "daemon-task-definition", family, revision);
}


kecs_str_t
kecs_daemon_deployment_arn(kecs_call_t *c, kecs_str_t cluster,
    kecs_str_t daemon, kecs_str_t name)
{
    return make_arn(c, "daemon-deployment", cluster, daemon, name);
}


static kecs_str_t
numbered_arn(kecs_call_t *c, const char *kind, kecs_str_t cluster,
    kecs_str_t owner, uint64_t id)
{
    return make_arn(c, kind, cluster, owner,
                    kecs_sprintf(c->arena, "%019" PRIu64, id));
}


kecs_str_t
kecs_daemon_revision_arn(kecs_call_t *c, kecs_str_t cluster,
    kecs_str_t daemon, uint64_t id)
{
    return numbered_arn(c, "daemon-revision", cluster, daemon, id);
}


kecs_str_t
kecs_revision_arn(kecs_call_t *c, kecs_str_t cluster, kecs_str_t service,
    uint64_t id)
{
    return numbered_arn(c, "service-revision", cluster, service, id);
}


kecs_str_t
kecs_service_deployment_arn(kecs_call_t *c, kecs_str_t cluster,
    kecs_str_t service, kecs_str_t name)
{
    return make_arn(c, "service-deployment", cluster, service, name);
}


kecs_str_t
kecs_task_set_arn(kecs_call_t *c, kecs_str_t cluster, kecs_str_t service,
    kecs_str_t id)
{
    return make_arn(c, "task-set", cluster, service, id);
}


kecs_str_t
kecs_gateway_arn(kecs_call_t *c, kecs_str_t name)
{
    return make_arn(c, "gateway", name);
}


kecs_str_t
kecs_gateway_route_arn(kecs_call_t *c, kecs_str_t gateway,
    const uint8_t *id)
{
    return id_arn(c, "gateway-route", gateway, id);
}


/* Failures, checks, fragments. */

void
kecs_write_made(kecs_call_t *c, const char *name, kecs_str_t s)
{
    if (s.data == NULL) {
        c->buf->failed = true;
    }

    kecs_w_str(&c->out, name, s);
}


void
kecs_failure_write(kecs_call_t *c, kecs_str_t arn, const char *reason,
    kecs_str_t detail)
{
    kecs_w_object(&c->out, NULL);
    kecs_write_made(c, "arn", arn);
    kecs_w_opt_str(&c->out, "detail", detail);
    kecs_w_cstr(&c->out, "reason", reason);
    kecs_w_object_end(&c->out);
}


void
kecs_missing_write(kecs_call_t *c, const kecs_str_t *arns, size_t n)
{
    size_t  i;

    kecs_w_array(&c->out, "failures");

    for (i = 0; i < n; i++) {
        if (arns[i].data != NULL) {
            kecs_failure_write(c, arns[i], "MISSING", kecs_null_str);
        }
    }

    kecs_w_array_end(&c->out);
}


kecs_rc_t
kecs_fragment_load(kecs_call_t *c, const kecs_shape_t *shape,
    kecs_str_t json, void *to)
{
    void       *p;
    kecs_rc_t   rc;

    rc = kecs_shape_load(c->arena, shape, json, &p);

    if (rc == KECS_OK) {
        memcpy(to, p, shape->size);
    }

    return rc;
}


kecs_rc_t
kecs_check_input(kecs_call_t *c, const void *in)
{
    kecs_rc_t           rc;
    kecs_shape_error_t  err;

    rc = kecs_shape_check(c->arena, c->op->input, in, &err);

    if (rc != KECS_INVALID) {
        return rc;
    }

    return kecs_fail_str(c, KECS_E_INVALID_PARAMETER, err.message);
}


kecs_rc_t
kecs_check_enum(kecs_call_t *c, kecs_error_t e, const char *what,
    const kecs_shape_t *shape, kecs_str_t value)
{
    size_t      i;
    kecs_buf_t  b;

    if (value.data == NULL || kecs_shape_has_value(shape, value)) {
        return KECS_OK;
    }

    kecs_buf_init(&b, c->arena, 0);
    kecs_buf_printf(&b, "%s should be one of [", what);

    for (i = 0; shape->values[i] != NULL; i++) {
        kecs_buf_printf(&b, "%s%s", i != 0 ? "," : "", shape->values[i]);
    }

    kecs_buf_chr(&b, ']');

    return b.failed ? KECS_NOMEM : kecs_fail_str(c, e, kecs_buf_view(&b));
}


kecs_rc_t
kecs_member_json(kecs_arena_t *a, const kecs_shape_t *shape,
    const void *value, const char *name, kecs_str_t *json)
{
    kecs_buf_t            b;
    const void           *v;
    kecs_writer_t         w;
    const kecs_member_t  *m;

    *json = kecs_null_str;

    m = kecs_shape_member(shape, kecs_str_of(name));
    v = m != NULL ? kecs_member_value(m, value) : NULL;

    if (v == NULL) {
        return KECS_OK;
    }

    kecs_buf_init(&b, a, 0);
    w = kecs_writer(&b);
    kecs_shape_value(&w, NULL, m->shape, v);

    if (b.failed) {
        return KECS_NOMEM;
    }

    *json = kecs_buf_view(&b);

    return KECS_OK;
}


kecs_rc_t
kecs_scan_first(kecs_scan_t *scan, void *rec)
{
    kecs_rc_t   rc;
    kecs_str_t  key;

    rc = kecs_scan_next(scan, &key, rec);
    kecs_scan_end(scan);

    return rc;
}


kecs_rc_t
kecs_scan_any(kecs_scan_t *scan, bool *any)
{
    kecs_rc_t  rc;

    rc = kecs_scan_first(scan, NULL);
    *any = rc == KECS_OK;

    return rc == KECS_DONE ? KECS_OK : rc;
}


kecs_rc_t
kecs_index_any(kecs_call_t *c, unsigned index, const kecs_key_t *prefix,
    bool *any)
{
    kecs_rc_t     rc;
    kecs_scan_t  *scan;

    rc = kecs_scan(c->txn, c->arena, index, c->scope, prefix, kecs_null_str,
                   false, &scan);

    return rc == KECS_OK ? kecs_scan_any(scan, any) : rc;
}


kecs_rc_t
kecs_input_as(kecs_call_t *c, const void *in, const kecs_shape_t *shape,
    void **out)
{
    kecs_str_t  json;

    json = kecs_shape_json(c->arena, c->op->input, in);

    return json.data != NULL ? kecs_shape_load(c->arena, shape, json, out)
                             : KECS_NOMEM;
}


bool
kecs_id_new(uint8_t (*ids)[KECS_ID_LEN], size_t *n, const uint8_t *id)
{
    size_t  i;

    for (i = 0; i < *n; i++) {
        if (memcmp(ids[i], id, KECS_ID_LEN) == 0) {
            return false;
        }
    }

    memcpy(ids[(*n)++], id, KECS_ID_LEN);

    return true;
}


bool
kecs_strs_has(size_t n, const kecs_str_t *strs, kecs_str_t s)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (kecs_str_eq(strs[i], s)) {
            return true;
        }
    }

    return false;
}


bool
kecs_names_has(size_t n, const kecs_str_t *names, const char *name)
{
    return kecs_strs_has(n, names, kecs_str_of(name));
}
