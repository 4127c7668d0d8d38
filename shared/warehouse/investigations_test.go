//go:build !race

package warehouse_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/dashboards"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// TestInvestigationsRunAsTheyStand runs every file with the parameters that its head names, and the command of their README
// where Google's bq is installed. Each finds the one payment that is there.
func TestInvestigationsRunAsTheyStand(t *testing.T) {
	t.Parallel()
	cloud, cfg, _ := startEmulator(t)
	d := stopped(t, cloud, cfg)
	reader, err := warehouse.OpenReader(t.Context(), cfg, cloud.BigQueryOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	values := map[string]any{
		"since": d.Transaction.EventTime.Add(-time.Hour), "until": d.Transaction.EventTime.Add(time.Hour),
		"end_to_end_id": string(d.ID()),
	}
	names, err := dashboards.Investigations()
	if err != nil || len(names) < 4 {
		t.Fatalf("%d investigations: %v", len(names), err)
	}
	for _, name := range names {
		sql, err := dashboards.Investigation(name)
		if err != nil {
			t.Fatal(err)
		}
		head, body := parameters(sql)
		if diff := cmp.Diff(head, body); diff != "" || len(body) == 0 {
			t.Errorf("%s: parameters (-in its head +in its query):\n%s", name, diff)
		}
		given := map[string]any{}
		for _, p := range body {
			given[p] = values[p]
		}
		answer, err := reader.Query(t.Context(), sql, given)
		if err != nil || len(answer.Rows) != 1 {
			t.Errorf("%s: %d rows, want 1: %v", name, len(answer.Rows), err)
		}
	}
	if out, ran := documented(t, cloud, cfg); ran && !strings.Contains(out, "1234.56") {
		t.Errorf("the README's command answers %q", out)
	}
}

// stopped writes one payment that was stopped, with its label.
func stopped(t *testing.T, cloud *pixtest.Cloud, cfg warehouse.Config) *pix.Decision {
	t.Helper()
	w, err := warehouse.Open(t.Context(), cfg, cloud.BigQueryStorageOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	d := decisionOf(1, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), challenged{
		role: pix.PayerRole, champion: 0.9, challenger: 0.8, outcome: pix.Reject, shadow: pix.Approve,
	})
	d.Transaction.Amount = 123456
	d.Reasons = []pix.Reason{{Code: "amount"}}
	label := pix.Label{ID: d.ID(), EventTime: d.Transaction.EventTime, ArrivedAt: d.Transaction.EventTime, Fraud: true, Source: "MED"}
	if err := w.AppendDecision(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if err := w.AppendLabel(t.Context(), &label); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// parameters returns the names that a file's comments and its query have.
func parameters(sql string) (head, body []string) {
	named := regexp.MustCompile(`@([a-z_]+)`)
	for line := range strings.Lines(sql) {
		into := &body
		if strings.HasPrefix(line, "--") {
			into = &head
		}
		for _, m := range named.FindAllStringSubmatch(line, -1) {
			*into = append(*into, m[1])
		}
	}
	slices.Sort(head)
	slices.Sort(body)
	return slices.Compact(head), slices.Compact(body)
}

// documented runs the README's command as a reader would, where Google's bq is installed.
func documented(t *testing.T, cloud *pixtest.Cloud, cfg warehouse.Config) (out string, ran bool) {
	t.Helper()
	readme, err := os.ReadFile("../../dashboards/investigations/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(readme), "```sh\n")
	block, _, found := strings.Cut(block, "```")
	// The emulator finds tables without a dataset; BigQuery does not.
	if !found || !strings.Contains(block, `--dataset_id "$DATASET"`) {
		t.Fatalf("the README's command is %q", block)
	}
	if _, err := exec.LookPath("bq"); err != nil {
		t.Log("bq is not installed: the README's command is not run")
		return "", false
	}
	config := t.TempDir()
	token := filepath.Join(config, "token")
	if err := os.WriteFile(token, []byte("any"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "bash", "-ec", "gcloud --quiet config set auth/access_token_file "+token+"\n"+block)
	command.Dir = "../.."
	command.Env = append(os.Environ(), cloud.Env()...)
	command.Env = append(command.Env, "DATASET="+cfg.Dataset, "CLOUDSDK_CONFIG="+config, "CLOUDSDK_CORE_DISABLE_PROMPTS=1")
	answer, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	return string(answer), true
}
