variable "bucket" {
  description = "Bucket of the lake, with managed folders exports and lake."
  type        = string
}

variable "catalog" {
  description = "Catalog of this environment in Unity Catalog, as in models/databricks.yml."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]+$", var.catalog))
    error_message = "catalog is small letters, digits and underscores, such as sentinela_dev."
  }
}

variable "principal" {
  description = "Service principal that the jobs run as, as in models/databricks.yml."
  type        = string
}

variable "credential" {
  description = "Name of the storage credential, as in models/databricks.yml."
  type        = string
  default     = "sentinela"
}
