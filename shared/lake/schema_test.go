package lake_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestWarehouseSchemas: every table of the warehouse can be in the lake.
func TestWarehouseSchemas(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"decisions", "labels", "alerts"} {
		text, err := os.ReadFile(filepath.Join("..", "warehouse", "schema", table+".json"))
		if err != nil {
			t.Fatal(err)
		}
		schema, err := lake.ParseSchema(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lake.Open(t.Context(), newMemory(), table, schema, lake.Config{}); err != nil {
			t.Errorf("%s: %v", table, err)
		}
	}
}

// TestSchemaOnlyGrows opens a table with other schemas than it was made with.
func TestSchemaOnlyGrows(t *testing.T) {
	t.Parallel()
	const base = `{"name":"id","type":"INTEGER","mode":"REQUIRED"},{"name":"r","type":"RECORD","fields":[{"name":"x","type":"STRING"}]},{"name":"l","type":"RECORD","mode":"REPEATED","fields":[{"name":"x","type":"STRING"}]}`
	for name, tc := range map[string]struct{ schema, refusal string }{
		"the same":              {base, ""},
		"described":             {strings.Replace(base, `"mode":"REQUIRED"`, `"mode":"REQUIRED","description":"new words"`, 1), ""},
		"a new column":          {base + `,{"name":"n","type":"FLOAT"}`, ""},
		"a new list":            {base + `,{"name":"n","type":"FLOAT","mode":"REPEATED"}`, ""},
		"a new field":           {strings.Replace(base, `"fields":[`, `"fields":[{"name":"y","type":"FLOAT"},`, 1), ""},
		"a new required column": {base + `,{"name":"n","type":"FLOAT","mode":"REQUIRED"}`, "column n is new and required"},
		"a removed column":      {strings.Replace(base, `"r"`, `"q"`, 1), "column r of the table is missing"},
		"a removed field":       {strings.Replace(base, `"fields":[{"name":"x"`, `"fields":[{"name":"y"`, 1), "column r.x of the table is missing"},
		"another type":          {strings.Replace(base, "INTEGER", "STRING", 1), "column id is long in the table and string"},
		"no longer required":    {strings.Replace(base, "REQUIRED", "NULLABLE", 1), "column id is nullable=false"},
		"no longer a list":      {strings.Replace(base, "REPEATED", "NULLABLE", 1), "column l is array in the table and struct"},
		"another spelling":      {base + `,{"name":"ID","type":"FLOAT"}`, "occurs twice"},
	} {
		objects := newMemory()
		if err := openWith(t, objects, base); err != nil {
			t.Fatal(err)
		}
		err := openWith(t, objects, tc.schema)
		if tc.refusal == "" && err != nil || tc.refusal != "" && (err == nil || !strings.Contains(err.Error(), tc.refusal)) {
			t.Errorf("%s: %v, want %q", name, err, tc.refusal)
		}
	}
}

func openWith(t *testing.T, objects lake.Objects, columns string) error {
	t.Helper()
	schema, err := lake.ParseSchema([]byte("[" + columns + "]"))
	if err != nil {
		return err
	}
	table, err := lake.Open(t.Context(), objects, "t", schema, lake.Config{})
	if err != nil {
		return err
	}
	last, _, err := table.LastTxn(t.Context(), app)
	if err != nil {
		return err
	}
	_, err = table.Commit(t.Context(), nil, lake.Txn{AppID: app, From: last, Version: last + 1})
	return err
}

// TestBadSchemasAreRefused with a sentence that names the column.
func TestBadSchemasAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{`:                               "unexpected end",
		`[]`:                              "no columns",
		`[{"name":"a","type":"NUMERIC"}]`: "column a has type NUMERIC",
		`[{"name":"a","type":"RECORD","fields":[{"name":"b","type":"DATE"}]}]`: "column a.b has type DATE",
		`[{"name":"a","type":"RECORD"}]`:                                       "no columns",
		`[{"name":"a b","type":"STRING"}]`:                                     "a b",
		`[{"name":"a","type":"STRING"},{"name":"A","type":"STRING"}]`:          "occurs twice",
		`[{"name":"a","type":"STRING","mode":"SOMETIMES"}]`:                    "mode SOMETIMES",
	} {
		if _, err := lake.ParseSchema([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || pix.KindOf(err) != pix.Invalid {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// TestRowsThatDoNotFit are refused without their values, and end the writer.
func TestRowsThatDoNotFit(t *testing.T) {
	t.Parallel()
	const secret = "12345678909"
	schema, err := lake.ParseSchema([]byte(`[{"name":"id","type":"INTEGER","mode":"REQUIRED"},{"name":"s","type":"STRING"},
		{"name":"at","type":"TIMESTAMP"},{"name":"r","type":"RECORD","fields":[{"name":"x","type":"STRING","mode":"REQUIRED"}]},
		{"name":"l","type":"STRING","mode":"REPEATED"}]`))
	if err != nil {
		t.Fatal(err)
	}
	one, none := lake.Integer(1), lake.Value{}
	for want, row := range map[string][]lake.Value{
		"row of 1 values":                {one},
		"column id: a value is required": {none, none, none, none, none},
		"column id: a value of type":     {lake.Text(secret), none, none, none, none},
		"column s: the text is no valid": {one, lake.Text(secret + "\xff"), none, none, none},
		"column at: the time is not":     {one, none, lake.Micros(math.MaxInt64), none, none},
		"column r: x: a value is":        {one, none, none, lake.Record(none), none},
		"column r: a record of 1":        {one, none, none, lake.Text(secret), none},
		"column l: a list is wanted":     {one, none, none, none, lake.Text(secret)},
		"column l: element: a value is":  {one, none, none, none, lake.List(none)},
	} {
		objects := newMemory()
		table, err := lake.Open(t.Context(), objects, "t", schema, lake.Config{})
		if err != nil {
			t.Fatal(err)
		}
		w := table.NewWriter(t.Context())
		err = w.Append(row)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) || pix.KindOf(err) != pix.Invalid {
			t.Errorf("%v, want %q", err, want)
		}
		if _, err := w.Close(); err == nil {
			t.Errorf("%s: the writer goes on", want)
		}
		if found := listed(t, objects, "part-", ""); found != "" {
			t.Errorf("%s: left %s", want, found)
		}
	}
}
