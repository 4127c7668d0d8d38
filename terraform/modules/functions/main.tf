# The functions on Cloud Run, one service each, from one image. Only its subscription's account may invoke a service, and a
# service trusts Cloud Run's check of a token (TRUST_CLOUD_RUN_IAM) because that binding stands here beside it:
# docs/adr/0012-verified-callers.md.

locals {
  contract = jsondecode(file("${path.module}/../../contract.json"))

  # What every service is told, and what Cloud Run sets by itself (PORT, K_SERVICE, K_REVISION).
  environment = { for name, s in var.services : name => merge(
    {
      FUNCTION_TARGET       = name
      PROJECT_ID            = var.project_id
      MEMORY_LIMIT          = tostring(s.memory_mib * 1024 * 1024)
      PUSH_AUDIENCE         = local.urls[name]
      PUSH_SERVICE_ACCOUNTS = s.push_account
      TRUST_CLOUD_RUN_IAM   = "true"
      # Managed Prometheus takes no metric without a region, and what a sidecar scrapes is not pushed once more.
      OTEL_RESOURCE_ATTRIBUTES = "cloud.region=${var.region},cloud.platform=gcp_cloud_run"
      OTEL_METRICS_EXPORTER    = local.scraped[name] ? "none" : "otlp"
    },
    var.collector == null ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT = var.collector },
    s.environment,
  ) }

  scraped = { for name, s in var.services : name => var.metrics != null && !s.cpu_idle }

  # A service's own address. It is known before the service is there, so that the service can be told whom tokens are for.
  urls = { for name in keys(var.services) : name => "https://pix-${name}-${var.project_number}.${var.region}.run.app" }

}

resource "google_cloud_run_v2_service" "this" {
  for_each = var.services

  project              = var.project_id
  location             = var.region
  name                 = "pix-${each.key}"
  description          = "Sentinela: ${each.key}"
  ingress              = "INGRESS_TRAFFIC_INTERNAL_ONLY" # Pub/Sub of this project counts as internal
  invoker_iam_disabled = false
  deletion_protection  = false # holds nothing
  labels               = var.labels

  binary_authorization {
    use_default = true
  }

  template {
    service_account                  = each.value.service_account
    timeout                          = "${var.ack_deadline_seconds[each.key]}s"
    max_instance_request_concurrency = each.value.concurrency
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    encryption_key                   = var.kms_key
    labels                           = var.labels

    scaling {
      min_instance_count = each.value.min_instances
      max_instance_count = each.value.max_instances
    }

    # Everything goes through the network, where the firewall says what may leave.
    vpc_access {
      egress = "ALL_TRAFFIC"

      network_interfaces {
        network    = var.network
        subnetwork = var.subnet
      }
    }

    containers {
      name  = "function"
      image = var.image

      ports {
        container_port = local.contract.processes[each.key].ports.http
      }

      resources {
        limits = {
          cpu    = each.value.cpu
          memory = "${each.value.memory_mib}Mi"
        }
        # Loops in the background (sweep, keys, models, policy, upkeep of streams) stand still where this is true.
        cpu_idle          = each.value.cpu_idle
        startup_cpu_boost = true
      }

      # Ready says of itself who is: with its configuration, its keys and its models.
      startup_probe {
        initial_delay_seconds = 0
        period_seconds        = 2
        timeout_seconds       = 1
        failure_threshold     = 60

        http_get {
          path = local.contract.processes[each.key].paths.ready
          port = local.contract.processes[each.key].ports[local.contract.processes[each.key].probe_port]
        }
      }

      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 2
        failure_threshold = 3

        http_get {
          path = local.contract.processes[each.key].paths.health
          port = local.contract.processes[each.key].ports[local.contract.processes[each.key].probe_port]
        }
      }

      dynamic "env" {
        for_each = local.environment[each.key]
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = each.value.secrets
        content {
          name = env.key

          value_source {
            secret_key_ref {
              secret  = env.value.secret
              version = env.value.version
            }
          }
        }
      }
    }

    # Beside a function whose processor stays it reads the metrics and writes them to Managed Prometheus.
    dynamic "containers" {
      for_each = local.scraped[each.key] ? [var.metrics] : []
      content {
        name       = "metrics"
        image      = containers.value.image
        depends_on = ["function"]

        resources {
          limits   = { cpu = "0.5", memory = "256Mi" }
          cpu_idle = false
        }

        volume_mounts {
          name       = "metrics"
          mount_path = "/etc/rungmp"
        }
      }
    }

    dynamic "volumes" {
      for_each = local.scraped[each.key] ? [var.metrics] : []
      content {
        name = "metrics"

        secret {
          secret = volumes.value.secret

          items {
            version = volumes.value.version
            path    = "config.yaml"
          }
        }
      }
    }
  }

  # Without a canary everything goes to the newest revision.
  dynamic "traffic" {
    for_each = each.value.canary == null ? [{ type = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", revision = null, percent = 100 }] : [
      { type = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", revision = each.value.canary.stable_revision, percent = 100 - each.value.canary.percent },
      { type = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", revision = null, percent = each.value.canary.percent },
    ]
    content {
      type     = traffic.value.type
      revision = traffic.value.revision
      percent  = traffic.value.percent
    }
  }

  lifecycle {
    precondition {
      condition = alltrue([for variable in concat(keys(local.environment[each.key]), keys(each.value.secrets)) :
      contains(keys(local.contract.processes[each.key].variables), variable)])
      error_message = "${each.key} reads no such variable: ${join(", ", [for variable in concat(keys(local.environment[each.key]), keys(each.value.secrets)) : variable if !contains(keys(local.contract.processes[each.key].variables), variable)])}. docs/configuration.md has those that it reads."
    }

    precondition {
      condition = alltrue([for variable, v in local.contract.processes[each.key].variables :
      !v.required || contains(concat(keys(local.environment[each.key]), keys(each.value.secrets)), variable)])
      error_message = "${each.key} does not start without every required variable of docs/configuration.md."
    }

    precondition {
      condition = alltrue([for variable, v in local.contract.processes[each.key].variables :
      !v.secret || !contains(keys(local.environment[each.key]), variable)])
      error_message = "A secret of ${each.key} stands in its environment as text: name it under secrets."
    }

    precondition {
      condition = (var.ack_deadline_seconds[each.key] >
      local.contract.processes[each.key].handle_seconds + local.contract.processes[each.key].dead_letter_seconds)
      error_message = "${each.key} may handle a message for longer than its request or its subscription lasts: raise the subscription's deadline in shared/event."
    }
  }
}

# All invokers of a service: whoever was added by hand goes with the next apply.
resource "google_cloud_run_v2_service_iam_binding" "invoker" {
  for_each = var.services

  project  = var.project_id
  location = var.region
  name     = google_cloud_run_v2_service.this[each.key].name
  role     = "roles/run.invoker"
  members  = ["serviceAccount:${each.value.push_account}"]
}
