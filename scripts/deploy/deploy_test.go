package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// cloud answers the tools of a deployment and tells what was done in the order in which it was done.
type cloud struct {
	t         *testing.T
	services  string // what Cloud Run lists
	rollout   string // of each workload, empty for none
	fails     string // a command that does not work, as a regular expression
	failsAt   int    // the how manieth of these
	interrupt context.CancelFunc

	seen  int
	story []string
	calls []string
}

var percent = regexp.MustCompile(`"score":\{"percent":(\d+),"stable_revision":"pix-score-00007"`)

func (c *cloud) run(ctx context.Context, call command) (string, error) {
	line := strings.Join(call, " ")
	c.calls = append(c.calls, line)
	has := func(part string) bool { return strings.Contains(line, part) }
	switch {
	case has("apply -input"):
		data, err := os.ReadFile(line[strings.Index(line, "-var-file=")+len("-var-file="):])
		if err != nil {
			c.t.Error(err)
		}
		if !strings.Contains(string(data), "registry/functions@sha256:") || !strings.Contains(string(data), `"project_id":"bank-pix"`) {
			c.t.Errorf("applied %s", data)
		}
		share := "100"
		if match := percent.FindStringSubmatch(string(data)); match != nil {
			share = match[1]
		}
		c.story = append(c.story, share)
	case has("gate "):
		if !has("REVISIONS=pix-audit-00008|pix-score-00008") {
			c.t.Errorf("judged by %s", line)
		}
		c.story = append(c.story, "judge")
	case has("update-traffic pix-score ") && has("pix-score-00007=100"), has("update-traffic pix-audit ") && has("pix-audit-00007=100"):
		c.story = append(c.story, "back "+call[4])
	case has("kubectl apply"):
		c.story = append(c.story, "cluster")
	case has("rollout undo") && has("--to-revision=41"):
		c.story = append(c.story, "back "+call[5])
	case has("doctor"):
		c.story = append(c.story, "doctor")
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if c.fails != "" && regexp.MustCompile(c.fails).MatchString(line) {
		if c.seen++; c.seen == c.failsAt {
			if c.interrupt != nil {
				c.interrupt()
				return "", context.Canceled
			}
			return "", errors.New("it does not work")
		}
	}
	switch {
	case has("services list"):
		return c.services, nil
	case has("kubectl") && has(" get "):
		return c.rollout, nil
	}
	return "", nil
}

// serving lists services of which revision 7 has all the traffic and 8 is the newest.
func serving(functions ...string) string {
	var list []string
	for _, f := range functions {
		list = append(list, fmt.Sprintf(`{"metadata":{"name":"pix-%[1]s"},"status":{"latestReadyRevisionName":"pix-%[1]s-00008","traffic":[{"revisionName":"pix-%[1]s-00007","percent":100},{"revisionName":"pix-%[1]s-00008"}]}}`, f))
	}
	return "[" + strings.Join(append(list, `{"metadata":{"name":"somebody-elses"}}`), ",") + "]"
}

// checkout makes a directory that has what a deployment reads.
func checkout(t *testing.T, environment string) *deployment {
	t.Helper()
	dir := t.TempDir()
	d, err := newDeployment(environment, filepath.Join(dir, "build"), func(name string) string {
		return map[string]string{"PROJECT_ID": "bank-pix", "REGION": "southamerica-east1"}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	d.out, d.dir = io.Discard, dir
	sums := ""
	for _, image := range []string{"functions", "scorer", "kafka-bridge"} {
		sums += strings.Repeat("a", 64) + "  registry/" + image + "\n"
	}
	for name, content := range map[string]string{
		"build/images/checksums.txt": sums, filepath.Join("terraform/envs", environment, "terraform.tfvars"): "",
	} {
		if err := write(filepath.Join(dir, name), []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func TestDeploy(t *testing.T) {
	t.Parallel()
	toProd := []string{"5", "judge", "25", "judge", "50", "judge", "100", "judge", "cluster", "judge", "doctor"}
	wayBack := []string{"back pix-audit", "back pix-score", "back deployment/kafka-bridge", "back deployment/scorer"}
	until := func(n int) []string { return append(slices.Clone(toProd[:n]), wayBack...) }
	both, whole := serving("score", "audit"), "41"
	for name, c := range map[string]struct {
		environment string
		cloud       cloud
		interrupted bool
		story       []string
		fails       bool
	}{
		"prod":    {"prod", cloud{services: both, rollout: whole}, false, toProd, false},
		"staging": {"staging", cloud{services: both, rollout: whole}, false, []string{"100", "judge", "cluster", "judge", "doctor"}, false},
		"dev":     {"dev", cloud{services: both, rollout: whole}, false, []string{"100", "cluster", "doctor"}, false},

		"the first of dev":  {"dev", cloud{services: "[]"}, false, []string{"100", "cluster", "doctor"}, false},
		"the first of prod": {"prod", cloud{services: "[]"}, false, []string{"100", "cluster", "doctor"}, false},
		"the first, ill":    {"prod", cloud{services: "[]", fails: "pixctl doctor", failsAt: 1}, false, []string{"100", "cluster", "doctor"}, true},

		"ill at 5 %":                {"prod", cloud{services: both, rollout: whole, fails: "gate", failsAt: 1}, false, until(2), true},
		"ill at 50 %":               {"prod", cloud{services: both, rollout: whole, fails: "gate", failsAt: 3}, false, until(6), true},
		"interrupted at 25 %":       {"prod", cloud{services: both, rollout: whole, fails: "gate", failsAt: 2}, true, until(4), true},
		"terraform fails at 25 %":   {"prod", cloud{services: both, rollout: whole, fails: "apply -input", failsAt: 2}, false, until(3), true},
		"a pod does not start":      {"prod", cloud{services: both, rollout: whole, fails: "rollout status", failsAt: 2}, false, until(9), true},
		"ill in the cluster":        {"prod", cloud{services: both, rollout: whole, fails: "gate", failsAt: 5}, false, until(10), true},
		"the doctor finds a fault":  {"prod", cloud{services: both, rollout: whole, fails: "pixctl doctor", failsAt: 1}, false, until(11), true},
		"no workload before":        {"prod", cloud{services: both, fails: "gate", failsAt: 5}, false, append(slices.Clone(toProd[:10]), wayBack[:2]...), true},
		"Cloud Run does not answer": {"prod", cloud{services: both, rollout: whole, fails: "services list", failsAt: 1}, false, nil, true},
		"it does not answer later":  {"prod", cloud{services: both, rollout: whole, fails: "services list", failsAt: 2}, false, until(1), true},
		"the cluster is away":       {"prod", cloud{services: both, rollout: whole, fails: "get-credentials", failsAt: 1}, false, nil, true},
		"a release is under way": {"prod", cloud{services: `[{"metadata":{"name":"pix-score"},"status":{"traffic":[
			{"revisionName":"pix-score-00007","percent":95},{"revisionName":"pix-score-00008","percent":5}]}}]`}, false, nil, true},
		"nothing serves": {"prod", cloud{services: `[{"metadata":{"name":"pix-score"}}]`}, false, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := checkout(t, c.environment)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c.cloud.t = t
			if c.interrupted {
				c.cloud.interrupt = cancel
			}
			d.run = c.cloud.run
			err := d.deploy(ctx)
			if (err != nil) != c.fails || !slices.Equal(c.cloud.story, c.story) {
				t.Errorf("%v, %q\nwant failure %t, %q\n%s", err, c.cloud.story, c.fails, c.story, strings.Join(c.cloud.calls, "\n"))
			}
			if _, err := os.Stat(d.work("before.json")); err == nil {
				t.Error("what served before is still written down")
			}
		})
	}
}

// TestKilled: what a killed deployment left is taken back before another begins.
func TestKilled(t *testing.T) {
	t.Parallel()
	d := checkout(t, "prod")
	c := cloud{t: t, services: serving("score", "audit"), rollout: "41", fails: "update-traffic pix-score", failsAt: 1}
	d.run = func(ctx context.Context, call command) (string, error) {
		if strings.Contains(strings.Join(call, " "), "gate") {
			panic("killed")
		}
		return c.run(ctx, call)
	}
	func() {
		defer func() { _ = recover() }()
		_ = d.deploy(t.Context())
	}()
	d.run, c.story = c.run, nil
	if err := d.deploy(t.Context()); err == nil || len(c.story) > 0 {
		t.Errorf("the next deployment: %v, %q", err, c.story)
	}
	if err := d.back(t.Context()); err == nil {
		t.Error("a way back that failed is told as one that did not")
	}
	c.story = nil
	if err := d.back(t.Context()); err != nil || !slices.Equal(c.story, []string{"back pix-audit", "back pix-score", "back deployment/kafka-bridge", "back deployment/scorer"}) {
		t.Errorf("%v, %q", err, c.story)
	}
	c.calls = nil
	if err := d.back(t.Context()); err != nil || len(c.calls) > 0 {
		t.Errorf("a second way back: %v, %q", err, c.calls)
	}
}

func TestWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*deployment) error{
		"images": func(d *deployment) error { return os.Remove(filepath.Join(d.build, "images/checksums.txt")) },
		"an image": func(d *deployment) error {
			return write(filepath.Join(d.build, "images/checksums.txt"), []byte(strings.Repeat("a", 64)+"  registry/functions\n"))
		},
		"a digest": func(d *deployment) error {
			return write(filepath.Join(d.build, "images/checksums.txt"), []byte("registry/functions\n"))
		},
		"settings": func(d *deployment) error { return os.Remove(filepath.Join(d.dir, d.root(), "terraform.tfvars")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := checkout(t, "prod")
			if err := spoil(d); err != nil {
				t.Fatal(err)
			}
			c := cloud{t: t}
			d.run = c.run
			if err := d.deploy(t.Context()); err == nil || len(c.calls) > 0 {
				t.Errorf("%v, %q", err, c.calls)
			}
		})
	}
}

// TestImagesOfTheContract: every image that is deployed anywhere is deployed here.
func TestImagesOfTheContract(t *testing.T) {
	t.Parallel()
	var contract struct{ Images map[string]string }
	data, err := os.ReadFile("../../terraform/contract.json")
	if err == nil {
		err = json.Unmarshal(data, &contract)
	}
	want := slices.Sorted(maps.Keys(contract.Images))
	if got := slices.Sorted(slices.Values(append(workloads(), "functions"))); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v are deployed, the contract has %v: %v", got, want, err)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	set := func(name string) string { return map[string]string{"PROJECT_ID": "p", "REGION": "r"}[name] }
	for name, c := range map[string]struct {
		args   []string
		getenv func(string) string
		code   int
	}{
		"no environment":      {nil, set, exitUsage},
		"no such environment": {[]string{"production"}, set, exitUsage},
		"no project":          {[]string{"prod"}, func(string) string { return "" }, exitUsage},
		"help":                {[]string{"-h"}, set, exitOK},
		"nothing to do":       {[]string{"-back", "-build", t.TempDir(), "prod"}, set, exitOK},
		"no images":           {[]string{"-build", t.TempDir(), "prod"}, set, exitRefused},
	} {
		if code := run(t.Context(), c.args, c.getenv, io.Discard); code != c.code {
			t.Errorf("%s: exit %d, want %d", name, code, c.code)
		}
	}
}

// TestExecute: a tool that is under way is asked to stop, and has its time.
func TestExecute(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh")
	}
	var shown strings.Builder
	run := execute(&shown)
	if text, err := run(t.Context(), command{sh, "-c", "echo out; echo complaint >&2"}); err != nil || text != "out\n" {
		t.Errorf("%q, %v", text, err)
	}
	if !strings.Contains(shown.String(), "complaint") {
		t.Errorf("shown: %q", shown.String())
	}
	if _, err := run(t.Context(), command{sh, "-c", "exit 3"}); err == nil {
		t.Error("exit 3 is no failure")
	}
	stopped := filepath.Join(t.TempDir(), "stopped")
	ctx, cancel := context.WithCancel(t.Context())
	script := "trap 'echo > " + stopped + "; exit 1' INT; echo > " + stopped + ".begun; while :; do sleep 0.05; done"
	go func() {
		for t.Context().Err() == nil {
			if _, err := os.Stat(stopped + ".begun"); err == nil {
				cancel()
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	if _, err := run(ctx, command{sh, "-c", script}); err == nil {
		t.Error("an interrupted tool is no failure")
	}
	if _, err := os.Stat(stopped); err != nil {
		t.Errorf("the tool was not asked to stop: %v", err)
	}
}
