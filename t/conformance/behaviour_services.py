"""Services, their deployments, revisions and task sets."""

from table import ABSENT, answers, like, refuses
from world import TAGS

INVALID = "InvalidParameterException"
CLIENT = "ClientException"
NO_CLUSTER = ("ClusterNotFoundException", "Cluster not found.")
NO_SERVICE = ("ServiceNotFoundException", "Service not found.")
NO_SET = ("TaskSetNotFoundException", "The specified task set does not"
          " exist.")


def web(w, **more):
    w.default_cluster()
    w.family()

    return dict({"serviceName": "s", "taskDefinition": "web",
                 "desiredCount": 0}, **more)


def anywhere(w):
    """A definition for EXTERNAL."""

    w.do("RegisterTaskDefinition", family="anywhere",
         requiresCompatibilities=["EXTERNAL"], containerDefinitions=[
             {"name": "app", "image": "i", "memory": 64}])


answers("CreateService", "what ECS fills in", web, {
    "service.status": "ACTIVE", "service.deployments.len": 1,
    "service.deployments.0.id": like(r"ecs-svc/\d{19}"),
    "service.deployments.0.status": "PRIMARY",
    "service.deployments.0.failedTasks": 0,
    "service.deploymentController": {"type": "ECS"},
    "service.availabilityZoneRebalancing": "ENABLED",
    "service.currentServiceDeployment": ABSENT,
    "service.events": [], "service.tags": ABSENT})
answers("CreateService", "DAEMON has no count",
        lambda w: (web(w), {"serviceName": "d", "taskDefinition": "web",
                            "schedulingStrategy": "DAEMON"})[1],
        {"service.deploymentConfiguration.maximumPercent": 100,
         "service.deploymentConfiguration.minimumHealthyPercent": 0})
answers("CreateService", "the same token is the same service",
        lambda w: (w.do("CreateService", **web(w, clientToken="t")),
                   web(w, clientToken="t", tags=TAGS))[1],
        {"service.serviceName": "s"},
        then=("ListServices", {}, {"serviceArns.len": 1}))
refuses("CreateService", "the name is taken",
        lambda w: (w.do("CreateService", **web(w)), web(w))[1], INVALID,
        "Creation of service was not idempotent.")
refuses("CreateService", "a token too long",
        lambda w: web(w, clientToken="x" * 37), INVALID,
        "idempotency token longer than 36.")
refuses("CreateService", "no count", lambda w: (
    web(w), {"serviceName": "s", "taskDefinition": "web"})[1], INVALID,
    "DesiredCount is missing")
refuses("CreateService", "awsvpc without a network", lambda w: (
    web(w), {"serviceName": "s", "taskDefinition": w.fargate(),
             "desiredCount": 1, "launchType": "FARGATE"})[1], INVALID,
    "Network Configuration must be provided when networkMode 'awsvpc' is"
    " specified.")
refuses("CreateService", "an unknown definition", lambda w: (
    web(w), {"serviceName": "s", "taskDefinition": "none",
             "desiredCount": 1})[1], CLIENT, "TaskDefinition not found.")
refuses("CreateService", "an unknown container behind the balancer",
        lambda w: web(w, loadBalancers=[{
            "targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:"
            "000000000000:targetgroup/a/1", "containerName": "none",
            "containerPort": 80}]), INVALID,
        "The container none does not exist in the task definition.")

answers("DescribeServices", "what is not there, by its ARN", lambda w: (
    w.default_cluster(), {"services": ["none"]})[1], lambda w: {
        "services": [], "failures": [
            {"arn": w.arn("service/default/none"), "reason": "MISSING"}]})
refuses("DescribeServices", "more than ten", lambda w: (
    w.default_cluster(), {"services": ["s%d" % i for i in range(11)]})[1],
    INVALID, "Services cannot have more than 10 elements.")
refuses("DescribeServices", "an unknown cluster",
        {"cluster": "none", "services": ["s"]}, *NO_CLUSTER)

answers("ListServices", "ten to a page", lambda w: (
    [w.service() for _ in range(11)], {})[1],
    {"serviceArns.len": 10, "nextToken": str})
answers("ListServices", "by scheduling strategy", lambda w: (
    w.service(), {"schedulingStrategy": "DAEMON"})[1], {"serviceArns": []})
refuses("ListServices", "an unknown cluster", {"cluster": "none"},
        *NO_CLUSTER)
answers("ListServicesByNamespace", "of all clusters", lambda w: (
    w.service(serviceConnectConfiguration={"enabled": True,
                                           "namespace": "local"}),
    {"namespace": "local"})[1], {"serviceArns.len": 1})
refuses("ListServicesByNamespace", "an unknown one", {"namespace": "none"},
        "NamespaceNotFoundException", "Namespace not found.")

answers("UpdateService", "a forced deployment is a new one", lambda w: {
    "service": w.service(), "forceNewDeployment": True}, {
    "service.deployments.len": 2, "service.currentServiceRevisions.len": 2,
    "service.currentServiceDeployment": ABSENT, "service.tags": ABSENT})
answers("UpdateService", "a count is none", lambda w: {
    "service": w.service(), "desiredCount": 0},
    {"service.deployments.len": 1})
refuses("UpdateService", "an unknown one", lambda w: (
    w.default_cluster(), {"service": "none"})[1], *NO_SERVICE)
refuses("UpdateService", "a negative count", lambda w: {
    "service": w.service(), "desiredCount": -1}, INVALID,
    "Task count can not be lesser than 0")
REBALANCING = "Availability Zone Rebalancing does not support "
ZONE = "attribute:ecs.availability-zone"

for title, more, text in (
        ("DAEMON is not rebalanced",
         {"schedulingStrategy": "DAEMON", "desiredCount": None},
         "DAEMON services"),
        ("EXTERNAL is not rebalanced", {"launchType": "EXTERNAL",
                                        "taskDefinition": "anywhere"},
         "the EXTERNAL launch type."),
        ("rebalancing has nothing to go beyond",
         {"deploymentConfiguration": {"maximumPercent": 100,
                                      "minimumHealthyPercent": 0}},
         "maximumPercent <= 100 % as deployment configuration."),
        ("rebalancing and a Classic Load Balancer",
         {"loadBalancers": [{"loadBalancerName": "x", "containerName": "app",
                             "containerPort": 80}]},
         "Classic Load Balancers."),
        ("rebalancing and a zone that is asked for",
         {"placementConstraints": [{"type": "memberOf", "expression":
                                    ZONE + " == us-east-1a"}]},
         "placement constraints on " + ZONE + "."),
        ("rebalancing and another strategy first",
         {"placementStrategy": [{"type": "binpack", "field": "cpu"},
                                {"type": "spread", "field": ZONE}]},
         "a first placement strategy other than spread on " + ZONE + ".")):
    refuses("CreateService", title,
            lambda w, more=more: anywhere(w) or {
                k: v for k, v in web(
                    w, availabilityZoneRebalancing="ENABLED", **more).items()
                if v is not None},
            INVALID, REBALANCING + text)

answers("CreateService", "DAEMON is not rebalanced by default", lambda w: {
    k: v for k, v in web(w, schedulingStrategy="DAEMON").items()
    if k != "desiredCount"},
    {"service.availabilityZoneRebalancing": "DISABLED"})
answers("CreateService", "neither is one of another strategy", lambda w: web(
    w, placementStrategy=[{"type": "random"}]),
    {"service.availabilityZoneRebalancing": "DISABLED"})
answers("CreateService", "zones first, then instances", lambda w: web(
    w, placementStrategy=[{"type": "spread", "field": ZONE},
                          {"type": "spread", "field": "instanceId"}]),
    {"service.availabilityZoneRebalancing": "ENABLED"})
answers("UpdateService", "rebalancing stays as it is", lambda w: {
    "service": w.service(availabilityZoneRebalancing="DISABLED"),
    "desiredCount": 0},
    {"service.availabilityZoneRebalancing": "DISABLED",
     "service.deployments.len": 1})
answers("UpdateService", "rebalancing alone is no deployment", lambda w: {
    "service": w.service(availabilityZoneRebalancing="DISABLED"),
    "availabilityZoneRebalancing": "ENABLED"},
    {"service.availabilityZoneRebalancing": "ENABLED",
     "service.deployments.len": 1})
refuses("UpdateService", "rebalancing and another strategy", lambda w: {
    "service": w.service(availabilityZoneRebalancing="DISABLED"),
    "placementStrategy": [{"type": "random"}],
    "availabilityZoneRebalancing": "ENABLED"}, INVALID,
    "The service couldn't be updated because " + REBALANCING
    + "a first placement strategy other than spread on " + ZONE + ".")
refuses("UpdateService", "rebalancing needs room", lambda w: {
    "service": w.service(), "deploymentConfiguration": {
        "maximumPercent": 100, "minimumHealthyPercent": 0}}, INVALID,
    "The service couldn't be updated because Availability Zone Rebalancing"
    " does not support maximumPercent <= 100 % as deployment configuration."
    " Update deployment configuration and try again.")

answers("DeleteService", "it drains", lambda w: {"service": w.service()}, {
    "service.status": like("DRAINING|INACTIVE"), "service.desiredCount": 0,
    "service.currentServiceRevisions": ABSENT,
    "service.currentServiceDeployment": ABSENT})
refuses("DeleteService", "with tasks wanted", lambda w: {
    "service": w.service(desiredCount=1)}, INVALID,
    "The service cannot be stopped while it is scaled above 0.")
refuses("DeleteService", "an unknown one has no message", lambda w: (
    w.default_cluster(), {"service": "none"})[1],
    "ServiceNotFoundException", None)

# Deployments and revisions.

answers("ListServiceDeployments", "the first is there at once",
        lambda w: {"service": w.service()},
        {"serviceDeployments.len": 1,
         "serviceDeployments.0.targetServiceRevisionArn":
             like(".*:service-revision/default/.*")})
refuses("ListServiceDeployments", "of an unknown service", lambda w: (
    w.default_cluster(), {"service": "none"})[1], *NO_SERVICE)
answers("DescribeServiceDeployments", "with source and target", lambda w: {
    "serviceDeploymentArns": [w.deployment()]},
    {"serviceDeployments.0.sourceServiceRevisions.len": 1,
     "serviceDeployments.0.deploymentConfiguration.strategy": "ROLLING",
     "failures": []})
refuses("DescribeServiceDeployments", "more than twenty", lambda w: {
    "serviceDeploymentArns": [w.deployment()] * 21}, INVALID,
    "Service Deployment ARN count cannot exceed 20")
answers("DescribeServiceRevisions", "its images", lambda w: {
    "serviceRevisionArns": [w.revision()]},
    {"serviceRevisions.0.containerImages": [
        {"containerName": "app", "image": "busybox"}]})
refuses("DescribeServiceRevisions", "more than twenty", lambda w: {
    "serviceRevisionArns": [w.revision()] * 21}, INVALID,
    "Service Revision ARN count cannot exceed 20")
answers("StopServiceDeployment", "it is rolled back", lambda w: {
    "serviceDeploymentArn": w.deployment()},
    {"serviceDeploymentArn": like(".*:service-deployment/default/.*")},
    then=("DescribeServiceDeployments", lambda w, a: {
        "serviceDeploymentArns": [a["serviceDeploymentArn"]]},
        {"serviceDeployments.0.status": like("ROLLBACK_.*")}))
refuses("StopServiceDeployment", "an unknown one", lambda w: {
    "serviceDeploymentArn": w.arn("service-deployment/default/%s/%s" % (
        w.service(), "x" * 21))}, "ServiceDeploymentNotFoundException",
    "Service deployment not found.")
refuses("StopServiceDeployment", "twice", lambda w: (
    lambda arn: (w.do("StopServiceDeployment", serviceDeploymentArn=arn),
                 {"serviceDeploymentArn": arn})[1])(w.deployment()),
    "ConflictException", like("The service deployment cannot be stopped"
                              " because its status is ROLLBACK_.*"))
refuses("ContinueServiceDeployment", "nothing waits", lambda w: {
    "serviceDeploymentArn": w.deployment(), "hookId": "h"}, INVALID,
    "The lifecycle hook h is not awaiting action.")
refuses("ContinueServiceDeployment", "an unknown deployment", lambda w: {
    "serviceDeploymentArn": w.arn("service-deployment/default/%s/%s" % (
        w.service(), "x" * 21)), "hookId": "h"},
    "ServiceDeploymentNotFoundException", "Service deployment not found.")


# Task sets.

def of(w, **more):
    return dict({"cluster": "default", "service": w.external()}, **more)


def of_set(w, **more):
    return of(w, taskSet=w.task_set(), **more)


answers("CreateTaskSet", "a share of the service", lambda w: of(
    w, taskDefinition=w.family(), scale={"value": 50, "unit": "PERCENT"}),
    {"taskSet.id": like(r"ecs-svc/\d{19}"), "taskSet.status": "ACTIVE",
     "taskSet.scale": {"value": 50.0, "unit": "PERCENT"},
     "taskSet.stabilityStatus": "STABILIZING"})
refuses("CreateTaskSet", "a unit of somebody else's", lambda w: of(
    w, taskDefinition=w.family(), scale={"value": 1, "unit": "COUNT"}),
    INVALID, "scale unit should be one of [PERCENT]")
refuses("CreateTaskSet", "of an unknown service", lambda w: (
    w.external(), {"cluster": "default", "service": "none",
                   "taskDefinition": w.family()})[1], *NO_SERVICE)
answers("DescribeTaskSets", "all of a service", lambda w: (
    w.external(), w.task_set(), w.task_set(), of(w))[3],
    {"taskSets.len": 2, "failures": []})
answers("DescribeTaskSets", "what is not there",
        lambda w: of(w, taskSets=["ecs-svc/1"]),
        {"taskSets": [], "failures.0.reason": "MISSING"})
answers("UpdateTaskSet", "its share", lambda w: of_set(
    w, scale={"value": 25, "unit": "PERCENT"}),
    {"taskSet.scale.value": 25.0})
refuses("UpdateTaskSet", "an unknown one", lambda w: of(
    w, taskSet="ecs-svc/1", scale={"value": 1, "unit": "PERCENT"}), *NO_SET)
answers("UpdateServicePrimaryTaskSet", "one becomes it", lambda w: of(
    w, primaryTaskSet=w.task_set()), {"taskSet.status": "PRIMARY"})
refuses("UpdateServicePrimaryTaskSet", "an unknown one", lambda w: of(
    w, primaryTaskSet="ecs-svc/1"), *NO_SET)
answers("DeleteTaskSet", "it drains", lambda w: of_set(w),
        {"taskSet.status": "DRAINING"})
refuses("DeleteTaskSet", "an unknown one",
        lambda w: of(w, taskSet="ecs-svc/1"), *NO_SET)
