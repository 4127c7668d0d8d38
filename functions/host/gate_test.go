package host_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sethvargo/go-envconfig"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/shared/identity"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/issuer"
	"github.com/sentinela-pix/sentinela/shared/pixtest/transcript"
)

const (
	audience = "https://score.example"
	pusher   = "push@p.iam.gserviceaccount.com"
	replayer = "replay@p.iam.gserviceaccount.com"
)

// ground is a host whose callers an issuer vouches for.
type ground struct {
	*host.Host
	issuer  *issuer.Issuer
	log     transcript.Buffer
	metrics *prometheus.Registry
}

func newGround(t *testing.T, settings map[string]string) *ground {
	t.Helper()
	i, err := issuer.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	cloud, err := pixtest.Start(t.Context(), pixtest.Options{PubSub: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	env := map[string]string{
		"PROJECT_ID": cloud.ProjectID, "PUSH_ISSUER": i.URL(), "PUSH_AUDIENCE": audience, "PUSH_SERVICE_ACCOUNTS": pusher,
		"PUSH_REPLAY_SERVICE_ACCOUNTS": replayer,
	}
	maps.Copy(env, settings)
	c, err := host.LoadFrom[host.Config](t.Context(), envconfig.MapLookuper(env))
	if err != nil {
		t.Fatal(err)
	}
	g := &ground{issuer: i, metrics: prometheus.NewRegistry()}
	if g.Host, err = host.Open(t.Context(), "test", *c, host.Env{Logs: &g.log, Metrics: g.metrics, PubSub: cloud.PubSubOptions()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return g
}

// ask sends a request with this Authorization header through a gate; the answer's body is what the handler sees of the caller.
func ask(t *testing.T, g *host.Gate, role identity.Role, authorization string) *httptest.ResponseRecorder {
	t.Helper()
	h := g.Require(role, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(identity.From(r.Context()))
	}))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/push", strings.NewReader("{}"))
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func (g *ground) bearer(t *testing.T, c issuer.Claims) string {
	t.Helper()
	raw, err := g.issuer.Mint(c)
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + raw
}

// TestGate: what each caller is told, counted and logged.
func TestGate(t *testing.T) {
	t.Parallel()
	g := newGround(t, nil)
	now := time.Now()
	stranger := "mallory@x.iam.gserviceaccount.com"
	for _, c := range []struct {
		name, authorization string
		role                identity.Role
		status              int
		header, value       string
		body                string
	}{
		{"pusher", g.bearer(t, g.issuer.Of(pusher, audience, now)), identity.Push, 200, "", "", `"Roles":["push"]`},
		{"replayer", g.bearer(t, g.issuer.Of(replayer, audience, now)), identity.Push, 200, "", "", `"Roles":["push","replay"]`},
		{"no token", "", identity.Push, 401, "WWW-Authenticate", "Bearer", `"kind":"missing_token"`},
		{"expired", g.bearer(t, g.issuer.Of(pusher, audience, now).With("exp", 1)), identity.Push, 401, "WWW-Authenticate", `Bearer error="invalid_token"`, `"kind":"expired"`},
		{"stranger", g.bearer(t, g.issuer.Of(stranger, audience, now)), identity.Push, 403, "", "", `"kind":"unknown_caller"`},
		{"another role", g.bearer(t, g.issuer.Of(pusher, audience, now)), identity.Replay, 403, "", "", `"kind":"missing_role"`},
	} {
		w := ask(t, g.Pushes, c.role, c.authorization)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) || c.header != "" && w.Header().Get(c.header) != c.value {
			t.Errorf("%s: %d %v %s", c.name, w.Code, w.Header(), w.Body)
		}
		if c.status != 200 && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %v", c.name, w.Header())
		}
		if token := strings.TrimPrefix(c.authorization, "Bearer "); token != "" && strings.Contains(g.log.String()+w.Body.String(), token) {
			t.Errorf("%s: the token shows", c.name)
		}
	}
	if log := g.log.String(); strings.Contains(log, stranger) || !strings.Contains(log, "missing_token") {
		t.Errorf("log: %s", log)
	}
	if diff := cmp.Diff(map[string]float64{"expired": 1, "missing_role": 1, "missing_token": 1, "unknown_caller": 1}, g.refusals(t)); diff != "" {
		t.Error(diff)
	}
}

// refusals are the counts by reason.
func (g *ground) refusals(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := g.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "pix_requests_refused_total" {
				out[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	return out
}

// TestKeysAway: without keys nobody is let in and everybody may come again; the process is not ready, and becomes so by
// itself. Once it has keys it stays so.
func TestKeysAway(t *testing.T) {
	t.Parallel()
	away, err := issuer.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(away.Close)
	away.SetAway(true)
	g := newGround(t, map[string]string{"PUSH_ISSUER": away.URL()})
	g.issuer = away
	token := g.bearer(t, away.Of(pusher, audience, time.Now()))
	w := ask(t, g.Pushes, identity.Push, token)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "keys_unavailable") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	ready := func() (own, told bool) {
		for _, c := range g.Pushes.Conditions() {
			if c.Check() != nil {
				own, told = own || c.Own, told || !c.Own
			}
		}
		return !own, told
	}
	if own, told := ready(); own || !told {
		t.Errorf("ready %v, told %v, without keys", own, told)
	}
	away.SetAway(false)
	for end := time.Now().Add(20 * time.Second); ask(t, g.Pushes, identity.Push, token).Code != http.StatusOK; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not heal")
		}
	}
	if own, told := ready(); !own || told {
		t.Errorf("ready %v, told %v, with keys", own, told)
	}
	away.SetAway(true)
	if w := ask(t, g.Pushes, identity.Push, token); w.Code != http.StatusOK {
		t.Errorf("with keys, while the issuer is away: %d", w.Code)
	}
}

// TestOff: everybody is let in with every role, and the log names the variable.
func TestOff(t *testing.T) {
	t.Parallel()
	g := newGround(t, map[string]string{"VERIFY_CALLERS": "off"})
	if w := ask(t, g.Pushes, identity.Replay, ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `["push","decide","read","detail","replay"]`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(g.log.String(), "VERIFY_CALLERS is off") || len(g.Pushes.Conditions()) != 0 {
		t.Errorf("log: %s", g.log.String())
	}
	if on := newGround(t, nil); strings.Contains(on.log.String(), "VERIFY_CALLERS") {
		t.Errorf("log: %s", on.log.String())
	}
}

// TestCallersGate: who may ask is another list than who may push, and where there is none nobody may.
func TestCallersGate(t *testing.T) {
	t.Parallel()
	g := newGround(t, nil)
	callers, err := g.OpenCallers(t.Context(), host.CallersConfig{Issuer: g.issuer.URL(), Audience: "https://ask.example", Callers: "core@bank=decide"})
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := g.OpenCallers(t.Context(), host.CallersConfig{})
	if err != nil {
		t.Fatal(err)
	}
	core := g.bearer(t, g.issuer.Of("core@bank", "https://ask.example", time.Now()))
	for name, c := range map[string]struct {
		gate          *host.Gate
		authorization string
		want          int
	}{
		"caller":                 {callers, core, 200},
		"pusher":                 {callers, g.bearer(t, g.issuer.Of(pusher, "https://ask.example", time.Now())), 403},
		"for another audience":   {callers, g.bearer(t, g.issuer.Of("core@bank", audience, time.Now())), 401},
		"where nobody may":       {nobody, core, 403},
		"a gate that has no key": {new(host.Gate), core, 403},
	} {
		if w := ask(t, c.gate, identity.Decide, c.authorization); w.Code != c.want {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// TestATokenOfTheFutureShowsASlowClock: its message waits, and the process says that its clock is slow.
func TestATokenOfTheFutureShowsASlowClock(t *testing.T) {
	t.Parallel()
	g := newGround(t, nil)
	ahead := time.Now().Add(time.Hour)
	token := g.bearer(t, g.issuer.Of(pusher, audience, ahead))
	if w := ask(t, g.Pushes, identity.Push, token[:len(token)-20]+strings.Repeat("A", 20)); w.Code != http.StatusUnauthorized || g.ClockErr() != nil {
		t.Errorf("a forged one: %d %v", w.Code, g.ClockErr())
	}
	if w := ask(t, g.Pushes, identity.Push, token); w.Code != http.StatusUnauthorized || g.ClockErr() == nil {
		t.Errorf("%d %v", w.Code, g.ClockErr())
	}
}

// TestIdentityConfig: each variable that is wrong is named.
func TestIdentityConfig(t *testing.T) {
	t.Parallel()
	whole := map[string]string{"PUSH_AUDIENCE": audience, "PUSH_SERVICE_ACCOUNTS": pusher, "PROJECT_ID": "p"}
	for name, c := range map[string]struct {
		set  map[string]string
		want string // in the error; empty means that it is fine
	}{
		"whole":                  {},
		"two accounts":           {map[string]string{"PUSH_SERVICE_ACCOUNTS": "a@b, c@d"}, ""},
		"replays alone":          {map[string]string{"PUSH_SERVICE_ACCOUNTS": "", "PUSH_REPLAY_SERVICE_ACCOUNTS": replayer}, ""},
		"off":                    {map[string]string{"VERIFY_CALLERS": "off", "PUSH_AUDIENCE": "", "PUSH_SERVICE_ACCOUNTS": ""}, ""},
		"neither on nor off":     {map[string]string{"VERIFY_CALLERS": "false"}, "VERIFY_CALLERS"},
		"no audience":            {map[string]string{"PUSH_AUDIENCE": ""}, "PUSH_AUDIENCE"},
		"nobody":                 {map[string]string{"PUSH_SERVICE_ACCOUNTS": " , "}, "PUSH_SERVICE_ACCOUNTS"},
		"no address":             {map[string]string{"PUSH_SERVICE_ACCOUNTS": "push"}, "PUSH_SERVICE_ACCOUNTS"},
		"one account, two roles": {map[string]string{"PUSH_REPLAY_SERVICE_ACCOUNTS": pusher}, "PUSH_REPLAY_SERVICE_ACCOUNTS"},
		"trust off Cloud Run":    {map[string]string{"TRUST_CLOUD_RUN_IAM": "true"}, "TRUST_CLOUD_RUN_IAM"},
		"trust, half a sign":     {map[string]string{"TRUST_CLOUD_RUN_IAM": "true", "K_SERVICE": "s"}, "TRUST_CLOUD_RUN_IAM"},
		"trust on Cloud Run":     {map[string]string{"TRUST_CLOUD_RUN_IAM": "true", "K_SERVICE": "s", "K_REVISION": "s-1"}, ""},
	} {
		env := maps.Clone(whole)
		maps.Copy(env, c.set)
		_, err := host.LoadFrom[host.Config](t.Context(), envconfig.MapLookuper(env))
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v", name, err)
		}
	}
	for callers, fine := range map[string]bool{"": true, "a=decide": false, "a=push": false} {
		if err := (&host.CallersConfig{Callers: callers}).Validate(); (err == nil) != fine {
			t.Errorf("%q: %v", callers, err)
		}
	}
}
