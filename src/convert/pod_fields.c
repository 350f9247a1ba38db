/*
 * What happens to each field of a task definition in a pod, and the walk
 * that refuses the fields that cannot be converted.  A unit test holds the
 * table against the service model: a member that a newer model brings has
 * no row, and the test fails until somebody has decided.
 */

#include "pod.h"


#define CD  "containerDefinitions[]."
#define OV  "overrides."
#define CO  OV "containerOverrides[]."

const kecs_pod_field_t  kecs_pod_fields[] = {

    { "compatibilities", KECS_FIELD_CARRIED, NULL },
    { CD "command", KECS_FIELD_CONVERTED, "args, taken literally" },
    { CD "cpu", KECS_FIELD_CONVERTED, "a request, never a limit" },
    { CD "credentialSpecs", KECS_FIELD_REFUSED, NULL },
    { CD "dependsOn", KECS_FIELD_CONVERTED,
      "START: the order of the list; HEALTHY: a sidecar with a start-up "
      "probe, which when it ends runs again until its task is stopped; "
      "COMPLETE and SUCCESS: init containers, where another exit code than "
      "0 ends the task" },
    { CD "disableNetworking", KECS_FIELD_REFUSED, NULL },
    { CD "dnsSearchDomains", KECS_FIELD_CONVERTED, "for the whole task" },
    { CD "dnsServers", KECS_FIELD_CONVERTED,
      "for the whole task; the first three" },
    { CD "dockerLabels", KECS_FIELD_CARRIED, NULL },
    { CD "dockerSecurityOptions", KECS_FIELD_CONVERTED,
      "no-new-privileges, apparmor:PROFILE, label:user, role, type and level; "
      "others are refused" },
    { CD "entryPoint", KECS_FIELD_CONVERTED, "command, taken literally" },
    { CD "environment", KECS_FIELD_CONVERTED,
      "taken literally; of equal names the last counts" },
    { CD "environmentFiles", KECS_FIELD_CONVERTED,
      "from the upstream, or from Secrets of Kubernetes that bear the name "
      "of bucket and key; see docs/runtimes.md" },
    { CD "essential", KECS_FIELD_CONVERTED,
      "the task is stopped when an essential container ends" },
    { CD "extraHosts", KECS_FIELD_CONVERTED, "for the whole task" },
    { CD "firelensConfiguration", KECS_FIELD_CONVERTED,
      "the router gets ECS's configuration; it hears what is sent to it, and "
      "reads the output of containers where firelens-logs is set; "
      "see docs/runtimes.md" },
    { CD "firelensConfiguration.options", KECS_FIELD_CONVERTED,
      "config-file-type s3 is stored only" },
    { CD "healthCheck", KECS_FIELD_CONVERTED,
      "a readiness probe, which never restarts anything" },
    { CD "hostname", KECS_FIELD_CONVERTED,
      "when all containers that have one agree and it is a DNS label; "
      "otherwise stored only" },
    { CD "image", KECS_FIELD_CONVERTED,
      "pulled when the node does not have it" },
    { CD "interactive", KECS_FIELD_CONVERTED, NULL },
    { CD "links", KECS_FIELD_CONVERTED,
      "names for 127.0.0.1, since containers of a task share a network" },
    { CD "linuxParameters.capabilities", KECS_FIELD_CONVERTED, NULL },
    { CD "linuxParameters.devices", KECS_FIELD_REFUSED, NULL },
    { CD "linuxParameters.initProcessEnabled", KECS_FIELD_CONVERTED,
      "in a task of one container, by a process namespace of the pod; "
      "otherwise stored only" },
    { CD "linuxParameters.maxSwap", KECS_FIELD_CARRIED, NULL },
    { CD "linuxParameters.sharedMemorySize", KECS_FIELD_CONVERTED, NULL },
    { CD "linuxParameters.swappiness", KECS_FIELD_CARRIED, NULL },
    { CD "linuxParameters.tmpfs", KECS_FIELD_CONVERTED,
      "without its mount options" },
    { CD "logConfiguration", KECS_FIELD_CARRIED,
      "awsfirelens: the options are outputs of the log router" },
    { CD "memory", KECS_FIELD_CONVERTED, "a limit" },
    { CD "memoryReservation", KECS_FIELD_CONVERTED, "a request" },
    { CD "mountPoints", KECS_FIELD_CONVERTED, NULL },
    { CD "name", KECS_FIELD_CONVERTED,
      "made a DNS label where it is none" },
    { CD "portMappings", KECS_FIELD_CONVERTED,
      "host ports only in network modes host and bridge, never dynamic "
      "ones" },
    { CD "portMappings[].appProtocol", KECS_FIELD_CONVERTED,
      "of the port of the Service" },
    { CD "portMappings[].containerPortRange", KECS_FIELD_CARRIED,
      "the ports are reachable without being listed" },
    { CD "portMappings[].name", KECS_FIELD_CONVERTED,
      "the name of the port of the Service" },
    { CD "privileged", KECS_FIELD_CONVERTED, NULL },
    { CD "pseudoTerminal", KECS_FIELD_CONVERTED, NULL },
    { CD "readonlyRootFilesystem", KECS_FIELD_CONVERTED, NULL },
    { CD "repositoryCredentials", KECS_FIELD_CONVERTED,
      "where an upstream is configured; otherwise nodes pull with their own "
      "credentials" },
    { CD "resourceRequirements", KECS_FIELD_CONVERTED,
      "GPU; others are refused" },
    { CD "restartPolicy", KECS_FIELD_CONVERTED,
      "from Kubernetes 1.35; before it is refused, but for containers that "
      "others wait for to be HEALTHY; see docs/runtimes.md" },
    { CD "secrets", KECS_FIELD_CONVERTED,
      "from the upstream, or from Secrets of Kubernetes that bear the name "
      "of the parameter or secret; see docs/runtimes.md" },
    { CD "startTimeout", KECS_FIELD_CONVERTED,
      "of what others wait for to be HEALTHY; it is not applied to COMPLETE "
      "and SUCCESS" },
    { CD "stopTimeout", KECS_FIELD_CONVERTED,
      "the longest counts for all containers" },
    { CD "systemControls", KECS_FIELD_CONVERTED, "for the whole task" },
    { CD "ulimits", KECS_FIELD_CARRIED, "those of the node apply" },
    { CD "user", KECS_FIELD_CONVERTED,
      "numbers, and root; other names are refused" },
    { CD "versionConsistency", KECS_FIELD_CONVERTED,
      "tasks of a service run the image that the first task of their "
      "deployment has shown by its digest; see docs/runtimes.md" },
    { CD "volumesFrom", KECS_FIELD_CONVERTED, NULL },
    { CD "workingDirectory", KECS_FIELD_CONVERTED, NULL },
    { "cpu", KECS_FIELD_CONVERTED,
      "limit of the pod; before Kubernetes 1.34 of each container" },
    { "deleteRequestedAt", KECS_FIELD_CARRIED, NULL },
    { "deregisteredAt", KECS_FIELD_CARRIED, NULL },
    { "enableFaultInjection", KECS_FIELD_CARRIED, NULL },
    { "ephemeralStorage", KECS_FIELD_CONVERTED, NULL },
    { "executionRoleArn", KECS_FIELD_CARRIED, NULL },
    { "family", KECS_FIELD_CONVERTED, "a label" },
    { "inferenceAccelerators", KECS_FIELD_REFUSED, NULL },
    { "ipcMode", KECS_FIELD_CONVERTED,
      "host; containers of a task share in any case" },
    { "memory", KECS_FIELD_CONVERTED,
      "limit of the pod; before Kubernetes 1.34 of each container" },
    { "networkMode", KECS_FIELD_CONVERTED, "none is refused" },
    { "pidMode", KECS_FIELD_CONVERTED, NULL },
    { "placementConstraints", KECS_FIELD_CONVERTED,
      "choose the node, where nodes are known; see docs/runtimes.md" },
    { "proxyConfiguration", KECS_FIELD_CARRIED, NULL },
    { "registeredAt", KECS_FIELD_CARRIED, NULL },
    { "registeredBy", KECS_FIELD_CARRIED, NULL },
    { "requiresAttributes", KECS_FIELD_CARRIED, NULL },
    { "requiresCompatibilities", KECS_FIELD_CARRIED, NULL },
    { "revision", KECS_FIELD_CONVERTED, "a label" },
    { "runtimePlatform", KECS_FIELD_CONVERTED, "node selectors" },
    { "status", KECS_FIELD_CARRIED, NULL },
    { "taskDefinitionArn", KECS_FIELD_CARRIED, NULL },
    { "taskRoleArn", KECS_FIELD_CARRIED, NULL },
    { "trustedExecutionConfiguration", KECS_FIELD_REFUSED, NULL },
    { "volumes[].configuredAtLaunch", KECS_FIELD_CONVERTED,
      "a PersistentVolumeClaim of volumeConfigurations; see "
      "docs/runtimes.md" },
    { "volumes[].dockerVolumeConfiguration", KECS_FIELD_CONVERTED,
      "driver local without options: a folder of the node for scope "
      "shared, one of the task otherwise; others are refused" },
    { "volumes[].dockerVolumeConfiguration.labels", KECS_FIELD_CARRIED,
      NULL },
    { "volumes[].efsVolumeConfiguration",
      KECS_FIELD_CONVERTED,
      "a PersistentVolumeClaim named like the file system or access"
      " point; see docs/runtimes.md" },
    { "volumes[].fsxWindowsFileServerVolumeConfiguration",
      KECS_FIELD_CONVERTED,
      "a PersistentVolumeClaim named like the file system" },
    { "volumes[].host", KECS_FIELD_CONVERTED,
      "a folder of the node, made when it is missing; without sourcePath "
      "an empty one of the task" },
    { "volumes[].name", KECS_FIELD_CONVERTED, NULL },
    { "volumes[].s3filesVolumeConfiguration",
      KECS_FIELD_CONVERTED,
      "a PersistentVolumeClaim named like the file system or access"
      " point" },

    { CO "command", KECS_FIELD_CONVERTED, NULL },
    { CO "cpu", KECS_FIELD_CONVERTED, NULL },
    { CO "environment", KECS_FIELD_CONVERTED, NULL },
    { CO "environmentFiles", KECS_FIELD_CONVERTED,
      "instead of those of the definition" },
    { CO "memory", KECS_FIELD_CONVERTED, NULL },
    { CO "memoryReservation", KECS_FIELD_CONVERTED, NULL },
    { CO "name", KECS_FIELD_CONVERTED, NULL },
    { CO "resourceRequirements", KECS_FIELD_CONVERTED, NULL },
    { OV "cpu", KECS_FIELD_CONVERTED, NULL },
    { OV "ephemeralStorage", KECS_FIELD_CONVERTED, NULL },
    { OV "executionRoleArn", KECS_FIELD_CARRIED, NULL },
    { OV "inferenceAcceleratorOverrides", KECS_FIELD_REFUSED, NULL },
    { OV "memory", KECS_FIELD_CONVERTED, NULL },
    { OV "taskRoleArn", KECS_FIELD_CARRIED, NULL },

    { NULL, KECS_FIELD_CONVERTED, NULL }
};


/* `row` is `path` or one of its parents; "a[]" is a child of "a". */

static bool
covers(kecs_str_t row, kecs_str_t path)
{
    return kecs_str_starts(path, row)
           && (path.len == row.len || path.data[row.len] == '.'
               || path.data[row.len] == '[');
}


const kecs_pod_field_t *
kecs_pod_field(kecs_str_t path)
{
    size_t                   best;
    kecs_str_t               row;
    const kecs_pod_field_t  *f, *found;

    best = 0;
    found = NULL;

    for (f = kecs_pod_fields; f->path != NULL; f++) {
        row = kecs_str_of(f->path);

        if (row.len > best && covers(row, path)) {
            best = row.len;
            found = f;
        }
    }

    return found;
}


/* The walk along one path. */

typedef struct {
    kecs_arena_t  *a;
    kecs_str_t     at;              /* so far, with names: "volumes[data]." */
    kecs_str_t    *reason;
} walk_t;


static kecs_rc_t step(walk_t *k, const kecs_shape_t *shape,
    const void *value, kecs_str_t path);


/* Set to something that asks for an effect. */

static bool
wanted(const kecs_shape_t *shape, const void *value)
{
    switch (shape->type) {

    case KECS_T_BOOLEAN:
        return ((const kecs_opt_bool_t *) value)->value;

    case KECS_T_LIST:
        return ((const kecs_list_t *) value)->n > 0;

    case KECS_T_MAP:
        return ((const kecs_map_t *) value)->n > 0;

    case KECS_T_STRING:
    case KECS_T_DOCUMENT:
        return ((const kecs_str_t *) value)->len > 0;

    default:
        return true;
    }
}


static kecs_str_t
element_name(kecs_arena_t *a, const kecs_shape_t *shape, const void *value,
    size_t i)
{
    const kecs_str_t     *s;
    const kecs_member_t  *m;

    m = kecs_shape_member(shape, kecs_str("name"));
    s = m && m->shape->type == KECS_T_STRING ? kecs_member_value(m, value)
                                             : NULL;

    return s && s->len > 0 ? *s : kecs_sprintf(a, "%zu", i);
}


static kecs_rc_t
elements(walk_t *k, const char *member, const kecs_shape_t *shape,
    const kecs_list_t *list, kecs_str_t path)
{
    size_t        i;
    walk_t        next;
    kecs_rc_t     rc;
    kecs_str_t    name;
    const void   *value;

    for (i = 0; i < list->n; i++) {
        value = (const char *) list->items + i * shape->of->size;
        name = element_name(k->a, shape->of, value, i);

        next = *k;
        next.at = kecs_sprintf(k->a, "%.*s%s[%.*s].", kecs_fmt(k->at), member,
                               kecs_fmt(name));
        if (next.at.data == NULL) {
            return KECS_NOMEM;
        }

        rc = step(&next, shape->of, value, path);
        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}


static kecs_rc_t
step(walk_t *k, const kecs_shape_t *shape, const void *value,
    kecs_str_t path)
{
    walk_t                next;
    kecs_str_t            segment;
    const void           *v;
    const kecs_member_t  *m;

    (void) kecs_str_split(&path, '.', &segment);

    if (segment.len > 2 && segment.data[segment.len - 1] == ']') {
        segment.len -= 2;
    }

    m = kecs_shape_member(shape, segment);
    v = m ? kecs_member_value(m, value) : NULL;

    if (v == NULL) {
        return KECS_OK;
    }

    if (path.data == NULL) {
        if (!wanted(m->shape, v)) {
            return KECS_OK;
        }

        *k->reason = kecs_sprintf(k->a, "The field %.*s%s is not supported "
                                  "by this runtime.", kecs_fmt(k->at),
                                  m->name);
        return k->reason->data ? KECS_INVALID : KECS_NOMEM;
    }

    if (m->shape->type == KECS_T_LIST) {
        return elements(k, m->name, m->shape, v, path);
    }

    next = *k;
    next.at = kecs_sprintf(k->a, "%.*s%s.", kecs_fmt(k->at), m->name);

    return next.at.data ? step(&next, m->shape, v, path) : KECS_NOMEM;
}


kecs_rc_t
kecs_pod_refuse(kecs_arena_t *a, const kecs_ecs_task_definition_t *definition,
    const kecs_ecs_task_override_t *overrides, kecs_str_t *reason)
{
    walk_t                   k;
    kecs_rc_t                rc;
    kecs_str_t               path;
    const kecs_pod_field_t  *f;

    for (f = kecs_pod_fields; f->path != NULL; f++) {

        if (f->verdict != KECS_FIELD_REFUSED) {
            continue;
        }

        path = kecs_str_of(f->path);
        k = (walk_t) { a, kecs_str(""), reason };
        rc = KECS_OK;

        if (!kecs_str_starts(path, kecs_str(OV))) {
            rc = step(&k, &kecs_ecs_task_definition_shape, definition, path);

        } else if (overrides != NULL) {
            k.at = kecs_str(OV);
            rc = step(&k, &kecs_ecs_task_override_shape, overrides,
                      kecs_str_from(path, sizeof(OV) - 1));
        }

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}
