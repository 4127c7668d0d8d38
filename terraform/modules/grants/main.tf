# Who may do what with which thing. A row names one principal, one role and one thing; the table of all rows is in
# terraform/modules/sentinela/grants.tf. Roles are added to a thing, never set: what Google's own agents have stays.

locals {
  # Rows of each kind, by what they say.
  by_kind = { for kind in keys(local.kinds) : kind => {
    for row in var.grants : "${row.principal} ${row.role} ${row.resource}" => row if row.kind == kind
  } }

  # What a resource of a kind is called.
  kinds = {
    topic           = "name of a topic"
    subscription    = "name of a subscription"
    bigtable_table  = "instance/table"
    bigquery_table  = "dataset/table"
    dataset         = "name of a dataset"
    bucket          = "name of a bucket"
    folder          = "bucket/folder"
    secret          = "name of a secret"
    service_account = "full name of an account"
    registry        = "name of a repository"
    policy_tag      = "class of data, a key of policy_tags"
    project         = "empty"
  }
}

resource "google_pubsub_topic_iam_member" "this" {
  for_each = local.by_kind.topic

  project = var.project_id
  topic   = each.value.resource
  role    = each.value.role
  member  = each.value.member
}

resource "google_pubsub_subscription_iam_member" "this" {
  for_each = local.by_kind.subscription

  project      = var.project_id
  subscription = each.value.resource
  role         = each.value.role
  member       = each.value.member
}

resource "google_bigtable_table_iam_member" "this" {
  for_each = local.by_kind.bigtable_table

  project       = var.project_id
  instance_name = split("/", each.value.resource)[0]
  table         = split("/", each.value.resource)[1]
  role          = each.value.role
  member        = each.value.member
}

resource "google_bigquery_table_iam_member" "this" {
  for_each = local.by_kind.bigquery_table

  project    = var.project_id
  dataset_id = split("/", each.value.resource)[0]
  table_id   = split("/", each.value.resource)[1]
  role       = each.value.role
  member     = each.value.member
}

resource "google_bigquery_dataset_iam_member" "this" {
  for_each = local.by_kind.dataset

  project    = var.project_id
  dataset_id = each.value.resource
  role       = each.value.role
  member     = each.value.member
}

resource "google_storage_bucket_iam_member" "this" {
  for_each = local.by_kind.bucket

  bucket = each.value.resource
  role   = each.value.role
  member = each.value.member
}

resource "google_storage_managed_folder_iam_member" "this" {
  for_each = local.by_kind.folder

  bucket         = split("/", each.value.resource)[0]
  managed_folder = "${split("/", each.value.resource)[1]}/"
  role           = each.value.role
  member         = each.value.member
}

resource "google_secret_manager_secret_iam_member" "this" {
  for_each = local.by_kind.secret

  project   = var.project_id
  secret_id = each.value.resource
  role      = each.value.role
  member    = each.value.member
}

resource "google_service_account_iam_member" "this" {
  for_each = local.by_kind.service_account

  service_account_id = each.value.resource
  role               = each.value.role
  member             = each.value.member
}

resource "google_artifact_registry_repository_iam_member" "this" {
  for_each = local.by_kind.registry

  project    = var.project_id
  location   = var.region
  repository = each.value.resource
  role       = each.value.role
  member     = each.value.member
}

resource "google_data_catalog_policy_tag_iam_member" "this" {
  for_each = local.by_kind.policy_tag

  policy_tag = var.policy_tags[each.value.resource]
  role       = each.value.role
  member     = each.value.member
}

resource "google_project_iam_member" "this" {
  for_each = local.by_kind.project

  project = var.project_id
  role    = each.value.role
  member  = each.value.member
}
