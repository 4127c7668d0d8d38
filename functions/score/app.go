package score

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/models"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
	"github.com/sentinela-pix/sentinela/shared/scoring"
	"github.com/sentinela-pix/sentinela/shared/store"
)

const (
	loadTimeout = 30 * time.Second       // of the models
	markEvery   = 200 * time.Millisecond // removal of the marks of what was published
	// Sweeps look for what a crash or a full queue left unpublished. A younger mark may still be on its way.
	sweepEvery = 10 * time.Second
	sweepAge   = 30 * time.Second
)

// App is the service with everything below it, wired from a configuration.
type App struct {
	*Service
	host   *host.Host
	models engine.Models
	pack   *policy.Pack
	outbox *engine.Outbox

	stop context.CancelFunc
	work sync.WaitGroup
}

// FromEnv builds the function from the environment, for the root's registration.
func FromEnv(ctx context.Context) (http.Handler, error) {
	c, err := LoadConfig(ctx)
	if err != nil {
		return nil, err
	}
	app, err := Open(ctx, c, host.Env{})
	if err != nil {
		return nil, err
	}
	return app, nil
}

// LoadConfig reads the configuration from the environment.
func LoadConfig(ctx context.Context) (*Config, error) {
	c, err := host.Load[Config](ctx)
	if err != nil {
		return nil, fmt.Errorf("score: %w", err)
	}
	return c, nil
}

// Open connects to the store and the bus, loads policy and models and starts the outbox.
func Open(ctx context.Context, c *Config, env host.Env) (*App, error) {
	h, err := host.Open(ctx, Name, c.Config, env)
	if err != nil {
		return nil, fmt.Errorf("score: %w", err)
	}
	app := &App{host: h}
	var life context.Context
	life, app.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := app.wire(ctx, c); err != nil {
		app.stop()
		return nil, errors.Join(fmt.Errorf("score: %w", err), h.Close(ctx))
	}
	app.work.Go(func() { app.removeMarks(life) })
	return app, nil
}

func (a *App) wire(ctx context.Context, c *Config) error {
	s, err := store.Open(ctx, store.Config{
		ProjectID: c.ProjectID, InstanceID: c.BigtableInstance, Table: c.BigtableTable, AppProfile: c.BigtableProfile,
	}, a.host.Bigtable...)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	a.host.OnClose(func(context.Context) error { return s.Close() })
	decider, err := a.newEngine(ctx, c, s)
	if err != nil {
		return err
	}
	a.outbox, err = engine.NewOutbox(engine.OutboxDeps{
		Store: s, Publisher: publisher{a.host.Bus, c.DecisionsTopic}, Degraded: a.degraded("outbox"),
	})
	if err != nil {
		return fmt.Errorf("build outbox: %w", err)
	}
	tokenizer, err := c.Keys.Tokenizer()
	if err != nil {
		return err
	}
	a.Service, err = New(Deps{Engine: decider, Outbox: a.outbox, Tokenizer: tokenizer, Push: a.host.Push()})
	return err
}

func (a *App) newEngine(ctx context.Context, c *Config, s *store.Store) (*engine.Engine, error) {
	features, err := feature.NewSet()
	if err != nil {
		return nil, fmt.Errorf("build features: %w", err)
	}
	pack, err := policy.Load(policy.Shipped(), features.Names())
	if err != nil {
		return nil, fmt.Errorf("load policy: %w", err)
	}
	set, err := a.loadModels(ctx, c.Models, features)
	if err != nil {
		return nil, err
	}
	a.models, a.pack = champions{set}, pack
	e, err := engine.New(engine.Deps{
		Store: s, Models: a.models, Policies: inForce{pack}, Features: features, Clock: time.Now,
		Timeout: c.DecisionTimeout, Degraded: a.degraded("engine"),
	})
	if err != nil {
		return nil, fmt.Errorf("build engine: %w", err)
	}
	return e, nil
}

// loadModels loads and proves the champion of every role. A scorer without its models does not start.
func (a *App) loadModels(ctx context.Context, location string, features *feature.Set) (*scoring.Set, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	artefacts := modelstore.FromFS(models.Shipped())
	if location != "" {
		var err error
		if artefacts, err = modelstore.Open(ctx, location, a.host.Storage...); err != nil {
			return nil, fmt.Errorf("open model store: %w", err)
		}
	}
	defer func() { _ = artefacts.Close() }() // only reads were made
	set := new(scoring.Set)
	for _, role := range pix.Internal.Roles() {
		artefact, err := artefacts.Load(ctx, role)
		if err != nil {
			return nil, fmt.Errorf("load %s model: %w", role, err)
		}
		m, err := scoring.Load(artefact, scoring.DefaultLimits(), scoring.Contract{
			Role: role, FeatureNames: features.Names(), FeatureSet: features.Version(), Version: artefact.Version,
		})
		if err != nil {
			return nil, fmt.Errorf("load %s model %s: %w", role, artefact.Version, err)
		}
		if _, err := set.Swap(m); err != nil {
			return nil, fmt.Errorf("serve %s model: %w", role, err)
		}
	}
	return set, nil
}

// degraded logs failures that a decision or the outbox survived.
func (a *App) degraded(part string) func(error) {
	return func(err error) { a.host.Logger.Warn("degraded", "part", part, "error", err.Error()) }
}

func (a *App) removeMarks(ctx context.Context) {
	ticker := time.NewTicker(markEvery)
	defer ticker.Stop()
	if err := a.outbox.Run(ctx, ticker.C); err != nil {
		a.host.Logger.ErrorContext(ctx, "outbox ended", "error", err.Error())
	}
}

// Sweep publishes what a crash or a full queue left unpublished, again and again until ctx ends. The long-running form
// runs it; one process of a deployment is enough.
func (a *App) Sweep(ctx context.Context) error {
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
func (a *App) Models() engine.Models { return a.models }

// Policy returns the pack in force.
func (a *App) Policy() *policy.Pack { return a.pack }

// Close publishes what is queued, removes the marks and closes every connection, as far as ctx allows.
func (a *App) Close(ctx context.Context) error {
	err := a.Service.Close(ctx)
	a.stop()
	a.work.Wait()
	return errors.Join(err, a.host.Close(ctx))
}

// champions, inForce and publisher fit the engine's ports to what implements them.
type champions struct{ set *scoring.Set }

// Model returns the champion of a role.
func (c champions) Model(role pix.Role) (engine.Model, error) {
	m, err := c.set.Model(role)
	if err != nil {
		return nil, fmt.Errorf("champion: %w", err)
	}
	return m, nil
}

type inForce struct{ pack *policy.Pack }

// Pack returns the policy in force.
func (p inForce) Pack() *policy.Pack { return p.pack }

type publisher struct {
	bus   *bus.Bus
	topic string
}

// PublishDecision publishes a decision and returns once it is acknowledged.
func (p publisher) PublishDecision(ctx context.Context, d *pix.Decision) error {
	e, err := event.EncodeDecision(d)
	if err != nil {
		return fmt.Errorf("encode decision: %w", err)
	}
	if err := p.bus.Publish(ctx, p.topic, e); err != nil {
		return fmt.Errorf("decision: %w", err)
	}
	return nil
}
