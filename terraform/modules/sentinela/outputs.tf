output "registry" {
  description = "What images are pushed to: ADDRESS/NAME."
  value       = module.registry.address
}

output "services" {
  description = "Names and addresses of the functions."
  value       = { for function, name in module.functions.names : function => { name = name, url = module.functions.urls[function] } }
}

output "topics" {
  description = "Names of the topics."
  value       = keys(module.pubsub.topics)
}

output "store" {
  description = "The feature store: instance, table and profile."
  value       = { instance = module.bigtable.instance, table = module.bigtable.table, app_profile = module.bigtable.app_profile }
}

output "dataset" {
  description = "Dataset of the warehouse."
  value       = module.bigquery.dataset
}

output "buckets" {
  description = "Buckets of the models and of the lake."
  value       = { models = local.models_bucket, lake = local.lake_bucket }
}

output "cluster" {
  description = "What k8s/ needs: the cluster, the load balancer's range and address, the name of its certificate (a person uploads it: no private key stands in a state), and the managed Kafka's brokers. null where there is none."
  value = {
    name                = one(module.gke[*].name)
    location            = var.region
    proxy_only_cidr     = module.network.proxy_only_cidr
    scorer_address_name = module.network.scorer_address.name
    scorer_address      = module.network.scorer_address.address
    scorer_certificate  = "sentinela-scorer"
    kafka_brokers       = one(module.kafka[*].brokers)
  }
}

output "accounts" {
  description = "Addresses of the service accounts."
  value       = module.identity.emails
}

output "grants" {
  description = "Who may do what with which thing, one line each."
  value       = sort(concat(module.grants_of_accounts.rows, module.grants_of_secrets.rows, module.grants_of_data.rows, module.grants_of_cluster.rows))
}
