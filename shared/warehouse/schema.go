package warehouse

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/http"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/managedwriter/adapt"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

//go:embed schema
var files embed.FS

// The tables of the dataset. Each has a file schema/<table>.json and a view schema/<table>_latest.sql without repeated
// rows.
const (
	// DecisionsTable is the table of decisions, which the export counts.
	DecisionsTable = "decisions"
	alertsTable    = "alerts"
	labelsTable    = "labels"
)

// Layout is how the rows of a table lie: in partitions by the day of a column, which every query must name, and within a
// day sorted by what investigations filter on.
type Layout struct {
	Partition string
	Clustered []string
}

// Layouts are those of every table. Terraform makes the same.
func Layouts() map[string]Layout {
	const day = "event_time"
	return map[string]Layout{
		DecisionsTable: {Partition: day, Clustered: []string{"outcome", "payee_account", "payer_account", "end_to_end_id"}},
		alertsTable:    {Partition: day, Clustered: []string{"outcome", "payee_account", "payer_account", "end_to_end_id"}},
		labelsTable:    {Partition: day, Clustered: []string{"end_to_end_id"}},
	}
}

// Schema returns the schema of a table from its file, which Terraform reads too; of a view the columns that it adds.
func Schema(table string) (bigquery.Schema, error) {
	data, err := files.ReadFile("schema/" + table + ".json")
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	schema, err := bigquery.SchemaFromJSON(data)
	if err != nil {
		return nil, fmt.Errorf("parse schema of %s: %w", table, err)
	}
	return schema, nil
}

// describe derives the protobuf descriptor of a row: field n is the schema's n-th column.
func describe(table string, schema bigquery.Schema) (*descriptorpb.DescriptorProto, error) {
	stored, err := adapt.BQSchemaToStorageTableSchema(schema)
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", table, err)
	}
	found, err := adapt.StorageSchemaToProto2Descriptor(stored, table)
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", table, err)
	}
	message, ok := found.(protoreflect.MessageDescriptor)
	if !ok {
		return nil, fmt.Errorf("describe %s: %T is no message", table, found)
	}
	descriptor, err := adapt.NormalizeDescriptor(message)
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", table, err)
	}
	return descriptor, nil
}

// EnsureSchema creates the dataset, its tables and its views where they are missing. Terraform owns them in production;
// this is for the demo, for tests and for a first look at a project of one's own. What exists is left as it is. Options
// are those of the BigQuery REST client.
func EnsureSchema(ctx context.Context, cfg Config, opts ...option.ClientOption) (err error) {
	client, err := bigquery.NewClient(ctx, cfg.ProjectID, opts...)
	if err != nil {
		return fmt.Errorf("ensure schema: %w", err)
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	dataset := client.Dataset(cfg.Dataset)
	_, err = dataset.Metadata(ctx)
	err = createMissing(err, func() error {
		return dataset.Create(ctx, &bigquery.DatasetMetadata{Description: "Sentinela: decisions on Pix payments, alerts and labels"})
	})
	if err != nil {
		return fmt.Errorf("ensure dataset %s: %w", cfg.Dataset, err)
	}
	for _, name := range []string{DecisionsTable, alertsTable, labelsTable} {
		if err := ensureTable(ctx, dataset, name); err != nil {
			return err
		}
	}
	for _, v := range views() {
		if err := v.ensure(ctx, dataset); err != nil {
			return err
		}
	}
	return nil
}

func ensureTable(ctx context.Context, dataset *bigquery.Dataset, name string) error {
	schema, err := Schema(name)
	if err != nil {
		return err
	}
	lies := Layouts()[name]
	err = ensure(ctx, dataset.Table(name), &bigquery.TableMetadata{
		Schema:                 schema,
		TimePartitioning:       &bigquery.TimePartitioning{Type: bigquery.DayPartitioningType, Field: lies.Partition},
		RequirePartitionFilter: true,
		Clustering:             &bigquery.Clustering{Fields: lies.Clustered},
	})
	if err != nil {
		return fmt.Errorf("ensure table %s: %w", name, err)
	}
	return nil
}

func ensure(ctx context.Context, table *bigquery.Table, md *bigquery.TableMetadata) error {
	_, err := table.Metadata(ctx)
	return createMissing(err, func() error { return table.Create(ctx, md) })
}

// createMissing creates a thing whose look-up ended in lookup. Another process may create it in between.
func createMissing(lookup error, create func() error) error {
	if !hasStatus(lookup, http.StatusNotFound) {
		return lookup
	}
	if err := create(); !hasStatus(err, http.StatusConflict) {
		return err
	}
	return nil
}

func hasStatus(err error, code int) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && e.Code == code
}
