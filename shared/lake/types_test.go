package lake_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/lake"
)

// typesSchema has a column of every type, in records and in lists.
const typesSchema = `[
 {"name":"id","type":"INTEGER","mode":"REQUIRED","description":"number of the row"},
 {"name":"s","type":"STRING"}, {"name":"j","type":"JSON"}, {"name":"b","type":"BYTES"}, {"name":"n","type":"INTEGER"},
 {"name":"f","type":"FLOAT"}, {"name":"t","type":"BOOLEAN"}, {"name":"at","type":"TIMESTAMP"},
 {"name":"r","type":"RECORD","fields":[{"name":"x","type":"STRING"},{"name":"at","type":"TIMESTAMP"},
   {"name":"inner","type":"RECORD","fields":[{"name":"z","type":"BOOLEAN"},{"name":"n","type":"INTEGER"}]}]},
 {"name":"ls","type":"STRING","mode":"REPEATED"},
 {"name":"lr","type":"RECORD","mode":"REPEATED","fields":[{"name":"code","type":"STRING"},{"name":"value","type":"FLOAT"},
   {"name":"tags","type":"STRING","mode":"REPEATED"}]}%s
]`

// typesRow is one row of that table, as other readers are asked for it: timestamps in microseconds, bytes in hexadecimal,
// floats as text.
type typesRow struct {
	ID   int64      `json:"id"`
	S    *string    `json:"s"`
	J    *string    `json:"j"`
	B    *string    `json:"b"`
	N    *int64     `json:"n"`
	F    *string    `json:"f"`
	T    *bool      `json:"t"`
	At   *int64     `json:"at"`
	R    *typesRec  `json:"r"`
	Ls   []string   `json:"ls"`
	Lr   []typesElt `json:"lr"`
	Late *string    `json:"late"`
}

type typesRec struct {
	X     *string     `json:"x"`
	At    *int64      `json:"at"`
	Inner *typesInner `json:"inner"`
}

type typesInner struct {
	Z *bool  `json:"z"`
	N *int64 `json:"n"`
}

type typesElt struct {
	Code  *string  `json:"code"`
	Value *string  `json:"value"`
	Tags  []string `json:"tags"`
}

func opt[T any](v *T, of func(T) lake.Value) lake.Value {
	if v == nil {
		return lake.Value{}
	}
	return of(*v)
}

func texts(v []string) lake.Value {
	if v == nil {
		return lake.Value{}
	}
	items := make([]lake.Value, len(v))
	for i, s := range v {
		items[i] = lake.Text(s)
	}
	return lake.List(items...)
}

func bytesOf(s string) lake.Value { b, _ := hex.DecodeString(s); return lake.Text(string(b)) }

func floatOf(s string) lake.Value {
	var f float64
	_, _ = fmt.Sscan(s, &f)
	return lake.Float(f)
}

// values returns the row as the writer takes it. NaN is written where the reader must see null.
func (r typesRow) values(nan, late bool) []lake.Value {
	row := []lake.Value{
		lake.Integer(r.ID), opt(r.S, lake.Text), opt(r.J, lake.Text), opt(r.B, bytesOf), opt(r.N, lake.Integer),
		opt(r.F, floatOf), opt(r.T, lake.Boolean), opt(r.At, lake.Micros), {}, texts(r.Ls), {},
	}
	if nan {
		row[5] = lake.Float(math.NaN())
	}
	if r.R != nil {
		inner := lake.Value{}
		if r.R.Inner != nil {
			inner = lake.Record(opt(r.R.Inner.Z, lake.Boolean), opt(r.R.Inner.N, lake.Integer))
		}
		row[8] = lake.Record(opt(r.R.X, lake.Text), opt(r.R.At, lake.Micros), inner)
	}
	if r.Lr != nil {
		items := make([]lake.Value, len(r.Lr))
		for i, e := range r.Lr {
			items[i] = lake.Record(opt(e.Code, lake.Text), opt(e.Value, floatOf), texts(e.Tags))
		}
		row[10] = lake.List(items...)
	}
	if late {
		row = append(row, opt(r.Late, lake.Text))
	}
	return row
}

const (
	firstMicros = -62135596800_000_000
	lastMicros  = 253402300799_999_999
)

// typesRows are rows with the values at which readers go wrong.
func typesRows() []typesRow {
	long := strings.Repeat("ação", 20)
	full := strings.Repeat("\U0010FFFF", 40)
	edges := []string{"", "a", "ção ☂ 🂡", long, long + "z", strings.Repeat("a", 31) + "\uD7FF" + "b", "\u0000\u0001\"\\<>&\u2028", full}
	var rows []typesRow
	for i, s := range edges {
		rows = append(rows, typesRow{
			S: &s, J: new(`{"a":[1,null]}`), B: new(hex.EncodeToString([]byte{0, 255, byte(i)})),
			N: new([]int64{math.MinInt64, math.MaxInt64, 0, -1, 1, 1 << 53, 1<<53 + 1, -(1<<53 + 1)}[i]),
			F: new([]string{"0", "-0", "1.5", "-1e308", "5e-324", "+Inf", "-Inf", "0.1"}[i]), T: new(i%2 == 0),
			At: new([]int64{firstMicros, lastMicros, 0, -1, 1, 1_700_000_000_123_456, -2_208_988_800_000_001, lastMicros - 999}[i]),
			R:  &typesRec{X: &s, At: new(int64(i) * 1_000_001), Inner: &typesInner{Z: new(i%2 == 1), N: new(int64(i))}},
			Ls: []string{s, "", s}, Lr: []typesElt{{Code: &s, Value: new("2.5"), Tags: []string{"x", s}}, {Tags: []string{}}, {Code: new("c")}},
		})
	}
	rows = append(rows,
		typesRow{}, // all null
		typesRow{Ls: []string{}, Lr: []typesElt{}}, // empty, not null
		typesRow{R: &typesRec{}},                   // a record of nulls
		typesRow{R: &typesRec{Inner: &typesInner{}}, Late: new("came later")},
	)
	for i := range rows {
		rows[i].ID = int64(i)
	}
	return rows
}

// writeTypes writes the table with one commit per row and a checkpoint every 3; the column late comes in the middle.
func writeTypes(t *testing.T, objects lake.Objects) []typesRow {
	t.Helper()
	rows := typesRows()
	for i, r := range rows {
		late := i >= len(rows)/2
		column := ""
		if late {
			column = `,{"name":"late","type":"STRING"}`
		}
		schema, err := lake.ParseSchema(fmt.Appendf(nil, typesSchema, column))
		if err != nil {
			t.Fatal(err)
		}
		table, err := lake.Open(t.Context(), objects, "types", schema, lake.Config{CheckpointEvery: 3})
		if err != nil {
			t.Fatal(err)
		}
		w := table.NewWriter(t.Context())
		if err := w.Append(r.values(i == len(rows)-4, late)); err != nil {
			t.Fatal(err)
		}
		files, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := table.Commit(t.Context(), files, lake.Txn{AppID: "export", From: int64(i), Version: int64(i) + 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := table.Tend(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return rows
}

// TestConformanceTable writes the table that scripts/conformance/delta.sh has others read, to LAKE_OUT when it is set.
func TestConformanceTable(t *testing.T) {
	t.Parallel()
	out := os.Getenv("LAKE_OUT")
	if out == "" {
		out = t.TempDir()
	}
	objects, err := lake.NewDirectory(filepath.Join(out, "types"))
	if err != nil {
		t.Fatal(err)
	}
	rows := writeTypes(t, objects)
	text, err := json.MarshalIndent(rows, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out, "types.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
}
