# The environments whole, and what bootstrap gives them.

mock_provider "google" {
  source = "./mocks"
}

mock_provider "databricks" {}

variables {
  project_id = "test-project"
  images = {
    functions = "southamerica-east1-docker.pkg.dev/test-project/sentinela/functions@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }
}

run "bootstrap" {
  command = plan # keys and state cannot be destroyed after the test, as it should be

  module {
    source = "../bootstrap"
  }
  variables {
    environment         = "prod"
    repository          = "my-bank/sentinela"
    enforce_attestation = true
    budget              = { units = 100000 }
  }

  assert {
    condition     = google_storage_bucket.state.name == "test-project-tfstate" && google_storage_bucket.state.versioning[0].enabled && google_storage_bucket.state.public_access_prevention == "enforced"
    error_message = "The state can be lost or read by strangers."
  }
  assert {
    condition     = toset(google_project_iam_custom_role.row_writer.permissions) == toset(["bigquery.tables.get", "bigquery.tables.updateData"])
    error_message = "A writer of rows may read or alter them."
  }
  assert {
    condition = length(setintersection(google_project_iam_custom_role.deployer.permissions, [
      "bigtable.tables.readRows", "bigtable.tables.mutateRows", "pubsub.subscriptions.consume", "pubsub.topics.publish",
      "secretmanager.versions.access", "storage.objects.get", "storage.objects.create",
    ])) == 0
    error_message = "The deployer may read or forge payments, or read keys."
  }
  assert {
    condition     = length(setsubtract(["pubsub", "bigtable", "bigquery", "storage", "secrets", "registry", "run", "gke", "kafka"], keys(output.keys))) == 0
    error_message = "An environment would find no key."
  }
}

run "dev" {
  module {
    source = "../envs/dev"
  }

  assert {
    condition     = length(output.topics) == 6 && output.dataset == "fraud" && output.store.instance == "sentinela" && output.store.app_profile == "pix-single"
    error_message = "Names differ from the code's."
  }
  assert {
    condition     = output.services.score.url == "https://pix-score-123456789012.southamerica-east1.run.app"
    error_message = "score answers elsewhere."
  }
  assert {
    condition     = alltrue([for row in output.grants : length(split(" ", row)) >= 3])
    error_message = "A row of roles says too little."
  }
  assert {
    condition = toset([for row in output.grants : row if endswith(row, " project")]) == toset([
      "metrics adapter roles/monitoring.viewer project",
      "pix-export roles/bigquery.jobUser project",
      "pix-export roles/bigquery.readSessionUser project",
      "pix-nodes roles/container.defaultNodeServiceAccount project",
    ])
    error_message = "Somebody has a role on the whole project that is not one of four."
  }
}

run "staging" {
  module {
    source = "../envs/staging"
  }

  assert {
    condition     = output.cluster.name == "sentinela"
    error_message = "staging has no cluster."
  }
}

run "prod" {
  module {
    source = "../envs/prod"
  }
  variables {
    groups     = { desk = "desk@bank.example", analysts = "data@bank.example" }
    producers  = { labels = ["serviceAccount:med@bank.iam.gserviceaccount.com"] }
    databricks = { catalog = "sentinela_prod", principal = "sentinela-learning-prod" }
    token_keys = { current = 2, previous = { secret_version = 1, version = 1 } }
    canary     = { score = { stable_revision = "pix-score-00001-abc", percent = 5 } }
    run_metrics = {
      image = "us-docker.pkg.dev/cloud-ops-agents-artifacts/cloud-run-gmp-sidecar/cloud-run-gmp-sidecar@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    }
  }

  assert {
    condition     = contains(output.grants, "desk roles/bigquery.jobUser project") && contains(output.grants, "sentinela-learning roles/storage.objectViewer folder test-project-lake/exports")
    error_message = "People or Databricks have not what they need."
  }
  assert {
    condition     = contains(output.grants, "pix-score roles/monitoring.metricWriter project")
    error_message = "score's sidecar may not write what it measures."
  }
  assert {
    condition     = contains(output.grants, "producer serviceAccount:med@bank.iam.gserviceaccount.com roles/pubsub.publisher topic pix-labels-v1")
    error_message = "Labels do not arrive."
  }
}

run "what_functions_say_is_watched" {
  command = plan

  module {
    source = "../modules/sentinela"
  }
  variables {
    environment = "dev"
    collector   = "http://10.10.0.5:4317"
    sizes = {
      functions = { score = {}, audit = {}, alert = {}, label = {}, export = {} }
      bigtable  = { nodes = { min = 1, max = 1 } }
      warehouse = { expiry_days = 120 }
    }
  }

  assert {
    condition     = contains(keys(module.monitoring.policies), "FunctionsPanic") && contains(keys(module.monitoring.policies), "RowsMissing")
    error_message = "The functions' metrics come to a collector and no policy asks for them."
  }
}

run "prod_abroad" {
  command = plan

  module {
    source = "../modules/sentinela"
  }
  variables {
    environment = "prod"
    region      = "us-central1"
    sizes = {
      functions = { score = {}, audit = {}, alert = {}, label = {}, export = {} }
      bigtable  = { nodes = { min = 1, max = 1 } }
      warehouse = { expiry_days = 120 }
    }
  }

  expect_failures = [var.region]
}

run "a_region_that_is_none" {
  command = plan

  module {
    source = "../modules/sentinela"
  }
  variables {
    environment = "dev"
    region      = "sao-paulo"
    sizes = {
      functions = { score = {}, audit = {}, alert = {}, label = {}, export = {} }
      bigtable  = { nodes = { min = 1, max = 1 } }
      warehouse = { expiry_days = 120 }
    }
  }

  expect_failures = [var.region]
}

run "an_image_by_its_tag" {
  command = plan

  module {
    source = "../modules/sentinela"
  }
  variables {
    environment = "dev"
    images      = { functions = "southamerica-east1-docker.pkg.dev/test-project/sentinela/functions:v1" }
    sizes = {
      functions = { score = {}, audit = {}, alert = {}, label = {}, export = {} }
      bigtable  = { nodes = { min = 1, max = 1 } }
      warehouse = { expiry_days = 120 }
    }
  }

  expect_failures = [var.images]
}

run "a_size_left_out" {
  command = plan

  module {
    source = "../modules/sentinela"
  }
  variables {
    environment = "dev"
    sizes = {
      functions = { score = {} }
      bigtable  = { nodes = { min = 1, max = 1 } }
      warehouse = { expiry_days = 120 }
    }
  }

  expect_failures = [var.sizes]
}

run "a_project_by_its_number" {
  command = plan

  module {
    source = "../modules/sentinela"
  }
  variables {
    project_id  = "123456789012"
    environment = "dev"
    sizes = {
      functions = { score = {}, audit = {}, alert = {}, label = {}, export = {} }
      bigtable  = { nodes = { min = 1, max = 1 } }
      warehouse = { expiry_days = 120 }
    }
  }

  expect_failures = [var.project_id]
}

run "two_keys_of_one_version" {
  command = plan

  module {
    source = "../modules/sentinela"
  }
  variables {
    environment = "dev"
    token_keys  = { current = 2, previous = { secret_version = 1, version = 2 } }
    sizes = {
      functions = { score = {}, audit = {}, alert = {}, label = {}, export = {} }
      bigtable  = { nodes = { min = 1, max = 1 } }
      warehouse = { expiry_days = 120 }
    }
  }

  expect_failures = [var.token_keys]
}
