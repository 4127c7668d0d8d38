package stack_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
	"github.com/sentinela-pix/sentinela/shared/pixtest/port"
	"github.com/sentinela-pix/sentinela/shared/world"
)

const dashboards = "../../../../dashboards"

// TestARealPrometheus: it scrapes a running system, takes every rule, answers every dashboard, and calls somebody when the store
// goes away, for as long as it is away. Times of rules are a thirtieth of what they are, unless RULES_AS_THEY_ARE is set. PROMETHEUS
// names the program where it is not in the path.
func TestARealPrometheus(t *testing.T) {
	t.Parallel()
	program := os.Getenv("PROMETHEUS")
	if program == "" {
		program = "prometheus"
	}
	if _, err := exec.LookPath(program); err != nil {
		t.Skip("there is no Prometheus: apt-get install prometheus, or name one in PROMETHEUS")
	}
	faults := fault.New()
	s := startAs(t, stack.Options{Bigtable: faults.ClientOptions()})
	p := runPrometheus(t, program, s.MetricsURL)
	await(t, "a scrape", func() bool { return p.truth(t, `up == 1`) })
	p.rulesAreSound(t)
	p.dashboardsAnswer(t)
	kafka := newProducer(t, s)
	for _, sub := range simulate(t, world.Params{Seed: 22, Accounts: 300, Days: 2}, 60) {
		kafka.send(t, sub)
	}
	await(t, "what the objectives of a stack without a warehouse are measured by", func() bool {
		return p.truth(t, `count(slo:sli_error:ratio_rate5m{sloth_slo=~"decisions|freshness"}) == 2`)
	})

	faults.Down("*")
	for _, sub := range simulate(t, world.Params{Seed: 23, Accounts: 300, Days: 2}, 60) {
		kafka.send(t, sub)
	}
	await(t, "the open breaker", func() bool { return p.truth(t, `pix_store_breaker_open == 1`) })
	opened := time.Now()
	await(t, "StoreAway", func() bool { return p.truth(t, `ALERTS{alertname="StoreAway",alertstate="firing"}`) })
	if took := time.Since(opened); took > firesWithin {
		t.Errorf("StoreAway fired %v after the breaker opened, want within %v", took, firesWithin)
	}
	faults.Restore("*")
	await(t, "the closed breaker", func() bool { return p.truth(t, `pix_store_breaker_open == 0`) })
	kept := time.Now()
	for p.truth(t, `ALERTS{alertname="StoreAway"}`) {
		if time.Since(kept) > endsWithin {
			t.Fatalf("StoreAway still fires %v after the breaker closed", endsWithin)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// Bounds of StoreAway at its own times: it fires after a minute and is kept for five, each with two turns of 30 s and a busy machine.
const (
	firesWithin = 2*time.Minute + 30*time.Second
	endsWithin  = 7 * time.Minute
)

// server is a running Prometheus.
type server struct{ url string }

func runPrometheus(t *testing.T, program, target string) server {
	t.Helper()
	dir := t.TempDir()
	rules, err := os.ReadFile(filepath.Join(dashboards, "prometheus/rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("global: {scrape_interval: 1s}\nrule_files: [rules.yaml]\nscrape_configs: [{job_name: sentinela, static_configs: [{targets: [%q]}]}]\n", u.Host)
	for name, text := range map[string]string{"rules.yaml": hurried(t, string(rules)), "prometheus.yml": config} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := port.Free(t)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, "--config.file="+filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait()
		if said, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s", said)
		}
	})
	p := server{"http://" + address}
	await(t, "a Prometheus", func() bool {
		answer, err := http.Get(p.url + "/-/ready")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	return p
}

// hurried makes rules thirty times as fast.
func hurried(t *testing.T, rules string) string {
	t.Helper()
	if os.Getenv("RULES_AS_THEY_ARE") != "" {
		return rules
	}
	const times = 30
	return regexp.MustCompile(`(?m)^( +(?:interval|for|keep_firing_for|- name: [\w-]+\n +interval): )(\w+)$`).ReplaceAllStringFunc(rules, func(line string) string {
		at := strings.LastIndex(line, " ") + 1
		long, err := time.ParseDuration(line[at:])
		if err != nil {
			t.Fatal(err)
		}
		return line[:at] + fmt.Sprintf("%dms", (long/times).Milliseconds())
	})
}

// ask gets the data of an answer of the API.
func (p server) ask(t *testing.T, path string, query url.Values, data any) error {
	t.Helper()
	answer, err := http.Get(p.url + path + "?" + query.Encode())
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", answer.Status, body)
	}
	return json.Unmarshal(body, data)
}

// truth says whether an expression has a result now.
func (p server) truth(t *testing.T, expression string) bool {
	t.Helper()
	var answer struct{ Data struct{ Result []any } }
	if err := p.ask(t, "/api/v1/query", url.Values{"query": {expression}}, &answer); err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return len(answer.Data.Result) > 0
}

func (p server) rulesAreSound(t *testing.T) {
	t.Helper()
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	rules := 0
	await(t, "an evaluation of every rule", func() bool {
		if err := p.ask(t, "/api/v1/rules", nil, &answer); err != nil {
			t.Fatal(err)
		}
		rules = 0
		for _, g := range answer.Data.Groups {
			for _, r := range g.Rules {
				rules++
				if r.Health == "err" {
					t.Fatalf("%s: %s", r.Name, r.LastError)
				}
				if r.Health != "ok" {
					return false
				}
			}
		}
		return true
	})
	if rules < 100 {
		t.Errorf("%d rules", rules)
	}
}

func (p server) dashboardsAnswer(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dashboards, "grafana/*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d dashboards, %v", len(files), err)
	}
	for _, file := range files {
		board, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"expr": ("(?:[^"\\]|\\.)*")`).FindAllSubmatch(board, -1) {
			var expression string
			if err := json.Unmarshal(m[1], &expression); err != nil {
				t.Fatal(err)
			}
			p.truth(t, expression)
		}
	}
}
