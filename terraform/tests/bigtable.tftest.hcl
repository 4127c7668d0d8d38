# The feature store: conditional writes need one cluster, and nothing may be lost by a wrong word.

mock_provider "google" {
  source = "./mocks"
}

variables {
  project_id = "test-project"
  zone       = "southamerica-east1-a"
  kms_key    = "projects/test-project/locations/southamerica-east1/keyRings/sentinela/cryptoKeys/bigtable"
  nodes      = { min = 1, max = 4 }
}

run "one_decision" {
  module {
    source = "../modules/bigtable"
  }

  assert {
    condition     = google_bigtable_app_profile.single.single_cluster_routing[0].allow_transactional_writes && google_bigtable_app_profile.single.single_cluster_routing[0].cluster_id == "sentinela-main"
    error_message = "Two decisions on one payment: conditional writes need one cluster."
  }
  assert {
    condition     = google_bigtable_app_profile.single.multi_cluster_routing_use_any == null
    error_message = "A profile over several clusters loses conditional writes."
  }
}

run "kept" {
  module {
    source = "../modules/bigtable"
  }

  assert {
    condition     = google_bigtable_instance.this.deletion_protection && google_bigtable_table.this.deletion_protection == "PROTECTED" && !google_bigtable_instance.this.force_destroy
    error_message = "destroy takes the store with it."
  }
  assert {
    condition     = one(google_bigtable_table.this.automated_backup_policy).frequency == "86400s" && one(google_bigtable_table.this.automated_backup_policy).retention_period == "604800s"
    error_message = "There is no backup of yesterday."
  }
  assert {
    condition     = alltrue([for c in google_bigtable_instance.this.cluster : c.kms_key_name == var.kms_key && c.autoscaling_config[0].min_nodes == 1 && c.autoscaling_config[0].max_nodes == 4])
    error_message = "A cluster is not encrypted with our key, or does not scale."
  }
}

run "restored" {
  module {
    source = "../modules/bigtable"
  }
  variables {
    table = "pix-2"
  }

  assert {
    condition     = google_bigtable_table.this.name == "pix-2" && output.table == "pix-2" && google_bigtable_gc_policy.this["dec"].table == "pix-2"
    error_message = "A restored table is not the one that is served."
  }
}

run "families" {
  module {
    source = "../modules/bigtable"
  }

  assert {
    condition     = toset([for f in google_bigtable_table.this.column_family : f.family]) == toset(keys(jsondecode(file("../contract.json")).store.families))
    error_message = "The table has other families than the code."
  }
  assert {
    condition     = google_bigtable_gc_policy.this["dec"].max_age[0].duration == "7776000s" && google_bigtable_gc_policy.this["dec"].mode == null
    error_message = "Decisions are kept for another time than 90 days."
  }
  assert {
    condition     = google_bigtable_gc_policy.this["tile"].mode == "UNION" && google_bigtable_gc_policy.this["tile"].max_version[0].number == 1
    error_message = "A tile leaves when it is old or superseded, whichever is first."
  }
  assert {
    condition     = length(google_bigtable_gc_policy.this["first"].max_age) == 0
    error_message = "First facts are kept for good."
  }
}

run "a_replica_takes_over" {
  module {
    source = "../modules/bigtable"
  }
  variables {
    replica_zone    = "southamerica-east1-c"
    serving_cluster = "replica"
  }

  assert {
    condition     = length(google_bigtable_instance.this.cluster) == 2 && google_bigtable_app_profile.single.single_cluster_routing[0].cluster_id == "sentinela-replica"
    error_message = "The replica does not serve."
  }
}

run "no_replica_to_take_over" {
  command = plan

  module {
    source = "../modules/bigtable"
  }
  variables {
    serving_cluster = "replica"
  }

  expect_failures = [google_bigtable_app_profile.single]
}

run "a_replica_beside_its_original" {
  command = plan

  module {
    source = "../modules/bigtable"
  }
  variables {
    replica_zone = "southamerica-east1-a"
  }

  expect_failures = [google_bigtable_instance.this]
}

run "a_name_that_google_refuses" {
  command = plan

  module {
    source = "../modules/bigtable"
  }
  variables {
    instance = "pix"
  }

  expect_failures = [var.instance]
}
