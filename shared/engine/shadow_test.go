package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/engine/enginetest"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// fakeChallengers serves a list for each role.
type fakeChallengers map[pix.Role][]engine.Model

func (c fakeChallengers) Challengers(role pix.Role) []engine.Model { return c[role] }

func challengedBy(c engine.Challengers) func(*world, *engine.Deps) {
	return func(_ *world, d *engine.Deps) { d.Challengers = c; d.ShadowWait = time.Minute }
}

// TestChallengersScoreTheSameVector and say what would have been decided, and the decision is the champion's alone.
func TestChallengersScoreTheSameVector(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string][]float64{}
	challenger := func(version string, p float64) engine.Model {
		return &fakeModel{version: version, score: func(v []float64) (float64, float64, error) {
			mu.Lock()
			defer mu.Unlock()
			seen[version] = slices.Clone(v)
			return math.Log(p / (1 - p)), p, nil
		}}
	}
	w := newWorld(t, 0, challengedBy(fakeChallengers{
		pix.PayerRole:    {challenger("p2", 0.6), challenger("p3", 0.02)},
		pix.ReceiverRole: {challenger("r2", 0.7)},
	}))
	d, _, err := w.engine.Decide(t.Context(), live(payment(1, pix.Internal)))
	if err != nil {
		t.Fatal(err)
	}
	if d.Outcome != pix.Approve || d.ModelVersion() != "payer/p1 receiver/r1" {
		t.Errorf("%s by %s: the challengers decided", d.Outcome, d.ModelVersion())
	}
	got := map[string]pix.Outcome{}
	for _, s := range d.Shadow {
		got[string(s.Role)+"/"+s.Version] = s.Outcome
		if !slices.EqualFunc(seen[s.Version], d.Vector, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }) {
			t.Errorf("%s scored another vector", s.Version)
		}
	}
	want := map[string]pix.Outcome{"payer/p2": pix.Review, "payer/p3": pix.Approve, "receiver/r2": pix.Block}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what would have been decided (-want +got):\n%s", diff)
	}
	if standing, _ := w.store.Decision(t.Context(), d.ID()); len(standing.Shadow) != 3 {
		t.Errorf("%d shadow scores stand", len(standing.Shadow))
	}
	w.store.read = failures()["unavailable"]
	if d, _, err := w.engine.Decide(t.Context(), live(payment(2, pix.Internal))); err == nil && len(d.Shadow) != 0 {
		t.Errorf("challengers scored a vector without histories: %v", d.Shadow)
	}
}

// TestChallengersNeverFailOrDelayADecision, whatever they do; a good one beside them is heard all the same.
func TestChallengersNeverFailOrDelayADecision(t *testing.T) {
	t.Parallel()
	good := &fakeModel{version: "good", probability: 0.3}
	for name, bad := range map[string]engine.Model{
		"nil":   nil,
		"error": &fakeModel{version: "bad", score: func([]float64) (float64, float64, error) { return 0, 0, errors.New("no") }},
		"NaN":   &fakeModel{version: "bad", score: func([]float64) (float64, float64, error) { return 0, math.NaN(), nil }},
		"panic": &fakeModel{version: "bad", score: func(v []float64) (float64, float64, error) { return v[len(v)], 0, nil }},
	} {
		w := newWorld(t, 0, challengedBy(fakeChallengers{pix.PayerRole: {bad, good}}))
		d, _, err := w.engine.Decide(t.Context(), live(payment(1, pix.Outbound)))
		if err != nil || d.Outcome != pix.Approve || len(d.Shadow) != 1 || d.Shadow[0].Version != "good" {
			t.Errorf("%s: %+v: %v", name, d, err)
		}
		if diff := cmp.Diff([]engine.Part{engine.PartShadow}, w.heard()); diff != "" {
			t.Errorf("%s: heard (-want +got):\n%s", name, diff)
		}
	}
}

// TestHangingChallengers cost a decision the declared wait and bounded goroutines, and then not even the wait.
func TestHangingChallengers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const wait, payments = 3 * time.Millisecond, 200
		release, hanging := make(chan struct{}), atomic.Int64{}
		hang := &fakeModel{version: "hangs", score: func([]float64) (float64, float64, error) {
			hanging.Add(1)
			<-release
			return 0, 0.5, nil
		}}
		w := newWorld(t, 0, func(_ *world, d *engine.Deps) {
			d.Challengers, d.ShadowWait = fakeChallengers{pix.PayerRole: {hang}}, wait
		})
		began := time.Now()
		for n := range payments {
			at := time.Now()
			d, _, err := w.engine.Decide(t.Context(), live(payment(n, pix.Outbound)))
			if err != nil || d.Outcome != pix.Approve || len(d.Shadow) != 0 {
				t.Fatalf("%+v: %v", d, err)
			}
			if took := time.Since(at); took > wait {
				t.Fatalf("decision %d waited %v for a challenger", n, took)
			}
		}
		if took, n := time.Since(began), hanging.Load(); n > 64 || took > 64*wait {
			t.Errorf("%d challengers hang, %d decisions took %v", n, payments, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.engine.Close(ctx); err == nil {
			t.Error("Close does not tell that challengers are still scoring")
		}
		close(release)
		if err := w.engine.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestSampleOfApprovals: the share of approvals that carry contributions is the declared one, the same for every retry,
// and they carry no reasons.
func TestSampleOfApprovals(t *testing.T) {
	t.Parallel()
	const payments, share = 6_000, 0.02
	explained := func() map[pix.EndToEndID]bool {
		w := newWorld(t, 0, func(_ *world, d *engine.Deps) { d.ExplainShare = share })
		ids := map[pix.EndToEndID]bool{}
		for n := range payments {
			tx := payment(n, pix.Outbound)
			tx.Payer.Account.Current = pix.Token(fmt.Sprintf("acct.1.%022d", 2*n)) // short histories
			tx.Payee.Account.Current = pix.Token(fmt.Sprintf("acct.1.%022d", 2*n+1))
			tx.DeviceToken.Current = pix.Token(fmt.Sprintf("dev.1.%022d", n))
			d, _, err := w.engine.Decide(t.Context(), live(tx))
			if err != nil || d.Outcome != pix.Approve || len(d.Reasons) != 0 {
				t.Fatalf("%+v: %v", d, err)
			}
			if len(d.Scores[0].Top) > 0 {
				ids[d.ID()] = true
			}
		}
		return ids
	}
	first, again := explained(), explained()
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("another sample (-first +again):\n%s", diff)
	}
	if n := float64(len(first)); n < payments*share*0.75 || n > payments*share*1.25 {
		t.Errorf("%v of %d approvals explained, want about %v", n, payments, payments*share)
	}
}

// TestSwapUnderLoad: while models, challengers and packs are swapped as fast as they can be, every decision is what
// exactly one version of each gives: its score is that version's, and its outcome is the named pack's on that score.
func TestSwapUnderLoad(t *testing.T) {
	t.Parallel()
	const versions, payments, enough = 40, 1_500, 20 // combinations seen that show something
	probability := func(version int) float64 { return 0.3 + float64(version)/100 }
	swapped := &swapping{}
	w := newWorld(t, 0, challengedBy(swapped))
	packs := map[string]float64{} // review threshold by pack version
	for i := range 5 {
		pack := packWithReview(t, fmt.Sprintf("0.4%d5", i))
		packs[pack.Version()] = 0.405 + float64(i)/100
		swapped.packs = append(swapped.packs, pack)
	}
	swapped.serve(w, 0)
	ctx, cancel := context.WithCancel(t.Context())
	var swapper, deciders sync.WaitGroup
	swapper.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			swapped.serve(w, i%versions)
		}
	})
	used := map[string]bool{}
	var mu sync.Mutex
	few := func() bool { mu.Lock(); defer mu.Unlock(); return len(used) < enough }
	for worker := range 4 {
		deciders.Go(func() {
			for n := worker; n < payments || few() && n < 100*payments; n += 4 { // a busy machine swaps seldom
				d, _, err := w.engine.Decide(t.Context(), live(payment(n, pix.Outbound)))
				if err != nil {
					t.Error(err)
					return
				}
				var version, shadow int
				if _, err := fmt.Sscanf(d.Scores[0].Version+" "+d.Shadow[0].Version, "v%d c%d", &version, &shadow); err != nil {
					t.Error(err)
				}
				want := pix.Approve
				if d.Scores[0].Probability >= packs[d.PolicyVersion] {
					want = pix.Review
				}
				if d.Scores[0].Probability != probability(version) || d.Shadow[0].Probability != probability(shadow) || d.Outcome != want {
					t.Errorf("%s: %s scored %v, %s scored %v, %s by %s", d.Outcome, d.Scores[0].Version, d.Scores[0].Probability,
						d.Shadow[0].Version, d.Shadow[0].Probability, want, d.PolicyVersion)
				}
				mu.Lock()
				used[d.ModelVersion()+" "+d.PolicyVersion] = true
				mu.Unlock()
			}
		})
	}
	deciders.Wait()
	cancel()
	swapper.Wait()
	if len(used) < enough {
		t.Errorf("only %d versions were seen: the test shows too little", len(used))
	}
}

// swapping serves one challenger and swaps everything that can be.
type swapping struct {
	current atomic.Pointer[[]engine.Model]
	packs   []*policy.Pack
}

// Challengers implements engine.Challengers.
func (s *swapping) Challengers(pix.Role) []engine.Model { return *s.current.Load() }

// serve puts a version of each in force.
func (s *swapping) serve(w *world, version int) {
	p := 0.3 + float64(version)/100
	s.current.Store(&[]engine.Model{&fakeModel{version: fmt.Sprint("c", version), probability: p}})
	w.models.set(pix.PayerRole, &fakeModel{version: fmt.Sprint("v", version), probability: p})
	w.policies.mu.Lock()
	defer w.policies.mu.Unlock()
	w.policies.pack = s.packs[version%len(s.packs)]
}

// packWithReview is the shipped pack with another threshold to hold.
func packWithReview(t *testing.T, threshold string) *policy.Pack {
	t.Helper()
	yaml := strings.Replace(string(enginetest.WithRoundThresholds(policy.Shipped())), "payer_review: 0.50", "payer_review: "+threshold, 1)
	pack, err := policy.Load([]byte(yaml), feature.Names())
	if err != nil {
		t.Fatal(err)
	}
	return pack
}
