/*
 * ListServicesByNamespace: services of several clusters, by name and by
 * ARN, as they come and go; every allocation failing.
 */

#include "callkit.h"


#define NS  "arn:aws:servicediscovery:us-east-1:000000000000:namespace/ns-1"

static callkit_t  k;


static void
create(const char *cluster, const char *name, const char *connect)
{
    char  body[1024];

    (void) snprintf(body, sizeof(body), "{\"cluster\":\"%s\","
                    "\"serviceName\":\"%s\",\"taskDefinition\":\"web\","
                    "\"desiredCount\":0,\"serviceConnectConfiguration\":%s}",
                    cluster, name, connect);
    (void) callkit(&k, "CreateService", body);
    callkit_ok(&k, "service.serviceName", name, "a service is made");
}


static void
is_list(const char *namespace, const char *first, const char *n,
    const char *what)
{
    char  body[256];

    (void) snprintf(body, sizeof(body), "{\"namespace\":\"%s\"}", namespace);
    (void) callkit(&k, "ListServicesByNamespace", body);
    callkit_ok(&k, "serviceArns", n, what);

    if (first != NULL) {
        callkit_ok(&k, "serviceArns.0", first, what);
    }
}


int
main(void)
{
    char      body[1600], name[1200];
    unsigned  i;

    callkit_open(&k);

    callkit_error(&k, "ListServicesByNamespace", "{\"namespace\":\"a\"}",
                  400, "NamespaceNotFoundException", "Namespace not found.");

    (void) callkit(&k, "CreateCluster", "{\"clusterName\":\"one\"}");
    (void) callkit(&k, "CreateCluster",
                   "{\"clusterName\":\"two\",\"serviceConnectDefaults\":"
                   "{\"namespace\":\"a\"}}");
    (void) callkit(&k, "RegisterTaskDefinition",
                   "{\"family\":\"web\",\"containerDefinitions\":[{"
                   "\"name\":\"c\",\"image\":\"i\",\"memory\":64}]}");
    is_list("a", NULL, "[0]", "known by a cluster's defaults");

    create("one", "x", "{\"enabled\":true,\"namespace\":\"a\"}");
    create("two", "y", "{\"enabled\":true}");
    create("two", "z", "{\"enabled\":false}");
    create("one", "w", "{\"enabled\":true,\"namespace\":\"" NS "\"}");

    is_list("a", CALLKIT_ARN "service/one/x", "[2]", "of both clusters");
    callkit_ok(&k, "serviceArns.1", CALLKIT_ARN "service/two/y",
               "by the cluster's default");
    is_list(NS, CALLKIT_ARN "service/one/w", "[1]", "by ARN");
    callkit_sweep(&k, "ListServicesByNamespace", "{\"namespace\":\"a\"}");
    callkit_error(&k, "ListServicesByNamespace", "{\"namespace\":\"A\"}",
                  400, "NamespaceNotFoundException", "Namespace not found.");

    (void) callkit(&k, "UpdateService",
                   "{\"cluster\":\"one\",\"service\":\"x\","
                   "\"serviceConnectConfiguration\":{\"enabled\":false}}");
    is_list("a", CALLKIT_ARN "service/two/y", "[1]", "it was switched off");
    (void) callkit(&k, "DeleteService",
                   "{\"cluster\":\"two\",\"service\":\"y\"}");
    is_list("a", NULL, "[0]", "a deleted service is not listed");

    /* a page is of 10; a long name is a key like another */

    memset(name, 'n', 1000);
    name[1000] = '\0';

    for (i = 0; i < 12; i++) {
        (void) snprintf(body, sizeof(body), "{\"cluster\":\"one\","
                        "\"serviceName\":\"s%02u\",\"taskDefinition\":"
                        "\"web\",\"desiredCount\":0,"
                        "\"serviceConnectConfiguration\":"
                        "{\"enabled\":true,\"namespace\":\"%s\"}}", i,
                        name);
        (void) callkit(&k, "CreateService", body);
    }

    (void) snprintf(body, sizeof(body), "{\"namespace\":\"%s\"}", name);
    (void) callkit(&k, "ListServicesByNamespace", body);
    callkit_ok(&k, "serviceArns", "[10]", "a page");
    tap_ok(callkit_text(&k, "nextToken") != NULL, "and a token");
    (void) snprintf(body, sizeof(body), "{\"namespace\":\"%.1000s\","
                    "\"nextToken\":\"%s\"}", name,
                    callkit_text(&k, "nextToken"));
    (void) callkit(&k, "ListServicesByNamespace", body);
    callkit_ok(&k, "serviceArns", "[2]", "the rest");

    callkit_close(&k);

    return tap_done();
}
