package host

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/internal/problem"
	"github.com/sentinela-pix/sentinela/shared/identity"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
)

// Gate lets verified callers in. The zero value lets nobody in.
type Gate struct {
	name     string // of who comes, in logs and conditions
	open     bool
	verifier *identity.Verifier
	host     *Host
	// stamped hears of times that the issuer signed and that lie in our future.
	stamped func(time.Time)
}

// Require serves next for callers with a role. Anybody else gets 401 without a token that is right, 403 without the role,
// and 503 while nobody can say.
func (g *Gate) Require(role identity.Role, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, err := g.verify(r)
		if err == nil && !caller.Has(role) {
			err = &identity.Refusal{Reason: identity.MissingRole}
		}
		if err != nil {
			g.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(identity.With(r.Context(), caller)))
	})
}

func (g *Gate) verify(r *http.Request) (identity.Caller, error) {
	switch {
	case g.open:
		return identity.Anybody(), nil
	case g.verifier == nil:
		return identity.Caller{}, &identity.Refusal{Reason: identity.UnknownCaller}
	default:
		return g.verifier.Verify(r.Context(), r.Header)
	}
}

// refuse answers, counts and logs, without anything of the token.
func (g *Gate) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *identity.Refusal
	if !errors.As(err, &refusal) {
		refusal = &identity.Refusal{Reason: identity.KeysUnavailable, Passing: true}
	}
	if !refusal.IssuedAt.IsZero() && g.stamped != nil {
		g.stamped(refusal.IssuedAt)
	}
	if g.host != nil {
		g.host.refused.WithLabelValues(string(refusal.Reason)).Inc()
		g.host.Logger.WarnContext(r.Context(), "request refused", "part", g.name, "result", string(refusal.Reason), "error", refusal.Error())
	}
	status := http.StatusUnauthorized
	switch {
	case refusal.Passing:
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	case refusal.Reason == identity.UnknownCaller, refusal.Reason == identity.MissingRole:
		status = http.StatusForbidden
	case refusal.Reason == identity.MissingToken:
		w.Header().Set("WWW-Authenticate", "Bearer")
	default:
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	problem.WriteStatus(w, status, string(refusal.Reason), refusal.Error())
}

// Conditions are what readiness tells of the keys: without any this process is of no use, and another one may have some; with
// those of an earlier look it goes on.
func (g *Gate) Conditions() []lifecycle.Condition {
	if g.verifier == nil {
		return nil
	}
	return []lifecycle.Condition{
		{Name: g.name + "_keys", Own: true, Check: g.verifier.HasKeys},
		{Name: g.name + "_keys_followed", Check: g.verifier.KeysErr},
	}
}

// openGate starts the look for keys, which Close ends.
func (h *Host) openGate(ctx context.Context, name string, c identity.Config) (*Gate, error) {
	if h.config.Identity.off() {
		return &Gate{name: name, open: true}, nil
	}
	c.CloudRunIAM = h.config.Identity.TrustCloudRunIAM
	c.KeysFailed = func(err error) {
		h.Logger.Warn("degraded", "part", name+" keys", "error", err.Error())
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // that is what it is
	c.Transport = transport
	v, err := identity.New(c)
	if err != nil {
		return nil, fmt.Errorf("verify %s: %w", name, err)
	}
	age := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pix_identity_keys_age_seconds", Help: "How long ago the keys were fetched by which a gate tells callers, or how long it has had none.",
		ConstLabels: prometheus.Labels{"gate": name},
	}, func() float64 { return v.KeysAge().Seconds() })
	if err := h.Metrics.Register(age); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.Run(ctx)
	}()
	h.OnClose(func(context.Context) error {
		cancel()
		<-done
		transport.CloseIdleConnections()
		return nil
	})
	return &Gate{name: name, verifier: v, host: h}, nil
}

// openPushes opens the gate of pushed messages. A message that was signed in our future shows that our clock is slow.
func (h *Host) openPushes(ctx context.Context) error {
	c := &h.config.Identity
	if c.off() {
		h.Logger.WarnContext(ctx, "VERIFY_CALLERS is off: whoever reaches this process may push, ask and replay")
	}
	pushers, err := c.pushers()
	if err != nil {
		return err
	}
	h.Pushes, err = h.openGate(ctx, "pushes", identity.Config{Issuer: c.PushIssuer, Audience: c.PushAudience, Callers: pushers})
	if err != nil {
		return err
	}
	h.Pushes.stamped = h.Watch.Saw
	return nil
}

// OpenCallers opens the gate of those who ask. Where none are configured nobody may.
func (h *Host) OpenCallers(ctx context.Context, c CallersConfig) (*Gate, error) {
	callers, err := identity.ParseCallers(c.Callers)
	if err != nil {
		return nil, fmt.Errorf("callers: %w", err)
	}
	if len(callers) == 0 && !h.config.Identity.off() {
		h.Logger.WarnContext(ctx, "CALLERS names nobody: nobody may ask for decisions")
		return &Gate{name: "callers", host: h}, nil
	}
	return h.openGate(ctx, "callers", identity.Config{Issuer: c.Issuer, Audience: c.Audience, Callers: callers})
}

// countRefusals registers the count of requests whose caller was not let in.
func (h *Host) countRefusals() error {
	h.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pix_requests_refused_total", Help: "Requests whose caller was not let in, by reason.",
	}, []string{"reason"})
	if err := h.Metrics.Register(h.refused); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	return nil
}
