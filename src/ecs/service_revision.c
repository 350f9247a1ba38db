/*
 * Service revisions: what each deployment of a service runs, kept as long
 * as its deployment lives and its service deployment is remembered.
 * DescribeServiceRevisions, and what the other files of services need.
 */

#include "service_intern.h"


#define DESCRIBE_MAX  20
#define NO_ARN        "The Service ARN provided is invalid."


bool
kecs_service_part_parse(kecs_call_t *c, kecs_str_t id, const char *kind,
    kecs_service_part_arn_t *out)
{
    kecs_arn_t  arn;
    kecs_str_t  rest, head;

    if (!kecs_arn_parse(id, &arn) || !kecs_str_is(arn.service, "ecs")
        || !kecs_str_eq(arn.account, c->account)
        || !kecs_str_eq(arn.region, c->region))
    {
        return false;
    }

    rest = arn.resource;

    return kecs_str_split(&rest, '/', &head) && kecs_str_is(head, kind)
           && kecs_str_split(&rest, '/', &out->cluster)
           && kecs_str_split(&rest, '/', &out->service)
           && kecs_str_split(&rest, '/', &out->id) && rest.data == NULL
           && kecs_name_ok(out->cluster) && kecs_name_ok(out->service)
           && out->id.len != 0;
}


kecs_rc_t
kecs_revision_put(kecs_call_t *c, const kecs_service_spec_t *spec,
    const kecs_service_t *s, uint64_t id)
{
    kecs_revision_t  r;

    memset(&r, 0, sizeof(kecs_revision_t));
    r.rec.kind = KECS_REVISION;
    r.rec.scope = s->rec.scope;
    r.rec.gen = KECS_ECS_GEN;
    r.cluster = s->cluster;
    r.service = s->no;
    r.id = id;
    r.family = s->family;
    r.revision = s->revision;
    r.created_at = c->now;
    r.platform = spec->s.platform_version;
    kecs_rec_part(&r.rec, KECS_REVISION_STATIC, spec->revision);

    return kecs_put(c->txn, &r);
}


kecs_rc_t
kecs_revision_get(kecs_call_t *c, const kecs_service_t *s, uint64_t id,
    kecs_revision_t *r)
{
    memset(r, 0, sizeof(kecs_revision_t));
    r->rec.kind = KECS_REVISION;
    r->rec.scope = s->rec.scope;
    r->cluster = s->cluster;
    r->service = s->no;
    r->id = id;

    return kecs_get(c->txn, c->arena, r, KECS_ALL_PARTS);
}


/* Since when it is not run, 0: it is. */

static kecs_rc_t
set_ended(kecs_call_t *c, const kecs_service_t *s, uint64_t id,
    kecs_msec_t at)
{
    kecs_rc_t        rc;
    kecs_revision_t  r;

    rc = kecs_revision_get(c, s, id, &r);

    if (rc != KECS_OK) {
        return rc == KECS_NOT_FOUND ? KECS_OK : rc;
    }

    r.ended_at = at;

    return kecs_put(c->txn, &r);
}


kecs_rc_t
kecs_revision_ended(kecs_call_t *c, const kecs_deployment_t *d)
{
    kecs_service_t  s;

    memset(&s, 0, sizeof(s));
    s.rec.scope = d->rec.scope;
    s.cluster = d->cluster;
    s.no = d->service;

    return set_ended(c, &s, d->id, c->now);
}


kecs_rc_t
kecs_revision_runs(kecs_call_t *c, const kecs_service_t *s, uint64_t id)
{
    return set_ended(c, s, id, 0);
}


/* DescribeServiceRevisions. */

/* The routes are those of the revision that the service runs. */

static kecs_rc_t
write_connections(kecs_call_t *c, const kecs_service_t *s,
    const kecs_revision_t *r)
{
    kecs_rc_t                    rc;
    kecs_ecs_service_revision_t  fixed;

    if (s->primary != r->id || r->rec.part[KECS_REVISION_STATIC].len == 0) {
        return KECS_OK;
    }

    rc = kecs_fragment_load(c, &kecs_ecs_service_revision_shape,
                            r->rec.part[KECS_REVISION_STATIC], &fixed);

    if (rc != KECS_OK || fixed.gateway_connectors.n == 0) {
        return rc;
    }

    kecs_w_object(&c->out, "ecsManagedResources");
    rc = kecs_gateway_connections_write(c, s);
    kecs_w_object_end(&c->out);

    return rc;
}


kecs_rc_t
kecs_revision_write(kecs_call_t *c, const char *name, kecs_str_t cluster,
    const kecs_service_t *s, const kecs_revision_t *r)
{
    kecs_rc_t       rc;
    kecs_writer_t  *w;

    w = &c->out;
    kecs_w_object(w, name);
    kecs_write_made(c, "clusterArn", kecs_cluster_arn(c, cluster));
    kecs_w_time(w, "createdAt", r->created_at);
    kecs_write_made(c, "serviceArn",
                    kecs_service_arn(c, cluster, s->name));
    kecs_write_made(c, "serviceRevisionArn",
                    kecs_revision_arn(c, cluster, s->name, r->id));
    kecs_write_made(c, "taskDefinition",
                    kecs_taskdef_arn(c, r->family, r->revision));
    rc = write_connections(c, s, r);
    kecs_w_splice(w, r->rec.part[KECS_REVISION_STATIC]);
    kecs_w_object_end(w);

    return rc;
}


/* All ARNs are of one service, which is looked up. */

static kecs_rc_t
same_service(kecs_call_t *c, const kecs_ecs_string_list_t *arns,
    kecs_service_part_arn_t *parts)
{
    size_t    i;
    uint64_t  number;

    for (i = 0; i < arns->n; i++) {
        if (!kecs_str_starts(arns->items[i], kecs_str("arn:"))) {
            return kecs_bad(c, NO_ARN);
        }

        if (!kecs_service_part_parse(c, arns->items[i], "service-revision",
                                     &parts[i])
            || !kecs_str_u64(parts[i].id, &number))
        {
            return kecs_bad(c, "The ServiceRevision ARN is invalid.");
        }

        if (!kecs_str_eq(parts[i].service, parts[0].service)
            || !kecs_str_eq(parts[i].cluster, parts[0].cluster))
        {
            return kecs_bad(c, "Cross service requests are not allowed. All"
                            " requested service revisions must be for a"
                            " single service");
        }
    }

    return KECS_OK;
}


static kecs_rc_t
find_service(kecs_call_t *c, const kecs_service_part_arn_t *part,
    kecs_cluster_t *cluster, kecs_service_t *s)
{
    kecs_rc_t  rc;

    rc = kecs_cluster_named(c, part->cluster, 0, cluster);

    if (rc == KECS_OK && cluster->status == KECS_CLUSTER_INACTIVE) {
        return kecs_fail(c, KECS_E_CLUSTER_NOT_FOUND,
                         "The referenced cluster was inactive.");
    }

    if (rc == KECS_OK || rc == KECS_NOT_FOUND) {
        rc = kecs_find_cluster(c, part->cluster, 0, cluster);
    }

    if (rc == KECS_OK) {
        rc = kecs_find_service(c, cluster, part->service, 0, s);
    }

    if (rc == KECS_NOT_FOUND) {
        return kecs_fail(c, KECS_E_SERVICE_NOT_FOUND, "Service not found.");
    }

    if (rc == KECS_OK && s->status == KECS_SERVICE_INACTIVE) {
        return kecs_bad(c, "Cannot call DescribeServiceRevisions for a"
                        " service that is INACTIVE");
    }

    return rc;
}


/* Writes those that are there, each once; missing[] keeps the others. */

static kecs_rc_t
describe_found(kecs_call_t *c, const kecs_ecs_string_list_t *arns,
    const kecs_service_part_arn_t *parts, bool *missing)
{
    size_t           i, k, n;
    uint64_t         found[DESCRIBE_MAX];
    kecs_rc_t        rc;
    kecs_cluster_t   cluster;
    kecs_service_t   s;
    kecs_revision_t  r;

    rc = find_service(c, &parts[0], &cluster, &s);

    for (i = 0, n = 0; rc == KECS_OK && i < arns->n; i++) {
        rc = kecs_str_u64(parts[i].id, &found[n])
             ? kecs_revision_get(c, &s, found[n], &r) : KECS_NOT_FOUND;

        if (rc == KECS_NOT_FOUND) {
            missing[i] = true;
            rc = KECS_OK;
            continue;
        }

        for (k = 0; k < n && found[k] != found[n]; k++) {
            /* void */
        }

        if (rc == KECS_OK && k == n) {
            rc = kecs_revision_write(c, NULL, cluster.name, &s, &r);
            n++;
        }
    }

    return rc;
}


kecs_rc_t
kecs_describe_service_revisions(kecs_call_t *c, void *input)
{
    size_t                    i;
    kecs_rc_t                 rc;
    bool                      missing[DESCRIBE_MAX];
    kecs_service_part_arn_t   parts[DESCRIBE_MAX];
    const kecs_ecs_describe_service_revisions_request_t  *in = input;

    rc = kecs_check_input(c, in);

    if (rc != KECS_OK) {
        return rc;
    }

    if (in->service_revision_arns.n == 0) {
        return kecs_bad(c, NO_ARN);
    }

    if (in->service_revision_arns.n > DESCRIBE_MAX) {
        return kecs_bad(c, "Service Revision ARN count cannot exceed %d",
                        DESCRIBE_MAX);
    }

    memset(missing, 0, sizeof(missing));
    rc = same_service(c, &in->service_revision_arns, parts);

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_array(&c->out, "serviceRevisions");
    rc = describe_found(c, &in->service_revision_arns, parts, missing);
    kecs_w_array_end(&c->out);

    kecs_w_array(&c->out, "failures");

    for (i = 0; i < in->service_revision_arns.n; i++) {
        if (missing[i]) {
            kecs_failure_write(c, in->service_revision_arns.items[i],
                               "MISSING", kecs_null_str);
        }
    }

    kecs_w_array_end(&c->out);

    return rc;
}
