/*
 * Task definitions: registering (answers, what is filled in, every error),
 * describing, listing, deregistering, and every allocation failing.
 */

#include "callkit.h"


#define is_body(body, what)  callkit_body(&k, body, what)

#define ONE      "{\"name\":\"app\",\"image\":\"busybox\",\"memory\":64}"
#define ARN      CALLKIT_ARN "task-definition/"

static callkit_t  k;


static unsigned
reg(const char *family, const char *more, const char *containers)
{
    static char  body[8192];

    (void) snprintf(body, sizeof(body), "{\"family\":\"%s\"%s,"
                    "\"containerDefinitions\":[%s]}", family, more,
                    containers);

    return callkit(&k, "RegisterTaskDefinition", body);
}


static const char *
reg_body(const char *more, const char *containers)
{
    static char  body[8192];

    (void) snprintf(body, sizeof(body), "{\"family\":\"bad\"%s,"
                    "\"containerDefinitions\":[%s]}", more, containers);

    return body;
}


/* Registering: answers. */

static void
test_register(void)
{
    (void) reg("main", ",\"tags\":[{\"key\":\"revision\","
               "\"value\":\"one\"}]", ONE);
    is_body("{\"tags\":[{\"key\":\"revision\",\"value\":\"one\"}],"
            "\"taskDefinition\":{\"compatibilities\":[\"EXTERNAL\",\"EC2\"],"
            "\"containerDefinitions\":[{\"cpu\":0,\"environment\":[],"
            "\"essential\":true,\"image\":\"busybox\",\"memory\":64,"
            "\"mountPoints\":[],\"name\":\"app\",\"portMappings\":[],"
            "\"systemControls\":[],\"volumesFrom\":[]}],\"family\":\"main\","
            "\"placementConstraints\":[],"
            "\"registeredBy\":\"" CALLKIT_CALLER "\",\"volumes\":[],"
            "\"registeredAt\":1789551556.693,\"revision\":1,"
            "\"status\":\"ACTIVE\","
            "\"taskDefinitionArn\":\"" ARN "main:1\"}}",
            "the whole answer of RegisterTaskDefinition");

    (void) reg("main", "", ONE);
    callkit_ok(&k, "taskDefinition.revision", "2", "the same again");
    callkit_ok(&k, "tags", NULL, "no tags are told when none were given");
    callkit_ok(&k, "taskDefinition.networkMode", NULL, "nothing is invented");
    callkit_ok(&k, "taskDefinition.requiresAttributes", NULL, "none");
    callkit_ok(&k, "taskDefinition.requiresCompatibilities", NULL, "none");
}


static void
test_fargate(void)
{
    (void) reg("fg", ",\"networkMode\":\"awsvpc\","
               "\"requiresCompatibilities\":[\"FARGATE\"],"
               "\"cpu\":\".25 vCPU\",\"memory\":\"0.5GB\"",
               "{\"name\":\"a\",\"image\":\"i\",\"portMappings\":["
               "{\"containerPort\":80},{\"containerPort\":53,"
               "\"protocol\":\"udp\",\"hostPort\":53}]}");
    callkit_ok(&k, "taskDefinition.cpu", "256", ".25 vCPU");
    callkit_ok(&k, "taskDefinition.memory", "512", "0.5GB");
    callkit_ok(&k, "taskDefinition.compatibilities", "[3]", "Fargate");
    callkit_ok(&k, "taskDefinition.requiresAttributes", "[2]", "attributes");
    callkit_ok(&k, "taskDefinition.requiresAttributes.0.name",
               "com.amazonaws.ecs.capability.docker-remote-api.1.18",
               "attributes");
    callkit_ok(&k, "taskDefinition.requiresAttributes.1.name",
               "ecs.capability.task-eni", "attributes");
    callkit_ok(&k, "taskDefinition.containerDefinitions.0.portMappings.0"
               ".hostPort", "80", "awsvpc: the container's port");
    callkit_ok(&k, "taskDefinition.containerDefinitions.0.portMappings.0"
               ".protocol", "tcp", "the default protocol");
    callkit_ok(&k, "taskDefinition.containerDefinitions.0.portMappings.1"
               ".protocol", "udp", "a given protocol");
}


static void
test_compatibilities(void)
{
    size_t  i;

    static const struct {
        const char  *more;
        const char  *container;
        const char  *list;
    } cases[] = {
        { "", "", "EXTERNAL,EC2" },
        { ",\"networkMode\":\"bridge\"", "", "EXTERNAL,EC2" },
        { ",\"networkMode\":\"host\"", "", "EXTERNAL,EC2" },
        { ",\"networkMode\":\"awsvpc\"", "", "EC2" },
        { ",\"networkMode\":\"awsvpc\",\"cpu\":\"1 vCPU\","
          "\"memory\":\"2 GB\"", "", "EC2,MANAGED_INSTANCES,FARGATE" },
        { ",\"networkMode\":\"awsvpc\",\"cpu\":\"256\",\"memory\":\"512\"",
          ",\"stopTimeout\":121", "EC2,MANAGED_INSTANCES" },
        { ",\"networkMode\":\"awsvpc\",\"cpu\":\"256\",\"memory\":\"512\"",
          ",\"stopTimeout\":120,\"startTimeout\":121",
          "EC2,MANAGED_INSTANCES,FARGATE" },
        { ",\"networkMode\":\"awsvpc\",\"cpu\":\"1024\",\"memory\":\"2048\","
          "\"runtimePlatform\":{\"operatingSystemFamily\":"
          "\"WINDOWS_SERVER_2022_CORE\",\"cpuArchitecture\":\"ARM64\"}", "",
          "EC2,FARGATE" },
        { ",\"networkMode\":\"awsvpc\",\"cpu\":\"256\",\"memory\":\"512\"",
          ",\"privileged\":true", "EC2,MANAGED_INSTANCES" },
        { ",\"volumes\":[{\"name\":\"e\",\"efsVolumeConfiguration\":"
          "{\"fileSystemId\":\"fs-1\"}}]", "", "EC2" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char                container[256], got[128];
        const kecs_json_t  *v, *list;

        (void) snprintf(container, sizeof(container),
                        "{\"name\":\"a\",\"image\":\"i\",\"memory\":64%s}",
                        cases[i].container);
        (void) reg("comp", cases[i].more, container);

        got[0] = '\0';
        list = callkit_at(&k, "taskDefinition.compatibilities");

        for (v = list != NULL ? list->first : NULL; v != NULL; v = v->next) {
            (void) snprintf(got + strlen(got), sizeof(got) - strlen(got),
                            "%s%.*s", got[0] ? "," : "", kecs_fmt(v->str));
        }

        tap_is_str(kecs_str_of(got), cases[i].list, "compatibilities%s%s",
                   cases[i].more, cases[i].container);
    }
}


static void
test_attributes(void)
{
    (void) reg("attr", ",\"taskRoleArn\":\"r\",\"executionRoleArn\":"
               "\"arn:aws:iam::1:role/x\",\"volumes\":[{\"name\":\"e\","
               "\"efsVolumeConfiguration\":{\"fileSystemId\":\"fs-1\"}}]",
               "{\"name\":\"a\",\"memory\":64,\"image\":"
               "\"123456789012.dkr.ecr.us-east-1.amazonaws.com/x\","
               "\"stopTimeout\":5,\"logConfiguration\":{\"logDriver\":"
               "\"awslogs\",\"options\":{\"awslogs-group\":\"g\","
               "\"awslogs-region\":\"r\"}},\"secrets\":[{\"name\":\"S\","
               "\"valueFrom\":\"arn:aws:secretsmanager:r:1:secret:x\"},"
               "{\"name\":\"P\",\"valueFrom\":\"parameter\"}]}");
    callkit_ok(&k, "taskDefinition.requiresAttributes", "[9]", "attributes");
    callkit_ok(&k, "taskDefinition.requiresAttributes.0.name",
               "com.amazonaws.ecs.capability.logging-driver.awslogs",
               "attributes");
    callkit_ok(&k, "taskDefinition.requiresAttributes.3.name",
               "ecs.capability.secrets.asm.environment-variables",
               "attributes");
    callkit_ok(&k, "taskDefinition.requiresAttributes.4.name",
               "ecs.capability.secrets.ssm.environment-variables",
               "attributes");
    callkit_ok(&k, "taskDefinition.requiresAttributes.7.name",
               "com.amazonaws.ecs.capability.task-iam-role", "attributes");
}


/* Registering: errors. */

typedef struct {
    const char  *more;
    const char  *containers;
    const char  *message;
} error_t;


static void
test_client_errors(void)
{
    size_t  i;

#define FG       ",\"networkMode\":\"awsvpc\",\"requiresCompatibilities\":"   \
                 "[\"FARGATE\"],\"cpu\":\"256\",\"memory\":\"512\""
#define A        "\"name\":\"a\",\"image\":\"i\",\"memory\":64"
#define B        "{\"name\":\"b\",\"image\":\"i\",\"memory\":64,"             \
                 "\"essential\":false}"
#define NOFG     "Fargate compatible task definitions do not support "

    static const error_t  errors[] = {
        { "", "", "Container list cannot be empty." },
        { ",\"tags\":[]", ONE, "Tags can not be empty." },
        { ",\"tags\":[{\"key\":\"k\"}]", ONE, "Tag value can not be null." },
        { "", "{\"image\":\"i\",\"memory\":64}",
          "Container.name should not be null or empty." },
        { "", "{\"name\":\"a b\",\"image\":\"i\",\"memory\":64}",
          "Container.name contains invalid characters." },
        { "", "{\"name\":\"a\",\"memory\":64}",
          "Container.image should not be null or empty." },
        { "", ONE "," ONE,
          "Container names must be unique within a Task Definition." },
        { "", "{\"name\":\"a\",\"image\":\"i\"}",
          "Invalid setting for container 'a'. At least one of 'memory' or"
          " 'memoryReservation' must be specified." },
        { "", "{\"name\":\"a\",\"image\":\"i\",\"memory\":3}",
          "Invalid 'memory' setting for container 'a'" },
        { ",\"memory\":\"32\"", "{" A "}",
          "The 'memory' setting for container 'a' is greater than for the"
          " task." },
        { "", "{" A ",\"essential\":false}",
          "Task definition doesn't have any essential container." },
        { ",\"networkMode\":\"x\"", ONE,
          "Network mode should be one of [bridge,host,awsvpc,none]" },
        { ",\"requiresCompatibilities\":[\"X\"]", ONE,
          "Compatibilities should be one of [EC2,FARGATE,EXTERNAL,"
          "MANAGED_INSTANCES]" },
        { ",\"networkMode\":\"awsvpc\"",
          "{" A ",\"portMappings\":[{\"containerPort\":80,"
          "\"hostPort\":81}]}",
          "When networkMode=awsvpc, the host ports and container ports in"
          " port mappings must match." },
        { ",\"networkMode\":\"host\"",
          "{" A ",\"portMappings\":[{\"containerPort\":80,"
          "\"hostPort\":81}]}",
          "When networkMode=host, the host ports and container ports in"
          " port mappings must match." },
        { ",\"networkMode\":\"awsvpc\"", "{" A ",\"links\":[\"x\"]}",
          "Links are not supported when networkMode=awsvpc." },
        { "", "{" A ",\"dependsOn\":[{\"containerName\":\"x\","
          "\"condition\":\"START\"}]}",
          "Cannot depend on container + 'x' because it does not exist" },
        { "", "{" A ",\"dependsOn\":[{\"containerName\":\"a\","
          "\"condition\":\"START\"}]}",
          "Container dependsOn contains a cycle" },
        { "", "{" A ",\"dependsOn\":[{\"containerName\":\"b\","
          "\"condition\":\"HEALTHY\"}]}," B,
          "A dependency container with HEALTHY condition must have health"
          " check configured" },
        { "", "{" A "},{\"name\":\"c\",\"image\":\"i\",\"memory\":64,"
          "\"dependsOn\":[{\"containerName\":\"a\",\"condition\":"
          "\"SUCCESS\"}]}",
          "A dependency container with SUCCESS or COMPLETE condition cannot"
          " be an essential container" },
        { "", "{" A ",\"logConfiguration\":{\"logDriver\":\"awslogs\"}}",
          "Log driver awslogs requires options: awslogs-region,"
          " awslogs-group" },
        { "", "{" A ",\"logConfiguration\":{\"logDriver\":\"awslogs\","
          "\"options\":{\"awslogs-region\":\"r\"}}}",
          "Log driver awslogs requires options: awslogs-group" },
        { "", "{" A ",\"mountPoints\":[{\"sourceVolume\":\"v\","
          "\"containerPath\":\"/v\"}]}", "Unknown volume 'v'." },
        { "", "{" A ",\"stopTimeout\":1}", "Granular stop timeout on"
          " container 'a' must be at least 2 seconds." },
        { "", "{" A ",\"startTimeout\":-1}", "Granular start timeout on"
          " container 'a' must be at least 2 seconds." },
        { "", "{" A ",\"ulimits\":[{\"name\":\"nofile\",\"softLimit\":2,"
          "\"hardLimit\":1}]}",
          "Soft limit exceeds hard limit for ulimit nofile" },
        { "", "{" A ",\"secrets\":[{\"name\":\"S\",\"valueFrom\":\"x\"}]}",
          "When you are specifying container secrets, you must also specify"
          " a value for 'executionRoleArn'." },
        { ",\"executionRoleArn\":\"r\"",
          "{" A ",\"secrets\":[{\"name\":\"S\",\"valueFrom\":\"x\"}],"
          "\"environment\":[{\"name\":\"S\",\"value\":\"\"}]}",
          "The secret name must be unique and not shared with any new or"
          " existing environment variables set on the container, such as"
          " 'S'." },
        { "", "{" A ",\"healthCheck\":{\"command\":[\"CMD\"],"
          "\"interval\":1}}",
          "Invalid 'healthCheck.interval' setting for container 'a'" },
        { "", "{" A ",\"firelensConfiguration\":{\"type\":\"fluentbit\"}}",
          "When a firelensConfiguration object is specified, at least 1"
          " container has to be configured with the awsfirelens log"
          " driver." },
        { ",\"taskRoleArn\":\"arn:aws:iam::1:user/x\"", ONE,
          "Role is not valid" },
        { ",\"cpu\":\"64\"", ONE, "Invalid 'cpu' setting for task. For more"
          " information, see the Troubleshooting section of the Amazon ECS"
          " Developer Guide." },
        { ",\"volumes\":[{\"name\":\"e\",\"efsVolumeConfiguration\":"
          "{\"fileSystemId\":\"f\",\"authorizationConfig\":"
          "{\"iam\":\"ENABLED\"}}}]", ONE, "EFS IAM authorization requires"
          " TransitEncryption to be enabled" },
        { ",\"volumes\":[{\"name\":\"e\",\"efsVolumeConfiguration\":"
          "{\"fileSystemId\":\"f\",\"transitEncryption\":\"ENABLED\","
          "\"rootDirectory\":\"/x\",\"authorizationConfig\":"
          "{\"accessPointId\":\"p\"}}}]", ONE,
          "When using an EFS access point, the root directory must either"
          " be set to \"/\" or be omitted" },

        { ",\"requiresCompatibilities\":[\"FARGATE\"]", ONE,
          "Fargate only supports network mode ‘awsvpc’." },
        { ",\"networkMode\":\"awsvpc\",\"requiresCompatibilities\":"
          "[\"FARGATE\"],\"memory\":\"512\"", ONE,
          "Fargate requires that 'cpu' be defined at the task level." },
        { ",\"networkMode\":\"awsvpc\",\"requiresCompatibilities\":"
          "[\"EC2\",\"FARGATE\"],\"cpu\":\"512\"", ONE,
          "Fargate requires that 'memory' be defined at the task level." },
        { ",\"networkMode\":\"awsvpc\",\"requiresCompatibilities\":"
          "[\"FARGATE\"],\"cpu\":\"256\",\"memory\":\"4 GB\"", ONE,
          "No Fargate configuration exists for given values: 256 CPU, 4096"
          " memory. See the Amazon ECS documentation for the valid"
          " values." },
        { FG ",\"pidMode\":\"host\"", ONE,
          "Tasks using the Fargate launch type do not support pidMode"
          " 'host'. The supported value for pidMode is 'task'." },
        { FG, "{" A ",\"privileged\":true}", NOFG "privileged" },
        { FG, "{" A ",\"linuxParameters\":{\"sharedMemorySize\":1}}",
          NOFG "sharedMemorySize" },
        { FG, "{" A ",\"linuxParameters\":{\"devices\":[{\"hostPath\":"
          "\"/dev/x\"}]}}", NOFG "devices" },
        { FG ",\"volumes\":[{\"name\":\"h\",\"host\":{\"sourcePath\":"
          "\"/\"}}]", ONE, NOFG "sourcePath" },
        { FG ",\"volumes\":[{\"name\":\"h\",\"dockerVolumeConfiguration\":"
          "{\"scope\":\"task\"}}]", ONE, NOFG "dockerVolumeConfiguration" },
        { FG, "{" A ",\"stopTimeout\":121}",
          "Tasks using the Fargate launch type must have a container stop"
          " timeout of less than 120 seconds." },
        { FG, "{" A ",\"logConfiguration\":{\"logDriver\":\"json-file\"}}",
          "json-file is not a valid log driver. Must be one of"
          " [awslogs,splunk,awsfirelens]" },
        { FG, "{" A ",\"logConfiguration\":{\"logDriver\":\"awslogs\","
          "\"options\":{\"awslogs-group\":\"g\",\"awslogs-region\":"
          "\"r\"}}}", "Fargate requires task definition to have execution"
          " role ARN to support log driver awslogs." },
        { FG, "{\"name\":\"a\",\"memory\":64,\"image\":"
          "\"123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1\"}",
          "Fargate requires task definition to have execution role ARN to"
          " support ECR images." }
    };

    for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        callkit_error(&k, "RegisterTaskDefinition",
                      reg_body(errors[i].more, errors[i].containers), 400,
                      "ClientException", errors[i].message);
    }
}


static void
test_other_errors(void)
{
    static char  big[70000];

    callkit_error(&k, "RegisterTaskDefinition", "{}", 400, "ClientException",
                  "Family can not be blank.");
    callkit_error(&k, "RegisterTaskDefinition",
                  "{\"family\":\"a:b\",\"containerDefinitions\":[" ONE "]}",
                  400, "ClientException",
                  "Family contains invalid characters.");

    /* sizes come before the network mode and before essential */

    callkit_error(&k, "RegisterTaskDefinition",
                  reg_body(",\"cpu\":\"bad\",\"requiresCompatibilities\":"
                           "[\"FARGATE\"]",
                           "{\"name\":\"a\",\"essential\":false}"), 400,
                  "InvalidParameterException",
                  "Invalid 'cpu' setting for task.");
    callkit_error(&k, "RegisterTaskDefinition",
                  reg_body(",\"cpu\":\"\"", ONE), 400,
                  "InvalidParameterException",
                  "Invalid 'cpu' setting for task.");
    callkit_error(&k, "RegisterTaskDefinition",
                  reg_body(",\"memory\":\"1 TB\"", ONE), 400,
                  "InvalidParameterException",
                  "Invalid 'memory' setting for task.");

    callkit_error(&k, "RegisterTaskDefinition",
                  reg_body("", "{" A ",\"logConfiguration\":{}}"), 400,
                  "InvalidParameterException",
                  "1 validation error detected: Value null at"
                  " 'containerDefinitions.1.member.logConfiguration"
                  ".logDriver' failed to satisfy constraint: Member must not"
                  " be null");

    (void) snprintf(big, sizeof(big), "{\"family\":\"big\","
                    "\"containerDefinitions\":[{" A ",\"command\":[\"%s",
                    "");
    memset(big + strlen(big), 'x', 65536);
    memcpy(big + strlen(big), "\"]}]}", 6);

    (void) callkit(&k, "RegisterTaskDefinition", big);
    tap_ok(k.status == 400
           && strstr(k.body, "Max allowed length is '65536' bytes.") != NULL,
           "a definition that is too large");
}


/* Every member of the input comes back. */

static const char  everything[] =
"{\"family\":\"every\",\"cpu\":\"1024\",\"memory\":\"2048\","
"\"enableFaultInjection\":true,\"ephemeralStorage\":{\"sizeInGiB\":30},"
"\"executionRoleArn\":\"arn:aws:iam::000000000000:role/exec\","
"\"inferenceAccelerators\":[{\"deviceName\":\"d\",\"deviceType\":\"t\"}],"
"\"ipcMode\":\"task\",\"networkMode\":\"bridge\",\"pidMode\":\"host\","
"\"placementConstraints\":[{\"type\":\"memberOf\",\"expression\":\"x\"}],"
"\"proxyConfiguration\":{\"type\":\"APPMESH\",\"containerName\":\"one\","
"\"properties\":[{\"name\":\"n\",\"value\":\"v\"}]},"
"\"requiresCompatibilities\":[\"EC2\"],"
"\"runtimePlatform\":{\"cpuArchitecture\":\"ARM64\","
"\"operatingSystemFamily\":\"LINUX\"},"
"\"tags\":[{\"key\":\"k\",\"value\":\"v\"}],\"taskRoleArn\":\"role\","
"\"trustedExecutionConfiguration\":{\"isolationMode\":\"SHARED\","
"\"attestationPolicy\":\"eA==\"},\"volumes\":["
"{\"name\":\"host\",\"host\":{\"sourcePath\":\"/srv\"}},"
"{\"name\":\"docker\",\"dockerVolumeConfiguration\":{\"scope\":\"shared\","
"\"autoprovision\":true,\"driver\":\"local\",\"driverOpts\":{\"a\":\"b\"},"
"\"labels\":{\"c\":\"d\"}}},"
"{\"name\":\"efs\",\"efsVolumeConfiguration\":{\"fileSystemId\":\"fs-1\","
"\"rootDirectory\":\"/\",\"transitEncryption\":\"ENABLED\","
"\"transitEncryptionPort\":2999,\"authorizationConfig\":"
"{\"accessPointId\":\"p\",\"iam\":\"ENABLED\"}}},"
"{\"name\":\"fsx\",\"fsxWindowsFileServerVolumeConfiguration\":"
"{\"fileSystemId\":\"fs-2\",\"rootDirectory\":\"r\","
"\"authorizationConfig\":{\"credentialsParameter\":\"c\","
"\"domain\":\"d\"}}},"
"{\"name\":\"s3\",\"s3filesVolumeConfiguration\":{\"accessPointArn\":\"a\","
"\"fileSystemArn\":\"f\",\"rootDirectory\":\"r\","
"\"transitEncryptionPort\":2998}},"
"{\"name\":\"later\",\"configuredAtLaunch\":true}],"
"\"containerDefinitions\":[{\"name\":\"one\",\"image\":\"image:1\","
"\"command\":[\"c\",\"\"],\"cpu\":10,\"credentialSpecs\":[\"s\"],"
"\"dependsOn\":[{\"containerName\":\"two\",\"condition\":\"HEALTHY\"}],"
"\"disableNetworking\":false,\"dnsSearchDomains\":[\"d\"],"
"\"dnsServers\":[\"10.0.0.1\"],\"dockerLabels\":{\"l\":\"\"},"
"\"dockerSecurityOptions\":[\"no-new-privileges\"],\"entryPoint\":[],"
"\"environment\":[{\"name\":\"E\",\"value\":\"\\u00e9\\n\\\"\"}],"
"\"environmentFiles\":[{\"type\":\"s3\",\"value\":\"arn\"}],"
"\"essential\":true,\"extraHosts\":[{\"hostname\":\"h\","
"\"ipAddress\":\"10.0.0.2\"}],\"hostname\":\"host\",\"interactive\":true,"
"\"links\":[\"two:alias\"],\"linuxParameters\":{\"capabilities\":"
"{\"add\":[\"SYS_PTRACE\"],\"drop\":[\"ALL\"]},\"devices\":["
"{\"hostPath\":\"/dev/x\",\"containerPath\":\"/dev/y\","
"\"permissions\":[\"read\"]}],\"initProcessEnabled\":true,"
"\"maxSwap\":100,\"sharedMemorySize\":64,\"swappiness\":50,"
"\"tmpfs\":[{\"containerPath\":\"/t\",\"size\":1,"
"\"mountOptions\":[\"ro\"]}]},\"logConfiguration\":{\"logDriver\":"
"\"awsfirelens\",\"options\":{\"Name\":\"x\"},\"secretOptions\":["
"{\"name\":\"s\",\"valueFrom\":\"v\"}]},\"memory\":128,"
"\"memoryReservation\":64,\"mountPoints\":[{\"sourceVolume\":\"host\","
"\"containerPath\":\"/h\",\"readOnly\":true}],\"portMappings\":["
"{\"containerPort\":80,\"hostPort\":8080,\"protocol\":\"tcp\","
"\"name\":\"web\",\"appProtocol\":\"http2\"},"
"{\"containerPortRange\":\"100-200\",\"protocol\":\"udp\"}],"
"\"privileged\":true,\"pseudoTerminal\":true,"
"\"readonlyRootFilesystem\":true,\"repositoryCredentials\":"
"{\"credentialsParameter\":\"p\"},\"resourceRequirements\":["
"{\"type\":\"GPU\",\"value\":\"1\"},{\"type\":\"GPU\","
"\"sharingStrategy\":{\"nvidiaMps\":{\"memory\":1024,"
"\"maxComputePercent\":50}}}],\"restartPolicy\":{\"enabled\":true,"
"\"ignoredExitCodes\":[0],\"restartAttemptPeriod\":60},"
"\"secrets\":[{\"name\":\"S\",\"valueFrom\":\"arn\"}],"
"\"startTimeout\":30,\"stopTimeout\":121,\"systemControls\":["
"{\"namespace\":\"net.core.somaxconn\",\"value\":\"1\"}],"
"\"ulimits\":[{\"name\":\"nofile\",\"softLimit\":1,\"hardLimit\":-1}],"
"\"user\":\"1000\",\"versionConsistency\":\"disabled\","
"\"volumesFrom\":[{\"sourceContainer\":\"two\",\"readOnly\":true}],"
"\"workingDirectory\":\"/w\"},"
"{\"name\":\"two\",\"image\":\"i\",\"essential\":false,"
"\"healthCheck\":{\"command\":[\"CMD-SHELL\",\"true\"],\"interval\":10,"
"\"retries\":2,\"startPeriod\":1,\"timeout\":3},"
"\"firelensConfiguration\":{\"type\":\"fluentbit\","
"\"options\":{\"a\":\"b\"}}}]}";


/* Whether `out` says all that `in` says. */

static bool
contains(const kecs_json_t *in, const kecs_json_t *out)
{
    char                name[128];
    const kecs_json_t  *v, *w;

    if (out == NULL || in->type != out->type) {
        return false;
    }

    switch (in->type) {

    case KECS_JSON_OBJECT:
        for (v = in->first; v != NULL; v = v->next) {
            (void) snprintf(name, sizeof(name), "%.*s", kecs_fmt(v->name));

            if (!contains(v, kecs_json_get(out, name))) {
                printf("# %s\n", name);
                return false;
            }
        }

        return true;

    case KECS_JSON_ARRAY:
        for (v = in->first, w = out->first; v != NULL && w != NULL;
             v = v->next, w = w->next)
        {
            if (!contains(v, w)) {
                return false;
            }
        }

        return v == NULL && w == NULL;

    case KECS_JSON_BOOL:
        return in->boolean == out->boolean;

    default:
        return kecs_str_eq(in->str, out->str);
    }
}


/* Members that are set somewhere in a value, and the structures met. */

typedef struct {
    const kecs_member_t  *member[1024];
    const kecs_shape_t   *shape[256];
    size_t                members;
    size_t                shapes;
} seen_t;


static void
walk(seen_t *seen, const kecs_shape_t *shape, const void *value)
{
    unsigned      i;
    size_t        n;
    const void   *v;
    kecs_list_t   list;

    if (shape->type == KECS_T_LIST) {
        memcpy(&list, value, sizeof(list));

        for (n = 0; n < list.n; n++) {
            walk(seen, shape->of,
                 (const char *) list.items + n * shape->of->size);
        }

        return;
    }

    if (shape->type != KECS_T_STRUCTURE) {
        return;
    }

    seen->shape[seen->shapes++ % 256] = shape;

    for (i = 0; i < shape->n; i++) {
        v = kecs_member_value(&shape->members[i], value);

        if (v != NULL) {
            seen->member[seen->members++ % 1024] = &shape->members[i];
            walk(seen, shape->members[i].shape, v);
        }
    }
}


static unsigned
never_set(const seen_t *seen)
{
    size_t    i, j, n;
    unsigned  left;

    for (i = 0, left = 0; i < seen->shapes; i++) {
        for (j = 0; j < seen->shape[i]->n; j++) {
            for (n = 0; n < seen->members; n++) {
                if (seen->member[n] == &seen->shape[i]->members[j]) {
                    break;
                }
            }

            if (n == seen->members) {
                printf("# %s.%s is not used\n", seen->shape[i]->name,
                       seen->shape[i]->members[j].name);
                left++;
            }
        }
    }

    return left;
}


static void
test_everything(void)
{
    void                *value;
    kecs_json_t         *in;
    kecs_arena_t        *a;
    static seen_t        seen;
    kecs_shape_error_t   err;
    const kecs_shape_t  *shape;

    a = kecs_arena_create(0);
    shape = &kecs_ecs_register_task_definition_request_shape;
    in = NULL;

    tap_ok(a != NULL
           && kecs_json_parse(a, kecs_str_of(everything), &in) == KECS_OK
           && kecs_shape_decode(a, shape, in, true, &value, &err) == KECS_OK,
           "the definition that uses everything");
    walk(&seen, shape, value);
    tap_is_int(never_set(&seen), 0, "it uses every member of the model");

    (void) callkit(&k, "RegisterTaskDefinition", everything);
    callkit_ok(&k, "tags.0.key", "k", "registered");

    (void) callkit(&k, "DescribeTaskDefinition",
                   "{\"taskDefinition\":\"every\"}");
    callkit_ok(&k, "tags", "[0]", "described");

    in->first = in->first->next;        /* the family, checked by ARN */
    callkit_ok(&k, "taskDefinition.taskDefinitionArn", ARN "every:1",
               "described");

    {
        kecs_json_t  *v;

        for (v = in->first; v->next != NULL; v = v->next) {
            if (kecs_str_is(v->next->name, "tags")) {
                v->next = v->next->next;
            }
        }
    }

    tap_ok(contains(in, callkit_at(&k, "taskDefinition")),
           "all of it comes back");
    kecs_arena_destroy(a);
}


/* Describing. */

static void
test_describe(void)
{
    (void) callkit(&k, "DescribeTaskDefinition",
                   "{\"taskDefinition\":\"main\"}");
    callkit_ok(&k, "taskDefinition.revision", "2", "the latest of a family");
    callkit_ok(&k, "tags", "[0]", "without include");

    (void) callkit(&k, "DescribeTaskDefinition",
                   "{\"taskDefinition\":\"main:1\",\"include\":[\"TAGS\"]}");
    callkit_ok(&k, "tags.0.value", "one", "with TAGS");
    callkit_ok(&k, "taskDefinition.previousStatus", NULL, "described");

    (void) callkit(&k, "DescribeTaskDefinition",
                   "{\"taskDefinition\":\"" ARN "main:1\"}");
    callkit_ok(&k, "taskDefinition.revision", "1", "by ARN");
    (void) callkit(&k, "DescribeTaskDefinition",
                   "{\"taskDefinition\":\"" ARN "main\"}");
    callkit_ok(&k, "taskDefinition.revision", "2", "by ARN of a family");

    callkit_error(&k, "DescribeTaskDefinition",
                  "{\"taskDefinition\":\"missing\"}", 400, "ClientException",
                  "Unable to describe task definition.");
    callkit_error(&k, "DescribeTaskDefinition",
                  "{\"taskDefinition\":\"main:999\"}", 400,
                  "ClientException", "Unable to describe task definition.");
    callkit_error(&k, "DescribeTaskDefinition",
                  "{\"taskDefinition\":\"main:bad\"}", 400,
                  "InvalidParameterException",
                  "Invalid task definition: Invalid revision number.");
    callkit_error(&k, "DescribeTaskDefinition",
                  "{\"taskDefinition\":\"main:0\"}", 400,
                  "InvalidParameterException",
                  "Invalid task definition: Invalid revision number.");
    callkit_error(&k, "DescribeTaskDefinition",
                  "{\"taskDefinition\":\"missing\",\"include\":"
                  "[\"BOGUS\"]}", 400, "ClientException",
                  "BOGUS is not a valid value for include. The value must be"
                  " one of [[TAGS]]");
    callkit_error(&k, "DescribeTaskDefinition",
                  "{\"taskDefinition\":\"arn:aws:ecs:us-east-1:1:x\"}", 400,
                  "ClientException", "Invalid arn syntax.");
    callkit_error(&k, "DescribeTaskDefinition",
                  "{\"taskDefinition\":\"arn:aws:ecs:us-east-1:"
                  "111111111111:task-definition/main:1\"}", 400,
                  "ClientException", "Unable to describe task definition.");
    callkit_error(&k, "DescribeTaskDefinition", "{}", 400, "ClientException",
                  "TaskDefinition cannot be empty.");
}


/* Deregistering: main has 1 and 2. */

static void
test_deregister(void)
{
    callkit_error(&k, "DeregisterTaskDefinition",
                  "{\"taskDefinition\":\"main\"}", 400,
                  "InvalidParameterException", "Revision is missing");
    callkit_error(&k, "DeregisterTaskDefinition",
                  "{\"taskDefinition\":\"main:7\"}", 400, "ClientException",
                  "The specified task definition does not exist.");

    k.now += 1000;
    (void) callkit(&k, "DeregisterTaskDefinition",
                   "{\"taskDefinition\":\"main:2\"}");
    callkit_ok(&k, "taskDefinition.status", "INACTIVE", "deregistered");
    callkit_ok(&k, "taskDefinition.previousStatus", "ACTIVE",
               "deregistered");
    callkit_ok(&k, "taskDefinition.deregisteredAt", NULL, "not told at once");

    (void) callkit(&k, "DeregisterTaskDefinition",
                   "{\"taskDefinition\":\"main:2\"}");
    callkit_ok(&k, "taskDefinition.deregisteredAt", "1789551557.693",
               "told when repeated");
    callkit_ok(&k, "taskDefinition.previousStatus", "INACTIVE", "repeated");

    (void) callkit(&k, "DescribeTaskDefinition",
                   "{\"taskDefinition\":\"main\"}");
    callkit_ok(&k, "taskDefinition.revision", "1",
               "the latest that is ACTIVE");
    (void) callkit(&k, "DescribeTaskDefinition",
                   "{\"taskDefinition\":\"main:2\"}");
    callkit_ok(&k, "taskDefinition.status", "INACTIVE", "still described");

    (void) callkit(&k, "ListTaskDefinitions",
                   "{\"familyPrefix\":\"main\",\"status\":\"INACTIVE\"}");
    is_body("{\"taskDefinitionArns\":[\"" ARN "main:2\"]}", "listed");

    (void) callkit(&k, "DeregisterTaskDefinition",
                   "{\"taskDefinition\":\"" ARN "main:1\"}");
    callkit_ok(&k, "taskDefinition.status", "INACTIVE", "all deregistered");
    callkit_error(&k, "DescribeTaskDefinition",
                  "{\"taskDefinition\":\"main\"}", 400, "ClientException",
                  "Unable to describe task definition.");

    (void) callkit(&k, "ListTaskDefinitionFamilies",
                   "{\"familyPrefix\":\"ma\",\"status\":\"INACTIVE\"}");
    is_body("{\"families\":[\"main\"]}", "an inactive family");
    (void) callkit(&k, "ListTaskDefinitionFamilies",
                   "{\"familyPrefix\":\"ma\",\"status\":\"ACTIVE\"}");
    is_body("{\"families\":[]}", "not an active one");

    (void) reg("main", "", ONE);
    callkit_ok(&k, "taskDefinition.revision", "3", "numbers never repeat");
}


/* Lists. */

static void
test_lists(void)
{
    char      body[512], token[256];
    unsigned  i;

    for (i = 0; i < 12; i++) {
        (void) reg("list", "", ONE);
    }

    (void) reg("list-b", "", ONE);
    (void) reg("lis", "", ONE);

    (void) callkit(&k, "ListTaskDefinitions",
                   "{\"familyPrefix\":\"list\",\"maxResults\":11}");
    callkit_ok(&k, "taskDefinitionArns.8", ARN "list:9", "by number");
    callkit_ok(&k, "taskDefinitionArns.9", ARN "list:10", "by number");
    (void) snprintf(token, sizeof(token), "%s",
                    callkit_text(&k, "nextToken"));

    (void) snprintf(body, sizeof(body), "{\"familyPrefix\":\"list\","
                    "\"nextToken\":\"%s\"}", token);
    (void) callkit(&k, "ListTaskDefinitions", body);
    is_body("{\"taskDefinitionArns\":[\"" ARN "list:12\"]}",
            "the rest, and no other family");

    (void) callkit(&k, "ListTaskDefinitions",
                   "{\"familyPrefix\":\"list\",\"sort\":\"DESC\","
                   "\"maxResults\":2}");
    callkit_ok(&k, "taskDefinitionArns.0", ARN "list:12", "backwards");
    (void) snprintf(body, sizeof(body), "{\"familyPrefix\":\"list\","
                    "\"sort\":\"DESC\",\"maxResults\":2,"
                    "\"nextToken\":\"%s\"}", callkit_text(&k, "nextToken"));
    (void) callkit(&k, "ListTaskDefinitions", body);
    callkit_ok(&k, "taskDefinitionArns.0", ARN "list:10",
               "backwards, second page");

    (void) snprintf(body, sizeof(body), "{\"familyPrefix\":\"lis\","
                    "\"nextToken\":\"%s\"}", token);
    callkit_error(&k, "ListTaskDefinitions", body, 400,
                  "InvalidParameterException", "Invalid token: the nextToken"
                  " is not valid for this request.");
    callkit_error(&k, "ListTaskDefinitions", "{\"status\":\"x\"}", 400,
                  "InvalidParameterException", "status should be one of"
                  " [ACTIVE,INACTIVE,DELETE_IN_PROGRESS]");
    callkit_error(&k, "ListTaskDefinitions", "{\"sort\":\"x\"}", 400,
                  "InvalidParameterException",
                  "sort should be one of [ASC,DESC]");

    (void) callkit(&k, "ListTaskDefinitionFamilies",
                   "{\"familyPrefix\":\"lis\",\"maxResults\":2}");
    callkit_ok(&k, "families.0", "lis", "a true prefix");
    callkit_ok(&k, "families.1", "list", "a true prefix");
    (void) snprintf(body, sizeof(body), "{\"familyPrefix\":\"lis\","
                    "\"nextToken\":\"%s\"}", callkit_text(&k, "nextToken"));
    (void) callkit(&k, "ListTaskDefinitionFamilies", body);
    is_body("{\"families\":[\"list-b\"]}", "second page");

    k.region = kecs_str("ap-south-1");
    (void) callkit(&k, "ListTaskDefinitionFamilies", "{}");
    is_body("{\"families\":[]}", "another region");
    (void) callkit(&k, "ListTaskDefinitions", "{}");
    is_body("{\"taskDefinitionArns\":[]}", "another region");
    k.region = kecs_str("us-east-1");
}


static void
test_memory(void)
{
    callkit_sweep(&k, "RegisterTaskDefinition", everything);
    callkit_sweep(&k, "RegisterTaskDefinition",
                  "{\"family\":\"x\",\"networkMode\":\"awsvpc\","
                  "\"cpu\":\"256\",\"memory\":\"512\","
                  "\"containerDefinitions\":[{\"name\":\"a\","
                  "\"image\":\"i\",\"privileged\":true}]}");
    callkit_sweep(&k, "DescribeTaskDefinition",
                  "{\"taskDefinition\":\"every\",\"include\":[\"TAGS\"]}");
    callkit_sweep(&k, "ListTaskDefinitions", "{\"maxResults\":3}");
    callkit_sweep(&k, "ListTaskDefinitionFamilies", "{\"maxResults\":1}");
    callkit_sweep(&k, "DeregisterTaskDefinition",
                  "{\"taskDefinition\":\"list:12\"}");
}


static void
test_delete(void)
{
    unsigned  i;

    for (i = 0; i < 2; i++) {
        (void) callkit(&k, "RegisterTaskDefinition",
                       "{\"family\":\"gone\",\"containerDefinitions\":[{"
                       "\"name\":\"c\",\"image\":\"i\",\"memory\":64}]}");
    }

    (void) callkit(&k, "DeregisterTaskDefinition",
                   "{\"taskDefinition\":\"gone:1\"}");
    callkit_sweep(&k, "DeleteTaskDefinitions",
                  "{\"taskDefinitions\":[\"gone:1\",\"gone:2\"]}");
    (void) callkit(&k, "DeleteTaskDefinitions",
                   "{\"taskDefinitions\":[\"gone:1\",\"gone:2\","
                   "\"gone:9\",\"gone\",\"gone:x\",\"a b:1\","
                   "\"gone:1\"]}");
    callkit_ok(&k, "taskDefinitions", "[2]", "the INACTIVE one, twice");
    callkit_ok(&k, "taskDefinitions.0.status", "DELETE_IN_PROGRESS",
               "its status");
    callkit_ok(&k, "taskDefinitions.0.deleteRequestedAt", "1789551557.693",
               "its time");
    callkit_ok(&k, "failures", "[5]", "failures");
    callkit_ok(&k, "failures.0.arn", "gone:2", "as it was sent");
    callkit_ok(&k, "failures.0.reason", "The specified task definition is"
               " still in ACTIVE status. Please deregister the target and try"
               " again.", "ACTIVE");
    callkit_ok(&k, "failures.1.reason", "The specified task definition does"
               " not exist. Specify a valid account, family, revision and try"
               " again.", "missing");
    callkit_ok(&k, "failures.2.reason", "The specified task definition"
               " identifier is invalid. Specify a valid name or ARN and try"
               " again.", "no revision");
    callkit_ok(&k, "failures.3.reason", "The specified task definition"
               " identifier is invalid. Specify a valid name or ARN and try"
               " again.", "no number");
    tap_ok(k.error == KECS_E_NONE, "none of them is the call's error");

    callkit_error(&k, "DeregisterTaskDefinition",
                  "{\"taskDefinition\":\"gone:1\"}", 400, "ClientException",
                  "The task definition could not be deregistered because it"
                  " is in the process of being deleted.");
    (void) callkit(&k, "ListTaskDefinitions",
                   "{\"status\":\"DELETE_IN_PROGRESS\"}");
    callkit_ok(&k, "taskDefinitionArns", "[1]", "listed by its status");
    (void) callkit(&k, "DescribeTaskDefinition",
                   "{\"taskDefinition\":\"gone:1\"}");
    callkit_ok(&k, "taskDefinition.status", "DELETE_IN_PROGRESS",
               "and described");
    callkit_error(&k, "RunTask", "{\"taskDefinition\":\"gone:1\"}", 400,
                  "ClusterNotFoundException", "Cluster not found.");

    callkit_error(&k, "DeleteTaskDefinitions", "{}", 400,
                  "InvalidParameterException",
                  "size of TaskDefinition references list must be greater"
                  " than 0");
    callkit_error(&k, "DeleteTaskDefinitions",
                  "{\"taskDefinitions\":[\"a:1\",\"a:1\",\"a:1\",\"a:1\","
                  "\"a:1\",\"a:1\",\"a:1\",\"a:1\",\"a:1\",\"a:1\","
                  "\"a:1\"]}", 400, "InvalidParameterException",
                  "Size of TaskDefinition references list cannot exceed 10");
}


int
main(void)
{
    callkit_open(&k);

    test_register();
    test_fargate();
    test_compatibilities();
    test_attributes();
    test_client_errors();
    test_other_errors();
    test_everything();
    test_describe();
    test_deregister();
    test_lists();
    test_memory();

    test_delete();

    callkit_close(&k);

    return tap_done();
}
