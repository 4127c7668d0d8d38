# Where payments lie the deployer makes and alters things and reads nothing: no object, no row of the store, no message, no
# version of a secret. Google's own administrators could. It binds roles, so it could give itself more; that would stand in the
# audit log, in nobody's plan, and be gone with the next apply of whoever looks.

resource "google_project_iam_custom_role" "deployer" {
  project     = var.project_id
  role_id     = "sentinelaDeployer"
  title       = "Sentinela: deployer of what holds data"
  description = "Makes and alters topics, tables, buckets and secrets without reading them."

  permissions = concat(
    [for verb in ["create", "delete", "get", "getIamPolicy", "setIamPolicy", "update"] : "bigquery.datasets.${verb}"],
    # getData: BigQuery checks a view's query with the rights of whoever makes the view. Row policies and column tags stand
    # between it and the payments.
    [for verb in ["create", "delete", "get", "getData", "getIamPolicy", "list", "setCategory", "setIamPolicy", "update"] : "bigquery.tables.${verb}"],
    [for verb in ["create", "delete", "get", "getIamPolicy", "list", "setIamPolicy", "update"] : "bigquery.rowAccessPolicies.${verb}"],
    [for verb in ["create", "delete", "get", "list", "update"] : "bigtable.instances.${verb}"],
    [for verb in ["create", "delete", "get", "list", "update"] : "bigtable.clusters.${verb}"],
    [for verb in ["create", "delete", "get", "getIamPolicy", "list", "setIamPolicy", "update"] : "bigtable.tables.${verb}"],
    [for verb in ["create", "delete", "get", "list", "update"] : "bigtable.appProfiles.${verb}"],
    [for verb in ["attachSubscription", "create", "delete", "get", "getIamPolicy", "list", "setIamPolicy", "update"] : "pubsub.topics.${verb}"],
    [for verb in ["create", "delete", "get", "getIamPolicy", "list", "setIamPolicy", "update"] : "pubsub.subscriptions.${verb}"],
    [for verb in ["create", "delete", "get", "getIamPolicy", "list", "setIamPolicy", "update"] : "secretmanager.secrets.${verb}"],
    [for verb in ["create", "delete", "get", "getIamPolicy", "list", "setIamPolicy", "update"] : "storage.buckets.${verb}"],
    [for verb in ["create", "delete", "get", "getIamPolicy", "list", "setIamPolicy"] : "storage.managedFolders.${verb}"],
  )
}
