# Secrets without their contents: a person adds versions, so no key stands in a state or a plan. docs/security.md has the drill.

resource "google_secret_manager_secret" "this" {
  for_each = var.secrets

  project             = var.project_id
  secret_id           = each.key
  labels              = var.labels
  version_destroy_ttl = "2592000s" # a version that somebody destroys can be brought back for a month
  deletion_protection = !var.destroy_data

  annotations = {
    purpose = each.value
  }

  replication {
    user_managed {
      replicas {
        location = var.region

        customer_managed_encryption {
          kms_key_name = var.kms_key
        }
      }
    }
  }
}
