package warehouse

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/bigquery"
)

// view is a query by name, schema/<name>.sql. Its columns are those of a table, and those that schema/<name>.json adds.
type view struct {
	name string
	of   string // the table; empty when all columns are the view's own
}

// views lists the views in the order in which they build on one another.
func views() []view {
	return []view{
		{DecisionsTable + "_latest", DecisionsTable},
		{alertsTable + "_latest", alertsTable},
		{labelsTable + "_latest", labelsTable},
		{"model_divergence", ""},
	}
}

// Views returns the views' names, each after those that its query reads.
func Views() []string {
	var names []string
	for _, v := range views() {
		names = append(names, v.name)
	}
	return names
}

// schema returns the view's columns with their descriptions.
func (v view) schema() (bigquery.Schema, error) {
	added, err := Schema(v.name)
	if err != nil || v.of == "" {
		return added, err
	}
	columns, err := Schema(v.of)
	if err != nil {
		return nil, err
	}
	return append(columns, added...), nil
}

// query is the view's SQL over the tables of a dataset, "project.dataset".
func (v view) query(dataset string) (string, error) {
	text, err := files.ReadFile("schema/" + v.name + ".sql")
	if err != nil {
		return "", fmt.Errorf("read query: %w", err)
	}
	return strings.ReplaceAll(string(text), "${dataset}", dataset), nil
}

// ensure creates the view where it is missing and says what its columns are: BigQuery derives a view's columns from its
// query and takes their descriptions in a second step only.
func (v view) ensure(ctx context.Context, dataset *bigquery.Dataset) error {
	query, err := v.query(dataset.ProjectID + "." + dataset.DatasetID)
	if err != nil {
		return fmt.Errorf("ensure view %s: %w", v.name, err)
	}
	table := dataset.Table(v.name)
	if err := ensure(ctx, table, &bigquery.TableMetadata{ViewQuery: query}); err != nil {
		return fmt.Errorf("ensure view %s: %w", v.name, err)
	}
	if err := v.describe(ctx, table); err != nil {
		return fmt.Errorf("describe view %s: %w", v.name, err)
	}
	return nil
}

// describe adds descriptions to the columns that have none.
func (v view) describe(ctx context.Context, table *bigquery.Table) error {
	known, err := v.schema()
	if err != nil {
		return err
	}
	md, err := table.Metadata(ctx)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if !describeColumns(md.Schema, known) {
		return nil
	}
	if _, err := table.Update(ctx, bigquery.TableMetadataToUpdate{Schema: md.Schema}, md.ETag); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return nil
}

// describeColumns takes over descriptions by name and reports whether one was missing.
func describeColumns(columns, known bigquery.Schema) (changed bool) {
	byName := make(map[string]*bigquery.FieldSchema, len(known))
	for _, f := range known {
		byName[f.Name] = f
	}
	for _, f := range columns {
		k := byName[f.Name]
		if k == nil {
			continue
		}
		if f.Description == "" && k.Description != "" {
			f.Description, changed = k.Description, true
		}
		if describeColumns(f.Schema, k.Schema) {
			changed = true
		}
	}
	return changed
}
