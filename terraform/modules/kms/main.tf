# One key for each service that keeps data, so that one can be taken away without the others.

resource "google_kms_key_ring" "this" {
  project  = var.project_id
  location = var.region
  name     = var.name
}

resource "google_kms_crypto_key" "this" {
  for_each = var.keys

  key_ring        = google_kms_key_ring.this.id
  name            = each.key
  purpose         = "ENCRYPT_DECRYPT"
  rotation_period = var.rotation_period
  # How long a version that somebody wants to destroy can still be brought back.
  destroy_scheduled_duration = "2592000s"

  version_template {
    algorithm        = "GOOGLE_SYMMETRIC_ENCRYPTION"
    protection_level = var.protection_level
  }

  lifecycle {
    prevent_destroy = true # without its key the data is gone, whatever protects the data itself
  }
}

resource "google_kms_crypto_key_iam_member" "agents" {
  for_each = { for pair in flatten([
    for key, agents in var.keys : [for agent, member in agents : { id = "${key} ${agent}", key = key, member = member }]
  ]) : pair.id => pair }

  crypto_key_id = google_kms_crypto_key.this[each.value.key].id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value.member
}

# The key with which delivery says that it built an image. Nothing rotates it: an attestation names its key.
resource "google_kms_crypto_key" "attestor" {
  key_ring                   = google_kms_key_ring.this.id
  name                       = "attestor"
  purpose                    = "ASYMMETRIC_SIGN"
  destroy_scheduled_duration = "2592000s"

  version_template {
    algorithm        = "EC_SIGN_P256_SHA256"
    protection_level = var.protection_level
  }

  lifecycle {
    prevent_destroy = true
  }
}
