package store

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/bigtable"
	"cloud.google.com/go/bigtable/admin/apiv2/adminpb"
	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Inspector looks at the instance for people's tools: whether the schema that stands is the one that this package declares.
// Its errors carry gRPC's status.
type Inspector struct {
	cfg      Config
	tables   *bigtable.AdminClient
	instance *bigtable.InstanceAdminClient
}

// TableState is the table as it stands.
type TableState struct {
	Families map[string]Lifetime
	Odd      map[string]string // rules of families that no Lifetime can say
	Clusters map[string]string // replication's state by cluster; empty where the server does not say
}

// ProfileState is an app profile as it stands.
type ProfileState struct {
	Cluster       string // the single one that it routes to; empty: several
	Transactional bool
}

// Inspect opens an Inspector.
func Inspect(ctx context.Context, cfg Config, opts ...option.ClientOption) (*Inspector, error) {
	const op = "inspect store"
	if err := cfg.Validate(); err != nil {
		return nil, pix.E(pix.Invalid, op, err)
	}
	tables, err := bigtable.NewAdminClient(ctx, cfg.ProjectID, cfg.InstanceID, opts...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	instance, err := bigtable.NewInstanceAdminClient(ctx, cfg.ProjectID, opts...)
	if err != nil {
		_ = tables.Close()
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	return &Inspector{cfg: cfg.withDefaults(), tables: tables, instance: instance}, nil
}

// Close drops the connections.
func (i *Inspector) Close() error {
	err := i.tables.Close()
	if closeErr := i.instance.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("close inspector of the store: %w", err)
	}
	return nil
}

// Table returns what stands under the table's name.
func (i *Inspector) Table(ctx context.Context) (TableState, error) {
	name := fmt.Sprintf("projects/%s/instances/%s/tables/%s", i.cfg.ProjectID, i.cfg.InstanceID, i.cfg.Table)
	found, err := i.tables.TableAdminClientV2().GetTable(ctx, &adminpb.GetTableRequest{Name: name, View: adminpb.Table_FULL})
	if err != nil {
		return TableState{}, fmt.Errorf("look at table %s: %w", i.cfg.Table, err)
	}
	s := TableState{Families: map[string]Lifetime{}, Odd: map[string]string{}, Clusters: map[string]string{}}
	for family, f := range found.GetColumnFamilies() {
		lifetime, odd := lifetimeOf(f.GetGcRule())
		s.Families[family] = lifetime
		if odd != "" {
			s.Odd[family] = odd
		}
	}
	for cluster, c := range found.GetClusterStates() {
		s.Clusters[cluster] = c.GetReplicationState().String()
	}
	return s, nil
}

// Ready says whether a cluster's state of TableState lets it serve.
func Ready(state string) bool {
	return state == adminpb.Table_ClusterState_READY.String() || state == adminpb.Table_ClusterState_READY_OPTIMIZING.String()
}

// Profile returns what stands under an app profile's name.
func (i *Inspector) Profile(ctx context.Context, name string) (ProfileState, error) {
	p, err := i.instance.GetAppProfile(ctx, i.cfg.InstanceID, name)
	if err != nil {
		return ProfileState{}, fmt.Errorf("look at app profile %s: %w", name, err)
	}
	single := p.GetSingleClusterRouting()
	return ProfileState{Cluster: single.GetClusterId(), Transactional: single.GetAllowTransactionalWrites()}, nil
}

// Rights returns those of the permissions that the caller has on the table.
func (i *Inspector) Rights(ctx context.Context, permissions []string) ([]string, error) {
	granted, err := i.tables.TableIAM(i.cfg.Table).TestPermissions(ctx, permissions)
	if err != nil {
		return nil, fmt.Errorf("test rights on table %s: %w", i.cfg.Table, err)
	}
	return granted, nil
}

// lifetimeOf reads a rule back. What is no union of an age and a number of versions is odd.
func lifetimeOf(rule *adminpb.GcRule) (l Lifetime, odd string) {
	switch r := rule.GetRule().(type) {
	case nil:
	case *adminpb.GcRule_MaxAge:
		l.Age = r.MaxAge.AsDuration()
	case *adminpb.GcRule_MaxNumVersions:
		l.Versions = int(r.MaxNumVersions)
	case *adminpb.GcRule_Union_:
		for _, part := range r.Union.GetRules() {
			p, strange := lifetimeOf(part)
			l.Age, l.Versions, odd = sooner(l.Age, p.Age), sooner(l.Versions, p.Versions), odd+strange
		}
	default:
		odd = rule.String()
	}
	return l, odd
}

// sooner is the lesser of two bounds, of which 0 is none.
func sooner[T int | time.Duration](a, b T) T {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
