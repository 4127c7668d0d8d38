# What holds a project from outside: a budget, and a fence around its data.

resource "google_billing_budget" "this" {
  count = var.billing_account == null ? 0 : 1

  billing_account = var.billing_account
  display_name    = "sentinela ${var.project_id}"

  budget_filter {
    projects               = ["projects/${var.project_number}"]
    credit_types_treatment = "EXCLUDE_ALL_CREDITS"
    calendar_period        = "MONTH"
  }

  amount {
    specified_amount {
      currency_code = var.budget.currency
      units         = tostring(var.budget.units)
    }
  }

  dynamic "threshold_rules" {
    for_each = toset([0.5, 0.9, 1.0])
    content {
      threshold_percent = threshold_rules.value
      spend_basis       = "CURRENT_SPEND"
    }
  }

  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  dynamic "all_updates_rule" {
    for_each = length(var.notification_channels) > 0 ? [1] : []
    content {
      monitoring_notification_channels = var.notification_channels
      disable_default_iam_recipients   = false
    }
  }
}

# Data leaves the perimeter for nobody, whatever role they have. Pub/Sub's push, Scheduler and the agents of one project are
# inside it; people and delivery come in through the access level.
resource "google_access_context_manager_access_level" "this" {
  count = var.access_policy == null ? 0 : 1

  parent = "accessPolicies/${var.access_policy}"
  name   = "accessPolicies/${var.access_policy}/accessLevels/${local.title}"
  title  = local.title

  basic {
    combining_function = "OR"

    dynamic "conditions" {
      for_each = length(var.perimeter_members) == 0 ? [] : [var.perimeter_members]
      content {
        members = conditions.value
      }
    }

    dynamic "conditions" {
      for_each = length(var.perimeter_ranges) == 0 ? [] : [var.perimeter_ranges]
      content {
        ip_subnetworks = conditions.value
      }
    }
  }
}

resource "google_access_context_manager_service_perimeter" "this" {
  count = var.access_policy == null ? 0 : 1

  parent                    = "accessPolicies/${var.access_policy}"
  name                      = "accessPolicies/${var.access_policy}/servicePerimeters/${local.title}"
  title                     = local.title
  perimeter_type            = "PERIMETER_TYPE_REGULAR"
  use_explicit_dry_run_spec = !var.perimeter_enforced

  dynamic "status" {
    for_each = var.perimeter_enforced ? [1] : []
    content {
      resources           = ["projects/${var.project_number}"]
      restricted_services = var.restricted_services
      access_levels       = [google_access_context_manager_access_level.this[0].name]

      vpc_accessible_services {
        enable_restriction = true
        allowed_services   = ["RESTRICTED-SERVICES"]
      }
    }
  }

  dynamic "spec" {
    for_each = var.perimeter_enforced ? [] : [1]
    content {
      resources           = ["projects/${var.project_number}"]
      restricted_services = var.restricted_services
      access_levels       = [google_access_context_manager_access_level.this[0].name]

      vpc_accessible_services {
        enable_restriction = true
        allowed_services   = ["RESTRICTED-SERVICES"]
      }
    }
  }
}

locals {
  title = replace(var.project_id, "-", "_") # a title holds letters, digits and underscores
}
