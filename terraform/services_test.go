package terraform_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pixtest/setting"
	"github.com/sentinela-pix/sentinela/terraform/internal/plan"
)

// atDefault are the variables that no deployment sets, each with the reason.
func atDefault() map[string]string {
	const (
		platform = "Cloud Run sets it"
		emulator = "there is no emulator in a deployment"
		measured = "the default is what was measured"
		shares   = "the default is a share of MEMORY_LIMIT"
		never    = "it protects, and nobody turns it off"
	)
	return map[string]string{
		"K_SERVICE": platform, "K_REVISION": platform, "PORT": platform,
		"PUBSUB_EMULATOR_HOST": emulator, "BIGTABLE_EMULATOR_HOST": emulator, "STORAGE_EMULATOR_HOST": emulator,
		"BIGQUERY_EMULATOR_HOST": emulator, "BIGQUERY_STORAGE_EMULATOR_HOST": emulator,
		"GOOGLE_APPLICATION_CREDENTIALS": "credentials come from the metadata server",
		"ALLOW_DEMO_TOKEN_KEY":           never, "VERIFY_CALLERS": never,
		"DECISION_TIMEOUT": measured, "STORE_DEADLINE": measured, "SHADOW_WAIT": measured, "EXPLAIN_APPROVALS_SHARE": measured,
		"RELOAD_EVERY": measured, "MAX_PANICS": measured, "COMMIT_INTERVAL": measured, "TRACE_SAMPLE_RATIO": measured,
		"OTEL_METRIC_EXPORT_INTERVAL": measured,
		"MAX_EVENT_AGE":               "histories are kept for it", "LATE_EVENT_AGE": "docs/adr has its reason",
		"MAX_MESSAGE_AGE":  "shared/event retains messages for longer",
		"HANDLE_TIMEOUT":   "shared/event sets the deadlines by it",
		"EXPORT_TIMEOUT":   "shared/event sets the deadline by it",
		"DRAIN_TIMEOUT":    "a stop takes ten seconds",
		"REVOKE_TIMEOUT":   measured,
		"SESSION_TIMEOUT":  measured,
		"MAX_POLL_RECORDS": measured, "MAX_IN_FLIGHT_RECORDS": measured,
		"FETCH_MAX_BYTES": shares, "MAX_IN_FLIGHT_BYTES": shares, "GOMEMLIMIT": shares,
		"TOKEN_NORMALISATION": "the code's newest", "PREVIOUS_TOKEN_NORMALISATION": "the code's newest",
		"PUSH_ISSUER": "Google signs the pushes", "CALLER_ISSUER": "Google signs the callers' tokens",
		"PUSH_REPLAY_SERVICE_ACCOUNTS": "no subscription replays", "REPLAY": "no topic holds a backfill",
	}
}

// asNeeded are the variables that a deployment sets or leaves, as it is: what they are is compared where they are set.
func asNeeded() map[string]string {
	return map[string]string{
		"PREVIOUS_TOKEN_KEY": "while a rotation lasts", "PREVIOUS_TOKEN_KEY_VERSION": "while a rotation lasts",
		"KAFKA_SASL_MECHANISM": "where the brokers ask for it", "KAFKA_SASL_USER": "where the brokers ask for it",
		"KAFKA_SASL_PASSWORD": "where the brokers ask for it", "KAFKA_TLS": "where the brokers ask for it",
		"SECRETS_DIR": "where secrets are mounted as files", "LISTEN_ADDR": "its port is compared", "ADMIN_ADDR": "its port is compared",
		"OTEL_EXPORTER_OTLP_ENDPOINT": "where there is a collector", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "where metrics have another",
		"OTEL_RESOURCE_ATTRIBUTES": "on Cloud Run alone", "OTEL_METRICS_EXPORTER": "on Cloud Run alone", "LOG_LEVEL": "while somebody looks closer",
		"MAX_DECISIONS_IN_FLIGHT": "by the size of the processor",
		"TRUST_CLOUD_RUN_IAM":     "on Cloud Run alone",
		"MODEL_SIGNING_KEYS":      "where models come from a bucket", "MODELS_LOCATION": "where models come from a bucket",
		"POLICY_LOCATION": "where the policy comes from a bucket",
		"CALLERS":         "where somebody asks over HTTP", "CALLER_AUDIENCE": "where somebody asks over HTTP",
	}
}

// assigned is what a process is given for a variable: a value, or a secret by its name.
type assigned struct{ value, secret string }

// variables compares what a process is given with what it reads.
func (d *deployment) variables(process, where string, given map[string]assigned) {
	code := d.contract.Processes[process].Variables
	for name, v := range code {
		set, is := given[name]
		_, left := atDefault()[name]
		_, free := asNeeded()[name]
		switch {
		case is && left:
			d.wrong("%s sets %s, of which atDefault() says that nobody does", where, name)
		case !is && !left && !free:
			d.wrong("%s does not set %s, which %s reads: %s", where, name, process, v.Meaning)
		case is && v.Secret != (set.secret != ""):
			d.wrong("%s: is %s a secret?", where, name)
		case is && v.Secret && set.secret != d.contract.Secrets[name]:
			d.wrong("%s takes %s from the secret %s, and the code means %s", where, name, set.secret, d.contract.Secrets[name])
		case is && !v.Secret:
			d.value(process, where+": "+name, name, set.value)
		}
		d.cover("variable", process+" "+name)
	}
	for name := range given {
		if _, reads := code[name]; !reads {
			d.wrong("%s sets %s, which %s does not read", where, name, process)
		}
	}
	for one, other := range map[string]string{"PREVIOUS_TOKEN_KEY": "PREVIOUS_TOKEN_KEY_VERSION", "CALLERS": "CALLER_AUDIENCE"} {
		if (given[one] == assigned{}) != (given[other] == assigned{}) {
			d.wrong("%s sets one of %s and %s without the other", where, one, other)
		}
	}
}

// value compares a variable's value with the thing that it names.
func (d *deployment) value(process, where, name, value string) {
	p := d.contract.Processes[process]
	var want []string
	switch name {
	case "PROJECT_ID":
		want = []string{d.project}
	case "FUNCTION_TARGET":
		want = []string{process}
	case "DATASET":
		want = sorted(d.named("google_bigquery_dataset", "dataset_id"))
	case "BIGTABLE_INSTANCE":
		want = sorted(d.named("google_bigtable_instance", "name"))
	case "BIGTABLE_TABLE":
		want = []string{d.contract.Store.Table}
	case "BIGTABLE_APP_PROFILE":
		want = sorted(d.named("google_bigtable_app_profile", "app_profile_id"))
	case "KAFKA_TOPIC":
		want = []string{event.KafkaTransactions}
	case "TOKENISED_TOPIC":
		want = []string{event.KafkaTokenised, ""}
	case "TRANSACTIONS_TOPIC", "DECISIONS_TOPIC", "ALERTS_TOPIC", "DEAD_LETTER_TOPIC":
		want = []string{topicOf(name)}
		if !slices.Contains(p.Publishes, value) {
			d.wrong("%s is %q, which shared/event does not let %s publish to", where, value, process)
		}
	case "LISTEN_ADDR":
		want = []string{fmt.Sprintf(":%d", p.Ports["http"])}
	case "ADMIN_ADDR":
		want = []string{fmt.Sprintf(":%d", p.Ports["admin"])}
	case "LAKE", "MODELS_LOCATION", "POLICY_LOCATION":
		d.location(where, value, name != "LAKE")
		return
	case "TRUST_CLOUD_RUN_IAM":
		want = []string{strconv.FormatBool(p.Image == "functions")}
	default:
		return
	}
	if !slices.Contains(want, value) {
		d.wrong("%s is %q, want one of %q", where, value, want)
	}
}

// topicOf is the topic that a variable means.
func topicOf(variable string) string {
	return map[string]string{
		"TRANSACTIONS_TOPIC": event.TopicTransactions, "DECISIONS_TOPIC": event.TopicDecisions, "ALERTS_TOPIC": event.TopicAlerts,
		"DEAD_LETTER_TOPIC": event.TopicDeadLetter,
	}[variable]
}

// location: gs://bucket/prefix, of a bucket that is made.
func (d *deployment) location(where, value string, mayBeEmpty bool) {
	if value == "" && mayBeEmpty {
		return
	}
	bucket, _, _ := strings.Cut(strings.TrimPrefix(value, "gs://"), "/")
	if _, made := d.named("google_storage_bucket", "name")[bucket]; !made || !strings.HasPrefix(value, "gs://") {
		d.wrong("%s is %q, which is in no bucket that is made", where, value)
	}
}

// services compares the functions on Cloud Run.
func (d *deployment) services() {
	made := d.named("google_cloud_run_v2_service", "name")
	var code []string
	for process, p := range d.contract.Processes {
		if p.Image != "functions" {
			continue
		}
		code = append(code, "pix-"+process)
		r := made["pix-"+process]
		if r == nil {
			continue
		}
		d.cover("process", process)
		d.service(r, process, p)
	}
	d.same("Cloud Run service", code, sorted(made))
}

func (d *deployment) service(r *plan.Resource, process string, p processContract) {
	template := at(r.Value, "template", 0)
	containers := items(template, "containers")
	if len(containers) != 1 {
		d.wrong("%s: %s has %d containers", r.At, r.Address, len(containers))
		return
	}
	c := containers[0]
	d.image(r.At+": "+r.Address, p.Image, text(c, "image"))
	given := environmentOf(c)
	d.variables(process, r.Address, given)
	d.equal(r, "container_port", text(c, "ports", 0, "container_port"), strconv.Itoa(p.Ports["http"]))
	d.cover("port", process+" http")
	for _, probe := range []string{"startup_probe", "liveness_probe", "readiness_probe"} {
		d.probe(r, process, at(c, probe, 0))
	}
	d.equal(r, "MEMORY_LIMIT", given["MEMORY_LIMIT"].value, bytesOf(text(c, "resources", 0, "limits", "memory")))
	if process == "score" && text(c, "resources", 0, "cpu_idle") != "false" {
		d.wrong("%s: %s has loops in its background, which stand still without a processor: cpu_idle must be false", r.At, r.Address)
	}
	d.equal(r, "service_account", accountOf(text(template, "service_account")), "pix-"+process)
	d.deadline(r, process, p, text(template, "timeout"))
	d.callers(r, process, given)
	if p.Grace >= 10 {
		d.wrong("%s stops within %d s, and Cloud Run gives ten", process, p.Grace)
	}
}

// probe: a probe asks a port that is open, and a path that is served there.
func (d *deployment) probe(r *plan.Resource, process string, probe cty.Value) {
	p := d.contract.Processes[process]
	if probe == cty.NilVal {
		return
	}
	for _, kind := range []string{"tcp_socket", "http_get", "grpc"} {
		action := at(probe, kind, 0)
		if action == cty.NilVal {
			continue
		}
		port := text(action, "port")
		path := text(action, "path")
		known := kind == "tcp_socket" && (port == strconv.Itoa(p.Ports["http"]) || port == strconv.Itoa(p.Ports["admin"])) ||
			kind == "http_get" && port == strconv.Itoa(p.Ports[p.ProbePort]) && (path == p.Paths["health"] || path == p.Paths["ready"])
		if port == strconv.Itoa(p.Ports["admin"]) {
			d.cover("port", process+" admin")
		}
		if !known {
			d.wrong("%s: a probe of %s asks %s %s %s, where nothing answers", r.At, r.Address, kind, port, path)
		}
	}
}

// environmentOf are the variables of a container of Cloud Run.
func environmentOf(container cty.Value) map[string]assigned {
	given := map[string]assigned{}
	for _, env := range items(container, "env") {
		given[text(env, "name")] = assigned{
			value: text(env, "value"), secret: lastPart(text(env, "value_source", 0, "secret_key_ref", 0, "secret")),
		}
	}
	return given
}

// image holds a reference to the registry, to the name and to a digest.
func (d *deployment) image(where, name, reference string) {
	repositories := d.named("google_artifact_registry_repository", "repository_id")
	form := regexp.MustCompile(`^[a-z0-9-]+-docker\.pkg\.dev/([^/]+)/([^/]+)/([^/@]+)@sha256:[0-9a-f]{64}$`)
	found := form.FindStringSubmatch(reference)
	switch {
	case found == nil:
		d.wrong("%s: the image %q is not one of Artifact Registry by its digest", where, reference)
	case repositories[found[2]] == nil:
		d.wrong("%s: the image is in the registry %s, which is not made", where, found[2])
	case found[3] != name:
		d.wrong("%s runs the image %s, want %s", where, found[3], name)
	default:
		d.cover("image", name)
	}
}

// deadline: Pub/Sub waits longer than the handling and its dead letter may take, and so does Cloud Run.
func (d *deployment) deadline(r *plan.Resource, process string, p processContract, timeout string) {
	may := p.Handle + p.DeadLetter
	for name, s := range d.named("google_pubsub_subscription", "name") {
		if name != process {
			continue
		}
		if deadline, err := strconv.Atoi(text(s.Value, "ack_deadline_seconds")); err != nil || deadline <= may {
			d.wrong("%s: %s may take %d s over a message with its dead letter, and its subscription waits %d s", s.At, process, may, deadline)
		}
	}
	if allowed, err := strconv.Atoi(strings.TrimSuffix(timeout, "s")); err != nil || allowed <= may {
		d.wrong("%s: %s may take %d s over a message with its dead letter, and Cloud Run ends it after %q", r.At, process, may, timeout)
	}
}

// callers: who pushes is who may, and the token is for whom it is taken.
func (d *deployment) callers(r *plan.Resource, process string, given map[string]assigned) {
	s := d.named("google_pubsub_subscription", "name")[process]
	if s == nil {
		return
	}
	token := at(s.Value, "push_config", 0, "oidc_token", 0)
	account, audience := text(token, "service_account_email"), text(token, "audience")
	d.equal(r, "PUSH_SERVICE_ACCOUNTS", given["PUSH_SERVICE_ACCOUNTS"].value, account)
	d.equal(r, "PUSH_AUDIENCE", given["PUSH_AUDIENCE"].value, audience)
	d.equal(s, "push_endpoint", text(s.Value, "push_config", 0, "push_endpoint"), audience+event.PushPath)
	if text(r.Value, "invoker_iam_disabled") == "true" {
		d.wrong("%s: anybody may invoke %s, which trusts Cloud Run's check", r.At, r.Address)
	}
	var invokers []string
	for _, g := range d.grants() {
		if g.kind == "google_cloud_run_v2_service" && g.thing == "pix-"+process {
			invokers = append(invokers, g.member)
		}
	}
	if len(invokers) != 1 || invokers[0] != "serviceAccount:"+account {
		d.wrong("%s: %s may be invoked by %q, want push-%s alone", r.At, r.Address, invokers, process)
	}
}

// accountOf is the id of a service account's address.
func accountOf(email string) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(lastPart(email), "serviceAccount:"), "@")
	return id
}

// bytesOf is a memory limit such as 512Mi as a number.
func bytesOf(limit string) string {
	for suffix, unit := range map[string]int{"Mi": 1 << 20, "Gi": 1 << 30} {
		if n, err := strconv.Atoi(strings.TrimSuffix(limit, suffix)); err == nil && strings.HasSuffix(limit, suffix) {
			return strconv.Itoa(n * unit)
		}
	}
	return limit
}

// principalOf is the service account of a process.
func principalOf(process string) string {
	if process == setting.Bridge {
		return "pix-bridge"
	}
	return "pix-" + process
}
