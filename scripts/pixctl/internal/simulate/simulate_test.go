package simulate

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/event"
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
		label, err := event.DecodeLabel(event.Envelope{Data: line})
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
			if truth.Weight != 1.0/300 || truth.Typology == "" {
				t.Errorf("fraud %+v, want weight 1/300 and a typology", truth)
			}
		}
	}
	if frauds != sum.Frauds || frauds == 0 {
		t.Errorf("%d frauds in the truth, %d in the summary", frauds, sum.Frauds)
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
	for _, name := range []string{EventsFile, LabelsFile, TruthFile} {
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
