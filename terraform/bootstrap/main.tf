# Once for each project, by a person who owns it: what an environment stands on and must not be able to change. Its services,
# its keys, the bucket of its state, who delivers to it, what is logged, and what holds it from outside. Nothing here is
# destroyed with an environment, so an environment can be destroyed and made again.

locals {
  agents = module.project.agents

  # Each key with the services that encrypt with it. A service reads its data with the key for as long as the grant stands,
  # so the grants outlive the environment as its data does.
  keys = {
    pubsub   = { pubsub = local.agents["pubsub.googleapis.com"] }
    bigtable = { bigtable = local.agents["bigtableadmin.googleapis.com"] }
    bigquery = { bigquery = local.agents["bigquery.googleapis.com"] }
    storage  = { storage = local.agents["storage.googleapis.com"] }
    secrets  = { secrets = local.agents["secretmanager.googleapis.com"] }
    registry = { registry = local.agents["artifactregistry.googleapis.com"] }
    run      = { run = local.agents["run.googleapis.com"] }
    gke      = { cluster = local.agents["container.googleapis.com"], disks = local.agents["compute.googleapis.com"] }
    kafka    = { kafka = local.agents["managedkafka.googleapis.com"] }
    state    = { storage = local.agents["storage.googleapis.com"] }
  }

  # Accounts that read and write with every payment.
  busy = !var.workloads_exist ? [] : [for name in ["pix-score", "pix-audit", "pix-alert", "pix-label", "pix-scorer", "pix-bridge"] :
  "serviceAccount:${name}@${var.project_id}.iam.gserviceaccount.com"]

  services = toset([
    "accesscontextmanager.googleapis.com", "artifactregistry.googleapis.com", "bigquery.googleapis.com",
    "bigquerydatapolicy.googleapis.com", "bigquerystorage.googleapis.com", "bigtable.googleapis.com",
    "bigtableadmin.googleapis.com", "billingbudgets.googleapis.com", "binaryauthorization.googleapis.com",
    "cloudkms.googleapis.com", "cloudresourcemanager.googleapis.com", "cloudscheduler.googleapis.com",
    "cloudtrace.googleapis.com", "compute.googleapis.com", "container.googleapis.com",
    "containeranalysis.googleapis.com", "datacatalog.googleapis.com", "dns.googleapis.com", "iam.googleapis.com",
    "iamcredentials.googleapis.com", "logging.googleapis.com", "managedkafka.googleapis.com", "monitoring.googleapis.com",
    "pubsub.googleapis.com", "run.googleapis.com", "secretmanager.googleapis.com", "serviceusage.googleapis.com",
    "storage.googleapis.com", "sts.googleapis.com",
  ])
}

module "project" {
  source = "../modules/project"

  project_id = var.project_id
  services   = local.services
  agents = {
    "artifactregistry.googleapis.com" = "gcp-sa-artifactregistry"
    "bigtableadmin.googleapis.com"    = "gcp-sa-bigtable"
    "compute.googleapis.com"          = "compute-system"
    "container.googleapis.com"        = "container-engine-robot"
    "managedkafka.googleapis.com"     = "gcp-sa-managedkafka"
    "pubsub.googleapis.com"           = "gcp-sa-pubsub"
    "run.googleapis.com"              = "serverless-robot-prod"
    "secretmanager.googleapis.com"    = "gcp-sa-secretmanager"
  }
  # Nobody is left out where keys and secrets are used.
  audited_services = merge(
    { for service in ["cloudkms", "iam", "secretmanager"] : "${service}.googleapis.com" => [] },
    { for service in ["bigquery", "bigtable", "pubsub", "storage"] : "${service}.googleapis.com" => local.busy },
  )
}

module "kms" {
  source = "../modules/kms"

  project_id       = var.project_id
  region           = var.region
  protection_level = var.key_protection_level
  keys             = local.keys

  depends_on = [module.project]
}

# Holds the state of this directory and of the environment. Its lock keeps two applies from running at once.
resource "google_storage_bucket" "state" {
  # checkov:skip=CKV_GCP_62:Cloud Audit Logs have every access, with who it was (modules/project); access logs would be objects of their own

  project                     = var.project_id
  name                        = "${var.project_id}-tfstate"
  location                    = upper(var.region)
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  encryption {
    default_kms_key_name = module.kms.keys["state"]
  }

  versioning {
    enabled = true
  }

  soft_delete_policy {
    retention_duration_seconds = 30 * 24 * 3600
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      num_newer_versions = 50
      with_state         = "ARCHIVED"
    }
  }

  lifecycle {
    prevent_destroy = true
  }

  depends_on = [module.kms]
}

# A writer of rows adds them and does nothing else: bigquery.dataEditor could also read, alter and delete the table.
resource "google_project_iam_custom_role" "row_writer" {
  project     = var.project_id
  role_id     = "sentinelaRowWriter"
  title       = "Sentinela: writer of rows"
  description = "Appends rows to a table through the Storage Write API."
  permissions = ["bigquery.tables.get", "bigquery.tables.updateData"]

  depends_on = [module.project]
}

# What a plan must look at and no predefined role shows without the data beside it.
resource "google_project_iam_custom_role" "planner" {
  project     = var.project_id
  role_id     = "sentinelaPlanReader"
  title       = "Sentinela plan"
  description = "Sees managed folders and row policies, and nothing that is in them."
  permissions = ["bigquery.rowAccessPolicies.get", "bigquery.rowAccessPolicies.list", "storage.managedFolders.get", "storage.managedFolders.list"]

  depends_on = [module.project]
}

module "delivery" {
  source = "../modules/delivery"

  project_id          = var.project_id
  environment         = var.environment
  repository          = var.repository
  repository_id       = var.repository_id
  refs                = var.refs
  state_bucket        = google_storage_bucket.state.name
  attestor_key        = module.kms.attestor_key
  enforce_attestation = var.enforce_attestation
  foreign_images      = var.foreign_images
  deployer_roles = [
    "projects/${var.project_id}/roles/sentinelaDeployer",
    "roles/artifactregistry.admin", "roles/binaryauthorization.policyViewer", "roles/cloudkms.viewer",
    "roles/cloudscheduler.admin", "roles/compute.networkAdmin", "roles/containeranalysis.occurrences.editor", "roles/compute.securityAdmin", "roles/container.admin",
    "roles/datacatalog.categoryAdmin", "roles/dns.admin", "roles/iam.serviceAccountAdmin", "roles/managedkafka.admin",
    "roles/monitoring.editor", "roles/run.admin", "roles/serviceusage.serviceUsageConsumer",
  ]
  planner_roles = [
    "projects/${var.project_id}/roles/sentinelaPlanReader",
    "roles/artifactregistry.reader", "roles/bigquery.metadataViewer", "roles/bigtable.viewer",
    "roles/cloudkms.viewer", "roles/cloudscheduler.viewer", "roles/compute.viewer", "roles/container.clusterViewer",
    "roles/datacatalog.viewer", "roles/dns.reader", "roles/iam.securityReviewer", "roles/managedkafka.viewer",
    "roles/monitoring.viewer", "roles/pubsub.viewer", "roles/run.viewer", "roles/secretmanager.viewer",
    "roles/serviceusage.serviceUsageConsumer", "roles/storage.bucketViewer",
  ]
  grantable_roles = [
    "roles/bigquery.jobUser", "roles/bigquery.readSessionUser", "roles/container.defaultNodeServiceAccount",
    "roles/managedkafka.client", "roles/monitoring.metricWriter", "roles/monitoring.viewer",
  ]

  depends_on = [module.project, google_project_iam_custom_role.deployer, google_project_iam_custom_role.planner]
}

module "guardrails" {
  source = "../modules/guardrails"

  project_id         = var.project_id
  project_number     = module.project.number
  billing_account    = var.billing_account
  budget             = var.budget
  access_policy      = var.access_policy
  perimeter_enforced = var.perimeter_enforced
  perimeter_members  = concat(var.perimeter_members, [for email in values(module.delivery.accounts) : "serviceAccount:${email}"])
  perimeter_ranges   = var.perimeter_ranges
  # Every service that payments' data passes through, and those that a workload must reach from inside.
  restricted_services = setsubtract(local.services, [
    "accesscontextmanager.googleapis.com", "billingbudgets.googleapis.com", "bigquerydatapolicy.googleapis.com",
    "bigquerystorage.googleapis.com", "bigtableadmin.googleapis.com", "serviceusage.googleapis.com",
  ])

  depends_on = [module.project]
}
