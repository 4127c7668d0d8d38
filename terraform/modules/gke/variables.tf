variable "project_id" {
  description = "Google Cloud project."
  type        = string
}

variable "region" {
  description = "Region."
  type        = string
}

variable "name" {
  description = "Name of the cluster."
  type        = string
  default     = "sentinela"
}

variable "network" {
  description = "Full name of the network."
  type        = string
}

variable "subnet" {
  description = "Full name of the subnet of the nodes, with secondary ranges pods and services."
  type        = string
}

variable "node_service_account" {
  description = "Address of the nodes' account."
  type        = string
}

variable "kms_key" {
  description = "Full name of the key that encrypts the cluster's secrets and the nodes' disks."
  type        = string
}

variable "labels" {
  description = "Labels of the cluster."
  type        = map(string)
  default     = {}
}

variable "authorized_ranges" {
  description = "Private networks that reach the control plane by its address, as CIDR by name. Without one it is reached by its DNS name alone, through Google's IAM."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for range in values(var.authorized_ranges) : can(cidrhost(range, 0)) && can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", range))])
    error_message = "authorized_ranges are private CIDR ranges: the control plane has no public address."
  }
}

variable "release_channel" {
  description = "RAPID, REGULAR or STABLE."
  type        = string
  default     = "REGULAR"

  validation {
    condition     = contains(["RAPID", "REGULAR", "STABLE"], var.release_channel)
    error_message = "release_channel is RAPID, REGULAR or STABLE."
  }
}

variable "maintenance" {
  description = "When Google may replace nodes: start and end of the first window in UTC, and its recurrence (RFC 5545). At least 48 hours in 32 days."
  type = object({
    start      = string
    end        = string
    recurrence = string
  })
  # Tuesday to Thursday, 02:00 to 06:00 in Brasília: away from weekends and from the days on which wages are paid.
  default = {
    start      = "2026-01-06T05:00:00Z"
    end        = "2026-01-06T09:00:00Z"
    recurrence = "FREQ=WEEKLY;BYDAY=TU,WE,TH"
  }

  validation {
    condition     = can(timecmp(var.maintenance.start, var.maintenance.end)) && try(timecmp(var.maintenance.start, var.maintenance.end) < 0, false) && startswith(var.maintenance.recurrence, "FREQ=")
    error_message = "maintenance has a start before its end, as 2026-01-06T05:00:00Z, and a recurrence, as FREQ=WEEKLY;BYDAY=TU,WE."
  }
}

variable "deletion_protection" {
  description = "Whether Terraform refuses to destroy the cluster. It holds no data, but what decides over HTTP."
  type        = bool
  default     = true
}
