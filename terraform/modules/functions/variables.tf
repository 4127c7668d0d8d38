variable "project_id" {
  description = "Google Cloud project."
  type        = string
}

variable "region" {
  description = "Region."
  type        = string
}

variable "project_number" {
  description = "Number of the project: it is part of a service's address."
  type        = string
}

variable "image" {
  description = "Image of the functions, by digest."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+-docker\\.pkg\\.dev/[a-z0-9:.-]+/[a-z0-9-]+/functions@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image is REGION-docker.pkg.dev/PROJECT/sentinela/functions@sha256:DIGEST. A tag may move, a digest cannot."
  }
}

variable "kms_key" {
  description = "Full name of the key that encrypts what Cloud Run keeps of the image."
  type        = string
}

variable "network" {
  description = "Full name of the network that everything leaves through."
  type        = string
}

variable "subnet" {
  description = "Full name of the subnet that instances take their addresses from."
  type        = string
}

variable "labels" {
  description = "Labels of the services."
  type        = map(string)
  default     = {}
}

variable "ack_deadline_seconds" {
  description = "For how long a subscription waits for a function's answer, by the function's name: a request lasts no longer."
  type        = map(number)
}

variable "metrics" {
  description = "Google's sidecar that writes a function's metrics to Managed Prometheus: its image by digest, and the secret and version with its configuration (terraform/README.md). It stands beside functions whose processor stays. null is none."
  type        = object({ image = string, secret = string, version = string })
  default     = null

  validation {
    condition     = var.metrics == null || can(regex("@sha256:[0-9a-f]{64}$", var.metrics.image))
    error_message = "metrics.image is by digest, as every image."
  }
}

variable "collector" {
  description = "OTLP gRPC collector that takes the functions' spans, and the metrics of those that no sidecar reads, as http://10.10.0.5:4317: an address inside the network. null sends none."
  type        = string
  default     = null

  validation {
    condition     = var.collector == null || can(regex("^https?://[^/]+:[0-9]+$", var.collector))
    error_message = "collector is a URL with a port and no path, as http://10.10.0.5:4317."
  }
}

variable "services" {
  description = "Functions by name: the account it runs as and the one that may push to it; cpu, memory_mib, concurrency, min_instances, max_instances; cpu_idle takes the processor away between requests; environment and secrets by the names that the code reads; canary sends percent of the requests to the newest revision and the rest to stable_revision."
  type = map(object({
    service_account = string
    push_account    = string
    cpu             = optional(string, "1")
    memory_mib      = optional(number, 512)
    concurrency     = optional(number, 80)
    min_instances   = optional(number, 0)
    max_instances   = optional(number, 10)
    cpu_idle        = optional(bool, true)
    environment     = optional(map(string), {})
    secrets         = optional(map(object({ secret = string, version = string })), {})
    canary          = optional(object({ stable_revision = string, percent = number }))
  }))

  validation {
    condition     = alltrue([for s in values(var.services) : s.min_instances <= s.max_instances && s.min_instances >= 0])
    error_message = "min_instances is 0 or more and not above max_instances."
  }

  validation {
    condition     = alltrue([for s in values(var.services) : s.canary == null || try(s.canary.percent > 0 && s.canary.percent < 100, false)])
    error_message = "canary.percent is between 0 and 100; without a canary leave it out."
  }

  validation {
    condition     = alltrue(flatten([for s in values(var.services) : [for secret in values(s.secrets) : can(regex("^[1-9][0-9]*$", secret.version))]]))
    error_message = "A secret's version is its number: latest would change under a running service."
  }

  validation {
    condition     = try(!var.services.score.cpu_idle, true)
    error_message = "score has loops in the background and needs its processor always: cpu_idle = false."
  }
}
