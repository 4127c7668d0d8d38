package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sentinela-pix/sentinela/functions/live"
	"github.com/sentinela-pix/sentinela/models"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/policy"
	"github.com/sentinela-pix/sentinela/shared/reload"
	"github.com/sentinela-pix/sentinela/shared/scoring"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
)

// Settings of the decision, those of the score service's defaults.
const (
	decisionTimeout  = 300 * time.Millisecond // of every target; the store has half of it
	explainApprovals = 0.01
	markEvery        = 200 * time.Millisecond
)

// publishers is how many decisions are published at once, published how many may wait.
const (
	publishers = 4
	published  = 1024
)

// historyWriters is how many payments of the history are written at once.
const historyWriters = 8

// loadTokenKey signs tokens on this machine only.
const loadTokenKey = "a public key for load tests, only!"

// local decides in this process.
type local struct {
	supply  *supply
	tokens  *pix.Tokenizer
	store   engine.Store
	outage  *outage // the store, where it is to be away for a while
	models  byRole
	policy  *policy.Set
	engine  *engine.Engine
	outbox  *engine.Outbox
	queue   chan *pix.Decision
	history int
	forget  bool
	timeout time.Duration

	work  sync.WaitGroup
	stops []func(context.Context) error // run in reverse order
}

func openLocal(ctx context.Context, o *options) (*local, error) {
	l := &local{history: o.history, forget: o.forget, timeout: o.timeout, queue: make(chan *pix.Decision, published), supply: newSupply(o.seed, o.history+o.most())}
	var err error
	if l.tokens, err = pix.NewTokenizer(pix.TokenKey{Version: 1, Secret: []byte(loadTokenKey)}, nil); err != nil {
		return nil, fmt.Errorf("token key: %w", err)
	}
	steps := []func(context.Context) error{
		func(ctx context.Context) error { return l.openStore(ctx, o) }, l.remember, l.openEngine, l.openOutbox,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, l.close(context.WithoutCancel(ctx)))
		}
	}
	return l, nil
}

// close ends everything that was opened, the last first.
func (l *local) close(ctx context.Context) error {
	var failures []error
	for _, stop := range slices.Backward(l.stops) {
		failures = append(failures, stop(ctx))
	}
	l.stops = nil
	return errors.Join(failures...)
}

func (l *local) openStore(ctx context.Context, o *options) error {
	switch {
	case o.on == onHTTP && o.shape == shapeOutage:
		l.outage = &outage{Store: memory.New(time.Now)}
		l.store = l.outage
		return nil
	case o.on != onBigtable:
		l.store = memory.New(time.Now)
		return nil
	}
	cloud, err := pixtest.Start(ctx, pixtest.Options{Bigtable: true, KeepCells: true})
	if err != nil {
		return fmt.Errorf("start Bigtable: %w", err)
	}
	l.stops = append(l.stops, func(context.Context) error { return cloud.Close() })
	// The deadline of a decision bounds its calls; the history has none.
	cfg := store.Config{ProjectID: cloud.ProjectID, InstanceID: "load", CallTimeout: time.Minute}
	if err := store.CreateSchema(ctx, cfg, store.Retention{}, cloud.BigtableOptions()...); err != nil {
		return fmt.Errorf("create table: %w", err)
	}
	s, err := store.Open(ctx, cfg, append(cloud.BigtableOptions(), o.bigtable...)...)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	l.stops = append(l.stops, func(context.Context) error { return s.Close() })
	l.store = s
	return nil
}

func (l *local) openEngine(ctx context.Context) error {
	features, err := feature.NewSet()
	if err != nil {
		return fmt.Errorf("build features: %w", err)
	}
	if l.policy, err = policy.NewSet(policy.Shipped(), features.Names()); err != nil {
		return fmt.Errorf("load policy: %w", err)
	}
	if l.models, err = champions(ctx, features); err != nil {
		return err
	}
	l.engine, err = engine.New(engine.Deps{
		Store: l.store, Models: l.models, Policies: l.policy, Features: features, Clock: time.Now,
		Timeout: l.timeout, StoreDeadline: l.timeout / 2, ExplainShare: explainApprovals,
	})
	if err != nil {
		return fmt.Errorf("build engine: %w", err)
	}
	l.stops = append(l.stops, l.engine.Close)
	return nil
}

// byRole gives the shipped champions.
type byRole struct{ set *scoring.Set }

// Model returns the champion of a role.
func (b byRole) Model(role pix.Role) (engine.Model, error) {
	m, err := b.set.Model(role)
	if err != nil {
		return nil, fmt.Errorf("champion: %w", err)
	}
	return m, nil
}

// champions loads the shipped model of every role, as the scorer does.
func champions(ctx context.Context, features *feature.Set) (byRole, error) {
	shipped, err := reload.NewModels(reload.ModelsConfig{
		Store: modelstore.FromFS(models.Shipped()), Roles: pix.Internal.Roles(),
		Contract: scoring.Contract{FeatureNames: features.Names(), FeatureSet: features.Version()},
	})
	if err != nil {
		return byRole{}, fmt.Errorf("open models: %w", err)
	}
	w, err := reload.NewWatcher(reload.Config{}, shipped)
	if err != nil {
		return byRole{}, fmt.Errorf("watch models: %w", err)
	}
	if err := w.Load(ctx); err != nil {
		return byRole{}, fmt.Errorf("load models: %w", err)
	}
	return byRole{shipped.Set()}, nil
}

// reference is what a role's champion learnt from.
func (b byRole) reference(role pix.Role) *scoring.Reference {
	m, err := b.set.Model(role)
	if err != nil {
		return nil
	}
	return m.Reference()
}

// inUse is what decides, for the feed of what is decided.
func (l *local) inUse() live.Serving {
	pack := l.policy.Pack()
	s := live.Serving{Policy: pack.Version(), Thresholds: pack.Thresholds()}
	for _, role := range pix.Internal.Roles() {
		if m, err := l.models.set.Model(role); err == nil {
			s.Models = append(s.Models, live.Model{Role: role, Version: m.Version()})
		}
	}
	return s
}

// acknowledged is a publisher in this process: it encodes a decision and acknowledges it.
type acknowledged struct{}

// PublishDecision encodes the decision.
func (acknowledged) PublishDecision(_ context.Context, d *pix.Decision) error {
	if _, err := event.EncodeDecision(d); err != nil {
		return fmt.Errorf("encode decision: %w", err)
	}
	return nil
}

// openOutbox publishes decisions beside the loop, as the scorer does after it has answered.
func (l *local) openOutbox(ctx context.Context) error {
	var err error
	if l.outbox, err = engine.NewOutbox(engine.OutboxDeps{Store: l.store, Publisher: acknowledged{}}); err != nil {
		return fmt.Errorf("build outbox: %w", err)
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	for range publishers {
		l.work.Go(func() {
			for d := range l.queue {
				_ = l.outbox.Send(life, d) // its mark stays, as it would for a sweep
			}
		})
	}
	ticker := time.NewTicker(markEvery)
	done := make(chan error, 1)
	go func() { done <- l.outbox.Run(life, ticker.C) }()
	l.stops = append(l.stops, func(context.Context) error {
		close(l.queue)
		l.work.Wait()
		ticker.Stop()
		cancel()
		return <-done
	})
	return nil
}

// forgetful reads what the store has and keeps nothing more.
type forgetful struct{ engine.Store }

// Record keeps nothing.
func (forgetful) Record(context.Context, *pix.Transaction) error { return nil }

// Commit lets the decision stand for its caller alone.
func (forgetful) Commit(_ context.Context, d *pix.Decision) (*pix.Decision, error) { return d, nil }

// remember writes the payments of the history, so that those of the run find one.
func (l *local) remember(ctx context.Context) error {
	if err := l.prepare(l.history); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(historyWriters)
	for i := 0; i < l.history && ctx.Err() == nil; i++ {
		g.Go(func() error {
			tx, err := l.payment(i)
			if err != nil {
				return err
			}
			return l.store.Record(ctx, &tx)
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	if l.forget {
		l.store = forgetful{l.store}
	}
	return nil
}

// prepare makes the next n payments.
func (l *local) prepare(n int) error { return l.supply.next(n, tokenised(l.tokens)) }

// payment decodes a payment.
func (l *local) payment(i int) (pix.Transaction, error) {
	tx, err := event.DecodeTransaction(event.Envelope{Data: l.supply.payments.at(i), Attributes: protoAttributes()}, nil, time.Now())
	if err != nil {
		return tx, fmt.Errorf("decode payment: %w", err)
	}
	return tx, nil
}

func protoAttributes() map[string]string {
	return map[string]string{event.AttrSchema: event.SchemaTransaction, event.AttrEncoding: event.EncodingProto}
}

// call decides one payment, from its wire bytes to a decision that is committed. One that was decided without its
// histories is a failure here: its latency is that of a deadline.
func (l *local) call(ctx context.Context, i int) string {
	tx, err := l.payment(i)
	if err != nil {
		return pix.KindOf(err).String()
	}
	d, _, err := l.engine.Decide(ctx, engine.Request{Tx: &tx, Arrival: pix.Arrival{Replay: true}})
	if err != nil {
		return pix.KindOf(err).String()
	}
	if d.FeaturesMissing {
		return "features_missing"
	}
	select {
	case l.queue <- d:
	default: // left to the sweep, as in the scorer
	}
	return ""
}
