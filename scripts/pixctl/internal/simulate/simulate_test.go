package simulate

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// pixctl runs the subcommand and returns its exit code and what it printed.
func pixctl(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	std := command.IO{Out: &out, Err: &out, Getenv: func(string) string { return "" }}
	return command.Dispatch(t.Context(), std, []command.Command{Command()}, append([]string{"simulate"}, args...)), out.String()
}

func TestSimulateWritesWhatTheContractReads(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "dir")
	args := []string{"-accounts", "900", "-days", "4", "-seed", "5", "-fraud-boost", "300", "-out", dir, "-json"}
	code, out := pixctl(t, args...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	var sum totals
	if err := json.Unmarshal([]byte(out), &sum); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	ids, last := map[string]bool{}, ""
	for _, line := range linesOf(t, dir, EventsFile) {
		s, err := event.DecodeSubmissionJSON(line)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(s.EventTime); err != nil {
			t.Fatal(err)
		}
		at := s.EventTime.Format("2006-01-02T15:04:05.000Z")
		if at < last {
			t.Fatalf("%s after %s", at, last)
		}
		last = at
		ids[string(s.ID)] = true
	}
	if len(ids) != sum.Events || sum.Events < 2000 {
		t.Errorf("%d payments in the file, %d in the summary", len(ids), sum.Events)
	}
	labels := linesOf(t, dir, LabelsFile)
	if len(labels) != sum.Labels || sum.Labels == 0 {
		t.Errorf("%d labels in the file, %d in the summary", len(labels), sum.Labels)
	}
	for _, line := range labels {
		label, err := event.DecodeLabel(event.Envelope{Data: line}, time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		if !ids[string(label.ID)] || label.ArrivedAt.Before(label.EventTime) {
			t.Errorf("label of %s: no such payment, or known before it", label.ID)
		}
	}
	frauds := 0
	for _, line := range linesOf(t, dir, TruthFile) {
		var truth Truth
		if err := json.Unmarshal(line, &truth); err != nil {
			t.Fatal(err)
		}
		if truth.Fraud {
			frauds++
			if truth.Weight <= 0 || truth.Weight > 1.0/300 || truth.Typology == "" || truth.PayeeRole == "" || truth.Campaign == 0 {
				t.Errorf("fraud %+v, want a weight of at most 1/300, a typology, roles and a campaign", truth)
			}
		}
	}
	if frauds != sum.Frauds || frauds == 0 {
		t.Errorf("%d frauds in the truth, %d in the summary", frauds, sum.Frauds)
	}
}

// TestStatusesAndCases reads what became of the payments: one end for each, in order, and MED cases.
func TestStatusesAndCases(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"-accounts", "1200", "-days", "12", "-seed", "6", "-fraud-boost", "400", "-out", dir}
	if code, out := pixctl(t, args...); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	ends, returns := map[string]int{}, 0
	var last time.Time
	for _, line := range linesOf(t, dir, StatusesFile) {
		s, err := event.DecodeStatus(event.Envelope{Data: line}, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		if s.OccurredAt.Before(last) {
			t.Fatalf("status at %s after %s", s.OccurredAt, last)
		}
		last = s.OccurredAt
		if s.State == pix.Returned {
			returns++
			continue
		}
		ends[string(s.ID)]++
	}
	payments := linesOf(t, dir, EventsFile)
	end, err := event.DecodeSubmissionJSON(payments[len(payments)-1])
	if err != nil || ends[string(end.ID)] != 1 { // it is told after the last payment: nothing comes that it could precede
		t.Errorf("the last payment, of %s, ended %d times (%v)", end.EventTime, ends[string(end.ID)], err)
	}
	for id, n := range ends {
		if n != 1 {
			t.Errorf("%s ended %d times", id, n)
		}
	}
	if len(ends) < len(payments)-3 || len(ends) > len(payments) || returns < 5 {
		t.Errorf("%d payments, %d ends, %d returns", len(payments), len(ends), returns)
	}
	kinds := map[string]int{}
	for _, line := range linesOf(t, dir, CasesFile) {
		var c Case
		if err := json.Unmarshal(line, &c); err != nil || ends[c.EndToEndID] == 0 || c.Centavos < 0 {
			t.Fatalf("case %+v: %v", c, err)
		}
		kinds[c.Kind+" "+c.State]++
	}
	for _, kind := range []string{"INFRACTION OPEN", "INFRACTION ACKNOWLEDGED", "INFRACTION CLOSED", "REFUND OPEN", "REFUND CLOSED"} {
		if kinds[kind] == 0 {
			t.Errorf("no case is %s: %v", kind, kinds)
		}
	}
}

// TestTruthNamesAccountsOfTheLog joins the truth with the log by account number.
func TestTruthNamesAccountsOfTheLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if code, out := pixctl(t, "-accounts", "500", "-days", "3", "-fraud-boost", "500", "-out", dir); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	accounts := map[string][2]string{}
	for _, line := range linesOf(t, dir, EventsFile) {
		s, err := event.DecodeSubmissionJSON(line)
		if err != nil {
			t.Fatal(err)
		}
		accounts[string(s.ID)] = [2]string{s.Payer.Account.Reveal(), s.Payee.Account.Reveal()}
	}
	for _, line := range linesOf(t, dir, TruthFile) {
		var truth Truth
		if err := json.Unmarshal(line, &truth); err != nil {
			t.Fatal(err)
		}
		if accounts[truth.EndToEndID] != [2]string{truth.PayerAccount, truth.PayeeAccount} {
			t.Fatalf("%+v is between %v in the log", truth, accounts[truth.EndToEndID])
		}
	}
}

// TestDryRunWritesNothing counts the same world.
func TestDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "none")
	code, out := pixctl(t, "-accounts", "500", "-days", "2", "-dry", "-json", "-out", dir)
	var sum totals
	if err := json.Unmarshal([]byte(out), &sum); err != nil || code != 0 || sum.Events < 300 || sum.Memory <= 0 {
		t.Errorf("exit code %d, %v, %s", code, err, out)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a dry run made the directory")
	}
}

func TestSameSeedSameFiles(t *testing.T) {
	t.Parallel()
	dirs := []string{t.TempDir(), t.TempDir()}
	for _, dir := range dirs {
		if code, out := pixctl(t, "-accounts", "300", "-days", "2", "-seed", "9", "-fraud-boost", "200", "-out", dir); code != 0 {
			t.Fatal(out)
		}
	}
	for _, name := range []string{EventsFile, LabelsFile, StatusesFile, CasesFile, TruthFile} {
		if !slices.EqualFunc(linesOf(t, dirs[0], name), linesOf(t, dirs[1], name), bytes.Equal) {
			t.Errorf("%s differs between two runs of one seed", name)
		}
	}
}

func TestBadArguments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "-out is required"},
		{[]string{"-out", dir, "-accounts", "3"}, 2, "accounts must be"},
		{[]string{"-out", dir, "-share", "1.5", "-days", "-1"}, 2, "share must be"},
		{[]string{"-out", dir, "-fraud-boost", "1e9"}, 2, "boosted fraud"},
		{[]string{"-out", dir, "-fraud-boost", "0"}, 2, "above zero"},
		{[]string{"-out", dir, "-share", "0"}, 2, "above zero"},
		{[]string{"-out", dir, "-start", "yesterday"}, 2, "-start"},
		{[]string{"-out", dir, "-days", "many"}, 2, "days"},
		{[]string{"-out", filepath.Join(dir, "file", "x")}, 1, "file"},
		{[]string{"-h"}, 0, "usage: pixctl simulate"},
	} {
		if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if code, out := pixctl(t, c.args...); code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%v: exit code %d, want %d with %q; printed\n%s", c.args, code, c.code, c.says, out)
		}
	}
}

func linesOf(t *testing.T, dir, name string) [][]byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(data), []byte("\n"))
}
