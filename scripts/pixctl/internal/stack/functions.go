package stack

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/alert"
	"github.com/sentinela-pix/sentinela/functions/audit"
	"github.com/sentinela-pix/sentinela/functions/label"
	"github.com/sentinela-pix/sentinela/functions/score"
)

// handleTimeout bounds one message below the dispatcher's acknowledgement deadline of 10 s.
const handleTimeout = 8 * time.Second

// startFunctions serves the functions on one port, a path each, and the scorer on another: in production each is a
// process of its own.
func (s *Stack) startFunctions(ctx context.Context) error {
	for _, topic := range []string{TransactionsTopic, DecisionsTopic, AlertsTopic, LabelsTopic, DeadLetterTopic} {
		if err := s.Bus.EnsureTopic(ctx, topic); err != nil {
			return fmt.Errorf("topic %s: %w", topic, err)
		}
	}
	mux, err := s.functions()
	if err != nil {
		return err
	}
	s.onStop("score", s.score.Close)
	if s.FunctionsURL, err = s.serve(ctx, "functions", mux); err != nil {
		return err
	}
	if s.ScorerURL, err = s.serve(ctx, "scorer", s.score); err != nil {
		return err
	}
	return s.startMetrics(ctx)
}

// functions builds the handlers. push.Deps is internal to functions/, so its fields are set one by one.
func (s *Stack) functions() (http.Handler, error) {
	var err error
	deps := score.Deps{Engine: s.Engine, Outbox: s.Outbox, Tokenizer: s.Tokenizer}
	deps.Push.DeadLetters, deps.Push.DeadLetterTopic = s.Bus, DeadLetterTopic
	deps.Push.MaxAttempts, deps.Push.Timeout = MaxAttempts, handleTimeout
	deps.Push.Logger, deps.Push.Tracer = s.logger, s.tracing.Tracer("functions")
	deps.Push.Metrics = prometheus.WrapRegistererWith(prometheus.Labels{"service": score.Name}, s.Registry)
	if s.score, err = score.New(deps); err != nil {
		return nil, fmt.Errorf("functions: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/score", s.score)
	for name, build := range map[string]func() (http.Handler, error){
		audit.Name: func() (http.Handler, error) {
			d := audit.Deps{Warehouse: s.warehouse, Push: deps.Push}
			d.Push.Metrics = prometheus.WrapRegistererWith(prometheus.Labels{"service": audit.Name}, s.Registry)
			return audit.New(d)
		},
		alert.Name: func() (http.Handler, error) {
			d := alert.Deps{Warehouse: s.warehouse, Publisher: s.Bus, Topic: AlertsTopic, Push: deps.Push}
			d.Push.Metrics = prometheus.WrapRegistererWith(prometheus.Labels{"service": alert.Name}, s.Registry)
			return alert.New(d)
		},
		label.Name: func() (http.Handler, error) {
			d := label.Deps{Warehouse: s.warehouse, Push: deps.Push}
			d.Push.Metrics = prometheus.WrapRegistererWith(prometheus.Labels{"service": label.Name}, s.Registry)
			return label.New(d)
		},
	} {
		handler, err := build()
		if err != nil {
			return nil, fmt.Errorf("functions: %w", err)
		}
		mux.Handle("/"+name, handler)
	}
	return mux, nil
}
