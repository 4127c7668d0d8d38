output "number" {
  description = "Number of the project."
  value       = data.google_project.this.number
}

output "agents" {
  description = "Members that act for Google's services, by the service's name."
  value = merge(
    { for service, identity in google_project_service_identity.this : service => "serviceAccount:${identity.email}" },
    {
      "storage.googleapis.com"   = "serviceAccount:${data.google_storage_project_service_account.this.email_address}"
      "bigquery.googleapis.com"  = "serviceAccount:${data.google_bigquery_default_service_account.this.email}"
      "run.googleapis.com"       = "serviceAccount:service-${data.google_project.this.number}@serverless-robot-prod.iam.gserviceaccount.com"
      "container.googleapis.com" = "serviceAccount:service-${data.google_project.this.number}@container-engine-robot.iam.gserviceaccount.com"
      "compute.googleapis.com"   = "serviceAccount:service-${data.google_project.this.number}@compute-system.iam.gserviceaccount.com"
    },
  )
}
