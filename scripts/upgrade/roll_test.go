package upgrade_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// parts in the order in which they go to a new version; they come back in the other. Who reads a form goes before who writes
// it: alerts and rows before decisions, scorers before the marks of labels and before the bridge.
func parts() []string { return []string{"alert", "audit", "score", "scorer", "label", "bridge"} }

// long asks for what takes minutes too: make upgrade.
var long = flag.Bool("long", false, "also lose machines, and wait for the sweeps that follow")

const (
	enough  = 15 // of what a process does before its neighbour goes
	between = 40 // decisions between two steps
	samples = 25 // payments that are asked for again
)

// TestUpgradeUnderLoad rolls from the version before to this one and back.
func TestUpgradeUnderLoad(t *testing.T) {
	t.Parallel()
	old, fresh := before(t), now(t)
	s := newSystem(t)
	t.Cleanup(s.explain)
	s.storage.alter(t, old)
	s.offer(old)
	shop := newMerchant(t, s)
	for _, part := range parts() {
		s.join(old, part)
	}
	l := newLoad(t, s, shop)
	c := &check{system: s, answers: map[pix.EndToEndID]any{}}
	s.decisions("every part of the version before", 2*between)
	c.tooEarly(old, fresh)

	s.storage.alter(t, fresh)
	for _, part := range parts() {
		c.roll(part, fresh)
	}
	s.decisions("every part of this version", between)
	s.decisionsOf(s.offer(fresh), between)
	s.decisionsOf(s.offer(old), between)
	c.crash(old)
	for _, part := range slices.Backward(parts()) {
		c.roll(part, old)
	}
	s.decisions("every part of the version before again", between)
	c.crash(fresh)

	l.end()
	await(t, "decisions on all payments", func() bool { return s.ledger.open() <= 0 })
	l.settle()
	// What was published and no dispatcher has pulled yet is in no count of deliveries, so rows are waited for too.
	await(t, "all deliveries", func() bool {
		return s.outstanding() == 0 && s.storage.count("labels") >= l.reported() &&
			s.storage.count("decisions") >= s.ledger.made() && s.storage.count("alerts") >= s.ledger.alarming()
	})
	c.again()
	c.tally(l, old, fresh)
}

// tooEarly does two things in the wrong order. A writer of rows that comes before the column is refused, and its rows come with
// others; a model that comes before the scorers that know its features is refused, and the one before goes on.
func (c *check) tooEarly(old, fresh *version) {
	c.t.Helper()
	if bytes.Contains(c.file(fresh.schema(), "decisions.json"), []byte(stamp)) && !bytes.Contains(c.file(old.schema(), "decisions.json"), []byte(stamp)) {
		early := c.join(fresh, "audit")
		early.wrong = true
		await(c.t, "the refusal of rows with a column that is not there", func() bool { return c.storage.turnedAway("decisions") > 0 })
		c.leave(early)
	}
	if bytes.Equal(c.file(fresh.models(), "contract/features.json"), c.file(old.models(), "contract/features.json")) {
		return
	}
	c.offer(fresh)
	for _, part := range []string{"score", "scorer"} {
		p := c.running[part][0]
		await(c.t, "the refusal of models by "+p.String(), func() bool {
			return slices.ContainsFunc(p.complaints(c.t), func(w complaint) bool { return strings.HasPrefix(w.Message, "model refused") })
		})
	}
	alone := c.launch(old, "scorer", "MODELS_LOCATION="+fresh.models())
	alone.wrong = true
	await(c.t, "the end of a scorer that has no other models", func() bool {
		select {
		case <-alone.gone:
			return true
		default:
			return false
		}
	})
	if !strings.Contains(alone.tail(), "model") || alone.command.ProcessState.ExitCode() != 1 {
		c.t.Errorf("a scorer before with models of this version: %s", alone.tail())
	}
	c.offer(old)
}

// stamp is a column that the version before lacks.
const stamp = "written_at"

func (c *check) file(dir, name string) []byte {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		c.t.Fatal(err)
	}
	return text
}

// explain tells of a test that failed where everything stood.
func (s *system) explain() {
	if !s.t.Failed() {
		return
	}
	g := s.ledger
	g.mu.Lock()
	defer g.mu.Unlock()
	s.t.Logf("%d payments, %d decisions, %d deliveries outstanding, dead letters %v", len(g.sent), len(g.decisions), s.outstanding(), g.dead)
	table, err := store.Open(context.Background(), store.Config{ProjectID: s.cloud.ProjectID, InstanceID: instance}, s.cloud.BigtableOptions()...)
	if err != nil {
		s.t.Log(err)
		return
	}
	defer table.Close()
	for id := range g.sent {
		if g.decisions[id] == nil {
			d, err := table.Decision(context.Background(), id)
			s.t.Logf("without a decision: %s; stored: %t, %v", id, d != nil, err)
		}
	}
	for _, p := range s.processes {
		told := map[string]int{}
		for _, c := range p.complaints(s.t) {
			told[fmt.Sprint(c)]++
		}
		s.t.Logf("%s: %v", p, told)
	}
}

// decisions waits for so many more decisions.
func (s *system) decisions(of string, n int) {
	s.t.Helper()
	from := s.ledger.made()
	await(s.t, "decisions of "+of, func() bool { return s.ledger.made() >= from+n })
}

// decisionsOf waits for so many more decisions with a version of the models.
func (s *system) decisionsOf(model string, n int) {
	s.t.Helper()
	from := s.ledger.with(model)
	await(s.t, "decisions of models "+model, func() bool { return s.ledger.with(model) >= from+n })
}

// check is a roll with its counts.
type check struct {
	*system
	answers map[pix.EndToEndID]any // first answers of the samples
	changed int
}

// crash leaves decisions of a version stored and unpublished, as a machine that is lost does, and waits until the other version,
// which alone is there, has swept them up. That is half a minute's work, so it is not part of the quick form.
func (c *check) crash(of *version) {
	c.t.Helper()
	if !*long {
		return
	}
	p := c.start(of, "scorer", "DECISIONS_TOPIC=no-such-topic")
	p.wrong = true
	shop := world.New(world.Params{Seed: 17, Accounts: 400, Days: 2, Start: time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3+c.count%2)})
	var left []pix.EndToEndID
	for range 10 {
		e, _ := shop.Next()
		payment := live(&e.Submission)
		body, err := event.EncodeSubmissionJSON(payment)
		if err != nil {
			c.t.Fatal(err)
		}
		c.ledger.send(payment.ID, body)
		left = append(left, payment.ID)
		await(c.t, "a decision that nobody hears of", func() bool { status, _ := post(p.url, body); return status == http.StatusOK })
	}
	p.kill()
	await(c.t, "the sweep of what "+p.String()+" left", func() bool {
		c.ledger.mu.Lock()
		defer c.ledger.mu.Unlock()
		return !slices.ContainsFunc(left, func(id pix.EndToEndID) bool { return c.ledger.decisions[id] == nil })
	})
}

// roll starts a part of a version beside the one that runs, lets both work, asks both the same, and stops the other under load.
func (c *check) roll(part string, to *version) {
	c.t.Helper()
	other := c.running[part][0]
	next := c.join(to, part)
	c.works(next)
	if part == "scorer" {
		c.again()
	}
	c.leave(other)
	c.decisions("a system without "+other.String(), between)
}

// works waits until a process has done something of its own.
func (c *check) works(m *member) {
	c.t.Helper()
	await(c.t, m.String()+" works", func() bool {
		switch {
		case m.deliveries != nil:
			return m.deliveries.Stats().Acked >= enough
		case m.part == "scorer":
			return c.ledger.answers(m.url) >= enough
		default:
			return true // a bridge that is ready has joined the group
		}
	})
}

// again asks every scorer for a sample of what was decided: whoever answers, whichever version decided, it is the same.
func (c *check) again() {
	c.t.Helper()
	for id, body := range c.ledger.sample(samples, maps.Keys(c.answers)) {
		for _, m := range c.running["scorer"] {
			status, answer := 0, []byte(nil)
			await(c.t, m.String()+" answers again", func() bool {
				status, answer = post(m.url, body)
				return status == http.StatusOK
			})
			var said map[string]any
			if err := json.Unmarshal(answer, &said); err != nil {
				c.t.Fatal(err)
			}
			first, asked := c.answers[id]
			if !asked {
				c.answers[id] = said
				continue
			}
			if d := cmp.Diff(first, said); d != "" {
				c.changed++
				c.t.Logf("%s answers otherwise for %s:\n%s", m, id, d)
			}
		}
	}
}
