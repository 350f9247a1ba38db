"""Clusters, their capacity providers and settings."""

from table import ABSENT, answers, like, refuses
from world import GROUP, MANAGED, World

INVALID = "InvalidParameterException"
CLIENT = "ClientException"
NO_CLUSTER = ("ClusterNotFoundException", "Cluster not found.")
INCONSISTENT = ("Arguments on this idempotent request are inconsistent with"
                " arguments used in previous request(s).")

answers("CreateCluster", "without a name it is default", {}, {
    "cluster.clusterName": "default", "cluster.status": "ACTIVE",
    "cluster.statistics": [], "cluster.tags": [],
    "cluster.capacityProviders": [],
    "cluster.defaultCapacityProviderStrategy": [],
    "cluster.settings": [{"name": "containerInsights", "value": "disabled"}],
    "cluster.configuration": ABSENT, "clusterCount": 1})
answers("CreateCluster", "twice the same is one", lambda w: (
    w.do("CreateCluster", clusterName="a"), {"clusterName": "a"})[1],
    {"cluster.clusterName": "a"},
    then=("ListClusters", {}, {"clusterArns.len": 1}))
refuses("CreateCluster", "twice with other settings", lambda w: (
    w.do("CreateCluster", clusterName="a"),
    {"clusterName": "a", "settings": [
        {"name": "containerInsights", "value": "enabled"}]})[1],
    INVALID, INCONSISTENT)
refuses("CreateCluster", "a setting of no such value",
        {"settings": [{"name": "containerInsights", "value": "maybe"}]},
        INVALID, "Invalid setting 'value'")
refuses("CreateCluster", "a capacity provider that is not there",
        {"capacityProviders": ["none"]}, INVALID,
        "The specified capacity provider none was not found. Specify a valid"
        " name or ARN and try again.")

answers("DescribeClusters", "nothing named is default", lambda w: (
    w.default_cluster(), {})[1],
    lambda w: {"clusters.0.clusterArn": w.arn("cluster/default"),
               "clusters.len": 1, "failures": []})
answers("DescribeClusters", "what is not there, by its ARN",
        {"clusters": ["none"]},
        lambda w: {"clusters": [], "failures": [
            {"arn": w.arn("cluster/none"), "reason": "MISSING"}]})
answers("DescribeClusters", "named twice it is shown once", lambda w: {
    "clusters": [w.default_cluster(), w.arn("cluster/default")]},
    {"clusters.len": 1})
answers("DescribeClusters", "all that can be included", lambda w: {
    "clusters": [w.default_cluster()], "include": [
        "ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "STATISTICS", "TAGS"]},
    {"clusters.0.statistics.len": 16, "clusters.0.settings.len": 1})
refuses("DescribeClusters", "more than a hundred",
        {"clusters": ["c%d" % i for i in range(101)]}, INVALID,
        "Clusters can have at most 100 items.")

answers("ListClusters", "an account without any", {}, {"clusterArns": []})
refuses("ListClusters", "a token of nobody", {"nextToken": "x"}, INVALID,
        "Invalid token: the nextToken is not valid for this request.")
refuses("ListClusters", "more than a page can hold", {"maxResults": 101},
        INVALID, "Max results can not be greater than 100")

answers("UpdateCluster", "a configuration", lambda w: {
    "cluster": w.cluster(), "configuration": {
        "executeCommandConfiguration": {"logging": "DEFAULT"}}},
    {"cluster.configuration.executeCommandConfiguration.logging": "DEFAULT"})
refuses("UpdateCluster", "an unknown one", {"cluster": "none"}, *NO_CLUSTER)
answers("UpdateClusterSettings", "container insights", lambda w: {
    "cluster": w.cluster(), "settings": [
        {"name": "containerInsights", "value": "enhanced"}]},
    {"cluster.settings": [{"name": "containerInsights",
                           "value": "enhanced"}]})
refuses("UpdateClusterSettings", "an unknown one, before its settings",
        {"cluster": "none", "settings": [{"name": "x", "value": "y"}]},
        *NO_CLUSTER)

answers("PutClusterCapacityProviders", "both lists are replaced",
        lambda w: {"cluster": w.cluster(),
                   "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
                   "defaultCapacityProviderStrategy": [
                       {"capacityProvider": "FARGATE_SPOT", "weight": 1}]},
        {"cluster.capacityProviders": ["FARGATE", "FARGATE_SPOT"],
         "cluster.defaultCapacityProviderStrategy": [
             {"capacityProvider": "FARGATE_SPOT", "base": 0, "weight": 1}]})
refuses("PutClusterCapacityProviders", "an unknown cluster",
        {"cluster": "none", "capacityProviders": [],
         "defaultCapacityProviderStrategy": []}, *NO_CLUSTER)
refuses("PutClusterCapacityProviders", "a strategy of what it has not",
        lambda w: {"cluster": w.cluster(), "capacityProviders": ["FARGATE"],
                   "defaultCapacityProviderStrategy": [
                       {"capacityProvider": "FARGATE_SPOT", "weight": 1}]},
        INVALID, "The specified capacity provider strategy cannot contain a"
        " capacity provider that is not associated with the cluster."
        " Associate the capacity provider with the cluster and try again.")

answers("DeleteCluster", "an empty one is INACTIVE at once", lambda w: {
    "cluster": w.cluster()}, {"cluster.status": "INACTIVE",
                              "cluster.tags": []},
    then=("DescribeClusters", lambda w, a: {
        "clusters": [a["cluster"]["clusterArn"]]},
        {"clusters.0.status": "INACTIVE"}))
refuses("DeleteCluster", "an unknown one", {"cluster": "none"}, *NO_CLUSTER)
refuses("DeleteCluster", "with a service of no tasks", lambda w: (
    w.service(), {"cluster": "default"})[1],
    "ClusterContainsServicesException",
    "The Cluster cannot be deleted while Services are active.")
refuses("DeleteCluster", "with a task", lambda w: (
    w.task(), {"cluster": "default"})[1], "ClusterContainsTasksException",
    "The Cluster cannot be deleted while Tasks are active.")
refuses("DeleteCluster", "with a container instance", lambda w: (
    w.instance(), {"cluster": "default"})[1],
    "ClusterContainsContainerInstancesException",
    "The Cluster cannot be deleted while Container Instances are active or"
    " draining.")
refuses("DeleteCluster", "with a capacity provider of its own", lambda w: (
    w.managed(), {"cluster": "default"})[1],
    "ClusterContainsCapacityProviderException",
    "The Cluster cannot be deleted while Cluster Scoped Capacity Providers"
    " are attached to the cluster.")

# Capacity providers.

answers("CreateCapacityProvider", "of an Auto Scaling group", lambda w: {
    "name": "p", "autoScalingGroupProvider": {
        "autoScalingGroupArn": GROUP + "g"}},
    {"capacityProvider.status": "ACTIVE",
     "capacityProvider.type": "EC2_AUTOSCALING",
     "capacityProvider.autoScalingGroupProvider.managedScaling.status":
         "DISABLED",
     "capacityProvider.tags": []})
answers("CreateCapacityProvider", "of managed instances", lambda w: {
    "name": "p", "cluster": w.default_cluster(),
    "managedInstancesProvider": MANAGED},
    {"capacityProvider.type": "MANAGED_INSTANCES",
     "capacityProvider.cluster": "default"})
refuses("CreateCapacityProvider", "a name of AWS's own", lambda w: {
    "name": "aws-p", "autoScalingGroupProvider": {
        "autoScalingGroupArn": GROUP + "g"}}, INVALID,
    "The capacity provider name is invalid. Up to 255 letters (uppercase and"
    " lowercase), numbers, underscores, and hyphens are allowed. The name"
    " can't be prefixed with \"aws\", \"ecs\", or \"fargate\".")
refuses("CreateCapacityProvider", "neither kind", {"name": "p"}, INVALID,
        "Specify exactly one of autoScalingGroupProvider and"
        " managedInstancesProvider.")
answers("DescribeCapacityProviders", "those of AWS are there", {}, {
    "capacityProviders.0.name": "FARGATE",
    "capacityProviders.1.name": "FARGATE_SPOT", "failures": []})
answers("DescribeCapacityProviders", "what is not there",
        {"capacityProviders": ["none"]}, lambda w: {
            "capacityProviders": [], "failures": [
                {"arn": w.arn("capacity-provider/none"),
                 "reason": "MISSING"}]})
answers("UpdateCapacityProvider", "its scaling", lambda w: {
    "name": w.provider(), "autoScalingGroupProvider": {
        "managedScaling": {"status": "ENABLED", "targetCapacity": 50}}},
    {"capacityProvider.autoScalingGroupProvider.managedScaling."
     "targetCapacity": 50})
refuses("UpdateCapacityProvider", "an unknown one", {
    "name": "none", "autoScalingGroupProvider": {}}, CLIENT,
    "The specified capacity provider does not exist. Specify a valid name or"
    " ARN and try again.")
answers("DeleteCapacityProvider", "of no cluster", lambda w: {
    "capacityProvider": w.provider()},
    {"capacityProvider.status": like("DEPROVISIONING|INACTIVE")})
refuses("DeleteCapacityProvider", "one of AWS's own",
        {"capacityProvider": "FARGATE"}, CLIENT,
        "The specified capacity provider is reserved and can't be changed or"
        " deleted.")
