package simulate

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/replay"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// The bound of the first honesty test: no feature alone finds more than this share of fraud at this rate of false
// alarms.
const (
	mostRecall = 0.35
	falseRate  = 0.001
)

// sample is one replayed payment.
type sample struct {
	vector []float64
	weight float64
	fraud  bool
	role   [2]bool // scored by payer, by receiver
}

// known runs a world for its truth and for the labels that a replay delivers when they arrive.
func known(p world.Params) (fraud map[pix.EndToEndID]bool, labels *replay.Labels) {
	fraud = map[pix.EndToEndID]bool{}
	var all []pix.Label
	w := world.New(p)
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		if e.Fraud {
			fraud[e.Submission.ID] = true
		}
		all = append(all, e.Labels()...)
	}
	return fraud, replay.NewLabels(all)
}

// replayed sends a world through the feature code as the scorer would have served it, labels and statuses at their
// time, with the truth beside.
func replayed(t *testing.T, p world.Params) []sample {
	t.Helper()
	fraud, labels := known(p)
	tokenizer, err := replay.NewTokenizer()
	if err != nil {
		t.Fatal(err)
	}
	var samples []sample
	player, err := replay.NewPlayer(replay.Config{Tokenizer: tokenizer, Labels: labels}, func(r *replay.Row) error {
		weight := r.Transaction.SamplingWeight
		if weight == 0 {
			weight = 1
		}
		samples = append(samples, sample{
			vector: slices.Clone(r.Vector), weight: weight, fraud: fraud[r.Transaction.ID],
			role: [2]bool{r.Transaction.Direction != pix.Inbound, r.Transaction.Direction != pix.Outbound},
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w := world.New(p)
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		for _, s := range w.Statuses() {
			if err := player.Status(t.Context(), &s); err != nil {
				t.Fatal(err)
			}
		}
		tx := tokenizer.Tokenize(&e.Submission)
		if err := player.Pay(t.Context(), &tx); err != nil {
			t.Fatal(err)
		}
	}
	if err := player.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := player.Stats(); s.Malformed.Lines+s.MalformedStatuses.Lines+s.Duplicates > 0 || len(samples) == 0 {
		t.Fatalf("%d samples, %+v", len(samples), s)
	}
	return samples
}

// scored is a value of one feature.
type scored struct {
	value, weight float64
	fraud         bool
}

// recallAt returns the share of fraud at or beyond the best threshold whose false alarms stay within rate, for a feature
// whose high values (direction 1) or low ones (-1) are suspect. Missing values come last, so that being missing is no
// alarm in either direction; it is tested as a value of its own.
func recallAt(samples []scored, direction, rate float64) float64 {
	sorted := slices.Clone(samples)
	slices.SortFunc(sorted, func(a, b scored) int {
		switch x, y := a.value*direction, b.value*direction; {
		case math.IsNaN(x) && math.IsNaN(y):
			return 0
		case math.IsNaN(x) || x < y:
			return 1
		case math.IsNaN(y) || x > y:
			return -1
		}
		return 0
	})
	var fraud, honest float64
	for _, s := range sorted {
		if s.fraud {
			fraud += s.weight
		} else {
			honest += s.weight
		}
	}
	var hits, alarms, best float64
	for i, s := range sorted {
		if s.fraud {
			hits += s.weight
		} else {
			alarms += s.weight
		}
		if math.IsNaN(s.value) || alarms > rate*honest {
			break
		}
		if i+1 == len(sorted) || sorted[i+1].value != s.value {
			best = hits
		}
	}
	return best / fraud
}

// bandSize is how many payments a band of values holds at least.
const bandSize = 40

// bands numbers the samples by bands of neighbouring values; equal values, and missing ones, share a band.
func bands(samples []scored) (band []int, count int) {
	order := make([]int, len(samples))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(samples[i].value, samples[j].value) })
	band, size := make([]int, len(samples)), 0
	for n, i := range order {
		if n > 0 && size >= bandSize && cmp.Compare(samples[order[n-1]].value, samples[i].value) != 0 {
			count, size = count+1, 0
		}
		band[i] = count
		size++
	}
	return band, count + 1
}

// recallOfBands ranks bands of values by the share of fraud in the first half of the samples and returns what share of
// the second half's fraud the best of them find. It sees what no threshold does: one telling value amid others.
func recallOfBands(samples []scored, rate float64) float64 {
	band, count := bands(samples)
	type sums struct{ fraud, honest float64 }
	learnt, tested := make([]sums, count), make([]sums, count)
	var total sums
	for i, s := range samples {
		to := &learnt[band[i]]
		if i >= len(samples)/2 {
			to = &tested[band[i]]
		}
		if s.fraud {
			to.fraud += s.weight
		} else {
			to.honest += s.weight
		}
	}
	ranked := make([]int, count)
	for i := range ranked {
		ranked[i] = i
		total.fraud, total.honest = total.fraud+tested[i].fraud, total.honest+tested[i].honest
	}
	share := func(i int) float64 { return learnt[i].fraud / (learnt[i].fraud + learnt[i].honest + 1) }
	slices.SortFunc(ranked, func(i, j int) int { return cmp.Compare(share(j), share(i)) })
	var hits, alarms float64
	for _, i := range ranked {
		if alarms += tested[i].honest; alarms > rate*total.honest {
			break
		}
		hits += tested[i].fraud
	}
	return hits / total.fraud
}

// TestBandsSeeOneTellingValue: a value of every second fraud amid those of honest payments.
func TestBandsSeeOneTellingValue(t *testing.T) {
	t.Parallel()
	var samples []scored
	for i := range 40_000 {
		s := scored{value: float64(i % 1009), weight: 1, fraud: i%100 == 0}
		if i%200 == 0 {
			s.value = 500.5
		}
		samples = append(samples, s)
	}
	if got := recallOfBands(samples, falseRate); got < 0.45 || got > 0.55 {
		t.Errorf("bands find %.3f, want about a half", got)
	}
	if got := max(recallAt(samples, 1, falseRate), recallAt(samples, -1, falseRate)); got > 0.05 {
		t.Errorf("thresholds find %.3f", got)
	}
}

// TestNoFeatureGivesFraudAway is the first honesty test. It holds for payments scored by the payer's side, for those
// scored by the receiver's and for all; in both directions, in bands of values, and for being missing.
func TestNoFeatureGivesFraudAway(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("replays 85,000 payments")
	}
	samples := replayed(t, world.Params{Seed: 11, Accounts: 6000, Days: 20, FraudBoost: 150})
	for side, name := range []string{"payer", "receiver", "all"} {
		worst, worstName, payments := 0.0, "", 0
		for k, f := range feature.Names() {
			values := make([]scored, 0, len(samples))
			missing := make([]scored, 0, len(samples))
			for _, s := range samples {
				if side < 2 && !s.role[side] {
					continue
				}
				v := scored{value: s.vector[k], weight: s.weight, fraud: s.fraud}
				values = append(values, v)
				if v.value = 0; math.IsNaN(s.vector[k]) {
					v.value = 1
				}
				missing = append(missing, v)
			}
			payments = len(values)
			recall := max(recallAt(values, 1, falseRate), recallAt(values, -1, falseRate), recallAt(missing, 1, falseRate),
				recallAt(missing, -1, falseRate), recallOfBands(values, falseRate))
			if recall > worst {
				worst, worstName = recall, f
			}
			if recall > mostRecall {
				t.Errorf("%s: %s alone finds %.2f of fraud at %.1f %% false alarms", name, f, recall, falseRate*100)
			}
		}
		t.Logf("%s: %d payments, strongest single feature %s: %.3f", name, payments, worstName, worst)
	}
}
