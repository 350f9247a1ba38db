"""Limits that the model does not have: those of the documentation.

LISTS has for a member of a request how many it may hold, PAGES for a list
operation the largest maxResults.
"""

import copy

from generate import CLIENT, INVALID, Case, valid

PLACEMENT = ("There can be at most 10 placement constraints and 5 placement"
             " strategies.")
STRATEGY = ("The capacity provider strategy cannot contain more than 20"
            " capacity providers.")

LISTS = (
    ("DescribeClusters", "clusters", 100, INVALID,
     "Clusters can have at most 100 items."),
    ("DescribeServices", "services", 10, INVALID,
     "Services cannot have more than 10 elements."),
    ("DescribeTasks", "tasks", 100, INVALID,
     "Tasks cannot have more than 100 elements."),
    ("DescribeContainerInstances", "containerInstances", 100, INVALID,
     "Container Instances cannot have more than 100 elements."),
    ("UpdateContainerInstancesState", "containerInstances", 10, INVALID,
     "Container Instances cannot have more than 10 elements."),
    ("DescribeCapacityProviders", "capacityProviders", 100, INVALID,
     "capacityProviders can have at most 100 items."),
    ("DeleteTaskDefinitions", "taskDefinitions", 10, INVALID,
     "Size of TaskDefinition references list cannot exceed 10"),
    ("UpdateTaskProtection", "tasks", 10, INVALID,
     "Tasks cannot have more than 10 elements."),
    ("GetTaskProtection", "tasks", 100, INVALID,
     "Tasks cannot have more than 100 elements."),
    ("StartTask", "containerInstances", 10, INVALID,
     "Container Instances cannot have more than 10 elements."),
    ("DescribeServiceDeployments", "serviceDeploymentArns", 20, INVALID,
     "Service Deployment ARN count cannot exceed 20"),
    ("DescribeServiceRevisions", "serviceRevisionArns", 20, INVALID,
     "Service Revision ARN count cannot exceed 20"),
    ("DescribeDaemonDeployments", "daemonDeploymentArns", 20, INVALID,
     "Daemon Deployment ARN count cannot exceed 20"),
    ("DescribeDaemonRevisions", "daemonRevisionArns", 20, INVALID,
     "Daemon Revision ARN count cannot exceed 20"),
    ("DescribeTaskSets", "taskSets", 10, INVALID,
     "Task sets cannot have more than 10 elements."),
    ("ListGateways", "names", 10, INVALID,
     "names cannot have more than 10 elements."),
    ("CreateService", "placementConstraints", 10, INVALID, PLACEMENT),
    ("CreateService", "placementStrategy", 5, INVALID, PLACEMENT),
    ("CreateService", "capacityProviderStrategy", 20, INVALID, STRATEGY),
    ("RunTask", "placementConstraints", 10, INVALID, PLACEMENT),
    ("RunTask", "placementStrategy", 5, INVALID, PLACEMENT),
    ("RunTask", "capacityProviderStrategy", 20, INVALID, STRATEGY),
    ("RegisterTaskDefinition", "containerDefinitions", 10, CLIENT,
     "Container list can have at most 10 items."),
    ("RegisterTaskDefinition", "placementConstraints", 10, CLIENT,
     "Placement constraints can have at most 10 items."),
    ("PutAttributes", "attributes", 10, INVALID,
     "Attributes cannot have more than 10 elements."),
    ("PutClusterCapacityProviders", "capacityProviders", 20, INVALID,
     "A cluster can have a maximum of 20 capacity providers."),
)

PAGES = {
    "DescribeCapacityProviders": 10, "DescribeGatewayResources": 20,
    "ListAccountSettings": 10, "ListAttributes": 100, "ListClusters": 100,
    "ListContainerInstances": 100, "ListDaemonDeployments": 100,
    "ListDaemonTaskDefinitions": 100, "ListDaemons": 100,
    "ListGatewayClusterAssociations": 100, "ListGatewayRoutes": 100,
    "ListGateways": 100, "ListServiceDeployments": 100, "ListServices": 100,
    "ListServicesByNamespace": 100, "ListTaskDefinitionFamilies": 100,
    "ListTaskDefinitions": 100, "ListTasks": 100,
}


def longer(request, name, shape, n):
    """The request with n elements where it has one, or none."""

    given = request.get(name) or [valid(shape.members[name].member)]

    return dict(request, **{name: [copy.deepcopy(given[0])
                                   for _ in range(n)]})


def list_cases(operation, shape):
    for name, member, most, error, text in LISTS:
        if name == operation:
            yield Case(operation, "limit", "%s: %d" % (member, most),
                       lambda r, m=member, n=most: longer(r, m, shape,
                                                          n + 1),
                       (error, text))


def page_cases(operation, most):
    def page(where, want, **more):
        return Case(operation, "page", where, lambda r: dict(r, **more),
                    want)

    small = (INVALID, "Max results can not be lesser than 1")
    yield page("none", small, maxResults=0)
    yield page("less", small, maxResults=-1)
    yield page("too many", (INVALID, "Max results can not be greater than %d"
                            % most), maxResults=most + 1)
    yield page("a token of nobody", (INVALID, "Invalid token: the nextToken"
                                     " is not valid for this request."),
               nextToken="x")
    yield page("a whole one", None, maxResults=most)


def cases(model, operation):
    shape = model.operation_model(operation).input_shape
    yield from list_cases(operation, shape)

    if "maxResults" in shape.members:
        yield from page_cases(operation, PAGES[operation])
