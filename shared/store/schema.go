package store

import (
	"context"
	"fmt"

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
	cfg, keep = cfg.withDefaults(), keep.withDefaults()
	admin, err := bigtable.NewAdminClient(ctx, cfg.ProjectID, cfg.InstanceID, opts...)
	if err != nil {
		return storeError(op, err)
	}
	families := map[string]bigtable.Family{}
	for name, policy := range policies(keep) {
		families[name] = bigtable.Family{GCPolicy: policy}
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

// policies says how cells of each family leave. Tiles, marks of streams and first-ever facts are superseded by a
// greater timestamp, so one version is enough.
func policies(keep Retention) map[string]bigtable.GCPolicy {
	newest := bigtable.MaxVersionsPolicy(1)
	return map[string]bigtable.GCPolicy{
		feature.FamilyOut:   bigtable.MaxAgePolicy(keep.Events),
		feature.FamilyIn:    bigtable.MaxAgePolicy(keep.Events),
		feature.FamilyUse:   bigtable.MaxAgePolicy(keep.Events),
		familyTile:          bigtable.UnionPolicy(newest, bigtable.MaxAgePolicy(keep.Events)),
		familyLate:          bigtable.UnionPolicy(newest, bigtable.MaxAgePolicy(keep.Events)),
		familyHot:           bigtable.UnionPolicy(newest, bigtable.MaxAgePolicy(keep.Events+hotRefresh)),
		familyMeta:          newest,
		feature.FamilyFirst: newest,
		feature.FamilyMark:  bigtable.MaxAgePolicy(keep.Marks),
		familyDecision:      bigtable.MaxAgePolicy(keep.Decisions),
		familyPending:       bigtable.MaxAgePolicy(keep.Pending),
	}
}
