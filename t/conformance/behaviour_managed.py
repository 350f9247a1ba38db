"""Daemons, Express services, gateways."""

from table import ABSENT, answers, like, refuses
from world import ROLE, TAGS, requests

INVALID = "InvalidParameterException"
CLIENT = "ClientException"
NO_CLUSTER = ("ClusterNotFoundException", "Cluster not found.")
NO_DAEMON = ("DaemonNotFoundException", "Daemon not found.")
NO_GATEWAY = ("GatewayNotFoundException", "Gateway not found.")
NO_EXPRESS = ("ResourceNotFoundException", "Resource not found")
AGENT = {"name": "agent", "image": "agent:1", "memory": 64}


def unknown_daemon(w):
    return w.arn("daemon/%s/none" % w.default_cluster())


answers("RegisterDaemonTaskDefinition", "revisions count up", lambda w: (
    w.do("RegisterDaemonTaskDefinition", family="a",
         containerDefinitions=[AGENT]),
    {"family": "a", "containerDefinitions": [AGENT]})[1],
    lambda w: {"daemonTaskDefinitionArn":
               w.arn("daemon-task-definition/a:2")})
refuses("RegisterDaemonTaskDefinition", "no containers", {
    "family": "a", "containerDefinitions": []}, CLIENT,
    "Container list cannot be empty.")
answers("DescribeDaemonTaskDefinition", "filled up", lambda w: {
    "daemonTaskDefinition": w.daemon_family()},
    {"daemonTaskDefinition.status": "ACTIVE",
     "daemonTaskDefinition.pidMode": "none",
     "daemonTaskDefinition.containerDefinitions.0.essential": True})
refuses("DescribeDaemonTaskDefinition", "an unknown one",
        {"daemonTaskDefinition": "none"}, CLIENT,
        "Unable to describe daemon task definition.")
answers("ListDaemonTaskDefinitions", "of a family", lambda w: (
    w.daemon_family(), {"family": "none"})[1],
    {"daemonTaskDefinitions": []})
refuses("ListDaemonTaskDefinitions", "a token of nobody", {"nextToken": "x"},
        INVALID, "Invalid token: the nextToken is not valid for this"
        " request.")
answers("DeleteDaemonTaskDefinition", "one that nobody uses", lambda w: {
    "daemonTaskDefinition": w.daemon_family()},
    {"daemonTaskDefinitionArn": like(".*:daemon-task-definition/.*")})
refuses("DeleteDaemonTaskDefinition", "an unknown one",
        {"daemonTaskDefinition": "none:1"}, CLIENT,
        "The specified daemon task definition does not exist.")

answers("CreateDaemon", "ACTIVE, with a deployment",
        requests["CreateDaemon"],
        {"status": "ACTIVE", "daemonArn": like(".*:daemon/default/.*"),
         "deploymentArn": like(".*:daemon-deployment/default/.*"),
         "updatedAt": ABSENT})
refuses("CreateDaemon", "an unknown cluster", lambda w: dict(
    requests["CreateDaemon"](w), clusterArn=w.arn("cluster/none")),
    *NO_CLUSTER)
refuses("CreateDaemon", "the name is taken", lambda w: (
    lambda given: (w.do("CreateDaemon", **given), given)[1])(
        requests["CreateDaemon"](w)), INVALID,
    "Creation of daemon was not idempotent.")
answers("DescribeDaemon", "its revision", lambda w: {
    "daemonArn": w.daemon()["daemonArn"]},
    {"daemon.status": "ACTIVE", "daemon.currentRevisions.len": 1})
refuses("DescribeDaemon", "an unknown one",
        lambda w: {"daemonArn": unknown_daemon(w)}, *NO_DAEMON)
answers("UpdateDaemon", "another deployment", requests["UpdateDaemon"],
        {"status": "ACTIVE", "updatedAt": float})
refuses("UpdateDaemon", "an unknown one", lambda w: dict(
    requests["UpdateDaemon"](w), daemonArn=unknown_daemon(w)), *NO_DAEMON)
answers("DeleteDaemon", "it goes", lambda w: {
    "daemonArn": w.daemon()["daemonArn"]},
    {"status": like("DELETE_IN_PROGRESS|INACTIVE|DRAINING")})
refuses("DeleteDaemon", "an unknown one",
        lambda w: {"daemonArn": unknown_daemon(w)}, *NO_DAEMON)
answers("ListDaemons", "without a cluster those of default", lambda w: (
    w.daemon(), {})[1], {"daemonSummariesList.len": 1})
refuses("ListDaemons", "an unknown cluster", {"clusterArn": "none"},
        *NO_CLUSTER)
answers("ListDaemonDeployments", "the first", lambda w: {
    "daemonArn": w.daemon()["daemonArn"]}, {"daemonDeployments.len": 1})
refuses("ListDaemonDeployments", "of an unknown daemon",
        lambda w: {"daemonArn": unknown_daemon(w)}, *NO_DAEMON)
answers("DescribeDaemonDeployments", "one", lambda w: {
    "daemonDeploymentArns": [w.daemon()["deploymentArn"]]},
    {"daemonDeployments.len": 1, "failures": []})
refuses("DescribeDaemonDeployments", "none named",
        {"daemonDeploymentArns": []}, INVALID,
        "Daemon Deployment ARNs cannot be empty.")
answers("DescribeDaemonRevisions", "one",
        requests["DescribeDaemonRevisions"],
        {"daemonRevisions.len": 1, "failures": []})
refuses("DescribeDaemonRevisions", "none named", {"daemonRevisionArns": []},
        INVALID, "Daemon Revision ARNs cannot be empty.")

# Express services.

answers("CreateExpressGatewayService", "the cluster comes with it",
        requests["CreateExpressGatewayService"],
        {"service.status.statusCode": "ACTIVE",
         "service.activeConfigurations.0.cpu": "256",
         "service.activeConfigurations.0.ingressPaths.0.accessType":
             "PUBLIC"},
        then=("DescribeClusters", {}, {"clusters.len": 1}))
refuses("CreateExpressGatewayService", "without an image", {
    "infrastructureRoleArn": ROLE}, INVALID, "primaryContainer is required"
    " when taskDefinitionArn is not specified.")
answers("DescribeExpressGatewayService", "with its tags", lambda w: {
    "serviceArn": w.express(), "include": ["TAGS"]}, {"service.tags": []})
refuses("DescribeExpressGatewayService", "an unknown one", lambda w: (
    w.default_cluster(), {"serviceArn": w.arn("service/default/none")})[1],
    *NO_EXPRESS)
answers("UpdateExpressGatewayService", "its health check", lambda w: {
    "serviceArn": w.express(), "healthCheckPath": "/up"},
    {"service.targetConfiguration.healthCheckPath": "/up"})
refuses("UpdateExpressGatewayService", "an unknown one", lambda w: (
    w.default_cluster(), {"serviceArn": w.arn("service/default/none")})[1],
    INVALID, "Resource not found")
answers("DeleteExpressGatewayService", "it drains", lambda w: {
    "serviceArn": w.express()},
    {"service.status.statusCode": like("DRAINING|INACTIVE")})
refuses("DeleteExpressGatewayService", "an unknown one", lambda w: (
    w.default_cluster(), {"serviceArn": w.arn("service/default/none")})[1],
    INVALID, "Resource not found")

# Gateways.

answers("CreateGateway", "ACTIVE at once", requests["CreateGateway"],
        {"status": "ACTIVE"},
        then=("DescribeGateway", lambda w, a: {"gateway": a["gatewayArn"]}, {
            "gateway.deletionProtection": True,
            "gateway.accessType": "PRIVATE",
            "gateway.propagateTags": "GATEWAY",
            "gateway.configuration.hostSharedAlb.currentAlbCount": 0}))
refuses("CreateGateway", "HTTP", lambda w: dict(
    requests["CreateGateway"](w), configuration={"hostSharedAlb": {
        "protocol": "HTTP"}}), INVALID,
    "The gateway supports only HTTPS at port 443.")
answers("DescribeGateway", "with its tags", lambda w: (
    w.do("CreateGateway", tags=TAGS, **dict(
        requests["CreateGateway"](w), name="g")), {"gateway": "g"})[1],
    {"gateway.tags": TAGS, "gateway.failures": []})
refuses("DescribeGateway", "an unknown one", {"gateway": "none"},
        *NO_GATEWAY)
answers("ListGateways", "by name", lambda w: (
    w.gateway(), {"names": [w.gateway()]})[1], {"gateways.len": 1})
refuses("ListGateways", "a token of nobody", {"nextToken": "x"}, INVALID,
        "Invalid token: the nextToken is not valid for this request.")
answers("UpdateGateway", "its protection", lambda w: {
    "gateway": w.gateway(), "deletionProtection": True},
    {"status": like("UPDATE_IN_PROGRESS|UPDATE_COMPLETE")})
refuses("UpdateGateway", "an unknown one", {"gateway": "none"}, *NO_GATEWAY)
answers("DeleteGateway", "it is gone at once", lambda w: {
    "gateway": w.gateway()}, {"status": "DELETED"},
    then=("ListGateways", {}, {"gateways": []}))
refuses("DeleteGateway", "a protected one", lambda w: {
    "gateway": w.do("CreateGateway", **requests["CreateGateway"](w))
    ["name"]}, INVALID, like("The gateway .* cannot be deleted while"
    " deletion protection is enabled. Disable deletion protection and try"
    " again."))
answers("AssociateGatewayWithCluster", "ACTIVE at once", lambda w: {
    "gateway": w.gateway(), "cluster": w.cluster()}, {"status": "ACTIVE"})
refuses("AssociateGatewayWithCluster", "an unknown cluster", lambda w: {
    "gateway": w.gateway(), "cluster": "none"}, *NO_CLUSTER)
answers("DisassociateGatewayFromCluster", "it ends", lambda w: {
    "gateway": w.associated(), "cluster": "default"},
    {"status": "DISASSOCIATING"})
refuses("DisassociateGatewayFromCluster", "what is not associated",
        lambda w: {"gateway": w.gateway(), "cluster": w.cluster()},
        "ResourceNotFoundException",
        "The gateway is not associated with the cluster.")
answers("ListGatewayClusterAssociations", "of a gateway", lambda w: {
    "gateway": w.associated()}, {"gatewayClusterAssociations.len": 1})
answers("ListGatewayClusterAssociations", "of none",
        {"gateway": "none"}, {"gatewayClusterAssociations": []})
answers("ListGatewayRoutes", "of a gateway", lambda w: (
    w.route(), {"gateway": w.associated()})[1], {
    "gatewayRoutes.len": 1,
    "gatewayRoutes.0.serviceContainerPortName": "http"})
answers("DescribeGatewayRoute", "its address", lambda w: {
    "gatewayRouteArn": w.route()},
    {"gatewayRoute.serviceUrl": like("https://.*")})
refuses("DescribeGatewayRoute", "an unknown one", lambda w: {
    "gatewayRouteArn": w.arn("gateway-route/g/" + "0" * 32)},
    "ResourceNotFoundException", "Gateway route not found.")
answers("DescribeGatewayResources", "the load balancer of a route",
        lambda w: (w.route(), {"gateway": w.associated()})[1],
        {"gatewayResources.resources.hostSharedAlb.len": int})
refuses("DescribeGatewayResources", "an unknown one", {"gateway": "none"},
        *NO_GATEWAY)
