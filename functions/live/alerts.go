package live

import (
	"cmp"
	"slices"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Bounds of the queue of alerts.
const (
	mostAlerts  = 100
	alertsSent  = 25        // of them to readers
	alertsStand = time.Hour // then they are for the warehouse's queries
)

// alerts are the decisions that were no approvals and that somebody can still act on, the most money first. Those without a
// score come after those with one, by their amount. It is bounded; the least are left out.
type alerts struct {
	list    []entry // sorted
	version uint64  // of the list
}

// before orders two alerts.
func before(a, b entry) int {
	return cmp.Or(cmp.Compare(b.expected, a.expected), cmp.Compare(b.amount, a.amount), cmp.Compare(a.id, b.id))
}

// wants reports whether a decision would have a place, so that nothing is rendered for one that has none.
func (a *alerts) wants(d *pix.Decision) bool {
	if len(a.list) < mostAlerts {
		return true
	}
	e := entry{id: d.ID(), amount: d.Transaction.Amount, expected: -1}
	if expected, ok := d.Expected(); ok {
		e.expected = expected
	}
	return before(e, a.list[len(a.list)-1]) < 0
}

func (a *alerts) add(e entry) {
	i, _ := slices.BinarySearchFunc(a.list, e, before)
	a.list = slices.Insert(a.list, i, e)
	a.list = a.list[:min(len(a.list), mostAlerts)]
	a.version++
}

// expire takes out what is over.
func (a *alerts) expire(now time.Time) {
	n := len(a.list)
	a.list = slices.DeleteFunc(a.list, func(e entry) bool {
		return now.Sub(e.at) > alertsStand || !e.until.IsZero() && now.After(e.until)
	})
	if len(a.list) != n {
		a.version++
	}
}
