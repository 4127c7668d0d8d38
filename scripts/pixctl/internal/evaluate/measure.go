package evaluate

import (
	"context"
	"fmt"
	"time"
)

// settings say what to measure.
type settings struct {
	budget     float64 // alerts per 100,000 payments and day
	top        int     // accounts a day
	replicates int
	seed       uint64
}

// measure computes the report. Only the replicates take long enough to be interrupted.
func measure(ctx context.Context, s *sample, o settings) (*Report, error) {
	t := s.totals()
	ranked := s.byScore()
	desks := []*desk{newDesk(s, orderScore, ranked), newDesk(s, orderLoss, s.byLoss())}
	described := describe(s, t)
	r := &described
	r.AP, r.AUC = areas(s, ranked, t)
	r.curve = precisionRecall(s, ranked, t)
	items := make([]item, len(ranked))
	for i, n := range ranked {
		p := &s.rows[n]
		items[i] = item{p.raw, p.weight, p.amount, p.fraud}
	}
	for _, level := range fprLevels() {
		r.AtFPR = append(r.AtFPR, at(items, t, level))
	}
	for _, d := range desks {
		r.AtBudget = append(r.AtBudget, d.spend(s, o.budget, once, t))
	}
	for _, d := range desks {
		for _, b := range budgets() {
			if b != o.budget {
				r.AtBudget = append(r.AtBudget, d.spend(s, b, once, t))
			}
		}
	}
	r.Accounts = topDaily(s, o.top)
	measureGroups(s, r, flags{at(items, t, groupFPR).Threshold, taken(s, desks[0], o.budget)})
	r.Calib, r.Shares = calibrate(s), shares(s)
	b := newResampler(s, ranked, t)
	b.budget = o.budget
	for _, d := range desks {
		b.desks = append(b.desks, d.shorten(s, o.budget))
	}
	if err := b.fill(ctx, r, o); err != nil {
		return nil, err
	}
	return r, nil
}

// taken marks the rows that a desk takes.
func taken(s *sample, d *desk, budget float64) []bool {
	out := make([]bool, len(s.rows))
	d.work(s, budget, once, func(n int32, _ float64) { out[n] = true })
	return out
}

func describe(s *sample, t totals) Report {
	r := Report{
		Role: s.role, Model: s.model, Truth: s.truth, Rows: len(s.rows), LeftOut: s.leftOut,
		ids: s.ids.Sum64(), Payments: t.fraud + t.legit, FraudBRL: t.fraudBRL, Per100k: 100_000 * ratio(t.fraud, t.fraud+t.legit),
	}
	first, last := s.rows[0].at, s.rows[0].at
	days := map[int64]struct{}{}
	for i := range s.rows {
		p := &s.rows[i]
		first, last = min(first, p.at), max(last, p.at)
		days[p.day()] = struct{}{}
		if p.fraud {
			r.Frauds++
		}
	}
	r.From, r.To = iso(first), iso(last)
	r.Days = len(days)
	return r
}

func iso(micros int64) string { return time.UnixMicro(micros).UTC().Format(time.RFC3339) }

func measureGroups(s *sample, r *Report, f flags) {
	r.Typology = sorted(s.groups(f, s.typologies.list, func(p *row) int32 { return p.typology }))
	r.Look = sorted(s.groups(f, s.lookAlikes.list, func(p *row) int32 { return p.lookAlike }))
	r.Delay = s.groups(f, delays(), delayClass)
	r.Age = sorted(s.groups(f, s.ages.list, func(p *row) int32 { return p.age }))
	r.State = sorted(s.groups(f, s.states.list, func(p *row) int32 { return p.state }))
}

// fill fills in the intervals.
func (b *resampler) fill(ctx context.Context, r *Report, o settings) error {
	if b.s.receiver {
		b.mules = newMuleTable(b.s, b.s.byTime())
		r.Mules = b.mules.report(b.s)
	}
	drawn, err := b.run(ctx, o.replicates, o.seed)
	if err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	for i := range r.AtFPR {
		p := &r.AtFPR[i]
		lists := drawn.points[i]
		p.RecallCI, p.PrecCI, p.BRLCI = interval(lists[0]), interval(lists[1]), interval(lists[2])
	}
	for i, lists := range drawn.budgets {
		precision, recall, brl := interval(lists[0]), interval(lists[1]), interval(lists[2])
		r.AtBudget[i].PrecCI, r.AtBudget[i].RecallCI, r.AtBudget[i].BRLCI = &precision, &recall, &brl
		r.drawn[i] = lists[2]
	}
	if r.Mules != nil {
		r.Mules.CI = interval(drawn.mules)
	}
	r.Boot = Bootstrap{o.replicates, o.seed, b.s.role + " account"}
	return nil
}
