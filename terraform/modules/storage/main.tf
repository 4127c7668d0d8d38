# Models and lake. A prefix that somebody else writes is a managed folder, so that a role can be bound to it.

locals {
  folders = merge([for bucket, b in var.buckets : { for folder in b.folders : "${bucket}/${folder}" => { bucket = bucket, name = "${folder}/" } }]...)
}

resource "google_storage_bucket" "this" {
  # checkov:skip=CKV_GCP_62:Cloud Audit Logs have every access, with who it was (modules/project); access logs would be objects of their own

  for_each = var.buckets

  project                     = var.project_id
  name                        = each.key
  location                    = upper(var.region)
  labels                      = var.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = var.destroy_data
  deletion_policy             = var.destroy_data ? "DELETE" : "PREVENT"

  encryption {
    default_kms_key_name = var.kms_key
  }

  # What is replaced or deleted stays for as long as the rule below says: a table or a model can be put back.
  versioning {
    enabled = true
  }

  soft_delete_policy {
    retention_duration_seconds = each.value.soft_delete_days * 24 * 3600
  }

  # Files that nobody reads get cheaper by themselves.
  autoclass {
    enabled                = true
    terminal_storage_class = "ARCHIVE"
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = each.value.noncurrent_days
      with_state                 = "ARCHIVED"
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }
}

resource "google_storage_managed_folder" "this" {
  for_each = local.folders

  bucket          = google_storage_bucket.this[each.value.bucket].name
  name            = each.value.name
  force_destroy   = var.destroy_data
  deletion_policy = var.destroy_data ? "DELETE" : "PREVENT"
}
