package doctor

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// need is what somebody must be allowed on one resource.
type need struct {
	kind        string // topic, subscription, table, relation, bucket, folder, secret, account or project
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
	for _, s := range known() {
		if workload == "bridge" || s.name != kafkaPassword && (workload == "score" || workload == "scorer") {
			list = append(list, need{"secret", s.name, []string{"secretmanager.versions.access"}})
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
		list = append(list, need{"folder", m.lake + "/exports", delivering()}, need{"project", m.project, []string{"bigquery.jobs.create", "bigquery.readsessions.create"}})
	case "desk":
		list = append(list, deskNeeds()...)
	}
	return list
}

// deskNeeds is what pixctl does with the desk's account: explain reads a decision, dlq reads letters and publishes what they
// carried again.
func deskNeeds() []need {
	list := []need{
		{"subscription", event.SubscriptionDesk, consuming()},
		{"table", store.DefaultTable, []string{"bigtable.tables.readRows"}},
	}
	for _, t := range event.Topics() {
		feeds := func(s event.Subscription) bool { return s.DeadLetters != "" }
		if slices.ContainsFunc(t.Subscriptions, feeds) && !slices.Contains(t.Publishers, "fraud desk") {
			list = append(list, need{"topic", t.Name, publishing()})
		}
	}
	return list
}

// personNeeds is what a person of the desk is allowed: to act as the desk's account, and to query.
func (m *machine) personNeeds() []need {
	list := []need{
		{"account", fmt.Sprintf("pix-desk@%s.iam.gserviceaccount.com", m.project), []string{"iam.serviceAccounts.getAccessToken"}},
		{"project", m.project, []string{"bigquery.jobs.create"}},
	}
	for _, name := range append(warehouse.Tables(), warehouse.Views()...) {
		list = append(list, need{"relation", name, querying()})
	}
	return list
}

// tester asks which of some permissions the caller has on one kind of resource.
type tester struct {
	emulator string // its variable
	api      string
	module   string // of Terraform, that grants it
	test     func(ctx context.Context, name string, permissions []string) ([]string, error)
}

// rights asks Google what the caller, or a workload, may do.
func rights(ctx context.Context, m *machine) []finding {
	if m.project == "" {
		return nil
	}
	who, needs := m.workload, m.needs(m.workload)
	if who == "" {
		who, needs = "caller", m.personNeeds()
	}
	testers, stop, err := m.testers(ctx)
	if err != nil {
		return []finding{m.failed("rights", "", pubsubAPI, err)}
	}
	defer stop()
	var list []question
	blind := map[string]bool{}
	for _, n := range needs {
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
		return missing(check, m.terraform(t.module), "without %s", strings.Join(lacking, ", "))
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
	sites, err := m.sites(ctx)
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
		"topic":        {pubsubEmulator, pubsubAPI, dataGrants, b.TopicRights},
		"subscription": {pubsubEmulator, pubsubAPI, dataGrants, b.SubscriptionRights},
		"table":        {bigtableEmulator, bigtableAPI, dataGrants, table},
		"relation":     {bigqueryEmulator, bigqueryAPI, dataGrants, reader.Rights},
		"bucket":       {storageEmulator, storageAPI, dataGrants, sites[storageSite].bucketRights},
		"folder":       {storageEmulator, storageAPI, dataGrants, sites[storageSite].folderRights},
		"secret":       {bigqueryEmulator, secretsAPI, secretGrants, sites[secretsSite].secretRights(m.project)},
		"project":      {bigqueryEmulator, "cloudresourcemanager.googleapis.com", dataGrants, sites[projectSite].projectRights},
		"account":      {bigqueryEmulator, "iam.googleapis.com", accountGrants, sites[accountSite].accountRights},
	}, stop, nil
}

// sites are those whose rights are asked for over HTTP. What no emulator stands in for is left out with BigQuery's.
func (m *machine) sites(ctx context.Context) (all map[string]site, err error) {
	all = map[string]site{}
	for _, google := range []string{storageSite, projectSite, accountSite, secretsSite} {
		if google != storageSite && m.emulated(bigqueryEmulator) {
			continue
		}
		if all[google], err = m.site(ctx, google); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// granted is how Google answers a question for rights.
type granted struct {
	Permissions []string `json:"permissions"`
}

// bucketRights returns those of the permissions that the caller has on a bucket.
func (s site) bucketRights(ctx context.Context, name string, permissions []string) ([]string, error) {
	return s.storageRights(ctx, url.PathEscape(name), permissions)
}

// folderRights returns those of the permissions that the caller has on a managed folder, bucket/folder.
func (s site) folderRights(ctx context.Context, name string, permissions []string) ([]string, error) {
	bucket, folder, _ := strings.Cut(name, "/")
	return s.storageRights(ctx, url.PathEscape(bucket)+"/managedFolders/"+url.PathEscape(folder+"/"), permissions)
}

func (s site) storageRights(ctx context.Context, at string, permissions []string) ([]string, error) {
	var answer granted
	query := url.Values{"permissions": permissions}
	err := s.get(ctx, "/storage/v1/b/"+at+"/iam/testPermissions?"+query.Encode(), &answer)
	return answer.Permissions, err
}

// projectRights returns those of the permissions that the caller has on a project.
func (s site) projectRights(ctx context.Context, name string, permissions []string) ([]string, error) {
	return s.postedRights(ctx, "/v1/projects/"+url.PathEscape(name), permissions)
}

// secretRights returns those of the permissions that the caller has on a secret of a project.
func (s site) secretRights(project string) func(context.Context, string, []string) ([]string, error) {
	return func(ctx context.Context, name string, permissions []string) ([]string, error) {
		return s.postedRights(ctx, "/v1/projects/"+url.PathEscape(project)+"/secrets/"+url.PathEscape(name), permissions)
	}
}

// accountRights returns those of the permissions that the caller has on a service account.
func (s site) accountRights(ctx context.Context, name string, permissions []string) ([]string, error) {
	return s.postedRights(ctx, "/v1/projects/-/serviceAccounts/"+url.PathEscape(name), permissions)
}

func (s site) postedRights(ctx context.Context, at string, permissions []string) ([]string, error) {
	var answer granted
	err := s.post(ctx, at+":testIamPermissions", map[string][]string{"permissions": permissions}, &answer)
	return answer.Permissions, err
}
