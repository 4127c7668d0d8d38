package stack_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	worldfiles "github.com/sentinela-pix/sentinela/scripts/pixctl/internal/simulate"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/policy"
	"github.com/sentinela-pix/sentinela/shared/replay"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
)

// What the world is made to suffer, beyond its own delays.
const (
	lateShare      = 0.01 // payments that become visible up to lateBy after they happened
	lateBy         = 3 * time.Hour
	duplicateShare = 0.1 // payments that are delivered again, up to duplicateBy later
	duplicateBy    = time.Hour
	imposedEvery   = 50 // so many payments later another one comes under a known id
	labelHaste     = 40 // labels arrive this much sooner than in the world, so that marks matter within its days
)

// TestServedIsLoggedIsReplayed is the law over 100,000 payments: the vector that was served is the vector in the
// decision's wire form, and the vector that a replay computes in the order in which payments, statuses and labels became
// visible, bit for bit, with duplicates, disorder, late events and conflicts among them.
func TestServedIsLoggedIsReplayed(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes up to a minute")
	}
	h := newHistory(t, 24_000, 100_000)
	clock := &simulatedClock{}
	law(t, h, clock, memory.New(clock.Now))
}

// TestServedIsLoggedIsReplayedThroughBigtable is the same law through the real store, where the logged vector is the
// decision's row.
func TestServedIsLoggedIsReplayedThroughBigtable(t *testing.T) {
	t.Parallel()
	cloud, err := pixtest.Start(t.Context(), pixtest.Options{Bigtable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	clock := &simulatedClock{}
	cfg := store.Config{ProjectID: cloud.ProjectID, InstanceID: "i", Clock: clock.Now, CallTimeout: time.Minute}
	kept := store.Retention{Events: 100 * 365 * 24 * time.Hour} // the emulator collects by its own clock
	if err := store.CreateSchema(t.Context(), cfg, kept, cloud.BigtableOptions()...); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), cfg, cloud.BigtableOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	law(t, newHistory(t, 400, 3_000), clock, s)
}

func law(t *testing.T, h *history, clock *simulatedClock, s engine.Store) {
	t.Helper()
	began := time.Now()
	served := serve(t, h, clock, s)
	servedIn := time.Since(began)
	began = time.Now()
	visible, stats := h.replay(t)
	replayedIn := time.Since(began)
	if stats.Malformed.Lines+stats.MalformedStatuses.Lines != 0 || stats.Unknown != 0 || stats.Duplicates == 0 {
		t.Errorf("the replay saw %+v", stats)
	}
	if n := differing(t, served, visible); n != 0 {
		t.Errorf("%d of %d vectors differ from what a replay in visible order gives", n, len(served))
	}
	changed := 0
	for id, v := range h.inEventTimeOrder(t) {
		if !sameBits(served[id], v) {
			changed++
		}
	}
	if changed == 0 {
		t.Error("event-time order changes nothing: the test shows too little")
	}
	t.Logf("%d payments (%d late, %d delivered again), %d statuses, %d marks: served, logged and replayed alike; served in %.1f s, replayed in %.1f s",
		len(served), h.late, h.again, stats.Statuses, stats.Marks, servedIn.Seconds(), replayedIn.Seconds())
	t.Logf("replay in event-time order changes %.2f %% of the vectors", 100*float64(changed)/float64(len(served)))
}

// differing counts the vectors that are not the same, and tells of the first.
func differing(t *testing.T, want, got map[pix.EndToEndID][]float64) int {
	t.Helper()
	names, n := feature.Names(), 0
	for id, v := range want {
		other := got[id]
		if sameBits(v, other) {
			continue
		}
		if n++; n > 3 {
			continue
		}
		for i := range v {
			if i >= len(other) || math.Float64bits(v[i]) != math.Float64bits(other[i]) {
				t.Errorf("%s: %s was served as %v, not as %v", id, names[i], v[i], slices.Concat(other, v)[i])
			}
		}
	}
	if len(want) != len(got) {
		t.Errorf("%d vectors, want %d", len(got), len(want))
	}
	return n
}

func sameBits(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) })
}

// simulatedClock shows the moment of what arrives.
type simulatedClock struct{ at time.Time }

func (c *simulatedClock) Now() time.Time { return c.at }

// arrival is one thing that becomes visible. Of one millisecond, what is known of earlier payments comes first, as in a
// replay.
type arrival struct {
	at      int64
	rank    int // statuses, labels, payments
	payment *pix.Transaction
	status  *pix.Status
	label   *pix.Label
}

// serve is the pipeline without its transports: engine and marker over a store, fed in the order of arrival. It returns
// the vectors as logged, having compared each with what was served.
func serve(t *testing.T, h *history, clock *simulatedClock, s engine.Store) map[pix.EndToEndID][]float64 {
	t.Helper()
	features, err := feature.NewSet()
	if err != nil {
		t.Fatal(err)
	}
	policies, err := policy.NewSet(policy.Shipped(), features.Names())
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(engine.Deps{Store: s, Models: quietModels{}, Policies: policies, Features: features, Clock: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	marker, err := engine.NewMarker(s)
	if err != nil {
		t.Fatal(err)
	}
	p := &pipeline{t: t, engine: e, marker: marker, store: s, clock: clock, early: map[pix.EndToEndID][]*pix.Status{}, logged: map[pix.EndToEndID][]float64{}}
	for _, a := range h.arrivals(t) {
		clock.at = time.UnixMilli(a.at).UTC()
		p.take(&a)
	}
	return p.logged
}

type pipeline struct {
	t      *testing.T
	engine *engine.Engine
	marker *engine.Marker
	store  engine.Store
	clock  *simulatedClock
	early  map[pix.EndToEndID][]*pix.Status // not acknowledged: they come back once their payment is decided
	logged map[pix.EndToEndID][]float64
}

func (p *pipeline) take(a *arrival) {
	ctx := p.t.Context()
	switch {
	case a.status != nil:
		if err := p.marker.Status(ctx, a.status); pix.KindOf(err) == pix.Unavailable {
			p.early[a.status.ID] = append(p.early[a.status.ID], a.status)
		} else if err != nil {
			p.t.Fatal(err)
		}
	case a.label != nil:
		if marked, err := p.marker.Fraud(ctx, a.label); err != nil || marked == nil {
			p.t.Fatalf("label marked %v: %v", marked, err)
		}
	default:
		p.pay(ctx, a.payment)
	}
}

func (p *pipeline) pay(ctx context.Context, tx *pix.Transaction) {
	d, repeated, err := p.engine.Decide(ctx, engine.Request{Tx: tx}) // it comes now, by the simulated clock
	if err != nil {
		p.t.Fatal(err)
	}
	if before, known := p.logged[tx.ID]; known != repeated || known && !sameBits(before, d.Vector) {
		p.t.Fatalf("%s: repeated %v, decided before %v, or another vector", tx.ID, repeated, known)
	}
	if repeated {
		return
	}
	p.logged[tx.ID] = p.logOf(ctx, d)
	for _, s := range p.early[tx.ID] {
		if err := p.marker.Status(ctx, s); err != nil {
			p.t.Fatal(err)
		}
	}
	delete(p.early, tx.ID)
	if len(p.logged)%imposedEvery == 0 {
		p.impose(ctx, *tx)
	}
}

// impose sends another payment under the id of one that was decided, for a fortune: no replay hears of it.
func (p *pipeline) impose(ctx context.Context, impostor pix.Transaction) {
	switch impostor.Amount *= 1000; len(p.logged) / imposedEvery % 3 {
	case 0:
		impostor.EventTime = impostor.EventTime.Add(-time.Hour)
	case 1:
		impostor.Payer, impostor.Payee = impostor.Payee, impostor.Payer
	}
	if d, _, err := p.engine.Decide(ctx, engine.Request{Tx: &impostor}); d != nil || pix.KindOf(err) != pix.Conflict {
		p.t.Fatalf("an impostor got %v: %v", d, err)
	}
}

// logOf brings a decision through its wire form and reads the stored one, both of which must hold the served vector.
func (p *pipeline) logOf(ctx context.Context, d *pix.Decision) []float64 {
	e, err := event.EncodeDecision(d)
	if err != nil {
		p.t.Fatal(err)
	}
	logged, err := event.ReadDecision(e)
	if err != nil {
		p.t.Fatal(err)
	}
	standing, err := p.store.Decision(ctx, d.ID())
	if err != nil || standing == nil {
		p.t.Fatalf("standing %v: %v", standing, err)
	}
	if !sameBits(d.Vector, logged.Vector) || !sameBits(d.Vector, standing.Vector) {
		p.t.Fatalf("%s: logged or stored is another vector than served", d.ID())
	}
	if at := p.clock.at; !logged.Transaction.ReceivedAt.Equal(at) || !standing.Transaction.ReceivedAt.Equal(at) {
		p.t.Fatalf("%s: came at %v, logged as %v: no replay could know when", d.ID(), at, logged.Transaction.ReceivedAt)
	}
	return logged.Vector
}

// quietModels approve everything: the law is on vectors.
type quietModels struct{}

// Model implements engine.Models.
func (quietModels) Model(pix.Role) (engine.Model, error) { return quietModel{}, nil }

type quietModel struct{}

// Version implements engine.Model.
func (quietModel) Version() string { return "quiet" }

// Score implements engine.Model.
func (quietModel) Score([]float64) (raw, probability float64, err error) { return -12, 0.000006, nil }

// Explain implements engine.Model.
func (quietModel) Explain([]float64, int) ([]pix.Contribution, error) { return nil, nil }

// history is a simulated world with what went wrong on its way to us.
type history struct {
	tokenizer   *pix.Tokenizer
	payments    []*pix.Submission // in order of event time
	statuses    []pix.Status      // in order of occurrence
	labels      []pix.Label
	late, again int
	rng         *rand.Rand
}

// newHistory takes the first n payments of a world and what became of them.
func newHistory(t *testing.T, accounts, n int) *history {
	t.Helper()
	dir := t.TempDir()
	args := []string{"-accounts", strconv.Itoa(accounts), "-days", "16", "-seed", "41", "-fraud-boost", "300", "-out", dir}
	if err := worldfiles.Command().Run(t.Context(), command.IO{Out: io.Discard, Err: io.Discard, Getenv: os.Getenv}, args); err != nil {
		t.Fatal(err)
	}
	h := &history{rng: rand.New(rand.NewPCG(41, uint64(n)))}
	var err error
	if h.tokenizer, err = replay.NewTokenizer(); err != nil {
		t.Fatal(err)
	}
	visible := map[pix.EndToEndID]time.Time{}
	eachLine(t, dir, "events.jsonl", func(line []byte) bool {
		s, err := event.DecodeSubmissionJSON(line)
		if err != nil {
			t.Fatal(err)
		}
		if h.rng.Float64() < lateShare {
			h.late++
			s.ReceivedAt = s.EventTime.Add(time.Duration(h.rng.Int64N(int64(lateBy)))).Truncate(time.Millisecond)
		}
		s.ReceivedAt = s.ReceivedAt.Truncate(time.Millisecond)
		h.payments, visible[s.ID] = append(h.payments, &s), s.ReceivedAt
		return len(h.payments) < n
	})
	if len(h.payments) < n {
		t.Fatalf("the world has only %d payments", len(h.payments))
	}
	h.readWhatBecame(t, dir, visible)
	return h
}

// readWhatBecame reads the statuses and labels of the payments.
func (h *history) readWhatBecame(t *testing.T, dir string, visible map[pix.EndToEndID]time.Time) {
	t.Helper()
	eachLine(t, dir, "statuses.jsonl", func(line []byte) bool {
		s, err := event.DecodeStatus(event.Envelope{Data: line}, time.Now().AddDate(100, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		if _, ours := visible[s.ID]; ours {
			s.OccurredAt = s.OccurredAt.Truncate(time.Millisecond)
			h.statuses = append(h.statuses, s)
		}
		return true
	})
	eachLine(t, dir, "labels.jsonl", func(line []byte) bool {
		l, err := event.DecodeLabel(event.Envelope{Data: line}, time.Now().AddDate(100, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		if at, ours := visible[l.ID]; ours {
			l.ArrivedAt = at.Add(l.ArrivedAt.Sub(l.EventTime)/labelHaste + time.Millisecond).Truncate(time.Millisecond)
			h.labels = append(h.labels, l)
		}
		return true
	})
}

func eachLine(t *testing.T, dir, name string, take func([]byte) bool) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if !take(lines.Bytes()) {
			return
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// arrivals lists everything in the order in which it becomes visible.
func (h *history) arrivals(t *testing.T) []arrival {
	t.Helper()
	var all []arrival
	for i := range h.statuses {
		all = append(all, arrival{at: h.statuses[i].OccurredAt.UnixMilli(), rank: 0, status: &h.statuses[i]})
		if h.rng.Float64() < duplicateShare {
			again := all[len(all)-1]
			again.at += h.rng.Int64N(duplicateBy.Milliseconds())
			all = append(all, again)
		}
	}
	for i := range h.labels {
		all = append(all, arrival{at: h.labels[i].ArrivedAt.UnixMilli(), rank: 1, label: &h.labels[i]})
	}
	for _, s := range h.payments {
		tx := h.tokenizer.Tokenize(s)
		tx.ReceivedAt = [...]time.Time{{}, s.EventTime, s.EventTime.Add(time.Hour)}[h.rng.IntN(3)] // what its sender says counts for nothing
		all = append(all, arrival{at: s.ReceivedAt.UnixMilli(), rank: 2, payment: &tx})
		if h.rng.Float64() < duplicateShare {
			h.again++
			again := all[len(all)-1]
			again.at += h.rng.Int64N(duplicateBy.Milliseconds())
			all = append(all, again)
		}
	}
	slices.SortStableFunc(all, func(a, b arrival) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rank, b.rank)) })
	return all
}

// replay writes the log as the bridge's topic would keep it, duplicates and all, and replays it.
func (h *history) replay(t *testing.T) (map[pix.EndToEndID][]float64, replay.Stats) {
	t.Helper()
	var log, statuses bytes.Buffer
	for i, s := range h.payments {
		if i%10 == 9 { // copies may stand in any order
			again := *s
			again.ReceivedAt = again.ReceivedAt.Add(duplicateBy)
			writeLine(t, &log, &again)
		}
		writeLine(t, &log, s)
	}
	for i := range h.statuses {
		line, err := event.StatusJSON(&h.statuses[i])
		if err != nil {
			t.Fatal(err)
		}
		statuses.Write(append(line, '\n'))
	}
	vectors := make(map[pix.EndToEndID][]float64, len(h.payments))
	stats, err := replay.Run(t.Context(), replay.Config{Tokenizer: h.tokenizer, Labels: replay.NewLabels(h.labels), Statuses: replay.NewLines(&statuses)}, replay.NewLines(&log),
		func(r *replay.Row) error { vectors[r.Transaction.ID] = slices.Clone(r.Vector); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return vectors, stats
}

func writeLine(t *testing.T, log *bytes.Buffer, s *pix.Submission) {
	t.Helper()
	line, err := event.EncodeSubmissionJSON(s)
	if err != nil {
		t.Fatal(err)
	}
	log.Write(append(line, '\n'))
}

// inEventTimeOrder replays as if every payment had become visible at the moment it was made.
func (h *history) inEventTimeOrder(t *testing.T) map[pix.EndToEndID][]float64 {
	t.Helper()
	vectors := make(map[pix.EndToEndID][]float64, len(h.payments))
	player, err := replay.NewPlayer(replay.Config{Tokenizer: h.tokenizer, Labels: replay.NewLabels(h.labels)},
		func(r *replay.Row) error { vectors[r.Transaction.ID] = slices.Clone(r.Vector); return nil })
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	for _, s := range h.payments {
		for ; next < len(h.statuses) && !h.statuses[next].OccurredAt.After(s.EventTime); next++ {
			if err := player.Status(t.Context(), &h.statuses[next]); err != nil {
				t.Fatal(err)
			}
		}
		tx := h.tokenizer.Tokenize(s)
		tx.ReceivedAt = time.Time{}
		if err := player.Pay(t.Context(), &tx); err != nil {
			t.Fatal(err)
		}
	}
	if err := player.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	return vectors
}
