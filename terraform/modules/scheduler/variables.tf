variable "project_id" {
  description = "Google Cloud project."
  type        = string
}

variable "region" {
  description = "Region."
  type        = string
}

variable "topic" {
  description = "Full name of the topic that takes the ticks."
  type        = string
}

variable "schedule" {
  description = "When the export runs, in the five fields of cron."
  type        = string

  validation {
    condition     = length(split(" ", trimspace(var.schedule))) == 5
    error_message = "schedule has five fields, such as */15 * * * *."
  }
}

variable "paused" {
  description = "Whether no tick is sent."
  type        = bool
  default     = false
}
