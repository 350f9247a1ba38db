"""What a nested member needs around it, so that its own check is reached.

A row: operations, the member under which the case lies (as messages name
it), and what is laid over the good request: a function of a world.  The
longest name that fits counts.  A list's one element stands for its first.
"""

import re

from world import GROUP, MANAGED, SUBNETS, World

EXECUTION = {"executionRoleArn": "arn:aws:iam::000000000000:role/e"}


def container(**more):
    made = {"name": "app", "image": "busybox", "memory": 32}
    made.update(more)

    return {"containerDefinitions": [made]}


def volume(**more):
    return {"volumes": [dict({"name": "data"}, **more)]}


def vpc(world):
    return {"taskDefinition": world.fargate(), "launchType": "FARGATE",
            "networkConfiguration": SUBNETS}


def eni(world):
    return {"taskDefinition": world.family("eni", networkMode="awsvpc"),
            "networkConfiguration": SUBNETS}


def behind_gateway(world):
    world.associated()

    return dict(vpc(world), gatewayConnectors=[{"portName": "http"}])


def on_gateway(world):
    world.associated()

    return {"service": world.service(**vpc(world)),
            "gatewayConnectors": [{"portName": "http"}]}


def in_vpc(world):
    return {"service": world.service(**vpc(world)),
            "networkConfiguration": SUBNETS}


ROWS = (
    ("CreateCapacityProvider", "managedInstancesProvider",
     lambda w: {"cluster": w.default_cluster(),
                "managedInstancesProvider": MANAGED,
                "autoScalingGroupProvider": None}),
    ("UpdateCapacityProvider", "managedInstancesProvider",
     lambda w: {"cluster": w.default_cluster(), "name": (
         w.managed(), "managed")[1], "autoScalingGroupProvider": None,
         "managedInstancesProvider": MANAGED}),
    ("CreateCapacityProvider", "autoScalingGroupProvider",
     lambda w: {"autoScalingGroupProvider": {
         "autoScalingGroupArn": GROUP + w.name("group"),
         "managedScaling": {"status": "ENABLED"}}}),
    ("CreateService|RunTask|CreateTaskSet", "networkConfiguration", vpc),
    ("StartTask", "networkConfiguration", eni),
    ("UpdateService", "networkConfiguration", in_vpc),
    ("CreateService", "gatewayConnectors", behind_gateway),
    ("UpdateService", "gatewayConnectors", on_gateway),
    (".*Service", "serviceConnectConfiguration",
     lambda w: {"serviceConnectConfiguration": {
         "enabled": True, "namespace": "local"}}),
    (".*Service|(Run|Start)Task", "volumeConfigurations",
     lambda w: {"volumeConfigurations": [{
         "name": "ebs", "managedEBSVolume": {
             "roleArn": "arn:aws:iam::000000000000:role/ebs",
             "sizeInGiB": 10}}]}),
    (".*Service", "deploymentConfiguration.lifecycleHooks",
     lambda w: {"deploymentConfiguration": {
         "strategy": "BLUE_GREEN", "lifecycleHooks": [{
             "hookTargetArn": "arn:aws:lambda:us-east-1:000000000000:"
                              "function:f",
             "roleArn": "arn:aws:iam::000000000000:role/hook",
             "lifecycleStages": ["PRE_SCALE_UP"]}]}}),
    ("Register.*", "containerDefinitions.1.member.secrets",
     lambda w: dict(container(), **EXECUTION)),
    ("Register.*", "containerDefinitions.1.member.portMappings",
     lambda w: container(portMappings=[{"containerPort": 80}])),
    ("Register.*", "containerDefinitions.1.member.dependsOn",
     lambda w: {"containerDefinitions": [
         {"name": "app", "image": "busybox", "memory": 32,
          "dependsOn": [{"containerName": "side", "condition": "START"}]},
         {"name": "side", "image": "busybox", "memory": 32}]}),
    ("Register.*", "containerDefinitions.1.member.ulimits",
     lambda w: container(ulimits=[{"name": "nofile", "softLimit": 0,
                                   "hardLimit": 0}])),
    ("Register.*", "containerDefinitions.1.member.firelensConfiguration",
     lambda w: {"containerDefinitions": [
         {"name": "app", "image": "busybox", "memory": 32,
          "firelensConfiguration": {"type": "fluentbit"}},
         {"name": "side", "image": "busybox", "memory": 32,
          "logConfiguration": {"logDriver": "awsfirelens"}}]}),
    ("Register.*", "volumes", lambda w: volume()),
    ("RegisterTaskDefinition", "volumes.1.member.fsxWindowsFileServer"
     "VolumeConfiguration", lambda w: volume(
         fsxWindowsFileServerVolumeConfiguration={
             "fileSystemId": "fs-1", "rootDirectory": "share",
             "authorizationConfig": {"credentialsParameter": "arn:p",
                                     "domain": "d"}})),
    ("RegisterTaskDefinition", "proxyConfiguration",
     lambda w: {"proxyConfiguration": {"type": "APPMESH",
                                       "containerName": "app"},
                "networkMode": "awsvpc"}),
    (".*", "tags", lambda w: {"tags": [{"key": "k", "value": "v"}]}),
    ("SubmitTaskStateChange", "containers",
     lambda w: {"containers": [{"containerName": "app"}]}),
    ("SubmitTaskStateChange", "managedAgents",
     lambda w: {"managedAgents": [{
         "containerName": "app", "managedAgentName": "ExecuteCommandAgent",
         "status": "RUNNING"}]}),
)


def around(operation, where):
    """The row for a place, or None."""

    best = None

    for row in ROWS:
        name = row[1]

        if re.fullmatch(row[0], operation) and (
                where == name or where.startswith((name + ".", name + ":"))) \
                and (best is None or len(best[1]) < len(name)):
            best = row

    return best
