# Topics and subscriptions as shared/event declares them; the reasons are in docs/adr/0002-push-subscriptions.md. No topic has a
# schema: one topic carries messages of two types in two encodings.

locals {
  topics = jsondecode(file("${path.module}/../../../shared/event/topics.json"))

  subscriptions = merge([for topic, t in local.topics : {
    for name, s in t.subscriptions : name => merge({ filter = null, function = null, push_path = null }, s, { topic = topic })
  }]...)
}

resource "google_pubsub_topic" "this" {
  for_each = local.topics

  project         = var.project_id
  name            = each.key
  kms_key_name    = var.kms_key
  labels          = var.labels
  deletion_policy = var.destroy_data ? "DELETE" : "PREVENT"

  message_storage_policy {
    allowed_persistence_regions = [var.region]
    enforce_in_transit          = true
  }
}

resource "google_pubsub_subscription" "this" {
  for_each = local.subscriptions

  project = var.project_id
  name    = each.key
  topic   = google_pubsub_topic.this[each.value.topic].id
  filter  = each.value.filter
  labels  = var.labels

  ack_deadline_seconds       = each.value.ack_deadline_seconds
  message_retention_duration = each.value.message_retention_duration
  retain_acked_messages      = false
  enable_message_ordering    = false
  deletion_policy            = var.destroy_data ? "DELETE" : "PREVENT"

  # Without this a subscription that nobody reads for a month is deleted.
  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dynamic "push_config" {
    for_each = each.value.function == null ? [] : [var.endpoints[each.value.function]]
    content {
      push_endpoint = "${push_config.value.url}${each.value.push_path}"

      oidc_token {
        service_account_email = push_config.value.service_account
        audience              = push_config.value.url
      }
    }
  }

  # No dead_letter_policy: it counts attempts, and would forward messages as they came. Ours go through the functions.

  lifecycle {
    precondition {
      condition     = each.value.function == null || try(each.value.ack_deadline_seconds > var.endpoints[each.value.function].handle_seconds + 10, false)
      error_message = "The acknowledgement deadline of ${each.key} must be above the function's HANDLE_TIMEOUT and the 10 s that a dead letter may take."
    }
  }
}
