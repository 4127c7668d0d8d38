package terraform_test

import (
	"io/fs"
	"strings"
	"testing"
)

// TestBrokenDeployments: each form of the configuration that is broken on purpose is noticed, by the words that tell what is
// wrong. A break whose text is no longer there fails too: it would break nothing.
func TestBrokenDeployments(t *testing.T) {
	t.Parallel()
	const modules = "terraform/modules/"
	for name, b := range map[string]struct{ file, old, broken, want string }{
		"a topic has another name": {
			modules + "pubsub/main.tf", "name            = each.key", `name            = replace(each.key, "labels", "label")`, "topic pix-labels-v1 of the code is not made",
		},
		"a topic is left out": {
			modules + "pubsub/main.tf", "for_each = local.topics", `for_each = { for k, t in local.topics : k => t if k != "pix-alerts-v1" }`, "topic pix-alerts-v1 of the code is not made",
		},
		"a topic too many": {
			modules + "pubsub/main.tf", "for_each = local.topics", `for_each = merge(local.topics, { pix-more-v1 = {} })`, "topic pix-more-v1 is made, and the code knows none such",
		},
		"a topic has a schema": {
			modules + "pubsub/main.tf", "  message_storage_policy {", "  schema_settings {\n    schema = \"x\"\n  }\n  message_storage_policy {", "has no schema",
		},
		"a subscription reads another topic": {
			modules + "pubsub/main.tf", "google_pubsub_topic.this[each.value.topic].id", `google_pubsub_topic.this["pix-labels-v1"].id`, "topic of module.sentinela.module.pubsub.google_pubsub_subscription.this[audit]",
		},
		"a filter is lost": {modules + "pubsub/main.tf", "filter  = each.value.filter", "filter  = null", "filter of"},
		"a deadline is too short": {
			modules + "pubsub/main.tf", "ack_deadline_seconds       = each.value.ack_deadline_seconds", "ack_deadline_seconds       = 30", "its subscription waits 30 s",
		},
		"retention is a day": {
			modules + "pubsub/main.tf", "message_retention_duration = each.value.message_retention_duration", `message_retention_duration = "86400s"`, "message_retention_duration of",
		},
		"a dead-letter policy": {
			modules + "pubsub/main.tf", "  retry_policy {", "  dead_letter_policy {\n    max_delivery_attempts = 5\n  }\n  retry_policy {", "forwards messages as they came",
		},
		"a push to another path":       {modules + "pubsub/main.tf", "${push_config.value.url}${each.value.push_path}", "${push_config.value.url}/pushes", "the code listens at /push"},
		"a token for another audience": {modules + "pubsub/main.tf", "audience              = push_config.value.url", `audience              = "https://example"`, "PUSH_AUDIENCE of"},
		"a subscription that ends":     {modules + "pubsub/main.tf", `ttl = ""`, `ttl = "2678400s"`, "ttl must be empty"},
		"a family is left out": {
			modules + "bigtable/main.tf", "for_each = local.contract.families\n    content", `for_each = { for k, f in local.contract.families : k => f if k != "mark" }
    content`, "family mark of the code is not made",
		},
		"a family is kept for longer": {modules + "bigtable/main.tf", `duration = "${max_age.value}s"`, `duration = "${max_age.value + 1}s"`, "max_age of"},
		"both bounds must be passed":  {modules + "bigtable/main.tf", "try(each.value.mode, null)", `try(each.value.mode == "UNION" ? "INTERSECTION" : "", null)`, "mode of"},
		"another table":               {modules + "bigtable/main.tf", "local.contract.table", `"pix2"`, "Bigtable table pix of the code is not made"},
		"writes in two clusters":      {modules + "bigtable/main.tf", "allow_transactional_writes = true", "allow_transactional_writes = false", "conditional writes need"},
		"a column is left out": {
			modules + "bigquery/main.tf", "for column in jsondecode(file(\"${local.schemas}/${table}.json\")) : merge(", "for column in slice(jsondecode(file(\"${local.schemas}/${table}.json\")), 1, 4) : merge(", "the columns of decisions are not those of the code",
		},
		"clustered otherwise":      {modules + "bigquery/main.tf", "= each.value.clustering", "= reverse(each.value.clustering)", "clustering of"},
		"partitioned otherwise":    {modules + "bigquery/main.tf", "field         = each.value.partition_field", `field         = "written_at"`, "time_partitioning.field of"},
		"queries of the whole":     {modules + "bigquery/main.tf", "= each.value.require_partition_filter", "= false", "require_partition_filter of"},
		"a view is left out":       {modules + "bigquery/main.tf", "for_each = local.views.second", "for_each = {}", "view model_divergence of the code is not made"},
		"a view of another query":  {modules + "bigquery/main.tf", "query          = each.value", `query          = "${each.value} LIMIT 1"`, "is not that of shared/warehouse"},
		"another dataset":          {modules + "bigquery/main.tf", "dataset_id                      = var.dataset", `dataset_id                      = "pix"`, "is not that of shared/warehouse"},
		"a dataset of no tables":   {modules + "sentinela/services.tf", "DATASET           = module.bigquery.dataset", `DATASET           = "pix"`, "DATASET is"},
		"a variable is left out":   {modules + "functions/main.tf", "PROJECT_ID            = var.project_id", "", "does not set PROJECT_ID"},
		"a variable too many":      {modules + "functions/main.tf", "PROJECT_ID            = var.project_id", "PROJECT_ID = var.project_id\nVERBOSE = \"1\"", "sets VERBOSE, which"},
		"a protection turned off":  {modules + "functions/main.tf", "PROJECT_ID            = var.project_id", "PROJECT_ID = var.project_id\nVERIFY_CALLERS = \"off\"", "sets VERIFY_CALLERS"},
		"another function":         {modules + "functions/main.tf", "FUNCTION_TARGET       = name", `FUNCTION_TARGET       = "audit"`, "FUNCTION_TARGET is"},
		"another port":             {modules + "functions/main.tf", "container_port = local.contract.processes[each.key].ports.http", "container_port = 9090", "container_port of"},
		"a probe of a closed port": {modules + "functions/main.tf", "port = local.contract.processes[each.key].ports[local.contract.processes[each.key].probe_port]", "port = 9090", "where nothing answers"},
		"a probe of another path":  {modules + "functions/main.tf", "path = local.contract.processes[each.key].paths.health", `path = "/"`, "where nothing answers"},
		"memory that is not there": {modules + "functions/main.tf", "tostring(s.memory_mib * 1024 * 1024)", "tostring(s.memory_mib * 1000 * 1000)", "MEMORY_LIMIT of"},
		"loops without processor":  {modules + "sentinela/services.tf", `function != "score"`, "true", "cpu_idle must be false"},
		"a request that is cut":    {modules + "functions/main.tf", `"${var.ack_deadline_seconds[each.key]}s"`, `"25s"`, "Cloud Run ends it after"},
		"another account":          {modules + "sentinela/services.tf", `module.identity.emails["pix-${function}"]`, `module.identity.emails["pix-desk"]`, "service_account of"},
		"another image":            {modules + "sentinela/main.tf", `var.images["functions"]`, `replace(var.images["functions"], "functions", "function")`, "runs the image function"},
		"an image by its tag":      {modules + "sentinela/main.tf", `var.images["functions"]`, `split("@", var.images["functions"])[0]`, "by its digest"},
		"another secret":           {modules + "sentinela/main.tf", `TOKEN_KEY = { secret = "pix-token-key"`, `TOKEN_KEY = { secret = "kafka-sasl-password"`, "takes TOKEN_KEY from the secret"},
		"a secret is left out":     {modules + "sentinela/main.tf", `kafka-sasl-password    = "The bridge's password at Kafka, where it needs one"`, "", "secret kafka-sasl-password of the code is not made"},
		"anybody may invoke":       {modules + "functions/main.tf", `members  = ["serviceAccount:${each.value.push_account}"]`, `members  = ["serviceAccount:${each.value.push_account}", "allUsers"]`, "may be invoked by"},
		"a right is left out":      {modules + "sentinela/grants.tf", `["pix-alert", "roles/pubsub.publisher", "topic", "pix-alerts-v1"],`, "", "pix-alert needs roles/pubsub.publisher"},
		"a right too many":         {modules + "sentinela/grants.tf", `["pix-audit", "roles/pubsub.publisher", "topic", "pix-dead-letter-v1"],`, "[\"pix-audit\", \"roles/pubsub.publisher\", \"topic\", \"pix-dead-letter-v1\"],\n[\"pix-audit\", \"roles/bigtable.user\", \"bigtable_table\", local.table],", "which its code has no use for"},
		"a right on the project":   {modules + "sentinela/grants.tf", `["pix-desk", "roles/bigtable.reader", "bigtable_table", local.table],`, `["pix-desk", "roles/bigtable.reader", "project", ""],`, "on the whole project"},
		"models of another bucket": {modules + "sentinela/services.tf", `LAKE              = "gs://${local.lake_bucket}/exports"`, `LAKE              = "gs://elsewhere/exports"`, "in no bucket that is made"},
		"an unknown argument":      {modules + "bigtable/main.tf", "display_name        =", "title               =", "Unsupported argument"},
		"no required argument":     {modules + "registry/main.tf", "repository_id = var.name\n", "", "Missing required argument"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := fs.ReadFile(repository(), b.file)
			if err != nil || !strings.Contains(string(text), b.old) {
				t.Fatalf("%s has no %q to break: %v", b.file, b.old, err)
			}
			files := overlay{repository(), map[string]string{b.file: strings.Replace(string(text), b.old, b.broken, 1)}}
			d := deploy(t, files, "dev", rendered(t, "dev"))
			if problems := strings.Join(d.problems, "\n"); !strings.Contains(problems, b.want) {
				t.Errorf("nobody noticed: want %q, got:\n%s", b.want, problems)
			}
		})
	}
}

// TestBrokenManifests is TestBrokenDeployments for what kustomize makes.
func TestBrokenManifests(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]struct{ old, broken, want string }{
		"another port":              {"containerPort: 8081", "containerPort: 8082", "port admin of scorer"},
		"a probe of a closed port":  {"path: /readyz\n            port: admin", "path: /readyz\n            port: http", "readinessProbe's port of scorer"},
		"a probe of another path":   {"path: /readyz\n", "path: /ready\n", "readinessProbe's path"},
		"killed while it stops":     {"terminationGracePeriodSeconds: 11", "terminationGracePeriodSeconds: 10", "is killed after 10 s"},
		"killed after preStop":      {"seconds: 10", "seconds: 15", "is killed after 20 s"},
		"a variable is left out":    {"  BIGTABLE_TABLE: pix\n", "", "does not set BIGTABLE_TABLE"},
		"a variable too many":       {"  BIGTABLE_TABLE: pix\n", "  BIGTABLE_TABLE: pix\n  VERBOSE: \"1\"\n", "sets VERBOSE, which"},
		"another topic":             {"TRANSACTIONS_TOPIC: pix-transactions-v1", "TRANSACTIONS_TOPIC: pix-labels-v1", "TRANSACTIONS_TOPIC is"},
		"another store":             {"BIGTABLE_INSTANCE: sentinela", "BIGTABLE_INSTANCE: other", "BIGTABLE_INSTANCE is"},
		"another profile":           {"BIGTABLE_APP_PROFILE: pix-single", "BIGTABLE_APP_PROFILE: default", "BIGTABLE_APP_PROFILE is"},
		"another project":           {"PROJECT_ID: sentinela-dev", "PROJECT_ID: sentinela-prod", "PROJECT_ID is"},
		"tokens without signature":  {"TRUST_CLOUD_RUN_IAM: \"false\"", "TRUST_CLOUD_RUN_IAM: \"true\"", "TRUST_CLOUD_RUN_IAM is"},
		"a secret as text":          {"  BIGTABLE_TABLE: pix\n", "  BIGTABLE_TABLE: pix\n  PREVIOUS_TOKEN_KEY: AAAA\n  PREVIOUS_TOKEN_KEY_VERSION: \"1\"\n", "is PREVIOUS_TOKEN_KEY a secret?"},
		"another secret":            {"secrets/pix-token-key/", "secrets/kafka-sasl-password/", "takes TOKEN_KEY from the secret"},
		"a secret where nobody":     {"mountPath: /secrets/token-key", "mountPath: /other", "is not mounted under SECRETS_DIR"},
		"another account of Google": {"gcp-service-account: pix-scorer@", "gcp-service-account: pix-desk@", "iam.gke.io/gcp-service-account of scorer"},
		"another account":           {"serviceAccountName: scorer", "serviceAccountName: default", "serviceAccountName of scorer"},
		"another image":             {"image: scorer@", "image: score@", "runs the image"},
		"an image by its tag":       {"image: kafka-bridge@sha256:", "image: kafka-bridge:", "by its digest"},
		"a metric that is not":      {"pix_decisions_in_flight", "pix_decisions_under_way", "the metric pix_decisions_under_way"},
		"no metrics are read":       {"kind: PodMonitoring", "kind: PodMonitor", "nobody reads the metrics of"},
		"metrics of another path":   {"path: /metrics", "path: /prometheus", "PodMonitoring's path"},
		"a route to another path":   {"value: /v1/decisions", "value: /v2/decisions", "HTTPRoute's path"},
		"health of another path":    {"requestPath: /readyz", "requestPath: /", "HealthCheckPolicy's path"},
		"an open port":              {"    - port: 8081\n", "    - port: 9090\n", "opens 9090"},
		"an address of nobody":      {"value: sentinela-scorer", "value: scorer", "which Terraform does not make"},
		"proxies from elsewhere":    {"cidr: 10.10.20.0/23", "cidr: 10.99.0.0/23", "the range of the proxies"},
		"a workload is left out":    {"kind: Deployment", "kind: StatefulSet", "Deployment kafka-bridge of the code is not made"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rendering := rendered(t, "dev")
			if !strings.Contains(rendering, b.old) {
				t.Fatalf("the rendering has no %q to break", b.old)
			}
			d := deploy(t, repository(), "dev", strings.Replace(rendering, b.old, b.broken, 1))
			if problems := strings.Join(d.problems, "\n"); !strings.Contains(problems, b.want) {
				t.Errorf("nobody noticed: want %q, got:\n%s", b.want, problems)
			}
		})
	}
}
