output "name" {
  description = "Name of the cluster, for gcloud container clusters get-credentials --dns-endpoint."
  value       = google_container_cluster.this.name
}

output "workload_pool" {
  description = "Pool whose Kubernetes accounts may act as ours."
  value       = "${var.project_id}.svc.id.goog"
}
