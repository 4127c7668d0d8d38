package scripts_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// stub stands for a tool: it writes its arguments to the log, fails where the test says so, and answers what gcloud is
// asked.
const stub = `#!/bin/bash
call="$(basename "$0") $*"
echo "$call" >>"$LOG"
if [ -n "$FAILS" ] && [[ "$call" =~ $FAILS ]] && [ "$(grep -cE "$FAILS" "$LOG")" -eq "$FAILS_AT" ]; then
  [ -z "$INTERRUPTS" ] || kill -INT "$PPID"
  exit 1
fi
case "$call" in
*"services describe"*Revision*) [ -n "$SERVES" ] || exit 1; echo "$4-00007" ;;
*"services describe"*image*) [ -n "$SERVES" ] || exit 1; echo "registry/functions@sha256:before" ;;
*"apply -input"*) cat "${call##*-var-file=}" >>"$LOG" ;;
esac
`

// deployment is one run of deploy.sh with stubs for every tool.
type deployment struct {
	environment   string
	first         bool // nothing serves yet
	fails         string
	failsAt       string
	interrupts    bool
	withoutImages bool
}

// run returns the log of what was called and the exit code.
func (d deployment) run(t *testing.T) (calls []string, code int) {
	t.Helper()
	dir := t.TempDir()
	script, err := os.ReadFile("deploy/deploy.sh")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"deploy.sh": string(script), "log": ""}
	for _, tool := range []string{"bin/terraform", "bin/gcloud", "bin/kubectl", "build/gate", "build/pixctl"} {
		files[tool] = stub
	}
	if !d.withoutImages {
		for _, image := range []string{"functions", "scorer", "kafka-bridge"} {
			files["build/images/checksums.txt"] += strings.Repeat("a", 64) + "  registry/" + image + "\n"
		}
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o700); err != nil { //nolint:gosec // tools are executed
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "bash", "deploy.sh", d.environment, "build") //nolint:gosec // our own script
	cmd.Dir = dir
	serves, interrupts := "yes", ""
	if d.first {
		serves = ""
	}
	if d.interrupts {
		interrupts = "yes"
	}
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "LOG="+filepath.Join(dir, "log"),
		"PROJECT_ID=bank-pix", "REGION=southamerica-east1", "SERVES="+serves, "FAILS="+d.fails, "FAILS_AT="+d.failsAt, "INTERRUPTS="+interrupts)
	output, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	log, err := os.ReadFile(filepath.Join(dir, "log")) //nolint:gosec // the stubs wrote it
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s\n%s", log, output)
	return strings.Split(strings.TrimSpace(string(log)), "\n"), cmd.ProcessState.ExitCode()
}

// story shortens a log to what moves traffic or judges it.
func story(calls []string) []string {
	var told []string
	percent := regexp.MustCompile(`"percent": (\d+)`)
	for _, call := range calls {
		switch {
		case strings.HasPrefix(call, `{"images"`):
			step := "all to new"
			if strings.Contains(call, "sha256:before") {
				step = "all to before"
			} else if match := percent.FindStringSubmatch(call); match != nil {
				step = match[1] + " to new"
			}
			told = append(told, step)
		case strings.HasPrefix(call, "gate "):
			told = append(told, "judge")
		case strings.Contains(call, "update-traffic pix-score "):
			told = append(told, "traffic back")
		case strings.HasPrefix(call, "kubectl apply"):
			told = append(told, "cluster")
		case strings.Contains(call, "rollout undo deployment/scorer"):
			told = append(told, "cluster back")
		case strings.HasPrefix(call, "pixctl doctor"):
			told = append(told, "doctor")
		}
	}
	return told
}

func TestDeploy(t *testing.T) {
	t.Parallel()
	toProd := []string{"5 to new", "judge", "25 to new", "judge", "50 to new", "judge", "all to new", "judge", "cluster", "judge", "doctor"}
	until := func(n int, more ...string) []string { return append(slices.Clone(toProd[:n]), more...) }
	for name, c := range map[string]struct {
		deployment
		story []string
		code  int
	}{
		"prod":                       {deployment{environment: "prod"}, toProd, 0},
		"staging":                    {deployment{environment: "staging"}, []string{"all to new", "judge", "cluster", "judge", "doctor"}, 0},
		"dev":                        {deployment{environment: "dev"}, []string{"all to new", "cluster", "doctor"}, 0},
		"the first":                  {deployment{environment: "dev", first: true}, []string{"all to new", "cluster", "doctor"}, 0},
		"the first, ill":             {deployment{environment: "dev", first: true, fails: "^pixctl doctor", failsAt: "1"}, []string{"all to new", "cluster", "doctor"}, 1},
		"ill at 5 %":                 {deployment{environment: "prod", fails: "^gate", failsAt: "1"}, until(2, "traffic back", "all to before"), 1},
		"ill at 50 %":                {deployment{environment: "prod", fails: "^gate", failsAt: "3"}, until(6, "traffic back", "all to before"), 1},
		"interrupted at 25 %":        {deployment{environment: "prod", fails: "^gate", failsAt: "2", interrupts: true}, until(4, "traffic back", "all to before"), 1},
		"terraform fails at 25 %":    {deployment{environment: "prod", fails: "apply -input", failsAt: "2"}, until(2, "traffic back", "all to before"), 1},
		"a pod does not start":       {deployment{environment: "prod", fails: "rollout status", failsAt: "2"}, until(9, "traffic back", "cluster back", "all to before"), 1},
		"ill in the cluster":         {deployment{environment: "prod", fails: "^gate", failsAt: "5"}, until(10, "traffic back", "cluster back", "all to before"), 1},
		"the doctor finds something": {deployment{environment: "prod", fails: "^pixctl doctor", failsAt: "1"}, until(11, "traffic back", "cluster back", "all to before"), 1},
		"nothing was pushed":         {deployment{environment: "prod", withoutImages: true}, nil, 1},
		"no such environment":        {deployment{environment: "production"}, nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls, code := c.run(t)
			if got := story(calls); !slices.Equal(got, c.story) || code != c.code {
				t.Errorf("exit %d, %q\nwant %d, %q", code, got, c.code, c.story)
			}
		})
	}
}
