#!/usr/bin/env python3
"""Several accounts and regions at once through boto3, in TAP.

Every session makes the same names with the same tokens at the same time.
What one sees is its own, with its own numbers, and an ARN or a page token of
another one leads nowhere.

    boto3_accounts.py ENDPOINT
"""

import itertools
import sys
import threading

import boto3
import botocore.config
import botocore.exceptions

from tap import Tap

FAST = {"Delay": 0.2, "MaxAttempts": 600}

tap = Tap()


class Scope:
    """A session: an access key, its account, a region."""

    def __init__(self, endpoint, number, key, account, region):
        self.number = number
        self.account = account
        self.region = region
        self.name = "%s/%s" % (key, region)
        self.prefix = "arn:aws:ecs:%s:%s:" % (region, account)
        session = boto3.session.Session(
            aws_access_key_id=key, aws_secret_access_key="secret",
            region_name=region)
        config = botocore.config.Config(retries={"max_attempts": 0})
        self.ecs = session.client("ecs", endpoint_url=endpoint,
                                  config=config)
        self.sts = session.client("sts", endpoint_url=endpoint,
                                  config=config)
        self.tasks = []
        self.token = None

    def check(self, good, name, why=None):
        return tap.ok(good, "%s: %s" % (self.name, name), why)

    def same(self, got, want, name):
        return tap.same(got, want, "%s: %s" % (self.name, name))

    def make(self):
        """The same names everywhere, numbers of its own."""

        ecs = self.ecs
        self.same(self.sts.get_caller_identity()["Account"], self.account,
                  "get_caller_identity")

        for name in ("shared", "second"):
            made = ecs.create_cluster(clusterName=name, tags=[
                {"key": "scope", "value": self.name}])
            self.same(made["cluster"]["clusterArn"],
                      self.prefix + "cluster/" + name, "create_cluster")

        for revision in range(1, self.number + 2):
            made = ecs.register_task_definition(
                family="app", containerDefinitions=[
                    {"name": "c", "image": "i", "memory": 16}])
            self.same(made["taskDefinition"]["revision"], revision,
                      "register_task_definition")

        ran = ecs.run_task(cluster="shared", taskDefinition="app",
                           count=1 + self.number % 3, startedBy="me",
                           clientToken="the same everywhere")
        self.tasks = sorted(t["taskArn"] for t in ran["tasks"])
        ecs.create_service(
            cluster="shared", serviceName="web", taskDefinition="app",
            desiredCount=self.number % 4, clientToken="the same everywhere")
        ecs.put_account_setting_default(
            name="containerInsights",
            value=("enabled", "enhanced", "disabled")[self.number % 3])
        ecs.get_waiter("services_stable").wait(
            cluster="shared", services=["web"], WaiterConfig=FAST)
        ecs.get_waiter("tasks_running").wait(
            cluster="shared", tasks=self.tasks, WaiterConfig=FAST)

    def look(self):
        """Nothing but what this one has made, and all of that."""

        ecs = self.ecs
        self.same(sorted(ecs.list_clusters()["clusterArns"]),
                  [self.prefix + "cluster/second",
                   self.prefix + "cluster/shared"], "list_clusters")
        cluster = ecs.describe_clusters(clusters=["shared"], include=[
            "TAGS"])["clusters"][0]
        self.same(cluster["tags"], [{"key": "scope", "value": self.name}],
                  "its tags")
        self.same((cluster["runningTasksCount"],
                   cluster["activeServicesCount"]),
                  (len(self.tasks) + self.number % 4, 1), "its counters")
        self.same(ecs.list_task_definitions()["taskDefinitionArns"],
                  ["%stask-definition/app:%d" % (self.prefix, i + 1)
                   for i in range(self.number + 1)], "its revisions")
        self.same(sorted(ecs.list_tasks(cluster="shared",
                                        startedBy="me")["taskArns"]),
                  self.tasks, "its tasks")
        self.check(all(t.startswith(self.prefix) for t in
                       ecs.list_tasks(cluster="shared")["taskArns"]),
                   "tasks of its service")
        setting = ecs.list_account_settings(
            name="containerInsights", effectiveSettings=True)["settings"][0]
        self.same(setting["value"],
                  ("enabled", "enhanced", "disabled")[self.number % 3],
                  "its setting")
        page = ecs.list_clusters(maxResults=1)
        self.token = page["nextToken"]

    def refused(self, call, **args):
        try:
            return self.check(False, "a call is refused",
                              call(**args))
        except botocore.exceptions.ClientError as e:
            return self.check(e.response["Error"]["Code"] in (
                "InvalidParameterException", "ClientException",
                "ClusterNotFoundException", "ServiceNotFoundException",
                "AccessDeniedException", "ResourceNotFoundException"),
                "a call is refused", e)

    def trespass(self, other):
        """What another one has is out of reach by its ARN."""

        ecs = self.ecs
        cluster = other.prefix + "cluster/shared"
        service = other.prefix + "service/shared/web"

        self.refused(ecs.describe_clusters, clusters=[cluster])
        self.refused(ecs.describe_tasks, cluster="shared",
                     tasks=other.tasks)
        self.refused(ecs.delete_cluster, cluster=cluster)
        self.refused(ecs.stop_task, cluster=cluster, task=other.tasks[0])
        self.refused(ecs.stop_task, cluster="shared", task=other.tasks[0])
        self.refused(ecs.update_service, cluster=cluster, service=service,
                     desiredCount=9)
        self.refused(ecs.update_service, cluster="shared", service=service,
                     desiredCount=9)
        self.refused(ecs.delete_service, cluster="shared", service=service,
                     force=True)
        self.refused(ecs.tag_resource, resourceArn=cluster,
                     tags=[{"key": "mine", "value": "now"}])
        self.refused(ecs.run_task, cluster="shared", taskDefinition=(
            other.prefix + "task-definition/app:1"))
        self.refused(ecs.deregister_task_definition, taskDefinition=(
            other.prefix + "task-definition/app:1"))
        self.refused(ecs.list_clusters, maxResults=1, nextToken=other.token)

    def end(self):
        ecs = self.ecs
        ecs.delete_service(cluster="shared", service="web", force=True)
        ecs.get_waiter("services_inactive").wait(
            cluster="shared", services=["web"], WaiterConfig=FAST)

        for task in self.tasks:
            ecs.stop_task(cluster="shared", task=task)

        ecs.get_waiter("tasks_stopped").wait(
            cluster="shared", tasks=self.tasks, WaiterConfig=FAST)

        for name in ("shared", "second"):
            gone = ecs.delete_cluster(cluster=name)
            self.same(gone["cluster"]["status"], "INACTIVE",
                      "delete_cluster")

        self.same(ecs.list_clusters()["clusterArns"], [], "nothing is left")


def together(calls):
    """All at the same time; what one raises is a test that fails."""

    barrier = threading.Barrier(len(calls))

    def work(name, call):
        barrier.wait()

        try:
            call()
        except Exception as e:      # whatever it is, it is a failure
            tap.ok(False, "%s ends" % name, repr(e))

    threads = [threading.Thread(target=work, args=c) for c in calls]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()


def main():
    endpoint = sys.argv[1]
    keys = (("111122223333", "111122223333"),
            ("444455556666", "444455556666"),
            ("777788889999", "777788889999"),
            ("AKIAIOSFODNN7EXAMPLE", "000000000000"))
    regions = ("us-east-1", "eu-west-1", "ap-south-1")
    scopes = [Scope(endpoint, i, key, account, region)
              for i, ((key, account), region)
              in enumerate(itertools.product(keys, regions))]

    together([(s.name, s.make) for s in scopes])
    together([(s.name, s.look) for s in scopes])
    together([(s.name, lambda s=s: [
        s.trespass(o) for o in scopes if o is not s]) for s in scopes])
    together([(s.name, s.look) for s in scopes])

    # every second one ends; the others notice nothing

    together([(s.name, s.end if i % 2 else s.look)
              for i, s in enumerate(scopes)])
    together([(s.name, s.look) for s in scopes[::2]])

    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
