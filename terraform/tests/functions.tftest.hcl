# Functions: who may invoke them, what they are told, and that what runs in their background keeps running.

mock_provider "google" {
  source = "./mocks"
}

variables {
  project_id           = "test-project"
  project_number       = "123456789012"
  region               = "southamerica-east1"
  image                = "southamerica-east1-docker.pkg.dev/test-project/sentinela/functions@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  kms_key              = "projects/test-project/locations/southamerica-east1/keyRings/sentinela/cryptoKeys/run"
  network              = "projects/test-project/global/networks/sentinela"
  subnet               = "projects/test-project/regions/southamerica-east1/subnetworks/run"
  ack_deadline_seconds = { score = 60, audit = 60 }
  services = {
    score = {
      service_account = "pix-score@test-project.iam.gserviceaccount.com"
      push_account    = "push-score@test-project.iam.gserviceaccount.com"
      cpu_idle        = false
      memory_mib      = 1024
      environment     = { BIGTABLE_INSTANCE = "sentinela", TOKEN_KEY_VERSION = "1" }
      secrets         = { TOKEN_KEY = { secret = "pix-token-key", version = "1" } }
    }
    audit = {
      service_account = "pix-audit@test-project.iam.gserviceaccount.com"
      push_account    = "push-audit@test-project.iam.gserviceaccount.com"
      environment     = { DATASET = "fraud" }
    }
  }
}

run "behind_iam" {
  module {
    source = "../modules/functions"
  }

  assert {
    condition     = alltrue([for name, b in google_cloud_run_v2_service_iam_binding.invoker : b.members == toset(["serviceAccount:push-${name}@test-project.iam.gserviceaccount.com"]) && b.role == "roles/run.invoker"])
    error_message = "Somebody beside its subscription may invoke a function, whose container then believes what it is told."
  }
  assert {
    condition     = alltrue([for s in google_cloud_run_v2_service.this : s.ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY" && !s.invoker_iam_disabled])
    error_message = "A function is reached from the internet, or without IAM."
  }
  assert {
    condition     = alltrue([for name, s in google_cloud_run_v2_service.this : one([for e in s.template[0].containers[0].env : e.value if e.name == "TRUST_CLOUD_RUN_IAM"]) == "true"])
    error_message = "Behind Cloud Run's IAM the signature is removed: without the variable every push is refused."
  }
  assert {
    condition     = one([for e in google_cloud_run_v2_service.this["score"].template[0].containers[0].env : e.value if e.name == "PUSH_AUDIENCE"]) == "https://pix-score-123456789012.southamerica-east1.run.app"
    error_message = "A function expects tokens for another audience."
  }
  assert {
    condition     = alltrue([for s in google_cloud_run_v2_service.this : s.template[0].vpc_access[0].egress == "ALL_TRAFFIC"])
    error_message = "Something leaves past the network's firewall."
  }
}

run "background_runs" {
  module {
    source = "../modules/functions"
  }

  assert {
    condition     = google_cloud_run_v2_service.this["score"].template[0].containers[0].resources[0].cpu_idle == false
    error_message = "score's loops stand still between requests."
  }
  assert {
    condition     = alltrue([for s in google_cloud_run_v2_service.this : s.template[0].containers[0].resources[0].startup_cpu_boost && s.template[0].timeout == "60s"])
    error_message = "A function starts slowly, or its request ends before its handling."
  }
  assert {
    condition     = one([for e in google_cloud_run_v2_service.this["score"].template[0].containers[0].env : e.value if e.name == "MEMORY_LIMIT"]) == "1073741824" && google_cloud_run_v2_service.this["score"].template[0].containers[0].resources[0].limits.memory == "1024Mi"
    error_message = "The process is told of another memory than its container has."
  }
  assert {
    condition     = one([for e in google_cloud_run_v2_service.this["score"].template[0].containers[0].env : e.value_source[0].secret_key_ref[0].version if e.name == "TOKEN_KEY"]) == "1"
    error_message = "The token key's version is not pinned."
  }
}

run "seen_to_be_well" {
  module {
    source = "../modules/functions"
  }

  assert {
    condition     = alltrue([for s in google_cloud_run_v2_service.this : s.template[0].containers[0].startup_probe[0].http_get[0].path == "/readyz" && s.template[0].containers[0].startup_probe[0].http_get[0].port == 8081 && s.template[0].containers[0].liveness_probe[0].http_get[0].path == "/healthz"])
    error_message = "An instance gets messages before it is ready, or hangs unseen."
  }
  assert {
    condition     = alltrue([for s in google_cloud_run_v2_service.this : length(s.template[0].containers) == 1])
    error_message = "A sidecar stands there that nobody asked for."
  }
}

run "measured" {
  module {
    source = "../modules/functions"
  }
  variables {
    metrics = {
      image   = "us-docker.pkg.dev/cloud-ops-agents-artifacts/cloud-run-gmp-sidecar/cloud-run-gmp-sidecar@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
      secret  = "pix-run-monitoring"
      version = "1"
    }
  }

  assert {
    condition     = length(google_cloud_run_v2_service.this["score"].template[0].containers) == 2 && length(google_cloud_run_v2_service.this["audit"].template[0].containers) == 1
    error_message = "The sidecar stands beside a function whose processor goes, or not beside score."
  }
  assert {
    condition     = google_cloud_run_v2_service.this["score"].template[0].volumes[0].secret[0].items[0].path == "config.yaml"
    error_message = "The sidecar does not find its configuration."
  }
}

run "everything_to_the_newest" {
  module {
    source = "../modules/functions"
  }

  assert {
    condition     = alltrue([for s in google_cloud_run_v2_service.this : length(s.traffic) == 1 && s.traffic[0].percent == 100 && s.traffic[0].type == "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"])
    error_message = "Without a canary something goes elsewhere."
  }
}

run "a_canary" {
  module {
    source = "../modules/functions"
  }
  variables {
    services = {
      audit = {
        service_account = "pix-audit@test-project.iam.gserviceaccount.com"
        push_account    = "push-audit@test-project.iam.gserviceaccount.com"
        environment     = { DATASET = "fraud" }
        canary          = { stable_revision = "pix-audit-00001-abc", percent = 10 }
      }
    }
  }

  assert {
    condition     = google_cloud_run_v2_service.this["audit"].traffic[0].revision == "pix-audit-00001-abc" && google_cloud_run_v2_service.this["audit"].traffic[0].percent == 90 && google_cloud_run_v2_service.this["audit"].traffic[1].percent == 10
    error_message = "The canary's share is another."
  }
}

run "a_tag_instead_of_a_digest" {
  command = plan

  module {
    source = "../modules/functions"
  }
  variables {
    image = "southamerica-east1-docker.pkg.dev/test-project/sentinela/functions:latest"
  }

  expect_failures = [var.image]
}

run "a_variable_that_nobody_reads" {
  command = plan

  module {
    source = "../modules/functions"
  }
  variables {
    services = {
      audit = {
        service_account = "a@b"
        push_account    = "c@d"
        environment     = { DATASET = "fraud", DATA_SET = "fraud" }
      }
    }
  }

  expect_failures = [google_cloud_run_v2_service.this]
}

run "a_required_variable_missing" {
  command = plan

  module {
    source = "../modules/functions"
  }
  variables {
    services = {
      score = {
        service_account = "a@b"
        push_account    = "c@d"
        cpu_idle        = false
        environment     = { BIGTABLE_INSTANCE = "sentinela" }
      }
    }
  }

  expect_failures = [google_cloud_run_v2_service.this]
}

run "a_secret_as_text" {
  command = plan

  module {
    source = "../modules/functions"
  }
  variables {
    services = {
      score = {
        service_account = "a@b"
        push_account    = "c@d"
        cpu_idle        = false
        environment     = { BIGTABLE_INSTANCE = "sentinela", TOKEN_KEY = "c2VjcmV0" }
      }
    }
  }

  expect_failures = [google_cloud_run_v2_service.this]
}

run "score_without_its_processor" {
  command = plan

  module {
    source = "../modules/functions"
  }
  variables {
    services = {
      score = {
        service_account = "a@b"
        push_account    = "c@d"
        environment     = { BIGTABLE_INSTANCE = "sentinela" }
        secrets         = { TOKEN_KEY = { secret = "pix-token-key", version = "1" } }
      }
    }
  }

  expect_failures = [var.services]
}

run "a_secret_that_moves" {
  command = plan

  module {
    source = "../modules/functions"
  }
  variables {
    services = {
      score = {
        service_account = "a@b"
        push_account    = "c@d"
        cpu_idle        = false
        environment     = { BIGTABLE_INSTANCE = "sentinela" }
        secrets         = { TOKEN_KEY = { secret = "pix-token-key", version = "latest" } }
      }
    }
  }

  expect_failures = [var.services]
}

run "a_deadline_below_the_handling" {
  command = plan

  module {
    source = "../modules/functions"
  }
  variables {
    ack_deadline_seconds = { score = 60, audit = 30 }
  }

  expect_failures = [google_cloud_run_v2_service.this]
}
