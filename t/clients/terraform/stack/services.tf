locals {
  # What only has to run.
  small = aws_ecs_task_definition.small.arn
}

# A rolling update of everything that an EC2 service has.
resource "aws_ecs_service" "web" {
  name                  = "web-${var.generation}"
  cluster               = aws_ecs_cluster.main.id
  task_definition       = aws_ecs_task_definition.web.arn
  desired_count         = 1 + var.release
  wait_for_steady_state = true

  launch_type                        = "EC2"
  deployment_minimum_healthy_percent = 50 * var.release
  deployment_maximum_percent         = 250
  availability_zone_rebalancing      = var.release == 1 ? "ENABLED" : "DISABLED"
  health_check_grace_period_seconds  = 30 * var.release
  enable_ecs_managed_tags            = true
  enable_execute_command             = var.release == 2
  propagate_tags                     = "SERVICE"
  iam_role                           = "ecs"

  deployment_controller {
    type = "ECS"
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = var.release == 2
  }

  alarms {
    alarm_names = ["errors", "latency-${var.release}"]
    enable      = true
    rollback    = true
  }

  load_balancer {
    target_group_arn = local.target_groups[var.release - 1]
    container_name   = "web"
    container_port   = 8080
  }

  ordered_placement_strategy {
    type  = "spread"
    field = "attribute:ecs.availability-zone"
  }

  ordered_placement_strategy {
    type  = "binpack"
    field = var.release == 1 ? "memory" : "cpu"
  }

  placement_constraints {
    type = "distinctInstance"
  }

  placement_constraints {
    type       = "memberOf"
    expression = "attribute:ecs.instance-type =~ t${var.release + 1}.*"
  }

  tags = {
    release = var.release
  }
}

# The smallest, many at a time.
resource "aws_ecs_service" "small" {
  count = 6

  name                  = "small-${count.index}"
  cluster               = aws_ecs_cluster.main.id
  task_definition       = local.small
  desired_count         = 1
  launch_type           = "EC2"
  wait_for_steady_state = true
  propagate_tags        = var.release == 1 ? "TASK_DEFINITION" : "NONE"
}

# In a network, with what goes into tasks of Fargate.
resource "aws_ecs_service" "fargate" {
  name                  = "fargate"
  cluster               = aws_ecs_cluster.main.arn
  task_definition       = "${aws_ecs_task_definition.fargate.family}:${aws_ecs_task_definition.fargate.revision}"
  desired_count         = 2
  launch_type           = "FARGATE"
  platform_version      = "1.4.0"
  wait_for_steady_state = true
  force_new_deployment  = true

  triggers = {
    release = var.release
  }

  network_configuration {
    subnets          = ["subnet-0000000a", "subnet-0000000${var.release}"]
    security_groups  = ["sg-00000001"]
    assign_public_ip = var.release == 1
  }

  load_balancer {
    target_group_arn = local.target_groups[0]
    container_name   = "app"
    container_port   = 8080
  }

  load_balancer {
    target_group_arn = local.target_groups[1]
    container_name   = "app"
    container_port   = 8080
  }

  service_registries {
    registry_arn   = local.registry
    container_name = "app"
    container_port = var.release == 1 ? 8080 : null
  }

  service_connect_configuration {
    enabled   = true
    namespace = local.namespace

    log_configuration {
      log_driver = "awslogs"

      options = {
        awslogs-group  = "connect"
        awslogs-region = "us-east-1"
      }

      secret_option {
        name       = "token"
        value_from = local.secret
      }
    }

    service {
      port_name             = "app"
      discovery_name        = "app-${var.release}"
      ingress_port_override = 15443

      client_alias {
        dns_name = "app.internal"
        port     = 80
      }

      timeout {
        idle_timeout_seconds        = 60
        per_request_timeout_seconds = 15
      }

      tls {
        kms_key  = local.key
        role_arn = local.role

        issuer_cert_authority {
          aws_pca_authority_arn = format(local.account, "acm-pca", "certificate-authority/1")
        }
      }
    }
  }

  volume_configuration {
    name = "ebs"

    managed_ebs_volume {
      role_arn         = local.role
      encrypted        = true
      kms_key_id       = local.key
      file_system_type = "xfs"
      volume_type      = "gp3"
      size_in_gb       = 10 * var.release
      iops             = 3000
      throughput       = 125

      tag_specifications {
        resource_type  = "volume"
        propagate_tags = "SERVICE"

        tags = {
          release = var.release
        }
      }
    }
  }

  vpc_lattice_configurations {
    role_arn         = local.role
    target_group_arn = format(local.account, "vpc-lattice", "targetgroup/tg-0123456789abcdef${var.release}")
    port_name        = "app"
  }
}

# Where it runs is up to capacity providers.
resource "aws_ecs_service" "spot" {
  name                  = "spot"
  cluster               = aws_ecs_cluster.main.id
  task_definition       = aws_ecs_task_definition.windows.arn
  desired_count         = 1
  wait_for_steady_state = true

  # Changes of it are deployed anew, and in place then.
  force_new_deployment = true

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = 1
    weight            = var.release
  }

  capacity_provider_strategy {
    capacity_provider = "FARGATE_SPOT"
    weight            = 3
  }

  network_configuration {
    subnets = ["subnet-0000000a"]
  }

  depends_on = [aws_ecs_cluster_capacity_providers.main]
}

# One task on each instance; goes without being scaled down.
resource "aws_ecs_service" "agent" {
  name                               = "agent"
  cluster                            = aws_ecs_cluster.main.id
  task_definition                    = local.small
  launch_type                        = var.generation == "a" ? "EC2" : "EXTERNAL"
  scheduling_strategy                = "DAEMON"
  deployment_minimum_healthy_percent = 25 * var.release
}

# Scaled by others; deleted with its tasks.
resource "aws_ecs_service" "scaled" {
  name            = "scaled"
  cluster         = aws_ecs_cluster.main.id
  task_definition = "web:${aws_ecs_task_definition.web.revision}"
  launch_type     = "EC2"
  desired_count   = 1
  force_delete    = true

  enable_ecs_managed_tags = var.release == 2

  deployment_circuit_breaker {
    enable   = var.release == 1
    rollback = false
  }

  dynamic "load_balancer" {
    for_each = var.release == 1 ? [] : [1]

    content {
      target_group_arn = local.target_groups[0]
      container_name   = "web"
      container_port   = 8080
    }
  }

  lifecycle {
    ignore_changes = [desired_count]
  }
}

# In the cluster `default`, which is not Terraform's.
resource "aws_ecs_service" "default" {
  name            = "default"
  task_definition = local.small
  desired_count   = var.release - 1
  launch_type     = "EC2"
}

# Deployed by somebody else, by task sets.
resource "aws_ecs_service" "external" {
  name          = "external"
  cluster       = aws_ecs_cluster.main.id
  desired_count = 2
  force_delete  = true

  deployment_controller {
    type = "EXTERNAL"
  }

  tags = {
    release = var.release
  }
}

resource "aws_ecs_task_set" "blue" {
  service           = aws_ecs_service.external.id
  cluster           = aws_ecs_cluster.main.id
  task_definition   = local.small
  external_id       = "blue-${var.generation}"
  launch_type       = "EC2"
  wait_until_stable = true
  force_delete      = true

  scale {
    unit  = "PERCENT"
    value = 50 * var.release
  }

  tags = {
    release = var.release
  }
}

resource "aws_ecs_task_set" "green" {
  service         = aws_ecs_service.external.id
  cluster         = aws_ecs_cluster.main.id
  task_definition = aws_ecs_task_definition.fargate.arn
  force_delete    = true

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    weight            = 1
  }

  load_balancer {
    target_group_arn = local.target_groups[0]
    container_name   = "app"
    container_port   = 8080
  }

  service_registries {
    registry_arn   = local.registry
    container_name = "app"
    container_port = 8080
  }

  network_configuration {
    subnets          = ["subnet-0000000a"]
    security_groups  = ["sg-00000001"]
    assign_public_ip = true
  }

  scale {
    value = 0
  }

  depends_on = [aws_ecs_cluster_capacity_providers.main]
}
