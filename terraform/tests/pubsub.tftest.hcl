# Messages: nothing that a message needs to survive may be missing, and nothing may kill it by a count.

mock_provider "google" {
  source = "./mocks"
}

variables {
  project_id = "test-project"
  region     = "southamerica-east1"
  kms_key    = "projects/test-project/locations/southamerica-east1/keyRings/sentinela/cryptoKeys/pubsub"
  endpoints = {
    score  = { url = "https://pix-score.run.app", service_account = "push-score@test-project.iam.gserviceaccount.com", handle_seconds = 20 }
    audit  = { url = "https://pix-audit.run.app", service_account = "push-audit@test-project.iam.gserviceaccount.com", handle_seconds = 20 }
    alert  = { url = "https://pix-alert.run.app", service_account = "push-alert@test-project.iam.gserviceaccount.com", handle_seconds = 20 }
    label  = { url = "https://pix-label.run.app", service_account = "push-label@test-project.iam.gserviceaccount.com", handle_seconds = 20 }
    export = { url = "https://pix-export.run.app", service_account = "push-export@test-project.iam.gserviceaccount.com", handle_seconds = 540 }
  }
}

run "messages_survive" {
  module {
    source = "../modules/pubsub"
  }

  assert {
    condition     = alltrue([for s in google_pubsub_subscription.this : length(s.dead_letter_policy) == 0])
    error_message = "A dead-letter policy counts attempts and forwards raw messages."
  }
  assert {
    condition     = alltrue([for s in google_pubsub_subscription.this : s.expiration_policy[0].ttl == ""])
    error_message = "A subscription expires."
  }
  assert {
    condition     = alltrue([for s in google_pubsub_subscription.this : s.message_retention_duration == "604800s"])
    error_message = "A message that fails for six days would be lost before."
  }
  assert {
    condition     = alltrue([for s in google_pubsub_subscription.this : s.retry_policy[0].minimum_backoff == "10s" && s.retry_policy[0].maximum_backoff == "600s"])
    error_message = "Retries have another back-off than ADR 2 says."
  }
  assert {
    condition     = alltrue([for s in google_pubsub_subscription.this : s.deletion_policy == "PREVENT"]) && alltrue([for t in google_pubsub_topic.this : t.deletion_policy == "PREVENT"])
    error_message = "destroy takes messages with it."
  }
  assert {
    condition     = alltrue([for t in google_pubsub_topic.this : t.kms_key_name == var.kms_key && t.message_storage_policy[0].allowed_persistence_regions == toset(["southamerica-east1"]) && t.message_storage_policy[0].enforce_in_transit && length(t.schema_settings) == 0])
    error_message = "A topic is not encrypted with our key, leaves the region, or has a schema."
  }
}

run "who_is_asked" {
  module {
    source = "../modules/pubsub"
  }

  assert {
    condition     = google_pubsub_subscription.this["score"].push_config[0].push_endpoint == "https://pix-score.run.app/push"
    error_message = "score is pushed elsewhere."
  }
  assert {
    condition     = alltrue([for name, s in google_pubsub_subscription.this : name == "pix-dead-letter-v1-desk" || try(s.push_config[0].oidc_token[0].audience == trimsuffix(s.push_config[0].push_endpoint, "/push"), false)])
    error_message = "A push has no token, or one for somebody else."
  }
  assert {
    condition     = length(distinct([for name, s in google_pubsub_subscription.this : s.push_config[0].oidc_token[0].service_account_email if length(s.push_config) > 0])) == 5
    error_message = "Two subscriptions share an account."
  }
  assert {
    condition     = length(google_pubsub_subscription.this["pix-dead-letter-v1-desk"].push_config) == 0
    error_message = "The desk pulls."
  }
  assert {
    condition     = google_pubsub_subscription.this["alert"].filter == "NOT attributes.outcome = \"APPROVE\"" && google_pubsub_subscription.this["audit"].filter == null
    error_message = "alert must hear of stops alone, audit of everything."
  }
  assert {
    condition     = google_pubsub_subscription.this["score"].ack_deadline_seconds > 30 && google_pubsub_subscription.this["export"].ack_deadline_seconds == 600
    error_message = "A deadline is below what handling and a dead letter may take."
  }
}

run "told_to_destroy" {
  module {
    source = "../modules/pubsub"
  }
  variables {
    destroy_data = true
  }

  assert {
    condition     = alltrue([for t in google_pubsub_topic.this : t.deletion_policy == "DELETE"])
    error_message = "Who was told to destroy cannot."
  }
}

run "handling_outlasts_the_deadline" {
  command = plan

  module {
    source = "../modules/pubsub"
  }
  variables {
    endpoints = {
      score  = { url = "https://s", service_account = "a@b", handle_seconds = 50 }
      audit  = { url = "https://s", service_account = "a@b", handle_seconds = 20 }
      alert  = { url = "https://s", service_account = "a@b", handle_seconds = 20 }
      label  = { url = "https://s", service_account = "a@b", handle_seconds = 20 }
      export = { url = "https://s", service_account = "a@b", handle_seconds = 540 }
    }
  }

  expect_failures = [google_pubsub_subscription.this]
}

run "an_address_without_https" {
  command = plan

  module {
    source = "../modules/pubsub"
  }
  variables {
    endpoints = { score = { url = "http://s", service_account = "a@b", handle_seconds = 20 } }
  }

  expect_failures = [var.endpoints]
}
