package lake_test

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// plainSchema has a column of every type that Rows yields, and two that it refuses.
const plainSchema = `[{"name":"at","type":"TIMESTAMP"},{"name":"s","type":"STRING"},{"name":"n","type":"INTEGER"},
 {"name":"f","type":"FLOAT"},{"name":"b","type":"BOOLEAN"},{"name":"l","type":"STRING","mode":"REPEATED"},
 {"name":"r","type":"RECORD","fields":[{"name":"at","type":"TIMESTAMP"}]}]`

// openPlain opens a table of that schema.
func openPlain(t *testing.T, objects lake.Objects) *lake.Table {
	t.Helper()
	schema, err := lake.ParseSchema([]byte(plainSchema))
	if err != nil {
		t.Fatal(err)
	}
	table, err := lake.Open(t.Context(), objects, "plain", schema, lake.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// commitFile commits rows as one file and moves the application by one.
func commitFile(t *testing.T, table *lake.Table, rows ...[]lake.Value) string {
	t.Helper()
	w := table.NewWriter(t.Context())
	for _, row := range rows {
		if err := w.Append(row); err != nil {
			t.Fatal(err)
		}
	}
	files, err := w.Close()
	if err != nil {
		t.Fatal(err)
	}
	last, _, err := table.LastTxn(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Commit(t.Context(), files, lake.Txn{AppID: app, From: last, Version: last + 1}); err != nil {
		t.Fatal(err)
	}
	return files[0].Path
}

func plainRow(at lake.Value, id string) []lake.Value {
	return []lake.Value{at, lake.Text(id), {}, {}, {}, {}, {}}
}

const tallyHour = int64(3_600_000_000)

// moments are those at which counting by hours goes wrong.
func moments(rng *rand.Rand) int64 {
	edges := []int64{-1, 0, 1, 999, 1000, 1001, tallyHour - 1000, tallyHour - 999, tallyHour - 1}
	return (rng.Int64N(8)-3)*tallyHour + edges[rng.IntN(len(edges))]
}

// TestTallyAndRowsAreCounting: whatever files hold the rows, hours are counted and read as if each row were looked at.
func TestTallyAndRowsAreCounting(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 14))
	for round := range 40 {
		table := openPlain(t, newMemory())
		byHour := map[int64][]string{}
		for file := range 1 + rng.IntN(5) {
			var rows [][]lake.Value
			for i := range 1 + rng.IntN(6) {
				id := fmt.Sprint(file, ".", i)
				if rng.IntN(8) == 0 {
					rows = append(rows, plainRow(lake.Value{}, id)) // counted nowhere
					continue
				}
				at := moments(rng)
				start := int64(math.Floor(float64(at)/float64(tallyHour))) * 3600
				byHour[start] = append(byHour[start], id)
				rows = append(rows, plainRow(lake.Micros(at), id))
			}
			commitFile(t, table, rows...)
		}
		since := time.UnixMicro(moments(rng))
		checkTally(t, table, since, byHour, fmt.Sprint("round ", round))
	}
}

func checkTally(t *testing.T, table *lake.Table, since time.Time, byHour map[int64][]string, when string) {
	t.Helper()
	held, err := table.Tally(t.Context(), app, "at", since)
	if err != nil {
		t.Fatal(err)
	}
	want, got := map[int64][]string{}, map[int64][]string{}
	for start, ids := range byHour {
		if (start+3600)*1e6 > since.UnixMicro() {
			slices.Sort(ids)
			want[start] = ids
		}
	}
	for start, n := range held.Rows {
		for row, err := range table.Rows(t.Context(), held, start, "at", "s") {
			if err != nil {
				t.Fatal(err)
			}
			got[start] = append(got[start], textOf(row[1]))
		}
		slices.Sort(got[start])
		if int64(len(got[start])) != n {
			t.Errorf("%s: hour %d was counted as %d", when, start, n)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s: since %s: %s", when, since.UTC(), diff)
	}
}

// textOf undoes AppendKey: a kind, eight bytes, a length below 128, the text.
func textOf(v lake.Value) string { return string(v.AppendKey(nil)[10:]) }

// TestTallyDoesNotTrustWhatIsNotThere: of a file whose statistics do not bound the column the column is read.
func TestTallyDoesNotTrustWhatIsNotThere(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(entry string) string{
		"as written":   func(e string) string { return e },
		"no stats":     func(e string) string { return strings.Replace(e, `"stats":`, `"other":`, 1) },
		"garbage":      func(e string) string { return strings.Replace(e, `"stats":"`, `"stats":"x`, 1) },
		"no count":     func(e string) string { return strings.Replace(e, `numRecords`, `records`, 1) },
		"no minimum":   func(e string) string { return strings.Replace(e, `minValues`, `least`, 1) },
		"no maximum":   func(e string) string { return strings.Replace(e, `maxValues`, `most`, 1) },
		"no nulls":     func(e string) string { return strings.Replace(e, `nullCount`, `nulls`, 1) },
		"a cut bound":  func(e string) string { return strings.Replace(e, `00:00:00.003`, `00:00:00.002`, 1) },
		"upside down":  func(e string) string { return strings.Replace(e, `00:00:00.003`, `00:00:00.000`, 1) },
		"another type": func(e string) string { return strings.Replace(e, `1970-01-01T00:00:00.003Z`, `later`, 1) },
	} {
		objects := newMemory()
		table := openPlain(t, objects)
		commitFile(t, table, plainRow(lake.Micros(1500), "a"), plainRow(lake.Micros(2500), "b"))
		entry, _ := objects.get(lake.EntryName(1))
		changed := change(string(entry.bytes))
		if changed == string(entry.bytes) && name != "as written" {
			t.Fatalf("%s: %s", name, changed)
		}
		_ = objects.put(lake.EntryName(1), []byte(changed), false)
		checkTally(t, table, time.Unix(-1, 0), map[int64][]string{0: {"a", "b"}}, name)
	}
}

// TestTallySaysWhatItLacks: the transaction with the count, and nothing of an application that never was.
func TestTallySaysWhatItLacks(t *testing.T) {
	t.Parallel()
	table := openPlain(t, newMemory())
	commitFile(t, table, plainRow(lake.Micros(0), "a"))
	for appID, want := range map[string]int64{app: 1, "nobody": 0} {
		if held, err := table.Tally(t.Context(), appID, "at", time.Unix(0, 0)); err != nil || held.Txn != want {
			t.Errorf("%s: %+v, %v; want %d", appID, held, err, want)
		}
	}
	if _, err := table.Tally(t.Context(), app, "no such", time.Unix(0, 0)); err == nil || pix.KindOf(err) != pix.Invalid {
		t.Errorf("a column that is not there: %v", err)
	}
}

// TestRowsYieldsEveryType, over many pages and more than one row group.
func TestRowsYieldsEveryType(t *testing.T) {
	t.Parallel()
	table := openPlain(t, newMemory())
	const count = 3000
	value := func(i int) []lake.Value {
		if i%5 == 4 {
			return []lake.Value{lake.Micros(int64(i)), {}, {}, {}, {}, {}, {}}
		}
		text := fmt.Sprint(i, " ção")
		if i%100 == 0 {
			text = strings.Repeat("long ", 120_000) // so that the row group is full before the rows end
		}
		return []lake.Value{
			lake.Micros(int64(i)), lake.Text(text), lake.Integer(math.MinInt64 + int64(i)), lake.Float(float64(i) / 7),
			lake.Boolean(i%2 == 0), lake.List(lake.Text("x"), lake.Text("y")), lake.Record(lake.Micros(-1)),
		}
	}
	rows := make([][]lake.Value, count)
	for i := range rows {
		rows[i] = value(i)
	}
	commitFile(t, table, rows...)
	held, err := table.Tally(t.Context(), app, "at", time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for row, err := range table.Rows(t.Context(), held, 0, "at", "f", "s", "b", "n") {
		if err != nil {
			t.Fatal(err)
		}
		want := value(n)
		for k, column := range []int{0, 3, 1, 4, 2} {
			if !bytes.Equal(row[k].AppendKey(nil), want[column].AppendKey(nil)) {
				t.Fatalf("row %d, column %d differs", n, column)
			}
		}
		n++
	}
	if n != count {
		t.Errorf("%d rows, want %d", n, count)
	}
	for range table.Rows(t.Context(), held, 0, "at") {
		break // whoever has seen enough may go
	}
}

// rowsOf reads the hour 0 of the only file of a table.
func rowsOf(t *testing.T, table *lake.Table, columns ...string) (n int, err error) {
	t.Helper()
	held, err := table.Tally(t.Context(), app, "at", time.Unix(0, 0))
	if err != nil {
		return 0, err
	}
	for _, err := range table.Rows(t.Context(), held, 0, columns...) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// TestRowsRefuses what it cannot read, and tells damage from a store that is away.
func TestRowsRefuses(t *testing.T) {
	t.Parallel()
	objects := newMemory()
	table := openPlain(t, objects)
	path := commitFile(t, table, plainRow(lake.Micros(0), "a"), plainRow(lake.Micros(1), "b"))
	for column, want := range map[string]string{"l": "column l", "r": "column r", "none": "column none", "r.at": "column r.at"} {
		if _, err := rowsOf(t, table, "at", column); err == nil || pix.KindOf(err) != pix.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", column, err, want)
		}
	}
	whole, _ := objects.get(path)
	for name, tc := range map[string]struct {
		damage func()
		want   pix.Kind
	}{
		"cut":    {func() { _ = objects.put(path, whole.bytes[:len(whole.bytes)-9], false) }, pix.Invalid},
		"zeroed": {func() { _ = objects.put(path, make([]byte, len(whole.bytes)), false) }, pix.Invalid},
		"gone":   {func() { objects.drop(path) }, pix.Unavailable},
	} {
		tc.damage()
		if _, err := rowsOf(t, table, "at", "s"); err == nil || pix.KindOf(err) != tc.want || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v (%v), want %v", name, err, pix.KindOf(err), tc.want)
		}
	}
}

// TestRowsOfAnotherForm: a file in which a column of ours has another type or unit is refused, not misread.
func TestRowsOfAnotherForm(t *testing.T) {
	t.Parallel()
	objects := newMemory()
	table := openPlain(t, objects)
	path := commitFile(t, table, plainRow(lake.Micros(0), "a"))
	for name, columns := range map[string]string{
		"a number for a time": `[{"name":"at","type":"INTEGER"},{"name":"s","type":"STRING"}]`,
		"a number for a text": `[{"name":"at","type":"TIMESTAMP"},{"name":"s","type":"INTEGER"}]`,
		"a list of texts":     `[{"name":"at","type":"TIMESTAMP"},{"name":"s","type":"STRING","mode":"REPEATED"}]`,
	} {
		schema, err := lake.ParseSchema([]byte(columns))
		if err != nil {
			t.Fatal(err)
		}
		others := newMemory()
		other, err := lake.Open(t.Context(), others, "other", schema, lake.Config{})
		if err != nil {
			t.Fatal(err)
		}
		file, _ := others.get(commitFile(t, other, []lake.Value{{}, {}}))
		_ = objects.put(path, file.bytes, false)
		entry, _ := objects.get(lake.EntryName(1))
		sized := sizeOf.ReplaceAll(entry.bytes, fmt.Appendf(nil, `"size":%d`, len(file.bytes)))
		_ = objects.put(lake.EntryName(1), sized, false)
		if _, err := rowsOf(t, table, "at", "s"); err == nil || pix.KindOf(err) != pix.Invalid || !strings.Contains(err.Error(), "another form") {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
}

// TestRowsOfAPathWithABlank: the log writes paths as URLs do.
func TestRowsOfAPathWithABlank(t *testing.T) {
	t.Parallel()
	objects := newMemory()
	table := openPlain(t, objects)
	path := commitFile(t, table, plainRow(lake.Micros(0), "a"))
	file, _ := objects.get(path)
	_ = objects.put("part of us", file.bytes, true)
	objects.drop(path)
	entry, _ := objects.get(lake.EntryName(1))
	for written, ok := range map[string]bool{"part%20of%20us": true, "part%of": false} {
		_ = objects.put(lake.EntryName(1), bytes.Replace(entry.bytes, []byte(path), []byte(written), 1), false)
		if n, err := rowsOf(t, table, "at"); (err == nil) != ok || ok && n != 1 {
			t.Errorf("%s: %d rows, %v", written, n, err)
		}
	}
}

// TestTallyHours are starts of hours, also before 1970, and of a file that ends as an hour begins both.
func TestTallyHours(t *testing.T) {
	t.Parallel()
	table := openPlain(t, newMemory())
	commitFile(t, table, plainRow(lake.Micros(-1), "a"), plainRow(lake.Micros(tallyHour), "b"))
	commitFile(t, table, plainRow(lake.Micros(5*tallyHour-5000), "c"), plainRow(lake.Micros(5*tallyHour), "d"))
	held, err := table.Tally(t.Context(), app, "at", time.Unix(-1, 0))
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(held.Rows)); !slices.Equal(got, []int64{-3600, 3600, 4 * 3600, 5 * 3600}) {
		t.Errorf("hours %v", got)
	}
}
