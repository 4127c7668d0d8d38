variable "project_id" {
  description = "Google Cloud project."
  type        = string
}

variable "region" {
  description = "Region of the subnets."
  type        = string
}

variable "ranges" {
  description = "Ranges of the subnets, as CIDR: nodes, pods and services of the cluster, run for Cloud Run, proxy for the internal load balancer. Change them where the network is to be connected to yours."
  type = object({
    nodes    = optional(string, "10.10.0.0/20")
    pods     = optional(string, "10.20.0.0/14")
    services = optional(string, "10.24.0.0/20")
    run      = optional(string, "10.10.16.0/22")
    proxy    = optional(string, "10.10.20.0/23")
  })
  default = {}

  validation {
    condition     = alltrue([for range in values(var.ranges) : can(cidrhost(range, 0)) && can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", range))])
    error_message = "Each range is a private CIDR range, such as 10.10.0.0/20."
  }

  validation {
    condition     = length(distinct(values(var.ranges))) == length(values(var.ranges))
    error_message = "Two ranges are the same."
  }
}

variable "collector_port" {
  description = "Port on which a collector inside the ranges takes what the functions push. null opens none."
  type        = string
  default     = null
}

variable "kafka_ranges" {
  description = "Where the Kafka brokers are, as CIDR. Without them the bridge reaches none but a managed one in this network."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for range in var.kafka_ranges : can(cidrhost(range, 0)) && range != "0.0.0.0/0"])
    error_message = "kafka_ranges are CIDR ranges of your brokers, and not the whole world."
  }
}

variable "flow_sampling" {
  description = "Share of flows that are logged, 0 to 1."
  type        = number
  default     = 0.1

  validation {
    condition     = var.flow_sampling >= 0 && var.flow_sampling <= 1
    error_message = "flow_sampling is a share, 0 to 1."
  }
}
