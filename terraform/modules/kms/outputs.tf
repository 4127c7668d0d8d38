output "keys" {
  description = "Full names of the keys, by name."
  value       = { for name, key in google_kms_crypto_key.this : name => key.id }
}

output "attestor_key" {
  description = "Full name of the key that signs attestations."
  value       = google_kms_crypto_key.attestor.id
}
