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

variable "dataset" {
  description = "Name of the dataset: DATASET."
  type        = string
  default     = "fraud"
}

variable "kms_key" {
  description = "Full name of the key that encrypts the tables."
  type        = string
}

variable "labels" {
  description = "Labels of dataset, tables and views."
  type        = map(string)
  default     = {}
}

variable "expiry_days" {
  description = "For how many days a partition is kept, by the day of its payments. The lake keeps what leaves here."
  type        = number

  validation {
    condition     = var.expiry_days >= 100 && var.expiry_days <= 3660
    error_message = "expiry_days is 100 at least, for a label may come 80 days after its payment, and 3660 at most."
  }
}

variable "row_readers" {
  description = "Members that see every row, and members that see only what was stopped. null leaves rows to the roles on the tables."
  type = object({
    everything = list(string)
    stopped    = list(string)
  })
  default = null
}
