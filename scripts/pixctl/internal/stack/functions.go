package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/alert"
	"github.com/sentinela-pix/sentinela/functions/audit"
	"github.com/sentinela-pix/sentinela/functions/export"
	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/functions/label"
	"github.com/sentinela-pix/sentinela/functions/live"
	"github.com/sentinela-pix/sentinela/functions/row"
	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// Settings that differ from a deployment's defaults.
const (
	handleTimeout   = 8 * time.Second // below the dispatcher's acknowledgement deadline of 10 s
	exportTimeout   = 5 * time.Minute
	decisionTimeout = 5 * time.Second // a laptop does everything at once
	storeDeadline   = 4 * time.Second
	shadowWait      = time.Second
	reloadEvery     = time.Second
	// explainApprovals is that of a deployment.
	explainApprovals = 0.01
)

// startFunctions serves the functions on one port, a path each, and the scorer on another: in production each is a
// process of its own, and each has its own connections here too.
func (s *Stack) startFunctions(ctx context.Context) error {
	if err := s.openScore(ctx); err != nil {
		return fmt.Errorf("score: %w", err)
	}
	mux := http.NewServeMux()
	s.mount(mux, score.Name, s.score)
	if s.options.Warehouse != nil {
		if err := errors.Join(s.openWriters(ctx, mux), s.openExport(ctx, mux)); err != nil {
			return err
		}
	}
	var err error
	if s.FunctionsURL, err = s.serve(ctx, "functions", mux); err != nil {
		return err
	}
	if s.ScorerURL, err = s.serve(ctx, "scorer", s.score); err != nil {
		return err
	}
	metrics := http.NewServeMux()
	metrics.Handle("/metrics", obs.MetricsHandler(s.registry))
	page, err := s.score.Live(live.Around{Conditions: s.score.Conditions(), Pipeline: s.pipeline, Replays: !s.options.Live})
	if err != nil {
		return fmt.Errorf("live page: %w", err)
	}
	metrics.Handle(live.Path, page)
	url, err := s.serve(ctx, "metrics", metrics)
	s.MetricsURL, s.LiveURL = url+"/metrics", url+live.Path
	s.onStop("live page", func(context.Context) error { s.score.EndLive(); return nil })
	return err
}

// pipeline counts what came of the decisions further on, from the services' own metrics.
func (s *Stack) pipeline() []live.Step {
	families, err := s.registry.Gather()
	if err != nil {
		return nil
	}
	steps := []live.Step{{Name: "audited"}, {Name: "alerted"}, {Name: "dead_letters"}}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			switch name, count := family.GetName(), m.GetCounter().GetValue(); {
			case name == "pix_bridge_records_total" && labels["result"] != "published": // else it is a dead letter's reason
				steps[2].Count += count
			case labels["result"] != "ok":
			case name == "pix_warehouse_rows_total" && labels["table"] == "decisions":
				steps[0].Count += count
			case name == "pix_warehouse_rows_total" && labels["table"] == "alerts":
				steps[1].Count += count
			case name == "pix_function_dead_letters_total":
				steps[2].Count += count
			}
		}
	}
	return steps
}

// mount serves a function under its name.
func (s *Stack) mount(mux *http.ServeMux, name string, f http.Handler) {
	mux.Handle("/"+name+"/", http.StripPrefix("/"+name, f))
	s.served[name] = true
}

// openScore opens the score function, which loads its models from the Cloud Storage fake unless another store is named.
func (s *Stack) openScore(ctx context.Context) error {
	c := score.Config{
		Config: s.config(), StoreConfig: storeOf(), DecisionsTopic: DecisionsTopic,
		Models: cmp.Or(s.options.Models, "gs://"+modelBucket), Policy: s.options.Policy, ReloadEvery: reloadEvery,
		DecisionTimeout: decisionTimeout, StoreDeadline: storeDeadline, ShadowWait: shadowWait,
		MaxInFlight: engine.DefaultMaxInFlight, ExplainApprovals: explainApprovals,
		Callers: s.options.Callers, Keys: demoKeys(),
	}
	start := time.Now()
	var err error
	if s.score, err = score.Open(ctx, &c, s.env(score.Name)); err != nil {
		return err
	}
	s.onStop(score.Name, s.score.Close)
	s.options.Progress("models and policy %s are loaded and verified (%.1f s)", s.score.Policy().Version(), time.Since(start).Seconds())
	return nil
}

// openWriters opens the functions that write rows.
func (s *Stack) openWriters(ctx context.Context, mux *http.ServeMux) error {
	c := row.Config{Config: s.config(), Dataset: Dataset}
	open := map[string]func(env host.Env) (*row.Function, error){
		audit.Name: func(env host.Env) (*row.Function, error) { return audit.Open(ctx, &c, env) },
		label.Name: func(env host.Env) (*row.Function, error) {
			return label.Open(ctx, &label.Config{Config: c, StoreConfig: storeOf()}, env)
		},
		alert.Name: func(env host.Env) (*row.Function, error) {
			return alert.Open(ctx, &alert.Config{Config: c, AlertsTopic: AlertsTopic}, env)
		},
	}
	for name, open := range open {
		f, err := open(s.env(name))
		if err != nil {
			return err
		}
		s.onStop(name, f.Close)
		s.mount(mux, name, f)
	}
	return nil
}

// openExport opens the export to the lake.
func (s *Stack) openExport(ctx context.Context, mux *http.ServeMux) error {
	c := export.Config{Config: s.config(), Dataset: Dataset, Lake: s.LakePlace, ExportTimeout: exportTimeout}
	f, err := export.Open(ctx, &c, s.env(export.Name), cmp.Or(s.options.ExportMargin, warehouse.DefaultAppendTimeout))
	if err != nil {
		return err
	}
	s.onStop(export.Name, f.Close)
	s.mount(mux, export.Name, f)
	return nil
}

// config is what every function is told. How long a message may fail is a deployment's default.
func (s *Stack) config() host.Config {
	identity := s.options.Identity
	if identity.VerifyCallers == "" { // everything is on this machine, and the README's examples have no token
		identity.VerifyCallers = "off"
	}
	return host.Config{
		ProjectID: ProjectID, LogLevel: slog.LevelInfo, DeadLetterTopic: DeadLetterTopic,
		Timeout: handleTimeout, Identity: identity, Tracing: s.options.Tracing,
	}
}

func storeOf() host.StoreConfig {
	return host.StoreConfig{BigtableInstance: Instance, BigtableTable: Table}
}

// env is what stands in for Google Cloud under one function.
func (s *Stack) env(name string) host.Env {
	return host.Env{
		Logs:     s.options.Logs,
		Metrics:  s.metrics(name),
		PubSub:   s.Cloud.PubSubOptions(),
		Bigtable: append(slices.Clone(s.options.Bigtable), s.Cloud.BigtableOptions()...), // an injected failure comes first
		BigQuery: append(s.Cloud.BigQueryStorageOptions(), s.options.BigQuery...),
		Storage:  s.Cloud.StorageOptions(),

		BigQueryREST: s.Cloud.BigQueryOptions(),
	}
}

// metrics is where one service registers: services share names of metrics, and a page of one process tells them apart.
func (s *Stack) metrics(service string) prometheus.Registerer {
	return prometheus.WrapRegistererWith(prometheus.Labels{"service": service}, s.registry)
}
