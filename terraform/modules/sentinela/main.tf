# One environment. Every part stands once; how large it is comes from the environment's sizes. Names follow from the project,
# so what one part needs of another is known before either is there.

locals {
  contract = jsondecode(file("${path.module}/../../contract.json"))
  topics   = jsondecode(file("${path.module}/../../../shared/event/topics.json"))
  labels   = { application = "sentinela", environment = var.environment }

  keys = { for service, key in data.google_kms_crypto_key.this : service => key.id }

  models_bucket = "${var.project_id}-models"
  lake_bucket   = "${var.project_id}-lake"

  # Subscriptions that push, by the function they push to.
  pushes = merge([for topic, t in local.topics : { for name, s in t.subscriptions : s.function => s if can(s.function) }]...)

  # A version of a token key has the number of its secret's version, so that a token says which version made it.
  token_key = merge(
    { TOKEN_KEY = { secret = "pix-token-key", version = tostring(var.token_keys.current) } },
    var.token_keys.previous == null ? {} : {
      PREVIOUS_TOKEN_KEY = { secret = "pix-previous-token-key", version = tostring(var.token_keys.previous.secret_version) }
    },
  )
  token_key_versions = merge(
    { TOKEN_KEY_VERSION = tostring(var.token_keys.current) },
    var.token_keys.previous == null ? {} : { PREVIOUS_TOKEN_KEY_VERSION = tostring(var.token_keys.previous.version) },
  )
}

# The keys are bootstrap's. An environment without its bootstrap ends here.
data "google_kms_crypto_key" "this" {
  for_each = toset(concat(
    ["pubsub", "bigtable", "bigquery", "storage", "secrets", "registry", "run", "gke"],
    var.kafka == null ? [] : ["kafka"],
  ))

  name     = each.key
  key_ring = "projects/${var.project_id}/locations/${var.region}/keyRings/sentinela"
}

data "google_project" "this" {
  project_id = var.project_id
}

module "network" {
  source = "../network"

  project_id     = var.project_id
  region         = var.region
  ranges         = var.ranges
  kafka_ranges   = var.kafka_ranges
  collector_port = var.collector == null ? null : regex("[0-9]+$", var.collector)
  flow_sampling  = var.sizes.flow_sampling
}

module "identity" {
  source = "../identity"

  project_id = var.project_id
  accounts   = local.accounts
}

module "registry" {
  source = "../registry"

  project_id = var.project_id
  region     = var.region
  kms_key    = local.keys.registry
}

module "secrets" {
  source = "../secrets"

  project_id   = var.project_id
  region       = var.region
  kms_key      = local.keys.secrets
  labels       = local.labels
  destroy_data = var.destroy_data
  secrets = merge(
    {
      pix-token-key          = "Makes tokens of identifiers"
      pix-previous-token-key = "The key before the last rotation, for 31 days after it"
      kafka-sasl-password    = "The bridge's password at Kafka, where it needs one"
    },
    var.run_metrics == null ? {} : { pix-run-monitoring = "What the metrics' sidecar reads: no secret, but mounted as one" },
  )
}

module "storage" {
  source = "../storage"

  project_id   = var.project_id
  region       = var.region
  kms_key      = local.keys.storage
  labels       = local.labels
  destroy_data = var.destroy_data
  buckets = {
    (local.models_bucket) = { noncurrent_days = 400 }
    (local.lake_bucket) = {
      folders          = ["exports", "lake"]
      noncurrent_days  = var.sizes.lake.noncurrent_days
      soft_delete_days = var.sizes.lake.soft_delete_days
    }
  }
}

module "bigtable" {
  source = "../bigtable"

  project_id      = var.project_id
  zone            = "${var.region}-${var.sizes.bigtable.zone}"
  replica_zone    = var.sizes.bigtable.replica_zone == null ? null : "${var.region}-${var.sizes.bigtable.replica_zone}"
  table           = var.store_table
  serving_cluster = var.serving_cluster
  kms_key         = local.keys.bigtable
  labels          = local.labels
  nodes           = var.sizes.bigtable.nodes
  backup          = var.sizes.bigtable.backup
  destroy_data    = var.destroy_data
}

module "bigquery" {
  source = "../bigquery"

  project_id   = var.project_id
  region       = var.region
  kms_key      = local.keys.bigquery
  labels       = local.labels
  expiry_days  = var.sizes.warehouse.expiry_days
  destroy_data = var.destroy_data
  row_readers = var.groups.desk == null ? null : {
    everything = concat([module.identity.members["pix-export"]], [for group in compact([var.groups.analysts]) : "group:${group}"])
    stopped    = ["group:${var.groups.desk}"]
  }
}

module "pubsub" {
  source = "../pubsub"

  project_id   = var.project_id
  region       = var.region
  kms_key      = local.keys.pubsub
  labels       = local.labels
  destroy_data = var.destroy_data
  endpoints = { for function in keys(local.pushes) : function => {
    url             = module.functions.urls[function]
    service_account = module.identity.emails["push-${function}"]
    handle_seconds  = local.contract.processes[function].handle_seconds
  } }

  depends_on = [module.functions, module.grants_of_accounts]
}

module "functions" {
  source = "../functions"

  project_id           = var.project_id
  project_number       = data.google_project.this.number
  region               = var.region
  image                = var.images["functions"]
  kms_key              = local.keys.run
  network              = module.network.network
  subnet               = module.network.subnets.run
  labels               = local.labels
  ack_deadline_seconds = { for function, s in local.pushes : function => s.ack_deadline_seconds }
  services             = local.services
  collector            = var.collector
  metrics              = var.run_metrics == null ? null : { image = var.run_metrics.image, secret = "pix-run-monitoring", version = tostring(var.run_metrics.config_version) }

  # Without the way out a function finds no keys to verify callers by, and is not ready.
  depends_on = [module.network, module.grants_of_accounts, module.grants_of_secrets]
}

module "scheduler" {
  source = "../scheduler"

  project_id = var.project_id
  region     = var.region
  topic      = module.pubsub.topics["pix-exports-v1"]
  schedule   = var.sizes.export.schedule
}

module "gke" {
  source = "../gke"
  count  = var.sizes.cluster ? 1 : 0

  project_id           = var.project_id
  region               = var.region
  network              = module.network.network
  subnet               = module.network.subnets.nodes
  node_service_account = module.identity.emails["pix-nodes"]
  kms_key              = local.keys.gke
  labels               = local.labels
  authorized_ranges    = var.authorized_ranges
  deletion_protection  = !var.destroy_data
}

module "kafka" {
  source = "../kafka"
  count  = var.kafka == null ? 0 : 1

  project_id   = var.project_id
  region       = var.region
  subnet       = module.network.subnets.nodes
  kms_key      = local.keys.kafka
  labels       = local.labels
  vcpus        = var.kafka.vcpus
  topics       = var.kafka.topics
  destroy_data = var.destroy_data
}

module "databricks" {
  source = "../databricks"
  count  = var.databricks == null ? 0 : 1

  bucket           = local.lake_bucket
  catalog          = var.databricks.catalog
  principal        = var.databricks.principal
  exports_location = var.databricks.exports_location

  depends_on = [module.storage]
}

module "monitoring" {
  source = "../monitoring"

  project_id        = var.project_id
  labels            = local.labels
  emails            = var.alerts.emails
  channels          = var.alerts.channels
  cluster           = var.sizes.cluster
  functions         = var.collector != null # a sidecar reads score alone
  silence_is_normal = var.alerts.silence_is_normal

  depends_on = [module.functions]
}
