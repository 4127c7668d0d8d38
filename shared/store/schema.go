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
	cfg, keep = cfg.withDefaults(), keep.withDefaults()
	admin, err := bigtable.NewAdminClient(ctx, cfg.ProjectID, cfg.InstanceID, opts...)
	if err != nil {
		return storeError(op, err)
	}
	families := map[string]bigtable.Family{}
	for name, age := range map[string]time.Duration{
		feature.FamilyOut: keep.Events, feature.FamilyIn: keep.Events, feature.FamilyUse: keep.Events,
		familyDecision: keep.Decisions, familyPending: keep.Pending,
	} {
		families[name] = bigtable.Family{GCPolicy: bigtable.MaxAgePolicy(age)}
	}
	families[feature.FamilyFirst] = bigtable.Family{GCPolicy: bigtable.MaxVersionsPolicy(1)}
	families[feature.FamilyMark] = bigtable.Family{GCPolicy: bigtable.MaxAgePolicy(feature.MarkRetention)}
	err = admin.CreateTableFromConf(ctx, &bigtable.TableConf{TableID: cfg.Table, ColumnFamilies: families})
	if status.Code(err) == codes.AlreadyExists {
		err = nil
	}
	if closeErr := admin.Close(); err == nil && closeErr != nil {
		return fmt.Errorf("close admin client: %w", closeErr)
	}
	return storeError(op, err)
}
