package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

const (
	bigtableAPI = "bigtableadmin.googleapis.com"
	bigqueryAPI = "bigquery.googleapis.com"
)

func (m *machine) openStore(ctx context.Context) (*store.Inspector, error) {
	options, err := m.options(bigtableEmulator)
	if err != nil {
		return nil, err
	}
	return store.Inspect(ctx, store.Config{ProjectID: m.project, InstanceID: m.instance}, options...)
}

// tables compares the feature store with its schema, and looks at how it is reached.
func tables(ctx context.Context, m *machine) []finding {
	if m.project == "" {
		return nil
	}
	inspector, err := m.openStore(ctx)
	if err != nil {
		return []finding{m.failed("table", "", bigtableAPI, err)}
	}
	defer func() { _ = inspector.Close() }()
	return m.ask(ctx, []question{
		{"table", func(ctx context.Context) []finding { return m.lookTable(ctx, inspector) }},
		{"app profile", func(ctx context.Context) []finding { return m.lookProfile(ctx, inspector) }},
	})
}

func (m *machine) lookTable(ctx context.Context, inspector *store.Inspector) []finding {
	found, err := inspector.Table(ctx)
	if err != nil {
		return []finding{m.failed("table", m.terraform(bigtableModule), bigtableAPI, err)}
	}
	list := []finding{ok("table", "%s exists in instance %s", store.DefaultTable, m.instance)}
	want := store.Families(store.Retention{})
	for _, name := range slices.Sorted(maps.Keys(want)) {
		check := "family " + name
		l, there := found.Families[name]
		switch {
		case !there:
			list = append(list, missing(check, m.terraform(bigtableModule), "does not exist: writes to it fail"))
		case found.Odd[name] != "":
			list = append(list, wrong(check, m.terraform(bigtableModule), "its cells leave by the rule %s, not by %s", found.Odd[name], told(want[name])))
		case l != want[name]:
			list = append(list, wrong(check, m.terraform(bigtableModule), "its cells leave by %s, not by %s", told(l), told(want[name])))
		default:
			list = append(list, ok(check, "its cells leave by %s", told(l)))
		}
	}
	return append(list, replication(found.Clusters, m.emulated(bigtableEmulator)))
}

// told is a rule in words.
func told(l store.Lifetime) string {
	var parts []string
	if l.Age > 0 {
		parts = append(parts, fmt.Sprintf("age above %s", span(l.Age)))
	}
	if l.Versions > 0 {
		parts = append(parts, fmt.Sprintf("versions above %d", l.Versions))
	}
	if parts == nil {
		return "no rule"
	}
	return strings.Join(parts, " or ")
}

func replication(clusters map[string]string, emulated bool) finding {
	const check = "replication"
	if emulated {
		return unknown(check, "the emulator has no clusters")
	}
	if len(clusters) == 0 {
		return unknown(check, "the state of its clusters is not told")
	}
	names := slices.Sorted(maps.Keys(clusters))
	for _, name := range names {
		if state := clusters[name]; !store.Ready(state) {
			return wrong(check, "wait until it is copied, or gcloud bigtable clusters list", "cluster %s is %s", name, state)
		}
	}
	return ok(check, "serves from %s", strings.Join(names, ", "))
}

func (m *machine) lookProfile(ctx context.Context, inspector *store.Inspector) []finding {
	const check = "app profile"
	if m.emulated(bigtableEmulator) {
		return []finding{unknown(check, "the emulator has none")}
	}
	found, err := inspector.Profile(ctx, m.profile)
	if err != nil {
		return []finding{m.failed(check, m.terraform(bigtableModule), bigtableAPI, err)}
	}
	if found.Cluster == "" || !found.Transactional {
		mend := fmt.Sprintf("gcloud bigtable app-profiles update %s --project %s --instance %s --route-to CLUSTER --transactional-writes", m.profile, m.project, m.instance)
		return []finding{wrong(check, mend, "%s must route to one cluster and take conditional writes: a decision is committed by one", m.profile)}
	}
	return []finding{ok(check, "%s routes to %s and takes conditional writes", m.profile, found.Cluster)}
}

func (m *machine) openReader(ctx context.Context) (*warehouse.Reader, error) {
	options, err := m.options(bigqueryEmulator)
	if err != nil {
		return nil, err
	}
	return warehouse.OpenReader(ctx, warehouse.Config{ProjectID: m.project, Dataset: m.dataset}, options...)
}

// relations compares the dataset's tables and views with their schema files.
func relations(ctx context.Context, m *machine) []finding {
	if m.project == "" {
		return nil
	}
	reader, err := m.openReader(ctx)
	if err != nil {
		return []finding{m.failed("dataset", "", bigqueryAPI, err)}
	}
	defer func() { _ = reader.Close() }()
	list := []question{{"dataset", func(ctx context.Context) []finding { return m.lookDataset(ctx, reader) }}}
	for _, name := range append(warehouse.Tables(), warehouse.Views()...) {
		check := "relation " + name
		list = append(list, question{check, func(ctx context.Context) (found []finding) {
			differences, err := reader.Compare(ctx, name)
			if err != nil {
				return []finding{m.failed(check, m.terraform(bigqueryModule), bigqueryAPI, err)}
			}
			for _, d := range differences {
				found = append(found, wrong(check, m.terraform(bigqueryModule), "%s", d))
			}
			if found == nil {
				found = []finding{ok(check, "is as declared")}
			}
			return found
		}})
	}
	return m.ask(ctx, list)
}

func (m *machine) lookDataset(ctx context.Context, reader *warehouse.Reader) []finding {
	const check = "dataset"
	location, err := reader.Location(ctx)
	switch {
	case err != nil:
		return []finding{m.failed(check, m.terraform(bigqueryModule), bigqueryAPI, err)}
	case m.emulated(bigqueryEmulator):
		return []finding{ok(check, "%s exists", m.dataset)}
	case !strings.EqualFold(location, m.region):
		return []finding{wrong(check, "give the region that is meant with -region; a dataset never moves: make another and copy it with bq mk --transfer_config",
			"%s lies in %s, not in %s", m.dataset, location, m.region)}
	default:
		return []finding{ok(check, "%s lies in %s", m.dataset, location)}
	}
}
