"""Task definitions, tasks, protection, exec."""

from table import ABSENT, answers, like, refuses
from world import SUBNETS, TAGS

INVALID = "InvalidParameterException"
CLIENT = "ClientException"
NO_CLUSTER = ("ClusterNotFoundException", "Cluster not found.")
NO_TASK = (INVALID, "The referenced task was not found.")
APP = {"name": "app", "image": "busybox", "memory": 32}

answers("RegisterTaskDefinition", "a container is filled up",
        {"family": "f", "containerDefinitions": [APP]}, lambda w: {
            "taskDefinition.taskDefinitionArn": w.arn("task-definition/f:1"),
            "taskDefinition.containerDefinitions.0.cpu": 0,
            "taskDefinition.containerDefinitions.0.essential": True,
            "taskDefinition.containerDefinitions.0.environment": [],
            "taskDefinition.networkMode": ABSENT,
            "taskDefinition.volumes": [],
            "taskDefinition.requiresAttributes": ABSENT, "tags": ABSENT})
answers("RegisterTaskDefinition", "revisions are never used again",
        lambda w: ([w.do("RegisterTaskDefinition", family="f",
                         containerDefinitions=[APP]) for _ in "12"],
                   [w.do("DeregisterTaskDefinition",
                         taskDefinition="f:%s" % n) for n in "12"],
                   w.do("DeleteTaskDefinitions",
                        taskDefinitions=["f:1", "f:2"]),
                   {"family": "f", "containerDefinitions": [APP]})[3],
        {"taskDefinition.revision": 3})
answers("RegisterTaskDefinition", "units in words", {
    "family": "f", "containerDefinitions": [APP], "cpu": "1 vCPU",
    "memory": "2 GB"}, {"taskDefinition.cpu": "1024",
                        "taskDefinition.memory": "2048"})
answers("RegisterTaskDefinition", "command and entryPoint as given", {
    "family": "f", "containerDefinitions": [dict(
        APP, command=["-c", "$(X)"], entryPoint=["sh"])]}, {
    "taskDefinition.containerDefinitions.0.command": ["-c", "$(X)"],
    "taskDefinition.containerDefinitions.0.entryPoint": ["sh"]})
answers("RegisterTaskDefinition", "storage and faults are kept", {
    "family": "f", "containerDefinitions": [APP], "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
    "ephemeralStorage": {"sizeInGiB": 21}, "enableFaultInjection": True}, {
    "taskDefinition.ephemeralStorage.sizeInGiB": 21,
    "taskDefinition.enableFaultInjection": True})
refuses("RegisterTaskDefinition", "no such Fargate size", {
    "family": "f", "containerDefinitions": [APP], "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "4096"},
    CLIENT, "No Fargate configuration exists for given values: 256 CPU,"
    " 4096 memory. See the Amazon ECS documentation for the valid values.")
refuses("RegisterTaskDefinition", "nothing essential", {
    "family": "f", "containerDefinitions": [dict(APP, essential=False)]},
    CLIENT, "Task definition doesn't have any essential container.")
refuses("RegisterTaskDefinition", "a container without an image", {
    "family": "f", "containerDefinitions": [{"name": "a", "memory": 1}]},
    CLIENT, "Container.image should not be null or empty.")
refuses("RegisterTaskDefinition", "a circle", {
    "family": "f", "containerDefinitions": [
        dict(APP, name=a, dependsOn=[{"containerName": b,
                                      "condition": "START"}])
        for a, b in (("a", "b"), ("b", "a"))]}, CLIENT,
    "Container dependsOn contains a cycle")

answers("DescribeTaskDefinition", "the latest ACTIVE of a family",
        lambda w: ([w.do("RegisterTaskDefinition", family="f",
                         containerDefinitions=[APP]) for _ in "12"],
                   w.do("DeregisterTaskDefinition", taskDefinition="f:2"),
                   {"taskDefinition": "f"})[2],
        {"taskDefinition.revision": 1, "tags": []})
answers("DescribeTaskDefinition", "with its tags", lambda w: (
    w.family("t", tags=TAGS), {"taskDefinition": "t:1",
                               "include": ["TAGS"]})[1], {"tags": TAGS})
refuses("DescribeTaskDefinition", "an unknown one",
        {"taskDefinition": "none"}, CLIENT,
        "Unable to describe task definition.")
refuses("DescribeTaskDefinition", "no number", {"taskDefinition": "f:latest"},
        INVALID, "Invalid task definition: Invalid revision number.")

answers("ListTaskDefinitions", "by the number of the revision",
        lambda w: ([w.do("RegisterTaskDefinition", family="f",
                         containerDefinitions=[APP]) for _ in range(11)],
                   {"familyPrefix": "f", "sort": "DESC"})[1],
        {"taskDefinitionArns.0": like(".*:11"),
         "taskDefinitionArns.1": like(".*:10"),
         "taskDefinitionArns.len": 11})
answers("ListTaskDefinitions", "the whole name of the family", lambda w: (
    w.family("web"), w.family("web2"), {"familyPrefix": "web"})[2],
    {"taskDefinitionArns.len": 1})
refuses("ListTaskDefinitions", "a token of nobody", {"nextToken": "x"},
        INVALID, "Invalid token: the nextToken is not valid for this"
        " request.")
answers("ListTaskDefinitionFamilies", "a prefix", lambda w: (
    w.family("web"), w.family("web2"), w.family("api"),
    {"familyPrefix": "web"})[3], {"families": ["web", "web2"]})
answers("ListTaskDefinitionFamilies", "INACTIVE ones have none ACTIVE",
        lambda w: (w.family("a"), w.old_family(),
                   {"status": "INACTIVE"})[2],
        {"families.len": 1, "families.0": like("old-.*")})
refuses("ListTaskDefinitionFamilies", "a page of none", {"maxResults": 0},
        INVALID, "Max results can not be lesser than 1")

answers("DeregisterTaskDefinition", "INACTIVE, without the time yet",
        lambda w: (w.family(), {"taskDefinition": "web:1"})[1],
        {"taskDefinition.status": "INACTIVE",
         "taskDefinition.deregisteredAt": ABSENT})
answers("DeregisterTaskDefinition", "again, with the time",
        lambda w: {"taskDefinition": w.old_family()},
        {"taskDefinition.deregisteredAt": float})
refuses("DeregisterTaskDefinition", "a family alone",
        lambda w: {"taskDefinition": w.family()}, INVALID,
        "Revision is missing")
refuses("DeregisterTaskDefinition", "what is being deleted", lambda w: (
    w.family("gone"), w.do("DeregisterTaskDefinition",
                           taskDefinition="gone:1"),
    w.do("DeleteTaskDefinitions", taskDefinitions=["gone:1"]),
    {"taskDefinition": "gone:1"})[3], CLIENT,
    "The task definition could not be deregistered because it is in the"
    " process of being deleted.")

answers("DeleteTaskDefinitions", "INACTIVE ones",
        lambda w: {"taskDefinitions": [w.old_family()]},
        {"taskDefinitions.0.status": "DELETE_IN_PROGRESS", "failures": []})
answers("DeleteTaskDefinitions", "failures name what was sent", lambda w: {
    "taskDefinitions": [w.family() + ":1", "none:1", "none"]},
    {"taskDefinitions": [], "failures.0": {
        "arn": "web:1", "reason": "The specified task definition is still in"
        " ACTIVE status. Please deregister the target and try again."},
     "failures.1.reason": "The specified task definition does not exist."
     " Specify a valid account, family, revision and try again.",
     "failures.2.reason": "The specified task definition identifier is"
     " invalid. Specify a valid name or ARN and try again."})
refuses("DeleteTaskDefinitions", "more than ten",
        {"taskDefinitions": ["f:%d" % i for i in range(1, 12)]}, INVALID,
        "Size of TaskDefinition references list cannot exceed 10")

# Tasks.

answers("RunTask", "what a task begins as", lambda w: (
    w.default_cluster(), {"taskDefinition": w.family(), "count": 2,
                          "startedBy": "me", "tags": TAGS})[1], {
    "tasks.len": 2, "failures": [], "tasks.0.lastStatus": "PENDING",
    "tasks.0.desiredStatus": "RUNNING", "tasks.0.version": 1,
    "tasks.0.group": "family:web", "tasks.0.startedBy": "me",
    "tasks.0.tags": TAGS, "tasks.0.startedAt": ABSENT,
    "tasks.0.overrides": {"containerOverrides": [{"name": "app"}],
                          "inferenceAcceleratorOverrides": []},
    "tasks.0.containers.0.lastStatus": "PENDING",
    "tasks.0.containers.0.exitCode": ABSENT})
answers("RunTask", "awsvpc needs no security groups", lambda w: (
    w.default_cluster(), {"taskDefinition": w.fargate(),
                          "launchType": "FARGATE",
                          "networkConfiguration": SUBNETS})[1], {
    "tasks.0.lastStatus": "PROVISIONING",
    "tasks.0.attachments.0.type": "ElasticNetworkInterface",
    "tasks.0.attachments.0.status": "PRECREATED",
    "tasks.0.platformVersion": "1.4.0",
    "tasks.0.ephemeralStorage.sizeInGiB": 20})
answers("RunTask", "the same token is the same task", lambda w: (
    w.task(clientToken="t"), {"taskDefinition": "web",
                              "clientToken": "t"})[1],
    {"tasks.len": 1}, then=("ListTasks", {}, {"taskArns.len": 1}))
refuses("RunTask", "the token with another request", lambda w: (
    w.task(clientToken="t"), {"taskDefinition": "web", "clientToken": "t",
                              "count": 2})[1], "ConflictException",
    "The RunTask request could not be processed due to conflicts. The"
    " provided clientToken is already in use with a different request.")
refuses("RunTask", "an unknown definition", lambda w: (
    w.default_cluster(), {"taskDefinition": "none"})[1], CLIENT,
    "TaskDefinition not found.")
refuses("RunTask", "an INACTIVE definition", lambda w: (
    w.default_cluster(), {"taskDefinition": w.old_family()})[1], CLIENT,
    "TaskDefinition is inactive")
refuses("RunTask", "an unknown cluster", lambda w: {
    "cluster": "none", "taskDefinition": w.family()}, *NO_CLUSTER)
refuses("RunTask", "tags of nothing", lambda w: (
    w.default_cluster(), {"taskDefinition": w.family(),
                          "propagateTags": "NONE"})[1], INVALID,
    "Invalid value for propagateTags")
refuses("RunTask", "launch type and strategy", lambda w: (
    w.default_cluster(), {
        "taskDefinition": w.family(), "launchType": "EC2",
        "capacityProviderStrategy": [
            {"capacityProvider": "FARGATE"}]})[1], INVALID,
    "Specifying both a launch type and capacity provider strategy is not"
    " supported. Remove one and try again.")
refuses("RunTask", "no such platform", lambda w: (
    w.default_cluster(), {"taskDefinition": w.fargate(),
                          "launchType": "FARGATE",
                          "networkConfiguration": SUBNETS,
                          "platformVersion": "9.9.9"})[1],
    "PlatformUnknownException",
    "The specified platform version does not exist.")

answers("StartTask", "on the instance named", lambda w: {
    "taskDefinition": w.family(), "containerInstances": [w.instance()]},
    {"tasks.len": 1, "failures": [],
     "tasks.0.containerInstanceArn": like(".*:container-instance/.*"),
     "tasks.0.launchType": "EC2"})
answers("StartTask", "an instance that is not there", lambda w: (
    w.default_cluster(), {"taskDefinition": w.family(),
                          "containerInstances": ["0" * 32]})[1],
    {"tasks": [], "failures.0.reason": "MISSING"})
refuses("StartTask", "an unknown definition", lambda w: {
    "taskDefinition": "none", "containerInstances": [w.instance()]}, CLIENT,
    "TaskDefinition not found.")

answers("StopTask", "the reason is kept", lambda w: {
    "task": w.task(), "reason": "enough"},
    {"task.desiredStatus": "STOPPED", "task.stopCode": "UserInitiated",
     "task.stoppedReason": "enough"})
answers("StopTask", "a reason is given", lambda w: {"task": w.task()},
        {"task.stoppedReason": "Task stopped by user"})
refuses("StopTask", "an unknown one", lambda w: (
    w.default_cluster(), {"task": "0" * 32})[1], *NO_TASK)
refuses("StopTask", "no id", lambda w: (
    w.default_cluster(), {"task": "x"})[1], INVALID,
    "taskId length should be one of [32,36]")

answers("DescribeTasks", "health is unknown without a check",
        lambda w: {"tasks": [w.task()]},
        {"tasks.0.healthStatus": "UNKNOWN", "failures": [],
         "tasks.0.tags": []})
answers("DescribeTasks", "what is not there, by its ARN", lambda w: (
    w.default_cluster(), {"tasks": ["0" * 32]})[1], lambda w: {
        "tasks": [], "failures": [
            {"arn": w.arn("task/default/" + "0" * 32),
             "reason": "MISSING"}]})
refuses("DescribeTasks", "none named", lambda w: (
    w.default_cluster(), {"tasks": []})[1], INVALID,
    "Tasks cannot be empty.")
refuses("DescribeTasks", "more than a hundred", lambda w: (
    w.default_cluster(), {"tasks": ["%032x" % i for i in range(101)]})[1],
    INVALID, "Tasks cannot have more than 100 elements.")
refuses("DescribeTasks", "an unknown cluster",
        {"cluster": "none", "tasks": ["0" * 32]}, *NO_CLUSTER)

answers("ListTasks", "RUNNING ones, by who started them", lambda w: (
    w.task(), w.task(startedBy="me"), {"startedBy": "me"})[2],
    {"taskArns.len": 1})
answers("ListTasks", "PENDING is none", lambda w: (
    w.task(), {"desiredStatus": "PENDING"})[1], {"taskArns": []})
answers("ListTasks", "the whole name of a family", lambda w: (
    w.task(), {"family": "we"})[1], {"taskArns": []})
refuses("ListTasks", "an unknown service", lambda w: (
    w.default_cluster(), {"serviceName": "none"})[1],
    "ServiceNotFoundException", "Service not found.")
refuses("ListTasks", "an unknown cluster", {"cluster": "none"}, *NO_CLUSTER)

answers("UpdateTaskProtection", "what no service started", lambda w: {
    "cluster": w.default_cluster(), "tasks": [w.task()],
    "protectionEnabled": True}, {
    "protectedTasks": [], "failures.0.reason": "TASK_NOT_VALID"})
refuses("UpdateTaskProtection", "more than ten", lambda w: {
    "cluster": w.default_cluster(), "protectionEnabled": True,
    "tasks": ["%032x" % i for i in range(11)]}, INVALID,
    "Tasks cannot have more than 10 elements.")
refuses("UpdateTaskProtection", "longer than two days", lambda w: {
    "cluster": w.default_cluster(), "protectionEnabled": True,
    "tasks": ["0" * 32], "expiresInMinutes": 2881}, INVALID,
    "expiresInMinutes must be between 1 and 2880.")
answers("GetTaskProtection", "what is not there", lambda w: {
    "cluster": w.default_cluster(), "tasks": ["0" * 32]},
    {"protectedTasks": [], "failures.0.reason": "MISSING"})
refuses("GetTaskProtection", "an unknown cluster",
        {"cluster": "none", "tasks": ["0" * 32]}, *NO_CLUSTER)

refuses("ExecuteCommand", "an unknown task", lambda w: {
    "cluster": w.default_cluster(), "task": "0" * 32, "command": "sh",
    "interactive": True}, *NO_TASK)
refuses("ExecuteCommand", "not interactive", lambda w: {
    "cluster": w.default_cluster(), "task": w.task(), "command": "sh",
    "interactive": False}, INVALID,
    "Interactive is the only mode that is supported currently.")
