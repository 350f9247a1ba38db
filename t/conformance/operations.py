"""What each operation does here and how that differs from ECS.

Input and answers are checked for all of them, and what is written lasts;
the texts say what follows from it, and name members that are kept and
shown without effect.
"""

KEPT = "kept and shown without effect"

OPERATIONS = {
    "AssociateGatewayWithCluster":
        "as ECS, at most five for a cluster; gateways carry no traffic",
    "ContinueServiceDeployment":
        "ends the wait at a PAUSE hook",
    "CreateCapacityProvider":
        "both kinds; no group is scaled, no instance is launched",
    "CreateCluster":
        "as ECS; of `settings` containerInsights, `configuration` is "
        + KEPT,
    "CreateDaemon":
        "a daemon, its revision and deployment; runs nothing",
    "CreateExpressGatewayService":
        "a service that runs, with its task definition and cluster; nothing"
        " answers at its endpoint, nothing scales it",
    "CreateGateway":
        "as ECS; no load balancer is made",
    "CreateService":
        "REPLICA and DAEMON run, zones are rebalanced; `loadBalancers`,"
        " `serviceRegistries`,"
        " `vpcLatticeConfigurations` and `monitoring` are "
        + KEPT + "; ARNs of other services are not looked up",
    "CreateTaskSet":
        "its tasks run; `loadBalancers` and `serviceRegistries` are " + KEPT,
    "DeleteAccountSetting": "as ECS",
    "DeleteAttributes": "as ECS",
    "DeleteCapacityProvider": "as ECS; there are no instances to end",
    "DeleteCluster":
        "as ECS; its daemons and gateway associations go with it",
    "DeleteDaemon": "as ECS; there are no tasks to end",
    "DeleteDaemonTaskDefinition": "as ECS",
    "DeleteExpressGatewayService": "drains the service",
    "DeleteGateway": "as ECS; its deletion protection counts",
    "DeleteService":
        "drains and ends the tasks; with `force` also above 0",
    "DeleteTaskDefinitions":
        "as ECS; stays DELETE_IN_PROGRESS while something uses it",
    "DeleteTaskSet": "drains and ends its tasks",
    "DeregisterContainerInstance":
        "as ECS; with `force` its tasks are ended",
    "DeregisterTaskDefinition": "as ECS",
    "DescribeCapacityProviders":
        "as ECS; unknown names in `include` are ignored",
    "DescribeClusters": "as ECS; unknown names in `include` are ignored",
    "DescribeContainerInstances":
        "as ECS; of health an overall status alone is known",
    "DescribeDaemon": "as ECS; all counts are 0",
    "DescribeDaemonDeployments": "as ECS; done at once, all counts are 0",
    "DescribeDaemonRevisions": "as ECS",
    "DescribeDaemonTaskDefinition": "as ECS",
    "DescribeExpressGatewayService": "as ECS; an endpoint of no server",
    "DescribeGateway": "as ECS",
    "DescribeGatewayResources": "as ECS; the ARNs name nothing",
    "DescribeGatewayRoute": "as ECS; the URL is of no server",
    "DescribeServiceDeployments": "as ECS",
    "DescribeServiceRevisions":
        "as ECS; image digests once a task of the deployment has told them",
    "DescribeServices": "as ECS; unknown names in `include` are ignored",
    "DescribeTaskDefinition": "as ECS",
    "DescribeTaskSets": "as ECS",
    "DescribeTasks":
        "as ECS; the network interface is made up, its address is the"
        " pod's",
    "DisassociateGatewayFromCluster": "as ECS",
    "DiscoverPollEndpoint":
        "names this server; nothing is polled there",
    "ExecuteCommand":
        "checked; there is no channel, so it ends in an error of ECS",
    "GetTaskProtection": "as ECS",
    "ListAccountSettings": "as ECS",
    "ListAttributes": "as ECS",
    "ListClusters": "as ECS",
    "ListContainerInstances": "as ECS, with the cluster query language",
    "ListDaemonDeployments": "as ECS",
    "ListDaemonTaskDefinitions": "as ECS",
    "ListDaemons": "as ECS",
    "ListGatewayClusterAssociations": "as ECS",
    "ListGatewayRoutes": "as ECS",
    "ListGateways": "as ECS",
    "ListServiceDeployments": "as ECS",
    "ListServices": "as ECS; in the order of names",
    "ListServicesByNamespace": "as ECS; a namespace is what services name",
    "ListTagsForResource": "as ECS",
    "ListTaskDefinitionFamilies": "as ECS",
    "ListTaskDefinitions": "as ECS",
    "ListTasks": "as ECS",
    "PutAccountSetting":
        "kept for the principal; containerInsights counts for new clusters",
    "PutAccountSettingDefault":
        "kept for the account; containerInsights counts for new clusters",
    "PutAttributes": "as ECS",
    "PutClusterCapacityProviders":
        "as ECS; nothing scales",
    "RegisterContainerInstance":
        "as agents do it; identity documents are not verified",
    "RegisterDaemonTaskDefinition": "as ECS",
    "RegisterTaskDefinition":
        "as ECS; what becomes of each member on Kubernetes is below",
    "RunTask":
        "as ECS; where no node is known Kubernetes places the tasks",
    "StartTask":
        "as ECS on instances that are nodes; on others their resources are"
        " counted, and the task runs where the runtime puts it",
    "StopServiceDeployment": "rolls back, as the only stop type",
    "StopTask": "as ECS: SIGTERM, stopTimeout, SIGKILL",
    "SubmitAttachmentStateChanges": "for tasks on instances",
    "SubmitContainerStateChange": "for tasks on instances",
    "SubmitTaskStateChange": "for tasks on instances",
    "TagResource": "as ECS",
    "UntagResource": "as ECS",
    "UpdateCapacityProvider": "as ECS; nothing scales",
    "UpdateCluster": "as ECS; `configuration` is " + KEPT,
    "UpdateClusterSettings": "as ECS",
    "UpdateContainerAgent":
        "checked; there is never a newer agent",
    "UpdateContainerInstancesState":
        "as ECS; tasks of services leave an instance that is DRAINING",
    "UpdateDaemon": "another revision and deployment; runs nothing",
    "UpdateExpressGatewayService": "another deployment of the service",
    "UpdateGateway": "as ECS; complete at once",
    "UpdateService":
        "as ECS; members without effect are those of CreateService",
    "UpdateServicePrimaryTaskSet": "as ECS",
    "UpdateTaskProtection": "protects from scaling in and deployments",
    "UpdateTaskSet": "scales its tasks",
}
