# One network with nothing public in it. Google's services are reached by their private addresses, and of the rest of the
# world only what is named.

locals {
  # private.googleapis.com. Names that resolve to it never leave Google.
  private_vip = ["199.36.153.8", "199.36.153.9", "199.36.153.10", "199.36.153.11"]

  subnets = {
    nodes = { range = var.ranges.nodes, secondary = { pods = var.ranges.pods, services = var.ranges.services } }
    run   = { range = var.ranges.run, secondary = {} }
  }

  # The last rule of each direction refuses; what a connection answers needs no rule.
  egress = merge(
    {
      google = { priority = 100, ranges = ["199.36.153.8/30"], fqdns = null, ports = { tcp = ["443"] } }
      # Whoever is verified is verified with the issuer's keys. The private address does not promise its discovery document.
      issuer = { priority = 110, ranges = null, fqdns = ["accounts.google.com"], ports = { tcp = ["443"] } }
      inside = { priority = 120, ranges = values(var.ranges), fqdns = null, ports = { all = null } }
    },
    length(var.kafka_ranges) == 0 ? {} : {
      kafka = { priority = 130, ranges = var.kafka_ranges, fqdns = null, ports = { tcp = ["9092-9098"] } }
    },
  )
}

resource "google_compute_network" "this" {
  # checkov:skip=CKV2_GCP_18:the network firewall policy below is the firewall, and refuses what it does not name

  project                         = var.project_id
  name                            = "sentinela"
  auto_create_subnetworks         = false
  routing_mode                    = "REGIONAL"
  delete_default_routes_on_create = false # the way to the private address and to NAT is the default route

  # Rules of the policy below come first.
  network_firewall_policy_enforcement_order = "BEFORE_CLASSIC_FIREWALL"
}

resource "google_compute_subnetwork" "this" {
  for_each = local.subnets

  project                    = var.project_id
  region                     = var.region
  name                       = each.key
  network                    = google_compute_network.this.id
  ip_cidr_range              = each.value.range
  private_ip_google_access   = true
  private_ipv6_google_access = "DISABLE_GOOGLE_ACCESS"
  stack_type                 = "IPV4_ONLY"

  dynamic "secondary_ip_range" {
    for_each = each.value.secondary
    content {
      range_name    = secondary_ip_range.key
      ip_cidr_range = secondary_ip_range.value
    }
  }

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = var.flow_sampling
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

# The internal load balancer in front of the scorer speaks from here.
resource "google_compute_subnetwork" "proxy" {
  project       = var.project_id
  region        = var.region
  name          = "proxy"
  network       = google_compute_network.this.id
  ip_cidr_range = var.ranges.proxy
  purpose       = "REGIONAL_MANAGED_PROXY"
  role          = "ACTIVE"
}

# The address that callers know; the Gateway in k8s/ takes it by its name.
resource "google_compute_address" "scorer" {
  project      = var.project_id
  region       = var.region
  name         = "sentinela-scorer"
  address_type = "INTERNAL"
  purpose      = "SHARED_LOADBALANCER_VIP"
  subnetwork   = google_compute_subnetwork.this["nodes"].id
}

resource "google_compute_router" "this" {
  project = var.project_id
  region  = var.region
  name    = "sentinela"
  network = google_compute_network.this.id
}

resource "google_compute_router_nat" "this" {
  project                            = var.project_id
  region                             = var.region
  name                               = "sentinela"
  router                             = google_compute_router.this.name
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "LIST_OF_SUBNETWORKS"

  dynamic "subnetwork" {
    for_each = google_compute_subnetwork.this
    content {
      name                    = subnetwork.value.id
      source_ip_ranges_to_nat = ["ALL_IP_RANGES"]
    }
  }

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}

resource "google_dns_managed_zone" "google" {
  for_each = { apis = "googleapis.com.", registry = "pkg.dev.", images = "gcr.io." }

  project     = var.project_id
  name        = each.key
  dns_name    = each.value
  description = "Google's services by their private address"
  visibility  = "private"

  private_visibility_config {
    networks {
      network_url = google_compute_network.this.id
    }
  }
}

resource "google_dns_record_set" "apex" {
  for_each = google_dns_managed_zone.google

  project      = var.project_id
  managed_zone = each.value.name
  name         = each.value.dns_name
  type         = "A"
  ttl          = 300
  rrdatas      = local.private_vip
}

resource "google_dns_record_set" "names" {
  for_each = google_dns_managed_zone.google

  project      = var.project_id
  managed_zone = each.value.name
  name         = "*.${each.value.dns_name}"
  type         = "CNAME"
  ttl          = 300
  rrdatas      = [each.value.dns_name]
}

resource "google_dns_policy" "this" {
  project        = var.project_id
  name           = "sentinela"
  enable_logging = true

  networks {
    network_url = google_compute_network.this.id
  }
}

resource "google_compute_network_firewall_policy" "this" {
  project     = var.project_id
  name        = "sentinela"
  description = "What may leave, and what may come in"
}

resource "google_compute_network_firewall_policy_association" "this" {
  project           = var.project_id
  name              = "sentinela"
  firewall_policy   = google_compute_network_firewall_policy.this.name
  attachment_target = google_compute_network.this.id
}

resource "google_compute_network_firewall_policy_rule" "egress" {
  for_each = local.egress

  project         = var.project_id
  firewall_policy = google_compute_network_firewall_policy.this.name
  rule_name       = "out-${each.key}"
  description     = "Allowed way out: ${each.key}"
  priority        = each.value.priority
  direction       = "EGRESS"
  action          = "allow"

  match {
    dest_ip_ranges = each.value.ranges
    dest_fqdns     = each.value.fqdns

    dynamic "layer4_configs" {
      for_each = each.value.ports
      content {
        ip_protocol = layer4_configs.key
        ports       = layer4_configs.value
      }
    }
  }
}

resource "google_compute_network_firewall_policy_rule" "no_way_out" {
  project         = var.project_id
  firewall_policy = google_compute_network_firewall_policy.this.name
  rule_name       = "out-nothing-else"
  description     = "Nothing else leaves"
  priority        = 60000
  direction       = "EGRESS"
  action          = "deny"
  enable_logging  = true

  match {
    dest_ip_ranges = ["0.0.0.0/0"]

    layer4_configs {
      ip_protocol = "all"
    }
  }
}

# The load balancer reaches the scorer where it takes payments, and its health checks the operators' port, which also shows what
# is decided. Everything else that comes in is refused, but for what the cluster allows for its own nodes.
resource "google_compute_network_firewall_policy_rule" "ingress" {
  for_each = merge(
    {
      in-load-balancer = { priority = 200, ranges = [var.ranges.proxy], port = "8080", text = "The internal load balancer's own way to the scorer" }
      in-health-checks = { priority = 201, ranges = ["35.191.0.0/16", "130.211.0.0/22"], port = "8081", text = "The internal load balancer's own way to the scorer" }
    },
    var.collector_port == null ? {} : {
      in-collector = { priority = 210, ranges = [var.ranges.run], port = var.collector_port, text = "The functions' way to the collector" }
    },
  )

  project         = var.project_id
  firewall_policy = google_compute_network_firewall_policy.this.name
  rule_name       = each.key
  description     = each.value.text
  priority        = each.value.priority
  direction       = "INGRESS"
  action          = "allow"

  match {
    src_ip_ranges = each.value.ranges

    layer4_configs {
      ip_protocol = "tcp"
      ports       = [each.value.port]
    }
  }
}
