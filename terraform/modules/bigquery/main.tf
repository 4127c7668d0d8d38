# The warehouse: tables and views from the files that the code reads too. What a column holds is said by its class of data, and
# whoever may not see a class cannot select its columns.

locals {
  contract = jsondecode(file("${path.module}/../../contract.json")).warehouse
  schemas  = "${path.module}/../../../shared/warehouse/schema"

  # Columns by class: a token stands for a person as long as the key exists; behaviour is what a person does, and the model's
  # numbers would show a fraudster what to change. What is in no class is an outcome, a time or a version.
  classes = {
    token = {
      title   = "Tokens of persons"
      columns = ["payer_account", "payer_owner", "payer_key", "payee_account", "payee_owner", "payee_key", "device", "tx_id_token", "tx_id"]
    }
    behaviour = {
      title   = "What a person did, and what the models made of it"
      columns = ["facts", "vector", "value", "contribution", "payer_raw", "receiver_raw"]
    }
  }
  class_of = merge([for class, c in local.classes : { for column in c.columns : column => class }]...)

  # Tags stand at leaves: a record's columns have theirs, the record has none.
  tags = { for column, class in local.class_of : column => { names = [google_data_catalog_policy_tag.this[class].name] } }
  columns = { for table in keys(local.contract.tables) : table => [
    for column in jsondecode(file("${local.schemas}/${table}.json")) : merge(
      { for key, value in column : key => value if key != "fields" },
      { for key, value in { policyTags = lookup(local.tags, column.name, null) } : key => value if value != null && column.type != "RECORD" },
      { for key, value in { fields = [for field in try(column.fields, []) : merge(
        field,
        { for k, v in { policyTags = lookup(local.tags, field.name, null) } : k => v if v != null },
      )] } : key => value if column.type == "RECORD" },
    )
  ] }

  # Views read tables, or views that must be there before them.
  views = { for depth in ["first", "second"] : depth => {
    for name, v in local.contract.views : name => templatefile("${local.schemas}/${name}.sql", { dataset = "${var.project_id}.${var.dataset}" })
    if(length(v.views) == 0) == (depth == "first")
  } }

  # Each reader of a table with row policies needs one: without it nobody sees a row.
  everything = var.row_readers == null ? [] : var.row_readers.everything
  stopped    = var.row_readers == null ? [] : var.row_readers.stopped
}

resource "google_data_catalog_taxonomy" "this" {
  project                = var.project_id
  region                 = var.region
  display_name           = "sentinela"
  description            = "Classes of data in the warehouse"
  activated_policy_types = ["FINE_GRAINED_ACCESS_CONTROL"]
}

resource "google_data_catalog_policy_tag" "this" {
  for_each = local.classes

  taxonomy     = google_data_catalog_taxonomy.this.id
  display_name = each.key
  description  = each.value.title
}

resource "google_bigquery_dataset" "this" {
  project                         = var.project_id
  dataset_id                      = var.dataset
  location                        = var.region
  friendly_name                   = "Sentinela"
  description                     = "Decisions on Pix payments, alerts and labels"
  labels                          = var.labels
  default_partition_expiration_ms = var.expiry_days * 24 * 3600 * 1000
  max_time_travel_hours           = 168
  delete_contents_on_destroy      = var.destroy_data
  deletion_policy                 = var.destroy_data ? "DELETE" : "PREVENT"

  default_encryption_configuration {
    kms_key_name = var.kms_key
  }
}

resource "google_bigquery_table" "this" {
  # checkov:skip=CKV_GCP_121:destroy_data decides, and is off by default (tests/bigquery.tftest.hcl)

  for_each = local.contract.tables

  project                  = var.project_id
  dataset_id               = google_bigquery_dataset.this.dataset_id
  table_id                 = each.key
  labels                   = var.labels
  schema                   = jsonencode(local.columns[each.key])
  clustering               = each.value.clustering
  require_partition_filter = each.value.require_partition_filter
  deletion_protection      = !var.destroy_data

  time_partitioning {
    type          = "DAY"
    field         = each.value.partition_field
    expiration_ms = var.expiry_days * 24 * 3600 * 1000
  }

  encryption_configuration {
    kms_key_name = var.kms_key
  }
}

resource "google_bigquery_table" "view" {
  # checkov:skip=CKV_GCP_80:a view holds no rows
  # checkov:skip=CKV_GCP_121:a view holds no rows

  for_each = local.views.first

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.this.dataset_id
  table_id            = each.key
  labels              = var.labels
  deletion_protection = false

  view {
    query          = each.value
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.this]
}

resource "google_bigquery_table" "view_of_views" {
  # checkov:skip=CKV_GCP_80:a view holds no rows
  # checkov:skip=CKV_GCP_121:a view holds no rows

  for_each = local.views.second

  project             = var.project_id
  dataset_id          = google_bigquery_dataset.this.dataset_id
  table_id            = each.key
  labels              = var.labels
  deletion_protection = false

  view {
    query          = each.value
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.view]
}

resource "google_bigquery_row_access_policy" "everything" {
  for_each = length(local.everything) == 0 ? {} : local.contract.tables

  project          = var.project_id
  dataset_id       = google_bigquery_dataset.this.dataset_id
  table_id         = google_bigquery_table.this[each.key].table_id
  policy_id        = "everything"
  filter_predicate = "TRUE"
  grantees         = local.everything
}

# The desk works on what was stopped. Payments that were approved are nobody's business there.
resource "google_bigquery_row_access_policy" "stopped" {
  for_each = length(local.stopped) == 0 ? {} : { for name, t in local.contract.tables : name => contains(t.clustering, "outcome") }

  project          = var.project_id
  dataset_id       = google_bigquery_dataset.this.dataset_id
  table_id         = google_bigquery_table.this[each.key].table_id
  policy_id        = "stopped"
  filter_predicate = each.value ? "outcome != 'APPROVE'" : "TRUE"
  grantees         = local.stopped

  lifecycle {
    precondition {
      condition     = length(local.everything) > 0
      error_message = "Where rows have policies the export needs one too: name it under row_readers.everything."
    }
  }
}
