package setting

import (
	"slices"
	"strings"
)

// Variable is one environment variable, as the page of configuration shows it.
type Variable struct {
	Name    string
	Kind    string // to whoever sets it, as "duration, as 10s"
	Default string // empty where there is none, or where it is in the meaning
	Meaning string // one sentence or more
	Readers []string
}

// Secret says that the variable must come from a secret manager.
func (v *Variable) Secret() bool {
	return slices.Contains([]string{"TOKEN_KEY", "PREVIOUS_TOKEN_KEY", "KAFKA_SASL_PASSWORD", "SCORER_TOKEN"}, v.Name)
}

// Required says that no process in production starts without it.
func (v *Variable) Required() bool {
	return strings.HasSuffix(v.Meaning, " Required.") || strings.HasSuffix(v.Meaning, " Required unless VERIFY_CALLERS is off.")
}

// Root is where a process's configuration stands in the sources: a directory of the repository and a type.
type Root struct{ Dir, Type string }

// Scorer and Bridge are the processes of Kubernetes; all others are functions, by their FUNCTION_TARGET.
const (
	Scorer = "scorer"
	Bridge = "kafka-bridge"
)

// Roots are the configurations that each process reads.
func Roots() map[string]Root {
	return map[string]Root{
		Bridge:   {"kafka-bridge/internal/config", "Config"},
		Scorer:   {"functions/score", "Config"},
		"score":  {"functions/score", "Config"},
		"audit":  {"functions/row", "Config"},
		"alert":  {"functions/alert", "Config"},
		"label":  {"functions/label", "Config"},
		"export": {"functions/export", "Config"},
	}
}

// beside are the variables that no tag names: read by a call, or by a library on behalf of a process.
func beside() []Variable {
	const functions, all = "score audit alert label export", "kafka-bridge scorer score audit alert label export"
	by := func(name, standard, meaning, readers string) Variable {
		return Variable{name, "text", standard, meaning, strings.Fields(readers)}
	}
	return []Variable{
		by("ADMIN_ADDR", ":8081", "Where the scorer and the functions' image serve /healthz, /readyz, /metrics and, of the scorer, the page /live/, which shows amounts, reasons and EndToEndIds of live payments and names nobody. Operators alone should reach it.", "scorer "+functions),
		by("LISTEN_ADDR", ":8080", "Where the scorer takes pushes and payments.", "scorer"),
		by("GOMEMLIMIT", "", "The Go runtime's own limit. Where it is not set every process sets it from MEMORY_LIMIT.", all),
		by("FUNCTION_TARGET", "", "Which function the functions' image or a deployment of the functions framework serves: score, audit, alert, label or export. Required.", functions),
		by("PORT", "8080", "Where the functions' image and the functions framework listen.", functions),
		by("SECRETS_DIR", "", "A directory in which a secret manager mounts secrets as files, each with a variable's name; what is set in the environment wins. It is read once, at the start.", all),
		by("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "", "The OTLP gRPC collector to which the functions' image pushes its metrics, where it is another than OTEL_EXPORTER_OTLP_ENDPOINT. The scorer and the bridge are scraped and push nothing.", functions),
		by("OTEL_METRICS_EXPORTER", "otlp", "none pushes no metrics, where a sidecar scrapes the functions' image.", functions),
		by("OTEL_METRIC_EXPORT_INTERVAL", "60000", "Milliseconds between two pushes. Read by OpenTelemetry's SDK.", functions),
		by("OTEL_RESOURCE_ATTRIBUTES", "", "What spans and pushed metrics say of where they come from, as cloud.region=southamerica-east1,cloud.platform=gcp_cloud_run: Managed Prometheus takes nothing without a region.", all),
		by("GOOGLE_APPLICATION_CREDENTIALS", "", "File of Application Default Credentials, where there is no metadata server. Read by Google's clients.", all+" pixctl"),
		by("PUBSUB_EMULATOR_HOST", "", "host:port of a Pub/Sub emulator instead of Pub/Sub. Read by Google's client.", all+" pixctl"),
		by("BIGTABLE_EMULATOR_HOST", "", "host:port of a Bigtable emulator instead of Bigtable. Read by Google's client.", "scorer score label pixctl"),
		by("STORAGE_EMULATOR_HOST", "", "host:port or URL of a Cloud Storage emulator instead of Cloud Storage; then no credentials are asked for.", "scorer score export pixctl"),
		by("PROJECT", "", "The project where GOOGLE_CLOUD_PROJECT is not set.", "pixctl"),
		by("GOOGLE_CLOUD_PROJECT", "", "The project that pixctl explain and publish use by default.", "pixctl"),
		by("BIGTABLE_INSTANCE", "sentinela", "The instance that pixctl explain and doctor read by default.", "pixctl"),
		by("PROJECT_ID", "", "The project of the environment that a deployment goes to.", "deploy"),
		by("REGION", "", "The region of that environment.", "deploy"),
		by("SCORER_TOKEN", "", "The bearer token that pixctl load sends.", "pixctl"),
		by("MODELS_LOCATION", "", "Where pixctl's model commands find models by default: a directory or gs://bucket/prefix.", "pixctl"),
		by("MODEL_SIGNING_KEYS", "", "PEM file of the public keys against which pixctl checks models by default.", "pixctl"),
		by("MODEL_SIGNING_KEY", "", "File of the private key with which a release of a model is signed; empty signs nothing.", "models"),
		by("MLFLOW_TRACKING_URI", "sqlite:///build/mlflow/mlflow.db", "The MLflow store.", "models"),
		by("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false", "MLflow's own; it is quiet by default here.", "models"),
		by("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3", "MLflow's own: how often a store that does not answer is asked again.", "models"),
		by("MLFLOW_HTTP_REQUEST_TIMEOUT", "30", "MLflow's own: seconds for an answer.", "models"),
		by("MLFLOW_DISABLE_AUTO_LOGGING", "true", "MLflow's own; what is recorded is said in the code.", "models"),
		by("DATABRICKS_RUNTIME_VERSION", "", "Set by Databricks: the session is theirs.", "models"),
		by("PYTHONPATH", "", "Python's own: Spark's workers find the package by it.", "models"),
		by("PYSPARK_PYTHON", "", "Spark's own; it is set to the interpreter that runs.", "models"),
		by("PYSPARK_DRIVER_PYTHON", "", "Spark's own; it is set to the interpreter that runs.", "models"),
		by("SENTINELA_JARS", "", "Directory of Spark's jars; empty lets Spark fetch them.", "models"),
		by("SENTINELA_SPARK_MEMORY", "1g", "Memory of Spark's driver outside Databricks.", "models"),
		by("SENTINELA_MODEL", "", "The registered model that a notebook works on.", "models"),
		by("SENTINELA_PIXCTL", "", "The pixctl that a notebook calls.", "models"),
		by("SENTINELA_GOLD", "", "The gold table that a notebook reads.", "models"),
		by("SENTINELA_CUT", "", "Where a notebook's training ends, an instant.", "models"),
		by("SENTINELA_EXPECTATIONS", "", "The report of the data's expectations that a notebook hands to the gate.", "models"),
		by("SENTINELA_LAKE", "", "The lake that a notebook explores.", "models"),
		by("SENTINELA_EXPORTS", "", "The exports that a notebook explores beside it.", "models"),
		by("SENTINELA_TREES", "150", "Trees of a notebook's challenger.", "models"),
		by("SENTINELA_LEAVES", "31", "Leaves of its trees.", "models"),
	}
}
