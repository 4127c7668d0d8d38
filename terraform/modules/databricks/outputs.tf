output "credential_account" {
  description = "Google account that Unity Catalog reads and writes with."
  value       = databricks_storage_credential.this.databricks_gcp_service_account[0].email
}

output "exports_location" {
  description = "Name of the read-only location of the exports; null where the bundle makes it."
  value       = one(databricks_external_location.exports[*].name)
}
