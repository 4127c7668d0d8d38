# Who is called, and when. Every policy has two conditions: something fails, and what would tell of it has gone silent.

locals {
  age  = "pubsub_googleapis_com:subscription_oldest_unacked_message_age{monitored_resource=\"pubsub_subscription\""
  run  = "run_googleapis_com:request_count{monitored_resource=\"cloud_run_revision\""
  rows = "audit|alert|label"

  # failing and missing are PromQL, true when there is a result; failing_for and missing_for are how long it must stay so.
  alerts = merge(
    {
      payments-late = {
        severity    = "CRITICAL"
        text        = "Pushed payments wait for a decision."
        failing     = "max(${local.age},subscription_id=\"score\"}) > 60"
        failing_for = "120s"
        missing     = "absent(${local.age},subscription_id=\"score\"})"
        missing_for = "1800s"
      }
      rows-late = {
        severity    = "ERROR"
        text        = "Decisions, alerts or labels have not been written for a quarter of an hour."
        failing     = "max by (subscription_id) (${local.age},subscription_id=~\"${local.rows}\"}) > 900"
        failing_for = "300s"
        missing     = "absent(${local.age},subscription_id=\"audit\"})"
        missing_for = "1800s"
      }
      export-late = {
        severity    = "WARNING"
        text        = "What was written does not reach the lake."
        failing     = "max(${local.age},subscription_id=\"export\"}) > 7200"
        failing_for = "600s"
        missing     = "absent(${local.run},service_name=\"pix-export\",response_code_class=\"2xx\"})"
        missing_for = "10800s"
      }
      dead-letters = {
        severity    = "ERROR"
        text        = "Messages that can never be handled wait for a person: pixctl dlq shows them."
        failing     = "max(pubsub_googleapis_com:subscription_num_undelivered_messages{monitored_resource=\"pubsub_subscription\",subscription_id=\"pix-dead-letter-v1-desk\"}) > 0"
        failing_for = "600s"
        missing     = "absent(pubsub_googleapis_com:subscription_num_undelivered_messages{monitored_resource=\"pubsub_subscription\",subscription_id=\"pix-dead-letter-v1-desk\"})"
        missing_for = "3600s"
      }
      functions-failing = {
        severity    = "ERROR"
        text        = "A function refuses more than one message in twenty. Pub/Sub sends them again; nothing is lost for six days."
        failing     = "sum by (service_name) (rate(${local.run},service_name=~\"pix-.+\",response_code_class=\"5xx\"}[5m])) / sum by (service_name) (rate(${local.run},service_name=~\"pix-.+\"}[5m])) > 0.05"
        failing_for = "300s"
        missing     = "absent(${local.run},service_name=\"pix-score\"})"
        missing_for = "1800s"
      }
      store-busy = {
        severity    = "ERROR"
        text        = "The feature store runs out of processor: raise nodes.max."
        failing     = "max(bigtable_googleapis_com:cluster_cpu_load{monitored_resource=\"bigtable_cluster\"}) > 0.8"
        failing_for = "600s"
        missing     = "absent(bigtable_googleapis_com:cluster_cpu_load{monitored_resource=\"bigtable_cluster\"})"
        missing_for = "1800s"
      }
    },
    var.cluster ? {
      decisions-slow = {
        severity    = "CRITICAL"
        text        = "One decision in a hundred takes longer than the authorisation path waits."
        failing     = "histogram_quantile(0.99, sum by (le) (rate(pix_decision_seconds_bucket[5m]))) > 0.3"
        failing_for = "120s"
        missing     = "absent(pix_decision_seconds_count)"
        missing_for = "600s"
      }
      decisions-blind = {
        severity    = "CRITICAL"
        text        = "Payments are decided without their histories: held or blocked, never approved."
        failing     = "sum(rate(pix_decisions_without_features_total[5m])) / sum(rate(pix_decisions_total[5m])) > 0.01"
        failing_for = "120s"
        missing     = "absent(pix_decisions_total)"
        missing_for = "600s"
      }
      decisions-provisional = {
        severity    = "CRITICAL"
        text        = "Answers are given that stand nowhere: the store does not take decisions in time."
        failing     = "sum(rate(pix_provisional_answers_total[5m])) > 0.1"
        failing_for = "120s"
        missing     = "absent(pix_store_breaker_open)"
        missing_for = "600s"
      }
      store-silent = {
        severity    = "CRITICAL"
        text        = "The store answers nobody; it is asked by probes alone."
        failing     = "max(pix_store_breaker_open) > 0"
        failing_for = "60s"
        missing     = "absent(pix_store_breaker_open)"
        missing_for = "600s"
      }
      decisions-unpublished = {
        severity    = "ERROR"
        text        = "Decisions stand and are not published."
        failing     = "max(pix_sweep_oldest_mark_seconds) > 600"
        failing_for = "300s"
        missing     = "absent(pix_sweep_oldest_mark_seconds)"
        missing_for = "1800s"
      }
      clock-slow = {
        severity    = "ERROR"
        text        = "A machine's clock is behind. It takes no payments until it is set right."
        failing     = "max(pix_function_clock_behind_seconds) > 5"
        failing_for = "60s"
        missing     = "absent(pix_function_clock_behind_seconds)"
        missing_for = "600s"
      }
      models-behind = {
        severity    = "WARNING"
        text        = "A scorer does not serve the models or the policy that are in force."
        failing     = "min(pix_model_current) < 1 or min(pix_policy_current) < 1"
        failing_for = "900s"
        missing     = "absent(pix_model_current)"
        missing_for = "1800s"
      }
      keys-old = {
        severity    = "WARNING"
        text        = "The issuers' keys have not been fetched for an hour."
        failing     = "max by (gate) (pix_identity_keys_age_seconds) > 3600"
        failing_for = "300s"
        missing     = "absent(pix_identity_keys_age_seconds)"
        missing_for = "1800s"
      }
      bridge-behind = {
        severity    = "CRITICAL"
        text        = "Payments wait in Kafka."
        failing     = "max(pix_bridge_oldest_unacknowledged_seconds) > 60"
        failing_for = "120s"
        missing     = "absent(pix_bridge_kafka_silent_seconds)"
        missing_for = "600s"
      }
      bridge-cut-off = {
        severity    = "CRITICAL"
        text        = "The bridge cannot publish, or no broker answers it."
        failing     = "max(pix_bridge_publish_failing_seconds) > 60 or max(pix_bridge_kafka_silent_seconds) > 60"
        failing_for = "60s"
        missing     = "absent(pix_bridge_publish_failing_seconds)"
        missing_for = "600s"
      }
    } : {},
  )

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
    content   = each.value.text
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
