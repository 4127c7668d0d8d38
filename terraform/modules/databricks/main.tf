# The lake's other side. Unity Catalog reads our exports and cannot write them, whatever rights somebody gives: its account has
# the role of a reader there, and the location is read-only. What it writes has a prefix of its own.

resource "databricks_storage_credential" "this" {
  name    = var.credential
  comment = "Sentinela's lake: reads the exports, writes bronze, silver and gold"

  databricks_gcp_service_account {}
}

resource "databricks_external_location" "exports" {
  count = var.exports_location ? 1 : 0

  name            = "${var.catalog}_exports"
  url             = "gs://${var.bucket}/exports"
  credential_name = databricks_storage_credential.this.name
  comment         = "Exported decisions, labels and alerts. Read only."
  read_only       = true

  depends_on = [google_storage_managed_folder_iam_member.credential, google_storage_bucket_iam_member.credential]
}

resource "databricks_grants" "exports" {
  count = var.exports_location ? 1 : 0

  external_location = databricks_external_location.exports[0].id

  grant {
    principal  = var.principal
    privileges = ["READ_FILES", "BROWSE"]
  }
}

# The bundle makes its locations with it.
resource "databricks_grants" "credential" {
  storage_credential = databricks_storage_credential.this.id

  grant {
    principal  = var.principal
    privileges = ["CREATE_EXTERNAL_LOCATION"]
  }
}

resource "google_storage_bucket_iam_member" "credential" {
  bucket = var.bucket
  role   = "roles/storage.legacyBucketReader"
  member = "serviceAccount:${databricks_storage_credential.this.databricks_gcp_service_account[0].email}"
}

resource "google_storage_managed_folder_iam_member" "credential" {
  for_each = { "exports/" = "roles/storage.objectViewer", "lake/" = "roles/storage.objectUser" }

  bucket         = var.bucket
  managed_folder = each.key
  role           = each.value
  member         = "serviceAccount:${databricks_storage_credential.this.databricks_gcp_service_account[0].email}"
}
