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

variable "exports_location" {
  description = "Whether the read-only location of the exports is made here. The bundle under models/ makes one of the same name: leave its resources/location_exports.yml out where this is true."
  type        = bool
  default     = false
}
