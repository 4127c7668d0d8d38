package world_test

import (
	"math"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// summary is what two seeds must agree on.
type summary struct {
	events, weight, fraudWeight, fraud, reported, inbound, outbound, night, lookAlike float64
	logAmount                                                                         float64
	typologies                                                                        map[pix.Typology]float64
	lookAlikes                                                                        map[world.LookAlike]float64
	late                                                                              float64 // first reports later than a day
}

// single counts the look-alikes of one payer each.
func (s summary) single() float64 {
	return s.lookAlike - s.lookAlikes[world.ShopOpening] - s.lookAlikes[world.StreetSeller] -
		s.lookAlikes[world.GiftCollection] - s.lookAlikes[world.NewSubscription]
}

func summarise(p world.Params) summary {
	s := summary{typologies: map[pix.Typology]float64{}, lookAlikes: map[world.LookAlike]float64{}}
	w := world.New(p)
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		s.events++
		s.weight += e.Weight
		s.logAmount += math.Log(float64(e.Submission.Amount))
		switch e.Submission.Direction {
		case pix.Inbound:
			s.inbound++
		case pix.Outbound:
			s.outbound++
		}
		if h := (e.Submission.EventTime.Hour() + 21) % 24; h < 6 {
			s.night++
		}
		if e.LookAlike != "" {
			s.lookAlike++
			s.lookAlikes[e.LookAlike]++
		}
		if !e.Fraud {
			continue
		}
		s.fraud++
		s.fraudWeight += e.Weight
		s.typologies[e.Typology]++
		if at := e.LabelAt(); !at.IsZero() {
			s.reported++
			if at.Sub(e.Submission.EventTime) > 24*time.Hour {
				s.late++
			}
		}
	}
	s.logAmount /= s.events
	return s
}

func TestTwoSeedsSameStatistics(t *testing.T) {
	t.Parallel()
	p := world.Params{Seed: 1, Accounts: 12_000, Days: 12, FraudBoost: 100}
	a := summarise(p)
	p.Seed = 2
	b := summarise(p)
	for _, c := range []struct {
		name   string
		a, b   float64
		within float64 // relative
	}{
		{"events", a.events, b.events, 0.05},
		{"mean log amount", a.logAmount, b.logAmount, 0.03},
		{"inbound", a.inbound / a.events, b.inbound / b.events, 0.08},
		{"outbound", a.outbound / a.events, b.outbound / b.events, 0.08},
		{"night", a.night / a.events, b.night / b.events, 0.1},
		// A fair or a new shop brings dozens of payments at once, so their number says little in so small a world.
		{"look-alikes", a.single() / a.events, b.single() / b.events, 0.25},
		{"fraud", a.fraud / a.events, b.fraud / b.events, 0.3},
		{"reported", a.reported / a.fraud, b.reported / b.fraud, 0.2},
	} {
		if math.Abs(c.a-c.b) > c.within*c.a {
			t.Errorf("%s: %.5g with one seed, %.5g with another", c.name, c.a, c.b)
		}
	}
}

// TestFraudRate holds the world to the published base rate of 6 to 8 per 100,000 payments, by weight, in a boosted world
// of a size in which that is known to a few percent. The unboosted world has the same launches.
func TestFraudRate(t *testing.T) {
	t.Parallel()
	s := summarise(world.Params{Seed: 7, Accounts: 14_000, Days: 25, FraudBoost: 100, DriftDay: -1})
	t.Logf("%.0f events, %+v", s.events, s)
	if rate := s.fraudWeight / s.weight * 100_000; rate < 6 || rate > 8 {
		t.Errorf("fraud rate %.2f per 100,000 payments, want 6 to 8", rate)
	}
	for _, typology := range world.Typologies() {
		if s.typologies[typology] < 10 {
			t.Errorf("%s: %.0f payments", typology, s.typologies[typology])
		}
	}
	for _, l := range world.LookAlikes() {
		if s.lookAlikes[l] < 30 {
			t.Errorf("%s: only %.0f payments", l, s.lookAlikes[l])
		}
	}
	if share := s.reported / s.fraud; share < 0.5 || share > 0.9 {
		t.Errorf("%.2f of fraud is reported", share)
	}
	if share := s.late / s.reported; share < 0.3 || share > 0.8 {
		t.Errorf("%.2f of reports are later than a day", share)
	}
}

// TestLookAlikesOutnumberFraud: beside each typology its look-alike, at ten times its rate at least.
func TestLookAlikesOutnumberFraud(t *testing.T) {
	t.Parallel()
	const boost = 100
	s := summarise(world.Params{Seed: 4, Accounts: 12_000, Days: 20, FraudBoost: boost, DriftDay: -1})
	for typology, lookAlike := range world.Pairs() {
		fraud, honest := s.typologies[typology]/boost, s.lookAlikes[lookAlike]
		if honest < 10*fraud {
			t.Errorf("%.0f payments of %s beside %.2f of %s", honest, lookAlike, fraud, typology)
		}
	}
	if len(world.Pairs()) != len(world.Typologies()) {
		t.Error("a typology without a look-alike")
	}
}

// TestWeightsKeepNeighboursRare: by weight, honest payments that touch a gang's accounts are as rare under a large boost
// as under a small one; counted, they are not.
func TestWeightsKeepNeighboursRare(t *testing.T) {
	t.Parallel()
	near := func(boost float64) (weighted, plain float64) {
		w := world.New(world.Params{Seed: 6, Accounts: 20_000, Days: 15, FraudBoost: boost})
		marked := map[int32]bool{}
		total, n := 0.0, 0.0
		for e, ok := w.Next(); ok; e, ok = w.Next() {
			total, n = total+e.Weight, n+1
			if !e.Fraud && (marked[e.Payer] || marked[e.Payee]) {
				weighted, plain = weighted+e.Weight, plain+1
			}
			if e.PayeeRole == world.Mule {
				marked[e.Payee] = true
			}
		}
		return weighted / total, plain / n
	}
	small, countedSmall := near(10)
	large, countedLarge := near(100)
	if large > 1.7*small || large < small/1.7 || countedLarge < 4*countedSmall {
		t.Errorf("near a mule: by weight %.6f and %.6f, counted %.6f and %.6f", small, large, countedSmall, countedLarge)
	}
}

// TestVolume checks that the rate of payments that the seat sees follows from the parameters.
func TestVolume(t *testing.T) {
	t.Parallel()
	p := world.Params{Seed: 3, Accounts: 10_000, Days: 7, PaymentsPerAccountPerDay: 1.2, OurShare: 0.35}
	s := summarise(p)
	want := 10_000 * 7 * 1.2 * (1 - 0.65*0.65)
	if math.Abs(s.events-want) > 0.1*want {
		t.Errorf("%.0f events, want about %.0f", s.events, want)
	}
}

// TestDrift: the newest typologies begin on their day and not before.
func TestDrift(t *testing.T) {
	t.Parallel()
	const day = 7
	w := world.New(world.Params{Seed: 2, Accounts: 6000, Days: 14, FraudBoost: 400, DriftDay: day, BreachDay: -1})
	var start time.Time
	newest := 0
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		if start.IsZero() {
			start = e.Submission.EventTime.Truncate(time.Hour)
		}
		switch e.Typology {
		case pix.MEDAbuse, pix.AutomaticAbuse:
			newest++
			if e.Submission.EventTime.Sub(start) < (day-1)*24*time.Hour {
				t.Errorf("%s on %s", e.Typology, e.Submission.EventTime)
			}
		case pix.InstitutionBreach:
			t.Error("a breach in a world without one")
		}
	}
	if newest < 5 {
		t.Errorf("%d of the newest typologies", newest)
	}
}

// TestBreachNight: large amounts in the small hours from one institution, and money that moves on.
func TestBreachNight(t *testing.T) {
	t.Parallel()
	w := world.New(world.Params{Seed: 5, Accounts: 60_000, Days: 3, BreachDay: 2, OurShare: 1})
	n, total, onward := 0, 0.0, 0
	payers := map[pix.ISPB]bool{}
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		if e.Typology != pix.InstitutionBreach {
			continue
		}
		if e.Weight >= 0.01 {
			t.Fatalf("a payment of a breach weighs %g", e.Weight)
		}
		if e.Layer > 0 {
			onward++
			continue
		}
		n++
		total += float64(e.Submission.Amount) / 100
		payers[e.Submission.PayerFacts.ISPB] = true
		if hour := (e.Submission.EventTime.Hour() + 21) % 24; hour < 1 || hour > 4 {
			t.Errorf("at %d o'clock", hour)
		}
	}
	if n < 40 || total/float64(n) < 5e5 || onward < 20 || len(payers) != 1 {
		t.Errorf("%d payments of R$ %.0f from %d institutions, %d onward", n, total/float64(n), len(payers), onward)
	}
}
