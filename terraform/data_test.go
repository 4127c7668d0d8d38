package terraform_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/terraform/internal/plan"
)

// bus compares topics and subscriptions.
func (d *deployment) bus() {
	topics, subscriptions := d.named("google_pubsub_topic", "name"), d.named("google_pubsub_subscription", "name")
	var names, readers []string
	for _, topic := range d.topics {
		names = append(names, topic.Name)
		if made := topics[topic.Name]; made != nil {
			if at(made.Value, "schema_settings", 0) != cty.NilVal {
				d.wrong("%s: a topic carries messages of several types and has no schema", made.At)
			}
			d.cover("topic", topic.Name)
		}
		for _, s := range topic.Subscriptions {
			readers = append(readers, s.Name)
			if made := subscriptions[s.Name]; made != nil {
				d.subscription(made, topic.Name, s)
				d.cover("subscription", s.Name)
			}
		}
	}
	d.same("topic", names, sorted(topics))
	d.same("subscription", readers, sorted(subscriptions))
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// equal compares one argument.
func (d *deployment) equal(r *plan.Resource, what, made, code string) {
	if made != code {
		d.wrong("%s: %s of %s is %q, and %q in the code", r.At, what, r.Address, made, code)
	}
}

func (d *deployment) subscription(r *plan.Resource, topic string, s event.Subscription) {
	d.equal(r, "topic", lastPart(text(r.Value, "topic")), topic)
	d.equal(r, "filter", text(r.Value, "filter"), s.Filter)
	d.equal(r, "ack_deadline_seconds", text(r.Value, "ack_deadline_seconds"), seconds10(s.AckDeadline))
	d.equal(r, "message_retention_duration", text(r.Value, "message_retention_duration"), seconds10(s.Retention)+"s")
	if at(r.Value, "dead_letter_policy", 0) != cty.NilVal {
		d.wrong("%s: %s has a dead-letter policy, which forwards messages as they came", r.At, r.Address)
	}
	if at(r.Value, "expiration_policy", 0) == cty.NilVal || text(r.Value, "expiration_policy", 0, "ttl") != "" {
		d.wrong("%s: %s is deleted when nobody reads it for a month: ttl must be empty", r.At, r.Address)
	}
	if text(r.Value, "enable_message_ordering") == "true" || text(r.Value, "enable_exactly_once_delivery") == "true" {
		d.wrong("%s: %s asks for what a push subscription does not need", r.At, r.Address)
	}
	endpoint := text(r.Value, "push_config", 0, "push_endpoint")
	if s.Function == "" {
		d.equal(r, "push_endpoint", endpoint, "")
		return
	}
	if !strings.HasSuffix(endpoint, event.PushPath) || !strings.HasPrefix(endpoint, "https://") {
		d.wrong("%s: %s pushes to %s, and the code listens at %s", r.At, r.Address, endpoint, event.PushPath)
	}
	if !strings.HasPrefix(lastPart(text(r.Value, "push_config", 0, "oidc_token", 0, "service_account_email")), "push-"+s.Function+"@") {
		d.wrong("%s: %s pushes without a token of push-%s", r.At, r.Address, s.Function)
	}
	if at(r.Value, "push_config", 0, "no_wrapper", 0) != cty.NilVal {
		d.wrong("%s: %s pushes without the wrapper that the functions read", r.At, r.Address)
	}
	if at(r.Value, "retry_policy", 0) == cty.NilVal {
		d.wrong("%s: %s retries at once, without end", r.At, r.Address)
	}
}

func seconds10(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// store compares the table, its families and how cells leave.
func (d *deployment) store() {
	tables := d.named("google_bigtable_table", "name")
	d.same("Bigtable table", []string{d.contract.Store.Table}, sorted(tables))
	table := tables[d.contract.Store.Table]
	if table == nil {
		return
	}
	d.cover("store", d.contract.Store.Table)
	var families []string
	for _, family := range items(table.Value, "column_family") {
		families = append(families, text(family, "family"))
	}
	d.same("family", sorted(d.contract.Store.Families), families)
	policies := d.named("google_bigtable_gc_policy", "column_family")
	d.same("garbage collection of family", sorted(d.contract.Store.Families), sorted(policies))
	for name, code := range d.contract.Store.Families {
		if made := policies[name]; made != nil && slices.Contains(families, name) {
			d.lifetime(made, code)
			d.cover("family", name)
		}
	}
	for _, profile := range d.of("google_bigtable_app_profile") {
		if text(profile.Value, "single_cluster_routing", 0, "allow_transactional_writes") != "true" {
			d.wrong("%s: conditional writes need single_cluster_routing with allow_transactional_writes", profile.At)
		}
		d.cover("store", "app profile")
	}
	for range d.of("google_bigtable_instance") {
		d.cover("store", "instance")
	}
}

// lifetime compares a family's garbage collection.
func (d *deployment) lifetime(r *plan.Resource, code familyContract) {
	age, versions := "", ""
	if code.MaxAge > 0 {
		age = fmt.Sprintf("%ds", code.MaxAge)
	}
	if code.MaxVersions > 0 {
		versions = strconv.Itoa(code.MaxVersions)
	}
	d.equal(r, "max_age", text(r.Value, "max_age", 0, "duration"), age)
	d.equal(r, "max_version", text(r.Value, "max_version", 0, "number"), versions)
	d.equal(r, "mode", text(r.Value, "mode"), code.Mode)
	d.equal(r, "gc_rules", text(r.Value, "gc_rules"), "")
}

// warehouse compares the dataset, its tables with their columns, and its views.
func (d *deployment) warehouse() {
	datasets := d.named("google_bigquery_dataset", "dataset_id")
	if made := datasets[d.contract.Processes["audit"].Variables["DATASET"].Default]; made != nil {
		d.cover("warehouse", "dataset")
	}
	made := d.named("google_bigquery_table", "table_id")
	var tables, views []string
	for name, r := range made {
		if at(r.Value, "view", 0) != cty.NilVal {
			views = append(views, name)
			continue
		}
		tables = append(tables, name)
	}
	d.same("table", sorted(d.contract.Warehouse.Tables), tables)
	d.same("view", sorted(d.contract.Warehouse.Views), views)
	for name, code := range d.contract.Warehouse.Tables {
		if r := made[name]; r != nil && slices.Contains(tables, name) {
			d.table(r, name, code)
			d.cover("table", name)
		}
	}
	for name := range d.contract.Warehouse.Views {
		if r := made[name]; r != nil && slices.Contains(views, name) {
			query := strings.ReplaceAll(schemaFile(name+".sql"), "${dataset}", text(r.Value, "project")+"."+text(r.Value, "dataset_id"))
			if diff := cmp.Diff(query, text(r.Value, "view", 0, "query")); diff != "" {
				d.wrong("%s: the query of view %s is not that of shared/warehouse (-code +made):\n%s", r.At, name, diff)
			}
			d.equal(r, "use_legacy_sql", text(r.Value, "view", 0, "use_legacy_sql"), "false")
			d.cover("view", name)
		}
	}
}

// schemaFile is a file of the warehouse's schema; empty where there is none, which agrees with nothing.
func schemaFile(name string) string {
	data, err := os.ReadFile(filepath.Join(root, "shared/warehouse/schema", name))
	if err != nil {
		return ""
	}
	return string(data)
}

func (d *deployment) table(r *plan.Resource, name string, code tableContract) {
	if _, known := d.named("google_bigquery_dataset", "dataset_id")[text(r.Value, "dataset_id")]; !known {
		d.wrong("%s: table %s is in no dataset that is made", r.At, name)
	}
	d.equal(r, "time_partitioning.field", text(r.Value, "time_partitioning", 0, "field"), code.PartitionField)
	d.equal(r, "time_partitioning.type", text(r.Value, "time_partitioning", 0, "type"), "DAY")
	d.equal(r, "require_partition_filter", text(r.Value, "require_partition_filter"), strconv.FormatBool(code.RequirePartitionFilter))
	d.equal(r, "clustering", strings.Join(texts(r.Value, "clustering"), ","), strings.Join(code.Clustering, ","))
	want, err := columnsOf(schemaFile(name + ".json"))
	if err != nil {
		d.wrong("%s.json: %v", name, err)
	}
	got, err := columnsOf(text(r.Value, "schema"))
	if err != nil {
		d.wrong("%s: the schema of %s: %v", r.At, name, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		d.wrong("%s: the columns of %s are not those of the code (-code +made):\n%s", r.At, name, diff)
	}
}

// secrets compares the names in Secret Manager.
func (d *deployment) secrets() {
	made := d.named("google_secret_manager_secret", "secret_id")
	var code []string
	for _, name := range d.contract.Secrets {
		code = append(code, name)
		if made[name] != nil {
			d.cover("secret", name)
		}
	}
	d.same("secret", code, sorted(made))
}
