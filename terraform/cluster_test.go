package terraform_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sentinela-pix/sentinela/shared/pixtest/setting"
)

// namespace is where the workloads of the cluster are.
const namespace = "sentinela"

// cluster compares the bridge and the scorer in Kubernetes.
func (d *deployment) cluster() {
	var code, made []string
	for _, m := range d.kinds("Deployment") {
		made = append(made, nameOf(m))
	}
	for _, process := range []string{setting.Bridge, setting.Scorer} {
		code = append(code, process)
		if m := d.find("Deployment", process); m != nil {
			d.pod(m, process)
			d.cover("process", process)
		}
		d.reach(process)
	}
	d.same("Deployment", code, made)
	d.measured()
	d.door()
}

// door: the load balancer has the address that Terraform keeps for it, and its proxies come from where the policy lets in.
func (d *deployment) door() {
	addresses := d.named("google_compute_address", "name")
	for _, gateway := range d.kinds("Gateway") {
		for _, address := range list(gateway, "spec", "addresses") {
			if addresses[word(address, "value")] == nil {
				d.wrong("Kubernetes: the gateway wants the address %s, which Terraform does not make", word(address, "value"))
			}
		}
	}
	for _, subnet := range d.of("google_compute_subnetwork") {
		if text(subnet.Value, "purpose") == "REGIONAL_MANAGED_PROXY" {
			from := word(d.find("NetworkPolicy", setting.Scorer), "spec", "ingress", 0, "from", 0, "ipBlock", "cidr")
			d.equals(setting.Scorer, "the range of the proxies", from, text(subnet.Value, "ip_cidr_range"))
		}
	}
}

// pod compares one Deployment.
func (d *deployment) pod(m manifest, process string) {
	p, spec := d.contract.Processes[process], dig(m, "spec", "template", "spec")
	containers := list(spec, "containers")
	if len(containers) != 1 || word(m, "metadata", "namespace") != namespace {
		d.wrong("Deployment %s has %d containers, in %s", process, len(containers), word(m, "metadata", "namespace"))
		return
	}
	c := containers[0]
	d.podImage(process, p.Image, word(c, "image"))
	given := d.podEnvironment(spec, c)
	d.variables(process, "Deployment "+process, given)
	d.equals(process, "MEMORY_LIMIT", given["MEMORY_LIMIT"].value, bytesOf(word(c, "resources", "limits", "memory")))
	named := d.podPorts(c, process, p)
	for _, probe := range []string{"startupProbe", "readinessProbe", "livenessProbe"} {
		want := map[string]string{"readinessProbe": p.Paths["ready"]}[probe]
		if want == "" {
			want = p.Paths["health"]
		}
		d.equals(process, probe+"'s path", word(c, probe, "httpGet", "path"), want)
		d.equals(process, probe+"'s port", named(word(c, probe, "httpGet", "port")), strconv.Itoa(p.Ports[p.ProbePort]))
	}
	d.podEnd(spec, c, process, p)
	d.podAccount(spec, process)
}

// equals compares one value of a workload.
func (d *deployment) equals(workload, what, made, code string) {
	if made != code {
		d.wrong("Kubernetes: %s of %s is %q, and %q in the code", what, workload, made, code)
	}
}

// podImage: delivery sets the registry, so here it is the name, and a digest.
func (d *deployment) podImage(process, name, reference string) {
	form := regexp.MustCompile(`^(?:[a-z0-9-]+-docker\.pkg\.dev/[^/]+/[^/]+/)?([^/@:]+)@sha256:[0-9a-f]{64}$`)
	found := form.FindStringSubmatch(reference)
	if found == nil || found[1] != name {
		d.wrong("Deployment %s runs the image %q, want %s by its digest", process, reference, name)
		return
	}
	d.cover("image", name)
}

// podEnvironment are a container's variables: of its ConfigMaps, of its own, and of the secrets that are mounted.
func (d *deployment) podEnvironment(spec, c any) map[string]assigned {
	given := map[string]assigned{}
	for _, from := range list(c, "envFrom") {
		data, _ := dig(d.find("ConfigMap", word(from, "configMapRef", "name")), "data").(manifest)
		for name, value := range data {
			given[name] = assigned{value: fmt.Sprint(value)}
		}
	}
	for _, env := range list(c, "env") {
		value := word(env, "value")
		if resource := word(env, "valueFrom", "resourceFieldRef", "resource"); resource == "limits.memory" {
			value = bytesOf(word(c, "resources", "limits", "memory"))
		}
		given[word(env, "name")] = assigned{value: value}
	}
	for _, volume := range list(spec, "volumes") {
		class := d.find("SecretProviderClass", word(volume, "csi", "volumeAttributes", "secretProviderClass"))
		mounted := slices.ContainsFunc(list(c, "volumeMounts"), func(mount any) bool {
			return word(mount, "name") == word(volume, "name") && strings.HasPrefix(word(mount, "mountPath"), given["SECRETS_DIR"].value+"/")
		})
		for _, secret := range secretsOf(class) {
			if !mounted {
				d.wrong("Kubernetes: the secret %s is not mounted under SECRETS_DIR, where the process looks", secret["path"])
			}
			given[secret["path"]] = assigned{secret: secretName(secret["resourceName"])}
		}
	}
	return given
}

// secretsOf are the files that a SecretProviderClass makes, by path and resourceName.
func secretsOf(class manifest) []map[string]string {
	var files []map[string]string
	if yaml.Unmarshal([]byte(word(class, "spec", "parameters", "secrets")), &files) != nil {
		return nil
	}
	return files
}

// secretName is the id in projects/p/secrets/id/versions/1.
func secretName(resource string) string {
	_, rest, _ := strings.Cut(resource, "/secrets/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// podPorts compares a container's ports and gives the number of a port by its name.
func (d *deployment) podPorts(c any, process string, p processContract) func(string) string {
	numbers := map[string]string{}
	for _, port := range list(c, "ports") {
		numbers[word(port, "name")] = word(port, "containerPort")
	}
	for name, number := range p.Ports {
		d.equals(process, "port "+name, numbers[name], strconv.Itoa(number))
		d.cover("port", process+" "+name)
	}
	d.same("port of "+process, sorted(p.Ports), sorted(numbers))
	return func(port string) string {
		if number, named := numbers[port]; named {
			return number
		}
		return port
	}
}

// podEnd: what comes before SIGTERM and what the process takes after it fit into the grace.
func (d *deployment) podEnd(spec, c any, process string, p processContract) {
	grace, _ := strconv.Atoi(word(spec, "terminationGracePeriodSeconds"))
	before, _ := strconv.Atoi(word(c, "lifecycle", "preStop", "sleep", "seconds"))
	if grace <= before+p.Grace {
		d.wrong("Kubernetes: %s may take %d s to stop after a preStop of %d s, and is killed after %d s", process, p.Grace, before, grace)
	}
	if word(c, "lifecycle", "preStop", "exec") != "" || word(c, "lifecycle", "preStop", "httpGet") != "" {
		d.wrong("Kubernetes: the image of %s has nothing that a preStop could run", process)
	}
}

// podAccount: the pod's account is Google's of the process, and Terraform lets it be.
func (d *deployment) podAccount(spec any, process string) {
	account := word(spec, "serviceAccountName")
	d.equals(process, "serviceAccountName", account, process)
	email := word(d.find("ServiceAccount", account), "metadata", "annotations", "iam.gke.io/gcp-service-account")
	d.equals(process, "iam.gke.io/gcp-service-account", email, principalOf(process)+"@"+d.project+".iam.gserviceaccount.com")
	want := grant{
		member: "serviceAccount:" + d.project + ".svc.id.goog[" + namespace + "/" + account + "]",
		role:   "roles/iam.workloadIdentityUser", kind: "google_service_account", thing: email,
	}
	if !slices.ContainsFunc(d.grants(), func(g grant) bool { g.at = ""; return g == want }) {
		d.wrong("Terraform does not let the pods of %s be %s", process, email)
	}
}

// reach: what leads to a process leads to a port of it, and what looks at it to a path that it has.
func (d *deployment) reach(process string) {
	p := d.contract.Processes[process]
	metrics, probe := false, strconv.Itoa(p.Ports[p.ProbePort])
	for _, m := range d.kinds("PodMonitoring") {
		if word(m, "spec", "selector", "matchLabels", "app.kubernetes.io/name") != process {
			continue
		}
		metrics = true
		for _, endpoint := range list(m, "spec", "endpoints") {
			d.equals(process, "PodMonitoring's port", d.portOf(p, word(endpoint, "port")), probe)
			d.equals(process, "PodMonitoring's path", word(endpoint, "path"), p.Paths["metrics"])
		}
	}
	if !metrics {
		d.wrong("Kubernetes: nobody reads the metrics of %s", process)
	}
	for _, port := range list(d.find("Service", process), "spec", "ports") {
		d.equals(process, "Service's target", d.portOf(p, word(port, "targetPort")), strconv.Itoa(p.Ports["http"]))
	}
	if health := d.find("HealthCheckPolicy", process); health != nil {
		d.equals(process, "HealthCheckPolicy's port", word(health, "spec", "default", "config", "httpHealthCheck", "port"), probe)
		d.equals(process, "HealthCheckPolicy's path", word(health, "spec", "default", "config", "httpHealthCheck", "requestPath"), p.Paths["ready"])
	}
	for _, rule := range list(d.find("HTTPRoute", process), "spec", "rules") {
		for _, match := range list(rule, "matches") {
			d.equals(process, "HTTPRoute's path", word(match, "path", "value"), p.Paths["decisions"])
		}
	}
	for _, from := range list(d.find("NetworkPolicy", process), "spec", "ingress") {
		for _, port := range list(from, "ports") {
			if n, _ := strconv.Atoi(word(port, "port")); !slices.Contains(slices.Collect(maps.Values(p.Ports)), n) {
				d.wrong("Kubernetes: the network policy of %s opens %d, where nothing listens", process, n)
			}
		}
	}
}

// portOf is the number of a port that is given by its name or by itself.
func (d *deployment) portOf(p processContract, port string) string {
	if n, named := p.Ports[port]; named {
		return strconv.Itoa(n)
	}
	return port
}

// measured: what scales and what alarms reads metrics that the code has.
func (d *deployment) measured() {
	code, err := setting.Metrics(repository())
	if err != nil {
		d.wrong("%v", err)
		return
	}
	form := regexp.MustCompile(`\bpix_[a-z0-9_]+`)
	hold := func(where, text string) {
		for _, name := range form.FindAllString(text, -1) {
			if !code.MatchString(name) {
				d.wrong("%s reads the metric %s, which the code has not", where, name)
			}
		}
	}
	for _, m := range d.manifests {
		data, err := yaml.Marshal(m)
		if err != nil {
			d.wrong("%v", err)
		}
		hold(kindOf(m)+" "+nameOf(m), string(data))
	}
	for _, r := range d.of("google_monitoring_alert_policy") {
		for _, condition := range items(r.Value, "conditions") {
			for _, kind := range []string{"condition_prometheus_query_language", "condition_threshold", "condition_absent"} {
				hold(r.At, text(condition, kind, 0, "query")+text(condition, kind, 0, "filter"))
			}
		}
	}
}
