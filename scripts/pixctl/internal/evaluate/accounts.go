package evaluate

import (
	"cmp"
	"math"
	"slices"
)

// accountDay is one account on one day.
type accountDay struct {
	account int32
	raw     float64 // highest of the day
	weight  float64 // the heaviest of its payments, of its frauds when it has one
	fraud   bool
}

// topDaily measures the precision among each day's k most suspicious accounts (card precision at k, Le Borgne and
// others 2022). An account is left out from the day after its first fraud report arrived.
func topDaily(s *sample, k int) TopDaily {
	reported := make([]int64, len(s.accounts.list))
	for i := range reported {
		reported[i] = math.MaxInt64
	}
	for i := range s.rows {
		if r := &s.rows[i]; r.arrived != 0 {
			reported[r.account] = min(reported[r.account], (&row{at: r.arrived}).day())
		}
	}
	out := TopDaily{K: k}
	days := accountDays(s, reported)
	var caught, all float64
	for _, day := range slices.Sorted(mapKeys(days)) {
		hit, used, frauds := best(days[day], float64(k))
		caught, all = caught+hit, all+frauds
		out.Precision += ratio(hit, used)
		out.Days++
	}
	out.Precision, out.Recall = ratio(out.Precision, float64(out.Days)), ratio(caught, all)
	return out
}

func mapKeys[V any](m map[int64]V) func(func(int64) bool) {
	return func(yield func(int64) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// accountDays gathers, by day, the accounts that had not been reported before that day.
func accountDays(s *sample, reported []int64) map[int64][]accountDay {
	days := map[int64][]accountDay{}
	type key struct {
		day     int64
		account int32
	}
	place := map[key]int{}
	for i := range s.rows {
		r := &s.rows[i]
		day := r.day()
		if reported[r.account] < day {
			continue
		}
		k := key{day, r.account}
		n, ok := place[k]
		if !ok {
			n = len(days[day])
			place[k] = n
			days[day] = append(days[day], accountDay{account: r.account, raw: math.Inf(-1)})
		}
		a := &days[day][n]
		a.raw = max(a.raw, r.raw)
		a.weight, a.fraud = heavier(a.weight, a.fraud, r.weight, r.fraud)
	}
	return days
}

// heavier returns the weight of an account: that of its heaviest fraud, or of its heaviest payment when it has none.
func heavier(weight float64, fraud bool, w float64, f bool) (heaviest float64, any bool) {
	switch {
	case f == fraud:
		return max(weight, w), fraud
	case f:
		return w, true
	default:
		return weight, true
	}
}

// best takes accounts from the most suspicious down while their weights fit into k.
func best(accounts []accountDay, k float64) (caught, used, frauds float64) {
	slices.SortFunc(accounts, func(a, b accountDay) int {
		if c := falling(a.raw, b.raw); c != 0 {
			return c
		}
		return cmp.Compare(a.account, b.account)
	})
	open := true
	for _, a := range accounts {
		if a.fraud {
			frauds += a.weight
		}
		if open = open && used+a.weight <= k+1e-9; !open {
			continue
		}
		used += a.weight
		if a.fraud {
			caught += a.weight
		}
	}
	return caught, used, frauds
}

// muleFPR is the share of honest accounts that may be suspected.
const muleFPR = 0.001

// mule is one receiving account: its highest score before its third incoming fraud, and ever.
type mule struct {
	account     int32
	early, ever float64
	weight      float64
	fraud       bool
	frauds      int
}

// muleTable is the receiving accounts from the highest early score down.
type muleTable struct{ list []mule }

// muleFrauds is how many incoming frauds may have happened when an account is to be found: before its third.
const muleFrauds = 2

// newMuleTable gathers accounts. The rows are in order of event time.
func newMuleTable(s *sample, order []int32) *muleTable {
	list := make([]mule, len(s.accounts.list))
	for i := range list {
		list[i] = mule{account: int32(i), early: math.Inf(-1), ever: math.Inf(-1)}
	}
	for _, n := range order {
		r := &s.rows[n]
		m := &list[r.account]
		m.ever = max(m.ever, r.raw)
		m.weight, m.fraud = heavier(m.weight, m.fraud, r.weight, r.mule)
		if r.mule {
			m.frauds++
		}
		if m.frauds <= muleFrauds {
			m.early = max(m.early, r.raw)
		}
	}
	slices.SortFunc(list, func(a, b mule) int {
		if c := falling(a.early, b.early); c != 0 {
			return c
		}
		return cmp.Compare(a.account, b.account)
	})
	return &muleTable{list}
}

// measure returns the threshold and the shares of mule accounts that it finds before the third fraud, and ever.
func (t *muleTable) measure(times []float64) (threshold, early, ever float64) {
	var honest, mules, found float64
	count := func(m *mule) float64 {
		if times == nil {
			return m.weight
		}
		return m.weight * times[m.account]
	}
	for i := range t.list {
		if m := &t.list[i]; m.fraud {
			mules += count(m)
		} else {
			honest += count(m)
		}
	}
	threshold = math.Nextafter(t.list[0].early, math.Inf(1))
	var hit, wrong float64
	for i := range t.list {
		m := &t.list[i]
		if m.fraud {
			hit += count(m)
		} else {
			wrong += count(m)
		}
		if i+1 < len(t.list) && t.list[i+1].early == m.early {
			continue
		}
		if wrong > muleFPR*honest*slack {
			break
		}
		threshold, early = m.early, ratio(hit, mules)
	}
	for i := range t.list {
		if m := &t.list[i]; m.fraud && m.ever >= threshold {
			found += count(m)
		}
	}
	return threshold, early, ratio(found, mules)
}

// report summarises the table of a sample.
func (t *muleTable) report(s *sample) *Mules {
	m := &Mules{FPR: muleFPR, Accounts: len(t.list)}
	m.Threshold, m.BeforeThird, m.Ever = t.measure(nil)
	var several, found, wrong float64
	for i := range t.list {
		switch a := &t.list[i]; {
		case !a.fraud:
			continue
		case a.frauds == 1:
			m.Once++
		default:
			several += a.weight
			if a.early >= m.Threshold {
				found += a.weight
			}
		}
		m.Mules++
	}
	for i := range s.rows {
		if r := &s.rows[i]; !r.fraud && r.raw >= m.Threshold {
			wrong += r.weight
		}
	}
	m.Repeated, m.PaymentFPR = ratio(found, several), ratio(wrong, s.totals().legit)
	return m
}
