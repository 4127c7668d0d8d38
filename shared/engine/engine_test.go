package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/engine/enginetest"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is when the tests' payments happen: noon of a Monday in São Paulo.
var start = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)

// faultyStore is a memory store that a test can break, one method at a time.
type faultyStore struct {
	*memory.Store
	record, read, commit, mark, list, decision func(context.Context) error
	withdraw, minutes                          func(context.Context) error
	listOf                                     func(engine.MarkQuery) error
	commitReply                                func(*pix.Decision) *pix.Decision
}

func (s *faultyStore) Record(ctx context.Context, tx *pix.Transaction) error {
	if err := call(ctx, s.record); err != nil {
		return err
	}
	return s.Store.Record(ctx, tx)
}

func (s *faultyStore) Withdraw(ctx context.Context, tx, standing *pix.Transaction) error {
	if err := call(ctx, s.withdraw); err != nil {
		return err
	}
	return s.Store.Withdraw(ctx, tx, standing)
}

func (s *faultyStore) Read(ctx context.Context, tx *pix.Transaction) (feature.Histories, *pix.Decision, error) {
	if err := call(ctx, s.read); err != nil {
		return feature.Histories{}, nil, err
	}
	return s.Store.Read(ctx, tx)
}

func (s *faultyStore) Commit(ctx context.Context, d *pix.Decision) (*pix.Decision, error) {
	if err := call(ctx, s.commit); err != nil {
		return nil, err
	}
	won, err := s.Store.Commit(ctx, d)
	if s.commitReply != nil {
		won = s.commitReply(won)
	}
	return won, err
}

func (s *faultyStore) Decision(ctx context.Context, id pix.EndToEndID) (*pix.Decision, error) {
	if err := call(ctx, s.decision); err != nil {
		return nil, err
	}
	return s.Store.Decision(ctx, id)
}

func (s *faultyStore) MarkPublished(ctx context.Context, marks []engine.Mark) error {
	if err := call(ctx, s.mark); err != nil {
		return err
	}
	return s.Store.MarkPublished(ctx, marks)
}

func (s *faultyStore) Unpublished(ctx context.Context, q engine.MarkQuery) ([]engine.Mark, error) {
	if err := call(ctx, s.list); err != nil {
		return nil, err
	}
	if s.listOf != nil {
		if err := s.listOf(q); err != nil {
			return nil, err
		}
	}
	return s.Store.Unpublished(ctx, q)
}

func (s *faultyStore) OpenMinutes(ctx context.Context, after time.Time, limit int) ([]engine.OpenMinute, error) {
	if err := call(ctx, s.minutes); err != nil {
		return nil, err
	}
	return s.Store.OpenMinutes(ctx, after, limit)
}

func call(ctx context.Context, f func(context.Context) error) error {
	if f == nil {
		return nil
	}
	return f(ctx)
}

// fakeModel answers what a test tells it to.
type fakeModel struct {
	version     string
	probability float64
	score       func([]float64) (float64, float64, error)
	explainErr  error
}

func (m *fakeModel) Version() string { return m.version }

func (m *fakeModel) Score(v []float64) (float64, float64, error) {
	if m.score != nil {
		return m.score(v)
	}
	return math.Log(m.probability / (1 - m.probability)), m.probability, nil
}

func (m *fakeModel) Explain(v []float64, top int) ([]pix.Contribution, error) {
	if m.explainErr != nil {
		return nil, m.explainErr
	}
	all := []pix.Contribution{
		{Feature: "pair_first_30d", Value: 1, Contribution: 2}, {Feature: "amount_brl", Value: v[0], Contribution: -1},
		{Feature: "device_age_hours", Value: math.NaN(), Contribution: 0.5}, // missing: not told while something is known
	}
	return all[:min(top, len(all))], nil
}

// fakeModels serves one model per role; asked counts the calls.
type fakeModels struct {
	mu    sync.Mutex
	byID  map[pix.Role]engine.Model
	asked map[pix.Role]int
}

func (m *fakeModels) Model(role pix.Role) (engine.Model, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.asked == nil {
		m.asked = map[pix.Role]int{}
	}
	m.asked[role]++
	model, ok := m.byID[role]
	if !ok {
		return nil, pix.E(pix.Unavailable, "model", errors.New("none loaded"))
	}
	return model, nil
}

func (m *fakeModels) set(role pix.Role, model engine.Model) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byID[role] = model
}

// fakePolicies serves one pack; a test may swap it.
type fakePolicies struct {
	mu   sync.Mutex
	pack *policy.Pack
}

func (p *fakePolicies) Pack() *policy.Pack {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pack
}

// fakeClock moves one millisecond at every look.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func (c *fakeClock) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// world is an engine with everything around it.
type world struct {
	engine   *engine.Engine
	store    *faultyStore
	models   *fakeModels
	policies *fakePolicies
	clock    *fakeClock

	mu       sync.Mutex
	degraded []error
}

// newWorld builds an engine without degraded mode beside what the change gives it.
func newWorld(tb testing.TB, timeout time.Duration, change ...func(*world, *engine.Deps)) *world {
	tb.Helper()
	pack, err := policy.Load(enginetest.WithRoundThresholds(policy.Shipped()), feature.Names())
	if err != nil {
		tb.Fatal(err)
	}
	features, err := feature.NewSet()
	if err != nil {
		tb.Fatal(err)
	}
	clock := &fakeClock{now: start.Add(time.Second)}
	w := &world{
		store: &faultyStore{Store: memory.New(clock.Now)},
		models: &fakeModels{byID: map[pix.Role]engine.Model{
			pix.PayerRole:    &fakeModel{version: "p1", probability: 0.01},
			pix.ReceiverRole: &fakeModel{version: "r1", probability: 0.01},
		}},
		policies: &fakePolicies{pack: pack},
		clock:    clock,
	}
	deps := engine.Deps{
		Store: w.store, Models: w.models, Policies: w.policies, Features: features, Clock: clock.Now, Timeout: timeout,
		Degraded: w.hear,
	}
	for _, f := range change {
		f(w, &deps)
	}
	if w.engine, err = engine.New(deps); err != nil {
		tb.Fatal(err)
	}
	return w
}

func (w *world) hear(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.degraded = append(w.degraded, err)
}

// heard lists the parts of which degradation was heard.
func (w *world) heard() []engine.Part {
	w.mu.Lock()
	defer w.mu.Unlock()
	var parts []engine.Part
	for _, err := range w.degraded {
		var d *engine.DegradedError
		if errors.As(err, &d) {
			parts = append(parts, d.Part)
		}
	}
	return parts
}

// payment is the n-th ordinary payment, R$ 100.
func payment(n int, d pix.Direction) *pix.Transaction {
	account := func(i int) pix.Party {
		return pix.Party{Account: pix.TokenPair{Current: pix.Token(fmt.Sprintf("acct.1.%022d", i))}}
	}
	return &pix.Transaction{
		Facts: pix.Facts{
			ID: pix.EndToEndID(fmt.Sprintf("E12345678202611231500%011d", n)), EventTime: start.Add(time.Duration(n) * time.Second),
			Direction: d, Amount: 100_00, Initiation: pix.ByKey, Purpose: pix.Payment, Priority: pix.High,
			ServiceLevel: pix.PriorityPayment,
			PayerFacts:   pix.PartyFacts{ISPB: "12345678", Person: pix.NaturalPerson},
			PayeeFacts:   pix.PartyFacts{ISPB: "87654321", Person: pix.NaturalPerson},
			Device:       pix.DeviceFacts{Registered: pix.Some(true)},
		},
		Payer: account(n % 3), Payee: account(100 + n%5), DeviceToken: pix.TokenPair{Current: pix.Token(fmt.Sprintf("dev.1.%022d", n%3))},
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name            string
		direction       pix.Direction
		payer, receiver float64
		outcome         pix.Outcome
		hold            time.Duration
		reasons         []string
		models          string
	}{
		{"approve", pix.Outbound, 0.1, 0.99, pix.Approve, 0, nil, "payer/p1"},
		{"hold", pix.Outbound, 0.6, 0, pix.Review, 30 * time.Minute, []string{"payer-score-review", "pair_first_30d"}, "payer/p1"},
		{"reject", pix.Outbound, 0.99, 0, pix.Reject, 0, []string{"payer-score-reject", "pair_first_30d"}, "payer/p1"},
		{"block", pix.Inbound, 0.99, 0.8, pix.Block, 72 * time.Hour, []string{"cautionary-block-person", "pair_first_30d"}, "receiver/r1"},
		{"internal, both models", pix.Internal, 0.1, 0.8, pix.Block, 72 * time.Hour, []string{"cautionary-block-person", "pair_first_30d"}, "payer/p1 receiver/r1"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, time.Minute)
			w.models.set(pix.PayerRole, &fakeModel{version: "p1", probability: tc.payer})
			w.models.set(pix.ReceiverRole, &fakeModel{version: "r1", probability: tc.receiver})
			tx := payment(1, tc.direction)
			d, repeated, err := w.engine.Decide(t.Context(), live(tx, "trace"))
			if err != nil || repeated {
				t.Fatalf("repeated %v: %v", repeated, err)
			}
			if d.Outcome != tc.outcome || d.ModelVersion() != tc.models || d.TraceID != "trace" {
				t.Errorf("outcome %s by %q, trace %q; hits %v", d.Outcome, d.ModelVersion(), d.TraceID, d.RuleHits)
			}
			var codes []string
			for _, r := range d.Reasons {
				codes = append(codes, r.Code)
			}
			if diff := cmp.Diff(tc.reasons, codes); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
			wantHold := time.Time{}
			if tc.hold > 0 {
				wantHold = tx.EventTime.Add(tc.hold)
			}
			if d.Outcome == pix.Review {
				wantHold = d.DecidedAt.Add(tc.hold)
			}
			if !d.HoldUntil.Equal(wantHold) {
				t.Errorf("hold until %v, want %v", d.HoldUntil, wantHold)
			}
			for _, s := range d.Scores {
				if (len(s.Top) > 0) != (d.Outcome != pix.Approve) {
					t.Errorf("%s: %d contributions for %s", s.Role, len(s.Top), d.Outcome)
				}
				if w.models.asked[s.Role] != 1 {
					t.Errorf("model of %s asked for %d times in one decision", s.Role, w.models.asked[s.Role])
				}
			}
			if len(d.Vector) != feature.Width() || d.FeatureSet != feature.SetVersion() || d.PolicyVersion != w.policies.pack.Version() {
				t.Errorf("vector of %d, set %q, policy %q", len(d.Vector), d.FeatureSet, d.PolicyVersion)
			}
			if d.StoreLatency <= 0 || d.ScoreLatency <= 0 || d.TotalLatency < d.StoreLatency+d.ScoreLatency || d.DecidedAt.Location() != time.UTC {
				t.Errorf("latencies store %v score %v total %v at %v", d.StoreLatency, d.ScoreLatency, d.TotalLatency, d.DecidedAt)
			}
		})
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := engine.New(engine.Deps{})
	for _, name := range []string{"Store", "Models", "Policies", "Features", "Clock"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
	if _, err := engine.NewOutbox(engine.OutboxDeps{}); pix.KindOf(err) != pix.Invalid {
		t.Errorf("outbox: %v", err)
	}
}

func TestRedeliveryGetsTheStandingDecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	first, _, err := w.engine.Decide(t.Context(), live(payment(1, pix.Outbound), "one"))
	if err != nil {
		t.Fatal(err)
	}
	// A new model and many payments later the first decision still stands.
	w.models.set(pix.PayerRole, &fakeModel{version: "p2", probability: 0.99})
	again, repeated, err := w.engine.Decide(t.Context(), live(payment(1, pix.Outbound), "two"))
	if err != nil || !repeated {
		t.Fatalf("repeated %v: %v", repeated, err)
	}
	if diff := cmp.Diff(first, again, cmpopts.EquateNaNs(), cmp.AllowUnexported(pix.Optional[bool]{}, pix.Optional[time.Time]{},
		pix.Optional[pix.Money]{}, pix.Optional[int64]{}, pix.Optional[time.Duration]{})); diff != "" {
		t.Errorf("another decision (-first +again):\n%s", diff)
	}
	if n := w.models.asked[pix.PayerRole]; n != 1 {
		t.Errorf("the model scored %d times for one payment", n)
	}
}

func TestRaceGivesOneDecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	const racers = 32
	decisions, fresh := make([]*pix.Decision, racers), make([]bool, racers)
	var wg sync.WaitGroup
	for i := range racers {
		// Every racer has another model, so a second decision would show.
		wg.Go(func() {
			w.models.set(pix.PayerRole, &fakeModel{version: fmt.Sprint("p", i), probability: float64(i+1) / 40})
			d, repeated, err := w.engine.Decide(t.Context(), live(payment(1, pix.Outbound), fmt.Sprint("trace", i)))
			if err != nil {
				t.Errorf("racer %d: %v", i, err)
			}
			decisions[i], fresh[i] = d, !repeated
		})
	}
	wg.Wait()
	made := 0
	for i, d := range decisions {
		if fresh[i] {
			made++
		}
		if d == nil || d.TraceID != decisions[0].TraceID || d.Scores[0].Version != decisions[0].Scores[0].Version || d.Outcome != decisions[0].Outcome {
			t.Fatalf("racer %d got another decision: %v", i, d)
		}
	}
	if made != 1 {
		t.Errorf("%d racers say they made the decision", made)
	}
}

// outEvents counts the events in the payer's row.
func outEvents(h *feature.Histories) int { return len(h.Payer.Out.Events) }

// live asks about a payment that came at its event time.
func live(tx *pix.Transaction, trace ...string) engine.Request {
	r := engine.Request{Tx: tx, TraceID: strings.Join(trace, "")}
	if tx != nil {
		r.Arrival.At = tx.EventTime
	}
	return r
}
