output "network" {
  description = "Full name of the network."
  value       = google_compute_network.this.id
}

output "subnets" {
  description = "Full names of the subnets nodes and run."
  value       = { for name, subnet in google_compute_subnetwork.this : name => subnet.id }
}

output "proxy_only_cidr" {
  description = "Range that the internal load balancer speaks from: PROXY_CIDR of k8s/."
  value       = google_compute_subnetwork.proxy.ip_cidr_range
}

output "scorer_address" {
  description = "Address that callers know, and its name for the Gateway."
  value       = { name = google_compute_address.scorer.name, address = google_compute_address.scorer.address }
}
