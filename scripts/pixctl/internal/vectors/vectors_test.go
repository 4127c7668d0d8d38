package vectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/table"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/world"
)

func pixctl(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	std := command.IO{Out: &out, Err: &out, Getenv: func(string) string { return "" }}
	return command.Dispatch(t.Context(), std, []command.Command{Command()}, append([]string{"vectors"}, args...)), out.String()
}

// logs writes a small simulated log, with one label on the first payment, and returns its payments.
func logs(t *testing.T, dir string) (payments []world.Event, labelAt time.Time) {
	t.Helper()
	w := world.New(world.Params{Seed: 11, Accounts: 250, Days: 1})
	var events bytes.Buffer
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		line, err := event.EncodeSubmissionJSON(&e.Submission)
		if err != nil {
			t.Fatal(err)
		}
		events.Write(append(line, '\n'))
		payments = append(payments, e)
	}
	slices.SortStableFunc(payments, func(a, b world.Event) int { // rows come in the order in which payments became visible
		return a.Submission.ReceivedAt.Compare(b.Submission.ReceivedAt)
	})
	first := payments[0].Submission
	labelAt = first.EventTime.Add(30 * time.Hour)
	label := fmt.Sprintf(`{"endToEndId":%q,"eventTime":%q,"arrivedAt":%q,"fraud":true,"typology":"swapped_qr","source":"LABEL_SOURCE_MED"}`,
		first.ID, first.EventTime.Format(time.RFC3339Nano), labelAt.Format(time.RFC3339Nano))
	write(t, dir, "events.jsonl", events.String())
	write(t, dir, "labels.jsonl", label+"\n")
	write(t, dir, "truth.jsonl", fmt.Sprintf(`{"end_to_end_id":%q,"fraud":true,"weight":0.005}`+"\n", first.ID))
	return payments, labelAt
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readTable(t *testing.T, name string) (columns []string, rows []parquet.Row) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range f.Schema().Columns() {
		columns = append(columns, strings.Join(path, "."))
	}
	for _, group := range f.RowGroups() {
		reader := group.Rows()
		buffer := make([]parquet.Row, 64)
		for {
			n, err := reader.ReadRows(buffer)
			for _, row := range buffer[:n] {
				rows = append(rows, row.Clone())
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		reader.Close()
	}
	return columns, rows
}

func TestTableHoldsTheContract(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	payments, labelAt := logs(t, dir)
	out := filepath.Join(dir, "out.parquet")
	code, printed := pixctl(t, "-events", dir+"/events.jsonl", "-labels", dir+"/labels.jsonl", "-weights", dir+"/truth.jsonl", "-out", out, "-json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, printed)
	}
	var sum summary
	if err := json.Unmarshal([]byte(printed[strings.IndexByte(printed, '{'):]), &sum); err != nil || sum.Rows != len(payments) || sum.Fraud != 1 {
		t.Errorf("summary %+v, error %v", sum, err)
	}
	if !strings.Contains(printed, "without -statuses") {
		t.Errorf("nothing says that statuses are missing:\n%s", printed)
	}
	columns, rows := readTable(t, out)
	want := append([]string{"end_to_end_id", "event_time", "label_arrived_at", "label", "typology", "direction", "split_weight",
		"payer_account", "payee_account", "payer_age_band", "payer_state", "payee_age_band", "payee_state"}, feature.Names()...)
	if diff := cmp.Diff(want, columns); diff != "" {
		t.Fatalf("columns (-want +got):\n%s", diff)
	}
	if len(rows) != len(payments) {
		t.Fatalf("%d rows of %d payments", len(rows), len(payments))
	}
	missing := false
	for i, row := range rows {
		s := payments[i].Submission
		if row[0].String() != string(s.ID) || row[1].Int64() != s.EventTime.UnixMicro() || row[5].String() != string(s.Direction) {
			t.Fatalf("row %d is not payment %d", i, i)
		}
		if labelled := !row[2].IsNull(); labelled != (i == 0) {
			t.Fatalf("row %d labelled: %t", i, labelled)
		}
		if row[table.AtPayerAccount].String() == "" || row[table.AtPayerAccount].String() == row[table.AtPayeeAccount].String() {
			t.Fatalf("row %d: accounts %v and %v", i, row[table.AtPayerAccount], row[table.AtPayeeAccount])
		}
		if got := row[table.AtPayerAgeBand].String() + row[table.AtPayeeState].String(); got != s.PayerFacts.AgeBand+s.PayeeFacts.State {
			t.Fatalf("row %d: groups %q", i, got)
		}
		missing = missing || slices.ContainsFunc(row[table.AfterPayment:], func(v parquet.Value) bool { return math.IsNaN(v.Double()) })
	}
	if !missing {
		t.Error("no feature is missing anywhere: NaN was lost")
	}
	first := rows[0]
	if first[2].Int64() != labelAt.UnixMicro() || first[3].Int32() != 1 || first[4].String() != "swapped_qr" || first[6].Double() != 0.005 {
		t.Errorf("labelled row: %v", first[:table.AfterPayment])
	}
	if second := rows[1]; second[3].Int32() != 0 || second[4].String() != "" || second[6].Double() != 1 {
		t.Errorf("row without a label: %v", second[:table.AfterPayment])
	}
	if _, err := os.Stat(out + ".partial"); err == nil {
		t.Error("the temporary file is still there")
	}
}

func TestMalformedLinesExitOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	payments, _ := logs(t, dir)
	data, err := os.ReadFile(filepath.Join(dir, "events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "events.jsonl", strings.Repeat("{bad\n", 12)+string(data))
	out := filepath.Join(dir, "out.parquet")
	code, printed := pixctl(t, "-events", dir+"/events.jsonl", "-labels", dir+"/labels.jsonl", "-out", out)
	if code != 1 || !strings.Contains(printed, "events.jsonl:1:") || !strings.Contains(printed, "12 malformed") ||
		!strings.Contains(printed, "2 more malformed lines") {
		t.Errorf("exit code %d; printed\n%s", code, printed)
	}
	if _, rows := readTable(t, out); len(rows) != len(payments) {
		t.Errorf("%d rows of %d good lines", len(rows), len(payments))
	}
}

func TestBadArguments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	logs(t, dir)
	write(t, dir, "bad.jsonl", `{"end_to_end_id":"E","weight":0}`)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "-events is required"},
		{[]string{"-events", dir + "/none", "-labels", dir + "/labels.jsonl", "-out", dir + "/o"}, 1, "none"},
		{[]string{"-events", dir + "/events.jsonl", "-labels", dir + "/labels.jsonl", "-out", dir + "/no/o"}, 1, "no/o"},
		{[]string{"-events", dir + "/events.jsonl", "-labels", dir + "/labels.jsonl", "-weights", dir + "/bad.jsonl", "-out", dir + "/o"}, 1, "weight"},
		{[]string{"-h"}, 0, "usage: pixctl vectors"},
	} {
		if code, out := pixctl(t, c.args...); code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%v: exit code %d, want %d with %q; printed\n%s", c.args, code, c.code, c.says, out)
		}
	}
	if _, err := os.Stat(dir + "/o"); err == nil {
		t.Error("a failed run left a table")
	}
}
