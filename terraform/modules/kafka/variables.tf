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

variable "subnet" {
  description = "Full name of the subnet in which the brokers answer."
  type        = string
}

variable "kms_key" {
  description = "Full name of the key that encrypts the records."
  type        = string
}

variable "labels" {
  description = "Labels of the cluster."
  type        = map(string)
  default     = {}
}

variable "vcpus" {
  description = "Processors of the cluster, three at least, with a GiB of memory each."
  type        = number
  default     = 3

  validation {
    condition     = var.vcpus >= 3
    error_message = "A managed cluster has three processors at least."
  }
}

variable "topics" {
  description = "Partitions of the topics, by name."
  type        = map(number)
  default     = { "pix.transactions" = 12 }
}
