variable "project_id" {
  description = "Google Cloud project."
  type        = string
}

variable "region" {
  description = "Region."
  type        = string
}

variable "policy_tags" {
  description = "Full names of the policy tags, by the class of data."
  type        = map(string)
  default     = {}
}

variable "grants" {
  description = "Rows: the principal's short name and member, the role, and the kind and name of the thing."
  type = list(object({
    principal = string
    member    = string
    role      = string
    kind      = string
    resource  = optional(string, "")
  }))

  validation {
    condition = alltrue([for row in var.grants : contains([
      "topic", "subscription", "bigtable_table", "bigquery_table", "dataset", "bucket", "folder", "secret", "service_account", "registry",
      "policy_tag", "project",
    ], row.kind)])
    error_message = "A row's kind is none that a role can be bound to here."
  }

  validation {
    condition = alltrue([for row in var.grants : row.kind != "project" || contains([
      "roles/bigquery.jobUser", "roles/bigquery.readSessionUser", "roles/container.defaultNodeServiceAccount",
      "roles/managedkafka.client", "roles/monitoring.metricWriter", "roles/monitoring.viewer",
    ], row.role)])
    error_message = "This role can be bound to a thing. On the project there are only roles that Google binds to nothing smaller."
  }

  validation {
    condition     = alltrue([for row in var.grants : !contains(["allUsers", "allAuthenticatedUsers"], row.member)])
    error_message = "Nobody is let in whom nobody knows."
  }
}
