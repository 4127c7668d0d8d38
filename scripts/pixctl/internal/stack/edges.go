package stack

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/audit"
	"github.com/sentinela-pix/sentinela/functions/label"
	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

// writerConcurrency is how many rows may wait for an append: they share one, and the emulator's price is by the append.
const writerConcurrency = 400

// startBridge runs one member of the bridge's consumer group.
func (s *Stack) startBridge(ctx context.Context) error {
	registry := prometheus.NewRegistry()
	tracing, err := obs.NewTracing(ctx, obs.Service{Name: "kafka-bridge", ProjectID: ProjectID, HeadOnly: true}, s.options.Tracing)
	if err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	s.onStop("bridge's tracing", tracing.Shutdown)
	b, err := bridge.New(bridge.Config{Brokers: s.Cloud.KafkaBrokers, Topic: KafkaTopic, Replay: !s.options.Live},
		bridge.Deps{Bus: s.Bus, Tokenizer: s.Tokenizer, Log: s.logger, Registry: registry, Tracer: tracing.Tracer("bridge")})
	if err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	if err := s.metrics("bridge").Register(registry); err != nil {
		return fmt.Errorf("bridge: %w", err)
	}
	s.background("bridge", b.Run)
	return nil
}

// startPush delivers the subscriptions of the functions that are served, and copies to whoever watches.
func (s *Stack) startPush(ctx context.Context) error {
	for _, topic := range event.Topics() {
		for _, sub := range topic.Subscriptions {
			if !s.served[sub.Function] {
				continue
			}
			policy := push.Policy{Concurrency: concurrency(sub.Function)}
			if err := s.dispatch(ctx, sub.Name, s.FunctionsURL+"/"+sub.Function+event.PushPath, policy); err != nil {
				return err
			}
		}
	}
	for topic, handler := range s.options.Watch {
		watcher := bus.Subscription{Name: "watch-" + topic, Topic: topic}
		if err := s.Bus.EnsureSubscription(ctx, watcher); err != nil {
			return fmt.Errorf("subscription %s: %w", watcher.Name, err)
		}
		if err := s.dispatch(ctx, watcher.Name, "http://watcher", push.Policy{Transport: push.Local(handler)}); err != nil {
			return err
		}
	}
	return nil
}

// concurrency is how many requests of a function may be in flight; zero is the dispatcher's default.
func concurrency(function string) int {
	if function == audit.Name || function == label.Name {
		return writerConcurrency
	}
	return 0
}

func (s *Stack) dispatch(ctx context.Context, subscription, url string, policy push.Policy) error {
	policy.Dial = s.dial
	policy.MaxBackoff, policy.Faults, policy.Token = 2*time.Second, s.options.Faults, s.options.PushToken
	d, err := s.Cloud.Push(ctx, subscription, url, policy)
	if err != nil {
		return fmt.Errorf("push %s: %w", subscription, err)
	}
	s.dispatchers = append(s.dispatchers, d)
	s.onStop("push "+subscription, d.Stop)
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
