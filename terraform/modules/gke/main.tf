# The cluster of the bridge and the scorer: Autopilot, regional, private (docs/adr has the reasons). What runs in it is in k8s/.

resource "google_container_cluster" "this" {
  # checkov:skip=CKV_GCP_12:Autopilot has Dataplane V2, which enforces the policies of k8s/
  # checkov:skip=CKV_GCP_61:Autopilot sets it, and the subnet has flow logs
  # checkov:skip=CKV_GCP_65:people reach the cluster through IAM; nobody is bound in RBAC
  # checkov:skip=CKV_GCP_69:Autopilot has the metadata server, always

  project                    = var.project_id
  location                   = var.region
  name                       = var.name
  description                = "Sentinela: bridge and scorer"
  enable_autopilot           = true
  network                    = var.network
  subnetwork                 = var.subnet
  resource_labels            = var.labels
  deletion_protection        = var.deletion_protection
  enable_fqdn_network_policy = true # the issuer of callers' tokens has no fixed address

  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }

  private_cluster_config {
    enable_private_nodes    = true
    enable_private_endpoint = true
  }

  # The control plane has no address of its own: it is reached by its name, through Google, by whom IAM lets in.
  control_plane_endpoints_config {
    dns_endpoint_config {
      allow_external_traffic = true
    }

    ip_endpoints_config {
      enabled = length(var.authorized_ranges) > 0
    }
  }

  master_auth {
    client_certificate_config {
      issue_client_certificate = false
    }
  }

  # No network is let in that is not named, Google's public ones included.
  master_authorized_networks_config {
    gcp_public_cidrs_access_enabled = false

    dynamic "cidr_blocks" {
      for_each = var.authorized_ranges
      content {
        display_name = cidr_blocks.key
        cidr_block   = cidr_blocks.value
      }
    }
  }

  release_channel {
    channel = var.release_channel
  }

  maintenance_policy {
    recurring_window {
      start_time = var.maintenance.start
      end_time   = var.maintenance.end
      recurrence = var.maintenance.recurrence
    }
  }

  # Nodes have an account of their own, which may write logs and metrics and pull images. Pods have theirs.
  cluster_autoscaling {
    auto_provisioning_defaults {
      service_account   = var.node_service_account
      oauth_scopes      = ["https://www.googleapis.com/auth/cloud-platform"]
      boot_disk_kms_key = var.kms_key
    }
  }

  node_pool_auto_config {
    node_kubelet_config {
      insecure_kubelet_readonly_port_enabled = "FALSE"
    }
  }

  database_encryption {
    state    = "ENCRYPTED"
    key_name = var.kms_key
  }

  binary_authorization {
    evaluation_mode = "PROJECT_SINGLETON_POLICY_ENFORCE"
  }

  # Secrets are mounted into pods as files and lie nowhere in the cluster.
  secret_manager_config {
    enabled = true
  }

  gateway_api_config {
    channel = "CHANNEL_STANDARD"
  }

  logging_config {
    enable_components = ["SYSTEM_COMPONENTS", "WORKLOADS"]
  }

  monitoring_config {
    enable_components = ["SYSTEM_COMPONENTS", "DEPLOYMENT", "HPA", "POD"]

    managed_prometheus {
      enabled = true
    }
  }

  security_posture_config {
    mode               = "BASIC"
    vulnerability_mode = "VULNERABILITY_DISABLED" # Google ended the scanning of workloads; images are scanned in the registry
  }

  rbac_binding_config {
    enable_insecure_binding_system_unauthenticated = false
    enable_insecure_binding_system_authenticated   = false
  }

  cost_management_config {
    enabled = true
  }
}
