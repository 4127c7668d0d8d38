package evaluate

import (
	"math"
	"slices"
	"strings"
)

// tally sums up one group.
type tally struct {
	g                   Group
	legit, wrong        float64
	fraud, caught       float64
	caughtBRL, inBudget float64
}

func (t *tally) add(r *row, flagged, taken bool) {
	t.g.Payments += r.weight
	if !r.fraud {
		t.legit += r.weight
		if flagged {
			t.wrong += r.weight
		}
		return
	}
	t.g.Frauds++
	t.fraud += r.weight
	t.g.FraudBRL += r.weight * r.amount
	if flagged {
		t.caught += r.weight
		t.caughtBRL += r.weight * r.amount
	}
	if taken {
		t.inBudget += r.weight
	}
}

func (t *tally) group(name string) Group {
	g := t.g
	g.Name = name
	g.FPR, g.Recall = ratio(t.wrong, t.legit), ratio(t.caught, t.fraud)
	g.BRLRecall, g.BudgetRecall = ratio(t.caughtBRL, g.FraudBRL), ratio(t.inBudget, t.fraud)
	g.OnlyFraud = t.legit == 0 && t.fraud > 0
	return g
}

// flags says of every row whether it is flagged at the threshold and whether the desk took it.
type flags struct {
	threshold float64
	taken     []bool
}

// groups sums up the rows by a number, in the order of the names; rows whose number is none are in no group.
func (s *sample) groups(f flags, list []string, number func(*row) int32) []Group {
	tallies := make([]tally, len(list))
	for i := range s.rows {
		r := &s.rows[i]
		if n := number(r); n != none {
			tallies[n].add(r, r.raw >= f.threshold, f.taken[i])
		}
	}
	out := []Group{}
	for i, name := range list {
		if tallies[i].g.Payments > 0 {
			out = append(out, tallies[i].group(name))
		}
	}
	return out
}

// sorted orders groups by name.
func sorted(groups []Group) []Group {
	slices.SortFunc(groups, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
	return groups
}

// delays are the classes of time between a fraud and its report.
func delays() []string {
	return []string{"within 1 day", "1 to 7 days", "7 to 30 days", "30 to 80 days", "after 80 days", "never reported"}
}

func delayClass(r *row) int32 {
	if !r.fraud {
		return none
	}
	if r.arrived == 0 {
		return int32(len(delays()) - 1)
	}
	const day = 24 * 3_600_000_000
	class := int32(0)
	for _, limit := range []int64{1, 7, 30, 80} {
		if r.arrived-r.at > limit*day {
			class++
		}
	}
	return class
}

// binEdges cut probabilities into ranges; fraud is rare, so they are logarithmic.
func binEdges() []float64 {
	return []float64{0, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1}
}

// calibrate compares probabilities with what happened.
func calibrate(s *sample) Calibrate {
	edges := binEdges()
	bins := make([]Bin, len(edges)-1)
	for i := range bins {
		bins[i].From, bins[i].To = edges[i], edges[i+1]
	}
	var out Calibrate
	var weight float64
	for i := range s.rows {
		r := &s.rows[i]
		n, found := slices.BinarySearch(edges, r.probability)
		if !found {
			n--
		}
		b := &bins[min(max(n, 0), len(bins)-1)]
		label := 0.0
		if r.fraud {
			label = 1
		}
		b.Payments += r.weight
		b.Mean += r.weight * r.probability
		b.Fraud += r.weight * label
		out.Brier += r.weight * (r.probability - label) * (r.probability - label)
		weight += r.weight
	}
	for i := range bins {
		b := &bins[i]
		out.Expected, out.Observed = out.Expected+b.Mean, out.Observed+b.Fraud
		out.ECE += ratio(math.Abs(b.Mean-b.Fraud), weight)
		b.Mean, b.Fraud = ratio(b.Mean, b.Payments), ratio(b.Fraud, b.Payments)
	}
	out.Brier, out.Bins = ratio(out.Brier, weight), bins
	return out
}

// topShares is how many features the report names.
const topShares = 20

// shares returns the features with the largest mean absolute contributions.
func shares(s *sample) []Share {
	list := []Share{}
	for i, name := range s.features {
		if i < len(s.contributions) && s.contributions[i] > 0 {
			list = append(list, Share{name, s.contributions[i] / s.explained})
		}
	}
	slices.SortStableFunc(list, func(a, b Share) int { return falling(a.Mean, b.Mean) })
	return list[:min(len(list), topShares)]
}
