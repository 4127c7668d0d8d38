variable "project_id" {
  description = "Google Cloud project, which exists and has billing."
  type        = string
}

variable "services" {
  description = "APIs to switch on."
  type        = set(string)
}

variable "agents" {
  description = "Services whose agent has to be asked for before it can be granted a key."
  type        = set(string)
}

variable "audited_services" {
  description = "Services whose reads and writes of data are logged."
  type        = set(string)
}

variable "audit_exempted" {
  description = "Members whose reads and writes of data are not logged: the workloads, as serviceAccount:address."
  type        = list(string)
  default     = []
}
