# The feature store: one table, whose families and their garbage collection are those of shared/store.

locals {
  contract = jsondecode(file("${path.module}/../../contract.json")).store
}

resource "google_bigtable_instance" "this" {
  # checkov:skip=CKV_GCP_122:destroy_data decides, and is off by default (tests/bigtable.tftest.hcl)

  project             = var.project_id
  name                = var.instance
  display_name        = "Sentinela"
  labels              = var.labels
  deletion_protection = !var.destroy_data
  force_destroy       = var.destroy_data # takes the backups with it

  cluster {
    cluster_id   = local.cluster
    zone         = var.zone
    storage_type = "SSD"
    kms_key_name = var.kms_key

    autoscaling_config {
      min_nodes      = var.nodes.min
      max_nodes      = var.nodes.max
      cpu_target     = var.nodes.cpu_target
      storage_target = 2560 # GiB a node, half of what one can hold
    }
  }

  # A copy of everything in another zone. Writes go to the first alone, for conditional writes need one cluster; when its zone is
  # lost a person moves the profile below. docs/disaster.md has the steps.
  dynamic "cluster" {
    for_each = var.replica_zone == null ? [] : [var.replica_zone]
    content {
      cluster_id   = "${var.instance}-replica"
      zone         = cluster.value
      storage_type = "SSD"
      kms_key_name = var.kms_key

      autoscaling_config {
        min_nodes      = var.nodes.min
        max_nodes      = var.nodes.max
        cpu_target     = var.nodes.cpu_target
        storage_target = 2560
      }
    }
  }

  lifecycle {
    precondition {
      condition     = var.replica_zone == null || var.replica_zone != var.zone
      error_message = "A replica in the same zone is lost with it: choose another zone."
    }
  }
}

locals {
  cluster = "${var.instance}-main"
}

resource "google_bigtable_table" "this" {
  project             = var.project_id
  instance_name       = google_bigtable_instance.this.name
  name                = var.table == null ? local.contract.table : var.table
  deletion_protection = var.destroy_data ? "UNPROTECTED" : "PROTECTED"

  dynamic "column_family" {
    for_each = local.contract.families
    content {
      family = column_family.key
    }
  }

  automated_backup_policy {
    retention_period = var.backup.retention
    frequency        = var.backup.frequency
  }
}

resource "google_bigtable_gc_policy" "this" {
  for_each = local.contract.families

  project         = var.project_id
  instance_name   = google_bigtable_instance.this.name
  table           = google_bigtable_table.this.name
  column_family   = each.key
  mode            = try(each.value.mode, null)
  deletion_policy = "ABANDON" # goes with its family

  dynamic "max_age" {
    for_each = try([each.value.max_age_seconds], [])
    content {
      duration = "${max_age.value}s"
    }
  }

  dynamic "max_version" {
    for_each = try([each.value.max_versions], [])
    content {
      number = max_version.value
    }
  }
}

# A decision is written only where none stands: that needs one cluster and transactional writes.
resource "google_bigtable_app_profile" "single" {
  project        = var.project_id
  instance       = google_bigtable_instance.this.name
  app_profile_id = "pix-single"
  description    = "Conditional writes: one cluster"
  # Google warns of every change of a profile and of its end, and refuses until it is told that this is meant.
  ignore_warnings = true

  single_cluster_routing {
    cluster_id                 = var.serving_cluster == "replica" ? "${var.instance}-replica" : local.cluster
    allow_transactional_writes = true
  }

  standard_isolation {
    priority = "PRIORITY_HIGH"
  }

  lifecycle {
    precondition {
      condition     = var.serving_cluster == "main" || var.replica_zone != null
      error_message = "There is no replica to serve from: set replica_zone, and wait until it has caught up."
    }
  }
}
