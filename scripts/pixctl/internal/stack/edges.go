package stack

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/alert"
	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

// auditConcurrency is how many rows may wait for an append: they share one, and the emulator's price is by the append.
const auditConcurrency = 400

// startBridge runs one member of the bridge's consumer group.
func (s *Stack) startBridge(context.Context) error {
	registry := prometheus.NewRegistry()
	b, err := bridge.New(bridge.Config{Brokers: s.Cloud.KafkaBrokers, Topic: KafkaTopic, Replay: !s.options.Live},
		bridge.Deps{Bus: s.Bus, Tokenizer: s.Tokenizer, Log: s.logger, Registry: registry})
	if err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	if err := s.metrics("bridge").Register(registry); err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	s.background("bridge", b.Run)
	return nil
}

// startPush creates the push subscriptions and delivers them to the functions, and to whoever watches.
func (s *Stack) startPush(ctx context.Context) error {
	triggers := []trigger{
		{subscription: "score", topic: TransactionsTopic, url: s.FunctionsURL + "/score/push"},
		{subscription: "audit", topic: DecisionsTopic, url: s.FunctionsURL + "/audit/push", concurrency: auditConcurrency},
		{subscription: "alert", topic: DecisionsTopic, url: s.FunctionsURL + "/alert/push", filter: alert.Filter},
		{subscription: "label", topic: LabelsTopic, url: s.FunctionsURL + "/label/push", concurrency: auditConcurrency},
	}
	for topic, handler := range s.options.Watch {
		triggers = append(triggers, trigger{
			subscription: "watch-" + topic, topic: topic, url: "http://watcher", transport: push.Local(handler),
		})
	}
	for _, t := range triggers {
		if err := s.subscribe(ctx, t); err != nil {
			return fmt.Errorf("push %s: %w", t.subscription, err)
		}
	}
	return nil
}

// trigger is one push subscription.
type trigger struct {
	subscription, topic, url string
	filter                   string // empty delivers everything
	concurrency              int    // requests in flight; zero is the dispatcher's default
	transport                http.RoundTripper
}

func (s *Stack) subscribe(ctx context.Context, t trigger) error {
	if err := s.Bus.EnsureSubscription(ctx, bus.Subscription{Name: t.subscription, Topic: t.topic, Filter: t.filter}); err != nil {
		return fmt.Errorf("ensure: %w", err)
	}
	d, err := s.Cloud.Push(ctx, t.subscription, t.url, push.Policy{
		MaxBackoff: 2 * time.Second, Concurrency: t.concurrency, Transport: t.transport, Faults: s.options.Faults,
	})
	if err != nil {
		return fmt.Errorf("dispatch: %w", err)
	}
	s.dispatchers = append(s.dispatchers, d)
	s.onStop("push "+t.subscription, d.Stop)
	return nil
}

// Outstanding returns how many pushed messages are not yet done.
func (s *Stack) Outstanding() int {
	n := 0
	for _, d := range s.dispatchers {
		n += d.Outstanding()
	}
	return n
}
