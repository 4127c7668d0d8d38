# Buckets, secrets, keys and images: kept, encrypted, closed.

mock_provider "google" {
  source = "./mocks"
}

variables {
  project_id = "test-project"
  region     = "southamerica-east1"
  kms_key    = "projects/test-project/locations/southamerica-east1/keyRings/sentinela/cryptoKeys/storage"
}

run "buckets" {
  module {
    source = "../modules/storage"
  }
  variables {
    buckets = { test-lake = { folders = ["exports", "lake"] }, test-models = {} }
  }

  assert {
    condition     = alltrue([for b in google_storage_bucket.this : b.versioning[0].enabled && b.uniform_bucket_level_access && b.public_access_prevention == "enforced" && b.encryption[0].default_kms_key_name == var.kms_key && b.soft_delete_policy[0].retention_duration_seconds == 2592000])
    error_message = "A bucket is open, keeps no versions, or is not encrypted with our key."
  }
  assert {
    condition     = alltrue([for b in google_storage_bucket.this : !b.force_destroy && b.deletion_policy == "PREVENT"]) && alltrue([for f in google_storage_managed_folder.this : f.deletion_policy == "PREVENT" && !f.force_destroy])
    error_message = "destroy takes objects with it."
  }
  assert {
    condition     = toset([for f in google_storage_managed_folder.this : f.name]) == toset(["exports/", "lake/"])
    error_message = "A prefix has no folder that a role could be bound to."
  }
}

run "versions_that_leave_too_soon" {
  command = plan

  module {
    source = "../modules/storage"
  }
  variables {
    buckets = { test-lake = { noncurrent_days = 1 } }
  }

  expect_failures = [var.buckets]
}

run "secrets" {
  module {
    source = "../modules/secrets"
  }
  variables {
    secrets = { pix-token-key = "Makes tokens" }
  }

  assert {
    condition     = alltrue([for s in google_secret_manager_secret.this : s.deletion_protection && s.replication[0].user_managed[0].replicas[0].location == "southamerica-east1" && s.version_destroy_ttl == "2592000s"])
    error_message = "A key can be lost by a word, or leaves the region."
  }
}

run "keys" {
  command = plan # a key cannot be destroyed after the test, as it should be

  module {
    source = "../modules/kms"
  }
  variables {
    keys = { pubsub = { pubsub = "serviceAccount:service-1@gcp-sa-pubsub.iam.gserviceaccount.com" }, storage = { storage = "serviceAccount:s@gs-project-accounts.iam.gserviceaccount.com" } }
  }

  assert {
    condition     = alltrue([for k in google_kms_crypto_key.this : k.rotation_period == "7776000s" && k.destroy_scheduled_duration == "2592000s"])
    error_message = "A key is not rotated, or goes at once when somebody destroys it."
  }
  assert {
    condition     = length(google_kms_crypto_key_iam_member.agents) == 2 && alltrue([for g in google_kms_crypto_key_iam_member.agents : g.role == "roles/cloudkms.cryptoKeyEncrypterDecrypter"])
    error_message = "A service may do something else with its key, or use another's."
  }
}

run "a_rotation_that_never_comes" {
  command = plan

  module {
    source = "../modules/kms"
  }
  variables {
    keys            = {}
    rotation_period = "31536000s"
  }

  expect_failures = [var.rotation_period]
}

run "images" {
  module {
    source = "../modules/registry"
  }

  assert {
    condition     = google_artifact_registry_repository.this.docker_config[0].immutable_tags && google_artifact_registry_repository.this.kms_key_name == var.kms_key
    error_message = "A tag can be moved."
  }
  assert {
    condition     = output.address == "southamerica-east1-docker.pkg.dev/test-project/sentinela"
    error_message = "Images are elsewhere."
  }
}

run "ticks" {
  module {
    source = "../modules/scheduler"
  }
  variables {
    topic    = "projects/test-project/topics/pix-exports-v1"
    schedule = "*/15 * * * *"
  }

  assert {
    condition     = base64decode(google_cloud_scheduler_job.export.pubsub_target[0].data) == "{}" && google_cloud_scheduler_job.export.pubsub_target[0].attributes.schema == "pix.v1.ExportTick"
    error_message = "export does not understand the tick."
  }
}

run "a_schedule_of_four_fields" {
  command = plan

  module {
    source = "../modules/scheduler"
  }
  variables {
    topic    = "projects/test-project/topics/pix-exports-v1"
    schedule = "*/15 * * *"
  }

  expect_failures = [var.schedule]
}

run "a_kafka" {
  module {
    source = "../modules/kafka"
  }
  variables {
    subnet = "projects/test-project/regions/southamerica-east1/subnetworks/nodes"
  }

  assert {
    condition     = google_managed_kafka_topic.this["pix.transactions"].configs["message.timestamp.type"] == "LogAppendTime" && google_managed_kafka_topic.this["pix.transactions"].replication_factor == 3
    error_message = "A payment's age would be its producer's word, or a record lies on one broker."
  }
}
