package evaluate

import "slices"

// budgets are the daily capacities of the curve, in alerts per 100,000 payments.
func budgets() []float64 { return []float64{10, 20, 50, 100, 200, 500} }

// Orders in which a desk may take payments.
const (
	orderScore = "score"
	orderLoss  = "expected_loss"
)

// desk is the payments of each day, ranked, and how many a day brings in all.
type desk struct {
	order string
	days  []deskDay
}

type deskDay struct {
	payments float64
	ranked   []int32
}

// newDesk sorts ranked row numbers into days, the earliest first.
func newDesk(s *sample, name string, order []int32) *desk {
	byDay := map[int64]*deskDay{}
	var days []int64
	for _, n := range order {
		r := &s.rows[n]
		d, ok := byDay[r.day()]
		if !ok {
			d = &deskDay{}
			byDay[r.day()] = d
			days = append(days, r.day())
		}
		d.payments += r.weight
		d.ranked = append(d.ranked, n)
	}
	slices.Sort(days)
	out := &desk{order: name}
	for _, day := range days {
		out.days = append(out.days, *byDay[day])
	}
	return out
}

// work takes payments day by day while their weights fit into the capacity; what a day leaves over, less than one
// alert, is the next day's. times says how often a row counts. A row that counts not at all is passed over.
func (d *desk) work(s *sample, per100k float64, times func(*row) float64, take func(int32, float64)) {
	left := 0.0
	for _, day := range d.days {
		left += per100k * day.payments / 100_000
		for _, n := range day.ranked {
			r := &s.rows[n]
			w := r.weight * times(r)
			if w > left+1e-9 {
				break
			}
			left -= w
			if w > 0 {
				take(n, w)
			}
		}
	}
}

func once(*row) float64 { return 1 }

// spend returns what a budget gives.
func (d *desk) spend(s *sample, per100k float64, times func(*row) float64, t totals) Budget {
	b := Budget{Per100k: per100k, Order: d.order}
	fraud := 0.0
	d.work(s, per100k, times, func(n int32, w float64) {
		b.Alerts += w
		if r := &s.rows[n]; r.fraud {
			fraud += w
			b.BRL += w * r.amount
		}
	})
	b.Precision, b.Recall, b.BRLRecall = ratio(fraud, b.Alerts), ratio(fraud, t.fraud), ratio(b.BRL, t.fraudBRL)
	return b
}

// shorten keeps of each day only what replicates of the bootstrap can reach at this budget.
func (d *desk) shorten(s *sample, per100k float64) *desk {
	out := &desk{order: d.order}
	for _, day := range d.days {
		reach, sum, i := 4*(per100k*day.payments/100_000+2), 0.0, 0
		for i < len(day.ranked) && sum <= reach {
			sum += s.rows[day.ranked[i]].weight
			i++
		}
		out.days = append(out.days, deskDay{day.payments, day.ranked[:i]})
	}
	return out
}
