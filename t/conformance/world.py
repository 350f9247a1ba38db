"""An account with what a request needs to find, made when it is asked for.

A world is one AWS account.  Everything in it is made through the API; what
cannot be made raises.  `requests` has, for each operation, a request that
is answered with 200, as a function of a world: the cases that are generated
from the service model change it in one place.
"""

import itertools

SUBNETS = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
ROLE = "arn:aws:iam::000000000000:role/infra"
MANAGED = {"infrastructureRoleArn": ROLE, "instanceLaunchTemplate": {
    "ec2InstanceProfileArn": "arn:aws:iam::000000000000:instance-profile/p",
    "networkConfiguration": {"subnets": ["subnet-1"]}}}
GROUP = ("arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:1:"
         "autoScalingGroupName/")


ABILITIES = ["com.amazonaws.ecs.capability.docker-remote-api.1.18",
             "ecs.capability.task-eni"]


class Refused(Exception):
    pass


class World:
    accounts = itertools.count(500000000001)
    serial = itertools.count(1)

    def __init__(self, wire, region="us-east-1"):
        self.wire = wire
        self.account = str(next(World.accounts))
        self.region = region
        self.made = {}

    def call(self, operation, given):
        return self.wire.call(operation, given, self.account, self.region)

    def do(self, operation, **given):
        """The answer of a call that is to succeed."""

        answer = self.call(operation, given)

        if answer.status != 200:
            raise Refused("%s %r: %r" % (operation, given, answer))

        return answer.json

    def name(self, what):
        return "%s-%d" % (what, next(World.serial))

    def arn(self, resource):
        return "arn:aws:ecs:%s:%s:%s" % (self.region, self.account, resource)

    def once(self, key, make):
        if key not in self.made:
            self.made[key] = make()

        return self.made[key]

    # What others need.  Each returns what names it in a request.

    def default_cluster(self):
        return self.once("default", lambda: self.do("CreateCluster")
                         ["cluster"]["clusterName"])

    def cluster(self):
        """A new one, empty."""

        return self.do("CreateCluster", clusterName=self.name("cluster")
                       )["cluster"]["clusterName"]

    def family(self, name="web", **more):
        """An ACTIVE family for EC2."""

        def make():
            given = dict(family=name, containerDefinitions=[{
                "name": "app", "image": "busybox", "memory": 32,
                "portMappings": [{"containerPort": 80}]}], volumes=[
                {"name": "ebs", "configuredAtLaunch": True}])
            given.update(more)
            self.do("RegisterTaskDefinition", **given)

            return name

        return self.once("family " + name, make)

    def fargate(self):
        """An ACTIVE family of awsvpc."""

        return self.family(
            "vpc", networkMode="awsvpc", cpu="256", memory="512",
            requiresCompatibilities=["FARGATE"], volumes=[],
            containerDefinitions=[{
                "name": "app", "image": "busybox", "portMappings": [
                    {"containerPort": 80, "name": "http"}]}])

    def old_family(self):
        """FAMILY:1 of a new one, INACTIVE."""

        name = self.name("old")
        self.family(name)
        self.do("DeregisterTaskDefinition", taskDefinition=name + ":1")

        return name + ":1"

    def task(self, **more):
        """A new one that runs, or begins to."""

        self.default_cluster()

        return self.do("RunTask", taskDefinition=self.family(), **more
                       )["tasks"][0]["taskArn"]

    def placed(self):
        """A new task on an instance, as its agent knows it."""

        return self.do("StartTask", containerInstances=[self.instance()],
                       taskDefinition=self.family("eni",
                                                  networkMode="awsvpc"),
                       networkConfiguration=SUBNETS)["tasks"][0]

    def service(self, **more):
        """A new one without tasks."""

        self.default_cluster()
        given = dict(serviceName=self.name("service"), desiredCount=0,
                     taskDefinition=self.family())
        given.update(more)

        return self.do("CreateService", **given)["service"]["serviceName"]

    def idle(self):
        return self.once("idle", self.service)

    def external(self):
        """A service of task sets."""

        def make():
            self.default_cluster()
            self.do("CreateService", serviceName="external", desiredCount=0,
                    deploymentController={"type": "EXTERNAL"})

            return "external"

        return self.once("external", make)

    def task_set(self):
        """A new one."""

        return self.do("CreateTaskSet", cluster="default",
                       service=self.external(),
                       taskDefinition=self.family())["taskSet"]["id"]

    def instance(self, **more):
        """A new one."""

        self.default_cluster()

        return self.do("RegisterContainerInstance", totalResources=[
            {"name": "CPU", "type": "INTEGER", "integerValue": 4096},
            {"name": "MEMORY", "type": "INTEGER", "integerValue": 8192}],
            attributes=[{"name": name} for name in ABILITIES], **more
        )["containerInstance"]["containerInstanceArn"]

    def provider(self):
        """A new one of an Auto Scaling group."""

        name = self.name("provider")
        self.do("CreateCapacityProvider", name=name,
                autoScalingGroupProvider={
                    "autoScalingGroupArn": GROUP + name})

        return name

    def managed(self):
        """One of managed instances."""

        def make():
            self.default_cluster()
            self.do("CreateCapacityProvider", name="managed",
                    cluster="default", managedInstancesProvider=MANAGED)

            return self.arn("capacity-provider/managed")

        return self.once("managed", make)

    def daemon_family(self):
        """FAMILY:1 of a new one."""

        name = self.name("agent")
        self.do("RegisterDaemonTaskDefinition", family=name,
                containerDefinitions=[{"name": "agent", "image": "agent:1",
                                       "memory": 64}])

        return name + ":1"

    def daemon(self):
        """The answer that made a new one."""

        return self.do("CreateDaemon", **requests["CreateDaemon"](self))

    def express(self):
        """The ARN of a new one."""

        return self.do("CreateExpressGatewayService",
                       **requests["CreateExpressGatewayService"](self)
                       )["service"]["serviceArn"]

    def gateway(self):
        """A new one, which may be deleted."""

        name = self.name("gateway")
        self.do("CreateGateway", name=name, infrastructureRoleArn=ROLE,
                configuration={"hostSharedAlb": {}},
                deletionProtection=False)

        return name

    def associated(self):
        """One that is associated with the default cluster."""

        def make():
            gateway = self.gateway()
            self.do("AssociateGatewayWithCluster", gateway=gateway,
                    cluster=self.default_cluster())

            return gateway

        return self.once("associated", make)

    def route(self):
        """A service behind the gateway: the ARN of its route."""

        def make():
            gateway = self.associated()
            self.service(taskDefinition=self.fargate(),
                         launchType="FARGATE", networkConfiguration=SUBNETS,
                         gatewayConnectors=[{"portName": "http"}])

            return self.do("ListGatewayRoutes", gateway=gateway
                           )["gatewayRoutes"][0]["gatewayRouteArn"]

        return self.once("route", make)

    def deployment(self):
        """The ARN of the second deployment of a service, in progress."""

        service = self.service(desiredCount=1)
        self.do("UpdateService", service=service, forceNewDeployment=True)

        return self.do("ListServiceDeployments", service=service
                       )["serviceDeployments"][0]["serviceDeploymentArn"]

    def revision(self):
        shown = self.do("DescribeServices", services=[self.idle()])

        return shown["services"][0]["currentServiceRevisions"][0]["arn"]


requests = {}


def request(operation):
    """Gives the function its place in the table."""

    def keep(function):
        requests[operation] = function

        return function

    return keep


def simple(operation, **given):
    """A request whose callable members are asked of the world."""

    def fill(value, world):
        if callable(value):
            return value(world)

        if isinstance(value, list):
            return [fill(v, world) for v in value]

        return value

    requests[operation] = lambda world: {
        name: fill(value, world) for name, value in given.items()}


TAGS = [{"key": "team", "value": "one"}]

# Operations that have nothing to give here: what a good request is answered.
NEVER = {
    "ContinueServiceDeployment": (
        "InvalidParameterException",
        "The lifecycle hook hook is not awaiting action."),
    "ExecuteCommand": (
        "InvalidParameterException",
        "The execute command failed because execute command was not enabled"
        " when the task was run or the execute command agent isn\u2019t"
        " running. Wait and try again or run a new task with execute command"
        " enabled and try again."),
    "UpdateContainerAgent": (
        "NoUpdateAvailableException",
        "There's no update available for this Amazon ECS container agent."),
}

# Clusters.
simple("CreateCluster", clusterName=lambda w: w.name("cluster"), tags=TAGS)
simple("DescribeClusters", clusters=[World.cluster])
simple("ListClusters")
simple("UpdateCluster", cluster=World.cluster,
       settings=[{"name": "containerInsights", "value": "enabled"}])
simple("UpdateClusterSettings", cluster=World.cluster,
       settings=[{"name": "containerInsights", "value": "enabled"}])
simple("PutClusterCapacityProviders", cluster=World.cluster,
       capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[
           {"capacityProvider": "FARGATE", "weight": 1}])
simple("DeleteCluster", cluster=World.cluster)

# Capacity providers.
simple("CreateCapacityProvider", name=lambda w: w.name("provider"),
       autoScalingGroupProvider=lambda w: {
           "autoScalingGroupArn": GROUP + w.name("group")})
simple("DescribeCapacityProviders", capacityProviders=[World.provider])
simple("UpdateCapacityProvider", name=World.provider,
       autoScalingGroupProvider={"managedDraining": "DISABLED"})
simple("DeleteCapacityProvider", capacityProvider=World.provider)

# Task definitions.
simple("RegisterTaskDefinition", family=lambda w: w.name("family"),
       containerDefinitions=[{"name": "app", "image": "busybox",
                              "memory": 32}])
simple("DescribeTaskDefinition", taskDefinition=World.family)
simple("ListTaskDefinitions")
simple("ListTaskDefinitionFamilies")
simple("DeregisterTaskDefinition",
       taskDefinition=lambda w: w.family(w.name("family")) + ":1")
simple("DeleteTaskDefinitions", taskDefinitions=[World.old_family])

# Tasks.
simple("RunTask", taskDefinition=World.family,
       cluster=World.default_cluster)
simple("StartTask", taskDefinition=World.family,
       containerInstances=[World.instance])
simple("StopTask", task=World.task)
simple("DescribeTasks", tasks=[World.task])
simple("ListTasks", cluster=World.default_cluster)
simple("GetTaskProtection", cluster=World.default_cluster,
       tasks=[World.task])
simple("UpdateTaskProtection", cluster=World.default_cluster,
       tasks=[World.task], protectionEnabled=True)
simple("ExecuteCommand", cluster=World.default_cluster, command="sh",
       task=lambda w: w.task(enableExecuteCommand=True), interactive=True)

# Services.
simple("CreateService", cluster=World.default_cluster,
       serviceName=lambda w: w.name("service"),
       taskDefinition=World.family, desiredCount=0)
simple("DescribeServices", services=[World.idle])
simple("ListServices", cluster=World.default_cluster)
simple("ListServicesByNamespace", namespace=lambda w: (
    w.service(serviceConnectConfiguration={
        "enabled": True, "namespace": "local"}), "local")[1])
simple("UpdateService", service=World.service, enableECSManagedTags=True)
simple("DeleteService", service=World.service)

# Service deployments and revisions.
simple("ListServiceDeployments", service=World.idle)
simple("DescribeServiceDeployments",
       serviceDeploymentArns=[World.deployment])
simple("DescribeServiceRevisions", serviceRevisionArns=[World.revision])
simple("StopServiceDeployment", serviceDeploymentArn=World.deployment)
simple("ContinueServiceDeployment", serviceDeploymentArn=World.deployment,
       hookId="hook")

# Task sets.
simple("CreateTaskSet", cluster="default", service=World.external,
       taskDefinition=World.family)
simple("DescribeTaskSets", cluster="default", service=World.external)
simple("UpdateTaskSet", cluster="default", service=World.external,
       taskSet=World.task_set, scale={"value": 50, "unit": "PERCENT"})
simple("DeleteTaskSet", cluster="default", service=World.external,
       taskSet=World.task_set)
simple("UpdateServicePrimaryTaskSet", cluster="default",
       service=World.external, primaryTaskSet=World.task_set)

# Container instances and their agents.
simple("RegisterContainerInstance", cluster=World.default_cluster,
       totalResources=[{"name": "CPU", "type": "INTEGER",
                        "integerValue": 1024}])
simple("DeregisterContainerInstance", containerInstance=World.instance)
simple("DescribeContainerInstances", containerInstances=[World.instance])
simple("ListContainerInstances", cluster=World.default_cluster)
simple("UpdateContainerInstancesState", containerInstances=[World.instance],
       status="DRAINING")
simple("UpdateContainerAgent",
       containerInstance=lambda w: w.instance(
           versionInfo={"agentVersion": "1.80.0"}))
simple("DiscoverPollEndpoint", containerInstance=World.instance)
simple("SubmitTaskStateChange", cluster=World.default_cluster,
       task=lambda w: w.placed()["taskArn"], status="RUNNING")
simple("SubmitContainerStateChange", cluster=World.default_cluster,
       task=lambda w: w.placed()["taskArn"], containerName="app",
       status="RUNNING")
simple("SubmitAttachmentStateChanges", cluster=World.default_cluster,
       attachments=lambda w: [{
           "attachmentArn": w.arn(
               "attachment/" + w.placed()["attachments"][0]["id"]),
           "status": "ATTACHED"}])


# Attributes.
@request("PutAttributes")
def put_attributes(world):
    return {"attributes": [{"name": "stack", "value": "one",
                            "targetType": "container-instance",
                            "targetId": world.instance()}]}


@request("DeleteAttributes")
def delete_attributes(world):
    given = put_attributes(world)
    world.do("PutAttributes", **given)

    return given


simple("ListAttributes", cluster=World.default_cluster,
       targetType="container-instance")

# Account settings.
simple("PutAccountSetting", name="containerInsights", value="enabled")
simple("PutAccountSettingDefault", name="containerInsights",
       value="enabled")
simple("ListAccountSettings")
simple("DeleteAccountSetting", name="containerInsights")

# Tags.
simple("TagResource", tags=TAGS,
       resourceArn=lambda w: w.arn("cluster/" + w.cluster()))
simple("UntagResource", tagKeys=["team"],
       resourceArn=lambda w: w.arn("cluster/" + w.cluster()))
simple("ListTagsForResource",
       resourceArn=lambda w: w.arn("cluster/" + w.cluster()))

# Daemons.
simple("CreateDaemon", daemonName=lambda w: w.name("daemon"),
       clusterArn=lambda w: w.arn("cluster/" + w.default_cluster()),
       daemonTaskDefinitionArn=lambda w: w.arn(
           "daemon-task-definition/" + w.daemon_family()),
       capacityProviderArns=[World.managed])
simple("DescribeDaemon", daemonArn=lambda w: w.daemon()["daemonArn"])
simple("DeleteDaemon", daemonArn=lambda w: w.daemon()["daemonArn"])
simple("UpdateDaemon", daemonArn=lambda w: w.daemon()["daemonArn"],
       daemonTaskDefinitionArn=lambda w: w.arn(
           "daemon-task-definition/" + w.daemon_family()),
       capacityProviderArns=[World.managed])
simple("ListDaemons", clusterArn=World.default_cluster)
simple("RegisterDaemonTaskDefinition", family=lambda w: w.name("agent"),
       containerDefinitions=[{"name": "agent", "image": "agent:1",
                              "memory": 64}])
simple("DescribeDaemonTaskDefinition",
       daemonTaskDefinition=World.daemon_family)
simple("DeleteDaemonTaskDefinition",
       daemonTaskDefinition=World.daemon_family)
simple("ListDaemonTaskDefinitions")
simple("ListDaemonDeployments", daemonArn=lambda w: w.daemon()["daemonArn"])
simple("DescribeDaemonDeployments",
       daemonDeploymentArns=[lambda w: w.daemon()["deploymentArn"]])
simple("DescribeDaemonRevisions", daemonRevisionArns=[
    lambda w: w.do("DescribeDaemon", daemonArn=w.daemon()["daemonArn"])
    ["daemon"]["currentRevisions"][0]["arn"]])

# Express services.
simple("CreateExpressGatewayService", infrastructureRoleArn=ROLE,
       executionRoleArn="arn:aws:iam::000000000000:role/execution",
       primaryContainer={"image": "nginx:1"},
       serviceName=lambda w: w.name("express"))
simple("DescribeExpressGatewayService", serviceArn=World.express)
simple("UpdateExpressGatewayService", serviceArn=World.express,
       healthCheckPath="/health")
simple("DeleteExpressGatewayService", serviceArn=World.express)

# Gateways.
simple("CreateGateway", name=lambda w: w.name("gateway"),
       infrastructureRoleArn=ROLE,
       configuration={"hostSharedAlb": {"scheme": "internal"}})
simple("DescribeGateway", gateway=World.gateway)
simple("ListGateways")
simple("UpdateGateway", gateway=World.gateway, deletionProtection=True)
simple("DeleteGateway", gateway=World.gateway)
simple("AssociateGatewayWithCluster", gateway=World.gateway,
       cluster=World.cluster)
simple("DisassociateGatewayFromCluster", gateway=World.associated,
       cluster=World.default_cluster)
simple("ListGatewayClusterAssociations", gateway=World.associated,
       cluster=World.default_cluster)
simple("ListGatewayRoutes", gateway=World.associated)
simple("DescribeGatewayRoute", gatewayRouteArn=World.route)
simple("DescribeGatewayResources", gateway=World.associated)
