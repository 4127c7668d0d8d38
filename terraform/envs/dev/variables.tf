variable "project_id" {
  description = "Google Cloud project of this environment, on which terraform/bootstrap was applied."
  type        = string
}

variable "region" {
  description = "Region of everything: the one that bootstrap was applied with."
  type        = string
  default     = "southamerica-east1"
}

variable "images" {
  description = "Images by name, each by digest. Cloud Run takes functions; scorer and kafka-bridge are what k8s/ deploys and may stand here too."
  type        = map(string)
}

variable "ranges" {
  description = "Ranges of the subnets, where the network is to be connected to yours: nodes, pods, services, run, proxy."
  type = object({
    nodes    = optional(string, "10.10.0.0/20")
    pods     = optional(string, "10.20.0.0/14")
    services = optional(string, "10.24.0.0/20")
    run      = optional(string, "10.10.16.0/22")
    proxy    = optional(string, "10.10.20.0/23")
  })
  default = {}
}

variable "kafka_ranges" {
  description = "Where your Kafka brokers are, as CIDR: the bridge reaches nothing else."
  type        = list(string)
  default     = []
}

variable "authorized_ranges" {
  description = "Private networks that reach the cluster's control plane by its address, as CIDR by name; none is needed."
  type        = map(string)
  default     = {}
}

variable "kafka" {
  description = "A managed Kafka, for whoever has none: processors, and partitions of topics by name. null makes none."
  type = object({
    vcpus  = optional(number, 3)
    topics = optional(map(number), { "pix.transactions" = 12 })
  })
  default = null
}

variable "token_keys" {
  description = "Which versions of the token keys are in use. current is the number of a version of the secret pix-token-key, and the key version that tokens carry. previous, for 31 days after a rotation: the number of the version of pix-previous-token-key, and the key version that its tokens carry."
  type = object({
    current  = optional(number, 1)
    previous = optional(object({ secret_version = number, version = number }))
  })
  default = {}
}

variable "models_from_bucket" {
  description = "Whether models are followed in the bucket. Until one has been promoted there, the functions take those that their release ships."
  type        = bool
  default     = false
}

variable "policy_from_bucket" {
  description = "Whether the policy pack is followed in the bucket, as policy.yaml. Otherwise it is the release's."
  type        = bool
  default     = false
}

variable "collector" {
  description = "OTLP gRPC collector for spans and metrics of the functions, as http://10.10.0.5:4317: an address within ranges, the only ones that are open to them. Its account needs roles/monitoring.metricWriter and roles/cloudtrace.agent. With it what all functions tell is watched. null sends none."
  type        = string
  default     = null
}

variable "run_metrics" {
  description = "Google's sidecar that writes score's metrics to Managed Prometheus: its image by digest, and the version of the secret pix-run-monitoring with its configuration (terraform/README.md). null is none: then Cloud Run's own metrics are watched."
  type = object({
    image          = string
    config_version = optional(number, 1)
  })
  default = null
}

variable "canary" {
  description = "Functions whose newest revision gets only percent of the messages, by name; stable_revision gets the rest. Empty: everything goes to the newest."
  type        = map(object({ stable_revision = string, percent = number }))
  default     = {}
}

variable "groups" {
  description = "Google groups of people: desk sees what was stopped and handles dead letters, analysts see every row. null is nobody."
  type = object({
    desk     = optional(string)
    analysts = optional(string)
  })
  default = {}
}

variable "producers" {
  description = "Members of others that publish payments, beside the bridge, or labels: serviceAccount:address."
  type = object({
    transactions = optional(list(string), [])
    labels       = optional(list(string), [])
  })
  default = {}
}

variable "alert_readers" {
  description = "Members that may make subscriptions of alerts, as the case tool of the fraud desk: serviceAccount:address."
  type        = list(string)
  default     = []
}

variable "alerts" {
  description = "Who is called: addresses by name, and full names of channels that exist already. silence_is_normal where nobody pays, as in dev."
  type = object({
    emails            = optional(map(string), {})
    channels          = optional(list(string), [])
    silence_is_normal = optional(bool, false)
  })
  default = {}
}

variable "databricks" {
  description = "Databricks' side of the lake: catalog and service principal as in models/databricks.yml; exports_location where the read-only location is made here and not by the bundle. null makes none."
  type = object({
    catalog          = string
    principal        = string
    exports_location = optional(bool, false)
  })
  default = null
}

variable "store_table" {
  description = "Name of the feature store's table, where a back-up was restored into another; null is the code's own. docs/disaster.md has the steps."
  type        = string
  default     = null
}

variable "serving_cluster" {
  description = "Which cluster of the feature store is read and written: main, or replica while main's zone is lost."
  type        = string
  default     = "main"
}

variable "destroy_data" {
  description = "Whether destroy may take topics, tables, buckets and secrets with it. Apply it with true first, then destroy."
  type        = bool
  default     = false
}

variable "databricks_host" {
  description = "Address of the Databricks workspace, where databricks is set."
  type        = string
  default     = null
}
