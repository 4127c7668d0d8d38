output "state_bucket" {
  description = "Bucket for the environment's backend."
  value       = google_storage_bucket.state.name
}

output "keys" {
  description = "Full names of the keys, by the service that uses them."
  value       = module.kms.keys
}

output "workload_identity_provider" {
  description = "For google-github-actions/auth: the repository's variable WORKLOAD_IDENTITY_PROVIDER."
  value       = module.delivery.provider
}

output "accounts" {
  description = "Addresses of the accounts that GitHub acts as: deployer and planner."
  value       = module.delivery.accounts
}

output "attestor" {
  description = "Attestor whose signature images need where it is enforced."
  value       = module.delivery.attestor
}

output "project_number" {
  description = "Number of the project."
  value       = module.project.number
}
