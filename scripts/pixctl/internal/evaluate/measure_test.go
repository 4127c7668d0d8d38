package evaluate

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	hour = 3_600_000_000
	day  = 24 * hour
	noon = 20_000*day + 12*hour // of a local day, from 09:00 local on
)

var near = cmpopts.EquateApprox(0, 1e-12)

// rows builds a sample of one account each, scores as given; a capital F is a fraud.
func sampleOf(scores []float64, frauds string) *sample {
	s := newSample()
	for i, raw := range scores {
		s.rows = append(s.rows, row{
			at: noon + int64(i), raw: raw, probability: raw, amount: float64(10 * (i + 1)), weight: 1,
			account: s.accounts.id(string(rune('a' + i))), typology: none, lookAlike: none,
			fraud: frauds[i] == 'F', mule: frauds[i] == 'F',
		})
	}
	return s
}

// ranked is fraud, legitimate, a tie of both, fraud, three legitimate; amounts R$ 10 to R$ 80.
func ranked() *sample {
	return sampleOf([]float64{0.9, 0.8, 0.7, 0.7, 0.6, 0.3, 0.2, 0.1}, "F.F.F...")
}

func items(s *sample) []item {
	var out []item
	for _, n := range s.byScore() {
		r := &s.rows[n]
		out = append(out, item{r.raw, r.weight, r.amount, r.fraud})
	}
	return out
}

func TestAreas(t *testing.T) {
	t.Parallel()
	s := ranked()
	precision, roc := areas(s, s.byScore(), s.totals())
	// Steps: (1/3)·1 at 0.9, (1/3)·(2/4) at 0.7, (1/3)·(3/5) at 0.6.
	// Of 15 pairs 0.9 wins 5, 0.7 wins 3 and ties 1, 0.6 wins 3.
	if want := (1 + 0.5 + 0.6) / 3; math.Abs(precision-want) > 1e-12 {
		t.Errorf("average precision %v, want %v", precision, want)
	}
	if want := (5 + 3.5 + 3) / 15; math.Abs(roc-want) > 1e-12 {
		t.Errorf("area under the ROC curve %v, want %v", roc, want)
	}
}

func TestAtFPR(t *testing.T) {
	t.Parallel()
	s := ranked()
	for _, c := range []struct {
		level float64
		want  Point
	}{
		{0.19, Point{Threshold: 0.9, Recall: 1.0 / 3, Precision: 1, BRLRecall: 10.0 / 90, Alerts: 12_500}},
		{0.2, Point{Threshold: 0.8, Recall: 1.0 / 3, Precision: 0.5, BRLRecall: 10.0 / 90, Alerts: 25_000}},
		{0.4, Point{Threshold: 0.6, Recall: 1, Precision: 0.6, BRLRecall: 1, Alerts: 62_500}},
	} {
		c.want.FPR = c.level
		if diff := cmp.Diff(c.want, at(items(s), s.totals(), c.level), near); diff != "" {
			t.Errorf("at %v (-want +got):\n%s", c.level, diff)
		}
	}
	worst := sampleOf([]float64{2, 1}, ".F")
	if p := at(items(worst), worst.totals(), 0.5); p.Threshold <= 2 || p.Recall != 0 {
		t.Errorf("no threshold is strict enough, got %+v", p)
	}
}

func TestWeightsStandForRows(t *testing.T) {
	t.Parallel()
	s, repeated := ranked(), newSample()
	for i := range s.rows {
		s.rows[i].weight = float64(1 + i%3)
		for range 1 + i%3 {
			r := s.rows[i]
			r.weight = 1
			repeated.rows = append(repeated.rows, r)
		}
	}
	for _, level := range []float64{0.1, 0.3, 0.6} {
		weighted, whole := at(items(s), s.totals(), level), at(items(repeated), repeated.totals(), level)
		if diff := cmp.Diff(whole, weighted, near); diff != "" {
			t.Errorf("at %v (-rows +weights):\n%s", level, diff)
		}
	}
}

// TestBudgetCarriesOver gives half an alert a day: the second day takes one payment, the fourth another.
func TestBudgetCarriesOver(t *testing.T) {
	t.Parallel()
	s := sampleOf([]float64{9, 1, 8, 2, 7, 3, 6, 4}, "..F...F.")
	for i := range s.rows {
		s.rows[i].at = noon + int64(i/2)*day
	}
	d := newDesk(s, orderScore, s.byScore())
	got := d.spend(s, 25_000, once, s.totals())
	want := Budget{Per100k: 25_000, Order: orderScore, Alerts: 2, Precision: 1, Recall: 1, BRL: 100, BRLRecall: 1}
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	byAmount := newDesk(s, orderLoss, s.byLoss()).spend(s, 50_000, once, s.totals())
	// 9·10, 8·30, 7·50 and 6·70 lead their days; the frauds among them are R$ 30 and R$ 70.
	if byAmount.BRL != 100 || byAmount.Alerts != 4 {
		t.Errorf("by expected loss: %+v", byAmount)
	}
}

func TestTopDaily(t *testing.T) {
	t.Parallel()
	// Account a is robbed on day 0, reported that day, and scores highest again on day 1, where it no longer counts.
	s := newSample()
	add := func(d int64, account string, raw float64, fraud bool, arrived int64) {
		s.rows = append(s.rows, row{
			at: noon + d*day, raw: raw, weight: 1, amount: 1, account: s.accounts.id(account), fraud: fraud, arrived: arrived,
			typology: none, lookAlike: none,
		})
	}
	add(0, "a", 5, true, noon+hour)
	add(0, "b", 4, false, 0)
	add(0, "c", 1, true, 0)
	add(1, "a", 9, true, 0)
	add(1, "b", 3, false, 0)
	add(1, "d", 2, true, 0)
	want := TopDaily{K: 1, Precision: 0.5, Recall: 1.0 / 3, Days: 2}
	if diff := cmp.Diff(want, topDaily(s, 1), near); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestMulesBeforeTheirThirdFraud has a mule whose score rises with the second fraud and one that shows at the third.
func TestMulesBeforeTheirThirdFraud(t *testing.T) {
	t.Parallel()
	s := newSample()
	add := func(account string, fraud bool, raw float64) {
		s.rows = append(s.rows, row{
			at: noon + int64(len(s.rows)), raw: raw, weight: 1, account: s.accounts.id(account), fraud: fraud, mule: fraud,
		})
	}
	for range 3 {
		add("honest", false, 1)
	}
	add("early", true, 0)
	add("early", true, 5)
	add("early", true, 5)
	add("late", true, 0)
	add("late", true, 0)
	add("late", true, 9)
	add("once", true, 0)
	got := newMuleTable(s, s.byTime()).report(s)
	want := &Mules{
		FPR: muleFPR, Threshold: 5, Accounts: 4, Mules: 3, BeforeThird: 1.0 / 3, Ever: 2.0 / 3, Once: 1, Repeated: 0.5,
	}
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCalibrate(t *testing.T) {
	t.Parallel()
	s := sampleOf([]float64{0.2, 0.2, 0.02, 0.5}, "F..F")
	got := calibrate(s)
	// Bins: [0.01,0.03) expects 0.02 and sees 0; [0.1,0.3) expects 0.4 and sees 1; [0.3,1) expects 0.5 and sees 1.
	want := Calibrate{Brier: (0.64 + 0.04 + 0.0004 + 0.25) / 4, ECE: (0.02 + 0.6 + 0.5) / 4, Expected: 0.92, Observed: 2}
	got.Bins = nil
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDelays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		arrived int64
		want    string
	}{
		{0, "never reported"}, {noon + day, "within 1 day"}, {noon + day + 1, "1 to 7 days"}, {noon + 30*day, "7 to 30 days"},
		{noon + 81*day, "after 80 days"},
	} {
		if got := delays()[delayClass(&row{at: noon, arrived: c.arrived, fraud: true})]; got != c.want {
			t.Errorf("report after %d µs is %q, want %q", c.arrived-noon, got, c.want)
		}
	}
}

// TestDaysAreLocal puts 02:59 UTC into the day before and 03:00 UTC into the new one.
func TestDaysAreLocal(t *testing.T) {
	t.Parallel()
	before, after := row{at: 20_000*day + 3*hour - 1}, row{at: 20_000*day + 3*hour}
	if before.day() != 19_999 || after.day() != 20_000 {
		t.Errorf("days %d and %d", before.day(), after.day())
	}
}

func TestDrawTimesIsPoisson(t *testing.T) {
	t.Parallel()
	times := make([]float64, 200_000)
	drawTimes(times, 7, 3, poissonSteps())
	var sum, squares float64
	for _, v := range times {
		sum += v
		squares += v * v
	}
	mean := sum / float64(len(times))
	if variance := squares/float64(len(times)) - mean*mean; math.Abs(mean-1) > 0.01 || math.Abs(variance-1) > 0.02 {
		t.Errorf("mean %v, variance %v, want 1 and 1", mean, variance)
	}
}

// TestAnInterruptionEndsTheBootstrap, whose replicates take by far the longest.
func TestAnInterruptionEndsTheBootstrap(t *testing.T) {
	t.Parallel()
	s, err := read(t.Context(), "testdata/payer.parquet", nil, window{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := measure(ctx, s, settings{budget: 50, top: 10, replicates: 10_000}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
