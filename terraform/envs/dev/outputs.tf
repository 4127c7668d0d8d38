output "registry" {
  description = "What images are pushed to: ADDRESS/NAME."
  value       = module.sentinela.registry
}

output "services" {
  description = "Names and addresses of the functions."
  value       = module.sentinela.services
}

output "topics" {
  description = "Names of the topics."
  value       = module.sentinela.topics
}

output "store" {
  description = "The feature store: instance, table and profile."
  value       = module.sentinela.store
}

output "dataset" {
  description = "Dataset of the warehouse."
  value       = module.sentinela.dataset
}

output "buckets" {
  description = "Buckets of the models and of the lake."
  value       = module.sentinela.buckets
}

output "cluster" {
  description = "What k8s/ needs: the cluster, the load balancer's range and address, the name of its certificate (a person uploads it: no private key stands in a state), and the managed Kafka's brokers. null where there is none."
  value       = module.sentinela.cluster
}

output "accounts" {
  description = "Addresses of the service accounts."
  value       = module.sentinela.accounts
}

output "grants" {
  description = "Who may do what with which thing, one line each."
  value       = module.sentinela.grants
}
