/*
 * Gateways: their life, associations with clusters, routes of services,
 * lists, tags, what goes with a cluster, and every allocation failing.
 */

#include "callkit.h"


#define is_body(body, what)  callkit_body(&k, body, what)

#define GW    CALLKIT_ARN "gateway/"
#define ROLE  "\"infrastructureRoleArn\":\"arn:aws:iam::000000000000:role/r\""

#define CREATE(name, token, alb)                                             \
    "{\"name\":\"" name "\",\"clientToken\":\"" token "\"," ROLE ","         \
    "\"configuration\":{\"hostSharedAlb\":{" alb "}}}"

static callkit_t  k;


static void
test_create(void)
{
    (void) callkit(&k, "ListGateways", "{}");
    is_body("{\"gateways\":[]}", "nothing was ever written");

    (void) callkit(&k, "ListGatewayRoutes", "{}");
    is_body("{\"gatewayRoutes\":[]}", "nothing was ever written");
    (void) callkit(&k, "ListGatewayClusterAssociations",
                   "{\"gateway\":\"a\",\"cluster\":\"b\"}");
    is_body("{\"gatewayClusterAssociations\":[]}",
            "nothing was ever written");
    callkit_error(&k, "DescribeGatewayRoute", "{\"gatewayRouteArn\":\""
                  CALLKIT_ARN "gateway-route/one/"
                  "00000000000000000000000000000000\"}", 400,
                  "ResourceNotFoundException", "Gateway route not found.");

    (void) callkit(&k, "CreateGateway", CREATE("one", "t1", ""));
    is_body("{\"gatewayArn\":\"" GW "one\",\"name\":\"one\","
            "\"status\":\"ACTIVE\"}", "the whole answer");
    (void) callkit(&k, "CreateGateway", CREATE("two", "t1", ""));
    callkit_ok(&k, "name", "one", "the token counts, not the name");
    callkit_error(&k, "CreateGateway", CREATE("one", "t2", ""), 400,
                  "InvalidParameterException",
                  "Creation of gateway was not idempotent.");

    (void) callkit(&k, "DescribeGateway", "{\"gateway\":\"one\"}");
    callkit_ok(&k, "gateway.accessType", "PUBLIC", "defaults");
    callkit_ok(&k, "gateway.deletionProtection", "true", "defaults");
    callkit_ok(&k, "gateway.propagateTags", "GATEWAY", "defaults");
    callkit_ok(&k, "gateway.tags", "[0]", "defaults");
    callkit_ok(&k, "gateway.failures", "[0]", "defaults");
    callkit_ok(&k, "gateway.createdAt", "1789551556.693", "defaults");
    callkit_ok(&k, "gateway.configuration.hostSharedAlb.scheme",
               "internet-facing", "defaults");
    callkit_ok(&k, "gateway.configuration.hostSharedAlb.port", "443",
               "defaults");
    callkit_ok(&k, "gateway.configuration.hostSharedAlb.protocol", "HTTPS",
               "defaults");
    callkit_ok(&k, "gateway.configuration.hostSharedAlb.maxAlbCount", "10",
               "defaults");
    callkit_ok(&k, "gateway.configuration.hostSharedAlb.currentAlbCount",
               "0", "nothing is built");
    callkit_ok(&k, "gateway.configuration.hostSharedAlb.httpDesync",
               "defensive", "defaults");
    callkit_ok(&k, "gateway.configuration.hostSharedAlb"
               ".networkConfiguration.ipAddressType", "dualstack",
               "defaults");
    callkit_ok(&k, "gateway.configuration.hostSharedAlb"
               ".networkConfiguration.subnets", "[3]", "defaults");

    (void) callkit(&k, "CreateGateway",
                   "{\"name\":\"inner\"," ROLE ",\"deletionProtection\":"
                   "false,\"propagateTags\":\"NONE\",\"tags\":[{\"key\":"
                   "\"a\",\"value\":\"1\"}],\"configuration\":{"
                   "\"hostSharedAlb\":{\"scheme\":\"internal\","
                   "\"networkConfiguration\":{\"subnets\":[\"subnet-1\"]},"
                   "\"accessLogs\":{\"destination\":{\"s3\":{\"bucket\":"
                   "\"b\"}}},\"testTrafficRules\":{\"header\":{\"name\":"
                   "\"x\",\"values\":[\"y\"]}}}}}");
    callkit_ok(&k, "status", "ACTIVE", "one with all");
    (void) callkit(&k, "DescribeGateway", "{\"gateway\":\"" GW "inner\"}");
    callkit_ok(&k, "gateway.accessType", "PRIVATE", "by ARN");
    callkit_ok(&k, "gateway.deletionProtection", "false", "as given");
    callkit_ok(&k, "gateway.propagateTags", "NONE", "as given");
    callkit_ok(&k, "gateway.tags.0.value", "1", "as given");
    callkit_ok(&k, "gateway.configuration.hostSharedAlb.accessLogs"
               ".destination.s3.bucket", "b", "as given");
    callkit_ok(&k, "gateway.configuration.hostSharedAlb"
               ".networkConfiguration.subnets", "[1]", "as given");
}


static void
test_create_errors(void)
{
    size_t  i;

    static const struct {
        const char  *body;
        const char  *message;
    } cases[] = {
        { CREATE("a b", "", ""),
          "Invalid gateway name: up to 255 letters (uppercase and"
          " lowercase), numbers, underscores, and hyphens are allowed." },
        { CREATE("x", "", "\"port\":80"),
          "The gateway supports only HTTPS at port 443." },
        { CREATE("x", "", "\"protocol\":\"HTTP\""),
          "The gateway supports only HTTPS at port 443." },
        { CREATE("x", "", "\"protocol\":\"TCP\""),
          "protocol should be one of [HTTP,HTTPS]" },
        { CREATE("x", "", "\"scheme\":\"outer\""),
          "scheme should be one of [internet-facing,internal]" },
        { CREATE("x", "", "\"networkConfiguration\":{\"ipAddressType\":"
                 "\"ipv6\"}"), "ipAddressType should be one of"
          " [ipv4,dualstack,dualstack-without-public-ipv4]" },
        { CREATE("x", "", "\"httpDesync\":\"off\""),
          "httpDesync should be one of [monitor,defensive,strictest]" },
        { CREATE("x", "", "\"maxAlbCount\":0"),
          "maxAlbCount must be at least 1" },
        { CREATE("x", "", "\"testTrafficRules\":{\"header\":{\"name\":"
                 "\"x\",\"values\":[]}}"),
          "testTrafficRules must have a header with a name and at least one"
          " value." },
        { "{\"name\":\"x\"," ROLE ",\"propagateTags\":\"ALL\","
          "\"configuration\":{\"hostSharedAlb\":{}}}",
          "Invalid value for propagateTags" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        callkit_error(&k, "CreateGateway", cases[i].body, 400,
                      "InvalidParameterException", cases[i].message);
    }

    (void) callkit(&k, "CreateGateway",
                   "{\"name\":\"x\"," ROLE ",\"configuration\":{}}");
    tap_is_str(kecs_str_of(callkit_text(&k, "__type")),
               "InvalidParameterException", "no variant");

    callkit_error(&k, "DescribeGateway", "{\"gateway\":\"none\"}", 400,
                  "GatewayNotFoundException", "Gateway not found.");
    callkit_error(&k, "DescribeGateway", "{\"gateway\":\"a/b\"}", 400,
                  "InvalidParameterException",
                  "Invalid identifier: Unexpected number of separators");
}


static void
test_update(void)
{
    (void) callkit(&k, "UpdateGateway", "{\"gateway\":\"one\","
                   "\"configuration\":{\"hostSharedAlb\":{"
                   "\"maxAlbCount\":3,\"networkConfiguration\":{"
                   "\"inboundSecurityGroup\":\"sg-1\"}}}}");
    is_body("{\"gatewayArn\":\"" GW "one\",\"name\":\"one\","
            "\"status\":\"UPDATE_IN_PROGRESS\"}", "the whole answer");
    (void) callkit(&k, "DescribeGateway", "{\"gateway\":\"one\"}");
    callkit_ok(&k, "gateway.status", "UPDATE_COMPLETE",
               "there was nothing to change");
    callkit_ok(&k, "gateway.configuration.hostSharedAlb.maxAlbCount", "3",
               "changed");
    callkit_ok(&k, "gateway.configuration.hostSharedAlb"
               ".networkConfiguration.inboundSecurityGroup", "sg-1",
               "changed");
    callkit_ok(&k, "gateway.configuration.hostSharedAlb"
               ".networkConfiguration.subnets", "[3]", "kept");
    callkit_ok(&k, "gateway.deletionProtection", "true", "kept");
    callkit_ok(&k, "gateway.propagateTags", "GATEWAY", "kept");

    callkit_error(&k, "UpdateGateway", "{\"gateway\":\"one\","
                  "\"configuration\":{\"hostSharedAlb\":{"
                  "\"httpDesync\":\"x\"}}}", 400,
                  "InvalidParameterException",
                  "httpDesync should be one of"
                  " [monitor,defensive,strictest]");
    callkit_error(&k, "UpdateGateway", "{\"gateway\":\"none\"}", 400,
                  "GatewayNotFoundException", "Gateway not found.");
}


static void
test_list(void)
{
    (void) callkit(&k, "ListGateways", "{}");
    is_body("{\"gateways\":[{\"createdAt\":1789551556.693,\"gatewayArn\":"
            "\"" GW "inner\",\"name\":\"inner\",\"status\":\"ACTIVE\"},"
            "{\"createdAt\":1789551556.693,\"gatewayArn\":\"" GW "one\","
            "\"name\":\"one\",\"status\":\"UPDATE_COMPLETE\"}]}",
            "the whole list");
    (void) callkit(&k, "ListGateways", "{\"status\":[\"ACTIVE\"]}");
    callkit_ok(&k, "gateways", "[1]", "by status");
    (void) callkit(&k, "ListGateways", "{\"names\":[\"one\",\"none\"]}");
    callkit_ok(&k, "gateways", "[1]", "by name");
    (void) callkit(&k, "ListGateways", "{\"maxResults\":1}");
    callkit_ok(&k, "gateways", "[1]", "a page");
    tap_ok(callkit_text(&k, "nextToken") != NULL, "there is more");
    callkit_error(&k, "ListGateways", "{\"names\":[\"a\",\"b\",\"c\",\"d\","
                  "\"e\",\"f\",\"g\",\"h\",\"i\",\"j\",\"k\"]}", 400,
                  "InvalidParameterException",
                  "names cannot have more than 10 elements.");
    callkit_error(&k, "ListGateways", "{\"status\":[\"x\"]}", 400,
                  "InvalidParameterException", "status should be one of"
                  " [ACTIVE,UPDATE_IN_PROGRESS,UPDATE_COMPLETE,"
                  "UPDATE_FAILED,DELETED]");

    (void) callkit(&k, "DescribeGatewayResources", "{\"gateway\":\"one\"}");
    is_body("{\"gatewayResources\":{\"gatewayArn\":\"" GW "one\","
            "\"resources\":{\"hostSharedAlb\":[]}}}", "nothing is built");
    callkit_error(&k, "DescribeGatewayResources",
                  "{\"gateway\":\"one\",\"maxResults\":21}", 400,
                  "InvalidParameterException",
                  "Max results can not be greater than 20");
}


static void
test_tags(void)
{
    (void) callkit(&k, "TagResource", "{\"resourceArn\":\"" GW "one\","
                   "\"tags\":[{\"key\":\"b\",\"value\":\"2\"}]}");
    (void) callkit(&k, "ListTagsForResource",
                   "{\"resourceArn\":\"" GW "one\"}");
    is_body("{\"tags\":[{\"key\":\"b\",\"value\":\"2\"}]}", "tagged");
    (void) callkit(&k, "UntagResource", "{\"resourceArn\":\"" GW "one\","
                   "\"tagKeys\":[\"b\"]}");
    (void) callkit(&k, "ListTagsForResource",
                   "{\"resourceArn\":\"" GW "one\"}");
    is_body("{\"tags\":[]}", "untagged");
}


/* Associations. */

static void
test_associate(void)
{
    char      body[256];
    unsigned  i;

    (void) callkit(&k, "CreateCluster", "{\"clusterName\":\"a\"}");
    (void) callkit(&k, "CreateCluster", "{\"clusterName\":\"b\"}");

    (void) callkit(&k, "AssociateGatewayWithCluster",
                   "{\"gateway\":\"one\",\"cluster\":\"a\"}");
    is_body("{\"clusterArn\":\"" CALLKIT_ARN "cluster/a\",\"gatewayArn\":"
            "\"" GW "one\",\"status\":\"ACTIVE\"}", "the whole answer");
    (void) callkit(&k, "AssociateGatewayWithCluster",
                   "{\"gateway\":\"one\",\"cluster\":\"a\"}");
    callkit_ok(&k, "status", "ACTIVE", "again");
    (void) callkit(&k, "AssociateGatewayWithCluster",
                   "{\"gateway\":\"inner\",\"cluster\":\"a\"}");
    (void) callkit(&k, "AssociateGatewayWithCluster",
                   "{\"gateway\":\"inner\",\"cluster\":\"b\"}");

    callkit_error(&k, "AssociateGatewayWithCluster",
                  "{\"gateway\":\"none\",\"cluster\":\"a\"}", 400,
                  "GatewayNotFoundException", "Gateway not found.");
    callkit_error(&k, "AssociateGatewayWithCluster",
                  "{\"gateway\":\"one\",\"cluster\":\"none\"}", 400,
                  "ClusterNotFoundException", "Cluster not found.");

    for (i = 0; i < 4; i++) {
        (void) snprintf(body, sizeof(body), "{\"name\":\"g%u\"," ROLE ","
                        "\"deletionProtection\":false,\"configuration\":"
                        "{\"hostSharedAlb\":{}}}", i);
        (void) callkit(&k, "CreateGateway", body);
        (void) snprintf(body, sizeof(body),
                        "{\"gateway\":\"g%u\",\"cluster\":\"b\"}", i);
        (void) callkit(&k, "AssociateGatewayWithCluster", body);
        callkit_ok(&k, "status", "ACTIVE", "up to five");
    }

    callkit_error(&k, "AssociateGatewayWithCluster",
                  "{\"gateway\":\"one\",\"cluster\":\"b\"}", 400,
                  "InvalidParameterException",
                  "A cluster can be associated with up to 5 gateways.");

    (void) callkit(&k, "ListGatewayClusterAssociations",
                   "{\"cluster\":\"a\"}");
    is_body("{\"gatewayClusterAssociations\":[{\"clusterArn\":\""
            CALLKIT_ARN "cluster/a\",\"gatewayArn\":\"" GW "inner\","
            "\"status\":\"ACTIVE\"},{\"clusterArn\":\"" CALLKIT_ARN
            "cluster/a\",\"gatewayArn\":\"" GW "one\",\"status\":"
            "\"ACTIVE\"}]}", "of a cluster");
    (void) callkit(&k, "ListGatewayClusterAssociations",
                   "{\"gateway\":\"inner\"}");
    callkit_ok(&k, "gatewayClusterAssociations", "[2]", "of a gateway");
    (void) callkit(&k, "ListGatewayClusterAssociations",
                   "{\"gateway\":\"none\"}");
    callkit_ok(&k, "gatewayClusterAssociations", "[0]", "of none");
    (void) callkit(&k, "ListGatewayClusterAssociations",
                   "{\"cluster\":\"none\"}");
    callkit_ok(&k, "gatewayClusterAssociations", "[0]", "of none");
    (void) callkit(&k, "ListGatewayClusterAssociations",
                   "{\"status\":[\"DISASSOCIATING\"]}");
    callkit_ok(&k, "gatewayClusterAssociations", "[0]", "by status");
}


/* Routes; the service is put as a record, its operations are not tested. */

static void
put_service(void)
{
    kecs_rc_t       rc;
    kecs_key_t      key;
    kecs_txn_t     *txn;
    kecs_cluster_t  c;
    kecs_service_t  s;

    memset(&s, 0, sizeof(s));
    memset(&c, 0, sizeof(c));
    kecs_key_init(&key);
    kecs_key_str(&key, kecs_str("a"));

    rc = kecs_write_begin(k.store, k.now, &txn);

    if (rc == KECS_OK) {
        (void) kecs_scope_get(txn, k.account, k.region, false, &s.rec.scope);
        (void) kecs_find(txn, KECS_IX_CLUSTER_NAME, s.rec.scope, &key, &c);
        s.rec.kind = KECS_SERVICE;
        s.cluster = c.no;
        s.no = 7;
        s.status = KECS_SERVICE_ACTIVE;
        s.name = kecs_str("web");
        rc = kecs_put(txn, &s);
        (void) kecs_write_commit(txn);
    }

    tap_ok(rc == KECS_OK, "a service is put");
}


/* Connects (filter: the access type, or NULL) or, without port, not. */

typedef struct {
    const char  *port;
    const char  *filter;
} link_t;

static const link_t  *the_link;


static kecs_rc_t
handle_link(kecs_call_t *c, void *in)
{
    kecs_rc_t                             rc;
    kecs_str_t                            type;
    kecs_cluster_t                        cluster;
    kecs_service_t                        s;
    kecs_ecs_gateway_connector_t          connector;
    kecs_ecs_gateway_connector_filters_t  filters;

    (void) in;

    memset(&connector, 0, sizeof(connector));
    memset(&filters, 0, sizeof(filters));
    type = kecs_str_of(the_link->filter);
    filters.access_types.n = 1;
    filters.access_types.items = &type;
    connector.port_name = kecs_str_of(the_link->port);
    connector.filters = type.data != NULL ? &filters : NULL;

    rc = kecs_find_cluster(c, kecs_str("a"), 0, &cluster);

    if (rc == KECS_OK) {
        rc = kecs_find_service(c, &cluster, kecs_str("web"), 0, &s);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    rc = the_link->port != NULL
         ? kecs_gateways_connect(c, &cluster, &s, &connector)
         : kecs_gateways_disconnect(c, &s);

    return rc == KECS_OK ? kecs_gateway_connections_write(c, &s) : rc;
}


static void
connect_web(const char *port, const char *filter)
{
    link_t          l = { port, filter };
    kecs_buf_t      buf;
    kecs_call_t     c;
    kecs_str_t      text;
    callkit_run_t   how = { 0, false };

    static const kecs_op_t  op = {
        "UpdateService", KECS_OP_WRITE,
        &kecs_ecs_update_service_request_shape, handle_link
    };

    the_link = &l;
    kecs_arena_destroy(k.arena);
    k.arena = kecs_arena_create(0);
    callkit_fill(&k, &c, &buf, &op);
    k.rc = callkit_write(&k, &c, kecs_str("{}"), &how);
    text = kecs_strdup(k.arena, kecs_buf_view(&buf));
    k.body = text.data;
    (void) kecs_json_parse(k.arena, text, &k.json);
}


static void
refused(const char *message)
{
    tap_is_str(kecs_str_of(callkit_text(&k, "message")), message, "refused");
}


static void
test_routes(void)
{
    char  arn[256], body[512];

    put_service();

    connect_web("http", NULL);
    callkit_ok(&k, "gatewayConnections", "[2]", "one for each gateway");
    callkit_ok(&k, "gatewayConnections.0.accessType", "PRIVATE", "connected");
    callkit_ok(&k, "gatewayConnections.0.status", "CREATE_IN_PROGRESS",
               "nothing is built yet");
    callkit_ok(&k, "gatewayConnections.0.portName", "http", "connected");

    (void) callkit(&k, "ListGatewayRoutes", "{\"gateway\":\"one\"}");
    callkit_ok(&k, "gatewayRoutes", "[1]", "of a gateway");
    callkit_ok(&k, "gatewayRoutes.0.serviceArn", CALLKIT_ARN "service/a/web",
               "its service");
    callkit_ok(&k, "gatewayRoutes.0.clusterArn", CALLKIT_ARN "cluster/a",
               "its cluster");
    callkit_ok(&k, "gatewayRoutes.0.serviceContainerPortName", "http",
               "its port");
    (void) snprintf(arn, sizeof(arn), "%s",
                    callkit_text(&k, "gatewayRoutes.0.gatewayRouteArn"));

    (void) snprintf(body, sizeof(body), "{\"gatewayRouteArn\":\"%s\"}", arn);
    (void) callkit(&k, "DescribeGatewayRoute", body);
    callkit_ok(&k, "gatewayRoute.gatewayRouteArn", arn, "described");
    callkit_ok(&k, "gatewayRoute.resources.hostSharedAlb", "[0]",
               "nothing is built");
    tap_ok(strncmp(callkit_text(&k, "gatewayRoute.serviceUrl"), "https://",
                   8) == 0, "its address");
    callkit_sweep(&k, "DescribeGatewayRoute", body);

    (void) callkit(&k, "ListGatewayRoutes", "{\"cluster\":\"a\","
                   "\"service\":\"web\",\"status\":["
                   "\"CREATE_IN_PROGRESS\"]}");
    callkit_ok(&k, "gatewayRoutes", "[2]", "of a service");
    (void) callkit(&k, "ListGatewayRoutes", "{\"service\":\"" CALLKIT_ARN
                   "service/b/web\"}");
    callkit_ok(&k, "gatewayRoutes", "[0]", "of one of another cluster");
    (void) callkit(&k, "ListGatewayRoutes",
                   "{\"serviceContainerPortName\":\"x\"}");
    callkit_ok(&k, "gatewayRoutes", "[0]", "by port");
    (void) callkit(&k, "ListGatewayRoutes", "{\"status\":[\"ACTIVE\"]}");
    callkit_ok(&k, "gatewayRoutes", "[0]", "by status");
    callkit_error(&k, "ListGatewayRoutes", "{\"gateway\":\"none\"}", 400,
                  "GatewayNotFoundException", "Gateway not found.");
    callkit_error(&k, "DescribeGatewayRoute", "{\"gatewayRouteArn\":\""
                  CALLKIT_ARN "gateway-route/one/x\"}", 400,
                  "ResourceNotFoundException", "Gateway route not found.");
    callkit_sweep(&k, "ListGatewayRoutes", "{}");

    connect_web("admin", "PUBLIC");
    callkit_ok(&k, "gatewayConnections", "[1]", "only what is asked for");
    callkit_ok(&k, "gatewayConnections.0.gatewayRouteArn", arn,
               "the same route");
    callkit_ok(&k, "gatewayConnections.0.portName", "admin",
               "to another port");
}


/* An association waits for the last route of its cluster. */

static void
test_disassociate(void)
{
    (void) callkit(&k, "DisassociateGatewayFromCluster",
                   "{\"gateway\":\"one\",\"cluster\":\"a\"}");
    is_body("{\"clusterArn\":\"" CALLKIT_ARN "cluster/a\",\"gatewayArn\":"
            "\"" GW "one\",\"status\":\"DISASSOCIATING\"}",
            "the whole answer");
    (void) callkit(&k, "ListGatewayClusterAssociations",
                   "{\"status\":[\"DISASSOCIATING\"]}");
    callkit_ok(&k, "gatewayClusterAssociations", "[1]", "it waits");

    connect_web("admin", "PUBLIC");
    refused("gatewayConnectors were specified but none of the gateways"
            " associated with cluster match the accessTypes filter");
    connect_web("admin", NULL);
    callkit_ok(&k, "gatewayConnections", "[1]", "moved to the other one");
    (void) callkit(&k, "ListGatewayClusterAssociations",
                   "{\"status\":[\"DISASSOCIATING\"]}");
    callkit_ok(&k, "gatewayClusterAssociations", "[0]", "it has ended");
    callkit_error(&k, "DisassociateGatewayFromCluster",
                  "{\"gateway\":\"one\",\"cluster\":\"a\"}", 400,
                  "ResourceNotFoundException",
                  "The gateway is not associated with the cluster.");

    (void) callkit(&k, "DisassociateGatewayFromCluster",
                   "{\"gateway\":\"inner\",\"cluster\":\"a\"}");
    connect_web("admin", NULL);
    refused("gatewayConnectors were specified but no gateways are associated"
            " with cluster");
    connect_web(NULL, NULL);
    callkit_ok(&k, "gatewayConnections", "[0]", "disconnected");
    (void) callkit(&k, "ListGatewayClusterAssociations",
                   "{\"cluster\":\"a\"}");
    callkit_ok(&k, "gatewayClusterAssociations", "[0]", "ended as well");
}


static void
test_delete(void)
{
    callkit_error(&k, "DeleteGateway", "{\"gateway\":\"one\"}", 400,
                  "InvalidParameterException",
                  "The gateway one cannot be deleted while deletion"
                  " protection is enabled. Disable deletion protection and"
                  " try again.");
    callkit_error(&k, "DeleteGateway", "{\"gateway\":\"g0\"}", 400,
                  "InvalidParameterException",
                  "The gateway g0 cannot be deleted while it is associated"
                  " with clusters. Disassociate all clusters and try"
                  " again.");

    (void) callkit(&k, "UpdateGateway", "{\"gateway\":\"one\","
                   "\"deletionProtection\":false}");
    callkit_sweep(&k, "DeleteGateway", "{\"gateway\":\"one\"}");
    (void) callkit(&k, "DeleteGateway", "{\"gateway\":\"one\"}");
    callkit_ok(&k, "status", "DELETED", "deleted");
    callkit_error(&k, "DescribeGateway", "{\"gateway\":\"one\"}", 400,
                  "GatewayNotFoundException", "Gateway not found.");

    (void) callkit(&k, "DeleteCluster", "{\"cluster\":\"b\"}");
    callkit_ok(&k, "cluster.status", "INACTIVE", "a cluster goes");
    (void) callkit(&k, "DeleteGateway", "{\"gateway\":\"g0\"}");
    callkit_ok(&k, "status", "DELETED", "its associations have gone");
}


/* As a client does it. */

static void
test_service(void)
{
    char  body[512];

    (void) callkit(&k, "CreateCluster", "{\"clusterName\":\"c\"}");
    (void) callkit(&k, "RegisterTaskDefinition",
                   "{\"family\":\"web\",\"networkMode\":\"awsvpc\","
                   "\"containerDefinitions\":[{\"name\":\"a\","
                   "\"image\":\"i\",\"memory\":64,\"portMappings\":["
                   "{\"name\":\"http\",\"containerPort\":80}]}]}");

    (void) snprintf(body, sizeof(body), "%s",
                    "{\"cluster\":\"c\",\"serviceName\":\"web\","
                    "\"taskDefinition\":\"web\",\"desiredCount\":0,"
                    "\"launchType\":\"EC2\",\"networkConfiguration\":{"
                    "\"awsvpcConfiguration\":{\"subnets\":[\"s\"]}},"
                    "\"gatewayConnectors\":[{\"portName\":\"http\"}]}");
    callkit_error(&k, "CreateService", body, 400,
                  "InvalidParameterException", "gatewayConnectors were"
                  " specified but no gateways are associated with cluster");
    (void) callkit(&k, "AssociateGatewayWithCluster",
                   "{\"gateway\":\"g1\",\"cluster\":\"c\"}");
    (void) callkit(&k, "CreateService", body);
    callkit_ok(&k, "service.status", "ACTIVE", "connected");
    (void) callkit(&k, "ListGatewayRoutes", "{\"cluster\":\"c\"}");
    callkit_ok(&k, "gatewayRoutes.0.serviceArn",
               CALLKIT_ARN "service/c/web", "its route");
    (void) callkit(&k, "UpdateService", "{\"cluster\":\"c\","
                   "\"service\":\"web\",\"gatewayConnectors\":[]}");
    callkit_ok(&k, "service.status", "ACTIVE", "disconnected");
    (void) callkit(&k, "ListGatewayRoutes", "{\"cluster\":\"c\"}");
    callkit_ok(&k, "gatewayRoutes", "[0]", "no route");
}


static void
test_memory(void)
{
    callkit_sweep(&k, "CreateGateway", CREATE("new", "t9", ""));
    callkit_sweep(&k, "DescribeGateway", "{\"gateway\":\"inner\"}");
    callkit_sweep(&k, "UpdateGateway", "{\"gateway\":\"inner\","
                  "\"configuration\":{\"hostSharedAlb\":{"
                  "\"maxAlbCount\":3}}}");
    callkit_sweep(&k, "ListGateways", "{}");
    callkit_sweep(&k, "AssociateGatewayWithCluster",
                  "{\"gateway\":\"inner\",\"cluster\":\"a\"}");
}


int
main(void)
{
    callkit_open(&k);

    test_create();
    test_create_errors();
    test_update();
    test_list();
    test_tags();
    test_associate();
    test_routes();
    test_disassociate();
    test_delete();
    test_service();
    test_memory();

    callkit_close(&k);

    return tap_done();
}
