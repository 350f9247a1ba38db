"""Container instances, their agents and attributes; settings; tags."""

from table import answers, like, refuses
from world import TAGS

INVALID = "InvalidParameterException"
CLIENT = "ClientException"
NO_CLUSTER = ("ClusterNotFoundException", "Cluster not found.")
NO_INSTANCE = (INVALID, "The referenced container instance was not found.")
NO_TASK = (INVALID, "The referenced task was not found.")
NONE = "0" * 32


def on_instance(w, **more):
    return {"attributes": [dict({
        "name": "stack", "value": "one", "targetType": "container-instance",
        "targetId": w.instance()}, **more)]}


answers("RegisterContainerInstance", "what it brings along", lambda w: {
    "cluster": w.default_cluster(), "totalResources": [
        {"name": "CPU", "type": "INTEGER", "integerValue": 1024}],
    "attributes": [{"name": "ecs.os-type", "value": "linux"}]}, {
    "containerInstance.status": "ACTIVE",
    "containerInstance.agentConnected": True,
    "containerInstance.attributes": [
        {"name": "ecs.os-type", "value": "linux"}],
    "containerInstance.registeredResources.0.integerValue": 1024})
refuses("RegisterContainerInstance", "an unknown cluster",
        {"cluster": "none"}, *NO_CLUSTER)
answers("DescribeContainerInstances", "what is not there", lambda w: (
    w.default_cluster(), {"containerInstances": [NONE]})[1], lambda w: {
        "containerInstances": [], "failures": [
            {"arn": w.arn("container-instance/default/" + NONE),
             "reason": "MISSING"}]})
answers("DescribeContainerInstances", "with its tags", lambda w: {
    "containerInstances": [w.instance(tags=TAGS)], "include": ["TAGS"]},
    {"containerInstances.0.tags": TAGS})
refuses("DescribeContainerInstances", "none named", lambda w: (
    w.default_cluster(), {"containerInstances": []})[1], CLIENT,
    "Container Instances cannot be empty.")
answers("ListContainerInstances", "by an attribute", lambda w: (
    w.do("PutAttributes", **on_instance(w)), w.instance(),
    {"filter": "attribute:stack == one"})[2],
    {"containerInstanceArns.len": 1})
answers("ListContainerInstances", "DRAINING ones", lambda w: (
    w.do("UpdateContainerInstancesState", status="DRAINING",
         containerInstances=[w.instance()]), w.instance(),
    {"status": "DRAINING"})[2], {"containerInstanceArns.len": 1})
refuses("ListContainerInstances", "an unknown cluster", {"cluster": "none"},
        *NO_CLUSTER)
answers("UpdateContainerInstancesState", "one drains, one is not there",
        lambda w: {"containerInstances": [w.instance(), NONE],
                   "status": "DRAINING"},
        {"containerInstances.0.status": "DRAINING",
         "failures.0.reason": "MISSING"})
refuses("UpdateContainerInstancesState", "to what nobody can", lambda w: {
    "containerInstances": [w.instance()], "status": "REGISTERING"}, INVALID,
    "Container instance status should be one of [ACTIVE, DRAINING]")
answers("DeregisterContainerInstance", "it is INACTIVE", lambda w: {
    "containerInstance": w.instance()},
    {"containerInstance.status": "INACTIVE"})
refuses("DeregisterContainerInstance", "with a task", lambda w: {
    "containerInstance": w.placed()["containerInstanceArn"]}, INVALID,
    "Found running tasks on the instance.")
refuses("DeregisterContainerInstance", "an unknown one", lambda w: (
    w.default_cluster(), {"containerInstance": NONE})[1], *NO_INSTANCE)
refuses("UpdateContainerAgent", "of no known version", lambda w: {
    "containerInstance": w.instance()}, "MissingVersionException",
    "Amazon ECS can't determine the current version of the Amazon ECS"
    " container agent on the container instance.")
refuses("UpdateContainerAgent", "there is no newer one", lambda w: {
    "containerInstance": w.instance(versionInfo={
        "agentVersion": "1.80.0"})}, "NoUpdateAvailableException",
    "There's no update available for this Amazon ECS container agent.")

answers("DiscoverPollEndpoint", "this very server", lambda w: {
    "containerInstance": w.instance()},
    {"endpoint": like("https?://.*"), "telemetryEndpoint": str})
answers("SubmitTaskStateChange", "an agent's task runs", lambda w: {
    "task": w.placed()["taskArn"], "status": "RUNNING"},
    {"acknowledgment": like(".+")})
refuses("SubmitTaskStateChange", "an unknown task", lambda w: (
    w.default_cluster(), {"task": NONE, "status": "RUNNING"})[1], *NO_TASK)
answers("SubmitContainerStateChange", "an exit code of 0 is one",
        lambda w: {"task": w.placed()["taskArn"], "containerName": "app",
                   "status": "STOPPED", "exitCode": 0},
        {"acknowledgment": like(".+")})
refuses("SubmitContainerStateChange", "an unknown container", lambda w: {
    "task": w.placed()["taskArn"], "containerName": "none",
    "status": "RUNNING"}, INVALID,
    "The container none does not exist in the task.")
answers("SubmitAttachmentStateChanges", "an interface is attached",
        lambda w: (w.default_cluster(), {"attachments": [{
            "attachmentArn": w.arn("attachment/" + w.placed()
                                   ["attachments"][0]["id"]),
            "status": "ATTACHED"}]})[1], {"acknowledgment": like(".+")})
refuses("SubmitAttachmentStateChanges", "an unknown one", lambda w: (
    w.default_cluster(), {"attachments": [{
        "attachmentArn": "x", "status": "ATTACHED"}]})[1], INVALID,
    "The referenced attachment was not found.")

# Attributes.

answers("PutAttributes", "one of one's own", on_instance,
        {"attributes.0.name": "stack"},
        then=("ListAttributes", {"targetType": "container-instance",
                                 "attributeName": "stack"},
              {"attributes.0.value": "one"}))
refuses("PutAttributes", "on an unknown target",
        lambda w: on_instance(w, targetId=NONE), "TargetNotFoundException",
        "The specified target wasn't found.")
refuses("PutAttributes", "one of ECS's own",
        lambda w: on_instance(w, name="ecs.x"), INVALID,
        "The attribute ecs.x is reserved and cannot be changed.")
answers("ListAttributes", "by name and value", lambda w: (
    w.do("PutAttributes", **on_instance(w)),
    {"targetType": "container-instance", "attributeName": "stack",
     "attributeValue": "two"})[1], {"attributes": []})
refuses("ListAttributes", "an unknown cluster", {
    "cluster": "none", "targetType": "container-instance"}, *NO_CLUSTER)
answers("DeleteAttributes", "it is gone", lambda w: (
    lambda given: (w.do("PutAttributes", **given), given)[1])(
        on_instance(w)), {"attributes.0.name": "stack"},
    then=("ListAttributes", {"targetType": "container-instance",
                             "attributeName": "stack"}, {"attributes": []}))
refuses("DeleteAttributes", "of an unknown target",
        lambda w: on_instance(w, targetId=NONE), "TargetNotFoundException",
        "The specified target wasn't found.")

# Account settings.

answers("PutAccountSetting", "for oneself",
        {"name": "containerInsights", "value": "enabled"},
        {"setting.name": "containerInsights", "setting.value": "enabled",
         "setting.type": "user"})
refuses("PutAccountSetting", "of no such value",
        {"name": "containerInsights", "value": "maybe"}, INVALID,
        "Invalid setting 'value'")
answers("PutAccountSettingDefault", "for the account",
        {"name": "containerInsights", "value": "enhanced"},
        {"setting.principalArn": like("arn:aws:iam::.*:root")},
        then=("CreateCluster", {}, {"cluster.settings.0.value": "enhanced"}))
refuses("PutAccountSettingDefault", "of no such value",
        {"name": "awsvpcTrunking", "value": "on"}, INVALID,
        "Invalid setting 'value'")
answers("ListAccountSettings", "all that count", {"effectiveSettings": True},
        {"settings.len": 10, "nextToken": str})
answers("ListAccountSettings", "none of one's own", {}, {"settings": []})
refuses("ListAccountSettings", "more than a page", {"maxResults": 11},
        INVALID, "Max results can not be greater than 10")
answers("DeleteAccountSetting", "what it was", lambda w: (
    w.do("PutAccountSetting", name="containerInsights", value="enabled"),
    {"name": "containerInsights"})[1],
    {"setting.value": "enabled"},
    then=("ListAccountSettings", {}, {"settings": []}))
refuses("DeleteAccountSetting", "of nobody's name",
        {"name": "containerInsights", "principalArn": "x"}, INVALID,
        "The principalArn is invalid. Specify the ARN of a user, a role or"
        " the root user and try again.")

# Tags.

answers("TagResource", "a service", lambda w: {
    "resourceArn": w.arn("service/default/" + w.service()), "tags": TAGS},
    lambda w: {})
refuses("TagResource", "no such service", lambda w: (
    w.default_cluster(), {"resourceArn": w.arn("service/default/none"),
                          "tags": TAGS})[1],
    "ResourceNotFoundException", "The specified service does not exist."
    " Specify a valid service and try again.")
refuses("TagResource", "a key of AWS's own", lambda w: {
    "resourceArn": w.arn("cluster/" + w.cluster()),
    "tags": [{"key": "aws:x", "value": "y"}]}, INVALID,
    "aws: prefixed tag key names are not allowed for external use.")
answers("UntagResource", "a key that is not there", lambda w: {
    "resourceArn": w.arn("cluster/" + w.cluster()), "tagKeys": ["none"]},
    lambda w: {})
refuses("UntagResource", "an unknown cluster", lambda w: {
    "resourceArn": w.arn("cluster/none"), "tagKeys": ["a"]}, *NO_CLUSTER)
answers("ListTagsForResource", "of none", lambda w: {
    "resourceArn": w.arn("cluster/" + w.cluster())}, {"tags": []})
refuses("ListTagsForResource", "no ARN", {"resourceArn": "x"}, INVALID,
        "The ARN provided is invalid.")
