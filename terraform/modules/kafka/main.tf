# A Kafka for whoever has none: Google's own. An institution has one, with its core banking at the other end.

resource "google_managed_kafka_cluster" "this" {
  project         = var.project_id
  location        = var.region
  cluster_id      = "sentinela"
  labels          = var.labels
  deletion_policy = var.destroy_data ? "DELETE" : "PREVENT"

  capacity_config {
    vcpu_count   = tostring(var.vcpus)
    memory_bytes = tostring(var.vcpus * 1024 * 1024 * 1024)
  }

  gcp_config {
    kms_key = var.kms_key

    access_config {
      network_configs {
        subnet = var.subnet
      }
    }
  }

  rebalance_config {
    mode = "AUTO_REBALANCE_ON_SCALE_UP"
  }
}

resource "google_managed_kafka_topic" "this" {
  for_each = var.topics

  project            = var.project_id
  location           = var.region
  cluster            = google_managed_kafka_cluster.this.cluster_id
  topic_id           = each.key
  partition_count    = each.value
  replication_factor = 3
  deletion_policy    = var.destroy_data ? "DELETE" : "PREVENT"

  configs = {
    # A payment's age counts from the broker's clock, not from its producer's: docs/adr/0013-age-at-the-door.md.
    "message.timestamp.type" = "LogAppendTime"
    "min.insync.replicas"    = "2"
    "retention.ms"           = "604800000"
  }
}
