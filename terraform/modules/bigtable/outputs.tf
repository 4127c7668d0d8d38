output "instance" {
  description = "Name of the instance: BIGTABLE_INSTANCE."
  value       = google_bigtable_instance.this.name
}

output "table" {
  description = "Name of the table: BIGTABLE_TABLE."
  value       = google_bigtable_table.this.name
}

output "app_profile" {
  description = "Profile of conditional writes: BIGTABLE_APP_PROFILE."
  value       = google_bigtable_app_profile.single.app_profile_id
}
