variable "project_id" {
  description = "Google Cloud project."
  type        = string
}

variable "labels" {
  description = "Labels of the policies."
  type        = map(string)
  default     = {}
}

variable "emails" {
  description = "Whom the policies write to: an address, by the name it has in the console."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for address in values(var.emails) : can(regex("^[^@ ]+@[^@ ]+$", address))])
    error_message = "emails are addresses by name, such as { on-call = \"on-call@bank.example\" }."
  }
}

variable "channels" {
  description = "Channels that exist already, such as a pager: full names, projects/PROJECT/notificationChannels/NUMBER."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for channel in var.channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", channel))])
    error_message = "channels are full names: gcloud beta monitoring channels list shows them."
  }
}

variable "cluster" {
  description = "Whether bridge and scorer run in the cluster, whose metrics are then watched."
  type        = bool
  default     = true
}

variable "functions" {
  description = "Whether every function's own metrics are collected too, and not score's alone: then what they tell is watched."
  type        = bool
  default     = false
}

variable "silence_is_normal" {
  description = "Whether it is normal that nobody pays, as in dev: then nobody is called when nothing is heard."
  type        = bool
  default     = false
}
