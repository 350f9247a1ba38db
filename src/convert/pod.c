/*
 * A pod from a task: metadata, and what the spec says for the whole pod.
 * Members are written in one fixed order.  Nothing of an environment, a
 * command or a secret goes into labels or annotations.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "../aws/arn.h"
#include "node_status.h"
#include "pod_parts.h"
#include "task_state.h"


#define GROUPS_MAX  16              /* ECS allows five */


kecs_rc_t
kecs_pod_no(kecs_pod_build_t *b, const char *fmt, ...)
{
    char     text[1024];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    *b->reason = kecs_strdup(b->a, kecs_str_of(text));

    return b->reason->data ? KECS_INVALID : KECS_NOMEM;
}


bool
kecs_pod_in_host_network(const kecs_pod_build_t *b)
{
    return kecs_str_is(b->d->network_mode, "host");
}


bool
kecs_pod_in_bridge(const kecs_pod_build_t *b)
{
    return b->d->network_mode.len == 0
           || kecs_str_is(b->d->network_mode, "bridge");
}


bool
kecs_pod_on_windows(const kecs_pod_build_t *b)
{
    return b->d->runtime_platform != NULL
           && kecs_str_starts(b->d->runtime_platform->operating_system_family,
                              kecs_str("WINDOWS"));
}


/* Preparation. */


static const kecs_ecs_container_override_t *
override_of(const kecs_pod_task_t *p, kecs_str_t name)
{
    size_t                                  i;
    const kecs_ecs_container_overrides_t   *list;

    if (p->s.overrides == NULL) {
        return NULL;
    }

    list = &p->s.overrides->container_overrides;

    for (i = 0; i < list->n; i++) {
        if (kecs_str_eq(list->items[i].name, name)) {
            return &list->items[i];
        }
    }

    return NULL;
}


static kecs_rc_t
gather_containers(kecs_pod_build_t *b)
{
    size_t                 i, k;
    kecs_pod_container_t  *c;

    b->n = b->d->container_definitions.n;
    b->containers = kecs_calloc(b->a, b->n, sizeof(kecs_pod_container_t));

    if (b->containers == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < b->n; i++) {
        c = &b->containers[i];
        c->d = &b->d->container_definitions.items[i];
        c->over = override_of(b->p, c->d->name);
        c->name = kecs_pod_label(b->a, c->d->name);

        if (c->name.data == NULL) {
            return KECS_NOMEM;
        }

        for (k = 0; k < i; k++) {
            if (kecs_str_eq(b->containers[k].name, c->name)) {
                return kecs_pod_no(b, "The names of the containers %.*s and "
                                   "%.*s are the same in Kubernetes.",
                                   kecs_fmt(b->containers[k].d->name),
                                   kecs_fmt(c->d->name));
            }
        }
    }

    return KECS_OK;
}


kecs_pod_container_t *
kecs_pod_container_of(const kecs_pod_build_t *b, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < b->n; i++) {
        if (kecs_str_eq(b->containers[i].d->name, name)) {
            return &b->containers[i];
        }
    }

    return NULL;
}


/* In a pod containers share one network, so no port can be used twice. */

static const kecs_ecs_port_mapping_t *
maps(const kecs_ecs_container_definition_t *d,
    const kecs_ecs_port_mapping_t *port)
{
    size_t                          i;
    const kecs_ecs_port_mapping_t  *m;

    for (i = 0; i < d->port_mappings.n; i++) {
        m = &d->port_mappings.items[i];

        if (m->container_port.value > 0
            && m->container_port.value == port->container_port.value
            && kecs_str_is(m->protocol, "udp")
               == kecs_str_is(port->protocol, "udp"))
        {
            return m;
        }
    }

    return NULL;
}


static kecs_rc_t
check_ports(kecs_pod_build_t *b, size_t container)
{
    size_t                                  i, k;
    const kecs_ecs_port_mapping_t          *m;
    const kecs_ecs_container_definition_t  *d, *before;

    d = b->containers[container].d;

    for (k = 0; k < container; k++) {
        before = b->containers[k].d;

        for (i = 0; i < d->port_mappings.n; i++) {
            m = maps(before, &d->port_mappings.items[i]);

            if (m != NULL) {
                return kecs_pod_no(b, "The containers %.*s and %.*s use the "
                                   "same port %" PRId64 ", but share one "
                                   "network in this runtime.",
                                   kecs_fmt(before->name), kecs_fmt(d->name),
                                   m->container_port.value);
            }
        }
    }

    return KECS_OK;
}


static kecs_rc_t
prepare(kecs_pod_build_t *b)
{
    size_t     i;
    kecs_rc_t  rc;

    rc = kecs_pod_refuse(b->a, b->d, b->p->s.overrides, b->reason);
    if (rc != KECS_OK) {
        return rc;
    }

    if (kecs_str_is(b->d->network_mode, "none")) {
        return kecs_pod_no(b, "The field networkMode is not supported by "
                           "this runtime for \"none\".");
    }

    rc = gather_containers(b);
    if (rc != KECS_OK) {
        return rc;
    }

    for (i = 0; i < b->n; i++) {
        rc = check_ports(b, i);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    rc = kecs_pod_order(b);

    return rc == KECS_OK ? kecs_pod_sizes(b) : rc;
}


/* Metadata. */


/* {name in ECS, name in the pod} of each container, for the way back. */

static kecs_str_t
container_names(kecs_pod_build_t *b)
{
    size_t         i;
    kecs_buf_t     buf;
    kecs_writer_t  w;

    kecs_buf_init(&buf, b->a, 0);
    w = kecs_writer(&buf);

    kecs_w_array(&w, NULL);

    for (i = 0; i < b->n; i++) {
        kecs_w_object(&w, NULL);
        kecs_w_bool(&w, "essential",
                    !b->containers[i].d->essential.set
                    || b->containers[i].d->essential.value);
        kecs_w_str(&w, "name", b->containers[i].d->name);
        kecs_w_str(&w, "pod", b->containers[i].name);
        kecs_w_object_end(&w);
    }

    kecs_w_array_end(&w);

    return buf.failed ? kecs_null_str : kecs_buf_view(&buf);
}


kecs_str_t
kecs_pod_task_arn(kecs_arena_t *a, const kecs_pod_task_t *p)
{
    char  id[2 * KECS_ID_LEN];

    kecs_hex(p->s.task->id, KECS_ID_LEN, id);

    return kecs_arn_ecs(a, p->s.region, p->s.account, kecs_str("task"),
                        p->s.cluster, kecs_str_n(id, sizeof(id)));
}


static kecs_rc_t
annotations(kecs_pod_build_t *b)
{
    kecs_rc_t               rc;
    kecs_str_t              names, arn, taskdef;
    kecs_writer_t          *w = &b->w;
    const kecs_task_t      *t = b->p->s.task;
    const kecs_pod_task_t  *p = b->p;

    names = container_names(b);
    arn = kecs_pod_task_arn(b->a, p);
    taskdef = kecs_arn_ecs(b->a, p->s.region, p->s.account,
                           kecs_str("task-definition"),
                           kecs_sprintf(b->a, "%.*s:%u", kecs_fmt(t->family),
                                        (unsigned) t->revision));

    if (names.data == NULL || arn.data == NULL || taskdef.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_w_object(w, "annotations");
    kecs_w_str(w, KECS_POD_CONTAINERS, names);
    kecs_w_opt_str(w, KECS_POD_GROUP, t->group);
    kecs_w_cstr(w, KECS_POD_LAUNCH, kecs_launch_name(t->launch));
    kecs_w_opt_str(w, KECS_POD_STARTED_BY, t->started_by);
    kecs_w_str(w, KECS_POD_TASK_ARN, arn);
    kecs_w_str(w, KECS_POD_TASKDEF, taskdef);

    if (kecs_pod_has_secret(p)) {
        kecs_w_cstr(w, KECS_POD_SECRET, "fetched");
    }

    rc = kecs_pod_write_firelens(b);
    kecs_w_object_end(w);

    return rc;
}


static kecs_rc_t
label(kecs_pod_build_t *b, const char *name, kecs_str_t s)
{
    kecs_str_t  value;

    if (s.len == 0) {
        return KECS_OK;
    }

    value = kecs_pod_value(b->a, s);

    if (value.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_w_str(&b->w, name, value);

    return KECS_OK;
}


/* What the Service and the PodDisruptionBudget of its service select. */

static kecs_rc_t
object_label(kecs_pod_build_t *b)
{
    kecs_str_t              name;
    const kecs_pod_task_t  *p = b->p;

    if (p->s.service.len == 0) {
        return KECS_OK;
    }

    name = kecs_service_object_name(b->a, &(kecs_service_place_t) {
        p->uuid, p->s.account, p->s.region, p->s.cluster, p->s.service
    });

    if (name.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_w_str(&b->w, KECS_POD_OBJECT, name);

    return KECS_OK;
}


/*
 * A label for each security group, so that NetworkPolicies can select the
 * pods of one.  No name comes twice.
 */

static kecs_rc_t
group_labels(kecs_pod_build_t *b)
{
    size_t      i, n;
    kecs_str_t  list, id, name, names[GROUPS_MAX];

    n = 0;
    list = b->p->s.task->groups;

    while (n < GROUPS_MAX && kecs_str_split(&list, ',', &id)) {
        if (id.len == 0) {
            continue;
        }

        name = kecs_pod_value(b->a, id);

        if (name.data == NULL) {
            return KECS_NOMEM;
        }

        for (i = 0; i < n && !kecs_str_eq(names[i], name); i++) {
            /* void */
        }

        if (i == n) {
            names[n++] = name;
            name = kecs_sprintf(b->a, KECS_POD_SECURITY "%.*s",
                                kecs_fmt(name));

            if (name.data == NULL) {
                return KECS_NOMEM;
            }

            kecs_w_cstr(&b->w, name.data, "");
        }
    }

    return KECS_OK;
}


static kecs_rc_t
labels(kecs_pod_build_t *b, const char *id)
{
    kecs_rc_t           rc;
    kecs_writer_t      *w = &b->w;
    const kecs_task_t  *t = b->p->s.task;

    kecs_w_object(w, "labels");
    kecs_w_cstr(w, KECS_POD_MANAGED_BY, "kecs");

    if (label(b, KECS_POD_CLUSTER, b->p->s.cluster) != KECS_OK
        || label(b, KECS_POD_FAMILY, t->family) != KECS_OK
        || label(b, KECS_POD_SERVICE, b->p->s.service) != KECS_OK)
    {
        return KECS_NOMEM;
    }

    if (t->deployment != 0) {
        kecs_w_printf(w, KECS_POD_DEPLOYMENT, "%" PRIu64, t->deployment);
    }

    kecs_w_cstr(w, KECS_POD_LAUNCH, kecs_launch_name(t->launch));
    kecs_w_printf(w, KECS_POD_REVISION, "%u", (unsigned) t->revision);
    kecs_w_cstr(w, KECS_POD_TASK_ID, id);
    rc = object_label(b);
    kecs_w_str(w, KECS_POD_STORE, b->p->uuid);
    rc = rc == KECS_OK ? group_labels(b) : rc;
    kecs_w_object_end(w);

    return rc;
}


static kecs_rc_t
metadata(kecs_pod_build_t *b)
{
    char            name[KECS_POD_NAME_LEN + 1];
    const char     *id;
    kecs_rc_t       rc;
    kecs_writer_t  *w = &b->w;

    kecs_pod_name(b->p->s.task->id, name);
    id = name + sizeof(KECS_POD_PREFIX) - 1;

    kecs_w_object(w, "metadata");

    rc = annotations(b);
    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_array(w, "finalizers");
    kecs_w_cstr(w, NULL, KECS_POD_FINALIZER);
    kecs_w_array_end(w);

    rc = labels(b, id);

    kecs_w_cstr(w, "name", name);
    kecs_w_object_end(w);

    return rc;
}


/* Spec. */


static kecs_rc_t
containers(kecs_pod_build_t *b, const char *name, bool init)
{
    size_t     i;
    kecs_rc_t  rc;

    kecs_w_array(&b->w, name);

    for (i = 0; i < b->n; i++) {
        if ((b->order[i]->role != KECS_POD_MAIN) != init) {
            continue;
        }

        rc = kecs_pod_write_container(b, b->order[i]);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    kecs_w_array_end(&b->w);

    return KECS_OK;
}


static bool
has_init(const kecs_pod_build_t *b)
{
    size_t  i;

    for (i = 0; i < b->n; i++) {
        if (b->containers[i].role != KECS_POD_MAIN) {
            return true;
        }
    }

    return false;
}


/* Pods for Windows only run on nodes of the same release. */

static void
windows_build(kecs_writer_t *w, kecs_str_t family)
{
    size_t      i;
    kecs_str_t  release;

    static const struct {
        kecs_str_t   release;
        const char  *build;
    } builds[] = {
        { kecs_string("2016"), "10.0.14393" },
        { kecs_string("2019"), "10.0.17763" },
        { kecs_string("2022"), "10.0.20348" },
        { kecs_string("2025"), "10.0.26100" }
    };

    release = kecs_str_from(family, sizeof("WINDOWS_SERVER_") - 1);

    for (i = 0; i < sizeof(builds) / sizeof(builds[0]); i++) {
        if (kecs_str_starts(release, builds[i].release)) {
            kecs_w_cstr(w, "node.kubernetes.io/windows-build",
                        builds[i].build);
        }
    }
}


/* A zone of the record, where no instance has it, is one asked for. */

static void
selector(kecs_pod_build_t *b)
{
    kecs_writer_t                      *w = &b->w;
    const kecs_task_t                  *t = b->p->s.task;
    const kecs_ecs_runtime_platform_t  *r;

    r = b->d->runtime_platform;

    kecs_w_object(w, "nodeSelector");

    if (!kecs_task_on_instance(t) && t->zone.len != 0) {
        kecs_w_str(w, KECS_ZONE_LABEL, t->zone);
    }

    if (r != NULL && r->cpu_architecture.len > 0) {
        kecs_w_cstr(w, "kubernetes.io/arch",
                    kecs_str_is(r->cpu_architecture, "ARM64") ? "arm64"
                                                              : "amd64");
    }

    kecs_w_cstr(w, "kubernetes.io/os",
                kecs_pod_on_windows(b) ? "windows" : "linux");

    if (kecs_pod_on_windows(b)) {
        windows_build(w, r->operating_system_family);
    }

    kecs_w_object_end(w);
}


/*
 * Tasks of a service spread over zones and nodes where that is possible.
 * Its name is not enough to tell them: other regions and accounts of the
 * store may have the same one.
 */

static kecs_rc_t
spread(kecs_pod_build_t *b)
{
    size_t              i;
    kecs_writer_t      *w = &b->w;
    static const char  *keys[] = {
        KECS_ZONE_LABEL, "kubernetes.io/hostname"
    };

    if (b->p->s.service.len == 0) {
        return KECS_OK;
    }

    kecs_w_array(w, "topologySpreadConstraints");

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        kecs_w_object(w, NULL);
        kecs_w_object(w, "labelSelector");
        kecs_w_object(w, "matchLabels");

        if (object_label(b) != KECS_OK) {
            return KECS_NOMEM;
        }

        kecs_w_str(w, KECS_POD_STORE, b->p->uuid);
        kecs_w_object_end(w);
        kecs_w_object_end(w);
        kecs_w_i64(w, "maxSkew", 1);
        kecs_w_cstr(w, "topologyKey", keys[i]);
        kecs_w_cstr(w, "whenUnsatisfiable", "ScheduleAnyway");
        kecs_w_object_end(w);
    }

    kecs_w_array_end(w);

    return KECS_OK;
}


/*
 * In a process namespace of the pod its pause container is the init process
 * and reaps what is left behind.  With more than one container that would
 * show them each other's processes.
 */

static bool
wants_init(const kecs_pod_build_t *b)
{
    const kecs_ecs_linux_parameters_t  *l;

    l = b->containers[0].d->linux_parameters;

    return b->n == 1 && l != NULL && l->init_process_enabled.value;
}


static void
namespaces(kecs_pod_build_t *b)
{
    kecs_writer_t  *w = &b->w;

    if (kecs_str_is(b->d->ipc_mode, "host")) {
        kecs_w_bool(w, "hostIPC", true);
    }

    if (kecs_pod_in_host_network(b)) {
        kecs_w_bool(w, "hostNetwork", true);
    }

    if (kecs_str_is(b->d->pid_mode, "host")) {
        kecs_w_bool(w, "hostPID", true);

    } else if (kecs_str_is(b->d->pid_mode, "task") || wants_init(b)) {
        kecs_w_bool(w, "shareProcessNamespace", true);
    }
}


static void
pull_secrets(kecs_pod_build_t *b)
{
    char  name[KECS_POD_NAME_LEN + 1];

    if (!kecs_pod_has_login(b->p)) {
        return;
    }

    kecs_pod_name(b->p->s.task->id, name);

    kecs_w_array(&b->w, "imagePullSecrets");
    kecs_w_object(&b->w, NULL);
    kecs_w_cstr(&b->w, "name", name);
    kecs_w_object_end(&b->w);
    kecs_w_array_end(&b->w);
}


static kecs_rc_t
spec(kecs_pod_build_t *b)
{
    kecs_rc_t       rc;
    kecs_writer_t  *w = &b->w;

    kecs_w_object(w, "spec");
    kecs_pod_write_affinity(b);
    kecs_w_bool(w, "automountServiceAccountToken", false);

    rc = containers(b, "containers", false);
    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_bool(w, "enableServiceLinks", false);
    namespaces(b);
    pull_secrets(b);

    rc = has_init(b) ? containers(b, "initContainers", true) : KECS_OK;
    if (rc != KECS_OK) {
        return rc;
    }

    rc = kecs_pod_write_network(b);
    if (rc != KECS_OK) {
        return rc;
    }

    selector(b);

    kecs_w_object(w, "os");
    kecs_w_cstr(w, "name", kecs_pod_on_windows(b) ? "windows" : "linux");
    kecs_w_object_end(w);

    kecs_pod_write_resources(b);
    kecs_w_cstr(w, "restartPolicy", "Never");
    kecs_w_i64(w, "terminationGracePeriodSeconds", kecs_task_grace(b->d));
    kecs_pod_write_tolerations(b);

    rc = spread(b);

    if (rc == KECS_OK) {
        rc = kecs_pod_write_volumes(b);
    }

    kecs_w_object_end(w);

    return rc;
}


kecs_rc_t
kecs_pod_build(kecs_arena_t *a, const kecs_pod_task_t *p, kecs_buf_t *out,
    kecs_str_t *reason)
{
    kecs_rc_t         rc;
    kecs_pod_build_t  b;

    memset(&b, 0, sizeof(kecs_pod_build_t));

    b.a = a;
    b.p = p;
    b.d = p->s.definition;
    b.w = kecs_writer(out);
    b.reason = reason;

    rc = prepare(&b);
    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_object(&b.w, NULL);
    kecs_w_cstr(&b.w, "apiVersion", "v1");
    kecs_w_cstr(&b.w, "kind", "Pod");

    rc = metadata(&b);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = spec(&b);
    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_object_end(&b.w);

    return out->failed ? KECS_NOMEM : KECS_OK;
}
