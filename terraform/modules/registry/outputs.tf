output "address" {
  description = "What images are pushed to and pulled from: ADDRESS/NAME@sha256:..."
  value       = "${google_artifact_registry_repository.this.location}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.this.repository_id}"
}

output "name" {
  description = "Name of the repository."
  value       = google_artifact_registry_repository.this.repository_id
}
