package client_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestTheExampleInJava compiles docs/examples/java and runs it against the real service and against servers that are none.
func TestTheExampleInJava(t *testing.T) {
	t.Parallel()
	compiler, err := exec.LookPath("javac")
	if err != nil {
		t.Skip("no javac: the example in Java is not compiled")
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), compiler, "-Xlint:all", "-Werror", "-d", dir, "../docs/examples/java/Sentinela.java").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ask := func(url, deadlineMS string, payment []byte) string {
		file := filepath.Join(t.TempDir(), "payment.json")
		if err := os.WriteFile(file, payment, 0o600); err != nil {
			t.Fatal(err)
		}
		java := filepath.Join(filepath.Dir(compiler), "java")
		cmd := exec.CommandContext(t.Context(), java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", dir, "Sentinela", url, file, deadlineMS)
		cmd.Env = append(os.Environ(), "SCORER_TOKEN=t")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	s, example := startScorer(t), payment(t, exampleID)
	const patient, impatient = "60000", "500"
	if got := ask(s.url, patient, example); got != "do what the decision says: OUTCOME_REJECT" {
		t.Error(got)
	}
	if got := ask(s.url, patient, bytes.Replace(example, []byte("125000"), []byte("125001"), 1)); got != "refused with status 409: hold it, by our own rule" {
		t.Error(got)
	}
	for _, h := range s.asked() {
		if h.Get("Authorization") != "Bearer t" || h.Get("Pix-Time-Budget-Ms") != "300" {
			t.Errorf("asked with %v", h)
		}
	}
	s.store.away.Store(true)
	if got := ask(s.url, patient, payment(t, strings.Replace(exampleID, "aB3", "aB4", 1))); got != "do this for now, and ask again: OUTCOME_REVIEW" {
		t.Error(got)
	}
	for name, handler := range map[string]http.HandlerFunc{
		"hangs":                  hangs,
		"huge":                   endless("application/json", " "),
		"a provisional approval": answers(strings.Replace(good(), `"provisional":false`, `"provisional":true`, 1)),
	} {
		if got := ask(hostile(t, handler), impatient, example); !strings.HasPrefix(got, "nobody answered (") {
			t.Errorf("%s: %s", name, got)
		}
	}
	var asked atomic.Int64
	always := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	// The ten retries that it begins with are spent, and this call has earned a tenth of one.
	if got := ask(always, patient, example); got != "nobody answered (status 503): hold it, by our own rule" || asked.Load() != 11 {
		t.Errorf("asked %d times: %s", asked.Load(), got)
	}
}
