package stack_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/port"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// collectorFile is the configuration that operators start from.
const collectorFile = "../../../../docs/examples/collector.yaml"

// TestCollectorFile: the collector chooses by what our spans really say.
func TestCollectorFile(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(collectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Receivers  map[string]any
		Exporters  map[string]any
		Processors map[string]struct {
			Policies []struct {
				Name            string
				StringAttribute struct {
					Key    string
					Values []pix.Outcome
				} `yaml:"string_attribute"`
			}
		}
		Service struct {
			Pipelines map[string]struct{ Receivers, Processors, Exporters []string }
		}
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for name, p := range file.Service.Pipelines {
		for _, part := range slices.Concat(p.Receivers, p.Processors, p.Exporters) {
			_, receives := file.Receivers[part]
			_, exports := file.Exporters[part]
			if _, processes := file.Processors[part]; !receives && !exports && !processes {
				t.Errorf("the pipeline of %s names %s, which is not there", name, part)
			}
		}
	}
	policy := file.Processors["tail_sampling"].Policies[0].StringAttribute
	if want := []pix.Outcome{pix.Review, pix.Block, pix.Reject}; policy.Key != "pix.outcome" || !slices.Equal(policy.Values, want) {
		t.Errorf("it keeps %s of %v, want pix.outcome of %v", policy.Key, policy.Values, want)
	}
}

// TestCollectorKeepsTheWhole: OpenTelemetry's own collector, to which every service sends all its spans, keeps of what is not
// approved the whole way from the record to the row, and of approvals none but a few.
func TestCollectorKeepsTheWhole(t *testing.T) { //nolint:paralleltest // a process of its own
	binary := os.Getenv("COLLECTOR_BINARY")
	if binary == "" {
		t.Skip("COLLECTOR_BINARY names no collector: scripts/conformance/collector.sh builds one")
	}
	kept, address := filepath.Join(t.TempDir(), "kept.json"), port.Free(t)
	runCollector(t, binary, address, kept)
	s := start(t, stack.Options{Tracing: obs.TracingConfig{Endpoint: "http://" + address, SampleRatio: 1}, Policy: eagerPolicy(t)})
	payments := simulate(t, world.Params{Seed: 9, Accounts: 300, Days: 2, FraudBoost: 500}, 60)
	kafka := newProducer(t, s)
	for _, p := range payments {
		kafka.send(t, p)
	}
	await(t, "audit rows", func() bool { return len(stories(t, s)) == len(payments) && s.Outstanding() == 0 })
	stopped := 0
	for _, story := range stories(t, s) {
		if story.approved {
			continue
		}
		stopped++
		for _, name := range []string{"consume", "publish", "score process", "audit process", "append to decisions", "publish alert"} {
			await(t, fmt.Sprintf("%s of %s", name, story.id), func() bool { return spansIn(t, kept)[story.trace][name] })
		}
	}
	approvals := 0
	for _, story := range stories(t, s) {
		if story.approved && len(spansIn(t, kept)[story.trace]) > 0 {
			approvals++
		}
	}
	if stopped == 0 || stopped == len(payments) || approvals > len(payments)/4 {
		t.Errorf("%d of %d payments were stopped, and the traces of %d approvals were kept", stopped, len(payments), approvals)
	}
}

// runCollector starts the collector with the documented configuration, and two settings of a test's: where the spans go, and
// how long it waits.
func runCollector(t *testing.T, binary, address, kept string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, "--config", collectorFile,
		"--config", "yaml:exporters::file::path: "+kept, "--config", "yaml:service::pipelines::traces::exporters: [file]",
		"--config", "yaml:service::pipelines::metrics::exporters: [file]",
		"--config", "yaml:processors::tail_sampling::decision_wait: 15s")
	cmd.Env = append(os.Environ(), "COLLECTOR_ADDRESS="+address)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
}

// spansIn are the names of the spans in the collector's file, by trace.
func spansIn(t *testing.T, file string) map[string]map[string]bool {
	t.Helper()
	found := map[string]map[string]bool{}
	data, err := os.ReadFile(file)
	if err != nil {
		return found // nothing was kept yet
	}
	for line := range strings.Lines(string(data)) {
		var batch struct {
			ResourceSpans []struct {
				ScopeSpans []struct {
					Spans []struct{ TraceID, Name string }
				}
			}
		}
		if json.Unmarshal([]byte(line), &batch) != nil {
			continue // the last line is being written
		}
		for _, resource := range batch.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, span := range scope.Spans {
					if found[span.TraceID] == nil {
						found[span.TraceID] = map[string]bool{}
					}
					found[span.TraceID][span.Name] = true
				}
			}
		}
	}
	return found
}
