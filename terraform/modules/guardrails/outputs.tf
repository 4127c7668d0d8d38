output "perimeter" {
  description = "Full name of the perimeter; empty where there is none."
  value       = one(google_access_context_manager_service_perimeter.this[*].name)
}
