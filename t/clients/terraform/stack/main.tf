# What the suite 77-terraform.t applies.  `release` 2 is an update in place
# of everything that was made with 1; `generation` b replaces it.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100.0"
    }
  }
}

variable "endpoint" {
  type    = string
  default = "http://127.0.0.1:8080"
}

variable "release" {
  type    = number
  default = 1
}

variable "generation" {
  type    = string
  default = "a"
}

provider "aws" {
  region     = "us-east-1"
  access_key = "kecs"
  secret_key = "kecs"

  endpoints {
    ecs = var.endpoint
    sts = var.endpoint
  }

  default_tags {
    tags = {
      project = "stack"
    }
  }
}

# What belongs to other services is named, not made.

locals {
  account = "arn:aws:%s:us-east-1:000000000000:%s"

  role      = "arn:aws:iam::000000000000:role/ecs"
  key       = format(local.account, "kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab")
  namespace = format(local.account, "servicediscovery", "namespace/ns-1")
  registry  = format(local.account, "servicediscovery", "service/srv-1")
  secret    = format(local.account, "secretsmanager", "secret:db-AbCdEf")

  target_groups = [
    for n in ["one", "two"] : format(local.account, "elasticloadbalancing",
    "targetgroup/${n}/0123456789abcdef")
  ]
}
