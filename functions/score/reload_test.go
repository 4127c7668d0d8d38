package score_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/models"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/keyring"
	"github.com/sentinela-pix/sentinela/shared/keyring/keytest"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
	"github.com/sentinela-pix/sentinela/shared/pixtest/gcs"
	"github.com/sentinela-pix/sentinela/shared/policy"
	"github.com/sentinela-pix/sentinela/shared/store"
)

// reloadable is a whole service whose models and policy are files that a test may change.
type reloadable struct {
	*score.App
	models, policy string
	store          *store.Store // another client, without injected failures
	faults         *fault.Injector
	storage        *gcs.Faults // of the Cloud Storage whose bucket holds packs/policy.yaml
	registry       *prometheus.Registry
	log            *bytes.Buffer
	mu             *sync.Mutex
	n              int
	config         score.Config
	env            host.Env
}

func newReloadable(t *testing.T, change ...func(*score.Config)) *reloadable {
	t.Helper()
	storage := &gcs.Faults{}
	cloud, err := pixtest.Start(t.Context(), pixtest.Options{
		PubSub: true, Bigtable: true,
		Storage: gcs.Faulty("bucket", fstest.MapFS{"packs/policy.yaml": {Data: policy.Shipped()}}, storage),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	cfg := store.Config{ProjectID: cloud.ProjectID, InstanceID: "i"}
	if err := store.CreateSchema(t.Context(), cfg, store.Retention{}, cloud.BigtableOptions()...); err != nil {
		t.Fatal(err)
	}
	b, err := bus.Open(t.Context(), bus.Config{ProjectID: cloud.ProjectID}, cloud.PubSubOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(t.Context()) })
	if err := b.EnsureTopic(t.Context(), event.TopicDecisions); err != nil {
		t.Fatal(err)
	}
	r := &reloadable{
		models: filepath.Join(t.TempDir(), "models"), policy: filepath.Join(t.TempDir(), "policy.yaml"),
		registry: prometheus.NewRegistry(), log: new(bytes.Buffer), mu: new(sync.Mutex), faults: fault.New(),
		storage: storage,
	}
	if r.store, err = store.Open(t.Context(), cfg, cloud.BigtableOptions()...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.store.Close() })
	if err := os.CopyFS(r.models, models.Shipped()); err != nil {
		t.Fatal(err)
	}
	r.renameShipped(t)
	r.write(t, r.policy, policy.Shipped())
	r.write(t, filepath.Join(r.models, "payer", "current"), []byte("1\n"))
	c := &score.Config{
		Config: host.Config{
			ProjectID: cloud.ProjectID, LogLevel: slog.LevelInfo, DeadLetterTopic: "dlq", MaxMessageAge: 24 * time.Hour, MaxPanics: 5, Timeout: 20 * time.Second,
			Identity: host.IdentityConfig{VerifyCallers: "off"},
		},
		StoreConfig: host.StoreConfig{BigtableInstance: "i", BigtableTable: "pix"}, DecisionsTopic: event.TopicDecisions,
		Models: r.models, Policy: r.policy, ReloadEvery: 20 * time.Millisecond,
		DecisionTimeout: 10 * time.Second, StoreDeadline: 9 * time.Second, MaxInFlight: 100, ShadowWait: time.Second,
		Keys: keyring.Config{TokenKey: keytest.Key("k"), TokenKeyVersion: 1},
	}
	for _, f := range change {
		f(c)
	}
	r.config, r.env = *c, host.Env{
		Logs: locked{r.mu, r.log}, Metrics: r.registry, PubSub: cloud.PubSubOptions(),
		Bigtable: append(cloud.BigtableOptions(), r.faults.ClientOptions()...), Storage: cloud.StorageOptions(),
	}
	r.App, err = score.Open(t.Context(), c, r.env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return r
}

func (r *reloadable) write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name+".new", data, 0o600); err != nil { // then renamed: a watcher must not read half a file
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

// renameShipped calls the shipped payer model version 1, whatever this release ships it as.
func (r *reloadable) renameShipped(t *testing.T) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(r.models, "payer", "*", "manifest.json"))
	if err != nil || len(found) != 1 {
		t.Fatalf("this release ships the payer models %v, want one (%v)", found, err)
	}
	shipped := filepath.Dir(found[0])
	manifest, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	version := fmt.Appendf(nil, `"version": %q`, filepath.Base(shipped))
	r.write(t, found[0], bytes.Replace(manifest, version, []byte(`"version": "1"`), 1))
	if err := os.Rename(shipped, filepath.Join(r.models, "payer", "1")); err != nil {
		t.Fatal(err)
	}
}

// addModel writes the payer's version 1 again under another name, changed as a test likes.
func (r *reloadable) addModel(t *testing.T, version string, change func(file string, data []byte) []byte) {
	t.Helper()
	for _, file := range []string{"model.txt", "golden.json", "reference.json", "manifest.json"} {
		data, err := os.ReadFile(filepath.Join(r.models, "payer", "1", file))
		if err != nil {
			t.Fatal(err)
		}
		if file == "manifest.json" {
			data = bytes.Replace(data, []byte(`"version": "1"`), fmt.Appendf(nil, `"version": %q`, version), 1)
		}
		if change != nil {
			data = change(file, data)
		}
		r.write(t, filepath.Join(r.models, "payer", version, file), data)
	}
}

// answer is the part of a decision that names versions.
type answer struct {
	Outcome                      string
	FeaturesMissing, Provisional bool
	PolicyVersion                string
	Scores                       []struct{ Version string }
	ShadowScores                 []struct{ Version, Outcome string }
}

// next is one more payment of the same payer, of now: the clock is the process's.
func (r *reloadable) next(t *testing.T) []byte {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	now := time.Now().UTC()
	return []byte(strings.NewReplacer("2026-11-23T14:30:12.345Z", now.Format("2006-01-02T15:04:05.000Z"),
		"202611231430aB3dE5fG7hI", fmt.Sprintf("%s%011d", now.Format("200601021504"), r.n)).Replace(string(payment(t))))
}

// decide posts one new payment.
func (r *reloadable) decide(t *testing.T) answer {
	t.Helper()
	return r.decideOn(t, r.next(t))
}

func (r *reloadable) decideOn(t *testing.T, body []byte) answer {
	t.Helper()
	a, err := r.tryDecide(t, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// tryDecide is decideOn for a goroutine that is not the test's own.
func (r *reloadable) tryDecide(t *testing.T, body []byte) (answer, error) {
	t.Helper()
	w := post(t, detailed(r), "/v1/decisions?view=full", "application/json", body)
	var a answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err == nil && w.Code == http.StatusOK && a.Outcome != "" {
		return a, nil
	}
	return a, fmt.Errorf("status %d: %s", w.Code, w.Body)
}

func (r *reloadable) await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not come about; the log's warnings:\n%s", what, r.complaints())
		}
	}
}

// complaints are the lines of the log that tell of something unusual.
func (r *reloadable) complaints() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var unusual []string
	for line := range strings.Lines(r.log.String()) {
		if !strings.Contains(line, `"message":"decided"`) {
			unusual = append(unusual, line)
		}
	}
	return strings.Join(unusual, "")
}

// metric adds up the series of a metric that carry every given label value.
func (r *reloadable) metric(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			text := m.String()
			all := true
			for _, l := range labels {
				all = all && strings.Contains(text, `"`+l+`"`)
			}
			if all {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// TestReload changes models and policy under load: each decision names exactly one version of each, what is broken is
// refused with a metric and a log line while the last good one goes on serving, and nothing has to be restarted.
func TestReload(t *testing.T) {
	t.Parallel()
	r := newReloadable(t)
	first := r.decide(t)
	stop := make(chan struct{})
	var load sync.WaitGroup
	stopLoad := sync.OnceFunc(func() { close(stop); load.Wait() })
	t.Cleanup(stopLoad)
	var mu sync.Mutex
	seen := map[string]int{}
	for range 2 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond): // one payer's history must stay short
				}
				a, err := r.tryDecide(t, r.next(t))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				seen[a.Scores[0].Version+" "+a.PolicyVersion]++
				mu.Unlock()
			}
		})
	}
	r.addModel(t, "2", nil)
	r.write(t, filepath.Join(r.models, "payer", "current"), []byte("2\n1\n"))
	r.await(t, "model 2", func() bool { return r.decide(t).Scores[0].Version == "2" })
	r.write(t, r.policy, bytes.Replace(policy.Shipped(), []byte("version: pix-"), []byte("version: next-"), 1))
	r.await(t, "the next policy", func() bool { return strings.HasPrefix(r.decide(t).PolicyVersion, "next-") })

	r.addModel(t, "3", func(file string, data []byte) []byte {
		if file == "model.txt" {
			return data[:len(data)/2]
		}
		return data
	})
	r.write(t, filepath.Join(r.models, "payer", "current"), []byte("3\n2\n1\n"))
	r.write(t, r.policy, []byte("version: [broken"))
	r.await(t, "refusals", func() bool {
		return r.metric(t, "pix_model_refusals_total", "payer", "champion") == 1 && r.metric(t, "pix_policy_refusals_total") == 1
	})
	last := r.decide(t)
	if last.Scores[0].Version != "2" || !strings.HasPrefix(last.PolicyVersion, "next-") {
		t.Errorf("after broken files %s by %s", last.Scores[0].Version, last.PolicyVersion)
	}
	if r.metric(t, "pix_policy_current") != 0 || r.metric(t, "pix_model_current", "payer", "champion") != 0 {
		t.Error("nobody sees that what serves is not what the files say")
	}
	stopLoad()
	log := r.complaints()
	for _, line := range []string{"policy refused", "policy in force", "model refused", "model serves"} {
		if !strings.Contains(log, line) {
			t.Errorf("no log line says %q", line)
		}
	}
	for named, n := range seen {
		model, pack, _ := strings.Cut(named, " ")
		if (model != "1" && model != "2") || (pack != first.PolicyVersion && pack != last.PolicyVersion) {
			t.Errorf("%d decisions by %s", n, named)
		}
	}
	if len(seen) < 2 {
		t.Errorf("decisions by %v: the load saw no swap", seen)
	}
}

// TestChallengersScoreInShadow from the model store to the decision and the metrics.
func TestChallengersScoreInShadow(t *testing.T) {
	t.Parallel()
	r := newReloadable(t)
	r.addModel(t, "2", nil)
	r.write(t, filepath.Join(r.models, "payer", "challengers"), []byte("2\n"))
	r.await(t, "a challenger", func() bool { return len(r.decide(t).ShadowScores) == 1 })
	a := r.decide(t)
	if a.Scores[0].Version != "1" || a.ShadowScores[0].Version != "2" || a.ShadowScores[0].Outcome == "" {
		t.Errorf("%+v", a)
	}
	if r.metric(t, "pix_shadow_scores_total", "payer", "same") == 0 || r.metric(t, "pix_shadow_scores_total", "other") != 0 {
		t.Error("the same model under another name is not counted as giving the same outcome")
	}
}

// reloading is what the readiness condition of this name says, empty when all is well.
func (r *reloadable) reloading(t *testing.T, name string) string {
	t.Helper()
	for _, c := range r.Reloading() {
		if c.Own {
			t.Errorf("%s takes a scorer out of service", c.Name)
		}
		if c.Name != name {
			continue
		}
		if err := c.Check(); err != nil {
			return err.Error()
		}
		return ""
	}
	t.Fatalf("there is no condition %s", name)
	return ""
}

// TestPolicyStoreAway: Cloud Storage answers 503, or nothing at all. A look gives up, the metric, the log and the detail
// of readiness say so, models are followed meanwhile, and so is the policy afterwards.
func TestPolicyStoreAway(t *testing.T) {
	t.Parallel()
	r := newReloadable(t, func(c *score.Config) { c.Policy = "gs://bucket/packs/policy.yaml" })
	r.addModel(t, "2", nil)
	for model, away := range map[string]func(bool){"1": r.storage.SetAway, "2": r.storage.SetSilent} {
		away(true)
		r.await(t, "the metric at 0", func() bool { return r.metric(t, "pix_policy_current") == 0 })
		if says := r.reloading(t, "policy_followed"); !strings.Contains(says, "not looked at successfully for ") {
			t.Errorf("the policy's condition says %q", says)
		}
		r.write(t, filepath.Join(r.models, "payer", "current"), []byte(model+"\n"))
		r.await(t, "the model", func() bool { return r.decide(t).Scores[0].Version == model })
		away(false)
		r.await(t, "the metric at 1", func() bool { return r.metric(t, "pix_policy_current") == 1 })
		if says := r.reloading(t, "policy_followed"); says != "" {
			t.Errorf("afterwards the policy's condition says %q", says)
		}
	}
	if n := strings.Count(r.complaints(), "policy cannot be looked for"); n != 2 {
		t.Errorf("two outages were logged %d times:\n%s", n, r.complaints())
	}
}

// TestPipeAsFile: a pipe in the place of any file holds nothing up, neither what follows the others nor the end.
func TestPipeAsFile(t *testing.T) {
	t.Parallel()
	r := newReloadable(t)
	pipe := func(at string) {
		t.Helper()
		if err := syscall.Mkfifo(at+".pipe", 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(at+".pipe", at); err != nil {
			t.Fatal(err)
		}
	}
	r.addModel(t, "2", nil)
	pipe(filepath.Join(r.models, "payer", "2", "model.txt"))
	r.write(t, filepath.Join(r.models, "payer", "current"), []byte("2\n1\n"))
	pipe(r.policy)
	pipe(filepath.Join(r.models, "receiver", "challengers"))
	r.await(t, "refusal and blindness", func() bool {
		return r.metric(t, "pix_model_refusals_total", "payer", "champion") == 1 && r.metric(t, "pix_policy_current") == 0 &&
			r.metric(t, "pix_model_current", "receiver", "challenger") == 0
	})
	if says := r.reloading(t, "models_followed"); !strings.Contains(says, "payer model champion: what is named was refused") ||
		!strings.Contains(says, "receiver model challenger: not looked at successfully") {
		t.Errorf("the models' condition says %q", says)
	}
	if a := r.decide(t); a.Scores[0].Version != "1" {
		t.Errorf("decided by %s", a.Scores[0].Version)
	}
	r.write(t, filepath.Join(r.models, "payer", "challengers"), []byte("1\n"))
	r.addModel(t, "3", nil)
	r.write(t, filepath.Join(r.models, "payer", "challengers"), []byte("3\n"))
	r.await(t, "a challenger beside all that", func() bool { return len(r.decide(t).ShadowScores) == 1 })
}

// TestStartNeedsWhatItCanRead: a scorer whose policy is a pipe, or nowhere, does not start, and says which.
func TestStartNeedsWhatItCanRead(t *testing.T) {
	t.Parallel()
	r := newReloadable(t)
	place := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(place, "policy.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, location := range []string{filepath.Join(place, "policy.yaml"), filepath.Join(place, "none.yaml"), place + "/none/x.yaml"} {
		c, env := r.config, r.env
		c.Policy, env.Metrics = location, prometheus.NewRegistry()
		app, err := score.Open(t.Context(), &c, env)
		if err == nil || !strings.Contains(err.Error(), "policy") {
			t.Errorf("%s gave %v", location, err)
		}
		if app != nil {
			_ = app.Close(t.Context())
		}
	}
}
