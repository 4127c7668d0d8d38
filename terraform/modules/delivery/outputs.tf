output "provider" {
  description = "Workload identity provider for google-github-actions/auth."
  value       = google_iam_workload_identity_pool_provider.github.name
}

output "accounts" {
  description = "Addresses of the deployer and the planner."
  value       = { for name, account in google_service_account.this : name => account.email }
}

output "attestor" {
  description = "Attestor whose signature images need."
  value       = google_binary_authorization_attestor.built.name
}
