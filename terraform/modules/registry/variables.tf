variable "project_id" {
  description = "Google Cloud project."
  type        = string
}

variable "region" {
  description = "Region."
  type        = string
}

variable "name" {
  description = "Name of the repository."
  type        = string
  default     = "sentinela"
}

variable "kms_key" {
  description = "Full name of the key that encrypts the images."
  type        = string
}

variable "keep" {
  description = "How many versions of each image stay, whatever their age: as far back as a rollback may go. A release is five: an index, two platforms and their bills."
  type        = number
  default     = 100

  validation {
    condition     = var.keep >= 2
    error_message = "keep is at least 2: the version that runs and the one before it."
  }
}
