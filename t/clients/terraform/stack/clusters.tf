resource "aws_ecs_cluster" "main" {
  name = "main"

  setting {
    name  = "containerInsights"
    value = var.release == 1 ? "enabled" : "enhanced"
  }

  configuration {
    execute_command_configuration {
      kms_key_id = local.key
      logging    = "OVERRIDE"

      log_configuration {
        cloud_watch_encryption_enabled = true
        cloud_watch_log_group_name     = "exec-${var.release}"
        s3_bucket_name                 = "exec"
        s3_bucket_encryption_enabled   = true
        s3_key_prefix                  = "sessions/"
      }
    }

    managed_storage_configuration {
      fargate_ephemeral_storage_kms_key_id = local.key
      kms_key_id                           = local.key
    }
  }

  service_connect_defaults {
    namespace = local.namespace
  }

  tags = {
    release = var.release
  }
}

# Nothing but a name, which is what replaces it.
resource "aws_ecs_cluster" "plain" {
  name = "plain-${var.generation}"

  tags = {
    release = var.release
  }
}

resource "aws_ecs_cluster_capacity_providers" "main" {
  cluster_name = aws_ecs_cluster.main.name

  capacity_providers = [
    "FARGATE",
    "FARGATE_SPOT",
    aws_ecs_capacity_provider.instances.name,
  ]

  default_capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = 1
    weight            = 50
  }

  default_capacity_provider_strategy {
    capacity_provider = "FARGATE_SPOT"
    weight            = 1
  }
}

# Of clusters that are not Terraform's.
resource "aws_ecs_cluster_capacity_providers" "other" {
  cluster_name = var.generation == "a" ? "default" : "batch"

  capacity_providers = var.release == 1 ? ["FARGATE", "FARGATE_SPOT"] : ["FARGATE"]

  default_capacity_provider_strategy {
    capacity_provider = "FARGATE"
    weight            = var.release
  }
}

resource "aws_ecs_capacity_provider" "instances" {
  name = "instances"

  auto_scaling_group_provider {
    auto_scaling_group_arn = format(local.account, "autoscaling",
    "autoScalingGroup:0a1b2c3d-0000-4000-8000-000000000000:autoScalingGroupName/instances")
    managed_draining               = "ENABLED"
    managed_termination_protection = "DISABLED"

    managed_scaling {
      instance_warmup_period    = 60 * var.release
      maximum_scaling_step_size = 1000
      minimum_scaling_step_size = 1
      status                    = "ENABLED"
      target_capacity           = 100
    }
  }

  tags = {
    release = var.release
  }
}

# No more than it must have.
resource "aws_ecs_capacity_provider" "small" {
  name = "small-${var.generation}"

  auto_scaling_group_provider {
    auto_scaling_group_arn = format(local.account, "autoscaling",
    "autoScalingGroup:0a1b2c3d-0000-4000-8000-000000000001:autoScalingGroupName/small")
    managed_draining = var.release == 1 ? "ENABLED" : "DISABLED"
  }
}

# A tag on what is not Terraform's: the cluster `default`.
resource "aws_ecs_tag" "team" {
  resource_arn = format(local.account, "ecs", "cluster/default")
  key          = "team-${var.generation}"
  value        = "team-${var.release}"
}

resource "aws_ecs_account_setting_default" "insights" {
  name  = "containerInsights"
  value = var.release == 1 ? "enabled" : "disabled"
}

resource "aws_ecs_account_setting_default" "retirement" {
  name  = "fargateTaskRetirementWaitPeriod"
  value = var.release == 1 ? "14" : "0"
}
