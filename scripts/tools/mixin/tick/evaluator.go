package tick

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"

	"github.com/sentinela-pix/sentinela/scripts/tools/mixin/alert"
)

// Evaluator runs groups of rules over a storage, tick by tick from the moment 0.
type Evaluator struct {
	engine  *promql.Engine
	storage *Storage
	rules   []rule
	at      time.Time
	every   time.Duration
}

// rule is one rule with what it remembers from tick to tick.
type rule struct {
	alert.Rule
	hold, keep time.Duration
	active     map[string]*instance // of an alert, by labels
	recorded   map[string]struct{}  // of a record: the series of the last tick
}

// instance is one result of an alert's expression.
type instance struct {
	since, gone time.Time // gone is when the expression stopped to hold, of one that is kept firing
	firing      bool
}

// New makes an evaluator of groups.
func New(storage *Storage, every time.Duration, groups ...alert.Group) (*Evaluator, error) {
	e := &Evaluator{
		engine: promql.NewEngine(promql.EngineOpts{MaxSamples: 1e7, Timeout: time.Minute}), storage: storage, every: every,
		at: time.UnixMilli(0).Add(-every),
	}
	for _, g := range groups {
		for _, r := range g.Rules {
			made, err := newRule(r)
			if err != nil {
				return nil, err
			}
			e.rules = append(e.rules, made)
		}
	}
	return e, nil
}

func newRule(r alert.Rule) (rule, error) {
	made := rule{Rule: r, active: map[string]*instance{}, recorded: map[string]struct{}{}}
	var err error
	if made.hold, err = parse(r.For); err == nil {
		made.keep, err = parse(r.KeepFiringFor)
	}
	if err != nil {
		return rule{}, fmt.Errorf("rule %s%s: %w", r.Alert, r.Record, err)
	}
	return made, nil
}

func parse(duration string) (time.Duration, error) {
	if duration == "" {
		return 0, nil
	}
	d, err := model.ParseDuration(duration)
	if err != nil {
		return 0, fmt.Errorf("parse: %w", err)
	}
	return time.Duration(d), nil
}

// Tick goes on by one tick and returns what fires then: the labels of each firing alert.
func (e *Evaluator) Tick(ctx context.Context) ([]labels.Labels, error) {
	e.at = e.at.Add(e.every)
	var firing []labels.Labels
	for i := range e.rules {
		r := &e.rules[i]
		result, err := e.query(ctx, r.Expr)
		if err != nil {
			return nil, fmt.Errorf("%s%s: %w", r.Alert, r.Record, err)
		}
		if r.Record != "" {
			e.record(r, result)
			continue
		}
		firing = append(firing, r.step(result, e.at)...)
	}
	return firing, nil
}

// At is the moment of the last tick, from 0.
func (e *Evaluator) At() time.Duration { return time.Duration(e.at.UnixMilli()) * time.Millisecond }

func (e *Evaluator) query(ctx context.Context, expression string) (promql.Vector, error) {
	q, err := e.engine.NewInstantQuery(ctx, e.storage, nil, expression, e.at)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	defer q.Close()
	result := q.Exec(ctx)
	if result.Err != nil {
		return nil, fmt.Errorf("evaluate: %w", result.Err)
	}
	if s, err := result.Scalar(); err == nil {
		return promql.Vector{{T: s.T, F: s.V}}, nil
	}
	vector, err := result.Vector()
	if err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	return append(promql.Vector(nil), vector...), nil
}

func (e *Evaluator) record(r *rule, result promql.Vector) {
	now := map[string]struct{}{}
	for _, s := range result {
		l := labelled(s.Metric, r.Record, r.Labels)
		now[l.String()] = struct{}{}
		e.storage.add(l, sample{e.at.UnixMilli(), s.F})
	}
	for key := range r.recorded {
		if _, there := now[key]; !there {
			e.storage.stale(key, e.at.UnixMilli())
		}
	}
	r.recorded = now
}

// step moves an alert's instances on, as Prometheus does: active for its time it fires; gone, it fires for the time that it
// is kept.
func (r *rule) step(result promql.Vector, at time.Time) []labels.Labels {
	holds := map[string]labels.Labels{}
	for _, s := range result {
		l := labelled(s.Metric, r.Alert, r.Labels)
		holds[l.String()] = l
		if r.active[l.String()] == nil {
			r.active[l.String()] = &instance{since: at}
		}
	}
	var firing []labels.Labels
	for key, i := range r.active {
		_, there := holds[key]
		switch {
		case there:
			i.gone = time.Time{}
			i.firing = i.firing || at.Sub(i.since) >= r.hold
		case i.gone.IsZero():
			i.gone = at
		}
		if !there && (!i.firing || at.Sub(i.gone) >= r.keep) {
			delete(r.active, key)
			continue
		}
		if i.firing {
			firing = append(firing, labels.FromStrings("alertname", r.Alert, "severity", r.Labels["severity"], "key", key))
		}
	}
	return firing
}

// labelled is a result's labels with a new name and those of the rule.
func labelled(l labels.Labels, name string, more map[string]string) labels.Labels {
	b := labels.NewBuilder(l)
	b.Set(model.MetricNameLabel, name)
	for k, v := range more {
		b.Set(k, v)
	}
	return b.Labels()
}
