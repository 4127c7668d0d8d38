variable "project_id" {
  description = "Google Cloud project."
  type        = string
}

variable "project_number" {
  description = "Number of the project."
  type        = string
}

variable "billing_account" {
  description = "Billing account, as 012345-567890-ABCDEF. Without it there is no budget."
  type        = string
  default     = null

  validation {
    condition     = var.billing_account == null || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.billing_account))
    error_message = "billing_account is three groups of six, as 012345-567890-ABCDEF: gcloud billing accounts list shows it."
  }
}

variable "budget" {
  description = "What a month may cost before somebody is told: whole units of the billing account's own currency. A budget stops nothing."
  type = object({
    units    = number
    currency = optional(string)
  })

  validation {
    condition     = var.budget.units > 0 && floor(var.budget.units) == var.budget.units
    error_message = "budget.units is a whole number above zero."
  }
}

variable "notification_channels" {
  description = "Monitoring channels that hear of the budget, beside the administrators of billing: full names, five at most."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.notification_channels) <= 5
    error_message = "A budget tells five channels at most."
  }
}

variable "access_policy" {
  description = "Number of the organisation's access policy. Without it there is no perimeter."
  type        = string
  default     = null

  validation {
    condition     = var.access_policy == null || can(regex("^[0-9]+$", var.access_policy))
    error_message = "access_policy is a number: gcloud access-context-manager policies list --organization=NUMBER shows it."
  }

  validation {
    condition     = var.access_policy == null || length(var.perimeter_members) + length(var.perimeter_ranges) > 0
    error_message = "A perimeter that nobody may enter shuts you out: name perimeter_members or perimeter_ranges."
  }
}

variable "perimeter_enforced" {
  description = "Whether the perimeter refuses, or only logs what it would refuse. Look at the log for a week first."
  type        = bool
  default     = false
}

variable "perimeter_members" {
  description = "Who comes in from outside: user:address and serviceAccount:address. Groups cannot."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.perimeter_members : can(regex("^(user|serviceAccount):.+@.+$", member))])
    error_message = "perimeter_members are user:address or serviceAccount:address; an access level takes no groups."
  }
}

variable "perimeter_ranges" {
  description = "Networks from which people come, as CIDR."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for range in var.perimeter_ranges : can(cidrhost(range, 0))])
    error_message = "perimeter_ranges are CIDR ranges, such as 203.0.113.0/24."
  }
}

variable "restricted_services" {
  description = "Services whose data stays inside."
  type        = set(string)
}
