# Principals, roles and things: the whole table. A row is [principal, role, kind of thing, thing]. What is not here nobody
# may do, but for Google's own agents, who deploys (terraform/bootstrap), who pushes to a function (modules/functions), and
# Databricks (modules/databricks).

locals {
  accounts = merge(
    {
      pix-score  = "Function score: decides on pushed payments"
      pix-audit  = "Function audit: writes decisions to the warehouse"
      pix-alert  = "Function alert: raises alerts"
      pix-label  = "Function label: writes what became known, and marks"
      pix-export = "Function export: brings rows to the lake"
      pix-scorer = "Scorer in the cluster: decides on payments over HTTP"
      pix-bridge = "Bridge in the cluster: Kafka to Pub/Sub"
      pix-nodes  = "Nodes of the cluster"
      pix-desk   = "People's tools: pixctl of the fraud desk"
    },
    { for function in keys(local.pushes) : "push-${function}" => "Pub/Sub's pushes to ${function}" },
    var.databricks == null ? {} : { sentinela-learning = "Clusters of Databricks: learn from the lake, write models" },
  )

  # Members by the names that the rows use. A principal that an environment has not drops out with its rows.
  members = merge(
    { for id in keys(local.accounts) : id => module.identity.members[id] },
    {
      "agent of Pub/Sub"   = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
      "agent of Scheduler" = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-cloudscheduler.iam.gserviceaccount.com"
      "scorer's pods"      = "serviceAccount:${var.project_id}.svc.id.goog[sentinela/scorer]"
      "bridge's pods"      = "serviceAccount:${var.project_id}.svc.id.goog[sentinela/kafka-bridge]"
      "metrics adapter"    = "principal://iam.googleapis.com/projects/${data.google_project.this.number}/locations/global/workloadIdentityPools/${var.project_id}.svc.id.goog/subject/ns/custom-metrics/sa/custom-metrics-stackdriver-adapter"
      pix-deployer         = "serviceAccount:pix-deployer@${var.project_id}.iam.gserviceaccount.com"
    },
    var.groups.desk == null ? {} : { desk = "group:${var.groups.desk}" },
    var.groups.analysts == null ? {} : { analysts = "group:${var.groups.analysts}" },
    { for member in concat(var.producers.transactions, var.producers.labels) : "producer ${member}" => member },
    { for member in var.alert_readers : "reader of alerts ${member}" => member },
  )

  table      = "${module.bigtable.instance}/${module.bigtable.table}"
  row_writer = "projects/${var.project_id}/roles/sentinelaRowWriter"

  rows = concat(
    [
      # Decides: reads and writes histories and decisions, publishes what was decided, reads models.
      ["pix-score", "roles/bigtable.user", "bigtable_table", local.table],
      ["pix-score", "roles/pubsub.publisher", "topic", "pix-decisions-v1"],
      ["pix-score", "roles/pubsub.publisher", "topic", "pix-dead-letter-v1"],
      ["pix-score", "roles/storage.objectViewer", "bucket", local.models_bucket],
      ["pix-scorer", "roles/bigtable.user", "bigtable_table", local.table],
      ["pix-scorer", "roles/pubsub.publisher", "topic", "pix-decisions-v1"],
      ["pix-scorer", "roles/pubsub.publisher", "topic", "pix-dead-letter-v1"],
      ["pix-scorer", "roles/storage.objectViewer", "bucket", local.models_bucket],

      # Writes rows: each its own table, which it can neither read nor alter.
      ["pix-audit", local.row_writer, "bigquery_table", "fraud/decisions"],
      ["pix-audit", "roles/pubsub.publisher", "topic", "pix-dead-letter-v1"],
      ["pix-alert", local.row_writer, "bigquery_table", "fraud/alerts"],
      ["pix-alert", "roles/pubsub.publisher", "topic", "pix-alerts-v1"],
      ["pix-alert", "roles/pubsub.publisher", "topic", "pix-dead-letter-v1"],
      ["pix-label", local.row_writer, "bigquery_table", "fraud/labels"],
      ["pix-label", "roles/bigtable.user", "bigtable_table", local.table],
      ["pix-label", "roles/pubsub.publisher", "topic", "pix-dead-letter-v1"],

      # Brings rows to the lake: reads the three tables whole, writes one folder. Jobs and read sessions belong to projects.
      ["pix-export", "roles/bigquery.dataViewer", "bigquery_table", "fraud/decisions"],
      ["pix-export", "roles/bigquery.dataViewer", "bigquery_table", "fraud/alerts"],
      ["pix-export", "roles/bigquery.dataViewer", "bigquery_table", "fraud/labels"],
      ["pix-export", "roles/datacatalog.categoryFineGrainedReader", "policy_tag", "token"],
      ["pix-export", "roles/datacatalog.categoryFineGrainedReader", "policy_tag", "behaviour"],
      ["pix-export", "roles/bigquery.jobUser", "project", ""],
      ["pix-export", "roles/bigquery.readSessionUser", "project", ""],
      ["pix-export", "roles/storage.objectUser", "folder", "${local.lake_bucket}/exports"],
      ["pix-export", "roles/pubsub.publisher", "topic", "pix-dead-letter-v1"],

      # Brings payments in.
      ["pix-bridge", "roles/pubsub.publisher", "topic", "pix-transactions-v1"],
      ["pix-bridge", "roles/pubsub.publisher", "topic", "pix-dead-letter-v1"],

      # Ticks.
      ["agent of Scheduler", "roles/pubsub.publisher", "topic", "pix-exports-v1"],

      # People's tools: letters are read, and what they carried is published again.
      ["pix-desk", "roles/pubsub.subscriber", "subscription", "pix-dead-letter-v1-desk"],
      ["pix-desk", "roles/pubsub.viewer", "subscription", "pix-dead-letter-v1-desk"],
      ["pix-desk", "roles/pubsub.publisher", "topic", "pix-transactions-v1"],
      ["pix-desk", "roles/pubsub.publisher", "topic", "pix-decisions-v1"],
      ["pix-desk", "roles/pubsub.publisher", "topic", "pix-labels-v1"],
      ["pix-desk", "roles/pubsub.publisher", "topic", "pix-exports-v1"],
      ["pix-desk", "roles/bigtable.reader", "bigtable_table", local.table],

      # People: the desk sees what was stopped (row policies), analysts everything.
      ["desk", "roles/bigquery.dataViewer", "dataset", "fraud"],
      ["desk", "roles/bigquery.jobUser", "project", ""],
      ["desk", "roles/datacatalog.categoryFineGrainedReader", "policy_tag", "token"],
      ["analysts", "roles/bigquery.dataViewer", "dataset", "fraud"],
      ["analysts", "roles/bigquery.jobUser", "project", ""],
      ["analysts", "roles/datacatalog.categoryFineGrainedReader", "policy_tag", "token"],
      ["analysts", "roles/datacatalog.categoryFineGrainedReader", "policy_tag", "behaviour"],
    ],
    var.databricks == null ? [] : [
      # Learns: reads the exports, writes its own part of the lake, and models.
      ["sentinela-learning", "roles/storage.objectViewer", "folder", "${local.lake_bucket}/exports"],
      ["sentinela-learning", "roles/storage.objectUser", "folder", "${local.lake_bucket}/lake"],
      ["sentinela-learning", "roles/storage.objectUser", "bucket", local.models_bucket],
    ],
    [for member in var.producers.transactions : ["producer ${member}", "roles/pubsub.publisher", "topic", "pix-transactions-v1"]],
    [for member in var.producers.labels : ["producer ${member}", "roles/pubsub.publisher", "topic", "pix-labels-v1"]],
    [for member in var.alert_readers : ["reader of alerts ${member}", "roles/pubsub.subscriber", "topic", "pix-alerts-v1"]],
  )

  secret_rows = concat(
    [
      ["pix-score", "roles/secretmanager.secretAccessor", "secret", "pix-token-key"],
      ["pix-score", "roles/secretmanager.secretAccessor", "secret", "pix-previous-token-key"],
      ["pix-scorer", "roles/secretmanager.secretAccessor", "secret", "pix-token-key"],
      ["pix-scorer", "roles/secretmanager.secretAccessor", "secret", "pix-previous-token-key"],
      ["pix-bridge", "roles/secretmanager.secretAccessor", "secret", "pix-token-key"],
      ["pix-bridge", "roles/secretmanager.secretAccessor", "secret", "pix-previous-token-key"],
      ["pix-bridge", "roles/secretmanager.secretAccessor", "secret", "kafka-sasl-password"],
    ],
    var.run_metrics == null ? [] : [
      ["pix-score", "roles/secretmanager.secretAccessor", "secret", "pix-run-monitoring"],
      ["pix-score", "roles/monitoring.metricWriter", "project", ""],
    ],
  )

  account_rows = concat(
    # Pub/Sub signs its pushes in the name of the subscription's account, and of no other.
    [for function in keys(local.pushes) : ["agent of Pub/Sub", "roles/iam.serviceAccountTokenCreator", "service_account", "push-${function}"]],
    # Who deploys a service hands it its account.
    [for id in keys(local.accounts) : ["pix-deployer", "roles/iam.serviceAccountUser", "service_account", id] if !contains(["pix-desk", "pix-scorer", "pix-bridge", "sentinela-learning"], id)],
    var.groups.desk == null ? [] : [["desk", "roles/iam.serviceAccountTokenCreator", "service_account", "pix-desk"]],
    [
      ["pix-nodes", "roles/artifactregistry.reader", "registry", "sentinela"],
      ["pix-nodes", "roles/container.defaultNodeServiceAccount", "project", ""],
    ],
  )

  # The pool of Kubernetes accounts comes with the first cluster.
  cluster_rows = concat(
    [
      ["scorer's pods", "roles/iam.workloadIdentityUser", "service_account", "pix-scorer"],
      ["bridge's pods", "roles/iam.workloadIdentityUser", "service_account", "pix-bridge"],
      ["metrics adapter", "roles/monitoring.viewer", "project", ""],
    ],
    var.kafka == null ? [] : [["pix-bridge", "roles/managedkafka.client", "project", ""]],
  )

  grants = { for name, rows in {
    data     = local.rows
    secrets  = local.secret_rows
    accounts = local.account_rows
    cluster  = var.sizes.cluster ? local.cluster_rows : []
    } : name => [for row in rows : {
      principal = row[0]
      member    = local.members[row[0]]
      role      = row[1]
      kind      = row[2]
      resource  = row[2] == "service_account" ? "projects/${var.project_id}/serviceAccounts/${row[3]}@${var.project_id}.iam.gserviceaccount.com" : row[3]
  } if contains(keys(local.members), row[0])] }
}

# A role needs its thing, and a thing sometimes needs a role first: so the table is bound in four steps.
module "grants_of_accounts" {
  source = "../grants"

  project_id = var.project_id
  region     = var.region
  grants     = local.grants.accounts

  depends_on = [module.identity, module.registry]
}

module "grants_of_secrets" {
  source = "../grants"

  project_id = var.project_id
  region     = var.region
  grants     = local.grants.secrets

  depends_on = [module.identity, module.secrets]
}

module "grants_of_data" {
  source = "../grants"

  project_id  = var.project_id
  region      = var.region
  grants      = local.grants.data
  policy_tags = module.bigquery.policy_tags

  depends_on = [module.identity, module.bigtable, module.bigquery, module.pubsub, module.storage]
}

module "grants_of_cluster" {
  source = "../grants"

  project_id = var.project_id
  region     = var.region
  grants     = local.grants.cluster

  depends_on = [module.gke]
}
