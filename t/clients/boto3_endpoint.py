#!/usr/bin/env python3
"""A short story at one endpoint through boto3, in TAP.

    boto3_endpoint.py ENDPOINT NAME

Names below example.com are those of this machine.  What is made carries
NAME.  AWS_CA_BUNDLE names the authority for https.
"""

import socket
import sys

import boto3
import botocore.config
import botocore.exceptions

from tap import Tap

ACCOUNT = "111122223333"
REGION = "eu-west-1"

real_getaddrinfo = socket.getaddrinfo


def getaddrinfo(host, *args, **kwargs):
    if isinstance(host, str) and host.endswith(".example.com"):
        host = "127.0.0.1"

    return real_getaddrinfo(host, *args, **kwargs)


socket.getaddrinfo = getaddrinfo


def client(service, endpoint):
    return boto3.session.Session().client(
        service, endpoint_url=endpoint, region_name=REGION,
        aws_access_key_id=ACCOUNT, aws_secret_access_key="secret",
        config=botocore.config.Config(retries={"max_attempts": 0}))


def story(tap, endpoint, name):
    ecs = client("ecs", endpoint)
    arn = "arn:aws:ecs:%s:%s:" % (REGION, ACCOUNT)
    identity = client("sts", endpoint).get_caller_identity()
    tap.same(identity["Account"], ACCOUNT, "get_caller_identity")
    made = ecs.create_cluster(clusterName=name)["cluster"]
    tap.same(made["clusterArn"], arn + "cluster/" + name, "create_cluster")

    # larger than what a proxy or a server keeps in its first buffer

    words = ["x" * 1000] * 60
    definition = ecs.register_task_definition(
        family=name, containerDefinitions=[
            {"name": "c", "image": "i", "memory": 16, "command": words}])
    found = ecs.describe_task_definition(taskDefinition=name)
    tap.same(found["taskDefinition"]["containerDefinitions"],
             definition["taskDefinition"]["containerDefinitions"],
             "a large request, a large answer")

    for i in range(5):
        ecs.create_service(cluster=name, serviceName="s%d" % i,
                           taskDefinition=name, desiredCount=0)

    pages = ecs.get_paginator("list_services").paginate(
        cluster=name, PaginationConfig={"PageSize": 2})
    tap.same(sorted(a for p in pages for a in p["serviceArns"]),
             ["%sservice/%s/s%d" % (arn, name, i) for i in range(5)],
             "list_services, in pages")
    tap.same(ecs.list_clusters()["clusterArns"], [made["clusterArn"]],
             "list_clusters")

    try:
        ecs.delete_cluster(cluster=name)
        tap.ok(False, "ClusterContainsServicesException")
    except ecs.exceptions.ClusterContainsServicesException as e:
        tap.ok(len(e.response["ResponseMetadata"]["RequestId"]) == 36,
               "ClusterContainsServicesException", e.response)

    for i in range(5):
        ecs.delete_service(cluster=name, service="s%d" % i, force=True)

    tap.same(ecs.delete_cluster(cluster=name)["cluster"]["status"],
             "INACTIVE", "delete_cluster")


def main():
    tap = Tap()

    try:
        story(tap, sys.argv[1], sys.argv[2])
    except (botocore.exceptions.ClientError,
            botocore.exceptions.BotoCoreError) as e:
        tap.ok(False, "the story ends", repr(e))

    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
