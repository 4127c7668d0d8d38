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
  description = "Full name of the key that encrypts messages."
  type        = string
}

variable "labels" {
  description = "Labels of topics and subscriptions."
  type        = map(string)
  default     = {}
}

variable "endpoints" {
  description = "Where the subscriptions push to, by the function's name: its URL, the account whose token they send, and how long it may handle a message."
  type = map(object({
    url             = string
    service_account = string
    handle_seconds  = number
  }))

  validation {
    condition     = alltrue([for e in values(var.endpoints) : startswith(e.url, "https://") && !endswith(e.url, "/")])
    error_message = "A URL begins with https:// and has no slash at its end."
  }
}
