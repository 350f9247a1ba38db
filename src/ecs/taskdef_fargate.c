/*
 * What Fargate asks of a task definition: network mode, one of its sizes,
 * and none of the features that need the host.  The same rules refuse a
 * definition that requires FARGATE and take FARGATE off the compatibilities
 * of one that does not.
 */

#include "taskdef.h"


#define STOP_TIMEOUT_MAX  120
#define EPHEMERAL_MIN     21
#define EPHEMERAL_MAX     200


/* Sizes. */

static const struct {
    int64_t  cpu;
    int64_t  from;              /* MiB */
    int64_t  to;
    int64_t  step;
} sizes[] = {
    { 256, 512, 1024, 512 },
    { 256, 2048, 2048, 1024 },
    { 512, 1024, 4096, 1024 },
    { 1024, 2048, 8192, 1024 },
    { 2048, 4096, 16384, 1024 },
    { 4096, 8192, 30720, 1024 },
    { 8192, 16384, 61440, 4096 },
    { 16384, 32768, 122880, 8192 }
};


static bool
is_size(int64_t cpu, int64_t memory, bool windows)
{
    size_t  i;

    if (windows && cpu < 1024) {
        return false;
    }

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (cpu == sizes[i].cpu && memory >= sizes[i].from
            && memory <= sizes[i].to
            && (memory - sizes[i].from) % sizes[i].step == 0)
        {
            return true;
        }
    }

    return false;
}


static kecs_rc_t
check_size(kecs_call_t *c, const kecs_register_t *in)
{
    int64_t  cpu, memory;

    if (in->cpu.data == NULL) {
        return kecs_fail(c, KECS_E_CLIENT, "Fargate requires that 'cpu' be"
                         " defined at the task level.");
    }

    if (in->memory.data == NULL) {
        return kecs_fail(c, KECS_E_CLIENT, "Fargate requires that 'memory'"
                         " be defined at the task level.");
    }

    if (!kecs_taskdef_size(in->cpu, "vcpu", &cpu)
        || !kecs_taskdef_size(in->memory, "gb", &memory)
        || !is_size(cpu, memory, kecs_taskdef_windows(in)))
    {
        return kecs_fail(c, KECS_E_CLIENT,
                         "No Fargate configuration exists for given values:"
                         " %.*s CPU, %.*s memory. See the Amazon ECS"
                         " documentation for the valid values.",
                         kecs_fmt(in->cpu), kecs_fmt(in->memory));
    }

    return KECS_OK;
}


/* Features. */

static kecs_rc_t
unsupported(kecs_call_t *c, const char *what)
{
    return kecs_fail(c, KECS_E_CLIENT, "Fargate compatible task definitions"
                     " do not support %s", what);
}


static kecs_rc_t
check_task(kecs_call_t *c, const kecs_register_t *in)
{
    if (kecs_str_is(in->pid_mode, "host")) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Tasks using the Fargate launch type do not support"
                         " pidMode 'host'. The supported value for pidMode"
                         " is 'task'.");
    }

    if (in->ipc_mode.data != NULL) {
        return unsupported(c, "ipcMode");
    }

    if (in->placement_constraints.n != 0) {
        return unsupported(c, "placementConstraints");
    }

    if (in->inference_accelerators.n != 0) {
        return unsupported(c, "inferenceAccelerators");
    }

    if (in->ephemeral_storage != NULL
        && (in->ephemeral_storage->size_in_gib.value < EPHEMERAL_MIN
            || in->ephemeral_storage->size_in_gib.value > EPHEMERAL_MAX))
    {
        return kecs_fail(c, KECS_E_CLIENT,
                         "The ephemeral storage size must be between %u GiB"
                         " and %u GiB.", EPHEMERAL_MIN, EPHEMERAL_MAX);
    }

    return KECS_OK;
}


static kecs_rc_t
check_volumes(kecs_call_t *c, const kecs_register_t *in)
{
    size_t                    i;
    const kecs_ecs_volume_t  *v;

    for (i = 0; i < in->volumes.n; i++) {
        v = &in->volumes.items[i];

        if (v->host != NULL && v->host->source_path.len != 0) {
            return unsupported(c, "sourcePath");
        }

        if (v->docker_volume_configuration != NULL) {
            return unsupported(c, "dockerVolumeConfiguration");
        }

        if (v->fsx_windows_file_server_volume_configuration != NULL) {
            return unsupported(c, "fsxWindowsFileServerVolumeConfiguration");
        }
    }

    return KECS_OK;
}


static kecs_rc_t
check_linux(kecs_call_t *c, const kecs_ecs_linux_parameters_t *linux_)
{
    if (linux_ == NULL) {
        return KECS_OK;
    }

    if (linux_->devices.n != 0) {
        return unsupported(c, "devices");
    }

    if (linux_->shared_memory_size.set) {
        return unsupported(c, "sharedMemorySize");
    }

    if (linux_->tmpfs.n != 0) {
        return unsupported(c, "tmpfs");
    }

    if (linux_->max_swap.set) {
        return unsupported(c, "maxSwap");
    }

    if (linux_->swappiness.set) {
        return unsupported(c, "swappiness");
    }

    return KECS_OK;
}


static kecs_rc_t
check_log_driver(kecs_call_t *c, const kecs_register_t *in,
    const kecs_ecs_log_configuration_t *log)
{
    kecs_str_t  driver;

    if (log == NULL) {
        return KECS_OK;
    }

    driver = log->log_driver;

    if (!kecs_str_is(driver, "awslogs") && !kecs_str_is(driver, "splunk")
        && !kecs_str_is(driver, "awsfirelens"))
    {
        return kecs_fail(c, KECS_E_CLIENT, "%.*s is not a valid log driver."
                         " Must be one of [awslogs,splunk,awsfirelens]",
                         kecs_fmt(driver));
    }

    if (kecs_str_is(driver, "awslogs") && in->execution_role_arn.len == 0) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Fargate requires task definition to have execution"
                         " role ARN to support log driver awslogs.");
    }

    return KECS_OK;
}


static kecs_rc_t
check_host_features(kecs_call_t *c, const kecs_condef_t *k)
{
    size_t  i;

    if (k->privileged.value) {
        return unsupported(c, "privileged");
    }

    if (k->docker_security_options.n != 0) {
        return unsupported(c, "dockerSecurityOptions");
    }

    for (i = 0; i < k->resource_requirements.n; i++) {
        if (kecs_str_is(k->resource_requirements.items[i].type, "GPU")) {
            return unsupported(c, "GPU");
        }
    }

    return KECS_OK;
}


static kecs_rc_t
check_container(kecs_call_t *c, const kecs_register_t *in,
    const kecs_condef_t *k)
{
    kecs_rc_t  rc;

    rc = check_host_features(c, k);

    if (rc == KECS_OK) {
        rc = check_linux(c, k->linux_parameters);
    }

    if (rc == KECS_OK) {
        rc = check_log_driver(c, in, k->log_configuration);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    if (k->stop_timeout.set && k->stop_timeout.value > STOP_TIMEOUT_MAX) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Tasks using the Fargate launch type must have a"
                         " container stop timeout of less than 120"
                         " seconds.");
    }

    if (kecs_image_ecr(k->image) && in->execution_role_arn.len == 0) {
        return kecs_fail(c, KECS_E_CLIENT,
                         "Fargate requires task definition to have execution"
                         " role ARN to support ECR images.");
    }

    return KECS_OK;
}


kecs_rc_t
kecs_taskdef_fargate(kecs_call_t *c, const kecs_register_t *in)
{
    size_t     i;
    kecs_rc_t  rc;

    if (!kecs_taskdef_mode(in, "awsvpc")) {
        return kecs_fail(c, KECS_E_CLIENT, "Fargate only supports network"
                         " mode \xe2\x80\x98" "awsvpc\xe2\x80\x99.");
    }

    rc = check_size(c, in);

    if (rc == KECS_OK) {
        rc = check_task(c, in);
    }

    if (rc == KECS_OK) {
        rc = check_volumes(c, in);
    }

    for (i = 0; rc == KECS_OK && i < in->container_definitions.n; i++) {
        rc = check_container(c, in, &in->container_definitions.items[i]);
    }

    return rc;
}
