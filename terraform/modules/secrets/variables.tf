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
  description = "Full name of the key that encrypts the secrets."
  type        = string
}

variable "labels" {
  description = "Labels of the secrets."
  type        = map(string)
  default     = {}
}

variable "secrets" {
  description = "Secrets: what each is for, by its name."
  type        = map(string)
}
