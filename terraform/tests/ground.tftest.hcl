# Network, cluster, roles and delivery: nothing public, nobody with more than they need.

mock_provider "google" {
  source = "./mocks"
}

mock_provider "databricks" {
  mock_resource "databricks_storage_credential" {
    defaults = { databricks_gcp_service_account = { email = "uc@databricks.iam.gserviceaccount.com", credential_id = "1" } }
  }
}

variables {
  project_id = "test-project"
  region     = "southamerica-east1"
  kms_key    = "projects/test-project/locations/southamerica-east1/keyRings/sentinela/cryptoKeys/gke"
}

run "network" {
  module {
    source = "../modules/network"
  }

  assert {
    condition     = google_compute_network_firewall_policy_rule.no_way_out.action == "deny" && google_compute_network_firewall_policy_rule.no_way_out.match[0].dest_ip_ranges == tolist(["0.0.0.0/0"]) && alltrue([for r in google_compute_network_firewall_policy_rule.egress : r.priority < google_compute_network_firewall_policy_rule.no_way_out.priority])
    error_message = "Something leaves that nobody named."
  }
  assert {
    condition     = alltrue([for r in google_compute_network_firewall_policy_rule.egress : r.match[0].dest_ip_ranges == null || !contains(coalesce(r.match[0].dest_ip_ranges, []), "0.0.0.0/0")])
    error_message = "A rule lets everything out."
  }
  assert {
    condition     = !contains(keys(google_compute_network_firewall_policy_rule.egress), "kafka")
    error_message = "A way to Kafka is open that nobody asked for."
  }
  assert {
    condition     = alltrue([for s in google_compute_subnetwork.this : s.private_ip_google_access]) && !google_compute_network.this.auto_create_subnetworks
    error_message = "Google's services are reached through the internet."
  }
  assert {
    condition     = google_compute_network_firewall_policy_rule.ingress["in-load-balancer"].match[0].layer4_configs[0].ports == tolist(["8080"])
    error_message = "The load balancer reaches the operators' port, which shows payments."
  }
  assert {
    condition     = google_compute_subnetwork.proxy.purpose == "REGIONAL_MANAGED_PROXY" && google_compute_address.scorer.address_type == "INTERNAL"
    error_message = "The load balancer has a public address."
  }
}

run "kafka_outside" {
  module {
    source = "../modules/network"
  }
  variables {
    kafka_ranges   = ["10.200.0.0/24"]
    collector_port = "4317"
  }

  assert {
    condition     = google_compute_network_firewall_policy_rule.ingress["in-collector"].match[0].layer4_configs[0].ports == tolist(["4317"]) && google_compute_network_firewall_policy_rule.ingress["in-collector"].match[0].src_ip_ranges == tolist(["10.10.16.0/22"])
    error_message = "The functions do not reach their collector, or others do."
  }

  assert {
    condition     = google_compute_network_firewall_policy_rule.egress["kafka"].match[0].dest_ip_ranges == tolist(["10.200.0.0/24"])
    error_message = "The bridge does not reach its brokers."
  }
}

run "kafka_everywhere" {
  command = plan

  module {
    source = "../modules/network"
  }
  variables {
    kafka_ranges = ["0.0.0.0/0"]
  }

  expect_failures = [var.kafka_ranges]
}

run "a_public_range" {
  command = plan

  module {
    source = "../modules/network"
  }
  variables {
    ranges = { nodes = "8.8.8.0/24" }
  }

  expect_failures = [var.ranges]
}

run "cluster" {
  module {
    source = "../modules/gke"
  }
  variables {
    network              = "projects/test-project/global/networks/sentinela"
    subnet               = "projects/test-project/regions/southamerica-east1/subnetworks/nodes"
    node_service_account = "pix-nodes@test-project.iam.gserviceaccount.com"
  }

  assert {
    condition     = google_container_cluster.this.enable_autopilot && google_container_cluster.this.location == "southamerica-east1" && google_container_cluster.this.deletion_protection
    error_message = "The cluster is lost with one zone, or by a word."
  }
  assert {
    condition     = google_container_cluster.this.private_cluster_config[0].enable_private_nodes && google_container_cluster.this.private_cluster_config[0].enable_private_endpoint && !google_container_cluster.this.control_plane_endpoints_config[0].ip_endpoints_config[0].enabled
    error_message = "Nodes or control plane have a public address."
  }
  assert {
    condition     = google_container_cluster.this.database_encryption[0].state == "ENCRYPTED" && google_container_cluster.this.binary_authorization[0].evaluation_mode == "PROJECT_SINGLETON_POLICY_ENFORCE" && google_container_cluster.this.secret_manager_config[0].enabled
    error_message = "Secrets lie readable in the cluster, or any image runs."
  }
  assert {
    condition     = google_container_cluster.this.cluster_autoscaling[0].auto_provisioning_defaults[0].service_account == "pix-nodes@test-project.iam.gserviceaccount.com"
    error_message = "Nodes run as the project's default account, which may edit everything."
  }
  assert {
    condition     = google_container_cluster.this.gateway_api_config[0].channel == "CHANNEL_STANDARD" && google_container_cluster.this.monitoring_config[0].managed_prometheus[0].enabled
    error_message = "k8s/ needs the Gateway API and Managed Prometheus."
  }
}

run "roles" {
  module {
    source = "../modules/grants"
  }
  variables {
    grants = [
      { principal = "a", member = "serviceAccount:a@b.iam.gserviceaccount.com", role = "roles/pubsub.publisher", kind = "topic", resource = "pix-decisions-v1" },
      { principal = "a", member = "serviceAccount:a@b.iam.gserviceaccount.com", role = "roles/bigquery.jobUser", kind = "project" },
      { principal = "a", member = "serviceAccount:a@b.iam.gserviceaccount.com", role = "roles/storage.objectUser", kind = "folder", resource = "test-lake/exports" },
    ]
  }

  assert {
    condition     = length(google_pubsub_topic_iam_member.this) == 1 && google_storage_managed_folder_iam_member.this["a roles/storage.objectUser test-lake/exports"].managed_folder == "exports/"
    error_message = "A row was bound to something else."
  }
}

run "a_role_on_the_whole_project" {
  command = plan

  module {
    source = "../modules/grants"
  }
  variables {
    grants = [{ principal = "a", member = "serviceAccount:a@b", role = "roles/pubsub.publisher", kind = "project" }]
  }

  expect_failures = [var.grants]
}

run "everybody" {
  command = plan

  module {
    source = "../modules/grants"
  }
  variables {
    grants = [{ principal = "a", member = "allUsers", role = "roles/pubsub.publisher", kind = "topic", resource = "t" }]
  }

  expect_failures = [var.grants]
}

run "a_thing_of_an_unknown_kind" {
  command = plan

  module {
    source = "../modules/grants"
  }
  variables {
    grants = [{ principal = "a", member = "serviceAccount:a@b", role = "roles/pubsub.publisher", kind = "queue", resource = "t" }]
  }

  expect_failures = [var.grants]
}

run "accounts" {
  module {
    source = "../modules/identity"
  }
  variables {
    accounts = { pix-score = "score" }
  }

  assert {
    condition     = google_service_account.this["pix-score"].account_id == "pix-score"
    error_message = "An account has another name."
  }
}

run "delivery" {
  module {
    source = "../modules/delivery"
  }
  variables {
    environment         = "prod"
    repository          = "my-bank/sentinela"
    state_bucket        = "test-project-tfstate"
    attestor_key        = "projects/test-project/locations/southamerica-east1/keyRings/sentinela/cryptoKeys/attestor"
    deployer_roles      = ["roles/run.admin"]
    planner_roles       = ["roles/run.viewer"]
    grantable_roles     = ["roles/bigquery.jobUser"]
    enforce_attestation = true
  }

  assert {
    condition     = strcontains(google_iam_workload_identity_pool_provider.github.attribute_condition, "assertion.repository == 'my-bank/sentinela'") && strcontains(google_iam_workload_identity_pool_provider.github.attribute_condition, "'refs/heads/main'")
    error_message = "Another repository or branch becomes our deployer."
  }
  assert {
    condition     = endswith(google_service_account_iam_member.github["deployer"].member, "/subject/repo:my-bank/sentinela:environment:prod") && endswith(google_service_account_iam_member.github["planner"].member, "/subject/repo:my-bank/sentinela:environment:plan")
    error_message = "A pull request becomes the deployer."
  }
  assert {
    condition     = google_storage_bucket_iam_member.state["planner"].role == "roles/storage.objectViewer"
    error_message = "A plan can write the state."
  }
  assert {
    condition     = google_binary_authorization_policy.this.default_admission_rule[0].enforcement_mode == "ENFORCED_BLOCK_AND_AUDIT_LOG" && google_binary_authorization_policy.this.default_admission_rule[0].evaluation_mode == "REQUIRE_ATTESTATION"
    error_message = "An image that nobody signed runs in prod."
  }
}

run "another_repository_of_that_name" {
  module {
    source = "../modules/delivery"
  }
  variables {
    environment         = "prod"
    repository          = "my-bank/sentinela"
    repository_id       = 123456789
    state_bucket        = "test-project-tfstate"
    attestor_key        = "projects/test-project/locations/southamerica-east1/keyRings/sentinela/cryptoKeys/attestor"
    deployer_roles      = ["roles/run.admin"]
    planner_roles       = ["projects/test-project/roles/sentinelaPlanReader"]
    grantable_roles     = ["roles/bigquery.jobUser"]
    enforce_attestation = true
  }

  assert {
    condition     = startswith(google_iam_workload_identity_pool_provider.github.attribute_condition, "assertion.repository_id == '123456789' && assertion.repository == ")
    error_message = "Who takes the repository's name becomes our deployer."
  }
}

run "a_planner_that_writes" {
  command = plan

  module {
    source = "../modules/delivery"
  }
  variables {
    environment         = "prod"
    repository          = "my-bank/sentinela"
    state_bucket        = "test-project-tfstate"
    attestor_key        = "projects/test-project/locations/southamerica-east1/keyRings/sentinela/cryptoKeys/attestor"
    deployer_roles      = ["roles/run.admin"]
    planner_roles       = ["roles/run.admin"]
    grantable_roles     = []
    enforce_attestation = true
  }

  expect_failures = [var.planner_roles]
}

run "a_deployer_that_owns" {
  command = plan

  module {
    source = "../modules/delivery"
  }
  variables {
    environment         = "prod"
    repository          = "https://github.com/my-bank/sentinela"
    state_bucket        = "test-project-tfstate"
    attestor_key        = "projects/test-project/locations/southamerica-east1/keyRings/sentinela/cryptoKeys/attestor"
    deployer_roles      = ["roles/owner"]
    planner_roles       = []
    grantable_roles     = []
    enforce_attestation = true
  }

  expect_failures = [var.deployer_roles, var.repository]
}

run "no_fence_asked_for" {
  module {
    source = "../modules/guardrails"
  }
  variables {
    project_number      = "123456789012"
    budget              = { units = 8000 }
    restricted_services = ["storage.googleapis.com"]
  }

  assert {
    condition     = length(google_access_context_manager_service_perimeter.this) == 0 && length(google_billing_budget.this) == 0
    error_message = "Something was made that needs an organisation."
  }
}

run "a_fence_that_looks_first" {
  module {
    source = "../modules/guardrails"
  }
  variables {
    project_number      = "123456789012"
    billing_account     = "012345-567890-ABCDEF"
    budget              = { units = 8000 }
    access_policy       = "1234"
    perimeter_members   = ["serviceAccount:pix-deployer@test-project.iam.gserviceaccount.com"]
    restricted_services = ["storage.googleapis.com"]
  }

  assert {
    condition     = google_access_context_manager_service_perimeter.this[0].use_explicit_dry_run_spec && length(google_access_context_manager_service_perimeter.this[0].status) == 0
    error_message = "The perimeter refuses before anybody has looked."
  }
  assert {
    condition     = length(google_billing_budget.this[0].threshold_rules) == 4
    error_message = "The budget tells nobody in time."
  }
}

run "a_fence_without_a_gate" {
  command = plan

  module {
    source = "../modules/guardrails"
  }
  variables {
    project_number      = "123456789012"
    budget              = { units = 8000 }
    access_policy       = "1234"
    restricted_services = ["storage.googleapis.com"]
  }

  expect_failures = [var.access_policy]
}

run "a_policy_by_its_path" {
  command = plan

  module {
    source = "../modules/guardrails"
  }
  variables {
    project_number      = "123456789012"
    budget              = { units = 8000 }
    access_policy       = "accessPolicies/1234"
    perimeter_members   = ["user:owner@bank.example"]
    restricted_services = ["storage.googleapis.com"]
  }

  expect_failures = [var.access_policy]
}

run "a_group_at_the_fence" {
  command = plan

  module {
    source = "../modules/guardrails"
  }
  variables {
    project_number      = "123456789012"
    billing_account     = "my account"
    budget              = { units = 0.5 }
    access_policy       = "1234"
    perimeter_members   = ["group:desk@bank.example"]
    restricted_services = ["storage.googleapis.com"]
  }

  expect_failures = [var.billing_account, var.budget, var.perimeter_members]
}

run "alarms" {
  module {
    source = "../modules/monitoring"
  }
  variables {
    emails    = { on-call = "on-call@bank.example" }
    functions = true
  }

  assert {
    condition     = length(google_monitoring_alert_policy.this) > 40
    error_message = "Alerts of the source have no policy."
  }
  assert {
    condition     = alltrue([for name, p in google_monitoring_alert_policy.this : endswith(name, " page") || endswith(name, " ticket") || endswith(name, "Silent") || contains(keys(google_monitoring_alert_policy.this), "${name}Silent")])
    error_message = "A policy hears when something fails, and none when it falls silent."
  }
  assert {
    condition     = toset([for name, p in google_monitoring_alert_policy.this : name if p.conditions[0].condition_prometheus_query_language[0].rule_group == "silence" && p.severity == "CRITICAL"]) == toset(["ScorerSilent", "BridgeSilent"])
    error_message = "One lost scrape wakes somebody many times over."
  }
  assert {
    condition     = alltrue([for p in google_monitoring_alert_policy.this : length(p.notification_channels) == 1])
    error_message = "A policy tells nobody."
  }
}

run "alarms_where_nobody_pays" {
  module {
    source = "../modules/monitoring"
  }
  variables {
    cluster           = false
    silence_is_normal = true
  }

  assert {
    condition     = alltrue([for p in google_monitoring_alert_policy.this : p.conditions[0].condition_prometheus_query_language[0].rule_group == "failing"]) && !contains(keys(google_monitoring_alert_policy.this), "BridgeBehind")
    error_message = "Somebody is called because a dev environment is quiet."
  }
}

run "databricks" {
  module {
    source = "../modules/databricks"
  }
  variables {
    bucket           = "test-project-lake"
    catalog          = "sentinela_dev"
    principal        = "sentinela-learning-dev"
    exports_location = true
  }

  assert {
    condition     = databricks_external_location.exports[0].read_only && databricks_external_location.exports[0].name == "sentinela_dev_exports"
    error_message = "Databricks can write the exports."
  }
  assert {
    condition     = google_storage_managed_folder_iam_member.credential["exports/"].role == "roles/storage.objectViewer"
    error_message = "Databricks' account can write the exports."
  }
  assert {
    condition     = one(databricks_grants.exports[0].grant).privileges == toset(["READ_FILES", "BROWSE"])
    error_message = "Somebody may do more with the exports than read."
  }
}

run "databricks_with_its_bundle" {
  module {
    source = "../modules/databricks"
  }
  variables {
    bucket    = "test-project-lake"
    catalog   = "sentinela_dev"
    principal = "sentinela-learning-dev"
  }

  assert {
    condition     = length(databricks_external_location.exports) == 0
    error_message = "The bundle makes this location: two of one name are refused."
  }
}

run "audit_logs" {
  module {
    source = "../modules/project"
  }
  variables {
    services         = ["storage.googleapis.com"]
    agents           = { "pubsub.googleapis.com" = "gcp-sa-pubsub" }
    audited_services = { "storage.googleapis.com" = ["serviceAccount:pix-score@test-project.iam.gserviceaccount.com"], "secretmanager.googleapis.com" = [] }
  }

  assert {
    condition     = toset([for c in google_project_iam_audit_config.this["storage.googleapis.com"].audit_log_config : c.log_type]) == toset(["ADMIN_READ", "DATA_READ", "DATA_WRITE"])
    error_message = "A look at payments leaves no line."
  }
  assert {
    condition     = alltrue([for s in google_project_service.this : !s.disable_on_destroy])
    error_message = "destroy switches a service off, and its data with it."
  }
}
