variable "project_id" {
  description = "Google Cloud project of this environment, on which terraform/bootstrap was applied."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is the project's id, not its name or number: 6 to 30 small letters, digits and hyphens."
  }
}

variable "environment" {
  description = "dev, staging or prod."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "prod"], var.environment)
    error_message = "environment is dev, staging or prod."
  }
}

variable "region" {
  description = "Region of everything: the one that bootstrap was applied with."
  type        = string
  default     = "southamerica-east1"

  validation {
    condition     = contains(["southamerica-east1", "southamerica-west1", "us-central1", "us-east1"], var.region)
    error_message = "region is southamerica-east1 (São Paulo), southamerica-west1 (Santiago), us-central1 or us-east1: those were looked at for every product that is used here. Payments of people stay in southamerica-east1."
  }

  validation {
    condition     = var.environment != "prod" || startswith(var.region, "southamerica-")
    error_message = "prod holds payments of people in Brazil: its region is southamerica-east1, or southamerica-west1 while that is lost."
  }
}

variable "images" {
  description = "Images by name, each by digest. Cloud Run takes functions; scorer and kafka-bridge are what k8s/ deploys and may stand here too."
  type        = map(string)

  validation {
    condition     = contains(keys(var.images), "functions")
    error_message = "images needs functions: make push-images prints the digests."
  }

  validation {
    condition     = alltrue([for name, image in var.images : can(regex("^[a-z0-9-]+-docker\\.pkg\\.dev/[a-z0-9:.-]+/[a-z0-9-]+/${name}@sha256:[0-9a-f]{64}$", image))])
    error_message = "An image is REGION-docker.pkg.dev/PROJECT/sentinela/NAME@sha256:DIGEST under its own NAME. A tag may move, a digest cannot."
  }
}

variable "sizes" {
  description = "How large the parts are: sizes.json of the environment. functions by name (cpu, memory_mib, concurrency, min_instances, max_instances), bigtable (zone, replica_zone, nodes, backup), warehouse (expiry_days), lake, export (schedule), cluster (whether there is one), flow_sampling."
  type = object({
    functions = map(object({
      cpu           = optional(string, "1")
      memory_mib    = optional(number, 512)
      concurrency   = optional(number, 80)
      min_instances = optional(number, 0)
      max_instances = optional(number, 10)
    }))
    bigtable = object({
      zone         = optional(string, "a")
      replica_zone = optional(string)
      nodes        = object({ min = number, max = number, cpu_target = optional(number, 50) })
      backup       = optional(object({ frequency = optional(string, "86400s"), retention = optional(string, "604800s") }), {})
    })
    warehouse     = object({ expiry_days = number })
    lake          = optional(object({ noncurrent_days = optional(number, 90), soft_delete_days = optional(number, 30) }), {})
    export        = optional(object({ schedule = optional(string, "*/15 * * * *") }), {})
    cluster       = optional(bool, true)
    flow_sampling = optional(number, 0.1)
  })

  validation {
    condition     = length(setsubtract(["score", "audit", "alert", "label", "export"], keys(var.sizes.functions))) == 0
    error_message = "sizes.functions needs score, audit, alert, label and export."
  }
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

  validation {
    condition     = var.token_keys.current >= 1 && floor(var.token_keys.current) == var.token_keys.current
    error_message = "token_keys.current is the number of a secret's version: 1, 2, 3. Never latest: every token would change at once."
  }

  validation {
    condition     = var.token_keys.previous == null || try(var.token_keys.previous.version != var.token_keys.current, false)
    error_message = "token_keys.previous.version is that of the key before: another number than current."
  }
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

variable "run_metrics" {
  description = "Google's sidecar that writes score's metrics to Managed Prometheus: its image by digest, and the version of the secret pix-run-monitoring with its configuration (terraform/README.md). null is none: then Cloud Run's own metrics are watched."
  type = object({
    image          = string
    config_version = optional(number, 1)
  })
  default = null
}

variable "collector" {
  description = "OTLP gRPC collector for spans and metrics of the functions, as http://10.10.0.5:4317: an address within ranges, the only ones that are open to them. Its account needs roles/monitoring.metricWriter and roles/cloudtrace.agent. With it what all functions tell is watched. null sends none."
  type        = string
  default     = null
}

variable "canary" {
  description = "Functions whose newest revision gets only percent of the messages, by name; stable_revision gets the rest. Empty: everything goes to the newest."
  type        = map(object({ stable_revision = string, percent = number }))
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.canary), ["score", "audit", "alert", "label", "export"])) == 0
    error_message = "canary names a function: score, audit, alert, label or export."
  }
}

variable "groups" {
  description = "Google groups of people: desk sees what was stopped and handles dead letters, analysts see every row. null is nobody."
  type = object({
    desk     = optional(string)
    analysts = optional(string)
  })
  default = {}

  validation {
    condition     = alltrue([for group in values(var.groups) : group == null || can(regex("^[^@ :]+@[^@ ]+$", group))])
    error_message = "A group is its address, such as fraud-desk@bank.example, without group: before it."
  }
}

variable "producers" {
  description = "Members of others that publish payments, beside the bridge, or labels: serviceAccount:address."
  type = object({
    transactions = optional(list(string), [])
    labels       = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = alltrue([for member in concat(var.producers.transactions, var.producers.labels) : can(regex("^(serviceAccount|group|principal|principalSet):.+$", member))])
    error_message = "A producer is a member, such as serviceAccount:core@bank.iam.gserviceaccount.com."
  }
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
