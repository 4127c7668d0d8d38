output "emails" {
  description = "Addresses of the accounts, by their ids."
  value       = { for id, account in google_service_account.this : id => account.email }
}

output "members" {
  description = "The accounts as members of policies, by their ids."
  value       = { for id, account in google_service_account.this : id => account.member }
}
