package doctor

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// need is what somebody must be allowed on one resource.
type need struct {
	kind        string // topic, subscription, table, relation, bucket or project
	name        string
	permissions []string
}

// Permissions by what they are for.
func publishing() []string { return []string{"pubsub.topics.publish"} }
func consuming() []string  { return []string{"pubsub.subscriptions.consume"} }
func deciding() []string {
	return []string{"bigtable.tables.readRows", "bigtable.tables.mutateRows"}
}
func reading() []string  { return []string{"storage.objects.get", "storage.objects.list"} }
func querying() []string { return []string{"bigquery.tables.get", "bigquery.tables.getData"} }
func writing() []string  { return []string{"bigquery.tables.get", "bigquery.tables.updateData"} }
func delivering() []string {
	return []string{"storage.objects.create", "storage.objects.delete", "storage.objects.get", "storage.objects.list"}
}

// workloads are the service accounts whose rights can be tested, by what follows "pix-" in their names.
func workloads() []string {
	return []string{"score", "scorer", "audit", "alert", "label", "export", "bridge", "desk"}
}

// needs lists what a workload does to the project's resources. Whom it publishes to follows from the table of topics.
func (m *machine) needs(workload string) (list []need) {
	publisher := map[string]string{"scorer": "score", "bridge": "kafka-bridge", "desk": "fraud desk"}[workload]
	if publisher == "" {
		publisher = workload
	}
	for _, t := range event.Topics() {
		if slices.Contains(t.Publishers, publisher) {
			list = append(list, need{"topic", t.Name, publishing()})
		}
	}
	table := need{"table", store.DefaultTable, deciding()}
	switch workload {
	case "score", "scorer":
		list = append(list, table, need{"bucket", m.models, reading()})
	case "audit":
		list = append(list, need{"relation", "decisions", writing()})
	case "alert":
		list = append(list, need{"relation", "alerts", writing()})
	case "label":
		list = append(list, table, need{"relation", "labels", writing()})
	case "export":
		for _, name := range warehouse.Tables() {
			list = append(list, need{"relation", name, querying()})
		}
		list = append(list, need{"bucket", m.lake, delivering()}, need{"project", m.project, []string{"bigquery.readsessions.create"}})
	case "desk":
		list = append(list, m.deskNeeds()...)
	}
	return list
}

// deskNeeds is what people's tools do: explain reads a decision, dlq reads letters and publishes them again, model reads
// what is in force, and investigations query.
func (m *machine) deskNeeds() []need {
	list := []need{
		{"topic", event.TopicTransactions, publishing()},
		{"subscription", event.SubscriptionDesk, consuming()},
		{"table", store.DefaultTable, []string{"bigtable.tables.readRows"}},
		{"bucket", m.models, reading()},
		{"project", m.project, []string{"bigquery.jobs.create"}},
	}
	for _, name := range append(warehouse.Tables(), warehouse.Views()...) {
		list = append(list, need{"relation", name, querying()})
	}
	return list
}

const projectAPI = "cloudresourcemanager.googleapis.com"

// tester asks which of some permissions the caller has on one kind of resource.
type tester struct {
	emulator string // its variable
	api      string
	test     func(ctx context.Context, name string, permissions []string) ([]string, error)
}

// rights asks Google what the caller, or a workload, may do.
func rights(ctx context.Context, m *machine) []finding {
	if m.project == "" {
		return nil
	}
	who := command.First(m.workload, "desk")
	testers, stop, err := m.testers(ctx)
	if err != nil {
		return []finding{m.failed("rights", "", pubsubAPI, err)}
	}
	defer stop()
	var list []question
	blind := map[string]bool{}
	for _, n := range m.needs(who) {
		t := testers[n.kind]
		if m.emulated(t.emulator) {
			blind[n.kind] = true
			continue
		}
		check := fmt.Sprintf("%s on %s %s", who, n.kind, n.name)
		list = append(list, question{check, func(ctx context.Context) []finding {
			return []finding{m.lookRights(ctx, check, n, t)}
		}})
	}
	found := m.ask(ctx, list)
	for _, kind := range slices.Sorted(maps.Keys(blind)) {
		found = append(found, unknown(fmt.Sprintf("%s on every %s", who, kind), "the emulator knows no rights"))
	}
	return found
}

func (m *machine) lookRights(ctx context.Context, check string, n need, t tester) finding {
	granted, err := t.test(ctx, n.name, n.permissions)
	if err != nil {
		return m.failed(check, "make the "+n.kind+" first, as its own line says", t.api, err)
	}
	var lacking []string
	for _, p := range n.permissions {
		if !slices.Contains(granted, p) {
			lacking = append(lacking, p)
		}
	}
	if lacking != nil {
		return missing(check, m.terraform(grantsModule), "without %s", strings.Join(lacking, ", "))
	}
	return ok(check, "%s", strings.Join(n.permissions, ", "))
}

// testers opens the clients of every kind of resource.
func (m *machine) testers(ctx context.Context) (all map[string]tester, stop func(), err error) {
	b, stopBus, err := m.openBus(ctx)
	if err != nil {
		return nil, nil, err
	}
	inspector, err := m.openStore(ctx)
	if err != nil {
		stopBus()
		return nil, nil, err
	}
	reader, err := m.openReader(ctx)
	if err != nil {
		stopBus()
		_ = inspector.Close()
		return nil, nil, err
	}
	objects, err := m.site(ctx, storageSite)
	var projects site
	if err == nil && !m.emulated(bigqueryEmulator) {
		projects, err = m.site(ctx, projectSite)
	}
	stop = func() {
		stopBus()
		_ = inspector.Close()
		_ = reader.Close()
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	table := func(ctx context.Context, _ string, permissions []string) ([]string, error) {
		return inspector.Rights(ctx, permissions)
	}
	return map[string]tester{
		"topic":        {pubsubEmulator, pubsubAPI, b.TopicRights},
		"subscription": {pubsubEmulator, pubsubAPI, b.SubscriptionRights},
		"table":        {bigtableEmulator, bigtableAPI, table},
		"relation":     {bigqueryEmulator, bigqueryAPI, reader.Rights},
		"bucket":       {storageEmulator, storageAPI, objects.bucketRights},
		"project":      {bigqueryEmulator, projectAPI, projects.projectRights},
	}, stop, nil
}

// bucketRights returns those of the permissions that the caller has on a bucket.
func (s site) bucketRights(ctx context.Context, name string, permissions []string) ([]string, error) {
	var answer struct {
		Permissions []string `json:"permissions"`
	}
	query := url.Values{"permissions": permissions}
	err := s.get(ctx, "/storage/v1/b/"+url.PathEscape(name)+"/iam/testPermissions?"+query.Encode(), &answer)
	return answer.Permissions, err
}

// projectRights returns those of the permissions that the caller has on a project.
func (s site) projectRights(ctx context.Context, name string, permissions []string) ([]string, error) {
	var answer struct {
		Permissions []string `json:"permissions"`
	}
	err := s.post(ctx, "/v1/projects/"+url.PathEscape(name)+":testIamPermissions", map[string][]string{"permissions": permissions}, &answer)
	return answer.Permissions, err
}
