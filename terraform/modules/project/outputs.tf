output "number" {
  description = "Number of the project."
  value       = data.google_project.this.number
}

output "agents" {
  description = "Members that act for Google's services, by the service's name."
  value = merge(
    { for service, agent in var.agents : service => "serviceAccount:service-${data.google_project.this.number}@${agent}.iam.gserviceaccount.com" },
    {
      "storage.googleapis.com"  = "serviceAccount:${data.google_storage_project_service_account.this.email_address}"
      "bigquery.googleapis.com" = "serviceAccount:${data.google_bigquery_default_service_account.this.email}"
    },
  )
}
