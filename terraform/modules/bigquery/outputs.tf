output "dataset" {
  description = "Name of the dataset."
  value       = google_bigquery_dataset.this.dataset_id
}

output "tables" {
  description = "Names of the tables."
  value       = keys(google_bigquery_table.this)
}

output "views" {
  description = "Names of the views."
  value       = concat(keys(google_bigquery_table.view), keys(google_bigquery_table.view_of_views))
}

output "policy_tags" {
  description = "Full names of the policy tags, by class of data."
  value       = { for class, tag in google_data_catalog_policy_tag.this : class => tag.name }
}
