"""Where ECS says it in its own words: the error instead of the generic one.

A row: operations, kinds, places (regular expressions of the whole), error
class and text.  The first row that fits counts.  In a text, %(values)s is
the member's enumeration.  None for the class: the value is let pass; None
for the text alone: the generic error, whatever WORDS says.
"""

import re

from generate import CLIENT, INVALID

NAMES_SETTING = "bogus should be one of [%(values)s]"

ROWS = (
    # What DescribeX does not know in `include` it leaves out, save that of
    # task definitions.
    ("DescribeTaskDefinition", "enum", r"include\.1\.member", CLIENT,
     "bogus is not a valid value for include. The value must be one of"
     " [[TAGS]]"),
    ("DescribeTaskSets", "enum", r"include\.1\.member", INVALID,
     "include should be one of [TAGS]"),
    ("Describe.*", "enum", r"include\.1\.member", None, None),

    # Blank names, empty lists.
    ("DeleteCluster", "required", "cluster", CLIENT,
     "Cluster can not be blank."),
    ("(Deregister|Describe)TaskDefinition", "required", "taskDefinition",
     CLIENT, "TaskDefinition cannot be empty."),
    (".*DaemonTaskDefinition", "required", "daemonTaskDefinition", CLIENT,
     "DaemonTaskDefinition cannot be empty."),
    ("DeleteTaskDefinitions", "required", "taskDefinitions", INVALID,
     "size of TaskDefinition references list must be greater than 0"),
    ("DescribeTasks", "required", "tasks", INVALID,
     "Tasks cannot be empty."),
    ("DescribeServices", "required", "services", INVALID,
     "Services cannot be empty."),
    ("(Describe|Update)ContainerInstances(State)?", "required",
     "containerInstances", CLIENT, "Container Instances cannot be empty."),
    ("DescribeDaemonDeployments", "required", "daemonDeploymentArns",
     INVALID, "Daemon Deployment ARNs cannot be empty."),
    ("DescribeDaemonRevisions", "required", "daemonRevisionArns", INVALID,
     "Daemon Revision ARNs cannot be empty."),
    ("(Put|Delete)Attributes", "required", "attributes", INVALID,
     "Attributes cannot be empty."),
    ("(PutAttributes|DeleteAttributes|RegisterContainerInstance)",
     "required", r"attributes\.1\.member\.name", INVALID,
     "Attribute name must be between 1 and 128 characters."),
    ("UpdateContainerInstancesState", "required|enum", "status", INVALID,
     "Container instance status should be one of [ACTIVE, DRAINING]"),
    ("Register.*TaskDefinition", "required", "family", CLIENT,
     "Family can not be blank."),
    ("Register.*TaskDefinition", "required", "containerDefinitions", CLIENT,
     "Container list cannot be empty."),
    ("RegisterDaemonTaskDefinition", "required",
     r"containerDefinitions\.1\.member\.image", CLIENT,
     "Container.image should not be null or empty."),
    ("Register.*TaskDefinition", "required",
     r".*\.dependsOn\.1\.member\.containerName", CLIENT,
     "Cannot depend on container + '' because it does not exist"),

    # Enumerations: "X should be one of [...]", X being ECS's word for it.
    (".*AccountSettings?(Default)?", "enum", "name", INVALID, NAMES_SETTING),
    (".*", "enum", r"settings\.1\.member\.name", INVALID,
     "Invalid setting 'name'"),
    (".*", "enum", "propagateTags", INVALID,
     "Invalid value for propagateTags"),
    ("(Put|Delete|List)Attributes", "enum", ".*targetType", INVALID,
     "targetType must be container-instance"),
    ("StopServiceDeployment", "enum", "stopType", INVALID,
     "stop type should be one of [ROLLBACK]"),
    ("(Create|List|Run|Start).*", "enum", "launchType", INVALID,
     "launch type should be one of [EC2,FARGATE,EXTERNAL,FMI,"
     "MANAGED_INSTANCES]"),
    ("(Create|Update)CapacityProvider", "enum", ".*propagateTags", INVALID,
     "propagateTags should be one of [%(values)s]"),
    ("(Create|Update)Service", "enum", r".*accessTypes\.1\.member", INVALID,
     "gatewayConnectors were specified but none of the gateways associated"
     " with cluster match the accessTypes filter"),
    ("RegisterDaemonTaskDefinition", "required",
     r".*logDriverVolumeConfiguration\.driver", CLIENT,
     " is not a valid log driver. Must be one of [json-file]"),
    ("RegisterDaemonTaskDefinition", "enum",
     r".*logDriverVolumeConfiguration\.driver", CLIENT,
     "bogus is not a valid log driver. Must be one of [json-file]"),
    ("(Run|Start)Task", "enum", r"overrides\..*", INVALID, None),
    ("Register.*TaskDefinition", "enum", r".*\.logDriver", CLIENT,
     "bogus is not a valid log driver. Must be one of [json-file,syslog,"
     "journald,gelf,fluentd,awslogs,splunk,awsfirelens]"),
    ("RegisterTaskDefinition", "enum", r".*portMappings.*\.protocol", None,
     None),
)

# The word in "WORD should be one of [...]", by the end of the member's name.
# What has none here gets the generic text.
WORDS = {
    "schedulingStrategy": "Scheduling strategy",
    "resourceManagementType": "resource management type",
    "desiredStatus": "desired status",
    "availabilityZoneRebalancing": "availability zone rebalancing",
    "thresholdConfiguration.type": "threshold type",
    "deploymentConfiguration.strategy": "deployment strategy",
    "lifecycleHooks.targetType": "lifecycle hook target type",
    "lifecycleHooks.lifecycleStages": "lifecycle stage",
    "timeoutConfiguration.action": "timeout action",
    "sourceServiceRevisionCleanup": "sourceServiceRevisionCleanup",
    "deploymentController.type": "deployment controller",
    "placementStrategy.type": "placement strategy type",
    "placementConstraints.type": "placement constraint type",
    "assignPublicIp": "assignPublicIp",
    "scale.unit": "scale unit",
    "ListContainerInstances.status": "container instance status",
    "ListServiceDeployments.status": "service deployment status",
    "ContinueServiceDeployment.action": "action",
    "managedScaling.status": "status",
    "managedTerminationProtection": "managedTerminationProtection",
    "managedDraining": "managedDraining",
    "instanceLaunchTemplate.monitoring": "monitoring",
    "capacityOptionType": "capacityOptionType",
    "executeCommandConfiguration.logging": "logging",
    "cpuArchitecture": "cpuArchitecture",
    "autoScalingMetric": "autoScalingMetric",
    "ipAddressType": "ipAddressType",
    "scheme": "scheme",
    "hostSharedAlb.protocol": "protocol",
    "httpDesync": "httpDesync",
    "ListDaemonDeployments.status": "status",
    "ListDaemonTaskDefinitions.status": "status",
    "ListDaemonTaskDefinitions.revision": "revision",
    "ListGatewayClusterAssociations.status": "status",
    "ListGatewayRoutes.status": "status",
    "ListGateways.status": "status",
    "ListTaskDefinitions.status": "status",
    "ListTaskDefinitionFamilies.status": "status",
    "sort": "sort",

    # Task definitions.
    "environmentFiles.type": "Environment file type",
    "firelensConfiguration.type": "FireLens type",
    "ulimits.name": "Ulimit name",
    "dependsOn.condition": "Dependency condition",
    "portMappings.appProtocol": "Application protocol",
    "versionConsistency": "Version consistency",
    "resourceRequirements.type": "Resource type",
    "networkMode": "Network mode",
    "dockerVolumeConfiguration.scope": "Volume scope",
    "authorizationConfig.iam": "EFS IAM authorization",
    "RegisterTaskDefinition.placementConstraints.type":
        "Placement constraint type",
    "requiresCompatibilities": "Compatibilities",
    "RegisterTaskDefinition.pidMode": "PID mode",
    "RegisterTaskDefinition.ipcMode": "IPC mode",
    "RegisterDaemonTaskDefinition.pidMode": "pidMode",
    "RegisterDaemonTaskDefinition.ipcMode": "ipcMode",
    "runtimePlatform.cpuArchitecture": "CPU architecture",
    "runtimePlatform.operatingSystemFamily": "Operating system family",
}


def own(case):
    """The case, with ECS's own words for what is expected."""

    place = case.place
    where = case.where.split(":")[0]

    for operations, kinds, places, error, text in ROWS:
        if re.fullmatch(operations, case.operation) \
                and re.fullmatch(kinds, case.kind) \
                and re.fullmatch(places, where):
            if error is not None and text is None:
                return case

            values = ",".join(getattr(place.shape, "enum", None) or ())

            return case._replace(want=error and (
                error, text % {"values": values}))

    word = word_for(case) if case.kind == "enum" else None

    return case._replace(want=(
        CLIENT if re.fullmatch("Register.*TaskDefinition", case.operation)
        else INVALID, "%s should be one of [%s]" % (
            word, ",".join(place.shape.enum)))) if word else case


def word_for(case):
    names = [case.operation] + [p.step for p in case.place.path() if p.step]

    for n in range(len(names)):
        if ".".join(names[n:]) in WORDS:
            return WORDS[".".join(names[n:])]

    return None
