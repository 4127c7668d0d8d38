package store

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/bigtable"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// CreateSchema creates the table with its families and garbage-collection policies. An existing table is left as it is.
// Emulators and the demo use it; on Google Cloud Terraform owns the table and declares the same.
func CreateSchema(ctx context.Context, cfg Config, keep Retention, opts ...option.ClientOption) error {
	const op = "create store schema"
	if err := cfg.Validate(); err != nil {
		return pix.E(pix.Invalid, op, err)
	}
	cfg = cfg.withDefaults()
	admin, err := bigtable.NewAdminClient(ctx, cfg.ProjectID, cfg.InstanceID, opts...)
	if err != nil {
		return storeError(op, err)
	}
	families := map[string]bigtable.Family{}
	for name, kept := range Families(keep) {
		families[name] = bigtable.Family{GCPolicy: kept.policy()}
	}
	err = admin.CreateTableFromConf(ctx, &bigtable.TableConf{TableID: cfg.Table, ColumnFamilies: families})
	if status.Code(err) == codes.AlreadyExists {
		err = nil
	}
	if closeErr := admin.Close(); err == nil && closeErr != nil {
		return fmt.Errorf("close admin client: %w", closeErr)
	}
	return storeError(op, err)
}

// Lifetime says when the cells of a family leave: what is older than Age, and what Versions newer ones supersede. Zero is
// no such bound.
type Lifetime struct {
	Age      time.Duration
	Versions int
}

// policy is the lifetime as Bigtable takes it: a cell leaves when either bound is passed.
func (l Lifetime) policy() bigtable.GCPolicy {
	switch {
	case l == Lifetime{}:
		return bigtable.NoGcPolicy() // an age of zero would drop everything
	case l.Versions == 0:
		return bigtable.MaxAgePolicy(l.Age)
	case l.Age == 0:
		return bigtable.MaxVersionsPolicy(l.Versions)
	default:
		return bigtable.UnionPolicy(bigtable.MaxVersionsPolicy(l.Versions), bigtable.MaxAgePolicy(l.Age))
	}
}

// Families are the table's families, which Terraform makes too. Tiles, marks of streams and first-ever facts are superseded
// by a greater timestamp, so one version is enough.
func Families(keep Retention) map[string]Lifetime {
	keep = keep.withDefaults()
	return map[string]Lifetime{
		feature.FamilyOut:   {Age: keep.Events},
		feature.FamilyIn:    {Age: keep.Events},
		feature.FamilyUse:   {Age: keep.Events},
		familyTile:          {Age: keep.Events, Versions: 1},
		familyLate:          {Age: keep.Events, Versions: 1},
		familyHot:           {Age: keep.Events + hotRefresh, Versions: 1},
		familyMeta:          {Versions: 1},
		feature.FamilyFirst: {Versions: 1},
		feature.FamilyMark:  {Age: keep.Marks},
		familyDecision:      {Age: keep.Decisions},
		familyPending:       {Age: keep.Pending},
	}
}
