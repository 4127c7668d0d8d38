output "names" {
  description = "Names of the secrets."
  value       = { for name, secret in google_secret_manager_secret.this : name => secret.secret_id }
}
