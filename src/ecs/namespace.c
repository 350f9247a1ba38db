/*
 * Namespaces of Service Connect.  They are Cloud Map's, not ours: one is
 * known here when a cluster's defaults or a service name it.  A name and an
 * ARN of the same namespace are two, since only Cloud Map could tell.
 */

#include <openssl/sha.h>

#include "ecs.h"


#define PAGE     10
#define KEY_MAX  200            /* longer ones are known by their hash */


kecs_rc_t
kecs_namespace_key(kecs_call_t *c, kecs_str_t namespace, kecs_str_t *key)
{
    char           hex[2 * SHA256_DIGEST_LENGTH];
    kecs_arn_t     arn;
    unsigned char  hash[SHA256_DIGEST_LENGTH];

    *key = namespace;

    if (kecs_arn_parse(namespace, &arn)) {
        *key = kecs_str_from(arn.resource,
                             (size_t) (kecs_str_rchr(arn.resource, '/') + 1));
    }

    if (key->len <= KEY_MAX) {
        return KECS_OK;
    }

    (void) SHA256((const unsigned char *) key->data, key->len, hash);
    kecs_hex(hash, sizeof(hash), hex);
    *key = kecs_sprintf(c->arena, "sha256:%.*s", (int) sizeof(hex), hex);

    return key->data != NULL ? KECS_OK : KECS_NOMEM;
}


static kecs_rc_t
check_known(kecs_call_t *c, const kecs_key_t *prefix)
{
    bool       has;
    kecs_rc_t  rc;

    has = false;
    rc = KECS_OK;

    if (c->scope != 0) {
        rc = kecs_index_any(c, KECS_IX_SERVICE_NAMESPACE, prefix, &has);

        if (rc == KECS_OK && !has) {
            rc = kecs_index_any(c, KECS_IX_CLUSTER_NAMESPACE, prefix, &has);
        }
    }

    if (rc == KECS_OK && !has) {
        return kecs_fail(c, KECS_E_NAMESPACE_NOT_FOUND,
                         "Namespace not found.");
    }

    return rc;
}


/* A key is the namespace, NUL, the cluster's number, the name. */

static kecs_rc_t
list_service(kecs_call_t *c, void *ctx, kecs_str_t key, kecs_any_t *rec,
    kecs_str_t *out)
{
    kecs_rc_t       rc;
    uint32_t        no;
    kecs_str_t      namespace, name;
    kecs_cluster_t  cluster;
    const uint8_t  *p;

    (void) ctx;
    (void) rec;

    rc = kecs_list_name(c, key, &namespace);

    if (rc != KECS_OK || key.len < namespace.len + 6) {
        return KECS_CORRUPT;
    }

    p = (const uint8_t *) key.data + namespace.len + 1;
    no = (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
         | (uint32_t) p[2] << 8 | p[3];

    rc = kecs_list_name(c, kecs_str_from(key, namespace.len + 5), &name);

    if (rc == KECS_OK) {
        rc = kecs_cluster_by_no(c, no, &cluster);
    }

    if (rc == KECS_OK) {
        *out = kecs_service_arn(c, cluster.name, name);
        rc = out->data != NULL ? KECS_OK : KECS_NOMEM;
    }

    return rc;
}


static kecs_rc_t
list_services_by_namespace(kecs_call_t *c, void *v)
{
    kecs_rc_t                                       rc;
    kecs_str_t                                      namespace;
    kecs_key_t                                      prefix;
    kecs_page_t                                     page;
    kecs_scan_t                                    *scan;
    kecs_ecs_list_services_by_namespace_request_t  *in;

    in = v;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = kecs_namespace_key(c, in->namespace, &namespace);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    kecs_key_init(&prefix);
    kecs_key_str(&prefix, namespace);

    rc = check_known(c, &prefix);

    if (rc == KECS_OK) {
        rc = kecs_page_begin(c, &page, in->max_results, in->next_token, PAGE,
                             100, in->namespace);
    }

    if (rc == KECS_OK) {
        rc = kecs_scan(c->txn, c->arena, KECS_IX_SERVICE_NAMESPACE, c->scope,
                       &prefix, page.after, false, &scan);
    }

    return rc == KECS_OK
           ? kecs_list_page(c, &page, "serviceArns", scan, list_service,
                            NULL, NULL)
           : rc;
}


const kecs_op_t  kecs_namespace_ops[] = {
    { "ListServicesByNamespace", KECS_OP_READ,
      &kecs_ecs_list_services_by_namespace_request_shape,
      list_services_by_namespace },
    { NULL, 0, NULL, NULL }
};
