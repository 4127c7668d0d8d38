package warehouse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/bigquery"
)

// Location returns where the dataset lies. The errors of the looks carry BigQuery's status.
func (r *Reader) Location(ctx context.Context) (string, error) {
	md, err := r.client.Dataset(r.cfg.Dataset).Metadata(ctx)
	if err != nil {
		return "", fmt.Errorf("look at dataset %s: %w", r.cfg.Dataset, err)
	}
	return md.Location, nil
}

// Rights returns those of the permissions that the caller has on a table or view.
func (r *Reader) Rights(ctx context.Context, name string, permissions []string) ([]string, error) {
	granted, err := r.client.Dataset(r.cfg.Dataset).Table(name).IAM().TestPermissions(ctx, permissions)
	if err != nil {
		return nil, fmt.Errorf("test rights on %s: %w", name, err)
	}
	return granted, nil
}

// Compare says in what a table or view that stands differs from what is declared, one sentence for each difference. A
// column that is not declared is no difference unless rows must fill it: a newer release may have added it.
func (r *Reader) Compare(ctx context.Context, name string) ([]string, error) {
	found, err := r.client.Dataset(r.cfg.Dataset).Table(name).Metadata(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", name, err)
	}
	for _, v := range views() {
		if v.name == name {
			return v.compare(found, r.Dataset())
		}
	}
	schema, err := Schema(name)
	if err != nil {
		return nil, err
	}
	return append(compareColumns("", found.Schema, schema), compareLayout(name, found)...), nil
}

// compareLayout compares how a table lies on disk.
func compareLayout(name string, found *bigquery.TableMetadata) (list []string) {
	want := Layouts()[name]
	part := found.TimePartitioning
	if part == nil {
		part = &bigquery.TimePartitioning{}
	}
	if part.Field != want.Partition || part.Type != bigquery.DayPartitioningType {
		list = append(list, fmt.Sprintf("it is partitioned by %s, not by the day of %s", nothing(strings.TrimSpace(string(part.Type)+" "+part.Field)), want.Partition))
	}
	if !found.RequirePartitionFilter {
		list = append(list, "a query need not filter by the partition")
	}
	var fields []string
	if found.Clustering != nil {
		fields = found.Clustering.Fields
	}
	if !slices.Equal(fields, want.Clustered) {
		list = append(list, fmt.Sprintf("it is clustered by %s, not by %s", nothing(strings.Join(fields, ", ")), strings.Join(want.Clustered, ", ")))
	}
	return list
}

func nothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// compare compares a view: its columns are derived from its query.
func (v view) compare(found *bigquery.TableMetadata, dataset string) ([]string, error) {
	query, err := v.query(dataset)
	if err != nil {
		return nil, err
	}
	switch {
	case found.Type != bigquery.ViewTable:
		return []string{fmt.Sprintf("it is a %s, not a view", found.Type)}, nil
	case strings.TrimSpace(found.ViewQuery) != strings.TrimSpace(query):
		return []string{"its query is another"}, nil
	default:
		return nil, nil
	}
}

// compareColumns compares the columns at one level; a nested column is named with those above it.
func compareColumns(above string, found, want bigquery.Schema) (list []string) {
	byName := make(map[string]*bigquery.FieldSchema, len(found))
	for _, f := range found {
		byName[f.Name] = f
	}
	for _, w := range want {
		name, f := above+w.Name, byName[w.Name]
		delete(byName, w.Name)
		if f == nil {
			list = append(list, "column "+name+" is missing")
			continue
		}
		if f.Type != w.Type {
			list = append(list, fmt.Sprintf("column %s is %s, not %s", name, f.Type, w.Type))
		}
		if mode(f) != mode(w) {
			list = append(list, fmt.Sprintf("column %s is %s, not %s", name, mode(f), mode(w)))
		}
		if f.Description != w.Description {
			list = append(list, "column "+name+" has another description")
		}
		list = append(list, compareColumns(name+".", f.Schema, w.Schema)...)
	}
	for _, f := range found {
		if byName[f.Name] != nil && f.Required {
			list = append(list, "column "+above+f.Name+" is required and nobody fills it")
		}
	}
	return list
}

func mode(f *bigquery.FieldSchema) string {
	switch {
	case f.Repeated:
		return "REPEATED"
	case f.Required:
		return "REQUIRED"
	default:
		return "NULLABLE"
	}
}
