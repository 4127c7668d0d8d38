package upgrade_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// tally tells what came of it, and fails for what must not be.
func (c *check) tally(l *load, versions ...*version) {
	c.t.Helper()
	g := c.ledger
	rows := func(table string, want func(*pix.Decision) bool) (without, surplus, other int) {
		for id, d := range g.decisions {
			rows := c.storage.rows[table][string(id)]
			if want(d) && len(rows) == 0 {
				without++
			}
			for _, r := range rows {
				if r.text("outcome") != string(d.Outcome) || r.text("decided_at") != strconv.FormatInt(d.DecidedAt.UnixMicro(), 10) && table == "decisions" {
					other++
				}
			}
		}
		for id := range c.storage.rows[table] {
			if d := g.decisions[pix.EndToEndID(id)]; d == nil || !want(d) {
				surplus++
			}
		}
		return without, surplus, other
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	c.storage.mu.Lock()
	defer c.storage.mu.Unlock()
	unaudited, unknown, altered := rows("decisions", func(*pix.Decision) bool { return true })
	silent, needless, alien := rows("alerts", func(d *pix.Decision) bool { return d.Outcome != pix.Approve })
	busy, forgotten := l.shop.forgotten(c.t, g.decisions, versions...)
	must := []struct {
		what string
		n    int
	}{
		{"lost", len(g.sent) - len(g.decisions)}, {"doubled", len(g.doubled)}, {"changed", c.changed}, {"dead letters", len(g.dead)},
		{"decisions without row", unaudited}, {"rows without decision", unknown}, {"rows that say otherwise", altered},
		{"no alert", silent}, {"alerts for nothing", needless}, {"alerts that say otherwise", alien},
		{"labels without row", len(l.labels) - len(c.storage.rows["labels"])}, {"without what the other wrote", forgotten},
		{"unreadable", c.unreadable()},
	}
	line := []string{fmt.Sprintf("%d payments, %d decisions, %d without features, from tiles %v", len(g.sent), len(g.decisions), g.bare, busy)}
	for _, v := range versions {
		if busy[v.name] == 0 {
			c.t.Errorf("no decision of %s on a payment to the merchant", v.name)
		}
	}
	for _, m := range must {
		line = append(line, fmt.Sprintf("%s %d", m.what, m.n))
		if m.n != 0 {
			c.t.Errorf("%s: %d", m.what, m.n)
		}
	}
	c.t.Log(strings.Join(line, ", "))
	for _, d := range g.dead {
		c.t.Log(d)
	}
}

// unreadable counts the complaints about what another version wrote: all but those about time, about what was away and about
// this test's own settings.
func (c *check) unreadable() (n int) {
	for _, p := range c.processes {
		if p.wrong {
			continue
		}
		for _, w := range p.complaints(c.t) {
			told := w.Message + " " + w.Error
			if !slices.ContainsFunc(passing(), func(s string) bool { return strings.Contains(told, s) }) {
				n++
				c.t.Logf("%s: %+v", p, w)
			}
		}
	}
	return n
}

// passing are signs of complaints that say nothing about what was read.
func passing() []string {
	return []string{"VERIFY_CALLERS is off", "model refused", "Canceled", "canceled", "deadline", "Deadline", "Unavailable", "timed out", "store away"}
}
