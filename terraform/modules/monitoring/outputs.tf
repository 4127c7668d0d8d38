output "policies" {
  description = "Full names of the alert policies, by name."
  value       = { for name, policy in google_monitoring_alert_policy.this : name => policy.name }
}
