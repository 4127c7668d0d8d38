package score

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/models"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/table"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

func pixctl(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	std := command.IO{Out: &out, Err: &errs, Getenv: func(string) string { return "" }}
	ctx := context.WithoutCancel(t.Context())
	code = command.Dispatch(ctx, std, []command.Command{Command()}, append([]string{"score"}, args...))
	return code, out.String(), errs.String()
}

// shipped copies the payer model of this release into a directory and loads it.
func shipped(t *testing.T) (dir string, m *scoring.Model) {
	t.Helper()
	a, err := modelstore.FromFS(models.Shipped()).Load(t.Context(), pix.PayerRole)
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "payer", a.Version)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{scoring.ManifestFile, scoring.ModelFile, scoring.GoldenFile, scoring.ReferenceFile} {
		data, err := fs.ReadFile(a, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, err = scoring.Load(a, scoring.DefaultLimits(), scoring.Contract{
		Role: pix.PayerRole, FeatureNames: feature.Names(), FeatureSet: feature.SetVersion(), Version: a.Version,
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir, m
}

var directions = []pix.Direction{pix.Outbound, pix.Inbound, pix.Internal}

// vectors writes a table of made-up vectors, a third of them inbound, and returns them.
func vectors(t *testing.T, name string, features []string, n int) [][]float64 {
	t.Helper()
	w, err := table.Create(name, takes(features), map[string]string{"feature_set": feature.SetVersion()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	random := rand.New(rand.NewPCG(1, 2))
	var all [][]float64
	for i := range n {
		row := fixedValues(i)
		vector := make([]float64, len(features))
		for j := range vector {
			if vector[j] = math.Floor(random.ExpFloat64() * 100); random.IntN(10) == 0 {
				vector[j] = math.NaN()
			}
			if features[j] == amountFeature {
				vector[j] = float64(i)
			}
			row = append(row, parquet.DoubleValue(vector[j]).Level(0, 0, len(row)))
		}
		all = append(all, vector)
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	return all
}

func fixedValues(i int) parquet.Row {
	text := func(s string) parquet.Value { return parquet.ByteArrayValue([]byte(s)) }
	row := parquet.Row{
		text("E" + strings.Repeat("0", 30) + string(rune('a'+i%26))), parquet.Int64Value(int64(i)), parquet.NullValue(),
		parquet.Int32Value(0), text(""), text(string(directions[i%3])), parquet.DoubleValue(1),
		text("acct.1.p"), text("acct.1.q"), text("18-24"), text("SP"), text(""), text(""),
	}
	for column := range row {
		row[column] = row[column].Level(0, 0, column)
	}
	if i%2 == 0 {
		row[2] = parquet.Int64Value(int64(i+1)).Level(0, 1, 2)
	}
	return row
}

// TestScoresAreTheModels compares every row with the model's own answers.
func TestScoresAreTheModels(t *testing.T) {
	t.Parallel()
	dir, m := shipped(t)
	in, out := filepath.Join(t.TempDir(), "v.parquet"), filepath.Join(t.TempDir(), "s.parquet")
	all := vectors(t, in, feature.Names(), 700)
	code, text, errs := pixctl(t, "-model", dir, "-in", in, "-out", out, "-json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	var sum summary
	if err := json.Unmarshal([]byte(text), &sum); err != nil {
		t.Fatal(err)
	}
	if sum.Rows != 467 || sum.Skipped != 233 || sum.Explained != 467 {
		t.Errorf("summary %+v", sum)
	}
	got := open(t, out)
	footer, err := table.Open(out, columns())
	if err != nil {
		t.Fatal(err)
	}
	defer footer.Close()
	// What chose the number of trees is no fresh payment either: the model was fitted until the end of the validation.
	if want := m.Manifest().Validation.To.UTC().Format(time.RFC3339Nano); footer.Metadata("fitted_until") != want {
		t.Errorf("fitted until %s, want %s", footer.Metadata("fitted_until"), want)
	}
	n := 0
	for i, vector := range all {
		if directions[i%3] == pix.Inbound {
			continue
		}
		check(t, m, vector, got[n])
		if at := got[n][1].Int64(); at != int64(i) || got[n][2].IsNull() == (i%2 == 0) || got[n][13].Double() != float64(i) {
			t.Fatalf("row %d carries other columns: %v", i, got[n][:14])
		}
		n++
	}
}

// check holds a row to the model: score, probability, and contributions that add up to the score.
func check(t *testing.T, m *scoring.Model, vector []float64, row parquet.Row) {
	t.Helper()
	raw, probability, err := m.Score(vector)
	if err != nil || row[14].Double() != raw || row[15].Double() != probability {
		t.Fatalf("score %v, probability %v, want %v and %v (%v)", row[14], row[15], raw, probability, err)
	}
	shares := make([]float64, len(m.Manifest().Features))
	expected, err := m.Contributions(shares, vector)
	if err != nil || len(row) != 16+len(shares)+1 {
		t.Fatalf("%d values, error %v", len(row), err)
	}
	sum := row[len(row)-1].Double()
	if sum != expected {
		t.Fatalf("expected value %v, want %v", sum, expected)
	}
	for i, want := range shares {
		if row[16+i].Double() != want {
			t.Fatalf("contribution %d is %v, want %v", i, row[16+i], want)
		}
		sum += want
	}
	if math.Abs(sum-raw) > 1e-9 {
		t.Fatalf("contributions add up to %v, the score is %v", sum, raw)
	}
}

func open(t *testing.T, name string) []parquet.Row {
	t.Helper()
	r, err := table.Open(name, columns())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Metadata("role") != "payer" {
		t.Errorf("the footer says role %q", r.Metadata("role"))
	}
	var rows []parquet.Row
	err = r.Each(t.Context(), func(_ int64, batch []parquet.Row) error {
		for _, row := range batch {
			rows = append(rows, row.Clone())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestContributionsOfAlertsOnly(t *testing.T) {
	t.Parallel()
	dir, m := shipped(t)
	in := filepath.Join(t.TempDir(), "v.parquet")
	vectors(t, in, feature.Names(), 300)
	loosest := m.Manifest().Thresholds[0].Probability
	for _, explain := range []string{explainAlerts, explainNone} {
		out := filepath.Join(t.TempDir(), "s.parquet")
		if code, _, errs := pixctl(t, "-model", dir, "-in", in, "-out", out, "-contributions", explain); code != 0 {
			t.Fatalf("exit code %d: %s", code, errs)
		}
		for _, row := range open(t, out) {
			want := explain == explainAlerts && row[15].Double() >= loosest
			if told := len(row) > 17; told != want {
				t.Fatalf("%s: probability %v is explained: %t, want %t", explain, row[15], told, want)
			}
		}
	}
}

// otherSet writes an empty table whose columns are this release's and whose feature set is not.
func otherSet(t *testing.T, name string) {
	t.Helper()
	w, err := table.Create(name, takes(feature.Names()), map[string]string{"feature_set": "another"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	dir, _ := shipped(t)
	tmp := t.TempDir()
	good, other := filepath.Join(tmp, "v.parquet"), filepath.Join(tmp, "o.parquet")
	vectors(t, good, feature.Names(), 3)
	names := append([]string{feature.Names()[1], feature.Names()[0]}, feature.Names()[2:]...)
	vectors(t, other, names, 3)
	older := filepath.Join(tmp, "older.parquet")
	otherSet(t, older)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "-model is required"},
		{[]string{"-model", dir, "-in", good, "-out", tmp + "/s", "-contributions", "some"}, 2, "-contributions"},
		{[]string{"-model", dir, "-in", tmp + "/none", "-out", tmp + "/s"}, 1, "none"},
		{[]string{"-model", dir, "-in", good, "-out", good}, 2, "over the input"},
		{[]string{"-model", dir, "-in", good, "-out", tmp + "/no/s"}, 1, "there is no directory " + tmp + "/no"},
		{[]string{"-model", tmp, "-in", good, "-out", tmp + "/s", "-role", "payer"}, 1, "refused"},
		{[]string{"-model", dir, "-in", other, "-out", tmp + "/s"}, 1, "column 14 is "},
		{[]string{"-model", dir, "-in", older, "-out", tmp + "/s"}, 1, "another feature set"},
		{[]string{"-h"}, 0, "usage: pixctl score"},
	} {
		if code, out, errs := pixctl(t, c.args...); code != c.code || !strings.Contains(out+errs, c.says) || (out != "") != (code == 0) {
			t.Errorf("%v: exit code %d, want %d with %q; printed\n%s", c.args, code, c.code, c.says, errs)
		}
	}
	if left, _ := filepath.Glob(tmp + "/s*"); len(left) > 0 {
		t.Errorf("a failed run left %v", left)
	}
}
