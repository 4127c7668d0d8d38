package score

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/functions/live"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
	"github.com/sentinela-pix/sentinela/shared/scoring"
	"github.com/sentinela-pix/sentinela/shared/store"
)

const (
	warmTimeout = 500 * time.Millisecond // of the first use of everything, before the process is ready
	loadTimeout = 30 * time.Second       // of models and policy, at the start, with the opening of where they are kept
	markEvery   = 200 * time.Millisecond // removal of the marks of what was published
	tendEvery   = 10 * time.Second       // of hot streams
	// drainTimeout is how much of Close's time the queue may take. What it cannot publish then is left to the sweep.
	drainTimeout = 3 * time.Second
)

// App is the service with everything below it, wired from a configuration.
type App struct {
	*Service
	host     *host.Host
	callers  *host.Gate
	signals  *signals
	features *feature.Set
	store    *store.Store
	engine   *engine.Engine
	followed followed
	feed     *live.Feed
	outbox   *engine.Outbox
	sweeper  *engine.Sweeper

	stop context.CancelFunc
	work sync.WaitGroup
}

// FromEnv builds the function from the environment.
func FromEnv(ctx context.Context, env host.Env) (*App, error) {
	c, err := host.Load[Config](ctx)
	if err != nil {
		return nil, fmt.Errorf("score: %w", err)
	}
	return Open(ctx, c, env)
}

// Open connects to the store and the bus, loads policy and models and starts what runs beside the decisions.
func Open(ctx context.Context, c *Config, env host.Env) (*App, error) {
	h, err := host.Open(ctx, Name, c.Config, env)
	if err != nil {
		return nil, fmt.Errorf("score: %w", err)
	}
	app := &App{host: h}
	if err := app.wire(ctx, c); err != nil {
		return nil, errors.Join(fmt.Errorf("score: %w", err), h.Close(ctx))
	}
	app.warm(ctx)
	app.start(context.WithoutCancel(ctx))
	return app, nil
}

func (a *App) wire(ctx context.Context, c *Config) error {
	var err error
	if a.features, err = feature.NewSet(); err != nil {
		return fmt.Errorf("build features: %w", err)
	}
	if a.store, err = a.host.OpenStore(ctx, c.StoreConfig); err != nil {
		return err
	}
	if err := a.load(ctx, c); err != nil {
		return err
	}
	if a.signals, err = newSignals(a.host.Metrics, a.host.Logger); err != nil {
		return err
	}
	a.feed = live.NewFeed(a.inUse, nil)
	a.host.OnClose(func(context.Context) error { a.feed.Close(); return nil })
	if a.engine, err = a.newEngine(c); err != nil {
		return fmt.Errorf("build engine: %w", err)
	}
	if err := watchEngine(a.host.Metrics, a.engine); err != nil {
		return err
	}
	if err := a.host.Metrics.Register(newVersions(a.ModelSet(), a.Policy)); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	a.outbox, err = engine.NewOutbox(engine.OutboxDeps{
		Store: a.store, Publisher: publisher{a.host.Bus, c.DecisionsTopic, a.host.Push().Tracer}, Degraded: a.survived("outbox"),
	})
	if err != nil {
		return fmt.Errorf("build outbox: %w", err)
	}
	if a.sweeper, err = newSweeper(a.host, a.outbox, a.store); err != nil {
		return fmt.Errorf("build sweeper: %w", err)
	}
	marker, err := engine.NewMarker(a.store)
	if err != nil {
		return fmt.Errorf("build marker: %w", err)
	}
	tokenizer, err := c.Keys.Tokenizer()
	if err != nil {
		return err
	}
	if warning := c.Keys.Warning(); warning != "" {
		a.host.Logger.Warn(warning)
	}
	if a.callers, err = a.host.OpenCallers(ctx, c.Callers); err != nil {
		return err
	}
	a.Service, err = New(Deps{
		Engine: a.engine, Outbox: a.outbox, Marker: marker, Tokenizer: tokenizer, Push: a.host.Push(),
		Callers: a.callers, MaxBudget: c.DecisionTimeout, References: a.reference, Seen: a.feed.Decided,
	})
	return err
}

func (a *App) newEngine(c *Config) (*engine.Engine, error) {
	return engine.New(engine.Deps{
		Store: a.store, Models: champions{a.ModelSet()}, Challengers: challengers{a.ModelSet()}, Policies: a.followed.policy.Set(),
		Features: a.features, Clock: time.Now,
		Timeout: c.DecisionTimeout, StoreDeadline: c.StoreDeadline, MaxInFlight: c.MaxInFlight,
		ShadowWait: c.ShadowWait, ExplainShare: c.ExplainApprovals,
		MaxEventAge: c.MaxEventAge, LateEventAge: c.LateEventAge, Degraded: a.degraded,
	})
}

// warm keeps what a first payment costs more, connections and caches, from the first caller. A store that is away is left so.
func (a *App) warm(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, warmTimeout)
	defer cancel()
	now := time.Now().UTC()
	if err := a.engine.Warm(ctx, &pix.Transaction{Facts: pix.Facts{
		ID: pix.EndToEndID("E00000000" + now.Format("200601021504") + "00000000000"), EventTime: now, Direction: pix.Internal, Amount: 1,
		Initiation: pix.ByKey, PayerFacts: pix.PartyFacts{ISPB: "00000000"}, PayeeFacts: pix.PartyFacts{ISPB: "00000000"},
	}}); err != nil {
		a.host.Logger.WarnContext(ctx, "degraded", "part", "warm start", "error", err.Error())
	}
}

// start runs what goes on beside the decisions until Close.
func (a *App) start(ctx context.Context) {
	ctx, a.stop = context.WithCancel(ctx)
	loops := map[string]func(context.Context) error{
		"outbox": func(ctx context.Context) error { return ticking(ctx, markEvery, a.outbox.Run) },
		// In every process: where only the function form is deployed there is no other. The one that holds the lease sweeps.
		"sweep":  func(ctx context.Context) error { return ticking(ctx, sweepEvery, a.sweeper.Run) },
		"store":  func(ctx context.Context) error { return ticking(ctx, tendEvery, a.store.Run) },
		"reload": a.followed.watcher.Run,
	}
	for name, run := range loops {
		a.work.Go(func() {
			if err := run(ctx); err != nil {
				a.host.Logger.ErrorContext(ctx, "a background loop ended", "part", name, "error", err.Error())
			}
		})
	}
}

func ticking(ctx context.Context, every time.Duration, run func(context.Context, <-chan time.Time) error) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	return run(ctx, ticker.C)
}

// survived logs failures that a background loop survived.
func (a *App) survived(part string) func(error) {
	return func(err error) { a.host.Logger.Warn("degraded", "part", part, "error", err.Error()) }
}

// Models gives the champions that serve.
func (a *App) Models() engine.Models { return champions{a.ModelSet()} }

// ModelSet gives every model that serves or scores in shadow.
func (a *App) ModelSet() *scoring.Set { return a.followed.models.Set() }

// reference is what a role's champion learnt from.
func (a *App) reference(role pix.Role) *scoring.Reference {
	if m, err := a.ModelSet().Model(role); err == nil {
		return m.Reference()
	}
	return nil
}

// Policy returns the pack in force.
func (a *App) Policy() *policy.Pack { return a.followed.policy.Set().Pack() }

// Conditions say of this process what /readyz answers, beside whether it is starting or draining.
func (a *App) Conditions() []lifecycle.Condition {
	return slices.Concat([]lifecycle.Condition{
		{Name: "models", Own: true, Check: a.modelled, Tell: a.serving},
		{Name: "policy", Own: true, Check: a.ruled},
		{Name: "store", Check: a.engine.StoreState},
		{Name: "store_connections", Check: a.store.Reachable},
	}, a.host.Conditions(), a.callers.Conditions(), a.Reloading())
}

// ruled returns an error while no policy is in force.
func (a *App) ruled() error {
	if a.Policy() == nil {
		return errors.New("no policy is loaded")
	}
	return nil
}

// modelled returns an error while a role has no champion.
func (a *App) modelled() error {
	var missing []error
	for _, role := range pix.Internal.Roles() {
		if _, err := a.ModelSet().Model(role); err != nil {
			missing = append(missing, fmt.Errorf("role %s: %w", role, err))
		}
	}
	return errors.Join(missing...)
}

// serving names the champions, as in "payer/5 receiver/7". `pixctl model promote -wait` reads it.
func (a *App) serving() string {
	var names []string
	for _, role := range pix.Internal.Roles() {
		if m, err := a.ModelSet().Model(role); err == nil {
			names = append(names, string(role)+"/"+m.Version())
		}
	}
	return strings.Join(names, " ")
}

// Close publishes what is queued, removes the marks of what was published and closes every connection, as far as ctx
// allows. Whatever time does not suffice for, the store knows that it is owed: nothing is lost by ending before.
func (a *App) Close(ctx context.Context) error {
	drain, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	if err := a.Service.Close(drain); err != nil {
		a.host.Logger.WarnContext(ctx, "decisions left to the sweep", "error", err.Error())
	}
	err := a.engine.Close(ctx)
	a.stop()
	done := make(chan struct{})
	go func() {
		a.work.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done(): // closing the connections below ends their calls
		err = errors.Join(err, fmt.Errorf("background loops: %w", ctx.Err()))
	}
	return errors.Join(err, a.host.Close(ctx))
}
