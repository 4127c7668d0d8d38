//go:build !race

package warehouse_test

import (
	"slices"
	"testing"

	"cloud.google.com/go/bigquery"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/iterator"
)

// TestEveryColumnIsDescribed asks BigQuery for every table and view and for every column what it means, also within
// records; and each view's query gives exactly the columns that are described.
func TestEveryColumnIsDescribed(t *testing.T) {
	t.Parallel()
	_, _, client := startEmulator(t)
	seen := 0
	for tables := client.Dataset("fraud").Tables(t.Context()); ; seen++ {
		table, err := tables.Next()
		if err == iterator.Done { //nolint:errorlint // as its documentation says
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		md, err := table.Metadata(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		undescribed(t, table.TableID, md.Schema)
		if md.Type == bigquery.ViewTable {
			if diff := cmp.Diff(selected(t, client, table.TableID), names(md.Schema)); diff != "" {
				t.Errorf("%s: columns (-of the query +described):\n%s", table.TableID, diff)
			}
		}
	}
	if seen != 7 {
		t.Errorf("saw %d tables and views, want 7", seen)
	}
}

// undescribed reports columns without a description.
func undescribed(t *testing.T, path string, schema bigquery.Schema) {
	t.Helper()
	if len(schema) == 0 {
		t.Errorf("%s has no columns", path)
	}
	for _, f := range schema {
		if f.Description == "" {
			t.Errorf("%s.%s has no description", path, f.Name)
		}
		if f.Type == bigquery.RecordFieldType {
			undescribed(t, path+"."+f.Name, f.Schema)
		}
	}
}

// selected returns the columns that a view gives.
func selected(t *testing.T, client *bigquery.Client, view string) []string {
	t.Helper()
	rows, err := client.Query("SELECT * FROM fraud." + view + " WHERE FALSE").Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var row []bigquery.Value
	if err := rows.Next(&row); err != iterator.Done { //nolint:errorlint // as its documentation says
		t.Fatal(err)
	}
	return names(rows.Schema)
}

func names(schema bigquery.Schema) []string {
	var out []string
	for _, f := range schema {
		out = append(out, f.Name)
	}
	slices.Sort(out)
	return out
}
