package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/sentinela-pix/sentinela/functions/live"
	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/identity"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// anybody lets everybody in, with every role.
type anybody struct{}

// Require gives the caller every role.
func (anybody) Require(_ identity.Role, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(identity.With(r.Context(), identity.Anybody())))
	})
}

// noLetters is where no dead letter goes: nothing is pushed here.
type noLetters struct{}

// DeadLetter refuses.
func (noLetters) DeadLetter(context.Context, string, bus.Letter) error {
	return errors.New("nothing is pushed here")
}

// outage is a store that hangs for as long as it is away, as one behind a network that has gone.
type outage struct {
	engine.Store
	away atomic.Bool
}

func (o *outage) wait(ctx context.Context, op string) error {
	if !o.away.Load() {
		return nil
	}
	<-ctx.Done()
	return pix.E(pix.Timeout, op, ctx.Err())
}

// Record hangs while the store is away.
func (o *outage) Record(ctx context.Context, tx *pix.Transaction) error {
	if err := o.wait(ctx, "record"); err != nil {
		return err
	}
	return o.Store.Record(ctx, tx)
}

// Read hangs while the store is away.
func (o *outage) Read(ctx context.Context, tx *pix.Transaction) (feature.Histories, *pix.Decision, error) {
	if err := o.wait(ctx, "read"); err != nil {
		return feature.Histories{}, nil, err
	}
	return o.Store.Read(ctx, tx)
}

// Commit hangs while the store is away.
func (o *outage) Commit(ctx context.Context, d *pix.Decision) (*pix.Decision, error) {
	if err := o.wait(ctx, "commit"); err != nil {
		return nil, err
	}
	return o.Store.Commit(ctx, d)
}

// Decision hangs while the store is away.
func (o *outage) Decision(ctx context.Context, id pix.EndToEndID) (*pix.Decision, error) {
	if err := o.wait(ctx, "decision"); err != nil {
		return nil, err
	}
	return o.Store.Decision(ctx, id)
}

// served is the score service on this machine's loopback, with the engine of this process behind it.
type served struct {
	*remote
	local    *local
	service  *score.Service
	feed     *live.Feed
	server   *http.Server
	listener net.Listener
	ended    chan error
}

// openServed serves at an address.
func openServed(ctx context.Context, o *options, address string) (*served, error) {
	l, err := openLocal(ctx, o)
	if err != nil {
		return nil, err
	}
	s := &served{local: l, ended: make(chan error, 1)}
	if err := s.serve(ctx, address); err != nil {
		return nil, errors.Join(err, l.close(context.WithoutCancel(ctx)))
	}
	s.remote = newRemote(o, "http://"+s.listener.Addr().String(), l.supply)
	return s, nil
}

func (s *served) serve(ctx context.Context, address string) error {
	marker, err := engine.NewMarker(s.local.store)
	if err != nil {
		return fmt.Errorf("build marker: %w", err)
	}
	s.feed = live.NewFeed(s.local.inUse, nil)
	s.local.stops = append(s.local.stops, func(context.Context) error { s.feed.Close(); return nil })
	d := score.Deps{
		Engine: s.local.engine, Outbox: s.local.outbox, Marker: marker, Tokenizer: s.local.tokens, Callers: anybody{},
		MaxBudget: s.local.timeout, References: s.local.models.reference, Seen: s.feed.Decided,
	}
	d.Push.Gate, d.Push.DeadLetters, d.Push.DeadLetterTopic = anybody{}, noLetters{}, "none"
	// A line for each decision is formatted, as in production, and thrown away.
	d.Push.Logger = obs.Logger(io.Discard, slog.LevelInfo, obs.Service{Name: score.Name})
	registry := obs.NewRegistry()
	d.Push.Metrics = registry
	if s.service, err = score.New(d); err != nil {
		return fmt.Errorf("build service: %w", err)
	}
	if s.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", address); err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), s.service.Close(ctx))
	}
	mux := http.NewServeMux()
	mux.Handle("/", s.service)
	mux.Handle("GET /metrics", obs.MetricsHandler(registry))
	s.server = lifecycle.NewServer(mux, lifecycle.ServerConfig{})
	go func() { s.ended <- s.server.Serve(s.listener) }()
	return nil
}

// close ends the server, then what is behind it.
func (s *served) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var failures []error
	if s.remote != nil {
		failures = append(failures, s.remote.close(ctx))
	}
	failures = append(failures, s.server.Shutdown(ctx))
	if err := <-s.ended; !errors.Is(err, http.ErrServerClosed) {
		failures = append(failures, err)
	}
	failures = append(failures, s.service.Close(ctx), s.local.close(ctx))
	return errors.Join(failures...)
}

// idle is a server that does nothing: it reads a request and answers with as many bytes as a decision has. What the loop and
// HTTP cost is what asking it takes.
type idle struct {
	*remote
	server *http.Server
	ended  chan error
}

// answerBytes is about what an answer has.
const answerBytes = 400

func openIdle(ctx context.Context, o *options) (*idle, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	answer := make([]byte, answerBytes)
	f := &idle{ended: make(chan error, 1), remote: newRemote(o, "http://"+listener.Addr().String(), newSupply(o.seed, o.most()))}
	f.server = lifecycle.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(answer)
	}), lifecycle.ServerConfig{ReadHeaderTimeout: 5 * time.Second})
	go func() { f.ended <- f.server.Serve(listener) }()
	return f, nil
}

func (f *idle) close(ctx context.Context) error {
	err := errors.Join(f.remote.close(ctx), f.server.Close())
	if ended := <-f.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
