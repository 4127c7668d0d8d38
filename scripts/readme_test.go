// Package scripts_test executes the READMEs: a line that a stranger would type must work as it stands.
package scripts_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const root = ".."

// clients is what a block needs that a machine may lack.
func clients() []string { return []string{"kcat", "bq"} }

func TestBothREADMEsHaveTheSameCommands(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(blocks(t, "README.md"), blocks(t, "README.pt-BR.md")); diff != "" {
		t.Errorf("shell blocks (-README.md +README.pt-BR.md):\n%s", diff)
	}
}

func TestREADMELinksExist(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	names := []string{"README.md", "README.pt-BR.md", "CONTRIBUTING.md", "SECURITY.md", "models/README.md"}
	for _, pattern := range []string{"docs/*.md", "docs/adr/*.md"} {
		found, err := filepath.Glob(root + "/" + pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range found {
			names = append(names, strings.TrimPrefix(name, root+"/"))
		}
	}
	for _, name := range names {
		dir := root + "/" + name[:strings.LastIndex("/"+name, "/")]
		for _, m := range link.FindAllStringSubmatch(string(read(t, name)), -1) {
			if _, err := os.Stat(dir + "/" + m[1]); err != nil {
				t.Errorf("%s links to %s: %v", name, m[1], err)
			}
		}
	}
}

// TestREADMECommands runs the README's blocks in one shell, in order. `make demo`, `make test`, `make loop` and `make watch` are only checked for
// their existence: the demo has a test of its own, and this test runs under the other.
func TestREADMECommands(t *testing.T) {
	t.Parallel()
	script := []string{"set -euo pipefail", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"}
	for _, block := range blocks(t, "README.md") {
		if missing := slices.IndexFunc(clients(), func(c string) bool { return strings.Contains(block, c+" -") && !installed(c) }); missing >= 0 {
			t.Logf("not run, %s is not installed:\n%s", clients()[missing], block)
			continue
		}
		if slices.Contains([]string{"make demo", "make test", "make loop", "make watch"}, block) {
			block = strings.Replace(block, "make", "make --dry-run", 1) + " > /dev/null"
		}
		if block == "kill %1 && wait" { // Without job control %1 is a pid; the exit code of wait is the demo's.
			block = "kill %1; wait %1"
		}
		script = append(script, block)
	}
	out := shell(t, strings.Join(script, "\n"))
	const id = "E12345678202611230130aB3dE5fG7hI"
	want := map[string]string{"the answer over HTTP": `"outcome":"OUTCOME_REJECT"`, "pixctl explain": "night limit of R"}
	if installed("bq") {
		want["the row in BigQuery"] = regexp.QuoteMeta(id) + `\s*\|\s*REJECT`
	}
	for what, pattern := range want {
		if !regexp.MustCompile(pattern).Match(out) {
			t.Errorf("%s: nothing matches %s", what, pattern)
		}
	}
	if t.Failed() {
		t.Logf("output:\n%s", out)
	}
}

// TestTheWaitForReadyEnds: it takes no file of an earlier run for an answer, and a system that has gone ends it.
func TestTheWaitForReadyEnds(t *testing.T) {
	t.Parallel()
	all := blocks(t, "README.md")
	block := all[slices.IndexFunc(all, func(b string) bool { return strings.Contains(b, "demo -serve") })]
	block = strings.Replace(strings.TrimPrefix(block, "make pixctl\n"), "build/pixctl demo -serve > build/endpoints.env", "(sleep 0.3; false)", 1)
	dir := t.TempDir()
	if err := os.MkdirAll(dir+"/build", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/build/endpoints.env", []byte("ANSWER=stale\nready\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", block+"\necho \"answer: ${ANSWER:-none}\"")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("answer: none")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func shell(t *testing.T, script string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute) // the first build of pixctl
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir = root
	cmd.WaitDelay = 10 * time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("the README's commands: %v\n%s", err, out.Bytes())
	}
	return out.Bytes()
}

// blocks returns the shell blocks of a README in order.
func blocks(t *testing.T, name string) []string {
	t.Helper()
	var out []string
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)\n```").FindAllStringSubmatch(string(read(t, name)), -1) {
		out = append(out, m[1])
	}
	if len(out) == 0 {
		t.Fatalf("%s has no shell block", name)
	}
	return out
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(root + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func installed(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil
}
