variable "project_id" {
  description = "Google Cloud project of the environment. It exists, has billing, and holds nothing else."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is the project's id, not its name or number: 6 to 30 small letters, digits and hyphens."
  }
}

variable "region" {
  description = "Region of the keys and the state: that of the environment."
  type        = string
  default     = "southamerica-east1"

  validation {
    condition     = contains(["southamerica-east1", "southamerica-west1", "us-central1", "us-east1"], var.region)
    error_message = "region is southamerica-east1 (São Paulo), southamerica-west1 (Santiago), us-central1 or us-east1: those were looked at for every product that is used here."
  }
}

variable "environment" {
  description = "dev, staging or prod: the folder under terraform/envs, and the GitHub environment that deploys to it."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment is dev, staging or prod."
  }
}

variable "repository" {
  description = "GitHub repository that deploys, as owner/name."
  type        = string
}

variable "repository_id" {
  description = "Number of that repository at GitHub (gh api repos/OWNER/NAME --jq .id): a repository that takes the name after it is gone is another. null asks for the name alone."
  type        = number
  default     = null
}

variable "refs" {
  description = "Branches whose workflows may deploy, beside tags that begin with v."
  type        = list(string)
  default     = ["refs/heads/main"]
}

variable "enforce_attestation" {
  description = "Whether an image that delivery has not signed is refused. In dev it is only logged, so that a first image can be pushed by hand."
  type        = bool
}

variable "foreign_images" {
  description = "Patterns of images of others that may run in the cluster."
  type        = list(string)
  default     = ["registry.k8s.io/prometheus-adapter/*", "gcr.io/gke-release/*", "us-docker.pkg.dev/cloud-ops-agents-artifacts/cloud-run-gmp-sidecar/*"]
}

variable "key_protection_level" {
  description = "SOFTWARE or HSM."
  type        = string
  default     = "SOFTWARE"
}

variable "billing_account" {
  description = "Billing account, as 012345-567890-ABCDEF; without it there is no budget."
  type        = string
  default     = null
}

variable "budget" {
  description = "What a month may cost before somebody is told, in whole units of the billing account's currency, which is taken where none is named."
  type = object({
    units    = number
    currency = optional(string)
  })
}

variable "access_policy" {
  description = "Number of the organisation's access policy; without it there is no perimeter of VPC Service Controls."
  type        = string
  default     = null
}

variable "perimeter_enforced" {
  description = "Whether the perimeter refuses, or only logs."
  type        = bool
  default     = false
}

variable "perimeter_members" {
  description = "Who comes into the perimeter from outside, beside delivery: user:address or serviceAccount:address."
  type        = list(string)
  default     = []
}

variable "perimeter_ranges" {
  description = "Networks from which people come into the perimeter, as CIDR."
  type        = list(string)
  default     = []
}

variable "workloads_exist" {
  description = "Set it after the environment's first apply: the workloads' reads and writes are then left out of the audit log. An account has to exist before it can be left out."
  type        = bool
  default     = false
}
