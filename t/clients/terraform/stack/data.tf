data "aws_caller_identity" "this" {}

data "aws_ecs_cluster" "main" {
  cluster_name = aws_ecs_cluster.main.name
}

data "aws_ecs_clusters" "all" {
  depends_on = [aws_ecs_cluster.main, aws_ecs_cluster.plain]
}

data "aws_ecs_service" "web" {
  cluster_arn  = aws_ecs_cluster.main.arn
  service_name = aws_ecs_service.web.name
}

data "aws_ecs_task_definition" "fargate" {
  task_definition = aws_ecs_task_definition.fargate.family
}

data "aws_ecs_container_definition" "web" {
  task_definition = aws_ecs_task_definition.web.id
  container_name  = "web"
}

data "aws_ecs_task_execution" "job" {
  cluster         = aws_ecs_cluster.main.id
  task_definition = aws_ecs_task_definition.job.arn
  launch_type     = "EC2"
  desired_count   = 1
  started_by      = "terraform"
  group           = "jobs"

  overrides {
    container_overrides {
      name    = "job"
      command = ["sh", "-c", "exit 0"]

      environment {
        key   = "RELEASE"
        value = var.release
      }
    }
  }
}

output "account" {
  value = data.aws_caller_identity.this.account_id
}

output "cluster" {
  value = {
    status  = data.aws_ecs_cluster.main.status
    setting = data.aws_ecs_cluster.main.setting
    connect = data.aws_ecs_cluster.main.service_connect_defaults
    tags    = data.aws_ecs_cluster.main.tags
  }
}

output "clusters" {
  value = sort(data.aws_ecs_clusters.all.cluster_arns)
}

output "service" {
  value = {
    arn                 = data.aws_ecs_service.web.arn
    desired_count       = data.aws_ecs_service.web.desired_count
    launch_type         = data.aws_ecs_service.web.launch_type
    rebalancing         = data.aws_ecs_service.web.availability_zone_rebalancing
    scheduling_strategy = data.aws_ecs_service.web.scheduling_strategy
    tags                = data.aws_ecs_service.web.tags
    task_definition     = data.aws_ecs_service.web.task_definition
  }
}

output "task_definition" {
  value = data.aws_ecs_task_definition.fargate
}

output "container" {
  value = data.aws_ecs_container_definition.web
}
