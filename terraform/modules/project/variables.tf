variable "project_id" {
  description = "Google Cloud project, which exists and has billing."
  type        = string
}

variable "services" {
  description = "APIs to switch on."
  type        = set(string)
}

variable "agents" {
  description = "Names of services' agents, as gcp-sa-pubsub, by the service. They are there once bootstrap/agents.sh has asked for them."
  type        = map(string)
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
