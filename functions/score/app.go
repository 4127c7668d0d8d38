package score

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
	"github.com/sentinela-pix/sentinela/shared/scoring"
	"github.com/sentinela-pix/sentinela/shared/store"
)

const (
	loadTimeout = 30 * time.Second       // of models and policy, at the start
	markEvery   = 200 * time.Millisecond // removal of the marks of what was published
	tendEvery   = 10 * time.Second       // of hot streams
	// Sweeps look for what a crash, an outage or a full queue left marked. A younger mark may still be on its way.
	sweepEvery = 10 * time.Second
	sweepAge   = 30 * time.Second
	// drainTimeout is how much of Close's time the queue may take. What it cannot publish then is left to the sweep.
	drainTimeout = 3 * time.Second
)

// App is the service with everything below it, wired from a configuration.
type App struct {
	*Service
	host     *host.Host
	signals  *signals
	features *feature.Set
	store    *store.Store
	engine   *engine.Engine
	models   *modelstore.Watcher
	policies *policyWatcher
	outbox   *engine.Outbox

	stop context.CancelFunc
	work sync.WaitGroup
}

// FromEnv builds the function from the environment, for the root's registration.
func FromEnv(ctx context.Context) (*App, error) {
	c, err := LoadConfig(ctx)
	if err != nil {
		return nil, err
	}
	return Open(ctx, c, host.Env{})
}

// LoadConfig reads the configuration from the environment.
func LoadConfig(ctx context.Context) (*Config, error) {
	c, err := host.Load[Config](ctx)
	if err != nil {
		return nil, fmt.Errorf("score: %w", err)
	}
	return c, nil
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
	if a.engine, err = a.newEngine(c); err != nil {
		return fmt.Errorf("build engine: %w", err)
	}
	a.outbox, err = engine.NewOutbox(engine.OutboxDeps{
		Store: a.store, Publisher: publisher{a.host.Bus, c.DecisionsTopic}, Degraded: a.survived("outbox"),
	})
	if err != nil {
		return fmt.Errorf("build outbox: %w", err)
	}
	marker, err := engine.NewMarker(a.store)
	if err != nil {
		return fmt.Errorf("build marker: %w", err)
	}
	tokenizer, err := c.Keys.Tokenizer()
	if err != nil {
		return err
	}
	a.Service, err = New(Deps{Engine: a.engine, Outbox: a.outbox, Marker: marker, Tokenizer: tokenizer, Push: a.host.Push()})
	return err
}

func (a *App) newEngine(c *Config) (*engine.Engine, error) {
	return engine.New(engine.Deps{
		Store: a.store, Models: champions{a.models.Set()}, Challengers: challengers{a.models.Set()}, Policies: a.policies,
		Features: a.features, Clock: time.Now,
		Timeout: c.DecisionTimeout, StoreDeadline: c.StoreDeadline, MaxInFlight: c.MaxInFlight,
		ShadowWait: c.ShadowWait, ExplainShare: c.ExplainApprovals, Degraded: a.signals.degraded,
	})
}

// load loads and proves the policy and every role's champion. A scorer without them does not start.
func (a *App) load(ctx context.Context, c *Config) error {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	var err error
	if a.policies, err = a.watchPolicy(ctx, c); err != nil {
		return err
	}
	if a.models, err = a.watchModels(ctx, c); err != nil {
		return err
	}
	if err := a.models.Load(ctx); err != nil {
		return fmt.Errorf("load models: %w", err)
	}
	return nil
}

// start runs what goes on beside the decisions until Close.
func (a *App) start(ctx context.Context) {
	ctx, a.stop = context.WithCancel(ctx)
	loops := map[string]func(context.Context) error{
		"outbox": func(ctx context.Context) error { return ticking(ctx, markEvery, a.outbox.Run) },
		"sweep":  a.sweep, // in every process: where only the function form is deployed there is no other
		"store":  func(ctx context.Context) error { return ticking(ctx, tendEvery, a.store.Run) },
		"models": a.models.Run,
		"policy": a.policies.Run,
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

// sweep publishes what a crash, an outage or a full queue left marked, again and again until ctx ends. Processes that
// start together do not sweep together: a sweep removes the marks of what it published before another looks.
func (a *App) sweep(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(rand.N(sweepEvery)):
	}
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			n, err := a.outbox.Sweep(ctx, now.Add(-sweepAge))
			if err != nil && ctx.Err() == nil {
				a.host.Logger.WarnContext(ctx, "sweep failed", "error", err.Error())
			}
			if n > 0 {
				a.host.Logger.InfoContext(ctx, "swept", "decisions", n)
			}
		}
	}
}

// Models gives the champions that serve.
func (a *App) Models() engine.Models { return champions{a.models.Set()} }

// ModelSet gives every model that serves or scores in shadow.
func (a *App) ModelSet() *scoring.Set { return a.models.Set() }

// Policy returns the pack in force.
func (a *App) Policy() *policy.Pack { return a.policies.Pack() }

// Conditions say of this process what /readyz answers, beside whether it is starting or draining.
func (a *App) Conditions() []lifecycle.Condition {
	return []lifecycle.Condition{
		{Name: "models", Own: true, Check: a.modelled},
		{Name: "policy", Own: true, Check: func() error {
			if a.policies.Pack() == nil {
				return errors.New("no policy is loaded")
			}
			return nil
		}},
	}
}

// modelled returns an error while a role has no champion.
func (a *App) modelled() error {
	var missing []error
	for _, role := range pix.Internal.Roles() {
		if _, err := a.models.Set().Model(role); err != nil {
			missing = append(missing, fmt.Errorf("role %s: %w", role, err))
		}
	}
	return errors.Join(missing...)
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
