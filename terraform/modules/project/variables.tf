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
  description = "Services whose reads and writes of data are logged, each with the members that are left out, as serviceAccount:address."
  type        = map(list(string))
}
