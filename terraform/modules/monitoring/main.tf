# Who is called, and when: a policy for what fails, and one for what has gone silent that would tell of it.

locals {
  # Written from dashboards/ by scripts/tools/mixin. from says who exports the metrics; query is PromQL, true when there is a
  # result; for is how long it must stay so. Where nobody pays there is nothing to be missed.
  sources = concat(["google"], var.cluster ? ["cluster"] : [], var.functions ? ["functions"] : [])
  alerts  = { for name, alert in jsondecode(file("${path.module}/alerts.json")) : name => alert if contains(local.sources, alert.from) && !(alert.silence && var.silence_is_normal) }

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
    display_name = each.key

    condition_prometheus_query_language {
      query               = each.value.query
      duration            = each.value.for
      evaluation_interval = each.value.silence ? "60s" : "30s"
      alert_rule          = each.key
      rule_group          = each.value.silence ? "silence" : "failing"
      # Until something runs, none of its metrics is known to Monitoring, which would refuse the policy.
      disable_metric_validation = true
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }
}
