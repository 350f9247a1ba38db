/*
 * The error names of ECS and of AWS's JSON protocol, with their HTTP
 * status: faults of the client are 400, of the server 500 (ecs-api.md 1).
 */

#include "call.h"


static const struct {
    const char  *name;
    unsigned     status;
} errors[KECS_ERRORS] = {
    [KECS_E_NONE] = { "", 200 },
    [KECS_E_MISSING_VERSION] = { "MissingVersionException", 400 },
    [KECS_E_NO_UPDATE_AVAILABLE] = { "NoUpdateAvailableException", 400 },
    [KECS_E_TARGET_NOT_CONNECTED] = { "TargetNotConnectedException", 400 },
    [KECS_E_SERVER] = { "ServerException", 500 },
    [KECS_E_CLIENT] = { "ClientException", 400 },
    [KECS_E_INVALID_PARAMETER] = { "InvalidParameterException", 400 },
    [KECS_E_ACCESS_DENIED] = { "AccessDeniedException", 400 },
    [KECS_E_ATTRIBUTE_LIMIT_EXCEEDED] =
        { "AttributeLimitExceededException", 400 },
    [KECS_E_BLOCKED] = { "BlockedException", 400 },
    [KECS_E_CLUSTER_CONTAINS_CAPACITY_PROVIDER] =
        { "ClusterContainsCapacityProviderException", 400 },
    [KECS_E_CLUSTER_CONTAINS_CONTAINER_INSTANCES] =
        { "ClusterContainsContainerInstancesException", 400 },
    [KECS_E_CLUSTER_CONTAINS_SERVICES] =
        { "ClusterContainsServicesException", 400 },
    [KECS_E_CLUSTER_CONTAINS_TASKS] =
        { "ClusterContainsTasksException", 400 },
    [KECS_E_CLUSTER_NOT_FOUND] = { "ClusterNotFoundException", 400 },
    [KECS_E_CONFLICT] = { "ConflictException", 400 },
    [KECS_E_LIMIT_EXCEEDED] = { "LimitExceededException", 400 },
    [KECS_E_NAMESPACE_NOT_FOUND] = { "NamespaceNotFoundException", 400 },
    [KECS_E_PLATFORM_TASKDEF_INCOMPATIBILITY] =
        { "PlatformTaskDefinitionIncompatibilityException", 400 },
    [KECS_E_PLATFORM_UNKNOWN] = { "PlatformUnknownException", 400 },
    [KECS_E_RESOURCE_IN_USE] = { "ResourceInUseException", 400 },
    [KECS_E_RESOURCE_NOT_FOUND] = { "ResourceNotFoundException", 400 },
    [KECS_E_SERVICE_NOT_ACTIVE] = { "ServiceNotActiveException", 400 },
    [KECS_E_SERVICE_NOT_FOUND] = { "ServiceNotFoundException", 400 },
    [KECS_E_TARGET_NOT_FOUND] = { "TargetNotFoundException", 400 },
    [KECS_E_TASK_SET_NOT_FOUND] = { "TaskSetNotFoundException", 400 },
    [KECS_E_UNSUPPORTED_FEATURE] = { "UnsupportedFeatureException", 400 },
    [KECS_E_UPDATE_IN_PROGRESS] = { "UpdateInProgressException", 400 },
    [KECS_E_SERIALIZATION] = { "SerializationException", 400 },
    [KECS_E_UNKNOWN_OPERATION] = { "UnknownOperationException", 400 },
    [KECS_E_THROTTLING] = { "ThrottlingException", 400 },
    [KECS_E_SERVICE_UNAVAILABLE] = { "ServiceUnavailableException", 503 },
    [KECS_E_REQUEST_TOO_LARGE] =
        { "RequestEntityTooLargeException", 413 },
    [KECS_E_MISSING_TOKEN] = { "MissingAuthenticationTokenException", 400 },
    [KECS_E_DAEMON_NOT_FOUND] = { "DaemonNotFoundException", 400 },
    [KECS_E_DAEMON_NOT_ACTIVE] = { "DaemonNotActiveException", 400 },
    [KECS_E_GATEWAY_NOT_FOUND] = { "GatewayNotFoundException", 400 },
    [KECS_E_SERVICE_DEPLOYMENT_NOT_FOUND] =
        { "ServiceDeploymentNotFoundException", 400 },
};


const char *
kecs_error_name(kecs_error_t e)
{
    return (unsigned) e < KECS_ERRORS ? errors[e].name : "ServerException";
}


unsigned
kecs_error_status(kecs_error_t e)
{
    return (unsigned) e < KECS_ERRORS ? errors[e].status : 500;
}
