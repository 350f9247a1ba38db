/*
 * What is shown of a pod: why it is pending in the words of ECS, and a view
 * without what is nobody's business.
 */

#define _GNU_SOURCE

#include "../../src/convert/pod_view.h"
#include "tap.h"


typedef struct {
    kecs_arena_t       *a;
    const kecs_json_t  *view;       /* what was written */
    kecs_str_t          text;
} kit_t;


static const kecs_json_t *
parse(kecs_arena_t *a, const char *text)
{
    kecs_json_t  *json;

    if (text == NULL || kecs_json_parse(a, kecs_str_of(text), &json)
                        != KECS_OK)
    {
        return NULL;
    }

    return json;
}


static void
look(kit_t *k, const char *pod, const char *events, const char *node)
{
    kecs_buf_t       b;
    kecs_json_t     *json;
    kecs_writer_t    w;
    kecs_pod_view_t  v;

    memset(&v, 0, sizeof(v));
    k->a = kecs_arena_create(0);
    v.pod.asked = v.events.asked = v.node.asked = true;
    v.pod.object = parse(k->a, pod);
    v.events.object = parse(k->a, events);
    v.node.object = parse(k->a, node);
    v.pod.status = v.pod.object ? 200 : 404;
    v.events.status = v.events.object ? 200 : 403;
    v.events.why = kecs_str("no right");
    v.node.status = v.node.object ? 200 : 0;

    kecs_buf_init(&b, k->a, 0);
    w = kecs_writer(&b);
    kecs_w_object(&w, NULL);
    tap_ok(kecs_pod_view(k->a, &w, &v) == KECS_OK, "a view");
    kecs_w_object_end(&w);
    k->text = kecs_buf_view(&b);
    json = NULL;
    tap_ok(kecs_json_parse(k->a, k->text, &json) == KECS_OK, "as JSON");
    k->view = json;
}


static void
done(kit_t *k)
{
    kecs_arena_destroy(k->a);
}


static kecs_str_t
said(const kit_t *k, const char *name)
{
    return kecs_json_str(kecs_json_at(k->view, "pending", name, NULL));
}


/* The reasons with blanks between, then the text. */

static void
pending(const char *pod, const char *events, const char *want,
    const char *text, const char *what)
{
    kit_t               k;
    kecs_buf_t          b;
    const kecs_json_t  *e;

    look(&k, pod, events, NULL);
    kecs_buf_init(&b, k.a, 0);
    e = kecs_json_at(k.view, "pending", "reasons", NULL);

    for (e = e ? e->first : NULL; e != NULL; e = e->next) {
        kecs_buf_str(&b, kecs_json_str(e));
        kecs_buf_chr(&b, ' ');
    }

    tap_is_str(kecs_buf_view(&b), want, "%s: its reasons", what);
    tap_is_str(said(&k, "text"), text, "%s: the text", what);
    done(&k);
}


#define UNSCHEDULABLE(message)                                               \
    "{\"metadata\":{},\"spec\":{},\"status\":{\"phase\":\"Pending\","        \
    "\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\","       \
    "\"reason\":\"Unschedulable\",\"message\":\"" message "\"}]}}"

#define PLACED(status)                                                       \
    "{\"metadata\":{},\"spec\":{\"nodeName\":\"n1\"},\"status\":{\"phase\":" \
    "\"Pending\"," status "}}"

#define WAITING(reason, message)                                             \
    PLACED("\"containerStatuses\":[{\"name\":\"app\",\"state\":"             \
           "{\"waiting\":{\"reason\":\"" reason "\",\"message\":\"" message  \
           "\"}}}]")

#define EVENTS(list)  "{\"items\":[" list "]}"

#define EVENT(reason, second)                                                \
    "{\"type\":\"Normal\",\"reason\":\"" reason "\",\"message\":\"m\","      \
    "\"count\":2,\"lastTimestamp\":\"2026-11-21T10:00:" second "Z\"}"


static void
test_pending(void)
{
    pending(UNSCHEDULABLE("0/2 nodes are available: 1 Insufficient cpu, 1 "
                          "Insufficient memory. preemption: none"), NULL,
            "RESOURCE:CPU RESOURCE:MEMORY ", "Unable to place the task "
            "because no container instance met all of its requirements. "
            "Reason: insufficient CPU units available; insufficient memory "
            "available.", "no room");
    pending(UNSCHEDULABLE("0/2 nodes are available: 2 node(s) didn't have "
                          "free ports for the requested pod ports"), NULL,
            "RESOURCE:PORTS ", "Unable to place the task because no "
            "container instance met all of its requirements. Reason: a host "
            "port is in use.", "a port");
    pending(UNSCHEDULABLE("something else"), NULL, "", "Unable to place the "
            "task because no container instance met all of its "
            "requirements.", "another reason");
    pending("{\"status\":{\"phase\":\"Pending\"}}", NULL, "PLACING ",
            "A place is being looked for.", "just made");
    pending(WAITING("ImagePullBackOff", "no such image"), NULL,
            "CannotPullContainerError ", "CannotPullContainerError: a "
            "container does not start.", "no image");
    pending(WAITING("CreateContainerConfigError", "secret \\\"s\\\" not "
                    "found"), NULL, "ResourceInitializationError ",
            "ResourceInitializationError: unable to pull secrets or registry "
            "auth: a container does not start.", "no secret");
    pending(WAITING("ContainerCreating", ""),
            EVENTS(EVENT("Pulling", "02") "," EVENT("Pulled", "01")),
            "PULLING ", "An image is being pulled.", "a pull");
    pending(WAITING("ContainerCreating", ""),
            EVENTS(EVENT("Pulling", "01") "," EVENT("Pulled", "02")),
            "STARTING ", "Containers are being made.", "after the pull");
    pending(WAITING("ContainerCreating", ""),
            EVENTS(EVENT("FailedMount", "01")), "ResourceInitializationError ",
            "ResourceInitializationError: failed to mount volumes.",
            "a volume");
    pending(PLACED("\"initContainerStatuses\":[{\"name\":\"first\","
                   "\"started\":false,\"state\":{\"running\":{}}}]"), NULL,
            "DEPENDENCY ", "The container first, on which others depend, has "
            "not got there yet.", "another container");
    pending(PLACED("\"containerStatuses\":[{\"name\":\"app\",\"state\":"
                   "{\"running\":{}}}]"), NULL, "", "", "it runs");
    pending("{\"metadata\":{\"deletionTimestamp\":\"2026-11-21T10:00:00Z\"},"
            "\"status\":{\"phase\":\"Pending\"}}", NULL, "", "",
            "taken away");
    pending(NULL, NULL, "", "", "no pod");
}


static const char  whole[] =
    "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"ecs-1\",\"namespace\":\"k\","
    "\"uid\":\"u\",\"managedFields\":[{\"manager\":\"kubelet\"}],"
    "\"annotations\":{\"ecs/containers\":"
    "\"[{\\\"name\\\":\\\"App\\\",\\\"pod\\\":\\\"app\\\"}]\","
    "\"kubectl.kubernetes.io/last-applied-configuration\":\"hidden-1\"}},"
    "\"spec\":{\"nodeName\":\"n1\",\"containers\":["
    "{\"name\":\"app\",\"image\":\"i\",\"env\":[{\"name\":\"A\","
    "\"value\":\"shown-1\"}]},"
    "{\"name\":\"name\",\"image\":\"j\",\"env\":[{\"name\":\"T\","
    "\"value\":\"hidden-2\"},{\"name\":\"R\",\"valueFrom\":{\"fieldRef\":"
    "{\"fieldPath\":\"shown-2\"}}}]}]},"
    "\"status\":{\"phase\":\"Running\",\"qosClass\":\"Burstable\","
    "\"podIPs\":[{\"ip\":\"10.1.2.3\"}],\"conditions\":[{\"type\":\"Ready\","
    "\"status\":\"True\",\"lastTransitionTime\":\"2026-11-21T10:00:00Z\"}],"
    "\"containerStatuses\":[{\"name\":\"app\",\"restartCount\":3,"
    "\"ready\":true,\"state\":{\"terminated\":{\"exitCode\":7,"
    "\"reason\":\"Error\"}}}]}}";


static bool
has(const kit_t *k, const char *text)
{
    return memmem(k->text.data, k->text.len, text, strlen(text)) != NULL;
}


static void
test_whole(void)
{
    kit_t  k;

    look(&k, whole, EVENTS(EVENT("Second", "09") "," EVENT("First", "01")),
         "{\"metadata\":{\"name\":\"n1\"},\"spec\":{\"unschedulable\":true,"
         "\"taints\":[{\"key\":\"a\",\"value\":\"b\",\"effect\":"
         "\"NoSchedule\"}]},\"status\":{\"conditions\":[{\"type\":\"Ready\","
         "\"status\":\"True\"}]}}");

    tap_ok(!has(&k, "managedFields") && !has(&k, "hidden-1"),
           "what only servers read is left out");
    tap_ok(!has(&k, "hidden-2"), "and values that others have put in");
    tap_ok(has(&k, "shown-1") && has(&k, "shown-2"), "not the task's own");
    tap_ok(has(&k, "\"restarts\":3") && has(&k, "\"qosClass\":\"Burstable\"")
           && has(&k, "\"podIPs\":[\"10.1.2.3\"]")
           && has(&k, "\"since\":1795255200"), "the pod");
    tap_ok(has(&k, "\"is\":\"terminated\",\"reason\":\"Error\","
                   "\"exitCode\":7"), "its container");
    tap_ok(has(&k, "\"ready\":true,\"cordoned\":true")
           && has(&k, "\"taints\":[\"a=b:NoSchedule\"]"), "its node");
    tap_is_str(kecs_json_str(kecs_json_get(
                   kecs_json_get(k.view, "events")->first, "reason")),
               "First", "events in order");
    tap_ok(has(&k, "\"refused\":[]"), "all could be read");
    done(&k);
}


static void
test_refused(void)
{
    kit_t  k;

    look(&k, whole, NULL, NULL);
    tap_ok(kecs_json_get(k.view, "events")->type == KECS_JSON_NULL,
           "no events");
    tap_ok(has(&k, "{\"part\":\"events\",\"status\":403,\"message\":"
                   "\"no right\"}"), "because there is no right to them");
    tap_ok(has(&k, "{\"part\":\"node\",\"status\":0}"), "nor an answer");
    done(&k);

    look(&k, NULL, EVENTS(EVENT("Failed", "01")), NULL);
    tap_ok(kecs_json_get(k.view, "pod")->type == KECS_JSON_NULL
           && kecs_json_get(k.view, "manifest")->type == KECS_JSON_NULL,
           "no pod is no refusal");
    tap_ok(!has(&k, "\"part\":\"pod\"") && has(&k, "\"reason\":\"Failed\""),
           "and its events are left");
    done(&k);
}


int
main(void)
{
    test_pending();
    test_whole();
    test_refused();

    return tap_done();
}
