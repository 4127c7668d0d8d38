package evaluate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/table"
)

var update = flag.Bool("update", false, "write the expected reports in testdata")

func pixctl(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	std := command.IO{Out: &out, Err: &errs, Getenv: func(string) string { return "" }}
	ctx := context.WithoutCancel(t.Context())
	code = command.Dispatch(ctx, std, []command.Command{Command()}, append([]string{"evaluate"}, args...))
	return code, out.String(), errs.String()
}

// fixture is the command on the committed tables; models/tests/test_evaluate.py runs the twin on the same.
func fixture(role string, more ...string) []string {
	return append([]string{
		"-scores", "testdata/" + role + ".parquet", "-beside", "testdata/" + role + "-beside.parquet",
		"-truth", "testdata/truth.jsonl", "-replicates", "20", "-top", "5", "-budget", "1000",
		"-from", "2026-03-02T00:00:00Z",
	}, more...)
}

// known is the command on what was known at a moment, without the truth.
func known(role string) []string {
	return []string{
		"-scores", "testdata/" + role + ".parquet", "-replicates", "20", "-top", "5", "-budget", "1000",
		"-to", "2026-03-08T00:00:00Z", "-known-at", "2026-03-09T00:00:00Z",
	}
}

// TestAgreesWithTheTwin holds Go to the figures that the Python twin is held to as well.
func TestAgreesWithTheTwin(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"payer": fixture("payer"), "receiver": fixture("receiver"),
		"payer-reports": known("payer"), "receiver-reports": known("receiver"),
		// The payers' table again, as a data frame's columns come out: nulls, timestamps, labels and arrivals as doubles.
		"payer-frame": known("payer-frame"),
	} {
		code, out, errs := pixctl(t, append(args, "-json")...)
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, errs)
		}
		file := filepath.Join("testdata", strings.Replace(name, "frame", "reports", 1)+".json")
		if *update {
			if err := os.WriteFile(file, indent(t, out), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range differences("", decode(t, out), decode(t, string(data))) {
			t.Error(name + d)
		}
	}
}

// TestLabelsAndWeightsAreWhatTheySay: a label of 2 is not "no fraud", and a payment without a weight is not one.
func TestLabelsAndWeightsAreWhatTheySay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		label  int32
		weight float64
		taken  bool
	}{{0, 1, true}, {1, 0.005, true}, {2, 1, false}, {-1, 1, false}, {0, 0, false}, {0, -1, false}, {0, math.Inf(1), false}} {
		values := make(parquet.Row, len(columns()))
		values[table.AtLabel], values[table.AtWeight] = parquet.Int32Value(c.label), parquet.DoubleValue(c.weight)
		if err := newSample().add(values, nil, window{}); (err == nil) != c.taken {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestOnlyLaterPaymentsCount: what the model was fitted to, up to noon of 1 March, is never measured, and neither is what
// lies outside the window, its end excluded.
func TestOnlyLaterPaymentsCount(t *testing.T) {
	t.Parallel()
	fitted := time.Date(2026, 3, 1, 12, 0, 0, 500_000_000, time.UTC)
	end := time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		at     time.Time
		counts bool
	}{
		{fitted.Add(-time.Hour), false}, {fitted, false}, {fitted.Add(time.Microsecond), true},
		{end.Add(-time.Microsecond), true}, {end, false},
	} {
		in, err := table.Open("testdata/payer.parquet", columns())
		if err != nil {
			t.Fatal(err)
		}
		w := window{to: end}
		s, err := begin(in, &w)
		in.Close()
		if err != nil {
			t.Fatal(err)
		}
		values := make(parquet.Row, len(columns()))
		values[table.AtEventTime] = parquet.Int64Value(c.at.UnixMicro())
		values[table.AtWeight] = parquet.DoubleValue(1)
		if err := s.add(values, nil, w); err != nil {
			t.Fatal(err)
		}
		if counted := len(s.rows) == 1; counted != c.counts {
			t.Errorf("a payment of %s is measured: %t", c.at, counted)
		}
	}
}

func indent(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(text), "", " "); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decode(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// differences lists the places where two documents differ by more than 1e-9.
func differences(path string, got, want any) []string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return []string{path + ": other fields"}
		}
		var out []string
		for key := range w {
			out = append(out, differences(path+"."+key, g[key], w[key])...)
		}
		return out
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return []string{path + ": other entries"}
		}
		var out []string
		for i := range w {
			out = append(out, differences(fmt.Sprintf("%s[%d]", path, i), g[i], w[i])...)
		}
		return out
	case float64:
		if g, ok := got.(float64); ok && math.Abs(g-w) <= 1e-9*max(1, math.Abs(w)) {
			return nil
		}
	default:
		if got == want {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: got %v, want %v", path, got, want)}
}

func TestTextAndPlots(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "plots")
	code, out, errs := pixctl(t, fixture("receiver", "-plots", dir)...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	for _, want := range []string{
		"receiver/7 on", "before their third incoming fraud", "R$ detected", "swapped qr", "never reported", "shop opening",
		"receiver/rules", "amount_brl",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the text does not say %q:\n%s", want, out)
		}
	}
	for _, name := range []string{"precision-recall", "budget", "calibration", "contributions", "typologies"} {
		data, err := os.ReadFile(filepath.Join(dir, "receiver-"+name+".png"))
		if err != nil || !bytes.HasPrefix(data, []byte("\x89PNG")) {
			t.Errorf("%s is no picture: %v", name, err)
		}
	}
}

// TestBesideInTheSameOrder: a replicate counts accounts by the order in which they appear, so the same payments from the
// last to the first are refused.
func TestBesideInTheSameOrder(t *testing.T) {
	t.Parallel()
	in, err := table.Open("testdata/payer-beside.parquet", columns())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	name := filepath.Join(t.TempDir(), "reversed.parquet")
	out, err := table.Create(name, columns(), map[string]string{"role": "payer"})
	if err != nil {
		t.Fatal(err)
	}
	defer out.Discard()
	var rows []parquet.Row
	err = in.Each(t.Context(), func(_ int64, batch []parquet.Row) error {
		for _, row := range batch {
			rows = append(rows, row.Clone())
		}
		return nil
	})
	slices.Reverse(rows)
	for _, row := range rows {
		err = errors.Join(err, out.Write(row))
	}
	if err = errors.Join(err, out.Commit()); err != nil {
		t.Fatal(err)
	}
	args := []string{"-scores", "testdata/payer.parquet", "-from", "2026-03-02T00:00:00Z", "-beside", name}
	if code, _, errs := pixctl(t, args...); code != 1 || !strings.Contains(errs, "another order") {
		t.Errorf("exit code %d, printed %q", code, errs)
	}
}

func TestReportsOnly(t *testing.T) {
	t.Parallel()
	var frauds [2]float64
	for i, known := range []string{"2026-04-01T00:00:00Z", "2026-03-04T00:00:00Z"} {
		code, out, errs := pixctl(t, "-scores", "testdata/payer.parquet", "-replicates", "0", "-known-at", known, "-json")
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, errs)
		}
		frauds[i], _ = decode(t, out).(map[string]any)["frauds"].(float64)
	}
	if !(0 < frauds[1] && frauds[1] < frauds[0]) {
		t.Errorf("%v frauds were known in April, %v in March", frauds[0], frauds[1])
	}
}

func TestBadArguments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "-scores is required"},
		{[]string{"-scores", "testdata/none.parquet"}, 1, "none.parquet"},
		{[]string{"-scores", "testdata/truth.jsonl"}, 1, "truth.jsonl"},
		{[]string{"-scores", "testdata/payer.parquet", "-budget", "0"}, 2, "-budget"},
		{[]string{"-scores", "testdata/payer.parquet", "-from", "yesterday"}, 2, "yesterday"},
		{[]string{"-scores", "testdata/payer.parquet", "-from", "2030-01-01T00:00:00Z"}, 1, "-from and -to leave out all 2500"},
		{[]string{"-scores", "testdata/payer.parquet", "-beside", "testdata/receiver.parquet"}, 1, "other payments"},
		{[]string{"-scores", "testdata/payer.parquet", "-truth", "testdata/payer.json"}, 1, "truth"},
		{[]string{"-h"}, 0, "usage: pixctl evaluate"},
	} {
		if code, out, errs := pixctl(t, c.args...); code != c.code || !strings.Contains(out+errs, c.says) || (out != "") != (code == 0) {
			t.Errorf("%v: exit code %d, want %d with %q; printed\n%s", c.args, code, c.code, c.says, errs)
		}
	}
}
