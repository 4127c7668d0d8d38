package live

import (
	"encoding/json"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// state is what the page shows beside single decisions. Times are microseconds.
type state struct {
	Rate        float64        `json:"rate"`
	Each        []int          `json:"each"`
	Given       int            `json:"given"`
	Standing    int            `json:"standing"`
	P50         int64          `json:"p50_us"`
	P99         int64          `json:"p99_us"`
	Worst       int64          `json:"worst_us"`
	Outcomes    map[string]int `json:"outcomes"`
	Stopped     text           `json:"stopped"`
	AtRisk      text           `json:"at_risk"`      // expected loss in what was approved
	StoppedLoss text           `json:"stopped_loss"` // and in what was stopped
	Alerts      int            `json:"alerts"`
	Models      []model        `json:"models"`
	Policy      string         `json:"policy"`
	Pipeline    []Step         `json:"pipeline"`
	Faults      []fault        `json:"faults"`
}

type model struct {
	Role       string `json:"role"`
	Version    string `json:"version"`
	Challenger bool   `json:"challenger"`
}

// Step counts what came out of one step of the pipeline. Its name is one that the page has words for: audited, alerted,
// dead_letters.
type Step struct {
	Name  string  `json:"name"`
	Count float64 `json:"count"`
}

// numbers are the state without what the page adds.
func (f *Feed) numbers(now time.Time) state {
	serving := f.serving()
	f.mu.Lock()
	t := f.window.totals(now)
	f.mu.Unlock()
	s := state{
		Rate: t.Rate, Each: t.Each, Given: t.Given, Standing: t.Standing,
		P50: t.P50.Microseconds(), P99: t.P99.Microseconds(), Worst: t.Worst.Microseconds(), Outcomes: map[string]int{},
		Stopped: money(t.Hour.stopped), AtRisk: money(t.Hour.expectedPassed), StoppedLoss: money(t.Hour.expectedStopped),
		Models: []model{}, Policy: serving.Policy, Pipeline: []Step{}, Faults: t.suffered(),
	}
	for _, o := range []pix.Outcome{pix.Approve, pix.Review, pix.Block, pix.Reject} {
		s.Outcomes[string(o)] = t.Hour.outcomes[o]
		if o != pix.Approve {
			s.Alerts += t.Hour.outcomes[o]
		}
	}
	for _, m := range serving.Models {
		s.Models = append(s.Models, model{string(m.Role), m.Version, m.Challenger})
	}
	return s
}

// queue gives the alerts with the most money and the version of their list.
func (f *Feed) queue() (top []json.RawMessage, version uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	top = []json.RawMessage{}
	for _, e := range f.alerts.list[:min(len(f.alerts.list), alertsSent)] {
		top = append(top, e.body)
	}
	return top, f.alerts.version
}
