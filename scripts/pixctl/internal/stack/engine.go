package stack

import (
	"context"
	"fmt"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// sweepEvery is how often the outbox looks for what a crash left unpublished, and sweepAge how old that must be.
const (
	markEvery  = 200 * time.Millisecond // removal of the marks of what was published
	sweepEvery = 5 * time.Second
	sweepAge   = 10 * time.Second
)

func (s *Stack) startEngine(ctx context.Context) error {
	features, err := feature.NewSet()
	if err != nil {
		return fmt.Errorf("features: %w", err)
	}
	pack, err := policy.Load(policy.Shipped(), features.Names())
	if err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	loaded, err := s.loadModels(ctx, features)
	if err != nil {
		return err
	}
	s.models, s.pack = loaded, pack
	s.Engine, err = engine.New(engine.Deps{
		Store: s.Store, Models: loaded, Policies: inForce{pack}, Features: features, Clock: time.Now,
		Timeout: 5 * time.Second,
	})
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	if s.Outbox, err = engine.NewOutbox(engine.OutboxDeps{Store: s.Store, Publisher: publisher{s.Bus, DecisionsTopic}}); err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	s.background("outbox", func(ctx context.Context) error {
		ticker := time.NewTicker(markEvery)
		defer ticker.Stop()
		return s.Outbox.Run(ctx, ticker.C)
	})
	s.background("sweep", s.sweep)
	return nil
}

// loadModels reads the shipped models back from Cloud Storage, as a deployment does, and verifies them.
func (s *Stack) loadModels(ctx context.Context, features *feature.Set) (champions, error) {
	start := time.Now()
	artefacts, err := modelstore.Open(ctx, "gs://"+modelBucket, s.Cloud.StorageOptions()...)
	if err != nil {
		return champions{}, fmt.Errorf("model store: %w", err)
	}
	defer artefacts.Close()
	set := new(scoring.Set)
	for _, role := range pix.Internal.Roles() {
		a, err := artefacts.Load(ctx, role)
		if err != nil {
			return champions{}, fmt.Errorf("%s model: %w", role, err)
		}
		m, err := scoring.Load(a, scoring.DefaultLimits(), scoring.Contract{
			Role: role, FeatureNames: features.Names(), FeatureSet: features.Version(), Version: a.Version,
		})
		if err != nil {
			return champions{}, fmt.Errorf("%s model %s: %w", role, a.Version, err)
		}
		if _, err := set.Swap(m); err != nil {
			return champions{}, fmt.Errorf("%s model: %w", role, err)
		}
		s.options.Progress("model %s/%s verified (%.1f s)", role, m.Version(), time.Since(start).Seconds())
	}
	return champions{set}, nil
}

func (s *Stack) sweep(ctx context.Context) error {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			if _, err := s.Outbox.Sweep(ctx, now.Add(-sweepAge)); err != nil && ctx.Err() == nil {
				s.logger.WarnContext(ctx, "sweep failed", "error", err.Error())
			}
		}
	}
}

// champions, inForce and publisher fit ring 0's ports to what implements them.
type champions struct{ set *scoring.Set }

func (c champions) Model(role pix.Role) (engine.Model, error) {
	model, err := c.set.Model(role)
	if err != nil {
		return nil, fmt.Errorf("champion: %w", err)
	}
	return model, nil
}

type inForce struct{ pack *policy.Pack }

func (p inForce) Pack() *policy.Pack { return p.pack }

type publisher struct {
	bus interface {
		Publish(context.Context, string, event.Envelope) error
	}
	topic string
}

func (p publisher) PublishDecision(ctx context.Context, d *pix.Decision) error {
	e, err := event.EncodeDecision(d)
	if err != nil {
		return fmt.Errorf("encode decision: %w", err)
	}
	return p.bus.Publish(ctx, p.topic, e)
}

// Models gives the champions that serve.
func (s *Stack) Models() engine.Models { return s.models }

// Policy gives the policy in force.
func (s *Stack) Policy() *policy.Pack { return s.pack }
