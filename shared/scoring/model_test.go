package scoring

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

func TestScoreRefusesWrongLength(t *testing.T) {
	t.Parallel()
	m := loadFixture(t, "gbdt")
	for _, n := range []int{0, 5, 7} {
		v := make([]float64, n)
		if raw, p, err := m.Score(v); err == nil || raw != 0 || p != 0 {
			t.Errorf("Score of %d values gave %v, %v, %v", n, raw, p, err)
		}
		if _, err := m.Explain(v, 3); err == nil {
			t.Errorf("Explain took %d values", n)
		}
		if _, err := m.Contributions(v, v); err == nil {
			t.Errorf("Contributions took %d values", n)
		}
	}
}

// TestScoreBatchIsScore compares bit for bit, for numbers of vectors around that of a block.
func TestScoreBatchIsScore(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 7))
	for _, name := range []string{"gbdt", "zero", "platt", "single"} {
		m := loadFixture(t, name)
		for _, n := range []int{0, 1, block - 1, block, block + 1, 5*block + 3} {
			vectors := make([][]float64, n)
			for i := range vectors {
				vectors[i] = randomVector(rng)
			}
			raw, p := slices.Repeat([]float64{7}, n), make([]float64, n) // what was there before is not added to
			if err := m.ScoreBatch(raw, p, vectors); err != nil {
				t.Fatal(err)
			}
			for i, v := range vectors {
				if wantRaw, wantP, err := m.Score(v); raw[i] != wantRaw || p[i] != wantP || err != nil {
					t.Fatalf("%s: vector %d of %d: %v, %v, one by one %v, %v (%v)", name, i, n, raw[i], p[i], wantRaw, wantP, err)
				}
			}
		}
		short := [][]float64{make([]float64, 5)}
		if err := m.ScoreBatch(make([]float64, 1), make([]float64, 1), short); err == nil {
			t.Error("a short vector was scored")
		}
		if err := m.ScoreBatch(make([]float64, 1), make([]float64, 2), make([][]float64, 2)); err == nil {
			t.Error("two vectors were scored into one place")
		}
	}
}

// TestProbability holds the calibration to what it promises: rising, and the model's own sigmoid where nothing was
// fitted.
func TestProbability(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gbdt", "platt"} {
		c := loadFixture(t, name).Manifest().Calibration
		last := 0.0
		for raw := -20.0; raw <= 20; raw += 0.25 {
			p := c.Probability(raw)
			if p < last || p < 0 || p > 1 {
				t.Fatalf("%s: probability of %v is %v after %v", name, raw, p, last)
			}
			last = p
		}
	}
	if p := loadFixture(t, "gbdt").Manifest().Calibration.Probability(0); p != 0.5 {
		t.Errorf("sigmoid of 0 is %v", p)
	}
}

// TestExplainOrder checks what a person reads: largest first, bounded, nothing that contributes nothing, values as
// served.
func TestExplainOrder(t *testing.T) {
	t.Parallel()
	m := loadFixture(t, "gbdt")
	v := []float64{5000, 3, 4, 1, math.NaN(), 0.9}
	all := make([]float64, len(v))
	if _, err := m.Contributions(all, v); err != nil {
		t.Fatal(err)
	}
	for _, top := range []int{-1, 0, 1, 3, 6, 100} {
		got, err := m.Explain(v, top)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > max(top, 0) || top >= len(v) && len(got) == 0 {
			t.Fatalf("top %d gave %d contributions", top, len(got))
		}
		for i, c := range got {
			if i > 0 && math.Abs(c.Contribution) > math.Abs(got[i-1].Contribution) {
				t.Errorf("top %d is not sorted: %v", top, got)
			}
			at := position(m, c.Feature)
			if c.Contribution != all[at] || !sameFloat(c.Value, v[at]) {
				t.Errorf("%s says %v for value %v, want %v for %v", c.Feature, c.Contribution, c.Value, all[at], v[at])
			}
		}
	}
}

func position(m *Model, feature string) int {
	for i, name := range m.Manifest().Features {
		if name == feature {
			return i
		}
	}
	return -1
}

func sameFloat(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

func TestSetWithoutModel(t *testing.T) {
	t.Parallel()
	var s Set
	for role, kind := range map[pix.Role]pix.Kind{
		pix.PayerRole: pix.Unavailable, pix.ReceiverRole: pix.Unavailable, "other": pix.Invalid,
	} {
		m, err := s.Model(role)
		if m != nil || pix.KindOf(err) != kind {
			t.Errorf("Model(%s) is %v, %v; want kind %v", role, m, err, kind)
		}
	}
}

func TestSetOfChallengers(t *testing.T) {
	t.Parallel()
	var s Set
	m := loadFixture(t, "gbdt")
	if got := s.Challengers(pix.PayerRole); got != nil {
		t.Errorf("an empty set has challengers %v", got)
	}
	if err := s.SetChallengers(pix.PayerRole, []*Model{m}); err != nil {
		t.Fatal(err)
	}
	for role, want := range map[pix.Role]int{pix.PayerRole: 1, pix.ReceiverRole: 0, "other": 0} {
		if got := s.Challengers(role); len(got) != want {
			t.Errorf("%s has challengers %v", role, got)
		}
	}
	for _, role := range []pix.Role{pix.ReceiverRole, "other"} {
		if err := s.SetChallengers(role, []*Model{m}); pix.KindOf(err) != pix.Invalid {
			t.Errorf("a payer model as challenger of %s gave %v", role, err)
		}
	}
}

// TestSwapUnderLoad swaps two versions while readers score: every decision must get its version and its score from the
// same model. Run with -race.
func TestSwapUnderLoad(t *testing.T) {
	t.Parallel()
	const readers, rounds = 4, 2000
	a, b := loadFixture(t, "gbdt"), loadFixture(t, "deep")
	v := []float64{5000, 3, 4, 1, 2, 0.9}
	want := map[string]float64{}
	for _, m := range []*Model{a, b} {
		raw, _, err := m.Score(v)
		if err != nil {
			t.Fatal(err)
		}
		want[m.Version()] = raw
	}
	if want["gbdt"] == want["deep"] {
		t.Fatal("the two models cannot be told apart")
	}
	var s Set
	if old, err := s.Swap(a); old != nil || err != nil {
		t.Fatalf("first Swap gave %v, %v", old, err)
	}
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			for range rounds {
				m, err := s.Model(pix.PayerRole)
				if err != nil {
					t.Error(err)
					return
				}
				raw, _, err := m.Score(v)
				if err != nil || raw != want[m.Version()] {
					t.Errorf("%s scores %v, want %v (%v)", m.Version(), raw, want[m.Version()], err)
					return
				}
			}
		})
	}
	for i := range rounds {
		next, before := b, a
		if i%2 == 1 {
			next, before = a, b
		}
		if old, err := s.Swap(next); old != before || err != nil {
			t.Errorf("Swap %d gave %v, %v", i, old, err)
			break
		}
	}
	wg.Wait()
}

// TestScoreDoesNotShareScratch explains from many goroutines at once.
func TestScoreDoesNotShareScratch(t *testing.T) {
	t.Parallel()
	m := loadFixture(t, "deep")
	v := []float64{5000, 3, 4, 1, 2, 0.9}
	want, err := m.Explain(v, 6)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				got, err := m.Explain(v, 6)
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Errorf("explanations differ (%v):\n%s", err, diff)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestGoesLeft states LightGBM's rules for each kind of missing value.
func TestGoesLeft(t *testing.T) {
	t.Parallel()
	nan, inf, tiny := math.NaN(), math.Inf(1), 5e-324
	for name, tc := range map[string]struct {
		decision  int
		threshold float64
		left      []float64
		right     []float64
	}{
		"none, threshold above 0": {0, 1, []float64{nan, 0, 1, -inf}, []float64{math.Nextafter(1, 2), inf}},
		"none, threshold below 0": {2, -1, []float64{-1, -inf}, []float64{nan, 0, inf, -tiny}},
		"zero goes left":          {4 | 2, -1, []float64{nan, 0, tiny, -nearZero, nearZero, -1}, []float64{1, -0.5}},
		"zero goes right":         {4, 1, []float64{1, -1, 1e-34}, []float64{nan, 0, -tiny, nearZero, 2}},
		"NaN goes left":           {8 | 2, 1, []float64{nan, 0, 1, -inf}, []float64{2, inf}},
		"NaN goes right":          {8, 1, []float64{0, 1}, []float64{nan, 2}},
		"threshold in the band":   {8, -nearZero, []float64{-1e-34}, []float64{-nearZero, -tiny, 0}},
		"threshold infinite":      {8, inf, []float64{inf, 0, -inf}, []float64{nan}},
	} {
		tr := &tree{
			feature: []int{0}, threshold: []float64{tc.threshold}, decision: []int{tc.decision}, left: []int{-1},
			right: []int{-2}, value: []float64{0, 1}, count: []int{1, 1}, splits: []int{2},
		}
		n := newNode(tr, 0)
		for _, v := range tc.left {
			if !n.goesLeft(v) {
				t.Errorf("%s: %v goes right", name, v)
			}
		}
		for _, v := range tc.right {
			if n.goesLeft(v) {
				t.Errorf("%s: %v goes left", name, v)
			}
		}
	}
}
