# The warehouse: no query without a day, no token for whoever may not see it, no row of an approved payment for the desk.

mock_provider "google" {
  source = "./mocks"
}

variables {
  project_id  = "test-project"
  region      = "southamerica-east1"
  kms_key     = "projects/test-project/locations/southamerica-east1/keyRings/sentinela/cryptoKeys/bigquery"
  expiry_days = 400
}

run "tables" {
  module {
    source = "../modules/bigquery"
  }

  assert {
    condition     = toset(keys(google_bigquery_table.this)) == toset(["alerts", "decisions", "labels"])
    error_message = "Other tables than the code's."
  }
  assert {
    condition     = alltrue([for t in google_bigquery_table.this : t.require_partition_filter && t.time_partitioning[0].field == "event_time" && t.time_partitioning[0].type == "DAY" && t.time_partitioning[0].expiration_ms == 34560000000])
    error_message = "A table is read whole by a query without a day, or keeps its days for another time."
  }
  assert {
    condition     = alltrue([for t in google_bigquery_table.this : t.deletion_protection && t.encryption_configuration[0].kms_key_name == var.kms_key]) && google_bigquery_dataset.this.deletion_policy == "PREVENT" && !google_bigquery_dataset.this.delete_contents_on_destroy
    error_message = "destroy takes rows with it, or they are not encrypted with our key."
  }
  assert {
    condition     = google_bigquery_table.this["decisions"].clustering == tolist(["outcome", "payee_account", "payer_account", "end_to_end_id"])
    error_message = "decisions is sorted by other columns."
  }
}

run "columns" {
  module {
    source = "../modules/bigquery"
  }

  assert {
    condition     = [for c in jsondecode(google_bigquery_table.this["decisions"].schema) : c.name] == [for c in jsondecode(file("../../shared/warehouse/schema/decisions.json")) : c.name]
    error_message = "decisions has other columns, or others' order."
  }
  assert {
    condition = alltrue([for c in jsondecode(google_bigquery_table.this["decisions"].schema) :
    can(c.policyTags) if contains(["payer_account", "payer_owner", "payer_key", "payee_account", "payee_owner", "payee_key", "device", "tx_id_token", "facts", "vector"], c.name)])
    error_message = "A column with a person in it has no class."
  }
  assert {
    condition     = alltrue(flatten([for c in jsondecode(google_bigquery_table.this["decisions"].schema) : [for f in c.fields : can(f.policyTags)] if c.name == "previous_tokens"]))
    error_message = "A token under the previous key has no class."
  }
  assert {
    condition     = alltrue([for c in jsondecode(google_bigquery_table.this["decisions"].schema) : !can(c.policyTags) if contains(["event_time", "outcome", "end_to_end_id", "previous_tokens"], c.name)])
    error_message = "A column that everybody needs, or a record, has a class."
  }
}

run "views" {
  module {
    source = "../modules/bigquery"
  }

  assert {
    condition     = toset(concat(keys(google_bigquery_table.view), keys(google_bigquery_table.view_of_views))) == toset(["alerts_latest", "decisions_latest", "labels_latest", "model_divergence"])
    error_message = "Other views than the code's."
  }
  assert {
    condition     = alltrue([for v in google_bigquery_table.view : strcontains(v.view[0].query, "`test-project.fraud.") && !v.view[0].use_legacy_sql])
    error_message = "A view reads another dataset."
  }
}

run "rows" {
  module {
    source = "../modules/bigquery"
  }
  variables {
    row_readers = {
      everything = ["serviceAccount:pix-export@test-project.iam.gserviceaccount.com"]
      stopped    = ["group:desk@bank.example"]
    }
  }

  assert {
    condition     = google_bigquery_row_access_policy.stopped["decisions"].filter_predicate == "outcome != 'APPROVE'" && google_bigquery_row_access_policy.stopped["labels"].filter_predicate == "TRUE"
    error_message = "The desk sees approved payments, or no labels."
  }
  assert {
    condition     = alltrue([for p in google_bigquery_row_access_policy.everything : contains(p.grantees, "serviceAccount:pix-export@test-project.iam.gserviceaccount.com")])
    error_message = "The export would see nothing and find that the lake has too many rows."
  }
}

run "an_export_that_sees_nothing" {
  command = plan

  module {
    source = "../modules/bigquery"
  }
  variables {
    row_readers = { everything = [], stopped = ["group:desk@bank.example"] }
  }

  expect_failures = [google_bigquery_row_access_policy.stopped]
}

run "rows_that_leave_before_their_label" {
  command = plan

  module {
    source = "../modules/bigquery"
  }
  variables {
    expiry_days = 30
  }

  expect_failures = [var.expiry_days]
}
