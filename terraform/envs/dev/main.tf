# dev, on one page: what it is made of is terraform/modules/sentinela, how large it is sizes.json, and what is its own below.

module "sentinela" {
  source = "../../modules/sentinela"

  project_id  = var.project_id
  environment = "dev"
  region      = var.region
  images      = var.images
  sizes       = jsondecode(file("${path.module}/sizes.json"))

  token_keys         = var.token_keys
  models_from_bucket = var.models_from_bucket
  policy_from_bucket = var.policy_from_bucket
  canary             = var.canary
  run_metrics        = var.run_metrics
  collector          = var.collector

  ranges            = var.ranges
  kafka_ranges      = var.kafka_ranges
  authorized_ranges = var.authorized_ranges
  kafka             = var.kafka

  groups          = var.groups
  producers       = var.producers
  alert_readers   = var.alert_readers
  alerts          = merge(var.alerts, { silence_is_normal = true })
  databricks      = var.databricks
  store_table     = var.store_table
  serving_cluster = var.serving_cluster
  destroy_data    = var.destroy_data
}
