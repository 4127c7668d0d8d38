# Who is called, and when. Every policy has two conditions: something fails, and what would tell of it has gone silent.

locals {
  # Written from dashboards/ by scripts/tools/mixin. from says who exports the metrics; failing and missing are PromQL, true when
  # there is a result; failing_for and missing_for are how long it must stay so.
  sources = concat(["google"], var.cluster ? ["cluster"] : [], var.functions ? ["functions"] : [])
  alerts  = { for name, alert in jsondecode(file("${path.module}/alerts.json")) : name => alert if contains(local.sources, alert.from) }

  channels = concat(var.channels, [for channel in google_monitoring_notification_channel.email : channel.name])
}

resource "google_monitoring_notification_channel" "email" {
  for_each = var.emails

  project      = var.project_id
  display_name = each.key
  type         = "email"

  labels = {
    email_address = each.value
  }
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alerts

  project               = var.project_id
  display_name          = "sentinela: ${each.key}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = var.labels

  documentation {
    subject   = "sentinela: ${each.key}"
    content   = "${each.value.text}\n\n[Runbook](${each.value.runbook})"
    mime_type = "text/markdown"
  }

  conditions {
    display_name = "${each.key}: failing"

    condition_prometheus_query_language {
      query               = each.value.failing
      duration            = each.value.failing_for
      evaluation_interval = "30s"
      alert_rule          = "failing"
      rule_group          = each.key
      # Until something runs, none of its metrics is known to Monitoring, which would refuse the policy.
      disable_metric_validation = true
    }
  }

  # Where nobody pays there is nothing to be missed.
  dynamic "conditions" {
    for_each = var.silence_is_normal ? [] : [each.value.missing]
    content {
      display_name = "${each.key}: missing"

      condition_prometheus_query_language {
        query               = conditions.value
        duration            = each.value.missing_for
        evaluation_interval = "60s"
        alert_rule          = "missing"
        rule_group          = each.key

        disable_metric_validation = true
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }
}
