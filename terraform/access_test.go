package terraform_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/sentinela-pix/sentinela/terraform/internal/plan"
)

// grant is one role of one member on one thing.
type grant struct{ member, role, kind, thing, at string }

// grants are all that a plan binds, on whatever thing.
func (d *deployment) grants() []grant {
	var all []grant
	for _, r := range d.plan.Resources {
		kind, how, bound := strings.Cut(r.Type, "_iam_")
		if !bound || r.Data || !r.Value.Type().IsObjectType() {
			continue
		}
		g := grant{role: text(r.Value, "role"), kind: kind, thing: thingOf(kind, r), at: r.At}
		switch how {
		case "member":
			g.member = text(r.Value, "member")
			all = append(all, g)
		case "binding":
			for _, member := range texts(r.Value, "members") {
				g.member = member
				all = append(all, g)
			}
		case "policy":
			d.wrong("%s: %s sets a whole policy, and takes Google's own agents out", r.At, r.Address)
		}
	}
	return all
}

// thingOf is the name of what a role is bound to.
func thingOf(kind string, r *plan.Resource) string {
	names := map[string][]string{
		"google_pubsub_topic": {"topic"}, "google_pubsub_subscription": {"subscription"}, "google_bigtable_table": {"table"},
		"google_bigtable_instance": {"instance"}, "google_bigquery_table": {"table_id"}, "google_bigquery_dataset": {"dataset_id"},
		"google_storage_bucket": {"bucket"}, "google_storage_managed_folder": {"bucket", "managed_folder"},
		"google_secret_manager_secret": {"secret_id"}, "google_cloud_run_v2_service": {"name"},
		"google_service_account": {"service_account_id"}, "google_artifact_registry_repository": {"repository"},
	}
	var parts []string
	for _, argument := range names[kind] {
		parts = append(parts, strings.Trim(text(r.Value, argument), "/"))
	}
	if len(parts) == 1 {
		return lastPart(parts[0])
	}
	return path.Join(parts...)
}

// right is a role that a process needs on a thing. Of several roles one is enough; an empty thing is any of the kind.
type right struct {
	roles []string
	kind  string
	thing string
}

// rights are what each process needs, as its code has it: what it publishes, reads and writes.
func rights(c contract) map[string][]right {
	all := map[string][]right{}
	writes := map[string]string{"audit": "decisions", "alert": "alerts", "label": "labels"}
	for name, p := range c.Processes {
		var needs []right
		add := func(kind, thing string, roles ...string) { needs = append(needs, right{roles, kind, thing}) }
		for _, topic := range p.Publishes {
			add("google_pubsub_topic", topic, "roles/pubsub.publisher")
		}
		for variable, v := range p.Variables {
			if v.Secret {
				add("google_secret_manager_secret", c.Secrets[variable], "roles/secretmanager.secretAccessor")
			}
		}
		if _, store := p.Variables["BIGTABLE_TABLE"]; store {
			add("google_bigtable_table", c.Store.Table, "roles/bigtable.user")
		}
		if _, models := p.Variables["MODELS_LOCATION"]; models {
			add("google_storage_bucket", "", "roles/storage.objectViewer")
		}
		if table := writes[name]; table != "" {
			add("google_bigquery_table", table, rowWriter, "roles/bigquery.dataEditor")
		}
		if _, lake := p.Variables["LAKE"]; lake {
			for table := range c.Warehouse.Tables {
				add("google_bigquery_table", table, "roles/bigquery.dataViewer")
			}
			add("google_project", "", "roles/bigquery.jobUser")
			add("google_project", "", "roles/bigquery.readSessionUser")
			add("google_storage_managed_folder", "", "roles/storage.objectUser")
		}
		all[principalOf(name)] = needs
	}
	return all
}

// rowWriter is a role of ours: to append rows to a table, and no more.
const rowWriter = "sentinelaRowWriter"

// beyond are rights that no code of ours says: principal, role and the reason.
func beyond() map[string]map[string]string {
	return map[string]map[string]string{
		"pix-export": {"roles/datacatalog.categoryFineGrainedReader": "the lake holds the tagged columns too"},
		"pix-bridge": {"roles/managedkafka.client": "where the brokers are Google's", "roles/iam.workloadIdentityUser": ""},
	}
}

// access: each process has what it needs and nothing beside, and nobody has for a project what can be had for a thing.
func (d *deployment) access() {
	have := map[string][]grant{}
	for _, g := range d.grants() {
		if strings.HasPrefix(g.member, "serviceAccount:") {
			have[accountOf(g.member)] = append(have[accountOf(g.member)], g)
		}
		if g.member == "allUsers" || g.member == "allAuthenticatedUsers" {
			d.wrong("%s: %s has %s on %s %s", g.at, g.member, g.role, g.kind, g.thing)
		}
	}
	d.projectWide()
	for principal, needs := range rights(d.contract) {
		used := make([]bool, len(have[principal]))
		for _, need := range needs {
			if !d.satisfied(need, have[principal], used) {
				d.wrong("%s needs %s on %s %s", principal, strings.Join(need.roles, " or "), need.kind, need.thing)
			}
		}
		for i, g := range have[principal] {
			if _, known := beyond()[principal][g.role]; !used[i] && !known {
				d.wrong("%s: %s has %s on %s %s, which its code has no use for", g.at, principal, g.role, g.kind, g.thing)
			}
		}
		d.cover("rights", principal)
	}
}

// satisfied finds the grants that a need asks for.
func (d *deployment) satisfied(need right, have []grant, used []bool) bool {
	found := false
	for i, g := range have {
		if g.kind == need.kind && (need.thing == "" || g.thing == need.thing) && slices.Contains(need.roles, lastRole(g.role)) {
			used[i], found = true, true
		}
	}
	return found
}

// lastRole is a role's name; of a role of ours, without the project.
func lastRole(role string) string {
	if strings.HasPrefix(role, "roles/") {
		return role
	}
	return lastPart(role)
}

// narrower are roles that can be bound to a thing, by the kind of thing: nobody has them for a project. A prefix ends in a dot.
func narrower() map[string]string {
	return map[string]string{
		"roles/pubsub.publisher": "topic", "roles/pubsub.subscriber": "subscription", "roles/pubsub.editor": "topic", "roles/pubsub.admin": "topic",
		"roles/storage.objectViewer": "bucket", "roles/storage.objectUser": "bucket", "roles/storage.objectCreator": "bucket",
		"roles/storage.objectAdmin": "bucket", "roles/storage.admin": "bucket", "roles/storage.legacyBucketReader": "bucket",
		"roles/bigtable.user": "table", "roles/bigtable.reader": "table", "roles/bigtable.admin": "instance",
		"roles/bigquery.dataViewer": "table", "roles/bigquery.dataEditor": "table", "roles/bigquery.dataOwner": "dataset",
		"roles/bigquery.metadataViewer": "dataset", "roles/bigquery.filteredDataViewer": "table", "roles/bigquery.admin": "dataset",
		"roles/secretmanager.secretAccessor": "secret", "roles/secretmanager.viewer": "secret", "roles/secretmanager.admin": "secret",
		"roles/secretmanager.secretVersionAdder": "secret", "roles/secretmanager.secretVersionManager": "secret",
		"roles/run.invoker": "service", "roles/run.admin": "service", "roles/run.developer": "service", "roles/run.viewer": "service",
		"roles/artifactregistry.reader": "repository", "roles/artifactregistry.writer": "repository", "roles/artifactregistry.admin": "repository",
		"roles/cloudkms.cryptoKeyEncrypterDecrypter": "key", "roles/cloudkms.signerVerifier": "key", "roles/cloudkms.admin": "key",
		"roles/iam.serviceAccountUser": "account", "roles/iam.serviceAccountTokenCreator": "account",
		"roles/iam.workloadIdentityUser": "account", "roles/iam.serviceAccountAdmin": "account",
		"roles/datacatalog.categoryFineGrainedReader": "policy tag", "roles/owner": "anything", "roles/editor": "anything", "roles/viewer": "anything",
	}
}

// makers may have on the project what makes and sees things that are not there yet: a role on a thing needs the thing.
func makers() []string { return []string{"pix-deployer", "pix-planner"} }

// readsContents are roles that show or change what is in a thing. Who makes things has none of them for a project.
func readsContents() []string {
	return []string{
		"roles/owner", "roles/editor", "roles/viewer", "roles/pubsub.publisher", "roles/pubsub.subscriber",
		"roles/storage.objectViewer", "roles/storage.objectUser", "roles/storage.objectAdmin", "roles/storage.objectCreator",
		"roles/bigtable.user", "roles/bigtable.reader", "roles/bigquery.dataViewer", "roles/bigquery.dataEditor",
		"roles/secretmanager.secretAccessor", "roles/cloudkms.cryptoKeyEncrypterDecrypter", "roles/run.invoker",
		"roles/iam.serviceAccountTokenCreator", "roles/iam.serviceAccountUser", "roles/datacatalog.categoryFineGrainedReader",
	}
}

// projectWide: a role on the whole project is one that no thing has.
func (d *deployment) projectWide() {
	for _, g := range d.grants() {
		if !slices.Contains([]string{"google_project", "google_folder", "google_organization"}, g.kind) {
			continue
		}
		thing, covered := narrower()[g.role]
		if slices.Contains(makers(), accountOf(g.member)) {
			covered = slices.Contains(readsContents(), g.role)
		}
		if covered {
			d.wrong("%s: %s has %s on the whole project, and it can be bound to one %s", g.at, g.member, g.role, thing)
		}
	}
}

// TestBootstrapBindsNothingProjectWide: what stands before the environments is held to the same.
func TestBootstrapBindsNothingProjectWide(t *testing.T) {
	t.Parallel()
	d := &deployment{environment: "bootstrap", contract: contractOf(t), covered: map[string]bool{}}
	made, err := plan.Work(plan.Request{
		Files: repository(), Dir: "terraform/bootstrap", Schema: providersSchema(t), Inputs: "terraform.tfvars.example",
	})
	if err != nil {
		t.Fatal(err)
	}
	d.plan = made
	d.projectWide()
	for _, problem := range d.problems {
		t.Error(problem)
	}
	if len(d.grants()) == 0 {
		t.Error("bootstrap binds no role at all: is that so?")
	}
}
