variable "project_id" {
  description = "Google Cloud project."
  type        = string
}

variable "destroy_data" {
  description = "Whether destroy may take data with it. Otherwise it fails here, before anything is lost."
  type        = bool
  default     = false
}

variable "instance" {
  description = "Name of the instance."
  type        = string
  default     = "sentinela" # Google wants six characters at least

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,20}[a-z0-9]$", var.instance))
    error_message = "instance is 6 to 22 small letters, digits and hyphens: Google takes none that is shorter."
  }
}

variable "zone" {
  description = "Zone of the cluster."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]-[a-f]$", var.zone))
    error_message = "zone is a zone of the region, such as southamerica-east1-a."
  }
}

variable "replica_zone" {
  description = "Zone of a second cluster with a copy of everything; null is none. It doubles the price of the store."
  type        = string
  default     = null
}

variable "table" {
  description = "Name of the table; null is the code's own. A back-up is restored into a table of another name: docs/disaster.md."
  type        = string
  default     = null

  validation {
    condition     = var.table == null || can(regex("^[A-Za-z0-9_.-]{1,50}$", var.table))
    error_message = "table is 1 to 50 letters, digits, points, hyphens and underscores."
  }
}

variable "serving_cluster" {
  description = "Which cluster reads and writes go to: main, or replica when main's zone is lost. What had not reached the replica is lost to it."
  type        = string
  default     = "main"

  validation {
    condition     = contains(["main", "replica"], var.serving_cluster)
    error_message = "serving_cluster is main or replica."
  }
}

variable "kms_key" {
  description = "Full name of the key that encrypts the table."
  type        = string
}

variable "labels" {
  description = "Labels of the instance."
  type        = map(string)
  default     = {}
}

variable "nodes" {
  description = "Nodes between which the cluster scales, and the load of the processor that it aims at in percent."
  type = object({
    min        = number
    max        = number
    cpu_target = optional(number, 50)
  })

  validation {
    condition     = var.nodes.min >= 1 && var.nodes.max >= var.nodes.min && var.nodes.max <= 10 * var.nodes.min && var.nodes.cpu_target >= 10 && var.nodes.cpu_target <= 80
    error_message = "nodes.min is at least 1, nodes.max between min and ten times min, cpu_target 10 to 80."
  }
}

variable "backup" {
  description = "How often the table is backed up and for how long a backup is kept, in seconds as 86400s."
  type = object({
    frequency = optional(string, "86400s")
    retention = optional(string, "604800s")
  })
  default = {}

  validation {
    condition     = alltrue([for t in values(var.backup) : can(regex("^[0-9]+s$", t))])
    error_message = "frequency and retention are seconds with an s behind them."
  }
}
