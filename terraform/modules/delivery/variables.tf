variable "project_id" {
  description = "Google Cloud project."
  type        = string
}

variable "environment" {
  description = "Name of the GitHub environment whose workflows deploy: dev, staging or prod."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment is dev, staging or prod: the name of the folder under terraform/envs and of the GitHub environment."
  }
}

variable "repository" {
  description = "GitHub repository that deploys, as owner/name."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository is owner/name, without https:// and without .git."
  }
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

  validation {
    condition     = length(var.refs) > 0 && alltrue([for ref in var.refs : startswith(ref, "refs/heads/") && !strcontains(ref, "'")])
    error_message = "refs are whole names of branches, such as refs/heads/main."
  }
}

variable "state_bucket" {
  description = "Bucket of Terraform's state."
  type        = string
}

variable "attestor_key" {
  description = "Full name of the key that signs attestations."
  type        = string
}

variable "deployer_roles" {
  description = "Roles of the deployer on the project. Each is that of whoever creates the thing: there is nothing smaller to bind it to."
  type        = set(string)

  validation {
    condition     = alltrue([for role in var.deployer_roles : !contains(["roles/owner", "roles/editor", "roles/viewer", "roles/resourcemanager.projectIamAdmin"], role)])
    error_message = "The deployer gets no basic role, and binds roles through a condition alone."
  }
}

variable "planner_roles" {
  description = "Roles of the planner on the project: to see what is there, not what is in it."
  type        = set(string)

  validation {
    condition     = alltrue([for role in var.planner_roles : can(regex("([vV]iewer|[rR]eader|Reviewer|Consumer)$", role)) && role != "roles/viewer"])
    error_message = "The planner reads. Name predefined roles that end in viewer or reader, and not roles/viewer itself."
  }
}

variable "grantable_roles" {
  description = "Roles that the deployer may bind on the project."
  type        = set(string)
}

variable "enforce_attestation" {
  description = "Whether an image without delivery's signature is refused; otherwise it is only written to the audit log."
  type        = bool
}

variable "foreign_images" {
  description = "Patterns of images of others that may run without our signature."
  type        = list(string)
  default     = []
}
