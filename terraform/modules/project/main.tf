# What a project needs before anything can stand in it: its services, their agents, and the record of who did what.

resource "google_project_service" "this" {
  for_each = var.services

  project = var.project_id
  service = each.key
  # Another deployment in the project may use it, and a service that is switched off takes its data with it.
  disable_on_destroy = false
}

data "google_project" "this" {
  project_id = var.project_id
}

data "google_storage_project_service_account" "this" {
  project = var.project_id

  depends_on = [google_project_service.this]
}

data "google_bigquery_default_service_account" "this" {
  project = var.project_id

  depends_on = [google_project_service.this]
}

# Whoever reads or writes payments' data leaves a line. Administrative changes are always logged by Google. What the workloads
# do thousands of times a second is in their own logs and metrics, and would bury the people who look at the same rows.
resource "google_project_iam_audit_config" "this" {
  for_each = var.audited_services

  project = var.project_id
  service = each.key

  audit_log_config {
    log_type = "ADMIN_READ"
  }
  audit_log_config {
    log_type         = "DATA_READ"
    exempted_members = each.value
  }
  audit_log_config {
    log_type         = "DATA_WRITE"
    exempted_members = each.value
  }

  depends_on = [google_project_service.this]
}
