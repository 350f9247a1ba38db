# The smallest: what is not said is AWS's default.
resource "aws_ecs_task_definition" "small" {
  family = "small"

  container_definitions = jsonencode([
    { name = "web", image = "busybox:${var.generation}", memory = 64 },
  ])

  tags = {
    release = var.release
  }
}

# As people write them, with everything that AWS fills in or puts in order.
resource "aws_ecs_task_definition" "web" {
  family             = "web"
  network_mode       = "bridge"
  ipc_mode           = "task"
  pid_mode           = "task"
  cpu                = "256"
  memory             = "512"
  task_role_arn      = local.role
  execution_role_arn = local.role
  skip_destroy       = false
  track_latest       = true

  requires_compatibilities = ["EC2"]

  placement_constraints {
    type       = "memberOf"
    expression = "attribute:ecs.availability-zone in [us-east-1a, us-east-1b]"
  }

  volume {
    name      = "host"
    host_path = "/var/lib/web"
  }

  volume {
    name = "empty"
  }

  volume {
    name = "docker"

    docker_volume_configuration {
      scope         = "shared"
      autoprovision = true
      driver        = "local"
      driver_opts   = { type = "nfs", device = "10.0.0.1:/" }
      labels        = { a = "b" }
    }
  }

  container_definitions = jsonencode([
    {
      name        = "web"
      image       = "busybox:1"
      cpu         = 128
      memory      = 256
      essential   = true
      user        = "1000:1000"
      interactive = false
      environment = [
        { name = "ZONE", value = "z" },
        { name = "ALPHA", value = "a" },
        { name = "GENERATION", value = var.generation },
        { name = "EMPTY", value = "" },
      ]
      secrets = [
        { name = "PASSWORD", valueFrom = local.secret },
        { name = "KEY", valueFrom = "${local.secret}:key::" },
      ]
      environmentFiles = []
      portMappings = [
        { containerPort = 8080, hostPort = 0, name = "http", appProtocol = "http" },
        { containerPort = 9000, protocol = "udp" },
        { containerPort = 9001, hostPort = 9001, protocol = "tcp" },
      ]
      mountPoints = [
        { sourceVolume = "host", containerPath = "/data", readOnly = false },
        { sourceVolume = "empty", containerPath = "/tmp" },
        { sourceVolume = "docker", containerPath = "/nfs", readOnly = true },
      ]
      healthCheck = {
        command = ["CMD-SHELL", "wget -qO- 127.0.0.1:8080 || exit 1"]
      }
      linuxParameters = {
        capabilities       = { add = ["SYS_PTRACE"], drop = ["ALL"] }
        initProcessEnabled = true
        sharedMemorySize   = 64
        tmpfs              = [{ containerPath = "/run", size = 16 }]
      }
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          awslogs-group         = "web"
          awslogs-region        = "us-east-1"
          awslogs-stream-prefix = "web"
        }
        secretOptions = []
      }
      ulimits          = [{ name = "nofile", softLimit = 1024, hardLimit = 4096 }]
      systemControls   = [{ namespace = "net.core.somaxconn", value = "1024" }]
      dockerLabels     = { "com.example" = "web" }
      restartPolicy    = { enabled = true, ignoredExitCodes = [0], restartAttemptPeriod = 60 }
      stopTimeout      = 30
      workingDirectory = "/data"
      volumesFrom      = []
    },
    {
      name              = "sidecar"
      image             = "busybox:1"
      memoryReservation = 64
      essential         = false
      command           = ["sh", "-c", "sleep 1000"]
      entryPoint        = []
      links             = ["web"]
      dependsOn         = [{ containerName = "web", condition = "HEALTHY" }]
      healthCheck = {
        command     = ["CMD", "true"]
        interval    = 5
        retries     = 2
        startPeriod = 1
        timeout     = 2
      }
      extraHosts = [{ hostname = "db", ipAddress = "10.0.0.2" }]
    },
  ])

  tags = {
    release = var.release
  }
}

resource "aws_ecs_task_definition" "fargate" {
  family                   = "fargate"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = "1024"
  memory                   = "2048"
  execution_role_arn       = local.role
  task_role_arn            = local.role
  enable_fault_injection   = true

  ephemeral_storage {
    size_in_gib = 30
  }

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = "ARM64"
  }

  proxy_configuration {
    type           = "APPMESH"
    container_name = "envoy"

    properties = {
      AppPorts         = "8080"
      EgressIgnoredIPs = "169.254.170.2,169.254.169.254"
      IgnoredUID       = "1337"
      ProxyEgressPort  = "15001"
      ProxyIngressPort = "15000"
    }
  }

  volume {
    name = "efs"

    efs_volume_configuration {
      file_system_id          = "fs-12345678"
      root_directory          = "/"
      transit_encryption      = "ENABLED"
      transit_encryption_port = 2999

      authorization_config {
        access_point_id = "fsap-12345678"
        iam             = "ENABLED"
      }
    }
  }

  volume {
    name                = "ebs"
    configure_at_launch = true
  }

  container_definitions = jsonencode([
    {
      name         = "app"
      image        = "busybox:${var.generation}"
      essential    = true
      portMappings = [{ containerPort = 8080, hostPort = 8080, protocol = "tcp", name = "app" }]
      mountPoints = [
        { sourceVolume = "efs", containerPath = "/efs" },
        { sourceVolume = "ebs", containerPath = "/ebs" },
      ]
      logConfiguration       = { logDriver = "awsfirelens", options = { Name = "cloudwatch" } }
      readonlyRootFilesystem = true
      versionConsistency     = "disabled"
    },
    {
      name  = "envoy"
      image = "envoy:1"
      user  = "1337"
    },
    {
      name                  = "logs"
      image                 = "fluent-bit:1"
      firelensConfiguration = { type = "fluentbit", options = { enable-ecs-log-metadata = "true" } }
      resourceRequirements  = []
      environment           = [{ name = "B", value = "2" }, { name = "A", value = "1" }]
    },
  ])
}

resource "aws_ecs_task_definition" "windows" {
  family                   = "windows"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = 1024
  memory                   = 2048
  execution_role_arn       = local.role

  runtime_platform {
    operating_system_family = "WINDOWS_SERVER_2022_CORE"
    cpu_architecture        = "X86_64"
  }

  volume {
    name = "efs"

    efs_volume_configuration {
      file_system_id = "fs-12345678"
    }
  }

  container_definitions = jsonencode([
    { name = "app", image = "iis:${var.generation}" },
  ])
}

resource "aws_ecs_task_definition" "fsx" {
  family = "fsx"

  volume {
    name = "fsx"

    fsx_windows_file_server_volume_configuration {
      file_system_id = "fs-12345678"
      root_directory = "\\data"

      authorization_config {
        credentials_parameter = local.secret
        domain                = "corp.example.com"
      }
    }
  }

  container_definitions = jsonencode([
    {
      name   = "app"
      image  = "iis:${var.generation}"
      memory = 512
      resourceRequirements = [
        { type = "GPU", value = "1" },
      ]
    },
  ])
}

# What ends by itself; the label says when simulated containers do.
resource "aws_ecs_task_definition" "job" {
  family = "job"

  container_definitions = jsonencode([
    {
      name         = "job"
      image        = "busybox:${var.generation}"
      memory       = 32
      command      = ["true"]
      dockerLabels = { "kecs.simulated.exit-after" = "100" }
    },
  ])
}
