/*
 * CreateCluster, DescribeClusters, ListClusters, DeleteCluster: answers,
 * errors, the life of a cluster, pages, and every allocation failing.
 */

#include "callkit.h"


#define is_body(body, what)  callkit_body(&k, body, what)
#define put(rec)  callkit_put(&k, rec)

#define INCONSISTENT  "Arguments on this idempotent request are"             \
                      " inconsistent with arguments used in previous"        \
                      " request(s)."

static callkit_t  k;


static void
test_create(void)
{
    (void) callkit(&k, "CreateCluster",
                   "{\"clusterName\":\"one\",\"tags\":["
                   "{\"key\":\"owner\",\"value\":\"us\"},"
                   "{\"key\":\"phase\",\"value\":\"\"}]}");
    is_body("{\"cluster\":{\"activeServicesCount\":0,"
            "\"capacityProviders\":[],\"defaultCapacityProviderStrategy\":[],"
            "\"clusterArn\":\"" CALLKIT_ARN "cluster/one\","
            "\"clusterName\":\"one\",\"pendingTasksCount\":0,"
            "\"registeredContainerInstancesCount\":0,\"runningTasksCount\":0,"
            "\"settings\":[{\"name\":\"containerInsights\","
            "\"value\":\"disabled\"}],\"statistics\":[],"
            "\"status\":\"ACTIVE\",\"tags\":["
            "{\"key\":\"owner\",\"value\":\"us\"},"
            "{\"key\":\"phase\",\"value\":\"\"}]},\"clusterCount\":1}",
            "the whole answer of CreateCluster");

    (void) callkit(&k, "CreateCluster", "");
    callkit_ok(&k, "cluster.clusterName", "default", "no name");
    callkit_ok(&k, "clusterCount", "2", "no name");

    (void) callkit(&k, "CreateCluster",
                   "{\"clusterName\":\"all\",\"capacityProviders\":"
                   "[\"FARGATE\",\"FARGATE_SPOT\"],"
                   "\"defaultCapacityProviderStrategy\":"
                   "[{\"capacityProvider\":\"FARGATE\",\"weight\":1}],"
                   "\"settings\":[{\"name\":\"containerInsights\","
                   "\"value\":\"enhanced\"}],"
                   "\"configuration\":{\"executeCommandConfiguration\":"
                   "{\"logging\":\"NONE\"}},"
                   "\"serviceConnectDefaults\":{\"namespace\":\"ns\"}}");
    callkit_ok(&k, "cluster.defaultCapacityProviderStrategy.0.base", "0",
               "base is filled");
    callkit_ok(&k, "cluster.capacityProviders.1", "FARGATE_SPOT",
               "providers");
    callkit_ok(&k, "cluster.settings.0.value", "enhanced", "settings");
    callkit_ok(&k, "cluster.serviceConnectDefaults.namespace", "ns",
               "namespace");
    callkit_ok(&k, "cluster.configuration.executeCommandConfiguration"
               ".logging", "NONE", "configuration");
    callkit_ok(&k, "cluster.tags", "[0]", "no tags");
}


static void
test_idempotent(void)
{
    uint64_t  before;

    before = callkit_seq(&k);

    (void) callkit(&k, "CreateCluster",
                   "{\"clusterName\":\"one\",\"tags\":["
                   "{\"key\":\"owner\",\"value\":\"us\"},"
                   "{\"key\":\"phase\",\"value\":\"\"}]}");
    callkit_ok(&k, "cluster.tags", "[2]", "the same again");

    (void) callkit(&k, "CreateCluster", "{\"clusterName\":\"one\"}");
    callkit_ok(&k, "cluster.tags", "[2]", "only the name again");
    tap_ok(callkit_seq(&k) == before, "nothing was changed");

    callkit_error(&k, "CreateCluster",
                  "{\"clusterName\":\"one\",\"tags\":["
                  "{\"key\":\"owner\",\"value\":\"them\"}]}", 400,
                  "InvalidParameterException", INCONSISTENT);
    callkit_error(&k, "CreateCluster",
                  "{\"clusterName\":\"one\",\"settings\":["
                  "{\"name\":\"containerInsights\",\"value\":\"enabled\"}]}",
                  400, "InvalidParameterException", INCONSISTENT);
    callkit_error(&k, "CreateCluster",
                  "{\"clusterName\":\"one\",\"capacityProviders\":"
                  "[\"FARGATE\"]}", 400, "InvalidParameterException",
                  INCONSISTENT);
}


static void
test_create_errors(void)
{
    size_t  i;

    static const struct {
        const char  *body;
        const char  *message;
    } cases[] = {
        { "{\"clusterName\":\"a b\"}",
          "Cluster name contains invalid characters." },
        { "{\"settings\":[{\"name\":\"x\",\"value\":\"enabled\"}]}",
          "Invalid setting 'name'" },
        { "{\"settings\":[{\"name\":\"containerInsights\","
          "\"value\":\"on\"}]}", "Invalid setting 'value'" },
        { "{\"settings\":[{\"name\":\"containerInsights\"}]}",
          "Invalid setting 'value'" },
        { "{\"tags\":[{\"key\":\"a\"}]}", "Tag value can not be null." },
        { "{\"tags\":[{\"value\":\"a\"}]}", "Tag key can not be null." },
        { "{\"tags\":[{\"key\":\"aws:x\",\"value\":\"\"}]}",
          "aws: prefixed tag key names are not allowed for external use." },
        { "{\"tags\":[{\"key\":\"AWS:x\",\"value\":\"\"}]}",
          "aws: prefixed tag key names are not allowed for external use." },
        { "{\"tags\":[{\"key\":\"a\",\"value\":\"1\"},"
          "{\"key\":\"a\",\"value\":\"2\"}]}",
          "Duplicate tag keys are not allowed." },
        { "{\"configuration\":{\"executeCommandConfiguration\":"
          "{\"logging\":\"SOME\"}}}",
          "logging should be one of [NONE,DEFAULT,OVERRIDE]" },
        { "{\"capacityProviders\":[\"mine\"]}",
          "The specified capacity provider mine was not found. Specify a"
          " valid name or ARN and try again." },
        { "{\"capacityProviders\":[\"FARGATE\"],"
          "\"defaultCapacityProviderStrategy\":"
          "[{\"capacityProvider\":\"FARGATE_SPOT\"}]}",
          "The specified capacity provider strategy cannot contain a"
          " capacity provider that is not associated with the cluster."
          " Associate the capacity provider with the cluster and try"
          " again." }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        callkit_error(&k, "CreateCluster", cases[i].body, 400,
                      "InvalidParameterException", cases[i].message);
    }

    callkit_error(&k, "CreateCluster", "{\"clusterName\":7}", 400,
                  "SerializationException",
                  "NUMBER_VALUE cannot be converted to String");
}


static void
test_describe(void)
{
    (void) callkit(&k, "DescribeClusters", "{\"clusters\":[\"one\"]}");
    is_body("{\"clusters\":[{\"activeServicesCount\":0,"
            "\"capacityProviders\":[],\"defaultCapacityProviderStrategy\":[],"
            "\"clusterArn\":\"" CALLKIT_ARN "cluster/one\","
            "\"clusterName\":\"one\",\"pendingTasksCount\":0,"
            "\"registeredContainerInstancesCount\":0,\"runningTasksCount\":0,"
            "\"settings\":[],\"statistics\":[],\"status\":\"ACTIVE\","
            "\"tags\":[]}],\"failures\":[]}",
            "nothing is included unasked");

    (void) callkit(&k, "DescribeClusters",
                   "{\"clusters\":[\"missing\",\"" CALLKIT_ARN "cluster/all\""
                   ",\"all\",\"one\",\"missing\"],\"include\":[\"TAGS\","
                   "\"SETTINGS\",\"STATISTICS\",\"CONFIGURATIONS\","
                   "\"ATTACHMENTS\",\"BOGUS\"]}");
    callkit_ok(&k, "clusters", "[2]", "repeated names give one entry");
    callkit_ok(&k, "clusters.0.clusterName", "all", "in the order asked");
    callkit_ok(&k, "clusters.0.settings.0.value", "enhanced", "SETTINGS");
    callkit_ok(&k, "clusters.0.configuration", "{1}", "CONFIGURATIONS");
    callkit_ok(&k, "clusters.0.attachments", "[0]", "ATTACHMENTS");
    callkit_ok(&k, "clusters.0.statistics", "[16]", "STATISTICS");
    callkit_ok(&k, "clusters.0.statistics.0.name", "runningEC2TasksCount",
               "STATISTICS");
    callkit_ok(&k, "clusters.0.statistics.15.value", "0", "STATISTICS");
    callkit_ok(&k, "clusters.1.tags", "[2]", "TAGS");
    callkit_ok(&k, "clusters.1.configuration", NULL, "none");
    callkit_ok(&k, "failures", "[1]", "failures");
    callkit_ok(&k, "failures.0.arn", CALLKIT_ARN "cluster/missing",
               "a full ARN");
    callkit_ok(&k, "failures.0.reason", "MISSING", "the reason");

    (void) callkit(&k, "DescribeClusters", "{}");
    callkit_ok(&k, "clusters.0.clusterName", "default", "default when asked"
               " for none");
    (void) callkit(&k, "DescribeClusters", "{\"clusters\":[\"\"]}");
    callkit_ok(&k, "clusters.0.clusterName", "default", "default when empty");

    callkit_error(&k, "DescribeClusters", "{\"clusters\":[\"a/b\"]}", 400,
                  "InvalidParameterException",
                  "Invalid identifier: Unexpected number of separators");
    callkit_error(&k, "DescribeClusters",
                  "{\"clusters\":[\"arn:aws:ecs:us-east-1:111111111111:"
                  "cluster/one\"]}", 400, "InvalidParameterException",
                  "AccountIDs mismatch");
    callkit_error(&k, "DescribeClusters",
                  "{\"clusters\":[\"arn:aws:ecs:us-east-1:000000000000:"
                  "service/one\"]}", 400, "InvalidParameterException",
                  "Invalid identifier: Unexpected resource type");
}


/* Regions and accounts do not see each other's clusters. */

static void
test_scopes(void)
{
    k.region = kecs_str("us-gov-west-1");
    (void) callkit(&k, "DescribeClusters", "{\"clusters\":[\"one\"]}");
    callkit_ok(&k, "failures.0.arn", "arn:aws-us-gov:ecs:us-gov-west-1:"
               "000000000000:cluster/one", "another region");
    (void) callkit(&k, "ListClusters", "{}");
    is_body("{\"clusterArns\":[]}", "nothing was ever written there");

    (void) callkit(&k, "CreateCluster", "{\"clusterName\":\"one\"}");
    callkit_ok(&k, "clusterCount", "1", "the same name there");
    k.region = kecs_str("us-east-1");

    k.account = kecs_str("123456789012");
    (void) callkit(&k, "ListClusters", "{}");
    is_body("{\"clusterArns\":[]}", "another account");
    k.account = kecs_str("000000000000");
}


static void
test_delete(void)
{
    (void) callkit(&k, "DeleteCluster", "{\"cluster\":\"one\"}");
    callkit_ok(&k, "cluster.status", "INACTIVE", "deleted");
    callkit_ok(&k, "cluster.tags", "[0]", "deleted, without tags");
    callkit_ok(&k, "cluster.settings", "[1]", "deleted, with settings");
    callkit_ok(&k, "cluster.attachments", NULL, "deleted");
    callkit_ok(&k, "clusterCount", "2", "deleted");

    (void) callkit(&k, "DeleteCluster", "{\"cluster\":\"one\"}");
    callkit_ok(&k, "cluster.attachments", "[0]", "deleted again");

    (void) callkit(&k, "DescribeClusters",
                   "{\"clusters\":[\"one\"],\"include\":[\"TAGS\"]}");
    callkit_ok(&k, "clusters.0.status", "INACTIVE", "still there");
    callkit_ok(&k, "clusters.0.tags", "[2]", "with its tags");

    (void) callkit(&k, "ListClusters", "{}");
    is_body("{\"clusterArns\":[\"" CALLKIT_ARN "cluster/all\",\""
            CALLKIT_ARN "cluster/default\"]}", "not in the list");

    k.now += 60000;
    (void) callkit(&k, "CreateCluster", "{\"clusterName\":\"one\"}");
    callkit_ok(&k, "cluster.tags", "[0]", "the name starts clean");
    callkit_ok(&k, "cluster.status", "ACTIVE", "the name is free again");
    callkit_ok(&k, "clusterCount", "3", "counted");

    callkit_error(&k, "DeleteCluster", "{\"cluster\":\"missing\"}", 400,
                  "ClusterNotFoundException", "Cluster not found.");
    callkit_error(&k, "DeleteCluster", "{}", 400, "ClientException",
                  "Cluster can not be blank.");
}


/* Services and tasks are put as records: their handlers are not tested. */

static void
test_delete_full(void)
{
    kecs_task_t     t;
    kecs_txn_t     *txn;
    kecs_service_t  s;
    kecs_cluster_t  c;
    kecs_key_t      key;

    (void) callkit(&k, "CreateCluster", "{\"clusterName\":\"full\"}");

    memset(&s, 0, sizeof(s));
    memset(&t, 0, sizeof(t));
    memset(&c, 0, sizeof(c));

    kecs_key_init(&key);
    kecs_key_str(&key, kecs_str("full"));
    (void) kecs_read_begin(k.store, &txn);
    (void) kecs_scope_get(txn, k.account, k.region, false, &s.rec.scope);
    (void) kecs_find(txn, KECS_IX_CLUSTER_NAME, s.rec.scope, &key, &c);
    kecs_read_end(txn);

    s.rec.kind = KECS_SERVICE;
    s.cluster = c.no;
    s.no = 1;
    s.status = KECS_SERVICE_ACTIVE;
    s.launch = KECS_LAUNCH_FARGATE;
    s.name = kecs_str("web");
    put(&s);

    t.rec.kind = KECS_TASK;
    t.rec.scope = s.rec.scope;
    t.cluster = c.no;
    t.id[0] = 7;
    t.status = KECS_TASK_RUNNING;
    t.desired = KECS_DESIRED_RUNNING;
    t.launch = KECS_LAUNCH_EC2;
    put(&t);

    (void) callkit(&k, "DescribeClusters",
                   "{\"clusters\":[\"full\"],\"include\":[\"STATISTICS\"]}");
    callkit_ok(&k, "clusters.0.activeServicesCount", "1", "counters");
    callkit_ok(&k, "clusters.0.runningTasksCount", "1", "counters");
    callkit_ok(&k, "clusters.0.statistics.0.value", "1", "running EC2");
    callkit_ok(&k, "clusters.0.statistics.9.value", "1", "active Fargate");
    callkit_sweep(&k, "DescribeClusters",
                  "{\"clusters\":[\"full\"],\"include\":[\"STATISTICS\"]}");

    callkit_error(&k, "DeleteCluster", "{\"cluster\":\"full\"}", 400,
                  "ClusterContainsServicesException",
                  "The Cluster cannot be deleted while Services are active.");

    s.status = KECS_SERVICE_DRAINING;
    put(&s);
    callkit_error(&k, "DeleteCluster", "{\"cluster\":\"full\"}", 400,
                  "ClusterContainsTasksException",
                  "The Cluster cannot be deleted while Tasks are active.");

    t.status = KECS_TASK_STOPPED;
    t.desired = KECS_DESIRED_STOPPED;
    put(&t);
    (void) callkit(&k, "DeleteCluster", "{\"cluster\":\"full\"}");
    callkit_ok(&k, "cluster.status", "INACTIVE",
               "a draining service without tasks does not hold it");
}


static void
test_update(void)
{
    uint64_t  before;

    (void) callkit(&k, "UpdateClusterSettings",
                   "{\"cluster\":\"all\",\"settings\":["
                   "{\"name\":\"containerInsights\","
                   "\"value\":\"enabled\"}]}");
    callkit_ok(&k, "cluster.settings.0.value", "enabled", "settings");
    callkit_ok(&k, "cluster.capacityProviders", "[2]", "the rest stays");
    callkit_error(&k, "UpdateClusterSettings",
                  "{\"cluster\":\"all\",\"settings\":["
                  "{\"name\":\"containerInsights\","
                  "\"value\":\"maybe\"}]}", 400,
                  "InvalidParameterException", "Invalid setting 'value'");
    callkit_error(&k, "UpdateClusterSettings",
                  "{\"cluster\":\"missing\",\"settings\":["
                  "{\"name\":\"containerInsights\","
                  "\"value\":\"maybe\"}]}", 400,
                  "ClusterNotFoundException", "Cluster not found.");
    (void) callkit(&k, "UpdateClusterSettings", "{\"cluster\":\"all\"}");
    tap_is_int(k.status, 400, "settings are required");

    (void) callkit(&k, "UpdateCluster",
                   "{\"cluster\":\"" CALLKIT_ARN "cluster/all\","
                   "\"configuration\":{\"managedStorageConfiguration\":"
                   "{\"kmsKeyId\":\"key\"}},"
                   "\"serviceConnectDefaults\":{\"namespace\":\"ns2\"}}");
    callkit_ok(&k, "cluster.configuration.managedStorageConfiguration"
               ".kmsKeyId", "key", "the configuration is replaced");
    callkit_ok(&k, "cluster.configuration.executeCommandConfiguration", NULL,
               "as a whole");
    callkit_ok(&k, "cluster.serviceConnectDefaults.namespace", "ns2",
               "defaults");
    callkit_ok(&k, "cluster.settings.0.value", "enabled",
               "what is not given stays");

    (void) callkit(&k, "ListServicesByNamespace",
                   "{\"namespace\":\"ns2\"}");
    is_body("{\"serviceArns\":[]}", "a namespace of a cluster is known");
    callkit_error(&k, "ListServicesByNamespace", "{\"namespace\":\"ns\"}",
                  400, "NamespaceNotFoundException", "Namespace not found.");

    (void) callkit(&k, "UpdateCluster",
                   "{\"cluster\":\"all\",\"serviceConnectDefaults\":"
                   "{\"namespace\":\"\"}}");
    callkit_ok(&k, "cluster.serviceConnectDefaults", NULL,
               "an empty namespace is none");

    before = callkit_seq(&k);
    (void) callkit(&k, "UpdateCluster", "{\"cluster\":\"all\"}");
    tap_ok(callkit_seq(&k) == before, "nothing given, nothing changed");
    callkit_error(&k, "UpdateCluster",
                  "{\"cluster\":\"all\",\"configuration\":"
                  "{\"executeCommandConfiguration\":"
                  "{\"logging\":\"SOME\"}}}", 400,
                  "InvalidParameterException",
                  "logging should be one of [NONE,DEFAULT,OVERRIDE]");
    callkit_error(&k, "UpdateCluster", "{\"cluster\":\"missing\"}", 400,
                  "ClusterNotFoundException", "Cluster not found.");
    callkit_sweep(&k, "UpdateCluster",
                  "{\"cluster\":\"all\",\"serviceConnectDefaults\":"
                  "{\"namespace\":\"ns3\"},\"settings\":[{\"name\":"
                  "\"containerInsights\",\"value\":\"enhanced\"}]}");
}


/* Pages, while clusters come and go between them. */

static void
test_pages(void)
{
    char         body[256], token[160];
    unsigned     i, n;
    const char  *next;

    k.region = kecs_str("eu-west-1");

    for (i = 0; i < 25; i++) {
        (void) snprintf(body, sizeof(body),
                        "{\"clusterName\":\"c%02u\"}", i);
        (void) callkit(&k, "CreateCluster", body);
    }

    (void) callkit(&k, "ListClusters", "{\"maxResults\":10}");
    callkit_ok(&k, "clusterArns", "[10]", "first page");
    next = callkit_text(&k, "nextToken");
    tap_ok(next != NULL, "a token");
    (void) snprintf(token, sizeof(token), "%s", next != NULL ? next : "");

    (void) callkit(&k, "DeleteCluster", "{\"cluster\":\"c09\"}");
    (void) callkit(&k, "DeleteCluster", "{\"cluster\":\"c10\"}");
    (void) callkit(&k, "CreateCluster", "{\"clusterName\":\"c00b\"}");

    (void) snprintf(body, sizeof(body),
                    "{\"maxResults\":10,\"nextToken\":\"%s\"}", token);
    (void) callkit(&k, "ListClusters", body);
    callkit_ok(&k, "clusterArns.0",
               "arn:aws:ecs:eu-west-1:000000000000:cluster/c11",
               "goes on behind the place, though it is gone");

    next = callkit_text(&k, "nextToken");
    (void) snprintf(body, sizeof(body), "{\"nextToken\":\"%s\"}",
                    next != NULL ? next : "");
    (void) callkit(&k, "ListClusters", body);
    callkit_ok(&k, "clusterArns", "[4]", "last page");
    callkit_ok(&k, "nextToken", NULL, "last page");

    k.conf.scan_limit = 3;
    (void) callkit(&k, "ListClusters", "{}");
    next = callkit_text(&k, "nextToken");
    n = (unsigned) callkit_at(&k, "clusterArns")->n;
    tap_ok(n < 10 && next != NULL, "a page ends early (%u)", n);
    k.conf.scan_limit = 2000;

    k.region = kecs_str("us-east-1");
    (void) snprintf(body, sizeof(body), "{\"nextToken\":\"%s\"}", token);
    callkit_error(&k, "ListClusters", body, 400, "InvalidParameterException",
                  "Invalid token: the nextToken is not valid for this"
                  " request.");
    callkit_error(&k, "ListClusters", "{\"nextToken\":\"x\"}", 400,
                  "InvalidParameterException",
                  "Invalid token: the nextToken is not valid for this"
                  " request.");
    callkit_error(&k, "ListClusters", "{\"maxResults\":101}", 400,
                  "InvalidParameterException",
                  "Max results can not be greater than 100");
    callkit_error(&k, "ListClusters", "{\"maxResults\":0}", 400,
                  "InvalidParameterException",
                  "Max results can not be lesser than 1");
}


static void
test_memory(void)
{
    callkit_sweep(&k, "CreateCluster",
                  "{\"clusterName\":\"new\",\"capacityProviders\":"
                  "[\"FARGATE\"],\"defaultCapacityProviderStrategy\":"
                  "[{\"capacityProvider\":\"FARGATE\",\"base\":1}],"
                  "\"settings\":[{\"name\":\"containerInsights\","
                  "\"value\":\"enabled\"}],\"tags\":[{\"key\":\"a\","
                  "\"value\":\"b\"}],\"configuration\":"
                  "{\"executeCommandConfiguration\":{\"kmsKeyId\":\"x\"}},"
                  "\"serviceConnectDefaults\":{\"namespace\":\"n\"}}");
    callkit_sweep(&k, "DescribeClusters",
                  "{\"clusters\":[\"all\",\"missing\"],\"include\":[\"TAGS\","
                  "\"SETTINGS\",\"STATISTICS\",\"CONFIGURATIONS\"]}");
    callkit_sweep(&k, "ListClusters", "{\"maxResults\":1}");
    callkit_sweep(&k, "DeleteCluster", "{\"cluster\":\"all\"}");
}


int
main(void)
{
    callkit_open(&k);

    test_create();
    test_idempotent();
    test_create_errors();
    test_describe();
    test_scopes();
    test_update();
    test_delete();
    test_delete_full();
    test_pages();
    test_memory();

    callkit_close(&k);

    return tap_done();
}
