output "urls" {
  description = "Addresses of the services, by the function's name: audience of the tokens that are pushed to it."
  value       = local.urls
}

output "names" {
  description = "Names of the services, by the function's name."
  value       = { for name, service in google_cloud_run_v2_service.this : name => service.name }
}
