package doctor

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/keyring"
	"github.com/sentinela-pix/sentinela/shared/keyring/keytest"
)

// patience is for what answers on this machine.
const patience = 30 * time.Second

func healthy(env map[string]string) *machine {
	m := newMachine(func(k string) string { return env[k] })
	m.timeout = patience
	return m
}

// verdicts are the findings of one probe, by check.
func verdicts(t *testing.T, p probe, m *machine) map[string]finding {
	t.Helper()
	found := map[string]finding{}
	for _, f := range p(t.Context(), m) {
		found[f.Check] = f
		if (f.Verdict == verdictWrong || f.Verdict == verdictWarn) && f.Mend == "" {
			t.Errorf("%s does not say what mends it", f.Check)
		}
	}
	return found
}

// TestModelsHaveATime: reading them ends with the time of a question, here over before it begins, so that no bucket is asked.
func TestModelsHaveATime(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the bucket is asked") }))
	t.Cleanup(server.Close)
	t.Setenv("STORAGE_EMULATOR_HOST", server.URL) // the client itself looks there
	m := healthy(map[string]string{"STORAGE_EMULATOR_HOST": server.URL, "MODELS_LOCATION": "gs://models"})
	m.timeout = -time.Second
	found := models(t.Context(), m)
	if len(found) == 0 {
		t.Error("nothing is found")
	}
	for _, f := range found {
		if f.Verdict != verdictWrong || f.Mend == "" {
			t.Errorf("%+v", f)
		}
	}
}

// TestWhatIsWhole: a clone with what it ships has nothing to mend.
func TestWhatIsWhole(t *testing.T) {
	t.Parallel()
	m := healthy(map[string]string{"TOKEN_KEY": keytest.Base64("k")})
	for name, p := range map[string]probe{
		"clock": clock, "policies": policies, "models": models, "example": example, "keys": keys, "environment": environment,
	} {
		for check, f := range verdicts(t, p, m) {
			if f.Verdict != verdictOK {
				t.Errorf("%s: %s: %+v", name, check, f)
			}
		}
	}
	if f := verdicts(t, caller, m)["project"]; f.Verdict != verdictUnknown || !strings.Contains(f.Detail, "-project") {
		t.Errorf("%+v", f)
	}
}

func TestWhatIsBroken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pack := filepath.Join(dir, "pack.yaml")
	if err := os.WriteFile(pack, []byte("version: nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	demo := base64.StdEncoding.EncodeToString([]byte(keyring.DemoKey))
	old := healthy(nil)
	old.now = func() time.Time { return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) }
	elsewhere := healthy(nil)
	elsewhere.root = ""
	full := healthy(nil)
	full.root = pack // not a directory
	for name, c := range map[string]struct {
		probe probe
		m     *machine
		check string
		level string
		says  string
	}{
		"policy":          {policies, healthy(map[string]string{"POLICY_LOCATION": pack}), "policy", verdictWrong, pack},
		"no policy":       {policies, healthy(map[string]string{"POLICY_LOCATION": dir + "/none"}), "policy", verdictWrong, "none"},
		"models":          {models, healthy(map[string]string{"MODELS_LOCATION": dir}), "model payer", verdictWrong, dir},
		"signers":         {models, healthy(map[string]string{"MODEL_SIGNING_KEYS": pack}), "models", verdictWrong, "keys"},
		"weak key":        {keys, healthy(map[string]string{"TOKEN_KEY": base64.StdEncoding.EncodeToString(make([]byte, 32))}), "TOKEN_KEY", verdictWrong, "guessable"},
		"no key":          {keys, healthy(map[string]string{"TOKEN_KEY": "hunter2"}), "TOKEN_KEY", verdictWrong, "base64"},
		"demo key":        {keys, healthy(map[string]string{"TOKEN_KEY": demo}), "TOKEN_KEY", verdictWrong, "public"},
		"demo key, taken": {keys, healthy(map[string]string{"TOKEN_KEY": demo, "ALLOW_DEMO_TOKEN_KEY": "true"}), "TOKEN_KEY", verdictWarn, "protect nobody"},
		"clock":           {clock, old, "clock", verdictWrong, "before the shipped models"},
		"no clone":        {disk, elsewhere, "repository", verdictWarn, "not a clone"},
		"build":           {disk, full, "build directory", verdictWrong, "cannot be made"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := verdicts(t, c.probe, c.m)[c.check]
			if f.Verdict != c.level || !strings.Contains(f.Detail, c.says) {
				t.Errorf("%+v, want %s with %q", f, c.level, c.says)
			}
			if strings.Contains(f.Detail, "hunter2") || strings.Contains(f.Detail, demo) {
				t.Errorf("a key is shown: %s", f.Detail)
			}
		})
	}
}

// TestWhatIsNamedMustAnswer: each variable with something that answers as it should, and with nothing.
func TestWhatIsNamedMustAnswer(t *testing.T) {
	t.Parallel()
	pubsub := pstest.NewServer()
	t.Cleanup(func() { _ = pubsub.Close() })
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	away := strings.TrimPrefix(gone.URL, "http://")
	there := map[string]string{
		"KAFKA_BROKERS": strings.Join(kafka.ListenAddrs(), ","), "PUBSUB_EMULATOR_HOST": pubsub.Addr, "BIGTABLE_EMULATOR_HOST": pubsub.Addr,
		"BIGQUERY_EMULATOR_HOST": web.URL, "BIGQUERY_STORAGE_EMULATOR_HOST": pubsub.Addr,
		"STORAGE_EMULATOR_HOST": strings.TrimPrefix(web.URL, "http://"), "SCORER_URL": web.URL, "METRICS_URL": web.URL + "/metrics",
	}
	for _, e := range endpoints() {
		t.Run(e.variable, func(t *testing.T) {
			t.Parallel()
			if f := e.look(t.Context(), healthy(there)); f.Verdict != verdictOK {
				t.Errorf("with something: %+v", f)
			}
			m := healthy(map[string]string{e.variable: away})
			m.timeout = time.Second
			if f := e.look(t.Context(), m); f.Verdict != verdictWrong || !strings.Contains(f.Detail, "does not answer") {
				t.Errorf("with nothing: %+v", f)
			}
		})
	}
}

func TestAScorerThatIsNotReady(t *testing.T) {
	t.Parallel()
	scorer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			t.Errorf("asked %s", r.URL.Path)
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("models: none\n"))
	}))
	defer scorer.Close()
	f := verdicts(t, environment, healthy(map[string]string{"SCORER_URL": scorer.URL + "/"}))["SCORER_URL"]
	if f.Verdict != verdictWrong || !strings.Contains(f.Detail, "is not ready: models: none") {
		t.Errorf("%+v", f)
	}
}

// TestHalfOfTheEmulators: what is not set means Google's own.
func TestHalfOfTheEmulators(t *testing.T) {
	t.Parallel()
	pubsub := pstest.NewServer()
	defer pubsub.Close()
	found := verdicts(t, environment, healthy(map[string]string{"PUBSUB_EMULATOR_HOST": pubsub.Addr}))
	for check, level := range map[string]string{
		"PUBSUB_EMULATOR_HOST": verdictOK, "BIGTABLE_EMULATOR_HOST": verdictWarn, "STORAGE_EMULATOR_HOST": verdictWarn, "SCORER_URL": verdictOK,
	} {
		if f := found[check]; f.Verdict != level {
			t.Errorf("%+v, want %s", f, level)
		}
	}
}

func TestTools(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		tool  tool
		level string
	}{
		{tool{name: "go", args: []string{"version"}, least: [2]int{1, 20}, needed: true}, verdictOK},
		{tool{name: "go", args: []string{"version"}, least: [2]int{99, 0}, needed: true}, verdictWrong},
		{tool{name: "no-such-tool", needed: true}, verdictWrong},
		{tool{name: "no-such-tool"}, verdictWarn},
	} {
		if f := c.tool.look(t.Context(), patience); f.Verdict != c.level {
			t.Errorf("%+v, want %s", f, c.level)
		}
	}
	for version, want := range map[string]bool{"3.11": true, "3.12.1": true, "4.0": true, "3.9.9": false, "2.99": false, "": false, "x.y": false} {
		if got := atLeast(version, [2]int{3, 11}); got != want {
			t.Errorf("%q: %v", version, got)
		}
	}
}

// TestExitCode: a fail is exit 1 and is in the JSON; an interruption is 130.
func TestExitCode(t *testing.T) {
	t.Parallel()
	doctor := func(ctx context.Context, env map[string]string, args ...string) (int, string) {
		var out, errs bytes.Buffer
		std := command.IO{Out: &out, Err: &errs, Getenv: func(k string) string { return env[k] }}
		return command.Dispatch(ctx, std, []command.Command{Command()}, append([]string{"doctor"}, args...)), out.String()
	}
	code, out := doctor(t.Context(), map[string]string{"TOKEN_KEY": "hunter2"}, "-json")
	var told struct {
		Findings []finding
		Wrong    int
	}
	if err := json.Unmarshal([]byte(out), &told); err != nil || code != command.ExitRefused || told.Wrong < 1 || len(told.Findings) < 15 {
		t.Errorf("exit code %d, %v: %s", code, err, out)
	}
	if _, out := doctor(t.Context(), map[string]string{"TOKEN_KEY": "hunter2"}); !strings.Contains(out, "mend: export TOKEN_KEY=") {
		t.Errorf("printed:\n%s", out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, _ := doctor(ctx, nil); code != command.ExitInterrupted {
		t.Errorf("interrupted: exit code %d", code)
	}
	if code, _ := doctor(t.Context(), nil, "-timeout", "0"); code != command.ExitUsage {
		t.Errorf("usage: exit code %d", code)
	}
}
