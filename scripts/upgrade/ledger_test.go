package upgrade_test

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"sync"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// ledger is what went in and what came out.
type ledger struct {
	mu        sync.Mutex
	scorers   []string                  // where payments may be asked for
	sent      map[pix.EndToEndID][]byte // the JSON of each payment
	decisions map[pix.EndToEndID]*pix.Decision
	order     []pix.EndToEndID // as they were decided
	doubled   map[pix.EndToEndID]string
	dead      []string
	bare      int // decisions that were made without features
	asked     map[string]int
	fresh     chan *pix.Decision // of each payment the first
}

func newLedger() *ledger {
	return &ledger{
		sent: map[pix.EndToEndID][]byte{}, decisions: map[pix.EndToEndID]*pix.Decision{}, doubled: map[pix.EndToEndID]string{},
		asked: map[string]int{}, fresh: make(chan *pix.Decision, 1<<16),
	}
}

// gist is what of a decision must be one and the same wherever it is told.
func gist(d *pix.Decision) string {
	text := fmt.Sprint(d.Outcome, d.HoldUntil.UnixMilli(), d.DecidedAt.UnixMilli(), d.PolicyVersion, d.FeatureSet, d.FeaturesMissing, d.Vector)
	for _, s := range d.Scores {
		text += fmt.Sprint(" ", s.Role, s.Version, s.Raw, s.Probability)
	}
	for _, r := range d.Reasons {
		text += " " + r.Code
	}
	return text
}

// decided hears of everything that is published as a decision.
func (l *ledger) decided(e event.Envelope) error {
	d, err := event.ReadDecision(e)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	first, again := l.decisions[d.ID()]
	if again {
		if gist(first) != gist(&d) {
			l.doubled[d.ID()] = gist(first) + "\n" + gist(&d)
		}
		return nil
	}
	l.decisions[d.ID()] = &d
	l.order = append(l.order, d.ID())
	if d.FeaturesMissing {
		l.bare++
	}
	l.fresh <- &d
	return nil
}

// buried hears of everything that was given up.
func (l *ledger) buried(e event.Envelope) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = append(l.dead, fmt.Sprint(e.Attributes))
	return nil
}

// received makes a push endpoint of what hears of messages.
func received(seen func(event.Envelope) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Message struct {
				Data       []byte
				Attributes map[string]string
			}
		}
		data, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(data, &body)
		}
		if err == nil {
			err = seen(event.Envelope{Data: body.Message.Data, Attributes: body.Message.Attributes})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// ask adds a scorer to those that are asked; forget takes it out.
func (l *ledger) ask(url string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scorers = append(l.scorers, url)
}

func (l *ledger) forget(url string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scorers = slices.DeleteFunc(l.scorers, func(s string) bool { return s == url })
}

// scorer is whom to ask the n-th time.
func (l *ledger) scorer(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.scorers) == 0 {
		return ""
	}
	return l.scorers[n%len(l.scorers)]
}

// answered counts what a scorer answered over HTTP.
func (l *ledger) answered(url string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked[url]++
}

func (l *ledger) answers(url string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked[url]
}

func (l *ledger) send(id pix.EndToEndID, body []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[id] = body
}

// open is how many payments wait for their decision, those that were given up left out; made, how many decisions there are.
func (l *ledger) open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sent) - len(l.decisions) - len(l.dead)
}

func (l *ledger) made() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.decisions)
}

// alarming is how many decisions are no approval.
func (l *ledger) alarming() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.decisions {
		if d.Outcome != pix.Approve {
			n++
		}
	}
	return n
}

// with is how many decisions were made with a version of the models.
func (l *ledger) with(model string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.decisions {
		if len(d.Scores) > 0 && d.Scores[0].Version == model {
			n++
		}
	}
	return n
}

// sample is some n of the payments that were decided, spread over all, and those named, with what was sent.
func (l *ledger) sample(n int, named iter.Seq[pix.EndToEndID]) map[pix.EndToEndID][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	some := map[pix.EndToEndID][]byte{}
	for i := range min(n, len(l.order)) {
		id := l.order[i*len(l.order)/min(n, len(l.order))]
		some[id] = l.sent[id]
	}
	for id := range named {
		some[id] = l.sent[id]
	}
	return some
}
