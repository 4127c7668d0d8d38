variable "project_id" {
  description = "Google Cloud project."
  type        = string
}

variable "region" {
  description = "Region."
  type        = string
}

variable "destroy_data" {
  description = "Whether destroy may take data with it. Otherwise it fails here, before anything is lost."
  type        = bool
  default     = false
}

variable "kms_key" {
  description = "Full name of the key that encrypts the objects."
  type        = string
}

variable "labels" {
  description = "Labels of the buckets."
  type        = map(string)
  default     = {}
}

variable "buckets" {
  description = "Buckets by name: the folders that have roles of their own, for how long replaced and deleted objects stay as versions, and for how long deleted versions can be brought back."
  type = map(object({
    folders          = optional(list(string), [])
    noncurrent_days  = optional(number, 90)
    soft_delete_days = optional(number, 30)
  }))

  validation {
    condition     = alltrue([for b in values(var.buckets) : b.noncurrent_days >= 7 && (b.soft_delete_days == 0 || (b.soft_delete_days >= 7 && b.soft_delete_days <= 90))])
    error_message = "noncurrent_days is at least 7; soft_delete_days is 0, or 7 to 90."
  }
}
