#!/usr/bin/env python3
"""Every acting operation through boto3, in TAP.

Each answer is checked against the service model (answer_check.py).  Errors
must be exceptions of the model.

    boto3_api.py ENDPOINT
"""

import json
import sys
import threading

import boto3
import botocore.config
import botocore.exceptions

from answer_check import AnswerCheck
from tap import Tap

ACTING = """
    CreateCluster CreateService DeleteCluster DeleteService
    DeregisterTaskDefinition DescribeCapacityProviders DescribeClusters
    DescribeServices DescribeTaskDefinition DescribeTasks ListClusters
    ListGateways ListServices
    ListTagsForResource ListTaskDefinitionFamilies ListTaskDefinitions
    ListTasks RegisterTaskDefinition RunTask StopTask TagResource
    UntagResource UpdateService
""".split()

COMMON_ERRORS = {"UnknownOperationException", "SerializationException"}


tap = Tap()


class Checker:
    """Listens to a client's answers and collects what is wrong with them."""

    def __init__(self, client):
        self.model = client.meta.service_model
        self.lock = threading.Lock()
        self.wrong = []
        self.seen = {}
        self.answers = AnswerCheck(self.model)
        self.errors = set(self.model.shape_names)
        client.meta.events.register("response-received.ecs", self.received)

    def received(self, response_dict, context, **_):
        if response_dict is None:
            return

        operation = context["operation_name"] if "operation_name" in context \
            else None
        status = response_dict["status_code"]
        headers = response_dict["headers"]
        body = response_dict["body"]
        wrong = []

        if headers.get("content-type") != "application/x-amz-json-1.1":
            wrong.append("content-type %r" % headers.get("content-type"))

        if len(headers.get("x-amzn-requestid", "")) != 36:
            wrong.append("no request id")

        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
            wrong.append("no JSON: %r" % body[:100])

        with self.lock:
            self.seen.setdefault(operation, set()).add(status)

            if status == 200 and answer is not None:
                wrong += self.answers.check(operation, answer)
            elif answer is not None:
                self.check_error(answer, status, wrong)

            self.wrong += ["%s: %s" % (operation, w) for w in wrong]

    def check_error(self, answer, status, wrong):
        name = answer.get("__type")
        more = set(answer) - {"__type", "message", "resourceIds"}

        if name not in self.errors and name not in COMMON_ERRORS:
            wrong.append("no exception of the model: %r" % name)

        if more:
            wrong.append("error members %r" % sorted(more))

        if status != (500 if name == "ServerException" else 400):
            wrong.append("%s with %d" % (name, status))


def make_client(endpoint, region="us-east-1", key="AKIAEXAMPLE"):
    client = boto3.session.Session().client(
        "ecs", endpoint_url=endpoint, region_name=region,
        aws_access_key_id=key, aws_secret_access_key="secret",
        config=botocore.config.Config(retries={"max_attempts": 0},
                                      max_pool_connections=32))

    # botocore keeps the operation from the listeners of raw answers

    def note_operation(params, model, context, **_):
        context["operation_name"] = model.name

    client.meta.events.register("before-call.ecs", note_operation)

    return client, Checker(client)


def refusal(call, **args):
    """The class and the text of the error of a call."""

    try:
        call(**args)
    except botocore.exceptions.ClientError as e:
        return type(e).__name__, e.response["Error"]["Message"], e

    return None, None, None


FARGATE = {
    "family": "fargate", "networkMode": "awsvpc", "cpu": "256",
    "memory": "512", "requiresCompatibilities": ["FARGATE"],
    "containerDefinitions": [{"name": "main", "image": "busybox"}],
}
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
FAST = {"Delay": 0.1, "MaxAttempts": 200}


def test_clusters(ecs):
    made = ecs.create_cluster(
        clusterName="boto", tags=[{"key": "a", "value": "b"}],
        settings=[{"name": "containerInsights", "value": "enhanced"}],
        capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategy=[
            {"capacityProvider": "FARGATE", "weight": 1}],
        configuration={"executeCommandConfiguration": {"logging": "NONE"}},
        serviceConnectDefaults={"namespace": "ns"})["cluster"]
    tap.same(made["status"], "ACTIVE", "create_cluster")
    found = ecs.describe_clusters(
        clusters=["boto", "none"],
        include=["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "STATISTICS",
                 "TAGS"])
    tap.same([f["reason"] for f in found["failures"]], ["MISSING"],
             "describe_clusters: a failure")
    tap.same(len(found["clusters"][0]["statistics"]), 16,
             "describe_clusters: statistics")
    ecs.create_cluster()
    ecs.create_cluster(clusterName="gone")
    tap.same(ecs.delete_cluster(cluster="gone")["cluster"]["status"],
             "INACTIVE", "delete_cluster")


def test_task_definitions(ecs):
    full = {
        "name": "main", "image": "busybox", "cpu": 10, "memory": 64,
        "memoryReservation": 32, "essential": True,
        "command": ["sleep", "9"], "entryPoint": ["sh"],
        "environment": [{"name": "A", "value": "1"}],
        "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b/e"}],
        "portMappings": [{"containerPort": 80, "name": "web",
                          "appProtocol": "http"}],
        "mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}],
        "linuxParameters": {"initProcessEnabled": True,
                            "capabilities": {"add": ["SYS_PTRACE"]}},
        "secrets": [{"name": "S", "valueFrom": "p"}],
        "healthCheck": {"command": ["CMD", "true"]},
        "ulimits": [{"name": "nofile", "softLimit": 1, "hardLimit": 2}],
        "logConfiguration": {"logDriver": "awslogs", "options": {
            "awslogs-group": "g", "awslogs-region": "us-east-1"}},
        "dockerLabels": {"l": "v"}, "user": "1", "stopTimeout": 5,
        "restartPolicy": {"enabled": True, "ignoredExitCodes": [0],
                          "restartAttemptPeriod": 60},
        "systemControls": [{"namespace": "n", "value": "v"}],
        "resourceRequirements": [{"type": "GPU", "value": "1"}],
        "extraHosts": [{"hostname": "h", "ipAddress": "1.2.3.4"}],
    }
    side = {"name": "side", "image": "busybox", "memory": 16,
            "essential": False, "dependsOn": [
                {"containerName": "main", "condition": "HEALTHY"}]}
    made = ecs.register_task_definition(
        family="full", containerDefinitions=[full, side],
        executionRoleArn="arn:aws:iam::000000000000:role/r",
        taskRoleArn="arn:aws:iam::000000000000:role/t",
        networkMode="bridge", volumes=[{"name": "v", "host": {}}],
        placementConstraints=[{"type": "memberOf", "expression": "x"}],
        runtimePlatform={"cpuArchitecture": "X86_64",
                         "operatingSystemFamily": "LINUX"},
        pidMode="task", ipcMode="none", enableFaultInjection=True,
        tags=[{"key": "k", "value": "v"}])
    tap.same(made["taskDefinition"]["revision"], 1,
             "register_task_definition")
    tap.same(made["tags"], [{"key": "k", "value": "v"}], "its tags")
    ecs.register_task_definition(**FARGATE)
    ecs.register_task_definition(
        family="plain", containerDefinitions=[
            {"name": "main", "image": "busybox", "memory": 16}])
    ecs.register_task_definition(
        family="short", containerDefinitions=[
            {"name": "main", "image": "busybox", "memory": 16,
             "dockerLabels": {"kecs.simulated.exit-after": "50",
                              "kecs.simulated.exit-code": "3"}}])
    shown = ecs.describe_task_definition(taskDefinition="full",
                                         include=["TAGS"])
    tap.same(shown["taskDefinition"], made["taskDefinition"],
             "describe_task_definition")
    back = ecs.deregister_task_definition(taskDefinition="full:1")
    tap.same(back["taskDefinition"]["status"], "INACTIVE",
             "deregister_task_definition")
    back = ecs.deregister_task_definition(taskDefinition="full:1")
    tap.ok("deregisteredAt" in back["taskDefinition"], "again")


def test_tasks(ecs):
    ran = ecs.run_task(
        taskDefinition="plain", count=2, startedBy="boto", group="g",
        enableExecuteCommand=True, enableECSManagedTags=True,
        tags=[{"key": "k", "value": "v"}], overrides={
            "cpu": "512", "containerOverrides": [
                {"name": "main", "command": ["x"], "environment": [
                    {"name": "E", "value": "1"}]}]})
    arns = [t["taskArn"] for t in ran["tasks"]]
    tap.same((len(arns), ran["failures"]), (2, []), "run_task")
    again = ecs.run_task(taskDefinition="plain", startedBy="boto")
    tap.ok(again["tasks"][0]["taskArn"] not in arns,
           "run_task: boto3's own token is another each time")
    vpc = ecs.run_task(taskDefinition="fargate", launchType="FARGATE",
                       networkConfiguration=NETWORK)["tasks"][0]["taskArn"]
    spot = ecs.run_task(cluster="boto", taskDefinition="fargate",
                        networkConfiguration=NETWORK)["tasks"][0]
    tap.same(spot["capacityProviderName"], "FARGATE", "a strategy")

    ecs.get_waiter("tasks_running").wait(tasks=arns + [vpc],
                                         WaiterConfig=FAST)
    tap.ok(True, "waiter tasks_running")
    tasks = ecs.describe_tasks(tasks=arns + [vpc, "0" * 32],
                               include=["TAGS"])
    tap.same(len(tasks["tasks"]), 3, "describe_tasks")
    tap.same(tasks["failures"][0]["reason"], "MISSING", "a failure")

    ended = ecs.run_task(taskDefinition="short")["tasks"][0]["taskArn"]
    ecs.get_waiter("tasks_stopped").wait(tasks=[ended], WaiterConfig=FAST)
    end = ecs.describe_tasks(tasks=[ended])["tasks"][0]
    tap.same((end["stopCode"], end["containers"][0]["exitCode"]),
             ("EssentialContainerExited", 3), "waiter tasks_stopped")

    try:
        ecs.get_waiter("tasks_running").wait(tasks=[ended],
                                             WaiterConfig=FAST)
        tap.ok(False, "waiter tasks_running of a stopped task")
    except botocore.exceptions.WaiterError as e:
        tap.ok("terminal failure state" in str(e),
               "waiter tasks_running of a stopped task", e)

    for arn in arns + [vpc]:
        stopped = ecs.stop_task(task=arn, reason="enough")["task"]
        tap.same(stopped["desiredStatus"], "STOPPED", "stop_task")

    ecs.get_waiter("tasks_stopped").wait(tasks=arns + [vpc],
                                         WaiterConfig=FAST)
    ecs.stop_task(cluster="boto", task=spot["taskArn"])
    ecs.get_waiter("tasks_stopped").wait(
        cluster="boto", tasks=[spot["taskArn"]], WaiterConfig=FAST)
    ecs.stop_task(task=again["tasks"][0]["taskArn"])
    gone = ecs.describe_tasks(tasks=[vpc])["tasks"][0]
    tap.same(gone["attachments"][0]["status"], "DELETED",
             "a stopped task of awsvpc")


def test_services(ecs):
    made = ecs.create_service(
        serviceName="web", taskDefinition="plain", desiredCount=2,
        clientToken="t", propagateTags="SERVICE", enableECSManagedTags=True,
        tags=[{"key": "k", "value": "v"}], deploymentConfiguration={
            "maximumPercent": 200, "minimumHealthyPercent": 50,
            "deploymentCircuitBreaker": {"enable": True, "rollback": True}},
        placementStrategy=[{"type": "spread", "field": "instanceId"}],
        placementConstraints=[{"type": "distinctInstance"}])["service"]
    tap.same(made["status"], "ACTIVE", "create_service")
    ecs.create_service(
        cluster="boto", serviceName="spot", taskDefinition="fargate",
        desiredCount=1, networkConfiguration=NETWORK,
        healthCheckGracePeriodSeconds=1)
    ecs.get_waiter("services_stable").wait(services=["web"],
                                           WaiterConfig=FAST)
    ecs.get_waiter("services_stable").wait(cluster="boto", services=["spot"],
                                           WaiterConfig=FAST)
    web = ecs.describe_services(services=["web", "none"], include=["TAGS"])
    tap.same(web["services"][0]["runningCount"], 2,
             "waiter services_stable")
    tap.same(web["failures"][0]["reason"], "MISSING", "describe_services")
    ecs.describe_services(cluster="boto", services=["spot"])

    ecs.register_task_definition(
        family="plain", containerDefinitions=[
            {"name": "main", "image": "busybox:2", "memory": 16}])
    after = ecs.update_service(service="web", taskDefinition="plain",
                               desiredCount=1)["service"]
    tap.same(len(after["deployments"]), 2, "update_service")
    ecs.get_waiter("services_stable").wait(services=["web"],
                                           WaiterConfig=FAST)
    web = ecs.describe_services(services=["web"])["services"][0]
    tap.same((len(web["deployments"]), web["runningCount"]), (1, 1),
             "a rolling update")
    tap.same(web["deployments"][0]["rolloutState"], "COMPLETED",
             "its rollout state")

    try:
        ecs.get_waiter("services_stable").wait(services=["none"],
                                               WaiterConfig=FAST)
        tap.ok(False, "waiter services_stable of none")
    except botocore.exceptions.WaiterError as e:
        tap.ok("MISSING" in str(e), "waiter services_stable of none", e)

    for cluster, name in (("default", "web"), ("boto", "spot")):
        end = ecs.delete_service(cluster=cluster, service=name, force=True)
        tap.same(end["service"]["status"], "DRAINING", "delete_service")
        ecs.get_waiter("services_inactive").wait(
            cluster=cluster, services=[name], WaiterConfig=FAST)
        tap.ok(True, "waiter services_inactive")
        ecs.describe_services(cluster=cluster, services=[name],
                              include=["TAGS"])


def test_tags(ecs):
    arn = "arn:aws:ecs:us-east-1:000000000000:cluster/boto"
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "x", "value": ""}])
    tags = ecs.list_tags_for_resource(resourceArn=arn)["tags"]
    tap.same(tags, [{"key": "a", "value": "b"}, {"key": "x", "value": ""}],
             "tag_resource, list_tags_for_resource")
    ecs.untag_resource(resourceArn=arn, tagKeys=["a", "x"])
    tap.same(ecs.list_tags_for_resource(resourceArn=arn)["tags"], [],
             "untag_resource")


def test_nothing_made(ecs):
    """Lists and descriptions of what nobody has made."""

    tap.same({k: v for k, v in ecs.list_gateways().items()
              if k != "ResponseMetadata"}, {"gateways": []},
             "list_gateways")
    found = ecs.describe_capacity_providers()
    tap.same([(p["name"], p["status"]) for p in found["capacityProviders"]],
             [("FARGATE", "ACTIVE"), ("FARGATE_SPOT", "ACTIVE")],
             "describe_capacity_providers")


def test_paginators(ecs):
    names = ["p%02d" % i for i in range(8)]

    for name in names:
        ecs.create_cluster(clusterName=name)
        ecs.register_task_definition(
            family=name, containerDefinitions=[
                {"name": "c", "image": "i", "memory": 16}])
        ecs.create_service(cluster="boto", serviceName=name,
                           taskDefinition="plain", desiredCount=0,
                           launchType="EC2")

    ran = ecs.run_task(cluster="p00", taskDefinition="plain", count=8)

    def everything(operation, member, **args):
        pages = ecs.get_paginator(operation).paginate(
            PaginationConfig={"PageSize": 3}, **args)
        found = [page[member] for page in pages]
        tap.ok(all(len(page) <= 3 for page in found) and len(found) > 1,
               "paginator %s: several pages" % operation)

        return [x.split("/")[-1] for page in found for x in page]

    tap.ok(set(names) <= set(everything("list_clusters", "clusterArns")),
           "paginator list_clusters: all")
    tap.ok(set(names) <= set(everything("list_task_definition_families",
                                        "families", status="ACTIVE")),
           "paginator list_task_definition_families: all")
    tap.ok({n + ":1" for n in names}
           <= set(everything("list_task_definitions", "taskDefinitionArns")),
           "paginator list_task_definitions: all")
    tap.same(sorted(everything("list_services", "serviceArns",
                               cluster="boto")), names,
             "paginator list_services: all")
    tap.same(sorted(everything("list_tasks", "taskArns", cluster="p00")),
             sorted(t["taskArn"].split("/")[-1] for t in ran["tasks"]),
             "paginator list_tasks: all")


def test_errors(ecs, endpoint):
    cases = (
        (ecs.delete_cluster, {"cluster": "none"},
         "ClusterNotFoundException", "Cluster not found."),
        (ecs.delete_cluster, {"cluster": "boto"},
         "ClusterContainsServicesException",
         "The Cluster cannot be deleted while Services are active."),
        (ecs.describe_task_definition, {"taskDefinition": "none"},
         "ClientException", "Unable to describe task definition."),
        (ecs.update_service, {"service": "none"},
         "ServiceNotFoundException", "Service not found."),
        (ecs.update_service, {"service": "web"},
         "ServiceNotActiveException", "Service was not ACTIVE."),
        (ecs.delete_service, {"service": "none"},
         "ServiceNotFoundException", ""),
        (ecs.describe_tasks, {"tasks": []},
         "InvalidParameterException", "Tasks cannot be empty."),
        (ecs.run_task, {"taskDefinition": "fargate", "launchType": "FARGATE",
                        "networkConfiguration": NETWORK,
                        "platformVersion": "0.1"},
         "PlatformUnknownException",
         "The specified platform version does not exist."),
        (ecs.describe_gateway, {"gateway": "nope"},
         "GatewayNotFoundException", None),
        (ecs.describe_daemon, {"daemonArn": "arn:aws:ecs:us-east-1:"
                               "000000000000:daemon/nope/nope"},
         "ClusterNotFoundException", None),
    )

    for call, args, name, text in cases:
        got, message, _ = refusal(call, **args)
        tap.same((got, message if text is not None else None), (name, text),
                 "%s: %s" % (call.__name__, name))

    ecs.run_task(taskDefinition="plain", clientToken="c", startedBy="c")
    name, _, e = refusal(ecs.run_task, taskDefinition="plain",
                         clientToken="c", count=3)
    tap.same(name, "ConflictException", "run_task: ConflictException")
    tap.same(e.response.get("resourceIds"),
             ecs.list_tasks(startedBy="c")["taskArns"], "its resourceIds")
    tap.ok(isinstance(e, ecs.exceptions.ConflictException),
           "it is the class of the client")

    other, checker = make_client(endpoint, "eu-west-1", "111122223333")
    tap.same(other.list_clusters()["clusterArns"], [],
             "another account and region")
    made = other.create_cluster(clusterName="boto")["cluster"]
    tap.same(made["clusterArn"],
             "arn:aws:ecs:eu-west-1:111122223333:cluster/boto", "its ARN")
    tap.same(checker.wrong, [], "its answers")


def test_threads(ecs):
    problems = []

    def work(i):
        name = "thread%d" % i

        try:
            ecs.create_cluster(clusterName=name)
            ecs.create_service(cluster=name, serviceName="s",
                               taskDefinition="plain", desiredCount=2)
            ecs.get_waiter("services_stable").wait(
                cluster=name, services=["s"], WaiterConfig=FAST)
            tasks = ecs.list_tasks(cluster=name)["taskArns"]
            described = ecs.describe_tasks(cluster=name, tasks=tasks)

            if [t["lastStatus"] for t in described["tasks"]] \
                    != ["RUNNING"] * 2:
                problems.append("%s: %r" % (name, described))

            ecs.delete_service(cluster=name, service="s", force=True)
            ecs.get_waiter("services_inactive").wait(
                cluster=name, services=["s"], WaiterConfig=FAST)
            ecs.delete_cluster(cluster=name)
        except Exception as e:      # whatever it is, it is a failure
            problems.append("%s: %s" % (name, e))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    tap.same(problems, [], "eight threads with one client")


def main():
    endpoint = sys.argv[1]
    ecs, checker = make_client(endpoint)

    for test in (test_clusters, test_task_definitions, test_tasks,
                 test_services, test_tags, test_nothing_made, test_paginators,
                 test_threads):
        try:
            test(ecs)
        except Exception as e:      # the tests behind it are still of use
            tap.ok(False, "%s ends" % test.__name__, repr(e))

    test_errors(ecs, endpoint)

    wrong = sorted(set(checker.wrong))
    tap.ok(not wrong, "every answer fits the model", "\n".join(wrong))
    missing = [op for op in ACTING if 200 not in checker.seen.get(op, ())]
    tap.same(missing, [], "every acting operation has been answered")
    seen = len(checker.answers.members)
    print("# %d members of the model were seen" % seen)
    tap.ok(seen > 250, "with most of what they can show", seen)

    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
